"""Exercises of lesson 13_first_cnn_lenet."""

from __future__ import annotations

import functools

import numpy as np
from scipy import ndimage, special

from course_lib.exercises.spec import exercise

LESSON = "13_first_cnn_lenet"


@exercise(lesson=LESSON, points=1)
def flatten_index(row, column, channel, shape):
    return np.ravel_multi_index((row, column, channel), shape)


flatten_index.hints = (
    "Channels change fastest: two neighbours in the vector are two channels of the same place, if there are two.",
    "How many values lie before the first one of this row? Each earlier row holds width * channels of them.",
    "(row * width + column) counts the places before; multiply by the number of channels, then add the channel.",
)


@flatten_index.cases
def _(rng):
    yield 1, 2, 1, (3, 4, 2)
    yield 2, 0, 2, (4, 3, 5)
    yield 0, 0, 0, (1, 1, 1)
    for shape in ((1, 1, 6), (5, 7, 1), (2, 9, 4), (28, 20, 3)):
        row, column, channel = (int(rng.integers(size)) for size in shape)
        yield row, column, channel, shape


@flatten_index.mistake(
    "This is the order of channels first. In Keras the channels come last: they change fastest, from index to index."
)
def _(row, column, channel, shape):
    height, width, _ = shape
    return (channel * height + row) * width + column


@flatten_index.mistake("A row holds `width` places, not `height`: multiply the row by the width.")
def _(row, column, channel, shape):
    height, _, channels = shape
    return (row * height + column) * channels + channel


@flatten_index.mistake(
    "This goes down the columns. Flatten goes along the rows: the column changes before the row does."
)
def _(row, column, channel, shape):
    height, _, channels = shape
    return (column * height + row) * channels + channel


@flatten_index.known_mistakes
def _(row, column, channel, shape):
    yield (
        "Each place holds all channels: the number of places before must be multiplied by them.",
        row * shape[1] + column + channel,
    )
    yield "You count from 1. The first value has index 0.", (row * shape[1] + column) * shape[2] + channel + 1


@exercise(lesson=LESSON, points=1)
def multi_label_predict(logits, threshold):
    return special.expit(logits) > threshold


multi_label_predict.hints = (
    "Each class is a decision of its own, whatever the others say: no softmax, no argmax.",
    "sigmoid(logits) gives a probability for each class; compare it with the threshold.",
    "(sigmoid(logits) > threshold).astype(int) turns the comparison into 1 and 0.",
)


@multi_label_predict.cases
def _(rng):
    yield np.array([[-3.0, -2.0, -4.0]]), 0.5  # none
    yield np.array([[3.0, 2.0, 0.4]]), 0.5  # all: softmax would share out
    yield np.array([[0.3, -0.3, 0.8], [-0.2, 2.5, 0.6]]), 0.6
    for examples, classes, threshold in ((1, 1, 0.5), (4, 5, 0.3), (6, 10, 0.8)):
        yield rng.normal(0, 2, (examples, classes)), threshold


@multi_label_predict.known_mistakes
def _(logits, threshold):
    yield (
        "That is softmax: the classes share one whole, so a second right class pushes the first one down. Use sigmoid.",
        special.softmax(logits, axis=1) > threshold,
    )
    yield (
        "You pick the best class of each row. Here several can be present, or none: decide for each class.",
        logits == logits.max(axis=1, keepdims=True),
    )
    yield "The threshold is one for probabilities; these are logits. Take the sigmoid first.", logits > threshold
    yield "The threshold is not used: you decide at 1/2, where the logit is 0.", logits > 0
    yield "These are the probabilities. Compare them with the threshold: 1 above it, 0 below.", special.expit(logits)


@exercise(lesson=LESSON, points=2)
def lenet_parameters(side, channels, classes):
    import keras

    sizes = [keras.Input((side, side, channels))]
    sizes += [keras.layers.Conv2D(6, 5), keras.layers.AveragePooling2D(2), keras.layers.Conv2D(16, 5)]
    sizes += [keras.layers.AveragePooling2D(2), keras.layers.Flatten()]
    sizes += [keras.layers.Dense(120), keras.layers.Dense(84), keras.layers.Dense(classes)]
    counts = [layer.count_params() for layer in keras.Sequential(sizes).layers]
    return np.array([count for count in counts if count])


