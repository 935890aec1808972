"""No test, and no ResNet that the course builds, has TensorFlow differentiate a narrow step."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from course_lib.architectures.resnet import cifar_resnet, resnet
from course_lib.gradients import gradients

needs_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's fault alone")
NARROW = {
    "even sides": ((14, 14, 3), keras.layers.Conv2D, {}),
    "padding": ((8, 6, 3), keras.layers.Conv2D, {"padding": "same"}),
    "transposed": ((7, 7, 3), keras.layers.Conv2DTranspose, {}),
}
HARMLESS = {
    "odd sides": ((13, 13, 3), keras.layers.Conv2D, {}),
    "channels enough": ((8, 8, 16), keras.layers.Conv2D, {}),
    "a wider kernel": ((8, 8, 3), keras.layers.Conv2D, {"kernel_size": 3}),
    "no strides": ((8, 8, 3), keras.layers.Conv2D, {"strides": 1}),
}


def differentiate(shape, make, settings):
    model = keras.Sequential([keras.Input(shape), make(4, **{"kernel_size": 1, "strides": 2} | settings)])
    (slopes,) = gradients(lambda x: model(x), np.ones((1, *shape), "float32"))
    return slopes


@needs_tensorflow
@pytest.mark.parametrize("name", NARROW)
def test_a_gradient_that_could_end_the_process_fails_its_test(name):
    with pytest.raises(AssertionError, match="narrow step"):
        differentiate(*NARROW[name])


@needs_tensorflow
@pytest.mark.parametrize("name", HARMLESS)
def test_other_gradients_are_left_alone(name):
    assert differentiate(*HARMLESS[name]).any()


@needs_tensorflow
@pytest.mark.parametrize(("build", "depth"), [(resnet, 18), (resnet, 50), (cifar_resnet, 8)])
def test_no_resnet_of_the_course_has_a_narrow_step(build, depth):
    model = build(depth, (32, 32, 3), width=1 / 8, shortcut="C")
    (slopes,) = gradients(lambda x: model(x, training=False), np.random.default_rng(0).normal(size=(1, 32, 32, 3)))
    assert np.isfinite(slopes).all()
