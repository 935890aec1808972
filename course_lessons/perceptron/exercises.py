"""Exercises of lesson 02_perceptron."""

from __future__ import annotations

import functools
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
    yield CORNERS.astype(float), np.array([1.0, -1.0, -2.0])  # the corner (1, 0) lies exactly on the line
    for examples, features in ((3, 2), (12, 3), (40, 5)):
        bias = rng.choice([-1, 1]) * rng.uniform(0.5, 1.5)  # so far from 0 that it counts
        yield rng.normal(size=(examples, features)), np.array([bias, *rng.normal(size=features)])


@predict.known_mistakes
def _(inputs, weights):
    sums = weights[0] + inputs @ weights[1:]
    yield "A sum of exactly 0 must give -1: the unit fires only above zero (>, not >=).", np.where(sums >= 0, 1, -1)
    yield "np.sign gives 0 where the sum is exactly 0. This unit has two answers only: -1 there.", np.sign(sums)
    yield (
        "The bias is missing: add weights[0] to the weighted sum, or every boundary goes through the origin.",
        np.where(inputs @ weights[1:] > 0, 1, -1),
    )
    yield (
        "You compare the weighted sum with weights[0], as with a threshold. The bias is added to the sum instead.",
        np.where(inputs @ weights[1:] > weights[0], 1, -1),
    )
    yield "You answer 1 and 0. This unit answers +1 and -1.", np.where(sums > 0, 1, 0)
    yield "The sides are swapped: +1 belongs where the sum is above zero.", np.where(sums > 0, -1, 1)
    yield (
        "You took the last weight for the bias; here the bias comes first, weights[0].",
        np.where(weights[-1] + inputs @ weights[:-1] > 0, 1, -1),
    )
    yield "These are the weighted sums themselves. The unit only tells their side: +1 above zero, else -1.", sums


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
        raise WrongForm(f"Three numbers are asked for, w0, w1 and w2; these have the shape {weights.shape}.")
    return np.where(weights[0] + corners @ weights[1:] > 0, 1, -1)


@weights_for_nand.known_mistakes
def _():
    yield "That is AND. NAND says the opposite at every corner: turn the signs of all three weights.", [-1.5, 1, 1]
    yield "That is OR: +1 as soon as one input is on.", [-0.5, 1, 1]
    yield "That is NOR: the bias is too small, so one input that is on already silences the unit.", [0.5, -1, -1]
    yield "That is +1 at every corner. With both inputs on, the sum must not be above 0.", [2.5, -1, -1]
    yield "That is -1 at every corner. With both inputs off, the bias is all of the sum: above 0.", [-0.5, -1, -1]
    yield "That is +1 at (0, 1) alone. Does your bias stand last? It comes first: w0, w1, w2.", [-1, -1, 1.5]


@exercise(lesson=LESSON, points=2, atol=1e-5)
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
    yield np.zeros(3), np.array([1.0, 2.0]), 1, 0.5  # a sum of exactly 0
    yield np.array([0.2, 0.3]), np.array([1.5]), -1, 0.5  # sums between 0 and the targets
    yield np.array([-0.2, 0.3]), np.array([-1.5]), 1, 0.5
    for features, learning_rate in ((1, 0.05), (2, 0.3), (2, 0.05), (4, 1.0), (4, 0.1), (9, 0.05)):
        for target in (1, -1):  # one of them is right already
            yield rng.normal(size=features + 1), rng.normal(size=features), target, learning_rate


@update.known_mistakes
def _(weights, example, target, learning_rate):
    row, total = np.insert(example, 0, 1.0), weights[0] + example @ weights[1:]
    error = target - (1 if total > 0 else -1)
    yield (
        "The sign is turned round: target - output moves towards the target, output - target away from it.",
        weights - learning_rate * error * row,
    )
    yield (
        "The bias stands still. It learns too: its input is the constant 1.",
        weights + learning_rate * error * np.insert(example, 0, 0.0),
    )
    yield (
        "You move even when the answer was right. The rule leaves the weights alone then: target - output is 0.",
        weights + learning_rate * target * row,
    )
    yield (
        "You compare the target with the weighted sum. The perceptron compares it with the output, +1 or -1.",
        weights + learning_rate * (target - total) * row,
    )
    yield "The learning rate is missing.", weights + error * row
    yield (
        "The step is half as long as it should be: target - output is +2 or -2 after a mistake, not +1 or -1.",
        weights + learning_rate * error / 2 * row,
    )
    yield (
        "A sum of exactly 0 gives the output -1: the unit fires only above zero (>, not >=).",
        weights + learning_rate * (target - (1 if total >= 0 else -1)) * row,
    )
    yield (
        "np.sign gives 0 where the sum is exactly 0. The unit's output is -1 there.",
        weights + learning_rate * (target - np.sign(total)) * row,
    )
    yield (
        "Here the output is 0 or 1. This unit answers +1 or -1.",
        weights + learning_rate * (target - (total > 0)) * row,
    )
    yield "Each weight moves in proportion to its own input: multiply by x_i.", weights + learning_rate * error
    yield (
        "The input 1 of the bias stands last in your example. It comes first, as the bias does.",
        weights + learning_rate * error * np.append(example, 1.0),
    )
    yield "That is the change alone. Return the new weights: the old ones plus the change.", learning_rate * error * row
    yield "The weights never move. After a mistake each of them moves by its step.", weights


