"""Lesson 26: figures show what they are given; occlusion, pointing, segmentation and neighbours against plain loops."""

import keras
import numpy as np
import pytest
from drawn import all_fit_the_page, first_picture, pixels
from keras import layers
from scipy.stats import spearmanr

from course_lessons.visualising_features import figures, pointing, segmentation
from course_lessons.visualising_features import occlusion as hiding
from course_lessons.visualising_features.neighbours import label_agreement, nearest, rank_correlation
from course_lessons.visualising_features.occlusion import Occlusion, occlusion
from course_lib import data
from course_lib.explain.activations import Strongest

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


# Occlusion


SMALL = RNG.random((3, 8, 8, 3), np.float32)


def convolutional() -> keras.Model:
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(5, 3, padding="same", activation="relu", name="first"),
            layers.MaxPooling2D(),
            layers.Conv2D(6, 3, padding="same", name="second"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(4, 3, name="third"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def run(model, images):
    return keras.ops.convert_to_numpy(model(images, training=False))


@pytest.mark.parametrize(("size", "stride"), [(3, 2), (2, 1), (8, 1), (4, 3)])
def test_occlusion_agrees_with_a_loop(size, stride):
    model, image = convolutional(), SMALL[0]
    found = occlusion(model, image, 1, size=size, stride=stride, fill=0.5)
    starts = [*range(0, 8 - size + 1, stride)]
    starts += [] if starts[-1] == 8 - size else [8 - size]
    assert found.tops.tolist() == found.lefts.tolist() == starts
    assert found.before == pytest.approx(run(model, image[None])[0, 1], abs=1e-6)
    falls = [[[] for _ in range(8)] for _ in range(8)]
    for i, top in enumerate(starts):
        for j, left in enumerate(starts):
            hidden = image.copy()
            hidden[top : top + size, left : left + size] = 0.5
            answer = run(model, hidden[None])[0]
            assert found.probability[i, j] == pytest.approx(answer[1], abs=1e-5)
            assert found.most_probable[i, j] == answer.argmax()
            for row in range(top, top + size):
                for column in range(left, left + size):
                    falls[row][column].append(found.before - answer[1])
    expected = np.maximum([[np.mean(fall) for fall in row] for row in falls], 0)
    np.testing.assert_allclose(found.drop, expected, atol=1e-5)


def test_occlusion_in_several_parts_and_with_a_colour(monkeypatch):
    model = convolutional()
    once = occlusion(model, SMALL[1], size=2, stride=1, fill=(0.1, 0.2, 0.3))  # 49 places
    assert once.label == run(model, SMALL[1:2])[0].argmax()
    monkeypatch.setattr(hiding, "AT_ONCE", 10)
    again = occlusion(model, SMALL[1:2], size=2, stride=1, fill=(0.1, 0.2, 0.3))
    np.testing.assert_allclose(again.probability, once.probability, atol=1e-6)
    np.testing.assert_array_equal(again.most_probable, once.most_probable)
    with pytest.raises(ValueError, match="size must be from 1 to 8"):
        occlusion(model, SMALL[0], size=9)
    with pytest.raises(ValueError, match="One image is wanted"):
        occlusion(model, SMALL)


# Pointing


def test_scores_of_maps_whose_shares_are_known():
    masks = np.zeros((4, 4, 4), bool)
    masks[:, :2, :2] = True  # a quarter
    maps = np.zeros((4, 4, 4))
    maps[0, 0, 0] = 1  # all inside
    maps[1, 0, 0], maps[1, 3, 3] = 3, 1  # three quarters
    maps[2, 3, 3], maps[2, 1, 1] = 2, 2  # half; two highest points, one of them inside
    np.testing.assert_allclose(pointing.mass_inside(maps, masks), [1, 0.75, 0.5, 0.25])
    np.testing.assert_allclose(pointing.highest_inside(maps, masks), [1, 1, 0.5, 0.25])
    with pytest.raises(ValueError, match="not negative"):
        pointing.mass_inside(-maps, masks)
    with pytest.raises(TypeError, match="masks are bool"):
        pointing.mass_inside(maps, masks * 1.0)
    with pytest.raises(ValueError, match="both"):
        pointing.mass_inside(maps[0], masks[0])


def test_baselines():
    masks = np.zeros((300, 9, 9), bool)
    masks[:, 3:6, 3:6] = True
    random, centre = pointing.random_maps(masks.shape), pointing.centre_maps(masks.shape)
    assert pointing.mass_inside(random, masks).mean() == pytest.approx(1 / 9, abs=0.01)
    assert pointing.highest_inside(random, masks).mean() == pytest.approx(1 / 9, abs=0.05)
    assert pointing.highest_inside(centre, masks).tolist() == [1] * 300
    assert centre[0].argmax() == 40 and np.allclose(centre[0], centre[0].T) and np.allclose(centre[0], centre[0, ::-1])
    oblong = pointing.centre_maps((1, 4, 8))[0]
    assert oblong.shape == (4, 8) and np.allclose(oblong, oblong[::-1]) and np.allclose(oblong, oblong[:, ::-1])


def test_randomised_shuffles_the_last_layers_and_nothing_else():
    model = convolutional()
    before = model.get_weights()
    names = pointing.weighted_layers(model)
    assert names[0] == "first" and len(names) == 5
    for number in (0, 1, 3, 5):
        copy = pointing.randomised(model, number, seed=1)
        for place, name in enumerate(names):
            for one, other in zip(model.get_layer(name).get_weights(), copy.get_layer(name).get_weights(), strict=True):
                np.testing.assert_array_equal(np.sort(one, axis=None), np.sort(other, axis=None))
                assert np.array_equal(one, other) == (place < 5 - number) or len(np.unique(one)) == 1
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    deeper, same = pointing.randomised(model, 3, seed=1), pointing.randomised(model, 1, seed=1)
    np.testing.assert_array_equal(deeper.get_weights()[-2], same.get_weights()[-2])  # a cascade
    np.testing.assert_allclose(run(pointing.randomised(model, 0), SMALL), run(model, SMALL), atol=1e-6)
    with pytest.raises(ValueError, match="layers must be from 0 to 5"):
        pointing.randomised(model, 6)


def test_similarity_is_spearmans_correlation():
    maps, others = RNG.random((3, 5, 5)), np.round(RNG.random((3, 5, 5)), 1)
    expected = [spearmanr(one.ravel(), other.ravel()).statistic for one, other in zip(maps, others, strict=True)]
    np.testing.assert_allclose(pointing.similarity(maps, others), expected)
    np.testing.assert_allclose(pointing.similarity(maps, maps**3), 1)
    np.testing.assert_allclose(pointing.similarity(maps, np.ones_like(maps)), 0)


# Segmentation


def discs(noise=0.08):
    rows, columns = np.indices((32, 32))
    masks = np.stack([np.hypot(rows - 12, columns - 18) < 8, np.hypot(rows - 20, columns - 10) < 6])
    chance = np.random.default_rng(0)
    images = 0.2 + 0.5 * masks[..., None] + noise * chance.normal(size=(2, 32, 32, 3))
    hints = (
        np.exp(-((rows - 13) ** 2 + (columns - 17) ** 2) / 30),
        np.exp(-((rows - 19) ** 2 + (columns - 9) ** 2) / 30),
    )
    return images, masks, np.stack(hints) + 0.1 * chance.random((2, 32, 32))


def test_a_disc_is_cut_out_from_a_vague_map():
    images, masks, maps = discs()
    marked = segmentation.seeds(maps)
    assert ((marked == segmentation.OBJECT) & ~masks).sum() == 0
    found = segmentation.segment(images, marked)
    assert segmentation.intersection_over_union(found, masks).min() > 0.8
    assert found[marked == segmentation.OBJECT].all() and not found[marked == segmentation.GROUND].any()


def test_seeds_are_as_many_as_asked_for():
    maps = np.arange(100.0).reshape(1, 10, 10)
    marked = segmentation.seeds(maps, high=0.1, low=0.3, blur=0)
    assert marked.ravel().tolist() == [2] * 30 + [0] * 60 + [1] * 10
    full = segmentation.seeds(maps, high=0.5, low=0.5, blur=0)
    np.testing.assert_array_equal(
        segmentation.segment(np.ones((1, 10, 10, 3)), full)[0], np.arange(100).reshape(10, 10) >= 50
    )
    with pytest.raises(ValueError, match="together at most 1"):
        segmentation.seeds(maps, high=0.6, low=0.6)
    with pytest.raises(ValueError, match="image 0 lacks one"):
        segmentation.segment(np.ones((1, 10, 10, 3)), np.ones((1, 10, 10), int))


def test_intersection_over_union():
    masks, truths = np.zeros((3, 2, 2), bool), np.zeros((3, 2, 2), bool)
    masks[0, 0], truths[0, :, 0] = True, True  # one shared, of three
    masks[1, 0, 0] = True
    np.testing.assert_allclose(segmentation.intersection_over_union(masks, truths), [1 / 3, 0, 1])
    with pytest.raises(ValueError, match="bool masks of one shape"):
        segmentation.intersection_over_union(masks * 1, truths)


# Neighbours in a space


def test_the_nearest_are_those_of_a_loop():
    features, queries = RNG.normal(size=(30, 2, 3)), RNG.normal(size=(4, 2, 3))
    for query, found in zip(queries, nearest(features, queries, k=6), strict=True):
        distances = [np.linalg.norm(query - row) for row in features]
        assert found.tolist() == np.argsort(distances)[:6].tolist()


def test_label_agreement_leaves_out_the_point_itself_even_among_twins():
    points = np.array([[0.0], [0.0], [1.0], [9.0], [9.5], [9.6]])
    assert label_agreement(points, [0, 1, 0, 2, 2, 2], k=1) == pytest.approx(
        3 / 6, abs=0.18
    )  # the twin of 1.0 is a tie
    assert label_agreement(points[1:], [1, 0, 2, 2, 2], k=1) == pytest.approx(3 / 5)
    assert label_agreement(points[1:], [0, 0, 2, 2, 2], k=2) == pytest.approx((2 * 0.5 + 3) / 5)


def test_rank_correlation_keeps_order_only():
    points = RNG.normal(size=(20, 5))
    assert rank_correlation(points, 3 * points + 1) == pytest.approx(1)
    flat = points[:, :2]
    pairs = [(i, j) for i in range(20) for j in range(i)]
    before = np.argsort(np.argsort([np.linalg.norm(points[i] - points[j]) for i, j in pairs]))
    after = np.argsort(np.argsort([np.linalg.norm(flat[i] - flat[j]) for i, j in pairs]))
    assert rank_correlation(points, flat) == pytest.approx(np.corrcoef(before, after)[0, 1])


def test_wrong_neighbours():
    with pytest.raises(ValueError, match="k must be from 1 to 3, not 4"):
        nearest(np.ones((3, 2)), np.ones((1, 2)), k=4)
    with pytest.raises(ValueError, match="k must be from 1 to 2, not 3"):
        label_agreement(np.ones((3, 2)), [0, 1, 2], k=3)
    with pytest.raises(ValueError, match="labels are one for each of the 3 rows"):
        label_agreement(np.ones((3, 2)), [0, 1], k=1)
    with pytest.raises(ValueError, match="same number of points"):
        rank_correlation(np.ones((4, 2)), np.ones((3, 2)))
    with pytest.raises(ValueError, match="at least two axes"):
        nearest(np.ones(3), np.ones(3), k=1)
