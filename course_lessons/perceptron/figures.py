"""What a classifier does with the plane: regions, boundaries, and how they move while it learns."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch

from course_lib.layers import sigmoid
from course_lib.plots import BLUE, GREY, VERMILION
from course_lib.plots.planes import points, regions


def line_of(axes, weights, window=(-0.5, 1.5), **style) -> None:
    """The line w0 + w1 x1 + w2 x2 = 0."""
    bias, normal = weights[0], np.asarray(weights[1:], dtype=float)
    length = np.linalg.norm(normal)
    if length == 0:
        return
    foot, along = -bias * normal / length**2, np.array([-normal[1], normal[0]]) / length
    reach = 3 * (window[1] - window[0])
    style = {"color": "black", **style}
    axes.plot(*np.stack([foot - reach * along, foot + reach * along]).T, **style)
    axes.set(xlim=window, ylim=window)


def neuron_surface(weight_1: float = 1.0, weight_2: float = 1.0, bias: float = -0.5, unit: str = "step") -> Figure:
    """The output of one neuron over the plane. `unit` is "step" (a perceptron) or "sigmoid" (a logistic neuron)."""
    figure, axes = plt.subplots(figsize=(4.6, 3.9))
    _draw_neuron(axes, np.array([weight_1, weight_2]), bias, unit)
    figure.colorbar(axes.images[0], ax=axes, label="output", shrink=0.9)
    return figure


def step_and_sigmoid(weight_1: float = 1.0, weight_2: float = 1.0, bias: float = -0.5) -> Figure:
    """The same weights with both activation functions, side by side."""
    figure, all_axes = plt.subplots(1, 2, figsize=(8.2, 4.2), sharey=True, layout="constrained")
    for axes, unit in zip(all_axes, ("step", "sigmoid"), strict=True):
        _draw_neuron(axes, np.array([weight_1, weight_2]), bias, unit)
        axes.label_outer()
    figure.colorbar(all_axes[0].images[0], ax=all_axes, label="output", shrink=0.9)
    return figure


def _draw_neuron(axes, weights: np.ndarray, bias: float, unit: str) -> None:
    """Output 0 to 1 as a colour, the line where the weighted sum is 0, and the weights as an arrow on it."""
    answer = {
        "step": lambda x: np.where(x @ weights + bias > 0, 1, 0),
        "sigmoid": lambda x: sigmoid(x @ weights + bias),
    }[unit]
    regions(axes, answer, window=(-2, 2), limit=1.0, boundary=0.5)
    length = np.linalg.norm(weights)
    if length > 0:
        foot = -bias * weights / length**2
        axes.annotate("", foot + weights / length * 0.8, foot, arrowprops={"arrowstyle": "-|>", "lw": 2})
    axes.set_title(f"{unit}({weights[0]:g} $x_1$ {weights[1]:+g} $x_2$ {bias:+g})")


def unit_strip(inputs, targets, units: dict[str, np.ndarray], window=(-0.5, 1.5), width: float = 1.8) -> Figure:
    """One panel per unit: title -> weights, bias first. `targets` are those of all panels, or one row for each."""
    figure, all_axes = plt.subplots(1, len(units), figsize=(width * len(units), width + 0.6), sharey=True)
    rows = np.broadcast_to(targets, (len(units), len(inputs)))
    for axes, row, (title, weights) in zip(np.atleast_1d(all_axes), rows, units.items(), strict=True):
        regions(axes, lambda x, w=weights: np.where(w[0] + x @ w[1:] > 0, 1, -1), window)
        points(axes, inputs, row, size=45)
        axes.set_title(title, fontsize=11)
        axes.label_outer()
    return figure


def brain_and_perceptron(
    image: np.ndarray, wiring: np.ndarray, firing: np.ndarray, score: float, drawn_wires: int = 6
) -> Figure:
    """Rosenblatt's two drawings of 1958: a brain's stations above, the perceptron's below, both looking at `image`.

    image `(side, side)`; wiring `(side * side, units)`, non-zero where a unit reads a photocell; firing `(units,)`;
    score: the weighted sum of the response unit. The lower row shows the real wires of a few firing units.
    """
    figure, axes = plt.subplots(2, 4, figsize=(8.8, 5.2), layout="constrained")
    units = _square(firing)
    brain = [
        ("retina", image, "cells that see light"),
        ("projection area", _smooth(image), "neighbours stay neighbours"),
        ("association area", units, "connected almost at random"),
        ("motor area", None, "an action"),
    ]
    machine = [
        (f"{len(image)} × {len(image)} photocells", image, "the eye"),
        ("random wires", np.zeros_like(image), "fixed, +1 orange, −1 blue"),
        (f"{len(firing)} association units", units, f"{int(firing.sum())} of them fire"),
        ("response unit", None, "the only one that learns"),
    ]
    figure.get_layout_engine().set(wspace=0.14)
    for row, stations in zip(axes, (brain, machine), strict=True):
        for panel, (title, picture, caption) in zip(row, stations, strict=True):
            panel.set(xticks=[], yticks=[])
            panel.set_title(title, fontsize=11)
            panel.set_xlabel(caption, fontsize=10)
            if picture is not None:
                panel.imshow(picture, cmap="Reds", vmin=0, vmax=max(1.0, float(picture.max())))
        for left, right in itertools.pairwise(row):
            figure.add_artist(_arrow(left, right))
    _lamp(axes[0, 3], "“X!”", GREY, "")
    _lamp(axes[1, 3], "+1: X" if score > 0 else "−1: other", VERMILION if score > 0 else BLUE, f"sum {score:+.1f}")
    _draw_wires(axes[1, 1], wiring, firing, drawn_wires, len(image))
    axes[0, 0].set_ylabel("a brain", fontsize=12)
    axes[1, 0].set_ylabel("the perceptron", fontsize=12)
    return figure


def _square(values: np.ndarray) -> np.ndarray:
    side = int(np.ceil(np.sqrt(len(values))))
    return np.pad(values, (0, side * side - len(values))).reshape(side, side)


def _smooth(image: np.ndarray) -> np.ndarray:
    padded = np.pad(image, 1, mode="edge")
    return sum(padded[i : i + len(image), j : j + len(image)] for i in range(3) for j in range(3)) / 9


def _arrow(left, right) -> ConnectionPatch:
    style = {"arrowstyle": "-|>", "color": "black", "lw": 1.5, "mutation_scale": 14}
    return ConnectionPatch(
        (1.02, 0.5), (-0.02, 0.5), "axes fraction", "axes fraction", axesA=left, axesB=right, **style
    )


def _lamp(axes, words: str, colour: str, note: str) -> None:
    axes.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal")
    axes.add_patch(plt.Circle((0, 0.1), 0.62, facecolor=colour, edgecolor="black", alpha=0.85))
    axes.text(0, 0.1, words, ha="center", va="center", fontsize=11, color="white", weight="bold")
    axes.text(0, -0.8, note, ha="center", va="center", fontsize=10)


def _draw_wires(axes, wiring: np.ndarray, firing: np.ndarray, number: int, side: int) -> None:
    """From each photocell that a firing unit reads, on the left, to that unit, on the right edge."""
    for order, unit in enumerate(np.flatnonzero(firing)[:number]):
        target = (side - 1, (order + 0.5) * side / number)
        for cell in np.flatnonzero(wiring[:, unit]):
            y, x = divmod(cell, side)
            axes.plot(
                [x, target[0]], [y, target[1]], color=VERMILION if wiring[cell, unit] > 0 else BLUE, lw=0.7, alpha=0.7
            )
        axes.plot(*target, "o", color="black", markersize=5)
