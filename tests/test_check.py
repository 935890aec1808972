"""The exercise engine itself, on a tiny exercise: verdicts, messages, hints, and what a student sees."""

import json
import os
import re
import sys
import time
import types
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_notebook import BLANK, RIGHT, START, WRONG, run_pytest, write_notebook

from course_lib import exercises
from course_lib.exercises import spec, waiting
from course_lib.exercises.answer import WrongForm
from course_lib.exercises.cells import names_defined
from course_lib.exercises.judge import difference, judge
from course_lib.exercises.show import Progress, verdict_box
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
        (np.array([1.0]), "wrong", "A function is asked for, this is an ndarray: write check(halve)."),
        (5, "wrong", "A function is asked for, this is an int: write check(halve)."),
        (np.uint8(5), "wrong", "this is a uint8"),
        (lambda: 1, "raised", "TypeError"),
    ],
)
def test_verdicts(halve, answer, status, words):
    verdict = judge(halve, answer, 0)
    assert verdict.status == status
    assert words in verdict.reason


def test_what_differs_late_is_shown_with_as_many_digits_as_it_takes():
    assert difference(np.array(216.5), np.array(216.50002), 1e-7, 1e-9) == "Expected 216.5, got 216.50002."
    assert difference(np.array([9.0, 1.0]), np.array([9.0, 1 + 2e-11]), 0, 1e-12).endswith("1, got 1.00000000002.")
    assert difference(np.array([True]), np.array([False]), 0, 0).endswith("expected True, got False.")


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
    odd = judge(scale_factor, "half", 0)
    assert odd.status == "wrong" and odd.reason.startswith("It cannot be used as the answer: ")


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


def slowly(numbers):
    time.sleep(0.2)
    return numbers / 2


@pytest.mark.parametrize(("mode", "told"), [("show", 1), ("raise", 0)])
def test_nobody_is_told_how_to_stop_what_a_teacher_runs(halve, monkeypatch, capsys, mode, told):
    monkeypatch.setenv("COURSE_CHECK", mode)
    monkeypatch.setattr(waiting, "PATIENCE", 0.05)
    exercises.check(halve=slowly)
    assert capsys.readouterr().out.count("Still running") == told


def stopped(numbers):
    raise KeyboardInterrupt


def test_an_interrupt_says_where_it_came_in_one_line(halve):
    with pytest.raises(waiting.Stopped) as ended:
        exercises.check(halve=stopped)
    assert ended.value._render_traceback_() == [str(ended.value)]
    assert re.fullmatch(r"You stopped it in line \d+ of your cell: raise KeyboardInterrupt", str(ended.value))
    assert isinstance(ended.value, KeyboardInterrupt)  # so that the cells that wait behind it do not run


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def predict(x)\n    return x", {"predict"}),
        ("async def a():\n    x = 1\n\nclass B:\n    def c(self): pass", {"a", "B"}),
        ("a, b = 1, 2\nc: int = (\nd == 3\nprint(e=4)\nf[0] = g.h = 5", {"a", "b", "c"}),
        ("  weights = np.array([1, 2)", {"weights"}),
        ("# a = 1\n'b = 2'\nif c:\n    d = 3", set()),
        ("%%time\nw = 1", {"w"}),
    ],
)
def test_what_a_cell_was_to_define(source, names):
    assert names_defined(source) == names


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
    assert out.index("Hint 1 of 2") < out.index("Hint 2 of 2") < out.rindex("Think of two.")


def test_progress_tells_what_was_solved_tried_and_left(halve, capsys):
    for name in ("second", "third"):
        exercises.exercise(lesson="99_test", points=1)(types.FunctionType(halve.oracle.__code__, globals(), name))
        exercises.find("99_test", name).cases(lambda rng: iter([(rng.normal(size=3),)]))

    def shown() -> str:
        capsys.readouterr()
        exercises.progress()
        return capsys.readouterr().out

    before = shown()
    assert before.startswith("0 of 3 exercises solved in this session\n") and before.count("Not attempted yet") == 3
    assert "✓" not in before and "✗" not in before
    exercises.check(second=...)
    assert shown() == before  # a blank that is checked is not tried
    exercises.check(halve=lambda x: x / 2)
    exercises.check(third=lambda x: 1 / 0)
    assert shown() == (
        "1 of 3 exercises solved in this session\n"
        "  ✓ halve: Correct\n  ○ second: Not attempted yet\n  ! third: Your code raised an error\n"
    )
    exercises.check(halve=lambda x: x)
    exercises.check(third=lambda x: x / 2)
    assert "✗ halve: Not right yet" in shown() and "✓ third: Correct" in shown()  # the last check counts
    exercises.open_lesson("99_test")
    assert shown() == before


