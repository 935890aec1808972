"""What a stranger wrote takes its time and its memory from a process that may die, and nobody else is the worse."""

from __future__ import annotations

import inspect
import json
import time

import psutil
import pytest
from attacks import RIGHT

from course_lib import layers
from course_lib.exercises import judge, show, spec
from course_tools.grading import grade, marks
from course_tools.grading.clerks import Clerks, Trouble
from course_tools.grading.desk import Desk
from course_tools.grading.grade import Grader
from course_tools.grading.inside import answer, confine, zygote
from course_tools.grading.intake import find_submissions
from course_tools.grading.limits import Limits
from course_tools.grading.needed import Notebook
from course_tools.grading.question import Question
from course_tools.grading.sandbox import Sandbox, why_no_walls
from course_tools.grading.wire import messages

LESSON = "09_convolution"
LIMITS = Limits(seconds=60, cpu=20, reading=4, output=10)
HONEST = ["import numpy as np", RIGHT.replace("def right", "def correlate2d")]
RAISES = "def correlate2d(image, kernel):\n    raise ValueError('x' * 9_000_000)"
SAYS = "import os\ndef correlate2d(image, kernel):\n    os.write(3, {})\n    return right(image, kernel)"
RETURNS = "def correlate2d(image, kernel):\n    return {}"
FORGES = """
import json, os
def correlate2d(image, kernel):
    keys = [n * (2**61 - 1) for n in range(100_000)]
    os.write(3, (json.dumps({"value": {"kind": "set", "keys": keys}, "fault": "", "status": ""}) + "\\n").encode())
"""
UNDEFINED = "correlate2d = NONE\nraise ValueError('x' * 9_000_000)"

# What the submission is: its cells, the verdict (of two that are as good, the machine decides), a piece of the reason.
STRANGE = {
    "a broken cell of newlines": (["def correlate2d(:" + "\n" * 200_000], "raised", "SyntaxError"),
    "many values for one name": (["correlate2d = 1\n" * 20_000, *HONEST], "correct", ""),
    "a chain of values": (["\n".join(f"a{n} = a{n + 1}" for n in range(4000)), *HONEST], "correct", ""),
    "two million statements": (["a;" * 2_000_000 + "\n", *HONEST], "correct or limit", ""),
    "many magics": (["%time\n" * 480 + "x = 1\n" * 60_000 + "(", *HONEST], "limit", "Reading it took more than 4 s"),
    "nested too deeply to be read": (["x = " + "-" * 200_000 + "1", *HONEST], "correct", ""),
    "long text beside short": ([RETURNS.format("['x' * 50_000] + [''] * 300_000")], "limit", "Judging what it"),
    "numbers that all hash alike": ([FORGES], "wrong", "a set of more than 1000"),
    "a huge integer": ([RETURNS.format("10**4000")], "wrong", "an integer of more than"),
    "a million lists": ([RETURNS.format("[[]] * 1_000_000")], "wrong", "1,000,000 values"),
    "two million numbers": ([RETURNS.format("list(range(1_100_000))")], "wrong", "values"),
    "a tuple in 400 others": (
        ["value = ()\nfor _ in range(400): value = (value,)", RETURNS.format("value")],
        "wrong",
        "inside one another",
    ),
    "empty lines": ([*HONEST[:1], RIGHT, SAYS.format(r"b'\n' * 2_000_000")], "crashed", ""),
    "a line of brackets": ([*HONEST[:1], RIGHT, SAYS.format(r"b'[' * 900_000 + b'\n'")], "crashed", ""),
    "a long fault": ([RAISES], "raised", "ValueError"),
    "a long fault of a cell": ([UNDEFINED], "raised", "No answer came to be"),
}

pytestmark = pytest.mark.skipif(bool(why_no_walls()), reason=f"no sandbox: {why_no_walls()}")


