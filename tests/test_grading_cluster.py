"""`course grade --cluster`: what is killed, added, gone or different costs nobody a mark."""

from __future__ import annotations

import asyncio
import csv
import json
import shutil
import subprocess
import sys
from concurrent.futures import CancelledError
from dataclasses import asdict
from pathlib import Path

import pytest
from dask_site import Site
from test_grading_run import ANSWER, FLIPPED, LESSON, course, hand_in, needs_walls

from course_tools import crew, crew_member
from course_tools.errors import CourseError
from course_tools.grading.cluster import Cluster
from course_tools.grading.intake import find_submissions
from course_tools.grading.limits import Limits
from course_tools.grading.marks import Mark
from course_tools.grading.parcel import Parcel, parcel_of

ROOT = Path(__file__).parents[1]
CLASS = 200


def grades_on(site: Site, handed_in: Path, out: Path) -> subprocess.Popen:
    return site.course("grade", handed_in, "--out", out, "--seed", 1)


def kept(out: Path) -> int:
    return len(list((out / "reports").glob("*.json")))


def marks_in(out: Path) -> dict[str, object]:
    """All that a folder of marks says, but for the time that answers took."""

    def timeless(text: str):
        return json.loads(text, object_hook=lambda found: {**found, "seconds": 0, "cpu": 0, "peak": 0, "reading": 0})

    with open(out / "gradebook.csv", encoding="utf-8-sig", newline="") as file:
        found = {"gradebook.csv": [{**row, "seconds": ""} for row in csv.DictReader(file)]}
    for path in out.rglob("*"):
        if path.is_file() and path.name not in ("gradebook.csv", "settings.json"):  # which holds a secret
            timed = path.name == "gradebook.json" or path.parent.name == "reports"
            found[str(path.relative_to(out))] = timeless(path.read_text()) if timed else path.read_bytes()
    return found


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory) -> Path:
    """A class whose answers are right, wrong, not there, in need of a file beside them, and not to be read."""
    folder = tmp_path_factory.mktemp("class")
    helped = ["from helper import correlate2d"]
    kinds = [ANSWER, FLIPPED, ["import numpy as np"], helped]
    for number in range(CLASS):
        student, kind = folder / f"student{number:03d}", kinds[number % len(kinds)]
        hand_in(student / f"{LESSON}.ipynb", kind)
        if kind is helped and number % 8 == 3:
            (student / "helper.py").write_text("\n".join(ANSWER))
            (student / ".hidden").touch()
            (student / "link.txt").symlink_to(student / "helper.py")
    (folder / "student010" / f"{LESSON}.ipynb").write_text("")
    (folder / "student020" / f"{LESSON}.ipynb").write_text('{"cells": [')
    (folder / "student030" / f"{LESSON}.ipynb").unlink()
    (folder / "student030" / f"{LESSON}.ipynb").symlink_to(folder / "student000" / f"{LESSON}.ipynb")
    (folder / f"canvas_LATE_1_2_{LESSON}.ipynb").write_bytes((folder / "student000" / f"{LESSON}.ipynb").read_bytes())
    return folder


@needs_walls
def test_the_drill_a_worker_the_grader_and_the_scheduler_are_killed_and_a_worker_comes(dask_site, handed_in, tmp_path):
    out, alone = tmp_path / "many", tmp_path / "one"
    scheduler = dask_site.scheduler()
    workers = [dask_site.worker(name) for name in ("ann", "bob", "cat")]

    grader = grades_on(dask_site, handed_in, out)
    dask_site.wait(grader, lambda: kept(out) >= 30)
    workers[0].kill()
    seen = kept(out)
    dask_site.wait(grader, lambda: kept(out) >= seen + 20)
    grader.kill()
    grader.wait()
    seen = kept(out)
    assert seen < CLASS and not (out / "gradebook.csv").exists()

    grader = grades_on(dask_site, handed_in, out)
    dask_site.wait(grader, lambda: kept(out) >= seen + 20)
    assert f"{seen} of {CLASS + 1} submissions are unchanged" in dask_site.said(grader)
    scheduler.kill()
    said = dask_site.ended(grader, 1)
    assert said.endswith("is gone. What was done so far is kept, and the same command goes on.\n")
    seen = kept(out)
    assert seen < CLASS and not (out / "gradebook.csv").exists()

    dask_site.scheduler()
    grader = grades_on(dask_site, handed_in, out)
    dask_site.worker("dan")
    assert f"{seen} of {CLASS + 1} submissions are unchanged" in dask_site.ended(grader, 0)
    done = course(handed_in, "--out", alone, "--seed", 1)
    assert done.returncode == 0, done.stderr
    assert marks_in(out) == marks_in(alone)


