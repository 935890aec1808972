"""A pytest plugin: `pytest --nbval-lax --gradebook marks.csv SUBMISSIONS` writes what nbval finds as points.

What counts is the verdict that `check` showed, by the name of the exercise: not the place of its cell, not its tags,
not what else the cell prints. The student's code runs in the same kernel as `check` and could forge it; `course grade`
is for those who must rule that out.
"""

from __future__ import annotations

import ast
import os
import re
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from course_tools.project import LESSON_NAME

if TYPE_CHECKING:  # pytest loads this module in every run, so that it imports what it needs when it is needed
    from course_tools.grading.marks import Mark, Report

_CHECK = re.compile(r"\bcheck\(\s*(\w+)")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")  # Keras writes its errors in bold
_MISSING_NAME = re.compile(r"NameError: name '(\w+)' is not defined")
_GIVES = (
    r"^[ \t]*(async[ \t]+)?(def|class)[ \t]+{0}\b|^[ \t]*{0}\b[^=\n(]*=(?!=)|\bimport\b.*\b{0}\b"  # a value to a name
)
_PROPERTY = "course-verdicts"
_SLICE = 1.0  # seconds between two looks whether the kernel is alive


def pytest_addoption(parser) -> None:
    parser.getgroup("course", "Notebooks of the course").addoption(
        "--gradebook", metavar="FILE", help="with --nbval-lax: write the points of each exercise to FILE, as CSV"
    )


def pytest_configure(config) -> None:
    file = config.getoption("gradebook")
    if not file:
        return
    if not (getattr(config.option, "nbval_lax", False) or getattr(config.option, "nbval", False)):
        raise pytest.UsageError("--gradebook needs --nbval-lax, and for that the package nbval.")
    os.environ["COURSE_CHECK"] = "raise"  # kernels inherit it: what pytest shows and what is written agree
    config.option.continue_on_collection_errors = True  # a corrupt notebook is one student's
    if getattr(config.option, "dist", "no") == "load":
        config.option.dist = "loadfile"  # the cells of a notebook need one another
    here = config.invocation_params.dir
    given = [Path(os.path.abspath(here / argument.partition("::")[0])) for argument in config.args]
    config.pluginmanager.register(Gradebook(here / file, given), "course-gradebook")
    _read_leniently()


@dataclass
class Notebook:
    """The sources of its code cells, and, by exercise, (verdict, reason, seconds) of every check."""

    file: Path
    sources: list[str] = field(default_factory=list)
    checks: dict[str, list[tuple[str, str, float]]] = field(default_factory=dict)
    problem: str = ""

    @property
    def lesson(self) -> str:
        """The lesson that the set-up cell starts, by which `check` judges, else the one in the file's name, else ""."""
        from course_tools.grading.names import read_path
        from course_tools.grading.reading import lessons_started

        started = {name for source in self.sources for name in lessons_started(source)}
        named = read_path(self.file, _known_lessons()).lesson
        return next((lesson for lesson in _known_lessons() if lesson in started), named)

    def report(self, folder: Path) -> Report:
        """The marks. Whose they are, the grader finds in the name of the file, seen from `folder`."""
        from course_lib.exercises import specs
        from course_tools.grading.intake import printable
        from course_tools.grading.marks import Report
        from course_tools.grading.names import read_path

        path = self.file.relative_to(folder)
        student = printable(read_path(path, _known_lessons()).student or path.name)
        if not self.lesson:
            problem = self.problem or "No set-up cell and no file name say of which lesson this is."
            return Report(student, "", str(path), problem=problem)
        marks = [self._mark(name, spec.points) for name, spec in specs(self.lesson).items()]
        return Report(student, self.lesson, str(path), marks, self.problem)

    def _mark(self, name: str, points: int) -> Mark:
        from course_tools.grading.marks import CORRECT, CRASHED, MISSING, UNREADABLE, Mark

        checks = self.checks.get(name)
        if not checks:
            if self.problem:
                return Mark(name, 0, points, UNREADABLE, self.problem)
            if any(name in checks_in(source) for source in self.sources):
                return Mark(name, 0, points, CRASHED, "The run ended before this was checked.")
            return Mark(name, 0, points, MISSING, f"No cell checks {name}.")
        failed = [check for check in checks if check[0] != CORRECT]
        verdict, reason, _ = (failed or checks)[0]
        return Mark(name, 0 if failed else points, points, verdict, reason, seconds=sum(each[2] for each in checks))


