"""What was handed in: which student, which lesson, which file.

Everything here was written by strangers, the names of files and folders included. No link is followed.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from course_tools.errors import CourseError
from course_tools.grading import gradescope
from course_tools.grading.beside import names_below
from course_tools.grading.names import handed_in_beside, is_flat, is_notebook, is_zip, read_path
from course_tools.grading.reading import Unreadable, digest, lessons_named, read_bytes

DEEPEST = 8  # folders inside one another; nbgrader's layout has two
# Left by zip programs, by Python, by Windows; Gradescope's list of who is who; what comes with any folder.
_NOT_SUBMISSIONS = {"__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini", gradescope.LIST, "README.md"}
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
# Control characters, line separators, what turns the direction of writing round, and halves of characters.
_TRICKY = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


_Flat = Mapping[tuple[str, str], Mapping[str, str]]
_APART = 60  # seconds between the times of two files; copying a class gives all of them the same


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
    whose: str = ""  # as in `names.Said`
    earlier: tuple[str, ...] = ()  # the paths of attempts before this one
    beside: tuple[tuple[str, str], ...] = ()  # files beside a notebook: the name it knows them by, and their path
    rivals: tuple[Submission, ...] = ()  # where several files are of this lesson: all, the last at the end

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
    places = [folder, unpacked] if unpacked else [folder]
    covers = _covers(places, lessons)
    entries = list(_all_entries(places, covers, closed or {}, lessons))
    with_notebook = {(entry.cover, one.student) for entry, one in entries if entry.is_notebook}
    claims: dict[tuple[str, str], list[Submission]] = {}
    found = []
    for entry, submission in entries:
        if submission.lesson:
            claims.setdefault((submission.student, submission.lesson), []).append(submission)
        elif entry.is_notebook or (entry.cover, submission.student) not in with_notebook:
            found.append(submission)
    flat = {cover: _flat_files(entry for entry, _ in entries if entry.cover == cover) for cover in covers}
    for rivals in claims.values():
        one = _only_one(folder, rivals)
        found.append(_with_what_is_beside(folder, one, flat))
    return sorted(found, key=lambda one: (one.student.casefold(), one.student, one.lesson, one.path))


def _all_entries(
    places: list[Path], covers: list[Path], closed: Mapping[str, str], lessons: list[str]
) -> Iterator[tuple[_Entry, Submission]]:
    """Everything that was handed in, with each student whose it is: several for a group's."""
    for cover in covers:
        whose = _submitters(places, cover)
        inner = {other.relative_to(cover).parts[0] for other in covers if cover in other.parents}
        found = [
            (place, entry)
            for place in places
            if (place / cover).is_dir()
            for entry in _entries(place, cover, inner, zips_are_open=len(places) > 1 and place is places[0])
        ]
        for path, problem in closed.items():
            if _cover_of(path, covers) == cover:
                found.append((places[0], _Entry(cover, Path(path).relative_to(cover), problem)))
        for place, entry in found:
            one = _submission(place, entry, lessons)
            for student in whose.get(entry.path.parts[0], [one.student]):
                unpacked = None if place is places[0] else place
                yield entry, replace(one, student=_as_one_writes_it(printable(student)), unpacked=unpacked)


def _as_one_writes_it(name: str) -> str:
    """Some systems write an accent as a character of its own; it is the same name."""
    return unicodedata.normalize("NFC", name)


def _cover_of(path: str, covers: Iterable[Path]) -> Path:
    """The innermost of the folders around students' own in which `path` lies."""
    return max((cover for cover in covers if Path(path).is_relative_to(cover)), key=lambda cover: len(cover.parts))


def _with_what_is_beside(folder: Path, one: Submission, flat: Mapping[Path, _Flat]) -> Submission:
    rivals = tuple(_with_what_is_beside(folder, each, flat) for each in one.rivals)
    return replace(one, rivals=rivals, beside=() if one.problem else _beside(folder, one, flat))


