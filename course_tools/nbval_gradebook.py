"""A pytest plugin: `pytest --nbval-lax --gradebook marks.csv SUBMISSIONS` writes what nbval finds as points.

What counts is the verdict that `check` showed, by the name of the exercise: not the place of its cell, not its tags,
not what else the cell prints. The student's code runs in the same kernel as `check` and could forge it; `course grade`
is for those who must rule that out.
"""

from __future__ import annotations

import ast
import csv
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

COLUMNS = ("student", "lesson", "exercise", "points", "out of", "verdict", "reason", "seconds")
_CHECK = re.compile(r"\bcheck\(\s*(\w+)")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
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
    config.pluginmanager.register(Gradebook(config.invocation_params.dir / file), "course-gradebook")


@dataclass
class Submission:
    """One notebook: the sources of its code cells, and, by exercise, (verdict, reason, seconds) of every check."""

    file: str
    sources: list[str] = field(default_factory=list)
    checks: dict[str, list[tuple[str, str, float]]] = field(default_factory=dict)
    problem: str = ""

    @property
    def lesson(self) -> str:
        """The lesson that the set-up cell starts, else the one in the file's name, else ""."""
        started = {name for source in self.sources for name in _lessons_started(source)}
        stem = Path(self.file).stem
        named = (lesson for lesson in _known_lessons() if f"_{stem}".endswith(f"_{lesson}"))
        return next((lesson for lesson in _known_lessons() if lesson in started), next(named, ""))

    @property
    def student(self) -> str:
        """Who wrote it, from `<student>_<lesson>.ipynb`, `<student>/<lesson>.ipynb` or nbgrader's extra folder."""
        path, ending = Path(self.file), f"_{self.lesson}"
        if self.lesson and path.stem.endswith(ending):
            return path.stem.removesuffix(ending)
        folder = path.parent
        return folder.parent.name if folder.name == self.lesson else folder.name

    def rows(self) -> list[dict]:
        """One row of the gradebook for every exercise of the lesson."""
        from course_lib.exercises import specs
        from course_tools.grading.marks import UNREADABLE

        if not self.lesson:
            reason = self.problem or "No set-up cell and no file name say of which lesson this is."
            return [self._row("", 0, 0, UNREADABLE, reason, 0.0)]
        return [self._row(name, *self._mark(name, spec.points)) for name, spec in specs(self.lesson).items()]

    def _mark(self, name: str, points: int) -> tuple[int, int, str, str, float]:
        from course_tools.grading.marks import CORRECT, CRASHED, MISSING, UNREADABLE

        checks = self.checks.get(name)
        if not checks:
            if self.problem:
                return 0, points, UNREADABLE, self.problem, 0.0
            if any(name in checks_in(source) for source in self.sources):
                return 0, points, CRASHED, "The run ended before this was checked.", 0.0
            return 0, points, MISSING, f"No cell checks {name}.", 0.0
        failed = [check for check in checks if check[0] != CORRECT]
        verdict, reason, _ = (failed or checks)[0]
        return 0 if failed else points, points, verdict, reason, sum(seconds for _, _, seconds in checks)

    def _row(self, exercise: str, points: int, out_of: int, verdict: str, reason: str, seconds: float) -> dict:
        texts = map(_harmless, (self.student, self.lesson, exercise))
        values = (*texts, points, out_of, verdict, _harmless(reason), round(seconds, 2))
        return dict(zip(COLUMNS, values, strict=True))


