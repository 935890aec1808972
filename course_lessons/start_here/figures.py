"""Digits and what is said of them, the map of the course, winners, folds and dates. See lesson 00."""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from course_lessons.start_here import cards
from course_lib.plots import BLACK, BLUE, GREY, ORANGE, SKY, VERMILION
from course_lib.plots.images import draw_image, frame

_RIGHT, _WRONG = "✓", "✗"
_DARK = "#555555"

# Digits and answers


def before_and_after(images, labels, answers: dict[str, np.ndarray]) -> Figure:
    """Digits in a row; under them, a row for each name in `answers`, what was said, and whether it was right."""
    figure, all_axes = plt.subplots(1, len(images), figsize=(9, 0.95 + 0.3 * len(answers)), layout="none")
    figure.subplots_adjust(left=0.13, right=0.995, top=0.98, bottom=0.36 * len(answers) / (1 + 0.35 * len(answers)))
    for place, (axes, image) in enumerate(zip(all_axes, images, strict=True)):
        axes.imshow(image[..., 0], cmap="gray_r", vmin=0, vmax=1)
        frame(axes)
        for row, said in enumerate(answers.values()):
            right = said[place] == labels[place]
            text = f"{said[place]} {_RIGHT if right else _WRONG}"
            colour = BLACK if right else VERMILION
            axes.text(0.5, -0.3 - 0.42 * row, text, color=colour, ha="center", va="center", transform=axes.transAxes)
    for row, name in enumerate(answers):
        all_axes[0].text(-0.25, -0.3 - 0.42 * row, name, ha="right", va="center", transform=all_axes[0].transAxes)
    return figure


def opinions(image, said: dict[str, np.ndarray], names=range(10)) -> Figure:
    """A picture, and for each network ten bars: how much of its belief goes to each answer."""
    figure, all_axes = plt.subplots(
        1, 1 + len(said), figsize=(2 + 2.7 * len(said), 2.2), width_ratios=[1, *[1.5] * len(said)], layout="constrained"
    )
    all_axes[0].imshow(np.squeeze(image), cmap="gray_r", vmin=0, vmax=1)
    frame(all_axes[0])
    for axes, (title, shares) in zip(all_axes[1:], said.items(), strict=True):
        best = int(np.argmax(shares))
        axes.bar(range(len(shares)), shares, color=[ORANGE if place == best else BLUE for place in range(len(shares))])
        axes.set_xticks(range(len(shares)), names)
        axes.set(ylim=(0, 1.02), yticks=[0, 0.5, 1], yticklabels=["0%", "50%", "100%"])
        axes.set_title(f"{title}\n“{names[best]}”, {shares[best]:.0%} sure", fontsize=11)
    return figure


def photographs(photos: dict[str, np.ndarray], shares: np.ndarray, names) -> Figure:
    """Photographs, and under each its five best answers as bars."""
    figure, all_axes = plt.subplots(2, len(photos), figsize=(9, 3.1), height_ratios=[1, 1.15], layout="constrained")
    for (above, below), (title, photo), row in zip(all_axes.T, photos.items(), shares, strict=True):
        draw_image(above, photo)
        above.set_title(title, fontsize=10)
        best = np.argsort(-row)[:5]
        below.barh(range(5), row[best], color=[ORANGE, *[SKY] * 4])
        for place, label in enumerate(best):
            below.text(0.03, place, names[label], va="center", fontsize=9)
        below.set(xlim=(0, 1), ylim=(4.6, -0.6), yticks=[], xticks=[0, 1], xticklabels=["0", "1"])
    return figure


# Training and use

_STEPS = {
    "training": (["picture", "network", "answer", "label"], "turn every weight a little, again and again"),
    "use": (["new picture", "network", "answer"], None),
}


def training_and_use() -> Figure:
    """Two rows of boxes: in training an arrow leads back to the weights, in use none does."""
    figure, axes = plt.subplots(figsize=(8, 2.3))
    for row, (name, (boxes, back)) in enumerate(_STEPS.items()):
        height = -1.5 * row
        axes.text(-0.9, height, name, ha="right", va="center", fontsize=12)
        for place, words in enumerate(boxes):
            box = {"boxstyle": "round,pad=0.5", "facecolor": SKY if words == "network" else "white", "edgecolor": _DARK}
            axes.text(2.2 * place, height, words, ha="center", va="center", bbox=box)
            if place:
                style = "<->" if words == "label" else "->"
                _arrow(axes, (2.2 * place - 1.5, height), (2.2 * place - 0.75, height), style)
        if back:
            _arrow(axes, (5.5, height + 0.32), (2.2, height + 0.32), "->", bend=0.35)
            axes.text(3.85, height + 1.13, back, ha="center", fontsize=10)
    axes.set(xlim=(-2.2, 7.6), ylim=(-2, 1.3))
    axes.axis("off")
    return figure


