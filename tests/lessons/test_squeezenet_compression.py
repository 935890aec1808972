"""Files of lesson 23 give back what was packed, its steps do what they say, its figures show what they are given."""

import itertools

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import pixels
from lesson_code import all_lessons, functions

from course_lessons.squeezenet_compression import codec, eight_bits, exercises, figures, steps
from course_lessons.squeezenet_compression import evidence as experiments
from course_lib import data, zoo
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.squeezenet import fire

NAME = "23_squeezenet_compression"


def weights(share=0.2, bits=4, seed=0):
    """Of a small network: kernels cut and shared, biases in half precision."""
    rng = np.random.default_rng(seed)
    shapes = (3, 3, 2, 5), (5,), (40, 12), (12,), (12, 3), (3,)
    arrays = [rng.normal(size=shape).astype("float16").astype("float32") for shape in shapes]
    return [steps.share_weights(steps.cut(array, share), bits) if array.ndim > 1 else array for array in arrays]


# Huffman


def shortest(counts):
    """By trying all lengths that a prefix code can have (Kraft)."""
    number = len(counts)
    possible = (
        lengths
        for lengths in itertools.product(range(1, number + 1), repeat=number)
        if sum(0.5**length for length in lengths) <= 1
    )
    return min(sum(length * count for length, count in zip(lengths, counts, strict=True)) for lengths in possible)


@pytest.mark.parametrize("counts", [[5, 3, 2, 2], [1, 1, 2, 3, 5], [4, 4, 4], [9, 1], [7]])
def test_no_prefix_code_is_shorter(counts):
    lengths = codec.huffman(counts)
    assert sum(length * count for length, count in zip(lengths, counts, strict=True)) == shortest(counts)
    assert exercises.huffman_bits.oracle(counts) == shortest(counts)


def test_no_code_begins_with_another():
    counts = np.random.default_rng(0).integers(0, 50, size=30).tolist()
    found = codec.codes(codec.huffman(counts))
    assert set(found) == {symbol for symbol, count in enumerate(counts) if count}
    assert not any(other.startswith(code) for code, other in itertools.permutations(found.values(), 2))


@pytest.mark.parametrize("share", [0.03, 0.3, 1.0])
def test_a_code_is_less_than_a_bit_longer_than_the_mean_surprise(share):
    symbols = codec._gaps(np.flatnonzero(np.random.default_rng(1).random(20_000) < share))
    counts = np.bincount(symbols)
    shares = counts[counts > 0] / len(symbols)
    mean = np.dot(codec.huffman(counts.tolist()), counts) / len(symbols)
    surprise = -np.sum(shares * np.log2(shares))
    assert surprise <= mean < surprise + 1 or (len(shares) == 1 and mean == 1)


# The file


@pytest.mark.parametrize(("share", "bits"), [(0.2, 4), (0.02, 2), (1.0, 3), (0.7, 8)])
def test_what_was_packed_is_read(share, bits):
    arrays = weights(share, bits)
    found = codec.unpack(codec.pack(arrays))
    assert all(array.dtype == "float32" for array in found)
    for before, after in zip(arrays, found, strict=True):
        np.testing.assert_array_equal(before, after)


def test_weights_that_share_nothing_are_kept_in_half_precision():
    arrays = [np.random.default_rng(0).normal(size=(30, 40)).astype("float32"), np.zeros((4, 4)), np.ones(3)]
    found = codec.unpack(codec.pack(arrays))
    for before, after in zip(arrays, found, strict=True):
        np.testing.assert_array_equal(before.astype("float16"), after)


def test_long_rows_of_zeros():
    kernel = np.zeros((1000, 3), "float32")
    kernel[[0, 300, 555, 999], [0, 1, 2, 2]] = [1, 2, 3, 4]
    np.testing.assert_array_equal(codec.unpack(codec.pack([kernel]))[0], kernel)
    for place in (codec.FAR - 1, codec.FAR, codec.FAR + 1, 2 * codec.FAR):
        kernel = np.zeros((600, 1), "float32")
        kernel[place] = 1
        np.testing.assert_array_equal(codec.unpack(codec.pack([kernel]))[0], kernel)


def test_parts_make_the_whole():
    arrays = weights()
    parts = codec.parts(arrays)
    assert sum(parts.values()) == len(codec.pack(arrays)) and parts["biases"] == 2 * 20 + 3 * 4
    assert codec.parts(weights(share=1.0))["addresses"] == 0


def test_fewer_weights_and_fewer_bits_make_smaller_files():
    assert len(codec.pack(weights(0.2, 4))) < len(codec.pack(weights(0.4, 4)))
    assert len(codec.pack(weights(0.4, 3))) < len(codec.pack(weights(0.4, 5)))


