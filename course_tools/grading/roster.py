"""The class as a platform lists it: who should have handed in, and the marks in the form that the platform imports."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from course_tools.errors import CourseError
from course_tools.grading.intake import printable
from course_tools.grading.tables import Table, read_table

FILE = "roster.csv"  # in MARKS: the one that was given last
# The headings of Canvas, Moodle, Gradescope and Blackboard, in small letters.
_NAME, _FIRST = {"student", "name", "full name", "student name"}, {"first name"}
_LAST = {"last name", "surname"}
_NUMBER = {"id", "sis user id", "id number", "sid", "student id", "identifier"}
_LOGIN = {"sis login id", "username", "login id", "email", "email address"}
_KEPT = {"canvas": {"integration id", "root account", "section"}, "gradescope": {"sections"}}
# Canvas and Blackboard write it behind the name of a column that they have.
_COLUMN_ID = re.compile(r" (\(\d+\)|\[Total Pts:[^\]]*\] ?\|\d+)\Z")
_NOBODY = {"points possible", "student, test"}  # rows of Canvas that are no student
_LABEL = re.compile(r"(?P<name>.+?)(_(?P<number>\d{3,})| \((?P<id>[^()]+)\))", re.DOTALL)


@dataclass(frozen=True, eq=False)
class Person:
    """One line of a roster: the cells, by heading, and what this person may be called, the surest first."""

    name: str
    cells: dict[str, str]
    called: tuple[frozenset[str], ...]


class Roster:
    """The people of a class, and whose list it is: "canvas", "moodle", "gradescope", "blackboard" or ""."""

    def __init__(self, table: Table):
        """Raises ValueError if the headings say neither names nor numbers."""
        self._headings = table.headings
        small = {heading.casefold() for heading in table.headings}
        if not small & (_NAME | _NUMBER | _LOGIN) and not small & _FIRST & _LAST:
            raise ValueError("no column of names, numbers or mails")
        self.platform = ""
        if {"student", "id", "section"} <= small:
            self.platform = "canvas"
        elif "email address" in small and (small & _LAST or "full name" in small):
            self.platform = "moodle"
        elif {"sid", "email"} <= small:
            self.platform = "gradescope"
        elif {"username", "last name"} <= small:
            self.platform = "blackboard"
        self.people = [
            person for _, row in table.rows if (person := _person(row)) and person.name.casefold() not in _NOBODY
        ]
        self._called: list[dict[str, list[Person]]] = [{} for _ in range(4)]
        for person in self.people:
            for names, mine in zip(self._called, person.called, strict=True):
                for name in mine:
                    names.setdefault(name, []).append(person)

    def person(self, student: str) -> Person | None:
        """Who on the roster is called so by the platform's names of files; None if nobody is, or several are."""
        found = _LABEL.fullmatch(student)
        whole, number = student.casefold(), self._number(found) if found else ""
        spelt = _letters(found["name"] if found else student)
        candidates: list[Person] = []
        for names, tried in zip(self._called, [(whole, number), (whole, number), (whole,), (spelt,)], strict=True):
            fitting = list(dict.fromkeys(person for name in tried for person in names.get(name, [])))
            candidates = [person for person in candidates if person in fitting] or candidates or fitting
            if len(candidates) == 1:
                return candidates[0]
        return None

    def _number(self, label: re.Match) -> str:
        """Canvas' own number of a student means nothing in another's list, where it may be that of somebody else."""
        return (label["id"] or (label["number"] if self.platform == "canvas" else "")).casefold()

    def for_import(self, out_of: dict[str, float], points: Iterable[tuple[Person, dict[str, float]]]) -> list[list]:
        """The table that `platform` imports: what it knows a student by, and a column for each lesson.

        A lesson that the roster has a column for keeps the platform's own heading, "09_convolution (4711)".
        """
        known = _NAME | _FIRST | _LAST | _NUMBER | _LOGIN | _KEPT.get(self.platform, set())
        whose = [heading for heading in self._headings if heading.casefold() in known]
        own = {_COLUMN_ID.sub("", heading).casefold(): heading for heading in self._headings}
        rows = [[*whose, *(own.get(lesson, lesson) for lesson in out_of)]]
        if self.platform == "gradescope":  # as in the grades that it exports itself
            rows = [[*whose, *(words for lesson in out_of for words in (lesson, f"{lesson} - Max Points"))]]
            for person, earned in points:
                mine = [value for lesson in out_of for value in (earned.get(lesson, ""), out_of[lesson])]
                rows.append([*(person.cells.get(name, "") for name in whose), *mine])
            return rows
        if self.platform == "canvas":
            title = ["    Points Possible" if heading.casefold() == "student" else "" for heading in whose]
            rows.append([*title, *out_of.values()])
        for person, earned in points:
            rows.append([*(person.cells.get(name, "") for name in whose), *(earned.get(each, "") for each in out_of)])
        return rows


def read_roster(file: Path) -> Roster:
    """Read the class list that a platform exported. Raises `CourseError` if it is none, or not there."""
    try:
        return Roster(read_table(file))
    except FileNotFoundError:
        raise CourseError(f"{printable(str(file))}: there is no such roster.") from None
    except ValueError as error:
        raise CourseError(
            f"{printable(str(file))} has {error}: it must be a CSV file with headings like Student, Name, First name "
            "and Last name, ID, SID, Email."
        ) from None


def _person(row: dict[str, str]) -> Person | None:
    def of(headings: set[str]) -> list[str]:
        return [text for heading, text in row.items() if heading.casefold() in headings and text]

    name = " ".join(of(_NAME)[:1] or [*of(_FIRST)[:1], *of(_LAST)[:1]])
    numbers = {text.casefold().removeprefix("participant ") for text in of(_NUMBER)}
    logins = {text.casefold() for text in of(_LOGIN)}
    beginnings = {login.partition("@")[0] for login in logins}
    called = tuple(map(frozenset, (numbers, logins, beginnings, _spellings(name))))
    name = name or next(iter([*of(_LOGIN), *of(_NUMBER)]), "")
    return Person(name, row, called) if name else None


def _spellings(name: str) -> set[str]:
    """Jane van Doe is also vandoejane, whichever comes first."""
    words = name.replace(",", " ").split()
    return {_letters("".join(words[turn:] + words[:turn])) for turn in range(len(words))}


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", name.casefold())))
