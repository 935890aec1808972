"""What a classifier does with the plane: regions, boundaries, and how they move while it learns."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_lib.layers import sigmoid
from course_lib.plots import BLUE, DIVERGING, VERMILION

_MARKS = {1: ("^", VERMILION, "+1"), -1: ("o", BLUE, "-1")}


def points(axes, inputs, targets, size: float = 70) -> None:
    """Examples `(examples, 2)`: triangles for class +1, circles for the other."""
    for target, (marker, colour, label) in _MARKS.items():
        chosen = np.asarray(inputs)[(np.asarray(targets) > 0) == (target > 0)]
        axes.scatter(
            *chosen.T, s=size, marker=marker, color=colour, edgecolor="black", linewidth=0.8, label=label, zorder=3
        )


def regions(
    axes, output: Callable, window=(-0.5, 1.5), resolution: int = 200, limit: float = 1.0, boundary: float = 0.0
) -> None:
    """Colour the plane by `output(inputs)`: blue below `boundary`, red above up to `limit`, a line in between."""
    line = np.linspace(*window, resolution)
    plane = np.stack(np.meshgrid(line, line), axis=-1)
    values = np.asarray(output(plane.reshape(-1, 2)), dtype=float).reshape(resolution, resolution)
    extent = (*window, *window)
    axes.imshow(
        values,
        extent=extent,
        origin="lower",
        cmap=DIVERGING,
        vmin=2 * boundary - limit,
        vmax=limit,
        alpha=0.55,
        aspect="equal",
    )
    if values.min() <= boundary < values.max():
        axes.contour(values, levels=[boundary], extent=extent, colors="black", linewidths=1.5)
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xlim=window, ylim=window)


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
    weights = np.array([weight_1, weight_2])
    answer = {
        "step": lambda x: np.where(x @ weights + bias > 0, 1, 0),
        "sigmoid": lambda x: sigmoid(x @ weights + bias),
    }[unit]
    figure, axes = plt.subplots(figsize=(4.6, 3.9))
    regions(axes, answer, window=(-2, 2), limit=1.0, boundary=0.5)
    figure.colorbar(axes.images[0], ax=axes, label="output", shrink=0.9)
    length = np.linalg.norm(weights)
    if length > 0:
        foot = -bias * weights / length**2
        axes.annotate("", foot + weights / length * 0.8, foot, arrowprops={"arrowstyle": "-|>", "lw": 2})
    axes.set_title(f"{unit}({weight_1:g} $x_1$ {weight_2:+g} $x_2$ {bias:+g})")
    return figure


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


def mistakes_and_ceiling(gaps, mistakes, ceilings) -> Figure:
    """How many mistakes runs made, and how many the theory allows, against the gap between the classes."""
    figure, axes = plt.subplots(figsize=(6, 3.6))
    axes.loglog(gaps, ceilings, "_", markersize=16, markeredgewidth=2, color=VERMILION, label=r"ceiling $(R/\gamma)^2$")
    axes.loglog(gaps, np.maximum(mistakes, 1), "o", color=BLUE, alpha=0.6, label="mistakes made")
    axes.set(xlabel="gap left between the classes", ylabel="number of mistakes")
    axes.legend()
    return figure
