"""A Dask cluster on this machine, for tests: a scheduler, workers, and those who have work for them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from waiting import HANGS, wait_until

ROOT = Path(__file__).parents[1]
COURSE = [sys.executable, "-c", "from course_tools.cli import main; main()"]


class Site:
    """A scheduler and workers, each a process, and what else is started to speak to them."""

    def __init__(self, folder: Path):
        self._folder, self._processes = folder, []
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self._port = one.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self._port}"

    def scheduler(self) -> subprocess.Popen:
        dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", self._port]
        scheduler = self._start(*dask, "--dashboard-address", "127.0.0.1:0")
        self.wait(scheduler, lambda: "Scheduler at:" in self.said(scheduler))
        return scheduler

    def worker(self, name: str, **options) -> subprocess.Popen:
        """A worker that has registered, and that nobody starts again when it is killed."""
        words = ["--nworkers", 1, "--no-nanny", "--host", "127.0.0.1", "--name", name]
        worker = self._start(*COURSE, "cluster", "worker", self.address, *words, **options)
        self.wait(worker, lambda: "Registered to:" in self.said(worker))
        return worker

    def course(self, *words, **options) -> subprocess.Popen:
        """`course` with these words and the address of the scheduler."""
        return self._start(*COURSE, *words, "--cluster", self.address, **options)

    def said(self, process: subprocess.Popen) -> str:
        return (self._folder / str(process.pid)).read_text(errors="replace")

    def wait(self, process: subprocess.Popen, true: Callable[[], object]) -> None:
        """Until something is true, for which this process is needed."""
        assert wait_until(lambda: true() or process.poll() is not None, HANGS) and true(), self.said(process)

    def ended(self, process: subprocess.Popen, status: int) -> str:
        """What it said, once it has ended with this status."""
        assert process.wait(HANGS) == status, self.said(process)
        assert "Traceback" not in self.said(process)
        return self.said(process)

    def _start(self, *command, cwd: Path = ROOT, **settings) -> subprocess.Popen:
        log = self._folder / "log"
        with open(log, "wb") as said:
            process = subprocess.Popen(
                [str(part) for part in command], stdout=said, stderr=said, cwd=cwd, start_new_session=True,
                env={**os.environ, "TMPDIR": str(self._folder), **settings},
            )  # fmt: skip
        log.rename(self._folder / str(process.pid))
        self._processes.append(process)
        return process

    def close(self) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
