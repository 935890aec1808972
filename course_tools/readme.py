"""What the README and the pages of docs/ show of the lessons: a table made from their cards, figures, terms.

The table stands between two comments of README.md. A lesson's picture is the figure of its cell tagged "picture"; the
figures of cells tagged "gallery" make docs/gallery.md.
"""

from __future__ import annotations

import base64
import html
import json
import re
from pathlib import Path

from course_tools.card import Card, read_card
from course_tools.drift import Drift, read_generated
from course_tools.errata import errata_page
from course_tools.errors import CourseError
from course_tools.glossary import glossary_page
from course_tools.lesson import read_text, spoken
from course_tools.project import Project

BEGIN, END = "<!-- lessons, made by `course build` -->", "<!-- end of lessons -->"
PICTURE, GALLERY = "picture", "gallery"
_IMAGE = re.compile(r'<img alt="([^"]*)"[^>]* src="data:image/png;base64,([^"]*)"')  # as course_lib.plots shows it
GALLERY_HEAD = """\
# Gallery

Figures that the lessons make while they run. Each leads to its lesson; `course build` puts them here.
"""


def front_page(project: Project) -> dict[Path, bytes]:
    """README.md, the pages and the pictures, as they should be; pictures come from the solved notebooks there are."""
    readme = project.root / "README.md"
    text = read_text(readme, "README.md")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise CourseError(f"README.md: the table of lessons belongs between the lines {BEGIN!r} and {END!r}.")
    files, gallery = {}, [GALLERY_HEAD]
    rows = ["| lesson | minutes | what you build and find out |", "|---|---|---|"]
    for name in project.lesson_names():
        path = project.source(name)
        card = read_card(read_text(path, spoken(path)), spoken(path))
        rows.append(_row(name, card))
        solved = project.solved_notebooks / f"{name}.ipynb"
        fronts = [picture for _, picture in _figures(solved, PICTURE)[:1]]
        for number, (alt, picture) in enumerate(_figures(solved, GALLERY), start=1):
            file = f"{name}.png" if picture in fronts else f"{name}_{number}.png"  # one file for a cell with both tags
            files[project.pictures / file] = picture
            gallery.append(_exhibit(name, card, file, alt))
        files |= {project.pictures / f"{name}.png": picture for picture in fronts}
    if len(gallery) > 1:
        files[project.gallery] = "\n".join(gallery).encode()
    if errata := errata_page(project):
        files[project.errata] = errata.encode()
    if glossary := glossary_page(project):
        files[project.glossary] = glossary.encode()
    table = "\n".join(rows)
    return {readme: f"{before}{begin}\n{table}\n{end}{after}".encode(), **files}


def front_page_drift(project: Project) -> list[Drift]:
    """What is wrong with the README's table and the pictures."""
    expected = front_page(project)
    found = [
        Drift(project.relative(path), "it does not show what the lessons give", [])
        for path, content in expected.items()
        if not path.is_file() or path.read_bytes() != content
    ]
    pages = filter(Path.is_file, (project.gallery, project.errata, project.glossary))
    there = [*sorted(project.pictures.glob("*.png")), *pages]
    strays = [path for path in there if path not in expected]
    return found + [
        Drift(project.relative(path), "no lesson offers what it shows; delete this file", []) for path in strays
    ]


def _row(name: str, card: Card) -> str:
    return f"| {name[:2]} [{card.title}](notebooks/{name}.ipynb) | {card.minutes} | {card.summary} |"


def _exhibit(name: str, card: Card, file: str, alt: str) -> str:
    lesson = f"../notebooks/{name}.ipynb"
    image = f"![{alt}](pictures/{file})"
    return f"{image}\n\n{alt} *Lesson {name[:2]}: [{card.title}]({lesson}).*\n"


def _figures(solved: Path, tag: str) -> list[tuple[str, bytes]]:
    """Alternative text and image of the first figure of every cell with this tag.

    A broken notebook has none: it is reported by its own check.
    """
    try:
        cells = [cell for cell in json.loads(read_generated(solved) or "")["cells"] if _has(cell, tag)]
        return [_first_image(cell["outputs"]) for cell in cells]
    except (ValueError, KeyError, TypeError, StopIteration):
        return []


def _has(cell: dict, tag: str) -> bool:
    return tag in cell["metadata"].get("tags", [])


def _first_image(outputs: list[dict]) -> tuple[str, bytes]:
    pages = ("".join(output.get("data", {}).get("text/html", "")) for output in outputs)
    alt, data = next(filter(None, map(_IMAGE.search, pages))).groups()
    return html.unescape(alt), base64.b64decode(data)
