"""Exercises of lesson 19_vgg."""

from __future__ import annotations

import numpy as np
from scipy import signal

from course_lib.exercises.spec import exercise

LESSON = "19_vgg"


# What a unit sees


@exercise(lesson=LESSON, points=2)
def receptive_field(kernel_sizes, strides):
    # From the top down: one unit, then the units that it reads, then the units that those read ...
    seen = np.ones(1)
    for size, step in zip(kernel_sizes[::-1], strides[::-1], strict=True):
        seen = signal.upfirdn(np.ones(size), seen, up=step)
    return len(seen)


receptive_field.hints = (
    "Keep two numbers: the field, which starts at 1, and the jump, the pixels between two neighbours, also 1.",
    "A window of k units reaches k - 1 jumps further: field += (k - 1) * jump.",
    "Only then does the layer's own stride count: jump *= stride. It is felt by the layers above.",
)


@receptive_field.cases
def _(rng):
    yield [3, 3], [1, 1]
    yield [11, 5], [4, 1]
    yield [3, 3, 2], [2, 3, 1]
    yield [3, 2, 3, 2], [1, 2, 1, 2]
    yield [7, 3, 3, 2], [2, 2, 1, 2]
    for layers in (3, 5):
        yield rng.integers(2, 8, layers).tolist(), rng.integers(1, 4, layers).tolist()


@receptive_field.known_mistakes
def _(kernel_sizes, strides):
    def field(jumps, less=1):
        return 1 + sum((size - less) * jump for size, jump in zip(kernel_sizes, jumps, strict=True))

    jumps = np.cumprod([1, *strides[:-1]])
    yield (
        "The strides are not used. Behind a stride of 2, every step of a window is two pixels wide.",
        field([1] * len(strides)),
    )
    yield (
        "The stride comes in one layer too early. It moves a layer's own units apart, so only the layers above feel "
        "it.",
        field(np.cumprod(strides)),
    )
    yield "A window of k units adds k - 1 jumps, not k: the windows overlap in the middle.", field(jumps, less=0)
    yield "The field of no layer at all is one pixel, not none: start from 1.", field(jumps) - 1
    yield (
        "Strides multiply: behind 2 and 2, neighbours are 4 pixels apart. You take the last one only.",
        field([1, *strides[:-1]]),
    )
    yield (
        "Strides multiply: behind 2 and 3, neighbours are 6 pixels apart. You add them up.",
        field([1, *np.cumsum(strides[:-1])]),
    )
    yield (
        "You went through the layers from the top. The lowest comes first, and its stride is felt by all above it.",
        field(np.cumprod([1, *strides[:0:-1]])[::-1]),
    )


# A stack of small windows, or one large one


@exercise(lesson=LESSON, points=2)
def stack_or_one(kernel_size, channels, filters):
    """Counted on arrays of the shapes that the layers' weights have."""

    def count(inputs, size):
        return np.empty((size, size, inputs, filters)).size + np.empty(filters).size

    inputs, seen = [channels], 3
    while seen < kernel_size:
        inputs, seen = [*inputs, filters], len(np.convolve(np.ones(seen), np.ones(3)))
    return count(channels, kernel_size), sum(count(number, 3) for number in inputs)


stack_or_one.results = ("One layer", "Stack")
stack_or_one.hints = (
    "A layer has size * size * channels in * filters weights, and one bias for each filter.",
    "(kernel_size - 1) // 2 layers of 3×3 see as far. Only the first of them reads `channels`. And the others?",
    "stack = 9 * channels * filters + (layers - 1) * 9 * filters**2 + layers * filters",
)


@stack_or_one.cases
def _(rng):
    yield 7, 4, 6
    yield 7, 64, 64
    yield 11, 3, 96
    yield 3, 5, 7  # a stack of one
    yield 5, int(rng.integers(2, 20)), int(rng.integers(21, 60))
    yield 9, int(rng.integers(21, 60)), int(rng.integers(2, 20))


