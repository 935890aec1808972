"""Exercises of lesson 21_resnet."""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy import signal

from course_lib.exercises.spec import exercise
from course_lib.gradcheck import numerical_gradient

LESSON = "21_resnet"


# A residual block of two dense layers, there and back


@exercise(lesson=LESSON, points=3, atol=1e-5)
def residual_backward(upstream, x, first, second):
    def loss(values):
        return np.sum(upstream * np.maximum(values + np.maximum(values @ first, 0) @ second, 0))

    return numerical_gradient(lambda: loss(x), x)


residual_backward.hints = (
    "Begin at the end: the last ReLU lets the gradient through where x + F(x) is above 0. That part goes two ways.",
    "One way is the shortcut: it arrives at x unchanged. The other goes back through second, the inner ReLU and first.",
    "open_ = upstream * (x + f > 0); then open_ + ((open_ @ second.T) * (hidden > 0)) @ first.T",
)


@residual_backward.cases
def _(rng):
    for examples, width, hidden in ((2, 3, 4), (3, 4, 2), (5, 6, 6)):
        while (
            True
        ):  # no sum near 0, where ReLU has a kink; each ReLU open and shut; and the shortcut opens or shuts one
            x, upstream = rng.normal(size=(examples, width)), rng.normal(size=(examples, width))
            first, second = rng.normal(size=(width, hidden)), rng.normal(size=(hidden, width))
            inner = x @ first
            outer = x + np.maximum(inner, 0) @ second
            sums = [inner, outer, (outer - x) * outer]
            if all(np.abs(each).min() > 1e-2 and (each > 0).any() and (each < 0).any() for each in sums):
                break
        yield upstream, x, first, second


@residual_backward.known_mistakes
def _(upstream, x, first, second):
    inner = x @ first
    outer = x + np.maximum(inner, 0) @ second
    passed = upstream * (outer > 0)

    def branch(gradient):
        return ((gradient @ second.T) * (inner > 0)) @ first.T

    yield (
        "The shortcut is missing: that is the gradient of a plain block. What was added going forward adds its "
        "gradient going back, the +1.",
        branch(passed),
    )
    yield (
        "The last ReLU is missing: where x + F(x) is below 0, nothing comes through on either way.",
        upstream + branch(upstream),
    )
    yield "The shortcut passes the last ReLU, too: the sum goes into it as a whole.", upstream + branch(passed)
    yield (
        "The inner ReLU is missing: nothing passes back where x @ first is below 0.",
        passed + passed @ second.T @ first.T,
    )
    yield (
        "The last ReLU sees the sum: it is open where x + F(x) is above 0, not where F(x) alone is.",
        upstream * (outer - x > 0) + branch(upstream * (outer - x > 0)),
    )
    yield "The +1 is one times the gradient that arrives, not the number 1 added to it.", 1 + branch(passed)


# How a block begins as the identity


@exercise(lesson=LESSON, points=1)
def start_as_identity(gammas, betas):
    last = np.arange(gammas.shape[1]) == gammas.shape[1] - 1
    keep = ~last[None, :, None]
    return np.where(keep, gammas, 0), np.where(keep, betas, 0)


start_as_identity.results = ("gammas", "betas")
start_as_identity.hints = (
    "Only the normalisation just before the sum has to be silenced: in every block the last one.",
    "It gives gamma * x_hat + beta. For which gamma and beta is that 0, whatever x_hat is?",
    "Copy both arrays, then set [:, -1] to 0 in both.",
)


@start_as_identity.cases
def _(rng):
    for blocks, layers, channels in ((2, 2, 3), (3, 2, 4), (2, 3, 5)):
        yield rng.uniform(0.5, 2, (blocks, layers, channels)), rng.normal(size=(blocks, layers, channels))


