"""Facts of lesson 06_autodiff."""

import numpy as np

from facts import recompute


def nudged(function, x, h=1e-6):
    return (function(x + h) - function(x - h)) / (2 * h)


@recompute("F004")
def slope_of_the_worked_example():
    found = []
    for x in (0.7, 2.0):
        u = np.sin(x**2) + 3 * x**2
        slope = -np.sin(u) * (np.cos(x**2) + 3) * 2 * x
        assert abs(slope - nudged(lambda x: np.cos(np.sin(x**2) + 3 * x**2), x)) < 1e-7
        found.append(slope)
    return found


@recompute("F408")
def cross_entropy_without_its_minus():
    """Logistic regression by 300 steps of descent on the printed J and on -J: one ends below guessing, one above."""
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(200, 2)), rng.normal(size=200)
    t = (x @ [1.5, -1.0] + noise > 0).astype(float)
    right = {}
    for sign in (1, -1):  # of J = t log y + (1 - t) log(1 - y), whose gradient by the logits is t - y
        w = np.zeros(2)
        for _ in range(300):
            y = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
            w -= 0.5 * sign * x.T @ (t - y) / len(t)
        right[sign] = np.mean((x @ w > 0) == t)
    return bool(right[1] < 0.4 and right[-1] > 0.7)


@recompute("F409")
def slope_by_an_input_of_a_network():
    """Printed: (dJ/da_j) sum over j of alpha_ji; right: the sum over j of (dJ/da_j) alpha_ji."""
    rng = np.random.default_rng(0)
    alpha, beta, x = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=3)

    def loss(x):
        y = 1 / (1 + np.exp(-beta @ (1 / (1 + np.exp(-alpha @ x)))))
        return -np.log(y)

    z = 1 / (1 + np.exp(-alpha @ x))
    y = 1 / (1 + np.exp(-beta @ z))
    by_a = (y - 1) * beta * z * (1 - z)
    true = np.array([nudged(lambda s, i=i: loss(x + s * np.eye(3)[i]), 0.0) for i in range(3)])
    printed = np.abs(by_a[:, None] * alpha.sum(axis=0) - true).max(axis=1)  # for each j
    return bool(np.abs(by_a @ alpha - true).max() < 1e-8 and printed.min() > 0.01)
