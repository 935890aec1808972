"""The figures of lesson 18 show what they are given, and its workshop does what its words say."""

import keras
import numpy as np
import pytest
from lesson_code import all_lessons, answer, functions
from matplotlib.colors import to_rgba
from scipy import special

from course_lessons.alexnet import figures
from course_lib.architectures.alexnet import LocalResponseNormalization, alexnet
from course_lib.plots import BLUE, ORANGE

LESSON = "18_alexnet"
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def lesson() -> dict:
    """What the workshop is made of, without its trainings."""
    names = "pictures mean cut timetable mini restart learn answers right colour_shift in_two_towers normalised"
    return functions(all_lessons()[LESSON], *names.split())


# The workshop


def test_without_chance_the_middle_is_cut(lesson):
    images = lesson["pictures"].images[:3]
    np.testing.assert_allclose(lesson["cut"](images), images[:, 1:18, 1:18] - lesson["mean"])


def test_parts_cut_at_random_are_parts_of_the_picture(lesson):
    images = lesson["pictures"].images[:40]
    parts = lesson["cut"](images, np.random.default_rng(1)) + lesson["mean"]
    corners = [(top, left) for top in range(4) for left in range(4)]
    found = [
        [corner for corner in corners if np.allclose(image[corner[0] :, corner[1] :][:17, :17], part)]
        for image, part in zip(images, parts, strict=True)
    ]
    assert all(len(each) == 1 for each in found)
    assert {each[0] for each in found} >= {(0, 0), (3, 3)} or len({each[0] for each in found}) > 8


def test_mirrored_parts_are_cut_where_flips_are_allowed(lesson, monkeypatch):
    monkeypatch.setitem(lesson, "flips", True)
    monkeypatch.setitem(lesson, "margin", 0)
    monkeypatch.setitem(lesson, "side", 20)
    images = lesson["pictures"].images[:30]
    parts = lesson["cut"](images, np.random.default_rng(1)) + lesson["mean"]
    mirrored = [np.allclose(part, image[:, ::-1]) for image, part in zip(images, parts, strict=True)]
    straight = [np.allclose(part, image) for image, part in zip(images, parts, strict=True)]
    assert all(np.logical_or(mirrored, straight)) and any(mirrored) and any(straight)


def test_the_timetable_shows_each_picture_once_in_every_epoch(lesson):
    plan = lesson["timetable"](lesson["pictures"][:130], 3, 65, seed=0, augment=False)
    assert len(plan["x"]) == len(plan["y"]) == 390 and plan["steps_per_epoch"] == 2
    epochs = plan["x"].reshape(3, 130, -1)
    first = {each.tobytes() for each in epochs[0]}
    assert len(first) == 130 and all({each.tobytes() for each in epoch} == first for epoch in epochs)
    assert not np.array_equal(epochs[0], epochs[1])


def test_a_restart_leaves_nothing_of_the_last_training(lesson):
    model = lesson["mini"](without=("conv3", "conv4"))
    runs = []
    for seed in (3, 4, 3):
        lesson["learn"](model, seed, lesson["pictures"][:130], epochs=1)
        runs.append(model.get_weights())
    for first, other, again in zip(*runs, strict=True):
        np.testing.assert_allclose(first, again, atol=1e-4)
        assert not np.allclose(first, other, atol=1e-4)
    assert int(model.optimizer.iterations) == 2


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_mini_alexnet_bends_as_it_is_told(lesson, activation):
    model = lesson["mini"](activation)
    kinds = {layer.name: layer.activation.__name__ for layer in model.layers if hasattr(layer, "activation")}
    assert kinds.pop("fc8") == "softmax" and set(kinds.values()) == {activation} and len(kinds) == 7
    lesson["restart"](model, 0, gain=2)
    images = lesson["pictures"].images[:5]
    np.testing.assert_allclose(lesson["answers"](model, lesson["pictures"][:5]).sum(axis=1), 1, atol=1e-5)
    features = keras.Model(model.input, model.get_layer("conv1").output)(lesson["cut"](images))
    assert (np.min(features) < 0) == (activation == "tanh")


def test_a_share_right_is_counted(lesson):
    examples = lesson["pictures"][:4]
    probabilities = np.eye(26)[examples.labels]
    probabilities[0] = np.roll(probabilities[0], 1)
    assert lesson["right"](probabilities, examples) == 0.75


def test_colours_shift_together(lesson):
    grey = np.repeat(np.linspace(0.4, 0.6, 25).reshape(5, 5, 1), 3, axis=2)
    shifted = lesson["colour_shift"](grey, np.random.default_rng(0))
    np.testing.assert_allclose(shifted - grey, (shifted - grey)[0, 0, 0], atol=1e-9)  # grey varies along grey only
    assert not np.allclose(shifted, grey)


@pytest.mark.parametrize("normalization", ["before", "after", None])
def test_two_towers_are_a_grouped_network(lesson, normalization):
    model = alexnet((70, 67, 3), 5, width=1 / 16, normalization=normalization)
    images = RANDOM.random((2, 70, 67, 3)).astype("float32")
    maps = keras.Model(model.input, model.get_layer("pool5").output)(images)
    np.testing.assert_allclose(lesson["in_two_towers"](model, images), maps, atol=1e-5)


