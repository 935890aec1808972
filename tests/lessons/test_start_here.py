"""The pad, the marks, the map and the figures of lesson 00, and the experiments behind it."""

import html
import json
import re
import shutil
import subprocess

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import all_fit_the_page, first_picture, pixels
from ledger import read_syllabus
from lesson_code import all_lessons, functions
from skimage.feature import hog

from course_lessons.start_here import cards, figures, pad, strains
from course_lessons.start_here import evidence as experiments
from course_tools.project import find_project

PROJECT = find_project()
FOUR = """
..............
....##..##....
....##..##....
....######....
........##....
"""


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


# The digit of marks


def test_each_mark_becomes_four_pixels():
    picture = pad.from_marks(FOUR)
    assert picture.shape == (pad.SIDE, pad.SIDE, 1) and set(np.unique(picture)) == {0, 1}
    assert picture.sum() == 4 * FOUR.count("#")
    assert picture[2:4, 8:12].all() and not picture[:2].any() and not picture[10:].any()


def test_spaces_are_paper_and_what_is_missing_is_too():
    assert np.array_equal(pad.from_marks(FOUR.replace(".", " ")), pad.from_marks(FOUR))
    assert not pad.from_marks("").any()


@pytest.mark.parametrize(("drawn", "found"), [("#" * 15, "the longest of 15"), ("#\n" * 15, "it has 15")])
def test_a_drawing_that_is_too_large_is_refused_in_words(drawn, found):
    with pytest.raises(ValueError, match=found):
        pad.from_marks(drawn)


# The pad


def told(picture: np.ndarray) -> str:
    """What the canvas writes into the field."""
    return np.round(255 * picture).astype(np.uint8).tobytes().hex()


def asked(picture) -> plt.Figure:
    figure, axes = plt.subplots()
    axes.set_title(f"ink\n{picture.sum():.0f}")
    return figure


def test_a_picture_survives_the_way_to_python():
    picture = pad.from_marks(FOUR) * 0.6
    np.testing.assert_allclose(pad.decoded(told(picture)), picture, atol=1 / 255)
    assert pad.decoded(told(picture)).dtype == np.float32


@pytest.mark.parametrize("text", ["", "zz", "00" * 783, "0", "12 letters"])
def test_what_is_no_picture_is_none(text):
    assert pad.decoded(text) is None


def test_a_drawing_is_answered_beside_the_pad_and_described():
    widget = pad.draw_and_ask(asked, alt="How much ink.")
    row, field = widget.children
    _, answer = row.children
    assert answer.value == pad.NO_PICTURE
    field.value = told(pad.from_marks(FOUR))
    assert 'alt="How much ink. Now: ink 64."' in answer.value and "base64," in answer.value
    field.value = told(np.zeros((pad.SIDE, pad.SIDE, 1)))
    assert answer.value == pad.NO_PICTURE


def test_a_pad_without_a_description_is_refused():
    with pytest.raises(ValueError, match="alternative text"):
        pad.draw_and_ask(asked, alt=" ")


def test_the_canvas_needs_nothing_from_elsewhere_and_is_named_for_those_who_cannot_see_it():
    markup = pad._canvas()
    handlers = {name: html.unescape(code) for name, code in re.findall(r' on(\w+)="([^"]*)"', markup)}
    assert set(handlers) == {"pointerdown", "pointermove", "pointerup", "pointercancel", "click"}
    assert not re.search("https?:|<script|import|fetch", markup)
    assert not any("SCALE" in code or "PAD" in code or "//" in code for code in handlers.values())
    assert "aria-label=" in markup and "touch-action: none" in markup


def test_the_pads_class_is_the_one_its_code_looks_for():
    widget = pad.draw_and_ask(asked, alt="x")
    (name,) = widget._dom_classes
    assert f".{name}" in html.unescape(pad._canvas())


# The map


def test_the_map_has_every_lesson_of_the_syllabus_once_and_in_order():
    names = [name for part in cards.PARTS.values() for name in part]
    planned = {row.lesson for row in read_syllabus(PROJECT.root / "data").values()}
    assert names == sorted(names) and len(set(names)) == len(names)
    assert set(names) == planned | {"00_start_here"}


