"""`tests/offline.py` leaves a command no network but the loopback. `make test` runs the notebooks that way."""

from __future__ import annotations

import subprocess
import sys

import offline
import pytest

LISTEN_AND_CALL = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
socket.create_connection(listener.getsockname(), timeout=5)
print("heard")
"""
CALL_OUT = "import socket; socket.create_connection(('192.0.2.1', 443), timeout=5)"


def run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, offline.__file__, *command], capture_output=True, text=True)


cut_off = pytest.mark.skipif(offline.prefix() is None, reason="the network cannot be cut off here")


@cut_off
def test_only_this_computer_can_be_reached():
    assert run(sys.executable, "-c", LISTEN_AND_CALL).stdout == "heard\n"
    assert "Network is unreachable" in run(sys.executable, "-c", CALL_OUT).stderr


@cut_off
def test_it_ends_as_the_command_does():
    assert run(sys.executable, "-c", "raise SystemExit(7)").returncode == 7


def test_a_network_that_is_still_there_is_noticed(monkeypatch):
    class Connected:
        def __init__(self, *_, **__):
            pass

    monkeypatch.setattr("socket.create_connection", Connected)
    with pytest.raises(SystemExit, match="not off"):
        offline._require_no_way_out()


def test_without_unshare_the_command_runs_and_a_line_says_so(tmp_path):
    answer = subprocess.run(
        [sys.executable, offline.__file__, sys.executable, "-c", "print('ran')"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (answer.stdout, answer.returncode) == ("ran\n", 0)
    assert "cannot be cut off" in answer.stderr
