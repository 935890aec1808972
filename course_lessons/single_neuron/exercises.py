"""Exercises of lesson 03_single_neuron."""

from __future__ import annotations

import functools
import warnings
from fractions import Fraction

import numpy as np
from scipy.special import expit, log_expit

from course_lib.data import mnist_5k
from course_lib.exercises.spec import exercise

LESSON = "03_single_neuron"


@exercise(lesson=LESSON, points=2)
def adaline_pass(weights, inputs, targets, learning_rate):
    now, rate = [Fraction(float(weight)) for weight in weights], Fraction(float(learning_rate))  # exact arithmetic
    for example, target in zip(inputs, targets, strict=True):
        row = [Fraction(1), *(Fraction(float(value)) for value in example)]
        short = Fraction(int(target)) - sum(w * x for w, x in zip(now, row, strict=True))
        now = [w + rate * short * x for w, x in zip(now, row, strict=True)]
    return np.array([float(weight) for weight in now])


adaline_pass.hints = (
    "Go through the examples in a loop. In each turn use the weights as the last turn left them.",
    "The error of one example is the target minus the weighted sum. There is no step in it.",
    "For one row with its 1 in front: weights = weights + learning_rate * (target - row @ weights) * row.",
)


@adaline_pass.cases
def _(rng):
    yield np.array([0.5, 2.0]), np.array([[1.5]]), np.array([1]), 0.25  # one example; its sum is above the target
    yield np.zeros(3), np.array([[1.0, 2.0], [2.0, -1.0]]), np.array([1, -1]), 0.1
    for examples, features, rate in ((5, 2, 0.2), (8, 3, 0.05), (12, 4, 0.1)):
        inputs, targets = rng.normal(size=(examples, features)), rng.choice([-1, 1], examples)
        yield rng.normal(size=features + 1), inputs, targets, rate


@adaline_pass.known_mistakes
def _(weights, inputs, targets, learning_rate):
    rows = np.insert(inputs, 0, 1.0, axis=1)
    step = learning_rate * rows * (targets - rows @ weights)[:, None]

    def walk(move, order=None):
        now = np.array(weights, dtype=float)
        for place in order if order is not None else range(len(rows)):
            now = now + learning_rate * move(now, rows[place], targets[place])
        return now

    yield (
        "That is the perceptron's error. ADALINE takes target minus the weighted sum, without a step.",
        walk(lambda w, x, t: (t - (1 if w @ x > 0 else -1)) * x),
    )
    yield (
        "That is one batch step, the mean over all examples. Here each example moves the weights as they are by then.",
        weights + step.mean(axis=0),
    )
    yield (
        "All errors are taken with the old weights. Each example must see the weights that the one before left.",
        weights + step.sum(axis=0),
    )
    yield (
        "The bias stands still. Its input is 1, so it moves by rate times error.",
        walk(lambda w, x, t: (t - w @ x) * np.insert(x[1:], 0, 0.0)),
    )
    yield "Yours walks uphill: add rate times (target - sum) times x.", walk(lambda w, x, t: (w @ x - t) * x)
    yield "Your steps are twice too long: the ½ of the loss cancels the 2.", walk(lambda w, x, t: 2 * (t - w @ x) * x)
    yield (
        "The bias is missing from the weighted sum.",
        walk(lambda w, x, t: (t - w[1:] @ x[1:]) * x),
    )
    yield "Take the examples in the order given.", walk(lambda w, x, t: (t - w @ x) * x, range(len(rows))[::-1])
    yield "Each weight moves in proportion to its own input: multiply by x.", walk(lambda w, x, t: (t - w @ x) + 0 * x)
    yield "You return the weights as they came.", weights
    yield (
        "That is the change alone. Return the new weights.",
        walk(lambda w, x, t: (t - w @ x) * x) - weights,
    )


@exercise(lesson=LESSON, points=2)
def surprise_from_sums(sums, targets):
    return np.mean(-targets * log_expit(sums) - (1 - targets) * log_expit(-sums))


surprise_from_sums.hints = (
    "Both logarithms have the form log(1 + e^u). For a large u that is nearly u: take u out before the exponential.",
    "log(1 + e^u) = max(u, 0) + log(1 + e^(-|u|)): now no exponential is ever above 1.",
    "np.logaddexp(0, u) is log(1 + e^u) without overflow. And log(1 + e^(-a)) = log(1 + e^a) - a.",
)


