"""Two networks of the same layers, one of them the course's: the same weights in both, drawn so that all matter.

Blueprints have no memory for weights; they borrow these.
"""

from __future__ import annotations

import math

import keras
import numpy as np

RNG = np.random.default_rng(0)
numpy = keras.ops.convert_to_numpy


def normal(*shape):
    return RNG.standard_normal(shape, "float32")


def parameters(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def weights_by_layer(model):
    return {
        layer.name: [(weight.name, tuple(weight.shape), weight.trainable) for weight in layer.weights]
        for layer in model.layers
        if layer.weights
    }


def random_weights(model):
    """Values by layer and weight under which signals live through any depth, with biases and statistics that matter."""

    def value(layer, weight):
        drawn = normal(*weight.shape)
        if weight.name == "kernel":
            inputs = weight.shape[:2] if isinstance(layer, keras.layers.DepthwiseConv2D) else weight.shape[:-1]
            return drawn * math.sqrt(2 / math.prod(inputs))
        if weight.name == "gamma" and layer.name.endswith("_3_bn"):
            return 0.2 + 0.05 * drawn  # many blocks are summed
        return np.abs(1 + 0.2 * drawn) if weight.name in ("gamma", "moving_variance") else 0.1 * drawn

    tensor = keras.ops.convert_to_tensor
    return {
        (layer.name, weight.name): tensor(value(layer, weight)) for layer in model.layers for weight in layer.weights
    }


def call_with(model, weights, x):
    """The output of a blueprint that borrows the weights."""
    borrowed = {id(weight): weights[layer.name, weight.name] for layer in model.layers for weight in layer.weights}
    kinds = model.trainable_variables, model.non_trainable_variables  # the latter with dropout's seeds, not used here
    values = [[borrowed.get(id(each), np.zeros(each.shape, each.dtype)) for each in kind] for kind in kinds]
    outputs, _ = model.stateless_call(*values, x)
    return numpy(outputs)
