"""A class of 60 that handed in through every platform, graded with a roster, and given back to each of them."""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from test_grading_feedback import moodle_reads
from test_grading_run import ANSWER, FLIPPED, LESSON, course, gradebook, needs_walls

pytestmark = needs_walls
PLATFORMS = ("moodle", "canvas", "gradescope", "blackboard", "nbgrader", "plain")
EACH = 10  # students of each platform
FIRST = ("Jane", "Rick", "Zoë", "Åsa", "Mary Ann", "Jürgen", "Lin", "Oğuz", "Renée", "Pat")
LAST = {"moodle": "Doe", "canvas": "van der Roe", "gradescope": "O'Neil", "blackboard": "Zed", "nbgrader": "Ng"}
POINTS = (2, 0, 0)  # for a right answer, for one that is flipped, and for the lesson as it was handed out


@dataclass(frozen=True)
class Student:
    """Somebody of the class; `earns` is what the work is worth, None for who hands in nothing."""

    number: int
    platform: str
    first: str
    last: str
    earns: float | None

    @property
    def login(self) -> str:
        return f"u{self.number:03}"

    @property
    def sid(self) -> str:
        return f"s-{self.number:04}"

    @property
    def mail(self) -> str:
        return f"{self.login}@example.org"

    @property
    def canvas_id(self) -> str:
        return str(50_000 + self.number)


def the_class() -> list[Student]:
    found = [
        Student(place * EACH + n, platform, FIRST[n], LAST.get(platform, "Plain"), POINTS[(place * EACH + n) % 3])
        for place, platform in enumerate(PLATFORMS)
        for n in range(EACH)
    ]
    return [*found, *(Student(900 + n, "", f"Absent{n}", "Nobody", None) for n in range(3))]


CLASS = the_class()


def work(student: Student, attempt: str = "last") -> bytes:
    """A notebook: right, flipped or blank; an attempt before the last one is always wrong."""
    if student.number % 3 == 2 and attempt == "last":
        return (Path(__file__).parents[1] / "notebooks" / f"{LESSON}.ipynb").read_bytes()
    right = student.earns and attempt == "last"
    cells = [
        {"cell_type": "code", "source": text, "metadata": {}, "outputs": []} for text in (ANSWER if right else FLIPPED)
    ]
    metadata = {"course": {"lesson": LESSON}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5, "x": attempt}).encode()


