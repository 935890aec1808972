"""The long experiment of lesson 11: small networks learn digits although their way back has a fault."""

from __future__ import annotations

import functools

import numpy as np

from course_lib import data, layers, losses, optim
from course_lib.evidence import experiment

FAULTS = ("none", "message not turned", "no message", "kernel's gradient turned")
RATES = {fault: (0.01, 0.03, 0.1) for fault in FAULTS} | {"kernel's gradient turned": (0.001, 0.003, 0.01)}
EPOCHS, BATCH = 12, 50


class Mistaken(layers.Conv2D):
    """A convolution layer whose way back is right, or has one of the `FAULTS`."""

    def __init__(self, channels, filters, kernel_size, rng, fault, **options):
        super().__init__(channels, filters, kernel_size, rng, **options)
        self.fault = fault

    def backward(self, upstream):
        kernel = self.parameters["kernel"]
        if self.fault == "message not turned":  # stamped as a true convolution would
            self.parameters["kernel"] = kernel[::-1, ::-1]
        by_inputs = super().backward(upstream)
        self.parameters["kernel"] = kernel
        if self.fault == "kernel's gradient turned":
            self.gradients["kernel"] = self.gradients["kernel"][::-1, ::-1]
        return 0 * by_inputs if self.fault == "no message" else by_inputs


class Still(layers.Dense):
    """A dense layer that passes messages on, right, and does not learn."""

    def backward(self, upstream):
        by_inputs = super().backward(upstream)
        self.gradients = {name: 0 * gradient for name, gradient in self.gradients.items()}
        return by_inputs


@functools.cache
def digits():
    """The training, validation and test part: each (images, labels), in float32."""
    parts = data.mnist_5k()
    known = parts.train.images
    every = (parts.train, parts.validation, parts.test)
    return [((part.images - known.mean()) / known.std(), part.labels) for part in every]


def network(fault, rng, last_learns=True):
    """Two strided convolutions with ReLU, He's start, and a dense layer: 28 x 28 pixels, then 12 x 12, then 5 x 5."""
    below = Mistaken(1, 8, 5, rng, fault, strides=2)
    above = Mistaken(8, 16, 3, rng, fault, strides=2)
    last = (layers.Dense if last_learns else Still)(5 * 5 * 16, 10, rng)
    for layer in (below, above):
        shape = layer.parameters["kernel"].shape
        layer.parameters["kernel"] = rng.normal(0, (2 / np.prod(shape[:3])) ** 0.5, shape)
    for layer in (below, above, last):
        layer.parameters = {name: values.astype("float32") for name, values in layer.parameters.items()}
    return layers.Sequential([below, layers.ReLU(), above, layers.ReLU(), layers.Flatten(), last])


def error(net, part):
    images, labels = part
    return np.mean(net.forward(images).argmax(axis=1) != labels)


@experiment(seeds=5)
def faults(seed):
    """Errors on validation and test digits after each epoch. `last` says whether the dense layer learns as well."""
    train, validation, test = digits()
    kinds = [("learns", fault) for fault in FAULTS] + [("still", fault) for fault in (FAULTS[0], FAULTS[-1])]
    for last, fault in kinds:
        for rate, rng in ((rate, np.random.default_rng(seed)) for rate in RATES[fault]):
            net, optimizer = network(fault, rng, last == "learns"), optim.SGD(np.float32(rate), np.float32(0.9))
            recipe = {"loss": losses.softmax_cross_entropy, "optimizer": optimizer, "batch_size": BATCH, "rng": rng}
            for epoch in range(1, EPOCHS + 1):
                with np.errstate(all="ignore"):  # a wrong gradient may end in numbers that are none
                    net.fit(*train, epochs=1, **recipe)
                    row = {"last": last, "fault": fault, "rate": rate, "epoch": epoch}
                    yield row | {"validation": error(net, validation), "test": error(net, test)}
