"""Exercises of lesson 01_maths_review."""

from __future__ import annotations

import functools

import numpy as np
from scipy.spatial.distance import cdist

from course_lib.data import mnist_5k
from course_lib.exercises.spec import exercise

LESSON = "01_maths_review"


@functools.cache
def _digits(stride: int, border: int = 0) -> np.ndarray:
    """Real digits, some of their pixels, as rows."""
    inside = slice(border, 28 - border, stride)
    images = mnist_5k().train.images[:300, inside, inside, 0]
    return images.reshape(len(images), -1).astype(float)


# squared_distances


@exercise(lesson=LESSON, points=2, atol=1e-3)
def squared_distances(first, second):
    return cdist(first, second, "sqeuclidean")


squared_distances.hints = (
    "|u - v|² = |u|² + |v|² - 2 u · v. Which of the three depends on the row of first only, which on that of second?",
    "first @ second.T has the shape (n, k) and holds all dot products; the squared norms have the shapes (n,), (k,).",
    "Make the norms of first a column, np.sum(first**2, axis=1)[:, None]: then broadcasting gives each pair its sum.",
)


@squared_distances.cases
def _(rng):
    yield np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[4.0, 6.0], [0.0, -2.0]])
    for n, k, d in ((2, 2, 3), (3, 5, 2), (7, 4, 1), (5, 5, 4)):
        yield rng.normal(scale=3, size=(n, d)), rng.normal(scale=3, size=(k, d))
    rows = 10 + rng.normal(size=(4, 3))
    yield rows, rows[[2, 0, 3]]  # equal rows, far from zero
    digits = _digits(2)
    yield digits[rng.choice(300, 6, replace=False)], digits[rng.choice(300, 4, replace=False)]


@squared_distances.known_mistakes
def _(first, second):
    rows, columns, products = np.sum(first**2, axis=1)[:, None], np.sum(second**2, axis=1), first @ second.T
    right = rows + columns - 2 * products
    yield "You took the root. The squared distances are asked.", np.sqrt(np.maximum(right, 0))
    yield "A sign is wrong: |u - v|² has -2 u · v in it.", rows + columns + 2 * products
    yield "The dot product comes twice: |u - v|² = |u|² + |v|² - 2 u · v.", rows + columns - products
    yield (
        "The squared norms of second belong to the columns: their shape is (k,), without [:, None].",
        lambda first, second: rows + columns[:, None] - 2 * products,
    )
    yield "The rows of the answer belong to first, the columns to second.", right.T
    yield "You added up differences without squaring them.", cdist(first, second, "cityblock")
    yield "That is the mean of the squares. The distance takes their sum.", right / first.shape[1]
    yield "That is the distance of row i from row i only. All pairs are asked.", np.diagonal(right).copy()
    yield "These are the dot products. The squared norms of both rows are missing.", products
    yield "The squared norms of first are missing.", columns - 2 * products


# jacobian

_FUNCTIONS = {  # what the student's function is given, and the true Jacobian
    "x[0]**2": (lambda x: np.array([x[0] ** 2]), lambda x: [[2 * x[0]]]),
    "x[0] * x[1]": (lambda x: np.array([x[0] * x[1]]), lambda x: [[x[1], x[0]]]),
    "x[0]**2, x[0] * x[1], x[1]**3": (
        lambda x: np.array([x[0] ** 2, x[0] * x[1], x[1] ** 3]),
        lambda x: [[2 * x[0], 0], [x[1], x[0]], [0, 3 * x[1] ** 2]],
    ),
    "exp(x[0]), exp(x[1] - x[2])": (
        lambda x: [np.exp(x[0]), np.exp(x[1] - x[2])],  # a list
        lambda x: [[np.exp(x[0]), 0, 0], [0, np.exp(x[1] - x[2]), -np.exp(x[1] - x[2])]],
    ),
    "x[0] * x[1]**2, x[0]**2 + x[1]**2": (
        lambda x: np.array([x[0] * x[1] ** 2, x[0] ** 2 + x[1] ** 2]),
        lambda x: [[x[1] ** 2, 2 * x[0] * x[1]], [2 * x[0], 2 * x[1]]],
    ),
    "x[0]**2 + 3 * x[1]**2, x[0] * x[1]": (
        lambda x: np.array([x[0] ** 2 + 3 * x[1] ** 2, x[0] * x[1]]),
        lambda x: [[2 * x[0], 6 * x[1]], [x[1], x[0]]],
    ),
}


