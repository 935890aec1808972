"""Limits: neighbours cost nobody marks, and another limit grades those again whom it can concern."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
from test_grading_run import ANSWER, LESSON, course, gradebook, hand_in

from course_tools.grading.grade import Grader
from course_tools.grading.inside import zygote
from course_tools.grading.intake import Submission, find_submissions
from course_tools.grading.journal import Journal
from course_tools.grading.limits import Limits
from course_tools.grading.marks import LIMIT, WRONG, Mark, Report
from course_tools.grading.sandbox import Sandbox, why_no_walls

needs_walls = pytest.mark.skipif(bool(why_no_walls()), reason=f"no sandbox: {why_no_walls()}")

# --- time: what neighbours take is not counted


def test_only_time_in_which_it_could_have_run_and_did_not_is_left_out(monkeypatch):
    had, ready = iter([0.1, 0.12, 0.12, 0.14, 0.14]), iter([True, False, True, False])
    monkeypatch.setattr(zygote, "_descendants", lambda _: [1])
    monkeypatch.setattr(zygote, "_cpu", lambda _: next(had))
    monkeypatch.setattr(zygote, "_is_ready", lambda _: next(ready))
    clock, counted = zygote._Clock(0), []
    for now in (0.1, 0.2, 0.3, 0.4, 0.5):
        clock.look(now)
        counted.append(round(clock.counted, 3))
    assert counted == [0.1, 0.12, 0.22, 0.24, 0.34], "busy; kept waiting; asleep; kept waiting; asleep"


def test_a_process_says_what_it_had_of_the_processor_and_whether_it_is_ready():
    assert zygote._is_ready(os.getpid()) and abs(zygote._cpu(os.getpid()) - sum(os.times()[:4])) < 0.1
    asleep = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        while zygote._is_ready(asleep.pid):
            pass
    finally:
        asleep.communicate(b"\n")
    assert not zygote._is_ready(asleep.pid) and zygote._cpu(asleep.pid) == 0, "it is gone"


def graded(sandbox: Sandbox, folder) -> list[Report]:
    found = Grader(sandbox, seed=1).grade(folder, find_submissions(folder, [LESSON]), jobs=1)
    return [report for _, report in found]


@needs_walls
def test_neighbours_cost_nobody_marks_and_sleepers_are_not_spared(tmp_path):
    """All on one processor: its neighbours leave a part of it to an answer that works for two seconds of the wall's."""
    processor = min(os.sched_getaffinity(0))
    here = f"import os, time\nos.sched_setaffinity(0, {{{processor}}})\nhas_run = []"
    needs = (
        "def output_size(*sizes):\n    ends = time.monotonic() + (0 if has_run else 2)\n    has_run.append(1)\n"
        "    while time.monotonic() < ends: pass\n    return 7"
    )
    naps = "def correlate2d(image, kernel):\n    while True: time.sleep(0.01)"
    hand_in(tmp_path / "alone" / "ada" / f"{LESSON}.ipynb", [here, needs, naps])
    hand_in(tmp_path / "crowd" / "ada" / f"{LESSON}.ipynb", [here, needs])
    busy = [sys.executable, "-c", f"import os\nos.sched_setaffinity(0, {{{processor}}})\nwhile True: pass"]
    with Sandbox(Limits(seconds=1.5, cpu=10), walls=True) as sandbox:
        [alone] = graded(sandbox, tmp_path / "alone")
        neighbours = [subprocess.Popen(busy, start_new_session=True) for _ in range(5)]
        try:
            [crowd] = graded(sandbox, tmp_path / "crowd")
        finally:
            for neighbour in neighbours:
                neighbour.kill()
                neighbour.wait()
    slow, asleep = crowd.mark("output_size"), alone.mark("correlate2d")
    assert slow.verdict == "wrong" and slow.seconds > 1.5 and slow.cpu < 1.5, slow
    assert asleep.verdict == "timed out" and asleep.struck == ["seconds"] and asleep.seconds < 15


# --- another limit


LIMITS = asdict(Limits())


def report_of(**facts) -> Report:
    mark = Mark("conv_layer", 0, 3, LIMIT if facts.get("struck") else WRONG, seconds=5, cpu=4, peak=900, reading=3)
    other = Mark("correlate2d", 2, 2, "correct", seconds=1, peak=0, reading=0.1)
    return Report("ada", LESSON, "ada.ipynb", [replace(mark, **facts), other])


