"""LeNet-5, the network that read cheques: as it is built today, and as it was in 1998.

LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition (1998). Lesson 13 builds it.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from course_lib.architectures.arguments import check_builder, check_choice
from course_lib.architectures.chain import chain

# Which maps of S2 each of the 16 maps of C3 reads: 60 of 96 connections (table I of the paper).
C3_READS = (
    *((first, (first + 1) % 6, (first + 2) % 6) for first in range(6)),
    *((first, (first + 1) % 6, (first + 2) % 6, (first + 3) % 6) for first in range(6)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)

# What F6 should look like for each digit: 84 units, seen as a picture 7 wide and 12 high. The drawings are ours.
DIGITS = """
..###.. ...#... .#####. .#####. ....##. ####### ..####. ####### ..###.. ..###..
.##.##. ..##... ##...## ##...## ....##. ####### .##.... ####### .##.##. .##.##.
##...## .###... ##...## .....## ...###. ##..... ##..... .....## ##...## ##...##
##...## ...#... .....## .....## ...#.#. ##..... ##..... .....## ##...## ##...##
##...## ...#... .....## .....## ..##.#. ##..... ##..... ....##. .##.##. ##...##
##...## ...#... ....##. ..####. ..#..#. #####.. #####.. ....##. ..###.. .######
##...## ...#... ...##.. ..####. .##..#. ######. ######. ...##.. ..###.. ..#####
##...## ...#... ..##... .....## .#...#. .....## ##...## ...##.. .##.##. .....##
##...## ...#... .##.... .....## ####### .....## ##...## ..##... ##...## .....##
##...## ...#... ##..... .....## ####### .....## ##...## ..##... ##...## .....##
.##.##. ...#... ####### ##...## ....##. ##...## .##.##. .##.... .##.##. ....##.
..###.. .#####. ####### .#####. ....##. .#####. ..###.. .##.... ..###.. .####..
"""


def lenet5(
    input_shape: tuple[int, int, int] = (32, 32, 1),
    classes: int = 10,
    *,
    padding: str = "valid",
    activation: str = "tanh",
    kernel_initializer="glorot_uniform",
    classifier_activation: str | None = "softmax",
    name: str = "lenet5",
) -> keras.Model:
    """LeNet-5 as it is built today: average pooling, C3 reads every map, softmax. (batch, 32, 32, 1) to (batch, 10).

    padding: of C1: "valid", or "same" for pictures of 28×28, so that all later shapes stay what they are.

    61,706 parameters, 416,520 multiply-adds. Raises ValueError for sides below 32 ("valid") or 28 ("same").
    """
    check_choice("padding", padding, ("valid", "same"))
    check_builder(input_shape, 28 if padding == "same" else 32, classes)
    trained = {"activation": activation, "kernel_initializer": kernel_initializer}
    return chain(
        input_shape,
        [
            layers.Conv2D(6, 5, padding=padding, name="C1", **trained),
            layers.AveragePooling2D(2, name="S2"),
            layers.Conv2D(16, 5, name="C3", **trained),
            layers.AveragePooling2D(2, name="S4"),
            layers.Conv2D(120, 5, name="C5", **trained),
            layers.Flatten(name="flatten"),
            layers.Dense(84, name="F6", **trained),
            layers.Dense(
                classes, activation=classifier_activation, kernel_initializer=kernel_initializer, name="output"
            ),
        ],
        name=name,
    )


def lenet5_1998(
    input_shape: tuple[int, int, int] = (32, 32, 1),
    classes: int = 10,
    *,
    codes: np.ndarray | None = None,
    kernel_initializer="glorot_uniform",
    name: str = "lenet5_1998",
) -> keras.Model:
    """LeNet-5 of 1998: trained subsampling, the partial table of C3, and an output that compares F6 with drawn digits.

    (batch, 32, 32, 1) to (batch, 10): minus the squared distances of the 84 units of F6 to the code of each class. The
    highest wins, and they serve as logits: train with `SparseCategoricalCrossentropy(from_logits=True)`.

    codes: -1 and +1, shape (classes, 84); by default the ten digits, drawn on 7×12 pixels, row by row.

    60,000 trained parameters: C1 156, S2 12, C3 1,516, S4 32, C5 48,120, F6 10,164; the 840 of the codes are fixed.
    325,680 multiply-adds.
    Raises ValueError for sides below 32, and where the codes do not fit the classes.
    """
    check_builder(input_shape, 32, classes)
    codes = np.asarray(drawn_codes() if codes is None else codes, "float32")
    if codes.shape != (classes, 84) or not (abs(codes) == 1).all():
        raise ValueError(f"codes must be -1 and +1 of shape (classes, 84) = ({classes}, 84), not {codes.shape}.")
    trained = {"activation": scaled_tanh, "kernel_initializer": kernel_initializer}
    return chain(
        input_shape,
        [
            layers.Conv2D(6, 5, name="C1", **trained),
            TrainedSubsampling(2, activation=scaled_tanh, name="S2"),
            PartialConv2D(C3_READS, 5, name="C3", **trained),
            TrainedSubsampling(2, activation=scaled_tanh, name="S4"),
            layers.Conv2D(120, 5, name="C5", **trained),
            layers.Flatten(name="flatten"),
            layers.Dense(84, name="F6", **trained),
            CodeDistance(codes, name="output"),
        ],
        name=name,
    )


@keras.saving.register_keras_serializable("course_lib")
def scaled_tanh(x):
    """1.7159 tanh(2x/3): +1 and -1 are met at x = ±1, where it bends most (appendix A of the paper)."""
    return 1.7159 * ops.tanh(x * (2 / 3))


def drawn_codes() -> np.ndarray:
    """The ten digits as codes: float32 of shape (10, 84), +1 for ink and -1 for paper."""
    rows = [line.split() for line in DIGITS.split("\n") if line]
    ink = np.array([[list(row[digit]) for row in rows] for digit in range(10)]) == "#"
    return np.where(ink, 1, -1).reshape(10, -1).astype("float32")


@keras.saving.register_keras_serializable("course_lib")
class TrainedSubsampling(layers.Layer):
    """Sum a window, multiply by the map's coefficient, add the map's bias: the pooling of 1998.

    (batch, height, width, channels) to (batch, height // pool_size, width // pool_size, channels); two parameters for
    each map. The coefficient starts as 1 / pool_size², which is average pooling.
    """

    def __init__(self, pool_size: int = 2, *, activation=None, **options):
        super().__init__(**options)
        self.pool_size, self.activation = pool_size, keras.activations.get(activation)

    def build(self, input_shape):
        average = keras.initializers.Constant(1 / self.pool_size**2)
        self.coefficient = self.add_weight(name="coefficient", shape=input_shape[-1:], initializer=average)
        self.bias = self.add_weight(name="bias", shape=input_shape[-1:], initializer="zeros")

    def call(self, inputs):
        sums = self.pool_size**2 * ops.average_pool(inputs, self.pool_size, self.pool_size)
        return self.activation(self.coefficient * sums + self.bias)

    def get_config(self):
        activation = keras.activations.serialize(self.activation)
        return super().get_config() | {"pool_size": self.pool_size, "activation": activation}


@keras.saving.register_keras_serializable("course_lib")
class PartialConv2D(layers.Layer):
    """A convolution whose filters each read some of the maps only, with no weights for the others.

    reads: for each filter the maps that it reads, as places from 0.

    (batch, height, width, channels) to (batch, height - kernel_size + 1, width - kernel_size + 1, filters). `kernel` is
    (kernel_size, kernel_size, connections); `full_kernel()` is that of the Conv2D that does the same, with zeros in it.
    """

    def __init__(
        self,
        reads: Sequence[Sequence[int]],
        kernel_size: int,
        *,
        activation=None,
        kernel_initializer="glorot_uniform",
        **options,
    ):
        super().__init__(**options)
        self.reads, self.kernel_size = tuple(map(tuple, reads)), kernel_size
        self.filters = len(self.reads)
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        pairs = [(channel, place) for place, channels in enumerate(self.reads) for channel in channels]
        self.channels = input_shape[-1]
        self.places = np.zeros((len(pairs), self.channels, self.filters), "float32")
        for connection, pair in enumerate(pairs):
            self.places[(connection, *pair)] = 1
        self.kernel = self.add_weight(
            name="kernel", shape=(self.kernel_size, self.kernel_size, len(pairs)), initializer=self._initial_kernel
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def _initial_kernel(self, shape, dtype):
        """What the initializer gives to the whole kernel, where there are connections: its spread fits the fan-in."""
        whole = self.kernel_initializer((*shape[:2], self.channels, self.filters), dtype)
        return ops.tensordot(whole, ops.cast(self.places, dtype), [[2, 3], [1, 2]])

    def full_kernel(self):
        return ops.tensordot(self.kernel, ops.cast(self.places, self.compute_dtype), 1)

    def call(self, inputs):
        return self.activation(ops.conv(inputs, self.full_kernel()) + self.bias)

    def get_config(self):
        return super().get_config() | {
            "reads": self.reads,
            "kernel_size": self.kernel_size,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable("course_lib")
class CodeDistance(layers.Layer):
    """Minus the squared distance to a fixed code for each class: (batch, units) to (batch, classes), no training."""

    def __init__(self, codes: np.ndarray, **options):
        super().__init__(**options)
        self.codes_given = np.asarray(codes, "float32")

    def build(self, input_shape):
        self.codes = self.add_weight(
            name="codes",
            shape=self.codes_given.shape,
            initializer=lambda shape, dtype: ops.cast(self.codes_given, dtype),
            trainable=False,
        )

    def call(self, inputs):
        return -ops.sum(ops.square(inputs[:, None] - self.codes), axis=-1)

    def get_config(self):
        return super().get_config() | {"codes": self.codes_given.tolist()}
