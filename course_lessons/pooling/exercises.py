"""Exercises of lesson 12_pooling."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import maximum_filter

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
        ((4, 4), 2, 2), ((3, 3), 3, 1), ((1, 1), 1, 1), ((5, 5), 2, 2), ((5, 7), 3, 2), ((6, 5), 2, 1), ((8, 7), 2, 3),
    ):  # fmt: skip
        yield rng.normal(size=shape) - 1, pool_size, strides


@max_pool.known_mistakes
def _(image, pool_size, strides):
    yield (
        "That is average pooling: of each window the largest value is asked for.",
        _pool(image, pool_size, strides, np.mean),
    )
    yield (
        "The windows are pool_size apart. They should be `strides` apart, which may be more or less.",
        _pool(image, pool_size, pool_size, np.max),
    )
    yield (
        "The strides act on the rows only. Columns move in the same steps.",
        _pool(image, pool_size, 1, np.max)[::strides],
    )
    yield (
        "The values begin at 0, so a window with negative numbers only gives 0 instead of its maximum.",
        np.maximum(_pool(image, pool_size, strides, np.max), 0),
    )
    yield (
        "You took the number that is largest without its sign. The maximum of -3 and 2 is 2.",
        _pool(image, pool_size, strides, lambda window: window.flat[np.abs(window).argmax()]),
    )


@max_pool.mistake("A window that sticks out over the edge is dropped: round the number of windows down, not up.")
def _(image, pool_size, strides):
    shape = [-(-(length - pool_size) // strides) + 1 for length in image.shape]
    starts = np.multiply(list(np.ndindex(*shape)), strides)
    return np.reshape([image[i : i + pool_size, j : j + pool_size].max(initial=-np.inf) for i, j in starts], shape)


@exercise(lesson=LESSON, points=2)
def pooled_shape(shape, pool_size, strides, padding):
    height, width, _ = shape
    padded = np.zeros((height + 2 * padding, width + 2 * padding, shape[2]))
    windows = sliding_window_view(padded, (pool_size, pool_size), axis=(0, 1))
    return windows[::strides, ::strides].shape[:3]


pooled_shape.hints = (
    "Padding adds zeros on both sides, so a side of 10 with padding 1 counts 12.",
    "The first window fits always; then count how many whole steps are left: (side - pool_size) // strides, plus 1.",
    "Every map is pooled by itself. What does that mean for the number of channels?",
)


@pooled_shape.cases
def _(rng):
    for height, width, channels, pool_size, strides, padding in (
        (4, 4, 3, 2, 2, 0), (5, 4, 2, 3, 1, 1), (7, 9, 4, 3, 2, 0), (10, 8, 6, 4, 3, 2), (55, 55, 9, 3, 2, 0),
    ):  # fmt: skip
        more, channels = rng.integers(3, size=2), channels + int(rng.integers(3))
        yield (height + int(more[0]), width + int(more[1]), channels), pool_size, strides, padding
    yield (8, 11, 5), 3, 2, 1


def _sides(shape, pool_size, strides, padding):
    return tuple((side + 2 * padding - pool_size) // strides + 1 for side in shape[:2])


@pooled_shape.known_mistakes
def _(shape, pool_size, strides, padding):
    yield (
        "Round down: a window that does not fit as a whole is dropped.",
        (*(-(-(side + 2 * padding - pool_size) // strides) + 1 for side in shape[:2]), shape[2]),
    )
    yield (
        "The depth does not shrink: every map is pooled by itself, and no maps are mixed.",
        (*_sides(shape, pool_size, strides, padding), (shape[2] - pool_size) // strides + 1),
    )
    yield (
        "Pooling has no filters that could change the depth: it stays as it was, whatever pool_size is.",
        (*_sides(shape, pool_size, strides, padding), pool_size),
    )
    yield (
        "The depth came out as 1, as if one window reached through all maps. Each map keeps its own result.",
        (*_sides(shape, pool_size, strides, padding), 1),
    )
    yield (
        "Zeros stand on both sides of the map: count the padding twice.",
        (*((side + padding - pool_size) // strides + 1 for side in shape[:2]), shape[2]),
    )
    yield (
        "You divided the side by the strides. The window's own size counts, too: subtract pool_size first.",
        (*((side + 2 * padding) // strides for side in shape[:2]), shape[2]),
    )


@pooled_shape.mistake("One too few: the first window counts before any step is made. Add 1 after dividing.")
def _(shape, pool_size, strides, padding):
    height, width = _sides(shape, pool_size, strides, padding)
    return height - 1, width - 1, shape[2]


@exercise(lesson=LESSON, points=3)
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


def _scatter(image, upstream, pool_size, strides, share):
    gradient = np.zeros(image.shape)
    for place, window in _places(image.shape, pool_size, strides):
        gradient[window] += upstream[place] * share(image[window])
    return gradient


def _first(window):
    return np.arange(window.size).reshape(window.shape) == window.argmax()


@max_pool_backward.known_mistakes
def _(image, upstream, pool_size, strides):
    yield (
        "You shared the gradient out equally. That is average pooling; here the winner takes it all.",
        _scatter(image, upstream, pool_size, strides, lambda window: np.ones(window.shape) / window.size),
    )
    yield (
        "The gradient is not scattered back to the winner: you put it into the top left corner of each window.",
        _scatter(image, upstream, pool_size, strides, lambda window: np.eye(1, window.size).reshape(window.shape)),
    )
    yield (
        "Every number that equals the maximum got the whole gradient. Only the first of them gets it.",
        _scatter(image, upstream, pool_size, strides, lambda window: window == window.max()),
    )
    yield (
        "Of equal numbers the last one got the gradient. The first in reading order gets it.",
        _scatter(image, upstream, pool_size, strides, lambda window: _first(window[::-1, ::-1])[::-1, ::-1]),
    )


@max_pool_backward.mistake("Where windows overlap a number can win twice, and then hears twice: use += instead of =.")
def _(image, upstream, pool_size, strides):
    gradient = np.zeros(image.shape)
    for place, window in _places(image.shape, pool_size, strides):
        gradient[window][_first(image[window])] = upstream[place]
    return gradient


@max_pool_backward.mistake("The windows are `strides` apart. You placed them pool_size apart.")
def _(image, upstream, pool_size, strides):
    gradient = np.zeros(image.shape)
    for (i, j), value in np.ndenumerate(upstream):
        part = np.s_[i * pool_size : (i + 1) * pool_size, j * pool_size : (j + 1) * pool_size]
        if image[part].size:
            gradient[part][_first(image[part])] += value
    return gradient


@exercise(lesson=LESSON, points=2)
def average_pool_backward(upstream, pool_size, strides, shape):
    pixels = np.eye(shape[0] * shape[1]).reshape(-1, *shape)  # a linear layer: light one pixel after another
    windows = sliding_window_view(pixels, (pool_size, pool_size), axis=(1, 2))[:, ::strides, ::strides]
    return np.sum(windows.mean(axis=(3, 4)) * upstream, axis=(1, 2)).reshape(shape)


average_pool_backward.hints = (
    "A mean of n numbers grows by 1/n when one of them grows by 1. How many numbers are in a window?",
    "Each window gives upstream[i, j] / pool_size**2 to all its places. Where windows overlap, the shares add up.",
    "gradient[top : top + pool_size, left : left + pool_size] += upstream[i, j] / pool_size**2",
)


@average_pool_backward.cases
def _(rng):
    for shape, pool_size, strides in (
        ((4, 4), 2, 2), ((3, 3), 2, 1), ((5, 5), 3, 2), ((6, 7), 2, 3), ((6, 6), 3, 1), ((7, 9), 3, 3),
    ):  # fmt: skip
        rows, columns = ((length - pool_size) // strides + 1 for length in shape)
        yield rng.normal(size=(rows, columns)).round(2), pool_size, strides, shape


def _stamp(upstream, pool_size, strides, shape, stamp):
    gradient = np.zeros(shape)
    for place, window in _places(shape, pool_size, strides):
        gradient[window] += upstream[place] * stamp
    return gradient


@average_pool_backward.known_mistakes
def _(upstream, pool_size, strides, shape):
    yield (
        "Every place got the whole gradient: divide by the number of places in a window.",
        _stamp(upstream, pool_size, strides, shape, np.ones((pool_size, pool_size))),
    )
    yield (
        "A window holds pool_size * pool_size numbers; you divided by pool_size only.",
        _stamp(upstream, pool_size, strides, shape, np.full((pool_size, pool_size), 1 / pool_size)),
    )
    yield (
        "One place got it all. In a mean every number counts, so all of them hear, equally.",
        _stamp(upstream, pool_size, strides, shape, np.eye(1, pool_size**2).reshape(pool_size, pool_size)),
    )
    yield (
        "You divided by the number of places in the whole map, not in a window.",
        _stamp(upstream, pool_size, strides, shape, np.full((pool_size, pool_size), 1 / (shape[0] * shape[1]))),
    )


@average_pool_backward.mistake("Where windows overlap the shares add up: use += instead of =.")
def _(upstream, pool_size, strides, shape):
    gradient = np.zeros(shape)
    for place, window in _places(shape, pool_size, strides):
        gradient[window] = upstream[place] / pool_size**2
    return gradient


@average_pool_backward.mistake("The windows are `strides` apart. You placed them pool_size apart.")
def _(upstream, pool_size, strides, shape):
    gradient = np.zeros(shape)
    for (i, j), value in np.ndenumerate(upstream):
        gradient[i * pool_size : (i + 1) * pool_size, j * pool_size : (j + 1) * pool_size] += value / pool_size**2
    return gradient
