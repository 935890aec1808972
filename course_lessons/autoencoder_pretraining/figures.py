"""Drawings of lesson 17: filters, dreams, the three stages of a deep autoencoder, and what its codes look like."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_lib.plots import BLACK, BLUE, CYCLE, DIVERGING, GREEN, GREY, VERMILION
from course_lib.plots.images import draw_image


def filters(kernels: dict[str, np.ndarray], columns: int = 14) -> Figure:
    """A row of filters for each label: positive weights orange-red, negative blue, each on its own scale.

    kernels: label -> (filters, height, width)
    """
    figure, axes = plt.subplots(len(kernels), columns, figsize=(9, 0.72 * len(kernels)), squeeze=False)
    for row, (label, several) in zip(axes, kernels.items(), strict=True):
        for each in row:
            each.axis("off")
        for each, kernel in zip(row, several, strict=False):
            limit = np.abs(kernel).max() or 1
            each.imshow(kernel, cmap=DIVERGING, vmin=-limit, vmax=limit)
        _label(row[0], label)
    return figure


def sheet(rows: dict[str, np.ndarray]) -> Figure:
    """A row of pictures `(number, height, width)` for each label."""
    columns = max(map(len, rows.values()))
    figure, axes = plt.subplots(len(rows), columns, figsize=(8.4, 8.4 * len(rows) / (columns + 2.2)), squeeze=False)
    for row, (label, pictures) in zip(axes, rows.items(), strict=True):
        for each in row[len(pictures) :]:
            each.axis("off")
        for each, picture in zip(row, pictures, strict=False):
            draw_image(each, picture)
        _label(row[0], label)
    return figure


def _label(axes, words: str) -> None:
    axes.text(-0.15, 0.5, words, transform=axes.transAxes, ha="right", va="center", fontsize=10)


def three_stages(sizes: Sequence[int], kernels: Sequence[np.ndarray]) -> Figure:
    """Pretraining, unrolling and fine-tuning of a stack with these sizes, with filters of its first machine.

    kernels: a few filters (height, width), drawn beside the first layer
    """
    figure, all_axes = plt.subplots(1, 3, figsize=(9, 4.6), width_ratios=(1.15, 1, 1))
    layers = len(sizes) - 1
    axes = all_axes[0]
    for place in range(layers):
        low = 2 * place * 1.05
        _box(axes, 0.5, low, sizes[place], sizes, "pictures" if place == 0 else "what its units say")
        _box(axes, 0.5, low + 1, sizes[place + 1], sizes, "")
        _wire(axes, 0.5, low, low + 1, f"$W_{place + 1}$", both=True)
        axes.text(-0.32, low + 0.5, f"machine {place + 1}", ha="center", va="center", fontsize=9, rotation=90)
    for place, kernel in enumerate(kernels):
        inset = axes.inset_axes((0.85 + 0.21 * place, 0.24, 0.19, 0.52), transform=axes.transData)
        limit = np.abs(kernel).max() or 1
        inset.imshow(kernel, cmap=DIVERGING, vmin=-limit, vmax=limit)
        inset.axis("off")
    words = [f"W_{place + 1}" for place in range(layers)]
    words += [rf"W_{place + 1}^{{\mathsf{{T}}}}" for place in reversed(range(layers))]
    heights = [*sizes, *reversed(sizes[:-1])]
    for axes, moved in zip(all_axes[1:], (False, True), strict=True):
        for place, units in enumerate(heights):
            label = {0: "picture", layers: "code", 2 * layers: "picture again"}.get(place, "")
            _box(axes, 0.5, place, units, sizes, label)
        for place, word in enumerate(words):
            change = rf" + \Delta_{place + 1}" if moved else ""
            _wire(axes, 0.5, place, place + 1, f"${word}{change}$")
    for axes, title in zip(all_axes, ("1  pretraining", "2  unrolling", "3  fine-tuning"), strict=True):
        axes.set_title(title)
        axes.set(xlim=(-0.5, 1.5), ylim=(-0.5, 2 * layers + 0.5))
        axes.axis("off")
    return figure


def _box(axes, middle: float, height: float, units: int, sizes: Sequence[int], words: str) -> None:
    """A layer: a bar as wide as the logarithm of its units."""
    width = 0.18 + 0.72 * np.log(units) / np.log(max(sizes))
    axes.barh(height, width, 0.36, left=middle - width / 2, color="#dbe9f4", edgecolor=BLUE)
    axes.text(middle, height, f"{units}", ha="center", va="center", fontsize=10, color=BLACK)
    axes.text(middle + width / 2 + 0.04, height, words, ha="left", va="center", fontsize=8, color="#555555")


def _wire(axes, middle: float, low: float, high: float, words: str, both: bool = False) -> None:
    style = {"arrowstyle": "<->" if both else "->", "color": VERMILION if both else GREEN, "linewidth": 1.5}
    axes.annotate("", (middle, high - 0.2), (middle, low + 0.2), arrowprops=style)
    axes.text(middle + 0.06, (low + high) / 2, words, ha="left", va="center", fontsize=10)


def code_maps(maps: dict[str, np.ndarray], labels: np.ndarray) -> Figure:
    """Codes of two numbers as points, each drawn as its digit in a colour of its own."""
    figure, axes = plt.subplots(1, len(maps), figsize=(9, 4.3))
    colours = [*CYCLE, GREY, "#7a4a00", "#004d40"]
    for each, (title, codes) in zip(np.atleast_1d(axes), maps.items(), strict=True):
        for (first, second), digit in zip(codes, labels, strict=True):
            look = {"color": colours[digit], "fontsize": 8, "ha": "center", "va": "center", "clip_on": True}
            each.text(first, second, str(digit), **look)
        low, high = np.percentile(codes, 1, axis=0), np.percentile(codes, 99, axis=0)
        room = 0.08 * (high - low)
        each.set(title=title, xlim=(low[0] - room[0], high[0] + room[0]), ylim=(low[1] - room[1], high[1] + room[1]))
        each.set(xlabel="first number", ylabel="second number")
    return figure


def likelihoods(likelihood: dict, errors: dict, ceiling: float) -> Figure:
    """Mean log-likelihood with its ceiling, and the error of repeating on a logarithmic axis, against steps.

    Both: label -> table with a row for each step and a column for each seed.
    """
    figure, all_axes = plt.subplots(1, 2, figsize=(9, 3.6))
    for axes, tables in zip(all_axes, (likelihood, errors), strict=True):
        for (label, table), colour, style in zip(tables.items(), CYCLE, ("-", "--", "-.", ":"), strict=False):
            axes.plot(table.index, table.mean(axis=1), style, color=colour, label=label)
            axes.fill_between(table.index, table.min(axis=1), table.max(axis=1), color=colour, alpha=0.2, linewidth=0)
        axes.set_xlabel("steps")
    all_axes[0].axhline(ceiling, color=GREY, linestyle="--", linewidth=1.5)
    all_axes[0].text(6000, ceiling + 0.08, "ceiling", color="#555555", ha="right", fontsize=9)
    all_axes[0].set(title="mean log-likelihood", ylim=(-6.4, -2.3))
    all_axes[1].set(title="squared error of a repeated pixel", yscale="log")
    handles, labels = all_axes[0].get_legend_handles_labels()
    words = "mean, lowest and highest of the runs"
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), title=words)
    return figure


class Decoder:
    """The upper half of an autoencoder, asked for the picture of any two numbers."""

    def __init__(self, decode, codes: np.ndarray, side: int = 28):
        """decode: codes (number, 2) -> pictures (number, side * side); codes: of real pictures, for the range."""
        self.decode, self.codes, self.side = decode, codes, side
        self.low, self.high = np.percentile(codes, 5, axis=0), np.percentile(codes, 95, axis=0)

    def pictures(self, shares: np.ndarray) -> np.ndarray:
        """shares (number, 2): 0 where 5 % of the codes lie below, 1 where 95 % do."""
        codes = self.low + np.asarray(shares) * (self.high - self.low)
        return np.asarray(self.decode(codes.astype("float32"))).reshape(-1, self.side, self.side)

    def draw(self, first: float = 0.5, second: float = 0.5) -> Figure:
        """The picture of one code, and where that lies among the others."""
        figure, (left, right) = plt.subplots(1, 2, figsize=(5.6, 2.6))
        spread = self.low + np.array([first, second]) * (self.high - self.low)
        left.plot(*self.codes.T, ".", color=GREY, markersize=2)
        left.plot(*spread, "o", color=VERMILION, markersize=8)
        left.set(xlabel="first number", ylabel="second number")
        draw_image(right, self.pictures([[first, second]])[0])
        return figure

    def grid(self, number: int = 12) -> Figure:
        """The pictures of a whole grid of codes, the second number upwards."""
        steps = np.linspace(0, 1, number)
        shares = [(first, second) for second in steps[::-1] for first in steps]
        pictures = self.pictures(shares).reshape(number, number, self.side, self.side)
        figure, axes = plt.subplots(figsize=(4.6, 4.6))
        draw_image(axes, pictures.swapaxes(1, 2).reshape(number * self.side, -1))
        axes.set(xlabel="first number", ylabel="second number")
        return figure
