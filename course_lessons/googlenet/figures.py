"""Branches side by side: what they show, what they cost, and how a gradient comes down past them. See lesson 20."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from course_lib.plots import BLUE, GREY, ORANGE, PURPLE, SKY, VERMILION, YELLOW, charts

# Reducing layers are paler than what they work for.
PIECES = {
    "1×1": BLUE, "3×3 reduce": YELLOW, "3×3": ORANGE, "5×5 reduce": PURPLE, "5×5": VERMILION, "pooling 1×1": SKY,
}  # fmt: skip


def branch_outputs(picture, maps: dict[str, np.ndarray]) -> Figure:
    """The picture, and beside it one map `(height, width)` of each branch, from dark to bright."""
    figure, all_axes = plt.subplots(1, 1 + len(maps), figsize=(9, 1.95))
    all_axes[0].imshow(picture)
    all_axes[0].set_title("picture", fontsize=11)
    for axes, (title, values) in zip(all_axes[1:], maps.items(), strict=True):
        axes.imshow(values, cmap="gray")
        axes.set_title(title, fontsize=11)
    for axes in all_axes:
        axes.axis("off")
    return figure


# What modules cost


def module_costs(
    channels: int = 256,
    filters: tuple[int, int, int] = (128, 192, 96),
    reduce: tuple[int, int] | None = None,
    pool_filters: int = 0,
    side: int = 28,
) -> dict[str, int]:
    """Multiply-adds of an inception module, by layer; the naive one without `reduce`."""
    one, three, five = filters
    if reduce is None:
        weights = {"1×1": channels * one, "3×3": 9 * channels * three, "5×5": 25 * channels * five}
    else:
        weights = {
            "1×1": channels * one,
            "3×3 reduce": channels * reduce[0],
            "3×3": 9 * reduce[0] * three,
            "5×5 reduce": channels * reduce[1],
            "5×5": 25 * reduce[1] * five,
            "pooling 1×1": channels * pool_filters,
        }
    return {name: side * side * count for name, count in weights.items()}


def _cost_bars(axes, modules: dict[str, dict[str, float]], xlabel: str) -> None:
    drawn = [name for name in PIECES if any(name in layers for layers in modules.values())]
    left = np.zeros(len(modules))
    for name in drawn:
        values = np.array([layers.get(name, 0) for layers in modules.values()], float)
        axes.barh(range(len(modules)), values, left=left, color=PIECES[name], label=name, height=0.62)
        left += values
    for place, total in enumerate(left):
        axes.text(total, place, f" {EngFormatter(places=0)(total)}", va="center", fontsize=10)
    axes.set_yticks(range(len(modules)), list(modules))
    axes.set(xlabel=xlabel, ylim=(len(modules) - 0.5, -0.5), xlim=(0, 1.12 * max(left.max(), 1)))
    axes.xaxis.set_major_formatter(EngFormatter())
    axes.tick_params(axis="y", length=0)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=9)


def designer(
    channels: int = 256, reduce_3x3: int = 64, reduce_5x5: int = 64, pool_filters: int = 64, side: int = 28
) -> Figure:
    """A naive module with 128, 192 and 96 filters and, below, the same behind bottlenecks of a chosen width."""
    filters = (128, 192, 96)
    modules = {
        "naive": module_costs(channels, filters, side=side),
        "bottlenecks": module_costs(channels, filters, (reduce_3x3, reduce_5x5), pool_filters, side),
    }
    totals = [sum(layers.values()) for layers in modules.values()]
    figure, axes = plt.subplots(figsize=(8.6, 2.7))
    _cost_bars(axes, modules, "multiply-adds")
    maps = sum(filters) + channels, sum(filters) + pool_filters
    axes.set_title(
        f"{totals[0] / totals[1]:.2f} times fewer multiply-adds with bottlenecks; "
        f"{channels} maps become {maps[0]}, or {maps[1]}",
        fontsize=10.5,
    )
    return figure


def bottleneck_curve(channels: int = 256, filters: tuple[int, int, int] = (128, 192, 96), side: int = 28) -> Figure:
    """Multiply-adds of a module against the width of both its bottlenecks, beside those of the naive module."""
    widths = np.arange(8, channels + 1, 8)
    totals = [sum(module_costs(channels, filters, (width, width), 64, side).values()) for width in widths]
    naive = sum(module_costs(channels, filters, side=side).values())
    figure, axes = plt.subplots(figsize=(6, 3.2))
    axes.plot(widths, totals, label="with bottlenecks")
    axes.axhline(naive, color=ORANGE, linestyle="--", label="naive")
    axes.set(xlabel="width of the bottlenecks, in maps", ylabel="multiply-adds", ylim=(0, 1.1 * max(totals)))
    axes.yaxis.set_major_formatter(EngFormatter())
    axes.legend(loc="lower right")
    return figure


def stacks(runs: dict[str, tuple[list[int], list[float]]]) -> Figure:
    """Maps and multiply-adds of modules one behind the other: title -> (maps, multiply-adds) of each module."""
    maps, work = "number of maps", "multiply-adds of each module"
    modules = len(next(iter(runs.values()))[1])
    figure = charts.lines(
        {maps: {title: run[0] for title, run in runs.items()}, work: {title: run[1] for title, run in runs.items()}},
        x={maps: range(modules + 1), work: range(1, modules + 1)},
        xlabel={maps: "modules so far", work: "module"},
    )
    figure.axes[1].yaxis.set_major_formatter(EngFormatter())
    return figure


# What is learned


def gradient_profile(panels: dict[str, dict[str, np.ndarray]], layers: int, marks: dict[str, float]) -> Figure:
    """The size of the gradient in layer after layer, `(layers, seeds)`, in one panel for each start; logarithmic.

    marks: what hangs behind which layer, counted from 1, drawn as a vertical line.
    """
    places = range(1, layers + 1)
    figure = charts.lines(panels, places, "layer, counted from the picture", "norm of the gradient", log="y")
    for axes in figure.axes:
        for words, place in marks.items():
            axes.axvline(place, color=GREY, linestyle=":", linewidth=1.2)
            axes.text(place + 0.2, 0.03, words, transform=axes.get_xaxis_transform(), fontsize=9, color="#555555")
    return figure
