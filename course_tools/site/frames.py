"""The pictures of a lesson's sliders, drawn beforehand, where they are few: on a page nothing computes."""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_tools.errors import CourseError
from course_tools.lesson import Lesson

MOST = 48  # pictures of one call of `explore`: a page holds what a reader will step through


@dataclass(frozen=True)
class Frames:
    """What one call of `explore` can show: a picture for each choice of its controls, the last control fastest."""

    line: int  # of the lesson, where its cell begins
    alt: str
    values: dict[str, list]  # name of a control: all its values
    start: dict[str, object]
    pictures: list[bytes]  # PNG


@dataclass(frozen=True)
class _Call:
    cell: int
    draw: str
    alt: str
    values: dict[str, list]


def frames_of(lesson: Lesson) -> list[Frames]:
    """Draw them, in a process of its own: it runs the statements of the lesson that the sliders need, and no others.

    Raises CourseError, with the file, if that fails.
    """
    calls = list(_few(lesson))
    if not calls:
        return []
    with tempfile.TemporaryDirectory(prefix="course-frames-") as name:
        folder = Path(name)
        cells = [cell.source if cell.kind == "code" else "" for cell in lesson.cells]
        order = {"cells": cells, "calls": [[call.cell, call.draw, call.values] for call in calls]}
        (folder / "order.json").write_text(json.dumps(order), encoding="utf-8")
        command = [sys.executable, "-m", "course_tools.site.frames", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip() or "it ended without a word").splitlines()[-1]
            raise CourseError(f"{lesson.cells[0].file}: the pictures of its sliders could not be drawn: {last}")
        starts = json.loads((folder / "starts.json").read_text(encoding="utf-8"))
        return [
            Frames(lesson.cells[call.cell].line, call.alt, call.values, start, _pictures(folder / f"{place}"))
            for place, (call, start) in enumerate(zip(calls, starts, strict=True))
        ]


def _few(lesson: Lesson) -> Iterator[_Call]:
    """Every `explore(…)` with few pictures, whose controls and description can be read off the page."""
    for number, cell in enumerate(lesson.cells):
        for node in ast.walk(ast.parse(cell.source)) if cell.kind == "code" else ():
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "explore":
                written = {each.arg: each.value for each in node.keywords}
                alt = _constant(written.pop("alt"))
                values = {name: _values(_constant(control)) for name, control in written.items()}
                if alt and all(values.values()) and math.prod(map(len, values.values())) <= MOST:
                    yield _Call(number, ast.unparse(node.args[0]), alt, values)


def _constant(written: ast.expr):
    try:
        return ast.literal_eval(written)
    except ValueError:
        return None


def _values(control) -> list:
    """All values of a control, as its slider has them; none if they are not known."""
    if isinstance(control, tuple):
        low, high, step = control if len(control) == 3 else (*control, 1)
        return [round(low + step * each, 10) for each in range(round((high - low) / step) + 1)]
    if isinstance(control, bool):
        return [control, not control]
    return control if isinstance(control, list) else []


def _pictures(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def _draw(folder: Path) -> None:
    """In the child: every picture as a file, in the order of its choice; and where the sliders start."""
    from course_lib import plots
    from course_tools.grading.needed import Notebook

    order = json.loads((folder / "order.json").read_text(encoding="utf-8"))
    plots.use_style()
    starts = []
    for place, (number, expression, values) in enumerate(order["calls"]):
        cells = order["cells"][: number + 1]
        names = {node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)}
        picks = sorted({pick for name in names for pick in Notebook(cells).program(name).picks})
        namespace: dict = {}
        for cell, index in picks:
            statement = ast.parse(cells[cell]).body[index]
            exec(compile(ast.Module([statement], []), f"<cell {cell + 1}>", "exec"), namespace)
        draw = eval(expression, namespace)
        (folder / f"{place}").mkdir()
        for index, choice in enumerate(itertools.product(*values.values())):
            figure = draw(**dict(zip(values, choice, strict=True)))
            (folder / f"{place}" / f"{index:03}.png").write_bytes(plots.png(figure, colours=64))
        defaults = inspect.signature(draw).parameters
        starts.append({name: defaults[name].default for name in values})
    (folder / "starts.json").write_text(json.dumps(starts), encoding="utf-8")


if __name__ == "__main__":
    _draw(Path(sys.argv[1]))
