"""Figures: they stay small, and hold what they are given."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas
import pytest
from drawn import all_fit_the_page

from course_lib import layers, plots
from course_lib.plots import charts, planes


def test_pictures_are_small():
    _, axes = plt.subplots(figsize=(4.6, 3.9))
    planes.regions(axes, lambda x: layers.sigmoid(x @ [1, 1] - 0.5), window=(-2, 2), limit=1.0, boundary=0.5)
    assert len(plots.png(axes.figure)) < 40_000


@pytest.mark.parametrize("colours", [256, 96, 64, 32])
def test_the_ground_of_a_figure_is_white_however_few_colours_its_file_has(colours):
    rng = np.random.default_rng(0)
    runs = {name: pandas.DataFrame(rng.uniform(0.2, 0.9, (8, 5))) for name in ("class", "colour", "ground")}
    figure = charts.lines({"here": runs, "there": runs}, list("abcdefgh"), "space", "share", percent=True)
    picture = plt.imread(io.BytesIO(plots.png(figure, colours)))
    assert (picture[:3, :, :3] == 1).all()


def test_colours_differ_for_every_colour_vision():
    """Under each simulated dichromacy (Viénot, Brettel and Mollon, 1999) the two class colours stay far apart."""
    to_cones = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
    lose = {
        "protan": np.array([[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]]),
        "deutan": np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]]),
    }
    colours = np.array([plt.matplotlib.colors.to_rgb(c) for c in (plots.BLUE, plots.VERMILION)]) ** 2.2
    for matrix in lose.values():
        seen = (np.linalg.inv(to_cones) @ matrix @ to_cones @ colours.T).T
        assert np.linalg.norm(np.clip(seen[0], 0, 1) ** (1 / 2.2) - np.clip(seen[1], 0, 1) ** (1 / 2.2)) > 0.4


def test_regions_show_the_output():
    _, axes = plt.subplots()
    planes.regions(axes, lambda x: x[:, 0] - 0.5, window=(0, 1), resolution=11)
    values = axes.images[0].get_array()
    np.testing.assert_allclose(values[3], np.linspace(0, 1, 11) - 0.5)


# Runs against x


def look(line) -> tuple:
    """How a line is drawn, but for its colour."""
    return line.get_linestyle(), line.get_marker()


def band(axes, number: int = 0) -> np.ndarray:
    """Where a band begins and ends above each x: (len(x), 2)."""
    corners = axes.collections[number].get_paths()[0].vertices
    return np.array([[(y := corners[corners[:, 0] == x, 1]).min(), y.max()] for x in np.unique(corners[:, 0])])


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


RUNS = np.array([[0.1, 0.3, 0.8], [0.5, 0.5, 0.5]])  # two x, three runs


def test_a_line_is_the_mean_and_its_band_reaches_from_the_lowest_to_the_highest_run():
    figure = charts.lines({"some": RUNS, "one": [0.7, 0.9]}, [1, 2], "epoch", "share", guessing=0.25)
    (axes,) = figure.axes
    some, one, guessing = axes.lines
    np.testing.assert_allclose(some.get_xydata(), [[1, 0.4], [2, 0.5]])
    np.testing.assert_allclose(one.get_ydata(), [0.7, 0.9])
    np.testing.assert_allclose(band(axes), [[0.1, 0.8], [0.5, 0.5]])
    assert len(axes.collections) == 1  # a single run has no band
    assert list(guessing.get_ydata()) == [0.25, 0.25]
    assert legend(figure) == ["some", "one", "lowest to highest of 3 runs", "guessing"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "share")
    assert axes.get_ylim()[0] <= 0
    all_fit_the_page()


def test_other_levels_have_words_of_their_own():
    figure = charts.lines({"some": RUNS + 1}, [1, 2], "epoch", levels={"from the pixels": 1.9, "plain grey": 1.2})
    assert [line.get_ydata()[0] for line in figure.axes[0].lines[1:]] == [1.9, 1.2]
    assert len({line.get_linestyle() for line in figure.axes[0].lines}) == 3
    assert figure.axes[0].get_ylim()[0] <= 0 < 1.9 < figure.axes[0].get_ylim()[1]
    assert legend(figure)[-2:] == ["from the pixels", "plain grey"]


def test_panels_share_the_axis_that_has_a_name_and_a_label_looks_the_same_in_all():
    panels = {"a": {"plain": RUNS, "shaken": RUNS}, "b": {"shaken": 100 * RUNS}}
    figure = charts.lines(panels, [1, 2], "epoch", "loss")
    left, right = figure.axes
    assert (left.get_title(), right.get_title()) == ("a", "b")
    assert left.get_ylim() == right.get_ylim()
    assert look(left.lines[1]) == look(right.lines[0]) != look(left.lines[0])
    assert legend(figure) == ["plain", "shaken", "lowest to highest of 3 runs"]
    left, right = charts.lines(panels, [1, 2], "epoch").axes
    assert left.get_ylim()[1] < 1 < 50 < right.get_ylim()[1]


def test_panels_may_differ_in_their_x_and_in_what_guessing_reaches():
    figure = charts.lines(
        {"loss": {"net": RUNS}, "right": {"net": [0.1, 0.5, 0.6]}},
        x={"loss": [8, 16], "right": ["none", "some", "all"]},
        xlabel={"loss": "layers", "right": "shown"},
        guessing={"right": 0.1},
        percent={"right": True},
    )
    loss, right = figure.axes
    figure.canvas.draw()
    assert list(loss.get_xticks()) == [8, 16] and len(loss.lines) == 1
    assert [label.get_text() for label in right.get_xticklabels()] == ["none", "some", "all"]
    assert list(right.lines[1].get_ydata()) == [0.1, 0.1]
    assert (loss.get_xlabel(), right.get_xlabel()) == ("layers", "shown")
    assert "20%" in [label.get_text() for label in right.get_yticklabels()]
    assert not any("%" in label.get_text() for label in loss.get_yticklabels())


def test_five_panels_stand_in_two_rows_of_three():
    figure = charts.lines({str(place): {"net": RUNS} for place in range(5)}, [1, 2], "x", "y")
    assert [axes.axison for axes in figure.axes] == [True] * 5 + [False]
    all_fit_the_page()


@pytest.mark.parametrize("log", ["x", "y", "xy"])
def test_logarithmic_axes(log):
    (axes,) = charts.lines({"net": RUNS}, [1, 1000], "x", log=log).axes
    assert (axes.get_xscale(), axes.get_yscale()) == tuple("log" if axis in log else "linear" for axis in "xy")
    if "x" in log:
        assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "1,000"]


@pytest.mark.parametrize("top", [0.004, 0.03, 0.19, 0.55, 1.0])
def test_no_tick_in_per_cent_is_rounded(top):
    figure = charts.lines({"net": [0, top]}, [1, 2], "x", percent=True)
    figure.canvas.draw()
    axes = figure.axes[0]
    for place, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True):
        assert float(label.get_text().rstrip("%")) == pytest.approx(100 * place, abs=1e-9)


def test_curves_differ_in_more_than_their_colour():
    figure = charts.lines({str(place): [0.1 * place, 0.5] for place in range(7)}, [1, 2], "x")
    lines = figure.axes[0].lines
    assert len({look(line) for line in lines}) == len({line.get_color() for line in lines}) == 7
    many = charts.lines({str(place): np.arange(50) * place for place in range(4)}, range(50), "x").axes[0].lines
    assert len({line.get_linestyle() for line in many}) == 4  # too many x for marks
    assert {line.get_marker() for line in many} == {""}


@pytest.mark.parametrize("runs", [RUNS.T, RUNS[:1], RUNS[..., None], [0.5], np.zeros((2, 0)), 0.5])
def test_runs_need_a_row_for_each_x(runs):
    with pytest.raises(ValueError, match="“some” needs a row for each of the 2 x and a column for each run"):
        charts.lines({"some": runs}, [1, 2], "x")


def test_runs_on_their_side_are_told_to_turn():
    with pytest.raises(ValueError, match=r"its shape is \(3, 2\): transpose it"):
        charts.lines({"some": RUNS.T}, [1, 2], "x")


# A dot for each run


def drawn_dots(axes) -> list[list[float]]:
    return [list(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "None"]


def means(axes) -> list[float]:
    return [line.get_xdata()[0] for line in axes.lines if line.get_color() == plots.BLACK]


def test_every_run_is_a_dot_in_its_row():
    figure = charts.dots({"max": [0.5, 0.7, 0.9], "average": [0.6]}, "right", guessing=0.1)
    (axes,) = figure.axes
    assert drawn_dots(axes) == [[0.5, 0.7, 0.9], [0.6]]
    np.testing.assert_allclose(means(axes), [0.7, 0.6])
    rows = [line.get_ydata() for line in axes.lines if line.get_linestyle() == "None"]
    assert [set(np.round(row)) for row in rows] == [{0}, {1}] and len(set(rows[0])) == 3
    assert [label.get_text() for label in axes.get_yticklabels()] == ["max", "average"]
    assert axes.yaxis_inverted()  # the first row above
    assert list(axes.lines[-1].get_xdata()) == [0.1, 0.1]
    assert legend(figure) == ["one run", "mean", "guessing"]
    all_fit_the_page()


def test_two_sets_of_scores_stand_one_above_the_other():
    pairs = {"old": {"known": [0.9, 1.0], "new": [0.5]}, "newer": {"known": [0.8], "new": [0.7]}}
    figure = charts.dots({"digits": pairs, "letters": pairs}, "right", guessing={"digits": 0.1}, percent=True)
    digits, letters = figure.axes
    assert drawn_dots(digits) == drawn_dots(letters) == [[0.9, 1.0], [0.5], [0.8], [0.7]]
    known, new = [line for line in digits.lines if line.get_linestyle() == "None"][:2]
    assert known.get_ydata().max() < new.get_ydata().min()
    assert known.get_marker() != new.get_marker() and known.get_color() != new.get_color()
    assert legend(figure) == ["known", "new", "mean", "guessing"]
    assert len(digits.lines) == len(letters.lines) + 1
    assert digits.get_xlim() == letters.get_xlim()


def test_four_panels_stand_two_by_two_and_each_may_have_a_scale_of_its_own():
    panels = {str(place): {"net": [place, place + 0.1]} for place in range(4)}
    figure = charts.dots(panels, "score", own_scale=True)
    figure.canvas.draw()
    assert len(figure.axes) == 4 and len({axes.get_xlim() for axes in figure.axes}) == 4
    assert all(any(label.get_text() for label in axes.get_xticklabels()) for axes in figure.axes)
    all_fit_the_page()


def test_panels_with_other_rows_name_their_own():
    left, right = charts.dots({"a": {"one": [1.0]}, "b": {"two": [2.0]}}, "score").axes
    assert [[label.get_text() for label in axes.get_yticklabels()] for axes in (left, right)] == [["one"], ["two"]]


@pytest.mark.parametrize("scores", [[], 0.5, [[0.5, 0.6]]])
def test_a_row_of_dots_needs_numbers(scores):
    with pytest.raises(ValueError, match="a list of numbers"):
        charts.dots({"some": scores}, "right")


# Bars, dates, pictures


def test_bars_hold_the_numbers_they_are_given():
    figure = charts.bars([1, 2], [0.25, 1.0], "x", "y")
    assert [bar.get_height() for bar in figure.axes[0].patches] == [0.25, 1.0]
    assert [text.get_text() for text in figure.axes[0].texts] == ["25%", "100%"]


def test_contact_sheet_has_a_title_for_each_picture():
    figure = charts.contact_sheet(np.zeros((5, 4, 4)), list("abcde"), columns=3)
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", "c", "d", "e", ""]


def test_a_gallery_has_a_title_for_each_picture_and_fits_the_page():
    titles = [f"{name}\n1.0" for name in "abcdef"]
    figure = charts.gallery(np.random.default_rng(0).random((6, 4, 4)), titles, columns=4)
    assert [axes.get_title() for axes in figure.axes] == [*titles, "", ""]
    all_fit_the_page()
