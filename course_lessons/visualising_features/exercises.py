"""Exercises of lesson 26_visualising_features."""

from __future__ import annotations

import numpy as np
from scipy import special
from scipy.spatial.distance import cdist

from course_lib.exercises.spec import exercise

LESSON = "26_visualising_features"


# Neighbours


@exercise(lesson=LESSON, points=2)
def label_agreement(features, labels, k):
    shares = []
    for row, from_here in enumerate(cdist(features, features)):
        order = [other for other in np.argsort(from_here) if other != row]
        shares.append(np.mean([labels[other] == labels[row] for other in order[:k]]))
    return float(np.mean(shares))


def _agreement(distances, labels, k, first=0):
    """Of the k nearest in the rows of `distances`, from place `first` on."""
    nearest = np.argsort(distances, axis=1, kind="stable")[:, first:k]
    return np.mean(labels[nearest] == labels[:, None])


label_agreement.hints = (
    "All distances at once: ((features[:, None] - features[None]) ** 2).sum(axis=-1), a row for each point.",
    "No point is its own neighbour: np.fill_diagonal(distances, np.inf) before you sort.",
    "np.argsort(distances, axis=1)[:, :k] are the neighbours; compare labels[neighbours] with labels[:, None].",
)


@label_agreement.cases
def _(rng):
    yield _points(rng, 7, 2, 2, 2)
    yield _points(rng, 12, 1, 3, 2)
    for number, width, classes, k in ((20, 2, 2, 3), (30, 5, 3, 4)):
        while True:  # until every mistake gives another number
            case = _points(rng, number, width, classes, k)
            answers = [label_agreement.oracle(*case), *(wrong for _, wrong in _slips(*case))]
            if len(np.unique(np.round(answers, 6))) == len(answers):
                break
        yield case


def _points(rng, number, width, classes, k):
    """Points in clouds, with long and short rows; it is never close who is among the k nearest."""
    labels = np.arange(number) % classes
    while True:
        features = rng.normal(size=(number, width)) + 0.7 * labels[:, None]
        features *= rng.permutation(np.linspace(0.3, 3, number))[:, None]
        distances = np.sort(cdist(features, features), axis=1)
        if np.min(distances[:, k + 1] - distances[:, k]) > 1e-3:
            return features, labels, k


@label_agreement.known_mistakes
def _slips(features, labels, k):
    distances = cdist(features, features)
    others = np.where(np.eye(len(labels)), np.inf, distances)
    lengths = np.linalg.norm(features, axis=1)
    products = np.where(np.eye(len(labels)), -np.inf, features @ features.T)
    yield (
        "Every point is its own nearest neighbour, and agrees with itself. Leave it out.",
        _agreement(distances, labels, k),
    )
    yield (
        "One neighbour is missing: the point itself stands first, so its neighbours are [:, 1 : k + 1].",
        _agreement(distances, labels, k, first=1),
    )
    yield "These are the farthest points: sort the distances from small to large.", _agreement(-distances, labels, k)
    nearest = labels[np.argsort(others, axis=1)[:, :k]]
    yield (
        "You let the neighbours vote and score the winner. The agreement is the share of all neighbours with the "
        "label.",
        np.mean([np.bincount(row).argmax() == label for row, label in zip(nearest, labels, strict=True)]),
    )
    yield (
        "A large product is not a small distance: long vectors would be near to all. Subtract first.",
        _agreement(-products, labels, k),
    )
    yield (
        "That compares directions: the cosine forgets how long the vectors are. Subtract first.",
        _agreement(-products / np.outer(lengths, lengths), labels, k),
    )
    yield (
        "You add up absolute differences. Euclidean distances add up their squares.",
        _agreement(cdist(features, features, "cityblock"), labels, k + 1, first=1),
    )
    yield (
        "That is the number of neighbours that agree, out of k. Divide by k: a share is asked for.",
        k * _agreement(others, labels, k),
    )


# Saliency


@exercise(lesson=LESSON, points=3, atol=1e-5, rtol=1e-3)
def saliency_map(_images, labels, _hidden, _last):
    return np.abs(_of_labels(_slopes(_images, _hidden, _last), labels)).max(axis=-1)


