"""GoogLeNet, which won ImageNet in 2014, and its inception module.

Szegedy et al.: Going Deeper with Convolutions (2014; CVPR 2015). Lesson 20.
"""

from __future__ import annotations

import keras
from keras import layers

from course_lib.architectures.alexnet import LocalResponseNormalization
from course_lib.architectures.arguments import check_builder, scaled

# The filters of each module, in the order of table 1 of the paper and of the arguments of `inception`.
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def googlenet(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    auxiliary: bool = False,
    width: float = 1.0,
    strides: int = 2,
    dropout: float = 0.4,
    kernel_initializer="glorot_uniform",
    classifier_activation: str | None = "softmax",
    name: str = "googlenet",
) -> keras.Model:
    """GoogLeNet: (batch, 224, 224, 3) to (batch, 1000), by 22 weight layers in depth and 58 in all.

    auxiliary: whether to add two more classifiers, behind modules 4a and 4d. The model then has three outputs,
        `predictions`, `auxiliary_4a` and `auxiliary_4d`; the paper adds their losses with `loss_weights=[1, 0.3, 0.3]`.
        After training, `keras.Model(model.input, model.outputs[0])` does without them.
    strides: of conv1; 1 leaves more of small pictures.

    6,998,552 parameters and 1,582,671,872 multiply-adds, with the auxiliary classifiers 13,378,280 and 1,591,044,096.
    Raises ValueError for sides below 16 strides: 32 by default.
    """
    check_builder(input_shape, 16 * strides, classes, width)
    drawn = {"kernel_initializer": kernel_initializer}

    def convolution(x, filters, kernel_size, name, **options):
        return _convolution(x, scaled(filters, width), kernel_size, name=name, **drawn, **options)

    def module(x, name):
        return inception(x, *(scaled(filters, width) for filters in MODULES[name]), name=f"inception_{name}", **drawn)

    def classifier(x, name):
        return layers.Dense(classes, activation=classifier_activation, name=name, **drawn)(x)

    def auxiliary_classifier(x, name):
        side = min(5, *x.shape[1:3])  # on small pictures, the window is the whole map
        x = layers.AveragePooling2D(side, 3, name=f"{name}_pool")(x)
        x = convolution(x, 128, 1, f"{name}_conv")
        x = layers.Flatten(name=f"{name}_flatten")(x)
        x = layers.Dense(scaled(1024, width), activation="relu", name=f"{name}_fc", **drawn)(x)
        x = layers.Dropout(0.7, name=f"{name}_drop")(x)
        return classifier(x, name)

    inputs = keras.Input(input_shape)
    x = convolution(inputs, 64, 7, "conv1", strides=strides)
    x = _pool(x, "pool1")
    x = LocalResponseNormalization(name="norm1")(x)
    x = convolution(x, 64, 1, "conv2_reduce")
    x = convolution(x, 192, 3, "conv2")
    x = LocalResponseNormalization(name="norm2")(x)
    x = _pool(x, "pool2")
    x = module(x, "3a")
    x = module(x, "3b")
    x = _pool(x, "pool3")
    behind_4a = x = module(x, "4a")
    x = module(x, "4b")
    x = module(x, "4c")
    behind_4d = x = module(x, "4d")
    x = module(x, "4e")
    x = _pool(x, "pool4")
    x = module(x, "5a")
    x = module(x, "5b")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dropout(dropout, name="drop")(x)
    outputs = classifier(x, "predictions")
    if auxiliary:
        outputs = [
            outputs,
            auxiliary_classifier(behind_4a, "auxiliary_4a"),
            auxiliary_classifier(behind_4d, "auxiliary_4d"),
        ]
    return keras.Model(inputs, outputs, name=name)


def inception(
    x,
    filters_1x1: int,
    filters_3x3_reduce: int,
    filters_3x3: int,
    filters_5x5_reduce: int,
    filters_5x5: int,
    filters_pool: int,
    *,
    name: str,
    kernel_initializer="glorot_uniform",
):
    """An inception module with bottlenecks: four branches see the same input, and are joined along the depth.

    (batch, height, width, channels) to (batch, height, width, filters_1x1 + filters_3x3 + filters_5x5 + filters_pool).
    The reducing 1×1 convolutions come before the large ones and after the pooling. Layers `name_1x1`,
    `name_3x3_reduce`, `name_3x3`, `name_5x5_reduce`, `name_5x5`, `name_pool`, `name_pool_1x1`; `name` joins them.
    """

    def convolution(x, filters, kernel_size, branch):
        return _convolution(x, filters, kernel_size, name=f"{name}_{branch}", kernel_initializer=kernel_initializer)

    branches = [
        convolution(x, filters_1x1, 1, "1x1"),
        convolution(convolution(x, filters_3x3_reduce, 1, "3x3_reduce"), filters_3x3, 3, "3x3"),
        convolution(convolution(x, filters_5x5_reduce, 1, "5x5_reduce"), filters_5x5, 5, "5x5"),
        convolution(_pool(x, f"{name}_pool", strides=1), filters_pool, 1, "pool_1x1"),
    ]
    return layers.Concatenate(name=name)(branches)


def naive_inception(
    x, filters_1x1: int, filters_3x3: int, filters_5x5: int, *, name: str, kernel_initializer="glorot_uniform"
):
    """An inception module without bottlenecks, the idea before its price was known.

    (batch, height, width, channels) to (batch, height, width, filters_1x1 + filters_3x3 + filters_5x5 + channels): the
    pooling branch passes its whole depth on. Layers `name_1x1`, `name_3x3`, `name_5x5`, `name_pool`; `name` joins them.
    """

    def convolution(filters, kernel_size, branch):
        return _convolution(x, filters, kernel_size, name=f"{name}_{branch}", kernel_initializer=kernel_initializer)

    branches = [
        convolution(filters_1x1, 1, "1x1"),
        convolution(filters_3x3, 3, "3x3"),
        convolution(filters_5x5, 5, "5x5"),
        _pool(x, f"{name}_pool", strides=1),
    ]
    return layers.Concatenate(name=name)(branches)


def _convolution(x, filters, kernel_size, **options):
    return layers.Conv2D(filters, kernel_size, padding="same", activation="relu", **options)(x)


def _pool(x, name, strides=2):
    return layers.MaxPooling2D(3, strides, padding="same", name=name)(x)
