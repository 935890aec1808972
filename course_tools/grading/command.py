"""What `course grade` does, from a folder of submissions to the gradebook and its pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from importlib.machinery import PathFinder
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from course_tools import report as reporting
from course_tools.errors import CourseError, NothingFound
from course_tools.grading import marks
from course_tools.grading.adjust import FILE as ADJUSTMENTS
from course_tools.grading.adjust import adjusted
from course_tools.grading.archives import opened
from course_tools.grading.grade import Grader, fingerprint, settings_of
from course_tools.grading.gradebook import IMPORT, missing, write_gradebook
from course_tools.grading.intake import Submission, find_submissions, printable
from course_tools.grading.journal import DAMAGED, Journal, write_atomically
from course_tools.grading.limits import Limits
from course_tools.grading.marks import Report
from course_tools.grading.names import is_notebook
from course_tools.grading.pages import absent_packages, write_pages
from course_tools.grading.reading import Unreadable, digest
from course_tools.grading.roster import FILE as ROSTER
from course_tools.grading.roster import Person, Roster, read_roster
from course_tools.grading.sandbox import Sandbox, why_no_walls
from course_tools.grading.selftest import complaints, notebooks_missing
from course_tools.project import Project

_NO_WALLS = (
    "WARNING: there is no sandbox: {reason}.\n"
    "Submissions run as you, with your rights to read files and to use the network; only time, memory and output are "
    "limited. Use this for people you trust, or in a machine with nothing to lose."
)


def grade_folder(
    project: Project,
    folder: Path,
    out: Path,
    lessons: list[str],
    *,
    seed: int | None,
    jobs: int,
    limits: Limits,
    roster: Path | None,
    run_all: bool,
    force: bool,
    forget_missing: bool,
    require_sandbox: bool,
) -> list[Report]:
    """Grade the submissions of `lessons` in `folder`, or go on where an earlier run was ended; write up all marks.

    `folder` may be a ZIP archive, too.
    """
    console = reporting.console()
    class_list = _checked_roster(roster)
    with opened(folder, limits.whole_file * 10**6) as handed_in:
        everything = find_submissions(handed_in.folder, project.lesson_names(), handed_in.unpacked, handed_in.closed)
        if not any(is_notebook(one.path) for one in everything):
            raise NothingFound(f"{printable(str(folder))}: no notebook was found in it; nothing was changed.")
        walls = _walls(console, require_sandbox)
        wanted = [one for one in everything if one.lesson in lessons or not one.lesson]
        with Journal(out, folder) as journal:
            _say_damaged(console, journal)
            if class_list is not None:
                write_atomically(journal.out / ROSTER, class_list)
            seed = journal.settle(seed, asdict(limits))
            if forget_missing:
                _say_forgotten(console, journal.forget_all_but(everything))
            keys = _keys(handed_in.folder, wanted, {**settings_of(seed, limits, run_all), "walls": walls})
            reports = {} if force else _done_already(journal, keys)
            waiting = [one for one in wanted if one not in reports]
            if reports:
                console.print(f"{len(reports)} of {len(wanted)} submissions are unchanged since they were graded.")
            if waiting:
                with _progress(console) as progress, Sandbox(limits, walls) as sandbox:
                    task = progress.add_task("grading", total=len(wanted), completed=len(reports))
                    for one, report in Grader(sandbox, seed, run_all).grade(handed_in.folder, waiting, jobs):
                        reports[one] = journal.store(one, keys[one], report)
                        progress.advance(task)
            ordered = [reports[one] for one in wanted]
            _write_up(console, project, journal)
            kept = len(journal.kept()) - len(ordered)
    console.print(_summary(ordered))
    for report in ordered:
        if report.problem or report.newer:
            console.print(f"{report.student}: {printable(report.file)}: {report.problem or report.newer}")
        if report.earlier:
            before = ", ".join(map(printable, report.earlier))
            console.print(f"{report.student}: {printable(report.file)} counts, the last attempt; before it: {before}.")
    for name, count in absent_packages(ordered):
        console.print(f"{name} is imported in {count} of them and not installed here; the class page says what to do.")
    if late := sum(report.late for report in ordered):
        console.print(f"{late} {'was' if late == 1 else 'were'} handed in late.")
    if kept:
        console.print(f"{kept} report{'s' * (kept > 1)} of earlier runs {'are' if kept > 1 else 'is'} kept, too.")
    console.print(f"seed {seed}; the marks are in {out / 'gradebook.csv'}, the class page is {out / 'index.html'}")
    return ordered


def forget(project: Project, out: Path, students: list[str]) -> None:
    """Delete the reports of `students` from the folder `out`, and write up the marks that are left.

    Raises `CourseError` if there is no such folder of marks, or no such student in it; then nothing is deleted.
    """
    console = reporting.console()
    if not (out / "reports").is_dir():
        raise CourseError(f"{printable(str(out))} is no folder of marks.")
    with Journal(out) as journal:
        _say_damaged(console, journal)
        known = {report.student for report in journal.kept()}
        if unknown := [student for student in students if student not in known]:
            raise CourseError(f"No marks of {', '.join(map(printable, unknown))} are kept in {printable(str(out))}.")
        for student in students:
            _say_forgotten(console, journal.forget(student))
        _write_up(console, project, journal)


def _write_up(console: Console, project: Project, journal: Journal) -> None:
    """Tables and pages of all that is kept, with what the teacher wrote by hand."""
    reports, complaints = adjusted(journal.kept(), journal.out / ADJUSTMENTS)
    for sentence in complaints:
        console.print(sentence)
    roster = read_roster(journal.out / ROSTER) if (journal.out / ROSTER).exists() else None
    _say_who_is_not_there(console, roster, sorted({report.student for report in reports}))
    write_gradebook(journal.out, reports, roster)
    write_pages(journal.out, reports, project.notebooks)


def _checked_roster(file: Path | None) -> bytes | None:
    """The content of a roster, once it is known to be one."""
    if file is None:
        return None
    read_roster(file)
    return file.read_bytes()


def _say_who_is_not_there(console: Console, roster: Roster | None, students: list[str]) -> None:
    if roster is None:
        return
    whose: dict[Person | None, list[str]] = {}
    for student in students:
        whose.setdefault(roster.person(student), []).append(student)
    for student in whose.pop(None, []):
        console.print(f"{student} fits nobody on the roster, or more than one.")
    for several in whose.values():
        if len(several) > 1:
            console.print(f"{' and '.join(several)} are one person on the roster; a lesson of both is not in {IMPORT}.")
    absent = missing(roster, students)
    if absent:
        console.print(f"{len(absent)} of {len(roster.people)} on the roster handed in nothing; totals.csv has them.")


def _say_damaged(console: Console, journal: Journal) -> None:
    for name in journal.damaged:
        console.print(f"{name} was damaged and lies in {DAMAGED}/ now; what it was of must be graded again.")


def _say_forgotten(console: Console, reports: list[Report]) -> None:
    for report in reports:
        console.print(f"Forgotten: {report.student}, {report.lesson or printable(report.file)}.")


def self_test(
    project: Project, lessons: list[str], *, seed: int, jobs: int, limits: Limits, require_sandbox: bool
) -> bool:
    """Grade what must get all points, none, and some; True if every mark is as it should be."""
    console = reporting.console()
    walls = _walls(console, require_sandbox)
    wrong = 0
    with _progress(console) as progress, Sandbox(limits, walls) as sandbox:
        grader = Grader(sandbox, seed)
        task = progress.add_task("lessons", total=len(lessons))
        for lesson in lessons:
            if missing := notebooks_missing(project, lesson):
                raise CourseError(f"{project.relative(missing[0])} is missing; `course build` makes it.")
            found = list(complaints(project, lesson, grader, seed, jobs))
            wrong += len(found)
            console.print(f"{lesson}: {'every mark is as it should be' if not found else f'{len(found)} wrong'}")
            for words in found:
                console.print(f"    {words}")
            progress.advance(task)
    return not wrong


def _walls(console: Console, required: bool) -> bool:
    """Whether there is a sandbox; without one, refuse or say so plainly."""
    reason = why_no_walls()
    if reason and required:
        raise CourseError(f"There is no sandbox: {reason}. Nothing was run.")
    if reason:
        console.print(_NO_WALLS.format(reason=reason), style="bold yellow")
    return not reason


def _keys(folder: Path, submissions: Iterable[Submission], settings: dict) -> dict[Submission, str]:
    """What each submission's marks depend on, as a short text."""
    prints: dict[str, str] = {}
    keys = {}
    for one in submissions:
        if one.lesson and one.lesson not in prints:
            prints[one.lesson] = fingerprint(one.lesson, settings)
        try:
            place = one.place(folder)
            content = digest(place / one.path, settings["limits"]["whole_file"] * 10**6, place)
        except Unreadable as error:
            content = str(error)
        keys[one] = f"{content} {prints.get(one.lesson, '')} {one.problem}"
    return keys


