"""The long race of lesson 09: who sees what, who shares weights, and who keeps only the strongest answer."""

from __future__ import annotations

import functools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from course_lib import data
from course_lib.evidence import experiment

DIGIT, SIDE, WINDOW, FILTERS = 10, 16, 9, 16  # so 7 x 7 places for a digit, 8 x 8 for a window
PLACES = (SIDE - WINDOW + 1) ** 2
WIRINGS, READINGS = ("dense", "local", "shared"), ("all places", "strongest")
COLUMNS = ("wiring", "reading", "examples", "parameters", "rate", "step", "training_error", "test_error")
RATES = (0.001, 0.004, 0.016)
BATCH, CHECK, PATIENCE, LIMIT = 50, 20, 12, 4000  # examples a step, steps between checks, checks in vain, steps at most


# Digits


@functools.cache
def digits():
    return data.mnist_5k()


def halved(images):
    """28 x 28 pixels to 10 x 10: a margin of four cut off, then the mean of each 2 x 2. Lesson 09 builds this."""
    middle = images[:, 4:24, 4:24, 0]
    return middle.reshape(len(images), DIGIT, 2, DIGIT, 2).mean(axis=(2, 4))


def placed(small, corners):
    """Each digit on a black picture, its top left pixel at its corner."""
    pictures = np.zeros((len(small), SIDE, SIDE), np.float32)
    for picture, digit, (row, column) in zip(pictures, small, corners, strict=True):
        picture[row : row + DIGIT, column : column + DIGIT] = digit
    return pictures


def anywhere(small, rng):
    return placed(small, rng.integers(0, SIDE - DIGIT + 1, (len(small), 2)))


