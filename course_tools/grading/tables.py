"""Tables that people make: CSV files as spreadsheets and learning platforms write them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_tools.errors import CourseError
from course_tools.grading.intake import printable

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SEPARATOR = re.compile(r"\A\s*sep=.\n", re.IGNORECASE)  # a line for Excel alone


@dataclass(frozen=True)
class Table:
    """The headings of a table, and its rows: the number of the line, and the cells by heading, without outer spaces."""

    headings: list[str]
    rows: list[tuple[int, dict[str, str]]]


def read_table(file: Path) -> Table:
    """Read a CSV file; commas, semicolons or tabs may separate its cells, and cells may be missing at a line's end.

    Raises FileNotFoundError if there is none, and `CourseError` if it is no text in UTF-8.
    """
    try:
        content = file.read_bytes()
        text = content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(
            f"{printable(str(file))} cannot be read as a text in UTF-8: {error}. A spreadsheet saves one as "
            '"CSV UTF-8".'
        ) from None
    text = _SEPARATOR.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).lstrip("\n")
    heading = text.partition("\n")[0]
    separator = max(",;\t", key=heading.count)  # spreadsheets write the one of their country
    reader = csv.DictReader(io.StringIO(text), delimiter=separator, restval="", restkey="")
    try:
        return Table([name.strip() for name in reader.fieldnames or ()], list(_rows(reader)))
    except csv.Error as error:
        raise CourseError(f"{printable(str(file))} is not a table in CSV: {error}.") from None


def _rows(reader: csv.DictReader) -> Iterator[tuple[int, dict[str, str]]]:
    for row in reader:
        yield reader.line_num, {name.strip(): text.strip() for name, text in row.items() if isinstance(text, str)}
