"""Losses: each takes the network's outputs and the targets, and gives the mean loss and its gradient. See lesson 05."""

from __future__ import annotations

import numpy as np

from course_lib.layers import sigmoid, softmax


def squared_error(outputs: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    """Half the squared distance of outputs and targets `(batch, units)`, averaged over the batch."""
    error = outputs - targets
    return float(0.5 * np.sum(error**2) / len(error)), error / len(error)


def sigmoid_cross_entropy(logits: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    """Surprise at 0/1 targets, both `(batch, units)`: -t log y - (1-t) log(1-y) with y = sigmoid(logits).

    Summed over the units and averaged over the batch. Written with the logits, because log(sigmoid(x)) would lose
    everything where the sigmoid rounds to 0.
    """
    losses = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    return float(losses.sum() / len(logits)), (sigmoid(logits) - targets) / len(logits)


def softmax_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Surprise at the true classes `labels` `(batch,)`: the mean of -log softmax(logits), logits `(batch, classes)`."""
    rows = np.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    gradient = softmax(logits)
    gradient[rows, labels] -= 1
    return float(-log_probabilities[rows, labels].mean()), gradient / len(labels)
