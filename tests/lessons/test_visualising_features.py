"""The figures of lesson 26 show what they are given."""

import numpy as np
import pytest
from drawn import pixels

from course_lessons.visualising_features import figures
from course_lib import data
from course_lib.explain.activations import Strongest

SHAPES = data.shapes(6, seed=1, size=16)


def tallies(images):
    """Probabilities of two classes: the share of pixels that are exactly grey, and the rest."""
    grey = np.mean(np.all(images == 0.5, axis=-1), axis=(1, 2))
    return np.stack([1 - grey, grey], axis=1)


# Curves


def test_a_curve_shows_the_mean_and_the_reach_of_its_seeds():
    runs = {"one": [[0.0, 0.2], [0.4, 0.8]], "other": [0.1, 0.3]}
    (axes,) = figures.curves([1, 2], runs, "epoch", "share", chance={"luck": 0.5}).axes
    one, other = axes.containers
    np.testing.assert_allclose(one.lines[0].get_ydata(), [0.1, 0.6])
    np.testing.assert_allclose([segment[:, 1] for segment in one.lines[2][0].get_segments()], [[0, 0.2], [0.4, 0.8]])
    np.testing.assert_allclose(other.lines[0].get_ydata(), [0.1, 0.3])
    assert sorted(text.get_text() for text in axes.get_legend().texts) == ["luck", "one", "other"]
    assert axes.get_xlabel() == "epoch" and axes.get_ylabel() == "share"


def test_curves_over_layers_name_them():
    (axes,) = figures.curves(["relu1", "fc7"], {"zeros": [0.5, 0.7]}, "layer", "share").axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["relu1", "fc7"]
    assert figures.curves([0.01, 1], {"dead": [0, 1]}, "rate", "share", log=True).axes[0].get_xscale() == "log"


def test_every_test_has_a_bar_for_each_network_and_a_dot_for_each_seed():
    scores = {"a": {"same": [0.9, 1.0], "swapped": [0.0, 0.2]}, "b": {"same": [0.8, 0.8], "swapped": [0.7, 0.9]}}
    (axes,) = figures.swapped(scores, chance=0.5).axes
    np.testing.assert_allclose([bar.get_height() for bar in axes.patches], [0.95, 0.1, 0.8, 0.8])
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(
        np.concatenate([each.get_ydata() for each in dots]), [0.9, 1, 0, 0.2, 0.8, 0.8, 0.7, 0.9]
    )
    assert [label.get_text() for label in axes.get_xticklabels()] == ["same", "swapped"]


# Strongest patches


def sheet_of(boxes):
    boxes = np.array(boxes)
    found = Strongest(np.arange(len(boxes)), np.ones(len(boxes)), np.zeros((len(boxes), 2), int), boxes)
    signals = np.zeros((len(boxes), 16, 16, 3))
    signals[:, 3, 4] = 2.0
    return figures.strongest_sheet(SHAPES.images, {"relu1, 0": (found, signals)})


def test_the_sheet_shows_the_patches_and_what_made_the_answer():
    (axes,) = sheet_of([[0, 0, 8, 8], [8, 8, 16, 16]]).axes
    shown, tile = np.asarray(axes.images[0].get_array()), figures.TILE
    assert shown.shape == (2 * tile, 2 * tile, 3)
    np.testing.assert_allclose(shown[tile // 2, tile // 2], SHAPES.images[0][4, 4], atol=1e-6)
    assert shown[tile:, :tile].max() == 1 and np.any(np.all(shown[tile:, :tile] == 0.5, axis=-1))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["relu1, 0: patch", "projected back"]


def test_patches_at_an_edge_keep_their_scale():
    (axes,) = sheet_of([[0, 0, 8, 8], [0, 0, 4, 8]]).axes
    tile = figures.TILE
    cut = np.asarray(axes.images[0].get_array())[tile:, tile:]  # the projection of the second, grey on white
    inked = np.any(cut != 1, axis=-1)
    assert inked.any(axis=0).sum() == 2 * inked.any(axis=1).sum() == tile - 4


def test_a_silent_unit_has_a_sheet_too():
    found = Strongest(np.array([0]), np.zeros(1), np.zeros((1, 2), int), np.array([[0, 0, 16, 16]]))
    figure = figures.strongest_sheet(SHAPES.images, {"dead": (found, np.zeros((1, 16, 16, 3)))})
    assert pixels(figure).std() > 5


# Hiding


def test_the_square_hides_what_the_sliders_say():
    left, right = figures.Hide(tallies, SHAPES.images, ["clear", "grey"]).draw(number=2, top=4, left=6, size=8).axes
    shown = np.asarray(left.images[0].get_array())
    assert np.all(shown[4:12, 6:14] == 0.5)
    np.testing.assert_allclose(shown[:4], SHAPES.images[2][:4])
    assert [bar.get_width() for bar in right.patches] == pytest.approx([1, 0, 0.75, 0.25])
    assert left.get_title() == "now: clear, 75%"


def test_the_square_never_hangs_over_the_edge():
    left, _ = figures.Hide(tallies, SHAPES.images, ["clear", "grey"]).draw(top=60, left=60, size=10).axes
    assert np.all(np.asarray(left.images[0].get_array())[6:, 6:] == 0.5)
