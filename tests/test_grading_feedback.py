"""What goes back to students: archives as their platform reads them, and pages without names."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace

import pytest
from test_grading_pages import NOTEBOOKS, report, stray

from course_tools.errors import CourseError
from course_tools.grading import command
from course_tools.grading.anonymous import pseudonym, without_names
from course_tools.grading.feedback import name_for, write_feedback
from course_tools.grading.intake import Submission
from course_tools.grading.journal import Journal
from course_tools.grading.pages import page_of, write_pages
from course_tools.project import find_project


def of(file: str, student="Anna", lesson="09_convolution"):
    return replace(report(student, lesson), file=file)


NAMES = {
    "Doe Jane_12345_assignsubmission_file_/x.ipynb": "Doe Jane_12345_assignsubmission_file_/x",
    "w3/Doe Jane_12345_assignsubmission_file/a/x.IPYNB": "Doe Jane_12345_assignsubmission_file/x",
    "Doe Jane_12345_assignsubmission_file_homework.ipynb": "Doe Jane_12345_assignsubmission_file_/homework",
    "Doe Jane_12345_assignsubmission_file_all.zip/work/x.ipynb": "Doe Jane_12345_assignsubmission_file_/09_convolution",
    "doejane_LATE_12345_67890_09_convolution-1.ipynb": "doejane_LATE_12345_67890_09_convolution-1",
    "export/doejane_12345_67890_all.zip/x/y.ipynb": "doejane_12345_67890_all",
    "W 3_jdoe_attempt_2025-03-01-10-20-30_x.ipynb": "W 3_jdoe_attempt_2025-03-01-10-20-30_x",
    "submission_111/x.ipynb": "submission_111/x",
    "ada/09_convolution/09_convolution.ipynb": "ada/09_convolution/09_convolution",
    "ada.zip/x.ipynb.txt": "ada/x",
    "ada_09_convolution.ipynb": "ada_09_convolution",
}


@pytest.mark.parametrize("file", NAMES)
def test_a_page_goes_back_under_the_platforms_own_name(file):
    assert name_for(of(file)) == f"{NAMES[file]}.html"


def moodle_reads(name: str) -> tuple[str, str] | None:
    """The participant and the file name, as Moodle's import of feedback files finds them."""
    parts = name.split("/")
    while parts:
        found = parts.pop(0).split("_", 4)
        if len(found) >= 4 and found[1].isdecimal() and found[2:4] == ["assignsubmission", "file"]:
            rest = [*found[4:], *parts]
            return found[1], "/".join(filter(None, rest))
    return None


@pytest.mark.parametrize("file", [file for file in NAMES if "assignsubmission" in file])
def test_moodle_finds_the_participant(file):
    participant, name = moodle_reads(name_for(of(file)))
    assert participant == "12345" and name in ("09_convolution.html", "x.html", "homework.html")


@pytest.mark.parametrize("file", [file for file in NAMES if "67890" in file])
def test_canvas_finds_the_student_and_the_file_that_was_handed_in(file):
    assert [part for part in name_for(of(file)).split("_") if part.isdecimal()][:2] == ["12345", "67890"]


def content(path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_an_archive_for_each_lesson_holds_every_page_once_and_only_its_lesson(tmp_path):
    reports = [
        of("submission_111/x.ipynb", "Anna"),
        of("submission_111/x.ipynb", "Zoë"),  # a group
        of("ben/12_pooling.ipynb", "ben", "12_pooling"),
        stray("cy"),
    ]
    write_pages(tmp_path, reports, NOTEBOOKS)
    pages = [(each, page_of(each)) for each in reports]
    write_feedback(tmp_path, pages)
    found = content(tmp_path / "feedback" / "09_convolution.zip")
    assert len(found) == 2 and all(name.startswith("submission_111/x") for name in found)
    assert sorted(re.search("<bdi>(.*?)</bdi>", page)[1] for page in found.values()) == ["Anna", "Zoë"]
    assert list(content(tmp_path / "feedback" / "12_pooling.zip")) == ["ben/12_pooling.html"]
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "feedback").iterdir()}
    write_feedback(tmp_path, pages)
    assert before == {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "feedback").iterdir()
    }, "what is unchanged is left alone, and nothing else is there"
    write_feedback(tmp_path, pages[:1])
    assert [path.name for path in (tmp_path / "feedback").iterdir()] == ["09_convolution.zip"]


