"""Execute a notebook in a kernel of its own, and note how long it took and how much memory."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from course_tools.errors import CourseError
from course_tools.imports import import_quickly
from course_tools.notebook import Rendered

CELL_TIMEOUT = 600
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_IMAGE_FACTS = ("alt", "width", "height")
_WIDGET = "application/vnd.jupyter.widget-view+json"
# Linux's ru_maxrss also counts the process that started the kernel. macOS counts in bytes, Linux in 1,024 of them;
# Windows has neither, but the kernel brings psutil.
_PEAK_MEGABYTES = {
    "linux": "int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) * 1024 / 1e6",
    "darwin": "__import__('resource').getrusage(__import__('resource').RUSAGE_SELF).ru_maxrss / 1e6",
    "win32": "__import__('psutil').Process().memory_info().peak_wset / 1e6",
}


@dataclass
class Run:
    """What came of executing one notebook."""

    notebook: dict
    seconds: float = 0.0  # from starting the kernel to its end
    cell_seconds: dict[str, float] = field(default_factory=dict)  # cell id: seconds
    peak_megabytes: float | None = None
    failed_cell: str | None = None  # cell id
    error: str = ""


def require_known_scale() -> None:
    """Refuse a wrong COURSE_SCALE before any kernel starts, in the words of the library."""
    from course_lib.quiet import SetupError
    from course_lib.session import current_scale

    try:
        current_scale()
    except SetupError as error:
        raise CourseError(str(error)) from None


def execute(
    notebook: dict, folder: Path, settings: dict[str, str] | None = None, advance: Callable[[], None] = lambda: None
) -> Run:
    """Run all cells in `folder`, up to the first that fails, with `settings` added to the environment.

    `advance` is called after every cell.
    """
    nbformat, nbclient = import_quickly("nbformat"), import_quickly("nbclient")

    folder.mkdir(parents=True, exist_ok=True)
    document = nbformat.from_dict(notebook)
    nbformat.v4.rwbase.rejoin_lines(document)
    nbformat.validate(document)
    client = nbclient.NotebookClient(
        document,
        timeout=CELL_TIMEOUT,
        iopub_timeout=CELL_TIMEOUT,  # on a busy machine outputs come late; after four seconds they would be left out
        raise_on_iopub_timeout=True,
        kernel_name="python3",
        coalesce_streams=True,  # or how text is cut into pieces would depend on the clock
        resources={"metadata": {"path": str(folder)}},
    )
    run = Run(notebook)
    began = time.perf_counter()
    # What the kernel process itself writes is noise, of ipykernel and TensorFlow, unless it dies. The debugger inside
    # it warns about frozen modules on some Pythons; nobody debugs here.
    environment = {**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1", **(settings or {})}
    with tempfile.TemporaryFile() as noise, client.setup_kernel(env=environment, stderr=noise):
        for index, cell in enumerate(document.cells):
            cell_began = time.perf_counter()
            run.error = _execute_cell(client, cell, index, noise)
            if cell.cell_type == "code":
                run.cell_seconds[cell.id] = time.perf_counter() - cell_began
            if run.error:
                run.failed_cell = cell.id
                break
            advance()
        run.peak_megabytes = _peak_megabytes(client)
    run.seconds = time.perf_counter() - began
    run.notebook = _as_file(document)
    return run


def _execute_cell(client, cell, index: int, noise) -> str:
    """Run one cell; the error, or nothing if all went well. `noise` is the file the kernel process writes to."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    try:
        client.execute_cell(cell, index)
    except CellExecutionError:
        error = next(output for output in cell.outputs if output.output_type == "error")
        return _ANSI.sub("", "\n".join(error.traceback)).strip()
    except CellTimeoutError:
        return f"It was still running after {CELL_TIMEOUT} seconds."
    except DeadKernelError:
        noise.seek(0)
        last_words = noise.read().decode(errors="replace")[-2000:].strip()
        return f"The kernel died; it may have run out of memory. {last_words}".strip()
    return ""


def failure_text(rendered: Rendered, run: Run) -> str:
    """Which cell failed, its source, and the error."""
    cell = next(cell for cell in run.notebook["cells"] if cell["id"] == run.failed_cell)
    source = "".join(f"    {line}" for line in cell["source"])
    return f"{rendered.place(run.failed_cell)}: this cell failed when it was executed:\n\n{source}\n\n{run.error}"


def _peak_megabytes(client) -> float | None:
    """Ask the kernel; None if it can no longer answer."""
    from jupyter_core.utils import ensure_async, run_sync

    async def ask() -> float | None:
        if not await ensure_async(client.km.is_alive()):
            return None
        message = client.kc.execute("", silent=True, user_expressions={"peak": _PEAK_MEGABYTES[sys.platform]})
        while True:
            reply = await client.kc.get_shell_msg(timeout=5)
            if reply["parent_header"].get("msg_id") == message:
                return float(reply["content"]["user_expressions"]["peak"]["data"]["text/plain"])

    try:
        return run_sync(ask)()
    except Exception:  # a busy or broken kernel: the figure is nice to have, the run's own verdict stands
        return None


def _as_file(document) -> dict:
    """The executed notebook as plain data, with only those parts of its outputs that a reader sees."""
    nbformat = import_quickly("nbformat")
    nbformat.v4.rwbase.split_lines(document)
    notebook = json.loads(json.dumps(document))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [_clean(output) for output in cell["outputs"] if _WIDGET not in output.get("data", {})]
    return notebook


def _clean(output: dict) -> dict:
    """Without the metadata that says nothing: kept are the alternative text and the size of images."""
    if "metadata" in output:
        kept = {}
        for mime, facts in output["metadata"].items():
            if mime.startswith("image/"):
                kept[mime] = {key: facts[key] for key in _IMAGE_FACTS if key in facts}
            elif mime == "alt":
                kept[mime] = facts
        output["metadata"] = {mime: facts for mime, facts in kept.items() if facts}
    return output
