"""The long experiments of lesson 26: small networks that learn drawn shapes, and the zoo's network on new pictures."""

from __future__ import annotations

import functools

import keras
import numpy as np
from scipy.ndimage import sobel

from course_lessons.visualising_features import neighbours, pointing, segmentation
from course_lessons.visualising_features.occlusion import occlusion
from course_lib import data, zoo
from course_lib.evidence import experiment
from course_lib.explain.activations import activations, dead_units, filters, smoothness, sparsity
from course_lib.explain.saliency import METHODS, integrated_gradients, saliency

PAINTED = {"class": "labels", "colour": "colours", "ground": "grounds"}  # what was drawn: the fields that tell it
GREY = 0.5  # a baseline: no colour, and neither dark nor light


def small_network(classes, seed, learning_rate=0.002, weight_decay=0.0):
    """Three convolutions and two dense layers for pictures of 32 x 32; logits. Biases do not decay."""
    keras.utils.set_random_seed(seed)
    options = {"activation": "relu", "kernel_initializer": "he_normal"}
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Rescaling(1.0, offset=-0.5),
            keras.layers.Conv2D(16, 7, strides=2, padding="same", name="conv1", **options),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, padding="same", name="conv2", **options),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, padding="same", name="conv3", **options),
            keras.layers.Flatten(),
            keras.layers.Dense(64, name="dense4", **options),
            keras.layers.Dense(classes, name="logits"),
        ]
    )
    optimizer = keras.optimizers.AdamW(learning_rate=learning_rate, weight_decay=weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def right(model, examples):
    return model.evaluate(examples.images, examples.labels, batch_size=200, verbose=0)[1]


LAYERS, EPOCHS = ("conv1", "conv2", "conv3", "dense4"), 12


@experiment(seeds=5)
def training(seed):
    """Twelve epochs without and with weight decay: smoothness of the first filters, zeros of each layer, scores."""
    known, validation, new = (data.shapes(number, 100 * seed + part) for part, number in enumerate((2400, 500, 500)))
    first = small_network(6, seed).get_weights()
    for decay in (0.0, 0.5, 2.0):
        model = small_network(6, seed, weight_decay=decay)
        model.set_weights(first)
        for epoch in range(EPOCHS + 1):
            if epoch:
                keras.utils.set_random_seed(1000 * seed + epoch)
                model.fit(known.images, known.labels, batch_size=50, verbose=0)
            if epoch in (0, 1, 2, 4, 8, EPOCHS):
                row = {"decay": decay, "epoch": epoch, "smoothness": smoothness(filters(model, "conv1")).mean()}
                row |= {
                    f"zeros_{name}": sparsity(each) for name, each in activations(model, new.images, LAYERS).items()
                }
                yield row | {"validation": right(model, validation), "test": right(model, new)}


@experiment(seeds=5)
def rates(seed):
    """The share of filters that are dead after two epochs, and of new pictures that are right, by learning rate."""
    known, new = data.shapes(1500, 100 * seed), data.shapes(500, 100 * seed + 2)
    model = small_network(6, seed)
    model.optimizer.build(model.trainable_variables)
    first, fresh = model.get_weights(), [np.array(each) for each in model.optimizer.variables]
    for rate in (0.001, 0.01, 0.1, 1.0):
        model.set_weights(first)
        for variable, value in zip(model.optimizer.variables, fresh, strict=True):
            variable.assign(value)  # the same compiled network, as new
        model.optimizer.learning_rate = rate
        model.fit(known.images, known.labels, batch_size=50, epochs=2, verbose=0)
        dead = {name: dead_units(each).mean() for name, each in activations(model, new.images, LAYERS).items()}
        yield {"rate": rate} | dead | {"right": right(model, new)}


def stars_and_rings(number, seed, grounds):
    """A third of `number` shapes: stars, 0, and rings, 1. grounds: "all kinds", "one each" or "swapped"."""
    star, ring = (data.shapes(6, seed).class_names.index(name) for name in ("star", "ring"))
    labels = data.shapes(number, seed, size=16).labels
    chosen = {"one each": ("clouds", "stripes"), "swapped": ("stripes", "clouds")}.get(grounds)
    chosen = None if chosen is None else np.where(labels == star, *chosen)
    examples = data.shapes(number, seed, grounds=chosen)
    examples = examples[np.isin(labels, (star, ring))]
    return examples.images, (examples.labels == ring).astype(int), examples.masks


GROUNDS = ("all kinds", "one each", "swapped")


@experiment(seeds=5)
def grounds(seed):
    """Stars against rings, taught on grounds of all kinds or on one each; scores on three tests, and maps."""
    tests = {kind: stars_and_rings(1500, 100 * seed + 2, kind) for kind in GROUNDS}
    model = small_network(2, seed)
    model.optimizer.build(model.trainable_variables)
    first, fresh = model.get_weights(), [np.array(each) for each in model.optimizer.variables]
    for taught in GROUNDS[:2]:
        (images, labels, _), validation = (
            stars_and_rings(number, 100 * seed + part, taught) for part, number in enumerate((4200, 900))
        )
        model.set_weights(first)
        for variable, value in zip(model.optimizer.variables, fresh, strict=True):
            variable.assign(value)  # the same compiled network, as new
        stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
        past = model.fit(
            images, labels, batch_size=50, epochs=15, verbose=0, validation_data=validation[:2], callbacks=[stop]
        )
        row = {"taught": taught, "epochs": len(past.history["loss"])}
        row |= {test: model.evaluate(*tests[test][:2], batch_size=250, verbose=0)[1] for test in GROUNDS}
        pictures, truths, masks = (part[:100] for part in tests["one each"])
        slopes = saliency(model, pictures, truths, signed=True)
        values = {
            "slope": np.abs(slopes).max(axis=-1),
            "slope_times_pixel": np.abs((slopes * (pictures - 0.5)).sum(-1)),
        }
        row |= {name: pointing.mass_inside(each, masks).mean() for name, each in values.items()}
        yield row | {"object": masks.mean()}


# The network of the zoo. A seed draws other pictures, and shuffles its weights another way.


@functools.cache
def shapes_zfnet():
    return zoo.load("shapes_zfnet")


def edges(images):
    """How steep the picture itself is: the length of Sobel's gradient, summed over the colours."""
    return np.hypot(sobel(images, axis=1), sobel(images, axis=2)).sum(axis=-1)


def ignorant(images, masks, seed):
    """Maps that know nothing of any network."""
    return {
        "noise": pointing.random_maps(masks.shape, seed),
        "middle": pointing.centre_maps(masks.shape),
        "vividness": images.max(axis=-1) - images.min(axis=-1),
        "edges": edges(images),
    }


def integrated(baseline):
    return functools.partial(integrated_gradients, baseline=baseline, steps=32)


KINDS = METHODS | {"integrated gradients": integrated(GREY), "from black": integrated(0.0)}
EAGER = ("saliency", "Grad-CAM", "guided back-propagation", "deconvnet")  # take a single slope
CUT = ("saliency", "integrated gradients", "middle", "vividness")


def patient_rows(seed):
    some = data.shapes(24, seed=1000 + seed, size=64)
    copies = {count: pointing.randomised(shapes_zfnet(), count, seed) for count in (1, 4, 13)}
    whole = {name: method(shapes_zfnet(), some.images, some.labels) for name, method in KINDS.items()}
    drops, seen = [], {limit: [] for limit in (0, 0.25, 0.5, 0.75, 1)}
    for image, label, mask in zip(some.images, some.labels, some.masks, strict=True):
        drops.append(occlusion(shapes_zfnet(), image, int(label), size=12, stride=6).drop)
        tried = occlusion(shapes_zfnet(), image, int(label), size=24, stride=8)
        for (row, column), value in np.ndenumerate(tried.probability):
            top, left = tried.tops[row], tried.lefts[column]
            hidden = mask[top : top + 24, left : left + 24].sum() / mask.sum()
            seen[min(limit for limit in seen if hidden <= limit)].append(value)
    for limit, values in seen.items():
        yield "probability", f"hidden up to {limit}", np.mean(values)
    whole |= {"occlusion": np.stack(drops)}
    shuffled = {
        count: {name: KINDS[name](copy, some.images, some.labels) for name in EAGER} for count, copy in copies.items()
    }
    shuffled[13]["integrated gradients"] = KINDS["integrated gradients"](copies[13], some.images, some.labels)
    blind = ignorant(some.images, some.masks, seed)
    for word, found in {"": whole | blind, " shuffled": shuffled[13]}.items():
        for name, values in found.items():
            yield "mass" + word, name, pointing.mass_inside(values, some.masks).mean()
            yield "highest" + word, name, pointing.highest_inside(values, some.masks).mean()
    for name in shuffled[13]:
        others = {f"after {count}": found[name] for count, found in shuffled.items() if name in found}
        others |= {"with another picture's": np.roll(whole[name], 1, axis=0), "with edges": blind["edges"]}
        for word, values in others.items():
            yield f"likeness {word}", name, pointing.similarity(whole[name], values).mean()
    for name in CUT:
        cut = segmentation.segment(some.images[:12], segmentation.seeds((whole | blind)[name][:12]))
        yield "iou", name, segmentation.intersection_over_union(cut, some.masks[:12]).mean()


@experiment(seeds=5)
def maps(seed):
    """Of each kind of map: mass and highest point inside the mask, likeness after shuffling, cuts; and of hiding."""
    for measure, name, value in patient_rows(seed):
        yield {"measure": measure, "map": name, "value": value}


@experiment(seeds=5)
def shared(seed):
    """What a unit's nine strongest pictures, and a picture's five nearest ones, have in common, layer by layer."""
    some = data.shapes(360, seed=1000 + seed, size=64)
    keras.utils.set_random_seed(seed)
    card = zoo.card("shapes_zfnet")
    for network, model in {"trained": shapes_zfnet(), "fresh": zoo.build(card.builder, card.arguments)}.items():
        layers = ["relu1", "relu2", "relu3", "relu4", "relu5", "fc6", "fc7"]
        spaces = {"pixels": some.images} | activations(model, some.images, layers)
        for place, values in spaces.items():
            highest = values.reshape(len(some), -1, values.shape[-1]).max(axis=1)
            top = np.argsort(-highest[:, highest.max(axis=0) > 0], axis=0)[:9]  # a column for each unit that answers
            for kind, field in PAINTED.items():
                painted = getattr(some, field)
                most = [np.bincount(painted[column]).max() / 9 for column in top.T]
                near = neighbours.label_agreement(values, painted)
                yield {"network": network, "place": place, "kind": kind, "strongest": np.mean(most), "nearest": near}