# --- without names

SECRET = "00" * 16


def test_a_pseudonym_is_the_students_own_and_depends_on_the_secret():
    names = {pseudonym(f"student {number}", SECRET) for number in range(3000)}
    assert len(names) == 3000 and all(re.fullmatch("[a-z2-7]{4}-[a-z2-7]{4}", name) for name in names)
    assert pseudonym("Anna", SECRET) == pseudonym("Anna", SECRET) != pseudonym("Anna", "01" * 16)
    pseudonym("\udce9", SECRET)


def test_a_secret_that_was_lost_is_said_and_no_name_shown(tmp_path):
    with Journal(tmp_path / "marks") as journal:
        for one in (of("anna/x.ipynb"), of("zoe/z.ipynb", "Zoë")):
            journal.store(Submission(one.student, one.lesson, one.file), "key", one)
        journal.settle(1, {}, anonymous=True, secret="none")
    with pytest.raises(CourseError, match="lost the secret"):
        command.forget(find_project(), tmp_path / "marks", ["Zoë"])
    assert not (tmp_path / "marks" / "index.html").exists()


def test_pages_without_names_show_none_and_the_tables_do(tmp_path):
    given = [
        replace(
            of("Doe Anna_1_assignsubmission_file_/annas.ipynb", "Anna"),
            newer="A newer file, Anna/x.ipynb, does not count: It is empty.",
            earlier=["Anna-1.ipynb"], beaten=["Anna-2.ipynb (1 of 3 points)"], left_out=["Annas.py: It is a link."],
        ),
        replace(of("Anna/y.ipynb", "Anna", "12_pooling"), problem="There are 2 different files: Anna/a and Anna/b."),
        stray("Anna"), replace(stray("Anna"), file="Anna/other.ipynb"),
    ]  # fmt: skip
    out = tmp_path / "marks"
    with Journal(out) as journal:
        for one in [*given, of("zoe/z.ipynb", "Zoë")]:
            journal.store(Submission(one.student, one.lesson, one.file), "key", one)
        journal.settle(1, {}, anonymous=True, secret=SECRET)
    command.forget(find_project(), out, ["Zoë"])
    pages = [out / "index.html", *(out / "pages").iterdir()]
    assert len(pages) == 5
    for path in pages:
        assert not re.search("ann?a", (path.name + path.read_text()).casefold().replace("explanation", "")), path
        assert pseudonym("Anna", SECRET) in path.read_text()
    assert "a file: It is a link." in "".join(path.read_text() for path in pages)
    assert "Anna" in (out / "gradebook.csv").read_text() and "Anna" in (out / "pseudonyms.csv").read_text()
    assert list(content(out / "feedback" / "09_convolution.zip")) == ["Doe Anna_1_assignsubmission_file_/annas.html"]
    with Journal(out) as journal:
        journal.settle(1, {}, anonymous=False, secret=SECRET)
        journal.store(Submission("Zoë", "09_convolution", "zoe/z.ipynb"), "key", of("zoe/z.ipynb", "Zoë"))
    command.forget(find_project(), out, ["Zoë"])
    assert "Anna" in (out / "index.html").read_text() and not (out / "pseudonyms.csv").exists()
    assert len(list((out / "pages").iterdir())) == 4, "those without names are gone"


def test_an_order_by_names_is_not_shown_either():
    shown = [one.student for _, one in without_names([report(name) for name in "ABCDEFGH"], SECRET)]
    assert shown != sorted(shown), "so that the pages sort them anew"
