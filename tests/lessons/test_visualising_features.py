"""The figures of lesson 26 show what they are given."""

import numpy as np
import pytest
from drawn import all_fit_the_page, first_picture, pixels

from course_lessons.visualising_features import figures
from course_lib import data
from course_lib.explain.activations import Strongest
from course_lib.explain.occlusion import Occlusion

RNG = np.random.default_rng(0)
SHAPES = data.shapes(6, seed=1, size=16)
IMAGES, MASKS, NAMES = SHAPES.images, SHAPES.masks, data.SHAPE_NAMES
MAPS = RNG.random((6, 16, 16))


@pytest.fixture(autouse=True)
def page():
    yield
    all_fit_the_page()


def tallies(images):
    """Probabilities of two classes: the share of pixels that are exactly grey, and the rest."""
    grey = np.mean(np.all(images == 0.5, axis=-1), axis=(1, 2))
    return np.stack([1 - grey, grey], axis=1)


# Strongest patches


def sheet_of(boxes):
    boxes = np.array(boxes)
    found = Strongest(np.arange(len(boxes)), np.ones(len(boxes)), np.zeros((len(boxes), 2), int), boxes)
    signals = np.zeros((len(boxes), 16, 16, 3))
    signals[:, 3, 4] = 2.0
    return figures.strongest_sheet(SHAPES.images, {"relu1, 0": (found, signals)})


def test_the_sheet_shows_the_patches_and_what_made_the_answer():
    (axes,) = sheet_of([[0, 0, 8, 8], [8, 8, 16, 16]]).axes
    shown, tile = np.asarray(axes.images[0].get_array()), figures.TILE
    assert shown.shape == (2 * tile, 2 * tile, 3)
    np.testing.assert_allclose(shown[tile // 2, tile // 2], SHAPES.images[0][4, 4], atol=1e-6)
    assert shown[tile:, :tile].max() == 1 and np.any(np.all(shown[tile:, :tile] == 0.5, axis=-1))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["relu1, 0: patch", "projected back"]


def test_patches_at_an_edge_keep_their_scale():
    (axes,) = sheet_of([[0, 0, 8, 8], [0, 0, 4, 8]]).axes
    tile = figures.TILE
    cut = np.asarray(axes.images[0].get_array())[tile:, tile:]  # the projection of the second, grey on white
    inked = np.any(cut != 1, axis=-1)
    assert inked.any(axis=0).sum() == 2 * inked.any(axis=1).sum() == tile - 4


def test_a_silent_unit_has_a_sheet_too():
    found = Strongest(np.array([0]), np.zeros(1), np.zeros((1, 2), int), np.array([[0, 0, 16, 16]]))
    figure = figures.strongest_sheet(SHAPES.images, {"dead": (found, np.zeros((1, 16, 16, 3)))})
    assert pixels(figure).std() > 5


# Hiding


def test_the_square_hides_what_the_sliders_say():
    left, right = figures.Hide(tallies, SHAPES.images, ["clear", "grey"]).draw(number=2, top=4, left=6, size=8).axes
    shown = np.asarray(left.images[0].get_array())
    assert np.all(shown[4:12, 6:14] == 0.5)
    np.testing.assert_allclose(shown[:4], SHAPES.images[2][:4])
    assert [bar.get_width() for bar in right.patches] == pytest.approx([1, 0, 0.75, 0.25])
    assert left.get_title() == "now: clear, 75%"


def test_the_square_never_hangs_over_the_edge():
    left, _ = figures.Hide(tallies, SHAPES.images, ["clear", "grey"]).draw(top=60, left=60, size=10).axes
    assert np.all(np.asarray(left.images[0].get_array())[6:, 6:] == 0.5)


# Maps, layers, neighbours


def test_maps_stand_beside_their_pictures():
    figure = figures.maps(
        IMAGES[:2], {"saliency": MAPS[:2], "guided back-propagation": MAPS[2:4]}, ["a", "b"], MASKS[:2]
    )
    assert [axes.get_title() for axes in figure.axes[:3]] == ["picture", "saliency", "guided\nback-propagation"]
    np.testing.assert_allclose(first_picture(figure.axes[3]), IMAGES[1])
    np.testing.assert_allclose(first_picture(figure.axes[4]), MAPS[1])
    assert figure.axes[5].images[0].get_clim() == (0, MAPS[3].max())
    assert figure.axes[3].get_ylabel() == "b"
    pixels(figures.maps(IMAGES[:1], {str(place): MAPS[:1] for place in range(7)}))
    pixels(figures.maps(IMAGES[:1, ..., :1], {"nothing": 0 * MAPS[:1]}))


def test_segments_cut_out_what_the_mask_says():
    marked = np.zeros((1, 16, 16), int)
    marked[0, 0], marked[0, 8] = 2, 1
    figure = figures.segments(IMAGES[:1], MAPS[:1], marked, MASKS[:1], MASKS[1:2], [0.5])
    cut = first_picture(figure.axes[3])
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
    np.testing.assert_allclose(first_picture(middle), probability)
    names = [text.get_text() for text in right.get_legend().get_texts()]
    assert names == [NAMES[2], NAMES[0], NAMES[4]]
    colours = [patch.get_facecolor() for patch in right.get_legend().get_patches()]
    drawn = right.images[0].to_rgba(first_picture(right), norm=True)
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
        np.testing.assert_allclose(first_picture(figure.axes[2]), 0.5 + 0.5 * kernels[2] / reach)
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
    assert np.nanmax(first_picture(figure.axes[2])) == 3
    for number in (1, 3):
        pixels(figures.activation_grid(IMAGES[0], {str(place): late for place in range(number)}))


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
