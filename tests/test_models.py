"""How probes read models: whatever the way in which one was written, it is described by what it does."""

import keras
import numpy as np
import pytest
from keras import layers

from course_lib.exercises import models
from course_lib.exercises.answer import WrongForm

PICTURES = np.random.default_rng(0).normal(0, 2, (3, 12, 12, 1))


def _sequential(*inside):
    return keras.Sequential([keras.Input((12, 12, 1)), *inside])


class _Subclassed(keras.Model):
    """Layers made in another order than they are used in; activation, pooling and flattening are operations."""

    def __init__(self):
        super().__init__()
        self.last, self.first = layers.Dense(4), layers.Conv2D(2, 3)

    def call(self, pictures):
        maps = keras.ops.max_pool(keras.ops.maximum(self.first(pictures), 0), 2, 2)
        return keras.ops.softmax(self.last(keras.ops.reshape(maps, (-1, 50))))


def _functional():
    pictures = keras.Input((12, 12, 1))
    maps = layers.MaxPooling2D(2)(layers.ReLU()(layers.Conv2D(2, 3)(pictures)))
    return keras.Model(pictures, layers.Activation("softmax")(layers.Dense(4)(layers.Flatten()(maps))))


def _nested():
    body = keras.Sequential([layers.Conv2D(2, 3, activation="relu"), layers.MaxPooling2D(2)])
    return _sequential(body, layers.Flatten(), layers.Dense(4, activation="softmax"))


def _not_built():
    return keras.Sequential([*_nested().layers[0].layers, layers.Flatten(), layers.Dense(4, activation="softmax")])


@pytest.mark.parametrize("build", [_Subclassed, _functional, _nested, _not_built])
def test_however_it_is_written_the_same_is_read(build):
    model = models.model_of(build, PICTURES)
    before = model.get_weights()
    found = models.read_chain(model, PICTURES)
    assert found == models.Chain(
        "convolution 2 of 3 x 3, dense 4", "10", "relu, softmax", "max 2 x 2", "none", "none", 2 * 10 + 4 * 51
    )
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.array_equal(old, new)


@pytest.mark.parametrize(
    ("inside", "field", "words"),
    [
        ([layers.Flatten(), layers.Dense(5, "gelu")], "activations", "gelu"),
        ([layers.Flatten(), layers.Dense(5), layers.LeakyReLU(0.3)], "activations", "leaky_relu"),
        ([layers.Flatten(), layers.Dense(5, "softmax"), layers.Softmax()], "activations", "softmax and then softmax"),
        ([layers.Conv2D(2, 5), layers.AveragePooling2D(2)], "poolings", "average 2 x 2"),
        ([layers.Conv2D(2, 5), layers.GlobalMaxPooling2D()], "poolings", "global max"),
        ([layers.Conv2D(2, 5), layers.AveragePooling2D(2), layers.ReLU()], "activations", "relu behind the pooling"),
        ([layers.Conv2D(2, 5, 2, padding="same")], "layers", "convolution 2 of 5 x 5 with strides=(2, 2)"),
        ([layers.Conv2D(2, (5, 3), use_bias=False)], "layers", "convolution 2 of 5 x 3 without bias"),
        ([layers.Conv2D(2, (5, 3))], "sides", "8 x 10"),
        ([layers.ZeroPadding2D(1), layers.Conv2D(2, 3, trainable=False)], "sides", "12"),
        ([layers.ZeroPadding2D(1), layers.Conv2D(2, 3, trainable=False)], "layers", "convolution 2 of 3 x 3 (frozen)"),
        ([layers.ZeroPadding2D(1), layers.Conv2D(2, 3, trainable=False)], "before", "none"),
        ([layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(2)], "before", "something else"),
        ([layers.Flatten(), layers.Dropout(0.5), layers.Dense(2)], "other_in_training", "Dropout"),
        ([layers.Flatten(), layers.Dense(2), layers.BatchNormalization()], "other_in_training", "BatchNormalization"),
        ([layers.Conv2D(2, 3), layers.Permute((3, 1, 2)), layers.Flatten(), layers.Dense(2)], "activations",
         "something else, none"),
    ],
)  # fmt: skip
def test_what_differs_is_named(inside, field, words):
    assert getattr(models.read_chain(_sequential(*inside), PICTURES), field) == words


def test_a_shortcut_is_no_chain():
    inputs = keras.Input((6,))
    hidden = layers.Dense(6, "relu")(inputs)
    model = keras.Model(inputs, layers.Dense(2)(layers.Add()([hidden, inputs])))
    assert models.read_chain(model, np.random.default_rng(0).normal(size=(4, 6))).activations == "something else, none"


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softmax", "elu", "selu", "relu6", "softplus", "silu"])
def test_an_activation_is_known_by_what_it_does(name):
    sums = np.random.default_rng(0).normal(0, 5, (20, 7))
    assert models.activation(sums, np.asarray(getattr(keras.activations, name)(sums.astype("float32")))) == name


def test_every_call_is_seen_in_order():
    shared = layers.Dense(12)
    seen, outputs = models.calls(keras.Sequential([keras.Input((12,)), shared, layers.ReLU(), shared]), np.eye(12))
    assert [type(call.layer).__name__ for call in seen] == ["Dense", "ReLU", "Dense"]
    assert np.array_equal(seen[1].outputs, np.maximum(seen[0].outputs, 0))
    assert np.array_equal(seen[2].outputs, outputs)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: None, "Is a `return` missing?"),
        (lambda: [1, 2], "this is a list"),
        (
            lambda: keras.Sequential([keras.Input((12, 13, 1)), layers.Conv2D(1, 3)]),
            "made for inputs of the shape (batch, 12, 13, 1)",
        ),
        pytest.param(
            lambda: keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(1, 15)]),
            "size would be negative",
            marks=pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the words are TensorFlow's"),
        ),
        (keras.Sequential, "not built (start with keras.Input)"),
        (lambda: keras.Sequential([keras.Input((144,)), layers.Dense(2)]), "made for inputs of the shape (batch, 144)"),
        (lambda: keras.Model(x := keras.Input((12, 12, 1)), [layers.Flatten()(x), x]), "gives a list"),
    ],
)
def test_what_is_no_such_model_is_said(answer, words):
    with pytest.raises(WrongForm) as error:
        models.model_of(answer, PICTURES)
    assert words in str(error.value) and len(str(error.value).splitlines()) == 1
    assert "[[" not in str(error.value) and "{{" not in str(error.value)


def test_a_slip_in_the_models_own_lines_stays_one():
    class Slip(keras.Model):
        def call(self, pictures):
            return pictures + undefined  # noqa: F821

    with pytest.raises(NameError, match="undefined"):
        models.model_of(Slip, PICTURES)
