"""The long experiments of lesson 24: a card game, and digits read by a small transformer and small convolutions."""

from __future__ import annotations

import functools

import keras
import numpy as np
from keras import layers

from course_lib import data
from course_lib.architectures.vit import Positions, transformer_block
from course_lib.evidence import experiment

BATCH = 50
RATES = (0.001, 0.003, 0.01)  # tried in the experiments tuned_…


class Learner:
    """A network that can be begun anew with any seed and rate. AdamW, along a cosine down to 0; compiled once."""

    def __init__(self, build):
        import tensorflow as tf

        self.build, self.model = build, build()
        self.optimizer = keras.optimizers.AdamW(weight_decay=1e-4)
        self.optimizer.build(self.model.trainable_variables)
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

        @tf.function(reduce_retracing=True)
        def steps(examples, labels, order, rates):
            for step in tf.range(tf.shape(order)[0]):
                self.optimizer.learning_rate.assign(rates[step])
                with tf.GradientTape() as tape:
                    logits = self.model(tf.gather(examples, order[step]), training=True)
                    loss = self.loss(tf.gather(labels, order[step]), logits)
                variables = self.model.trainable_variables
                self.optimizer.apply(tape.gradient(loss, variables), variables)

        self.steps = steps
        self.answer = tf.function(lambda examples: self.model(examples, training=False), reduce_retracing=True)

    def train(self, seed, rate, examples, labels, steps):
        import tensorflow as tf

        keras.utils.set_random_seed(seed)
        self.model.set_weights(self.build().get_weights())
        for variable in self.optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        rng = np.random.default_rng(seed)
        passes = [rng.permutation(len(examples)) for _ in range(-(-steps * BATCH // len(examples)))]
        order = np.concatenate(passes)[: steps * BATCH].reshape(steps, BATCH)
        rates = rate * (1 + np.cos(np.pi * np.arange(steps) / steps)) / 2
        self.steps(tf.constant(examples), tf.constant(labels), tf.constant(order), tf.constant(rates, tf.float32))

    def error(self, examples, labels):
        parts = np.array_split(examples, max(1, len(examples) // 500))
        logits = np.concatenate([self.answer(part) for part in parts])
        return float(np.mean(logits.argmax(axis=1) != labels))


# The card game: eight cards with a letter and a number each, and a letter that asks for its number

LETTERS, NUMBERS = 16, 8


def games(number, rng):
    """One-hot tokens (number, 9, 24), the question last, and the numbers that are asked for."""
    letters = np.argsort(rng.random((number, LETTERS)), axis=1)[:, :NUMBERS]
    numbers = np.argsort(rng.random((number, NUMBERS)), axis=1)
    asked = rng.integers(NUMBERS, size=number)
    every = np.arange(number)
    tokens = np.zeros((number, NUMBERS + 1, LETTERS + NUMBERS), "float32")
    tokens[every[:, None], np.arange(NUMBERS), letters] = 1
    tokens[every[:, None], np.arange(NUMBERS), LETTERS + numbers] = 1
    tokens[every, NUMBERS, letters[every, asked]] = 1
    return tokens, numbers[every, asked]


def attention_player(width=32):
    inputs = keras.Input((NUMBERS + 1, LETTERS + NUMBERS))
    x = transformer_block(layers.Dense(width)(inputs), heads=2, mlp_ratio=2, name="block")
    x = layers.LayerNormalization(epsilon=1e-6)(x[:, -1])
    return keras.Model(inputs, layers.Dense(NUMBERS)(x))


def convolution_player(filters=32):
    """Each of two residual convolutions reaches four places to either side: the end sees the whole table."""
    inputs = keras.Input((NUMBERS + 1, LETTERS + NUMBERS))
    x = layers.Dense(filters)(inputs)
    for _ in range(2):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        y = layers.Conv1D(filters, 9, padding="same", activation="gelu")(y)
        x = layers.Add()([x, y])
    return keras.Model(inputs, layers.Dense(NUMBERS)(layers.Flatten()(x)))


def dense_player(units=96):
    hidden = [layers.Dense(units, activation="gelu") for _ in range(2)]
    return keras.Sequential(
        [keras.Input((NUMBERS + 1, LETTERS + NUMBERS)), layers.Flatten(), *hidden, layers.Dense(NUMBERS)]
    )


PLAYERS = {"attention": attention_player, "convolutions": convolution_player, "dense layers": dense_player}
GAME_STEPS = 1200


# Digits: 28 × 28 pixels; a transformer of 16 patches, its twin with windows, and a CNN


def transformer(width=24, depth=2):
    inputs = keras.Input((28, 28, 1))
    x = layers.Conv2D(width, 7, strides=7)(inputs)
    x = Positions()(layers.Reshape((16, width))(x))
    for number in range(depth):
        x = transformer_block(x, heads=4, mlp_ratio=2, name=f"block{number + 1}")
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))
    return keras.Model(inputs, layers.Dense(10)(x))


def windows(width=24, depth=2):
    """The same, but in place of attention each token reads its 3 × 3 neighbours, channel by channel."""
    inputs = keras.Input((28, 28, 1))
    x = layers.Conv2D(width, 7, strides=7)(inputs)
    x = layers.Reshape((4, 4, width))(Positions()(layers.Reshape((16, width))(x)))
    for _ in range(depth):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.Add()([x, layers.DepthwiseConv2D(3, padding="same")(y)])
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.Add()([x, layers.Dense(width)(layers.Dense(2 * width, activation="gelu")(y))])
    x = layers.GlobalAveragePooling2D()(layers.LayerNormalization(epsilon=1e-6)(x))
    return keras.Model(inputs, layers.Dense(10)(x))


def cnn():
    """As many multiply-adds as the transformer, within two per cent."""

    def convolution(filters, size, strides):
        return layers.Conv2D(
            filters, size, strides=strides, padding="same", activation="relu", kernel_initializer="he_normal"
        )

    parts = [convolution(6, 5, 2), convolution(12, 3, 2), convolution(22, 3, 1), layers.Flatten(), layers.Dense(10)]
    return keras.Sequential([keras.Input((28, 28, 1)), *parts])


READERS = {"transformer": transformer, "CNN": cnn, "3×3 windows": windows}
STEPS = 1200
READINGS = [(name, each) for name in ("transformer", "CNN") for each in ("no", "yes")] + [("3×3 windows", "no")]


def augmented(images, labels):
    """Each digit nine times: as it is, and moved by two pixels to all sides and corners."""
    moves = [(down, right) for down in (0, -2, 2) for right in (0, -2, 2)]
    return np.concatenate([np.roll(images, move, axis=(1, 2)) for move in moves]), np.tile(labels, len(moves))


@functools.cache
def learner(name):
    return Learner((PLAYERS | READERS)[name])


def play(seed, name, size, rate):
    """One player on so many games: its errors on its own, on 1,000 validation and on 2,000 test games."""
    known, validation, test = (
        games(number, np.random.default_rng([seed, part])) for part, number in enumerate((size, 1000, 2000))
    )
    player = learner(name)
    player.train(seed, rate, *known, GAME_STEPS)
    row = {"network": name, "examples": size, "rate": rate, "training_error": player.error(*known)}
    return row | {"validation_error": player.error(*validation), "test_error": player.error(*test)}


def read(seed, name, size, augmentation, rate):
    """One reader of so many digits, which the seed draws: its errors on its own, on validation and on test digits."""
    digits = data.mnist_5k()
    picked = np.random.default_rng(seed).permutation(len(digits.train))[:size]
    images, labels = digits.train.images[picked], digits.train.labels[picked]
    reader = learner(name)
    reader.train(seed, rate, *(augmented(images, labels) if augmentation == "yes" else (images, labels)), STEPS)
    row = {"network": name, "examples": size, "augmented": augmentation, "rate": rate}
    parts = {"training": (images, labels)} | {
        part: (getattr(digits, part).images, getattr(digits, part).labels) for part in ("validation", "test")
    }
    return row | {f"{part}_error": reader.error(*each) for part, each in parts.items()}


@experiment(seeds=1)
def tuned_cards(seed):
    """Three rates for each player on 1,000 games, with a start and games that are in no race."""
    for rate in RATES:
        for name in PLAYERS:
            yield play(seed + 100, name, 1000, rate)


@experiment(seeds=1)
def tuned_digits(seed):
    """Three rates for each reader on 1,000 digits, with a start and a draw that are in no race."""
    for rate in RATES:
        for name, augmentation in READINGS:
            yield read(seed + 100, name, 1000, augmentation, rate)


@experiment(seeds=1)
def tuned_further(seed):
    """A larger rate for the readers that had chosen the largest; none of them errs less with it on validation."""
    for name, augmentation in READINGS:
        if (name, augmentation) != ("transformer", "no"):
            yield read(seed + 100, name, 1000, augmentation, 0.03)


# The best rates of these, by the errors on their validation parts; of equals the larger
OF_THE_GAME = {"attention": 0.003, "convolutions": 0.001, "dense layers": 0.01}
OF_DIGITS = {
    ("transformer", "no"): 0.003,
    ("transformer", "yes"): 0.01,
    ("CNN", "no"): 0.01,
    ("CNN", "yes"): 0.01,
    ("3×3 windows", "no"): 0.01,
}


@experiment(seeds=5)
def cards(seed):
    """Three players on 1,000 games."""
    for name, rate in OF_THE_GAME.items():
        yield play(seed, name, 1000, rate)


RACE = [("transformer", 200, "no"), ("CNN", 200, "no"), ("transformer", 1000, "no"), ("CNN", 1000, "no")]
RACE += [("transformer", 1000, "yes"), ("CNN", 1000, "yes"), ("3×3 windows", 1000, "no")]
RACE += [("transformer", 3500, "no"), ("CNN", 3500, "no")]


@experiment(seeds=5)
def digits(seed):
    """Errors against the number of digits; with 1,000 also with moved copies, and the twin with windows."""
    for name, size, augmentation in RACE:
        yield read(seed, name, size, augmentation, OF_DIGITS[name, augmentation])
