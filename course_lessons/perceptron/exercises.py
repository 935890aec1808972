"""Exercises of lesson 02_perceptron."""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy.optimize import linprog

from course_lib.exercises.answer import WrongForm
from course_lib.exercises.spec import exercise

LESSON = "02_perceptron"
CORNERS = np.array(list(itertools.product([0, 1], repeat=2)))


@exercise(lesson=LESSON, points=2)
def predict(inputs, weights):
    return np.array([1 if math.fsum([weights[0], *(weights[1:] * row)]) > 0 else -1 for row in inputs])


predict.hints = (
    "The weights hold the bias first: weights[0] is w0, and weights[1:] belong to the features.",
    "inputs @ weights[1:] gives the weighted sums of all rows at once. What has to be added to it?",
    "np.where(condition, 1, -1) picks +1 or -1 for every row. The condition is 'above zero', not 'zero or above'.",
)


@predict.cases
def _(rng):
    yield CORNERS.astype(float), np.array([-1.0, 1.0, 1.0])  # two corners lie exactly on the line
    for examples, features in ((1, 1), (1, 3), (6, 2), (20, 5)):
        yield rng.normal(size=(examples, features)), rng.normal(size=features + 1)


@predict.known_mistakes
def _(inputs, weights):
    yield (
        "A sum of exactly 0 must give -1: the unit fires only above zero (>, not >=).",
        np.where(weights[0] + inputs @ weights[1:] >= 0, 1, -1),
    )
    yield (
        "The bias is missing: add weights[0] to the weighted sum, or every boundary goes through the origin.",
        np.where(inputs @ weights[1:] > 0, 1, -1),
    )
    yield "You answer 1 and 0. This unit answers +1 and -1.", np.where(weights[0] + inputs @ weights[1:] > 0, 1, 0)
    yield (
        "You took the last weight for the bias; here the bias comes first, weights[0].",
        np.where(weights[-1] + inputs @ weights[:-1] > 0, 1, -1),
    )
    yield (
        "These are the weighted sums themselves. The unit only tells their side: +1 above zero, else -1.",
        weights[0] + inputs @ weights[1:],
    )


@exercise(lesson=LESSON, points=1)
def weights_for_nand(corners):
    return np.where(np.logical_and(*corners.T), -1, 1)


weights_for_nand.hints = (
    "NAND is AND turned round: +1 everywhere except at (1, 1). Which signs must w1 and w2 have?",
    "Start with w1 = w2 = -1. The sums at the corners are then w0, w0 - 1, w0 - 1 and w0 - 2. Choose w0.",
)


@weights_for_nand.cases
def _(rng):
    yield (CORNERS,)


@weights_for_nand.probe
def _(weights, corners):
    weights = np.asarray(weights, dtype=float)
    if weights.shape != (3,):
        raise WrongForm(f"Three numbers are needed, w0, w1 and w2; these have the shape {weights.shape}.")
    return np.where(weights[0] + corners @ weights[1:] > 0, 1, -1)


@weights_for_nand.known_mistakes
def _():
    yield (
        "That is AND. NAND says the opposite at every corner: turn the signs of all three weights.",
        np.array([-1.5, 1.0, 1.0]),
    )
    yield "That is OR: +1 as soon as one input is on.", np.array([-0.5, 1.0, 1.0])
    yield (
        "That is NOR: the bias is too small, so one input that is on already silences the unit.",
        np.array([0.5, -1.0, -1.0]),
    )


@exercise(lesson=LESSON, points=2)
def update(weights, example, target, learning_rate):
    output = 1 if math.fsum([weights[0], *(weights[1:] * example)]) > 0 else -1
    if output == target:
        return weights.copy()
    return weights + 2 * learning_rate * target * np.insert(example, 0, 1.0)


update.hints = (
    "First find the unit's output, +1 or -1, for this one example. Only then can you compare it with the target.",
    "The rule is w_i + learning_rate (target - output) x_i. For the bias, x_0 is 1.",
    "np.concatenate([[1.0], example]) puts the 1 in front, so that one line updates the bias and all weights.",
)


@update.cases
def _(rng):
    yield np.zeros(3), np.array([1.0, 2.0]), 1, 0.5
    for features, learning_rate in ((1, 0.05), (2, 0.3), (2, 0.05), (4, 1.0), (4, 0.1), (9, 0.05)):
        for target in (1, -1):
            yield rng.normal(size=features + 1), rng.normal(size=features), target, learning_rate


def _output(weights, example):
    return 1 if weights[0] + example @ weights[1:] > 0 else -1


