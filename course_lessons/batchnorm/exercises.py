"""Exercises of lesson 15_batchnorm."""

from __future__ import annotations

import math
import statistics

import numpy as np
from scipy import signal

from course_lib.exercises.spec import exercise
from course_lib.gradcheck import numerical_gradient

LESSON = "15_batchnorm"


def _normalised(x, epsilon, axis=0):
    return (x - x.mean(axis=axis, keepdims=True)) / np.sqrt(x.var(axis=axis, keepdims=True) + epsilon)


# Forward


@exercise(lesson=LESSON, points=3, atol=1e-5)  # 0.7 in float32 is 4e-8 off, divided by 0.03 where it is silent
def batchnorm_forward(x, gamma, beta, epsilon):
    def unit(values, scale, shift):
        mean, variance = statistics.fmean(values), statistics.pvariance(values)
        return [scale * (value - mean) / math.sqrt(variance + epsilon) + shift for value in values]

    return np.transpose([unit(*column) for column in zip(x.T.tolist(), gamma, beta, strict=True)])


batchnorm_forward.hints = (
    "Four lines: the mean of each unit over the batch, its variance, the normalised values, and gamma and beta.",
    "x has one row for each example, so each unit is a column: axis=0 runs over the batch.",
    "np.var divides by the number of examples, just as the formula does. epsilon is added before the root is taken.",
)


@batchnorm_forward.cases
def _(rng):
    for examples, units in ((3, 2), (4, 3), (6, 3), (16, 5)):
        yield (
            rng.normal(2, 1.5, (examples, units)),
            rng.uniform(0.5, 2, units),
            rng.normal(size=units),
            rng.uniform(0.1, 0.5),
        )
    nearly_silent = 0.7 + 1e-3 * rng.normal(size=(5, 3))
    yield nearly_silent, rng.uniform(0.5, 2, 3), rng.normal(size=3), 1e-3


@batchnorm_forward.known_mistakes
def _(x, gamma, beta, epsilon):
    centred, variance = x - x.mean(axis=0), x.var(axis=0)
    yield (
        "You divide by m - 1. Batch normalisation divides the summed squares by m, the size of the batch (ddof=0).",
        gamma * centred / np.sqrt(x.var(axis=0, ddof=1) + epsilon) + beta,
    )
    yield (
        "epsilon stands outside the root: sqrt(variance) + epsilon. It belongs inside.",
        gamma * centred / (np.sqrt(variance) + epsilon) + beta,
    )
    yield (
        "epsilon is missing: a unit that says the same for the whole batch would give 0/0.",
        gamma * centred / np.sqrt(variance) + beta,
    )
    yield (
        "You normalised each example over its units (axis=1); that is layer normalisation. Here it is each unit over "
        "the examples, axis=0.",
        gamma * _normalised(x, epsilon, axis=1) + beta,
    )
    yield (
        "One mean and one deviation for the whole table mixes the units. Each has its own: axis=0.",
        gamma * _normalised(x, epsilon, axis=(0, 1)) + beta,
    )
    yield (
        "These are the normalised values. gamma and beta are missing: y = gamma x_hat + beta.",
        _normalised(x, epsilon),
    )
    yield (
        "You divide by the variance. Divide by its root, the standard deviation.",
        gamma * centred / (variance + epsilon) + beta,
    )
    yield (
        "beta is scaled too: gamma (x_hat + beta). First scale by gamma, then shift by beta.",
        gamma * (_normalised(x, epsilon) + beta),
    )
    yield "beta is missing: y = gamma x_hat + beta.", gamma * _normalised(x, epsilon)
    yield "gamma is missing: y = gamma x_hat + beta.", _normalised(x, epsilon) + beta
    yield (
        "The mean of each unit is missing: take it away before you divide.",
        gamma * x / np.sqrt(variance + epsilon) + beta,
    )


# Which gamma and beta undo it


@exercise(lesson=LESSON, points=2, atol=1e-5)
def undo_gamma_beta(x, epsilon):
    # Two examples settle a straight line: which gamma and beta bring x_hat back to x?
    normal = _normalised(x, epsilon)
    first, last = x.argmin(axis=0), x.argmax(axis=0)
    units = np.arange(x.shape[1])
    gamma = (x[last, units] - x[first, units]) / (normal[last, units] - normal[first, units])
    return gamma, x[first, units] - gamma * normal[first, units]