def test_progress_in_a_notebook_says_the_same(halve):
    page = Progress({"halve": "correct", "<third>": "wrong"})._repr_html_()
    words = re.sub("<[^>]*>", " ", page).split()
    assert words == "1 of 2 exercises solved in this session halve ✓ Correct &lt;third&gt; ✗ Not right yet".split()


def test_solution_shows_the_lesson_s_own(capsys):
    project = find_project()
    for lesson in project.lesson_names():
        exercises.open_lesson(lesson)
        for name, source in json.loads(project.solutions(lesson).read_text(encoding="utf-8")).items():
            exercises.solution(name)
            assert source in capsys.readouterr().out


def number_and_sum(numbers):
    return int(numbers.size), float(numbers.sum())


@pytest.fixture
def pair(halve):
    """An exercise that asks for two numbers, a count and a sum."""
    spec = exercises.exercise(lesson="99_test", points=1)(number_and_sum)
    spec.cases(lambda rng: iter([(rng.normal(size=4),), (rng.normal(size=6),)]))
    return spec


@pytest.mark.parametrize("form", [tuple, list, np.array, lambda pair: [np.array(part) for part in pair]])
def test_several_numbers_may_come_in_any_sequence(pair, form):
    assert judge(pair, lambda numbers: form(number_and_sum(numbers)), 0).correct


def test_a_tensor_shape_is_a_sequence_of_numbers(halve):
    from tensorflow import TensorShape

    spec = exercises.exercise(lesson="99_test", points=1)(lambda side: (side, side + 1))
    spec.cases(lambda rng: iter([(3,), (5,)]))
    assert judge(spec, lambda side: TensorShape([side, side + 1]), 0).correct
    assert judge(spec, lambda side: TensorShape([side + 1, side]), 0).status == "wrong"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: 3, "It returned an int; 2 values are expected"),
        (lambda x: {"sum": 3}, "It returned a dict; 2 values are expected"),
        (lambda x: "no", "It returned a str; 2 values are expected"),
        (lambda x: np.arange(3), "It returned 3 values; 2 values are expected"),
        (lambda x: (x.size, x.sum() + 1), "Result 2 of 2: Expected "),
        (lambda x: np.array([x.size + 1, x.sum()]), "Result 1 of 2: Expected "),
    ],
)
def test_what_is_said_of_other_forms(pair, answer, words):
    assert words in judge(pair, answer, 0).reason


def one_number(rule, *cases):
    """An exercise that asks for one number, `rule(x)`, for each of the cases."""
    spec = exercises.exercise(lesson="99_test", points=1)(rule)
    spec.cases(lambda rng: iter([(case,) for case in cases]))
    return spec


@pytest.mark.parametrize(
    ("answer", "cases", "cut"),
    [
        (lambda x: int(x), (2.5, 0.5), True),
        (lambda x: int(x), (-2.5, 0.5, 3.0), True),
        (lambda x: np.array(x).astype("int32"), ([1.5, 0.5], [0.25, 3.0]), True),
        (lambda x: max(0, x), (-0.3, 2.0), False),  # clamped: 0 is -0.3 without its decimals, but nothing was cut
        (lambda x: 0, (0.3, -0.4), False),
        (lambda x: round(x), (2.3, 4.8), False),  # right without decimals in one case only
        (lambda x: int(x) + 1, (2.5, 3.5), False),
    ],
)
def test_decimals_are_cut_off_only_where_some_really_were(halve, answer, cases, cut):
    def same(x):
        return np.asarray(x, float)

    verdict = judge(one_number(same, *cases), answer, 0)
    assert verdict.status == "wrong"
    assert ("decimals are cut off" in verdict.reason) == cut


def test_one_number_in_the_wrong_shape_says_nothing_of_others(halve):
    spec = one_number(lambda x: np.asarray(x, float).mean(axis=1, keepdims=True), [[2.0]], [[1.0, 3.0], [5.0, 9.0]])
    assert judge(spec, lambda x: np.sum(x), 0).reason == "The shape is (); expected (1, 1)."
    spec = one_number(lambda x: np.asarray(x, float), [[1.0, 3.0], [5.0, 9.0]])
    assert judge(spec, lambda x: np.ravel(x), 0).reason.endswith("The numbers are right.")


