"""The figures of lesson 27 show what they are given, and the answers of its exercises are right."""

import keras
import numpy as np
import pytest
from drawn import all_fit_the_page, first_picture, pixels
from keras import ops
from lesson_code import all_lessons, answer

from course_lessons.visualising_by_optimisation import evidence, figures
from course_lib import data, plots
from course_lib.explain.activations import Strongest
from course_lib.explain.fooling import fgsm
from course_lib.explain.network import probabilities
from course_lib.explain.priors import total_variation
from course_lib.gradients import gradients
from course_lib.layers import MaxPooling2D

LESSON = "27_visualising_by_optimisation"
RNG = np.random.default_rng(0)
SHAPES = data.shapes(4, seed=1, size=16)


@pytest.fixture(autouse=True)
def page():
    yield
    all_fit_the_page()


def texts(figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


# Two pixels


def test_two_pixels_end_where_the_formula_says_and_say_so():
    figure = figures.two_pixels(strength=1.0, learning_rate=0.2, steps=60)
    path = figure.axes[0].lines[0].get_xydata()
    np.testing.assert_allclose(path[-1], [1.0, 0.5], atol=1e-6)
    np.testing.assert_allclose(figure.axes[1].lines[0].get_ydata()[-1], np.hypot(1.0, 0.5), atol=1e-6)
    assert "score − 1 × norm²" in figure.get_suptitle()
    assert "without a prior" in figures.two_pixels(strength=0.0).get_suptitle()
    assert "score + 0.5 × norm²" in figures.two_pixels(strength=-0.5).get_suptitle()


def test_planes_mark_the_best_picture_only_where_there_is_one():
    path = np.zeros((3, 2))
    figure = figures.planes({"minus": path, "plus": path}, [2, 1], (0.5, -0.5))
    assert texts(figure) == ["minus", "plus"]
    marked, plain = ([line for line in axes.lines if line.get_marker() == "x"] for axes in figure.axes)
    np.testing.assert_allclose(marked[0].get_xydata(), [[2.0, 1.0]])
    assert not plain


# Rows


def test_rows_have_names_and_titles():
    figure = figures.rows({"a": SHAPES.images[:2], "b": SHAPES.images[2:, ..., :1]}, ["one", "two"])
    assert texts(figure)[:2] == ["one", "two"]
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == ["a", "b"]
    np.testing.assert_allclose(figure.axes[1].images[0].get_array(), SHAPES.images[1])
    assert figure.get_figwidth() <= 9
    assert figures.rows({"a": np.zeros((12, 4, 4, 1))}, ["x"] * 12).get_figwidth() <= 9.01


def test_units_are_cut_to_what_they_see():
    figure = figures.unit_grid({"first": SHAPES.images, "last": SHAPES.images}, {"first": 5, "last": 64})
    assert figure.axes[0].images[0].get_array().shape == (6, 6, 3)
    assert figure.axes[4].images[0].get_array().shape == (16, 16, 3)
    assert figure.axes[0].get_ylabel() == "first\nsees 5×5"


# Patches, inversions, differences


def test_patches_are_cut_where_the_unit_sees():
    boxes = np.array([[0, 0, 5, 5], [2, 3, 9, 10]])
    best = Strongest(np.array([3, 1]), np.array([2.0, 1.0]), np.zeros((2, 2), int), boxes)
    signals = RNG.normal(size=(2, 16, 16, 3))
    figure = figures.patches(SHAPES.images, best, {"gradient": signals, "deconvnet": 0 * signals}, "conv2, filter 3")
    np.testing.assert_allclose(first_picture(figure.axes[1]), SHAPES.images[1, 2:9, 3:10])
    signal = signals[1, 2:9, 3:10]
    np.testing.assert_allclose(first_picture(figure.axes[3]), 0.5 + 0.5 * signal / np.abs(signal).max(), atol=0.05)


def test_differences_are_shown_as_they_are_and_ten_times_over():
    after = np.clip(SHAPES.images + 0.01, 0, 1)
    said = [("cross, 99%", "ring, 80%"), ("star, 90%", "star, 60%")]
    figure = figures.adversarial(SHAPES.images[:2], after[:2], said)
    change = after[1] - SHAPES.images[1]
    assert [axes.get_title() for axes in figure.axes[:4]] == [
        "before\ncross, 99%",
        "after\nring, 80%",
        "difference",
        "difference ×10",
    ]
    np.testing.assert_allclose(first_picture(figure.axes[6]), 0.5 + change, atol=1e-6)
    np.testing.assert_allclose(first_picture(figure.axes[7]), 0.5 + 10 * change, atol=1e-6)


def test_inversions_stand_under_their_layer_with_their_error():
    layers = {"conv1": SHAPES.images[:2], "conv2": SHAPES.images[2:]}
    figure = figures.inversions(SHAPES.images[:2], layers, {"conv1": [0.1, 0.2], "conv2": [0.3, 0.4]})
    assert figure.axes[5].get_xlabel() == "error 0.40"
    np.testing.assert_allclose(first_picture(figure.axes[5]), SHAPES.images[3])


# The attack


@pytest.fixture(scope="module")
def attack():
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(6, activation="softmax")]
    )
    directions = RNG.choice([-1.0, 1.0], SHAPES.images.shape)
    return figures.Attack(network, SHAPES.images, directions, SHAPES.class_names)


