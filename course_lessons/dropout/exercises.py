"""Exercises of lesson 16_dropout."""

from __future__ import annotations

import functools
import itertools
import math
import statistics

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
def geometric_mean(probabilities, weights):
    logs = sum(weight * np.log(row) for weight, row in zip(weights, probabilities, strict=True))
    return special.softmax(logs)


geometric_mean.hints = (
    "The logarithm of the mean of a class is a weighted sum, over the networks, of the logarithms of its probability.",
    "np.exp(weights @ np.log(probabilities)) gives one number for each class.",
    "These do not sum to 1 yet: divide by their sum.",
)


@geometric_mean.cases
def _(rng):
    for networks, classes in ((3, 2), (3, 3), (2, 4), (4, 5), (40, 3)):
        weights = rng.uniform(0.3, 1, networks)
        yield special.softmax(rng.normal(0, 1.5, (networks, classes)), axis=1), weights / weights.sum()


@geometric_mean.known_mistakes
def _(probabilities, weights):
    logs = np.log(probabilities)
    mean = weights @ logs
    yield "That is the arithmetic mean. Take the mean of the logarithms, then the exponential.", weights @ probabilities
    yield "Nearly: the geometric means do not sum to 1 yet. Divide them by their sum.", np.exp(mean)
    yield (
        "All networks count the same here. The exponent of each is its own weight.",
        special.softmax(logs.mean(axis=0)),
    )
    yield (
        "That is the plain product. The exponent of each network, its weight, is missing.",
        special.softmax(logs.sum(axis=0)),
    )
    yield (
        "The weights sum to 1 already: do not divide by the number of networks.",
        special.softmax(mean / len(weights)),
    )
    yield "These are logarithms. Take the exponential, then divide by the sum.", mean
    yield "You divided the logarithms by their sum. First the exponential, then the sum to 1.", mean / mean.sum()


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


# How far the masks disagree


@exercise(lesson=LESSON, points=3)
def doubt(said):
    def of_picture(answers):  # (masks, classes)
        totals = [math.fsum(column) for column in answers.T]
        return statistics.pstdev(answers[:, totals.index(max(totals))].tolist())

    return np.array([of_picture(said[:, picture]) for picture in range(said.shape[1])])


doubt.hints = (
    "Two means of the same numbers: the mean over the masks says which class is best, for each picture.",
    "said.mean(axis=0).argmax(axis=1) is that class, (pictures,); said.std(axis=0) has a deviation for every class.",
    "From the row of each picture take the column of its best class: deviations[np.arange(pictures), best].",
)


@functools.cache
def _crowd():
    """What 30 masks say of the digits of the validation part of MNIST, of a network that has seen 3,500 twice."""
    from course_lib import data, layers, losses, optim

    digits, rng = data.mnist_5k(), np.random.default_rng(0)
    stack = [layers.Dense(784, 16, rng), layers.ReLU(), layers.Dropout(0.5, rng), layers.Dense(16, 10, rng)]
    net, recipe = layers.Sequential(stack), {"optimizer": optim.SGD(0.1), "batch_size": 50, "rng": rng}
    images = (part.images.reshape(len(part), -1).astype(float) for part in (digits.train, digits.validation))
    known, new = images
    net.fit(known, digits.train.labels, loss=losses.softmax_cross_entropy, epochs=2, **recipe)
    net.set_training(True)
    return np.stack([layers.softmax(net.forward(new)) for _ in range(30)])


@doubt.cases
def _(rng):
    # Of the two classes, the first mask prefers one and the mean the other.
    yield (np.array([[[0.6, 0.4], [0.3, 0.7]], [[0.1, 0.9], [0.9, 0.1]], [[0.2, 0.8], [0.7, 0.3]]]),)
    # Here the class with the largest mean is the one that varies least.
    yield (np.array([[[0.5, 0.4, 0.1], [0.1, 0.3, 0.6]], [[0.6, 0.1, 0.3], [0.4, 0.1, 0.5]]]),)
    for masks, pictures, classes in ((4, 3, 3), (5, 4, 2), (6, 2, 4)):
        yield (special.softmax(rng.normal(0, 1.5, (masks, pictures, classes)), axis=2),)
    yield (_crowd()[:, rng.choice(500, 6, replace=False)],)


@doubt.known_mistakes
def _(said):
    mean, deviation = said.mean(axis=0), said.std(axis=0)
    places, best = np.arange(len(mean)), mean.argmax(axis=1)
    yield (
        "You let every mask choose a class of its own. Choose one for each picture: the most probable of the mean.",
        said.max(axis=2).std(axis=0),
    )
    yield "That is the variance. The standard deviation is its root.", deviation[places, best] ** 2
    yield (
        "You divided by the number of masks less 1. Here the deviation is that of NumPy: std(axis=0).",
        said.std(axis=0, ddof=1)[places, best],
    )
    yield "You averaged over all classes. Only that of the best class is asked for.", deviation.mean(axis=1)
    yield "You took the class that varies most. Take the one with the largest mean.", deviation.max(axis=1)
    yield "That is how the classes vary in the mean. How do the masks vary?", mean.std(axis=1)
    yield "That is 1 - the mean probability. How far the masks disagree about it is asked for.", 1 - mean.max(axis=1)
    yield "That is the mean probability of the best class. Its deviation over the masks is asked for.", mean.max(axis=1)
    yield (
        "You chose the class by the first mask alone. Choose it by the mean of all masks.",
        deviation[places, said[0].argmax(axis=1)],
    )
    yield "These are the deviations of all classes. Take that of the best class of each picture.", deviation
    yield "You took the least probable class. Take the most probable: argmax.", deviation[places, mean.argmin(axis=1)]
