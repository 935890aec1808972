"""A network taken apart: where its weights are, what its parts are worth, what it guesses. See lesson 18."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from course_lib.plots import BLUE, CYCLE, GREEN, GREY, ORANGE, VERMILION
from course_lib.plots.charts import spread
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


def races(panels: dict[str, dict[str, np.ndarray]], mark: float, marked: str, ylabel: str) -> Figure:
    """One panel per title: curves `(seeds, epochs)` by label, each seed a line, and a line to be crossed."""
    figure, all_axes = plt.subplots(1, len(panels), figsize=(4.4 * len(panels) + 1.6, 3.3), sharey=True, squeeze=False)
    for axes, (title, curves) in zip(all_axes[0], panels.items(), strict=True):
        for (label, runs), style, colour in zip(curves.items(), ("-", "--", ":"), CYCLE, strict=False):
            for number, run in enumerate(runs):
                name = label if number == 0 else None
                axes.plot(np.arange(1, len(run) + 1), run, style, color=colour, linewidth=1.6, label=name)
        axes.axhline(mark, color=GREY, linewidth=1, label=marked, zorder=0)
        axes.set(title=title, xlabel="epoch", ylim=(0, 1.03))
    all_axes[0, 0].set_ylabel(ylabel)
    all_axes[0, -1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def gaps(pairs: dict[str, tuple[Sequence[float], Sequence[float]]], names: tuple[str, str], xlabel: str) -> Figure:
    """One row per label: the scores of some seeds on two sets, orange diamonds and blue dots, their means joined."""
    figure, axes = plt.subplots(figsize=(7, 0.62 * len(pairs) + 1.2))
    for row, values in enumerate(pairs.values()):
        axes.plot([np.mean(each) for each in values], [row, row], color=GREY, linewidth=5, alpha=0.4, zorder=1)
        for scores, name, colour, marker in zip(values, names, (ORANGE, BLUE), "Do", strict=True):
            label = name if row == 0 else None
            axes.plot(scores, np.full(len(scores), row), marker, color=colour, alpha=0.75, label=label)
    axes.set_yticks(range(len(pairs)), pairs)
    axes.set(xlabel=xlabel, ylim=(len(pairs) - 0.5, -0.5))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


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


def removed_parts(scores: dict[str, Sequence[float]], parameters: dict[str, float], guessing: float) -> Figure:
    """One row for each network: the share right, a dot per seed and a bar of their mean; then what is left of it."""
    size = (8.6, 0.5 * len(scores) + 1)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=size, width_ratios=(1.6, 1), sharey=True, layout="constrained", gridspec_kw={"wspace": 0.06}
    )
    for row, values in enumerate(scores.values()):
        left.barh(row, np.mean(values), color=BLUE, alpha=0.35)
        left.plot(values, row + np.linspace(-0.18, 0.18, len(values)), "o", color=BLUE, markersize=5)
    left.axvline(guessing, color=GREY, linestyle="--", label="guessing")
    left.legend(loc="lower right", fontsize=9)
    left.set(xlabel="new pictures right (a dot for each seed)", xlim=(0, 1.02), ylim=(len(scores) - 0.5, -0.5))
    left.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    bars = right.barh(range(len(scores)), [parameters[name] / 1e6 for name in scores], color=ORANGE)
    right.bar_label(bars, [f"{parameters[name] / 1e6:.1f} M" for name in scores], padding=2, fontsize=9)
    right.set(xlabel="parameters of the large network", xlim=(0, 1.25 * max(parameters.values()) / 1e6))
    right.xaxis.set_major_formatter("{x:.0f} M")
    left.set_yticks(range(len(scores)), scores)
    left.tick_params(axis="y", length=0)
    right.tick_params(axis="y", length=0)
    return figure


def ensembles(sizes: Sequence[int], curves: dict[str, np.ndarray], ylabel: str) -> Figure:
    """Errors `(sizes, choices of members)` by label: the mean and the reach from the best to the worst choice."""
    figure, axes = plt.subplots(figsize=(6.4, 3.4))
    for (label, errors), style, colour in zip(curves.items(), ("-", "--"), CYCLE, strict=False):
        spread(axes, sizes, errors, label=label, linestyle=style, color=colour)
    axes.set(xlabel="networks in the ensemble", ylabel=ylabel, xticks=sizes)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylim(bottom=0)
    axes.legend()
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
