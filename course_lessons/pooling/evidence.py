"""The long experiments of lesson 12: shifts, a fence of fine lines, unpooling, and seven ways to halve a map."""

from __future__ import annotations

import functools
import itertools

import keras
import numpy as np
from sklearn.linear_model import RidgeClassifier

from course_lib import data, layers
from course_lib.evidence import experiment

KINDS = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D, "L2": layers.L2Pooling2D}
SIZES = (1, 2, 4, 7)  # all of them divide 28
WAYS = ("max", "average", "L2", "overlapping max", "strided conv", "conv, strided conv", "conv, conv, max")
RATES = (0.003, 0.01)


def reduce(maps, kind, size):
    """Pool (images, height, width, channels) in windows side by side; "every k-th" looks at their corners only."""
    return maps[:, ::size, ::size] if kind == "every k-th" else KINDS[kind](size).forward(maps)


def move(images, down, right):
    """Digits of MNIST have four black pixels around them, so that nothing falls off."""
    return np.roll(images, (down, right), axis=(1, 2))


@experiment(seeds=5)
def shifts(seed):
    """How far pooled features of 100 digits change when the digits move by one pixel, in shares of their length."""
    rng = np.random.default_rng(seed)
    conv = layers.Conv2D(1, 8, 5, rng, padding="same")
    images = rng.permutation(data.mnist_5k().validation.images)[:100]
    here, there = (np.maximum(conv.forward(pictures), 0) for pictures in (images, move(images, 0, 1)))
    for kind, size in itertools.product((*KINDS, "every k-th"), SIZES):
        before, after = reduce(here, kind, size), reduce(there, kind, size)
        yield {"kind": kind, "size": size, "change": np.linalg.norm(after - before) / np.linalg.norm(before)}


def behind_fence(images, starts):
    """Every second column white, from column 0 or 1 on."""
    images = images.copy()
    for image, first in zip(images, starts, strict=True):
        image[:, first::2] = 1
    return images


def even_contrast(images):
    """One row for each picture, with mean 0 and deviation 1."""
    rows = images.reshape(len(images), -1)
    return (rows - rows.mean(axis=1, keepdims=True)) / (rows.std(axis=1, keepdims=True) + 1e-3)


@experiment(seeds=5)
def fence(seed):
    """A linear classifier learns from small clean digits, and reads new ones, clean and behind a fence of lines."""
    rng, parts = np.random.default_rng(seed), data.mnist_5k()
    chosen = rng.choice(len(parts.train), 1500, replace=False)
    images, labels = parts.train.images[chosen], parts.train.labels[chosen]
    fenced = behind_fence(parts.test.images, rng.integers(2, size=len(parts.test)))
    for kind, size in itertools.product(("every k-th", "average", "max"), (2, 4, 7, 14)):
        small = {name: even_contrast(reduce(pictures, kind, size)) for name, pictures in (
            ("train", images), ("validation", parts.validation.images), ("clean", parts.test.images), ("fence", fenced)
        )}  # fmt: skip
        models = [RidgeClassifier(alpha=alpha).fit(small["train"], labels) for alpha in (1, 10, 100, 1000)]
        best = max(models, key=lambda model: model.score(small["validation"], parts.validation.labels))
        for seen in ("clean", "fence"):
            yield {"kind": kind, "size": size, "seen": seen, "right": best.score(small[seen], parts.test.labels)}


def surplus(image):
    """What each pixel has more than its eight neighbours on average, and 0 where it has less."""
    around = sum(np.roll(image, step, axis=(0, 1)) for step in itertools.product((-1, 0, 1), repeat=2) if any(step))
    return np.maximum(8 * image - around, 0)


def unpooling_maps(rng):
    """100 maps of each kind, (100, 28, 28)."""
    photos, patches = [photo.mean(axis=2) for photo in data.photos().values()], []
    for _ in range(100):
        photo = photos[rng.integers(len(photos))]
        top, left = (rng.integers(side - 28) for side in photo.shape)
        patches.append(photo[top : top + 28, left : left + 28])
    digits = rng.permutation(data.mnist_5k().validation.images)[:100, :, :, 0]
    return {"photo": np.stack(patches), "digit": digits, "detail of a digit": np.stack([*map(surplus, digits)])}


