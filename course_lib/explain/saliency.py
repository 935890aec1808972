"""Saliency: which pixels does a score hang on? Six methods that follow the gradient back to the image. Lesson 26.

All take `(model, images, labels=None)` and give maps (batch, height, width), not negative, of the logit of the label;
None is the class that the network predicts. With `signed=True` they give what the maps are made of, for every channel:
(batch, height, width, channels), except for Grad-CAM, which has none.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from course_lib.explain.network import (
    AT_ONCE,
    check_filter,
    check_images,
    check_labels,
    classes_of,
    differentiable,
    find_layer,
    has_relu,
    layer_names,
    logits,
    one_hot,
    outputs,
    replica,
    run,
    up_to,
)
from course_lib.gradients import gradient_function, gradients


def saliency(model: keras.Model, images, labels=None, *, signed: bool = False) -> np.ndarray:
    """The absolute gradient of the score by each pixel, maximum over the channels (Simonyan et al., 2013)."""
    images, labels = _checked(model, images, labels)
    return _map(_score_gradients(logits(model), images, labels), signed)


def smooth_grad(
    model: keras.Model,
    images,
    labels=None,
    *,
    samples: int = 25,
    noise: float = 0.15,
    seed: int = 0,
    signed: bool = False,
) -> np.ndarray:
    """The saliency of the mean gradient over noisy copies of the image (Smilkov et al., 2017).

    noise: standard deviation, as a share of the image's range from its darkest to its lightest value.
    """
    images, labels = _checked(model, images, labels)
    _check_whole("samples", samples)
    chance = np.random.default_rng(seed)
    spread = noise * np.ptp(images.reshape(len(images), -1), axis=1).reshape(-1, *[1] * (images.ndim - 1))
    slopes, total = _repeated_slopes(model, labels, images.dtype), np.zeros_like(images)
    for _ in range(samples):
        noisy = images + spread * chance.standard_normal(images.shape)
        total += slopes(noisy.astype(images.dtype))
    return _map(total / samples, signed)


def integrated_gradients(
    model: keras.Model, images, labels=None, *, baseline=0.0, steps: int = 50, signed: bool = False
) -> np.ndarray:
    """The mean gradient on the way from a baseline to the image, times their difference (Sundararajan et al., 2017).

    Signed, the values of an image add up to the difference of the two scores (completeness), but for what `steps` of
    the midpoint rule miss. The map is the absolute value of the sum over the channels.

    baseline: a number, or an image or images that broadcast with `images`; 0 is black.
    """
    images, labels = _checked(model, images, labels)
    _check_whole("steps", steps)
    way = images - np.asarray(baseline, images.dtype)
    if way.shape != images.shape:
        raise ValueError(f"the baseline does not fit images of shape {images.shape}: {np.shape(baseline)}.")
    slopes, total = _repeated_slopes(model, labels, images.dtype), np.zeros_like(images)
    for step in range(steps):
        left = 1 - (step + 0.5) / steps
        total += slopes((images - left * way).astype(images.dtype))
    attributions = total / steps * way
    return attributions if signed else np.abs(attributions.sum(axis=-1))


def guided_backpropagation(model: keras.Model, images, labels=None, *, signed: bool = False) -> np.ndarray:
    """The saliency of a gradient that passes a ReLU only where both it and the input are positive (Springenberg, 2014).

    Raises ValueError for a network without ReLU.
    """
    images, labels = _checked(model, images, labels)
    return _map(_score_gradients(_ruled(logits(model), "guided"), images, labels), signed)


def deconvnet(model: keras.Model, images, labels=None, *, signed: bool = False) -> np.ndarray:
    """The saliency of a signal that passes a ReLU where it is positive itself (Zeiler and Fergus, 2013).

    Max pooling gives it back to the place where the maximum was, its switch; a place that two windows share gets both.
    Raises ValueError for a network without ReLU.
    """
    images, labels = _checked(model, images, labels)
    return _map(_score_gradients(_ruled(logits(model), "deconvnet"), images, labels), signed)


def grad_cam(model: keras.Model, images, labels=None, *, layer: str | None = None) -> np.ndarray:
    """The maps of a layer, weighted by their mean gradients, where positive, enlarged (Selvaraju et al., 2017).

    layer: by default the last that is no pooling layer and has maps larger than 1×1.
    """
    images, labels = _checked(model, images, labels)
    name = layer or _last_maps(model)
    inner = up_to(model, name)
    if len(inner.output_shape) != 4:
        raise ValueError(f"{name} has no maps: its output is {inner.output_shape}.")
    maps = outputs(inner, images)
    slopes = _in_parts(lambda some, of: _slopes(model, name, some, of, maps.shape[1:]), images, labels)
    weights = slopes.mean(axis=(1, 2), keepdims=True)
    small = np.maximum(np.sum(weights * maps, axis=-1, keepdims=True), 0)
    large = ops.image.resize(small, images.shape[1:3], interpolation="bilinear", data_format="channels_last")
    return np.asarray(ops.convert_to_numpy(large))[..., 0]


METHODS = {
    "saliency": saliency,
    "SmoothGrad": smooth_grad,
    "integrated gradients": integrated_gradients,
    "Grad-CAM": grad_cam,
    "guided back-propagation": guided_backpropagation,
    "deconvnet": deconvnet,
}


def project(model: keras.Model, images, layer: str, filter: int, *, rule: str = "gradient", places=None) -> np.ndarray:
    """What in the pixels made a unit answer: the answer sent back, signed, (batch, height, width, channels).

    filter: of the layer; of its map, the unit at `places`, (batch, 2) rows and columns, or where it answers most.
    rule: how a ReLU lets the signal back: "gradient", "guided" (back-propagation) or "deconvnet".
    """
    images = check_images(model, images)
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(map(repr, RULES))}; not {rule!r}.")
    network = up_to(model, layer)
    maps = outputs(network, images)
    check_filter(maps.shape, layer, filter)
    flat = maps[..., filter].reshape(len(maps), -1)
    if places is None:
        units = flat.argmax(axis=1)
    elif maps.ndim != 4 or np.shape(places) != (len(images), 2):
        raise ValueError(f"places are a row and a column for each of {len(images)} images, in a layer with maps.")
    else:
        units = np.ravel_multi_index(np.transpose(places), maps.shape[1:3])
    chosen = np.zeros_like(flat)
    chosen[np.arange(len(flat)), units] = 1
    selected = np.zeros_like(maps)
    selected[..., filter] = chosen.reshape(maps.shape[:-1])
    if RULES[rule] is not None:
        network = _ruled(network, rule)
    return _output_gradients(network, images, selected)


def guided_relu(x):
    """ReLU; backwards, what is positive passes where the input was positive."""
    return _relu_with(lambda upstream, x: ops.relu(upstream) * ops.cast(x > 0, x.dtype))(x)


def deconvnet_relu(x):
    """ReLU; backwards, what is positive passes."""
    return _relu_with(lambda upstream, x: ops.relu(upstream))(x)


RULES = {"gradient": None, "guided": guided_relu, "deconvnet": deconvnet_relu}


def _relu_with(backward: Callable) -> Callable:
    @ops.custom_gradient
    def relu(x):
        def gradient(*arguments, upstream=None):  # PyTorch names it, the other backends do not
            return backward(arguments[0] if upstream is None else upstream, x)

        return ops.relu(x), gradient

    return relu


def _ruled(network: keras.Model, rule: str) -> keras.Model:
    if not has_relu(network):
        raise ValueError(f"{network.name} has no ReLU for the rule {rule!r} to change.")
    return replica(network, relu=RULES[rule])


def _checked(model: keras.Model, images, labels):
    images = check_images(model, images)
    return images, check_labels(model, images, labels)


def _check_whole(name: str, number: int) -> None:
    if number < 1:
        raise ValueError(f"{name} must be at least 1, not {number!r}.")


def _map(values: np.ndarray, signed: bool) -> np.ndarray:
    return values if signed else np.abs(values).max(axis=-1)


def _score_gradients(network: keras.Model, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Of the score of the label, for every image."""
    return _output_gradients(network, images, one_hot(labels, classes_of(network), images.dtype))


