"""What one layer of ten neurons learns of 3,500 digits: with more seeds, rates and passes than a notebook has time for.

The seed draws 3,500 training and 500 validation digits out of the 4,000 that the course has for both, and the order of
descent. The test digits are always the course's 1,000.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from course_lib import data, layers, losses, optim
from course_lib.evidence import experiment
from course_lib.layers import batches, softmax

TRAIN = 3500
LOOKS = (1, 2, 3, 5, 8, 12, 16, 20, 30, 40, 60)  # passes


@functools.cache
def digits() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """What may be learnt and chosen from, 4,000, and the test part, 1,000: images as rows, and labels."""
    parts = data.mnist_5k()
    both = parts.train + parts.validation
    return tuple((part.images.reshape(len(part), -1), part.labels) for part in (both, parts.test))


def drawn(seed: int):
    """Training, validation and test part."""
    (images, labels), test = digits()
    order = np.random.default_rng(seed).permutation(len(labels))
    train, validation = order[:TRAIN], order[TRAIN:]
    return (images[train], labels[train]), (images[validation], labels[validation]), test


# The gradient of each loss by the scores of a batch, example by example


def cross_entropy(scores, targets):
    return softmax(scores) - targets


def squared_error(scores, targets):
    """Of half the squared distance of probabilities and targets."""
    y = softmax(scores)
    return y * ((y - targets) - ((y - targets) * y).sum(axis=1, keepdims=True))


def squared_error_of_scores(scores, targets):
    """Of half the squared distance of the scores themselves and the targets."""
    return scores - targets


def descend(inputs, labels, message, rate, batch_size, passes, rng, start=0.0) -> Iterator[tuple]:
    """Kernel and bias after each pass; the kernel starts with normal weights of deviation `start`."""
    targets = np.eye(10, dtype="float32")[labels]
    kernel = (start * rng.normal(size=(inputs.shape[1], 10))).astype("float32")
    bias = np.zeros(10, "float32")
    for _ in range(passes):
        for batch in batches(len(inputs), batch_size, rng):
            x = inputs[batch]
            delta = message(x @ kernel + bias, targets[batch]) / np.float32(len(batch))
            kernel -= np.float32(rate) * (x.T @ delta)
            bias -= np.float32(rate) * delta.sum(axis=0)
        yield kernel, bias


def error(kernel, bias, images, labels) -> float:
    return float(np.mean((images @ kernel + bias).argmax(axis=1) != labels))


def surprise(kernel, bias, images, labels) -> float:
    return losses.softmax_cross_entropy(images @ kernel + bias, labels)[0]


MESSAGES = {
    "cross-entropy": cross_entropy,
    "squared error": squared_error,
    "squared error of scores": squared_error_of_scores,
}
RATES = {
    ("from zeros", "cross-entropy"): (0.01, 0.03, 0.1, 0.3, 1),
    ("from zeros", "squared error"): (0.1, 0.3, 1, 3, 10),
    ("from zeros", "squared error of scores"): (0.001, 0.003, 0.006, 0.01, 0.02),
    ("sure and wrong", "cross-entropy"): (3, 10, 30),
    ("sure and wrong", "squared error"): (1, 3, 10, 30),
}
STARTS = {"from zeros": (0.0, LOOKS), "sure and wrong": (3.0, (*LOOKS, 120, 240))}


@experiment(seeds=10)
def three_losses(seed):
    """Three losses from zeros; two of them also from normal weights of deviation 3, and longer. Batches of 32."""
    train, validation, test = drawn(seed)
    for (start, loss), rates in RATES.items():
        deviation, looks = STARTS[start]
        for rate in rates:
            rng = np.random.default_rng(100 + seed)
            run = descend(*train, MESSAGES[loss], rate, 32, max(looks), rng, deviation)
            for passes, weights in enumerate(run, start=1):
                if passes in looks:
                    told = {"validation_error": error(*weights, *validation), "test_error": error(*weights, *test)}
                    yield {"start": start, "loss": loss, "rate": rate, "passes": passes} | told


# size: passes, rates
BATCHES = {TRAIN: (400, (1, 2, 4)), 32: (60, (0.1, 0.2, 0.3, 0.5)), 1: (40, (0.003, 0.006, 0.01, 0.02))}
NEAR = 1.05


@experiment(seeds=5)
def batch_sizes(seed):
    """All digits, 32 or one for each step: how many passes until the validation surprise is near the lowest?

    For each rate: the lowest validation surprise, the scores there, and `passes` until it is first within 5 % of the
    lowest that any of the runs reaches; infinite if it never is. The lowest itself lies on a flat floor, which
    slow and fast rates reach alike: its place would say little of a batch size.
    """
    train, validation, test = drawn(seed)
    curves = {}
    for size, (passes, rates) in BATCHES.items():
        for rate in rates:
            run = descend(*train, cross_entropy, rate, size, passes, np.random.default_rng(100 + seed))
            curves[size, rate] = [(surprise(*w, *validation), *_scores(w, test)) for w in run]
    near = NEAR * min(min(curve) for curve in curves.values())[0]
    for (size, rate), curve in curves.items():
        passes = next((place for place, (told, *_) in enumerate(curve, start=1) if told <= near), np.inf)
        scores = dict(zip(("validation_surprise", "test_error", "test_surprise"), min(curve), strict=True))
        yield {"batch": size, "rate": rate, "passes": passes} | scores


def _scores(weights, part) -> tuple[float, float]:
    return error(*weights, *part), surprise(*weights, *part)


@experiment(seeds=10)
def on_and_on(seed):
    """Cross-entropy from zeros, batches of 32, rate 0.1: what 300 passes do, on digits learnt from and on others."""
    train, validation, test = drawn(seed)
    run = descend(*train, cross_entropy, 0.1, 32, 300, np.random.default_rng(100 + seed))
    for passes, weights in enumerate(run, start=1):
        if passes in (*LOOKS, 100, 150, 200, 300):
            row = {"passes": passes, "confidence": softmax(test[0] @ weights[0] + weights[1]).max(axis=1).mean()}
            for name, part in {"train": train, "validation": validation, "test": test}.items():
                row[f"{name}_error"], row[f"{name}_surprise"] = _scores(weights, part)
            yield row


@experiment(seeds=10)
def winners(seed):
    """A hundred classifiers, each from 500 digits: how much better does the best of some look than it is?

    The best is chosen on `validation` digits out of the 3,500 that are left, and judged on the others. The mean of 200
    draws of the digits and of the candidates.
    """
    (images, labels), _ = digits()
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    pool = order[500:]
    wrong = np.array([_candidate(images, labels, order[:500], pool, rng) for _ in range(100)])
    for candidates in (1, 10, 100):
        for validation in (50, 100, 200, 500):
            seen, true = np.transpose([_winner(wrong, candidates, validation, rng) for _ in range(200)])
            told = {"validation_error": seen.mean(), "other_error": true.mean()}
            yield {"candidates": candidates, "validation": validation} | told | {"flattery": (true - seen).mean()}


def _candidate(images, labels, train, pool, rng) -> np.ndarray:
    """Which digits of the pool one classifier misreads: rate, passes, batch and the pixels it may see are random."""
    pixels = rng.permutation(784)[: rng.integers(200, 785)]
    rate, passes, size = 10 ** rng.uniform(-2, 0), int(rng.integers(3, 30)), int(rng.choice([8, 32, 128]))
    *_, (kernel, bias) = descend(images[train][:, pixels], labels[train], cross_entropy, rate, size, passes, rng)
    return (images[pool][:, pixels] @ kernel + bias).argmax(axis=1) != labels[pool]


def _winner(wrong, candidates, validation, rng) -> tuple[float, float]:
    """The error of the best of some candidates on the digits it was chosen on, and on all others."""
    some = wrong[rng.permutation(len(wrong))[:candidates]][:, rng.permutation(wrong.shape[1])]
    best = some[some[:, :validation].mean(axis=1).argmin()]
    return best[:validation].mean(), best[validation:].mean()


@experiment(seeds=5)
def both_polarities(seed):
    """Every digit also as a negative, to train, to validate and to test. Pixels less 1/2, so a negative is just -x."""
    parts = [_with_negatives(*part) for part in drawn(seed)]
    for rate in (0.001, 0.01, 0.1, 1):
        rng = np.random.default_rng(100 + seed)
        trail = descend(*parts[0], cross_entropy, rate, 32, 20, rng)
        yield {"network": "ten neurons", "rate": rate} | _best(trail, parts, error)
    for rate in (0.1, 0.2, 0.3):
        with np.errstate(over="ignore", invalid="ignore"):  # too large a rate, and the weights overflow
            best = _best(_hidden(*parts[0], rate, seed), parts, _net_error)
        yield {"network": "64 hidden units", "rate": rate} | best


def _with_negatives(images, labels):
    return np.concatenate([images - 0.5, 0.5 - images]), np.tile(labels, 2)


def _hidden(inputs, labels, rate, seed):
    rng = np.random.default_rng(100 + seed)
    net = layers.Sequential([layers.Dense(784, 64, rng), layers.ReLU(), layers.Dense(64, 10, rng)])
    for dense in (net.layers[0], net.layers[2]):
        dense.parameters = {name: array.astype("float32") for name, array in dense.parameters.items()}
    recipe = {"loss": losses.softmax_cross_entropy, "optimizer": optim.SGD(rate), "batch_size": 32, "rng": rng}
    for _ in range(30):
        net.fit(inputs, labels, epochs=1, **recipe)
        yield (net,)


def _net_error(net, images, labels) -> float:
    return float(np.mean(net.forward(images).argmax(axis=1) != labels))


def _best(trail, parts, judge) -> dict:
    """The pass of the lowest validation error, and the errors there."""
    train, validation, test = parts
    found = []
    for passes, weights in enumerate(trail, start=1):
        found.append((judge(*weights, *validation), passes, judge(*weights, *train), judge(*weights, *test)))
    return dict(zip(("validation_error", "passes", "train_error", "test_error"), min(found), strict=True))
