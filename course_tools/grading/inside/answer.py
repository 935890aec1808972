"""Run a notebook's statements, then its answers on every case. Everything here shares a process with strange code."""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import json
import linecache
import os
import resource
import sys
import types
from collections.abc import Callable

from course_lib.exercises.answer import RAISED
from course_lib.exercises.answer import run as run_case
from course_tools import warm
from course_tools.grading import wire


def run(job: dict, send: Callable[[dict], None]) -> None:
    """Answer a job's questions, each with a message for each case, after one that says that its turn has come.

    Each finds a notebook of its own, of which what it needs was run, or else all find the same, which was run whole.
    The last message says how much memory it took.
    """
    before = _memory()
    asked = job["questions"]
    if job["run_all"]:
        names, checked, fault = _run_notebook(job, asked[0]["picks"], [question["checked_at"] for question in asked])
        checked[None] = dict(names)
    for question in asked:
        send(wire.TURN)
        if job["run_all"]:
            names.clear()
            names.update(checked.get(_place(question["checked_at"]), checked[None]))
        else:
            warm.reseed(question["seed"])
            names, _, fault = _run_notebook(job, question["picks"])
        _answer(question, names, fault, send)
    send({"peak": _peak(before)})


def _place(found: list[int] | None) -> tuple[int, int] | None:
    return found and tuple(found)


def _run_notebook(job: dict, picks: list[list[int]], looks: list[list[int] | None] = ()) -> tuple[dict, dict, str]:
    """The names that these statements gave values to, what they were after the places `looks`, and the first error."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module  # where pickle looks for what a notebook defines
    namespace = module.__dict__
    # IPython gives notebooks these names.
    namespace |= {"display": lambda *_: None, "get_ipython": _Shell}
    seen = dict.fromkeys(map(_place, looks))
    fault = _run_statements(job["cells"], picks, job["labels"], namespace, seen)
    return namespace, {place: names for place, names in seen.items() if names is not None}, fault


def _answer(question: dict, namespace: dict, fault: str, send: Callable[[dict], None]) -> None:
    if question["answer"] not in namespace:
        send({"undefined": True, "fault": fault})
        return
    candidate = namespace[question["answer"]]
    exercise = _Question(question)
    send({"asked": True})
    for case in question["cases"]:
        outcome = run_case(exercise, candidate, tuple(wire.unpack(value) for value in case))
        try:
            value = wire.pack(outcome.value) if not outcome.fault else None
        except Exception as error:
            value, outcome.fault, outcome.status = None, f"{type(error).__name__}: {error}", RAISED
        send({"value": value, "fault": str(outcome.fault)[:2000], "status": outcome.status})


def _memory() -> dict[str, int]:
    """What the kernel counts for this process, in kilobytes; {} where it does not tell."""
    try:
        with open("/proc/self/status") as file:
            rows = [row.split() for row in file if row.startswith(("VmPeak:", "VmSize:", "VmData:"))]
        return {name: int(count) for name, count, _ in rows}
    except OSError:
        return {}


def _peak(before: dict[str, int]) -> float:
    """Megabytes of data that this process had at most, or a little more; -1 where that is not known."""
    now = _memory()
    if not before or not now or resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss:
        return -1
    return round((before["VmData:"] + now["VmPeak:"] - before["VmSize:"]) * 1024 / 10**6, 1)


class _Question:
    """The exercise as far as it is known in here: how to ask, and not what is right."""

    def __init__(self, question: dict):
        self.name, self.arguments = question["answer"], question["arguments"]
        self.takes_function = question["probe"] is None
        if not self.takes_function:
            probe: dict = {}
            exec(compile(question["probe"], "<probe>", "exec"), probe)
            self._probe = probe["probe"]

    def run(self, candidate, case: tuple):
        try:
            return candidate(*case) if self.takes_function else self._probe(candidate, *case)
        except Exception:
            raise
        except BaseException as leaving:  # SystemExit and its kin, which would end this process before the other cases
            raise RuntimeError(f"the program tried to end itself ({type(leaving).__name__})") from None


class _Shell:
    """Stands in for IPython's: none of its commands does anything."""

    def __getattr__(self, _):
        return lambda *_, **__: None


def _run_statements(
    cells: list[str], picks: list[list[int]], labels: list[str], namespace: dict, seen: dict | None = None
) -> str:
    """Run the picked statements; returns the first error in words. After those in `seen` it notes the names there.

    One that misses a name is tried again after the others, so that cells may stand in any order. As in a notebook, a
    statement that fails ends its cell, and the next cell runs all the same; but not an import of what is hidden here.
    """
    trees = {}
    for number in {cell for cell, _ in picks}:
        filename = _filename(number)
        trees[number] = _parsed(cells[number], filename)
        lines = cells[number].splitlines(keepends=True)
        linecache.cache[filename] = (len(cells[number]), None, lines, filename)
    fault, waiting = "", [tuple(pick) for pick in picks]
    while waiting:
        later, failed = [], set()
        for cell, index in waiting:
            if cell in failed:
                continue
            try:
                _execute(trees[cell][index], _filename(cell), namespace)
                if seen and (cell, index) in seen:
                    seen[cell, index] = dict(namespace)
            except NameError:
                later.append((cell, index))
            except BaseException as error:
                if not _is_hidden(error):
                    fault = fault or _describe(error, cell, labels[cell])
                    failed.add(cell)
        if len(later) == len(waiting):
            cell, index = later[0]
            try:
                _execute(trees[cell][index], _filename(cell), namespace)
            except BaseException as error:
                fault = fault or _describe(error, cell, labels[cell])
            break
        waiting = later
    return fault


def _is_hidden(error: BaseException) -> bool:
    """Whether a module was missed that every course has, and the sandbox does not show: it was there in class."""
    return isinstance(error, ImportError) and str(error.name).partition(".")[0] == "course_lessons"


@functools.cache
def _parsed(source: str, filename: str) -> list[ast.stmt]:
    return ast.parse(source, filename).body


def _execute(statement: ast.stmt, filename: str, namespace: dict) -> None:
    """As a notebook does it, where `await` may stand outside functions."""
    code = compile(ast.Module([statement], []), filename, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:
        import asyncio

        asyncio.run(eval(code, namespace))
    else:
        exec(code, namespace)


def _filename(cell: int) -> str:
    return f"<cell {cell + 1}>"


def _describe(error: BaseException, cell: int, label: str) -> str:
    words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    line, trace = None, error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == _filename(cell):
            line = trace.tb_lineno
        trace = trace.tb_next
    where = f" in line {line} of {label}: {linecache.getline(_filename(cell), line).strip()}" if line else ""
    return words[:1000] + where


def sender(descriptor: int) -> Callable[[dict], None]:
    """A function that writes messages, one a line, to a file descriptor."""

    def send(message: dict) -> None:
        data = (json.dumps(message) + "\n").encode("utf-8", "surrogatepass")
        with contextlib.suppress(BrokenPipeError):
            while data:
                data = data[os.write(descriptor, data) :]

    return send
