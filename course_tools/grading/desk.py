"""Where submissions are taken apart and what came of them is judged: all that handles a stranger's bytes as values.

It runs in a process that may die of them (`clerk`).
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from course_lib.exercises.judge import Outcome
from course_lib.exercises.show import facts
from course_lib.exercises.spec import find, specs
from course_lib.quiet import quiet
from course_tools.grading import beside, marks, wire
from course_tools.grading.intake import Submission
from course_tools.grading.limits import Limits
from course_tools.grading.marks import Mark
from course_tools.grading.needed import Notebook, Program
from course_tools.grading.parcel import Parcel
from course_tools.grading.question import Question
from course_tools.grading.reading import Content, notebook_in, read_notebook

# How a limit shows in the words of the error that the answer raised.
_LIMIT_ERRORS = {
    "MemoryError": "memory",
    "OSError: [Errno 27]": "files",  # file too large
    "OSError: [Errno 28]": "files",  # no space left
    "BlockingIOError: [Errno 11]": "processes",
    "RuntimeError: can't start new thread": "processes",
}


@dataclass
class Job:
    """What a process is to run for these exercises, as JSON, and whether it should have imported Keras."""

    exercises: list[str]
    data: bytes
    keras: bool

    @classmethod
    def of(cls, asked: list[tuple[Question, Program]], notebook: Notebook, keras: bool, **facts) -> Job:
        """`facts` are the files beside the notebook (`files`), and whether it is run whole (`run_all`)."""
        used = {cell for _, program in asked for cell, _ in program.picks}
        job = {
            "cells": [source if number in used else "" for number, source in enumerate(notebook.cells)],
            "labels": notebook.labels,
            "questions": [
                {**question.as_data(), "picks": program.picks, "checked_at": program.checked_at}
                for question, program in asked
            ],
            **facts,
        }
        return cls([question.exercise.name for question, _ in asked], json.dumps(job).encode(), keras)


@dataclass
class Opened:
    """A submission that was read: what is to be run, and the marks of exercises for which there is nothing to run."""

    jobs: list[Job] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    in_text: set[str] = field(default_factory=set)  # exercises whose cell was turned into text
    answers: dict[str, tuple[str, str]] = field(default_factory=dict)  # by exercise, with the cell
    left_out: list[str] = field(default_factory=list)  # files beside the notebook that no answer can read, and why
    reading: float = 0.0  # seconds of the processor that it took to read it


class Desk:
    """The exercises, with inputs drawn from `seed` and their right answers."""

    def __init__(self, seed: int, limits: Limits, run_all: bool):
        self._seed, self.limits, self._run_all = seed, limits, run_all
        self._questions: dict[tuple[str, str], Question] = {}

    def opened(self, folder: Path, submission: Submission) -> Opened:
        """Read a submission in `folder`, and choose what to run of it. Raises `reading.Unreadable`."""
        began, place = time.process_time(), submission.place(folder)
        content = read_notebook(place / submission.path, self.limits.whole_file * 10**6, place)
        found = self._opened(submission.lesson, content, beside.read(submission.beside, place))
        return replace(found, reading=time.process_time() - began)

    def unpacked(self, parcel: Parcel) -> Opened:
        """The same for a submission that came from another machine. Raises `reading.Unreadable`."""
        began = time.process_time()
        found = self._opened(parcel.lesson, notebook_in(parcel.notebook), parcel.beside)
        return replace(found, reading=time.process_time() - began)

    def _opened(self, lesson: str, content: Content, found_beside: Iterable[tuple[str, bytes, str]]) -> Opened:
        carried = beside.carry(found_beside, content.cells)
        notebook = Notebook(beside.with_files_run(content.cells, carried), content.labels)
        found = Opened(in_text=content.in_text, left_out=carried.sentences())
        asked: dict[bool, list[tuple[Question, Program]]] = {}  # by whether it takes Keras
        for question in self._of_lesson(lesson):
            program = notebook.program(question.exercise.name, self._run_all)
            if program.answer:
                found.answers[question.exercise.name] = (program.answer, program.answer_in)
            if not program.defines:
                found.marks.append(replace(_without_answer(question, program.fault), peak=0, reading=0))
            else:
                keras = self._run_all or program.uses_keras or question.uses_keras or carried.mention_keras()
                asked.setdefault(keras, []).append((question, program))
        facts = {"files": carried.as_data(), "run_all": self._run_all}
        found.jobs = [Job.of(those, notebook, keras, **facts) for keras, those in asked.items()]
        return found

    def prepare(self, lesson: str, exercise: str) -> None:
        """Find what is right, which takes its time and is no student's fault."""
        with quiet():  # some oracles ask Keras
            _ = self._question(lesson, exercise).key.expected

    def judged(self, lesson: str, exercise: str, ending: dict, words: bytes, place: int) -> Mark | None:
        """The mark for what a process said, and how it ended, for the question at `place` of those that it was asked.

        None if it ended in the turn of a question before; where it ended before any, it did so for all.
        """
        began, question = time.process_time(), self._question(lesson, exercise)
        before, *turns = wire.turns(words)
        if place >= len(turns) > 0:
            return None
        ending = {**ending, "limit": ""} if place < len(turns) - 1 else ending
        most = len(question.key.cases) + 3
        messages = wire.messages(turns[place] if turns else before, most)
        try:
            mark = self._judged(question, ending, messages)
        except RecursionError:
            reason = "What it returned cannot be judged: it is nested too deeply."
            mark = Mark(exercise, 0, question.exercise.points, marks.WRONG, reason)
        spent = [*ending.get("turns", []), *[(0.0, 0.0)] * (place + 2)]
        mark.notebook = round(max(spent[0]), 3) if self._run_all else 0.0
        mark.seconds, mark.cpu = (round(each, 3) for each in spent[place + 1])
        mark.peak = _peak(words)
        mark.reading = round(time.process_time() - began, 3)
        return mark

    def _of_lesson(self, lesson: str) -> Iterator[Question]:
        return (self._question(lesson, name) for name in specs(lesson))

    def _question(self, lesson: str, exercise: str) -> Question:
        if (lesson, exercise) not in self._questions:
            self._questions[lesson, exercise] = Question(find(lesson, exercise), self._seed)
        return self._questions[lesson, exercise]

    def _judged(self, question: Question, ending: dict, messages: list[dict]) -> Mark:
        exercise = question.exercise
        if messages and messages[0].get("undefined"):
            mark = _without_answer(question, fault := str(messages[0].get("fault", ""))[:2000])
            mark.struck = list(filter(None, [_limit_in(fault)]))
            return mark
        answers = [each for each in messages if not {"broken", "asked", "peak"} & each.keys()][
            : len(question.key.cases)
        ]
        outcomes = [_outcome(message, self.limits) for message in answers]
        unanswered = len(question.key.cases) - len(outcomes)
        outcomes += [_ended(ending, messages, self.limits)] * unanswered
        with quiet():
            verdict = question.key.verdict(outcomes)
        points = exercise.points * verdict.share
        struck = {_limit_in(str(message.get("fault", ""))) for message in messages} | {ending.get("limit", "")}
        return Mark(exercise.name, round(points, 2), exercise.points, verdict.status, verdict.reason, verdict.mistake,
                    facts(verdict) if _was_asked(messages, verdict.status) else [], verdict.passed,
                    verdict.total, struck=sorted(filter(None, struck)))  # fmt: skip


