"""Exercises of lesson 14_initialisation."""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np
from scipy.integrate import quad

from course_lib import data
from course_lib.exercises.spec import exercise
from course_lib.gradcheck import numerical_gradient
from course_lib.layers import Tanh

LESSON = "14_initialisation"


@exercise(lesson=LESSON, points=3)
def different_units(kernel, bias, next_kernel):
    units = range(len(bias))
    return len({(*kernel[:, unit], bias[unit], *next_kernel[unit]) for unit in units})


different_units.hints = (
    "Everything that belongs to hidden unit i: column i of kernel, entry i of bias, row i of next_kernel.",
    "np.column_stack([kernel.T, bias, next_kernel]) puts all that into one row for each hidden unit.",
    "np.unique(table, axis=0) keeps one of each kind of row. How many are left?",
)


@different_units.cases
def _(rng):
    # Units 0 and 1 are twins; 2 and 5 differ from them by their bias, 3 by its way out; 4 has twice the weights; 6
    # and 7 differ from them by one weight.
    kernel = np.array([[1.0, 1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 2.0], [3.0, 3.0, 3.0, 3.0, 6.0, 3.0, 4.0, 3.0]])
    bias = np.array([0.0, 0.0, 1.0, 0.0, 0.0, 2.0, 0.0, 0.0])
    next_kernel = np.array([[1.0, 1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 1.0]]).T
    yield kernel, bias, next_kernel
    yield np.zeros((3, 4)), np.zeros(4), np.zeros((4, 2))
    # Three digits are a unit: which way in, which bias, which way out. In both layers every part counts another number.
    for units in (
        "201 010 020 221 222 202 220 100 022 201 100",
        "220 111 001 022 121 120 110 100 001 100 111 111",
    ):
        ways_in, biases, ways_out = (_alike(rng, size) for size in (4, 1, 2))
        units = rng.permutation([[int(digit) for digit in unit] for unit in units.split()])
        yield ways_in[units[:, 0]].T, biases[units[:, 1], 0], ways_out[units[:, 2]]


def _alike(rng, size):
    """Three rows of whole numbers that are easily taken for one another: the second has the sum of the first, the third
    its absolute values."""
    row = rng.permutation(np.arange(1.0, 9.0))[:size]
    return np.array([row, row[::-1] if size > 1 else row + 10, -row])


@different_units.known_mistakes
def _(kernel, bias, next_kernel):
    def kinds(*parts):
        return len(np.unique(np.column_stack(parts), axis=0))

    table = np.column_stack([kernel.T, bias, next_kernel])
    yield (
        "You compared only what leads into the units. Twins have the same way out, too: next_kernel.",
        kinds(kernel.T, bias),
    )
    yield "You left out the bias: units with different biases give different outputs.", kinds(kernel.T, next_kernel)
    yield "You left out the way in: twins have the same column of kernel, too.", kinds(bias, next_kernel)
    yield (
        "You compared the kernels alone. Twins have the same bias and the same way out (next_kernel) as well.",
        kinds(kernel.T),
    )
    yield (
        "You compared the units' sums. Units that differ can have the same sum: compare number by number.",
        kinds(table.sum(axis=1)),
    )
    yield (
        "You took the numbers of a unit in any order. Each has its place: compare them place by place.",
        kinds(np.sort(table, axis=1)),
    )
    yield "You lost the signs: a unit with the opposite weights is no twin.", kinds(np.abs(table))
    yield (
        "That is the rank. A unit with twice the weights of another adds no rank, yet it is no twin.",
        np.linalg.matrix_rank(table),
    )
    yield (
        "That is the rank of the kernel. Twins are units in which *everything* is the same.",
        np.linalg.matrix_rank(kernel),
    )
    yield "You counted different rows of the kernel. Rows are inputs; units are columns.", kinds(kernel)
    yield "That is the number of all units; twins count once.", len(bias)
    yield "That is how many are left over. How many different units there are is asked for.", len(bias) - kinds(table)


def _a_network(rng, sizes, examples):
    kernels = [rng.normal(0, 0.7, size) for size in itertools.pairwise(sizes)]
    return rng.normal(1, 1, (examples, sizes[0])), kernels


def _forward(inputs, kernels):
    outputs = [inputs]
    for kernel in kernels:
        outputs.append(np.tanh(outputs[-1] @ kernel))
    return outputs


@exercise(lesson=LESSON, points=4, atol=1e-5, rtol=1e-4)
def gradient_statistics(inputs, kernels, upstream):
    def weighted_outputs():
        return float(np.sum(upstream * _forward(inputs, kernels)[-1]))

    return np.array([numerical_gradient(weighted_outputs, kernel).std() for kernel in kernels])


