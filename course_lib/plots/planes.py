"""Two classes in the plane: their examples, and the regions that a classifier gives them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from course_lib.plots import BLUE, DIVERGING, VERMILION

_MARKS = {1: ("^", VERMILION, "+1"), -1: ("o", BLUE, "-1")}


def points(axes, inputs, targets, size: float = 70) -> None:
    """Examples `(examples, 2)`: triangles for class +1, circles for the other."""
    for target, (marker, colour, label) in _MARKS.items():
        chosen = np.asarray(inputs)[(np.asarray(targets) > 0) == (target > 0)]
        axes.scatter(
            *chosen.T, s=size, marker=marker, color=colour, edgecolor="black", linewidth=0.8, label=label, zorder=3
        )


def regions(
    axes, output: Callable, window=(-0.5, 1.5), resolution: int = 200, limit: float = 1.0, boundary: float = 0.0
) -> None:
    """Colour the plane by `output(inputs)`: blue below `boundary`, red above up to `limit`, a line in between."""
    line = np.linspace(*window, resolution)
    plane = np.stack(np.meshgrid(line, line), axis=-1)
    values = np.asarray(output(plane.reshape(-1, 2)), dtype=float).reshape(resolution, resolution)
    extent = (*window, *window)
    axes.imshow(
        values,
        extent=extent,
        origin="lower",
        cmap=DIVERGING,
        vmin=2 * boundary - limit,
        vmax=limit,
        alpha=0.55,
        aspect="equal",
    )
    if values.min() <= boundary < values.max():
        axes.contour(values, levels=[boundary], extent=extent, colors="black", linewidths=1.5)
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xlim=window, ylim=window)
