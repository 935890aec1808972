"""Exercises of lesson 07_activations."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit

from course_lib.exercises.spec import exercise

LESSON = "07_activations"


def _slope(function, inputs, step=1e-5):
    """Centred differences: how fast the function grows at each input."""
    return (function(inputs + step) - function(inputs - step)) / (2 * step)


def _without_kink(rng, *shape):
    """Random numbers, none so near 0 that a nudge could cross it."""
    numbers = rng.normal(0, 2, shape)
    return numbers + 0.01 * np.where(numbers > 0, 1, -1)


@exercise(lesson=LESSON, points=2, atol=1e-5)
def sigmoid_backward(outputs, upstream):
    inputs = np.log(outputs) - np.log1p(-outputs)  # where the sigmoid gives these outputs
    return upstream * _slope(expit, inputs)


sigmoid_backward.hints = (
    "The slope of a sigmoid is y (1 - y), where y is its output. The outputs are just what you are given.",
    "The chain rule multiplies: local slope times upstream, element by element.",
)


@sigmoid_backward.cases
def _(rng):
    yield expit(np.array([-2.0, 0.0, 3.0])), np.array([1.0, -2.0, 4.0])
    for shape in ((2, 3), (5, 4), (2, 3, 4)):
        yield expit(rng.normal(0, 2, shape)), rng.normal(size=shape)


@sigmoid_backward.known_mistakes
def _(outputs, upstream):
    slope, again = outputs * (1 - outputs), expit(outputs)
    yield (
        "You put the outputs through the sigmoid once more. They are outputs already: the slope is y (1 - y).",
        upstream * again * (1 - again),
    )
    yield "The upstream gradient is missing: the chain rule multiplies it by the local slope.", slope
    yield "1 - y² is the slope of tanh. That of the sigmoid is y (1 - y).", upstream * (1 - outputs**2)
    yield (
        "The sign is turned round: the sigmoid rises everywhere, so its slope is y (1 - y), not y (y - 1).",
        -upstream * slope,
    )
    yield "You added the local slope to the upstream gradient. The chain rule multiplies them.", upstream + slope
    yield (
        "You multiplied by the output itself. The local slope is y (1 - y): the factor 1 - y is missing.",
        upstream * outputs,
    )
    yield "The local slope is y (1 - y): the factor y is missing.", upstream * (1 - outputs)
    yield "The slope comes from the outputs: y (1 - y), not y (1 - upstream).", outputs * (1 - upstream)


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


@exercise(lesson=LESSON, points=2)
def dead_units(sums):
    fires = [any(total > 0 for total in column) for column in sums.T]
    return fires.count(False) / len(fires)


dead_units.hints = (
    "A unit is a column. It fires on an example when its sum is above 0; dead is a column in which that never happens.",
    "np.all(condition, axis=0) asks for each column whether the condition holds in every row.",
    "The mean of True and False is the share of True.",
)


@dead_units.cases
def _(rng):
    yield (np.array([[-1.0, 0.0, -0.5], [-2.0, 1.0, -3.0]]),)
    yield (np.array([[-1.0, 0.0, 2.0, -3.0], [-2.0, -1.0, 1.0, 4.0], [-1.0, 0.0, -3.0, -1.0]]),)
    for examples, units in ((4, 3), (6, 5), (9, 20)):
        sums = rng.normal(-0.5, 1, (examples, units))
        dead = rng.choice(units, max(1, units // 3), replace=False)
        sums[:, dead] = -np.abs(sums[:, dead])
        yield (sums,)


@dead_units.known_mistakes
def _(sums):
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


@exercise(lesson=LESSON, points=1)
def leaky_relu(inputs, negative_slope):
    values = [x if x > 0 else negative_slope * x for x in map(float, inputs.flat)]
    return np.reshape(values, inputs.shape)


leaky_relu.hints = (
    "Two cases: x where x is above 0, negative_slope times x elsewhere.",
    "np.where(condition, a, b) takes from a where the condition holds, and from b elsewhere.",
)


@leaky_relu.cases
def _(rng):
    yield np.array([-2.0, 0.0, 3.0]), 0.1
    for shape, slope in (((4,), 0.3), ((3, 4), 0.01), ((2, 3, 2), 0.2)):
        yield rng.normal(0, 2, shape), slope


@leaky_relu.known_mistakes
def _(inputs, negative_slope):
    on = inputs > 0
    yield "The slope belongs to the negative side only: positive inputs pass unchanged.", negative_slope * inputs
    yield "That is plain ReLU: below 0 the output is negative_slope times x, not 0.", np.maximum(inputs, 0)
    yield (
        "The two sides are swapped: the small slope belongs where x is negative.",
        np.where(on, negative_slope * inputs, inputs),
    )
    yield "Below 0 you return the slope itself; the output is the slope times x.", np.where(on, inputs, negative_slope)
    yield (
        "Below 0 the output is negative: negative_slope times x. Yours rises again on the left.",
        np.where(on, inputs, -negative_slope * inputs),
    )
    yield "That is the slope at each input. The function itself is asked for.", np.where(on, 1.0, negative_slope)
    yield "Below 0 you subtracted the slope; it multiplies x.", np.where(on, inputs, inputs - negative_slope)


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
