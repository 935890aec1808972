"""Exercises of lesson 13_first_cnn_lenet."""

from __future__ import annotations

import functools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
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
    yield 2, 1, 0, (3, 2, 4)
    for shape in ((5, 7, 1), (2, 9, 4), (28, 20, 3), (6, 6, 16)):
        row, column, channel = (int(rng.integers(size)) for size in shape)
        yield row, column, channel, shape


@flatten_index.known_mistakes
def _(row, column, channel, shape):
    height, width, channels = shape
    place = row * width + column
    yield (
        "This is the order of channels first. In Keras the channels come last: they change fastest.",
        (channel * height + row) * width + column,
    )
    yield (
        "A row holds `width` places, not `height`: multiply the row by the width.",
        (row * height + column) * channels + channel,
    )
    yield (
        "This goes down the columns. Flatten goes along the rows: the column changes before the row does.",
        (column * height + row) * channels + channel,
    )
    yield "Each place holds all channels: the number of places before must be multiplied by them.", place + channel
    yield "That is the index of the place. Each place holds `channels` values; count them, and add the channel.", place
    yield "The channel is missing: its own number is added at the end.", place * channels
    yield "You count from 1. The first value has index 0.", place * channels + channel + 1


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
    yield np.array([[-3.0, -2.0, -4.0], [-1.0, -5.0, -2.0]]), 0.5  # none
    yield np.array([[3.0, 2.0, 0.4], [0.2, 1.0, 3.0]]), 0.5  # all: softmax would share out
    yield np.array([[0.3, -0.3, 0.8], [-0.2, 2.5, 0.6]]), 0.6
    for examples, classes, threshold in ((4, 5, 0.3), (6, 10, 0.8)):
        yield rng.normal(0, 2, (examples, classes)), threshold


@multi_label_predict.known_mistakes
def _(logits, threshold):
    probabilities = special.expit(logits)
    yield (
        "That is softmax: the classes share one whole, so a second right class pushes the first one down. Use sigmoid.",
        1 * (special.softmax(logits, axis=1) > threshold),
    )
    yield (
        "You pick the best class of each row. Here several can be present, or none: decide for each class.",
        1 * (logits == logits.max(axis=1, keepdims=True)),
    )
    yield (
        "That is the number of the best class. Several can be present, or none: decide for each class.",
        logits.argmax(axis=1),
    )
    yield "The threshold is one for probabilities; these are logits. Take the sigmoid first.", 1 * (logits > threshold)
    yield "The threshold is not used: you decide at 1/2, where the logit is 0.", 1 * (logits > 0)
    yield (
        "It is the other way round: a class is present where its probability is above the threshold.",
        1 * (probabilities <= threshold),
    )
    yield "These are the probabilities. Compare them with the threshold: 1 above it, 0 below.", probabilities
    yield (
        "The logits went through the sigmoid twice. Once makes them probabilities.",
        1 * (special.expit(probabilities) > threshold),
    )


@exercise(lesson=LESSON, points=2)
def lenet_parameters(side, channels, classes):
    # No formula for the sides: windows are laid on maps, and the numbers in real kernels counted.
    maps, kernels = np.empty((side, side, channels)), []
    for filters in (6, 16):
        kernels.append(np.empty((5, 5, maps.shape[-1], filters)))
        places = sliding_window_view(maps[..., 0], (5, 5)).shape[:2]
        maps = np.empty((*places, filters))[1::2, 1::2]  # the lower right corner of each 2 x 2 that fits
    inputs = maps.size
    for units in (120, 84, classes):
        kernels.append(np.empty((inputs, units)))
        inputs = units
    return tuple(kernel.size + kernel.shape[-1] for kernel in kernels)  # a test holds this against Keras


lenet_parameters.results = ("C1", "C3", "C5", "F6", "Output")
lenet_parameters.hints = (
    "Each filter, and each unit, has one weight for everything it sees, and one bias: units * (inputs + 1).",
    "A kernel of C1 sees 5 * 5 * channels values, one of C3 5 * 5 * 6. Neither depends on the side of the picture.",
    "Without padding a 5 x 5 convolution takes 4 from the side; pooling halves it, rounded down. C5 sees side² * 16.",
)


