"""Charts that many lessons need: curves with their spread over random seeds, and sheets of small pictures."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_lib.plots import BLUE, GREY, ORANGE


def spread(axes, x, runs, label: str, **style) -> None:
    """The mean of `runs` `(len(x), seeds)` as a line with markers; the bars reach from the worst to the best seed."""
    runs = np.asarray(runs, dtype=float)
    mean = runs.mean(axis=1)
    reach = np.maximum([mean - runs.min(axis=1), runs.max(axis=1) - mean], 0)  # equal runs: rounding may go below 0
    axes.errorbar(x, mean, yerr=reach, marker="o", capsize=4, label=label, **style)


def bars(labels, shares, xlabel: str, ylabel: str) -> Figure:
    """Shares from 0 to 1 as bars, each with its percentage."""
    figure, axes = plt.subplots(figsize=(5.6, 3.2))
    axes.bar([str(label) for label in labels], shares, color=BLUE)
    axes.bar_label(axes.containers[0], fmt="{:.0%}")
    axes.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, 1.08))
    return figure


def growth(sizes, runs, label: str, baseline: float, baseline_label: str, xlabel: str, ylabel: str) -> Figure:
    """How a score `(len(sizes), seeds)` grows with a size that doubles and redoubles, beside a fixed baseline."""
    figure, axes = plt.subplots(figsize=(6, 3.4))
    spread(axes, sizes, runs, label=label)
    axes.axhline(baseline, color=ORANGE, linestyle="--", label=baseline_label)
    axes.set(xscale="log", xlabel=xlabel, ylabel=ylabel)
    axes.set_xticks(sizes, sizes)
    axes.minorticks_off()
    axes.legend()
    return figure


def timeline(events: dict[str, float]) -> Figure:
    """What happened when, left to right: words -> year. Neighbours hang at different heights, so none overlap."""
    figure, axes = plt.subplots(figsize=(8.6, 2.6), layout="constrained")
    years = list(events.values())
    heights = [(1, -1, 2.1, -2.4)[place % 4] for place in range(len(events))]
    axes.axhline(0, color="black", linewidth=1.5)
    axes.vlines(years, 0, heights, color=GREY, linewidth=1)
    axes.plot(years, np.zeros(len(years)), "o", color=BLUE)
    for (words, year), height in zip(events.items(), heights, strict=True):
        side = "bottom" if height > 0 else "top"
        axes.text(year, height, f"{year:g}\n{words}", ha="center", va=side, fontsize=9.5, linespacing=1.1)
    axes.set(ylim=(-4, 3.6), xlim=(min(years) - 3, max(years) + 3))
    axes.axis("off")
    return figure


def contact_sheet(images, titles, columns: int, colours=None, size: float = 1.0) -> Figure:
    """Pictures `(number, height, width[, channels])` side by side, each under its title; grey ones dark on white."""
    rows = -(-len(images) // columns)
    figure, all_axes = plt.subplots(rows, columns, figsize=(columns * size, rows * (size + 0.25)), squeeze=False)
    for axes in all_axes.flat:
        axes.axis("off")
    for axes, image, title, colour in zip(
        all_axes.flat, images, titles, colours or ["black"] * len(images), strict=False
    ):
        axes.imshow(np.squeeze(image), cmap="gray_r", vmin=0, vmax=1)
        axes.set_title(title, fontsize=10, color=colour)
    return figure