def _slopes(images, hidden, last):
    """Of every logit by each pixel, from the chain rule by hand: (classes, *images.shape).

    The network is flatten, Dense(ReLU), Dense(softmax), without biases.
    """
    open_units = images.reshape(len(images), -1) @ hidden > 0
    slopes = np.einsum("ph,nh,hc->cnp", hidden, open_units, last)
    return slopes.reshape(-1, *images.shape)


def _of_labels(slopes, labels):
    return slopes[labels, np.arange(len(labels))]


saliency_map.hints = (
    "logits(model) is the network without its softmax. The score of an image is its logit at the image's own label.",
    "ops.one_hot(labels, classes) picks the labels out of the logits: multiply, add up; `gradients` does the rest.",
    "(slopes,) = gradients(score, images); then the absolute value first, and the maximum over the last axis.",
)


@saliency_map.cases
def _(rng):
    for number, height, width, channels, classes in ((2, 2, 3, 3, 3), (3, 4, 4, 3, 4), (4, 3, 6, 1, 5)):
        pixels = height * width * channels
        while True:
            images = rng.random((number, height, width, channels)).astype(np.float32)
            hidden = rng.normal(0, 1 / np.sqrt(pixels), (pixels, 12)).astype(np.float32)
            last = rng.normal(0, 1, (12, classes)).astype(np.float32)
            sums = images.reshape(number, -1) @ hidden
            # The class that loses, the next one, and so on, but never the one that wins; no ReLU at its kink.
            labels = np.diag((np.maximum(sums, 0) @ last).argsort(axis=1))
            if len(set(labels)) == number and np.abs(sums).min() > 1e-3:
                break
        yield images, labels, hidden, last


@saliency_map.probe
def _(saliency_map, images, labels, hidden, last):
    """The student's function on a Keras model with these weights."""
    if not callable(saliency_map):
        return saliency_map
    return saliency_map(_model(images, hidden, last), images, labels)


def _model(images, hidden, last):
    """A Keras model with these weights: the one that was built for these sizes, unless an answer has changed it."""
    sizes = images.shape[1:], hidden.shape[1], last.shape[1]
    model, config = _built.get(sizes, (None, None))
    if model is None or model.get_config() != config:
        model = _network(*sizes)
        _built[sizes] = model, model.get_config()
    model.set_weights([hidden, last])
    return model


_built: dict = {}


def _network(shape, units, classes):
    import keras

    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Flatten(),
            keras.layers.Dense(units, activation="relu", use_bias=False, name="hidden"),
            keras.layers.Dense(classes, activation="softmax", use_bias=False, name="softmax"),
        ]
    )


def _by_hand(rule):
    """What a student would hand in, quicker: `rule` takes the slopes of all logits, probabilities, labels, pictures."""

    def candidate(model, images, labels):
        hidden, last = (np.asarray(weight, np.float64) for weight in model.get_weights())
        logits = np.maximum(images.reshape(len(images), -1) @ hidden, 0) @ last
        shares = special.softmax(logits, axis=1).T[..., None, None, None]
        return rule(_slopes(images, hidden, last), shares, labels, images)

    return lambda: candidate


def _of_weights(model, images, labels):
    """The slopes of the labels' logits by the weights of the hidden layer."""
    hidden, last = (np.asarray(weight, np.float64) for weight in model.get_weights())
    flat = images.reshape(len(images), -1)
    slopes = flat.T @ ((flat @ hidden > 0) * last.T[labels])
    return np.abs(slopes).max(axis=-1)


