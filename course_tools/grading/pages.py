"""The marks as web pages: one for every submission, to be handed back, and one for the teacher about the whole class.

The pages are HTML, CSS and SVG, each a file that needs no other; that of the class has one script, which sorts and
searches. What a student wrote is escaped by Jinja, which escapes everything here, and should that ever fail, the page's
own policy forbids the browser to run anything but that script, or to fetch anything. A submission's page has no link to
the class, so that it can be sent to the student as it is.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import mean

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from mdit_py_plugins.dollarmath import dollarmath_plugin

from course_lib.exercises import looks
from course_lib.exercises.looks import Look
from course_tools.grading import marks
from course_tools.grading.gradebook import points_text, sorted_reports
from course_tools.grading.intake import printable
from course_tools.grading.journal import stem_of, write_atomically
from course_tools.grading.marks import Mark, Report

FOLDER = "pages"  # in OUT, beside index.html
_LONGEST_TEXT, _LONGEST_NAME = 4000, 120  # characters shown of what a student wrote
_ABSENT = re.compile(r"ModuleNotFoundError: No module named '(\w+)'")  # a part of a package that is here has a dot
_COMMONEST = 3  # mistakes named for each exercise


# The verdicts of `check` look as they do there.
LOOKS = looks.VERDICTS | {
    marks.TIMED_OUT: Look("stopped", "\N{CIRCLE WITH UPPER RIGHT QUADRANT BLACK}", "Took too long"),
    marks.LIMIT: Look("stopped", "\N{CIRCLED DIVISION SLASH}", "Went over a limit"),
    marks.CRASHED: Look("stopped", "\N{DOWNWARDS ZIGZAG ARROW}", "Crashed"),
    marks.MISSING: Look("none", "\N{EMPTY SET}", "No answer of this name"),
    marks.UNREADABLE: Look("stopped", "?", "File could not be read"),
}


@dataclass(frozen=True)
class Asked:
    """What an exercise asks: a text, as HTML, and the code that the student was given."""

    text: Markup
    code: str


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram: how many students earned points in this range."""

    label: str  # on the axis; "" between none and all
    words: str
    count: int


def write_pages(out: Path, reports: Iterable[Report], notebooks: Path) -> Path:
    """Write index.html and the pages of all submissions into the folder `out`; returns the path of index.html.

    `notebooks` is the folder of the students' notebooks, which say what was asked. Pages of other submissions, left
    by an earlier run, are deleted.
    """
    reports = sorted_reports(reports)
    folder = out / FOLDER
    folder.mkdir(exist_ok=True)
    asked = {lesson: questions(notebooks / f"{lesson}.ipynb") for lesson in {report.lesson for report in reports}}
    written = set()
    for report in reports:
        path = out / page_of(report)
        _write_if_changed(path, submission_page(report, asked[report.lesson]))
        written.add(path.name)
    for path in folder.glob("*.html"):
        if path.name not in written:
            path.unlink(missing_ok=True)
    index = out / "index.html"
    _write_if_changed(index, class_page(reports))
    return index


def _write_if_changed(path: Path, page: str) -> None:
    """What is as it was keeps its date, and a class of thousands is written up at once."""
    try:
        if path.read_text(encoding="utf-8") == page:
            return
    except (OSError, ValueError):
        pass  # there is none yet, or something else
    write_atomically(path, page)


def page_of(report: Report) -> str:
    """Where a submission's page is, from OUT."""
    return f"{FOLDER}/{stem_of(report)}.html"


def submission_page(report: Report, asked: dict[str, Asked]) -> str:
    return _templates().get_template("submission.html").render(report=report, asked=asked)


def class_page(reports: list[Report]) -> str:
    lessons: dict[str, list[Report]] = {}
    for report in reports:
        if report.marks:
            lessons.setdefault(report.lesson, []).append(report)
    facts = {
        "students": len({report.student for report in reports}),
        "problems": [report for report in reports if report.problem or report.newer],
        "absent": absent_packages(reports),
        "lessons": [_lesson(name, lessons[name]) for name in sorted(lessons)],
    }
    return _templates().get_template("class.html").render(reports=reports, **facts)


def absent_packages(reports: Iterable[Report]) -> list[tuple[str, int]]:
    """What submissions import and what is not installed here, with the number of submissions, the commonest first."""
    return _counted(
        name for report in reports for name in {name for mark in report.marks for name in _ABSENT.findall(mark.reason)}
    )