@stack_or_one.known_mistakes
def _(kernel_size, channels, filters):
    def counts(first=channels, later=filters, layers=(kernel_size - 1) // 2, biases=1):
        stack = (9 * first + biases) * filters + (layers - 1) * (9 * later + biases) * filters
        return (kernel_size**2 * channels + biases) * filters, stack

    yield "The biases are missing: each layer has one for every filter.", counts(biases=0)
    yield (
        "Only the first layer of the stack reads `channels`. The others read what it hands on: `filters`.",
        counts(later=channels),
    )
    yield "The first layer of the stack reads the `channels` of its input, not yet `filters`.", counts(first=filters)
    yield (
        "Each 3×3 layer adds 2 to the field, so (kernel_size - 1) / 2 of them are needed.",
        counts(layers=-(-kernel_size // 3)),
    )
    yield (
        "One too many in the stack: (kernel_size - 1) / 2 layers of 3×3 see kernel_size pixels.",
        counts(layers=(kernel_size + 1) // 2),
    )
    yield "The order is turned round: the one large layer comes first, then the stack.", counts()[::-1]


# Two windows in a row, as one


@exercise(lesson=LESSON, points=3, atol=1e-4, rtol=1e-4)
def merged_kernel(first, second):
    """What comes out when single bright pixels go in, by SciPy: a window is read off turned round."""
    size, channels, middle, filters = len(first) + len(second) - 1, *first.shape[2:], second.shape[3]
    spot, answers = np.zeros((2 * size - 1, 2 * size - 1)), np.zeros((size, size, channels, filters))
    spot[size - 1, size - 1] = 1
    for channel in range(channels):
        for each in range(middle):
            seen = signal.correlate2d(spot, first[:, :, channel, each], mode="valid")
            for one in range(filters):
                answers[:, :, channel, one] += signal.correlate2d(seen, second[:, :, each, one], mode="valid")
    return answers[::-1, ::-1]


merged_kernel.hints = (
    "Place i of the first window and place j of the second meet at place i + j: k1 + k2 - 1 places in each direction.",
    "first[i] @ second[j], for one place of each, sums over the channels in between. Add it up at place i + j.",
    "For each row and column of second: merged[row : row + k1, column : column + k1] += first @ second[row, column].",
)


@merged_kernel.cases
def _(rng):
    yield rng.normal(size=(3, 3, 1, 1)), rng.normal(size=(3, 3, 1, 1))
    yield rng.normal(size=(3, 3, 2, 4)), rng.normal(size=(3, 3, 4, 3))
    yield rng.normal(size=(5, 5, 3, 2)), rng.normal(size=(3, 3, 2, 2))
    yield rng.normal(size=(2, 2, 1, 3)), rng.normal(size=(4, 4, 3, 2))
    yield rng.normal(size=(3, 3, 2, 3)), rng.normal(size=(1, 1, 3, 4))


@merged_kernel.known_mistakes
def _(first, second):
    right = merged_kernel.oracle(first, second)
    yield (
        "The second window is turned round. Places add up, i + j: a convolution layer flips nothing, nor need you.",
        merged_kernel.oracle(first, second[::-1, ::-1]),
    )
    yield (
        "The window is turned round: what a bright pixel leaves behind is the window, flipped in both directions.",
        right[::-1, ::-1],
    )
    yield "Rows and columns have changed places.", right.swapaxes(0, 1)
    yield "Sum over the channels in between; you take their mean.", right / first.shape[3]
    yield (
        "The windows overlap: k1 + k2 - 1 places in each direction, not k1 + k2. The last row and column stay empty.",
        np.pad(right, ((0, 1), (0, 1), (0, 0), (0, 0))),
    )


# One stage in Keras


@exercise(lesson=LESSON, points=3)
def vgg_stage(images, filters, kernel_sizes):
    height, width, channels = images.shape[1:]
    layers = ", ".join(f"convolution {filters} of {size} x {size}" for size in kernel_sizes)
    sides = ", ".join([f"{height} x {width}"] * len(kernel_sizes))
    activations = ", ".join(["relu"] * len(kernel_sizes))
    inputs = [channels] + [filters] * (len(kernel_sizes) - 1)
    parameters = sum((size**2 * number + 1) * filters for size, number in zip(kernel_sizes, inputs, strict=True))
    return layers, sides, activations, "max 2 x 2", "none", "none", parameters


vgg_stage.results = (
    "Layers", "Sides of the maps of the convolutions", "Activations", "Poolings", "Before the first layer",
    "Layers that do something else in training", "Parameters",
)  # fmt: skip
vgg_stage.hints = (
    "keras.Sequential can be filled in a loop: model.add(layer). It begins with keras.Input(input_shape).",
    "Each convolution: keras.layers.Conv2D(filters, size, padding='same', activation='relu').",
    "After the loop, once: keras.layers.MaxPooling2D(2), which halves height and width.",
)


@vgg_stage.cases
def _(rng):
    yield rng.normal(0, 2, (2, 9, 11, 2)), 3, (3, 3)
    yield rng.normal(0, 2, (2, 12, 10, 3)), 4, (3, 3, 1)


@vgg_stage.probe
def _(build, images, filters, kernel_sizes):
    from course_lib.exercises import models

    found = models.read_chain(models.model_of(build, images, images.shape[1:], filters, kernel_sizes), images)
    return (
        found.layers,
        found.sides,
        found.activations,
        found.poolings,
        found.before,
        found.other_in_training,
        found.parameters,
    )


def _wrong_stage(padding="same", relu="all", pool="max", strides=2, each=False, size_of=lambda sizes: sizes):
    def build(input_shape, filters, kernel_sizes):
        import keras

        pooling = {"max": keras.layers.MaxPooling2D, "mean": keras.layers.AveragePooling2D}
        model = keras.Sequential([keras.Input(input_shape)])
        sizes = size_of(kernel_sizes)
        for number, size in enumerate(sizes, 1):
            activation = "relu" if relu == "all" or (relu == "last" and number == len(sizes)) else None
            model.add(keras.layers.Conv2D(filters, size, padding=padding, activation=activation))
            if pool and (each or number == len(sizes)):
                model.add(pooling[pool](2, strides))
        return model

    return build


@vgg_stage.known_mistakes
def _():
    yield (
        "Without padding each 3×3 layer takes two rows and two columns away. VGG keeps them: padding='same'.",
        lambda: _wrong_stage(padding="valid"),
    )
    yield (
        "ReLU is missing: without it the whole stack is one linear layer. Give each convolution its own.",
        lambda: _wrong_stage(relu="none"),
    )
    yield (
        "ReLU stands behind the last convolution only. Each one needs its own, or the stack gains nothing.",
        lambda: _wrong_stage(relu="last"),
    )
    yield "The pooling at the end of the stage is missing.", lambda: _wrong_stage(pool=None)
    yield "This takes the mean of each 2×2. VGG takes the maximum.", lambda: _wrong_stage(pool="mean")
    yield (
        "The pooling moves on by one pixel, so nothing is halved. Its stride is 2, as its window is.",
        lambda: _wrong_stage(strides=1),
    )
    yield "You pool after each convolution. A stage pools once, at its end.", lambda: _wrong_stage(each=True)
    yield (
        "All your windows are 3×3. kernel_sizes says how large each one is: configuration C has 1×1 among them.",
        lambda: _wrong_stage(size_of=lambda sizes: [3] * len(sizes)),
    )
    yield (
        "You build one convolution only. There is one for each entry of kernel_sizes.",
        lambda: _wrong_stage(size_of=lambda sizes: sizes[:1]),
    )


# Memory for activations


@exercise(lesson=LESSON, points=1)
def activation_bytes(shapes, batch_size, training):
    kept = sum(np.empty((batch_size, *shape), "float32").nbytes for shape in shapes)
    return kept + kept * bool(training)


activation_bytes.hints = (
    "A map of (height, width, channels) holds height * width * channels values, for each picture of the batch.",
    "A float32 takes 4 bytes. Training keeps one gradient for each value.",
    "sum(math.prod(shape) for shape in shapes) is the number of values for one picture.",
)


@activation_bytes.cases
def _(rng):
    yield [(2, 3, 4), (5,)], 3, False
    yield [(2, 3, 4), (5,)], 3, True
    yield [(8, 8, 3), (8, 8, 16), (4, 4, 16), (10,)], 3, False
    yield [(int(rng.integers(5, 30)), 7, 3), (int(rng.integers(5, 30)),)], int(rng.integers(3, 9)), True


@activation_bytes.known_mistakes
def _(shapes, batch_size, training):
    values, times = sum(int(np.prod(shape)) for shape in shapes), 1 + training
    yield "These are values. In bytes it is four times as much: float32.", values * batch_size * times
    yield "That is for one picture. A batch keeps the activations of all of its pictures.", 4 * values * times
    yield "A float32 takes 4 bytes; 8 are those of a float64.", 8 * values * batch_size * times
    yield "Only training keeps gradients; look at `training`.", 8 * values * batch_size
    yield "The gradients are missing: training keeps one for each value.", 4 * values * batch_size
    yield "You add up the sides. A map holds their product.", 4 * sum(map(sum, shapes)) * batch_size * times
    yield (
        "You count the last shape only. All layers before it are kept, too.",
        4 * int(np.prod(shapes[-1])) * batch_size * times,
    )
