"""Figures of lesson 26 that no other lesson needs: what trained units answer to, and what an answer rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.plots import BLUE, CYCLE, GREEN, GREY, ORANGE, charts


def curves(
    x, runs: dict[str, np.ndarray], xlabel: str, ylabel: str, *, log: bool = False, chance: dict | None = None
) -> Figure:
    """Curves with the spread of their seeds: label -> (len(x), seeds). `x` may be words, the names of layers.

    log: a logarithmic x axis; chance: words -> a height that luck alone reaches.
    """
    figure, axes = plt.subplots(figsize=(6.0, 2.5), layout="constrained")
    named = isinstance(x[0], str)
    places = np.arange(len(x)) if named else np.asarray(x)
    for (label, values), colour, style in zip(runs.items(), CYCLE, ("-", "--", "-.", ":"), strict=False):
        values = np.asarray(values, float).reshape(len(places), -1)
        charts.spread(axes, places, values, label, color=colour, linestyle=style)
    for (words, height), style in zip((chance or {}).items(), ("--", ":"), strict=False):
        axes.axhline(height, color=GREY, linestyle=style, linewidth=1.4, label=words)
    if named:
        axes.set_xticks(places, x)
    if log:
        axes.set_xscale("log")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def swapped(scores: dict[str, dict[str, Sequence[float]]], chance: float) -> Figure:
    """Right answers of networks on several tests, network -> test -> seeds: bars, with a dot for each seed."""
    tests = list(next(iter(scores.values())))
    figure, axes = plt.subplots(figsize=(6.0, 2.5), layout="constrained")
    width = 0.8 / len(scores)
    for place, ((network, results), colour) in enumerate(zip(scores.items(), (BLUE, ORANGE, GREEN), strict=False)):
        where = np.arange(len(tests)) + (place - (len(scores) - 1) / 2) * width
        axes.bar(where, [np.mean(results[test]) for test in tests], 0.92 * width, color=colour, label=network)
        for left, test in zip(where, tests, strict=True):
            axes.plot(np.full(len(results[test]), left), results[test], "o", color="black", markersize=4)
    axes.axhline(chance, color=GREY, linestyle="--", linewidth=1.4, label="guessing")
    axes.set(ylim=(0, 1.05), ylabel="right answers", xlabel="grounds of the test pictures")
    axes.set_xticks(np.arange(len(tests)), tests)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def strongest_sheet(images, units: dict[str, tuple]) -> Figure:
    """For every unit the patches it answers to most, and below each what of it made the answer, grey being nothing.

    units: name -> (`Strongest`, projection (k, height, width, channels) of those images); see `course_lib.explain`.
    """
    number = len(next(iter(units.values()))[0].indices)
    size, label, gap = 0.68, 1.35, 0.12
    height = (2 * size + gap) * len(units)
    figure, all_axes = plt.subplots(
        len(units), 1, figsize=(size * number + label, height), layout="none", squeeze=False
    )
    figure.subplots_adjust(label / figure.get_figwidth(), 0, 1, 1, hspace=gap / (2 * size))
    for (name, (found, signals)), axes in zip(units.items(), all_axes[:, 0], strict=True):
        strongest_signal = np.abs(signals).max(axis=(1, 2, 3), keepdims=True)
        grey = 0.5 + np.round(5 * signals / np.maximum(strongest_signal, 1e-12)) / 10
        tiles = [_tiles(stack, found.boxes) for stack in (images[found.indices], grey)]
        sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in tiles], axis=0)
        axes.imshow(sheet, interpolation="nearest")
        axes.set(xticks=[])
        axes.set_yticks([TILE / 2, TILE * 3 / 2], [f"{name}: patch", "projected back"], fontsize=9.5)
        axes.tick_params(axis="y", length=0)
        axes.spines[:].set_visible(False)
    return figure


TILE = 68  # pixels that a patch takes on the sheet, its white edge with it


def _tiles(images, boxes) -> np.ndarray:
    """The boxes of the images, one scale for all, each in the middle of a white tile."""
    sheet = np.ones((len(images), TILE, TILE, 3))
    scale = (TILE - 4) / max(max(bottom - top, right - left) for top, left, bottom, right in boxes.tolist())
    for tile, image, (top, left, bottom, right) in zip(sheet, images, boxes.tolist(), strict=True):
        height, width = round((bottom - top) * scale), round((right - left) * scale)
        rows = top + (np.arange(height) / scale).astype(int).clip(0, bottom - top - 1)
        columns = left + (np.arange(width) / scale).astype(int).clip(0, right - left - 1)
        down, across = (TILE - height) // 2, (TILE - width) // 2
        tile[down : down + height, across : across + width] = np.clip(image[rows][:, columns], 0, 1)
    return sheet


class Hide:
    """A grey square to move over pictures, and what the network says: `draw` is for sliders.

    predict: pictures (batch, height, width, channels) -> probabilities (batch, classes)
    """

    def __init__(self, predict: Callable, images, names: Sequence[str]):
        self.predict, self.images, self.names = predict, np.asarray(images), names

    def draw(self, number: int = 0, top: int = 24, left: int = 24, size: int = 12) -> Figure:
        """The picture with the square, and the probabilities of all classes before and after."""
        image = self.images[number]
        height, width = image.shape[:2]
        top, left = min(top, height - size), min(left, width - size)
        hidden = image.copy()
        hidden[top : top + size, left : left + size] = 0.5
        before, after = self.predict(np.stack([image, hidden]))

        figure, (first, second) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
        first.imshow(np.clip(hidden, 0, 1))
        first.add_patch(Rectangle((left - 0.5, top - 0.5), size, size, fill=False, edgecolor="white", linewidth=1.5))
        first.set(xticks=[], yticks=[])
        first.set_title(f"now: {self.names[after.argmax()]}, {after.max():.0%}")
        places = np.arange(len(self.names))
        second.barh(places - 0.2, before, 0.4, color=GREY, label="nothing hidden")
        second.barh(places + 0.2, after, 0.4, color=BLUE, label="with the square")
        second.set(xlim=(0, 1), xlabel="probability", ylim=(len(self.names) - 0.4, -0.6))
        second.set_yticks(places, self.names)
        second.legend(loc="upper center", bbox_to_anchor=(0.5, 1.17), ncols=2)
        return figure
