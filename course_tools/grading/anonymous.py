"""Pages without names: each student is called by a pseudonym that nobody can find out without the folder of marks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import replace

from course_tools.grading.marks import Report

FILE = "pseudonyms.csv"  # in MARKS, beside the pages: who is who


def secret_in(recorded: object) -> str:
    """The secret as it was recorded; "" if there is none, or if somebody has changed it."""
    return recorded if isinstance(recorded, str) and re.fullmatch("([0-9a-f]{2}){16,}", recorded) else ""


def pseudonym(student: str, secret: str) -> str:
    """The same for the same student as long as the secret, which MARKS keeps, is the same."""
    seal = hmac.digest(bytes.fromhex(secret), student.encode("utf-8", "surrogatepass"), hashlib.sha256)
    letters = base64.b32encode(seal)[:8].decode().lower()
    return f"{letters[:4]}-{letters[4:]}"


def without_names(reports: Iterable[Report], secret: str) -> list[tuple[Report, Report]]:
    """Each report beside one in which neither the student nor the names of files are to be seen."""
    return [(report, _without_names(report, secret)) for report in reports]


def _without_names(report: Report, secret: str) -> Report:
    return replace(
        report,
        student=pseudonym(report.student, secret),
        file=pseudonym(report.file, secret),
        problem=_before_names(report.problem),
        newer="A newer file does not count." if report.newer else "",
        earlier=[],
        beaten=[],
        left_out=[f"a file: {text.partition(': ')[2]}" if ": " in text else text for text in report.left_out],
    )


def _before_names(problem: str) -> str:
    """What follows a colon may be the names of files, and a student is named in many of them."""
    words, colon, _ = problem.partition(":")
    return f"{words}." if colon else words
