"""What was handed in: every layout, every odd name, and every file that must not be read."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from course_tools.errors import CourseError
from course_tools.grading.attempts import BEST, to_grade
from course_tools.grading.intake import find_submissions, printable
from course_tools.grading.reading import Unreadable, digest, read_notebook

LESSONS = ["02_perceptron", "09_convolution"]
CODE = {"cell_type": "code", "source": ["x = 1\n", "y = 2"], "metadata": {}, "outputs": [], "execution_count": None}
NOTEBOOK = {"cells": [CODE], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
TEXT = json.dumps(NOTEBOOK)


@pytest.fixture
def folder(tmp_path):
    """An empty folder of submissions."""
    place = tmp_path / "submissions"
    place.mkdir()
    return place


def hand_in(folder, path: str | bytes, content: str | bytes = TEXT):
    file = folder / os.fsdecode(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def read_cells(*arguments, **options) -> list[str]:
    return read_notebook(*arguments, **options).cells


def found(folder) -> list[tuple[str, str, str]]:
    """Student, lesson and path of everything without a problem."""
    return [(one.student, one.lesson, one.path) for one in find_submissions(folder, LESSONS) if not one.problem]


def problems(folder) -> dict[tuple[str, str], str]:
    return {(one.student, one.lesson): one.problem for one in find_submissions(folder, LESSONS) if one.problem}


@contextmanager
def quickly(seconds: int = 60):
    """Fail instead of waiting for ever."""

    def stop(*_):
        raise AssertionError("it waits")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def test_cells_are_called_as_jupyter_shows_them(folder):
    cells = [{**CODE, "execution_count": count} for count in (3, None, 12, -1, "5", True, 10**9)]
    path = hand_in(folder, "a.ipynb", json.dumps({"cells": [*cells[:1], {"cell_type": "markdown"}, *cells[1:]]}))
    not_run = [f"code cell {place} (not run)" for place in (2, 4, 5, 6, 7)]
    assert read_notebook(path).labels == ["cell [3]", not_run[0], "cell [12]", *not_run[1:]]
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": "x", "prompt_number": 4}]}]}
    assert read_notebook(hand_in(folder, "b.ipynb", json.dumps(old))).labels == ["cell [4]"]


# --- where submissions lie


def test_three_layouts_side_by_side(folder):
    hand_in(folder, "anna/09_convolution.ipynb")
    hand_in(folder, "berit/09_convolution/09_convolution.ipynb")
    hand_in(folder, "chen_li_09_convolution.ipynb")
    hand_in(folder, "anna/02_perceptron.IPYNB")
    assert found(folder) == [
        ("anna", "02_perceptron", "anna/02_perceptron.IPYNB"),
        ("anna", "09_convolution", "anna/09_convolution.ipynb"),
        ("berit", "09_convolution", "berit/09_convolution/09_convolution.ipynb"),
        ("chen_li", "09_convolution", "chen_li_09_convolution.ipynb"),
    ]
    assert not problems(folder)


def test_files_that_are_no_submissions_are_passed_over(folder):
    for path in (
        "anna/.ipynb_checkpoints/09_convolution-checkpoint.ipynb",
        "anna/09_convolution/timestamp.txt",
        "anna/09_convolution/data.csv",
        "anna/.hidden.ipynb",
        ".git/09_convolution.ipynb",
        "__MACOSX/anna/._09_convolution.ipynb",
        "README.md",
    ):
        hand_in(folder, path)
    hand_in(folder, "anna/09_convolution/09_convolution.ipynb")
    assert [one.path for one in find_submissions(folder, LESSONS)] == ["anna/09_convolution/09_convolution.ipynb"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Anna von der_Heide", None),
        ('O\'Neil "Bob"', None),
        ("🦊 Zoë", None),
        ("<script>alert(1)</script>".replace("/", "∕"), None),
        ("two\nlines\tand\x1b[31m", r"two\nlines\tand\x1b[31m"),
        ("\u202etxt", r"\u202etxt"),
        (os.fsdecode(b"caf\xe9"), r"caf\udce9"),
    ],
)
@pytest.mark.parametrize("layout", ["{}/09_convolution.ipynb", "{0}_09_convolution.ipynb"])
def test_odd_names(folder, name, shown, layout):
    hand_in(folder, layout.format(name))
    [one] = find_submissions(folder, LESSONS)
    assert (one.student, one.lesson, one.problem) == (shown or name, "09_convolution", "")
    assert one.student.encode() and one.student.splitlines() == [one.student]
    assert read_cells(folder / one.path, within=folder) == ["x = 1\ny = 2"]


def test_names_that_look_the_same_stay_apart(folder):
    hand_in(folder, b"caf\xe9/09_convolution.ipynb")
    hand_in(folder, b"caf\xe8/09_convolution.ipynb")
    assert len({student for student, *_ in found(folder)}) == 2


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("anna/homework.ipynb", "anna"),
        ("anna/09_convolution and 02_perceptron.ipynb", "anna"),
        ("anna/10_unknown.ipynb", "anna"),
        ("anna/09_convolution/10_unknown.ipynb", "anna"),
        ("anna_lee_10_unknown.ipynb", "anna_lee"),
        ("anna.ipynb", "anna"),
        ("anna09_convolutions.ipynb", "anna09_convolutions"),
    ],
)
def test_a_notebook_of_no_known_lesson_is_reported_for_its_student(folder, path, student):
    hand_in(folder, path)
    told = problems(folder)
    assert list(told) == [(student, "")]
    assert told[student, ""] == "Neither its name nor its first cells say of which lesson it is."
    assert not found(folder)


def test_a_notebook_without_a_student(folder):
    hand_in(folder, "09_convolution.ipynb")
    assert list(problems(folder).values()) == ["Its name says no student, as <student>_<lesson>.ipynb does."]


@pytest.mark.parametrize(
    "name",
    [
        "Copy of 09_convolution.ipynb", "Kopie von 09_convolution.ipynb", "09_convolution (1).ipynb",
        "09_convolution-1.ipynb", "09_convolution copy.ipynb", "09_convolution_FINAL_v2.ipynb", "09_Convolution.ipynb",
        "09-convolution.ipynb", "09 convolution.ipynb", "09_convolution.ipynb.txt", "my 09_convolution.ipynb.json",
    ],
)  # fmt: skip
def test_ordinary_names_of_files_say_their_lesson(folder, name):
    hand_in(folder, f"anna/{name}")
    assert found(folder) == [("anna", "09_convolution", f"anna/{name}")] and not problems(folder)


@pytest.mark.parametrize("name", ["Copy of anna_09_convolution.ipynb", "anna-09_convolution (2).ipynb"])
def test_ordinary_names_of_files_say_their_student(folder, name):
    hand_in(folder, name)
    assert [student.rstrip("-") for student, *_ in found(folder)] == ["anna"]


SET_UP = "import course_lib\n\ncourse_lib.start('09_convolution')"


@pytest.mark.parametrize(
    "inside",
    [
        {**NOTEBOOK, "metadata": {"course": {"lesson": "09_convolution"}}},
        {**NOTEBOOK, "cells": [CODE, {**CODE, "source": SET_UP}], "metadata": {"colab": {}}},
        {**NOTEBOOK, "cells": [{**CODE, "source": [SET_UP]}], "metadata": {"course": "no dictionary"}},
        {**NOTEBOOK, "cells": [{**CODE, "source": SET_UP}], "metadata": {"course": {"lesson": ["x"]}}},
    ],
)
def test_where_the_name_says_no_lesson_the_notebook_does(folder, inside):
    hand_in(folder, "anna/homework.ipynb", json.dumps(inside))
    hand_in(folder, "berit.ipynb", json.dumps(inside))
    assert [(student, lesson) for student, lesson, _ in found(folder)] == [
        ("anna", "09_convolution"),
        ("berit", "09_convolution"),
    ]


def test_a_nameless_notebook_that_cannot_be_read_says_why(folder):
    hand_in(folder, "anna/homework.ipynb", TEXT[:40])
    assert problems(folder) == {("anna", ""): "It breaks off: the file is not complete."}


# --- as the platforms give them


def test_canvas(folder):
    hand_in(folder, "doejane_12345_67890_09_convolution.ipynb")
    hand_in(folder, "doejane_12345_70001_02_perceptron.ipynb")
    hand_in(folder, "doejane_99999_70002_02_perceptron.ipynb")
    hand_in(folder, "roerick_LATE_12346_67891_09_convolution-2.ipynb")
    hand_in(folder, "zedzoe_12348_67893_09_convolution.py")
    hand_in(folder, "cyncyn_12351_67896_09_convolution.zip")
    told = find_submissions(folder, LESSONS)
    assert [(one.student, one.lesson, one.late) for one in told if not one.problem] == [
        ("doejane_12345", "02_perceptron", False),
        ("doejane_12345", "09_convolution", False),
        ("doejane_99999", "02_perceptron", False),
        ("roerick_12346", "09_convolution", True),
    ]
    assert {one.student: one.problem for one in told if one.problem} == {
        "cyncyn_12351": "It is an archive: unpack it into a folder of the student's name.",
        "zedzoe_12348": "It is not a notebook: its name does not end in .ipynb.",
    }


def test_moodle(folder):
    hand_in(folder, "Doe Jane_12345_assignsubmission_file_/09_convolution (1).ipynb")
    hand_in(folder, "Roe Rick_12346_assignsubmission_file_/my work.ipynb", json.dumps(
        {**NOTEBOOK, "metadata": {"course": {"lesson": "02_perceptron"}}}))  # fmt: skip
    hand_in(folder, "Poe Pat_12347_assignsubmission_file_09_convolution.ipynb")
    hand_in(folder, "Zed Zoe_12348_assignsubmission_onlinetext_/onlinetext.html", "<p>Here it is.")
    assert [(student, lesson) for student, lesson, _ in found(folder)] == [
        ("Doe Jane", "09_convolution"),
        ("Poe Pat", "09_convolution"),
        ("Roe Rick", "02_perceptron"),
    ]
    assert problems(folder) == {("Zed Zoe", ""): "There is no notebook in this folder, only onlinetext.html."}


def test_blackboard(folder):
    hand_in(folder, "Week 3_jdoe_attempt_2025-03-01-10-20-30_09_convolution.ipynb")
    hand_in(folder, "Week 3_jdoe_attempt_2025-03-01-10-20-30.txt", "Name: Jane Doe")
    assert [(student, lesson) for student, lesson, _ in found(folder)] == [("jdoe", "09_convolution")]
    assert not problems(folder), "what lies beside a notebook is no submission"


@pytest.mark.parametrize(
    ("beginning", "student"),
    [
        ("doejane_12345_67890_", "doejane_12345"),
        ("Doe Jane_12345_assignsubmission_file_", "Doe Jane"),
        ("Week 3_jdoe_attempt_2025-03-01-10-20-30_", "jdoe"),
    ],
)
@pytest.mark.parametrize(
    "own",
    ["x_bob_attempt_2025-03-01-10-20-30_", "bob_attempt_2025-03-01-10-20-30_", "bob_77777_assignsubmission_file_",
     "bob_77777_88888_"],
)  # fmt: skip
def test_nobody_becomes_another_by_naming_a_file_as_a_platform_would(folder, beginning, student, own):
    hand_in(folder, f"{beginning}{own}09_convolution.ipynb")
    assert [(who, lesson) for who, lesson, _ in found(folder)] == [(student, "09_convolution")]


@pytest.mark.parametrize("cover", ["export", "export/all of it"])
def test_a_folder_around_all_of_them_is_seen_through(folder, cover):
    hand_in(folder, f"{cover}/anna/09_convolution.ipynb")
    hand_in(folder, f"{cover}/berit/09_convolution/09_convolution.ipynb")
    hand_in(folder, "__MACOSX/x")
    assert found(folder) == [
        ("anna", "09_convolution", f"{cover}/anna/09_convolution.ipynb"),
        ("berit", "09_convolution", f"{cover}/berit/09_convolution/09_convolution.ipynb"),
    ]
    assert read_cells(folder / cover / "anna/09_convolution.ipynb", within=folder)


@pytest.mark.parametrize(
    "path", ["09_convolution.ipynb", "09_convolution/09_convolution.ipynb", "x/09_convolution.ipynb"]
)
def test_a_class_of_one_is_not_taken_for_a_cover(folder, path):
    hand_in(folder, f"anna/{path}")
    hand_in(folder, "anna/02_perceptron/02_perceptron.ipynb")
    assert {student for student, *_ in found(folder)} == {"anna"}


def test_a_folder_around_files_that_name_their_students_is_seen_through(folder):
    for name in ("anna_09_convolution.ipynb", "ben_09_convolution.ipynb", "ben_02_perceptron.ipynb"):
        hand_in(folder, f"week 3/{name}")
    assert [student for student, *_ in found(folder)] == ["anna", "ben", "ben"]


def test_a_student_who_names_the_files_so_stays_one(folder):
    hand_in(folder, "anna/anna_09_convolution.ipynb")
    hand_in(folder, "anna/my_02_perceptron.ipynb")
    assert [student for student, *_ in found(folder)] == ["anna", "anna"]


def test_who_handed_in_something_else_is_listed(folder):
    hand_in(folder, "anna/answer.py")
    hand_in(folder, "berit/all.zip")
    hand_in(folder, "chen_09_convolution.html")
    (folder / "dan").mkdir()
    assert problems(folder) == {
        ("anna", ""): "There is no notebook in this folder, only answer.py.",
        ("berit", ""): "There is no notebook in this folder, only all.zip. Unpack it.",
        ("chen", ""): "It is not a notebook: its name does not end in .ipynb.",
        ("dan", ""): "There is no notebook in this folder.",
    }


def test_two_files_with_equal_bytes_count_once(folder):
    hand_in(folder, "anna/09_convolution.ipynb")
    hand_in(folder, "anna_09_convolution.ipynb")
    assert found(folder) == [("anna", "09_convolution", "anna/09_convolution.ipynb")]
    assert not problems(folder)
    [one] = find_submissions(folder, LESSONS)
    assert one.earlier == ("anna_09_convolution.ipynb",), "every file is in a list"


@pytest.mark.parametrize("second", [TEXT + " ", ""])
def test_of_two_different_files_neither_counts_and_both_are_named(folder, second):
    hand_in(folder, "anna/09_convolution.ipynb")
    hand_in(folder, "anna_09_convolution.ipynb", second)
    hand_in(folder, "berit_09_convolution.ipynb")
    assert [student for student, *_ in found(folder)] == ["berit"]
    told = problems(folder)
    assert list(told) == [("anna", "09_convolution")]
    assert "anna/09_convolution.ipynb and anna_09_convolution.ipynb" in told["anna", "09_convolution"]


BLACKBOARD, CANVAS = "Week 3_jdoe_attempt_2025-03-0{}_09_convolution.ipynb", "doejane_123_{}_09_convolution{}.ipynb"


@pytest.mark.parametrize(
    "in_order",
    [
        [BLACKBOARD.format("1-10-20-30"), BLACKBOARD.format("2-09-00-00"), BLACKBOARD.format("2-10-00-00")],
        [CANVAS.format(900, ""), CANVAS.format(800, "-2"), CANVAS.format(700, "-10")],
        [CANVAS.format("900", "-1"), CANVAS.format("800", "-2").replace("123", "LATE_123")],
    ],
)
def test_of_several_attempts_the_last_counts_and_the_others_are_listed(folder, in_order):
    for number, name in enumerate(in_order):
        hand_in(folder, name, TEXT + " " * number)
    [one] = find_submissions(folder, LESSONS)
    assert (one.path, one.problem, one.earlier) == (in_order[-1], "", tuple(in_order[:-1]))
    assert one.late == ("LATE" in in_order[-1])


def test_numbers_behind_different_names_are_not_of_one_row_of_attempts(folder):
    hand_in(folder, CANVAS.format(900, "-1"))
    hand_in(folder, CANVAS.format(901, "").replace("09_", "final 09_"), TEXT + " ")
    [one] = find_submissions(folder, LESSONS)
    assert one.problem.startswith("There are 2 different files") and not one.earlier


def test_where_an_attempt_has_two_different_files_neither_counts(folder):
    hand_in(folder, BLACKBOARD.format("1-10-20-30"))
    hand_in(folder, BLACKBOARD.format("2-10-20-30"), TEXT + " ")
    hand_in(folder, BLACKBOARD.format("2-10-20-30").replace("09_", "my 09_"))
    [one] = find_submissions(folder, LESSONS)
    assert one.problem.startswith("There are 2 different files") and len(one.earlier) == 1
    hand_in(folder, BLACKBOARD.format("2-10-20-30"))
    [one] = find_submissions(folder, LESSONS)
    assert not one.problem


def test_links_to_folders_and_folders_called_notebook_are_reported_not_entered(folder, tmp_path):
    hand_in(tmp_path / "elsewhere", "09_convolution.ipynb")
    (folder / "anna").symlink_to(tmp_path / "elsewhere")
    (folder / "loop").mkdir()
    (folder / "loop" / "again").symlink_to(folder)
    hand_in(folder, "chen/09_convolution.ipynb/02_perceptron.ipynb")
    told = problems(folder)
    assert "link" in told["anna", ""] and "link" in told["loop", ""]
    assert told["chen", "09_convolution"] == "It is a folder, not a file."
    assert not found(folder)


def test_a_very_deep_folder_is_not_searched_to_its_end(folder):
    hand_in(folder, f"anna/{'d/' * 50}09_convolution.ipynb")
    hand_in(folder, "berit/09_convolution.ipynb")
    assert [student for student, *_ in found(folder)] == ["berit"]
    assert problems(folder) == {("anna", ""): "This folder lies too deep inside others."}


def test_a_folder_that_may_not_be_entered_is_its_students_alone():
    with TemporaryDirectory() as place:
        folder = Path(place)
        hand_in(folder, "anna/09_convolution.ipynb")
        (hand_in(folder, "ben/work/x.txt").parent.parent).chmod(0o444)
        folder.chmod(0o755)
        if is_root := os.geteuid() == 0:
            os.seteuid(65534)  # nobody, whom modes concern
        try:
            told = find_submissions(folder, LESSONS)
        finally:
            if is_root:
                os.seteuid(0)
            (folder / "ben").chmod(0o755)
    assert [(one.student, one.problem) for one in told] == [
        ("anna", ""),
        ("ben", "There is no notebook in this folder, only work."),
    ]


# --- several exports, several people, several files


@pytest.mark.parametrize("cover", ["", "downloads/"])
def test_several_exports_side_by_side(folder, cover):
    hand_in(folder, f"{cover}week 2/Doe Jane_11_assignsubmission_file_/02_perceptron.ipynb")
    hand_in(folder, f"{cover}week 2/Poe Pat_12_assignsubmission_file_/02_perceptron.ipynb")
    hand_in(folder, f"{cover}week 9/all/doejane_12345_67890_09_convolution.ipynb")
    hand_in(folder, f"{cover}week 9/all/doejane_12345_67891_helpers.py", "x = 1")
    hand_in(folder, f"{cover}week 9/all/poepat_12346_67892_answer.html", "x")
    hand_in(folder, f"{cover}week 9/all/Doe Jane_13_assignsubmission_file_.html", "x")
    hand_in(folder, f"{cover}week 10/submission_7/09_convolution.ipynb")
    listed = "---\nsubmission_7:\n  :submitters:\n  - :name: Rick Roe\n    :sid: '7'\n"
    hand_in(folder, f"{cover}week 10/submission_metadata.yml", listed)
    told = {(one.student, one.lesson): one for one in find_submissions(folder, LESSONS)}
    assert list(told) == [
        ("Doe Jane", ""),
        ("Doe Jane", "02_perceptron"),
        ("doejane_12345", "09_convolution"),
        ("Poe Pat", "02_perceptron"),
        ("poepat_12346", ""),
        ("Rick Roe (7)", "09_convolution"),
    ]
    beside = told["doejane_12345", "09_convolution"].beside
    assert beside[0] == ("helpers.py", f"{cover}week 9/all/doejane_12345_67891_helpers.py")


def test_no_student_becomes_another_by_a_folder_that_looks_like_an_export(folder):
    hand_in(folder, "anna/09_convolution.ipynb")
    hand_in(folder, "eve/doejane_12345_67890_09_convolution.ipynb")
    hand_in(folder, "eve/doejane_12345_67891_02_perceptron.ipynb")
    assert {student for student, *_ in found(folder)} == {"anna", "eve"}


@pytest.mark.parametrize("name", ["{}/09_convolution.ipynb", "{}/my work.ipynb", "{}.ipynb", "{}_09_convolution.ipynb"])
def test_a_folder_of_a_lessons_name_holds_students(folder, name):
    inside = json.dumps({**NOTEBOOK, "metadata": {"course": {"lesson": "09_convolution"}}})
    hand_in(folder, "09_convolution/" + name.format("anna"), inside)
    hand_in(folder, "09_convolution/" + name.format("ben"), inside)
    hand_in(folder, "02_perceptron/anna/02_perceptron.ipynb")
    assert [(student, lesson) for student, lesson, _ in found(folder)] == [
        ("anna", "02_perceptron"),
        ("anna", "09_convolution"),
        ("ben", "09_convolution"),
    ]


def test_a_folder_around_files_that_are_called_as_their_students_is_seen_through(folder):
    inside = json.dumps({**NOTEBOOK, "metadata": {"course": {"lesson": "09_convolution"}}})
    for name in ("anna", "ben", "chen"):
        hand_in(folder, f"week 9/{name}.ipynb", inside)
    assert [student for student, *_ in found(folder)] == ["anna", "ben", "chen"]


def test_many_notebooks_of_one_student_are_no_class(folder):
    inside = json.dumps({**NOTEBOOK, "metadata": {"course": {"lesson": "09_convolution"}}})
    for name in ("Untitled", "Untitled1", "Untitled 2"):
        hand_in(folder, f"anna/{name}.ipynb", inside)
    assert [student for student, *_ in found(folder)] == ["anna"]


@pytest.mark.parametrize(
    "names",
    [
        ["Week 3_a_doe_attempt_2025-03-01-10-20-30_{}", "Week 3_b_doe_attempt_2025-03-02-10-20-30_{}"],
        ["Doe Jane_11_assignsubmission_file_/{}", "Doe Jane_12_assignsubmission_file_/{}"],
    ],
)
def test_work_of_two_people_of_one_name_is_not_taken_for_attempts_of_one(folder, names):
    for number, name in enumerate(names):
        file = hand_in(folder, name.format("09_convolution.ipynb"), TEXT + " " * number)
        os.utime(file, (10**9 + 1000 * number,) * 2)
    [one] = find_submissions(folder, LESSONS)
    assert one.problem.startswith("There are 2 different files") and to_grade(one, BEST).problem == one.problem


def test_of_files_in_one_folder_the_last_changed_counts_if_their_times_differ_clearly(folder):
    for name, seconds in (("09_convolution", 0), ("Copy of 09_convolution", 100), ("x/09_convolution", 40)):
        os.utime(hand_in(folder, f"anna/{name}.ipynb", TEXT + " " * seconds), (10**9 + seconds,) * 2)
    [one] = find_submissions(folder, LESSONS)
    assert (one.path, one.problem) == ("anna/Copy of 09_convolution.ipynb", "")
    assert one.earlier == ("anna/09_convolution.ipynb", "anna/x/09_convolution.ipynb")
    os.utime(folder / "anna/x/09_convolution.ipynb", (10**9 + 99,) * 2)
    [one] = find_submissions(folder, LESSONS)
    assert one.problem.startswith("There are 3 different files")


def test_canvas_names_texts_and_those_whose_marking_is_anonymous(folder):
    hand_in(folder, "doejane_12346_text.html", "<p>")
    hand_in(folder, "anon_aB3dE_LATE_67001_09_convolution.ipynb")
    hand_in(folder, "anon_aB3dE_67002_02_perceptron.ipynb")
    told = find_submissions(folder, LESSONS)
    assert [(one.student, one.lesson, one.late) for one in told] == [
        ("anon_aB3dE", "02_perceptron", False),
        ("anon_aB3dE", "09_convolution", True),
        ("doejane_12346", "", False),
    ]


def test_an_accent_is_the_same_however_a_system_writes_it(folder):
    hand_in(folder, "Zo\u00eb/09_convolution.ipynb")
    hand_in(folder, "Zoe\u0308/02_perceptron.ipynb")
    hand_in(folder, "anna - 09_convolution.ipynb")
    assert {student for student, *_ in found(folder)} == {"Zo\u00eb", "anna"}


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(CourseError, match="no such folder"):
        find_submissions(tmp_path / "none", LESSONS)


# --- what is in a file


def test_code_cells_in_their_order(folder):
    cells = [
        {"cell_type": "markdown", "source": 5},
        {"cell_type": "code", "source": "first"},
        {"cell_type": "raw", "source": "x"},
        {"cell_type": "code", "source": ["sec", "ond"], "id": "a", "metadata": None},
        {"cell_type": "code", "source": [], "id": "a"},
    ]
    file = hand_in(folder, "a.ipynb", json.dumps({"cells": cells, "metadata": {"kernelspec": {"name": "julia"}}}))
    assert read_cells(file) == ["first", "second", ""]


def test_an_exercise_whose_cell_is_text_now_is_known(folder):
    made_for = {"nbgrader": {"grade_id": "output_size", "solution": True}}
    odd = [{"nbgrader": {"grade_id": ["x"], "solution": True}}, {"nbgrader": 7}, None, {"nbgrader": {"solution": True}}]
    cells = [
        {"cell_type": "markdown", "source": "def output_size(): ...", "metadata": made_for},
        {**CODE, "metadata": {"nbgrader": {"grade_id": "conv_layer", "solution": True}}},
        *({"cell_type": "markdown", "source": "", "metadata": metadata} for metadata in odd),
        {"cell_type": "raw", "source": ["x = 1\r\n", "def output_size():\r\n", "  pass"], "metadata": {}},
        {"cell_type": "markdown", "source": "```python\nclass Layer:\n```\nThe undef x", "metadata": {}},
    ]
    assert read_notebook(hand_in(folder, "a.ipynb", json.dumps({"cells": cells}))).in_text == {"output_size", "Layer"}


def test_the_ends_of_lines_are_those_of_python(folder):
    cells = [{"cell_type": "code", "source": ["%time x = 1\r\n", "y = 2"]}]
    assert read_cells(hand_in(folder, "a.ipynb", json.dumps({"cells": cells}))) == ["%time x = 1\ny = 2"]


def test_format_3(folder):
    cells = [{"cell_type": "heading", "source": "h"}, {"cell_type": "code", "input": ["a = 1\n", "b = 2"]}]
    more = [{"cell_type": "code", "input": "c = 3"}]
    file = hand_in(folder, "a.ipynb", json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}, {"cells": more}]}))
    assert read_cells(file) == ["a = 1\nb = 2", "c = 3"]


def test_a_byte_order_mark_and_half_a_character_are_no_harm(folder):
    file = hand_in(folder, "a.ipynb", b"\xef\xbb\xbf" + TEXT.replace("x = 1", "x = '\\ud800 \\ud83e\\udd8a'").encode())
    [source] = read_cells(file)
    assert source.encode().decode() == "x = '\N{REPLACEMENT CHARACTER} 🦊'\ny = 2"


def test_fifty_megabytes_of_outputs_are_read(folder):
    lines = ",\n".join(["     \"12345: [[1, 2], {'a': 7}]\\n\""] * 1_300_000)
    file = hand_in(folder, "a.ipynb", TEXT.replace('"outputs": []', f'"outputs": [{{"text": [{lines}]}}]'))
    assert file.stat().st_size > 45_000_000
    assert read_cells(file) == ["x = 1\ny = 2"]


BAD = {
    "empty": (b"", "It is empty."),
    "blank": (b" \n\n", "It is empty."),
    "latin-1": (TEXT.replace("x = 1", "é").encode("latin-1"), "not text in UTF-8"),
    "utf-16": (TEXT.encode("utf-16"), "not text in UTF-8"),
    "truncated": (TEXT[:40], "breaks off"),
    "truncated in a string": (TEXT[:30], "breaks off"),
    "html": ("<html>sign in</html>", "not valid JSON"),
    "garbage after": (TEXT + "}", "not valid JSON"),
    "huge number": ('{"cells": [' + "1" * 100_000 + "]}", "not valid"),
    "deep": ("[" * 200_000 + "]" * 200_000, "nested too deeply"),
    "list": ("[]", "not a notebook"),
    "text": ('"cells"', "not a notebook"),
    "no cells": ('{"nbformat": 4}', "not a notebook"),
    "cells a dictionary": ('{"cells": {}}', "not a notebook"),
    "worksheet without cells": ('{"worksheets": [{}]}', "not a notebook"),
    "cell a number": ('{"cells": [7]}', "cell 1 has no type"),
    "no type": ('{"cells": [{"source": "x"}]}', "cell 1 has no type"),
    "source a number": ('{"cells": [{"cell_type": "code", "source": 7}]}', "source of cell 1 is not text"),
    "lines of numbers": ('{"cells": [{"cell_type": "code", "source": [7]}]}', "source of cell 1 is not text"),
    "no source": ('{"cells": [{"cell_type": "markdown"}, {"cell_type": "code"}]}', "source of cell 2 is not text"),
    "a bomb of lists": ('{"cells": [' + "[]," * 6_000_000 + "0]}", "too large: it has more than 5,000,000 values"),
    "a bomb of texts": ('{"cells": [' + r'"\"",' * 6_000_000 + "0]}", "too large: it has more than 5,000,000 values"),
}


@pytest.mark.parametrize("name", BAD)
def test_unreadable(folder, name):
    content, words = BAD[name]
    file = hand_in(folder, "a.ipynb", content)
    with pytest.raises(Unreadable, match=words) as caught:
        read_cells(file)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_too_large_names_the_limit(folder):
    file = hand_in(folder, "a.ipynb", TEXT)
    os.truncate(file, 10**10)  # without taking room on the disk
    for read in (read_cells, digest):
        with quickly(), pytest.raises(Unreadable, match="too large: 10,000 MB, and at most 64 MB are read"):
            read(file)
    assert read_cells(hand_in(folder, "b.ipynb"), max_bytes=len(TEXT))
    with pytest.raises(Unreadable, match=r"at most .* are read"):
        read_cells(folder / "b.ipynb", max_bytes=len(TEXT) - 1)


def test_links_pipes_sockets_devices_and_folders_are_not_read(folder, tmp_path):
    secret = hand_in(tmp_path, "secret.ipynb")
    (folder / "link.ipynb").symlink_to(secret)
    (folder / "nowhere.ipynb").symlink_to(folder / "not there")
    os.mkfifo(folder / "pipe.ipynb")
    (folder / "folder.ipynb").mkdir()
    plug = socket.socket(socket.AF_UNIX)
    plug.bind(str(folder / "socket.ipynb"))
    expected = {"link": "symbolic link", "nowhere": "symbolic link", "pipe": "not a regular file"}
    expected |= {"folder": "not a regular file", "socket": "not a regular file", "gone": "No such file"}
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    for name, words in expected.items():
        for read in (read_cells, digest):
            with quickly(), pytest.raises(Unreadable, match=words):
                read(folder / f"{name}.ipynb")
    assert len(before) == (len(os.listdir("/proc/self/fd")) if before else 0)
    plug.close()


def test_a_linked_folder_on_the_way_is_refused(folder, tmp_path):
    hand_in(folder, "berit/09_convolution.ipynb")
    (folder / "anna").symlink_to(folder / "berit")
    (folder / "carl").symlink_to(tmp_path)
    hand_in(tmp_path, "09_convolution.ipynb")
    assert read_cells(folder / "berit/09_convolution.ipynb", within=folder)
    for thief in ("anna", "carl"):
        with pytest.raises(Unreadable, match="folder that is a link"):
            read_cells(folder / thief / "09_convolution.ipynb", within=folder)
    (tmp_path / "short").symlink_to(folder)  # the teacher's own link to all submissions is no attack
    assert read_cells(tmp_path / "short/berit/09_convolution.ipynb", within=tmp_path / "short")


def test_digest(folder):
    assert digest(hand_in(folder, "a.ipynb", b"abc")) == hashlib.sha256(b"abc").hexdigest()


def test_printable_shows_what_is_hidden_and_keeps_what_is_seen():
    assert printable("Zoë 🦊 שלום 7") == "Zoë 🦊 שלום 7"
    assert printable("a\u2066b\x00c\x85\ud800") == r"a\u2066b\x00c\x85\ud800"
    assert printable("a\nb\rc", keep="\n") == "a\nb\\rc"
