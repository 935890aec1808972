"""The walls around one answer: Linux namespaces, no capabilities, and resource limits, set by a process for itself.

The file system is already read-only and nearly empty: bubblewrap saw to that for the process that forks this one. What
is added here separates one submission from the next: its own processes, its own scratch folder, its own user.
"""

from __future__ import annotations

import base64
import ctypes
import math
import os
import resource
import sys
from pathlib import Path

from course_tools.grading.limits import Limits

_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
_CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT = 1, 2, 4, 32
_MS_BIND, _MS_MOVE, _MS_REC, _MS_PRIVATE = 4096, 8192, 16384, 1 << 18
_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 4, 24, 36, 38
_CAPABILITY_VERSION_3 = 0x20080522

SCRATCH = "/scratch"  # the one folder that an answer can write to

_KEPT_OF_PROC = ("self", "cpuinfo", "meminfo", "stat")

_libc = ctypes.CDLL(None, use_errno=True)


def leave_root() -> None:
    """Become nobody: root is exempt from the limit on processes."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        _call("prctl", _PR_SET_DUMPABLE, 1, 0, 0, 0)  # or /proc/self would still belong to root


def adopt_orphans() -> None:
    """Make this process the parent of all that its descendants leave behind."""
    _call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def separate_processes() -> None:
    """The next child of this process is number 1 of a world of its own: it sees and can signal nobody else.

    When it dies, the kernel ends all its descendants.
    """
    user, group = os.getuid(), os.getgid()
    _call("unshare", _CLONE_NEWUSER | _CLONE_NEWPID | _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def separate_files(megabytes: int) -> None:
    """A private scratch folder in memory, and at /proc only this process; then no way to make further namespaces."""
    _call("unshare", _CLONE_NEWNS)
    _call("mount", None, b"/", None, _MS_REC | _MS_PRIVATE, None)
    room = f"size={megabytes}m,nr_inodes=10000,mode=0700".encode()
    _call("mount", b"tmpfs", SCRATCH.encode(), b"tmpfs", _MS_NOSUID | _MS_NODEV, room)
    os.chdir(SCRATCH)
    _call("mount", b"tmpfs", b"/dev/pts", b"tmpfs", _MS_RDONLY | _MS_NOSUID | _MS_NODEV, b"size=4k")  # no terminals
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    _hide_other_processes()


def _hide_other_processes() -> None:
    """Put a folder at /proc that holds the few entries which TensorFlow and the C library read."""
    new = Path(SCRATCH, "proc")
    new.mkdir()
    _call("mount", b"tmpfs", bytes(new), b"tmpfs", _MS_NOSUID | _MS_NODEV, b"size=64k")
    for name in _KEPT_OF_PROC:
        old = Path("/proc", name)
        (new / name).mkdir() if old.is_dir() else (new / name).touch()
        _call("mount", bytes(old.resolve()), bytes(new / name), None, _MS_BIND, None)
    _call("mount", None, bytes(new), None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV, None)
    _call("mount", bytes(new), b"/proc", None, _MS_MOVE, None)
    new.rmdir()


def lay_beside(files: dict[str, str], walls: bool) -> None:
    """Put the files that lie beside the notebook where it runs, to be read and imported, and not to be changed.

    Modules among them are looked for last, so that none takes the place of another.
    """
    top = Path(".beside")
    top.mkdir()
    if walls:
        _call("mount", b"tmpfs", bytes(top), b"tmpfs", _MS_NOSUID | _MS_NODEV, b"size=32m,nr_inodes=2000,mode=0700")
    for name, content in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(content))
        path.chmod(0o444)
    if walls:
        _call("mount", None, bytes(top), None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV, None)
    for name in os.listdir(top):
        os.symlink(top / name, name)
    sys.path.append(os.getcwd())


def drop_capabilities() -> None:
    """Give up, for good, all that the owner of a user namespace may do inside it."""
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in range(64):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails for numbers that this kernel does not know
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)())


def limit_resources(limits: Limits) -> None:
    """What the kernel counts for each process; and a lower priority, so that the supervisor comes first."""
    os.nice(5)
    for kind, amount in (
        (resource.RLIMIT_CPU, math.ceil(limits.cpu)),
        (resource.RLIMIT_DATA, limits.memory * 10**6),
        (resource.RLIMIT_FSIZE, limits.files * 10**6),
        (resource.RLIMIT_NPROC, limits.threads),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ):
        _, highest = resource.getrlimit(kind)
        amount = amount if highest == resource.RLIM_INFINITY else min(amount, highest)
        resource.setrlimit(kind, (amount, amount))


def _call(name: str, *arguments) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
