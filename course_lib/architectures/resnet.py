"""Residual networks, which won ImageNet in 2015, and the plain ones that they were held against.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition (2015; CVPR 2016). Lesson 21.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Integral

import keras
from keras import layers, ops

from course_lib.architectures.arguments import check_builder, check_choice, scaled
from course_lib.architectures.convolutions import normalised_convolution, stem, top


def resnet(
    depth: int = 50,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    residual: bool = True,
    shortcut: str = "B",
    include_top: bool = True,
    width: float = 1.0,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    **options,
) -> keras.Model:
    """A ResNet for ImageNet: (batch, 224, 224, 3) to (batch, 1000), or to (batch, 7, 7, channels) without its top.

    depth: 18 or 34, of blocks with two 3×3 convolutions; 50, 101 or 152, of bottlenecks.
    residual: False for the plain twin, which has the same layers and no shortcuts.
    shortcut, **options: see `basic_block` and `bottleneck_block`. With `widen=2, strides_in="3x3"`, ResNet-50 is the
        wide one, WRN-50-2: 68,883,240 trainable parameters, 11,398,021,120 multiply-adds.

    =====  ====================  ==============
    depth  trainable parameters  multiply-adds
    =====  ====================  ==============
    18     11,689,512             1,814,073,344
    34     21,797,672             3,663,761,408
    50     25,557,032             3,857,973,248
    101    44,549,160             7,570,194,432
    152    60,192,808            11,282,415,616
    =====  ====================  ==============

    Layers are named as in `keras.applications`; with `use_bias=True`, ResNet-50, 101 and 152 are the networks there.
    Raises ValueError for another depth, and for sides below 32.
    """
    check_choice("depth", depth, STAGES)
    check_builder(input_shape, 32, classes, width)
    block, blocks = STAGES[depth]
    first = scaled(64, width)
    inputs = keras.Input(input_shape)
    x = stem(inputs, first, **_of_every_layer(options))
    x = _stages(x, block, blocks, first, residual=residual, shortcut=shortcut, **options)
    outputs = top(x, classes, classifier_activation) if include_top else x
    return keras.Model(inputs, outputs, name=name or f"{'resnet' if residual else 'plain'}_{depth}")


def cifar_resnet(
    depth: int = 20,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    *,
    residual: bool = True,
    shortcut: str = "A",
    width: float = 1.0,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    **options,
) -> keras.Model:
    """A ResNet for CIFAR-10: (batch, 32, 32, 3) to (batch, 10), by three stages of 16, 32 and 64 filters.

    depth: 6n + 2 for n blocks a stage; the paper has 20, 32, 44, 56, 110 and 1202.
    residual: False for the plain twin, which has exactly as many parameters.
    shortcut, **options: see `basic_block`.

    =====  ====================  ==============
    depth  trainable parameters  multiply-adds
    =====  ====================  ==============
    20     269,722                   40,551,040
    32     464,154                   68,862,592
    44     658,586                   97,174,144
    56     853,018                  125,485,696
    110    1,727,962                252,887,680
    1202   19,421,274             2,829,238,912
    =====  ====================  ==============

    Raises ValueError for a depth that is not 6n + 2, and for sides below 4.
    """
    blocks = [blocks_a_stage(depth)] * 3
    check_builder(input_shape, 4, classes, width)
    first = scaled(16, width)
    inputs = keras.Input(input_shape)
    x = normalised_convolution(inputs, first, 3, 1, name="conv1", **_of_every_layer(options))
    x = layers.Activation("relu", name="conv1_relu")(x)
    x = _stages(x, basic_block, blocks, first, residual=residual, shortcut=shortcut, **options)
    outputs = top(x, classes, classifier_activation)
    with _recursion_for(depth):
        return keras.Model(inputs, outputs, name=name or f"cifar_{'resnet' if residual else 'plain'}_{depth}")


def blocks_a_stage(depth: int) -> int:
    """Of a `cifar_resnet`. Raises ValueError for a depth that is not 6n + 2."""
    if not isinstance(depth, Integral) or depth < 8 or depth % 6 != 2:
        raise ValueError(f"depth must be 6n + 2 for n blocks in each stage: 8, 14, 20, 26, 32, …; not {depth!r}.")
    return depth // 6


def resnet9(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    *,
    width: float = 1.0,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    **options,
) -> keras.Model:
    """A wide, shallow ResNet that learns CIFAR-10 in few passes: (batch, 32, 32, 3) to (batch, 10).

    After D. Page, How to Train Your ResNet (2018), which led the benchmark of training times for a while. A convolution
    of 64 filters, then three of 128, 256 and 512, each followed by a pooling that halves height and width; behind the
    first and the third, a `basic_block`. 6,573,130 trainable parameters, 379,261,952 multiply-adds.

    **options: see `basic_block`. Raises ValueError for sides below 8.
    """
    check_builder(input_shape, 8, classes, width)
    first, of_every_layer = scaled(64, width), _of_every_layer(options)
    inputs = keras.Input(input_shape)
    x = normalised_convolution(inputs, first, 3, 1, name="conv1", **of_every_layer)
    x = layers.Activation("relu", name="conv1_relu")(x)
    for stage, blocks in enumerate((1, 0, 1), start=2):
        filters = first * 2 ** (stage - 1)
        x = normalised_convolution(x, filters, 3, 1, name=f"conv{stage}", **of_every_layer)
        x = layers.Activation("relu", name=f"conv{stage}_relu")(x)
        x = layers.MaxPooling2D(2, name=f"conv{stage}_pool")(x)
        for place in range(blocks):
            x = basic_block(x, filters, name=f"conv{stage}_block{place + 1}", **options)
    x = layers.GlobalMaxPooling2D(name="max_pool")(x)
    outputs = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    return keras.Model(inputs, outputs, name=name or "resnet9")


def basic_block(
    x,
    filters: int,
    strides: int = 1,
    *,
    residual: bool = True,
    shortcut: str = "B",
    gate: Callable | None = None,
    last_gamma_initializer="ones",
    name: str,
    **options,
):
    """Two 3×3 convolutions and a shortcut: (batch, height, width, channels) to (batch, height / strides, …, filters).

    residual: whether there is a shortcut. Without one, the block is plain.
    shortcut: where the shape changes, "A" skips pixels and adds maps of zeros, "B" projects by a 1×1 convolution; "C"
        projects everywhere.
    gate: what is to happen to the path before the sum: a function of its maps and of `name`, which returns such maps.
    last_gamma_initializer: of the batch normalisation before the sum: "zeros" lets a block begin as its shortcut
        (Goyal et al., 2017).
    options: `use_bias=False`, for biases in the convolutions, which the batch normalisation behind them cancels;
        `momentum=0.99`, of batch normalisation; `kernel_initializer="he_normal"`.

    Layers `name_1_conv`, `name_1_bn`, `name_1_relu`, `name_2_…`, `name_0_…` in the shortcut, `name_add`, `name_out`.
    Raises ValueError for another shortcut, and where "A" would have to drop maps.
    """
    last = {"gamma_initializer": last_gamma_initializer}
    y = normalised_convolution(x, filters, 3, strides, name=f"{name}_1", **options)
    y = layers.Activation("relu", name=f"{name}_1_relu")(y)
    y = normalised_convolution(y, filters, 3, 1, name=f"{name}_2", **last, **options)
    return _close_block(x, y, strides, residual, shortcut, gate, name, **options)


def bottleneck_block(
    x,
    filters: int,
    strides: int = 1,
    *,
    widen: float = 1.0,
    groups: int = 1,
    strides_in: str = "1x1",
    residual: bool = True,
    shortcut: str = "B",
    gate: Callable | None = None,
    last_gamma_initializer="ones",
    name: str,
    **options,
):
    """1×1, 3×3 and 1×1 convolutions and a shortcut: (batch, height, width, channels) to (…, 4 filters).

    widen: a factor on the filters of the first two convolutions, not on the last (lesson 22).
    groups: of the 3×3 convolution: it falls into as many branches that do not see each other (lesson 22).
    strides_in: which convolution has the strides: the first "1x1", as in the paper, or the "3x3", as in later networks.

    For the other arguments and the names of the layers, see `basic_block`. Raises ValueError for other strides_in.
    """
    check_choice("strides_in", strides_in, ("1x1", "3x3"))
    last, inner = {"gamma_initializer": last_gamma_initializer}, round(widen * filters)
    first, second = (strides, 1) if strides_in == "1x1" else (1, strides)
    y = normalised_convolution(x, inner, 1, first, name=f"{name}_1", **options)
    y = layers.Activation("relu", name=f"{name}_1_relu")(y)
    y = normalised_convolution(y, inner, 3, second, groups=groups, name=f"{name}_2", **options)
    y = layers.Activation("relu", name=f"{name}_2_relu")(y)
    y = normalised_convolution(y, 4 * filters, 1, 1, name=f"{name}_3", **last, **options)
    return _close_block(x, y, strides, residual, shortcut, gate, name, **options)


STAGES = {  # the block, and how many of them in each of the four stages
    18: (basic_block, (2, 2, 2, 2)),
    34: (basic_block, (3, 4, 6, 3)),
    50: (bottleneck_block, (3, 4, 6, 3)),
    101: (bottleneck_block, (3, 4, 23, 3)),
    152: (bottleneck_block, (3, 8, 36, 3)),
}


@keras.saving.register_keras_serializable("course_lib")
class PaddedShortcut(layers.Layer):
    """Option A: every strides-th pixel, and maps of zeros behind the others up to `filters`. Nothing is trained.

    (batch, height, width, channels) to (batch, ceil(height / strides), ceil(width / strides), filters). Raises
    ValueError where there are more channels than filters.
    """

    def __init__(self, filters: int, strides: int = 1, **options):
        super().__init__(**options)
        self.filters, self.strides = filters, strides

    def build(self, input_shape):
        if input_shape[-1] > self.filters:
            raise ValueError(f"Shortcut A can only add maps: {input_shape[-1]} are more than {self.filters}.")

    def call(self, inputs):
        kept = inputs[:, :: self.strides, :: self.strides]
        return ops.pad(kept, [(0, 0), (0, 0), (0, 0), (0, self.filters - inputs.shape[-1])])

    def get_config(self):
        return super().get_config() | {"filters": self.filters, "strides": self.strides}


def _stages(x, block, blocks, filters, **options):
    """The stages conv2, conv3, …: each has twice the filters of the one before, on half the height and width."""
    for stage, number in enumerate(blocks):
        for place in range(number):
            strides = 2 if stage > 0 and place == 0 else 1
            x = block(x, filters * 2**stage, strides, name=f"conv{stage + 2}_block{place + 1}", **options)
    return x


@contextmanager
def _recursion_for(depth: int) -> Iterator[None]:
    """Keras walks along a graph recursively, one call a layer: 1202 times four is more than Python usually allows."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(usual + 4 * depth)
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)


def _close_block(x, y, strides, residual, shortcut, gate, name, **options):
    check_choice("shortcut", shortcut, ("A", "B", "C"))
    y = gate(y, name=name) if gate else y
    if residual:
        x = _shortcut(x, y.shape[-1], strides, shortcut, f"{name}_0", **options)
        y = layers.Add(name=f"{name}_add")([x, y])
    return layers.Activation("relu", name=f"{name}_out")(y)


def _shortcut(x, filters, strides, kind, name, **options):
    keeps_shape = strides == 1 and x.shape[-1] == filters
    if keeps_shape and kind != "C":
        return x
    if kind == "A":
        return PaddedShortcut(filters, strides, name=f"{name}_pad")(x)
    return normalised_convolution(x, filters, 1, strides, name=name, **options)


def _of_every_layer(options):
    """What of a block's options concerns layers outside of blocks, too."""
    return {name: value for name, value in options.items() if name in ("use_bias", "momentum", "kernel_initializer")}
