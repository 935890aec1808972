"""One neuron against scikit-learn, exact minima and nudges; and the figures of lesson 03."""

import numpy as np
import pytest
from drawn import pixels
from sklearn.linear_model import LogisticRegression

from course_lessons.single_neuron import figures, neuron
from course_lessons.single_neuron.evidence import descend_all, digits
from course_lib.gradcheck import numerical_gradient


@pytest.fixture(scope="module")
def ink():
    pictures, truth = digits()[0]
    numbers = neuron.left_ink(pictures)
    return neuron.with_bias((numbers - numbers.mean(axis=0)) / numbers.std(axis=0)), truth


def test_only_threes_and_eights(ink):
    assert ink[0].shape == (700, 3) and set(ink[1]) == {0, 1}


def test_surprise_of_one_and_of_many_neurons():
    sums, targets = np.array([[0.0, 1000.0], [0.0, -1000.0]]), [1, 0]
    np.testing.assert_allclose(neuron.surprise(sums, targets), [np.log(2), 0])
    assert neuron.surprise(np.array([-1000.0]), [1]) == 1000
    with pytest.raises(ValueError, match="One target for each"):
        neuron.surprise(sums[:1], targets)
    with pytest.raises(ValueError, match="after the sums"):
        neuron.surprise(np.array([1, 0]), np.array([-1000.0, 1000.0]))


def test_what_a_line_can_part(ink):
    corners = neuron.with_bias(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]))
    assert neuron.can_be_parted(corners, [0, 0, 0, 1]) and not neuron.can_be_parted(corners, [0, 1, 1, 0])
    assert not neuron.can_be_parted(*ink)
    few, truth, _, _ = figures.sixteen()
    assert neuron.can_be_parted(few, truth)


def test_descent_follows_the_gradient_and_spares_the_bias(ink):
    rows, truth = ink
    start = np.array([0.3, -0.5, 1.0])
    after = neuron.descend(rows, truth, learning_rate=0.1, steps=1, decay=0.2, weights=start)[-1]
    slope = numerical_gradient(lambda: neuron.surprise(rows @ start, truth), start) + 0.2 * start * [0, 1, 1]
    np.testing.assert_allclose(after, start - 0.1 * slope, atol=1e-8)


def test_it_settles_where_scikit_learn_does(ink):
    rows, truth = ink
    ours = neuron.descend(rows, truth, learning_rate=2.0, steps=2000, decay=0.05)[-1]
    theirs = LogisticRegression(C=1 / (len(rows) * 0.05), tol=1e-10).fit(rows[:, 1:], truth)
    np.testing.assert_allclose(ours, [*theirs.intercept_, *theirs.coef_[0]], atol=1e-4)
    np.testing.assert_allclose(neuron.settle(rows, truth, decay=0.05), ours, atol=1e-3)
    with pytest.raises(ValueError, match="never settle"):
        neuron.settle(rows, truth, decay=0.0)


def test_lms_trembles_around_the_normal_equations(ink):
    rows, truth = ink
    signs = 2 * truth - 1
    lowest = np.linalg.solve(rows.T @ rows, rows.T @ signs)
    assert np.linalg.norm(neuron.lms(rows, signs, 0.05)[-1] - lowest) < 0.5


def test_the_quick_descent_of_the_record_is_the_plain_one(monkeypatch):
    from course_lessons.single_neuron import evidence

    monkeypatch.setattr(evidence, "STEPS", 20)
    monkeypatch.setattr(evidence, "LOOKS", (20,))
    inputs, targets = np.random.default_rng(0).normal(size=(6, 9)), np.array([0, 1, 0, 1, 1, 0.0])
    shares, biases = descend_all(inputs @ inputs.T, targets)[20]
    rate = 4 * 6 / np.linalg.eigvalsh(inputs @ inputs.T + 1)[-1]
    for column, decay in enumerate((0, *evidence.DECAYS)):
        plain = neuron.descend(neuron.with_bias(inputs), targets, rate, 20, decay)[-1]
        np.testing.assert_allclose([biases[column], *(inputs.T @ shares[:, column])], plain, atol=1e-10)


# Figures


def test_windows_show_a_typical_picture_of_each_class():
    pictures, truth = digits()[0]
    figure = figures.windows(pictures, truth, neuron.left_ink(pictures))
    lower = [axes.images[0].get_array()[15:21, 9:15].mean() for axes in figure.axes[:2]]
    assert lower[0] < 0.2 < 0.4 < lower[1]
    pixels(figure)


def test_seventeen_surfaces():
    figure = figures.seventeen_surfaces()
    assert sum(bool(axes.images) for axes in figure.axes) == 17
    pixels(figure)


@pytest.mark.parametrize(("direction", "length"), [(0, 0.2), (345, 8.0)])
def test_surface(direction, length):
    pixels(figures.surface(direction, length))


def test_weight_map_has_each_neuron_where_it_lives():
    figure = figures.weight_map(1)
    upper_right = figure.axes[2].images[0].get_array()
    assert upper_right[-1, -1] > 0.9 and upper_right[0, 0] < 0.1
    pixels(figure)


def test_valleys():
    assert figures.valleys(np.array([3, 1, 2, 0, 5])).tolist() == [1, 3]


@pytest.mark.parametrize(("log_step", "decay"), [(0.0, 0.0), (4.0, 0.1)])
def test_learning(log_step, decay):
    pixels(figures.learning(log_step, decay))


def test_sixteen_digits_can_be_parted_and_the_weights_grow():
    few, truth, _, _ = figures.sixteen()
    way = figures.path(0.0)
    assert np.array_equal(few @ way[-1] > 0, truth > 0)
    assert np.linalg.norm(way[-1]) > 1.4 * np.linalg.norm(way[1000])
    assert np.linalg.norm(figures.path(0.01)[-1] - figures.path(0.01)[1000]) < 1e-3


def test_example_lines_shade_the_neurons_that_are_right():
    figure = figures.example_lines(np.array([[1.0, 0.5], [-1.0, 0.5], [1.0, -0.5]]), np.array([1, 0, 0]))
    assert len(figure.axes) == 3
    pixels(figure)
