"""Exercises of lesson 11_conv_backprop."""

from __future__ import annotations

import numpy as np
from scipy.signal import convolve2d, correlate2d

from course_lib.exercises.spec import exercise

LESSON = "11_conv_backprop"


def _impulses(shape):
    """Arrays with a single 1: the gradient of a linear function is what it gives for each of them."""
    return np.eye(np.prod(shape)).reshape(-1, *shape)


@exercise(lesson=LESSON, points=3, atol=1e-5)
def weight_gradient(inputs, deltas):
    shape = tuple(np.subtract(inputs.shape, deltas.shape) + 1)
    effects = [np.sum(deltas * correlate2d(inputs, impulse, mode="valid")) for impulse in _impulses(shape)]
    return np.reshape(effects, shape)


weight_gradient.hints = (
    "Weight (a, b) was used once at every place (i, j), and read inputs[i + a, j + b] there.",
    "Its gradient is the sum over all places of deltas[i, j] * inputs[i + a, j + b]. Two loops run over (a, b).",
    "inputs[a : a + rows, b : b + columns] is everything that weight (a, b) has read, in the shape of the deltas.",
)


@weight_gradient.cases
def _(rng):
    shapes = [((3, 3), (2, 2)), ((4, 5), (1, 1)), ((5, 4), (3, 2)), ((6, 6), (4, 4)), ((7, 5), (5, 3))]
    for inputs, deltas in shapes:
        yield rng.normal(size=inputs), rng.normal(size=deltas)


@weight_gradient.known_mistakes
def _(inputs, deltas):
    gradient = correlate2d(inputs, deltas, mode="valid")
    rows, columns = gradient.shape
    yield (
        "It came out turned by 180 degrees, which is right for a layer that turns its kernel. "
        "This one slides it as it is.",
        gradient[::-1, ::-1],
    )
    yield (
        "You took the mean over the places. Every place adds its share: the gradient is the sum.",
        (gradient / deltas.size),
    )
    yield (
        "You convolved: the deltas were turned before they slid over the inputs. "
        "They belong to their places as they are.",
        convolve2d(inputs, deltas, mode="valid"),
    )
    yield (
        "Every delta belongs to its own window. You gave the sum of all deltas to the first window.",
        deltas.sum() * inputs[:rows, :columns],
    )
    yield (
        "The deltas are missing: you added up what each weight has read. Each share is multiplied by its delta.",
        correlate2d(inputs, np.ones(deltas.shape), mode="valid"),
    )
    yield "That is a step downhill. Return the gradient itself, without a minus.", -gradient
    yield (
        "The last row and the last column are missing: the kernel has height - rows + 1 rows.",
        gradient[:-1, :-1],
    )
    yield (
        "Too large: each weight has one gradient, so only places where the deltas lie fully inside count ('valid').",
        correlate2d(inputs, deltas, mode="full"),
    )
    yield (
        "That has the shape of the inputs ('same'). Only places where the deltas lie fully inside count ('valid').",
        correlate2d(inputs, deltas, mode="same"),
    )


@exercise(lesson=LESSON, points=3, atol=1e-5)
def input_gradient(deltas, kernel):
    shape = tuple(np.add(deltas.shape, kernel.shape) - 1)
    effects = [np.sum(deltas * correlate2d(impulse, kernel, mode="valid")) for impulse in _impulses(shape)]
    return np.reshape(effects, shape)


input_gradient.hints = (
    "Output (i, j) stamps a copy of the kernel, times its delta, on the window it has read. Stamps add up.",
    "Start with zeros of the shape of the inputs. The window of output (i, j) begins at row i and column j.",
    "Or loop over the weights: kernel[a, b] * deltas belongs at rows a to a + rows and columns b to b + columns.",
)


@input_gradient.cases
def _(rng):
    shapes = [
        ((2, 2), (2, 2)),
        ((1, 2), (3, 2)),
        ((3, 2), (1, 1)),
        ((4, 4), (3, 3)),
        ((4, 3), (2, 3)),
        ((6, 5), (3, 4)),
    ]
    for deltas, kernel in shapes:
        yield rng.normal(size=deltas), rng.normal(size=kernel)


