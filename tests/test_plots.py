"""Figures: they stay small, and hold what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import pixels

from course_lessons.perceptron import figures
from course_lib import plots
from course_lib.plots import charts, planes

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def test_pictures_are_small():
    assert len(plots.png(figures.neuron_surface(unit="sigmoid"))) < 40_000


def test_colours_differ_for_every_colour_vision():
    """Under each simulated dichromacy (Viénot, Brettel and Mollon, 1999) the two class colours stay far apart."""
    to_cones = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
    lose = {
        "protan": np.array([[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]]),
        "deutan": np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]]),
    }
    colours = np.array([plt.matplotlib.colors.to_rgb(c) for c in (plots.BLUE, plots.VERMILION)]) ** 2.2
    for matrix in lose.values():
        seen = (np.linalg.inv(to_cones) @ matrix @ to_cones @ colours.T).T
        assert np.linalg.norm(np.clip(seen[0], 0, 1) ** (1 / 2.2) - np.clip(seen[1], 0, 1) ** (1 / 2.2)) > 0.4


def test_regions_show_the_output():
    _, axes = plt.subplots()
    planes.regions(axes, lambda x: x[:, 0] - 0.5, window=(0, 1), resolution=11)
    values = axes.images[0].get_array()
    np.testing.assert_allclose(values[3], np.linspace(0, 1, 11) - 0.5)


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


def test_spread_reaches_from_the_worst_to_the_best_seed():
    _, axes = plt.subplots()
    charts.spread(axes, [1, 2], [[0.1, 0.3, 0.8], [0.5, 0.5, 0.5]], label="x")
    (bars,) = axes.collections
    np.testing.assert_allclose([segment[:, 1] for segment in bars.get_segments()], [[0.1, 0.8], [0.5, 0.5]])


def test_unit_strip_has_a_panel_per_unit_with_its_own_targets():
    units = {"AND": np.array([-1.5, 1, 1]), "NAND": np.array([1.5, -1, -1])}
    figure = figures.unit_strip(CORNERS, [[-1, -1, -1, 1], [1, 1, 1, -1]], units)
    assert [axes.get_title() for axes in figure.axes] == ["AND", "NAND"]
    for axes, fires_at_the_origin in zip(figure.axes, (False, True), strict=True):
        assert (axes.images[0].get_array()[0, 0] > 0) == fires_at_the_origin
        triangles, circles = (collection.get_offsets() for collection in axes.collections[-2:])
        assert ([0, 0] in triangles.tolist()) == fires_at_the_origin and len(triangles) + len(circles) == 4


def test_charts_hold_the_numbers_they_are_given():
    figure = charts.bars([1, 2], [0.25, 1.0], "x", "y")
    assert [bar.get_height() for bar in figure.axes[0].patches] == [0.25, 1.0]
    assert [text.get_text() for text in figure.axes[0].texts] == ["25%", "100%"]
    figure = charts.growth([1, 10], [[0.1, 0.3], [0.6, 0.8]], "runs", 0.5, "guessing", "x", "y")
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [0.2, 0.7])
    assert {text.get_text() for text in figure.axes[0].get_legend().texts} == {"runs", "guessing"}
    figure = figures.mistakes_and_ceiling([0.1, 0.2], [0, 5], [300, 80])
    ceilings, mistakes = figure.axes[0].lines
    assert mistakes.get_ydata().tolist() == [1, 5] and ceilings.get_ydata().tolist() == [300, 80]


def test_timeline_names_every_date():
    figure = charts.timeline({"first": 1943, "second": 1957})
    assert [text.get_text() for text in figure.axes[0].texts] == ["1943\nfirst", "1957\nsecond"]


def test_contact_sheet_has_a_title_for_each_picture():
    figure = charts.contact_sheet(np.zeros((5, 4, 4)), list("abcde"), columns=3)
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", "c", "d", "e", ""]


def test_the_two_block_diagrams_say_what_the_units_say():
    firing = np.array([1.0, 0, 1, 1, 0])
    figure = figures.brain_and_perceptron(np.eye(4), np.ones((16, 5)), firing, score=-2.0)
    words = " ".join(text.get_text() for text in figure.findobj(plt.Text))
    assert "−1: other" in words and "3 of them fire" in words and "5 association units" in words
