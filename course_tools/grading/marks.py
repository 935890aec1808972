"""What grading comes to: a mark for every exercise, and one report for every submission."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from course_lib.exercises.answer import CORRECT, NOT_ATTEMPTED, RAISED, WRONG

# To the verdicts of `check` come those that only a stranger's program can earn.
MISSING, TIMED_OUT, LIMIT, CRASHED = "missing", "timed out", "limit", "crashed"
UNREADABLE = "unreadable"  # of a whole file: no cell of it was run
BY_HAND = "by hand"  # not of an exercise: what a teacher gave for a lesson as a whole
VERDICTS = (CORRECT, WRONG, RAISED, TIMED_OUT, LIMIT, CRASHED, MISSING, NOT_ATTEMPTED, UNREADABLE)
_NUMBER, _TEXT = (int, float), (str,)
_KINDS = (
    {"late": (bool,)}
    | dict.fromkeys(
        ("points", "out_of", "seconds", "cpu", "peak", "reading", "notebook", "passed", "total", "extra"), _NUMBER
    )
    | dict.fromkeys(
        (
            "student",
            "lesson",
            "file",
            "problem",
            "newer",
            "exercise",
            "verdict",
            "reason",
            "mistake",
            "comment",
            "answer",
            "answer_in",
        ),
        _TEXT,
    )
)


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
    cpu: float = 0.0  # seconds of the processor
    peak: float = -1  # megabytes of memory that it had at most; less than 0 if that is not known
    reading: float = -1  # seconds of the processor that the grader needed for it; less than 0 likewise
    notebook: float = 0.0  # seconds that the notebook took before, where all of it was run
    struck: list[str] = field(default_factory=list)  # the limits that it went over, by their names
    earned: float | None = None  # where a teacher gave other points by hand: what the program had given
    comment: str = ""  # the teacher's
    answer: str = ""  # what the student wrote, as far as it could be told from the rest
    answer_in: str = ""  # the cell it stands in: "cell [3]"

    @property
    def by_hand(self) -> str:
        """What a teacher did to it, in words; "" if nothing."""
        changed = "" if self.earned is None else f"Set by hand from {self.earned:.4g} to {self.points:.4g}."
        return " ".join(filter(None, [changed, self.comment]))


@dataclass
class Report:
    """One submission. A file that could not be read has marks of 0 points and says why in `problem`.

    A file that is of no known lesson has no marks at all, and `lesson` is "". `newer` says why a file that came later
    does not count; `extra` points and a `comment` are a teacher's.
    """

    student: str
    lesson: str
    file: str  # as found, from the submissions' folder
    marks: list[Mark] = field(default_factory=list)
    problem: str = ""
    newer: str = ""
    late: bool = False  # by the platform's own mark
    earlier: list[str] = field(default_factory=list)  # files of attempts before this one, which do not count
    beaten: list[str] = field(default_factory=list)  # where the best attempt counts: the others, with their points
    extra: float = 0.0
    comment: str = ""
    left_out: list[str] = field(default_factory=list)  # files beside the notebook that it could not read, and why

    @property
    def points(self) -> float:
        return sum(mark.points for mark in self.marks) + self.extra

    @property
    def out_of(self) -> int:
        return sum(mark.out_of for mark in self.marks)

    def as_data(self) -> dict:
        """Plain data for JSON."""
        return asdict(self)

    def stands(self, before: dict, now: dict) -> bool:
        """Whether it would be the same under other limits, as far as that is known without running anything again.

        One that struck must be tried again, and one that is lower now than it was may strike. Times and memory are
        known; how large a file may be is in the key of what was graded.
        """
        for name, limit in now.items():
            if name == "whole_file" or before.get(name) == limit:
                continue
            if name not in before or any(name in mark.struck for mark in self.marks):
                return False
            taken = [getattr(mark, "peak" if name == "memory" else name, -1) for mark in self.marks]
            if limit < before[name] and any(each < 0 or each >= limit for each in taken):
                return False
        return True

    def mark(self, exercise: str) -> Mark | None:
        """The mark of an exercise; None where the report has none, as when it is older than the exercise."""
        return next((mark for mark in self.marks if mark.exercise == exercise), None)

    @classmethod
    def from_data(cls, data: dict) -> Report:
        """The report again. Raises ValueError, KeyError or TypeError for what `as_data` would not have written."""
        marks = [Mark(**{**mark, "facts": [tuple(fact) for fact in mark["facts"]]}) for mark in data["marks"]]
        report = cls(**{**data, "marks": marks})
        for each in (report, *marks):
            for name, kinds in _KINDS.items():
                if hasattr(each, name) and type(getattr(each, name)) not in kinds:
                    raise TypeError(f"{name} is {getattr(each, name)!r}")
        for texts in (report.earlier, report.beaten, report.left_out, *(mark.struck for mark in marks)):
            if type(texts) is not list or any(type(text) is not str for text in texts):
                raise TypeError(f"{texts!r} is no list of texts")
        if any(mark.verdict not in VERDICTS or not 0 <= mark.points <= mark.out_of for mark in marks):
            raise ValueError("a mark that is not possible")
        return report
