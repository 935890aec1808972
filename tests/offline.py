"""Run a command where there is no network: `python tests/offline.py COMMAND …` ends as the command does.

The lessons promise to need none, so `make test` runs the notebooks this way. Where the system does not let us cut the
network off (only Linux does, and not everywhere), the command runs all the same, and a line says so.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys

_INSIDE = "--inside"


def prefix() -> list[str] | None:
    """The beginning of a command that runs the rest of it without network, or None where that cannot be."""
    if shutil.which("unshare") is None:
        return None
    ways = [["unshare", "--net"]] if os.geteuid() == 0 else []
    for way in [*ways, ["unshare", "--net", "--map-root-user"]]:
        if subprocess.run([*way, "true"], capture_output=True).returncode == 0:
            return [*way, sys.executable, os.path.abspath(__file__), _INSIDE]
    return None


def _bring_up_loopback() -> None:
    """Jupyter talks to its kernels over it."""
    import fcntl
    import socket
    import struct

    set_interface_flags, up_and_running = 0x8914, 0x41
    with socket.socket() as handle:
        fcntl.ioctl(handle, set_interface_flags, struct.pack("16sh22x", b"lo", up_and_running))


def _require_no_way_out() -> None:
    """Prove it. With a network there is a way towards an address kept for documentation, where nobody answers."""
    import socket

    try:
        socket.create_connection(("192.0.2.1", 443), timeout=5)
    except OSError as error:
        if error.errno == errno.ENETUNREACH:
            return
    sys.exit("the network is not off")


def main(command: list[str]) -> None:
    if command[0] == _INSIDE:
        _bring_up_loopback()
        _require_no_way_out()
        command = command[1:]
    elif (before := prefix()) is not None:
        command = [*before, *command]
    else:
        print("The network cannot be cut off here; this runs with it.", file=sys.stderr)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
