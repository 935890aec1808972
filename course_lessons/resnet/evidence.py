"""The long experiments of lesson 21: plain and residual networks on 1,000 digits of 8 x 8, and on CIFAR-10."""

from __future__ import annotations

import os

import keras
import numpy as np
import tensorflow as tf

from course_lib import data, scale
from course_lib.architectures.resnet import cifar_resnet
from course_lib.evidence import experiment

for threads in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(threads, "1")  # two threads wait for each other at each tiny layer: three times the work

DIGITS, BATCH, PASSES = 1000, 100, 24
SLOWER = 16  # the pass after which the learning rate is a tenth
LOOKS = (1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 17, 20, 24)
RATES = (0.01, 0.03, 0.1)  # of SGD with momentum; the best for each network is chosen by its validation error
FILTERS, EPSILON = 8, 1e-5


class Network:
    """A normalised convolution, equal blocks of two, an average and a dense layer; `depth` layers have weights.

    Block by block, `shortcuts` says how much of its input is added to its output: 0 is a plain block, 1 a residual one.
    All weights are variables, so that one traced graph serves every start.
    """

    def __init__(self, depth):
        self.blocks = (depth - 2) // 2
        layers = 2 * self.blocks
        shapes = {
            "stem": (3, 3, 1, FILTERS),
            "kernels": (layers, 3, 3, FILTERS, FILTERS),
            "gammas": (layers + 1, FILTERS),
            "betas": (layers + 1, FILTERS),
            "dense": (FILTERS, 10),
            "bias": (10,),
        }
        self.weights = {name: tf.Variable(tf.zeros(shape)) for name, shape in shapes.items()}
        self.velocities = {name: tf.Variable(tf.zeros(shape)) for name, shape in shapes.items()}
        self.shortcuts = tf.Variable(tf.zeros(self.blocks))
        self.learn = tf.function(self._learn)
        self.judge = tf.function(self._judge)

    def restart(self, weights, shortcuts):
        """These weights (name -> array), and an optimizer that remembers nothing."""
        for name, variable in self.weights.items():
            variable.assign(weights[name])
            self.velocities[name].assign(tf.zeros_like(variable))
        self.shortcuts.assign(np.broadcast_to(np.float32(shortcuts), self.blocks))

    def values(self):
        return {name: variable.numpy() for name, variable in self.weights.items()}

    def features(self, images, statistics=None):
        """What comes out of the blocks, and each normalisation's mean and variance: of these images, or those given."""
        used, gammas, betas = [], *(tf.unstack(self.weights[name]) for name in ("gammas", "betas"))

        def normalised(x, kernel, strides=1):
            x, place = tf.nn.conv2d(x, kernel, strides, "SAME"), len(used)
            given = {} if statistics is None else dict(zip(("mean", "variance"), statistics[place], strict=True))
            options = {"epsilon": EPSILON, "is_training": statistics is None}
            x, *found = tf.compat.v1.nn.fused_batch_norm(x, gammas[place], betas[place], **given, **options)
            used.append(found)
            return x

        x = tf.nn.relu(normalised(images, self.weights["stem"], 2))
        kernels = tf.unstack(self.weights["kernels"])
        for shortcut, first, second in zip(tf.unstack(self.shortcuts), kernels[::2], kernels[1::2], strict=True):
            y = normalised(tf.nn.relu(normalised(x, first)), second)
            x = tf.nn.relu(y + shortcut * x)
        return x, used

    def logits(self, features):
        return tf.reduce_mean(features, axis=(1, 2)) @ self.weights["dense"] + self.weights["bias"]

    def _learn(self, images, labels, order, rate):
        """One pass in this order, by SGD with momentum 0.9."""
        for batch in order:
            with tf.GradientTape() as tape:
                logits = self.logits(self.features(tf.gather(images, batch))[0])
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(labels, batch), logits)
                loss = tf.reduce_mean(losses)
            for name, gradient in tape.gradient(loss, self.weights).items():
                velocity = self.velocities[name]
                velocity.assign(0.9 * velocity - rate * gradient)
                self.weights[name].assign_add(velocity)

    def _judge(self, *parts):
        """Logits of all parts, normalised with the statistics of the first."""
        features, statistics = self.features(parts[0])
        return [self.logits(features)] + [self.logits(self.features(part, statistics)[0]) for part in parts[1:]]


def digits():
    """1,000 digits to learn from, those to choose on and those to test on: (standardised images, labels)."""
    parts = data.digits()
    known = parts.train[:DIGITS]
    mean, deviation = known.images.mean(), known.images.std()
    return [((part.images - mean) / deviation, part.labels) for part in (known, parts.validation, parts.test)]


