"""Every row of the syllabus runs in its lesson; how many there are is said aloud."""

import json
import shutil
from pathlib import Path

import pytest
from ledger import (
    Row,
    Slide,
    coverage,
    executed_tags,
    read_decks,
    read_facts,
    read_syllabus,
    summary,
    unknown_tags,
)
from tiny_course import write_lesson

from course_tools.errors import CourseError
from course_tools.project import Project, find_project

PROJECT = find_project(Path(__file__))
DATA = PROJECT.root / "data"
SYLLABUS = read_syllabus(DATA)


def test_every_row_runs():
    missing = {each.lesson: each.pending for each in coverage(PROJECT, SYLLABUS.values()) if each.pending}
    assert not missing, f"no executed cell of the solved notebook carries these tags: {missing}"


def test_tags_that_look_like_ids_exist():
    assert unknown_tags(PROJECT, [*SYLLABUS, *read_facts(DATA)]) == []


def test_lessons_have_the_names_of_the_syllabus():
    assert set(PROJECT.lesson_names()) == {row.lesson for row in SYLLABUS.values()}


def test_every_lesson_has_a_module_of_tests_and_every_module_its_lesson():
    modules = {path.stem for path in Path(__file__).with_name("lessons").glob("test_*.py")}
    assert modules == {f"test_{lesson[3:]}" for lesson in PROJECT.lesson_names()}


@pytest.mark.parametrize("table", ["decks.csv", "syllabus.csv", "facts.csv"])
def test_line_ends_are_plain(table):
    text = (DATA / table).read_bytes().decode()
    assert "\r" not in text
    assert text.endswith("\n")


def test_rows_are_sorted_by_kind_and_number():
    for ids, kinds in ((SYLLABUS, "TQGHEC"), (read_facts(DATA), "FX")):
        assert list(ids) == sorted(ids, key=lambda row_id: (kinds.index(row_id[0]), row_id))


# The counting, on notebooks made up for it

ROWS = [
    Row(row_id, lesson, "name", "what", "must run", (Slide("pucp"),))
    for row_id, lesson in (
        ("T022", "02_perceptron"),
        ("E26", "02_perceptron"),
        ("T029", "03_single_neuron"),
    )
]


def code(*tags, execution_count=1):
    return {"cell_type": "code", "execution_count": execution_count, "metadata": {"tags": list(tags)}}


def markdown(*tags):
    return {"cell_type": "markdown", "metadata": {"tags": list(tags)}}


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path)
    project.rooms.mkdir()
    project.solved_notebooks.mkdir(parents=True)
    return project


def add_lesson(project, lesson, *cells):
    write_lesson(project, lesson, "")
    (project.solved_notebooks / f"{lesson}.ipynb").write_text(json.dumps({"cells": cells}))


def counts(project):
    return [(each.lesson, each.exists, each.live, each.pending) for each in coverage(project, ROWS)]


def test_without_lessons_everything_is_pending(project):
    assert counts(project) == [
        ("02_perceptron", False, (), ("T022", "E26")),
        ("03_single_neuron", False, (), ("T029",)),
    ]
    assert summary(coverage(project, ROWS)).splitlines()[0] == "syllabus: 0 of 3 rows live, 3 pending"


def test_executed_tags_are_live_and_a_missing_one_is_caught(project):
    add_lesson(project, "02_perceptron", code("T022", "nbval-check-output"), {"cell_type": "code", "metadata": {}})
    assert counts(project)[0] == ("02_perceptron", True, ("T022",), ("E26",))
    add_lesson(project, "02_perceptron", code("T022"), code("E26"))
    assert counts(project)[0] == ("02_perceptron", True, ("T022", "E26"), ())
    assert summary(coverage(project, ROWS)).splitlines()[:2] == [
        "syllabus: 2 of 3 rows live, 1 pending",
        "  02_perceptron                    2 live    0 pending",
    ]


