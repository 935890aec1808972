"""Answers as points of a triangle, templates, and what ten straight lines do between two pictures."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_lib.layers import softmax
from course_lib.plots import BLUE, CYCLE, DIVERGING, GREY, VERMILION
from course_lib.plots.images import draw_image, frame

# Where the corners of the triangle of three probabilities lie; the first, on top, is the true class.
_CORNERS = np.array([[0.5, np.sqrt(0.75)], [0.0, 0.0], [1.0, 0.0]])


def simplex(messages: dict[str, Callable], steps: int = 8) -> Figure:
    """A triangle for each loss: at answers of three classes, class 0 true, an arrow for minus the message.

    messages: name -> function of the probabilities and the one-hot target, `(3,)` each, that gives the message `(3,)`
    """
    figure, all_axes = plt.subplots(1, len(messages), figsize=(4.3 * len(messages), 3.9), squeeze=False)
    answers = [np.array([i, j, steps - i - j]) / steps for i, j in _triples(steps)]
    target = np.array([1.0, 0.0, 0.0])
    for axes, (name, message) in zip(all_axes[0], messages.items(), strict=True):
        axes.plot(*_CORNERS[[0, 1, 2, 0]].T, color=GREY, lw=1)
        points = np.array([y @ _CORNERS for y in answers])
        arrows = np.array(
            [-message(y, target) @ _CORNERS for y in answers]
        )  # a message sums to 0: it stays in the plane
        axes.scatter(*points.T, s=8, color=GREY, zorder=2)
        axes.quiver(
            *points.T, *arrows.T, angles="xy", scale_units="xy", scale=4, color=VERMILION, width=0.008, zorder=3
        )
        for (x, height), words in zip(_CORNERS, ("class 0: true", "class 1", "class 2"), strict=True):
            above = height > 0
            axes.text(x, height + (0.03 if above else -0.03), words, ha="center", va="bottom" if above else "top")
        axes.set_title(name, pad=18)
        axes.set(aspect="equal", xlim=(-0.15, 1.15), ylim=(-0.12, 0.95))
        axes.axis("off")
    return figure


def _triples(steps: int):
    """Whole numbers (i, j) with i + j <= steps."""
    return [(i, j) for i, j in itertools.product(range(steps + 1), repeat=2) if i + j <= steps]


def templates(kernels: dict[str, np.ndarray]) -> Figure:
    """A row for each kernel `(784, 10)`: its ten columns as pictures, blue below 0, orange-red above, white at 0.

    Each row has its own scale. What is the same in all ten templates of a pixel decides nothing, so it is taken out.
    """
    figure, all_axes = plt.subplots(len(kernels), 10, figsize=(9.5, 1.15 * len(kernels) + 0.3), squeeze=False)
    for row, (name, kernel) in zip(all_axes, kernels.items(), strict=True):
        columns = kernel - kernel.mean(axis=1, keepdims=True)
        limit = np.abs(columns).max()
        for k, axes in enumerate(row):
            axes.imshow(columns[:, k].reshape(28, 28), cmap=DIVERGING, vmin=-limit, vmax=limit)
            frame(axes)
        row[0].set_ylabel(name, fontsize=10)
    for k, axes in enumerate(all_axes[0]):
        axes.set_title(str(k), fontsize=11)
    return figure


def histories(runs: dict[float, dict[str, list[float]]]) -> Figure:
    """A panel for each learning rate: Keras' training and validation loss against the epoch, its lowest marked."""
    figure, all_axes = plt.subplots(1, len(runs), figsize=(3.1 * len(runs), 2.9), sharey=True, squeeze=False)
    for axes, (rate, history) in zip(all_axes[0], runs.items(), strict=True):
        for (key, words), colour, style in zip(
            {"loss": "training", "val_loss": "validation"}.items(), (BLUE, VERMILION), ("-", "--"), strict=True
        ):
            axes.plot(range(1, len(history[key]) + 1), history[key], color=colour, linestyle=style, label=words)
        best = int(np.argmin(history["val_loss"]))
        axes.plot(best + 1, history["val_loss"][best], "o", color=VERMILION, label="lowest")
        axes.set(title=f"learning rate {rate:g}", xlabel="epoch", ylim=(0, None))
    all_axes[0, 0].set_ylabel("mean surprise")
    all_axes[0, -1].legend()
    return figure


def both_ways(scores: np.ndarray, scores_of_negatives: np.ndarray, classes=(0, 1, 8)) -> Figure:
    """The score of a class for a picture against its score for the negative, a mark for each picture.

    scores, scores_of_negatives: `(pictures, 10)`
    """
    figure, axes = plt.subplots(figsize=(5.2, 4.2))
    for k, colour, mark in zip(classes, CYCLE, "o^s", strict=False):
        axes.plot(
            scores[:, k], scores_of_negatives[:, k], mark, color=colour, markersize=4, alpha=0.6, label=f"class {k}"
        )
    axes.set(xlabel="score for the picture", ylabel="score for its negative")
    axes.legend()
    return figure


class Blend:
    """From one picture to others: their scores and probabilities along the way, and the blended picture."""

    def __init__(self, start: np.ndarray, ends: dict[str, np.ndarray], kernel: np.ndarray, bias: np.ndarray):
        """start `(784,)`; ends: name -> picture `(784,)`; kernel `(784, 10)`, bias `(10,)`."""
        self.start, self.ends, self.kernel, self.bias = start, ends, kernel, bias

    def at(self, share: float, end: str) -> np.ndarray:
        return self.start + share * (self.ends[end] - self.start)

    def scores(self, shares, end: str) -> np.ndarray:
        """`(shares, 10)`"""
        return np.array([self.at(share, end) for share in shares]) @ self.kernel + self.bias

    def draw(self, share: float = 0.5, end: str = "its negative") -> Figure:
        """Ten lines of scores, ten probabilities below, the picture at `share` of the way beside them."""
        shares = np.linspace(0, 1, 201)
        scores = self.scores(shares, end)
        winners = scores.argmax(axis=1)
        figure, axes = plt.subplot_mosaic(
            [["scores", "picture"], ["chances", "picture"]], figsize=(8.4, 4.6), width_ratios=(2, 1)
        )
        for name, values in (("scores", scores), ("chances", softmax(scores))):
            for k in range(10):
                wins = k in winners
                look = (
                    {"color": CYCLE[sorted(set(winners)).index(k) % len(CYCLE)], "lw": 2.2}
                    if wins
                    else {"color": GREY, "lw": 0.8}
                )
                axes[name].plot(shares, values[:, k], label=f"class {k}" if wins else None, **look)
            axes[name].axvline(share, color="black", lw=1, linestyle=":")
        axes["scores"].set(ylabel="score")
        axes["scores"].label_outer()
        axes["chances"].set(ylabel="probability", xlabel="share of the way")
        axes["scores"].legend(fontsize=9)
        draw_image(axes["picture"], 1 - self.at(share, end).reshape(28, 28))
        axes["picture"].set_title(f"read as {self.scores([share], end)[0].argmax()}")
        return figure
