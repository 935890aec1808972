"""Exercises of lesson 14_initialisation."""

from __future__ import annotations

import math
import statistics

import numpy as np

from course_lib.exercises.spec import exercise
from course_lib.gradcheck import numerical_gradient

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
    # Units 0 and 1 are twins; 2 and 5 differ from them by their bias, 3 by its way out; 4 has twice the weights.
    kernel = np.outer([1.0, 3.0], [1.0, 1.0, 1.0, 1.0, 2.0, 1.0])
    bias, next_kernel = np.array([0.0, 0.0, 1.0, 0.0, 0.0, 2.0]), np.array([[1.0, 1.0, 1.0, 2.0, 2.0, 1.0]]).T
    yield kernel, bias, next_kernel
    yield np.zeros((3, 4)), np.zeros(4), np.zeros((4, 2))
    for inputs, kinds, units, outputs in ((4, 3, 6, 2), (7, 4, 9, 3), (3, 5, 5, 4)):
        which = np.concatenate([np.arange(kinds), rng.integers(kinds, size=units - kinds)])
        kernel, bias = rng.normal(size=(inputs, kinds)), rng.normal(size=kinds)
        yield kernel[:, which], bias[which], rng.normal(size=(kinds, outputs))[which]


def _kinds(*parts):
    return len(np.unique(np.column_stack(parts), axis=0))


@different_units.known_mistakes
def _(kernel, bias, next_kernel):
    yield (
        "You compared only what leads into the units. Twins have the same way out, too: next_kernel.",
        _kinds(kernel.T, bias),
    )
    yield "You left out the bias: units with different biases give different outputs.", _kinds(kernel.T, next_kernel)
    yield (
        "You compared the kernels alone. Twins have the same bias and the same way out (next_kernel) as well.",
        _kinds(kernel.T),
    )
    yield (
        "That is the rank. A unit with twice the weights of another adds no rank, yet it is no twin.",
        np.linalg.matrix_rank(np.column_stack([kernel.T, bias, next_kernel])),
    )
    yield (
        "That is the rank of the kernel. Twins are units in which *everything* is the same.",
        np.linalg.matrix_rank(kernel),
    )
    yield (
        "You counted different rows of the kernel. Rows are inputs; units are columns.",
        len(np.unique(kernel, axis=0)),
    )
    yield "That is the number of all units; twins count once.", len(bias)


@exercise(lesson=LESSON, points=2)
def forward_statistics(inputs, kernels):
    rows, deviations = inputs.tolist(), []
    for kernel in kernels:
        columns = kernel.T.tolist()
        rows = [[math.tanh(math.fsum(map(float.__mul__, row, column))) for column in columns] for row in rows]
        deviations.append(statistics.pstdev(value for row in rows for value in row))
    return np.array(deviations)


forward_statistics.hints = (
    "A loop over the kernels: outputs = np.tanh(outputs @ kernel), starting with outputs = inputs.",
    "After each layer append outputs.std(): one number for all examples and units together.",
)


def _a_network(rng, sizes, examples, size=1.0):
    kernels = [rng.normal(0, size, (sizes[k], sizes[k + 1])) for k in range(len(sizes) - 1)]
    return rng.normal(1, 1, (examples, sizes[0])), kernels


@forward_statistics.cases
def _(rng):
    for sizes, examples in (((2, 2, 2), 3), ((4, 4, 4, 4), 5), ((3, 5, 2), 4), ((6, 1), 8)):
        yield _a_network(rng, sizes, examples)


def _forward(inputs, kernels, bend=np.tanh):
    outputs = [inputs]
    for kernel in kernels:
        outputs.append(bend(outputs[-1] @ kernel))
    return outputs


@forward_statistics.known_mistakes
def _(inputs, kernels):
    yield (
        "These are variances. The standard deviation is their square root: .std(), not .var().",
        np.array([y.var() for y in _forward(inputs, kernels)[1:]]),
    )
    yield (
        "You forgot the bend: each layer gives tanh(outputs @ kernel).",
        np.array([y.std() for y in _forward(inputs, kernels, bend=lambda sums: sums)[1:]]),
    )
    yield (
        "The first number belongs to the inputs. Only the layers are asked for, one number each.",
        np.array([y.std() for y in _forward(inputs, kernels)]),
    )
    yield (
        "You averaged the deviations of single units. All outputs of the layer count together: .std() without an axis.",
        np.array([y.std(axis=0).mean() for y in _forward(inputs, kernels)[1:]]),
    )
    yield (
        "You divide by n - 1 (ddof=1). Here it is the plain .std(), which divides by n.",
        np.array([y.std(ddof=1) for y in _forward(inputs, kernels)[1:]]),
    )


@forward_statistics.mistake("You measured the sums before tanh. The outputs after it are asked for.")
def _(inputs, kernels):
    outputs = _forward(inputs, kernels)
    return np.array([(y @ kernel).std() for y, kernel in zip(outputs, kernels, strict=False)])


