"""Exercises of lesson 08_hand_made_features."""

from __future__ import annotations

import functools
import math

import numpy as np
from scipy import signal
from scipy.spatial.distance import cdist

from course_lib.data import mnist_5k
from course_lib.exercises.spec import exercise

LESSON = "08_hand_made_features"


# How often is each texton the nearest?


@exercise(lesson=LESSON, points=2)
def texton_histogram(answers, textons):
    nearest = cdist(answers.reshape(-1, answers.shape[-1]), textons).argmin(axis=1).tolist()
    return [nearest.count(place) / len(nearest) for place in range(len(textons))]


texton_histogram.hints = (
    "Make a list of vectors of the map first: answers.reshape(-1, detectors).",
    "flat[:, None] - textons has the shape (places, number, detectors). Squares, summed over the last axis, argmin.",
    "np.bincount(nearest, minlength=len(textons)) counts also those that never occur; divide by the number of places.",
)


@texton_histogram.cases
def _(rng):
    # the second texton is long: its dot product with everything is large
    yield (
        np.array([[[1.0, 0.0], [0.8, 0.3]], [[0.0, 1.0], [5.0, 0.2]]]),
        np.array([[1.0, 0.0], [6.0, 0.0], [0.0, 1.0], [-9.0, 0.0]]),
    )
    # the sum of squares decides: the largest difference would choose the first, the sum of absolute ones the last
    yield np.zeros((1, 2, 3)), np.array([[1.0, -1.0, 1.0], [1.05, 1.05, 0.0], [1.6, 0.0, 0.1]])
    for height, width, detectors, number in ((2, 3, 2, 3), (4, 3, 3, 5), (6, 8, 4, 6)):
        textons = rng.normal(size=(number, detectors)) * rng.uniform(0.4, 2.5, size=(number, 1))
        textons[-1] = 30  # never the nearest
        places = rng.integers(number - 1, size=(height, width))
        yield textons[places] + rng.normal(0, 0.5, size=(height, width, detectors)), textons


@texton_histogram.known_mistakes
def _(answers, textons):
    flat, number = answers.reshape(-1, answers.shape[-1]), len(textons)
    squares = np.sum((flat[:, None] - textons) ** 2, axis=-1)
    nearest = squares.argmin(axis=1)

    def shares(places):
        return np.bincount(places, minlength=number) / len(flat)

    yield (
        "These are counts. Divide by the number of places, so that patches of other sizes can be compared.",
        shares(nearest) * len(flat),
    )
    yield (
        "You take the largest dot product as the nearest. A long texton has large ones with all: use distances.",
        shares((flat @ textons.T).argmax(axis=1)),
    )
    yield "You took the farthest texton of each place.", shares(squares.argmax(axis=1))
    yield "Textons that never occur are missing: give np.bincount a minlength.", np.bincount(nearest) / len(flat)
    yield (
        "You divide by the number of textons. Shares of places add up to 1.",
        shares(nearest) * len(flat) / number,
    )
    yield (
        "You found for each texton the nearest place. Each place looks for its nearest texton.",
        np.bincount(squares.argmin(axis=0), minlength=len(flat))[:number] / number,
    )
    yield "That is the map of the nearest textons. How often each occurs is asked.", nearest.reshape(answers.shape[:2])
    yield (
        "You added up the differences before squaring: unlike ones cancel. Square each, then add.",
        shares(np.abs(np.sum(flat[:, None] - textons, axis=-1)).argmin(axis=1)),
    )
    yield (
        "You add up absolute differences. The nearest has the smallest sum of squares.",
        shares(np.sum(np.abs(flat[:, None] - textons), axis=-1).argmin(axis=1)),
    )
    soft = np.exp(-(squares - squares.min(axis=1, keepdims=True)))
    yield (
        "You let every place vote for all textons. Only the nearest gets its vote.",
        np.mean(soft / soft.sum(axis=1, keepdims=True), axis=0),
    )


# The histogram of one cell


@exercise(lesson=LESSON, points=3, atol=1e-4, rtol=1e-4)
def orientation_histogram(right, down, bins):
    """Pixel by pixel: each bin gets what its distance, round the half circle, leaves of a vote."""
    histogram, width = [0.0] * bins, 180 / bins
    for across, along in zip(np.ravel(right).tolist(), np.ravel(down).tolist(), strict=True):
        angle = math.degrees(math.atan2(along, across)) % 180
        for place in range(bins):
            apart = abs(angle - place * width)
            apart = min(apart, 180 - apart)
            histogram[place] += math.hypot(across, along) * max(0.0, 1 - apart / width)
    return histogram