@pytest.mark.parametrize(
    ("struck", "changes", "stands"),
    [
        ([], {}, True),
        ([], {"seconds": 60, "cpu": 90, "memory": 4000, "reading": 60, "processes": 32}, True),
        ([], {"seconds": 5.5, "cpu": 4.5}, True),
        ([], {"seconds": 5}, False),
        ([], {"cpu": 3}, False),
        ([], {"memory": 1000, "reading": 4}, True),
        ([], {"memory": 900}, False),
        ([], {"reading": 2}, False),
        ([], {"files": 10}, False),  # nobody knows how much it wrote
        ([], {"whole_file": 1}, True),  # which is looked at before
        (["seconds"], {"seconds": 60}, False),
        (["seconds"], {"memory": 4000}, True),
        (["memory", "files"], {"files": 51}, False),
        (["reading"], {"reading": 30}, False),
        ([], {"notebook": 60}, True),  # it was not run whole
        (["notebook"], {"notebook": 600}, False),
    ],
)
def test_another_limit_concerns_those_whom_it_struck_or_may_strike(struck, changes, stands):
    assert report_of(struck=struck).stands(LIMITS, LIMITS | changes) == stands
    assert report_of(notebook=50).stands(LIMITS, LIMITS | {"notebook": 60})
    assert not report_of(notebook=70).stands(LIMITS, LIMITS | {"notebook": 60})
    assert not report_of(struck=struck).stands({}, LIMITS), "graded before limits were kept"
    assert not report_of(peak=-1).stands(LIMITS, LIMITS | {"memory": 1000}), "it is not known how much it took"


def test_limits_are_kept_with_the_report_and_are_those_under_which_it_ran(tmp_path):
    one = Submission("ada", LESSON, "ada.ipynb")
    with Journal(tmp_path / "out") as journal:
        journal.store(one, "key", report_of(), LIMITS)
    for seconds, stands in ((60, True), (6, True), (4, False), (30, True)):
        with Journal(tmp_path / "out") as journal:
            assert (journal.load(one, "key", LIMITS | {"seconds": seconds}) is not None) == stands
    [path] = (tmp_path / "out" / "reports").iterdir()
    path.write_text(path.read_text().replace('"memory": 2000', '"memory": "all"'))
    with Journal(tmp_path / "out") as journal:
        assert journal.damaged and not journal.kept()


@needs_walls
def test_a_higher_limit_grades_again_only_whom_it_struck(tmp_path):
    slow = [ANSWER[0], "import time", ANSWER[1].replace("    rows", "    time.sleep(0.6)\n    rows")]
    hand_in(tmp_path / "in" / "slow" / f"{LESSON}.ipynb", slow)
    hand_in(tmp_path / "in" / "quick" / f"{LESSON}.ipynb", ANSWER)
    course(tmp_path / "in", "--out", tmp_path / "out", "--seconds", 1)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "reports").iterdir()}
    assert gradebook(tmp_path / "out")["slow", "correlate2d"]["verdict"] == "timed out"
    done = course(tmp_path / "in", "--out", tmp_path / "out", "--seconds", 40)
    assert "1 of 2 submissions are unchanged" in done.stdout
    assert gradebook(tmp_path / "out")["slow", "correlate2d"]["verdict"] == "correct"
    touched = {path.name[:4] for path in before if path.stat().st_mtime_ns != before[path]}
    assert touched == {"slow"}


@needs_walls
def test_a_lower_limit_on_memory_or_reading_grades_again_only_whom_it_may_strike(tmp_path):
    large = [ANSWER[0], ANSWER[1].replace("    rows", "    room = np.empty(100_000_000)\n    rows", 1)]
    hand_in(tmp_path / "in" / "large" / f"{LESSON}.ipynb", large)
    hand_in(tmp_path / "in" / "small" / f"{LESSON}.ipynb", ANSWER)
    course(tmp_path / "in", "--out", tmp_path / "out")
    told = {one["student"]: one["marks"][0] for one in reports(tmp_path / "out")}
    assert told["large"]["peak"] > 800 > told["small"]["peak"] > 0 and 0 < told["small"]["reading"] < 10
    done = course(tmp_path / "in", "--out", tmp_path / "out", "--memory", 700, "--reading", 15)
    assert "1 of 2 submissions are unchanged" in done.stdout
    assert gradebook(tmp_path / "out")["large", "correlate2d"]["verdict"] == "limit"
    assert gradebook(tmp_path / "out")["small", "correlate2d"]["verdict"] == "correct"


def reports(out) -> list[dict]:
    return [json.loads(path.read_text())["report"] for path in (out / "reports").iterdir()]
