"""A process that reads, slices and judges submissions one by one, under limits, and may die of any of them.

    python -m course_tools.grading.clerk SOCKET MODULE ...

That starts the warm process, which imports the modules and forks a clerk for each socket that comes over SOCKET. The
grader's end of it is `clerks`. What goes to and fro is pickled, for both ends are the grader's own; what a stranger
wrote travels in it as bytes or text.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from course_tools import warm
from course_tools.grading.desk import Desk
from course_tools.grading.reading import Unreadable

MEGABYTES = 2000
_PATIENCE = 30  # times the seconds of the processor, by the clock on the wall: a busy machine is nobody's fault
_GROWN = 300_000  # kilobytes; a clerk that has once taken more makes room for another


@dataclass
class Reply:
    """What came of a request: a value, or a fault; `limit` or `signal` tell of what the clerk died."""

    value: Any = None
    unreadable: str = ""
    fault: str = ""
    limit: str = ""  # "time" or "memory"
    signal: int = 0
    retires: bool = False  # it takes no further request


def main(control: socket.socket, modules: list[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the grader, and it ends its clerks
    warm.warm_up(modules)
    warm.serve(control, _keep)


def _keep(line: socket.socket) -> None:
    """Let a child do the work, and tell of what it died, if it does."""
    connection = Connection(line.detach())
    child = os.fork()
    if child == 0:
        try:
            _work(connection)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    if number := -min(0, os.waitstatus_to_exitcode(status)):
        limit = "time" if number in (signal.SIGPROF, signal.SIGALRM) else ""
        with contextlib.suppress(OSError):
            connection.send(Reply(limit=limit, signal=number, retires=True))


def _work(connection: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (MEGABYTES * 10**6, MEGABYTES * 10**6))
    at_first = _peak()
    with contextlib.suppress(EOFError, OSError):  # the grader is gone
        desk = Desk(*connection.recv())
        while True:
            reply = _reply(desk, *connection.recv())
            reply.retires = reply.limit != "" or _peak() - at_first > _GROWN
            connection.send(reply)
            if reply.retires:
                return


def _reply(desk: Desk, request: str, *arguments) -> Reply:
    try:
        if request == "judged":
            desk.prepare(*arguments[:2])
        with _clocks(desk.limits.reading):
            return Reply(getattr(desk, request)(*arguments))
    except Unreadable as error:
        return Reply(unreadable=str(error))
    except MemoryError:
        return Reply(limit="memory")
    except Exception as error:
        words = " ".join(str(error).split())[:200].rstrip(".")
        return Reply(fault=f"{type(error).__name__}: {words}" if words else type(error).__name__)


@contextlib.contextmanager
def _clocks(seconds: float) -> Iterator[None]:
    """The kernel ends this process when its time is over, whatever it is doing then."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    # By its own name, which its replies carry; here it is only "__main__".
    importlib.import_module("course_tools.grading.clerk").main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
