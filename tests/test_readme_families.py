"""The README's table of architectures is what the course counts; run this file to write the table anew."""

from __future__ import annotations

from pathlib import Path

from course_lib.architectures.families import NOTE, families

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- families, made by tests/test_readme_families.py -->\n", "<!-- end of families -->"


def with_table(text: str) -> str:
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}{families().markdown()}\n\n{NOTE}\n{END}{rest.partition(END)[2]}"


def test_the_table_of_families_is_what_the_course_counts():
    text = README.read_text(encoding="utf-8")
    assert text == with_table(text), "run  python tests/test_readme_families.py  to write it anew"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
