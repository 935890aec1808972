"""A process that has imported Keras, and forks a kernel for every launcher that asks.

It runs nobody's code itself. It has one thread, which `warm.fork` proves before every fork. Each kernel is the leader
of a process group; it ends when its launcher does, and the server ends when nobody has wanted it for some minutes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import selectors
import signal
import socket
import sys
from dataclasses import dataclass
from functools import partial

from course_tools import warm
from course_tools.warm_kernel.launcher import START, STARTED
from course_tools.warm_kernel.meeting import Meeting, require_same_user_and_world

# What lessons and kernels need, as far as it starts no thread. The inline backend of matplotlib is not among it: it
# looks for its kernel as it is imported.
MODULES = (
    *("keras", "scipy.signal", "matplotlib.pyplot", "sklearn.datasets", "skimage", "ipywidgets", "threadpoolctl"),
    *("ipykernel.kernelapp", "ipykernel.ipkernel"),
)
# The course itself is not kept warm: a kernel must run what stands in the files now.
_FRESH = ("course_lessons", "course_lib", "course_tools")
_IDLE = 600.0  # seconds
_INLINE = "module://matplotlib_inline.backend_inline"
_STREAMS = 3


@dataclass(eq=False)
class Kernel:
    """A launcher, and the process that it asked for: None until then."""

    launcher: socket.socket
    process: int | None = None
    handle: int | None = None  # a file descriptor that can be read when the process has ended


class Server:
    """Serves `listener` until nobody wants anything for `idle` seconds."""

    def __init__(self, meeting: Meeting, listener: socket.socket, idle: float):
        self.meeting, self.listener, self.idle = meeting, listener, idle
        self.kernels: set[Kernel] = set()
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ, self._accept)

    def serve(self) -> list[int] | None:
        """None when the server is no longer wanted; in every fork, the descriptors of streams and request."""
        while True:
            ready = self.selector.select(None if self.kernels else self.idle)
            if not ready and not self.kernels and self._retire():
                return None
            for key, _ in ready:
                if key.fileobj in self.selector.get_map():  # an event before this one may have dealt with it
                    descriptors = key.data()
                    if descriptors:
                        return descriptors

    def close(self) -> None:
        """Let go of everything here; what the server has open elsewhere stays open."""
        for kernel in self.kernels:
            kernel.launcher.close()
            if kernel.handle is not None:
                os.close(kernel.handle)
        self.listener.close()
        self.selector.close()

    def _accept(self) -> None:
        launcher, _ = self.listener.accept()
        try:
            require_same_user_and_world(launcher)
        except warm.WarmError as refusal:
            _answer(launcher, refusal)
            launcher.close()
            return
        kernel = Kernel(launcher)
        self.kernels.add(kernel)
        self.selector.register(launcher, selectors.EVENT_READ, partial(self._hear, kernel))

    def _hear(self, kernel: Kernel) -> list[int] | None:
        """A launcher asks for its kernel, sends it a signal, or has ended."""
        try:
            message, descriptors, _, _ = socket.recv_fds(kernel.launcher, 64, _STREAMS + 1)
        except OSError:
            message, descriptors = b"", []
        if kernel.process is None and message == START and len(descriptors) == _STREAMS + 1:
            if self._start(kernel):
                return descriptors
        elif kernel.process is not None and len(message) == 1:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(kernel.process, message[0])
        else:
            self._end(kernel)
        for descriptor in descriptors:
            os.close(descriptor)
        return None

    def _start(self, kernel: Kernel) -> bool:
        """Fork; True in the new process. Tells the launcher when that is refused."""
        try:
            process = warm.fork()
        except (warm.WarmError, OSError) as refusal:
            _answer(kernel.launcher, refusal)
            self._forget(kernel)
            return False
        with contextlib.suppress(OSError):  # both sides do it, so that nobody can come too early
            os.setpgid(process, 0)
        if process == 0:
            return True
        kernel.process, kernel.handle = process, os.pidfd_open(process)
        self.selector.register(kernel.handle, selectors.EVENT_READ, partial(self._end, kernel))
        _answer(kernel.launcher, STARTED)
        return False

    def _end(self, kernel: Kernel) -> None:
        """Make sure that a kernel has ended, and hand its exit status back. The ports it used are free then."""
        if kernel.process is not None:
            with contextlib.suppress(ProcessLookupError):
                if not _has_ended(kernel.process):
                    os.killpg(kernel.process, signal.SIGKILL)
            _, status = os.waitpid(kernel.process, 0)
            _answer(kernel.launcher, os.waitstatus_to_exitcode(status))
        self._forget(kernel)

    def _forget(self, kernel: Kernel) -> None:
        self.kernels.discard(kernel)
        self.selector.unregister(kernel.launcher)
        kernel.launcher.close()
        if kernel.handle is not None:
            self.selector.unregister(kernel.handle)
            os.close(kernel.handle)

    def _retire(self) -> bool:
        """Give up the socket, unless somebody has connected just now."""
        with self.meeting.locked():
            if self.selector.select(0):
                return False
            self.meeting.socket.unlink(missing_ok=True)
            self.meeting.log.unlink(missing_ok=True)
            return True


def become_kernel(descriptors: list[int]) -> None:
    """Turn this fork into what its launcher would have become, and run the kernel. Does not return."""
    *streams, request_file = descriptors
    for stream, descriptor in enumerate(streams):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    with open(request_file, encoding="utf-8") as file:
        request = json.load(file)
    os.chdir(request["folder"])
    os.environ.clear()
    # The kernel ends when its parent does, and that is the server.
    os.environ.update(request["environment"], JPY_PARENT_PID=str(os.getppid()))
    sys.path[:] = request["path"]
    sys.argv = [importlib.util.find_spec("ipykernel_launcher").origin, *request["arguments"]]
    for name in [name for name in sys.modules if name.partition(".")[0] in _FRESH]:
        del sys.modules[name]
    _use_processors()
    _use_backend()
    _use_wide_tables()
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


def _use_processors() -> None:
    """Give linear algebra the threads that it has in an ordinary kernel; the server had to import it with one."""
    from threadpoolctl import threadpool_limits

    every = len(os.sched_getaffinity(0))
    openmp = int(os.environ.get("OMP_NUM_THREADS") or every)
    threadpool_limits({"openmp": openmp, "blas": int(os.environ.get("OPENBLAS_NUM_THREADS") or openmp)})


def _use_backend() -> None:
    """Let matplotlib draw into the notebook, unless told otherwise; without this it would remember the server's way."""
    import matplotlib

    os.environ.setdefault("MPLBACKEND", _INLINE)
    matplotlib.rcParams["backend"] = os.environ["MPLBACKEND"]


def _use_wide_tables() -> None:
    """Let tables have all columns, as in a notebook; imported before the kernel, pandas took this for a terminal."""
    if pandas := sys.modules.get("pandas"):
        pandas.set_option("display.max_columns", 20)


def _answer(launcher: socket.socket, words) -> None:
    with contextlib.suppress(OSError):  # it may be gone
        launcher.send(words if isinstance(words, bytes) else str(words).encode()[:1000])


def _has_ended(process: int) -> bool:
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def main(name: str, descriptor: int) -> None:
    meeting = Meeting(name)
    try:
        warm.require_one_thread()  # before the seconds that the imports take, and after them
        warm.warm_up(MODULES)
        warm.require_one_thread()
    except Exception as error:
        with meeting.locked():
            meeting.cold.write_text(f"{type(error).__name__}: {error}\n", encoding="utf-8")
            meeting.socket.unlink(missing_ok=True)
        raise
    idle = float(os.environ.get("COURSE_WARM_IDLE", _IDLE))
    with contextlib.closing(Server(meeting, socket.socket(fileno=descriptor), idle)) as server:
        descriptors = server.serve()
    if descriptors:
        become_kernel(descriptors)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
