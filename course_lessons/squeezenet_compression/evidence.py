"""The long experiments of lesson 23: a LeNet is squeezed step by step, and a small Fire network races a larger one."""

from __future__ import annotations

import tempfile
import timeit
from functools import cache
from pathlib import Path

import keras
import numpy as np
from scipy import sparse

from course_lessons.squeezenet_compression import codec, eight_bits, steps
from course_lib import data
from course_lib.architectures.lenet import lenet5
from course_lib.architectures.squeezenet import fire
from course_lib.evidence import experiment

RATES = (0.001, 0.003)  # of Adam; each run takes the one that does better on the validation part
FIRST, MORE = 20, 6  # passes before the first cut, and after each cut
SHARES = (0.5, 0.2, 0.1, 0.05)  # of the weights of C3, C5 and F6, the three large kernels
SETTLED = 0.1  # this share is also tried with all numbers of bits
BITS = (8, 6, 5, 4, 3, 2)
RANKS = {"C5": (30, 18, 8), "F6": (9,)}


@cache
def parts():
    """3,500 digits to learn from, 500 to choose on, and MNIST's own 10,000 test digits: none of them is in mnist_5k."""
    digits = data.mnist_5k()
    return digits.train, digits.validation, data.mnist().test


def train(model, passes, rate):
    """Adam, its rate falling along a cosine to 0."""
    learn = parts()[0]
    falling = keras.optimizers.schedules.CosineDecay(rate, decay_steps=passes * -(-len(learn) // 50))
    model.compile(keras.optimizers.Adam(falling), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(learn.images, learn.labels, batch_size=50, epochs=passes, verbose=0)


def right(model, part):
    """The share of pictures that are read rightly."""
    images, labels = parts()[part].images, parts()[part].labels
    return float(np.mean(model.predict(images, batch_size=1000, verbose=0).argmax(axis=1) == labels))


def lenet():
    return lenet5((28, 28, 1), padding="same", activation="relu", kernel_initializer="he_normal")


def small_lenet():
    """The same layers, narrower, so that its file is about as large as that of the squeezed one."""
    layers = keras.layers
    drawn = {"activation": "relu", "kernel_initializer": "he_normal"}
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(5, 5, padding="same", **drawn),
            layers.AveragePooling2D(2),
            layers.Conv2D(10, 5, **drawn),
            layers.AveragePooling2D(2),
            layers.Conv2D(44, 5, **drawn),
            layers.Flatten(),
            layers.Dense(30, **drawn),
            layers.Dense(10, activation="softmax"),
        ]
    )


def at_best_rate(build, passes, seed):
    """The network after its first passes, at the better of two rates."""
    trained = []
    for rate in RATES:
        keras.utils.set_random_seed(seed)
        model = build()
        train(model, passes, rate)
        trained.append((right(model, 1), rate, model))
    return max(trained, key=lambda each: (each[0], -each[1]))[1:]


CUT = (2, 4, 6)  # of the arrays: the kernels of C3, C5 and F6; C1 and the output have but 990 weights together


def share_all(weights, bits):
    """The arrays, the weights of each kernel shared."""
    return [steps.share_weights(array, bits) if array.ndim > 1 else array for array in weights]


def cut_all(weights, share):
    """The arrays, all but the largest weights of the three large kernels 0."""
    return [steps.cut(array, share) if place in CUT else array for place, array in enumerate(weights)]


@experiment(seeds=5)
def chain(seed):
    rate, model = at_best_rate(lenet, FIRST, seed)
    start = model.get_weights()

    def from_file(method, share, bits, weights):
        """Write the file, read it, run what was read."""
        content = codec.pack(weights)
        model.set_weights(codec.unpack(content))
        return row(method, share, bits, len(content), model)

    def row(method, share, bits, size, model):
        scores = {"validation": right(model, 1), "test": right(model, 2)}
        return {"method": method, "share": share, "bits": bits, "bytes": size} | scores

    def on(masks):
        """The next passes, with masks on the three large kernels, or with None."""
        for name, mask in zip(("C3", "C5", "F6"), masks or [None] * 3, strict=True):
            kernel = model.get_layer(name).kernel
            kernel.constraint = None if mask is None else steps.Mask(mask)
            if mask is not None:
                kernel.assign(kernel * mask)
        train(model, MORE, rate)

    yield row("trained", 1.0, 32, 4 * model.count_params(), model)
    for _ in SHARES:
        on(None)
    twin = model.get_weights()
    yield row("trained on", 1.0, 32, 4 * model.count_params(), model)
    yield from_file("half precision", 1.0, 16, twin)
    for bits in (8, 5):
        yield from_file("shared only", 1.0, bits, share_all(twin, bits))
    for share in SHARES:
        yield from_file("cut at once", share, 16, cut_all(twin, share))
    for layer, ranks in RANKS.items():
        for rank in ranks:
            weights = list(twin)
            place = 2 * ["C1", "C3", "C5", "F6"].index(layer)
            matrix = weights[place].reshape(-1, weights[place].shape[-1])
            first, second = steps.low_rank(matrix, rank)
            weights[place] = (first @ second).reshape(weights[place].shape)
            model.set_weights(weights)
            size = 4 * (model.count_params() - matrix.size + first.size + second.size)
            yield row(f"rank of {layer}", rank / min(matrix.shape), rank, size, model)
    model.set_weights(twin)
    with tempfile.TemporaryDirectory() as folder:
        for bits, samples in ((32, None), (8, parts()[0].images[:200])):
            file = Path(folder) / f"{bits}.tflite"
            file.write_bytes(eight_bits.convert(model, samples))
            answers = [eight_bits.Network(file.read_bytes())(parts()[part].images) for part in (1, 2)]
            scores = [
                float(np.mean(each.argmax(axis=1) == parts()[part].labels))
                for part, each in zip((1, 2), answers, strict=True)
            ]
            yield {
                "method": "LiteRT", "share": 1.0, "bits": bits, "bytes": file.stat().st_size,
                "validation": scores[0], "test": scores[1],
            }  # fmt: skip

    for share in continued(model, start, on, steps.largest):
        pruned = model.get_weights()
        yield from_file("pruned", share, 16, pruned)
        for bits in BITS if share == SETTLED else (5,):
            shared = share_all(pruned, bits)
            yield from_file("pruned and shared", share, bits, shared)
        model.set_weights(pruned)
    rng = np.random.default_rng(seed)
    draws = [rng.random(start[place].shape) for place in CUT]
    left = iter(draws * len(SHARES))
    for share in continued(model, start, on, lambda _, share: steps.largest(next(left), share)):
        trained = model.get_weights()
        yield from_file("cut at random", share, 16, trained)
        model.set_weights(trained)
    yield from small(seed, row)


def continued(model, start, on, choose):
    """Cut and train in turns, from the network as it was before the first cut."""
    model.set_weights(start)
    for share in SHARES:
        weights = model.get_weights()
        on([choose(weights[place], share) for place in CUT])
        yield share


def small(seed, row):
    """A narrow LeNet from scratch, with as many passes at rates that fall as often; then the same file."""
    rate, model = at_best_rate(small_lenet, FIRST, seed)
    for _ in SHARES:
        train(model, MORE, rate)
    trained = model.get_weights()
    yield row("small", 1.0, 32, 4 * model.count_params(), model)
    for bits in (6, 5):
        content = codec.pack(share_all(trained, bits))
        model.set_weights(codec.unpack(content))
        yield row("small and shared", 1.0, bits, len(content), model)


# Time


@experiment(seeds=5)
def speed(seed):
    """Seconds, the fastest of many turns: a digit reader in two precisions, and products with zeros in the matrix."""
    keras.utils.set_random_seed(seed)
    model, pictures = lenet(), data.mnist_5k().validation.images
    networks = {
        "LiteRT, 32 bits": eight_bits.Network(eight_bits.convert(model)),
        "LiteRT, 8 bits": eight_bits.Network(eight_bits.convert(model, pictures[:100])),
    }
    times = {name: [] for name in networks}
    for _ in range(300):  # in turns, so that a disturbance hits both, and briefly, so that some are not disturbed
        for name, network in networks.items():
            network(pictures[:100], turns=2)
            times[name].append(network.seconds)
    yield from ({"what": name, "zeros": 0.0, "seconds": min(found)} for name, found in times.items())
    rng = np.random.default_rng(seed)
    vector = rng.normal(size=1024).astype("float32")
    for zeros in (0.0, 0.5, 0.8, 0.9, 0.99):
        matrix = (rng.normal(size=(1024, 1024)) * (rng.random((1024, 1024)) >= zeros)).astype("float32")
        kinds = {"ordinary array": matrix, "sparse format": sparse.csr_array(matrix)}
        for name, kind in kinds.items():
            found = timeit.repeat("kind @ vector", globals={"kind": kind, "vector": vector}, number=1, repeat=50)
            yield {"what": name, "zeros": zeros, "seconds": min(found)}


# The race of heads


def mini_alexnet():
    """Convolutions, and most of its parameters in a dense layer."""
    layers = keras.layers
    drawn = {"activation": "relu", "kernel_initializer": "he_normal"}
    return keras.Sequential(
        [
            keras.Input((14, 14, 1)),
            layers.Conv2D(16, 3, padding="same", **drawn),
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 3, padding="same", **drawn),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128, **drawn),
            layers.Dense(10, activation="softmax"),
        ],
        name="mini_alexnet",
    )


