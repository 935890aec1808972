"""Windows that slide over pictures, who is wired to what, and what a unit sees. See lesson 09."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Polygon, Rectangle
from scipy.signal import correlate2d

from course_lib.plots import BLUE, CYCLE, DIVERGING, GREEN, GREY, ORANGE, SKY, VERMILION

# Seven by seven pixels with ears, eyes and a mouth.
TINY_CAT = np.array(
    [
        [1, 0, 0, 0, 0, 0, 1],
        [1, 1, 0, 0, 0, 1, 1],
        [1, 1, 1, 1, 1, 1, 1],
        [1, 0, 1, 1, 1, 0, 1],
        [1, 1, 1, 1, 1, 1, 1],
        [0, 1, 1, 0, 1, 1, 0],
        [0, 0, 1, 1, 1, 0, 0],
    ]
)


BLOCKS = {"interpolation": "nearest"}  # pixels stay visible as squares, and the notebook stays small


KERNELS = {
    "vertical edges": np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "horizontal edges": np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
    "outline": np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    "sum": np.ones((3, 3), int),
    "shift": np.array([[0, 0, 0], [0, 0, 1], [0, 0, 0]]),
}


def wirings(matrices: dict[str, np.ndarray]) -> Figure:
    """One network for each title, its edges drawn from its weights `(inputs, units)`: equal weights, equal colour."""
    figure, all_axes = plt.subplots(1, len(matrices), figsize=(3 * len(matrices), 2.5))
    for axes, (title, matrix) in zip(all_axes, matrices.items(), strict=True):
        inputs, units = matrix.shape
        own = np.unique(matrix[matrix != 0])
        colours = dict(zip(own, CYCLE, strict=False)) if len(own) <= 3 else dict.fromkeys(own, GREY)
        across = np.linspace(0, inputs - 1, units + 2)[1:-1]
        for source, unit in np.argwhere(matrix):
            axes.plot([source, across[unit]], [0, 1], color=colours[matrix[source, unit]], linewidth=1.8, zorder=1)
        axes.scatter(range(inputs), np.zeros(inputs), s=130, color="white", edgecolor="black", zorder=2)
        axes.scatter(across, np.ones(units), s=130, color=SKY, edgecolor="black", zorder=2)
        axes.set_title(f"{title}: {len(own)} weights")
        axes.set(xlim=(-0.5, inputs - 0.5), ylim=(-0.2, 1.2))
        axes.axis("off")
    all_axes[0].text(-0.4, 0.85, f"{units} units", fontsize=10)
    all_axes[0].text(-0.4, -0.32, f"{inputs} inputs", fontsize=10)
    return figure


def ways_to_look(picture: np.ndarray, window: int, counts: dict[str, str]) -> Figure:
    """A square picture below its units, wired in three ways: each unit to all of it, to its own window, to a window
    with shared weights. `counts` has a title -> words for each of them, in this order."""
    side = len(picture)
    figure, all_axes = plt.subplots(1, 3, figsize=(9, 3.8))
    places = [(0.2, 0.58), (0.52, 0.3), (0.86, 0.62)]  # of the windows, in parts of the side
    for number, (axes, (title, words)) in enumerate(zip(all_axes, counts.items(), strict=True)):
        axes.imshow(0.3 + 0.7 * picture[::4, ::4], cmap="gray", vmin=0, vmax=1, extent=(0, side, 0, side), **BLOCKS)
        for (x, y), own in zip(places, (BLUE, ORANGE, GREEN), strict=True):
            colour = VERMILION if number == 2 else own
            left, bottom, reach = (0, 0, side) if number == 0 else (x * side, y * side, window)
            top = (x * side + 0.6 * window, 1.4 * side)
            for corner in ((left, bottom + reach), (left + reach, bottom + reach)):
                axes.plot(*zip(top, corner, strict=True), color=colour, linewidth=1.3)
            axes.add_patch(Rectangle((left, bottom), reach, reach, fill=False, edgecolor=colour, linewidth=2))
            for layer in range(3 if number == 2 else 1):  # many filters at the same place
                axes.plot(
                    top[0] + 9 * layer, top[1] + 7 * layer, "o", color=colour, markersize=11, markeredgecolor="black"
                )
        axes.set_title(title)
        axes.text(side / 2, -0.06 * side, words, ha="center", va="top", fontsize=11)
        axes.set(xlim=(-5, side + 5), ylim=(-0.28 * side, 1.55 * side), aspect="equal")
        axes.axis("off")
    return figure


def _grid(axes, values: np.ndarray, numbers, cmap, limits, fontsize: float) -> None:
    """A picture with its numbers written into the pixels; `numbers` holds text, or "" for none."""
    rows, columns = values.shape
    axes.imshow(values, cmap=cmap, vmin=limits[0], vmax=limits[1])
    axes.set_xticks(np.arange(columns + 1) - 0.5, [])
    axes.set_yticks(np.arange(rows + 1) - 0.5, [])
    axes.grid(color=GREY, linewidth=0.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for (row, column), text in np.ndenumerate(numbers):
        value = values[row, column]
        strong = (value - limits[0]) / (limits[1] - limits[0])
        dark = strong > 0.6 if cmap == "gray_r" else abs(strong - 0.5) > 0.4
        _write(axes, column, row, text, fontsize, color="white" if dark else "black", ha="center", va="center")


def _write(axes, x: float, y: float, text: str, fontsize: float, **style) -> None:
    """Text inside the axes. The layout need not know of it: with hundreds of numbers that would take seconds."""
    axes.text(x, y, text, fontsize=fontsize, zorder=3, **style).set_in_layout(False)


def _slide(image, kernel, strides: int, padding: int, dilation_rate: int):
    """The padded image, the corners of all windows (row by row) and the output map."""
    padded = np.pad(image, padding)
    reach = dilation_rate * (len(kernel) - 1) + 1
    rows = (len(padded) - reach) // strides + 1
    columns = (len(padded[0]) - reach) // strides + 1
    corners = [(strides * row, strides * column) for row in range(rows) for column in range(columns)]
    output = [
        np.sum(kernel * padded[top : top + reach : dilation_rate, left : left + reach : dilation_rate])
        for top, left in corners
    ]
    return padded, corners, np.reshape(output, (rows, columns))


def _draw_window(axes, image, kernel, padding: int, dilation_rate: int, corner, fontsize: float) -> None:
    """The padded image, the padding shaded, and the window at `corner` with the weights in its pixels."""
    padded = np.pad(image, padding)
    numbers = padded.astype(str)
    _grid(axes, padded, numbers, "gray_r", (0, 3.2), fontsize)
    rows, columns = padded.shape
    if padding:
        inside = Rectangle((padding - 0.5, padding - 0.5), columns - 2 * padding, rows - 2 * padding)
        inside.set(fill=False, edgecolor="black", linewidth=1.8)
        axes.add_patch(inside)
    for (i, j), weight in np.ndenumerate(kernel):
        row, column = corner[0] + i * dilation_rate, corner[1] + j * dilation_rate
        tap = Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=ORANGE, alpha=0.45, edgecolor="none")
        axes.add_patch(tap)
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=VERMILION, linewidth=1.2))
        if fontsize >= 9:  # below, nobody could read them
            _write(axes, column + 0.47, row + 0.47, f"×{weight}", 0.7 * fontsize, ha="right", va="bottom")


def _draw_output(axes, output, step: int, fontsize: float) -> None:
    """The output as far as it is known after `step` windows, the newest value framed."""
    known = np.arange(output.size).reshape(output.shape) < step
    limit = max(np.abs(output).max(), 1)
    numbers = np.where(known, output.astype(str), "")
    _grid(axes, np.where(known, output, 0), numbers, DIVERGING, (-limit, limit), fontsize)
    row, column = divmod(step - 1, output.shape[1])
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="black", linewidth=2.5))


def all_positions(image: np.ndarray, kernel: np.ndarray) -> Figure:
    """Every place of the window on a small image, laid out as the output is; beside them the output."""
    _, corners, output = _slide(image, kernel, 1, 0, 1)
    rows, columns = output.shape
    figure = plt.figure(figsize=(9, 6.3))
    left, right = figure.subfigures(1, 2, width_ratios=(2.6, 1))
    for axes, corner, value in zip(left.subplots(rows, columns).flat, corners, output.flat, strict=True):
        _draw_window(axes, image, kernel, 0, 1, corner, fontsize=10)
        axes.set_title(f"sum {value}", fontsize=11)
    axes = right.subplots()
    _draw_output(axes, output, output.size, fontsize=16)
    axes.patches[-1].remove()
    axes.set_title("the output")
    return figure


def sliding_window(step: int = 1) -> Figure:
    """The window of the 5 × 5 image after `step` of its nine steps."""
    image = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]])
    return _frame(image, np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]]), 1, 0, 1, step)


def convolution_explorer(
    kernel: str = "vertical edges", strides: int = 1, padding: int = 0, dilation_rate: int = 1, step: int = 1
) -> Figure:
    """A 3 × 3 kernel after `step` steps over a picture of 7 × 7 pixels; a step past the last one shows the last."""
    return _frame(TINY_CAT, KERNELS[kernel], strides, padding, dilation_rate, step)


def _frame(image, kernel, strides, padding, dilation_rate, step) -> Figure:
    padded, corners, output = _slide(image, kernel, strides, padding, dilation_rate)
    step = min(step, len(corners))
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4.3))
    _draw_window(left, image, kernel, padding, dilation_rate, corners[step - 1], fontsize=12 if len(padded) < 9 else 9)
    _draw_output(right, output, step, fontsize=12 if len(output) < 7 else 9)
    left.set_title(f"image {_size(image)}" + f", padded to {_size(padded)}" * (padding > 0))
    right.set_title(f"output {_size(output)}: step {step} of {len(corners)}")
    return figure


def film(
    kernel: str = "vertical edges",
    strides: int = 1,
    padding: int = 0,
    dilation_rate: int = 1,
    steps: Sequence[int] = (1, 2, 3, 4),
) -> Figure:
    """Some steps of `convolution_explorer` side by side: the window above, the output so far below."""
    padded, corners, output = _slide(TINY_CAT, KERNELS[kernel], strides, padding, dilation_rate)
    width = 8 / len(steps)
    figure, all_axes = plt.subplots(
        2,
        len(steps) + 1,
        figsize=(9, width * (1 + len(output) / len(padded)) + 0.5),
        height_ratios=(len(padded), len(output)),
        width_ratios=[0.5] + [1] * len(steps),
    )
    _draw_kernel(all_axes[0, 0], KERNELS[kernel], fontsize=9)
    all_axes[0, 0].set_title("kernel", fontsize=11)
    all_axes[1, 0].axis("off")
    for (above, below), step in zip(all_axes.T[1:], steps, strict=True):
        _draw_window(above, TINY_CAT, KERNELS[kernel], padding, dilation_rate, corners[step - 1], fontsize=7.5)
        _draw_output(below, output, step, fontsize=9)
        above.set_title(f"step {step}", fontsize=11)
        below.set_anchor("N")
    return figure


def settings_grid(settings: Sequence[tuple[int, int]], kernel: str = "sum") -> Figure:
    """One column for each (padding, strides): above, the middles of all windows; below, the output they give."""
    figure, all_axes = plt.subplots(2, len(settings), figsize=(9, 4.7))
    for (above, below), (padding, strides) in zip(all_axes.T, settings, strict=True):
        _, corners, output = _slide(TINY_CAT, KERNELS[kernel], strides, padding, 1)
        _draw_window(above, TINY_CAT, np.zeros((0, 0)), padding, 1, (0, 0), fontsize=7.5)
        middles = np.array(corners) + 1
        above.plot(middles[:, 1], middles[:, 0], "o", markersize=12, markerfacecolor="none", color=VERMILION)
        for axes in (above, below):
            # One scale in all columns, so that a smaller map looks smaller.
            axes.set(xlim=(-1.5 + padding - 0.05, 7.5 + padding + 0.05), ylim=(7.5 + padding + 0.05, -1.5 + padding))
        _draw_output(below, output, output.size, fontsize=9)
        below.patches[-1].remove()
        middle = (len(output) - 1) / 2
        below.set(xlim=(middle - 4.55, middle + 4.55), ylim=(middle + 4.55, middle - 4.55))
        above.set_title(f"padding {padding}, strides {strides}", fontsize=11)
        below.set_title(f"output {_size(output)}", fontsize=11)
        for axes in (above, below):
            axes.grid(False)
    return figure


def kernel_sheet(kernels: dict[str, np.ndarray], results: Sequence[np.ndarray]) -> Figure:
    """Each kernel with its numbers, and below what it makes of a picture."""
    figure, all_axes = plt.subplots(2, len(kernels), figsize=(9, 9 / len(kernels) * 1.75 + 0.3), height_ratios=(1, 1.4))
    for (above, below), (name, kernel), result in zip(all_axes.T, kernels.items(), results, strict=True):
        _draw_kernel(above, kernel, fontsize=9)
        above.set_title(name, fontsize=11)
        _draw_response(below, result)
    return figure


def _draw_kernel(axes, kernel, fontsize: float) -> None:
    limit = max(np.abs(kernel).max(), 1e-9)
    _grid(axes, kernel, np.vectorize("{:.2g}".format)(kernel), DIVERGING, (-limit, limit), fontsize)


def _draw_response(axes, result) -> None:
    """In grey: from black to white for brightness, and with 0 in the middle for differences."""
    low, high = np.percentile(result, (1, 99))
    limit = max(abs(low), abs(high), 1e-9)
    axes.imshow(result, cmap="gray", vmin=-limit if low < -0.1 * limit else 0, vmax=limit, **BLOCKS)
    axes.axis("off")


def kernel_editor(
    picture: np.ndarray, first_row: str = "0 -1 0", middle_row: str = "-1 5 -1", last_row: str = "0 -1 0"
) -> Figure:
    """What a kernel, typed in as three rows of three numbers, makes of a grey picture."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.6, 4), width_ratios=(1, 2))
    try:
        kernel = np.array([[float(word) for word in row.split()] for row in (first_row, middle_row, last_row)])
        complete = kernel.shape == (3, 3)
    except ValueError:  # a word that is no number, or rows of different lengths
        complete = False
    if complete:
        _draw_kernel(left, kernel, fontsize=14)
        left.set_title(f"kernel, sum {kernel.sum():g}")
        _draw_response(right, correlate2d(picture, kernel, mode="valid"))
    else:
        left.text(0.5, 0.5, "three numbers\nin each row,\nwith spaces\nbetween", ha="center", va="center", fontsize=13)
        left.axis("off")
        right.imshow(picture, cmap="gray", **BLOCKS)
        right.axis("off")
    return figure


