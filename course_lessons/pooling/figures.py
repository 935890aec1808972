"""Pooling to look at: windows and what is left of them, aliasing, and scores over random starts. See lesson 12."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_lib.layers import AveragePooling2D, L2Pooling2D, MaxPooling2D
from course_lib.plots import BLUE, GREY, ORANGE, VERMILION
from course_lib.plots.charts import spread
from course_lib.plots.grids import _grids, outline

KINDS = ("max", "average", "L2", "every k-th pixel")


def pool(image: np.ndarray, kind: str, pool_size: int, strides: int) -> np.ndarray:
    """A picture `(height, width)`, pooled; "every k-th pixel" keeps the top left corner of each window."""
    if kind == "every k-th pixel":
        rows, columns = (length - pool_size + 1 for length in image.shape)
        return image[:rows:strides, :columns:strides]
    layer = {"max": MaxPooling2D, "average": AveragePooling2D, "L2": L2Pooling2D}[kind](pool_size, strides)
    return layer.forward(image[None, :, :, None])[0, :, :, 0]


@dataclass
class Pictures:
    """Grey pictures from 0 to 1 by name, to pool in any way."""

    images: dict[str, np.ndarray]

    def pooled(self, image: str = "digit", kind: str = "max", pool_size: int = 2, strides: int = 2) -> Figure:
        """A picture, with its first windows framed, and what pooling leaves of it."""
        before = self.images[image]
        after = pool(before, kind, pool_size, strides)
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.9))
        _grey(left, before, f"{_size(before)}, {before.size:,} numbers")
        share = after.size / before.size
        _grey(right, after, f"{kind}: {_size(after)}, {after.size:,} numbers ({share:.0%})")
        windows = [(0, 0), (0, strides), (strides, 0)]
        for (row, column), colour in zip(windows, (VERMILION, ORANGE, BLUE), strict=True):
            if max(row, column) + pool_size <= min(before.shape):
                outline(left, row, column, pool_size, pool_size, colour=colour)
                outline(right, row // strides, column // strides, colour=colour)
        return figure

    def sheet(self, image: str, kinds: Sequence[str], sizes: Sequence[int]) -> Figure:
        """One picture pooled in every way: a row for each kind, a column for each size; windows side by side."""
        figure, all_axes = plt.subplots(len(kinds), len(sizes), figsize=(1.75 * len(sizes), 1.75 * len(kinds) + 0.2))
        for row, (axes_row, kind) in enumerate(zip(all_axes, kinds, strict=True)):
            for axes, size in zip(axes_row, sizes, strict=True):
                small = pool(self.images[image], kind, size, size)
                _grey(axes, small, "" if row else _size(small))
            axes_row[0].set_ylabel(kind, fontsize=11)
        return figure


def rows_of_pictures(rows: dict[str, Sequence[np.ndarray]], titles: Sequence[str], size: float = 1.7) -> Figure:
    """Grey pictures from 0 to 1: one row per label, one title per column."""
    figure, all_axes = plt.subplots(
        len(rows), len(titles), figsize=(size * len(titles) + 0.3, size * len(rows) + 0.3), squeeze=False
    )
    for row, (axes_row, (label, pictures)) in enumerate(zip(all_axes, rows.items(), strict=True)):
        for axes, picture, title in zip(axes_row, pictures, titles, strict=True):
            _grey(axes, picture, "" if row else title)
        axes_row[0].set_ylabel(label, fontsize=11)
    return figure


def windows_and_results(image, pool_size: int, results: dict[str, np.ndarray]) -> Figure:
    """A small grid with its windows framed, and beside it, to the same scale, what each kind of pooling makes of it."""
    figure, all_axes = _grids({"inputs": image, **results}, width=1.0)
    for row in range(0, len(image), pool_size):
        for column in range(0, len(image[0]), pool_size):
            outline(all_axes[0], row, column, pool_size, pool_size)
    return figure


def panels(x, runs: dict[str, dict[str, np.ndarray]], xlabel: str, ylabel: str, ylim=(0, 1.03)) -> Figure:
    """One panel per title, one line per label, each `(len(x), seeds)` with its spread; x counts in doublings."""
    figure, all_axes = plt.subplots(1, len(runs), figsize=(4.2 * len(runs), 3.3), sharey=True, squeeze=False)
    for axes, (title, lines) in zip(all_axes[0], runs.items(), strict=True):
        for (label, values), style in zip(lines.items(), ("-", "--", ":", "-."), strict=False):
            spread(axes, x, values, label, linestyle=style)
        axes.set(title=title, xlabel=xlabel, ylim=ylim, xscale="log")
        axes.set_xticks(x, x)
        axes.minorticks_off()
    all_axes[0, 0].set_ylabel(ylabel)
    all_axes[0, 0].legend(loc="lower left")
    return figure


def dots(scores: dict[str, Sequence[float]], ylabel: str, title: str) -> Figure:
    """One column per label, one dot per random start, and a bar at their mean; from 0.4 to 1."""
    figure, axes = plt.subplots(figsize=(1.5 * len(scores) + 0.9, 3.3))
    for place, values in enumerate(scores.values()):
        axes.plot([place] * len(values), values, "o", color=BLUE, alpha=0.7)
        axes.hlines(np.mean(values), place - 0.25, place + 0.25, color=VERMILION, linewidth=2)
    axes.set_xticks(range(len(scores)), scores)
    axes.set(ylabel=ylabel, title=title, xlim=(-0.6, len(scores) - 0.4), ylim=(0.4, 1))
    axes.grid(axis="y", color=GREY, alpha=0.3)
    return figure


def _grey(axes, image: np.ndarray, title: str) -> None:
    axes.imshow(np.reshape(image, image.shape[:2]), cmap="gray", vmin=0, vmax=max(1.0, float(np.max(image))))
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    axes.set_title(title, fontsize=10)


def _size(image: np.ndarray) -> str:
    return f"{image.shape[0]} × {image.shape[1]}"
