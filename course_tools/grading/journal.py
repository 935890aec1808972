"""The folder OUT as a journal: each report is kept the moment it is there, so a stopped run goes on where it was.

OUT belongs to a course, not to a run: what was graded before stays until somebody says that it is to be forgotten.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from course_tools.errors import CourseError
from course_tools.grading.intake import Submission, printable
from course_tools.grading.marks import Report

_SETTINGS, _REPORTS = "settings.json", "reports"
DAMAGED = "damaged"  # reports that could not be read are moved there, and never deleted
_MARK = ".course-grade"  # in every folder of ours; locked while a grader works there
_UNFINISHED = ".part"
_FULL = (errno.ENOSPC, errno.EDQUOT)


def stem_of(one: Submission | Report) -> str:
    """The file name, without its ending, of all that belongs to one student's work on one lesson."""
    file = one.path if isinstance(one, Submission) else one.file
    return file_stem(one.student, one.lesson, "" if one.lesson else file)  # of no lesson there may be several


def file_stem(student: str, lesson: str, file: str) -> str:
    """A file name that is safe everywhere, different from all others, and still to be read."""
    slug = re.sub("[^a-z0-9]+", "-", f"{student} {lesson}".lower()).strip("-")[:60].rstrip("-")
    identity = hashlib.sha256(json.dumps([student, lesson, file]).encode()).hexdigest()[:12]
    return f"{slug}-{identity}" if slug else identity


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write all of a file or nothing of it. Raises `CourseError` when that fails, naming a full disk as such.

    Only its owner can read the file: marks are nobody else's business.
    """
    neighbour = None
    try:
        handle, neighbour = tempfile.mkstemp(prefix=".", suffix=_UNFINISHED, dir=path.parent)
        with open(handle, "wb") as stream:
            stream.write(content if isinstance(content, bytes) else content.encode("utf-8"))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(neighbour, path)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        if neighbour:
            Path(neighbour).unlink(missing_ok=True)


@dataclass(frozen=True)
class Kept:
    """A report with the key of what it was made from, and the limits under which the answers ran."""

    key: str
    report: Report
    limits: dict = field(default_factory=dict)


class Journal:
    """The reports in the folder `out`, which is made if need be.

    Use it as `with Journal(out, submissions) as journal:`, which keeps a second grader out. Raises `CourseError` when
    `out` lies inside the folder of submissions, holds something else, cannot be written, or is in use.
    """

    def __init__(self, out: Path, submissions: Path | None = None) -> None:
        self.out = out.resolve()
        self._reports = self.out / _REPORTS
        self._lock: int | None = None
        self._kept: dict[str, Kept] = {}  # by `stem_of`
        self.damaged: list[str] = []  # what could not be read as a report, and was put aside
        if submissions is not None and self.out.is_relative_to(submissions.resolve()):
            raise CourseError(f"{_named(out)} lies inside the folder of submissions; results must go somewhere else.")
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            visible = any(not path.name.startswith(".") for path in self.out.iterdir())
            if visible and not (self.out / _MARK).exists():
                raise CourseError(f"{_named(out)} holds other things already; give a new folder for the results.")
            (self.out / _MARK).touch()
            self._reports.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_write(self.out, error) from None

    def __enter__(self) -> Journal:
        import fcntl  # not on Windows, where the gradebook can be written all the same

        self._lock = os.open(self.out / _MARK, os.O_RDWR | os.O_CLOEXEC)
        try:
            # A lock of this process, which no fork inherits (flock's would live on in a child that outlives a kill).
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.__exit__()
            raise CourseError(f"{_named(self.out)}: another `course grade` is at work in this folder.") from None
        for folder in (self.out, *(path for path in self.out.iterdir() if path.is_dir())):
            for left_over in folder.glob(f".*{_UNFINISHED}"):
                left_over.unlink(missing_ok=True)
        self._read()
        return self

    def __exit__(self, *_) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def settings(self) -> dict:
        """What was recorded, {} before the first run. Raises `CourseError` if it is damaged."""
        return read_settings(self.out)

    def recorded(self, name: str) -> object:
        """One of the settings; None if there is none, or if they cannot be read."""
        try:
            return self.settings().get(name)
        except CourseError:
            return None

    def settle(self, seed: int | None, limits: dict, **others) -> int:
        """The seed to use: the given one, else the recorded one, else a new one. It is recorded with the rest."""
        if seed is None:
            seed = self.settings().get("seed", secrets.randbelow(2**32))
        record = {"made by": "course grade", "seed": seed, "limits": limits, **others}
        write_atomically(self.out / _SETTINGS, json.dumps(record, indent=1) + "\n")
        return seed

    def kept(self) -> list[Report]:
        """Every report there is, of this run and of all before it."""
        return [kept.report for kept in self._kept.values()]

    def load(self, submission: Submission, key: str, limits: dict | None = None) -> Report | None:
        """The report of a submission, None if there is none, if it was made with another key, or if `limits` unmake it.

        The key stands for all that the marks depend on but for limits: the bytes of the notebook, the seed, exercises.
        Where the file lies, whether it is late and what came before it is not in the key, but brought up to date.
        """
        kept = self._kept.get(stem_of(submission))
        if kept is None or kept.key != key or (limits is not None and not kept.report.stands(kept.limits, limits)):
            return None
        report = kept.report
        if submission.rivals:
            return report if report.file in {each.path for each in submission.rivals} else None
        if not report.newer:  # else it is of another file
            facts = {"file": submission.path, "late": submission.late, "earlier": list(submission.earlier)}
            if (now := replace(report, **facts)) != report:
                self.keep(replace(kept, report=now))
                return now
        return report

    def store(self, submission: Submission, key: str, report: Report, limits: dict | None = None) -> Report:
        """Keep a report: from the moment this returns, it survives whatever happens to the grader.

        A file that cannot be read takes nobody's marks away: the report of the one before it is kept, with a word about
        it. Returns the report that counts.
        """
        if (report.student, report.lesson, report.file) != (submission.student, submission.lesson, submission.path):
            raise ValueError("this report is not of this submission")
        before = self._kept.get(stem_of(submission))
        if report.problem and before is not None and not before.report.problem:
            report = replace(before.report, newer=f"A newer file, {report.file}, does not count: {report.problem}")
        self.keep(Kept(key, report, limits or {}))
        return report

    def forget(self, student: str) -> list[Report]:
        """Delete all reports of a student; returns them."""
        return self._forget([report for report in self.kept() if report.student == student])

    def forget_all_but(self, submissions: Iterable[Submission]) -> list[Report]:
        """Delete the reports of which no submission is given; returns them.

        Of a student with a file of no known lesson, which may be of any, nothing but such files is deleted.
        """
        submissions = list(submissions)
        keep = {stem_of(submission) for submission in submissions}
        unsure = {submission.student for submission in submissions if not submission.lesson}
        gone = [report for report in self.kept() if stem_of(report) not in keep]
        return self._forget([report for report in gone if not report.lesson or report.student not in unsure])

    def _forget(self, reports: list[Report]) -> list[Report]:
        for report in reports:
            (self._reports / f"{stem_of(report)}.json").unlink(missing_ok=True)
            del self._kept[stem_of(report)]
        return reports

    def keep(self, kept: Kept) -> None:
        """Write a report, in the place of the one that there is of the same student and lesson."""
        data = {"key": kept.key, "limits": kept.limits, "report": kept.report.as_data()}
        text = json.dumps(data)  # ASCII: half characters pass through
        write_atomically(self._reports / f"{stem_of(kept.report)}.json", text + "\n")
        self._kept[stem_of(kept.report)] = kept

    def _read(self) -> None:
        for path, kept in read_reports(self.out):
            if kept is None:
                self._put_aside(path)
            else:
                self._kept[path.stem] = kept

    def _put_aside(self, path: Path) -> None:
        try:
            (self.out / DAMAGED).mkdir(exist_ok=True)
            os.replace(path, self.out / DAMAGED / path.name)
        except OSError as error:
            raise cannot_write(path, error) from None
        self.damaged.append(f"{_REPORTS}/{path.name}")


def read_reports(out: Path) -> Iterator[tuple[Path, Kept | None]]:
    """The files of reports in a folder of marks, and what is in them; None in one that is damaged."""
    for path in sorted((out / _REPORTS).glob("*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            kept = Kept(data["key"], Report.from_data(data["report"]), data.get("limits", {}))
            known = type(kept.limits) is dict and all(type(limit) in (int, float) for limit in kept.limits.values())
            if type(kept.key) is not str or not known or stem_of(kept.report) != path.stem:
                raise ValueError("not as `keep` writes it")
        except OSError as error:
            raise CourseError(f"{_named(path)} cannot be read: {error.strerror}.") from None
        except (ValueError, KeyError, TypeError, RecursionError):
            yield path, None
        else:
            yield path, kept


def read_settings(out: Path) -> dict:
    """What was recorded in a folder of marks, {} before the first run. Raises `CourseError` if it is damaged."""
    path = out / _SETTINGS
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        recorded = None
    if not isinstance(recorded, dict) or type(recorded.get("seed")) is not int:
        raise CourseError(f"{_named(path)} is damaged; delete it, or give --seed, which writes it anew.")
    return recorded


def is_marks(folder: Path) -> bool:
    """Whether a folder is one of marks."""
    return (folder / _MARK).exists() and (folder / _REPORTS).is_dir()


def _named(path: Path) -> str:
    return printable(str(path))


def cannot_write(path: Path, error: OSError) -> CourseError:
    if error.errno in _FULL:
        return CourseError(
            f"{_named(path)}: the disk is full, so this was not written. Make room and give the same command again: "
            "it goes on where it was."
        )
    return CourseError(f"{_named(path)} cannot be written: {error.strerror}.")
