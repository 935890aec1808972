"""The engine of lesson 06 agrees with the tape and with nudging, on programs put together at random."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lesson_code import all_lessons, run

from course_lessons.autodiff import evidence, figures
from course_lib.gradcheck import numerical_gradient

NAMES = (
    "Node",
    "add",
    "multiply",
    "matmul",
    "total",
    "sin",
    "cos",
    "exp",
    "tanh",
    "relu",
    "backward",
    "mean_cross_entropy",
)


@functools.cache
def engine() -> dict:
    """What the lesson builds, from its own cells."""
    cells = [cell.source for cell in all_lessons()["06_autodiff"].cells if cell.kind == "code"]
    return run(cells, *NAMES)


ONE = ("sin", "cos", "tanh", "relu")
STEPS = st.lists(
    st.tuples(st.sampled_from([*ONE, "add", "multiply", "matmul"]), st.integers(0, 99), st.integers(0, 99))
)


def value_of(steps, inputs, kit):
    """The sum of what a program gives: every step reads one or two of the 3 x 3 values that are there already."""
    values = list(inputs)
    for name, first, second in steps:
        a, b = values[first % len(values)], values[second % len(values)]
        values.append(kit[name](a) if name in ONE else kit["tanh"](kit[name](a, b)))
    return kit["total"](functools.reduce(kit["add"], values[-3:]))


def kit_of_tensorflow() -> dict:
    import tensorflow as tf

    pairs = {"add": tf.add, "multiply": tf.multiply, "matmul": tf.matmul, "total": tf.reduce_sum}
    return pairs | {"sin": tf.sin, "cos": tf.cos, "tanh": tf.tanh, "relu": tf.nn.relu}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(steps=STEPS, seed=st.integers(0, 999))
def test_random_programs_have_the_gradients_of_the_tape(steps, seed):
    import tensorflow as tf

    arrays = np.random.default_rng(seed).normal(size=(3, 3, 3))
    nodes = [engine()["Node"](array) for array in arrays]
    engine()["backward"](value_of(steps, nodes, engine()))
    variables = [tf.Variable(array) for array in arrays]
    with tf.GradientTape() as tape:
        loss = value_of(steps, variables, kit_of_tensorflow())
    theirs = tape.gradient(loss, variables, unconnected_gradients="zero")
    for node, gradient in zip(nodes, theirs, strict=True):
        np.testing.assert_allclose(node.gradient, gradient, rtol=1e-9, atol=1e-9)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["sin", "tanh", "multiply", "matmul"]), st.integers(0, 9), st.integers(0, 9)),
        max_size=6,
    ),
    seed=st.integers(0, 999),
)
def test_and_those_of_nudging(steps, seed):
    arrays = list(np.random.default_rng(seed).normal(size=(3, 3, 3)))
    nodes = [engine()["Node"](array) for array in arrays]
    engine()["backward"](value_of(steps, nodes, engine()))
    for node, array in zip(nodes, arrays, strict=True):
        nudged = numerical_gradient(
            lambda: value_of(steps, [engine()["Node"](each) for each in arrays], engine()).value, array
        )
        np.testing.assert_allclose(node.gradient, nudged, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bug", evidence.BUGS)
def test_every_bug_is_one_and_the_right_gradient_is_right(bug):
    rng = np.random.default_rng(0)
    network = {name: array + rng.normal(0, 0.1, array.shape) for name, array in evidence.start(0).items()}
    images, labels = rng.random((8, 784)), rng.integers(10, size=8)
    right = evidence.claimed_gradient(network, images, labels)
    wrong = evidence.claimed_gradient(network, images, labels, bug)
    assert not all(np.allclose(right[name], wrong[name]) for name in right)
    for name in ("b1", "b2", "b3"):
        nudged = numerical_gradient(lambda: evidence.mean_loss(network, images, labels), network[name])
        np.testing.assert_allclose(right[name], nudged, atol=1e-7)


@pytest.mark.parametrize("exponent", [-15.5, -6.0, 0.0])
def test_a_secant_has_the_slope_that_its_title_says(exponent):
    figure = figures.secant(exponent)
    assert figure.axes
