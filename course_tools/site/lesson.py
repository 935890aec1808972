"""A lesson as a page: its solved notebook with figures as files, its solutions and its set-up folded."""

from __future__ import annotations

import base64
import binascii
import copy
import html
import itertools
import json
import re

from course_tools.errors import CourseError
from course_tools.frame import FOLDED
from course_tools.glossary import terms_of
from course_tools.lesson import Lesson
from course_tools.notebook import Rendered
from course_tools.site.frames import Frames
from course_tools.site.pages import (
    Figure,
    LessonPage,
    anchor,
    binder_address,
    colab_address,
    escaped,
    lesson_address,
    link,
    short,
    source_file,
)

_IMAGE = re.compile(r"<img\b[^>]*>")
_DATA = re.compile(r"data:image/(png|gif|jpeg);base64,(.*)", re.DOTALL)
_RECORD = re.compile(r"""\bevidence\(\s*["'](\w+)["']\s*\)""")
# What pandas says of its tables; the site's own style does.
_TABLE_STYLE = re.compile(r"<style scoped>.*?</style>\s*|(?<=<table) border=\"1\"", re.DOTALL)
_TO_LESSON = re.compile(r'href="(\d\d_\w+)\.ipynb(?:#([^"]*))?"')
_WIDGET = "widget"


