"""Exercises of lesson 15_batchnorm."""

from __future__ import annotations

import math
import statistics

import numpy as np

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
        "You divide by N - 1. Batch normalisation divides the summed squares by N, the size of the batch (ddof=0).",
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


# Backward, one path after the other


def _setting(rng):
    for examples, units in ((3, 2), (5, 2), (8, 3)):
        yield (
            rng.normal(size=(examples, units)),
            rng.normal(1, 1.5, (examples, units)),
            rng.uniform(0.5, 2, units),
            rng.uniform(0.05, 0.3),
        )


@exercise(lesson=LESSON, points=2, atol=1e-5)
def gradient_by_variance(upstream, x, gamma, epsilon):
    variance, centred = x.var(axis=0), x - x.mean(axis=0)
    return numerical_gradient(lambda: float(np.sum(upstream * gamma * centred / np.sqrt(variance + epsilon))), variance)


gradient_by_variance.hints = (
    "First walk back to x_hat: y = gamma x_hat + beta, so the slope of the loss by x_hat is upstream * gamma.",
    "x_hat = (x - mean) * (variance + epsilon) ** -0.5. Its slope by the variance: the power rule, x - mean stands by.",
    "All examples share this variance, so what they say is added up: a sum over axis=0.",
)
gradient_by_variance.cases(_setting)


@gradient_by_variance.known_mistakes
def _(upstream, x, gamma, epsilon):
    slopes, centred, shifted = upstream * gamma, x - x.mean(axis=0), x.var(axis=0) + epsilon
    each = -0.5 * slopes * centred * shifted**-1.5
    right = each.sum(axis=0)
    yield (
        "A number for each example: all of them share one variance, so add up what they say, along axis=0.",
        each,
    )
    yield "That is the mean over the examples. Each of them feels the variance: add them up.", each.mean(axis=0)
    yield "The sign: a larger variance makes x_hat smaller.", -right
    yield "The factor 1/2 of the root is missing.", 2 * right
    yield "gamma is missing: the gradient passes it before it reaches x_hat.", right / gamma
    yield (
        "The power rule lowers the exponent by 1: from -1/2 to -3/2, not to -1/2.",
        right * shifted,
    )
    yield (
        "You took x_hat for x - mean, and so divide by the deviation once more.",
        right / np.sqrt(shifted),
    )
    yield "The mean is missing: x_hat is made of x - mean.", np.sum(-0.5 * slopes * x, axis=0) * shifted**-1.5
    yield (
        "epsilon is missing under the root: the layer divided by sqrt(variance + epsilon).",
        np.sum(-0.5 * slopes * centred, axis=0) * x.var(axis=0) ** -1.5,
    )
    yield (
        "That is the slope by the deviation. By the variance the root's own slope, 1 / (2 deviation), comes in.",
        right * 2 * np.sqrt(shifted),
    )


@exercise(lesson=LESSON, points=2, atol=1e-5)
def gradient_by_mean(upstream, x, gamma, epsilon):
    mean = x.mean(axis=0)

    def loss():
        centred = x - mean
        return float(np.sum(upstream * gamma * centred / np.sqrt(np.mean(centred**2, axis=0) + epsilon)))

    return numerical_gradient(loss, mean)


gradient_by_mean.hints = (
    "Two arrows leave the mean in the graph: one goes to x - mean and so to x_hat, one to the variance.",
    "On the first, nudging the mean up moves every x_hat down by 1 / sqrt(variance + epsilon) for each unit of nudge.",
    "On the second: the slope of mean((x - mean)²) by the mean is -2 times the mean of x - mean. How much is that?",
)
gradient_by_mean.cases(_setting)


@gradient_by_mean.known_mistakes
def _(upstream, x, gamma, epsilon):
    deviation = np.sqrt(x.var(axis=0) + epsilon)
    slopes = upstream * gamma / deviation
    right = -slopes.sum(axis=0)
    by_variance = np.sum(-0.5 * upstream * gamma * (x - x.mean(axis=0)), axis=0) * deviation**-3
    yield "A number for each example: all share one mean, so add up what they say, along axis=0.", -slopes
    yield "That is the mean over the examples. Each of them feels the mean of the batch: add them up.", right / len(x)
    yield "The sign: the mean is subtracted, so x_hat falls when it rises.", -right
    yield "gamma is missing: the gradient passes it before it reaches x_hat.", right / gamma
    yield "The division by sqrt(variance + epsilon) is missing.", right * deviation
    yield "You divide by the variance. x_hat was divided by its root.", right / deviation
    yield (
        "epsilon is missing under the root: the layer divided by sqrt(variance + epsilon).",
        right * deviation / x.std(axis=0),
    )
    yield (
        "The way through the variance is not nothing in your answer. Its slope by the mean is -2 times the mean of "
        "x - mean, and what was centred has the mean 0; you took the mean of x.",
        right + by_variance * -2 * x.mean(axis=0),
    )


