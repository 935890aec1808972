"""FractalNet: very deep without shortcuts. A short way lies beside every long one, and may be all there is.

Larsson, Maire, Shakhnarovich: FractalNet: Ultra-Deep Neural Networks without Residuals (2016; ICLR 2017). Lesson 22.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from numbers import Integral, Real

import keras
from keras import layers, ops

from course_lib.architectures.arguments import check_builder, check_choice, check_positive, scaled
from course_lib.architectures.convolutions import normalised_convolution, top


def fractal_net(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    *,
    columns: int = 3,
    filters: Sequence[int] = (64, 128, 256, 512, 512),
    column: int | None = None,
    local_rate: float = 0.15,
    global_share: float = 0.5,
    width: float = 1.0,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    seed: int | None = None,
    **options,
) -> keras.Model:
    """A FractalNet for CIFAR-10: (batch, 32, 32, 3) to (batch, 10), by fractal blocks with 2×2 max pooling behind each.

    columns, column: see `fractal_block`. The longest path has `len(filters) · 2^(columns - 1)` convolutions.
    filters: of each block.
    local_rate, global_share: drop-path in training, see `FractalJoin` and `ColumnDraw`; 0 and 0 for none.
    **options: see `fractal_block`.

    33,724,618 trainable parameters, 845,222,912 multiply-adds, 21 layers with weights on the longest path.
    Raises ValueError for a column that is not there, for shares outside of 0 to 1, and for sides below 2 to the power
    of the blocks: 32 for five.
    """
    check_positive("columns", columns, Integral)
    check_builder(input_shape, 2 ** len(filters), classes, width)
    inputs = x = keras.Input(input_shape)
    draw = None
    if global_share and column is None:
        draw = ColumnDraw(columns, global_share, seed=seed, name="draw")(inputs)
    for number, wanted in enumerate(filters, 1):
        own_seed = None if seed is None else seed + 1000 * number
        drops = {"local_rate": local_rate, "draw": draw, "seed": own_seed}
        x = fractal_block(
            x, scaled(wanted, width), columns, column=column, name=f"block{number}", **drops, **options
        )
        x = layers.MaxPooling2D(2, name=f"block{number}_pool")(x)
    outputs = top(x, classes, classifier_activation)
    kind = "" if column is None else f"_column_{column}"
    return keras.Model(inputs, outputs, name=name or f"fractal_net_{columns}{kind}")


def fractal_block(
    x,
    filters: int,
    columns: int = 3,
    *,
    column: int | None = None,
    local_rate: float = 0.0,
    draw=None,
    name: str,
    seed: int | None = None,
    **options,
):
    """Columns of 1, 2, 4, … 3×3 convolutions side by side, joined wherever they meet: (…, channels) to (…, filters).

    f_1 is a convolution with batch normalisation and ReLU; f_(c+1)(x) is the mean of f_c(f_c(x)) and of a convolution
    of x. Column c has 2^(c-1) convolutions.

    column: build this column alone, for a plain network that can take the weights over.
    local_rate, draw: drop-path in training, see `FractalJoin`. draw: the output of a `ColumnDraw`, or None.
    options: `momentum=0.99`, of batch normalisation; `kernel_initializer="he_normal"`; `use_bias=False`.
    Layers `name_column2_1_conv`, `…_bn`, `…_relu`, …; `name_join2_1`, … for the joins with column 2's short neighbour.
    """
    check_positive("columns", columns, Integral)
    if column is not None:
        check_choice("column", column, range(1, columns + 1))
    made = Counter()

    def convolution(x, place):
        made[place] += 1
        layer = f"{name}_column{place}_{made[place]}"
        x = normalised_convolution(x, filters, 3, name=layer, **options)
        return layers.Activation("relu", name=f"{layer}_relu")(x)

    def fractal(x, first):
        """The columns from this one to the deepest."""
        if first == columns:
            return convolution(x, first)
        long, short = fractal(fractal(x, first + 1), first + 1), convolution(x, first)
        made["join", first] += 1
        own_seed = None if seed is None else seed + sum(made.values())
        join = FractalJoin(first, local_rate, seed=own_seed, name=f"{name}_join{first}_{made['join', first]}")
        return join([long, short] if draw is None else [long, short, draw])

    if column is None:
        return fractal(x, 1)
    for _ in range(2 ** (column - 1)):
        x = convolution(x, column)
    return x


@keras.saving.register_keras_serializable("course_lib")
class ColumnDraw(layers.Layer):
    """Global drop-path: for every example, in training, the number of the one column it goes through, or 0 for all.

    (batch, …) to (batch,). share: of the examples that get a single column. Outside of training it is always 0.
    Raises ValueError unless the share is from 0 to 1.
    """

    def __init__(self, columns: int, share: float = 0.5, *, seed: int | None = None, **options):
        super().__init__(**options)
        _check_share("share", share)
        self.columns, self.share, self.seed = columns, share, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        examples = ops.shape(inputs)[0]
        if not training:
            return ops.zeros((examples,), "int32")
        single = keras.random.uniform((examples,), seed=self.seed_generator) < self.share
        column = keras.random.randint((examples,), 1, self.columns + 1, seed=self.seed_generator)
        return ops.where(single, column, 0)

    def compute_output_spec(self, inputs, training=False):
        return keras.KerasTensor(inputs.shape[:1], "int32")

    def get_config(self):
        return super().get_config() | {"columns": self.columns, "share": self.share, "seed": self.seed}


@keras.saving.register_keras_serializable("course_lib")
class FractalJoin(layers.Layer):
    """The mean of a long way and a short one: [long, short] or [long, short, draw], each (batch, height, width, maps).

    In training, ways are dropped for each example, and the mean is of those left. Local drop-path: each way with
    probability `rate`; if both, one of them stays, by chance. Global: where a `ColumnDraw` says the number of this
    column, the short way alone, where it says another, the long one.
    Raises ValueError unless the rate is from 0 to 1.
    """

    def __init__(self, column: int, rate: float = 0.0, *, seed: int | None = None, **options):
        super().__init__(**options)
        _check_share("rate", rate)
        self.column, self.rate, self.seed = column, rate, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        long, short, *draw = inputs
        if not training:
            return (long + short) / 2
        drawn = keras.random.uniform((ops.shape(long)[0],), seed=self.seed_generator)
        alone = 1 - (1 - self.rate) ** 2  # the chance that not both are left; each of them is then as likely
        share = ops.where(drawn < alone / 2, 1.0, ops.where(drawn < alone, 0.0, 0.5))
        for column in draw:
            single = ops.where(column == self.column, 0.0, 1.0)
            share = ops.where(column == 0, share, single)
        share = ops.cast(ops.reshape(share, (-1, *[1] * (len(long.shape) - 1))), long.dtype)
        return share * long + (1 - share) * short

    def compute_output_spec(self, inputs, training=False):
        return keras.KerasTensor(inputs[0].shape, inputs[0].dtype)

    def get_config(self):
        return super().get_config() | {"column": self.column, "rate": self.rate, "seed": self.seed}


def _check_share(name: str, value: float) -> None:
    if not isinstance(value, Real) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be from 0 to 1, not {value!r}.")
