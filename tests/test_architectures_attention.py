"""Transformers for pictures, and ConvNeXt: counts of the papers, values of Keras and of NumPy, and that they learn."""

import functools
import math

import keras
import numpy as np
import pytest

from course_lib.anatomy import anatomy
from course_lib.architectures import swin as swin_module
from course_lib.architectures.blueprint import blueprint as new_blueprint
from course_lib.architectures.convnext import ChannelScale, convnext
from course_lib.architectures.swin import WindowAttention, swin
from course_lib.architectures.vit import ClassToken, Positions, transformer_block, vit

RNG = np.random.default_rng(0)
numpy = keras.ops.convert_to_numpy
blueprint = functools.cache(new_blueprint)


def normal(*shape):
    return RNG.standard_normal(shape, "float32")


@functools.cache
def counted(build, *arguments, **options):
    return anatomy(blueprint(build, *arguments, **options)).total


# Counts


@pytest.mark.parametrize(
    ("build", "arguments", "options", "parameters", "multiply_adds"),
    [
        (vit, ("Ti",), {}, 5_717_416, 1_253_683_200),
        (vit, ("S",), {}, 22_050_664, 4_598_882_304),
        (vit, ("B",), {}, 86_567_656, 17_563_828_224),
        (vit, ("B",), {"input_shape": (384, 384, 3)}, 86_859_496, 55_484_350_464),
        (swin, ("T",), {}, 28_288_354, 4_490_566_656),
        (swin, ("T",), {"input_shape": (384, 384, 3), "window": 12}, 28_338_034, 13_993_752_576),
        (convnext, ("Tiny",), {}, 28_589_128, 4_455_531_264),
        (convnext, ("Small",), {}, 50_223_688, 8_683_712_256),
    ],
)
def test_counts(build, arguments, options, parameters, multiply_adds):
    total = counted(build, *arguments, **options)
    assert (total.trainable, total.multiply_adds) == (parameters, multiply_adds)
    assert not total.uncounted