gradient_statistics.hints = (
    "First run forward and keep every layer's outputs: outputs[0] is inputs, outputs[k + 1] comes from kernels[k].",
    "Then go back, last layer first: sums = upstream * (1 - outputs[k + 1] ** 2) is the gradient by layer k's sums.",
    "The gradient by its kernel is outputs[k].T @ sums; the message to the layer below is sums @ kernels[k].T.",
    "You collect the deviations from the last layer to the first: turn the list round at the end.",
)


@gradient_statistics.cases
def _(rng):
    for sizes, examples in (((2, 2, 2), 2), ((3, 3, 3, 3), 4), ((4, 2, 3), 3), ((3, 2), 5)):
        inputs, kernels = _a_network(rng, sizes, examples)
        yield inputs, kernels, rng.normal(size=(examples, sizes[-1]))


def _backward(
    inputs,
    kernels,
    upstream,
    slope=lambda y: 1 - y**2,
    sender=lambda before, after: before,
    way=lambda kernel: kernel.T,
    message=lambda upstream, sums: sums,
):
    outputs, found = _forward(inputs, kernels), []
    for k in reversed(range(len(kernels))):
        sums = upstream * slope(outputs[k + 1])
        found.append(sender(outputs[k], outputs[k + 1]).T @ sums)
        upstream = message(upstream, sums) @ way(kernels[k])
    return found[::-1]


@gradient_statistics.known_mistakes
def _(inputs, kernels, upstream):
    def deviations(**changed):
        return np.array([gradient.std() for gradient in _backward(inputs, kernels, upstream, **changed)])

    right = _backward(inputs, kernels, upstream)
    yield (
        "The slope of tanh is missing: multiply the message by 1 - y² at every layer.",
        deviations(slope=np.ones_like),
    )
    yield "y (1 - y) is the slope of the sigmoid. That of tanh is 1 - y².", deviations(slope=lambda y: y * (1 - y))
    yield "The slope of tanh is 1 - y²: the square is missing.", deviations(slope=lambda y: 1 - y)
    yield (
        "y is the output already: its slope is 1 - y², without another tanh.",
        deviations(slope=lambda y: 1 - np.tanh(y) ** 2),
    )
    yield "You return the last layer first. Turn the list round: the first layer comes first.", deviations()[::-1]
    yield (
        "The slope is missing on the way down: what goes on to the layer below has been multiplied by 1 - y², too.",
        deviations(message=lambda upstream, _: upstream),
    )
    yield (
        "Each layer was given the last upstream. A message goes down through kernels[k].T, from layer to layer.",
        lambda *_: np.array(
            [
                (before.T @ (upstream * (1 - after**2))).std()
                for before, after in itertools.pairwise(_forward(inputs, kernels))
            ]
        ),
    )
    yield (
        "The sender of a weight is what the layer was *fed*, not what it gave: outputs[k].T, not outputs[k + 1].T.",
        deviations(sender=lambda before, after: after),
    )
    yield (
        "These are variances. The standard deviation is their square root: .std(), not .var().",
        np.array([gradient.var() for gradient in right]),
    )
    yield (
        "You averaged over the examples. The plain sum is asked for: outputs[k].T @ sums.",
        deviations() / len(inputs),
    )
    yield (
        "These are the deviations of the messages. Those of the gradients by the kernels are asked for: outputs[k].T @ "
        "sums.",
        deviations(sender=lambda before, _: np.eye(len(before))),
    )
    yield (
        "The message goes back through the kernel *transposed*.",
        lambda *_: deviations(way=lambda kernel: kernel),
    )


SHAPES = ((300, 100), (64, 10), (3, 3, 16, 32), (5, 5, 3, 8), (1, 1, 64, 16), (7, 3, 4, 6))


@exercise(lesson=LESSON, points=2)
def glorot_deviation(shape):
    wires = np.ones(shape)  # count them: those that enter one unit, and those that leave one input
    entering, leaving = wires[..., 0].sum(), wires[..., 0, :].sum()
    return math.sqrt(2 / (entering + leaving))


glorot_deviation.hints = (
    "The last number of a shape counts the units or filters, the one before it the inputs or input channels.",
    "In a convolution each filter reads height x width x in_channels inputs: that is fan_in.",
    "fan_out is height x width x filters. The deviation is the square root of 2 / (fan_in + fan_out).",
)


@glorot_deviation.cases
def _(rng):
    for shape in SHAPES:
        yield (shape,)
    yield (tuple(int(size) for size in rng.integers(2, 9, size=4)),)