@needs_walls
def test_a_worker_with_another_course_is_refused_by_name_and_another_one_does_its_work(dask_site, tmp_path):
    other, out = tmp_path / "other", tmp_path / "out"
    for package in ("course_lib", "course_lessons", "course_tools"):
        shutil.copytree(ROOT / package, other / package, ignore=shutil.ignore_patterns("__pycache__"))
    with open(other / "course_lib" / "losses.py", "a") as file:
        file.write("# another version\n")
    for number in range(4):
        hand_in(tmp_path / "in" / f"student{number}" / f"{LESSON}.ipynb", ANSWER)
    dask_site.scheduler()
    dask_site.worker("stranger", cwd=other, PYTHONPATH=str(other))
    said = dask_site.ended(grades_on(dask_site, tmp_path / "in", out), 1)
    assert "The worker stranger on" in said and "is refused: the course is" in said
    assert "can do this" in said and kept(out) == 0

    dask_site.worker("friend")
    said = dask_site.ended(grades_on(dask_site, tmp_path / "in", out), 0)
    assert "The worker stranger on" in said and "friend" not in said
    assert kept(out) == 4


def test_without_a_scheduler_or_without_dask_it_is_one_sentence(dask_site, tmp_path, monkeypatch):
    hand_in(tmp_path / "in" / "ada" / f"{LESSON}.ipynb", ANSWER)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CourseError, match=r'needs Dask; .*python -m pip install -e "\.\[cluster\]"'):
        Cluster(dask_site.address, 1, Limits(), False, print)
    monkeypatch.undo()
    nobody = Cluster(dask_site.address, 1, Limits(), False, print, patience=0.2)
    with pytest.raises(CourseError, match="No scheduler answers at tcp://") as raised:
        list(nobody.grade(tmp_path / "in", find_submissions(tmp_path / "in", [LESSON])))
    assert raised.value.status == 1 and "\n" not in str(raised.value)


def test_dask_is_imported_only_when_it_is_asked_for():
    script = "import course_tools.grading.command, sys; sys.exit('distributed' in sys.modules or 'dask' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_a_parcel_holds_all_bytes_and_nobody_s_name(tmp_path):
    hand_in(tmp_path / "zebedee" / f"{LESSON}.ipynb", ANSWER)
    (tmp_path / "zebedee" / "data.bin").write_bytes(bytes(range(256)))
    (tmp_path / "zebedee" / "empty.txt").touch()
    (tmp_path / "zebedee" / "numpy.py").touch()
    [one] = find_submissions(tmp_path, [LESSON])
    parcel = parcel_of(tmp_path, one, 10**6)
    assert Parcel.from_bytes(parcel.as_bytes()) == parcel
    assert {name: content for name, content, problem in parcel.beside if not problem} == {
        "data.bin": bytes(range(256)),
        "empty.txt": b"",
    }
    assert b"zebedee" not in parcel.as_bytes()


def test_what_must_be_equal_is_the_course_python_and_the_packages_that_answers_use():
    found = crew_member.identity()
    assert {"the course", "Python", "keras", "numpy", "scipy", "tensorflow", "pandas", "ipython"} <= set(found)
    assert all(found.values())
    other = {**found, "numpy": "1.0", "pandas": ""}
    assert crew_member.differences(found, found) == []
    assert crew_member.differences(other, found) == [
        f"numpy is 1.0 there and {found['numpy']} here",
        f"pandas is missing there and {found['pandas']} here",
    ]


# --- what this end does, with workers that only a test can have


class Dead(Exception):
    """As `distributed.KilledWorker`: one worker after the other ended that had this task."""


class Pretended:
    """In place of `distributed`, and of its client: workers by their addresses, with what they do with a task."""

    KilledWorker = Dead

    def __init__(self, workers: dict[str, object]):
        self.workers, self.status = workers, "running"

    def Client(self, address, **_):
        return self

    def __await__(self):
        return asyncio.sleep(0).__await__()

    async def close(self, timeout):
        self.workers.clear()

    async def nthreads(self):
        return dict.fromkeys(self.workers, 1)

    async def run(self, function, wanted, sandbox, workers, on_error):
        does = self.workers[workers[0]]
        return {workers[0]: does if isinstance(does, (tuple, Exception)) else (f"name of {workers[0]}", "")}

    def submit(self, function, settings, parcel, workers, **_):
        address = next(one for one in workers if one in self.workers)
        future = asyncio.get_running_loop().create_task(self.workers[address](address))
        future.release = lambda: None
        return future


