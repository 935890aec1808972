"""The exercise engine itself, on a tiny exercise: verdicts, messages, hints, and what a student sees."""

import json
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_notebook import BLANK, RIGHT, START, WRONG, run_pytest, write_notebook

from course_lib import exercises
from course_lib.exercises import spec
from course_lib.exercises.judge import judge
from course_lib.exercises.show import verdict_box
from course_lib.quiet import SetupError
from course_tools.project import find_project


@pytest.fixture
def halve(monkeypatch):
    """An exercise "halve" in a lesson of its own, opened as the current one."""
    monkeypatch.setattr(spec, "_REGISTRY", {})

    @exercises.exercise(lesson="99_test", points=2)
    def halve(numbers):
        return np.divide(numbers, 2)

    @halve.cases
    def _(rng):
        yield (np.array([[2.0, 3.0, 7.0], [1.0, 5.0, 9.0]]),)
        yield (rng.normal(size=4),)

    @halve.mistake("You doubled it.")
    def _(numbers):
        return numbers * 2

    halve.hints = ("Think.", "Think of two.")
    exercises.open_lesson("99_test")
    return halve


def mutates(numbers):
    numbers /= 2
    return numbers


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (lambda x: x / 2, "correct", ""),
        (lambda x: (x / 2).astype("float32"), "correct", ""),
        (lambda x: (x / 2).tolist(), "correct", ""),
        (..., "not attempted", "no answer yet"),
        (lambda x: ..., "not attempted", "no answer yet"),
        (lambda x: None, "wrong", "Is a `return` missing?"),
        (lambda x: x * np.nan, "wrong", "are NaN"),
        (lambda x: (x / 2).astype(int), "wrong", "integer type"),
        (lambda x: x > 1, "wrong", "True and False"),
        (lambda x: "half", "wrong", "text"),
        (lambda x: {"half": x}, "wrong", "a dict"),
        (lambda x: [[1], [1, 2]], "wrong", "cannot be read as an array"),
        (lambda x: (x / 2).T, "wrong", "transpose"),
        (lambda x: (x / 2)[None], "wrong", "shape"),
        (lambda x: (x / 2).astype(complex), "wrong", "numbers are expected"),
        (lambda x: x / 2 + 0.01, "wrong", "values differ"),
        (mutates, "wrong", "changed its input `numbers`"),
        (np.array([1.0]), "wrong", "A function is asked for"),
        (lambda: 1, "raised", "TypeError"),
    ],
)
def test_verdicts(halve, answer, status, words):
    verdict = judge(halve, answer, 0)
    assert verdict.status == status
    assert words in verdict.reason


def test_a_raise_names_the_line_of_the_student(halve):
    def candidate(numbers):
        middle = numbers.size // 2
        return numbers[middle] / undefined_name  # noqa: F821

    verdict = judge(halve, candidate, 0)
    assert verdict.status == "raised"
    assert "NameError" in verdict.reason and "numbers[middle] / undefined_name" in verdict.reason


def test_not_implemented_is_not_an_attempt(halve):
    def candidate(numbers):
        raise NotImplementedError

    assert judge(halve, candidate, 0).status == "not attempted"


def test_the_known_mistake_is_named_and_the_smallest_case_shown(halve):
    verdict = judge(halve, lambda x: x + x, 0)
    assert verdict.mistake == "You doubled it."
    assert verdict.inputs["numbers"].shape == (4,)


def test_a_mistake_that_gives_nan_is_named(halve):
    @halve.mistake("You divided zero by zero.")
    def _(numbers):
        return numbers * np.nan

    verdict = judge(halve, lambda x: x - np.nan, 0)
    assert (verdict.status, verdict.mistake) == ("wrong", "You divided zero by zero.")


def test_a_mistake_right_by_luck_on_some_cases_is_not_named_for_another_answer(halve):
    assert judge(halve, lambda x: x * 3, 0).mistake == ""


def test_no_mistake_is_named_when_two_fit(halve):
    @halve.mistake("You added it to itself.")
    def _(numbers):
        return numbers + numbers

    assert judge(halve, lambda x: x * 2, 0).mistake == ""


@pytest.fixture
def is_even(halve):
    @exercises.exercise(lesson="99_test", points=3)
    def is_even(number):
        return number % 2 == 0

    @is_even.cases
    def _(rng):
        yield from ((number,) for number in (2, 4, 6, 7))

    return is_even


