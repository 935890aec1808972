"""Exercises of lesson 05_mlp_backprop."""

from __future__ import annotations

import functools
import itertools

import numpy as np
from scipy import special

from course_lib.exercises.spec import exercise
from course_lib.gradcheck import numerical_gradient

LESSON = "05_mlp_backprop"


@exercise(lesson=LESSON, points=2, atol=1e-5)
def mean_surprise(logits, labels):
    chosen = special.log_softmax(logits, axis=1)[np.arange(len(labels)), labels]
    return -np.mean(chosen)


mean_surprise.hints = (
    "The surprise is log Σ exp(a_k) minus the logit of the true class: so says the derivation.",
    "Subtract from each row its largest logit: both terms change by the same number. Then no power is above e⁰ = 1.",
    "logits[np.arange(len(labels)), labels] picks from each row the logit of its true class.",
)


@mean_surprise.cases
def _(rng):
    for examples, classes, size in ((2, 3, 1), (3, 3, 2), (5, 2, 3), (6, 4, 1)):
        yield size * rng.normal(size=(examples, classes)), rng.permutation(np.arange(examples) % classes)
    # Logits far from 0, rows or single ones: powers overflow, whatever one number is subtracted from all, and
    # also if it is each row's mean or smallest. (Eighths are exact in float32.)
    rows = np.array([[1000.0], [-1000.0], [0.0], [1000.0]])
    single = np.array([[4000.0, 0.0, 0.0], [0.0, -4000.0, 0.0], [0.0, 0.0, 4000.0], [0.0, 0.0, 0.0]])
    for far in (rows, single):
        yield np.round(8 * rng.normal(size=(4, 3))) / 8 + far, np.array([0, 2, 1, 1])


@mean_surprise.known_mistakes
def _(logits, labels):
    rows = np.arange(len(labels))
    surprises = -special.log_softmax(logits, axis=1)[rows, labels]
    yield "You added the surprises up. Their mean over the examples is asked for.", np.sum(surprises)
    yield "These are the surprises of the single examples. Their mean is asked for.", surprises
    yield "The sign: a surprise is minus a logarithm of a probability, never negative.", -np.mean(surprises)
    yield "That is the logarithm to the base 2. The natural one is asked for.", np.mean(surprises) / np.log(2)
    yield (
        "You averaged over the classes, too. A surprise is a sum over classes, of which only the true one counts.",
        np.mean(surprises) / logits.shape[1],
    )
    yield (
        "That is the mean probability of the true class. Take minus its logarithm, example by example.",
        np.mean(special.softmax(logits, axis=1)[rows, labels]),
    )
    yield (
        "You took the logarithm of the mean probability. Each example has its own surprise; average those.",
        -np.log(np.mean(np.exp(-surprises))),
    )
    yield (
        "Your softmax runs down the examples (axis 0). It must run across the classes of each example.",
        -np.mean(special.log_softmax(logits, axis=0)[rows, labels]),
    )
    yield (
        "Your softmax divides by one sum over all examples. Each example has a sum of its own.",
        -np.mean(special.log_softmax(logits)[rows, labels]),
    )
    yield (
        "Powers of large logits overflow. First subtract from the logits of each example their largest one.",
        lambda *_: _naive_surprise(logits, labels),
    )


def _naive_surprise(logits, labels):
    with np.errstate(all="ignore"):
        powers = np.exp(logits)
        return -np.mean(np.log((powers / powers.sum(axis=1, keepdims=True))[np.arange(len(labels)), labels]))


@exercise(lesson=LESSON, points=3, atol=1e-5)
def tied_gradients(inputs, W, b, c):
    W, b, c = np.array(W, float), np.array(b, float), np.array(c, float)

    def loss():
        logits = np.einsum("nh,ih->ni", special.expit(np.einsum("ni,ih->nh", inputs, W) + b), W) + c
        return float(np.sum(np.logaddexp(0, logits) - inputs * logits) / len(inputs))

    return tuple(numerical_gradient(loss, array) for array in (W, b, c))


tied_gradients.results = ("Gradient by W", "Gradient by b", "Gradient by c")
tied_gradients.hints = (
    "First run forward: z, then y. The way back starts with y minus target, and here the target is the input itself.",
    "The output layer's kernel is W.T. So on the way back, from the outputs to the hidden units, you multiply by W.",
    "W reaches the loss in two ways: through the hidden sums and through the output sums. The two gradients add up.",
    "As output kernel, W.T has the gradient z.T @ delta_2. Turn that round before you add it.",
)


@tied_gradients.cases
def _(rng):
    # The smallest case has a square kernel: there a transpose that is missing raises no error.
    for examples, inputs, hidden in ((2, 2, 2), (1, 3, 2), (3, 3, 3), (4, 5, 2), (5, 2, 4)):
        yield (
            rng.uniform(0.05, 0.95, (examples, inputs)),
            rng.normal(size=(inputs, hidden)),
            rng.normal(size=hidden),
            rng.normal(size=inputs),
        )