def test_the_cards_on_the_map_are_those_of_the_lessons():
    for name, lesson in all_lessons().items():
        shown = cards.lessons()[name]
        assert (shown.title, shown.minutes) == (lesson.card.title, lesson.card.minutes)
        assert list(shown.needs) == list(lesson.card.needs)
    to_come = {name for name, lesson in cards.lessons().items() if lesson.minutes is None}
    assert to_come == set(cards.lessons()) - set(all_lessons())


def test_the_steps_of_the_map_lead_everywhere_that_the_cards_do():
    steps = cards.steps()
    reached = {name: {name} for name in cards.lessons()}
    for _ in reached:
        for earlier, later in steps:
            reached[later] |= reached[earlier]
    for name, lesson in cards.lessons().items():
        assert set(lesson.needs) <= reached[name]
    assert all(earlier < later for earlier, later in steps), "a lesson needs one that comes after it"


def test_no_step_goes_without_saying(monkeypatch):
    three = {name: cards.Lesson(name, name, 1, needs) for name, needs in (("a", ()), ("b", ("a",)), ("c", ("a", "b")))}
    monkeypatch.setattr(cards, "lessons", lambda: three)
    assert cards.steps() == [("a", "b"), ("b", "c")]


def test_a_lesson_is_linked_once_it_is_there():
    assert cards.link("01_maths_review") == '<a href="01_maths_review.ipynb">01</a>'
    assert cards.link("") == ""
    missing = [name for name, lesson in cards.lessons().items() if lesson.minutes is None]
    assert all(cards.link(name) == f"{name[:2]}, to come" for name in missing)


def test_the_map_of_the_built_notebook_is_that_of_today():
    """A card that changes changes the picture in lesson 00, and only `course build --force 00` draws it anew."""
    solved = PROJECT.solved_notebooks / "00_start_here.ipynb"
    outputs = [
        each for cell in json.loads(solved.read_text(encoding="utf-8"))["cells"] for each in cell.get("outputs", [])
    ]
    texts = ["".join(each.get("data", {}).get("text/plain", "")) for each in outputs]
    assert f"[figure: {cards.spoken()}]" in texts, "the cards have changed: course build --force 00"


def test_the_map_shows_every_lesson_and_fits_the_page():
    figure = figures.course_map()
    words = " ".join(text.get_text() for text in figure.axes[0].texts)
    for name, lesson in cards.lessons().items():
        assert f"{name[:2]} · {f'{lesson.minutes} min' if lesson.minutes else 'to come'}" in words
    all_fit_the_page()


@pytest.mark.parametrize("lesson", ["02_perceptron", "28_trust_no_slide"])
def test_the_map_in_words_names_what_comes_before(lesson):
    for number in cards.before(lesson):
        assert re.search(rf"{lesson[:2]} [^(]*\(after [^)]*{number}", cards.spoken())


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
def test_make_lab_opens_this_lesson():
    told = subprocess.run(["make", "-n", "lab"], capture_output=True, text=True, cwd=PROJECT.root, check=True)
    assert "default_url=/lab/tree/00_start_here.ipynb" in told.stdout


# Strains and figures


def test_a_shift_lets_paper_in_and_leaves_other_pictures_alone():
    pictures = np.arange(18.0).reshape(2, 3, 3, 1) + 1
    moved = strains.shifted(pictures, right=1, down=0)
    assert (moved[:, :, 0] == 0).all() and np.array_equal(moved[:, :, 1:], pictures[:, :, :-1])
    moved = strains.shifted(pictures, right=0, down=-1)
    assert (moved[:, -1] == 0).all() and np.array_equal(moved[:, :-1], pictures[:, 1:])


@pytest.mark.parametrize("name", strains.STRAINS)
def test_a_strain_keeps_shape_and_range(name):
    pictures = np.random.default_rng(0).random((3, 28, 28, 1)).astype(np.float32)
    strained = strains.STRAINS[name](pictures)
    assert strained.shape == pictures.shape
    assert strained.min() > -1e-6 and strained.max() < 1 + 1e-6
    assert np.array_equal(strained, pictures) == (name == "as they are")


def test_answers_stand_under_their_digits_with_a_sign():
    images = np.random.default_rng(0).random((3, 28, 28, 1))
    figure = figures.before_and_after(images, np.array([4, 9, 1]), {"before": [4, 4, 4], "after": [4, 9, 7]})
    below = [[text.get_text() for text in axes.texts if text.get_text()[0].isdigit()] for axes in figure.axes]
    assert below == [["4 ✓", "4 ✓"], ["4 ✗", "9 ✓"], ["4 ✗", "7 ✗"]]
    assert np.array_equal(first_picture(figure.axes[1]), images[1, ..., 0])


