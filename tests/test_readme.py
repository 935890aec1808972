"""The README's table and pictures follow the lessons."""

import json

import matplotlib.pyplot as plt
import pytest
from tiny_course import CELLS, README, course, lesson, make_course, use_stand_in

from course_lib import plots
from course_tools.errors import CourseError
from course_tools.readme import front_page


def draw(width: int):
    """A figure; each width gives another."""
    return plt.figure(figsize=(width, 1))


ROW = "| 70 [Alpha](notebooks/70_alpha.ipynb) | 10 | One line. |"
PICTURE = f"""
# %% tags=["picture"]
from IPython.display import HTML
HTML({plots.picture(draw(1), "A dash.")!r})

# %% tags=["gallery"]
print("before")
HTML({plots.picture(draw(2), 'A "dot" & a <line>.')!r})

# %% tags=["gallery"]
HTML({plots.picture(draw(3), "Two dots.")!r})
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    use_stand_in(tmp_path / "stand_in", monkeypatch)
    return make_course(tmp_path / "course", _70_alpha=lesson(CELLS + PICTURE))


def test_build_writes_the_table_and_the_picture_and_check_agrees(project, monkeypatch, capsys):
    assert course(capsys, monkeypatch, project.root, "build").status == 0
    readme = (project.root / "README.md").read_text(encoding="utf-8")
    assert ROW in readme and readme.startswith("# Tiny") and readme.endswith("The end.\n")
    assert (project.pictures / "70_alpha.png").read_bytes() == plots.png(draw(1))
    assert course(capsys, monkeypatch, project.root, "build", "--check").status == 0


def test_build_hangs_the_gallery(project, monkeypatch, capsys):
    course(capsys, monkeypatch, project.root, "build")
    page = project.gallery.read_text(encoding="utf-8")
    first, second = '![A "dot" & a <line>.](pictures/70_alpha_1.png)', "![Two dots.](pictures/70_alpha_2.png)"
    assert page.index(first) < page.index(second)
    assert page.count("*Lesson 70: [Alpha](../notebooks/70_alpha.ipynb).*") == 2
    assert [(project.pictures / f"70_alpha_{n}.png").read_bytes() for n in (1, 2)] == [
        *map(plots.png, map(draw, (2, 3)))
    ]
    project.gallery.write_text(page.replace("Two dots", "A line"), encoding="utf-8")
    outcome = course(capsys, monkeypatch, project.root, "build", "--check")
    assert outcome.status == 1 and "gallery.md" in outcome.out


def test_a_picture_that_hangs_in_the_gallery_too_is_one_file(tmp_path, monkeypatch, capsys):
    use_stand_in(tmp_path / "stand_in", monkeypatch)
    both = PICTURE.replace('tags=["picture"]', 'tags=["picture", "gallery"]')
    project = make_course(tmp_path / "course", _70_alpha=lesson(CELLS + both))
    course(capsys, monkeypatch, project.root, "build")
    assert {path.name for path in project.pictures.iterdir()} == {f"70_alpha{n}.png" for n in ("", "_2", "_3")}
    assert "![A dash.](pictures/70_alpha.png)" in project.gallery.read_text(encoding="utf-8")
    assert course(capsys, monkeypatch, project.root, "build", "--check").status == 0


def test_check_finds_a_gallery_that_no_lesson_fills(tmp_path, monkeypatch, capsys):
    use_stand_in(tmp_path / "stand_in", monkeypatch)
    empty = make_course(tmp_path / "course", _70_alpha=lesson(CELLS))
    course(capsys, monkeypatch, empty.root, "build")
    assert not empty.gallery.exists()
    empty.gallery.parent.mkdir(exist_ok=True)
    empty.gallery.write_text("# Gallery\n", encoding="utf-8")
    outcome = course(capsys, monkeypatch, empty.root, "build", "--check")
    assert outcome.status == 1 and "gallery.md" in outcome.out


ERRATA = """\
id,name,deck,slide,says,so,method
E01,A sum,One; Two; Two,First; Second; Third,|x| is 3,|x| is 4.,count it
E02,A name,Two,Fourth,Weisel,Wiesel,look it up
"""
LINK = "../notebooks/28_trust_no_slide.ipynb"
PAGE = f"""
## One

| no. | slide | it says | what is so | how to find it |
|---|---|---|---|---|
| 01 | First | **A sum.** \\|x\\| is 3 | \\|x\\| is 4. | [count it]({LINK}) |

## Two

| no. | slide | it says | what is so | how to find it |
|---|---|---|---|---|
| 01 | Second; Third | **A sum.** \\|x\\| is 3 | \\|x\\| is 4. | [count it]({LINK}) |
| 02 | Fourth | **A name.** Weisel | Wiesel | [look it up]({LINK}) |
"""


def test_the_errata_are_listed_deck_by_deck_and_kept(tmp_path, monkeypatch, capsys):
    use_stand_in(tmp_path / "stand_in", monkeypatch)
    decks = make_course(tmp_path / "course", _28_trust_no_slide=lesson(CELLS))
    (decks.room("28_trust_no_slide") / "errata.csv").write_text(ERRATA, encoding="utf-8")
    course(capsys, monkeypatch, decks.root, "build")
    page = decks.errata.read_text(encoding="utf-8")
    assert page.startswith("# Errata") and page.endswith(PAGE) and " 2 of their statements" in page
    decks.errata.write_text(page.replace("is 4", "is 5"), encoding="utf-8")
    outcome = course(capsys, monkeypatch, decks.root, "build", "--check")
    assert outcome.status == 1 and "errata.md" in outcome.out


def test_errata_without_their_lesson_are_a_stray(project, monkeypatch, capsys):
    course(capsys, monkeypatch, project.root, "build")
    assert not project.errata.exists()
    project.errata.write_text("# Errata\n", encoding="utf-8")
    outcome = course(capsys, monkeypatch, project.root, "build", "--check")
    assert outcome.status == 1 and "errata.md" in outcome.out


@pytest.mark.parametrize("change", ["table", "picture", "missing picture", "stray picture"])
def test_check_finds_what_is_not_from_the_lessons(project, monkeypatch, capsys, change):
    course(capsys, monkeypatch, project.root, "build")
    picture = project.pictures / "70_alpha.png"
    if change == "table":
        readme = project.root / "README.md"
        readme.write_text(readme.read_text(encoding="utf-8").replace("| 10 |", "| 11 |"), encoding="utf-8")
    elif change == "picture":
        picture.write_bytes(b"another")
    elif change == "missing picture":
        picture.unlink()
    else:
        (project.pictures / "71_gone.png").write_bytes(b"old")
    outcome = course(capsys, monkeypatch, project.root, "build", "--check")
    assert outcome.status == 1
    assert {"table": "README.md", "stray picture": "71_gone.png"}.get(change, "70_alpha.png") in outcome.out


def test_text_around_the_table_is_the_maintainers(project):
    readme = project.root / "README.md"
    readme.write_text(README.replace("The end.", "More."), encoding="utf-8")
    assert front_page(project)[readme].decode().endswith("More.\n")


def test_a_readme_without_a_place_for_the_table_is_named(project):
    (project.root / "README.md").write_text("# Tiny\n", encoding="utf-8")
    with pytest.raises(CourseError, match=r"README.md: the table of lessons belongs between"):
        front_page(project)


def test_a_broken_solved_notebook_gives_no_picture(project):
    project.solved_notebooks.mkdir(parents=True)
    (project.solved_notebooks / "70_alpha.ipynb").write_text(json.dumps({"cells": [{}]}), encoding="utf-8")
    assert list(front_page(project)) == [project.root / "README.md"]
