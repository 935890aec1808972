"""Lesson 28 shows every mistake of the decks, and its table, the syllabus and the page say the same."""

import csv
from importlib.resources import files

import matplotlib.pyplot as plt
import pytest
from ledger import read_decks, read_syllabus
from lesson_code import all_lessons, functions

from course_lessons.trust_no_slide import errata, figures
from course_tools.errata import errata_page
from course_tools.project import find_project

PROJECT = find_project()
LESSON = all_lessons()["28_trust_no_slide"]
ROWS = [row for row in read_syllabus(PROJECT.root / "data").values() if row.id[0] == "E"]


def test_all_mistakes_are_this_lessons():
    assert {row.lesson for row in ROWS} == {"28_trust_no_slide"}
    assert list(errata.read().index) == [row.id for row in ROWS] == [f"E{number:02}" for number in range(1, 95)]


def test_the_table_names_the_slides_of_the_syllabus_by_the_titles_of_the_decks():
    decks, table = read_decks(PROJECT.root / "data"), errata.read()
    for row in ROWS:
        assert table.deck[row.id].split("; ") == [decks[slide.deck].title for slide in row.decks]
        assert table.slide[row.id].split("; ") == [slide.title for slide in row.decks]


def test_every_field_is_filled_and_every_method_is_one_of_the_six():
    table = errata.read()
    assert table.notna().all(axis=None)
    assert set(table.method) == set(figures.METHODS)


def test_the_table_is_sorted_and_plain():
    text = files("course_lessons.trust_no_slide").joinpath("errata.csv").read_bytes().decode()
    assert "\r" not in text and text.endswith("\n")
    assert [row["id"] for row in csv.DictReader(text.splitlines())] == sorted(errata.read().index)


def test_every_mistake_is_shown_by_a_code_cell():
    tagged = {tag for cell in LESSON.cells if cell.kind == "code" for tag in cell.tags}
    assert {row.id for row in ROWS} <= tagged


def test_the_page_is_made_from_the_table():
    assert PROJECT.errata.read_text(encoding="utf-8") == errata_page(PROJECT)


def test_beside_puts_the_slide_and_the_finding_side_by_side():
    shown = errata.beside(E71="1.6 B", E01="7")
    assert shown.columns.tolist() == ["about", "the slide", "found"]
    assert shown.about.tolist() == ["Two billion weights", "Depth after pooling"]
    assert shown.found.tolist() == ["1.6 B", "7"]


def test_beside_does_not_know_other_numbers():
    with pytest.raises(KeyError, match="E95"):
        errata.beside(E95="nothing")


def test_the_bars_count_a_mistake_once_for_each_deck():
    table = errata.read().loc[["E44", "E07", "E61", "E17"]]  # one deck; one deck twice; three decks; one deck thrice
    table = table.assign(method=list(figures.METHODS[:4]))
    rest = errata.read().loc[["E79", "E84"]].assign(method=list(figures.METHODS[4:]))
    figure = figures.by_method(errata.pd.concat([table, rest]))
    axes = figure.axes[0]
    lengths = {method: 0 for method in figures.METHODS}
    for bars in axes.containers:
        for label, bar in zip(axes.get_yticklabels(), bars, strict=True):
            lengths[label.get_text()] += bar.get_width()
    assert list(lengths.values()) == [1, 1, 3, 1, 1, 1]
    plt.close(figure)


def test_missing_names_are_those_nobody_makes():
    missing_names = functions(LESSON, "missing_names")["missing_names"]
    assert missing_names("from keras import Input\nx = Input((2,))\ny = Dense(3)(x)\nprint(len(y))") == ["Dense"]
    assert missing_names("numpy.ones(3)\nfor i in xrange(3): j = i") == ["numpy", "xrange"]
