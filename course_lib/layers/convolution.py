"""Convolution layers: slide a window, take a weighted sum. Lesson 09 builds the forward pass, lesson 11 the backward.

What a framework's convolution layer computes is cross-correlation: the kernel slides as it is, it is not flipped.
Images are `(batch, height, width, channels)`, kernels `(kernel_height, kernel_width, in_channels / groups, filters)`.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from course_lib.layers.core import Layer


class Conv2D(Layer):
    """Cross-correlation of every image with `filters` kernels, plus a bias per filter.

    padding: "valid" (none), "same" (zeros so that height becomes ceil(height / strides)), or rows and columns of zeros
    on every side as one number. strides and dilation_rate are one number for both axes. With `groups`, each group of
    filters sees its share of the channels only. Raises ValueError when the groups do not divide channels and filters.
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        kernel_size: int,
        rng: np.random.Generator,
        *,
        strides: int = 1,
        padding: str | int = "valid",
        dilation_rate: int = 1,
        groups: int = 1,
    ):
        super().__init__()
        if channels % groups or filters % groups:
            raise ValueError(f"groups={groups} must divide the {channels} channels and the {filters} filters.")
        self.kernel_size, self.strides, self.padding = kernel_size, strides, padding
        self.dilation_rate, self.groups = dilation_rate, groups
        shape = (kernel_size, kernel_size, channels // groups, filters)
        limit = np.sqrt(6 / (kernel_size**2 * (channels + filters) / groups))  # Glorot (2010), as in Keras
        self.parameters = {"kernel": rng.uniform(-limit, limit, shape), "bias": np.zeros(filters)}

    def forward(self, inputs):
        self.padded, self.margins = pad(inputs, self.kernel_size, self.strides, self.padding, self.dilation_rate)
        windows = slide(self.padded, self.kernel_size, self.strides, self.dilation_rate)
        self.shape = windows.shape[:3]  # batch, output height, output width
        # One row for each place of the window, one matrix for each group: all the work is one matrix product.
        rows = windows.reshape(*self.shape, self.kernel_size**2, self.groups, -1)
        self.rows = np.moveaxis(rows, 4, 0).reshape(self.groups, np.prod(self.shape), -1)
        outputs = self.rows @ self._matrices()
        return np.moveaxis(outputs, 0, 1).reshape(*self.shape, -1) + self.parameters["bias"]

    def backward(self, upstream):
        filters = upstream.shape[-1]
        errors = np.moveaxis(upstream.reshape(-1, self.groups, filters // self.groups), 1, 0)
        kernel = np.moveaxis(self.rows.transpose(0, 2, 1) @ errors, 0, 1)
        self.gradients = {
            "kernel": kernel.reshape(self.parameters["kernel"].shape),
            "bias": upstream.sum(axis=(0, 1, 2)),
        }
        rows = np.moveaxis(errors @ self._matrices().transpose(0, 2, 1), 0, 1)
        windows = rows.reshape(len(rows), self.groups, self.kernel_size**2, -1).swapaxes(1, 2)
        windows = windows.reshape(*self.shape, self.kernel_size, self.kernel_size, -1)
        gradient = scatter(windows, self.padded.shape, self.strides, self.dilation_rate)
        (top, bottom), (left, right) = self.margins
        return gradient[:, top : gradient.shape[1] - bottom, left : gradient.shape[2] - right]

    def _matrices(self):
        """The kernel as one matrix for each group, (groups, kernel_size² channels / groups, filters / groups)."""
        *_, channels, filters = self.parameters["kernel"].shape
        matrix = self.parameters["kernel"].reshape(self.kernel_size**2 * channels, self.groups, filters // self.groups)
        return np.moveaxis(matrix, 1, 0)


def conv2d_by_loops(inputs, kernel, bias, strides: int = 1):
    """The same sum written out, valid padding, one group: seven loops that say what a convolution layer is."""
    batch, height, width, channels = inputs.shape
    size, _, _, filters = kernel.shape
    rows, columns = (height - size) // strides + 1, (width - size) // strides + 1
    outputs = np.zeros((batch, rows, columns, filters), inputs.dtype)
    for image in range(batch):
        for row in range(rows):
            for column in range(columns):
                for f in range(filters):
                    total = bias[f]
                    for i in range(size):
                        for j in range(size):
                            for channel in range(channels):
                                pixel = inputs[image, row * strides + i, column * strides + j, channel]
                                total += kernel[i, j, channel, f] * pixel
                    outputs[image, row, column, f] = total
    return outputs


def pad(inputs, kernel_size: int, strides: int, padding: str | int, dilation_rate: int = 1):
    """Zeros around the images, and how many: `((top, bottom), (left, right))`. Raises ValueError for other padding."""
    if padding == "valid":
        margins = ((0, 0), (0, 0))
    elif padding == "same":
        reach = dilation_rate * (kernel_size - 1) + 1
        totals = [max((-(-size // strides) - 1) * strides + reach - size, 0) for size in inputs.shape[1:3]]
        margins = tuple((total // 2, total - total // 2) for total in totals)  # an odd zero goes below and right
    elif isinstance(padding, int) and padding >= 0:
        margins = ((padding, padding), (padding, padding))
    else:
        raise ValueError(f"padding is 'valid', 'same' or a number of zeros, not {padding!r}.")
    return np.pad(inputs, ((0, 0), *margins, (0, 0))), margins


def slide(images, kernel_size: int, strides: int, dilation_rate: int = 1):
    """Every window of the images, `(batch, rows, columns, kernel_size, kernel_size, channels)`: a view, no copy."""
    reach = dilation_rate * (kernel_size - 1) + 1
    if min(images.shape[1:3]) < reach:
        raise ValueError(f"A window of {reach} x {reach} does not fit into images of {images.shape[1:3]}.")
    windows = sliding_window_view(images, (reach, reach), axis=(1, 2))
    windows = windows[:, ::strides, ::strides, :, ::dilation_rate, ::dilation_rate]
    return windows.transpose(0, 1, 2, 4, 5, 3)


def scatter(windows, shape: tuple, strides: int, dilation_rate: int = 1):
    """The reverse of `slide`: add every window back to the place it was taken from, giving images of `shape`."""
    images = np.zeros(shape, windows.dtype)
    _, rows, columns, height, width, _ = windows.shape
    for i in range(height):
        for j in range(width):
            top, left = i * dilation_rate, j * dilation_rate
            images[:, top : top + rows * strides : strides, left : left + columns * strides : strides] += windows[
                :, :, :, i, j
            ]
    return images
