"""The answers of a notebook are asked one after the other in one process, with --run-all after all of it was run."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from attacks import RIGHT
from test_grading_run import LESSON, course, hand_in, needs_walls

from course_lib.exercises.spec import specs
from course_tools.grading import wire
from course_tools.grading.grade import Grader
from course_tools.grading.intake import find_submissions
from course_tools.grading.limits import Limits
from course_tools.grading.sandbox import Sandbox

ONCE = "import os, time\nimport numpy as np\nRUN = os.urandom(8).hex()"
NAMES = ["correlate2d", "conv_layer", "output_size", "receptive_field", "find_template"]
LIMITS = Limits(seconds=2, cpu=10, notebook=5)

pytestmark = needs_walls


def tells(name: str, words: str = "raise ValueError('run ' + RUN)") -> str:
    """A cell with an answer that says in which run of the notebook it was asked."""
    return f"def {name}(*_, **__):\n    {words}"


def graded(folder, cells: list[str], limits: Limits = LIMITS, run_all: bool = True) -> dict:
    hand_in(folder / "ada" / f"{LESSON}.ipynb", cells)
    with Sandbox(limits, walls=True) as sandbox:
        found = Grader(sandbox, seed=1, run_all=run_all).grade(folder, find_submissions(folder, [LESSON]), jobs=2)
        [(_, report)] = list(found)
    return {mark.exercise: mark for mark in report.marks}


def run_of(mark) -> str:
    return re.search("run ([0-9a-f]{16})", mark.reason)[1]


def test_it_is_run_once_for_all_its_answers(tmp_path):
    assert set(NAMES) == set(specs(LESSON))
    found = graded(tmp_path, [ONCE, "time.sleep(0.5)", *map(tells, NAMES)])
    assert len({run_of(mark) for mark in found.values()}) == 1
    assert {mark.verdict for mark in found.values()} == {"raised"}
    assert len({mark.notebook for mark in found.values()}) == 1 and found["conv_layer"].notebook > 0.5
    assert all(mark.seconds < 0.5 for mark in found.values())


@pytest.mark.parametrize("run_all", [True, False])
@pytest.mark.parametrize(
    ("words", "verdict", "struck"),
    [
        ("os._exit(0)", "crashed", []),
        ("os.abort()", "crashed", []),
        ("while True: time.sleep(0.01)", "timed out", ["seconds"]),
        ("while True: pass", "timed out", ["seconds"]),
        ("return np.ones(10**9)", "limit", ["memory"]),
    ],
)
def test_an_answer_that_ends_it_costs_the_others_nothing(tmp_path, words, verdict, struck, run_all):
    asked = list(specs(LESSON))
    bad, right = asked[2], "correlate2d"
    cells = [tells(name, words if name == bad else "raise ValueError('run ' + RUN)") for name in asked if name != right]
    found = graded(tmp_path, [ONCE, *cells, RIGHT.replace("def right", f"def {right}")], run_all=run_all)
    assert found[right].verdict == "correct"
    assert (found[bad].verdict, found[bad].struck) == (verdict, struck), found[bad]
    runs = [run_of(found[name]) for name in asked if name not in (bad, right)]
    if run_all:
        assert len(set(runs)) == (1 if verdict == "limit" else 2), "those after it are asked in a new process"
    assert {found[name].verdict for name in asked if name not in (bad, right)} == {"raised"}
    assert not any(found[name].struck for name in asked if name != bad)


def test_the_notebook_has_a_limit_of_its_own(tmp_path):
    right = RIGHT.replace("def right", "def correlate2d")
    slow = graded(tmp_path / "in time", [ONCE, right, "time.sleep(3)"])
    assert slow["correlate2d"].verdict == "correct" and slow["correlate2d"].notebook > LIMITS.seconds
    for name, waits in (("asleep", "time.sleep(20)"), ("busy", "while True: pass")):
        late = graded(tmp_path / name, [ONCE, right, tells("output_size"), waits], replace(LIMITS, notebook=1.5))
        for exercise in ("correlate2d", "output_size"):
            assert (late[exercise].verdict, late[exercise].struck) == ("timed out", ["notebook"])
            assert "whole notebook" in late[exercise].reason and "1.5" in late[exercise].reason
        assert late["conv_layer"].verdict == "missing"


def test_a_module_that_the_sandbox_hides_takes_nothing_else_with_it(tmp_path):
    right = RIGHT.replace("def right", "def correlate2d")
    there = "import numpy as np\nfrom course_lessons.convolution.evidence import something"
    found = graded(tmp_path, [f"{there}\n{right}", "import elsewhere\noutput_size = 1"])
    assert found["correlate2d"].verdict == "correct"
    assert found["output_size"].verdict == "raised" and "elsewhere" in found["output_size"].reason


def test_what_was_checked_is_what_counts_when_all_of_it_is_run(tmp_path):
    right = RIGHT.replace("def right", "def correlate2d") + "\nscale = 1\n"
    scaled = "def receptive_field(*_):\n    return scale\nscale = 'as checked'"
    scratch = "scale = None\ncorrelate2d = correlate2d(np.ones((3, 3)), np.ones((2, 2)))"
    cells = [ONCE, right, "check(correlate2d)", scaled, "check(receptive_field)", scratch, tells("output_size")]
    found = graded(tmp_path, ["from course_lib.exercises import check", *cells])
    assert found["correlate2d"].verdict == "correct"
    assert "'as checked'" in str(found["receptive_field"].facts), "not what a cell below made of it"
    assert found["output_size"].verdict == "raised", "what nobody checked stands as it is at the end"


def test_an_answer_that_harms_the_process_costs_the_others_nothing(tmp_path):
    first, other = "correlate2d", "output_size"
    assert list(specs(LESSON)).index(first) < list(specs(LESSON)).index(other)
    harms = tells(first, "np.zeros = None; return 0")
    needs = tells(other, "np.zeros(2); return 7")
    found = graded(tmp_path, [ONCE, harms, needs], run_all=False)
    assert {mark.verdict for mark in found.values()} == {"wrong", "missing"}, "asked again where nobody had been"
    whole = graded(tmp_path, [ONCE, harms, needs])
    assert whole[other].verdict == "raised", "but in one notebook it is as in class"


def test_who_says_that_turns_are_over_gains_nothing(tmp_path):
    line = wire.TURN_LINE.decode()
    says = f"os.write(3, {line * 50!r}.encode())"
    forever = f"while True:\n        time.sleep(0.1); {says}"
    found = graded(tmp_path, [ONCE, says, tells("correlate2d", forever), tells("output_size")])
    assert all(mark.points == 0 for mark in found.values())
    assert found["conv_layer"].verdict == "missing"


def test_what_is_right_is_right_when_all_of_it_is_run():
    """A lesson that trains, and one that does not. Of all lessons `course grade --self-test --run-all` says it."""
    lessons = [part for lesson in ("5", "9") for part in ("--lesson", lesson)]
    done = course("--self-test", "--run-all", "--require-sandbox", *lessons)
    assert done.returncode == 0, done.stdout + done.stderr
