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


@exercise(lesson=LESSON, points=2)
def pooled_shape(shape, pool_size, strides, padding):
    height, width, _ = shape
    padded = np.zeros((height + 2 * padding, width + 2 * padding, shape[2]))
    windows = sliding_window_view(padded, (pool_size, pool_size), axis=(0, 1))
    return windows[::strides, ::strides].shape[:3]


pooled_shape.results = ("Height", "Width", "Channels")
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
    yield (8, 10, 5), 3, 2, 1  # in both directions something is left over
    yield (9, 7, 2), 6, 1, 3


@pooled_shape.known_mistakes
def _(shape, pool_size, strides, padding):
    (height, width), channels = (side + 2 * padding for side in shape[:2]), shape[2]
    rows, columns = ((side - pool_size) // strides + 1 for side in (height, width))
    yield (
        "Round down: a window that does not fit as a whole is dropped.",
        (-(-(height - pool_size) // strides) + 1, -(-(width - pool_size) // strides) + 1, channels),
    )
    yield (
        "The rounding is missing: a window that does not fit as a whole is dropped, so divide with //.",
        ((height - pool_size) / strides + 1, (width - pool_size) / strides + 1, channels),
    )
    yield (
        "The depth does not shrink: every map is pooled by itself, and no maps are mixed.",
        (rows, columns, (channels - pool_size) // strides + 1),
    )
    yield (
        "Pooling has no filters that could change the depth: it stays as it was, whatever pool_size is.",
        (rows, columns, pool_size),
    )
    yield (
        "The depth came out as 1, as if one window reached through all maps. Each map keeps its own result.",
        (rows, columns, 1),
    )
    yield (
        "One too few: the first window counts before any step is made. Add 1 after dividing.",
        (rows - 1, columns - 1, channels),
    )
    yield (
        "The 1 for the first window is added before dividing. Divide the steps first, then add it.",
        ((height - pool_size + 1) // strides, (width - pool_size + 1) // strides, channels),
    )
    yield (
        "Zeros stand on both sides of the map: count the padding twice.",
        ((height - padding - pool_size) // strides + 1, (width - padding - pool_size) // strides + 1, channels),
    )
    yield (
        "The padding is missing: zeros stand on both sides of the map.",
        ((shape[0] - pool_size) // strides + 1, (shape[1] - pool_size) // strides + 1, channels),
    )
    yield (
        "You divided the side by the strides. The window's own size counts, too: subtract pool_size first.",
        (height // strides, width // strides, channels),
    )
    yield (
        "You divided by pool_size. The windows are `strides` apart, so count steps of that length.",
        ((height - pool_size) // pool_size + 1, (width - pool_size) // pool_size + 1, channels),
    )
    yield "The map need not be square: its width has a count of its own.", (rows, rows, channels)
    yield "Height and width are swapped: the height comes first.", (columns, rows, channels)


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


@average_pool_backward.known_mistakes
def _(upstream, pool_size, strides, shape):
    def scatter(stamp, starts=strides, adds=True):
        gradient = np.zeros(shape)
        for (i, j), value in np.ndenumerate(upstream):
            window = np.s_[i * starts : i * starts + pool_size, j * starts : j * starts + pool_size]
            rows, columns = gradient[window].shape
            gradient[window] = gradient[window] * adds + value * stamp[:rows, :columns]
        return gradient

    ones = np.ones((pool_size, pool_size))
    share = ones / pool_size**2
    yield "Every place got the whole gradient: divide by the number of places in a window.", scatter(ones)
    yield "A window holds pool_size * pool_size numbers; you divided by pool_size only.", scatter(ones / pool_size)
    yield (
        "One place got it all. In a mean every number counts, so all of them hear, equally.",
        scatter(np.eye(1, pool_size**2).reshape(pool_size, pool_size)),
    )
    yield "Where windows overlap the shares add up: use += instead of =.", scatter(share, adds=False)
    yield "The windows are `strides` apart. You placed them pool_size apart.", scatter(share, starts=pool_size)
    yield (
        "Window (i, j) begins at row i * strides and column j * strides. Yours begins at (i, j).",
        scatter(share, starts=1),
    )
    yield (
        "You divided by the number of places in the whole map, not in a window.",
        scatter(ones / (shape[0] * shape[1])),
    )
    yield "You divided by strides squared. A window holds pool_size * pool_size numbers.", scatter(ones / strides**2)
