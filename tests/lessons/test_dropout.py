"""The figures of lesson 16 show what they are given, and the means it teaches are right."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from lesson_code import all_lessons, answer

from course_lessons.dropout import evidence as experiments
from course_lessons.dropout import figures
from course_lib.layers import Dense, Dropout, softmax

# The mask sampler


def test_without_a_rate_nothing_is_dropped_and_nothing_is_random():
    network, outputs = figures.mask_sampler(rate=0.0).axes
    assert network.get_title() == "0 of 12 hidden units dropped"
    mean, whole, this = (line.get_xdata()[0] for line in outputs.lines)
    assert mean == pytest.approx(whole) == pytest.approx(this)


def test_the_sampler_counts_what_it_crosses_out():
    for seed in range(4):
        network = figures.mask_sampler(rate=0.5, seed=seed).axes[0]
        stay, gone, crosses = (len(group.get_offsets()) for group in network.collections)
        assert network.get_title() == f"{gone} of 12 hidden units dropped"
        assert gone == crosses and stay + gone == 3 + 6 + 6 + 1


def test_the_output_of_the_little_network_is_that_of_our_layers():
    """With the same masks, divided by the keep probability."""
    masks = figures._masks(0.5, np.random.default_rng(1))
    x = np.ones((1, 3))
    for kernel, mask in zip(figures._WEIGHTS[:-1], masks[1:], strict=False):
        layer = Dense(*kernel.shape, np.random.default_rng(0))
        layer.parameters["kernel"] = kernel
        x = np.tanh(layer.forward(x)) * np.where(mask, 2.0, 0.0)
    assert figures._output(masks, 0.5) == pytest.approx((x @ figures._WEIGHTS[-1]).item())


def test_the_sheet_has_a_panel_for_each_rate():
    figure = figures.mask_sampler_sheet(rates=(0.1, 0.5))
    assert [axes.get_title() for axes in figure.axes] == ["rate 0.1", "rate 0.5"]
    assert len(figure.legends[0].texts) == 3


# Thinned networks


def test_edges_end_only_at_units_that_stay():
    masks = [np.ones(2), np.array([1.0, 0.0, 1.0]), np.ones(1)]
    _, axes = plt.subplots()
    figures.network(axes, masks)
    assert len(axes.lines) == 2 * 2 + 2 * 1
    assert not any((1, 0) in zip(*line.get_data(), strict=True) for line in axes.lines)  # the unit that is gone


def test_a_layer_may_be_gone_altogether():
    _, axes = plt.subplots()
    figures.network(axes, [np.ones(2), np.zeros(3), np.ones(1)])
    assert not axes.lines


def test_the_first_network_is_whole():
    whole, *thinned = figures.thinned_networks(rate=0.5, number=3).axes
    assert len(whole.collections[1].get_offsets()) == 0
    assert [axes.get_title() for axes in thinned] == ["mask 1", "mask 2", "mask 3"]


def test_masks_are_drawn_as_squares_and_crosses():
    mask = np.array([[True, False, True], [False, False, True]])
    (axes,) = figures.mask_rows(mask, ["one", "two"]).axes
    np.testing.assert_array_equal(np.ravel(axes.collections[0].get_array()), mask.ravel())
    crosses = {(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines}
    assert crosses == {(1.5, 0.5), (0.5, 1.5), (1.5, 1.5)}


# Filters, answers


def test_filters_are_stretched_to_their_own_largest_weight():
    grid = np.random.default_rng(0).normal(size=(8, 3, 3)) * np.arange(1, 9)[:, None, None]
    axes = figures.filters({"a": grid, "b": grid}, columns=4).axes
    sheet = np.asarray(axes[0].images[0].get_array())
    assert sheet.shape == (2 * 5, 4 * 5)
    first = sheet[1:4, 1:4]
    np.testing.assert_allclose(first, grid[0] / np.abs(grid[0]).max())


def test_marks_of_the_ensemble_stand_where_they_are():
    axes = figures.ensemble(np.linspace(0, 1, 50), {"one": 0.3, "two": 0.7}, "probability").axes[0]
    assert [line.get_xdata()[0] for line in axes.lines] == [0.3, 0.7]


# What the lesson says, with what it lets students write


@pytest.fixture
def lesson():
    return all_lessons()["16_dropout"]


@pytest.mark.parametrize("keep", [0.5, 0.8])
def test_rescaled_kernels_give_the_mean_over_all_masks(lesson, keep):
    """For linear layers, one hidden one of five units."""
    rng = np.random.default_rng(0)
    kernels, x = [rng.normal(size=(3, 5)), rng.normal(size=(5, 2))], rng.normal(size=3)
    mean = 0
    for mask in itertools.product([0, 1], repeat=5):
        chance = np.prod(np.where(mask, keep, 1 - keep))
        mean += chance * ((x @ kernels[0] * mask) @ kernels[1])
    first, last = answer(lesson, "keep_scaling")(kernels, keep)
    np.testing.assert_allclose(x @ first @ last, mean)


def test_the_answer_drops_as_our_layer_does(lesson):
    layer, x = Dropout(0.3, np.random.default_rng(5)), np.random.default_rng(0).normal(size=(4, 6))
    layer.training = True
    uniforms = np.random.default_rng(5).random(x.shape)
    np.testing.assert_allclose(layer.forward(x), answer(lesson, "dropout_forward")(x, uniforms, 0.3))


def test_the_expected_output_is_what_many_masks_give(lesson):
    rng = np.random.default_rng(2)
    x, weights = rng.random(5), rng.normal(size=5)
    masks = rng.random((100_000, 5)) < 0.7
    sampled = np.maximum(masks * x @ weights + 0.1, 0).mean()
    assert answer(lesson, "expected_output")(x, weights, 0.1, 0.7) == pytest.approx(sampled, abs=0.01)


@pytest.mark.parametrize("keep", [0.5, 0.8])
def test_weighted_by_their_masks_all_networks_have_the_geometric_mean_that_one_run_gives(lesson, keep):
    rng = np.random.default_rng(1)
    features, kernel, bias = rng.normal(size=5), rng.normal(size=(5, 3)), rng.normal(size=3)
    masks = np.array(list(itertools.product([0, 1], repeat=5)))
    weights = np.prod(np.where(masks, keep, 1 - keep), axis=1)
    probabilities = softmax(masks / keep * features @ kernel + bias)
    mean = answer(lesson, "geometric_mean")(probabilities, weights)
    np.testing.assert_allclose(mean, softmax(features @ kernel + bias))


def test_doubt_is_the_deviation_of_the_class_with_the_highest_mean(lesson):
    said = np.array([[[0.9, 0.1]], [[0.4, 0.6]], [[0.5, 0.5]]])  # means 0.6 and 0.4
    np.testing.assert_allclose(answer(lesson, "doubt")(said), [np.sqrt((0.3**2 + 0.2**2 + 0.1**2) / 3)])


# The experiments


def test_removing_units_removes_their_share():
    """All units gone leaves the last bias alone; none gone leaves the network as it is."""
    net, images = experiments.build((8,), 1.0, seed=0), np.random.default_rng(0).random((30, 784), "float32")
    net.layers[-1].parameters["bias"][:] = np.arange(10)
    rng = np.random.default_rng(0)
    whole, none = (experiments.without_units(net, share, False, rng).forward(images) for share in (0, 1))
    np.testing.assert_array_equal(whole, net.forward(images))
    np.testing.assert_allclose(none, np.tile(np.arange(10), (30, 1)))


def test_what_is_left_of_a_layer_is_scaled_to_the_old_mean():
    net = experiments.build((10,), 1.0, seed=0)
    net.layers[-1].parameters["kernel"][:] = 1
    scaled = experiments.without_units(net, 0.6, True, np.random.default_rng(0)).layers[-1].parameters["kernel"]
    assert sorted(scaled[:, 0]) == pytest.approx([0] * 6 + [2.5] * 4)


def test_above_counts_pairs():
    first, second = np.array([1.0, 3.0]), np.array([0.0, 1.0, 2.0])
    assert experiments.above(first, second) == pytest.approx((1 + 0.5 + 3) / 6)
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 9, 20), rng.integers(2, 12, 30)
    pairs = np.subtract.outer(first, second)
    assert experiments.above(first, second) == pytest.approx(np.mean((pairs > 0) + 0.5 * (pairs == 0)))


def test_a_smooth_filter_is_not_rough_and_noise_is():
    assert experiments.roughness(np.ones((1, 20, 20))) == 0
    assert experiments.roughness(np.random.default_rng(0).normal(size=(50, 20, 20))) == pytest.approx(0.95, abs=0.02)


def test_the_clerk_gets_the_share_wrong_that_is_asked_for():
    images, labels, spoilt = experiments.few(seed=3, wrong=0.2)
    _, truth, _ = experiments.few(seed=3, wrong=0)
    assert images.shape == (1000, 784) and spoilt.sum() == 200
    np.testing.assert_array_equal(labels != truth, spoilt)
