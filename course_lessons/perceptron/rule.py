"""Rosenblatt's perceptron: one unit, one rule. Lesson 02 builds every line of this.

Inputs are rows, `(examples, features)`; the weights hold the bias first, `(1 + features,)`; targets are +1 or -1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class History:
    """What happened while a perceptron learned."""

    weights: np.ndarray  # (1 + updates, 1 + features): the weights at the start and after every update
    mistakes: list[int]  # per pass over the examples

    @property
    def updates(self) -> int:
        return len(self.weights) - 1

    @property
    def passes(self) -> int:
        return len(self.mistakes)

    @property
    def converged(self) -> bool:
        """True when the last pass went by without a mistake."""
        return self.mistakes[-1] == 0


def with_bias(inputs) -> np.ndarray:
    """Put a constant 1 in front of every example, so that the bias is a weight like the others."""
    inputs = np.asarray(inputs, dtype=float)
    return np.concatenate([np.ones((len(inputs), 1)), inputs], axis=1)


def scores(inputs, weights) -> np.ndarray:
    """The weighted sums w0 + w1 x1 + ... of all examples, `(examples,)`."""
    return with_bias(inputs) @ weights


def predict(inputs, weights) -> np.ndarray:
    """+1 where the weighted sum is above zero, else -1, `(examples,)`."""
    return np.where(scores(inputs, weights) > 0, 1, -1)


def train(
    inputs, targets, *, learning_rate: float = 0.05, passes: int = 100, weights=None, silent: int = -1
) -> History:
    """Learn by the perceptron rule, w += learning_rate (target - output) x, one example after the other.

    Stops after the first pass without a mistake, or after `passes`. Starts from zeros or from `weights`.
    `silent` is the output of a unit that does not fire, and the target of one that should not: -1, or 0.
    Source: Rosenblatt (1958), The Perceptron, Psychological Review 65(6).
    """
    rows = with_bias(inputs)
    weights = np.zeros(rows.shape[1]) if weights is None else np.array(weights, dtype=float)
    history = History([weights.copy()], [])
    for _ in range(passes):
        mistakes = 0
        for row, target in zip(rows, targets, strict=True):
            output = 1 if row @ weights > 0 else silent
            if output != target:
                weights += learning_rate * (target - output) * row
                history.weights.append(weights.copy())
                mistakes += 1
        history.mistakes.append(mistakes)
        if mistakes == 0:
            break
    history.weights = np.array(history.weights)
    return history


def margin(inputs, targets, weights) -> float:
    """Distance from the boundary to the nearest example; negative when one lies on the wrong side.

    It is not the margin of `mistake_bound`, which counts the bias among the weights.
    """
    return float(np.min(targets * scores(inputs, weights)) / np.linalg.norm(weights[1:]))


def mistake_bound(inputs, targets, weights) -> float:
    """The most updates the rule can ever need from zero weights on data that `weights` separates: (R / rho)².

    R is the length of the longest row and rho = min t (w · x) / |w|, both with the constant 1 as a feature and the bias
    as a weight. The distance from the boundary, `margin`, is larger than rho and would promise too much.
    Raises ValueError if `weights` do not separate the examples. Source: Novikoff (1962), On convergence proofs on
    perceptrons.
    """
    rows = with_bias(inputs)
    rho = np.min(targets * (rows @ weights)) / np.linalg.norm(weights)
    if rho <= 0:
        raise ValueError("These weights do not separate the examples, so they give no bound.")
    return float((np.linalg.norm(rows, axis=1).max() / rho) ** 2)
