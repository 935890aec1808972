"""Network in Network: a small multilayer perceptron slides over the picture, and no dense layer follows.

Lin, Chen, Yan: Network In Network (2013; ICLR 2014). Lesson 20 meets it on the way to GoogLeNet.
"""

from __future__ import annotations

import keras
from keras import layers

from course_lib.architectures.arguments import check_builder, scaled


def network_in_network(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    *,
    width: float = 1.0,
    dropout: float = 0.5,
    kernel_initializer="he_normal",
    classifier_activation: str | None = "softmax",
    name: str = "network_in_network",
) -> keras.Model:
    """The network for CIFAR-10: three blocks, whose last has a map for each class. (batch, 32, 32, 3) to (batch, 10).

    The filters are those that the authors published with the paper; the paper itself gives none. Global average pooling
    turns the maps of the classes into logits.

    966,986 parameters, 222,486,528 multiply-adds. Raises ValueError for sides below 4.
    """
    check_builder(input_shape, 4, classes, width)

    def block(x, filters, kernel_size, name):
        return mlp_convolution(x, filters, kernel_size, name=name, kernel_initializer=kernel_initializer)

    wide, middle, narrow = (scaled(filters, width) for filters in (192, 160, 96))
    inputs = keras.Input(input_shape)
    x = block(inputs, (wide, middle, narrow), 5, "block1")
    x = layers.MaxPooling2D(3, 2, padding="same", name="pool1")(x)
    x = layers.Dropout(dropout, name="drop1")(x)
    x = block(x, (wide, wide, wide), 5, "block2")
    x = layers.AveragePooling2D(3, 2, padding="same", name="pool2")(x)
    x = layers.Dropout(dropout, name="drop2")(x)
    x = block(x, (wide, wide, classes), 3, "block3")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    outputs = layers.Activation(classifier_activation, name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def mlp_convolution(x, filters: tuple[int, ...], kernel_size: int, *, name: str, kernel_initializer="he_normal"):
    """A convolution and then 1×1 convolutions, each with ReLU: an MLP that looks through the same window everywhere.

    (batch, height, width, channels) to (batch, height, width, filters[-1]); layers `name_conv`, `name_mlp1`, …
    """
    names = [f"{name}_conv", *(f"{name}_mlp{number}" for number in range(1, len(filters)))]
    sizes = [kernel_size, *[1] * (len(filters) - 1)]
    for layer, number, size in zip(names, filters, sizes, strict=True):
        x = layers.Conv2D(
            number, size, padding="same", activation="relu", kernel_initializer=kernel_initializer, name=layer
        )(x)
    return x
