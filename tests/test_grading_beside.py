"""Helper modules and data beside a notebook: what is carried into the sandbox, under which names, and what is not."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from attacks import RIGHT

from course_tools.grading import beside
from course_tools.grading.archives import opened
from course_tools.grading.grade import Grader
from course_tools.grading.intake import find_submissions
from course_tools.grading.limits import Limits
from course_tools.grading.sandbox import Sandbox, why_no_walls

LESSON = "09_convolution"
LESSONS = ["02_perceptron", LESSON]
ANSWER = ["import numpy as np", RIGHT.replace("def right", "def correlate2d")]


def hand_in(folder: Path, path: str, content: list[str] | str | bytes = "x = 1") -> Path:
    """A notebook with these code cells, or any other file."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, list):
        cells = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in content]
        content = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def carried(folder: Path) -> dict[str, tuple[str, ...]]:
    """The names that go with each student's notebook."""
    found = find_submissions(folder, LESSONS)
    return {
        one.student: tuple(beside.gather(one.beside, one.place(folder), []).files) for one in found if not one.problem
    }


# --- whose a file is


def test_what_lies_in_the_notebooks_own_folder_goes_with_it_the_nearest_first(tmp_path):
    hand_in(tmp_path, f"ada/{LESSON}/{LESSON}.ipynb", ANSWER)
    for name in ("z.py", "a.csv", "data/b.csv", ".hidden.py", "__pycache__/z.pyc", "other.ipynb"):
        hand_in(tmp_path, f"ada/{LESSON}/{name}")
    hand_in(tmp_path, "ada/above.py")
    hand_in(tmp_path, f"ben/{LESSON}.ipynb", ANSWER)
    hand_in(tmp_path, f"cy_{LESSON}.ipynb", ANSWER)
    hand_in(tmp_path, "nobodys.py")
    assert carried(tmp_path) == {"ada": ("z.py", "a.csv", "data/b.csv"), "ben": (), "cy": ()}


def test_in_a_flat_export_the_platforms_names_say_whose_a_file_is(tmp_path):
    for name in (
        f"doejane_12345_67890_{LESSON}.ipynb",
        "doejane_12345_67891_helpers-1.py",
        "doejane_99999_67892_other.py",
        f"doejane_99999_67893_{LESSON}.ipynb",
        f"Week 3_jdoe_attempt_2025-03-01-10-20-30_{LESSON}.ipynb",
        "Week 3_jdoe_attempt_2025-03-01-10-20-30_data.csv",
        "Week 3_jdoe_attempt_2025-02-01-10-20-30_old.csv",
        f"Poe Pat_12347_assignsubmission_file_{LESSON}.ipynb",
        "Poe Pat_12347_assignsubmission_file_mine.py",
    ):
        hand_in(tmp_path, name, ANSWER if name.endswith(".ipynb") else "x = 1")
    assert carried(tmp_path) == {
        "doejane_12345": ("helpers-1.py", "helpers.py"),
        "doejane_99999": ("other.py",),
        "jdoe": ("data.csv",),
        "Poe Pat": ("mine.py",),
    }


def test_files_of_an_archive_go_with_the_notebook_in_it(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    with zipfile.ZipFile(folder / "ada.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"work/{LESSON}.ipynb", hand_in(tmp_path, "x.ipynb", ANSWER).read_bytes())
        archive.writestr("work/helpers.py", "x = 1")
        archive.writestr("work/film.bin", bytes(beside.MOST_BYTES + 1))
    with opened(folder, 10**8) as handed_in:
        [one] = find_submissions(handed_in.folder, LESSONS, handed_in.unpacked, handed_in.closed)
        found = beside.gather(one.beside, one.place(folder), [])
        assert found.files == {"helpers.py": b"x = 1"}
        assert found.sentences() == ["film.bin: With it they would be too large: 10 MB at most, all together."]
        assert (handed_in.unpacked / "ada.zip/work/film.bin").stat().st_blocks == 0, "it takes no room either"


# --- what is left out


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("numpy.py", "The name numpy is taken"),
        ("random.py", "The name random is taken"),
        ("course_lib/exercises.py", "The name course_lib is taken"),
        ("keras/__init__.py", "The name keras is taken"),
        ("zlib.cpython-311-x86_64-linux-gnu.so", "The name zlib is taken"),
        ("../up.py", "leads out"),
        ("/etc/x.py", "leads out"),
        ("a/../../x.py", "leads out"),
        (".env", "begins with a dot"),
        ("a" * 256, "too long"),
        ("a/" * 9 + "x", "too long"),
        ("a\0b", "leads out"),
    ],
)
def test_a_name_that_would_shadow_or_escape_is_left_out_and_said(name, why):
    found = beside.Carried()
    found.add(name, b"")
    assert not found.files and why in found.left_out[0]


def test_names_that_take_nobodys_place_are_carried():
    found = beside.Carried()
    for name in ("helpers.py", "numpy.csv", "random/data.txt", "mine/numpy.py", "x"):
        found.add(name, b"")
    assert len(found.files) == 5 and not found.left_out
    found.add("x/y", b"")
    assert found.left_out == ["x/y: Another file has the name of its folder."]


