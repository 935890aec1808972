"""Exercises of lesson 27_visualising_by_optimisation."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.spec import exercise

LESSON = "27_visualising_by_optimisation"


def _slope(function, x, step=1e-5):
    """Centred differences of a number by every value of x."""
    slope = np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        move = np.zeros(x.shape)
        move[place] = step
        slope[place] = (function(x + move) - function(x - move)) / (2 * step)
    return slope


# One step of activation maximisation


@exercise(lesson=LESSON, points=2)
def ascent_step(picture, kernel, label, learning_rate, l2):
    slope = _slope(lambda x: np.dot(kernel[:, label], x) - l2 * np.dot(x, x), picture)
    return np.minimum(np.maximum(picture + learning_rate * slope, 0), 1)


ascent_step.hints = (
    "The score is picture @ kernel[:, label]: a sum of products. What is its slope by each pixel?",
    "The slope of l2 times the sum of squares is 2 * l2 * picture. The prior is taken off, and so is its slope.",
    "picture + learning_rate * slope goes up. np.clip(..., 0, 1) keeps the pixels in their range.",
)


@ascent_step.cases
def _(rng):
    for pixels, classes in ((1, 2), (4, 2), (6, 3), (12, 5)):
        # Large kernels, so that some pixels leave the range and others do not.
        picture = rng.uniform(0.1, 0.9, pixels)
        yield picture, 2 * rng.normal(size=(pixels, classes)), int(rng.integers(classes)), 0.1, rng.uniform(0.3, 0.6)
    yield np.array([0.5, 0.9, 0.1]), np.array([[1.0, -1.0], [3.0, 0.5], [-2.0, 2.0]]), 0, 0.1, 0.5


def _step(picture, slope, learning_rate, low=0.0, high=1.0):
    return np.clip(picture + learning_rate * slope, low, high)


@ascent_step.mistake("The prior has the wrong sign: it is taken off the score. Added, it rewards ever longer pictures.")
def _(picture, kernel, label, learning_rate, l2):
    return _step(picture, kernel[:, label] + 2 * l2 * picture, learning_rate)


@ascent_step.mistake("That is the slope of the probability after a softmax. Take that of the score itself, the logit.")
def _(picture, kernel, label, learning_rate, l2):
    shares = _softmax(picture @ kernel)
    slope = shares[label] * (kernel[:, label] - kernel @ shares)
    return _step(picture, slope - 2 * l2 * picture, learning_rate)


@ascent_step.mistake("That is the slope of the log-probability: it pushes the other scores down, too. Take the logit.")
def _(picture, kernel, label, learning_rate, l2):
    slope = kernel[:, label] - kernel @ _softmax(picture @ kernel)
    return _step(picture, slope - 2 * l2 * picture, learning_rate)


@ascent_step.mistake("Pixels leave the range from 0 to 1. Clip the picture after the step.")
def _(picture, kernel, label, learning_rate, l2):
    return _step(picture, kernel[:, label] - 2 * l2 * picture, learning_rate, -np.inf, np.inf)


@ascent_step.mistake("This goes down the slope, as training does with a loss. A score is to grow: add the step.")
def _(picture, kernel, label, learning_rate, l2):
    return _step(picture, kernel[:, label] - 2 * l2 * picture, -learning_rate)


@ascent_step.mistake("The prior is missing: take l2 times the sum of squares off the score before you take its slope.")
def _(picture, kernel, label, learning_rate, l2):
    return _step(picture, kernel[:, label], learning_rate)


@ascent_step.mistake("The slope of l2 · x² is 2 · l2 · x: the 2 is missing.")
def _(picture, kernel, label, learning_rate, l2):
    return _step(picture, kernel[:, label] - l2 * picture, learning_rate)


def _softmax(scores):
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


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
    for shape in ((1, 1, 1), (2, 1, 1), (1, 3, 1), (3, 3, 1), (4, 5, 3), (6, 2, 2)):
        yield (rng.random(shape),)
    yield (np.array([[0.9, 0.1], [0.3, 0.2]])[..., None],)  # more down than up, both ways
    yield (np.indices((4, 4)).sum(axis=0)[..., None] % 2.0,)  # a chequerboard


def _differences(picture):
    return [np.diff(picture, axis=0), np.diff(picture, axis=1)]


@total_variation.mistake("Ups and downs cancel: take the absolute value of each difference before you add them up.")
def _(picture):
    return sum(each.sum() for each in _differences(picture))


@total_variation.mistake("The absolute value comes too late, after the sum. Each single difference needs its own.")
def _(picture):
    return sum(abs(each.sum()) for each in _differences(picture))


@total_variation.mistake("Only neighbours in a column are compared. Those in a row count, too.")
def _(picture):
    return np.abs(_differences(picture)[0]).sum()


@total_variation.mistake("Only neighbours in a row are compared. Those in a column count, too.")
def _(picture):
    return np.abs(_differences(picture)[1]).sum()


@total_variation.mistake("The edges wrap around: the last row is no neighbour of the first. Use slices, not np.roll.")
def _(picture):
    return sum(np.abs(picture - np.roll(picture, 1, axis)).sum() for axis in (0, 1))


@total_variation.mistake("These are squares. Total variation adds up absolute values, which forgive a sharp edge.")
def _(picture):
    return sum((each**2).sum() for each in _differences(picture))


@total_variation.mistake("Channels of a pixel are no neighbours: compare along axis 0 and axis 1 only.")
def _(picture):
    return sum(np.abs(np.diff(picture, axis=axis)).sum() for axis in range(3))


@total_variation.mistake("The sum is asked for, not the mean.")
def _(picture):
    return sum(np.abs(each).mean() if each.size else 0.0 for each in _differences(picture))


# The slope of an inversion


@exercise(lesson=LESSON, points=2, atol=1e-5, rtol=1e-4)
def inversion_slope(picture, kernel, wanted):
    return _slope(lambda x: np.sum((np.maximum(x @ kernel, 0) - wanted) ** 2), picture)


inversion_slope.hints = (
    "Forward first: sums = picture @ kernel, features = np.maximum(sums, 0), error = features - wanted.",
    "The slope of error² by a feature is 2 * error. A ReLU lets it through only where its sum is above 0.",
    "Back through the layer: kernel @ (2 * error * (sums > 0)) has one number for each pixel.",
)


@inversion_slope.cases
def _(rng):
    for pixels, features in ((2, 2), (3, 3), (5, 3), (4, 8)):
        while True:  # a kink of ReLU has no slope to compare, and one feature at least must be on, one off
            picture, kernel = rng.normal(size=pixels), rng.normal(size=(pixels, features))
            sums = picture @ kernel
            if np.abs(sums).min() > 0.05 and 0 < np.sum(sums > 0) < features:
                break
        yield picture, kernel, np.maximum(rng.normal(size=features), 0) + 0.2


def _parts(picture, kernel, wanted):
    sums = picture @ kernel
    return np.maximum(sums, 0) - wanted, sums > 0


@inversion_slope.mistake("The ReLU is missing on the way back: where its sum is below 0, nothing passes.")
def _(picture, kernel, wanted):
    error, _ = _parts(picture, kernel, wanted)
    return kernel @ (2 * error)


@inversion_slope.mistake("The ReLU is missing altogether: features are max(0, picture @ kernel).")
def _(picture, kernel, wanted):
    return kernel @ (2 * (picture @ kernel - wanted))


@inversion_slope.mistake("The slope of a square is twice the error: the 2 is missing.")
def _(picture, kernel, wanted):
    error, on = _parts(picture, kernel, wanted)
    return kernel @ (error * on)


@inversion_slope.mistake("The sign is turned round: it is features - wanted. This is the direction of a step downhill.")
def _(picture, kernel, wanted):
    error, on = _parts(picture, kernel, wanted)
    return -(kernel @ (2 * error * on))


@inversion_slope.mistake("That is the slope by the weights. They stay as they are: here the picture is trained.")
def _(picture, kernel, wanted):
    error, on = _parts(picture, kernel, wanted)
    return np.outer(picture, 2 * error * on)


@inversion_slope.mistake("What is wanted does not occur. The error is the features less the wanted ones.")
def _(picture, kernel, wanted):
    error, on = _parts(picture, kernel, wanted)
    return kernel @ (2 * (error + wanted) * on)


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
    for shape, pool_size in (((1, 1), 2), ((2, 2), 2), ((1, 3), 2), ((2, 2), 3), ((4, 3), 2)):
        yield rng.uniform(0.1, 2, shape), rng.integers(0, pool_size**2, shape), pool_size
    yield np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1, 2], [0, 3]]), 2


def _unpooled(maxima, switches, pool_size, where):
    result = np.zeros(np.multiply(maxima.shape, pool_size))
    for (i, j), value in np.ndenumerate(maxima):
        row, column = where(int(switches[i, j]), pool_size)
        result[i * pool_size + row, j * pool_size + column] = value
    return result


@unpool.mistake("You copied each value into its whole window. The switch tells the one place where it stood.")
def _(maxima, switches, pool_size):
    return np.kron(maxima, np.ones((pool_size, pool_size)))


@unpool.mistake("All values stand in the first place of their windows: the switches are not used.")
def _(maxima, switches, pool_size):
    return _unpooled(maxima, switches, pool_size, lambda switch, size: (0, 0))


@unpool.mistake("Row and column are exchanged: in reading order, divmod(switch, pool_size) is (row, column).")
def _(maxima, switches, pool_size):
    return _unpooled(maxima, switches, pool_size, lambda switch, size: divmod(switch, size)[::-1])


@unpool.mistake(
    "You shared each value out over its window. That undoes average pooling; a maximum came from one place."
)
def _(maxima, switches, pool_size):
    return np.kron(maxima, np.ones((pool_size, pool_size))) / pool_size**2


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
    for number, pixels in ((1, 1), (2, 3), (4, 6), (6, 10)):
        weights = rng.uniform(0.4, 1.5, pixels) * rng.choice([-1, 1], pixels)
        pictures, labels = rng.uniform(0.15, 0.85, (number, pixels)), np.arange(number) % 2
        yield pictures, labels, weights, rng.normal(), 0.1
    edges = np.array([[0.02, 0.98, 0.5], [0.97, 0.03, 0.5]])
    yield edges, np.array([1, 0]), np.array([1.0, -1.0, 0.5]), 0.1, 0.1


def _residual(pictures, labels, weights, bias):
    return 1 / (1 + np.exp(-(pictures @ weights + bias))) - labels


def _pushed(pictures, slope, epsilon):
    return np.clip(pictures + epsilon * slope, 0, 1)


@fgsm.mistake("The sign is missing: this step is as long as the slope, not epsilon in every pixel.")
def _(pictures, labels, weights, bias, epsilon):
    return _pushed(pictures, _residual(pictures, labels, weights, bias)[:, None] * weights, epsilon)


@fgsm.mistake(
    "That is the slope by the weights, (p - label) · picture. The picture moves, so take the slope by its pixels."
)
def _(pictures, labels, weights, bias, epsilon):
    return _pushed(pictures, np.sign(_residual(pictures, labels, weights, bias)[:, None] * pictures), epsilon)


@fgsm.mistake("Pixels leave the range from 0 to 1: clip after the step.")
def _(pictures, labels, weights, bias, epsilon):
    return pictures + epsilon * np.sign(_residual(pictures, labels, weights, bias)[:, None] * weights)


@fgsm.mistake("This goes towards the label: the loss falls. To fool, go up the loss: plus epsilon times the sign.")
def _(pictures, labels, weights, bias, epsilon):
    return _pushed(pictures, -np.sign(_residual(pictures, labels, weights, bias)[:, None] * weights), epsilon)


@fgsm.mistake(
    "All pictures move the same way, whatever their label. Up the loss is another way for label 0 than for 1."
)
def _(pictures, labels, weights, bias, epsilon):
    return _pushed(pictures, np.sign(weights) * np.ones_like(pictures), epsilon)
