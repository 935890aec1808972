"""Priors: numbers that are small for images as cameras take them, to hold down while a score goes up. Lesson 27.

Both take images (batch, height, width, channels), as NumPy arrays or, within a gradient, as tensors; they return one
number for each image, of the same kind.
"""

from __future__ import annotations

import numpy as np
from keras import ops


def total_variation(images, power: int = 1):
    """The sum of |difference|^power over all neighbours in a column or a row, (batch,); power 2 is smooth at 0."""
    if len(images.shape) != 4:
        raise ValueError(f"images are (batch, height, width, channels), not of shape {tuple(images.shape)}.")
    if power not in (1, 2):
        raise ValueError(f"power must be 1 or 2, not {power!r}.")
    measure = ops.abs if power == 1 else ops.square
    return _kept(
        images,
        lambda x: (
            ops.sum(measure(x[:, 1:] - x[:, :-1]), axis=(1, 2, 3))
            + ops.sum(measure(x[:, :, 1:] - x[:, :, :-1]), axis=(1, 2, 3))
        ),
    )


def squared_norm(images, centre: float = 0.0):
    """The sum of (value - centre)² over each image, (batch,): the L2 prior."""
    return _kept(images, lambda x: ops.sum(ops.square(x - centre), axis=tuple(range(1, len(x.shape)))))


def _kept(images, function):
    """NumPy in, NumPy out; tensors in, tensors out."""
    if isinstance(images, np.ndarray):
        return np.asarray(ops.convert_to_numpy(function(ops.convert_to_tensor(images))))
    return function(images)
