"""Exercises of lesson 12_pooling."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import convolve, convolve1d, maximum_filter

from course_lib.exercises.spec import exercise

LESSON = "12_pooling"


def _places(shape, pool_size, strides):
    """Row and column, in the result and in the image, of every window that fits."""
    rows, columns = ((length - pool_size) // strides + 1 for length in shape)
    for i, j in np.ndindex(rows, columns):
        yield (i, j), (slice(i * strides, i * strides + pool_size), slice(j * strides, j * strides + pool_size))


def _pool(image, pool_size, strides, how):
    shape = tuple((length - pool_size) // strides + 1 for length in image.shape)
    result = np.zeros(shape)
    for place, window in _places(image.shape, pool_size, strides):
        result[place] = how(image[window])
    return result


@exercise(lesson=LESSON, points=2)
def max_pool(image, pool_size, strides):
    largest = maximum_filter(
        image, pool_size, mode="nearest", origin=-(pool_size // 2)
    )  # of the window that begins here
    rows, columns = (length - pool_size + 1 for length in image.shape)
    return largest[:rows:strides, :columns:strides]


max_pool.hints = (
    "First the size: how many windows fit? (height - pool_size) // strides + 1, and likewise for the columns.",
    "Window (i, j) begins at row i * strides and column j * strides, and is pool_size long in both directions.",
    "Start with np.zeros((rows, columns)) and fill it: result[i, j] = image[top : top + pool_size, ...].max()",
)


@max_pool.cases
def _(rng):
    for shape, pool_size, strides in (
        ((4, 4), 2, 2), ((5, 5), 2, 2), ((5, 7), 3, 2), ((6, 5), 2, 1), ((14, 16), 2, 3),
    ):  # fmt: skip
        image = rng.normal(size=shape)
        image[:pool_size, :pool_size] = -rng.uniform(0.5, 2, (pool_size, pool_size))  # a window below 0 throughout
        image[0, -1] = 3  # and windows whose largest number is the largest without its sign, too
        yield image, pool_size, strides


@max_pool.known_mistakes
def _(image, pool_size, strides):
    right = _pool(image, pool_size, strides, np.max)
    rows, columns = right.shape
    everywhere = _pool(image, pool_size, 1, np.max)
    yield (
        "That is average pooling: of each window the largest value is asked for.",
        _pool(image, pool_size, strides, np.mean),
    )
    yield (
        "You took the smallest number of each window; the largest is asked for.",
        _pool(image, pool_size, strides, np.min),
    )
    yield (
        "You added the numbers of each window up; the largest of them is asked for.",
        _pool(image, pool_size, strides, np.sum),
    )
    yield (
        "You took the number that is largest without its sign. The maximum of -3 and 2 is 2.",
        _pool(image, pool_size, strides, lambda window: window.flat[np.abs(window).argmax()]),
    )
    yield (
        "The signs are lost: the maximum of -3 and 2 is 2, not 3.",
        _pool(image, pool_size, strides, lambda window: np.abs(window).max()),
    )
    yield (
        "The values begin at 0, so a window with negative numbers only gives 0 instead of its maximum.",
        np.maximum(right, 0),
    )
    yield (
        "The windows are pool_size apart. They should be `strides` apart, which may be more or less.",
        _pool(image, pool_size, pool_size, np.max),
    )
    yield (
        "Window (i, j) begins at row i * strides and column j * strides. Yours begins at (i, j).",
        everywhere[:rows, :columns],
    )
    yield "The strides are missing: the windows are `strides` apart.", everywhere
    yield "The strides act on the rows only. Columns move in the same steps.", everywhere[::strides]
    yield "The strides act on the columns only. Rows move in the same steps.", everywhere[:, ::strides]
    yield (
        "One row and one column are missing: (height - pool_size) // strides counts the steps; add 1.",
        right[:-1, :-1],
    )
    yield (
        "A window that sticks out over the edge is dropped: round the number of windows down, not up.",
        _pool(np.pad(image, (0, pool_size), constant_values=-np.inf), pool_size, strides, np.max)[
            : -(-(image.shape[0] - pool_size) // strides) + 1, : -(-(image.shape[1] - pool_size) // strides) + 1
        ],
    )


@exercise(lesson=LESSON, points=2, atol=1e-5)
def blur_pool(maps, strides):
    weights = np.outer([1, 2, 1], [1, 2, 1]) / 16
    return convolve(maps, weights[None, :, :, None], mode="nearest")[:, ::strides, ::strides]


blur_pool.hints = (
    "First give each map one more row and column on all sides: np.pad with mode='edge', on the two middle axes only.",
    "Along the columns: padded[:, :-2] / 4 + padded[:, 1:-1] / 2 + padded[:, 2:] / 4 has the height of the maps again.",
    "Do the same along axis 2, with what came out. Keep every strides-th row and column at the very end.",
)


@blur_pool.cases
def _(rng):
    for shape, strides in (((1, 4, 6, 1), 2), ((2, 5, 7, 3), 2), ((3, 8, 6, 2), 3), ((1, 6, 5, 2), 1)):
        yield rng.normal(size=shape).round(2), strides


@blur_pool.known_mistakes
def _(maps, strides):
    def blur(images, axes=(1, 2), weights=(0.25, 0.5, 0.25), mode="nearest"):
        for axis in axes:
            images = convolve1d(images, weights, axis=axis, mode=mode)
        return images

    def thin(images, first=0):
        return images[:, first::strides, first::strides]

    yield "You blurred what was left after thinning out. By then the harm is done: blur first.", blur(thin(maps))
    yield "The blur is missing: mix each pixel with its neighbours before you thin out.", thin(maps)
    yield "Only the columns are blurred, from top to bottom. Blur along the rows as well.", thin(blur(maps, axes=(1,)))
    yield "Only the rows are blurred, from left to right. Blur along the columns as well.", thin(blur(maps, axes=(2,)))
    yield "The strides are missing: keep every strides-th row and column of the blurred maps.", blur(maps)
    yield "The strides act on the rows only. Keep every strides-th column, too.", blur(maps)[:, ::strides]
    yield "The strides act on the columns only. Keep every strides-th row, too.", blur(maps)[:, :, ::strides]
    yield "Begin with row 0 and column 0; you began with number 1.", thin(blur(maps), first=1)
    yield "Beyond the edge you took zeros. Repeat the edge.", thin(blur(maps, mode="constant"))
    yield "Beyond the edge you took the other end of the map. Repeat the edge.", thin(blur(maps, mode="wrap"))
    yield (
        "Beyond the edge you mirrored the map about its first pixel. Repeat the edge itself.",
        thin(blur(maps, mode="mirror")),
    )
    yield "The three weights are ¼, ½, ¼, not a third each.", thin(blur(maps, weights=(1 / 3, 1 / 3, 1 / 3)))
    yield "The weights add up to more than 1: they are ¼, ½, ¼.", thin(blur(maps, weights=(1, 2, 1)))
    yield "The weights add up to more than 1: they are ¼, ½, ¼.", thin(blur(maps, weights=(0.5, 1, 0.5)))
    yield "The maps are blurred into each other. Every map stays by itself.", thin(blur(maps, axes=(1, 2, 3)))
    yield (
        "The pictures of a batch are blurred into each other. Each stays by itself.",
        thin(blur(maps, axes=(0, 1, 2))),
    )
    yield "No pixel is missing at the edge: pad before you blur.", thin(blur(maps)[:, 1:-1, 1:-1])


@exercise(lesson=LESSON, points=3, atol=1e-5)
def max_pool_backward(image, upstream, pool_size, strides):
    numbers = image.tolist()
    gradient = np.zeros(image.shape)
    for i, j in np.ndindex(upstream.shape):
        places = [(i * strides + a, j * strides + b) for a in range(pool_size) for b in range(pool_size)]
        winner = max(places, key=lambda place: numbers[place[0]][place[1]])  # of equals, max keeps the first
        gradient[winner] += upstream[i, j]
    return gradient


max_pool_backward.hints = (
    "Start with zeros in the image's shape. In each window find the place of the maximum; add upstream[i, j] there.",
    "window.argmax() counts in reading order; np.unravel_index(number, window.shape) turns it into row and column.",
    "That row and column begin at the window's corner: add i * strides and j * strides. Use +=, windows may overlap.",
)


@max_pool_backward.cases
def _(rng):
    for shape, pool_size, strides in (
        ((4, 4), 2, 2), ((3, 3), 2, 1), ((5, 5), 3, 2), ((6, 7), 2, 3), ((6, 6), 3, 1), ((7, 9), 3, 3),
    ):  # fmt: skip
        rows, columns = ((length - pool_size) // strides + 1 for length in shape)
        yield rng.integers(3, size=shape).astype(float), rng.uniform(1, 2, (rows, columns)).round(1), pool_size, strides
        yield rng.normal(size=shape).round(1), rng.uniform(1, 2, (rows, columns)).round(1), pool_size, strides


@max_pool_backward.known_mistakes
def _(image, upstream, pool_size, strides):
    def first(window):
        return np.arange(window.size).reshape(window.shape) == window.argmax()

    def scatter(share, starts=strides):
        gradient = np.zeros(image.shape)
        for (i, j), value in np.ndenumerate(upstream):
            window = np.s_[i * starts : i * starts + pool_size, j * starts : j * starts + pool_size]
            if image[window].size:
                gradient[window] += value * share(image[window])
        return gradient

    yield (
        "You shared the gradient out equally. That is average pooling; here the winner takes it all.",
        scatter(lambda window: np.ones(window.shape) / window.size),
    )
    yield (
        "The gradient is not scattered back to the winner: you put it into the top left corner of each window.",
        scatter(lambda window: np.eye(1, window.size).reshape(window.shape)),
    )
    yield (
        "Every number of a window got the whole gradient. Only the winner gets it.",
        scatter(lambda window: np.ones(window.shape)),
    )
    yield (
        "Every number that equals the maximum got the whole gradient. Only the first of them gets it.",
        scatter(lambda window: window == window.max()),
    )
    yield (
        "Numbers that tie for the maximum shared the gradient. The first of them gets it all.",
        scatter(lambda window: (window == window.max()) / np.sum(window == window.max())),
    )
    yield (
        "Of equal numbers the last one got the gradient. The first in reading order gets it.",
        scatter(lambda window: first(window[::-1, ::-1])[::-1, ::-1]),
    )
    yield (
        "The smallest number of each window got the gradient; the largest wins.",
        scatter(lambda window: first(-window)),
    )
    yield (
        "The gradient is multiplied by the maximum. It passes to the winner as it is.",
        scatter(lambda window: window * first(window)),
    )
    yield "The windows are `strides` apart. You placed them pool_size apart.", scatter(first, starts=pool_size)
    yield (
        "Window (i, j) begins at row i * strides and column j * strides. Yours begins at (i, j).",
        scatter(first, starts=1),
    )


@max_pool_backward.mistake("Where windows overlap a number can win twice, and then hears twice: use += instead of =.")
def _(image, upstream, pool_size, strides):
    gradient = np.zeros(image.shape)
    for (i, j), window in _places(image.shape, pool_size, strides):
        row, column = np.unravel_index(image[window].argmax(), (pool_size, pool_size))
        gradient[i * strides + row, j * strides + column] = upstream[i, j]
    return gradient


@max_pool_backward.mistake(
    "The corner of the window is missing: argmax counts inside the window, so add i * strides and j * strides."
)
def _(image, upstream, pool_size, strides):
    gradient = np.zeros(image.shape)
    for place, window in _places(image.shape, pool_size, strides):
        gradient[np.unravel_index(image[window].argmax(), (pool_size, pool_size))] += upstream[place]
    return gradient


@exercise(lesson=LESSON, points=2, atol=1e-5)
def evidence_maps(maps, kernel, bias):
    rows, columns, channels = maps.shape
    found = np.zeros((rows, columns, len(bias)))
    for row, column, label in np.ndindex(found.shape):  # a map that is alike everywhere has this place for its mean
        found[row, column, label] = bias[label] + sum(maps[row, column, k] * kernel[k, label] for k in range(channels))
    return found


evidence_maps.hints = (
    "Put the dense layer first: what would it say if it saw only one place of the maps?",
    "At place (r, c) the channels are maps[r, c], a row of numbers like those the dense layer gets from the average.",
    "maps @ kernel multiplies the last axis of maps by the kernel. As for the bias: the mean of a constant is itself.",
)


@evidence_maps.cases
def _(rng):
    for rows, columns, channels, classes in ((2, 3, 4, 2), (3, 2, 3, 3), (4, 4, 4, 4), (1, 5, 2, 3)):
        maps = np.maximum(rng.normal(size=(rows, columns, channels)), 0)
        yield maps.round(2), rng.normal(size=(channels, classes)).round(2), rng.uniform(1, 2, classes).round(2)


@evidence_maps.known_mistakes
def _(maps, kernel, bias):
    rows, columns, _ = maps.shape
    yield "The bias is missing: the mean of your maps falls short of the logits by it.", maps @ kernel
    yield (
        "The bias came down to a share for each place. The mean of a constant is the constant: add all of it.",
        maps @ kernel + bias / (rows * columns),
    )
    yield (
        "That sums up to the logits; the *mean* over the places has to give them.",
        (maps @ kernel + bias) / (rows * columns),
    )
    yield (
        "You averaged over the places already. Keep a number for each place.",
        (maps @ kernel + bias).mean(axis=(0, 1)),
    )
    yield (
        "You averaged over the places already, and wrote the same number everywhere.",
        np.broadcast_to((maps @ kernel + bias).mean(axis=(0, 1)), (rows, columns, len(bias))),
    )
    yield (
        "Evidence against a class counts, too: leave the negative numbers as they are.",
        np.maximum(maps @ kernel + bias, 0),
    )
    yield "The classes come last: (rows, columns, classes).", np.moveaxis(maps @ kernel + bias, 2, 0)
    yield "That is a mean over the channels. The dense layer adds them up.", maps @ kernel / len(kernel) + bias
    yield "The bias was subtracted. It is added.", maps @ kernel - bias
    if kernel.shape[0] == kernel.shape[1]:
        yield "The kernel is transposed: its rows are the channels, its columns the classes.", maps @ kernel.T + bias
