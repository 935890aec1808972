"""`course address` sets the address of the course in every file that names it, or changes nothing."""

from __future__ import annotations

import json
import re

import pytest
from tiny_course import course, files_of, lesson, make_course, use_stand_in, write_lesson

from course_tools import address
from course_tools.project import find_project

BEFORE = "https://github.com/somebody/tiny-course"
CITATION = f'cff-version: 1.2.0\nrepository-code: "{BEFORE}"\nversion: 1\n'
CONTRIBUTING = f"See [the list][issues].\n\n[issues]: {BEFORE}/issues\n"
RUNNING = "# Running\n\n[site]: nowhere\n[binder]: nowhere\n"


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A built course with all the files that name its address."""
    use_stand_in(tmp_path / "library", monkeypatch)
    project = make_course(tmp_path / "course", _70_alpha=lesson())
    (project.root / "docs").mkdir()
    for file, text in {"CITATION.cff": CITATION, "CONTRIBUTING.md": CONTRIBUTING, "docs/running.md": RUNNING}.items():
        (project.root / file).write_text(text, encoding="utf-8")
    return project


@pytest.fixture
def run(capsys, monkeypatch, tiny):
    return lambda *arguments: course(capsys, monkeypatch, tiny.root, *arguments)


def text(project, file: str) -> str:
    return (project.root / file).read_text(encoding="utf-8")


def test_the_address_is_everywhere_and_nothing_is_executed_again(tiny, run, monkeypatch):
    assert run("build").status == 0
    old = files_of(tiny)
    monkeypatch.setattr("course_tools.build.execute", None)
    ended = run("address", "https://github.com/else/where.git/")
    assert (ended.status, ended.err) == (0, ""), ended
    assert "The course is at https://github.com/else/where now." in ended.out
    assert text(tiny, "CITATION.cff") == CITATION.replace(BEFORE, "https://github.com/else/where")
    assert text(tiny, "CONTRIBUTING.md") == CONTRIBUTING.replace(BEFORE, "https://github.com/else/where")
    assert "[binder]: https://mybinder.org/v2/gh/else/where/HEAD?urlpath=lab/tree/notebooks\n" in text(
        tiny, "docs/running.md"
    )
    assert "[site]: https://else.github.io/where/\n" in text(tiny, "docs/running.md")
    for path in tiny.generated("70_alpha")[:2]:
        notebook = path.read_text(encoding="utf-8")
        assert "https://colab.research.google.com/github/else/where/blob/main/notebooks/70_alpha.ipynb" in notebook
        assert "git+https://github.com/else/where" in notebook
    assert not [file for file, content in files_of(tiny).items() if b"somebody" in content]
    solved = tiny.relative(tiny.generated("70_alpha")[1])
    assert outputs(old[solved]) == outputs(files_of(tiny)[solved])
    assert run("build", "--check").status == 0
    assert run("address", BEFORE).status == 0
    assert {**old, "docs/running.md": b""} == {**files_of(tiny), "docs/running.md": b""}


def outputs(notebook: bytes) -> list:
    return [cell.get("outputs") for cell in json.loads(notebook)["cells"]]


def test_only_the_address_of_a_set_up_cell_is_left_out_of_what_outputs_depend_on(tiny, run, monkeypatch):
    assert run("build").status == 0
    monkeypatch.setattr("course_tools.frame._SETUP", "print(1)\nsource = 'git+{source}'")
    monkeypatch.setattr("course_tools.build.execute", None)
    with pytest.raises(TypeError):  # it would have been executed
        run("build")


@pytest.mark.parametrize("file", ["CITATION.cff", "CONTRIBUTING.md", "docs/running.md"])
def test_check_names_a_file_that_says_another_address_and_build_mends_it(tiny, run, file):
    assert run("build").status == 0
    right = text(tiny, file)
    wrong = re.sub(r"https://\S+", '"https://example.org/old/course"', right)
    assert wrong != right
    (tiny.root / file).write_text(wrong, encoding="utf-8")
    ended = run("build", "--check")
    assert ended.status == 1 and f"{file}: it does not name the address that pyproject.toml gives." in ended.out
    assert run("build").status == 0
    assert text(tiny, file) == right


BAD = [
    "", " ", "somewhere", "github.com/somebody/course", "http://github.com/somebody/course", "https://github.com",
    "https://github.com/somebody", "https://github.com/somebody/course/tree/main", "https://localhost/course",
    "https://me:secret@github.com/somebody/course", "https://github.com/somebody/co urse",
    'https://github.com/somebody/"course', "https://github.com/somebody/course?x=1", "https://github.com/a/b#c",
    "https://github.com/../..", "https://github.com/somebody/course\nSource = 1", "git@github.com:somebody/course.git",
]  # fmt: skip


@pytest.mark.parametrize("given", BAD)
def test_a_bad_address_is_refused_in_one_sentence_and_changes_nothing(tiny, run, given):
    before = files_of(tiny)
    ended = run("address", given)
    assert ended.status == 2
    assert ended.err.count("\n") == 1 and ended.err.rstrip().endswith(".") and repr(given) in ended.err
    assert files_of(tiny) == before


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        (
            "CITATION.cff",
            ("repository-code", "repository"),
            "CITATION.cff: one line, not 0, must begin with 'repository-code: '",
        ),
        ("pyproject.toml", ("Source = ", "Source= "), "pyproject.toml: one line, not 0, must begin with 'Source = \"'"),
        ("course_lessons/alpha/70_alpha.py", ("minutes: 10", "minutes: ten"), "'minutes' must be a whole number"),
    ],
)
def test_a_file_that_cannot_be_followed_is_named_and_nothing_is_written(tiny, run, file, change, said):
    (tiny.root / file).write_text(text(tiny, file).replace(*change), encoding="utf-8")
    before = files_of(tiny)
    ended = run("address", "https://github.com/else/where")
    assert ended.status == 2 and ended.err.count("\n") == 1 and said in ended.err
    assert files_of(tiny) == before


def test_a_lesson_that_was_changed_is_executed_as_build_would(tiny, run):
    assert run("build").status == 0
    write_lesson(tiny, "70_alpha", lesson().replace('print("exact")', 'print("new")'))
    assert run("address", "https://github.com/else/where").status == 0
    assert run("build", "--check").status == 0


def test_binder_knows_other_places_by_their_whole_address():
    assert address.binder("https://gitlab.com/a/b") == (
        "https://mybinder.org/v2/git/https%3A%2F%2Fgitlab.com%2Fa%2Fb/HEAD?urlpath=lab/tree/notebooks"
    )


@pytest.mark.parametrize(
    ("repository", "site"),
    [
        ("https://github.com/a/b", "https://a.github.io/b/"),
        ("https://gitlab.com/a/group/b", "https://a.gitlab.io/group/b/"),
        ("https://git.example.org/a/b", "https://git.example.org/a/b"),  # unknown: the repository says where it is
    ],
)
def test_the_site_is_where_the_host_puts_it(repository, site):
    assert address.pages(repository) == site


def test_the_real_course_names_one_address_in_every_place():
    project = find_project()
    assert set(map(project.relative, address.followers(project, "https://a.org/b"))) == {
        file for file, *_ in address.FOLLOWERS
    }
    assert address.address_drift(project) == []
    assert address.understood(project.source_address()) == project.source_address()
