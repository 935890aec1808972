"""A verdict, a hint and a solution for the eye: plain text in a console, a coloured box in a notebook."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

import numpy as np

from course_lib.exercises import looks, waiting
from course_lib.exercises.judge import CORRECT, NOT_ATTEMPTED, Verdict
from course_lib.exercises.looks import INK, Look

_CODE = re.compile("`([^`\n]+)`")


@dataclass
class Box:
    """What there is to say about one exercise: a title, lines of text, and blocks of monospaced facts.

    In the lines, code stands between backquotes, as in Markdown.
    """

    look: Look
    exercise: str
    lines: list[str] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)

    @property
    def title(self) -> str:
        return f"{self.look.sign} {self.exercise}: {self.look.word}"

    def __repr__(self) -> str:
        facts = [f"    {name} = {_indent(text, len(name) + 7)}" for name, text in self.facts]
        return "\n".join([self.title, *(f"  {line}" for line in self.lines), *facts])

    def _repr_html_(self) -> str:
        lines = "".join(f"<div>{_CODE.sub(_as_code, html.escape(line))}</div>" for line in self.lines)
        rows = "".join(
            f'<tr><td style="text-align:right;vertical-align:top"><b>{html.escape(name)}</b></td>'
            f'<td style="text-align:left"><pre style="margin:0">{html.escape(text)}</pre></td></tr>'
            for name, text in self.facts
        )
        table = f'<table style="margin:.4em 0 0 0">{rows}</table>' if rows else ""
        title = f"<b>{html.escape(self.exercise)}</b> {_badge(self.look)}"
        return _framed(self.look, f'<div style="margin-bottom:.2em">{title}</div>{lines}{table}')


@dataclass
class Progress:
    """How far a student has come: for each exercise the last verdict on it."""

    verdicts: dict[str, str]

    @property
    def title(self) -> str:
        solved = list(self.verdicts.values()).count(CORRECT)
        return f"{solved} of {len(self.verdicts)} exercises solved in this session"

    def __repr__(self) -> str:
        rows = [f"  {box.title}" for box in self._boxes()]
        return "\n".join([self.title, *rows])

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="text-align:left">{html.escape(box.exercise)}</td>'
            f'<td style="text-align:left">{_badge(box.look)}</td></tr>'
            for box in self._boxes()
        )
        return f'<div><b>{self.title}</b></div><table style="margin:.4em 0 0 0">{rows}</table>'

    def _boxes(self) -> list[Box]:
        return [Box(looks.VERDICTS[verdict], name) for name, verdict in self.verdicts.items()]


def verdict_box(verdict: Verdict) -> Box:
    """What a student sees after `check`."""
    box = Box(looks.VERDICTS[verdict.status], verdict.exercise)
    if verdict.status == CORRECT:
        box.lines = [f"Right on all {verdict.total} fresh inputs."] if verdict.total > 1 else []
        return box
    if verdict.status == NOT_ATTEMPTED:
        box.lines = [verdict.reason, f"Stuck? Try `hint({verdict.exercise!r})`."]
        return box
    lines, box.facts = [verdict.mistake, verdict.reason], facts(verdict)
    if verdict.passed:
        right = f"{verdict.passed} of {verdict.total} inputs came out right."
        lines.append(f"{right} The smallest that did not:" if box.facts else right)
    box.lines = [line for line in lines if line]
    return box


def facts(verdict: Verdict) -> list[tuple[str, str]]:
    """Name and text of what the failing case held, and of what came out when it was wrong."""
    found = [(name, _text(value)) for name, value in (verdict.inputs or {}).items()]
    if verdict.expected is not None:
        found += [("expected", _text(verdict.expected)), ("got", _text(verdict.got))]
    return found


def not_checked_box(name: str, error: BaseException) -> Box:
    """Why an answer is not judged: `error` ended the cell that was to define it anew."""
    words = f"{error.msg} in line {error.lineno}" if isinstance(error, SyntaxError) else str(error)
    lines = [
        f"The last cell that defines `{name}` ended with {type(error).__name__}{words and f': {words}'}.",
        "What is in memory is an older answer. Mend that cell, run it, then check again.",
    ]
    return Box(looks.NOT_CHECKED, name, lines)


def running_box(name: str) -> Box:
    """What a student sees whose answer may never end."""
    lines = [
        f"Nothing has come back in {waiting.PATIENCE} seconds. Is there a loop that never ends?",
        "To stop it: Kernel > Interrupt, or the button \N{BLACK SQUARE} at the top (in Colab: Runtime > Interrupt).",
    ]
    return Box(looks.RUNNING, name, lines)


def hint_box(name: str, number: int, total: int, text: str) -> Box:
    """One hint of several."""
    return Box(looks.hint(number, total), name, [text])


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


def _badge(look: Look) -> str:
    """Sign and word in a field of their colour, so that they can be read in a light theme as in a dark one."""
    style = f"background-color:{look.colour};color:{INK};border-radius:3px;padding:.1em .5em;font-weight:bold"
    return f'<span style="{style}">{look.sign} {html.escape(look.word)}</span>'


def _framed(look: Look, inside: str) -> str:
    style = f"border-left:5px solid {look.colour};padding:.4em .9em;margin:.3em 0"
    return f'<div style="{style}">{inside}</div>'


def _as_code(found: re.Match) -> str:
    return f"<code>{found[1]}</code>"


def _text(value, limit: int = 60) -> str:
    if isinstance(value, tuple) and not all(isinstance(part, (int, float, str)) for part in value):
        return "\n".join(_text(part, limit) for part in value)
    if isinstance(value, (np.ndarray, list)) or hasattr(value, "__array__"):
        try:
            array = np.asarray(value)
        except Exception:
            arrays = isinstance(value, list) and all(isinstance(part, np.ndarray) for part in value)
            return _text(tuple(value), limit) if arrays else repr(value)[:500]
        text = np.array2string(array, precision=4, suppress_small=True, threshold=limit, separator=", ")
        long = array.size > limit or text.count("\n") >= _LINES
        if array.ndim > 2 and long and array.dtype.kind in "iuf":  # nobody reads pages of numbers
            return f"{array.size} numbers of the shape {array.shape}, from {array.min():.4g} to {array.max():.4g}"
        return text if array.ndim < 2 or array.size <= limit else f"{text}  shape {array.shape}"
    return repr(value)[:500]


_LINES = 12  # of an array with more than two axes


def _indent(text: str, width: int) -> str:
    return text.replace("\n", "\n" + " " * width)
