"""Stacks of small windows and what they see, and the VGG family as a chart. See lesson 19."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from course_lib.plots import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, YELLOW

# What one unit sees


def field_cone(layers: int = 3, kernel_size: int = 3, strides: int = 1) -> Figure:
    """A stack in one dimension: the unit at the top, all it depends on below, and how much each pixel counts.

    strides: of the first layer; the others move on by one.
    """
    steps = [strides] + [1] * (layers - 1)
    reach = [(0, 0)]  # first and last unit that the unit 0 at the top needs, from the top down
    for step in reversed(steps):
        first, last = reach[-1]
        reach.append((first * step - (kernel_size // 2), last * step + (kernel_size - 1) // 2))
    reach = reach[::-1]  # from the pixels up
    counts = np.ones(1)
    for step in reversed(steps):
        spaced = np.zeros((len(counts) - 1) * step + 1)
        spaced[::step] = counts
        counts = np.convolve(spaced, np.ones(kernel_size))
    figure, (axes, below) = plt.subplots(
        2, 1, figsize=(8.2, 1.9 + 0.55 * (layers + 1)), sharex=True, height_ratios=[0.55 * (layers + 1), 1.3]
    )
    scale = [1, *np.cumprod(steps)]  # pixels from a unit to its neighbour
    widest = max(abs(reach[0][0]), abs(reach[0][1])) + 2
    for height, (jump, (first, last)) in enumerate(zip(scale, reach, strict=True)):
        every = np.arange(-widest // jump - 1, widest // jump + 2)
        seen = (every >= first) & (every <= last)
        axes.plot(every[~seen] * jump, np.full((~seen).sum(), height), "o", color=GREY, alpha=0.35, ms=5)
        axes.plot(every[seen] * jump, np.full(seen.sum(), height), "o", color=BLUE, ms=8)
        if height:
            for unit in every[seen]:
                for tap in range(kernel_size):
                    place = unit * steps[height - 1] - kernel_size // 2 + tap
                    ends = [unit * jump, place * scale[height - 1]]
                    axes.plot(ends, [height, height - 1], color=SKY, linewidth=0.9, zorder=0)
    names = ["pixels"] + [f"layer {number}" for number in range(1, layers + 1)]
    axes.set_yticks(range(layers + 1), names)
    axes.set(xlim=(-widest, widest), ylim=(-0.4, layers + 0.4))
    axes.set_title(f"the unit at the top sees {len(counts)} pixels", loc="left")
    below.bar(np.arange(reach[0][0], reach[0][1] + 1), counts, color=ORANGE)
    below.set(xlabel="pixel", ylabel="paths\nto the unit")
    for each in (axes, below):
        each.spines[["left", "bottom"]].set_visible(each is below)
    axes.tick_params(length=0, labelbottom=False)
    return figure


def fields(maps: Mapping[str, np.ndarray]) -> Figure:
    """How much each pixel moves one unit: maps `(height, width)` for several stacks, a frame round what is seen."""
    figure, all_axes = plt.subplots(1, len(maps), figsize=(8.6, 2.7))
    for axes, (title, values) in zip(np.atleast_1d(all_axes), maps.items(), strict=True):
        values = np.abs(values)
        axes.imshow(values / values.max(), cmap="Blues", vmin=0, vmax=1)
        (top, bottom), (left, right) = (
            (places.min(), places.max()) for places in np.nonzero(values > 1e-9 * values.max())
        )
        corner, size = (left - 0.5, top - 0.5), (right - left + 1, bottom - top + 1)
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=VERMILION, linewidth=2))
        axes.set_title(f"{title}\n{size[1]} × {size[0]}", fontsize=11)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color=GREY)
    return figure


# The family

_STAGE_COLOURS = (SKY, BLUE, GREEN, YELLOW, ORANGE)


def family(variants: Mapping[str, Sequence[Sequence[int]]], filters: Sequence[int], normalised=("A-LRN",)) -> Figure:
    """Each variant as a column of boxes, from the picture down: its convolutions, poolings and dense layers."""
    deepest = [max(len(stages[place]) for stages in variants.values()) for place in range(len(filters))]
    figure, axes = plt.subplots(figsize=(8.6, 6.6))
    for column, (name, stages) in enumerate(variants.items()):
        layers = sum(map(len, stages)) + 3
        axes.text(column, 1.1, f"{name}\n{layers} layers", ha="center", va="bottom", fontsize=11)
        top = 0.0
        for place, (kernel_sizes, number) in enumerate(zip(stages, filters, strict=True)):
            for row, size in enumerate(kernel_sizes):
                lrn = " + LRN" if name in normalised and place == 0 and row == 0 else ""
                colour = PURPLE if size == 1 else _STAGE_COLOURS[place]
                _box(axes, column, top - row, f"{size}×{size}, {number}{lrn}", colour)
            top -= deepest[place]
            axes.plot([column - 0.44, column + 0.44], [top + 0.42] * 2, color="black", linewidth=2.5)
            top -= 0.35
        for row, units in enumerate((4096, 4096, 1000)):
            _box(axes, column, top - row, f"dense {units}", GREY)
    axes.set(xlim=(-0.6, len(variants) - 0.4), ylim=(top - 2.7, 2.6))
    axes.axis("off")
    handles = [Patch(facecolor=_pale(PURPLE), edgecolor=PURPLE, label="1×1 convolution")]
    handles += [plt.Line2D([], [], color="black", linewidth=2.5, label="2×2 pooling")]
    handles += [Patch(facecolor=_pale(GREY), edgecolor=GREY, label="dense")]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _pale(colour: str):
    return (*(int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)), 0.3)


def _box(axes, x: float, y: float, words: str, colour: str) -> None:
    axes.add_patch(Rectangle((x - 0.44, y - 0.42), 0.88, 0.84, facecolor=_pale(colour), edgecolor=colour))
    axes.text(x, y, words, ha="center", va="center", fontsize=9)
