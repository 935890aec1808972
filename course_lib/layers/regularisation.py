"""Layers that behave differently while the network learns: batch normalisation (lesson 15) and dropout (lesson 16)."""

from __future__ import annotations

import numpy as np

from course_lib.layers.core import Layer


class BatchNormalization(Layer):
    """Every channel (the last axis) to mean `beta` and standard deviation `gamma` (Ioffe and Szegedy, 2015).

    While training, with the statistics of the batch; otherwise with running averages of them, which keep `momentum`
    of their old value at each step. The variance divides by the number of values, not by one less.
    """

    def __init__(self, channels: int, momentum: float = 0.99, epsilon: float = 1e-3):
        super().__init__()
        self.momentum, self.epsilon = momentum, epsilon
        self.parameters = {"gamma": np.ones(channels), "beta": np.zeros(channels)}
        self.moving_mean, self.moving_variance = np.zeros(channels), np.ones(channels)

    def forward(self, inputs):
        self.axes = tuple(range(inputs.ndim - 1))
        mean, variance = self.moving_mean, self.moving_variance
        if self.training:
            mean, variance = inputs.mean(axis=self.axes), inputs.var(axis=self.axes)
            self.moving_mean = self.momentum * self.moving_mean + (1 - self.momentum) * mean
            self.moving_variance = self.momentum * self.moving_variance + (1 - self.momentum) * variance
        self.deviation = np.sqrt(variance + self.epsilon)
        self.normalised = (inputs - mean) / self.deviation
        return self.parameters["gamma"] * self.normalised + self.parameters["beta"]

    def backward(self, upstream):
        self.gradients = {
            "gamma": np.sum(upstream * self.normalised, axis=self.axes),
            "beta": upstream.sum(axis=self.axes),
        }
        slopes = upstream * self.parameters["gamma"] / self.deviation
        if not self.training:
            return slopes
        # The batch's mean and variance depend on every input: take out what moves them.
        along = np.mean(slopes * self.normalised, axis=self.axes)
        return slopes - slopes.mean(axis=self.axes) - self.normalised * along


class Dropout(Layer):
    """While training, silence a share `rate` of the units at random and scale up the rest (Srivastava et al., 2014).

    This is inverted dropout, as in Keras: nothing is left to do at test time. Raises ValueError unless 0 <= rate < 1.
    """

    def __init__(self, rate: float, rng: np.random.Generator):
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"rate is the share that is dropped, from 0 to below 1, not {rate!r}.")
        self.rate, self.rng = rate, rng

    def forward(self, inputs):
        self.mask = np.ones(inputs.shape, inputs.dtype)
        if self.training:
            self.mask = (self.rng.random(inputs.shape) >= self.rate).astype(inputs.dtype) / (1 - self.rate)
        return inputs * self.mask

    def backward(self, upstream):
        return upstream * self.mask
