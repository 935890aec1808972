"""ZFNet, which won ImageNet in 2013: AlexNet with smaller filters and steps, found by looking at what AlexNet saw.

Zeiler, Fergus: Visualizing and Understanding Convolutional Networks (2013; ECCV 2014). Lessons 26 and 27 look into one.
"""

from __future__ import annotations

import keras
from keras import layers

from course_lib.architectures.alexnet import LocalResponseNormalization
from course_lib.architectures.arguments import check_builder, check_choice, scaled
from course_lib.architectures.chain import chain


def zfnet(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    strides: tuple[int, int] = (2, 2),
    normalization: str | None = "local",
    width: float = 1.0,
    units: int = 4096,
    dropout: float = 0.5,
    kernel_initializer="he_normal",
    classifier_activation: str | None = "softmax",
    name: str = "zfnet",
) -> keras.Model:
    """ZFNet: (batch, 224, 224, 3) to (batch, 1000), by 5 convolutions and 3 dense layers.

    strides: of conv1 and conv2; (2, 1) suits pictures of 64×64.
    normalization: "local", across maps, after pool1 and pool2 as in the paper; "batch", after every convolution and
        before its ReLU, as nobody had it then, which makes small versions learn fast; or None.
    width: a factor on the filters; units: of fc6 and fc7.

    62,357,608 parameters, 1,168,032,896 multiply-adds. Raises ValueError for sides below 53 (by default), where
    pool5 would have nothing to pool.
    """
    check_choice("normalization", normalization, ("local", "batch", None))
    check_builder(input_shape, 5 + 8 * strides[0] * (1 + strides[1]), classes, width)
    batch = normalization == "batch"

    def convolution(number, filters, size, **options):
        convolved = layers.Conv2D(
            scaled(filters, width), size, use_bias=not batch, kernel_initializer=kernel_initializer,
            name=f"conv{number}", **options,
        )  # fmt: skip
        relu = layers.Activation("relu", name=f"relu{number}")
        return [convolved, layers.BatchNormalization(name=f"norm{number}"), relu] if batch else [convolved, relu]

    def pooling(number):
        pool = [layers.ZeroPadding2D(1, name=f"pad_pool{number}"), layers.MaxPooling2D(3, 2, name=f"pool{number}")]
        return [*pool, LocalResponseNormalization(name=f"norm{number}")] if normalization == "local" else pool

    def dense(number):
        trained = layers.Dense(units, activation="relu", kernel_initializer=kernel_initializer, name=f"fc{number}")
        return [trained, layers.Dropout(dropout, name=f"drop{number}")]

    parts = [
        layers.ZeroPadding2D(1, name="pad1"),
        *convolution(1, 96, 7, strides=strides[0]),
        *pooling(1),
        *convolution(2, 256, 5, strides=strides[1]),
        *pooling(2),
        *convolution(3, 384, 3, padding="same"),
        *convolution(4, 384, 3, padding="same"),
        *convolution(5, 256, 3, padding="same"),
        layers.MaxPooling2D(3, 2, name="pool5"),
        layers.Flatten(name="flatten"),
        *dense(6),
        *dense(7),
        layers.Dense(classes, activation=classifier_activation, kernel_initializer=kernel_initializer, name="fc8"),
    ]
    return chain(input_shape, parts, name)
