"""What the `course` command prints: differences, tables and progress."""

from __future__ import annotations

import os
import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from course_tools.drift import Drift
from course_tools.execute import Run
from course_tools.notebook import Rendered


def console() -> Console:
    """Where reports go. Texts are printed as they are: a square bracket in somebody's code is not a colour."""
    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120  # a file is as wide as a table needs
    return Console(markup=False, highlight=False, soft_wrap=True, width=wide)


def cell_progress(where: Console) -> Progress:
    """A bar that moves with every cell."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("cells"),
        TimeElapsedColumn(),
        console=where,
        transient=True,
        disable=not where.is_terminal,
    )


def seed_progress(where: Console) -> Progress:
    """A bar that moves with every seed."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("seeds"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=where,
        transient=True,
        disable=not where.is_terminal,
    )


class PlainProgress:
    """How far a run is, in lines, for where no bar can move: a file, or the log of a server."""

    def __init__(self, where: Console, total: int, done: int = 0, every: float = 30, clock=time.monotonic):
        self._where, self._total, self._done, self._at_first, self._every = where, total, done, done, every
        self._clock = clock
        self._began = self._told = clock()

    def advance(self) -> None:
        """One more is done; a line at most every so many seconds, and one at the end."""
        self._done += 1
        now = self._clock()
        if self._where.is_terminal or (now - self._told < self._every and self._done < self._total):
            return
        self._told = now
        left = (now - self._began) / (self._done - self._at_first) * (self._total - self._done)
        soon = f", about {_time(left)} to go" if self._done < self._total else f" in {_time(now - self._began)}"
        self._where.print(f"{self._done} of {self._total} graded{soon}.")


def drift_text(drift: Drift) -> str:
    return "\n".join([f"{drift.file}: {drift.reason}.", *(f"    {line}" for line in drift.diff)])


def run_table(runs: list[tuple[Rendered, Run]]) -> Table:
    """One row per lesson: did it run, how long it took, its peak of memory, and where the time went."""
    table = Table()
    table.add_column("lesson", no_wrap=True)  # the other columns give way
    table.add_column("result")
    for heading in ("seconds", "MB", "slowest cell"):
        table.add_column(heading, justify="right")
    for rendered, run in runs:
        slowest = max(run.cell_seconds, key=run.cell_seconds.get, default=None)
        table.add_row(
            rendered.lesson,
            "failed" if run.failed_cell else "ran",
            f"{run.seconds:.1f}",
            "unknown" if run.peak_megabytes is None else f"{run.peak_megabytes:.0f}",
            f"{run.cell_seconds[slowest]:.1f} s, {rendered.spot(slowest)}" if slowest else "",
        )
    return table


def evidence_table(experiments: list) -> Table:
    """One row per experiment: how much of it is recorded, when, where and how long that took; the sum below."""
    table = Table(show_footer=True)
    seconds = [_recorded_seconds(each) for each in experiments]
    table.add_column("experiment", "all", no_wrap=True)
    table.add_column("seeds", justify="right")
    table.add_column("recorded", no_wrap=True)
    table.add_column("device")
    table.add_column("time", _time(sum(seconds)), justify="right", no_wrap=True)
    table.add_column("state")
    for each, taken in zip(experiments, seconds, strict=True):
        head = each.record.head if each.record else {}
        done = len(each.record.seeds) if each.record else 0
        place = f"{head.get('device', '')}{', gpu scale' if head.get('scale') == 'gpu' else ''}"
        cells = f"{done} of {each.seeds}", head.get("date", ""), place, _time(taken) if head else ""
        table.add_row(each.label, *cells, each.state or "up to date")
    return table


def _recorded_seconds(experiment) -> float:
    return sum(map(float, experiment.record.head["seconds"].split())) if experiment.record else 0.0


def _time(seconds: float) -> str:
    """Hours and minutes, or seconds where there are few."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min {rest:02d} s"


def zoo_table(cards: list) -> Table:
    """One row per trained network."""
    table = Table()
    for heading in ("network", "what it is"):
        table.add_column(heading)
    for heading in ("parameters", "test accuracy", "of images"):
        table.add_column(heading, justify="right")
    for card in cards:
        table.add_row(
            card.name, card.summary, f"{card.parameters:,}", f"{card.test_accuracy:.2%}", f"{card.test_images:,}"
        )
    return table
