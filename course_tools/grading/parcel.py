"""A submission on its way to another machine: the bytes of its notebook and of the files beside it, not whose it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from course_tools.grading import beside
from course_tools.grading.intake import Submission
from course_tools.grading.reading import read_bytes


@dataclass(frozen=True)
class Parcel:
    """What a grader needs of a submission; `beside` is as `beside.read` gives it."""

    lesson: str
    notebook: bytes
    beside: list[tuple[str, bytes, str]]

    def as_bytes(self) -> bytes:
        """A line of JSON that says how long each file is, and then the files, one behind the other."""
        files = [[name, len(content), problem] for name, content, problem in self.beside]
        head = {"lesson": self.lesson, "notebook": len(self.notebook), "beside": files}
        contents = [self.notebook, *(content for _, content, _ in self.beside)]
        return b"".join([json.dumps(head).encode(), b"\n", *contents])

    @classmethod
    def from_bytes(cls, data: bytes) -> Parcel:
        line, _, contents = data.partition(b"\n")
        head, files, place = json.loads(line), [], 0
        for name, size, problem in [["", head["notebook"], ""], *head["beside"]]:
            files.append((name, contents[place : place + size], problem))
            place += size
        return cls(head["lesson"], files[0][1], files[1:])


def parcel_of(folder: Path, submission: Submission, max_bytes: int) -> Parcel:
    """Pack a submission in `folder`, whose notebook has at most `max_bytes`. Raises `reading.Unreadable`."""
    place = submission.place(folder)
    notebook = read_bytes(place / submission.path, max_bytes, place)
    return Parcel(submission.lesson, notebook, list(beside.read(submission.beside, place)))
