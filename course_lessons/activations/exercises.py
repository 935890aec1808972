"""Exercises of lesson 07_activations."""

from __future__ import annotations

import functools
import math

import numpy as np
from scipy.special import expit

from course_lib.data import digits
from course_lib.exercises.spec import exercise

LESSON = "07_activations"


def _slope(function, inputs, step=1e-5):
    """Centred differences: how fast the function grows at each input."""
    return (function(inputs + step) - function(inputs - step)) / (2 * step)


def _without_kink(rng, *shape):
    """Random numbers, none so near 0 that a nudge could cross it."""
    numbers = rng.normal(0, 2, shape)
    return numbers + 0.01 * np.where(numbers > 0, 1, -1)


@exercise(lesson=LESSON, points=3)
def chain_gradients(x, weights):
    def last(weights):
        output = x
        for weight in weights:
            output = 1 / (1 + np.exp(-weight * output))
        return output

    nudges = 1e-30j * np.eye(len(weights))  # an imaginary nudge: its effect is the slope, with no difference to round
    return np.array([last(weights + nudge).imag / 1e-30 for nudge in nudges])


chain_gradients.hints = (
    "Walk forward once and keep what every unit gives: its slope is z (1 - z).",
    "Walk back with one number, the message: what the last output gains when the sum of this unit grows. At the last "
    "unit it is the slope of that unit. What multiplies it on its way to the unit before?",
    "On its way back the message is multiplied by the weight it passes and by the slope of the unit it comes to. The "
    "slope by a weight is the message at its unit times what entered the unit.",
)


@chain_gradients.cases
def _(rng):
    yield 0.8, np.array([1.3, -0.7])
    yield -0.6, np.array([0.9, 2.0, -1.1])
    for units in (1, 4, 6):
        yield rng.normal(), rng.normal(0, 1.5, units)


@chain_gradients.known_mistakes
def _(x, weights):
    entering = [x]
    for weight in weights:
        entering.append(expit(weight * entering[-1]))
    entering, outputs = np.array(entering[:-1]), np.array(entering[1:])
    slopes = outputs * (1 - outputs)

    def walk(slopes, passed):
        message, messages = slopes[-1], []
        for unit in reversed(range(len(weights))):
            messages.insert(0, message)
            message = message * passed[unit] * slopes[unit - 1]
        return np.array(messages)

    messages = walk(slopes, weights)
    yield (
        "On the way back you multiplied by what enters a unit where its weight belongs.",
        walk(slopes, entering) * entering,
    )
    yield (
        "The slopes of the units are missing: the message meets one in every unit.",
        walk(np.ones(len(weights)), weights) * entering,
    )
    yield (
        "The weights that the message passes on its way back are missing.",
        walk(slopes, np.ones(len(weights))) * entering,
    )
    yield "You stopped at each unit. What it gives goes on through all units after it.", slopes * entering
    yield (
        "That is the message at each unit. Its weight counts as much as what enters the unit: multiply by it.",
        messages,
    )
    yield (
        "That is the slope by what enters each unit. By its weight it is the message times what enters.",
        messages * weights,
    )
    yield "You multiplied every message by x. Only the first unit is given x; the others get an output.", messages * x
    yield "You multiplied each message by what leaves the unit; what enters it counts.", messages * outputs
    yield "The order is turned round: the first number belongs to the first weight.", (messages * entering)[::-1]
    yield "The slope of the last unit is missing.", messages * entering / slopes[-1]
    yield "These are the outputs of the units. Their slopes by the weights are asked for.", outputs
    yield "1 - z² is the slope of tanh. That of the sigmoid is z (1 - z).", walk(1 - outputs**2, weights) * entering


@exercise(lesson=LESSON, points=2)
def relu_backward(inputs, upstream):
    passed = [g if x > 0 else 0.0 for x, g in zip(inputs.flat, upstream.flat, strict=True)]
    return np.reshape(passed, inputs.shape)


relu_backward.hints = (
    "Where the input was positive ReLU is the identity: its slope is 1. Elsewhere it is flat: 0.",
    "`inputs > 0` is True and False; multiplied by numbers these count as 1 and 0.",
    "At exactly 0 we choose the slope 0, as Keras does.",
)


@relu_backward.cases
def _(rng):
    yield np.array([-1.5, 0.0, 0.3, 2.0]), np.array([3.0, 5.0, 2.0, -4.0])
    for shape in ((3, 5), (6, 6), (2, 3, 3, 2)):  # below 0 and above, small and large, and 0 itself
        yield rng.choice([-2, -0.4, 0, 0.2, 0.7, 1, 2.5], shape), rng.normal(size=shape)


