"""What goes on inside a network: hidden spaces, random surfaces, learning as a strip, loss surfaces. See lesson 05."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from course_lib.layers import sigmoid
from course_lib.plots import BLACK, BLUE, GREY, ORANGE, VERMILION, charts
from course_lib.plots.planes import points, regions

_PLANE = (-3, 3)


def through_hidden_space(
    inputs, targets, hidden: Callable, output: Callable, names: Sequence[str], window=(-0.5, 1.5), boundary: float = 0.0
) -> Figure:
    """Two hidden units at work: what each says of the plane, where it sends the examples, and the regions that result.

    `hidden(inputs)` gives `(examples, 2)` from 0 to 1, `names` says what the units compute; `output(hidden)` gives
    `(examples,)`, class 1 above `boundary`.
    """
    figure, (first, second, space, result) = plt.subplots(1, 4, figsize=(9, 2.45))
    for unit, axes in enumerate((first, second)):
        regions(axes, lambda x, unit=unit: hidden(x)[:, unit], window, boundary=0.5)
        points(axes, inputs, targets, size=45)
        axes.set_title(f"unit {unit + 1}: {names[unit]}", fontsize=11)
    regions(space, output, window, boundary=boundary)
    points(space, hidden(inputs), targets, size=45)
    space.set(xlabel=f"$z_1$ ({names[0]})", ylabel=f"$z_2$ ({names[1]})")
    space.set_title("the hidden space", fontsize=11)
    regions(result, lambda x: output(hidden(x)), window, boundary=boundary)
    points(result, inputs, targets, size=45)
    result.set_title("the network", fontsize=11)
    return figure


def _random_surface(units: int, weight_scale: float, rng: np.random.Generator) -> Callable:
    """A network 2-units-1 of sigmoids; all weights are normal with the standard deviation `weight_scale`."""
    hidden_kernel = weight_scale * rng.normal(size=(2, units))
    hidden_bias = 1.5 * weight_scale * rng.normal(size=units)
    output_kernel = weight_scale * rng.normal(size=units)
    output_bias = -output_kernel.sum() / 2  # so that an undecided hidden layer leaves the output undecided
    return lambda x: sigmoid(sigmoid(x @ hidden_kernel + hidden_bias) @ output_kernel + output_bias)


def random_network(hidden_units: int = 8, weight_scale: float = 4.0, number: int = 0) -> Figure:
    """The output of one random network over the plane; `number` picks which."""
    figure, axes = plt.subplots(figsize=(4.6, 3.9))
    regions(axes, _random_surface(hidden_units, weight_scale, np.random.default_rng(number)), _PLANE, boundary=0.5)
    figure.colorbar(axes.images[0], ax=axes, label="output", shrink=0.9)
    axes.set_title(f"{hidden_units} hidden unit{'s' * (hidden_units > 1)}, weights of size {weight_scale:g}")
    return figure


def random_networks(widths: Sequence[int], weight_scales: Sequence[float], number: int = 0) -> Figure:
    """A contact sheet of random networks: one row for each width, one column for each size of the weights."""
    figure, all_axes = plt.subplots(
        len(widths),
        len(weight_scales),
        figsize=(1.6 * len(weight_scales) + 0.3, 1.6 * len(widths) + 0.2),
        squeeze=False,
    )
    for row, units in enumerate(widths):
        for column, weight_scale in enumerate(weight_scales):
            axes = all_axes[row, column]
            output = _random_surface(units, weight_scale, np.random.default_rng(number + row))
            regions(axes, output, _PLANE, resolution=50, boundary=0.5)
            axes.set(xticks=[], yticks=[], xlabel="", ylabel="")
            if row == 0:
                axes.set_title(f"weights of size {weight_scale:g}", fontsize=10)
            if column == 0:
                axes.set_ylabel(f"{units} hidden unit{'s' * (units > 1)}", fontsize=10)
    return figure


@dataclass
class Film:
    """A network that learns, step by step: `surfaces[step]` is the network's answer after that many steps."""

    inputs: np.ndarray
    targets: np.ndarray
    surfaces: Sequence[Callable]

    def frame(self, step: int = 0) -> Figure:
        """The decision surface at one step."""
        figure, axes = plt.subplots(figsize=(4.2, 4))
        self._draw(axes, step, size=20)
        return figure

    def story(self, steps: Sequence[int], curves: dict[str, np.ndarray]) -> Figure:
        """The decision surface at some steps, and below, on the same clock, what the curves did meanwhile."""
        figure = plt.figure(figsize=(9, 4.7))
        grid = figure.add_gridspec(2, len(steps), height_ratios=(1, 1.3))
        for column, step in enumerate(steps):
            axes = figure.add_subplot(grid[0, column])
            self._draw(axes, step, size=9)
            axes.label_outer()
        axes = figure.add_subplot(grid[1, :])
        for (label, values), style in zip(curves.items(), ("-", "--", ":"), strict=False):
            axes.loglog(np.arange(1, len(values) + 1), values, style, label=label)
        for step in steps:
            axes.axvline(step + 1, color=GREY, linewidth=0.8, zorder=0)
        axes.set(xlabel="step + 1 (grey lines: the pictures above)", ylabel="value (log scale)")
        axes.legend(loc="lower left", bbox_to_anchor=(0.01, 0.12))
        return figure

    def _draw(self, axes, step: int, size: float) -> None:
        middle = (self.inputs.max(axis=0) + self.inputs.min(axis=0)).mean() / 2
        reach = 1.3 * np.abs(self.inputs - middle).max()
        window = (middle - reach, middle + reach)
        regions(axes, self.surfaces[step], window, resolution=50, boundary=0.5)
        points(axes, self.inputs, self.targets, size=size)
        axes.set_title(f"step {step}", fontsize=11)