def test_a_value_of_the_wrong_form_is_wrong_and_raises_nothing(halve, capsys):
    @exercises.exercise(lesson="99_test", points=1)
    def line(numbers):
        return 2 * numbers + 1

    line.cases(lambda rng: iter([(rng.normal(size=3),)]))

    @line.probe
    def _(weights, numbers):
        if len(weights) != 2:
            raise WrongForm(f"Two numbers are needed; these are {len(weights)}.")
        return weights[0] * numbers + weights[1]

    verdict = judge(line, [1, 2, 3], 0)
    assert (verdict.status, verdict.reason) == ("wrong", "Two numbers are needed; these are 3.")
    assert verdict.inputs is None and verdict.expected is None
    exercises.check(line=[1, 2, 3])
    assert capsys.readouterr().out == "✗ line: Not right yet\n  Two numbers are needed; these are 3.\n"
    # The probe's own error is no error of a student's code; one in their function is.
    assert judge(line, 5, 0).reason == "It cannot be used as the answer: TypeError: object of type 'int' has no len()."
    assert judge(line, eval("lambda: 1"), 0).status == "wrong"  # a file of its own, as a cell is

    @exercises.exercise(lesson="99_test", points=1)
    def build(numbers):
        return numbers

    build.cases(lambda rng: iter([(rng.normal(size=3),)]))
    build.probe(lambda build, numbers: build().layers)
    assert judge(build, eval("lambda: 3"), 0).status == "wrong"
    verdict = judge(build, lambda: 1 / 0, 0)
    assert verdict.status == "raised" and "in line" in verdict.reason


def test_large_arrays_are_told_in_one_line(halve):
    spec = one_number(lambda images: images.mean(axis=0), np.zeros((7, 28, 28, 1)))
    shown = repr(verdict_box(judge(spec, lambda images: images[0] + 1, 0)))
    assert "images = 5488 numbers of the shape (7, 28, 28, 1), from 0 to 0" in shown
    assert len(shown.splitlines()) < 8


def test_many_short_lines_are_told_in_one_as_well(halve):
    spec = one_number(lambda images: images.mean(axis=0), np.zeros((2, 4, 3, 1)))
    shown = repr(verdict_box(judge(spec, lambda images: images[0] + 1, 0)))
    assert "images = 24 numbers of the shape (2, 4, 3, 1), from 0 to 0" in shown


def test_a_list_of_arrays_is_shown_one_below_the_other(halve):
    spec = one_number(lambda kernels: 0, [np.array([[0.123456, 1]]), np.array([2.0])])
    shown = repr(verdict_box(judge(spec, lambda kernels: 1, 0)))
    assert "kernels = [[0.1235, 1.    ]]\n" in shown and "\n              [2.]\n" in shown


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: exercises.check(None),
            r"check got None .*: check\(factor=factor\)\. The exercises here are: halve, fac",
        ),
        (lambda: exercises.check(), r"check got nothing .*: check\(factor=factor\)"),
        (lambda: exercises.check(np.ones(3)), r"check got an ndarray .*: check\(factor=factor\)"),
        (lambda: exercises.check("halve"), r"not its name: write check\(halve=halve\)"),
        (lambda: exercises.check(1, factor=2), "one answer at a time"),
        (lambda: exercises.check(halve=1, factor=2), "one answer at a time"),
        (lambda: exercises.check(halved=1), r"no exercise 'halved'\. It has: halve, factor"),
        (lambda: exercises.check(lambda x: x), r"no exercise '<lambda>'\. It has: halve, factor"),
        (lambda: exercises.hint("halved"), "It has: halve, factor"),
        (lambda: exercises.hint(3), r'hint got an int .*: hint\("factor"\)'),
        (lambda: exercises.solution(...), r'solution got \.\.\. .*: solution\("factor"\)'),
    ],
)
def test_a_call_that_names_no_exercise_is_answered_with_the_one_to_write(halve, call, words):
    exercises.exercise(lesson="99_test", points=1)(types.FunctionType(halve.oracle.__code__, {}, "factor")).probe(abs)
    with pytest.raises(exercises.ExerciseError, match=words):
        call()


def test_a_value_is_known_by_its_name_in_the_notebook(halve, monkeypatch):
    value = np.ones(3)
    shell = SimpleNamespace(user_ns={"other": 1, "halve": value})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    with pytest.raises(exercises.ExerciseError, match=r"check\(halve=halve\)"):
        exercises.check(value)


def test_unknown_lesson():
    with pytest.raises(exercises.ExerciseError, match="98_nothing"):
        exercises.specs("98_nothing")


def test_before_the_set_up_cell(monkeypatch):
    monkeypatch.setattr(exercises, "_lesson", None)
    with pytest.raises(exercises.ExerciseError, match="set-up cell"):
        exercises.hint("predict")


def test_student_text_cannot_break_the_page(halve):
    box = verdict_box(judge(halve, lambda x: "<script>`alert(1)`</script>", 0))
    assert "<script>" not in box._repr_html_() and "&lt;script&gt;" in box._repr_html_()


def test_code_in_a_sentence_is_shown_as_code(halve):
    box = verdict_box(judge(halve, lambda x: None, 0))
    assert "Is a `return` missing?" in repr(box)
    assert "Is a <code>return</code> missing?" in box._repr_html_() and "`" not in box._repr_html_()
