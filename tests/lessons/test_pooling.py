"""The figures of lesson 12 show what they are given."""

import numpy as np
import pytest

from course_lessons.pooling import figures
from course_lib.plots import grids

RNG = np.random.default_rng(0)


@pytest.fixture
def pictures() -> figures.Pictures:
    return figures.Pictures({"digit": RNG.random((12, 12)), "checks": np.indices((8, 8)).sum(axis=0) % 2 * 1.0})


def numbers(axes) -> np.ndarray:
    return np.asarray(axes.images[0].get_array())


@pytest.mark.parametrize(("pool_size", "strides"), [(2, 2), (3, 2), (2, 3), (1, 1), (4, 1)])
def test_every_kind_of_pooling_gives_the_same_size(pool_size, strides):
    image = RNG.random((9, 10))
    results = {kind: figures.pool(image, kind, pool_size, strides) for kind in figures.KINDS}
    assert {result.shape for result in results.values()} == {results["max"].shape}
    window = image[:pool_size, :pool_size]
    corner = {"max": window.max(), "average": window.mean(), "L2": np.linalg.norm(window)}
    for kind, value in {**corner, "every k-th pixel": image[0, 0]}.items():
        assert results[kind][0, 0] == pytest.approx(value)


def test_pooled_shows_both_and_frames_the_first_windows(pictures):
    left, right = pictures.pooled("digit", "average", 3, 2).axes
    np.testing.assert_array_equal(numbers(left), pictures.images["digit"])
    np.testing.assert_allclose(numbers(right), figures.pool(pictures.images["digit"], "average", 3, 2))
    assert right.get_title() == "average: 5 × 5, 25 numbers (17%)"
    frames = [(patch.get_y() + 0.5, patch.get_x() + 0.5, patch.get_width()) for patch in left.patches]
    assert frames == [(0, 0, 3), (0, 2, 3), (2, 0, 3)]


def test_windows_that_do_not_fit_are_not_framed(pictures):
    left, right = pictures.pooled("checks", "max", 8, 8).axes
    assert len(left.patches) == len(right.patches) == 1
    assert numbers(right).shape == (1, 1)


def test_sheet_has_a_row_for_each_kind_and_a_column_for_each_size(pictures):
    axes = np.reshape(pictures.sheet("digit", ["max", "average"], [1, 2, 4]).axes, (2, 3))
    assert [panel.get_title() for panel in axes[0]] == ["12 × 12", "6 × 6", "3 × 3"]
    assert [panel.get_ylabel() for panel in axes[:, 0]] == ["max", "average"]
    np.testing.assert_allclose(numbers(axes[1, 2]), figures.pool(pictures.images["digit"], "average", 4, 4))


def test_rows_of_pictures_carry_titles_and_labels():
    images = RNG.random((2, 5, 5, 1))
    axes = np.reshape(figures.rows_of_pictures({"a": images, "b": images}, ["left", "right"]).axes, (2, 2))
    assert [panel.get_title() for panel in axes.flat] == ["left", "right", "", ""]
    assert [panel.get_ylabel() for panel in axes[:, 0]] == ["a", "b"]


def test_grids_write_their_numbers_and_frame_their_windows():
    figure = figures.windows_and_results(np.arange(16.0).reshape(4, 4), 2, {"average": np.array([[2.5, 4.25]])})
    first, second = figure.axes
    assert len(first.patches) == 4
    assert [text.get_text() for text in second.texts] == ["2.5", "4.25"]
    framed = grids.row_of_grids({"map": np.eye(3), "other": np.eye(2)}, framed={"map": np.eye(3) > 0})
    assert [len(axes.patches) for axes in framed.axes] == [3, 0]


def test_evidence_over_page_draws_the_page_and_the_chosen_classes():
    page, maps = RNG.random((8, 12)), RNG.normal(size=(2, 3, 5))
    first, *others = figures.evidence_over_page(page, maps, classes=[4, 0]).axes
    np.testing.assert_array_equal(numbers(first), page)
    for axes, label in zip(others, (4, 0), strict=True):
        np.testing.assert_array_equal(numbers(axes), maps[:, :, label])
        assert axes.get_title() == f"for a {label}"
