"""Which cells of a notebook failed, so that `check` does not take an older answer for the one just written.

A cell with a syntax error defines nothing: what an earlier run of it defined stays in memory, and a check of that would
say "Correct" of what nobody sees any more.
"""

from __future__ import annotations

import re
import sys

# At the margin, or a slip away from it: deeper down are the names of functions' own variables. The second pattern takes
# `a = ...`, `a, b = ...` and `a: int = ...`.
_DEFINED = re.compile(r"^ {0,3}(?:async +)?(?:def|class) +(\w+)", re.MULTILINE)
_ASSIGNED = re.compile(r"^ {0,3}(\w[\w, ]*?) *(?::[^=\n]*)?=(?!=)", re.MULTILINE)
_MISSING = object()

_before: dict[str, object] = {}  # what the names that the running cell defines meant when it began
_kept: dict[str, tuple[object, BaseException]] = {}  # what a failed cell left as it was, and the error


def follow() -> None:
    """Notice from now on how cells end. Without IPython nothing happens."""
    ipython = sys.modules.get("IPython")
    events = getattr(ipython and ipython.get_ipython(), "events", None)
    if events:
        for event, notice in (("pre_run_cell", _begins), ("post_run_cell", _ended)):
            if notice not in events.callbacks[event]:
                events.register(event, notice)


def error_after(name: str, value) -> BaseException | None:
    """The error of the last cell that was to define `name`, if `value` is what `name` meant before it."""
    kept, error = _kept.get(name, (_MISSING, None))
    return error if kept is value else None


def names_defined(source: str) -> set[str]:
    """Names that the cell gives a value, as far as they can be told from the text of broken code."""
    assigned = (name.strip() for names in _ASSIGNED.findall(source) for name in names.split(","))
    return {*_DEFINED.findall(source), *assigned}


def _begins(info) -> None:
    names = sys.modules["IPython"].get_ipython().user_ns
    _before.clear()
    _before.update((name, names.get(name, _MISSING)) for name in names_defined(info.raw_cell))


def _ended(result) -> None:
    error = result.error_before_exec or result.error_in_exec
    names = sys.modules["IPython"].get_ipython().user_ns
    for name, before in _before.items():
        if error and names.get(name, _MISSING) is before:
            _kept[name] = (before, error)
        else:
            _kept.pop(name, None)
    _before.clear()
