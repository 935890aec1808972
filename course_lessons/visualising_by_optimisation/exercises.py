"""Exercises of lesson 27_visualising_by_optimisation."""

from __future__ import annotations

import numpy as np
from scipy import special

from course_lib.exercises.spec import exercise

LESSON = "27_visualising_by_optimisation"


# Total variation


@exercise(lesson=LESSON, points=2)
def total_variation(picture):
    height, width, channels = picture.shape
    total = 0.0
    for row, column, channel in np.ndindex(height, width, channels):
        here = picture[row, column, channel]
        if row + 1 < height:
            total += abs(picture[row + 1, column, channel] - here)
        if column + 1 < width:
            total += abs(picture[row, column + 1, channel] - here)
    return total


total_variation.hints = (
    "picture[1:] - picture[:-1] are the differences of all neighbours in a column, in every channel at once.",
    "The same with picture[:, 1:] and picture[:, :-1] for neighbours in a row. Both count.",
    "np.abs before np.sum: otherwise ups and downs cancel. np.diff(picture, axis=0) is the first difference, too.",
)


@total_variation.cases
def _(rng):
    for shape in ((2, 3, 1), (1, 3, 2), (3, 3, 1), (4, 5, 3), (6, 2, 2)):
        yield (rng.random(shape),)
    yield (np.array([[0.9, 0.1], [0.3, 0.2]])[..., None],)  # more down than up, both ways
    yield (np.indices((4, 4)).sum(axis=0)[..., None] % 2.0,)  # a chequerboard


@total_variation.known_mistakes
def _(picture):
    down, right = np.diff(picture, axis=0), np.diff(picture, axis=1)
    yield (
        "Ups and downs cancel: take the absolute value of each difference before you add them up.",
        down.sum() + right.sum(),
    )
    yield (
        "The absolute value comes too late, after the sum. Each single difference needs its own.",
        abs(down.sum()) + abs(right.sum()),
    )
    yield "Only neighbours in a column are compared. Those in a row count, too.", np.abs(down).sum()
    yield "Only neighbours in a row are compared. Those in a column count, too.", np.abs(right).sum()
    yield (
        "The last row and the last column are left out of one sum. They have neighbours beside them, too.",
        np.abs(down[:, :-1]).sum() + np.abs(right[:-1]).sum(),
    )
    yield (
        "That is the form with a root, of the squares of both differences. Here their absolute values add up.",
        np.sqrt(down[:, :-1] ** 2 + right[:-1] ** 2).sum(),
    )
    yield (
        "The edges wrap around: the last row is no neighbour of the first. Use slices, not np.roll.",
        sum(np.abs(picture - np.roll(picture, 1, axis)).sum() for axis in (0, 1)),
    )
    yield (
        "These are squares. Total variation adds up absolute values, which forgive a sharp edge.",
        (down**2).sum() + (right**2).sum(),
    )
    yield (
        "Channels of a pixel are no neighbours: compare along axis 0 and axis 1 only.",
        sum(np.abs(np.diff(picture, axis=axis)).sum() for axis in range(3)),
    )
    yield (
        "The sum is asked for, not the mean.",
        sum(np.abs(each).mean() if each.size else 0.0 for each in (down, right)),
    )


# Unpooling


@exercise(lesson=LESSON, points=2)
def unpool(maxima, switches, pool_size):
    places = np.arange(pool_size**2).reshape(pool_size, pool_size)
    window = np.ones((pool_size, pool_size))
    return np.kron(maxima, window) * (np.tile(places, maxima.shape) == np.kron(switches, window))


unpool.hints = (
    "Start with zeros of shape (rows * pool_size, columns * pool_size), and go through the maxima one by one.",
    "Window (i, j) begins at row i * pool_size and column j * pool_size. Where in it does the switch point?",
    "divmod(switch, pool_size) gives row and column within the window, as switches count in reading order.",
)


