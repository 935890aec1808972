"""Lesson 17: machines whose every state is counted, stacks that become networks, and figures that show it."""

import itertools

import numpy as np
import pytest
from drawn import all_fit_the_page, first_picture
from lesson_code import all_lessons, functions

from course_lessons.autoencoder_pretraining import evidence as experiments
from course_lessons.autoencoder_pretraining import exercises, figures
from course_lib.layers import sigmoid

NAME = "17_autoencoder_pretraining"


def small_machine(visible=4, units=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(visible, units)), rng.normal(size=visible), rng.normal(size=units)


# Nine pixels


def test_there_are_fourteen_bars_and_stripes():
    pictures = experiments.bars_and_stripes().reshape(-1, 3, 3)
    assert len(pictures) == 14 == 2 * 2**3 - 2
    assert all((each == each[0]).all() or (each.T == each.T[0]).all() for each in pictures)


def test_the_best_log_likelihood_is_minus_log_14_and_the_start_minus_9_log_2():
    pictures, states = experiments.bars_and_stripes(), np.array(list(itertools.product([0.0, 1.0], repeat=9)))
    nothing = np.zeros((9, 8)), np.zeros(9), np.zeros(8)
    scores = experiments.unnormalised(states, *nothing)
    found = experiments.unnormalised(pictures, *nothing).mean() - np.logaddexp.reduce(scores)
    assert found == pytest.approx(-9 * np.log(2))


def test_hidden_units_are_summed_out():
    machine, pictures = small_machine(), np.array(list(itertools.product([0.0, 1.0], repeat=4)))
    by_hand = [exercises.log_probability.oracle(picture, *machine) for picture in pictures]
    scores = experiments.unnormalised(pictures, *machine)
    np.testing.assert_allclose(scores - np.logaddexp.reduce(scores), by_hand)
    assert np.exp(by_hand).sum() == pytest.approx(1)


def test_the_exact_direction_is_the_slope():
    pictures, states = experiments.bars_and_stripes(), np.array(list(itertools.product([0.0, 1.0], repeat=9)))
    weights = [np.array(each) for each in small_machine(9, 8)]

    def mean_log():
        total = np.logaddexp.reduce(experiments.unnormalised(states, *weights))
        return experiments.unnormalised(pictures, *weights).mean() - total

    directions = experiments.tiny_direction("exact", pictures, states, weights, None)
    for array, direction, place in zip(weights, directions, ((2, 3), (4,), (5,)), strict=True):
        array[place] += 1e-5
        above = mean_log()
        array[place] -= 2e-5
        below = mean_log()
        array[place] += 1e-5
        assert direction[place] == pytest.approx((above - below) / 2e-5, abs=1e-7)


def test_a_dream_that_is_the_picture_moves_nothing():
    """Two pixels, two units: each unit holds its pixel on or off so firmly that no draw is in doubt."""
    batch = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    machine = 80 * np.eye(2), np.full(2, -40.0), np.full(2, -40.0)
    for direction in experiments.cd(batch, *machine, np.random.default_rng(0)):
        np.testing.assert_allclose(direction, 0, atol=1e-9)


# Stacks and networks


def test_a_stack_has_the_widths_asked_for_and_repeats_better_than_the_mean():
    images = experiments.digits()[0][0][::20]
    machines = experiments.stack(images, (30, 10), np.random.default_rng(0), passes=150)
    assert [machine[0].shape for machine in machines] == [(196, 30), (30, 10)]
    kernel, visible, hidden = machines[0]
    again = sigmoid(sigmoid(images @ kernel + hidden) @ kernel.T + visible)
    assert np.mean((again - images) ** 2) < 0.8 * np.mean((images.mean(axis=0) - images) ** 2)


def test_a_pretrained_classifier_starts_where_the_stack_ended():
    machines = [small_machine(196, 6), small_machine(6, 5, seed=1)]
    net = experiments.classifier("pretrained", (6, 5), np.random.default_rng(0), machines)
    images = np.random.default_rng(1).random((3, 196))
    expected = images
    for kernel, _, hidden in machines:
        expected = sigmoid(expected @ kernel + hidden)
    for layer in net.layers[:-1]:
        images = layer.forward(images)
    np.testing.assert_allclose(images, expected, atol=1e-5)


@pytest.mark.parametrize(("start", "layers"), [("0.01", 5), ("He", 5), ("batch norm", 7), ("pretrained", 5)])
def test_each_start_builds_the_same_network_but_for_its_parts(start, layers):
    machines = [small_machine(196, 6), small_machine(6, 6)]
    net = experiments.classifier(start, (6, 6), np.random.default_rng(0), machines)
    assert len(net.layers) == layers
    assert net.forward(np.zeros((2, 196))).shape == (2, 10)


def test_networks_leave_the_stack_as_it_was():
    machines = [small_machine(196, 6)]
    net = experiments.classifier("pretrained", (6,), np.random.default_rng(0), machines)
    net.layers[0].parameters["kernel"] += 1
    np.testing.assert_array_equal(machines[0][0], small_machine(196, 6)[0])


