"""Exercises of lesson 21_resnet."""

from __future__ import annotations

import functools

import numpy as np
from scipy import signal

from course_lib.exercises.answer import WrongForm, kind_of
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
    for examples, width, hidden in ((1, 2, 3), (3, 4, 2), (5, 6, 6)):
        while True:  # no sum near 0, where ReLU has a kink; and each ReLU both open and shut
            x, upstream = rng.normal(size=(examples, width)), rng.normal(size=(examples, width))
            first, second = rng.normal(size=(width, hidden)), rng.normal(size=(hidden, width))
            inner = x @ first
            outer = x + np.maximum(inner, 0) @ second
            sums = [inner, outer]
            if all(np.abs(each).min() > 1e-2 and (each > 0).any() and (each < 0).any() for each in sums):
                break
        yield upstream, x, first, second


@residual_backward.known_mistakes
def _(upstream, x, first, second):
    inner = x @ first
    outer = x + np.maximum(inner, 0) @ second > 0
    passed = upstream * outer

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
    yield "The +1 is one times the gradient that arrives, not the number 1 added to it.", 1 + branch(passed)


# How a block begins as the identity


@exercise(lesson=LESSON, points=1)
def start_as_identity(gammas, betas):
    last = np.arange(gammas.shape[1]) == gammas.shape[1] - 1
    keep = ~last[None, :, None]
    return np.where(keep, gammas, 0), np.where(keep, betas, 0)


start_as_identity.hints = (
    "Only the normalisation just before the sum has to be silenced: in every block the last one.",
    "It gives gamma * x_hat + beta. For which gamma and beta is that 0, whatever x_hat is?",
    "Copy both arrays, then set [:, -1] to 0 in both.",
)


@start_as_identity.cases
def _(rng):
    for blocks, layers, channels in ((1, 2, 2), (3, 2, 4), (2, 3, 5)):
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
    side, channels = int(rng.integers(5, 30)), int(rng.integers(2, 60))
    yield (side, side, channels), channels, 1, "same"
    yield (side, side, channels), 2 * channels, 1, "same"
    yield (side, side, channels), channels, 2, "same"
    yield (side, side, channels), 2 * channels, 2, "same"
    yield (side, side, channels), channels, 1, "valid"
    yield (1, 1, channels), channels, 2, "same"
    yield (1, 1, channels), channels + 1, 2, "same"


@needs_projection.known_mistakes
def _(shape, filters, strides, padding):
    other_channels, valid = filters != shape[2], padding == "valid"
    smaller = strides > 1 and shape[0] > 1
    yield "The strides count, too: the branch gets smaller than its input.", other_channels or valid
    yield "The channels count, too: maps cannot be added to maps that are not there.", valid or smaller
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
    """What the probe finds: the shape of the output, the parameters, and the output with weights drawn in order."""
    channels = images.shape[-1]
    projects = strides > 1 or channels != filters
    kernels = [(3, channels), (3, filters)] + [(1, channels)] * projects
    count = sum(size**2 * inputs * filters for size, inputs in kernels)
    weights = [_drawn((size, size, inputs, filters)) for size, inputs in kernels]
    y = np.maximum(_at_rest(_correlated(images, weights[0], strides)), 0)
    y = _at_rest(_correlated(y, weights[1], 1))
    shortcut = _at_rest(_correlated(images, weights[2], strides)) if projects else images
    outputs = np.maximum(y + shortcut, 0)
    return np.array(outputs.shape[1:]), np.array([count, 2 * filters * len(kernels)]), outputs


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
        (6, 6, 3, 3, 1),
        (5, 8, 2, 4, 1),
        (7, 7, 3, 3, 2),
        (8, 6, 2, 5, 2),
    ):
        yield rng.normal(size=(2, height, width, channels)), filters, strides


def _drawn(shape, bias=False):
    """Weights that depend on their shape alone, so that it does not matter in which order layers were made."""
    rng = np.random.default_rng([int(bias), *shape])
    return rng.normal(0, 1 / np.sqrt(np.prod(shape[:-1])), shape)


def _at_rest(x):
    """Batch normalisation that has not seen anything: mean 0, variance 1, and Keras' epsilon."""
    return x / np.sqrt(1 + 1e-3)


