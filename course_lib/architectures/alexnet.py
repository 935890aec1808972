"""AlexNet, which won ImageNet in 2012, and the normalisation across maps that it brought.

Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep Convolutional Neural Networks (2012). Lesson 18.
"""

from __future__ import annotations

from collections.abc import Collection

import keras
from keras import layers, ops

from course_lib.architectures.arguments import check_builder, check_choice, scaled
from course_lib.architectures.chain import chain

REMOVABLE = ("conv3", "conv4", "fc6", "fc7")


def alexnet(
    input_shape: tuple[int, int, int] = (227, 227, 3),
    classes: int = 1000,
    *,
    groups: int = 2,
    normalization: str | None = "before",
    width: float = 1.0,
    kernel_size: int = 11,
    strides: int = 4,
    without: Collection[str] = (),
    dropout: float = 0.5,
    activation: str = "relu",
    kernel_initializer="glorot_uniform",
    classifier_activation: str | None = "softmax",
    name: str = "alexnet",
) -> keras.Model:
    """AlexNet: (batch, 227, 227, 3) to (batch, 1000), by 5 convolutions and 3 dense layers.

    groups: 2 for the two towers of the paper, which meet in conv3 and in the dense layers only; 1 for one tower.
    normalization: local response normalisation "before" pooling 1 and 2 as in the paper, "after" as in later listings,
        or None.
    kernel_size, strides: of conv1; 3 and 1 suit small pictures. The paper writes 224 for the input: with this conv1,
        only 227 gives a whole 55.
    activation: of all layers but the last.
    without: layers to leave out, of conv3, conv4, fc6, fc7; the next one is wired anew.

    60,965,224 parameters and 724,406,816 multiply-adds in two towers; 62,378,344 and 1,135,256,096 in one.
    Raises ValueError for sides below kernel_size + 14 strides (67 by default), where pool5 would have nothing to pool.
    """
    check_choice("groups", groups, (1, 2))
    check_choice("normalization", normalization, ("before", "after", None))
    for layer in without:
        check_choice("without", layer, REMOVABLE)
    check_builder(input_shape, kernel_size + 14 * strides, classes, width)

    def convolution(filters, size, name, **options):
        return layers.Conv2D(
            scaled(filters, width, multiple=groups),
            size,
            activation=activation,
            kernel_initializer=kernel_initializer,
            name=name,
            **options,
        )

    def normalised_pooling(number):
        pool = layers.MaxPooling2D(3, 2, name=f"pool{number}")
        if normalization is None:
            return [pool]
        norm = LocalResponseNormalization(groups=groups, name=f"norm{number}")
        return [norm, pool] if normalization == "before" else [pool, norm]

    def dense(number):
        units = scaled(4096, width)
        return [
            layers.Dense(units, activation=activation, kernel_initializer=kernel_initializer, name=f"fc{number}"),
            layers.Dropout(dropout, name=f"drop{number}"),
        ]

    parts = {
        "conv1": [convolution(96, kernel_size, "conv1", strides=strides), *normalised_pooling(1)],
        "conv2": [convolution(256, 5, "conv2", padding="same", groups=groups), *normalised_pooling(2)],
        "conv3": [convolution(384, 3, "conv3", padding="same")],
        "conv4": [convolution(384, 3, "conv4", padding="same", groups=groups)],
        "conv5": [convolution(256, 3, "conv5", padding="same", groups=groups), layers.MaxPooling2D(3, 2, name="pool5")],
        "flatten": [layers.Flatten(name="flatten")],
        "fc6": dense(6),
        "fc7": dense(7),
        "fc8": [
            layers.Dense(classes, activation=classifier_activation, kernel_initializer=kernel_initializer, name="fc8")
        ],
    }
    kept = [layer for part, its_layers in parts.items() if part not in without for layer in its_layers]
    return chain(input_shape, kept, name)


@keras.saving.register_keras_serializable("course_lib")
class LocalResponseNormalization(layers.Layer):
    """Divide each value by the energy of the neighbouring maps at its place: x / (bias + alpha Σ x²)^beta.

    The sum runs over `size` maps with the own one in the middle; maps beyond the first and the last count as zero.
    With `groups`, neighbours are sought within a group, as in towers on separate machines. Shapes stay, and nothing is
    trained. alpha multiplies the sum, as in the paper; some frameworks divide it by `size`.

    Raises ValueError for an even `size`, which has no middle, and for groups that do not divide the maps.
    """

    def __init__(self, size=5, bias=2.0, alpha=1e-4, beta=0.75, *, groups=1, **options):
        super().__init__(**options)
        if size < 1 or size % 2 == 0:
            raise ValueError(f"size must be an odd number above 0, not {size!r}.")
        self.size, self.bias, self.alpha, self.beta, self.groups = size, bias, alpha, beta, groups

    def build(self, input_shape):
        if input_shape[-1] % self.groups:
            raise ValueError(f"groups={self.groups} must divide the {input_shape[-1]} maps.")

    def call(self, inputs):
        energies = [self._energy(group) for group in ops.split(ops.square(inputs), self.groups, axis=-1)]
        return inputs / (self.bias + self.alpha * ops.concatenate(energies, axis=-1)) ** self.beta

    def _energy(self, squares):
        margin, maps = self.size // 2, squares.shape[-1]
        padded = ops.pad(squares, [(0, 0)] * (len(squares.shape) - 1) + [(margin, margin)])
        return sum(padded[..., first : first + maps] for first in range(self.size))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        names = ("size", "bias", "alpha", "beta", "groups")
        return super().get_config() | {name: getattr(self, name) for name in names}
