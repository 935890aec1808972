"""The figures of lesson 11 show what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d

from course_lessons.conv_backprop import figures
from course_lib.plots import grids

RNG = np.random.default_rng(0)


@pytest.fixture
def blame() -> figures.Blame:
    inputs, kernel = RNG.integers(-2, 3, (6, 5)), RNG.integers(-2, 3, (3, 2))
    return figures.Blame(inputs.astype(float), kernel.astype(float), RNG.integers(1, 4, (4, 4)).astype(float))


def numbers(axes) -> np.ndarray:
    return np.asarray(axes.images[0].get_array())


def frames(axes) -> list[tuple]:
    return [(patch.get_y() + 0.5, patch.get_x() + 0.5, patch.get_height(), patch.get_width()) for patch in axes.patches]


def test_a_grid_writes_every_number():
    _, axes = plt.subplots()
    grids.grid(axes, [[1.25, -2.0], [-0.0, 3.0]], "title", decimals=2)
    assert [text.get_text() for text in axes.texts] == ["1.25", "-2", "0", "3"]
    assert axes.get_title() == "title"


def test_shared_weights_stand_in_rows_and_columns():
    axes = figures.shared_weights(inputs=5, kernel_size=3, row=1, column=2).axes[0]
    words = np.reshape([text.get_text() for text in axes.texts[:15]], (3, 5))
    assert words[1].tolist() == ["0", "$w_0$", "$w_1$", "$w_2$", "0"]
    assert words[:, 2].tolist() == ["$w_2$", "$w_1$", "$w_0$"]
    assert frames(axes) == [(1, 0, 1, 5), (0, 2, 3, 1)]


def test_one_output_blames_its_window(blame):
    axes = blame.at(2, 1).axes
    expected = blame.deltas[2, 1] * blame.inputs[2:5, 1:3]
    np.testing.assert_array_equal(numbers(axes[3]), expected)
    by_inputs = np.zeros((6, 5))
    by_inputs[2:5, 1:3] = blame.deltas[2, 1] * blame.kernel
    np.testing.assert_array_equal(numbers(axes[4]), by_inputs)
    assert frames(axes[0]) == frames(axes[4]) == [(2, 1, 3, 2)]
    assert frames(axes[2]) == [(2, 1, 1, 1)]


def test_all_outputs_together_give_the_gradients(blame):
    axes = blame.at(3, 3, "all outputs up to it").axes
    np.testing.assert_allclose(numbers(axes[3]), correlate2d(blame.inputs, blame.deltas, mode="valid"))
    np.testing.assert_allclose(numbers(axes[4]), convolve2d(blame.deltas, blame.kernel, mode="full"))
    assert len(frames(axes[2])) == blame.deltas.size


def test_strip_ends_with_the_sum(blame):
    axes = np.reshape(blame.strip([(0, 1), (2, 0)]).axes, (3, 4))
    np.testing.assert_array_equal(numbers(axes[1, 0]), blame.kernel)
    np.testing.assert_array_equal(numbers(axes[2, 0]), blame.inputs)
    axes = axes[:, 1:]
    assert [panel.get_title() for panel in axes[0]] == ["(0, 1)", "(2, 0)", "all outputs"]
    np.testing.assert_array_equal(numbers(axes[1, 1]), blame.deltas[2, 0] * blame.inputs[2:5, 0:2])
    np.testing.assert_allclose(numbers(axes[2, 2]), convolve2d(blame.deltas, blame.kernel, mode="full"))
    assert frames(axes[2, 0]) == [(0, 1, 3, 2)] and frames(axes[2, 2]) == []


def test_values_go_there_and_gradients_back():
    ahead = {"in": np.arange(12.0).reshape(3, 4), "out": np.array(1.5)}
    back = {"by in": -np.ones((3, 4)), "by out": np.array(2.0)}
    axes = figures.there_and_back(ahead, back).axes
    assert [panel.get_title() for panel in axes] == ["in", "out", "by in", "by out"]
    np.testing.assert_array_equal(numbers(axes[0]), ahead["in"])
    assert [panel.texts[0].get_text() for panel in axes] == ["0", "1.5", "-1", "2"]


def test_bars_stand_beside_all_kernels():
    figure = figures.bars_and_kernels(RNG.normal(size=(2, 8, 8, 1)), ["level", "upright"], np.ones((3, 3, 4)))
    assert [axes.get_title() for axes in figure.axes] == ["level", "upright", *(f"kernel {k}" for k in range(1, 5))]