@start_as_identity.known_mistakes
def _(gammas, betas):
    def zero(array, where):
        array = array.copy()
        array[where] = 0
        return array

    last = np.s_[:, -1]
    yield (
        "Every normalisation is silenced. Then the inner ones have nothing to do and no gradient to learn from; the "
        "last one is enough.",
        (0 * gammas, 0 * betas),
    )
    yield "The beta of the last normalisation is still added to the shortcut.", (zero(gammas, last), betas)
    yield (
        "The gamma of the last normalisation still lets the branch through: gamma * x_hat is not 0.",
        (gammas, zero(betas, last)),
    )
    yield (
        "Inner normalisations keep their betas: only the last one has to be silenced.",
        (zero(gammas, last), 0 * betas),
    )
    yield (
        "That is the first normalisation of each block. What is behind it may still put out anything.",
        (zero(gammas, np.s_[:, 0]), zero(betas, np.s_[:, 0])),
    )
    yield (
        "Only the last block begins as the identity. The first axis counts the blocks: all of them.",
        (zero(gammas, np.s_[-1, -1]), zero(betas, np.s_[-1, -1])),
    )
    yield (
        "gamma = 1 and beta = 0 are the usual start: then the block adds F(x), which is not 0.",
        (np.ones_like(gammas), 0 * betas),
    )


# When the shortcut needs a layer


@exercise(lesson=LESSON, points=1)
def needs_projection(shape, filters, strides, padding):
    import keras

    branch = keras.layers.Conv2D(filters, 3, strides, padding=padding).compute_output_shape((None, *shape))
    return branch[1:] != tuple(shape)


needs_projection.hints = (
    "Addition needs the same height, the same width and the same channels on both ways.",
    "The channels of the branch are its filters; strides above 1 make it smaller, unless it is 1 by 1 already.",
    'A 3 by 3 kernel with padding="valid" takes 2 from height and width, whatever the strides.',
)


@needs_projection.cases
def _(rng):
    """As often no as yes."""
    side, channels = int(rng.integers(5, 30)), int(rng.integers(8, 60))
    fewer, more = int(rng.integers(2, channels)), channels + int(rng.integers(1, 60))
    yield (side, side, channels), channels, 1, "same"
    yield (side, side, channels), more, 1, "same"
    yield (side, side, channels), fewer, 1, "same"
    yield (side, side, channels), channels, 2, "same"
    yield (side, side, side + 2), side + 2, 1, "valid"
    yield (3, 3, channels), channels, 2, "valid"
    yield (side + 1, side + 1, fewer), fewer, 1, "same"
    yield (side + 2, side + 2, more), more, 1, "same"
    yield (1, 1, channels), channels, 2, "same"
    yield (1, 1, channels), channels, 1, "same"
    yield (1, 1, channels), channels, 3, "same"
    yield (1, 1, channels), fewer, 2, "same"


@needs_projection.known_mistakes
def _(shape, filters, strides, padding):
    other_channels, valid = filters != shape[2], padding == "valid"
    smaller = strides > 1 and shape[0] > 1
    yield "The strides count, too: the branch gets smaller than its input.", other_channels or valid
    yield "The channels count, too: maps cannot be added to maps that are not there.", valid or smaller
    yield (
        "Fewer filters do not fit, either: the shortcut then has maps that nothing can be added to.",
        filters > shape[2] or smaller or valid,
    )
    yield (
        "Either is enough: a change of the channels, or a change of height and width.",
        other_channels and (strides > 1 or valid),
    )
    yield 'With padding="valid" a 3 by 3 kernel makes the maps smaller.', other_channels or smaller
    yield "A map of 1 by 1 cannot get smaller: strides do not change it.", other_channels or strides > 1 or valid
    yield (
        "It is the other way round: you say when the shortcut can do without a layer.",
        not (other_channels or smaller or valid),
    )


# A residual block in Keras


@exercise(lesson=LESSON, points=4, atol=1e-3, rtol=1e-3)
def residual_block(images, filters, strides):
    from course_lib.exercises import models

    channels = images.shape[-1]
    projects = strides > 1 or channels != filters
    kernels = [(3, channels, strides), (3, filters, 1)] + [(1, channels, strides)] * projects
    layers = [_words(size, filters, steps) for size, _, steps in kernels] + ["BatchNormalization"] * len(kernels)
    trained = sum(size**2 * inputs * filters + 2 * filters for size, inputs, _ in kernels)
    y = np.maximum(_normalised(_correlated(images, 3, filters, strides)), 0)
    y = _normalised(_correlated(y, 3, filters, 1))
    shortcut = _normalised(_correlated(images, 1, filters, strides)) if projects else images
    outputs = np.maximum(y + shortcut, 0)
    return models.counted(layers), _shape(outputs), trained, "BatchNormalization", outputs


