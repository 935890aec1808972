"""Branches side by side: what they show, what they cost, and how a gradient comes down past them. See lesson 20."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, PercentFormatter

from course_lib.plots import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, YELLOW
from course_lib.plots.charts import spread

BRANCHES = {"1×1": BLUE, "3×3": ORANGE, "5×5": VERMILION, "pooling": GREEN}


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
    depths = sum(filters) + channels, sum(filters) + pool_filters
    axes.set_title(
        f"{totals[0] / totals[1]:.2f} times fewer multiply-adds with bottlenecks; "
        f"depth {channels} becomes {depths[0]}, or {depths[1]}",
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
    """Depth and multiply-adds of modules one behind the other: title -> (depth, multiply-adds) of each module."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.1))
    for (title, (depths, products)), marker in zip(runs.items(), "os^", strict=False):
        left.plot(range(len(depths)), depths, marker=marker, label=title)
        right.plot(range(1, len(products) + 1), products, marker=marker, label=title)
    left.set(xlabel="modules so far", ylabel="depth: number of maps", ylim=(0, None))
    right.set(xlabel="module", ylabel="multiply-adds of it", ylim=(0, None))
    right.yaxis.set_major_formatter(EngFormatter())
    left.legend()
    return figure


def counted_and_timed(rows: dict[str, tuple[float, list[float]]]) -> Figure:
    """What was counted and what was measured: name -> (multiply-adds, seconds of each try)."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 0.9 + 0.45 * len(rows)), sharey=True)
    places = np.arange(len(rows))
    left.barh(places, [count for count, _ in rows.values()], color=BLUE, height=0.6)
    for place, (_, seconds) in zip(places, rows.values(), strict=True):
        right.barh(place, np.median(seconds), color=ORANGE, height=0.6)
        right.plot(seconds, np.full(len(seconds), place), "o", color="black", markersize=3.5, alpha=0.6)
    left.set_yticks(places, list(rows))
    left.set(xlabel="multiply-adds, counted", ylim=(len(rows) - 0.5, -0.5))
    right.set(xlabel="time, measured (bar: median; dots: tries)")
    left.xaxis.set_major_formatter(EngFormatter())
    right.xaxis.set_major_formatter(EngFormatter("s"))
    for axes in (left, right):
        axes.tick_params(axis="y", length=0)
    return figure


def mixture(modules: dict[str, dict[str, int]]) -> Figure:
    """For each module, the shares that its branches have in the depth of the output."""
    figure, axes = plt.subplots(figsize=(8.2, 3))
    bottom = np.zeros(len(modules))
    for name, colour in BRANCHES.items():
        shares = np.array([filters[name] / sum(filters.values()) for filters in modules.values()])
        axes.bar(list(modules), shares, bottom=bottom, color=colour, label=name, width=0.75)
        bottom += shares
    axes.set(xlabel="module", ylabel="share of the maps", ylim=(0, 1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), title="branch")
    return figure


# What was learned


def heads(tasks: dict[str, dict[str, np.ndarray]], ylabel: str, guessing: dict[str, float]) -> Figure:
    """For each task a panel; in it for each head the score `(2, seeds)` on what it learned from and on what is new."""
    figure, all_axes = plt.subplots(1, len(tasks), figsize=(1.2 + 3.5 * len(tasks), 3.3), sharey=True, squeeze=False)
    for axes, (task, results) in zip(all_axes[0], tasks.items(), strict=True):
        for place, scores in enumerate(results.values()):
            for shift, values, colour, label in zip(
                (-0.14, 0.14), scores, (SKY, VERMILION), ("learned from", "new"), strict=True
            ):
                spread(
                    axes,
                    [place + shift],
                    [values],
                    label if place == 0 else "_",
                    color=colour,
                    linestyle="",
                    markersize=8,
                )
                axes.plot(np.full(len(values), place + shift), values, "o", color="black", markersize=3, zorder=3)
        axes.axhline(guessing[task], color=GREY, linestyle="--", label="guessing")
        axes.set_xticks(range(len(results)), list(results))
        axes.set(title=task, xlim=(-0.6, len(results) - 0.4), ylim=(0, 1.03))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    all_axes[0, 0].set_ylabel(ylabel)
    all_axes[0, -1].legend(loc="lower right")
    return figure


def gradient_profile(panels: dict[str, dict[str, np.ndarray]], marks: dict[str, float]) -> Figure:
    """The size of the gradient in layer after layer, `(layers, seeds)`, in one panel for each start; logarithmic.

    marks: what hangs behind which layer, counted from 1, drawn as a vertical line.
    """
    figure, all_axes = plt.subplots(1, len(panels), figsize=(8.8, 3.5), sharey=True, squeeze=False)
    for axes, (title, runs) in zip(all_axes[0], panels.items(), strict=True):
        for label, norms in runs.items():
            norms = np.asarray(norms)
            layers = np.arange(1, len(norms) + 1)
            middle = np.exp(np.log(norms).mean(axis=1))
            reach = [middle - norms.min(axis=1), norms.max(axis=1) - middle]
            axes.errorbar(
                layers, middle, yerr=np.maximum(reach, 0), marker="o", markersize=4, capsize=2, linewidth=1.4,
                elinewidth=0.8, label=label,
            )  # fmt: skip
        for words, place in marks.items():
            axes.axvline(place, color=GREY, linestyle=":", linewidth=1.2)
            axes.text(place + 0.2, 0.03, words, transform=axes.get_xaxis_transform(), fontsize=9, color="#555555")
        axes.set(title=title, xlabel="layer, counted from the picture", yscale="log")
    all_axes[0, 0].set_ylabel("norm of the gradient")
    all_axes[0, -1].legend(loc="upper right", fontsize=9)
    return figure
