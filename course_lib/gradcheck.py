"""Is a gradient right? Compare it with centred differences: nudge each number both ways and watch the result."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def numerical_gradient(function: Callable[[], float], array: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Gradient of `function()` with respect to `array`, which the function reads and which is nudged in place.

    The error is of the order of step² times the third derivative; float64 only, or rounding drowns the differences.
    Raises TypeError for any other type.
    """
    if array.dtype != np.float64:
        raise TypeError(f"numerical_gradient needs float64, this array is {array.dtype}.")
    gradient = np.empty_like(array)
    for index in np.ndindex(array.shape):
        middle = array[index]
        array[index] = middle + step
        above = function()
        array[index] = middle - step
        below = function()
        array[index] = middle
        gradient[index] = (above - below) / (2 * step)
    return gradient