def middle(small, rng):
    return placed(small, np.full((len(small), 2), (SIDE - DIGIT) // 2))


# A layer of windows, then ten units


class Net:
    """16 kinds of ReLU units at 64 places, dense, local or shared; ten units read all of them, or each kind's best."""

    def __init__(self, wiring, reading, rng):
        self.wiring, self.reading = wiring, reading
        shape = {
            "dense": (SIDE**2, PLACES * FILTERS),
            "local": (PLACES, WINDOW**2, FILTERS),
            "shared": (WINDOW**2, FILTERS),
        }[wiring]
        read = FILTERS if reading == "strongest" else PLACES * FILTERS
        first = rng.normal(0, np.sqrt(2 / shape[-2]), shape)  # He's start
        last = rng.normal(0, np.sqrt(1 / read), (read, 10))
        self.weights = [first.astype(np.float32), last.astype(np.float32), np.zeros(10, np.float32)]

    def forward(self, pictures):
        number, first = len(pictures), self.weights[0]
        if self.wiring == "dense":
            self.seen = pictures.reshape(number, -1)
            sums = (self.seen @ first).reshape(number, PLACES, FILTERS)
        else:
            windows = sliding_window_view(pictures, (WINDOW, WINDOW), axis=(1, 2))
            windows = windows.reshape(number, PLACES, WINDOW**2)
            self.seen = windows if self.wiring == "shared" else windows.swapaxes(0, 1)
            sums = self.seen @ first
            sums = sums if self.wiring == "shared" else sums.swapaxes(0, 1)
        self.hidden = np.maximum(sums, 0)
        if self.reading == "strongest":
            self.best = self.hidden.argmax(axis=1)[:, None]
            self.read = np.take_along_axis(self.hidden, self.best, axis=1)[:, 0]
        else:
            self.read = self.hidden.reshape(number, -1)
        return self.read @ self.weights[1] + self.weights[2]

    def gradients(self, message):
        """Of each array of weights, for the gradient at the ten units."""
        back, number = message @ self.weights[1].T, len(message)
        if self.reading == "strongest":
            upstream = np.zeros_like(self.hidden)
            np.put_along_axis(upstream, self.best, back[:, None], axis=1)
        else:
            upstream = back.reshape(self.hidden.shape)
        upstream = upstream * (self.hidden > 0)
        if self.wiring == "dense":
            first = self.seen.T @ upstream.reshape(number, -1)
        elif self.wiring == "shared":
            first = self.seen.reshape(-1, WINDOW**2).T @ upstream.reshape(-1, FILTERS)
        else:
            first = self.seen.swapaxes(1, 2) @ upstream.swapaxes(0, 1)
        return [first, self.read.T @ message, message.sum(axis=0)]


def message_of(logits, labels):
    """The gradient of the mean cross-entropy at the logits: y - t for each example."""
    message = np.exp(logits - logits.max(axis=1, keepdims=True))
    message /= message.sum(axis=1, keepdims=True)
    message[np.arange(len(labels)), labels] -= 1
    return message / np.float32(len(labels))


class Adam:
    """Keras' Adam with its usual settings, but for the rate."""

    def __init__(self, weights, rate):
        self.rate, self.step = rate, 0
        self.moments = [(np.zeros_like(array), np.zeros_like(array)) for array in weights]

    def update(self, weights, gradients):
        self.step += 1
        rate = np.float32(self.rate * np.sqrt(1 - 0.999**self.step) / (1 - 0.9**self.step))
        for array, gradient, (mean, square) in zip(weights, gradients, self.moments, strict=True):
            mean += np.float32(0.1) * (gradient - mean)
            square += np.float32(0.001) * (gradient * gradient - square)
            array -= rate * mean / (np.sqrt(square) + np.float32(1e-7))


def predict(net, pictures):
    return np.concatenate([net.forward(part) for part in np.array_split(pictures, max(1, len(pictures) // 250))])


def train(net, batches, labels, validation, rate):
    """Step after step, until the validation error has not fallen for long; keeps the weights of its best."""
    optimizer, best, kept = Adam(net.weights, rate), (np.inf, 0), None
    for step in range(1, LIMIT + 1):
        pictures, chosen = next(batches)
        optimizer.update(net.weights, net.gradients(message_of(net.forward(pictures), labels[chosen])))
        if step % CHECK == 0:
            wrong = error(net, *validation)
            if wrong < best[0]:
                best, kept = (wrong, step), [array.copy() for array in net.weights]
            elif step - best[1] >= CHECK * PATIENCE:
                break
    net.weights = kept
    return best


def batches(small, lay, rng, again):
    """Pictures and which digits they show, for ever. `again`: lay each digit anew in every pass."""
    pictures = lay(small, rng)
    while True:
        if again:
            pictures = lay(small, rng)
        for chosen in np.array_split(rng.permutation(len(small)), max(1, len(small) // BATCH)):
            yield pictures[chosen], chosen


def error(net, pictures, labels):
    return np.mean(predict(net, pictures).argmax(axis=1) != labels)


def contest(seed, size, lay, kinds, *, again=False, order=None):
    """A row for each kind of net: its errors, with the rate and the step that the validation part liked best.

    order: an order of the pixels, the same for all pictures
    """
    rng = np.random.default_rng([seed, size])
    known = digits().train
    picked = rng.permutation(len(known))[:size]
    small, labels = halved(known.images[picked]), known.labels[picked]

    def shown(small, rng):
        pictures = lay(small, rng)
        return pictures if order is None else pictures.reshape(len(small), -1)[:, order].reshape(pictures.shape)

    validation, test = ((shown(halved(part.images), rng), part.labels) for part in (digits().validation, digits().test))
    for wiring, reading in kinds:
        tried = []
        for rate in RATES:
            net = Net(wiring, reading, np.random.default_rng([seed, size, 1]))
            laid = batches(small, shown, np.random.default_rng([seed, size, 2]), again)
            wrong, step = train(net, laid, labels, validation, rate)
            # What the batches show, in the first pass at least.
            own = shown(small, np.random.default_rng([seed, size, 2]))
            errors = error(net, own, labels), error(net, *test)
            tried.append((wrong, step, rate, *errors, sum(array.size for array in net.weights)))
        _, step, rate, own_error, test_error, parameters = min(tried)
        yield dict(zip(COLUMNS, (wiring, reading, size, parameters, rate, step, own_error, test_error), strict=True))


def nearest(seed, size, lay):
    """The error of naming each test digit after the most similar picture of those that the nets learn from."""
    rng = np.random.default_rng([seed, size])
    known, new = digits().train, digits().test
    picked = rng.permutation(len(known))[:size]
    memory, pictures = (
        lay(halved(images), rng).reshape(len(images), -1) for images in (known.images[picked], new.images)
    )
    distances = (memory**2).sum(axis=1) - 2 * pictures @ memory.T  # squared, less what is the same for all
    return np.mean(known.labels[picked][distances.argmin(axis=1)] != new.labels)


ALL_SIX = [(wiring, reading) for wiring in WIRINGS for reading in READINGS]
TWO = [("dense", "all places"), ("shared", "strongest")]


@experiment(seeds=5)
def race(seed):
    """Digits anywhere: six nets, 100 to 1,000 examples. `reading` "nearest neighbour" is no net."""
    for size in (100, 300, 1000):
        yield from contest(seed, size, anywhere, ALL_SIX)
        rival = dict.fromkeys(COLUMNS, np.nan) | {"wiring": "none", "reading": "nearest neighbour", "examples": size}
        yield rival | {"test_error": nearest(seed, size, anywhere)}


@experiment(seeds=5)
def in_the_middle(seed):
    """The same with 300 examples, when every digit lies in the middle."""
    yield from contest(seed, 300, middle, ALL_SIX)


@experiment(seeds=5)
def moved_and_shuffled(seed):
    """1,000 examples: digits laid anew in every pass; and all pictures' pixels in one random order."""
    for row in contest(seed, 1000, anywhere, TWO, again=True):
        yield {"change": "laid anew in every pass", **row}
    order = np.random.default_rng([seed, 9]).permutation(SIDE**2)
    for row in contest(seed, 1000, anywhere, TWO, order=order):
        yield {"change": "pixels shuffled", **row}
