"""Where the files of the project are, which lessons there are, and the address the course is published at."""

from __future__ import annotations

import difflib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from course_tools.errors import CourseError

LESSON_NAME = re.compile(r"\d\d_[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Project:
    """A checkout of the course; everything else is found from its root."""

    root: Path

    @property
    def rooms(self) -> Path:
        """One folder per lesson, with all that belongs to it alone."""
        return self.root / "course_lessons"

    def room(self, lesson: str) -> Path:
        """The room of a lesson: that of 02_perceptron is course_lessons/perceptron."""
        return self.rooms / lesson[3:]

    def source(self, lesson: str) -> Path:
        """The file that a lesson is written in."""
        return self.room(lesson) / f"{lesson}.py"

    @property
    def notebooks(self) -> Path:
        """Generated, for students."""
        return self.root / "notebooks"

    @property
    def solved_notebooks(self) -> Path:
        """Generated and executed."""
        return self.notebooks / "solutions"

    def solutions(self, lesson: str) -> Path:
        """Generated: what `solution(...)` shows."""
        return self.room(lesson) / "solutions.json"

    @property
    def pictures(self) -> Path:
        """Generated: figures of the lessons, for the README and the gallery."""
        return self.root / "docs" / "pictures"

    @property
    def gallery(self) -> Path:
        """Generated: the page of all figures that lessons offer for it."""
        return self.root / "docs" / "gallery.md"

    @property
    def errata(self) -> Path:
        """Generated: the page of what the lecture decks got wrong."""
        return self.root / "docs" / "errata.md"

    @property
    def glossary(self) -> Path:
        """Generated: the page of all terms, each with the place that introduces it."""
        return self.root / "docs" / "glossary.md"

    @property
    def site(self) -> Path:
        """Generated, and not committed: the course as a website."""
        return self.root / "site"

    def generated(self, lesson: str) -> tuple[Path, Path, Path]:
        """The three files made from a lesson: student's notebook, solved notebook, solutions."""
        return (
            self.notebooks / f"{lesson}.ipynb",
            self.solved_notebooks / f"{lesson}.ipynb",
            self.solutions(lesson),
        )

    def lesson_names(self) -> list[str]:
        """All lessons in the order of the course. Raises CourseError for a room that holds not just one."""
        return sorted(self._lesson_in(room) for room in self.rooms.iterdir() if _is_room(room))

    def _lesson_in(self, room: Path) -> str:
        names = sorted(path.stem for path in room.glob("[0-9]*.py"))
        where = f"{self.relative(room)}/"
        if not names:
            raise CourseError(f"{where}: this room has no lesson; it belongs in {where}NN_{room.name}.py.")
        if len(names) > 1:
            raise CourseError(f"{where}: a room holds one lesson, and here are {' and '.join(names)}.")
        if not LESSON_NAME.fullmatch(names[0]) or names[0][3:] != room.name:
            raise CourseError(
                f"{where}{names[0]}.py: a lesson is called after its room, with two digits in front: "
                f"NN_{room.name}.py, in lower-case letters."
            )
        return names[0]

    def source_address(self) -> str:
        """Where the course is published: `[project.urls] Source` in pyproject.toml."""
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib
        try:
            settings = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))
        except ValueError as error:
            raise CourseError(f"pyproject.toml: it cannot be read as TOML: {error}.") from None
        source = settings.get("project", {}).get("urls", {}).get("Source")
        if not isinstance(source, str):
            raise CourseError("pyproject.toml: [project.urls] must give Source, the address of the course.")
        return source.removesuffix("/").removesuffix(".git")

    def relative(self, path: Path) -> str:
        """A path as people say it, from the root."""
        return path.relative_to(self.root).as_posix()


def find_project(start: Path | None = None) -> Project:
    """The project that `start` (by default the current folder) lies in."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "pyproject.toml").is_file() and (folder / "course_lessons").is_dir():
            return Project(folder)
    raise CourseError(f"{here} is not inside the course: no folder above it holds pyproject.toml and course_lessons/.")


def _is_room(path: Path) -> bool:
    return path.is_dir() and path.name[0] not in "._"


def choose_lessons(project: Project, wanted: list[str]) -> list[str]:
    """The lessons that a person asked for by name, number or path; all of them when none was named."""
    names = project.lesson_names()
    if not names:
        raise CourseError(f"{project.rooms} holds no lesson; a lesson is a file called TOPIC/NN_TOPIC.py.")
    return sorted({_choose(names, given) for given in wanted}) if wanted else names


def _choose(names: list[str], given: str) -> str:
    stem = Path(given).stem if given.endswith((".py", ".ipynb")) else given
    found = [name for name in names if stem == name]
    if stem.isdecimal():
        found = [name for name in names if int(name[:2]) == int(stem)]
    if len(found) == 1:
        return found[0]
    if found:
        raise CourseError(f"course_lessons/: {given!r} could be {' or '.join(found)}; give the whole name.")
    topics = {name[3:]: name for name in names}
    close = [topics.get(match, match) for match in difflib.get_close_matches(stem, [*names, *topics], n=3, cutoff=0.5)]
    advice = f"did you mean {' or '.join(dict.fromkeys(close))}?" if close else f"there is {', '.join(names)}."
    raise CourseError(f"course_lessons/: no lesson is called {given!r}; {advice}")
