"""Gradients in pictures: a check as a map, a secant too long or too short, and a graph walked both ways."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure

from course_lib.plots import BLACK, BLUE, GREY, ORANGE, VERMILION

_CALM_TO_ALARM = LinearSegmentedColormap.from_list("alarm", ["#ffffff", ORANGE, VERMILION])


def check_map(errors) -> Figure:
    """A table of errors, a row for each gradient and a column for each array, coloured by size."""
    figure, axes = plt.subplots(figsize=(7.4, 0.36 * len(errors) + 1))
    picture = axes.imshow(errors, cmap=_CALM_TO_ALARM, norm=LogNorm(1e-11, 10), aspect="auto")
    for place, error in np.ndenumerate(errors.to_numpy()):
        axes.text(*place[::-1], f"{error:.0e}", ha="center", va="center", fontsize=10)
    axes.set_xticks(range(errors.shape[1]), errors.columns)
    axes.set_yticks(range(len(errors)), errors.index)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(picture, ax=axes, label="error (log scale)")
    return figure


def worked(x):
    """The function of the worked example, and its slope."""
    u = np.sin(x**2) + 3 * x**2
    return np.cos(u), -np.sin(u) * (np.cos(x**2) + 3) * 2 * x


def _centred(h, x=2.0) -> float:
    return (worked(x + h)[0] - worked(x - h)[0]) / (2 * h)


def _near(axes, exponent: float) -> float:
    """The curve near 2, in units of h = 10^exponent, with its secant; returns the secant's slope."""
    h, (middle, _) = 10.0**exponent, worked(2.0)
    reach, ends = np.linspace(-2, 2, 801), np.array([-1.0, 1.0])
    heights = (worked(2 + ends * h)[0] - middle) / h
    slope = _centred(h)
    axes.plot(reach, (worked(2 + reach * h)[0] - middle) / h, color=BLUE)
    axes.plot(2 * ends, heights.mean() + slope * 2 * ends, color=VERMILION, linewidth=1.5)
    axes.plot(ends, heights, "o", color=VERMILION)
    axes.set(xlabel="(x − 2) / h", title=f"h = {h:.0e}: slope {slope:.3f}", ylim=(-26, 26))
    return slope


def secant(exponent: float = -1.0) -> Figure:
    """The curve near 2, with the line through two points h = 10^exponent away; and the error of its slope."""
    figure, (near, errors) = plt.subplots(1, 2, figsize=(8.4, 3.1))
    true = worked(2.0)[1]
    error = abs(_near(near, exponent) / true - 1)
    near.set_ylabel("(f(x) − f(2)) / h")
    steps = 10.0 ** np.arange(-15.5, 0.01, 0.25)
    errors.loglog(steps, [abs(_centred(step) / true - 1) for step in steps], color=BLUE)
    errors.loglog([10.0**exponent], [error], "o", color=VERMILION, markersize=9)
    errors.set(xlabel="h", ylabel="relative error", title=f"true slope {true:.3f}", ylim=(1e-12, 10))
    return figure


def secants(exponents=(-0.5, -3.0, -15.0)) -> Figure:
    """The curve near 2 at several distances, each with its secant."""
    figure, all_axes = plt.subplots(1, len(exponents), figsize=(9, 2.9), sharey=True)
    for axes, exponent in zip(all_axes, exponents, strict=True):
        _near(axes, exponent)
    all_axes[0].set_ylabel("(f(x) − f(2)) / h")
    return figure


_PLACES = {"x": (0, 0), "q": (1.2, 0), "sin q": (2.5, 0.8), "3q": (2.5, -0.8), "u": (3.8, 0), "y": (5, 0)}


def worked_graph(named, slopes) -> Figure:
    """The graph of y = cos(sin q + 3q), q = x²: `named` says which node is which, `slopes` the slope of y by each.

    Values stand above, gradients below; each arrow, from reader to what it read, carries its message.
    """
    figure, axes = plt.subplots(figsize=(8.6, 3.3))
    for name, node in named.items():
        x, y = _PLACES[name]
        box = {"boxstyle": "round,pad=0.45", "facecolor": "white", "edgecolor": BLACK}
        axes.text(x, y, name, ha="center", va="center", bbox=box, fontsize=12, zorder=3)
        axes.text(x, y + 0.3, f"{node.value:.3f}", ha="center", va="bottom", color=BLUE)
        axes.text(x, y - 0.3, f"{slopes[node]:.3f}", ha="center", va="top", color=VERMILION)
        sent = {}
        for parent, rule in node.ways_back:
            target = next((other for other, there in named.items() if there is parent), None)
            if target:
                sent.setdefault(target, []).append(float(rule(slopes[node])))
        for target, messages in sent.items():
            _arrow(axes, (x, y), _PLACES[target], messages)
    axes.set(xlim=(-0.45, 5.45), ylim=(-1.75, 1.45))
    axes.text(5.4, -1.7, "blue: value    red: slope of y, and messages", ha="right", color=GREY)
    axes.axis("off")
    return figure


def _arrow(axes, start, end, messages) -> None:
    look = {"arrowstyle": "-|>", "color": VERMILION, "shrinkA": 20, "shrinkB": 20}
    axes.annotate("", xy=end, xytext=start, arrowprops=look)
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    up = 0.12 if start[1] + end[1] >= 0 else -0.12
    words = "\n".join(f"{message:.3f}" for message in messages)
    style = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    axes.text(
        middle[0], middle[1] + up, words, ha="center", va="bottom" if up > 0 else "top",
        color=VERMILION, fontsize=9, bbox=style,
    )  # fmt: skip
