"""The ledger of the course: its syllabus, the facts it checks, and the lecture decks that both come from.

Three tables in `data/`, one line each; lists inside a cell are separated by "; ".

- `decks.csv`: key, title, author, university, year, as far as a deck itself says them.
- `syllabus.csv`: what the lessons have to cover. The letter of an id is its kind: T topic, Q question, G figure,
  H headline result, E erratum, C code. `must_run` is what has to be executable; `decks` names slides ("key: title").
- `facts.csv`: the numbers of the decks, and a few more. `published` is what the deck says, `computed` what the course
  finds, `tolerance` how close the two should be, `verdict` one of `VERDICTS`. F is a fact of a deck, X a reference.

A lesson claims a row of the syllabus by tagging a code cell with its id; `coverage` counts the rows that are live.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from course_tools.errors import CourseError
from course_tools.facts import VERDICTS
from course_tools.project import LESSON_NAME, Project

AS_PUBLISHED = {"confirmed", "rounded", "hyper-parameter"}
NOT_AS_PUBLISHED = {"wrong", "not reproduced"}

SYLLABUS_ID = re.compile(r"T\d{3}|[QGHEC]\d{2}")
FACT_ID = re.compile(r"F\d{3}|X\d{2}")
TAG_LIKE_ID = re.compile(r"[A-Z]\d+")

_SCALES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20}
_NUMBER = re.compile(r"~?(-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e-?\d+)?) ?(Ki|Mi|[KMGBT])?(?: ?[%×])?")


@dataclass(frozen=True)
class Deck:
    """A deck of lecture slides."""

    key: str
    title: str
    author: str
    university: str
    year: str


@dataclass(frozen=True)
class Slide:
    """Where something comes from: a deck and, where it is known, the title of the slide."""

    deck: str
    title: str = ""


@dataclass(frozen=True)
class Row:
    """One line of the syllabus."""

    id: str
    lesson: str
    name: str
    what: str
    must_run: str
    decks: tuple[Slide, ...]


@dataclass(frozen=True)
class Fact:
    """One line of the facts. `published` and `computed` are texts; `value` says what they mean."""

    id: str
    lesson: str
    statement: str
    published: str
    computed: str
    tolerance: str
    verdict: str
    how: str
    note: str
    decks: tuple[Slide, ...]


@dataclass(frozen=True)
class Coverage:
    """The rows of one lesson: live when its solved notebook runs them, else pending."""

    lesson: str
    exists: bool
    live: tuple[str, ...]
    pending: tuple[str, ...]


# Reading the tables


def read_decks(folder: Path) -> dict[str, Deck]:
    """The decks by key, from `decks.csv` in `folder`. Like its siblings, it raises CourseError at the first fault."""
    decks: dict[str, Deck] = {}
    for entry in _entries(folder / "decks.csv", Deck):
        entry.require("key", "title")
        entry.require_new("key", decks)
        decks[entry["key"]] = Deck(**entry.values)
    return decks


def read_syllabus(folder: Path) -> dict[str, Row]:
    """The rows by id, from `syllabus.csv` in `folder`."""
    decks = read_decks(folder)
    rows: dict[str, Row] = {}
    for entry in _entries(folder / "syllabus.csv", Row):
        entry.require(*entry.values)
        entry.require_id(SYLLABUS_ID, rows)
        entry.require_lesson()
        rows[entry["id"]] = Row(**entry.values | {"decks": entry.slides(decks)})
    return rows


def read_facts(folder: Path) -> dict[str, Fact]:
    """The facts by id, from `facts.csv` in `folder`."""
    decks = read_decks(folder)
    facts: dict[str, Fact] = {}
    for entry in _entries(folder / "facts.csv", Fact):
        entry.require("id", "lesson", "statement", "verdict")
        entry.require_id(FACT_ID, facts)
        entry.require_lesson()
        _check_verdict(entry)
        _check_tolerance(entry)
        facts[entry["id"]] = Fact(**entry.values | {"decks": entry.slides(decks)})
    return facts


def _check_verdict(entry: _Entry) -> None:
    if entry["verdict"] not in VERDICTS:
        raise entry.fault("verdict", f"{entry['verdict']!r} is not a verdict; there is {', '.join(VERDICTS)}.")
    if (entry["verdict"] == "reported") != (entry["computed"] == ""):
        raise entry.fault("computed", "this is empty for facts that are only reported, and for no others.")


def _check_tolerance(entry: _Entry) -> None:
    tolerance = entry["tolerance"]
    if tolerance and not _is_tolerance(tolerance):
        raise entry.fault(
            "tolerance", f"{tolerance!r} is not a tolerance; write 'exact', '2 %', '0.005' or 'order of magnitude'."
        )
    if bool(tolerance) == isinstance(value(entry["computed"]), str):
        raise entry.fault("tolerance", "a computed value needs a tolerance; words, or nothing, take none.")


@dataclass(frozen=True)
class _Entry:
    """One line of a table, which can say where it is wrong."""

    file: str
    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    def fault(self, column: str, message: str) -> CourseError:
        return CourseError(f"{self.file}, line {self.line}, column {column}: {message}")

    def require(self, *columns: str) -> None:
        for column in columns:
            if not self[column]:
                raise self.fault(column, "this must not be empty.")

    def require_new(self, column: str, taken: dict) -> None:
        if self[column] in taken:
            raise self.fault(column, f"{self[column]!r} is there already; each line needs its own.")

    def require_id(self, pattern: re.Pattern, taken: dict) -> None:
        if not pattern.fullmatch(self["id"]):
            raise self.fault("id", f"{self['id']!r} is not an id of this table, which look like {pattern.pattern}.")
        self.require_new("id", taken)

    def require_lesson(self) -> None:
        if not LESSON_NAME.fullmatch(self["lesson"]):
            raise self.fault("lesson", f"{self['lesson']!r} is not the name of a lesson, such as 02_perceptron.")

    def slides(self, decks: dict[str, Deck]) -> tuple[Slide, ...]:
        slides = tuple(Slide(*text.split(": ", 1)) for text in self["decks"].split("; ") if text)
        for slide in slides:
            if slide.deck not in decks:
                raise self.fault("decks", f"{slide.deck!r} is not the key of a deck; there is {', '.join(decks)}.")
        return slides


def _entries(path: Path, kind: type) -> Iterator[_Entry]:
    """The lines of a table whose columns are the fields of `kind`."""
    file = f"{path.parent.name}/{path.name}"
    columns = list(kind.__dataclass_fields__)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CourseError(f"{file}: it cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CourseError(f"{file}: it cannot be read; a table is a text file in UTF-8.") from None
    lines = csv.reader(text.splitlines(keepends=True), strict=True)
    line = 1
    try:
        for fields in lines:
            if line == 1:
                _check_header(fields, columns, file)
            elif len(fields) < len(columns):
                raise CourseError(f"{file}, line {line}, column {columns[len(fields)]}: the line ends before it.")
            elif len(fields) > len(columns):
                raise CourseError(f"{file}, line {line}, column {columns[-1]}: the line goes on after it.")
            else:
                yield _Entry(file, line, dict(zip(columns, fields, strict=True)))
            line = lines.line_num + 1  # where the next one begins: a quoted cell may hold line ends
    except csv.Error as error:
        raise CourseError(f"{file}, line {line}: it cannot be read as CSV: {error}.") from None
    if line == 1:
        _check_header([], columns, file)


def _check_header(header: list[str], columns: list[str], file: str) -> None:
    for column in columns:
        if column not in header:
            raise CourseError(f"{file}, line 1, column {column}: this column is missing.")
    if header != columns:
        raise CourseError(f"{file}, line 1: the columns must be {', '.join(columns)}, in this order.")


# Comparing values


def value(text: str) -> int | float | tuple[int | float, ...] | str:
    """What a text of the facts means: a number, a sequence of numbers, or else the words themselves.

    Numbers may be approximate ("~50 M"), scaled (K, M, G or B, T; Ki and Mi for 1,024 and 1,048,576) and end in % or ×;
    sequences are written "28, 24" or, for shapes, "28×28×6".
    """
    numbers = [_number(part) for part in re.split(r", |×(?=\d)", text)]
    if None in numbers:
        return text
    return tuple(numbers) if len(numbers) > 1 else numbers[0]


def _number(text: str) -> int | float | None:
    match = _NUMBER.fullmatch(text)
    if not match:
        return None
    digits = match[1].replace(",", "")
    is_whole = digits.lstrip("-").isdigit()
    return (int(digits) if is_whole else float(digits)) * _SCALES[match[2] or ""]


def agrees(recomputed, stored, tolerance: str = "exact") -> bool:
    """Whether a recomputed value is the stored one, within the tolerance.

    `stored` is a text of the facts or a value. A percentage is of the larger of the two, a bare number is the largest
    difference, "order of magnitude" is a factor below ten. Sequences agree when they are as long and every number does.
    Where words are stored, a claim and not a value, the recomputation judges by itself: it returns True, or the words.
    """
    recomputed, stored = _plain(recomputed), _plain(stored)
    if isinstance(stored, str):
        return recomputed is True or recomputed == stored
    if isinstance(stored, tuple):
        return (
            isinstance(recomputed, tuple)
            and len(recomputed) == len(stored)
            and all(agrees(ours, theirs, tolerance) for ours, theirs in zip(recomputed, stored, strict=True))
        )
    is_number = isinstance(recomputed, (int, float)) and not isinstance(recomputed, bool)
    return is_number and _close(recomputed, stored, tolerance)


def _plain(thing):
    """NumPy's and TensorFlow's numbers and arrays as Python's, lists as tuples, texts as what they mean."""
    if hasattr(thing, "numpy"):
        thing = thing.numpy()
    if hasattr(thing, "tolist"):
        thing = thing.tolist()
    if isinstance(thing, str):
        return value(thing)
    return tuple(thing) if isinstance(thing, list) else thing


