"""Swin: a transformer that attends within windows, shifts them in every second block, and halves its map like a CNN.

Liu et al.: Swin Transformer: Hierarchical Vision Transformer using Shifted Windows (2021). Lesson 24.
"""

from __future__ import annotations

from numbers import Integral

import keras
import numpy as np
from keras import layers, ops

from course_lib.architectures.arguments import check_builder, check_choice, check_positive, scaled

SIZES = {  # width of a token in the first stage, blocks and heads of the four stages
    "T": (96, (2, 2, 6, 2), (3, 6, 12, 24)),
    "S": (96, (2, 2, 18, 2), (3, 6, 12, 24)),
    "B": (128, (2, 2, 18, 2), (4, 8, 16, 32)),
    "L": (192, (2, 2, 18, 2), (6, 12, 24, 48)),
}
EPSILON = 1e-5  # of layer normalisation


def swin(
    size: str = "T",
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    window: int = 7,
    patch: int = 4,
    width: float = 1.0,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
) -> keras.Model:
    """A Swin Transformer: (batch, 224, 224, 3) to (batch, 1000).

    size: "T", "S", "B" or "L".
    window: tokens along a side of a window; at 384 pixels the paper has 12. A map that is smaller is one window.
    patch: side of a patch in pixels.
    width: a factor on the width of the tokens; the numbers of heads stay.

    ====  ====  ======  ====================  ===============
    size  side  window  trainable parameters  multiply-adds
    ====  ====  ======  ====================  ===============
    T     224   7       28,288,354              4,490,566,656
    S     224   7       49,606,258              8,740,875,264
    B     224   7       87,768,224             15,430,946,816
    B     384   12      87,903,584             47,083,134,976
    L     384   12      196,735,516           103,919,087,616
    ====  ====  ======  ====================  ===============

    Raises ValueError for an unknown size, and where patches or windows do not cover a map exactly.
    """
    check_choice("size", size, SIZES)
    for setting, value in (("window", window), ("patch", patch)):
        check_positive(setting, value, Integral)
    check_builder(input_shape, patch, classes, width)
    full, blocks, heads = SIZES[size]
    token = scaled(full, width, heads[0])
    _check_sides(input_shape[:2], patch, window, len(blocks))
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(token, patch, strides=patch, name="patches")(inputs)
    x = layers.LayerNormalization(epsilon=EPSILON, name="patches_norm")(x)
    for stage, (number, several) in enumerate(zip(blocks, heads, strict=True), start=1):
        if stage > 1:
            x = merge_patches(x, name=f"stage{stage}_merge")
        for block in range(number):
            shift = window // 2 if block % 2 else 0
            x = swin_block(x, several, window, shift, name=f"stage{stage}_block{block + 1}")
    x = layers.LayerNormalization(epsilon=EPSILON, name="norm")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    outputs = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    return keras.Model(inputs, outputs, name=name or f"swin_{size.lower()}")


def swin_block(x, heads: int, window: int, shift: int = 0, mlp_ratio: float = 4, *, name: str):
    """A transformer block that asks within windows only: (batch, height, width, channels) to the same.

    Layers `name_norm1`, `name_attention`, `name_add1`, `name_norm2`, `name_mlp1`, `name_mlp2`, `name_add2`.
    """
    channels = x.shape[-1]
    y = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm1")(x)
    y = WindowAttention(heads, window, shift, name=f"{name}_attention")(y)
    x = layers.Add(name=f"{name}_add1")([x, y])
    y = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm2")(x)
    y = layers.Dense(int(mlp_ratio * channels), activation="gelu", name=f"{name}_mlp1")(y)
    y = layers.Dense(channels, name=f"{name}_mlp2")(y)
    return layers.Add(name=f"{name}_add2")([x, y])