def test_links_pipes_and_what_is_too_much_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(beside, "MOST_FILES", 3)
    monkeypatch.setattr(beside, "MOST_BYTES", 1000)
    hand_in(tmp_path, f"ada/{LESSON}.ipynb", ANSWER)
    secret = hand_in(tmp_path, "secret.txt", "of somebody else")
    (tmp_path / "ada" / "link.txt").symlink_to(secret)
    (tmp_path / "ada" / "folder").symlink_to(tmp_path)
    hand_in(tmp_path, "ada/a.bin", bytes(600))
    hand_in(tmp_path, "ada/b.bin", bytes(600))
    for name in "cdefghijkl":
        hand_in(tmp_path, f"ada/{name}", b"")
    [one] = [one for one in find_submissions(tmp_path, LESSONS) if one.lesson]
    found = beside.gather(one.beside, tmp_path, [])
    assert list(found.files) == ["a.bin", "c", "d"]
    assert found.left_out[0].startswith("b.bin: With it")
    assert len(one.beside) == 9, "the rest is not even looked at"


def test_a_folder_of_thousands_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(beside, "_LOOKED_AT", 50)
    for number in range(200):
        hand_in(tmp_path, f"{number % 10}/{number}.txt")
    assert len(beside.names_below(tmp_path)) <= 50


# --- files that cells write


def written(*cells: str) -> dict[str, bytes]:
    return beside.gather([], Path(), cells).files


def test_writefile_cells_are_carried_in_their_order():
    assert written("%%writefile helpers.py\nx = 1\n", "y = 2") == {"helpers.py": b"x = 1\n"}
    assert written("%%writefile h.py\nx", "%%writefile ./h.py\ny") == {"h.py": b"y"}
    assert written("%%writefile h.py\nx\n", "%%writefile -a h.py\ny") == {"h.py": b"x\ny"}
    assert written('\n%%file "my data.csv"\n1,2') == {"my data.csv": b"1,2"}
    assert written("%%writefile\nx", "%%writefile 'a\nx", "%%writefile a b\nx", "%%writefile ../h.py\nx") == {}


# --- in the sandbox


needs_walls = pytest.mark.skipif(bool(why_no_walls()), reason=f"no sandbox: {why_no_walls()}")


@pytest.fixture(scope="module", params=[pytest.param(True, marks=needs_walls), False], ids=["walls", "no walls"])
def sandbox(request):
    with Sandbox(Limits(), walls=request.param) as warm:
        yield warm


def graded(sandbox, folder: Path) -> dict:
    found = Grader(sandbox, seed=1).grade(folder, find_submissions(folder, LESSONS), jobs=2)
    return {report.student: report for _, report in found}


WRITING = """for file in ("helpers.py", "data/sizes.csv"):
        try:
            open(file, "w")
        except OSError:
            continue
        raise AssertionError("it can be written")"""


def test_helpers_data_and_written_files_are_there_as_in_class(sandbox, tmp_path):
    shapes = """
import csv, mine.shapes, written
from helpers import right
def correlate2d(image, kernel):
    assert next(csv.reader(open("data/sizes.csv"))) == ["1", "2"]
    assert mine.shapes.TWO == written.TWO == 2
    # try to write
    open("out.txt", "w").write("what it writes itself")
    return right(image, kernel)
"""
    if sandbox.walls:  # without them root may write everywhere
        shapes = shapes.replace("# try to write", WRITING)
    hand_in(tmp_path, f"ada/{LESSON}.ipynb", ["%%writefile written.py\nTWO = 2", shapes])
    hand_in(tmp_path, "ada/helpers.py", "\n".join(["import numpy as np", RIGHT]))
    hand_in(tmp_path, "ada/mine/__init__.py", "")
    hand_in(tmp_path, "ada/mine/shapes.py", "TWO = 2")
    hand_in(tmp_path, "ada/data/sizes.csv", "1,2\n")
    hand_in(tmp_path, "ada/numpy.py", "raise SystemExit")
    hand_in(tmp_path, f"ben/{LESSON}.ipynb", [shapes])
    reports = graded(sandbox, tmp_path)
    mark = reports["ada"].mark("correlate2d")
    assert (mark.verdict, mark.points) == ("correct", 2), mark.reason
    assert reports["ada"].left_out == [
        "numpy.py: The name numpy is taken by Python, the course or an installed package."
    ]
    assert "No module named 'mine'" in reports["ben"].mark("correlate2d").reason, "nobody else has them"


def test_what_run_defines_is_the_notebooks_own(sandbox, tmp_path):
    answer = "%run -i helpers.py\ncorrelate2d = right  # theirs"
    hand_in(tmp_path, f"ada/{LESSON}.ipynb", [answer])
    hand_in(tmp_path, "ada/helpers.py", "\n".join(["import numpy as np", RIGHT]))
    hand_in(tmp_path, f"ben/{LESSON}.ipynb", ["%%writefile mine.py\n" + "\n".join(ANSWER), "%run ./mine.py"])
    hand_in(tmp_path, f"cy/{LESSON}.ipynb", ["%run nowhere.py", *ANSWER])
    reports = graded(sandbox, tmp_path)
    for student in ("ada", "ben", "cy"):
        mark = reports[student].mark("correlate2d")
        assert mark.verdict == "correct", (student, mark.reason)


@needs_walls
def test_what_is_beside_it_decides_whether_it_is_graded_again(tmp_path, monkeypatch):
    from course_tools.grading import command

    hand_in(tmp_path, f"ada/{LESSON}.ipynb", ANSWER)

    def key() -> str:
        submissions = find_submissions(tmp_path, LESSONS)
        return command._keys(tmp_path, submissions, {}, Limits())[submissions[0]]

    keys = [key()]
    for content in ("x = 1", "x = 2"):
        hand_in(tmp_path, "ada/helpers.py", content)
        keys.append(key())
    assert len(set(keys)) == 3 and key() == keys[-1]
