"""Which lesson is open, and where the things are that belong to a lesson alone.

Rooms stand above the library (`course_lessons` imports `course_lib`, never the other way); they are found by name.
"""

from __future__ import annotations

_open: str | None = None


class NoLessonError(RuntimeError):
    """No lesson was started."""

    def _render_traceback_(self) -> list[str]:
        return [f"\N{WARNING SIGN} {self}"]


def open_lesson(lesson: str) -> None:
    """Say which lesson is meant from now on, for example ``"02_perceptron"``."""
    global _open
    _open = lesson


def current_lesson() -> str:
    """The lesson that was opened last. Raises NoLessonError before the first."""
    if _open is None:
        raise NoLessonError("Run the set-up cell at the top of the lesson first.")
    return _open


def room(lesson: str) -> str:
    """The package that holds what belongs to a lesson alone: `course_lessons.perceptron` for 02_perceptron."""
    return f"course_lessons.{lesson.partition('_')[2]}"
