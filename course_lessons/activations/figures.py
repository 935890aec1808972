"""What happens to signals on their way: activations and their slopes, and how they learn. See lesson 07."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.special import expit, ndtr

from course_lib.layers import ELU, Layer, LeakyReLU, ReLU, Sigmoid, Tanh
from course_lib.plots import BLACK, BLUE, GREY, ORANGE, VERMILION

Activation = Layer | Callable[[np.ndarray], np.ndarray]


def values_and_slopes(activation: Activation, inputs) -> tuple[np.ndarray, np.ndarray]:
    """What an activation gives for each input, and its slope there.

    A layer passes back its slope for an upstream gradient of 1; a plain function is nudged.
    """
    inputs = np.asarray(inputs, dtype=float)
    if callable(activation):
        return activation(inputs), (activation(inputs + 1e-5) - activation(inputs - 1e-5)) / 2e-5
    values = activation.forward(inputs)
    return values, activation.backward(np.ones_like(values)) * 1.0


# Curves


def activation_curves(activations: dict[str, Activation], reach: float = 4.0) -> Figure:
    """One panel per name: the activation and, dashed, its slope."""
    width = min(9, 1.3 + 2.6 * len(activations)) if len(activations) < 3 else 9
    figure, all_axes = plt.subplots(1, len(activations), figsize=(width, 2.7), sharey=len(activations) > 1)
    for axes, (name, layer) in zip(np.atleast_1d(all_axes), activations.items(), strict=True):
        _curve_and_slope(axes, layer, reach)
        axes.set(title=name, xlabel="input", xticks=[-reach / 2, 0, reach / 2])
        axes.label_outer()
    first = np.atleast_1d(all_axes)[0]
    first.set_ylabel("value")
    first.legend(loc="upper left", handlelength=1.4, borderpad=0.1)
    return figure


def _curve_and_slope(axes, layer: Activation, reach: float) -> None:
    inputs = np.linspace(-reach, reach, 402)  # an even number: none of them is exactly 0
    values, slopes = values_and_slopes(layer, inputs)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.plot(inputs, values, color=BLUE, label="output")
    for side in (inputs < 0, inputs > 0):  # a jump of the slope is a gap, not a steep line
        axes.plot(inputs[side], slopes[side], "--", color=ORANGE, label="slope" if side[0] else None)


def activation_and_gradient(kind: str = "sigmoid", parameter: float = 0.3, x: float = 1.0) -> Figure:
    """An activation with its tangent at `x`; below, its slope there, and what is left of a gradient after ten layers.

    `kind` is "sigmoid", "tanh", "ReLU", "leaky ReLU", "ELU", "GELU" or "SiLU"; `parameter` is the negative slope of the
    leaky ReLU and the alpha of the ELU.
    """
    layer = {
        "sigmoid": Sigmoid(),
        "tanh": Tanh(),
        "ReLU": ReLU(),
        "leaky ReLU": LeakyReLU(parameter),
        "ELU": ELU(parameter),
        "GELU": lambda a: a * ndtr(a),
        "SiLU": lambda a: a * expit(a),
    }[kind]
    (value,), (slope,) = values_and_slopes(layer, [x])
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(5.2, 4.6), sharex=True, height_ratios=(1.5, 1))
    inputs = np.linspace(-5, 5, 402)
    values, slopes = values_and_slopes(layer, inputs)
    top.plot(inputs, values, color=BLUE)
    near = np.array([-1.2, 1.2])
    top.plot(x + near, value + slope * near, color=VERMILION, linewidth=3, alpha=0.8)
    top.plot(x, value, "o", color=BLACK)
    top.set(ylabel="output", ylim=(-2, 5), title=f"{kind}({x:g}) = {value:.3g}")
    for side in (inputs < 0, inputs > 0):
        bottom.plot(inputs[side], slopes[side], "--", color=ORANGE)
    bottom.plot(x, slope, "o", color=BLACK)
    bottom.set(xlabel="input", ylabel="slope", ylim=(-0.1, 1.15))
    bottom.set_title(f"slope {slope:.3g}; ten such slopes multiply to {slope**10:.2g}", fontsize=11)
    return figure


# A chain of units, one after the other


def chain_signals(layer: Layer, weights: Sequence[float], x: float) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and slopes along a chain in which unit k is `activation(weights[k] * output before)`."""
    outputs, slopes = [], []
    for weight in weights:
        (x,), (slope,) = values_and_slopes(layer, [weight * x])
        outputs.append(x)
        slopes.append(slope)
    return np.array(outputs), np.array(slopes)


