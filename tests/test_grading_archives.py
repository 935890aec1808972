"""Archives that were handed in: what is found in them, and what no archive may do to the grader."""

from __future__ import annotations

import errno
import io
import json
import os
import stat
import zipfile
from pathlib import Path

import pytest

from course_tools.errors import CourseError
from course_tools.grading import archives
from course_tools.grading.archives import opened
from course_tools.grading.intake import find_submissions
from course_tools.grading.reading import read_notebook

LESSONS = ["02_perceptron", "09_convolution"]
CODE = {"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": []}
TEXT = json.dumps({"cells": [CODE], "metadata": {}, "nbformat": 4}).encode()
LARGEST = 200_000


def zipped(members: dict[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def hand_in(folder: Path, path: str, content: bytes = TEXT) -> Path:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "submissions"
    place.mkdir()
    return place


def told(submissions: Path) -> dict[tuple[str, str, str], str]:
    """For each student, lesson and path what is wrong with the file, or the code that was read from it."""
    with opened(submissions, LARGEST) as handed_in:
        answers = {}
        for one in find_submissions(handed_in.folder, LESSONS, handed_in.unpacked, handed_in.closed):
            place = one.place(handed_in.folder)
            answers[one.student, one.lesson, one.path] = one.problem or "".join(
                read_notebook(place / one.path, LARGEST, place).cells
            )
        return answers


def test_a_class_as_an_archive_is_as_its_folder(tmp_path):
    content = {
        "export/anna/09_convolution.ipynb": TEXT,
        "export/ben/all.zip": zipped({"work/09_convolution.ipynb": TEXT, "__MACOSX/work/._09_convolution.ipynb": b"x"}),
        "export/chen/answer.py": b"x = 1",
    }
    archive = hand_in(tmp_path, "week 3.zip", zipped(content))
    for name, each in content.items():
        hand_in(tmp_path / "folder", name, each)
    expected = {
        ("anna", "09_convolution", "export/anna/09_convolution.ipynb"): "x = 1",
        ("ben", "09_convolution", "export/ben/all.zip/work/09_convolution.ipynb"): "x = 1",
        ("chen", "", "export/chen"): "There is no notebook in this folder, only answer.py.",
    }
    assert told(archive) == told(tmp_path / "folder") == expected


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("anna_09_convolution.zip", "anna"),
        ("anna.ZIP", "anna"),
        ("cyncyn_12351_67896_09_convolution.zip", "cyncyn_12351"),
        ("Poe Pat_12347_assignsubmission_file_work.zip", "Poe Pat"),
        ("Week 3_jdoe_attempt_2025-03-01-10-20-30_all.zip", "jdoe"),
        ("export/cyncyn_12351_67896_09_convolution.zip", "cyncyn_12351"),
    ],
)
def test_whose_an_archive_is_says_its_name(folder, name, student):
    hand_in(folder, name, zipped({"09_convolution.ipynb": TEXT}))
    assert told(folder) == {(student, "09_convolution", f"{name}/09_convolution.ipynb"): "x = 1"}


def test_downloads_as_they_came_may_lie_in_one_folder(folder):
    hand_in(folder, "week 2.zip", zipped({
        "Doe Jane_11_assignsubmission_file_/02_perceptron.ipynb": TEXT,
        "Poe Pat_12_assignsubmission_file_/02_perceptron.ipynb": TEXT,
    }))  # fmt: skip
    assert [student for student, *_ in told(folder)] == ["Doe Jane", "Poe Pat"]
    hand_in(folder, "week 9.zip", zipped({"export/doejane_12345_67890_09_convolution.ipynb": TEXT}))
    hand_in(folder, "week 10.zip", b"no archive")
    assert {student for student, *_ in told(folder)} == {"week 10", "week 2", "week 9"}, "it may be a student's"
    (folder / "week 10.zip").unlink()
    assert [student for student, *_ in told(folder)] == ["Doe Jane", "doejane_12345", "Poe Pat"]


def test_files_in_an_archive_keep_their_time(folder):
    members = {}
    for name, minute in (("09_convolution.ipynb", 1), ("Copy of 09_convolution.ipynb", 5)):
        members[zipfile.ZipInfo(name, (2025, 3, 1, 10, minute, 0))] = TEXT + b" " * minute
    hand_in(folder, "anna.zip", zipped(members))
    assert list(told(folder)) == [("anna", "09_convolution", "anna.zip/Copy of 09_convolution.ipynb")]