def fresh(depth, seed):
    """He's start. A deeper network begins with the same first layers."""
    rng, layers = np.random.default_rng(seed), depth - 2
    return {
        "stem": rng.normal(0, (2 / 9) ** 0.5, (3, 3, 1, FILTERS)),
        "dense": rng.normal(0, FILTERS**-0.5, (FILTERS, 10)),
        "bias": np.zeros(10),
        "gammas": np.ones((layers + 1, FILTERS)),
        "betas": np.zeros((layers + 1, FILTERS)),
        "kernels": rng.normal(0, (2 / (9 * FILTERS)) ** 0.5, (layers, 3, 3, FILTERS, FILTERS)),
    }


def nearly_idle(weights, features, first=0):
    """The weights with layers from `first` on that hand on the features that they get, but for a tenth of their start.

    (Exactly alike, all these layers would have the same gradients, and stay alike for ever.)
    """
    changed = {name: values.copy() for name, values in weights.items()}
    changed["kernels"][first:] *= 0.1
    changed["kernels"][first:, 1, 1] += np.eye(FILTERS)
    changed["betas"][first + 1 :] = np.mean(features, axis=(0, 1, 2))
    changed["gammas"][first + 1 :] = np.std(features, axis=(0, 1, 2))
    return changed


def passes(network, examples, rate, seed):
    """Trains, and yields the number of the pass after each of those in LOOKS."""
    rng = np.random.default_rng(seed)
    for number in range(1, PASSES + 1):
        order = rng.permutation(DIGITS).reshape(-1, BATCH)
        network.learn(*examples, tf.constant(order), tf.constant(rate if number <= SLOWER else rate / 10, tf.float32))
        if number in LOOKS:
            yield number


def judged(network, parts):
    """Training loss and error, and the errors on the other parts."""
    told = [logits.numpy() for logits in network.judge(*(tf.constant(images) for images, _ in parts))]
    losses = keras.losses.sparse_categorical_crossentropy(parts[0][1], told[0], from_logits=True)
    wrong = [np.mean(each.argmax(axis=1) != labels) for each, (_, labels) in zip(told, parts, strict=True)]
    names = ("training_error", "validation_error", "test_error")
    return {"training_loss": float(np.mean(losses))} | dict(zip(names, map(float, wrong), strict=False))


KINDS = {"plain": 0.0, "plain, begun nearly idle": 0.0, "residual": 1.0}


@experiment(seeds=5)
def degradation(seed):
    """Plain and residual networks of three depths, and plain ones whose blocks begin by nearly doing nothing.

    The test digits are looked at after the last pass.
    """
    parts = digits()
    examples = [tf.constant(each) for each in parts[0]]
    for depth in (8, 20, 32):
        network, stem = Network(depth), Network(2)
        for kind, shortcut in KINDS.items():
            weights = fresh(depth, seed)
            if kind.endswith("idle"):
                stem.restart(fresh(2, seed), 0)
                weights = nearly_idle(weights, stem.features(examples[0])[0])
            for rate in RATES:
                network.restart(weights, shortcut)
                for number in passes(network, examples, rate, seed):
                    told = {"test_error": float("nan")} | judged(network, parts if number == PASSES else parts[:2])
                    yield {"kind": kind, "depth": depth, "rate": rate, "passes": number} | told


LONGER = 72  # passes: three times as many


@experiment(seeds=5)
def longer(seed):
    """Plain networks of 8 and 32 layers and a residual one of 32, three times as long; the rate falls after two thirds.

    The test digits are looked at after the last pass.
    """
    parts = digits()
    examples = [tf.constant(each) for each in parts[0]]
    for depth, kind in ((8, "plain"), (32, "plain"), (32, "residual")):
        network = Network(depth)
        for rate in RATES:
            network.restart(fresh(depth, seed), KINDS[kind])
            rng = np.random.default_rng(seed)
            for number in range(1, LONGER + 1):
                order = rng.permutation(DIGITS).reshape(-1, BATCH)
                now = rate if number <= LONGER * 2 // 3 else rate / 10
                network.learn(*examples, tf.constant(order), tf.constant(now, tf.float32))
                if number % 12 == 0:
                    told = {"test_error": float("nan")} | judged(network, parts if number == LONGER else parts[:2])
                    yield {"kind": kind, "depth": depth, "rate": rate, "passes": number} | told


@experiment(seeds=5)
def deepened(seed):
    """A trained plain network of 8 layers goes on alone, or with 12 more layers behind its blocks."""
    parts = digits()
    examples = [tf.constant(each) for each in parts[0]]
    shallow, deep = Network(8), Network(20)
    shallow.restart(fresh(8, seed), 0)
    for _ in passes(shallow, examples, 0.1, seed):
        pass
    trained = shallow.values()
    features, _ = shallow.features(examples[0])
    random = {
        name: np.concatenate([trained[name], more[len(trained[name]) :]]) if len(more) > len(trained[name]) else more
        for name, more in (fresh(20, seed) | {name: trained[name] for name in ("stem", "dense", "bias")}).items()
    }
    silent = {**random, "gammas": random["gammas"].copy()}
    silent["gammas"][8::2] = 0  # the last normalisation of each new block
    new = np.arange(9) >= 3  # the new blocks
    variants = {
        "8 layers alone": (shallow, trained, 0),
        "12 plain layers more": (deep, random, 0),
        "12 nearly idle layers more": (deep, nearly_idle(random, features, first=6), 0),
        "12 layers with shortcuts more": (deep, random, new),
        "12 layers with shortcuts more, last gammas 0": (deep, silent, new),
    }
    for variant, (network, weights, shortcuts) in variants.items():
        for rate in RATES:
            network.restart(weights, shortcuts)
            yield {"variant": variant, "rate": rate, "passes": 0} | judged(network, parts[:2])
            for number in passes(network, examples, rate, 100 + seed):
                yield {"variant": variant, "rate": rate, "passes": number} | judged(network, parts[:2])