@exercise(lesson=LESSON, points=3, atol=1e-7, rtol=1e-7)
def jacobian(function, x):
    return np.array(_FUNCTIONS[function][1](x), dtype=float)


jacobian.hints = (
    "Nudge one entry of x at a time. What changes then is a column of the Jacobian: one number for each output.",
    "(function(x + nudge) - function(x - nudge)) / (2 * h), where nudge is zero but for h = 1e-5 at one place.",
    "The rows of h * np.eye(len(x)) are such nudges. Put the columns together with np.stack(columns, axis=1).",
)


@jacobian.cases
def _(rng):
    def near(low, high, number):  # eighths: exact in float32, too
        return rng.integers(8 * low, 8 * high, number) / 8

    yield "x[0]**2", np.array([1.5])
    yield "x[0] * x[1]**2, x[0]**2 + x[1]**2", rng.integers(2, 6, 2)  # whole numbers
    yield "x[0] * x[1]**2, x[0]**2 + x[1]**2", near(1, 3, 2)
    yield "x[0] * x[1]", np.array([near(1, 2, 1)[0], near(3, 4, 1)[0]])
    yield "x[0]**2, x[0] * x[1], x[1]**3", near(1, 3, 2)
    yield "exp(x[0]), exp(x[1] - x[2])", near(1, 2, 3)
    yield "x[0]**2 + 3 * x[1]**2, x[0] * x[1]", near(90, 110, 2)


@jacobian.probe
def _(jacobian, function, x):
    """The student's function, with a function that can be nudged."""
    if not callable(jacobian):
        return jacobian
    return jacobian(_FUNCTIONS[function][0], x)


def _nudged(quotient=None, h=1e-5, transposed=False, whole=False, moved=False):
    """What a student might write; `quotient(f, x, nudge, h)` gives a column."""
    quotient = quotient or (lambda f, x, nudge, h: (f(x + nudge) - f(x - nudge)) / (2 * h))

    def candidate(function, x):
        def f(place):
            return np.asarray(function(place), dtype=float)

        x, columns = np.array(x) if whole else np.array(x, dtype=float), []
        for place in range(len(x)):
            nudge = np.zeros_like(x)
            nudge[place] = h  # cut off to 0 in an array of whole numbers
            columns.append(quotient(f, x, nudge, h))
            if moved:
                x = x + nudge
        found = np.stack(columns, axis=1)
        return found.T if transposed else found

    return candidate