@saliency_map.known_mistakes
def _():
    def of_score(rule, channels=lambda slopes: np.abs(slopes).max(axis=-1)):
        return _by_hand(lambda *found: channels(rule(*found)))

    def of_logit(channels):
        return of_score(lambda slopes, shares, labels, images: _of_labels(slopes, labels), channels)

    def scaled(slopes):
        maps = np.abs(slopes).max(axis=-1)
        return maps / maps.max(axis=(1, 2), keepdims=True)

    yield (
        "That is the gradient of the probability. Softmax mixes the classes: a pixel may raise it by lowering the "
        "others. Take the logit.",
        of_score(lambda slopes, shares, labels, _: _of_labels(shares * (slopes - sum(shares * slopes)), labels)),
    )
    yield (
        "That is the gradient of the log-probability, or of the cross-entropy: it watches the other classes, too. Take "
        "the logit.",
        of_score(lambda slopes, shares, labels, _: _of_labels(slopes - sum(shares * slopes), labels)),
    )
    yield (
        "The absolute value is missing: a pixel that lowers the score matters just as much.",
        of_logit(lambda slopes: slopes.max(axis=-1)),
    )
    yield (
        "You add over the channels. The map takes the channel with the largest absolute slope.",
        of_logit(lambda slopes: np.abs(slopes).sum(axis=-1)),
    )
    yield (
        "You take the mean over the channels. The map takes their maximum.",
        of_logit(lambda slopes: np.abs(slopes).mean(axis=-1)),
    )
    yield (
        "You add the channels first and take the absolute value last: red up and blue down then cancel. "
        "Absolute value first, then the maximum.",
        of_logit(lambda slopes: np.abs(slopes.sum(axis=-1))),
    )
    yield (
        "You take the maximum first and the absolute value last: a channel that lowers the score is then lost.",
        of_logit(lambda slopes: np.abs(slopes.max(axis=-1))),
    )
    yield (
        "You scaled the maps to a largest value of 1. The slopes themselves are asked for.",
        of_logit(scaled),
    )
    yield "The channels are still there: a map has one number for each pixel.", of_logit(np.abs)
    yield (
        "This watches the class that wins. Watch the label you were given, right or wrong.",
        of_score(lambda slopes, shares, labels, _: _of_labels(slopes, shares[..., 0, 0, 0].argmax(axis=0))),
    )
    yield (
        "You let all the logits go up together. Only the label's own counts: one_hot picks it.",
        of_score(lambda slopes, shares, labels, _: sum(slopes)),
    )
    yield (
        "This watches the label of the first picture in all of them. Each picture has its own.",
        of_score(lambda slopes, shares, labels, _: slopes[labels[0]]),
    )
    yield (
        "That is the gradient with respect to the weights, as in training. Here the weights stay and the pixels move.",
        lambda: _of_weights,
    )
    yield (
        "You multiplied by the picture: that is another method, and it hides what black pixels would do.",
        of_score(lambda slopes, shares, labels, images: _of_labels(slopes, labels) * images),
    )


# Mass inside a mask


@exercise(lesson=LESSON, points=1)
def mass_inside(maps, masks):
    return np.array(
        [np.average(mask.ravel(), weights=values.ravel()) for values, mask in zip(maps, masks, strict=True)]
    )


mass_inside.hints = (
    "maps * masks keeps what lies inside: a mask counts as 1 and 0.",
    "Add up over rows and columns, but not over the pictures: .sum(axis=(1, 2)).",
    "The mass inside, divided by the whole mass of the same map.",
)


@mass_inside.cases
def _(rng):
    for number, height, width in ((2, 2, 3), (3, 5, 5), (5, 4, 7)):
        masks = rng.random((number, height, width)) < 0.4
        masks[:, 0, 0], masks[:, 1, 1] = True, False
        scales = np.arange(1, number + 1)[:, None, None]
        yield rng.random((number, height, width)) ** 3 * scales + 0.01, masks


@mass_inside.known_mistakes
def _(maps, masks):
    def mass(values):
        return values.sum(axis=(1, 2))

    inside, outside, whole = mass(maps * masks), mass(maps * ~masks), mass(maps)
    yield (
        "That is the share of the pixels that lie inside, as if the map were the same everywhere.",
        masks.mean(axis=(1, 2)),
    )
    yield (
        "You divide by the number of pixels inside: that is a mean height. Divide by the whole mass.",
        inside / mass(masks),
    )
    yield "Each map has a whole of its own; you divide by the mass of all of them.", inside / maps.sum()
    yield "One number for all pictures came out. A share for each is asked for: axis=(1, 2).", inside.sum() / maps.sum()
    yield "That is the mass outside the mask.", outside / whole
    yield "You compare inside with outside. The share is of the whole: inside plus outside.", inside / outside


