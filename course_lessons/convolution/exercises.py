"""Exercises of lesson 09_convolution."""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal

from course_lib.exercises.spec import exercise

LESSON = "09_convolution"


@exercise(lesson=LESSON, points=2)
def correlate2d(image, kernel):
    return signal.correlate2d(image, kernel, mode="valid")


correlate2d.hints = (
    "A kernel of 2 rows fits into an image of 5 rows at 4 places: 5 - 2 + 1. How many rows and columns has the output?",
    "For the place (r, c), cut out image[r : r + kernel_height, c : c + kernel_width]. It has the kernel's shape.",
    "np.sum(window * kernel) is one number of the output. np.ndindex(output.shape) goes through all places.",
)


@correlate2d.cases
def _(rng):
    for image, kernel in (((1, 1), (1, 1)), ((3, 3), (3, 3)), ((3, 4), (2, 2)), ((5, 3), (1, 3)), ((6, 8), (4, 2))):
        yield rng.normal(size=image), rng.normal(size=kernel)


@correlate2d.known_mistakes
def _(image, kernel):
    yield (
        "The kernel came out flipped: cross-correlation slides it as it is; turning it first gives convolution.",
        signal.convolve2d(image, kernel, mode="valid"),
    )
    yield (
        "You let the window hang over the edge (that is 'same'). Only places where it fits wholly count.",
        signal.correlate2d(image, kernel, mode="same"),
    )
    yield (
        "You took the mean of the products. Their sum is asked for.",
        signal.correlate2d(image, kernel, mode="valid") / kernel.size,
    )
    yield (
        "You multiplied the products together. Multiply pixel by weight, then add the products up.",
        np.prod(sliding_window_view(image, kernel.shape) * kernel, axis=(2, 3)),
    )
    yield (
        "The weights are missing: you added up the pixels of each window.",
        signal.correlate2d(image, np.ones(kernel.shape), mode="valid"),
    )
    yield (
        "The last row and the last column are missing: a kernel fits at size - kernel_size + 1 places.",
        signal.correlate2d(image, kernel, mode="valid")[:-1, :-1],
    )
    yield (
        "Your window jumps by its own size. It moves one pixel at a time, so that windows overlap.",
        signal.correlate2d(image, kernel, mode="valid")[:: kernel.shape[0], :: kernel.shape[1]],
    )


@exercise(lesson=LESSON, points=2)
def output_size(size, kernel_size, strides, padding, dilation_rate):
    # No formula: put the window down, and move it on until one of its taps leaves the padded picture.
    places, top = 0, 0
    while all(top + dilation_rate * tap < size + 2 * padding for tap in range(kernel_size)):
        places, top = places + 1, top + strides
    return places


output_size.hints = (
    "A kernel of 3 with dilation_rate 2 reads pixels 0, 2 and 4: it reaches over 5. What is that for any two numbers?",
    "The padding is added on both sides, so the window has size + 2 * padding pixels to move on.",
    "In Python, // divides and rounds down. And do not forget the place where the window starts.",
)


@output_size.cases
def _(rng):
    yield 5, 5, 1, 0, 1
    yield 7, 3, 1, 1, 1
    yield 12, 3, 1, 0, 2
    yield 224, 11, 4, 0, 1
    yield 32, 5, 3, 2, 3
    for _ in range(8):
        kernel_size, dilation_rate, padding = (int(rng.integers(low, 6)) for low in (1, 1, 0))
        reach = dilation_rate * (kernel_size - 1) + 1
        yield reach + int(rng.integers(0, 40)), kernel_size, int(rng.integers(1, 5)), padding, dilation_rate


@output_size.known_mistakes
def _(size, kernel_size, strides, padding, dilation_rate):
    yield (
        "The rounding is missing: pixels that are left over are dropped, so round down (//).",
        (size + 2 * padding - dilation_rate * (kernel_size - 1) - 1) / strides + 1,
    )
    yield (
        "You round up. A window that does not fit any more is dropped: round down.",
        math.ceil((size + 2 * padding - dilation_rate * (kernel_size - 1) - 1) / strides) + 1,
    )
    yield (
        "The padding counts twice: there are zeros on both sides.",
        (size + padding - dilation_rate * (kernel_size - 1) - 1) // strides + 1,
    )
    yield (
        "dilation_rate is ignored: a dilated kernel reaches farther than kernel_size pixels.",
        (size + 2 * padding - kernel_size) // strides + 1,
    )
    yield (
        "Not every tap brings a gap: kernel_size taps have kernel_size - 1 steps of dilation_rate between them.",
        (size + 2 * padding - dilation_rate * kernel_size) // strides + 1,
    )
    yield (
        "You counted the steps. The place where the window starts is one more: + 1.",
        (size + 2 * padding - dilation_rate * (kernel_size - 1) - 1) // strides,
    )
    yield (
        "The + 1 is inside the division: divide the steps by the strides first, then add the first place.",
        (size + 2 * padding - dilation_rate * (kernel_size - 1)) // strides,
    )


