"""The exercises of the course: `check` an answer, ask for a `hint`, see the `solution` and your `progress`.

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

from course_lib.exercises import cells, waiting
from course_lib.exercises.answer import NOT_ATTEMPTED, WRONG, kind_of
from course_lib.exercises.judge import judge
from course_lib.exercises.show import Progress, display, hint_box, not_checked_box, running_box, verdict_box
from course_lib.exercises.spec import ExerciseError, exercise, find, specs
from course_lib.quiet import SetupError, quiet
from course_lib.rooms import room

__all__ = [
    "ExerciseError", "check", "exercise", "find", "hint", "judge", "open_lesson", "progress", "solution", "specs",
]  # fmt: skip

_hints_given: Counter[str] = Counter()
_last_verdicts: dict[str, str] = {}
_lesson: str | None = None
_NOTHING = object()


def open_lesson(lesson: str) -> None:
    """Say which lesson's exercises are meant from now on."""
    global _lesson
    _lesson = lesson
    _hints_given.clear()
    _last_verdicts.clear()
    cells.follow()


def check(answer=_NOTHING, /, **named_answer) -> None:
    """Judge an answer on fresh inputs and show the verdict.

    A function is given as it is, ``check(predict)``; a value or a model with its name, ``check(weights=weights)``.
    An answer that is older than the last cell that was to define it is not judged, and of one that takes long it is
    said how to stop it; `Stopped` is then raised.
    While a teacher's tool runs the notebook (nbgrader, or pytest with nbval) any answer but a correct one then raises
    AssertionError, so that it fails the cell. COURSE_CHECK=show or COURSE_CHECK=raise in the environment decides
    otherwise; any other value raises `SetupError`.
    """
    strict = _is_strict()
    name, candidate = _one_answer(answer, named_answer)
    asked = find(_current_lesson(), name)
    if not strict and (error := cells.error_after(name, candidate)):
        display(not_checked_box(name, error))
        return
    _last_verdicts[name] = WRONG  # an answer that does not end was tried, too
    with _silent_errors() if strict else waiting.watched(candidate, lambda: display(running_box(name))):
        verdict = judge(asked, candidate)
    _last_verdicts[name] = verdict.status
    display(verdict_box(verdict))
    if strict and not verdict.correct:
        raise AssertionError(f"{name}: {verdict.status}. {verdict.mistake or verdict.reason}")


def hint(answer, /) -> None:
    """Show one more hint for an exercise, named by its function or by a string."""
    name = _name_of(answer, 'hint("{name}")')
    hints = find(_current_lesson(), name).hints
    number = min(_hints_given[name] + 1, len(hints))
    _hints_given[name] = number
    display(hint_box(name, number, len(hints), hints[number - 1]))


def solution(answer, /) -> None:
    """Show the lesson's own solution of an exercise, named by its function or by a string."""
    lesson, name = _current_lesson(), _name_of(answer, 'solution("{name}")')
    find(lesson, name)
    stored = files(room(lesson)).joinpath("solutions.json")
    display(_Source(json.loads(stored.read_text(encoding="utf-8"))[name]))


def progress() -> None:
    """Show the exercises of the lesson, each with the last verdict that `check` came to in this session."""
    display(Progress({name: _last_verdicts.get(name, NOT_ATTEMPTED) for name in specs(_current_lesson())}))


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


def _one_answer(answer, named: dict) -> tuple[str, object]:
    """The name of the exercise that is to be checked, and the answer."""
    if len(named) + (answer is not _NOTHING) > 1:
        raise ExerciseError("check judges one answer at a time: call it once for each.")
    if named:
        return next(iter(named.items()))
    if isinstance(answer, str):
        raise ExerciseError(f"check judges the answer itself, not its name: write check({answer}={answer}).")
    return _name_of(answer, "check({name}={name})"), answer


def _name_of(answer, call: str) -> str:
    """The exercise that is meant, by its function or by its name. `call` is what should have been written."""
    if isinstance(answer, str):
        return answer
    name = getattr(answer, "__name__", None)
    if name is None:
        known = specs(_current_lesson())
        got = "nothing" if answer is _NOTHING else kind_of(answer)
        raise ExerciseError(
            f"{call.partition('(')[0]} got {got} and cannot know which exercise is meant. Say it by name: "
            f"{call.format(name=_likely(answer, known))}. The exercises here are: {', '.join(known)}."
        )
    return name


def _likely(answer, known: dict) -> str:
    """The exercise whose name has this very value in the notebook; else the first whose answer is a value."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    named = getattr(shell, "user_ns", {})
    same = [name for name in known if name in named and named[name] is answer]
    return [*same, *(name for name, spec in known.items() if not spec.takes_function), *known][0]


def _current_lesson() -> str:
    if _lesson is None:
        raise ExerciseError("Run the set-up cell at the top of the lesson first.")
    return _lesson
