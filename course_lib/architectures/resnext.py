"""ResNeXt, second in ImageNet's classification of 2016: bottlenecks whose 3×3 convolution falls into groups.

Xie, Girshick, Dollár, Tu, He: Aggregated Residual Transformations for Deep Neural Networks (2016; CVPR 2017).
Lesson 22.
"""

from __future__ import annotations

from numbers import Integral

import keras

from course_lib.architectures.arguments import check_choice, check_positive, scaled
from course_lib.architectures.resnet import STAGES, bottleneck_block, resnet

DEPTHS = tuple(depth for depth, (block, _) in STAGES.items() if block is bottleneck_block)


def resnext(
    depth: int = 50,
    groups: int = 32,
    group_width: int = 4,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    width: float = 1.0,
    name: str | None = None,
    **options,
) -> keras.Model:
    """A ResNeXt for ImageNet: (batch, 224, 224, 3) to (batch, 1000).

    groups, group_width: the 3×3 convolutions of the first stage have `groups` branches of `group_width` filters each
        (the paper's C × d); every further stage has branches twice as wide.
    width: of what leaves the blocks, not of the branches.
    **options: as in `course_lib.architectures.resnet.resnet`.

    ==================  ====================  ==============
    network             trainable parameters  multiply-adds
    ==================  ====================  ==============
    50, 32 × 4          25,028,904             4,230,479,872
    101, 64 × 4         83,455,272            15,460,270,080
    ==================  ====================  ==============

    The strides are those of the 3×3 convolutions. Raises ValueError for a depth other than 50, 101 and 152, for numbers
    of branches or filters that are not whole, and for sides below 32.
    """
    check_choice("depth", depth, DEPTHS)
    check_positive("groups", groups, Integral)
    check_positive("group_width", group_width, Integral)
    check_positive("width", width)
    options = {"widen": groups * group_width / scaled(64, width), "groups": groups, "strides_in": "3x3"} | options
    name = name or f"resnext_{depth}_{groups}x{group_width}d"
    return resnet(depth, input_shape, classes, width=width, name=name, **options)
