"""The long experiments of lesson 20: what bottlenecks save on the clock, two heads, and what auxiliary heads bring."""

from __future__ import annotations

import time
from functools import partial

import keras
import numpy as np

from course_lib import data
from course_lib.architectures.googlenet import MODULES, googlenet, inception, naive_inception
from course_lib.evidence import experiment
from course_lib.gradients import gradients

LEARNED, BATCH = 500, 50
# The layers of one of the longest paths through GoogLeNet.
PATH = ["conv1", "conv2_reduce", "conv2"]
PATH += [f"inception_{module}_3x3{end}" for module in MODULES for end in ("_reduce", "")]
PATH += ["predictions"]


def parts_of(dataset, seed):
    """Training, validation and test part as (images, labels); the first has only LEARNED pictures, drawn by `seed`."""
    middle, deviation = dataset.train.images.mean(), dataset.train.images.std()
    drawn = np.random.default_rng(seed).permutation(len(dataset.train))[:LEARNED]
    parts = dataset.train[drawn], dataset.validation, dataset.test
    return [((part.images - middle) / deviation, part.labels) for part in parts]


def judge(model, images, labels):
    """Loss and share of right answers of the first output."""
    outputs = model(images, training=False)
    answers = keras.ops.convert_to_numpy(outputs[0] if len(model.outputs) > 1 else outputs)
    surprise = -np.log(answers[np.arange(len(labels)), labels] + 1e-7)
    return float(surprise.mean()), float(np.mean(answers.argmax(axis=1) == labels))


def learn(model, weights, rate, seed, parts, epochs):
    """Train a compiled model from `weights` on; a row for every fifth epoch, and for the one of lowest validation loss.

    Only that one, where early stopping would have stopped, has a result on the test part.
    """
    (images, labels), validation, test = parts
    model.set_weights(weights)
    for variable in model.optimizer.variables:
        variable.assign(0 * variable)
    model.optimizer.learning_rate = rate
    rng, rows, best, kept = np.random.default_rng(seed), [], {"validation_loss": np.inf}, weights
    for epoch in range(1, epochs + 1):
        for batch in rng.permutation(len(images)).reshape(-1, BATCH):
            model.train_on_batch(images[batch], [labels[batch]] * len(model.outputs))
        loss, right = judge(model, *validation)
        rows.append({"epoch": epoch, "validation_loss": loss, "validation": right, "test": np.nan})
        if loss < best["validation_loss"]:
            best, kept = rows[-1], model.get_weights()
    model.set_weights(kept)
    best["test"] = judge(model, *test)[1]
    yield from (row for row in rows if row["epoch"] % 5 == 0 or row is best)


def mlp_block(x, filters, strides):
    """A convolution of 3 × 3 and two of 1 × 1."""
    for size, step in ((3, strides), (1, 1), (1, 1)):
        x = keras.layers.Conv2D(
            filters, size, strides=step, padding="same", activation="relu", kernel_initializer="he_normal"
        )(x)
    return x


