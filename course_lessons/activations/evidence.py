"""The long experiments of lesson 07: gradients at the start, races, saturation, dead units, and what speed buys."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.special import expit, ndtr

from course_lib import data
from course_lib.evidence import experiment

ACTIVATIONS = {  # value for a sum a, and slope for a and the value y
    "sigmoid": (expit, lambda a, y: y * (1 - y)),
    "tanh": (np.tanh, lambda a, y: 1 - y**2),
    "ReLU": (lambda a: np.maximum(a, 0), lambda a, y: (a > 0).astype(a.dtype)),
    "leaky ReLU": (lambda a: np.maximum(a, 0.1 * a), lambda a, y: np.where(a > 0, 1, 0.1).astype(a.dtype)),
    "GELU": (lambda a: a * ndtr(a), lambda a, y: ndtr(a) + a * np.exp(-(a**2) / 2) / np.sqrt(2 * np.pi)),
    "SiLU": (lambda a: a * expit(a), lambda a, y: expit(a) * (1 + a - y)),
}
BOUNDED = ("sigmoid", "tanh")  # these begin with Glorot's deviation, the others with He's
RATES = {"SGD": (0.3, 0.1, 1.0, 3.0), "Adam": (0.003, 0.001, 0.01, 0.03)}


# A dense network, trained


def start(sizes, activation, rng, stretch=1.0):
    """Kernels and biases, in turn, as each activation likes them: Glorot's start times `stretch`, or He's."""
    weights = []
    for inputs, units in itertools.pairwise(sizes):
        limit = (6 / (inputs + units if activation in BOUNDED else inputs)) ** 0.5
        hidden = len(weights) < 2 * (len(sizes) - 2)
        weights.append((stretch if hidden else 1) * rng.uniform(-limit, limit, (inputs, units)).astype(np.float32))
        weights.append(np.zeros(units, np.float32))
    return weights


def forward(inputs, weights, activation):
    """Sums of all layers, and what enters each of them."""
    sums, entering = [], [inputs]
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        sums.append(entering[-1] @ kernel + bias)
        entering.append(ACTIVATIONS[activation][0](sums[-1]))
    return sums, entering[:-1]


def gradients(inputs, labels, weights, activation):
    """Of the mean cross-entropy, shaped like `weights`."""
    sums, entering = forward(inputs, weights, activation)
    odds = np.exp(sums[-1] - sums[-1].max(axis=1, keepdims=True))
    message = odds / odds.sum(axis=1, keepdims=True)
    message[np.arange(len(labels)), labels] -= 1
    message /= len(labels)
    found = []
    for layer in reversed(range(len(sums))):
        found += [message.sum(axis=0), entering[layer].T @ message]
        if layer:
            slope = ACTIVATIONS[activation][1](sums[layer - 1], entering[layer])
            message = message @ weights[2 * layer].T * slope
    return found[::-1]


def passes(examples, weights, activation, optimizer, rate, rng, batch=20):
    """Train on and on; yields after each pass over the examples."""
    inputs, labels = examples
    moments, step = [(np.zeros_like(array), np.zeros_like(array)) for array in weights], 0
    while True:
        for picked in np.split(rng.permutation(len(inputs)), range(batch, len(inputs), batch)):
            step += 1
            found = gradients(inputs[picked], labels[picked], weights, activation)
            for array, gradient, moment in zip(weights, found, moments, strict=True):
                array -= np.float32(rate) * (gradient if optimizer == "SGD" else adam(gradient, moment, step))
        yield


def adam(gradient, moment, step):
    """Keras' Adam with its usual settings, but for the rate."""
    mean, square = moment
    mean += 0.1 * (gradient - mean)
    square += 0.001 * (gradient**2 - square)
    return mean / np.float32(1 - 0.9**step) / (np.sqrt(square / np.float32(1 - 0.999**step)) + np.float32(1e-7))


def error(examples, weights, activation):
    """Share of wrong answers."""
    inputs, labels = examples
    return np.mean(forward(inputs, weights, activation)[0][-1].argmax(axis=1) != labels)


