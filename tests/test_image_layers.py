"""Convolution, pooling, batch normalisation and dropout against Keras, SciPy and finite differences."""

import itertools

import keras
import numpy as np
import pytest
import scipy.signal

from course_lib import layers, losses, optim
from course_lib.gradcheck import numerical_gradient
from course_lib.gradients import gradients
from course_lib.layers.convolution import pad, scatter, slide

RNG = np.random.default_rng(0)


def conv(channels, filters, size, **options):
    return layers.Conv2D(channels, filters, size, np.random.default_rng(1), **options)


def check_against_finite_differences(layer, x):
    weighting = RNG.normal(size=layer.forward(x).shape)

    def value():
        return float(np.sum(weighting * layer.forward(x)))

    value()
    gradient, own = layer.backward(weighting), dict(layer.gradients)
    np.testing.assert_allclose(gradient, numerical_gradient(value, x), atol=1e-6)
    for name, parameter in layer.parameters.items():
        np.testing.assert_allclose(own[name], numerical_gradient(value, parameter), atol=1e-6)


CONVOLUTIONS = [
    # height, width, channels, filters, size, options
    *[
        (height, width, 2, 3, 3, {"padding": padding, "strides": strides})
        for height, width, padding, strides in itertools.product((6, 7), (5, 8), ("valid", "same"), (1, 2, 3))
    ],
    *[(9, 8, 1, 2, k, {"padding": p}) for k, p in itertools.product((1, 2, 4, 5), ("valid", "same"))],
    *[(9, 11, 2, 2, 3, {"padding": p, "dilation_rate": d}) for d, p in itertools.product((2, 3), ("valid", "same"))],
    (8, 8, 4, 6, 3, {"groups": 2}),
    (8, 8, 4, 4, 3, {"groups": 4, "padding": "same"}),
]  # fmt: skip


@pytest.mark.parametrize(("height", "width", "channels", "filters", "size", "options"), CONVOLUTIONS)
def test_convolution_like_keras_values_and_gradients(height, width, channels, filters, size, options):
    ours = conv(channels, filters, size, **options)
    ours.parameters["bias"] = RNG.normal(size=filters)
    x = RNG.normal(size=(2, height, width, channels))
    outputs = ours.forward(x)
    weighting = RNG.normal(size=outputs.shape)
    by_input = ours.backward(weighting)

    shared = {key: value for key, value in options.items() if key != "groups"}
    x32, kernel32, weighting32 = (a.astype("float32") for a in (x, ours.parameters["kernel"], weighting))

    def theirs(x, kernel):
        return keras.ops.conv(x, kernel, **shared)

    values = keras.ops.convert_to_numpy(theirs(x32, kernel32)) + ours.parameters["bias"]
    np.testing.assert_allclose(outputs, values, atol=1e-4)
    if "groups" in options and keras.backend.backend() == "tensorflow":
        return  # TensorFlow cannot differentiate grouped convolutions on a CPU; finite differences judge them below
    expected = gradients(lambda x, kernel: keras.ops.sum(weighting32 * theirs(x, kernel)), x32, kernel32)
    np.testing.assert_allclose(by_input, expected[0], atol=1e-4)
    np.testing.assert_allclose(ours.gradients["kernel"], expected[1], atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": "same", "strides": 2},
        {"padding": 2},
        {"dilation_rate": 2},
        {"groups": 2},
        {"groups": 2, "strides": 2},
    ],
    ids=str,
)
def test_convolution_gradients_against_finite_differences(options):
    check_against_finite_differences(conv(2, 4, 3, **options), RNG.normal(size=(2, 6, 5, 2)))


def test_convolution_is_correlation_and_the_loops_agree():
    image, layer = RNG.normal(size=(1, 7, 6, 1)), conv(1, 1, 3)
    expected = scipy.signal.correlate2d(image[0, :, :, 0], layer.parameters["kernel"][:, :, 0, 0], mode="valid")
    np.testing.assert_allclose(layer.forward(image)[0, :, :, 0], expected)
    for strides in (1, 2):
        layer = conv(2, 3, 3, strides=strides)
        layer.parameters["bias"] = RNG.normal(size=3)
        x = RNG.normal(size=(2, 6, 7, 2))
        np.testing.assert_allclose(layers.conv2d_by_loops(x, *layer.parameters.values(), strides), layer.forward(x))


