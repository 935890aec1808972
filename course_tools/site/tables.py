"""The course's tables as pages: syllabus, facts, errata and evidence, each entry linked to the cells that carry it."""

from __future__ import annotations

import ast
import csv
import io
from collections.abc import Iterable
from pathlib import Path

from course_lib.evidence import claims
from course_tools.errata import LESSON as ERRATA_LESSON
from course_tools.evidence import Declared, declared
from course_tools.facts import VERDICTS
from course_tools.lesson import read_text
from course_tools.project import Project
from course_tools.site.pages import Content, LessonPage, escaped, lesson_address, link

_FACTS = """\
# Facts

{count} statements of the lecture decks and of the papers behind them: what is published, what the course computes, and
the verdict. Each that can be computed is computed again by the course's tests.

{verdicts}

{filter}

{table}
"""
_ERRATA = """\
# Errata of the lecture decks

The topics of this course were gathered from five public lecture decks. {count} of their statements did not survive
being computed, run or looked up. They stand here in our words, deck by deck; each leads to the cell that shows it.

{filter}

{decks}
"""
_SYLLABUS = """\
# Syllabus

What each lesson must make executable: {live} of {count} entries run today, each in the cell that its number leads to.
{elsewhere}

{filter}

{lessons}
"""
_EVIDENCE = """\
# Evidence

What lessons claim about training rests on experiments too long for a notebook. Each was run with several seeds and
recorded; the record is the file that the lesson reads. The command runs it again.

{lessons}
"""


def add_tables(project: Project, lessons: list[LessonPage], content: Content) -> list[str]:
    """The pages of all tables that the project has; their names."""
    pages = {
        "facts": ("data/facts.csv", facts_page),
        "evidence": ("course_tools/site/tables.py", evidence_page),
        "syllabus": ("data/syllabus.csv", syllabus_page),
        "errata": (f"course_lessons/{ERRATA_LESSON[3:]}/errata.csv", errata_page),
    }
    made = []
    for name, (origin, page) in pages.items():
        if text := page(project, {lesson.name: lesson for lesson in lessons}):
            content.add(name, text, origin)
            made.append(name)
    return made


def facts_page(project: Project, lessons: dict[str, LessonPage]) -> str:
    """Published against computed, with the verdict."""
    rows = _rows(project, project.root / "data" / "facts.csv")
    if not rows:
        return ""
    used = {row["verdict"] for row in rows}
    verdicts = "\n".join(f"- **{name}**: {said}" for name, said in VERDICTS.items() if name in used)
    body = [
        _row(
            row["id"],
            _cells_of(lessons, row["lesson"], row["id"], row["id"]),
            (row["statement"], "wide"),
            row["published"],
            row["computed"],
            (row["verdict"], "verdict"),
            ("; ".join(filter(None, (row["how"], row["note"]))), "wide"),
            verdict=row["verdict"],
        )
        for row in rows
    ]
    table = _table(("no.", "statement", "published", "computed", "verdict", "how"), body, "Facts")
    return _FACTS.format(count=len(rows), verdicts=verdicts, filter=_filter(sorted(used)), table=table)


def errata_page(project: Project, lessons: dict[str, LessonPage]) -> str:
    """What the decks got wrong, deck by deck; an entry of several decks stands under the first with its anchor."""
    rows = _rows(project, project.room(ERRATA_LESSON) / "errata.csv")
    decks: dict[str, list[str]] = {}
    for row in rows:
        slides: dict[str, list[str]] = {}
        for deck, slide in zip(row["deck"].split("; "), row["slide"].split("; "), strict=True):
            slides.setdefault(deck, []).append(slide)
        for number, (deck, names) in enumerate(slides.items()):
            decks.setdefault(deck, []).append(
                _row(
                    "" if number else row["id"],
                    _cells_of(lessons, ERRATA_LESSON, row["id"], row["id"]),
                    "; ".join(names),
                    (f"{row['name']}: {row['says']}", "wide"),
                    (row["so"], "wide"),
                    row["method"],
                )
            )
    heads = ("no.", "slide", "it says", "what is so", "how to find it")
    parts = [f"## {deck}\n\n{_table(heads, body, f'Errata of {deck}')}" for deck, body in decks.items()]
    return _ERRATA.format(count=len(rows), decks="\n\n".join(parts), filter=_filter()) if rows else ""


def syllabus_page(project: Project, lessons: dict[str, LessonPage]) -> str:
    """Every topic, figure and question of the decks; the mistakes have a page of their own."""
    rows = _rows(project, project.root / "data" / "syllabus.csv")
    mistakes = sum(row["id"].startswith("E") for row in rows)
    rows = [row for row in rows if not row["id"].startswith("E")]
    of_lesson: dict[str, list[str]] = {}
    live = 0
    for row in rows:
        runs = row["lesson"] in lessons and row["id"] in lessons[row["lesson"]].cells
        live += runs
        of_lesson.setdefault(row["lesson"], []).append(
            _row(
                row["id"],
                _cells_of(lessons, row["lesson"], row["id"], row["id"]) if runs else f"{row['id']}, not yet",
                row["name"],
                (row["what"], "wide"),
                (row["must_run"], "wide"),
            )
        )
    heads = ("no.", "name", "what", "what must run")
    parts = []
    for name, body in sorted(of_lesson.items()):
        title = lessons[name].short_title if name in lessons else f"{name[3:].replace('_', ' ')} (not written yet)"
        parts.append(f"## {name[:2]} {title}\n\n{_table(heads, body, f'Syllabus of lesson {name[:2]}')}")
    elsewhere = f"The {mistakes} mistakes of the decks are [errata](errata.md)." if mistakes else ""
    return (
        _SYLLABUS.format(live=live, count=len(rows), elsewhere=elsewhere, filter=_filter(), lessons="\n\n".join(parts))
        if rows
        else ""
    )


