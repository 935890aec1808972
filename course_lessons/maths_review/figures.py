"""Masts on a map, slopes and descents: the drawings of lesson 01."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from course_lib.plots import BLACK, BLUE, CYCLE, GREEN, GREY, ORANGE, VERMILION
from course_lib.plots.grids import grid, outline

_KILOMETRES = (-1, 11)
_STYLES, _DOTS = ("-", "--", ":"), "os^"


@dataclass
class Town:
    """Masts `(masts, 2)` on a map, and how far away each says that the phone is, `told` `(masts,)`."""

    masts: np.ndarray
    told: np.ndarray

    def distances(self, place) -> np.ndarray:
        """From places `(..., 2)` to every mast, `(..., masts)`."""
        return np.linalg.norm(np.asarray(place, dtype=float)[..., None, :] - self.masts, axis=-1)

    def loss(self, place) -> np.ndarray:
        """Half the mean squared miss, `(...,)`."""
        return 0.5 * np.mean((self.distances(place) - self.told) ** 2, axis=-1)

    def at(self, east: float = 4.0, north: float = 6.0) -> Figure:
        """A guess on the map, with the circle on which each mast puts the phone; beside it how far each is missed."""
        figure, (map_axes, axes) = plt.subplots(1, 2, figsize=(8.4, 4.0), width_ratios=(1.2, 1))
        self._map(map_axes)
        for mast, distance, colour in zip(self.masts, self.told, CYCLE, strict=False):
            map_axes.add_patch(plt.Circle(mast, distance, fill=False, color=colour, linestyle="--", linewidth=1.3))
            map_axes.plot(*zip(mast, (east, north), strict=True), color=colour, linewidth=1)
        map_axes.plot(east, north, "o", color=BLACK, markersize=9)
        misses = self.distances((east, north)) - self.told
        axes.barh(range(1, len(misses) + 1), misses, color=CYCLE[: len(misses)])
        axes.axvline(0, color=BLACK, linewidth=1)
        axes.set(yticks=range(1, len(misses) + 1), ylim=(len(misses) + 0.6, 0.4), xlim=(-7, 7))
        axes.set(ylabel="mast", xlabel="distance − what the mast says (km)")
        axes.set_title(f"loss {self.loss((east, north)):.3f}")
        return figure

    def arrows(self, place) -> Figure:
        """The Jacobian of the distances at `place`: for each mast a unit arrow that leads away from it."""
        figure, axes = plt.subplots(figsize=(5.2, 4.6))
        self._map(axes)
        for mast, distance, colour in zip(self.masts, self.distances(place), CYCLE, strict=False):
            axes.plot(*zip(mast, place, strict=True), color=colour, linewidth=1, linestyle=":")
            _arrow(axes, place, (np.asarray(place) - mast) / distance, colour)
        axes.add_patch(plt.Circle(place, 1, fill=False, color=GREY, linewidth=1))
        axes.plot(*place, "o", color=BLACK, markersize=7)
        return figure

    def descents(self, paths: dict[str, np.ndarray]) -> Figure:
        """Paths `(steps + 1, 2)` on the contours of the loss, and their loss, step by step."""
        figure, (map_axes, axes) = plt.subplots(1, 2, figsize=(8.8, 4.2), width_ratios=(1.15, 1))
        self._map(map_axes, contours=True)
        for (label, path), style, dot, colour in zip(
            paths.items(), _STYLES, _DOTS, (BLUE, GREEN, VERMILION), strict=False
        ):
            look = {"color": colour, "linestyle": style, "marker": dot, "markersize": 4, "linewidth": 1.3}
            map_axes.plot(*path.T, **look)
            axes.plot(self.loss(path), label=label, **look)
        axes.set(yscale="log", xlabel="steps", ylabel="loss")
        axes.set_ylim(bottom=max(axes.get_ylim()[0], 1e-9))
        figure.legend(loc="outside lower center", ncols=len(paths))
        return figure

    def walk(
        self, east: float = 1.0, north: float = 9.0, rate: float = 1.0, noise: float = 0.0, steps: int = 60
    ) -> Figure:
        """One descent from (east, north); `noise` spoils what the masts say, in kilometres."""
        spoilt = Town(self.masts, self.told + noise * np.random.default_rng(0).normal(size=len(self.told)))
        path = [np.array([east, north])]
        for _ in range(steps):
            if np.abs(path[-1]).max() > 1000:
                break  # it will not come back
            path.append(path[-1] - rate * spoilt.gradient(path[-1]))
        figure = spoilt.descents({f"rate {rate:g}": np.array(path)})
        figure.axes[0].plot(*path[-1], "*", color=BLACK, markersize=13, clip_on=True)
        return figure

    def gradient(self, places) -> np.ndarray:
        """Of the loss, `(..., 2)`; on a mast itself its arrow counts as nothing."""
        apart = np.asarray(places, dtype=float)[..., None, :] - self.masts
        distances = np.linalg.norm(apart, axis=-1, keepdims=True)
        unit = np.divide(apart, distances, out=np.zeros_like(apart), where=distances > 0)
        return np.mean((distances - self.told[:, None]) * unit, axis=-2)

    def valleys(self, line: tuple[np.ndarray, np.ndarray], starts: np.ndarray, ends: np.ndarray) -> Figure:
        """Many descents: along one street, over the map, and how low they came.

        line: starts and ends `(runs, 2)` of walkers who only go north or south; starts, ends: of free walkers.
        """
        figure, (street, map_axes, axes) = plt.subplots(1, 3, figsize=(9, 3.6), width_ratios=(1, 1.15, 1))
        north = np.linspace(*_KILOMETRES, 300)
        street.plot(north, self.loss(np.column_stack([np.full_like(north, line[0][0, 0]), north])), color=GREY)
        street.plot(line[0][:, 1], self.loss(line[0]), ".", color=BLUE, markersize=4, label="starts")
        street.plot(line[1][:, 1], self.loss(line[1]), "o", color=VERMILION, label="ends")
        street.set(xlabel="north (km)", ylabel="loss", title="one knob: a street north")
        street.legend(loc="upper center")
        self._map(map_axes, contours=True)
        upper = ends[:, 1] > self.masts[:, 1].mean()
        for side, colour, dot in ((upper, ORANGE, "^"), (~upper, BLUE, "o")):
            map_axes.plot(*starts[side].T, dot, color=colour, markersize=3, alpha=0.7)
            map_axes.plot(*ends[side].T, dot, color=colour, markersize=10, markeredgecolor=BLACK)
        map_axes.set_title("two knobs: the map")
        losses = self.loss(ends)
        bins = np.linspace(0, 1.2 * losses.max(), 22)
        axes.hist([losses[upper], losses[~upper]], bins, stacked=True, color=[ORANGE, BLUE])
        axes.set(xlabel="loss at the end", ylabel="walks", title="how low?")
        return figure

    def _map(self, axes, contours: bool = False) -> None:
        if contours:
            line = np.linspace(*_KILOMETRES, 160)
            heights = self.loss(np.stack(np.meshgrid(line, line), axis=-1))
            levels = heights.min() + (heights.max() - heights.min()) * np.linspace(0.015, 0.95, 14) ** 2
            axes.contour(line, line, heights, levels=levels, colors=GREY, linewidths=0.8)
        for number, mast in enumerate(self.masts, start=1):
            axes.plot(*mast, "s", color=CYCLE[(number - 1) % len(CYCLE)], markersize=9, markeredgecolor=BLACK)
            axes.annotate(f"{number}", mast, xytext=(7, 5), textcoords="offset points", fontsize=11, weight="bold")
        axes.set(xlabel="east (km)", ylabel="north (km)", xlim=_KILOMETRES, ylim=_KILOMETRES, aspect="equal")


def _arrow(axes, foot, arrow, colour: str) -> None:
    head = {"arrowstyle": "-|>", "lw": 2.2, "color": colour, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 16}
    axes.annotate("", np.asarray(foot) + arrow, foot, arrowprops=head)


def readings(first: np.ndarray, second: np.ndarray) -> Figure:
    """The product of two 2 x 2 matrices, read in three ways, one row each: an entry, a column, outer products."""
    product = first @ second
    rows = [
        ("an entry: a row\ntimes a column", ["=", "·"], [(first, "A", (1, 0, 1, 2)), (second, "B", (0, 0, 2, 1))]),
        (
            "a column: a mixture\nof A's columns",
            [f"= {second[0, 0]:g} ·", f"+ {second[1, 0]:g} ·"],
            [(first[:, :1], "column 1", (0, 0, 2, 1)), (first[:, 1:], "column 2", (0, 0, 2, 1))],
        ),
        (
            "all of it: a sum\nof outer products",
            ["=", "+"],
            [
                (np.outer(first[:, place], second[place]), f"column {place + 1} × row {place + 1}", (0, 0, 2, 2))
                for place in (0, 1)
            ],
        ),
    ]
    figure, all_axes = plt.subplots(3, 6, figsize=(7.6, 4.2), width_ratios=(1.6, 1, 0.5, 1.2, 0.5, 1.2))
    for axes in all_axes[:, [0, 2, 4]].flat:
        axes.axis("off")
    frames = [(1, 0, 1, 1), (0, 0, 2, 1), (0, 0, 2, 2)]
    for axes_row, (name, signs, parts), frame in zip(all_axes, rows, frames, strict=True):
        axes_row[0].text(0, 0.5, name, va="center", fontsize=11, transform=axes_row[0].transAxes)
        for axes, (values, title, framed) in zip(axes_row[1::2], [(product, "C", frame), *parts], strict=True):
            grid(axes, values, title, limit=np.abs(product).max())
            outline(axes, *framed)
        for axes, sign in zip(axes_row[2::2], signs, strict=True):
            axes.text(0.5, 0.5, sign, ha="center", va="center", fontsize=13, transform=axes.transAxes)
    return figure


@dataclass
class Secant:
    """A curve, and the line through two of its points that lie `step` apart, the first at `x`."""

    function: Callable
    x: float
    window: tuple[float, float]

    def at(self, step: float = 3.0) -> Figure:
        """The secant, and the tangent that it closes on."""
        figure, axes = plt.subplots(figsize=(5.6, 3.6))
        self._draw(axes, step)
        return figure

    def strip(self, steps) -> Figure:
        """A panel for each step."""
        figure, all_axes = plt.subplots(1, len(steps), figsize=(9, 3.0), sharey=True)
        for axes, step in zip(all_axes, steps, strict=True):
            self._draw(axes, step)
            axes.label_outer()
        return figure

    def slope(self, step: float) -> float:
        """Of the secant."""
        return (self.function(self.x + step) - self.function(self.x)) / step

    def _draw(self, axes, step: float) -> None:
        line = np.linspace(*self.window, 200)
        heights = np.array([self.function(each) for each in line])
        here = self.function(self.x)
        axes.plot(line, heights, color=BLACK)
        tangent = (self.function(self.x + 1e-5) - self.function(self.x - 1e-5)) / 2e-5
        for slope, look in ((tangent, {"color": GREY, "linestyle": "--"}), (self.slope(step), {"color": VERMILION})):
            axes.plot(line, here + slope * (line - self.x), linewidth=1.6, **look)
        axes.plot([self.x, self.x + step], [here, self.function(self.x + step)], "o", color=VERMILION)
        room = heights.max() - heights.min()
        axes.set(ylim=(heights.min() - 0.2 * room, heights.max() + 0.1 * room), xlim=self.window)
        axes.set(xlabel="$w_1$ (km east)", ylabel="loss")
        axes.set_title(f"h = {step:.3g}: slope {self.slope(step):.2f}", fontsize=11)


def nudge_sizes(nudges, errors: dict[str, np.ndarray], predicted: dict[str, float]) -> Figure:
    """Error of a quotient of differences against the nudge, for each kind; where its lowest point was predicted."""
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    handles = []
    for (name, row), colour, style in zip(errors.items(), (BLUE, VERMILION), _STYLES, strict=False):
        handles += axes.plot(nudges, row, style, color=colour, label=name)
        axes.axvline(predicted[name], color=colour, linestyle=style, linewidth=1)
    handles.append(Line2D([], [], color=GREY, linewidth=1, label="predicted best nudge"))
    axes.set(xscale="log", yscale="log", xlabel="nudge h", ylabel="relative error")
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def steps_and_error(record) -> Figure:
    """Loss on the digits learnt from, and error on new ones, against the steps of a walk; beside the exact minimum.

    record: a table with the columns steps (a number, or the word exact), seed, loss and test_error.
    """
    walked = record[record.steps != "exact"]
    walked = walked.assign(steps=walked.steps.astype(int))
    figure, all_axes = plt.subplots(1, 2, figsize=(8.4, 3.4))
    panels = {"loss": "loss on the digits learnt from", "test_error": "error on new digits"}
    for axes, (column, title) in zip(all_axes, panels.items(), strict=True):
        runs = walked.pivot(index="steps", columns="seed", values=column)
        axes.plot(runs.index, runs.mean(axis=1), "o-", color=BLUE, markersize=5, label="walk downhill, mean")
        axes.fill_between(
            runs.index, runs.min(axis=1), runs.max(axis=1), color=BLUE, alpha=0.2, linewidth=0,
            label=f"lowest to highest of {runs.shape[1]} runs",
        )  # fmt: skip
        exact = record.loc[record.steps == "exact", column].mean()
        axes.axhline(exact, color=VERMILION, linestyle="--", label="exact minimum, mean")
        axes.set(xscale="log", xlabel="steps", title=title)
        axes.set_ylim(bottom=0)
    all_axes[1].yaxis.set_major_formatter(lambda share, _: f"{100 * share:.4g}%")
    figure.legend(*all_axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def fewest_tries(record) -> tuple[list[int], list[float], np.ndarray]:
    """Of a record of random searches, for each number of knobs the share that needs fewest tries on average.

    Returns the numbers of knobs, these shares, and the tries `(numbers, seeds)`.
    """
    best = record.groupby(["knobs", "share"])["tries"].mean().groupby("knobs").idxmin()
    knobs, shares = zip(*best, strict=True)
    tries = [record.loc[(record.knobs == n) & (record.share == share), "tries"] for n, share in best]
    return list(knobs), list(shares), np.array(tries)
