"""The long experiments of lesson 16: dense networks on 1,000 real digits, with and without dropout."""

from __future__ import annotations

import copy
import functools
import itertools

import numpy as np
from scipy.stats import rankdata

from course_lib import data, layers, losses, optim
from course_lib.evidence import experiment
from course_lib.layers import softmax

EXAMPLES, BATCH, RATES = 1000, 50, (0.001, 0.003)
LOOKS = (1, 2, 3, 4, 6, 8, 10, 12, 15, 20, 25, 30, 40)  # epochs
RECIPE = {"loss": losses.softmax_cross_entropy, "batch_size": BATCH}


@functools.cache
def digits():
    """The training, validation and test part: each (images, labels), the images as rows."""
    parts = data.mnist_5k()
    return [(part.images.reshape(len(part), -1), part.labels) for part in (parts.train, parts.validation, parts.test)]


def few(seed, wrong):
    """1,000 digits, their labels, and which of them a careless clerk got wrong: a share `wrong`."""
    (images, truth), rng = digits()[0], np.random.default_rng(seed)
    chosen = rng.permutation(len(images))[:EXAMPLES]
    spoilt = np.arange(EXAMPLES) < wrong * EXAMPLES
    return images[chosen], (truth[chosen] + rng.integers(1, 10, EXAMPLES) * spoilt) % 10, spoilt


def build(hidden, keep, seed, activation=layers.ReLU):
    """784 pixels, hidden layers with He's start, ten logits; behind each hidden layer a unit stays with `keep`."""
    rng, luck, stack = np.random.default_rng(seed), np.random.default_rng(seed + 100), []
    for inputs, units in itertools.pairwise((784, *hidden)):
        stack += [_dense(inputs, units, 2, rng), activation(), layers.Dropout(1 - keep, luck)]
    return layers.Sequential([*stack, _dense(hidden[-1], 10, 1, rng)])


def _dense(inputs, units, gain, rng):
    layer = layers.Dense(inputs, units, rng)
    kernel = rng.normal(0, (gain / inputs) ** 0.5, (inputs, units))
    layer.parameters = {"kernel": kernel.astype("float32"), "bias": np.zeros(units, "float32")}
    return layer


def judge(net, images, labels):
    """Loss and error, as at test time."""
    logits = net.forward(images)
    return losses.softmax_cross_entropy(logits, labels)[0], float(np.mean(logits.argmax(axis=1) != labels))


def train(net, images, labels, rate, seed, looks=LOOKS):
    """Adam; yields the epoch at each look."""
    rng, optimizer, done = np.random.default_rng(seed), optim.Adam(rate), 0
    for epoch in looks:
        net.fit(images, labels, optimizer=optimizer, epochs=epoch - done, rng=rng, **RECIPE)
        done = epoch
        yield epoch


def watched(hidden, keep, rate, wrong, seed):
    """Train and tell at each look the losses and errors, and the share of wrong labels learned."""
    images, labels, spoilt = few(seed, wrong)
    _, validation, test = digits()
    net = build(hidden, keep, seed)
    for epoch in train(net, images, labels, rate, seed):
        right = net.forward(images).argmax(axis=1) == labels
        loss, error = judge(net, *validation)
        yield {
            "epoch": epoch,
            "examples_error": 1 - right.mean(),
            "wrong_learned": right[spoilt].mean() if wrong else 0,
            "validation_loss": loss,
            "validation_error": error,
            "test_error": judge(net, *test)[1],
        }


def early_stopped(keep, seed):
    """Two hidden layers of 128, all labels right: the network at the look with the lowest validation error."""
    images, labels, _ = few(seed, wrong=0)
    net, lowest, best = build((128, 128), keep, seed), (np.inf, np.inf), None
    for _ in train(net, images, labels, RATES[0], seed):
        loss, error = judge(net, *digits()[1])
        if (error, loss) < lowest:
            lowest, best = (error, loss), copy.deepcopy(net)
    return best


@experiment(seeds=5)
def race(seed):
    """Two hidden layers of 128, a fifth of the labels wrong, half of the units dropped or none: four learning rates."""
    for keep, rate in itertools.product((1.0, 0.5), (0.0003, 0.001, 0.003, 0.01)):
        for row in watched((128, 128), keep, rate, 0.2, seed):
            yield {"keep": keep, "rate": rate} | row


@experiment(seeds=5)
def keeps(seed):
    """Two hidden layers of 128: which share of the units should stay, with right labels and with a fifth wrong?"""
    for wrong, keep, rate in itertools.product((0.2, 0.0), (1.0, 0.75, 0.5, 0.25), RATES):
        for row in watched((128, 128), keep, rate, wrong, seed):
            yield {"wrong": wrong, "keep": keep, "rate": rate} | row


@experiment(seeds=5)
def removed(seed):
    """Hidden units taken away for good, the rest as they are or scaled up; correlations and shares of active units."""
    images, labels = digits()[2]
    for keep in (1.0, 0.5):
        net, rng = early_stopped(keep, seed), np.random.default_rng(seed)
        hidden = [layer for layer in net.layers if isinstance(layer, layers.Dropout)]
        outputs = [layers.Sequential(net.layers[: net.layers.index(layer) + 1]).forward(images) for layer in hidden]
        told = {
            "correlation": np.mean([likeness(output) for output in outputs]),
            "active": np.mean([np.mean(output > 0) for output in outputs]),
        }
        for share, scaled in itertools.product((0, 0.2, 0.4, 0.6, 0.8, 0.9), (False, True)):
            right = [1 - judge(without_units(net, share, scaled, rng), images, labels)[1] for _ in range(5)]
            yield {"keep": keep, "share": share, "scaled": int(scaled), "right": np.mean(right)} | told