@input_gradient.known_mistakes
def _(deltas, kernel):
    def stamped(stamp):
        gradient = np.zeros(np.add(deltas.shape, kernel.shape) - 1)
        for i, j in np.ndindex(deltas.shape):
            window = gradient[i : i + len(kernel), j : j + kernel.shape[1]]
            window[:] = stamp(window, deltas[i, j])
        return gradient

    larger, smaller = (deltas, kernel) if deltas.size >= kernel.size else (kernel, deltas)
    yield (
        "The kernel is not turned: you took a full correlation. Stamping the kernel at each delta is a full "
        "convolution; seen from an input, the kernel is turned by 180 degrees.",
        correlate2d(deltas, kernel, mode="full"),
    )
    yield (
        "Too small: with 'valid' the border inputs hear nothing. Every overlap of kernel and deltas counts, so take "
        "'full'.",
        convolve2d(larger, smaller, mode="valid"),
    )
    yield (
        "That has the shape of the outputs ('same'). The inputs are larger than the outputs: take 'full'.",
        convolve2d(deltas, kernel, mode="same"),
    )
    yield (
        "Stamps overlap, and add up. You overwrote what earlier ones had left: use += instead of =.",
        stamped(lambda _, delta: delta * kernel),
    )
    yield (
        "The deltas are missing: each stamp is the kernel times the delta of its output.",
        stamped(lambda before, _: before + kernel),
    )
    yield (
        "The kernel is missing: each stamp is the kernel times the delta of its output.",
        stamped(lambda before, delta: before + delta),
    )
    turned = "Turning by 180 degrees reverses rows and columns. You reversed the {} only."
    yield turned.format("rows"), convolve2d(deltas, kernel[:, ::-1], mode="full")
    yield turned.format("columns"), convolve2d(deltas, kernel[::-1], mode="full")
    yield "That is a step downhill. Return the gradient itself, without a minus.", -convolve2d(deltas, kernel)


@exercise(lesson=LESSON, points=2, atol=1e-5)
def mse_delta(outputs, targets):
    def error(outputs):
        return np.mean([(t - y) @ (t - y) for t, y in zip(targets, outputs, strict=True)])

    # For a parabola the centred difference is the slope itself, however large the step.
    nudges = _impulses(outputs.shape)
    return np.reshape([(error(outputs + nudge) - error(outputs - nudge)) / 2 for nudge in nudges], outputs.shape)


mse_delta.hints = (
    "Only one term of the sum contains a given output: (t - y) squared, divided by the number of examples.",
    "The derivative of (t - y)² by y is 2 (y - t): mind the sign.",
    "len(outputs) is the number of examples, whatever the number of units.",
)


@mse_delta.cases
def _(rng):
    for shape in ((3, 2), (2, 3), (5, 4), (8, 3)):  # neither examples nor units are 2 in all of them, nor alike
        yield rng.normal(size=shape), rng.normal(size=shape)


@mse_delta.known_mistakes
def _(outputs, targets):
    errors, examples = outputs - targets, len(outputs)
    yield (
        "The sign is turned round: an output that is too large must get a positive message, outputs - targets.",
        -2 * errors / examples,
    )
    yield (
        "The factor 2 is missing: the derivative of a square. It cancels only if the loss begins with 1/2.",
        errors / examples,
    )
    yield (
        "That is for half the sum of squares. Here the loss is the mean over the examples: the messages carry 2/N.",
        errors,
    )
    yield "You forgot to divide by the number of examples.", 2 * errors
    yield (
        "You divided by all numbers, as Keras does. Here the mean runs over the examples only, not the units.",
        2 * errors / outputs.size,
    )
    yield (
        "You divided by the number of units. The mean runs over the examples: len(outputs).",
        2 * errors / outputs.shape[1],
    )
    yield (
        "That is the error of each example. Its derivative is asked for, one number for each output.",
        np.sum(errors**2, axis=1) / examples,
    )
    yield (
        "That is the error itself. Its derivative is asked for, one number for each output.",
        np.sum(errors**2) / examples,
    )
    yield "These are the squares themselves. Their derivative is asked for.", errors**2 / examples


@exercise(lesson=LESSON, points=5, atol=1e-4)
def convolution_backward(images, kernel, deltas, strides):
    def read_by(plane, tile):
        return correlate2d(plane, tile, mode="valid")[::strides, ::strides]

    by_images, by_kernel = np.zeros(images.shape), np.zeros(kernel.shape)
    for c, f in np.ndindex(kernel.shape[2:]):
        effects = [read_by(impulse, kernel[..., c, f]) for impulse in _impulses(images.shape[1:3])]
        by_images[..., c] += np.einsum("nij,pij->np", deltas[..., f], effects).reshape(images.shape[:3])
        effects = [[read_by(image, impulse) for image in images[..., c]] for impulse in _impulses(kernel.shape[:2])]
        by_kernel[..., c, f] = np.einsum("nij,pnij->p", deltas[..., f], effects).reshape(kernel.shape[:2])
    return by_images, by_kernel, np.einsum("nijf->f", deltas)


