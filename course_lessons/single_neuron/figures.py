"""The drawings of lesson 03: what one neuron does with the plane, and where it stands among all neurons."""

from __future__ import annotations

import functools

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from course_lessons.single_neuron import neuron
from course_lib import data
from course_lib.layers import sigmoid
from course_lib.plots import BLACK, BLUE, CYCLE, DIVERGING, GREEN, GREY, ORANGE, PURPLE, VERMILION
from course_lib.plots.planes import points, regions

WINDOWS = ((8, 9), (15, 9))  # row and column of the upper left corner; each is 6 x 6 pixels
MOMENTS = (0, 1, 10, 100, 1000, 10000)


def windows(pictures, truth, numbers) -> Figure:
    """The 3 and the 8 whose two numbers are nearest the mean of their class, and the numbers of all pictures."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9, 3.5), width_ratios=(1, 1, 1.5))
    for axes, target, title in ((left, 0, "a 3"), (middle, 1, "an 8")):
        of_class = np.flatnonzero(truth == target)
        from_mean = np.linalg.norm(numbers[of_class] - numbers[of_class].mean(axis=0), axis=1)
        axes.imshow(pictures[of_class[from_mean.argmin()]], cmap="gray_r")
        for row, column in WINDOWS:
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 6, 6, fill=False, color=PURPLE, linewidth=2.5))
        axes.set_title(title)
        axes.set_axis_off()
    points(right, numbers, truth, size=16)
    right.set(xlabel="ink in the upper window", ylabel="ink in the lower window")
    handles, _ = right.get_legend_handles_labels()
    right.legend(handles, ["8", "3"], loc="upper right", handletextpad=0.1)
    return figure


def border(axes, weights, window, **style) -> None:
    """The line w0 + w1 x1 + w2 x2 = 0 inside the window."""
    across = np.array(window)
    if abs(weights[2]) > abs(weights[1]):
        axes.plot(across, -(weights[0] + weights[1] * across) / weights[2], **style)
    elif weights[1]:
        axes.plot(-(weights[0] + weights[2] * across) / weights[1], across, **style)
    axes.set(xlim=window, ylim=window)


def bowl(rows, targets, paths: dict[str, np.ndarray], lowest) -> Figure:
    """Half the mean squared error over (w1, w2), with w0 at its best, and paths `(steps, 3)` of weights on it."""
    figure, (map_axes, plane) = plt.subplots(1, 2, figsize=(9, 4.4))
    first, second = np.meshgrid(np.linspace(-0.5, 1.1, 80), np.linspace(-0.3, 1.3, 80))
    weights = np.stack([np.full_like(first, lowest[0]), first, second], axis=-1)
    loss = 0.5 * np.mean((weights @ rows.T - targets) ** 2, axis=-1)
    drawn = map_axes.contour(first, second, loss, levels=12, colors=GREY, linewidths=0.8)
    map_axes.clabel(drawn, fontsize=8)
    for (name, path), colour in zip(paths.items(), (BLUE, ORANGE), strict=False):
        many = len(path) > 50
        style = {"linewidth": 0.9} if many else {"marker": "o", "markersize": 4, "linewidth": 1.5}
        map_axes.plot(path[:, 1], path[:, 2], color=colour, label=name, **style)
        border(plane, path[-1], (-3, 4), color=colour, linestyle="-" if many else "--", label=name)
    map_axes.plot(*lowest[1:], "*", color=VERMILION, markersize=15, markeredgecolor=BLACK, label="the lowest point")
    map_axes.set(xlabel="$w_1$", ylabel="$w_2$", aspect="equal", title="weights")
    map_axes.legend(loc="lower right", fontsize=9)
    points(plane, rows[:, 1:], targets, size=14)
    border(plane, lowest, (-3, 4), color=VERMILION, linewidth=1.2, linestyle=":")
    plane.set(xlabel="ink above", ylabel="ink below", aspect="equal", title="their borders")
    return figure


def dragged(inputs, targets, lines: dict[str, np.ndarray]) -> Figure:
    """Examples `(examples, 2)`, and lines by name: weights, bias first."""
    figure, axes = plt.subplots(figsize=(8.4, 3.2))
    points(axes, inputs, targets, size=22)
    heights = np.array([-3.5, 3.5])
    handles = []
    for (name, weights), colour, style in zip(lines.items(), CYCLE[2:], ("-", "--", ":"), strict=False):
        axes.plot(-(weights[0] + weights[2] * heights) / weights[1], heights, color=colour, linestyle=style)
        handles.append(Line2D([], [], color=colour, linestyle=style, label=name))
    axes.set(xlabel="$x_1$", ylabel="$x_2$", ylim=heights)
    axes.legend(handles=handles, loc="center", bbox_to_anchor=(0.63, 0.75))
    return figure


def sigmoid_and_slope() -> Figure:
    """The sigmoid and its slope, over the weighted sum."""
    figure, axes = plt.subplots(figsize=(6, 3))
    sums = np.linspace(-8, 8, 300)
    outputs = sigmoid(sums)
    axes.plot(sums, outputs, label=r"output $y = \sigma(a)$")
    axes.plot(sums, outputs * (1 - outputs), "--", label="slope $y(1-y)$")
    axes.axhline(0.25, color=GREY, linewidth=1, linestyle=":")
    axes.text(-8, 0.27, "¼", color="#555555")
    axes.set(xlabel="weighted sum $a$")
    axes.legend(loc="upper left")
    return figure


# One neuron, without bias, over the plane


def surface(direction: int = 30, length: float = 1.5) -> Figure:
    """The output over the plane as a landscape; the weights point in `direction` (degrees) and have this length."""
    figure = plt.figure(figsize=(4.4, 3.4), layout="constrained")
    axes = figure.add_subplot(projection="3d")
    weights = _weights(direction, length)
    line = np.linspace(-4, 4, 41)
    first, second = np.meshgrid(line, line)
    outputs = sigmoid(weights[0] * first + weights[1] * second)
    axes.plot_surface(first, second, outputs, cmap=DIVERGING, vmin=0, vmax=1, linewidth=0, rcount=25, ccount=25)
    axes.set(xlabel="$x_1$", ylabel="$x_2$", zlabel="output $y$", zlim=(0, 1))
    axes.set_title(f"$w_1$ = {weights[0]:.1f}, $w_2$ = {weights[1]:.1f}")
    axes.view_init(elev=35, azim=-65)
    return figure


def seventeen_surfaces() -> Figure:
    """Weights of one length in twelve directions, then of five lengths in one direction."""
    settings = [(direction, 1.5) for direction in range(0, 360, 30)]
    settings += [(30, length) for length in (0.2, 0.5, 1.0, 3.0, 8.0)]
    figure, all_axes = plt.subplots(3, 6, figsize=(9, 5.1))
    for axes, (direction, length) in zip(all_axes.flat, settings, strict=False):
        weights = _weights(direction, length)
        _soft(axes, weights, 4)
        tip = weights if length <= 3 else weights / length * 3.6
        axes.annotate("", tip, (0, 0), arrowprops={"arrowstyle": "-|>", "lw": 1.6})
        axes.set_title(f"{direction}°, length {length:g}", fontsize=9)
    all_axes[-1, -1].axis("off")
    return figure


def weight_map(reach: int = 3) -> Figure:
    """A small picture of each neuron on a grid in weight space, where it lives."""
    places = np.arange(-reach, reach + 1)
    figure, all_axes = plt.subplots(len(places), len(places), figsize=(6, 6))
    for axes, second in zip(all_axes, places[::-1], strict=True):
        for each, first in zip(axes, places, strict=True):
            _soft(each, np.array([first, second], dtype=float), 3)
    for axes, first in zip(all_axes[-1], places, strict=True):
        axes.set_xlabel(f"{first:g}".replace("-", "−"))
    for axes, second in zip(all_axes[:, 0], places[::-1], strict=True):
        axes.set_ylabel(f"{second:g}".replace("-", "−"))
    figure.supxlabel("$w_1$")
    figure.supylabel("$w_2$")
    return figure


def example_lines(inputs, targets) -> Figure:
    """Examples in the plane; in weight space the line of each, and shaded the neurons that are right about all."""
    figure, all_axes = plt.subplots(1, 3, figsize=(9, 3.4))
    window, signs = (-3, 3), 2 * np.asarray(targets) - 1
    points(all_axes[0], inputs, targets)
    for number, (x, y) in enumerate(inputs, start=1):
        all_axes[0].annotate(str(number), (x, y), (7, 5), textcoords="offset points")
    all_axes[0].set(xlabel="$x_1$", ylabel="$x_2$", xlim=window, ylim=window, aspect="equal", title="examples")
    line = np.linspace(*window, 300)
    plane = np.stack(np.meshgrid(line, line), axis=-1)
    for axes, number in zip(all_axes[1:], (len(inputs) - 1, len(inputs)), strict=True):
        right = np.all(signs[:number] * (plane @ np.asarray(inputs[:number]).T) > 0, axis=-1)
        axes.contourf(line, line, right, levels=[0.5, 1.5], colors=[GREEN], alpha=0.4)
        for place, example in enumerate(inputs[:number]):
            border(axes, np.array([0, *example]), window, color=BLACK, linewidth=1.2)
            along = np.array([-example[1], example[0]]) / np.abs(example).max() * 2.6
            axes.text(*along, str(place + 1), bbox={"facecolor": "white", "edgecolor": "none", "pad": 1}, ha="center")
        axes.set(xlabel="$w_1$", ylabel="$w_2$", aspect="equal", title=f"neurons, {number} examples")
    return figure


def _weights(direction: float, length: float) -> np.ndarray:
    angle = np.deg2rad(direction)
    return length * np.array([np.cos(angle), np.sin(angle)])


def _soft(axes, weights, reach: float) -> None:
    """The output of a sigmoid neuron without bias, over the plane, as colours and without numbers."""
    line = np.linspace(-reach, reach, 41)
    outputs = sigmoid(weights[0] * line[None, :] + weights[1] * line[:, None])
    axes.imshow(outputs, extent=(-reach, reach) * 2, origin="lower", cmap=DIVERGING, vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


# Surprise


def surprise_curves(rows, targets, path) -> Figure:
    """The surprise at both targets, over the output; and the mean surprise over (w1, w2), with a path `(steps, 3)`."""
    figure, (curves, map_axes) = plt.subplots(1, 2, figsize=(8.8, 3.9))
    outputs = np.linspace(0.005, 0.995, 200)
    curves.plot(outputs, -np.log(outputs), label=r"target 1: $-\log\,y$")
    curves.plot(outputs, -np.log(1 - outputs), "--", label=r"target 0: $-\log(1-y)$")
    curves.set(xlabel="output $y$", ylabel="surprise", ylim=(0, None))
    curves.legend(loc="upper center")
    first, second = np.meshgrid(np.linspace(-1, 4, 80), np.linspace(-0.5, 4.5, 80))
    weights = np.stack([np.full_like(first, path[-1, 0]), first, second], axis=-1)
    losses = neuron.surprise(np.moveaxis(weights @ rows.T, -1, 0).reshape(len(rows), -1), targets)
    drawn = map_axes.contourf(first, second, losses.reshape(first.shape), levels=14, cmap="Blues")
    figure.colorbar(drawn, ax=map_axes, label="mean surprise")
    map_axes.plot(path[:, 1], path[:, 2], color=ORANGE, marker=".")
    map_axes.plot(*path[-1, 1:], "*", color=VERMILION, markersize=14, markeredgecolor=BLACK)
    map_axes.set(xlabel="$w_1$", ylabel="$w_2$", aspect="equal")
    return figure


def two_valleys(grid, curves: dict[str, np.ndarray]) -> Figure:
    """Losses over one weight, each in a panel, with its lowest points marked."""
    figure, all_axes = plt.subplots(1, len(curves), figsize=(8.4, 3.1))
    for axes, (title, losses), colour in zip(all_axes, curves.items(), CYCLE, strict=False):
        axes.plot(grid, losses, color=colour)
        low = valleys(losses)
        axes.plot(grid[low], losses[low], "o", color=VERMILION, markeredgecolor=BLACK)
        axes.set(title=title, xlabel="weight $w$", ylim=(0, None))
    return figure


def valleys(losses) -> np.ndarray:
    """The places where a curve is lower than at both neighbours."""
    return 1 + np.flatnonzero((losses[1:-1] < losses[:-2]) & (losses[1:-1] < losses[2:]))


# Watch it learn


@functools.cache
def sixteen() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The ink numbers and targets of sixteen digits that a line through the middle parts, and of the validation part.

    Standardised with the mean and spread of all training digits.
    """
    digits = data.mnist_5k()
    pictures, truth = neuron.threes_and_eights(digits.train)
    new, new_truth = neuron.threes_and_eights(digits.validation)
    numbers = neuron.left_ink(pictures)
    centre, spread = numbers.mean(axis=0), numbers.std(axis=0)
    chosen = np.random.default_rng(15).permutation(len(truth))[:16]
    few = (numbers[chosen] - centre) / spread
    return few, truth[chosen], (neuron.left_ink(new) - centre) / spread, new_truth