@update.known_mistakes
def _(weights, example, target, learning_rate):
    yield (
        "The sign is turned round: target - output moves towards the target, output - target away from it.",
        weights - learning_rate * (target - _output(weights, example)) * np.insert(example, 0, 1.0),
    )
    yield (
        "The bias stands still. It learns too: its input is the constant 1.",
        weights + learning_rate * (target - _output(weights, example)) * np.insert(example, 0, 0.0),
    )
    yield (
        "You move even when the answer was right. The rule leaves the weights alone then: target - output is 0.",
        weights + learning_rate * target * np.insert(example, 0, 1.0),
    )
    yield (
        "You compare the target with the weighted sum. The perceptron compares it with the output, +1 or -1.",
        weights + learning_rate * (target - weights[0] - example @ weights[1:]) * np.insert(example, 0, 1.0),
    )
    yield "The learning rate is missing.", weights + (target - _output(weights, example)) * np.insert(example, 0, 1.0)
    yield (
        "The step is half as long as it should be: target - output is +2 or -2 after a mistake, not +1 or -1.",
        weights + learning_rate * (target - _output(weights, example)) / 2 * np.insert(example, 0, 1.0),
    )


@exercise(lesson=LESSON, points=2)
def margin(inputs, targets, weights):
    def distance(row, target):  # to the foot of the perpendicular, signed by the side the example lies on
        steps = math.fsum([weights[0], *(weights[1:] * row)]) / math.fsum(weights[1:] ** 2)
        return target * steps * math.hypot(*weights[1:])

    return min(distance(row, target) for row, target in zip(inputs, targets, strict=True))


margin.hints = (
    "The distance of a point from the line is its weighted sum, divided by the length of (w1, w2, ...).",
    "Multiply by the target: a point on its right side then counts as positive, one on the wrong side as negative.",
    "np.linalg.norm(weights[1:]) is the length, without the bias. The margin is the smallest of all distances.",
)


@margin.cases
def _(rng):
    yield np.array([[3.0, 4.0]]), np.array([1]), np.array([0.0, 3.0, 4.0])
    for examples, features in ((1, 1), (3, 2), (10, 2), (12, 4)):
        inputs, weights = rng.normal(size=(examples, features)), rng.normal(size=features + 1) + 0.1
        right = np.where(weights[0] + inputs @ weights[1:] > 0, 1, -1)
        yield inputs, right, weights
        if examples > 1:
            yield inputs, right * np.where(np.arange(examples) == 1, -1, 1), weights  # one example on the wrong side


def _sums(inputs, targets, weights):
    return targets * (weights[0] + inputs @ weights[1:])


@margin.known_mistakes
def _(inputs, targets, weights):
    yield (
        "You took the mean distance. The margin is the smallest: the nearest example decides.",
        np.mean(_sums(inputs, targets, weights)) / np.linalg.norm(weights[1:]),
    )
    yield (
        "Divide by the length of w1, w2, ... only. The bias shifts the line but does not scale the distance.",
        np.min(_sums(inputs, targets, weights)) / np.linalg.norm(weights),
    )
    yield (
        "These are weighted sums, not distances: divide by the length of (w1, w2, ...).",
        np.min(_sums(inputs, targets, weights)),
    )
    yield (
        "With an absolute value a point on the wrong side looks right. Multiply by the target instead.",
        np.min(np.abs(_sums(inputs, targets, weights))) / np.linalg.norm(weights[1:]),
    )
    yield (
        "The bias is missing from the weighted sums.",
        np.min(targets * (inputs @ weights[1:])) / np.linalg.norm(weights[1:]),
    )


@exercise(lesson=LESSON, points=3)
def is_separable(targets):
    rows = np.insert(CORNERS, 0, 1.0, axis=1) * np.asarray(targets)[:, None]
    # Is there a w with target (w0 + w1 x1 + w2 x2) >= 1 at every corner? Linear programming finds one or proves: none.
    return linprog(np.zeros(3), A_ub=-rows, b_ub=-np.ones(4), bounds=(None, None)).status == 0


is_separable.hints = (
    "With two inputs it is enough to try weights -1, 0 and 1 with biases at the halves: -1.5, -0.5, 0.5 and 1.5.",
    "itertools.product(biases, [-1, 0, 1], [-1, 0, 1]) gives every combination.",
    "For each combination compute the four outputs; np.array_equal tells whether all of them agree with the targets.",
)


@is_separable.cases
def _(rng):
    for targets in itertools.product([-1, 1], repeat=4):
        yield (np.array(targets),)


def _search(targets, biases, weights):
    outputs = (
        np.where(w0 + CORNERS @ [w1, w2] > 0, 1, -1) for w0, w1, w2 in itertools.product(biases, weights, weights)
    )
    return any(np.array_equal(output, targets) for output in outputs)


@is_separable.known_mistakes
def _(targets):
    yield "Your search has no bias, so it only tries lines through the origin.", _search(targets, [0], np.arange(-3, 4))
    yield (
        "Your search tries positive weights only, so it misses functions that go down when an input goes on.",
        _search(targets, np.arange(-3.5, 4), np.arange(0, 4)),
    )
    yield (
        "You stop at the first line tried. One line that fails proves nothing: only all of them do.",
        _search(targets, [-0.5], [1]),
    )
    yield "Three corners right is not enough; with that, even XOR would pass.", True
