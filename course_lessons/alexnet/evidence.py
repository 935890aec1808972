"""The long experiment of lesson 18: small AlexNets on 600 real digits, other ones for each seed."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from course_lib import data
from course_lib.architectures.alexnet import alexnet
from course_lib.evidence import experiment
from course_lib.layers import softmax

DIGITS, BATCH, PASSES = 600, 50, 24
SLOWER = 16  # the pass after which the learning rate is a tenth
LOOKS = (1, 2, 3, 4, 6, 8, 12, 16, 24)
RATES = (0.001, 0.003)  # of Adam; the better one for each variant is chosen by its validation error
VARIANTS = {
    "whole": {},
    "without fc7": {"without": ("fc7",)},
    "without conv3, conv4": {"without": ("conv3", "conv4")},
    "without fc6, fc7": {"without": ("fc6", "fc7")},
    "without all four": {"without": ("conv3", "conv4", "fc6", "fc7")},
    "tanh": {"activation": "tanh", "kernel_initializer": "lecun_normal"},
    "LRN": {"normalization": "before"},
    "cut at random": {},
}


def build(**changes):
    """25 x 25 pixels, a twelfth of AlexNet's width; pool5 has 2 x 2 x 21 numbers. It gives logits."""
    usual = {"groups": 1, "normalization": None, "dropout": 0, "kernel_initializer": "he_normal"} | changes
    return alexnet((25, 25, 1), 10, width=1 / 12, kernel_size=3, strides=1, classifier_activation=None, **usual)


class Trainer:
    """Trains a network again and again from new starts: building it and tracing its graph takes longer than that."""

    def __init__(self, model):
        self.model, self.optimizer = model, keras.optimizers.Adam()
        self.optimizer.build(model.trainable_variables)
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.steps = tf.function(self._steps)
        self.answer = tf.function(lambda images: model(images, training=False))

    def restart(self, seed, rate):
        """New weights, and an optimizer that remembers nothing."""
        for variable in self.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        self.optimizer.learning_rate = rate
        for number, layer in enumerate(each for each in self.model.layers if each.trainable_variables):
            kind = type(layer.kernel_initializer)
            layer.kernel.assign(kind(seed=100 * seed + number)(layer.kernel.shape))
            layer.bias.assign(keras.ops.zeros_like(layer.bias))

    def learn(self, images, labels, rng):
        """One pass, in a new order."""
        order = rng.permutation(len(images)).reshape(-1, BATCH)
        self.steps(tf.constant(images), tf.constant(labels), tf.constant(order))

    def _steps(self, images, labels, order):
        for batch in order:
            with tf.GradientTape() as tape:
                logits = self.model(tf.gather(images, batch), training=True)
                loss = self.loss(tf.gather(labels, batch), logits)
            self.optimizer.apply(tape.gradient(loss, self.model.trainable_variables))

    def logits(self, images):
        return self.answer(tf.constant(images)).numpy()


def wrong(scores, labels):
    """Share of wrong answers."""
    return float(np.mean(scores.argmax(axis=1) != labels))


def cut(images, corners):
    """25 x 25 pixels of each picture."""
    return np.array([each[top : top + 25, left : left + 25] for each, (top, left) in zip(images, corners, strict=True)])


def nearest(archive, queries, labels, right):
    """Error of the nearest neighbour's class."""
    archive, queries = (each.reshape(len(each), -1) for each in (archive, queries))
    distances = (archive**2).sum(axis=1) - 2 * queries @ archive.T  # the queries' own squares change no order
    return float(np.mean(labels[distances.argmin(axis=1)] != right))


@experiment(seeds=5)
def parts(seed):
    """Errors of AlexNets with parts left out or added; at the end also of their votes, and of nearest neighbours.

    Networks are looked at after some passes, on training and validation digits, and on test digits after the last.
    """
    rng, digits, nowhere = np.random.default_rng(seed), data.mnist_5k(), float("nan")
    chosen = digits.train[rng.choice(len(digits.train), DIGITS, replace=False)]
    mean, middle = digits.train.images.mean(), lambda images: images[:, 1:26, 1:26]
    train, validation, test = (middle(part.images - mean) for part in (chosen, digits.validation, digits.test))
    best = {}  # variant: (validation error, probabilities of the test digits)
    for variant, changes in VARIANTS.items():
        trainer = Trainer(build(**changes))
        for rate in RATES:
            trainer.restart(seed, rate)
            rng = np.random.default_rng(seed)
            for passes in range(1, PASSES + 1):
                images = train
                if variant == "cut at random":
                    images = cut(chosen.images - mean, rng.integers(0, 4, (DIGITS, 2)))
                trainer.learn(images, chosen.labels, rng)
                if passes == SLOWER:
                    trainer.optimizer.learning_rate = rate / 10
                if passes in LOOKS:
                    told = {"training_error": wrong(trainer.logits(train), chosen.labels)}
                    told["validation_error"] = wrong(trainer.logits(validation), digits.validation.labels)
                    said = trainer.logits(test) if passes == PASSES else None
                    told["test_error"] = nowhere if said is None else wrong(said, digits.test.labels)
                    yield {"variant": variant, "rate": rate, "passes": passes} | told
            if variant not in best or told["validation_error"] < best[variant][0]:
                best[variant] = told["validation_error"], softmax(said)
        if variant == "whole":
            fc7 = keras.Model(trainer.model.input, trainer.model.get_layer("fc7").output)
            seen = fc7.predict(train, verbose=0), fc7.predict(test, verbose=0)
    others = {"nearest by pixels": nearest(train, test, chosen.labels, digits.test.labels)}
    others["nearest by fc7"] = nearest(*seen, chosen.labels, digits.test.labels)
    said = [probabilities for _, probabilities in best.values()]
    for networks in range(1, len(said) + 1):
        draws = [rng.permutation(len(said))[:networks] for _ in range(20)]
        errors = [wrong(np.mean([said[each] for each in draw], axis=0), digits.test.labels) for draw in draws]
        others[f"vote of {networks}"] = float(np.mean(errors))
    others["vote of 1"] = float(np.mean([wrong(each, digits.test.labels) for each in said]))
    for variant, error in others.items():
        yield {"variant": variant, "rate": 0, "passes": PASSES} | {
            "training_error": nowhere,
            "validation_error": nowhere,
            "test_error": error,
        }
