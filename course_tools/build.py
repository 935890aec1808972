"""Lessons to notebooks: render, execute what changed, write all files of a lesson or none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from course_tools.card import read_card
from course_tools.cell import Cell
from course_tools.drift import drift_of, intact_notebook, read_generated
from course_tools.execute import execute, failure_text
from course_tools.lesson import Lesson, read_lesson, read_text, spoken
from course_tools.notebook import Rendered, executed_part, render, serialise, with_outputs
from course_tools.project import Project
from course_tools.spec_file import check_spec_file

LARGEST_NOTEBOOK = 900_000
# Solved notebooks show what a laptop shows, whatever is set where they are built; and no check in them may fail.
BUILD_SETTINGS = {"COURSE_SCALE": "laptop", "KERAS_BACKEND": "tensorflow", "COURSE_CHECK": "raise"}


class BuildFailure(Exception):
    """A lesson that is well formed but gives no good notebook; its files stay as they were."""


def render_lessons(project: Project, names: list[str]) -> list[Rendered]:
    """The notebooks of the named lessons, without outputs. A fault in one of them stops all, with nothing done."""
    source = project.source_address()
    titles = _titles(project)
    lessons = [read_lesson(project.source(name)) for name in names]
    for lesson in lessons:
        check_spec_file(lesson, project.room(lesson.name) / "exercises.py")
    return [render(lesson, titles, source, points_of) for lesson in lessons]


def points_of(lesson: Lesson, cell: Cell) -> int:
    """The points of an exercise. Its spec in course_lib has them; `points=` serves an exercise that has no spec."""
    from course_lib.exercises import ExerciseError, find
    from course_lib.quiet import quiet

    try:
        with quiet():  # some specs ask Keras
            points = find(lesson.name, cell.exercise).points
    except ExerciseError:
        points = cell.points
    if points is None:
        raise cell.fault(f"the exercise {cell.exercise!r} has no spec in its room's exercises.py.")
    if cell.points not in (None, points):
        raise cell.fault(f"points={cell.points}, but the spec of {cell.exercise!r} gives {points}; leave points= out.")
    return points


def build_lesson(project: Project, rendered: Rendered, force: bool, advance: Callable[[], None]) -> str:
    """Bring the files of a lesson up to date and say what was done. Raises BuildFailure and leaves them alone."""
    if not force and not drift_of(project, rendered):
        return "up to date"
    student, solved, solutions = project.generated(rendered.lesson)
    executed = None if force else _reusable(solved, rendered)
    done = "rewritten, its code is unchanged" if executed else "executed and written"
    if executed is None:
        run = execute(rendered.solved, project.notebooks, BUILD_SETTINGS, advance)
        if run.failed_cell:
            raise BuildFailure(failure_text(rendered, run))
        executed = run.notebook
    notebook = with_outputs(rendered.solved, executed)
    _refuse_machine_paths(project, rendered, notebook)
    text = serialise(notebook)
    _refuse_large(rendered, notebook, len(text.encode()))
    write_together({student: serialise(rendered.student), solved: text, solutions: serialise(rendered.solutions)})
    return done


def write_together(files: dict[Path, str | bytes]) -> None:
    """Write all files or none: each goes to a neighbour first, and takes its name only when all are written."""
    written: dict[Path, str] = {}
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, neighbour = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
            written[path] = neighbour
            with os.fdopen(handle, "wb") as stream:
                stream.write(content if isinstance(content, bytes) else content.encode("utf-8"))
            os.chmod(neighbour, 0o644)  # mkstemp's files are private; a notebook is for everybody
        for path in files:
            os.replace(written[path], path)
    finally:
        for neighbour in written.values():
            Path(neighbour).unlink(missing_ok=True)


def _titles(project: Project) -> dict[str, str]:
    """The title of every lesson, in order; links to other lessons are made from them."""
    titles = {}
    for name in project.lesson_names():
        path = project.source(name)
        titles[name] = read_card(read_text(path, spoken(path)), spoken(path)).title
    return titles


def _reusable(solved: Path, rendered: Rendered) -> dict | None:
    """The notebook as it was executed before, if its outputs are untouched and its code is still the lesson's."""
    old = intact_notebook(read_generated(solved) or "")
    return old if old and executed_part(old) == executed_part(rendered.solved) else None


def _refuse_machine_paths(project: Project, rendered: Rendered, notebook: dict) -> None:
    """A reader has no use for the folders of the machine that built the notebook."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and str(project.root) in serialise({"outputs": cell["outputs"]}):
            place = rendered.place(cell["id"])
            raise BuildFailure(f"{place}: the output of this cell names a folder of this machine, {project.root}.")


def _refuse_large(rendered: Rendered, notebook: dict, size: int) -> None:
    if size <= LARGEST_NOTEBOOK:
        return
    sizes = {
        rendered.place(cell["id"]): len(serialise({"outputs": cell["outputs"]}))
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    }
    largest = sorted(sizes, key=sizes.get, reverse=True)[:3]
    listed = "\n".join(f"    {place}: {sizes[place] / 1000:.0f} KB" for place in largest)
    raise BuildFailure(
        f"{rendered.file}: figures too big: the solved notebook would take {size / 1000:.0f} KB, and the "
        f"most is {LARGEST_NOTEBOOK / 1000:.0f} KB. The largest outputs are those of\n{listed}"
    )
