"""Drawings of lesson 10: matrices and their patterns, what one output touches, costs, stamps, boards."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.plots import BLUE, CYCLE, GREY, ORANGE
from course_lib.plots.charts import WIDEST
from course_lib.plots.images import draw_image, frame

CHANNELS = ("red", "green", "blue")


def matrix(kernel: np.ndarray, heat: np.ndarray) -> Figure:
    """A small kernel with its numbers, and beside it the matrix of the layer, zeros left white."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDEST, 2.3), width_ratios=(3, 16))
    for axes, values, fontsize in ((left, kernel, 12), (right, heat, 10)):
        axes.imshow(np.where(values == 0, np.nan, values), cmap="viridis", vmin=0, vmax=kernel.max())
        _cells(axes, values.shape)
        for (row, column), value in np.ndenumerate(values):
            if value:
                dark = value < 0.6 * kernel.max()
                axes.text(column, row, f"{value:g}", color="white" if dark else "black", fontsize=fontsize,
                          ha="center", va="center").set_in_layout(False)  # fmt: skip
    left.set_title("kernel")
    right.set(title="its matrix", xlabel="pixel of the image, row by row", ylabel="output")
    return figure


def _cells(axes, shape) -> None:
    """Thin lines between the cells, no ticks."""
    axes.set_xticks(np.arange(shape[1] + 1) - 0.5, [])
    axes.set_yticks(np.arange(shape[0] + 1) - 0.5, [])
    axes.grid(color="#cccccc", linewidth=0.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def patterns(matrices: dict[str, np.ndarray]) -> Figure:
    """Where each matrix is not zero; below, its size, its non-zeros and how many different weights it has."""
    sizes = [(max(each.shape[1], 14), each.shape[0]) for each in matrices.values()]
    figure, all_axes = plt.subplots(
        1, len(matrices), figsize=(WIDEST, 3.1), width_ratios=[width for width, _ in sizes]
    )
    for axes, (name, values) in zip(all_axes, matrices.items(), strict=True):
        axes.imshow(values != 0, cmap="Blues", vmin=0, vmax=1.25)
        _cells(axes, values.shape)
        axes.set_title(name.replace(", ", ",\n").replace(" 3 × 3", "\n3 × 3"), fontsize=11)
        different = len(np.unique(values[values != 0].round(5)))
        rows, columns = values.shape
        words = f"{rows} × {columns}\n{np.count_nonzero(values)} non-zeros\n{different} different"
        axes.set_xlabel(words, fontsize=9.5)
    return figure


def touched(touches: dict[str, np.ndarray]) -> Figure:
    """For each kind of kernel the inputs (height, width, 3) that one output touches, a grid for each channel."""
    figure, all_axes = plt.subplots(3, len(touches), figsize=(WIDEST, 5.3))
    for column, (name, inputs) in enumerate(touches.items()):
        for channel in range(3):
            axes = all_axes[channel, column]
            axes.imshow(inputs[:, :, channel], cmap="Oranges", vmin=0, vmax=1.6)
            _cells(axes, inputs.shape)
            if not column:
                axes.set_ylabel(f"{CHANNELS[channel]} channel")
        all_axes[0, column].set_title(f"{name}\n{int(inputs.sum())} inputs", fontsize=11)
    return figure


def shares(by_layer: dict[str, float], of_random: float) -> Figure:
    """A dot for each layer, and a dashed line for random kernels."""
    figure, axes = plt.subplots(figsize=(6.4, 0.26 * len(by_layer) + 0.9))
    names = list(by_layer)
    for place, name in enumerate(names):
        axes.plot(by_layer[name], place, "s" if name.startswith("shapes") else "o",
                  color=ORANGE if name.startswith("shapes") else BLUE)  # fmt: skip
    axes.axvline(of_random, color=GREY, linestyle="--", linewidth=1.5)
    axes.text(of_random - 0.005, len(names) - 0.6, "random kernels", ha="right", va="bottom", color="#555555")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(0.5, 1), ylim=(len(names) - 0.4, -0.6), xlabel="mean share of the best outer product")
    return figure


def clock(millions: dict[str, float], milliseconds: dict[str, float]) -> Figure:
    """Multiply-adds, and the time they took here: two bars for each layer, each with its number."""
    figure, all_axes = plt.subplots(1, 2, figsize=(8.4, 0.42 * len(millions) + 0.9), sharey=True)
    for axes, values, colour, words in (
        (all_axes[0], millions, BLUE, "multiply-adds of a picture, millions"),
        (all_axes[1], milliseconds, ORANGE, "milliseconds for eight, here"),
    ):
        bars = axes.barh(list(values), list(values.values()), color=colour)
        axes.bar_label(bars, fmt="%.1f", padding=3)
        axes.set(xlabel=words, xlim=(0, 1.18 * max(values.values())))
    all_axes[0].invert_yaxis()
    return figure