def _done_already(journal: Journal, keys: dict[Submission, str]) -> dict[Submission, Report]:
    found = {one: journal.load(one, key) for one, key in keys.items()}
    return {one: report for one, report in found.items() if report is not None and not _lacks_what_is_here(report)}


def _lacks_what_is_here(report: Report) -> bool:
    """Whether a package was missing when it was graded that has been installed since."""
    # Only looked for on disk: a student may have made the name up, and "__main__" is more than a file.
    return any(PathFinder.find_spec(name) for name, _ in absent_packages([report]))


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip


def _summary(reports: list[Report]) -> Table:
    """One row per lesson: how many, the mean, and how often each verdict was given."""
    table = Table("lesson", title="Graded", title_justify="left")
    for heading in ("submissions", "mean points", "of"):
        table.add_column(heading, justify="right")
    table.add_column("verdicts")
    for lesson in sorted({report.lesson for report in reports}):
        group = [report for report in reports if report.lesson == lesson]
        counts = Counter(mark.verdict for report in group for mark in report.marks)
        mean = sum(report.points for report in group) / len(group)
        words = ", ".join(f"{counts[verdict]} {verdict}" for verdict in marks.VERDICTS if counts[verdict])
        table.add_row(lesson or "of no lesson", str(len(group)), f"{mean:.2f}", str(group[0].out_of), words)
    return table
