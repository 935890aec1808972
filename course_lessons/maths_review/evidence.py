"""What takes too long for a notebook: how many random tries many knobs need, and the walk to the exact minimum."""

from __future__ import annotations

import functools

import numpy as np

from course_lib import data
from course_lib.evidence import experiment

KNOBS = (2, 10, 100, 1000)
SHARES = (0.4, 0.6, 0.8, 1.0, 1.2, 1.5, 1.9, 2.4)  # times 1 / sqrt(knobs)
PATIENCE = 100  # tries for each knob, after which a search is given up
STEPS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)


@experiment(seeds=20)
def random_search(seed):
    """Random nudges on the bowl ½|w|², from a start at distance 1 until 1 % of the loss is left.

    A nudge is as long as a fixed share of the distance that is left: eight shares, of which a reader takes the best.
    """
    for knobs in KNOBS:
        for share in SHARES:
            tries = search(knobs, share / knobs**0.5, np.random.default_rng(seed))
            yield {"knobs": knobs, "share": share, "tries": tries}


def search(knobs: int, share: float, rng, left: float = 0.01) -> int:
    """Tries until ½|w|² has fallen to `left` of what it was; PATIENCE tries a knob if it has not by then."""
    place = rng.normal(size=knobs)
    place /= np.linalg.norm(place)
    size = 1.0  # |w|², in place of the loss
    for tries in range(1, PATIENCE * knobs + 1):
        nudge = rng.normal(size=knobs)
        nudge *= share * np.sqrt(size) / np.linalg.norm(nudge)
        moved = place + nudge
        if (smaller := moved @ moved) < size:
            place, size = moved, smaller
            if size <= left:
                return tries
    return PATIENCE * knobs


@functools.cache
def all_digits() -> tuple[np.ndarray, np.ndarray]:
    """All 5,000: pixels with the constant 1 in front, (5000, 785), and labels."""
    parts = data.mnist_5k()
    parts = (parts.train, parts.validation, parts.test)
    pixels = np.concatenate([part.images.reshape(len(part), -1) for part in parts]).astype(float)
    return np.insert(pixels, 0, 1.0, axis=1), np.concatenate([part.labels for part in parts])


@experiment(seeds=10)
def low_enough(seed):
    """Ten sums for ten digits: a walk downhill at 95 % of the largest rate, and the exact minimum; a split a seed.

    The walk from zero weights is followed along the main directions of the bowl, where each step multiplies the
    distance to the minimum by 1 - rate * curvature: so a million steps cost as little as one.
    """
    inputs, labels = all_digits()
    order = np.random.default_rng(seed).permutation(len(labels))
    train, validation, test = np.split(order, [3500, 4000])
    targets = np.eye(10)[labels]

    def row(steps, weights):
        sums = inputs @ weights
        wrong = sums.argmax(axis=1) != labels
        found = {"validation_error": wrong[validation].mean(), "test_error": wrong[test].mean()}
        loss = 0.5 * np.mean(np.sum((sums[train] - targets[train]) ** 2, axis=1))
        return {"steps": steps, "loss": loss, **found, "norm": np.linalg.norm(weights)}

    for steps, weights in zip(STEPS, walk(inputs[train], targets[train], STEPS), strict=True):
        yield row(steps, weights)
    yield row("exact", np.linalg.lstsq(inputs[train], targets[train], rcond=None)[0])


def walk(inputs, targets, looks, share: float = 0.95):
    """The weights after so many steps of gradient descent from zeros, at a share of the rate where it diverges."""
    curvatures, directions = np.linalg.eigh(inputs.T @ inputs / len(inputs))
    curvatures = np.maximum(curvatures, 0)
    goal = directions.T @ inputs.T @ targets / len(inputs)
    rate = share * 2 / curvatures.max()
    for steps in looks:
        covered = np.full_like(curvatures, rate * steps)  # where the bowl is flat, all steps are alike
        bent = curvatures > 1e-12
        covered[bent] = (1 - (1 - rate * curvatures[bent]) ** steps) / curvatures[bent]
        yield directions @ (covered[:, None] * goal)