def _beside(folder: Path, one: Submission, flat: Mapping[Path, _Flat]) -> tuple[tuple[str, str], ...]:
    """What lies beside a notebook: in its folder, if that is the student's own, else by the platform's names."""
    cover = _cover_of(one.path, flat)
    path = Path(one.path).relative_to(cover)
    if len(path.parts) > 1:
        parent = cover / path.parent
        return tuple((name, str(parent / name)) for name in names_below(one.place(folder) / parent))
    mine = handed_in_beside(path.name)
    return tuple((name, str(cover / file)) for name, file in flat[cover].get(mine[0], {}).items()) if mine else ()


def _flat_files(entries: Iterable[_Entry]) -> _Flat:
    """Files that a platform named, and that are no notebooks: by whose they are, then by the student's own name."""
    names = [each.path.name for each in entries if len(each.path.parts) == 1 and not each.is_notebook]
    found: dict[tuple[str, str], dict[str, str]] = {}
    asked = [(name, told) for name in sorted(names) if (told := handed_in_beside(name))]
    for place in (0, 1):  # what they are called for certain; then what they may have been called
        for name, (whose, own) in asked:
            for each in own[place : place + 1]:
                found.setdefault(whose, {}).setdefault(each, name)
    return found


def visible(names: Iterable[str]) -> list[str]:
    """Those names in a folder that a student may have handed in, in order."""
    return sorted(name for name in names if not name.startswith(".") and name not in _NOT_SUBMISSIONS)


def _covers(places: list[Path], lessons: list[str]) -> list[Path]:
    """The folders in which students' own begin, from the folder of submissions; the first is around all others.

    Several exports may lie side by side, or the work on each lesson in a folder of its name.
    """
    first = _without_covers(places[0], lessons).relative_to(places[0])
    found = {name: place / first / name for place in places for name in _list(place / first)}
    folders = {name: path for name, path in found.items() if _is_folder(path)}
    # A student has a folder, too, and what lies in it may be named as a platform would: so all must be exports.
    exports = [_export_in(path) for path in folders.values()]
    if len(folders) == len(found) and all(exports):
        return [first, *(top.relative_to(place) for top in exports for place in places if place in top.parents)]
    return [first, *(first / name for name in folders if name.casefold() in lessons)]


def _export_in(folder: Path) -> Path | None:
    """The folder, or one that fills it, in which a platform named everything, if it did not name the folder itself."""
    for _ in range(DEEPEST):
        names = [] if is_flat(folder.name) else _list(folder)
        listed = os.path.exists(folder / gradescope.LIST)  # Path.exists raises where nobody may enter
        if names and all(is_flat(name) or (listed and name.startswith("submission_")) for name in names):
            return folder
        if len(names) != 1 or not _is_folder(folder / names[0]):
            return None
        folder = folder / names[0]
    return None


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
    if len(pairs) > len({lesson for lesson, _ in pairs}):
        return True
    # ada.ipynb, ben.ipynb and more of that kind, which say no lesson: so many notebooks are of nobody alone.
    nameless = {re.sub(r"[\W\d_]+", "", one.student.casefold()) for one in said if not one.lesson}
    return len(nameless) == len(said) == len(names) > 2


def _submitters(places: list[Path], cover: Path) -> dict[str, list[str]]:
    """Whose each of Gradescope's folders in `cover` is; {} if it is no export of Gradescope."""
    top = next((place / cover for place in places if (place / cover / gradescope.LIST).exists()), None)
    if top is None:
        return {}
    file = top / gradescope.LIST
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
    """Something that was handed in: where students' folders begin, its path from there, and what is wrong with it."""

    cover: Path
    path: Path
    problem: str = ""
    is_notebook: bool = True


def _entries(place: Path, cover: Path, without: set[str], zips_are_open: bool) -> Iterator[_Entry]:
    """Every notebook, everything that may hide one, and everybody's files where there is none, but for `without`.

    Archives that were opened are left out: what they hold is looked at where it was unpacked.
    """
    for name in visible(os.listdir(place / cover)):
        path = place / cover / name
        if name in without:
            continue
        if os.path.isdir(path):  # Path.is_dir raises where a folder may be listed, but not entered
            yield from _entries_of(place, cover, path, zips_are_open)
        elif is_notebook(name):
            yield _Entry(cover, Path(name))
        elif not (zips_are_open and is_zip(name)):
            yield _Entry(cover, Path(name), _no_notebook(name), is_notebook=False)