@lenet_parameters.cases
def _(rng):
    yield 32, 1, 10
    yield 17, 3, 2  # sides that leave 1, 2 and 3 over when they are halved twice
    yield 46, 3, int(rng.integers(3, 10))
    yield 51, 2, int(rng.integers(11, 30))
    yield int(rng.integers(50, 80)), int(rng.integers(2, 5)), 5


@lenet_parameters.known_mistakes
def _(side, channels, classes):
    def counts(lost=4, last=4, poolings=2, c3_inputs=150, planes=16, bias=1, channels=channels, classes=classes):
        left = (side - lost) // 2 - last
        inputs = [25 * channels, c3_inputs, (left // 2 if poolings == 2 else left) ** 2 * planes, 120, 84]
        return [units * (count + bias) for units, count in zip([6, 16, 120, 84, classes], inputs, strict=True)]

    c1, c3, *dense = counts()
    yield "The biases are missing: one for each filter and each unit.", counts(bias=0)
    yield (
        "Each filter and each unit has a bias of its own: as many as it has kernels, not one for the layer.",
        [count + 1 for count in counts(bias=0)],
    )
    yield (
        "Pooling has no parameters here: it takes the mean. (In the original it had two for each map.) Five counts "
        "remain.",
        [c1, 12, c3, 32, *dense],
    )
    yield "Five counts are asked for, one for each layer; this is their sum.", sum(counts())
    yield (
        "These sides belong to padding='same'. Without padding a 5 x 5 kernel takes 4 from the side.",
        counts(lost=0, last=0),
    )
    yield "C1 has no padding either: it takes 4 from the side, as C3 does.", counts(lost=0)
    yield "A 5 x 5 kernel takes 4 from the side, not 5: it fits at side - 5 + 1 places.", counts(lost=5, last=5)
    yield "A filter of C3 reads all six maps below it: 5 * 5 * 6 weights, not 5 * 5.", counts(c3_inputs=25)
    yield "A filter of C1 reads all channels of the picture: 5 * 5 * channels weights.", counts(channels=1)
    yield "C5 sees every value of S4, of all 16 maps: side * side * 16 inputs for each unit.", counts(planes=1)
    yield "C5 sees the maps after the second pooling, which halves their side once more.", counts(poolings=1)
    yield ("These are the counts of a net that reads 32 x 32. C5 depends on the side of the picture.", [
        c1, c3, 120 * 401, *dense[1:]
    ],)  # fmt: skip
    yield "The last layer has `classes` units, however many that are.", counts(classes=10)


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
    yield np.arange(1.0, 13.0).reshape(4, 3), 1, 3  # nothing is left
    yield rng.random((4, 6)) + 0.1, -1, 2
    yield rng.random((5, 5)) + 0.1, 0, 0
    yield rng.random((7, 5)) + 0.1, int(rng.integers(1, 4)), -int(rng.integers(1, 4))
    yield rng.random((6, 7)) + 0.1, -3, -2


@shift_image.known_mistakes
def _(image, down, right):
    def shift(down, right, mode="constant"):
        return ndimage.shift(image, (down, right), order=0, mode=mode)

    wrapped = np.roll(image, (down, right), axis=(0, 1))
    yield "What left on one side came in on the other, as with np.roll. Put zeros there.", wrapped
    yield "The axes are swapped: down moves rows, axis 0; right moves columns, axis 1.", shift(right, down)
    yield "It moves the other way: the new pixel comes from row - down and column - right.", shift(-down, -right)
    yield "The rows move the wrong way: down is towards larger row numbers.", shift(-down, right)
    yield "The columns move the wrong way: right is towards larger column numbers.", shift(down, -right)
    yield "The border was repeated into the gap. Put zeros there.", shift(down, right, mode="nearest")
    yield "Only the columns moved: down is missing.", shift(0, right)
    yield "Only the rows moved: right is missing.", shift(down, 0)
    yield (
        "A negative index counts from the other end: what is shifted out must be left out, or it wraps round.",
        np.where(shift(down, right) == 0, wrapped * (down > 0), shift(down, right)),
    )
    yield (
        "The picture kept its old pixels where zeros belong: start from np.zeros_like(image).",
        np.where(shift(down, right) == 0, image, shift(down, right)),
    )
