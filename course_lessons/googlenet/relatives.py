"""BN-Inception, the GoogLeNet of the paper on batch normalisation, with the filters that were released with it.

Ioffe and Szegedy: Batch Normalization (2015).
"""

from __future__ import annotations

import keras

# Of each module: 1×1, 3×3 reduced and full, double 3×3 reduced and full, pooling. Without 1×1 it halves the map.
BN_MODULES = [(64, 64, 64, 64, 96, 32), (64, 64, 96, 64, 96, 64), (0, 128, 160, 64, 96, 0)]
BN_MODULES += [(224, 64, 96, 96, 128, 128), (192, 96, 128, 96, 128, 128), (160, 128, 160, 128, 160, 128)]
BN_MODULES += [(96, 128, 192, 160, 192, 128), (0, 128, 192, 192, 256, 0)]
BN_MODULES += [(352, 192, 320, 160, 224, 128), (352, 192, 320, 192, 224, 128)]


def bn_inception() -> keras.Model:
    """(batch, 224, 224, 3) to logits (batch, 1000): 2,033 million multiply-adds."""
    inputs = keras.Input((224, 224, 3))
    x = _halved(_convolution(inputs, 64, 7, 2))
    x = _halved(_convolution(_convolution(x, 64, 1), 192, 3))
    for filters in BN_MODULES:
        x = _module(x, *filters)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(1000)(x))


def _module(x, direct, reduce, single, reduce_double, double, pooled):
    strides = 1 if direct else 2
    twice = _convolution(_convolution(x, reduce_double, 1), double, 3)
    branches = [_convolution(_convolution(x, reduce, 1), single, 3, strides), _convolution(twice, double, 3, strides)]
    maxima = keras.layers.MaxPooling2D(3, strides, padding="same")(x)
    if direct:
        branches = [_convolution(x, direct, 1), *branches, _convolution(maxima, pooled, 1)]
    else:
        branches.append(maxima)
    return keras.layers.Concatenate()(branches)


def _convolution(x, filters, kernel_size, strides=1):
    x = keras.layers.Conv2D(filters, kernel_size, strides, padding="same", use_bias=False)(x)
    return keras.layers.ReLU()(keras.layers.BatchNormalization()(x))


def _halved(x):
    return keras.layers.MaxPooling2D(3, 2, padding="same")(x)
