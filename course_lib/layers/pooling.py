"""Pooling: shrink every map by itself, with nothing to learn. Lesson 12 builds these.

A window of `pool_size` x `pool_size` moves by `strides` (by default its own size); what is left over at the edge is
dropped, as with Keras' padding="valid".
"""

from __future__ import annotations

import numpy as np

from course_lib.layers.convolution import scatter, slide
from course_lib.layers.core import Layer


class Pooling2D(Layer):
    """What all pooling layers share: cutting the images into windows, and giving gradients back to their places."""

    def __init__(self, pool_size: int = 2, strides: int | None = None):
        super().__init__()
        self.pool_size, self.strides = pool_size, strides or pool_size

    def windows(self, inputs):
        """(batch, rows, columns, pool_size², channels)"""
        self.shape = inputs.shape
        windows = slide(inputs, self.pool_size, self.strides)
        return windows.reshape(*windows.shape[:3], self.pool_size**2, -1)

    def give_back(self, windows):
        """Gradients of the windows, to images."""
        square = windows.reshape(*windows.shape[:3], self.pool_size, self.pool_size, -1)
        return scatter(square, self.shape, self.strides)


class MaxPooling2D(Pooling2D):
    """The largest value of each window. `switches` remember which one it was, `(batch, rows, columns, channels)`."""

    def forward(self, inputs):
        windows = self.windows(inputs)
        self.switches = windows.argmax(axis=3)
        return np.take_along_axis(windows, self.switches[:, :, :, None], axis=3)[:, :, :, 0]

    def backward(self, upstream):
        """All of the gradient goes to the winner."""
        windows = np.zeros((*upstream.shape[:3], self.pool_size**2, upstream.shape[3]), upstream.dtype)
        np.put_along_axis(windows, self.switches[:, :, :, None], upstream[:, :, :, None], axis=3)
        return self.give_back(windows)

    def unpool(self, values):
        """Put values back where the maxima were, zeros elsewhere (Zeiler and Fergus, 2014).

        With overlapping windows a place that won twice keeps one of its values; it does not get their sum.
        """
        ones, placed = np.ones_like(values), self.backward(values)
        return placed / np.maximum(self.backward(ones), 1)


class AveragePooling2D(Pooling2D):
    """The mean of each window; the gradient is shared out equally."""

    def forward(self, inputs):
        return self.windows(inputs).mean(axis=3)

    def backward(self, upstream):
        share = upstream[:, :, :, None] / self.pool_size**2
        return self.give_back(np.repeat(share, self.pool_size**2, axis=3))


class L2Pooling2D(Pooling2D):
    """The root of the summed squares of each window; the gradient goes to each place by its share of the root."""

    def forward(self, inputs):
        self.values = self.windows(inputs)
        self.outputs = np.sqrt(np.sum(self.values**2, axis=3))
        return self.outputs

    def backward(self, upstream):
        roots = np.where(self.outputs > 0, self.outputs, 1)  # a window of zeros has no slope to share
        return self.give_back(self.values * (upstream / roots)[:, :, :, None])


class GlobalAveragePooling2D(Layer):
    """The mean of each map: `(batch, height, width, channels)` to `(batch, channels)`."""

    def forward(self, inputs):
        self.shape = inputs.shape
        return inputs.mean(axis=(1, 2))

    def backward(self, upstream):
        _, height, width, _ = self.shape
        return np.broadcast_to(upstream[:, None, None] / (height * width), self.shape).copy()