def _repeated_slopes(model: keras.Model, labels: np.ndarray, dtype) -> Callable:
    """From images to the gradients of their scores, compiled: for many calls with other images of the same labels."""
    network = differentiable(logits(model))
    weights = one_hot(labels, classes_of(network), dtype)
    compiled = gradient_function(lambda x, chosen: ops.sum(run(network, x) * chosen))
    return lambda images: _in_parts(lambda x, chosen: compiled(x, chosen)[1][0], images, weights)


def _output_gradients(network: keras.Model, images: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of the sum of the network's outputs, so weighted, by the images: the images do not touch one another."""
    network = differentiable(network)
    return _in_parts(
        lambda x, chosen: gradients(lambda x: ops.sum(run(network, x) * ops.convert_to_tensor(chosen)), x)[0],
        images,
        weights,
    )


def _in_parts(function: Callable, *arrays: np.ndarray) -> np.ndarray:
    """A function of batches, some images at a time."""
    starts = range(0, len(arrays[0]), AT_ONCE)
    return np.concatenate([function(*(array[start : start + AT_ONCE] for array in arrays)) for start in starts])


def _slopes(model: keras.Model, layer: str, images, labels, shape: tuple) -> np.ndarray:
    """The gradient of the scores by the output of a layer, wherever it lies: by zeros that are added to it."""
    added = [0.0]
    network = replica(differentiable(logits(model)), after={layer: lambda maps: maps + added[0]})
    zeros = np.zeros((len(images), *shape), images.dtype)
    chosen = ops.convert_to_tensor(one_hot(labels, classes_of(network), images.dtype))
    images = ops.convert_to_tensor(images)

    def score(more):
        added[0] = more
        try:
            return ops.sum(run(network, images) * chosen)
        finally:
            added[0] = 0.0

    return gradients(score, zeros)[0]


def _last_maps(model: keras.Model) -> str:
    for name in reversed(layer_names(model)):
        layer = find_layer(model, name)
        shape = layer.output.shape
        if len(shape) == 4 and shape[1:3] != (1, 1) and "Pooling" not in type(layer).__name__:
            return name
    raise ValueError(f"{model.name} has no layer with maps.")