def _correlated(images, kernel, strides):
    """What a convolution layer with padding="same" computes, by SciPy; Keras pads the odd line below and right."""
    size = len(kernel)
    _, height, width, _ = images.shape
    margins = []
    for length in (height, width):
        lost = max((-(-length // strides) - 1) * strides + size - length, 0)
        margins.append((lost // 2, lost - lost // 2))
    padded = np.pad(images, ((0, 0), *margins, (0, 0)))
    maps = [
        [
            sum(signal.correlate2d(image[..., c], kernel[..., c, f], mode="valid") for c in range(image.shape[-1]))
            for f in range(kernel.shape[-1])
        ]
        for image in padded
    ]
    return np.moveaxis(np.array(maps), 1, -1)[:, ::strides, ::strides]


@residual_block.probe
def _(block, images, filters, strides):
    """The shape of the output, the parameters of convolutions and those trained in normalisation, and the output with
    drawn weights."""
    import keras

    if not callable(block):
        raise WrongForm(f"`residual_block` must be a function of x, filters and strides; this is {kind_of(block)}.")
    inputs = keras.Input(images.shape[1:])
    outputs = block(inputs, filters, strides)
    if outputs is None or outputs is ...:
        return outputs
    if not isinstance(outputs, keras.KerasTensor):
        raise WrongForm(f"`residual_block` must return the output of its last layer; this is {kind_of(outputs)}.")
    model = keras.Model(inputs, outputs)
    counts = [0, 0]
    for layer in model.layers:
        for weight in layer.trainable_weights:
            is_norm = isinstance(layer, keras.layers.BatchNormalization)
            counts[is_norm] += int(np.prod(weight.shape))
            if not is_norm:
                weight.assign(_drawn(tuple(weight.shape), bias=len(weight.shape) == 1))
    values = np.asarray(keras.ops.convert_to_numpy(model(images.astype("float32"), training=False)))
    return np.array(outputs.shape[1:]), np.array(counts), values


def _block(
    project="where needed", last_relu=True, early_relu=False, use_bias=False, normalise=True, strided=0, shortcut=True
):
    """What a student would hand in, with one thing changed."""

    @functools.wraps(_block)
    def block(x, filters, strides):
        import keras

        def convolution(x, size, strides):
            y = keras.layers.Conv2D(filters, size, strides, padding="same", use_bias=use_bias)(x)
            return keras.layers.BatchNormalization()(y) if normalise else y

        steps = (strides, 1) if strided == 0 else (1, strides)
        y = keras.layers.ReLU()(convolution(x, 3, steps[0]))
        y = convolution(y, 3, steps[1])
        if early_relu:
            y = keras.layers.ReLU()(y)
        if shortcut:
            changes = strides > 1 or x.shape[-1] != filters
            if project == "everywhere" or (project == "where needed" and changes):
                x = convolution(x, 1, strides)
            elif project == "bare" and changes:
                x = keras.layers.Conv2D(filters, 1, strides, use_bias=False)(x)
            y = keras.layers.Add()([y, x])
        return keras.layers.ReLU()(y) if last_relu else y

    return block


@residual_block.known_mistakes
def _():
    yield "There is no shortcut: this is a plain block.", lambda: _block(shortcut=False)
    yield (
        "You project everywhere. Where the shape stays, the shortcut must stay x itself: no parameters, and the "
        "identity.",
        lambda: _block(project="everywhere"),
    )
    yield "The last ReLU, behind the sum, is missing.", lambda: _block(last_relu=False)
    yield (
        "There is a ReLU on the branch before the sum: then a block can only add, never take away.",
        lambda: _block(early_relu=True),
    )
    yield (
        "The convolutions have biases, which the batch normalisation behind them takes out again.",
        lambda: _block(use_bias=True),
    )
    yield "Batch normalisation is missing behind the convolutions.", lambda: _block(normalise=False)
    yield "The projection needs batch normalisation, too.", lambda: _block(project="bare")
    yield "The strides belong to the first convolution of the branch, not to the second.", lambda: _block(strided=1)


# The family for CIFAR-10


@exercise(lesson=LESSON, points=2)
def cifar_size(n, first, classes):
    from course_lib.architectures.blueprint import blueprint
    from course_lib.architectures.resnet import cifar_resnet

    model = blueprint(cifar_resnet, 6 * n + 2, classes=classes, width=first / 16)
    kernels = [layer for layer in model.layers if hasattr(layer, "kernel")]
    return len(kernels), sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


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
    def size(norm=2, conv_bias=0, halves=True, bias=1, double=2, extra=2):
        filters = [first, first * double, first * double**2]
        before = [first, *filters[:2]] if halves else filters
        count = (9 * 3 + norm + conv_bias) * first
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
    yield "The filters double from stage to stage: first, 2 * first, 4 * first.", size(double=1)
    yield "The convolution in front and the dense layer count, too: 6n + 2 layers, not 6n.", size(extra=0)
