"""Glossary and symbols as pages, each entry linked to the cell that introduces it; and the figures of the gallery."""

from __future__ import annotations

import itertools
import re

from course_tools.glossary import Term, terms_of
from course_tools.lesson import Lesson
from course_tools.site.lesson import image
from course_tools.site.pages import Content, LessonPage, escaped, lesson_address, link

SYMBOLS = "## The symbols of this course"
_GLOSSARY = """\
# Glossary

{count} terms, each with the sentence in which a lesson introduces it.

{terms}
"""
_SYMBOLS = """\
# Symbols

One symbol means one thing through the whole course; {where} has this table.

{table}
"""
_GALLERY = """\
# Gallery

Figures that the lessons make while they run. Each leads to the cell that draws it.

<ul class="gallery">
{figures}
</ul>
"""


def add_words(lessons: list[LessonPage], read: dict[str, Lesson], content: Content) -> list[str]:
    """The pages that there is something for; their names."""
    pages = {
        "glossary": glossary_page(lessons, read),
        "symbols": symbols_page(lessons, read),
        "gallery": gallery_page(lessons),
    }
    for name, text in pages.items():
        if text:
            content.add(name, text, "course_tools/site/words.py")
    return [name for name, text in pages.items() if text]


def glossary_page(lessons: list[LessonPage], read: dict[str, Lesson]) -> str:
    """All terms by their letters."""
    first: dict[str, tuple[LessonPage, Term]] = {}
    for page in lessons:
        for term in terms_of(read[page.name]):
            first.setdefault(term.key, (page, term))
    parts = []
    for letter, keys in itertools.groupby(sorted(first), key=_letter):
        parts.append(f"## {letter}")
        parts += [_entry(*first[key]) for key in keys]
    return _GLOSSARY.format(count=len(first), terms="\n\n".join(parts)) if first else ""


def _letter(key: str) -> str:
    return key[0].upper() if key[0].isalpha() else "0–9"


def _entry(page: LessonPage, term: Term) -> str:
    cell = page.cells[f"term {term.key}"][0]
    way = link(lesson_address(page.name, cell), escaped(f"{page.number}: {_plain(term.section)}"))
    mark = f'<span class="cell-anchor" id="term-{escaped(re.sub(r"[^a-z0-9]+", "-", term.key))}"></span>'
    return f"{mark}\n\n**{term.name}.** {term.sentence} ({way})"


def _plain(heading: str) -> str:
    """A heading without marks and formulas."""
    return heading.replace("`", "").replace("*", "").replace("$", "")


def symbols_page(lessons: list[LessonPage], read: dict[str, Lesson]) -> str:
    """The table of symbols, from the lesson that has it."""
    for page in lessons:
        for cell in read[page.name].cells:
            if cell.kind == "markdown" and SYMBOLS in cell.source:
                table = cell.source.partition(SYMBOLS)[2].partition("\n## ")[0].strip()
                where = link(lesson_address(page.name, page.cell_at(cell.line)), f"lesson {page.number}")
                return _SYMBOLS.format(where=where, table=table)
    return ""


def gallery_page(lessons: list[LessonPage]) -> str:
    """The picture of each lesson, and all figures that it offers."""
    figures = [
        (page, figure) for page in lessons for figure in page.figures if {"picture", "gallery"} & set(figure.tags)
    ]
    items = "\n".join(
        f"<li>{link(lesson_address(page.name, figure.cell), _shown(figure))}<p>{escaped(figure.alt)} <em>Lesson "
        f"{page.number}, {escaped(page.short_title)}</em></p></li>"
        for page, figure in figures
    )
    return _GALLERY.format(figures=items) if figures else ""


def _shown(figure) -> str:
    return image(figure.file, figure.alt, figure.width, figure.height)
