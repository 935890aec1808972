"""Run every cell of a solved lesson twice, as a reader who goes back does, and print what breaks: twice.py LESSON.

A cell must run again, and a name must keep its kind to the end: a function that becomes a number breaks cells above.
"""

import functools
import os
import sys
import types
from contextlib import redirect_stdout
from numbers import Number

os.environ.setdefault("MPLBACKEND", "agg")

from lesson_code import all_lessons

from course_lib.session import start


def kind(value: object) -> str:
    """What a reader would call it."""
    if isinstance(value, type):
        return "class"
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, functools.partial)):
        return "function"
    if isinstance(value, Number) or (hasattr(value, "item") and getattr(value, "ndim", 1) == 0):
        return "number"
    if isinstance(value, (tuple, list)):
        return "list"
    if hasattr(value, "shape") and hasattr(value, "ndim"):
        return "array"
    parents = {parent.__name__ for parent in type(value).__mro__}
    return next((each for each in ("Model", "Layer", "dict") if each in parents), type(value).__name__)


def faults(lesson: str) -> list[str]:
    """What breaks, in words, each with the cell's number and first line."""
    start(lesson)
    namespace, kinds, found = {"__name__": "__main__"}, {}, []
    cells = [cell for cell in all_lessons()[lesson].cells if cell.kind == "code"]
    for number, cell in enumerate(cells, 1):
        where = f"cell {number} ({cell.source.splitlines()[0][:60]})"
        for time in ("first", "second"):
            try:
                exec(compile(cell.source, where, "exec"), namespace)
            except Exception as error:
                found.append(f"{where} fails the {time} time: {type(error).__name__}: {str(error)[:200]}")
        for name in [name for name in namespace if not name.startswith("_")]:
            now = kind(namespace[name])
            before = kinds.setdefault(name, now)
            if "NoneType" not in (before, now) and before != now:
                found.append(f"{where}: `{name}` was a {before} and is a {now}")
            kinds[name] = now
    return found


if __name__ == "__main__":
    with redirect_stdout(sys.stderr):
        told = faults(sys.argv[1])
    print(*told, sep="\n")
