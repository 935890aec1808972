"""Facts of lesson 11_conv_backprop: every formula is held against index sums and finite differences on random data."""

import numpy as np
from scipy.signal import convolve2d, correlate2d

from course_lib.gradcheck import numerical_gradient
from facts import recompute

RNG = np.random.default_rng(0)
INPUTS, KERNEL, DELTAS = RNG.normal(size=(7, 6)), RNG.normal(size=(3, 3)), RNG.normal(size=(5, 4))
BIAS = 0.3


def turned(array):
    return np.rot90(array, 2)


def true_gradients(forward):
    """By the kernel and by the inputs, of the sum of deltas times the outputs of `forward(inputs, kernel)`."""

    def error():
        return float(np.sum(DELTAS * forward(INPUTS, KERNEL, mode="valid")))

    return numerical_gradient(error, KERNEL), numerical_gradient(error, INPUTS)


def same(one, other):
    return bool(np.abs(one - other).max() < 1e-7)


def index_sum(deltas, kernel, rows, columns):
    """The sum over a of deltas[i + a] kernel[a], for each place i."""
    height, width = kernel.shape
    return np.array(
        [[np.sum(deltas[i : i + height, j : j + width] * kernel) for j in range(columns)] for i in range(rows)]
    )


@recompute("F411")
def forward_rule_with_the_whole_sum_turned():
    definition = convolve2d(INPUTS, KERNEL, mode="valid") + BIAS
    printed = turned(index_sum(INPUTS, KERNEL, 5, 4) + BIAS)
    corrected = index_sum(INPUTS, turned(KERNEL), 5, 4) + BIAS
    return not same(printed, definition) and same(corrected, definition)


@recompute("F412")
def printed_weight_gradient():
    printed = convolve2d(INPUTS, turned(DELTAS), mode="valid")
    corrected = turned(correlate2d(INPUTS, DELTAS, mode="valid"))
    by_convolution, _ = true_gradients(convolve2d)
    by_correlation, _ = true_gradients(correlate2d)
    wrong_for_convolution = not same(printed, by_convolution) and same(corrected, by_convolution)
    return wrong_for_convolution and same(printed, by_correlation)


@recompute("F413")
def printed_delta():
    printed = convolve2d(DELTAS, turned(KERNEL), mode="full")
    _, by_convolution = true_gradients(convolve2d)
    _, by_correlation = true_gradients(correlate2d)
    return same(printed, by_convolution) and not same(printed, by_correlation)


@recompute("F414")
def third_line_of_the_derivation_of_delta():
    rows, columns = INPUTS.shape
    above = RNG.normal(size=(rows + 2, columns + 2))  # a layer with full padding
    first = np.zeros(INPUTS.shape)
    for (i, j), (p, q) in ((place, other) for place in np.ndindex(rows, columns) for other in np.ndindex(above.shape)):
        if 0 <= p - i < 3 and 0 <= q - j < 3:
            first[i, j] += above[p, q] * KERNEL[p - i, q - j]
    without = index_sum(above, KERNEL, rows, columns)
    return same(without, first) and not same(turned(without), first)
