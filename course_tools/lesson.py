"""Read a lesson: its card and its cells, with every rule about exercises checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from course_tools.blank import BEGIN, blanked, defines, solution_blocks
from course_tools.card import Card, read_card, split_header
from course_tools.cell import Cell
from course_tools.errors import CourseError
from course_tools.imports import import_quickly

_CELL_START = re.compile(r"# ?%%(\s|$)")
# What jupytext notes for its own use; it says nothing about the lesson.
_JUPYTEXT_NOTES = ("lines_to_next_cell", "lines_to_end_of_cell_marker", "cell_marker")
_OPTIONS = ("tags", "exercise", "check", "points")
# A name becomes a cell's id and nbgrader's grade_id, and "-check" must still fit.
_EXERCISE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,50}")


@dataclass(frozen=True)
class Lesson:
    """One lesson, read and found in order."""

    name: str
    card: Card
    cells: list[Cell]

    @property
    def exercises(self) -> dict[str, Cell]:
        return {cell.exercise: cell for cell in self.cells if cell.exercise}


def read_lesson(path: Path) -> Lesson:
    """The lesson in `path`. Raises CourseError, with file and line, for the first rule that it breaks."""
    file = spoken(path)
    text = read_text(path, file)
    card = read_card(text, file)
    cells = [_read_cell(lines, line, file) for line, lines in _chunks(text, file)]
    if not cells:
        raise CourseError(f"{file}: there is no cell below the card; a cell begins with '# %%'.")
    for cell in cells:
        _check_markers(cell)
    _check_exercises(cells)
    return Lesson(path.stem, card, cells)


def spoken(path: Path) -> str:
    """How messages call the file of a lesson, wherever the course lies."""
    return f"course_lessons/{path.parent.name}/{path.name}"


def read_text(path: Path, file: str) -> str:
    """The text of a lesson; `file` is how messages call it."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CourseError(f"{file}: it cannot be read; a lesson is a text file in UTF-8.") from None
    except OSError as error:
        raise CourseError(f"{file}: it cannot be read: {error.strerror}.") from None


def _chunks(text: str, file: str) -> list[tuple[int, list[str]]]:
    """The lines of each cell, '# %%' first, with the number of that line. Read one by one, a fault has a line."""
    lines = text.splitlines()
    _, header = split_header(text, file)
    starts = [number for number in range(header, len(lines)) if _CELL_START.match(lines[number])]
    for number in range(header, [*starts, len(lines)][0]):
        if lines[number].strip():
            raise CourseError(f"{file}, line {number + 1}: this text is in no cell; a cell begins with '# %%'.")
    return [(start + 1, lines[start:end]) for start, end in pairwise([*starts, len(lines)])]


def _read_cell(lines: list[str], line: int, file: str) -> Cell:
    where = f"{file}, line {line}"
    jupytext = import_quickly("jupytext")  # if it is missing, that is no fault of the cell
    try:
        notebook = jupytext.reads("\n".join(lines), fmt="py:percent")
    except Exception as error:  # jupytext has nbformat validate, which raises whatever the schema library does
        if "tags" in lines[0]:
            raise CourseError(f'{where}: tags must be a list of different words, such as tags=["T022"].') from None
        raise CourseError(f"{where}: jupytext cannot read this cell: {str(error).splitlines()[0]}.") from None
    (raw,) = notebook.cells
    options = {key: value for key, value in raw.metadata.items() if key not in _JUPYTEXT_NOTES}
    _check_options(raw.cell_type, options, lines[0], where)
    source = raw.source.strip("\n")
    blank_lines = len(raw.source) - len(raw.source.lstrip("\n"))
    return Cell(
        kind=raw.cell_type,
        source=source,
        file=file,
        line=line + 1 + blank_lines,
        tags=tuple(options.get("tags", ())),
        exercise=options.get("exercise"),
        check=options.get("check"),
        points=options.get("points"),
    )


def _check_options(kind: str, options: dict, first_line: str, where: str) -> None:
    """What may follow '# %%'."""
    if kind not in ("code", "markdown"):
        raise CourseError(f"{where}: a cell is code or [markdown], not {kind!r}.")
    for option in options:
        if option not in _OPTIONS:
            raise CourseError(
                f"{where}: {first_line!r} cannot be read; after '# %%' come [markdown] "
                'or options such as tags=["T022"] exercise="predict" check="predict".'
            )
    tags = options.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise CourseError(f'{where}: tags must be a list of different words, such as tags=["T022"].')
    for role in ("exercise", "check"):
        name = options.get(role)
        if name is None:
            continue
        if not isinstance(name, str) or not _EXERCISE_NAME.fullmatch(name):
            raise CourseError(f"{where}: {role}={name!r} must be a Python name of at most 51 plain letters.")
        if kind != "code":
            raise CourseError(f"{where}: {role}={name!r} stands on a {kind} cell; it belongs on a code cell.")
    if "exercise" in options and "check" in options:
        raise CourseError(f"{where}: a cell is an exercise or a check, not both.")
    points = options.get("points")
    if points is not None and (type(points) is not int or points < 0 or "exercise" not in options):
        raise CourseError(f"{where}: points={points!r} must be a whole number, on an exercise cell.")


def _check_markers(cell: Cell) -> None:
    """Solution blocks are whole, and stand in exercise cells only: anywhere else students would see the solution."""
    blocks = solution_blocks(cell)
    if blocks and not cell.exercise:
        raise cell.fault(f'{BEGIN!r} stands in a cell without exercise="name" on its first line.', blocks[0][0])
    if cell.exercise:
        if not blocks:
            raise cell.fault(f"the exercise {cell.exercise!r} has no solution between {BEGIN!r} and its end.")
        if not defines(cell, cell.exercise):
            raise cell.fault(f"the exercise {cell.exercise!r} does not define {cell.exercise}.")
        blanked(cell)


def _check_exercises(cells: list[Cell]) -> None:
    """Every exercise has one name, and one check after it."""
    exercises, checks = {}, {}
    for cell in cells:
        if cell.exercise:
            if cell.exercise in exercises:
                raise cell.fault(f"there is an exercise {cell.exercise!r} already; each needs its own name.")
            exercises[cell.exercise] = cell
        if cell.check:
            if cell.check not in exercises:
                raise cell.fault(f"this checks {cell.check!r}, but no exercise above it has that name.")
            if cell.check in checks:
                raise cell.fault(f"there is a check of {cell.check!r} already; one is enough.")
            checks[cell.check] = cell
    for name, cell in exercises.items():
        if name not in checks:
            raise cell.fault(f"the exercise {name!r} has no check after it; add a cell '# %% check=\"{name}\"'.")