@exercise(lesson=LESSON, points=3, atol=1e-5)
def batchnorm_backward(upstream, x, gamma, epsilon):
    x = np.array(x, dtype=float)
    return numerical_gradient(lambda: float(np.sum(upstream * gamma * _normalised(x, epsilon))), x)


batchnorm_backward.hints = (
    "Three arrows leave x in the graph. Add what comes back along each: from x_hat, from the variance, from the mean.",
    "From x_hat: upstream * gamma / sqrt(variance + epsilon). From the mean: one of N examples moves it by 1/N.",
    "From the variance: its slope by one example is 2 (x - mean) / N. What reaches it: Exercise 2.",
)


batchnorm_backward.cases(_setting)


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


# Folded into the convolution below


@exercise(lesson=LESSON, points=3, atol=1e-5)
def fold_batchnorm(kernel, gamma, beta, moving_mean, moving_variance, epsilon):
    import keras

    # Both layers as they are, asked about a patch of zeros and about patches with a single 1.
    height, width, channels, filters = kernel.shape
    patches = np.eye(height * width * channels + 1, height * width * channels, -1)
    sums = patches @ kernel.reshape(-1, filters)
    given = (np.asarray(array, dtype="float64") for array in (sums, moving_mean, moving_variance, beta, gamma))
    sums, mean, variance, offset, scale = given
    answers = keras.ops.batch_normalization(sums, mean, variance, axis=1, offset=offset, scale=scale, epsilon=epsilon)
    nothing, *ones = keras.ops.convert_to_numpy(answers)
    return (np.array(ones) - nothing).reshape(kernel.shape), nothing


fold_batchnorm.results = ("the kernel", "the bias")
fold_batchnorm.hints = (
    "Write y = gamma (x - moving_mean) / sqrt(moving_variance + epsilon) + beta as slope * x + rest. What is slope?",
    "x comes from a convolution, which is linear: a kernel that is slope times as large gives slope times as much.",
    "slope = gamma / sqrt(moving_variance + epsilon). The kernel is kernel * slope (filters come last); find the rest.",
)


@fold_batchnorm.cases
def _(rng):
    for shape in ((1, 1, 2, 3), (2, 1, 3, 3), (3, 3, 2, 4)):
        filters = shape[-1]
        yield (
            rng.normal(size=shape),
            rng.uniform(0.5, 2, filters),
            rng.normal(size=filters),
            rng.normal(1, 1, filters),
            rng.uniform(1.5, 3, filters),
            rng.uniform(0.1, 0.5),
        )


@fold_batchnorm.known_mistakes
def _(kernel, gamma, beta, moving_mean, moving_variance, epsilon):
    root = np.sqrt(moving_variance + epsilon)
    slope = gamma / root
    bias = beta - slope * moving_mean

    def folded(slope):
        return kernel * slope, beta - slope * moving_mean

    yield "The bias is not beta alone: the moving mean is taken away as well, times the slope.", (kernel * slope, beta)
    yield "The sign of the mean: it was subtracted.", (kernel * slope, beta + slope * moving_mean)
    yield (
        "The mean is subtracted before the layer divides, so in the bias it is multiplied by the slope, too.",
        (kernel * slope, beta - moving_mean),
    )
    yield "beta is missing in the bias.", (kernel * slope, -slope * moving_mean)
    yield "The kernel is as it was. It has to be multiplied by the slope.", (kernel, bias)
    yield "gamma is missing in the slope.", folded(1 / root)
    yield (
        "epsilon is missing under the root. The layer has it at test time, too.",
        folded(gamma / np.sqrt(moving_variance)),
    )
    yield (
        "epsilon stands outside the root: sqrt(variance) + epsilon. It belongs inside.",
        folded(gamma / (np.sqrt(moving_variance) + epsilon)),
    )
    yield "You divide by the variance. Divide by the root of variance + epsilon.", folded(gamma / root**2)
    yield "You multiply by the root. The layer divides by it.", folded(gamma * root)
    yield (
        "Each filter has its own slope, and the filters are the last axis of the kernel, not the third.",
        (kernel * np.resize(slope, kernel.shape[2])[:, None], bias),
    )
