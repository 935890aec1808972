"""What every method asks of a network: its scores before the softmax, its layers, its answers, and a replica of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import keras
import numpy as np
from keras import ops

AT_ONCE = 128  # images that go through a network together


def logits(model: keras.Model) -> keras.Model:
    """The same network, weights shared, without the softmax (or sigmoid) at its end: (batch, classes) of scores.

    It is `model` itself where there is none. Raises TypeError for a model without a graph, and ValueError for one with
    several inputs or outputs.
    """
    inputs, output = _graph(model)
    last = _maker(inputs, output)
    if type(last).__name__ == "Softmax":  # the layer, or the function of keras.ops
        return keras.Model(inputs, last.input, name=f"{model.name}_logits")
    if isinstance(last, keras.Model):
        return keras.Model(inputs, logits(last)(last.input), name=f"{model.name}_logits")
    if getattr(last, "activation", None) not in _SQUASHING:
        return model
    return keras.Model(inputs, Borrowed(last, keras.activations.linear)(last.input), name=f"{model.name}_logits")


_SQUASHING = (keras.activations.softmax, keras.activations.sigmoid, keras.activations.log_softmax)


def ends_in_softmax(model: keras.Model) -> bool:
    """Whether `logits` takes something off."""
    return logits(model) is not model


def probabilities(model: keras.Model, images) -> np.ndarray:
    """The softmax of the network's logits, whether the network ends in one or not: (batch, classes)."""
    network = logits(model)
    classes_of(network)
    return softmax(outputs(network, check_images(model, images)))


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def predictions(model: keras.Model, images) -> np.ndarray:
    """The class with the highest score for every image: int (batch,)."""
    network = logits(model)
    classes_of(network)
    return outputs(network, check_images(model, images)).argmax(axis=-1)


# Running a network


def run(network: keras.Model, tensors):
    """As in inference, whatever the mode of the session."""
    return network(tensors, training=False)


def outputs(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """What comes out, as an array, some images at a time; a network with several outputs gives a list."""
    parts = []
    for start in range(0, len(images), AT_ONCE):
        results = run(network, ops.convert_to_tensor(images[start : start + AT_ONCE]))
        parts.append([numbers(result) for result in (results if isinstance(results, list | tuple) else [results])])
    wholes = [np.concatenate(part) for part in zip(*parts, strict=True)]
    return wholes[0] if len(network.outputs) == 1 else wholes


def numbers(tensor) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor))


# Its layers


def layer_names(model: keras.Model) -> list[str]:
    """All layers but the input, in order."""
    _graph(model)
    return [layer.name for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]


def find_layer(model: keras.Model, name: str) -> keras.Layer:
    """The layer of this name. Raises ValueError with the names that there are."""
    names = layer_names(model)
    if name not in names:
        raise ValueError(f"There is no layer {name!r} in {model.name}; there are {', '.join(names)}.")
    return model.get_layer(name)


def up_to(model: keras.Model, name: str) -> keras.Model:
    """The network up to and with the layer of this name."""
    inputs, _ = _graph(model)
    return keras.Model(inputs, find_layer(model, name).output)


def check_filter(maps_shape: tuple, layer: str, filter: int) -> None:
    """Raise ValueError unless the layer has this filter; maps are (batch, height, width, filters) or (batch, units)."""
    if not 0 <= filter < maps_shape[-1]:
        raise ValueError(f"{layer} has filters 0 to {maps_shape[-1] - 1}, no {filter!r}.")


def classes_of(model: keras.Model) -> int:
    """How many classes it tells apart. Raises ValueError unless its output is (batch, classes), at least two."""
    shape = model.output_shape
    if len(shape) != 2 or shape[-1] is None or shape[-1] < 2:
        raise ValueError(
            f"A classifier's output is (batch, classes), two classes or more; that of {model.name} is {shape}."
        )
    return shape[-1]


# Arguments


def check_images(model: keras.Model, images) -> np.ndarray:
    """The images as the model takes them. Raises TypeError unless they are floats, ValueError for another shape."""
    inputs, _ = _graph(model)
    images = np.asarray(images)
    if images.dtype.kind != "f":
        raise TypeError(f"images are floats, usually from 0 to 1, not {images.dtype}: divide by 255, if that is white.")
    expected = tuple(inputs.shape[1:])
    fits = images.ndim == len(expected) + 1 and len(images) > 0
    if not fits or any(side not in (None, size) for side, size in zip(expected, images.shape[1:], strict=True)):
        sides = ", ".join("any" if side is None else str(side) for side in expected)
        remedy = " For one image, give image[None]." if images.ndim == len(expected) else ""
        raise ValueError(f"{model.name} takes images of shape (batch, {sides}), not {images.shape}.{remedy}")
    return images.astype(keras.backend.standardize_dtype(inputs.dtype), copy=False)


def check_image(model: keras.Model, image) -> np.ndarray:
    """One image (height, width, channels), or a batch of one; returned as a batch."""
    image = np.asarray(image)
    images = check_images(model, image[None] if image.ndim == len(model.input_shape) - 1 else image)
    if len(images) != 1:
        raise ValueError(f"One image is wanted here, not {len(images)}.")
    return images