@tied_gradients.known_mistakes
def _(inputs, W, b, c):
    examples = len(inputs)
    z = special.expit(inputs @ W + b)
    y = special.expit(z @ W.T + c)
    delta_2 = (y - inputs) / examples
    delta_1 = z * (1 - z) * (delta_2 @ W)
    encode, decode = inputs.T @ delta_1, delta_2.T @ z
    by_b, by_c = delta_1.sum(axis=0), delta_2.sum(axis=0)
    yield "W is used twice. You counted only the way through the hidden sums.", (encode, by_b, by_c)
    yield "W is used twice. You counted only the way through the output sums.", (decode, by_b, by_c)
    yield "The two ways of W add up; you took their mean.", ((encode + decode) / 2, by_b, by_c)
    yield "The two ways of W add up; nothing is subtracted.", (encode - decode, by_b, by_c)
    yield (
        "You summed over the examples. The loss is their mean: divide by how many there are.",
        (examples * (encode + decode), examples * by_b, examples * by_c),
    )
    yield (
        "These are steps downhill. Return the gradient itself, without a minus.",
        (-encode - decode, -by_b, -by_c),
    )
    slope = y * (1 - y)
    delta_1s = z * (1 - z) * ((delta_2 * slope) @ W)
    yield (
        "That is the way back of half the squared error. With cross-entropy the slope y (1 - y) cancels.",
        (inputs.T @ delta_1s + (delta_2 * slope).T @ z, delta_1s.sum(axis=0), (delta_2 * slope).sum(axis=0)),
    )
    flat = delta_2 @ W
    yield (
        "The slope of the hidden sigmoid, z (1 - z), is missing.",
        (inputs.T @ flat + decode, flat.sum(axis=0), by_c),
    )
    yield (
        "The way through the output sums must be turned: z.T @ delta_2 belongs to W.T.",
        lambda *_: (encode + z.T @ delta_2, by_b, by_c),
    )
    yield (
        "From the outputs back to the hidden units the kernel is W, because forwards it was W.T.",
        lambda *_: _with_messages(inputs, z, delta_2, delta_2 @ W.T),
    )


def _with_messages(inputs, z, delta_2, messages):
    delta_1 = z * (1 - z) * messages
    return inputs.T @ delta_1 + delta_2.T @ z, delta_1.sum(axis=0), delta_2.sum(axis=0)


@exercise(lesson=LESSON, points=3, atol=1e-5, rtol=1e-4)
def pixel_gradient(images, labels, W1, b1, W2, b2):
    step, found = 1e-6, []
    for image, label in zip(images, labels, strict=True):

        def surprise(nudge, image=image, label=label):  # for every pixel, what nudging it gives
            hidden = np.maximum(image @ W1 + b1 + nudge * W1, 0)
            return -special.log_softmax(hidden @ W2 + b2, axis=1)[:, label]

        found.append((surprise(step) - surprise(-step)) / (2 * step))
    return np.array(found)


pixel_gradient.hints = (
    "Run forward and keep the hidden sums. The way back starts with y minus the one-hot target, one row per image.",
    "Through the output kernel go the messages: (y - t) @ W2.T. A ReLU lets them pass where its sum was positive.",
    "One step further: a pixel hears every hidden unit, through the weight that leads there: messages @ W1.T.",
)


@functools.cache
def _reader():
    """Twenty MNIST digits, their labels, and a network 784-12-10 that has seen the training part twice."""
    from course_lib import data, layers, losses, optim

    digits, rng = data.mnist_5k(), np.random.default_rng(0)
    net = layers.Sequential([layers.Dense(784, 12, rng), layers.ReLU(), layers.Dense(12, 10, rng)])
    recipe = {"loss": losses.softmax_cross_entropy, "optimizer": optim.SGD(0.1), "batch_size": 50, "rng": rng}
    net.fit(digits.train.images.reshape(-1, 784), digits.train.labels, epochs=2, **recipe)
    arrays = [layer.parameters[name] for layer in (net.layers[0], net.layers[2]) for name in ("kernel", "bias")]
    return digits.validation.images.reshape(-1, 784).astype(float), digits.validation.labels, arrays


@pixel_gradient.cases
def _(rng):
    # In the smallest case all sizes are the same: there a transpose that is missing raises no error.
    for examples, pixels, hidden, classes in ((2, 2, 2, 2), (3, 3, 3, 3), (3, 5, 4, 3), (4, 3, 6, 2)):
        sizes = ((examples, pixels), (pixels, hidden), hidden, (hidden, classes), classes)
        images, W1, b1, W2, b2 = (rng.normal(size=size) for size in sizes)
        yield images, rng.integers(classes, size=examples), W1, b1, W2, b2
    images, labels, arrays = _reader()
    chosen = rng.choice(len(images), 4, replace=False)
    yield images[chosen], labels[chosen], *arrays