@jacobian.known_mistakes
def _():
    yield "The Jacobian has a row for each output and a column for each entry of x.", lambda: _nudged(transposed=True)
    yield (
        "Nudging one way leaves an error of the size of h. Look both ways.",
        lambda: _nudged(lambda f, x, nudge, h: (f(x + nudge) - f(x)) / h),
    )
    yield (
        "From x - nudge to x + nudge you walked 2h: divide by that.",
        lambda: _nudged(lambda f, x, nudge, h: (f(x + nudge) - f(x - nudge)) / h),
    )
    yield (
        "From x to x + nudge you walked h only. Look both ways, or the error stays large.",
        lambda: _nudged(lambda f, x, nudge, h: (f(x + nudge) - f(x)) / (2 * h)),
    )
    yield (
        "You nudged all entries at once: that adds up the columns. One entry at a time.",
        lambda: _nudged(lambda f, x, nudge, h: (f(x + h) - f(x - h)) / (2 * h)),
    )
    for h in (1e-8, 1e-9, 1e-10, 1e-12):
        yield (
            "So small a nudge drowns in rounding. Both ways the error is smallest near 1e-5.",
            lambda h=h: _nudged(h=h),
        )
    for h in (1e-2, 1e-3):
        yield "So large a nudge leaves an error of h². Near 1e-5 the error is smallest.", lambda h=h: _nudged(h=h)
    yield "An array of whole numbers cuts your nudge off to 0. Make it float first.", lambda: _nudged(whole=True)
    yield (
        "Put x back before you nudge the next entry, or its column starts from a moved point.",
        lambda: _nudged(h=1e-5, moved=True),
    )
    yield (
        "The sign is turned round: what lies ahead minus what lies behind.",
        lambda: _nudged(lambda f, x, nudge, h: (f(x - nudge) - f(x + nudge)) / (2 * h)),
    )


# gps_gradient


@exercise(lesson=LESSON, points=3)
def gps_gradient(unknowns, masts, told):
    """By complex steps: exact to rounding, and nothing of the derivation in it."""
    found = []
    for place in range(3):
        moved = unknowns.astype(complex)
        moved[place] += 1e-30j
        apart = moved[:2] - masts
        y = np.sqrt(apart[:, 0] ** 2 + apart[:, 1] ** 2) + moved[2]
        found.append((0.5 * np.mean((y - told) ** 2)).imag / 1e-30)
    return np.array(found)


gps_gradient.hints = (
    "The residuals are r_i = distance_i + b - told_i. The slope of the loss by y_i is r_i / n.",
    "y_i changes with the place as before, along (w - q_i) / distance_i; by b its slope is 1.",
    "So: the mean of r_i times the arrow of mast i, two numbers, and then the mean of r_i. np.append joins them.",
)


@gps_gradient.cases
def _(rng):
    yield np.array([4.0, 6.0, 1.0]), np.array([[1.0, 2.0]]), np.array([4.0])
    yield np.array([4.0, 6.0, -0.5]), np.array([[1.0, 2.0], [9.0, 6.0]]), np.array([7.0, 2.0])
    for number in (3, 4, 6):
        masts = rng.uniform(0, 10, (number, 2))
        place = masts.mean(axis=0) + rng.uniform(11, 15, 2) * rng.choice([-1, 1], 2)
        told = np.linalg.norm(place - masts, axis=1) + rng.normal(size=number)
        yield np.array([*place, rng.choice([-1, 1]) * rng.uniform(1, 3)]), masts, told


@gps_gradient.known_mistakes
def _(unknowns, masts, told):
    apart, b = unknowns[:2] - masts, unknowns[2]
    lengths = np.linalg.norm(apart, axis=1)
    r, arrows = lengths + b - told, apart / lengths[:, None]
    right = np.array([*np.mean(r[:, None] * arrows, axis=0), r.mean()])
    yield "Two entries are the place; b is a knob, too, and has the third.", right[:2]
    yield "The slope by b is the mean residual: each y_i grows by 1 with b.", right * [1, 1, 0]
    yield "That last entry is the slope of y_i by b, 1. The loss takes it times the residual.", [*right[:2], 1.0]
    yield (
        "Divide each difference by the distance alone, without b: the arrow has the length 1.",
        [*np.mean(r[:, None] * apart / (lengths + b)[:, None], axis=0), r.mean()],
    )
    yield (
        "Divide each difference w - q_i by its length: the arrow has the length 1.",
        [*np.mean(r[:, None] * apart, axis=0), r.mean()],
    )
    yield "The sign is turned round: the arrow leads away from the mast, w - q_i.", right * [-1, -1, 1]
    yield "That is downhill. The gradient points uphill.", -right
    yield "That is a sum. The loss is a mean over the masts.", right * len(masts) if len(masts) > 1 else right + 0
    yield "Twice too large: the half in the loss cancels the 2 of the square.", 2 * right
    yield "Half of it is missing: the 2 of the square cancels the half in the loss.", right / 2
    yield (
        "b is added to the distance: y_i = |w - q_i| + b.",
        [*np.mean((r - 2 * b)[:, None] * arrows, axis=0), (r - 2 * b).mean()],
    )
    yield (
        "b is missing in the residual: y_i = |w - q_i| + b.",
        [*np.mean((r - b)[:, None] * arrows, axis=0), (r - b).mean()],
    )


