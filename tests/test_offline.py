"""No lesson needs the network: all of them run, as students get them, where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from course_tools.project import find_project

# First bring up the loopback device, over which Jupyter talks to its kernel; then prove that there is no other way out.
PROGRAM = """
import errno, fcntl, socket, struct, sys

SET_INTERFACE_FLAGS, UP_AND_RUNNING = 0x8914, 0x41
with socket.socket() as handle:
    fcntl.ioctl(handle, SET_INTERFACE_FLAGS, struct.pack("16sh22x", b"lo", UP_AND_RUNNING))

# An address kept for documentation: with a network there is a way towards it, where nobody answers; here there is none.
try:
    socket.create_connection(("192.0.2.1", 443), timeout=5)
except OSError as error:
    if error.errno != errno.ENETUNREACH:
        sys.exit(f"the network is not off: {error}")
else:
    sys.exit("the network is not off")

from course_tools.cli import main
sys.argv = ["course", "run", "--student"]
main()
"""


@pytest.fixture(scope="module")
def cut_off() -> list[str]:
    """The beginning of a command that runs the rest of it without network."""
    if shutil.which("unshare") is None:
        pytest.skip("the command unshare, of Linux, is not here, so the network cannot be cut off")
    ways = [["unshare", "--net"]] if os.geteuid() == 0 else []
    for way in [*ways, ["unshare", "--net", "--map-root-user"]]:
        if subprocess.run([*way, "true"], capture_output=True).returncode == 0:
            return way
    pytest.skip("unshare is not allowed here, so the network cannot be cut off")


def test_all_lessons_run_without_network(cut_off):
    project = find_project()
    settings = {key: value for key, value in os.environ.items() if key not in ("COURSE_SCALE", "COURSE_DATA")}
    answer = subprocess.run(
        [*cut_off, sys.executable, "-c", PROGRAM], cwd=project.root, env=settings, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    for name in project.lesson_names():
        assert any(name in line and " ran " in line for line in answer.stdout.splitlines()), answer.stdout
