"""ConvNeXt: a convolutional network with the layout of a transformer.

Liu et al.: A ConvNet for the 2020s (2022). Lesson 24.
"""

from __future__ import annotations

import keras
from keras import layers

from course_lib.architectures.arguments import check_builder, check_choice, scaled

SIZES = {  # blocks and channels of the four stages
    "Tiny": ((3, 3, 9, 3), (96, 192, 384, 768)),
    "Small": ((3, 3, 27, 3), (96, 192, 384, 768)),
    "Base": ((3, 3, 27, 3), (128, 256, 512, 1024)),
    "Large": ((3, 3, 27, 3), (192, 384, 768, 1536)),
    "XLarge": ((3, 3, 27, 3), (256, 512, 1024, 2048)),
}
EPSILON = 1e-6  # of layer normalisation


def convnext(
    size: str = "Tiny",
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    width: float = 1.0,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
) -> keras.Model:
    """A ConvNeXt: (batch, 224, 224, 3) to (batch, 1000).

    size: "Tiny", "Small", "Base", "Large" or "XLarge". width: a factor on the channels.

    =====  ====================  ==============
    size   trainable parameters  multiply-adds
    =====  ====================  ==============
    Tiny   28,589,128             4,455,531,264
    Small  50,223,688             8,683,712,256
    Base   88,591,464            15,354,729,472
    =====  ====================  ==============

    Weights and their order are those of `keras.applications`, but that a depthwise kernel there is (7, 7, 1, channels).
    Raises ValueError for an unknown size, and for sides below 32.
    """
    check_choice("size", size, SIZES)
    check_builder(input_shape, 32, classes, width)
    blocks, channels = SIZES[size]
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(scaled(channels[0], width), 4, strides=4, name="stem_conv")(inputs)
    x = layers.LayerNormalization(epsilon=EPSILON, name="stem_norm")(x)
    for stage, (number, filters) in enumerate(zip(blocks, channels, strict=True), start=1):
        if stage > 1:
            x = layers.LayerNormalization(epsilon=EPSILON, name=f"stage{stage}_down_norm")(x)
            x = layers.Conv2D(scaled(filters, width), 2, strides=2, name=f"stage{stage}_down_conv")(x)
        for block in range(1, number + 1):
            x = convnext_block(x, name=f"stage{stage}_block{block}")
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    x = layers.LayerNormalization(epsilon=EPSILON, name="norm")(x)
    outputs = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    return keras.Model(inputs, outputs, name=name or f"convnext_{size.lower()}")


def convnext_block(x, kernel_size: int = 7, *, scale: float | None = 1e-6, name: str):
    """A depthwise window mixes places, two dense layers mix channels: (batch, height, width, channels) to the same.

    scale: where the learnt factor on what is added begins; None for no such factor. Layers `name_depthwise`,
    `name_norm`, `name_mlp1`, `name_mlp2`, `name_scale`, `name_add`.
    """
    channels = x.shape[-1]
    y = layers.DepthwiseConv2D(kernel_size, padding="same", name=f"{name}_depthwise")(x)
    y = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm")(y)
    y = layers.Dense(4 * channels, activation="gelu", name=f"{name}_mlp1")(y)
    y = layers.Dense(channels, name=f"{name}_mlp2")(y)
    if scale is not None:
        y = ChannelScale(scale, name=f"{name}_scale")(y)
    return layers.Add(name=f"{name}_add")([x, y])


@keras.saving.register_keras_serializable("course_lib")
class ChannelScale(layers.Layer):
    """A learnt factor for each channel, which begins small, so that a block begins as its shortcut."""

    def __init__(self, initial: float = 1e-6, **options):
        super().__init__(**options)
        self.initial = initial

    def build(self, input_shape):
        start = keras.initializers.Constant(self.initial)
        self.gamma = self.add_weight(shape=input_shape[-1:], initializer=start, name="gamma")

    def call(self, inputs):
        return inputs * self.gamma

    def get_config(self):
        return super().get_config() | {"initial": self.initial}
