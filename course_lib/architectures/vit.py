"""The Vision Transformer: a picture as a row of patches, each of which may ask every other one.

Dosovitskiy et al.: An Image is Worth 16x16 Words (2020; ICLR 2021); Touvron et al.: Training data-efficient image
transformers & distillation through attention (DeiT, 2020). Lesson 24.
"""

from __future__ import annotations

from numbers import Integral

import keras
from keras import layers, ops

from course_lib.architectures.arguments import check_builder, check_choice, check_positive, scaled

SIZES = {  # width of a token, blocks, heads
    "Ti": (192, 12, 3),
    "S": (384, 12, 6),
    "B": (768, 12, 12),
    "L": (1024, 24, 16),
    "H": (1280, 32, 16),
}
EPSILON = 1e-6  # of layer normalisation


def vit(
    size: str = "B",
    patch: int = 16,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    depth: int | None = None,
    class_token: bool = True,
    dropout: float = 0.0,
    width: float = 1.0,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
) -> keras.Model:
    """A Vision Transformer: (batch, 224, 224, 3) to (batch, 1000).

    size: "Ti", "S", "B", "L" or "H"; "Ti", "S" and "B" with patches of 16 are also the networks of DeiT.
    patch: side of a patch in pixels; it divides height and width.
    depth: number of blocks, if not that of the size.
    class_token: whether a learnt token joins the patches and is read at the end; without it, the mean of all is.
    dropout: rate, behind the positions, each attention and each dense layer of a block.
    width: a factor on the width of the tokens; the number of heads stays.

    =========  ====  ======  ====================  ===============
    size       side  tokens  trainable parameters  multiply-adds
    =========  ====  ======  ====================  ===============
    Ti         224   197     5,717,416               1,253,683,200
    S          224   197     22,050,664              4,598,882,304
    B          224   197     86,567,656             17,563,828,224
    B          384   577     86,859,496             55,484,350,464
    L          384   577     304,715,752           191,066,300,416
    =========  ====  ======  ====================  ===============

    Raises ValueError for an unknown size, and for sides that the patch does not divide.
    """
    check_choice("size", size, SIZES)
    check_positive("patch", patch, Integral)
    check_builder(input_shape, patch, classes, width)
    if input_shape[0] % patch or input_shape[1] % patch:
        raise ValueError(f"patch={patch} must divide height and width of {input_shape!r}.")
    full, blocks, heads = SIZES[size]
    blocks, token = blocks if depth is None else depth, scaled(full, width, heads)
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(token, patch, strides=patch, name="patches")(inputs)
    x = layers.Reshape((-1, token), name="tokens")(x)
    if class_token:
        x = ClassToken(name="class_token")(x)
    x = Positions(name="positions")(x)
    x = layers.Dropout(dropout, name="positions_dropout")(x)
    for number in range(1, blocks + 1):
        x = transformer_block(x, heads, dropout=dropout, name=f"block{number}")
    x = layers.LayerNormalization(epsilon=EPSILON, name="norm")(x)
    x = x[:, 0] if class_token else layers.GlobalAveragePooling1D(name="mean")(x)
    outputs = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    return keras.Model(inputs, outputs, name=name or f"vit_{size.lower()}{patch}")


def transformer_block(x, heads: int, mlp_ratio: float = 4, *, dropout: float = 0.0, name: str):
    """Tokens ask each other, then each is worked on alone: (batch, tokens, width) to the same.

    Normalisation stands before attention and MLP, and both are added to what came in. Layers `name_norm1`,
    `name_attention`, `name_add1`, `name_norm2`, `name_mlp1`, `name_mlp2`, `name_add2`. Raises ValueError where the
    heads do not divide the width.
    """
    token = x.shape[-1]
    if token % heads:
        raise ValueError(f"heads={heads} must divide the width of a token, {token}.")
    y = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm1")(x)
    y = layers.MultiHeadAttention(heads, token // heads, name=f"{name}_attention")(y, y)
    y = layers.Dropout(dropout, name=f"{name}_dropout1")(y)
    x = layers.Add(name=f"{name}_add1")([x, y])
    y = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm2")(x)
    y = layers.Dense(int(mlp_ratio * token), activation="gelu", name=f"{name}_mlp1")(y)
    y = layers.Dense(token, name=f"{name}_mlp2")(y)
    y = layers.Dropout(dropout, name=f"{name}_dropout2")(y)
    return layers.Add(name=f"{name}_add2")([x, y])


@keras.saving.register_keras_serializable("course_lib")
class Positions(layers.Layer):
    """Adds to each token a learnt vector of its place: (batch, tokens, width) to the same."""

    def build(self, input_shape):
        spread = keras.initializers.RandomNormal(stddev=0.02)
        self.table = self.add_weight(shape=input_shape[1:], initializer=spread, name="table")

    def call(self, inputs):
        return inputs + self.table


@keras.saving.register_keras_serializable("course_lib")
class ClassToken(layers.Layer):
    """Puts one learnt token in front: (batch, tokens, width) to (batch, tokens + 1, width)."""

    def build(self, input_shape):
        self.token = self.add_weight(shape=(1, 1, input_shape[-1]), initializer="zeros", name="token")

    def call(self, inputs):
        first = ops.broadcast_to(self.token, (ops.shape(inputs)[0], 1, inputs.shape[-1]))
        return ops.concatenate([ops.cast(first, inputs.dtype), inputs], axis=1)
