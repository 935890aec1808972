"""The long experiments of lesson 15: five hidden layers on 5,000 real digits, with and without batch normalisation."""

from __future__ import annotations

import copy
import functools
import itertools

import numpy as np
from sklearn.datasets import make_circles

from course_lib import data, layers, losses, optim
from course_lib.evidence import experiment

WIDTH, DEPTH, BATCH, EPOCHS = 32, 5, 100, 20
RATES = (0.03, 0.1, 0.3, 1.0)
PLACES = ("none", "before", "after")
ACTIVATIONS = {"tanh": (layers.Tanh, 1.0), "ReLU": (layers.ReLU, 2**0.5)}  # and the gain of its start: LeCun's, He's


class Shaker(layers.Layer):
    """While training, every unit gets a new random scale and shift at every step."""

    def __init__(self, units, rng):
        super().__init__()
        self.units, self.rng = units, rng

    def forward(self, inputs):
        self.scale, shift = np.ones(self.units, "float32"), np.zeros(self.units, "float32")
        if self.training:
            self.scale = self.rng.uniform(0.5, 1.5, self.units).astype("float32")
            shift = self.rng.uniform(-0.5, 0.5, self.units).astype("float32")
        return inputs * self.scale + shift

    def backward(self, upstream):
        return upstream * self.scale


class Fixed(layers.BatchNormalization):
    """gamma stays 1 and beta stays 0."""

    def backward(self, upstream):
        gradient = super().backward(upstream)
        self.gradients = {name: 0 * values for name, values in self.gradients.items()}
        return gradient


@functools.cache
def digits():
    """The training, validation and test part: each (images, labels), the images as standardised rows."""
    parts = data.mnist_5k()
    known = parts.train.images
    rows = [((part.images - known.mean()) / known.std(), part) for part in (parts.train, parts.validation, parts.test)]
    return [(images.reshape(len(part), -1), part.labels) for images, part in rows]


def normalisation(units, momentum):
    layer = layers.BatchNormalization(units, momentum)
    layer.parameters = {name: values.astype("float32") for name, values in layer.parameters.items()}
    return layer


def block(activation, place, rng, momentum):
    """What stands behind a dense layer: an activation, and a normalisation before or after it, if any."""
    if place == "none":
        return [activation()]
    bn = normalisation(WIDTH, momentum)
    return {
        "before": [bn, activation()],
        "after": [activation(), bn],
        "shaken": [bn, Shaker(WIDTH, rng), activation()],
    }[place]


def build(activation, place, seed, size=1.0, momentum=0.9):
    """784 inputs, five hidden layers and ten outputs. `size` multiplies the first weights."""
    rng = np.random.default_rng(seed)
    kind, gain = ACTIVATIONS[activation]
    widths, stack = [784] + [WIDTH] * DEPTH + [10], []
    for place_in_stack, (inputs, units) in enumerate(itertools.pairwise(widths)):
        hidden = place_in_stack < DEPTH
        dense = layers.Dense(inputs, units, rng)
        kernel = rng.normal(0, (gain if hidden else 1) * size / inputs**0.5, (inputs, units))
        dense.parameters = {"kernel": kernel.astype("float32"), "bias": np.zeros(units, "float32")}
        stack += [dense, *(block(kind, place, rng, momentum) if hidden else [])]
    return layers.Sequential(stack)


def steps(net, images, labels, rate, seed, epochs, first=0):
    """Plain gradient descent; yields the loss after each step. Layers before `first` stand still."""
    rng, optimizer = np.random.default_rng(seed), optim.SGD(rate)
    for _ in range(epochs):
        for batch in layers.batches(len(images), BATCH, rng):
            net.set_training(True)
            loss, gradient = losses.softmax_cross_entropy(net.forward(images[batch]), labels[batch])
            net.backward(gradient)
            for layer in net.layers[first:]:
                optimizer.update(layer)
            net.set_training(False)
            yield loss


def judge(net, images, labels):
    """Loss and error, as at test time."""
    outputs = net.forward(images)
    return losses.softmax_cross_entropy(outputs, labels)[0], float(np.mean(outputs.argmax(axis=1) != labels))


