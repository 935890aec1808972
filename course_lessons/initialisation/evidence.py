"""The long experiment of lesson 14: networks from many starts, trained until they settle, each at its best rate."""

from __future__ import annotations

import itertools

import numpy as np

from course_lib import data
from course_lib.evidence import experiment

WIDTH, PASSES, BATCH = 40, 20, 50
RATES = {"SGD": (0.03, 0.1, 0.3, 1.0), "Adam": (0.001, 0.003, 0.01)}
STARTS = {  # deviation of a kernel with these inputs and units
    "normal, 0.01": lambda inputs, units: 0.01,
    "normal, 1.0": lambda inputs, units: 1.0,
    "LeCun": lambda inputs, units: (1 / inputs) ** 0.5,
    "Glorot": lambda inputs, units: (2 / (inputs + units)) ** 0.5,
    "He": lambda inputs, units: (2 / inputs) ** 0.5,
    "gain 5/3": lambda inputs, units: 5 / 3 * (1 / inputs) ** 0.5,
}
NETWORKS = {  # hidden layers, activation, optimizer, starts
    "1 hidden layer, tanh": (1, "tanh", "SGD", ("normal, 0.01", "normal, 1.0", "LeCun", "Glorot", "He")),
    "10 hidden layers, tanh": (10, "tanh", "SGD", tuple(STARTS)),
    "10 hidden layers, ReLU": (10, "ReLU", "SGD", ("normal, 0.01", "LeCun", "Glorot", "He")),
    "10 hidden layers, tanh, Adam": (10, "tanh", "Adam", ("normal, 0.01", "LeCun", "He")),
}


@experiment(seeds=5)
def starts(seed):
    """Errors on validation and test digits at the pass that validation liked best, and on validation after 3 passes."""
    for network, (hidden, activation, optimizer, tried_starts) in NETWORKS.items():
        runs = list(itertools.product(tried_starts, RATES[optimizer]))
        with np.errstate(all="ignore"):  # at too high a rate numbers overflow; such a network answers 0 to everything
            validation, test = train(hidden, activation, optimizer, runs, seed)
        for (start, rate), tried, final in zip(runs, validation.T, test.T, strict=True):
            best = tried.argmin()
            yield {
                "network": network,
                "start": start,
                "rate": rate,
                "best_pass": best + 1,
                "early_error": tried[2],
                "validation_error": tried[best],
                "test_error": final[best],
            }


def train(hidden, activation, optimizer, runs, seed):
    """All `runs` (start, rate) side by side, from the same draws: validation and test errors, (passes, runs) each."""
    digits = data.mnist_5k()
    mean, deviation = digits.train.images.mean(axis=0), digits.train.images.std()
    train, validation, test = (
        ((part.images - mean) / deviation).reshape(len(part), -1)
        for part in (digits.train, digits.validation, digits.test)
    )
    rng = np.random.default_rng(seed)
    weights = draw([784] + [WIDTH] * hidden + [10], [start for start, _ in runs], rng)
    rates = np.array([rate for _, rate in runs], np.float32)[:, None, None]
    moments = [(np.zeros_like(array), np.zeros_like(array)) for array in weights]
    one_hot, errors, step = np.eye(10, dtype=np.float32)[digits.train.labels], [], 0
    for _ in range(PASSES):
        for picked in np.split(rng.permutation(len(train)), len(train) // BATCH):
            step += 1
            found = gradients(train[picked], one_hot[picked], weights, activation)
            for array, gradient, moment in zip(weights, found, moments, strict=True):
                array -= rates * (gradient if optimizer == "SGD" else adam(gradient, moment, step))
        tried = wrong(validation, digits.validation.labels, weights, activation)
        errors.append((tried, wrong(test, digits.test.labels, weights, activation)))
    return np.moveaxis(errors, 1, 0)


def draw(sizes, starts, rng):
    """Kernel and bias of each layer, in turn: (runs, inputs, units) and (runs, 1, units)."""
    weights = []
    for inputs, units in itertools.pairwise(sizes):
        deviations = np.array([STARTS[start](inputs, units) for start in starts])[:, None, None]
        weights.append((deviations * rng.normal(size=(inputs, units))).astype(np.float32))
        weights.append(np.zeros((len(starts), 1, units), np.float32))
    return weights


def outputs(inputs, weights, activation):
    """What each layer gives, the inputs first and the logits last."""
    found = [inputs]
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        sums = found[-1] @ kernel + bias
        if len(found) == len(weights) // 2:
            return [*found, sums]
        found.append(np.tanh(sums) if activation == "tanh" else np.maximum(sums, 0))


def gradients(inputs, one_hot, weights, activation):
    """Of the mean cross-entropy, shaped like `weights`."""
    given = outputs(inputs, weights, activation)
    odds = np.exp(given[-1] - given[-1].max(axis=-1, keepdims=True))
    message, found = (odds / odds.sum(axis=-1, keepdims=True) - one_hot) / len(inputs), []
    for kernel, below in zip(weights[-2::-2], given[-2::-1], strict=True):
        found += [message.sum(axis=-2, keepdims=True), np.swapaxes(below, -1, -2) @ message]
        if below is not inputs:
            slope = 1 - below**2 if activation == "tanh" else below > 0
            message = message @ np.swapaxes(kernel, -1, -2) * slope
    return found[::-1]


def adam(gradient, moment, step):
    """Keras' Adam with its usual settings, but for the rate."""
    mean, square = moment
    mean += 0.1 * (gradient - mean)
    square += 0.001 * (gradient**2 - square)
    return mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.999**step)) + 1e-7)


def wrong(inputs, labels, weights, activation):
    """Share of wrong answers, for each run."""
    return (outputs(inputs, weights, activation)[-1].argmax(axis=-1) != labels).mean(axis=-1)