@pytest.mark.parametrize(
    ("answer", "share", "words"),
    [
        (lambda number: True, 0, "no better than always answering True,"),
        (lambda number: 1, 0, "no better than always answering 1,"),
        (lambda number: False, 0, "no better than always answering False,"),
        (lambda number: np.full((2, 2), 0.5), 0, "no better than always answering 0.5,"),
        (lambda number: number < 6, 0, ""),
        (lambda number: 1 / 0, 0, ""),
        (lambda number: number % 2 == 0, 1, ""),
    ],
)
def test_guessing_is_worth_nothing(is_even, answer, share, words):
    verdict = judge(is_even, answer, 0)
    assert verdict.share == share
    assert words in verdict.mistake and bool(words) == bool(verdict.mistake)


def test_what_goes_beyond_guessing_counts(is_even):
    @is_even.cases
    def _(rng):
        yield from ((number,) for number in (2, 4, 6, 7, 9))

    verdict = judge(is_even, lambda number: number % 2 == 0 or number == 7, 0)
    assert (verdict.passed, verdict.guessed, verdict.total, verdict.share) == (4, 3, 5, 0.5)


def test_a_constant_that_is_right_for_all_cases_is_no_guess(halve):
    @halve.cases
    def _(rng):
        yield from ((np.full(size, 2.0),) for size in (1, 2, 3))

    verdict = judge(halve, lambda x: x / 2 if x.size > 1 else x, 0)
    assert (verdict.guessed, verdict.share, verdict.mistake) == (0, 2 / 3, "")


def test_fresh_inputs_each_time_and_the_same_from_a_seed(halve):
    seen = []

    def spy(numbers):
        seen.append(numbers.copy())
        return numbers / 2

    for seed in (None, None, 7, 7):
        judge(halve, spy, seed)
    ours = [numbers for numbers in seen if numbers.shape == (4,)]
    assert not np.array_equal(ours[0], ours[1])
    assert np.array_equal(ours[2], ours[3])


def test_partial_credit_counts_cases(halve):
    verdict = judge(halve, lambda x: x / 2 if x.ndim == 1 else x, 0)
    assert (verdict.passed, verdict.total) == (1, 2)


def test_values_that_are_probed(halve):
    @exercises.exercise(lesson="99_test", points=1)
    def scale_factor(numbers):
        return numbers / 2

    @scale_factor.cases
    def _(rng):
        yield (rng.normal(size=3),)

    @scale_factor.probe
    def _(factor, numbers):
        return factor * numbers

    @scale_factor.mistake("Twice.")
    def _():
        return 2

    assert judge(scale_factor, 0.5, 0).correct
    assert judge(scale_factor, 2, 0).mistake == "Twice."
    assert judge(scale_factor, ..., 0).status == "not attempted"
    assert judge(scale_factor, "half", 0).status == "raised"


def test_check_takes_a_function_or_a_named_value(halve, capsys):
    def halve(numbers):
        return numbers / 2

    exercises.check(halve)
    exercises.check(halve=halve)
    assert capsys.readouterr().out.count("Correct") == 2


def test_a_wrong_check_raises_only_while_a_teacher_runs_the_notebook(halve, monkeypatch, capsys):
    exercises.check(halve=lambda x: x)
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(AssertionError, match=r"halve: wrong. You doubled it."):
        exercises.check(halve=lambda x: x * 2)
    exercises.check(halve=lambda x: x / 2)


IN_NBVAL = {"PYTEST_CURRENT_TEST": "anna/02_perceptron.ipynb::Cell 0 (setup)"}
IN_A_TEST = {"PYTEST_CURRENT_TEST": "tests/test_lessons.py::test_runs (call)"}


