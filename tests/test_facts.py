"""Every fact of a lesson that exists is computed again, and compared with what the table says."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from facts import FUNCTIONS, complaint, load, module_of, recompute
from ledger import Fact, Slide, agrees, objection, read_facts, value

from course_tools.errors import CourseError
from course_tools.project import find_project

PROJECT = find_project(Path(__file__))
DATA = PROJECT.root / "data"
FACTS = read_facts(DATA)
LESSONS = PROJECT.lesson_names()
WITHOUT = [lesson for lesson in LESSONS if not load(lesson)]


@pytest.mark.parametrize("fact", [fact for fact in FACTS.values() if fact.lesson in LESSONS], ids=lambda fact: fact.id)
def test_fact(fact):
    assert complaint(fact, FUNCTIONS) is None


def test_every_lesson_with_facts_has_a_module_of_its_own_that_recomputes_them():
    missing = [lesson for lesson in WITHOUT if any(fact.lesson == lesson for fact in FACTS.values())]
    assert not missing, f"tests/facts/ has no module for {missing}"


def test_every_module_has_its_lesson():
    modules = {path.stem for path in Path(__file__).with_name("facts").glob("[!_]*.py")}
    assert modules <= {lesson[3:] for lesson in LESSONS}


def test_every_function_recomputes_a_fact_of_its_own_lesson():
    for fact_id, function in FUNCTIONS.items():
        assert fact_id in FACTS, f"{function} recomputes {fact_id}, which is no fact"
        assert function.__module__ == module_of(FACTS[fact_id].lesson), f"{fact_id} belongs to {FACTS[fact_id].lesson}"


def test_the_table_does_not_contradict_itself():
    """Were every recomputation perfect, no verdict would fall: `computed`, `published` and `tolerance` fit together."""
    for fact in FACTS.values():
        if fact.verdict == "reported":
            continue
        computed = value(fact.computed)
        assert objection(fact, True if isinstance(computed, str) else computed) is None
        if not isinstance(computed, str) and not isinstance(value(fact.published), str):
            assert np.shape(computed) == np.shape(value(fact.published)), f"{fact.id} compares different things"


# The machinery, on facts made up for it

COUNT = Fact("F900", "02_perceptron", "Weights", "60 M", "60965224", "2 %", "rounded", "", "", (Slide("pucp"),))
WRONG = dataclasses.replace(COUNT, published="1.89 M", computed="2332704", tolerance="0.5 %", verdict="wrong")
MEASURED = dataclasses.replace(COUNT, published="0.047551", computed="0.0476", tolerance="3 %", verdict="confirmed")
CLAIM = dataclasses.replace(COUNT, published="y* log y", computed="the sign is wrong", tolerance="", verdict="wrong")
REPORTED = dataclasses.replace(COUNT, published="18.2 %", computed="", tolerance="", verdict="reported")
SETTING = dataclasses.replace(COUNT, published="0.05", computed="0.05", tolerance="exact", verdict="hyper-parameter")


@pytest.mark.parametrize(
    ("fact", "result"),
    [
        (COUNT, 60965224),
        (COUNT, np.int64(60965224)),
        (WRONG, 2332704),
        (MEASURED, 0.0470),
        (CLAIM, True),
        (CLAIM, np.True_),
        (SETTING, 0.05),
    ],
)
def test_right_recomputations_pass(fact, result):
    assert complaint(fact, {"F900": lambda: result}) is None


@pytest.mark.parametrize(
    ("fact", "result", "message"),
    [
        (COUNT, 60965225, "computed says '60965224' (exact)"),  # a count is exact, whatever the tolerance
        (COUNT, "60965224 or so", "computed says"),
        (COUNT, None, "computed says"),
        (COUNT, True, "computed says"),
        (MEASURED, 0.06, "computed says '0.0476' (3 %)"),
        (MEASURED, float("nan"), "computed says"),
        (CLAIM, False, "computed says 'the sign is wrong' (words)"),
        (CLAIM, 1, "computed says"),
        (SETTING, 0.1, "computed says '0.05' (exact)"),
        (dataclasses.replace(COUNT, published="70 M"), 60965224, "is not '70 M' (2 %)"),
        (dataclasses.replace(COUNT, published="60 M, 61 M"), 60965224, "is not '60 M, 61 M'"),
        (dataclasses.replace(WRONG, published="2.33 M"), 2332704, "wrong, but 2332704 is '2.33 M'"),
        (dataclasses.replace(WRONG, published="2.33 M", verdict="not reproduced"), 2332704, "not reproduced, but"),
    ],
)
def test_wrong_recomputations_and_verdicts_fail(fact, result, message):
    assert message in complaint(fact, {"F900": lambda: result})


def test_a_fact_that_can_be_computed_needs_a_function():
    for fact in (COUNT, WRONG, MEASURED, CLAIM):
        assert complaint(fact, {}) == "F900: no function recomputes it."


def test_reported_facts_have_no_function_and_settings_may_have_one():
    assert complaint(REPORTED, {}) is None
    assert "reported, but" in complaint(REPORTED, {"F900": lambda: 18.2})
    assert complaint(SETTING, {}) is None


def test_a_fact_is_recomputed_once(monkeypatch):
    monkeypatch.setattr("facts.FUNCTIONS", {})
    recompute("F900")(int)
    with pytest.raises(ValueError, match="F900 is recomputed twice"):
        recompute("F900")(float)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("407050", 407050),
        ("1,228,800", 1228800),
        ("~50 M", 50_000_000),
        ("1.89 M", 1.89e6),
        ("159 Ki", 159 * 1024),
        ("2.3×", 2.3),
        ("18.2 %", 18.2),
        ("-5.5e-3", -5.5e-3),
        ("28×28×6", (28, 28, 6)),
        ("28, 24", (28, 24)),
        ("0.5, 128", (0.5, 128)),
        ("1 + L(n − 1)", "1 + L(n − 1)"),
        ("784-512-10", "784-512-10"),
        ("8, 6 or 5-8 bits", "8, 6 or 5-8 bits"),
        ("", ""),
    ],
)
def test_values(text, meaning):
    assert value(text) == meaning
    assert type(value(text)) is type(meaning)


@pytest.mark.parametrize(
    ("recomputed", "stored", "tolerance", "expected"),
    [
        (7.0, "7", "exact", True),
        (7.1, "7", "exact", False),
        (100, 98.5, "1.5 %", True),
        (100, 98.4, "1.5 %", False),
        (5745.28, "5,746", "1", True),
        (5744.9, "5,746", "1", False),
        (138_499_999, "138 M", "0.5 M", True),
        (138_500_001, "138 M", "0.5 M", False),
        (3e5, "2.6e5", "order of magnitude", True),
        (3e6, "2.6e5", "order of magnitude", False),
        (-3e5, "2.6e5", "order of magnitude", False),
        (0, "2.6e5", "order of magnitude", False),
        ([28, 28, 6], "28×28×6", "exact", True),
        (np.array([28, 28, 6]), "28×28×6", "exact", True),
        ((28, np.int64(28)), "28×28×6", "exact", False),
        ((28, 28, 5), "28×28×6", "exact", False),
        (28, "28×28×6", "exact", False),
        ((None, 28, 28), "28×28×6", "exact", False),
        ("28×28×6", (28, 28, 6), "exact", True),
        ("some words", "some words", "", True),
        ("other words", "some words", "", False),
    ],
)
def test_agreement(recomputed, stored, tolerance, expected):
    assert agrees(recomputed, stored, tolerance) is expected


HEADER = "id,lesson,statement,published,computed,tolerance,verdict,how,note,decks\n"
GOOD = "F001,02_perceptron,Weights,3,3,exact,confirmed,,,pucp\n"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (GOOD + "F002,02_perceptron,Weights,3,3,exact,maybe,,,pucp\n", "line 3, column verdict: 'maybe' is not a verd"),
        (GOOD + "F002,02_perceptron,Weights,3,3,roughly,confirmed,,,pucp\n", "line 3, column tolerance: 'roughly'"),
        (GOOD + "F002,02_perceptron,Weights,3,3,,confirmed,,,pucp\n", "line 3, column tolerance: a computed value"),
        (GOOD + "F002,02_perceptron,Weights,3,,,confirmed,,,pucp\n", "line 3, column computed: this is empty"),
        (GOOD + "F002,02_perceptron,Weights,3,3,exact,reported,,,pucp\n", "line 3, column computed: this is empty"),
        (GOOD + "T002,02_perceptron,Weights,3,3,exact,confirmed,,,pucp\n", "line 3, column id: 'T002' is not an id"),
    ],
)
def test_a_malformed_fact_is_named(tmp_path, table, message):
    shutil.copy(DATA / "decks.csv", tmp_path)
    (tmp_path / "facts.csv").write_text(HEADER + table, encoding="utf-8")
    with pytest.raises(CourseError) as error:
        read_facts(tmp_path)
    assert f"facts.csv, {message}" in str(error.value)
