"""One neuron on real 3s and 8s: what lesson 03 derives, and uses more than once.

Rows `(examples, 1 + features)` begin with a constant 1; weights hold the bias first; targets are 0 (a 3) or 1 (an 8).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from course_lib.layers import sigmoid


def with_bias(inputs) -> np.ndarray:
    """Put a constant 1 in front of every example, so that the bias is a weight like the others."""
    return np.column_stack([np.ones(len(inputs)), inputs])


def threes_and_eights(examples) -> tuple[np.ndarray, np.ndarray]:
    """Pictures `(examples, 28, 28)` of the 3s and 8s among `examples`, and their targets: 0 for a 3, 1 for an 8."""
    chosen = examples[np.isin(examples.labels, [3, 8])]
    return chosen.images[..., 0].astype(float), (chosen.labels == 8).astype(float)


def left_ink(pictures) -> np.ndarray:
    """Mean ink in two windows, at the upper and the lower left, where an 8 is closed and a 3 is open."""
    return np.column_stack([pictures[:, 8:14, 9:15].mean(axis=(1, 2)), pictures[:, 15:21, 9:15].mean(axis=(1, 2))])


def can_be_parted(rows, targets) -> bool:
    """Whether some weights get every example right, by the linear programme of lesson 02: t (w . x) >= 1 for all."""
    signs = 2 * np.asarray(targets) - 1
    found = linprog(np.zeros(rows.shape[1]), A_ub=-signs[:, None] * rows, b_ub=-np.ones(len(rows)), bounds=(None, None))
    return found.status == 0


def surprise(sums, targets) -> np.ndarray:
    """Mean surprise at 0/1 targets, from weighted sums `(examples,)` or `(examples, neurons)`: exact for huge sums."""
    if np.shape(sums)[:1] != np.shape(targets):
        raise ValueError(f"One target for each example: sums {np.shape(sums)}, targets {np.shape(targets)}.")
    if np.min(targets) < 0 or np.max(targets) > 1:
        raise ValueError("Targets lie between 0 and 1, and come after the sums.")
    targets = np.reshape(targets, (-1,) + (1,) * (np.ndim(sums) - 1))
    return np.mean(np.logaddexp(0, sums) - targets * sums, axis=0)


def descend(rows, targets, learning_rate: float, steps: int, decay: float = 0.0, weights=None) -> np.ndarray:
    """Weights `(1 + steps, 1 + features)` on the way down the mean surprise plus decay/2 times the sum of squares.

    The bias, the first weight, does not decay. Starts from zeros or from `weights`.
    """
    path = np.zeros((steps + 1, rows.shape[1]))
    path[0] = 0 if weights is None else weights
    for step in range(steps):
        gradient = rows.T @ (sigmoid(rows @ path[step]) - targets) / len(rows)
        gradient[1:] += decay * path[step, 1:]
        path[step + 1] = path[step] - learning_rate * gradient
    return path


def settle(rows, targets, decay: float) -> np.ndarray:
    """The weights at which `descend` comes to rest. `decay` is above 0: without it there may be no such place."""
    if not decay > 0:
        raise ValueError(f"With a decay of {decay} the walk may never settle.")
    curvature = np.linalg.eigvalsh(rows.T @ rows / len(rows)).max() / 4 + decay  # nowhere is it larger
    weights = np.zeros(rows.shape[1])
    while True:
        before, weights = weights, descend(rows, targets, 1 / curvature, 50, decay, weights)[-1]
        if np.abs(weights - before).max() < 1e-4:
            return weights


def lms(rows, signs, learning_rate: float) -> np.ndarray:
    """ADALINE's weights `(1 + examples, 1 + features)` in one pass, from zeros: an update after each example."""
    path = [np.zeros(rows.shape[1])]
    for row, sign in zip(rows, signs, strict=True):
        path.append(path[-1] + learning_rate * (sign - row @ path[-1]) * row)
    return np.array(path)
