"""What the README shows of the lessons: a table made from their cards, and pictures taken from their figures.

The table stands between two comments of README.md. A lesson's picture is the figure of its cell tagged "picture".
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

from course_tools.card import Card, read_card
from course_tools.drift import Drift, read_generated
from course_tools.errors import CourseError
from course_tools.lesson import read_text
from course_tools.project import Project

BEGIN, END = "<!-- lessons, made by `course build` -->", "<!-- end of lessons -->"
PICTURE = "picture"


def front_page(project: Project) -> dict[Path, bytes]:
    """README.md and the pictures, as they should be; pictures come from the solved notebooks that are there."""
    readme = project.root / "README.md"
    text = read_text(readme, "README.md")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise CourseError(f"README.md: the table of lessons belongs between the lines {BEGIN!r} and {END!r}.")
    files = {}
    rows = ["| lesson | minutes | what you build and find out |", "|---|---|---|"]
    for name in project.lesson_names():
        card = read_card(read_text(project.lessons / f"{name}.py", f"lessons/{name}.py"), f"lessons/{name}.py")
        rows.append(_row(name, card))
        if picture := _picture(project.solved_notebooks / f"{name}.ipynb"):
            files[project.pictures / f"{name}.png"] = picture
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
    strays = [path for path in sorted(project.pictures.glob("*.png")) if path not in expected]
    return found + [
        Drift(project.relative(path), "no lesson has this picture; delete this file", []) for path in strays
    ]


def _row(name: str, card: Card) -> str:
    return f"| {name[:2]} [{card.title}](notebooks/{name}.ipynb) | {card.minutes} | {card.summary} |"


def _picture(solved: Path) -> bytes | None:
    """The first image of the cell tagged "picture"; a broken notebook is reported by its own check."""
    try:
        cells = json.loads(read_generated(solved) or "")["cells"]
        outputs = next(cell["outputs"] for cell in cells if PICTURE in cell["metadata"].get("tags", []))
        return base64.b64decode(next(out["data"]["image/png"] for out in outputs if "image/png" in out.get("data", {})))
    except (ValueError, KeyError, TypeError, StopIteration):
        return None
