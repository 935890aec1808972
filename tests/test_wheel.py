"""The course as it is installed without its repository: the wheel, in a folder of its own, runs a lesson's notebook."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from waiting import HANGS

ROOT = Path(__file__).resolve().parents[1]
NEEDED = (
    "course_lessons", "course_lib", "course_tools", "data",
    "pyproject.toml", "requirements.txt", "README.md", "LICENSE",
)  # fmt: skip


def pip(*arguments, cwd: Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=HANGS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Made from a copy: building leaves folders behind. No network: what builds it is installed here."""
    folder = tmp_path_factory.mktemp("source")
    for name in filter(lambda name: (ROOT / name).exists(), NEEDED):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder / "made", folder, cwd=folder)
    (made,) = (folder / "made").glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "--no-deps", "--no-index", "--target", folder, wheel, cwd=folder)
    return folder


def test_the_wheel_holds_what_lessons_read_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("course_lessons/perceptron/solutions.json", "course_lessons/alexnet/evidence/parts.csv",
                 "course_lessons/trust_no_slide/errata.csv", "course_tools/site/static/course.js"):  # fmt: skip
        assert name in names
    assert any(name.endswith("share/neural-networks-course/zoo/digits_lenet.npz") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "notebooks/", "benchmarks/"))]


# A notebook's code cells in an interpreter that finds the course nowhere but in the folder; figures need no screen.
RUN = """
import json, sys
sys.path.insert(0, {installed!r})
import course_lib, course_lessons
for package in (course_lib, course_lessons):
    assert package.__file__.startswith({installed!r}), package.__file__
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in json.load(open({notebook!r}, encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        result = shell.run_cell("".join(cell["source"]))
        result.raise_error()
from course_lib import zoo
print(len(zoo.load("digits_lenet").weights), "arrays of weights")
"""


def test_a_lesson_s_notebook_runs_from_the_wheel(installed, tmp_path):
    notebook = tmp_path / "02_perceptron.ipynb"
    shutil.copy(ROOT / "notebooks" / "solutions" / "02_perceptron.ipynb", notebook)
    assert json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    script = RUN.format(installed=str(installed), notebook=str(notebook))
    settings = {**os.environ, "MPLBACKEND": "agg", "COURSE_CHECK": "raise", "IPYTHONDIR": str(tmp_path / "ipython")}
    settings.pop("PYTHONPATH", None)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=HANGS
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert "arrays of weights" in done.stdout and "Correct" in done.stdout