def small_network(shape, classes, head):
    """Two blocks of a network in network, and either head."""
    inputs = keras.Input(shape)
    x = mlp_block(inputs, 8, strides=2)
    x = keras.layers.MaxPooling2D(3, 2, padding="same")(x)
    x = mlp_block(x, 16, strides=1)
    if head == "average":
        x = keras.layers.GlobalAveragePooling2D()(x)
    else:
        x = keras.layers.Flatten()(x)
        x = keras.layers.Dense(128, activation="relu", kernel_initializer="he_normal")(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


@experiment(seeds=5)
def heads(seed):
    """The mean of each map, or flatten and dense, on real digits and on textures; two learning rates."""
    for task, dataset in {"digits": data.mnist_5k(), "textures": data.textures(size=16)}.items():
        parts = parts_of(dataset, seed)
        for head in ("flatten and dense", "average"):
            keras.utils.set_random_seed(seed)
            model = small_network(dataset.train.images.shape[1:], len(dataset.train.class_names), head)
            model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
            model.optimizer.build(model.trainable_variables)
            start = model.get_weights()
            for rate in (0.003, 0.01):
                for row in learn(model, start, rate, seed, parts, epochs=60):
                    yield {"task": task, "head": head, "rate": rate} | row


def small_googlenet(seed, start="he_normal"):
    """All 22 layers and both auxiliary heads, with an eighth of the filters, for digits."""
    keras.utils.set_random_seed(seed)
    return googlenet((28, 28, 1), 10, auxiliary=True, width=1 / 8, strides=1, kernel_initializer=start)


@experiment(seeds=5)
def gradient_profile(seed):
    """Right after the start: the norm of the gradient in each layer of a longest path, for one loss and for three."""
    (images, labels), _, _ = parts_of(data.mnist_5k(), seed)
    for title, initializer in {"Glorot's start": "glorot_uniform", "He's start": "he_normal"}.items():
        net = small_googlenet(seed, initializer)
        state = [variable.value for variable in net.non_trainable_variables]
        entropy = keras.losses.SparseCategoricalCrossentropy()

        def loss(auxiliary_weight, *weights, net=net, state=state, entropy=entropy):
            outputs, _ = net.stateless_call(weights, state, images[:100])
            main, *others = (entropy(labels[:100], output) for output in outputs)
            return main + auxiliary_weight * sum(others)

        weights = [variable.value for variable in net.trainable_variables]
        names = [variable.path for variable in net.trainable_variables]
        places = [names.index(f"{layer}/kernel") for layer in PATH]
        for losses, weight in {"one loss": 0.0, "three losses": 0.3}.items():
            found = gradients(partial(loss, weight), *weights)
            for layer, place in zip(PATH, places, strict=True):
                yield {"start": title, "losses": losses, "layer": layer, "norm": np.linalg.norm(found[place])}


@experiment(seeds=5)
def auxiliary(seed):
    """The small GoogLeNet with one loss and with three, from the same weights on, at Adam's usual learning rate."""
    parts = parts_of(data.mnist_5k(), seed)
    model, share = small_googlenet(seed), keras.Variable(0.0, trainable=False)
    entropy = keras.losses.sparse_categorical_crossentropy

    def aside(targets, answers):
        return share * entropy(targets, answers)

    model.compile(optimizer="adam", loss=[entropy, aside, aside])
    model.optimizer.build(model.trainable_variables)
    start = model.get_weights()
    for losses, weight in {"one loss": 0.0, "three losses": 0.3}.items():
        share.assign(weight)
        for row in learn(model, start, 0.001, seed, parts, epochs=30):
            yield {"losses": losses} | row


def pairs():
    """Direct and with bottlenecks: one layer of 5 × 5, and a whole module."""
    x = keras.Input((28, 28, 192))
    large = partial(keras.layers.Conv2D, 32, 5, padding="same", activation="relu")
    squeezed = large()(keras.layers.Conv2D(16, 1, activation="relu")(x))
    yield "5×5", keras.Model(x, large()(x)), keras.Model(x, squeezed)
    x = keras.Input((28, 28, 256))
    naive = naive_inception(x, 128, 192, 96, name="naive")
    yield "module", keras.Model(x, naive), keras.Model(x, inception(x, 128, 64, 192, 64, 96, 64, name="reduced"))


@experiment(seeds=5)
def times(seed):
    """Seconds for eight pictures, the fastest of eight turns; the nets take turns, and the first two do not count."""
    rng = np.random.default_rng(seed)
    for name, direct, squeezed in pairs():
        pictures = keras.ops.convert_to_tensor(rng.normal(size=(8, *direct.input_shape[1:])), "float32")
        seconds = {"direct": [], "bottlenecks": []}
        for _ in range(10):
            for kind, net in zip(seconds, (direct, squeezed), strict=True):
                began = time.perf_counter()
                keras.ops.convert_to_numpy(net(pictures))  # the numbers have to be there
                seconds[kind].append(time.perf_counter() - began)
        for kind, each in seconds.items():
            yield {"pair": name, "kind": kind, "seconds": min(each[2:])}
