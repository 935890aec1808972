"""From lessons to notebooks: what students get, what teachers get, and that nobody edits either by hand."""

from __future__ import annotations

import json
import shutil

import nbformat
import pytest
from tiny_course import CELLS, course, files_of, lesson, make_course, use_stand_in

from course_tools import build, drift, frame
from course_tools.blank import blanked, without_markers
from course_tools.build import BuildFailure, build_lesson, render_lessons, write_together
from course_tools.cell import Cell
from course_tools.errors import CourseError
from course_tools.execute import execute
from course_tools.notebook import digest, serialise
from course_tools.project import Project, find_project
from course_tools.readme import front_page

ALPHA = "70_alpha"


@pytest.fixture(scope="module")
def built_once(tmp_path_factory):
    """A course of two lessons, built; tests work on copies."""
    with pytest.MonkeyPatch.context() as patch:
        use_stand_in(tmp_path_factory.mktemp("library"), patch)
        project = make_course(
            tmp_path_factory.mktemp("course") / "tiny", _70_alpha=lesson(), _71_beta=lesson(title="Beta")
        )
        for rendered in render_lessons(project, project.lesson_names()):
            build_lesson(project, rendered, force=False, advance=lambda: None)
        write_together(front_page(project))
    return project


@pytest.fixture
def built(built_once, tmp_path, monkeypatch):
    """A built course, and kernels that start quickly."""
    use_stand_in(tmp_path / "library", monkeypatch)
    shutil.copytree(built_once.root, tmp_path / "course")
    return Project(tmp_path / "course")


def rendered_alpha(project):
    return render_lessons(project, [ALPHA])[0]


def sources(notebook) -> dict[str, str]:
    return {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def rebuild(project, force=False) -> list[str]:
    return [
        build_lesson(project, rendered, force, lambda: None)
        for rendered in render_lessons(project, project.lesson_names())
    ]


def edit(project, old: str, new: str, name: str = ALPHA) -> None:
    path = project.source(name)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def as_cell(source: str) -> Cell:
    return Cell("code", source, "course_lessons/alpha/70_alpha.py", 1, exercise="answer")


# --- what is in the notebooks


def test_both_notebooks_are_valid(built):
    for path in (*built.notebooks.glob("*.ipynb"), *built.solved_notebooks.glob("*.ipynb")):
        nbformat.validate(nbformat.read(path, as_version=4))


def test_students_get_blanks_and_no_outputs(built):
    student = load(built.generated(ALPHA)[0])
    assert sources(student)["double"] == (
        'def double(number):\n    """Twice the number."""\n    # YOUR CODE HERE\n    raise NotImplementedError'
    )
    assert sources(student)["left"] == (
        '# YOUR CODE HERE\nleft = ...\nright = ...\nleft_and_right = ...\nafter = "kept"'
    )
    assert "SOLUTION" not in serialise(student)
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code_cells(student))


def test_teachers_get_solutions_with_markers_and_outputs(built):
    solved = load(built.generated(ALPHA)[1])
    assert "    ### BEGIN SOLUTION\n    twice = number + number" in sources(solved)["double"]
    outputs = {cell["id"]: cell["outputs"] for cell in code_cells(solved)}
    assert outputs["left-check"] == [{"name": "stdout", "output_type": "stream", "text": ["kept\n"]}]
    assert outputs["course-setup"][0]["text"] == ["ready for 70_alpha\n"]
    assert outputs["course-progress"][0]["text"] == ["all solved\n"]
    assert [cell["execution_count"] for cell in code_cells(solved)] == list(range(1, 10))


