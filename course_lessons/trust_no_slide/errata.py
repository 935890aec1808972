"""The mistakes of the lecture decks, from the table beside this file, of which docs/errata.md is made, too."""

from __future__ import annotations

from importlib.resources import files

import pandas as pd


def read() -> pd.DataFrame:
    """One row for each mistake, by its number: name, deck, slide, says, so, method.

    Where several slides make it, `deck` and `slide` list them side by side, separated by "; ".
    """
    with files("course_lessons.trust_no_slide").joinpath("errata.csv").open(encoding="utf-8") as table:
        return pd.read_csv(table, index_col="id")


def beside(**findings: str) -> pd.DataFrame:
    """What the slides say beside what was found: `beside(E44="271.35 M")`, one row for each number of a mistake."""
    slides = read().loc[list(findings), ["name", "says"]].reset_index(drop=True)
    slides.columns = ["about", "the slide"]
    return slides.assign(found=list(findings.values()))
