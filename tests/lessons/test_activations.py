"""The figures of lesson 07 show what they are given, and what it measures is measured right."""

import numpy as np
import pytest
from lesson_code import all_lessons, answer, functions

from course_lessons.activations import figures
from course_lib import layers
from course_lib.gradcheck import numerical_gradient

KINDS = {
    "sigmoid": layers.Sigmoid(),
    "tanh": layers.Tanh(),
    "ReLU": layers.ReLU(),
    "leaky ReLU": layers.LeakyReLU(0.3),
    "ELU": layers.ELU(0.3),
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
    record = np.sort(np.random.default_rng(0).normal(size=(4, 3, 5)))  # epochs, layers, percentiles
    figure = figures.percentile_bands({"tanh": record, "sigmoid": record})
    assert [axes.get_title() for axes in figure.axes[:3]] == [f"tanh: hidden layer {n}" for n in (1, 2, 3)]
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_ydata(), record[:, 1, 2])


def test_paths_start_at_the_square_and_show_the_goal():
    path = np.array([[0.0, 0], [1, 0], [1, -1]])
    axes = figures.weight_paths({"a": path, "b": path}, goal=(1, -1)).axes[0]
    np.testing.assert_array_equal(np.transpose(axes.lines[0].get_data()), path)
    assert np.ravel(axes.lines[2].get_data()).tolist() == [0, 0]
    assert np.ravel(axes.lines[3].get_data()).tolist() == [1, -1]


def test_who_never_arrives_stands_in_the_grey_beyond_the_limit():
    figure = figures.epochs_needed({"digits": {"ReLU": [3, 4], "sigmoid": [9, 11]}}, limit=10, xlabel="epochs")
    (axes,) = figure.axes
    dots = [sorted(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"]
    assert dots == [[3, 4], [9, 11]] and axes.texts[0].get_text() == "not in 10 epochs"
    grey = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert 10 < grey.x0 < 11 < grey.x1


# What the lesson defines


@pytest.fixture(scope="module")
def lesson() -> dict:
    """What the lesson builds, without its trainings."""
    return functions(all_lessons()["07_activations"], "walk", "journey")


def test_a_walk_on_centred_inputs_is_straighter_than_on_positive_ones(lesson):
    rng = np.random.default_rng(7)
    cloud = rng.uniform(0, 1, (400, 2))
    (_, positive), (_, centred) = (lesson["journey"](inputs, 1.0) for inputs in (cloud, cloud - 0.5))
    assert 1 <= centred < positive


def test_positive_inputs_push_both_weights_the_same_way(lesson):
    path = lesson["walk"](np.random.default_rng(0).uniform(0, 1, (50, 2)), 0.5)
    assert path.shape == (51, 2)
    moves = np.diff(path, axis=0)
    assert np.all(moves[:, 0] * moves[:, 1] >= 0)


def test_a_walk_that_never_arrives_has_no_length(lesson):
    assert lesson["journey"](np.zeros((5, 2)), 1.0) == (np.inf, np.inf)


def test_the_ways_back_are_those_of_our_layers():
    lesson = all_lessons()["07_activations"]
    inputs, upstream = np.random.default_rng(0).normal(size=(2, 3, 4))
    sigmoid, elu = layers.Sigmoid(), layers.ELU(0.7)
    outputs = sigmoid.forward(inputs)
    np.testing.assert_allclose(answer(lesson, "sigmoid_backward")(outputs, upstream), sigmoid.backward(upstream))
    np.testing.assert_allclose(
        answer(lesson, "leaky_relu")(inputs, 0.2), layers.LeakyReLU(negative_slope=0.2).forward(inputs)
    )
    elu.forward(inputs)
    np.testing.assert_allclose(answer(lesson, "elu_gradient")(inputs, 0.7), elu.backward(np.ones_like(inputs)))


def test_a_unit_is_dead_only_if_it_is_silent_on_every_example():
    dead_units = answer(all_lessons()["07_activations"], "dead_units")
    sums = np.array([[-1.0, 2.0, 0.0, -3.0], [-2.0, -1.0, 0.0, 0.5]])
    assert dead_units(sums) == 0.5