@exercise(lesson=LESSON, points=3)
def conv_layer(images, kernel, bias, strides, padding):
    def one_map(image, weights, offset):
        around = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
        channels = range(image.shape[-1])
        total = sum(signal.correlate2d(around[..., c], weights[..., c], mode="valid") for c in channels)
        return total[::strides, ::strides] + offset

    filters = range(kernel.shape[-1])
    return np.array([np.stack([one_map(image, kernel[..., f], bias[f]) for f in filters], -1) for image in images])


conv_layer.hints = (
    "Four steps: zeros around (np.pad, but no batch or channels of zeros), all windows, every strides-th of them, "
    "one sum for each filter.",
    "sliding_window_view(padded, kernel.shape[:2], axis=(1, 2)) gives (batch, rows, columns, channels, size, size).",
    "np.einsum('brckij,ijkf->brcf', windows, kernel) sums over the window and the channels. The bias is added last.",
)


@conv_layer.cases
def _(rng):
    for images, size, filters, strides, padding in (
        ((1, 1, 1, 1), 1, 1, 1, 0),
        ((1, 4, 4, 1), 3, 1, 1, 1),
        ((1, 3, 3, 2), 3, 2, 1, 0),
        ((1, 6, 5, 1), 2, 1, 2, 0),
        ((2, 7, 6, 3), 3, 4, 2, 1),
        ((1, 9, 10, 2), 2, 3, 3, 2),
    ):
        channels = images[-1]
        kernel = rng.normal(size=(size, size, channels, filters))
        yield rng.normal(size=images), kernel, rng.normal(size=filters), strides, padding


def _windows(images, size, strides, margins):
    padded = np.pad(images, ((0, 0), *margins, (0, 0)))
    return sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::strides, ::strides]


def _sums(windows, kernel):
    return np.einsum("brckij,ijkf->brcf", windows, kernel)


@conv_layer.mistake("The strides work on the rows only. The window moves by strides along the columns as well.")
def _(images, kernel, bias, strides, padding):
    windows = _windows(images, len(kernel), 1, [(padding, padding)] * 2)
    return _sums(windows[:, ::strides], kernel) + bias


@conv_layer.mistake("The strides work on the columns only. The window moves by strides along the rows as well.")
def _(images, kernel, bias, strides, padding):
    windows = _windows(images, len(kernel), 1, [(padding, padding)] * 2)
    return _sums(windows[:, :, ::strides], kernel) + bias


@conv_layer.mistake("You thinned out the picture before taking windows. The windows are whole; only their places skip.")
def _(images, kernel, bias, strides, padding):
    around = [(padding, padding)] * 2
    padded = np.pad(images, ((0, 0), *around, (0, 0)))[:, ::strides, ::strides]
    return _sums(_windows(padded, len(kernel), 1, [(0, 0)] * 2), kernel) + bias


@conv_layer.known_mistakes
def _(images, kernel, bias, strides, padding):
    yield "The strides are ignored.", _sums(_windows(images, len(kernel), 1, [(padding, padding)] * 2), kernel) + bias
    yield (
        "The bias is missing: each filter adds its own number to its map.",
        _sums(_windows(images, len(kernel), strides, [(padding, padding)] * 2), kernel),
    )
    yield (
        "All the zeros are below and on the right. Put `padding` of them on each of the four sides.",
        _sums(_windows(images, len(kernel), strides, [(0, 2 * padding)] * 2), kernel) + bias,
    )
    yield (
        "All the zeros are above and on the left. Put `padding` of them on each of the four sides.",
        _sums(_windows(images, len(kernel), strides, [(2 * padding, 0)] * 2), kernel) + bias,
    )
    yield (
        "The padding is missing on the left and right: it goes around the whole image.",
        _sums(_windows(images, len(kernel), strides, [(padding, padding), (0, 0)]), kernel) + bias,
    )
    yield "The padding is ignored.", _sums(_windows(images, len(kernel), strides, [(0, 0)] * 2), kernel) + bias
    yield (
        "The kernel came out flipped. A convolution layer slides it as it is.",
        _sums(_windows(images, len(kernel), strides, [(padding, padding)] * 2), kernel[::-1, ::-1]) + bias,
    )


@conv_layer.mistake("Only the first channel is used. Each filter sums over all channels.")
def _(images, kernel, bias, strides, padding):
    windows = _windows(images[..., :1], len(kernel), strides, [(padding, padding)] * 2)
    return _sums(windows, kernel[:, :, :1]) + bias


@exercise(lesson=LESSON, points=1)
def conv_parameters(height, width, channels, filters, kernel_height, kernel_width):
    kernel, bias = np.empty((kernel_height, kernel_width, channels, filters)), np.empty(filters)
    return kernel.size + bias.size  # a test holds this against Keras, which would take seconds to import here


