"""The cells that every lesson shares, made from its card: title block, set-up, footer."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from course_tools.card import Card

# Colab shows the title of a form in place of its code, and JupyterLab the first line of a cell that is folded away.
_SETUP = """\
# @title Set-up: run this first
# Where the course is not installed yet, for example in Colab, this installs it.
try:
    import course_lib
except ImportError:
    import os, subprocess, sys
    source = os.environ.get("COURSE_SOURCE", "git+{source}")
    print("Installing the course from", source)
    if subprocess.run([sys.executable, "-m", "pip", "install", "-q", source]).returncode != 0:
        raise SystemExit(f"The course could not be installed from {{source}}. Is there a network, and is the address "
                         "right? To install from another place, set the environment variable COURSE_SOURCE to it.")
    import course_lib

course_lib.start("{lesson}")"""

# How Colab, JupyterLab and nbconvert, in this order, are told to hide the source of a cell and to show its output.
FOLDED = {"cellView": "form", "jupyter": {"source_hidden": True}, "transient": {"remove_source": True}}

_HINT = """\
# hint("{exercise}")  # stuck? uncomment and run; again for the next hint
# solution("{exercise}")"""

PROGRESS = "course_lib.exercises.progress()"


def setup(lesson: str, source: str) -> str:
    """The code that makes any machine ready: here it does nothing, in Colab it installs the course."""
    return _SETUP.format(lesson=lesson, source=source)


def without_address(program: str) -> str:
    """A set-up cell without the place it would install the course from, which is idle where the course is installed."""
    return re.sub(r'"git\+[^"]*"', '""', program)


def title(lesson: str, card: Card, titles: dict[str, str], source: str) -> str:
    """Title, summary, what is learned, how long it takes, what it stands on, and a link that opens it in Colab."""
    facts = [f"**Time:** about {card.minutes} minutes"]
    if card.needs:
        facts.append("**Builds on:** " + ", ".join(_link(name, titles) for name in card.needs))
    if card.data:
        facts.append("**Data:** " + ", ".join(card.data))
    parts = [
        f"# {card.title}",
        card.summary,
        "**In this lesson you will**",
        "\n".join(f"- {objective}" for objective in card.objectives),
        " · ".join(facts),
        *_colab_badge(lesson, source),
    ]
    return "\n\n".join(parts)


def hint(exercise: str) -> str:
    """The code under an exercise's check that a student need only uncomment."""
    return _HINT.format(exercise=exercise)


def recap(card: Card) -> str:
    """The objectives again, now that they are reached."""
    return "\n\n".join(["## What you can do now", "\n".join(f"- {objective}" for objective in card.objectives)])


def onward(lesson: str, titles: dict[str, str]) -> str:
    """The way on. `titles` holds all lessons in order."""
    following = [name for name in titles if name > lesson]
    return f"**Next:** {_link(following[0], titles)}" if following else "This was the last lesson."


def _link(name: str, titles: dict[str, str]) -> str:
    """A link to a lesson in the same folder, or its bare name while it is not written yet."""
    return f"[{titles[name]}]({name}.ipynb)" if name in titles else f"{name} (not written yet)"


def _colab_badge(lesson: str, source: str) -> list[str]:
    """Colab opens notebooks from GitHub only; a course published elsewhere has no such link."""
    address = urlsplit(source)
    if address.netloc != "github.com":
        return []
    target = f"https://colab.research.google.com/github{address.path}/blob/main/notebooks/{lesson}.ipynb"
    return [f"[![Open this lesson in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({target})"]
