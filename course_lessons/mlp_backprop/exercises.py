"""Exercises of lesson 05_mlp_backprop."""

from __future__ import annotations

import functools
import itertools

import numpy as np
from scipy import special

from course_lib.exercises.spec import exercise
from course_lib.gradcheck import numerical_gradient

LESSON = "05_mlp_backprop"


@exercise(lesson=LESSON, points=2, atol=1e-5, rtol=1e-4)
def mlp_forward(inputs, W1, b1, W2, b2):
    hidden = special.expit(np.einsum("nd,dm->nm", inputs, W1) + b1)
    return special.softmax(np.einsum("nm,mc->nc", hidden, W2) + b2, axis=1)


mlp_forward.hints = (
    "Four steps: sums of the hidden layer, sigmoid, sums of the output layer, softmax. Only the first reads inputs.",
    "sigmoid(inputs @ W1 + b1) gives the hidden outputs, (examples, hidden). They are what the second layer reads.",
    "softmax(sums) of the lesson works along the last axis, so that each row, each example, sums to 1.",
)


@mlp_forward.cases
def _(rng):
    # The smallest case has as many hidden units as inputs: there a second layer fed with the inputs raises no error.
    for examples, inputs, hidden, classes in ((2, 2, 2, 3), (5, 3, 2, 4), (7, 4, 1, 3), (6, 3, 8, 5)):
        yield (
            rng.normal(size=(examples, inputs)),
            rng.normal(size=(inputs, hidden)),
            rng.normal(size=hidden),
            rng.normal(size=(hidden, classes)),
            rng.normal(size=classes),
        )


@mlp_forward.known_mistakes
def _(inputs, W1, b1, W2, b2):
    def softmax(sums, axis=1):
        return special.softmax(sums, axis=axis)

    sums = inputs @ W1 + b1
    hidden, unbiased = special.expit(sums), special.expit(inputs @ W1)
    logits = hidden @ W2 + b2
    yield (
        "The second layer reads the inputs, so the hidden layer changes nothing. It must read the hidden outputs.",
        lambda *_: softmax(inputs @ W2 + b2),
    )
    yield (
        "Both biases are missing: every edge in the plane of the inputs then goes through the origin.",
        softmax(unbiased @ W2),
    )
    yield "The bias of the hidden layer, b1, is missing.", softmax(unbiased @ W2 + b2)
    yield "The bias of the output layer, b2, is missing.", softmax(hidden @ W2)
    yield (
        "The hidden layer has no sigmoid. Two linear layers in a row are only one linear layer.",
        softmax(sums @ W2 + b2),
    )
    yield "The hidden layer is tanh. A sigmoid is asked for.", softmax(np.tanh(sums) @ W2 + b2)
    yield "The hidden layer is ReLU. A sigmoid is asked for.", softmax(np.maximum(sums, 0) @ W2 + b2)
    yield "These are the logits. Softmax has to turn each row into probabilities.", logits
    yield (
        "These are powers of e. Softmax divides them by the sum of their row, so that a row sums to 1.",
        np.exp(logits),
    )
    yield (
        "Your softmax divides by one sum over all examples. Each row has a sum of its own (axis=1).",
        softmax(logits, axis=None),
    )
    yield (
        "Your softmax runs down the examples (axis 0). It must run across the classes of each example.",
        softmax(logits, axis=0),
    )
    yield (
        "The output layer has a sigmoid. For several classes softmax is asked for: a row sums to 1.",
        special.expit(logits),
    )
    yield (
        "There is a sigmoid before the softmax. Softmax reads the sums of the output layer as they are.",
        softmax(special.expit(logits)),
    )
    yield "There is a second softmax behind the first.", softmax(softmax(logits))


@exercise(lesson=LESSON, points=2, atol=1e-5)
def hidden_delta(hidden_outputs, output_kernel, output_deltas):
    # Independent of o (1 - o): the slope comes from the sigmoid itself, by a complex step, which has no rounding error.
    step = 1e-30
    slopes = (1 / (1 + np.exp(-(special.logit(hidden_outputs) + 1j * step)))).imag / step
    return slopes * np.einsum("hk,nk->nh", output_kernel, output_deltas)


hidden_delta.hints = (
    "First collect the messages: hidden unit h hears from output k the delta of k, times the weight from h to k.",
    "output_deltas is (examples, outputs), output_kernel (hidden, outputs). Which transpose gives (examples, hidden)?",
    "Then multiply element by element by the slope of the sigmoid, hidden_outputs * (1 - hidden_outputs).",
)


@hidden_delta.cases
def _(rng):
    # The smallest case has a square kernel: there a transpose that is missing raises no error.
    for examples, hidden, outputs in ((2, 2, 2), (4, 3, 1), (4, 1, 2), (3, 3, 3), (5, 4, 2)):
        yield (
            rng.uniform(0.05, 0.95, (examples, hidden)),
            rng.normal(size=(hidden, outputs)),
            rng.normal(size=(examples, outputs)),
        )


