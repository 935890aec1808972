"""Figures of pictures that were trained: two pixels, units, inversions, attacks. Lesson 27."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_lib.explain.network import probabilities
from course_lib.plots import BLUE, GREY, VERMILION
from course_lib.plots.charts import WIDEST
from course_lib.plots.images import broken, draw_image

_WEIGHTS = np.array([2.0, 1.0])  # of the two pixels, as in the lesson


# Two pixels


def planes(paths: dict[str, np.ndarray], weights, strengths: Sequence[float], reach: float = 5.0) -> Figure:
    """The plane of all pictures of two pixels, a panel for each path (steps + 1, 2), title -> path.

    strengths: for each panel, how much of the squared norm is taken off the score `weights @ picture`; grey lines join
    pictures that are equally good. A cross marks the best picture, where there is one.
    """
    number = len(paths)
    size = min(2.7, WIDEST / number)
    figure, all_axes = plt.subplots(
        1, number, figsize=(size * number, size + 0.6), squeeze=False, sharey=True, layout="constrained"
    )
    for axes, (title, path), strength in zip(all_axes[0], paths.items(), strengths, strict=True):
        _plane(axes, path, np.asarray(weights, float), strength, reach)
        axes.set_title(title, fontsize=11)
    all_axes[0, 0].set_ylabel("second pixel")
    return figure


def two_pixels(strength: float = 0.5, learning_rate: float = 0.1, steps: int = 50) -> Figure:
    """Ascent of the score 2 a + b of two pixels, less `strength` times the squared norm: the plane, and the norm."""
    path = [np.zeros(2)]
    for _ in range(steps):
        path.append(path[-1] + learning_rate * (_WEIGHTS - 2 * strength * path[-1]))
    path = np.array(path)
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
    _plane(left, path, _WEIGHTS, strength, 5.0)
    left.set_ylabel("second pixel")
    right.plot(np.linalg.norm(path, axis=1), color=BLUE, label="norm of the picture")
    if strength > 0:
        right.axhline(np.linalg.norm(_WEIGHTS) / (2 * strength), color=VERMILION, linestyle="--", label="of w / (2 α)")
    right.set(xlabel="step", ylabel="norm")
    right.legend()
    sign = "without a prior" if strength == 0 else f"score {'−' if strength > 0 else '+'} {abs(strength):g} × norm²"
    figure.suptitle(f"{sign}: norm {np.linalg.norm(path[-1]):,.3g} after {steps} steps", fontsize=12)
    return figure


def _plane(axes, path, weights, strength: float, reach: float) -> None:
    side = np.linspace(-reach, reach, 80)
    pictures = np.stack(np.meshgrid(side, side), axis=-1)
    values = pictures @ weights - strength * np.sum(pictures**2, axis=-1)
    axes.contour(side, side, values, levels=5, colors=[GREY], linewidths=0.7, linestyles="solid", alpha=0.7)
    axes.plot(*path.T, "o-", color=BLUE, markersize=3.5, linewidth=1.2)
    axes.plot(*path[0], "o", color="black", markersize=6)
    if strength > 0:
        axes.plot(*(weights / (2 * strength)), "x", color=VERMILION, markersize=11, markeredgewidth=3)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="first pixel")


# Rows of pictures


def rows(pictures: dict[str, np.ndarray], titles: Sequence[str], size: float = 1.3) -> Figure:
    """A row for each name, name -> (columns, height, width, channels); titles over the columns."""
    number = len(titles)
    size = min(size, (WIDEST - 1.2) / number)
    figure, all_axes = plt.subplots(
        len(pictures),
        number,
        figsize=(size * number + 1.2, (size + 0.04) * len(pictures) + 0.35),
        squeeze=False,
        layout="constrained",
    )
    for axes_row, (name, images) in zip(all_axes, pictures.items(), strict=True):
        for axes, image in zip(axes_row, images, strict=True):
            draw_image(axes, image)
        axes_row[0].set_ylabel(name, fontsize=10, rotation=0, ha="right", va="center")
    for axes, title in zip(all_axes[0], titles, strict=True):
        axes.set_title(title, fontsize=10)
    return figure


def unit_grid(layers: dict[str, np.ndarray], sides: dict[str, int]) -> Figure:
    """A row of pictures for the units of each layer, cut to the `sides` pixels that a unit in the middle sees."""
    number = len(next(iter(layers.values())))
    cut = {}
    for name, images in layers.items():
        middle, half = images.shape[1] // 2, -(-sides[name] // 2)
        low, high = max(0, middle - half), min(images.shape[1], middle + half)
        cut[f"{name}\nsees {sides[name]}×{sides[name]}"] = images[:, low:high, low:high]
    return rows(cut, [f"unit {place + 1}" for place in range(number)], size=1.0)


# An attack to play with


class Attack:
    """Pictures and the direction in which each is pushed, for a slider of ε."""

    def __init__(self, network, images, directions, class_names: Sequence[str]):
        self.network, self.images, self.directions = network, images, directions
        self.class_names = class_names
        self.before = probabilities(network, images)
        self.noise = np.random.default_rng(0).choice([-1.0, 1.0], directions.shape)

    def pushed(self, picture: int, epsilon: float, direction: str = "sign of the slope") -> np.ndarray:
        """One picture, each pixel moved by epsilon."""
        way = self.directions if direction == "sign of the slope" else self.noise
        return np.clip(self.images[picture] + epsilon * way[picture], 0, 1).astype(np.float32)

    def at(self, picture: int = 0, epsilon: float = 0.02, direction: str = "sign of the slope") -> Figure:
        """The picture, the picture pushed, and what the network thinks of both."""
        after = self.pushed(picture, epsilon, direction)
        figure, (left, middle, right) = plt.subplots(
            1, 3, figsize=(WIDEST, 3.2), width_ratios=[1, 1, 1.25], layout="constrained"
        )
        draw_image(left, self.images[picture])
        left.set_title("before", fontsize=11)
        draw_image(middle, after)
        middle.set_title(f"each pixel moved by {epsilon:.3f}", fontsize=11)
        places = np.arange(len(self.class_names))
        shares = probabilities(self.network, after[None])[0]
        right.barh(places - 0.2, self.before[picture], 0.38, color=GREY, label="before")
        right.barh(places + 0.2, shares, 0.38, color=VERMILION, label="after")
        right.set_yticks(places, self.class_names)
        right.invert_yaxis()
        right.set(xlim=(0, 1), xlabel="probability")
        figure.legend(loc="outside lower right", ncols=2)
        return figure

    def sheet(self, picture: int, epsilons: Sequence[float]) -> Figure:
        """One picture for several epsilons: above pushed by the sign of the slope, below by random signs."""
        directions = ("sign of the slope", "random signs")
        number = len(epsilons)
        size = min(1.5, (WIDEST - 1.3) / number)
        figure, all_axes = plt.subplots(
            2, number, figsize=(size * number + 1.3, 2 * (size + 0.42)), squeeze=False, layout="constrained"
        )
        for axes_row, direction in zip(all_axes, directions, strict=True):
            pushed = np.stack([self.pushed(picture, epsilon, direction) for epsilon in epsilons])
            for axes, image, shares in zip(axes_row, pushed, probabilities(self.network, pushed), strict=True):
                draw_image(axes, image)
                axes.set_xlabel(f"{self.class_names[shares.argmax()]}, {shares.max():.0%}", fontsize=10)
            axes_row[0].set_ylabel(direction.replace(" of", " of\n").replace(" signs", "\nsigns"), fontsize=10)
        for axes, epsilon in zip(all_axes[0], epsilons, strict=True):
            axes.set_title(f"ε = {epsilon:g}", fontsize=10)
        return figure


def patches(images, strongest, projections: dict[str, np.ndarray], title: str = "") -> Figure:
    """The patches that a unit answers to most, and under each what of it made the answer, by several backward rules.

    strongest: of `course_lib.explain.activations`; projections: rule -> (k, height, width, channels), of these images;
    each is scaled by its own largest value, grey being zero.
    """
    number = len(strongest.indices)
    size = min(0.95, (WIDEST - 1.2) / number)
    figure, all_axes = plt.subplots(
        1 + len(projections),
        number,
        figsize=(size * number + 1.2, (size + 0.02) * (1 + len(projections)) + 0.35),
        squeeze=False,
        layout="constrained",
    )
    for column, (index, (top, left, bottom, right)) in enumerate(
        zip(strongest.indices, strongest.boxes.tolist(), strict=True)
    ):
        draw_image(all_axes[0][column], images[index][top:bottom, left:right])
        for axes, signal in zip(all_axes[1:, column], projections.values(), strict=True):
            _draw_signal(axes, signal[column][top:bottom, left:right])
    for axes, name in zip(all_axes[:, 0], ["patch", *projections], strict=True):
        axes.set_ylabel(broken(name), fontsize=9.5, rotation=0, ha="right", va="center")
    if title:
        figure.suptitle(title, fontsize=12)
    return figure


def _draw_signal(axes, values) -> None:
    """Signed values, grey being zero, in 5 levels up and 5 down: the file of a faint noise would be huge."""
    levels = np.round(5 * values / max(float(np.abs(values).max()), 1e-12))
    draw_image(axes, 0.5 + levels / 10)


def inversions(images, layers: dict[str, np.ndarray], errors: dict[str, Sequence[float]]) -> Figure:
    """A row for each picture: the picture, and what was found for it from each layer; under each its pixel error."""
    number = 1 + len(layers)
    size = min(1.5, WIDEST / number)
    figure, all_axes = plt.subplots(
        len(images),
        number,
        figsize=(size * number, (size + 0.2) * len(images) + 0.3),
        squeeze=False,
        layout="constrained",
    )
    for row, axes_row in enumerate(all_axes):
        draw_image(axes_row[0], images[row])
        for axes, (name, found) in zip(axes_row[1:], layers.items(), strict=True):
            draw_image(axes, found[row])
            axes.set_xlabel(f"error {errors[name][row]:.2f}", fontsize=9)
    for axes, name in zip(all_axes[0], ["picture", *layers], strict=True):
        axes.set_title(broken(name), fontsize=10)
    return figure


def adversarial(before, after, answers: Sequence[str], times: int = 10) -> Figure:
    """Four panels for each pair of pictures: before, after, their difference, and that `times` over; grey is no change.

    answers: a pair for each pair of pictures, what the network says before and after, for example "cross, 98 %".
    """
    rows = len(before)
    figure, all_axes = plt.subplots(rows, 4, figsize=(8, 2.25 * rows + 0.1), squeeze=False, layout="constrained")
    for axes_row, one, other, (said_before, said_after) in zip(all_axes, before, after, answers, strict=True):
        change = other - one
        draw_image(axes_row[0], one)
        draw_image(axes_row[1], other)
        draw_image(axes_row[2], 0.5 + change)
        draw_image(axes_row[3], 0.5 + times * change)
        titles = (f"before\n{said_before}", f"after\n{said_after}", "difference", f"difference ×{times}")
        for axes, title in zip(axes_row, titles, strict=True):
            axes.set_title(title, fontsize=11)
    return figure
