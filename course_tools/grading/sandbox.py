"""A place to run strangers' programs: a warm process inside bubblewrap, seen from outside.

    with Sandbox(limits, walls=True) as sandbox:
        ending, words = sandbox.run(job, keras=False)

Bubblewrap gives that process a file system with Python, its packages and those files of the course that an answer may
need, all read-only, and no network. Every job is a fork of it behind further walls (`inside.confine`).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import course_lessons
import course_lib
import course_tools
from course_tools import warm
from course_tools.errors import CourseError
from course_tools.grading.inside.confine import SCRATCH
from course_tools.grading.limits import Limits
from course_tools.grading.scratch import scratch_folder
from course_tools.grading.warm_process import WarmProcess

_VIEW = "/course"
# What says what is right, or has tried it out: no answer sees it, whatever a lesson's page imports.
_HIDDEN = {"exercises", "evidence", "claims"}
_EXERCISES = ("answer.py", "models.py")  # how to run an answer and how to look at a model, not what is right
_TOOLS = ("__init__.py", "warm.py", "grading/__init__.py", "grading/wire.py", "grading/limits.py")
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime")


# What the two warm processes have imported. Most answers need no Keras; a fork without it is smaller, and so quicker.
_LIGHT = ("numpy", "scipy.signal", "course_lib.layers", "course_lib.exercises.answer")
_FULL = ("keras", *_LIGHT)


class Sandbox:
    """Two warm processes, started when they are first needed. `walls` tells whether bubblewrap stands around them."""

    def __init__(self, limits: Limits, walls: bool):
        self.limits, self.walls = limits, walls
        self._warm: dict[tuple[str, ...], WarmProcess] = {}
        # A process in bubblewrap ends with the thread that started it: all are started by one that stays.
        self._starter = ThreadPoolExecutor(1)

    def __enter__(self) -> Sandbox:
        with contextlib.ExitStack() as opened:
            self._view = opened.enter_context(scratch_folder())
            opened.callback(self._end)
            _make_view(self._view)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_) -> None:
        self._opened.close()

    def _end(self) -> None:
        self._starter.shutdown(cancel_futures=True)
        for process in self._warm.values():
            process.end()

    def run(self, job: bytes, keras: bool, first: int = 0) -> tuple[dict, bytes]:
        """How the process of a job ended, and what it said from question `first` on; a stranger's program wrote that.

        Raises `CourseError` where that is the sandbox's own trouble; nobody's mark may depend on it.
        """
        told = b""
        for _ in range(2):  # no answer at all means that the sandbox itself died, which is not this student's fault
            with contextlib.suppress(BrokenPipeError, ConnectionResetError), self._started(job, keras, first) as line:
                told = b"".join(iter(lambda: line.recv(1 << 16), b""))
            if told:
                break
        first, _, words = told.partition(b"\n")
        ending = json.loads(first) if first else {"broken": "the sandbox ended before it had answered"}
        if "no walls" in ending:
            raise CourseError(f"The sandbox could not be made: {ending['no walls']}. What was graded so far is kept.")
        return ending, words

    def _started(self, job: bytes, keras: bool, first: int) -> socket.socket:
        """Hand over a job; what comes of it can be read from the socket that is returned, up to its end."""
        modules = _FULL if keras else _LIGHT
        try:
            process = self._starter.submit(self._warm_process, modules).result()
        except RuntimeError:
            raise CourseError("The sandbox is closed.") from None
        ours, theirs = socket.socketpair()
        with theirs:
            process.fork_for(theirs)
        settings = json.dumps({"limits": asdict(self.limits), "walls": self.walls, "first": first}).encode()
        ours.sendall(settings + b"\n" + job + b"\n")
        return ours

    def _warm_process(self, modules: tuple[str, ...]) -> WarmProcess:
        if modules not in self._warm or self._warm[modules].died():
            settings = {"PYTHONPATH": str(self._view), "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
            settings |= {"PATH": "/usr/bin:/bin", "HOME": tempfile.gettempdir(), **warm.SETTINGS}
            settings |= {name: os.environ[name] for name in ("KERAS_BACKEND",) if name in os.environ}
            before = []
            if self.walls:
                settings |= {"PYTHONPATH": _VIEW, "HOME": SCRATCH, "TMPDIR": SCRATCH}
                before = [*_bubblewrap(self._view), "--"]
            arguments = ["walls" if self.walls else "open", *modules]
            self._warm[modules] = WarmProcess("course_tools.grading.inside.zygote", arguments, settings, before)
        return self._warm[modules]


def why_no_walls() -> str:
    """Why bubblewrap can make no sandbox here; empty where it can."""
    if not sys.platform.startswith("linux"):
        return f"bubblewrap needs Linux, and this is {sys.platform}"
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed (on Debian and Ubuntu: apt-get install bubblewrap)"
    script = "from course_tools.grading.inside import confine as c; c.leave_root(); c.separate_processes()"
    with tempfile.TemporaryDirectory() as folder:
        _make_view(Path(folder))
        settings = {"PYTHONPATH": _VIEW, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [*_bubblewrap(Path(folder)), "--", sys.executable, "-s", "-c", script]
        trial = subprocess.run(command, env=settings, cwd="/", capture_output=True, text=True, check=False)
    last = trial.stderr.strip().splitlines()[-1:] or [f"status {trial.returncode}"]
    return "" if trial.returncode == 0 else f"bubblewrap cannot make a sandbox here ({last[0][:200]})"


def _bubblewrap(view: Path) -> list[str]:
    """The command that shows a program nothing but Python and `view`, read-only, and no network."""
    command = ["bwrap", "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-net", "--unshare-ipc",
               "--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL"]  # fmt: skip
    if os.getuid() == 0:  # the warm process leaves root by itself; in a user namespace it would stay root outside
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user", "--uid", "1000", "--gid", "1000"]
    command += ["--hostname", "sandbox", "--ro-bind", "/usr", "/usr"]
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            command += ["--ro-bind", str(path), str(path)]
    for path in _SETTINGS:
        command += ["--ro-bind-try", path, path]
    for path in _python_folders():
        for above in reversed(Path(path).parents[:-1]):  # bubblewrap would make them for root's eyes only
            command += ["--perms", "0755", "--dir", str(above)]
        command += ["--ro-bind", path, path]
        for package in (course_lib, course_lessons):  # installed among them, they would show every exercise
            if (folder := Path(package.__file__).parent).is_relative_to(path):
                command += ["--tmpfs", str(folder)]
    command += ["--ro-bind", str(view), _VIEW, "--perms", "1777", "--size", "10000000", "--tmpfs", SCRATCH]
    return [*command, "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]


def _python_folders() -> list[str]:
    """Where Python and the installed packages are, without the folders that hold them: no home, no checkout."""
    found = [sys.prefix, sys.base_prefix]
    found += [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    found += [str(Path(os.path.realpath(sys.executable)).parent.parent)]
    found = [path for path in dict.fromkeys(found) if Path(path).is_dir() and not Path("/usr").samefile(path)]
    return [path for path in found if not any(Path(other) in Path(path).parents for other in [*found, "/usr"])]


def modules_shown(room: Path) -> list[Path]:
    """Of a lesson's room what its page imports, and what that imports in turn; not the page itself."""
    found: list[Path] = []
    waiting = list(room.glob("[0-9]*.py"))
    while waiting:
        text = waiting.pop().read_text(encoding="utf-8")
        names = re.findall(rf"\bcourse_lessons\.{room.name}\.(\w+)", text)
        for several in re.findall(rf"\bfrom course_lessons\.{room.name} import (\([^)]*\)|.*)", text):
            names += re.findall(r"\w+", several)
        for path in (room / f"{name}.py" for name in dict.fromkeys(names) if name not in _HIDDEN):
            if path.is_file() and path not in found:
                found.append(path)
                waiting.append(path)
    return sorted(found)


def _make_view(view: Path) -> None:
    """What submissions see of the course: `course_lib` with a stub for exercises, rooms, the grader's inner part."""
    library, rooms, tools = (Path(each.__file__).parent for each in (course_lib, course_lessons, course_tools))
    leave_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(library, view / "course_lib", ignore=shutil.ignore_patterns("__pycache__", "exercises"))
    inside = view / "course_tools" / "grading" / "inside"
    shutil.copytree(tools / "grading" / "inside", inside, ignore=leave_out)
    wanted = [rooms / "__init__.py", *(library / "exercises" / name for name in _EXERCISES)]
    wanted += [tools / name for name in _TOOLS]
    wanted += [path for room in sorted(rooms.iterdir()) for path in modules_shown(room)]
    for path in wanted:
        copy = view / path.relative_to(next(top for top in (library, rooms, tools) if top in path.parents).parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    shutil.copy(inside / "no_exercises.py", view / "course_lib" / "exercises" / "__init__.py")
    for path in [view, *view.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
