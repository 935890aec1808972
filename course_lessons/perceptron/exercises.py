"""Exercises of lesson 02_perceptron."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np

from course_lib.data import mnist_5k
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
    yield np.array([1.0, -0.5]), np.array([0.5]), -1, 0.5  # without the bias the sum has another sign
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
        "The bias is missing from the weighted sum: add weights[0].",
        weights + learning_rate * (target - (1 if example @ weights[1:] > 0 else -1)) * row,
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
    yield "You added the distances up. The margin is the smallest: the nearest example decides.", sum(sums) / length
    yield "The margin is below 0 where an example lies on the wrong side. Yours stops at 0.", max(0, min(sums)) / length
    yield (
        "Divide by the length of w1, w2, ... only: that gives distances. With the bias it is ρ, as in the proof.",
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


@exercise(lesson=LESSON, points=3, atol=1e-5)
def average_weights(inputs, targets, passes):
    rows = np.insert(inputs, 0, 1.0, axis=1)
    last, average = np.zeros((2, rows.shape[1]))
    steps = passes * len(rows)
    for step in range(steps):
        row, target = rows[step % len(rows)], targets[step % len(rows)]
        if (math.fsum(last * row) > 0) != (target > 0):
            last = last + target * row
            average = average + (1 - step / steps) * target * row  # each update counts for as long as it is there
    return average


average_weights.hints = (
    "Two arrays of zeros: the weights, which the rule changes, and a total, to which you add the weights every time.",
    "Add to the total after each example, also when the weights did not move. At last divide by how often you added.",
    "For each pass and each row: if its output, +1 only above zero, differs from the target, weights += target * row.",
)


@functools.cache
def _digits():
    """The 4s (-1) and 9s (+1) that may be learnt from: every third row and column of the pictures."""
    train = mnist_5k().train
    chosen = train[np.isin(train.labels, (4, 9))]
    return chosen.images[:, ::3, ::3, 0].reshape(len(chosen), -1).astype(float), np.where(chosen.labels == 9, 1, -1)


@average_weights.cases
def _(rng):
    yield np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([1, -1]), 1
    yield np.array([[1.0], [3.0], [-2.0]]), np.array([1, -1, -1]), 3
    for examples, features, passes in ((6, 2, 4), (9, 3, 2), (12, 2, 5)):  # no line separates most of these
        yield rng.normal(size=(examples, features)), rng.choice([-1, 1], examples), passes
    inputs = rng.normal(size=(8, 2))
    yield inputs, np.where(inputs.sum(axis=1) > 0, 1, -1), 30  # learnt long before the last pass
    pictures, targets = _digits()
    some = rng.choice(len(pictures), 60, replace=False)
    yield pictures[some], targets[some], 3


@average_weights.known_mistakes
def _(inputs, targets, passes):
    rows = np.insert(inputs, 0, 1.0, axis=1)
    trail, mistaken = _trail(rows, targets, passes)
    after = trail[1:]
    yield "These are the last weights. Keep a total of the weights after every example, too.", trail[-1]
    yield (
        "You averaged only the weights right after a mistake. Weights that stay count once for each example.",
        after[mistaken].mean(axis=0) if mistaken.any() else trail[-1],
    )
    yield (
        "You averaged once a pass. Add the weights after every example.",
        after[len(rows) - 1 :: len(rows)].mean(axis=0),
    )
    yield "That is the total. Divide it by the number of examples seen, passes times rows.", after.sum(axis=0)
    yield "You divided by the number of rows alone. Every pass adds as many weights.", after.sum(axis=0) / len(rows)
    yield "The zeros of the start are no weights after an example: leave them out.", trail.mean(axis=0)
    yield "You added the weights before each example. Add those after it.", trail[:-1].mean(axis=0)
    yield "You averaged over the last pass only. All passes count.", after[-len(rows) :].mean(axis=0)
    yield (
        "You began every pass from zeros. The weights go on from where the last pass left them.",
        after[: len(rows)].mean(axis=0),
    )
    yield (
        "Your steps are twice as long as asked: with a learning rate of 1/2, a mistake adds target * row.",
        2 * after.mean(axis=0),
    )
    yield (
        "You stopped after a pass without a mistake. For the average, the weights of the other passes count, too.",
        _until_right(after, mistaken, len(rows)).mean(axis=0),
    )
    yield "The bias is missing, or not first: put a 1 in front of every row.", after.mean(axis=0)[1:]
    yield (
        "The bias stands last. Put the 1 in front of every row, so that the bias comes first.",
        np.roll(after.mean(axis=0), -1),
    )
    yield (
        "A sum of exactly 0 gives the output -1: the unit fires only above zero (>, not >=).",
        _trail(rows, targets, passes, fires=np.greater_equal)[0][1:].mean(axis=0),
    )
    yield (
        "np.sign gives 0 where the sum is exactly 0, and a step of half the length. The output is -1 there.",
        _trail(rows, targets, passes, sign=True)[0][1:].mean(axis=0),
    )
    yield "The sign is turned round: a mistake adds target * row.", -after.mean(axis=0)


def _trail(rows, targets, passes, fires=np.greater, sign=False):
    """The weights at the start and after every example `(1 + steps, 1 + features)`, and which examples moved them."""
    trail, mistaken = [np.zeros(rows.shape[1])], []
    for row, target in [*zip(rows, targets, strict=True)] * passes:
        total = row @ trail[-1]
        step = 0.5 if sign and total == 0 else float(fires(total, 0) != (target > 0))
        mistaken.append(step > 0)
        trail.append(trail[-1] + step * target * row)
    return np.array(trail), np.array(mistaken)


def _until_right(after, mistaken, rows):
    """The weights up to the end of the first pass without a mistake."""
    right = np.flatnonzero(~mistaken.reshape(-1, rows).any(axis=1))
    return after[: (right[0] + 1) * rows] if len(right) else after
