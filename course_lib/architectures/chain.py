"""Layers one after the other, as a functional model."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import keras


def chain(input_shape: tuple[int, int, int], layers: Iterable[keras.Layer], name: str) -> keras.Model:
    """A model of these layers in a row. Unlike `keras.Sequential`, it has the `input` and `output` of all others."""
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, reduce(lambda x, layer: layer(x), layers, inputs), name=name)
