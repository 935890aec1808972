"""The `course` command: its words, its exit statuses, and that a fault leaves nothing half written."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from tiny_course import CARD, CELLS, PYPROJECT, course, files_of, lesson, make_course, use_stand_in, write_lesson
from waiting import HANGS

from course_tools import doctor

GOOD = lesson()


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A course of two lessons, not built yet."""
    use_stand_in(tmp_path / "library", monkeypatch)
    return make_course(tmp_path / "course", _70_alpha=GOOD, _71_beta=lesson(title="Beta"))


@pytest.fixture
def run(capsys, monkeypatch, tiny):
    return lambda *arguments: course(capsys, monkeypatch, tiny.root, *arguments)


def is_refused(ended, *expected: str) -> None:
    """Status 2, and one sentence that has all the `expected` words."""
    assert ended.status == 2, ended
    assert ended.err.count("\n") == 1 and ended.err.rstrip().endswith((".", "?")), ended.err
    assert "Traceback" not in ended.err
    for words in expected:
        assert words in ended.err


# --- bad input: each gets one sentence and status 2, and nothing is written

SOLVED = "### BEGIN SOLUTION\nanswer = 1\n### END SOLUTION"
CHECK = '\n# %% check="answer"\n1\n'


def exercise(body: str = SOLVED, options: str = 'exercise="answer" points=1', after: str = CHECK) -> str:
    """A lesson with one exercise; the first line of its cell, '# %%', has number 14."""
    return lesson(f"\n# %% {options}\n{body}\n{after}")


