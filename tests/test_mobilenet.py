"""MobileNets against keras.applications, their papers and NumPy."""

import keras
import numpy as np
import pytest
from keras import ops
from twins import RNG, call_with, normal, numpy, parameters, random_weights

from course_lib import data
from course_lib.anatomy import anatomy
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.mobilenet import depthwise_separable, inverted_residual, mobilenet, mobilenet_v2

TWINS = [
    pytest.param(mobilenet, keras.applications.MobileNet, id="MobileNet"),
    pytest.param(mobilenet_v2, keras.applications.MobileNetV2, id="MobileNetV2"),
]


@pytest.mark.parametrize(
    ("build", "trainable", "everything", "products", "depth"),
    [(mobilenet, 4_231_976, 4_253_864, 568_740_352, 28), (mobilenet_v2, 3_504_872, 3_538_984, 300_774_272, 53)],
)
def test_counts(build, trainable, everything, products, depth):
    total = anatomy(blueprint(build)).total
    assert (total.trainable, total.parameters, total.multiply_adds, total.depth) == (
        trainable, everything, products, depth
    )  # fmt: skip


def test_counts_as_printed():
    """Tables 6 and 7 of the first paper, with width and resolution; the multiply-adds of table 4 of the second."""
    for width, side, millions in ((1, 224, 569), (0.75, 224, 325), (0.5, 224, 149), (1, 128, 186)):
        products = anatomy(blueprint(mobilenet, (side, side, 3), width=width)).total.multiply_adds
        assert products / 1e6 == pytest.approx(millions, abs=0.7)
    assert [round(parameters(blueprint(mobilenet, width=width)) / 1e6, 1) for width in (1, 0.75, 0.5, 0.25)] == [
        4.2, 2.6, 1.3, 0.5
    ]  # fmt: skip
    for width, millions in ((1, 300), (1.4, 585)):
        products = anatomy(blueprint(mobilenet_v2, width=width)).total.multiply_adds
        assert products / 1e6 == pytest.approx(millions, abs=5)


@pytest.mark.parametrize("width", [1.0, 0.35])
@pytest.mark.parametrize(("build", "reference"), TWINS)
def test_same_weights_in_the_same_order_and_same_output_as_keras_applications(build, reference, width):
    shape = (64, 64, 3)
    ours = blueprint(build, shape, include_top=False, width=width)
    theirs = blueprint(reference, weights=None, input_shape=shape, include_top=False, alpha=width)
    pairs = list(zip(*([layer for layer in model.layers if layer.weights] for model in (ours, theirs)), strict=True))
    for our, their in pairs:
        for one, other in zip(our.weights, their.weights, strict=True):
            assert (one.name, tuple(one.shape), one.trainable) == (other.name, tuple(other.shape), other.trainable)
        if isinstance(our, keras.layers.BatchNormalization):
            assert (our.epsilon, our.momentum) == (their.epsilon, their.momentum)
    weights, pictures = random_weights(theirs), normal(2, *shape)
    expected = call_with(theirs, weights, pictures)
    assert expected.std() > 0.01
    taken = {}
    for our, their in pairs:
        taken |= {(our.name, weight.name): weights[their.name, weight.name] for weight in our.weights}
    np.testing.assert_allclose(call_with(ours, taken, pictures), expected, atol=1e-3 * expected.std())


def block_model(channels, block, *arguments, **options):
    inputs = keras.Input((6, 8, channels))
    model = keras.Model(inputs, block(inputs, *arguments, name="block", **options))
    for weight in model.weights:
        lowest = -1 if len(weight.shape) > 1 else 0.5
        weight.assign(RNG.uniform(lowest, 1.5, weight.shape))
    return model


def norm(model, x, name):
    gamma, beta, mean, variance = model.get_layer(f"block_{name}_bn").get_weights()
    return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta


def depthwise(model, x, strides):
    (kernel,) = model.get_layer("block_depthwise").get_weights()
    maps = [
        ops.conv(x[..., place : place + 1], kernel[:, :, place : place + 1], strides, "same")
        for place in range(x.shape[-1])
    ]
    return np.clip(norm(model, np.concatenate([numpy(each) for each in maps], axis=-1), "depthwise"), 0, 6)


def pointwise(model, x, name):
    (kernel,) = model.get_layer(f"block_{name}").get_weights()
    return norm(model, x @ kernel[0, 0], name)


@pytest.mark.parametrize("strides", [1, 2])
def test_a_separable_convolution_against_numpy(strides):
    model, x = block_model(3, depthwise_separable, 5, strides), normal(2, 6, 8, 3)
    expected = np.clip(pointwise(model, depthwise(model, x, strides), "pointwise"), 0, 6)
    np.testing.assert_allclose(numpy(model(x)), expected, atol=1e-4)


@pytest.mark.parametrize(("strides", "filters", "expansion"), [(1, 3, 6), (1, 4, 6), (2, 3, 2), (1, 3, 1)])
def test_an_inverted_residual_against_numpy(strides, filters, expansion):
    model, x = block_model(3, inverted_residual, filters, strides, expansion), normal(2, 6, 8, 3)
    y = np.clip(pointwise(model, x, "expand"), 0, 6) if expansion > 1 else x
    y = pointwise(model, depthwise(model, y, strides), "project")
    expected = x + y if (strides, filters) == (1, 3) else y
    np.testing.assert_allclose(numpy(model(x)), expected, atol=1e-4)


@pytest.mark.parametrize("build", [mobilenet, mobilenet_v2])
def test_builders_name_what_is_wrong_and_pass_options_on(build):
    for options, message in (
        ({"input_shape": (31, 32, 3)}, "both sides at least 32"),
        ({"classes": 0}, "classes must be a whole number above 0, not 0"),
        ({"width": 0}, "width must be a number above 0, not 0"),
    ):
        with pytest.raises(ValueError, match=message):
            build(**options)
    with pytest.raises(TypeError):
        blueprint(build, momentun=0.8)
    model = blueprint(build, (32, 32, 3), classes=3, width=1 / 64, momentum=0.8)
    assert model.output.shape == (None, 3)
    assert {layer.momentum for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)} == {0.8}


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends compile for minutes")
def test_blocks_learn():
    keras.utils.set_random_seed(0)
    shapes = data.shapes(24, seed=0)
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 3, 4, padding="same")(inputs)
    x = depthwise_separable(inverted_residual(x, 8, name="first"), 8, 2, name="second")
    outputs = keras.layers.Dense(6, activation="softmax")(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy", run_eagerly=True)
    history = [float(model.train_on_batch(shapes.images, shapes.labels)) for _ in range(8)]
    assert np.isfinite(history).all() and history[-1] < 0.98 * history[0]
