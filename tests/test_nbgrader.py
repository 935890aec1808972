"""nbgrader takes our solved notebooks as its source, and gives full, partial and no points where they are due."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from waiting import HANGS

from course_lib.exercises import specs
from course_tools.project import find_project
from course_tools.warm_kernel import specification

pytest.importorskip("nbgrader")
LESSON = "09_convolution"
POINTS = {name: spec.points for name, spec in specs(LESSON).items()}
HALF = {"correlate2d", "output_size"}  # what the second student solves
NOISE = "import os, sys, warnings; warnings.warn('careful'); print('well', file=sys.stderr); os.write(2, b'oh')"


def nbgrader(folder: Path, *arguments: str) -> str:
    """Run a command of nbgrader in `folder`; what it said."""
    here = str(Path(sys.executable).parent)  # nbgrader starts the command alembic, which lies beside it
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("COURSE_CHECK", "PYTEST_"))}
    answer = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=folder,
        env={
            **inherited,
            "PATH": here + os.pathsep + os.environ["PATH"],
            "JUPYTER_CONFIG_DIR": str(folder / "none"),
            "JUPYTER_PATH": str(folder / "jupyter"),
            "COURSE_WARM_IDLE": "5",
        },
        capture_output=True,
        text=True,
        timeout=HANGS,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stderr


def grading_facts(cell: dict) -> dict:
    return cell["metadata"].get("nbgrader", {})


def write(file: Path, notebook: dict) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(notebook), encoding="utf-8")


@pytest.fixture(scope="module")
def solved() -> dict:
    """The solved lesson without the cells that no exercise needs, for a kernel that starts at once."""
    notebook = json.loads((find_project().solved_notebooks / f"{LESSON}.ipynb").read_text(encoding="utf-8"))
    needed = re.compile(r"^(import |from |course_lib\.start)", re.MULTILINE)
    notebook["cells"] = [
        cell
        for cell in notebook["cells"]
        if grading_facts(cell) or (cell["cell_type"] == "code" and needed.search("".join(cell["source"])))
    ]
    notebook["metadata"]["kernelspec"]["name"] = specification.NAME
    return notebook


@pytest.fixture(scope="module")
def graded(solved, tmp_path_factory):
    """An assignment with four submissions, graded: the released notebook, and marks by student and exercise."""
    folder = tmp_path_factory.mktemp("nbgrader")
    specification.write(folder / "jupyter" / "kernels" / specification.NAME)
    write(folder / "source" / "nine" / f"{LESSON}.ipynb", solved)
    nbgrader(folder, "generate_assignment", "nine", "--create")
    released = json.loads((folder / "release" / "nine" / f"{LESSON}.ipynb").read_text(encoding="utf-8"))
    answers = {
        grading_facts(cell)["grade_id"]: "".join(cell["source"])
        for cell in solved["cells"]
        if grading_facts(cell).get("solution")
    }
    assert answers.keys() == POINTS.keys()
    for student, done in {"anna": set(answers), "bert": HALF, "cara": set()}.items():
        notebook = copy.deepcopy(released)
        for cell in notebook["cells"]:
            name = grading_facts(cell).get("grade_id")
            if name in done:
                cell["source"] = answers[name].replace("### BEGIN SOLUTION", NOISE)
        write(folder / "submitted" / student / "nine" / f"{LESSON}.ipynb", notebook)
    # One with copies before the cells that count, as students make them; the others must not pay for it.
    notebook = json.loads((folder / "submitted" / "anna" / "nine" / f"{LESSON}.ipynb").read_text(encoding="utf-8"))
    blanks = [copy.deepcopy(cell) for cell in released["cells"] if grading_facts(cell).get("solution")]
    notebook["cells"] = [*blanks[:2], *notebook["cells"]]
    write(folder / "submitted" / "ada" / "nine" / f"{LESSON}.ipynb", notebook)
    (folder / "nbgrader_config.py").write_text(config_in_the_docs(), encoding="utf-8")
    nbgrader(folder, "autograde", "nine", "--create")
    return released, marks(folder)


def config_in_the_docs() -> str:
    """The way round copied cells, as it stands on the page."""
    page = (find_project().root / "docs" / "grading.md").read_text(encoding="utf-8")
    [config] = [block for block in re.findall("```python\n(.*?)```", page, re.DOTALL) if "nbgrader" in block]
    return config


def marks(folder: Path) -> dict[str, dict[str, tuple[float, float]]]:
    """Points and points that could be had, by student and exercise."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        return {
            submission.student.id: {
                grade.name.removesuffix("-check"): (grade.auto_score, grade.max_score)
                for notebook in submission.notebooks
                for grade in notebook.grades
            }
            for submission in gradebook.assignment_submissions("nine")
        }


def test_what_is_released_holds_no_solution_and_no_output(graded):
    released, _ = graded
    for cell in released["cells"]:
        assert not cell.get("outputs")
        if grading_facts(cell).get("solution"):
            assert "raise NotImplementedError" in "".join(cell["source"])
            assert "SOLUTION" not in "".join(cell["source"])


@pytest.mark.parametrize(
    ("student", "solved_by"), [("ada", set(POINTS)), ("anna", set(POINTS)), ("bert", HALF), ("cara", set())]
)
def test_full_partial_and_no_points(graded, student, solved_by):
    _, given = graded
    assert given[student] == {name: (points if name in solved_by else 0, points) for name, points in POINTS.items()}


def test_without_the_way_round_a_copied_cell_ends_the_run(solved):
    """When this fails, nbgrader has mended it, and the page need not speak of it any more."""
    from nbgrader.nbgraderformat import SchemaTooOldError
    from nbgrader.preprocessors import CheckCellMetadata, DeduplicateIds

    notebook = nbformat.from_dict(solved)
    copied = next(cell for cell in notebook.cells if grading_facts(cell).get("solution"))
    notebook.cells.insert(0, copy.deepcopy(copied))
    notebook, _ = DeduplicateIds().preprocess(notebook, {})
    with pytest.raises(SchemaTooOldError):  # which `nbgrader autograde` takes for a reason to stop
        CheckCellMetadata().preprocess(notebook, {})


@pytest.mark.parametrize("file", sorted(find_project().solved_notebooks.glob("*.ipynb")), ids=lambda file: file.stem)
def test_every_lesson_says_what_nbgrader_needs(file):
    from nbgrader.nbgraderformat import reads

    notebook = reads(file.read_text(encoding="utf-8"), as_version=4)  # it validates them
    marked = [grading_facts(cell) for cell in notebook.cells if grading_facts(cell)]
    checks = {facts["grade_id"]: facts for facts in marked if facts["grade"]}
    assert len({facts["grade_id"] for facts in marked}) == len(marked) == 2 * len(checks)
    points = {name.removesuffix("-check"): facts["points"] for name, facts in checks.items()}
    assert points == {name: spec.points for name, spec in specs(file.stem).items()}
    assert all(facts["locked"] and not facts["solution"] for facts in checks.values())
