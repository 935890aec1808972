"""Lessons as notebooks: cells, ids, metadata, and the one way in which they are written to a file.

A notebook here is the plain structure of its JSON file, with sources as lists of lines, so that comparing a file with
what its lesson gives needs no notebook library.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from course_tools import frame
from course_tools.blank import blanked, without_markers
from course_tools.cell import Cell
from course_tools.lesson import Lesson

COMPARED = "nbval-check-output"
_PROGRESS = "course-progress"
_SETUP = "course-setup"


@dataclass(frozen=True)
class Rendered:
    """What a lesson gives: the two notebooks, still without outputs, and the solutions of its exercises."""

    lesson: str
    student: dict
    solved: dict
    solutions: dict[str, str]
    lines: dict[str, int]  # cell id: line in the lesson

    @property
    def file(self) -> str:
        """The lesson's file, as messages call it."""
        return f"course_lessons/{self.lesson[3:]}/{self.lesson}.py"

    def spot(self, cell_id: str) -> str:
        """Where a cell comes from, in short."""
        if cell_id in self.lines:
            return f"line {self.lines[cell_id]}"
        return "progress cell" if cell_id == _PROGRESS else "set-up cell"

    def place(self, cell_id: str) -> str:
        """Where a cell comes from, with its file."""
        return f"{self.file}, {self.spot(cell_id)}"


def render(lesson: Lesson, titles: dict[str, str], source: str, points_of: Callable[[Lesson, Cell], int]) -> Rendered:
    """Make the notebooks of a lesson. `titles` are those of all lessons, `source` is the address of the course."""
    ids = _cell_ids(lesson.cells)
    points = {name: points_of(lesson, cell) for name, cell in lesson.exercises.items()}
    student, solved = [], []
    for cell_id, cell in zip(ids, lesson.cells, strict=True):
        if cell.kind == "markdown":
            student.append(_markdown(cell_id, cell.source, _tags(cell.tags)))
            solved.append(_markdown(cell_id, cell.source, _tags(cell.tags)))
            continue
        grading = _nbgrader(cell_id, cell, points)
        # There are no outputs in a student's notebook, so there is nothing to compare with.
        student_tags = tuple(tag for tag in cell.tags if tag != COMPARED)
        student.append(_code(cell_id, blanked(cell) if cell.exercise else cell.source, _tags(student_tags) | grading))
        # A check's verdict on the solution is exact: running the solved notebook as a test must find it again.
        solved_tags = (*cell.tags, COMPARED) if cell.check else cell.tags
        solved.append(_code(cell_id, cell.source, _tags(solved_tags) | grading))
        if cell.check:
            student.append(_code(_hint_id(cell), frame.hint(cell.check)))
            solved.append(_code(_hint_id(cell), frame.hint(cell.check)))
    lines = {cell_id: cell.line for cell_id, cell in zip(ids, lesson.cells, strict=True)}
    lines |= {_hint_id(cell): cell.line for cell in lesson.cells if cell.check}
    return Rendered(
        lesson=lesson.name,
        student=_notebook(lesson.name, _framed(lesson, titles, source, student)),
        solved=_notebook(lesson.name, _framed(lesson, titles, source, solved, COMPARED)),
        solutions={name: without_markers(cell) for name, cell in lesson.exercises.items()},
        lines=lines,
    )


def serialise(value: dict) -> str:
    """The text of a generated file. There is one way to write it, so any other byte is somebody's edit."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def without_outputs(notebook: dict) -> dict:
    """The notebook as its lesson gives it: not executed, and so without a seal."""
    bare = copy.deepcopy(notebook)
    bare["metadata"]["course"].pop("digest", None)
    for cell in bare["cells"]:
        if cell["cell_type"] == "code":
            cell.update(execution_count=None, outputs=[])
    return bare


def executed_part(notebook: dict) -> list[tuple[str, bool]]:
    """What the outputs depend on: each code cell's program, and whether it may fail. While this stays, so do they."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    may_fail = ["raises-exception" in cell["metadata"].get("tags", []) for cell in cells]
    return [(_program(cell, fails), fails) for cell, fails in zip(cells, may_fail, strict=True)]


