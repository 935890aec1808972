"""Who asks whom: look-ups, cards, patches, windows, and what was reported of networks. See lesson 24."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.plots import BLACK, BLUE, CYCLE, GREY, ORANGE, VERMILION


def soft_lookup(query, keys, weights, values, answer) -> Figure:
    """Keys and a query as arrows, the weights as bars, the values as dots as large as their weights, and the answer."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
    for number, key in enumerate(keys, start=1):
        left.annotate("", key, (0, 0), arrowprops={"arrowstyle": "->", "color": BLUE, "lw": 1.8})
        left.text(*_beyond(key), f"key {number}", ha="center", va="center", color=BLUE)
    left.annotate("", query, (0, 0), arrowprops={"arrowstyle": "->", "color": VERMILION, "lw": 2.4})
    left.text(*_beyond(query), "query", ha="center", va="center", color=VERMILION)
    reach = 1.6 * max(np.abs(keys).max(), np.abs(query).max())
    left.set(xlim=(-reach, reach), ylim=(-reach / 2, reach), title="who points the same way?", aspect="equal")
    bars = middle.bar(range(1, len(weights) + 1), weights, color=BLUE)
    middle.bar_label(bars, fmt="%.2f")
    middle.set(xticks=range(1, len(weights) + 1), xlabel="card", ylim=(0, 1.08), title="weights, by softmax")
    right.scatter(*values.T, s=40 + 500 * weights, color=BLUE, alpha=0.7)
    for number, value in enumerate(values, start=1):
        right.annotate(f"value {number}", value, (0, -24), textcoords="offset points", ha="center", color=BLUE)
    right.plot(*answer, "X", color=VERMILION, markersize=11)
    right.annotate("answer", answer, (0, 12), textcoords="offset points", ha="center", color=VERMILION)
    right.set(xlim=(-1.7, 1.8), ylim=(-1.8, 1.5), title="weighted sum of values", aspect="equal")
    return figure


def _beyond(arrow: np.ndarray) -> np.ndarray:
    """A place for a label, a little beyond its end."""
    return arrow * (1 + 0.55 / np.linalg.norm(arrow))


def table_of_cards(tokens: np.ndarray, weights: np.ndarray) -> Figure:
    """The cards of one game in a row, the question last; below, the weights `(heads, tokens)` of the last token."""
    letters, numbers = tokens[:, :16], tokens[:, 16:]
    names = [chr(ord("A") + letter) for letter in letters.argmax(axis=1)]
    faces = [f"{name}\n{number + 1}" for name, number in zip(names[:-1], numbers[:-1].argmax(axis=1), strict=True)]
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(7.4, 2.9), layout="constrained", height_ratios=[1, 0.5 * len(weights) + 0.2], sharex=True
    )
    for place, face in enumerate([*faces, f"{names[-1]}\n?"]):
        asked = names[place] == names[-1]
        edge = VERMILION if asked else GREY
        above.add_patch(
            Rectangle((place - 0.36, 0), 0.72, 1, facecolor="white", edgecolor=edge, linewidth=2.4 if asked else 1.2)
        )
        above.text(place, 0.5, face, ha="center", va="center", fontsize=13, color=BLACK)
    above.set(ylim=(-0.08, 1.08))
    above.axis("off")
    below.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (head, place), weight in np.ndenumerate(weights):
        below.text(
            place,
            head,
            f"{weight:.2f}",
            ha="center",
            va="center",
            fontsize=10,
            color="white" if weight > 0.6 else BLACK,
        )
    below.set(yticks=range(len(weights)), yticklabels=[f"head {head + 1}" for head in range(len(weights))])
    below.set(xticks=range(len(names)), xticklabels=[*(f"card {place}" for place in range(1, len(names))), "question"])
    below.grid(visible=False)
    below.tick_params(length=0)
    return figure


