"""SqueezeNet, row by row against table 1 of its paper (Iandola et al., 2016), before pruning."""

import math

import keras
import pytest

from course_lib.anatomy import anatomy
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.squeezenet import FIRES, fire, squeezenet

# Layer or module: what comes out of it, its parameters.
TABLE = {
    "conv1": ((111, 111, 96), 14_208),
    "maxpool1": ((55, 55, 96), 0),
    "fire2": ((55, 55, 128), 11_920),
    "fire3": ((55, 55, 128), 12_432),
    "fire4": ((55, 55, 256), 45_344),
    "maxpool4": ((27, 27, 256), 0),
    "fire5": ((27, 27, 256), 49_440),
    "fire6": ((27, 27, 384), 104_880),
    "fire7": ((27, 27, 384), 111_024),
    "fire8": ((27, 27, 512), 188_992),
    "maxpool8": ((13, 13, 512), 0),
    "fire9": ((13, 13, 512), 197_184),
    "conv10": ((13, 13, 1000), 513_000),
    "avgpool10": ((1000,), 0),
}


@pytest.fixture(scope="module")
def model():
    return blueprint(squeezenet)


def parameters(model):
    return sum(math.prod(weight.shape) for weight in model.weights)


def test_every_row_of_the_published_table(model):
    counted = anatomy(model).grouped(lambda row: row.name.split("_")[0])
    found = {name: (model.get_layer(name).output.shape[1:], counted[name].parameters) for name in TABLE}
    assert found == TABLE


def test_the_whole(model):
    total = anatomy(model).total
    assert (parameters(model), total.multiply_adds, total.depth) == (1_248_424, 832_667_936, 18)
    assert model.output.shape == (None, 1000)


def test_a_module_is_what_the_paper_draws():
    inputs = keras.Input((8, 9, 6))
    module = keras.Model(inputs, fire(inputs, 3, 4, 5, name="f"))
    assert module.output.shape == (None, 8, 9, 9)
    kernels = {layer.name: tuple(layer.kernel.shape) for layer in module.layers if layer.weights}
    assert kernels == {
        "f_squeeze1x1": (1, 1, 6, 3),
        "f_expand1x1": (1, 1, 3, 4),
        "f_expand3x3": (3, 3, 3, 5),
    }
    assert all(layer.activation is keras.activations.relu for layer in module.layers if layer.weights)


def test_each_module_squeezes_to_an_eighth():
    assert all(8 * squeeze == one + three and one == three for squeeze, one, three in FIRES.values())


def test_classes_and_width():
    assert blueprint(squeezenet, classes=3).output.shape == (None, 3)
    assert blueprint(squeezenet, width=1 / 4).get_layer("fire9").output.shape[1:] == (13, 13, 128)


def test_too_small_a_picture_is_refused():
    assert blueprint(squeezenet, (35, 35, 3)).get_layer("maxpool8").output.shape[1:3] == (1, 1)
    with pytest.raises(ValueError, match="at least 35"):
        squeezenet((34, 34, 3))
