"""Drawings of lesson 08: cells and their answers, maps of textons, slopes of a digit, matches, and detectors."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from scipy import signal

from course_lib.plots import BLUE, CYCLE, DIVERGING, GREY, VERMILION
from course_lib.plots.images import draw_image


def weights(axes, detector: np.ndarray, title: str = "") -> None:
    """Positive weights orange-red, negative ones blue, zero white."""
    limit = np.abs(detector).max()
    axes.imshow(detector, cmap=DIVERGING, vmin=-limit, vmax=limit)
    axes.set_title(title, fontsize=10)
    axes.axis("off")


def tuning(detector: np.ndarray, bars: list[np.ndarray], degrees: np.ndarray, answers: np.ndarray) -> Figure:
    """A detector, two of the bars that are laid on it, and what it answers for every angle."""
    figure, axes = plt.subplots(1, 4, figsize=(8.8, 2.4), width_ratios=(1, 1, 1, 2.2))
    weights(axes[0], detector, "the weights")
    for each, place in zip(axes[1:3], (np.argmax(answers), 0), strict=True):
        draw_image(each, bars[place])
        each.set_title(f"a bar at {degrees[place]:.0f}°", fontsize=10)
    axes[3].plot(degrees, answers / answers.max(), color=BLUE)
    axes[3].set(xlabel="bar turned by, degrees", ylabel="answer / best", xticks=range(-90, 91, 45))
    return figure


class Lens:
    """A Gabor detector laid on every place of a picture: its answers, and the energy of it and its odd twin."""

    def __init__(self, gabor: Callable, picture: np.ndarray):
        self.gabor, self.picture = gabor, picture

    def maps(self, angle: float, phase: float, wavelength: float, aspect: float) -> tuple[np.ndarray, ...]:
        """The weights, the answers and the energies."""
        pair = [
            self.gabor(np.deg2rad(angle), np.deg2rad(each), wavelength=wavelength, aspect=aspect)
            for each in (phase, phase + 90)
        ]
        answers, odd = (signal.correlate(self.picture, each, mode="valid") for each in pair)
        return pair[0], answers, np.hypot(answers, odd)

    def draw(self, angle: float = 45, phase: float = 0, wavelength: float = 8, aspect: float = 0.7) -> Figure:
        detector, answers, energy = self.maps(angle, phase, wavelength, aspect)
        figure, axes = plt.subplots(1, 4, figsize=(9, 2.6))
        draw_image(axes[0], self.picture)
        axes[0].set_title("picture", fontsize=10)
        weights(axes[1], detector, "weights")
        weights(axes[2], answers, "answers (before the cut)")
        draw_image(axes[3], energy / energy.max())
        axes[3].set_title("energies (complex cells)", fontsize=10)
        return figure


def complex_cells(shifts, simple, energy, lengths, by_length: dict[str, list], square, corners) -> Figure:
    """Answers against the shift of a grating and the length of a bar; a square, and a map of its corners."""
    figure, axes = plt.subplots(1, 4, figsize=(9, 2.5), width_ratios=(1.5, 1.5, 1, 1))
    for answers, label, look in ((simple, "simple", "-"), (energy, "complex", "--")):
        axes[0].plot(shifts, answers / np.max(energy), look, label=label)
    axes[0].set(xlabel="shift / wavelength", ylabel="answer", title="a grating moves")
    for (label, answers), look in zip(by_length.items(), ("--", "-."), strict=True):
        axes[1].plot(lengths, answers, look, label=label)
    axes[1].set(xlabel="length, pixels", title="a bar grows")
    for each in axes[:2]:
        each.set_ylim(bottom=0)
        each.legend(fontsize=8)
    for each, image, title in ((axes[2], square, "a square"), (axes[3], corners, "its corners")):
        draw_image(each, image)
        each.set_title(title, fontsize=12)
    return figure


def alphabet(eigen_digits: np.ndarray, numbers, left: dict[str, list]) -> Figure:
    """The first ten directions as pictures; the share of the variance that is left, against how many numbers."""
    figure = plt.figure(figsize=(9, 2.9))
    sheet, curve = figure.subfigures(1, 2, width_ratios=(1.3, 1))
    for place, axes in enumerate(sheet.subplots(2, 5).flat):
        weights(axes, eigen_digits[place], str(place + 1))
    axes = curve.subplots()
    for (label, shares), look in zip(left.items(), ("o-", "s--"), strict=True):
        axes.plot(numbers, shares, look, label=label, markersize=4)
    axes.set(xlabel="numbers kept", ylabel="variance left", xscale="log", ylim=(0, 1))
    axes.set_xticks(numbers, [str(number) for number in numbers])
    axes.set_xticks([], minor=True)
    axes.legend(fontsize=9)
    return figure


def textons(patches: dict[str, np.ndarray], maps: list[np.ndarray], number: int) -> Figure:
    """For each texture a patch, the map of the nearest textons, and how often each occurs."""
    colours = ListedColormap(plt.get_cmap("tab20").colors[:number])
    figure, axes = plt.subplots(len(patches), 3, figsize=(7.4, 1.45 * len(patches)), width_ratios=(1, 1, 2.6))
    for row, (name, patch), nearest in zip(axes, patches.items(), maps, strict=True):
        draw_image(row[0], (patch - patch.min()) / np.ptp(patch))
        row[0].set_title(name, fontsize=10)
        row[1].imshow(nearest, cmap=colours, vmin=-0.5, vmax=number - 0.5, interpolation="nearest")
        row[1].axis("off")
        shares = np.bincount(nearest.ravel(), minlength=number) / nearest.size
        row[2].bar(range(number), shares, color=[colours(place) for place in range(number)])
        row[2].set(ylabel="share", xticks=range(number), ylim=(0, 0.5))
    axes[-1, 2].set_xlabel("texton")
    return figure


def slopes(pictures: dict[str, np.ndarray], histograms: list[np.ndarray]) -> Figure:
    """Pictures, and beside each its cells: a stroke along every direction, as dark as its share of the slopes.

    histograms: for each picture `(rows, columns, bins)`, of unsigned directions of the slope
    """
    figure, axes = plt.subplots(1, 2 * len(pictures), figsize=(2.2 * 2 * len(pictures), 2.4))
    for place, ((name, picture), cells) in enumerate(zip(pictures.items(), histograms, strict=True)):
        draw_image(axes[2 * place], picture)
        axes[2 * place].set_title(name, fontsize=10)
        stars = axes[2 * place + 1]
        for (row, column, bin_), share in np.ndenumerate(cells / cells.max()):
            along = np.pi * bin_ / cells.shape[2] + np.pi / 2  # an edge runs across its slope
            step = 0.45 * np.array([np.cos(along), np.sin(along)])
            centre = np.array([column, row])
            ends = np.array([centre - step, centre + step]).T
            stars.plot(*ends, color="black", alpha=float(share), linewidth=1.6)
        stars.set(xlim=(-0.6, cells.shape[1] - 0.4), ylim=(cells.shape[0] - 0.4, -0.6), aspect="equal")
        stars.set_title("its slopes", fontsize=10)
        stars.axis("off")
    return figure


def matches(first: np.ndarray, second: np.ndarray, pairs: np.ndarray, right: np.ndarray, most: int = 40) -> Figure:
    """Two pictures, and a line for each pair of points `(pairs, 2, 2)`: blue where right, orange-red where wrong."""
    height = max(len(first), len(second))
    width = first.shape[1]
    both = np.ones((height, width + 10 + second.shape[1]))
    both[: len(first), :width] = first
    both[: len(second), width + 10 :] = second
    figure, axes = plt.subplots(figsize=(7.4, 3.6))
    draw_image(axes, both)
    for place in range(0, len(pairs), max(1, -(-len(pairs) // most))):
        (row, column), (row_2, column_2) = pairs[place]
        look = {"color": BLUE} if right[place] else {"color": VERMILION, "linestyle": "--"}
        axes.plot([column, column_2 + width + 10], [row, row_2], linewidth=0.9, **look)
    return figure


def contest(panels: dict[str, dict[str, np.ndarray]], sizes: dict[str, list[int]]) -> Figure:
    """Errors against the number of examples: for each title and label runs `(sizes, runs)`, both axes logarithmic."""
    figure, axes = plt.subplots(1, len(panels), figsize=(8.4, 3.4), sharey=True)
    for each, (title, curves) in zip(axes, panels.items(), strict=True):
        for (label, runs), colour, look in zip(curves.items(), CYCLE, ("o-", "s--", "^-."), strict=False):
            each.plot(sizes[title], runs.mean(axis=1), look, color=colour, label=label, markersize=5)
            each.fill_between(sizes[title], runs.min(axis=1), runs.max(axis=1), color=colour, alpha=0.2, linewidth=0)
        each.set(title=title, xlabel="digits learnt from", xscale="log", yscale="log")
        each.set_xticks(sizes[title], [f"{size:,}" for size in sizes[title]])
        each.set_xticks([], minor=True)
    ticks = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
    axes[0].set_yticks(ticks, [f"{100 * tick:g}%" for tick in ticks])
    axes[0].set_yticks([], minor=True)
    axes[0].set_ylabel("test error")
    axes[0].legend(fontsize=9, title="mean, lowest and highest run", title_fontsize=9)
    return figure


def detectors(rows: dict[str, np.ndarray], size: float = 0.62) -> Figure:
    """A row of small detectors for each label, each on its own scale."""
    columns = max(map(len, rows.values()))
    figure, axes = plt.subplots(len(rows), columns, figsize=(size * columns + 1, (size + 0.12) * len(rows)))
    for row, (label, several) in zip(np.atleast_2d(axes), rows.items(), strict=True):
        for each in row:
            each.axis("off")
        for each, detector in zip(row, several, strict=False):
            weights(each, detector)
        row[0].text(-0.15, 0.5, label, transform=row[0].transAxes, ha="right", va="center", fontsize=10)
    return figure


def selectivity(answers: np.ndarray, labels: np.ndarray, digit: int) -> Figure:
    """What one unit answers to every picture, class by class."""
    figure, axes = plt.subplots(figsize=(6.4, 2.6))
    for k in range(10):
        own = np.sort(answers[labels == k])
        places = k + np.linspace(-0.3, 0.3, len(own))
        axes.plot(places, own, "o", markersize=3, color=VERMILION if k == digit else GREY)
    axes.set(xticks=range(10), xlabel="digit in the picture", ylabel="answer of the unit")
    return figure