@surprise_from_sums.cases
def _(rng):
    yield np.array([0.0, 1.0]), np.array([1.0, 0.0])
    yield np.array([1000.0, -1000.0, 2.0]), np.array([1.0, 0.0, 1.0])  # sure and right
    yield np.array([1000.0, -1000.0, -0.5]), np.array([0.0, 1.0, 0.0])  # sure and wrong
    yield rng.normal(size=6), np.array([0.3, 0.3, 0.8, 1.0, 0.0, 0.5])
    yield 3 * rng.normal(size=9), rng.integers(0, 2, 9).astype(float)
    yield np.array([40.0, -45.0, 900.0, 20.0]), rng.permutation([0.0, 1.0, 0.0, 1.0])


@surprise_from_sums.known_mistakes
def _(sums, targets):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        each = np.logaddexp(0, sums) - targets * sums
        outputs = expit(sums)
        by_outputs = -targets * np.log(outputs) - (1 - targets) * np.log(1 - outputs)
        by_clipped = [
            -targets * np.log(np.maximum(outputs, least)) - (1 - targets) * np.log(np.maximum(1 - outputs, least))
            for least in (1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15, 1e-16)
        ]
        overflowing = np.log(1 + np.exp(sums)) - targets * sums
        yield (
            "σ(−1000) is 0 for the computer, and its log −∞. Rewrite the formula with the sums before you compute.",
            np.mean(by_outputs),
        )
        for clipped in by_clipped:
            yield "Clipping hides it: a clipped output cannot tell a sum of −40 from −1000.", np.mean(clipped)
        yield "e^1000 is too large for the computer: take the larger part out first.", np.mean(overflowing)
    yield "Take the mean over the examples, not their sum.", np.sum(each)
    yield "These are the surprises of each example. Return their mean.", each
    yield "The sign is turned round: −log P is never below 0.", -np.mean(each)
    yield "Targets 0 surprise, too: their term is −log(1 − y).", np.mean(-targets * log_expit(sums))
    yield "Targets 1 surprise, too: their term is −log y.", np.mean((targets - 1) * log_expit(-sums))
    yield (
        "A target may lie between 0 and 1: weigh both terms, by t and by 1 − t.",
        np.mean(np.where(targets == 1, -log_expit(sums), -log_expit(-sums))),
    )
    yield "Take the natural logarithm, not the one to base 2.", np.mean(each) / np.log(2)
    yield "The targets are swapped: −log y belongs to target 1.", np.mean(np.logaddexp(0, sums) - (1 - targets) * sums)


@exercise(lesson=LESSON, points=3, atol=1e-7, rtol=1e-4)
def squared_error_gradient(weights, inputs, targets):
    rows = np.insert(inputs, 0, 1.0, axis=1).astype(np.longdouble)
    nudge, slope = np.longdouble(1e-6), np.zeros(len(weights))

    def loss(values):
        return np.mean((targets - 1 / (1 + np.exp(-(rows @ values)))) ** 2) / 2

    for place in range(len(weights)):
        step = nudge * (np.arange(len(weights)) == place)
        slope[place] = (loss(weights + step) - loss(weights - step)) / (2 * nudge)
    return slope


squared_error_gradient.hints = (
    "The chain has three links: the loss by the output y, y by the sum a, a by the weights.",
    "∂ℓ/∂y = y − t, ∂y/∂a = y(1 − y), ∂a/∂w = x, with x_0 = 1 for the bias. Multiply, then take the mean.",
    "With rows that begin with 1: rows.T @ ((outputs - targets) * outputs * (1 - outputs)) / len(rows).",
)


@squared_error_gradient.cases
def _(rng):
    yield np.array([0.5, -1.0]), np.array([[2.0]]), np.array([1])  # one example
    for examples, features in ((4, 2), (7, 3), (12, 4)):
        inputs, targets = 2 * rng.normal(size=(examples, features)), rng.integers(0, 2, examples)
        yield rng.normal(size=features + 1), inputs, targets
    yield np.array([1.0, 4.0]), np.array([[1.0], [-1.5], [0.5]]), np.array([0, 1, 1])  # sure, and mostly wrong