def centred(*parts):
    """Each part as (rows of pixels less the mean of the first part, labels)."""
    mean = parts[0].images.mean(axis=0)
    return [((part.images - mean).reshape(len(part), -1), part.labels) for part in parts]


# Where the gradient is lost


@experiment(seeds=5)
def norms(seed):
    """The norm of each kernel's gradient, ten hidden layers, before any training."""
    (examples,) = centred(data.mnist_5k().train)
    kinds = [(name, name, 1) for name in ("sigmoid", "tanh", "ReLU", "GELU", "SiLU")]
    for label, activation, stretch in [*kinds, ("sigmoid, weights 4 times as large", "sigmoid", 4)]:
        weights = start([784] + [64] * 10 + [10], activation, np.random.default_rng(seed), stretch)
        for layer, kernel in enumerate(gradients(*examples, weights, activation)[::2], start=1):
            yield {"activation": label, "layer": layer, "norm": np.linalg.norm(kernel)}


# Walking in zig-zag


@experiment(seeds=20)
def zigzag(seed):
    """Steps until two weights are near their goal, and the length of their way; 400 steps are never.

    Two inputs, uniform from 0 to 1, or the same less their mean; targets without noise, a step after each example.
    """
    goal, cloud = np.array([1, -1]), np.random.default_rng(seed).uniform(0, 1, (400, 2))
    for rate, (label, mean) in itertools.product((0.5, 1, 1.5, 2, 3, 4, 6), (("positive", 0), ("centred", 0.5))):
        path = [np.zeros(2)]
        with np.errstate(all="ignore"):  # too large a rate grows beyond all numbers
            for x in cloud - mean:
                path.append(path[-1] - rate * (path[-1] @ x - goal @ x) * x)
            near = np.flatnonzero(np.linalg.norm(path - goal, axis=1) < 0.1)
        steps = near[0] if len(near) else 400
        way = np.linalg.norm(np.diff(path[: steps + 1], axis=0), axis=1).sum() / 2**0.5 if len(near) else np.nan
        yield {"inputs": label, "rate": rate, "steps": steps, "way": way}


# Who learns fastest, and what it buys

LIMIT = 40  # passes; who needs more is written down as LIMIT + 1
RACERS = {  # label: activation, and how many times as large as Glorot's the weights of hidden layers begin
    "sigmoid": ("sigmoid", 1),
    "sigmoid, weights 4 times as large": ("sigmoid", 4),
    "tanh": ("tanh", 1),
    "ReLU": ("ReLU", 1),
    "GELU": ("GELU", 1),
    "SiLU": ("SiLU", 1),
}


@experiment(seeds=5)
def race(seed):
    """Passes over 600 colour pictures to 10 % training error, each activation with the best of its rates."""
    (examples,) = centred(data.shapes(600, seed=0, size=16))
    for hidden, optimizer, label in itertools.product((1, 3), RATES, RACERS):
        activation, stretch = RACERS[label]
        sizes = [examples[0].shape[1], *[64] * hidden, examples[1].max() + 1]
        best = LIMIT + 1, float("nan")
        for rate in RATES[optimizer]:
            rng = np.random.default_rng(seed)
            weights = start(sizes, activation, rng, stretch)
            with np.errstate(all="ignore"):  # too large a rate ends in numbers that are none
                training = passes(examples, weights, activation, optimizer, rate, rng)
                for done, _ in zip(range(1, best[0]), training, strict=False):  # more than the best so far is in vain
                    if error(examples, weights, activation) <= 0.1:
                        best = done, rate
                        break
        yield {"hidden": hidden, "optimizer": optimizer, "activation": label, "passes": best[0], "rate": best[1]}