def test_the_stored_solutions_have_no_markers(built):
    text = built.generated(ALPHA)[2].read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert json.loads(text) == {
        "double": 'def double(number):\n    """Twice the number."""\n    twice = number + number\n    return twice',
        "left": 'left, right = 1, 2\nleft_and_right = [left, right]\nafter = "kept"',
    }
    assert list(json.loads(text)) == sorted(json.loads(text))


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_metadata_is_only_what_is_needed(built):
    student, solved = (load(path) for path in built.generated(ALPHA)[:2])
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert student["metadata"] == {
        "course": {"lesson": ALPHA},
        "kernelspec": kernel,
        "language_info": {"name": "python"},
    }
    assert set(solved["metadata"].pop("course")) == {"lesson", "digest"}
    assert solved["metadata"] == {"kernelspec": kernel, "language_info": {"name": "python"}}
    for notebook in (student, solved):
        keys = {cell["id"]: set(cell["metadata"]) for cell in notebook["cells"]}
        assert keys.pop("course-setup") == {"cellView", "jupyter", "transient"}
        assert set().union(*keys.values()) == {"tags", "nbgrader"}


def test_only_solved_notebooks_are_compared_with_their_outputs(built):
    student, solved = ([cell["metadata"].get("tags") for cell in load(path)["cells"]] for path in pair(built))
    assert ["T001"] in student and ["T001", "nbval-check-output"] in solved


def pair(project):
    return project.generated(ALPHA)[:2]


def test_nbgrader_finds_exercises_and_points(built):
    for path in pair(built):
        grading = {
            cell["id"]: cell["metadata"]["nbgrader"] for cell in load(path)["cells"] if "nbgrader" in cell["metadata"]
        }
        assert list(grading) == ["double", "double-check", "left", "left-check"]
        assert grading["double"] == {
            "grade": False,
            "grade_id": "double",
            "locked": False,
            "schema_version": 3,
            "solution": True,
            "task": False,
        }
        assert grading["double-check"] == {
            "grade": True,
            "grade_id": "double-check",
            "locked": True,
            "points": 2,
            "schema_version": 3,
            "solution": False,
            "task": False,
        }


def test_cells_of_both_notebooks_have_the_same_ids(built):
    student, solved = (list(sources(load(path))) for path in pair(built))
    assert student == solved
    assert len(set(student)) == len(student)


def test_a_new_cell_leaves_the_ids_of_the_others(built):
    before = list(sources(rendered_alpha(built).student))
    edit(built, "\n# %% tags", '\n# %%\nprint("new")\n\n# %%\nprint("new")\n\n# %% tags')
    after = list(sources(rendered_alpha(built).student))
    assert len(after) == len(before) + 2 == len(set(after))
    assert [cell_id for cell_id in after if cell_id in before] == before


