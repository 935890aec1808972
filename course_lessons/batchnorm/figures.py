"""Distributions that move, and what normalising does to them. See lesson 15."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from course_lib.plots import BLACK, BLUE, CYCLE, DIVERGING, GREY, ORANGE, PURPLE, SKY, VERMILION
from course_lib.plots.planes import points, regions

_MOMENTS = (SKY, BLUE, BLACK)  # early, later, last: darker as time goes on


_NORMAL = np.linspace(-5, 5, 201), np.exp(-(np.linspace(-5, 5, 201) ** 2) / 2) / np.sqrt(2 * np.pi)


def shifted_pictures(rows: dict[str, np.ndarray], accuracies: dict[str, float], vmin: float, vmax: float) -> Figure:
    """Rows of pictures `(number, height, width)` by title, and beside each row the share that was recognised."""
    columns = len(next(iter(rows.values())))
    figure, all_axes = plt.subplots(
        len(rows), columns + 1, figsize=(8.4, 1.15 * len(rows)), width_ratios=[1] * columns + [3.4]
    )
    for row, (title, images) in zip(all_axes, rows.items(), strict=True):
        for axes, image in zip(row[:-1], images, strict=True):
            axes.imshow(image, cmap="gray_r", vmin=vmin, vmax=vmax)
            axes.axis("off")
        row[-1].barh([0], [accuracies[title]], color=BLUE, height=0.5)
        row[-1].set(xlim=(0, 1.2), ylim=(-0.6, 1), xticks=[], yticks=[])
        row[-1].text(0, 0.45, title, fontsize=10.5)
        row[-1].text(accuracies[title] + 0.02, 0, f"{accuracies[title]:.0%} right", va="center", fontsize=10.5)
        row[-1].spines[["bottom", "left"]].set_visible(False)
    return figure


def stations(rows: dict[str, dict[str, list]], moments: list[str], special: str) -> Figure:
    """A network as a chain of boxes, and under each box what flows there at several moments of the training.

    rows: title -> {station: one array of values for each moment}, as many stations in each row; the station called
    `special` is drawn in another colour.
    """
    columns = len(next(iter(rows.values())))
    figure, all_axes = plt.subplots(
        2 * len(rows), columns, figsize=(9, 2.35 * len(rows)), height_ratios=(0.5, 1) * len(rows)
    )
    for index, (title, chain) in enumerate(rows.items()):
        boxes, plots = all_axes[2 * index], all_axes[2 * index + 1]
        for column, ((name, values), box, axes) in enumerate(zip(chain.items(), boxes, plots, strict=True)):
            _box(box, name, name == special, column > 0, column < columns - 1)
            low, high = np.quantile(np.concatenate(values), [0.005, 0.995])
            bins = np.linspace(low - 1e-6, high + 1e-6, 26)
            for moment, colour in zip(values, _MOMENTS, strict=False):
                axes.hist(moment, bins, density=True, histtype="step", color=colour, linewidth=1.6)
            axes.locator_params(axis="x", nbins=3)
            axes.set(yticks=[])
            axes.spines["left"].set_visible(False)
        boxes[0].set_title(title, loc="left", fontsize=11)
    colours = zip(moments, _MOMENTS, strict=False)
    handles = [plt.Line2D([], [], color=colour, label=moment) for moment, colour in colours]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(moments))
    return figure


def _box(axes, name: str, special: bool, arrow_in: bool, arrow_out: bool) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")
    style = {"color": GREY, "shrinkA": 0, "shrinkB": 0}
    if arrow_in:
        arrow = style | {"arrowstyle": "-|>"}
        axes.annotate("", (0.24, 0.5), (-0.15, 0.5), arrowprops=arrow, annotation_clip=False)
    if arrow_out:
        axes.annotate("", (1.15, 0.5), (0.76, 0.5), arrowprops=style | {"arrowstyle": "-"}, annotation_clip=False)
    face = ORANGE if special else "#eef3f8"
    axes.add_patch(FancyBboxPatch((0.27, 0.2), 0.46, 0.6, boxstyle="round,pad=0.03", facecolor=face, edgecolor=BLACK))
    axes.text(0.5, 0.48, name, ha="center", va="center", fontsize=11)


def tracks(panels: dict[str, tuple[np.ndarray, np.ndarray]], units: list[int], xlabel: str, ylabel: str) -> Figure:
    """One panel per title: means and standard deviations `(times, units)` of a few units, the first with a band."""
    figure, all_axes = plt.subplots(1, len(panels), figsize=(8.4, 3), sharey=True)
    for axes, (title, (means, deviations)) in zip(all_axes, panels.items(), strict=True):
        times, first = np.arange(1, len(means) + 1), units[0]
        low, high = means[:, first] - deviations[:, first], means[:, first] + deviations[:, first]
        axes.fill_between(times, low, high, color=SKY, alpha=0.35, linewidth=0, label=f"unit {first}: mean ± deviation")
        for unit, colour, style in zip(units, CYCLE, ("-", "--", ":"), strict=False):
            axes.plot(times, means[:, unit], style, color=colour, label=f"unit {unit}: mean", linewidth=1.5)
        axes.set(title=title, xlabel=xlabel)
    all_axes[0].set_ylabel(ylabel)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=len(units) + 1)
    return figure


def clouds(panels: dict[str, np.ndarray]) -> Figure:
    """Clouds of points `(examples, 2)` side by side, each with the axes through its middle."""
    figure, all_axes = plt.subplots(1, len(panels), figsize=(8.4, 2.9))
    for axes, (title, cloud) in zip(all_axes, panels.items(), strict=True):
        axes.scatter(*cloud.T, s=7, color=BLUE, alpha=0.5)
        for line, middle in ((axes.axvline, cloud[:, 0].mean()), (axes.axhline, cloud[:, 1].mean())):
            line(middle, color=GREY, linewidth=0.8, zorder=0)
        axes.set(title=title, xlabel="unit 1", aspect="equal", adjustable="datalim")
    all_axes[0].set_ylabel("unit 2")
    return figure


def costs(widths, seconds: dict[str, np.ndarray]) -> Figure:
    """Times against the width, both in powers, with a dotted line that grows as the cube of the width."""
    figure, axes = plt.subplots(figsize=(5.6, 3.4))
    for (label, times), marker in zip(seconds.items(), "os", strict=False):
        axes.loglog(widths, times, marker=marker, label=label)
    slowest = max(seconds.values(), key=lambda times: times[-1])
    cube = slowest[-1] * (np.asarray(widths) / widths[-1]) ** 3.0
    axes.loglog(widths, cube, ":", color=GREY, label="grows with the cube")
    axes.set_xticks(widths, widths)
    axes.minorticks_off()
    axes.set(xlabel="units in the layer", ylabel="seconds for one batch")
    axes.legend()
    return figure


def histograms(panels: dict[str, np.ndarray], xlabel: str, normal: tuple[str, ...] = ()) -> Figure:
    """Histograms side by side, mean and standard deviation in the title; those in `normal` with the normal curve."""
    figure, all_axes = plt.subplots(1, len(panels), figsize=(2.9 * len(panels), 2.9))
    for axes, (title, values) in zip(all_axes, panels.items(), strict=True):
        low, high = np.quantile(values, [0.002, 0.998])
        axes.hist(values, np.linspace(low, high, 41), density=True, color=SKY)
        axes.axvline(values.mean(), color=BLUE)
        if title in normal:
            axes.plot(*_NORMAL, color=VERMILION, linestyle="--", label="normal curve")
            axes.legend(loc="upper right", handlelength=1.2)
        axes.set(xlabel=xlabel, yticks=[], xlim=(low - 0.1 * (high - low), high + 0.1 * (high - low)))
        axes.set_title(f"{title}\nmean {round(values.mean(), 1) + 0:.1f}, deviation {values.std():.1f}", fontsize=11)
        axes.spines["left"].set_visible(False)
    return figure


def batch_statistics(
    batch_size: int = 16, shift: float = 3.0, stretch: float = 2.0, gamma: float = 1.0, beta: float = 0.0
) -> Figure:
    """One batch of one unit before and after batch normalisation.

    The unit's sums come from a normal distribution with mean `shift` and standard deviation `stretch`.
    """
    figure, axes = plt.subplots(2, 1, figsize=(5.2, 3.6), sharex=True)
    _before_and_after(axes, batch_size, shift, stretch, gamma, beta)
    return figure


def batch_statistics_sheet(settings: list[dict]) -> Figure:
    """Several settings of `batch_statistics` side by side."""
    figure, all_axes = plt.subplots(2, len(settings), figsize=(9, 3.4), sharex=True, sharey="row")
    for axes, setting in zip(all_axes.T, settings, strict=True):
        defaults = {"batch_size": 16, "shift": 3.0, "stretch": 2.0, "gamma": 1.0, "beta": 0.0}
        _before_and_after(axes, **defaults | setting)
        axes[0].set_title(", ".join(f"{name} {value:g}" for name, value in setting.items()), fontsize=10.5)
    return figure


def _before_and_after(axes, batch_size, shift, stretch, gamma, beta) -> None:
    before = shift + stretch * np.random.default_rng(1).normal(size=batch_size)
    after = gamma * (before - before.mean()) / np.sqrt(before.var() + 1e-3) + beta
    x = np.linspace(-8, 8, 321)
    axes[0].fill_between(x, np.interp((x - shift) / stretch, *_NORMAL) / stretch, color=GREY, alpha=0.35, linewidth=0)
    axes[1].fill_between(x, np.interp((x - beta) / gamma, *_NORMAL) / gamma, color=GREY, alpha=0.35, linewidth=0)
    for panel, values, colour, name in ((axes[0], before, BLUE, "before"), (axes[1], after, VERMILION, "after")):
        panel.plot(values, np.full(batch_size, -0.03), "|", color=colour, markersize=9, markeredgewidth=1.5)
        panel.axvline(values.mean(), color=colour, linewidth=1.5)
        side, place = ("left", 0.02) if values.mean() > -0.5 else ("right", 0.98)
        words = f"{name}\nmean {round(values.mean(), 2) + 0:.2f}\ndeviation {values.std():.2f}"
        panel.text(place, 0.97, words, transform=panel.transAxes, ha=side, va="top", fontsize=9.5, color=colour)
        panel.set(yticks=[], xlim=(-8, 8))
        panel.spines["left"].set_visible(False)
    axes[1].set_xlabel("what enters the activation")


def paths() -> Figure:
    """The way of the loss back to one input of a batch normalisation: three arrows leave x, each in its own colour."""
    figure, axes = plt.subplots(figsize=(8.4, 3.3))
    places = {
        "$x_i$": (0, 0),
        "mean": (1.5, -2.2),
        "Var": (3.1, -1.2),
        "$\\hat x_i$": (4.8, 0),
        "$y_i$": (6.3, 0),
        "$\\ell$": (7.6, 0),
    }
    direct, variance, mean = (BLUE, "-"), (VERMILION, "--"), (PURPLE, ":")
    x, middle, spread, normal, y, loss = places
    arrows = [
        (x, normal, direct, 0),
        (x, spread, variance, 0),
        (spread, normal, variance, 0),
        (x, middle, mean, 0),
        (middle, normal, mean, 0.25),
        (middle, spread, mean, 0),
        (normal, y, (GREY, "-"), 0),
        (y, loss, (GREY, "-"), 0),
    ]
    for start, end, (colour, style), bend in arrows:
        axes.annotate(
            "", places[end], places[start],
            arrowprops={
                "arrowstyle": "-|>", "color": colour, "linestyle": style, "linewidth": 2, "shrinkA": 21, "shrinkB": 21,
                "connectionstyle": f"arc3,rad={bend}",
            },
        )  # fmt: skip
    for name, place in places.items():
        box = {"boxstyle": "round,pad=0.4", "facecolor": "#eef3f8", "edgecolor": BLACK}
        axes.text(*place, name, ha="center", va="center", fontsize=13, bbox=box)
    words = {
        "straight on": (2.4, 0.2, BLUE),
        "by the variance": (2.1, -0.55, VERMILION),
        "by the mean": (0.05, -1.35, PURPLE),
    }
    for label, (left, height, colour) in words.items():
        axes.text(left, height, label, color=colour, fontsize=10.5, ha="center")
    axes.text(5.55, 0.3, "γ, β", color=GREY, fontsize=10.5, ha="center")
    axes.set(xlim=(-0.9, 8.1), ylim=(-2.7, 0.7))
    axes.axis("off")
    return figure


def shared_statistics(examples: int = 3, side: int = 4, channels: int = 3) -> Figure:
    """The maps of a convolution, a row of squares for each example: what shares a mean has one colour."""
    figure, axes = plt.subplots(figsize=(5.6, 3.4))
    for example in range(examples):
        for channel, colour in zip(range(channels), (SKY, ORANGE, "#cfcfcf"), strict=False):
            left, bottom = channel * (side + 1.5), -example * (side + 1)
            for row in range(side):
                for column in range(side):
                    place = (left + column, bottom + row)
                    axes.add_patch(plt.Rectangle(place, 1, 1, facecolor=colour, edgecolor="white"))
        axes.text(-0.6, bottom + side / 2, f"picture {example + 1}", ha="right", va="center", fontsize=10.5)
    for channel in range(channels):
        axes.text(channel * (side + 1.5) + side / 2, side + 0.5, f"channel {channel + 1}", ha="center", fontsize=10.5)
    axes.set(xlim=(-5, channels * (side + 1.5)), ylim=(-(examples - 1) * (side + 1) - 0.3, side + 1.6), aspect="equal")
    axes.axis("off")
    return figure


def jacobians(panels: dict[str, np.ndarray]) -> Figure:
    """Square tables of slopes, output against input, with their numbers."""
    figure, all_axes = plt.subplots(1, len(panels), figsize=(3.9 * len(panels), 3.3), sharey=True)
    limit = max(np.abs(table).max() for table in panels.values())
    for axes, (title, table) in zip(all_axes, panels.items(), strict=True):
        axes.imshow(table, cmap=DIVERGING, vmin=-limit, vmax=limit)
        for (row, column), value in np.ndenumerate(table):
            axes.text(column, row, f"{round(value, 2) + 0:.2f}", ha="center", va="center", fontsize=9.5)
        numbers = np.arange(len(table))
        axes.set_xticks(numbers, numbers + 1)
        axes.set_yticks(numbers, numbers + 1)
        axes.set(xlabel="input nudged")
        axes.set_title(title, fontsize=11)
    all_axes[0].set_ylabel("output that moves")
    return figure


def decision_panels(panels: dict, inputs, targets, window=(-1.6, 1.6)) -> Figure:
    """One panel per title: the regions of `output(inputs)`, which is above 0 for class 1, and the examples."""
    figure, all_axes = plt.subplots(1, len(panels), figsize=(3.4 * len(panels), 3.2), sharey=True)
    for axes, (title, output) in zip(all_axes, panels.items(), strict=True):
        regions(axes, output, window, resolution=64)
        points(axes, inputs, targets, size=12)
        axes.set_title(title, fontsize=11)
        axes.label_outer()
    return figure


def heat_maps(panels: dict[str, np.ndarray], rows, columns, ylabel: str, xlabel: str, label: str) -> Figure:
    """Tables of scores from 0 to 1, `(rows, columns)`, each cell with its number in per cent."""
    figure, all_axes = plt.subplots(1, len(panels), figsize=(4.3 * len(panels), 3.3), sharey=True)
    for axes, (title, table) in zip(all_axes, panels.items(), strict=True):
        picture = axes.imshow(table, cmap="cividis", vmin=0, vmax=1, origin="lower", aspect="auto")
        for (row, column), value in np.ndenumerate(table):
            colour = "white" if value < 0.55 else "black"
            axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", color=colour, fontsize=10)
        axes.set_xticks(range(len(columns)), [f"{column:g}" for column in columns])
        axes.set_yticks(range(len(rows)), [f"{row:g}" for row in rows])
        axes.set(title=title, xlabel=xlabel)
    all_axes[0].set_ylabel(ylabel)
    figure.colorbar(picture, ax=all_axes, label=label, shrink=0.9)
    return figure
