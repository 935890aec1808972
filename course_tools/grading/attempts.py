"""Which of several attempts at a lesson counts: the last, or the best of all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from course_tools.grading.intake import Submission, of_several_people
from course_tools.grading.marks import Report

LAST, BEST = "last", "best"


def chosen(attempts: str | None, recorded: object) -> str:
    """What counts: as it was given, else as it was recorded, else the last."""
    return attempts or (recorded if recorded in (LAST, BEST) else LAST)


def to_grade(one: Submission, attempts: str) -> Submission:
    """A submission with the attempts of which it is to be the best; with none, if the last counts."""
    if attempts == LAST or not one.rivals or of_several_people(one.rivals):
        return replace(one, rivals=())
    return replace(one, problem="", earlier=())  # of several files with none the last, too, one is the best


def each_of(one: Submission) -> tuple[Submission, ...]:
    """The files to grade for it."""
    return one.rivals or (one,)


def best_of_each(
    wanted: Iterable[Submission], graded: Iterable[tuple[Submission, Report]]
) -> Iterator[tuple[Submission, Submission, Report]]:
    """For each submission, once all its attempts are graded, the one that counts and its report."""
    whose = {attempt: one for one in wanted for attempt in each_of(one)}
    found: dict[Submission, dict[Submission, Report]] = {}
    for attempt, report in graded:
        one = whose[attempt]
        mine = found.setdefault(one, {})
        mine[attempt] = report
        if len(mine) == len(each_of(one)):
            del found[one]
            best, report = _best([(each, mine[each]) for each in each_of(one)])
            yield one, best, report


def _best(reports: list[tuple[Submission, Report]]) -> tuple[Submission, Report]:
    """The most points; of equally many a file that could be read; of those the last."""
    place = max(range(len(reports)), key=lambda n: (reports[n][1].points, not reports[n][1].problem, n))
    best, report = reports[place]
    others = [_points(other) for _, other in reports if other is not report]
    return best, replace(report, beaten=others)


def _points(report: Report) -> str:
    return f"{report.file} ({'not read' if report.problem else f'{report.points:.4g} of {report.out_of} points'})"