@squared_error_gradient.known_mistakes
def _(weights, inputs, targets):
    rows = np.insert(inputs, 0, 1.0, axis=1)
    sums = rows @ weights
    outputs = expit(sums)
    error, slope, number = outputs - targets, outputs * (1 - outputs), len(rows)
    right = rows.T @ (error * slope) / number
    yield "That is the gradient of surprise. Here the slope y(1 − y) of the sigmoid stays.", rows.T @ error / number
    yield "1 − y² is the slope of tanh. The sigmoid's is y(1 − y).", rows.T @ (error * (1 - outputs**2)) / number
    yield (
        "You took σ of the output once more. The slope belongs to the sum a: y(1 − y) with y = σ(a).",
        rows.T @ (error * expit(outputs) * (1 - expit(outputs))) / number,
    )
    yield "The sign is turned round: the loss by y is y − t.", -right
    yield "Take the mean over the examples, not the sum.", right * number
    yield "Twice too large: the ½ cancels the 2.", 2 * right
    yield "Half too small: the 2 of the square cancels the ½.", right / 2
    yield "The entry of the bias is missing: x_0 = 1, and it comes first.", right[1:]
    yield "The bias comes first, as in the weights.", np.roll(right, -1)
    yield "The sigmoid is missing: that is ADALINE's gradient.", rows.T @ (sums - targets) / number
    yield "Compare with the targets: the loss by y is y − t, not y.", rows.T @ (outputs * slope) / number


@exercise(lesson=LESSON, points=2, atol=5e-3, rtol=1e-2)
def choose_decay(train, validation, decays):
    fits = {decay: _by_scikit_learn(*train, decay) for decay in decays}
    best = min(decays, key=lambda decay: _surprise(fits[decay], *validation))
    return best, fits[best]


choose_decay.results = ("Decay", "Weights")
choose_decay.hints = (
    "Two lists in the order of the decays: the weights of each, and their surprise on the validation pictures.",
    "weights = neuron.settle(neuron.with_bias(inputs), targets, decay) with the training pictures, for each decay.",
    "np.argmin(surprises) is the place of the lowest surprise; the decay and the weights at that place are the answer.",
)


def _by_scikit_learn(inputs, targets, decay):
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1 / (len(inputs) * decay), solver="newton-cholesky", tol=1e-10)
    fitted = model.fit(inputs, targets)
    return np.array([*fitted.intercept_, *fitted.coef_[0]])


def _by_newton(inputs, targets, decay, decay_of_bias=0.0):
    """The same, many times as fast: cases and mistakes need it often."""
    rows = np.insert(inputs, 0, 1.0, axis=1)
    strength, weights = np.array([decay_of_bias] + [decay] * inputs.shape[1]), np.zeros(rows.shape[1])
    for _ in range(7):
        outputs = expit(rows @ weights)
        gradient = rows.T @ (outputs - targets) / len(rows) + strength * weights
        curvature = rows.T @ (rows * (outputs * (1 - outputs))[:, None]) / len(rows) + np.diag(strength)
        weights = weights - np.linalg.solve(curvature, gradient)
    return weights


def _surprise(weights, inputs, targets):
    sums = weights[0] + inputs @ weights[1:]
    return np.mean(np.logaddexp(0, sums) - targets * sums)


@functools.cache
def _digits(first, second):
    """The middle of two digits, 4 x 4 coarse pixels, standardised, and targets 0 and 1: training, validation part."""
    parts = mnist_5k()
    coarse, targets = [], []
    for part in (parts.train, parts.validation):
        chosen = part[np.isin(part.labels, (first, second))]
        middle = chosen.images[:, 4:24, 4:24, 0].astype(float)
        coarse.append(middle.reshape(len(chosen), 4, 5, 4, 5).mean(axis=(2, 4)).reshape(len(chosen), 16))
        targets.append((chosen.labels == second).astype(float))
    centre, spread = coarse[0].mean(axis=0), coarse[0].std(axis=0)
    return [((each - centre) / spread, truth) for each, truth in zip(coarse, targets, strict=True)]


@choose_decay.cases
def _(rng):
    yield _case(rng, _digits(3, 8), (10.0, 0.03, 0.3), fewest_errors="weakest")
    yield _case(rng, _digits(4, 9), (0.3, 10.0, 0.03), fewest_errors="middle")
    yield _charged_case(rng, _digits(3, 8), (30.0, 0.03, 3.0))