@functools.lru_cache(maxsize=32)
def path(decay: float) -> np.ndarray:
    """Weights `(10001, 2)` of a neuron without bias on the sixteen digits, learning rate 1."""
    few, truth, _, _ = sixteen()
    return descend_without_bias(few, truth, decay, max(MOMENTS))


def descend_without_bias(inputs, targets, decay: float, steps: int) -> np.ndarray:
    weights = np.zeros((steps + 1, inputs.shape[1]))
    for step in range(steps):
        slope = inputs.T @ (sigmoid(inputs @ weights[step]) - targets) / len(inputs) + decay * weights[step]
        weights[step + 1] = weights[step] - slope
    return weights


def moments(decays=(0.0, 0.01)) -> Figure:
    """Six moments of learning in data space, and the path in weight space; a row for each strength of weight decay."""
    figure, all_axes = plt.subplots(len(decays), 1 + len(MOMENTS), figsize=(9, 3.3), width_ratios=[1] * 6 + [1.4])
    for axes, decay in zip(all_axes, decays, strict=True):
        for each, step in zip(axes, MOMENTS, strict=False):
            _data_space(each, path(decay)[step], size=12)
            each.set(xticks=[], yticks=[], xlabel="", ylabel="")
            if decay == decays[0]:
                each.set_title(f"step {step:,}", fontsize=9)
        axes[0].set_ylabel(f"α = {decay:g}")
        _weight_space(axes[-1], decay, MOMENTS[-1])
    return figure