def test_nothing_is_left_behind(folder, monkeypatch, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    hand_in(folder, "anna/all.zip", zipped({"09_convolution.ipynb": TEXT}))
    with opened(folder, LARGEST) as handed_in:
        assert handed_in.unpacked.is_relative_to(scratch)
        assert stat.S_IMODE(handed_in.unpacked.parent.stat().st_mode) == 0o700
    assert not list(scratch.iterdir()) and [path.name for path in folder.rglob("*.*")] == ["all.zip"]


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


def with_flag(content: bytes) -> bytes:
    """The same archive, said to be encrypted: bit 0 of both headers of its file."""
    altered = bytearray(content)
    altered[6] |= 1
    altered[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(altered)


SOUND = zipped({"09_convolution.ipynb": TEXT})
REFUSED = {
    "encrypted": (with_flag(SOUND), "It is encrypted."),
    "no archive": (b"Rar!\x1a\x07 and so on", "It is not a sound ZIP archive: it is broken, or not complete."),
    "empty": (b"", "It is empty."),
    "breaks off": (SOUND[:-30], "It is not a sound ZIP archive: it is broken, or not complete."),
    "altered": (SOUND.replace(SOUND[60:70], b"0123456789", 1), "It is not a sound ZIP archive: it is broken, or not"),
    "out of it": (zipped({"../../09_convolution.ipynb": TEXT}), "It holds a file whose path leads out of it: ../../09"),
    "out of it in Windows": (zipped({"a\\..\\..\\b.ipynb": TEXT}), "It holds a file whose path leads out of it: a"),
    "LZMA": (zipped({"a.ipynb": TEXT}, zipfile.ZIP_LZMA), "It is compressed in a way that is not read here: a.ipynb."),
    "many files": (
        zipped(dict.fromkeys(map(str, range(2001)), b"")),
        "It holds too many files: at most 2,000 are read.",
    ),
    "a bomb": (zipped({f"{n}.ipynb": bytes(LARGEST) for n in range(5)}), "Unpacked, it is too large: at most 0.8 MB"),
    "a file as a folder": (zipped({"a": b"", "a/09_convolution.ipynb": TEXT}), "It cannot be unpacked: "),
    "larger than may be": (os.urandom(LARGEST + 1), "It is too large: 0.2 MB, and at most 0.2 MB are read."),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_archive_that_cannot_be_opened_is_its_students_alone(folder, tmp_path, name):
    content, words = REFUSED[name]
    hand_in(folder, "anna/all.zip", content)
    hand_in(folder, "ben/all.zip", SOUND)
    answers = told(folder)
    [(key, problem)] = [(key, each) for key, each in answers.items() if key[0] == "anna"]
    assert key == ("anna", "", "anna/all.zip") and problem.startswith(words) and problem.count(". ") == 0
    assert answers["ben", "09_convolution", "ben/all.zip/09_convolution.ipynb"] == "x = 1"
    assert not list(tmp_path.glob("*.ipynb"))


def test_a_class_that_cannot_be_opened_is_one_sentence(tmp_path):
    for name in ("encrypted", "breaks off", "out of it"):
        content, words = REFUSED[name]
        with pytest.raises(CourseError, match=r"week\.zip cannot be opened as a ZIP archive\. " + words[:20]):
            told(hand_in(tmp_path, "week.zip", content))


def test_a_name_that_is_longer_than_any_files_stops_nobody(tmp_path):
    """Moodle's beginning and a student's own name of 130 Cyrillic letters come to more than 255 bytes."""
    long = f"Иванова Анна_123_assignsubmission_file_{'Домашняя работа ' * 9}09_convolution.ipynb"
    other = "Doe Jane_124_assignsubmission_file_09_convolution.ipynb"
    answers = told(hand_in(tmp_path, "week.zip", zipped({long: TEXT, other: TEXT})))
    assert {key[:2]: text for key, text in answers.items()} == {
        ("Иванова Анна", "09_convolution"): "x = 1",
        ("Doe Jane", "09_convolution"): "x = 1",
    }


def test_data_beside_a_notebook_takes_neither_room_nor_marks(folder, monkeypatch):
    data = {f"train{n}.bin": bytes(LARGEST) for n in range(5)}
    hand_in(folder, "anna/all.zip", zipped({"09_convolution.ipynb": TEXT, **data}))
    hand_in(folder, "ben/09_convolution.ipynb")
    hand_in(folder, "ben/09_convolution_data.zip", zipped(data))
    assert {key[:2]: text for key, text in told(folder).items()} == {
        ("anna", "09_convolution"): "x = 1",
        ("ben", "09_convolution"): "x = 1",
    }
    monkeypatch.setattr(archives.beside, "MOST_BYTES", LARGEST)
    with opened(folder, LARGEST) as handed_in:
        sizes = [path.stat().st_size for path in handed_in.unpacked.rglob("*.bin")]
        assert sorted(sizes) == [*[LARGEST] * 2, *[LARGEST + 1] * 8], "of each archive what may be carried"


@pytest.mark.parametrize("room", [1, 3])
def test_modules_are_unpacked_before_data_as_far_as_there_is_room(folder, monkeypatch, room):
    monkeypatch.setattr(archives.beside, "MOST_BYTES", 10)
    monkeypatch.setattr(archives, "_BESIDE", room)
    hand_in(folder, "anna/all.zip", zipped({"deep/a.csv": b"2", "data.csv": b"1", "a.py": b"", "b.py": b"0"}))
    with opened(folder, LARGEST) as handed_in:
        found = {path.name: path.stat().st_size for path in handed_in.unpacked.glob("anna/**/*.*") if path.is_file()}
        assert found == {"a.py": 0, "b.py": 1, "data.csv": 1 if room == 3 else 11, "a.csv": 1 if room == 3 else 11}


def test_what_was_refused_takes_no_room_from_the_next(folder, monkeypatch):
    monkeypatch.setattr(archives, "_IN_ALL", 5 * LARGEST)
    for student in ("anna", "ben"):
        hand_in(folder, f"{student}.zip", REFUSED["a bomb"][0])
    hand_in(folder, "chen.zip", SOUND)
    assert told(folder)["chen", "09_convolution", "chen.zip/09_convolution.ipynb"] == "x = 1"


def test_absolute_paths_and_those_of_windows_stay_inside(folder, tmp_path):
    hand_in(folder, "anna.zip", zipped({f"/{tmp_path}/02_perceptron.ipynb": TEXT, "a\\09_convolution.ipynb": TEXT}))
    assert {lesson for _, lesson, _ in told(folder)} == {"02_perceptron", "09_convolution"}
    assert not list(tmp_path.glob("*.ipynb"))


def test_links_are_told_of_and_lead_nowhere(folder, tmp_path):
    secret = hand_in(tmp_path, "secret.ipynb")
    hand_in(
        folder, "anna.zip", zipped({link("09_convolution.ipynb"): str(secret).encode(), "02_perceptron.ipynb": TEXT})
    )
    with opened(folder, LARGEST) as handed_in:
        found = handed_in.unpacked / "anna.zip/09_convolution.ipynb"
        assert found.is_symlink() and not found.exists()
        assert len(find_submissions(handed_in.folder, LESSONS, handed_in.unpacked, handed_in.closed)) == 2
    hand_in(folder, "anna.zip", zipped({link("a"): b"..", "a/09_convolution.ipynb": TEXT}))
    assert list(told(folder).values()) == ["It cannot be unpacked: File exists."]


def test_a_notebook_that_is_too_large_is_refused_alone_whatever_the_archive_says(folder):
    content = zipped({"09_convolution.ipynb": bytes(LARGEST + 1), "02_perceptron.ipynb": TEXT})
    lying = content.replace((LARGEST + 1).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != content
    hand_in(folder, "anna.zip", content)
    hand_in(folder, "ben.zip", lying)
    with opened(folder, LARGEST) as handed_in:
        large = handed_in.unpacked / "anna.zip/09_convolution.ipynb"
        assert large.stat().st_size == LARGEST + 1 and large.stat().st_blocks == 0
        assert (handed_in.unpacked / "anna.zip/02_perceptron.ipynb").read_bytes() == TEXT
        assert list(handed_in.closed) == ["ben.zip"], "its length is not as it says"


def test_what_lies_too_deep_is_told_of_and_not_looked_for(folder):
    hand_in(folder, f"anna/{'d/' * 30}all.zip", SOUND)
    hand_in(folder, "ben.zip", zipped({f"{'d/' * 30}09_convolution.ipynb": TEXT}))
    assert {student: problem for (student, *_), problem in told(folder).items()} == dict.fromkeys(
        ("anna", "ben"), "This folder lies too deep inside others."
    )


def test_a_full_disk_is_nobodys_fault(folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    hand_in(folder, "anna.zip", SOUND)
    monkeypatch.setattr(archives, "_copy", full)
    with pytest.raises(CourseError, match="the disk is full"):
        told(folder)


def test_all_archives_together_have_a_bound(folder, monkeypatch):
    monkeypatch.setattr(archives, "_IN_ALL", 250_000)
    for student in ("anna", "ben", "chen"):
        hand_in(folder, f"{student}_09_convolution.zip", zipped({f"{n}.ipynb": bytes(60_000) for n in range(2)}))
    with opened(folder, LARGEST) as handed_in:
        assert list(handed_in.closed) == ["chen_09_convolution.zip"]