convolution_backward.results = ("by the images", "by the kernel", "by the bias")
convolution_backward.hints = (
    "The bias of a filter enters every sum of that filter: add up its messages over batch, rows and columns.",
    "For the kernel's place (u, v): read = images[:, u : u + reach : strides, v : ...]. With `rows` sums in a column, "
    "the first reads row u and the last row u + strides * (rows - 1): so reach is strides * (rows - 1) + 1.",
    "There, sums = read @ kernel[u, v], so kernel[u, v] gets the sum over all places of read (channels) times message "
    "(filters), and read gets deltas @ kernel[u, v].T, added to what is there.",
)


@convolution_backward.cases
def _(rng):
    settings = [  # batch, height, width, channels, rows and columns of the kernel, filters, strides
        (1, 3, 3, 1, 2, 2, 1, 1),
        (2, 4, 3, 2, 2, 2, 3, 1),
        (2, 5, 5, 1, 3, 2, 2, 2),
        (3, 4, 5, 3, 2, 3, 2, 1),
        (2, 6, 5, 2, 2, 2, 3, 2),  # a row and a column are left over
        (2, 7, 6, 2, 2, 1, 4, 3),
    ]
    for batch, height, width, channels, rows, columns, filters, strides in settings:
        images = rng.normal(size=(batch, height, width, channels))
        kernel = rng.normal(size=(rows, columns, channels, filters))
        sums = (height - rows) // strides + 1, (width - columns) // strides + 1
        yield images, kernel, rng.normal(size=(batch, *sums, filters)), strides


@convolution_backward.known_mistakes
def _(images, kernel, deltas, strides):
    right = _backward(images, kernel, deltas, strides)
    by_images, by_kernel, by_bias = right
    yield "The order: by the images, by the kernel, by the bias.", (by_kernel, by_bias, by_images)
    yield "These are steps downhill. Return the gradients themselves, without a minus.", tuple(-each for each in right)
    yield (
        "The bias hears the sum of its filter's messages, not their mean.",
        (by_images, by_kernel, deltas.mean(axis=(0, 1, 2))),
    )
    yield (
        "The bias: that is a row for each picture. The whole batch shares the biases: sum over it, too.",
        (by_images, by_kernel, deltas.sum(axis=(1, 2))),
    )
    yield (
        "The bias: one number for the whole layer. Each filter has a bias of its own: keep the last axis.",
        (by_images, by_kernel, deltas.sum()),
    )
    yield (
        "The kernel's gradient is the sum over all pictures. You divided by their number.",
        (by_images, by_kernel / len(images), by_bias),
    )
    yield (
        "The kernel's gradient came out turned by 180 degrees. This layer does not turn its kernel.",
        (by_images, by_kernel[::-1, ::-1], by_bias),
    )
    yield (
        "By the images: the kernel was turned before it was stamped. The layer slides it as it is, so stamp it so.",
        (_backward(images, kernel[::-1, ::-1], deltas, strides)[0], by_kernel, by_bias),
    )
    yield (
        "By the images: windows overlap, and their shares add up. You overwrote what was there: use += instead of =.",
        (_backward(images, kernel, deltas, strides, add=False)[0], by_kernel, by_bias),
    )
    squeezed = _backward(images, kernel, deltas, 1)
    yield "The strides are missing: windows lie `strides` places apart, not 1.", squeezed


def _backward(images, kernel, deltas, strides, add=True):
    """By the images, the kernel and the bias, window by window; without `add` a later window overwrites."""
    rows, columns = kernel.shape[:2]
    by_images, by_kernel = np.zeros(images.shape), np.zeros(kernel.shape)
    for n, i, j in np.ndindex(deltas.shape[:3]):
        window = np.s_[n, strides * i : strides * i + rows, strides * j : strides * j + columns]
        by_images[window] = kernel @ deltas[n, i, j] + (by_images[window] if add else 0)
        by_kernel += images[window][..., None] * deltas[n, i, j]
    return by_images, by_kernel, deltas.sum(axis=(0, 1, 2))
