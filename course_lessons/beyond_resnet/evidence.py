"""The long experiments of lesson 22: where the ReLU stands in deep networks, and edited shortcuts at equal size.

What is compared with what was written down before the first run:

- depth: of 32 layers, and of 8, pre- against post-activation, by the logarithm of the test error (a run that fails errs
  ten times as often), each at the rate that is best on validation; `more_rates` came after the first record, which had
  left gaps between its rates and its best ones at the edge;
- equal_size: every kind against "post"; and "4 branches" against "1 branch".
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from course_lessons.beyond_resnet.nets import KINDS, deep_network, small_network
from course_lib import data
from course_lib.evidence import experiment


class Trainer:
    """Trains a network again and again from one start, by SGD with Nesterov's momentum."""

    def __init__(self, model):
        self.model = model
        self.start = model.get_weights()
        self.velocities = [tf.Variable(tf.zeros(weight.shape)) for weight in model.trainable_weights]
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.learn = tf.function(self._learn)
        self.answer = tf.function(lambda images: model(images, training=False))

    def restart(self):
        self.model.set_weights(self.start)
        for velocity in self.velocities:
            velocity.assign(tf.zeros_like(velocity))

    def _learn(self, images, labels, order, rate):
        """One pass in this order."""
        weights = [weight.value for weight in self.model.trainable_weights]
        for batch in order:
            with tf.GradientTape() as tape:
                loss = self.loss(tf.gather(labels, batch), self.model(tf.gather(images, batch), training=True))
            for weight, velocity, slope in zip(weights, self.velocities, tape.gradient(loss, weights), strict=True):
                velocity.assign(0.9 * velocity - rate * slope)
                weight.assign_add(0.9 * velocity - rate * slope)

    def judged(self, parts):
        """Loss and error on the first part, and the errors on the others."""
        logits = [self.answer(tf.constant(images)).numpy() for images, _ in parts]
        loss = float(self.loss(parts[0][1], logits[0]))
        errors = [np.mean(each.argmax(axis=1) != labels) for each, (_, labels) in zip(logits, parts, strict=True)]
        names = ("training_error", "validation_error", "test_error")
        return {"training_loss": loss} | dict(zip(names, map(float, errors), strict=True))


def trained(trainer, parts, rate, seed, passes, batch):
    """After so many passes; the rate falls to 0 along half a cosine."""
    rng = np.random.default_rng(seed)
    images, labels = (tf.constant(each) for each in parts[0])
    trainer.restart()
    for number in range(passes):
        order = rng.permutation(len(parts[0][1])).reshape(-1, batch)
        now = rate * (1 + np.cos(np.pi * number / passes)) / 2
        trainer.learn(images, labels, tf.constant(order), tf.constant(now, tf.float32))
    return trainer.judged(parts)


def standardised(parts):
    middle, deviation = parts[0][0].mean(), parts[0][0].std()
    return [((images - middle) / deviation, labels) for images, labels in parts]


DEPTHS, DEPTH_RATES, DEPTH_PASSES = (8, 32), (0.02, 0.06, 0.2, 0.6), 14


@experiment(seeds=8)
def depth(seed):
    """1,000 digits of 8 x 8 to learn from; equal blocks of 8 filters, the sum followed by a ReLU, or not."""
    digits = data.digits()
    parts = [(part.images, part.labels) for part in (digits.train[:1000], digits.validation, digits.test)]
    parts = standardised(parts)
    for layers in DEPTHS:
        for kind in ("post", "pre"):
            keras.utils.set_random_seed(seed)
            trainer = Trainer(deep_network(kind, layers))
            for rate in DEPTH_RATES:
                told = trained(trainer, parts, rate, seed, DEPTH_PASSES, batch=100)
                yield {"kind": kind, "depth": layers, "rate": rate} | told


MORE_RATES = {"post": (0.1, 0.14), "pre": (0.35, 1.0)}


@experiment(seeds=8)
def more_rates(seed):
    """The networks of 32 layers at rates around the best that `depth` found for each kind."""
    digits = data.digits()
    parts = [(part.images, part.labels) for part in (digits.train[:1000], digits.validation, digits.test)]
    parts = standardised(parts)
    for kind, rates in MORE_RATES.items():
        keras.utils.set_random_seed(seed)
        trainer = Trainer(deep_network(kind, 32))
        for rate in rates:
            told = trained(trainer, parts, rate, seed, DEPTH_PASSES, batch=100)
            yield {"kind": kind, "depth": 32, "rate": rate} | told


LEARNED, RATES, PASSES = 400, (0.05, 0.15, 0.45), 40


def few_digits(seed):
    """400 digits drawn by `seed` to learn from, 500 to choose on, and all others, 4,100, to test on; 14 x 14 pixels."""
    digits = data.mnist_5k()
    order = np.random.default_rng(seed).permutation(len(digits.train))
    few, rest = digits.train[order[:LEARNED]], digits.train[order[LEARNED:]]
    test = [np.concatenate([getattr(part, name) for part in (rest, digits.test)]) for name in ("images", "labels")]
    parts = [(few.images, few.labels), (digits.validation.images, digits.validation.labels), tuple(test)]
    return standardised([(x.reshape(-1, 14, 2, 14, 2, 1).mean(axis=(2, 4)), labels) for x, labels in parts])


@experiment(seeds=5)
def equal_size(seed):
    """About 11,000 weights, one recipe, nine kinds of network."""
    parts = few_digits(seed)
    for kind in KINDS:
        keras.utils.set_random_seed(seed)
        trainer = Trainer(small_network(kind))
        for rate in RATES:
            yield {"kind": kind, "rate": rate} | trained(trainer, parts, rate, seed, PASSES, batch=50)
