"""Figures of what is inside a network: they show the numbers they were given, fit a page, and leave nothing out."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import pixels

from course_lessons.visualising_by_optimisation import figures as optimised
from course_lessons.visualising_features import figures
from course_lib import data
from course_lib.explain.activations import Strongest
from course_lib.explain.occlusion import Occlusion
from course_lib.plots import charts

RNG = np.random.default_rng(0)
SHAPES = data.shapes(6, seed=1, size=16)
IMAGES, MASKS, NAMES = SHAPES.images, SHAPES.masks, data.SHAPE_NAMES
MAPS = RNG.random((6, 16, 16))


@pytest.fixture(autouse=True)
def page():
    """Every figure fits the page, is not blank, and has been drawn without a warning."""
    yield
    for number in plt.get_fignums():
        figure = plt.figure(number)
        assert figure.get_figwidth() <= charts.WIDEST + 0.01
        assert pixels(figure).std() > 5


def shown(axes) -> np.ndarray:
    return np.asarray(axes.images[0].get_array())


def test_maps_stand_beside_their_pictures():
    figure = figures.maps(
        IMAGES[:2], {"saliency": MAPS[:2], "guided back-propagation": MAPS[2:4]}, ["a", "b"], MASKS[:2]
    )
    assert [axes.get_title() for axes in figure.axes[:3]] == ["picture", "saliency", "guided\nback-propagation"]
    np.testing.assert_allclose(shown(figure.axes[3]), IMAGES[1])
    np.testing.assert_allclose(shown(figure.axes[4]), MAPS[1])
    assert figure.axes[5].images[0].get_clim() == (0, MAPS[3].max())
    assert figure.axes[3].get_ylabel() == "b"
    pixels(figures.maps(IMAGES[:1], {str(place): MAPS[:1] for place in range(7)}))
    pixels(figures.maps(IMAGES[:1, ..., :1], {"nothing": 0 * MAPS[:1]}))


def test_segments_cut_out_what_the_mask_says():
    marked = np.zeros((1, 16, 16), int)
    marked[0, 0], marked[0, 8] = 2, 1
    figure = figures.segments(IMAGES[:1], MAPS[:1], marked, MASKS[:1], MASKS[1:2], [0.5])
    cut = shown(figure.axes[3])
    np.testing.assert_allclose(cut[MASKS[0]], IMAGES[0][MASKS[0]], atol=1e-6)
    assert (cut[~MASKS[0]] == 1).all()
    assert figure.axes[4].get_xlabel() == "IoU 0.50"


def test_occlusion_panels_name_each_class_that_wins_somewhere():
    winners = np.array([[4, 4, 2], [0, 0, 2]])
    probability = RNG.random((2, 3))
    places = np.arange(2), np.arange(3)
    figure = figures.occlusion_panels(IMAGES[0], Occlusion(2, 0.9, probability, winners, *places, MAPS[0]), NAMES)
    left, middle, right = figure.axes[:3]
    assert left.get_title() == f"{NAMES[2]}: 90%"
    np.testing.assert_allclose(shown(middle), probability)
    names = [text.get_text() for text in right.get_legend().get_texts()]
    assert names == [NAMES[2], NAMES[0], NAMES[4]]
    colours = [patch.get_facecolor() for patch in right.get_legend().get_patches()]
    drawn = right.images[0].to_rgba(shown(right), norm=True)
    for row, column in np.ndindex(2, 3):
        assert tuple(drawn[row, column]) == pytest.approx(colours[[2, 0, 4].index(winners[row, column])], abs=0.01)
    one = Occlusion(5, 1.0, probability, np.full((2, 3), 5), *places, MAPS[0])
    pixels(figures.occlusion_panels(IMAGES[0], one, NAMES))


def test_pointing_bars_are_as_long_as_the_scores():
    scores = {"mass": {"a": 0.3, "b": 0.5}, "highest": {"a": 0.9, "b": 1.0}}
    figure = figures.pointing_bars(scores, {"mass": {"random": 0.1, "centre": 0.2}})
    for axes, values in zip(figure.axes, scores.values(), strict=True):
        assert [bar.get_width() for bar in axes.patches] == list(values.values())
    assert [line.get_label() for line in figure.axes[0].lines] == ["random, 10%", "centre, 20%"]


@pytest.mark.parametrize("channels", [1, 3, 5, 16])
def test_filters_share_one_scale(channels):
    kernels = RNG.normal(size=(11, 3, 3, channels))
    figure = figures.filter_grid(kernels)
    reach = np.abs(kernels).max()
    if channels == 3:
        np.testing.assert_allclose(shown(figure.axes[2]), 0.5 + 0.5 * kernels[2] / reach)
    else:
        assert figure.axes[2].images[0].get_clim() == (-reach, reach)
    drawn = sum(len(axes.images) for axes in figure.axes)
    assert drawn == (11 if channels in (1, 3) else 11 * channels)
    pixels(figures.filter_grid(kernels[:2], ["one", "two"]))
    figure = figures.filters_over_time({"epoch 0": kernels, "epoch 1": 0 * kernels}, [0.1, 0.2], "smoothness")
    assert figure.axes[0].get_ylabel() == "epoch 0\nsmoothness 0.10"


def test_activations_early_and_late():
    late = np.zeros((4, 4, 20))
    late[0, 0, 0] = 3
    figure = figures.activation_grid(IMAGES[0], {"early": RNG.random((16, 16, 8)), "late": late})
    assert [axes.get_title() for axes in figure.axes[1:]] == [
        "early: 8 maps of 16×16\n0% zeros",
        "late: 20 maps of 4×4\n100% zeros",
    ]
    assert np.nanmax(shown(figure.axes[2])) == 3
    for number in (1, 3):
        pixels(figures.activation_grid(IMAGES[0], {str(place): late for place in range(number)}))


def test_patches_are_cut_where_the_unit_sees():
    boxes = np.array([[0, 0, 5, 5], [2, 3, 9, 10]])
    best = Strongest(np.array([4, 1]), np.array([2.0, 1.0]), np.zeros((2, 2), int), boxes)
    signals = RNG.normal(size=(2, 16, 16, 3))
    figure = optimised.patches(IMAGES, best, {"gradient": signals, "deconvnet": 0 * signals}, "conv2, filter 3")
    np.testing.assert_allclose(shown(figure.axes[1]), IMAGES[1, 2:9, 3:10])
    signal = signals[1, 2:9, 3:10]
    np.testing.assert_allclose(shown(figure.axes[3]), 0.5 + 0.5 * signal / np.abs(signal).max(), atol=0.05)


def test_neighbours_are_framed_by_their_class():
    spaces = {"pixels": np.array([[2, 3]]), "features": np.array([[4, 5]])}
    figure = figures.neighbour_panels(IMAGES[:1], IMAGES, spaces, [0], [9, 9, 0, 1, 0, 0], NAMES)
    frames = [axes.spines["left"].get_linestyle() for axes in figure.axes if len(axes.images)]
    assert frames[1:] == ["-", "--", "-", "-"]


def test_embeddings_have_a_colour_and_a_mark_for_each_class():
    points = RNG.normal(size=(30, 2))
    figure = figures.embeddings(
        {"PCA": points, "t-SNE": points}, np.arange(30) % 10, [str(label) for label in range(10)]
    )
    looks = {(tuple(dots.get_facecolor()[0]), len(dots.get_paths()[0].vertices)) for dots in figure.axes[0].collections}
    assert len(looks) == 10
    np.testing.assert_allclose(figure.axes[0].collections[3].get_offsets(), points[3::10])


def test_pictures_that_would_cover_another_are_left_out():
    points = np.array([[0.0, 0.0], [0.001, 0.0], [1.0, 1.0]])
    assert len(figures.picture_map(points, IMAGES[:3], title="map").axes[0].artists) == 2
    pixels(figures.picture_map(np.zeros((2, 2)), IMAGES[:2, ..., :1]))


def test_galleries_and_inversions():
    figure = charts.gallery(IMAGES, [f"{name}\n1.0" for name in NAMES], columns=4)
    assert len(figure.axes) == 8 and figure.axes[5].get_title() == f"{NAMES[5]}\n1.0"
    figure = optimised.inversions(
        IMAGES[:2], {"conv1": IMAGES[2:4], "conv2": IMAGES[4:]}, {"conv1": [0.1, 0.2], "conv2": [0.3, 0.4]}
    )
    assert figure.axes[5].get_xlabel() == "error 0.40"
    np.testing.assert_allclose(shown(figure.axes[5]), IMAGES[5])


def test_differences_are_shown_as_they_are_and_ten_times_over():
    after = np.clip(IMAGES + 0.01, 0, 1)
    figure = optimised.adversarial(IMAGES[:2], after[:2], [("cross, 99%", "ring, 80%"), ("star, 90%", "star, 60%")])
    change = after[1] - IMAGES[1]
    assert [axes.get_title() for axes in figure.axes[:4]] == [
        "before\ncross, 99%",
        "after\nring, 80%",
        "difference",
        "difference ×10",
    ]
    np.testing.assert_allclose(shown(figure.axes[6]), 0.5 + change, atol=1e-6)
    np.testing.assert_allclose(shown(figure.axes[7]), 0.5 + 10 * change, atol=1e-6)