def _program(cell: dict, may_fail: bool) -> str:
    """Its source without comments, which change no output; one that fails shows its lines, comments and all."""
    source = "".join(cell["source"])
    if cell["id"] == _SETUP:
        source = frame.without_address(source)
    if may_fail or "getsource" in source:
        return source
    try:
        return ast.unparse(ast.parse(source))
    except SyntaxError:  # a line for IPython, such as %matplotlib
        return source


def with_outputs(notebook: dict, executed: dict) -> dict:
    """`notebook` with the outputs of `executed`, whose code is the same, and sealed."""
    full = copy.deepcopy(notebook)
    done = iter([cell for cell in executed["cells"] if cell["cell_type"] == "code"])
    for cell in full["cells"]:
        if cell["cell_type"] == "code":
            source = next(done)
            cell.update(execution_count=source["execution_count"], outputs=copy.deepcopy(source["outputs"]))
    full["metadata"]["course"]["digest"] = digest(full)
    return full


def digest(notebook: dict) -> str:
    """A fingerprint of everything in a notebook except the place where this fingerprint is kept."""
    body = copy.deepcopy(notebook)
    body["metadata"]["course"].pop("digest", None)
    return hashlib.sha256(serialise(body).encode()).hexdigest()


def _framed(lesson: Lesson, titles: dict[str, str], source: str, cells: list[dict], *progress_tags: str) -> list[dict]:
    """The cells of a notebook with those around them that every lesson has."""
    progress = [_code(_PROGRESS, frame.PROGRESS, _tags(progress_tags))] if lesson.exercises else []
    return [
        _markdown("course-title", frame.title(lesson.name, lesson.card, titles, source)),
        _code(_SETUP, frame.setup(lesson.name, source), copy.deepcopy(frame.FOLDED)),
        *cells,
        _markdown("course-recap", frame.recap(lesson.card)),
        *progress,
        _markdown("course-footer", frame.onward(lesson.name, titles)),
    ]


def _hint_id(check: Cell) -> str:
    # The hyphen keeps these apart from the names of exercises, as that of the check does.
    return f"{check.check}-hint"


def _notebook(lesson: str, cells: list[dict]) -> dict:
    return {
        "cells": cells,
        "metadata": {
            "course": {"lesson": lesson},
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _markdown(cell_id: str, source: str, metadata: dict | None = None) -> dict:
    return {"cell_type": "markdown", "id": cell_id, "metadata": metadata or {}, "source": source.splitlines(True)}


def _code(cell_id: str, source: str, metadata: dict | None = None) -> dict:
    return {**_markdown(cell_id, source, metadata), "cell_type": "code", "execution_count": None, "outputs": []}


def _tags(tags: tuple[str, ...]) -> dict:
    return {"tags": list(tags)} if tags else {}


def _nbgrader(cell_id: str, cell: Cell, points: dict[str, int]) -> dict:
    """What nbgrader needs to know: solutions are written in the exercise cell, points are given in the check cell."""
    if not (cell.exercise or cell.check):
        return {}
    is_check = cell.check is not None
    facts = {"grade": is_check, "solution": not is_check, "locked": is_check, "task": False}
    if is_check:
        facts["points"] = points[cell.check]
    return {"nbgrader": {"grade_id": cell_id, "schema_version": 3, **facts}}


def _cell_ids(cells: list[Cell]) -> list[str]:
    """An id for each cell. It comes from the cell itself, so that a new cell does not change those of the others."""
    ids: list[str] = []
    for cell in cells:
        if cell.exercise or cell.check:
            ids.append(cell.exercise or f"{cell.check}-check")
            continue
        copy_number = 0
        while (cell_id := _hashed(cell, copy_number)) in ids:
            copy_number += 1
        ids.append(cell_id)
    return ids


def _hashed(cell: Cell, copy_number: int) -> str:
    # The hyphen keeps these apart from the names of exercises.
    return "cell-" + hashlib.sha256(f"{cell.kind}\n{cell.source}\n{copy_number}".encode()).hexdigest()[:12]
