"""How a network reads a digit: maps through its layers, answers under strain, the neocognitron. See lesson 13."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, Rectangle

from course_lib.plots import BLUE, DIVERGING, GREY, ORANGE, VERMILION
from course_lib.plots.images import frame, tile


def passage(stages: dict[str, np.ndarray]) -> Figure:
    """One picture on its way through a network, left to right; the last stage is its ten probabilities.

    A stage `(height, width, maps)` becomes a sheet of its maps, a vector becomes a strip. Dark is a strong answer.
    """
    *inner, (last, probabilities) = stages.items()
    widths = [1 if values.ndim == 3 else 0.2 for _, values in inner] + [0.8]
    figure, all_axes = plt.subplots(1, len(stages), figsize=(9, 2.3), width_ratios=widths)
    for axes, (name, values) in zip(all_axes, inner, strict=False):
        if values.ndim == 3:
            height, width, maps = values.shape
            title = f"{name}\n{maps} of {height}×{width}" if maps > 1 else f"{name}\n{height}×{width}"
            axes.imshow(tile(values), cmap="gray_r", vmin=0, vmax=values.max())
        else:
            title = f"{name}\n{len(values)}"
            axes.imshow(values[:, None], cmap="gray_r", aspect="auto", vmin=0, vmax=values.max())
            axes.set_box_aspect(5)
        frame(axes)
        axes.set_title(title, fontsize=10)
    _probability_bars(all_axes[-1], {"": probabilities})
    all_axes[-1].set_box_aspect(1.25)
    all_axes[-1].set_title(f"{last}\n{len(probabilities)}", fontsize=10)
    return figure


def stacks(stages: dict[str, np.ndarray], answer: str) -> Figure:
    """A network drawn with what its planes hold: every layer a stack of its maps, in one scale; vectors as columns.

    stages: name -> `(height, width, maps)` or `(units,)`; the first is the picture. `answer` is written at the end.
    """
    figure, axes = plt.subplots(figsize=(9, 2.5))
    left = 0.0
    for name, values in stages.items():
        if values.ndim == 3:
            height, width, maps = values.shape
            step = 3.0 if maps <= 6 else 1.6
            values = values[:, :, np.argsort(values.sum(axis=(0, 1)))]  # the strongest map in front
            for place in range(maps):
                x, y = left + step * place, 6 - step * place
                extent = (x, x + width, y - height / 2, y + height / 2)  # y grows upwards
                picture = values[:, :, place]
                scale = max(float(picture.max()), 1e-6)
                axes.imshow(picture / scale, cmap="gray_r", extent=extent, vmin=0, vmax=1, zorder=place)
                border = Rectangle((x, y - height / 2), width, height, fill=False, lw=0.6, zorder=place)
                axes.add_patch(border)
            right, size = left + step * (maps - 1) + width, f"{height}×{width}"
            name = f"{name}\n{maps} of" if maps > 1 else name
        else:
            height = 0.42 * len(values) if len(values) > 10 else 18
            extent = (left, left + 4, -height / 2, height / 2)
            axes.imshow(values[:, None], cmap="gray_r", extent=extent, vmin=min(0, values.min()), aspect="auto")
            axes.add_patch(Rectangle((left, -height / 2), 4, height, fill=False, lw=0.6))
            right, size = left + 4, str(len(values))
        axes.text((left + right) / 2, 28, f"{name}\n{size}", ha="center", va="bottom", fontsize=10)
        left = right + 8
    axes.text(left - 3, 0, f"“{answer}”", fontsize=18, ha="left", va="center")
    axes.set(xlim=(-3, left + 9), ylim=(-27, 43), aspect="equal")
    axes.axis("off")
    return figure


def one_level(image, kernels, sums, activated, pooled) -> Figure:
    """One level of a CNN, a row for each filter: input, kernel, weighted sums, what ReLU leaves, what pooling keeps.

    image `(height, width)`; kernels `(size, size, filters)`; the others `(rows, columns, filters)`.
    """
    filters = kernels.shape[-1]
    figure, all_axes = plt.subplots(filters, 5, figsize=(8, 1.55 * filters + 0.3), width_ratios=(1, 0.5, 1, 1, 0.8))
    reach, weight = np.abs(sums).max(), np.abs(kernels).max()
    for row, place in zip(all_axes, range(filters), strict=True):
        row[0].imshow(image, cmap="gray_r", vmin=0, vmax=1)
        row[1].imshow(kernels[:, :, place], cmap=DIVERGING, vmin=-weight, vmax=weight)
        row[2].imshow(sums[:, :, place], cmap=DIVERGING, vmin=-reach, vmax=reach)
        row[3].imshow(activated[:, :, place], cmap=DIVERGING, vmin=-reach, vmax=reach)
        row[4].imshow(pooled[:, :, place], cmap=DIVERGING, vmin=-reach, vmax=reach)
        row[0].set_ylabel(f"filter {place + 1}", fontsize=10)
        for axes in row:
            frame(axes)
    titles = ("input", "kernel", "weighted sums", "after ReLU", "after pooling")
    shapes = (image.shape, kernels.shape, sums.shape, activated.shape, pooled.shape)
    for axes, title, shape in zip(all_axes[0], titles, shapes, strict=True):
        axes.set_title(f"{title}\n{shape[0]}×{shape[1]}", fontsize=10)
    return figure


def strained(images, answers, label: int, kinds: dict[str, Sequence[float]]) -> Figure:
    """One digit under strain: a row for each kind, a column for each amount, and what was read; red where wrong.

    images `(kinds, amounts, height, width)`, answers `(kinds, amounts)`.
    """
    rows, columns = answers.shape
    figure, all_axes = plt.subplots(rows, columns, figsize=(1.45 * columns + 1.6, 0.95 * rows), layout="constrained")
    for row, (kind, amounts) in enumerate(kinds.items()):
        for column, amount in enumerate(amounts):
            axes, answer = all_axes[row, column], answers[row, column]
            right = answer == label
            axes.imshow(images[row, column], cmap="gray_r", vmin=0, vmax=1)
            frame(axes)
            axes.text(1.08, 0.62, str(answer), transform=axes.transAxes, fontsize=15, weight="bold",
                      color=BLUE if right else VERMILION)  # fmt: skip
            axes.text(1.08, 0.34, "" if right else "wrong", transform=axes.transAxes, fontsize=9, color=VERMILION)
            axes.text(1.08, 0.06, f"{amount:g}", transform=axes.transAxes, fontsize=9, color="#5c5c5c")
        all_axes[row, 0].set_ylabel(kind, fontsize=11, rotation=0, ha="right", va="center", labelpad=8)
    for words in (words for axes in all_axes.flat for words in axes.texts):
        words.set_in_layout(False)
    figure.get_layout_engine().set(wspace=0.5, hspace=0.06, rect=(0, 0, 0.91, 1))
    return figure


@dataclass
class Strain:
    """Something to play with: strain a digit and watch what each network makes of it.

    `perturb(image, rng, **amounts)` gives the strained picture, `networks[label](images)` the probabilities
    `(images, 10)` of `(images, height, width, 1)`.
    """

    images: np.ndarray
    labels: np.ndarray
    perturb: Callable
    networks: dict[str, Callable]

    def draw(
        self,
        number: int = 0,
        right: int = 0,
        down: int = 0,
        rotation: float = 0.0,
        scale: float = 1.0,
        squeeze: float = 1.0,
        stroke: float = 0.0,
        noise: float = 0.0,
    ) -> Figure:
        """Picture `number` under all these strains at once, and the probabilities."""
        amounts = {"right": right, "down": down, "rotation": rotation, "scale": scale, "squeeze": squeeze}
        amounts |= {"stroke": stroke, "noise": noise}
        picture = self.perturb(self.images[number].squeeze(), np.random.default_rng(0), **amounts)
        figure, (left, bars) = plt.subplots(1, 2, figsize=(7, 3), width_ratios=(1, 1.5))
        left.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
        left.set(xticks=[], yticks=[], title=f"a {self.labels[number]}")
        batch = picture[None, :, :, None].astype(np.float32)
        _probability_bars(bars, {label: network(batch)[0] for label, network in self.networks.items()})
        return figure


def _probability_bars(axes, probabilities: dict[str, np.ndarray]) -> None:
    """Ten bars, one below the other, for every label."""
    thickness = 0.8 / len(probabilities)
    hatches = zip(probabilities.items(), (BLUE, ORANGE), ("", "//"), strict=False)
    for place, ((label, values), colour, hatch) in enumerate(hatches):
        heights = np.arange(10) + (place - (len(probabilities) - 1) / 2) * thickness
        axes.barh(heights, values, height=thickness, color=colour, hatch=hatch, edgecolor="white", label=label)
    axes.set(yticks=range(10), xlim=(0, 1), xticks=(0, 0.5, 1), xlabel="probability")
    axes.invert_yaxis()
    if len(probabilities) > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(0, 1.2), ncols=2, fontsize=9)


# The hierarchy of Hubel and Wiesel, and the layers that Fukushima set beside it in 1980.
_CORTEX = ("retina", "simple\ncells", "complex\ncells", "lower-order\nhypercomplex", "higher-order\nhypercomplex",
           "?", "grand-\nmother cell?")  # fmt: skip


def neocognitron(stages: dict[str, np.ndarray], sees: Sequence[int], reach: Sequence[int], names: Sequence[str]):
    """The visual hierarchy above, the planes of a neocognitron below, with wires from a cell to what it reads.

    stages: seven layers, `(height, width, planes)`, the first the picture, the last `(1, cells)`. In each
    layer the square of `sees[layer]` cells is marked that one cell of the next layer reads; `reach` is the side of
    what a cell sees of the picture, in pixels. `names` are digits for the last cells.
    """
    sizes = {"height_ratios": (0.3, 1), "width_ratios": [1] * 6 + [0.7]}
    figure, all_axes = plt.subplots(2, 7, figsize=(9, 2.75), **sizes)
    for axes, words in zip(all_axes[0], _CORTEX, strict=True):
        axes.text(0.5, 0.5, words, ha="center", va="center", fontsize=9)
        frame(axes)
    shapes = [planes.shape for planes in stages.values()]
    for place, (axes, (name, planes)) in enumerate(zip(all_axes[1], stages.items(), strict=True)):
        axes.set_title(name, fontsize=11)
        if place == 6:
            _winners(axes, planes[0], names)
            continue
        height, width, number = planes.shape
        frame(axes)
        axes.imshow(planes[:, :, int(planes.max(axis=(0, 1)).argmax())], cmap="gray_r", vmin=0)
        count = f"{number} planes of\n{height}×{width}" if number > 1 else f"the picture,\n{height}×{width}"
        axes.set_xlabel(
            f"{count}\n" + (f"a cell sees\n{reach[place]}×{reach[place]} pixels" if place else "\n"), fontsize=9
        )
        side = sees[place]
        right, top = (width + side) / 2 - 0.5, (height - side) / 2 - 0.5
        axes.add_patch(Rectangle((right - side, top), side, side, fill=False, ec=VERMILION, lw=1.8))
        target = (shapes[place + 1][1] / 2 - 0.5, shapes[place + 1][0] / 2 - 0.5) if place < 5 else (0, 0)
        for corner in (top, top + side):
            wire = ConnectionPatch((right, corner), target, "data", "data", axesA=axes, axesB=all_axes[1, place + 1])
            wire.set(color=VERMILION, linewidth=1.2, linestyle="-" if place % 2 == 0 else ":")
            figure.add_artist(wire)
    return figure


def _winners(axes, answers: np.ndarray, names: Sequence[str], number: int = 5) -> None:
    """The loudest of the last cells, each with the digit it was named after."""
    best = np.argsort(answers)[::-1][:number]
    axes.barh(range(number), answers[best] / answers[best[0]], color=[VERMILION] + [GREY] * (number - 1))
    axes.set_yticks([])
    for place, cell in enumerate(best):
        axes.text(0.5, place, names[cell], ha="center", va="center", color="white", weight="bold")
    axes.set(ylim=(number - 0.5, -0.5), xlim=(0, 1), xticks=[])
    axes.set_box_aspect(1 / 0.7)
    axes.set_xlabel(f"{len(answers)} cells:\nthe loudest,\nwith names\n", fontsize=9)
    axes.spines[:].set_visible(False)
