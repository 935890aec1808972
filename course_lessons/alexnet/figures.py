"""A network taken apart: where its weights are, what its parts do, what it guesses. See lesson 18."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from course_lib.plots import BLUE, GREEN, GREY, ORANGE, VERMILION
from course_lib.plots.images import draw_image


def shares(layers: Sequence[str], parts: dict[str, Sequence[float]]) -> Figure:
    """For each layer its share of several totals, as bars side by side, with percentages."""
    figure, axes = plt.subplots(figsize=(9, 3.4))
    thickness = 0.84 / len(parts)
    for number, ((label, amounts), colour) in enumerate(zip(parts.items(), (BLUE, ORANGE, GREEN), strict=False)):
        values = np.asarray(amounts, float) / np.sum(amounts)
        places = np.arange(len(layers)) + (number - (len(parts) - 1) / 2) * thickness
        bars = axes.bar(places, values, thickness, label=label, color=colour)
        # The first kind gets every label, the others those that are not crowded out.
        words = [_percent(value) if number == 0 or value >= 0.02 else "" for value in values]
        axes.bar_label(bars, words, fontsize=8, padding=1)
    axes.set_xticks(range(len(layers)), layers)
    axes.set(ylabel="share of the whole network")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.margins(y=0.1)
    axes.legend()
    return figure


def _percent(value: float) -> str:
    return f"{value:.0%}" if value >= 0.1 else f"{value:.1%}" if value >= 0.001 else f"{value:.2%}"


# Neighbouring maps


_ACTIVITY = np.array([0.3, 0.4, 0.3, 0.5, 3.0, 0.6, 0.4, 0.3, 0.4, 1.0, 2.2, 2.6, 2.2, 1.0, 0.4, 0.3, 0.4, 0.3])


def _normalised(values: np.ndarray, size: int, alpha: float, beta: float, bias: float) -> np.ndarray:
    energy = np.convolve(values**2, np.ones(size), mode="same")
    return values / (bias + alpha * energy) ** beta


def neighbouring_maps(size: int = 5, alpha: float = 0.3, beta: float = 0.75, bias: float = 1.0) -> Figure:
    """One place of 18 maps, before and after local response normalisation over `size` of them."""
    figure, axes = plt.subplots(figsize=(7.4, 3.2))
    _before_and_after(axes, size, alpha, beta, bias)
    axes.legend(loc="upper left")
    axes.set(ylabel="value at one place", ylim=(0, 3.9))
    return figure


def neighbouring_maps_sheet(sizes: Sequence[int]) -> Figure:
    """The same for several sizes of the window."""
    figure, all_axes = plt.subplots(1, len(sizes), figsize=(9, 2.8), sharey=True)
    for axes, size in zip(all_axes, sizes, strict=True):
        _before_and_after(axes, size, alpha=0.3, beta=0.75, bias=1.0)
        axes.set_title(f"size {size}", fontsize=11)
    all_axes[0].set_ylabel("value at one place")
    figure.legend(*all_axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _before_and_after(axes, size, alpha, beta, bias) -> None:
    places = np.arange(len(_ACTIVITY))
    axes.bar(places, _ACTIVITY, color="white", edgecolor=GREY, label="before")
    axes.bar(places, _normalised(_ACTIVITY, size, alpha, beta, bias), width=0.6, color=BLUE, label="after")
    axes.set(xlabel="map", xticks=[])


# Learning


def falling_rate(curves: dict[str, Sequence[float]], rates: Sequence[float], ylabel: str) -> Figure:
    """Above, curves of one training by epoch; below, the learning rate of each epoch on a logarithmic axis."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(6.4, 4), height_ratios=(2.2, 1), sharex=True)
    epochs = np.arange(1, len(rates) + 1)
    for (label, values), style in zip(curves.items(), ("-", "--"), strict=False):
        above.plot(epochs, values, style, label=label)
    above.set_ylabel(ylabel)
    above.legend()
    below.step(epochs, rates, where="mid", color=VERMILION)
    below.set(yscale="log", xlabel="epoch", ylabel="learning\nrate")
    below.minorticks_off()
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


# What it sees


def guesses(images, labels, probabilities, names: Sequence[str], number: int = 5, columns: int = 4) -> Figure:
    """Pictures, each over its `number` best guesses as bars; the right class is blue, others orange."""
    rows = -(-len(images) // columns)
    figure = plt.figure(figsize=(2.1 * columns, 2.75 * rows), layout="constrained")
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=(1.25, 1) * rows)
    for place, (image, label, row) in enumerate(zip(images, labels, probabilities, strict=True)):
        above = figure.add_subplot(grid[2 * (place // columns), place % columns])
        draw_image(above, image, "gray_r")
        above.set_title(names[label], fontsize=11)
        below = figure.add_subplot(grid[2 * (place // columns) + 1, place % columns])
        best = np.argsort(-row)[:number]
        colours = [BLUE if guess == label else ORANGE for guess in best]
        below.barh(range(number), row[best], color=colours)
        below.set(xlim=(0, 1), ylim=(number - 0.4, -0.6), xticks=[0, 1])
        below.set_yticks(range(number), [names[guess] for guess in best], fontsize=10)
        below.tick_params(axis="y", length=0)
        below.spines["left"].set_visible(False)
    return figure


def neighbours(queries, found, hits, title: str = "nearest pictures, nearest first") -> Figure:
    """One row for each query: the picture, then those found for it; a blue frame where the class is the same."""
    number = len(found[0])
    figure, all_axes = plt.subplots(
        len(queries), number + 1, figsize=(0.95 * (number + 1), len(queries) + 0.4), squeeze=False
    )
    for row, (query, images, same) in enumerate(zip(queries, found, hits, strict=True)):
        draw_image(all_axes[row, 0], query, "gray_r")
        for axes, image, hit in zip(all_axes[row, 1:], images, same, strict=True):
            draw_image(axes, image, "gray_r")
            axes.spines[:].set_color(BLUE if hit else VERMILION)
            axes.spines[:].set_linewidth(2.5)
            axes.spines[:].set_linestyle("-" if hit else (0, (2, 1)))
    all_axes[0, 0].set_title("query", fontsize=11)
    words = all_axes[0, 1].annotate(title, (0, 1), (0, 6), "axes fraction", "offset points", fontsize=11)
    words.set_in_layout(False)  # it may reach over the pictures beside it
    return figure