@experiment(seeds=5)
def settled(seed):
    """Error on new digits at the pass and the rate that validation liked best: three hidden layers, 15 passes."""
    digits = data.mnist_5k()
    train, validation, test = centred(digits.train, digits.validation, digits.test)
    for activation in ("sigmoid", "tanh", "ReLU", "GELU"):
        tried = []
        for rate in (0.001, 0.003):
            rng = np.random.default_rng(seed)
            weights = start([784, 64, 64, 64, 10], activation, rng)
            training = passes(train, weights, activation, "Adam", rate, rng, batch=50)
            for done, _ in zip(range(1, 16), training, strict=False):
                errors = [error(part, weights, activation) for part in (validation, test)]
                tried.append((errors[0], done, rate, errors[1]))
        names = ("validation_error", "best_pass", "rate", "test_error")
        yield {"activation": activation, **dict(zip(names, min(tried), strict=True))}


# What Glorot and Bengio looked at


@experiment(seeds=5)
def saturation(seed):
    """Hidden layers' outputs, weights begun as in 2010: the lowest median, and the share that is saturated, 1 to 2.

    Saturated is an output that is within 5 % of the range from one of its ends. `plateau` counts the passes until
    fewer than half of the training digits are wrong.
    """
    digits = data.mnist_5k().train
    examples = digits.images.reshape(len(digits), -1), digits.labels
    for activation, rate, number in (("sigmoid", 2.0, 30), ("tanh", 0.1, 15)):
        rng = np.random.default_rng(seed)
        weights = start([784] + [64] * 4 + [10], activation, rng)
        for kernel in weights[::2]:
            kernel[:] = rng.uniform(-1, 1, kernel.shape) / np.sqrt(len(kernel))
        training = itertools.chain([None], passes(examples, weights, activation, "SGD", rate, rng))
        medians, saturated, errors = [], [], []
        for _ in zip(range(number + 1), training, strict=False):
            outputs = forward(examples[0], weights, activation)[1][1:]
            centre = 0 if activation == "tanh" else 0.5
            medians.append([np.median(layer) for layer in outputs])
            saturated.append([np.mean(np.abs(layer - centre) > 0.9 * (1 - centre)) for layer in outputs])
            errors.append(error(examples, weights, activation))
        for layer in range(4):
            yield {
                "activation": activation,
                "layer": layer + 1,
                "lowest_median": np.min(medians, axis=0)[layer],
                "saturated_at_first": saturated[0][layer],
                "saturated_at_last": saturated[-1][layer],
                "plateau": sum(wrong >= 0.5 for wrong in errors),
                "training_error": errors[-1],
            }


# Dead units


@experiment(seeds=5)
def dead(seed):
    """Three passes at a wild rate, six calm ones at 0.1: which of 100 units are silent on every training digit."""
    digits = data.mnist_5k()
    train, test = ((part.images.reshape(len(part), -1), part.labels) for part in (digits.train, digits.test))
    mean = train[0].mean(axis=0)
    longer = np.sqrt(np.mean(train[0] ** 2) / np.mean((train[0] - mean) ** 2))
    kinds = {  # label: activation, and what becomes of the pixels
        "ReLU": ("ReLU", lambda pixels: pixels),
        "leaky ReLU": ("leaky ReLU", lambda pixels: pixels),
        "ReLU, pixels centred": ("ReLU", lambda pixels: longer * (pixels - mean)),
    }
    for rate, (label, (activation, change)) in itertools.product((0.1, 0.5, 1.0, 1.5), kinds.items()):
        rng = np.random.default_rng(seed)
        examples, new = ((change(pixels), labels) for pixels, labels in (train, test))
        weights = start([784, 100, 10], activation, rng)
        silent, kernels = [], []
        for rate_now, number in ((rate, 3), (0.1, 6)):
            training = passes(examples, weights, activation, "SGD", rate_now, rng, batch=50)
            for _ in zip(range(number), training, strict=False):
                pass
            silent.append(np.all(forward(examples[0], weights, activation)[0][0] <= 0, axis=0))
            kernels.append(weights[0].copy())
        yield {
            "activation": label,
            "rate": rate,
            "silent": silent[0].mean(),
            "silent_after_calm": silent[1].mean(),
            "moved": np.abs(kernels[1] - kernels[0])[:, silent[0]].max(initial=0),
            "test_error": error(new, weights, activation),
        }
