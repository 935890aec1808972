"""Where a launcher meets its server: a socket in a private folder, named after all that a kernel inherits.

A process forked from the server must be what the launcher itself would have become. What can be handed over is (folder,
environment, streams); what cannot, because libraries read it as they are imported or the system ties it to a process,
goes into the name of the socket, so that another environment, another limit or a newly installed package means another
server.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import resource
import socket
import stat
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from course_tools.warm import WarmError

# Read by Python, the C library, BLAS, Keras, TensorFlow or matplotlib when they start; afterwards they do not count.
_READ_AT_IMPORT = (
    *("PYTHON", "LD_", "LC_", "LANG", "TZ", "HOME", "XDG_", "MALLOC_", "OMP_", "KMP_", "MKL_", "OPENBLAS_", "GOTO_"),
    *("KERAS", "TF_", "XLA_", "CUDA", "NVIDIA", "MPL"),
)
_STATUS = ("Uid", "Gid", "Groups", "Umask", "SigBlk", "SigIgn", "Cap", "NoNewPrivs", "Seccomp", "Cpus_allowed")
_WORLD = ("ns/cgroup", "ns/ipc", "ns/mnt", "ns/net", "ns/pid", "ns/user", "ns/uts", "root")
_CREDENTIALS = struct.Struct("3i")  # process, user, group


class Meeting:
    """The files of one server, the one for this process unless a `name` is given.

    Raises `WarmError` when the folder for them is not private.
    """

    def __init__(self, name: str = "") -> None:
        folder = _private_folder()
        self.name = name or hashlib.sha256(repr(inherited()).encode()).hexdigest()[:16]
        self.socket = folder / f"{self.name}.socket"
        self.log = folder / f"{self.name}.log"
        self.cold = folder / f"{self.name}.cold"  # holds the reason, when there can be no such server
        self._lock = folder / "lock"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Launchers connect, and servers end, one at a time."""
        with self._lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)

    def connect(self, start_server: Callable[[socket.socket], None]) -> socket.socket:
        """A connection to the server. Where there is none, `start_server` is given the socket that it is to serve."""
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with self.locked():
            try:
                client.connect(str(self.socket))
            except (FileNotFoundError, ConnectionRefusedError):
                self.socket.unlink(missing_ok=True)
                with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
                    listener.bind(str(self.socket))
                    listener.listen(128)
                    start_server(listener)
                client.connect(str(self.socket))
        return client


def inherited() -> list:
    """All that a kernel would inherit from this process and a server cannot give it afterwards."""
    own = [*Path(__file__).parent.glob("*.py"), Path(__file__).parents[1] / "warm.py"]
    status = Path("/proc/self/status").read_text().splitlines()
    return [
        (sys.version, sys.orig_argv[: sys.orig_argv.index("-m")], sys.flags, sorted(sys._xoptions)),
        [(folder, _changed(folder)) for folder in import_path()],  # pip changes a folder that it installs into
        [(str(file), _changed(file)) for file in sorted(own)],
        sorted(item for item in os.environ.items() if item[0].startswith(_READ_AT_IMPORT)),
        [line for line in status if line.startswith(_STATUS)],
        [resource.getrlimit(getattr(resource, name)) for name in sorted(dir(resource)) if name.startswith("RLIMIT_")],
        (os.getpriority(os.PRIO_PROCESS, 0), Path("/proc/self/cgroup").read_text()),
        world("self"),
    ]


def import_path() -> list[str]:
    """Where this process imports from, but for the folder it was started in."""
    return sys.path[1:] if sys.path[0] in ("", os.getcwd()) else list(sys.path)


def world(process: int | str) -> list[str]:
    """Which file system, processes, network and users a process sees."""
    return [os.readlink(f"/proc/{process}/{what}") for what in _WORLD]


def require_same_user_and_world(client: socket.socket) -> None:
    """Raise `WarmError` unless the process at the other end is this user's, and no more confined than this one.

    A socket can reach into a sandbox; a kernel that is asked for from in there must not be born out here.
    """
    credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(credentials)
    if user != os.getuid():
        raise WarmError("This server belongs to another user.")
    try:
        if world(process) == world("self"):
            return
    except OSError:  # it has ended, or it cannot be seen from here
        pass
    raise WarmError("This server is not for processes in a sandbox of their own.")


def _private_folder() -> Path:
    """A folder that nobody else can look into, made if need be."""
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or os.environ.get("TMPDIR") or "/tmp", f"course-warm-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) != 0o700:
        raise WarmError(f"{folder} must be a folder that only its owner can open.")
    return folder


def _changed(path: str | Path) -> int:
    """When a file or a folder was changed last, in nanoseconds; 0 if it does not exist."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
