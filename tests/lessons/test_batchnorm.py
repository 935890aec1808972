"""The figures of lesson 15 show what they are given."""

import numpy as np
import pytest

from course_lessons.batchnorm import figures


def words(axes) -> str:
    return " ".join(text.get_text() for text in axes.texts if text.get_text())


@pytest.mark.parametrize("shift", [-4.0, 4.0])
def test_the_batch_comes_out_with_mean_beta_and_deviation_gamma(shift):
    above, below = figures.batch_statistics(batch_size=64, shift=shift, gamma=0.5, beta=-1).axes
    after = below.lines[0].get_xdata()
    assert abs(after.mean() + 1) < 1e-9 and abs(after.std() - 0.5) < 1e-3
    assert "mean -1.00\ndeviation 0.50" in words(below)
    assert abs(above.lines[0].get_xdata().mean() - shift) < 1


def test_the_sheet_has_a_column_for_each_setting():
    figure = figures.batch_statistics_sheet([{"shift": -3}, {"batch_size": 4, "gamma": 2}])
    assert [axes.get_title() for axes in figure.axes[:2]] == ["shift -3", "batch_size 4, gamma 2"]


def test_shifted_pictures_name_their_accuracy():
    rows = {"fresh": np.zeros((3, 8, 8)), "faded": np.ones((3, 8, 8))}
    figure = figures.shifted_pictures(rows, {"fresh": 0.97, "faded": 0.4}, vmin=0, vmax=1)
    assert [words(axes) for axes in figure.axes[3::4]] == ["fresh 97% right", "faded 40% right"]


def test_stations_are_boxes_in_the_order_of_the_chain():
    values = [np.arange(5.0), np.arange(5.0) + 1]
    rows = {"one": {"x": values, "sum": values, "y": values}, "two": {"x": values, "BN": values, "y": values}}
    figure = figures.stations(rows, ["before", "after"], special="BN")
    assert [words(axes) for axes in figure.axes if axes.texts] == ["x", "sum", "y", "x", "BN", "y"]
    faces = [axes.patches[0].get_facecolor() for axes in figure.axes if words(axes) in ("sum", "BN")]
    assert faces[0] != faces[1]
    assert [text.get_text() for text in figure.legends[0].texts] == ["before", "after"]


def test_tracks_follow_the_units_asked_for():
    means = np.cumsum(np.ones((4, 3)), axis=0) * [1, 10, 100]
    panels = {"a": (means, means), "b": (0 * means, means)}
    figure = figures.tracks(panels, units=[2, 0], xlabel="epoch", ylabel="sum")
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), means[:, 2])
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xdata(), [1, 2, 3, 4])
    assert len(figure.axes[1].lines) == 2 and figure.axes[0].get_ylabel() == "sum"


def test_clouds_are_drawn_as_they_are():
    cloud = np.random.default_rng(0).normal(size=(20, 2))
    axes = figures.clouds({"a": cloud, "b": 2 * cloud}).axes[1]
    np.testing.assert_allclose(axes.collections[0].get_offsets(), 2 * cloud)


def test_the_dotted_cube_ends_at_the_slowest():
    figure = figures.costs([10, 20], {"slow": [1.0, 7.0], "fast": [0.1, 0.1]})
    np.testing.assert_allclose(figure.axes[0].lines[-1].get_ydata(), [7 / 8, 7])


def test_histograms_tell_mean_and_deviation():
    values = np.array([-1e-9, 0.0, 1e-9])
    figure = figures.histograms({"one": values, "two": values + 3}, "value", normal=("two",))
    assert figure.axes[0].get_title() == "one\nmean 0.0, deviation 0.0"
    assert len(figure.axes[1].lines) == len(figure.axes[0].lines) + 1


def test_three_paths_leave_the_input_of_the_graph():
    axes = figures.paths().axes[0]
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None) is not None]
    places = {text.get_text(): text.get_position() for text in axes.texts if text not in arrows}
    ends = {text.xy for text in arrows if text.get_position() == places["$x_i$"]}
    assert ends == {places["$\\hat x_i$"], places["Var"], places["mean"]}
    assert sum(text.xy == places["$\\hat x_i$"] for text in arrows) == 3


def test_a_channel_has_one_colour_in_all_pictures():
    squares = figures.shared_statistics(examples=2, side=3, channels=2).axes[0].patches
    colours = {}
    for square in squares:
        colours.setdefault(square.get_facecolor(), set()).add(square.get_xy())
    assert sorted(map(len, colours.values())) == [18, 18]
    left, right = ({x for x, _ in places} for places in colours.values())
    assert max(left) < min(right)


def test_jacobians_show_their_numbers():
    figure = figures.jacobians({"whole": np.array([[0.5, -0.25], [-0.001, 1]]), "naive": np.eye(2)})
    assert words(figure.axes[0]) == "0.50 -0.25 0.00 1.00"


def test_decision_panels_draw_every_network():
    points = np.array([[0.0, 0], [1, 1]])
    figure = figures.decision_panels({"a": lambda x: x[:, 0], "b": lambda x: -x[:, 0]}, points, [0, 1])
    left, right = (axes.images[0].get_array() for axes in figure.axes)
    np.testing.assert_allclose(left, -right)


def test_heat_maps_write_per_cents():
    figure = figures.heat_maps({"off": np.array([[0.1, 1.0]]), "on": np.ones((1, 2))}, [0.3], [1, 10], "r", "s", "")
    assert words(figure.axes[0]) == "10 100"
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1", "10"]
