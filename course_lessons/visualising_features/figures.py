"""Figures of lesson 26 that no other lesson needs: what trained units answer to, and what an answer rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Patch, Rectangle

from course_lib.plots import BLUE, CYCLE, DIVERGING, GREEN, GREY, ORANGE, VERMILION, YELLOW
from course_lib.plots.charts import WIDEST
from course_lib.plots.images import broken, draw_image, frame, tile


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
    for spot, image, (top, left, bottom, right) in zip(sheet, images, boxes.tolist(), strict=True):
        height, width = round((bottom - top) * scale), round((right - left) * scale)
        rows = top + (np.arange(height) / scale).astype(int).clip(0, bottom - top - 1)
        columns = left + (np.arange(width) / scale).astype(int).clip(0, right - left - 1)
        down, across = (TILE - height) // 2, (TILE - width) // 2
        spot[down : down + height, across : across + width] = np.clip(image[rows][:, columns], 0, 1)
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


HEAT = "inferno"  # for what is never negative: black is zero, and lightness alone tells the order


# Maps


def maps(images, columns: dict[str, np.ndarray], titles: Sequence[str] | None = None, masks=None) -> Figure:
    """A row for each picture: the picture, and its map by each method, each from 0 to its own highest value.

    columns: method -> (batch, height, width); titles are written beside the rows; masks outline the object everywhere.
    """
    rows, number = len(images), 1 + len(columns)
    size = min(1.5, WIDEST / number)
    figure, all_axes = plt.subplots(
        rows, number, figsize=(size * number, size * rows + 0.45), squeeze=False, layout="constrained"
    )
    for row, axes_row in enumerate(all_axes):
        draw_image(axes_row[0], images[row])
        for axes, values in zip(axes_row[1:], columns.values(), strict=True):
            _heat(axes, values[row])
        for axes in axes_row:
            if masks is not None:
                _outline(axes, masks[row])
        if titles is not None:
            axes_row[0].set_ylabel(titles[row], fontsize=10)
    for axes, name in zip(all_axes[0], ["picture", *columns], strict=True):
        axes.set_title(broken(name), fontsize=10)
    return figure


def segments(images, values, marked, masks, truths, scores: Sequence[float]) -> Figure:
    """A row for each picture: picture, map, seeds, what is cut out, and the true mask with the IoU."""
    names = ("picture", "map", "seeds", "cut out", "true mask")
    figure, all_axes = plt.subplots(
        len(images), 5, figsize=(8, 1.6 * len(images) + 0.5), squeeze=False, layout="constrained"
    )
    for row, axes_row in enumerate(all_axes):
        draw_image(axes_row[0], images[row])
        _heat(axes_row[1], values[row])
        grey = np.repeat(0.35 + 0.5 * images[row].mean(axis=-1, keepdims=True), 3, axis=-1)
        for seed, colour in ((1, VERMILION), (2, BLUE)):
            grey[marked[row] == seed] = plt.matplotlib.colors.to_rgb(colour)
        axes_row[2].imshow(grey, vmin=0, vmax=1)
        white = np.where(masks[row][..., None], images[row], 1.0)
        axes_row[3].imshow(np.clip(np.broadcast_to(white, (*white.shape[:2], 3)), 0, 1))
        axes_row[4].imshow(truths[row], cmap="gray", vmin=0, vmax=1)
        for axes in axes_row[2:]:
            frame(axes)
        axes_row[4].set_xlabel(f"IoU {scores[row]:.2f}", fontsize=10)
    for axes, name in zip(all_axes[0], names, strict=True):
        axes.set_title(name, fontsize=10)
    handles = [Patch(color=VERMILION, label="seeds of the object"), Patch(color=BLUE, label="seeds of the ground")]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def occlusion_panels(image, occlusion, names: Sequence[str]) -> Figure:
    """The picture; and for every place of the square the probability of the watched class, and the class that wins.

    occlusion: of `occlusion.occlusion`, beside this file; names: of all classes. The panels are as fine as the places
    are many.
    """
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(WIDEST, 3.1), layout="constrained")
    draw_image(left, image)
    left.set_title(f"{names[occlusion.label]}: {occlusion.before:.0%}", fontsize=11)

    drawn = middle.imshow(occlusion.probability, cmap=HEAT, vmin=0, vmax=1)
    bar = figure.colorbar(drawn, ax=middle, fraction=0.046, pad=0.03)
    bar.ax.tick_params(labelsize=9)
    middle.set_title(f"probability of “{names[occlusion.label]}”", fontsize=11)

    winners = np.unique(occlusion.most_probable)
    ordered = [occlusion.label, *(winner for winner in winners if winner != occlusion.label)]
    colours = [BLUE, ORANGE, GREEN, VERMILION, YELLOW, "#CC79A7", "#56B4E9", GREY, "#000000"]
    places = np.searchsorted(np.sort(ordered), occlusion.most_probable)
    codes = np.argsort(np.argsort(ordered))  # the place of each of `ordered` among the sorted
    ranks = np.argsort(codes)[places]
    shown = [colours[place % len(colours)] for place in range(len(ordered))]
    norm = BoundaryNorm(np.arange(len(ordered) + 1) - 0.5, len(ordered))
    right.imshow(ranks, cmap=ListedColormap(shown), norm=norm, interpolation="nearest")
    right.set_title("most probable class", fontsize=11)
    handles = [Patch(color=colour, label=names[at]) for at, colour in zip(ordered, shown, strict=True) if at in winners]
    right.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9.5)
    for axes in (middle, right):
        frame(axes)
        axes.set_xlabel("place of the hidden square", fontsize=10)
    return figure


# Layers


def filter_grid(kernels, titles: Sequence[str] | None = None, columns: int = 8) -> Figure:
    """Kernels (filters, height, width, channels) in one scale for all.

    With three channels each is a picture in colour, grey being zero; with another number, a row for each filter and a
    column for each channel: blue negative, white zero, red positive.
    """
    kernels = np.asarray(kernels)
    reach = max(float(np.abs(kernels).max()), 1e-12)
    if kernels.shape[-1] == 3 or kernels.shape[-1] == 1:
        columns = min(columns, len(kernels))
        rows = -(-len(kernels) // columns)
        size = min(0.95, WIDEST / columns)
        high = size + (0.22 if titles is not None else 0)
        figure, all_axes = plt.subplots(
            rows, columns, figsize=(size * columns, high * rows), squeeze=False, layout="constrained"
        )
        for place, axes in enumerate(all_axes.flat):
            frame(axes, visible=place < len(kernels))
            if place >= len(kernels):
                axes.axis("off")
            elif kernels.shape[-1] == 3:
                axes.imshow(0.5 + 0.5 * kernels[place] / reach)
            else:
                axes.imshow(kernels[place, :, :, 0], cmap=DIVERGING, vmin=-reach, vmax=reach)
            if titles is not None and place < len(kernels):
                axes.set_title(titles[place], fontsize=9)
        return figure
    filters, _, _, channels = kernels.shape
    size = min(0.6, (WIDEST - 0.8) / channels)
    figure, all_axes = plt.subplots(
        filters, channels, figsize=(size * channels + 0.8, size * filters + 0.6), squeeze=False, layout="constrained"
    )
    for row, axes_row in enumerate(all_axes):
        for channel, axes in enumerate(axes_row):
            axes.imshow(kernels[row, :, :, channel], cmap=DIVERGING, vmin=-reach, vmax=reach)
            frame(axes)
        label = titles[row] if titles is not None else f"filter {row}"
        axes_row[0].set_ylabel(label, fontsize=9, rotation=0, ha="right", va="center")
    figure.supxlabel("a column for each input channel", fontsize=10)
    return figure


def filters_over_time(kernels: dict[str, np.ndarray], scores: Sequence[float], what: str) -> Figure:
    """The same filters at several moments of training, a row for each, beside a number: their smoothness, say."""
    number = min(12, min(map(len, kernels.values())))
    figure, all_axes = plt.subplots(
        len(kernels),
        number,
        figsize=(0.62 * number + 1.4, 0.66 * len(kernels) + 0.2),
        squeeze=False,
        layout="constrained",
    )
    for axes_row, (name, grid), score in zip(all_axes, kernels.items(), scores, strict=True):
        reach = max(float(np.abs(grid).max()), 1e-12)
        for axes, kernel in zip(axes_row, grid, strict=False):
            colour = kernel.shape[-1] == 3
            axes.imshow(0.5 + 0.5 * kernel / reach if colour else kernel[..., 0], cmap="gray")
            frame(axes)
        label = f"{name}\n{what} {score:.2f}"
        axes_row[0].set_ylabel(label, fontsize=9.5, rotation=0, ha="right", va="center")
    return figure


def activation_grid(image, stages: dict[str, np.ndarray], most: int = 16) -> Figure:
    """A picture, and maps of some layers, layer -> (height, width, filters): the first `most`, one scale a layer."""
    side = min(3.4, (WIDEST - 1.6) / len(stages) - 0.15)
    figure, all_axes = plt.subplots(
        1,
        1 + len(stages),
        figsize=(1.7 + (side + 0.15) * len(stages), side + 0.65),
        width_ratios=[1.4] + [side] * len(stages),
        layout="constrained",
    )
    figure.get_layout_engine().set(wspace=0.06)
    draw_image(all_axes[0], image)
    all_axes[0].set_title("picture", fontsize=11)
    for axes, (name, values) in zip(all_axes[1:], stages.items(), strict=True):
        height, width, number = values.shape
        shown = values[:, :, :most]
        axes.imshow(tile(shown), cmap=HEAT, vmin=0, vmax=max(float(shown.max()), 1e-12))
        axes.axis("off")
        axes.set_title(f"{name}: {number} maps of {height}×{width}\n{np.mean(values == 0):.0%} zeros", fontsize=11)
    return figure


# Neighbours


def neighbour_panels(queries, images, spaces: dict[str, np.ndarray], query_labels, labels, names) -> Figure:
    """Queries and their nearest, space -> int (queries, k): framed green if of its class, else dashed and red."""
    k = next(iter(spaces.values())).shape[1]
    columns = 1 + sum(found.shape[1] for found in spaces.values())
    size = (WIDEST - 0.4) / (columns + 0.4 * len(spaces))
    widths = [1.0]
    for found in spaces.values():
        widths += [0.25] + [1.0] * found.shape[1]
    figure, all_axes = plt.subplots(
        len(queries),
        len(widths),
        figsize=(WIDEST, (size + 0.12) * len(queries) + 0.55),
        width_ratios=widths,
        squeeze=False,
        layout="constrained",
    )
    for row, axes_row in enumerate(all_axes):
        draw_image(axes_row[0], queries[row])
        axes_row[0].set_xlabel(names[query_labels[row]], fontsize=9)
        place = 1
        for space, found in spaces.items():
            axes_row[place].axis("off")
            for step, index in enumerate(found[row]):
                axes = axes_row[place + 1 + step]
                draw_image(axes, images[index])
                agrees = labels[index] == query_labels[row]
                axes.spines[:].set(
                    color=GREEN if agrees else VERMILION, linewidth=2.5, linestyle="-" if agrees else "--"
                )
                if row == 0 and step == k // 2:
                    axes.set_title(f"nearest by {space}", fontsize=11)
            place += 1 + found.shape[1]
    all_axes[0][0].set_title("query", fontsize=11)
    handles = [
        Patch(fill=False, edgecolor=GREEN, linewidth=2.5, label="same class"),
        Patch(fill=False, edgecolor=VERMILION, linewidth=2.5, linestyle="--", label="another class"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def embeddings(points: dict[str, np.ndarray], labels, names: Sequence[str]) -> Figure:
    """Flat maps of the same examples side by side: title -> (n, 2); colour and mark tell the class."""
    figure, all_axes = plt.subplots(
        1, len(points), figsize=(min(WIDEST, 4.4 * len(points)), 3.9), squeeze=False, layout="constrained"
    )
    colours, marks = [*CYCLE, GREY, YELLOW, "#882255"], "osD^vP*Xph"
    for axes, (title, places) in zip(all_axes[0], points.items(), strict=True):
        for label, name in enumerate(names):
            own = places[np.asarray(labels) == label]
            axes.scatter(
                *own.T, s=14, color=colours[label % 10], marker=marks[label % 10], alpha=0.75, linewidths=0, label=name
            )
        axes.set_title(title, fontsize=11)
        frame(axes)
    handles, words = all_axes[0][0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside lower center", ncols=min(len(names), 6), markerscale=1.6)
    return figure


def picture_map(points, images, size: float = 0.32, title: str = "") -> Figure:
    """Pictures at their places (n, 2) of a flat map, `size` inches wide; one that would cover another is left out."""
    points = np.asarray(points, float)
    span = np.maximum(np.ptp(points, axis=0), 1e-12)
    inches = (points - points.min(axis=0)) / span * (WIDEST - size - 0.3, 6.5 - size)
    figure, axes = plt.subplots(figsize=(WIDEST, 7.0), layout="constrained")
    axes.set(xlim=(-size, WIDEST - 0.3), ylim=(-size, 6.5))
    shown: list[np.ndarray] = []
    for place, image in zip(inches, images, strict=True):
        if any(np.abs(place - other).max() < 0.8 * size for other in shown):
            continue
        shown.append(place)
        picture = OffsetImage(np.clip(np.squeeze(image), 0, 1), zoom=72 * size / image.shape[1], cmap="gray")
        axes.add_artist(AnnotationBbox(picture, place, pad=0, bboxprops={"linewidth": 0.3, "edgecolor": GREY}))
    frame(axes)
    if title:
        axes.set_title(title)
    return figure


# What they share


def _heat(axes, values) -> None:
    colours = plt.get_cmap(HEAT, 12)  # few, as the file of a faint noise would be huge
    axes.imshow(values, cmap=colours, vmin=0, vmax=max(float(np.max(values)), 1e-12), interpolation="nearest")
    frame(axes)


def _outline(axes, mask) -> None:
    """The edge of a mask, light on dark, so that it is seen on any ground."""
    if mask.any() and not mask.all():
        axes.contour(mask, levels=[0.5], colors=["#000000"], linewidths=2.2)
        axes.contour(mask, levels=[0.5], colors=["#ffffff"], linewidths=1.1)