# The steps, and the same on the page


@pytest.fixture(scope="module")
def page():
    return functions(all_lessons()[NAME], "largest", "share_weights", "thin", "Mask", "k_means")


def test_the_page_and_the_experiments_do_the_same(page):
    kernel = np.random.default_rng(3).normal(size=(5, 4, 6)).astype("float32")
    np.testing.assert_array_equal(page["largest"](kernel, 0.3), steps.largest(kernel, 0.3))
    cut = steps.cut(kernel, 0.5)
    np.testing.assert_array_equal(page["share_weights"](cut, 3), steps.share_weights(cut, 3))
    for ours, its in zip(page["thin"](kernel[0], 2), steps.low_rank(kernel[0], 2), strict=True):
        np.testing.assert_array_equal(ours, its)


def test_the_largest_stay():
    kernel = np.array([[0.5, -2.0, 0.1], [-0.3, 0.05, 1.0]])
    np.testing.assert_array_equal(steps.largest(kernel, 0.5), [[1, 1, 0], [0, 0, 1]])
    assert steps.largest(np.random.default_rng(0).normal(size=5000), 0.1).sum() == pytest.approx(500, abs=1)


def test_shared_weights_have_few_values_and_the_same_zeros():
    kernel = steps.cut(np.random.default_rng(0).normal(size=(50, 20)).astype("float32"), 0.4)
    shared = steps.share_weights(kernel, 3)
    assert len(np.unique(shared[shared != 0])) <= 8
    np.testing.assert_array_equal(shared == 0, kernel == 0)
    misses = [np.abs(steps.share_weights(kernel, bits) - kernel).mean() for bits in (2, 3, 4, 6)]
    assert misses == sorted(misses, reverse=True) and misses[-1] < 0.02


def test_k_means_ends_where_nothing_moves(page):
    weights = np.random.default_rng(0).normal(size=300)
    means, codes = page["k_means"](weights, 6, turns=200)
    np.testing.assert_array_equal(codes, np.abs(weights[:, None] - means).argmin(axis=1))
    np.testing.assert_allclose(means, [weights[codes == code].mean() for code in range(6)])


def test_no_matrix_of_this_rank_is_nearer():
    matrix = np.random.default_rng(0).normal(size=(12, 7))
    first, second = steps.low_rank(matrix, 3)
    assert (first.shape, second.shape) == ((12, 3), (3, 7))
    dropped = np.linalg.svd(matrix)[1][3:]
    np.testing.assert_allclose(np.sum((matrix - first @ second) ** 2), np.sum(dropped**2))


def test_cut_weights_stay_0_while_the_others_learn():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4)])
    kernel = model.layers[0].kernel
    mask = steps.largest(np.asarray(kernel), 0.5)
    kernel.assign(kernel * mask)
    kernel.constraint = steps.Mask(mask)
    model.compile("sgd", "mse")
    before = np.asarray(kernel).copy()
    rng = np.random.default_rng(0)
    model.fit(rng.normal(size=(40, 6)), rng.normal(size=(40, 4)), epochs=2, verbose=0)
    after = np.asarray(kernel)
    np.testing.assert_array_equal(after == 0, mask == 0)
    assert not np.allclose(before, after)


# Exercises


@pytest.mark.parametrize("case", [(96, 16, 64, 64), (7, 3, 2, 5)])
def test_parameters_are_those_of_keras(case):
    def module():
        inputs = keras.Input((8, 8, case[0]))
        return keras.Model(inputs, fire(inputs, *case[1:], name="fire"))

    assert exercises.fire_parameters.oracle(*case) == blueprint(module).count_params()


def test_the_slope_of_a_mean_is_that_of_keras():
    rng = np.random.default_rng(0)
    gradient, codes, means = rng.normal(size=(4, 5)), rng.integers(3, size=(4, 5)), rng.normal(size=3)
    step = 1e-6
    moved = [np.sum(((means + step * one)[codes] - (means - step * one)[codes]) * gradient) for one in np.eye(3)]
    np.testing.assert_allclose(exercises.codebook_gradient.oracle(gradient, codes, 3), np.array(moved) / (2 * step))


def test_the_network_of_exercise_5_reads_as_many_digits_as_it_says():
    weights = zoo.load("digits_lenet").get_weights()
    assert exercises._read(weights) == exercises.RIGHT
    squeezed = [steps.share_weights(steps.cut(array, 0.45), 4) if array.ndim > 1 else array for array in weights]
    assert exercises._read(squeezed) == exercises._read(codec.unpack(codec.pack(squeezed)))


