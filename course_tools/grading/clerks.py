"""The grader's side of its clerks: processes that read and judge, each of which is replaced when it has died.

with Clerks(lessons, seed, limits, run_all) as clerks:
    opened = clerks.hire().ask("opened", folder, submission)
"""

from __future__ import annotations

import inspect
import os
import signal
import socket
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import course_tools
from course_lib.exercises.spec import specs
from course_tools import warm
from course_tools.grading import marks
from course_tools.grading.clerk import MEGABYTES, Reply
from course_tools.grading.desk import signal_name
from course_tools.grading.limits import Limits
from course_tools.grading.warm_process import WarmProcess


class Trouble(Exception):
    """A submission that could not be read, or an answer that could not be judged: a verdict, and why in a sentence."""

    def __init__(self, verdict: str, reason: str):
        super().__init__(reason)
        self.verdict = verdict


class Clerks:
    """A warm process that forks clerks for submissions of `lessons`."""

    def __init__(self, lessons: Iterable[str], seed: int, limits: Limits, run_all: bool):
        self.limits = limits
        self._modules, self._desk = _modules(lessons), (seed, limits, run_all)

    def __enter__(self) -> Clerks:
        path = [str(Path(course_tools.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        settings = {**os.environ, **warm.SETTINGS, "PYTHONPATH": os.pathsep.join(filter(None, path))}
        self._process = WarmProcess("course_tools.grading.clerk", self._modules, settings)
        return self

    def __exit__(self, *_) -> None:
        self._process.end()

    def hire(self) -> Clerk:
        return Clerk(self)

    def connected(self) -> Connection:
        """A line to a new clerk."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process.fork_for(theirs)
        connection = Connection(ours.detach())
        connection.send(self._desk)
        return connection


class Clerk:
    """One clerk after the other, for one request at a time."""

    def __init__(self, clerks: Clerks):
        self._clerks = clerks
        self._line: Connection | None = None

    def ask(self, request: str, *arguments) -> Any:
        """What the desk's method `request` gives. Raises `Trouble` if it cannot be done."""
        reply = self._asked(request, *arguments)
        if reply.signal == signal.SIGKILL:  # from outside, by a kernel without memory, say
            reply = self._asked(request, *arguments)
        if reply.unreadable:
            raise Trouble(marks.UNREADABLE, reply.unreadable)
        what = "Judging what it returned" if request == "judged" else "Reading it"
        if reply.limit == "time":
            seconds = f"{self._clerks.limits.reading:g} seconds"
            raise Trouble(marks.LIMIT, f"{what} took more than {seconds} of the processor.")
        if reply.limit == "memory":
            raise Trouble(marks.LIMIT, f"{what} took more than {MEGABYTES} MB of memory.")
        if fault := reply.fault or (reply.signal and f"its process was ended by {signal_name(reply.signal)}"):
            raise Trouble(marks.UNREADABLE, f"It could not be graded: {fault}.")
        return reply.value

    def _asked(self, request: str, *arguments) -> Reply:
        self._line = self._line or self._clerks.connected()
        try:
            self._line.send((request, *arguments))
            reply: Reply = self._line.recv()
        except (EOFError, OSError):
            reply = Reply(signal=signal.SIGKILL, retires=True)
        if reply.retires:
            self.leave()
        return reply

    def leave(self) -> None:
        if self._line:
            self._line.close()
        self._line = None


def _modules(lessons: Iterable[str]) -> list[str]:
    """What clerks import before they are forked: Keras takes seconds, and few lessons need it to know what is right."""
    rooms = [inspect.getmodule(next(iter(specs(lesson).values())).oracle) for lesson in sorted(lessons)]
    keras = any("import keras" in inspect.getsource(room) for room in rooms)
    return [*["keras"] * keras, "IPython.core.inputtransformer2", *(room.__name__ for room in rooms)]
