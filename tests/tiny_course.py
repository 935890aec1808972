"""A course of a few cells, so that the tools can be tested in seconds and without TensorFlow."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from course_tools import cli
from course_tools.project import Project

PYPROJECT = """\
[project]
name = "tiny"

[project.urls]
Source = "https://github.com/somebody/tiny-course"
"""

README = """\
# Tiny

<!-- lessons, made by `course build` -->
<!-- end of lessons -->

The end.
"""

CARD = """\
# ---
# jupyter:
#   course:
#     title: "{title}"
#     summary: "One line."
#     objectives:
#       - "double a number"
#       - "name two values"
#     needs: [69_before]
#     minutes: 10
#     data: [digits]
# ---
"""

CELLS = '''
# %% [markdown]
# How do you double a number?

# %% tags=["T001", "nbval-check-output"]
print("exact")

# %% exercise="double" points=2
def double(number):
    """Twice the number."""
    ### BEGIN SOLUTION
    twice = number + number
    return twice
    ### END SOLUTION

# %% check="double"
assert callable(double)

# %% exercise="left" points=1
### BEGIN SOLUTION
left, right = 1, 2
left_and_right = [left, right]
### END SOLUTION
after = "kept"

# %% check="left"
print(after)
'''

# What a kernel imports instead of the real course_lib.
STAND_IN = """\
class exercises:
    def progress():
        print("all solved")

def start(lesson):
    print("ready for", lesson)
"""


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    status: int
    out: str
    err: str


def lesson(cells: str = CELLS, title: str = "Alpha") -> str:
    """The text of a lesson."""
    return CARD.format(title=title) + cells


def make_course(root: Path, **lessons: str) -> Project:
    """A project in `root` with the given lessons: `make_course(folder, _70_alpha=lesson())`."""
    (root / "course_lessons").mkdir(parents=True)
    (root / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (root / "README.md").write_text(README, encoding="utf-8")
    for name, text in lessons.items():
        write_lesson(Project(root), name[1:], text)
    return Project(root)


def write_lesson(project: Project, name: str, text: str | bytes) -> None:
    """Put a lesson into its room, which need not be there yet."""
    source = project.source(name)
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(text if isinstance(text, bytes) else text.encode())


def files_of(project: Project) -> dict[str, bytes]:
    """Every file of the project, to compare before and after."""
    return {project.relative(path): path.read_bytes() for path in project.root.rglob("*") if path.is_file()}


def course(capsys, monkeypatch, folder: Path, *arguments: str) -> Outcome:
    """Run the `course` command in `folder`."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["course", *arguments])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main()
    streams = capsys.readouterr()
    return Outcome(ended.value.code or 0, streams.out, streams.err)


def use_stand_in(folder: Path, monkeypatch) -> None:
    """Give kernels a course_lib that starts at once."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "course_lib.py").write_text(STAND_IN, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))
