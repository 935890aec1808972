"""What was handed in: which student, which lesson, which file.

Everything here was written by strangers, the names of files and folders included. No link is followed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from course_tools.errors import CourseError
from course_tools.grading import gradescope
from course_tools.grading.names import is_flat, is_notebook, is_zip, read_path
from course_tools.grading.reading import Unreadable, digest, lessons_named, read_bytes

DEEPEST = 8  # folders inside one another; nbgrader's layout has two
# Left by zip programs, by Python, by Windows; Gradescope's list of who is who; what comes with any folder.
_NOT_SUBMISSIONS = {"__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini", gradescope.LIST, "README.md"}
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
# Control characters, line separators, what turns the direction of writing round, and halves of characters.
_TRICKY = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Submission:
    """One file of one student, or what is wrong with it: then `problem` is a sentence and the file is not to be read.

    `student` can be printed anywhere; `path` is as the file system spells it, from the submissions' folder. `lesson`
    is "" when the file is of no known lesson. What came in an archive lies, under the same path, in `unpacked` instead.
    """

    student: str
    lesson: str
    path: str
    problem: str = ""
    late: bool = False
    unpacked: Path | None = None
    attempt: tuple[str, ...] = ()  # as in `names.Said`
    earlier: tuple[str, ...] = ()  # the paths of attempts before this one

    def place(self, folder: Path) -> Path:
        """The folder in which `path` lies; `folder` is that of the submissions."""
        return self.unpacked or folder


def printable(text: str, keep: str = "") -> str:
    r"""`text` with every character that is not to be seen written as Python does, `\n` or `\u202e`, except `keep`."""
    return _TRICKY.sub(lambda found: found[0] if found[0] in keep else ascii(found[0])[1:-1], text)


def find_submissions(
    folder: Path, lessons: list[str], unpacked: Path | None = None, closed: Mapping[str, str] | None = None
) -> list[Submission]:
    """What lies in `folder`, sorted by student and lesson; `lessons` are the names of all lessons there are.

    The layouts `<student>/<lesson>.ipynb`, nbgrader's `<student>/<lesson>/<lesson>.ipynb`, the flat
    `<student>_<lesson>.ipynb` and those of learning platforms (`names`) may be mixed. Where the name says no lesson,
    the notebook does. Every file and every folder is accounted for: what is no notebook is listed with the reason,
    unless it lies beside one. A student has at most one submission of a lesson: the last attempt, where the platform
    says which that is; else, if two different files claim to be it, neither is chosen. `unpacked` and `closed` are what
    `archives.opened` made of the archives; without them archives are listed as they are. Raises `CourseError` if there
    is no such folder, or if Gradescope's list of who is who cannot be read.
    """
    if not folder.is_dir():
        raise CourseError(f"{printable(str(folder))}: there is no such folder of submissions.")
    cover = _without_covers(folder, lessons).relative_to(folder)
    whose = _submitters(folder / cover)

    def all_of(entries: Iterable[_Entry], place: Path) -> Iterator[tuple[_Entry, Submission]]:
        for entry in entries:
            one = _submission(place, cover, entry, lessons)
            for student in whose.get(entry.path.parts[0], [one.student]):  # each member of a group
                yield entry, replace(one, student=printable(student), unpacked=None if place == folder else place)

    entries = list(all_of(_entries(folder / cover, bool(unpacked)), folder))
    if unpacked and (unpacked / cover).is_dir():
        entries += all_of(_entries(unpacked / cover, False), unpacked)
    shut = (_Entry(Path(path).relative_to(cover), problem) for path, problem in (closed or {}).items())
    entries += all_of(shut, folder)
    with_notebook = {one.student for entry, one in entries if entry.is_notebook}
    claims: dict[tuple[str, str], list[Submission]] = {}
    found = []
    for entry, submission in entries:
        if submission.lesson:
            claims.setdefault((submission.student, submission.lesson), []).append(submission)
        elif entry.is_notebook or submission.student not in with_notebook:
            found.append(submission)
    found += [_only_one(folder, rivals) for rivals in claims.values()]
    return sorted(found, key=lambda one: (one.student.casefold(), one.student, one.lesson, one.path))


def visible(names: Iterable[str]) -> list[str]:
    """Those names in a folder that a student may have handed in, in order."""
    return sorted(name for name in names if not name.startswith(".") and name not in _NOT_SUBMISSIONS)


def _without_covers(folder: Path, lessons: list[str]) -> Path:
    """The folder in which the students' own begin: some archives have one more around all of them."""
    for _ in range(DEEPEST):
        if (folder / gradescope.LIST).exists():
            return folder
        names = _list(folder)
        one = len(names) == 1 and _is_folder(folder / names[0]) and not is_flat(names[0])
        inside = _list(folder / names[0]) if one else []
        folders = [name for name in inside if _is_folder(folder / names[0] / name)]
        # What looks like one student's folder, with notebooks, or with nbgrader's folder for each lesson, is one.
        alone = set(folders) & set(lessons) or any(is_notebook(name) for name in inside)
        if not _are_of_several(inside, lessons) and (not folders or alone):
            return folder
        folder = folder / names[0]
    return folder


def _are_of_several(names: list[str], lessons: list[str]) -> bool:
    """Whether these files and folders are a class's: a platform named them, or two students handed in one lesson."""
    if any(map(is_flat, names)):
        return True
    said = [read_path(Path(name), lessons) for name in names if is_notebook(name) or is_zip(name)]
    pairs = {(one.lesson, one.student) for one in said if one.lesson and one.student}
    return len(pairs) > len({lesson for lesson, _ in pairs})