@exercise(lesson=LESSON, points=2, atol=1e-5)
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
    yield np.array([[3.0, 4.0], [0.0, 5.0]]), np.array([1, 1]), np.array([-5.0, 3.0, 4.0])
    for examples, features in ((3, 2), (10, 2), (12, 4)):
        inputs, weights = rng.normal(size=(examples, features)), rng.normal(size=features + 1) + 0.1
        right = np.where(weights[0] + inputs @ weights[1:] > 0, 1, -1)
        yield inputs, right, weights
        yield inputs, right * np.where(np.arange(examples) == 1, -1, 1), weights  # one example on the wrong side


@margin.known_mistakes
def _(inputs, targets, weights):
    sums, length = targets * (weights[0] + inputs @ weights[1:]), np.linalg.norm(weights[1:])
    yield "You took the mean distance. The margin is the smallest: the nearest example decides.", np.mean(sums) / length
    yield "You took the largest distance. The margin is the smallest: the nearest example decides.", max(sums) / length
    yield "These are the distances of all examples. The margin is the smallest of them.", sums / length
    yield (
        "Divide by the length of w1, w2, ... only. The bias shifts the line but does not scale the distance.",
        min(sums) / np.linalg.norm(weights),
    )
    yield "These are weighted sums, not distances: divide by the length of (w1, w2, ...).", min(sums)
    yield "You divided by the square of the length: take the root of w1² + w2² + ...", min(sums) / length**2
    yield (
        "The length of (w1, w2, ...) is the root of the sum of squares, not the sum of absolute values.",
        min(sums) / np.abs(weights[1:]).sum(),
    )
    yield (
        "With an absolute value a point on the wrong side looks right. Multiply by the target instead.",
        min(np.abs(sums)) / length,
    )
    yield "The targets are not used: multiply each distance by its target.", min(targets * sums) / length
    yield "The bias is missing from the weighted sums.", min(targets * (inputs @ weights[1:])) / length


@functools.cache
def _some_line(targets):
    """Is there a w with target (w0 + w1 x1 + w2 x2) >= 1 at every corner? Linear programming finds it or proves: no."""
    rows = np.insert(CORNERS, 0, 1.0, axis=1) * np.array(targets)[:, None]
    return linprog(np.zeros(3), A_ub=-rows, b_ub=-np.ones(4), bounds=(None, None)).status == 0


@exercise(lesson=LESSON, points=3)
def is_separable(targets):
    return _some_line(tuple(targets))


is_separable.hints = (
    "With two inputs it is enough to try weights -1, 0 and 1 with biases at the halves: -1.5, -0.5, 0.5 and 1.5.",
    "itertools.product(biases, [-1, 0, 1], [-1, 0, 1]) gives every combination.",
    "For each combination compute the four outputs; np.array_equal tells whether all of them agree with the targets.",
)


@is_separable.cases
def _(rng):
    for targets in itertools.product([-1, 1], repeat=4):
        yield (np.array(targets),)


@is_separable.known_mistakes
def _(targets):
    def search(biases, weights):
        lines = itertools.product(biases, weights, weights)
        return any(np.array_equal(np.where(w0 + CORNERS @ [w1, w2] > 0, 1, -1), targets) for w0, w1, w2 in lines)

    yield "Your search has no bias, so it only tries lines through the origin.", search([0], np.arange(-3, 4))
    yield (
        "Your search tries positive weights only, so it misses functions that go down when an input goes on.",
        search(np.arange(-3.5, 4), np.arange(0, 4)),
    )
    yield (
        "Biases of -1, 0 and 1 are too few: corners fall on the line itself. Take them at the halves, up to 1.5.",
        search([-1, 0, 1], [-1, 0, 1]),
    )
    yield "Biases of -0.5 and 0.5 are too few: NAND needs 1.5, AND -1.5.", search([-0.5, 0.5], [-1, 0, 1])
    stopped = "You stop at the first line tried. One line that fails proves nothing: only all of them do."
    yield stopped, search([-1.5], [-1])
    yield stopped, search([-0.5], [1])
    yield (
        "That is no better than always answering True. With three corners right even XOR would pass.",
        True,
    )
    yield "It is the other way round: you answer True where no line does it.", not is_separable.oracle(targets)
