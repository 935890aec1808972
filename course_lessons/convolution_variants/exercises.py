"""Exercises of lesson 10_convolution_variants."""

from __future__ import annotations

import functools

import numpy as np
from scipy import signal

from course_lib.exercises.answer import WrongForm
from course_lib.exercises.spec import exercise

LESSON = "10_convolution_variants"


# The nearest separable kernel


@exercise(lesson=LESSON, points=4, atol=1e-4, rtol=1e-3)
def separate(kernel, depth_multiplier):
    """The full kernel that both together make: for each channel the best table of rank `depth_multiplier`."""
    together = np.empty(kernel.shape)
    for channel in range(kernel.shape[2]):
        table = kernel[:, :, channel].reshape(-1, kernel.shape[3])
        # By the eigenvectors of the filters' products: the table, projected on those of the largest eigenvalues.
        _, vectors = np.linalg.eigh(table.T @ table)
        best = vectors[:, -depth_multiplier:]
        together[:, :, channel] = (table @ best @ best.T).reshape(kernel[:, :, channel].shape)
    return together


separate.hints = (
    "Each channel has a table of its own: kernel[:, :, c].reshape(height * width, filters). Its best sum of M outer "
    "products comes from np.linalg.svd; a stack of tables (channels, places, filters) is done at once.",
    "left, strengths, right = np.linalg.svd(tables, full_matrices=False): column m of left is a kernel in space, row m "
    "of right has a factor for each filter, and strengths[m] belongs into one of the two.",
    "depthwise[:, :, c, m] is left[c, :, m] * strengths[c, m] in rows and columns; pointwise[0, 0, c * M + m] is "
    "right[c, m].",
)


@functools.cache
def _learnt():
    """The kernel of a 3 × 3 layer of the trained network for shapes."""
    from course_lib import zoo

    known = zoo.card("shapes_zfnet")
    weights = zoo.read_weights(zoo.folder() / "shapes_zfnet.npz", known.sha256)
    return next(each for each in weights if each.shape[:3] == (3, 3, 43)).astype(float)


@separate.cases
def _(rng):
    for shape, multiplier in (
        ((2, 2, 2, 3), 1),
        ((2, 2, 3, 4), 2),
        ((2, 3, 2, 5), 2),
        ((3, 3, 2, 12), 1),
        ((3, 2, 3, 7), 6),
    ):
        yield rng.normal(size=shape), multiplier
    yield _learnt()[:, :, rng.choice(43, 4, replace=False)], 3


@separate.probe
def _(separate, kernel, depth_multiplier):
    """What the two kernels do one after the other, as one kernel."""
    found = separate(kernel, depth_multiplier)
    try:
        depthwise, pointwise = (np.asarray(each, dtype=float) for each in found)
    except (TypeError, ValueError):
        raise WrongForm("Return two arrays, the depthwise and the pointwise kernel.") from None
    height, width, channels, filters = kernel.shape
    for name, array, shape in (
        ("depthwise", depthwise, (height, width, channels, depth_multiplier)),
        ("pointwise", pointwise, (1, 1, channels * depth_multiplier, filters)),
    ):
        if array.shape != shape:
            raise WrongForm(f"For a kernel {kernel.shape} and M = {depth_multiplier} the {name} kernel is {shape}; "
                            f"yours is {array.shape}.")  # fmt: skip
    return np.einsum("ijcm,cmf->ijcf", depthwise, pointwise.reshape(channels, depth_multiplier, filters))


def _split(choose=lambda left, strengths, right: (left * strengths[:, None], right), swapped=False):
    """What a student would hand in: `choose` makes the factors (channels, places, rank), (channels, rank, filters)."""

    def separate(kernel, depth_multiplier):
        height, width, channels, filters = kernel.shape
        tables = kernel.transpose(2, 0, 1, 3).reshape(channels, height * width, filters)
        in_space, across = choose(*np.linalg.svd(tables, full_matrices=False))
        in_space, across = in_space[:, :, :depth_multiplier], across[:, :depth_multiplier]
        if swapped:
            across = across.transpose(1, 0, 2)
        depthwise = in_space.transpose(1, 0, 2).reshape(height, width, channels, depth_multiplier)
        return depthwise, across.reshape(1, 1, channels * depth_multiplier, filters)

    return separate


