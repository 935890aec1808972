"""Wide residual networks: few blocks, each with many filters, instead of many with few.

Zagoruyko, Komodakis: Wide Residual Networks (2016). Lesson 22.
"""

from __future__ import annotations

from numbers import Integral

import keras

from course_lib.architectures.arguments import check_builder, check_positive, scaled
from course_lib.architectures.convolutions import activated, convolution, top
from course_lib.architectures.preactivation import preactivated_block


def wide_resnet(
    depth: int = 28,
    widen: float = 10,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    *,
    dropout: float = 0.0,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    momentum: float = 0.99,
    **options,
) -> keras.Model:
    """A wide ResNet for CIFAR-10: (batch, 32, 32, 3) to (batch, 10), by pre-activation blocks in three stages.

    depth: 6n + 4 for n blocks a stage. It counts the three projections, which lie beside the path, and not the dense
        layer: the longest path has 6n + 2 layers with weights.
    widen: a factor on the 16, 32 and 64 filters of the stages; with 1, the network is a pre-activation ResNet.
    dropout, **options: see `course_lib.architectures.preactivation.preactivated_block`.

    =======  ====================  =============
    network  trainable parameters  multiply-adds
    =======  ====================  =============
    16, 4     2,748,890              392,612,352
    28, 10   36,479,194            5,243,328,768
    40, 4     8,949,210            1,298,582,016
    =======  ====================  =============

    WRN-50-2, for ImageNet, is `course_lib.architectures.resnet.resnet(50, widen=2, strides_in="3x3")`.
    Raises ValueError for a depth that is not 6n + 4, and for sides below 4.
    """
    if not isinstance(depth, Integral) or depth < 10 or depth % 6 != 4:
        raise ValueError(f"depth must be 6n + 4 for n blocks in each stage: 10, 16, 22, 28, …; not {depth!r}.")
    check_builder(input_shape, 4, classes)
    check_positive("widen", widen)
    of_convolution = {key: value for key, value in options.items() if key != "gate"}
    inputs = keras.Input(input_shape)
    x = convolution(inputs, 16, 3, name="conv1", **of_convolution)
    for stage in range(3):
        for place in range(depth // 6):
            strides = 2 if stage > 0 and place == 0 else 1
            block = f"conv{stage + 2}_block{place + 1}"
            filters = scaled(16 * 2**stage, widen)
            x = preactivated_block(x, filters, strides, dropout=dropout, momentum=momentum, name=block, **options)
    x = activated(x, momentum=momentum, name="post")
    outputs = top(x, classes, classifier_activation)
    return keras.Model(inputs, outputs, name=name or f"wide_resnet_{depth}_{widen}")
