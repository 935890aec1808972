"""SqueezeNet 1.0: as right as AlexNet was, its authors report, with about fifty times fewer weights.

Iandola et al.: SqueezeNet: AlexNet-Level Accuracy with 50x Fewer Parameters and <0.5MB Model Size (2016). Lesson 23.
"""

from __future__ import annotations

import keras
from keras import layers

from course_lib.architectures.arguments import check_builder, scaled

# Filters of each Fire module: 1×1 that squeeze, 1×1 and 3×3 that expand (table 1 of the paper).
FIRES = {
    "fire2": (16, 64, 64),
    "fire3": (16, 64, 64),
    "fire4": (32, 128, 128),
    "fire5": (32, 128, 128),
    "fire6": (48, 192, 192),
    "fire7": (48, 192, 192),
    "fire8": (64, 256, 256),
    "fire9": (64, 256, 256),
}
POOLED = {"fire4": "maxpool4", "fire8": "maxpool8"}  # the modules that a pooling follows


def squeezenet(
    input_shape: tuple[int, int, int] = (227, 227, 3),
    classes: int = 1000,
    *,
    width: float = 1.0,
    dropout: float = 0.5,
    kernel_initializer="glorot_uniform",
    classifier_activation: str | None = "softmax",
    name: str = "squeezenet",
) -> keras.Model:
    """SqueezeNet 1.0: (batch, 227, 227, 3) to (batch, 1000), by two convolutions and eight Fire modules.

    The paper writes 224 for the input: with this conv1, only 227 gives its 111. conv10 makes a map for each class; its
    ReLU and the mean over each map give the logits, so there is no dense layer.

    1,248,424 parameters, 832,667,936 multiply-adds. Raises ValueError for sides below 35, where maxpool8 would have
    nothing to pool.
    """
    check_builder(input_shape, 35, classes, width)
    drawn = {"kernel_initializer": kernel_initializer}

    inputs = keras.Input(input_shape)
    x = layers.Conv2D(scaled(96, width), 7, strides=2, activation="relu", name="conv1", **drawn)(inputs)
    x = layers.MaxPooling2D(3, 2, name="maxpool1")(x)
    for module, filters in FIRES.items():
        x = fire(x, *(scaled(each, width) for each in filters), name=module, **drawn)
        if module in POOLED:
            x = layers.MaxPooling2D(3, 2, name=POOLED[module])(x)
    x = layers.Dropout(dropout, name="drop9")(x)
    x = layers.Conv2D(classes, 1, activation="relu", name="conv10", **drawn)(x)
    x = layers.GlobalAveragePooling2D(name="avgpool10")(x)
    return keras.Model(inputs, layers.Activation(classifier_activation, name="predictions")(x), name=name)


def fire(x, squeeze: int, expand_1x1: int, expand_3x3: int, *, name: str, kernel_initializer="glorot_uniform"):
    """A Fire module: 1×1 filters squeeze the maps into a few, 1×1 and 3×3 filters side by side expand them again.

    (batch, height, width, channels) to (batch, height, width, expand_1x1 + expand_3x3). Layers `name_squeeze1x1`,
    `name_expand1x1`, `name_expand3x3`; `name` joins the last two.
    """

    def convolution(x, filters, kernel_size, part):
        return layers.Conv2D(
            filters,
            kernel_size,
            padding="same",
            activation="relu",
            kernel_initializer=kernel_initializer,
            name=f"{name}_{part}",
        )(x)

    squeezed = convolution(x, squeeze, 1, "squeeze1x1")
    expanded = [convolution(squeezed, expand_1x1, 1, "expand1x1"), convolution(squeezed, expand_3x3, 3, "expand3x3")]
    return layers.Concatenate(name=name)(expanded)
