"""Results that survive: a killed grader, a full disk, a second grader, a damaged file, a student who withdrew."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from waiting import wait_until

from course_tools.errors import CourseError
from course_tools.grading.intake import Submission
from course_tools.grading.journal import Journal, file_stem, write_atomically
from course_tools.grading.marks import Mark, Report

ANNA = Submission("Anna", "09_convolution", "Anna/09_convolution.ipynb")
BERIT = Submission("Berit", "09_convolution", "Berit/09_convolution.ipynb")
ODD = Submission(r"a\udce9", "09_convolution", "a\udce9/09_convolution.ipynb")


def report_of(submission: Submission, points: float = 1.5) -> Report:
    mark = Mark("correlate2d", points, 2, "wrong", "why\ud800", "so", [("image", "[[1]]")], 3, 4, 0.25)
    return Report(submission.student, submission.lesson, submission.path, [mark])


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "out", tmp_path / "submissions") as journal:
        yield journal


def fail_with(number: int):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    return fail


def test_what_was_stored_is_loaded_again_and_only_with_its_key(journal):
    for submission in (ANNA, BERIT, ODD):
        assert journal.load(submission, "key") is None
        journal.store(submission, "key", report_of(submission))
        assert journal.load(submission, "key") == report_of(submission)
        assert journal.load(submission, "another key") is None
    journal.store(ANNA, "new", report_of(ANNA, 2))
    assert journal.load(ANNA, "new").points == 2
    assert len(list((journal.out / "reports").iterdir())) == 3


def test_a_report_of_another_submission_is_not_taken(journal):
    with pytest.raises(ValueError, match="not of this submission"):
        journal.store(ANNA, "key", report_of(BERIT))


DAMAGED = {
    "empty": b"",
    "broken off": b"{",
    "a list": b"[]",
    "without a key": b"{}",
    "not text": b"\xff",
    "a part": b'{"key": "key", "report": {"student": "Anna"}}',
    "very deep": b"[" * 100_000,
}


def changed(**marks) -> bytes:
    """A report as it is stored, with other values in its first mark."""
    data = report_of(ANNA).as_data()
    data["marks"][0] |= marks
    return json.dumps({"key": "key", "report": data}).encode()


@pytest.mark.parametrize(
    "content",
    [
        *DAMAGED.values(),
        *(changed(points=points) for points in ("x", -1, 1e9, None, [2])),
        changed(verdict="superb"),
        changed(exercise=7),
        changed(passed="all"),
        json.dumps({"key": "key", "report": report_of(BERIT).as_data()}).encode(),
        json.dumps({"key": "key", "report": report_of(ANNA).as_data() | {"earlier": [7]}}).encode(),
    ],
)
def test_a_damaged_report_is_named_and_put_aside(tmp_path, content):
    with Journal(tmp_path / "out") as journal:
        journal.store(ANNA, "key", report_of(ANNA))
    [file] = (journal.out / "reports").iterdir()
    file.write_bytes(content)
    with Journal(tmp_path / "out") as journal:
        assert journal.load(ANNA, "key") is None and journal.kept() == []
        assert journal.damaged == [f"reports/{file.name}"]
        assert (journal.out / "damaged" / file.name).read_bytes() == content
        journal.store(ANNA, "key", report_of(ANNA))
    with Journal(tmp_path / "out") as journal:
        assert journal.load(ANNA, "key") == report_of(ANNA) and journal.damaged == []


def test_nothing_is_forgotten_unless_somebody_says_so(tmp_path):
    other = Submission("Anna", "12_pooling", "second week/Anna/12_pooling.ipynb")
    stray = Submission("Anna", "", "Anna/notes.ipynb", "no lesson")
    for submission in (ANNA, BERIT, other, stray):
        with Journal(tmp_path / "out") as journal:
            journal.store(submission, "key", report_of(submission))
    with Journal(tmp_path / "out") as journal:
        assert len(journal.kept()) == 4
        assert journal.forget("Nobody") == []
        assert journal.forget_all_but([ANNA, other, stray]) == [report_of(BERIT)]
        assert len(journal.forget("Anna")) == 3
    with Journal(tmp_path / "out") as journal:
        assert journal.kept() == []


def test_whoever_has_a_file_that_may_be_of_any_lesson_is_not_missing(tmp_path):
    shut = Submission("Anna", "", "Anna/all.zip", "It is encrypted.")
    before = Submission("Anna", "", "Anna/notes.ipynb", "no lesson")
    with Journal(tmp_path / "out") as journal:
        for submission in (ANNA, before, BERIT):
            journal.store(submission, "key", report_of(submission))
        assert journal.forget_all_but([shut]) == [report_of(before), report_of(BERIT)]
        assert journal.kept() == [report_of(ANNA)]


def test_where_a_file_lies_and_whether_it_is_late_is_kept_current(tmp_path):
    again = replace(ANNA, path="LATE/Anna.ipynb", late=True, earlier=("Anna-1.ipynb",))
    with Journal(tmp_path / "out") as journal:
        journal.store(ANNA, "key", report_of(ANNA))
        now = journal.load(again, "key")
        assert (now.file, now.late, now.earlier) == ("LATE/Anna.ipynb", True, ["Anna-1.ipynb"])
        assert now.marks == report_of(ANNA).marks
    with Journal(tmp_path / "out") as journal:
        assert journal.kept() == [now]


def test_the_newest_file_counts_wherever_it_lay_but_one_that_cannot_be_read_takes_nothing_away(tmp_path):
    moved, torn = replace(ANNA, path="late/Anna.ipynb"), replace(ANNA, path="again/Anna.ipynb", problem="It is torn.")
    unreadable = Report(torn.student, torn.lesson, torn.path, [], "It is torn.")
    with Journal(tmp_path / "out") as journal:
        assert journal.store(torn, "torn", unreadable) == unreadable
        assert journal.store(ANNA, "first", report_of(ANNA)) == report_of(ANNA)
        assert journal.store(moved, "second", report_of(moved, 2)).points == 2
        counts = journal.store(torn, "torn", unreadable)
        assert counts.points == 2 and "again/Anna.ipynb" in counts.newer and "It is torn." in counts.newer
    with Journal(tmp_path / "out") as journal:
        assert journal.kept() == [counts] and journal.load(torn, "torn") == counts


def test_file_names_are_safe_and_different_even_where_case_does_not_count():
    names = ["Anna", "anna", "ANNA", "../../etc/passwd", "🦊", "", "a\nb", "a\udce9", "x" * 1000, "con", "-rf", "שלום"]
    stems = [file_stem(name, "09_convolution", "file") for name in names]
    assert len({stem.lower() for stem in stems}) == len(names)
    for stem in stems:
        assert stem.isascii() and len(stem) < 100 and stem[0].isalnum()
        assert set(stem) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert file_stem("Anna Lee", "09_convolution", "f").startswith("anna-lee-09-convolution-")


def test_the_seed_is_recorded_with_the_limits_and_used_again(journal):
    first = journal.settle(None, {"seconds": 30})
    assert journal.settings()["limits"] == {"seconds": 30}
    assert journal.settle(None, {"seconds": 10}) == first
    assert journal.settle(7, {"seconds": 10}) == 7
    assert journal.settle(None, {"seconds": 10}) == 7
    assert journal.settings() == {"made by": "course grade", "seed": 7, "limits": {"seconds": 10}}


def test_new_seeds_differ(tmp_path):
    assert len({Journal(tmp_path / str(number)).settle(None, {}) for number in range(5)}) > 1


@pytest.mark.parametrize("content", ["", "{", "[]", '{"seed": "7"}', '{"seed": true}'])
def test_damaged_settings_are_named(journal, content):
    (journal.out / "settings.json").write_text(content)
    with pytest.raises(CourseError, match=r"settings\.json is damaged"):
        journal.settle(None, {})
    assert journal.settle(3, {}) == 3
    assert journal.settle(None, {}) == 3


# --- where results may go


def test_results_do_not_go_among_the_submissions_or_into_other_folders(tmp_path):
    submissions = tmp_path / "submissions"
    (submissions / "anna").mkdir(parents=True)
    (tmp_path / "link").symlink_to(submissions)
    for out in (submissions, submissions / "out", submissions / "x" / ".." / "out", tmp_path / "link" / "out"):
        with pytest.raises(CourseError, match="inside the folder of submissions"):
            Journal(out, submissions)
    with pytest.raises(CourseError, match="holds other things already"):
        Journal(tmp_path, submissions)
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(CourseError, match="cannot be written"):
            Journal(out, submissions)
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["anna", "file", "link", "submissions"]


def test_an_empty_folder_and_our_own_are_taken(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / ".DS_Store").touch()
    Journal(out)
    (out / "gradebook.csv").touch()
    with Journal(out) as journal:
        journal.store(ANNA, "key", report_of(ANNA))


OTHER = """
import sys, time
from pathlib import Path
from course_tools.grading.journal import Journal
with Journal(Path(sys.argv[1])):
    print("in", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another grader, at work in the same folder."""
    process = subprocess.Popen([sys.executable, "-c", OTHER, tmp_path / "out"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "in\n"
    yield process
    process.kill()
    process.wait()


def test_two_graders_never_share_a_folder(other, tmp_path):
    with pytest.raises(CourseError, match="another `course grade` is at work"), Journal(tmp_path / "out"):
        pass
    other.send_signal(signal.SIGKILL)
    other.wait()
    with Journal(tmp_path / "out"):
        pass


def test_a_child_that_outlives_a_killed_grader_does_not_keep_the_folder(tmp_path):
    program = OTHER.replace(
        'print("in", flush=True)', "import os; child = os.fork(); child and os.write(1, b'%d\\n' % child)"
    )
    grader = subprocess.Popen([sys.executable, "-c", program, tmp_path / "out"], stdout=subprocess.PIPE, text=True)
    child = int(grader.stdout.readline())
    grader.kill()
    grader.wait()
    try:
        with Journal(tmp_path / "out"):
            os.kill(child, 0)  # still there
    finally:
        os.kill(child, signal.SIGKILL)
        grader.stdout.close()


# --- whole or not at all


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_is_said_and_leaves_the_old_report_whole(journal, monkeypatch, step):
    journal.store(ANNA, "old", report_of(ANNA))
    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail_with(errno.ENOSPC))
        with pytest.raises(CourseError, match=r"disk is full.*goes on where it was"):
            journal.store(ANNA, "new", report_of(ANNA, 2))
        with pytest.raises(CourseError, match="disk is full"):
            journal.settle(1, {})
    assert journal.load(ANNA, "old") == report_of(ANNA)
    assert [path.suffix for path in journal.out.rglob("*") if path.is_file()] == ["", ".json"]
    journal.store(ANNA, "new", report_of(ANNA, 2))
    assert journal.load(ANNA, "new") == report_of(ANNA, 2)


def test_other_faults_are_not_called_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", fail_with(errno.EIO))
    with pytest.raises(CourseError, match="cannot be written: Input/output error"):
        write_atomically(tmp_path / "file", "text")
    assert not list(tmp_path.iterdir())


def test_marks_are_for_their_owner_only(tmp_path):
    write_atomically(tmp_path / "file", "é")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "file").read_bytes() == "é".encode()


WRITER = """
import sys
from pathlib import Path
from course_tools.grading.intake import Submission
from course_tools.grading.journal import Journal
from course_tools.grading.marks import Mark, Report
with Journal(Path(sys.argv[1])) as journal:
    print("in", flush=True)
    for number in range(10**9):
        one = Submission(f"s{number % 5}", "09_convolution", "file")
        marks = [Mark("a", number, 10**9, "wrong", "x" * 200_000)]
        journal.store(one, "key", Report(one.student, one.lesson, one.path, marks))
"""


def test_killed_at_any_moment_every_report_is_whole(tmp_path):
    out = tmp_path / "out"
    for pause in (0.05, 0.11, 0.23):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, out], stdout=subprocess.PIPE, text=True)
        assert writer.stdout.readline() == "in\n"
        assert wait_until(lambda: list((out / "reports").glob("*.json")))
        time.sleep(pause)
        writer.kill()
        writer.wait()
        writer.stdout.close()
        for file in (out / "reports").glob("*.json"):
            assert len(json.loads(file.read_text())["report"]["marks"][0]["reason"]) == 200_000
    with Journal(out):
        assert not list(out.rglob(".*.part"))