def learning(log_step: float = 2.0, decay: float = 0.0) -> Figure:
    """Data space and weight space at step 10 ** log_step, with the surprise so far."""
    step = min(round(10**log_step), MOMENTS[-1])
    few, truth, new, new_truth = sixteen()
    figure, (plane, weights, curve) = plt.subplots(1, 3, figsize=(9, 3.3))
    _data_space(plane, path(decay)[step], size=35)
    _weight_space(weights, decay, step)
    steps = np.unique(np.geomspace(1, step, 60).astype(int))
    for name, inputs, targets, style in (("examples", few, truth, "-"), ("validation", new, new_truth, "--")):
        losses = neuron.surprise(inputs @ path(decay)[steps].T, targets)
        curve.plot(steps, losses, style, label=f"{name}: {losses[-1]:.2f}")
    curve.set(xscale="log", xlabel="step", title="surprise", ylim=(0, None), xlim=(0.9, MOMENTS[-1] * 1.1))
    curve.legend()
    return figure


def _data_space(axes, weights, size: float) -> None:
    few, truth, _, _ = sixteen()
    regions(axes, lambda inputs: sigmoid(inputs @ weights), window=(-3, 3), boundary=0.5, resolution=80)
    points(axes, few, truth, size=size)


def _weight_space(axes, decay: float, step: int) -> None:
    way = path(decay)[: step + 1]
    axes.plot(*way.T, color=ORANGE)
    passed = [moment for moment in MOMENTS if moment <= step]
    axes.plot(*way[passed].T, "o", color=BLUE, markersize=4)
    axes.plot(*way[-1], "*", color=VERMILION, markersize=13, markeredgecolor=BLACK)
    axes.set(xlabel="$w_1$", ylabel="$w_2$", xlim=(-2, 6), ylim=(-1, 20))