def _strip(axes, tokens: np.ndarray, size: int) -> None:
    """Flat patches in a row, with gaps; grey ones dark on white."""
    pieces = tokens.reshape(len(tokens), size, size, -1)
    gap = np.full((size, max(1, size // 6), pieces.shape[-1]), 0.7)
    row = np.concatenate(
        [part for piece in pieces for part in (1 - piece if piece.shape[-1] == 1 else piece, gap)], axis=1
    )
    axes.imshow(row.squeeze(), cmap="gray", vmin=0, vmax=1)
    axes.axis("off")


def patches(photo: np.ndarray, photo_tokens: np.ndarray, digit: np.ndarray, digit_tokens: np.ndarray) -> Figure:
    """A photograph and a digit with the grids of their patches; beside each some, or all, of its tokens in a row."""
    figure, all_axes = plt.subplots(2, 2, figsize=(9, 4.6), width_ratios=[1, 3], layout="constrained")
    for (left, right), picture, tokens in zip(all_axes, (photo, digit), (photo_tokens, digit_tokens), strict=True):
        channels = picture.shape[-1]
        size = round((tokens.shape[1] / channels) ** 0.5)
        shown = picture if channels == 3 else 1 - picture[..., 0]
        left.imshow(np.clip(shown, 0, 1), cmap="gray", vmin=0, vmax=1)
        for line in range(0, len(picture) + 1, size):
            left.axhline(line - 0.5, color=ORANGE, linewidth=0.7)
            left.axvline(line - 0.5, color=ORANGE, linewidth=0.7)
        left.set_title(f"{len(tokens)} patches of {size} × {size}", fontsize=10.5)
        left.axis("off")
        middle = len(tokens) // 2
        some = tokens if len(tokens) <= 16 else tokens[middle : middle + 16]
        _strip(right, np.clip(some, 0, 1), size)
        which = "all" if len(some) == len(tokens) else f"{len(some)} of them"
        right.set_title(f"{which}, each a vector of {tokens.shape[1]} numbers", fontsize=10.5)
    return figure


def looks(image: np.ndarray, weights: np.ndarray, patch: int = 5) -> Figure:
    """A digit with one patch framed, and the weights `(heads, patches, patches)` that it gives, head by head."""
    columns = round(weights.shape[-1] ** 0.5)
    size = image.shape[0] // columns
    row, column = divmod(patch, columns)
    figure, all_axes = plt.subplots(1, 1 + len(weights), figsize=(9, 2.2), layout="constrained")
    highest = weights[:, patch].max()
    for number, axes in enumerate(all_axes):
        axes.imshow(1 - image[..., 0], cmap="gray", vmin=0, vmax=1)
        if number:
            shown = np.kron(weights[number - 1, patch].reshape(columns, columns), np.ones((size, size)))
            axes.imshow(shown, cmap="Oranges", vmin=0, vmax=highest, alpha=0.75)
        axes.add_patch(
            Rectangle((column * size - 0.5, row * size - 0.5), size, size, fill=False, edgecolor=BLUE, linewidth=2.5)
        )
        axes.set_title(f"head {number}" if number else "who asks", fontsize=10.5)
        axes.axis("off")
    return figure


def windows(picture: np.ndarray, side: int, window: int, shift: int) -> Figure:
    """Windows over the tokens of a picture: plain, shifted, and the shifted ones after the map has been rolled."""
    pixels = len(picture) // side
    figure, all_axes = plt.subplots(1, 3, figsize=(9, 3.3), layout="constrained")
    rolled = np.roll(picture, (-shift * pixels, -shift * pixels), axis=(0, 1))
    cuts = {
        "plain windows": (picture, range(0, side + 1, window)),
        "shifted windows": (picture, [0, *range(shift, side, window), side]),
        "the same, rolled": (rolled, range(0, side + 1, window)),
    }
    for axes, (title, (shown, lines)) in zip(all_axes, cuts.items(), strict=True):
        axes.imshow(np.clip(shown, 0, 1))
        for line in range(1, side):
            axes.axhline(line * pixels - 0.5, color="white", linewidth=0.5)
            axes.axvline(line * pixels - 0.5, color="white", linewidth=0.5)
        edge = side * pixels - 0.5
        for line in lines:
            axes.plot([line * pixels - 0.5] * 2, [-0.5, edge], color=ORANGE, linewidth=3)
            axes.plot([-0.5, edge], [line * pixels - 0.5] * 2, color=ORANGE, linewidth=3)
        axes.set_title(title, fontsize=10.5)
        axes.axis("off")
    seam = (side - shift) * pixels - 0.5  # what lies beyond has come around
    all_axes[2].plot([seam] * 2, [-0.5, side * pixels - 0.5], "--", color=VERMILION, linewidth=2.5)
    all_axes[2].plot([-0.5, side * pixels - 0.5], [seam] * 2, "--", color=VERMILION, linewidth=2.5)
    return figure


def reported_against_counted(bills: dict) -> Figure:
    """Reported accuracy against counted multiply-adds; open marks were trained on 22,000 classes first.

    bills: a row of the table -> (parameters, multiply-adds)
    """
    figure, axes = plt.subplots(figsize=(8.4, 4.4), layout="constrained")
    families = dict.fromkeys(row.family for row in bills)
    marks = dict(zip(families, "os^DvX", strict=False))
    colours = dict(zip(families, CYCLE, strict=False))
    for family in families:
        rows = [(row, bill[1] / 1e9) for row, bill in bills.items() if row.family == family]
        look = {"marker": marks[family], "color": colours[family], "linestyle": "", "markersize": 8}
        for kind, change in {"top_1": {}, "larger": {"markerfacecolor": "none", "markeredgewidth": 1.8}}.items():
            points = [(bill, getattr(row, kind)) for row, bill in rows if getattr(row, kind)]
            if points:
                axes.plot(*zip(*points, strict=True), **look | change)
        axes.plot([], [], **look, label=family)
    axes.plot([], [], "o", color=GREY, label="ImageNet alone")
    axes.plot([], [], "o", color=GREY, markerfacecolor="none", markeredgewidth=1.8, label="22,000 classes first")
    axes.set(xscale="log", xlabel="multiply-adds in billions, counted", ylabel="top-1 accuracy in per cent, reported")
    axes.set_xticks([3, 10, 30, 100, 300, 1000], ["3", "10", "30", "100", "300", "1,000"])
    axes.set_xticks([], minor=True)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)
    return figure
