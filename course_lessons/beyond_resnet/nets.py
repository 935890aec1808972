"""The small networks of lesson 22: one frame, and a block for each way to edit a shortcut.

    net = small_network("dense")                 # 14 x 14 pixels, about 10,000 trainable parameters
    net = deep_network("pre", 32)                # 8 x 8 pixels, equal blocks, 32 layers with weights

All give logits. `KINDS` lists what `small_network` knows. The lesson builds the blocks in front of the reader; a test
compares.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from course_lib.anatomy import Anatomy, anatomy
from course_lib.anatomy.kinds import register
from course_lib.architectures.convolutions import PointwiseConv2D
from course_lib.architectures.dual_path import dual_path_block

MOMENTUM = 0.9  # of the running averages: the trainings are short
SURVIVAL = 0.8  # of the last block, with stochastic depth
REDUCED = 4  # squeeze-and-excitation: channels to one hidden unit


@keras.saving.register_keras_serializable("beyond_resnet")
class StochasticDepth(layers.Layer):
    """In training each picture keeps its branch with the chance `survival`; at test the branch is multiplied by it."""

    def __init__(self, survival: float, **options):
        super().__init__(**options)
        self.survival = survival
        self.seeds = keras.random.SeedGenerator()

    def call(self, branch, training=False):
        if not training:
            return self.survival * branch
        draws = keras.random.uniform((ops.shape(branch)[0], 1, 1, 1), seed=self.seeds)
        return ops.cast(draws < self.survival, branch.dtype) * branch

    def get_config(self):
        return super().get_config() | {"survival": self.survival}


@keras.saving.register_keras_serializable("beyond_resnet")
class Join(layers.Layer):
    """The mean of paths. In training each picture loses each path with the chance `drop`, but never all of them."""

    def __init__(self, drop: float, **options):
        super().__init__(**options)
        self.drop = drop
        self.seeds = keras.random.SeedGenerator()

    def call(self, paths, training=False):
        if not training:
            return sum(paths) / len(paths)
        draws = keras.random.uniform((len(paths), ops.shape(paths[0])[0], 1, 1, 1), seed=self.seeds)
        kept = ops.logical_or(draws >= self.drop, draws == ops.max(draws, axis=0))
        kept = ops.cast(kept, paths[0].dtype)
        return ops.sum(kept * ops.stack(paths), axis=0) / ops.sum(kept, axis=0)

    def get_config(self):
        return super().get_config() | {"drop": self.drop}


register(StochasticDepth, role="activation")
register(Join, role="join")


def convolution(x, filters: int, kernel_size: int = 3, strides: int = 1):
    """Without bias, He's start."""
    kind = PointwiseConv2D if kernel_size == 1 and strides > 1 else layers.Conv2D
    options = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
    return kind(filters, kernel_size, strides=strides, **options)(x)


def normalised(x, gamma: str = "ones"):
    return layers.BatchNormalization(momentum=MOMENTUM, gamma_initializer=gamma)(x)


def active(x):
    """Normalisation and ReLU."""
    return layers.ReLU()(normalised(x))


def shortcut(x, filters: int, strides: int):
    """x itself, or projected where the shape changes."""
    if strides == 1 and x.shape[-1] == filters:
        return x
    return normalised(convolution(x, filters, 1, strides))


# Blocks: (batch, height, width, channels) to (batch, height / strides, width / strides, filters)


def plain_block(x, filters: int, strides: int = 1):
    return active(convolution(active(convolution(x, filters, 3, strides)), filters))


def post_block(x, filters: int, strides: int = 1, *, branch=lambda y: y, gamma: str = "ones"):
    """Lesson 21's block, with something more, `branch`, before the sum."""
    y = active(convolution(x, filters, 3, strides))
    y = branch(normalised(convolution(y, filters), gamma))
    return layers.ReLU()(layers.Add()([shortcut(x, filters, strides), y]))


def pre_block(x, filters: int, strides: int = 1):
    y = convolution(active(x), filters, 3, strides)
    y = convolution(active(y), filters)
    if strides > 1 or x.shape[-1] != filters:
        x = convolution(x, filters, 1, strides)
    return layers.Add()([x, y])