def zipped(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def files_of(student: Student, n: int) -> dict[str, bytes]:
    """What the platform's export holds of a student, `n` is the place among those of the platform."""
    name, last_first = f"{LESSON}.ipynb", "".join(filter(str.isalpha, f"{student.last}{student.first}".lower()))
    if student.platform == "moodle":
        folder = f"{student.last} {student.first}_{777000 + student.number}_assignsubmission_file_"
        return {f"{folder}/Kopie von {name}" if n else f"{folder}/homework.ipynb": work(student)}
    if student.platform == "canvas":
        late = "LATE_" if n == 1 else ""
        start = f"{last_first}_{late}{student.canvas_id}"
        if n == 2:
            return {f"{start}_88{student.number}_work.zip": zipped(f"work/{name}", work(student))}
        if n == 3:
            first, again = f"{start}_87{student.number}_{name}", f"{start}_88{student.number}_{LESSON}-1.ipynb"
            return {first: work(student, "first"), again: work(student)}
        return {f"{start}_88{student.number}_{name}": work(student)}
    if student.platform == "gradescope":
        return {f"submission_{student.number}/my {name}": work(student)}
    if student.platform == "blackboard":
        start = f"Week 9_{student.login}_attempt_2025-03-0"
        return {f"{start}{day}-10-20-30_{name}": work(student, day) for day in ("1", "2")[: n % 2]} | {
            f"{start}3-10-20-30_{name}": work(student)
        }
    if student.platform == "nbgrader":
        return {f"{student.login}/{LESSON}/{name}": work(student)}
    return {f"{student.login}_{LESSON}{' (1)' * (n % 2)}.ipynb": work(student)}


def metadata(students: list[Student]) -> str:
    rows = ["---"]
    for one in students:
        rows += [f"submission_{one.number}:", "  :submitters:", f'  - :name: "{one.first} {one.last}"']
        rows += [f"    :sid: '{one.sid}'", f"    :email: {one.mail}"]
    return "\n".join(rows) + "\n"


ROSTERS = {
    "canvas": (
        ("Student", "ID", "SIS User ID", "SIS Login ID", "Section", f"{LESSON} (4711)"),
        lambda one: (f"{one.last}, {one.first}", one.canvas_id, one.sid, one.login, "A", ""),
        lambda one: one.canvas_id,
        ("ID", f"{LESSON} (4711)"),
    ),
    "moodle": (
        ("First name", "Last name", "ID number", "Email address", "Course total"),
        lambda one: (one.first, one.last, one.sid, one.mail, "-"),
        lambda one: one.mail,
        ("Email address", LESSON),
    ),
    "gradescope": (
        ("First Name", "Last Name", "SID", "Email", "Sections"),
        lambda one: (one.first, one.last, one.sid, one.mail, ""),
        lambda one: one.sid,
        ("SID", LESSON),
    ),
    "blackboard": (
        ("Last Name", "First Name", "Username", "Student ID", f"{LESSON} [Total Pts: 12 Score] |4711"),
        lambda one: (one.last, one.first, one.login, one.sid, ""),
        lambda one: one.login,
        ("Username", f"{LESSON} [Total Pts: 12 Score] |4711"),
    ),
}


def roster(folder: Path, platform: str) -> Path:
    headings, row, *_ = ROSTERS[platform]
    with open(folder / f"{platform}.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([headings, *map(row, CLASS)])
    return folder / f"{platform}.csv"


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The whole class as one archive with one folder too many, graded with Canvas' roster; all its files; MARKS."""
    folder = tmp_path_factory.mktemp("class")
    top, written = folder / "export" / "all of them", {}
    for student in CLASS:
        if student.platform:
            written |= files_of(student, student.number % EACH)
    for path, content in written.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_bytes(content)
    (top / "submission_metadata.yml").write_text(metadata([one for one in CLASS if one.platform == "gradescope"]))
    archive = shutil.make_archive(str(folder / "export of week 9"), "zip", folder / "export")
    done = course(archive, "--out", folder / "marks", "--roster", roster(folder, "canvas"), "--seed", 1)
    assert done.returncode == 0, done.stderr
    return folder, Path(archive), written, done.stdout


def reports(marks: Path) -> list[dict]:
    return [json.loads(path.read_text())["report"] for path in (marks / "reports").iterdir()]


def test_every_person_and_every_file_is_accounted_for(graded):
    folder, _, written, said = graded
    found = reports(folder / "marks")
    assert len(found) == len(PLATFORMS) * EACH and not any(one["problem"] for one in found)
    counted = [path for one in found for path in (one["file"], *one["earlier"])]
    assert len(counted) == len(written) and sum(bool(one["earlier"]) for one in found) == 6
    assert sum(one["late"] for one in found) == 1 and "1 was handed in late." in said
    assert "fits nobody" not in said and "3 of 63 on the roster handed in nothing" in said


def test_everybody_has_the_points_that_the_last_attempt_is_worth(graded):
    rows = {row["student"]: row for (_, name), row in gradebook(graded[0] / "marks").items() if name == "correlate2d"}
    assert len(rows) == 60 and sorted(float(row["points"]) for row in rows.values()) == [0] * 40 + [2] * 20
    assert sum(row["verdict"] == "not attempted" for row in rows.values()) == 20


@pytest.mark.parametrize("platform", ROSTERS)
def test_the_marks_go_back_in_the_form_of_each_platform(graded, platform):
    folder, archive, *_ = graded
    if platform != "canvas":
        done = course(archive, "--out", folder / "marks", "--roster", roster(folder, platform))
        assert "60 of 60 submissions are unchanged" in done.stdout and "fits nobody" not in done.stdout
    *_, key, (heading, column) = ROSTERS[platform]
    with open(folder / "marks" / "import.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if platform == "canvas":
        assert rows.pop(0)["Student"].strip() == "Points Possible"
    told = {row[heading]: row[column] for row in rows}
    assert told == {key(one): "" if one.earns is None else str(one.earns) for one in CLASS}
    if platform == "gradescope":
        assert {row[f"{LESSON} - Max Points"] for row in rows} == {"12"}
    with open(folder / "marks" / "totals.csv", encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.reader(file))) == 1 + len(CLASS), "those who handed in nothing have a row"


def test_the_pages_go_back_to_those_whose_they_are(graded):
    with zipfile.ZipFile(graded[0] / "marks" / "feedback" / f"{LESSON}.zip") as archive:
        pages = {name: archive.read(name).decode() for name in archive.namelist()}
    assert len(pages) == 60
    for one in CLASS[:EACH]:
        [page] = [text for name, text in pages.items() if (moodle_reads(name) or "")[:1] == (str(777000 + one.number),)]
        assert f"{one.last} {one.first}" in page
    for one in CLASS[EACH : 2 * EACH]:
        [page] = [text for name, text in pages.items() if f"_{one.canvas_id}_88{one.number}_" in name]
        assert f"_{one.canvas_id}</bdi></h1>" in page