@separate.mistake("The right directions, of the wrong lengths: multiply one of the two factors by the strengths.")
def _():
    return _split(lambda left, strengths, right: (left, right))


@separate.mistake("The strengths stand in both factors, so that their squares come out. Put them into one.")
def _():
    return _split(lambda left, strengths, right: (left * strengths[:, None], strengths[:, :, None] * right))


@separate.mistake("NumPy sorts the strengths downwards, and you kept the end. Keep the first M.")
def _():
    return _split(
        lambda left, strengths, right: ((left * strengths[:, None])[:, :, ::-1], right[:, ::-1]),
    )


@separate.mistake("The filters' factors are the rows of the last array that np.linalg.svd returns, not its columns.")
def _():
    return _split(lambda left, strengths, right: (left * strengths[:, None], right.transpose(0, 2, 1)))


@separate.mistake("The pointwise channels are in another order: Keras has all M of channel 0 first, then channel 1.")
def _():
    return _split(swapped=True)


@separate.mistake("All channels got the same kernels in space. Each channel has a table of its own: decompose each.")
def _():
    def separate(kernel, depth_multiplier):
        height, width, channels, filters = kernel.shape
        left, strengths, right = np.linalg.svd(kernel.reshape(height * width, -1), full_matrices=False)
        in_space = (left * strengths)[:, :depth_multiplier].reshape(height, width, 1, depth_multiplier)
        across = right[:depth_multiplier].reshape(depth_multiplier, channels, filters).transpose(1, 0, 2)
        return np.repeat(in_space, channels, axis=2), across.reshape(1, 1, -1, filters)

    return separate


@separate.mistake(
    "That is the mean over the filters with factors of 1. Each filter has factors of its own: the best come from "
    "np.linalg.svd."
)
def _():
    def separate(kernel, depth_multiplier):
        _, _, channels, filters = kernel.shape
        mean = np.repeat(kernel.mean(axis=3, keepdims=True), depth_multiplier, axis=3) / depth_multiplier
        return mean, np.ones((1, 1, channels * depth_multiplier, filters))

    return separate


@separate.mistake("Reshaping does not move axes: bring the channels to the front (transpose or moveaxis) before it.")
def _():
    def separate(kernel, depth_multiplier):
        height, width, channels, filters = kernel.shape
        tables = kernel.reshape(channels, height, width, filters)
        return _split()(tables.transpose(1, 2, 0, 3), depth_multiplier)

    return separate


@separate.mistake("Before the last reshape the places belong in front: (channels, places, M) has them in the middle.")
def _():
    def separate(kernel, depth_multiplier):
        height, width, channels, _ = kernel.shape
        depthwise, pointwise = _split()(kernel, depth_multiplier)
        in_space = depthwise.reshape(height * width, channels, depth_multiplier).transpose(1, 0, 2)
        return in_space.reshape(depthwise.shape), pointwise

    return separate


@separate.mistake("All channels got the same factors for the filters. Decompose the table of each channel.")
def _():
    def separate(kernel, depth_multiplier):
        *window, channels, filters = kernel.shape
        left, strengths, right = np.linalg.svd(kernel.reshape(-1, filters), full_matrices=False)
        in_space = (left * strengths)[:, :depth_multiplier].reshape(*window, channels, -1)
        return in_space, np.tile(right[:depth_multiplier], (channels, 1))[None, None]

    return separate


# Which pixels are read


@exercise(lesson=LESSON, points=2, atol=0, rtol=0)
def pixels_read(kernel_size, dilation_rates):
    # A true convolution of rows of ones, with gaps between them: what is not 0 is read.
    read = np.ones(1)
    for rate in dilation_rates:
        taps = np.zeros(rate * (kernel_size - 1) + 1)
        taps[::rate] = 1
        read = np.convolve(read, taps)
    return int(np.count_nonzero(read)), len(read)


pixels_read.results = ("Pixels read", "Span")
pixels_read.hints = (
    "Start at one output. Which places does it read in the layer before? And which does each of those read?",
    "Keep the places in a set, so that a place that is reached on two ways counts once. At first it is {0}.",
    "For each rate, the new set has place + rate * tap for every place and every tap from 0 to kernel_size - 1. The "
    "span is from the lowest place to the highest, both counted.",
)


