"""What a Dask worker does for `course grade --cluster`: it reads, runs and judges submissions, one at a time.

The other end is `cluster`. What comes is a submission's bytes, what goes is a report as JSON. Dask runs this in a
thread of its worker; whatever is forked for a submission is forked by warm processes, each a program of its own.
"""

from __future__ import annotations

import json
import multiprocessing.util
import threading
from contextlib import ExitStack

from course_tools.crew_member import answer, differences, identity
from course_tools.grading.clerks import Clerks
from course_tools.grading.grade import Grader
from course_tools.grading.limits import Limits
from course_tools.grading.marks import Report
from course_tools.grading.parcel import Parcel
from course_tools.grading.sandbox import Sandbox


def grade(settings: str, parcel: bytes) -> str:
    """The report of a submission, or why this worker could make none, which is nobody's mark."""

    def graded() -> dict:
        try:
            return {"report": _bench(settings).grade(Parcel.from_bytes(parcel)).as_data()}
        except BaseException:
            _clear()
            raise

    with _ALONE:
        return answer(graded)


class _Bench:
    """A warm sandbox and a clerk, kept from one submission to the next."""

    def __init__(self, settings: str):
        chosen = json.loads(settings)
        if found := differences(identity(), chosen["identity"]):
            raise ValueError("; ".join(found))
        limits, seed, run_all = Limits(**chosen["limits"]), chosen["seed"], chosen["run_all"]
        with ExitStack() as stack:
            sandbox = stack.enter_context(Sandbox(limits, walls=True))
            self._clerk = stack.enter_context(Clerks(chosen["lessons"], seed, limits, run_all)).hire()
            stack.callback(self._clerk.leave)
            self._open = stack.pop_all()
        self._grader = Grader(sandbox, seed, run_all)

    def grade(self, parcel: Parcel) -> Report:
        return self._grader.grade_parcel(parcel, self._clerk)

    def close(self) -> None:
        self._open.close()


_ALONE = threading.Lock()  # a worker that was started with several threads
_benches: dict[str, _Bench] = {}  # by their settings; never more than one


def _bench(settings: str) -> _Bench:
    if settings not in _benches:
        _clear()
        _benches[settings] = _Bench(settings)
    return _benches[settings]


def _clear() -> None:
    while _benches:
        _benches.popitem()[1].close()


multiprocessing.util.Finalize(None, _clear, exitpriority=0)  # `atexit` does not run in the children of a nanny