orientation_histogram.hints = (
    "np.hypot gives the lengths. np.arctan2(down, right) gives directions from -π to π; % np.pi brings them to 0 to π.",
    "In units of a bin: places = direction / (np.pi / bins). The lower bin is np.floor(places); how far beyond it is "
    "the arrow, and so how much does the upper one get?",
    "np.add.at(histogram, bin_numbers, votes) adds up votes for the same bin; take the upper bin modulo bins.",
)


@orientation_histogram.cases
def _(rng):
    yield np.array([[1.0]]), np.array([[0.0]]), 4
    yield np.array([[-1.0, 2.0]]), np.array([[-1.0, 0.5]]), 4
    yield np.array([[3.0, 0.0]]), np.array([[-0.2, 2.0]]), 6  # just below 180 degrees: the last bin and bin 0
    yield np.zeros((2, 2)), np.zeros((2, 2)), 5
    for height, width, bins in ((2, 3, 4), (4, 4, 9), (3, 5, 7)):
        yield rng.normal(size=(height, width)), rng.normal(size=(height, width)), bins
    corner = -np.pi / 9 * rng.uniform(0.1, 0.9, size=(3, 3))
    lengths = rng.uniform(0.5, 2, size=(3, 3))
    yield lengths * np.cos(corner), lengths * np.sin(corner), 9


def _votes(lengths, directions, bins, turn=np.pi):
    places = directions % turn * (bins / turn)
    lower = np.floor(places).astype(int)
    share, histogram = places - lower, np.zeros(bins)
    np.add.at(histogram, lower % bins, lengths * (1 - share))
    np.add.at(histogram, (lower + 1) % bins, lengths * share)
    return histogram


@orientation_histogram.known_mistakes
def _(right, down, bins):
    right, down = np.ravel(right), np.ravel(down)
    lengths, directions = np.hypot(right, down), np.arctan2(down, right)
    correct = _votes(lengths, directions, bins)
    places = directions % np.pi * (bins / np.pi)
    lower = np.floor(places).astype(int)
    yield (
        "Your bins cover a whole turn. Directions count without sign: modulo 180°.",
        _votes(lengths, directions, bins, 2 * np.pi),
    )
    yield (
        "Right and down are exchanged: the direction is np.arctan2(down, right).",
        _votes(lengths, np.arctan2(right, down), bins),
    )
    yield "Each pixel votes with its length, you count pixels.", _votes(np.ones_like(lengths), directions, bins)
    yield "Each pixel votes with its length, you square it.", _votes(lengths**2, directions, bins)
    yield (
        "Each vote goes to one bin. It is shared between the two nearest.",
        np.bincount(lower % bins, lengths, minlength=bins),
    )
    yield (
        "Each vote goes to the nearest bin. It is shared between the two nearest.",
        np.bincount(np.round(places).astype(int) % bins, lengths, minlength=bins),
    )
    share = places - lower
    exchanged = np.bincount(lower % bins, lengths * share, minlength=bins) + np.bincount(
        (lower + 1) % bins, lengths * (1 - share), minlength=bins
    )
    yield "The shares are exchanged: the nearer bin gets the larger share.", exchanged
    lost = np.bincount(lower % bins, lengths * (1 - share), minlength=bins)
    inside = lower + 1 < bins
    lost = lost + np.bincount((lower + 1)[inside], (lengths * share)[inside], minlength=bins)
    yield "What belongs to bin 0 beyond the last bin is lost: take the upper bin modulo the number of bins.", lost
    with np.errstate(all="ignore"):
        yield (
            "You divide by the sum. The votes themselves are asked; blocks are divided later.",
            correct / correct.sum(),
        )
        yield (
            "You divide by the length of the histogram. The votes themselves are asked; blocks are divided later.",
            correct / np.linalg.norm(correct),
        )
    yield (
        "Bin i stands at i · 180°/n, not half a bin further.",
        _votes(lengths, directions - np.pi / bins / 2, bins),
    )
    yield "You divide by the number of pixels. The sum of the votes is asked.", correct / lengths.size
    yield (
        "np.add.at is needed, or np.bincount: histogram[bins] += votes keeps only the last vote for a bin.",
        _last_votes(lengths, places, bins),
    )
    yield (
        "The direction must not lose its sign: down and right of unlike signs point another way than of like ones.",
        _votes(lengths, np.arctan2(np.abs(down), np.abs(right)), bins),
    )


def _last_votes(lengths, places, bins):
    lower = np.floor(places).astype(int)
    histogram = np.zeros(bins)
    histogram[lower % bins] += lengths * (1 - places + lower)
    histogram[(lower + 1) % bins] += lengths * (places - lower)
    return histogram


# All boxes of a size


