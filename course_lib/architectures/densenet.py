"""DenseNet: every layer reads what all layers before it have written, and writes little.

Huang, Liu, van der Maaten, Weinberger: Densely Connected Convolutional Networks (2016; CVPR 2017). Lesson 22.
"""

from __future__ import annotations

from numbers import Integral

import keras
from keras import layers

from course_lib.architectures.arguments import check_builder, check_choice, check_positive, scaled
from course_lib.architectures.convolutions import (
    EPSILON,
    activated,
    activated_convolution,
    convolution,
    stem,
    top,
)

BLOCKS = {  # how many layers in each of the four blocks
    121: (6, 12, 24, 16),
    169: (6, 12, 32, 32),
    201: (6, 12, 48, 32),
}


def densenet(
    depth: int = 121,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    include_top: bool = True,
    width: float = 1.0,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    **options,
) -> keras.Model:
    """A DenseNet for ImageNet: (batch, 224, 224, 3) to (batch, 1000), or to (batch, 7, 7, channels) without its top.

    **options: `momentum=0.99`, of batch normalisation; `kernel_initializer="he_normal"`.

    =====  ====================  =============
    depth  trainable parameters  multiply-adds
    =====  ====================  =============
    121     7,978,856            2,834,161,664
    169    14,149,480            3,359,843,328
    201    20,013,928            4,291,365,888
    =====  ====================  =============

    These are the networks of `keras.applications`, with the same names of layers. Raises ValueError for another depth,
    and for sides below 32.
    """
    check_choice("depth", depth, BLOCKS)
    check_builder(input_shape, 32, classes, width)
    inputs = keras.Input(input_shape)
    x = stem(inputs, scaled(64, width), **options)
    x = _blocks(x, BLOCKS[depth], scaled(32, width), bottleneck=True, **options)
    outputs = top(x, classes, classifier_activation) if include_top else x
    return keras.Model(inputs, outputs, name=name or f"densenet_{depth}")


def cifar_densenet(
    depth: int = 40,
    growth: int = 12,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    *,
    bottleneck: bool = False,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    **options,
) -> keras.Model:
    """A DenseNet for CIFAR-10: (batch, 32, 32, 3) to (batch, 10), by three dense blocks.

    depth: 3n + 4 for n layers a block; with bottlenecks 6n + 4.
    growth: the channels that a layer writes, the paper's k.
    bottleneck: for DenseNet-BC: bottlenecks in the layers, half the channels after a block, and 2k before the first.
    **options: `momentum=0.99`, of batch normalisation; `kernel_initializer="he_normal"`.

    ============  ====================  =============
    network       trainable parameters  multiply-adds
    ============  ====================  =============
    40, 12         1,019,722              264,812,928
    100, 12        6,979,642            1,769,516,448
    100, 12, BC      769,162              287,929,692
    250, 24, BC   15,324,406            5,418,785,724
    ============  ====================  =============

    Raises ValueError for a depth that does not fit, and for sides below 4.
    """
    step = 6 if bottleneck else 3
    if not isinstance(depth, Integral) or depth < step + 4 or (depth - 4) % step:
        kind = "with bottlenecks" if bottleneck else "without bottlenecks"
        raise ValueError(f"depth must be {step}n + 4 for n layers in each block {kind}, not {depth!r}.")
    check_builder(input_shape, 4, classes)
    check_positive("growth", growth, Integral)
    inputs = keras.Input(input_shape)
    of_convolution = {key: value for key, value in options.items() if key != "momentum"}
    x = convolution(inputs, 2 * growth if bottleneck else 16, 3, name="conv1", **of_convolution)
    kept = 0.5 if bottleneck else 1.0
    x = _blocks(x, [(depth - 4) // step] * 3, growth, bottleneck=bottleneck, kept=kept, **options)
    outputs = top(x, classes, classifier_activation)
    kind = "bc_" if bottleneck else ""
    return keras.Model(inputs, outputs, name=name or f"cifar_densenet_{kind}{depth}_{growth}")


def dense_block(x, number: int, growth: int, *, bottleneck: bool = True, name: str, momentum: float = 0.99, **options):
    """Layers that read all before them: (batch, height, width, channels) to (…, channels + number · growth).

    bottleneck: whether a 1×1 convolution to 4 · growth channels comes before each 3×3.
    options: `momentum=0.99`, of batch normalisation; `kernel_initializer="he_normal"`.
    Layers `name_block1_0_bn`, `…_0_relu`, `…_1_conv`, and with bottlenecks `…_1_bn`, `…_1_relu`, `…_2_conv`;
    `…_concat`.
    """
    for place in range(1, number + 1):
        layer = f"{name}_block{place}"
        y = activated(x, momentum=momentum, name=f"{layer}_0")
        if bottleneck:
            y = convolution(y, 4 * growth, 1, name=f"{layer}_1", **options)
            y = activated(y, momentum=momentum, name=f"{layer}_1")
        y = convolution(y, growth, 3, name=f"{layer}_{2 if bottleneck else 1}", **options)
        x = layers.Concatenate(name=f"{layer}_concat")([x, y])
    return x


def transition(x, kept: float = 0.5, *, name: str, **options):
    """Between two blocks: (batch, height, width, channels) to (batch, height // 2, width // 2, kept · channels).

    Batch normalisation, ReLU, a 1×1 convolution and 2×2 average pooling. options: as in `dense_block`.
    """
    x = activated_convolution(x, int(kept * x.shape[-1]), 1, name=name, **options)
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)


def _blocks(x, numbers, growth, *, bottleneck, kept=0.5, **options):
    for place, number in enumerate(numbers, start=2):
        x = dense_block(x, number, growth, bottleneck=bottleneck, name=f"conv{place}", **options)
        if place < len(numbers) + 1:
            x = transition(x, kept, name=f"pool{place}", **options)
    x = layers.BatchNormalization(epsilon=EPSILON, momentum=options.get("momentum", 0.99), name="bn")(x)
    return layers.Activation("relu", name="relu")(x)
