"""Exercises of lesson 16_dropout."""

from __future__ import annotations

import itertools

import numpy as np
from scipy import special

from course_lib.exercises.spec import exercise

LESSON = "16_dropout"


# Plain dropout at test time


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


@keep_scaling.known_mistakes
def _(kernels, keep):
    first, *others = kernels
    yield (
        "Only the last kernel is scaled. Every kernel that reads hidden units needs it.",
        (*kernels[:-1], keep * kernels[-1]),
    )
    yield (
        "The first kernel reads the pictures, which were never dropped: leave it as it is.",
        tuple(keep * kernel for kernel in kernels),
    )
    yield (
        "You scaled by the drop rate. A unit was there with the probability keep: that is the factor.",
        (first, *((1 - keep) * kernel for kernel in others)),
    )
    yield (
        "You divided. At test time all units are there, more than before, so each must count less.",
        (first, *(kernel / keep for kernel in others)),
    )
    yield (
        "You scaled every kernel but the last. That one reads hidden units, too; the first one does not.",
        (*(keep * kernel for kernel in kernels[:-1]), kernels[-1]),
    )
    yield (
        "The shrinking piles up. Each kernel makes good what was dropped of its own inputs: keep, not keep ** depth.",
        (first, *(keep**depth * kernel for depth, kernel in enumerate(others, start=1))),
    )
    yield "The kernels are unchanged: at test time every sum would be too large.", tuple(kernels)


# Inverted dropout


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
    for examples, units, rate in ((2, 3, 0.25), (2, 4, 0.5), (4, 3, 0.75), (5, 2, rng.uniform(0.3, 0.4)), (3, 3, 0.0)):
        uniforms = rng.uniform(size=(examples, units))
        goes, stays = 0.9 * rate, 0.1 + 0.9 * rate  # at least one unit of each, in other places of the next example
        uniforms[:2, :2] = [goes, stays], [stays, goes]
        if units > 2:
            uniforms[0, 2] = rate  # just at least, which float32 can tell for these rates
        yield _away_from_0(rng, (examples, units)), uniforms, rate


def _away_from_0(rng, shape):
    return rng.choice([-1, 1], shape) * rng.uniform(0.5, 3, shape)


@dropout_forward.known_mistakes
def _(x, uniforms, rate):
    kept = x * (uniforms >= rate)
    yield "Not scaled: with a rate of 0.8 the mean output shrinks to a fifth. Divide by 1 - rate.", kept
    with np.errstate(divide="ignore", invalid="ignore"):
        by_rate = np.where(uniforms >= rate, x / rate, 0.0)
    yield "You divide by the drop rate. Divide by the keep probability, 1 - rate.", by_rate
    yield "You multiply by 1 - rate, which makes the output even smaller. Divide by it.", kept * (1 - rate)
    yield (
        "You multiply by the drop rate. The units that stay are divided by the keep probability, 1 - rate.",
        kept * rate,
    )
    yield (
        "You kept the wrong share: a unit stays where its uniform number is at least the rate.",
        x * (uniforms < rate) / (1 - rate),
    )
    yield (
        "One mask for the whole batch. Each example has its own row of uniforms, so its own mask.",
        x * (uniforms[:1] >= rate) / (1 - rate),
    )
    yield (
        "A unit whose number is just the rate stays: at least means >=, not >.",
        x * (uniforms > rate) / (1 - rate),
    )
    yield "This is the mask. Multiply the values by it.", (uniforms >= rate) / (1 - rate)


# The geometric mean


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
    for networks, classes in ((3, 2), (2, 4), (4, 5), (40, 3)):
        yield (special.softmax(rng.normal(0, 1.5, (networks, classes)), axis=1),)


@geometric_mean.known_mistakes
def _(probabilities):
    logs = np.log(probabilities)
    yield (
        "That is the arithmetic mean. Take the mean of the logarithms, then the exponential.",
        probabilities.mean(axis=0),
    )
    yield "Nearly: the geometric means do not sum to 1 yet. Divide them by their sum.", np.exp(logs.mean(axis=0))
    yield (
        "That is the product. Its n-th root is missing, so that ten networks do not shout down one.",
        special.softmax(logs.sum(axis=0)),
    )
    yield (
        "You averaged over the classes of each network. Average over the networks: axis=0.",
        special.softmax(logs.mean(axis=1)),
    )
    yield (
        "The root is that of another number: take the n-th root for n networks, whatever the number of classes.",
        special.softmax(logs.sum(axis=0) / logs.shape[1]),
    )
    yield (
        "You took the square root of the product. For n networks it is the n-th root.",
        special.softmax(logs.sum(axis=0) / 2),
    )
    yield "These are logarithms. Take the exponential, then divide by the sum.", logs.mean(axis=0)


# The mean over all masks


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
    yield np.array([1.0, 2.0]), np.array([2.0, -3.0]), 0.25, 0.8  # its sign depends on the mask, and so below
    for inputs in (2, 3, 5):
        weights = rng.uniform(0.8, 2, inputs) * (-1) ** rng.permutation(inputs)
        yield rng.uniform(0.8, 2, inputs), weights, rng.uniform(0.2, 0.6), rng.uniform(0.6, 0.9)


@expected_output.known_mistakes
def _(x, weights, bias, keep):
    right = expected_output.oracle
    of_mean = keep * x @ weights + bias
    yield (
        "That is the ReLU of the expected sum. The mean of the outputs is asked for: first the ReLU, then the mean.",
        np.maximum(of_mean, 0),
    )
    yield (
        "All masks count the same here. A mask with more 1s is more probable when keep is above 0.5.",
        right(x, weights, bias, 0.5),
    )
    yield (
        "keep and drop are exchanged: a 1 in the mask has the probability keep, a 0 has 1 - keep.",
        right(x, weights, bias, 1 - keep),
    )
    yield "The ReLU is missing: a negative sum gives 0.", of_mean
    yield "The bias is missing. It is no input, so it is never dropped.", right(x, weights, 0.0, keep)
    yield (
        "You drop the bias, too. It is no input: every mask leaves it in.",
        keep * right(x, weights, bias, keep) + (1 - keep) * right(x, weights, 0.0, keep),
    )
    yield (
        "The mask of zeros is missing: then the bias alone speaks, with the probability (1 - keep) ** len(x).",
        right(x, weights, bias, keep) - (1 - keep) ** len(x) * max(bias, 0),
    )
    yield (
        "You added up the outputs of all masks. Each counts with the probability of its mask.",
        2 ** len(x) * right(x, weights, bias, 0.5),
    )
    yield (
        "This is plain dropout as in 2012, without scaling: do not divide the inputs by keep.",
        right(x / keep, weights, bias, keep),
    )