class Gradebook:
    """Gathers verdicts while pytest runs, in xdist's workers too, and writes the file where the run was started."""

    def __init__(self, file: Path, given: Iterable[Path]):
        self.file = file
        self.given = set(given)  # to pytest: files, and folders of submissions
        self.notebooks: dict[Path, Notebook] = {}
        self._causes: dict[Path, list[tuple[str, str]]] = {}  # of cells that failed: the source, and why

    def _notebook(self, file: Path) -> Notebook:
        return self.notebooks.setdefault(file, Notebook(file))

    @property
    def reports(self) -> list[Report]:
        return [each.report(folder_of_submissions(file, self.given)) for file, each in self.notebooks.items()]

    # --- where the notebooks run

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items) -> None:
        for item in items:
            if _is_cell(item):
                self._notebook(item.path).sources.append(item.cell.source)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector):
        report = yield
        # Not pytest_collect_file: pytest also calls it for the notebooks beside the folder that it was given.
        if isinstance(collector, pytest.File) and collector.path.suffix == ".ipynb":
            _choose_kernel(collector)
            notebook = self._notebook(collector.path)
            if report.failed:
                notebook.problem = "This file cannot be read as a notebook."
        return report

    def pytest_runtest_call(self, item) -> None:
        if _is_cell(item):
            _notice_death(item.parent.kernel)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item, call) -> None:
        if _is_cell(item) and (call.when == "call" or (call.when == "setup" and call.excinfo)):
            causes = self._causes.setdefault(item.path, [])
            found = _verdicts(item, call, self._notebook(item.path).lesson, causes)
            if words := _error_of(item, causes):
                causes.append((item.cell.source, words))
            item.user_properties.append((_PROPERTY, {"file": str(item.path), "checks": found}))

    # --- where the run was started

    def pytest_runtest_logreport(self, report) -> None:
        if report.when == "teardown":  # it comes last and has the properties of all
            for name, value in report.user_properties:
                if name == _PROPERTY:
                    for exercise, *check in value["checks"]:
                        self._notebook(Path(value["file"])).checks.setdefault(exercise, []).append(tuple(check))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node) -> None:
        for file, sources, problem in getattr(node, "workeroutput", {}).get(_PROPERTY, ()):
            notebook = self._notebook(Path(file))
            notebook.sources, notebook.problem = sources, problem

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_PROPERTY] = [
                (str(each.file), each.sources, each.problem) for each in self.notebooks.values()
            ]
        elif not session.config.option.collectonly:
            from course_tools.grading.gradebook import as_csv
            from course_tools.grading.journal import write_atomically

            self.file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.file, as_csv(self.reports))

    def pytest_terminal_summary(self, terminalreporter) -> None:
        terminalreporter.section("gradebook")
        terminalreporter.write_line(f"{self.file}: {len(self.notebooks)} submission(s)")
        files: dict[tuple[str, str], list[str]] = {}
        for report in self.reports:
            files.setdefault((report.student, report.lesson), []).append(report.file)
        for (student, _), several in files.items():
            if len(several) > 1:
                terminalreporter.write_line(f"{len(several)} files of {student}: {' and '.join(several)}")


def folder_of_submissions(file: Path, given: set[Path]) -> Path:
    """The folder from which a file's path says whose it is: of those given to pytest, or around what was given."""
    folder = next((each for each in file.parents if each in given), file.parent)
    # What was given is one student's own folder, or lies in it: then the student is the name of a folder above.
    while Path(file.relative_to(folder).parts[0]).stem == file.stem and LESSON_NAME.fullmatch(file.stem):
        folder = folder.parent
    return folder


def checks_in(source: str) -> set[str]:
    """Names of the exercises that a cell checks: `check(name)` or `check(name=name)`."""
    tree = _parse(source)
    if tree is None:  # broken code, which would have checked something
        return set(_CHECK.findall(source))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) == "check"]
    given = {call.args[0].id for call in calls if call.args and isinstance(call.args[0], ast.Name)}
    return given | {keyword.arg for call in calls for keyword in call.keywords if keyword.arg}


