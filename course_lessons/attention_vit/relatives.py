"""The networks of the table that ends lesson 24: what was reported of each, and its parameters and multiply-adds.

Counted: EfficientNet by keras.applications; ViT and DeiT by the course's own builder; RegNetY, BiT and Swin by the
formulas here. (The course's Swin has as many, and takes longer to count.) A convolution has as many multiply-adds as
weights times places of its output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from course_lib.architectures.swin import SIZES as SWIN

# Blocks and widths of the four stages, and channels in a group: Radosavovic et al., Designing Network Design Spaces
REGNETY = {
    "4G": ((2, 6, 12, 2), (128, 192, 512, 1088), 64),
    "8G": ((2, 4, 10, 1), (168, 448, 896, 2016), 56),
    "16G": ((2, 4, 11, 1), (224, 448, 1232, 3024), 112),
}
# Blocks of the four stages, and how many times as wide as ResNet-50: Kolesnikov et al., Big Transfer
BIT = {"R-101x3": ((3, 4, 23, 3), 3), "R-152x4": ((3, 8, 36, 3), 4)}


def regnety(size: str, side: int = 224, classes: int = 1000) -> tuple[int, int]:
    """Parameters and multiply-adds: bottlenecks as wide inside as outside, in groups, each with gates on its channels.

    Normalisation has two parameters a channel; the gates (squeeze and excitation) two dense layers with biases, the
    first with a quarter of the block's *input* channels.
    """
    blocks, widths, group = REGNETY[size]
    side, channels = -(-side // 2), 32
    parameters = 9 * 3 * channels + 2 * channels
    products = 9 * 3 * channels * side**2
    for number, width in zip(blocks, widths, strict=True):
        for block in range(number):
            before, side = side, -(-side // 2) if block == 0 else side
            squeezed = round(channels / 4)
            first, grouped, gates, last = channels * width, 9 * width * group, 2 * width * squeezed, width**2
            parameters += first + grouped + gates + last + 3 * 2 * width + squeezed + width
            products += first * before**2 + (grouped + last) * side**2 + gates
            if block == 0:  # a shortcut that changes the shape
                parameters += channels * width + 2 * width
                products += channels * width * side**2
            channels = width
    return parameters + (channels + 1) * classes, products + channels * classes


def bit(name: str, side: int, classes: int = 1000) -> tuple[int, int]:
    """Parameters and multiply-adds of a wide ResNet that normalises before its convolutions, in groups of channels."""
    blocks, times = BIT[name]
    side, channels = -(-side // 2), 64 * times
    parameters, products = 49 * 3 * channels, 49 * 3 * channels * side**2
    side = -(-side // 2)
    for stage, number in enumerate(blocks):
        inner = 64 * times * 2**stage
        for block in range(number):
            before, side = side, -(-side // 2) if stage > 0 and block == 0 else side
            first, middle, last = channels * inner, 9 * inner**2, 4 * inner**2
            parameters += first + middle + last + 2 * (channels + 2 * inner)
            products += first * before**2 + (middle + last) * side**2
            if block == 0:
                parameters += channels * 4 * inner
                products += channels * 4 * inner * side**2
            channels = 4 * inner
    return parameters + 2 * channels + (channels + 1) * classes, products + channels * classes


def swin_by_formula(size: str, side: int, classes: int = 1000) -> tuple[int, int]:
    """Parameters and multiply-adds of a Swin Transformer, whose windows have 7 tokens a side, at 384 pixels 12."""
    width, blocks, heads = SWIN[size]
    window, side = (7 if side == 224 else 12), side // 4
    parameters, products = (48 + 3) * width, 48 * width * side**2
    for stage, (number, several) in enumerate(zip(blocks, heads, strict=True)):
        if stage:  # four tokens become one, twice as wide
            side //= 2
            parameters += 8 * width + 8 * width**2
            products += 8 * width**2 * side**2
            width *= 2
        reach = min(window, side)
        parameters += number * (12 * width**2 + 13 * width + (2 * reach - 1) ** 2 * several)
        products += number * side**2 * (12 * width**2 + 2 * reach**2 * width)
    return parameters + 2 * width + (width + 1) * classes, products + width * classes


@dataclass(frozen=True)
class Relative:
    """A row of the table. top_1: reported accuracy on ImageNet in per cent, trained on it alone; larger: on 22,000
    classes first. counted: a function that gives parameters and multiply-adds."""

    name: str
    family: str
    side: int
    top_1: float | None
    larger: float | None
    counted: Callable[[], tuple[int, int]]


def _of_blueprint(build, *arguments, **options) -> tuple[int, int]:
    from course_lib.anatomy import anatomy
    from course_lib.architectures.blueprint import blueprint

    total = anatomy(blueprint(build, *arguments, **options)).total
    return total.trainable, total.multiply_adds


def _efficientnet(number: int) -> tuple[int, int]:
    import keras

    return _of_blueprint(getattr(keras.applications, f"EfficientNetB{number}"), weights=None)


def _vit(size: str, side: int) -> tuple[int, int]:
    from course_lib.architectures.vit import vit

    return _of_blueprint(vit, size, input_shape=(side, side, 3))


RELATIVES = (
    *(Relative(f"RegNetY-{size}", "RegNetY", 224, top_1, None, partial(regnety, size))
      for size, top_1 in (("4G", 80.0), ("8G", 81.7), ("16G", 82.9))),
    *(Relative(f"EfficientNet-B{number}", "EfficientNet", side, top_1, None, partial(_efficientnet, number))
      for number, side, top_1 in ((3, 300, 81.6), (4, 380, 82.9), (5, 456, 83.6), (6, 528, 84.0), (7, 600, 84.3))),
    Relative("ViT-B/16", "ViT", 384, 77.9, 84.0, partial(_vit, "B", 384)),
    Relative("ViT-L/16", "ViT", 384, 76.5, 85.2, partial(_vit, "L", 384)),
    Relative("DeiT-S", "DeiT", 224, 79.8, None, partial(_vit, "S", 224)),
    Relative("DeiT-B", "DeiT", 224, 81.8, None, partial(_vit, "B", 224)),
    Relative("DeiT-B", "DeiT", 384, 83.1, None, partial(_vit, "B", 384)),
    Relative("Swin-T", "Swin", 224, 81.3, None, partial(swin_by_formula, "T", 224)),
    Relative("Swin-S", "Swin", 224, 83.0, None, partial(swin_by_formula, "S", 224)),
    Relative("Swin-B", "Swin", 224, 83.5, 85.2, partial(swin_by_formula, "B", 224)),
    Relative("Swin-B", "Swin", 384, 84.5, 86.4, partial(swin_by_formula, "B", 384)),
    Relative("Swin-L", "Swin", 384, None, 87.3, partial(swin_by_formula, "L", 384)),
    Relative("R-101x3", "BiT", 384, None, 84.4, partial(bit, "R-101x3", 384)),
    Relative("R-152x4", "BiT", 480, None, 85.4, partial(bit, "R-152x4", 480)),
)  # fmt: skip
