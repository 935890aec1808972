"""Feature inversion: an image that a layer takes for the given one (Mahendran and Vedaldi, 2015). Lesson 27."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from course_lib.explain.network import check_images, differentiable, outputs, run, up_to
from course_lib.explain.priors import total_variation
from course_lib.gradients import gradient_function
from course_lib.layers import Layer
from course_lib.optim import Adam


class Inversion(NamedTuple):
    """The images that were found, and the way there.

    images: (batch, height, width, channels)
    errors: (steps + 1, batch), ‖features - wanted‖ / ‖wanted‖ before the first step and after each
    """

    images: np.ndarray
    errors: np.ndarray


def invert(
    model: keras.Model,
    layer: str,
    images,
    *,
    steps: int = 200,
    learning_rate: float = 0.05,
    tv: float = 0.0,
    clip: tuple[float, float] | None = (0.0, 1.0),
    seed: int = 0,
) -> Inversion:
    """From grey noise, find images whose features at this layer are those of `images`.

    Adam brings down ‖features - wanted‖² / ‖wanted‖² + tv · total variation / number of values in an image. The last
    half of the steps become ever smaller.
    """
    images = check_images(model, images)
    network = differentiable(up_to(model, layer))
    wanted = outputs(network, images)
    size = np.maximum(_squares(wanted), 1e-12)
    target, scale = ops.convert_to_tensor(wanted), ops.convert_to_tensor(size)
    axes = tuple(range(1, wanted.ndim))
    strength = tv / images[0].size

    def objective(x):
        error = ops.sum(ops.square(run(network, x) - target), axis=axes) / scale
        return error + strength * total_variation(x) if tv else error

    descend, optimizer, errors = gradient_function(objective), Adam(learning_rate), []
    found = Layer()
    start = np.random.default_rng(seed).normal(0.5, 0.05, images.shape)
    found.parameters["images"] = start.astype(images.dtype)
    for step in range(steps):
        value, (found.gradients["images"],) = descend(found.parameters["images"])
        errors.append(value - strength * total_variation(found.parameters["images"]) if tv else value)
        optimizer.learning_rate = learning_rate * min(1, 2 * (1 - step / steps))
        optimizer.update(found)
        if clip is not None:
            np.clip(found.parameters["images"], *clip, out=found.parameters["images"])
    errors.append(_squares(outputs(network, found.parameters["images"]) - wanted) / size)
    return Inversion(found.parameters["images"], np.sqrt(np.maximum(errors, 0)))


def feature_error(model: keras.Model, layer: str, images, inverted) -> np.ndarray:
    """‖features of the inverted image - of the image‖ / ‖of the image‖ at a layer, (batch,)."""
    network = differentiable(up_to(model, layer))
    wanted = outputs(network, check_images(model, images))
    found = outputs(network, check_images(model, inverted))
    return np.sqrt(_squares(found - wanted) / np.maximum(_squares(wanted), 1e-12))


def pixel_error(images, inverted) -> np.ndarray:
    """The root mean square difference of the pixels, (batch,)."""
    images, inverted = np.asarray(images), np.asarray(inverted)
    if images.shape != inverted.shape or images.ndim < 2:
        raise ValueError(f"Both are (batch, …), the same: {images.shape} and {inverted.shape}.")
    return np.sqrt(_squares(images - inverted) / images[0].size)


def _squares(values: np.ndarray) -> np.ndarray:
    return np.sum(values**2, axis=tuple(range(1, values.ndim)))
