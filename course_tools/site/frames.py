"""The pictures of a lesson's sliders, drawn beforehand, where they are few: on a page nothing computes.

They are kept in `build/frames`, a folder for each call of `explore`, and drawn again when anything changes that they
could depend on. What could is chosen amply, not traced: a picture too many drawn costs seconds, an old one is wrong.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import importlib.metadata
import inspect
import itertools
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_tools.build import BUILD_SETTINGS
from course_tools.errors import CourseError
from course_tools.grading.needed import Notebook
from course_tools.lesson import Lesson
from course_tools.project import Project

# Lessons are looked at in threads, and Python 3.11.7 miscounts when two of them parse at once.
_ONE_PARSES = threading.Lock()

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
    program: str  # the statements of the lesson that it needs
    draw: str
    alt: str
    values: dict[str, list]


def frames_of(project: Project, lesson: Lesson) -> list[Frames]:
    """The pictures of its sliders; those that are not kept are drawn.

    Raises CourseError, with the file, if that fails.
    """
    with _ONE_PARSES:
        calls = list(_few(lesson))
    kept = project.root / "build" / "frames" / lesson.name
    folders = [kept / _fingerprint(project.root, lesson.name, call) for call in calls]
    missing = {folder: call for folder, call in zip(folders, calls, strict=True) if not folder.is_dir()}
    if missing:
        _draw_apart(project, lesson, missing)
    for old in set(kept.glob("*")).difference(folders):
        shutil.rmtree(old)
    return [
        Frames(lesson.cells[call.cell].line, call.alt, call.values, *_pictures(folder))
        for call, folder in zip(calls, folders, strict=True)
    ]


def _draw_apart(project: Project, lesson: Lesson, missing: dict[Path, _Call]) -> None:
    """Draw in a process of its own, which runs the statements of the lesson that the sliders need, and no others."""
    frames = project.root / "build" / "frames"
    frames.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".drawing-", dir=frames) as name:
        order = [[call.program, call.draw, call.values] for call in missing.values()]
        (Path(name) / "order.json").write_text(json.dumps(order), encoding="utf-8")
        command = [sys.executable, "-m", "course_tools.site.frames", name]
        env = os.environ | BUILD_SETTINGS
        done = subprocess.run(command, cwd=project.root, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip() or "it ended without a word").splitlines()[-1]
            raise CourseError(f"{lesson.cells[0].file}: the pictures of its sliders could not be drawn: {last}")
        for place, folder in enumerate(missing):
            folder.parent.mkdir(exist_ok=True)
            if not folder.exists():  # another build may have been quicker
                (Path(name) / f"{place}").rename(folder)


def _fingerprint(root: Path, lesson: str, call: _Call) -> str:
    """Changes with all that can change a picture: the statements that are run, what they can import and read, how they
    are drawn, the packages and Python."""
    folders = [root / "course_lib", root / "course_lessons" / lesson[3:], root / "data" / "zoo"]
    files = [path for folder in folders for path in _files(folder) if path.stem != lesson]  # the program is of its text
    contents = [(str(path), path.read_bytes()) for path in [*files, Path(__file__)]]
    parts = [call.program, call.draw, call.values, BUILD_SETTINGS, contents, _packages()]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


@functools.cache
def _packages() -> list[str]:
    """Python, and every package that a lesson can stand on, with its version; not those of maintainers alone."""
    waiting, versions = ["neural-networks-course"], {}
    while waiting:
        name = waiting.pop()
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # for another system or Python
            package = importlib.metadata.distribution(name)
            versions[name] = package.version
            needed = [re.match(r"[\w.-]+", each)[0] for each in package.requires or () if "extra ==" not in each]
            waiting += set(needed).difference(versions, waiting)
    return [sys.version, *(f"{name} {version}" for name, version in sorted(versions.items()))]


def _few(lesson: Lesson) -> Iterator[_Call]:
    """Every `explore(…)` with few pictures, whose controls and description can be read off the page."""
    sources = [cell.source if cell.kind == "code" else "" for cell in lesson.cells]
    for number, cell in enumerate(lesson.cells):
        for node in ast.walk(ast.parse(cell.source)) if cell.kind == "code" else ():
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "explore":
                written = {each.arg: each.value for each in node.keywords}
                alt = _constant(written.pop("alt"))
                values = {name: _values(_constant(control)) for name, control in written.items()}
                if alt and all(values.values()) and math.prod(map(len, values.values())) <= MOST:
                    draw = ast.unparse(node.args[0])
                    yield _Call(number, _program(sources[: number + 1], draw), draw, alt, values)


def _program(sources: list[str], expression: str) -> str:
    """The statements that must have run before the expression can be evaluated."""
    notebook = Notebook(sources)
    names = {node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)}
    picks = sorted({pick for name in names for pick in notebook.program(name).picks})
    return "\n".join(ast.unparse(ast.parse(notebook.cells[cell]).body[index]) for cell, index in picks)


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


def _pictures(folder: Path) -> tuple[dict[str, object], list[bytes]]:
    """Where the sliders start, and all pictures."""
    start = json.loads((folder / "start.json").read_text(encoding="utf-8"))
    return start, [path.read_bytes() for path in sorted(folder.glob("*.png"))]


def _draw(folder: Path) -> None:
    """In the child: for each call a folder with every picture, in the order of its choice, and where it starts."""
    from course_lib import plots

    plots.use_style()
    for place, (program, expression, values) in enumerate(json.loads((folder / "order.json").read_text("utf-8"))):
        namespace: dict = {}
        exec(program, namespace)
        draw = eval(expression, namespace)
        pictures = folder / f"{place}"
        pictures.mkdir()
        for index, choice in enumerate(itertools.product(*values.values())):
            figure = draw(**dict(zip(values, choice, strict=True)))
            (pictures / f"{index:03}.png").write_bytes(plots.png(figure, colours=64))
        defaults = inspect.signature(draw).parameters
        start = {name: defaults[name].default for name in values}
        (pictures / "start.json").write_text(json.dumps(start), encoding="utf-8")


if __name__ == "__main__":
    _draw(Path(sys.argv[1]))
