"""Exercises of lesson 09_convolution."""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal
from skimage.feature import match_template

from course_lib import data
from course_lib.exercises.spec import exercise

LESSON = "09_convolution"


@exercise(lesson=LESSON, points=2, atol=1e-5)
def correlate2d(image, kernel):
    return signal.correlate2d(image, kernel, mode="valid")


correlate2d.hints = (
    "A kernel of 2 rows fits into an image of 5 rows at 4 places: 5 - 2 + 1. How many rows and columns has the output?",
    "For the place (r, c), cut out image[r : r + kernel_height, c : c + kernel_width]. It has the kernel's shape.",
    "np.sum(window * kernel) is one number of the output. np.ndindex(output.shape) goes through all places.",
)


@correlate2d.cases
def _(rng):
    # The smallest case has a square kernel, so that mistakes which need one raise no error there.
    for image, kernel in (((3, 4), (2, 2)), ((5, 4), (1, 3)), ((5, 6), (3, 3)), ((6, 8), (4, 2))):
        yield rng.normal(size=image), rng.normal(size=kernel)


@correlate2d.known_mistakes
def _(image, kernel):
    right = signal.correlate2d(image, kernel, mode="valid")
    yield (
        "The kernel came out flipped: cross-correlation slides it as it is; turning it first gives convolution.",
        signal.convolve2d(image, kernel, mode="valid"),
    )
    yield (
        "You let the window hang over the edge (that is 'same'). Only places where it fits wholly count.",
        signal.correlate2d(image, kernel, mode="same"),
    )
    yield (
        "You let the window hang over the edge (that is 'full'). Only places where it fits wholly count.",
        signal.correlate2d(image, kernel, mode="full"),
    )
    yield "You took the mean of the products. Their sum is asked for.", right / kernel.size
    yield (
        "You multiplied the products together. Multiply pixel by weight, then add the products up.",
        np.prod(sliding_window_view(image, kernel.shape) * kernel, axis=(2, 3)),
    )
    yield (
        "You took the largest product of each window. The sum of all products is asked for.",
        np.max(sliding_window_view(image, kernel.shape) * kernel, axis=(2, 3)),
    )
    yield (
        "The weights are missing: you added up the pixels of each window.",
        signal.correlate2d(image, np.ones(kernel.shape), mode="valid"),
    )
    yield (
        "The last row and the last column are missing: a kernel fits at size - kernel_size + 1 places.",
        right[:-1, :-1],
    )
    yield (
        "Your window jumps by its own size. It moves one pixel at a time, so that windows overlap.",
        right[:: kernel.shape[0], :: kernel.shape[1]],
    )
    yield (
        "The kernel is transposed: its rows lie on the columns of the image.",
        lambda *_: np.einsum("rcij,ji->rc", sliding_window_view(image, kernel.shape), kernel),
    )


@exercise(lesson=LESSON, points=3)
def find_template(image, template):
    likeness = match_template(image, template)
    return np.unravel_index(likeness.argmax(), likeness.shape)


find_template.results = ("row", "column")


find_template.hints = (
    "sliding_window_view(image, template.shape) has all windows, (rows, columns, height, width). Take the mean of each "
    "window away from it: axis=(2, 3), keepdims=True.",
    "The sum of window times template grows with the window's contrast: divide it by the window's length, the root of "
    "the sum of its squares, once the mean is gone.",
    "np.unravel_index(likeness.argmax(), likeness.shape) gives the row and the column of the largest value.",
)


def _scene(rng, shape, contrast):
    """A noisy picture in which the template hides, faint and dark, among windows that mistakes like better."""
    height, width = shape
    bumps = rng.normal(size=shape)
    template = 1.5 + bumps
    other = rng.normal(size=shape)
    slots = [(row * (height + 2), column * (width + 3)) for row in range(3) for column in range(3)]
    image = 0.1 * rng.normal(size=(3 * height + 6, 3 * width + 8))
    hidden = [
        contrast * (bumps + 0.15 * rng.normal(size=shape)) - 1,  # the one to be found
        5 * (0.6 * bumps + 0.8 * other),  # strong, and a little alike
        8 + 0.1 * other,  # bright
        1.5 + 0.5 * bumps + 0.4 * other,  # as bright as the template, and not too far from it
        2 * (1.5 + 0.7 * bumps + 0.4 * other),  # brighter than that, and more alike as long as brightness counts
        contrast * bumps[::-1, ::-1] - 1,  # turned
        -contrast * bumps - 1,  # the negative
        bumps + 1.2 * (-1.0) ** np.arange(height)[:, None],  # alike but for a mean of each row
        bumps + 1.2 * (-1.0) ** np.arange(width),  # or of each column
    ]
    for place, window in zip(rng.permutation(9), hidden, strict=True):
        row, column = np.array(slots[place]) + rng.integers(1, 3, 2)
        image[row : row + height, column : column + width] = window
    return image, template


