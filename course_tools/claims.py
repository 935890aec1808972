"""What the lessons claim, and whether their records carry it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from course_lib.evidence import Claim, EvidenceError, claims, evidence
from course_tools.lesson import read_lesson
from course_tools.project import Project


@dataclass(frozen=True)
class Standing:
    """A claim of a lesson, and what speaks against it: "" if nothing does."""

    lesson: str
    claim: Claim
    objection: str


def standings(project: Project, lesson: str) -> Iterator[Standing]:
    """Every claim in the room's claims.py, if it has one, with what speaks against it."""
    if not (project.room(lesson) / "claims.py").is_file():
        return
    cells = read_lesson(project.source(lesson)).cells
    prose = _plain(" ".join(cell.source for cell in cells if cell.kind == "markdown"))
    for claim in claims(lesson):
        yield Standing(lesson, claim, _objection(claim, lesson, prose))


def _objection(claim: Claim, lesson: str, prose: str) -> str:
    if _plain(claim.sentence) not in prose:
        return "the lesson does not say so, word for word"
    try:
        carried = bool(claim.holds(evidence(claim.record, lesson)))
    except (EvidenceError, KeyError) as error:
        return f"its record cannot be asked: {error}"
    return "" if carried else f"the record {claim.record!r} does not carry it"


def _plain(text: str) -> str:
    """Without marks of emphasis, and with white space folded, so that line breaks do not matter."""
    return re.sub(r"\s+", " ", text.replace("*", "")).strip()
