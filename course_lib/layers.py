"""Every layer of the course in NumPy: `forward` remembers what `backward` needs. Lesson 05 builds the first of them.

A layer maps a batch to a batch. `backward` takes the gradient of the loss with respect to the layer's output, stores
the gradients of its own parameters and returns the gradient with respect to its input, so layers chain backwards.
"""

from __future__ import annotations

import numpy as np


class Layer:
    """A layer without parameters; the others add theirs to the two dictionaries, under Keras' names."""

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


class Sigmoid(Layer):
    """1 / (1 + exp(-x)); its slope is output (1 - output), never more than 1/4."""

    def forward(self, inputs):
        self.outputs = sigmoid(inputs)
        return self.outputs

    def backward(self, upstream):
        return upstream * self.outputs * (1 - self.outputs)


class Tanh(Layer):
    """tanh(x); its slope is 1 - output²."""

    def forward(self, inputs):
        self.outputs = np.tanh(inputs)
        return self.outputs

    def backward(self, upstream):
        return upstream * (1 - self.outputs**2)


class ReLU(Layer):
    """max(x, 0): the gradient passes where the input was positive."""

    def forward(self, inputs):
        self.positive = inputs > 0
        return inputs * self.positive

    def backward(self, upstream):
        return upstream * self.positive


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
        for _ in range(epochs):
            total = 0.0
            for batch in batches(len(inputs), batch_size, rng):
                value, gradient = loss(self.forward(inputs[batch]), targets[batch])
                self.backward(gradient)
                for layer in self.layers:
                    optimizer.update(layer)
                total += value * len(batch)
            history.append(total / len(inputs))
        return history


def batches(examples: int, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Indices of all examples in a new order, cut into batches; the last may be smaller."""
    return np.split(rng.permutation(examples), range(batch_size, examples, batch_size))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) without overflow: the exponential is only ever taken of a negative number."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis; subtracting the largest logit first changes nothing and avoids overflow."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