def found(pictures: Sequence[np.ndarray], responses: Sequence[np.ndarray], spots: Sequence, size: int) -> Figure:
    """Pictures with frames of `size` pixels at their spots, (row, column), strongest first; the responses below."""
    figure, all_axes = plt.subplots(2, len(pictures), figsize=(8.6, 4.1), height_ratios=(1, 0.8), squeeze=False)
    limit = max(np.abs(response).max() for response in responses)
    for (above, below), picture, response, places in zip(all_axes.T, pictures, responses, spots, strict=True):
        above.imshow(picture, cmap="gray", **BLOCKS)
        image = below.imshow(response, cmap=DIVERGING, vmin=-limit, vmax=limit, **BLOCKS)
        for (row, column), style in zip(places, ("-", ":"), strict=False):
            frame = Rectangle(
                (column - 0.5, row - 0.5), size, size, fill=False, edgecolor=ORANGE, linewidth=2.5, linestyle=style
            )
            above.add_patch(frame)
            below.add_patch(Circle((column, row), 4, fill=False, linewidth=1.8, linestyle=style))
        below.set_xlabel("row {}, column {}".format(*places[0]))
        for axes in (above, below):
            axes.set(xticks=[], yticks=[])
    figure.colorbar(image, ax=all_axes[1], label="answer", shrink=0.9)
    return figure


