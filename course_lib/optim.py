"""Optimizers: each changes the parameters of a layer in place, given the gradients the layer holds. See lesson 05."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from course_lib.layers import Layer


class SGD:
    """Step against the gradient, keeping `momentum` of the last step (Polyak, 1964)."""

    def __init__(self, learning_rate: float, momentum: float = 0.0):
        self.learning_rate, self.momentum = learning_rate, momentum
        self.velocity = defaultdict(float)

    def update(self, layer: Layer) -> None:
        for name, parameter in layer.parameters.items():
            key = id(layer), name
            self.velocity[key] = self.momentum * self.velocity[key] - self.learning_rate * layer.gradients[name]
            parameter += self.velocity[key]


class Adam:
    """Steps of about `learning_rate` each, whatever the size of the gradient (Kingma and Ba, 2015)."""

    def __init__(self, learning_rate: float = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7):
        self.learning_rate, self.beta_1, self.beta_2, self.epsilon = learning_rate, beta_1, beta_2, epsilon
        self.mean, self.square = defaultdict(float), defaultdict(float)
        self.steps = defaultdict(int)

    def update(self, layer: Layer) -> None:
        for name, parameter in layer.parameters.items():
            key, gradient = (id(layer), name), layer.gradients[name]
            self.steps[key] += 1
            self.mean[key] = self.beta_1 * self.mean[key] + (1 - self.beta_1) * gradient
            self.square[key] = self.beta_2 * self.square[key] + (1 - self.beta_2) * gradient**2
            mean = self.mean[key] / (1 - self.beta_1 ** self.steps[key])  # both averages start at 0: undo that
            square = self.square[key] / (1 - self.beta_2 ** self.steps[key])
            parameter -= self.learning_rate * mean / (np.sqrt(square) + self.epsilon)
