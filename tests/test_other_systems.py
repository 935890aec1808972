"""What a student runs uses nothing that only Unix has; what a teacher runs says so where it cannot work.

Windows has no `fcntl`, no `resource` and no `os.fork`; they are hidden here before anything is imported.
"""

from __future__ import annotations

import subprocess
import sys

from waiting import HANGS

HIDE = """
import os, sys
sys.modules |= dict.fromkeys(["fcntl", "resource", "termios", "pwd", "grp"])  # None: an import fails
for name in ["fork", "forkpty", "getuid", "geteuid", "mkfifo", "register_at_fork"]:
    delattr(os, name)
"""
EVERY_MODULE = """
import importlib, pkgutil
import course_lessons, course_lib
for package in (course_lib, course_lessons):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if module.name.split(".")[-1].isidentifier():  # the lessons' sources, 02_perceptron.py, are no modules
            importlib.import_module(module.name)
"""
COMMAND = """
from course_tools.cli import main
sys.argv = ["course", {arguments}]
main()
"""


def run(script: str, *arguments: str) -> subprocess.CompletedProcess:
    given = ", ".join(map(repr, arguments))
    command = [sys.executable, "-c", HIDE + script.replace("{arguments}", given)]
    return subprocess.run(command, capture_output=True, text=True, timeout=HANGS)


def test_lessons_and_library_can_be_imported():
    done = run(EVERY_MODULE)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_doctor_can_be_asked():
    assert "Python" in run(COMMAND, "doctor").stdout


def test_grading_says_where_it_can_be_done(tmp_path):
    done = run(COMMAND, "grade", str(tmp_path), "--out", str(tmp_path / "marks"))
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0 and "wsl --install" in said and "Traceback" not in said
