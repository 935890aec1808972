"""The figures of lesson 18 show what they are given, and its workshop does what its words say."""

import keras
import numpy as np
import pytest
from lesson_code import all_lessons, answer, functions
from matplotlib.colors import to_rgba
from scipy import special

from course_lessons.alexnet import evidence, figures
from course_lib.architectures.alexnet import LocalResponseNormalization, alexnet
from course_lib.plots import BLUE, ORANGE

LESSON = "18_alexnet"
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def lesson() -> dict:
    """What the workshop is made of, without its trainings."""
    return functions(all_lessons()[LESSON], *"digits mean middle mini colour_shift view in_two_towers".split())


# The workshop


def test_the_middle_is_cut_and_the_mean_taken_off(lesson):
    some = lesson["digits"].test[:3]
    np.testing.assert_allclose(lesson["middle"](some) + lesson["mean"], some.images[:, 1:26, 1:26], atol=1e-6)


def test_the_small_network_is_an_alexnet_with_a_wide_pool5(lesson):
    model = lesson["mini"]()
    assert model.get_layer("pool5").output.shape[1:] == (2, 2, 21)
    assert [layer.name for layer in model.layers if layer.trainable_weights] == [
        *(f"conv{number}" for number in range(1, 6)),
        *("fc6", "fc7", "fc8"),
    ]


def test_the_recorded_networks_are_those_of_the_page(lesson):
    def shapes(model):
        return [weight.shape for weight in model.weights]

    assert shapes(evidence.build()) == shapes(lesson["mini"]())
    assert shapes(evidence.build(without=("fc7",))) == shapes(lesson["mini"](without=("fc7",)))


def test_the_rival_of_relu_is_tanh_in_every_layer_but_the_last():
    layers = [layer for layer in evidence.build(activation="tanh").layers if layer.trainable_weights]
    assert [layer.activation for layer in layers] == [keras.activations.tanh] * 7 + [keras.activations.linear]


def test_a_restart_leaves_nothing_of_the_last_training():
    trainer = evidence.Trainer(evidence.build(without=("conv3", "conv4", "fc6", "fc7")))
    images, labels = RANDOM.random((100, 25, 25, 1)).astype("float32"), RANDOM.integers(10, size=100)
    runs = []
    for seed in (3, 4, 3):
        trainer.restart(seed, 0.001)
        trainer.learn(images, labels, np.random.default_rng(seed))
        runs.append(trainer.model.get_weights())
    for first, other, again in zip(*runs, strict=True):
        np.testing.assert_allclose(first, again, atol=1e-4)
        assert not np.allclose(first, other, atol=1e-4)


def test_the_nearest_neighbour_is_the_nearest():
    archive, queries = RANDOM.random((6, 4)), RANDOM.random((5, 2, 2))
    labels = np.arange(6)
    nearest = [np.linalg.norm(archive - query.ravel(), axis=1).argmin() for query in queries]
    assert evidence.nearest(archive, queries, labels, np.array(nearest)) == 0
    assert evidence.nearest(archive, queries, labels, np.array(nearest) + 1) == 1


def test_a_view_is_a_part_of_the_photo(lesson):
    photo = RANDOM.random((6, 9, 3))
    lesson["colour_shift"], colour = (lambda image, rng: image), lesson["colour_shift"]
    view = lesson["view"](photo, 5, np.random.default_rng(0))
    lesson["colour_shift"] = colour
    windows = np.lib.stride_tricks.sliding_window_view(photo, (5, 5, 3)).reshape(-1, 5, 5, 3)
    assert any(np.array_equal(view, each) or np.array_equal(view, each[:, ::-1]) for each in windows)


def test_colours_shift_together(lesson):
    grey = np.full((5, 5, 3), 0.5)
    shifted = lesson["colour_shift"](grey, np.random.default_rng(0), strength=0.1)
    np.testing.assert_allclose(shifted - grey, np.broadcast_to((shifted - grey)[0, 0], grey.shape), atol=1e-9)
    assert not np.allclose(shifted, grey)


@pytest.mark.parametrize("normalization", ["before", "after", None])
def test_two_towers_are_a_grouped_network(lesson, normalization):
    model = alexnet((70, 67, 3), 5, width=1 / 16, normalization=normalization)
    images = RANDOM.random((2, 70, 67, 3)).astype("float32")
    maps = keras.Model(model.input, model.get_layer("pool5").output)(images)
    np.testing.assert_allclose(lesson["in_two_towers"](model, images), maps, atol=1e-5)


@pytest.mark.parametrize(("size", "channels"), [(1, 3), (3, 2), (5, 9)])
def test_all_ways_to_normalise_agree(size, channels):
    maps = RANDOM.normal(0, 3, (2, 3, 4, channels)).astype("float32")
    settings = {"size": size, "bias": 1.5, "alpha": 0.2, "beta": 0.6}
    ours = answer(all_lessons()[LESSON], "response_normalization")(maps, **settings)
    np.testing.assert_allclose(ours, LocalResponseNormalization(**settings)(maps), rtol=1e-4)
    if size <= channels:
        np.testing.assert_allclose(ours[0, 0, 0], figures._normalised(maps[0, 0, 0], **settings), rtol=1e-4)


def test_the_weight_decay_of_2012_is_ten_times_that_of_keras():
    weight, velocity, steps = 1.0, 0.0, 300
    for _ in range(steps):  # as the paper writes it, for a weight without a gradient
        velocity = 0.9 * velocity - 0.0005 * 0.01 * weight
        weight += velocity
    variable = keras.Variable([1.0])
    sgd = keras.optimizers.SGD(learning_rate=0.01, momentum=0.9, weight_decay=0.005)
    sgd.build([variable])
    for _ in range(steps):
        sgd.apply([keras.ops.zeros(1)])
    assert 1 - float(variable[0]) == pytest.approx(1 - weight, rel=0.05)


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


def test_the_parameters_of_grouped_convolutions_are_those_of_keras():
    count = answer(all_lessons()[LESSON], "grouped_parameters")
    for layer in alexnet((67, 67, 3), 4, width=1 / 8).layers:
        if isinstance(layer, keras.layers.Conv2D):
            channels = layer.input.shape[-1]
            assert count(layer.kernel_size[0], channels, layer.filters, layer.groups) == layer.count_params()
