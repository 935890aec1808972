"""Import the notebook libraries in half a second rather than in two and a half."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

# jsonschema, which nbformat and jupytext stand on, imports this optional package wherever it is installed (JupyterLab
# brings it), and that builds a parser for 1.9 seconds. It is only for the formats "iri" and "iri-reference", which no
# notebook uses. jsonschema does without it when it cannot be imported; None in sys.modules is Python's way to say so.
_SLOW = "rfc3987_syntax"


def import_quickly(name: str) -> ModuleType:
    """The module `name`, imported without the slow part of jsonschema."""
    if _SLOW in sys.modules:
        return importlib.import_module(name)
    sys.modules[_SLOW] = None
    try:
        return importlib.import_module(name)
    finally:
        del sys.modules[_SLOW]
