"""An export of Gradescope: numbered folders, and the list that says whose they are."""

from __future__ import annotations

import json

import pytest

from course_tools.errors import CourseError
from course_tools.grading.archives import opened
from course_tools.grading.intake import find_submissions

LESSONS = ["02_perceptron", "09_convolution"]
CODE = {"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": []}
TEXT = json.dumps({"cells": [CODE], "metadata": {}, "nbformat": 4})
# As Gradescope's export writes it, from a Ruby program; the names are invented.
LIST = """\
---
submission_111:
  :submitters:
  - :name: Jane Doe
    :sid: '0123'
    :email: jdoe@example.org
  :created_at: 2025-03-01 10:20:30.123456000 -08:00
  :score: 0.0
  :status: processed
  :history:
  - :id: 110
    :created_at: 2025-03-01 09:00:00.000000000 -08:00
    :score: 0.0
submission_112:
  :submitters:
  - :name: Rick Roe
    :sid:
    :email: rroe@example.org
  - :name: Zoë Zed
    :sid: 77
    :email: zed@example.org
  :created_at: 2025-03-01 10:20:31.000000000 -08:00
submission_113:
  :submitters:
  - :name: Jane Doe
    :sid: '0999'
    :email: doe@example.org
submission_114:
  :submitters: []
"""


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "submissions"
    place.mkdir()
    return place


def hand_in(folder, path: str, content: str = TEXT) -> None:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")


@pytest.mark.parametrize("cover", ["", "assignment_9_export/"])
def test_the_list_says_who_handed_in_and_a_group_counts_for_each(folder, cover):
    hand_in(folder, f"{cover}submission_metadata.yml", LIST)
    hand_in(folder, f"{cover}submission_111/09_convolution.ipynb")
    hand_in(folder, f"{cover}submission_112/work/09_convolution.ipynb")
    hand_in(folder, f"{cover}submission_113/answer.py")
    hand_in(folder, f"{cover}submission_114/09_convolution.ipynb")
    hand_in(folder, f"{cover}submission_115/09_convolution.ipynb")
    with opened(folder, 10**6) as handed_in:
        told = find_submissions(handed_in.folder, LESSONS, handed_in.unpacked, handed_in.closed)
    assert [(one.student, one.lesson, one.path.removeprefix(cover)) for one in told] == [
        ("Jane Doe (0123)", "09_convolution", "submission_111/09_convolution.ipynb"),
        ("Jane Doe (0999)", "", "submission_113"),
        ("Rick Roe (rroe@example.org)", "09_convolution", "submission_112/work/09_convolution.ipynb"),
        ("submission_114", "09_convolution", "submission_114/09_convolution.ipynb"),
        ("submission_115", "09_convolution", "submission_115/09_convolution.ipynb"),
        ("Zoë Zed (77)", "09_convolution", "submission_112/work/09_convolution.ipynb"),
    ]
    assert [bool(one.problem) for one in told] == [False, True, False, False, False, False]


def test_one_submission_alone_is_not_taken_for_a_cover(folder):
    hand_in(folder, "submission_metadata.yml", LIST)
    hand_in(folder, "submission_111/work/09_convolution.ipynb")
    assert [one.student for one in find_submissions(folder, LESSONS)] == ["Jane Doe (0123)"]


def test_what_a_student_calls_so_is_not_the_list(folder):
    hand_in(folder, "anna/09_convolution.ipynb")
    hand_in(folder, "anna/submission_metadata.yml", LIST.replace("submission_111", "ben"))
    hand_in(folder, "ben/09_convolution.ipynb")
    assert [one.student for one in find_submissions(folder, LESSONS)] == ["anna", "ben"]


def test_names_in_the_list_can_be_printed(folder):
    hand_in(folder, "submission_metadata.yml", 'submission_1: {":submitters": [{":name": "\\e[31mJane\\u202e"}]}')
    hand_in(folder, "submission_1/09_convolution.ipynb")
    assert [one.student for one in find_submissions(folder, LESSONS)] == [r"\x1b[31mJane\u202e"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (LIST[:-30] + "\n  - [", "is not as Gradescope writes it"),
        ("- a list", "is not as Gradescope writes it"),
        ("submission_1: 7", "is not as Gradescope writes it"),
        ("submission_1: {':submitters': [7]}", "is not as Gradescope writes it"),
        ("submission_1: {':submitters': [{':name': [Jane]}]}", "is not as Gradescope writes it"),
        ("[" * 5000, "is not as Gradescope writes it"),
        ("a: !!python/object/apply:os.getcwd []", "is not as Gradescope writes it"),
        ("", "It is empty"),
        ("a: " + "b" * 4_000_001, "It is too large"),
    ],
)
def test_a_list_that_cannot_be_read_is_named_and_nobody_is_graded_under_a_number(folder, content, words):
    hand_in(folder, "submission_metadata.yml", content)
    hand_in(folder, "submission_111/09_convolution.ipynb")
    with pytest.raises(CourseError, match=rf"submission_metadata\.yml .*{words}"):
        find_submissions(folder, LESSONS)
