"""The long experiments of the first lesson: moved digits, few and many examples, other pictures, folds."""

from __future__ import annotations

import functools

import keras
import numpy as np
from skimage.feature import hog
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from course_lessons.start_here.strains import SIDES, STRAINS, shifted
from course_lib import data, layers, losses, optim
from course_lib.evidence import experiment

DISTANCES = range(7)
SIZES = (50, 250, 1000, 3500)
RATES = (0.003, 0.009, 0.027)
PENALTIES = (0.01, 0.1, 1.0, 10.0)


def network(classes: int = 10, moved: bool = False) -> keras.Sequential:
    """That of the lesson; with `moved` every picture is moved by up to four pixels each time it is learnt from."""
    move = keras.layers.RandomTranslation(4 / 28, 4 / 28, fill_mode="constant")
    return keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            *([move] if moved else []),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )


class Trainer:
    """One network, built and compiled once and started anew for every run: that saves a second each time."""

    def __init__(self, classes: int = 10, moved: bool = False):
        self.build = functools.partial(network, classes, moved)
        self.model = self.build()
        self.model.compile(
            optimizer=keras.optimizers.Adam(), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
        )

    def best(self, train, validation, seed: int, rates, batch_size: int, epochs: int) -> tuple[float, float]:
        """Teach it at every rate, each stopped at its best pass; keep the rate that reads the most validation pictures.

        Returns that rate and the share read.
        """
        found = []
        for rate in rates:
            self._start(seed, rate)
            stop = keras.callbacks.EarlyStopping("val_accuracy", patience=epochs, restore_best_weights=True)
            recipe = {"batch_size": batch_size, "epochs": epochs, "validation_batch_size": 500, "verbose": 0}
            self.model.fit(*train, validation_data=validation, callbacks=[stop], **recipe)
            found.append((stop.best, rate, self.model.get_weights()))
        right, rate, weights = max(found, key=lambda each: each[0])
        self.model.set_weights(weights)
        return rate, float(right)

    def _start(self, seed: int, rate: float) -> None:
        keras.utils.set_random_seed(seed)
        self.model.set_weights(self.build().get_weights())
        for variable in self.model.optimizer.variables:
            variable.assign(0 * variable)
        self.model.optimizer.learning_rate = rate

    def answers(self, images) -> np.ndarray:
        return self.model.predict(images, batch_size=500, verbose=0)


@functools.cache
def _trainer(classes: int = 10, moved: bool = False) -> Trainer:
    return Trainer(classes, moved)


@experiment(seeds=5)
def moved(seed):
    """Test digits moved, and strained in other ways: read right, and how sure the network says it is.

    Taught with digits as they are, and with digits moved by up to four pixels, in as many steps. Each chooses its rate
    and its pass on validation digits like those it was taught with.
    """
    digits = data.mnist_5k()
    train, validation, test = ((part.images, part.labels) for part in (digits.train, digits.validation, digits.test))
    chance = np.random.default_rng(0)
    places = chance.integers(-4, 5, (len(validation[0]), 2))
    moved_validation = np.concatenate(
        [shifted(image[None], *place) for image, place in zip(validation[0], places, strict=True)]
    )
    choices = {
        "as they are": (False, validation, RATES),
        "moved": (True, (moved_validation, validation[1]), RATES),
    }
    for taught, (move, judged_by, rates) in choices.items():
        trainer = _trainer(moved=move)
        rate, chosen_by = trainer.best(train, judged_by, seed, rates, batch_size=64, epochs=10)
        row = {"taught": taught, "rate": rate, "validation": chosen_by}
        for distance in DISTANCES:
            sides = SIDES if distance else SIDES[:1]
            said = [trainer.answers(shifted(test[0], distance * x, distance * y)) for x, y in sides]
            yield {**row, "strain": "moved", "pixels": distance, **_judged(said, test[1])}
        for strain, change in STRAINS.items():
            yield {**row, "strain": strain, "pixels": 0, **_judged([trainer.answers(change(test[0]))], test[1])}


def _judged(said, labels) -> dict:
    return {
        "right": np.mean([answers.argmax(axis=1) == labels for answers in said]),
        "sure": np.mean([answers.max(axis=1) for answers in said]),
    }


def edge_directions(images) -> np.ndarray:
    """Features that people designed: in each box of 4 x 4 pixels, how strong the edges are in nine directions."""
    boxes = {"orientations": 9, "pixels_per_cell": (4, 4), "cells_per_block": (2, 2)}
    return np.stack([hog(image[..., 0], **boxes) for image in images]).astype(np.float32)


