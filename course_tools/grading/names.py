"""What the names of files and folders say: who handed in which lesson, at which attempt, and whether late.

The layouts of the learning platforms are told from one another by the names themselves; nobody has to say which it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from course_tools.project import LESSON_NAME

# As the platforms make them; `name` is what the student called the file.
_PLATFORMS = [
    # Moodle: Jane Doe_12345_assignsubmission_file_, a folder or the beginning of a file's name. The number is one of
    # the assignment: the next assignment has another for the same student.
    re.compile(r"(?P<student>.+?)_(?P<whose>\d+)_assignsubmission_[a-z]+_?(?P<name>.*)", re.DOTALL),
    # Blackboard: Homework 1_jdoe_attempt_2025-03-01-10-20-30_notebook.ipynb
    re.compile(r"(?P<whose>.+?)_(?P<student>[^_]+)_attempt_(?P<attempt>\d{4}(-\d\d){5})_?(?P<name>.*)", re.DOTALL),
    # Canvas: doejane_LATE_12345_67890_notebook-2.ipynb. The first number is the student's, and tells two Jane Does
    # apart; the last is Canvas', too: the second time again that a file of this name was handed in.
    re.compile(r"(?P<student>[^_]+_)(?P<late>LATE_)?(?P<id>\d{3,})_(\d{3,}_(?P<name>.+)|(text|link)\.html)", re.DOTALL),
    # The same where marking is anonymous: anon_aB3dE_LATE_67890_notebook.ipynb
    re.compile(r"(?P<student>anon_)(?P<id>[0-9A-Za-z]{5})_(?P<late>LATE_)?\d{3,}_(?P<name>.+)", re.DOTALL),
]
_NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json)?\Z", re.IGNORECASE)  # browsers add the second ending
_ZIP = re.compile(r"\.zip\Z", re.IGNORECASE)
_AGAIN = re.compile(r"-(\d{1,2})\Z")  # Canvas' number of an attempt; the first one has none
_COPY = re.compile(r"(copy of|kopie von|copie de|copia de|copia di|cópia de|kopia|kopi av)\s+", re.IGNORECASE)


@dataclass(frozen=True)
class Said:
    """What a path says; "" where it says nothing.

    `attempt` is what several attempts of a student have in common, and a text that is greater for a later one; () if
    nothing tells. Files of one name and lesson whose `whose` differ may be of two people: Moodle gives two Jane Does
    different numbers, and of Blackboard's a_doe and b_doe the beginning stands in what seems to be the task.
    """

    student: str = ""
    lesson: str = ""
    late: bool = False
    attempt: tuple[str, ...] = ()
    whose: str = ""


def is_notebook(name: str) -> bool:
    return bool(_NOTEBOOK.search(name))


def is_zip(name: str) -> bool:
    return bool(_ZIP.search(name))


def is_flat(name: str) -> bool:
    """Whether a platform made this name, of a student's file or folder, which says the student."""
    return _by_platform(name) is not None


def read_path(path: Path, lessons: list[str]) -> Said:
    """What the path of a file, from the submissions' folder, says. `lessons` are the names of all lessons there are."""
    first = path.parts[0]
    found = _by_platform(first)
    parts = found.groupdict() if found else {}
    own_name = path.name if len(path.parts) > 1 or not found else parts["name"] or ""
    lesson, before = _lesson_in(without_ending(own_name), lessons)
    if found:
        attempt = ("", parts["attempt"]) if "attempt" in parts else ()
        if "id" in parts and parts["name"]:  # Canvas
            name = without_ending(parts["name"])
            again = _AGAIN.search(name)
            attempt = (name[: again.start()], f"{int(again[1]):02}") if again else (name, "00")
        student = parts["student"] + parts.get("id", "")
        return Said(student, lesson, bool(parts.get("late")), attempt, parts.get("whose", ""))
    if len(path.parts) > 1 and is_zip(first):  # ada_09_convolution.zip, opened
        return Said(_lesson_in(without_ending(first), lessons)[1], lesson)
    if len(path.parts) > 1:
        return Said(first, lesson)
    return Said(before, lesson)


def handed_in_beside(name: str) -> tuple[tuple[str, str], list[str]] | None:
    """Of a file whose name a platform made: with which notebooks it belongs, and what the student may have called it.

    Canvas numbers what is handed in again: helpers-1.py was helpers.py, unless that is the student's own number.
    """
    found = _by_platform(name)
    if not found or not found["name"]:
        return None
    parts = found.groupdict()
    names = [parts["name"]]
    if "id" in parts:
        names.append(re.sub(r"-\d{1,2}(?=(\.[^.]*)?\Z)", "", parts["name"]))
    return (parts["student"] + parts.get("id", ""), parts.get("attempt", "")), list(dict.fromkeys(names))


def _by_platform(name: str) -> re.Match | None:
    """What the platform says in a name. It says it first: a student may call a file as another platform would."""
    found = filter(None, (platform.fullmatch(name) for platform in _PLATFORMS))
    return min(found, key=lambda match: match.end("student"), default=None)


def without_ending(name: str) -> str:
    return _ZIP.sub("", _NOTEBOOK.sub("", name))


def _lesson_in(stem: str, lessons: list[str]) -> tuple[str, str]:
    """The lesson that is named somewhere in `stem`, and what stands before it; "" if there is none, or several.

    Capitals, spaces and hyphens do not matter, nor do "Copy of", "(1)", "_final" and the like around it.
    """
    stem = _COPY.sub("", stem)
    found = {lesson: match for lesson in lessons if (match := _spelt_somehow(lesson).search(stem))}
    if len(found) == 1:
        [(lesson, match)] = found.items()
        return lesson, stem[: match.start()].rstrip("_- ") if match.start() else ""
    # Of a lesson that there is not, perhaps.
    return "", re.sub(rf"(?<=.)_{LESSON_NAME.pattern}\Z", "", stem, flags=re.DOTALL)


def _spelt_somehow(lesson: str) -> re.Pattern:
    words = r"[\s_.-]+".join(map(re.escape, lesson.split("_")))
    return re.compile(rf"(?<![^\W_]){words}(?![^\W_])", re.IGNORECASE)