def without_units(net, share, scaled, rng):
    """A copy that has lost a random `share` of the units of each hidden layer."""
    net = copy.deepcopy(net)
    for layer, above in zip(net.layers, net.layers[3:], strict=False):
        if isinstance(layer, layers.Dense):
            units = len(layer.parameters["bias"])
            stay = np.ones(units, "float32")
            stay[rng.permutation(units)[: round(share * units)]] = 0
            above.parameters["kernel"] *= (stay / stay.mean() if scaled else stay)[:, None]
    return net


def likeness(outputs):
    """The mean correlation, without its sign, of two units that are not constant."""
    table = np.corrcoef(outputs[:, outputs.std(axis=0) > 1e-6].T)
    return np.abs(table[np.triu_indices(len(table), 1)]).mean()


@experiment(seeds=5)
def answers(seed):
    """What one run says of test digits, and the mean of 100 masks; how well doubt sorts out misread and no digits."""
    images, labels = digits()[2]
    no_digits = np.random.default_rng(seed).permuted(images, axis=1)
    plain, dropped = early_stopped(1.0, seed), early_stopped(0.5, seed)
    runs = {"no dropout": (plain, 1), "one run": (dropped, 1), "100 masks": (dropped, 100)}
    for way, (net, times) in runs.items():
        said, of_others = (ask(net, pictures, times) for pictures in (images, no_digits))
        probabilities = said.mean(axis=0)
        right = probabilities.argmax(axis=1) == labels
        told = {
            "way": way,
            "error": 1 - right.mean(),
            "confidence": probabilities.max(axis=1).mean(),
            "loss": -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-7)).mean(),
        }
        for kind in ("confidence", "deviation") if times > 1 else ("confidence",):
            here, there = doubt(said, kind), doubt(of_others, kind)
            sorts = {"misread": above(here[~right], here[right]), "no_digits": above(there, here[right])}
            yield told | {"doubt_by": kind} | sorts


def ask(net, images, times):
    """Probabilities (times, images, classes); with random masks when asked more than once."""
    net.set_training(times > 1)
    said = np.array([softmax(net.forward(images)) for _ in range(times)])
    net.set_training(False)
    return said


def doubt(said, kind):
    """1 - the mean probability of the best class, or the deviation of that probability over the masks."""
    best = said.mean(axis=0).argmax(axis=1)
    of_best = said[:, np.arange(len(best)), best]
    return 1 - of_best.mean(axis=0) if kind == "confidence" else of_best.std(axis=0)


def above(first, second):
    """How often a random one of `first` is above a random one of `second`; ties count half."""
    ranks = rankdata(np.concatenate([first, second]))[: len(first)]
    return (ranks.mean() - (len(first) + 1) / 2) / len(second)


@experiment(seeds=5)
def filters(seed):
    """An autoencoder of 64 hidden units on the middle of 1,000 digits: how rough are its filters?"""
    images, _, _ = few(seed, wrong=0)
    middle = images.reshape(-1, 28, 28)[:, 4:24, 4:24].reshape(-1, 400)
    fresh = digits()[1][0].reshape(-1, 28, 28)[:, 4:24, 4:24].reshape(-1, 400)
    for keep in (1.0, 0.5):
        rng, luck = np.random.default_rng(seed), np.random.default_rng(seed + 100)
        first, last = _dense(400, 64, 0.01, rng), _dense(64, 400, 1, rng)  # small, so that what is seen was learned
        net = layers.Sequential([first, layers.ReLU(), layers.Dropout(1 - keep, luck), last])
        recipe = {"loss": losses.sigmoid_cross_entropy, "optimizer": optim.Adam(0.003), "batch_size": BATCH}
        for epoch in (20, 40, 60):
            net.fit(middle - middle.mean(axis=0), middle, epochs=20, rng=rng, **recipe)
            loss = losses.sigmoid_cross_entropy(net.forward(fresh - middle.mean(axis=0)), fresh)[0]
            kernel = first.parameters["kernel"].T.reshape(-1, 20, 20)
            yield {"keep": keep, "epoch": epoch, "loss": loss, "roughness": roughness(kernel)}


def roughness(kernels):
    """How much neighbouring weights differ: 0 for a smooth filter, 1 for pure noise."""
    steps = np.sum(np.diff(kernels, axis=1) ** 2) + np.sum(np.diff(kernels, axis=2) ** 2)
    return steps / (4 * np.sum(kernels**2))


@experiment(seeds=5)
def shapes(seed):
    """Two to four layers of 64 or 128 units, a fifth of the labels wrong."""
    for width, depth, keep, rate in itertools.product((64, 128), (2, 3, 4), (1.0, 0.5), RATES):
        for row in watched((width,) * depth, keep, rate, 0.2, seed):
            yield {"width": width, "depth": depth, "keep": keep, "rate": rate} | row
