"""From submissions to reports: what to run, in which order, and what the outcome is worth."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import json
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from course_lib.exercises.judge import AnswerKey, Outcome
from course_lib.exercises.show import facts
from course_lib.exercises.spec import find, specs
from course_lib.quiet import quiet
from course_tools.errors import CourseError
from course_tools.grading import marks, wire
from course_tools.grading.inside import answer
from course_tools.grading.intake import Submission
from course_tools.grading.limits import Limits
from course_tools.grading.marks import Mark, Report
from course_tools.grading.needed import Notebook, Program
from course_tools.grading.question import Question
from course_tools.grading.reading import Unreadable, read_notebook
from course_tools.grading.sandbox import Sandbox, read_result

# How a limit shows in the words of the error that the answer raised.
_LIMIT_ERRORS = {
    "MemoryError": "memory",
    "OSError: [Errno 27]": "files",  # file too large
    "OSError: [Errno 28]": "files",  # no space left
    "BlockingIOError: [Errno 11]": "processes",
    "RuntimeError: can't start new thread": "processes",
}


class Grader:
    """Runs submissions in a sandbox and judges what comes back. The same seed gives the same marks."""

    def __init__(self, sandbox: Sandbox, seed: int, run_all: bool = False):
        self._sandbox, self._seed, self._run_all = sandbox, seed, run_all
        self._questions: dict[tuple[str, str], Question] = {}

    def grade(self, folder: Path, submissions: Iterable[Submission], jobs: int) -> Iterator[tuple[Submission, Report]]:
        """Grade submissions in `folder`, `jobs` exercises at a time; each report as soon as it is whole."""
        pool = ThreadPoolExecutor(jobs)
        try:
            begun: list[tuple[Submission, Callable[[], Report]]] = []
            for submission in submissions:
                begun.append((submission, self._begin_whatever(folder, submission, pool)))
                if len(begun) > jobs:  # far enough ahead to keep all busy, and no further
                    first, finish = begun.pop(0)
                    yield first, _whatever(first, finish)
            for submission, finish in begun:
                yield submission, _whatever(submission, finish)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _begin_whatever(self, folder: Path, submission: Submission, pool: ThreadPoolExecutor) -> Callable[[], Report]:
        begun = _whatever(submission, lambda: self._begin(folder, submission, pool))
        return (lambda: begun) if isinstance(begun, Report) else begun

    def _begin(self, folder: Path, submission: Submission, pool: ThreadPoolExecutor) -> Callable[[], Report]:
        """Start all exercises of a submission; returns what waits for them and makes the report."""
        try:
            if submission.problem:
                raise Unreadable(submission.problem)
            limit = self._sandbox.limits.whole_file * 10**6
            place = submission.place(folder)
            content = read_notebook(place / submission.path, limit, place)
            notebook = Notebook(content.cells)
        except Unreadable as error:
            report = unreadable(submission, str(error))
            return lambda: report
        started = [(question, self._start(question, notebook, pool)) for question in self._of_lesson(submission.lesson)]

        def finish() -> Report:
            for question, _ in started:
                with quiet():  # some oracles ask Keras
                    _ = question.key.expected  # made while the sandbox is at work
            found = [self._mark(question, *running) for question, running in started]
            for mark in found:
                if mark.verdict == marks.MISSING and mark.exercise in content.in_text:
                    mark.reason += " Its cell is text; as code it would be run."
            return _report(submission, found)

        return finish

    def _of_lesson(self, lesson: str) -> Iterator[Question]:
        for name in specs(lesson):
            if (lesson, name) not in self._questions:
                self._questions[lesson, name] = Question(find(lesson, name), self._seed)
            yield self._questions[lesson, name]

    def _start(self, question: Question, notebook: Notebook, pool: ThreadPoolExecutor) -> tuple[Program, Future | None]:
        program = notebook.program(question.exercise.name, self._run_all)
        if not program.defines:
            return program, None
        job = question.job(program)
        self._sandbox.prepare(job)  # here: a process ends with the thread that started it, and the pool's are soon gone
        return program, pool.submit(self.run_job, job)

    def run_job(self, job: dict) -> tuple[dict, list[dict]]:
        """How one answer's process ended, and what it said."""
        for _ in range(2):  # no answer at all means that the sandbox itself died, which is not this student's fault
            with self._sandbox.start(job) as line:
                if data := b"".join(iter(lambda: line.recv(1 << 16), b"")):
                    break
        return read_result(data)

    def _mark(self, question: Question, program: Program, running: Future | None) -> Mark:
        exercise = question.exercise
        if running is None:
            return _without_answer(exercise.name, exercise.points, program.fault)
        ending, messages = running.result()
        try:
            mark = self._judged(question, ending, messages)
        except (RecursionError, MemoryError) as error:  # of what was returned; the other exercises are none the worse
            reason = f"What it returned cannot be judged: {_in_words(error)}."
            mark = Mark(exercise.name, 0, exercise.points, marks.WRONG, reason)
        mark.seconds = round(ending.get("seconds", 0.0), 3)
        return mark

    def _judged(self, question: Question, ending: dict, messages: list[dict]) -> Mark:
        exercise = question.exercise
        if "no walls" in ending:  # nobody's mark may depend on that
            raise CourseError(f"The sandbox could not be made: {ending['no walls']}. What was graded so far is kept.")
        if messages and messages[0].get("undefined"):
            return _without_answer(exercise.name, exercise.points, str(messages[0].get("fault", "")))
        answers = [message for message in messages if "broken" not in message][: len(question.key.cases)]
        outcomes = [_outcome(message, self._sandbox.limits) for message in answers]
        unanswered = len(question.key.cases) - len(outcomes)
        outcomes += [_ended(ending, messages, self._sandbox.limits)] * unanswered
        with quiet():
            verdict = question.key.verdict(outcomes)
        points = exercise.points * verdict.share
        return Mark(exercise.name, round(points, 2), exercise.points, verdict.status, verdict.reason, verdict.mistake,
                    facts(verdict), verdict.passed, verdict.total)  # fmt: skip


