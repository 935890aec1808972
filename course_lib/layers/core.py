"""What a layer is, the dense layer, and layers one after the other. Lesson 05 builds all of this."""

from __future__ import annotations

import numpy as np


class Layer:
    """A layer maps a batch to a batch; this one has no parameters, others put theirs under Keras' names.

    `forward` remembers what `backward` needs. `backward` takes the gradient of the loss with respect to the layer's
    output, stores the gradients of its own parameters and returns the gradient with respect to its input: so layers
    chain backwards.
    """

    training = False  # while it learns, Dropout and BatchNormalization behave differently

    def __init__(self):
        self.parameters: dict[str, np.ndarray] = {}
        self.gradients: dict[str, np.ndarray] = {}

    def forward(self, inputs: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def backward(self, upstream: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class Dense(Layer):
    """inputs @ kernel + bias. Kernel `(inputs, units)` from a uniform Glorot draw (2010) as in Keras, bias zero."""

    def __init__(self, inputs: int, units: int, rng: np.random.Generator):
        super().__init__()
        limit = np.sqrt(6 / (inputs + units))
        self.parameters = {"kernel": rng.uniform(-limit, limit, (inputs, units)), "bias": np.zeros(units)}

    def forward(self, inputs):
        self.inputs = inputs
        return inputs @ self.parameters["kernel"] + self.parameters["bias"]

    def backward(self, upstream):
        self.gradients = {"kernel": self.inputs.T @ upstream, "bias": upstream.sum(axis=0)}
        return upstream @ self.parameters["kernel"].T


class Flatten(Layer):
    """`(batch, height, width, channels)` to `(batch, height * width * channels)`, rows first as Keras does."""

    def forward(self, inputs):
        self.shape = inputs.shape
        return inputs.reshape(len(inputs), -1)

    def backward(self, upstream):
        return upstream.reshape(self.shape)


class Sequential(Layer):
    """Layers one after the other."""

    def __init__(self, layers: list[Layer]):
        super().__init__()
        self.layers = layers

    def forward(self, inputs):
        for layer in self.layers:
            inputs = layer.forward(inputs)
        return inputs

    def backward(self, upstream):
        for layer in reversed(self.layers):
            upstream = layer.backward(upstream)
        return upstream

    def set_training(self, training: bool) -> None:
        for layer in self.layers:
            layer.training = training

    def count_parameters(self) -> int:
        return sum(array.size for layer in self.layers for array in layer.parameters.values())

    def fit(
        self, inputs, targets, *, loss, optimizer, epochs: int, batch_size: int, rng: np.random.Generator
    ) -> list[float]:
        """Train on shuffled batches; returns the mean loss of each epoch.

        `loss(outputs, targets)` gives the value and its gradient (see `course_lib.losses`), `optimizer.update(layer)`
        changes a layer's parameters in place (see `course_lib.optim`).
        """
        history = []
        self.set_training(True)
        for _ in range(epochs):
            total = 0.0
            for batch in batches(len(inputs), batch_size, rng):
                value, gradient = loss(self.forward(inputs[batch]), targets[batch])
                self.backward(gradient)
                for layer in self.layers:
                    optimizer.update(layer)
                total += value * len(batch)
            history.append(total / len(inputs))
        self.set_training(False)
        return history


def batches(examples: int, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Indices of all examples in a new order, cut into batches; the last may be smaller."""
    return np.split(rng.permutation(examples), range(batch_size, examples, batch_size))
