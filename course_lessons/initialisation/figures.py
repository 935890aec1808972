"""The drawings of lesson 14: signals on their way through layers."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_lib.layers import ReLU, Sigmoid, Tanh
from course_lib.plots import BLUE


def layer_histograms(runs: dict[str, Sequence[np.ndarray]]) -> Figure:
    """One row per network, one panel per layer: how its outputs lie between -1 and 1, and their standard deviation."""
    layers = max(map(len, runs.values()))
    figure, all_axes = plt.subplots(len(runs), layers, figsize=(9, 1.65 * len(runs)), squeeze=False)
    for row, (name, outputs) in zip(all_axes, runs.items(), strict=True):
        for layer, (axes, values) in enumerate(zip(row, outputs, strict=True), start=1):
            axes.hist(np.ravel(values), bins=30, range=(-1, 1), color=BLUE)
            axes.set(xlim=(-1.05, 1.05), xticks=[-1, 1], yticks=[])
            deviation = np.std(values)
            words = f"{deviation:.2f}" if deviation >= 0.005 else f"{deviation:.0e}".replace("e-0", "e-")
            axes.set_title(f"layer {layer}\n$s$ = {words}", fontsize=9)
            axes.spines["left"].set_visible(False)
        row[0].set_ylabel(name, fontsize=10)
    return figure


def signals_through_layers(gain: float = 1.0, layers: int = 10, activation: str = "tanh") -> Figure:
    """Outputs forward and gradients backward through layers of 100 units, weights `gain` / sqrt(100) in deviation.

    `activation` is "tanh", "ReLU" or "sigmoid". A gain of 1 is LeCun's start, 1.41 is He's.
    """
    act, rng = {"tanh": Tanh, "ReLU": ReLU, "sigmoid": Sigmoid}[activation], np.random.default_rng(0)
    kernels = [rng.normal(0, gain / 10, (100, 100)) for _ in range(layers)]
    bends, outputs = [act() for _ in kernels], [rng.normal(size=(200, 100))]
    for kernel, bend in zip(kernels, bends, strict=True):
        outputs.append(bend.forward(outputs[-1] @ kernel))
    upstream, gradients = rng.normal(size=outputs[-1].shape), []
    for kernel, bend in zip(kernels[::-1], bends[::-1], strict=True):
        upstream = bend.backward(upstream) @ kernel.T
        gradients.append(upstream.std())
    figure, (curves, histogram) = plt.subplots(1, 2, figsize=(8.2, 3.3), width_ratios=(1.7, 1))
    places = np.arange(1, layers + 1)
    for values, label, style in (
        ([output.std() for output in outputs[1:]], "outputs, going forward", "-o"),
        (gradients[::-1], "gradient by the inputs, going back", "--s"),
    ):
        curves.plot(places, np.maximum(values, 1e-30), style, markersize=4, label=label)
    curves.set(xlabel="layer", ylabel="standard deviation", yscale="log", title=f"{activation}, gain {gain:g}")
    low, high = min(1e-2, *curves.get_ylim()), max(1e2, *curves.get_ylim())
    curves.set_ylim(low, high)
    curves.legend(loc="best")
    last = outputs[-1].ravel()
    histogram.hist(last, bins=30, color=BLUE)
    histogram.set(xlabel="output", yticks=[], title=f"outputs of layer {layers}")
    return figure
