"""An answer that does not end: say once how to stop it, and then where it was stopped, in one line."""

from __future__ import annotations

import contextlib
import threading

from course_lib.exercises.answer import own_line

PATIENCE = 10  # seconds


class Stopped(KeyboardInterrupt):
    """The student stopped a check; the message says where. An interrupt, so that cells still waiting do not run."""

    def _render_traceback_(self) -> list[str]:
        # In place of the library's frames above the student's own.
        return [str(self)]


@contextlib.contextmanager
def watched(candidate, say):
    """Call `say()` once if what is inside takes longer than PATIENCE, and turn an interrupt of it into `Stopped`."""
    timer = threading.Timer(PATIENCE, say)
    timer.daemon = True
    timer.start()
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise Stopped(f"You stopped it{own_line(interrupt, candidate) or '.'}") from None
    finally:
        timer.cancel()
        timer.join()