# largest_rate


@exercise(lesson=LESSON, points=3)
def largest_rate(inputs, importance):
    return 2 * len(inputs) / np.linalg.svd(np.sqrt(importance)[:, None] * inputs, compute_uv=False)[0] ** 2


largest_rate.hints = (
    "At the minimum a step D of the weights adds (1/2N) Σ c times the squares of row e of XD. Which H is that?",
    "If each c is 1, H = XᵀX / N, as for the phone H = JᵀJ / 4. In general row e counts c times in one of the two.",
    "np.linalg.eigvalsh(H) gives all curvatures of a symmetric H, the largest last. The limit is 2 / λ.",
)


@largest_rate.cases
def _(rng):
    yield np.array([[1.0, 3.0], [1.0, -1.0], [1.0, 0.5]]), np.ones(3)
    yield np.array([[1.0, 3.0], [1.0, -1.0], [1.0, 0.5]]), np.array([0.5, 4.0, 2.0])
    for examples, features in ((5, 2), (9, 3), (4, 3)):
        inputs = rng.normal(scale=2, size=(examples, features)) + rng.uniform(0.5, 2, features)
        yield np.insert(inputs, 0, 1.0, axis=1), rng.uniform(0.5, 1, examples) * rng.choice([1, 4], examples)
    digits = _digits(4, border=5)[rng.choice(300, 60, replace=False)]
    yield np.insert(digits, 0, 1.0, axis=1), np.where(np.arange(60) < 20, 3.0, 0.4)


@largest_rate.known_mistakes
def _(inputs, importance):
    number = len(inputs)

    def steepest(rows):
        return np.linalg.svd(rows, compute_uv=False)[0] ** 2

    weighted = np.sqrt(importance)[:, None] * inputs
    squares = np.linalg.svd(weighted, compute_uv=False) ** 2
    curvatures = squares / number
    centred = np.sqrt(importance)[:, None] * np.insert(inputs[:, 1:] - inputs[:, 1:].mean(axis=0), 0, 1.0, axis=1)
    yield "1 / λ is the fastest rate for one direction. The walk settles up to 2 / λ.", 1 / curvatures[0]
    yield "The loss is a mean over the examples: divide by their number.", 2 / squares[0]
    yield "Divide by the number of examples, not by that of the inputs.", 2 * inputs.shape[1] / squares[0]
    yield (
        "Divide by the number of examples, as the loss does, not by the sum of the c.",
        2 * importance.sum() / squares[0],
    )
    yield "The c are missing: row e counts c times.", 2 * number / steepest(inputs)
    yield (
        "Each c comes twice, once with every X. It belongs there once.",
        2 * number / steepest(importance[:, None] * inputs),
    )
    yield "The curvature is the *square* of the singular value, divided by N.", 2 * number / np.sqrt(squares[0])
    yield "The steepest direction sets the limit, that with the largest λ. This is the smallest.", 2 / curvatures[-1]
    yield "That is the sum of all curvatures: safe, but smaller than need be.", 2 / curvatures.sum()
    yield "That is the mean curvature. The steepest direction sets the limit.", 2 / curvatures.mean()
    yield "That is the largest curvature λ. The largest rate is 2 / λ.", curvatures[0]
    yield (
        "These are the inputs with their means taken away. Take them as they are.",
        2 * number / steepest(centred),
    )
