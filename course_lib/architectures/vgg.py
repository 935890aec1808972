"""The VGG family: only 3×3 convolutions (and a few 1×1), only 2×2 pooling, and more and more of them.

Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition (2014). Lesson 19.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from course_lib.architectures.alexnet import LocalResponseNormalization
from course_lib.architectures.arguments import check_builder, check_choice, scaled

# The side of each convolution, stage by stage; pooling follows a stage.
VARIANTS = {
    "A": ((3,), (3,), (3, 3), (3, 3), (3, 3)),
    "A-LRN": ((3,), (3,), (3, 3), (3, 3), (3, 3)),
    "B": ((3, 3), (3, 3), (3, 3), (3, 3), (3, 3)),
    "C": ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)),
    "D": ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)),
    "E": ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)),
}
FILTERS = (64, 128, 256, 512, 512)


def vgg(
    variant: str | Sequence[Sequence[int]] = "D",
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    include_top: bool = True,
    width: float = 1.0,
    dropout: float = 0.5,
    kernel_initializer="glorot_uniform",
    classifier_activation: str | None = "softmax",
    name: str | None = None,
) -> keras.Model:
    """A VGG network: (batch, 224, 224, 3) to (batch, 1000), or to (batch, 7, 7, 512) without its dense top.

    variant: "A", "A-LRN", "B", "C", "D" (known as VGG-16), "E" (VGG-19), or the kernel sizes of up to five stages of
        your own: `[(3,), (3, 3)]`.

    ==========  =============  ===========  ===============
    variant     weight layers  parameters   multiply-adds
    ==========  =============  ===========  ===============
    A, A-LRN    11             132,863,336   7,609,090,048
    B           13             133,047,848  11,308,466,176
    C           16             133,638,952  11,770,888,192
    D           16             138,357,544  15,470,264,320
    E           19             143,667,240  19,632,062,464
    ==========  =============  ===========  ===============

    Layers are named as in `keras.applications`. kernel_initializer: the paper starts deep variants from the trained A,
    and notes that Glorot's draw (2010) does without.
    Raises ValueError for another variant, and for sides below 2 to the power of the stages: 32 for five.
    """
    stages = _stages(variant)
    check_builder(input_shape, 2 ** len(stages), classes, width)
    drawn = {"kernel_initializer": kernel_initializer}
    inputs = x = keras.Input(input_shape)
    for number, (kernel_sizes, filters) in enumerate(zip(stages, FILTERS, strict=False), 1):
        normalised = variant == "A-LRN" and number == 1
        x = stage(x, scaled(filters, width), kernel_sizes, normalised=normalised, name=f"block{number}", **drawn)
    if include_top:
        x = layers.Flatten(name="flatten")(x)
        for number in (1, 2):
            x = layers.Dense(scaled(4096, width), activation="relu", name=f"fc{number}", **drawn)(x)
            x = layers.Dropout(dropout, name=f"drop{number}")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions", **drawn)(x)
    return keras.Model(inputs, x, name=name or (f"vgg_{variant}".lower() if isinstance(variant, str) else "vgg"))


def _stages(variant) -> Sequence[Sequence[int]]:
    if isinstance(variant, str):
        check_choice("variant", variant, VARIANTS)
        return VARIANTS[variant]
    if not 1 <= len(variant) <= len(FILTERS) or not all(variant):
        raise ValueError(f"variant must have 1 to {len(FILTERS)} stages of at least one convolution, not {variant!r}.")
    return variant


def stage(
    x,
    filters: int,
    kernel_sizes: Sequence[int] = (3, 3),
    *,
    normalised: bool = False,
    name: str,
    kernel_initializer="glorot_uniform",
):
    """Convolutions with ReLU, then 2×2 pooling: (batch, height, width, …) to (batch, height // 2, width // 2, filters).

    normalised: whether local response normalisation follows the first convolution. Layers `name_conv1`, …, `name_pool`.
    """
    for number, size in enumerate(kernel_sizes, 1):
        x = layers.Conv2D(
            filters,
            size,
            padding="same",
            activation="relu",
            kernel_initializer=kernel_initializer,
            name=f"{name}_conv{number}",
        )(x)
        if normalised and number == 1:
            x = LocalResponseNormalization(name=f"{name}_norm")(x)
    return layers.MaxPooling2D(2, name=f"{name}_pool")(x)