@experiment(seeds=5)
def very_deep(seed):
    """A residual network of 110 layers."""
    parts, network = digits(), Network(110)
    examples = [tf.constant(each) for each in parts[0]]
    for rate in RATES[1:]:
        network.restart(fresh(110, seed), 1)
        for number in passes(network, examples, rate, seed):
            told = {"test_error": float("nan")} | judged(network, parts if number == PASSES else parts[:2])
            yield {"depth": 110, "rate": rate, "passes": number} | told


CIFAR_PASSES = scale(laptop=5, gpu=182)  # 182 of 45,000 pictures are the paper's 64,000 steps


def shifted(images, rng):
    """Each picture moved by up to 4 pixels, zeros moving in, and every other one mirrored, as in the paper."""
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)))
    corners = rng.integers(0, 9, (len(images), 2))
    cut = np.stack([each[top : top + 32, left : left + 32] for each, (top, left) in zip(padded, corners, strict=True)])
    mirrored = rng.random(len(images)) < 0.5
    cut[mirrored] = cut[mirrored, :, ::-1]
    return cut


class Epochs(keras.utils.PyDataset):
    """The pictures in batches of 128, shifted anew and in a new order in each pass."""

    def __init__(self, images, labels, seed):
        super().__init__()
        self.images, self.labels, self.rng = images, labels, np.random.default_rng(seed)
        self.on_epoch_end()

    def on_epoch_end(self):
        self.order = self.rng.permutation(len(self.images))

    def __len__(self):
        return -(-len(self.images) // 128)

    def __getitem__(self, place):
        batch = self.order[128 * place : 128 * (place + 1)]
        return shifted(self.images[batch], self.rng), self.labels[batch]


class Validation(keras.callbacks.Callback):
    """The error on pictures that are not learnt from, after each pass."""

    def __init__(self, images, labels):
        super().__init__()
        self.part, self.errors = (images, labels), []

    def on_epoch_end(self, epoch, logs=None):
        self.errors.append(error(self.model, *self.part))


def error(model, images, labels):
    return 1 - model.evaluate(images, labels, batch_size=500, verbose=0)[1]


@experiment(seeds=5)
def cifar10(seed):
    """ResNet-20 and its plain twin on CIFAR-10 by the recipe of the paper, but with 5 of its 182 passes on a laptop.

    SGD with momentum 0.9 and a rate of 0.1, divided by 10 after a half and three quarters; weight decay 1e-4 of all
    kernels; pictures shifted and mirrored. Both have the same layers, and begin with the same weights. Errors are
    measured on pictures as they are; on training pictures and test pictures after the last pass.
    """
    parts = data.cifar10()
    mean = parts.train.images.mean(axis=0)
    known, validation, test = (
        (part.images - mean, part.labels) for part in (parts.train, parts.validation, parts.test)
    )
    for kind in ("plain", "residual"):
        keras.utils.set_random_seed(seed)
        model = cifar_resnet(20, residual=kind == "residual", momentum=0.9, classifier_activation=None)
        for layer in model.layers:
            if hasattr(layer, "kernel"):
                layer.kernel.regularizer = keras.regularizers.L2(1e-4 / 2)
        batches, watch = Epochs(*known, seed), Validation(*validation)
        steps = len(batches) * CIFAR_PASSES
        model.compile(
            optimizer=keras.optimizers.SGD(
                learning_rate=keras.optimizers.schedules.PiecewiseConstantDecay(
                    [steps // 2, 3 * steps // 4], [0.1, 0.01, 0.001]
                ),
                momentum=0.9,
            ),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        losses = model.fit(batches, epochs=CIFAR_PASSES, verbose=0, callbacks=[watch]).history["loss"]
        for number, (loss, wrong) in enumerate(zip(losses, watch.errors, strict=True), start=1):
            last = number == CIFAR_PASSES
            yield {
                "kind": kind,
                "passes": number,
                "training_loss": loss,  # of the pictures as they are learnt, and with the weight decay
                "validation_error": wrong,
                "training_error": error(model, *(part[:5000] for part in known)) if last else float("nan"),
                "test_error": error(model, *test) if last else float("nan"),
            }