@pixels_read.cases
def _(rng):
    yield 3, (2, 2, 2)
    yield 3, (1, 2, 4)
    yield 3, (3, 9)
    yield 2, (1, 2, 3)
    yield 5, (4,)
    yield 1, (2, 3)
    yield 4, (2, 6, 1)
    for layers in (2, 3, 4):
        yield int(rng.integers(2, 5)), tuple(int(rate) for rate in rng.integers(1, 7, layers))


@pixels_read.known_mistakes
def _(kernel_size, dilation_rates):
    read, span = pixels_read.oracle(kernel_size, dilation_rates)
    yield "That is the span, twice. Between dilated taps lie pixels that are not read.", (span, span)
    yield "The span comes second, the number of pixels that are read first.", (span, read)
    yield (
        "Paths meet again in the same pixel: it counts once.",
        (kernel_size ** len(dilation_rates), span),
    )
    yield (
        "Between kernel_size taps are kernel_size - 1 gaps.",
        (read, 1 + kernel_size * sum(dilation_rates)),
    )
    yield "From place a to place b are b - a + 1 pixels: both ends count.", (read, span - 1)
    yield (
        "Every layer widens the span, not only the one with the largest rate.",
        (read, 1 + (kernel_size - 1) * max(dilation_rates)),
    )
    yield (
        "What the last layer reads are places of the layer before. Go on to the pixels.",
        (kernel_size, span),
    )
    yield (
        "Paths may meet in one pixel, and others still be missed: collect the places that are reached.",
        (min(kernel_size ** len(dilation_rates), span), span),
    )
    if kernel_size % 2 == 0:
        one_more = pixels_read.oracle(kernel_size + 1, dilation_rates)
    else:
        one_more = read, span
    yield "range(-(k // 2), k // 2 + 1) has one tap too many where the kernel size k is even.", one_more
    yield (
        "That is what layers without dilation would read. Move the taps apart.",
        (1 + (kernel_size - 1) * len(dilation_rates), span),
    )


# The transposed convolution


@exercise(lesson=LESSON, points=3, atol=1e-4, rtol=1e-4)
def transposed_convolution(image, kernel, strides):
    """Zeros between the inputs, and a true convolution by SciPy that keeps everything."""
    height, width, channels = image.shape
    spread = np.zeros(((height - 1) * strides + 1, (width - 1) * strides + 1, channels))
    spread[::strides, ::strides] = image
    return np.stack(
        [
            sum(signal.convolve2d(spread[..., c], kernel[:, :, f, c], mode="full") for c in range(channels))
            for f in range(kernel.shape[2])
        ],
        axis=-1,
    )


transposed_convolution.hints = (
    "How far down does the last stamp reach? It starts in row (height - 1) * strides, and has k rows.",
    "Start with an array of zeros (rows, columns, filters). The stamp of pixel (r, c) covers rows r * strides to "
    "r * strides + k, and columns likewise: add it there, with +=.",
    "Each filter of the stamp sums over the channels: kernel @ image[r, c] is (k, k, filters), for the channels are "
    "the last axis of the kernel.",
)


@transposed_convolution.cases
def _(rng):
    for shape, size, filters, strides in (
        ((2, 3, 2), 2, 2, 1),
        ((2, 3, 2), 3, 2, 2),
        ((4, 3, 1), 3, 3, 2),
        ((2, 4, 3), 4, 2, 3),
        ((3, 4, 2), 5, 1, 2),
        ((1, 3, 3), 3, 4, 3),
    ):
        yield rng.normal(size=shape), rng.normal(size=(size, size, filters, shape[2])), strides


def _stamped(image, kernel, down, across, add=True):
    """Stamps, `down` and `across` pixels apart, added, or laid over each other."""
    height, width, _ = image.shape
    size = len(kernel)
    output = np.zeros(((height - 1) * down + size, (width - 1) * across + size, kernel.shape[2]))
    for r, c in np.ndindex(height, width):
        part = output[r * down : r * down + size, c * across : c * across + size]
        part[...] = part * add + kernel @ image[r, c]
    return output


