"""Optimizers: each changes the parameters of a layer in place, given the gradients the layer holds. See lesson 05.

What an optimizer remembers of a parameter lives as long as its layer, so one optimizer may serve many networks.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from course_lib.layers import Layer


class SGD:
    """Step against the gradient, keeping `momentum` of the last step (Polyak, 1964)."""

    def __init__(self, learning_rate: float, momentum: float = 0.0):
        self.learning_rate, self.momentum = learning_rate, momentum
        self.velocities = WeakKeyDictionary()

    def update(self, layer: Layer) -> None:
        velocity = self.velocities.setdefault(layer, {})
        for name, parameter in layer.parameters.items():
            velocity[name] = self.momentum * velocity.get(name, 0) - self.learning_rate * layer.gradients[name]
            parameter += velocity[name]


class Adam:
    """Steps of about `learning_rate` each, whatever the size of the gradient (Kingma and Ba, 2015)."""

    def __init__(self, learning_rate: float = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7):
        self.learning_rate, self.beta_1, self.beta_2, self.epsilon = learning_rate, beta_1, beta_2, epsilon
        self.averages = WeakKeyDictionary()

    def update(self, layer: Layer) -> None:
        averages = self.averages.setdefault(layer, {})
        for name, parameter in layer.parameters.items():
            gradient = layer.gradients[name]
            steps, mean, square = averages.get(name, (0, 0, 0))
            steps += 1
            mean = self.beta_1 * mean + (1 - self.beta_1) * gradient
            square = self.beta_2 * square + (1 - self.beta_2) * gradient**2
            averages[name] = steps, mean, square
            mean = mean / (1 - self.beta_1**steps)  # both averages start at 0: undo that
            square = square / (1 - self.beta_2**steps)
            parameter -= self.learning_rate * mean / (np.sqrt(square) + self.epsilon)
