"""What one unit, and one unit behind random ones, learn: with more pictures, wirings and passes than a notebook."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from course_lessons.perceptron import rule
from course_lib import data
from course_lib.evidence import experiment

PASSES = 30
UNITS = (16, 64, 256, 1024, 4096)


@experiment(seeds=5)
def mark_one(seed):
    """X or another letter, in ink and as a negative: new pictures and new wires for every seed."""
    parts = [_pictures(number, 3 * seed + part) for part, number in enumerate((1000, 500, 1000))]
    with_negatives = [_with_negatives(*part) for part in parts]
    ink_only = [_pictures(2000, 3 * seed + 100), *parts[1:]]

    yield {"machine": "one unit, ink only", "units": 0, **_trained(ink_only)}
    yield {"machine": "one unit", "units": 0, **_trained(with_negatives)}
    yield {"machine": "one unit, average weights", "units": 0, **_trained(with_negatives, average=True)}
    yield {"machine": "nearest neighbour", "units": 0, "passes": 0, "test_error": _nearest(with_negatives)}
    for units in UNITS:
        wiring = random_wiring(units, np.random.default_rng(seed))
        if units == 1024:
            sums = [(images @ wiring, targets) for images, targets in with_negatives]
            yield {"machine": "1,024 random sums", "units": units, **_trained(sums)}
        seen = [((images @ wiring > 0).astype(float), targets) for images, targets in with_negatives]
        yield {"machine": f"{units:,} random units", "units": units, **_trained(seen)}


def random_wiring(units: int, rng, cells: int = 400, connections: int = 12) -> np.ndarray:
    """Weights (cells, units): each unit reads a few random cells, with +1 or -1."""
    wiring = np.zeros((cells, units))
    for unit in range(units):
        wiring[rng.choice(cells, connections, replace=False), unit] = rng.choice([-1, 1], connections)
    return wiring


def _pictures(number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Half X (+1), half other letters (-1), in random order."""
    crosses = data.letters(number // 2, seed=2 * seed, alphabet="X")
    others = data.letters(number // 2, seed=2 * seed + 1, alphabet="ABCDEFGHIJKLMNOPQRSTUVWYZ")
    images = np.concatenate([crosses.images, others.images]).reshape(number, -1).astype(float)
    order = np.random.default_rng(seed).permutation(number)
    return images[order], np.repeat([1, -1], number // 2)[order]


def _with_negatives(images, targets) -> tuple[np.ndarray, np.ndarray]:
    """Each picture and its negative, in random order."""
    order = np.random.default_rng(0).permutation(2 * len(images))
    return np.concatenate([images, 1 - images])[order], np.tile(targets, 2)[order]


def _trained(parts, average: bool = False) -> dict:
    """One unit by the rule; of its weights after each pass, those that do best on the validation part are tested."""
    train, validation, test = parts
    trail = (each["average"] for each in _last_and_average(*train)) if average else _after_each_pass(*train)
    runs = enumerate(trail, start=1)
    _, passes, error = min((_error(w, *validation), passes, _error(w, *test)) for passes, w in runs)
    return {"passes": passes, "test_error": error}


def _after_each_pass(inputs, targets) -> Iterator[np.ndarray]:
    weights = None
    for _ in range(PASSES):
        weights = rule.train(inputs, targets, passes=1, weights=weights).weights[-1]
        yield weights


def _error(weights, inputs, targets) -> float:
    return float(np.mean(rule.predict(inputs, weights) != targets))


def _nearest(parts) -> float:
    (inputs, targets), _, (new, new_targets) = parts
    distances = (inputs**2).sum(axis=1) - 2 * new @ inputs.T
    return float(np.mean(targets[distances.argmin(axis=1)] != new_targets))


@experiment(seeds=5)
def averaged(seed):
    """The last weights against the average of all, on all 45 pairs of digits; the seed shuffles what is learnt from.

    `first_pass` is the error after one pass, `test_error` that after the pass that does best on the validation part.
    """
    digits, rng = data.mnist_5k(), np.random.default_rng(seed)
    errors = {kind: {"first_pass": [], "test_error": []} for kind in ("last", "average")}
    for pair in itertools.combinations(range(10), 2):
        train, validation, test = (_pair(part, pair) for part in (digits.train, digits.validation, digits.test))
        order = rng.permutation(len(train[1]))
        runs = list(_last_and_average(train[0][order], train[1][order]))
        for kind, found in errors.items():
            chosen = min(runs, key=lambda run: _error(run[kind], *validation))
            found["first_pass"].append(_error(runs[0][kind], *test))
            found["test_error"].append(_error(chosen[kind], *test))
    for kind, found in errors.items():
        yield {"weights": kind, **{name: float(np.mean(each)) for name, each in found.items()}}


def _pair(examples, pair) -> tuple[np.ndarray, np.ndarray]:
    chosen = examples[np.isin(examples.labels, pair)]
    return chosen.images.reshape(len(chosen), -1).astype(float), np.where(chosen.labels == pair[1], 1, -1)


def _last_and_average(inputs, targets) -> Iterator[dict[str, np.ndarray]]:
    """After each pass the last weights, and the average of the weights after every example so far."""
    weights, total, seen = np.zeros(inputs.shape[1] + 1), np.zeros(inputs.shape[1] + 1), 0
    for _ in range(PASSES):
        history = rule.train(inputs, targets, learning_rate=0.5, passes=1, weights=weights)
        weights = history.weights[-1]
        total += history.weights[_updates_before(history, inputs, targets)].sum(axis=0)
        seen += len(targets)
        yield {"last": weights, "average": total / seen}


def _updates_before(history, inputs, targets) -> np.ndarray:
    """For each example of the one pass in `history`: how many updates there had been after it."""
    rows, made, counts = rule.with_bias(inputs), 0, np.zeros(len(targets), int)
    for place, (row, target) in enumerate(zip(rows, targets, strict=True)):
        made += (1 if row @ history.weights[made] > 0 else -1) != target
        counts[place] = made
    return counts
