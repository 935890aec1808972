"""Gradients of numbers, against formulas."""

import logging

import keras
import numpy as np
import pytest

from course_lib.gradients import gradient_function, gradients


def product(x, y, z):
    return keras.ops.sum(x * x * y)


@pytest.mark.parametrize("of", [gradients, lambda function, *arrays: gradient_function(function)(*arrays)[1]])
def test_a_product_and_an_unused_array(of):
    x, y = np.array([1.0, 2.0], "float32"), np.array([3.0, -1.0], "float32")
    by_x, by_y, by_z = of(product, x, y, np.ones(3, "float32"))
    np.testing.assert_allclose(by_x, 2 * x * y)
    np.testing.assert_allclose(by_y, x * x)
    np.testing.assert_allclose(by_z, np.zeros(3))


def test_through_a_layer():
    layer = keras.layers.Dense(2)
    x = np.ones((1, 3), "float32")
    layer.build(x.shape)
    (by_x,) = gradients(lambda x: keras.ops.sum(layer(x)), x)
    np.testing.assert_allclose(by_x[0], layer.get_weights()[0].sum(axis=1), rtol=1e-6)


def test_of_several_numbers_it_is_the_gradient_of_their_sum():
    x = np.array([1.0, -2.0, 3.0], "float32")
    np.testing.assert_allclose(gradients(lambda x: x**3, x)[0], 3 * x**2)
    value, (by_x,) = gradient_function(lambda x: x**3)(x)
    np.testing.assert_allclose(value, x**3)
    np.testing.assert_allclose(by_x, 3 * x**2)


def test_a_compiled_function_reads_its_python_once_for_each_shape_and_type():
    seen = []

    def function(x):
        seen.append(x.shape)
        return keras.ops.sum(keras.ops.square(x))

    squares = gradient_function(function)
    for size in (2, 2, 3, 2, 3):
        value, (by_x,) = squares(np.full(size, 2.0, "float32"))
        assert value == 4 * size
        np.testing.assert_allclose(by_x, np.full(size, 4.0))
    if keras.backend.backend() != "torch":
        assert len(seen) == 2


def test_a_compiled_function_refuses_to_branch_on_a_value():
    def branching(x):
        return keras.ops.sum(x) if keras.ops.sum(x) > 0 else keras.ops.sum(2 * x)

    numbers = np.ones(2, "float32")
    np.testing.assert_allclose(gradients(branching, -numbers)[0], [2, 2])
    if keras.backend.backend() != "torch":
        with pytest.raises(TypeError):
            gradient_function(branching)(numbers)


def test_a_compiled_function_is_what_it_does_not_what_its_source_seems_to_say(tmp_path):
    names = {}
    other = tmp_path / "cell.py"
    other.write_text("def threefold(x):\n    return 2 * x\n")
    exec(compile("def threefold(x):\n    return 3 * x\n", other, "exec"), names)
    value, (by_x,) = gradient_function(names["threefold"])(np.ones(2, "float32"))
    np.testing.assert_allclose(value, [3, 3])
    np.testing.assert_allclose(by_x, [3, 3])


def test_many_functions_raise_no_warning_of_retracing(caplog):
    with caplog.at_level(logging.WARNING):
        for factor in range(1, 12):
            _, (by_x,) = gradient_function(lambda x, factor=factor: factor * keras.ops.sum(x))(np.ones(2, "float32"))
            np.testing.assert_allclose(by_x, factor)
    assert not caplog.records


def test_another_backend_is_named(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    with pytest.raises(NotImplementedError, match="not on numpy"):
        gradients(product, np.ones(2), np.ones(2), np.ones(2))
