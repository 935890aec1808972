"""Exercises of lesson 11_conv_backprop."""

from __future__ import annotations

import numpy as np
from scipy.signal import convolve2d, correlate2d

from course_lib.exercises.spec import exercise

LESSON = "11_conv_backprop"


def _impulses(shape):
    """Arrays with a single 1: the gradient of a linear function is what it gives for each of them."""
    return np.eye(np.prod(shape)).reshape(-1, *shape)


@exercise(lesson=LESSON, points=3)
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
    shapes = [
        ((3, 3), (2, 2)),
        ((4, 4), (4, 4)),
        ((4, 5), (1, 1)),
        ((5, 4), (3, 2)),
        ((6, 6), (4, 4)),
        ((7, 5), (5, 3)),
    ]
    for inputs, deltas in shapes:
        yield rng.normal(size=inputs), rng.normal(size=deltas)


@weight_gradient.known_mistakes
def _(inputs, deltas):
    yield (
        "It came out turned by 180 degrees, which is right for a layer that turns its kernel. "
        "This one slides it as it is.",
        correlate2d(inputs, deltas, mode="valid")[::-1, ::-1],
    )
    yield (
        "You took the mean over the places. Every place adds its share: the gradient is the sum.",
        correlate2d(inputs, deltas, mode="valid") / deltas.size,
    )
    yield (
        "You convolved: the deltas were turned before they slid over the inputs. "
        "They belong to their places as they are.",
        convolve2d(inputs, deltas, mode="valid"),
    )
    yield (
        "Too large: each weight has one gradient, so only places where the deltas lie fully inside count ('valid').",
        correlate2d(inputs, deltas, mode="full"),
    )


@weight_gradient.mistake("Every delta belongs to its own window. You gave the sum of all deltas to the first window.")
def _(inputs, deltas):
    rows, columns = np.subtract(inputs.shape, deltas.shape) + 1
    return deltas.sum() * inputs[:rows, :columns]


@exercise(lesson=LESSON, points=1)
def bias_gradient(deltas):
    by_filter = [[picture[..., f].sum() for picture in deltas] for f in range(deltas.shape[-1])]
    return np.array(by_filter).sum(axis=1)


bias_gradient.hints = (
    "A bias is added at every place of every picture, so its gradient is a sum of deltas. Of which ones?",
    "It belongs to one filter, the last axis: add up over all the other axes.",
    "deltas.sum(axis=(...)) takes several axes at once.",
)


@bias_gradient.cases
def _(rng):
    for shape in ((2, 2, 3, 2), (1, 1, 1, 3), (1, 4, 4, 1), (3, 2, 2, 4), (4, 5, 3, 6)):
        yield (rng.normal(size=shape),)


@bias_gradient.known_mistakes
def _(deltas):
    yield (
        "You took the mean. Every place of every picture adds its delta: the gradient is the sum.",
        deltas.mean(axis=(0, 1, 2)),
    )
    yield "That is one number for the whole layer. There is one bias for each filter: keep the last axis.", deltas.sum()
    yield "That is a bias for each place. All places share one: sum over rows and columns, too.", deltas.sum(axis=0)
    yield (
        "That is a gradient for each picture. The whole batch shares the biases: sum over it, too.",
        deltas.sum(axis=(1, 2)),
    )


@exercise(lesson=LESSON, points=3)
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
        ((1, 1), (3, 2)),
        ((3, 2), (1, 1)),
        ((4, 4), (3, 3)),
        ((4, 3), (2, 3)),
        ((6, 5), (3, 4)),
    ]
    for deltas, kernel in shapes:
        yield rng.normal(size=deltas), rng.normal(size=kernel)


@input_gradient.known_mistakes
def _(deltas, kernel):
    yield (
        "The kernel is not turned: you took a full correlation. Stamping the kernel at each delta is a full "
        "convolution; seen from an input, the kernel is turned by 180 degrees.",
        correlate2d(deltas, kernel, mode="full"),
    )
    yield (
        "That has the shape of the outputs ('same'). The inputs are larger than the outputs: take 'full'.",
        convolve2d(deltas, kernel, mode="same"),
    )
    yield (
        "Turning by 180 degrees reverses rows and columns. You reversed the rows only.",
        convolve2d(deltas, kernel[:, ::-1], mode="full"),
    )


@input_gradient.mistake(
    "Too small: with 'valid' the border inputs hear nothing. Every overlap of kernel and deltas counts, so take 'full'."
)
def _(deltas, kernel):
    larger, smaller = (deltas, kernel) if deltas.size >= kernel.size else (kernel, deltas)
    return convolve2d(larger, smaller, mode="valid")


@input_gradient.mistake("Stamps overlap, and add up. You overwrote what earlier ones had left: use += instead of =.")
def _(deltas, kernel):
    gradient = np.zeros(np.add(deltas.shape, kernel.shape) - 1)
    for i, j in np.ndindex(deltas.shape):
        gradient[i : i + len(kernel), j : j + kernel.shape[1]] = deltas[i, j] * kernel
    return gradient


@exercise(lesson=LESSON, points=2)
def mse_delta(outputs, targets):
    def error(outputs):
        return np.mean([(t - a) @ (t - a) for t, a in zip(targets, outputs, strict=True)])

    # For a parabola the centred difference is the slope itself, however large the step.
    nudges = _impulses(outputs.shape)
    return np.reshape([(error(outputs + nudge) - error(outputs - nudge)) / 2 for nudge in nudges], outputs.shape)


mse_delta.hints = (
    "Only one term of the sum contains a given output: (t - a) squared, divided by the number of patterns.",
    "The derivative of (t - a)² by a is 2 (a - t): mind the sign.",
    "len(outputs) is the number of patterns, whatever the number of units.",
)


@mse_delta.cases
def _(rng):
    for shape in ((2, 2), (1, 1), (1, 3), (3, 1), (5, 4), (8, 3)):
        yield rng.normal(size=shape), rng.normal(size=shape)


@mse_delta.known_mistakes
def _(outputs, targets):
    yield (
        "The sign is turned round: an output that is too large must get a positive delta, outputs - targets.",
        2 * (targets - outputs) / len(outputs),
    )
    yield (
        "The factor 2 is missing: the derivative of a square. It cancels only if E begins with 1/2.",
        (outputs - targets) / len(outputs),
    )
    yield (
        "That is for half the sum of squares. Here E is the mean over the patterns: the deltas carry 2/P.",
        outputs - targets,
    )
    yield "You forgot to divide by the number of patterns.", 2 * (outputs - targets)
    yield (
        "You divided by all numbers, as Keras does. Here the mean runs over the patterns only, not the units.",
        2 * (outputs - targets) / outputs.size,
    )
    yield (
        "That is the error of each pattern. Its derivative is asked for, one number for each output.",
        np.sum((targets - outputs) ** 2, axis=1) / len(outputs),
    )