@pytest.mark.parametrize(
    ("settings", "in_kernel", "raises"),
    [
        ({}, True, False),
        (IN_A_TEST, True, False),
        (IN_NBVAL, False, False),
        (IN_NBVAL, True, True),
        ({"COURSE_CHECK": ""} | IN_NBVAL, True, True),
        ({"COURSE_CHECK": "show"} | IN_NBVAL, True, False),
        ({"COURSE_CHECK": "show", "NBGRADER_EXECUTION": "autograde"}, True, False),
        ({"COURSE_CHECK": "raise"}, False, True),
    ],
)
@pytest.mark.parametrize("answer", [..., lambda x: x, lambda x: 1 / 0], ids=["blank", "wrong", "raising"])
def test_when_a_check_raises(halve, monkeypatch, capsys, settings, in_kernel, raises, answer):
    for name in ("COURSE_CHECK", "NBGRADER_EXECUTION", "PYTEST_CURRENT_TEST"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    shell = SimpleNamespace(kernel="a kernel") if in_kernel else None
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    exercises.check(halve=lambda x: x / 2)
    if raises:
        with pytest.raises(AssertionError, match=r"^halve: (not attempted|wrong|raised)\. "):
            exercises.check(halve=answer)
    else:
        exercises.check(halve=answer)
    assert capsys.readouterr().out.count("halve: ") == 2  # the box is shown first, in any case


@pytest.mark.parametrize("mode", ["show", "raise"])
def test_a_strict_check_leaves_nothing_on_stderr(halve, monkeypatch, capfd, mode):
    """nbgrader takes all points for a warning."""

    def noisy(numbers):
        print("a notice", file=sys.stderr)
        os.write(2, b"from a library in C")
        return numbers / 2

    monkeypatch.setenv("COURSE_CHECK", mode)
    exercises.check(halve=noisy)
    streams = capfd.readouterr()
    assert "Correct" in streams.out
    assert (streams.err == "") == (mode == "raise")


def test_an_unknown_way_to_check_is_refused(halve, monkeypatch):
    monkeypatch.setenv("COURSE_CHECK", "loudly")
    with pytest.raises(SetupError, match="COURSE_CHECK is 'loudly', but it must be one of: show, raise"):
        exercises.check(halve=lambda x: x / 2)


def test_plain_nbval_passes_or_fails_each_exercise(tmp_path):
    noise = "import sys, warnings\nprint('a notice', file=sys.stderr)\nwarnings.warn('another')\n"
    checks = [noise + "check(predict)", "check(weights_for_nand=weights_for_nand)", "check(update)", "check(nothing=1)"]
    write_notebook(tmp_path / "anna.ipynb", START, RIGHT, WRONG, BLANK, *checks)
    answer = run_pytest(tmp_path, "--nbval-lax", "--nbval-current-env", "-rA", "anna.ipynb")
    ends = [line.split(" ")[0] for line in answer.stdout.splitlines() if line.startswith(("PASSED ", "FAILED "))]
    assert ends.count("PASSED") == 5 and ends.count("FAILED") == 3, answer.stdout
    for words in ("weights_for_nand: wrong.", "update: not attempted.", "has no exercise 'nothing'"):
        assert words in answer.stdout
    shown = run_pytest(tmp_path, "--nbval-lax", "--nbval-current-env", "anna.ipynb", COURSE_CHECK="show")
    assert "1 failed, 7 passed" in shown.stdout  # the unknown exercise


def test_hints_come_one_by_one_and_the_last_stays(halve, capsys):
    for _ in range(3):
        exercises.hint("halve")
    out = capsys.readouterr().out
    assert out.index("hint 1 of 2") < out.index("hint 2 of 2") < out.rindex("Think of two.")


def test_solution_shows_the_lesson_s_own(capsys):
    project = find_project()
    for lesson in project.lesson_names():
        exercises.open_lesson(lesson)
        for name, source in json.loads(project.solutions(lesson).read_text(encoding="utf-8")).items():
            exercises.solution(name)
            assert source in capsys.readouterr().out


@pytest.mark.parametrize("wrong", ["halved", lambda x: x, np.ones(3)])
def test_unknown_names_list_the_known(halve, wrong):
    with pytest.raises(exercises.ExerciseError, match="halve"):
        exercises.check(wrong) if not isinstance(wrong, str) else exercises.hint(wrong)


def test_unknown_lesson():
    with pytest.raises(exercises.ExerciseError, match="98_nothing"):
        exercises.specs("98_nothing")


def test_before_the_set_up_cell(monkeypatch):
    monkeypatch.setattr(exercises, "_lesson", None)
    with pytest.raises(exercises.ExerciseError, match="set-up cell"):
        exercises.hint("predict")


def test_student_text_cannot_break_the_page(halve):
    box = verdict_box(judge(halve, lambda x: "<script>alert(1)</script>", 0))
    assert "<script>" not in box._repr_html_() and "&lt;script&gt;" in box._repr_html_()