@unpool.cases
def _(rng):
    yield np.array([[1.5, 2.0], [3.0, 4.5]]), np.array([[1, 2], [0, 3]]), 2
    for shape, pool_size in (((2, 3), 2), ((1, 3), 2), ((2, 2), 3), ((4, 3), 2)):
        yield rng.uniform(0.1, 2, shape), rng.integers(0, pool_size**2, shape), pool_size


@unpool.known_mistakes
def _(maxima, switches, pool_size):
    window = np.ones((pool_size, pool_size))
    shares = np.kron(maxima, window)
    yield "You copied each value into its whole window. The switch tells the one place where it stood.", shares
    yield (
        "All values stand in the first place of their windows: the switches are not used.",
        unpool.oracle(maxima, 0 * switches, pool_size),
    )
    row, column = np.divmod(switches, pool_size)
    yield (
        "Row and column are exchanged: in reading order, divmod(switch, pool_size) is (row, column).",
        unpool.oracle(maxima, column * pool_size + row, pool_size),
    )
    places = unpool.oracle(maxima, switches, pool_size).reshape(len(maxima), pool_size, -1, pool_size)
    yield (
        "Your windows are woven into one another. They stand side by side: (i, j) begins at row i * pool_size.",
        places.transpose(1, 0, 3, 2).reshape(np.multiply(maxima.shape, pool_size)),
    )
    yield (
        "You shared each value out over its window. That undoes average pooling; a maximum came from one place.",
        shares / pool_size**2,
    )


# The fast gradient sign method


@exercise(lesson=LESSON, points=3)
def fgsm(pictures, labels, weights, bias, epsilon):
    result = pictures.copy()
    for number, label in enumerate(labels):
        loss = _loss(label, bias)
        for pixel in range(pictures.shape[1]):
            ways = pictures[[number, number]]
            ways[0, pixel] += epsilon
            ways[1, pixel] -= epsilon
            up, down = (loss(way @ weights) for way in ways)
            result[number, pixel] = ways[0 if up > down else 1, pixel]
    return np.minimum(np.maximum(result, 0), 1)


def _loss(label, bias):
    """The cross-entropy as a function of the weighted sum."""
    sign = 1 if label else -1
    return lambda total: np.logaddexp(0, -sign * (total + bias))


fgsm.hints = (
    "The loss is the cross-entropy of one sigmoid unit. By the weighted sum its slope is p - label.",
    "By the pixels it is (p - label) * weights, for every picture: (p - labels)[:, None] * weights.",
    "Only its sign counts. Add epsilon * sign, so that the loss grows, and clip to 0..1.",
)


@fgsm.cases
def _(rng):
    for number, pixels in ((2, 3), (4, 6), (6, 10)):
        weights = rng.uniform(0.4, 1.5, pixels) * rng.choice([-1, 1], pixels)
        pictures, labels = rng.uniform(0.15, 0.85, (number, pixels)), np.arange(number) % 2
        yield pictures, labels, weights, rng.normal(), 0.1
    # Two pictures that the unit gets wrong, two that it gets right; some pixels lie near 0 or 1.
    pictures = np.array([[0.02, 0.98, 0.5], [0.97, 0.03, 0.5], [0.9, 0.1, 0.6], [0.1, 0.8, 0.5]])
    yield pictures, np.array([1, 0, 1, 0]), np.array([1.0, -1.0, 0.5]), -0.3, 0.1