@transposed_convolution.known_mistakes
def _(image, kernel, strides):
    right = _stamped(image, kernel, strides, strides)
    height, width, _ = image.shape
    size = len(kernel)
    yield "Where stamps overlap they are added: use +=.", _stamped(image, kernel, strides, strides, add=False)
    yield (
        "The kernel came out turned. A stamp is pressed as it is; it is turned only where it slides over inserted "
        "zeros.",
        _stamped(image, kernel[::-1, ::-1], strides, strides),
    )
    before = (size - strides) // 2
    yield (
        "That is padding='same', cut to height · strides. All of the stamps is asked: (height - 1) · strides + k rows.",
        right[before : before + height * strides, before : before + width * strides],
    )
    yield (
        "The strides are missing along the columns: stamps lie `strides` apart in both directions.",
        _stamped(image, kernel, strides, 1),
    )
    yield "The strides are missing: neighbouring stamps lie `strides` apart.", _stamped(image, kernel, 1, 1)
    yield (
        "In the kernel of a transposed convolution the filters come before the channels.",
        lambda *_: _stamped(image, kernel.swapaxes(2, 3), strides, strides),
    )
    yield (
        "The kernel is transposed in space: its rows go down.",
        _stamped(image, kernel.swapaxes(0, 1), strides, strides),
    )
    yield (
        "There are zeros after the last stamp: between `height` inputs are height - 1 gaps.",
        np.pad(right, ((0, strides - 1), (0, strides - 1), (0, 0))),
    )
    yield (
        "The border's stamps are cut off: k - 1 zeros belong around the inputs, too.",
        right[size - 1 : len(right) - size + 1, size - 1 : right.shape[1] - size + 1],
    )
    yield (
        "Only the first channel is stamped. Each filter sums over all channels.",
        _stamped(image * (np.arange(image.shape[2]) == 0), kernel, strides, strides),
    )


# Nearest, then 3 × 3, in one


@exercise(lesson=LESSON, points=2, atol=1e-5)
def resize_kernel(kernel):
    """One bright pixel, enlarged by copying, and convolved: what it becomes is the stamp."""
    spot = np.zeros((5, 5))
    spot[2, 2] = 1
    enlarged = np.kron(spot, np.ones((2, 2)))
    return signal.correlate2d(enlarged, kernel, mode="same")[3:7, 3:7]


resize_kernel.hints = (
    "A stamp is what becomes of a single 1 among zeros. Copying makes a block of 2 × 2 ones of it.",
    "A convolution layer slides the kernel as it is. So what becomes of a single 1 is the kernel, turned by 180°.",
    "Four ones lie side by side: add four turned kernels into a 4 × 4 array of zeros, with their corners at (0, 0), "
    "(0, 1), (1, 0) and (1, 1).",
)


@resize_kernel.cases
def _(rng):
    yield (np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 5.0]]),)
    for _ in range(3):
        yield (rng.normal(size=(3, 3)),)


@resize_kernel.known_mistakes
def _(kernel):
    turned, block = kernel[::-1, ::-1], np.ones((2, 2))
    right = signal.convolve2d(turned, block)
    yield (
        "A convolution layer slides the kernel as it is, so the stamp has it turned by 180°.",
        signal.convolve2d(kernel, block),
    )
    assigned = np.zeros((4, 4))
    for i, j in np.ndindex(2, 2):
        assigned[i : i + 3, j : j + 3] = turned
    yield "Where the four kernels overlap they are added: use +=.", assigned
    yield "You took means. Copies are added as they are: do not divide by 4.", right / 4
    yield (
        "All of the overlap counts, 4 × 4 numbers (that is 'full').",
        signal.convolve2d(turned, block, mode="valid"),
    )
    yield (
        "All of the overlap counts, 4 × 4 numbers (that is 'full').",
        signal.convolve2d(turned, block, mode="same"),
    )
    yield (
        "Each pixel is copied down and across, to four places. You add up two.",
        np.pad(signal.convolve2d(turned, np.ones((2, 1))), ((0, 0), (0, 1))),
    )
    yield "Each pixel is copied to four places first. You added a border of zeros.", np.pad(turned, (0, 1))
    yield (
        "You add the kernels of two of the four copies only.",
        np.pad(turned, ((0, 1), (0, 1))) + np.pad(turned, ((1, 0), (1, 0))),
    )
    yield "The pixels are copied, not the weights.", np.kron(turned, block)
    yield "The kernel is transposed. Turn it by 180°: [::-1, ::-1].", signal.convolve2d(kernel.T, block)
