"""The figures of lesson 05 show what they are given."""

import keras
import numpy as np
import pytest
from lesson_code import all_lessons, functions

from course_lessons.mlp_backprop import figures
from course_lessons.mlp_backprop.evidence import RMSprop
from course_lessons.mlp_backprop.exercises import adam_changes
from course_lib import layers, optim
from course_lib.gradcheck import numerical_gradient
from course_lib.layers import sigmoid

CORNERS = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
XOR = np.array([0, 1, 1, 0])


def test_hidden_space_shows_where_the_corners_go():
    figure = figures.through_hidden_space(
        CORNERS,
        XOR,
        hidden=lambda x: (x @ [[1, 1], [1, 1]] >= [0.5, 1.5]).astype(int),
        output=lambda z: z @ [1, -2] - 0.5,
        names=("OR", "AND"),
    )
    first, _, space, result = figure.axes
    assert first.get_title() == "unit 1: OR"
    triangles, circles = (np.unique(collection.get_offsets(), axis=0) for collection in space.collections[-2:])
    np.testing.assert_array_equal(triangles, [[1, 0]])
    np.testing.assert_array_equal(circles, [[0, 0], [1, 1]])
    values = result.images[0].get_array()
    middle = len(values) // 2
    assert values[middle, middle] > 0 > values[0, 0] and values[-1, -1] < 0  # a band between two lines


def test_contact_sheet_has_a_row_for_each_width():
    figure = figures.random_networks(widths=(1, 64), weight_scales=(1, 2, 4))
    assert len(figure.axes) == 6
    assert [axes.get_ylabel() for axes in figure.axes[::3]] == ["1 hidden unit", "64 hidden units"]


@pytest.fixture
def film() -> figures.Film:
    return figures.Film(CORNERS, XOR, [lambda x, k=k: sigmoid(k * (x[:, 0] - 0.5)) for k in range(11)])


def test_film_shows_a_frame_for_each_step(film):
    assert film.frame(3).axes[0].get_title() == "step 3"


def test_film_tells_its_story(film):
    figure = film.story((0, 5, 10), {"G": np.linspace(3, 1, 11), "E": np.linspace(1, 2, 11)})
    *frames, curves = figure.axes
    assert [axes.get_title() for axes in frames] == ["step 0", "step 5", "step 10"]
    np.testing.assert_array_equal(curves.lines[0].get_ydata(), np.linspace(3, 1, 11))


def test_solved_runs_are_counted_and_stuck_ones_drawn_apart():
    errors = np.array([[1, 0.5, 0.01], [1, 0.9, 0.8], [1, 0.7, 0.02]]).T
    figure = figures.stuck_or_solved({"two units": errors, "four": errors[:, :1]}, 0.1, "epoch", "error")
    assert [axes.get_title() for axes in figure.axes] == ["two units: 2 of 3 solved", "four: 1 of 1 solved"]
    solved, stuck = figure.axes[0].lines
    np.testing.assert_allclose(solved.get_ydata(), [1, 0.6, 0.015])
    np.testing.assert_allclose(stuck.get_ydata(), [1, 0.9, 0.8])
    assert len(figure.axes[1].lines) == 1


def test_flat_places_are_marked():
    first, second = np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-1, 1, 9))
    surfaces = {"steep": first + second, "level": 0 * first + second}
    flat = {"steep": first > 5, "level": first > 0}
    figure = figures.loss_surfaces(first, second, surfaces, flat)
    space, steep, level = (axes for panel in figure.subfigs for axes in panel.axes)
    assert space.name == "3d"
    assert np.ma.getmaskarray(steep.images[0].get_array()).all()
    np.testing.assert_array_equal(~np.ma.getmaskarray(level.images[0].get_array()), flat["level"])


def test_titles_say_how_much_of_the_wrong_is_flat():
    first, second = np.meshgrid(np.linspace(-1, 1, 10), np.linspace(-1, 1, 10))
    flat = {"everywhere": first < 2, "on the right": first > 0}
    figure = figures.loss_surfaces(first, second, dict.fromkeys(flat, first), flat)
    titles = [axes.get_title() for axes in figure.subfigs[1].axes]
    assert [title.split(chr(10))[1] for title in titles] == [
        "flat in 100% of “all wrong”",
        "flat in 50% of “all wrong”",
    ]


def test_valleys_show_each_walk_in_its_bowl():
    path = np.array([[2.0, 1.0], [0.5, 0.25], [0.0, 0.0]])
    bowls = {"one": (np.eye(2), "start"), "two": (np.diag([1.0, 9.0]), "start")}
    walks = {(bowl, way): path[:number] for bowl in bowls for way, number in (("quick", 2), ("late", 3))}
    figure = figures.valleys(bowls, walks)
    assert [axes.get_title() for axes in figure.axes] == ["quick: 1 steps", "late: 2 steps"] * 2
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == ["one\n$w_2$", "two\n$w_2$"]
    np.testing.assert_array_equal(figure.axes[3].lines[0].get_xydata(), path)


@pytest.fixture
def bowl() -> figures.Bowl:
    walk = functions(all_lessons()["05_mlp_backprop"], "walk")["walk"]
    return figures.Bowl(walk, {"plain": optim.SGD})


