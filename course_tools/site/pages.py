"""What the pages of the site are made of, before Sphinx turns them into HTML, and how they lead to one another."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from course_tools.address import binder
from course_tools.card import Card


@dataclass(frozen=True)
class Figure:
    """A figure of a lesson: the file that it became, what it shows, and the cell that drew it."""

    lesson: str
    cell: str
    alt: str
    file: str  # from the root of the site
    width: int
    height: int
    tags: tuple[str, ...]


@dataclass(frozen=True)
class LessonPage:
    """A lesson as a page: the notebook that Sphinx reads, what it shows, and where its cells are."""

    name: str
    card: Card
    notebook: dict
    origins: list[str]  # for each cell of the notebook, its place in the lesson
    figures: list[Figure]
    cells: dict[str, list[str]]  # row of the syllabus, fact, record or term: ids of the cells that have it
    sections: dict[str, str]  # id of a cell: the heading that it stands under
    lines: dict[str, int]  # id of a cell: its line in the lesson
    files: dict[str, bytes]  # from the root of the site

    def cell_at(self, line: int) -> str:
        """The id of the cell that begins in a line of the lesson."""
        return next(cell for cell, begins in self.lines.items() if begins == line)

    @property
    def number(self) -> str:
        return self.name[:2]

    @property
    def short_title(self) -> str:
        """The title up to its colon or question mark."""
        return short(self.card.title)


@dataclass
class Content:
    """All that Sphinx is given, and all that is put beside its pages as it is. Paths are from the root of the site."""

    pages: dict[str, str] = field(default_factory=dict)  # with their endings, .md or .ipynb
    files: dict[str, bytes] = field(default_factory=dict)
    origins: dict[str, Callable[[int], str]] = field(default_factory=dict)  # page: line -> what a person has to mend

    def add(self, page: str, text: str, origin: str) -> None:
        """A page in Markdown, made from the file `origin`."""
        self.pages[f"{page}.md"] = text
        self.origins[page] = lambda line: origin


def short(title: str) -> str:
    """A lesson's title up to its colon or question mark."""
    return re.match(r"[^:?]*\??", title)[0]


def escaped(text: str) -> str:
    """Plain text as HTML."""
    return html.escape(text, quote=True)


def link(address: str, text: str, **attributes: str) -> str:
    """A link in HTML; `text` is HTML already."""
    more = "".join(f' {name.rstrip("_")}="{escaped(value)}"' for name, value in attributes.items())
    return f'<a href="{escaped(address)}"{more}>{text}</a>'


def lesson_address(lesson: str, cell: str = "", up: str = "") -> str:
    """Where a lesson, or a cell of it, is on the site; `up` leads from the page to the root."""
    return f"{up}lessons/{lesson}.html" + (f"#{anchor(cell)}" if cell else "")


def anchor(cell: str) -> str:
    """The anchor of a cell: the names of exercises could be those of headings."""
    return cell if cell.startswith("cell-") else f"cell-{cell}"


def source_file(source: str, file: str) -> str:
    """Where the place that the course is published at shows a file of it."""
    return f"{source}/blob/main/{file}"


def colab_address(source: str, lesson: str) -> str | None:
    """Where Colab opens a lesson; it knows GitHub only."""
    parts = urlsplit(source)
    if parts.netloc != "github.com":
        return None
    return f"https://colab.research.google.com/github{parts.path}/blob/main/notebooks/{lesson}.ipynb"


def binder_address(source: str, lesson: str) -> str:
    """Where Binder opens a lesson."""
    return f"{binder(source)}/{lesson}.ipynb"
