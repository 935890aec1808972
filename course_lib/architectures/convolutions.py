"""Convolutions with batch normalisation behind or before them, of which residual and dense networks are made.

Lesson 21 builds the first kind, lesson 22 the second.
"""

from __future__ import annotations

import keras
from keras import layers, ops

EPSILON = 1.001e-5  # of batch normalisation, as in keras.applications


def convolution(
    x,
    filters: int,
    kernel_size: int,
    strides: int = 1,
    *,
    groups: int = 1,
    use_bias: bool = False,
    kernel_initializer="he_normal",
    name: str,
):
    """(batch, height, width, channels) to (batch, ceil(height / strides), …, filters); the layer is `name_conv`.

    With strides, it looks at every strides-th pixel, the first one among them, as shortcuts do.
    """
    padding = "same"
    if strides > 1 and kernel_size > 1:
        # Keras' "same" would pad below and right only, and look one pixel beside what the shortcut keeps.
        x, padding = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x), "valid"
    layer = PointwiseConv2D if kernel_size == 1 and strides > 1 else layers.Conv2D
    return layer(
        filters,
        kernel_size,
        strides,
        padding=padding,
        groups=groups,
        use_bias=use_bias,
        kernel_initializer=kernel_initializer,
        name=f"{name}_conv",
    )(x)


def normalised(x, *, momentum: float = 0.99, gamma_initializer="ones", name: str):
    """Batch normalisation: the layer `name_bn`."""
    return layers.BatchNormalization(
        momentum=momentum, epsilon=EPSILON, gamma_initializer=gamma_initializer, name=f"{name}_bn"
    )(x)


def activated(x, *, momentum: float = 0.99, name: str):
    """Batch normalisation and ReLU: the layers `name_bn` and `name_relu`."""
    return layers.Activation("relu", name=f"{name}_relu")(normalised(x, momentum=momentum, name=name))


def normalised_convolution(
    x, filters, kernel_size, strides=1, *, momentum=0.99, gamma_initializer="ones", name, **options
):
    """A convolution and then batch normalisation: `name_conv`, `name_bn`. options: of `convolution`."""
    x = convolution(x, filters, kernel_size, strides, name=name, **options)
    return normalised(x, momentum=momentum, gamma_initializer=gamma_initializer, name=name)


def activated_convolution(x, filters, kernel_size, strides=1, *, momentum=0.99, name, **options):
    """Batch normalisation, ReLU and then a convolution: `name_bn`, `name_relu`, `name_conv`."""
    x = activated(x, momentum=momentum, name=name)
    return convolution(x, filters, kernel_size, strides, name=name, **options)


def stem(x, filters: int, **options):
    """How networks for ImageNet begin: (batch, height, width, 3) to (batch, ceil(height / 4), …, filters).

    A 7×7 convolution, batch normalisation, ReLU and 3×3 max pooling, both with strides of 2. options: of
    `normalised_convolution`. Layers `conv1_pad`, `conv1_conv`, `conv1_bn`, `conv1_relu`, `pool1_pad`, `pool1_pool`.
    """
    x = normalised_convolution(x, filters, 7, 2, name="conv1", **options)
    return stem_pooling(layers.Activation("relu", name="conv1_relu")(x))


def stem_pooling(x):
    return layers.MaxPooling2D(3, 2, name="pool1_pool")(layers.ZeroPadding2D(1, name="pool1_pad")(x))


def top(x, classes: int, activation: str | None):
    """The average over all places, and a dense layer: `avg_pool`, `predictions`."""
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return layers.Dense(classes, activation=activation, name="predictions")(x)


@keras.saving.register_keras_serializable("course_lib")
class PointwiseConv2D(layers.Conv2D):
    """A 1×1 convolution that takes every strides-th pixel first and then convolves them all: the same numbers.

    TensorFlow's own gradient of a 1×1 convolution with strides writes outside its memory on some processors, and
    crashes Python now and then.
    """

    def call(self, inputs):
        down, across = self.strides
        outputs = ops.conv(inputs[:, ::down, ::across], self.kernel, 1, "valid", data_format="channels_last")
        return self.activation(outputs if self.bias is None else outputs + self.bias)
