"""The long experiments of lesson 03: what rules make of two numbers, and a neuron with nothing to hold it back."""

from __future__ import annotations

import functools

import numpy as np
from scipy.optimize import minimize

from course_lessons.single_neuron.neuron import left_ink, surprise, threes_and_eights, with_bias
from course_lib import data
from course_lib.evidence import experiment
from course_lib.layers import sigmoid

PASSES = 50
FAR = (0, 10, 20, 40)
DECAYS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
STEPS = 60_000
LOOKS = tuple(dict.fromkeys(np.geomspace(1, STEPS, 60).astype(int).tolist()))
KINDS = {"right": (40, 0.0), "one in ten wrong": (100, 0.1)}  # examples, share of wrong labels


@functools.cache
def digits():
    """The training, validation and test part of the 3s and 8s: pictures and targets."""
    parts = data.mnist_5k()
    return [threes_and_eights(part) for part in (parts.train, parts.validation, parts.test)]


# Two ink numbers


@experiment(seeds=20)
def ink(seed):
    """Five ways to choose three weights, on 700 of the 1,000 3s and 8s; the other 300 judge. Each seed parts them anew.

    From zeros the perceptron's rate does not matter; the last two are exact minima. So there is no rate to choose.
    """
    pictures, truth = (np.concatenate(each) for each in zip(*digits(), strict=True))
    order = np.random.default_rng(seed).permutation(len(truth))
    learn, judge = order[:700], order[700:]
    numbers = left_ink(pictures)
    numbers = (numbers - numbers[learn].mean(axis=0)) / numbers[learn].std(axis=0)
    rows, signs = with_bias(numbers), 2 * truth - 1
    found = _perceptrons(rows[learn], signs[learn])
    found["ADALINE"] = np.linalg.lstsq(rows[learn], signs[learn], rcond=None)[0]
    found["sigmoid and surprise"] = least_surprise(rows[learn], truth[learn])
    for rule, weights in found.items():
        yield {"rule": rule, "test_error": float(np.mean((rows[judge] @ weights > 0) != truth[judge]))}


def _perceptrons(rows, signs) -> dict[str, np.ndarray]:
    """Weights after 50 passes; those of the pass with the fewest errors; and the average after every example."""
    weights, total, best = np.zeros(rows.shape[1]), np.zeros(rows.shape[1]), (np.inf, None)
    for _ in range(PASSES):
        for row, sign in zip(rows, signs, strict=True):
            if (row @ weights > 0) != (sign > 0):
                weights = weights + sign * row
            total += weights
        wrong = np.mean((rows @ weights > 0) != (signs > 0))
        best = min(best, (wrong, weights), key=lambda each: each[0])
    names = ("perceptron, last weights", "perceptron, best pass on the examples", "perceptron, average weights")
    return dict(zip(names, (weights, best[1], total), strict=True))


def least_surprise(rows, targets) -> np.ndarray:
    """The weights of least mean surprise."""
    found = minimize(
        lambda weights: surprise(rows @ weights, targets),
        np.zeros(rows.shape[1]),
        jac=lambda weights: rows.T @ (sigmoid(rows @ weights) - targets) / len(rows),
        method="BFGS",
        options={"gtol": 1e-8},
    )
    return found.x


# Too right


@experiment(seeds=20)
def too_right(seed):
    """Two clouds, and examples of class 1 far out on their right side: minima of both losses, on 10,000 new points."""
    rng = np.random.default_rng(seed)
    new, new_targets = clouds(5000, rng)
    inputs, targets = clouds(100, rng)
    far = rng.normal(size=(max(FAR), 2)) * 0.5 + [12, 0]
    for number in FAR:
        rows = with_bias(np.concatenate([inputs, far[:number]]))
        truth = np.concatenate([targets, np.ones(number)])
        adaline = np.linalg.lstsq(rows, 2 * truth - 1, rcond=None)[0]
        for neuron, weights in (("ADALINE", adaline), ("sigmoid and surprise", least_surprise(rows, truth))):
            error = float(np.mean((with_bias(new) @ weights > 0) != new_targets))
            yield {"neuron": neuron, "far": number, "test_error": error}


