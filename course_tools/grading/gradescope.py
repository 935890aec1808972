"""Who is who in an export of Gradescope: its folders are numbered, and a list beside them says whose they are."""

from __future__ import annotations

import yaml

LIST = "submission_metadata.yml"  # lies beside the folders submission_111, submission_112
LARGEST_LIST = 4_000_000  # bytes; the list of 3,000 students with all their attempts is shorter
_LONGEST = 200  # characters of a name


def submitters(content: bytes) -> dict[str, list[str]]:
    """The students whose each folder is, by its name, from the content of the list.

    A student is called "Jane Doe (123)", by name and by number or mail, since two may have the same name. Raises
    ValueError if it is no such list.
    """
    try:
        listed = yaml.safe_load(content)
        return {str(name): found for name, facts in listed.items() if (found := _students(facts))}
    except (yaml.YAMLError, AttributeError, RecursionError, TypeError, ValueError):
        raise ValueError("not as Gradescope writes it") from None


def _students(facts: dict) -> list[str]:
    """The members of the group that handed something in; Gradescope's keys are `:name`, `:sid` and `:email`."""
    named = [_student(one) for one in facts.get(":submitters") or []]
    return list(dict.fromkeys(filter(None, named)))


def _student(facts: dict) -> str:
    name, number, mail = (_text(facts.get(key)) for key in (":name", ":sid", ":email"))
    return f"{name} ({number or mail})" if name and (number or mail) else name or mail or number


def _text(value) -> str:
    if value is not None and not isinstance(value, (str, int)):
        raise ValueError("neither a text nor a number")
    return "" if value is None else str(value).strip()[:_LONGEST]