@hidden_delta.known_mistakes
def _(hidden_outputs, output_kernel, output_deltas):
    again = special.expit(hidden_outputs)
    slope, messages = hidden_outputs * (1 - hidden_outputs), output_deltas @ output_kernel.T
    yield "The slope of the sigmoid is missing: multiply by o (1 - o) of each hidden unit.", messages
    yield "The messages are missing: multiply the slope by what comes back from the outputs.", slope
    yield (
        "The sign is turned round. Nothing in this formula subtracts: deltas are passed on as they are.",
        -slope * messages,
    )
    yield "The slope of the sigmoid is o (1 - o); the factor 1 - o is missing.", hidden_outputs * messages
    yield "The slope of the sigmoid is o (1 - o); the factor o is missing.", (1 - hidden_outputs) * messages
    yield "1 - o² is the slope of tanh. The slope of the sigmoid is o (1 - o).", (1 - hidden_outputs**2) * messages
    yield (
        "The hidden outputs come from the sigmoid already: the slope is o (1 - o), without another sigmoid.",
        again * (1 - again) * messages,
    )
    yield (
        "The weights are missing: each output's delta counts as much as the weight that leads there.",
        slope * output_deltas.sum(axis=1, keepdims=True),
    )
    yield (
        "You averaged over the outputs. The messages of all outputs are added up.",
        slope * messages / output_deltas.shape[1],
    )
    yield (
        "A delta goes back through the weight that carried the output forward: output_kernel must be transposed.",
        lambda *_: slope * (output_deltas @ output_kernel),
    )


@exercise(lesson=LESSON, points=3, atol=1e-5)
def dense_backward(inputs, kernel, upstream):
    inputs, kernel, bias = np.array(inputs), np.array(kernel), np.zeros(kernel.shape[1])

    def loss():  # a loss whose gradient with respect to the outputs is upstream
        return float(np.sum(upstream * (np.einsum("ni,iu->nu", inputs, kernel) + bias)))

    return tuple(numerical_gradient(loss, array) for array in (kernel, bias, inputs))


dense_backward.results = ("Gradient by the kernel", "Gradient by the bias", "Gradient by the inputs")
dense_backward.hints = (
    "Each gradient has the shape of what it belongs to: (inputs, units), (units,) and (examples, inputs).",
    "A kernel weight feels its input times its output's gradient, summed over the examples: inputs.T @ upstream.",
    "The bias is a weight whose input is always 1. An input feels all units it leads to: upstream @ kernel.T.",
)


@dense_backward.cases
def _(rng):
    for examples, inputs, units in ((2, 2, 2), (2, 3, 2), (4, 2, 1), (3, 3, 3), (5, 4, 2)):
        yield rng.normal(size=(examples, inputs)), rng.normal(size=(inputs, units)), rng.normal(size=(examples, units))


@dense_backward.known_mistakes
def _(inputs, kernel, upstream):
    by_kernel, by_bias, by_inputs = inputs.T @ upstream, upstream.sum(axis=0), upstream @ kernel.T
    examples = len(inputs)
    yield (
        "Averaged twice: the loss has put 1/examples into upstream already. Here examples are summed.",
        (by_kernel / examples, by_bias / examples, by_inputs),
    )
    yield "The bias's gradient is the sum over the examples, not the mean.", (by_kernel, by_bias / examples, by_inputs)
    yield "The bias is shared by all examples: sum upstream over them, axis 0.", (by_kernel, upstream, by_inputs)
    yield "Each unit has a bias of its own: sum over the examples only, axis 0.", (by_kernel, by_bias.sum(), by_inputs)
    yield (
        "You summed upstream over the units. The bias's gradient is its sum over the examples, axis 0.",
        (by_kernel, upstream.sum(axis=1), by_inputs),
    )
    yield (
        "The kernel's gradient is transposed. It must have the shape of the kernel, (inputs, units).",
        (by_kernel.T, by_bias, by_inputs),
    )
    yield "The order is: gradient of the kernel, of the bias, of the inputs.", (by_inputs, by_kernel, by_bias)
    yield "These are steps downhill. Return the gradient itself, without a minus.", (-by_kernel, -by_bias, -by_inputs)
    yield (
        "The inputs must be transposed: inputs.T @ upstream sums over the examples.",
        lambda *_: (inputs @ upstream, by_bias, by_inputs),
    )
    yield (
        "On the way back to the inputs the kernel must be transposed: upstream @ kernel.T.",
        lambda *_: (by_kernel, by_bias, upstream @ kernel),
    )


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
def _mlp(sizes=(32, 16), hidden="relu", last="softmax", use_bias=True):
    import keras

    def dense(units, activation):
        return keras.layers.Dense(units, activation=activation, use_bias=use_bias)

    return keras.Sequential([keras.Input((64,)), *(dense(units, hidden) for units in sizes), dense(10, last)])


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
    yield "The hidden layers are sigmoids; ReLU is asked for: activation='relu'.", lambda: _mlp(hidden="sigmoid")
    yield "The hidden layers are tanh; ReLU is asked for: activation='relu'.", lambda: _mlp(hidden="tanh")
    yield "The second hidden layer, with 16 units, is missing.", lambda: _mlp((32,))
    yield "The hidden layers stand in the wrong order: 32 units first, then 16.", lambda: _mlp((16, 32))
    yield "The biases are switched off: leave out use_bias=False.", lambda: _mlp(use_bias=False)
