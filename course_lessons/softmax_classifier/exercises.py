"""Exercises of lesson 04_softmax_classifier."""

from __future__ import annotations

import functools
import math

import numpy as np
from scipy import special

from course_lib.data import mnist_5k
from course_lib.exercises.spec import exercise
from course_lib.gradcheck import numerical_gradient

LESSON = "04_softmax_classifier"


# Softmax


@exercise(lesson=LESSON, points=2, atol=2e-4)
def stable_softmax(logits):
    return special.softmax(np.asarray(logits, dtype=float), axis=1)


stable_softmax.hints = (
    "You may subtract any number from all logits of an example. Which one makes every power at most 1?",
    "Subtract the largest logit of each example: logits.max(axis=1, keepdims=True) has one for each row.",
    "Then np.exp, and divide each row by its sum: .sum(axis=1, keepdims=True).",
)


@stable_softmax.cases
def _(rng):
    yield (np.array([[0.0, 1.0, -1.0], [2.0, 0.5, 1.0]]),)
    yield (np.array([[1000.0, 1001.0, 999.0], [-1000.0, -1002.0, -1001.0]]),)
    yield (np.array([[3.0, 1.0, 2.0, 0.0]]),)
    yield (rng.normal(0, 2, size=(3, 3)),)
    yield (rng.normal(0, 2, size=(5, 4)) + 400 * rng.permutation(5)[:, None],)
    yield (np.concatenate([np.zeros((2, 3)), [[50000.0, 0.0, 0.0]]]),)
    yield (np.array([[7.0], [-1200.0]]),)


@stable_softmax.known_mistakes
def _(logits):
    with np.errstate(all="ignore"):
        powers = np.exp(logits)
        naive = powers / powers.sum(axis=1, keepdims=True)
        yield "Large logits still overflow: subtract the largest logit of each example before np.exp.", naive
        powers = np.exp(logits - logits.max())
        yield (
            "You subtract the largest logit of all examples: a row far below it becomes 0/0. Each row has its own.",
            powers / powers.sum(axis=1, keepdims=True),
        )
        powers = np.exp(logits - logits.mean(axis=1, keepdims=True))
        yield (
            "A logit far above what you subtract from it still overflows. None is above the largest of its example.",
            powers / powers.sum(axis=1, keepdims=True),
        )
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        yield (
            "You divide by the sums down the columns. The probabilities of one example are in a row: axis=1.",
            powers / powers.sum(axis=0),
        )
        yield "These are the powers. Divide each row by its sum, so that it sums to 1.", powers
        yield "You divide by the sum over all examples. Each row sums to 1 by itself.", powers / powers.sum()
        powers = np.exp(logits - logits.max(axis=0))
        yield (
            "You subtract the largest logit of each class. Within an example all logits must lose the same number.",
            powers / powers.sum(axis=1, keepdims=True),
        )
        powers = np.exp(np.clip(logits, -700, 700))
        yield (
            "You clip the logits, which makes large ones alike. Subtract the largest: that changes no probability.",
            powers / powers.sum(axis=1, keepdims=True),
        )
        shifted = logits - logits.max(axis=1, keepdims=True)
        yield (
            "These are logarithms of the probabilities. The probabilities are asked.",
            shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)),
        )


# Surprise


@exercise(lesson=LESSON, points=2, atol=1e-4)
def surprise(logits, labels):
    costs = special.logsumexp(logits, axis=1) - np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    return math.fsum(costs) / len(costs)


surprise.hints = (
    "The derivation has the form you need: the logarithm of a sum of powers, minus the logit of the true class.",
    "Subtract each row's largest logit from the row first, as in exercise 1; then no power overflows.",
    "logits[np.arange(len(labels)), labels] picks from each row the logit of its true class.",
)