def unreadable(submission: Submission, reason: str) -> Report:
    """The report of a file of which nothing can be run."""
    exercises = specs(submission.lesson).values() if submission.lesson else []
    found = [Mark(each.name, 0, each.points, marks.UNREADABLE, reason) for each in exercises]
    return _report(submission, found, reason)


def _report(submission: Submission, found: list[Mark], problem: str = "") -> Report:
    facts = {"late": submission.late, "earlier": list(submission.earlier)}
    return Report(submission.student, submission.lesson, submission.path, found, problem, **facts)


def _whatever(submission: Submission, work: Callable):
    """What `work` gives. Whatever one submission does to the grader is that submission's own verdict."""
    try:
        return work()
    except CourseError:  # the grader's own trouble, a full disk say: nobody's mark may depend on it
        raise
    except Exception as error:
        return unreadable(submission, f"It could not be graded: {_in_words(error)}.")


def _in_words(error: Exception) -> str:
    words = " ".join(str(error).split())[:200].rstrip(".")
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def fingerprint(lesson: str, settings: dict) -> str:
    """Changes whenever marks for a lesson could: with the seed, the limits, the exercises, the judge or Keras."""
    things = (next(iter(specs(lesson).values())).oracle, AnswerKey, Notebook, answer.run, wire.pack, Grader)
    parts = [json.dumps(settings, sort_keys=True), *(inspect.getsource(inspect.getmodule(each)) for each in things)]
    parts += [importlib.metadata.version(package) for package in ("keras", "numpy")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def settings_of(seed: int, limits: Limits, run_all: bool) -> dict:
    """All that a teacher can choose and that marks depend on."""
    return {"seed": seed, "limits": asdict(limits), "run all": run_all}


def _without_answer(name: str, points: int, fault: str) -> Mark:
    if fault:
        return Mark(name, 0, points, marks.RAISED, f"No answer came to be: {fault}")
    return Mark(name, 0, points, marks.MISSING, f"No cell defines {name}.")


def _outcome(message: dict, limits: Limits) -> Outcome:
    """One message of a stranger's process, read with distrust."""
    fault, status = str(message.get("fault", ""))[:2000], str(message.get("status", ""))
    for beginning, limit in _LIMIT_ERRORS.items():
        if fault.startswith(beginning):
            return Outcome(fault=f"{limits.says(limit)} ({fault})", status=marks.LIMIT)
    if fault or status:
        known = status in (marks.NOT_ATTEMPTED, marks.WRONG, marks.RAISED)
        return Outcome(fault=fault or "It failed.", status=status if known else marks.RAISED)
    try:
        value = wire.unpack(message.get("value"))
    except wire.WireError as error:
        return Outcome(fault=f"It returned what cannot be read: {error}.", status=marks.WRONG)
    return Outcome(value) if value is not ... else Outcome(fault="There is no answer yet.", status=marks.NOT_ATTEMPTED)


def _ended(ending: dict, messages: list[dict], limits: Limits) -> Outcome:
    """What to say of a case that was not answered, from how the process ended."""
    if struck := ending.get("limit"):
        kind = marks.TIMED_OUT if struck in ("seconds", "cpu") else marks.LIMIT
        return Outcome(fault=limits.says(struck), status=kind)
    broken = ending.get("broken") or (str(messages[-1]["broken"]) if messages and "broken" in messages[-1] else "")
    code = ending.get("exit", 0)
    if broken:
        words = f"It could not be run to its end: {broken[:500]}."
    elif code < 0:
        words = f"The program was ended by the signal {_signal_name(-code)} before it had answered."
    else:
        words = f"The program ended itself with status {code} before it had answered."
    return Outcome(fault=words, status=marks.CRASHED)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