def test_a_vit_by_formula():
    side, patch, width, depth, classes = 40, 8, 24, 3, 7
    total = anatomy(vit("Ti", patch, (side, side, 3), classes, depth=depth, width=1 / 8)).total
    n = (side // patch) ** 2 + 1
    block = 12 * n * width**2 + 2 * n**2 * width
    assert total.multiply_adds == (n - 1) * 3 * patch**2 * width + depth * block + width * classes
    block = 12 * width**2 + 13 * width
    outside = (3 * patch**2 + 1) * width + width + n * width + 2 * width + (width + 1) * classes
    assert total.trainable == outside + depth * block


def test_only_the_classifier_depends_on_the_classes():
    for build in (vit, swin, convnext):
        assert blueprint(build, classes=3).output.shape == (None, 3)


# ViT


def test_heads_share_the_width():
    inputs = keras.Input((5, 12))
    one, four = (keras.Model(inputs, transformer_block(inputs, heads, name="b")) for heads in (1, 4))
    assert one.count_params() == four.count_params() == 12 * 12**2 + 13 * 12
    with pytest.raises(ValueError, match="must divide"):
        transformer_block(inputs, 5, name="b")


def test_without_places_a_block_knows_no_order():
    inputs = keras.Input((5, 12))
    block = keras.Model(inputs, transformer_block(inputs, 3, name="b"))
    x, order = normal(2, 5, 12), RNG.permutation(5)
    np.testing.assert_allclose(numpy(block(x[:, order])), numpy(block(x))[:, order], atol=1e-5)


def test_the_class_token_stands_in_front_and_places_are_added():
    x = normal(2, 4, 6)
    layer = ClassToken()
    layer.build(x.shape)
    layer.token.assign(normal(1, 1, 6))
    y = numpy(layer(x))
    np.testing.assert_allclose(y[:, 1:], x)
    np.testing.assert_allclose(y[:, 0], np.broadcast_to(numpy(layer.token)[0], (2, 6)))
    places = Positions()
    np.testing.assert_allclose(numpy(places(x)), x + numpy(places.table), rtol=1e-6)


@pytest.mark.parametrize("options", [{}, {"class_token": False, "dropout": 0.1}])
def test_a_small_vit_is_saved_and_read(tmp_path, options):
    model = vit("Ti", 4, (12, 8, 1), 3, depth=2, width=1 / 12, **options)
    x = normal(2, 12, 8, 1)
    model.save(tmp_path / "vit.keras")
    again = keras.saving.load_model(tmp_path / "vit.keras")
    np.testing.assert_allclose(numpy(again(x)), numpy(model(x)), atol=1e-6)


@pytest.mark.parametrize(
    ("build", "arguments", "options", "message"),
    [
        (vit, ("X",), {}, "size must be one of"),
        (vit, ("B", 15), {}, "must divide"),
        (swin, ("X",), {}, "size must be one of"),
        (swin, ("T", (100, 100, 3)), {}, "not covered exactly"),
        (convnext, ("X",), {}, "size must be one of"),
        (convnext, ("Tiny", (16, 16, 3)), {}, "at least 32"),
    ],
)
def test_what_does_not_fit_is_named(build, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        build(*arguments, **options)


# Swin


def in_numpy(layer, x, allowed):
    """Full attention over all tokens with the weights of a WindowAttention, where it is allowed; the bias is given."""
    height, width, channels = x.shape
    tokens, key = x.reshape(-1, channels), channels // layer.heads
    qkv, qkv_bias, out, out_bias, bias = (numpy(weight) for weight in layer.weights)
    q, k, v = (tokens @ qkv + qkv_bias).reshape(-1, 3, layer.heads, key).transpose(1, 2, 0, 3)
    scores = q @ k.swapaxes(1, 2) / math.sqrt(key)
    row, column = np.divmod(np.arange(height * width), width)
    down, right = row[:, None] - row, column[:, None] - column
    near = (abs(down) < layer.side) & (abs(right) < layer.side)
    offset = (down + layer.side - 1) * (2 * layer.side - 1) + right + layer.side - 1
    scores = scores + np.where(near, bias.T[:, np.where(near, offset, 0)], 0)
    scores = np.where(allowed, scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed = weights / weights.sum(axis=-1, keepdims=True) @ v
    return (mixed.transpose(1, 0, 2).reshape(-1, channels) @ out + out_bias).reshape(x.shape)


@pytest.mark.parametrize(("sides", "window", "shift"), [((8, 8), 4, 0), ((8, 8), 4, 2), ((6, 9), 3, 1), ((4, 4), 7, 3)])
def test_shifted_windows_are_full_attention_with_a_mask(sides, window, shift):
    layer = WindowAttention(2, window, shift)
    x = normal(2, *sides, 6)
    layer.build(x.shape)
    for weight in layer.weights:
        weight.assign(0.4 * normal(*weight.shape))
    shift = layer.roll
    row, column = (np.arange(side) for side in sides)
    number = 100 * ((row - shift) // layer.side)[:, None] + (column - shift) // layer.side
    allowed = number.reshape(-1, 1) == number.reshape(1, -1)
    expected = [in_numpy(layer, each, allowed) for each in x]
    np.testing.assert_allclose(numpy(layer(x)), expected, atol=1e-4)


def test_windows_are_taken_apart_and_put_together():
    x = normal(2, 6, 4, 3)
    cut = swin_module.windows_of(x, 2)
    assert cut.shape == (2, 6, 4, 3)
    np.testing.assert_array_equal(numpy(cut)[1, 3], x[1, 2:4, 2:4].reshape(4, 3))
    np.testing.assert_array_equal(numpy(swin_module.from_windows(cut, 6, 4, 2)), x)


def test_merging_joins_four_neighbours():
    inputs = keras.Input((4, 6, 5))
    outputs = swin_module.merge_patches(inputs, name="m")
    merge = keras.Model(inputs, outputs)
    four = keras.Model(inputs, merge.get_layer("m_four").output)
    x = normal(1, 4, 6, 5)
    joined = numpy(four(x))[0, 1, 2].reshape(4, 5)
    np.testing.assert_array_equal(joined, x[0, 2:4, 4:6].reshape(4, 5))
    assert outputs.shape == (None, 2, 3, 10)


def test_a_small_swin_is_saved_and_read(tmp_path):
    model = swin("T", (64, 64, 1), 3, window=2, width=1 / 8)
    x = normal(2, 64, 64, 1)
    model.save(tmp_path / "swin.keras")
    again = keras.saving.load_model(tmp_path / "swin.keras")
    np.testing.assert_allclose(numpy(again(x)), numpy(model(x)), atol=1e-6)


# ConvNeXt


def test_same_output_as_keras_applications():
    """A depthwise kernel there is (7, 7, 1, channels), here (7, 7, channels, 1)."""
    shape = (32, 32, 3)
    ours = blueprint(convnext, "Tiny", shape)
    theirs = blueprint(keras.applications.ConvNeXtTiny, weights=None, input_shape=shape, include_preprocessing=False)
    values = []
    for weight in theirs.trainable_weights:
        drawn = normal(*weight.shape)
        if weight.name == "kernel":
            drawn *= math.sqrt(1 / math.prod(weight.shape[:-1]))
        values.append(
            0.5 + 0.1 * drawn if weight.name == "gamma" else drawn if weight.name == "kernel" else 0.1 * drawn
        )
    moved = [np.swapaxes(v, 2, 3) if v.ndim == 4 and v.shape[2] == 1 else v for v in values]
    assert [v.shape for v in moved] == [tuple(weight.shape) for weight in ours.trainable_weights]
    x = normal(2, *shape)
    outputs = [
        numpy(model.stateless_call(given, [np.zeros(w.shape, w.dtype) for w in model.non_trainable_variables], x)[0])
        for model, given in ((theirs, values), (ours, moved))
    ]
    assert outputs[0].std() > 1e-4
    np.testing.assert_allclose(outputs[1], outputs[0], atol=1e-3 * outputs[0].std())


def test_a_scaled_block_begins_as_its_shortcut():
    x = normal(2, 4, 4, 3)
    layer = ChannelScale(0.5)
    np.testing.assert_allclose(numpy(layer(x)), 0.5 * x)
    assert ChannelScale.from_config(layer.get_config()).initial == 0.5


# They learn


@pytest.mark.parametrize(
    "build",
    [
        functools.partial(vit, "Ti", 8, (32, 32, 1), 2, depth=1, width=1 / 12),
        functools.partial(swin, "T", (32, 32, 1), 2, window=4, width=1 / 16),
        functools.partial(convnext, "Tiny", (32, 32, 1), 2, width=1 / 24),
    ],
    ids=["vit", "swin", "convnext"],
)
def test_small_ones_learn_which_half_is_bright(build):
    keras.utils.set_random_seed(0)
    labels = np.arange(40) % 2
    images = 0.1 * normal(40, 32, 32, 1)
    images[labels == 0, :, :16] += 1
    images[labels == 1, :, 16:] += 1
    model = build()
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", jit_compile=False)
    losses = [model.train_on_batch(images, labels) for _ in range(25)]
    assert losses[-1] < 0.5 * losses[0]