def _arrow(axes, start, end, style: str, bend: float = 0, colour: str = _DARK, **look) -> None:
    path = {"arrowstyle": style, "connectionstyle": f"arc3,rad={bend}", "mutation_scale": 12}
    axes.add_patch(FancyArrowPatch(start, end, color=colour, **path, **{"linewidth": 1.3, "zorder": 1, **look}))


# The map of the course


def course_map() -> Figure:
    """Every lesson as a box with its minutes, in rows of what belongs together; arrows lead to what builds on it.

    From further than the row above comes only the end of the arrow, with the number of the lesson.
    """
    places = {name: (x, -y) for y, part in enumerate(cards.PARTS.values()) for x, name in enumerate(part)}
    figure, axes = plt.subplots(figsize=(9, 6.5))
    for y, part in enumerate(cards.PARTS):
        axes.text(-0.62, -y, part.replace(" ", "\n"), ha="right", va="center", fontsize=10, style="italic")
    for earlier, later in cards.steps():
        _step(axes, places[earlier], places[later])
    for later, (x, y) in places.items():
        if far := ", ".join(each[:2] for each, name in cards.steps() if name == later and places[each][1] > y + 1):
            axes.text(x - 0.33, y + 0.43, far, ha="right", va="center", fontsize=7, color=_DARK)
            _arrow(axes, (x - 0.31, y + 0.43), (x - 0.2, y + 0.3), "->", **_STEP)
    for name, (x, y) in places.items():
        _lesson_box(axes, x, y, name)
    longest = max(map(len, cards.PARTS.values()))
    axes.set(xlim=(-1.25, longest - 0.5), ylim=(-len(cards.PARTS) + 0.6, 0.6))
    axes.axis("off")
    return figure


_STEP = {"colour": "#8c8c8c", "linewidth": 1, "zorder": 0}


