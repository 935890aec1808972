"""Tells Jupyter about the warm kernel, or takes it away."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

NAME = "course-warm"
TITLE = "Python 3 (Keras ready)"
WARM_HERE = sys.platform == "linux"


def write(folder: Path) -> None:
    """Write the specification into `folder`, which must not exist yet."""
    from ipykernel.kernelspec import write_kernel_spec

    command = [sys.executable, "-m", "course_tools.warm_kernel.launcher", "-f", "{connection_file}"]
    write_kernel_spec(folder, overrides={"argv": command, "display_name": TITLE})


def install(user: bool = False) -> Path:
    """Make the kernel known to Jupyter, in this environment or for this user everywhere; returns its folder."""
    folder = _folder(user)
    remove(user)
    folder.parent.mkdir(parents=True, exist_ok=True)
    write(folder)
    return folder


def remove(user: bool = False) -> Path | None:
    """Take the kernel away again; returns the folder that is gone, or None if there was none."""
    folder = _folder(user)
    if not folder.exists():
        return None
    shutil.rmtree(folder)
    return folder


def _folder(user: bool) -> Path:
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir() if user else Path(sys.prefix, "share", "jupyter"), "kernels", NAME)
