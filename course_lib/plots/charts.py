"""Charts that many lessons need: runs against x, a dot for each run, bars, dates, and sheets of small pictures."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from course_lib.plots import BLACK, BLUE, CYCLE, GREY
from course_lib.plots.images import draw_image

WIDEST = 9.0  # inches
_STYLES, _MARKS = ("-", "--", "-.", ":"), "os^Dv*X"
_GUESSING = {"color": GREY, "linestyle": "--", "linewidth": 1.5, "zorder": 1}
_LEVELS = [{**_GUESSING, "color": "#555555", "linestyle": style} for style in (":", "-.")]
_FEW = 12  # places on the x axis that each have room for a mark and a number


def lines(curves, x, xlabel, ylabel: str = "", *, guessing=None, levels=None, log: str = "", percent=False) -> Figure:
    """Runs against `x`: for each label their mean as a line, in a band from the lowest run to the highest.

    curves: label -> runs `(len(x), runs)`, a column for each random seed, say, or `(len(x),)` for a single run; or
        title -> {label: runs}, a panel for each title. With a `ylabel` the panels share their y axis; without one
        each has its own, and its title says what it shows. A label looks the same in all panels.
    x: numbers, or words such as the names of layers
    guessing: the height that guessing reaches, a dashed grey line
    levels: words -> another height that is worth a line
    log: "x", "y" or "xy", the axes that are logarithmic; a y axis that is not includes 0
    percent: the values are shares, to be written in per cent

    What differs from panel to panel (`x`, `xlabel`, `guessing`, `percent`) is a dictionary, title -> value.
    Raises ValueError if the runs of a label have no row for each x.
    """
    panels = _panels(curves)
    labels = dict.fromkeys(label for panel in panels.values() for label in panel)
    few = max(len(_of(x, title)) for title in panels) <= _FEW
    looks = {label: _look(place, marked=few) for place, label in enumerate(labels)}
    tables = {
        title: {label: _table(runs, len(_of(x, title)), label) for label, runs in panel.items()}
        for title, panel in panels.items()
    }
    handles = [Line2D([], [], label=label, **look) for label, look in looks.items()]
    numbers = {table.shape[1] for panel in tables.values() for table in panel.values()} - {1}
    if numbers:
        words = f"lowest to highest of {numbers.pop()} runs" if len(numbers) == 1 else "lowest to highest run"
        handles.append(Patch(color=GREY, alpha=0.35, linewidth=0, label=words))
    if guessing is not None:
        handles.append(Line2D([], [], label="guessing", **_GUESSING))
    heights = list(zip((levels or {}).items(), _LEVELS, strict=False))
    handles += [Line2D([], [], label=words, **look) for (words, _), look in heights]

    figure, all_axes = _figure(len(panels), 3.1 if len(panels) < 4 else 2.5, handles, sharey=bool(ylabel))
    for axes, (title, panel) in zip(all_axes.flat, tables.items(), strict=False):
        places = _scale_x(axes, _of(x, title), "x" in log)
        for label, runs in panel.items():
            _draw_runs(axes, places, runs, looks[label])
        if _of(guessing, title) is not None:
            axes.axhline(_of(guessing, title), **_GUESSING)
        for (_, height), look in heights:
            axes.axhline(height, **look)
        if "y" in log:
            axes.set_yscale("log")
        else:
            axes.update_datalim([(places[0], 0)])
            axes.autoscale_view()
        if _of(percent, title):
            _in_percent(axes.yaxis)
        axes.set(title=title, xlabel=_of(xlabel, title))
    for axes in all_axes[:, 0]:
        axes.set_ylabel(ylabel)
    return figure


def _draw_runs(axes, places, runs: np.ndarray, look: dict) -> None:
    axes.plot(places, runs.mean(axis=1), **look)
    if runs.shape[1] > 1:
        low, high = runs.min(axis=1), runs.max(axis=1)
        axes.fill_between(places, low, high, color=look["color"], alpha=0.2, linewidth=0)


def _table(runs, rows: int, label: str) -> np.ndarray:
    """Runs as an array `(rows, runs)`."""
    table = np.asarray(runs, dtype=float)
    if len(table.shape) not in (1, 2) or len(table) != rows or not table.size:
        raise ValueError(
            f"“{label}” needs a row for each of the {rows} x and a column for each run; its shape is {table.shape}"
            + (": transpose it" if table.shape[1:] == (rows,) else "")
        )
    return table.reshape(rows, -1)


def _look(place: int, marked: bool = True) -> dict:
    """A colour, a style and a mark of its own, so that nobody needs to tell colours apart."""
    return {
        "color": CYCLE[place % len(CYCLE)],
        "linestyle": _STYLES[place % len(_STYLES)],
        "marker": _MARKS[place % len(_MARKS)] if marked else "",
        "markersize": 5,
    }


def _scale_x(axes, x, logarithmic: bool) -> np.ndarray:
    """Set up the x axis; the places on it."""
    if isinstance(x[0], str):
        axes.set_xticks(range(len(x)), x)
        return np.arange(len(x))
    places = np.asarray(x)
    if logarithmic:
        axes.set_xscale("log")
    if len(places) <= _FEW:
        axes.set_xticks(places, [f"{place:,g}" for place in places])
        axes.set_xticks([], minor=True)
    elif not logarithmic and places.dtype.kind == "i":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return places


# A dot for each run


def dots(groups, xlabel: str, *, guessing=None, percent: bool = False, own_scale: bool = False) -> Figure:
    """Scores: a row for each label, in it a dot for each run, a random seed, say, and a bar at their mean.

    groups: label -> scores; or title -> {label: scores}, a panel for each title; or title -> {label: {name: scores}},
        each name with a colour and a mark of its own
    guessing: the score that guessing reaches, a dashed grey line; if it differs from panel to panel, title -> score
    percent: the scores are shares, to be written in per cent
    own_scale: each panel has an x axis of its own; else all share one

    Raises ValueError if the scores of a label are no list of numbers.
    """
    panels = {
        title: {label: row if isinstance(row, dict) else {"one run": row} for label, row in panel.items()}
        for title, panel in _panels(groups).items()
    }
    rows = [tuple(panel) for panel in panels.values()]
    names = list(dict.fromkeys(name for panel in panels.values() for row in panel.values() for name in row))
    looks = {name: {**_look(place), "linestyle": "", "markersize": 6} for place, name in enumerate(names)}
    handles = [Line2D([], [], label=name, **look) for name, look in looks.items()]
    handles.append(Line2D([], [], color=BLACK, marker="|", markersize=12, linestyle="", label="mean"))
    if guessing is not None:
        handles.append(Line2D([], [], label="guessing", **_GUESSING))

    height = max(map(len, rows)) * (0.25 + 0.17 * len(names)) + 0.9
    figure, all_axes = _figure(len(panels), height, handles, sharey=len(set(rows)) == 1, sharex=not own_scale)
    for axes, (title, panel) in zip(all_axes.flat, panels.items(), strict=False):
        for place, row in enumerate(panel.values()):
            for order, (name, scores) in enumerate(row.items()):
                _draw_scores(axes, place + 0.8 * ((order + 0.5) / len(row) - 0.5), 0.8 / len(row), scores, looks[name])
        if _of(guessing, title) is not None:
            axes.axvline(_of(guessing, title), **_GUESSING)
        if percent:
            _in_percent(axes.xaxis)
        axes.set_yticks(range(len(panel)), panel)
        axes.set_yticks(np.arange(1, len(panel)) - 0.5, minor=True)
        axes.grid(axis="y", which="minor", color="#e0e0e0", linewidth=0.8)
        axes.tick_params(axis="y", which="both", length=0)
        axes.set(title=title, xlabel=xlabel, ylim=(len(panel) - 0.5, -0.5))
    return figure


def _draw_scores(axes, place: float, height: float, scores, look: dict) -> None:
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 1 or not scores.size:
        raise ValueError(f"A row of dots needs a list of numbers; this has the shape {scores.shape}")
    apart = 0.3 * height * np.linspace(-1, 1, len(scores)) if len(scores) > 1 else 0 * scores
    axes.plot(scores, place + apart, alpha=0.8, **look)
    axes.plot([scores.mean()] * 2, [place - 0.45 * height, place + 0.45 * height], color=BLACK, linewidth=2)


# What both share


def _panels(charts: dict) -> dict:
    """Title -> chart; a chart alone has no title."""
    return charts if any(isinstance(chart, dict) for chart in charts.values()) else {"": charts}


def _of(setting, title: str):
    return setting.get(title) if isinstance(setting, dict) else setting


def _figure(panels: int, height: float, handles: Sequence, **shared) -> tuple[Figure, np.ndarray]:
    """A figure of panels, `height` inches each, over their legend; and its axes: three in a row, of four panels two."""
    columns = 2 if panels == 4 else min(panels, 3)
    rows = -(-panels // columns)
    width = {1: 6.4, 2: 8.4}.get(columns, WIDEST)
    in_a_row = max(1, int(width / (0.085 * max(len(handle.get_label()) for handle in handles) + 0.55)))
    legend_rows = -(-len(handles) // in_a_row)
    size = (width, height * rows + 0.22 * legend_rows + 0.1)
    figure, all_axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained", **shared)
    for axes in all_axes.flat[panels:]:
        axes.axis("off")
    figure.legend(handles=handles, loc="outside lower center", ncols=-(-len(handles) // legend_rows))
    return figure, all_axes


def _in_percent(axis) -> None:
    axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(lambda share, _: f"{100 * share:.4g}%")


# Bars, dates, pictures


def bars(labels, shares, xlabel: str, ylabel: str) -> Figure:
    """Shares from 0 to 1 as bars, each with its percentage."""
    figure, axes = plt.subplots(figsize=(5.6, 3.2))
    axes.bar([str(label) for label in labels], shares, color=BLUE)
    axes.bar_label(axes.containers[0], fmt="{:.0%}")
    axes.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, 1.08))
    return figure


def contact_sheet(images, titles, columns: int, colours=None, size: float = 1.0) -> Figure:
    """Pictures `(number, height, width[, channels])` side by side, each under its title; grey ones dark on white."""
    rows = -(-len(images) // columns)
    figure, all_axes = plt.subplots(rows, columns, figsize=(columns * size, rows * (size + 0.25)), squeeze=False)
    for axes in all_axes.flat:
        axes.axis("off")
    for axes, image, title, colour in zip(
        all_axes.flat, images, titles, colours or ["black"] * len(images), strict=False
    ):
        axes.imshow(np.squeeze(image), cmap="gray_r", vmin=0, vmax=1)
        axes.set_title(title, fontsize=10, color=colour)
    return figure


def gallery(images, titles: Sequence[str], columns: int = 5, size: float = 1.45) -> Figure:
    """Pictures under their titles: a class image for each class, say."""
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    size = min(size, WIDEST / columns)
    lines = max(title.count("\n") + 1 for title in titles)
    figure, all_axes = plt.subplots(
        rows,
        columns,
        figsize=(size * columns, (size + 0.06 + 0.18 * lines) * rows),
        squeeze=False,
        layout="constrained",
    )
    for axes in all_axes.flat[len(images) :]:
        axes.axis("off")
    for axes, image, title in zip(all_axes.flat, images, titles, strict=False):
        draw_image(axes, image)
        axes.set_title(title, fontsize=10)
    return figure
