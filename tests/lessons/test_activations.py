"""The figures of lesson 07 show what they are given, and what it measures is measured right."""

import numpy as np
import pytest
from lesson_code import all_lessons, answer, functions
from scipy.special import expit, ndtr

from course_lessons.activations import evidence, figures
from course_lib import layers, optim
from course_lib.gradcheck import numerical_gradient
from course_lib.losses import softmax_cross_entropy

LESSON = "07_activations"

KINDS = {
    "sigmoid": layers.Sigmoid(),
    "tanh": layers.Tanh(),
    "ReLU": layers.ReLU(),
    "leaky ReLU": layers.LeakyReLU(0.3),
    "ELU": layers.ELU(0.3),
    "GELU": lambda a: a * ndtr(a),
    "SiLU": lambda a: a * expit(a),
}


# An activation and its slope


@pytest.mark.parametrize("kind", KINDS)
def test_slopes_are_those_of_finite_differences(kind):
    inputs = np.array([-3.0, -0.4, 0.7, 2.0])
    _, slopes = figures.values_and_slopes(KINDS[kind], inputs)
    nudged = numerical_gradient(lambda: float(figures.values_and_slopes(KINDS[kind], inputs)[0].sum()), inputs)
    np.testing.assert_allclose(slopes, nudged, atol=1e-6)


