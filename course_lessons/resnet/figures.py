"""Depth, and what a shortcut does about it: pictures that pass through layers, drawings. See lesson 21."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib import data, layers
from course_lib.plots import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, YELLOW

SIZE_COLOURS = {224: GREY, 112: PURPLE, 56: SKY, 28: GREEN, 14: ORANGE, 7: VERMILION, 1: YELLOW}


# A picture on its way through layers that have learnt nothing yet


def passing(blocks: int = 10, shortcut: float = 0.0, seed: int = 0) -> Figure:
    """A photograph, and the same behind so many random blocks, each of which adds `shortcut` times its input."""
    figure, all_axes = plt.subplots(1, 2, figsize=(5.6, 2.9))
    pictures = {"before": _photograph(), f"after {blocks} blocks": _passed(blocks, shortcut, seed)}
    for axes, (title, picture) in zip(all_axes, pictures.items(), strict=True):
        _picture(axes, picture, title)
    return figure


def passing_sheet(numbers: Iterable[int], shortcuts: dict[str, float], seed: int = 0) -> Figure:
    """The same photograph behind several numbers of blocks, one row for each kind of network."""
    numbers = list(numbers)
    figure, all_axes = plt.subplots(
        len(shortcuts), len(numbers), figsize=(1.65 * len(numbers), 1.85 * len(shortcuts)), squeeze=False
    )
    for row, (kind, shortcut) in zip(all_axes, shortcuts.items(), strict=True):
        for axes, blocks in zip(row, numbers, strict=True):
            _picture(axes, _passed(blocks, shortcut, seed), f"{blocks} block{'s' * (blocks != 1)}")
        row[0].text(-0.08, 0.5, kind, rotation=90, ha="right", va="center", transform=row[0].transAxes, fontsize=11)
    return figure


def _picture(axes, picture, title):
    low, high = np.quantile(picture, [0.01, 0.99])
    axes.imshow(picture, vmin=low, vmax=max(high, low + 1e-9))
    axes.set_title(title, fontsize=11)
    axes.axis("off")


@cache
def _photograph() -> np.ndarray:
    """A cat of 60 by 60 grey pixels."""
    grey = data.photos()["cat"].mean(axis=2)
    step = min(grey.shape) // 60
    top, left = (np.array(grey.shape) - 60 * step) // 2
    return grey[top : top + 60 * step, left : left + 60 * step].reshape(60, step, 60, step).mean(axis=(1, 3))


@cache
def _passed(blocks: int, shortcut: float, seed: int, channels: int = 8) -> np.ndarray:
    """The mean of the maps behind one convolution and so many blocks of two; behind none, the photograph itself."""
    if not blocks:
        return _photograph()
    rng = np.random.default_rng(seed)
    x = np.maximum(_normalised_convolution(_photograph()[None, :, :, None], channels, rng), 0)
    for _ in range(blocks):
        y = np.maximum(_normalised_convolution(x, channels, rng), 0)
        x = np.maximum(_normalised_convolution(y, channels, rng) + shortcut * x, 0)
    return x[0].mean(axis=2)


def _normalised_convolution(x, channels, rng):
    y = layers.Conv2D(x.shape[-1], channels, 3, rng, padding="same").forward(x)
    return (y - y.mean(axis=(0, 1, 2))) / (y.std(axis=(0, 1, 2)) + 1e-5)


# Drawings


def towers(anatomies: dict) -> Figure:
    """Networks side by side, title -> anatomy: a box for each layer with weights, pooling in dashes.

    Boxes stand level where the maps are as large. Arcs are the shortcuts of a residual network: solid where they keep
    the shape, dotted where they change it.
    """
    columns = [_boxes(anatomy) for anatomy in anatomies.values()]
    sizes = sorted({size for boxes, _ in columns for size, *_ in boxes}, reverse=True)
    heights = {size: max(sum(box[0] == size for box in boxes) for boxes, _ in columns) for size in sizes}
    tops = dict(zip(sizes, np.cumsum([0, *(heights[size] + 0.6 for size in sizes)]), strict=False))
    total = sum(heights.values()) + 0.6 * len(sizes)
    figure, axes = plt.subplots(figsize=(8.6, 0.205 * total + 0.5))
    for size in sizes:
        axes.text(-0.12, tops[size] + heights[size] / 2, f"{size}×{size}", ha="right", va="center", fontsize=9.5)
        axes.axhline(tops[size] - 0.3, color=GREY, alpha=0.35, linewidth=0.8)
    for column, (title, (boxes, shortcuts)) in enumerate(zip(anatomies, columns, strict=True)):
        left, places, used = 1.3 * column, {}, dict.fromkeys(sizes, 0)
        axes.text(left + 0.45, -0.9, title, ha="center", fontsize=11)
        for size, name, words, is_pool in boxes:
            y = tops[size] + used[size]
            used[size] += 1
            places[name] = y + 0.4
            look = {"facecolor": "white", "linestyle": "--"} if is_pool else {"facecolor": SIZE_COLOURS.get(size, SKY)}
            axes.add_patch(Rectangle((left, y), 0.9, 0.8, edgecolor=BLACK, linewidth=0.6, alpha=0.75, **look))
            axes.text(left + 0.45, y + 0.42, words, ha="center", va="center", fontsize=7.5)
        for start, end, projects in shortcuts:
            style = {"arrowstyle": "-|>", "mutation_scale": 7, "linewidth": 1, "linestyle": ":" if projects else "-"}
            style |= {"connectionstyle": "arc3,rad=-0.55", "color": VERMILION if projects else BLACK}
            ends = (left + 0.9, places[end]), (left + 0.9, places[start])
            axes.annotate("", *ends, arrowprops={**style, "shrinkA": 0, "shrinkB": 0})
    axes.set(xlim=(-0.45, 1.3 * len(columns)), ylim=(total, -1.4))
    axes.axis("off")
    return figure


def _boxes(anatomy):
    """Boxes (size of the maps, name, words, whether it pools) along the main path, and shortcuts (from, to, dashed)."""
    boxes, shortcuts, opened, projects = [], [], {}, set()
    for row in anatomy:
        block = re.match(r"(.+_block\d+)_", row.name)
        if re.search(r"_0_(conv|bn|pad)$", row.name):
            projects.add(block[1])
        elif row.role == "join":
            shortcuts.append((opened[block[1]], boxes[-1][1], block[1] in projects))
        elif row.weight_layers or row.role == "pooling":
            if block and block[1] not in opened:
                opened[block[1]] = boxes[-1][1]
            side = row.shape[0] if len(row.shape) == 3 else 1
            words = f"{row.window}, {row.shape[-1]}" if row.window else f"{row.shape[-1]}"
            if row.role == "dense":
                words = f"dense, {row.shape[-1]}"
            elif row.role == "pooling":
                words = f"pool {row.window}".strip() if len(row.shape) == 3 else "global average"
            boxes.append((side, row.name, words, row.role == "pooling"))
    return boxes, shortcuts


def revolution(networks: dict[str, tuple[int, float]]) -> Figure:
    """Two panels of bars: the depth of each network, and its error. Words -> (layers with weights, per cent)."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.8, 3.2))
    depths, errors = zip(*networks.values(), strict=True)
    for axes, values, colour, ylabel, form in (
        (left, depths, BLUE, "layers with weights", "{:g}"),
        (right, errors, VERMILION, "top-5 error, reported", "{:g} %"),
    ):
        axes.bar(list(networks), values, color=colour, width=0.6)
        axes.bar_label(axes.containers[0], fmt=form, padding=2)
        axes.set(ylabel=ylabel, ylim=(0, 1.12 * max(values)))
        axes.tick_params(axis="x", labelsize=9)
    return figure


def leads(shares: dict[str, float]) -> Figure:
    """Lying bars, each with its per cent."""
    figure, axes = plt.subplots(figsize=(6.4, 0.45 * len(shares) + 0.9))
    axes.barh(list(shares), list(shares.values()), color=BLUE, height=0.6)
    axes.bar_label(axes.containers[0], fmt="{:g} %", padding=4)
    axes.invert_yaxis()
    axes.set(xlabel="lead over the runner-up, per cent, as reported", xlim=(0, max(shares.values()) * 1.15))
    return figure