@glorot_deviation.known_mistakes
def _(shape):
    area = math.prod(shape[:-2])
    fan_in, fan_out = area * shape[-2], area * shape[-1]
    yield "That is the variance. The standard deviation is its square root.", 2 / (fan_in + fan_out)
    yield (
        "You forgot the kernel's area: a filter reads height x width x in_channels inputs.",
        math.sqrt(2 / (shape[-2] + shape[-1])),
    )
    yield "The area counts on both sides: fan_out is height x width x filters.", math.sqrt(2 / (fan_in + shape[-1]))
    yield "The area counts on both sides: fan_in is height x width x in_channels.", math.sqrt(2 / (shape[-2] + fan_out))
    yield (
        "shape[0] and shape[1] are inputs and units of a dense kernel only. A convolution's stand last in its shape.",
        math.sqrt(2 / (shape[0] + shape[1])),
    )
    yield (
        "That looks at the way forward only: Glorot's compromise takes fan_in and fan_out together.",
        math.sqrt(1 / fan_in),
    )
    yield (
        "That looks at the way back only: Glorot's compromise takes fan_in and fan_out together.",
        math.sqrt(1 / fan_out),
    )
    yield "That is He's deviation, for ReLU. Glorot's takes fan_in and fan_out together.", math.sqrt(2 / fan_in)
    yield (
        "The 2 is missing: the variance is 1 / average fan, and the average is half of the sum.",
        math.sqrt(1 / (fan_in + fan_out)),
    )
    yield (
        "With 6 this is the limit of GlorotUniform. The standard deviation has a 2.",
        math.sqrt(6 / (fan_in + fan_out)),
    )


@exercise(lesson=LESSON, points=3)
def leaky_deviation(shape, slope):
    def passed_on(u):
        return (u if u > 0 else slope * u) ** 2 * math.exp(-(u**2) / 2) / math.sqrt(2 * math.pi)

    share = quad(passed_on, -12, 0)[0] + quad(passed_on, 0, 12)[0]
    wires = np.ones(shape)[..., 0].sum()
    return 1 / math.sqrt(share * wires)


leaky_deviation.hints = (
    "Half of the sums are positive and pass as they are: they bring half of mean(a²).",
    "The other half are multiplied by slope, so their squares by slope²: they bring slope² / 2 of mean(a²).",
    "Together (1 + slope²) / 2 of mean(a²) are left. Which variance makes n_in · Var(W) · (1 + slope²) / 2 = 1?",
    "n_in is the number of inputs of one unit or filter: all sizes of the shape multiplied, except the last.",
)


@leaky_deviation.cases
def _(rng):
    yield (3, 2), 0.5
    for shape in ((300, 100), (3, 3, 16, 32), (5, 1, 3, 8), (7, 3, 4, 6)):
        yield shape, round(rng.uniform(0.2, 0.9), 2)
    yield (64, 10), 0.0
    yield tuple(int(size) for size in rng.integers(2, 9, size=4)), 0.3


@leaky_deviation.known_mistakes
def _(shape, slope):
    area = math.prod(shape[:-2])
    fan_in, fan_out, share = area * shape[-2], area * shape[-1], (1 + slope**2) / 2

    def for_a_share(share):
        return math.sqrt(1 / (share * fan_in))

    yield "That is the variance. The standard deviation is its square root.", 1 / (share * fan_in)
    yield (
        "That is He's deviation, as if negative sums brought nothing. Here they bring slope² / 2 of the mean square.",
        for_a_share(1 / 2),
    )
    yield (
        "Multiplied by slope, a sum has slope² times its square: the slope counts twice.",
        for_a_share((1 + slope) / 2),
    )
    yield (
        "The negative half adds to the mean square: 1 + slope², not 1 - slope².",
        for_a_share((1 - slope**2) / 2),
    )
    yield (
        "Each half of the sums brings half of its mean square: the share is (1 + slope²) / 2.",
        for_a_share(1 + slope**2),
    )
    yield (
        "The two halves bring 1/2 and slope² / 2. You took the whole of the positive one.",
        for_a_share(1 + slope**2 / 2),
    )
    yield (
        "The two halves bring 1/2 and slope² / 2. You took the whole of the negative one.",
        for_a_share(1 / 2 + slope**2),
    )
    yield "Upside down: the less passes, the larger the weights must be.", math.sqrt(share / fan_in)
    yield "That leaves the activation out: it passes only a share of the mean square.", for_a_share(1)
    yield (
        "That keeps the variance of the outputs. The next sums see their mean square, and their mean is not 0.",
        for_a_share(share - (1 - slope) ** 2 / (2 * math.pi)),
    )
    yield (
        "You forgot the kernel's area: a filter reads height x width x in_channels inputs.",
        math.sqrt(1 / (share * shape[-2])),
    )
    yield "You took fan_out. What counts for a sum is how many inputs it has: n_in.", math.sqrt(1 / (share * fan_out))
    yield (
        "shape[0] is the number of inputs in a dense kernel only. In a convolution's it is the height.",
        math.sqrt(1 / (share * shape[0])),
    )
    yield (
        "You took the number of all weights. A unit reads only its own inputs: leave out the last size.",
        math.sqrt(1 / (share * math.prod(shape))),
    )