def test_explicit_padding_is_zeros_around():
    x = RNG.normal(size=(1, 4, 4, 1))
    layer, around = conv(1, 2, 3, padding=1), np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    plain = conv(1, 2, 3)
    plain.parameters = layer.parameters
    np.testing.assert_allclose(layer.forward(x), plain.forward(around))


def test_scatter_is_the_adjoint_of_slide():
    """<slide(x), y> = <x, scatter(y)> for all x and y, which is what a backward pass must be."""
    x = RNG.normal(size=(2, 9, 8, 3))
    windows = slide(x, 3, 2, 2)
    y = RNG.normal(size=windows.shape)
    assert np.sum(windows * y) == pytest.approx(np.sum(x * scatter(y, x.shape, 2, 2)))


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="groups=3 must divide"):
        conv(4, 6, 3, groups=3)
    with pytest.raises(ValueError, match="'valid', 'same' or a number"):
        pad(np.zeros((1, 4, 4, 1)), 3, 1, "full")
    with pytest.raises(ValueError, match="does not fit"):
        conv(1, 1, 5).forward(np.zeros((1, 4, 4, 1)))
    with pytest.raises(ValueError, match="rate"):
        layers.Dropout(1.0, RNG)


POOLINGS = {
    layers.MaxPooling2D: keras.ops.max_pool,
    layers.AveragePooling2D: keras.ops.average_pool,
}


@pytest.mark.parametrize(("size", "strides"), [(2, 2), (3, 2), (2, 1), (3, 3)])
@pytest.mark.parametrize("kind", POOLINGS)
def test_pooling_like_keras_values_and_gradients(kind, size, strides):
    layer, x = kind(size, strides), RNG.permutation(2 * 7 * 8 * 3).reshape(2, 7, 8, 3).astype("float32")

    def theirs(x):
        return POOLINGS[kind](x, size, strides, padding="valid")

    np.testing.assert_allclose(layer.forward(x), keras.ops.convert_to_numpy(theirs(x)), rtol=1e-6)
    weighting = RNG.normal(size=layer.forward(x).shape).astype("float32")
    (expected,) = gradients(lambda x: keras.ops.sum(weighting * theirs(x)), x)
    np.testing.assert_allclose(layer.backward(weighting), expected, atol=1e-5)


@pytest.mark.parametrize("layer", [layers.L2Pooling2D(), layers.L2Pooling2D(3, 1), layers.GlobalAveragePooling2D()])
def test_other_pooling_against_finite_differences(layer):
    check_against_finite_differences(layer, RNG.normal(size=(2, 5, 6, 2)))


def test_l2_pooling_is_a_norm_and_survives_zeros():
    x = RNG.normal(size=(1, 4, 4, 1))
    expected = [[np.linalg.norm(x[0, i : i + 2, j : j + 2, 0]) for j in (0, 2)] for i in (0, 2)]
    np.testing.assert_allclose(layers.L2Pooling2D().forward(x)[0, :, :, 0], expected)
    zeros = layers.L2Pooling2D()
    assert (zeros.forward(np.zeros((1, 2, 2, 1))) == 0).all() and (zeros.backward(np.ones((1, 1, 1, 1))) == 0).all()


@pytest.mark.parametrize(("size", "strides"), [(2, 2), (3, 2)])
def test_unpooling_puts_maxima_back(size, strides):
    layer, x = layers.MaxPooling2D(size, strides), RNG.uniform(1, 2, (2, 7, 7, 3))
    pooled = layer.forward(x)
    back = layer.unpool(pooled)
    np.testing.assert_allclose(layers.MaxPooling2D(size, strides).forward(back), pooled)
    np.testing.assert_allclose(back[back > 0], x[back > 0])


