"""The set-up cell in the places where it must work: here, where the course is missing, and with a Keras too old.

The cell is taken from a notebook as it is. Python's option -S leaves out the environment's packages, the course among
them; what is on PYTHONPATH is all that such an interpreter can import.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import pytest
from tiny_course import STAND_IN, lesson, make_course
from waiting import HANGS

from course_tools.build import render_lessons

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = "git+https://github.com/somebody/tiny-course"

# A pip that installs nothing but a stand-in, beside itself, and writes down what it was asked for.
STAND_IN_PIP = f"""
import json, pathlib, sys
folder = pathlib.Path(__file__).parent.parent
(folder / "asked.json").write_text(json.dumps(sys.argv[1:]))
if (folder / "fail").exists():
    sys.exit(1)
(folder / "course_lib.py").write_text({STAND_IN!r})
"""


@pytest.fixture
def setup_cell(tmp_path) -> str:
    """The text of the set-up cell of a lesson."""
    project = make_course(tmp_path / "course", _70_alpha=lesson())
    cells = {cell["id"]: "".join(cell["source"]) for cell in render_lessons(project, ["70_alpha"])[0].student["cells"]}
    return cells["course-setup"]


@pytest.fixture
def bare(tmp_path) -> Path:
    """A folder to import from that holds a pip and nothing else."""
    (tmp_path / "bare" / "pip").mkdir(parents=True)
    (tmp_path / "bare" / "pip" / "__init__.py").touch()
    (tmp_path / "bare" / "pip" / "__main__.py").write_text(STAND_IN_PIP, encoding="utf-8")
    return tmp_path / "bare"


def execute(cell: str, tmp_path: Path, *options: str, **settings: str) -> subprocess.CompletedProcess:
    """Run the cell in an interpreter of its own, in an empty folder."""
    script = tmp_path / "cell.py"
    script.write_text(cell, encoding="utf-8")
    folder = tmp_path / "elsewhere"
    folder.mkdir(exist_ok=True)
    environment = {key: value for key, value in os.environ.items() if key != "COURSE_SOURCE"}
    command = [sys.executable, *options, str(script)]
    return subprocess.run(
        command, cwd=folder, env={**environment, **settings}, capture_output=True, text=True, timeout=HANGS
    )


def test_the_cell_is_short_and_names_its_lesson(setup_cell):
    assert len(setup_cell.splitlines()) <= 15
    assert setup_cell.splitlines()[-1] == 'course_lib.start("70_alpha")'


def test_where_the_course_is_nothing_is_installed(setup_cell, bare, tmp_path):
    (bare / "course_lib.py").write_text(STAND_IN, encoding="utf-8")
    answer = execute(setup_cell, tmp_path, "-S", PYTHONPATH=str(bare))
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "ready for 70_alpha\n", "")
    assert not (bare / "asked.json").exists()


@pytest.mark.parametrize("settings", [{}, {"COURSE_SOURCE": "/somewhere/else"}], ids=["published", "overridden"])
def test_where_the_course_is_missing_it_is_installed(setup_cell, bare, tmp_path, settings):
    answer = execute(setup_cell, tmp_path, "-S", PYTHONPATH=str(bare), **settings)
    source = settings.get("COURSE_SOURCE", PUBLISHED)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert f"Installing the course from {source}" in answer.stdout and "ready for 70_alpha" in answer.stdout
    assert json.loads((bare / "asked.json").read_text()) == ["install", "-q", source]


def test_an_installation_that_fails_is_one_sentence(setup_cell, bare, tmp_path):
    (bare / "fail").touch()
    answer = execute(setup_cell, tmp_path, "-S", PYTHONPATH=str(bare))
    assert answer.returncode == 1
    assert f"The course could not be installed from {PUBLISHED}." in answer.stderr
    assert "COURSE_SOURCE" in answer.stderr and "Traceback" not in answer.stderr
    assert "ready" not in answer.stdout


@pytest.mark.parametrize(
    ("version", "expected"),
    [("'3.5.0'", "Keras 3.5.0 is installed, but the course needs 3.6"), ("missing()", "Keras is not installed")],
)
def test_a_keras_too_old_or_missing_is_named_with_its_remedy(setup_cell, tmp_path, version, expected):
    pretend = f"""
import importlib.metadata
real = importlib.metadata.version
def missing():
    raise importlib.metadata.PackageNotFoundError("keras")
importlib.metadata.version = lambda name: {version} if name == "keras" else real(name)
"""
    answer = execute(pretend + setup_cell, tmp_path, PYTHONPATH=str(ROOT))
    assert answer.returncode == 1
    last = answer.stderr.strip().splitlines()[-1]
    assert expected in last and "pip install --upgrade" in last


def test_the_real_course_can_be_installed_and_started(setup_cell, tmp_path):
    """All of it with the real pip, but without network: the packages that the course needs are taken from here."""
    try:
        setuptools = metadata.version("setuptools")
    except metadata.PackageNotFoundError:
        setuptools = "0"
    if int(setuptools.split(".")[0]) < 77:
        pytest.skip("building the course without network needs setuptools 77 in this environment")
    checkout, target = tmp_path / "checkout", tmp_path / "installed"
    checkout.mkdir()
    target.mkdir()  # Python remembers that a folder on its path was missing
    for name in ("pyproject.toml", "requirements.txt", "README.md"):
        shutil.copy(ROOT / name, checkout)
    for name in ("course_lessons", "course_lib", "course_tools"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "data" / "zoo", checkout / "data" / "zoo")
    answer = execute(
        setup_cell.replace("70_alpha", "02_perceptron")
        + "\nfrom course_lib import zoo; print(zoo.folder(), zoo.names())",
        tmp_path,
        "-S",  # .pth files are not read, and so the course as it is installed here is not found
        PYTHONPATH=os.pathsep.join([str(target), sysconfig.get_path("purelib")]),
        COURSE_SOURCE=str(checkout),
        PIP_TARGET=str(target),
        PIP_NO_INDEX="1",
        PIP_NO_DEPS="1",
        PIP_NO_BUILD_ISOLATION="0",  # pip's way to say: do not isolate
    )
    assert answer.returncode == 0, answer.stderr
    assert f"Installing the course from {checkout}" in answer.stdout and "Keras" in answer.stdout
    networks = sorted(path.stem for path in (ROOT / "data" / "zoo").glob("*.json"))
    assert f"{target / 'share' / 'neural-networks-course' / 'zoo'} {networks}" in answer.stdout
    rooms = {path.parent.name for path in (ROOT / "course_lessons").glob("*/solutions.json")}
    assert rooms == {path.parent.name for path in (target / "course_lessons").glob("*/solutions.json")}