@find_template.cases
def _(rng):
    for shape, contrast in (((3, 4), 0.3), ((4, 3), 0.5), ((5, 5), 0.2)):
        yield _scene(rng, shape, contrast)
    image, template = _scene(rng, (4, 5), 0.3)
    yield image / 20, template / 20  # so that rounding down leaves nothing
    yield _noise(rng, [(0, 1), (0, 0), (0, -1)])
    yield _noise(rng, [(0, 1), (1, 1), (2, 1)])
    yield _cat_in_the_shade(rng)


def _noise(rng, ways):
    """Noise of growing contrast, in which these ways, (means left in a window, power of its length), part.

    Each finds another place: dividing by the length once, not at all, or multiplying by it, for instance.
    """
    while True:
        image, template = rng.normal(size=(12, 15)) * np.geomspace(1, 5, 15), 1 + rng.normal(size=(3, 4))
        windows = sliding_window_view(image, template.shape)
        means, places = windows.mean(axis=(2, 3), keepdims=True), set()
        for left, power in ways:
            seen = windows - means + left * means
            answers = np.sum(seen * template, axis=(2, 3)) / np.linalg.norm(seen, axis=(2, 3)) ** power
            places.add(np.argmax(answers))
        if len(places) == len(ways):
            return image, template


def _cat_in_the_shade(rng):
    """Part of a photograph, one eye of it in the shade; the template is that eye in the light."""
    cat = data.photos()["cat"].mean(axis=-1)[::4, ::4].astype(float)
    top, left = (int(number) for number in rng.integers(0, 15, 2))
    view = cat[top : top + 60, left : left + 80].copy()
    row, column = 21 - top, 35 - left
    template = view[row : row + 17, column : column + 17].copy()
    view[row : row + 17, column : column + 17] *= 0.3
    return view, template


@find_template.known_mistakes
def _(image, template):
    def best(likeness):
        return np.unravel_index(np.argmax(likeness), likeness.shape)

    windows = sliding_window_view(image, template.shape)
    bare = windows - windows.mean(axis=(2, 3), keepdims=True)
    likeness = match_template(image, template)
    right = np.array(best(likeness))
    yield "This is (column, row). The row comes first.", right[::-1]
    yield "That is the middle of the window. Give its top left pixel.", right + np.array(template.shape) // 2
    yield (
        "That is its number among all windows. np.unravel_index turns it into row and column.",
        np.argmax(likeness),
    )
    yield "That is the window that is least alike. Take the largest value.", best(-likeness)
    yield (
        "The plain sum of products likes bright windows best. Take out brightness, then contrast.",
        best(np.sum(windows * template, axis=(2, 3))),
    )
    yield (
        "Brightness is out of it, contrast is not: divide by the length of each window once its mean is gone.",
        best(np.sum(bare * template, axis=(2, 3))),
    )
    yield (
        "Contrast is out of it, brightness is not: take the mean of each window away before you measure its length.",
        best(np.sum(windows * template, axis=(2, 3)) / np.linalg.norm(windows, axis=(2, 3))),
    )
    yield (
        "The smallest difference wants the same brightness and contrast. Take both out of each window first.",
        best(-np.sum((windows - template) ** 2, axis=(2, 3))),
    )
    yield (
        "The template came out turned. Slide it as it is.",
        best(match_template(image, template[::-1, ::-1])),
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
    yield 7, 3, 1, 0, 1
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
    steps = size + 2 * padding - dilation_rate * (kernel_size - 1) - 1  # that a window can make, one pixel at a time
    yield "The rounding is missing: pixels that are left over are dropped, so round down (//).", steps / strides + 1
    yield "You round up. A window that does not fit any more is dropped: round down.", math.ceil(steps / strides) + 1
    yield "The padding counts twice: there are zeros on both sides.", (steps - padding) // strides + 1
    yield "The padding is missing: there are zeros on both sides.", (steps - 2 * padding) // strides + 1
    yield (
        "dilation_rate is ignored: a dilated kernel reaches farther than kernel_size pixels.",
        (size + 2 * padding - kernel_size) // strides + 1,
    )
    yield (
        "Not every tap brings a gap: kernel_size taps have kernel_size - 1 steps of dilation_rate between them.",
        (size + 2 * padding - dilation_rate * kernel_size) // strides + 1,
    )
    yield (
        "A kernel reaches over one pixel more than its steps: dilation_rate * (kernel_size - 1) + 1.",
        (steps + 1) // strides + 1,
    )
    yield "You counted the steps. The place where the window starts is one more: + 1.", steps // strides
    yield (
        "The + 1 is inside the division: divide the steps by the strides first, then add the first place.",
        (steps + 1) // strides,
    )
    yield "The strides are missing: divide the steps by them.", steps + 1
    yield (
        "That is the rule of padding='same', size / strides rounded up. Here the padding is given.",
        math.ceil(size / strides),
    )


@exercise(lesson=LESSON, points=3, atol=1e-4)
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
        ((2, 4, 3, 1), 3, 2, 1, 1),
        ((2, 4, 3, 2), 2, 2, 1, 0),
        ((3, 6, 5, 1), 2, 2, 2, 0),
        ((2, 7, 6, 3), 3, 4, 2, 1),
        ((2, 9, 10, 2), 2, 3, 3, 2),
    ):
        channels = images[-1]
        kernel = rng.normal(size=(size, size, channels, filters))
        yield rng.normal(size=images), kernel, rng.normal(size=filters), strides, padding


