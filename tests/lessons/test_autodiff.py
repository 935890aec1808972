"""The engine of lesson 06 agrees with the tape and with nudging, on programs put together at random."""

import functools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lesson_code import all_lessons, functions

from course_lessons.autodiff import evidence, figures
from course_lib.gradcheck import numerical_gradient

ONE, TWO = ("sin", "cos", "tanh", "relu", "exp"), ("add", "multiply", "matmul")
steady = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@functools.cache
def engine() -> dict:
    """What the lesson builds, from its own cells."""
    names = ("Node", "gradients", "log", "total", "mean_cross_entropy", "walk_every_path", *ONE, *TWO)
    return functions(all_lessons()["06_autodiff"], *names)


def kit_of_tensorflow() -> dict:
    import tensorflow as tf

    pairs = {"add": tf.add, "multiply": tf.multiply, "matmul": tf.matmul, "total": tf.reduce_sum}
    return pairs | {"sin": tf.sin, "cos": tf.cos, "tanh": tf.tanh, "exp": tf.exp, "relu": tf.nn.relu}


programs = st.lists(
    st.tuples(st.sampled_from([*ONE, *TWO]), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=12
)


def result_of(program, inputs, kit):
    """What a program gives: every step reads one or two of the 3 x 3 values that are there already.

    Each step ends with tanh, so that no number grows; the sum of the last three values is the result.
    """
    values = list(inputs)
    for name, first, second in program:
        a, b = values[first % len(values)], values[second % len(values)]
        values.append(kit["tanh"](kit[name](a) if name in ONE else kit[name](a, b)))
    return kit["total"](functools.reduce(kit["add"], values[-3:]))


def slopes_of(program, arrays):
    nodes = [engine()["Node"](array) for array in arrays]
    slopes = engine()["gradients"](result_of(program, nodes, engine()))
    return [slopes.get(node, np.zeros_like(node.value)) for node in nodes]


@steady
@given(program=programs, seed=st.integers(0, 999))
def test_random_programs_have_the_gradients_of_the_tape(program, seed):
    import tensorflow as tf

    arrays = np.random.default_rng(seed).normal(size=(3, 3, 3))
    variables = [tf.Variable(array) for array in arrays]
    with tf.GradientTape() as tape:
        loss = result_of(program, variables, kit_of_tensorflow())
    theirs = tape.gradient(loss, variables, unconnected_gradients="zero")
    for own, other in zip(slopes_of(program, arrays), theirs, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-9, atol=1e-9)


@steady
@given(program=programs, seed=st.integers(0, 999))
def test_and_those_of_nudging_away_from_kinks(program, seed):
    arrays = list(np.random.default_rng(seed).normal(size=(3, 3, 3)))
    nearest_kink = []

    def watched_relu(a):
        nearest_kink.append(np.abs(a.value).min())
        return engine()["relu"](a)

    def value():
        kit = engine() | {"relu": watched_relu}
        return result_of(program, [engine()["Node"](array) for array in arrays], kit).value

    value()
    assume(min(nearest_kink, default=1) > 1e-3)
    for own, array in zip(slopes_of(program, arrays), arrays, strict=True):
        np.testing.assert_allclose(own, numerical_gradient(value, array), rtol=1e-5, atol=1e-6)


def test_a_value_read_many_times_adds_all_messages():
    Node, gradients = engine()["Node"], engine()["gradients"]
    x = Node(3.0)
    square = x * x
    y = square * x + square + x  # x³ + x² + x
    assert gradients(y)[x] == 3 * 9 + 2 * 3 + 1
    assert gradients(y)[x] == 34, "asking twice gives the same"
    assert gradients(x)[x] == 1


def test_a_bias_is_summed_over_the_batch_and_a_stretched_axis_is_refused():
    Node, gradients, total = (engine()[name] for name in ("Node", "gradients", "total"))
    bias, batch = Node([1.0, 2.0]), np.ones((5, 2))
    np.testing.assert_array_equal(gradients(total(batch + bias))[bias], [5, 5])
    column = Node(np.ones((5, 1)))
    with pytest.raises(AssertionError, match="exercise 3"):
        gradients(total(batch + column))


def test_the_loss_has_the_message_of_lesson_05():
    logits = engine()["Node"](np.random.default_rng(0).normal(size=(4, 3)))
    one_hot = np.eye(3)[[0, 2, 1, 1]]
    powers = np.exp(logits.value)
    slope = engine()["gradients"](engine()["mean_cross_entropy"](logits, one_hot))[logits]
    np.testing.assert_allclose(slope, (powers / powers.sum(axis=1, keepdims=True) - one_hot) / 4, atol=1e-15)


def test_a_long_chain_needs_no_recursion():
    x = value = engine()["Node"](1.0)
    for _ in range(5000):
        value = value + 0.0
    assert engine()["gradients"](value)[x] == 1


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
    near = figures.secant(exponent).axes[0]
    said, h = float(near.get_title().partition("slope ")[2]), 10.0**exponent
    assert abs(said - (figures.worked(2 + h)[0] - figures.worked(2 - h)[0]) / (2 * h)) < 1e-3
    line = near.lines[1]
    assert abs(np.diff(line.get_ydata()) / np.diff(line.get_xdata()) - said) < 1e-3


def test_the_best_nudge_is_where_the_page_says():
    x, h = np.longdouble(2), np.longdouble(1e-3)
    ends = [figures.worked(x + k * h)[0] for k in (-2, -1, 1, 2)]
    third = (ends[3] - 2 * ends[2] + 2 * ends[1] - ends[0]) / (2 * h**3)
    assert abs(third + 860) < 5
    assert 0.5e-6 < (3 * 1e-15 / abs(third)) ** (1 / 3) < 2e-6


def test_the_graph_shows_every_value_slope_and_message():
    Node, sin, cos = (engine()[name] for name in ("Node", "sin", "cos"))
    x = Node(2.0)
    q = x * x
    sin_q, three_q = sin(q), 3 * q
    u = sin_q + three_q
    y = cos(u)
    named = {"x": x, "q": q, "sin q": sin_q, "3q": three_q, "u": u, "y": y}
    slopes = engine()["gradients"](y)
    words = [text.get_text() for text in figures.worked_graph(named, slopes).axes[0].texts]
    assert {"4.000", "9.099", "2.275", "-0.634", "2.908", "4.550\n4.550"} <= set(words)
