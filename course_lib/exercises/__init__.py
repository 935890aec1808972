"""The exercises of the course: `check` an answer, ask for a `hint`, see the `solution`.

The specs of a lesson stand in its room; `spec` says what an exercise is, `judge` comes to a verdict, `show` prints it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections import Counter
from importlib.resources import files

from course_lib.exercises.judge import judge
from course_lib.exercises.show import display, hint_box, verdict_box
from course_lib.exercises.spec import ExerciseError, exercise, find, specs
from course_lib.quiet import SetupError, quiet
from course_lib.rooms import room

__all__ = ["ExerciseError", "check", "exercise", "find", "hint", "judge", "open_lesson", "solution", "specs"]

_hints_given: Counter[str] = Counter()
_lesson: str | None = None


def open_lesson(lesson: str) -> None:
    """Say which lesson's exercises are meant from now on."""
    global _lesson
    _lesson = lesson
    _hints_given.clear()


def check(answer=None, /, **named_answer) -> None:
    """Judge an answer on fresh inputs and show the verdict.

    A function is given as it is, ``check(predict)``; a value or a model with its name, ``check(weights=weights)``.
    While a teacher's tool runs the notebook (nbgrader, or pytest with nbval) any answer but a correct one then raises
    AssertionError, so that it fails the cell. COURSE_CHECK=show or COURSE_CHECK=raise in the environment decides
    otherwise; any other value raises `SetupError`.
    """
    strict = _is_strict()
    name, candidate = next(iter(named_answer.items())) if named_answer else (_name_of(answer), answer)
    with _silent_errors() if strict else contextlib.nullcontext():
        verdict = judge(find(_current_lesson(), name), candidate)
    display(verdict_box(verdict))
    if strict and not verdict.correct:
        raise AssertionError(f"{name}: {verdict.status}. {verdict.mistake or verdict.reason}")


def hint(answer, /) -> None:
    """Show one more hint for an exercise, named by its function or by a string."""
    name = _name_of(answer)
    hints = find(_current_lesson(), name).hints
    number = min(_hints_given[name] + 1, len(hints))
    _hints_given[name] = number
    display(hint_box(name, number, len(hints), hints[number - 1]))


def solution(answer, /) -> None:
    """Show the lesson's own solution of an exercise, named by its function or by a string."""
    lesson, name = _current_lesson(), _name_of(answer)
    find(lesson, name)
    stored = files(room(lesson)).joinpath("solutions.json")
    display(_Source(json.loads(stored.read_text(encoding="utf-8"))[name]))


def _is_strict() -> bool:
    """Whether an answer that is not correct has to fail its cell."""
    chosen = os.environ.get("COURSE_CHECK")
    if chosen:
        if chosen not in ("show", "raise"):
            raise SetupError(f"COURSE_CHECK is {chosen!r}, but it must be one of: show, raise.")
        return chosen == "raise"
    return bool(os.environ.get("NBGRADER_EXECUTION")) or _pytest_runs_this_notebook()


@contextlib.contextmanager
def _silent_errors():
    """Drop what is written to stderr: nbgrader takes all points for a single warning there."""
    with quiet(), contextlib.redirect_stderr(io.StringIO()):
        yield


def _pytest_runs_this_notebook() -> bool:
    """True in a kernel that nbval started. Tests in Python files start kernels, too; those are no teacher's."""
    ipython = sys.modules.get("IPython")
    in_kernel = ipython is not None and hasattr(ipython.get_ipython(), "kernel")
    return in_kernel and ".ipynb::" in os.environ.get("PYTEST_CURRENT_TEST", "")


class _Source(str):
    """Python source, with colours where it can be shown in colour."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return f"```python\n{self}\n```"


def _name_of(answer) -> str:
    if isinstance(answer, str):
        return answer
    name = getattr(answer, "__name__", None)
    if name is None:
        known = ", ".join(specs(_current_lesson()))
        raise ExerciseError(
            f"A {type(answer).__name__} has no name: write check(name=name) with the name of the exercise, "
            f"one of: {known}."
        )
    return name


def _current_lesson() -> str:
    if _lesson is None:
        raise ExerciseError("Run the set-up cell at the top of the lesson first.")
    return _lesson
