"""Exercises of lesson 05_mlp_backprop."""

from __future__ import annotations

import functools

import numpy as np
from scipy import signal, special

from course_lib.exercises.spec import exercise
from course_lib.gradcheck import numerical_gradient

LESSON = "05_mlp_backprop"


@exercise(lesson=LESSON, points=3, atol=1e-5, rtol=1e-4)
def pixel_gradient(images, labels, W1, b1, W2, b2):
    step, found = 1e-6, []
    for image, label in zip(images, labels, strict=True):

        def surprise(nudge, image=image, label=label):  # for every pixel, what nudging it gives
            hidden = special.expit(image @ W1 + b1 + nudge * W1)
            return -special.log_softmax(hidden @ W2 + b2, axis=1)[:, label]

        found.append((surprise(step) - surprise(-step)) / (2 * step))
    return np.array(found)


pixel_gradient.hints = (
    "Run forward and keep the hidden outputs. The way back starts with y minus the one-hot target, one row per image.",
    "Through the output kernel go the messages: (y - t) @ W2.T. Each hidden unit multiplies by its slope, z * (1 - z).",
    "One step further: a pixel hears every hidden unit, through the weight that leads there: messages @ W1.T.",
)


@functools.cache
def _reader():
    """Twenty MNIST digits, their labels, and a network 784-12-10 that has seen the training part twice."""
    from course_lib import data, layers, losses, optim

    digits, rng = data.mnist_5k(), np.random.default_rng(0)
    net = layers.Sequential([layers.Dense(784, 12, rng), layers.Sigmoid(), layers.Dense(12, 10, rng)])
    recipe = {"loss": losses.softmax_cross_entropy, "optimizer": optim.SGD(1.0), "batch_size": 50, "rng": rng}
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
    z = special.expit(sums)
    y = special.softmax(z @ W2 + b2, axis=1)
    targets = np.eye(len(b2))[labels]
    messages = (y - targets) @ W2.T
    gradient = (z * (1 - z) * messages) @ W1.T
    yield (
        "You divided by the number of images. Each image's own loss is asked for, not the mean.",
        gradient / len(images),
    )
    yield "The sign: the way back starts with y minus t, answer minus target.", -gradient
    yield "The slope of the hidden units is missing on the way back: z (1 - z).", messages @ W1.T
    yield "A sigmoid's slope is z (1 - z), not its output z.", (z * messages) @ W1.T
    yield (
        "You put the hidden sums into z (1 - z). It is made of the hidden outputs.",
        (sums * (1 - sums) * messages) @ W1.T,
    )
    yield (
        "1 - z² is the slope of tanh. A sigmoid has the slope z (1 - z).",
        ((1 - z**2) * messages) @ W1.T,
    )
    yield (
        "y (1 - y) is the output's own slope. With softmax and cross-entropy the message at the logits is y - t alone.",
        (z * (1 - z) * ((y * (1 - y) * (y - targets)) @ W2.T)) @ W1.T,
    )
    yield (
        "A pixel is an input: it has no slope of its own, so nothing more is multiplied in.",
        images * (1 - images) * gradient,
    )
    yield "The targets are missing: the way back starts with y minus t.", (z * (1 - z) * (y @ W2.T)) @ W1.T
    yield (
        "That is the gradient of the logit of the true class. The loss has the message y - t at the logits.",
        (z * (1 - z) * (targets @ W2.T)) @ W1.T,
    )
    yield (
        "You added all images up. Each has a gradient of its own.",
        np.broadcast_to(gradient.sum(axis=0), gradient.shape),
    )
    yield (
        "The biases are missing on the way forward.",
        _without_biases(images, targets, W1, W2),
    )


def _without_biases(images, targets, W1, W2):
    z = special.expit(images @ W1)
    return (z * (1 - z) * ((special.softmax(z @ W2, axis=1) - targets) @ W2.T)) @ W1.T


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


@exercise(lesson=LESSON, points=3, atol=1e-6, rtol=1e-5)
def adam_changes(slopes, learning_rate, beta_1, beta_2, epsilon):
    steps = np.arange(1, len(slopes) + 1)[:, None]
    mean, square = (
        signal.lfilter([1 - beta], [1, -beta], values, axis=0) / (1 - beta**steps)
        for values, beta in ((slopes, beta_1), (slopes**2, beta_2))
    )
    return -learning_rate * mean / (np.sqrt(square) + epsilon)


adam_changes.hints = (
    "Both averages start at 0 and live on from step to step: a loop over the rows of slopes.",
    "Count the steps from 1: in the first, 1 - beta_1**1 undoes exactly the factor 1 - beta_1 of the first mean.",
    "Keep the averages as they are, and correct copies: mean / (1 - beta_1**step), square / (1 - beta_2**step).",
    "The change is -learning_rate * corrected mean / (root of the corrected square + epsilon), weight by weight.",
)


