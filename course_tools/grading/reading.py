"""A notebook that a stranger wrote, read: its code cells, and of which lesson it says it is.

Nothing is executed, no link is followed, and no file can keep the grader waiting or take its memory.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

LARGEST = 64_000_000  # bytes; a notebook with 50 MB of outputs is still read
_MOST_PARTS = 5_000_000  # values in one file; 64 MB of "[]," would fill gigabytes when read
_DEFINITION = re.compile(r"^ {0,8}(?:def|class) (\w+)", re.MULTILINE)
# course_lib.start("09_convolution"), in the set-up cell
_STARTED = re.compile(r"""\bstart\(\s*(?:lesson\s*=\s*)?["'](\w+)["']""")


class Unreadable(Exception):
    """A file that cannot be graded; the message says why in a sentence."""


@dataclass(frozen=True)
class Content:
    """What a notebook holds: the sources of its code cells, and the exercises whose cell was turned into text."""

    cells: list[str]
    in_text: set[str]
    labels: list[str]  # what each cell is called: "cell [3]", as Jupyter shows it


def read_notebook(path: Path, max_bytes: int = LARGEST, within: Path | None = None) -> Content:
    """The content of a notebook, format 3 or 4. Raises `Unreadable`.

    With `within`, the folder of submissions, no folder between it and the file may be a link either.
    """
    return notebook_in(read_bytes(path, max_bytes, within))


def notebook_in(content: bytes) -> Content:
    """What is in a notebook of which these are the bytes. Raises `Unreadable`."""
    text, content = _decoded(content), Content([], set(), [])
    for number, cell in enumerate(_cells(_parse(text)), start=1):
        if _is_code(number, cell):
            content.cells.append(_source(number, cell))
            content.labels.append(_label(len(content.cells), cell))
        else:
            content.in_text.update(filter(None, [_exercise_of(cell)]), _defined_in_text(cell))
    return content


def lessons_named(path: Path, max_bytes: int = LARGEST, within: Path | None = None) -> list[str]:
    """What a notebook says of which lesson it is: its metadata, then the cells that start the course.

    Raises `Unreadable`, as `read_notebook` does.
    """
    notebook = _parse(_decoded(read_bytes(path, max_bytes, within)))
    metadata = notebook.get("metadata") if isinstance(notebook, dict) else None
    course = metadata.get("course") if isinstance(metadata, dict) else None
    named = [course.get("lesson")] if isinstance(course, dict) else []
    for number, cell in enumerate(_cells(notebook), start=1):
        if _is_code(number, cell):
            named += lessons_started(_source(number, cell))
    return named


def lessons_started(source: str) -> list[str]:
    """The lessons that a code cell starts the course with: usually none, one in the set-up cell."""
    return _STARTED.findall(source)


def digest(path: Path, max_bytes: int = LARGEST, within: Path | None = None) -> str:
    """The sha256 of a file, in hex. Raises `Unreadable`."""
    return hashlib.sha256(read_bytes(path, max_bytes, within)).hexdigest()


def read_bytes(path: Path, max_bytes: int, within: Path | None) -> bytes:
    """The bytes of a regular file that is no link and not empty, at most `max_bytes`. Raises `Unreadable`."""
    content = regular_file(path, max_bytes, within)
    if not content.strip():
        raise Unreadable("It is empty.")
    return content


def regular_file(path: Path, max_bytes: int, within: Path | None) -> bytes:
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


def _label(place: int, cell: dict) -> str:
    """By the number that Jupyter shows before it, which counts runs; by its place where it was never run."""
    run = cell.get("execution_count", cell.get("prompt_number"))
    return f"cell [{run}]" if type(run) is int and 0 < run < 10**6 else f"code cell {place} (not run)"


def _exercise_of(cell: dict) -> str:
    """The exercise that a cell was made for, by its metadata; "" if none."""
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = nbgrader.get("grade_id") if isinstance(nbgrader, dict) and nbgrader.get("solution") else None
    return name if isinstance(name, str) else ""


def _defined_in_text(cell: dict) -> list[str]:
    """What a text cell would define as code: functions and classes."""
    try:
        return _DEFINITION.findall(_source(0, cell))
    except Unreadable:
        return []


def _source(number: int, cell: dict) -> str:
    lines = cell.get("source", cell.get("input"))
    lines = [lines] if isinstance(lines, str) else lines
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise Unreadable(f"It is not a valid notebook: the source of cell {number} is not text.")
    # Half a character, "\ud800" in JSON, cannot be encoded: neither compiled nor written.
    text = "".join(lines).replace("\r\n", "\n")
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)
