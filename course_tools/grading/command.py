"""What `course grade` does, from a folder of submissions to the gradebook and its pages."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from importlib.machinery import PathFinder
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from course_tools import report as reporting
from course_tools.errors import CourseError, NothingFound
from course_tools.grading import beside, marks
from course_tools.grading import merge as merging
from course_tools.grading.adjust import FILE as ADJUSTMENTS
from course_tools.grading.adjust import adjusted
from course_tools.grading.anonymous import secret_in, without_names
from course_tools.grading.archives import opened
from course_tools.grading.attempts import best_of_each, chosen, each_of, to_grade
from course_tools.grading.feedback import write_feedback
from course_tools.grading.grade import Grader, fingerprint, settings_of
from course_tools.grading.gradebook import IMPORT, missing, sorted_reports, write_gradebook, write_pseudonyms
from course_tools.grading.intake import Submission, find_submissions, printable
from course_tools.grading.journal import DAMAGED, Journal, write_atomically
from course_tools.grading.limits import Limits
from course_tools.grading.marks import Report
from course_tools.grading.names import is_notebook
from course_tools.grading.pages import absent_packages, page_of, write_pages
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
    attempts: str | None = None,
    anonymous: bool | None = None,
    run_all: bool,
    force: bool,
    forget_missing: bool,
    require_sandbox: bool,
    cluster: str | None = None,
) -> list[Report]:
    """Grade the submissions of `lessons` in `folder`, or go on where an earlier run was ended; write up all marks.

    `folder` may be a ZIP archive, too. With the address of a `cluster` its workers grade, each in a sandbox.
    """
    console = reporting.console()
    class_list = _checked_roster(roster)
    with opened(folder, limits.whole_file * 10**6) as handed_in:
        everything = find_submissions(handed_in.folder, project.lesson_names(), handed_in.unpacked, handed_in.closed)
        if not any(is_notebook(one.path) for one in everything):
            raise NothingFound(f"{printable(str(folder))}: no notebook was found in it; nothing was changed.")
        walls = cluster is not None or _walls(console, require_sandbox)
        with Journal(out, folder) as journal:
            _say_damaged(console, journal)
            if class_list is not None:
                write_atomically(journal.out / ROSTER, class_list)
            attempts = chosen(attempts, journal.recorded("attempts"))
            wanted = [to_grade(one, attempts) for one in everything if one.lesson in lessons or not one.lesson]
            anonymous = journal.recorded("anonymous") is True if anonymous is None else anonymous
            secret = secret_in(journal.recorded("secret")) or secrets.token_hex(16)
            seed = journal.settle(seed, asdict(limits), attempts=attempts, anonymous=anonymous, secret=secret)
            if forget_missing:
                _say_forgotten(console, journal.forget_all_but(everything))
            keys = _keys(handed_in.folder, wanted, {**settings_of(seed, run_all), "walls": walls}, limits)
            reports = {} if force else _done_already(journal, keys, limits)
            waiting = [one for one in wanted if one not in reports]
            if reports:
                console.print(f"{len(reports)} of {len(wanted)} submissions are unchanged since they were graded.")
            if waiting:
                files = [each for one in waiting for each in each_of(one)]
                if cluster is None:
                    graders = _on_this_machine(handed_in.folder, files, seed, run_all, jobs, limits, walls)
                else:
                    from course_tools.grading.cluster import Cluster  # it needs Dask

                    graders = Cluster(cluster, seed, limits, run_all, console.print).grade(handed_in.folder, files)
                with _progress(console) as progress, closing(graders) as graded:
                    task = progress.add_task("grading", total=len(wanted), completed=len(reports))
                    lines = reporting.PlainProgress(console, len(wanted), len(reports))
                    for one, best, report in best_of_each(waiting, graded):
                        reports[one] = journal.store(best, keys[one], report, asdict(limits))
                        progress.advance(task)
                        lines.advance()
            ordered = [reports[one] for one in wanted]
            _write_up(console, project, journal)
            kept = len(journal.kept()) - len(ordered)
    console.print(_summary(ordered))
    not_graded = sum(bool(report.problem) for report in ordered)
    sum_of_all = f"{len(ordered)} handed in: {len(ordered) - not_graded} graded, {not_graded} not"
    console.print(f"{sum_of_all}, for the reasons given here." if not_graded else f"{sum_of_all}.")
    for report in ordered:
        if report.problem or report.newer:
            console.print(f"{report.student}: {printable(report.file)}: {report.problem or report.newer}")
        if report.left_out:
            print_them = "; ".join(map(printable, report.left_out))
            console.print(f"{report.student}: not to be had for {printable(report.file)}: {print_them}")
        if report.earlier:
            before = ", ".join(map(printable, report.earlier))
            console.print(f"{report.student}: {printable(report.file)} counts, the last attempt; before it: {before}.")
        if report.beaten:
            others = ", ".join(map(printable, report.beaten))
            console.print(f"{report.student}: {printable(report.file)} counts, the best attempt; the others: {others}.")
    for name, count in absent_packages(ordered):
        console.print(f"{name} is imported in {count} of them and not installed here; the class page says what to do.")
    if late := sum(report.late for report in ordered):
        console.print(f"{late} {'was' if late == 1 else 'were'} handed in late.")
    if kept:
        console.print(f"{kept} report{'s' * (kept > 1)} of earlier runs {'are' if kept > 1 else 'is'} kept, too.")
    console.print(f"seed {seed}; the marks are in {out / 'gradebook.csv'}, the class page is {out / 'index.html'}")
    return ordered


def _on_this_machine(
    folder: Path, files: list[Submission], seed: int, run_all: bool, jobs: int, limits: Limits, walls: bool
) -> Iterator[tuple[Submission, Report]]:
    with Sandbox(limits, walls) as sandbox:
        yield from Grader(sandbox, seed, run_all).grade(folder, files, jobs)


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


def merge(project: Project, folders: list[Path], out: Path) -> None:
    """Bring the marks in `folders` together in the folder `out`, and write up all of them.

    Raises `CourseError` if one of them is no folder of marks; then nothing is written.
    """
    console = reporting.console()
    merging.check(folders, out)
    with Journal(out) as journal:
        _say_damaged(console, journal)
        for sentence in merging.merge(folders, journal):
            console.print(sentence)
        _write_up(console, project, journal)
        console.print(f"{len(journal.kept())} reports are in {out}; the marks are in {out / 'gradebook.csv'}.")


def _write_up(console: Console, project: Project, journal: Journal) -> None:
    """Tables and pages of all that is kept, with what the teacher wrote by hand."""
    reports, complaints = adjusted(journal.kept(), journal.out / ADJUSTMENTS)
    for sentence in complaints:
        console.print(sentence)
    roster = read_roster(journal.out / ROSTER) if (journal.out / ROSTER).exists() else None
    _say_who_is_not_there(console, roster, sorted({report.student for report in reports}))
    write_gradebook(journal.out, reports, roster)
    pages = [(report, report) for report in sorted_reports(reports)]
    if journal.recorded("anonymous") is True:
        if not (secret := secret_in(journal.recorded("secret"))):
            raise CourseError("settings.json has lost the secret of the pseudonyms; grading again makes a new one.")
        pages = without_names(sorted_reports(reports), secret)
    write_pages(journal.out, [shown for _, shown in pages], project.notebooks)
    write_feedback(journal.out, [(report, page_of(shown)) for report, shown in pages])
    write_pseudonyms(journal.out, pages)


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
    project: Project, lessons: list[str], *, seed: int, jobs: int, limits: Limits, run_all: bool, require_sandbox: bool
) -> bool:
    """Grade what must get all points, none, and some; True if every mark is as it should be."""
    console = reporting.console()
    walls = _walls(console, require_sandbox)
    wrong = 0
    with _progress(console) as progress, Sandbox(limits, walls) as sandbox:
        grader = Grader(sandbox, seed, run_all)
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


def _keys(folder: Path, submissions: Iterable[Submission], settings: dict, limits: Limits) -> dict[Submission, str]:
    """What each submission's marks depend on, as a short text."""
    prints: dict[str, str] = {}
    keys = {}
    for one in submissions:
        if one.lesson and one.lesson not in prints:
            prints[one.lesson] = fingerprint(one.lesson, settings)
        contents = [_content(folder, each, limits.whole_file) for each in each_of(one)]
        keys[one] = f"{' '.join(contents)} {prints.get(one.lesson, '')} {one.problem}"
    return keys


def _content(folder: Path, one: Submission, largest: int) -> str:
    """What is in a file and in those beside it, as a short text."""
    place = one.place(folder)
    try:
        content = digest(place / one.path, largest * 10**6, place)
    except Unreadable as error:
        content = str(error)
    return f"{content} {beside.digest(one.beside, place)}".strip()


def _done_already(journal: Journal, keys: dict[Submission, str], limits: Limits) -> dict[Submission, Report]:
    found = {one: journal.load(one, key, asdict(limits)) for one, key in keys.items()}
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
