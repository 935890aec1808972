"""What a teacher writes into `MARKS/adjust.csv` by hand: points and comments, applied whenever marks are written up."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path

from course_tools.errors import CourseError
from course_tools.grading.intake import printable
from course_tools.grading.marks import Report
from course_tools.grading.tables import read_table

FILE = "adjust.csv"
COLUMNS = ("student", "lesson", "exercise", "points", "extra", "comment")
_HEADING = f"its first line must be {','.join(COLUMNS)}"


def adjusted(reports: Iterable[Report], file: Path) -> tuple[list[Report], list[str]]:
    """Copies of `reports` with what stands in `file`, and a sentence for each line that could not be applied.

    A line with an exercise sets its points (`points`), adds to them (`extra`) or comments on them; a line without one
    adds `extra` points to the lesson, or comments on it. Without a file nothing changes. Raises `CourseError` if it is
    no such table.
    """
    reports = deepcopy(list(reports))
    complaints = []
    for number, row in _rows(file):
        try:
            _apply(row, [one for one in reports if one.student == row["student"]])
        except ValueError as error:
            complaints.append(f"{FILE}, line {number}: {printable(str(error))}")
    return reports, complaints


def _rows(file: Path) -> Iterable[tuple[int, dict[str, str]]]:
    try:
        table = read_table(file)
    except FileNotFoundError:
        return
    if not {"student", "lesson"} <= set(table.headings) <= set(COLUMNS):
        raise CourseError(f"{printable(str(file))} is not a table of adjustments: {_HEADING} (fewer columns will do).")
    for number, row in table.rows:
        yield number, dict.fromkeys(COLUMNS, "") | row


def _apply(row: dict[str, str], reports: list[Report]) -> None:
    """Change the report that the line speaks of. Raises ValueError, in a sentence, if there is none."""
    if not reports:
        raise ValueError(f"no marks of a student called {row['student']!r} are kept.")
    report = next((one for one in reports if one.lesson and one.lesson == row["lesson"]), None)
    if report is None:
        raise ValueError(f"no marks of {row['student']!r} for the lesson {row['lesson']!r} are kept.")
    points, extra = _number(row, "points"), _number(row, "extra")
    if not row["exercise"]:
        if points is not None:
            raise ValueError("points are set for an exercise, and it names none; extra points need none.")
        report.extra += extra or 0
        report.comment = " ".join(filter(None, [report.comment, row["comment"]]))
        return
    mark = report.mark(row["exercise"])
    if mark is None:
        raise ValueError(f"the lesson {report.lesson} has no exercise {row['exercise']!r}.")
    before, mark.comment = mark.points, " ".join(filter(None, [mark.comment, row["comment"]]))
    mark.points = (mark.points if points is None else points) + (extra or 0)
    if mark.points != before and mark.earned is None:
        mark.earned = before


def _number(row: dict[str, str], column: str) -> float | None:
    text = row[column].replace(",", ".")
    try:
        number = float(text) if text else None
    except ValueError:
        number = float("nan")
    if number is not None and not abs(number) < 1e6:
        raise ValueError(f"{column} is {row[column]!r}, which is no number of points.")
    return number
