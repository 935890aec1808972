"""Lesson 10: matrices are the layers, tasks are what they say, exercises agree with Keras, figures show their input."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import first_picture
from lesson_code import all_lessons, answer, functions
from scipy import ndimage

from course_lessons.convolution_variants import exercises, figures, tasks

NAME = "10_convolution_variants"


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.fixture(scope="module")
def page():
    return functions(all_lessons()[NAME], "matrix_of", "wires", "run", "first_shares")


# The page


@pytest.mark.parametrize("options", [{}, {"strides": 2}, {"dilation_rate": 2}, {"strides": 3}])
def test_the_matrix_is_the_one_that_the_layer_has(page, options):
    layer = keras.layers.Conv2D(2, (3, 2), use_bias=False, **options)
    matrix = page["wires"](layer, (6, 7, 3))
    np.testing.assert_allclose(page["matrix_of"](layer.get_weights()[0], 6, 7, **options), matrix, atol=1e-6)


def test_shares_of_the_first_outer_product(page):
    column, row = random(3, seed=1), random(3, seed=2)
    np.testing.assert_allclose(page["first_shares"](np.array([np.outer(column, row), np.eye(3)])), [1, 1 / 3])


def test_a_dilation_of_eight_on_four_pixels_is_a_1x1():
    """The first thought question."""
    kernel, maps = random(3, 3, 2, 2), random(1, 4, 4, 2)
    far = keras.ops.conv(maps, kernel, padding="same", dilation_rate=8)
    np.testing.assert_allclose(far, keras.ops.conv(maps, kernel[1:2, 1:2]), atol=1e-6)


# The tasks


def test_inside_is_what_a_flood_from_outside_does_not_reach():
    """The outline alone closes; stray lines that end inside may only cut pieces off, which are inside, too."""
    pictures, inside = tasks.closed_lines(30, seed=3)
    assert pictures.shape == inside.shape == (30, 24, 24, 1)
    for picture, answer_ in zip(pictures[..., 0], inside[..., 0], strict=True):
        assert not (picture * answer_).any()
        around = np.pad(picture, 1)
        outside, _ = ndimage.label(around == 0)
        reached = (outside == outside[0, 0])[1:-1, 1:-1]
        assert not (reached & (answer_ == 1)).any() and answer_.sum() > 15


def test_overlap_is_shared_by_covered():
    said, truth = np.array([1.0, 2.0, -1.0, -3.0]), np.array([1, 0, 1, 0])
    assert tasks.overlap(said, truth) == pytest.approx(1 / 3)


@pytest.mark.parametrize("starts", [range(4), range(4, 8)])
def test_a_bar_walks_to_its_side_for_five_frames(starts):
    pictures, to_the_right = tasks.clips(40, seed=1, starts=starts)
    heights = pictures[..., 0].mean(axis=2)  # (clips, frames, columns): the bar is about 1, noise about 0
    for clip, right in zip(heights, to_the_right, strict=True):
        frames, columns = np.nonzero(clip > 0.5)
        assert len(frames) == 5 and frames[0] in starts
        np.testing.assert_array_equal(np.diff(frames), 1)
        np.testing.assert_array_equal(np.diff(columns), 1 if right else -1)


def test_the_two_tasks_come_anew_from_each_seed():
    assert not np.array_equal(tasks.closed_lines(5, 0)[0], tasks.closed_lines(5, 1)[0])
    np.testing.assert_array_equal(tasks.clips(5, 0)[0], tasks.clips(5, 0)[0])


# The exercises, against Keras


@pytest.mark.parametrize("multiplier", [1, 2])
def test_the_separated_kernels_are_those_of_a_separable_layer(multiplier):
    kernel, maps = random(3, 3, 3, 4), random(2, 6, 6, 3, seed=1).astype("float32")
    layer = keras.layers.SeparableConv2D(4, 3, depth_multiplier=multiplier, use_bias=False)
    layer.build(maps.shape)
    layer.set_weights(answer(all_lessons()[NAME], "separate")(kernel, multiplier))
    nearest = exercises.separate.oracle(kernel, multiplier).astype("float32")
    np.testing.assert_allclose(layer(maps), keras.ops.conv(maps, nearest), atol=1e-4)


def test_with_all_kernels_nothing_is_lost():
    kernel = random(2, 3, 3, 7)
    np.testing.assert_allclose(exercises.separate.oracle(kernel, 6), kernel, atol=1e-10)


@pytest.mark.parametrize("strides", [1, 2, 3])
def test_transposed_convolutions_agree_with_keras(strides):
    image, kernel = random(4, 3, 2), random(3, 3, 5, 2)
    found = keras.ops.conv_transpose(image[None], kernel, strides=strides, padding="valid")[0]
    np.testing.assert_allclose(exercises.transposed_convolution.oracle(image, kernel, strides), found, atol=1e-5)


def test_pixels_read_are_those_with_a_gradient():
    for kernel_size, rates in ((3, (2, 2, 2)), (3, (3, 9)), (2, (1, 3))):
        row = np.zeros((1, 60, 1))
        row[0, 30] = 1
        for rate in rates:
            row = keras.ops.conv(row, np.ones((kernel_size, 1, 1)), padding="same", dilation_rate=rate)
        reached = np.flatnonzero(row)
        assert exercises.pixels_read.oracle(kernel_size, rates) == (len(reached), np.ptp(reached) + 1)


def test_the_resizing_kernel_is_copying_and_convolving():
    kernel, maps = random(3, 3), random(1, 6, 6, 1).astype("float32")
    copied = keras.ops.image.resize(maps, (12, 12), interpolation="nearest")
    two_steps = np.asarray(keras.ops.conv(copied, kernel[:, :, None, None].astype("float32"), padding="same"))
    stamp = exercises.resize_kernel.oracle(kernel).astype("float32")[:, :, None, None]
    at_once = np.asarray(keras.ops.conv_transpose(maps, stamp, strides=2, padding="same"))
    np.testing.assert_allclose(at_once[0, 2:-2, 2:-2], two_steps[0, 2:-2, 2:-2], atol=1e-5)


# Figures


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("strides", [1, 2, 3, 4])
def test_counts_are_those_of_a_layer_of_ones(kernel_size, strides, padding):
    ones = np.ones((1, 4, 1)), np.ones((kernel_size, 1, 1))
    found = keras.ops.conv_transpose(*ones, strides=strides, padding=padding)
    np.testing.assert_array_equal(figures.counts(kernel_size, strides, padding), np.asarray(found)[0, :, 0])


def test_stamps_write_their_counts():
    axes = figures.stamps(3, 2, "same").axes[0]
    assert "8 outputs" in axes.get_title()
    assert [int(text.get_text()) for text in axes.texts] == figures.counts(3, 2, "same").tolist()
    plt.close("all")


def test_patterns_say_what_they_count():
    figure = figures.patterns({"one": np.array([[1.0, 2, 0], [0, 1, 2]]), "two": np.eye(3)})
    assert figure.axes[0].get_xlabel() == "2 × 3\n4 non-zeros\n2 different"
    np.testing.assert_array_equal(first_picture(figure.axes[1]), np.eye(3) != 0)
    plt.close(figure)


def test_fields_frame_the_span():
    gradient = np.zeros((9, 9))
    gradient[2:7:2, 2:7:2] = 3
    figure = figures.fields({(2,): gradient, (1, 1): np.ones((9, 9))})
    axes = figure.axes[0]
    assert axes.get_xlabel() == "9 of 25 pixels" and axes.patches[0].get_width() == 5
    assert figure.axes[1].get_title() == "1-1"
    plt.close(figure)


def test_an_even_board_is_grey():
    figure = figures.boards({"even": np.full((4, 4), 3.0), "board": np.arange(16.0).reshape(4, 4)})
    assert set(first_picture(figure.axes[0]).ravel()) == {0.5}
    assert figure.axes[0].get_xlabel() == "1 different value"
    assert figure.axes[1].get_xlabel() == "16 different values"
    plt.close(figure)


def test_the_clock_writes_both_numbers():
    figure = figures.clock({"a": 115.6, "b": 1.8}, {"a": 20.0, "b": 2.0})
    words = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert words == [["115.6", "1.8"], ["20.0", "2.0"]]
    plt.close(figure)


def test_other_drawings_show_what_they_are_given():
    kernel = np.arange(1, 5).reshape(2, 2)
    figure = figures.matrix(kernel, np.array([[1.0, 0, 3], [0, 4, 0]]))
    assert [text.get_text() for text in figure.axes[1].texts] == ["1", "3", "4"]
    figure = figures.touched({"one": np.ones((3, 3, 3), bool), "two": np.zeros((3, 3, 3), bool)})
    assert figure.axes[0].get_title() == "one\n27 inputs"
    figure = figures.shares({"shapes: a": 0.7, "photos: b": 0.9}, 0.75)
    assert [line.get_xdata()[0] for line in figure.axes[0].lines] == [0.7, 0.9, 0.75]
    pictures = np.zeros((2, 4, 4, 1))
    figure = figures.inside(pictures, pictures + 1, {"net": pictures - 1})
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == ["lines", "inside", "net"]
    assert not first_picture(figure.axes[4]).any()
    plt.close("all")