def test_opinions_name_the_best_answer():
    shares = np.full(10, 0.02)
    shares[7] = 0.82
    figure = figures.opinions(pad.from_marks(FOUR), {"one": shares, "two": shares[::-1]})
    assert [axes.get_title() for axes in figure.axes] == ["", "one\n“7”, 82% sure", "two\n“2”, 82% sure"]
    assert [bar.get_height() for bar in figure.axes[1].patches] == shares.tolist()


def test_photographs_show_their_five_best_answers():
    shares = np.random.default_rng(0).dirichlet(np.ones(10), size=2)
    photos = {"a": np.zeros((8, 8, 3)), "b": np.ones((8, 8, 3))}
    figure = figures.photographs(photos, shares, [f"word {place}" for place in range(10)])
    first = [text.get_text() for text in figure.axes[1].texts] or [text.get_text() for text in figure.axes[2].texts]
    assert first == [f"word {place}" for place in np.argsort(-shares[0])[:5]]


@pytest.mark.parametrize(("days", "words"), [(5.5, "5.5 days"), (155.3, "155 days"), (365_250, "1,000 years")])
def test_spans_of_time_in_words(days, words):
    assert figures.in_words(days) == words


def test_milestones_are_in_order_and_lead_to_lessons_of_the_course():
    years = [year for year, *_ in figures.MILESTONES]
    assert years == sorted(years)
    assert {name for *_, name in figures.MILESTONES} <= {*cards.lessons(), ""}


def test_other_figures_can_be_drawn():
    figures.training_and_use()
    figures.durations({"a loop": 160_000.0, "the authors": 5.5})
    x = np.linspace(0, 1, 9)
    figures.strips({1: x, 2: 1 - x}, x)
    all_fit_the_page()
    for number in plt.get_fignums():
        assert pixels(plt.figure(number)).shape[1] <= 1440


# Experiments


@pytest.mark.parametrize("times", range(1, 7))
def test_folds_double_the_pieces_and_two_units_a_layer_make_them(times):
    fold = functions(all_lessons()["00_start_here"], "fold")["fold"]
    x = np.linspace(0, 1, 2**10 + 1)
    y = x
    for _ in range(times):
        y = fold(y)
    np.testing.assert_allclose(y, experiments.folded(x, times), atol=1e-12)
    assert 1 + np.count_nonzero(np.diff(np.sign(np.diff(y)))) == 2**times


def test_one_layer_needs_as_many_units_as_there_are_pieces():
    """The best fit of units that bend where the fold bends: exact with one more for the first slope, and only then."""
    x, times = np.linspace(0, 1, 257), 3
    target = experiments.folded(x, times)
    bends = np.arange(1, 2**times) / 2**times

    def left(columns):
        columns = np.stack([*columns, np.ones_like(x)], axis=1)
        return np.abs(columns @ np.linalg.lstsq(columns, target, rcond=None)[0] - target).max()

    units = [np.maximum(0, x - bend) for bend in bends]
    assert left([*units, np.maximum(0, x)]) < 1e-12
    assert left(units) > 0.1
    mirrored = [np.maximum(0, bend - x) for bend in bends]
    assert min(left([*units[:n], *mirrored[n:]]) for n in range(len(bends) + 1)) > 0.1


def test_the_edge_directions_are_those_of_scikit_image():
    images = np.random.default_rng(0).random((2, 28, 28, 1))
    features = experiments.edge_directions(images)
    expected = hog(images[1, ..., 0], orientations=9, pixels_per_cell=(4, 4), cells_per_block=(2, 2))
    np.testing.assert_allclose(features[1], expected, rtol=1e-5)


def test_the_network_of_the_records_is_that_of_the_lesson():
    here = functions(all_lessons()["00_start_here"], "network")["network"]()
    there = experiments.network()

    def told(model):
        return [
            {key: value for key, value in layer.get_config().items() if key not in ("name", "dtype")}
            for layer in model.layers
        ]

    assert str(told(here)) == str(told(there)) and here.count_params() == there.count_params() == 12_810