# All pixels


def weight_pictures(pictures: dict[str, np.ndarray]) -> Figure:
    """Weights `(784,)` as pictures, blue below zero, orange above; each on its own scale."""
    figure, all_axes = plt.subplots(1, len(pictures), figsize=(2.6 * len(pictures), 2.9))
    for axes, (title, weights) in zip(np.atleast_1d(all_axes), pictures.items(), strict=True):
        largest = np.abs(weights).max()
        axes.imshow(weights.reshape(28, 28), cmap=DIVERGING, vmin=-largest, vmax=largest)
        axes.set_axis_off()
        axes.set_title(title, fontsize=11)
    return figure


# Two units and an OR


def two_units(inputs, targets, units) -> Figure:
    """Where each of two units fires, and where either does. Weights bias first, a row for each unit."""
    figure, all_axes = plt.subplots(1, 3, figsize=(8.4, 3.1))
    answers = [
        ("first ADALINE", lambda x: np.where(units[0][0] + x @ units[0][1:] > 0, 1, -1)),
        ("second ADALINE", lambda x: np.where(units[1][0] + x @ units[1][1:] > 0, 1, -1)),
        ("OR of both", lambda x: np.where((neuron.with_bias(x) @ units.T > 0).any(axis=1), 1, -1)),
    ]
    for axes, (title, answer) in zip(all_axes, answers, strict=True):
        regions(axes, answer, window=(-2, 2))
        points(axes, inputs, targets)
        axes.set_title(title)
        axes.label_outer()
    return figure
