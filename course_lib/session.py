"""The first cell of every lesson: check the tools, silence the noise, fix the seeds, say what runs."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re

from course_lib.quiet import SetupError, quiet

OLDEST_KERAS = (3, 6)
SCALES = ("laptop", "gpu")


def start(lesson: str) -> None:
    """Make this notebook ready for `lesson`, for example ``"02_perceptron"``.

    Fixes all random seeds, sets the figure style, tells `check` which lesson's exercises it is about and prints one
    line on what runs here. Raises `SetupError` when Keras is missing or too old or `COURSE_SCALE` is unknown.
    """
    current_scale()
    _require_keras()
    # Matrices are small here. Two BLAS threads that wait for each other on a busy machine cost up to ten times as much.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    with quiet():
        import keras

        line = _describe(keras)
        keras.utils.set_random_seed(0)  # on JAX, this is what loads TensorFlow

    from course_lib import exercises, plots, rooms

    plots.use_style()
    rooms.open_lesson(lesson)
    exercises.open_lesson(lesson)
    print(line)


def scale(*, laptop, gpu):
    """Choose a size by where the lesson runs: `laptop` (the default), or `gpu` when COURSE_SCALE=gpu is set."""
    return gpu if current_scale() == "gpu" else laptop


def current_scale() -> str:
    """The scale in force, "laptop" or "gpu". Raises `SetupError` for any other value of COURSE_SCALE."""
    chosen = os.environ.get("COURSE_SCALE", "laptop")
    if chosen not in SCALES:
        raise SetupError(f"COURSE_SCALE is {chosen!r}, but it must be one of: {', '.join(SCALES)}.")
    return chosen


def _require_keras() -> None:
    """Read the version from the package's metadata: importing an old Keras could fail in obscurer ways."""
    oldest = ".".join(map(str, OLDEST_KERAS))
    remedy = f'Run  %pip install --upgrade "keras>={oldest}" "tensorflow>=2.18"  in a cell, then restart the kernel.'
    try:
        installed = importlib.metadata.version("keras")
    except importlib.metadata.PackageNotFoundError:
        raise SetupError(f"Keras is not installed. {remedy}") from None
    if tuple(map(int, re.findall(r"\d+", installed)[:2])) < OLDEST_KERAS:
        raise SetupError(f"Keras {installed} is installed, but the course needs {oldest} or newer. {remedy}")


def _describe(keras) -> str:
    backend = keras.backend.backend()
    device = "GPU" if any("gpu" in name for name in keras.distribution.list_devices()) else "CPU"
    engine = f"{backend} {importlib.metadata.version(backend)}"
    tools = f"Python {platform.python_version()} · Keras {keras.__version__} on {engine}"
    return f"{tools} · {device} · {current_scale()} scale"