BAD_CARDS = {
    "no header": ("# %%\n1\n", "line 1: the card is missing"),
    "empty file": ("", "line 1: the card is missing"),
    "no card": ("# ---\n# jupyter:\n#   kernel: x\n# ---\n\n# %%\n1\n", "line 2: the card is missing"),
    "card without end": (GOOD.replace("[digits]\n# ---\n", "[digits]\n"), "line 12: the card has no end"),
    "broken yaml": (GOOD.replace("[69_before]", "[69_before"), "line 10: the card is not valid YAML"),
    "unknown field": (GOOD.replace("minutes:", "minuts:"), "unknown field 'minuts'; did you mean 'minutes'?"),
    "strange field": (GOOD.replace("minutes:", "xyz:"), "unknown field 'xyz'; the fields are title"),
    "missing field": (GOOD.replace("#     minutes: 10\n", ""), "no field 'minutes'"),
    "minutes in words": (GOOD.replace("minutes: 10", "minutes: ten"), "'minutes' must be a whole number of minutes"),
    "no minutes": (GOOD.replace("minutes: 10", "minutes: 0"), "must be a whole number of minutes, 1 or more, not 0"),
    "needs not a list": (GOOD.replace("[69_before]", "69_before"), "'needs' must be a list of lesson names"),
    "objectives empty": (GOOD.replace('"double a number"', '""'), "'objectives' must be a list of one or more lines"),
    "title not a text": (GOOD.replace('"Alpha"', "[1]"), "'title' must be one line of text, not [1]"),
}
BAD_CELLS = {
    "none": (CARD, "there is no cell below the card"),
    "text before the first": (CARD + "\nimport os\n" + CELLS, "line 14: this text is in no cell"),
    "tags not a list": (GOOD.replace('["T001", "nbval-check-output"]', '"T001"'), "line 17: tags must be a list"),
    "tags of numbers": (GOOD.replace('["T001", "nbval-check-output"]', "[1]"), "line 17: tags must be a list"),
    "tags cut off": (GOOD.replace('"nbval-check-output"]', '"nbval'), "line 17: '# %% tags="),
    "unknown option": (GOOD.replace("exercise=", "exercice="), "line 20: '# %% exercice=\"double\" points=2' cannot"),
    "raw cell": (GOOD.replace("[markdown]", "[raw]"), "line 14: a cell is code or [markdown], not 'raw'"),
}
BAD_EXERCISES = {
    "hyphen in the name": (exercise(options='exercise="an-answer"'), "line 14: exercise='an-answer' must be a Python"),
    "accent in the name": (exercise(options='exercise="é"'), "line 14: exercise='é' must be a Python name"),
    "long name": (exercise(options=f'exercise="{"a" * 52}"'), "must be a Python name of at most 51"),
    "name not a text": (exercise(options="exercise=1"), "line 14: exercise=1 must be a Python name"),
    "on a text": (exercise("# 1", '[markdown] exercise="answer"'), "line 14: exercise='answer' stands on a markdown"),
    "also a check": (exercise(options='exercise="answer" check="answer"'), "an exercise or a check, not both"),
    "points in words": (exercise(options='exercise="answer" points="two"'), "line 14: points='two' must be a whole"),
    "points nowhere": (exercise(options='exercise="answer"'), "line 15: the exercise 'answer' has no spec"),
    "no check": (exercise(after=""), "line 15: the exercise 'answer' has no check after it"),
    "check of another": (exercise(after='\n# %% check="other"\n1\n'), "line 20: this checks 'other', but no exercise"),
    "two checks": (exercise(after=CHECK * 2), "line 23: there is a check of 'answer' already"),
    "check first": (lesson(CHECK + exercise()[len(lesson("")) :]), "line 15: this checks 'answer', but no exercise"),
    "twice": (exercise(after=exercise()[len(lesson("")) :]), "line 20: there is an exercise 'answer' already"),
    "another name": (exercise(SOLVED.replace("answer", "other")), "line 15: the exercise 'answer' does not define"),
    "broken code": (exercise("answer = (\n" + SOLVED), "this exercise is not valid Python"),
}
BAD_MARKERS = {
    "no end": (exercise("### BEGIN SOLUTION\nanswer = 1"), "line 15: '### BEGIN SOLUTION' has no '### END"),
    "no begin": (exercise("answer = 1\n### END SOLUTION"), "line 16: '### END SOLUTION' has no '### BEGIN"),
    "nested": (exercise("### BEGIN SOLUTION\n" + SOLVED), "line 16: a '### BEGIN SOLUTION' stands inside"),
    "none": (exercise("answer = 1"), "line 15: the exercise 'answer' has no solution between"),
    "empty": (exercise("answer = 1\n### BEGIN SOLUTION\n### END SOLUTION"), "line 16: there is no code"),
    "mistyped": (exercise(SOLVED.replace("### BEGIN", "## Begin")), "line 15: '## Begin SOLUTION' looks like"),
    "in another cell": (lesson(f"\n# %%\n{SOLVED}\n"), "line 15: '### BEGIN SOLUTION' stands in a cell without"),
    "in a text": (lesson("\n# %% [markdown]\n# ### BEGIN SOLUTION\n# ### END SOLUTION\n"), "line 15: '### BEGIN"),
    "in a check": (exercise(after=CHECK.replace("1", SOLVED)), "line 20: '### BEGIN SOLUTION' stands in a cell"),
    "in an if": (
        exercise("answer = 1\nif answer:\n    ### BEGIN SOLUTION\n    answer = 2\n    ### END SOLUTION"),
        "line 17: a solution outside a function must start at the margin",
    ),
    "around half an if": (
        exercise("### BEGIN SOLUTION\nanswer = 1\nif answer:\n    pass\n### END SOLUTION\nelse:\n    pass"),
        "line 15: without its solution this cell is not valid Python",
    ),
}
BAD_LESSONS = {
    f"{table}: {name}": case
    for table, cases in {
        "card": BAD_CARDS,
        "cells": BAD_CELLS,
        "exercise": BAD_EXERCISES,
        "markers": BAD_MARKERS,
    }.items()
    for name, case in cases.items()
}


@pytest.mark.parametrize(("text", "expected"), BAD_LESSONS.values(), ids=BAD_LESSONS)
def test_a_malformed_lesson_is_refused(tiny, run, text, expected):
    write_lesson(tiny, "71_beta", text)
    before = files_of(tiny)
    is_refused(run("build"), "course_lessons/beta/71_beta.py", expected)
    assert files_of(tiny) == before
    assert run("build", "--check").status == 2 and run("run").status == 2


def test_a_lesson_that_is_not_text_is_refused(tiny, run):
    write_lesson(tiny, "71_beta", b"# ---\n\xff\xfe")
    is_refused(run("build"), "course_lessons/beta/71_beta.py: it cannot be read; a lesson is a text file in UTF-8.")


