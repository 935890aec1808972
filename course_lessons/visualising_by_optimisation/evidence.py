"""What lesson 27 says of pictures that were trained, on more networks, pictures and steps than a notebook has."""

from __future__ import annotations

import numpy as np

from course_lib import data
from course_lib.evidence import experiment

# Strengths were chosen on networks 300 and 301 and on other pictures than those that are recorded.
PRIORS = {"no prior": {}, "L2": {"l2": 0.1, "centre": 0}, "total variation": {"tv": 0.1}}
WEAK, STRONG = 0.2, 5
LAYERS = ("relu1", "pool1", "pool2", "pool5")
EPSILONS = (0.01, 0.02, 0.04, 0.08, 0.16)


def reader(seed):
    """LeNet-5 for real digits, as the lesson trains it: the best of six passes on the validation part."""
    import keras

    from course_lib.architectures.lenet import lenet5

    keras.utils.set_random_seed(seed)
    digits = data.mnist_5k()
    model = lenet5((28, 28, 1), padding="same", activation="relu", kernel_initializer="he_normal")
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.003), loss="sparse_categorical_crossentropy")
    best = keras.callbacks.EarlyStopping(monitor="val_loss", patience=6, restore_best_weights=True)
    model.fit(
        digits.train.images,
        digits.train.labels,
        batch_size=100,
        epochs=6,
        validation_data=(digits.validation.images, digits.validation.labels),
        callbacks=[best],
        verbose=0,
    )
    model.set_weights(best.best_weights)  # at the end of all passes Keras would leave those of the last
    return model


@experiment(seeds=5)
def drawn(seed):
    """Ten class images from five starts each; what a network reads that learnt from the same digits, and how like real
    digits they are. The noise at the start, and real digits, to compare with."""
    from course_lib.explain.ascent import maximise
    from course_lib.explain.network import logits, outputs, predictions
    from course_lib.explain.priors import total_variation

    artist, judge = reader(seed), reader(100 + seed)
    scores, test = logits(artist), data.mnist_5k().test
    wanted = np.repeat(np.arange(10), 5)
    shown = {"noise": maximise(artist, np.arange(10), 5, steps=0, seed=seed).images}
    for prior, options in PRIORS.items():
        shown[prior] = maximise(artist, np.arange(10), 5, steps=100, learning_rate=0.02, seed=seed, **options).images
    shown["real digits"] = np.concatenate([test.images[test.labels == digit][:5] for digit in range(10)])
    for kind, images in shown.items():
        yield {
            "kind": kind,
            "logit": np.mean(outputs(scores, images)[np.arange(50), wanted]),
            "variation": np.mean(total_variation(images)),
            "artist": np.mean(predictions(artist, images) == wanted),
            "judge": np.mean(predictions(judge, images) == wanted),
            "likeness": np.mean(likeness(images, wanted)),
        }


def likeness(images, labels):
    """The highest correlation of each picture with one of the 3,500 training digits of its class."""
    known = data.mnist_5k().train
    ours, theirs = (standardised(each) for each in (images, known.images))
    same = labels[:, None] == known.labels
    return np.where(same, ours @ theirs.T, -1).max(axis=1)


def standardised(images):
    """As rows of mean 0 and length 1."""
    rows = images.reshape(len(images), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@experiment(seeds=5)
def inverted(seed):
    """A shape and a photo called back from four layers: with a weak and a strong prior, and from an untrained twin."""
    import keras

    from course_lib import zoo
    from course_lib.explain.inversion import invert, pixel_error

    card = zoo.card("shapes_zfnet")
    keras.utils.set_random_seed(seed)
    networks = {"trained": zoo.load("shapes_zfnet"), "untrained": zoo.build(card.builder, card.arguments)}
    shape = data.shapes(1, seed=500 + seed, size=64)
    originals = np.stack([shape.images[0], crop(seed)])
    ground = shape.masks[0].reshape(64, 64) == 0
    for layer in LAYERS:
        for kind, strength in (("trained", WEAK), ("trained", STRONG), ("untrained", STRONG)):
            found = invert(networks[kind], layer, originals, steps=200, tv=strength, learning_rate=0.05, seed=seed)
            of_shape, of_photo = pixel_error(originals, found.images)
            yield {
                "network": kind,
                "layer": layer,
                "strength": strength,
                "missed": np.mean(found.errors[-1]),
                "shape": of_shape,
                "photo": of_photo,
                "error": (of_shape + of_photo) / 2,
                "ground": alike(originals[0], found.images[0], ground),
                "grey": np.mean(pixel_error(originals, np.full_like(originals, 0.5))),
            }


def crop(seed):
    """A square of 64 from a photograph of half the size."""
    rng, photos = np.random.default_rng(seed), list(data.photos().values())
    photo = photos[rng.integers(len(photos))][::2, ::2]
    row, column = rng.integers(0, np.array(photo.shape[:2]) - 63)
    return photo[row : row + 64, column : column + 64].astype("float32")


def alike(image, other, mask):
    """The correlation of two pictures within a mask, the mean of each channel taken off."""
    one, two = (each[mask] - each[mask].mean(axis=0) for each in (image, other))
    return np.sum(one * two) / np.sqrt(np.sum(one**2) * np.sum(two**2))


@experiment(seeds=5)
def attacks(seed):
    """Pushed by the sign of the slope or by random signs: the share that is misread, of those read right before. And
    small steps to a class drawn by chance: the share that gets there, and how long the way is."""
    from course_lib import zoo
    from course_lib.explain.fooling import fgsm, fooled, targeted
    from course_lib.explain.network import predictions

    rng, shapes, digits = np.random.default_rng(seed), data.shapes(120, seed=600 + seed, size=64), data.mnist_5k().test
    some = digits[rng.permutation(len(digits))[:400]]
    for subject, network, (images, labels), step in (
        ("shapes", zoo.load("shapes_zfnet"), (shapes.images, shapes.labels), 0.003),
        ("digits", reader(seed), (some.images, some.labels), 0.01),
    ):
        signs = rng.choice([-1.0, 1.0], images.shape).astype("float32")
        for epsilon in EPSILONS:
            for way, after in (
                ("sign of the slope", fgsm(network, images, labels, epsilon)),
                ("random signs", np.clip(images + np.float32(epsilon) * signs, 0, 1)),
            ):
                rate = fooled(network, images, after, labels).rate
                yield {"subject": subject, "way": way, "epsilon": epsilon, "share": rate, **measured(images, after)}
        classes = int(network.output_shape[-1])
        before, goals = images[:40], (labels[:40] + rng.integers(1, classes, 40)) % classes
        after = targeted(network, before, goals, step=step, steps=60, confidence=0.9).images
        saved = np.round(255 * after) / np.float32(255)  # as an image file keeps it
        nearest = [length(images[labels == goal] - image).min() for image, goal in zip(before, goals, strict=True)]
        share = np.mean(predictions(network, saved) == goals)
        told = measured(before, saved) | {"of_the_way": np.median(length(saved - before) / nearest)}
        yield {"subject": subject, "way": "to a class", "epsilon": np.nan, "share": share, **told}


def measured(before, after):
    """The root mean square change of a pixel, in levels of 255, the median picture; the rest is for small steps."""
    return {"levels": 255 * np.median(length(after - before)) / before[0].size ** 0.5, "of_the_way": np.nan}


def length(changes):
    return np.linalg.norm(changes.reshape(len(changes), -1), axis=1)