def volumes(image: tuple, kernel: tuple, outputs: Sequence[tuple]) -> Figure:
    """An image, a filter and the maps of several layers as blocks. All are shapes, (height, width, channels)."""
    figure, axes = plt.subplots(figsize=(9, 3))
    place = 0.0
    blocks = [(image, SKY, "image"), (kernel, ORANGE, "one filter")]
    blocks += [(shape, GREEN, f"maps of {shape[-1]} filter{'s' * (shape[-1] > 1)}") for shape in outputs]
    for (height, width, channels), colour, words in blocks:
        bottom = (image[0] - height) / 2
        right = _draw_block(axes, place, bottom, width / 2.2, height, 1.6 * channels, colour)
        axes.text((place + right) / 2, -4, words, ha="center", va="top", fontsize=11)
        axes.text((place + right) / 2, -9.5, f"{height} × {width} × {channels}", ha="center", va="top", fontsize=11)
        place = right + 16
    axes.set(xlim=(-2, place - 13), ylim=(-15, 1.15 * image[0]), aspect="equal")
    axes.axis("off")
    return figure


def _draw_block(axes, left, bottom, width, height, depth, colour) -> float:
    """A box seen from the front left; returns where it ends on the right."""
    back = np.array([0.8 * depth, 0.45 * depth])
    front = np.add([(0, 0), (width, 0), (width, height), (0, height)], (left, bottom))
    top = [front[3], front[2], front[2] + back, front[3] + back]
    side = [front[1], front[2], front[2] + back, front[1] + back]
    for face, alpha in ((front, 0.9), (top, 0.5), (side, 0.7)):
        axes.add_patch(Polygon(face, facecolor="white"))
        axes.add_patch(Polygon(face, facecolor=colour, alpha=alpha, edgecolor="black", linewidth=1))
    return left + width + back[0]


