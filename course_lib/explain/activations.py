"""What the layers of a network answer, and what their filters look like. Lesson 26."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from course_lib.explain.network import (
    check_filter,
    check_images,
    find_layer,
    layer_names,
    numbers,
    outputs,
    up_to,
)


def activations(model: keras.Model, images, layers: str | Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Layer name -> its output for the images, (batch, height, width, filters) or (batch, units).

    layers: names, one name, or None for all layers but the input. Raises ValueError for an unknown layer.
    """
    images = check_images(model, images)
    names = layer_names(model) if layers is None else [layers] if isinstance(layers, str) else list(layers)
    wanted = [find_layer(model, name).output for name in names]
    if not wanted:
        return {}
    results = outputs(keras.Model(model.inputs[0], wanted), images)
    return dict(zip(names, [results] if len(wanted) == 1 else results, strict=True))


def sparsity(maps) -> float:
    """The share of exact zeros among activations of any shape."""
    maps = np.asarray(maps)
    return float(np.mean(maps == 0))


def dead_units(maps) -> np.ndarray:
    """Which filters never answer, for no image and at no place: bool (filters,).

    maps: activations after ReLU, (batch, height, width, filters) or (batch, units).
    """
    maps = np.asarray(maps)
    return ~(maps > 0).reshape(-1, maps.shape[-1]).any(axis=0)


def filters(model: keras.Model, layer: str) -> np.ndarray:
    """The kernels of a convolution layer, a picture for each filter: (filters, height, width, channels).

    Raises ValueError for an unknown layer, and for one without kernels (height, width, channels, filters).
    """
    kernel = getattr(find_layer(model, layer), "kernel", None)
    if kernel is None or len(kernel.shape) != 4:
        with_kernels = [each.name for each in model.layers if len(getattr(each, "kernel", np.empty(())).shape) == 4]
        raise ValueError(
            f"{layer} is no 2D convolution; there are {', '.join(with_kernels) or 'none in this network'}."
        )
    return np.moveaxis(numbers(keras.ops.convert_to_tensor(kernel)), -1, 0)


def smoothness(kernels) -> np.ndarray:
    """How alike neighbouring weights are, for each filter (filters, height, width, channels): from -1 to 1.

    Over all pairs of weights v, w that are neighbours in a row or a column, it is 2 Σ v w / Σ (v² + w²): 1 where all
    weights of a channel are equal, about 0 for noise, -1 for a chequerboard; 0 for kernels of one place or of zeros.
    """
    kernels = np.asarray(kernels, np.float64)
    if kernels.ndim != 4:
        raise ValueError(f"kernels are (filters, height, width, channels), not of shape {kernels.shape}.")
    products, squares = np.zeros((2, len(kernels)))
    for one, other in ((kernels[:, :-1], kernels[:, 1:]), (kernels[:, :, :-1], kernels[:, :, 1:])):
        products += 2 * np.sum(one * other, axis=(1, 2, 3))
        squares += np.sum(one**2 + other**2, axis=(1, 2, 3))
    return np.divide(products, squares, out=np.zeros(len(kernels)), where=squares > 0)


@dataclass(frozen=True)
class Strongest:
    """Where a filter answers most strongly: the images, strongest first, each with the place of its strongest answer.

    indices: int (k,), of the images
    values: (k,), the answers
    places: int (k, 2), row and column in the map
    boxes: int (k, 4), top, left, bottom, right of what that unit sees: `image[top:bottom, left:right]`
    """

    indices: np.ndarray
    values: np.ndarray
    places: np.ndarray
    boxes: np.ndarray


def strongest(model: keras.Model, layer: str, filter: int, images, k: int = 9) -> Strongest:
    """The k images to which a filter of a layer answers most strongly, at most one place in each."""
    from course_lib.anatomy import anatomy

    images = check_images(model, images)
    maps = outputs(up_to(model, layer), images)
    check_filter(maps.shape, layer, filter)
    if maps.ndim != 4:
        raise ValueError(f"{layer} has no maps: its output is {maps.shape}.")
    answers = maps[..., filter].reshape(len(maps), -1)
    order = np.argsort(-answers.max(axis=1), kind="stable")[:k]
    places = np.stack(np.unravel_index(answers[order].argmax(axis=1), maps.shape[1:3]), axis=1)
    field = anatomy(model, images.shape[1:])[layer].field
    return Strongest(order, answers[order].max(axis=1), places, _boxes(field, places, images.shape[1:3]))


def _boxes(field, places: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    boxes = []
    for place in places.tolist():
        seen = field.of((*place, 0)) if field else (None, None)
        (top, bottom), (left, right) = (each or (0, side - 1) for each, side in zip(seen, size, strict=True))
        boxes.append([top, left, bottom + 1, right + 1])
    return np.array(boxes, np.int64).reshape(-1, 4)
