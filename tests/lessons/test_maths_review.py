"""The figures of lesson 01 show what they are given, and its records are what they are said to be."""

import numpy as np
import pytest
from drawn import all_fit_the_page
from scipy.optimize import approx_fprime

from course_lessons.maths_review import evidence as experiments
from course_lessons.maths_review import figures
from course_lib.evidence import evidence

MASTS = np.array([[1.0, 2], [9, 1], [8, 8], [2, 7]])
RIGHT = np.array([6.0, 4.0])


@pytest.fixture
def town():
    return figures.Town(MASTS, np.linalg.norm(RIGHT - MASTS, axis=1))


# The town


def test_the_loss_is_half_the_mean_squared_miss(town):
    assert town.loss(RIGHT) == 0
    misses = [np.hypot(*(np.array([4.0, 6.0]) - mast)) - told for mast, told in zip(MASTS, town.told, strict=True)]
    assert town.loss([4.0, 6.0]) == pytest.approx(sum(miss**2 for miss in misses) / 8)


def test_the_gradient_is_that_of_the_loss_for_many_places_at_once(town):
    places = np.random.default_rng(0).uniform(0, 10, (5, 2))
    for place, found in zip(places, town.gradient(places), strict=True):
        np.testing.assert_allclose(found, approx_fprime(place, town.loss, 1e-7), atol=1e-5)


def test_on_a_mast_its_own_arrow_counts_as_nothing(town):
    others = figures.Town(MASTS[1:], town.told[1:])
    np.testing.assert_allclose(town.gradient(MASTS[0]), others.gradient(MASTS[0]) * 3 / 4)


def test_the_map_shows_the_guess_and_how_far_each_mast_is_missed(town):
    map_axes, bars = town.at(east=5.0, north=3.0).axes
    assert [circle.radius for circle in map_axes.patches] == pytest.approx(town.told)
    assert map_axes.lines[-1].get_xydata()[0].tolist() == [5, 3]
    widths = [bar.get_width() for bar in bars.patches]
    assert widths == pytest.approx(town.distances([5.0, 3.0]) - town.told)
    all_fit_the_page()


def test_the_arrows_are_one_long_and_lead_away(town):
    (axes,) = town.arrows(np.array([4.0, 6.0])).axes
    arrows = [text for text in axes.texts if text.arrow_patch]
    for arrow, mast in zip(arrows, MASTS, strict=True):
        step = np.array(arrow.xy) - arrow.get_position() if arrow.get_text() else np.array(arrow.xy) - arrow.xyann
        assert np.linalg.norm(step) == pytest.approx(1) and step @ (np.array([4.0, 6.0]) - mast) > 0
    all_fit_the_page()


def test_descents_and_walks_show_their_paths(town):
    path = np.array([[1.0, 9.0], [3.0, 7.0], [6.0, 4.1]])
    _, losses = town.descents({"a": path, "b": path[:2]}).axes
    assert losses.lines[0].get_ydata() == pytest.approx(town.loss(path)) and len(losses.lines[1].get_ydata()) == 2
    arrived = town.walk(rate=2.0).axes[0].lines[-1].get_xydata()[0]
    assert arrived == pytest.approx(RIGHT, abs=1e-3)
    town.walk(east=1.0, north=2.0, rate=4.0, noise=2.0)  # from a mast, and too fast
    all_fit_the_page()


def test_valleys_part_the_walkers_by_where_they_end(town):
    starts = np.random.default_rng(0).uniform(0, 10, (20, 2))
    ends = np.where(starts[:, 1:] > 4.5, [[4.0, 8.0]], [[4.0, 2.0]])
    _, _, heights = town.valleys((starts, ends), starts, ends).axes
    assert sum(patch.get_height() for patch in heights.patches) >= 20
    all_fit_the_page()


# Slopes


def test_a_secant_closes_on_the_tangent():
    secant = figures.Secant(lambda x: x**2, x=1.0, window=(-1, 3))
    assert secant.slope(1.0) == pytest.approx(3) and secant.slope(1e-6) == pytest.approx(2)
    titles = [axes.get_title() for axes in secant.strip((1.0, 0.5)).axes]
    assert titles == ["h = 1: slope 3.00", "h = 0.5: slope 2.50"]
    secant.at(2.0)
    all_fit_the_page()


def test_the_three_readings_add_up():
    A, B = np.array([[2, 1], [0, 3]]), np.array([[1, 2], [3, 1]])
    figure = figures.readings(A, B)
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert words.count("9") == 4 and "= 1 ·" in words and "+ 3 ·" in words
    all_fit_the_page()


def test_the_nudges_are_drawn_with_their_predictions():
    nudges = np.logspace(-6, 0, 7)
    (axes,) = figures.nudge_sizes(nudges, {"a": nudges, "b": nudges**2}, {"a": 1e-3, "b": 1e-2}).axes
    assert [line.get_xdata()[0] for line in axes.lines[1::2]] == [1e-3, 1e-2]
    all_fit_the_page()


# Records


def test_of_each_number_of_knobs_the_best_share_is_taken():
    record = evidence("random_search", lesson="01_maths_review")
    knobs, shares, tries = figures.fewest_tries(record)
    assert knobs == list(experiments.KNOBS) and tries.shape == (4, 20)
    for n, share, row in zip(knobs, shares, tries, strict=True):
        means = record[record.knobs == n].groupby("share").tries.mean()
        assert means.min() == means[share] == row.mean()
        assert experiments.SHARES[0] < share < experiments.SHARES[-1], "the grid has to enclose the best"


def test_a_search_ends_where_one_per_cent_is_left_or_patience_ends():
    rng = np.random.default_rng(0)
    assert 1 <= experiments.search(2, 0.8, rng) < 200
    assert experiments.search(2, 1e-6, rng) == 200


def test_the_walk_along_the_main_directions_is_the_walk_step_by_step():
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(30, 4)), rng.normal(size=(30, 2))
    inputs[:, 3] = inputs[:, 0]  # a flat direction
    rate = 0.95 * 2 * 30 / np.linalg.norm(inputs, 2) ** 2
    weights, steps = np.zeros((4, 2)), dict(zip((1, 7, 40), experiments.walk(inputs, targets, (1, 7, 40)), strict=True))
    for step in range(1, 41):
        weights -= rate * inputs.T @ (inputs @ weights - targets) / 30
        if step in steps:
            np.testing.assert_allclose(steps[step], weights, atol=1e-10)


def test_the_record_of_the_walk_ends_near_the_exact_minimum():
    record = evidence("low_enough", lesson="01_maths_review")
    (figure_loss, _) = figures.steps_and_error(record).axes
    assert figure_loss.lines[0].get_xdata().tolist() == list(experiments.STEPS)
    last, exact = (record[record.steps == steps].loss.mean() for steps in ("1000000", "exact"))
    assert exact < last < 1.05 * exact
    all_fit_the_page()
