"""Residual networks, which won ImageNet in 2015, and the plain ones that they were held against.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition (2015; CVPR 2016). Lesson 21.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral

import keras
from keras import layers, ops

from course_lib.architectures.arguments import check_builder, check_choice, scaled

EPSILON = 1.001e-5  # of batch normalisation, as in keras.applications


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
    shortcut, **options: see `basic_block`.

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
    x = layers.ZeroPadding2D(3, name="conv1_pad")(inputs)
    x = _normalised_convolution(x, first, 7, 2, "conv1", padding="valid", **_of_every_layer(options))
    x = layers.Activation("relu", name="conv1_relu")(x)
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="pool1_pool")(x)
    x = _stages(x, block, blocks, first, residual=residual, shortcut=shortcut, **options)
    outputs = _top(x, classes, classifier_activation) if include_top else x
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
    if not isinstance(depth, Integral) or depth < 8 or depth % 6 != 2:
        raise ValueError(f"depth must be 6n + 2 for n blocks in each stage: 8, 14, 20, 26, 32, …; not {depth!r}.")
    check_builder(input_shape, 4, classes, width)
    first = scaled(16, width)
    inputs = keras.Input(input_shape)
    x = _normalised_convolution(inputs, first, 3, 1, "conv1", **_of_every_layer(options))
    x = layers.Activation("relu", name="conv1_relu")(x)
    x = _stages(x, basic_block, [depth // 6] * 3, first, residual=residual, shortcut=shortcut, **options)
    outputs = _top(x, classes, classifier_activation)
    with _recursion_for(depth):
        return keras.Model(inputs, outputs, name=name or f"cifar_{'resnet' if residual else 'plain'}_{depth}")


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
    x = _normalised_convolution(inputs, first, 3, 1, "conv1", **of_every_layer)
    x = layers.Activation("relu", name="conv1_relu")(x)
    for stage, blocks in enumerate((1, 0, 1), start=2):
        filters = first * 2 ** (stage - 1)
        x = _normalised_convolution(x, filters, 3, 1, f"conv{stage}", **of_every_layer)
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
    last_gamma_initializer="ones",
    name: str,
    **options,
):
    """Two 3×3 convolutions and a shortcut: (batch, height, width, channels) to (batch, height / strides, …, filters).

    residual: whether there is a shortcut. Without one, the block is plain.
    shortcut: where the shape changes, "A" skips pixels and adds maps of zeros, "B" projects by a 1×1 convolution; "C"
        projects everywhere.
    last_gamma_initializer: of the batch normalisation before the sum: "zeros" lets a block begin as its shortcut
        (Goyal et al., 2017).
    options: `use_bias=False`, for biases in the convolutions, which the batch normalisation behind them cancels;
        `momentum=0.99`, of batch normalisation; `kernel_initializer="he_normal"`.

    Layers `name_1_conv`, `name_1_bn`, `name_1_relu`, `name_2_…`, `name_0_…` in the shortcut, `name_add`, `name_out`.
    Raises ValueError for another shortcut, and where "A" would have to drop maps.
    """
    last = {"gamma_initializer": last_gamma_initializer}
    y = _normalised_convolution(x, filters, 3, strides, f"{name}_1", **options)
    y = layers.Activation("relu", name=f"{name}_1_relu")(y)
    y = _normalised_convolution(y, filters, 3, 1, f"{name}_2", **last, **options)
    return _close_block(x, y, strides, residual, shortcut, name, **options)


def bottleneck_block(
    x,
    filters: int,
    strides: int = 1,
    *,
    residual: bool = True,
    shortcut: str = "B",
    last_gamma_initializer="ones",
    name: str,
    **options,
):
    """1×1, 3×3 and 1×1 convolutions and a shortcut: (batch, height, width, channels) to (…, 4 filters).

    The strides are those of the first 1×1, as in the paper; later networks have them in the 3×3. For the arguments and
    the names of the layers, see `basic_block`.
    """
    last = {"gamma_initializer": last_gamma_initializer}
    y = _normalised_convolution(x, filters, 1, strides, f"{name}_1", **options)
    y = layers.Activation("relu", name=f"{name}_1_relu")(y)
    y = _normalised_convolution(y, filters, 3, 1, f"{name}_2", **options)
    y = layers.Activation("relu", name=f"{name}_2_relu")(y)
    y = _normalised_convolution(y, 4 * filters, 1, 1, f"{name}_3", **last, **options)
    return _close_block(x, y, strides, residual, shortcut, name, **options)


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


@keras.saving.register_keras_serializable("course_lib")
class PointwiseConv2D(layers.Conv2D):
    """A 1×1 convolution that takes every strides-th pixel first and then convolves them all: the same numbers.

    TensorFlow's own gradient of a 1×1 convolution with strides writes outside its memory on some processors, and
    crashes Python now and then.
    """

    def call(self, inputs):
        down, across = self.strides
        outputs = ops.conv(inputs[:, ::down, ::across], self.kernel, 1, "valid", data_format="channels_last")
        return self.activation(outputs if self.bias is None else outputs + self.bias)


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


def _close_block(x, y, strides, residual, shortcut, name, **options):
    check_choice("shortcut", shortcut, ("A", "B", "C"))
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
    return _normalised_convolution(x, filters, 1, strides, name, **options)


def _normalised_convolution(
    x,
    filters,
    kernel_size,
    strides,
    name,
    *,
    padding="same",
    use_bias=False,
    momentum=0.99,
    gamma_initializer="ones",
    kernel_initializer="he_normal",
):
    if padding == "same" and strides > 1 and kernel_size > 1:
        # Keras' "same" would pad below and right only, and look one pixel beside what the shortcut keeps.
        x, padding = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x), "valid"
    convolution = PointwiseConv2D if kernel_size == 1 and strides > 1 else layers.Conv2D
    x = convolution(
        filters,
        kernel_size,
        strides,
        padding=padding,
        use_bias=use_bias,
        kernel_initializer=kernel_initializer,
        name=f"{name}_conv",
    )(x)
    return layers.BatchNormalization(
        momentum=momentum, epsilon=EPSILON, gamma_initializer=gamma_initializer, name=f"{name}_bn"
    )(x)


def _of_every_layer(options):
    """What of a block's options concerns layers outside of blocks, too."""
    return {name: value for name, value in options.items() if name != "last_gamma_initializer"}


def _top(x, classes, activation):
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return layers.Dense(classes, activation=activation, name="predictions")(x)