class Gradebook:
    """Gathers verdicts while pytest runs, in xdist's workers too, and writes the file where the run was started."""

    def __init__(self, file: Path):
        self.file = file
        self.submissions: dict[str, Submission] = {}

    def _submission(self, file) -> Submission:
        return self.submissions.setdefault(str(file), Submission(str(file)))

    # --- where the notebooks run

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items) -> None:
        for item in items:
            if _is_cell(item):
                self._submission(item.path).sources.append(item.cell.source)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector):
        report = yield
        # Not pytest_collect_file: pytest also calls it for the notebooks beside the folder that it was given.
        if isinstance(collector, pytest.File) and collector.path.suffix == ".ipynb":
            submission = self._submission(collector.path)
            if report.failed:
                submission.problem = "This file cannot be read as a notebook."
        return report

    def pytest_runtest_call(self, item) -> None:
        if _is_cell(item):
            _notice_death(item.parent.kernel)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item, call) -> None:
        if _is_cell(item) and (call.when == "call" or (call.when == "setup" and call.excinfo)):
            found = _verdicts(item, call, self._submission(item.path).lesson)
            item.user_properties.append((_PROPERTY, {"file": str(item.path), "checks": found}))

    # --- where the run was started

    def pytest_runtest_logreport(self, report) -> None:
        if report.when == "teardown":  # it comes last and has the properties of all
            for name, value in report.user_properties:
                if name == _PROPERTY:
                    for exercise, *check in value["checks"]:
                        self._submission(value["file"]).checks.setdefault(exercise, []).append(tuple(check))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node) -> None:
        for file, sources, problem in getattr(node, "workeroutput", {}).get(_PROPERTY, ()):
            submission = self._submission(file)
            submission.sources, submission.problem = sources, problem

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_PROPERTY] = [
                (submission.file, submission.sources, submission.problem) for submission in self.submissions.values()
            ]
        elif not session.config.option.collectonly:
            self.write()

    def pytest_terminal_summary(self, terminalreporter) -> None:
        terminalreporter.section("gradebook")
        terminalreporter.write_line(f"{self.file}: {len(self.submissions)} submission(s)")
        seen: dict[tuple[str, str], str] = {}
        for submission in self.submissions.values():
            other = seen.setdefault((submission.student, submission.lesson), submission.file)
            if other != submission.file:
                terminalreporter.write_line(f"Two files of {submission.student}: {other} and {submission.file}")

    def write(self) -> None:
        """Write all rows, whole or not at all."""
        rows = [row for submission in self.submissions.values() for row in submission.rows()]
        rows.sort(key=lambda row: (row["student"], row["lesson"]))  # exercises stay in the order of the lesson
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=self.file.parent, newline="", encoding="utf-8", delete=False
        ) as unfinished:
            table = csv.DictWriter(unfinished, COLUMNS)
            table.writeheader()
            table.writerows(rows)
        os.replace(unfinished.name, self.file)


def checks_in(source: str) -> set[str]:
    """Names of the exercises that a cell checks: `check(name)` or `check(name=name)`."""
    tree = _parse(source)
    if tree is None:  # broken code, which would have checked something
        return set(_CHECK.findall(source))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) == "check"]
    given = {call.args[0].id for call in calls if call.args and isinstance(call.args[0], ast.Name)}
    return given | {keyword.arg for call in calls for keyword in call.keywords if keyword.arg}


def _lessons_started(source: str) -> list[str]:
    calls = [node for node in ast.walk(_parse(source) or ast.Module([], [])) if isinstance(node, ast.Call)]
    return [
        call.args[0].value
        for call in calls
        if _called(call) == "start" and call.args and isinstance(call.args[0], ast.Constant)
    ]


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


def _verdicts(item, call, lesson: str) -> list[tuple[str, str, str, float]]:
    """(exercise, verdict, reason, seconds) of every check in a cell that has run, or tried to."""
    from course_tools.grading.marks import CORRECT

    shown: dict[str, tuple[str, str]] = {}
    for output in item.test_outputs or ():
        title, *lines = _text(output).splitlines() or [""]
        if title in _titles(lesson):
            name, verdict = _titles(lesson)[title]
            reason = "" if verdict == CORRECT or not lines else lines[0]
            if shown.get(name, (CORRECT,))[0] == CORRECT:  # of two verdicts, the worse
                shown[name] = verdict, reason
    names = sorted({*shown, *checks_in(item.cell.source)})
    return [(name, *(shown.get(name) or _why_none(item, call)), call.duration) for name in names]


def _text(output: dict) -> str:
    """What an output shows as plain text; a student can send anything at all."""
    data = output.get("data")
    text = data.get("text/plain") if isinstance(data, dict) else None
    return text if isinstance(text, str) else ""


def _why_none(item, call) -> tuple[str, str]:
    """Verdict and reason for a check that has shown nothing."""
    from course_tools.grading.marks import CRASHED, MISSING, RAISED, TIMED_OUT

    if call.excinfo is None or call.excinfo.errisinstance(pytest.skip.Exception):
        return MISSING, "The cell was run, but its check was not."
    errors = [output for output in item.test_outputs or () if output["output_type"] == "error"]
    said = str(call.excinfo.value)
    if said.startswith("Timeout") or (item.parent.timed_out and not item.parent.kernel.is_alive()):
        return TIMED_OUT, said if said.startswith("Timeout") else "An earlier cell ran out of time."
    if errors:
        return RAISED, f"{errors[-1]['ename']}: {errors[-1]['evalue']}"
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


def _is_cell(item) -> bool:
    nbval = sys.modules.get("nbval.plugin")
    return nbval is not None and isinstance(item, nbval.IPyNbCell)


def _harmless(text: str) -> str:
    """One line, which no spreadsheet takes for a formula."""
    line = " ".join(_ANSI.sub("", text).split())
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line