class _Builder:
    """Goes through the cells of a lesson, and keeps what the page needs."""

    def __init__(
        self,
        lesson: Lesson,
        rendered: Rendered,
        solved: dict,
        titles: dict[str, str],
        source: str,
        frames: list[Frames],
    ):
        self.lesson, self.rendered, self.titles, self.source, self.frames = lesson, rendered, titles, source, frames
        self.cells: list[dict] = []
        self.origins: list[str] = []
        self.figures: list[Figure] = []
        self.files: dict[str, bytes] = {}
        self.known: dict[str, list[str]] = {}
        self.sections: dict[str, str] = {}
        section = lesson.card.title
        blank = {cell["id"]: cell for cell in rendered.student["cells"]}
        waiting = [cell for cell in solved["cells"] if not _left_out(cell)]
        while waiting:
            cell = waiting.pop(0)
            self.place = rendered.place(cell["id"])
            if cell["cell_type"] == "markdown":
                headings = re.findall(r"^#+ +(.+?) *$", "".join(cell["source"]), re.MULTILINE)
                self.sections[cell["id"]] = headings[0] if headings else section
                section = headings[-1] if headings else section
            else:
                self.sections[cell["id"]] = section
            if cell["id"] == "course-title":
                self._head()
            elif cell["metadata"].get("cellView") == FOLDED["cellView"]:
                self._fold("setup", "Show the set-up", [cell])
            elif cell["id"] in lesson.exercises:
                check = waiting.pop(0) if waiting and waiting[0]["id"] == f"{cell['id']}-check" else None
                self._exercise(blank[cell["id"]], cell, check)
            else:
                self._cell(cell)
        for term in terms_of(lesson):
            line = lesson.cells[term.cell].line
            cell_id = next(cell_id for cell_id, begins in rendered.lines.items() if begins == line)
            self.known.setdefault(f"term {term.key}", []).append(cell_id)

    # What a page is put together from

    def _add(self, cell: dict) -> None:
        self.cells.append(cell)
        self.origins.append(self.place)

    def _markdown(self, text: str) -> None:
        self._add({"cell_type": "markdown", "id": f"page-{len(self.cells)}", "metadata": {}, "source": text})

    def _cell(self, cell: dict) -> None:
        self._anchor(cell["id"])
        if cell["cell_type"] == "markdown":
            return self._add(_clean(cell))
        for name in (*cell["metadata"].get("tags", []), *_RECORD.findall("".join(cell["source"]))):
            self.known.setdefault(name, []).append(cell["id"])
        shown = _clean(cell)
        shown["outputs"] = [self._output(output, cell) for output in copy.deepcopy(cell["outputs"])]
        self._add(shown)
        if _WIDGET in cell["metadata"].get("tags", []):
            drawn = [frames for frames in self.frames if frames.line == self.rendered.lines[cell["id"]]]
            for frames in drawn:
                self._markdown(self._stepper(frames))
            if not drawn:
                self._markdown(
                    '<p class="in-notebook">In the notebook there are sliders here, which redraw the picture as you '
                    "move them.</p>"
                )
        return None

    def _anchor(self, cell_id: str) -> None:
        self._markdown(f'<span class="cell-anchor" id="{escaped(anchor(cell_id))}"></span>')

    def _fold(self, kind: str, summary: str, cells: list[dict]) -> None:
        self._markdown(f'<details class="folded {kind}"><summary>{escaped(summary)}</summary>')
        for cell in cells:
            self._cell(cell)
        self._markdown("</details>")

    def _head(self) -> None:
        """Title and summary, how long it takes, what it stands on, and the ways to run it."""
        card, name = self.lesson.card, self.lesson.name
        facts = [f"about {card.minutes} minutes"]
        if card.needs:
            facts.append("builds on " + ", ".join(self._lesson_link(need) for need in card.needs))
        if card.data:
            facts.append(f"data: {escaped(', '.join(card.data))}")
        ways = [
            (colab_address(self.source, name), "Open in Colab", {}),
            (binder_address(self.source, name), "Open in Binder", {}),
            (f"../downloads/{name}.ipynb", "Download", {"download": f"{name}.ipynb"}),
            (source_file(self.source, self.rendered.file), "Source", {}),
            (f"{self.source}/issues/new?title=Lesson+{name[:2]}:+", "Report a mistake", {}),
        ]
        buttons = [link(to, text, class_="button", **more) for to, text, more in ways if to]
        objectives = "\n".join(f"- {objective}" for objective in card.objectives)
        self._markdown(
            f"# {card.title}\n\n"
            f'<p class="lesson-facts">Lesson {name[:2]} · {" · ".join(facts)}</p>\n'
            f'<p class="buttons">{" ".join(buttons)}</p>\n\n'
            f"{card.summary}\n\n**In this lesson you will**\n\n{objectives}"
        )

    def _lesson_link(self, name: str) -> str:
        if name not in self.titles:
            return escaped(f"{name[:2]} {name[3:].replace('_', ' ')} (not written yet)")
        return link(lesson_address(name, up="../"), escaped(f"{name[:2]} {short(self.titles[name])}"))

    def _exercise(self, blank: dict, solved: dict, check: dict | None) -> None:
        name = solved["id"]
        self._anchor(name)
        self._markdown(
            f'<p class="exercise-head"><strong>Exercise</strong> <code>{escaped(name)}</code>: write it in the '
            f"notebook; <code>check</code> tells at once whether it is right.</p>"
        )
        start = _clean(blank)
        start["metadata"]["tags"] = ["exercise"]
        self._add(start)
        answer = {**copy.deepcopy(solved), "source": self.rendered.solutions[name]}
        answer["id"] = f"{name}-solution"
        self._fold("solution", "Show a solution", [answer, *([check] if check else [])])

    # Figures

    def _output(self, output: dict, cell: dict) -> dict:
        data = output.get("data", {})
        if "text/html" not in data:
            return output
        page = _TABLE_STYLE.sub("", "".join(data["text/html"]))
        page = _TO_LESSON.sub(lambda found: self._way(*found.groups()), page)
        return {**output, "data": {"text/html": _IMAGE.sub(lambda found: self._figure(found[0], cell), page)}}

    def _way(self, name: str, section: str | None) -> str:
        """A link of an output to a lesson: what is a notebook there is a page here."""
        if name not in self.titles:
            raise CourseError(f"{self.place}: this cell shows a link to {name}.ipynb, and there is no such lesson.")
        from docutils.nodes import make_id

        return f'href="{name}.html' + (f'#{make_id(html.unescape(section))}"' if section else '"')

    def _stepper(self, frames: Frames) -> str:
        """Sliders whose pictures are files; without a script, the picture that they start with."""
        stem = f"figures/{self.lesson.name}/line-{frames.line}"
        self.files |= {f"{stem}-{number:03}.png": picture for number, picture in enumerate(frames.pictures)}
        place = [values.index(frames.start[name]) for name, values in frames.values.items()]
        choices = list(itertools.product(*map(range, map(len, frames.values.values()))))
        shown, alt = choices.index(tuple(place)), " ".join(frames.alt.split())
        sliders = "".join(
            f'<label>{escaped(name)} <input type="range" min="0" max="{len(values) - 1}" value="{at}" '
            f'data-values="{escaped(json.dumps([_spoken(value) for value in values]))}">'
            f"<output>{escaped(_spoken(values[at]))}</output></label>"
            for (name, values), at in zip(frames.values.items(), place, strict=True)
        )
        width, height = _size(frames.pictures[shown], {})
        picture = image(f"../{stem}-{shown:03}.png", alt, width // 2, height // 2)  # drawn for dense screens
        return f'<form class="stepper" data-stem="../{stem}" data-alt="{escaped(alt)}">{sliders}{picture}</form>'

    def _figure(self, tag: str, cell: dict) -> str:
        """The figure as a file of its own, which the browser fetches when the reader comes near."""
        place = self.rendered.place(cell["id"])
        said = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        alt = html.unescape(said.get("alt", ""))
        if not alt.strip():
            raise CourseError(f"{place}: this cell shows a figure without a description; give show(..., alt=…).")
        found = _DATA.fullmatch(said.get("src", ""))
        try:
            content = base64.b64decode(found[2], validate=False)
        except (TypeError, binascii.Error):
            raise CourseError(f"{place}: this cell shows a picture that is not in the notebook.") from None
        file = f"figures/{self.lesson.name}/{len(self.figures) + 1:02}.{found[1]}"
        width, height = _size(content, said)
        self.files[file] = content
        tags = tuple(cell["metadata"].get("tags", []))
        self.figures.append(Figure(self.lesson.name, cell["id"], " ".join(alt.split()), file, width, height, tags))
        return image(f"../{file}", alt, width, height)


def image(address: str, alt: str, width: int, height: int) -> str:
    """A picture in HTML; its size is known before it comes, so that nothing on the page jumps."""
    return (
        f'<img class="figure" alt="{escaped(alt)}" src="{escaped(address)}" width="{width}" height="{height}" '
        'loading="lazy">'
    )


def lesson_page(
    lesson: Lesson, rendered: Rendered, solved: dict, titles: dict[str, str], source: str, frames: list[Frames]
) -> LessonPage:
    """The page of a lesson. Raises CourseError, with file and line, for a figure without a description."""
    built = _Builder(lesson, rendered, solved, titles, source, frames)
    notebook = {
        "cells": built.cells,
        "metadata": {
            "kernelspec": solved["metadata"]["kernelspec"],
            "language_info": {"name": "python", "pygments_lexer": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return LessonPage(
        name=lesson.name,
        card=lesson.card,
        notebook=notebook,
        origins=built.origins,
        figures=built.figures,
        cells=built.known,
        sections=built.sections,
        lines=rendered.lines,
        files=built.files,
    )


def _spoken(value) -> str:
    """A value of a slider as the notebook shows it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _left_out(cell: dict) -> bool:
    """Cells that only a running notebook has a use for."""
    return cell["id"].endswith("-hint") or cell["id"] in ("course-progress", "course-footer")


def _clean(cell: dict) -> dict:
    """The cell without what only graders, tests and notebooks read."""
    return {**copy.deepcopy(cell), "metadata": {}}


def _size(content: bytes, said: dict[str, str]) -> tuple[int, int]:
    """Width and height as shown."""
    import io

    from PIL import Image

    wide, high = Image.open(io.BytesIO(content)).size
    width = int(said["width"]) if said.get("width", "").isdecimal() else wide
    return width, round(high * width / wide)
