"""ZIP archives, opened into a scratch folder: a class as a platform exports it, and what students hand in as one.

Strangers made them, so no path leads out of the scratch folder, no link leads anywhere, and no archive fills the disk.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from course_tools.errors import CourseError
from course_tools.grading import beside, gradescope
from course_tools.grading.intake import DEEPEST, printable, visible
from course_tools.grading.names import is_notebook, is_zip
from course_tools.grading.reading import Unreadable, megabytes, read_bytes
from course_tools.grading.scratch import scratch_folder

_IN_ALL, _MOST_FILES = 20_000_000_000, 200_000  # bytes and files of all archives together
_BESIDE = 5_000_000_000  # bytes of what is no notebook, beyond which it is left where it is
_NOTEBOOKS_OF_ONE, _FILES_OF_ONE = 4, 2000  # a student's archive: as many notebooks of the largest size; files
_LONGEST_NAME = 255  # bytes; no file system here takes more
_ENTRY = b"PK\x01\x02"  # begins the entry of a file in an archive's table of contents


@dataclass(frozen=True)
class HandedIn:
    """The folder of submissions, and what the archives in it hold.

    In `unpacked`, each archive of `folder` is a folder of its name, at its place; what is too large is empty there.
    `closed` says, for the path of an archive that could not be opened, why.
    """

    folder: Path
    unpacked: Path
    closed: dict[str, str]


@contextmanager
def opened(submissions: Path, largest: int) -> Iterator[HandedIn]:
    """What was handed in, for as long as it is needed; `submissions` is a folder or a ZIP archive.

    A file of more than `largest` bytes stays empty but for its size, so that whoever reads it refuses it by its size.
    Raises `CourseError` if `submissions` is a file that cannot be opened as an archive, or if the disk is full.
    """
    with scratch_folder() as scratch:
        folder, unpacked, room = (
            submissions,
            scratch / "of students",
            _Room(largest, _IN_ALL, _MOST_FILES, _BESIDE),
        )
        if submissions.is_file():
            folder = scratch / "of the class"
            try:
                _unpack(submissions, folder, room)
            except Unreadable as error:
                raise CourseError(f"{printable(str(submissions))} cannot be opened as a ZIP archive. {error}") from None
        closed = {}
        for path in _archives_in(folder):
            try:
                _unpack_one_students(folder, path, unpacked, room)
            except Unreadable as error:
                closed[str(path)] = str(error)
                shutil.rmtree(unpacked / path, ignore_errors=True)
        yield HandedIn(folder, unpacked, closed)


@dataclass
class _Room:
    """How much may still be unpacked; `largest` is the size of the largest file, `beside` is for all but notebooks."""

    largest: int
    bytes: int
    files: int
    beside: int
    whole: int = field(init=False)

    def __post_init__(self) -> None:
        self.whole = self.bytes

    def take(self, size: int) -> None:
        self.bytes -= size
        if self.bytes < 0:
            raise Unreadable(f"Unpacked, it is too large: at most {megabytes(self.whole)} are read.")


def _archives_in(folder: Path) -> Iterator[Path]:
    """The paths, from `folder`, of all archives in it."""
    for here, folders, names in os.walk(folder):
        deep = len(Path(here).relative_to(folder).parts) > 2 * DEEPEST  # beyond, nothing is read
        folders[:] = [] if deep else visible(folders)
        yield from (Path(here, name).relative_to(folder) for name in visible(names) if is_zip(name))


def _unpack_one_students(folder: Path, path: Path, unpacked: Path, room: _Room) -> None:
    content = read_bytes(folder / path, room.largest, folder)
    if content.count(_ENTRY) > _FILES_OF_ONE:  # before Python makes an object of each
        raise Unreadable(f"It holds too many files: at most {_FILES_OF_ONE:,} are read.")
    most = min(_NOTEBOOKS_OF_ONE * room.largest, room.bytes)
    mine = _Room(room.largest, most, _FILES_OF_ONE, min(beside.MOST_BYTES, room.beside))
    room.beside -= mine.beside
    _unpack(BytesIO(content), unpacked / path, mine)
    room.beside += mine.beside
    room.take(mine.whole - mine.bytes)  # what was refused is deleted


def _unpack(source: Path | BytesIO, into: Path, room: _Room) -> None:
    """Unpack an archive. Raises `Unreadable`, with a part of it unpacked, or `CourseError` if the disk is full."""
    try:
        into.mkdir(parents=True)
        with ZipFile(source) as archive:
            members = archive.infolist()
            if len(members) > room.files:
                raise Unreadable(f"It holds too many files: at most {room.files:,} are read.")
            for member in sorted(members, key=_importance):
                _unpack_member(archive, member, into, room)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CourseError(f"{into.parent}: the disk is full, so the archives could not be unpacked.") from None
        raise Unreadable(f"It cannot be unpacked: {error.strerror or 'it is broken'}.") from None
    except (BadZipFile, EOFError, MemoryError, NotImplementedError, RuntimeError, ValueError, struct.error, zlib.error):
        raise Unreadable("It is not a sound ZIP archive: it is broken, or not complete.") from None


def _importance(member: ZipInfo) -> tuple[bool, bool, int]:
    """What there must be room for comes first: notebooks, modules, and of the rest what lies nearest."""
    name = member.filename
    return not _is_read(name.rpartition("/")[2]), not name.endswith(".py"), name.count("/")


def _is_read(name: str) -> bool:
    return is_notebook(name) or is_zip(name) or name == gradescope.LIST


def _unpack_member(archive: ZipFile, member: ZipInfo, into: Path, room: _Room) -> None:
    parts = [_shortened(part) for part in re.split(r"[/\\]", member.filename) if part not in ("", ".")]
    name = printable(member.filename[:200])
    if ".." in parts:
        raise Unreadable(f"It holds a file whose path leads out of it: {name}.")
    if member.flag_bits & 1:
        raise Unreadable("It is encrypted.")
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise Unreadable(f"It is compressed in a way that is not read here: {name}.")
    path = into.joinpath(*parts[: DEEPEST + 1])
    if len(parts) > DEEPEST or member.filename.endswith(("/", "\\")):  # too deep: the folder stays, to be told of
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if stat.S_ISLNK(member.external_attr >> 16):
        path.symlink_to(path.name)  # to itself: it is told of as a link, and leads nowhere
        return
    with archive.open(member) as content, path.open("xb") as file:
        if _is_read(path.name):
            _copy(content, file, member.file_size, room)
        else:
            _copy_what_lies_beside(content, file, member.file_size, room)
    with suppress(OSError, OverflowError, ValueError):  # a month 13, a year before there were computers
        changed = datetime(*member.date_time).timestamp()
        os.utime(path, (changed, changed))


def _shortened(name: str) -> str:
    """A platform writes the student's name before a file's name, and together they may be longer than any file's."""
    written = name.encode()
    if len(written) <= _LONGEST_NAME:
        return name
    beginning, end = written[: _LONGEST_NAME - 100], written[-90:]  # the student; the ending
    return f"{beginning.decode(errors='ignore')}…{end.decode(errors='ignore')}"


def _copy(content: IO[bytes], file: IO[bytes], said: int, room: _Room) -> None:
    size = 0
    while said <= room.largest and (chunk := content.read(1 << 20)):  # it may be longer than it says
        size += len(chunk)
        room.take(len(chunk))
        if size > room.largest:
            break
        file.write(chunk)
    if max(said, size) > room.largest:
        _leave_out(file, max(said, size))


def _copy_what_lies_beside(content: IO[bytes], file: IO[bytes], said: int, room: _Room) -> None:
    """A file that may be carried with a notebook; data of any size cost nobody marks."""
    copied = content.read(beside.MOST_BYTES + 1) if said <= min(room.beside, beside.MOST_BYTES) else None
    if copied is None or len(copied) > min(room.beside, beside.MOST_BYTES):
        _leave_out(file, max(said, beside.MOST_BYTES + 1))
    else:
        room.beside -= len(copied)
        file.write(copied)


def _leave_out(file: IO[bytes], size: int) -> None:
    """Nothing but a size, by which whoever reads the file refuses it; a hole takes no room."""
    file.truncate(0)
    file.truncate(min(size, 10**12))
