"""Pooling to look at: windows and what is left of them, aliasing. See lesson 12."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_lib.layers import AveragePooling2D, L2Pooling2D, MaxPooling2D
from course_lib.plots import BLUE, DIVERGING, ORANGE, VERMILION
from course_lib.plots.grids import outline, side_by_side

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
    figure, all_axes = side_by_side({"inputs": image, **results}, width=1.0)
    for row in range(0, len(image), pool_size):
        for column in range(0, len(image[0]), pool_size):
            outline(all_axes[0], row, column, pool_size, pool_size)
    return figure


def evidence_over_page(page: np.ndarray, maps: np.ndarray, classes: Sequence[int]) -> Figure:
    """A page `(height, width)`, and what speaks for (red) and against (blue) each class at each place of it.

    maps: `(rows, columns, classes)`
    """
    figure, (first, *others) = plt.subplots(
        1, 1 + len(classes), figsize=(2.3 * (1 + len(classes)), 1.7), layout="constrained"
    )
    _grey(first, page, "the page")
    limit = np.abs(maps[:, :, classes]).max()
    for axes, label in zip(others, classes, strict=True):
        axes.imshow(maps[:, :, label], cmap=DIVERGING, vmin=-limit, vmax=limit)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(True)
        axes.set_title(f"for a {label}", fontsize=10)
    return figure


def _grey(axes, image: np.ndarray, title: str) -> None:
    axes.imshow(np.reshape(image, image.shape[:2]), cmap="gray", vmin=0, vmax=max(1.0, float(np.max(image))))
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    axes.set_title(title, fontsize=10)


def _size(image: np.ndarray) -> str:
    return f"{image.shape[0]} × {image.shape[1]}"
