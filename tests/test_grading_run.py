"""`course grade` as a teacher runs it: layouts, faults of files, a kill in the middle, a second run, the self-test."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from attacks import RIGHT
from waiting import HANGS

from course_tools.grading.question import probe_source
from course_tools.grading.sandbox import why_no_walls

ROOT = Path(__file__).parents[1]
COURSE = [sys.executable, "-c", "from course_tools.cli import main; main()"]
LESSON = "09_convolution"
ANSWER = ["import numpy as np", RIGHT.replace("def right", "def correlate2d")]
FLIPPED = [ANSWER[0], ANSWER[1].replace("* kernel)", "* kernel[::-1, ::-1])")]
ONLY_SQUARE = ["def correlate2d(image, kernel):\n    return right(image, kernel) if len(set(kernel.shape)) == 1 else 0"]
GUESSED = ["def output_size(size, kernel_size, strides, padding, dilation_rate):\n    return 1"]

needs_walls = pytest.mark.skipif(bool(why_no_walls()), reason=f"no sandbox: {why_no_walls()}")


def hand_in(path: Path, cells: list[str], **changes) -> None:
    found = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": found, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **changes}))


def course(*arguments, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*COURSE, "grade", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=HANGS,
        check=False,
        **options,
    )


def gradebook(out: Path) -> dict[tuple[str, str], dict]:
    with open(out / "gradebook.csv", encoding="utf-8-sig", newline="") as file:
        return {(row["student"], row["exercise"]): row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory) -> Path:
    """A folder with everything that teachers find in such folders."""
    folder = tmp_path_factory.mktemp("handed in")
    hand_in(folder / "ada" / f"{LESSON}.ipynb", ANSWER)
    hand_in(folder / "ben" / LESSON / f"{LESSON}.ipynb", FLIPPED)
    hand_in(folder / "dan" / f"{LESSON}.ipynb", [ANSWER[0], RIGHT, *ONLY_SQUARE, *GUESSED])
    hand_in(folder / f"cy_d'Arc \N{SNOWMAN}\n_{LESSON}.ipynb", ANSWER)
    shutil.copy(ROOT / "notebooks" / f"{LESSON}.ipynb", folder / f"blank_{LESSON}.ipynb")
    old = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": cell} for cell in ANSWER]}]}
    (folder / "old").mkdir()
    (folder / "old" / f"{LESSON}.ipynb").write_text(json.dumps(old))
    big = [{"output_type": "stream", "name": "stdout", "text": "x" * 50_000_000}]
    hand_in(folder / "big" / f"{LESSON}.ipynb", ANSWER)
    text = (folder / "big" / f"{LESSON}.ipynb").read_text().replace('"outputs": []', f'"outputs": {json.dumps(big)}', 1)
    (folder / "big" / f"{LESSON}.ipynb").write_text(text)
    hand_in(folder / "kernel" / f"{LESSON}.ipynb", ANSWER, metadata={"kernelspec": {"name": "julia-1.9"}})
    (folder / "empty").mkdir()
    (folder / "empty" / f"{LESSON}.ipynb").write_text("")
    (folder / "torn").mkdir()
    (folder / "torn" / f"{LESSON}.ipynb").write_text(text[:400])
    (folder / "latin").mkdir()
    (folder / "latin" / f"{LESSON}.ipynb").write_bytes('{"cells": ["é"]}'.encode("latin-1"))
    (folder / "link").mkdir()
    (folder / "link" / f"{LESSON}.ipynb").symlink_to(folder / "ada" / f"{LESSON}.ipynb")
    hand_in(folder / "two" / f"{LESSON}.ipynb", ANSWER)
    hand_in(folder / f"two_{LESSON}.ipynb", FLIPPED)
    hand_in(folder / "eve" / "my own notes.ipynb", ANSWER)
    return folder


@pytest.fixture(scope="module")
def marked(handed_in, tmp_path_factory):
    out = tmp_path_factory.mktemp("marks") / "out"
    done = course(handed_in, "--out", out, "--seed", 5, "--lesson", "9")
    assert done.returncode == 0, done.stderr
    return out, done


@needs_walls
@pytest.mark.parametrize("student", ["ada", "cy_d'Arc \N{SNOWMAN}\\n", "old", "big", "kernel"])
def test_right_answers_get_all_points_however_they_are_handed_in(marked, student):
    row = gradebook(marked[0])[student, "correlate2d"]
    assert (row["verdict"], row["points"], row["out of"]) == ("correct", "2", "2")


@needs_walls
def test_a_known_mistake_is_named(marked):
    row = gradebook(marked[0])["ben", "correlate2d"]
    assert row["verdict"] == "wrong" and "flipped" in row["reason"]


@needs_walls
def test_points_count_the_cases_passed_but_nothing_for_a_guess(marked):
    rows = gradebook(marked[0])
    assert rows["dan", "correlate2d"]["verdict"] == "wrong"
    assert 0 < float(rows["dan", "correlate2d"]["points"]) < 2
    assert rows["dan", "output_size"]["points"] == "0"
    assert "no better than always answering 1," in rows["dan", "output_size"]["reason"]


@needs_walls
def test_pages_show_the_answer_with_its_cell_and_an_input_only_where_one_was_asked(tmp_path):
    cells = [
        *ANSWER,
        "def output_size(*sizes):\n    return 1 / 0",
        "conv_layer = __import__('os')._exit(1)",
        "receptive_field = [][0]",
    ]
    hand_in(tmp_path / "in" / "ada" / f"{LESSON}.ipynb", cells)
    file = tmp_path / "in" / "ada" / f"{LESSON}.ipynb"
    content = json.loads(file.read_text())
    for number, cell in enumerate(content["cells"], start=5):
        cell["execution_count"] = number
    file.write_text(json.dumps(content))
    done = course(tmp_path / "in", "--out", tmp_path / "out")
    assert "1 of 1 graded in" in done.stdout, "a line, since this is no terminal"
    [report] = [json.loads(path.read_text())["report"] for path in (tmp_path / "out" / "reports").iterdir()]
    found = {mark["exercise"]: mark for mark in report["marks"]}
    assert found["correlate2d"]["answer"] == ANSWER[1].strip() and found["correlate2d"]["answer_in"] == "cell [6]"
    assert found["output_size"]["verdict"] == "raised" and found["output_size"]["facts"][0][0] == "size"
    assert found["conv_layer"]["verdict"] == "crashed" and found["conv_layer"]["facts"] == []
    assert "in line 1 of cell [9]" in found["receptive_field"]["reason"] and found["receptive_field"]["facts"] == []
    [page] = [path.read_text() for path in (tmp_path / "out" / "pages").iterdir()]
    assert page.count("The smallest input that did not come out right") == 1
    assert "The answer" in page and "cell [6]" in page


def test_progress_in_plain_lines_where_no_bar_can_move():
    from rich.console import Console

    from course_tools.report import PlainProgress

    clock, stream = iter([0, 10, 29, 31, 62, 63]), io.StringIO()
    progress = PlainProgress(Console(file=stream), 8, done=3, clock=lambda: next(clock))
    for _ in range(5):
        progress.advance()
    assert stream.getvalue().splitlines() == [
        "6 of 8 graded, about 0 min 21 s to go.",
        "7 of 8 graded, about 0 min 16 s to go.",
        "8 of 8 graded in 1 min 03 s.",
    ]


@needs_walls
def test_missing_and_blank_are_told_apart(marked):
    rows = gradebook(marked[0])
    assert rows["ada", "output_size"]["verdict"] == "missing"
    assert {rows["blank", name]["verdict"] for student, name in rows if student == "blank"} == {"not attempted"}


@needs_walls
@pytest.mark.parametrize(
    "student, reason",
    [("empty", "empty"), ("torn", "not complete"), ("latin", "UTF-8"), ("link", "link"), ("two", "two")],
)
def test_a_file_that_cannot_be_read_is_reported_and_the_rest_goes_on(marked, student, reason):
    row = gradebook(marked[0])[student, "correlate2d"]
    assert (row["verdict"], row["points"]) == ("unreadable", "0")
    assert reason.lower() in row["reason"].lower()


@needs_walls
def test_a_notebook_of_no_lesson_is_reported(marked):
    assert "my own notes" in marked[1].stdout
    assert "14 handed in: 8 graded, 6 not, for the reasons given here." in marked[1].stdout


@needs_walls
def test_the_seed_is_recorded_and_a_second_run_changes_nothing_and_runs_nothing(handed_in, marked, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(marked[0], out)
    (out / "gradebook.csv").unlink()
    before = {path: path.stat().st_mtime_ns for path in (out / "reports").glob("*.json")}
    done = course(handed_in, "--out", out, "--lesson", LESSON)
    assert f"{len(before)} of {len(before)} submissions are unchanged" in done.stdout and "seed 5" in done.stdout
    assert (out / "gradebook.csv").read_bytes() == (marked[0] / "gradebook.csv").read_bytes()
    assert {path: path.stat().st_mtime_ns for path in before} == before


@needs_walls
def test_weeks_lessons_and_students_add_up_until_one_is_forgotten(tmp_path):
    out, first, second = tmp_path / "out", tmp_path / "first", tmp_path / "second"
    hand_in(first / "ada" / f"{LESSON}.ipynb", ANSWER)
    hand_in(first / "ben" / f"{LESSON}.ipynb", FLIPPED)
    hand_in(second / "ada" / "12_pooling.ipynb", ANSWER)
    hand_in(second / "ben" / f"{LESSON}.ipynb", ANSWER)  # handed in again
    course(first, "--out", out)
    done = course(second, "--out", out)
    assert "1 report of earlier runs is kept, too." in done.stdout
    rows = gradebook(out)
    assert rows["ada", "correlate2d"]["points"] == rows["ben", "correlate2d"]["points"] == "2"
    assert rows["ada", "max_pool"]["verdict"] == "missing"
    pages = sorted(path.name for path in (out / "pages").iterdir())
    assert len(pages) == 3

    (out / "adjust.csv").write_text("student,lesson,exercise,points,comment\nada,12_pooling,max_pool,1,On paper.\n")
    assert course(second, "--out", out, "--lesson", LESSON).returncode == 0
    assert gradebook(out)["ada", "max_pool"]["points"] == "1", "--lesson writes up all there is"

    for nothing in (tmp_path / "empty", tmp_path / "no notebook"):
        nothing.mkdir()
    (tmp_path / "no notebook" / "ada.txt").touch()
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    for nothing in (tmp_path / "empty", tmp_path / "no notebook"):
        failed = course(nothing, "--out", out)
        assert failed.returncode == 1 and "no notebook was found" in failed.stderr
    failed = course("--out", out, "--forget", "ada", "--forget", "zoe")
    assert failed.returncode == 2 and "zoe" in failed.stderr
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before

    done = course("--out", out, "--forget", "ben")
    assert done.returncode == 0 and f"Forgotten: ben, {LESSON}." in done.stdout
    assert {student for student, _ in gradebook(out)} == {"ada"}
    done = course(first, "--out", out, "--forget-missing")
    assert "Forgotten: ada, 12_pooling." in done.stdout
    assert ("ada", "max_pool") not in gradebook(out) and ("ben", "correlate2d") in gradebook(out)


@needs_walls
def test_a_submission_that_breaks_the_grader_is_its_own_verdict(tmp_path):
    deep = "value = numpy.zeros(1)\nfor _ in range(500):\n    value = (value,)\n"
    hand_in(tmp_path / "in" / "ada" / f"{LESSON}.ipynb", ANSWER)
    hand_in(tmp_path / "in" / "ben" / f"{LESSON}.ipynb", ["!pip list\n" * 501 + "%time\n" + "\n".join(ANSWER)])
    hand_in(tmp_path / "in" / "cy" / f"{LESSON}.ipynb", [
        "import numpy", f"{deep}def correlate2d(image, kernel):\n    return value", *GUESSED,
    ])  # fmt: skip
    done = course(tmp_path / "in", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    rows = gradebook(tmp_path / "out")
    assert [rows[name, "correlate2d"]["points"] for name in ("ada", "ben", "cy")] == ["2", "2", "0"]
    assert rows["cy", "output_size"]["verdict"] == "wrong"


@needs_walls
def test_a_package_that_was_missing_is_named_and_those_who_need_it_are_graded_again_once_it_is_there(tmp_path):
    hand_in(tmp_path / "in" / "ada" / f"{LESSON}.ipynb", ["import not_there", *ANSWER])
    done = course(tmp_path / "in", "--out", tmp_path / "out")
    assert gradebook(tmp_path / "out")["ada", "correlate2d"]["points"] == "2", "what is not needed need not be there"
    hand_in(tmp_path / "in" / "ada" / f"{LESSON}.ipynb", [ANSWER[0], f"import not_there\n{ANSWER[1]}\n    not_there"])
    done = course(tmp_path / "in", "--out", tmp_path / "out")
    assert "not_there is imported in 1 of them" in done.stdout
    assert "not_there is imported in 1 of them" in course(tmp_path / "in", "--out", tmp_path / "out").stdout
    (tmp_path / "not_there.py").touch()
    made_up = "    raise ModuleNotFoundError(\"No module named '__main__'\")"
    hand_in(tmp_path / "in" / "ben" / f"{LESSON}.ipynb", [f"def correlate2d(image, kernel):\n{made_up}"])
    course(tmp_path / "in", "--out", tmp_path / "out")
    installed = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    done = course(tmp_path / "in", "--out", tmp_path / "out", env=installed)
    assert done.returncode == 0 and "1 of 2 submissions are unchanged" in done.stdout, done.stderr


@needs_walls
def test_killed_in_the_middle_it_goes_on_where_it_was(tmp_path):
    folder, out = tmp_path / "submissions", tmp_path / "out"
    for number in range(12):
        slow = ["import time", FLIPPED[0], FLIPPED[1].replace("rows, ", "time.sleep(0.1)\n    rows, ")]
        hand_in(folder / f"student{number}" / f"{LESSON}.ipynb", slow)
    command = [*COURSE, "grade", str(folder), "--out", str(out), "--seed", "1", "--jobs", "1"]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list((out / "reports").glob("*.json"))) < 3:
        assert running.poll() is None, "it was done before it could be killed"
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    kept = {path: path.stat().st_mtime_ns for path in (out / "reports").glob("*.json")}
    assert 3 <= len(kept) < 12 and not (out / "gradebook.csv").exists()
    for path in kept:
        json.loads(path.read_text())

    done = course(folder, "--out", out)
    assert f"{len(kept)} of 12 submissions are unchanged" in done.stdout, done.stdout
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    rows = gradebook(out)
    assert len(rows) == 12 * 5
    assert len({row["points"] for (_, name), row in rows.items() if name == "correlate2d"}) == 1, (
        "the same seed for all"
    )


@needs_walls
def test_ended_in_the_middle_it_leaves_nothing_in_the_temporary_folder(tmp_path):
    scratch, archive = tmp_path / "scratch", tmp_path / "class.zip"
    scratch.mkdir()
    hand_in(tmp_path / "in" / "ada" / f"{LESSON}.ipynb", ["def correlate2d(image, kernel):\n    while True: pass"])
    shutil.make_archive(archive.with_suffix(""), "zip", tmp_path / "in")
    command = [*COURSE, "grade", str(archive), "--out", str(tmp_path / "out"), "--seconds", "100", "--cpu", "100"]
    running = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "TMPDIR": str(scratch)})
    while len(list(scratch.glob("course-grade-*"))) < 2:  # the class, and what the sandbox shows
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=HANGS) == 128 + signal.SIGTERM
    assert not list(scratch.iterdir())


@needs_walls
def test_a_full_disk_is_told_and_what_is_written_stays_whole(handed_in, tmp_path):
    """A small file system in memory stands for the full disk."""
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        done = course(handed_in, "--out", small / "out", "--seed", 5)
        assert done.returncode == 2 and "full" in done.stderr
        for path in (small / "out" / "reports").glob("*.json"):
            json.loads(path.read_text())
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_without_bubblewrap_it_says_so_or_refuses(tmp_path):
    hand_in(tmp_path / "in" / "ada" / f"{LESSON}.ipynb", ANSWER)
    bare = {**os.environ, "PATH": "/nowhere"}
    refused = course(tmp_path / "in", "--out", tmp_path / "out", "--require-sandbox", env=bare)
    assert refused.returncode == 2 and "bubblewrap is not installed" in refused.stderr
    assert not (tmp_path / "out").exists(), "nothing was run"
    warned = course(tmp_path / "in", "--out", tmp_path / "out", env=bare)
    assert "WARNING" in warned.stdout and "run as you" in warned.stdout
    assert gradebook(tmp_path / "out")["ada", "correlate2d"]["points"] == "2"


def test_without_bubblewrap_limits_and_orphans_are_still_taken_care_of(tmp_path):
    marker = f"{os.getpid()}{time.time_ns()}"[-12:]
    daemon = [
        "import os, time",
        f"def correlate2d(image, kernel):\n    if os.fork() == 0:\n        os.setsid()\n"
        f"        os.execv('/bin/sleep', ['sleep', '{marker}'])\n    while True: pass",
    ]
    hand_in(tmp_path / "in" / "ada" / f"{LESSON}.ipynb", daemon)
    course(tmp_path / "in", "--out", tmp_path / "out", "--seconds", 3, env={**os.environ, "PATH": "/nowhere"})
    assert gradebook(tmp_path / "out")["ada", "correlate2d"]["verdict"] == "timed out"
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [command for command in commands if marker.encode() in command]


@needs_walls
def test_the_same_seed_gives_the_same_marks_and_another_seed_other_inputs(tmp_path):
    hand_in(tmp_path / "in" / "ada" / f"{LESSON}.ipynb", FLIPPED)
    reasons = {}
    for run, seed in (("a", 7), ("b", 7), ("c", 8)):
        course(tmp_path / "in", "--out", tmp_path / run, "--seed", seed)
        reasons[run] = gradebook(tmp_path / run)["ada", "correlate2d"]["reason"]
    assert reasons["a"] == reasons["b"] != reasons["c"]


@needs_walls
def test_run_all_runs_every_cell(tmp_path):
    hand_in(tmp_path / "in" / "ada" / f"{LESSON}.ipynb", [*ANSWER, "import os\nos._exit(3)"])
    course(tmp_path / "in", "--out", tmp_path / "some")
    course(tmp_path / "in", "--out", tmp_path / "all", "--run-all")
    assert gradebook(tmp_path / "some")["ada", "correlate2d"]["verdict"] == "correct"
    assert gradebook(tmp_path / "all")["ada", "correlate2d"]["verdict"] == "crashed"


@needs_walls
def test_the_self_test_knows_right_from_wrong():
    """Every lesson: solved, blank, and all declared mistakes."""
    done = course("--self-test", "--require-sandbox")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    done = course(tmp_path / "nowhere", "--out", tmp_path / "out")
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1


def test_of_a_lessons_room_the_sandbox_shows_what_the_page_imports_and_nothing_that_judges():
    from course_tools.grading.sandbox import modules_shown

    rooms = {path.parent for path in (ROOT / "course_lessons").glob("*/[0-9]*.py")}
    shown = {room.name: {path.stem for path in modules_shown(room)} for room in rooms}
    assert {"figures", "tasks"} <= shown["convolution_variants"] and {"figures", "families"} <= shown["resnet"]
    for room in rooms:
        assert not shown[room.name] & {"exercises", "evidence", "claims"}
        for path in modules_shown(room):
            assert "exercises" not in path.read_text(), f"{path} has to do with exercises"


def test_no_probe_brings_an_oracle_into_the_sandbox():
    from course_lib.exercises.spec import specs
    from course_tools.project import find_project

    probes = [
        (exercise, probe_source(exercise))
        for lesson in find_project().lesson_names()
        for exercise in specs(lesson).values()
        if not exercise.takes_function
    ]
    assert probes
    for exercise, source in probes:
        functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
        assert not any(node.decorator_list for node in functions)
        assert exercise.name not in {node.name for node in functions}


@needs_walls
def test_a_sandbox_that_fails_is_no_wrong_answer(tmp_path):
    """No scratch folder of negative size can be made: the walls fail, and nobody gets a mark for that."""
    from course_tools.errors import CourseError
    from course_tools.grading.grade import Grader
    from course_tools.grading.intake import find_submissions
    from course_tools.grading.limits import Limits
    from course_tools.grading.sandbox import Sandbox

    hand_in(tmp_path / "ada" / f"{LESSON}.ipynb", ANSWER)
    with (
        Sandbox(Limits(files=-1), walls=True) as sandbox,
        pytest.raises(CourseError, match="sandbox could not be made"),
    ):
        list(Grader(sandbox, seed=1).grade(tmp_path, find_submissions(tmp_path, [LESSON]), jobs=1))
