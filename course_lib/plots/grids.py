"""Small grids of numbers, each value written into its cell."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.plots import BLACK, DIVERGING


def grid(axes, values, title: str = "", limit: float | None = None, fontsize: float = 10, decimals: int = 0) -> None:
    """A table of numbers as coloured cells: negative blue, positive red, full colour at `limit`; few `decimals`."""
    values = np.atleast_2d(np.asarray(values, dtype=float)) + 0.0  # no "-0"
    limit = limit or max(np.abs(values).max(), 1e-9)
    axes.imshow(values, cmap=DIVERGING, vmin=-1.6 * limit, vmax=1.6 * limit)
    for (row, column), value in np.ndenumerate(values):
        text = np.format_float_positional(value, precision=decimals, trim="-")
        axes.text(column, row, text, ha="center", va="center", fontsize=fontsize)
    height, width = values.shape
    axes.set_xticks(np.arange(-0.5, width), labels=[])
    axes.set_yticks(np.arange(-0.5, height), labels=[])
    axes.tick_params(length=0)
    axes.grid(color="#c8c8c8", linewidth=0.7)
    for spine in axes.spines.values():
        spine.set(visible=True, color="#c8c8c8")
    axes.set_title(title, fontsize=11)


def outline(axes, row: int, column: int, height: int = 1, width: int = 1, colour: str = BLACK) -> None:
    """A frame round the cells of a grid that begin at (row, column)."""
    axes.add_patch(
        Rectangle(
            (column - 0.5, row - 0.5),
            width,
            height,
            fill=False,
            edgecolor=colour,
            linewidth=2.5,
            zorder=4,
            clip_on=False,
        )
    )


def row_of_grids(grids: dict[str, np.ndarray], framed: dict[str, np.ndarray] | None = None) -> Figure:
    """Small grids of numbers side by side; `framed` marks places, title -> where to draw a frame."""
    figure, all_axes = side_by_side(grids, width=0.9)
    for axes, title in zip(all_axes, grids, strict=True):
        for place in np.argwhere((framed or {}).get(title, np.zeros((0, 0)))):
            outline(axes, *place)
    return figure


def side_by_side(grids: dict[str, np.ndarray], width: float):
    """A figure with a grid for each title, and its axes; `width` is how wide a cell is, measured by its height."""
    ratios = [np.shape(values)[1] for values in grids.values()]
    tallest = max(len(values) for values in grids.values())
    figure, all_axes = plt.subplots(
        1, len(grids), figsize=(min(9, 0.5 * width * sum(ratios) + 0.5 * len(grids)), 0.5 * tallest + 0.6),
        width_ratios=ratios,
    )  # fmt: skip
    for axes, (title, values) in zip(all_axes, grids.items(), strict=True):
        grid(axes, values, title, fontsize=10, decimals=2)
        axes.set_anchor("N")
    return figure, all_axes