def _close(ours: float, theirs: float, tolerance: str) -> bool:
    if tolerance in ("", "exact"):
        return ours == theirs
    if tolerance == "order of magnitude":
        return ours == theirs or (ours * theirs > 0 and abs(math.log10(ours / theirs)) < 1)
    if tolerance.endswith("%"):
        return math.isclose(ours, theirs, rel_tol=value(tolerance) / 100)
    return math.isclose(ours, theirs, abs_tol=value(tolerance))


def _is_tolerance(text: str) -> bool:
    return text in ("exact", "order of magnitude") or isinstance(value(text), (int, float))


def objection(fact: Fact, recomputed) -> str | None:
    """What speaks against a fact once it has been recomputed; None when nothing does.

    A whole number in `computed` is a count and must be met exactly: the tolerance is for what a deck has rounded, and
    for what chance moves.
    """
    computed = value(fact.computed)
    numbers = computed if isinstance(computed, tuple) else (computed,)
    precision = "exact" if all(isinstance(number, int) for number in numbers) else fact.tolerance
    if not agrees(recomputed, fact.computed, precision):
        return f"{fact.id}: recomputed as {recomputed!r}, but computed says {fact.computed!r} ({precision or 'words'})."
    if isinstance(value(fact.published), str):
        return None  # words: there is nothing to compare
    is_as_published = agrees(recomputed, fact.published, fact.tolerance)
    if fact.verdict in AS_PUBLISHED and not is_as_published:
        return f"{fact.id}: {fact.verdict}, but {recomputed!r} is not {fact.published!r} ({fact.tolerance})."
    if fact.verdict in NOT_AS_PUBLISHED and is_as_published:
        return f"{fact.id}: {fact.verdict}, but {recomputed!r} is {fact.published!r} ({fact.tolerance})."
    return None


