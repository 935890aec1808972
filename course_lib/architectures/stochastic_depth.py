"""Stochastic depth: while it learns, a residual network leaves out blocks by chance.

Huang, Sun, Liu, Sedra, Weinberger: Deep Networks with Stochastic Depth (2016). Lesson 22.
"""

from __future__ import annotations

from itertools import count
from numbers import Real

import keras
from keras import layers, ops

from course_lib.architectures.resnet import blocks_a_stage, cifar_resnet


def stochastic_depth_resnet(
    depth: int = 110,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    *,
    last_survival: float = 0.5,
    per_example: bool = False,
    seed: int | None = None,
    name: str | None = None,
    **options,
) -> keras.Model:
    """A ResNet for CIFAR-10 whose blocks come and go in training: (batch, 32, 32, 3) to (batch, 10).

    last_survival: the chance of the last block to be there; those before it survive more and more surely, see
        `survival`.
    per_example: see `StochasticDepth`; seed: of the draws.
    **options: as in `course_lib.architectures.resnet.cifar_resnet`, which has the same weights.

    Raises ValueError for a depth that is not 6n + 2, for a chance that is not above 0 and at most 1, and for sides
    below 4.
    """
    blocks, places = 3 * blocks_a_stage(depth), count(1)

    def gate(maps, *, name):
        place = next(places)
        rate = 1 - survival(place, blocks, last_survival)
        own_seed = None if seed is None else seed + place
        return StochasticDepth(rate, per_example=per_example, seed=own_seed, name=f"{name}_drop")(maps)

    return cifar_resnet(depth, input_shape, classes, gate=gate, name=name or f"stochastic_depth_{depth}", **options)


def survival(place: int, blocks: int, last: float = 0.5) -> float:
    """The chance that the block at this place, from 1, is there: it falls along a straight line to that of the last.

    Raises ValueError unless `last` is above 0 and at most 1.
    """
    if not isinstance(last, Real) or not 0 < last <= 1:
        raise ValueError(f"The last block's chance to survive must be above 0 and at most 1, not {last!r}.")
    return 1 - place / blocks * (1 - last)


@keras.saving.register_keras_serializable("course_lib")
class StochasticDepth(layers.Layer):
    """In training, all maps become 0 with probability `rate`, else they grow by 1 / (1 - rate). Shapes stay.

    It belongs at the end of a block's path, before the sum: then the block is its shortcut now and then. Outside of
    training nothing happens. On average both are the same, as with dropout (lesson 16); the paper scales when it
    predicts, not when it learns.

    per_example: one draw for every example, or one for the whole batch. Either way the path has been computed before:
        time would be saved only by not computing it, which can be done for a whole batch alone.
    Raises ValueError unless the rate is at least 0 and below 1.
    """

    def __init__(self, rate: float, *, per_example: bool = True, seed: int | None = None, **options):
        super().__init__(**options)
        if not isinstance(rate, Real) or not 0 <= rate < 1:
            raise ValueError(f"rate must be at least 0 and below 1, not {rate!r}.")
        self.rate, self.per_example, self.seed = rate, per_example, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        draws = ops.shape(inputs)[0] if self.per_example else 1
        drawn = keras.random.uniform((draws, *[1] * (len(inputs.shape) - 1)), seed=self.seed_generator)
        return inputs * ops.cast(drawn >= self.rate, inputs.dtype) / (1 - self.rate)

    def get_config(self):
        return super().get_config() | {"rate": self.rate, "per_example": self.per_example, "seed": self.seed}
