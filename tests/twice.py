"""Run the cells of a solved lesson again, as a reader who goes back does, and print what breaks: twice.py LESSON.

A cell must run again, and a name must keep its kind to the end: a function that becomes a number breaks cells above.
A cell that leaves all that it reads as it was finds the same when it is run again, so only others are, after what they
need; and a name that one cell alone binds keeps its kind.
Trainings are short, so what is asserted of them is left out; the notebooks themselves are run elsewhere.
"""

import ast
import functools
import sys
import types
from collections import Counter
from contextlib import redirect_stdout
from numbers import Number

from lesson_code import all_lessons
from short_trainings import WithoutAsserts, shorten

from course_lib.session import start
from course_tools.grading.needed import Notebook, Statement


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


def changes_what_it_reads(cell: list[Statement], showing: set[str]) -> bool:
    """Whether a second run finds other values than the first one did, as far as its text tells.

    Objects that a call changes whose result is kept, as in `last = stack.pop()`, are not seen.
    """
    bound, all_bound = set(), set().union(*(statement.binds for statement in cell))
    for statement in cell:
        changed = statement.affects(showing) - statement.binds - bound
        if changed or (statement.reads - bound) & all_bound or "*" in statement.binds:
            return True
        bound |= statement.binds
    return False


def modules(cells: list[ast.Module]) -> set[str]:
    """Names of modules, whose functions are called; they are not what a cell changes."""
    imports = [part for cell in cells for part in ast.walk(cell) if isinstance(part, ast.Import)]
    return {(name.asname or name.name).partition(".")[0] for part in imports for name in part.names}


def worth_running(sources: list[str]) -> tuple[dict[int, list[int]], set[int]]:
    """By cell the statements to run, and the cells to run twice.

    To be run are those of cells to be run twice or that bind a name that others bind, too, and what these need.
    """
    statements = Notebook(sources).statements
    showing = {"print", "display"}.union(modules([*map(ast.parse, sources)]), *(each.shows for each in statements))
    cells = {cell: [each for each in statements if each.cell == cell] for cell in range(len(sources))}
    twice = {number for number, cell in cells.items() if changes_what_it_reads(cell, showing)}
    binding = Counter(name for cell in cells.values() for name in set().union(*(each.binds for each in cell)))
    chosen = [each for each in statements if each.cell in twice or any(binding[name] > 1 for name in each.binds)]
    wanted = sorted(set().union(*(each.reads | each.binds for each in chosen)))
    needed = Notebook([*sources, f"wanted = [{', '.join(wanted)}]"]).program("wanted").picks
    places = {each.place for each in chosen} | {place for place in needed if place[0] < len(sources)}
    return {cell: sorted(index for other, index in places if other == cell) for cell in cells}, twice


def faults(lesson: str) -> list[str]:
    """What breaks, in words, each with the cell's number and first line."""
    start(lesson)
    shorten(setattr)
    namespace, kinds, found = {"__name__": "__main__"}, {}, []
    sources = [cell.source for cell in all_lessons()[lesson].cells if cell.kind == "code"]
    statements, twice = worth_running(sources)
    for number, source in enumerate(sources):
        where = f"cell {number + 1} ({source.splitlines()[0][:60]})"
        body = ast.parse(source).body
        module = ast.Module([body[index] for index in statements[number]], [])
        code = compile(WithoutAsserts().visit(module), where, "exec")
        for time in ("first", "second") if number in twice else ("first",):
            try:
                exec(code, namespace)
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