@exercise(lesson=LESSON, points=2)
def box_sums(image, height, width):
    return signal.correlate(np.asarray(image, dtype=float), np.ones((height, width)), mode="valid", method="direct")


box_sums.hints = (
    "S has one row and one column more than the picture: row 0 and column 0 are zeros. Inside, two cumulated sums.",
    "The box from row r to r + h and column c to c + w: S at its lower right corner, minus the strip above, minus the "
    "strip to the left. What was taken away twice?",
    "With slices for all corners at once: S[height:, width:] - S[:-height, width:] - S[height:, :-width] + ...",
)


@box_sums.cases
def _(rng):
    yield np.array([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]]), 1, 2
    for rows, columns, height, width in ((3, 4, 2, 3), (5, 4, 3, 1), (4, 6, 4, 2), (6, 7, 2, 5)):
        yield rng.normal(size=(rows, columns)), height, width
    yield rng.integers(0, 9, size=(3, 3)).astype(float), 3, 3
    yield rng.normal(size=(4, 5)), 1, 1


@box_sums.known_mistakes
def _(image, height, width):
    table = np.zeros((image.shape[0] + 1, image.shape[1] + 1))
    table[1:, 1:] = image.cumsum(axis=0).cumsum(axis=1)
    low, above, beside = table[height:, width:], table[:-height, width:], table[height:, :-width]
    both = table[:-height, :-width]
    yield "What lies above and to the left is taken away twice: add it once.", low - above - beside
    yield "The strip above is not taken away.", low - beside + both
    yield "The strip to the left is not taken away.", low - above + both
    yield "What lies above and to the left must be added once, not taken away once more.", low - above - beside - both
    yield "These are means. Sums are asked.", (low - above - beside + both) / (height * width)
    yield "That is the integral image itself. Four of its numbers make a box.", table[1:, 1:]
    yield (
        "Height and width are exchanged.",
        signal.correlate(image, np.ones((width, height)), mode="valid")
        if width <= image.shape[0] and height <= image.shape[1]
        else np.zeros((0, 0)),
    )
    yield (
        "Boxes that stick out of the picture are in it. Only whole boxes count.",
        signal.correlate(image, np.ones((height, width)), mode="full"),
    )
    padded = np.pad(image, 1)
    yield (
        "Your boxes are a pixel too wide and too high.",
        signal.correlate(padded[1:, 1:], np.ones((height + 1, width + 1)), mode="valid"),
    )


# Choose before you look


