"""The pages of a class as archives that go back to the platform: under the names that it gave to what was handed in."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from course_tools.grading.journal import cannot_write
from course_tools.grading.marks import Report
from course_tools.grading.names import is_flat, is_notebook, without_ending

FOLDER = "feedback"  # in MARKS
_MOODLE = re.compile(r"(.+?_\d+_assignsubmission_[a-z]+_?)(.*)", re.DOTALL)


def write_feedback(out: Path, pages: Iterable[tuple[Report, str]]) -> None:
    """Write an archive for each lesson into the folder `out`; `pages` are reports and the paths, from `out`, of pages.

    Moodle's "upload feedback files in a zip" and Canvas' "upload submissions" put each page beside the work that it is
    about. Archives of lessons of which nothing is kept any more are deleted.
    """
    lessons: dict[str, list[tuple[Report, str]]] = {}
    for report, page in pages:
        if report.lesson:
            lessons.setdefault(report.lesson, []).append((report, page))
    folder = out / FOLDER
    try:
        folder.mkdir(exist_ok=True)
        for lesson, mine in lessons.items():
            _write_one(folder / f"{lesson}.zip", out, mine)
        for path in folder.glob("*.zip"):
            if path.stem not in lessons:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from None


def name_for(report: Report) -> str:
    """What the page of a report is called in the archive."""
    parts = Path(report.file).parts
    place = next((n for n, part in enumerate(parts) if is_flat(part)), None)
    if place is None:
        # The student's folder, and nbgrader's for the lesson, as it was; the page has the notebook's name.
        folders = [without_ending(part) for part in parts[:-1]]
        return "/".join([*folders, _page(parts[-1], report.lesson)])
    if moodle := _MOODLE.fullmatch(parts[place]):
        return f"{moodle[1]}/{_page(moodle[2] or parts[-1], report.lesson)}"
    return f"{without_ending(parts[place])}.html"


def _page(name: str, lesson: str) -> str:
    return f"{without_ending(name) if is_notebook(name) else lesson}.html"


def _write_one(path: Path, out: Path, pages: list[tuple[Report, str]]) -> None:
    """The same pages give the same bytes, and a file that would not change is left as it is."""
    handle, neighbour = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with open(handle, "wb") as stream, ZipFile(stream, "w") as archive:
            taken: set[str] = set()
            for report, page in pages:
                name = name_for(report)
                if name in taken:  # of a group: one file, and a page for each of its members
                    name = f"{name.removesuffix('.html')} {Path(page).stem}.html"
                taken.add(name)
                member = ZipInfo(name.encode("utf-8", "replace").decode())
                member.compress_type, member.external_attr = ZIP_DEFLATED, 0o600 << 16
                archive.writestr(member, (out / page).read_bytes(), compresslevel=1)
        if not _are_equal(Path(neighbour), path):
            os.replace(neighbour, path)
    finally:
        Path(neighbour).unlink(missing_ok=True)


def _are_equal(new: Path, old: Path) -> bool:
    return old.is_file() and new.stat().st_size == old.stat().st_size and new.read_bytes() == old.read_bytes()