def test_a_bowl_is_walked_and_turned(bowl):
    plane, curve = bowl.draw("plain", log_rate=-2, turned_by=90, steps=30).axes
    assert plane.get_title() == "plain, learning rate 0.01"
    path = plane.lines[0].get_xydata()
    np.testing.assert_allclose(path[0], [-0.6, -2])  # (-2, 0.6) turned by a right angle
    np.testing.assert_allclose(path[1], [0, -2 * 0.99], atol=1e-12)  # at once down the steep wall, 1 % along the floor
    np.testing.assert_allclose(curve.lines[0].get_ydata()[:2], [20, 0.5 * 1.98**2])


def test_a_rate_that_is_too_large_is_drawn_as_far_as_it_goes(bowl):
    curve = bowl.draw("plain", log_rate=0, steps=400).axes[1]
    heights = curve.lines[0].get_ydata()
    assert np.isnan(heights[-1]) and heights[1] > heights[0]


def test_momentum_comes_to_ten_plain_steps_and_rmsprop_to_one_rate():
    page = functions(all_lessons()["05_mlp_backprop"], "momentum_changes", "rmsprop_changes")
    slopes = np.tile([1.0, 0.01], (200, 1))
    by_momentum, by_rmsprop = page["momentum_changes"](slopes, 1, 0.9), page["rmsprop_changes"](slopes, 1, 0.9, 1e-7)
    np.testing.assert_allclose(by_momentum[-1], [-10, -0.1], rtol=1e-3)
    np.testing.assert_allclose(by_rmsprop[-1], [-1, -1], rtol=1e-3)


def test_steps_are_counted_until_the_loss_stays_low():
    steps_needed = functions(all_lessons()["05_mlp_backprop"], "steps_needed")["steps_needed"]
    path = np.array([[1.0, 0], [0.05, 0], [0.5, 0], [0.05, 0], [0.01, 0]])
    assert steps_needed(path, np.eye(2)) == 3
    assert steps_needed(path[:3], np.eye(2)) == 3  # not yet


def test_the_rmsprop_of_the_record_steps_as_keras_does():
    layer, ours, theirs = layers.Layer(), RMSprop(0.01), keras.optimizers.RMSprop(0.01)
    layer.parameters, variable = {"w": np.ones(3)}, keras.Variable(np.ones(3), dtype="float64")
    for slopes in np.random.default_rng(0).normal(size=(6, 3)):
        layer.gradients = {"w": slopes}
        ours.update(layer)
        theirs.apply([slopes], [variable])
    np.testing.assert_allclose(layer.parameters["w"], keras.ops.convert_to_numpy(variable), atol=1e-6)


def test_the_adam_that_is_asked_for_steps_as_keras_does():
    for slopes, *settings in adam_changes.draw(np.random.default_rng(0)):
        adam, variable = keras.optimizers.Adam(*settings), keras.Variable(np.zeros(slopes.shape[1]), dtype="float64")
        for row, there in zip(slopes, np.cumsum(adam_changes.oracle(slopes, *settings), axis=0), strict=True):
            adam.apply([row], [variable])
            np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), there, rtol=1e-5, atol=1e-6)


def test_the_last_column_looks_along_the_direction_of_the_classes():
    figure = figures.layer_responses([lambda x: x @ np.eye(2, 3)] * 2, CORNERS, np.array([0, 0, 1, 1]), ["one", "two"])
    across = np.concatenate([each.get_offsets()[:, 0] for each in figure.axes[-1].collections])
    np.testing.assert_allclose(np.sort(np.abs(across)), 0.5)  # the classes are x1 = 0 and x1 = 1


def test_codes_keep_their_numbers():
    code = np.array([[0.0, 1.0], [0.5, 0.25]])
    figure = figures.codes([code, 1 - code], ["start 0", "start 1"])
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), code)
    assert figure.axes[1].get_title() == "start 1"


def test_layer_responses_have_a_row_for_each_layer():
    responses = [lambda x: np.tanh(x @ np.eye(2, 3)), lambda x: np.tanh(2 * x @ np.ones((2, 3)))]
    figure = figures.layer_responses(responses, CORNERS, XOR, ["layer 1", "layer 2"])
    assert len(figure.axes) == 2 * (3 + 1)
    assert [axes.get_ylabel() for axes in figure.axes[::4]] == ["layer 1", "layer 2"]


@pytest.mark.parametrize("widths", [[3, 2], [3, 4, 2], [2, 3, 4, 5, 3]])
def test_messages_reach_every_weight_at_any_depth(widths):
    page = functions(all_lessons()["05_mlp_backprop"], "random_network", "forward", "back_propagate")
    network = page["random_network"](widths, seed=1)
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(6, widths[0])), np.eye(widths[-1])[rng.integers(widths[-1], size=6)]

    def loss():
        return -np.mean(np.sum(targets * np.log(page["forward"](inputs, network)[-1]), axis=1))

    found = page["back_propagate"](page["forward"](inputs, network), targets, network)
    assert len(found) == len(network) == 2 * (len(widths) - 1)
    for gradient, array in zip(found, network, strict=True):
        np.testing.assert_allclose(gradient, numerical_gradient(loss, array), atol=1e-8)
