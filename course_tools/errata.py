"""docs/errata.md: the mistakes of the lecture decks, deck by deck, from the table of the lesson that shows them."""

from __future__ import annotations

import csv
import io

from course_tools.lesson import read_text
from course_tools.project import Project

LESSON = "28_trust_no_slide"
HEAD = """\
# Errata of the lecture decks

The topics of this course were gathered from five public lecture decks. {count} of their statements did not survive
being computed, run or looked up. They stand here in our words, deck by deck, with the way they were found; one that
several decks make is under each. [Lesson 28](../notebooks/{lesson}.ipynb) shows all of them in code. `course build`
makes this page.
"""
COLUMNS = "| no. | slide | it says | what is so | how to find it |\n|---|---|---|---|---|"


def errata_page(project: Project) -> str:
    """The page; empty where the course has no such lesson."""
    table = project.room(LESSON) / "errata.csv"
    if not table.is_file():
        return ""
    rows = list(csv.DictReader(io.StringIO(read_text(table, project.relative(table)))))
    slides: dict[str, list[str]] = {}
    for row in rows:
        of_deck: dict[str, list[str]] = {}
        for deck, slide in zip(row["deck"].split("; "), row["slide"].split("; "), strict=True):
            of_deck.setdefault(deck, []).append(slide)
        for deck, titles in of_deck.items():
            slides.setdefault(deck, []).append(_line(row, titles))
    parts = [HEAD.format(count=len(rows), lesson=LESSON)]
    parts += [f"## {deck}\n\n{COLUMNS}\n" + "\n".join(lines) + "\n" for deck, lines in slides.items()]
    return "\n".join(parts)


def _line(row: dict[str, str], titles: list[str]) -> str:
    says = f"**{row['name']}.** {row['says']}"
    method = f"[{row['method']}](../notebooks/{LESSON}.ipynb)"
    cells = (row["id"][1:], "; ".join(titles), says, row["so"], method)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
