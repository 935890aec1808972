"""Blocks as they are built, dropped blocks, growing channels, gates and comparisons. See lesson 22."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.plots import BLACK, BLUE, CYCLE, GREY, ORANGE, SKY, VERMILION, charts
from course_lib.plots.anatomy import drawing

# Blocks


def sheet(anatomies) -> Figure:
    """Blocks side by side, as built: what is added, joined, dropped or weighed stands at the end of its wires."""
    return drawing(*anatomies, label=_words, scale=0.82)


def _words(row) -> str:
    """A few letters for a row of an anatomy."""
    kind, last = row.type, row.shape[-1]
    if row.role == "convolution":
        return f"{row.window}, {last}"
    if row.role == "dense":
        return f"dense, {last}"
    names = {
        "InputLayer": f"x, {last}",
        "GetItem": f"slice, {last}",
        "BatchNormalization": "norm",
        "Activation": "ReLU",
        "Add": "add",
        "Concatenate": "join",
        "Average": "average",
        "Multiply": "weigh",
        "GlobalAveragePooling2D": "mean",
        "StochasticDepth": "drop?",
    }
    return names.get(kind, kind)


# Stochastic depth


def survival(blocks: int = 54, last: float = 0.5, seed: int = 0) -> Figure:
    """The chance of each block, one network drawn by them, and how deep 1,000 such networks are."""
    chances = 1 - np.arange(1, blocks + 1) / blocks * (1 - last)
    draws = np.random.default_rng(seed).random((1000, blocks)) < chances
    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(8.8, 2.9), gridspec_kw={"width_ratios": [1.2, 1.5, 1.2]}, layout="constrained"
    )
    left.plot(np.arange(1, blocks + 1), chances, color=BLUE, marker="o", markersize=3)
    left.set(xlabel="block", ylabel="chance to survive", ylim=(0, 1.05), title="the rule")
    columns = max(1, int(np.ceil(np.sqrt(1.6 * blocks))))
    for place, alive in enumerate(draws[0]):
        row, column = divmod(place, columns)
        look = {"facecolor": SKY, "edgecolor": BLACK} if alive else {"facecolor": "white", "edgecolor": GREY, "ls": ":"}
        middle.add_patch(Rectangle((column, -row), 0.8, 0.8, **look))
        if not alive:
            middle.plot([column, column + 0.8], [0.4 - row] * 2, color=GREY, linewidth=1)
    middle.set(
        xlim=(-0.2, columns), ylim=(-((blocks - 1) // columns) - 0.3, 1.1), title=f"one draw: {draws[0].sum()} blocks"
    )
    middle.set_aspect("equal", anchor="N")
    middle.axis("off")
    depths = draws.sum(axis=1)
    right.hist(depths, bins=np.arange(depths.min() - 0.5, depths.max() + 1.5), color=SKY)
    expected = blocks - (1 - last) * (blocks + 1) / 2
    right.axvline(expected, color=VERMILION, linewidth=2, linestyle="--")
    right.set(xlabel="blocks left", ylabel="networks of 1,000", title=f"by the formula: {expected:.2f}")
    return figure


# Dense blocks


def staircase(first: int, growth: int, layers: int) -> Figure:
    """What each layer of a dense block reads, in squares of one channel, and what it writes."""
    figure, axes = plt.subplots(figsize=(6.4, 0.5 * layers + 1.2), layout="constrained")
    for layer in range(layers + 1):
        for channel in range(first + layer * growth):
            writer = 0 if channel < first else 1 + (channel - first) // growth
            axes.add_patch(
                Rectangle(
                    (channel, -layer), 0.9, 0.8, facecolor=CYCLE[writer % len(CYCLE)], edgecolor=BLACK, alpha=0.75
                )
            )
            axes.text(channel + 0.45, 0.4 - layer, str(writer), ha="center", va="center", fontsize=9)
        words = f"layer {layer + 1} reads" if layer < layers else "handed on"
        axes.text(-0.3, 0.4 - layer, words, ha="right", va="center", fontsize=10)
    axes.set(xlim=(-3.4, first + layers * growth), ylim=(-layers - 0.1, 1))
    axes.axis("off")
    return figure


# Comparisons


def against(scores: dict, baseline: str, xlabel: str) -> Figure:
    """A row of dots for each kind, and a band over the range of the baseline."""
    figure = charts.dots(scores, xlabel, percent=True)
    (axes,) = figure.axes
    low, high = min(scores[baseline]), max(scores[baseline])
    axes.axvspan(low, high, color=GREY, alpha=0.2, linewidth=0, zorder=0)
    axes.set_title(f"grey: the range of “{baseline}”", fontsize=10)
    return figure


def bubbles(networks: dict) -> Figure:
    """Name -> (multiply-adds, parameters, errors): a bubble at the mean error, its area the parameters."""
    figure, axes = plt.subplots(figsize=(9.0, 4.6), layout="constrained")
    most = max(parameters for _, parameters, _ in networks.values())
    places = {name: (work / 1e3, 100 * np.mean(errors)) for name, (work, _, errors) in networks.items()}
    wide, high = (np.ptp(each) or 1 for each in zip(*places.values(), strict=True))
    for name in sorted(places, key=lambda name: places[name][1]):
        work, error = places[name]
        axes.scatter(work, error, s=400 * networks[name][1] / most, color=SKY, alpha=0.6, edgecolor=BLACK, zorder=2)
        beside = [x for x, y in places.values() if abs(y - error) < 0.1 * high and 0 < x - work < 0.2 * wide]
        left = bool(beside)  # the name stands where no other bubble does
        axes.annotate(
            name,
            (work, error),
            xytext=(-12 if left else 12, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=9.5,
            zorder=3,
        )
    axes.set(xlabel="multiply-adds, thousands", ylabel="test error, per cent, mean of the runs")
    axes.margins(x=0.2, y=0.1)
    axes.grid(color=GREY, alpha=0.25)
    axes.set_axisbelow(True)
    return figure


def gates(by_class: np.ndarray) -> Figure:
    """Mean gates, a row for each class and a column for each channel, for one block or several."""
    figure, axes = plt.subplots(figsize=(8.4, 3.4), layout="constrained")
    picture = axes.imshow(by_class, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    axes.set(xlabel="channel of the last block", ylabel="digit", yticks=range(len(by_class)))
    axes.set_xticks(range(by_class.shape[1]))
    figure.colorbar(picture, ax=axes, label="mean gate")
    return figure


def gains(falls: dict, work: dict) -> Figure:
    """Two panels: how far an error fell, as reported, and how many multiply-adds were added, in per cent, counted."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(8.8, 0.36 * len(falls) + 1.1), sharey=True, layout="constrained"
    )
    names = list(falls)
    left.barh(names, list(falls.values()), color=BLUE, height=0.6)
    left.bar_label(left.containers[0], fmt="{:.2f}", padding=3)
    left.set(xlabel="fall of the top-1 error, points, reported", xlim=(0, 1.2 * max(falls.values())))
    more = [work.get(name, np.nan) for name in names]
    right.barh(names, np.nan_to_num(more), color=ORANGE, height=0.6)
    for place, value in enumerate(more):
        words = "not counted here" if np.isnan(value) else f"{value:.2f} %"
        right.text(np.nan_to_num(value), place, f" {words}", va="center", fontsize=10)
    right.set(xlabel="more multiply-adds, per cent, counted", xlim=(0, 1.5 * np.nanmax(more)))
    left.invert_yaxis()
    return figure
