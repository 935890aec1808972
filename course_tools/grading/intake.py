"""What was handed in: which student, which lesson, which file, and the code cells in it.

Everything here was written by strangers, the names of files and folders included. Nothing is executed, no link is
followed, and no file can keep the grader waiting.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from course_tools.errors import CourseError
from course_tools.grading import gradescope
from course_tools.grading.names import is_flat, is_notebook, is_zip, read_path

LARGEST = 64_000_000  # bytes; a notebook with 50 MB of outputs is still read
_MOST_PARTS = 5_000_000  # values in one file; 64 MB of "[]," would fill gigabytes when read
DEEPEST = 8  # folders inside one another; nbgrader's layout has two
# Left by zip programs, by Python, by Windows; Gradescope's list of who is who; what comes with any folder.
_NOT_SUBMISSIONS = {"__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini", gradescope.LIST, "README.md"}
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
_STARTED = re.compile(r"""\bstart\(\s*["'](\w+)["']""")  # course_lib.start("09_convolution"), in the set-up cell
# Control characters, line separators, what turns the direction of writing round, and halves of characters.
_TRICKY = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Unreadable(Exception):
    """A file that cannot be graded; the message says why in a sentence."""


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


@dataclass(frozen=True)
class Content:
    """What a notebook holds: the sources of its code cells, and the exercises whose cell was turned into text."""

    cells: list[str]
    in_text: set[str]


def read_notebook(path: Path, max_bytes: int = LARGEST, within: Path | None = None) -> Content:
    """The content of a notebook, format 3 or 4. Raises `Unreadable`.

    With `within`, the folder of submissions, no folder between it and the file may be a link either.
    """
    content = Content([], set())
    for number, cell in enumerate(_cells(_parse(_decoded(read_bytes(path, max_bytes, within)))), start=1):
        if _is_code(number, cell):
            content.cells.append(_source(number, cell))
        elif name := _exercise_of(cell):
            content.in_text.add(name)
    return content


def digest(path: Path, max_bytes: int = LARGEST, within: Path | None = None) -> str:
    """The sha256 of a file, in hex. Raises `Unreadable`."""
    return hashlib.sha256(read_bytes(path, max_bytes, within)).hexdigest()


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
    """Of which lesson a notebook is, by its metadata or the cell that starts the course; and a problem if of none."""
    try:
        notebook = _parse(_decoded(read_bytes(folder / path, LARGEST, folder)))
        metadata = notebook.get("metadata") if isinstance(notebook, dict) else None
        course = metadata.get("course") if isinstance(metadata, dict) else None
        named = [course.get("lesson")] if isinstance(course, dict) else []
        for number, cell in enumerate(_cells(notebook), start=1):
            if _is_code(number, cell):
                named += _STARTED.findall(_source(number, cell))
    except Unreadable as error:
        return "", str(error)
    found = [lesson for lesson in named if lesson in lessons]
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


def read_bytes(path: Path, max_bytes: int, within: Path | None) -> bytes:
    """The bytes of a regular file that is no link, at most `max_bytes`. Raises `Unreadable`."""
    if within is not None and path.parent.resolve() != within.resolve() / path.relative_to(within).parent:
        raise Unreadable("It lies in a folder that is a link, and links are not followed.")
    try:
        # O_NONBLOCK: opening a pipe must not wait for somebody who writes to it.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unreadable(_why_closed(error)) from None
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode):
        os.close(handle)
        raise Unreadable("It is not a regular file.")
    with open(handle, "rb") as stream:
        content = b"" if facts.st_size > max_bytes else stream.read(max_bytes + 1)  # it may have grown
    size = max(facts.st_size, len(content))
    if size > max_bytes:
        raise Unreadable(f"It is too large: {megabytes(size)}, and at most {megabytes(max_bytes)} are read.")
    if not content.strip():
        raise Unreadable("It is empty.")
    return content


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"It is not text in UTF-8: byte {error.start + 1} cannot be read.") from None


def _why_closed(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "It is a symbolic link, and links are not followed."
    if error.errno == errno.ENXIO:
        return "It is not a regular file."
    return f"It cannot be opened: {error.strerror}."


def megabytes(size: int) -> str:
    return f"{size / 10**6:,.0f} MB" if size >= 10**7 else f"{size / 10**6:.3g} MB"


def _has_too_many_parts(text: str) -> bool:
    if len(text) <= _MOST_PARTS:
        return False
    text = text.replace(r"\\", "").replace(r"\"", "")  # now every quotation mark begins or ends a string
    if text.count('"') > 2 * _MOST_PARTS:
        return True
    text = re.sub('"[^"]*"?', "", text)
    return sum(map(text.count, "[{,")) > _MOST_PARTS


def _parse(text: str):
    if _has_too_many_parts(text):
        raise Unreadable(f"It is too large: it has more than {_MOST_PARTS:,} values.")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        # A text without its end fails at the end, or in the string that was not closed.
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            raise Unreadable("It breaks off: the file is not complete.") from None
        raise Unreadable(f"It is not valid JSON: {error.msg} in line {error.lineno}.") from None
    except (RecursionError, MemoryError):
        raise Unreadable("It is nested too deeply, or too large, to be read.") from None
    except ValueError as error:  # a number of thousands of digits
        raise Unreadable(f"It is not valid JSON: {error}.") from None


def _cells(notebook) -> list:
    """All cells: format 4 has one list, format 3 has one for each worksheet."""
    if isinstance(notebook, dict):
        cells, sheets = notebook.get("cells"), notebook.get("worksheets")
        if isinstance(cells, list):
            return cells
        if isinstance(sheets, list) and all(isinstance(s, dict) and isinstance(s.get("cells"), list) for s in sheets):
            return [cell for sheet in sheets for cell in sheet["cells"]]
    raise Unreadable("It is JSON, but not a notebook: it has no list of cells.")


def _is_code(number: int, cell) -> bool:
    if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
        raise Unreadable(f"It is not a valid notebook: cell {number} has no type.")
    return cell["cell_type"] == "code"


def _exercise_of(cell: dict) -> str:
    """The exercise that a cell was made for, by its metadata; "" if none."""
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = nbgrader.get("grade_id") if isinstance(nbgrader, dict) and nbgrader.get("solution") else None
    return name if isinstance(name, str) else ""


def _source(number: int, cell: dict) -> str:
    lines = cell.get("source", cell.get("input"))
    lines = [lines] if isinstance(lines, str) else lines
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise Unreadable(f"It is not a valid notebook: the source of cell {number} is not text.")
    # Half a character, "\ud800" in JSON, cannot be encoded: neither compiled nor written.
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", "".join(lines))