@surprise.cases
def _(rng):
    yield np.array([[2.0, 1.0, -1.0], [0.0, 3.0, 1.0]]), np.array([1, 2])
    yield np.array([[0.0, 800.0], [1.0, 2.0], [0.5, -1.0]]), np.array([0, 1, 1])
    yield np.array([[900.0, -900.0, -900.0], [0.0, 1.0, 2.0]]), np.array([0, 1])  # far above the mean, too
    for examples, classes in ((3, 3), (4, 2), (6, 7)):
        logits = rng.normal(0, 2, size=(examples, classes))
        yield logits, (logits.argmax(axis=1) + rng.integers(1, classes, examples)) % classes
    for shift in (1000, -1000):  # in 64ths, which float32 holds exactly
        yield rng.integers(-256, 256, size=(5, 4)) / 64 + shift, rng.permutation([0, 3, 1, 1, 2])


@surprise.known_mistakes
def _(logits, labels):
    rows = np.arange(len(labels))
    log_y = special.log_softmax(logits, axis=1)
    true = log_y[rows, labels]
    yield "That is the sum. The mean over the examples is asked.", -true.sum()
    yield "You divide by the number of all logits. Divide by the number of examples.", -true.sum() / logits.size
    yield "That is in bits. Surprise uses the natural logarithm here, np.log.", -true.mean() / np.log(2)
    yield "The sign is missing: a logarithm of a probability is never above 0, a surprise never below.", true.mean()
    with np.errstate(all="ignore"):
        naive = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        yield "np.exp overflows. Subtract the largest logit of each example first.", -np.log(naive[rows, labels]).mean()
        rounded = -np.log(special.softmax(logits, axis=1)[rows, labels]).mean()
    yield (
        "The probability of the true class was rounded to 0. Write the logarithm of the fraction as a difference.",
        rounded,
    )
    for least in (1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15, 1e-16, 1e-300):
        yield (
            "The probability was kept away from 0, which hides how wrong it was. Write the logarithm as a difference.",
            -np.log(np.maximum(special.softmax(logits, axis=1)[rows, labels], least)).mean(),
        )
    yield "You took the probability of the winner. Take that of the true class.", -log_y.max(axis=1).mean()
    yield (
        "You took the logarithm of the mean probability. Take the mean of the logarithms.",
        np.log(len(true)) - special.logsumexp(true),
    )
    yield "These are the surprises of all examples. Their mean is asked.", -true
    yield (
        "You added up the surprise at all classes. Only the true class happened.",
        -log_y.sum(axis=1).mean(),
    )
    yield "The logit of the true class is not subtracted.", special.logsumexp(logits, axis=1).mean()
    yield (
        "That is minus the logit of the true class. The logarithm of the sum of powers is missing.",
        -logits[rows, labels].mean(),
    )


# Two common changes


@exercise(lesson=LESSON, points=3, atol=1e-6, rtol=1e-5)
def classifier_gradients(inputs, kernel, bias, labels, smoothing, decay):
    kernel, bias = np.array(kernel, dtype=float), np.array(bias, dtype=float)

    def loss():
        log_y = special.log_softmax(inputs @ kernel + bias, axis=1)
        at_label = np.take_along_axis(log_y, labels[:, None], axis=1)[:, 0]
        costs = (1 - smoothing) * at_label + smoothing * log_y.mean(axis=1)
        return -costs.mean() + decay / 2 * np.vdot(kernel, kernel)

    return numerical_gradient(loss, kernel), numerical_gradient(loss, bias)


classifier_gradients.results = ("Gradient by the kernel", "Gradient by the bias")
classifier_gradients.hints = (
    "The long way needed only that the targets sum to 1. Do the smoothed ones? Then the message is known.",
    "With y - targets for each example, divided by their number, the kernel gets inputs.T @ delta, the bias the sum.",
    "The slope of α/2 times w squared is α w. Only the kernel decays, and the mean over examples does not touch it.",
)


