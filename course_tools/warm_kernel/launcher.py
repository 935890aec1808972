"""What Jupyter starts: `python -m course_tools.warm_kernel.launcher -f CONNECTION_FILE`.

It looks like the kernel to whoever started it: signals sent to it reach the kernel, the kernel dies when it dies, and
it ends as the kernel ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import signal
import sys

START = b"start"
STARTED = b"started"
_PATIENCE = 40.0  # seconds for the first answer; a server that has just been started imports Keras first
_RELAYED = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)  # Windows has fewer
]


def main(arguments: list[str]) -> None:
    server = _warm_kernel(arguments)
    if server is None:
        _become_ordinary_kernel(arguments)
    else:
        _end_as(_attend(server))


def _warm_kernel(arguments: list[str]):
    """The connection to a server that has started a kernel, or None where that cannot be."""
    if sys.platform != "linux" or os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        return None
    from course_tools.warm import WarmError
    from course_tools.warm_kernel.meeting import Meeting

    server, usual = None, {}
    try:
        meeting = Meeting()
        if meeting.cold.exists():
            return None
        server = meeting.connect(lambda listener: _start_server(meeting, listener))
        usual = _relay_signals(server)
        _ask(server, arguments)
        if server.recv(1024) == STARTED:
            return server
    except (OSError, WarmError):  # whatever it is, an ordinary kernel will do
        pass
    for number, handler in usual.items():
        signal.signal(number, handler)
    if server is not None:
        server.close()
    return None


def _start_server(meeting, listener) -> None:
    """Start a server that outlives this process and belongs to nobody's session, serving `listener`."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            nothing, log = os.open(os.devnull, os.O_RDONLY), os.open(meeting.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for descriptor, stream in ((nothing, 0), (log, 1), (log, 2)):
                os.dup2(descriptor, stream)
            os.set_inheritable(listener.fileno(), True)
            python = [sys.executable, *sys.orig_argv[1 : sys.orig_argv.index("-m")]]
            os.chdir("/")
            program = ["-m", "course_tools.warm_kernel.server", meeting.name, str(listener.fileno())]
            os.execv(sys.executable, [*python, *program])
    finally:
        os._exit(0)


def _ask(server, arguments: list[str]) -> None:
    """Send the streams, and in a file in memory what a kernel has to know."""
    import socket

    from course_tools.warm_kernel.meeting import import_path

    request = {
        "arguments": arguments,
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "path": import_path(),
    }
    with open(os.memfd_create("request"), "w+", encoding="utf-8") as file:
        json.dump(request, file)
        file.flush()
        file.seek(0)
        server.settimeout(_PATIENCE)
        socket.send_fds(server, [START], [0, 1, 2, file.fileno()])


def _attend(server) -> int | None:
    """Wait for the kernel's end: its exit status, below 0 for a signal; None if the server was lost.

    When whoever started this process is gone, end: the server notices that and ends the kernel.
    """
    parent = os.getppid()
    server.settimeout(1.0)
    while os.getppid() == parent:
        try:
            status = server.recv(64)
        except TimeoutError:
            continue
        except OSError:
            return None
        return int(status) if status else None
    return None


def _relay_signals(server) -> dict:
    """Pass signals on to the kernel; returns what they did before."""

    def relay(number, _):
        with contextlib.suppress(OSError):
            server.send(bytes([number]))

    return {number: signal.signal(number, relay) for number in _RELAYED}


def _end_as(status: int | None) -> None:
    """End with this exit status, or by the same signal as the kernel."""
    if status is None:
        sys.exit("The server of warm kernels has ended, and this kernel with it.")
    if status < 0:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the kernel has left a core already, if one was wanted
        if -status not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


def _become_ordinary_kernel(arguments: list[str]) -> None:
    sys.argv = ["ipykernel_launcher", *arguments]
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