def test_a_lesson_that_is_a_folder_is_refused(tiny, run):
    tiny.source("72_gamma").mkdir(parents=True)
    is_refused(run("build"), "course_lessons/gamma/72_gamma.py: it cannot be read")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["gamma/gamma.py"], "course_lessons/gamma/: this room has no lesson"),
        (["gamma/exercises.py"], "course_lessons/gamma/: this room has no lesson"),
        (["gamma/7_gamma.py"], "course_lessons/gamma/7_gamma.py: a lesson is called after its room"),
        (["gamma/72_delta.py"], "course_lessons/gamma/72_delta.py: a lesson is called after its room"),
        (["Gamma/72_Gamma.py"], "course_lessons/Gamma/72_Gamma.py: a lesson is called after its room"),
        (["gamma/71_gamma.py", "gamma/72_gamma.py"], "course_lessons/gamma/: a room holds one lesson"),
    ],
)
def test_a_room_without_just_one_lesson_of_its_name_is_refused(tiny, run, files, expected):
    for file in files:
        (tiny.rooms / file).parent.mkdir(exist_ok=True)
        (tiny.rooms / file).write_text(GOOD, encoding="utf-8")
    is_refused(run("build"), expected)


SPEC = """\
from course_lib.exercises.spec import exercise

LESSON = "70_alpha"


@exercise(lesson=LESSON, points=2)
def double(number):
    return 2 * number
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("70_alpha", "71_beta", "line 6: double names the lesson '71_beta'; this room is 70_alpha's."),
        ("def double", "def treble", "line 6: the lesson has no exercise 'treble'; it has double, left."),
        ("return 2 *", "return 2 * *", "line 8: it is not valid Python"),
        ("lesson=LESSON, ", "", "line 6: double names the lesson None"),
    ],
)
def test_a_spec_that_is_not_the_lesson_s_is_refused(tiny, run, old, new, expected):
    (tiny.room("70_alpha") / "exercises.py").write_text(SPEC.replace(old, new), encoding="utf-8")
    is_refused(run("build"), "course_lessons/alpha/exercises.py, " + expected)


def test_a_spec_in_another_order_than_the_lesson_is_refused(tiny, run):
    before = SPEC.replace("@exercise", "@exercise(lesson=LESSON, points=1)\ndef left():\n    return 1\n\n\n@exercise")
    (tiny.room("70_alpha") / "exercises.py").write_text(before, encoding="utf-8")
    is_refused(run("build"), "line 6: left stands where the lesson asks for double; declare them as on the page: ")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("70_alhpa", "no lesson is called '70_alhpa'; did you mean 70_alpha?"),
        ("alpa", "did you mean 70_alpha?"),
        ("zzzzzz", "no lesson is called 'zzzzzz'; there is 70_alpha, 71_beta."),
        ("99", "no lesson is called '99'; there is 70_alpha, 71_beta."),
        ("lessons/72_gone.py", "no lesson is called 'lessons/72_gone.py'"),
    ],
)
@pytest.mark.parametrize("command", [("build",), ("build", "--check"), ("run",)], ids=" ".join)
def test_an_unknown_lesson_is_refused(tiny, run, command, given, expected):
    before = files_of(tiny)
    is_refused(run(*command, given), "course_lessons/", expected)
    assert files_of(tiny) == before


def test_a_number_that_two_lessons_have_is_refused(tiny, run):
    write_lesson(tiny, "70_again", GOOD)
    is_refused(run("build", "70"), "'70' could be 70_again or 70_alpha; give the whole name.")


@pytest.mark.parametrize("given", ["70_alpha", "70", "course_lessons/alpha/70_alpha.py", "../notebooks/70_alpha.ipynb"])
def test_a_lesson_is_known_by_name_number_and_path(tiny, run, given):
    ended = run("build", "--check", given)
    assert ended.status == 1
    assert "70_alpha.ipynb: it is missing" in ended.out and "71_beta" not in ended.out


def test_no_lessons_at_all(tmp_path, capsys, monkeypatch):
    project = make_course(tmp_path / "empty")
    is_refused(course(capsys, monkeypatch, project.root, "build"), "lessons holds no lesson")


def test_outside_the_project(tmp_path, capsys, monkeypatch):
    for command in ("build", "run"):
        is_refused(course(capsys, monkeypatch, tmp_path, command), f"{tmp_path} is not inside the course")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PYPROJECT.replace("[project.urls]", "[project.urls"), "pyproject.toml: it cannot be read as TOML"),
        (PYPROJECT.replace("Source", "Home"), "pyproject.toml: [project.urls] must give Source"),
    ],
)
def test_a_broken_pyproject_is_refused(tiny, run, text, expected):
    (tiny.root / "pyproject.toml").write_text(text, encoding="utf-8")
    before = files_of(tiny)
    is_refused(run("build"), expected)
    assert files_of(tiny) == before


def test_an_unknown_option_or_command_is_refused(run):
    for arguments in (["build", "--chek"], ["bild"]):
        assert run(*arguments).status == 2


def test_a_wrong_scale_is_refused_before_anything_runs(run, monkeypatch):
    monkeypatch.setenv("COURSE_SCALE", "huge")
    monkeypatch.setattr("course_tools.execute.execute", None)
    is_refused(run("run"), "COURSE_SCALE is 'huge', but it must be one of: laptop, gpu.")


# --- course run


def test_run_shows_time_and_memory_of_each_lesson(tiny, run):
    before = files_of(tiny)
    ended = run("run", "--student")
    assert (ended.status, ended.err) == (0, "")
    for name in ("70_alpha", "71_beta"):
        row = next(line for line in ended.out.splitlines() if name in line)
        seconds, megabytes = (float(number) for number in re.findall(r"│ +(\d+(?:\.\d+)?) +(?=│)", row))
        assert 0 < seconds < 60 and 20 < megabytes < 2000
        assert re.search(r"ran .*\d s, (line \d+|[a-z-]+ cell) │", row)
    assert files_of(tiny) == before


def test_run_uses_blanks_only_when_asked(tiny, run):
    text = GOOD.replace("assert callable(double)", "assert double(1) == 2")
    write_lesson(tiny, "70_alpha", text)
    assert run("run", "70").status == 0
    ended = run("run", "70", "--student")
    assert ended.status == 1 and "NotImplementedError" in ended.out


def test_run_goes_on_after_a_lesson_that_fails(tiny, run):
    write_lesson(tiny, "70_alpha", GOOD.replace('print("exact")', "1 / 0"))
    ended = run("run")
    assert ended.status == 1
    assert re.search(r"70_alpha +│ failed", ended.out) and re.search(r"71_beta +│ ran", ended.out)
    assert "alpha/70_alpha.py, line 18: this cell failed when it was executed:\n\n    1 / 0\n" in ended.out
    assert "ZeroDivisionError" in ended.out
    assert "unknown" not in ended.out  # the memory is known even so


# --- course doctor


@pytest.fixture
def keras(tmp_path, monkeypatch):
    """Puts a module of the given text in place of Keras."""

    def replace(text: str) -> None:
        folder = tmp_path / "modules"
        folder.mkdir()
        (folder / "keras.py").write_text(text, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(folder))

    return replace


GOOD_KERAS = """
class backend:
    backend = staticmethod(lambda: "tensorflow")