def _case(rng, parts, decays, fewest_errors):
    """Digits, three with a wrong label, on which the decay in the middle gives the lowest surprise, the strongest the
    highest; and of the two others the one named gives fewer errors, so that it shows who chooses by errors.
    """
    weakest, middle, strongest = sorted(decays)
    while True:
        train, validation = _some(rng, parts)
        at_weakest, at_middle = (_by_newton(*train, decay) for decay in (weakest, middle))
        weak, medium = _surprise(at_weakest, *validation), _surprise(at_middle, *validation)
        errors = _errors(at_weakest, *validation), _errors(at_middle, *validation)
        fewer, more = errors if fewest_errors == "weakest" else errors[::-1]
        if not (medium + 0.02 < weak and fewer < more):
            continue
        at_strongest = _by_newton(*train, strongest)
        if weak + 0.02 < _surprise(at_strongest, *validation) and fewer < _errors(at_strongest, *validation):
            return train, validation, decays


def _charged_case(rng, parts, decays):
    """Digits on which the weakest decay gives the lowest surprise, but the one in the middle, with smaller weights,
    would win if the weights were charged for once more.
    """
    weakest, middle, strongest = sorted(decays)
    while True:
        train, validation = _some(rng, parts)
        at_weakest, at_middle = (_by_newton(*train, decay) for decay in (weakest, middle))
        weak, medium = _surprise(at_weakest, *validation), _surprise(at_middle, *validation)
        spared = _charge(at_weakest, weakest) - _charge(at_middle, middle)
        if weak + 0.02 < medium < weak + spared - 0.01:
            if medium + 0.02 < _surprise(_by_newton(*train, strongest), *validation):
                return train, validation, decays


def _some(rng, parts):
    """20 digits to learn from, three with a wrong label, and 60 to choose with."""
    (inputs, targets), (new, new_targets) = parts
    turned = np.isin(np.arange(20), (0, 8, 15))
    learn = np.concatenate(
        [rng.choice(np.flatnonzero(targets == kind), number, replace=False) for kind, number in ((0, 6), (1, 14))]
    )
    choose = rng.permutation(len(new))[:60]
    choose = choose[np.argsort(-new_targets[choose])]  # targets 1 first: the place of a 0 is no place of a decay
    return (inputs[learn], np.abs(targets[learn] - turned)), (new[choose], new_targets[choose])


def _least(decays, fit, score):
    best = min(decays, key=score)
    return best, fit(best)


def _charge(weights, decay):
    return decay / 2 * np.sum(weights[1:] ** 2)


def _errors(weights, inputs, targets):
    return np.sum((weights[0] + inputs @ weights[1:] > 0) != (targets > 0))


@choose_decay.known_mistakes
def _(train, validation, decays):
    def chosen(fit, score=lambda weights: _surprise(weights, *validation), pick=min):
        fits = {decay: fit(decay) for decay in decays}
        best = pick(decays, key=lambda decay: score(fits[decay]))
        return best, fits[best]

    def right(decay):
        return _by_newton(*train, decay)

    yield (
        "You chose by the surprise on the training pictures: that is always lowest with the weakest decay.",
        lambda *_: chosen(right, lambda weights: _surprise(weights, *train)),
    )
    yield (
        "That decay has the highest surprise on the validation pictures. Take the lowest.",
        lambda *_: chosen(right, pick=max),
    )
    yield (
        "You chose by the fewest errors on the validation pictures. Ask for the lowest surprise.",
        lambda *_: chosen(right, lambda weights: _errors(weights, *validation)),
    )
    yield (
        "You charged for the weights once more when you chose. On the validation pictures ask for the surprise alone.",
        lambda *_: _least(
            decays, right, lambda decay: _surprise(right(decay), *validation) + _charge(right(decay), decay)
        ),
    )
    yield (
        "Your weights decay twice as fast: the ½ of α/2 cancels the 2 of the square.",
        lambda *_: chosen(lambda decay: _by_newton(*train, 2 * decay)),
    )
    yield (
        "Beside a sum of surprises your α counts an Nth. The loss is the mean.",
        lambda *_: chosen(lambda decay: _by_newton(*train, decay / len(train[0]))),
    )
    yield (
        "The bias decays, too. It is free: α counts from w_1 on.",
        lambda *_: chosen(lambda decay: _by_newton(*train, decay, decay_of_bias=decay)),
    )
