"""The experiments of lesson 06: a network with a way round a layer, trained on wrong gradients, and checked."""

from __future__ import annotations

import functools

import numpy as np

from course_lib import data
from course_lib.evidence import experiment
from course_lib.layers import batches, softmax

UNITS, BATCH, PASSES, RATES = 64, 32, 25, (0.03, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
ARRAYS = ("W1", "b1", "W2", "b2", "W3", "b3")
RIGHT = "right"
BUGS = (
    "skip's message lost",
    "branch's message lost",
    "no bias gradients",
    "random matrix for W3",
    "slope of the wrong ReLU",
    "no ReLU slope",
    "first layer gets nothing",
)


def start(seed: int, dtype=float) -> dict[str, np.ndarray]:
    """784-64-64-10: normal weights of variance 2 / inputs, biases 0."""
    rng = np.random.default_rng(seed)
    network = {}
    for layer, (inputs, units) in enumerate(((784, UNITS), (UNITS, UNITS), (UNITS, 10)), start=1):
        network[f"W{layer}"] = rng.normal(0, (2 / inputs) ** 0.5, (inputs, units)).astype(dtype)
        network[f"b{layer}"] = np.zeros(units, dtype)
    return network


def forward(network, images):
    """The sums of both hidden layers, what the last layer reads, and its logits."""
    a1 = images @ network["W1"] + network["b1"]
    z1 = np.maximum(a1, 0)
    a2 = z1 @ network["W2"] + network["b2"]
    joined = z1 + np.maximum(a2, 0)  # the skip: z1 also goes round the second layer
    return a1, a2, joined, joined @ network["W3"] + network["b3"]


def mean_loss(network, images, labels) -> float:
    """The mean cross-entropy."""
    logits = forward(network, images)[-1]
    shifted = logits - logits.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]))


def claimed_gradient(network, images, labels, bug: str = RIGHT) -> dict[str, np.ndarray]:
    """The gradient of `mean_loss` by every array; with one of the BUGS, what that bug makes of it."""
    a1, a2, joined, logits = forward(network, images)
    z1, one_hot = np.maximum(a1, 0), np.eye(10, dtype=logits.dtype)[labels]
    delta_3 = (softmax(logits) - one_hot) / len(labels)
    back = _random_kernel(logits.dtype) if bug == "random matrix for W3" else network["W3"]
    message = delta_3 @ back.T  # to the joint, and from there along both ways
    delta_2 = message if bug == "no ReLU slope" else message * (a2 > 0)
    by_skip, by_branch = message, delta_2 @ network["W2"].T
    to_z1 = {"skip's message lost": by_branch, "branch's message lost": by_skip}.get(bug, by_skip + by_branch)
    mask = {"slope of the wrong ReLU": a2 > 0, "no ReLU slope": 1}.get(bug, a1 > 0)
    delta_1 = to_z1 * mask * (bug != "first layer gets nothing")
    found = {}
    for layer, (inputs, delta) in enumerate(((images, delta_1), (z1, delta_2), (joined, delta_3)), start=1):
        found |= {f"W{layer}": inputs.T @ delta, f"b{layer}": delta.sum(axis=0) * (bug != "no bias gradients")}
    return found


@functools.cache
def _random_kernel(dtype):
    return np.random.default_rng(99).normal(0, (2 / UNITS) ** 0.5, (UNITS, 10)).astype(dtype)


@functools.cache
def digits(dtype="float32"):
    """The training, validation and test part: each (images as rows, labels)."""
    parts = data.mnist_5k()
    return [
        (part.images.reshape(len(part), -1).astype(dtype), part.labels)
        for part in (parts.train, parts.validation, parts.test)
    ]


def error(network, images, labels) -> float:
    return float(np.mean(forward(network, images)[-1].argmax(axis=1) != labels))


@experiment(seeds=10)
def wrong_gradients(seed):
    """Trained on the right gradient and on seven wrong ones, at six rates; the pass with the best validation error."""
    (images, labels), validation, test = digits()
    for bug in (RIGHT, *BUGS):
        for rate in RATES:
            network, rng, best = start(seed, np.float32), np.random.default_rng(seed), None
            for number in range(1, PASSES + 1):
                for batch in batches(len(images), BATCH, rng):
                    with np.errstate(all="ignore"):  # at the highest rates some overflow
                        gradient = claimed_gradient(network, images[batch], labels[batch], bug)
                        for name, slope in gradient.items():
                            network[name] -= np.float32(rate) * slope.astype(np.float32)
                found = error(network, *validation)
                if best is None or found < best["validation_error"]:
                    best = {"pass": number, "validation_error": found, "test_error": error(network, *test)}
            yield {"gradient": bug, "rate": rate, "last_validation_error": found} | best


@experiment(seeds=5)
def checks(seed):
    """One random direction for each array, on 64 digits: |nudged - claimed| over the rms of the right gradient."""
    images, labels = (part[:64] for part in digits("float64")[0])
    network, rng = start(seed), np.random.default_rng(seed + 100)
    network |= {name: rng.normal(0, 0.1, UNITS if name != "b3" else 10) for name in ("b1", "b2", "b3")}
    directions = {name: rng.normal(size=array.shape) for name, array in network.items()}
    directions = {name: direction / np.linalg.norm(direction) for name, direction in directions.items()}
    right = claimed_gradient(network, images, labels)
    for bug in (RIGHT, *BUGS):
        claimed = claimed_gradient(network, images, labels, bug)
        for name, direction in directions.items():
            ends = [
                mean_loss(network | {name: network[name] + step * direction}, images, labels) for step in (1e-5, -1e-5)
            ]
            nudged = (ends[0] - ends[1]) / 2e-5
            size = np.linalg.norm(right[name]) / right[name].size ** 0.5
            yield {"gradient": bug, "array": name, "error": abs(nudged - np.sum(claimed[name] * direction)) / size}
