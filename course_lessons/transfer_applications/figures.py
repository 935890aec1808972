"""Drawings of lesson 25: regimes of freezing, heat maps, boxes, masks, captions and clips."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from course_lessons.transfer_applications import writing
from course_lib.data.drawn_shapes import SHAPE_NAMES
from course_lib.plots import BLACK, BLUE, CYCLE, DIVERGING, GREEN, ORANGE, VERMILION
from course_lib.plots.grids import grid
from course_lib.plots.images import draw_image, frame


def regimes(models: dict) -> Figure:
    """A column for each model: its layers with weights, input below; frozen ones hatched, trained ones in colour."""
    figure, axes = plt.subplots(figsize=(8.4, 3.6))
    for column, (title, model) in enumerate(models.items()):
        layers = [layer for layer in model.layers if layer.weights]
        for row, layer in enumerate(layers):
            look = {"facecolor": ORANGE} if layer.trainable else {"facecolor": "#e4e4e4", "hatch": "///"}
            axes.add_patch(Rectangle((1.3 * column, row), 1, 0.8, edgecolor=BLACK, **look))
            axes.text(
                1.3 * column + 0.5, row + 0.4, f"{layer.name}: {layer.count_params():,}", ha="center", va="center",
                fontsize=10, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
            )  # fmt: skip
        axes.text(1.3 * column + 0.5, len(layers) + 0.1, title, ha="center", fontsize=11)
    axes.set(xlim=(-0.1, 1.3 * len(models) - 0.2), ylim=(-0.1, len(layers) + 0.5))
    axes.axis("off")
    handles = [Patch(facecolor=ORANGE, edgecolor=BLACK, label="trained")]
    handles.append(Patch(facecolor="#e4e4e4", edgecolor=BLACK, hatch="///", label="frozen"))
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def outline(axes, box, colour: str, words: str = "", style: str = "-", width: float = 2.0) -> None:
    """A box (top, left, bottom, right) in pixels, with words at its top."""
    top, left, bottom, right = (float(edge) - 0.5 for edge in box)
    look = {"edgecolor": colour, "linestyle": style, "linewidth": width}
    axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, **look))
    if words:
        axes.text(
            max(left, 0), max(top, 4), words, fontsize=8, va="bottom",
            bbox={"facecolor": "white", "edgecolor": colour, "pad": 1, "linewidth": 1},
        )  # fmt: skip


def faces(photo: np.ndarray, found: dict[str, tuple]) -> Figure:
    """For each way: scores of all windows, proposals on the photo, and what suppression leaves."""
    figure, axes = plt.subplots(len(found), 3, figsize=(7.6, 2.6 * len(found)), squeeze=False)
    for row, (name, (scores, proposals, kept)) in zip(axes, found.items(), strict=True):
        limit = np.abs(scores).max()
        row[0].imshow(scores, cmap=DIVERGING, vmin=-limit, vmax=limit)
        row[0].set_title(f"{name}: scores", fontsize=10)
        frame(row[0])
        for each, boxes, title in ((row[1], proposals, "proposals"), (row[2], kept, "result")):
            draw_image(each, photo)
            each.set_title(f"{len(boxes)} {title}" if title == "proposals" else title, fontsize=10)
            for box in boxes:
                outline(each, box, ORANGE if title == "proposals" else GREEN, width=1 if title == "proposals" else 2.5)
    return figure


def found(scenes, everything: list[tuple], kept: list[tuple], places) -> Figure:
    """Scenes in columns: all boxes; those that suppression leaves, with class and score; the truth, dashed."""
    figure, axes = plt.subplots(2, len(places), figsize=(2.25 * len(places), 4.9), squeeze=False)
    for column, place in zip(axes.T, places, strict=True):
        for each, (boxes, scores, classes), title in (
            (column[0], everything[place], "all boxes"), (column[1], kept[place], "after suppression")
        ):  # fmt: skip
            draw_image(each, scenes.images[place])
            each.set_title(title, fontsize=10)
            for box, score, kind in zip(boxes, scores, classes, strict=True):
                words = f"{SHAPE_NAMES[kind]} {score:.2f}" if each is column[1] else ""
                outline(each, box, "white", width=3)
                outline(each, box, BLACK, words, width=1.4)
        for box in scenes.boxes[place][scenes.labels[place] >= 0]:
            outline(column[1], box, "white", style=":", width=1.6)
    return figure


def covers(counts: dict[str, np.ndarray]) -> Figure:
    """How many inputs reach each output."""
    figure, axes = plt.subplots(1, len(counts), figsize=(3.6 * len(counts), 3.6))
    for each, (title, values) in zip(axes, counts.items(), strict=True):
        grid(each, values, title, limit=4)
    return figure


def masks(images: np.ndarray, truth: np.ndarray, answer: np.ndarray) -> Figure:
    """Pictures, their true class maps, and those that were painted; a colour for each class."""
    colours = ListedColormap(["white", *CYCLE[:6]])
    figure, axes = plt.subplots(3, len(images), figsize=(1.4 * len(images), 4.6))
    for column, image, true, said in zip(axes.T, images, truth, answer, strict=True):
        draw_image(column[0], image)
        for each, values in ((column[1], true), (column[2], said)):
            each.imshow(values, cmap=colours, vmin=-0.5, vmax=6.5, interpolation="nearest")
            frame(each)
    for each, words in zip(axes[:, 0], ("picture", "truth", "painted"), strict=True):
        each.set_ylabel(words, fontsize=10)
    handles = [Patch(facecolor=CYCLE[k], label=name) for k, name in enumerate(SHAPE_NAMES)]
    figure.legend(handles=handles, loc="outside lower center", ncols=6)
    return figure


def captions(images: np.ndarray, truth: np.ndarray, written: dict[str, np.ndarray]) -> Figure:
    """Pictures with a caption from each writer; wrong words in capitals, bold and orange-red."""
    columns, size = 4, 8  # size of the letters, in points; each is 0.602 of it wide
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(9.2, 3.6 * rows), squeeze=False, layout="none")
    figure.subplots_adjust(left=0.01, right=0.99, top=0.99, bottom=0.16, wspace=0.06, hspace=0.5)
    for place, (each, image) in enumerate(zip(axes.flat, images, strict=False)):
        draw_image(each, image)
        look = {"xy": (0, 0), "xycoords": "axes fraction", "textcoords": "offset points", "fontsize": size, "va": "top"}
        line = -6
        for name, words in written.items():
            each.annotate(f"from {name}:", xytext=(0, line), style="italic", **look)
            line -= 1.4 * size
            for part in (slice(0, 3), slice(3, 7)):
                letters = 0
                for word, true in zip(words[place, part], truth[place, part], strict=True):
                    text = writing.WORDS[word] if word == true else writing.WORDS[word].upper()
                    wrong = {} if word == true else {"color": VERMILION, "weight": "bold"}
                    each.annotate(text, xytext=(0.602 * size * letters, line), family="monospace", **wrong, **look)
                    letters += len(text) + 1
                line -= 1.4 * size
    return figure


def clips(films: np.ndarray, by_frame: np.ndarray, by_clip: np.ndarray, names) -> Figure:
    """A row for each clip: its frames, what a single frame says, and what the clip says, as bars."""
    widths = [1] * films.shape[1] + [1.9, 1.9]
    figure, axes = plt.subplots(len(films), len(widths), figsize=(9.2, 1.25 * len(films) + 0.3), width_ratios=widths)
    for number, (row, film, frame_says, clip_says) in enumerate(zip(axes, films, by_frame, by_clip, strict=True)):
        for each, image in zip(row, film, strict=False):
            draw_image(each, image)
        bars = (row[-2], frame_says, "first frame", BLUE), (row[-1], clip_says, "clip", GREEN)
        for each, shares, title, colour in bars:
            each.barh(range(len(names)), shares, color=colour)
            each.set(xlim=(0, 1), yticks=range(len(names)), xticks=[])
            each.set_yticklabels(names, fontsize=7)
            each.invert_yaxis()
            if number == 0:
                each.set_title(title, fontsize=10)
    return figure