class distribution:
    list_devices = staticmethod(lambda: ["cpu:0", "gpu:0"])
__version__ = "3.6.1"
print("noise")
"""


def examined(capsys, monkeypatch, folder):
    """Status and lines of `course doctor`; it needs no project."""
    ended = course(capsys, monkeypatch, folder, "doctor")
    assert ended.err == ""
    return ended.status, ended.out


def test_doctor_finds_all_that_is_needed(tmp_path, capsys, monkeypatch, keras):
    keras(GOOD_KERAS)
    status, out = examined(capsys, monkeypatch, tmp_path)
    assert status == 0, out
    assert "ok       Keras: 3.6.1 starts, on tensorflow" in out
    assert "ok       device: gpu:0" in out
    assert "ok       scale: laptop" in out
    assert "ok       data: digits" in out
    assert "ok       kernel: python3" in out
    assert "Everything that a lesson needs is here." in out
    for package in ("tensorflow", "numpy", "ipywidgets"):
        assert f"ok       {package}: {metadata.version(package)}" in out


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('raise ImportError("a library is missing")', "a library is missing"),
        ("import os; os._exit(9)", "it ended with status 9"),
    ],
)
def test_doctor_survives_a_broken_keras(tmp_path, capsys, monkeypatch, keras, text, reason):
    keras(text)
    status, out = examined(capsys, monkeypatch, tmp_path)
    assert status == 1
    assert "problem  Keras: it does not start: " in out and reason in out
    assert "-> " in out and "--force-reinstall keras tensorflow" in out
    assert "ok       kernel" in out and "1 problem(s) to mend." in out


def test_doctor_says_what_is_missing_or_too_old(tmp_path, capsys, monkeypatch, keras):
    keras(GOOD_KERAS)
    real = metadata.version

    def version(name: str) -> str:
        if name in ("scipy", "jupyterlab", "nbclient"):
            raise metadata.PackageNotFoundError(name)
        return "3.5.0" if name == "keras" else real(name)

    monkeypatch.setattr(metadata, "version", version)
    status, out = examined(capsys, monkeypatch, tmp_path)
    assert status == 1
    assert "problem  scipy: not installed; the course needs >=" in out
    assert re.search(r'-> \S+ -m pip install --upgrade "scipy>=', out)
    assert "problem  keras: this is 3.5.0; the course needs >=3.6." in out
    assert "note     JupyterLab: not installed" in out
    assert "note     course tools: missing nbclient; needed only" in out
    assert "2 problem(s) to mend." in out


def test_doctor_warns_of_the_plugin_that_computes_wrongly(tmp_path, capsys, monkeypatch, keras):
    keras(GOOD_KERAS)
    assert "tensorflow-metal" not in examined(capsys, monkeypatch, tmp_path)[1]
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "1.2.0" if name == "tensorflow-metal" else real(name))
    status, out = examined(capsys, monkeypatch, tmp_path)
    assert status == 1
    assert "problem  tensorflow-metal: 1.2.0 is installed; TensorFlow is known to compute wrongly with it." in out
    assert re.search(r"-> \S+ -m pip uninstall tensorflow-metal", out)


def test_doctor_works_where_the_course_is_not_installed(tmp_path, capsys, monkeypatch, keras):
    keras(GOOD_KERAS)

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", missing)
    status, out = examined(capsys, monkeypatch, tmp_path)
    assert status == 1
    assert "problem  packages: could not be examined: PackageNotFoundError" in out
    assert '-m pip install -e ".[teach]"' in out
    assert "ok       Keras" in out


def test_doctor_notes_a_wrong_scale_and_an_old_python(tmp_path, capsys, monkeypatch, keras):
    keras(GOOD_KERAS)
    monkeypatch.setenv("COURSE_SCALE", "huge")
    monkeypatch.setattr(doctor.platform, "python_version", lambda: "3.8.1")
    status, out = examined(capsys, monkeypatch, tmp_path)
    assert status == 1
    assert "problem  scale: COURSE_SCALE is 'huge'" in out
    assert "problem  Python: this is 3.8.1; the course needs >=3.10." in out


# --- the command itself


def test_the_command_starts_quickly_and_without_heavy_libraries():
    program = (
        "import sys; from course_tools import cli; cli.app(['--help'], standalone_mode=False); "
        "heavy = {'nbformat', 'jupytext', 'nbclient', 'jsonschema', 'numpy', 'keras'} & set(sys.modules); "
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=HANGS)
    assert answer.returncode == 0, answer.stderr
    assert all(command in answer.stdout for command in ("build", "run", "doctor"))


def test_the_installed_command_ends_with_status_2(tmp_path):
    command = Path(sys.executable).with_name("course")
    if not command.exists():
        pytest.skip("the package is not installed, so there is no `course` beside this Python")
    answer = subprocess.run([command, "build"], cwd=tmp_path, capture_output=True, text=True, timeout=HANGS)
    assert answer.returncode == 2
    assert answer.stdout == "" and "is not inside the course" in answer.stderr


def test_without_typer_the_command_says_what_to_install(tmp_path):
    program = "import sys; sys.modules['typer'] = None; import course_tools.cli"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=HANGS)
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1 and 'pip install -e ".[teach]"' in answer.stderr


def test_a_missing_package_is_named_with_what_to_install(run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jinja2", None)  # Python's way to say that it cannot be imported
    for name in [name for name in sys.modules if name.startswith("course_tools.grading")]:
        monkeypatch.delitem(sys.modules, name)
    ended = run("grade", str(tmp_path), "--out", str(tmp_path / "out"))
    assert ended.status == 2 and "jinja2" in ended.err and 'pip install -e ".[teach]"' in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("package", ["jupytext", "yaml", "jsonschema"])
@pytest.mark.parametrize("command", ["build", "run"])
def test_without_the_teacher_s_packages_lessons_are_not_blamed(tiny, run, monkeypatch, command, package):
    monkeypatch.setitem(sys.modules, package, None)  # as after `make lab`
    ended = run(command)
    assert ended.status == 2 and "lessons/" not in ended.err
    assert ended.err.startswith(f"This needs {package}; ") and 'pip install -e ".[teach]"' in ended.err