residual_block.results = (
    "Layers with weights", "Shape of the output", "Numbers that are trained",
    "Layers that do something else in training", "The output, with weights drawn at random",
)  # fmt: skip
residual_block.hints = (
    "The branch: Conv2D(filters, 3, strides, padding='same', use_bias=False), BatchNormalization, ReLU, then the same "
    "again with strides 1 and no ReLU behind.",
    "Where strides > 1 or x.shape[-1] != filters, the shortcut is Conv2D(filters, 1, strides, use_bias=False) and "
    "BatchNormalization; elsewhere it is x.",
    "keras.layers.ReLU()(keras.layers.Add()([y, shortcut])) closes the block.",
)


@residual_block.cases
def _(rng):
    for height, width, channels, filters, strides in (
        (6, 7, 3, 3, 1),
        (5, 6, 2, 3, 1),
        (6, 5, 4, 3, 1),
        (7, 6, 4, 4, 2),
        (6, 5, 2, 4, 2),
    ):
        yield rng.normal(size=(2, height, width, channels)), filters, strides


_SIZE = 10  # of sums against inputs: so large that nobody's epsilon shows


def _words(size, filters, strides):
    return f"convolution {filters} of {size} x {size}{f' with strides={strides, strides}' * (strides > 1)} without bias"


def _shape(maps):
    return " x ".join(map(str, maps.shape[1:]))


def _normalised(x):
    """Batch normalisation at test time, with the statistics, gamma and beta that the probe draws."""
    from course_lib.exercises.models import drawn

    names = ("moving_mean", "moving_variance", "gamma", "beta")
    mean, variance, gamma, beta = (drawn(name, x.shape[-1:], _SIZE) for name in names)
    return gamma * (x - mean) / np.sqrt(variance) + beta


