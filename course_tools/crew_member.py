"""What runs on the workers of a Dask cluster for `crew`, whatever their work is: who they are, and how they answer."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Callable
from pathlib import Path

import course_lessons
import course_lib
import course_tools
from course_tools.grading.sandbox import why_no_walls

_NEEDED = ("keras", "numpy", "scipy", "tensorflow", "ipython")
_COURSE = "neural-networks-course"


@functools.cache  # what runs here is what was there when this process began
def identity() -> dict[str, str]:
    """What must be the same on all machines for results to be the same: the course, Python, the packages."""
    library, rooms, tools = (Path(each.__file__).parent for each in (course_lib, course_lessons, course_tools))
    files = [*library.rglob("*.py"), *rooms.glob("*/[a-z]*.py"), *tools.glob("*.py"), *tools.glob("grading/**/*.py")]
    parts = sorted(f"{path.parent.name}/{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files)
    found = {"the course": hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]}
    found |= {"Python": platform.python_version(), "Keras' backend": os.environ.get("KERAS_BACKEND") or "tensorflow"}
    return found | {name: _version(name) for name in sorted({*_NEEDED, *_required()})}


def differences(here: dict[str, str], there: dict[str, str]) -> list[str]:
    """How a worker with the identity `here` differs from what is asked for."""
    return [
        f"{name} is {here.get(name) or 'missing'} there and {there.get(name) or 'missing'} here"
        for name in dict.fromkeys([*there, *here])
        if here.get(name) != there.get(name)
    ]


async def introduce(wanted: dict[str, str], sandbox: bool, dask_worker) -> tuple[str, str]:
    """This worker's name, and why it cannot work for somebody who has the identity `wanted`; "" if it can."""
    fault = "; ".join(differences(identity(), wanted))
    if sandbox and not fault and (reason := await asyncio.to_thread(why_no_walls)):
        fault = f"there is no sandbox: {reason}"
    return f"{dask_worker.name} on {platform.node()}", fault


def answer(work: Callable[[], dict]) -> str:
    """What a task returns: what `work` gives, or why this worker could not do it, with its address."""
    try:
        said = work()
    except Exception as error:
        said = {"trouble": f"{type(error).__name__}: {error}"}
    from distributed import get_worker

    return json.dumps({**said, "worker": get_worker().address})  # ASCII: half characters pass through


def _required() -> list[str]:
    """The packages that the course asks for, without those of its extras."""
    try:
        lines = importlib.metadata.requires(_COURSE) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [re.match(r"[\w.-]+", line)[0].lower() for line in lines if "extra ==" not in line]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
