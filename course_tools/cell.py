"""One cell of a lesson."""

from __future__ import annotations

from dataclasses import dataclass

from course_tools.errors import CourseError


@dataclass(frozen=True)
class Cell:
    """A cell as the lesson has it, solution and markers included. `line` is where its source begins in `file`."""

    kind: str
    source: str
    file: str
    line: int
    tags: tuple[str, ...] = ()
    exercise: str | None = None
    check: str | None = None
    points: int | None = None

    def fault(self, message: str, offset: int = 0) -> CourseError:
        """An error that points at a line of this cell; the first line has offset 0."""
        return CourseError(f"{self.file}, line {self.line + offset}: {message}")