undo_gamma_beta.results = ("gamma", "beta")
undo_gamma_beta.hints = (
    "You want gamma x_hat + beta = x, with x_hat = (x - mean) / sqrt(variance + epsilon). Solve the second for x.",
    "x = sqrt(variance + epsilon) x_hat + mean. Compare with gamma x_hat + beta, factor by factor.",
)


@undo_gamma_beta.cases
def _(rng):
    for examples, units in ((3, 2), (4, 3), (9, 4)):
        yield rng.normal(3, 2, (examples, units)), rng.uniform(0.1, 1)


@undo_gamma_beta.known_mistakes
def _(x, epsilon):
    mean, variance = x.mean(axis=0), x.var(axis=0)
    root = np.sqrt(variance + epsilon)
    yield (
        "Nearly: the layer divided by sqrt(variance + epsilon), so gamma must contain epsilon too.",
        (np.sqrt(variance), mean),
    )
    yield (
        "That gamma is the variance. The layer divided by its root, so gamma is a root, too.",
        (variance + epsilon, mean),
    )
    yield (
        "That gamma divides once more. To undo the division, gamma must multiply by what was divided by.",
        (1 / root, mean),
    )
    yield (
        "epsilon stands outside the root. The layer divided by sqrt(variance + epsilon): that is gamma.",
        (np.sqrt(variance) + epsilon, mean),
    )
    yield (
        "You divide by m - 1. The layer divided the summed squares by m, the size of the batch (ddof=0).",
        (np.sqrt(x.var(axis=0, ddof=1) + epsilon), mean),
    )
    yield (
        "That beta is in units of x_hat. It is added last, behind gamma, so it is the mean of x itself.",
        (root, mean / root),
    )
    yield "The mean was subtracted; beta has to add it again. Its sign is turned round.", (root, -mean)
    yield "The order is turned round: gamma comes first, then beta.", (mean, root)


# Backward


@exercise(lesson=LESSON, points=4, atol=1e-5)
def batchnorm_backward(upstream, x, gamma, epsilon):
    x = np.array(x, dtype=float)
    return numerical_gradient(lambda: float(np.sum(upstream * gamma * _normalised(x, epsilon))), x)


batchnorm_backward.hints = (
    "Begin with s = upstream * gamma / sqrt(variance + epsilon): that is the gradient if the statistics stood still.",
    "They do not. Take the mean of s over the batch away from every row: nudging one input also moves the mean.",
    "The variance moves as well: also take away x_hat times the mean over the batch of s * x_hat. All along axis=0.",
)


@batchnorm_backward.cases
def _(rng):
    for examples, units in ((3, 2), (5, 2), (8, 3)):
        yield (
            rng.normal(size=(examples, units)),
            rng.normal(1, 1.5, (examples, units)),
            rng.uniform(0.5, 2, units),
            rng.uniform(0.05, 0.3),
        )


@batchnorm_backward.known_mistakes
def _(upstream, x, gamma, epsilon):
    deviation, normal = np.sqrt(x.var(axis=0) + epsilon), _normalised(x, epsilon)
    slopes = upstream * gamma / deviation
    by_mean, by_variance = slopes.mean(axis=0), normal * np.mean(slopes * normal, axis=0)
    right = slopes - by_mean - by_variance
    yield (
        "You treated mean and deviation as constants. They depend on every input of the batch, so two more terms "
        "appear.",
        slopes,
    )
    yield "The path through the mean is there, the one through the variance is missing.", slopes - by_mean
    yield "The path through the variance is there, the one through the mean is missing.", slopes - by_variance
    yield (
        "You took sums over the batch where means are needed: divide both by the number of examples.",
        slopes - len(x) * (by_mean + by_variance),
    )
    yield "gamma is missing: the gradient passes it before it reaches x_hat.", right / gamma
    yield (
        "The last factor x_hat is missing: how much an input moves the variance depends on its x_hat.",
        slopes - by_mean - np.mean(slopes * normal, axis=0),
    )
    yield (
        "The signs are turned round: what moves the statistics is taken away, not added.",
        slopes + by_mean + by_variance,
    )
    yield "The division by sqrt(variance + epsilon) is missing.", right * deviation
    unsafe = np.sqrt(x.var(axis=0))
    normal = (x - x.mean(axis=0)) / unsafe
    yield (
        "epsilon is missing under the root: the layer divided by sqrt(variance + epsilon).",
        gamma / unsafe * (upstream - upstream.mean(axis=0) - normal * np.mean(upstream * normal, axis=0)),
    )


# The running average


