"""Drawings of lesson 23: where the bytes of networks lie, weights before and after, and what each step leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_lib.plots import BLACK, BLUE, CYCLE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

_KINDS = {"convolutions": BLUE, "dense layers": VERMILION}
_PARTS = {"weights": BLUE, "addresses": ORANGE, "books and tables": GREEN, "biases": PURPLE, "shapes": GREY}


def where_bytes_live(networks: Mapping[str, Mapping[str, int]]) -> Figure:
    """A bar for each network, of its parameters in convolutions and in dense layers, as megabytes of 32-bit numbers."""
    figure, axes = plt.subplots(figsize=(8.4, 0.62 * len(networks) + 1.2))
    for place, counts in enumerate(networks.values()):
        left = 0.0
        for kind, number in counts.items():
            axes.barh(place, number * 4e-6, left=left, color=_KINDS[kind], hatch="//" if kind != "convolutions" else "",
                      edgecolor="white", linewidth=0)  # fmt: skip
            left += number * 4e-6
        axes.text(left, place, f"  {left:,.1f} MB", va="center")
    for kind, colour in _KINDS.items():
        axes.barh(0, 0, color=colour, hatch="//" if kind != "convolutions" else "", edgecolor="white", label=kind)
    axes.set(yticks=range(len(networks)), yticklabels=list(networks), xlabel="megabytes, 4 bytes a parameter")
    axes.set_xlim(0, 1.15 * max(sum(counts.values()) for counts in networks.values()) * 4e-6)
    axes.invert_yaxis()
    axes.legend(loc="lower right")
    return figure


def histograms(kernels: Mapping[str, np.ndarray], limit: float) -> Figure:
    """The weights that are not 0, a panel for each kernel; the title says how many different values there are."""
    figure, all_axes = plt.subplots(1, len(kernels), figsize=(9, 2.7))
    for axes, (title, kernel) in zip(all_axes, kernels.items(), strict=True):
        kept = kernel[kernel != 0]
        axes.hist(np.clip(kept, -limit, limit), bins=np.linspace(-limit, limit, 121), color=BLUE)
        axes.set(title=f"{title}\n{len(kept):,} weights, {len(np.unique(kept)):,} values", xlabel="weight")
        axes.title.set_fontsize(10)
    all_axes[0].set_ylabel("how many")
    return figure


def staircase(steps: Mapping[str, int], parts: Mapping[str, int]) -> Figure:
    """The bytes of the file after each step, and what the bytes of the last file are for."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.0), width_ratios=(1.7, 1))
    sizes = list(steps.values())
    bars = left.barh(range(len(steps)), sizes, color=BLUE)
    left.bar_label(bars, [f" {size:,}" for size in sizes])
    left.set(yticks=range(len(steps)), yticklabels=list(steps), xlabel="bytes on disk", xlim=(0, 1.2 * max(sizes)))
    left.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    left.invert_yaxis()
    bars = right.barh(range(len(parts)), list(parts.values()), color=[_PARTS[name] for name in parts])
    right.bar_label(bars, [f" {size:,}" for size in parts.values()])
    right.set(yticks=range(len(parts)), yticklabels=list(parts), xlabel="bytes in the last file")
    right.set_xlim(0, 1.25 * max(parts.values()))
    right.invert_yaxis()
    return figure


def cloud(variants: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
    """Accuracy against bytes: for each kind of variant its points (bytes, share right), joined by a line."""
    figure, axes = plt.subplots(figsize=(7.4, 3.7))
    for (name, points), colour, mark in zip(variants.items(), CYCLE, "os^Dv*X", strict=False):
        sizes, scores = np.transpose(sorted(points))
        axes.plot(sizes, 100 * scores, color=colour, marker=mark, linewidth=1.2, markersize=7, label=name)
    ticks = [5_000, 10_000, 20_000, 50_000, 100_000, 250_000]
    axes.set(xscale="log", xlabel="bytes on disk", ylabel="test digits right, %, mean of the runs")
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.legend(loc="lower right")
    return figure


def line_of_means(weights: Sequence[float], means: Sequence[float], codes: Sequence[int]) -> Figure:
    """Weights on a line, each with the mark and the colour of the mean that it shares; the means above them."""
    figure, axes = plt.subplots(figsize=(7.4, 1.5))
    for code, (mean, colour, mark) in enumerate(zip(means, (BLUE, ORANGE, GREEN, VERMILION, SKY, BLACK), "os^Dv*",
                                                   strict=False)):  # fmt: skip
        own = [weight for weight, found in zip(weights, codes, strict=True) if found == code]
        axes.plot(own, [0] * len(own), linestyle="", marker=mark, color=colour, markersize=8, alpha=0.8)
        axes.annotate(f"code {code}: {mean:.2f}", (mean, 0.05), (mean, 0.5), ha="center", color="black", fontsize=10,
                      arrowprops={"arrowstyle": "->", "color": colour})  # fmt: skip
    axes.set(yticks=[], ylim=(-0.25, 0.8), xlabel="weight")
    axes.spines["left"].set_visible(False)
    return figure