def _submitters(top: Path) -> dict[str, list[str]]:
    """Whose each of Gradescope's folders in `top` is; {} if `top` is no export of Gradescope."""
    file = top / gradescope.LIST
    if not file.exists():
        return {}
    try:
        return gradescope.submitters(read_bytes(file, gradescope.LARGEST_LIST, top))
    except Unreadable as error:
        raise CourseError(f"{printable(str(file))} says whose the submissions are. {error}") from None
    except ValueError:
        raise CourseError(
            f"{printable(str(file))} is not as Gradescope writes it, so whose the submissions are is not known; export "
            "them again."
        ) from None


def _list(folder: Path) -> list[str]:
    try:
        return visible(os.listdir(folder))
    except OSError:
        return []


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path) and not path.is_symlink()


@dataclass(frozen=True)
class _Entry:
    """Something that was handed in: its path from where students' folders begin, and what is wrong with it."""

    path: Path
    problem: str = ""
    is_notebook: bool = True


def _entries(top: Path, zips_are_open: bool) -> Iterator[_Entry]:
    """Every notebook, everything that may hide one, and everybody's files where there is none.

    Archives that were opened are left out: what they hold is looked at where it was unpacked.
    """
    for name in visible(os.listdir(top)):
        path = top / name
        if os.path.isdir(path):  # Path.is_dir raises where a folder may be listed, but not entered
            yield from _entries_of(top, path, zips_are_open)
        elif is_notebook(name):
            yield _Entry(Path(name))
        elif not (zips_are_open and is_zip(name)):
            yield _Entry(Path(name), _no_notebook(name), is_notebook=False)


def _entries_of(top: Path, folder: Path, zips_are_open: bool) -> Iterator[_Entry]:
    """The same in one student's folder."""
    others, found, waiting = [], False, [folder]
    while waiting:
        here = waiting.pop()
        place = here.relative_to(top)
        problem = ""
        if here.is_symlink():
            problem = "It is a link to a folder, and links are not followed."
        elif is_notebook(here.name):
            problem = "It is a folder, not a file."
        elif len(place.parts) > DEEPEST:
            problem = "This folder lies too deep inside others."
        else:
            try:
                names = visible(os.listdir(here))
            except OSError as error:
                problem = f"This folder cannot be opened: {error.strerror}."
        if problem:
            found = True
            yield _Entry(place, problem)
            continue
        for name in names:
            if os.path.isdir(here / name):
                waiting.append(here / name)
            elif is_notebook(name):
                found = True
                yield _Entry(place / name)
            elif zips_are_open and is_zip(name):
                found = True
            else:
                others.append(name)
    if not found:
        there = f", only {printable(', '.join(sorted(others)[:3]))}" if others else ""
        unpack = " Unpack it." if any(name.lower().endswith(_ARCHIVES) for name in others) else ""
        problem = f"There is no notebook in this folder{there}.{unpack}"
        yield _Entry(folder.relative_to(top), problem, is_notebook=False)


def _no_notebook(name: str) -> str:
    if name.lower().endswith(_ARCHIVES):
        return "It is an archive: unpack it into a folder of the student's name."
    return "It is not a notebook: its name does not end in .ipynb."


def _submission(folder: Path, cover: Path, entry: _Entry, lessons: list[str]) -> Submission:
    said, path = read_path(entry.path, lessons), cover / entry.path
    problem, lesson = entry.problem, said.lesson
    if not entry.is_notebook:
        return Submission(printable(said.student or path.name), "", str(path), problem, said.late)
    if not said.student:
        says = "Its name says no student, as <student>_<lesson>.ipynb does."
        return Submission(printable(path.name), "", str(path), problem or says)
    if not lesson and not problem:
        lesson, problem = _lesson_inside(folder, path, lessons)
    return Submission(printable(said.student), lesson, str(path), problem, said.late, attempt=said.attempt)


def _lesson_inside(folder: Path, path: Path, lessons: list[str]) -> tuple[str, str]:
    """Of which lesson a notebook is by what it says itself; and a problem if of none."""
    try:
        found = [lesson for lesson in lessons_named(folder / path, within=folder) if lesson in lessons]
    except Unreadable as error:
        return "", str(error)
    return (found[0], "") if found else ("", "Neither its name nor its first cells say of which lesson it is.")


def _only_one(folder: Path, rivals: list[Submission]) -> Submission:
    """The one of the files for the same student and lesson that counts: the last attempt; none if that is not known."""
    rivals = sorted(rivals, key=lambda one: (one.attempt, one.path))
    known = len({one.attempt[:1] for one in rivals}) == 1 and all(one.attempt for one in rivals)
    last = [one for one in rivals if not known or one.attempt == rivals[-1].attempt]
    chosen = replace(last[0], earlier=tuple(one.path for one in rivals if one not in last))
    if len(last) == 1 or _are_equal(folder, last):
        return chosen
    names = " and ".join(printable(one.path) for one in last)
    return replace(chosen, problem=f"There are {len(last)} different files: {names}.")


def _are_equal(folder: Path, files: list[Submission]) -> bool:
    try:
        return len({digest(one.place(folder) / one.path, within=one.place(folder)) for one in files}) == 1
    except Unreadable:
        return False
