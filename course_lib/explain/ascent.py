"""Activation maximisation: by steps up the gradient, an image that a unit answers to most strongly. Lesson 27."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from course_lib.explain.network import (
    Borrowed,
    check_images,
    differentiable,
    find_layer,
    is_relu,
    logits,
    run,
    up_to,
)
from course_lib.explain.priors import squared_norm, total_variation
from course_lib.gradients import gradient_function


class Ascent(NamedTuple):
    """The images that were found, and the way there.

    images: (batch, height, width, channels)
    scores: (steps + 1, batch), of the unit alone, without the priors, before the first step and after each
    """

    images: np.ndarray
    scores: np.ndarray


def maximise(
    model: keras.Model,
    units: int | Sequence[int],
    starts: int | np.ndarray = 1,
    *,
    layer: str | None = None,
    place: tuple[int, int] | None = None,
    steps: int = 100,
    learning_rate: float = 0.02,
    l2: float = 0.0,
    tv: float = 0.0,
    jitter: int = 0,
    centre: float = 0.5,
    clip: tuple[float, float] | None = (0.0, 1.0),
    normalise: bool = True,
    seed: int = 0,
) -> Ascent:
    """Climb score(x) - l2 · ‖x - centre‖² - tv · total variation(x), for many images at once.

    units: classes, by their logits; or, with `layer`, filters of that layer, by the mean of their maps, or by the unit
        at `place` (row, column). Of a layer that ends in ReLU, it is what comes before that: it always has a gradient.
    starts: how many images to start with for each unit, of noise about `centre`; or the images themselves, one for
        each unit, or any number for a single unit. Results are in the order of the units.
    jitter: in each step the image is moved by up to so many pixels each way, and back again.
    clip: the range that pixels are kept in, or None.
    normalise: divide the gradient of each image by its root mean square, so that each step changes pixels by about
        `learning_rate`; False is plain gradient ascent.
    """
    network = differentiable(logits(model) if layer is None else _before_relu(model, layer))
    units, images = _starts(model, network, units, starts, centre, seed)
    chosen = ops.convert_to_tensor(_chosen(network, units, place, images.dtype))

    def objective(x):
        score = ops.sum(run(network, x) * chosen, axis=tuple(range(1, len(chosen.shape))))
        return score - _prior(x, l2, tv, centre)

    climb, chance = gradient_function(objective), np.random.default_rng(seed + 1)
    scores = []
    with np.errstate(over="ignore", invalid="ignore"):  # a prior with the wrong sign does diverge
        for _ in range(steps):
            move = chance.integers(-jitter, jitter + 1, size=2)
            moved = np.roll(images, move, axis=(1, 2))
            value, (gradient,) = climb(moved)
            scores.append(value + _prior(moved, l2, tv, centre))
            gradient = np.roll(gradient, -move, axis=(1, 2))
            if normalise:
                gradient = gradient / (np.sqrt(np.mean(gradient**2, axis=(1, 2, 3), keepdims=True)) + 1e-12)
            images = images + learning_rate * gradient
            if clip is not None:
                images = np.clip(images, *clip)
        scores.append(climb(images)[0] + _prior(images, l2, tv, centre))
    return Ascent(images, np.array(scores))


def diversity(images) -> float:
    """How different images are: the root mean square difference of two, averaged over all pairs; 0 if the same."""
    images = np.asarray(images, np.float64)
    if len(images) < 2:
        raise ValueError("Diversity is that of at least 2 images.")
    return float(np.mean([np.sqrt(np.mean((one - other) ** 2)) for one, other in combinations(images, 2)]))


def _prior(images, l2: float, tv: float, centre: float):
    """What is taken off the score of each image."""
    total = 0.0
    if l2:
        total = total + l2 * squared_norm(images, centre)
    return total + tv * total_variation(images) if tv else total


def _before_relu(model: keras.Model, name: str) -> keras.Model:
    """The network up to a layer, without the ReLU that this layer ends in."""
    layer = find_layer(model, name)
    if not is_relu(layer):
        return up_to(model, name)
    if isinstance(layer, keras.layers.ReLU | keras.layers.Activation):
        return keras.Model(model.inputs[0], layer.input)
    return keras.Model(model.inputs[0], Borrowed(layer, keras.activations.linear)(layer.input))


def _starts(model, network, units, starts, centre: float, seed: int) -> tuple[list[int], np.ndarray]:
    """A unit for every image, and the images."""
    units = np.atleast_1d(units)
    if units.dtype.kind not in "iu" or units.ndim != 1 or not len(units):
        raise TypeError("units are one whole number or several: classes, or filters of a layer.")
    allowed = network.output_shape[-1]
    if not (0 <= units.min() and units.max() < allowed):
        raise ValueError(f"units must be from 0 to {allowed - 1}: {network.name} has no others; not {units.tolist()}.")
    if isinstance(starts, int | np.integer):
        if starts < 1:
            raise ValueError(f"starts must be at least 1, or images; not {starts!r}.")
        units = np.repeat(units, starts)
        noise = np.random.default_rng(seed).normal(centre, 0.05, (len(units), *_image_shape(model)))
        return units.tolist(), check_images(model, noise)
    images = check_images(model, starts)
    if len(units) not in (1, len(images)):
        raise ValueError(f"starts are one for each of the {len(units)} units, not {len(images)}.")
    return np.resize(units, len(images)).tolist(), images.copy()


def _image_shape(model: keras.Model) -> tuple[int, int, int]:
    shape = tuple(model.inputs[0].shape[1:])
    if None in shape:
        raise ValueError(f"{model.name} takes images of any size, {shape}: give the starts as images.")
    return shape


def _chosen(network: keras.Model, units: list[int], place, dtype) -> np.ndarray:
    """Weights of the outputs that add up to the score of each image's unit."""
    shape = network.output_shape[1:]
    chosen = np.zeros((len(units), *shape), dtype)
    if place is None:
        chosen[np.arange(len(units)), ..., units] = 1 / np.prod(shape[:-1])
    elif len(shape) == 3 and all(0 <= at < side for at, side in zip(place, shape, strict=False)):
        chosen[np.arange(len(units)), place[0], place[1], units] = 1
    else:
        raise ValueError(f"place is a row and a column of a layer's maps; {network.name} gives {shape}, not {place!r}.")
    return chosen
