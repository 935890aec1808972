"""Exercises of lesson 28_trust_no_slide."""

from __future__ import annotations

import math

import numpy as np

from course_lib.exercises.spec import exercise

LESSON = "28_trust_no_slide"


# A total that does not add up


@exercise(lesson=LESSON, points=2, atol=0, rtol=0)
def explain_total(rows, total, unit):
    # Every total there can be, from counting one row no times or twice.
    times = {(-1, 1): np.ones(len(rows))}
    for row in range(len(rows)):
        for number in (0, 2):
            times[row, number] = np.where(np.arange(len(rows)) == row, number, 1)
    return next(name for name in times if abs(math.fsum(times[name] * rows) - total) <= unit / 2 + 1e-9)


explain_total.results = ("Row", "Times counted")
explain_total.hints = (
    "How far is the printed total from the sum of the rows? If that is at most unit / 2, it is only rounded.",
    "A row that was counted twice makes the total too large by just that row; one left out makes it too small by it.",
    "gap = total - sum(rows). The row is the one nearest to abs(gap), np.argmin(np.abs(rows - abs(gap))); the sign of "
    "the gap tells whether it was counted 2 times or 0 times.",
)


@explain_total.cases
def _(rng):
    yield np.array([10.5, 20.0, 30.0]), 61, 1  # rounded up from a half
    inception = np.array([25.69, 12.85, 86.70, 12.85, 120.42, 12.85])  # multiply-adds of a module, in millions
    yield inception, 358.0, 1.0
    alexnet = np.array([0.035, 0.307, 0.885, 0.664, 0.442])  # weights of the convolutions, in millions
    yield alexnet, 1.89, 0.01
    yield alexnet, 2.78, 0.01
    yield np.array([0.8, 5.0, 7.0]), 12.0, 1.0  # the smallest row is hardly more than rounding
    for unit in (1.0, 10.0, 0.1):
        rows = unit * rng.permutation(np.arange(12, 90, 5))[:7] + 0.3 * unit
        row = int(rng.integers(1, 7))
        whole = rows.sum()
        for number in (0, 2):
            yield rows, unit * round((whole + (number - 1) * rows[row]) / unit), unit
        yield rows, whole + 0.45 * unit, unit
        yield rows, whole - 0.45 * unit, unit


@explain_total.known_mistakes
def _(rows, total, unit):
    gap = total - np.sum(rows)
    fits = abs(gap) <= unit / 2
    row = -1 if fits else np.argmin(np.abs(rows - abs(gap)))
    times = 1 if fits else 2 if gap > 0 else 0
    yield (
        "Twice and left out are turned round: a total that is too large has a row counted twice.",
        (row, 2 - times),
    )
    yield (
        "You look for an error in every total. One that is off by at most unit / 2 is only rounded: answer (-1, 1).",
        (np.argmin(np.abs(rows - abs(gap))), 2 if gap > 0 else 0),
    )
    yield (
        "Any total that is not exactly the sum counts as right here. Only unit / 2 of it may be due to rounding.",
        (-1, 1),
    )
    yield "Rows are counted from 0, as Python does, not from 1.", (row if fits else row + 1, times)
    yield (
        "That is the row nearest to the total itself. Look for the one nearest to what is too much or too little.",
        (-1 if fits else np.argmin(np.abs(rows - total)), times),
    )
    yield (
        "Say how often the row was counted, 0 or 2, not how much the total is off.",
        (row, gap),
    )


# Two counts, and one of them is right


