"""How long a test waits: until what it waits for has come, or until only something that hangs can be the reason.

A busy machine takes its time, and that must fail no test; what has to be quick is measured in seconds of the processor.
"""

from __future__ import annotations

import time
from collections.abc import Callable

HANGS = 600  # seconds


def wait_until(true: Callable[[], object], seconds: float = 60) -> bool:
    """Whether it became true."""
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True
