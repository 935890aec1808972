"""The NumPy layers, losses and optimizers against Keras, SciPy and finite differences."""

import keras
import numpy as np
import pytest
import scipy.special

from course_lib import layers, losses, optim
from course_lib.gradcheck import numerical_gradient

RNG = np.random.default_rng(0)
KERAS_TWINS = {layers.Sigmoid: "sigmoid", layers.Tanh: "tanh", layers.ReLU: "relu"}


def dense(inputs, units):
    return layers.Dense(inputs, units, np.random.default_rng(1))


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (4, 3)])
@pytest.mark.parametrize("kind", KERAS_TWINS)
def test_activations_like_keras(kind, shape):
    inputs = RNG.normal(scale=3, size=shape)
    twin = keras.activations.get(KERAS_TWINS[kind])(keras.ops.convert_to_tensor(inputs, dtype="float32"))
    np.testing.assert_allclose(kind().forward(inputs), keras.ops.convert_to_numpy(twin), atol=1e-6)


@pytest.mark.parametrize(("batch", "inputs", "units"), [(1, 1, 1), (5, 3, 2), (2, 7, 4)])
def test_dense_like_keras(batch, inputs, units):
    ours, x = dense(inputs, units), RNG.normal(size=(batch, inputs))
    twin = keras.layers.Dense(units)
    twin.build((None, inputs))
    twin.set_weights([ours.parameters["kernel"], np.ones(units)])
    ours.parameters["bias"][:] = 1
    np.testing.assert_allclose(ours.forward(x), keras.ops.convert_to_numpy(twin(x.astype("float32"))), atol=1e-5)


def networks():
    for kind in KERAS_TWINS:
        yield layers.Sequential([dense(3, 4), kind(), dense(4, 2)])
    yield layers.Sequential([dense(3, 1)])
    yield layers.Sequential([dense(3, 5), layers.Tanh(), dense(5, 4), layers.Sigmoid(), dense(4, 3)])


@pytest.mark.parametrize("network", list(networks()), ids=lambda network: str(len(network.layers)))
def test_gradients_against_finite_differences(network):
    x = RNG.normal(size=(6, 3))
    weighting = RNG.normal(size=network.forward(x).shape)

    def value():
        return float(np.sum(weighting * network.forward(x)))

    value()
    gradient = network.backward(weighting)
    np.testing.assert_allclose(gradient, numerical_gradient(value, x), atol=1e-7)
    for layer in network.layers:
        for name, parameter in layer.parameters.items():
            np.testing.assert_allclose(layer.gradients[name], numerical_gradient(value, parameter), atol=1e-7)


@pytest.mark.parametrize("x", [np.array([-1000.0, -30, -1, 0, 1, 30, 1000])])
def test_sigmoid_and_softmax_like_scipy_without_overflow(x):
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_allclose(layers.sigmoid(x), scipy.special.expit(x), rtol=1e-12)
        np.testing.assert_allclose(layers.softmax(x), scipy.special.softmax(x), rtol=1e-12)


LABELS = np.array([0, 2, 1, 1])
LOSSES = [
    (losses.squared_error, RNG.normal(size=(4, 3))),
    (losses.sigmoid_cross_entropy, RNG.integers(0, 2, (4, 3)).astype(float)),
    (losses.softmax_cross_entropy, LABELS),
]


@pytest.mark.parametrize(("loss", "targets"), LOSSES, ids=lambda value: getattr(value, "__name__", ""))
def test_loss_gradients(loss, targets):
    outputs = RNG.normal(size=(4, 3))
    np.testing.assert_allclose(
        loss(outputs, targets)[1], numerical_gradient(lambda: loss(outputs, targets)[0], outputs), atol=1e-8
    )


def test_loss_values_like_keras():
    outputs = RNG.normal(size=(4, 3))
    targets = RNG.integers(0, 2, (4, 3)).astype(float)
    binary = keras.losses.BinaryCrossentropy(from_logits=True)(targets, outputs)  # a mean over units, ours is a sum
    assert losses.sigmoid_cross_entropy(outputs, targets)[0] == pytest.approx(3 * float(binary), rel=1e-5)
    sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(LABELS, outputs)
    assert losses.softmax_cross_entropy(outputs, LABELS)[0] == pytest.approx(float(sparse), rel=1e-5)
    squared = keras.losses.MeanSquaredError()(targets, outputs)
    assert losses.squared_error(outputs, targets)[0] == pytest.approx(1.5 * float(squared), rel=1e-5)


def test_cross_entropy_of_sure_answers_is_finite():
    huge = np.array([[1000.0, -1000.0]])
    assert losses.sigmoid_cross_entropy(huge, np.array([[0.0, 1.0]]))[0] == 2000
    assert losses.softmax_cross_entropy(huge, np.array([1]))[0] == 2000


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (optim.SGD(0.1), lambda: keras.optimizers.SGD(0.1)),
        (optim.SGD(0.1, momentum=0.9), lambda: keras.optimizers.SGD(0.1, momentum=0.9)),
        (optim.Adam(0.01), lambda: keras.optimizers.Adam(0.01)),
    ],
    ids=["SGD", "momentum", "Adam"],
)
def test_optimizers_like_keras(ours, theirs):
    layer, optimizer = dense(3, 2), theirs()
    variable = keras.Variable(layer.parameters["kernel"].astype("float32"))
    for step in range(6):
        gradient = np.random.default_rng(step).normal(size=(3, 2))
        layer.gradients = {"kernel": gradient, "bias": np.zeros(2)}
        ours.update(layer)
        optimizer.apply([keras.ops.convert_to_tensor(gradient, dtype="float32")], [variable])
    np.testing.assert_allclose(layer.parameters["kernel"], keras.ops.convert_to_numpy(variable), atol=1e-5)


def test_one_optimizer_serves_many_networks():
    """What it remembers of a layer goes with the layer; a new one starts afresh even at the same place in memory."""
    optimizer = optim.SGD(0.1, momentum=0.9)
    for _ in range(20):
        layer = dense(2, 2)
        before = layer.parameters["kernel"].copy()
        layer.gradients = {"kernel": np.ones((2, 2)), "bias": np.zeros(2)}
        optimizer.update(layer)
        np.testing.assert_allclose(before - layer.parameters["kernel"], 0.1)
        del layer
    assert len(optimizer.velocities) <= 1


def test_fit_learns_xor_and_sees_every_example_once_an_epoch():
    corners, targets = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]]), np.array([[0], [1], [1], [0.0]])
    network = layers.Sequential([dense(2, 8), layers.Tanh(), dense(8, 1)])
    history = network.fit(
        corners, targets, loss=losses.sigmoid_cross_entropy, optimizer=optim.SGD(0.5), epochs=500, batch_size=3, rng=RNG
    )
    assert len(history) == 500 and history[-1] < 0.1 < history[0]
    assert ((network.forward(corners) > 0) == targets).all()
    assert sorted(np.concatenate(layers.batches(10, 3, RNG))) == list(range(10))
    assert network.count_parameters() == 33


def test_numerical_gradient_refuses_single_precision():
    with pytest.raises(TypeError, match="float64"):
        numerical_gradient(lambda: 0.0, np.zeros(2, "float32"))
