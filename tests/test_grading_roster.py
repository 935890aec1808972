"""The class list: the headings of each platform, who is who, and the tables that go back."""

from __future__ import annotations

import csv

import pytest

from course_tools.errors import CourseError
from course_tools.grading import command, marks
from course_tools.grading.gradebook import missing, write_gradebook
from course_tools.grading.intake import Submission
from course_tools.grading.journal import Journal
from course_tools.grading.limits import Limits
from course_tools.grading.marks import Mark, Report
from course_tools.grading.roster import read_roster
from course_tools.project import find_project

# The headings are the platforms' own, the people invented.
CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,09_convolution (4711),Current Score
    Points Possible,,,,,12,(read only)
"Doe, Jane",12345,s-1,jdoe,Monday,,
"Doe, Jane",99999,s-2,jdoe2,Monday,,
"van der Zed, Zoë",12348,s-3,zzed@example.org,Monday,7,
"Student, Test",55555,,,Monday,,
"""
MOODLE = """\
First name;Last name;ID number;Institution;Email address;Course total
Jane;Doe;0123;;jdoe@example.org;-
Rick;Roe;;;Rick.Roe@example.org;-
Pat;Poe;0125;;poe@example.org;-
"""
WORKSHEET = """\
Identifier,Full name,Email address,Status,Grade
Participant 12345,Jane Doe,jdoe@example.org,Submitted,
"""
GRADESCOPE = """\
First Name,Last Name,SID,Email,Sections
Jane,Doe,0123,jdoe@example.org,
Rick,Roe,,rroe@example.org,
"""
BLACKBOARD = '"Last Name","First Name","Username","Student ID"\n"Doe","Jane","jdoe","0123"\n'


def roster_of(folder, text: str):
    (folder / "list.csv").write_text(text, encoding="utf-8-sig")
    return read_roster(folder / "list.csv")


@pytest.mark.parametrize(
    ("text", "platform", "people"),
    [
        (CANVAS, "canvas", ["Doe, Jane", "Doe, Jane", "van der Zed, Zoë"]),
        (MOODLE, "moodle", ["Jane Doe", "Rick Roe", "Pat Poe"]),
        (WORKSHEET, "moodle", ["Jane Doe"]),
        (GRADESCOPE, "gradescope", ["Jane Doe", "Rick Roe"]),
        (BLACKBOARD, "blackboard", ["Jane Doe"]),
        ("email\nanna@example.org\n\n", "", ["anna@example.org"]),
    ],
)
def test_the_headings_say_whose_list_it_is_and_who_is_in_it(tmp_path, text, platform, people):
    roster = roster_of(tmp_path, text)
    assert roster.platform == platform and sorted(one.name for one in roster.people) == sorted(people)


@pytest.mark.parametrize(
    "written",
    [
        MOODLE.encode("utf-16"),
        MOODLE.replace(";", "\t").encode("utf-16"),
        MOODLE.replace("\n", "\r\n").encode("utf-8-sig"),
        MOODLE.replace("\n", "\r").encode(),
        b"\xef\xbb\xbfsep=;\r\n" + MOODLE.encode(),
        b"\n\n" + MOODLE.replace(";", ",").encode(),
    ],
)
def test_a_spreadsheet_may_have_written_it(tmp_path, written):
    (tmp_path / "list.csv").write_bytes(written)
    roster = read_roster(tmp_path / "list.csv")
    assert roster.platform == "moodle" and [one.name for one in roster.people] == ["Jane Doe", "Rick Roe", "Pat Poe"]


def test_a_list_in_another_encoding_is_named_with_the_way_to_save_it(tmp_path):
    (tmp_path / "list.csv").write_bytes("Student\nZoë\n".encode("latin-1"))
    with pytest.raises(CourseError, match="CSV UTF-8"):
        read_roster(tmp_path / "list.csv")


@pytest.mark.parametrize(
    ("text", "student", "cell"),
    [
        (CANVAS, "doejane_12345", "s-1"),
        (CANVAS, "doejane_99999", "s-2"),
        (CANVAS, "jdoe2", "s-2"),
        (CANVAS, "vanderzedzoe_10001", "s-3"),
        (CANVAS, "Zoe van der Zed", "s-3"),
        (CANVAS, "zzed", "s-3"),
        (CANVAS, "Jane Doe", None),  # there are two
        (CANVAS, "teststudent_55555", None),
        (CANVAS, "Zed", None),
        (MOODLE, "Doe Jane", "0123"),
        (MOODLE, "JANE DOE", "0123"),
        (MOODLE, "0125", "0125"),
        (MOODLE, "jdoe@example.org", "0123"),
        (MOODLE, "", None),
        (WORKSHEET, "12345", "Participant 12345"),
        (GRADESCOPE, "Jane Doe (0123)", "0123"),
        (GRADESCOPE, "J. Doe (jdoe@example.org)", "0123"),
        (BLACKBOARD, "jdoe", "0123"),
        (BLACKBOARD, "roerick_0123", None),  # Canvas' number of somebody else
        (GRADESCOPE, "roerick_12345", ""),  # found by the name
    ],
)
def test_students_are_found_by_number_login_and_name(tmp_path, text, student, cell):
    person = roster_of(tmp_path, text).person(student)
    numbers = ("SIS User ID", "ID number", "Identifier", "SID", "Student ID")
    assert (next(person.cells[each] for each in numbers if each in person.cells) if person else None) == cell


def report(student: str, points: float, lesson: str = "09_convolution") -> Report:
    return Report(student, lesson, f"{student}/x.ipynb", [Mark("conv_layer", points, 12, marks.WRONG)])


def table(path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


def test_who_handed_in_nothing_has_a_row(tmp_path):
    roster = roster_of(tmp_path, MOODLE)
    reports = [report("Roe Rick", 3.5), report("Eve Else", 1)]
    assert [one.name for one in missing(roster, ["Roe Rick", "Eve Else"])] == ["Jane Doe", "Pat Poe"]
    write_gradebook(tmp_path, reports, roster)
    assert table(tmp_path / "totals.csv") == [
        ["student", "09_convolution (of 12)", "total"],
        ["Eve Else", "1", "1"],
        ["Jane Doe", "", "0"],
        ["Pat Poe", "", "0"],
        ["Roe Rick", "3.5", "3.5"],
    ]


def test_moodle_gets_its_own_people_and_a_column_for_each_lesson(tmp_path):
    reports = [report("Roe Rick", 3.5), report("Doe Jane", 12), report("Doe Jane", 5, "12_pooling"), report("Eve", 1)]
    write_gradebook(tmp_path, reports, roster_of(tmp_path, MOODLE))
    assert table(tmp_path / "import.csv") == [
        ["First name", "Last name", "ID number", "Email address", "09_convolution", "12_pooling"],
        ["Jane", "Doe", "0123", "jdoe@example.org", "12", "5"],
        ["Rick", "Roe", "", "Rick.Roe@example.org", "3.5", ""],
        ["Pat", "Poe", "0125", "poe@example.org", "", ""],
    ]


def test_canvas_gets_the_points_into_the_assignment_that_it_has(tmp_path):
    reports = [report("doejane_99999", 3.5), report("zzed", 5, "12_pooling")]
    write_gradebook(tmp_path, reports, roster_of(tmp_path, CANVAS))
    assert table(tmp_path / "import.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "09_convolution (4711)", "12_pooling"],
        ["    Points Possible", "", "", "", "", "12", "12"],
        ["Doe, Jane", "12345", "s-1", "jdoe", "Monday", "", ""],
        ["Doe, Jane", "99999", "s-2", "jdoe2", "Monday", "3.5", ""],
        ["van der Zed, Zoë", "12348", "s-3", "zzed@example.org", "Monday", "", "5"],
    ]


def test_gradescope_gets_its_own_layout_of_grades(tmp_path):
    reports = [report("Jane Doe (0123)", 3.5), report("Rick Roe (rroe@example.org)", 5, "12_pooling")]
    write_gradebook(tmp_path, reports, roster_of(tmp_path, GRADESCOPE))
    assert table(tmp_path / "import.csv") == [
        ["First Name", "Last Name", "SID", "Email", "Sections",
         "09_convolution", "09_convolution - Max Points", "12_pooling", "12_pooling - Max Points"],
        ["Jane", "Doe", "0123", "jdoe@example.org", "", "3.5", "12", "", "12"],
        ["Rick", "Roe", "", "rroe@example.org", "", "", "12", "5", "12"],
    ]  # fmt: skip


def test_blackboard_gets_the_points_into_the_column_that_it_has(tmp_path):
    column = "09_convolution [Total Pts: 12 Score] |4711"
    rows = BLACKBOARD.replace('ID"', f'ID","{column}"').replace("0123", '0123",""')
    write_gradebook(tmp_path, [report("jdoe", 3)], roster_of(tmp_path, rows.replace('""\n', '"\n')))
    assert table(tmp_path / "import.csv") == [
        ["Last Name", "First Name", "Username", "Student ID", column], ["Doe", "Jane", "jdoe", "0123", "3"],
    ]  # fmt: skip


def test_of_two_who_fit_one_person_no_mark_is_chosen(tmp_path):
    reports = [report("Doe Jane", 3), report("jdoe", 5), report("jdoe", 4, "12_pooling")]
    write_gradebook(tmp_path, reports, roster_of(tmp_path, MOODLE))
    assert table(tmp_path / "import.csv")[1] == ["Jane", "Doe", "0123", "jdoe@example.org", "", "4"]


def test_no_import_for_a_platform_that_imports_nothing(tmp_path):
    write_gradebook(tmp_path, [report("jdoe", 3)], roster_of(tmp_path, MOODLE))
    write_gradebook(tmp_path, [report("jdoe", 3)], roster_of(tmp_path, "name,email\nJ,jdoe@example.org\n"))
    assert not (tmp_path / "import.csv").exists() and (tmp_path / "totals.csv").exists()


def test_a_formula_in_a_name_does_not_go_back(tmp_path):
    roster = roster_of(tmp_path, MOODLE.replace("Jane;", "=1+1;"))
    write_gradebook(tmp_path, [], roster)
    assert table(tmp_path / "import.csv")[1][0] == "'=1+1"


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"", b"Name\nZo\xeb\n"])
def test_what_is_no_roster_is_named(tmp_path, content):
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(CourseError, match=r"list\.csv"):
        read_roster(tmp_path / "list.csv")
    with pytest.raises(CourseError, match="no such roster"):
        read_roster(tmp_path / "none.csv")


def test_the_roster_given_last_is_kept_with_the_marks(tmp_path, capsys):
    out = tmp_path / "marks"
    with Journal(out) as journal:
        for one in (report("Doe Jane", 3), report("Roe Rick", 5), report("Eve", 5)):
            journal.store(Submission(one.student, one.lesson, one.file), "key", one)
        (out / "roster.csv").write_text(MOODLE)
    command.forget(find_project(), out, ["Doe Jane"])
    assert [row[0] for row in table(out / "totals.csv")] == ["student", "Eve", "Jane Doe", "Pat Poe", "Roe Rick"]
    assert [row[4] for row in table(out / "import.csv")] == ["09_convolution", "", "5", ""]
    printed = capsys.readouterr().out
    assert "Eve fits nobody on the roster" in printed and "2 of 3 on the roster handed in nothing" in printed


def test_with_a_roster_that_is_none_nothing_is_touched(tmp_path):
    (tmp_path / "list.csv").write_text("a,b\n")
    choices = dict.fromkeys(("run_all", "force", "forget_missing", "require_sandbox"), False)
    with pytest.raises(CourseError, match="no column of names"):
        command.grade_folder(
            find_project(), tmp_path, tmp_path / "marks", [], seed=1, jobs=1, limits=Limits(),
            roster=tmp_path / "list.csv", **choices,
        )  # fmt: skip
    assert not (tmp_path / "marks").exists()
