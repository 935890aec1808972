"""The tables of docs/networks.md are what the course gives; run this file to write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_lessons.resnet.families import NOTE, families
from course_lib import zoo
from course_lib.architectures.catalogue import NETWORKS

PAGE = Path(__file__).parents[1] / "docs" / "networks.md"


def architectures() -> str:
    return f"{families(NETWORKS).markdown()}\n\n{NOTE}"


def networks() -> str:
    rows = [
        "| `zoo.load(…)` | what it is | parameters | kB | right on test pictures |",
        "| :-- | :-- | --: | --: | --: |",
    ]
    for name in zoo.names():
        card, size = zoo.card(name), (zoo.folder() / f"{name}.npz").stat().st_size / 1000
        score = f"{card.test_accuracy:.2%} of {card.test_images:,}"
        rows.append(f"| `{name}` | {card.summary} | {card.parameters:,} | {size:,.0f} | {score} |")
    return "\n".join(rows)


TABLES = {"families": architectures, "networks": networks}


def with_table(text: str, name: str) -> str:
    begin, end = f"<!-- {name}, made by tests/test_networks_page.py -->\n", f"<!-- end of {name} -->"
    head, _, rest = text.partition(begin)
    return f"{head}{begin}{TABLES[name]()}\n{end}{rest.partition(end)[2]}"


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_course_gives(name):
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_table(text, name), "run  python tests/test_networks_page.py  to write it anew"


if __name__ == "__main__":
    for table in TABLES:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")
