"""A verdict, a hint and a solution for the eye: plain text in a console, a coloured box in a notebook."""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np

from course_lib.exercises.judge import CORRECT, NOT_ATTEMPTED, RAISED, WRONG, Verdict

# Colour, sign and word say the same thing, so that none of them is needed alone.
_LOOKS = {
    CORRECT: ("#009E73", "\N{HEAVY CHECK MARK}", "Correct"),
    NOT_ATTEMPTED: ("#8c8c8c", "\N{WHITE CIRCLE}", "Not attempted yet"),
    WRONG: ("#D55E00", "\N{HEAVY BALLOT X}", "Not right yet"),
    RAISED: ("#D55E00", "\N{HEAVY EXCLAMATION MARK SYMBOL}", "Your code raised an error"),
}
_HINT = ("#0072B2", "\N{BLACK RIGHT-POINTING TRIANGLE}")


@dataclass
class Box:
    """A titled message with lines of text and blocks of monospaced facts."""

    colour: str
    title: str
    lines: list[str]
    facts: list[tuple[str, str]]

    def __repr__(self) -> str:
        facts = [f"    {name} = {_indent(text, len(name) + 7)}" for name, text in self.facts]
        return "\n".join([self.title, *(f"  {line}" for line in self.lines), *facts])

    def _repr_html_(self) -> str:
        lines = "".join(f"<div>{html.escape(line)}</div>" for line in self.lines)
        rows = "".join(
            f'<tr><td style="text-align:right;vertical-align:top"><b>{html.escape(name)}</b></td>'
            f'<td style="text-align:left"><pre style="margin:0">{html.escape(text)}</pre></td></tr>'
            for name, text in self.facts
        )
        table = f'<table style="margin:.4em 0 0 0">{rows}</table>' if rows else ""
        return (
            f'<div style="border-left:5px solid {self.colour};padding:.4em .9em;margin:.3em 0">'
            f'<div style="color:{self.colour};font-weight:bold">{html.escape(self.title)}</div>{lines}{table}</div>'
        )


def verdict_box(verdict: Verdict) -> Box:
    """What a student sees after `check`."""
    colour, sign, words = _LOOKS[verdict.status]
    title = f"{sign} {verdict.exercise}: {words}"
    if verdict.status == CORRECT:
        lines = [f"Right on all {verdict.total} fresh inputs."] if verdict.total > 1 else []
        return Box(colour, title, lines, [])
    if verdict.status == NOT_ATTEMPTED:
        return Box(colour, title, [verdict.reason, f"Stuck? Try hint({verdict.exercise!r})."], [])
    lines = [verdict.mistake, verdict.reason] if verdict.mistake else [verdict.reason]
    if verdict.passed:
        lines.append(f"{verdict.passed} of {verdict.total} inputs came out right. The smallest that did not:")
    return Box(colour, title, [line for line in lines if line], facts(verdict))


def facts(verdict: Verdict) -> list[tuple[str, str]]:
    """Name and text of what the failing case held, and of what came out when it was wrong."""
    found = [(name, _text(value)) for name, value in (verdict.inputs or {}).items()]
    if verdict.status == WRONG and verdict.inputs is not None:
        found += [("expected", _text(verdict.expected)), ("got", _text(verdict.got))]
    return found


def hint_box(name: str, number: int, total: int, text: str) -> Box:
    """One hint of several."""
    colour, sign = _HINT
    return Box(colour, f"{sign} {name}: hint {number} of {total}", [text], [])


def display(thing) -> None:
    """Show `thing` richly in a notebook, as text elsewhere."""
    try:
        from IPython import get_ipython
        from IPython.display import display as show
    except ImportError:
        print(thing)
        return
    if get_ipython() is None:
        print(thing)
    else:
        show(thing)


def _text(value, limit: int = 60) -> str:
    if isinstance(value, tuple):
        return "\n".join(_text(part, limit) for part in value)
    if isinstance(value, (np.ndarray, list)) or hasattr(value, "__array__"):
        try:
            array = np.asarray(value)
        except Exception:
            return repr(value)[:500]
        text = np.array2string(array, precision=4, suppress_small=True, threshold=limit, separator=", ")
        return text if array.ndim < 2 or array.size <= limit else f"{text}  shape {array.shape}"
    return repr(value)[:500]


def _indent(text: str, width: int) -> str:
    return text.replace("\n", "\n" + " " * width)