@conv_layer.known_mistakes
def _(images, kernel, bias, strides, padding):
    around = (padding, padding)
    axes = "brckij,ijkf->brcf"

    def padded(rows=around, columns=around):
        return np.pad(images, ((0, 0), rows, columns, (0, 0)))

    def windows(pixels):
        return sliding_window_view(pixels, kernel.shape[:2], axis=(1, 2))

    def layer(pixels, kernel=kernel):
        return np.einsum(axes, windows(pixels)[:, ::strides, ::strides], kernel) + bias

    right, everywhere = layer(padded()), np.einsum(axes, windows(padded()), kernel) + bias
    yield "The bias is missing: each filter adds its own number to its map.", right - bias
    yield "There is a ReLU in it. The layer alone gives negative numbers, too.", np.maximum(right, 0)
    yield "The strides are ignored.", everywhere
    yield (
        "The strides work on the rows only. The window moves by strides along the columns as well.",
        everywhere[:, ::strides],
    )
    yield (
        "The strides work on the columns only. The window moves by strides along the rows as well.",
        everywhere[:, :, ::strides],
    )
    yield (
        "You thinned out the picture before taking windows. The windows are whole; only their places skip.",
        np.einsum(axes, windows(padded()[:, ::strides, ::strides]), kernel) + bias,
    )
    yield (
        "All the zeros are below and on the right. Put `padding` of them on each of the four sides.",
        layer(padded((0, 2 * padding), (0, 2 * padding))),
    )
    yield (
        "All the zeros are above and on the left. Put `padding` of them on each of the four sides.",
        layer(padded((2 * padding, 0), (2 * padding, 0))),
    )
    yield (
        "The padding is missing on the left and right: it goes around the whole image.",
        layer(padded(columns=(0, 0))),
    )
    yield "The padding is ignored.", layer(images)
    yield (
        "The image is padded with copies of its border. Put zeros around it.",
        layer(np.pad(images, ((0, 0), around, around, (0, 0)), mode="edge")),
    )
    yield "The kernel came out flipped. A convolution layer slides it as it is.", layer(padded(), kernel[::-1, ::-1])
    yield (
        "The kernel is transposed: its rows lie on the columns of the image.",
        layer(padded(), kernel.swapaxes(0, 1)),
    )
    yield (
        "Only the first channel is used. Each filter sums over all channels.",
        layer(padded(), kernel * (np.arange(kernel.shape[2]) == 0)[:, None]),
    )
    yield "You took the mean over the channels. A filter sums over them.", (right - bias) / kernel.shape[2] + bias


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


@receptive_field.known_mistakes
def _(kernel_sizes, strides):
    def field(sizes=kernel_sizes, strides=strides, jump_of=math.prod, start=1):
        return start + sum((size - 1) * jump_of(strides[:number]) for number, size in enumerate(sizes))

    yield (
        "The strides are ignored: behind a layer with strides of 2, one step means two pixels of the image.",
        field(strides=[1] * len(strides)),
    )
    yield (
        "A layer's strides do not widen its own windows, only those of the layers after it: multiply the jump last.",
        1 + sum((size - 1) * math.prod(strides[: number + 1]) for number, size in enumerate(kernel_sizes)),
    )
    yield (
        "Each layer adds kernel_size - 1 steps, not kernel_size: neighbouring windows overlap.",
        field([size + 1 for size in kernel_sizes]),
    )
    yield "You start from 0. With no layer at all, a unit sees one pixel: start from 1.", field(start=0)
    yield (
        "You go through the layers backwards. The jump grows from the first layer on.",
        field(kernel_sizes[::-1], strides[::-1]),
    )
    yield (
        "The jumps multiply: behind two layers with strides of 2, one step means four pixels, not three.",
        field(jump_of=lambda strides: 1 + sum(stride - 1 for stride in strides)),
    )
    yield (
        "The jump of a layer is the product of all strides before it, not only of the last one.",
        field(jump_of=lambda strides: strides[-1] if strides else 1),
    )
    yield "That is the jump of the last layer. How far its field reaches is asked for.", math.prod(strides)
    yield "Fields do not multiply: each layer adds (kernel_size - 1) * jump.", math.prod(kernel_sizes)
