"""`course grade --cluster`: submissions go to a cluster's workers as bytes, and reports come back as plain data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

from course_tools.crew import Crew, Work
from course_tools.grading import cluster_worker
from course_tools.grading.grade import failed
from course_tools.grading.intake import Submission
from course_tools.grading.limits import Limits
from course_tools.grading.marks import Report
from course_tools.grading.parcel import parcel_of
from course_tools.grading.reading import Unreadable

_AHEAD = 3  # submissions under way for each worker; one takes no longer than its way there and back


class Cluster:
    """Has submissions graded by a crew. The same seed gives the same marks as on this machine."""

    def __init__(
        self, address: str, seed: int, limits: Limits, run_all: bool, say: Callable[[str], None], patience: float = 60
    ):
        self._crew = Crew(address, say, patience)
        self._seed, self._limits, self._run_all = seed, limits, run_all

    def grade(self, folder: Path, submissions: Iterable[Submission]) -> Iterator[tuple[Submission, Report]]:
        """Grade submissions in `folder`; each report as soon as it is there. Raises `crew.ClusterError`."""
        waiting, unread = [], {}
        for one in submissions:
            if one.problem:
                yield one, failed(one, one.problem)
            else:
                waiting.append(one)
        if not waiting:
            return
        folder = folder.resolve()

        def pack(one: Submission) -> bytes | None:
            try:
                return parcel_of(folder, one, self._limits.whole_file * 10**6).as_bytes()
            except Unreadable as error:
                unread[one] = failed(one, str(error))
                return None

        settings = self._settings({one.lesson for one in waiting})
        work = Work(cluster_worker.grade, settings, pack, lambda one: one.path, sandbox=True, ahead=_AHEAD)
        for one, said in self._crew.spread(waiting, work):
            yield one, unread.pop(one) if said is None else _report_of(one, said["report"])

    def _settings(self, lessons: set[str]) -> str:
        """What the workers are told with every submission."""
        chosen = {"seed": self._seed, "limits": asdict(self._limits), "run_all": self._run_all}
        return json.dumps({**chosen, "lessons": sorted(lessons), "identity": cluster_worker.identity()})


def _report_of(one: Submission, data: dict) -> Report:
    """What a worker found, with all that it was not told."""
    facts = {"student": one.student, "lesson": one.lesson, "file": one.path, "late": one.late}
    return replace(Report.from_data(data), earlier=list(one.earlier), **facts)
