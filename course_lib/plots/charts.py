"""Charts that many lessons need: curves with their spread over random seeds, and sheets of small pictures."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from course_lib.plots import BLUE, CYCLE, GREY, ORANGE
from course_lib.plots.images import draw_image


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


def curves_with_spread(curves: dict[str, np.ndarray], xlabel: str, ylabel: str, title: str) -> Figure:
    """Scores from 0 to 1, `(seeds, epochs)` for each label: their mean, in a band from the lowest to the highest."""
    figure, axes = plt.subplots(figsize=(6, 3.4))
    for (label, values), style in zip(curves.items(), ("-", "--", ":", "-."), strict=False):
        epochs = np.arange(1, values.shape[1] + 1)
        (line,) = axes.plot(epochs, values.mean(axis=0), style, label=label)
        axes.fill_between(
            epochs, values.min(axis=0), values.max(axis=0), color=line.get_color(), alpha=0.2, linewidth=0
        )
    axes.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, 1), title=title)
    axes.legend(loc="lower right")
    return figure


def bands(axes, x, curves: dict[str, np.ndarray]) -> None:
    """Curves `(seeds, len(x))` by label: the mean, in a band from the lowest to the highest seed."""
    for (label, values), style, colour in zip(curves.items(), ("-", "--", "-.", ":"), CYCLE, strict=False):
        values = np.asarray(values)
        axes.plot(x, values.mean(axis=0), style, color=colour, label=label)
        axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.18, linewidth=0)


def band_panels(panels: dict[str, dict[str, np.ndarray]], x, xlabel: str, ylabel: str, **axes_settings) -> Figure:
    """One panel per title of curves `(seeds, len(x))` by label; the legend stands in the last panel."""
    width = {1: 6, 2: 8.4}.get(len(panels), 9)
    figure, all_axes = plt.subplots(1, len(panels), figsize=(width, 3.2), sharey=True, squeeze=False)
    for axes, (title, curves) in zip(all_axes[0], panels.items(), strict=True):
        bands(axes, x, curves)
        axes.set(title=title, xlabel=xlabel, **axes_settings)
        if axes.get_yscale() == "log":
            axes.yaxis.set_minor_formatter(NullFormatter())
    all_axes[0, 0].set_ylabel(ylabel)
    all_axes[0, -1].legend()
    return figure


STYLES = ("-", "--", "-.", ":")


# By layer


def by_layer(runs: dict[str, np.ndarray], ylabel: str, title: str = "", xlabel: str = "layer") -> Figure:
    """A quantity of each layer, log axis: `(layers, seeds)` for each label; bars from lowest to highest seed."""
    figure, axes = plt.subplots(figsize=(6.2, 3.4))
    for (label, values), style in zip(runs.items(), STYLES * 2, strict=False):
        spread(axes, np.arange(1, len(values) + 1), values, label, linestyle=style)
    axes.set(yscale="log", xlabel=xlabel, ylabel=ylabel, title=title)
    axes.set_xticks(np.arange(1, len(values) + 1))
    if len(runs) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


WIDEST = 9.0  # inches


# Images by optimisation


def gallery(images, titles: Sequence[str], columns: int = 5, size: float = 1.45) -> Figure:
    """Pictures under their titles: a class image for each class, say."""
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    size = min(size, WIDEST / columns)
    lines = max(title.count("\n") + 1 for title in titles)
    figure, all_axes = plt.subplots(
        rows,
        columns,
        figsize=(size * columns, (size + 0.06 + 0.18 * lines) * rows),
        squeeze=False,
        layout="constrained",
    )
    for axes in all_axes.flat[len(images) :]:
        axes.axis("off")
    for axes, image, title in zip(all_axes.flat, images, titles, strict=False):
        draw_image(axes, image)
        axes.set_title(title, fontsize=10)
    return figure