def compete(net, rate, seed, epochs=EPOCHS):
    """Train, and tell the steps until nine of ten validation digits are right, and what early stopping gives."""
    (images, labels), validation, test = digits()
    told = {"steps_to_90": np.nan, "best_epoch": 0, "validation_loss": np.inf}
    told |= {"validation_error": 0.9, "test_error": 0.9, "last_training_loss": np.nan}  # of a net that burst
    per_epoch, recent = len(images) // BATCH, []
    with np.errstate(all="ignore"):
        for number, loss in enumerate(steps(net, images, labels, rate, seed, epochs), start=1):
            if not np.isfinite(loss):
                return told | {"last_training_loss": np.nan}
            recent.append(loss)
            if np.isnan(told["steps_to_90"]) and number % 5 == 0 and judge(net, *validation)[1] <= 0.1:
                told["steps_to_90"] = number
            if number % per_epoch == 0:
                loss, error = judge(net, *validation)
                told["last_training_loss"] = np.mean(recent[-per_epoch:])
                if loss < told["validation_loss"]:
                    told |= {"best_epoch": number // per_epoch, "validation_loss": loss, "validation_error": error}
                    told["test_error"] = judge(net, *test)[1]
    return told


@experiment(seeds=5)
def moments(seed):
    """How far the mean of what enters a unit moves in 70 steps, in deviations of it; the mean of a whole layer."""
    (images, labels), _, _ = digits()
    for place in ("none", "before", "shaken"):
        net, means, deviations = build("ReLU", place, seed), [], []
        fourth = [index for index, layer in enumerate(net.layers) if isinstance(layer, layers.ReLU)][3]
        for _ in steps(net, images, labels, 0.1, seed, epochs=2):
            below = layers.Sequential(copy.deepcopy(net.layers[:fourth]))  # looking must not move the averages
            below.set_training(True)
            entering = below.forward(images[:500])
            means.append(entering.mean(axis=0))
            deviations.append(entering.std(axis=0))
        spread = np.mean(deviations, axis=0)
        jump = np.mean(np.abs(np.diff(means, axis=0)).mean(axis=0) / spread)
        yield {"place": place, "jump": jump, "wander": np.mean(np.ptp(means, axis=0) / spread)}


@experiment(seeds=5)
def lower_half(seed):
    """The loss of the upper half on validation digits, while the lower half is frozen or learns on."""
    (images, labels), (look_at, wanted), _ = digits()
    moving = build("ReLU", "none", seed)
    for _ in steps(moving, images, labels, 0.1, seed, epochs=2):
        pass
    frozen, record = copy.deepcopy(moving), layers.Sequential(moving.layers[:4]).forward(look_at)
    for epoch in range(11):
        now = layers.Sequential(moving.layers[:4]).forward(look_at)
        yield {
            "epoch": epoch,
            "frozen": judge(layers.Sequential(frozen.layers[4:]), record, wanted)[0],
            "now": judge(layers.Sequential(moving.layers[4:]), now, wanted)[0],
            "record": judge(layers.Sequential(moving.layers[4:]), record, wanted)[0],
        }
        for net, first in ((frozen, 4), (moving, 0)):
            for _ in steps(net, images, labels, 0.1, 100 * seed + epoch, epochs=1, first=first):
                pass


@experiment(seeds=5)
def rings(seed):
    """Eight sigmoid units behind a normalisation, on two rings: gamma and beta fixed, or learned."""
    inputs, targets = make_circles(384, noise=0.08, factor=0.5, random_state=seed)
    fresh, wanted = make_circles(1000, noise=0.08, factor=0.5, random_state=1000 + seed)
    for name, kind in (("fixed", Fixed), ("learned", layers.BatchNormalization)):
        rng = np.random.default_rng(seed)
        net = layers.Sequential([layers.Dense(2, 8, rng), kind(8, 0.9), layers.Sigmoid(), layers.Dense(8, 1, rng)])
        recipe = {"loss": losses.sigmoid_cross_entropy, "optimizer": optim.Adam(0.03)}
        net.fit(inputs, targets[:, None], epochs=300, batch_size=64, rng=rng, **recipe)
        right = np.mean((net.forward(fresh)[:, 0] > 0) == wanted)
        hidden, rows = net.layers[2].outputs, np.column_stack([fresh, np.ones(len(fresh))])
        rest = hidden - rows @ np.linalg.lstsq(rows, hidden, rcond=None)[0]
        straight = 1 - np.sum(rest**2) / np.sum((hidden - hidden.mean(axis=0)) ** 2)
        yield {"kind": name, "right": right, "straight": straight}


@experiment(seeds=5)
def momentum(seed):
    """Validation digits read with the running averages, epoch by epoch, and after one look at three pictures."""
    (images, labels), validation, _ = digits()
    for share in (0.5, 0.9, 0.99):
        net = build("ReLU", "before", seed, momentum=share)
        for number, _ in enumerate(steps(net, images, labels, 0.1, seed, epochs=8), start=1):
            if number % 35 == 0:
                right = 1 - judge(net, *validation)[1]
                yield {"momentum": share, "when": f"epoch {number // 35}", "right": right}
        net.set_training(True)
        net.forward(images[:3])  # no step, only a look
        net.set_training(False)
        yield {"momentum": share, "when": "a stray batch", "right": 1 - judge(net, *validation)[1]}


@experiment(seeds=5)
def race(seed):
    """Every place for the normalisation, both activations with the start that suits them, and four rates."""
    for activation, places in {"ReLU": (*PLACES, "shaken"), "tanh": PLACES}.items():
        for place in places:
            for rate in RATES:
                net = build(activation, place, seed)
                yield {"activation": activation, "place": place, "rate": rate} | compete(net, rate, seed)


@experiment(seeds=5)
def grid(seed):
    """Rates against sizes of the first weights, ReLU; size 1 is He's start. The best of ten epochs."""
    for place in ("none", "before"):
        for rate in (0.1, 0.3, 1.0, 3.0):
            for size in (0.3, 1.0, 3.0, 10.0):
                told = compete(build("ReLU", place, seed, size), rate, seed, epochs=10)
                yield {"place": place, "rate": rate, "size": size, "right": 1 - told["validation_error"]}
