"""The long experiments of lesson 25: what can be borrowed from a trained network, each beside the same without it."""

from __future__ import annotations

import functools
import math
import os

import keras
import numpy as np

from course_lessons.transfer_applications import detection, writing
from course_lib import data, zoo
from course_lib.evidence import experiment

for threads in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(threads, "1")  # two threads wait for each other at each tiny layer

DECAYS = (1.0, 10.0, 100.0, 1000.0, 10000.0)  # of the linear reader
VALIDATION, TEST = 500, 1000


# Training again and again: a network is compiled once, and one traced graph serves every start


class FallingRate(keras.callbacks.Callback):
    """From `rate` to nearly 0 along half a cosine, a step after every pass."""

    def __init__(self, rate, passes):
        super().__init__()
        self.rate, self.passes = rate, passes

    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = self.rate * 0.5 * (1 + math.cos(math.pi * epoch / self.passes))


def train(model, start, inputs, targets, *, rate, passes, batch, seed):
    """Train a compiled model from the weights `start`."""
    keras.utils.set_random_seed(seed)
    model.set_weights(start)
    for variable in model.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    model.fit(inputs, targets, batch_size=batch, epochs=passes, callbacks=[FallingRate(rate, passes)], verbose=0)


def fresh(model, seed):
    """The same layers with the weights they begin with: a random twin."""
    keras.utils.set_random_seed(seed)
    return keras.models.clone_model(model)


def cut(network, layer):
    """The network up to a layer, frozen."""
    body = keras.Model(network.inputs, network.get_layer(layer).output)
    body.trainable = False
    return body


def answers(network, layers, images):
    """What these layers answer to the images, by name."""
    outputs = [network.get_layer(layer).output for layer in layers]
    found = keras.Model(network.inputs, outputs).predict(images, batch_size=250, verbose=0)
    return dict(zip(layers, [found] if len(layers) == 1 else found, strict=True))


# A linear reader


def pooled(maps):
    """Means over the four quarters of maps (batch, height, width, channels), flat; vectors stay what they are."""
    if maps.ndim == 2:
        return maps
    halves = [np.concatenate([part.mean(axis=1, keepdims=True) for part in np.array_split(maps, 2, axis=1)], axis=1)]
    halves += [np.concatenate([part.mean(axis=2, keepdims=True) for part in np.array_split(halves[0], 2, axis=2)], 2)]
    return halves[1].reshape(len(maps), -1)