def excited(y):
    """Each channel times a gate between 0 and 1."""
    channels = y.shape[-1]
    gates = layers.GlobalAveragePooling2D(keepdims=True)(y)
    gates = layers.Dense(channels // REDUCED, activation="relu", kernel_initializer="he_normal")(gates)
    gates = layers.Dense(channels, activation="sigmoid")(gates)
    return layers.Multiply()([y, gates])


def bottleneck(x, filters: int, strides: int, branches: int, width: int):
    """1 x 1, 3 x 3 in so many branches of `width` channels, 1 x 1."""
    y = active(convolution(x, branches * width, 1))
    parts = [y[..., k * width : (k + 1) * width] for k in range(branches)] if branches > 1 else [y]
    parts = [convolution(part, width, 3, strides) for part in parts]
    y = active(layers.Concatenate()(parts) if branches > 1 else parts[0])
    y = normalised(convolution(y, filters, 1))
    return layers.ReLU()(layers.Add()([shortcut(x, filters, strides), y]))


def dense_layer(x, growth: int):
    return layers.Concatenate()([x, convolution(active(x), growth)])


def fractal(x, filters: int, columns: int, strides: int = 1):
    """f_1 is a convolution; f_{c + 1}(x) the mean of f_c(f_c(x)) and a convolution of x."""
    short = active(convolution(x, filters, 3, strides))
    if columns == 1:
        return short
    long = fractal(fractal(x, filters, columns - 1, strides), filters, columns - 1)
    return layers.Average()([long, short])


def blocks(x) -> list[Anatomy]:
    """One of each, with 4 channels, as it is built."""
    streams = dual_path_block(x[..., :3], x[..., 3:], 3, 1, inner=2, name="dual")
    parts = {
        "lesson 21": post_block(x, 4),
        "pre": pre_block(x, 4),
        "two branches": bottleneck(x, 4, 1, 2, 2),
        "dropped": post_block(x, 4, branch=StochasticDepth(0.8)),
        "fractal": fractal(x, 4, 2),
        "dense": dense_layer(dense_layer(x, 2), 2),
        "dual path": list(streams),
        "weighed": post_block(x, 4, branch=excited),
    }
    return [anatomy(keras.Model(x, outputs, name=name)) for name, outputs in parts.items()]


# Networks


def _stages(x, block, filters, blocks=2):
    for stage in range(2):
        for place in range(blocks):
            x = block(x, filters * 2**stage, 2 if stage == 1 and place == 0 else 1)
    return x


def _stochastic(x, filters):
    numbers = iter(range(1, 5))

    def block(x, filters, strides):
        survival = 1 - next(numbers) / 4 * (1 - SURVIVAL)
        return post_block(x, filters, strides, branch=lambda y: StochasticDepth(survival)(y))

    return _stages(x, block, filters)


def _dense(x, growth):
    for _ in range(3):
        x = dense_layer(x, growth)
    x = convolution(active(x), x.shape[-1] // 2, 1)
    x = layers.AveragePooling2D(2, padding="same")(x)
    for _ in range(3):
        x = dense_layer(x, growth)
    return active(x)


def _bottlenecks(branches, width):
    def body(x, filters):
        x = bottleneck(x, filters, 1, branches, width)
        return bottleneck(x, 2 * filters, 2, branches, 2 * width)

    return body


KINDS = {  # filters of the stem, and what stands between it and the head
    "post": (8, lambda x, f: _stages(x, post_block, f)),
    "pre": (8, lambda x, f: active(_stages(x, pre_block, f))),
    "wide": (12, lambda x, f: _stages(x, post_block, f, blocks=1)),
    "stochastic depth": (8, _stochastic),
    "fractal": (6, lambda x, f: fractal(fractal(x, f, 3), 2 * f, 3, strides=2)),
    "dense": (10, lambda x, f: _dense(x, 8)),
    "SE": (8, lambda x, f: _stages(x, lambda *a: post_block(*a, branch=excited), f)),
    "1 branch": (24, _bottlenecks(1, 12)),
    "4 branches": (24, _bottlenecks(4, 5)),
}


def small_network(kind: str, input_shape=(14, 14, 1), classes: int = 10) -> keras.Model:
    """A convolution with strides of 2, the body, the mean over the places, one dense layer for the logits."""
    filters, body = KINDS[kind]
    inputs = keras.Input(input_shape)
    x = body(active(convolution(inputs, filters, 3, 2)), filters)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes)(x), name=kind.replace(" ", "_"))


def deep_network(kind: str, depth: int, filters: int = 8) -> keras.Model:
    """8 x 8 pixels, equal blocks of two layers on 4 x 4; kind: "plain", "post", "pre", or "idle", post with γ = 0."""
    block = {"plain": plain_block, "post": post_block, "pre": pre_block}.get(kind)
    if kind == "idle":

        def block(x, filters):
            return post_block(x, filters, gamma="zeros")

    inputs = keras.Input((8, 8, 1))
    x = active(convolution(inputs, filters, 3, 2))
    for _ in range((depth - 2) // 2):
        x = block(x, filters)
    x = layers.GlobalAveragePooling2D()(active(x) if kind == "pre" else x)
    return keras.Model(inputs, layers.Dense(10)(x), name=f"{kind}_{depth}")


# A fractal network, and its deepest column alone


def fractal_pair(columns: int, filters: int = 8, drop: float = 0.0) -> tuple[keras.Model, keras.Model]:
    """A network of two fractals, and the chain of its deepest column, made of the same layers, for 14 x 14 pixels."""
    inputs = keras.Input((14, 14, 1))
    x = active(convolution(inputs, filters, 3, 2))
    plans = [_plan(filters, columns, 1), _plan(2 * filters, columns, 2)]
    head = keras.Sequential([layers.GlobalAveragePooling2D(), layers.Dense(10)])
    whole = deepest = x
    for plan in plans:
        whole, deepest = _whole(plan, whole, drop), _deepest(plan, deepest)
    return keras.Model(inputs, head(whole), name="fractal"), keras.Model(inputs, head(deepest), name="deepest_column")


def _plan(filters, columns, strides):
    """The layers of one convolution, and the plans of the two fractals beside it."""
    kernel = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False, kernel_initializer="he_normal")
    short = [kernel, layers.BatchNormalization(momentum=MOMENTUM), layers.ReLU()]
    beside = [_plan(filters, columns - 1, strides), _plan(filters, columns - 1, 1)] if columns > 1 else []
    return short, beside


def _chain(x, steps):
    for step in steps:
        x = step(x)
    return x


def _whole(plan, x, drop):
    short, beside = plan
    if not beside:
        return _chain(x, short)
    return Join(drop)([_whole(beside[1], _whole(beside[0], x, drop), drop), _chain(x, short)])


def _deepest(plan, x):
    short, beside = plan
    return _deepest(beside[1], _deepest(beside[0], x)) if beside else _chain(x, short)
