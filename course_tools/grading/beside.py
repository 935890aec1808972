"""Files that a notebook uses as if they lay beside it: helper modules, data, and what its `%%writefile` cells write.

They go into the sandbox with every exercise of the notebook, within limits, and stand there as in class: in the folder
in which it runs. Whoever wrote them, no link is followed, no name leads out of that folder, and no module takes the
place of one of Python, of the installed packages or of the course.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.machinery
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path

from course_tools.grading.names import is_notebook
from course_tools.grading.reading import Unreadable, megabytes, regular_file

MOST_FILES, MOST_BYTES = 100, 10_000_000  # of one notebook, all files together
DEEPEST = 8  # folders inside one another
_LOOKED_AT = 2000  # names; a folder of a student's may hold a whole installation
_LONGEST_NAME = 255  # bytes
_MOST_NAMED = 5  # of those that are left out
_TOO_MUCH = f"With it they would be too large: {megabytes(MOST_BYTES)} at most, all together."
_COURSE = {"course_lib", "course_lessons", "course_tools"}
_RUNS = re.compile(r"^%run[ \t]+(?:-\w[ \t]+)*([\w./-]+\.py)[ \t]*$", re.MULTILINE)
_WRITES = re.compile(r"\A\s*%%(?:writefile|file)[ \t]+(.+)\n?")


@dataclass
class Carried:
    """The files to carry, by the path that the notebook knows them by, and why others are left out."""

    files: dict[str, bytes] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    _size: int = 0

    def add(self, name: str, content: bytes) -> None:
        """Carry a file, unless its name or a limit speaks against it; one of the same name is replaced."""
        if problem := _problem_of_name(name):
            self.refuse(name, problem)
        elif any(name.startswith(f"{other}/") or other.startswith(f"{name}/") for other in self.files):
            self.refuse(name, "Another file has the name of its folder.")
        elif len(self.files.keys() | {name}) > MOST_FILES:
            self.refuse(name, f"There are more than {MOST_FILES} files.")
        elif self._size - len(self.files.get(name, b"")) + len(content) > MOST_BYTES:
            self.refuse(name, _TOO_MUCH)
        else:
            self._size += len(content) - len(self.files.get(name, b""))
            self.files[name] = content

    def refuse(self, name: str, problem: str) -> None:
        self.left_out.append(f"{name}: {problem}")

    def sentences(self) -> list[str]:
        """What was left out, a few of them by name."""
        more = len(self.left_out) - _MOST_NAMED
        return [*self.left_out[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else [])]

    def as_data(self) -> dict[str, str]:
        return {name: base64.b64encode(content).decode("ascii") for name, content in self.files.items()}

    def mention_keras(self) -> bool:
        return any(
            name.endswith(".py") and re.search(rb"\b(keras|tensorflow)\b", content)
            for name, content in self.files.items()
        )


def names_below(folder: Path) -> list[str]:
    """The files in a notebook's folder and below it, the nearest first, and modules before data; not too many."""
    found, seen, waiting = [], 0, [""]
    for _ in range(DEEPEST):
        files, folders = [], []
        for place in waiting:
            entries = islice(_entries(folder / place), _LOOKED_AT - seen)
            for entry in entries:
                seen += 1
                inner = entry.is_dir(follow_symlinks=False)
                if not is_notebook(entry.name) or inner:
                    (folders if inner else files).append(os.path.join(place, entry.name))
        found += sorted(files, key=lambda name: (not name.endswith(".py"), name))
        waiting = sorted(folders)
    return found[: MOST_FILES + _MOST_NAMED + 1]


def _entries(folder: Path) -> Iterator[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            yield from (one for one in entries if not one.name.startswith(".") and one.name != "__pycache__")
    except OSError:
        return


def gather(pairs: Iterable[tuple[str, str]], place: Path, cells: Iterable[str]) -> Carried:
    """What to carry for a notebook with these cells; `pairs` are names and the paths, from `place`, they lie at."""
    return carry(read(pairs, place), cells)


def carry(found: Iterable[tuple[str, bytes, str]], cells: Iterable[str]) -> Carried:
    """The same for files that `read` has found."""
    carried = Carried()
    for name, content, problem in found:
        if problem:
            carried.refuse(name, problem)
        else:
            carried.add(name, content)
    for cell in cells:
        if found := _WRITES.match(cell):
            _write(carried, found[1].strip(), cell[found.end() :])
    return carried


def with_files_run(cells: Iterable[str], carried: Carried) -> list[str]:
    """The cells with `%run helpers.py` replaced by what the file says: the names it defines are the notebook's then."""

    def text(line: re.Match) -> str:
        return carried.files.get(os.path.normpath(line[1]), line[0].encode()).decode("utf-8", errors="replace")

    return [_RUNS.sub(text, cell) for cell in cells]


def digest(pairs: Iterable[tuple[str, str]], place: Path) -> str:
    """Changes whenever a file beside the notebook does; "" where there is none."""
    seen = [
        f"{name!a} {hashlib.sha256(content).hexdigest()} {problem}" for name, content, problem in read(pairs, place)
    ]
    return hashlib.sha256("\n".join(seen).encode()).hexdigest() if seen else ""


def read(pairs: Iterable[tuple[str, str]], place: Path) -> Iterator[tuple[str, bytes, str]]:
    """Name and content of each file, or what speaks against it; no more is read than may be carried."""
    left = MOST_BYTES
    for name, path in pairs:
        content, problem = b"", _problem_of_name(name)
        if not problem:
            try:
                content = regular_file(place / path, left, place)
                left -= len(content)
            except Unreadable as error:
                problem = _TOO_MUCH if "too large" in str(error) else str(error)
        yield name, content, problem


def _write(carried: Carried, arguments: str, text: str) -> None:
    """As `%%writefile [-a] name` does it in class, without running anything."""
    try:
        words = shlex.split(arguments)
    except ValueError:  # a quotation mark without another: it fails in class, too
        return
    append = bool({"-a", "--append"} & set(words))
    names = [word for word in words if word not in ("-a", "--append")]
    if len(names) == 1:
        name = os.path.normpath(names[0])
        before = carried.files.get(name, b"") if append else b""
        carried.add(name, before + text.encode())


def _problem_of_name(name: str) -> str:
    parts = name.split("/")
    if os.path.isabs(name) or ".." in parts or "\0" in name or name.startswith("~"):
        return "Its path leads out of the notebook's folder."
    if any(part.startswith(".") or not part for part in parts):
        return "Its name begins with a dot."
    if len(parts) > DEEPEST or any(len(os.fsencode(part)) > _LONGEST_NAME for part in parts):
        return "Its path is too long."
    top, ending = parts[0].partition(".")[0], next(filter(name.endswith, importlib.machinery.all_suffixes()), "")
    if ending and _is_taken(top):
        return f"The name {top} is taken by Python, the course or an installed package."
    return ""


@cache
def _is_taken(module: str) -> bool:
    """Whether a top-level module of this name is Python's, the course's, or that of an installed package."""
    if module in _COURSE or module in sys.stdlib_module_names:
        return True
    prefixes = tuple(map(os.path.realpath, (sys.prefix, sys.base_prefix)))
    places = [path for path in sys.path if Path(os.path.realpath(path)).is_relative_to(prefixes[0])]
    places += [path for path in sys.path if Path(os.path.realpath(path)).is_relative_to(prefixes[1])]
    found = importlib.machinery.PathFinder.find_spec(module, places)
    return found is not None and found.origin is not None
