"""Hostile submissions, run in the real sandbox; each gets its verdict, and nobody else is harmed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from attacks import ATTACKS, RIGHT
from waiting import wait_until

from course_tools.grading import sandbox
from course_tools.grading.grade import Grader
from course_tools.grading.intake import find_submissions
from course_tools.grading.limits import Limits

LESSON = "09_convolution"
LIMITS = Limits(seconds=15, cpu=3, memory=1000, processes=16, files=20, output=5)

pytestmark = pytest.mark.skipif(bool(sandbox.why_no_walls()), reason=f"no sandbox: {sandbox.why_no_walls()}")


def notebook(cells: list[str]) -> str:
    found = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
    return json.dumps({"cells": found, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def honest() -> list[str]:
    return ["import numpy as np", RIGHT.replace("def right", "def correlate2d")]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A class: attacker, honest student, attacker, honest student ..."""
    folder, out = tmp_path_factory.mktemp("submissions"), tmp_path_factory.mktemp("marks")
    (folder / "secret.txt").write_text("the answer of somebody else")
    for number, attack in enumerate(ATTACKS):
        for name, cells in (("attacker", attack.cells(folder, out)), ("honest", honest())):
            student = folder / f"{number:03d} {name}"
            student.mkdir()
            (student / f"{LESSON}.ipynb").write_text(notebook(cells))
    return folder, out


@pytest.fixture(scope="module")
def marks(place):
    """Student -> exercise -> mark, and how many processes were left in the sandbox at the end."""
    folder, _ = place
    with sandbox.Sandbox(LIMITS, walls=True) as warm:
        graded = Grader(warm, seed=1).grade(folder, find_submissions(folder, [LESSON]), jobs=2)
        found = {report.student: {mark.exercise: mark for mark in report.marks} for _, report in graded}
        warm_processes = [each.pid for each in warm._warm.values()]
        wait_until(lambda: max(len(descendants(each)) for each in warm_processes) <= 2)
        found["left over"] = [len(descendants(each)) for each in warm_processes]
    return found


def descendants(ancestor: int) -> list[int]:
    parents = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            parents[int(name)] = int(Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, growing = {ancestor}, True
    while growing:
        more = {child for child, parent in parents.items() if parent in found} - found
        found, growing = found | more, bool(more)
    return sorted(found - {ancestor})


@pytest.mark.parametrize("number", range(len(ATTACKS)), ids=[attack.what for attack in ATTACKS])
def test_attack_gets_its_verdict_and_harms_nobody(marks, number):
    attack = ATTACKS[number]
    mark = marks[f"{number:03d} attacker"]["correlate2d"]
    assert (mark.verdict, attack.reason in mark.reason) == (attack.verdict, True), mark
    assert mark.points == (mark.out_of if attack.verdict == "correct" else 0)
    assert marks[f"{number:03d} attacker"]["output_size"].verdict == "correct"
    assert marks[f"{number:03d} honest"]["correlate2d"].verdict == "correct"


def test_nothing_is_left_behind(marks, place):
    folder, out = place
    assert max(marks["left over"]) <= 2, "bubblewrap's own process and the warm one"
    assert sorted(path.name for path in out.iterdir()) == []
    assert (folder / "secret.txt").read_text() == "the answer of somebody else"
    assert not (folder / "bomb").exists()
    assert len(list(folder.iterdir())) == 2 * len(ATTACKS) + 1