def codes(all_codes: Sequence[np.ndarray], titles: Sequence[str]) -> Figure:
    """Hidden outputs from 0 (white) to 1 (black), one panel per network: patterns down, hidden units across."""
    figure, all_axes = plt.subplots(1, len(all_codes), figsize=(1.25 * len(all_codes) + 1.2, 3.4), sharey=True)
    for axes, code, title in zip(all_axes, all_codes, titles, strict=True):
        picture = axes.imshow(code, cmap="gray_r", vmin=0, vmax=1, aspect="auto")
        axes.set(xticks=range(code.shape[1]), xticklabels=range(1, code.shape[1] + 1), xlabel="hidden unit")
        axes.set_yticks(range(len(code)), range(1, len(code) + 1))
        axes.set_title(title, fontsize=10)
    all_axes[0].set_ylabel("pattern shown")
    figure.colorbar(picture, ax=all_axes[-1], label="output of the hidden unit", shrink=0.9)
    return figure


def loss_surfaces(first, second, surfaces: dict[str, np.ndarray], flat: dict[str, np.ndarray]) -> Figure:
    """Two losses over two weights, in one 3D picture; beside it, for each loss, where the surface is flat.

    All answers are wrong where the weights have unlike signs; the titles say how much of that region is flat.
    """
    figure = plt.figure(figsize=(8, 3))
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.45))
    space = left.add_subplot(projection="3d")
    for (name, values), colour in zip(surfaces.items(), (BLUE, VERMILION), strict=True):
        space.plot_surface(
            first, second, values, color=colour, alpha=0.6, rcount=16, ccount=16, linewidth=0, antialiased=False
        )
        space.plot([], [], color=colour, linewidth=6, alpha=0.6, label=name)
    ticks = np.linspace(first.min(), first.max(), 5)
    space.set(xlabel="$w_1$", ylabel="$w_2$", zlabel="loss", xticks=ticks, yticks=ticks)
    space.view_init(elev=22, azim=-60)
    space.set_box_aspect((1, 1, 0.8), zoom=0.8)
    space.legend(loc="upper center", ncols=2, bbox_to_anchor=(0.5, 1.06), columnspacing=1, handlelength=1)
    extent = (first.min(), first.max(), second.min(), second.max())
    for axes, (name, values) in zip(right.subplots(1, 2, sharey=True), surfaces.items(), strict=True):
        axes.contour(first, second, values, levels=10, colors=GREY, linewidths=0.8)
        axes.imshow(
            np.where(flat[name], 1, np.nan), extent=extent, origin="lower", cmap=ListedColormap([ORANGE]), alpha=0.8
        )
        for corner in (-0.62, 0.62):
            style = {"ha": "center", "va": "center", "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1.5}}
            axes.text(corner * first.max(), -corner * second.max(), "all wrong", **style)
            axes.text(corner * first.max(), corner * second.max(), "all right", **style)
        axes.set(xlabel="$w_1$ (orange: flat)", xticks=ticks, yticks=ticks)
        share = flat[name][first * second < 0].mean()
        axes.set_title(f"{name}\nflat in {share:.0%} of “all wrong”", fontsize=11)
        axes.label_outer()
    right.axes[0].set_ylabel("$w_2$")
    return figure


_BOWL = 2.5  # how far a picture of a bowl reaches


def _draw_walk(axes, curvature, path) -> None:
    """Contour lines of ½ wᵀHw, and a walk from a black square towards the lowest point, a star."""
    line = np.linspace(-_BOWL, _BOWL, 200)
    plane = np.stack(np.meshgrid(line, line), axis=-1)
    heights = 0.5 * np.einsum("rci,ij,rcj->rc", plane, curvature, plane)
    axes.contour(line, line, heights, levels=[0.05, 0.5, 2, 8, 32, 128], colors=GREY, linewidths=0.7)
    axes.plot(*path.T, "o-", color=BLUE, markersize=2.5, linewidth=1)
    axes.plot(*path[0], "s", color=BLACK, markersize=6)
    axes.plot(0, 0, "*", color=VERMILION, markersize=11)
    axes.set(xlim=(-_BOWL, _BOWL), ylim=(-_BOWL, _BOWL), aspect="equal", xlabel="$w_1$", ylabel="$w_2$")


def valleys(bowls: dict[str, tuple], walks: dict[tuple[str, str], np.ndarray]) -> Figure:
    """Walks down bowls ½ wᵀHw. bowls: name -> H and whatever else; walks: (bowl, way) -> `(steps + 1, 2)`."""
    ways = list(dict.fromkeys(way for _, way in walks))
    figure, all_axes = plt.subplots(len(bowls), len(ways), figsize=(9, 2.4 * len(bowls)), sharex=True, sharey=True)
    for row, (bowl, (curvature, *_)) in zip(np.atleast_2d(all_axes), bowls.items(), strict=True):
        for axes, way in zip(row, ways, strict=True):
            path = walks[bowl, way]
            _draw_walk(axes, curvature, path)
            axes.set_title(f"{way}: {len(path) - 1} steps", fontsize=11)
            axes.label_outer()
        row[0].set_ylabel(f"{bowl}\n$w_2$")
    return figure


@dataclass
class Bowl:
    """A bowl with the curvatures 1 and 100 to be turned, and ways to walk down it.

    `walk(optimizer, curvature, start, steps)` gives the path, `ways[name](learning_rate)` an optimizer.
    """

    walk: Callable
    ways: dict[str, Callable]

    def draw(self, way: str = "momentum", log_rate: float = -2.0, turned_by: int = 45, steps: int = 100) -> Figure:
        """Left the walk, right the height after each step; the learning rate is ten to the power of `log_rate`."""
        angle = np.deg2rad(turned_by)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        curvature = turn @ np.diag([1.0, 100.0]) @ turn.T
        with np.errstate(over="ignore", invalid="ignore"):  # at a rate that is too large
            path = self.walk(self.ways[way](10**log_rate), curvature, turn @ [-2.0, 0.6], steps)
            heights = 0.5 * np.sum(path @ curvature * path, axis=1)
        figure, (plane, curve) = plt.subplots(1, 2, figsize=(8, 3.4))
        _draw_walk(plane, curvature, np.where(np.abs(path) < 1e6, path, np.nan))
        plane.set_title(f"{way}, learning rate {10**log_rate:.3g}")
        curve.semilogy(np.where(heights < 1e12, heights, np.nan), color=BLUE)
        curve.axhline(0.01 * heights[0], color=GREY, linestyle="--", label="a hundredth of the start")
        curve.set(xlabel="step", ylabel="loss", ylim=(1e-6, 1e4))
        curve.legend(loc="upper right")
        return figure


def stuck_or_solved(runs: dict[str, np.ndarray], solved_below: float, xlabel: str, ylabel: str) -> Figure:
    """One panel per title: error curves `(epochs, seeds)`, those that ended below `solved_below` and the others."""
    panels = {}
    for title, errors in runs.items():
        solved = errors[-1] < solved_below
        groups = {"solved": errors[:, solved], "stuck": errors[:, ~solved]}
        words = f"{title}: {solved.sum()} of {len(solved)} solved"
        panels[words] = {group: curves for group, curves in groups.items() if curves.size}
    return charts.lines(panels, range(1, len(errors) + 1), xlabel, ylabel)


def layer_responses(
    responses: Sequence[Callable], inputs, targets, labels: Sequence[str], window=(-2.2, 2.2)
) -> Figure:
    """One row per layer: what each of its units answers over the plane (-1 to 1), and the examples in its hidden space.

    `responses[layer](inputs)` gives `(examples, units)`. The last column looks at that space from where the classes lie
    farthest apart: across, the direction that least squares finds for them; upwards, the main direction of the rest.
    """
    units = responses[0](inputs).shape[1]
    figure, all_axes = plt.subplots(len(responses), units + 1, figsize=(7.4, 1.45 * len(responses) + 0.3))
    for row, (respond, label) in enumerate(zip(responses, labels, strict=True)):
        for unit, axes in enumerate(all_axes[row, :-1]):
            regions(axes, lambda x, unit=unit, respond=respond: respond(x)[:, unit], window, resolution=50)
            axes.set(xticks=[], yticks=[], xlabel="", ylabel="")
            if row == 0:
                axes.set_title(f"unit {unit + 1}", fontsize=10)
        all_axes[row, 0].set_ylabel(label, fontsize=10)
        hidden = respond(inputs) - respond(inputs).mean(axis=0)
        apart = np.linalg.lstsq(hidden, targets - np.mean(targets), rcond=None)[0]
        apart /= np.linalg.norm(apart)
        across = hidden @ apart
        main = np.linalg.svd(hidden - np.outer(across, apart), full_matrices=False)[2][0]
        axes = all_axes[row, -1]
        points(axes, np.stack([across, hidden @ main], axis=1), targets, size=10)
        axes.set(xticks=[], yticks=[])
        if row == 0:
            axes.set_title("hidden space", fontsize=10)
    return figure