def _peak(words: bytes) -> float:
    """Megabytes that a process says it took at the end; who says too little gains nothing."""
    last = wire.messages(words.rstrip(b"\n").rpartition(b"\n")[2], 1)
    peak = last[0].get("peak") if last else None
    return peak if type(peak) in (int, float) and 0 <= peak < 1e9 else -1


def _was_asked(messages: list[dict], status: str) -> bool:
    """Whether the answer came as far as an input; one that ended in its own cell has none that it failed for."""
    return any("asked" in message for message in messages) and status != marks.NOT_ATTEMPTED


def _without_answer(question: Question, fault: str) -> Mark:
    name, points = question.exercise.name, question.exercise.points
    if fault:
        return Mark(name, 0, points, marks.RAISED, f"No answer came to be: {fault}")
    return Mark(name, 0, points, marks.MISSING, f"No cell defines {name}.")


def _limit_in(fault: str) -> str:
    """The limit that shows in the words of an error; "" if none."""
    return next((limit for beginning, limit in _LIMIT_ERRORS.items() if fault.startswith(beginning)), "")


def _outcome(message: dict, limits: Limits) -> Outcome:
    """One message of a stranger's process, read with distrust."""
    fault, status = str(message.get("fault", ""))[:2000], str(message.get("status", ""))
    if limit := _limit_in(fault):
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
        kind = marks.TIMED_OUT if struck in ("seconds", "cpu", "notebook") else marks.LIMIT
        return Outcome(fault=limits.says(struck), status=kind)
    broken = ending.get("broken") or (str(messages[-1]["broken"]) if messages and "broken" in messages[-1] else "")
    code = ending.get("exit", 0)
    if broken:
        words = f"It could not be run to its end: {broken[:500]}."
    elif code < 0:
        words = f"The program was ended by the signal {signal_name(-code)} before it had answered."
    else:
        words = f"The program ended itself with status {code} before it had answered."
    return Outcome(fault=words, status=marks.CRASHED)


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
