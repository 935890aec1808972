"""Exercises of lesson 16_dropout."""

from __future__ import annotations

import itertools

import numpy as np
from scipy import special

from course_lib.exercises.spec import exercise

LESSON = "16_dropout"


@exercise(lesson=LESSON, points=2)
def keep_scaling(kernels, keep):
    first, *others = kernels
    return (first, *(np.diag(np.full(len(kernel), keep)) @ kernel for kernel in others))


keep_scaling.hints = (
    "A kernel must shrink if its inputs were there only part of the time while training. Whose inputs were?",
    "The pictures themselves were never dropped, so the first kernel stays as it is.",
    "[kernels[0]] + [keep * kernel for kernel in kernels[1:]]",
)


@keep_scaling.cases
def _(rng):
    for sizes in ((2, 3, 1), (3, 2, 4, 2), (4, 3, 3, 2, 2)):
        yield [rng.normal(size=shape) for shape in itertools.pairwise(sizes)], rng.uniform(0.6, 0.9)


@keep_scaling.mistake("Only the last kernel is scaled. Every kernel that reads hidden units needs it.")
def _(kernels, keep):
    return (*kernels[:-1], keep * kernels[-1])


@keep_scaling.mistake("The first kernel reads the pictures, which were never dropped: leave it as it is.")
def _(kernels, keep):
    return tuple(keep * kernel for kernel in kernels)


@keep_scaling.mistake("You scaled by the drop rate. A unit was there with the probability keep: that is the factor.")
def _(kernels, keep):
    return (kernels[0], *((1 - keep) * kernel for kernel in kernels[1:]))


@keep_scaling.mistake("You divided. At test time all units are there, more than before, so each must count less.")
def _(kernels, keep):
    return (kernels[0], *(kernel / keep for kernel in kernels[1:]))


@keep_scaling.mistake("The kernels are unchanged: at test time every sum would be too large.")
def _(kernels, keep):
    return tuple(kernels)


@exercise(lesson=LESSON, points=2)
def dropout_forward(x, uniforms, rate):
    def unit(value, uniform):
        return 0.0 if uniform < rate else value / (1 - rate)

    return np.array([[unit(*pair) for pair in zip(*rows, strict=True)] for rows in zip(x, uniforms, strict=True)])


dropout_forward.hints = (
    "uniforms >= rate is True for the units that stay: a share 1 - rate of them.",
    "True counts as 1 and False as 0, so x * (uniforms >= rate) silences the others.",
    "A unit is there with the probability 1 - rate. Divide by that, so that the mean over many masks stays x.",
)


@dropout_forward.cases
def _(rng):
    for examples, units, rate in ((1, 3, 0.5), (2, 4, 0.2), (3, 2, 0.8), (5, 6, rng.uniform(0.25, 0.45)), (4, 3, 0.0)):
        uniforms = rng.uniform(size=(examples, units))
        uniforms[0, :2] = rate * 0.9, 0.1 + 0.9 * rate  # at least one unit goes and one stays
        uniforms[-1, :2] = (0.1 + 0.9 * rate, rate * 0.9) if examples > 1 else uniforms[0, :2]
        yield rng.normal(1, 2, (examples, units)), uniforms, rate


@dropout_forward.mistake("Not scaled: with a rate of 0.8 the mean output shrinks to a fifth. Divide by 1 - rate.")
def _(x, uniforms, rate):
    return x * (uniforms >= rate)


@dropout_forward.mistake("You divide by the drop rate. Divide by the keep probability, 1 - rate.")
def _(x, uniforms, rate):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(uniforms >= rate, x / rate, 0.0)


@dropout_forward.mistake("You multiply by 1 - rate, which makes the output even smaller. Divide by it.")
def _(x, uniforms, rate):
    return x * (uniforms >= rate) * (1 - rate)


@dropout_forward.mistake(
    "You multiply by the drop rate. The units that stay are divided by the keep probability, 1 - rate."
)
def _(x, uniforms, rate):
    return x * (uniforms >= rate) * rate


@dropout_forward.mistake("You kept the wrong share: a unit stays where its uniform number is at least the rate.")
def _(x, uniforms, rate):
    return x * (uniforms < rate) / (1 - rate)


@dropout_forward.mistake("One mask for the whole batch. Each example has its own row of uniforms, so its own mask.")
def _(x, uniforms, rate):
    return x * (uniforms[:1] >= rate) / (1 - rate)