def evidence_page(project: Project, lessons: dict[str, LessonPage]) -> str:
    """Each experiment: what was run, on how many seeds, where, how long, and which cells and claims stand on it."""
    parts = []
    for name, lesson in lessons.items():
        experiments = declared(project, name)
        if experiments:
            said = claims(name) if (project.room(name) / "claims.py").is_file() else []
            words = _docstrings(project.room(name) / "evidence.py")
            entries = [
                _experiment(each, words.get(each.name, ""), [c.sentence for c in said if c.record == each.name], lesson)
                for each in experiments
            ]
            parts.append("\n\n".join([f"## {lesson.number} {lesson.short_title}", *entries]))
    return _EVIDENCE.format(lessons="\n\n".join(parts)) if parts else ""


def _experiment(experiment: Declared, words: str, sentences: list[str], lesson: LessonPage) -> str:
    record = experiment.record
    number = experiment.label[:2]
    facts = [f"- command: `course evidence {number}:{experiment.name}`"]
    if record is None:
        facts.insert(0, "- not recorded yet")
    else:
        seconds = [float(each) for each in record.head.get("seconds", "").split()]
        facts = [
            f"- seeds: {len(record.seeds)} ({', '.join(map(str, record.seeds))}); rows: {len(record.rows):,}",
            f"- machine: {record.head.get('device', 'unknown')}; scale {record.head.get('scale', 'unknown')}; "
            f"{sum(seconds):,.0f} seconds; recorded {record.head.get('date', 'unknown')}",
            f"- versions: {record.head.get('versions', 'unknown')}",
            *facts,
        ]
    readers = lesson.cells.get(experiment.name, [])
    shown = [link(lesson_address(lesson.name, cell), escaped(lesson.sections[cell])) for cell in dict.fromkeys(readers)]
    facts.append(f"- figures and numbers: {', '.join(shown)}" if shown else "- no cell of the lesson reads it")
    if sentences:
        facts.append("- claims that rest on it:")
        facts += [f"    - {' '.join(sentence.split())}" for sentence in sentences]
    # The anchor keeps experiments of different lessons with the same name apart.
    mark = f'<span class="cell-anchor" id="{number}-{escaped(experiment.name)}"></span>'
    return "\n\n".join(filter(None, [mark, f"### {number}:{experiment.name}", words, "\n".join(facts)]))


def _docstrings(path: Path) -> dict[str, str]:
    """What the functions of a module say of themselves."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name: ast.get_docstring(node) or "" for node in tree.body if isinstance(node, ast.FunctionDef)}


def _rows(project: Project, path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    return list(csv.DictReader(io.StringIO(read_text(path, project.relative(path)))))


def _cells_of(lessons: dict[str, LessonPage], lesson: str, key: str, text: str) -> str:
    """`text`, as a link to the first cell that carries the entry, and numbers that lead to the others."""
    page = lessons.get(lesson)
    if page is None:
        return escaped(text)
    cells = list(dict.fromkeys(page.cells.get(key, [])))
    if not cells:
        return f"{escaped(text)}, {link(lesson_address(lesson), f'lesson {lesson[:2]}')}"
    title = f"Lesson {lesson[:2]}: {page.sections[cells[0]]}"
    first = link(lesson_address(lesson, cells[0]), escaped(text), title=title)
    others = (link(lesson_address(lesson, cell), str(number)) for number, cell in enumerate(cells[1:], start=2))
    return " ".join([first, *others])


def _row(anchor: str, first: str, *cells: str | tuple[str, str], verdict: str = "") -> str:
    """A row; the first cell is HTML, the others are text, some with a class."""
    mark = f' id="{escaped(anchor)}"' if anchor else ""
    kind = f' data-verdict="{escaped(verdict)}"' if verdict else ""
    # Search shows the text of a row: a space between cells keeps their words apart.
    return f"<tr{mark}{kind}>{' '.join([f'<td>{first}</td>', *map(_cell, cells)])}</tr>"


def _cell(cell: str | tuple[str, str]) -> str:
    text, kind = cell if isinstance(cell, tuple) else (cell, "")
    return f'<td class="{kind}">{escaped(text)}</td>' if kind else f"<td>{escaped(text)}</td>"


def _table(heads: Iterable[str], rows: Iterable[str], name: str) -> str:
    head = " ".join(f'<th scope="col">{escaped(each)}</th>' for each in heads)
    body = "\n".join(rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escaped(name)}">\n<table class="course-table">\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>"
    )


def _filter(verdicts: Iterable[str] = ()) -> str:
    """Fields that let a reader see only rows with some words, or with one verdict; course.js does it."""
    options = "".join(f"<option>{escaped(each)}</option>" for each in verdicts)
    choice = f'<label>Verdict <select data-verdicts><option value="">all</option>{options}</select></label>'
    return (
        '<form class="filter" hidden><label>Only rows with <input type="search" autocomplete="off"></label>'
        f"{choice if options else ''}<output></output></form>"
    )
