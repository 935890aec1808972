"""Activation functions as layers, and the two functions beneath them. Lesson 07 compares them all."""

from __future__ import annotations

import numpy as np

from course_lib.layers.core import Layer


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


class LeakyReLU(Layer):
    """x where positive, negative_slope * x elsewhere (Maas et al., 2013); the default slope is Keras'."""

    def __init__(self, negative_slope: float = 0.3):
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, inputs):
        self.slope = np.where(inputs > 0, 1, self.negative_slope).astype(inputs.dtype)
        return inputs * self.slope

    def backward(self, upstream):
        return upstream * self.slope


class ELU(Layer):
    """x where positive, alpha (exp(x) - 1) elsewhere (Clevert et al., 2016): smooth at 0 for alpha = 1."""

    def __init__(self, alpha: float = 1.0):
        super().__init__()
        self.alpha = alpha

    def forward(self, inputs):
        below = self.alpha * np.expm1(np.minimum(inputs, 0))
        self.slope = np.where(inputs > 0, 1, below + self.alpha)
        return np.where(inputs > 0, inputs, below)

    def backward(self, upstream):
        return upstream * self.slope


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) without overflow: the exponential is only ever taken of a negative number."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis; subtracting the largest logit first changes nothing and avoids overflow."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