@relu_backward.known_mistakes
def _(inputs, upstream):
    on = inputs > 0
    yield (
        "You looked at the sign of the upstream gradient. What counts is where the *input* was positive.",
        upstream * (upstream > 0),
    )
    yield "The upstream gradient is missing: you return the slope alone.", on * 1.0
    yield "That is ReLU itself, the way forward. Back, the gradient passes where the input was positive.", on * inputs
    yield (
        "You multiplied by the output of ReLU. Backwards its slope counts: 1 or 0, however large the input.",
        upstream * np.maximum(inputs, 0),
    )
    yield (
        "Between 0 and 1 you multiplied by the input. The slope is 1 for every positive input, also for a small one.",
        upstream * np.clip(inputs, 0, 1),
    )
    yield (
        "At exactly 0 the slope is 0 by convention, so the gradient stops there: use >, not >=.",
        upstream * (inputs >= 0),
    )
    yield "np.sign is -1 below zero, where ReLU is flat: no gradient passes there.", upstream * np.sign(inputs)
    yield (
        "It is the other way round: the gradient passes where the input was positive and stops elsewhere.",
        upstream * ~on,
    )
    yield (
        "You passed only what is positive both ways. A negative gradient passes too, if the input was positive.",
        np.maximum(upstream, 0) * on,
    )
    yield "The gradient passes everywhere. ReLU stops it where the input was not positive.", upstream


@functools.cache
def _digits():
    return digits().train.images.reshape(-1, 64).astype(float)


@exercise(lesson=LESSON, points=2)
def dead_units(inputs, kernel, bias):
    fires = [any(np.inner(inputs, weights) + own > 0) for weights, own in zip(kernel.T, bias, strict=True)]
    return fires.count(False) / len(fires)


dead_units.hints = (
    "Which sum does each unit get for each example? One product and the bias give them all: (examples, units).",
    "A unit is a column of these sums. It fires on an example when its sum is above 0; dead is a column in which that "
    "never happens. np.all(condition, axis=0) asks for each column whether the condition holds in every row.",
    "The mean of True and False is the share of True.",
)