def test_the_frame_comes_from_the_card(built):
    cells = sources(load(built.generated(ALPHA)[0]))
    opening, closing = cells["course-title"], cells["course-recap"]
    assert opening.startswith("# Alpha\n\nOne line.\n\n")
    assert "- double a number\n- name two values" in opening
    assert "about 10 minutes" in opening and "69_before (not written yet)" in opening and "digits" in opening
    assert (
        "[![Open this lesson in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        "(https://colab.research.google.com/github/somebody/tiny-course/blob/main/notebooks/70_alpha.ipynb)"
    ) in opening
    # No tick stands there before anything was tried: that is what the cell below it tells.
    assert closing == "## What you can do now\n\n- double a number\n- name two values"
    assert cells["course-progress"] == "course_lib.exercises.progress()"
    assert cells["course-footer"] == "**Next:** [Beta](71_beta.ipynb)"
    assert list(cells)[:2] == ["course-title", "course-setup"]
    assert list(cells)[-3:] == ["course-recap", "course-progress", "course-footer"]
    assert 'course_lib.start("70_alpha")' in cells["course-setup"]
    assert "git+https://github.com/somebody/tiny-course" in cells["course-setup"]


def test_the_source_of_the_set_up_is_folded_away(built):
    """The keys are those that JupyterLab's, Colab's and nbconvert's own documents and templates name."""
    for path in pair(built):
        set_up = load(path)["cells"][1]
        assert set_up["metadata"]["jupyter"] == {"source_hidden": True}
        assert set_up["metadata"]["cellView"] == "form"
        assert set_up["source"][0].startswith("# @title Set-up")


def test_nbconvert_shows_what_the_set_up_says_and_not_how(built):
    from nbconvert import HTMLExporter

    page, _ = HTMLExporter().from_filename(str(pair(built)[1]))
    assert "ready for 70_alpha" in page and "course_lib.start" not in page and "exact" in page


def test_a_hint_stands_ready_under_every_check(built):
    for path in pair(built):
        cells = load(path)["cells"]
        ids = [cell["id"] for cell in cells]
        for name in ("double", "left"):
            hint = cells[ids.index(f"{name}-check") + 1]
            assert hint["id"] == f"{name}-hint" and hint["metadata"] == {} and hint["outputs"] == []
            lines = "".join(hint["source"]).splitlines()
            assert [line.split("  #")[0] for line in lines] == [f'# hint("{name}")', f'# solution("{name}")']


def test_a_lesson_without_exercises_has_no_progress(built):
    edit(built, CELLS[CELLS.index("# %% exercise") :], "")
    assert "course-progress" not in sources(rendered_alpha(built).student)


def test_the_last_lesson_says_so(built):
    footer = sources(load(built.generated("71_beta")[0]))["course-footer"]
    assert footer.endswith("This was the last lesson.")


def test_a_lesson_that_is_needed_is_linked_once_it_exists(built):
    edit(built, "needs: [69_before]", "needs: [70_alpha]", "71_beta")
    title = sources(render_lessons(built, ["71_beta"])[0].student)["course-title"]
    assert "[Alpha](70_alpha.ipynb)" in title


def test_a_course_published_elsewhere_has_no_colab_link():
    card = frame.Card("Alpha", "One line.", ["a"], [], 10, [])
    assert "colab" not in frame.title(ALPHA, card, {}, "https://gitlab.example.org/school/course")


def test_the_real_course_has_a_source_address():
    assert find_project().source_address().startswith("https://")


# --- blanks


@pytest.mark.parametrize(
    ("solved", "blank"),
    [
        (
            "class answer:\n    def of(self):\n        ### BEGIN SOLUTION\n        return 1\n        ### END SOLUTION",
            "class answer:\n    def of(self):\n        # YOUR CODE HERE\n        raise NotImplementedError",
        ),
        (
            "def answer(x):\n    y = x\n### BEGIN SOLUTION\n    y += 1\n### END SOLUTION\n    return y",
            "def answer(x):\n    y = x\n    # YOUR CODE HERE\n    raise NotImplementedError\n    return y",
        ),
        (
            "import math\n### BEGIN SOLUTION\nanswer = math.pi\n### END SOLUTION\n"
            "### BEGIN SOLUTION\nother: float = 1.0\n### END SOLUTION",
            "import math\n# YOUR CODE HERE\nanswer = ...\n# YOUR CODE HERE\nother = ...",
        ),
        (
            "### BEGIN SOLUTION\ndef answer(x):\n    inner = x\n    return inner\n### END SOLUTION",
            "# YOUR CODE HERE\nanswer = ...",
        ),
        (
            "### BEGIN SOLUTION\nanswer = [n for n in range(3)]\nanswer[0], rest = 1, 2\n### END SOLUTION",
            "# YOUR CODE HERE\nanswer = ...\nrest = ...",
        ),
        (
            "answer = []\n### BEGIN SOLUTION\nanswer.append(1)\n### END SOLUTION",
            "answer = []\n# YOUR CODE HERE",
        ),
    ],
    ids=["method", "markers at the margin", "two blocks", "whole function", "no inner names", "no new name"],
)
def test_blanks(solved, blank):
    assert blanked(as_cell(solved)) == blank
    assert "SOLUTION" not in without_markers(as_cell(solved))


def test_an_indented_block_outside_a_function_has_no_blank():
    with pytest.raises(CourseError, match=r"course_lessons/alpha/70_alpha.py, line 2: .*margin"):
        blanked(as_cell("if True:\n    ### BEGIN SOLUTION\n    answer = 1\n    ### END SOLUTION"))


def test_a_block_without_code_is_refused():
    with pytest.raises(CourseError, match="line 2: there is no code between the markers"):
        blanked(as_cell("answer = 1\n### BEGIN SOLUTION\n# nothing\n### END SOLUTION"))


def graded_cells(project):
    return [cell for cell in rendered_alpha(project).student["cells"] if "nbgrader" in cell["metadata"]]


def test_points_come_from_the_spec_or_from_the_lesson(monkeypatch, tmp_path):
    from course_lib import exercises

    project = make_course(tmp_path / "course", _70_alpha=lesson())
    points = {cell["id"]: cell["metadata"]["nbgrader"] for cell in graded_cells(project)}
    assert points["double-check"]["points"] == 2
    monkeypatch.setattr(exercises, "find", lambda lesson, name: type("Spec", (), {"points": 3}))
    with pytest.raises(CourseError, match=r"line 21: points=2, but the spec of 'double' gives 3"):
        render_lessons(project, [ALPHA])
    edit(project, " points=2", "")
    edit(project, " points=1", "")
    points = {cell["id"]: cell["metadata"]["nbgrader"] for cell in graded_cells(project)}
    assert points["double-check"]["points"] == 3


# --- what is executed, and when


def test_nothing_is_executed_when_nothing_changed(built, monkeypatch):
    monkeypatch.setattr(build, "execute", None)
    before = files_of(built)
    assert rebuild(built) == ["up to date", "up to date"]
    assert files_of(built) == before


def test_new_text_keeps_the_outputs(built, monkeypatch):
    monkeypatch.setattr(build, "execute", None)
    outputs = [cell["outputs"] for cell in code_cells(load(pair(built)[1]))]
    edit(built, "How do you double a number?", "How would you do it?")
    assert rebuild(built) == ["rewritten, its code is unchanged", "up to date"]
    solved = load(pair(built)[1])
    assert "How would you do it?" in serialise(solved)
    assert [cell["outputs"] for cell in code_cells(solved)] == outputs
    assert drift.drift_of(built, rendered_alpha(built)) == []


def test_another_comment_executes_nothing(built):
    edit(built, 'print("exact")', '# Just a word.\nprint("exact")  # and one more')
    assert rebuild(built) == ["rewritten, its code is unchanged", "up to date"]
    solved = load(pair(built)[1])
    assert "# Just a word." in serialise(solved) and drift.drift_of(built, rendered_alpha(built)) == []


def test_new_code_is_executed(built):
    edit(built, '"exact"', '"exactly"')
    assert rebuild(built) == ["executed and written", "up to date"]
    assert '"exactly\\n"' in pair(built)[1].read_text(encoding="utf-8")


def test_edited_outputs_are_executed_again(built):
    path = pair(built)[1]
    path.write_text(path.read_text(encoding="utf-8").replace('"kept\\n"', '"forged\\n"'), encoding="utf-8")
    assert rebuild(built) == ["executed and written", "up to date"]
    assert "forged" not in path.read_text(encoding="utf-8")


def test_force_executes_what_did_not_change(built, monkeypatch):
    executed = []

    def count(*arguments):
        executed.append(arguments)
        return execute(*arguments)

    monkeypatch.setattr(build, "execute", count)
    rendered = rendered_alpha(built)
    assert build_lesson(built, rendered, True, lambda: None) == "executed and written"
    assert len(executed) == 1


def test_the_scale_of_the_builder_does_not_matter(built, monkeypatch):
    monkeypatch.setenv("COURSE_SCALE", "gpu")
    edit(built, 'print("exact")', 'import os\nprint(os.environ["COURSE_SCALE"])')
    rebuild(built)
    assert '"laptop\\n"' in pair(built)[1].read_text(encoding="utf-8")


def test_a_solution_that_is_not_correct_stops_the_build(built):
    edit(built, 'print("exact")', 'import os\nprint(os.environ["COURSE_CHECK"])')
    rebuild(built)
    assert '"raise\\n"' in pair(built)[1].read_text(encoding="utf-8")


def test_a_failing_lesson_leaves_everything_as_it_was(built, capsys, monkeypatch):
    edit(built, 'print("exact")', 'print("before")\nraise ValueError("no [bold] luck")')
    before = files_of(built)
    ended = course(capsys, monkeypatch, built.root, "build")
    assert ended.status == 1
    assert "course_lessons/alpha/70_alpha.py, line 18: this cell failed when it was executed" in ended.out
    assert '    raise ValueError("no [bold] luck")' in ended.out
    assert "ValueError: no [bold] luck" in ended.out
    assert "70_alpha: nothing was written." in ended.out and "71_beta: up to date." in ended.out
    assert files_of(built) == before


def test_a_kernel_that_dies_is_reported(built):
    edit(built, 'print("exact")', "import os\nos._exit(3)")
    with pytest.raises(BuildFailure, match=r"line 18.*this cell failed(.|\n)*The kernel died"):
        rebuild(built)


def test_large_figures_are_refused_by_name(built, monkeypatch):
    edit(built, 'print("exact")', 'print("x" * 10_000)')
    monkeypatch.setattr(build, "LARGEST_NOTEBOOK", 12_000)
    before = files_of(built)
    with pytest.raises(BuildFailure, match=r"figures too big(.|\n)*course_lessons/alpha/70_alpha.py, line 18: 10 KB"):
        rebuild(built)
    assert files_of(built) == before


def test_a_path_of_this_machine_does_not_get_into_a_notebook(built):
    edit(built, 'print("exact")', "import pathlib\nprint(pathlib.Path.cwd())")
    with pytest.raises(BuildFailure, match=r"line 18: the output of this cell names a folder of this machine"):
        rebuild(built)


def test_outputs_keep_what_images_need_and_nothing_else(built):
    edit(
        built,
        'print("exact")',
        "from IPython.display import display\n"
        "import ipywidgets\n"
        'facts = {"image/png": {"alt": "A dot.", "width": 20, "needs_background": "light"}, "noise": 1}\n'
        'display({"image/png": "iVBORw0KGgo=", "text/plain": "dot"}, metadata=facts, raw=True)\n'
        "display(ipywidgets.IntSlider())\n",
    )
    rebuild(built)
    (output,) = next(cell["outputs"] for cell in code_cells(load(pair(built)[1])) if "facts" in "".join(cell["source"]))
    assert output["metadata"] == {"image/png": {"alt": "A dot.", "width": 20}}
    assert output["data"] == {"image/png": "iVBORw0KGgo=", "text/plain": ["dot"]}


def test_files_are_written_together_or_not_at_all(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("old", encoding="utf-8")
    with pytest.raises(UnicodeEncodeError):
        write_together({first: "new", second: "\ud800"})
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"first": "old"}
    write_together({first: "new", second: "newer"})
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {
        "first": "new",
        "second": "newer",
    }


# --- course build --check


def test_check_passes_after_build_and_writes_nothing(built, capsys, monkeypatch):
    before = files_of(built)
    ended = course(capsys, monkeypatch, built.root, "build", "--check")
    assert (ended.status, ended.err) == (0, "")
    assert "Checked 2 lesson(s): every file is what its lesson gives." in ended.out
    assert files_of(built) == before


@pytest.mark.parametrize(("which", "step"), [(0, 11), (1, 13), (2, 1)], ids=["student", "solved", "solutions"])
def test_one_touched_character_anywhere_fails(built, which, step):
    path = built.generated(ALPHA)[which]
    text = path.read_text(encoding="utf-8")
    rendered = rendered_alpha(built)
    for position in range(0, len(text), step):
        touched = text[:position] + chr(ord(text[position]) ^ 1) + text[position + 1 :]
        path.write_bytes(touched.encode("utf-8"))
        found = drift.drift_of(built, rendered)
        assert [each.file for each in found] == [built.relative(path)], f"character {position} was not noticed"
    path.write_bytes(text.encode("utf-8"))
    assert drift.drift_of(built, rendered) == []


@pytest.mark.parametrize("which", [0, 1, 2])
def test_other_white_space_fails(built, which):
    path = built.generated(ALPHA)[which]
    original = path.read_bytes()
    for touched in (original + b"\n", original[:-1], original.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + original):
        path.write_bytes(touched)
        assert len(drift.drift_of(built, rendered_alpha(built))) == 1


def test_an_output_with_a_matching_digest_still_has_to_have_the_lessons_cells(built):
    path = pair(built)[1]
    notebook = load(path)
    notebook["cells"][3]["source"] = ['print("forged")']
    notebook["metadata"]["course"]["digest"] = digest(notebook)
    path.write_text(serialise(notebook), encoding="utf-8")
    assert [each.reason for each in drift.drift_of(built, rendered_alpha(built))] == ["it is not what its lesson gives"]


@pytest.mark.parametrize("broken", ["", "{", "[]", "{}", '{"metadata": {"course": 1}, "cells": [1]}', "null"])
def test_a_broken_notebook_fails_and_is_built_again(built, capsys, monkeypatch, broken):
    pair(built)[1].write_text(broken, encoding="utf-8")
    ended = course(capsys, monkeypatch, built.root, "build", "--check")
    assert ended.status == 1
    assert "notebooks/solutions/70_alpha.ipynb: it is not a notebook that course build wrote." in ended.out
    if broken == "{":
        assert rebuild(built) == ["executed and written", "up to date"]


def test_check_shows_what_differs(built, capsys, monkeypatch):
    edit(built, '"exact"', '"exactly"')
    before = files_of(built)
    ended = course(capsys, monkeypatch, built.root, "build", "--check")
    assert ended.status == 1
    assert '    -    "print(\\"exact\\")"' in ended.out and '    +    "print(\\"exactly\\")"' in ended.out
    assert "2 file(s) to mend" in ended.out
    assert files_of(built) == before


def test_check_misses_no_file(built, capsys, monkeypatch):
    for path in built.generated(ALPHA):
        path.unlink()
    ended = course(capsys, monkeypatch, built.root, "build", "--check", "alpha.py", "70")
    assert ended.status == 2
    ended = course(capsys, monkeypatch, built.root, "build", "--check", "70")
    assert ended.status == 1
    for path in built.generated(ALPHA):
        assert f"{built.relative(path)}: it is missing." in ended.out


@pytest.mark.parametrize(
    "stray",
    ["notebooks/72_gone.ipynb", "notebooks/solutions/72_gone.ipynb"],
)
def test_check_finds_files_without_a_lesson(built, capsys, monkeypatch, stray):
    (built.root / stray).write_text("{}", encoding="utf-8")
    ended = course(capsys, monkeypatch, built.root, "build", "--check")
    assert ended.status == 1
    assert f"{stray}: there is no lesson 72_gone; delete this file." in ended.out
    assert course(capsys, monkeypatch, built.root, "build", "--check", "70").status == 0


def test_check_executes_nothing(built, capsys, monkeypatch):
    monkeypatch.setattr(build, "execute", None)
    assert course(capsys, monkeypatch, built.root, "build", "--check").status == 0


def test_a_first_build_is_written_anew(tmp_path, capsys, monkeypatch):
    use_stand_in(tmp_path / "library", monkeypatch)
    project = make_course(tmp_path / "course", _70_alpha=lesson(CELLS))
    ended = course(capsys, monkeypatch, project.rooms, "build")  # from anywhere inside the project
    assert (ended.status, ended.err) == (0, "")
    assert "70_alpha: executed and written." in ended.out
    assert all(path.is_file() for path in project.generated(ALPHA))
    assert [name for name in files_of(project) if name.endswith(".part")] == []