async def grades(address: str) -> str:
    mark = asdict(Mark("correlate2d", 2, 2, "correct"))
    return json.dumps({"report": {"student": "", "lesson": LESSON, "file": "", "marks": [mark]}, "worker": address})


async def has_trouble(address: str) -> str:
    return json.dumps({"trouble": "OSError: no space left", "worker": address})


async def dies(address: str) -> str:
    raise Dead


async def loses_the_scheduler(address: str) -> str:
    raise CancelledError


def hand_in_three(folder: Path) -> None:
    for student in ("ada", "ben", "cy"):
        hand_in(folder / student / f"{LESSON}.ipynb", ANSWER)


def pretend(monkeypatch, workers: dict[str, object], say) -> Cluster:
    monkeypatch.setattr(crew, "dask", lambda: Pretended(workers))
    monkeypatch.setattr(crew, "_EVERY", 0.01)
    return Cluster("tcp://x:1", 1, Limits(), False, say, patience=0.1)


def graded(tmp_path, monkeypatch, workers) -> tuple[list, list[str]]:
    """The reports of three submissions, and what was said."""
    hand_in_three(tmp_path)
    said = []
    found = pretend(monkeypatch, workers, said.append)
    try:
        return list(found.grade(tmp_path, find_submissions(tmp_path, [LESSON]))), said
    except CourseError as error:
        error.said = said
        raise


def test_reports_are_those_of_the_submissions_that_were_sent(tmp_path, monkeypatch):
    reports, said = graded(tmp_path, monkeypatch, {"tcp://a:1": grades, "tcp://b:1": grades})
    assert said == [] and sorted(report.student for _, report in reports) == ["ada", "ben", "cy"]
    assert all((one.student, one.path) == (report.student, report.file) for one, report in reports)


def test_a_worker_that_has_trouble_is_refused_and_another_one_grades(tmp_path, monkeypatch):
    reports, said = graded(tmp_path, monkeypatch, {"tcp://a:1": has_trouble, "tcp://b:1": grades})
    assert len(reports) == 3
    assert said == ["The worker name of tcp://a:1, tcp://a:1, is refused: OSError: no space left."]


def test_workers_without_the_course_and_without_a_sandbox_are_refused(tmp_path, monkeypatch):
    none, bare = ModuleNotFoundError("No module named 'course_tools'"), ("bare", "there is no sandbox: no bubblewrap")
    with pytest.raises(crew.ClusterError, match="No worker at tcp://x:1 can do this") as raised:
        graded(tmp_path, monkeypatch, {"tcp://a:1": none, "tcp://b:1": bare})
    assert sorted(raised.value.said) == [
        "The worker bare, tcp://b:1, is refused: there is no sandbox: no bubblewrap.",
        "The worker tcp://a:1 is refused: the course is not installed there, or another version of it is.",
    ]


def test_nobody_there_is_an_error_after_some_patience(tmp_path, monkeypatch):
    with pytest.raises(crew.ClusterError, match=r"No worker came within 0\.1 seconds.*is kept") as raised:
        graded(tmp_path, monkeypatch, {})
    assert raised.value.said == ["No worker is there; waiting for  course cluster worker tcp://x:1"]


def test_what_ends_every_worker_is_named_and_the_rest_is_graded(tmp_path, monkeypatch):
    turns = iter([dies, grades, grades])

    async def one_of_them(address):
        return await next(turns)(address)

    with pytest.raises(crew.ClusterError, match=r"Not done.*: ada/09_convolution\.ipynb\. What was done"):
        graded(tmp_path, monkeypatch, {"tcp://a:1": one_of_them})


def test_a_task_that_was_cancelled_means_that_the_scheduler_is_gone(tmp_path, monkeypatch):
    with pytest.raises(crew.ClusterError, match="scheduler at tcp://x:1 is gone"):
        graded(tmp_path, monkeypatch, {"tcp://a:1": loses_the_scheduler})


def test_what_came_at_the_same_moment_is_kept_when_the_scheduler_is_gone(tmp_path, monkeypatch):
    turns = iter([loses_the_scheduler, grades, grades])

    async def one_of_them(address):
        return await next(turns)(address)

    hand_in_three(tmp_path)
    found = pretend(monkeypatch, {"tcp://a:1": one_of_them}, [].append)
    reports = found.grade(tmp_path, find_submissions(tmp_path, [LESSON]))
    assert {next(reports)[0].student, next(reports)[0].student} == {"ben", "cy"}
    with pytest.raises(crew.ClusterError, match="is gone"):
        next(reports)
