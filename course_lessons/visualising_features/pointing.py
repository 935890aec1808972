"""Does a map point at the object? Scores against known masks, baselines, and a sanity check. Lesson 26.

Maps are (batch, height, width) and not negative, masks bool of the same shape. A map that is the same everywhere scores
as a random one does: the share of the image that the object takes.
"""

from __future__ import annotations

import keras
import numpy as np


def mass_inside(maps, masks) -> np.ndarray:
    """The share of each map's mass that lies inside the mask, (batch,)."""
    maps, masks = _checked(maps, masks)
    totals = maps.sum(axis=1)
    shares = np.divide((maps * masks).sum(axis=1), totals, out=masks.mean(axis=1), where=totals > 0)
    return shares


def highest_inside(maps, masks) -> np.ndarray:
    """1 where the highest point of the map lies inside the mask, else 0, (batch,); of equal ones, the share inside."""
    maps, masks = _checked(maps, masks)
    highest = maps == maps.max(axis=1, keepdims=True)
    return (highest & masks).sum(axis=1) / highest.sum(axis=1)


def _checked(maps, masks) -> tuple[np.ndarray, np.ndarray]:
    maps, masks = np.asarray(maps, np.float64), np.asarray(masks)
    if maps.ndim != 3 or maps.shape != masks.shape:
        raise ValueError(f"maps and masks are (batch, height, width), both: {maps.shape} and {masks.shape}.")
    if masks.dtype != bool:
        raise TypeError(f"masks are bool, not {masks.dtype}.")
    if not np.all(np.isfinite(maps)) or maps.min() < 0:
        raise ValueError("maps must be finite and not negative: take the absolute value, or the positive part.")
    return maps.reshape(len(maps), -1), masks.reshape(len(maps), -1)


def random_maps(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """A baseline that knows nothing: uniform noise (batch, height, width)."""
    return np.random.default_rng(seed).random(shape)


def centre_maps(shape: tuple[int, int, int], width: float = 0.25) -> np.ndarray:
    """A baseline that knows where photographers aim: a Gaussian in the middle, its deviation `width` of each side."""
    batch, *sides = shape
    rows, columns = (np.linspace(-0.5, 0.5, side, endpoint=False) + 0.5 / side for side in sides)
    one = np.exp(-(rows[:, None] ** 2 + columns**2) / (2 * width**2))
    return np.repeat(one[None], batch, axis=0)


def weighted_layers(model: keras.Model) -> list[str]:
    """The layers that have weights, from the input to the output."""
    return [layer.name for layer in model.layers if layer.weights]


def randomised(model: keras.Model, layers: int, seed: int = 0) -> keras.Model:
    """A copy whose last layers have lost what they learned (Adebayo et al., 2018); the model itself stays as it is.

    layers: how many of `weighted_layers`, from the output on. In each of their arrays the numbers are shuffled: they
    keep their size and spread, and nothing else.
    """
    names = weighted_layers(model)
    if not 0 <= layers <= len(names):
        raise ValueError(f"layers must be from 0 to {len(names)}, the layers with weights; not {layers!r}.")
    graph = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    copy = keras.models.clone_model(graph)
    copy.set_weights(graph.get_weights())
    chance = np.random.default_rng(seed)
    for name in reversed(names[len(names) - layers :]):  # from the end: one more layer leaves those before as they were
        layer = copy.get_layer(name)
        layer.set_weights([chance.permutation(array.ravel()).reshape(array.shape) for array in layer.get_weights()])
    return copy


def similarity(maps, others) -> np.ndarray:
    """Spearman's correlation of two maps over their pixels, for each pair, (batch,); 0 where one is constant."""
    from scipy.stats import rankdata

    maps, others = np.asarray(maps, np.float64), np.asarray(others, np.float64)
    if maps.ndim < 2 or maps.shape != others.shape:
        raise ValueError(f"Both must be (batch, height, width), the same: {maps.shape} and {others.shape}.")
    ranks = [rankdata(each.reshape(len(each), -1), axis=1) for each in (maps, others)]
    one, other = (each - each.mean(axis=1, keepdims=True) for each in ranks)
    spreads = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return np.divide((one * other).sum(axis=1), spreads, out=np.zeros(len(maps)), where=spreads > 0)