@pytest.mark.parametrize("shape", [(8, 3), (4, 5, 6, 3)])
@pytest.mark.parametrize("training", [True, False])
def test_batch_normalisation_like_keras(shape, training):
    ours, twin = layers.BatchNormalization(3), keras.layers.BatchNormalization()
    twin.build((None, *shape[1:]))
    ours.parameters = {"gamma": RNG.normal(size=3), "beta": RNG.normal(size=3)}
    twin.set_weights([*ours.parameters.values(), ours.moving_mean, ours.moving_variance])
    ours.training = training
    for _ in range(3):
        x = RNG.normal(loc=2, scale=3, size=shape)
        theirs = twin(x.astype("float32"), training=training)
        np.testing.assert_allclose(ours.forward(x), keras.ops.convert_to_numpy(theirs), atol=1e-4)
    np.testing.assert_allclose([ours.moving_mean, ours.moving_variance], twin.get_weights()[2:], rtol=1e-4)


@pytest.mark.parametrize("shape", [(6, 3), (3, 4, 2, 3)])
@pytest.mark.parametrize("training", [True, False])
def test_batch_normalisation_against_finite_differences(shape, training):
    layer = layers.BatchNormalization(3)
    layer.training = training
    layer.parameters = {"gamma": RNG.normal(size=3), "beta": RNG.normal(size=3)}
    check_against_finite_differences(layer, RNG.normal(size=shape))


def test_dropout_keeps_the_mean_and_drops_the_share():
    layer, x = layers.Dropout(0.2, np.random.default_rng(0)), np.ones((200, 500))
    assert np.array_equal(layer.forward(x), x)
    layer.training = True
    outputs = layer.forward(x)
    assert np.mean(outputs == 0) == pytest.approx(0.2, abs=0.005)
    assert outputs.mean() == pytest.approx(1, abs=0.005)
    assert np.array_equal(layer.backward(x), outputs)  # the same mask, both ways


@pytest.mark.parametrize(
    "layer", [layers.LeakyReLU(0.1), layers.LeakyReLU(), layers.ELU(), layers.ELU(0.5), layers.Flatten()]
)
def test_other_layers_against_finite_differences(layer):
    check_against_finite_differences(layer, RNG.normal(size=(3, 2, 2)))


@pytest.mark.parametrize(
    ("ours", "twin"),
    [
        (layers.LeakyReLU(), keras.layers.LeakyReLU()),
        (layers.ELU(), keras.layers.ELU()),
        (layers.Flatten(), keras.layers.Flatten()),
    ],
)
def test_other_layers_like_keras(ours, twin):
    x = RNG.normal(size=(3, 4, 2, 2)).astype("float32")
    np.testing.assert_allclose(ours.forward(x), keras.ops.convert_to_numpy(twin(x)), atol=1e-6)


def test_single_precision_stays_single_precision():
    network = layers.Sequential(
        [conv(1, 2, 3), layers.BatchNormalization(2), layers.LeakyReLU(), layers.MaxPooling2D(), layers.Flatten()]
    )
    for layer in network.layers:
        layer.parameters = {name: array.astype("float32") for name, array in layer.parameters.items()}
    network.set_training(True)
    outputs = network.forward(RNG.normal(size=(2, 8, 8, 1)).astype("float32"))
    assert outputs.dtype == network.backward(outputs).dtype == np.float32


def test_a_network_of_them_learns_bars_and_forgets_to_be_in_training():
    rng = np.random.default_rng(0)
    images, labels = rng.normal(scale=0.3, size=(300, 8, 8, 1)), rng.integers(0, 2, 300)
    for image, label in zip(images, labels, strict=True):
        place = rng.integers(8)
        image[(place, slice(None)) if label else (slice(None), place)] += 1
    network = layers.Sequential(
        [
            conv(1, 4, 3), layers.BatchNormalization(4, momentum=0.8), layers.ReLU(), layers.MaxPooling2D(),
            layers.Flatten(), layers.Dropout(0.2, rng), layers.Dense(36, 2, rng),
        ]
    )  # fmt: skip
    loss, optimizer = losses.softmax_cross_entropy, optim.Adam(0.01)
    network.fit(images[:200], labels[:200], loss=loss, optimizer=optimizer, epochs=15, batch_size=16, rng=rng)
    assert not any(layer.training for layer in network.layers)
    assert np.mean(network.forward(images[200:]).argmax(axis=1) == labels[200:]) > 0.8
