"""Folders of marks brought together: nothing lost, nothing changed where it came from, and what differs is said."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import pytest
from test_grading_roster import MOODLE, report
from test_grading_run import ANSWER, FLIPPED, LESSON, course, gradebook, hand_in, needs_walls

from course_tools.errors import CourseError
from course_tools.grading import command
from course_tools.grading.intake import Submission
from course_tools.grading.journal import Journal
from course_tools.project import find_project


def marks(folder: Path, *reports, seed: int = 5, written: int = 1000, **settings) -> Path:
    with Journal(folder) as journal:
        journal.settle(seed, {"seconds": 30}, **settings)
        for one in reports:
            journal.store(Submission(one.student, one.lesson, one.file), "key", one, {"seconds": 30})
    for path in (folder / "reports").iterdir():
        os.utime(path, (written, written))
    return folder


def everything_in(folder: Path) -> dict:
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def points(out: Path) -> dict[str, str]:
    with open(out / "totals.csv", encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row["total"] for row in csv.DictReader(file)}


def merged(out: Path, *folders: Path, capsys) -> str:
    command.merge(find_project(), list(folders), out)
    return capsys.readouterr().out


def test_all_reports_come_together_and_the_folders_stay_as_they_were(tmp_path, capsys):
    one = marks(tmp_path / "1", report("Anna", 3), report("Both", 2), written=1000)
    two = marks(tmp_path / "2", report("Berit", 4), report("Both", 5), report("Anna", 1, "12_pooling"), written=2000)
    (two / "reports" / "torn-0123456789ab.json").write_text("{")
    before = everything_in(one), everything_in(two)
    said = merged(tmp_path / "out", one, two, capsys=capsys)
    assert points(tmp_path / "out") == {"Anna": "4", "Berit": "4", "Both": "5"}
    assert (
        f"Both, {LESSON}: " in said and f"those of {two} count" in said and "torn-0123456789ab.json is damaged" in said
    )
    assert "4 reports are in" in said and "seed" not in said
    assert (everything_in(one), everything_in(two)) == before
    again = everything_in(tmp_path / "out")
    assert "Both" in merged(tmp_path / "out", two, one, capsys=capsys), "in any order"
    assert {path: content for path, (content, _) in everything_in(tmp_path / "out").items()} == {
        path: content for path, (content, _) in again.items()
    }


def test_one_that_was_read_counts_before_one_that_was_not_and_what_is_there_before_what_is_older(tmp_path, capsys):
    torn = report("Anna", 0)
    torn.problem = "It is torn."
    late = marks(tmp_path / "1", torn, report("Berit", 1), written=9000)
    out = marks(tmp_path / "out", report("Anna", 3), report("Berit", 2), report("Cy", 2), written=5000)
    old = marks(tmp_path / "2", report("Berit", 7), report("Cy", 2), written=10)
    said = merged(out, late, old, capsys=capsys)
    assert points(out) == {"Anna": "3", "Berit": "1", "Cy": "2"}
    assert "Anna" in said and "Berit" in said and "Cy" not in said, "what is the same need not be told"


def test_other_inputs_are_said_and_the_settings_of_the_first_are_kept(tmp_path, capsys):
    one = marks(tmp_path / "1", report("Anna", 3), seed=5, attempts="best", anonymous=True, secret="ab" * 16)
    two = marks(tmp_path / "2", report("Berit", 4), seed=6)
    said = merged(tmp_path / "out", one, two, capsys=capsys)
    assert f"{two} was graded with the seed 6, not 5" in said and f"{one} was" not in said
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert (settings["seed"], settings["attempts"], settings["secret"]) == (5, "best", "ab" * 16)
    assert "Anna" not in (tmp_path / "out" / "index.html").read_text()


def test_rosters_and_what_was_written_by_hand_come_along_or_are_named(tmp_path, capsys):
    one, two = marks(tmp_path / "1", report("Doe Jane", 3)), marks(tmp_path / "2", report("Roe Rick", 4))
    (one / "adjust.csv").write_text(f'student,lesson,extra,comment\nDoe Jane,{LESSON},1,"two\nlines, one"\n')
    (two / "adjust.csv").write_text(f"student;lesson;exercise;points\nRoe Rick;{LESSON};conv_layer;1,5\n")
    (one / "roster.csv").write_text(MOODLE)
    said = merged(tmp_path / "out", one, two, capsys=capsys)
    assert points(tmp_path / "out") == {"Doe Jane": "4", "Roe Rick": "1.5", "Pat Poe": "0"}
    assert "by hand" not in said and (tmp_path / "out" / "roster.csv").read_text() == MOODLE
    (two / "roster.csv").write_text(MOODLE + "Eve;Else;;;e@example.org;-\n")
    with open(two / "adjust.csv", "a") as file:
        file.write(f"Roe Rick;{LESSON};conv_layer;2\n")
    said = merged(tmp_path / "out", one, two, capsys=capsys)
    assert said.count("see to it by hand") == 2 and points(tmp_path / "out")["Roe Rick"] == "1.5"


def test_what_is_no_folder_of_marks_stops_all_before_anything_is_written(tmp_path):
    one = marks(tmp_path / "1", report("Anna", 3))
    (tmp_path / "other").mkdir()
    for folders in ([one, tmp_path / "other"], [one, tmp_path / "none"], []):
        with pytest.raises(CourseError, match="nothing was changed"):
            command.merge(find_project(), folders, tmp_path / "out")
    with pytest.raises(CourseError, match="merge into"):
        command.merge(find_project(), [one], one)
    assert not (tmp_path / "out").exists()


@needs_walls
def test_two_halves_of_a_class_make_the_marks_of_the_whole(tmp_path):
    for name, cells in (("ada", ANSWER), ("ben", FLIPPED), ("cy", ANSWER)):
        hand_in(tmp_path / "whole" / name / f"{LESSON}.ipynb", cells)
    (tmp_path / "half").mkdir()
    shutil.copytree(tmp_path / "whole" / "cy", tmp_path / "half" / "cy")
    course(tmp_path / "whole", "--out", tmp_path / "all", "--seed", 3)
    shutil.rmtree(tmp_path / "whole" / "cy")
    course(tmp_path / "whole", "--out", tmp_path / "1", "--seed", 3)
    course(tmp_path / "half", "--out", tmp_path / "2", "--seed", 3)
    done = course("--merge", tmp_path / "1", tmp_path / "2", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    rows = [gradebook(tmp_path / folder) for folder in ("all", "out")]
    for one in (row for each in rows for row in each.values()):
        del one["seconds"]
    assert rows[0] == rows[1]
    done = course(tmp_path / "whole", "--out", tmp_path / "out")
    assert "2 of 2 submissions are unchanged" in done.stdout and "1 report of earlier runs is kept" in done.stdout
    assert course(tmp_path / "whole", tmp_path / "half", "--out", tmp_path / "out").returncode == 2