def test_whole_numbers_are_no_trouble():
    values, slopes = figures.values_and_slopes(layers.LeakyReLU(0.5), [-2, 2])
    np.testing.assert_allclose(values, [-1, 2])
    np.testing.assert_allclose(slopes, [0.5, 1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("x", [-5.0, -0.5, 0.0, 3.0])
def test_the_tangent_touches_with_the_slope(kind, x):
    figure = figures.activation_and_gradient(kind, 0.3, x)
    top, bottom = figure.axes
    (value,), (slope,) = figures.values_and_slopes(KINDS[kind], [x])
    tangent = np.array(top.lines[1].get_data())
    assert np.mean(tangent[1]) == pytest.approx(value)
    assert np.diff(tangent[1]) / np.diff(tangent[0]) == pytest.approx(slope)
    assert f"slope {slope:.3g}" in bottom.get_title()


def test_a_jump_of_the_slope_is_a_gap():
    axes = figures.activation_curves({"ReLU": layers.ReLU(), "tanh": layers.Tanh()}).axes[0]
    *_, left, right = axes.lines
    assert set(left.get_ydata()) == {0} and set(right.get_ydata()) == {1}
    assert left.get_xdata().max() < 0 < right.get_xdata().min()


# Chains


@pytest.mark.parametrize("kind", KINDS)
def test_the_product_along_a_chain_is_its_slope(kind):
    weights, x = np.array([1.3, 0.7, 0.9, 1.1]), np.array([0.8])

    def last():
        return float(figures.chain_signals(KINDS[kind], weights, x.item())[0][-1])

    _, slopes = figures.chain_signals(KINDS[kind], weights, x.item())
    assert np.prod(weights * slopes) == pytest.approx(numerical_gradient(last, x).item(), abs=1e-6)


def test_a_silent_unit_stops_the_message():
    outputs, slopes = figures.chain_signals(layers.ReLU(), [1.0, -1.0, 1.0], 2.0)
    assert outputs.tolist() == [2, 0, 0] and slopes[0] == 1 and slopes[1] == slopes[2] == 0


def test_chains_show_factors_and_their_product():
    weights = np.array([1.2, 0.5])
    figure = figures.chains({"ReLU": layers.ReLU(), "tanh": layers.Tanh()}, weights, x=1.0)
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == ["ReLU", "tanh"]
    words = [text.get_text() for text in figure.axes[1].texts]
    assert [word for word in words if word] == ["1.00", "1.20", "0.60", "1.20", "0.50", "product\n0.6"]


# Figures of trainings


def test_bands_have_a_panel_for_each_layer():
    record = np.sort(np.random.default_rng(0).normal(size=(4, 3, 5)))  # passes, layers, percentiles
    figure = figures.percentile_bands({"tanh": record, "sigmoid": record})
    assert [axes.get_title() for axes in figure.axes[:3]] == [f"tanh, layer {n}" for n in (1, 2, 3)]
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_ydata(), record[:, 1, 2])


def test_paths_start_at_the_square_and_show_the_goal():
    path = np.array([[0.0, 0], [1, 0], [1, -1]])
    axes = figures.weight_paths({"a": path, "b": path}, goal=(1, -1)).axes[0]
    np.testing.assert_array_equal(np.transpose(axes.lines[0].get_data()), path)
    assert np.ravel(axes.lines[2].get_data()).tolist() == [0, 0]
    assert np.ravel(axes.lines[3].get_data()).tolist() == [1, -1]


# What the lesson defines


@pytest.fixture(scope="module")
def walk():
    """What the lesson builds, without its trainings."""
    return functions(all_lessons()[LESSON], "walk")["walk"]


def test_a_walk_on_centred_inputs_is_straighter_than_on_positive_ones(walk):
    cloud = np.random.default_rng(7).uniform(0, 1, (40, 2))
    positive, centred = (
        np.linalg.norm(np.diff(walk(inputs, 1.0), axis=0), axis=1).sum() for inputs in (cloud, cloud - 0.5)
    )
    assert centred < positive


def test_positive_inputs_push_both_weights_the_same_way(walk):
    path = walk(np.random.default_rng(0).uniform(0, 1, (50, 2)), 0.5)
    assert path.shape == (51, 2)
    moves = np.diff(path, axis=0)
    assert np.all(moves[:, 0] * moves[:, 1] >= 0)


def test_the_formula_of_gelu_s_slope_is_that_of_finite_differences():
    lesson = functions(all_lessons()[LESSON], "gelu", "gelu_slope")
    sums = np.array([-3.0, -0.5, 0.0, 1.5])
    nudged = numerical_gradient(lambda: float(lesson["gelu"](sums).sum()), sums)
    np.testing.assert_allclose(lesson["gelu_slope"](sums), nudged, atol=1e-7)


def test_swish_for_a_large_beta_is_relu_and_for_none_a_line():
    swish_gradient = answer(all_lessons()[LESSON], "swish_gradient")
    np.testing.assert_allclose(swish_gradient(np.array([-2.0, 3.0]), 50.0), [0, 1], atol=1e-9)
    np.testing.assert_allclose(swish_gradient(np.array([-2.0, 3.0]), 0.0), [0.5, 0.5])


def test_the_way_back_through_elu_is_that_of_our_layer():
    inputs, elu = np.random.default_rng(0).normal(size=(3, 4)), layers.ELU(0.7)
    elu.forward(inputs)
    np.testing.assert_allclose(
        answer(all_lessons()[LESSON], "elu_gradient")(inputs, 0.7), elu.backward(np.ones((3, 4)))
    )


def test_a_unit_is_dead_only_if_it_is_silent_on_every_example():
    dead_units = answer(all_lessons()[LESSON], "dead_units")
    inputs, kernel = np.array([[1.0], [-1.0]]), np.array([[1.0, -1.0, 0.0, 0.0]])
    assert dead_units(inputs, kernel, np.array([0.0, 0.0, 1.0, -1.0])) == 0.25


# What the experiments run on


@pytest.mark.parametrize("activation", evidence.ACTIVATIONS)
def test_gradients_of_the_experiments_are_those_of_finite_differences(activation):
    rng = np.random.default_rng(0)
    weights = [array.astype(float) for array in evidence.start([5, 4, 3], activation, rng)]
    inputs, labels = rng.normal(size=(6, 5)), rng.integers(0, 3, 6)

    def loss():
        logits = evidence.forward(inputs, weights, activation)[0][-1]
        return float(softmax_cross_entropy(logits, labels)[0])

    for array, found in zip(weights, evidence.gradients(inputs, labels, weights, activation), strict=True):
        np.testing.assert_allclose(found, numerical_gradient(loss, array), atol=1e-7)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_steps_of_the_experiments_are_those_of_our_optimizers(name):
    rng = np.random.default_rng(0)
    examples = rng.normal(size=(12, 5)).astype(np.float32), rng.integers(0, 3, 12)
    weights = evidence.start([5, 4, 3], "tanh", rng)
    network = layers.Sequential([layers.Dense(5, 4, rng), layers.Tanh(), layers.Dense(4, 3, rng)])
    for dense, kernel in zip(network.layers[::2], weights[::2], strict=True):
        dense.parameters["kernel"][:] = kernel
    next(evidence.passes(examples, weights, "tanh", name, 0.1, np.random.default_rng(1), batch=4))
    recipe = {"loss": softmax_cross_entropy, "optimizer": getattr(optim, name)(0.1)}
    network.fit(*examples, epochs=1, batch_size=4, rng=np.random.default_rng(1), **recipe)
    np.testing.assert_allclose(weights[0], network.layers[0].parameters["kernel"], rtol=1e-4, atol=1e-5)