@dead_units.cases
def _(rng):
    yield np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]), np.array([[-1.0, 1.0, 1.0], [0.0, 0.0, -1.0]]), np.zeros(3)
    yield np.array([[1.0, 1.0], [2.0, 0.0]]), np.array([[1.0, -1.0], [1.0, -2.0]]), np.array([-2.0, 1.0])
    kernel, bias = np.array([[1.0, 1, -1, -1, 0, 0, 1, 1]]), np.array([-4, -3.5, 0.5, -2, 1, -1, -1, -2.9])
    yield np.array([[-1.0], [1.0], [3.0]]), kernel, bias  # tells apart who forgets the bias; the last fires weakly
    images = _digits()
    for number, units, shift in ((6, 5, -0.5), (40, 12, -3.5), (90, 20, -5.0)):
        picked = images[rng.choice(len(images), number, replace=False)]
        kernel, bias = rng.normal(0, 0.4, (64, units)), rng.normal(shift, 0.5, units)
        bias[0] = -9.0 - np.abs(kernel[:, 0]).sum()  # one unit at least is dead, and one alive
        bias[1] = 0.5 - np.sort(picked @ kernel[:, 1])[number // 2]
        yield picked, kernel, bias


@dead_units.known_mistakes
def _(inputs, kernel, bias):
    sums = inputs @ kernel + bias
    silent = sums <= 0
    dead = silent.all(axis=0)
    yield (
        "That is the share of zeros among all outputs. A unit is dead only if it is silent on *every* example.",
        np.mean(silent),
    )
    yield (
        "A unit that is silent on *some* example is not dead: it must be silent on all of them.",
        np.mean(silent.any(axis=0)),
    )
    yield (
        "You looked along the wrong axis: units are columns, so ask along axis 0, over the examples.",
        np.mean(silent.all(axis=1)),
    )
    yield "The bias is missing: a unit's sum is inputs @ kernel + bias.", np.mean(np.all(inputs @ kernel <= 0, axis=0))
    yield (
        "You subtracted the bias; a unit's sum is inputs @ kernel + bias.",
        np.mean(np.all(inputs @ kernel - bias <= 0, axis=0)),
    )
    yield "That is the share of living units.", 1 - np.mean(dead)
    yield "That is their number; the share is asked for, from 0 to 1.", np.sum(dead)
    yield "That is a percentage; the share is asked for, from 0 to 1.", 100 * np.mean(dead)
    yield "You divided by the number of examples. The share is one of all units.", np.sum(dead) / len(sums)
    yield "That says which units are dead; the share of them is asked for, one number.", dead * 1.0
    yield (
        "A sum of exactly 0 does not fire either, since max(0, 0) is 0: use <=, not <.",
        np.mean(np.all(sums < 0, axis=0)),
    )
    yield (
        "You looked at each unit's mean. It can be below 0 although the unit fires on single examples.",
        np.mean(sums.mean(axis=0) <= 0),
    )


@exercise(lesson=LESSON, points=2, atol=1e-5)
def elu_gradient(inputs, alpha):
    def elu(x):
        return np.array([value if value > 0 else alpha * math.expm1(value) for value in x.flat]).reshape(x.shape)

    return _slope(elu, inputs)


elu_gradient.hints = (
    "Above 0 ELU is x itself. What is its slope there?",
    "Below 0 it is alpha (exp(x) - 1). The derivative of exp is exp, that of a constant is 0.",
    "np.where(inputs > 0, 1.0, ...) with alpha * np.exp(inputs) for the other side.",
)


@elu_gradient.cases
def _(rng):
    yield np.array([-2.0, -0.5, 1.5]), 0.5
    yield np.array([-0.1, 1.5, -3.0]), 2.0  # below 0, and steeper than 1
    for shape, alpha in (((4,), 1.0), ((3, 4), 1.5), ((2, 3, 2), 0.2)):
        yield _without_kink(rng, *shape), alpha


@elu_gradient.known_mistakes
def _(inputs, alpha):
    on, below = inputs > 0, alpha * np.exp(inputs)
    yield (
        "That is ELU itself. Its derivative below 0 is alpha exp(x): the -1 is a constant and drops out.",
        np.where(on, inputs, below - alpha),
    )
    yield "The factor alpha is missing below 0.", np.where(on, 1.0, np.exp(inputs))
    yield (
        "Below 0 you kept the -1. It is a constant: its derivative is 0, which leaves alpha exp(x).",
        np.where(on, 1.0, below - alpha),
    )
    yield "Above 0 the slope is 1, whatever the input: there ELU is x itself.", below
    yield (
        "That is the slope of a leaky ReLU. Below 0 the slope of ELU is alpha exp(x): it fades to the left.",
        np.where(on, 1.0, alpha),
    )
    yield "That is the slope of ReLU. Below 0 the slope of ELU is alpha exp(x).", on * 1.0
    yield "Above 0 you return x. The slope is asked for, and that is 1.", np.where(on, inputs, below)
    yield "The two sides are swapped: the slope is 1 above 0, alpha exp(x) below.", np.where(on, below, 1.0)
    yield "Below 0 you multiplied by x, too. The derivative of exp(x) is exp(x).", np.where(on, 1.0, inputs * below)


@exercise(lesson=LESSON, points=2)
def swish_gradient(inputs, beta):
    nudged = inputs + 1e-30j  # an imaginary nudge: its effect is the slope, with no difference to round
    return (nudged / (1 + np.exp(-beta * nudged))).imag / 1e-30


swish_gradient.hints = (
    "It is a product of two factors, a and σ(βa): the slope of the first times the second, plus the first times the "
    "slope of the second.",
    "The slope of σ(βa) by a is β σ(βa) (1 - σ(βa)): the chain rule brings a β.",
    "With g = σ(βa) the slope is g + β a g (1 - g).",
)


@swish_gradient.cases
def _(rng):
    yield np.array([-2.0, 0.0, 3.0]), 1.0
    yield np.array([-0.5, 1.5]), 2.0
    for shape, beta in (((5,), 0.5), ((3, 4), 1.7), ((2, 3, 2), 1.0)):
        yield rng.normal(0, 2, shape), beta


@swish_gradient.known_mistakes
def _(inputs, beta):
    gate = expit(beta * inputs)
    slope = gate * (1 - gate)
    yield "That is the function itself. Its slope is asked for.", inputs * gate
    yield "That is the first half: the gate changes with the input, too, which adds a second term.", gate
    yield "That is the second half: the factor a has the slope 1, which adds the gate itself.", beta * inputs * slope
    yield "The β of the chain rule is missing: σ(βa) grows β times as fast as σ does.", gate + inputs * slope
    yield "You left out β: the gate is σ(βa), not σ(a).", expit(inputs) * (1 + inputs * (1 - expit(inputs)))
    yield "You multiplied the two slopes. A product's slope is a sum of two terms.", beta * slope
    yield "The two terms add up; you subtracted the second.", gate - beta * inputs * slope
    yield "The slope of the gate is g (1 - g), not 1 - g.", gate + beta * inputs * (1 - gate)
    yield "The second term keeps the factor a.", gate + beta * slope
    yield "That is the slope of the gate's bound, ReLU: it has a corner, this has none.", (inputs > 0) * 1.0