def chains(activations: dict[str, Layer], weights: Sequence[float], x: float) -> Figure:
    """One row per activation: its curve, with a dot where each unit works, beside the chain of units.

    In the units stand their outputs, above the arrows the factors weight times slope; at the end is their product.
    """
    figure, all_axes = plt.subplots(len(activations), 2, figsize=(9, 1.25 * len(activations)), width_ratios=(1, 4.2))
    for (curve, chain), (name, layer) in zip(all_axes, activations.items(), strict=True):
        outputs, slopes = chain_signals(layer, weights, x)
        sums = weights * np.array([x, *outputs[:-1]])
        inputs = np.linspace(-3, 3, 200)
        curve.plot(inputs, values_and_slopes(layer, inputs)[0], color=BLUE)
        curve.plot(sums, outputs, "o", color=BLACK, markersize=4)
        curve.set(xlim=(-3, 3), ylim=(-1.2, 2.6), xticks=[], yticks=[])
        curve.set_ylabel(name, rotation=0, ha="right", va="center")
        _draw_chain(chain, x, outputs, slopes * np.asarray(weights))
    return figure


def _draw_chain(axes, x: float, outputs, factors) -> None:
    for place, output in enumerate([x, *outputs]):
        face = "white" if place == 0 else ("#dddddd" if factors[place - 1] == 0 else "#cfe6f5")
        circle = {"boxstyle": "circle,pad=0.25", "facecolor": face, "edgecolor": BLACK}
        if place == 0:
            circle["edgecolor"] = "none"
        axes.text(place, 0, f"{output:.2f}", ha="center", va="center", fontsize=9.5, bbox=circle)
    for place, factor in enumerate(factors):
        axes.annotate("", (place + 0.3, 0), (place + 0.7, 0), arrowprops={"arrowstyle": "->", "color": VERMILION})
        axes.text(place + 0.5, 0.28, f"{factor:.2f}", ha="center", fontsize=10, color=VERMILION)
    product = np.prod(factors)
    axes.text(len(factors) + 0.65, 0, f"product\n{product:.2g}", va="center", fontsize=11, color=VERMILION)
    axes.set(xlim=(-0.5, len(factors) + 1.7), ylim=(-0.6, 0.7))
    axes.axis("off")


def percentile_bands(records: dict[str, np.ndarray], title: str = "") -> Figure:
    """How the outputs of each layer spread while a network learns: one row per network, one panel per layer.

    A record is `(passes, layers, 5)`: the percentiles 2, 25, 50, 75 and 98 of the layer's outputs.
    """
    deepest = max(record.shape[1] for record in records.values())
    figure, all_axes = plt.subplots(
        len(records), deepest, figsize=(9, 1.9 * len(records) + 0.5), sharex="row", sharey="row", squeeze=False
    )
    for row, (name, record) in zip(all_axes, records.items(), strict=True):
        passes = np.arange(len(record))
        for layer, axes in enumerate(row):
            low, quarter, middle, three_quarters, high = record[:, layer].T
            axes.fill_between(passes, low, high, color=BLUE, alpha=0.2, linewidth=0, label="2 to 98 %")
            axes.fill_between(passes, quarter, three_quarters, color=BLUE, alpha=0.4, linewidth=0, label="25 to 75 %")
            axes.plot(passes, middle, color=BLACK, label="median")
            axes.set_title(f"{name}, layer {layer + 1}", fontsize=11)
        row[0].set_ylabel("outputs")
    for axes in all_axes[-1]:
        axes.set_xlabel("pass")
    all_axes[0, -1].legend(loc="upper left", bbox_to_anchor=(1, 1), handlelength=1.2)
    figure.suptitle(title, fontsize=11)
    return figure


# Learning


def weight_paths(paths: dict[str, np.ndarray], goal) -> Figure:
    """One panel per title: the way `(steps + 1, 2)` of two weights to their goal."""
    figure, all_axes = plt.subplots(1, len(paths), figsize=(4.1 * len(paths), 3.7), sharex=True, sharey=True)
    for axes, (title, path) in zip(np.atleast_1d(all_axes), paths.items(), strict=True):
        axes.plot(*path.T, "-", color=BLUE, linewidth=1.2)
        axes.plot(*path.T, "o", color=BLUE, markersize=3)
        axes.plot(*path[0], "s", color=BLACK, markersize=8, label="start")
        axes.plot(*goal, "*", color=VERMILION, markersize=16, label="goal")
        axes.set(title=title, xlabel="$w_1$", aspect="equal")
    np.atleast_1d(all_axes)[0].set_ylabel("$w_2$")
    np.atleast_1d(all_axes)[0].legend(loc="lower left")
    return figure
