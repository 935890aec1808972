"""How blame flows back through a convolution: grids of numbers, and who hears of which output. See lesson 11."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.plots import DIVERGING, GREEN, ORANGE, SKY, YELLOW
from course_lib.plots.grids import grid, outline

_HERE, _ALL = "this output", "all outputs up to it"


def shared_weights(inputs: int, kernel_size: int, row: int, column: int) -> Figure:
    """A filter on a line as the matrix of a dense layer; one row and one column are framed and read out."""
    outputs = inputs - kernel_size + 1
    place = np.arange(inputs) - np.arange(outputs)[:, None]
    used = (place >= 0) & (place < kernel_size)
    figure, axes = plt.subplots(figsize=(6.4, 2.9))
    axes.imshow(np.where(used, place, np.nan), cmap=ListedColormap([SKY, YELLOW, ORANGE]), alpha=0.7)
    for output, source in np.ndindex(used.shape):
        text = f"$w_{place[output, source]}$" if used[output, source] else "0"
        axes.text(source, output, text, ha="center", va="center", fontsize=13)
    axes.set_xticks(range(inputs), [f"$x_{k}$" for k in range(inputs)], fontsize=12)
    axes.set_yticks(range(outputs), [f"$a_{k}$" for k in range(outputs)], fontsize=12)
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    outline(axes, row, 0, 1, inputs)
    outline(axes, 0, column, outputs, 1, colour=GREEN)
    axes.text(inputs - 0.35, row, "across: what an output reads", va="center", fontsize=10)
    axes.text(
        column,
        outputs - 0.35,
        "down: which outputs\nhave read an input",
        va="top",
        ha="center",
        color=GREEN,
        fontsize=10,
    )
    axes.spines[:].set_visible(False)
    return figure


@dataclass
class Blame:
    """Who gets how much of the gradient. `at` shows one output, or all up to it; `strip` some outputs and the sum."""

    inputs: np.ndarray
    kernel: np.ndarray
    deltas: np.ndarray

    def at(self, row: int = 0, column: int = 1, blame: str = _HERE) -> Figure:
        """Which window the output at (row, column) has read, and what its delta tells the weights and the inputs."""
        chosen = self._chosen(row, column, blame)
        by_weights, by_inputs = self._gradients(np.where(chosen, self.deltas, 0))
        pictures = {
            "inputs $x$": self.inputs,
            "kernel $w$": self.kernel,
            r"messages $\delta$": self.deltas,
            r"$\partial \ell/\partial w$": by_weights,
            r"$\partial \ell/\partial x$": by_inputs,
        }
        figure, all_axes = _row_of_grids(pictures, width=9)
        figure.suptitle(f"output ({row}, {column}), message {self.deltas[row, column]:g}; {blame}", fontsize=11)
        for axes in (all_axes[0], all_axes[4]):
            outline(axes, row, column, *self.kernel.shape)
        for place in np.argwhere(chosen):
            outline(all_axes[2], *place)
        return figure

    def strip(self, places: Sequence[tuple[int, int]]) -> Figure:
        """The kernel and the inputs; then, for some outputs and last for all: what weights and inputs hear."""
        titles = [f"({row}, {column})" for row, column in places]
        selections = [self._chosen(row, column, _HERE) for row, column in places]
        columns = [*zip(titles, selections, strict=True), ("all outputs", np.ones(self.deltas.shape, bool))]
        shape = {"figsize": (1.75 * len(columns) + 1.9, 4.5), "height_ratios": (4, 3, 6)}
        figure, all_axes = plt.subplots(3, len(columns) + 1, squeeze=False, **shape)
        all_axes[0, 0].axis("off")
        grid(all_axes[1, 0], self.kernel, "kernel $w$", limit=3, fontsize=8)
        grid(all_axes[2, 0], self.inputs, "inputs $x$", limit=3, fontsize=8)
        for (above, middle, below), (title, chosen) in zip(all_axes.T[1:], columns, strict=True):
            by_weights, by_inputs = self._gradients(np.where(chosen, self.deltas, 0))
            grid(above, np.where(chosen, self.deltas, 0), title, limit=3, fontsize=8)
            grid(middle, by_weights, limit=3, fontsize=8)
            grid(below, by_inputs, limit=3, fontsize=8)
            if chosen.sum() == 1:
                outline(below, *np.argwhere(chosen)[0], *self.kernel.shape)
        labels = (r"$\delta$", r"$\partial \ell/\partial w$", r"$\partial \ell/\partial x$")
        for axes, label in zip(all_axes[:, 1], labels, strict=True):
            axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=12)
        return figure

    def _chosen(self, row: int, column: int, blame: str) -> np.ndarray:
        order = np.arange(self.deltas.size).reshape(self.deltas.shape)
        return order <= order[row, column] if blame == _ALL else order == order[row, column]

    def _gradients(self, deltas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        by_weights, by_inputs = np.zeros(self.kernel.shape), np.zeros(self.inputs.shape)
        height, width = self.kernel.shape
        for (row, column), delta in np.ndenumerate(deltas):
            window = slice(row, row + height), slice(column, column + width)
            by_weights += delta * self.inputs[window]
            by_inputs[window] += delta * self.kernel
        return by_weights, by_inputs


def there_and_back(forward: dict[str, np.ndarray], backward: dict[str, np.ndarray]) -> Figure:
    """Two rows of grids of the same shapes: what a small network computes, and below it the gradients coming back."""
    sizes = [np.atleast_2d(values).shape for values in forward.values()]
    ratios = [max(width, 1.6) for _, width in sizes]
    figure, all_axes = plt.subplots(2, len(sizes), figsize=(9, 4.6), width_ratios=ratios, layout="constrained")
    figure.get_layout_engine().set(wspace=0.06, hspace=0.08)
    tallest = max(height for height, _ in sizes)
    for axes_row, pictures in zip(all_axes, (forward, backward), strict=True):
        for axes, (title, values) in zip(axes_row, pictures.items(), strict=True):
            values = np.atleast_2d(values)
            grid(axes, values, title, fontsize=9, decimals=1)
            missing = (tallest - len(values)) / 2
            axes.set_ylim(len(values) - 0.5 + missing, -0.5 - missing)  # cells of one size in all grids
            axes.spines[:].set_visible(False)
            axes.grid(visible=False)
            for row, column in np.ndindex(values.shape):
                cell = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#c8c8c8", linewidth=0.7)
                axes.add_patch(cell)
    all_axes[0, 0].set_ylabel("values, forward →", fontsize=11)
    all_axes[1, 0].set_ylabel("← gradients, back", fontsize=11)
    return figure


def bars_and_kernels(images, titles: Sequence[str], kernels) -> Figure:
    """Some noisy bars, each under its title, and the kernels `(size, size, filters)` learned from them."""
    filters = kernels.shape[-1]
    figure, all_axes = plt.subplots(1, len(images) + filters, figsize=(min(9, 1.25 * (len(images) + filters)), 1.6))
    for axes, image, title in zip(all_axes, images, titles, strict=False):
        axes.imshow(np.squeeze(image), cmap="gray_r")
        axes.set_title(title, fontsize=10)
    limit = np.abs(kernels).max()
    for filter_, axes in enumerate(all_axes[len(images) :]):
        axes.imshow(kernels[..., filter_], cmap=DIVERGING, vmin=-limit, vmax=limit)
        axes.set_title(f"kernel {filter_ + 1}", fontsize=10)
    for axes in all_axes:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(True)
    return figure


def _row_of_grids(pictures: dict[str, np.ndarray], width: float):
    ratios = [values.shape[1] for values in pictures.values()]
    figure, all_axes = plt.subplots(1, len(ratios), figsize=(width, 2.75), width_ratios=ratios)
    for axes, (title, values) in zip(all_axes, pictures.items(), strict=True):
        grid(axes, values, title, fontsize=9)
    return figure, all_axes