@dropout_forward.mistake("This is the mask. Multiply the values by it.")
def _(x, uniforms, rate):
    return (uniforms >= rate) / (1 - rate)


@exercise(lesson=LESSON, points=2)
def geometric_mean(probabilities):
    return special.softmax(np.log(probabilities).sum(axis=0) / len(probabilities))


geometric_mean.hints = (
    "A geometric mean of n numbers is the n-th root of their product, or the exponential of the mean of their logs.",
    "np.exp(np.log(probabilities).mean(axis=0)) gives one number for each class.",
    "These do not sum to 1 yet: divide by their sum.",
)


@geometric_mean.cases
def _(rng):
    for networks, classes in ((2, 2), (3, 2), (4, 5), (40, 3)):
        yield (special.softmax(rng.normal(0, 1.5, (networks, classes)), axis=1),)


@geometric_mean.mistake("That is the arithmetic mean. Take the mean of the logarithms, then the exponential.")
def _(probabilities):
    return probabilities.mean(axis=0)


@geometric_mean.mistake("Nearly: the geometric means do not sum to 1 yet. Divide them by their sum.")
def _(probabilities):
    return np.exp(np.log(probabilities).mean(axis=0))


@geometric_mean.mistake("That is the product. Its n-th root is missing, so that ten networks do not shout down one.")
def _(probabilities):
    product = np.prod(probabilities, axis=0)
    return product / product.sum()


@geometric_mean.mistake("You averaged over the classes of each network. Average over the networks: axis=0.")
def _(probabilities):
    means = np.exp(np.log(probabilities).mean(axis=1))
    return means / means.sum()


@geometric_mean.mistake("These are logarithms. Take the exponential, then divide by the sum.")
def _(probabilities):
    return np.log(probabilities).mean(axis=0)


@exercise(lesson=LESSON, points=3)
def expected_output(x, weights, bias, keep):
    def mean_from(position, total):  # over what can still happen to the inputs from `position` on
        if position == len(x):
            return max(total, 0.0)
        there = mean_from(position + 1, total + weights[position] * x[position])
        return keep * there + (1 - keep) * mean_from(position + 1, total)

    return mean_from(0, float(bias))


expected_output.hints = (
    "itertools.product([0, 1], repeat=len(x)) gives every mask. Compute the unit's output for each of them.",
    "The probability of a mask is keep for every 1 in it, times 1 - keep for every 0.",
    "Add up probability times output over all masks. The bias is never dropped; the ReLU comes before the mean.",
)


@expected_output.cases
def _(rng):
    yield np.array([1.0, 2.0]), np.array([2.0, -3.0]), 0.25, 0.8  # its sign depends on the mask
    for inputs in (1, 3, 5):
        x = rng.uniform(0.5, 2, inputs)
        yield x, rng.normal(0, 1, inputs) * (-1) ** np.arange(inputs), rng.uniform(0.1, 0.6), rng.uniform(0.6, 0.9)


def _by_masks(x, weights, bias, keep, output):
    masks = np.array(np.meshgrid(*[[0, 1]] * len(x))).reshape(len(x), -1).T
    chances = np.prod(np.where(masks, keep, 1 - keep), axis=1)
    return chances, output((masks * x) @ weights, bias)


def _relu(total):
    return np.maximum(total, 0)


@expected_output.mistake(
    "That is the ReLU of the expected sum. The mean of the outputs is asked for: first the ReLU, then the mean."
)
def _(x, weights, bias, keep):
    return _relu(keep * x @ weights + bias)


@expected_output.mistake("All masks count the same here. A mask with more 1s is more probable when keep is above 0.5.")
def _(x, weights, bias, keep):
    _, outputs = _by_masks(x, weights, bias, keep, lambda total, b: _relu(total + b))
    return outputs.mean()


@expected_output.mistake("keep and drop are exchanged: a 1 in the mask has the probability keep, a 0 has 1 - keep.")
def _(x, weights, bias, keep):
    return expected_output.oracle(x, weights, bias, 1 - keep)


@expected_output.mistake("The ReLU is missing: a negative sum gives 0.")
def _(x, weights, bias, keep):
    return keep * x @ weights + bias


@expected_output.mistake("The bias is missing. It is no input, so it is never dropped.")
def _(x, weights, bias, keep):
    return expected_output.oracle(x, weights, 0.0, keep)


@expected_output.mistake("This is plain dropout as in 2012, without scaling: do not divide the inputs by keep.")
def _(x, weights, bias, keep):
    return expected_output.oracle(x / keep, weights, bias, keep)