def check_labels(model: keras.Model, images: np.ndarray, labels, name: str = "labels") -> np.ndarray:
    """A class for every image: those given, one for all, or, for None, those that the network predicts.

    Raises TypeError unless they are whole numbers, and ValueError for another number of them or an unknown class.
    """
    classes = classes_of(model)
    if labels is None:
        return outputs(logits(model), images).argmax(axis=-1)
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{name} are whole numbers, not {labels.dtype}.")
    if labels.shape not in ((), (len(images),)):
        raise ValueError(f"{name} are one for each of the {len(images)} images, not of shape {labels.shape}.")
    if labels.size and not (0 <= labels.min() and labels.max() < classes):
        raise ValueError(
            f"{name} must be classes of {model.name}, 0 to {classes - 1}; there is {_stray(labels, classes)}."
        )
    return np.broadcast_to(labels, len(images)).astype(np.int64)


def _stray(labels: np.ndarray, classes: int) -> int:
    return int(labels[(labels < 0) | (labels >= classes)].flat[0])


def one_hot(labels: np.ndarray, classes: int, dtype) -> np.ndarray:
    return np.eye(classes, dtype=dtype)[labels]


# A replica


class Borrowed(keras.Layer):
    """A layer of another model, in use here too: its weights are shared, and the other model's graph stays as it is.

    activation: what this layer uses instead of its own `activation`, for the length of each call
    after: a function of its output
    """

    def __init__(self, layer: keras.Layer, activation: Callable | None = None, after: Callable | None = None):
        super().__init__(name=layer.name, dtype=layer.dtype_policy)
        self.supports_masking = True
        self.layer, self.instead, self.after = layer, activation, after
        self.built = True

    def call(self, *inputs, **options):
        results = self._call(*inputs, **options)
        return results if self.after is None else self.after(results)

    def _call(self, *inputs, **options):
        if self.instead is None:
            return self.layer(*inputs, **options)
        own = self.layer.activation
        self.layer.activation = self.instead
        try:
            return self.layer(*inputs, **options)
        finally:
            self.layer.activation = own


def differentiable(model: keras.Model) -> keras.Model:
    """The same network, weights shared, such that its gradient is safe to take; `model` itself where it is.

    TensorFlow's gradient of a 1×1 convolution with strides writes outside its memory on some processors, and crashes
    Python now and then. Such a layer, as in the ResNets of keras.applications, takes its pixels first here.
    """
    if not _has_strided_pointwise(model):
        return model
    inputs, output = _graph(model)
    return keras.models.clone_model(
        keras.Model(inputs, output, name=model.name),
        clone_function=lambda layer: Stepping(layer) if _is_strided_pointwise(layer) else _borrow(layer, None, {}),
        recursive=True,
    )


class Stepping(Borrowed):
    """A borrowed 1×1 convolution: it takes every strides-th pixel, and the layer convolves them with strides of 1."""

    def call(self, inputs):
        (down, across), first = self.layer.strides, self.layer.data_format == "channels_first"
        inputs = inputs[:, :, ::down, ::across] if first else inputs[:, ::down, ::across]
        self.layer.strides = (1, 1)
        try:
            return self.layer(inputs)
        finally:
            self.layer.strides = (down, across)


def _is_strided_pointwise(layer) -> bool:
    inner = layer.layer if type(layer) is Borrowed else layer
    return type(inner) is keras.layers.Conv2D and inner.kernel_size == (1, 1) and inner.strides != (1, 1)


def _has_strided_pointwise(model: keras.Model) -> bool:
    return any(
        _has_strided_pointwise(layer) if isinstance(layer, keras.Model) else _is_strided_pointwise(layer)
        for layer in model.layers
    )


def replica(model: keras.Model, relu: Callable | None = None, after: dict[str, Callable] | None = None) -> keras.Model:
    """The same network with the same weights in other layers, under the same names.

    relu: takes the place of every ReLU, whether it is a layer or the activation of one
    after: layer name -> a function of that layer's output, whose result goes on instead
    """
    inputs, output = _graph(model)
    # Models made here are not compiled: cloning would compile again, and a loss may not survive that.
    return keras.models.clone_model(
        keras.Model(inputs, output, name=model.name),
        clone_function=partial(_borrow, relu=relu, after=after or {}),
        recursive=True,
    )


def _borrow(layer, relu: Callable | None, after: dict[str, Callable]):
    if not isinstance(layer, keras.Layer):
        return layer  # a function of keras.ops: it has no weights and no name that anybody asks for
    if relu is not None and is_relu(layer) and isinstance(layer, keras.layers.ReLU):
        return keras.layers.Activation(relu, name=layer.name, dtype=layer.dtype_policy)
    return Borrowed(layer, relu if relu is not None and is_relu(layer) else None, after.get(layer.name))


def is_relu(layer) -> bool:
    """Whether it ends in a plain ReLU."""
    if isinstance(layer, keras.layers.ReLU):
        return layer.max_value is None and not layer.negative_slope and not layer.threshold
    inner = layer.layer if isinstance(layer, Borrowed) and layer.instead is None else layer
    return getattr(inner, "activation", None) is keras.activations.relu


def has_relu(model: keras.Model) -> bool:
    return any(has_relu(layer) if isinstance(layer, keras.Model) else is_relu(layer) for layer in model.layers)


def _graph(model: keras.Model):
    """Its input and its output. Raises TypeError if it has no graph, ValueError if it has several of either."""
    built = isinstance(model, keras.Model) and getattr(model, "inputs", None) and getattr(model, "outputs", None)
    if not built:
        raise TypeError(
            f"{getattr(model, 'name', model)!r} has no graph to look into: give a Sequential model that starts with "
            "keras.Input, or a functional one, keras.Model(inputs, outputs)."
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"{model.name} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; one of each is wanted."
        )
    return model.inputs[0], model.outputs[0]


def _maker(inputs, output):
    """The layer or function that made this tensor."""
    for operation in keras.Model(inputs, output).operations:
        if operation.output is output:
            return operation
    return None