@classifier_gradients.cases
def _(rng):
    for examples, inputs, classes, smoothing, decay in (
        (2, 2, 3, 0.0, 0.0),
        (3, 2, 3, 0.3, 0.0),
        (3, 2, 3, 0.0, 0.4),
        (4, 3, 3, 0.2, 0.3),
        (6, 5, 4, rng.uniform(0.1, 0.3), rng.uniform(0.1, 0.5)),
        (5, 3, 2, 0.25, 0.7),
    ):
        kernel = rng.choice([-1, 1], (inputs, classes)) * rng.uniform(0.5, 1.5, (inputs, classes))
        bias = rng.choice([-1, 1], classes) * rng.uniform(0.5, 1.5, classes)
        yield rng.normal(size=(examples, inputs)), kernel, bias, rng.integers(classes, size=examples), smoothing, decay


@classifier_gradients.known_mistakes
def _(inputs, kernel, bias, labels, smoothing, decay):
    number, classes = len(inputs), len(bias)
    y, one_hot = special.softmax(inputs @ kernel + bias, axis=1), np.eye(classes)[labels]

    def both(targets, of_kernel=1.0, of_bias=0.0, examples=number):
        delta = (y - targets) / examples
        return inputs.T @ delta + of_kernel * decay * kernel, delta.sum(axis=0) + of_bias * decay * bias

    smooth = (1 - smoothing) * one_hot + smoothing / classes
    by_kernel, by_bias = both(smooth)
    yield "The bias decays, too. The penalty has only the kernel in it.", both(smooth, of_bias=1.0)
    yield (
        "The decay is half as strong as asked: the 2 of the square cancels the half, the slope is αW.",
        both(smooth, 0.5),
    )
    yield (
        "The decay is twice as strong as asked: the half cancels the 2 of the square, the slope is αW.",
        both(smooth, 2),
    )
    yield "The decay is missing: add decay * kernel to the gradient by the kernel.", both(smooth, 0)
    yield "The decay has the wrong sign: the penalty grows with the weights, so its slope is +αW.", both(smooth, -1)
    yield (
        "The decay is divided by the number of examples. The penalty stands beside the mean loss, not within it.",
        both(smooth, 1 / number),
    )
    yield (
        "That is the slope of |w|. The penalty is a square: its slope is αW.",
        (by_kernel + decay * (np.sign(kernel) - kernel), by_bias),
    )
    yield "The targets are not smoothed.", both(one_hot)
    yield (
        "The smoothing is shared among the other classes only. Here all K classes get s/K, the true one, too.",
        both((1 - smoothing) * one_hot + smoothing / (classes - 1) * (1 - one_hot)),
    )
    yield (
        "s/K is added, but the true class did not give s away: targets sum to 1, so it has (1 - s) + s/K.",
        both(one_hot + smoothing / classes),
    )
    yield (
        "The true class gets its share of s, too: its target is (1 - s) + s/K.",
        both(np.where(one_hot == 1, 1 - smoothing, smoothing / classes)),
    )
    yield "The targets sum to 1 - s only: every class gets s/K as well.", both((1 - smoothing) * one_hot)
    yield "The 1/N is missing: the loss is a mean over the examples.", both(smooth, examples=1)
    yield (
        "The sign is turned round: the message is y - t, what was said minus what was so.",
        (
            -inputs.T @ (y - smooth) / number + decay * kernel,
            -by_bias,
        ),
    )
    yield (
        "The gradient by the bias is a sum over the examples of y - t over N; you divided by N twice.",
        (
            by_kernel,
            by_bias / number,
        ),
    )
    yield (
        "The gradient by the kernel has the shape of the kernel, (n, classes): inputs.T @ delta.",
        (
            by_kernel.T,
            by_bias,
        ),
    )


# How far to another answer?


@functools.cache
def _trained():
    """The 500 validation digits, and a classifier that has seen the training digits twice."""
    digits = mnist_5k()
    inputs, targets = digits.train.images.reshape(-1, 784).astype(float), np.eye(10)[digits.train.labels]
    kernel, bias = np.zeros((784, 10)), np.zeros(10)
    for batch in np.array_split(np.arange(len(inputs)), 110) * 2:
        delta = (special.softmax(inputs[batch] @ kernel + bias, axis=1) - targets[batch]) / len(batch)
        kernel, bias = kernel - 0.1 * inputs[batch].T @ delta, bias - 0.1 * delta.sum(axis=0)
    return digits.validation.images.reshape(-1, 784).astype(float), kernel, bias


