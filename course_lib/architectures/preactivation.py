"""Residual networks of the second kind: nothing stands on the road that the shortcuts make.

He, Zhang, Ren, Sun: Identity Mappings in Deep Residual Networks (2016). Lesson 22.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import layers

from course_lib.architectures.arguments import check_builder, check_choice, scaled
from course_lib.architectures.convolutions import (
    activated,
    activated_convolution,
    convolution,
    normalised_convolution,
    stem_pooling,
    top,
)
from course_lib.architectures.resnet import STAGES, bottleneck_block

DEPTHS = tuple(depth for depth, (block, _) in STAGES.items() if block is bottleneck_block)


def resnet_v2(
    depth: int = 50,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    include_top: bool = True,
    width: float = 1.0,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    **options,
) -> keras.Model:
    """A pre-activation ResNet: (batch, 224, 224, 3) to (batch, 1000), or to (batch, 7, 7, channels) without its top.

    **options: see `preactivated_bottleneck`.

    =====  ====================  ==============
    depth  trainable parameters  multiply-adds
    =====  ====================  ==============
    50     25,568,360             3,482,255,360
    101    44,577,896             7,194,476,544
    152    60,236,904            10,906,697,728
    =====  ====================  ==============

    These are the networks of `keras.applications`, with the same names of layers: the first convolution and the last of
    every block have biases, and the strides are in the last block of a stage, not in the first of the next.
    Raises ValueError for another depth, and for sides below 32.
    """
    check_choice("depth", depth, DEPTHS)
    check_builder(input_shape, 32, classes, width)
    first, blocks = scaled(64, width), STAGES[depth][1]
    of_convolution = {key: value for key, value in options.items() if key == "kernel_initializer"}
    of_normalisation = {key: value for key, value in options.items() if key == "momentum"}
    inputs = keras.Input(input_shape)
    x = stem_pooling(convolution(inputs, first, 7, 2, use_bias=True, name="conv1", **of_convolution))
    for stage, number in enumerate(blocks):
        for place in range(1, number + 1):
            strides = 2 if place == number and stage < len(blocks) - 1 else 1
            block = f"conv{stage + 2}_block{place}"
            x = preactivated_bottleneck(x, first * 2**stage, strides, name=block, **options)
    x = activated(x, name="post", **of_normalisation)
    outputs = top(x, classes, classifier_activation) if include_top else x
    return keras.Model(inputs, outputs, name=name or f"resnet_v2_{depth}")


def preactivated_bottleneck(
    x, filters: int, strides: int = 1, *, gate: Callable | None = None, name: str, momentum: float = 0.99, **options
):
    """Batch normalisation and ReLU before each of a 1×1, a 3×3 and a 1×1 convolution: (…, channels) to (…, 4 filters).

    The strides are those of the 3×3 convolution. The shortcut is the input, its every strides-th pixel; or, where the
    channels change, a projection of the activated input.

    gate: see `course_lib.architectures.resnet.basic_block`.
    options: `momentum=0.99`, of batch normalisation; `kernel_initializer="he_normal"`.
    Layers `name_preact_…`, `name_1_…`, `name_2_…`, `name_3_conv`, `name_0_…` in the shortcut, `name_out`, the sum.
    """
    y = activated(x, momentum=momentum, name=f"{name}_preact")
    shortcut = _shortcut(x, y, 4 * filters, strides, use_bias=True, name=f"{name}_0", **options)
    y = normalised_convolution(y, filters, 1, momentum=momentum, name=f"{name}_1", **options)
    y = layers.Activation("relu", name=f"{name}_1_relu")(y)
    y = normalised_convolution(y, filters, 3, strides, momentum=momentum, name=f"{name}_2", **options)
    y = layers.Activation("relu", name=f"{name}_2_relu")(y)
    y = convolution(y, 4 * filters, 1, use_bias=True, name=f"{name}_3", **options)
    return layers.Add(name=f"{name}_out")([shortcut, gate(y, name=name) if gate else y])


def preactivated_block(
    x,
    filters: int,
    strides: int = 1,
    *,
    dropout: float = 0.0,
    gate: Callable | None = None,
    name: str,
    momentum: float = 0.99,
    **options,
):
    """Batch normalisation and ReLU before each of two 3×3 convolutions: (…, channels) to (…, filters).

    The shortcut is the input; or, where the shape changes, a projection of the activated input.

    dropout: between the convolutions.
    gate, options: see `preactivated_bottleneck`; also `use_bias=False`.
    Layers `name_1_bn`, `name_1_relu`, `name_1_conv`, `name_2_…`, `name_0_conv` in the shortcut, `name_out`, the sum.
    """
    y = activated(x, momentum=momentum, name=f"{name}_1")
    changes = strides > 1 or x.shape[-1] != filters
    shortcut = convolution(y, filters, 1, strides, name=f"{name}_0", **options) if changes else x
    y = convolution(y, filters, 3, strides, name=f"{name}_1", **options)
    y = layers.Dropout(dropout, name=f"{name}_drop")(y) if dropout else y
    y = activated_convolution(y, filters, 3, momentum=momentum, name=f"{name}_2", **options)
    return layers.Add(name=f"{name}_out")([shortcut, gate(y, name=name) if gate else y])


def _shortcut(x, activated_x, filters, strides, *, name, **options):
    if x.shape[-1] != filters:
        return convolution(activated_x, filters, 1, strides, name=name, **options)
    return layers.MaxPooling2D(1, strides, name=f"{name}_pool")(x) if strides > 1 else x
