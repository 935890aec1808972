"""A process that has imported Keras once, and forks whoever needs it: milliseconds instead of five seconds.

A fork copies memory and the one thread that called it. After `import keras` there is still only that one thread; after
the first TensorFlow operation there are more, and a child of such a process would wait for ever on the missing ones.
So `fork` counts the threads first and refuses if there is more than one.
"""

from __future__ import annotations

import gc
import importlib
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable

# Read by BLAS and TensorFlow when they are imported: one thread each, and no notices on stderr.
SETTINGS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


class WarmError(RuntimeError):
    """This process cannot be forked safely; the message says why."""


def warm_up(modules: Iterable[str] = ("keras", "scipy.signal")) -> None:
    """Import `modules` once, quietly, and shield what they allocated from the garbage collector.

    The collector writes into every object it looks at, so without this each child would soon own a copy of all pages.
    """
    from course_lib.quiet import quiet

    os.environ.update(SETTINGS)
    with quiet():
        for module in modules:
            importlib.import_module(module)
    gc.collect()
    gc.freeze()


def threads() -> int:
    """How many threads this process has, by the kernel's own count. Raises `WarmError` where that cannot be known."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        raise WarmError(
            f"{sys.platform} does not tell how many threads a process has; warm starts need Linux."
        ) from None


def require_one_thread(patience: float = 1.0) -> None:
    """Raise `WarmError` unless this process has exactly one thread, or has so within `patience` seconds.

    A thread that Python has joined is still counted until the kernel has cleared it away.
    """
    deadline = time.monotonic() + patience
    while (count := threads()) != 1:
        if time.monotonic() > deadline:
            raise WarmError(f"This process has {count} threads, and only one of them would live on in a fork.")
        time.sleep(0.01)


def fork() -> int:
    """As `os.fork`, with new random states in the child. Raises `WarmError` unless this process has one thread."""
    require_one_thread()
    child = os.fork()
    if child == 0:
        reseed()
    return child


def reseed(seed: int | None = None) -> None:
    """Give Python, NumPy and Keras new random states: from `seed`, or else from the operating system.

    Without it every child would draw the same numbers.
    """
    seed = int.from_bytes(os.urandom(4), "little") if seed is None else seed
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed)
    if keras := sys.modules.get("keras"):
        keras.utils.set_random_seed(seed)


def serve(control: socket.socket, work: Callable[[socket.socket], None]) -> None:
    """Say "ready" on `control`, then fork a child for each socket that comes over it, until nobody is there any more.

    The child calls `work` with that socket, and ends.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # a child is nobody's business once it runs
    control.sendall(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            try:
                work(socket.socket(fileno=descriptors[0]))
            finally:
                os._exit(0)  # it must not go on as the warm process
        os.close(descriptors[0])