@exercise(lesson=LESSON, points=2, atol=1e-5)
def running_average(start, batch_means, momentum):
    # A running average is a filter of first order; `start` is its memory.
    filtered, _ = signal.lfilter([1 - momentum], [1, -momentum], batch_means, axis=0, zi=momentum * start[None])
    return filtered[-1]


running_average.hints = (
    "Go through the batches in order. After each one, the average moves a little towards the mean of that batch.",
    "momentum is the share of the OLD value that is kept: with 0.99, one hundredth of the new batch comes in.",
    "average = momentum * average + (1 - momentum) * batch_mean, once for each row of batch_means.",
)


@running_average.cases
def _(rng):
    for steps, units in ((2, 2), (3, 2), (7, 3), (30, 4)):
        yield rng.normal(size=units), rng.normal(3, 1, (steps, units)), rng.uniform(0.6, 0.95)


@running_average.known_mistakes
def _(start, batch_means, momentum):
    yield (
        "momentum is the wrong way round: it is the share of the OLD value that is kept; the batch counts "
        "1 - momentum.",
        running_average.oracle(start, batch_means, 1 - momentum),
    )
    yield (
        "That is the plain mean of all batches. Recent batches must count more: the network has changed.",
        batch_means.mean(axis=0),
    )
    yield (
        "Only the last batch came in. Update the average once for each row of batch_means.",
        momentum * start + (1 - momentum) * batch_means[-1],
    )
    yield (
        "You began from zero. The average begins from `start`.",
        running_average.oracle(np.zeros_like(start), batch_means, momentum),
    )
    yield (
        "You began with the first batch. The average begins from `start`, and the first batch moves it, too.",
        running_average.oracle(batch_means[0], batch_means[1:], momentum),
    )
    yield (
        "These are the averages on the way. Return the last one: a number for each unit.",
        [running_average.oracle(start, batch_means[:steps], momentum) for steps in range(1, len(batch_means) + 1)],
    )
    yield (
        "The new value must be weighted with 1 - momentum, or the average grows and grows.",
        running_average.oracle(start, batch_means / (1 - momentum), momentum),
    )


# The layer at test time


@exercise(lesson=LESSON, points=2, atol=1e-5)
def batchnorm_inference(x, gamma, beta, moving_mean, moving_variance, epsilon):
    import keras

    arrays = (np.asarray(array, dtype="float64") for array in (x, moving_mean, moving_variance, beta, gamma))
    images, mean, variance, offset, scale = arrays
    result = keras.ops.batch_normalization(images, mean, variance, axis=1, offset=offset, scale=scale, epsilon=epsilon)
    return keras.ops.convert_to_numpy(result)


batchnorm_inference.hints = (
    "The formula of the forward pass stays, only where mean and variance come from changes.",
    "Nothing may be measured on x: every example must get the same answer whatever its companions are.",
    "gamma * (x - moving_mean) / np.sqrt(moving_variance + epsilon) + beta",
)


@batchnorm_inference.cases
def _(rng):
    for examples, units in ((1, 3), (3, 2), (5, 2), (8, 4)):
        yield (
            rng.normal(2, 1.5, (examples, units)),
            rng.uniform(0.5, 2, units),
            rng.normal(size=units),
            rng.normal(2, 0.5, units),
            rng.uniform(1.5, 3, units),
            rng.uniform(0.1, 0.5),
        )


@batchnorm_inference.known_mistakes
def _(x, gamma, beta, moving_mean, moving_variance, epsilon):
    centred = x - moving_mean
    yield (
        "You use the statistics of this batch. At test time the running averages take their place, or one example "
        "alone always gives beta.",
        gamma * _normalised(x, epsilon) + beta,
    )
    yield (
        "The mean is the running one, but the variance is still that of this batch.",
        gamma * centred / np.sqrt(x.var(axis=0) + epsilon) + beta,
    )
    yield (
        "The variance is the running one, but the mean is still that of this batch.",
        gamma * (x - x.mean(axis=0)) / np.sqrt(moving_variance + epsilon) + beta,
    )
    yield (
        "gamma and beta are missing: they were learned for use at test time, too.",
        centred / np.sqrt(moving_variance + epsilon),
    )
    yield (
        "You divide by the variance. Divide by the root of variance + epsilon.",
        gamma * centred / (moving_variance + epsilon) + beta,
    )
    yield (
        "epsilon stands outside the root: sqrt(variance) + epsilon. It belongs inside, as in training.",
        gamma * centred / (np.sqrt(moving_variance) + epsilon) + beta,
    )
    yield (
        "epsilon is missing under the root. The network was trained with it.",
        gamma * centred / np.sqrt(moving_variance) + beta,
    )
