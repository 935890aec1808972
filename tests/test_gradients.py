"""Gradients of numbers, against formulas."""

import keras
import numpy as np

from course_lib.gradients import gradients


def test_a_product_and_an_unused_array():
    x, y = np.array([1.0, 2.0], "float32"), np.array([3.0, -1.0], "float32")
    by_x, by_y, by_z = gradients(lambda x, y, z: keras.ops.sum(x * x * y), x, y, np.ones(3, "float32"))
    np.testing.assert_allclose(by_x, 2 * x * y)
    np.testing.assert_allclose(by_y, x * x)
    np.testing.assert_allclose(by_z, np.zeros(3))


def test_through_a_layer():
    layer = keras.layers.Dense(2)
    x = np.ones((1, 3), "float32")
    layer.build(x.shape)
    (by_x,) = gradients(lambda x: keras.ops.sum(layer(x)), x)
    np.testing.assert_allclose(by_x[0], layer.get_weights()[0].sum(axis=1), rtol=1e-6)