def mini_squeezenet():
    """A convolution, two Fire modules, a map for each class and the mean of each."""
    layers = keras.layers
    inputs = keras.Input((14, 14, 1))
    x = layers.Conv2D(16, 3, padding="same", activation="relu", kernel_initializer="he_normal")(inputs)
    x = layers.MaxPooling2D(2)(x)
    x = fire(x, 8, 16, 16, name="fire2", kernel_initializer="he_normal")
    x = fire(x, 8, 16, 16, name="fire3", kernel_initializer="he_normal")
    x = layers.Conv2D(10, 1, kernel_initializer="he_normal")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Activation("softmax")(x), name="mini_squeezenet")


@experiment(seeds=5)
def race(seed):
    learn, validation, test = parts()
    small = [part.images.reshape(-1, 14, 2, 14, 2, 1).mean(axis=(2, 4)) for part in (learn, validation, test)]
    labels = [part.labels for part in (learn, validation, test)]
    for build in (mini_alexnet, mini_squeezenet):
        for rate in RACE_RATES[build.__name__]:
            keras.utils.set_random_seed(seed)
            model = build()
            falling = keras.optimizers.schedules.CosineDecay(rate, decay_steps=RACE_PASSES * -(-len(learn) // 50))
            model.compile(keras.optimizers.Adam(falling), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
            history = model.fit(
                small[0], labels[0], batch_size=50, epochs=RACE_PASSES, verbose=0, validation_data=(small[1], labels[1])
            ).history
            scores = [
                float(np.mean(model.predict(images, batch_size=1000, verbose=0).argmax(axis=1) == true))
                for images, true in zip(small[1:], labels[1:], strict=True)
            ]
            yield {
                "network": model.name, "parameters": model.count_params(), "rate": rate, "validation": scores[0],
                "test": scores[1], "learnt": history["accuracy"][-1], "loss": history["val_loss"][-1],
                "loss_before": history["val_loss"][-6],
            }  # fmt: skip


RACE_PASSES = 24
RACE_RATES = {"mini_alexnet": (0.002, 0.006), "mini_squeezenet": (0.006, 0.015)}
