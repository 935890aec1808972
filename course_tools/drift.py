"""Compare the generated files with what their lessons give. Nothing is executed and nothing is written."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from course_tools.notebook import Rendered, digest, serialise, without_outputs
from course_tools.project import Project

_DIFF_LINES = 60


@dataclass(frozen=True)
class Drift:
    """A generated file that is not what its lesson gives."""

    file: str
    reason: str
    diff: list[str]


def drift_of(project: Project, rendered: Rendered) -> list[Drift]:
    """What is wrong with the three files of one lesson; an empty list when all is as it should be."""
    student, solved, solutions = project.generated(rendered.lesson)
    found = [
        _compare_text(project, rendered, student, serialise(rendered.student)),
        _compare_solved(project, rendered, solved),
        _compare_text(project, rendered, solutions, serialise(rendered.solutions)),
    ]
    return [drift for drift in found if drift]


def strays(project: Project) -> Iterator[Drift]:
    """Generated files whose lesson is gone."""
    names = set(project.lesson_names())
    for folder in (project.notebooks, project.solved_notebooks):
        for path in sorted(folder.glob("*.ipynb")):
            if path.stem not in names:
                yield Drift(project.relative(path), f"there is no lesson {path.stem}; delete this file", [])


def intact_notebook(text: str) -> dict | None:
    """The solved notebook in `text` if it is, to the last byte, what `course build` once wrote; otherwise None."""
    try:
        notebook = json.loads(text)
        sealed = notebook["metadata"]["course"]["digest"] == digest(notebook)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return notebook if sealed and serialise(notebook) == text else None


def read_generated(path) -> str | None:
    """The text of a generated file, every byte of it; None if there is none."""
    try:
        return path.read_bytes().decode("utf-8", errors="backslashreplace")
    except FileNotFoundError:
        return None


def _compare_text(project: Project, rendered: Rendered, path, expected: str) -> Drift | None:
    text = read_generated(path)
    if text == expected:
        return None
    file = project.relative(path)
    if text is None:
        return Drift(file, "it is missing", [])
    return Drift(file, "it is not what its lesson gives", _diff(text, expected, file, rendered.lesson))


def _compare_solved(project: Project, rendered: Rendered, path) -> Drift | None:
    """Cells must be what the lesson gives; outputs, which it cannot give, must be those that were sealed."""
    text = read_generated(path)
    file = project.relative(path)
    if text is None:
        return Drift(file, "it is missing", [])
    expected = serialise(rendered.solved)
    try:
        cells = serialise(without_outputs(json.loads(text)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Drift(file, "it is not a notebook that course build wrote", [])
    if cells != expected:
        return Drift(file, "it is not what its lesson gives", _diff(cells, expected, file, rendered.lesson))
    if intact_notebook(text) is None:
        return Drift(file, "its outputs, or the way it is written, were changed after course build executed it", [])
    return None


def _diff(text: str, expected: str, file: str, lesson: str) -> list[str]:
    lines = difflib.unified_diff(
        text.splitlines(), expected.splitlines(), file, f"made from lesson {lesson}", n=2, lineterm=""
    )
    shown = [line[:200] for line in lines]
    if len(shown) > _DIFF_LINES:
        shown[_DIFF_LINES:] = [f"… and {len(shown) - _DIFF_LINES} more lines"]
    return shown or ["(the difference is in the line ends)"]
