"""Run just the part of a lesson that an answer or a function needs, so that tests can hold it without the trainings."""

from __future__ import annotations

import ast
import functools

from course_tools.blank import blanked
from course_tools.grading.needed import Notebook
from course_tools.lesson import Lesson, read_lesson
from course_tools.project import find_project

# What defines something. A training is a loop, or a call whose result nobody keeps.
_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.If)


@functools.cache
def all_lessons() -> dict[str, Lesson]:
    project = find_project()
    return {name: read_lesson(project.source(name)) for name in project.lesson_names()}


def all_exercises() -> list[tuple[str, str]]:
    return [(name, exercise) for name, lesson in all_lessons().items() for exercise in lesson.exercises]


def answer(lesson: Lesson, exercise: str, *, blank: bool = False):
    """What the cell of `exercise` defines, in the solved lesson or in the blank one."""
    cells = [cell for cell in lesson.cells if cell.kind == "code"]
    sources = [blanked(cell) if blank and cell.exercise == exercise else cell.source for cell in cells]
    return run(sources, exercise)[exercise]


def functions(lesson: Lesson, *names: str) -> dict:
    """What these names of a lesson stand for, and all that they need, without its trainings.

    The dictionary is the functions' own namespace: what a test changes in it is changed for them.
    """
    statements = [each for cell in lesson.cells if cell.kind == "code" for each in ast.parse(cell.source).body]
    return run([ast.unparse(each) for each in statements if isinstance(each, _DEFINITIONS)], *names)


def run(cells: list[str], *names: str) -> dict:
    """The namespace after the statements that these names need have run, as the grader finds them, and no others."""
    notebook, namespace = Notebook(cells), {}
    for cell, index in sorted({pick for name in names for pick in notebook.program(name).picks}):
        statement = ast.parse(cells[cell]).body[index]
        exec(compile(ast.Module([statement], []), f"<cell {cell + 1}>", "exec"), namespace)
    return namespace