@pixel_gradient.known_mistakes
def _(images, labels, W1, b1, W2, b2):
    sums = images @ W1 + b1
    hidden, on = np.maximum(sums, 0), sums > 0
    y = special.softmax(hidden @ W2 + b2, axis=1)
    targets = np.eye(len(b2))[labels]
    delta_2 = y - targets
    delta_1 = on * (delta_2 @ W2.T)
    gradient = delta_1 @ W1.T
    yield (
        "You divided by the number of images. Each image's own loss is asked for, not the mean.",
        gradient / len(images),
    )
    yield "The sign: the way back starts with y minus t, answer minus target.", -gradient
    yield (
        "The ReLUs are missing on the way back: nothing passes where the hidden sum was not positive.",
        delta_2 @ W2.T @ W1.T,
    )
    yield (
        "The hidden units are ReLUs: their slope is 1 or 0, not the hidden output.",
        (hidden * (delta_2 @ W2.T)) @ W1.T,
    )
    soft = special.expit(sums)
    yield (
        "z (1 - z) is the slope of a sigmoid. A ReLU has the slope 1 where its sum is positive, else 0.",
        (hidden * (1 - hidden) * (delta_2 @ W2.T)) @ W1.T,
    )
    ysoft = special.softmax(soft @ W2 + b2, axis=1)
    yield (
        "You ran forward with sigmoids. This network has ReLUs.",
        (soft * (1 - soft) * ((ysoft - targets) @ W2.T)) @ W1.T,
    )
    yield (
        "A ReLU blocks by its own sum on the way forward, not by the sign of the message.",
        np.maximum(delta_2 @ W2.T, 0) @ W1.T,
    )
    yield "The targets are missing: the way back starts with y minus t.", (on * (y @ W2.T)) @ W1.T
    yield (
        "That is the gradient of the logit of the true class. The loss has the message y - t at the logits.",
        (on * (targets @ W2.T)) @ W1.T,
    )
    yield (
        "You added all images up. Each has a gradient of its own.",
        np.broadcast_to(gradient.sum(axis=0), gradient.shape),
    )
    yield (
        "The biases are missing on the way forward, so other ReLUs are on.",
        _without_biases(images, targets, W1, W2),
    )


def _without_biases(images, targets, W1, W2):
    sums = images @ W1
    delta_2 = special.softmax(np.maximum(sums, 0) @ W2, axis=1) - targets
    return ((sums > 0) * (delta_2 @ W2.T)) @ W1.T


@exercise(lesson=LESSON, points=2)
def build_mlp(inputs):
    units = [64, 32, 16, 10]
    parameters = sum((before + 1) * after for before, after in itertools.pairwise(units))
    return "dense 32, dense 16, dense 10", "relu, relu, softmax", "none", "none", parameters


build_mlp.results = (
    "Layers", "Activations", "Before the first layer", "Layers that do something else in training", "Parameters"
)  # fmt: skip
build_mlp.hints = (
    "keras.Sequential takes a list: keras.Input((64,)) first, then one keras.layers.Dense for each layer.",
    "keras.layers.Dense(32, activation='relu') is a hidden layer. How many Dense layers are there in all?",
    "The last layer has 10 units and activation='softmax'. The function returns the model; no compile is needed.",
)


@build_mlp.cases
def _(rng):
    yield (rng.normal(0, 2, (40, 64)),)


@build_mlp.probe
def _(build, inputs):
    from course_lib.exercises import models

    found = models.read_chain(models.model_of(build, inputs), inputs)
    return found.layers, found.activations, found.before, found.other_in_training, found.parameters


@functools.cache
def _mlp(sizes=(32, 16), hidden="relu", last="softmax", use_bias=True, behind="linear"):
    import keras

    def dense(units, activation):
        return keras.layers.Dense(units, activation=activation, use_bias=use_bias)

    layers = [*(dense(units, hidden) for units in sizes), dense(10, last), keras.layers.Activation(behind)]
    return keras.Sequential([keras.Input((64,)), *layers])


@build_mlp.known_mistakes
def _():
    yield (
        "The hidden layers have no activation. Without one, three dense layers are no more than one.",
        lambda: _mlp(hidden=None),
    )
    yield "The outputs are logits: the last layer needs activation='softmax'.", lambda: _mlp(last=None)
    yield (
        "Ten sigmoids do not share out one whole; probabilities of classes add up to 1: take softmax.",
        lambda: _mlp(last="sigmoid"),
    )
    yield (
        "Softmax stands behind a softmax. Once is enough; twice flattens the probabilities.",
        lambda: _mlp(behind="softmax"),
    )
    yield (
        "Softmax stands behind a sigmoid, which has squeezed the logits. The last layer has softmax alone.",
        lambda: _mlp(last="sigmoid", behind="softmax"),
    )
    yield "The hidden layers are sigmoids; ReLU is asked for: activation='relu'.", lambda: _mlp(hidden="sigmoid")
    yield "The hidden layers are tanh; ReLU is asked for: activation='relu'.", lambda: _mlp(hidden="tanh")
    yield "The second hidden layer, with 16 units, is missing.", lambda: _mlp((32,))
    yield "The hidden layers stand in the wrong order: 32 units first, then 16.", lambda: _mlp((16, 32))
    yield "The biases are switched off: leave out use_bias=False.", lambda: _mlp(use_bias=False)
