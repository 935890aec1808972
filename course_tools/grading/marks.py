"""What grading comes to: a mark for every exercise, and one report for every submission."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from course_lib.exercises.answer import CORRECT, NOT_ATTEMPTED, RAISED, WRONG

# To the verdicts of `check` come those that only a stranger's program can earn.
MISSING, TIMED_OUT, LIMIT, CRASHED = "missing", "timed out", "limit", "crashed"
UNREADABLE = "unreadable"  # of a whole file: no cell of it was run
VERDICTS = (CORRECT, WRONG, RAISED, TIMED_OUT, LIMIT, CRASHED, MISSING, NOT_ATTEMPTED, UNREADABLE)


@dataclass
class Mark:
    """One exercise of one submission.

    `points` of `out_of` were earned, by the share of the cases passed, those not counted that the best constant answer
    passes, too. `facts` are name and text of what the smallest failing case held: the inputs, "expected" and "got". All
    texts may hold what a student wrote: escape them.
    """

    exercise: str
    points: float
    out_of: int
    verdict: str
    reason: str = ""
    mistake: str = ""  # what the known mistake is, when it is one
    facts: list[tuple[str, str]] = field(default_factory=list)
    passed: int = 0
    total: int = 0
    seconds: float = 0.0


@dataclass
class Report:
    """One submission. A file that could not be read has marks of 0 points and says why in `problem`.

    A file that is of no known lesson has no marks at all, and `lesson` is "".
    """

    student: str
    lesson: str
    file: str  # as found, from the submissions' folder
    marks: list[Mark] = field(default_factory=list)
    problem: str = ""

    @property
    def points(self) -> float:
        return sum(mark.points for mark in self.marks)

    @property
    def out_of(self) -> int:
        return sum(mark.out_of for mark in self.marks)

    def as_data(self) -> dict:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: dict) -> Report:
        marks = [Mark(**{**mark, "facts": [tuple(fact) for fact in mark["facts"]]}) for mark in data["marks"]]
        return cls(**{**data, "marks": marks})
