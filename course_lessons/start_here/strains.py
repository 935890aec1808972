"""Digits as no example showed them: moved, turned, black on white, noisy. See lesson 00."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1))  # right, left, down, up


def shifted(images, right: int, down: int) -> np.ndarray:
    """Pictures `(number, height, width, 1)` moved by whole pixels; black flows in."""
    return ndimage.shift(images, (0, down, right, 0), order=0)


def moved_at_random(images, furthest: int, seed: int) -> np.ndarray:
    """Pictures `(number, height, width, 1)`, each moved by up to `furthest` pixels across and down."""
    places = np.random.default_rng(seed).integers(-furthest, furthest + 1, (len(images), 2))
    moved = [shifted(image[None], right, down)[0] for image, (right, down) in zip(images, places, strict=True)]
    return np.stack(moved)


def _noisy(images) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 0.5, images.shape)
    return np.clip(images + noise, 0, 1).astype(np.float32)


STRAINS = {
    "as they are": lambda images: images,
    "turned by 30°": lambda images: ndimage.rotate(images, 30, axes=(1, 2), reshape=False, order=1),
    "turned by 90°": lambda images: np.rot90(images, axes=(1, 2)),
    "upside down": lambda images: images[:, ::-1, ::-1],
    "black on white": lambda images: 1 - images,
    "under noise": _noisy,
}