def _correlated(images, size, filters, strides):
    """What a convolution layer with padding="same" computes, by SciPy; Keras pads the odd line below and right."""
    from course_lib.exercises.models import drawn

    kernel = drawn("kernel", (size, size, images.shape[-1], filters), _SIZE)
    margins = []
    for length in images.shape[1:3]:
        lost = max((-(-length // strides) - 1) * strides + size - length, 0)
        margins.append((lost // 2, lost - lost // 2))
    padded = np.pad(images, ((0, 0), *margins, (0, 0)))
    maps = [
        [
            sum(signal.correlate2d(image[..., c], kernel[..., c, f], mode="valid") for c in range(image.shape[-1]))
            for f in range(filters)
        ]
        for image in padded
    ]
    return np.moveaxis(np.array(maps), 1, -1)[:, ::strides, ::strides]


@residual_block.probe
def _(block, images, filters, strides):
    """What the block is made of, and what comes out of it with drawn weights."""
    from course_lib.exercises import models

    found = models.read_graph(models.model_around(block, images, filters, strides), images, _SIZE)
    return found.layers, _shape(found.outputs), found.trained, found.other_in_training, found.outputs


def _block(
    first="conv bn relu", second="conv bn", shortcut="conv bn", behind="relu", always=False, strided=0, use_bias=False
):
    """What a student would hand in, with one thing changed."""

    def block(x, filters, strides):
        from keras import layers

        def run(steps, x, size=1, strides=1):
            for step in steps.split():
                if step == "conv":
                    x = layers.Conv2D(filters, size, strides, padding="same", use_bias=use_bias)(x)
                else:
                    x = {"bn": layers.BatchNormalization, "relu": layers.ReLU}[step]()(x)
            return x

        moves = (strides, 1) if strided == 0 else (1, strides)
        y = run(second, run(first, x, 3, moves[0]), 3, moves[1])
        if shortcut and (always or strides > 1 or x.shape[-1] != filters):
            x = run(shortcut, x, 1, strides)
        return run(behind, layers.Add()([y, x]) if shortcut else y)

    return block


@residual_block.known_mistakes
def _():
    yield "There is no shortcut: this is a plain block.", lambda: _block(shortcut="")
    yield (
        "You project everywhere. Where the shape stays, the shortcut must stay x itself: no parameters, and the "
        "identity.",
        lambda: _block(always=True),
    )
    yield "The last ReLU, behind the sum, is missing.", lambda: _block(behind="")
    yield (
        "There is a ReLU on the branch before the sum: then a block can only add, never take away.",
        lambda: _block(second="conv bn relu"),
    )
    yield "The ReLU between the two convolutions is missing.", lambda: _block(first="conv bn")
    yield (
        "Batch normalisation stands behind the ReLU. It belongs right behind its convolution, and ReLU behind it.",
        lambda: _block(first="conv relu bn"),
    )
    yield (
        "The convolutions have biases, which the batch normalisation behind them takes out again.",
        lambda: _block(use_bias=True),
    )
    yield (
        "Batch normalisation is missing behind the convolutions.",
        lambda: _block(first="conv relu", second="conv", shortcut="conv"),
    )
    yield "The projection needs batch normalisation, too.", lambda: _block(shortcut="conv")
    yield (
        "Batch normalisation stands behind the sum, where it changes the shortcut, too. It belongs behind each "
        "convolution.",
        lambda: _block(second="conv", shortcut="conv", behind="bn relu"),
    )
    yield "The strides belong to the first convolution of the branch, not to the second.", lambda: _block(strided=1)


# The family for CIFAR-10


@exercise(lesson=LESSON, points=2)
def cifar_size(n, first, classes):
    """Counted on the shapes of all weights, one layer after the other."""
    maps = [3, first] + [first * 2**stage for stage in range(3) for _ in range(2 * n)]
    kernels = [(3, 3, *pair) for pair in itertools.pairwise(maps)] + [(maps[-1], classes)]
    others = [(2, number) for number in maps[1:]] + [(classes,)]
    return len(kernels), sum(math.prod(shape) for shape in kernels + others)


cifar_size.results = ("Depth", "Parameters")
cifar_size.hints = (
    "Depth: one convolution in front, three stages of n blocks with two convolutions each, and one dense layer.",
    "A convolution from a to b maps has 9 * a * b weights and no bias; the normalisation behind it has 2 * b numbers.",
    "Filters are first, 2 * first, 4 * first. Only the first convolution of stages 2 and 3 reads half as many maps. "
    "The dense layer has 4 * first weights and a bias for each class.",
)


@cifar_size.cases
def _(rng):
    yield 1, 16, 10
    yield 2, 8, 6
    yield 3, 16, 10
    yield int(rng.integers(2, 6)), int(rng.integers(3, 12)), int(rng.integers(3, 30))


@cifar_size.known_mistakes
def _(n, first, classes):
    def size(norm=2, conv_bias=0, halves=True, bias=1, double=2, extra=2, colours=3):
        filters = [first, first * double, first * double**2]
        before = [first, *filters[:2]] if halves else filters
        count = (9 * colours + norm + conv_bias) * first
        for inputs, outputs in zip(before, filters, strict=True):
            count += (9 * inputs + (2 * n - 1) * 9 * outputs + 2 * n * (norm + conv_bias)) * outputs
        return 6 * n + extra, count + (filters[-1] + bias) * classes

    yield "Batch normalisation is missing: two numbers to learn for each map, gamma and beta.", size(norm=0)
    yield (
        "Batch normalisation has four numbers a map, but two of them, mean and variance, are not trained.",
        size(norm=4),
    )
    yield "The convolutions have no bias: the normalisation behind them would take it out.", size(conv_bias=1)
    yield (
        "The first convolution of stages 2 and 3 reads the maps of the stage before, half as many.",
        size(halves=False),
    )
    yield "The dense layer has a bias for each class.", size(bias=0)
    yield "Colour pictures have three channels, so the first convolution has 9 * 3 weights a filter.", size(colours=1)
    yield "The filters double from stage to stage: first, 2 * first, 4 * first.", size(double=1)
    yield "The convolution in front and the dense layer count, too: 6n + 2 layers, not 6n.", size(extra=0)