# The experiments


def test_the_small_rival_has_the_layers_of_lenet():
    model = experiments.small_lenet()
    assert model.output_shape == (None, 10) and model.count_params() == 14_094


def test_the_race_is_between_a_large_and_a_small_network():
    large, small = experiments.mini_alexnet(), experiments.mini_squeezenet()
    assert large.output_shape == small.output_shape == (None, 10)
    assert (large.count_params(), small.count_params()) == (43_082, 3_514)


def test_only_the_large_kernels_are_cut():
    arrays = experiments.lenet().get_weights()
    assert [arrays[place].size for place in experiments.CUT] == [2_400, 48_000, 10_080]
    left = experiments.cut_all(arrays, 0.1)
    assert [int((array != 0).sum()) for array in left[::2]] == [150, 240, 4_800, 1_008, 840]


# Whole numbers


@pytest.mark.skipif(not eight_bits.available(), reason="LiteRT is not installed")
def test_a_network_in_whole_numbers_answers_alike():
    model, digits = zoo.load("digits_lenet"), data.digits(size=28)
    large, small = eight_bits.convert(model), eight_bits.convert(model, digits.train.images[:50])
    assert len(small) < len(large) / 3
    pictures = digits.test.images[:60]
    expected = model.predict(pictures, verbose=0)
    np.testing.assert_allclose(eight_bits.Network(large)(pictures), expected, atol=1e-4)
    network = eight_bits.Network(small)
    assert np.mean(network(pictures, turns=2).argmax(axis=1) == expected.argmax(axis=1)) > 0.95
    assert network.seconds > 0


def test_the_converter_is_silent(capfd):
    if eight_bits.available():
        eight_bits.convert(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]))
        assert capfd.readouterr() == ("", "")


def test_numbers_on_a_grid_come_back():
    detail = {"dtype": np.int8, "quantization": (0.1, -10)}
    values = np.array([-11.8, 0.0, 0.55, 13.0, 50.0])
    numbers = eight_bits._to_numbers(values, detail)
    np.testing.assert_array_equal(numbers, [-128, -10, -4, 120, 127])
    np.testing.assert_allclose(eight_bits._from_numbers(numbers, detail)[:4], [-11.8, 0.0, 0.6, 13.0], atol=1e-5)


# Figures


def test_bars_of_bytes_are_four_for_a_parameter():
    networks = {"a": {"convolutions": 10**6, "dense layers": 2 * 10**6}, "b": {"convolutions": 500}}
    figure = figures.where_bytes_live(networks)
    bars = [bar.get_width() for bar in figure.axes[0].patches if bar.get_width()]
    np.testing.assert_allclose(bars, [4, 8, 0.002])
    assert figure.axes[0].texts[0].get_text().strip() == "12.0 MB"
    pixels(figure)


def test_histograms_count_what_is_left():
    figure = figures.histograms({"all": np.array([0.1, -0.2, 0.0]), "few": np.array([0.1, 0.1, 0.0])}, 0.3)
    assert [axes.get_title() for axes in figure.axes] == ["all\n2 weights, 2 values", "few\n2 weights, 1 values"]
    assert sum(bar.get_height() for bar in figure.axes[1].patches) == 2
    plt.close(figure)


def test_the_staircase_shows_steps_and_parts():
    parts = {"weights": 5, "addresses": 4, "books and tables": 3, "biases": 2, "shapes": 1}
    left, right = figures.staircase({"one": 100, "two": 15}, parts).axes
    assert [bar.get_width() for bar in left.patches] == [100, 15]
    assert [bar.get_width() for bar in right.patches] == [5, 4, 3, 2, 1]
    plt.close(left.figure)


def test_the_cloud_draws_every_point():
    figure = figures.cloud({"a": [(9000, 0.9), (8000, 0.8)], "b": [(100_000, 0.95)]})
    np.testing.assert_allclose(figure.axes[0].lines[0].get_xydata(), [[8000, 80], [9000, 90]])
    np.testing.assert_allclose(figure.axes[0].lines[1].get_xydata(), [[100_000, 95]])
    plt.close(figure)


def test_weights_stand_with_their_mean():
    figure = figures.line_of_means([1.0, 2.0, 8.0], [1.5, 8.0], [0, 0, 1])
    first, second = figure.axes[0].lines
    assert list(first.get_xdata()) == [1, 2] and list(second.get_xdata()) == [8]
    assert [text.get_text() for text in figure.axes[0].texts] == ["code 0: 1.50", "code 1: 8.00"]
    plt.close(figure)