@exercise(lesson=LESSON, points=4)
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
        inputs, kernels = _a_network(rng, sizes, examples, size=0.7)
        yield inputs, kernels, rng.normal(size=(examples, sizes[-1]))


def _backward(
    inputs,
    kernels,
    upstream,
    slope=lambda y: 1 - y**2,
    sender=lambda before, after: before,
    way=lambda kernel: kernel.T,
):
    outputs, found = _forward(inputs, kernels), []
    for k in reversed(range(len(kernels))):
        sums = upstream * slope(outputs[k + 1])
        found.append(sender(outputs[k], outputs[k + 1]).T @ sums)
        upstream = sums @ way(kernels[k])
    return found[::-1]


@gradient_statistics.known_mistakes
def _(inputs, kernels, upstream):
    yield (
        "The slope of tanh is missing: multiply the message by 1 - y² at every layer.",
        np.array([g.std() for g in _backward(inputs, kernels, upstream, slope=np.ones_like)]),
    )
    yield (
        "y (1 - y) is the slope of the sigmoid. That of tanh is 1 - y².",
        np.array([g.std() for g in _backward(inputs, kernels, upstream, slope=lambda y: y * (1 - y))]),
    )
    yield (
        "You return the last layer first. Turn the list round: the first layer comes first.",
        np.array([g.std() for g in _backward(inputs, kernels, upstream)][::-1]),
    )
    yield (
        "The message goes back through the kernel *transposed*.",
        lambda *_: np.array([g.std() for g in _backward(inputs, kernels, upstream, way=lambda kernel: kernel)]),
    )
    yield (
        "The sender of a weight is what the layer was *fed*, not what it gave: outputs[k].T, not outputs[k + 1].T.",
        np.array([g.std() for g in _backward(inputs, kernels, upstream, sender=lambda before, after: after)]),
    )
    yield (
        "These are variances. The standard deviation is their square root: .std(), not .var().",
        np.array([g.var() for g in _backward(inputs, kernels, upstream)]),
    )
    yield (
        "You averaged over the examples. The plain sum is asked for: outputs[k].T @ sums.",
        np.array([g.std() / len(inputs) for g in _backward(inputs, kernels, upstream)]),
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


def _fans(shape):
    area = math.prod(shape[:-2])
    return area * shape[-2], area * shape[-1]


@glorot_deviation.known_mistakes
def _(shape):
    yield "That is the variance. The standard deviation is its square root.", 2 / sum(_fans(shape))
    yield (
        "You forgot the kernel's area: a filter reads height x width x in_channels inputs.",
        math.sqrt(2 / (shape[-2] + shape[-1])),
    )
    yield (
        "The area counts on both sides: fan_out is height x width x filters.",
        math.sqrt(2 / (_fans(shape)[0] + shape[-1])),
    )
    yield (
        "That looks at the way forward only: Glorot's compromise takes fan_in and fan_out together.",
        math.sqrt(1 / _fans(shape)[0]),
    )
    yield (
        "The 2 is missing: the variance is 1 / average fan, and the average is half of the sum.",
        math.sqrt(1 / sum(_fans(shape))),
    )
    yield "With 6 this is the limit of GlorotUniform. The standard deviation has a 2.", math.sqrt(6 / sum(_fans(shape)))


@exercise(lesson=LESSON, points=2)
def he_normal(draws):
    fan_in = draws[..., 0].size
    return draws * math.sqrt(2) / math.sqrt(fan_in)


he_normal.hints = (
    "fan_in is the number of inputs of one unit: all sizes of the shape multiplied, except the last.",
    "np.prod(draws.shape[:-1]) is that number, for a dense kernel as for a convolution's.",
    "Multiply the draws by the standard deviation you want: the square root of 2 / fan_in.",
)


@he_normal.cases
def _(rng):
    for shape in ((3, 2), (2, 5), (20, 10), (3, 3, 2, 4), (5, 1, 3, 2)):
        yield (rng.normal(size=shape),)


def _he(draws, variance):
    return draws * math.sqrt(variance)


@he_normal.known_mistakes
def _(draws):
    yield (
        "You scaled by the variance 2 / fan_in. Numbers are scaled by the standard deviation, its square root.",
        draws * 2 / math.prod(draws.shape[:-1]),
    )
    yield (
        "You took the number of units, fan_out. What counts for a sum is how many inputs it has: fan_in.",
        _he(draws, 2 / draws.shape[-1]),
    )
    yield (
        "The 2 is missing: ReLU throws half of the signal away, so the variance must be twice Xavier's.",
        _he(draws, 1 / math.prod(draws.shape[:-1])),
    )
    yield (
        "You forgot the kernel's area: a filter reads height x width x in_channels inputs.",
        _he(draws, 2 / draws.shape[-2]),
    )
    yield (
        "That is Xavier's variance *halved*. He's is twice Xavier's: 2 / fan_in.",
        _he(draws, 1 / (2 * math.prod(draws.shape[:-1]))),
    )
    yield (
        "You took the number of all weights. A unit reads only its own inputs: leave out the last size.",
        _he(draws, 2 / draws.size),
    )