def merge_patches(x, *, name: str):
    """Four neighbours become one token: (batch, height, width, channels) to (…, height / 2, width / 2, 2 channels)."""
    _, height, width, channels = x.shape
    x = layers.Reshape((height // 2, 2, width // 2, 2 * channels), name=f"{name}_rows")(x)
    x = layers.Permute((1, 3, 2, 4), name=f"{name}_pairs")(x)
    x = layers.Reshape((height // 2, width // 2, 4 * channels), name=f"{name}_four")(x)
    x = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm")(x)
    return layers.Dense(2 * channels, use_bias=False, name=f"{name}_reduce")(x)


@keras.saving.register_keras_serializable("course_lib")
class WindowAttention(layers.Layer):
    """Multi-head attention within windows of `window` × `window` tokens: (batch, height, width, channels) to the same.

    With a `shift` the map is rolled up and to the left first, and back at the end; where that brings opposite borders
    into one window, they may not ask each other. Every head adds to its scores a learnt number for each offset between
    two tokens. A map that is no larger than a window is one window, without a shift. Raises ValueError where windows do
    not cover the map exactly, and where the heads do not divide the channels.
    """

    def __init__(self, heads: int, window: int, shift: int = 0, **options):
        super().__init__(**options)
        self.heads, self.window, self.shift = heads, window, shift

    def build(self, input_shape):
        height, width, channels = input_shape[1:]
        self.side = min(self.window, height, width)
        self.roll = self.shift if min(height, width) > self.window else 0
        if height % self.side or width % self.side or channels % self.heads:
            raise ValueError(
                f"Windows of {self.side} must cover {height}×{width} exactly, and {self.heads} heads divide {channels}."
            )
        for part, units in (("qkv", 3 * channels), ("out", channels)):
            setattr(self, f"{part}_kernel", self.add_weight(shape=(channels, units), name=f"{part}_kernel"))
            setattr(self, f"{part}_bias", self.add_weight(shape=(units,), initializer="zeros", name=f"{part}_bias"))
        offsets, spread = (2 * self.side - 1) ** 2, keras.initializers.RandomNormal(stddev=0.02)
        self.offset_bias = self.add_weight(shape=(offsets, self.heads), initializer=spread, name="offset_bias")
        self.offsets, self.mask = offsets_in(self.side), shifted_mask(height, width, self.side, self.roll)

    def call(self, inputs):
        height, width, channels = inputs.shape[1:]
        size, key = self.side**2, channels // self.heads
        x = ops.roll(inputs, (-self.roll, -self.roll), axis=(1, 2)) if self.roll else inputs
        x = ops.reshape(windows_of(x, self.side), (-1, size, channels))
        parts = ops.reshape(ops.matmul(x, self.qkv_kernel) + self.qkv_bias, (-1, size, 3, self.heads, key))
        query, keys, values = (parts[:, :, part] for part in range(3))
        scores = ops.einsum("wqhc,wkhc->whqk", query, keys) / key**0.5
        scores += ops.transpose(ops.take(self.offset_bias, self.offsets, axis=0), (2, 0, 1))
        if self.roll:
            shut = ops.cast(np.where(self.mask, 0, -1e9)[:, None], scores.dtype)
            scores = ops.reshape(scores, (-1, len(self.mask), self.heads, size, size)) + shut
            scores = ops.reshape(scores, (-1, self.heads, size, size))
        mixed = ops.einsum("whqk,wkhc->wqhc", ops.softmax(scores), values)
        outputs = ops.matmul(ops.reshape(mixed, (-1, size, channels)), self.out_kernel) + self.out_bias
        outputs = from_windows(outputs, height, width, self.side)
        return ops.roll(outputs, (self.roll, self.roll), axis=(1, 2)) if self.roll else outputs

    def get_config(self):
        return super().get_config() | {"heads": self.heads, "window": self.window, "shift": self.shift}


def windows_of(x, side: int):
    """(batch, height, width, channels) to (batch, windows, side², channels), window by window, row by row."""
    _, height, width, channels = x.shape
    x = ops.reshape(x, (-1, height // side, side, width // side, side, channels))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, height * width // side**2, side**2, channels))


def from_windows(x, height: int, width: int, side: int):
    """What `windows_of` took apart, together again; the windows may be rows of the batch."""
    x = ops.reshape(x, (-1, height // side, width // side, side, side, x.shape[-1]))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, height, width, x.shape[-1]))


def offsets_in(side: int) -> np.ndarray:
    """(side², side²): which of the (2 side - 1)² offsets lies between two tokens of a window."""
    row, column = np.divmod(np.arange(side**2), side)
    down, right = row[:, None] - row + side - 1, column[:, None] - column + side - 1
    return down * (2 * side - 1) + right


def shifted_mask(height: int, width: int, side: int, shift: int) -> np.ndarray:
    """(windows, side², side²): in a rolled map those of one zone may ask each other."""
    rows, columns = np.arange(height) + shift >= height, np.arange(width) + shift >= width
    zones = 2 * rows[:, None] + columns  # 0 to 3: what came over which border
    zones = zones.reshape(height // side, side, width // side, side).swapaxes(1, 2).reshape(-1, side**2)
    return zones[:, :, None] == zones[:, None]


def _check_sides(sides: tuple[int, int], patch: int, window: int, stages: int) -> None:
    for side in sides:
        tokens = side // patch
        for stage in range(stages):
            whole = side % patch == 0 and tokens % 2**stage == 0
            now = tokens // 2**stage
            if not whole or now < 1 or now % min(window, now):
                raise ValueError(
                    f"A side of {side} pixels with patches of {patch} and windows of {window} is not covered exactly "
                    f"in stage {stage + 1}."
                )
