"""From submissions to reports: who does what, and in which order.

Reading and judging is done by clerks, running in the sandbox; nothing here looks into what a stranger wrote.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import inspect
import json
import platform
import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import course_lib
from course_lib.exercises.spec import find, specs
from course_tools import warm
from course_tools.grading import marks
from course_tools.grading.clerks import Clerk, Clerks, Trouble
from course_tools.grading.desk import Job, Opened
from course_tools.grading.intake import Submission
from course_tools.grading.marks import Mark, Report
from course_tools.grading.parcel import Parcel
from course_tools.grading.sandbox import Sandbox

_JUDGING = ("beside.py", "clerk.py", "clerks.py", "desk.py", "grade.py", "limits.py", "marks.py", "needed.py",
            "parcel.py", "question.py", "reading.py", "sandbox.py", "wire.py")  # fmt: skip
_SETTLED = (marks.CORRECT, marks.NOT_ATTEMPTED, marks.TIMED_OUT)
_PACKAGES = ("keras", "numpy", "scipy", "tensorflow")


class Grader:
    """Has submissions read, run in a sandbox and judged. The same seed gives the same marks."""

    def __init__(self, sandbox: Sandbox, seed: int, run_all: bool = False):
        self._sandbox, self._seed, self._run_all = sandbox, seed, run_all

    def grade(self, folder: Path, submissions: Iterable[Submission], jobs: int) -> Iterator[tuple[Submission, Report]]:
        """Grade submissions in `folder`, `jobs` exercises at a time; each report as soon as it is whole.

        Raises `CourseError` for trouble of the grader's own.
        """
        waiting = deque()
        for one in submissions:
            if one.problem:
                yield one, failed(one, one.problem)
            else:
                waiting.append(one)
        if not waiting:
            return
        agenda, done = _Agenda(waiting), queue.SimpleQueue()
        with Clerks({one.lesson for one in waiting}, self._seed, self._sandbox.limits, self._run_all) as clerks:
            for _ in range(jobs):
                arguments = (folder.resolve(), agenda, clerks.hire(), done)
                threading.Thread(target=self._work, args=arguments, daemon=True).start()
            try:
                for _ in range(len(waiting)):
                    finished = done.get()
                    if isinstance(finished, BaseException):
                        raise finished
                    yield finished
            finally:
                agenda.close()

    def grade_parcel(self, parcel: Parcel, clerk: Clerk) -> Report:
        """Grade a submission that came from another machine; whose it is, is known there."""
        work = _Work(Submission("", parcel.lesson, ""))
        work.begin(clerk, "unpacked", parcel)
        for job in work.opened.jobs:
            work.marks |= self._marks(parcel.lesson, job, clerk)
        return work.report()

    def _work(self, folder: Path, agenda: _Agenda, clerk: Clerk, done: queue.SimpleQueue) -> None:
        """One thread: it takes what is next, until nothing is left."""
        try:
            while task := agenda.next():
                work, job = task
                if job is None:
                    work.begin(clerk, "opened", folder, work.submission)
                    agenda.add(work)
                else:
                    work.marks |= self._marks(work.submission.lesson, job, clerk)
                if report := agenda.finished(work):
                    done.put((work.submission, report))
        except BaseException as error:  # for the thread that waits for reports
            done.put(error)
        finally:
            clerk.leave()

    def _marks(self, lesson: str, job: Job, clerk: Clerk) -> dict[str, Mark]:
        """The marks of a job.

        Where one answer ends the process, those after it are asked in a new one. And one that went wrong, but not
        because it took too long, is asked again, first in a process: whatever ran before it may have done harm.
        """
        found: dict[str, Mark] = {}
        while len(found) < len(job.exercises):
            first = len(found)
            ending, words = self._sandbox.run(job.data, job.keras, first)
            for place, exercise in enumerate(job.exercises[first:]):
                mark = self._mark(lesson, exercise, clerk, ending, words, place)
                if mark is None or (place and not self._run_all and mark.verdict not in _SETTLED):
                    break
                found[exercise] = mark
        return found

    def _mark(self, lesson: str, exercise: str, clerk: Clerk, ending: dict, words: bytes, place: int) -> Mark | None:
        try:
            return clerk.ask("judged", lesson, exercise, ending, words, place)
        except Trouble as trouble:
            mark = Mark(exercise, 0, find(lesson, exercise).points, trouble.verdict, str(trouble))
            mark.seconds, mark.struck = _seconds(ending, place), _struck(trouble)
            return mark


@dataclass(eq=False)
class _Work:
    """A submission that is being graded."""

    submission: Submission
    opened: Opened = field(default_factory=Opened)
    marks: dict[str, Mark] = field(default_factory=dict)
    failure: Report | None = None
    reported: bool = False

    def begin(self, clerk: Clerk, *request) -> None:
        try:
            self.opened = clerk.ask(*request)
            self.marks = {mark.exercise: mark for mark in self.opened.marks}
        except Trouble as trouble:
            self.failure = failed(self.submission, str(trouble), trouble.verdict)
            for mark in self.failure.marks:
                mark.struck = _struck(trouble)

    def report(self) -> Report | None:
        """The report, once all marks are there."""
        names = list(specs(self.submission.lesson))
        if self.failure or len(self.marks) < len(names):
            return self.failure
        for mark in self.marks.values():
            if mark.verdict == marks.MISSING and mark.exercise in self.opened.in_text:
                mark.reason += " Its cell is text; as code it would be run."
        for name, (answer, place) in self.opened.answers.items():
            self.marks[name].answer, self.marks[name].answer_in = answer, place
        for mark in self.marks.values():
            if mark.reading >= 0:
                mark.reading = round(max(mark.reading, self.opened.reading), 3)
        report = _report(self.submission, [self.marks[name] for name in names])
        report.left_out = self.opened.left_out
        return report


class _Agenda:
    """What is to be done next, for several threads: exercises of submissions that were opened before others are.

    So there are never more submissions open than threads, and a slow one keeps none of them waiting.
    """

    def __init__(self, submissions: Iterable[Submission]):
        self._submissions, self._jobs = deque(submissions), deque()
        self._being_opened, self._closed = 0, False
        self._changed = threading.Condition()

    def next(self) -> tuple[_Work, Job | None] | None:
        """A submission to be opened, or a job of one that was; None when nothing more will come."""
        with self._changed:
            while not self._closed:
                if self._jobs:
                    return self._jobs.popleft()
                if self._submissions:
                    self._being_opened += 1
                    return _Work(self._submissions.popleft()), None
                if not self._being_opened:
                    break
                self._changed.wait()
            return None

    def add(self, work: _Work) -> None:
        """A submission was opened; its jobs are next."""
        with self._changed:
            self._being_opened -= 1
            self._jobs += [(work, job) for job in work.opened.jobs]
            self._changed.notify_all()

    def finished(self, work: _Work) -> Report | None:
        """The report of a submission, for the one thread that did the last of it."""
        with self._changed:
            report = None if work.reported else work.report()
            work.reported = report is not None
            return report

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _seconds(ending: dict, place: int) -> float:
    """What the answer at this place took, as the sandbox counted it."""
    return round(next(iter(ending.get("turns", [])[place + 1 :]), (0.0,))[0], 3)


def _struck(trouble: Trouble) -> list[str]:
    return ["reading"] if trouble.verdict == marks.LIMIT else []


def failed(submission: Submission, reason: str, verdict: str = marks.UNREADABLE) -> Report:
    """The report of a file of which nothing can be run."""
    exercises = specs(submission.lesson).values() if submission.lesson else []
    return _report(submission, [Mark(each.name, 0, each.points, verdict, reason) for each in exercises], reason)


def _report(submission: Submission, found: list[Mark], problem: str = "") -> Report:
    facts = {"late": submission.late, "earlier": list(submission.earlier)}
    return Report(submission.student, submission.lesson, submission.path, found, problem, **facts)


def fingerprint(lesson: str, settings: dict) -> str:
    """Changes whenever marks for a lesson could: with the settings, its exercises, the grader, the library, Python."""
    room = Path(inspect.getsourcefile(next(iter(specs(lesson).values())).oracle)).parent
    files = sorted(room.glob("[a-z]*.py"))  # not the lesson's text, which begins with its number
    parts = [json.dumps(settings, sort_keys=True), *map(_content, files), _of_all_lessons()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@functools.cache
def _of_all_lessons() -> str:
    """What answers can import and what runs and judges them; the packages."""
    library, tools = Path(course_lib.__file__).parent, Path(__file__).parent
    files = [*library.rglob("*.py"), *(tools / "inside").glob("*.py"), *(tools / name for name in _JUDGING)]
    parts = [*map(_content, sorted(files)), _content(Path(warm.__file__)), platform.python_version()]
    return "\0".join([*parts, *(f"{name} {_version(name)}" for name in _PACKAGES)])


def _content(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def settings_of(seed: int, run_all: bool) -> dict:
    """What a teacher can choose and that marks depend on; limits are looked at one by one (`Report.stands`)."""
    return {"seed": seed, "run all": run_all}
