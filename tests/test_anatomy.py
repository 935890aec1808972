"""Anatomy: multiply-adds against loops that count, fields against gradients, the rest against Keras and the papers."""

import itertools
import re
from html.parser import HTMLParser

import keras
import numpy as np
import pytest
from keras import layers

from course_lib import anatomy as package
from course_lib.anatomy import anatomy, register, unreachable
from course_lib.anatomy.kinds import ROLES
from course_lib.architectures.alexnet import LocalResponseNormalization
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.convolutions import PointwiseConv2D
from course_lib.architectures.googlenet import googlenet
from course_lib.architectures.lenet import PartialConv2D, TrainedSubsampling, lenet5_1998
from course_lib.architectures.resnet import PaddedShortcut, cifar_resnet, resnet
from course_lib.architectures.vgg import vgg
from course_lib.gradients import gradients
from course_lib.plots import anatomy as plots

RNG = np.random.default_rng(0)


def sequential(shape, *parts, **options) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *parts], **options)


def numbers(weight) -> np.ndarray:
    return keras.ops.convert_to_numpy(weight)


def run(model, x) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(np.asarray(x, "float32"), training=False))


# Multiply-adds: naive loops compute what the layer computes, and count every product on the way.


class Counted:
    """Products that are counted."""

    def __init__(self):
        self.products = 0

    def dot(self, a, b) -> float:
        total = 0.0
        for x, y in zip(np.ravel(a), np.ravel(b), strict=True):
            total += x * y
            self.products += 1
        return total

    def matmul(self, a, b) -> np.ndarray:
        return np.array([[self.dot(row, column) for column in b.T] for row in a])


