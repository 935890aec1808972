"""Squeeze-and-excitation networks, which won ImageNet in 2017: every map is weighed by what is in all of them.

Hu, Shen, Albanie, Sun, Wu: Squeeze-and-Excitation Networks (2017; CVPR 2018). Lesson 22.
"""

from __future__ import annotations

from functools import partial
from numbers import Integral

import keras
from keras import layers

from course_lib.architectures.arguments import check_choice, check_positive
from course_lib.architectures.resnet import STAGES, bottleneck_block, resnet


def se_resnet(
    depth: int = 50,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    ratio: int = 16,
    name: str | None = None,
    **options,
) -> keras.Model:
    """A ResNet that weighs the maps of every block before its sum: (batch, 224, 224, 3) to (batch, 1000).

    ratio: how many times fewer hidden units the gates have than maps; see `squeeze_excite`.
    **options: as in `course_lib.architectures.resnet.resnet`. Strides are those of the 3×3 convolutions.

    SE-ResNet-50 has 28,088,024 trainable parameters, 9.9 % more than without the gates, and 4,091,699,200
    multiply-adds, 0.06 % more. Its longest path leads through the gates and has 82 layers with weights.
    Raises ValueError for another depth than 18, 34, 50, 101 and 152, and for sides below 32.
    """
    check_choice("depth", depth, STAGES)
    check_positive("ratio", ratio, Integral)
    if STAGES[depth][0] is bottleneck_block:
        options = {"strides_in": "3x3"} | options
    gate = partial(squeeze_excite, ratio=ratio)
    return resnet(depth, input_shape, classes, gate=gate, name=name or f"se_resnet_{depth}", **options)


def squeeze_excite(x, ratio: int = 16, *, name: str):
    """Maps, each times its gate between 0 and 1: (batch, height, width, channels), in and out.

    Squeeze: the average of every map. Excitation: two dense layers turn the averages into the gates, by way of
    `channels // ratio` hidden units, at least one. Layers `name_squeeze`, `name_reduce`, `name_gates`, `name_scale`.
    """
    channels = x.shape[-1]
    gates = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    gates = layers.Dense(max(1, channels // ratio), activation="relu", name=f"{name}_reduce")(gates)
    gates = layers.Dense(channels, activation="sigmoid", name=f"{name}_gates")(gates)
    return layers.Multiply(name=f"{name}_scale")([x, gates])