@exercise(lesson=LESSON, points=4, rtol=1e-4)
def measured_factors(images, kernels):
    inputs, factors = images, []
    for kernel in kernels:
        products = np.einsum("ni,iu->nu", inputs, kernel)
        factors.append(math.sqrt(products.size) / np.linalg.norm(products))
        inputs = Tanh().forward(products * factors[-1])
    return np.array(factors)


measured_factors.hints = (
    "One layer first: sums = inputs @ kernel; their root mean square is np.sqrt(np.mean(sums**2)).",
    "If every weight is multiplied by f, every sum is, too. Which f makes the root mean square 1?",
    "What goes to the next layer is np.tanh(f * sums): it is fed by the layer that is set right already.",
)


@measured_factors.cases
def _(rng):
    yield (
        np.array([[1.0, 0.0], [0.5, 1.0], [0.0, 2.0]]),
        [np.array([[1.0, -2.0], [3.0, 1.0]]), np.array([[2.0], [1.0]])],
    )
    for sizes, deviation in (((784, 12, 8, 10), 0.01), ((784, 10, 10, 10, 10), 1.0), ((784, 6, 10), 0.1)):
        images = _digits()[rng.choice(500, size=30, replace=False)]
        yield images, [rng.normal(0, deviation, size) for size in itertools.pairwise(sizes)]


@cache
def _digits():
    return data.mnist_5k().validation.images.reshape(-1, 784).astype(float)


@measured_factors.known_mistakes
def _(images, kernels):
    def rms(array):
        return np.sqrt(np.mean(array**2))

    def factors(find=lambda sums: 1 / rms(sums), bend=np.tanh, feed=lambda sums, factor: sums * factor):
        inputs, found = images, []
        for kernel in kernels:
            found.append(find(inputs @ kernel))
            inputs = bend(feed(inputs @ kernel, found[-1]))
        return np.array(found)

    yield (
        "You fed the upper layers from kernels that are not yet set right. Go up layer by layer: tanh(factor * sums).",
        factors(feed=lambda sums, _: sums),
    )
    yield "These are the root mean squares. The factor that makes one of them 1 is its inverse.", factors(rms)
    yield (
        "These are the root mean squares of the layers, measured one after the other. Their inverses are asked for.",
        factors(rms, feed=lambda sums, size: sums / size),
    )
    yield (
        "These are the root mean squares as the network is now. Set each layer right before you measure the next, and "
        "return the inverses.",
        factors(rms, feed=lambda sums, _: sums),
    )
    yield "You divided by the mean square. Take its root.", factors(lambda sums: 1 / np.mean(sums**2))
    yield (
        "That is the standard deviation, measured from the mean. The mean square is what the next layer sees.",
        factors(lambda sums: 1 / sums.std()),
    )
    yield (
        "You made the mean size |a| of the sums 1. The root mean square is asked for.",
        factors(lambda sums: 1 / np.mean(np.abs(sums))),
    )
    yield "You forgot the bend: the next layer is fed with tanh of the sums.", factors(bend=lambda sums: sums)
    yield "The bend is ReLU here; the layers are tanh.", factors(bend=lambda sums: np.maximum(sums, 0))
    yield (
        "You measured the outputs, after tanh. The sums before it are asked for.",
        factors(lambda sums: 1 / rms(np.tanh(sums))),
    )
    yield (
        "You measured one example only. All sums of a layer, of all images, count together.",
        factors(lambda sums: 1 / rms(sums[0])),
    )
    yield (
        "You measured one unit only. All sums of a layer count together.",
        factors(lambda sums: 1 / rms(sums[:, 0])),
    )
    yield (
        "You added up the squares. Take their mean.",
        factors(lambda sums: 1 / np.sqrt(np.sum(sums**2))),
    )
    yield (
        "You took the factor for inputs of size 1, from the kernel alone. Measure the sums that these images give.",
        lambda *_: np.array([1 / (rms(kernel) * math.sqrt(len(kernel))) for kernel in kernels]),
    )