@functools.cache
def _real():
    """Pixels, means of 4 x 4 and four directions in cells of 7 x 7 of 360 digits, and their labels."""
    digits = mnist_5k()
    images, labels = digits.train.images[:360, ..., 0].astype(float), digits.train.labels[:360]
    down, right = np.gradient(images, axis=(1, 2))
    places = np.arctan2(down, right) % np.pi * (4 / np.pi)
    maps = np.stack([np.hypot(down, right) * (np.floor(places) % 4 == k) for k in range(4)], axis=-1)
    cells = maps.reshape(-1, 4, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(360, -1)
    coarse = images.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(360, -1)
    return (images[:, 4:24:2, 4:24:2].reshape(360, -1), coarse, cells), labels


@exercise(lesson=LESSON, points=4)
def choose_and_score(features, labels, decays):
    tried = []
    for place, parts in enumerate(features):
        for decay in decays:
            _, wrong, test_error = _errors(parts, labels, decay)
            tried.append((wrong, -decay, place, test_error))
    _, minus_decay, place, error = min(tried)
    return place, -minus_decay, error


def _errors(parts, labels, decay):
    """On all parts, of the least squares of inputs, targets and weights together, as one list of equations."""
    inputs, classes = parts[0], np.unique(labels[0])
    targets = np.where(labels[0][:, None] == classes, 1.0, -1.0)
    middle, goal = inputs.mean(axis=0), targets.mean(axis=0)
    rows = np.concatenate([inputs - middle, np.sqrt(decay) * np.eye(inputs.shape[1])])
    answers = np.concatenate([targets - goal, np.zeros((inputs.shape[1], len(classes)))])
    weights = np.linalg.lstsq(rows, answers, rcond=None)[0]
    read = [classes[((part - middle) @ weights + goal).argmax(axis=1)] for part in parts]
    return [float(np.mean(answer != true)) for answer, true in zip(read, labels, strict=True)]


choose_and_score.results = ("Chosen features", "Chosen decay", "Test error")
choose_and_score.hints = (
    "Two loops, over features and over decays. Keep of the best: its validation errors, place, decay and model.",
    "Go through the decays from the largest down; only strictly fewer errors replace the best.",
    "The test part is used once, after both loops, with the model that was kept: it has learnt from the training part.",
)


def _plain():
    """One number each, whose sign is read. The second features misread a pair both ways, the others three one way."""
    train, labels = np.array([[-1.0], [-1.0], [1.0], [1.0]]), (0, 0, 0, 0, 1, 1, 1, 1)
    read = {
        "validation": [(0, 0, 0, 0, 0, 0, 0, 1), (1, 0, 0, 0, 0, 1, 1, 1), (1, 1, 1, 0, 1, 1, 1, 1)],
        "test": [(0, 0, 0, 1, 1, 1, 1, 0), (1, 1, 1, 0, 0, 0, 1, 1), (0, 0, 0, 0, 1, 1, 1, 0)],
    }
    features = [(train, *(2.0 * np.array(read[part][place])[:, None] - 1 for part in read)) for place in range(3)]
    return features, (np.array([0, 0, 1, 1]), np.array(labels), np.array(labels)), (1.0, 10.0, 0.1)


def _tied():
    """A faint number and a loud one each: a small decay reads the faint, a large one the loud.

    The first features with the small decay and the second with the large one have as few validation errors.
    """
    signs = np.array([-1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0])

    def part(faint, loud):
        """Both have the signs of the classes, but at these places."""
        columns = [signs * (1 - 2 * np.isin(np.arange(8), places)) for places in (faint, loud)]
        return np.stack([0.1 * columns[0], columns[1]], axis=1)

    first = part([], [3, 4]), part([0], [1, 2, 5]), part([6], [0, 1, 2, 4])
    second = part([], [3]), part([0, 1, 4, 5, 6], [7]) * np.where(signs < 0, 5, 1)[:, None], part([2, 6], [5])
    second[2][0, 1] = -0.5  # read rightly; whoever learns from the validation part, too, misreads it
    return [first, second], ((signs > 0).astype(int),) * 3, (1e-4, 100.0)


def _case(rng, examples, classes, decays):
    """Features that training, validation and test part would choose differently, and a twin of the right ones."""
    labels = tuple(rng.permutation(np.arange(number) % classes) for number in examples)

    def drawn(noises, middles):
        return tuple(
            middles[true] + noise * rng.normal(size=(len(true), 6)) for true, noise in zip(labels, noises, strict=True)
        )

    first, second, third = rng.normal(size=(3, classes, 6))
    right = drawn((1.0, 0.3, 1.2), first)
    twin = (*right[:2], drawn((1.0, 1.0, 2.0), first)[2])  # of equals the earlier counts
    return [drawn((0.2, 2.5, 2.5), second), right, drawn((1.2, 1.5, 0.2), third), twin], labels, decays


def _scores(features, labels, decays):
    """(training, validation, test) errors for each place and decay, in the order of the arguments."""
    return {(place, decay): _errors(parts, labels, decay) for place, parts in enumerate(features) for decay in decays}


@choose_and_score.cases
def _(rng):
    yield _plain()
    yield _tied()
    yield _case(rng, (24, 18, 30), 3, (1.0, 30.0))
    features, labels = _real()
    order = rng.permutation(360)
    parts = order[:200], order[200:280], order[280:]
    yield [tuple(each[part] for part in parts) for each in features], tuple(labels[part] for part in parts), (1.0, 10.0)


def _chosen(found, part, decay_sign=-1):
    return min(found, key=lambda each: (found[each][part], decay_sign * each[1], each[0]))


@choose_and_score.known_mistakes
def _(features, labels, decays):
    found = _scores(features, labels, decays)
    place, decay = right = _chosen(found, 1)

    def answer(key, part=2):
        return *key, found[key][part]

    earlier = min(found, key=lambda each: (found[each][1], each[0], -each[1]))
    yield "Of equals you took the earlier features first. The larger decay comes before them.", answer(earlier)
    yield "You chose by the test errors. Then the test part cannot judge any more.", answer(_chosen(found, 2))
    yield "You chose by the training errors. The validation part is there to choose on.", answer(_chosen(found, 0))
    yield "Of equals you took the smaller decay. The larger one is asked.", answer(_chosen(found, 1, 1))
    yield "That is the validation error. Report the errors on the test part.", answer(right, 1)
    yield "That is the training error. Report the errors on the test part.", answer(right, 0)
    yield "That is the share of right answers. The share of errors is asked.", (place, decay, 1 - found[right][2])
    yield "That is the number of errors. Their share is asked.", (place, decay, found[right][2] * len(labels[2]))
    later = min(found, key=lambda each: (found[each][1], -each[1], -each[0]))
    yield "Of equal features with equal decays you took the later. The earlier are asked.", answer(later)