def clouds(number: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """`number` points around (-1, 0), class 0, and as many around (1, 0), class 1."""
    targets = np.repeat([0.0, 1.0], number)
    return rng.normal(size=(2 * number, 2)) + np.column_stack([2 * targets - 1, 0 * targets]), targets


# Nothing to hold it back


@experiment(seeds=20)
def brakes(seed):
    """A neuron on all pixels of a few digits: without a brake, with weight decay, or stopped early.

    The strength of the decay and the step at which to stop are those of the lowest surprise on the validation digits,
    whose labels are spoilt as the examples' are. All other digits judge, with their true labels.
    """
    for labels, (examples, wrong) in KINDS.items():
        for neuron, step, decay, measured in _three(*_prepared(examples, wrong, seed)):
            yield {"labels": labels, "neuron": neuron, "step": step, "decay": decay, **measured}


@experiment(seeds=20)
def forty(seed):
    """The way of two of these neurons on 40 digits: without a brake, and with the decay that `brakes` chooses."""
    path, measure = _prepared(*KINDS["right"], seed)
    chosen = _best_decay(path, measure)
    for step in LOOKS:
        for neuron, column in (("no brake", 0), ("weight decay", chosen)):
            yield {"neuron": neuron, "step": step, **measure(step, column)}


def _three(path, measure):
    """Neuron, step, decay, and what is measured of it."""
    chosen = _best_decay(path, measure)
    early = min(LOOKS, key=lambda step: measure(step, 0)["validation_surprise"])
    yield "no brake", STEPS, 0.0, measure(STEPS, 0)
    yield "weight decay", STEPS, DECAYS[chosen - 1], measure(STEPS, chosen)
    yield "stopped early", early, 0.0, measure(early, 0)


def _best_decay(path, measure) -> int:
    return min(range(1, len(DECAYS) + 1), key=lambda column: measure(STEPS, column)["validation_surprise"])


def _prepared(examples: int, wrong: float, seed: int):
    """The path of `descend_all` on some digits, and a function that measures what stands in one of its columns."""
    (pictures, truth), (choosing, choosing_truth), (testing, testing_truth) = (
        (images.reshape(len(images), -1), targets) for images, targets in digits()
    )
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(pictures))
    learn, rest = order[:examples], order[examples:]
    inputs, targets = pictures[learn], _spoilt(truth[learn], wrong, rng)
    choosing_truth = _spoilt(choosing_truth, wrong, rng)
    new, new_truth = np.concatenate([pictures[rest], testing]), np.concatenate([truth[rest], testing_truth])
    products = {name: each @ inputs.T for name, each in (("own", inputs), ("choosing", choosing), ("new", new))}
    path = descend_all(products["own"], targets)

    def measure(step: int, column: int) -> dict[str, float]:
        shares, bias = path[step][0][:, column], path[step][1][column]
        own, choose, judge = (each @ shares + bias for each in products.values())
        confidence = sigmoid(np.abs(judge)).mean()
        error = np.mean((judge > 0) != new_truth)
        return {
            "length": float(np.sqrt(shares @ products["own"] @ shares)),
            "surprise": float(surprise(own, targets)),
            "validation_surprise": float(surprise(choose, choosing_truth)),
            "test_surprise": float(surprise(judge, new_truth)),
            "test_error": float(error),
            "confidence": float(confidence),
            "too_sure": float(confidence - (1 - error)),
        }

    return path, measure


def _spoilt(targets, wrong: float, rng) -> np.ndarray:
    """The targets with an exact share of them turned round."""
    turned = rng.permutation(len(targets)) < round(wrong * len(targets))
    return np.where(turned, 1 - targets, targets)


def descend_all(products, targets) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """At each look the shares `(examples, 1 + decays)` and biases of neurons without decay and with each of DECAYS.

    From zeros, every step adds a mixture of the examples to the weights: weights = inputs.T @ shares. So one needs only
    the dot products of the examples, and a step takes microseconds. Its rate is 1 / (largest curvature).
    """
    number = len(targets)
    rate = 4 * number / np.linalg.eigvalsh(products + 1)[-1]
    decays = np.array([0, *DECAYS])
    shares, biases, path = np.zeros((number, len(decays))), np.zeros(len(decays)), {}
    for step in range(1, STEPS + 1):
        residuals = sigmoid(products @ shares + biases) - targets[:, None]
        shares = (1 - rate * decays) * shares - rate / number * residuals
        biases = biases - rate * residuals.mean(axis=0)
        if step in LOOKS:
            path[step] = shares, biases
    return path
