"""A lesson's card: the YAML at its head, from which title, links, set-up cell and footer are made."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from course_tools.errors import CourseError
from course_tools.imports import import_quickly

# Each description says what was expected, and is what an author reads when the field holds something else.
_NAMES = {"type": "array", "items": {"type": "string", "pattern": "^[a-z0-9_]+$"}, "uniqueItems": True}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "summary", "objectives", "needs", "minutes", "data"],
    "properties": {
        "title": {"type": "string", "pattern": r"^\S(.*\S)?$", "description": "one line of text"},
        "summary": {"type": "string", "pattern": r"^\S(.*\S)?$", "description": "one line of text"},
        "objectives": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "pattern": r"^\S(.*\S)?$"},
            "description": "a list of one or more lines of text",
        },
        "needs": {**_NAMES, "description": "a list of lesson names such as 01_maths_review, or []"},
        "minutes": {"type": "integer", "minimum": 1, "description": "a whole number of minutes, 1 or more"},
        "data": {**_NAMES, "description": "a list of names of data sets such as digits, or []"},
    },
}
_SHAPE = "a lesson begins with its card, between two lines '# ---', under '# jupyter:' and '#   course:'"


@dataclass(frozen=True)
class Card:
    """What a lesson says about itself."""

    title: str
    summary: str
    objectives: list[str]
    needs: list[str]
    minutes: int
    data: list[str]


def split_header(text: str, file: str) -> tuple[list[str], int]:
    """The YAML lines of a lesson's header, without their '# ', and the number of lines the header takes."""
    lines = text.splitlines()
    if not lines or lines[0].rstrip() != "# ---":
        raise CourseError(f"{file}, line 1: the card is missing; {_SHAPE}.")
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == "# ---":
            return [body.removeprefix("#").removeprefix(" ") for body in lines[1:number]], number + 1
        if not line.startswith("#"):
            break
    raise CourseError(f"{file}, line {number + 1}: the card has no end; {_SHAPE}.")


def read_card(text: str, file: str) -> Card:
    """The card in the text of a lesson; `file` is how messages call it."""
    yaml = import_quickly("yaml")
    lines, _ = split_header(text, file)
    try:
        header = yaml.safe_load("\n".join(lines))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 2
        reason = getattr(error, "problem", None) or "it cannot be parsed"
        raise CourseError(f"{file}, line {line}: the card is not valid YAML: {reason}.") from None
    try:
        fields = header["jupyter"]["course"]
    except (TypeError, KeyError):
        fields = None
    if not isinstance(fields, Mapping):
        raise CourseError(f"{file}, line 2: the card is missing; {_SHAPE}.")
    _check(fields, file)
    return Card(**fields)


def _check(fields: Mapping, file: str) -> None:
    """Raise the first fault that the schema finds, in words."""
    properties = SCHEMA["properties"]
    for field in fields:
        if field not in properties:
            close = difflib.get_close_matches(str(field), properties, n=1)
            advice = f"did you mean {close[0]!r}?" if close else f"the fields are {', '.join(properties)}."
            raise CourseError(f"{file}: the card has an unknown field {field!r}; {advice}")
    for field in SCHEMA["required"]:
        if field not in fields:
            raise CourseError(f"{file}: the card has no field {field!r}; it is {properties[field]['description']}.")
    fault = next(import_quickly("jsonschema").Draft202012Validator(SCHEMA).iter_errors(dict(fields)), None)
    if fault is not None:
        field = fault.absolute_path[0]
        raise CourseError(
            f"{file}: the card's field {field!r} must be {properties[field]['description']}, not {fields[field]!r}."
        )