# Occlusion


@exercise(lesson=LESSON, points=3, atol=1e-5, rtol=1e-4)
def occlusion_map(image, label, size, stride, _kernel):
    height, width, _ = image.shape
    rows, columns = range(0, height - size + 1, stride), range(0, width - size + 1, stride)
    return np.array([[_hidden(image, top, left, size, _kernel)[label] for left in columns] for top in rows])


def _predict(images, kernel):
    """A softmax regression on the pixels: (batch, classes)."""
    scores = np.asarray(images, float).reshape(len(images), -1) @ kernel
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def _hidden(image, top, left, size, kernel, fill=0.5):
    rows, columns = np.indices(image.shape[:2])
    square = (rows >= top) & (rows < top + size) & (columns >= left) & (columns < left + size)
    return _predict(np.where(square[..., None], fill, image)[None], kernel)[0]


occlusion_map.hints = (
    "Two loops: for top in range(0, height - size + 1, stride), and inside the same for left.",
    "hidden = image.copy() for every place, or the squares pile up; hidden[top : top + size, left : left + size] = 0.5",
    "predict takes a batch, so predict(hidden[None])[0, label] is the number for this place; collect rows of them.",
)


@occlusion_map.cases
def _(rng):
    for height, width, channels, classes, size, stride in (
        (3, 4, 1, 3, 2, 1), (5, 5, 3, 3, 2, 2), (6, 9, 3, 4, 3, 3), (4, 7, 1, 3, 4, 2), (9, 6, 2, 4, 3, 2),
    ):  # fmt: skip
        image = rng.random((height, width, channels))
        kernel = rng.normal(0, 1.5 / np.sqrt(size * size * channels), (image.size, classes))
        label = int(_predict(image[None], kernel)[0].argsort()[1])  # neither the class that wins nor the one that loses
        yield image, label, size, stride, kernel


@occlusion_map.probe
def _(occlusion_map, image, label, size, stride, kernel):
    """The student's function, with a network of these weights to ask."""
    if not callable(occlusion_map):
        return occlusion_map
    return occlusion_map(lambda images: _predict(images, kernel), image, label, size, stride)


def _slid(
    number=lambda answers, before, label: answers[label], fill=0.5, places=None, axes=(0, 1), step=None, pile=False
):
    """What a student might write; `places(side, size)` counts the rows, or columns, where a square may begin."""
    places = places or (lambda side, size: side - size + 1)

    def candidate(predict, image, label, size, stride):
        height, width, _ = image.shape
        before, work, rows = predict(image[None])[0], image.copy(), []
        for top in range(0, places(height, size), step or stride):
            rows.append([])
            for left in range(0, places(width, size), step or stride):
                hidden = work if pile else image.copy()
                hidden[top : top + size, left : left + size] = fill
                rows[-1].append(number(predict(hidden[None])[0], before, label))
        return np.transpose(np.array(rows), axes)

    return candidate


@occlusion_map.known_mistakes
def _():
    yield "The squares pile up: each place needs a fresh copy of the picture.", lambda: _slid(pile=True)
    yield (
        "That is the drop. The map holds the probability itself, with the square there.",
        lambda: _slid(lambda answers, before, label: before[label] - answers[label]),
    )
    yield (
        "You watch the class that wins, whichever it is. Watch the label.",
        lambda: _slid(lambda answers, before, label: answers.max()),
    )
    yield "The square is black. Black is a signal, too; hide with grey, 0.5.", lambda: _slid(fill=0.0)
    yield (
        "The last place is missing: a square may begin at height - size, so the range ends one later.",
        lambda: _slid(places=lambda side, size: side - size),
    )
    yield (
        "Some squares hang over the edge. The last one begins at height - size, and at width - size.",
        lambda: _slid(places=lambda side, size: side),
    )
    yield "Rows and columns are swapped: going down the picture must go down the map.", lambda: _slid(axes=(1, 0))
    yield "The square moves by one pixel; it should move by `stride`.", lambda: _slid(step=1)
