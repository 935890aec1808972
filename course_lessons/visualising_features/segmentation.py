"""Cut the object out, with no mask to learn from: seeds from a saliency map, then a random walk. Lesson 26."""

from __future__ import annotations

import warnings

import numpy as np

OBJECT, GROUND = 1, 2  # as the random walker counts; 0 is not known yet


def seeds(maps, high: float = 0.05, low: float = 0.4, blur: float = 1.0) -> np.ndarray:
    """Where a map is surely the object, 1, and where surely the ground, 2; the rest is 0: int (batch, height, width).

    high, low: the share of the pixels that seed the object, those with the highest values, and the ground, those with
    the lowest; blur: standard deviation, in pixels, of a Gaussian that calms the map first.
    """
    from scipy.ndimage import gaussian_filter

    maps = np.asarray(maps, np.float64)
    if maps.ndim != 3:
        raise ValueError(f"maps are (batch, height, width), not of shape {maps.shape}.")
    if not (0 < high and 0 < low and high + low <= 1):
        raise ValueError(f"high and low are shares above 0, together at most 1; not {high!r} and {low!r}.")
    size = maps[0].size
    marked = np.zeros((len(maps), size), np.int64)
    for one, values in zip(marked, maps, strict=True):
        order = np.argsort(gaussian_filter(values, blur).ravel(), kind="stable")
        one[order[: max(1, round(low * size))]] = GROUND
        one[order[size - max(1, round(high * size)) :]] = OBJECT
    return marked.reshape(maps.shape)


def segment(images, marked, beta: float = 130.0) -> np.ndarray:
    """Give every unknown pixel to the object or the ground, whichever seed a random walker meets first (Grady, 2006).

    images: (batch, height, width, channels); marked: what `seeds` returns; beta: how much edges stop the walker.
    Returns masks, bool (batch, height, width).
    """
    from skimage.segmentation import random_walker

    images, marked = np.asarray(images, np.float64), np.asarray(marked)
    if images.ndim != 4 or images.shape[:3] != marked.shape:
        raise ValueError(f"images (batch, height, width, channels) and seeds must fit: {images.shape}, {marked.shape}.")
    masks = np.empty(marked.shape, bool)
    for place, (image, one) in enumerate(zip(images, marked, strict=True)):
        if not {OBJECT, GROUND} <= set(np.unique(one)):
            raise ValueError(
                f"seeds need both the object ({OBJECT}) and the ground ({GROUND}): image {place} lacks one."
            )
        if np.all(one):  # nothing is left to decide
            masks[place] = one == OBJECT
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of slower ways to solve the same equations
            masks[place] = random_walker(image, one, beta=beta, mode="cg_j", channel_axis=-1) == OBJECT
    return masks


def intersection_over_union(masks, truths) -> np.ndarray:
    """What two masks share, of what either covers, (batch,): 1 if they are the same, two empty ones too."""
    masks, truths = np.asarray(masks), np.asarray(truths)
    if masks.shape != truths.shape or masks.dtype != bool or truths.dtype != bool:
        raise ValueError(
            f"Both are bool masks of one shape: {masks.dtype} {masks.shape}, {truths.dtype} {truths.shape}."
        )
    axes = tuple(range(1, masks.ndim))
    shared, either = (masks & truths).sum(axis=axes), (masks | truths).sum(axis=axes)
    return np.where(either, shared / np.maximum(either, 1), 1.0)
