"""The marks as tables: one row per exercise for people and programs, one row per student for the import of an LMS."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from course_tools.grading.anonymous import FILE as PSEUDONYMS
from course_tools.grading.intake import printable
from course_tools.grading.journal import write_atomically
from course_tools.grading.marks import BY_HAND, UNREADABLE, Report
from course_tools.grading.roster import Person, Roster

COLUMNS = ("student", "lesson", "exercise", "points", "out of", "verdict", "reason", "seconds")
IMPORT = "import.csv"
_LONGEST_REASON = 500  # characters; the page of the submission has more
# What begins with one of these is a formula to a spreadsheet, and a formula can send data away. A spreadsheet that
# separates cells by semicolons, as many do outside the English-speaking world, begins a cell after each of them.
_FORMULA = re.compile("(^|;)(?=\\s*[=+\\-@\t\r＝＋－＠])")


def write_gradebook(out: Path, reports: Iterable[Report], roster: Roster | None = None) -> None:
    """Write gradebook.csv, gradebook.json and totals.csv into the folder `out`, each whole or not at all.

    With a roster, those who handed in nothing have a row in totals.csv, and import.csv is what its platform imports.
    """
    reports = sorted_reports(reports)
    write_atomically(out / "gradebook.csv", as_csv(reports))
    rows = [row for report in reports for row in _rows(report)]
    write_atomically(out / "gradebook.json", json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    write_atomically(out / "totals.csv", _csv(_totals(reports, roster)))
    if roster and roster.platform:
        write_atomically(out / IMPORT, _csv(_for_import(reports, roster)))
    else:
        (out / IMPORT).unlink(missing_ok=True)  # of an earlier roster


def write_pseudonyms(out: Path, pages: Iterable[tuple[Report, Report]]) -> None:
    """Write who is who on pages without names, from reports and what is shown of them; nothing if names are shown."""
    rows = sorted({(printable(shown.student), printable(report.student)) for report, shown in pages})
    if all(shown == own for shown, own in rows):
        (out / PSEUDONYMS).unlink(missing_ok=True)
    else:
        write_atomically(out / PSEUDONYMS, _csv([["on pages", "student"], *map(list, rows)]))


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


def _totals(reports: list[Report], roster: Roster | None) -> list[list]:
    """One row per student, one column per lesson. A cell is empty where nothing was handed in."""
    out_of, earned = _out_of(reports), _earned(reports)
    heading = ["student", *(f"{lesson} (of {out_of[lesson]})" for lesson in out_of), "total"]
    rows = [
        [printable(student), *(by_lesson.get(lesson, "") for lesson in out_of), sum(by_lesson.values())]
        for student, by_lesson in earned.items()
    ]
    for person in missing(roster, earned):
        rows.append([printable(person.name), *[""] * len(out_of), 0])
    return [heading, *sorted(rows, key=lambda row: (_as_in_a_list(row[0]), row[0]))]


def _out_of(reports: list[Report]) -> dict[str, int]:
    """The most that a lesson gives: some reports may be older than an exercise."""
    out_of: dict[str, int] = {}
    for report in sorted(reports, key=lambda one: one.lesson):
        if report.marks:
            out_of[report.lesson] = max(report.out_of, out_of.get(report.lesson, 0))
    return out_of


def _earned(reports: list[Report]) -> dict[str, dict[str, float]]:
    """By student, then by lesson."""
    earned: dict[str, dict[str, float]] = {}
    for report in reports:
        by_lesson = earned.setdefault(report.student, {})
        if report.marks:
            by_lesson[report.lesson] = report.points
    return earned


def missing(roster: Roster | None, students: Iterable[str]) -> list[Person]:
    """Who is on the roster and handed in nothing."""
    if roster is None:
        return []
    here = {roster.person(student) for student in students}
    return [person for person in roster.people if person not in here]


def _for_import(reports: list[Report], roster: Roster) -> list[list]:
    """Everybody on the roster; where two students fit the same person, a lesson of both stays empty."""
    earned = _earned(reports)
    by_person: dict[Person | None, list[dict[str, float]]] = {}
    for student, by_lesson in earned.items():
        by_person.setdefault(roster.person(student), []).append(by_lesson)
    points = []
    for person in roster.people:
        mine = by_person.get(person, [])
        counts = Counter(lesson for by_lesson in mine for lesson in by_lesson)
        points.append((person, {name: value for one in mine for name, value in one.items() if counts[name] == 1}))
    return roster.for_import(_out_of(reports), points)


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
