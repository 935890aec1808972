"""The perceptron against scikit-learn's, the theory, and what no line can do; and the figures of lesson 02."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import pixels
from sklearn.linear_model import Perceptron
from sklearn.svm import SVC

from course_lessons.perceptron import figures, rule

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def separable(seed, examples=60, features=3, gap=0.1):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=features + 1)
    weights /= np.linalg.norm(weights[1:])
    inputs = rng.normal(size=(examples * 3, features))
    inputs = inputs[np.abs(weights[0] + inputs @ weights[1:]) > gap][:examples]
    return inputs, np.where(weights[0] + inputs @ weights[1:] > 0, 1, -1), weights


@pytest.mark.parametrize("seed", range(5))
def test_the_rule_makes_the_steps_of_scikit_learn(seed):
    inputs, targets, _ = separable(seed)
    start = np.random.default_rng(seed + 50).normal(size=4)
    ours = rule.train(inputs, targets, learning_rate=0.05, passes=7, weights=start)
    theirs = Perceptron(eta0=0.1, shuffle=False, max_iter=7, tol=None)  # theirs moves by eta t x, ours by 2 eta t x
    theirs.fit(inputs, targets, coef_init=start[1:], intercept_init=start[0])
    np.testing.assert_allclose(ours.weights[-1], [*theirs.intercept_, *theirs.coef_[0]], atol=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_mistakes_stay_below_the_bound(seed):
    inputs, targets, weights = separable(seed, gap=0.05)
    history = rule.train(inputs, targets, passes=5000)
    assert history.converged
    assert 0 < history.updates <= rule.mistake_bound(inputs, targets, weights)
    assert sum(history.mistakes) == history.updates


def test_the_margin_of_a_support_vector_machine():
    inputs, targets, _ = separable(1)
    machine = SVC(kernel="linear", C=1e9).fit(inputs, targets)
    weights = np.array([*machine.intercept_, *machine.coef_[0]])
    assert rule.margin(inputs, targets, weights) == pytest.approx(1 / np.linalg.norm(machine.coef_), rel=1e-3)


def test_a_wrong_side_has_a_negative_margin_and_no_bound():
    weights = np.array([0.0, 1.0])
    assert rule.margin([[2.0], [-3.0]], np.array([1, 1]), weights) == -3
    with pytest.raises(ValueError, match="do not separate"):
        rule.mistake_bound([[2.0], [-3.0]], np.array([1, 1]), weights)


def test_the_bound_counts_the_bias_and_the_distance_does_not():
    inputs, targets, weights = separable(2)
    shift = np.full(3, 8.0)
    moved = np.array([weights[0] - shift @ weights[1:], *weights[1:]])
    assert rule.margin(inputs + shift, targets, moved) == pytest.approx(rule.margin(inputs, targets, weights))
    unit = moved / np.linalg.norm(moved)  # by the letter of the proof
    rows = np.insert(inputs + shift, 0, 1.0, axis=1)
    ceiling = max((rows**2).sum(axis=1)) / min(targets * (rows @ unit)) ** 2
    assert rule.mistake_bound(inputs + shift, targets, moved) == pytest.approx(ceiling)


@pytest.mark.parametrize("seed", range(3))
def test_with_0_for_silence_the_steps_are_half_as_long(seed):
    inputs, targets, _ = separable(seed)
    ours = rule.train(inputs, targets, passes=20)
    theirs = rule.train(inputs, targets > 0, passes=20, silent=0)
    np.testing.assert_allclose(theirs.weights, ours.weights / 2, atol=1e-12)
    assert theirs.mistakes == ours.mistakes


def test_fourteen_of_sixteen_functions_are_learnt():
    learnt = {t: rule.train(CORNERS, t, passes=100).converged for t in itertools.product([-1, 1], repeat=4)}
    assert [t for t, done in learnt.items() if not done] == [(-1, 1, 1, -1), (1, -1, -1, 1)]


def test_training_leaves_the_given_weights_alone():
    start = np.ones(3)
    rule.train(CORNERS, [-1, -1, -1, 1], weights=start)
    assert np.array_equal(start, np.ones(3))


# Figures


@pytest.mark.parametrize("weights", [(1, 2, -3), (0.5, 0, 1), (-1, 1, 0)])
def test_the_line_is_where_the_sum_is_zero(weights):
    _, axes = plt.subplots()
    figures.line_of(axes, weights)
    x, y = axes.lines[0].get_data()
    np.testing.assert_allclose(weights[0] + weights[1] * x + weights[2] * y, 0, atol=1e-12)


def test_no_weights_no_line():
    _, axes = plt.subplots()
    figures.line_of(axes, (1, 0, 0))
    assert not axes.lines


@pytest.mark.parametrize("unit", ["step", "sigmoid"])
def test_neuron_surface(unit):
    figure = figures.neuron_surface(2.0, 0.0, 0.0, unit)
    values = figure.axes[0].images[0].get_array()
    assert values[:, 0].max() < 0.02 and values[:, -1].min() > 0.98
    pixels(figure)


def test_step_and_sigmoid_stand_side_by_side():
    figure = figures.step_and_sigmoid(2.0, 0.0, 0.0)
    step, soft = (axes.images[0].get_array() for axes in figure.axes[:2])
    assert set(np.unique(step)) == {0, 1} and 0 < soft.min() < 0.02 and 0.98 < soft.max() < 1
    pixels(figure)


def test_unit_strip_has_a_panel_per_unit_with_its_own_targets():
    units = {"AND": np.array([-1.5, 1, 1]), "NAND": np.array([1.5, -1, -1])}
    figure = figures.unit_strip(CORNERS, [[-1, -1, -1, 1], [1, 1, 1, -1]], units)
    assert [axes.get_title() for axes in figure.axes] == ["AND", "NAND"]
    for axes, fires_at_the_origin in zip(figure.axes, (False, True), strict=True):
        assert (axes.images[0].get_array()[0, 0] > 0) == fires_at_the_origin
        triangles, circles = (collection.get_offsets() for collection in axes.collections[-2:])
        assert ([0, 0] in triangles.tolist()) == fires_at_the_origin and len(triangles) + len(circles) == 4


def test_the_two_block_diagrams_say_what_the_units_say():
    firing = np.array([1.0, 0, 1, 1, 0])
    figure = figures.brain_and_perceptron(np.eye(4), np.ones((16, 5)), firing, score=-2.0)
    words = " ".join(text.get_text() for text in figure.findobj(plt.Text))
    assert "−1: other" in words and "3 of them fire" in words and "5 association units" in words
