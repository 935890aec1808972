"""Run every notebook as Colab would: alone in an empty folder, on Colab's packages, through its own set-up cell.

`make colab` makes the environment of tests/colab.txt and calls `python tests/colab.py [NOTEBOOK ...]` in it. The course
is not installed there: as in Colab, the first set-up cell installs it from COURSE_SOURCE, which is this checkout.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import nbclient
import nbformat

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
AT_A_TIME = 2
CELL_SECONDS = 300
SETTINGS = {
    "COURSE_SOURCE": str(ROOT),
    "COURSE_CHECK": "show",  # in a blank notebook no answer is right
    "OPENBLAS_NUM_THREADS": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or the debugger of ipykernel 6 says more than the report
}


def main(names: list[str]) -> int:
    """Run the named notebooks, or all; the number of those that were not as they should be."""
    os.environ.update(SETTINGS)
    paths = [Path(name).resolve() for name in names] or list(NOTEBOOKS.rglob("[0-9]*.ipynb"))
    uninstall = [sys.executable, "-m", "pip", "uninstall", "-qqy", "neural-networks-course"]
    subprocess.run(uninstall, check=True, stderr=subprocess.DEVNULL)
    faults: dict[Path, list[str]] = {}
    began = time.monotonic()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        first, *rest = sorted(paths)
        report(first, faults, *run(first))  # alone, since it installs the course for the others
        jobs = {pool.submit(run, path): path for path in rest}
        for job in as_completed(jobs):
            report(jobs[job], faults, *job.result())
    print(f"{len(paths)} notebooks on Colab's packages in {time.monotonic() - began:.0f} s, {len(faults)} with faults.")
    return len(faults)


def run(path: Path) -> tuple[list[str], float]:
    """What went wrong in a notebook, and the seconds it took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        notebook = nbformat.read(path, as_version=4)
        place = {"metadata": {"path": folder}}
        client = nbclient.NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            iopub_timeout=CELL_SECONDS,
            kernel_name="python3",
            allow_errors=True,
            resources=place,
        )
        try:
            client.execute()
        except Exception as error:  # the kernel died, or a cell did not end
            return [f"{type(error).__name__}: {str(error).strip()[:500]}"], time.monotonic() - began
    return [fault for cell in notebook.cells for fault in complaints(cell)], time.monotonic() - began


def complaints(cell) -> list[str]:
    """Errors of a cell that may not fail, and what it wrote to stderr; the set-up cell may, while pip installs."""
    may_fail = "raises-exception" in cell.metadata.get("tags", [])
    found = []
    for output in cell.get("outputs", []):
        if output.output_type == "error" and not may_fail:
            found.append(f"{output.ename}: {output.evalue[:300]}\n    in: {cell.source.splitlines()[0][:100]}")
        if output.get("name") == "stderr" and cell.id != "course-setup":
            found.append(f"stderr: {output.text.strip()[:300]}\n    in: {cell.source.splitlines()[0][:100]}")
    return found


def report(path: Path, faults: dict[Path, list[str]], found: list[str], seconds: float) -> None:
    name = path.relative_to(NOTEBOOKS) if path.is_relative_to(NOTEBOOKS) else path
    print(f"{'FAULT' if found else 'ok':5} {seconds:4.0f} s  {name}", flush=True)
    for fault in found:
        print(f"    {fault}", flush=True)
    if found:
        faults[path] = found


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