@exercise(lesson=LESSON, points=2, atol=0, rtol=0)
def right_count(layers, first, second):
    # Lay out every filter and count its numbers; a bias is one more.
    count = 0
    for kernel_size, channels, filters, groups, bias in layers:
        window = np.broadcast_to(0, (kernel_size, kernel_size, channels // groups))
        count += sum(window.size + bool(bias) for _ in range(filters))
    return count, {first: 1, second: 2}.get(count, 0)


right_count.results = ("Count", "Which is right")
right_count.hints = (
    "One filter of a convolution holds kernel_size × kernel_size weights for every channel that it reads.",
    "With `groups` groups, a filter reads only the channels of its own group: channels // groups. There are still "
    "`filters` filters, and one bias for each of them where bias is True.",
    "Add kernel_size**2 * (channels // groups) * filters + bias * filters over the layers. Then compare with both.",
)

ALEXNET = [
    (11, 3, 96, 1, True), (5, 96, 256, 2, True), (3, 256, 384, 1, True), (3, 384, 384, 2, True),
    (3, 384, 256, 2, True), (6, 256, 4096, 1, True), (1, 4096, 4096, 1, True), (1, 4096, 1000, 1, True),
]  # fmt: skip


def _parameters(layers, grouped=True, biased=None, windows=lambda size: size**2):
    return sum(
        windows(size) * (channels // (groups if grouped else 1)) * filters
        + (bias if biased is None else biased) * filters
        for size, channels, filters, groups, bias in layers
    )


def _which(count, first, second):
    return 1 if count == first else 2 if count == second else 0


@right_count.cases
def _(rng):
    yield [(3, 2, 4, 1, True)], 76, 72
    yield [(3, 2, 4, 1, True)], 78, 74
    yield ALEXNET, 62378344, 60965224
    for right in (1, 2, 0):
        layers = []
        for _ in range(4):
            groups = int(rng.choice([1, 2, 4]))
            channels, filters = (int(groups * number) for number in rng.integers(2, 9, 2))
            layers.append((int(rng.choice([1, 3, 5])), channels, filters, groups, bool(rng.random() < 0.5)))
        layers += [(3, 8, 12, 4, True), (5, 6, 4, 2, False)]
        count = _parameters(layers)
        claims = {1: (count, count + 6), 2: (_parameters(layers, grouped=False), count), 0: (count - 1, count + 1)}
        yield layers, *claims[right]


@right_count.known_mistakes
def _(layers, first, second):
    def judged(count):
        return count, _which(count, first, second)

    count = _parameters(layers)
    yield (
        "You count as if every filter read all channels. With groups it reads channels // groups of them.",
        judged(_parameters(layers, grouped=False)),
    )
    yield "The biases are missing: one for each filter where bias is True.", judged(_parameters(layers, biased=False))
    yield "Some layers have no bias: add one only where bias is True.", judged(_parameters(layers, biased=True))
    yield (
        "A window has kernel_size rows and kernel_size columns: square it.",
        judged(_parameters(layers, windows=lambda size: size)),
    )
    yield (
        "Neither of the two need be right: answer 0 when your count is not one of them.",
        (count, 1 if count == first else 2),
    )
    yield "The two are turned round: 1 stands for `first`, 2 for `second`.", (count, _which(count, second, first))
    yield "The order is turned round: first your count, then which of the two is right.", judged(count)[::-1]


# A shape that cannot be


@exercise(lesson=LESSON, points=2, atol=0, rtol=0)
def sides_that_follow(side, layers, printed):
    # Let the window walk over each map, and count where it stops.
    follow, before = [], side
    for (kernel_size, strides, padding), after in zip(layers, printed, strict=True):
        stops = sum(1 for start in range(-padding, before + padding - kernel_size + 1, strides))
        follow.append(stops == after)
        before = after
    return np.array(follow)


sides_that_follow.hints = (
    "A layer with kernel size k, stride s and padding p makes (n + 2p - k) // s + 1 of a side n.",
    "Each layer begins with the side that is printed before it, so that one slip is not blamed on the layers behind.",
    "zip([side, *printed[:-1]], layers, printed) gives the side before, the layer, and the side printed after it.",
)


@sides_that_follow.cases
def _(rng):
    yield 7, [(3, 2, 0), (2, 1, 0)], [3, 3]
    squeezenet = [(7, 2, 0), (3, 2, 0), (3, 2, 0), (3, 2, 0)]  # its first convolution, and its three poolings
    yield 224, squeezenet, [111, 55, 27, 13]
    yield 227, squeezenet, [113, 55, 27, 12]
    # 4.67 and 2.33 in the end: down, where one may round to the nearest, and the other may ask for a whole quotient.
    yield 10, [(3, 1, 2), (3, 1, 2), (3, 3, 1), (2, 3, 1)], [12, 12, 4, 2]
    for _ in range(4):
        side = start = int(rng.integers(60, 120))
        layers, printed = [], []
        for wrong in rng.permutation([True, True, False, False, False]):
            kernel_size, strides = int(rng.choice([3, 4, 5])), int(rng.choice([1, 1, 2, 3]))
            layers.append((kernel_size, strides, int(rng.integers(0, 3))))
            side = (side + 2 * layers[-1][2] - kernel_size) // strides + 1 + (wrong and int(rng.choice([-1, 1])))
            printed.append(max(side, 5))
            side = printed[-1]
        yield start, layers, printed


def _follow(side, layers, printed, size):
    befores = [side, *printed[:-1]]
    return np.array([size(n, *layer) == after for n, layer, after in zip(befores, layers, printed, strict=True)])


@sides_that_follow.known_mistakes
def _(side, layers, printed):
    def recomputed():
        n = side
        for (k, s, p), after in zip(layers, printed, strict=True):
            n = (n + 2 * p - k) // s + 1
            yield n == after

    yield (
        "You go on with the side that you computed. Begin each layer with the side that is printed before it.",
        np.array(list(recomputed())),
    )
    yield (
        "Frameworks round down: a stride that does not fit drops the rest. You ask for a quotient without a rest.",
        _follow(side, layers, printed, lambda n, k, s, p: (n + 2 * p - k) / s + 1),
    )
    yield (
        "Frameworks round down; you round to the nearest side.",
        _follow(side, layers, printed, lambda n, k, s, p: round((n + 2 * p - k) / s) + 1),
    )
    yield (
        "The + 1 is missing: the window has a first place, before its first step.",
        _follow(side, layers, printed, lambda n, k, s, p: (n + 2 * p - k) // s),
    )
    yield (
        "Padding is added on both sides: n + 2 p.",
        _follow(side, layers, printed, lambda n, k, s, p: (n + p - k) // s + 1),
    )
    yield (
        "The padding is missing from your sides.",
        _follow(side, layers, printed, lambda n, k, s, p: (n - k) // s + 1),
    )
    right = _follow(side, layers, printed, lambda n, k, s, p: (n + 2 * p - k) // s + 1)
    yield "True and False are turned round: True is for a side that follows.", ~right
    yield "Give one answer for each layer, not one for the whole listing.", right.all()


# A derivation with a wrong line


@exercise(lesson=LESSON, points=3, atol=1e-4, rtol=0)
def first_wrong_line(above, below, step, lines, tolerance):
    slopes = [math.fsum([high, -low]) / (step + step) for high, low in zip(above, below, strict=True)]
    for number, line in enumerate(lines):
        for nudged, derived in zip(slopes, line, strict=True):
            if not math.isclose(nudged, derived, rel_tol=0, abs_tol=tolerance):
                return np.array(slopes), number
    return np.array(slopes), -1


first_wrong_line.results = ("Nudged slopes", "First wrong line")
first_wrong_line.hints = (
    "The nudged slopes are (above - below) / (2 * step), one for each weight. They need no derivation, so trust them.",
    "A line is wrong when it misses any of the slopes by more than the tolerance, upwards or downwards.",
    "wrong = np.abs(lines - slopes).max(axis=1) > tolerance. np.argmax(wrong) finds the first True; use it only if "
    "wrong.any(), and answer -1 otherwise.",
)


@first_wrong_line.cases
def _(rng):
    step, tolerance = 1e-2, 1e-3
    yield np.array([0.03]), np.array([-0.01]), step, np.array([[2.0004], [2.0], [4.0]]), tolerance
    for wrong, miss in ((None, 0), (0, -2), (2, 2), (3, -2), (2, -20), (1, 20)):
        w, x = rng.normal(size=(2, 5))
        slopes = np.cos(w * x) * x
        lines = slopes + rng.uniform(-0.4, 0.4, (5, 5)) * tolerance
        lines[0] = slopes - tolerance / 5  # a little too low everywhere
        if wrong is not None:
            lines[wrong, rng.integers(5)] += miss * tolerance
            lines[-1] += rng.choice([-1, 1], 5) * rng.uniform(1, 2, 5)  # a line behind it is worse
        yield np.sin((w + step) * x), np.sin((w - step) * x), step, lines, tolerance


@first_wrong_line.known_mistakes
def _(above, below, step, lines, tolerance):
    def judged(slopes, miss=lambda off: np.abs(off).max(axis=1), tolerance=tolerance):
        wrong = miss(lines - slopes) > tolerance
        return slopes, int(np.argmax(wrong)) if wrong.any() else -1

    slopes = (above - below) / (2 * step)
    first = judged(slopes)[1]
    yield (
        "You divide by one step. From below to above it is two of them: (above - below) / (2 * step).",
        judged((above - below) / step),
    )
    yield "You divide by nothing: a slope is the change divided by 2 * step.", judged(above - below)
    yield "The slopes have the wrong sign: above - below, not below - above.", judged(-slopes)
    yield (
        "A line can be too low as well: take the size of the difference, np.abs.",
        judged(slopes, lambda off: off.max(axis=1)),
    )
    yield (
        "You look at a line's mean error, in which one wrong weight drowns. Every weight must fit.",
        judged(slopes, lambda off: np.abs(off).mean(axis=1)),
    )
    yield (
        "You call a line wrong only if every weight misses. One is enough.",
        judged(slopes, lambda off: np.abs(off).min(axis=1)),
    )
    yield (
        "You ask for exact equality. Nudged slopes carry small errors: allow for the tolerance.",
        judged(slopes, tolerance=0),
    )
    yield "When every line is right the answer is -1; np.argmax gives 0 when it finds no True.", (slopes, max(first, 0))
    yield "Lines are counted from 0, as Python does, not from 1.", (slopes, first + 1)
    worst = np.abs(lines - slopes).max(axis=1)
    yield "That is the line that is off most. The first wrong one is asked for.", (slopes, int(np.argmax(worst)))
    yield "The order is turned round: first the slopes, then the line.", (first, slopes)