@adam_changes.cases
def _(rng):
    # Slopes far above epsilon, so that it does not matter where it stands; the first weight of some never feels any.
    for steps, weights, beta_1, beta_2 in ((2, 2, 0.8, 0.6), (3, 1, 0.5, 0.9), (4, 3, 0.9, 0.999), (6, 2, 0.7, 0.99)):
        slopes = rng.choice([-1, 1], (steps, weights)) * rng.uniform(0.5, 3, (steps, weights))
        slopes[:, 1:2] *= 100
        yield slopes, 0.1, beta_1, beta_2, 1e-7
    slopes[:, 0] = 0
    yield slopes, 0.01, 0.9, 0.95, 1e-7


def _averages(slopes, beta_1, beta_2):
    """The uncorrected running means of slopes and of their squares after each step, and the number of the step."""
    steps = np.arange(1, len(slopes) + 1)[:, None]
    mean, square = np.zeros(slopes.shape), np.zeros(slopes.shape)
    for place, row in enumerate(slopes):
        mean[place] = beta_1 * (mean[place - 1] if place else 0) + (1 - beta_1) * row
        square[place] = beta_2 * (square[place - 1] if place else 0) + (1 - beta_2) * row**2
    return mean, square, steps


@adam_changes.known_mistakes
def _(slopes, learning_rate, beta_1, beta_2, epsilon):
    mean, square, steps = _averages(slopes, beta_1, beta_2)
    fair_mean, fair_square = mean / (1 - beta_1**steps), square / (1 - beta_2**steps)

    def changes(mean, square):
        return -learning_rate * mean / (np.sqrt(square) + epsilon)

    yield "Neither average is corrected: both start at 0 and are too small at first.", changes(mean, square)
    yield "The mean of the squares is not corrected: divide it by 1 - beta_2**step.", changes(fair_mean, square)
    yield "The mean of the slopes is not corrected: divide it by 1 - beta_1**step.", changes(mean, fair_square)
    yield (
        "You correct by 1 - beta at every step. What is missing shrinks: it is beta**step, with the step's number.",
        changes(mean / (1 - beta_1), square / (1 - beta_2)),
    )
    yield (
        "Your count of the steps is one ahead: the first step has the number 1.",
        changes(mean / (1 - beta_1 ** (steps + 1)), square / (1 - beta_2 ** (steps + 1))),
    )
    yield (
        "You multiply by the corrections. The averages are too small: divide by them.",
        changes(mean * (1 - beta_1**steps), square * (1 - beta_2**steps)),
    )
    yield (
        "The betas have changed places: beta_1 belongs to the slopes, beta_2 to their squares.",
        _swapped(slopes, learning_rate, beta_1, beta_2, epsilon),
    )
    yield "These are steps uphill: a change has the sign opposite to the mean slope.", -changes(fair_mean, fair_square)
    yield (
        "The root is missing: divide by the root of the mean square.",
        -learning_rate * fair_mean / (fair_square + epsilon),
    )
    yield (
        "That is RMSprop: the single slope stands where its running mean belongs.",
        changes(slopes, fair_square),
    )
    yield "You average the slopes and square then. Average the squares.", changes(fair_mean, fair_mean**2)
    yield (
        "All weights share one mean square. Each weight has its own.",
        changes(fair_mean, fair_square.mean(axis=1, keepdims=True)),
    )
    yield (
        "You kept the corrected averages as the averages. Correct copies, or each correction counts again and again.",
        _corrected_for_ever(slopes, learning_rate, beta_1, beta_2, epsilon),
    )
    yield (
        "These are the weights after each step, from 0. What each single step adds is asked for.",
        np.cumsum(changes(fair_mean, fair_square), axis=0),
    )
    yield "Only the last step is there. A row for each step is asked for.", changes(fair_mean, fair_square)[-1]
    yield (
        "The first slopes count in full: you began with them as averages. Both averages begin at 0.",
        _begun_with_slopes(slopes, learning_rate, beta_1, beta_2, epsilon),
    )


def _swapped(slopes, learning_rate, beta_1, beta_2, epsilon):
    mean, square, steps = _averages(slopes, beta_2, beta_1)
    return -learning_rate * mean / (1 - beta_2**steps) / (np.sqrt(square / (1 - beta_1**steps)) + epsilon)


def _corrected_for_ever(slopes, learning_rate, beta_1, beta_2, epsilon):
    mean, square, changes = 0.0, 0.0, []
    for step, row in enumerate(slopes, start=1):
        mean = (beta_1 * mean + (1 - beta_1) * row) / (1 - beta_1**step)
        square = (beta_2 * square + (1 - beta_2) * row**2) / (1 - beta_2**step)
        changes.append(-learning_rate * mean / (np.sqrt(square) + epsilon))
    return np.array(changes)


def _begun_with_slopes(slopes, learning_rate, beta_1, beta_2, epsilon):
    mean, square, changes = slopes[0], slopes[0] ** 2, []
    for step, row in enumerate(slopes, start=1):
        if step > 1:
            mean, square = beta_1 * mean + (1 - beta_1) * row, beta_2 * square + (1 - beta_2) * row**2
        changes.append(-learning_rate * mean / (np.sqrt(square) + epsilon))
    return np.array(changes)