def questions(notebook: Path) -> dict[str, Asked]:
    """What each exercise of a student's notebook asks, by its name; {} if there is no such notebook."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return {}
    asked, text = {}, ""
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            text = source[max(source.find("**Exercise"), 0) :]  # the story before it is left out
        elif cell["metadata"].get("nbgrader", {}).get("solution"):
            code = re.sub(r"^ *(# YOUR CODE HERE|raise NotImplementedError)\n?", "", source, flags=re.MULTILINE)
            asked[cell["metadata"]["nbgrader"]["grade_id"]] = Asked(_rendered(text), code.rstrip())
    return asked


def histogram(earned: list[float], out_of: int) -> list[Bar]:
    """How many students earned nothing, up to a quarter, a half, three quarters, less than all, and all."""
    edges = [0, out_of / 4, out_of / 2, out_of * 3 / 4, out_of]
    bars = [Bar("0", "no points", sum(points <= 0 for points in earned))]
    for low, high in pairwise(edges):
        inside = sum(low < points <= high and points < out_of for points in earned)
        last = "less than" if high == out_of else "at most"
        bars.append(Bar("", f"more than {points_text(low)}, {last} {points_text(high)}", inside))
    return [*bars, Bar(points_text(out_of), "all points", sum(points >= out_of for points in earned))]


def _lesson(name: str, reports: list[Report]) -> dict:
    """What the class page shows of one lesson."""
    exercises = []
    longest_first = sorted(reports, key=lambda report: -len(report.marks))  # some are older than an exercise
    for exercise in dict.fromkeys(mark.exercise for report in longest_first for mark in report.marks):
        column = [mark for report in reports if (mark := report.mark(exercise))]
        exercises.append(
            {
                "name": exercise,
                "out_of": column[-1].out_of,
                "mean": mean(one.points for one in column),
                "bars": histogram([one.points for one in column], column[-1].out_of),
                "verdicts": _counted(one.verdict for one in column),
                "mistakes": _counted(one.mistake for one in column if one.mistake)[:_COMMONEST],
            }
        )
    return {
        "name": name,
        "reports": reports,
        "exercises": exercises,
        "out_of": sum(exercise["out_of"] for exercise in exercises),
        "mean": mean(report.points for report in reports),
    }


def _counted(texts: Iterable[str]) -> list[tuple[str, int]]:
    """The commonest first; equally common ones in alphabetical order."""
    return sorted(Counter(texts).items(), key=lambda pair: (-pair[1], pair[0]))


def _reason(mark: Mark, report: Report) -> str:
    return mark.reason or report.problem


def _name(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"


def _said(text: str) -> str:
    """A text of a student, with its lines, as much as anybody will read."""
    shown = printable(text[:_LONGEST_TEXT], keep="\n\t")
    if len(text) > _LONGEST_TEXT:
        shown += f" … [cut here: {len(text):,} characters in all]"
    return shown


def _breakable(name: str) -> Markup:
    """A long_name_like_this, which the browser may break after an underscore."""
    return Markup("_<wbr>").join(name.split("_"))


def _formula(tex: str, _options: dict) -> str:
    r"""A short formula without a script to typeset it: the Greek letters, and the rest as it is written."""
    tex = re.sub(r"\\([A-Za-z]+)", lambda found: _GREEK.get(found[1], found[0]), tex)
    return f"<i>{html.escape(tex)}</i>"


_GREEK = {
    unicodedata.name(chr(code)).removeprefix("GREEK SMALL LETTER ").lower(): chr(code)
    for code in range(ord("α"), ord("ω") + 1)
} | {"lambda": "λ", "times": "×", "cdot": "·", "le": "≤", "ge": "≥"}


def _rendered(markdown: str) -> Markup:
    """HTML of a lesson's own text; HTML inside it is shown, not obeyed."""
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    return Markup(renderer.use(dollarmath_plugin, renderer=_formula).render(markdown))


def _seal(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("course_tools.grading"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    colours = "".join(f"--{tone}: {colour}; " for tone, colour in looks.COLOURS.items())
    style = f":root {{ {colours}--on-tone: {looks.INK}; }}\n"
    style += environment.loader.get_source(environment, "style.css")[0].strip()
    script = environment.loader.get_source(environment, "class.js")[0].strip()
    environment.globals |= {
        "style": Markup(style),
        "style_seal": _seal(style),  # the one style sheet that the page's policy lets the browser use
        "script": Markup(script),
        "script_seal": _seal(script),
        "looks": LOOKS,
        "page_of": page_of,
        "reason_of": _reason,
    }
    environment.filters |= {"name": _name, "said": _said, "points": points_text, "breakable": _breakable}
    return environment
