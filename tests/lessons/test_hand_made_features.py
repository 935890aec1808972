"""The features of lesson 08's race are what they are called, the race is fair, and figures show what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import pixels
from lesson_code import all_lessons, functions
from scipy import signal
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from course_lessons.hand_made_features import evidence as experiments
from course_lessons.hand_made_features import exercises, figures
from course_lib import data

NAME = "08_hand_made_features"


def pictures(number=4, side=28, seed=0):
    return np.random.default_rng(seed).random((number, side, side)).astype("float32")


# The hand-made side of the race


def test_every_slope_votes_in_full():
    maps = experiments.direction_maps(pictures(), 9, np.pi)
    down, right = np.zeros((2, 4, 28, 28))
    down[:, 1:-1], right[:, :, 1:-1] = (
        pictures()[:, 2:] - pictures()[:, :-2],
        pictures()[:, :, 2:] - pictures()[:, :, :-2],
    )
    np.testing.assert_allclose(sum(maps), np.hypot(down, right), rtol=1e-4, atol=1e-5)


def test_a_cell_s_histogram_is_that_of_the_exercise():
    image = pictures(1)
    maps = np.array(experiments.direction_maps(image, 9, np.pi))[:, 0]
    down, right = np.zeros((2, 28, 28))
    down[1:-1], right[:, 1:-1] = image[0, 2:] - image[0, :-2], image[0, :, 2:] - image[0, :, :-2]
    expected = exercises.orientation_histogram.oracle(right[4:8, 8:12], down[4:8, 8:12], 9)
    np.testing.assert_allclose(maps[:, 4:8, 8:12].sum(axis=(1, 2)), expected, rtol=1e-4, atol=1e-4)


def test_hog_has_1296_numbers_and_blocks_of_length_one():
    found = experiments.hog(pictures())
    assert found.shape == (4, 1296)
    np.testing.assert_allclose(np.linalg.norm(found.reshape(4, 36, 36), axis=2), 1, atol=1e-2)


@pytest.mark.parametrize("change", [lambda x: 1 - x, lambda x: x + 0.3, lambda x: 0.5 * x])
def test_hog_cannot_see_brightness_contrast_or_sign(change):
    np.testing.assert_allclose(experiments.hog(change(pictures())), experiments.hog(pictures()), atol=5e-3)


# The fairness of the race


def small(seed=0, examples=(60, 40, 30, 50)):
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(3, 5))
    labels = [rng.integers(3, size=number) for number in examples]
    return [(middles[true] + rng.normal(size=(len(true), 5))).astype("float32") for true in labels], labels


@pytest.mark.parametrize("top", experiments.TOPS)
def test_the_choice_is_made_on_the_second_part_alone(top):
    parts, labels = small()
    chosen, errors = experiments.on_top(parts, labels, top)
    tried = {
        (scaling, strength): wrong
        for scaling, each in experiments.scaled(parts)
        for strength, wrong in experiments.TOPS[top](each, labels)
    }
    assert errors == tried[chosen["scaling"], chosen["strength"]]
    assert errors[0] == min(wrong[0] for wrong in tried.values())
    equals = [strength for (_, strength), wrong in tried.items() if wrong[0] == errors[0]]
    assert chosen["strength"] == min(equals)
    other_tests, other_labels = [parts[0], parts[1], parts[3][::-1]], [labels[0], labels[1], labels[3]]
    assert experiments.on_top(other_tests, other_labels, top)[0] == chosen


def test_scales_come_from_the_training_part():
    parts, _ = small()
    (_, by_one), (_, each_its_own) = experiments.scaled(parts)
    assert by_one[0].std() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(by_one[1], parts[1] / parts[0].std(), rtol=1e-5)
    np.testing.assert_allclose(each_its_own[2], (parts[2] - parts[0].mean(axis=0)) / parts[0].std(axis=0), atol=1e-4)


def test_both_tops_are_those_of_scikit_learn():
    parts, labels = small()
    linear = dict(experiments.linear_errors(parts, labels))
    theirs = LogisticRegression(C=0.1, max_iter=1000).fit(parts[0], labels[0])
    assert linear[0.1][0] == pytest.approx(1 - theirs.score(parts[1], labels[1]), abs=0.026)
    bent = dict(experiments.kernel_errors(parts, labels))
    theirs = SVC(C=10.0, gamma="scale").fit(parts[0], labels[0])
    assert bent[10.0] == [pytest.approx(1 - theirs.score(*part)) for part in zip(parts[1:], labels[1:], strict=True)]


# The page


@pytest.fixture(scope="module")
def page():
    return functions(all_lessons()[NAME], "gabor", "bar", "energy")


def test_a_gabor_is_the_real_part_of_a_wave_under_a_bell(page):
    y, x = np.mgrid[:15, :15] - 7
    angle, phase = 0.7, 0.4
    turned = (x + 1j * y) * np.exp(-1j * angle)
    wave = np.exp(1j * (2 * np.pi * turned.real / 6 + phase))
    expected = (wave * np.exp(-(turned.real**2 + 0.25 * turned.imag**2) / (2 * 2.5**2))).real
    found = page["gabor"](angle, phase, size=15, wavelength=6.0, spread=2.5, aspect=0.5)
    np.testing.assert_allclose(found, expected - expected.mean(), atol=1e-12)
    assert found.sum() == pytest.approx(0, abs=1e-9)


def test_a_bar_has_its_length_and_width(page):
    assert page["bar"](0.0, length=9, width=3, size=31).sum() == pytest.approx(27)
    assert page["bar"](0.5, length=9, width=3, size=31).sum() == pytest.approx(27, abs=1.5)


def test_energy_is_of_an_even_and_an_odd_detector(page):
    image = pictures(1, 40)[0]
    pair = [signal.correlate2d(image, page["gabor"](0.3, phase), mode="valid") for phase in (0, np.pi / 2)]
    np.testing.assert_allclose(page["energy"](image, 0.3)[10:-10, 10:-10], np.hypot(*pair), atol=1e-4)


def test_moved_blocks_are_the_same_blocks():
    move = functions(all_lessons()[NAME], "move_blocks")["move_blocks"]
    patches = pictures(3, 32)
    moved = move(patches)
    np.testing.assert_array_equal(moved[:, :16, :16], patches[:, 16:, 16:])
    np.testing.assert_allclose(np.sort(moved.reshape(3, -1)), np.sort(patches.reshape(3, -1)))
    assert not np.array_equal(moved, patches)


# Figures


def test_the_lens_shows_answers_and_energies(page):
    lens = figures.Lens(page["gabor"], pictures(1, 60)[0])
    detector, answers, energy = lens.maps(30, 0, 8, 0.7)
    np.testing.assert_allclose(detector, page["gabor"](np.pi / 6))
    assert answers.shape == energy.shape == (40, 40)
    assert (energy >= np.abs(answers) - 1e-9).all()
    pixels(lens.draw())


def test_strokes_lie_across_the_slopes():
    cells = np.zeros((1, 2, 4))
    cells[0, 0, 0], cells[0, 1, 2] = 1, 0.5  # a slope to the right; one downwards
    figure = figures.slopes({"one": np.zeros((8, 8))}, [cells])
    strokes = {line.get_alpha(): np.ptp(line.get_data(), axis=1) for line in figure.axes[1].lines if line.get_alpha()}
    np.testing.assert_allclose(strokes[1.0], [0, 0.9], atol=1e-12)  # upright
    np.testing.assert_allclose(strokes[0.5], [0.9, 0], atol=1e-12)
    plt.close(figure)


def test_bars_of_textons_are_their_shares():
    maps = [np.array([[0, 0], [2, 1]]), np.array([[1, 1], [1, 1]])]
    figure = figures.textons({"a": pictures(1)[0], "b": pictures(1, seed=1)[0]}, maps, 3)
    heights = [[bar.get_height() for bar in axes.patches] for axes in figure.axes if axes.patches]
    assert heights == [[0.5, 0.25, 0.25], [0, 1, 0]]
    plt.close(figure)


def test_wrong_matches_have_another_look():
    points = np.array([[[1, 2], [1, 2]], [[3, 4], [5, 6]]], dtype=float)
    figure = figures.matches(np.zeros((10, 10)), np.zeros((8, 8)), points, np.array([True, False]))
    right, wrong = figure.axes[0].lines
    assert (right.get_linestyle(), wrong.get_linestyle()) == ("-", "--")
    np.testing.assert_array_equal(wrong.get_xdata(), [4, 6 + 20])
    plt.close(figure)


def test_the_contest_draws_the_mean_of_the_runs():
    runs = np.array([[0.2, 0.4], [0.1, 0.1]])
    figure = figures.contest({"a": {"HOG": runs}, "b": {"HOG": runs}}, {"a": [10, 100], "b": [10, 100]})
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [0.3, 0.1])
    plt.close(figure)


@pytest.mark.parametrize("rows", [{"one": pictures(3, 5)}, {"one": pictures(3, 5), "two": pictures(2, 7)}])
def test_detectors_stand_in_rows(rows):
    figure = figures.detectors(rows)
    assert sum(bool(axes.images) for axes in figure.axes) == sum(map(len, rows.values()))
    plt.close(figure)


def test_units_are_drawn_class_by_class():
    labels = data.digits().test.labels[:60]
    figure = figures.selectivity(labels * 1.0, labels, 3)
    assert [set(line.get_ydata()) for line in figure.axes[0].lines] == [
        {float(k)} & set(labels * 1.0) for k in range(10)
    ]
    plt.close(figure)
