"""docs/glossary.md: every term of the course, from the places where lessons set it in bold.

A lesson sets a term in bold once, in the sentence that says what it is; other emphasis is in italics. Bold that is a
sentence, such as a claim or a question, is no term.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from course_tools.lesson import Lesson, read_lesson
from course_tools.project import Project

HEAD = """\
# Glossary

{count} terms, each with the sentence in which a lesson introduces it. `course build` makes this page from what the
lessons set in bold.

| term | what it is | lesson |
|---|---|---|
"""
LONGEST_TERM = 4  # words
_BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
_NOT_PROSE = re.compile(r"```.*?```|^\|.*?$|^<(?!details).*?>$", re.DOTALL | re.MULTILINE)
# A full stop ends a sentence unless it stands in a formula, a number or an abbreviation.
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)(?<!et al\.)\s+(?=[A-Z*\"(\[$])")
_FORMULA = re.compile(r"\$\$.*?\$\$|\$.*?\$|`[^`]*`", re.DOTALL)


@dataclass(frozen=True)
class Term:
    """A term, the sentence that introduces it, and where that stands. `cell` counts the cells of the lesson from 0."""

    name: str
    sentence: str
    lesson: str
    cell: int
    section: str

    @property
    def key(self) -> str:
        """What makes two spellings the same term."""
        return self.name.lower()


def read_lessons(project: Project) -> list[Lesson]:
    """All lessons, in the order of the course."""
    return [read_lesson(project.source(name)) for name in project.lesson_names()]


def terms_of(lesson: Lesson) -> Iterator[Term]:
    """The terms that a lesson sets in bold, as often as it does."""
    section = lesson.card.title
    for number, cell in enumerate(lesson.cells):
        if cell.kind != "markdown":
            continue
        for paragraph in paragraphs(cell.source):
            if paragraph.startswith("#"):
                section = paragraph.lstrip("# ").strip()
                continue
            for bold in _BOLD.finditer(paragraph):
                if is_term(bold[1]):
                    name = " ".join(bold[1].split())
                    yield Term(name, _sentence_around(paragraph, bold.start()), lesson.name, number, section)


def paragraphs(source: str) -> Iterator[str]:
    """Headings, paragraphs and points of lists of a Markdown cell, without tables and blocks of code."""
    for block in re.split(r"\n\s*\n|\n(?=(?:[-*]|\d+\.) )|(?<=\n)(?=#)", _NOT_PROSE.sub("", source)):
        heading, _, rest = block.strip().partition("\n")
        if not heading.startswith("#"):
            heading, rest = "", block
        yield from filter(None, (heading, rest.strip()))


def is_term(bold: str) -> bool:
    """Whether a bold span names a thing: a few words that end as no sentence does."""
    return len(bold.split()) <= LONGEST_TERM and bold[-1] not in ".?!:," and bold[0] != "("


def used_too_early(terms: list[Term], lessons: list[Lesson]) -> Iterator[str]:
    """Where prose uses a term before the lesson that introduces it, unless the same paragraph names a lesson.

    One sentence a place, with file and line. Headings may announce what the text below them explains.
    """
    order = [lesson.name for lesson in lessons]
    places = {term.key: (order.index(term.lesson), term.cell) for term in terms}
    words = {
        key: re.compile(rf"(?<![\w-]){_flexible(key)}(?:s|es)?(?![\w-])", re.IGNORECASE)
        for key in sorted(places, key=len, reverse=True)
    }
    for number, lesson in enumerate(lessons):
        for place, cell in enumerate(lesson.cells):
            if cell.kind != "markdown":
                continue
            for paragraph in paragraphs(cell.source):
                if paragraph.startswith("## Further reading"):
                    break
                if paragraph.startswith("#") or re.search(r"[Ll]essons? \d\d", paragraph):
                    continue
                prose = _FORMULA.sub(" ", paragraph)
                for key, word in words.items():  # the longest first: a kernel size is no kernel
                    prose, uses = word.subn(" ", prose)
                    if uses and (number, place) < places[key]:
                        line = cell.line + cell.source[: cell.source.index(paragraph.split("\n")[0])].count("\n")
                        term_lesson = order[places[key][0]]
                        yield f"{cell.file}, line {line}: {key!r} is introduced later, in {term_lesson}."


def _flexible(term: str) -> str:
    """A pattern for a term that may be broken over two lines."""
    return r"\s+".join(map(re.escape, term.split()))


def glossary_page(project: Project) -> str:
    """The page; empty where no lesson introduces a term."""
    first: dict[str, Term] = {}
    for lesson in read_lessons(project):
        for term in terms_of(lesson):
            first.setdefault(term.key, term)
    lines = [_line(first[key]) for key in sorted(first)]
    return HEAD.format(count=len(lines)) + "\n".join(lines) + "\n" if lines else ""


def _line(term: Term) -> str:
    anchor = re.sub(r"\s+", "-", term.section)  # as JupyterLab and nbviewer make it from a heading
    address = f"../notebooks/{term.lesson}.ipynb#{anchor}".replace("(", "%28").replace(")", "%29")
    cells = (term.name, term.sentence, f"[{term.lesson[:2]}: {term.section}]({address})")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _sentence_around(paragraph: str, place: int) -> str:
    """The sentence of a paragraph that holds this place, on one line, without the marks of the bold."""
    hidden = _FORMULA.sub(lambda found: "x" * len(found[0]), paragraph)
    ends = [0, *(found.end() for found in _SENTENCE_END.finditer(hidden)), len(paragraph)]
    start, end = next((a, b) for a, b in pairwise(ends) if a <= place < b)
    text = " ".join(paragraph[start:end].split())
    return re.sub(r"^(?:[-*]|\d+\.|>)\s+", "", text).replace("**", "")