@pytest.mark.parametrize(("size", "channels"), [(1, 3), (3, 2), (5, 9)])
def test_all_ways_to_normalise_agree(lesson, size, channels):
    maps = RANDOM.normal(0, 3, (2, 3, 4, channels)).astype("float32")
    settings = {"size": size, "bias": 1.5, "alpha": 0.2, "beta": 0.6}
    ours = lesson["normalised"](maps, **settings)
    np.testing.assert_allclose(ours, LocalResponseNormalization(**settings)(maps), rtol=1e-4)
    np.testing.assert_allclose(
        ours, answer(all_lessons()[LESSON], "response_normalization")(maps, **settings), rtol=1e-4
    )
    if size <= channels:
        np.testing.assert_allclose(ours[0, 0, 0], figures._normalised(maps[0, 0, 0], **settings), rtol=1e-4)


# Things to play with


def test_without_alpha_nothing_changes():
    (axes,) = figures.neighbouring_maps(alpha=0.0).axes
    before, after = ([bar.get_height() for bar in container] for container in axes.containers)
    np.testing.assert_allclose(before, after)


def test_the_sheet_has_a_panel_for_each_size():
    figure = figures.neighbouring_maps_sheet((1, 7))
    assert [axes.get_title() for axes in figure.axes] == ["size 1", "size 7"]
    quiet = [axes.containers[1][3].get_height() for axes in figure.axes]
    assert quiet[1] < quiet[0]  # beside a loud one


# Figures


def test_shares_add_up_to_the_whole():
    (axes,) = figures.shares(["a", "b"], {"weights": [1, 3], "work": [9, 1]}).axes
    heights = [[bar.get_height() for bar in container] for container in axes.containers]
    np.testing.assert_allclose(heights, [[0.25, 0.75], [0.9, 0.1]])
    assert [text.get_text() for text in axes.texts] == ["25%", "75%", "90%", "10%"]


@pytest.mark.parametrize(("value", "words"), [(0.62, "62%"), (0.052, "5.2%"), (0.000573, "0.06%")])
def test_small_shares_keep_their_digits(value, words):
    assert figures._percent(value) == words


def test_the_rate_falls_below_the_curves():
    above, below = figures.falling_rate({"new": [0.1, 0.5, 0.6]}, [0.1, 0.1, 0.01], "right").axes
    np.testing.assert_allclose(above.lines[0].get_ydata(), [0.1, 0.5, 0.6])
    np.testing.assert_allclose(below.lines[0].get_ydata(), [0.1, 0.1, 0.01])
    assert below.get_yscale() == "log"


def test_guesses_are_sorted_and_the_right_one_is_blue():
    probabilities = special.softmax(RANDOM.normal(size=(3, 6)), axis=1)
    labels = np.argsort(-probabilities, axis=1)[[0, 1, 2], [0, 2, 5]]  # first, third, and not among five
    axes = figures.guesses(RANDOM.random((3, 8, 8, 1)), labels, probabilities, "ABCDEF", columns=3).axes
    bars = [each for each in axes if each.patches]
    for row, (panel, blue) in enumerate(zip(bars, (0, 2, None), strict=True)):
        np.testing.assert_allclose([bar.get_width() for bar in panel.patches], np.sort(probabilities[row])[:0:-1])
        colours = [BLUE if place == blue else ORANGE for place in range(5)]
        assert [bar.get_facecolor() for bar in panel.patches] == [to_rgba(colour) for colour in colours]
    assert [each.get_title() for each in axes if each.images] == ["ABCDEF"[label] for label in labels]


def test_neighbours_of_the_same_class_have_a_blue_frame():
    figure = figures.neighbours(
        RANDOM.random((2, 6, 6, 1)), RANDOM.random((2, 3, 6, 6, 1)), [[True, False, True], [False, True, True]]
    )
    frames = np.array([axes.spines["left"].get_edgecolor() == to_rgba(BLUE) for axes in figure.axes]).reshape(2, 4)
    assert frames.tolist() == [[False, True, False, True], [False, False, True, True]]


# What students write


def test_the_sides_of_alexnet_are_those_of_the_model():
    stages = [(11, 4, 0), (3, 2, 0), (5, 1, 2), (3, 2, 0), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2, 0)]
    assert answer(all_lessons()[LESSON], "sides")(227, stages) == [55, 27, 27, 13, 13, 13, 13, 6]


def test_the_parameters_of_grouped_convolutions_are_those_of_keras():
    count = answer(all_lessons()[LESSON], "grouped_parameters")
    for layer in alexnet((67, 67, 3), 4, width=1 / 8).layers:
        if isinstance(layer, keras.layers.Conv2D):
            channels = layer.input.shape[-1]
            assert count(layer.kernel_size[0], channels, layer.filters, layer.groups) == layer.count_params()