def conv2d(count, x, kernel, strides, padding, dilation, groups=1):
    """x (height, width, channels), kernel (height, width, channels / groups, filters)."""
    reach = (np.array(kernel.shape[:2]) - 1) * dilation + 1
    if padding == "same":
        total = [
            max((-(-side // step) - 1) * step + far - side, 0)
            for side, step, far in zip(x.shape, strides, reach, strict=False)
        ]
        x = np.pad(x, [(each // 2, each - each // 2) for each in total] + [(0, 0)])
    height, width = ((np.array(x.shape[:2]) - reach) // strides) + 1
    filters, channels = kernel.shape[3], kernel.shape[2]
    out = np.zeros((height, width, filters))
    for i, j, f in np.ndindex(height, width, filters):
        group = f // (filters // groups)
        rows = slice(i * strides[0], i * strides[0] + reach[0], dilation[0])
        columns = slice(j * strides[1], j * strides[1] + reach[1], dilation[1])
        out[i, j, f] = count.dot(x[rows, columns, group * channels : (group + 1) * channels], kernel[..., f])
    return out


def transposed2d(count, x, kernel, strides, padding, dilation):
    """kernel (height, width, filters, channels); each input is spread over the output by the whole kernel."""
    reach = (np.array(kernel.shape[:2]) - 1) * dilation + 1
    full = np.zeros((*((np.array(x.shape[:2]) - 1) * strides + np.maximum(reach, strides)), kernel.shape[2]))
    for i, j, a, b in np.ndindex(*x.shape[:2], *kernel.shape[:2]):
        for f in range(kernel.shape[2]):
            full[i * strides[0] + a * dilation[0], j * strides[1] + b * dilation[1], f] += count.dot(
                kernel[a, b, f], x[i, j]
            )
    if padding == "same":
        sides = np.array(x.shape[:2]) * strides
        before = np.maximum((np.array(x.shape[:2]) - 1) * strides + reach - sides, 0) // 2
        full = full[before[0] : before[0] + sides[0], before[1] : before[1] + sides[1]]
    return full


def depthwise_kernel(kernel):
    """(height, width, channels, multiplier) as the kernel of a convolution with a group for each channel."""
    return kernel.reshape(*kernel.shape[:2], 1, -1)


def check_count(layer, shape, by_loops, atol=1e-4):
    """`by_loops(count, x)` gives what the layer gives, without bias, and anatomy counts as many products."""
    model, x, count = sequential(shape, layer), RNG.normal(size=shape), Counted()
    np.testing.assert_allclose(run(model, x[None])[0], by_loops(count, x), atol=atol)
    result = anatomy(model)
    assert result.total.multiply_adds == result.rows[-1].multiply_adds == count.products > 0
    assert result.total.uncounted == ()


STEPS = [((1, 1), (1, 1)), ((2, 1), (1, 1)), ((3, 2), (1, 1)), ((1, 1), (2, 1)), ((1, 1), (3, 2))]  # strides, dilation


@pytest.mark.parametrize(
    ("size", "padding", "steps", "groups"),
    [*itertools.product([(1, 1), (3, 2), (2, 5)], ["valid", "same"], STEPS, [1, 2])],
)
def test_multiply_adds_of_convolutions(size, padding, steps, groups):
    strides, dilation = steps
    layer = layers.Conv2D(
        4, size, strides=strides, dilation_rate=dilation, padding=padding, groups=groups, use_bias=False
    )
    check_count(
        layer,
        (8, 9, 2),
        lambda count, x: conv2d(count, x, numbers(layer.kernel), strides, padding, dilation, groups),
    )


@pytest.mark.parametrize(("size", "padding", "stride"), [*itertools.product((1, 2, 3), ("valid", "same"), (1, 2, 3))])
def test_multiply_adds_of_transposed_convolutions(size, padding, stride):
    layer = layers.Conv2DTranspose(2, (size, 2), strides=stride, padding=padding, use_bias=False)
    steps = np.array([stride, stride]), np.array([1, 1])

    def loops(count, x):
        return transposed2d(count, x, numbers(layer.kernel), steps[0], padding, steps[1])

    check_count(layer, (3, 4, 3), loops)


@pytest.mark.parametrize(("padding", "stride", "multiplier"), [*itertools.product(("valid", "same"), (1, 2), (1, 3))])
def test_multiply_adds_of_depthwise_and_separable_convolutions(padding, stride, multiplier):
    options = {"strides": stride, "padding": padding, "depth_multiplier": multiplier, "use_bias": False}
    strides, once = (stride, stride), (1, 1)

    def depthwise(count, x, kernel):
        return conv2d(count, x, depthwise_kernel(numbers(kernel)), strides, padding, once, groups=x.shape[-1])

    layer = layers.DepthwiseConv2D((3, 2), **options)
    check_count(layer, (6, 7, 3), lambda count, x: depthwise(count, x, layer.kernel))
    both = layers.SeparableConv2D(5, (3, 2), **options)
    check_count(
        both,
        (6, 7, 3),
        lambda count, x: conv2d(
            count, depthwise(count, x, both.depthwise_kernel), numbers(both.pointwise_kernel), once, "valid", once
        ),
    )


@pytest.mark.parametrize(("padding", "stride"), [("valid", 1), ("valid", 3), ("same", 2), ("causal", 1), ("causal", 2)])
def test_multiply_adds_of_convolutions_along_a_sequence(padding, stride):
    layer = layers.Conv1D(4, 3, strides=stride, padding=padding, use_bias=False)

    def loops(count, x):
        x, kernel = x[:, None], numbers(layer.kernel)[:, None]
        if padding == "causal":
            x = np.pad(x, [(2, 0), (0, 0), (0, 0)])
        return conv2d(count, x, kernel, (stride, 1), "same" if padding == "same" else "valid", (1, 1))[:, 0]

    check_count(layer, (9, 2), loops)


@pytest.mark.parametrize("shape", [(5,), (4, 5), (2, 3, 5)])
def test_multiply_adds_of_dense_layers(shape):
    layer = layers.Dense(7, use_bias=False)
    check_count(
        layer, shape, lambda count, x: count.matmul(x.reshape(-1, 5), numbers(layer.kernel)).reshape(*shape[:-1], 7)
    )


@pytest.mark.parametrize(("lengths", "value_dim"), [((4, 4), 3), ((3, 5), 3), ((3, 5), 5)])
def test_multiply_adds_of_multi_head_attention(lengths, value_dim):
    if value_dim != 3 and keras.backend.backend() == "jax":
        pytest.skip("Keras' attention on JAX takes values only as wide as the keys")
    queries, values = (RNG.normal(size=(length, 6)) for length in lengths)
    layer = layers.MultiHeadAttention(2, key_dim=3, value_dim=value_dim, use_bias=False)
    inputs = [keras.Input((length, 6)) for length in lengths]
    model = keras.Model(inputs, layer(*inputs))
    count, heads = Counted(), []
    kernels = [numbers(part.kernel) for part in (layer.query_dense, layer.key_dense, layer.value_dense)]
    for head in range(2):
        q, k, v = (
            count.matmul(x, kernel[:, head]) for x, kernel in zip((queries, values, values), kernels, strict=True)
        )
        scores = np.exp(count.matmul(q, k.T) / np.sqrt(3))
        heads.append(count.matmul(scores / scores.sum(axis=1, keepdims=True), v))
    result = count.matmul(np.concatenate(heads, axis=1), numbers(layer.output_dense.kernel).reshape(2 * value_dim, 6))
    ours = keras.ops.convert_to_numpy(model([queries[None].astype("float32"), values[None].astype("float32")]))
    np.testing.assert_allclose(ours[0], result, atol=1e-4)
    assert anatomy(model).total.multiply_adds == count.products


def test_multiply_adds_of_attention_in_windows_and_on_a_grid():
    tokens = keras.Input((4, 6, 8))  # 4 windows of 6, or 24 on a grid; 2 heads of 3
    for axes, partners, seen in (((2,), 6, (1, 6)), (None, 24, (4, 6)), ((1,), 4, (4, 1))):
        attention = layers.MultiHeadAttention(2, key_dim=3, attention_axes=axes)
        result = anatomy(keras.Model(tokens, attention(tokens, tokens))).rows[-1]
        assert result.multiply_adds == 24 * 4 * 8 * (2 * 3) + 2 * 24 * partners * (2 * 3)
        assert (result.parameters, result.field.size) == (3 * (8 * 6 + 6) + 6 * 8 + 8, seen)


def test_attention_by_hand_counts_as_the_layer_does():
    tokens = keras.Input((6, 8))
    by_layer = anatomy(keras.Model(tokens, layers.MultiHeadAttention(2, key_dim=4, use_bias=False)(tokens, tokens)))

    def heads(x):
        return keras.ops.transpose(layers.Reshape((6, 2, 4))(layers.Dense(8, use_bias=False)(x)), (0, 2, 1, 3))

    queries, keys, values = (heads(tokens) for _ in range(3))
    scores = keras.ops.softmax(keras.ops.matmul(queries, keras.ops.transpose(keys, (0, 1, 3, 2))))
    mixed = keras.ops.transpose(keras.ops.matmul(scores, values), (0, 2, 1, 3))
    outputs = layers.Dense(8, use_bias=False)(layers.Reshape((6, 8))(mixed))
    by_hand = anatomy(keras.Model(tokens, outputs))
    for total in (by_layer.total, by_hand.total):
        assert (total.multiply_adds, total.parameters, total.depth) == (4 * 6 * 64 + 2 * 6 * 6 * 8, 4 * 64, 2)
        assert total.uncounted == ()


def test_multiply_adds_of_dot_product_attention():
    query, value = keras.Input((3, 4)), keras.Input((5, 4))
    result = anatomy(keras.Model([query, value], layers.Attention()([query, value])))
    assert result.total.multiply_adds == 3 * 5 * 4 + 3 * 5 * 4


def test_channels_first_counts_the_same():
    """Only the graph is made: TensorFlow does not compute this on a CPU."""
    parts = {
        data_format: [
            layers.Conv2D(4, 3, strides=2, padding="same", data_format=data_format),
            layers.Conv2DTranspose(6, 3, strides=2, data_format=data_format),
            layers.SeparableConv2D(5, 3, data_format=data_format),
            layers.GlobalAveragePooling2D(data_format=data_format),
        ]
        for data_format in ("channels_last", "channels_first")
    }
    last = anatomy(sequential((9, 7, 2), *parts["channels_last"]))
    first = anatomy(sequential((2, 9, 7), *parts["channels_first"]))
    assert [row.multiply_adds for row in last] == [row.multiply_adds for row in first]


def test_what_is_said_to_multiply_nothing_has_no_kernel():
    quiet = [
        layers.MaxPooling2D(), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.5), layers.ZeroPadding2D(),
        layers.UpSampling2D(), layers.LayerNormalization(), layers.Cropping2D(), layers.Flatten(),
        layers.Reshape((-1, 2)),
    ]  # fmt: skip
    result = anatomy(sequential((8, 8, 2), *quiet))
    assert result.total.multiply_adds == 0 and result.total.uncounted == () and result.total.depth == 0


# Receptive fields: the input places whose change moves the unit. Positive weights, so that nothing cancels.


def positive(model: keras.Model) -> keras.Model:
    for weight in model.weights:
        weight.assign(RNG.uniform(0.5, 1, weight.shape))
    return model


def reach(active) -> tuple:
    """First and last place along each axis where something is not zero."""
    return tuple((int(places.min()), int(places.max())) for places in np.nonzero(active))


def seen_by_gradient(model: keras.Model, index) -> tuple:
    x = RNG.uniform(0.5, 1, (1, *model.input_shape[1:])).astype("float32")
    (slope,) = gradients(lambda x: keras.ops.sum(model(x, training=False)[(0, *index)]), x)
    return reach(np.abs(slope[0]).sum(axis=-1))


def corners_and_middle(shape):
    return [tuple(round(part * (side - 1)) for side in shape[:-1]) for part in (0, 0.5, 1)]


def branches(x):
    """Inception-like: four branches, one of them by pooling."""
    b = layers.Conv2D(2, 3, padding="same")(layers.Conv2D(2, 1)(x))
    c = layers.Conv2D(2, (5, 7), padding="same")(layers.Conv2D(2, 1)(x))
    d = layers.Conv2D(2, 1)(layers.AveragePooling2D(3, 1, padding="same")(x))
    return layers.Concatenate()([layers.Conv2D(2, 1)(x), b, c, d])


def residual(x, strides=1):
    y = layers.Conv2D(3, 3, strides=strides, padding="same")(x)
    y = layers.Conv2D(3, 3, padding="same")(layers.BatchNormalization()(y))
    return layers.Add()([PointwiseConv2D(3, 1, strides=strides)(x), y])


def functional(shape, *parts) -> keras.Model:
    inputs = x = keras.Input(shape)
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x)


Conv, Average = layers.Conv2D, layers.AveragePooling2D
FIELDS = {
    "one 3x3": ((15, 15, 1), lambda: [Conv(1, 3)], (3, 3), (1, 1)),
    "five 3x3 see 11x11": ((21, 21, 1), lambda: [Conv(2, 3) for _ in range(5)], (11, 11), (1, 1)),
    "three 3x3 see 7x7": ((21, 21, 1), lambda: [Conv(2, 3, padding="same") for _ in range(3)], (7, 7), (1, 1)),
    "oblong": ((20, 17, 2), lambda: [Conv(2, (2, 5), padding="same"), Conv(2, (4, 1))], (5, 5), (1, 1)),
    "strides": ((40, 41, 1), lambda: [Conv(2, 5, 3), Conv(2, 3, (2, 1), padding="same")], (11, 11), (6, 3)),
    "dilation": ((30, 30, 1), lambda: [Conv(2, 3, dilation_rate=(2, 4)), Conv(2, 3, padding="same")], (7, 11), (1, 1)),
    "pooling": (
        (32, 32, 1),
        lambda: [Conv(2, 3), Average(2), Conv(2, 3, padding="same"), Average(3, 2)],
        (12, 12),
        (4, 4),
    ),
    "padding and cropping": (
        (20, 20, 1),
        lambda: [layers.ZeroPadding2D(((3, 0), (1, 2))), Conv(2, 4, 2), layers.Cropping2D(((1, 0), (0, 2)))],
        (4, 4),
        (2, 2),
    ),
    "depthwise": (
        (20, 20, 2),
        lambda: [layers.DepthwiseConv2D(3, 2), layers.SeparableConv2D(3, 3, padding="same")],
        (7, 7),
        (2, 2),
    ),
    "upsampling": ((9, 9, 1), lambda: [Conv(2, 3), layers.UpSampling2D((2, 3)), Conv(2, 3)], (4, 4), None),
    "transposed": ((9, 8, 1), lambda: [layers.Conv2DTranspose(2, 3, 2, padding="same"), Conv(2, 3)], (3, 3), None),
    "transposed, gaps": ((7, 7, 1), lambda: [layers.Conv2DTranspose(2, 2, 3), Conv(2, 3)], (2, 2), None),
    "transposed, valid": ((7, 7, 1), lambda: [layers.Conv2DTranspose(2, (4, 3), (2, 3)), Conv(2, 2, 2)], None, None),
    "transposed, cut at both ends": (
        (9, 8, 1),
        lambda: [layers.Conv2DTranspose(2, (5, 4), 2, padding="same"), layers.Conv2DTranspose(2, 3, padding="same")],
        None,
        None,
    ),
    "down and up": (
        (16, 16, 1),
        lambda: [Conv(2, 3, 2, padding="same"), layers.Conv2DTranspose(2, 3, 2, padding="same")],
        (5, 5),
        (1, 1),
    ),
    "inception": ((21, 21, 2), lambda: [branches, branches], (9, 13), (1, 1)),
    "residual": ((25, 25, 2), lambda: [residual, lambda x: residual(x, 2)], (11, 11), (2, 2)),
    "squeeze and excite": (
        (12, 12, 2),
        lambda: [
            Conv(2, 3),
            lambda x: layers.Multiply()([x, layers.Reshape((1, 1, 2))(layers.GlobalAveragePooling2D()(x))]),
        ],
        (12, 12),
        (0, 0),
    ),
    "a dense layer for every place": ((9, 9, 2), lambda: [Conv(2, 3), layers.Dense(3)], (3, 3), (1, 1)),
    "turned": ((14, 11, 2), lambda: [Conv(2, (3, 5)), layers.Permute((2, 1, 3)), Conv(2, (1, 2))], None, None),
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_receptive_field_by_gradient(name):
    shape, parts, size, jump = FIELDS[name]
    model = positive(functional(shape, *parts()))
    field = anatomy(model).rows[-1].field
    if size:
        assert field.size == size
    if jump:
        assert field.jump == jump
    for index in corners_and_middle(model.output_shape[1:]):
        assert field.of(index) == seen_by_gradient(model, index), index
    middle = corners_and_middle(model.output_shape[1:])[1]
    if name in ("strides", "pooling", "inception", "residual", "dilation"):  # there it is whole, and no border cuts it
        assert tuple(last - first + 1 for first, last in field.of(middle)) == size


def seen_by_bumps(model: keras.Model) -> np.ndarray:
    """Whether each output place moves when one pixel goes from 0 to 1: (height, width, out_height, out_width)."""
    height, width, channels = model.input_shape[1:]
    bumps = np.repeat(np.eye(height * width).reshape(-1, height, width, 1), channels, axis=-1)
    moved = np.abs(run(model, bumps) - run(model, 0 * bumps[:1])).sum(axis=-1) > 0
    return moved.reshape(height, width, *moved.shape[1:])


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_receptive_field_of_max_pooling_and_groups_by_single_pixels(padding):
    model = positive(
        functional(
            (13, 12, 2),
            Conv(4, 3, padding=padding, groups=2, use_bias=False),
            layers.MaxPooling2D(3, 2, padding=padding),
            layers.ReLU(),
            Conv(2, 2, padding=padding, use_bias=False),
        )
    )
    field, moved = anatomy(model).rows[-1].field, seen_by_bumps(model)
    for index in np.ndindex(moved.shape[2:]):
        assert field.of(index) == reach(moved[(slice(None), slice(None), *index)])


def test_receptive_field_of_the_layers_of_the_course_by_single_pixels():
    reads = ((0, 1), (1, 2), (0, 2))
    model = positive(
        functional(
            (14, 13, 3),
            PartialConv2D(reads, 3),
            TrainedSubsampling(2),
            LocalResponseNormalization(),
            PaddedShortcut(5, 2),
        )
    )
    model.get_layer(index=2).bias.assign(np.zeros(3))
    result, moved = anatomy(model), seen_by_bumps(model)
    assert result.total.uncounted == () and result.total.multiply_adds == 12 * 11 * 9 * 6
    for index in np.ndindex(moved.shape[2:]):
        assert result.rows[-1].field.of(index) == reach(moved[(slice(None), slice(None), *index)])


def test_fields_of_sequences():
    model = functional(
        (20, 3), layers.Conv1D(4, 3, padding="causal"), layers.Conv1D(4, 3, padding="causal", dilation_rate=4)
    )
    row = anatomy(positive(model)).rows[-1]
    assert (row.field.size, row.field.jump, row.field.start) == ((11,), (1,), (-10,))
    assert row.field.of((15,)) == seen_by_gradient(model, (15,)) == ((5, 15),)


def test_attention_sees_everything_and_a_dense_layer_does_not():
    inputs = keras.Input((9, 4))
    x = layers.Conv1D(4, 3)(inputs)
    dense = layers.Dense(4, name="dense")(x)
    outputs = layers.Add(name="sum")([dense, layers.MultiHeadAttention(1, 4, name="attention")(dense, dense)])
    result = anatomy(keras.Model(inputs, layers.LayerNormalization()(outputs)))
    assert result["dense"].field.size == (3,)
    assert [row.field.size for row in result.rows[-3:]] == [(9,)] * 3
    x = RNG.normal(size=(1, 9, 4)).astype("float32")
    (slope,) = gradients(lambda x: keras.ops.sum(keras.Model(inputs, outputs)(x)[0, 3, 0]), x)
    assert reach(np.abs(slope[0]).sum(axis=-1)) == result["sum"].field.of((3,)) == ((0, 8),)


def test_tokens_patches_and_flat_maps():
    result = anatomy(sequential((12,), layers.Embedding(50, 8), layers.Conv1D(4, 5, name="conv"), layers.Flatten()))
    assert result["conv"].field.size == (5,) and result.rows[-1].field.size == (None,)
    patches = sequential(
        (32, 32, 3), Conv(8, 8, 8), layers.Reshape((16, 8), name="cut"), layers.Flatten(), layers.Dense(5, name="all")
    )
    result = anatomy(patches)
    assert result.rows[1].field.size == (8, 8) and result["cut"].field.size == (None, None)
    assert result["all"].field.size == (32, 32)


def test_a_dense_layer_sees_what_the_map_before_it_sees():
    """A convolution of stride 4 on 224 pixels never reaches the last one; on 227 it does."""
    for side, last in ((224, 222), (227, 226)):
        result = anatomy(sequential((side, side, 3), Conv(2, 11, 4), layers.Flatten(), layers.Dense(1)))
        assert result.rows[-1].field.of(()) == ((0, last), (0, last))


def test_fields_of_several_inputs():
    left, right = keras.Input((9, 9, 1), name="left"), keras.Input((9, 9, 1), name="right")
    both = layers.Concatenate()([Conv(1, 3, padding="same")(left), Conv(1, 5, padding="same")(right)])
    result = anatomy(keras.Model([left, right], both))
    field = result.rows[-1].field
    assert field.inputs == ["left", "right"] and field.size == (3, 3, 5, 5)
    assert "left 3×3, right 5×5" in str(result)


def test_maps_laid_end_to_end():
    inputs = keras.Input((12, 3))
    both = layers.Concatenate(axis=1, name="both")([inputs, layers.MaxPooling1D(2)(inputs)])
    summed = layers.Dense(2)(layers.Flatten()(layers.Conv1D(2, 3, name="conv")(both)))
    result = anatomy(keras.Model(inputs, summed))
    assert result["both"].field.size == result["conv"].field.size == (None,)
    assert result["conv"].multiply_adds == 16 * 18 and result.rows[-1].field.size == (12,)
    vectors = [keras.Input((width,), name=f"wide{width}") for width in (2, 5)]
    joined = anatomy(keras.Model(vectors, layers.Dense(3)(layers.Concatenate()(vectors))))
    assert joined.rows[-1].field.size == (2, 5)


def test_patches_with_attention_and_a_choice_of_one():
    inputs = keras.Input((8, 8, 3))
    tokens = layers.Reshape((4, 5))(Conv(5, 4, 4)(inputs))
    seen = tokens + layers.MultiHeadAttention(2, 2)(tokens, tokens)
    result = anatomy(keras.Model(inputs, layers.Dense(2)(seen[:, 0])))
    assert result.rows[-1].field.size == (8, 8) and result.total.uncounted == ()
    assert anatomy(keras.Model(inputs, tokens[:, 0])).rows[-1].field is None


def test_a_transposed_map_sees_what_it_saw():
    inputs = keras.Input((12, 9, 2))
    x = Conv(4, (3, 1))(inputs)
    turned = anatomy(keras.Model(inputs, keras.ops.transpose(x, (0, 2, 1, 3))))
    assert turned.rows[-1].field.size == (3, 1) and turned.rows[-1].field.of((8, 0)) == ((0, 2), (8, 8))
    pointwise = layers.Permute((2, 1, 3))(x)
    assert anatomy(keras.Model(inputs, pointwise)).rows[-1].field == turned.rows[-1].field


def test_masks_are_no_obstacle():
    inputs = keras.Input((6,))
    outputs = layers.GlobalAveragePooling1D()(layers.Embedding(10, 4, mask_zero=True)(inputs))
    result = anatomy(keras.Model(inputs, outputs))
    assert result.total.uncounted == () and result.rows[-1].field.size == (6,)


# Depth


def test_depth_is_the_longest_path_through_weights():
    inputs = keras.Input((8, 8, 2))
    x = branches(branches(inputs))
    x = residual(x)
    x = layers.Dense(4)(layers.GlobalAveragePooling2D()(x))
    result = anatomy(keras.Model(inputs, x)).total
    assert (result.depth, result.weight_layers) == (2 + 2 + 2 + 1, 6 + 6 + 3 + 1)


def test_depth_of_side_heads_and_of_separable_layers():
    inputs = keras.Input((8, 8, 2))
    x = layers.SeparableConv2D(3, 3)(inputs)
    head = layers.Dense(2)(layers.Dense(2)(layers.Dense(2)(layers.Flatten()(x))))
    outputs = layers.Dense(2)(layers.Flatten()(Conv(2, 3)(x)))
    assert anatomy(keras.Model(inputs, [outputs, head])).total.depth == 5


@pytest.mark.parametrize(
    ("build", "arguments", "depth", "weight_layers"),
    [
        *[(resnet, (depth,), depth, depth + 4 - (depth == 34) - (depth == 18)) for depth in (18, 34, 50, 101)],
        (cifar_resnet, (32,), 32, 32),
        (googlenet, (), 22, 58),
        (vgg, ("C",), 16, 16),
        (lenet5_1998, (), 5, 5),
    ],
)
def test_depth_of_the_networks_of_the_course(build, arguments, depth, weight_layers):
    """A projection beside the path makes no ResNet deeper: there are 3 of them, in bottlenecks 4."""
    total = anatomy(blueprint(build, *arguments)).total
    assert (total.depth, total.weight_layers) == (depth, weight_layers)


# Parameters, against Keras


def numbers_of(weights) -> int:
    return sum(int(np.prod(weight.shape)) for weight in weights)


def shared_and_nested() -> keras.Model:
    inner = sequential((None, None, 4), Conv(4, 3, name="conv"), layers.BatchNormalization(name="bn"), name="inner")
    twice = Conv(4, 1, name="twice")
    frozen = Conv(4, 1, name="frozen", trainable=False)
    inputs = keras.Input((12, 12, 3), name="picture")
    x = twice(frozen(twice(Conv(4, 1, name="first")(inputs))))
    return keras.Model(inputs, inner(inner(x)), name="outer")


def test_parameters_of_shared_frozen_and_nested_layers():
    model = shared_and_nested()
    result = anatomy(model)
    assert result.total.trainable == numbers_of(model.trainable_weights)
    assert result.total.other == numbers_of(model.non_trainable_weights)
    assert result.total.parameters == model.count_params()
    assert [row.name for row in result] == [
        "picture", "first", "twice", "frozen", "twice (2)", "inner/conv", "inner/bn", "inner/conv (2)", "inner/bn (2)"
    ]  # fmt: skip
    assert result["twice"].parameters == 4 * 4 + 4 and result["twice (2)"].parameters == 0
    assert result["twice"].multiply_adds == result["twice (2)"].multiply_adds == 12 * 12 * 16
    assert result["inner/conv"].shape == (10, 10, 4) and result["inner/conv (2)"].shape == (8, 8, 4)
    assert result.total.weight_layers == 4 and result.total.depth == 6
    assert result.rows[-1].field.size == (5, 5)


PUBLISHED = {  # multiply-adds in units of the last digit, and depth, as the papers print them
    "MobileNet": ((569e6, 0.5e6), 28),  # Howard et al. 2017: 569 million; 28 layers, depthwise and pointwise apart
    "MobileNetV2": ((300e6, 1e6), None),  # Sandler et al. 2018: 300 M
    "EfficientNetB0": ((0.39e9, 0.01e9), None),  # Tan and Le 2019: 0.39 B
    "DenseNet121": ((2.83e9, 0.005e9), 121),  # Huang et al. 2017: 121 layers; 2.83 G as is generally cited
    "VGG16": ((15.47e9, 0.005e9), 16),
    "ResNet101": ((7.57e9, 0.03e9), 101),  # He et al. 2015: 7.6e9
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_networks_of_keras_have_the_multiply_adds_of_their_papers(name):
    (expected, half_a_unit), depth = PUBLISHED[name]
    model = blueprint(getattr(keras.applications, name), weights=None)
    result = anatomy(model)
    assert result.total.multiply_adds == pytest.approx(expected, abs=half_a_unit)
    assert result.total.trainable == numbers_of(model.trainable_weights)
    assert result.total.parameters == model.count_params()
    assert result.total.uncounted == () and depth in (None, result.total.depth)


def test_published_fields():
    """As in Araujo, Norris, Sim: Computing Receptive Fields of Convolutional Neural Networks (2019)."""
    alexnet_like = sequential(
        (227, 227, 3), Conv(2, 11, 4), layers.MaxPooling2D(3, 2), Conv(2, 5, padding="same"), layers.MaxPooling2D(3, 2),
        *[Conv(2, 3, padding="same") for _ in range(3)], layers.MaxPooling2D(3, 2),
    )  # fmt: skip
    assert anatomy(alexnet_like).rows[-1].field.size == (195, 195)
    vgg = blueprint(keras.applications.VGG16, weights=None, include_top=False, input_shape=(224, 224, 3))
    assert anatomy(vgg).rows[-1].field.size == (212, 212) and anatomy(vgg).rows[-1].field.jump == (32, 32)
    resnet = blueprint(keras.applications.ResNet50V2, weights=None, include_top=False, input_shape=(224, 224, 3))
    assert anatomy(resnet).rows[-1].field.size == (483, 483)


# Memory


def test_activation_values_and_bytes():
    parts = [Conv(4, 3, name="conv"), layers.ReLU(name="relu"), layers.Flatten(), layers.Dropout(0.5), layers.Dense(10)]
    result = anatomy(sequential((8, 8, 2), *parts))
    assert [row.values for row in result] == [8 * 8 * 2, 6 * 6 * 4, 0, 0, 0, 10]
    assert [row.memory for row in result] == [4 * row.values for row in result]
    assert result.total.training_values == 2 * result.total.values == 2 * (128 + 144 + 10)
    assert result.total.training_memory == 8 * result.total.values
    written_in = anatomy(sequential((8, 8, 2), Conv(4, 3, activation="relu"), layers.Flatten(), layers.Dense(10)))
    assert written_in.total.values == result.total.values


@pytest.mark.parametrize(
    ("policy", "bytes_each"), [("float32", 4), ("mixed_float16", 2), ("bfloat16", 2), ("float64", 8)]
)
def test_bytes_follow_the_type_of_the_values(policy, bytes_each):
    result = anatomy(sequential((4, 4, 1), Conv(3, 3, dtype=policy, name="conv")))
    assert result["conv"].memory == 2 * 2 * 3 * bytes_each


def test_memory_of_vgg_16_as_the_lecture_counts_it_and_with_every_relu_apart():
    result = anatomy(blueprint(vgg, "D"))
    assert result.total.values == 15_237_608 and result.total.memory == 60_950_432
    assert result.total.training_memory == 2 * 60_950_432
    bent = result.where(lambda row: row.weight_layers and row.name != "predictions").total.values
    assert result.total.values + bent == pytest.approx(28.8e6, abs=0.05e6)  # a ReLU behind all but the last of them


# Dead branches


def inception_as_printed():
    """The code of a lecture: the second layers of towers 2, 3 and 4 read the tower before them."""
    inputs = keras.Input((112, 112, 3), name="picture")

    def conv(size, name):
        return Conv(64, size, padding="same", activation="relu", name=name)

    tower_1 = conv(1, "tower_1_1")(inputs)
    tower_2 = conv(1, "tower_2_1")(inputs)
    tower_2 = conv(3, "tower_2_2")(tower_1)
    tower_3 = conv(1, "tower_3_1")(inputs)
    tower_3 = conv(5, "tower_3_2")(tower_2)
    tower_4 = layers.MaxPooling2D(3, 1, padding="same", name="tower_4_1")(inputs)
    tower_4 = conv(1, "tower_4_2")(tower_3)
    return inputs, layers.Concatenate(name="joined")([tower_1, tower_2, tower_3, tower_4])


def test_dead_branches_of_the_printed_inception_module():
    inputs, outputs = inception_as_printed()
    model = keras.Model(inputs, outputs)
    dead = ["tower_2_1", "tower_3_1", "tower_4_1"]
    assert unreachable(model) == unreachable([inputs], outputs) == unreachable(outputs, outputs=[outputs]) == dead
    assert anatomy(model).dead == tuple(dead)
    assert "depends on: tower_2_1, tower_3_1, tower_4_1." in str(anatomy(model))
    assert anatomy(model).total.trainable == 143_808


def test_dead_inputs_and_chains_and_layers():
    a, b, c = (keras.Input((4,), name=name) for name in "abc")
    kept = layers.Dense(2, name="kept")
    lost = layers.Dense(2, name="lost")
    deep = layers.Dense(2, name="deep")(lost(layers.Concatenate(name="joined")([a, b])))
    model = keras.Model([a, b, c], kept(a))
    assert unreachable(model) == ["joined", "lost", "deep", "b", "c"]
    assert set(unreachable([kept, lost], outputs=model.outputs)) == {"joined", "lost", "deep", "b"}
    assert unreachable([kept, deep], outputs=[deep]) == ["kept"]
    assert unreachable(keras.Model([a, b], deep)) == ["kept"]
    assert anatomy(model)["c"].shape == (4,)
    with pytest.raises(ValueError, match="outputs that are wanted"):
        unreachable([kept])


def test_dead_branches_inside_a_nested_model_and_none_elsewhere():
    inputs, outputs = inception_as_printed()
    module = keras.Model(inputs, outputs, name="module")
    shared = layers.Dense(3)
    other_graph = shared(keras.Input((2,)))
    picture = keras.Input((112, 112, 3))
    outer = keras.Model(picture, shared(layers.Conv2D(2, 1)(module(picture))))
    assert unreachable(outer) == ["module/tower_2_1", "module/tower_3_1", "module/tower_4_1"]
    assert unreachable(sequential((4,), layers.Dense(2), layers.Dense(3))) == []
    assert other_graph is not None


# What cannot be counted


class Squared(layers.Layer):
    def build(self, input_shape):
        self.factor = self.add_weight(shape=(3,))

    def call(self, inputs):
        return inputs * inputs


class Doubled(layers.Dense):
    def call(self, inputs):
        return 2 * super().call(inputs)


class Renamed(layers.Dense):
    """The same computation: it may count as a dense layer."""


def test_unknown_layers_are_said_in_their_row_and_in_the_total():
    result = anatomy(
        sequential(
            (6, 4), layers.Dense(3, name="before"), Squared(name="odd"), layers.LSTM(5, name="memory"), Renamed(2)
        )
    )
    odd, memory, last = result.rows[-3:]
    assert odd.uncounted == ("Squared",) and odd.field is None and odd.parameters == 3 and odd.role == "unknown"
    assert memory.parameters == 4 * (3 + 5 + 1) * 5 and memory.shape == (5,)
    assert last.uncounted == () and last.multiply_adds == 10 and last.deeper and last.field is None
    assert result.total.uncounted == ("Squared", "LSTM") and result.total.multiply_adds == 6 * 12 + 10
    text = str(result)
    assert "≥ 82" in text and "≥ 2" in text and "odd (Squared), memory (LSTM)" in text
    lines = {line.split()[0]: line.split() for line in text.splitlines()}
    assert lines["odd"][4] == lines["memory"][4] == "?" and lines["before"][4] == "72"


def test_a_subclass_that_computes_something_else_is_unknown():
    assert anatomy(sequential((3,), Doubled(2))).total.uncounted == ("Doubled",)
    assert anatomy(sequential((3,), Renamed(2))).total.uncounted == ()


def test_a_new_layer_type_is_one_entry(monkeypatch):
    monkeypatch.setattr("course_lib.anatomy.kinds._KINDS", dict(package.kinds._KINDS))
    register(Squared, role="dense", products=lambda call: np.prod(call.outputs[0]), depth=1)
    result = anatomy(sequential((5, 3), Squared()))
    assert (result.total.multiply_adds, result.total.depth, result.total.uncounted) == (15, 1, ())
    with pytest.raises(ValueError, match="role='odd' is not one of input"):
        register(Squared, role="odd")
    assert {kind.role for kind in package.kinds._KINDS.values()} <= set(ROLES)


def test_operations_of_keras_ops():
    inputs = keras.Input((8, 8, 3))
    x = Conv(4, 3, padding="same")(inputs)
    y = keras.ops.relu(x + Conv(4, 5, padding="same")(x))
    result = anatomy(keras.Model(inputs, y))
    assert result.total.uncounted == () and result.rows[-1].field.size == (7, 7)
    assert result.rows[-2].values == 8 * 8 * 4 and result.rows[-1].values == 0
    z = keras.ops.cumsum(y, axis=1)
    assert anatomy(keras.Model(inputs, z)).total.uncounted == ("Cumsum",)


# Sizes and models that do not fit


def test_sizes_must_be_known_and_can_be_given():
    model = sequential((None, None, 3), Conv(4, 3, padding="same"), layers.GlobalAveragePooling2D(), layers.Dense(2))
    with pytest.raises(ValueError, match="input_shape="):
        anatomy(model)
    given = anatomy(model, input_shape=(10, 12, 3))
    assert given.rows[1].shape == (10, 12, 4) and given.total.multiply_adds == 10 * 12 * 108 + 8
    assert given.rows[1].field.of((0, 11)) == ((0, 1), (10, 11))
    fixed = sequential((8, 8, 1), Conv(4, 3), layers.Flatten(), layers.Dense(2))
    with pytest.raises(ValueError, match=r"(?i)incompatible|expected"):
        anatomy(fixed, input_shape=(9, 9, 1))
    with pytest.raises(ValueError, match="has 1 inputs; input_shape gives 2"):
        anatomy(fixed, input_shape=[(8, 8, 1), (8, 8, 1)])


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


@pytest.mark.parametrize("model", [Subclassed(), keras.Sequential([layers.Dense(2)])], ids=["subclassed", "no input"])
def test_models_without_a_graph_are_refused(model):
    with pytest.raises(ValueError, match="has no graph to read"):
        anatomy(model)


def test_models_cut_out_of_others():
    model = sequential((16, 16, 1), Conv(2, 3, name="a"), Conv(2, 3, name="b"), Conv(2, 3, name="c"))
    middle = keras.Model(model.get_layer("b").input, model.get_layer("c").output)
    assert [row.type for row in anatomy(middle)] == ["InputLayer", "Conv2D", "Conv2D"]
    assert anatomy(middle).rows[-1].field.size == (5, 5)


def test_a_network_of_a_thousand_layers():
    block = functional((4,), *[layers.Dense(4) for _ in range(250)])
    result = anatomy(functional((4,), *4 * [block]))
    assert result.total.depth == 1000 and result.total.multiply_adds == 16_000


# The table


def test_groups_and_folds_keep_the_totals():
    inputs = keras.Input((16, 16, 3), name="picture")
    x = layers.ReLU(name="a_relu")(
        layers.BatchNormalization(name="a_bn")(Conv(4, 3, padding="same", name="a_conv")(inputs))
    )
    y = layers.BatchNormalization(name="b_bn")(Conv(4, 3, padding="same", name="b_conv")(x))
    outputs = layers.ReLU(name="c_relu")(layers.Add(name="c_add")([x, y]))
    result = anatomy(keras.Model(inputs, outputs))
    folded = result.folded()
    assert [row.name for row in folded] == ["picture", "a_conv", "b_conv", "c_add"]
    assert [row.type for row in folded][1:] == [
        "Conv2D + BatchNormalization + ReLU", "Conv2D + BatchNormalization", "Add + ReLU"
    ]  # fmt: skip
    assert folded["c_add"].reads == ("a_conv", "b_conv") and folded["b_conv"].reads == ("a_conv",)
    by_letter = result.grouped(lambda row: row.name[0])
    assert [row.name for row in by_letter] == ["p", "a", "b", "c"] and by_letter["c"].reads == ("a", "b")
    for other in (folded, by_letter):
        ours, theirs = result.total, other.total
        for what in ("trainable", "other", "multiply_adds", "values", "memory", "depth", "weight_layers"):
            assert getattr(ours, what) == getattr(theirs, what)
    assert result.where(lambda row: row.role == "convolution").total.trainable == 4 * 27 + 4 + 4 * 36 + 4
    with pytest.raises(KeyError, match="no row 'z'; there is picture, a_conv"):
        result["z"]


def test_the_printed_table_is_readable():
    result = anatomy(
        sequential((224, 224, 3), Conv(64, 3, padding="same", name="conv"), layers.Flatten(), name="small")
    )
    lines = str(result).splitlines()
    assert lines[0] == "small" and repr(result) == str(result)
    assert lines[1].split() == [
        "layer", "type", "output", "parameters", "multiply-adds", "values", "forward", "training", "field", "stride",
        "depth",
    ]  # fmt: skip
    (conv,) = [line for line in lines if line.startswith("conv")]
    assert re.split(r"\s{2,}", conv) == [
        "conv", "Conv2D", "224×224×64", "1,792", "86,704,128", "3,211,264", "12.85 MB", "25.69 MB", "3×3", "1×1", "1"
    ]  # fmt: skip
    header, total = lines[1], next(line for line in lines if line.startswith("total"))
    for title, number, summed in (("parameters", "1,792", "1,792"), ("values", "3,211,264", "3,361,792")):
        end = header.index(title) + len(title)
        assert conv[:end].endswith(number) and total[:end].endswith(summed)  # to the right, under their title


def test_the_notebook_table_has_the_same_cells_numbers_to_the_right():
    class Reader(HTMLParser):
        def __init__(self):
            super().__init__()
            self.cells, self.styles, self.open = [], [], False

        def handle_starttag(self, tag, attributes):
            if tag in ("td", "th"):
                self.cells.append("")
                self.styles.append(dict(attributes)["style"])
                self.open = True

        def handle_endtag(self, tag):
            self.open = False

        def handle_data(self, data):
            if self.open:
                self.cells[-1] += data

    result = anatomy(sequential((4, 4, 2), Conv(3, 3, name="a<b"), layers.BatchNormalization(name="bn"), name="tiny"))
    reader = Reader()
    reader.feed(result._repr_html_())
    assert "a&lt;b" in result._repr_html_() and "a<b" in reader.cells
    for cell, style in zip(reader.cells, reader.styles, strict=True):
        if cell.replace(",", "").isdigit():
            assert "text-align:right" in style
    rows = np.reshape(reader.cells, (5, 12))
    assert list(rows[2, :5]) == ["a<b", "Conv2D", "2×2×3", "57", "0"]
    assert list(rows[-1, 3:7]) == ["63", "6", "216", "56"]


# Figures


def box_of(figure, patch):
    return patch.get_window_extent(figure.canvas.get_renderer())


def test_bars_hold_the_parameters_and_the_memory():
    result = anatomy(sequential((8, 8, 2), Conv(4, 3, name="a"), layers.Flatten(), layers.Dense(5, name="b")))
    figure = plots.parameters_and_memory(result)
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == [result.rows[0].name, "a", "b"]
    assert [bar.get_width() for bar in left.patches] == [0, 76, 725]
    assert [bar.get_width() for bar in right.patches] == 2 * [512, 576, 20]


def test_layout_of_branches_and_of_shortcuts():
    inception = {"in": [], "a": ["in"], "b": ["in"], "c": ["b"], "d": ["in"], "e": ["d"], "out": ["a", "c", "e"]}
    result = plots.layout(inception)
    step = {name: place[1] for name, place in result.places.items()}
    across = {name: place[0] for name, place in result.places.items()}
    assert all(step[source] < step[name] for name, sources in inception.items() for source in sources)
    assert across["b"] == pytest.approx(across["c"]) and across["d"] == pytest.approx(across["e"])
    assert across["in"] == pytest.approx(across["out"], abs=0.1)
    assert [point[1] for point in result.lines["a", "out"]] == [2]
    assert min(abs(result.lines["a", "out"][0][0] - across[name]) for name in "ce") >= 0.64
    chain = {"in": [], **{f"{i}": ["in" if i == 0 else f"{i - 1}"] for i in range(30)}}
    for i in range(2, 30, 3):
        chain[f"{i}"] = [*chain[f"{i}"], f"{i - 3}" if i > 2 else "in"]
    places = plots.layout(chain).places
    assert np.ptp([place[0] for place in places.values()]) < 0.02  # shortcuts leave the main path straight


def test_layout_crosses_no_lines_where_none_has_to():
    names = list("abcdef")
    reads = {"in": [], **{name: ["in"] for name in names}}
    reads |= {name.upper(): [name] for name in RNG.permutation(names)}
    places = plots.layout(reads).places
    assert sorted(names, key=places.get) == sorted(names, key=lambda name: places[name.upper()])
    columns: dict = {}
    for across, step in plots.layout(
        {str(i): [str(j) for j in range(i) if (i * j) % 3 == 1] for i in range(25)}
    ).places.values():
        columns.setdefault(step, []).append(across)
    assert min(np.diff(sorted(column)).min() for column in columns.values() if len(column) > 1) >= 0.999


def test_layout_refuses_a_circle():
    with pytest.raises(ValueError, match="in a circle: b, c"):
        plots.layout({"a": [], "b": ["a", "c"], "c": ["b"]})


@pytest.mark.parametrize("direction", ["down", "right"])
def test_the_drawing_names_every_row_and_its_words_stay_in_their_boxes(direction):
    inputs = keras.Input((28, 28, 192), name="picture")
    outputs = residual(branches(inputs), 2)
    result = anatomy(keras.Model(inputs, layers.LSTM(2)(layers.Reshape((-1, 3))(outputs)))).folded()
    figure = plots.drawing(result, result, direction=direction)
    figure.canvas.draw()
    for axes in figure.axes:
        words = [text for text in axes.texts if text.get_text()]
        assert sorted(text.get_text() for text in words) == sorted(map(plots.row_label, result))
        boxes = [box_of(figure, patch) for patch in axes.patches]
        whole = figure.bbox
        for text, box in zip(words, boxes, strict=True):
            around = box_of(figure, text)
            assert box.x0 <= around.x0 and around.x1 <= box.x1 and box.y0 <= around.y0 and around.y1 <= box.y1
            assert whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1
        for first, second in itertools.combinations(boxes, 2):
            assert not first.overlaps(second)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["input", "convolution", "pooling", "join", "unknown"]
    with pytest.raises(ValueError, match="'down' or 'right', not 'up'"):
        plots.drawing(result, direction="up")


def test_every_role_has_a_colour():
    assert set(plots.COLOURS) == {*ROLES, "unknown"}
