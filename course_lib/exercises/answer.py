"""Run a student's answer on one case. Nothing here knows what is right, so a sandbox may hold it."""

from __future__ import annotations

import copy
import linecache
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from course_lib.exercises.spec import Exercise

CORRECT, NOT_ATTEMPTED, WRONG, RAISED = "correct", "not attempted", "wrong", "raised"


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
        fault = f"A function is asked for, this is a {type(candidate).__name__}: write check({exercise.name})."
        return Outcome(fault=fault, status=WRONG)
    given = copy.deepcopy(case)
    try:
        value = exercise.run(candidate, given)
    except NotImplementedError:
        return Outcome(fault="The line `raise NotImplementedError` is still there.", status=NOT_ATTEMPTED)
    except WrongForm as error:
        return Outcome(fault=str(error), status=WRONG)
    except Exception as error:
        return Outcome(fault=_describe_error(error, candidate), status=RAISED)
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


def _describe_error(error: Exception, candidate) -> str:
    """Type, message and the line of the student's own code where it happened."""
    words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    own_file = getattr(getattr(candidate, "__code__", None), "co_filename", None)
    own_frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == own_file]
    if own_frames:
        last = own_frames[-1]
        line = linecache.getline(last.filename, last.lineno).strip()
        words += f" in line {last.lineno} of your cell: {line}" if line else f" in line {last.lineno} of your cell"
    return words