@fgsm.known_mistakes
def _(pictures, labels, weights, bias, epsilon):
    def pushed(direction):
        return np.clip(pictures + epsilon * direction, 0, 1)

    residual = special.expit(pictures @ weights + bias)[:, None] - labels[:, None]
    slope = residual * weights
    yield "The sign is missing: this step is as long as the slope, not epsilon in every pixel.", pushed(slope)
    yield (
        "That is the slope by the weights, (p - label) · picture. The picture moves, so take the slope by its pixels.",
        pushed(np.sign(residual * pictures)),
    )
    yield "Pixels leave the range from 0 to 1: clip after the step.", pictures + epsilon * np.sign(slope)
    yield (
        "This goes towards the label: the loss falls. To fool, go up the loss: plus epsilon times the sign.",
        pushed(-np.sign(slope)),
    )
    yield (
        "This flees from what the unit says, p rounded to 0 or 1. The loss is that of the true class.",
        pushed(np.sign((residual + labels[:, None] < 0.5) - 0.5) * np.sign(weights)),
    )
    yield (
        "The picture is missing: that is the change, epsilon * sign. Add it to the picture.",
        np.clip(epsilon * np.sign(slope), 0, 1),
    )
    yield (
        "All pictures move the same way, whatever their label. Up the loss is another way for label 0 than for 1.",
        pushed(np.sign(weights)),
    )


# A step of an attack that stays near


@exercise(lesson=LESSON, points=3)
def attack_step(picture, slope, original, epsilon, learning_rate):
    result = picture.copy()
    for place in np.ndindex(*picture.shape):
        if slope[place]:
            result[place] += learning_rate if slope[place] > 0 else -learning_rate
        low, high = max(0, original[place] - epsilon), min(1, original[place] + epsilon)
        result[place] = sorted((low, result[place], high))[1]
    return result


attack_step.hints = (
    "picture + learning_rate * np.sign(slope) moves every pixel by the same amount, whatever the slope's length.",
    "np.clip(moved, original - epsilon, original + epsilon) takes each pixel back near its original.",
    "A second np.clip(..., 0, 1) keeps it a picture. The original lies in 0..1, so the first rule is not broken again.",
)


@attack_step.cases
def _(rng):
    # Up and down, at the edge of the box and inside, at both ends of the range; a pixel without a slope stays.
    original = np.array([0.5, 0.5, 0.5, 0.02, 0.97, 0.4, 0.6, 0.3])
    picture = original + np.array([0.0, 0.06, -0.06, 0.0, 0.0, 0.02, -0.02, 0.03])
    yield picture, np.array([3.0, 0.2, -0.5, -2.0, 1.5, -0.3, 0.7, 0.0]), original, 0.08, 0.05
    for shape in ((6,), (2, 5), (2, 3, 3, 1)):
        original, epsilon = rng.uniform(0.02, 0.98, shape), rng.uniform(0.05, 0.1)
        picture = np.clip(original + epsilon * rng.uniform(-1, 1, shape), 0, 1)
        yield picture, 3 * rng.normal(size=shape), original, epsilon, epsilon * rng.uniform(0.4, 0.9)


@attack_step.known_mistakes
def _(picture, slope, original, epsilon, learning_rate):
    def kept(moved):
        return np.clip(np.clip(moved, original - epsilon, original + epsilon), 0, 1)

    moved = picture + learning_rate * np.sign(slope)
    yield (
        "The sign is missing: each pixel moves by the learning rate, however steep.",
        kept(picture + learning_rate * slope),
    )
    yield (
        "Pixels end farther than epsilon from the original: clip to a box around it, not around the present picture.",
        np.clip(moved, 0, 1),
    )
    yield (
        "Pixels leave the range from 0 to 1. Clip to that, too.",
        np.clip(moved, original - epsilon, original + epsilon),
    )
    yield (
        "This goes down the slope. The score of the class that is wanted is to grow.",
        kept(picture - learning_rate * np.sign(slope)),
    )
    yield "This starts at the original again: earlier steps are lost.", kept(original + learning_rate * np.sign(slope))
    yield (
        "The step has the length epsilon. It is learning_rate; epsilon bounds all steps together.",
        kept(picture + epsilon * np.sign(slope)),
    )
    yield "The box has a lower end, too: original - epsilon.", np.clip(np.minimum(moved, original + epsilon), 0, 1)
    yield "The box has an upper end, too: original + epsilon.", np.clip(np.maximum(moved, original - epsilon), 0, 1)
