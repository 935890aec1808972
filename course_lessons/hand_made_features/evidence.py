"""What lesson 08 says of features that people made and features that were learnt, measured with five seeds."""

from __future__ import annotations

import functools
import warnings

import numpy as np

from course_lib import data
from course_lib.evidence import experiment

PATIENCE, PASSES, AT_LEAST, BATCH = 5, 60, 500, 50  # passes in vain, passes at most, pictures in a pass, in a step
LINEAR = (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)  # C of the linear softmax: a larger C is a weaker weight decay
KERNEL = (1.0, 10.0, 100.0)  # C of the support vector machine with a Gaussian kernel
RATES = (0.0005, 0.001, 0.003)  # of Adam


# Features by hand


def direction_maps(images, bins, turn):
    """How steep each picture is at each pixel, shared between the two nearest of `bins` directions of a turn."""
    down, right = np.zeros((2, *images.shape), np.float32)
    down[:, 1:-1], right[:, :, 1:-1] = images[:, 2:] - images[:, :-2], images[:, :, 2:] - images[:, :, :-2]
    steepness, places = np.hypot(down, right), np.arctan2(down, right) % turn * (bins / turn)
    low = np.floor(places)
    share, low = places - low, low.astype(np.int8) % bins
    return [steepness * ((low == place) * (1 - share) + ((low + 1) % bins == place) * share) for place in range(bins)]


def hog(images, cell=4, bins=9):
    """Histograms of oriented gradients of pictures (batch, height, width): (batch, numbers).

    Unsigned directions, votes shared between the two nearest, blocks of 2 x 2 cells, each divided by its length.
    """
    number, rows, columns = len(images), images.shape[1] // cell, images.shape[2] // cell
    maps = [each[:, : rows * cell, : columns * cell] for each in direction_maps(images, bins, np.pi)]
    cells = np.stack([each.reshape(number, rows, cell, columns, cell).mean(axis=(2, 4)) for each in maps], axis=-1)
    corners = [cells[:, down : rows - 1 + down, right : columns - 1 + right] for down in (0, 1) for right in (0, 1)]
    blocks = np.concatenate(corners, axis=-1)
    blocks /= np.sqrt(np.sum(blocks**2, axis=-1, keepdims=True) + 1e-4)
    return blocks.reshape(number, -1).astype(np.float32)


# Classifiers on top of features


def scaled(parts):
    """All features divided by one number; then each brought to mean 0 and deviation 1. By the first part alone."""
    from sklearn.preprocessing import StandardScaler

    yield "one number", [part / parts[0].std() for part in parts]
    scaler = StandardScaler().fit(parts[0])
    yield "each its own", [scaler.transform(part).astype(np.float32) for part in parts]


