"""The figures of lesson 04 show what they are given; its experiments descend along true gradients; its wall stands."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import pixels
from scipy import optimize, special
from sklearn.linear_model import LogisticRegression

from course_lessons.softmax_classifier import evidence as experiments
from course_lessons.softmax_classifier import figures
from course_lib import data
from course_lib.gradcheck import numerical_gradient


def small(seed=0, examples=40, inputs=5, classes=10):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(examples, inputs)), rng.integers(classes, size=examples)


@pytest.mark.parametrize("name", experiments.MESSAGES)
def test_messages_are_the_nudged_slopes(name):
    scores, labels = np.random.default_rng(1).normal(size=(3, 10)), np.array([2, 0, 9])
    targets = np.eye(10)[labels]

    def loss():
        y = scores if name == "squared error of scores" else special.softmax(scores, axis=1)
        return -np.sum(targets * np.log(y)) if name == "cross-entropy" else 0.5 * np.sum((y - targets) ** 2)

    nudged = numerical_gradient(loss, scores)
    np.testing.assert_allclose(experiments.MESSAGES[name](scores, targets), nudged, atol=1e-8)


def test_one_pass_over_everything_is_one_step_of_the_gradient():
    inputs, labels = small()
    kernel, bias = next(
        experiments.descend(inputs, labels, experiments.cross_entropy, 0.5, 40, 1, np.random.default_rng(0))
    )
    delta = (0.1 - np.eye(10)[labels]) / 40
    np.testing.assert_allclose(kernel, -0.5 * inputs.T @ delta, atol=1e-6)
    np.testing.assert_allclose(bias, -0.5 * delta.sum(axis=0), atol=1e-6)


def test_descent_goes_where_scikit_learn_goes():
    """With as good as no weight decay, on examples that no linear classifier separates: there is one valley."""
    inputs, labels = small(examples=200, inputs=2)
    *_, (kernel, bias) = experiments.descend(
        inputs, labels, experiments.cross_entropy, 0.5, 200, 4000, np.random.default_rng(0)
    )
    theirs = LogisticRegression(C=1e6, tol=1e-8, max_iter=5000).fit(inputs, labels)
    ours = special.softmax(inputs @ kernel + bias, axis=1)
    np.testing.assert_allclose(ours, theirs.predict_proba(inputs), atol=2e-3)


def test_every_seed_cuts_the_digits_anew_and_leaves_the_test_part_alone():
    first, second = experiments.drawn(0), experiments.drawn(1)
    assert [len(labels) for _, labels in first] == [3500, 500, 1000]
    assert not np.array_equal(first[0][1], second[0][1])
    assert np.array_equal(first[2][0], second[2][0])
    assert np.array_equal(first[2][1], data.mnist_5k().test.labels)
    everything = np.concatenate([first[0][0], first[1][0]])
    assert len(np.unique(everything, axis=0)) == 4000


def test_the_winner_of_one_is_not_flattered():
    rng = np.random.default_rng(0)
    wrong = rng.random((20, 400)) < 0.3
    one = np.array([experiments._winner(wrong, 1, 50, rng) for _ in range(400)])
    best = np.array([experiments._winner(wrong, 20, 50, rng) for _ in range(400)])
    assert abs((one[:, 1] - one[:, 0]).mean()) < 0.015
    assert (best[:, 1] - best[:, 0]).mean() > 0.08


# The wall


@pytest.mark.parametrize("seed", range(5))
def test_at_most_one_class_is_read_both_ways(seed):
    rng = np.random.default_rng(seed)
    kernel, bias = rng.normal(size=(30, 6)), rng.normal(size=6)
    pictures = rng.random((3000, 30))
    read, of_negative = ((each @ kernel + bias).argmax(axis=1) for each in (pictures, 1 - pictures))
    both = set(read[read == of_negative])
    assert both <= {(kernel.sum(axis=0) + 2 * bias).argmax()}


def test_from_both_polarities_there_is_nothing_to_learn():
    rng = np.random.default_rng(0)
    pictures, labels = rng.random((60, 4)), np.arange(60) % 3
    inputs, targets = np.concatenate([pictures, 1 - pictures]), np.eye(3)[np.tile(labels, 2)]

    def surprise(weights):
        log_y = special.log_softmax(np.insert(inputs, 0, 1, axis=1) @ weights.reshape(5, 3), axis=1)
        return -np.mean(np.sum(targets * log_y, axis=1))

    found = optimize.minimize(surprise, rng.normal(size=15), tol=1e-12)
    assert found.fun == pytest.approx(np.log(3), abs=1e-6)
    delta = (1 / 3 - targets) / 120
    np.testing.assert_allclose(inputs.T @ delta, 0, atol=1e-12)


# Figures


def test_arrows_of_cross_entropy_end_at_the_true_corner():
    figure = figures.simplex({"cross-entropy": lambda y, t: y - t}, steps=4)
    arrows = next(each for each in figure.axes[0].collections if hasattr(each, "U"))
    ends = np.array([arrows.X + arrows.U, arrows.Y + arrows.V]).T
    assert len(ends) == 15
    np.testing.assert_allclose(ends, np.tile(figures._CORNERS[0], (15, 1)), atol=1e-12)
    pixels(figure)


def test_what_all_templates_share_is_not_drawn():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(784, 10))
    first, second = (figures.templates({"row": each}) for each in (kernel, kernel + rng.normal(size=(784, 1))))
    for one, other in zip(first.axes, second.axes, strict=True):
        np.testing.assert_allclose(one.images[0].get_array(), other.images[0].get_array(), atol=1e-12)
    assert [axes.get_title() for axes in first.axes] == [str(k) for k in range(10)]


def test_histories_mark_the_lowest_validation_loss():
    figure = figures.histories({0.1: {"loss": [2, 1, 0.5], "val_loss": [2, 1.2, 1.5]}})
    *_, mark = figure.axes[0].lines
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (2, 1.2)
    assert figure.axes[0].get_title() == "learning rate 0.1"


def test_marks_of_a_class_lie_on_one_line():
    rng = np.random.default_rng(0)
    pictures, kernel = rng.random((20, 6)), rng.normal(size=(6, 10))
    figure = figures.both_ways(pictures @ kernel, (1 - pictures) @ kernel, classes=(4, 7))
    for line, k in zip(figure.axes[0].lines, (4, 7), strict=True):
        assert line.get_label() == f"class {k}"
        np.testing.assert_allclose(line.get_xdata() + line.get_ydata(), kernel[:, k].sum())


def blend(seed=0):
    rng = np.random.default_rng(seed)
    start, other = rng.random((2, 784))
    return figures.Blend(
        start, {"its negative": 1 - start, "another digit": other}, rng.normal(size=(784, 10)), np.zeros(10)
    )


def test_along_a_blend_scores_are_straight_and_each_class_wins_once():
    found = blend().scores(np.linspace(0, 1, 101), "another digit")
    np.testing.assert_allclose(np.diff(found, 2, axis=0), 0, atol=1e-9)
    winners = found.argmax(axis=1)
    changes = np.count_nonzero(np.diff(winners))
    assert changes == len(set(winners)) - 1


def test_a_blend_tells_what_is_read_at_its_place():
    walk = blend(1)
    for share, end in ((0.0, "its negative"), (1.0, "another digit")):
        figure = walk.draw(share, end)
        read = (walk.at(share, end) @ walk.kernel).argmax()
        picture = next(axes for axes in figure.axes if axes.images)
        assert picture.get_title() == f"read as {read}"
        np.testing.assert_allclose(picture.images[0].get_array().ravel(), 1 - walk.at(share, end))
        plt.close(figure)