def read_off(parts, labels):
    """Errors on validation and test of a linear reader: least squares, its weight decay chosen on validation."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(parts[0])
    known, chosen_on, unseen = (scaler.transform(part) for part in parts)
    tried = []
    for decay in DECAYS:
        reader = RidgeClassifier(alpha=decay).fit(known, labels[0])
        tried.append((1 - reader.score(chosen_on, labels[1]), decay, reader))
    error, _, reader = min(tried, key=lambda each: each[:2])
    return error, 1 - reader.score(unseen, labels[2])


# Few labels or many, near or far


@functools.cache
def world(name):
    """Pictures of 28 x 28 and labels: to learn from, to choose on, to test on.

    near: real digits of MNIST, for a network that learnt 1,347 other digits; far: the outlines of six drawn shapes.
    """
    if name == "near":
        digits = data.mnist_5k()
        return tuple((part.images, part.labels) for part in (digits.train, digits.validation, digits.test))
    drawn = (data.shapes(number, seed=seed, size=28) for number, seed in ((3500, 11), (VALIDATION, 12), (TEST, 13)))
    return tuple((each.masks[..., None].astype("float32"), each.labels) for each in drawn)


def few(name, labels, seed):
    """So many examples, drawn anew for every seed, each class as often as another (but for one)."""
    images, targets = world(name)[0]
    order = np.random.default_rng([seed, 25]).permutation(len(targets))
    rank = np.empty(len(order), int)
    for label in np.unique(targets):
        rank[order[targets[order] == label]] = np.arange(np.sum(targets == label))
    some = order[np.argsort(rank[order], kind="stable")][:labels]
    return images[some], targets[some]


RATES = {"scratch": (0.003, 0.006, 0.012), "all": (0.001, 0.003, 0.006, 0.012)}  # of Adam
PASSES = {100: 40, 600: 15}  # labels -> passes; the rate falls to nearly 0


@functools.cache
def source():
    return zoo.load("digits_lenet")


@functools.cache
def lenet(classes):
    """LeNet-5 without its softmax, compiled, with as many outputs as there are classes."""
    from course_lib.architectures.lenet import lenet5

    arguments = zoo.card("digits_lenet").arguments | {"classes": classes, "classifier_activation": None}
    model = lenet5(**arguments)
    model.compile(keras.optimizers.Adam(), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@functools.cache
def new_head(classes):
    model = keras.Sequential([keras.layers.Input((84,)), keras.layers.Dense(classes)])
    model.compile(keras.optimizers.Adam(), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def wrong(model, part):
    inputs, targets = part
    return float(np.mean(np.asarray(model(inputs, training=False)).argmax(axis=1) != targets))


@functools.cache
def one_pass(model):
    """Adam, and a pass over examples in a given order as one traced graph: these steps are too small for `fit`."""
    import tensorflow as tf

    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)

    @tf.function
    def run(inputs, targets, order):
        for batch in order:
            with tf.GradientTape() as tape:
                error = model.loss(tf.gather(targets, batch), model(tf.gather(inputs, batch), training=True))
            optimizer.apply(tape.gradient(error, model.trainable_variables), model.trainable_variables)

    return optimizer, run


def train_in_passes(model, start, inputs, targets, *, rate, passes, batch, seed):
    """What `train` does, for a network without dropout: the rate falls along half a cosine, a step after every pass."""
    optimizer, run = one_pass(model)
    for variable in optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    model.set_weights(start)
    inputs, targets = map(keras.ops.convert_to_tensor, (inputs, targets))
    random = np.random.default_rng([seed, passes])
    for done in range(passes):
        optimizer.learning_rate = rate * 0.5 * (1 + math.cos(math.pi * done / passes))
        run(inputs, targets, keras.ops.convert_to_tensor(random.permutation(len(inputs)).reshape(-1, batch)))


def lenet_runs(name, labels, seed):
    """Each way to learn from these labels, at each rate: its errors on validation and test."""
    examples, (_, *others) = few(name, labels, seed), world(name)
    parts, classes = [examples, *others], len(np.unique(examples[1]))
    how = {"passes": PASSES[labels], "batch": 10 if labels == 100 else 25, "seed": seed}
    lines = {"a line on F6": (source(), "F6"), "a line on S4": (source(), "S4")}
    lines["a line on S4, random body"] = fresh(source(), seed), "S4"
    read = {}
    for way, (network, layer) in lines.items():
        body = cut(network, layer)
        read[way] = [body.predict(x, batch_size=250, verbose=0).reshape(len(x), -1) for x, _ in parts]
        errors = read_off(read[way], [y for _, y in parts])
        yield {"way": way, "rate": 0.0, "validation_error": errors[0], "test_error": errors[1]}

    model, head = lenet(classes), new_head(classes)
    anew = fresh(model, seed).get_weights()
    begun = fresh(head, seed).get_weights()
    train_in_passes(head, begun, read["a line on F6"][0], examples[1], rate=0.003, **how)
    borrowed = source().get_weights()[:-2] + head.get_weights()  # the head alone has learnt already
    for way, start in (("scratch", anew), ("all", borrowed)):
        for rate in RATES[way]:
            train_in_passes(model, start, *examples, rate=rate, **how)
            errors = [wrong(model, part) for part in others]
            yield {"way": way, "rate": rate, "validation_error": errors[0], "test_error": errors[1]}


@experiment(seeds=5)
def thaw(seed):
    """How much of LeNet-5 to train on a new task, with few labels and many, near what it learnt and far from it."""
    for name in ("near", "far"):
        for labels in PASSES:
            for row in lenet_runs(name, labels, seed):
                yield {"world": name, "labels": labels} | row


SHELF = ("conv2_pool", "conv3_pool", "conv4_pool", "max_pool")


def in_colour(images):
    """Grey pictures as `cifar_resnet` wants them: 32 x 32, three equal colours."""
    return np.repeat(np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0))), 3, axis=-1)


@experiment(seeds=5)
def shelf(seed):
    """Digits read by a line from the layers of a network that has only seen photographs."""
    _, chosen_on, unseen = world("near")
    judge = [in_colour(chosen_on[0]), in_colour(unseen[0])]
    photographs = zoo.load("cifar_resnet")
    for kind, network in (("taught", photographs), ("random", fresh(photographs, seed))):
        learn = few("near", max(PASSES), seed)
        found = [answers(network, SHELF, images) for images in (in_colour(learn[0]), *judge)]
        features = {layer: [pooled(part[layer]) for part in found] for layer in SHELF}
        if kind == "taught":
            features["pixels"] = [part.reshape(len(part), -1) for part in (learn[0], chosen_on[0], unseen[0])]
        for labels in PASSES:
            for layer, parts in features.items():
                parts = [parts[0][:labels], *parts[1:]]
                errors = read_off(parts, (learn[1][:labels], chosen_on[1], unseen[1]))
                kind_of = "pixels" if layer == "pixels" else kind
                yield {
                    "labels": labels, "kind": kind_of, "layer": layer, "validation_error": errors[0],
                    "test_error": errors[1],
                }  # fmt: skip


# What does a layer know?

QUESTIONS = ("class", "colour", "ground", "place")
LAYERS = ("pool1", "pool2", "relu3", "relu4", "pool5", "fc6", "fc7")


def truths(drawn):
    """The answers to the four questions; a place is one of the four quarters, that of the middle of the box."""
    middles = (drawn.boxes[:, :2] + drawn.boxes[:, 2:]) / 2 > drawn.images.shape[1] / 2
    return dict(zip(QUESTIONS, (drawn.labels, drawn.colours, drawn.grounds, middles @ [2, 1]), strict=True))


@experiment(seeds=5)
def probes(seed):
    """What a line reads off each layer of the network for shapes, and of its random twin."""
    parts = [data.shapes(number, seed=100 + 3 * seed + k, size=64) for k, number in enumerate((1000, VALIDATION, TEST))]
    labels = [truths(part) for part in parts]
    network = zoo.load("shapes_zfnet")
    for kind, each in (("taught", network), ("random", fresh(network, seed))):
        found = [answers(each, LAYERS, part.images) for part in parts]
        features = {layer: [pooled(part[layer]) for part in found] for layer in LAYERS}
        if kind == "taught":
            features["pixels"] = [pooled(part.images) for part in parts]
        for layer, question in ((layer, question) for layer in features for question in QUESTIONS):
            error = read_off(features[layer], [label[question] for label in labels])[1]
            yield {"kind": kind, "layer": layer, "question": question, "right": 1 - error}


MIRROR_PASSES, MIRROR_RATE = 10, 0.003


@functools.cache
def upper_half():
    """One more convolution and two dense layers, for maps of 6 x 6 from `pool2`."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((6, 6, 43)), layers.Conv2D(48, 3, padding="same", use_bias=False),
            layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(2), layers.Flatten(),
            layers.Dense(64, activation="relu", name="last"), layers.Dense(6),
        ]
    )  # fmt: skip
    model.compile(keras.optimizers.Adam(), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@experiment(seeds=5)
def mirror(seed):
    """On the same frozen maps fresh layers are taught the class or the colour: what is left at the last one?"""
    learn = data.shapes(2000, seed=200 + 3 * seed, size=64)
    parts = [data.shapes(number, seed=200 + 3 * seed + k, size=64) for k, number in ((1, VALIDATION), (2, TEST))]
    parts = [learn[:1000], *parts]
    network, model = zoo.load("shapes_zfnet"), upper_half()
    maps = answers(network, ["pool2"], learn.images)["pool2"]
    parts_maps = [maps[:1000]] + [answers(network, ["pool2"], part.images)["pool2"] for part in parts[1:]]
    for taught in ("class", "colour", "nothing"):
        start = fresh(model, seed).get_weights()
        how = {"rate": MIRROR_RATE, "passes": MIRROR_PASSES if taught != "nothing" else 0, "batch": 50, "seed": seed}
        train(model, start, maps, truths(learn).get(taught, learn.labels), **how)
        found = [answers(model, ["last"], each)["last"] for each in parts_maps]
        for question in ("class", "colour"):
            error = read_off(found, [truths(part)[question] for part in parts])[1]
            yield {"taught": taught, "question": question, "right": 1 - error}


# Boxes, captions and masks, each beside the same from other layers

DETECTOR_RATE, DETECTOR_PASSES, BATCH = 0.01, 30, 10  # for each body the better of this and 0.003, on other scenes


def grid_loss(truth, answer):
    """Is a middle here? And where one is: where exactly, how large, which class?"""
    ops, here = keras.ops, truth[..., 0]
    presence = ops.binary_crossentropy(here, answer[..., 0], from_logits=True)
    place = ops.sum((truth[..., 1:5] - answer[..., 1:5]) ** 2, axis=-1)
    kind = ops.sparse_categorical_crossentropy(ops.cast(truth[..., 5], "int32"), answer[..., 5:], from_logits=True)
    return ops.sum(presence + here * (place + kind), axis=(1, 2))


def grid_head():
    layers = keras.layers
    parts = [layers.Conv2D(96, 3, padding="same", use_bias=False), layers.BatchNormalization(), layers.ReLU()]
    return keras.Sequential([layers.Input((6, 6, 43)), *parts, layers.Conv2D(11, 1)])


@functools.cache
def compiled_head():
    model = grid_head()
    model.compile(keras.optimizers.Adam(), loss=grid_loss)
    return model


@experiment(seeds=5)
def detector(seed):
    """A head on frozen maps learns boxes and classes from 200 scenes: mean average precision on 300 others."""
    parts = [detection.scenes(number, seed=310 + 2 * seed + k) for k, number in enumerate((200, 300))]
    network, head = zoo.load("shapes_zfnet"), compiled_head()
    for kind, each in (("taught", network), ("random", fresh(network, seed))):
        maps = [answers(each, ["relu5"], part.images)["relu5"] for part in parts]
        how = {"rate": DETECTOR_RATE, "passes": DETECTOR_PASSES, "batch": BATCH, "seed": seed}
        train(head, fresh(grid_head(), seed).get_weights(), maps[0], detection.to_grid(parts[0]), **how)
        said = head.predict(maps[1], batch_size=100, verbose=0)
        yield {
            "kind": kind, "map": detection.mean_average_precision(detection.detect(said), parts[1]),
            "all_boxes_map": detection.mean_average_precision(detection.detect(said, overlap=1.0), parts[1]),
            "strict_map": detection.mean_average_precision(detection.detect(said), parts[1], overlap=0.75),
        }  # fmt: skip


CAPTION_RATES, CAPTION_PASSES = (0.003, 0.01), 15
READS = {"fc7": ["fc7"], "early layers": ["pool1", "pool5"]}


@experiment(seeds=5)
def captions(seed):
    """A writer reads fc7, or pool1 and pool5: which of its words are right?"""
    parts = [data.shapes(number, seed=500 + 3 * seed + k, size=64) for k, number in enumerate((1000, 300, 500))]
    network, texts = zoo.load("shapes_zfnet"), [writing.numbers(part) for part in parts]
    for reads, layers in READS.items():
        found = [answers(network, layers, part.images) for part in parts]
        features = [np.concatenate([pooled(each[layer]) for layer in layers], axis=1) for each in found]
        mean, spread = features[0].mean(axis=0), features[0].std(axis=0) + 1e-3
        features = [(part - mean) / spread for part in features]
        model = caption_writer(features[0].shape[1])
        for rate in CAPTION_RATES:
            how = {"rate": rate, "passes": CAPTION_PASSES, "batch": 50, "seed": seed}
            train(model, fresh(model, seed).get_weights(), [features[0], texts[0][:, :-1]], texts[0][:, 1:], **how)
            told = [writing.write(model, features[place]) == texts[place][:, 1:] for place in (1, 2)]
            right = dict(zip(writing.PLACES, told[1][:, writing.WORDS_AT].mean(axis=0), strict=True))
            whole = [each.all(axis=1).mean() for each in told]
            yield {"reads": reads, "rate": rate, "validation_words": told[0].mean(), **right, "whole": whole[1]}


@functools.cache
def caption_writer(numbers):
    model = writing.writer(numbers)
    model.compile(keras.optimizers.Adam(), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


MASK_RATE, MASK_PASSES = 0.01, 25  # for each decoder the better of this and 0.003, on others
MASK_LAYERS = ("relu5", "relu2", "relu1")


@functools.cache
def decoder(skips):
    """From frozen maps of 6 x 6 to logits of 32 x 32; with `skips` it may look at earlier maps on the way up."""
    layers = keras.layers
    deep, middle, fine = (layers.Input(shape) for shape in ((6, 6, 43), (11, 11, 43), (30, 30, 16)))
    x = layers.Resizing(8, 8)(deep)
    x = layers.Conv2DTranspose(32, 4, strides=2, padding="same", activation="relu")(x)
    if skips:
        x = layers.Concatenate()([x, layers.Resizing(16, 16)(middle)])
    x = layers.Conv2DTranspose(16, 4, strides=2, padding="same", activation="relu")(x)
    if skips:
        x = layers.Concatenate()([x, layers.Resizing(32, 32)(fine)])
    model = keras.Model([deep, middle, fine], layers.Conv2D(7, 3, padding="same")(x))
    model.compile(keras.optimizers.Adam(), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def class_maps(drawn):
    """0 for ground, 1 to 6 for the classes, 32 x 32: a pixel belongs to the shape if it covers half of it."""
    half = drawn.masks.reshape(len(drawn), 32, 2, 32, 2).mean(axis=(2, 4)) >= 0.5
    return np.where(half, drawn.labels[:, None, None] + 1, 0)


def mean_iou(truth, answer):
    """Over the six shapes: intersection over union of all pixels of a class, in all pictures together."""
    pairs = [(truth == k, answer == k) for k in range(1, 7)]
    return float(np.mean([np.sum(own & said) / np.sum(own | said) for own, said in pairs]))


@experiment(seeds=5)
def masks(seed):
    """A decoder learns masks from 100 pictures: with and without skips, on taught maps and on random ones."""
    parts = [data.shapes(number, seed=410 + 2 * seed + k, size=64) for k, number in enumerate((100, 300))]
    network, targets = zoo.load("shapes_zfnet"), [class_maps(part) for part in parts]
    random_one = fresh(network, seed)
    for kind, each, skips in (("taught", network, True), ("no skips", network, False), ("random", random_one, True)):
        maps = [list(answers(each, MASK_LAYERS, part.images).values()) for part in parts]
        model = decoder(skips)
        how = {"rate": MASK_RATE, "passes": MASK_PASSES, "batch": BATCH, "seed": seed}
        train(model, fresh(model, seed).get_weights(), maps[0], targets[0], **how)
        said = model.predict(maps[1], batch_size=100, verbose=0).argmax(axis=-1)
        yield {
            "kind": kind, "iou": mean_iou(targets[1], said), "pixels": float(np.mean(targets[1] == said)),
            "ground": float(np.mean(targets[1] == 0)),
        }  # fmt: skip
