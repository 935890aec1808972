"""MobileNets: convolutions taken apart into one that looks around in each map and one that mixes the maps.

Howard et al.: MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications (2017).
Sandler, Howard, Zhu, Zhmoginov, Chen: MobileNetV2: Inverted Residuals and Linear Bottlenecks (2018). Lesson 23.
"""

from __future__ import annotations

import keras
from keras import layers

from course_lib.architectures.arguments import check_builder
from course_lib.architectures.convolutions import top

# Filters and strides of the separable convolutions behind the first layer
SEPARABLE = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
# Filters, strides of the first, number and expansion of the inverted residual blocks: table 2 of the second paper
INVERTED = ((16, 1, 1, 1), (24, 2, 2, 6), (32, 2, 3, 6), (64, 2, 4, 6), (96, 1, 3, 6), (160, 2, 3, 6), (320, 1, 1, 6))


def mobilenet(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    include_top: bool = True,
    width: float = 1.0,
    classifier_activation: str | None = "softmax",
    name: str = "mobilenet",
    **options,
) -> keras.Model:
    """The first MobileNet: (batch, 224, 224, 3) to (batch, 1000), or to (batch, 7, 7, 1024) without its top.

    width: the paper's α. **options: see `depthwise_separable`.

    4,231,976 trainable parameters, 568,740,352 multiply-adds, 28 layers with weights. The weights are those of
    `keras.applications`, in the same order, but for the dense layer at the end, which is a convolution there.
    Raises ValueError for sides below 32.
    """
    check_builder(input_shape, 32, classes, width)
    inputs = keras.Input(input_shape)
    x = _convolution(inputs, max(1, int(32 * width)), 3, 2, name="conv1", **options)
    for number, (filters, strides) in enumerate(SEPARABLE, 1):
        x = depthwise_separable(x, max(1, int(filters * width)), strides, name=f"block{number}", **options)
    outputs = top(x, classes, classifier_activation) if include_top else x
    return keras.Model(inputs, outputs, name=name)


def mobilenet_v2(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    include_top: bool = True,
    width: float = 1.0,
    classifier_activation: str | None = "softmax",
    name: str = "mobilenet_v2",
    **options,
) -> keras.Model:
    """The second MobileNet: (batch, 224, 224, 3) to (batch, 1000), or to (batch, 7, 7, 1280) without its top.

    width: a factor on the filters, then rounded to multiples of 8; those of the last convolution never shrink.
    **options: see `inverted_residual`.

    3,504,872 trainable parameters, 300,774,272 multiply-adds, 53 layers with weights. The weights are those of
    `keras.applications`, in the same order. Raises ValueError for sides below 32.
    """
    check_builder(input_shape, 32, classes, width)
    options = {"momentum": 0.999} | options
    inputs = keras.Input(input_shape)
    x = _convolution(inputs, _multiple_of_8(32 * width), 3, 2, name="conv1", **options)
    for stage, (filters, first_strides, number, expansion) in enumerate(INVERTED, 1):
        for place in range(1, number + 1):
            block, strides = f"stage{stage}_block{place}", first_strides if place == 1 else 1
            narrow = _multiple_of_8(int(filters * width))
            x = inverted_residual(x, narrow, strides, expansion, name=block, **options)
    x = _convolution(x, _multiple_of_8(1280 * max(1.0, width)), 1, name="conv2", **options)
    outputs = top(x, classes, classifier_activation) if include_top else x
    return keras.Model(inputs, outputs, name=name)


def depthwise_separable(x, filters: int, strides: int = 1, *, name: str, **options):
    """A 3×3 convolution of every map by itself, then a 1×1 of all of them: (…, channels) to (…, filters).

    Both with batch normalisation and ReLU, cut off at 6.

    options: `momentum=0.99`, of batch normalisation; `kernel_initializer="glorot_uniform"`.
    Layers `name_depthwise`, `…_bn`, `…_relu`, `name_pointwise`, `…_bn`, `…_relu`.
    """
    x = _depthwise(x, strides, name=f"{name}_depthwise", **options)
    return _convolution(x, filters, 1, name=f"{name}_pointwise", **options)


def inverted_residual(x, filters: int, strides: int = 1, expansion: int = 6, *, name: str, **options):
    """From few maps to many, and back to few, with the shortcut between the few: (…, channels) to (…, filters).

    A 1×1 convolution to `expansion · channels` maps (none if expansion is 1), a 3×3 of every map by itself, and a 1×1
    without a ReLU behind it. The input is added if it has the shape of the result.

    options: as in `depthwise_separable`.
    Layers `name_expand`, `…_bn`, `…_relu`, `name_depthwise`, `…_bn`, `…_relu`, `name_project`, `…_bn`, `name_add`.
    """
    channels = x.shape[-1]
    y = _convolution(x, expansion * channels, 1, name=f"{name}_expand", **options) if expansion > 1 else x
    y = _depthwise(y, strides, name=f"{name}_depthwise", **options)
    y = _convolution(y, filters, 1, activation=None, name=f"{name}_project", **options)
    return layers.Add(name=f"{name}_add")([x, y]) if strides == 1 and channels == filters else y


def _convolution(
    x, filters, kernel_size, strides=1, *, activation="relu", momentum=0.99, kernel_initializer="glorot_uniform", name
):
    layer = layers.Conv2D(
        filters, kernel_size, strides, "same", use_bias=False, kernel_initializer=kernel_initializer, name=name
    )
    return _normalised(layer(x), activation, momentum, name)


def _depthwise(x, strides, *, momentum=0.99, kernel_initializer="glorot_uniform", name):
    layer = layers.DepthwiseConv2D(
        3, strides, "same", use_bias=False, depthwise_initializer=kernel_initializer, name=name
    )
    return _normalised(layer(x), "relu", momentum, name)


def _normalised(x, activation, momentum, name):
    x = layers.BatchNormalization(momentum=momentum, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activation else x


def _multiple_of_8(number: float) -> int:
    """The nearest one, but the next if that would take more than a tenth away, as in `keras.applications`."""
    nearest = max(8, int(number + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * number else nearest
