"""A process that has imported what its work needs, and forks for each piece of it (`course_tools.warm.serve`)."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading

from course_tools.errors import CourseError

_START_SECONDS = 180  # importing Keras on a busy machine with a cold disk


class WarmProcess:
    """The process `python -m module SOCKET arguments ...`, which calls `serve`; `before` is a command to run it in.

    It sees nothing of this process's environment, but only `settings`.
    """

    def __init__(self, module: str, arguments: list[str], settings: dict[str, str], before: list[str] | None = None):
        self._lock, self._ready = threading.Lock(), False
        self._control, inner = socket.socketpair()
        command = [*(before or []), sys.executable, "-s", "-m", module, str(inner.fileno()), *arguments]
        self._errors = tempfile.TemporaryFile()
        with inner:
            # Not in this folder: Python would import modules that lie in it, and it may be a student's.
            self._process = subprocess.Popen(
                command, env=settings, cwd="/", pass_fds=[inner.fileno()], start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._errors,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    def fork_for(self, line: socket.socket) -> None:
        """Have a fork work at the other end of `line`; the first time, wait until everything is imported."""
        with self._lock:
            if not self._ready:
                self._wait_until_ready()
            socket.send_fds(self._control, [b"j"], [line.fileno()])

    def died(self) -> bool:
        return self._ready and self._process.poll() is not None

    def end(self) -> None:
        self._control.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _wait_until_ready(self) -> None:
        self._control.settimeout(_START_SECONDS)
        with contextlib.suppress(OSError):
            self._ready = self._control.recv(5) == b"ready"
        if not self._ready:
            self.end()
            self._errors.seek(0)
            last_words = self._errors.read().decode(errors="replace").strip()[-1500:]
            raise CourseError(f"A process of the grader did not start. {last_words}")
        self._control.settimeout(None)