def hand_in(folder, student: str, cells: list[str]) -> None:
    found = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
    (folder / student).mkdir(parents=True)
    notebook = {"cells": found, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / student / f"{LESSON}.ipynb").write_text(json.dumps(notebook))


def graded(folder, limits: Limits, jobs: int = 2):
    with Sandbox(limits, walls=True) as sandbox:
        yield from Grader(sandbox, seed=1).grade(folder, find_submissions(folder, [LESSON]), jobs)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    for number, (cells, *_) in enumerate(STRANGE.values()):
        hand_in(folder, f"{number:02} strange", cells)
        hand_in(folder, f"{number:02} honest", HONEST)
    return {one.student: report for one, report in graded(folder, LIMITS)}


@pytest.mark.parametrize("what", STRANGE)
def test_it_gets_its_verdict_and_the_next_one_is_none_the_worse(found, what):
    number = list(STRANGE).index(what)
    _, verdict, reason = STRANGE[what]
    mark = found[f"{number:02} strange"].mark("correlate2d")
    assert mark.verdict in verdict.split(" or ") and reason in mark.reason, mark
    assert len(json.dumps(found[f"{number:02} strange"].as_data())) < 30_000
    assert found[f"{number:02} honest"].mark("correlate2d").verdict == marks.CORRECT


def test_slow_ones_keep_nobody_waiting(tmp_path):
    for number in range(8):
        hand_in(tmp_path, f"{number} honest", HONEST)
    hand_in(tmp_path, "0 slow", ["import time\ndef correlate2d(image, kernel):\n    time.sleep(60)"])
    order = [one.student for one, _ in graded(tmp_path, Limits(seconds=15))]
    assert order[-1] == "0 slow" and sorted(order[:-1]) == [f"{number} honest" for number in range(8)]


def test_what_nobody_thought_of_is_one_verdict(tmp_path):
    hand_in(tmp_path, "ada", HONEST)
    one = find_submissions(tmp_path, [LESSON])[0]
    with Clerks([LESSON], 1, LIMITS, False) as clerks:
        clerk = clerks.hire()
        with pytest.raises(Trouble, match=r"It could not be graded: .*no_such_lesson"):
            clerk.ask("prepare", "no_such_lesson", "x")
        assert clerk.ask("opened", tmp_path, one).jobs, "and it goes on"


def test_a_clerk_that_is_killed_is_replaced(tmp_path):
    hand_in(tmp_path, "ada", HONEST)
    one = find_submissions(tmp_path, [LESSON])[0]
    with Clerks([LESSON], 1, LIMITS, False) as clerks:
        clerk = clerks.hire()
        assert clerk.ask("opened", tmp_path, one).jobs
        for process in psutil.Process(clerks._process.pid).children(recursive=True):
            process.kill()
        assert clerk.ask("opened", tmp_path, one).jobs


@pytest.mark.parametrize(
    "words",
    [
        b"\n" * 5_000_000,
        b"[" * 5_000_000,
        b'{"a":' * 400_000,
        b"[1," * 3_000_000,
        b"9" * 5_000_000,
        b'{"value": ' + b"9" * 5000 + b"}",
        b"\xff\n{",
    ],
)
def test_what_comes_over_the_wire_is_bounded_before_it_is_built(words):
    began = time.process_time()
    assert all(message.get("status") == "wrong" for message in messages(words, 10))
    assert time.process_time() - began < 1


def test_what_marks_depend_on_is_in_the_fingerprint():
    parts = grade._of_all_lessons()
    for thing in (Desk, Sandbox, Notebook, Question, confine, zygote, answer, judge, show, spec, layers):
        assert inspect.getsource(inspect.getmodule(thing)) in parts
    assert grade.fingerprint(LESSON, {"seed": 1}) == grade.fingerprint(LESSON, {"seed": 1})
    assert grade.fingerprint(LESSON, {"seed": 1}) != grade.fingerprint(LESSON, {"seed": 2})
