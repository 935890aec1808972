"""Run a student's answer on one case. Nothing here knows what is right, so a sandbox may hold it."""

from __future__ import annotations

import copy
import linecache
import re
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from course_lib.exercises.spec import Exercise

CORRECT, NOT_ATTEMPTED, WRONG, RAISED = "correct", "not attempted", "wrong", "raised"


_SPOKEN_WITH_AN = re.compile(r"[aeio]|u(?!int|func|ser|ni)|nd", re.IGNORECASE)  # a uint8, an ndarray


class WrongForm(ValueError):
    """A probe raises it for a value in which it cannot look for what was asked; the message says what is missing."""


@dataclass
class Outcome:
    """What came of running an answer on one case: a value, or a fault in words."""

    value: Any = None
    fault: str = ""
    status: str = ""  # NOT_ATTEMPTED, WRONG or RAISED when there is a fault


def run(exercise: Exercise, candidate, case: tuple) -> Outcome:
    """Run an answer on a copy of one case. Never raises what the answer raises."""
    if candidate is ... or candidate is None:
        return Outcome(fault="There is no answer yet.", status=NOT_ATTEMPTED)
    if exercise.takes_function and not callable(candidate):
        fault = f"A function is asked for, this is {kind_of(candidate)}: write check({exercise.name})."
        return Outcome(fault=fault, status=WRONG)
    given = copy.deepcopy(case)
    try:
        value = exercise.run(candidate, given)
    except NotImplementedError:
        return Outcome(fault="The line `raise NotImplementedError` is still there.", status=NOT_ATTEMPTED)
    except WrongForm as error:
        return Outcome(fault=str(error), status=WRONG)
    except Exception as error:
        words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        line = own_line(error, candidate)
        if line or exercise.takes_function or (callable(candidate) and not hasattr(candidate, "__code__")):
            return Outcome(fault=words + line, status=RAISED)
        # It was the probe that could not go on with this answer.
        return Outcome(fault=f"It cannot be used as the answer: {words}.", status=WRONG)
    if value is ...:
        return Outcome(fault="There is no answer yet.", status=NOT_ATTEMPTED)
    for name, before, after in zip(exercise.arguments, case, given, strict=True):
        if not _same(before, after):
            fault = f"Your function changed its input `{name}`. Work on a copy: the caller still needs the original."
            return Outcome(value, fault, WRONG)
    return Outcome(value)


def _same(before, after) -> bool:
    if isinstance(before, np.ndarray):
        return isinstance(after, np.ndarray) and np.array_equal(before, after, equal_nan=before.dtype.kind == "f")
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(map(_same, before, after))
    return before == after


def kind_of(value) -> str:
    """The type of a value in a sentence: "an int", "a dict", "None"."""
    if value is None or value is ...:
        return "None" if value is None else "..."
    name = type(value).__name__
    return f"an {name}" if _SPOKEN_WITH_AN.match(name) else f"a {name}"


def own_line(error: BaseException, candidate) -> str:
    """The line of the student's own code that ran when the error came: " in line 2 of your cell: ...", or ""."""
    own_file = getattr(getattr(candidate, "__code__", None), "co_filename", None)
    own_frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == own_file]
    if not own_frames:
        return ""
    last = own_frames[-1]
    line = linecache.getline(last.filename, last.lineno).strip()
    return f" in line {last.lineno} of your cell: {line}" if line else f" in line {last.lineno} of your cell"