def test_the_attack_pushes_every_pixel_and_stays_in_range(attack):
    pushed = attack.pushed(1, 0.1)
    np.testing.assert_allclose(pushed, np.clip(SHAPES.images[1] + 0.1 * attack.directions[1], 0, 1), atol=1e-6)
    np.testing.assert_array_equal(attack.pushed(2, 0.0), SHAPES.images[2])
    assert not np.array_equal(pushed, attack.pushed(1, 0.1, "random signs"))


def test_the_sheet_says_what_the_network_sees(attack):
    figure = attack.sheet(0, [0.0, 0.1])
    shares = probabilities(attack.network, SHAPES.images[:1])[0]
    assert texts(figure)[:2] == ["ε = 0", "ε = 0.1"]
    assert figure.axes[0].get_xlabel() == f"{SHAPES.class_names[shares.argmax()]}, {shares.max():.0%}"
    pixels(figure)


# Fewer colours for noisy sheets


def test_a_figure_can_have_fewer_colours():
    noise = RNG.random((2, 32, 32, 3))
    many, few = (plots.png(figures.rows({"": noise}, ["", ""]), colours) for colours in (256, 32))
    assert len(few) < 0.8 * len(many)


# The exercises, beside the library


def test_answers_agree_with_the_library():
    lesson = all_lessons()[LESSON]
    image = RNG.random((5, 4, 3)).astype("float32")
    np.testing.assert_allclose(answer(lesson, "total_variation")(image), total_variation(image[None])[0], rtol=1e-5)
    pool = MaxPooling2D(2)
    maxima = pool.forward(RNG.random((1, 6, 4, 1)))
    ours = answer(lesson, "unpool")(maxima[0, :, :, 0], pool.switches[0, :, :, 0], 2)
    np.testing.assert_allclose(ours, pool.unpool(maxima)[0, :, :, 0])


def test_one_step_as_long_as_the_allowance_is_the_fast_gradient_sign_method():
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(6)])
    images, labels = SHAPES.images, SHAPES.labels
    true_class = np.eye(6, dtype="float32")[labels]
    (slope,) = gradients(lambda x: -ops.sum(ops.log_softmax(network(x)) * true_class, axis=1), images)
    ours = answer(all_lessons()[LESSON], "attack_step")(images, slope, images, 0.03, 0.03)
    np.testing.assert_allclose(ours, fgsm(network, images, labels, 0.03), atol=1e-6)


# What the records measure


def test_likeness_looks_only_within_the_mask_and_forgives_brightness():
    image, mask = RNG.random((8, 8, 3)), np.arange(64).reshape(8, 8) < 40
    other = np.where(mask[..., None], 0.5 * image + 0.1, 0)
    assert evidence.alike(image, other, mask) == pytest.approx(1)
    assert abs(evidence.alike(image, RNG.random((8, 8, 3)), mask)) < 0.5


def test_likeness_to_digits_is_one_for_a_training_digit_of_the_same_class():
    known = data.mnist_5k().train
    images, labels = 0.5 * known.images[:5] + 0.2, known.labels[:5]
    np.testing.assert_allclose(evidence.likeness(images, labels), 1, atol=1e-5)
    assert (evidence.likeness(images, (labels + 1) % 10) < 0.95).all()