def test_an_autoencoder_goes_down_by_hidden_and_up_by_visible_biases():
    machines = [small_machine(5, 4), small_machine(4, 2, seed=1)]
    net = experiments.autoencoder("pretrained", None, machines, sizes=(5, 4, 2))
    (first, below, up), (second, top, code) = machines
    x = np.random.default_rng(0).random((3, 5))
    codes = sigmoid(x @ first + up) @ second + code
    np.testing.assert_allclose(net.forward(x), sigmoid(codes @ second.T + top) @ first.T + below, atol=1e-5)


# The page


@pytest.fixture(scope="module")
def page():
    return functions(all_lessons()[NAME], "train_machine", "unrolled", "log_of_picture", "squared_error")


def test_the_machine_by_hand_has_five_parts_of_eleven_and_a_half(page):
    assert np.exp(page["log_of_picture"](np.log(4))) == pytest.approx(5 / 11.5)
    machine = np.log([[4.0], [0.5]]), np.zeros(2), np.zeros(1)
    assert page["log_of_picture"](np.log(4)) == pytest.approx(
        exercises.log_probability.oracle(np.array([1.0, 0.0]), *machine)
    )


def test_the_page_trains_machines_that_repeat(page):
    images = experiments.digits()[0][0][:200]
    kernel, visible, hidden = page["train_machine"](images, 20, 150, np.random.default_rng(0))
    again = sigmoid(sigmoid(images @ kernel + hidden) @ kernel.T + visible)
    assert page["squared_error"](images, again) < 0.8 * page["squared_error"](images, images.mean(axis=0))


def test_the_page_s_autoencoder_is_unrolled_from_the_stack(page):
    machines = [small_machine(784, 256), small_machine(256, 64), small_machine(64, 2)]
    machines = [tuple(0.1 * each for each in machine) for machine in machines]
    x = np.random.default_rng(0).random((2, 784)).astype("float32")
    expected = x
    for place, (kernel, _, hidden) in enumerate(machines):
        expected = expected @ kernel + hidden if place == 2 else sigmoid(expected @ kernel + hidden)
    for kernel, visible, _ in machines[::-1]:
        expected = sigmoid(expected @ kernel.T + visible)
    np.testing.assert_allclose(page["unrolled"](machines).predict(x, verbose=0), expected, atol=1e-4)


# Figures


def test_the_stages_are_drawn_with_their_sizes():
    figure = figures.three_stages((784, 256, 64, 2), np.random.default_rng(0).normal(size=(3, 28, 28)))
    pretraining, unrolling, tuning = figure.axes[:3]
    words = [[text.get_text() for text in axes.texts] for axes in (pretraining, unrolling)]
    numbers = [[word for word in each if word.isdigit()] for each in words]
    assert numbers == [["784", "256", "256", "64", "64", "2"], ["784", "256", "64", "2", "64", "256", "784"]]
    assert sum("Delta" in text.get_text() for text in tuning.texts) == 6
    all_fit_the_page()


def test_filters_and_pictures_come_in_rows():
    rng = np.random.default_rng(0)
    figure = figures.filters({"": rng.normal(size=(14, 5, 5)), " ": rng.normal(size=(3, 5, 5))})
    assert sum(bool(axes.images) for axes in figure.axes) == 17
    pictures = rng.random((3, 5, 5))
    figure = figures.sheet({"one": pictures, "two": pictures[:2]})
    assert [len(axes.images) for axes in figure.axes] == [1, 1, 1, 1, 1, 0]
    np.testing.assert_allclose(first_picture(figure.axes[1]), pictures[1])
    all_fit_the_page()


def test_each_digit_stands_at_its_code():
    codes, labels = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 10
    (axes,) = figures.code_maps({"PCA": codes}, labels).axes
    assert [text.get_text() for text in axes.texts] == [str(label) for label in labels]
    np.testing.assert_allclose([text.get_position() for text in axes.texts], codes)
    all_fit_the_page()


def test_the_decoder_is_asked_within_the_range_of_the_codes():
    codes = np.random.default_rng(0).uniform(-3, 5, (1000, 2))
    asked = []

    def decode(numbers):
        asked.append(numbers)
        return np.tile(numbers.sum(axis=1, keepdims=True), (1, 16))

    lens = figures.Decoder(decode, codes, side=4)
    np.testing.assert_allclose(lens.pictures([[0, 1]])[0], np.full((4, 4), lens.low[0] + lens.high[1]), rtol=1e-5)
    lens.grid(5)
    assert asked[-1].shape == (25, 2) and asked[-1].min() >= codes.min() and asked[-1].max() <= codes.max()
    assert asked[-1][0, 1] > asked[-1][-1, 1]  # the second number grows upwards
    lens.draw()
    all_fit_the_page()


def test_likelihoods_have_a_ceiling():
    import pandas as pd

    table = {"exact": pd.DataFrame(np.linspace([-6, -6], [-3, -2.8], 5), index=range(0, 5000, 1000))}
    errors = {"exact": pd.DataFrame(np.linspace([1, 1], [0.1, 0.2], 5), index=range(0, 5000, 1000))}
    left, right = figures.likelihoods(table, errors, ceiling=-np.log(14)).axes[:2]
    assert left.lines[-1].get_ydata()[0] == pytest.approx(-np.log(14))
    assert right.get_yscale() == "log"
    all_fit_the_page()
