"""Run just the part of a lesson that one answer needs, so that tests can hold the answer without the trainings."""

from __future__ import annotations

import ast
import functools
import symtable

from course_tools.blank import blanked
from course_tools.lesson import Lesson, read_lesson
from course_tools.project import find_project


@functools.cache
def all_lessons() -> dict[str, Lesson]:
    project = find_project()
    return {name: read_lesson(project.source(name)) for name in project.lesson_names()}


def all_exercises() -> list[tuple[str, str]]:
    return [(name, exercise) for name, lesson in all_lessons().items() for exercise in lesson.exercises]


def answer(lesson: Lesson, exercise: str, *, blank: bool = False):
    """What the cell of `exercise` defines, from the solved lesson or from the blank one."""
    cell = lesson.exercises[exercise]
    own = ast.parse(blanked(cell) if blank else cell.source).body
    others = [s for c in lesson.cells if c.kind == "code" and not c.exercise for s in ast.parse(c.source).body]
    namespace: dict = {}
    exec(compile(ast.Module(_needed(own, others), []), f"<{lesson.name}>", "exec"), namespace)
    return namespace[exercise]


def _needed(own: list[ast.stmt], others: list[ast.stmt]) -> list[ast.stmt]:
    """`own`, after the first statements of the lesson that define the names it reads, and so on."""
    definitions = {}
    for statement in others:
        for name in _defined(statement):
            definitions.setdefault(name, statement)
    chosen, queue = [], [name for statement in own for name in _read(statement)]
    while queue:
        statement = definitions.get(queue.pop())
        if statement is not None and statement not in chosen:
            chosen.append(statement)
            queue += _read(statement)
    return [statement for statement in others if statement in chosen] + own


def _defined(statement: ast.stmt) -> set[str]:
    table = symtable.symtable(ast.unparse(statement), "lesson", "exec")
    return {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}


def _read(statement: ast.stmt) -> set[str]:
    """Names of the lesson that a statement uses, those inside its functions included."""

    def walk(table) -> set[str]:
        own = {
            s.get_name()
            for s in table.get_symbols()
            if s.is_referenced() and (s.is_global() or table.get_type() == "module")
        }
        return own.union(*map(walk, table.get_children()))

    return walk(symtable.symtable(ast.unparse(statement), "lesson", "exec"))