def linear_errors(parts, labels):
    """Weight decay -> errors of a linear softmax on all parts but the first, from which it learns."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=300, tol=1e-3, warm_start=True)
    for strength in LINEAR:
        model.C = strength
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the last digits of the loss have not settled
            model.fit(parts[0], labels[0])
        yield strength, [np.mean(model.predict(part) != true) for part, true in zip(parts[1:], labels[1:], strict=True)]


def kernel_errors(parts, labels):
    """Softness -> errors of a support vector machine with a Gaussian kernel, of the width that is called "scale"."""
    from sklearn.svm import SVC

    known = parts[0]
    sharpness = 1 / (known.shape[1] * known.var())
    squares = [(part**2).sum(axis=1) for part in parts]
    alike = [
        np.exp(-sharpness * np.maximum(square[:, None] + squares[0] - 2 * part @ known.T, 0))
        for part, square in zip(parts, squares, strict=True)
    ]
    for strength in KERNEL:
        model = SVC(C=strength, kernel="precomputed").fit(alike[0], labels[0])
        yield strength, [np.mean(model.predict(part) != true) for part, true in zip(alike[1:], labels[1:], strict=True)]


TOPS = {"linear": linear_errors, "kernel": kernel_errors}


def on_top(parts, labels, top="linear"):
    """The errors of a classifier on the second part, to choose on, and all others; the best of scales and strengths.

    parts, labels: of the training, the validation and the test parts. Of equals the one with more decay is taken.
    """
    found = [
        (errors[0], strength, place, scaling, errors)
        for place, (scaling, each) in enumerate(scaled(parts))
        for strength, errors in TOPS[top](each, labels)
    ]
    _, strength, _, scaling, errors = min(found, key=lambda each: each[:3])
    return {"top": top, "scaling": scaling, "strength": strength}, errors


# A network


class Net:
    """Filters of 5 x 5 and 3 x 3 on every place, each followed by ReLU and the largest of 2 x 2; then ten units."""

    def __init__(self, shape, filters, classes):
        import keras
        import tensorflow as tf

        def build():
            model = keras.Sequential([keras.Input(shape)])
            for place, number in enumerate(filters):
                model.add(
                    keras.layers.Conv2D(
                        number,
                        3 if place else 5,
                        padding="same",
                        activation="relu",
                        kernel_initializer="he_normal",
                    )
                )
                model.add(keras.layers.MaxPooling2D())
            for layer in (keras.layers.Flatten(), keras.layers.Dropout(0.5), keras.layers.Dense(classes)):
                model.add(layer)
            return model

        self.build, self.model = build, build()
        self.features = keras.Model(self.model.inputs[0], self.model.layers[-3].output)
        self.optimizer = keras.optimizers.Adam()
        self.optimizer.build(self.model.trainable_variables)
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

        @tf.function(reduce_retracing=True)
        def steps(images, labels, order):
            for batch in order:
                with tf.GradientTape() as tape:
                    logits = self.model(tf.gather(images, batch), training=True)
                    loss = self.loss(tf.gather(labels, batch), logits)
                variables = self.model.trainable_variables
                self.optimizer.apply(tape.gradient(loss, variables), variables)

        self.steps = steps
        self.answer = tf.function(lambda images: self.model(images, training=False), reduce_retracing=True)

    def restart(self, seed, rate):
        """Fresh weights of this seed."""
        import keras

        keras.utils.set_random_seed(seed)
        self.model.set_weights(self.build().get_weights())
        for variable in self.optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        self.optimizer.learning_rate = rate

    def logits(self, images):
        return np.concatenate([self.answer(part) for part in np.array_split(images, max(1, len(images) // 500))])

    def read(self, images):
        parts = np.array_split(images, max(1, len(images) // 500))
        return np.concatenate([np.asarray(self.features(part, training=False)) for part in parts])

    def train(self, images, labels, validation, validation_labels, rng):
        """Until the validation loss has not fallen for long; keeps the weights of its best pass."""
        import tensorflow as tf

        pictures, targets = tf.constant(images), tf.constant(labels)
        best = (np.inf,)
        for number in range(1, PASSES + 1):
            order = np.concatenate([rng.permutation(len(images)) for _ in range(max(1, AT_LEAST // len(images)))])
            self.steps(pictures, targets, tf.constant(order.reshape(-1, BATCH)))
            logits = self.logits(validation)
            loss = float(self.loss(validation_labels, logits))
            if loss < best[0]:
                wrong = np.mean(logits.argmax(axis=1) != validation_labels)
                best = loss, wrong, number, self.model.get_weights()
            elif number - best[2] >= PATIENCE:
                break
        self.model.set_weights(best[3])
        return {"validation_loss": best[0], "validation_error": best[1], "passes": best[2]}


@functools.cache
def net(shape, filters, classes):
    return Net(shape, filters, classes)


# Digits


def contest(seed, size, parts, hand_made, filters, tops, rates=RATES):
    """Hand-made and learnt features under the same classifiers, for `size` of the pictures; a row for each.

    parts: images and labels to draw from, to validate and to test; hand_made: name -> function of the images
    """
    rng = np.random.default_rng([seed, size])
    (known, known_labels), *others = parts
    picked = rng.permutation(len(known))[:size]
    images, labels = [known[picked], *(part for part, _ in others)], [known_labels[picked], *(t for _, t in others)]
    learner, best = net(images[0].shape[1:], filters, int(labels[0].max()) + 1), None
    for rate in rates:
        learner.restart(seed, rate)
        told = learner.train(images[0], labels[0], images[1], labels[1], rng)
        if best is None or told["validation_loss"] < best[0]["validation_loss"]:
            error = np.mean(learner.logits(images[2]).argmax(axis=1) != labels[2])
            best = told | {"rate": rate, "test_error": error}, [learner.read(part) for part in images]
    yield {"examples": size, "features": "learnt", "top": "its own", "scaling": "none", "strength": np.nan, **best[0]}
    features = {"learnt": best[1]}
    for name, function in hand_made.items():
        features[name] = [function(part).reshape(len(part), -1) for part in images]
    for name, each in features.items():
        for top in tops:
            chosen, (wrong, error) = on_top(each, labels, top)
            row = {"examples": size, "features": name, **chosen, "validation_loss": np.nan, "validation_error": wrong}
            yield row | {"passes": np.nan, "rate": np.nan, "test_error": error}


@functools.cache
def mnist_parts():
    """To draw from, 1,000 to validate, 4,000 to test: drawn from the parts of MNIST, which are not in random order."""
    mnist, rng = data.mnist(), np.random.default_rng(0)
    drawn = [(mnist.train, slice(None))]
    drawn += [(part, rng.permutation(len(part))[:n]) for part, n in ((mnist.validation, 1000), (mnist.test, 4000))]
    return [(part.images[places], part.labels[places]) for part, places in drawn]


@experiment(seeds=5)
def digits(seed):
    """MNIST: pixels, HOG and learnt filters under a linear softmax; up to 2,500 digits also under a kernel machine.

    For 8,000 digits the network has the rate that was best for 2,500.
    """
    hand_made = {"pixels": lambda images: images, "HOG": lambda images: hog(images[..., 0])}
    for size in (100, 500, 2500):
        rows = list(contest(seed, size, mnist_parts(), hand_made, (16, 32), ("linear", "kernel")))
        yield from rows
    yield from contest(seed, 8000, mnist_parts(), hand_made, (16, 32), ("linear",), rates=[rows[0]["rate"]])