lenet_parameters.hints = (
    "Each filter, and each unit, has one weight for everything it sees, and one bias: units * (inputs + 1).",
    "A kernel of C1 sees 5 * 5 * channels values, one of C3 5 * 5 * 6. Neither depends on the side of the picture.",
    "Without padding a 5 x 5 convolution takes 4 from the side; pooling halves it, rounded down. C5 sees side² * 16.",
)


@lenet_parameters.cases
def _(rng):
    yield 32, 1, 10
    yield 28, 1, 10
    yield 16, 3, 2
    yield 45, 3, int(rng.integers(3, 30))
    yield int(rng.integers(50, 80)), int(rng.integers(2, 5)), 5


def _counts(side, channels, classes, c3_inputs=150, c5_planes=16, bias=1):
    inputs = [25 * channels, c3_inputs, side * side * c5_planes, 120, 84]
    return [units * (count + bias) for units, count in zip([6, 16, 120, 84, classes], inputs, strict=True)]


def _side(side, lost=4, last=4):
    return ((side - lost) // 2 - last) // 2


@lenet_parameters.known_mistakes
def _(side, channels, classes):
    yield "The biases are missing: one for each filter and each unit.", _counts(_side(side), channels, classes, bias=0)
    yield (
        "These sides belong to padding='same'. Without padding a 5 x 5 kernel takes 4 from the side.",
        _counts(_side(side, 0, 0), channels, classes),
    )
    yield "C1 has no padding either: it takes 4 from the side, as C3 does.", _counts(_side(side, 0), channels, classes)
    yield (
        "A filter of C3 reads all six maps below it: 5 * 5 * 6 weights, not 5 * 5.",
        _counts(_side(side), channels, classes, c3_inputs=25),
    )
    yield (
        "C5 sees every value of S4, of all 16 maps: side * side * 16 inputs for each unit.",
        _counts(_side(side), channels, classes, c5_planes=1),
    )
    yield (
        "C5 sees the maps after the second pooling, which halves their side once more.",
        _counts((side - 4) // 2 - 4, channels, classes),
    )


@lenet_parameters.mistake(
    "Pooling has no parameters here: it takes the mean. (In the original it had two for each map.) Five counts remain."
)
def _(side, channels, classes):
    c1, c3, *rest = _counts(_side(side), channels, classes)
    return [c1, 12, c3, 32, *rest]


@exercise(lesson=LESSON, points=3)
def build_lenet(images):
    layers = "convolution 6 of 5 x 5, convolution 16 of 5 x 5, dense 120, dense 84, dense 10"
    poolings, activations = "average 2 x 2, average 2 x 2", "tanh, tanh, tanh, tanh, softmax"
    parameters = 6 * 26 + 16 * 151 + 120 * 401 + 84 * 121 + 10 * 85
    return layers, "28, 10", poolings, activations, "none", "none", parameters


build_lenet.results = (
    "Layers", "Sides of the maps of the convolutions", "Poolings", "Activations", "Before the first layer",
    "Layers that do something else in training", "Parameters",
)  # fmt: skip
build_lenet.hints = (
    "Ten lines in keras.Sequential: Input, convolution, pooling, convolution, pooling, Flatten and three Dense.",
    "keras.layers.Conv2D(6, 5, padding='same', activation='tanh') is C1; C3 has 16 filters and no padding.",
    "keras.layers.AveragePooling2D(2) halves the side. The last layer has 10 units and activation='softmax'.",
)


@build_lenet.cases
def _(rng):
    yield (rng.normal(0, 2, (3, 28, 28, 1)),)


@build_lenet.probe
def _(build, images):
    from course_lib.exercises import models

    found = models.read_chain(models.model_of(build, images), images)
    return (
        found.layers,
        found.sides,
        found.poolings,
        found.activations,
        found.before,
        found.other_in_training,
        found.parameters,
    )


@functools.cache
def _lenet(
    padding=("same", "valid"), pooling="Average", hidden="tanh", last="softmax", filters=(6, 16), units=(120, 84)
):
    import keras

    model = keras.Sequential([keras.Input((28, 28, 1))])
    for number, around in zip(filters, padding, strict=True):
        model.add(keras.layers.Conv2D(number, 5, padding=around, activation=hidden))
        if pooling:
            model.add(getattr(keras.layers, f"{pooling}Pooling2D")(2))
    model.add(keras.layers.Flatten())
    for number in units:
        model.add(keras.layers.Dense(number, activation=hidden))
    model.add(keras.layers.Dense(10, activation=last))
    return model


@build_lenet.known_mistakes
def _():
    yield (
        "C1 has no padding, so its maps are 24 x 24. padding='same' keeps them at 28 x 28.",
        lambda: _lenet(padding=("valid", "valid")),
    )
    yield (
        "C3 has no padding: its maps are 10 x 10. Only C1 gets padding='same'.",
        lambda: _lenet(padding=("same", "same")),
    )
    yield "This takes the maximum of each 2 x 2; average pooling is asked for.", lambda: _lenet(pooling="Max")
    yield "The poolings are missing: one behind each convolution halves the side.", lambda: _lenet(pooling=None)
    yield (
        "The hidden layers have no activation. Without one the whole network is one linear layer.",
        lambda: _lenet(hidden=None),
    )
    yield "The hidden layers are ReLU; tanh is asked for.", lambda: _lenet(hidden="relu")
    yield "The hidden layers are sigmoids; tanh is asked for.", lambda: _lenet(hidden="sigmoid")
    yield (
        "Ten sigmoids do not share out one whole. For exactly one right digit take softmax.",
        lambda: _lenet(last="sigmoid"),
    )
    yield "The outputs are logits: the last layer needs activation='softmax'.", lambda: _lenet(last=None)
    yield "The filters stand in the wrong order: 6 in C1, 16 in C3.", lambda: _lenet(filters=(16, 6))
    yield "F6, the dense layer with 84 units, is missing.", lambda: _lenet(units=(120,))
    yield "C5, the dense layer with 120 units, is missing.", lambda: _lenet(units=(84,))


@exercise(lesson=LESSON, points=2)
def shift_image(image, down, right):
    return ndimage.shift(image, (down, right), order=0, mode="constant", cval=0.0)


shift_image.hints = (
    "The new value at (row, column) is the old one at (row - down, column - right), if that place exists.",
    "Start from zeros and fill in what stays: np.zeros_like(image) is a picture of the same shape.",
    "Two loops and one `if 0 <= row - down < height and 0 <= column - right < width` are enough.",
)


@shift_image.cases
def _(rng):
    yield np.arange(1.0, 7.0).reshape(2, 3), 0, 1
    yield np.arange(1.0, 13.0).reshape(3, 4), 2, 1
    yield rng.random((4, 6)) + 0.1, -1, 2
    yield rng.random((5, 5)) + 0.1, 0, 0
    yield rng.random((1, 1)) + 0.1, 1, 0  # nothing is left
    yield rng.random((7, 5)) + 0.1, int(rng.integers(1, 4)), -int(rng.integers(1, 4))


@shift_image.known_mistakes
def _(image, down, right):
    yield (
        "What left on one side came in on the other, as with np.roll. Put zeros there.",
        np.roll(image, (down, right), axis=(0, 1)),
    )
    yield (
        "The axes are swapped: down moves rows, axis 0; right moves columns, axis 1.",
        ndimage.shift(image, (right, down), order=0),
    )
    yield (
        "It moves the other way: the new pixel comes from row - down and column - right.",
        ndimage.shift(image, (-down, -right), order=0),
    )
    yield (
        "The border was repeated into the gap. Put zeros there.",
        ndimage.shift(image, (down, right), order=0, mode="nearest"),
    )
    yield "Only the columns moved: down is missing.", ndimage.shift(image, (0, right), order=0)