def _step(axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """An arrow between lessons of one row, or of neighbouring rows; any other would pass behind lessons."""
    (x, y), (x2, y2) = start, end
    if y == y2 and x2 == x + 1:
        _arrow(axes, (x + 0.45, y), (x2 - 0.45, y), "->", **_STEP)
    elif y == y2:
        _arrow(axes, (x, y + 0.3), (x2, y + 0.3), "->", bend=-0.4 / (x2 - x), **_STEP)
    elif y - y2 == 1:
        _arrow(axes, (x, y - 0.3), (x2, y2 + 0.3), "->", **_STEP)


def _lesson_box(axes, x: float, y: float, name: str) -> None:
    lesson, before = cards.lessons()[name], cards.before(name)
    written = lesson.minutes is not None
    box = FancyBboxPatch(
        (x - 0.42, y - 0.29), 0.84, 0.58, boxstyle="round,pad=0.03", linewidth=1.1, edgecolor=BLUE if written else GREY,
        facecolor="#e3f1fa" if written else "white", linestyle="-" if written else ":",
    )  # fmt: skip
    axes.add_patch(box)
    time = f"{lesson.minutes} min" if written else "to come"
    axes.text(x, y + 0.21, f"{name[:2]} · {time}", ha="center", va="center", fontsize=7.5, color=_DARK)
    axes.text(x, y, "\n".join(_title_lines(lesson.title)), ha="center", va="center", fontsize=8, linespacing=1)
    if before:
        axes.text(x, y - 0.23, f"after {', '.join(before)}", ha="center", va="center", fontsize=7, color=_DARK)


def _title_lines(title: str) -> list[str]:
    """The title up to its colon, in two lines at most."""
    lines = textwrap.wrap(title.partition(":")[0].partition("?")[0], 16, break_long_words=False)
    return lines if len(lines) < 3 else [lines[0], f"{lines[1]} …"]


# Winners


def winners(table) -> Figure:
    """Top-5 errors as bars; each says its layers and whether one network was judged or several, hatched."""
    figure, axes = plt.subplots(figsize=(9, 3.7))
    for place, row in enumerate(table.itertuples()):
        kind = {"hand-made": (GREY, ""), "one": (BLUE, ""), "several": (SKY, "//"), "person": (ORANGE, "")}
        colour, hatch = kind[row.kind]
        axes.bar(place, row.error, color=colour, hatch=hatch, edgecolor="white", linewidth=0)
        axes.text(place, row.error + 0.4, f"{row.error:g} %", ha="center", fontsize=10)
    axes.set_xticks(range(len(table)), table["label"], fontsize=8.5, linespacing=1.15)
    axes.set_ylabel("top-5 error, %")
    return figure


# How long it would take

_SPANS = {"a day": 1, "a month": 30.4, "a year": 365, "a life": 80 * 365, "since\nShakespeare": 410 * 365}


def durations(days: dict[str, float]) -> Figure:
    """Bars on a logarithmic axis of days, with spans of time to compare."""
    figure, axes = plt.subplots(figsize=(8.4, 0.9 + 0.5 * len(days)))
    axes.barh(list(days), list(days.values()), color=[BLUE, ORANGE, SKY, VERMILION][: len(days)], height=0.65)
    axes.invert_yaxis()
    axes.set(xscale="log", xlim=(0.5, 3e6))
    for length in _SPANS.values():
        axes.axvline(length, color=GREY, linewidth=1, linestyle=":", zorder=0)
    axes.set_xticks(list(_SPANS.values()), list(_SPANS), fontsize=9)
    axes.set_xticks([], minor=True)
    for place, length in enumerate(days.values()):
        axes.text(length * 1.3, place, in_words(length), va="center", fontsize=10, backgroundcolor="white")
    return figure


def in_words(days: float) -> str:
    """A number of days, in days or years."""
    return f"{days:,.3g} days" if days < 1000 else f"{days / 365.25:,.0f} years"


# Folds


def strips(curves: dict[int, np.ndarray], x) -> Figure:
    """For each number of folds, where every point of the strip ends up."""
    figure, all_axes = plt.subplots(1, len(curves), figsize=(9, 2.1), sharey=True, layout="constrained")
    for axes, (times, y) in zip(all_axes, curves.items(), strict=True):
        axes.plot(x, y)
        axes.set(title=f"{times} fold{'s' if times > 1 else ''}", xticks=[0, 1], yticks=[0, 1])
    all_axes[0].set_ylabel("place after folding")
    figure.supxlabel("place on the strip", fontsize=11)
    return figure


# Dates

# Year, what happened, and the lesson that does it again: "" where the course has none.
MILESTONES = (
    (1958, "the perceptron learns from its mistakes", "02_perceptron"),
    (1969, "what one neuron cannot do", "02_perceptron"),
    (1980, "neocognitron: patterns of patterns", "13_first_cnn_lenet"),
    (1986, "back-propagation for many layers", "05_mlp_backprop"),
    (1989, "one layer is enough, if wide", "00_start_here"),
    (1998, "LeNet-5 reads cheques", "13_first_cnn_lenet"),
    (2006, "layer by layer: pre-training", "17_autoencoder_pretraining"),
    (2009, "ImageNet; training on graphics cards", "00_start_here"),
    (2011, "speech recognition", ""),
    (2012, "AlexNet wins ImageNet", "18_alexnet"),
    (2015, "ResNet: 152 layers", "21_resnet"),
    (2020, "vision transformers", "24_attention_vit"),
)


# Where the words stand: how high above the line or below it, and on which side of their year.
_WORDS = ((1, 0), (-1, 0), (1, 0), (-1, 0), (2, 0), (1, 0), (1.9, 1), (-1, 1), (1, 0), (-1, -1), (1.9, -1), (-2, 0))


def timeline(milestones) -> Figure:
    """Years on a line, each with its words where they cover no others."""
    figure, axes = plt.subplots(figsize=(9, 3.4))
    axes.axhline(0, color=_DARK, linewidth=1.5)
    for row, (height, side) in zip(milestones.itertuples(), _WORDS, strict=True):
        axes.plot([row.year, row.year], [0, height * 0.85], color=GREY, linewidth=1)
        axes.plot(row.year, 0, "o", color=BLUE)
        words = "\n".join([str(row.year), *textwrap.wrap(row.what, 17)])
        look = {"ha": {0: "center", 1: "right", -1: "left"}[side], "va": "bottom" if height > 0 else "top"}
        axes.text(row.year, height * 0.87, words, fontsize=8.5, linespacing=1.1, **look)
    axes.set(xlim=(1952, 2026), ylim=(-2.8, 2.6), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return figure


def told(milestones) -> str:
    """The dates in a sentence, for those who cannot see them."""
    return "A line of years: " + "; ".join(f"{row.year}, {row.what}" for row in milestones.itertuples()) + "."