def _entries_of(top: Path, cover: Path, folder: Path, zips_are_open: bool) -> Iterator[_Entry]:
    """The same in one student's folder."""
    others, found, waiting = [], False, [folder]
    while waiting:
        here = waiting.pop()
        place = here.relative_to(top / cover)
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
            yield _Entry(cover, place, problem)
            continue
        for name in names:
            if os.path.isdir(here / name):
                waiting.append(here / name)
            elif is_notebook(name):
                found = True
                yield _Entry(cover, place / name)
            elif zips_are_open and is_zip(name):
                found = True
            else:
                others.append(name)
    if not found:
        there = f", only {printable(', '.join(sorted(others)[:3]))}" if others else ""
        unpack = " Unpack it." if any(name.lower().endswith(_ARCHIVES) for name in others) else ""
        problem = f"There is no notebook in this folder{there}.{unpack}"
        yield _Entry(cover, folder.relative_to(top / cover), problem, is_notebook=False)


def _no_notebook(name: str) -> str:
    if name.lower().endswith(_ARCHIVES):
        return "It is an archive: unpack it into a folder of the student's name."
    return "It is not a notebook: its name does not end in .ipynb."


def _submission(folder: Path, entry: _Entry, lessons: list[str]) -> Submission:
    said, path = read_path(entry.path, lessons), entry.cover / entry.path
    problem, lesson = entry.problem, said.lesson
    if not entry.is_notebook:
        return Submission(printable(said.student or path.name), "", str(path), problem, said.late)
    if not said.student:
        says = "Its name says no student, as <student>_<lesson>.ipynb does."
        return Submission(printable(path.name), "", str(path), problem or says)
    if not lesson and not problem:
        lesson, problem = _lesson_inside(folder, path, lessons)
    facts = {"attempt": said.attempt, "whose": said.whose}
    return Submission(printable(said.student), lesson, str(path), problem, said.late, **facts)


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
    last = rivals if of_several_people(rivals) else _last(folder, rivals)
    equal = len(last) == 1 or _are_equal(folder, last)
    before = [one.path for one in rivals if one is not last[0] and (equal or one not in last)]
    chosen = replace(last[0], earlier=tuple(before), rivals=tuple(rivals[:-1] and rivals))
    if equal:
        return chosen
    names = " and ".join(printable(one.path) for one in last)
    return replace(chosen, problem=f"There are {len(last)} different files: {names}.")


def of_several_people(rivals: Iterable[Submission]) -> bool:
    """Whether they may be of two students of one name, as far as the platform tells."""
    return len({one.whose for one in rivals if one.whose}) > 1


def _last(folder: Path, rivals: list[Submission]) -> list[Submission]:
    """The last attempt, by the platform's number or time, else by the files' own; several if nothing tells."""
    known = len({one.attempt[:1] for one in rivals}) == 1 and all(one.attempt for one in rivals)
    last = [one for one in rivals if not known or one.attempt == rivals[-1].attempt]
    if len(last) == 1 or (not known and any(one.attempt for one in last)):
        return last
    return _latest(folder, last)


def _latest(folder: Path, files: list[Submission]) -> list[Submission]:
    """The one file that was last changed; all of them where the times of the last two are nearly the same."""
    try:
        times = {one: os.lstat(one.place(folder) / one.path).st_mtime for one in files}
    except OSError:
        return files
    *_, before, last = sorted(files, key=times.__getitem__)
    return [last] if times[last] - times[before] >= _APART else files


def _are_equal(folder: Path, files: list[Submission]) -> bool:
    try:
        return len({digest(one.place(folder) / one.path, within=one.place(folder)) for one in files}) == 1
    except Unreadable:
        return False