def _called(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def _parse(source: str) -> ast.Module | None:
    """The syntax tree of a cell, in which IPython's own lines (`%pip`, `!ls`) are calls, too; None if it has none."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError, RecursionError):
        return None


@cache
def _known_lessons() -> list[str]:
    """All lessons with exercises."""
    from importlib.resources import files

    sources = (file.name for room in files("course_lessons").iterdir() if room.is_dir() for file in room.iterdir())
    return sorted(name.removesuffix(".py") for name in sources if name[:2].isdecimal())


@cache
def _titles(lesson: str) -> dict[str, tuple[str, str]]:
    """What `check` shows above its verdict: for each title, exercise and verdict."""
    from course_lib.exercises import specs
    from course_lib.exercises.judge import Verdict
    from course_lib.exercises.show import verdict_box
    from course_tools.grading.marks import CORRECT, NOT_ATTEMPTED, RAISED, WRONG

    return {
        verdict_box(Verdict(name, verdict, 0, inputs={})).title: (name, verdict)
        for name in (specs(lesson) if lesson else ())
        for verdict in (CORRECT, NOT_ATTEMPTED, WRONG, RAISED)
    }


def _verdicts(item, call, lesson: str, causes: list[tuple[str, str]]) -> list[tuple[str, str, str, float]]:
    """(exercise, verdict, reason, seconds) of every check in a cell that has run, or tried to."""
    from course_tools.grading.marks import CORRECT

    shown: dict[str, tuple[str, str]] = {}
    for output in item.test_outputs or ():
        title, *lines = _text(output).splitlines() or [""]
        if title in _titles(lesson):
            name, verdict = _titles(lesson)[title]
            reason = "" if verdict == CORRECT or not lines else lines[0].strip()
            if shown.get(name, (CORRECT,))[0] == CORRECT:  # of two verdicts, the worse
                shown[name] = verdict, reason
    names = sorted({*shown, *checks_in(item.cell.source)})
    return [(name, *(shown.get(name) or _why_none(item, call, causes)), call.duration) for name in names]


def _error_of(item, causes: list[tuple[str, str]]) -> str:
    """The error that a cell ended with; "" if none. Of a name that an earlier cell was to give: why it did not."""
    errors = [output for output in item.test_outputs or () if output.get("output_type") == "error"]
    if not errors:
        return ""
    words = _ANSI.sub("", f"{errors[-1].get('ename')}: {errors[-1].get('evalue')}")
    missing = _MISSING_NAME.match(words)
    gives = re.compile(_GIVES.format(missing[1]), re.MULTILINE) if missing else None
    return next((why for source, why in causes if gives and gives.search(source)), words)


def _text(output: dict) -> str:
    """What an output shows as plain text; a student can send anything at all."""
    data = output.get("data")
    text = data.get("text/plain") if isinstance(data, dict) else None
    return text if isinstance(text, str) else ""


def _why_none(item, call, causes: list[tuple[str, str]]) -> tuple[str, str]:
    """Verdict and reason for a check that has shown nothing."""
    from course_tools.grading.marks import CRASHED, MISSING, RAISED, TIMED_OUT

    if call.excinfo is None or call.excinfo.errisinstance(pytest.skip.Exception):
        return MISSING, "The cell was run, but its check was not."
    said = str(call.excinfo.value)
    if said.startswith("Timeout") or (item.parent.timed_out and not item.parent.kernel.is_alive()):
        return TIMED_OUT, said if said.startswith("Timeout") else "An earlier cell ran out of time."
    if error := _error_of(item, causes):
        return RAISED, error
    if item.parent.kernel is None or not item.parent.kernel.is_alive():
        return CRASHED, said
    return RAISED, said


def _notice_death(kernel) -> None:
    """Let nbval see at once that the kernel has died; by itself it would wait for the timeout of the cell."""
    from queue import Empty

    if getattr(kernel.get_message, "notices_death", False):
        return
    receive = kernel.get_message

    def get_message(stream, timeout=None):
        ends = time.monotonic() + (float("inf") if timeout is None else timeout)
        while True:
            try:
                return receive(stream, timeout=max(0, min(_SLICE, ends - time.monotonic())))
            except Empty:
                if not kernel.is_alive():
                    raise RuntimeError("The kernel died.") from None
                if time.monotonic() >= ends:
                    raise

    get_message.notices_death = True
    kernel.get_message = get_message


def _read_leniently() -> None:
    """Let nbval read notebooks that begin with a byte order mark, as editors on Windows write them."""
    import nbformat
    from nbval import plugin

    def read(file, as_version: int):
        return nbformat.reads(Path(file).read_text(encoding="utf-8-sig"), as_version)

    plugin.nbformat = SimpleNamespace(**{**vars(nbformat), "read": read})


@cache
def _kernels() -> set[str]:
    from jupyter_client.kernelspec import KernelSpecManager

    return set(KernelSpecManager().find_kernel_specs())


def _choose_kernel(collector) -> None:
    """A notebook names the kernel of its author's machine: `conda-env-x-py`. It runs that, where there is one."""
    metadata = getattr(getattr(collector, "nb", None), "metadata", {})
    named = metadata.get("kernelspec", {})
    if isinstance(named, dict) and named.get("name") not in _kernels():
        metadata["kernelspec"] = {**named, "name": "python3"}


def _is_cell(item) -> bool:
    nbval = sys.modules.get("nbval.plugin")
    return nbval is not None and isinstance(item, nbval.IPyNbCell)