@experiment(seeds=5)
def unpooling(seed):
    """How far off maps are that are put back after max pooling, as they are and with their pixels shuffled."""
    rng = np.random.default_rng(seed)
    for kind, plain in unpooling_maps(rng).items():
        shuffled = rng.permuted(plain.reshape(len(plain), -1), axis=1).reshape(plain.shape)
        for order, maps in {"as it is": plain[..., None], "shuffled": shuffled[..., None]}.items():
            layer = layers.MaxPooling2D(2)
            values = layer.forward(maps)
            results = {"unpooled": layer.unpool(values), "copied": values.repeat(2, axis=1).repeat(2, axis=2)}
            for way, result in results.items():
                off = np.linalg.norm(result - maps) / np.linalg.norm(maps)
                yield {"kind": kind, "order": order, "zeros": np.mean(maps == 0), "way": way, "off": off}


class L2Pooling2D(keras.layers.Layer):
    """Two by two: the root of the summed squares."""

    def call(self, maps):
        return keras.ops.sqrt(4 * keras.ops.average_pool(maps**2, 2) + 1e-12)


def small_digits(images):
    """Digits of MNIST, each two by two pixels averaged: 15 x 15, with mean 0 and deviation 1."""
    page = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    halved = page.reshape(len(page), 15, 2, 15, 2, 1).mean(axis=(2, 4))
    return (halved - 0.114) / 0.262


def moved_digits(images, pixels, rng):
    """Each digit moved up, down, left or right."""
    steps = np.array([(0, pixels), (0, -pixels), (pixels, 0), (-pixels, 0)])[rng.integers(4, size=len(images))]
    return np.concatenate([move(image[None], *step) for image, step in zip(images, steps, strict=True)])


def stage(filters, way):
    """Convolve, and halve the map in one of seven ways."""

    def conv(strides=1):
        padding = "same" if strides == 1 else "valid"
        return keras.layers.Conv2D(filters, 3, strides=strides, padding=padding, activation="relu")

    return {
        "max": lambda: [conv(), keras.layers.MaxPooling2D(2)],
        "average": lambda: [conv(), keras.layers.AveragePooling2D(2)],
        "L2": lambda: [conv(), L2Pooling2D()],
        "overlapping max": lambda: [conv(), keras.layers.MaxPooling2D(3, strides=2)],
        "strided conv": lambda: [conv(strides=2)],
        "conv, strided conv": lambda: [conv(), conv(strides=2)],
        "conv, conv, max": lambda: [conv(), conv(), keras.layers.MaxPooling2D(2)],
    }[way]()


@functools.cache
def network(way):
    """15 x 15 pixels, two stages (15 -> 7 -> 3), ten logits; and the values its optimizer starts from.

    Made once for all runs: to compile a network takes longer than to train it for some epochs.
    """
    model = keras.Sequential([keras.Input((15, 15, 1)), *stage(8, way), *stage(16, way)])
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(10))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(), loss=loss, metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return model, [variable.numpy() for variable in model.optimizer.variables]


def fresh(way, rate, seed):
    """The network with He's start and a new optimizer."""
    model, start = network(way)
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        he = (2 / np.prod(variable.shape[:-1])) ** 0.5 if len(variable.shape) > 1 else 0
        variable.assign(rng.normal(0, he, variable.shape))
    for variable, value in zip(model.optimizer.variables, start, strict=True):
        variable.assign(value)
    model.optimizer.learning_rate = rate
    keras.utils.set_random_seed(seed)
    return model


@experiment(seeds=5)
def race(seed):
    """Seven ways to halve a map, on 5,000 real digits of 15 x 15, at two rates, stopped early."""
    parts, rng = data.mnist_5k(), np.random.default_rng(seed)
    train, validation, test = ((small_digits(part.images), part.labels) for part in (
        parts.train, parts.validation, parts.test
    ))  # fmt: skip
    tests = {"test": test[0]}
    tests |= {f"moved_{pixels}": small_digits(moved_digits(parts.test.images, pixels, rng)) for pixels in (2, 4)}
    for way, rate in itertools.product(WAYS, RATES):
        model = fresh(way, rate, seed)
        stop = keras.callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True)
        fitted = model.fit(
            *train, batch_size=100, epochs=25, validation_data=validation, verbose=0, callbacks=[stop]
        ).history
        best = int(np.argmin(fitted["val_loss"]))
        told = {"best_epoch": best + 1, "validation_loss": fitted["val_loss"][best]}
        for name, images in tests.items():
            told[name] = 1 - model.evaluate(images, test[1], batch_size=500, verbose=0)[1]
        yield {"way": way, "rate": rate, "parameters": model.count_params()} | told
