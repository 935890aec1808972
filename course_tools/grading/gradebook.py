"""The marks as tables: one row per exercise for people and programs, one row per student for the import of an LMS."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from course_tools.grading.intake import printable
from course_tools.grading.journal import write_atomically
from course_tools.grading.marks import BY_HAND, UNREADABLE, Report

COLUMNS = ("student", "lesson", "exercise", "points", "out of", "verdict", "reason", "seconds")
_LONGEST_REASON = 500  # characters; the page of the submission has more
# What begins with one of these is a formula to a spreadsheet, and a formula can send data away. A spreadsheet that
# separates cells by semicolons, as many do outside the English-speaking world, begins a cell after each of them.
_FORMULA = re.compile("(^|;)(?=\\s*[=+\\-@\t\r＝＋－＠])")


def write_gradebook(out: Path, reports: Iterable[Report]) -> None:
    """Write gradebook.csv, gradebook.json and totals.csv into the folder `out`, each whole or not at all."""
    reports = sorted_reports(reports)
    write_atomically(out / "gradebook.csv", as_csv(reports))
    rows = [row for report in reports for row in _rows(report)]
    write_atomically(out / "gradebook.json", json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    write_atomically(out / "totals.csv", _csv(_totals(reports)))


def as_csv(reports: Iterable[Report]) -> bytes:
    """The bytes of gradebook.csv."""
    rows = [row for report in sorted_reports(reports) for row in _rows(report)]
    return _csv([list(COLUMNS), *([row[name] for name in COLUMNS] for row in rows)])


def sorted_reports(reports: Iterable[Report]) -> list[Report]:
    """By student, É beside E and a beside A, then by lesson."""
    return sorted(reports, key=lambda one: (_as_in_a_list(one.student), one.student, one.lesson, one.file))


def points_text(points: float) -> str:
    """At most two decimals, none that is not needed: 2, 0.5, 1.33."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def _as_in_a_list(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _rows(report: Report) -> list[dict]:
    whose = {"student": printable(report.student), "lesson": report.lesson}
    if not report.marks:  # of no known lesson
        nothing = {"exercise": "", "points": 0, "out of": 0, "verdict": UNREADABLE, "seconds": 0}
        return [{**whose, **nothing, "reason": _one_line(report.problem)}]
    return [
        {
            **whose,
            "exercise": mark.exercise,
            "points": round(mark.points, 2),
            "out of": mark.out_of,
            "verdict": mark.verdict,
            "reason": _one_line(" ".join(filter(None, [mark.by_hand, mark.mistake, mark.reason])) or report.problem),
            "seconds": round(mark.seconds, 2),
        }
        for mark in report.marks
    ] + _added(whose, report)


def _added(whose: dict, report: Report) -> list[dict]:
    """A row for what a teacher gave for the lesson as a whole."""
    if not (report.extra or report.comment):
        return []
    extra = {"exercise": "", "points": round(report.extra, 2), "out of": 0, "verdict": BY_HAND, "seconds": 0}
    return [{**whose, **extra, "reason": _one_line(report.comment)}]


def _totals(reports: list[Report]) -> list[list]:
    """One row per student, one column per lesson. A cell is empty where nothing was handed in."""
    out_of: dict[str, float] = {}
    for report in reports:
        if report.marks:  # the most there is: some may have been graded before an exercise came
            out_of[report.lesson] = max(report.out_of, out_of.get(report.lesson, 0))
    lessons = sorted(out_of)
    earned: dict[str, dict[str, float]] = {}
    for report in reports:
        by_lesson = earned.setdefault(printable(report.student), {})
        if report.marks:
            by_lesson[report.lesson] = report.points
    heading = ["student", *(f"{lesson} (of {out_of[lesson]})" for lesson in lessons), "total"]
    rows = [
        [student, *(by_lesson.get(lesson, "") for lesson in lessons), sum(by_lesson.values())]
        for student, by_lesson in earned.items()
    ]
    return [heading, *rows]


def _csv(rows: list[list]) -> bytes:
    """The bytes of a CSV file: RFC 4180, in UTF-8 with a byte order mark.

    Without that mark Excel takes UTF-8 for the local code page and spoils every name with an accent, in silence.
    LMSs and pandas skip it; in Python the encoding is called "utf-8-sig".
    """
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([[_cell(value) for value in row] for row in rows])
    return stream.getvalue().encode("utf-8-sig")


def _cell(value) -> str:
    if not isinstance(value, str):
        return points_text(value)
    return _FORMULA.sub(r"\1'", value)


def _one_line(text: str) -> str:
    text = printable(" ".join(text[: 4 * _LONGEST_REASON].split()))
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 1] + "…"
