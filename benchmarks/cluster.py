"""How fast is `course grade --cluster`? One, two and three workers on this machine, and what the way there costs.

usage: python benchmarks/cluster.py [--submissions N] [--workers N] [--ceiling-only]

The class is that of benchmarks/grading.py, lesson 09. For the ceiling the workers do nothing with what they are sent,
so that the time is that of grader, scheduler and network; seconds of the processor hold on a busy machine, too. From
both follows what 100,000 submissions take.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
from grading import LESSON, QUIET, ROOT, make_class
from rich.console import Console
from rich.table import Table

from course_tools.grading import cluster_worker
from course_tools.grading.cluster import Cluster
from course_tools.grading.intake import find_submissions
from course_tools.grading.limits import Limits

MOOC = 100_000
LONGEST_START = 300  # seconds, on a busy machine


@contextlib.contextmanager
def cluster_of(workers: int) -> Iterator[tuple[str, list[psutil.Process]]]:
    """The address of a scheduler with so many workers, and the processes: first the scheduler's, then theirs."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    address, processes = f"tcp://127.0.0.1:{port}", []
    with tempfile.TemporaryFile("w+") as log:

        def start(*command) -> psutil.Popen:
            words = [sys.executable, *map(str, command)]
            processes.append(psutil.Popen(words, cwd=ROOT, env=QUIET, stdout=log, stderr=log, start_new_session=True))
            return processes[-1]

        def wait_for(words: str, times: int) -> None:
            ends = time.monotonic() + LONGEST_START
            while (said := os.pread(log.fileno(), 10**6, 0).decode()).count(words) < times:
                if time.monotonic() > ends:
                    raise SystemExit(f"The cluster did not start:\n{said[-2000:]}")
                time.sleep(0.1)

        try:
            start("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port,
                  "--dashboard-address", "127.0.0.1:0")  # fmt: skip
            wait_for("Scheduler at:", 1)
            command = ["-c", "from course_tools.cli import main; main()", "cluster", "worker", address]
            for _ in range(workers):
                start(*command, "--nworkers", 1, "--no-nanny", "--host", "127.0.0.1")
            wait_for("Registered to:", workers)
            yield address, processes
        finally:
            for process in reversed(processes):
                process.terminate()
            for process in psutil.wait_procs(processes, timeout=30)[1]:
                process.kill()


def nothing(settings: str, parcel: bytes) -> str:
    """In place of `cluster_worker.grade`."""
    from distributed import get_worker

    report = {"student": "", "lesson": "", "file": "", "marks": []}
    return json.dumps({"report": report, "worker": get_worker().address})


def grade(folder: Path, address: str, workers: Iterable[psutil.Process] = ()) -> tuple[float, float, float]:
    """Seconds for all submissions in `folder`; by the clock and of the workers' CPUs for each further one, once warm.

    What watches over an answer's process is not in the last: it has ended, and nobody counts it.
    """
    handed_in = find_submissions(folder, [LESSON])
    first, began, times, cpu, counted = len(handed_in) // 4, time.perf_counter(), [], 0.0, []
    for _, report in Cluster(address, 1, Limits(), False, print).grade(folder, handed_in):
        times.append(time.perf_counter())
        cpu += sum(mark.cpu for mark in report.marks)
        if len(times) in (first, len(handed_in)):
            counted.append(cpu + sum(spent(worker, with_children=True) for worker in workers))
    further = len(times) - first
    return times[-1] - began, (times[-1] - times[first - 1]) / further, (counted[1] - counted[0]) / further


def spent(process: psutil.Process, with_children: bool = False) -> float:
    """Seconds of the processor."""
    family = [process, *(process.children(recursive=True) if with_children else [])]
    return sum(sum(one.cpu_times()[:4]) for one in family)


def alone(folder: Path, out: Path) -> float:
    command = [sys.executable, "-c", "from course_tools.cli import main; main()", "grade", folder, "--out", out]
    began = time.perf_counter()
    subprocess.run([*map(str, command), "--seed", "1", "--require-sandbox"], cwd=ROOT, env=QUIET, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    return time.perf_counter() - began


def growth(folder: Path, size: int, most: int) -> tuple[Table, float]:
    """Seconds with one worker, two, and so on; and the seconds of the processor that a submission takes of a worker."""
    title = f"{size} submissions of lesson 09; {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f} at the start"
    table = Table("workers", title=title, title_justify="left")
    for heading in ("seconds", "submissions a second", "once warm", "ms of the processor for one"):
        table.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory() as out:
        seconds = alone(folder, Path(out, "marks"))
    table.add_row(f"none: this machine, --jobs {os.cpu_count()}", f"{seconds:.1f}", f"{size / seconds:.1f}", "", "")
    each = []
    for workers in range(1, most + 1):
        with cluster_of(workers) as (address, (_, *theirs)):
            seconds, further, cpu = grade(folder, address, theirs)
        each.append(cpu)
        rates = f"{size / seconds:.1f}", f"{1 / further:.1f}"
        table.add_row(str(workers), f"{seconds:.1f}", *rates, f"{1000 * cpu:.0f}")
    return table, sum(each) / len(each)


def ceiling(folder: Path, size: int) -> tuple[Table, float]:
    """What a submission costs on its way, where nothing is done with it; and the seconds of the busiest process."""
    real, cluster_worker.grade = cluster_worker.grade, nothing
    try:
        with cluster_of(2) as (address, (scheduler, *_)):
            before, own_before = spent(scheduler), spent(psutil.Process())
            _, further, _ = grade(folder, address)
            of_scheduler = 1000 * (spent(scheduler) - before) / size
            of_grader = 1000 * (spent(psutil.Process()) - own_before) / size
    finally:
        cluster_worker.grade = real
    table = Table("the way of a submission, nothing done with it", title=f"{size} of them", title_justify="left")
    table.add_column("", justify="right")
    table.add_row("submissions a second, by the clock", f"{1 / further:.0f}")
    table.add_row("scheduler, ms of the processor for one", f"{of_scheduler:.2f}")
    table.add_row("grader, ms of the processor for one", f"{of_grader:.2f}")
    most = 1000 / max(of_scheduler, of_grader)
    table.add_row("so at most, a second, each with a core of its own", f"{most:.0f}")
    return table, 1 / most


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--submissions", type=int, default=200)
    options.add_argument("--workers", type=int, default=3)
    options.add_argument("--ceiling-only", action="store_true")
    chosen, console = options.parse_args(), Console()
    with tempfile.TemporaryDirectory() as folder:
        make_class(Path(folder), chosen.submissions)
        table, least = ceiling(Path(folder), chosen.submissions)
        console.print(table)
        if chosen.ceiling_only:
            return
        table, each = growth(Path(folder), chosen.submissions, chosen.workers)
        console.print(table)
    console.print(
        f"{MOOC:,} submissions: {MOOC * each / 3600:.1f} hours of one core, shared by all workers; the way takes "
        f"{MOOC * least / 60:.0f} minutes of another, so that it can keep {each / least:.0f} cores busy."
    )


if __name__ == "__main__":
    main()
