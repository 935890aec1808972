"""Hold a room's exercises.py against its lesson, without running it: a fault has a file and a line."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from course_tools.errors import CourseError
from course_tools.lesson import Lesson, spoken


def check_spec_file(lesson: Lesson, path: Path) -> None:
    """Raise CourseError if `path` declares another lesson's exercise, one that this lesson has not, or another order.

    The order counts: `progress()` lists the exercises as `path` does, and a reader looks for them as on the page.
    """
    if not path.is_file():
        return
    file = spoken(path)
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise CourseError(f"{file}, line {error.lineno}: it is not valid Python: {error.msg}.") from None
    assigned = (node for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant))
    words = {ast.unparse(node.targets[0]): node.value.value for node in assigned}
    declared = list(_declared(tree))
    for name, given, line in declared:
        named = words.get(given.id) if isinstance(given, ast.Name) else getattr(given, "value", None)
        if named != lesson.name:
            raise CourseError(f"{file}, line {line}: {name} names the lesson {named!r}; this room is {lesson.name}'s.")
        if name not in lesson.exercises:
            there = ", ".join(lesson.exercises) or "none"
            raise CourseError(f"{file}, line {line}: the lesson has no exercise {name!r}; it has {there}.")
    names = [name for name, _, _ in declared]
    on_the_page = [name for name in lesson.exercises if name in names]
    for (name, _, line), expected in zip(declared, on_the_page, strict=False):
        if name != expected:
            raise CourseError(
                f"{file}, line {line}: {name} stands where the lesson asks for {expected}; "
                f"declare them as on the page: {', '.join(on_the_page)}."
            )


def _declared(tree: ast.Module) -> Iterator[tuple[str, ast.expr, int]]:
    """Name, `lesson=` and line of every exercise."""
    for node in tree.body:
        for decorator in getattr(node, "decorator_list", []):
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "exercise":
                given = {keyword.arg: keyword.value for keyword in decorator.keywords}
                yield node.name, given.get("lesson", ast.Constant(None)), decorator.lineno
