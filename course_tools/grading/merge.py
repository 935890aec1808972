"""Several folders of marks made into one: of a class that was graded by several people, or on several machines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from course_tools.errors import CourseError
from course_tools.grading.adjust import COLUMNS
from course_tools.grading.adjust import FILE as ADJUSTMENTS
from course_tools.grading.intake import printable
from course_tools.grading.journal import Journal, Kept, is_marks, read_reports, read_settings, stem_of, write_atomically
from course_tools.grading.roster import FILE as ROSTER
from course_tools.grading.tables import read_table


@dataclass(frozen=True)
class _Found:
    """A report, where it is from, and when it was written, as far as the file tells."""

    folder: Path
    kept: Kept
    written: int

    @property
    def rank(self) -> tuple[bool, int]:
        """Of two for the same student and lesson the greater counts: one that was read, and the later one."""
        return not self.kept.report.problem, self.written


def check(folders: list[Path], out: Path) -> None:
    """Raises `CourseError` if a folder is none of marks, or the one to merge into, or if there are too few."""
    for folder in folders:
        if not is_marks(folder):
            raise CourseError(f"{printable(str(folder))} is no folder of marks; nothing was changed.")
        if folder.resolve() == out.resolve():
            raise CourseError(f"{printable(str(folder))} is the folder to merge into, and has all of its own already.")
    if not folders:
        raise CourseError("Give the folders of marks to merge; nothing was changed.")


def merge(folders: list[Path], journal: Journal) -> Iterator[str]:
    """Bring the reports in `folders` into a journal, and tell of what a teacher should know in sentences.

    The folders are left as they are, damaged reports in them included. Where there are several reports for a student
    and a lesson, the one that was graded last counts.
    """
    found: dict[str, list[_Found]] = {}
    for folder in [journal.out, *folders]:
        for path, kept in read_reports(folder):
            if kept is None:
                yield f"{printable(str(path))} is damaged and was left out; what it was of must be graded again."
            else:
                one = _Found(folder, kept, path.stat().st_mtime_ns)
                found.setdefault(stem_of(kept.report), []).append(one)
    yield from _other_seeds(folders, journal)
    for several in found.values():
        last = max(several, key=lambda one: one.rank)
        if last.folder != journal.out:
            journal.keep(last.kept)
        if any(_marks(one) != _marks(last) for one in several):
            report = last.kept.report
            places = " and ".join(printable(str(one.folder)) for one in several)
            yield (
                f"{report.student}, {report.lesson or printable(report.file)}: {places} have different marks; those of "
                f"{printable(str(last.folder))} count, which were graded last."
            )
    yield from _files_of_teachers(folders, journal)


def _marks(one: _Found) -> list[tuple]:
    """What must be the same for nobody to wonder: not how long it took."""
    return [(mark.exercise, mark.points, mark.verdict) for mark in one.kept.report.marks]


def _other_seeds(folders: list[Path], journal: Journal) -> Iterator[str]:
    """The settings of the first folder are those of the whole, if there are none yet."""
    settings = [read_settings(folder) for folder in folders]
    own = journal.settings() or settings[0]
    others = {name: own[name] for name in ("attempts", "anonymous", "secret") if name in own}
    journal.settle(own.get("seed"), own.get("limits", {}), **others)
    for folder, theirs in zip(folders, settings, strict=True):
        if theirs.get("seed") != own.get("seed"):
            yield (
                f"{printable(str(folder))} was graded with the seed {theirs.get('seed')}, not {own.get('seed')}: with "
                "other inputs. Grade it again with --seed if they are to be the same for all."
            )


def _files_of_teachers(folders: list[Path], journal: Journal) -> Iterator[str]:
    """The list of the class, and what was written by hand: taken over where there is none, and else named."""
    rosters = [folder / ROSTER for folder in folders if (folder / ROSTER).is_file()]
    own = journal.out / ROSTER
    if rosters and not own.exists():
        write_atomically(own, rosters[0].read_bytes())
    yield from (_unlike(each, own) for each in rosters if each.read_bytes() != own.read_bytes())
    tables = [folder / ADJUSTMENTS for folder in folders if (folder / ADJUSTMENTS).is_file()]
    own = journal.out / ADJUSTMENTS
    if tables and not own.exists():
        write_atomically(own, _as_csv(dict.fromkeys(row for each in tables for row in _adjustments(each))))
    yield from (_unlike(each, own) for each in tables if not set(_adjustments(each)) <= set(_adjustments(own)))


def _unlike(theirs: Path, own: Path) -> str:
    return f"{printable(str(theirs))} holds what {printable(str(own))} does not; see to it by hand."


def _adjustments(file: Path) -> list[tuple[str, ...]]:
    return [tuple(row.get(name, "") for name in COLUMNS) for _, row in read_table(file).rows]


def _as_csv(rows: Iterable[tuple[str, ...]]) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([COLUMNS, *rows])
    return stream.getvalue()
