"""The figures of lesson 20 show what they are given, and what it counts agrees with Keras."""

import keras
import numpy as np
import pytest

from course_lessons.googlenet import figures, relatives
from course_lib.anatomy import anatomy
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.googlenet import inception, naive_inception

RANDOM = np.random.default_rng(0)


def widths(container) -> list[float]:
    return [bar.get_width() for bar in container]


# What modules cost


@pytest.mark.parametrize(("channels", "side"), [(256, 28), (12, 7)])
def test_costs_are_those_that_anatomy_counts(channels, side):
    x = keras.Input((side, side, channels))
    naive = anatomy(keras.Model(x, naive_inception(x, 128, 192, 96, name="m")))
    costs = figures.module_costs(channels, (128, 192, 96), side=side)
    assert costs == {name: naive[f"m_{name.replace('×', 'x')}"].multiply_adds for name in costs}
    reduced = anatomy(keras.Model(x, inception(x, 128, 64, 192, 32, 96, 48, name="m")))
    costs = figures.module_costs(channels, (128, 192, 96), (64, 32), 48, side)
    layers = {"3×3 reduce": "m_3x3_reduce", "5×5 reduce": "m_5x5_reduce", "pooling 1×1": "m_pool_1x1"}
    for name, cost in costs.items():
        assert cost == reduced[layers.get(name, f"m_{name.replace('×', 'x')}")].multiply_adds, name
    assert sum(costs.values()) == reduced.total.multiply_adds


def test_the_designer_adds_up_what_it_draws():
    (axes,) = figures.designer().axes
    assert axes.get_title().startswith("3.15 times fewer") and "256 maps become 672, or 480" in axes.get_title()
    totals = np.sum([widths(container) for container in axes.containers], axis=0)
    np.testing.assert_allclose(totals, [854_196_224, 271_351_808])
    assert [text.get_text().strip() for text in axes.texts] == ["854 M", "271 M"]


def test_wide_bottlenecks_cost_more_than_none():
    (axes,) = figures.bottleneck_curve().axes
    curve, naive = axes.lines
    totals, limit = curve.get_ydata(), naive.get_ydata()[0]
    assert totals[0] < limit < totals[-1] and np.all(np.diff(totals) > 0)
    assert totals[list(curve.get_xdata()).index(64)] == 271_351_808 and limit == 854_196_224


# BN-Inception


def test_bn_inception_has_the_maps_that_were_released_and_the_cost_that_was_published():
    net = blueprint(relatives.bn_inception)
    joined = [layer.output.shape[2:] for layer in net.layers if isinstance(layer, keras.layers.Concatenate)]
    depths = {28: [256, 320], 14: [576, 576, 576, 608, 608], 7: [1056, 1024, 1024]}
    assert joined == [(side, depth) for side, those in depths.items() for depth in those]
    assert anatomy(net).total.multiply_adds == pytest.approx(2.03e9, rel=0.005)


# Figures


def test_branches_are_shown_beside_the_picture():
    maps = {"one": RANDOM.random((4, 5)), "two": RANDOM.random((4, 5))}
    axes = figures.branch_outputs(RANDOM.random((4, 5, 3)), maps).axes
    assert [each.get_title() for each in axes] == ["picture", "one", "two"]
    np.testing.assert_array_equal(axes[2].images[0].get_array(), maps["two"])


def test_stacks_start_with_the_maps_of_the_input():
    left, right = figures.stacks({"naive": ([2, 5, 8], [10, 25]), "other": ([2, 4, 4], [8, 9])}).axes
    np.testing.assert_array_equal(left.lines[0].get_xydata(), [[0, 2], [1, 5], [2, 8]])
    np.testing.assert_array_equal(right.lines[1].get_xydata(), [[1, 8], [2, 9]])
    assert (left.get_xlabel(), right.get_xlabel()) == ("modules so far", "module")


def test_a_gradient_profile_marks_what_hangs_behind_a_layer():
    runs = {"one": np.array([[1.0, 100.0], [2.0, 2.0]]), "two": np.ones((2, 2))}
    left, right = figures.gradient_profile({"start": runs, "other": runs}, 2, {"4a": 1.5}).axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), [50.5, 2])
    for axes in (left, right):
        assert axes.get_yscale() == "log" and [text.get_text() for text in axes.texts] == ["4a"]
        assert list(axes.lines[-1].get_xdata()) == [1.5, 1.5]