def _linear(train, validation, test) -> float:
    """What a linear classifier on these features reads of the test part, at its best penalty by the validation part."""

    def at(penalty):
        return LinearSVC(C=penalty, dual="auto", random_state=0).fit(*train)

    tried = [at(penalty) for penalty in PENALTIES]
    return max(tried, key=lambda model: model.score(*validation)).score(*test)


@functools.cache
def _digits():
    """Per part: pictures, features, labels."""
    parts = data.mnist_5k()
    return [(part.images, edge_directions(part.images), part.labels) for part in _parts(parts)]


def _parts(dataset):
    return dataset.train, dataset.validation, dataset.test


@experiment(seeds=5)
def examples(seed):
    """Test digits read after 50 to 3,500 examples: the network, a linear classifier on edge directions, the nearest.

    Another choice of examples for every seed. Each side chooses its settings on the validation digits. Few examples are
    shown more often: what counts as a pass is 1,280 of them at least.
    """
    (images, features, labels), validation, test = _digits()
    order = np.random.default_rng(seed).permutation(len(labels))
    trainer = _trainer()
    for size in SIZES:
        some = order[:size]
        shown = np.resize(some, max(size, 1280))
        batch_size = 32 if size <= 1000 else 64
        train, rates = (images[shown], labels[shown]), RATES if size <= 1000 else (0.001, 0.003, 0.009)
        rate, _ = trainer.best(train, validation[::2], seed, rates, batch_size, epochs=10)
        read = trainer.answers(test[0]).argmax(axis=1)
        yield {"size": size, "reader": "network", "rate": rate, "right": np.mean(read == test[2])}
        right = _linear((features[some], labels[some]), validation[1:], test[1:])
        yield {"size": size, "reader": "edge directions", "rate": 0, "right": right}
        nearest = KNeighborsClassifier(1).fit(images[some].reshape(size, -1), labels[some])
        right = nearest.score(test[0].reshape(len(test[0]), -1), test[2])
        yield {"size": size, "reader": "nearest example", "rate": 0, "right": right}


@experiment(seeds=5)
def other_pictures(seed):
    """Brick, grass, gravel: the network of the digits with three answers, and a linear classifier on edge directions.

    Four fifths of the training patches, others for every seed. Each side chooses its settings on the validation part.
    """
    parts = [(part.images, part.labels) for part in _parts(data.textures(size=28))]
    (images, labels), validation, test = parts
    some = np.random.default_rng(seed).permutation(len(labels))[: len(labels) * 4 // 5]
    trainer = _trainer(classes=3)
    rate, _ = trainer.best((images[some], labels[some]), validation, seed, RATES, batch_size=32, epochs=15)
    read = trainer.answers(test[0]).argmax(axis=1)
    yield {"reader": "network", "rate": rate, "right": np.mean(read == test[1])}
    of_train, of_validation, of_test = ((edge_directions(each), names) for each, names in parts)
    right = _linear((of_train[0][some], labels[some]), of_validation, of_test)
    yield {"reader": "edge directions", "rate": 0, "right": right}


# Folds


def folded(x, times: int):
    """A strip from 0 to 1, folded in the middle several times: where does each point end up?"""
    for _ in range(times):
        x = 1 - np.abs(1 - 2 * x)
    return x


def folder(widths, rng) -> layers.Sequential:
    """Layers of ReLUs, He's start; the bends of the first layer lie spread over the strip."""
    stack, inputs = [], 1
    for units in widths:
        dense = layers.Dense(inputs, units, rng)
        dense.parameters["kernel"][:] = rng.normal(0, np.sqrt(2 / inputs), (inputs, units))
        if inputs == 1:
            dense.parameters["bias"][:] = -dense.parameters["kernel"][0] * rng.random(units)
        stack += [dense, layers.ReLU()]
        inputs = units
    return layers.Sequential([*stack, layers.Dense(inputs, 1, rng)])


@experiment(seeds=10)
def folds(seed):
    """What is left of a curve of eight straight pieces, after training on 257 points of it; 1: nothing was learnt.

    At the best of three learning rates, each with 4,000 steps.
    """
    x = np.linspace(0, 1, 257)[:, None]
    target = folded(x, 3)
    for widths in ((8,), (16,), (64,), (2, 2, 2), (4, 4, 4), (8, 8, 8)):
        left = {}
        for rate in (0.003, 0.01, 0.03):
            net, optimizer = folder(widths, np.random.default_rng(seed)), optim.Adam(rate)
            for _ in range(4000):
                _, upstream = losses.squared_error(net.forward(x), target)
                net.backward(upstream)
                for layer in net.layers:
                    optimizer.update(layer)
            left[rate] = float(np.mean((net.forward(x) - target) ** 2) / np.var(target))
        rate = min(left, key=left.get)
        yield {"layers": len(widths), "units": widths[0], "rate": rate, "left": left[rate]}
