"""The page about grading says what is so."""

from __future__ import annotations

import sys
from pathlib import Path

from attacks import ATTACKS

from course_tools.grading import marks

PAGE = Path(__file__).parents[1] / "docs" / "grading.md"
BEGIN, END = "<!-- attacks: made from tests/attacks.py -->\n", "<!-- end of attacks -->"


def with_table(text: str) -> str:
    rows = "".join(f"| {attack.what} | {attack.verdict} |\n" for attack in ATTACKS)
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n| a submission that … | verdict |\n|---|---|\n{rows}\n{END}{rest.partition(END)[2]}"


def test_the_table_of_attacks_is_that_of_the_tests():
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_table(text), "run  python tests/test_grading_docs.py  to write it anew"


def test_every_verdict_is_explained():
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"\n| {verdict} | " in text for verdict in marks.VERDICTS)


if __name__ == "__main__":
    sys.path.insert(0, str(PAGE.parents[1]))
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
