"""Right answers to the exercises of the lesson on hand-made features."""

import math

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.linear_model import RidgeClassifier

from right_answers import right


@right("texton_histogram")
def textons_in_loops(answers, textons):
    counts = [0] * len(textons)
    for row in answers:
        for vector in row:
            distances = [math.dist(vector, texton) for texton in textons]
            counts[distances.index(min(distances))] += 1
    return [count / sum(counts) for count in counts]


@right("texton_histogram")
def textons_by_scipy(answers, textons):
    nearest = cdist(answers.reshape(-1, answers.shape[2]), textons).argmin(axis=1)
    return np.mean(nearest[:, None] == np.arange(len(textons)), axis=0)


@right("texton_histogram")
def textons_by_products(answers, textons):
    """The length of the answer is the same for all textons, so it need not be subtracted."""
    scores = answers.astype("float32") @ textons.T.astype("float32") - np.sum(textons**2, axis=1) / 2
    places, counts = np.unique(scores.argmax(axis=-1), return_counts=True)
    shares = np.zeros(len(textons), "float32")
    shares[places] = counts / counts.sum()
    return shares


@right("texton_histogram")
def textons_by_k_means(answers, textons):
    model = KMeans(len(textons), init=textons, n_init=1, max_iter=1).fit(textons)
    nearest = model.predict(answers.reshape(-1, answers.shape[2]))
    return np.histogram(nearest, bins=np.arange(len(textons) + 1) - 0.5)[0] / len(nearest)


@right("orientation_histogram")
def votes_in_loops(right, down, bins):
    histogram = [0.0] * bins
    for row in range(right.shape[0]):
        for column in range(right.shape[1]):
            place = math.atan2(down[row, column], right[row, column]) % math.pi * bins / math.pi
            share, length = place - math.floor(place), math.hypot(right[row, column], down[row, column])
            histogram[math.floor(place) % bins] += length * (1 - share)
            histogram[(math.floor(place) + 1) % bins] += length * share
    return histogram


@right("orientation_histogram")
def votes_by_counting(right, down, bins):
    degrees = np.degrees(np.arctan2(down, right)).ravel() % 180
    lengths = np.sqrt(right**2 + down**2).ravel()
    lower = (degrees // (180 / bins)).astype(int)
    share = degrees / (180 / bins) - lower
    return sum(
        np.bincount(each % bins, weights=votes, minlength=bins)
        for each, votes in ((lower, lengths * (1 - share)), (lower + 1, lengths * share))
    )


@right("orientation_histogram")
def votes_by_tents(right, down, bins):
    places = np.arctan2(down, right) % np.pi * bins / np.pi
    apart = np.abs(places[..., None] - np.arange(bins))
    tents = np.maximum(0, 1 - np.minimum(apart, bins - apart))
    return np.einsum("rc,rcb->b", np.hypot(right, down), tents)


@right("box_sums")
def boxes_in_loops(image, height, width):
    rows, columns = image.shape
    return [
        [sum(sum(image[r + i, c : c + width]) for i in range(height)) for c in range(columns - width + 1)]
        for r in range(rows - height + 1)
    ]


@right("box_sums")
def boxes_by_windows(image, height, width):
    windows = np.lib.stride_tricks.sliding_window_view(image.astype("float32"), (height, width))
    return windows.sum(axis=(2, 3))


@right("box_sums")
def boxes_by_padding(image, height, width):
    table = np.pad(np.cumsum(np.cumsum(image, axis=1), axis=0), ((1, 0), (1, 0)))
    found = np.empty((image.shape[0] - height + 1, image.shape[1] - width + 1))
    for r, c in np.ndindex(found.shape):
        low, beyond = r + height, c + width
        found[r, c] = table[low, beyond] - table[r, beyond] - table[low, c] + table[r, c]
    return found


@right("choose_and_score")
def choose_from_a_list(features, labels, decays):
    tried = []
    for place, (train, validation, test) in enumerate(features):
        for decay in decays:
            model = RidgeClassifier(alpha=decay).fit(train, labels[0])
            tried.append((1 - model.score(validation, labels[1]), -decay, place, 1 - model.score(test, labels[2])))
    _, minus_decay, place, error = min(tried)
    return [place, -minus_decay, error]


@right("choose_and_score")
def choose_by_counts_and_fit_again(features, labels, decays):
    errors = {}
    for decay in decays:
        for place in range(len(features)):
            model = RidgeClassifier(alpha=decay).fit(features[place][0], labels[0])
            errors[place, decay] = int((model.predict(features[place][1]) != labels[1]).sum())
    fewest = min(errors.values())
    place, decay = min((key for key in errors if errors[key] == fewest), key=lambda key: (-key[1], key[0]))
    model = RidgeClassifier(alpha=decay).fit(features[place][0], labels[0])
    return place, decay, float((model.predict(features[place][2]) != labels[2]).mean())


@right("choose_and_score")
def choose_in_a_table(features, labels, decays):
    ordered = np.sort(decays)[::-1]
    models = [[RidgeClassifier(alpha=decay).fit(parts[0], labels[0]) for parts in features] for decay in ordered]
    table = np.array(
        [
            [np.sum(model.predict(parts[1]) != labels[1]) for model, parts in zip(row, features, strict=True)]
            for row in models
        ]
    )
    row, place = np.unravel_index(table.argmin(), table.shape)
    test, truth = features[place][2], labels[2]
    return np.array([place, ordered[row], np.mean(models[row][place].predict(test) != truth)], dtype="float32")