def maps(picture: np.ndarray, kernels: np.ndarray, outputs: np.ndarray) -> Figure:
    """A colour picture, and for each filter of `kernels` `(size, size, 3, filters)` its colours and its map.

    Every filter and every map has a scale of its own.
    """
    filters = kernels.shape[-1]
    figure, all_axes = plt.subplots(2, filters + 1, figsize=(9, 3.3), height_ratios=(1, 2.4))
    all_axes[0, 0].axis("off")
    all_axes[1, 0].imshow(picture, **BLOCKS)
    all_axes[1, 0].set_title("photo", fontsize=11)
    for number in range(filters):
        above, below = all_axes[:, number + 1]
        limit, strongest = (np.abs(array[..., number]).max() for array in (kernels, outputs))
        above.imshow(0.5 + 0.5 * kernels[..., number] / limit)
        above.set_title(f"filter {number + 1}", fontsize=11)
        below.imshow(outputs[..., number], cmap=DIVERGING, vmin=-strongest, vmax=strongest, **BLOCKS)
        below.set_title(f"map {number + 1}", fontsize=11)
    for axes in all_axes.flat:
        axes.set(xticks=[], yticks=[])
    return figure


def convolution_matrix(kernel: np.ndarray, matrix: np.ndarray) -> Figure:
    """A small kernel beside the matrix `(outputs, inputs)` that does the same to the flattened image."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), width_ratios=(1, 4))
    limit = np.abs(matrix).max()
    _grid(left, kernel, kernel.astype(int).astype(str), DIVERGING, (-limit, limit), fontsize=12)
    left.set_title("kernel")
    right.imshow(matrix, cmap=DIVERGING, vmin=-limit, vmax=limit)
    right.set_xticks(np.arange(matrix.shape[1] + 1) - 0.5, [], minor=True)
    right.set_yticks(np.arange(len(matrix) + 1) - 0.5, [], minor=True)
    right.grid(which="minor", color="#dddddd", linewidth=0.5)
    right.tick_params(which="minor", length=0)
    right.set(xlabel="pixel of the image, row by row", ylabel="place in the output", title="the same as a dense layer")
    return figure


def fields(gradients: dict[str, np.ndarray]) -> Figure:
    """How much one output depends on each pixel, a panel for each title; white where it does not depend at all."""
    figure, all_axes = plt.subplots(1, len(gradients), figsize=(9, 9 / len(gradients) + 0.2))
    for axes, (title, gradient) in zip(all_axes, gradients.items(), strict=True):
        share = np.abs(gradient) / np.abs(gradient).max()
        share = np.where(share > 0, np.maximum(share, 1e-3), np.nan)
        image = axes.imshow(share, cmap="viridis_r", norm=LogNorm(1e-3, 1))
        axes.set(xticks=[], yticks=[])
        axes.set_title(title, fontsize=11)
    figure.colorbar(image, ax=all_axes, label="|gradient|, largest = 1", shrink=0.75)
    return figure


def learnt_detectors(kernels: np.ndarray, favourites: np.ndarray) -> Figure:
    """Weights `(size, size, filters)`, blue below zero and orange above; below, in grey, what each answers to most."""
    filters = kernels.shape[-1]
    figure, all_axes = plt.subplots(2, filters, figsize=(9, 18 / filters + 0.1))
    limit = np.abs(kernels).max()
    for number, (above, below) in enumerate(all_axes.T):
        above.imshow(kernels[..., number], cmap=DIVERGING, vmin=-limit, vmax=limit)
        below.imshow(favourites[..., number], cmap="gray_r", vmin=0)
    for axes in all_axes.flat:
        axes.set(xticks=[], yticks=[])
    all_axes[0, 0].set_ylabel("weights", fontsize=10)
    all_axes[1, 0].set_ylabel("finds", fontsize=10)
    return figure


def _size(array: np.ndarray) -> str:
    return f"{array.shape[0]} × {array.shape[1]}"
