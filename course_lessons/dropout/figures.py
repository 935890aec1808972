"""Networks with units missing: masks, thinned networks, and what dropout does to answers and filters. See lesson 16."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from course_lib.plots import BLUE, DIVERGING, GREY, ORANGE, SKY, VERMILION

_SIZES = (3, 6, 6, 1)


def _drawn_weights() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.normal(0, 1.5 / np.sqrt(a), (a, b)) for a, b in itertools.pairwise(_SIZES)]


_WEIGHTS = _drawn_weights()


def _masks(rate: float, rng: np.random.Generator) -> list[np.ndarray]:
    """1 for the units that stay; inputs and outputs always do."""
    hidden = [(rng.random(size) >= rate).astype(float) for size in _SIZES[1:-1]]
    return [np.ones(_SIZES[0]), *hidden, np.ones(_SIZES[-1])]


def _output(masks: list[np.ndarray], rate: float) -> float:
    """What the little network says of the input 1, 1, 1, with inverted dropout."""
    x = np.ones(_SIZES[0])
    for kernel, mask in zip(_WEIGHTS[:-1], masks[1:], strict=False):
        x = np.tanh(x @ kernel) * mask / (1 - rate)
    return float((x @ _WEIGHTS[-1])[0])


def network(axes, masks: list[np.ndarray], title: str = "") -> None:
    """Units as circles, the dropped ones crossed out and without their connections."""
    places = [np.column_stack([np.full(len(mask), x), _heights(len(mask))]) for x, mask in enumerate(masks)]
    stay = [column[mask > 0] for column, mask in zip(places, masks, strict=True)]
    for left, right in itertools.pairwise(stay):
        edges = np.array([[a, b] for a in left for b in right]).reshape(-1, 2, 2)
        axes.plot(*edges.transpose(2, 1, 0), color=GREY, linewidth=0.7, zorder=1)
    gone = np.concatenate([column[mask == 0] for column, mask in zip(places, masks, strict=True)])
    axes.scatter(*np.concatenate(stay).T, s=95, zorder=2, linewidth=0.9, color=SKY, edgecolor="black")
    axes.scatter(*gone.T, s=95, zorder=2, linewidth=0.9, color="white", edgecolor=GREY)
    axes.scatter(*gone.T, s=48, marker="x", color=VERMILION, zorder=3, linewidth=1.6)
    axes.set(xlim=(-0.3, len(masks) - 0.7), ylim=(-3.1, 3.1))
    axes.set_title(title, fontsize=11)
    axes.axis("off")


def _heights(units: int) -> np.ndarray:
    return np.arange(units) - (units - 1) / 2


def thinned_networks(rate: float, number: int, seed: int = 0) -> Figure:
    """The whole network, and `number` thinned ones."""
    rng = np.random.default_rng(seed)
    figure, all_axes = plt.subplots(1, number + 1, figsize=(9, 2.3))
    whole = [np.ones(size) for size in _SIZES]
    network(all_axes[0], whole, "the whole network")
    for count, axes in enumerate(all_axes[1:], start=1):
        network(axes, _masks(rate, rng), f"mask {count}")
    return figure


def mask_sampler(rate: float = 0.5, seed: int = 0) -> Figure:
    """One thinned network, and where its output lies among those of 400 other masks and of the whole network."""
    masks = _masks(rate, np.random.default_rng(seed))
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3), width_ratios=(1, 1.35))
    gone = sum(int((mask == 0).sum()) for mask in masks)
    network(left, masks, f"{gone} of {sum(_SIZES[1:-1])} hidden units dropped")
    _outputs(right, masks, rate)
    return figure


def mask_sampler_sheet(rates) -> Figure:
    """The outputs of `mask_sampler` for several rates."""
    figure, all_axes = plt.subplots(1, len(rates), figsize=(9, 2.7), sharex=True)
    for axes, rate in zip(all_axes, rates, strict=True):
        _outputs(axes, None, rate)
        axes.set_title(f"rate {rate:g}", fontsize=11)
    figure.legend(*all_axes[-1].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    for axes in all_axes:
        axes.get_legend().remove()
    return figure


def _outputs(axes, masks, rate: float) -> None:
    rng = np.random.default_rng(99)
    outputs = np.array([_output(_masks(rate, rng), rate) for _ in range(400)])
    axes.hist(outputs, np.linspace(-6, 6, 49), color=SKY, label="400 random masks")
    axes.axvline(outputs.mean(), color=BLUE, label="their mean")
    axes.axvline(_output([np.ones(size) for size in _SIZES], 0.0), color=VERMILION, linestyle="--", label="no dropout")
    if masks is not None:
        axes.axvline(_output(masks, rate), color="black", linestyle=":", label="this mask")
    axes.set(xlabel="output of the network", yticks=[], xlim=(-6, 6))
    axes.spines["left"].set_visible(False)
    axes.legend(fontsize=9, handlelength=1.3)


def mask_rows(masks: np.ndarray, rows: list[str]) -> Figure:
    """Masks `(rows, units)` as squares: blue stays, white with a cross is dropped."""
    figure, axes = plt.subplots(figsize=(0.38 * masks.shape[1] + 1.3, 0.38 * len(masks) + 0.5))
    axes.pcolormesh(np.where(masks > 0, 1, 0), cmap=ListedColormap(["white", SKY]), edgecolors=GREY)
    axes.spines[:].set_visible(False)
    for row, column in np.argwhere(masks == 0):
        axes.plot(column + 0.5, row + 0.5, "x", color=VERMILION, markersize=6)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    axes.set(xticks=[], xlabel="units", aspect="equal")
    axes.invert_yaxis()
    axes.tick_params(length=0)
    return figure


def filters(grids: dict[str, np.ndarray], columns: int = 8) -> Figure:
    """Grids of filters `(number, height, width)`, each filter stretched to its own largest weight."""
    rows = len(next(iter(grids.values()))) // columns
    figure, all_axes = plt.subplots(1, len(grids), figsize=(4.4 * len(grids), 4.4 * rows / columns + 0.4))
    for axes, (title, grid) in zip(all_axes, grids.items(), strict=True):
        number, height, width = grid.shape
        scaled = grid / np.abs(grid).max(axis=(1, 2), keepdims=True)
        framed = np.pad(scaled, ((0, 0), (1, 1), (1, 1)), constant_values=np.nan)
        sheet = framed.reshape(number // columns, columns, height + 2, width + 2).swapaxes(1, 2)
        axes.imshow(sheet.reshape(-1, columns * (width + 2)), cmap=DIVERGING, vmin=-1, vmax=1)
        axes.set_title(title, fontsize=11)
        axes.axis("off")
    return figure


def ensemble(outputs: np.ndarray, marks: dict[str, float], xlabel: str) -> Figure:
    """The outputs of all thinned networks as a histogram, with some values marked."""
    figure, axes = plt.subplots(figsize=(6.4, 3))
    axes.hist(outputs, 40, color=SKY)
    for (label, value), style, colour in zip(marks.items(), ("-", "--", ":"), (BLUE, VERMILION, ORANGE), strict=False):
        axes.axvline(value, linestyle=style, color=colour, linewidth=2.5, label=label)
    axes.set(xlabel=xlabel, ylabel="thinned networks")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure
