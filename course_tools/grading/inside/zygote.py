"""A warm process: it has imported what answers need, waits for jobs on a socket and forks a supervisor for each.

    python -m course_tools.grading.inside.zygote SOCKET walls|open MODULE ...

SOCKET is the number of an inherited unix socket. Each message on it brings the end of another one, over which the
supervisor takes settings and job, a line each, and sends what came of it: one line of JSON, then the bytes that the
answer's process sent.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
from dataclasses import replace

from course_tools import warm
from course_tools.grading import wire
from course_tools.grading.inside import answer, calls, confine
from course_tools.grading.limits import Limits

_CLOSER_LOOK = 0.1  # seconds between two looks at the family of a job's process
_PATIENCE = 10  # times the limit on time, by the clock on the wall: then it strikes whoever had the processor
_BUSY = 0.8  # of the time between two looks; who had the processor for so much was kept waiting by nobody
_TICK = os.sysconf("SC_CLK_TCK")


def main(control: socket.socket, behind_walls: bool, modules: list[str]) -> None:
    if behind_walls:  # without them, nobody may not even be allowed to read where Python is installed
        confine.leave_root()
    warm.warm_up(modules)
    warm.serve(control, _supervise_whatever)


def _supervise_whatever(line: socket.socket) -> None:
    try:
        supervise(line)
    except Exception as error:  # the grader must hear of it
        line.sendall(json.dumps({"broken": f"{type(error).__name__}: {error}"}).encode() + b"\n")


def supervise(line: socket.socket) -> None:
    """Take one job, run it in a child behind walls, and send back how it ended and what it said."""
    told = line.makefile("rb")
    settings, job = json.loads(told.readline()), json.loads(told.readline())
    limits = Limits(**settings["limits"])
    job["questions"] = job["questions"][settings["first"] :]
    if settings["walls"]:
        confine.separate_processes()
    else:
        confine.adopt_orphans()
        os.chdir(tempfile.mkdtemp(prefix="course-grade-"))
    said, says = os.pipe()
    printed, prints = os.pipe()
    excuse, excuses = os.pipe()  # for the way from here to the answer's first line; closed before strange code runs
    turns = _Turns(job, limits)
    turns.child = child = os.fork()
    if child == 0:
        _become_the_answer(job, turns.all_limits, settings["walls"], says, prints, excuses)
    for end in (says, prints, excuses):
        os.close(end)
    struck, words = _watch(child, turns, said, printed, line)
    _, status, usage = os.wait4(child, 0)
    if not settings["walls"]:
        _end_orphans()
        shutil.rmtree(os.getcwd(), ignore_errors=True)
    cpu = usage.ru_utime + usage.ru_stime
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGXCPU or (code == -signal.SIGKILL and not struck and cpu > 0.8 * turns.all_limits.cpu):
        struck = turns.named("cpu")
    ending = {"limit": struck, "exit": code, "cpu": cpu, "turns": turns.spent(cpu)}
    if failed := os.read(excuse, 2000).decode():
        ending["no walls"] = failed
    line.sendall(json.dumps(ending).encode() + b"\n" + words)


def _become_the_answer(job: dict, limits: Limits, walls: bool, says: int, prints: int, excuses: int) -> None:
    """From here on this process is the stranger's; it never returns."""
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        # First out of the way of their new places, which are 0 to 4.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (nothing, prints, prints, says, excuses)]
        for target, source in enumerate(ends):
            os.dup2(source, target)
        os.closerange(5, 4096)
        if walls:
            confine.separate_files(limits.files)
        fault = _lay_beside(job["files"], walls)
        if walls:
            confine.drop_capabilities()
            calls.refuse_calls()
        confine.limit_resources(limits)
        warm.reseed(job["questions"][0]["seed"])
        os.close(4)
    except BaseException as error:
        os.write(4, f"{type(error).__name__}: {error}".encode())
        os._exit(1)
    try:
        if fault:
            raise OSError(fault)
        answer.run(job, answer.sender(3))
        os._exit(0)
    except BaseException as error:
        os.write(3, json.dumps({"broken": f"{type(error).__name__}: {error}"}).encode() + b"\n")
        os._exit(1)


def _lay_beside(files: dict[str, str], walls: bool) -> str:
    """Why the files beside the notebook could not be laid out, which is nobody's trouble but this submission's."""
    try:
        if files:
            confine.lay_beside(files, walls)
    except OSError as error:
        return f"the files beside the notebook: {error.strerror}"
    return ""


def _watch(child: int, turns: _Turns, said: int, printed: int, line: socket.socket) -> tuple[str, bytes]:
    """Wait for the end of `child`, or end it when a limit strikes or the grader is gone; which limit, and its words."""
    ended = os.pidfd_open(child)
    words, struck = bytearray(), ""
    quota = most = turns.all_limits.output * 10**6
    open_ends = [said, printed, ended, line]
    while ended in open_ends and not struck:
        ready, _, _ = select.select(open_ends, [], [], max(0, min(turns.left(), _CLOSER_LOOK)))
        for end in ready:
            if end is line:  # nothing more is to come from the grader, so it has hung up
                struck = "gone"
            elif end == ended:
                open_ends.remove(ended)
            else:
                data = os.read(end, 1 << 16)
                quota -= len(data)
                if end == said:
                    words += data
                    quota = most if turns.hear(words) else quota
                if not data:
                    open_ends.remove(end)
        if quota < 0:
            struck = "output"
        elif turns.left() <= 0 or turns.time_for_a_look():
            struck = turns.struck() or _struck_by_family(turns.all_limits)
    if struck:
        os.kill(child, signal.SIGKILL)
    elif said in open_ends:
        words += _rest(said, quota)
    os.close(ended)
    return struck, bytes(words)


class _Turns:
    """Whose time runs: that of the whole notebook, if it is run, and then each answer's, one after the other."""

    child: int

    def __init__(self, job: dict, limits: Limits):
        self._questions, self._run_all, self._limits = len(job["questions"]), job["run_all"], limits
        self._began = time.monotonic()
        self._clock, self._cpu, self._heard = _Clock(self._began), 0.0, 0
        self._over: list[tuple[float, float]] = []  # seconds, and of the processor, of turns that are over

    @property
    def all_limits(self) -> Limits:
        """Those of the process, whose turns are many."""
        whole = self._limits.notebook if self._run_all else 0
        return replace(self._limits, cpu=whole + self._questions * self._limits.cpu)

    def named(self, limit: str) -> str:
        return "notebook" if self._run_all and not self._over else limit

    def hear(self, words: bytearray) -> bool:
        """Whether the next turn has come, by what was said until now; who says so too often gains nothing by it."""
        before = len(self._over)
        while len(self._over) < self._questions and (at := words.find(wire.TURN_LINE, self._heard)) >= 0:
            self._heard = at + len(wire.TURN_LINE)
            self._end(time.monotonic(), max(self._clock.cpu, _cpu(self.child)))
        self._heard = max(self._heard, len(words) - len(wire.TURN_LINE) + 1)
        return len(self._over) > before

    def left(self) -> float:
        """Seconds, if nothing took any of them away."""
        return self._allowed("seconds") - self._clock.counted - (time.monotonic() - self._clock.looked)

    def time_for_a_look(self) -> bool:
        return time.monotonic() - self._clock.looked > _CLOSER_LOOK

    def struck(self) -> str:
        """The limit on time that the present turn breaks; "" if none."""
        now = time.monotonic()
        self._clock.look(now)
        seconds = self._allowed("seconds")
        if self._clock.counted >= seconds or now - self._began > _PATIENCE * seconds:
            return self.named("seconds")
        return self.named("cpu") if self._clock.cpu - self._cpu > self._allowed("cpu") else ""

    def spent(self, cpu: float) -> list[tuple[float, float]]:
        """Seconds, and of the processor, of what was before the answers, and of each answer; all took `cpu`."""
        self._end(time.monotonic(), cpu)
        return self._over

    def _allowed(self, limit: str) -> float:
        return getattr(self._limits, self.named(limit))

    def _end(self, now: float, cpu: float) -> None:
        self._over.append((now - self._began, max(0.0, cpu - self._cpu)))
        self._began, self._cpu, self._clock.counted = now, cpu, 0.0


class _Clock:
    """The time that an answer has taken: what other programs on the machine took from it does not count.

    Where its processes were ready to run all the time and had the processor for a part of it, only that part counts.
    """

    def __init__(self, began: float):
        self.counted, self.looked, self.cpu = 0.0, began, 0.0

    def look(self, now: float) -> None:
        passed, self.looked = now - self.looked, now
        family = _descendants(os.getpid())
        cpu = sum(map(_cpu, family))
        had, self.cpu = max(0.0, cpu - self.cpu), max(cpu, self.cpu)
        kept_waiting = had < _BUSY * passed and any(map(_is_ready, family))
        self.counted += min(had, passed) if kept_waiting else passed


def _cpu(process: int) -> float:
    """Seconds that a process and those of its children that have ended had of the processor."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            return sum(map(int, file.read().rpartition(b")")[2].split()[11:15])) / _TICK
    except OSError:
        return 0.0


def _is_ready(process: int) -> bool:
    """Whether one of its threads runs, or would if it had the processor."""
    try:
        threads = os.listdir(f"/proc/{process}/task")
        return any(_state(f"/proc/{process}/task/{thread}/stat") == b"R" for thread in threads)
    except OSError:
        return False


def _state(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return b""


def _rest(said: int, quota: int) -> bytes:
    """What is still in the pipe after the end; nobody writes to it any more."""
    os.set_blocking(said, False)
    rest = bytearray()
    try:
        while len(rest) <= quota and (data := os.read(said, 1 << 16)):
            rest += data
    except BlockingIOError:  # without walls a left-over process may still hold the other end
        pass
    return bytes(rest)


def _struck_by_family(limits: Limits) -> str:
    """The limit that the descendants of this process break together; the kernel's limits are for each."""
    family = _descendants(os.getpid())
    if len(family) > limits.processes:
        return "processes"
    return "memory" if sum(map(_memory, family)) > limits.memory * 10**6 else ""


def _memory(process: int) -> int:
    """Bytes of memory that a process fills, its share of what it has in common with others; files do not count."""
    try:
        with open(f"/proc/{process}/smaps_rollup") as file:
            return 1024 * sum(int(row.split()[1]) for row in file if row.startswith(("Pss_Anon", "Pss_Shmem")))
    except OSError:  # gone, or hidden by the process itself: then all that it has counts
        pass
    try:
        with open(f"/proc/{process}/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def _descendants(ancestor: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(name))
    found, waiting = [], [ancestor]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _end_orphans() -> None:
    """Without walls: whatever the answer left running is now this process's child."""
    while family := _descendants(os.getpid()):
        for process in family:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2] == "walls", sys.argv[3:])