# Counting what runs


def coverage(project: Project, rows: Iterable[Row]) -> list[Coverage]:
    """Which rows of the syllabus run, lesson by lesson; lessons that do not exist yet have all their rows pending."""
    of_lesson: dict[str, list[str]] = {name: [] for name in project.lesson_names()}
    existing = set(of_lesson)
    for row in rows:
        of_lesson.setdefault(row.lesson, []).append(row.id)
    counted = []
    for lesson, ids in sorted(of_lesson.items()):
        run = executed_tags(project.solved_notebooks / f"{lesson}.ipynb") if lesson in existing else set()
        live = tuple(row_id for row_id in ids if row_id in run)
        pending = tuple(row_id for row_id in ids if row_id not in run)
        counted.append(Coverage(lesson, lesson in existing, live, pending))
    return counted


def executed_tags(notebook: Path) -> set[str]:
    """The tags of all code cells that were executed; none when there is no such notebook."""
    return {
        tag
        for cell in _cells(notebook)
        if cell["cell_type"] == "code" and cell.get("execution_count") is not None
        for tag in _tags(cell)
    }


def unknown_tags(project: Project, known: Iterable[str]) -> list[str]:
    """Tags of the solved notebooks that look like an id of the ledger and are none, each with its notebook."""
    known = set(known)
    return [
        f"notebooks/solutions/{lesson}.ipynb: {tag}"
        for lesson in project.lesson_names()
        for cell in _cells(project.solved_notebooks / f"{lesson}.ipynb")
        for tag in _tags(cell)
        if TAG_LIKE_ID.fullmatch(tag) and tag not in known
    ]


def summary(counted: list[Coverage]) -> str:
    """How much of the syllabus is live, in all and by lesson, as lines of text."""
    live = sum(len(each.live) for each in counted)
    pending = sum(len(each.pending) for each in counted)
    lines = [f"syllabus: {live} of {live + pending} rows live, {pending} pending"]
    for each in counted:
        state = "" if each.exists else "   (no such lesson yet)"
        lines.append(f"  {each.lesson:<30}{len(each.live):>4} live{len(each.pending):>5} pending{state}")
    return "\n".join(lines)


def _cells(notebook: Path) -> list[dict]:
    if not notebook.is_file():
        return []
    try:
        return json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except (ValueError, KeyError, TypeError):
        raise CourseError(f"{notebook.name}: it cannot be read as a notebook; run `course build`.") from None


def _tags(cell: dict) -> list[str]:
    return cell.get("metadata", {}).get("tags", [])