def test_cells_that_do_not_run_do_not_count(project):
    add_lesson(project, "02_perceptron", code("T022", execution_count=None), markdown("E26"))
    assert counts(project)[0] == ("02_perceptron", True, (), ("T022", "E26"))


def test_a_row_counts_in_its_own_lesson_only(project):
    add_lesson(project, "02_perceptron", code("T022", "E26", "T029"))
    add_lesson(project, "03_single_neuron", code("T022"))
    assert counts(project)[1] == ("03_single_neuron", True, (), ("T029",))
    assert unknown_tags(project, ["T022", "E26", "T029"]) == []


def test_a_lesson_without_its_solved_notebook_has_nothing_live(project):
    write_lesson(project, "02_perceptron", "")
    assert counts(project)[0] == ("02_perceptron", True, (), ("T022", "E26"))


@pytest.mark.parametrize("tag", ["T999", "T22", "E026", "F0005"])
def test_a_tag_that_looks_like_an_id_must_be_one(project, tag):
    add_lesson(project, "02_perceptron", markdown(tag), code("nbval-skip", "T022"))
    assert unknown_tags(project, ["T022"]) == [f"notebooks/solutions/02_perceptron.ipynb: {tag}"]


def test_a_broken_notebook_is_named(project):
    add_lesson(project, "02_perceptron")
    notebook = project.solved_notebooks / "02_perceptron.ipynb"
    notebook.write_text("{")
    with pytest.raises(CourseError, match=r"02_perceptron\.ipynb: it cannot be read as a notebook"):
        executed_tags(notebook)


# Tables with a fault

HEADER = "id,lesson,name,what,must_run,decks\n"
GOOD = "T001,02_perceptron,name,what,run,pucp: Perceptron\n"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "line 1, column id: this column is missing."),
        ("id,lesson,name,what,decks\n", "line 1, column must_run: this column is missing."),
        ("lesson,id,name,what,must_run,decks\n", "line 1: the columns must be id, lesson"),
        (HEADER + GOOD + GOOD, "line 3, column id: 'T001' is there already"),
        (HEADER + GOOD + GOOD.replace("T001", "F001"), "line 3, column id: 'F001' is not an id"),
        (HEADER + GOOD.replace("02_perceptron", "perceptron"), "line 2, column lesson: 'perceptron' is not the name"),
        (HEADER + GOOD.replace("what", ""), "line 2, column what: this must not be empty."),
        (HEADER + GOOD.replace("pucp", "pcup"), "line 2, column decks: 'pcup' is not the key of a deck"),
        (HEADER + GOOD.replace("what", '"wh\nat"') + GOOD, "line 4, column id: 'T001' is there already"),
        (HEADER + "T001,02_perceptron,name\n", "line 2, column what: the line ends before it."),
        (HEADER + GOOD.replace("what", "wh,at"), "line 2, column decks: the line goes on after it."),
        (HEADER + GOOD.replace("what", '"what'), "line 2: it cannot be read as CSV"),
    ],
)
def test_a_malformed_table_is_named(tmp_path, table, message):
    shutil.copy(DATA / "decks.csv", tmp_path)
    (tmp_path / "syllabus.csv").write_text(table, encoding="utf-8")
    with pytest.raises(CourseError) as error:
        read_syllabus(tmp_path)
    assert f"{tmp_path.name}/syllabus.csv, {message}" in str(error.value)


def test_a_deck_has_one_key(tmp_path):
    (tmp_path / "decks.csv").write_text("key,title,author,university,year\na,One,,,\na,Two,,,\n")
    with pytest.raises(CourseError, match=r"decks\.csv, line 3, column key: 'a' is there already"):
        read_decks(tmp_path)


def test_a_missing_or_unreadable_table_is_named(tmp_path):
    with pytest.raises(CourseError, match=r"decks\.csv: it cannot be read: No such file"):
        read_decks(tmp_path)
    (tmp_path / "decks.csv").write_bytes(b"key,title\n\xff")
    with pytest.raises(CourseError, match=r"decks\.csv: it cannot be read; a table is a text file in UTF-8"):
        read_decks(tmp_path)
