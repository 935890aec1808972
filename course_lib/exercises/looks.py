"""How a verdict looks, declared once for notebooks, consoles and the pages of marks.

Sign, word and colour say the same thing, so that none of them is needed alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.exercises.answer import CORRECT, NOT_ATTEMPTED, RAISED, WRONG

INK = "#000000"  # of what is written on a colour
# Light enough for black words on them, and dark enough to stand out from white paper: on the ground of no theme, light
# or dark, are words written in a colour.
COLOURS = {"good": "#009E73", "bad": "#D55E00", "stopped": "#C46FA0", "none": "#8C8C8C", "help": "#3D93CF"}


@dataclass(frozen=True)
class Look:
    """`tone` is one of COLOURS; every plain text font, DejaVu for one, has the sign."""

    tone: str
    sign: str
    word: str

    @property
    def colour(self) -> str:
        return COLOURS[self.tone]


VERDICTS = {
    CORRECT: Look("good", "\N{CHECK MARK}", "Correct"),
    WRONG: Look("bad", "\N{BALLOT X}", "Not right yet"),
    RAISED: Look("bad", "!", "Your code raised an error"),
    NOT_ATTEMPTED: Look("none", "\N{WHITE CIRCLE}", "Not attempted yet"),
}

NOT_CHECKED = Look("stopped", "!", "Not checked")
RUNNING = Look("stopped", "\N{HORIZONTAL ELLIPSIS}", "Still running")


def hint(number: int, total: int) -> Look:
    return Look("help", "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}", f"Hint {number} of {total}")