@exercise(lesson=LESSON, points=3, atol=1e-5)
def distance_to_mistake(image, kernel, bias):
    """For each rival the shortest change that closes the gap, as the least-norm solution of one equation."""
    logits = image @ kernel + bias
    winner = int(np.argmax(logits))
    shortest = []
    for rival in range(len(bias)):
        if rival != winner:
            equation = (kernel[:, rival] - kernel[:, winner])[None]
            change = np.linalg.lstsq(equation, np.array([logits[winner] - logits[rival]]), rcond=None)[0]
            shortest.append(math.sqrt(math.fsum(change**2)))
    return min(shortest)


distance_to_mistake.hints = (
    "For one rival j the gap a_c - a_j is itself a weighted sum of the pixels. With which weights?",
    "A change of length r moves a sum with weights v by at most r times the length of v. How large must r be?",
    "For each rival: (a_c - a_j) divided by the length of the difference of the two columns. Then the smallest.",
)


@distance_to_mistake.cases
def _(rng):
    # the runner-up, class 1, is far because its column is like the winner's; class 2 is nearer
    yield np.array([1.0, 0.0]), np.array([[3.0, 2.9, -1.0], [0.0, 0.0, 4.0]]), np.array([0.0, 0.0, 0.5])
    for inputs, classes in ((2, 3), (4, 3), (5, 6)):
        yield rng.normal(size=inputs), rng.normal(size=(inputs, classes)), rng.normal(size=classes)
    images, kernel, bias = _trained()
    yield images[rng.integers(len(images))], kernel, bias


@distance_to_mistake.known_mistakes
def _(image, kernel, bias):
    logits = image @ kernel + bias
    winner = logits.argmax()
    rivals = np.delete(np.arange(len(bias)), winner)
    gaps, columns = logits[winner] - logits[rivals], kernel[:, rivals]
    lengths = np.linalg.norm(kernel[:, [winner]] - columns, axis=0)
    own, others = np.linalg.norm(kernel[:, winner]), np.linalg.norm(columns, axis=0)
    yield "You divide by the length of the rival's column. The gap has the weights w_c - w_j.", np.min(gaps / others)
    yield "You divide by the length of the winner's column. The gap has the weights w_c - w_j.", np.min(gaps / own)
    yield (
        "You divide by the sum of both lengths. Take the length of the difference w_c - w_j.",
        np.min(gaps / (own + others)),
    )
    yield (
        "You divide by the square of the length: that is the step along w_c - w_j, not its length.",
        np.min(gaps / lengths**2),
    )
    yield "That is the smallest gap of logits. Divide each gap by the length of w_c - w_j.", gaps.min()
    yield (
        "You took the runner-up. A rival with a larger gap may be nearer: try all of them.",
        gaps.min() / lengths[gaps.argmin()],
    )
    yield "You took the farthest rival. The smallest change is asked.", np.max(gaps / lengths)
    yield "These are the distances to all rivals. The smallest is asked.", gaps / lengths
    yield "The sign is turned round: the winner's logit minus the rival's is above 0.", -np.min(gaps / lengths)
    with np.errstate(all="ignore"):
        everyone = (logits[winner] - logits) / np.linalg.norm(kernel[:, [winner]] - kernel, axis=0)
        yield "The winner is no rival of itself: leave it out, or 0/0 spoils the smallest.", np.min(everyone)
    yield "The winner is no rival of itself: leave it out.", 0.0
    without = image @ kernel
    best = without.argmax()
    left = np.delete(np.arange(len(bias)), best)
    yield (
        "The bias is missing from the logits.",
        np.min((without[best] - without[left]) / np.linalg.norm(kernel[:, [best]] - kernel[:, left], axis=0)),
    )
    yield (
        "The length of a vector is the root of the sum of squares, not the sum of absolute values.",
        np.min(gaps / np.abs(kernel[:, [winner]] - columns).sum(axis=0)),
    )