conv_parameters.hints = (
    "How many numbers does one filter hold? It is as deep as the image has channels.",
    "Each filter has one bias besides its weights.",
    "The weights are shared by all places, so the size of the picture does not matter.",
)


@conv_parameters.cases
def _(rng):
    yield 5, 5, 1, 1, 1, 1
    yield 28, 28, 1, 6, 5, 5
    yield 32, 32, 3, 4, 3, 2
    for _ in range(4):
        height, width = (int(size) for size in rng.integers(8, 64, 2))
        channels, filters = (int(number) for number in rng.integers(2, 100, 2))
        yield height, width, channels, filters, int(rng.integers(1, 4)), int(rng.integers(4, 8))


@conv_parameters.known_mistakes
def _(height, width, channels, filters, kernel_height, kernel_width):
    yield "The biases are missing: one for each filter.", kernel_height * kernel_width * channels * filters
    yield (
        "A filter needs a kernel for each channel of the image: multiply by the channels.",
        (kernel_height * kernel_width + 1) * filters,
    )
    yield (
        "One bias for the whole layer is too few: each filter has its own.",
        kernel_height * kernel_width * channels * filters + 1,
    )
    yield (
        "Too many biases: a filter sums over the channels first, then adds one bias.",
        (kernel_height * kernel_width + 1) * channels * filters,
    )
    yield (
        "The kernel is oblong: multiply its height by its width, do not square the height.",
        (kernel_height**2 * channels + 1) * filters,
    )
    yield (
        "That is a dense layer: here a unit sees only a window of the image, not all of it.",
        (height * width * channels + 1) * filters,
    )


@conv_parameters.mistake("That is a local layer with a kernel for every place. A convolution shares one by all places.")
def _(height, width, channels, filters, kernel_height, kernel_width):
    places = (height - kernel_height + 1) * (width - kernel_width + 1)
    return (kernel_height * kernel_width * channels + 1) * filters * places


@exercise(lesson=LESSON, points=2)
def receptive_field(kernel_sizes, strides):
    # No formula: which units of the layer before does each unit read? Go back to the pixels.
    seen = {0}
    for kernel_size, stride in zip(reversed(kernel_sizes), reversed(strides), strict=True):
        seen = {unit * stride + tap for unit in seen for tap in range(kernel_size)}
    return max(seen) - min(seen) + 1


receptive_field.hints = (
    "Keep two numbers: the field, and how many pixels one step of the layers so far means (the jump). Both start at 1.",
    "A window of k units spans k - 1 steps, each of them jump pixels long.",
    "Add (k - 1) * jump to the field first; only then multiply the jump by this layer's stride.",
)


@receptive_field.cases
def _(rng):
    yield [3], [1]
    yield [1], [2]
    yield [3, 3, 3], [1, 1, 1]
    yield [3, 2, 5], [1, 2, 1]
    yield [5, 3], [3, 2]
    yield [3, 2, 3], [2, 2, 1]
    for layers in (2, 3, 4, 5):
        yield rng.integers(1, 6, layers).tolist(), rng.integers(1, 4, layers).tolist()


def _field(kernel_sizes, strides, field=1):
    jump = 1
    for kernel_size, stride in zip(kernel_sizes, strides, strict=True):
        field += (kernel_size - 1) * jump
        jump *= stride
    return field


@receptive_field.known_mistakes
def _(kernel_sizes, strides):
    yield (
        "The strides are ignored: behind a layer with strides of 2, one step means two pixels of the image.",
        _field(kernel_sizes, [1] * len(strides)),
    )
    yield (
        "Each layer adds kernel_size - 1 steps, not kernel_size: neighbouring windows overlap.",
        _field([kernel_size + 1 for kernel_size in kernel_sizes], strides),
    )
    yield (
        "You start from 0. With no layer at all, a unit sees one pixel: start from 1.",
        _field(kernel_sizes, strides, field=0),
    )
    yield (
        "You go through the layers backwards. The jump grows from the first layer on.",
        _field(kernel_sizes[::-1], strides[::-1]),
    )


@receptive_field.mistake(
    "A layer's own strides do not widen its own windows, only those of the layers after it: multiply the jump last."
)
def _(kernel_sizes, strides):
    field, jump = 1, 1
    for kernel_size, stride in zip(kernel_sizes, strides, strict=True):
        jump *= stride
        field += (kernel_size - 1) * jump
    return field


@receptive_field.mistake(
    "The jumps multiply: behind two layers with strides of 2, one step means four pixels, not three."
)
def _(kernel_sizes, strides):
    field, jump = 1, 1
    for kernel_size, stride in zip(kernel_sizes, strides, strict=True):
        field += (kernel_size - 1) * jump
        jump += stride - 1
    return field
