"""What every part of the course does when something is wrong or loud: one clear sentence, or silence."""

from __future__ import annotations

import contextlib
import os
import sys


class SetupError(RuntimeError):
    """Something about this computer has to be mended before a lesson can run; the message says how."""

    def _render_traceback_(self) -> list[str]:
        # IPython prints this instead of a stack of frames that would mean nothing to a student.
        return [f"\N{WARNING SIGN} {self}"]


@contextlib.contextmanager
def quiet():
    """Backends greet their first use with pages of notices, some before any log level counts: close stderr for them."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
