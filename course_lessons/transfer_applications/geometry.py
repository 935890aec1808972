"""Boxes and their overlap, which answers of lesson 25 may use."""

from __future__ import annotations

import numpy as np


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of all pairs of boxes: (n, 4) and (m, 4) to (n, m)."""
    first, second = np.asarray(first, float)[:, None], np.asarray(second, float)[None]
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    shared = np.prod(np.maximum(sides, 0), axis=-1)
    areas = [np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1) for boxes in (first, second)]
    return shared / np.maximum(areas[0] + areas[1] - shared, 1e-9)