def fields(gradients: dict[tuple, np.ndarray]) -> Figure:
    """The pixels that one output reads through layers of these dilation rates, and what they span."""
    figure, all_axes = plt.subplots(1, len(gradients), figsize=(WIDEST, 2.6))
    for axes, (rates, gradient) in zip(all_axes, gradients.items(), strict=True):
        read = gradient != 0
        span = int(np.ptp(np.flatnonzero(read.any(axis=0)))) + 1
        axes.imshow(read, cmap="Blues", vmin=0, vmax=1.3)
        corner = (len(read) - span) / 2 - 0.5
        axes.add_patch(Rectangle((corner, corner), span, span, fill=False, edgecolor=ORANGE, linewidth=1.5))
        frame(axes)
        axes.set_title("-".join(map(str, rates)) if len(rates) > 1 else f"one layer, rate {rates[0]}", fontsize=11)
        axes.set_xlabel(f"{read.sum()} of {span**2} pixels", fontsize=10)
    return figure


def inside(pictures: np.ndarray, truth: np.ndarray, answers: dict[str, np.ndarray]) -> Figure:
    """A column for each picture: its lines, which pixels are inside, and what each net says."""
    rows = {"lines": pictures, "inside": truth, **{name: each > 0 for name, each in answers.items()}}
    figure, all_axes = plt.subplots(len(rows), len(pictures), figsize=(1.3 * len(pictures) + 0.6, 1.3 * len(rows)))
    for row, (name, images) in zip(all_axes, rows.items(), strict=True):
        for axes, image, lines in zip(row, images, pictures, strict=True):
            if name == "lines":
                draw_image(axes, image, cmap="gray_r")
            else:
                axes.imshow(np.squeeze(image), cmap="Oranges", vmin=0, vmax=1.5)
                axes.imshow(np.where(np.squeeze(lines) > 0, 1.0, np.nan), cmap="gray_r", vmin=0, vmax=2)
                frame(axes)
        row[0].set_ylabel(name)
    return figure


# Stamps


def layout(kernel_size: int, strides: int, padding: str = "valid", inputs: int = 4) -> tuple[list[int], int]:
    """Where the stamps of a transposed convolution begin in its output, and how long that is, as in Keras."""
    if padding == "valid":
        return [place * strides for place in range(inputs)], (inputs - 1) * strides + max(kernel_size, strides)
    before = max(kernel_size - strides, 0) // 2
    return [place * strides - before for place in range(inputs)], inputs * strides


def counts(kernel_size: int, strides: int, padding: str = "valid", inputs: int = 4) -> np.ndarray:
    """How many stamps reach each output."""
    starts, length = layout(kernel_size, strides, padding, inputs)
    places = np.arange(length)
    return sum((start <= places) & (places < start + kernel_size) for start in starts).astype(int)


def _draw_stamps(axes, kernel_size: int, strides: int, padding: str) -> None:
    starts, length = layout(kernel_size, strides, padding)
    for row, start in enumerate(starts):
        for place in range(start, start + kernel_size):
            kept = 0 <= place < length
            look = {"facecolor": CYCLE[row], "alpha": 0.85} if kept else {"facecolor": "none", "linestyle": ":"}
            axes.add_patch(Rectangle((place, -row), 0.92, 0.8, edgecolor=CYCLE[row], **look))
    reached = counts(kernel_size, strides, padding)
    for place, count in enumerate(reached):
        shade = str(1 - 0.12 * min(count, 6))
        axes.add_patch(Rectangle((place, -len(starts) - 0.4), 0.92, 0.8, facecolor=shade, edgecolor=GREY))
        axes.text(place + 0.46, -len(starts), str(count), ha="center", va="center", fontsize=11,
                  color="white" if count > 4 else "black")  # fmt: skip
    axes.set(xlim=(min(*starts, 0) - 0.3, max(starts[-1] + kernel_size, length) + 0.3), ylim=(-len(starts) - 0.6, 1))
    axes.set_yticks([0.4 - row for row in range(len(starts))] + [-len(starts)], ["1", "2", "3", "4", "count"])
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    axes.set_title(f"kernel size {kernel_size}, strides {strides}, {padding}: {length} outputs", fontsize=11)


def stamps(kernel_size: int = 3, strides: int = 2, padding: str = "valid") -> Figure:
    """Four inputs, a stamp each, and how many stamps reach each output; what `same` cuts off is dotted."""
    figure, axes = plt.subplots(figsize=(7, 2.7))
    _draw_stamps(axes, kernel_size, strides, padding)
    return figure


def stamp_sheet(settings: list[tuple[int, int]]) -> Figure:
    """`stamps` for some kernel sizes and strides, side by side."""
    figure, all_axes = plt.subplots(1, len(settings), figsize=(WIDEST, 2.4))
    for axes, (kernel_size, strides) in zip(all_axes, settings, strict=True):
        _draw_stamps(axes, kernel_size, strides, "valid")
        axes.set_title(f"kernel size {kernel_size}, strides {strides}", fontsize=11)
    return figure


def boards(patches: dict[str, np.ndarray]) -> Figure:
    """Patches, each from black, its lowest value, to white; an even one is grey."""
    figure, all_axes = plt.subplots(1, len(patches), figsize=(WIDEST, 2.85))
    for axes, (name, patch) in zip(all_axes, patches.items(), strict=True):
        spread = np.ptp(patch)
        even = spread < 1e-4 * (1 + np.abs(patch).max())
        axes.imshow(np.full(patch.shape, 0.5) if even else (patch - patch.min()) / spread, vmin=0, vmax=1)
        frame(axes)
        axes.set_title(name, fontsize=11)
        values = len(np.unique(patch.round(4)))
        axes.set_xlabel(f"{values} different value{'s' * (values > 1)}", fontsize=10)
    return figure
