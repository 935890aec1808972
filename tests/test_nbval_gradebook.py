"""`pytest --nbval-lax --gradebook`: verdicts and points of tiny submissions, alone and with two workers."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_notebook import BLANK, RIGHT, START, WRONG, run_pytest, write_notebook
from waiting import HANGS

from course_tools.grading.gradebook import COLUMNS
from course_tools.nbval_gradebook import Notebook, checks_in, folder_of_submissions

NBVAL = ("--nbval-lax", "--nbval-current-env", "--gradebook", "marks.csv")
# Not what Jupyter's protocol allows; the whole run must survive it.
FORGED = """
session, socket = get_ipython().kernel.session, get_ipython().kernel.iopub_socket
for data in ("text", {"text/plain": 5}, None):
    session.send(socket, "display_data", {"data": data, "metadata": {}}, parent=get_ipython().parent_header)
check(update)
"""
RAISES = "def margin(inputs, targets, weights):\n    return 1 / 0"
CHECK_NAND = "check(weights_for_nand=weights_for_nand)"


def marks(folder) -> dict[tuple[str, str], dict]:
    """The rows of the gradebook by student and exercise."""
    assert (folder / "marks.csv").read_bytes().startswith(b"\xef\xbb\xbf")  # else Excel spoils Zoë
    with (folder / "marks.csv").open(newline="", encoding="utf-8-sig") as file:
        table = csv.DictReader(file)
        rows = {(row["student"], row["exercise"]): row for row in table}
        assert table.fieldnames == list(COLUMNS)
        assert table.line_num == len(rows) + 1  # nobody has an exercise twice
    return rows


def of(rows, student: str) -> dict[str, tuple[str, str]]:
    """Verdict and points of each exercise."""
    return {exercise: (row["verdict"], row["points"]) for (who, exercise), row in rows.items() if who == student}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """One run with two workers over submissions in all three layouts."""
    folder = tmp_path_factory.mktemp("school") / "class"
    write_notebook(folder.parent / "handout.ipynb", "1 + 1")  # beside the submissions, and none of them
    checks = ["check(predict)", CHECK_NAND, "check(update)", "check(margin)"]
    write_notebook(folder / "anna" / "02_perceptron.ipynb", START, RIGHT, WRONG, BLANK, RAISES, *checks)
    # Everything in one cell, in another order, after a line of IPython, with noise on stderr, under a strange name.
    everything = (
        f"%env NOISE=yes\n{RIGHT}\n{WRONG}\nimport warnings\nwarnings.warn('careful')\ncheck(predict)\n{CHECK_NAND}"
    )
    write_notebook(folder / "=bert" / "02_perceptron" / "02_perceptron.ipynb", START, everything)
    # Right at first, wrong at last; a check that is never reached; one that is swallowed; one that nbval would skip.
    write_notebook(
        folder / "carl_02_perceptron.ipynb",
        'from course_lib.exercises import check, open_lesson\nopen_lesson("02_perceptron")',
        RIGHT,
        "check(predict)",
        "def predict(inputs, weights):\n    return inputs @ weights[1:]",
        "check(predict)",
        f"{WRONG}\ntry:\n    {CHECK_NAND}\nexcept AssertionError:\n    pass",
        f"{BLANK}\nif False:\n    check(update)",
        f"# NBVAL_RAISES_EXCEPTION\n{RAISES}\ncheck(margin)",
        "# NBVAL_SKIP\ncheck(average_weights=None)",
    )
    (folder / "dora_02_perceptron.ipynb").write_text('{"cells": [', encoding="utf-8")
    write_notebook(folder / "emil_02_perceptron.ipynb")
    write_notebook(folder / "fred.ipynb", "1 + 1")
    # A cell that was run before must not be held against its author for what it prints now.
    output = {"output_type": "stream", "name": "stdout", "text": "something else"}
    ran = {"source": f"# NBVAL_CHECK_OUTPUT\n{RIGHT}\ncheck(predict)", "outputs": [output], "execution_count": 1}
    write_notebook(folder / "gina_02_perceptron.ipynb", START, ran, "check(margin\n", FORGED)
    answer = run_pytest(folder, *NBVAL, "-n", "2", ".", COURSE_CHECK="show")
    assert (folder / "marks.csv").exists(), answer.stdout + answer.stderr
    return marks(folder), answer.stdout


def test_right_wrong_blank_raising_and_missing(graded):
    rows, _ = graded
    assert of(rows, "anna") == {
        "predict": ("correct", "2"),
        "weights_for_nand": ("wrong", "0"),
        "update": ("not attempted", "0"),
        "margin": ("raised", "0"),
        "average_weights": ("missing", "0"),
    }
    assert {row["out of"] for (_, exercise), row in rows.items() if exercise == "predict"} == {"2"}
    assert "ZeroDivisionError" in rows["anna", "margin"]["reason"]
    assert rows["anna", "average_weights"]["reason"] == "No cell checks average_weights."
    assert rows["anna", "predict"]["reason"] == "" and 0 <= float(rows["anna", "predict"]["seconds"]) < 30


def test_the_place_of_a_check_and_noise_do_not_matter_and_a_name_is_no_formula(graded):
    rows, _ = graded
    assert of(rows, "'=bert")["predict"] == ("correct", "2")
    assert of(rows, "'=bert")["weights_for_nand"] == ("wrong", "0")


def test_tricks_and_slips_earn_nothing(graded):
    rows, _ = graded
    assert of(rows, "carl") == {
        "predict": ("wrong", "0"),  # checked twice: it must be right both times
        "weights_for_nand": ("wrong", "0"),
        "update": ("missing", "0"),
        "margin": ("raised", "0"),
        "average_weights": ("missing", "0"),
    }


def test_what_a_correct_cell_prints_costs_nothing(graded):
    rows, _ = graded
    found = of(rows, "gina")
    assert found["predict"] == ("correct", "2")
    assert found["margin"] == ("raised", "0") and "SyntaxError" in rows["gina", "margin"]["reason"]
    assert found["update"] == ("raised", "0") and "NameError" in rows["gina", "update"]["reason"]


def test_what_a_notebook_brings_from_elsewhere_costs_nothing_and_the_first_cause_is_given(tmp_path):
    """A byte order mark, a kernel of its author's own, and a slip in a cell that later ones need."""
    slip = "def helper(x):\n    return x +"
    cells = [START, RIGHT, slip, "margin = helper(1)", "check(margin)", "check(predict)", "check(update)"]
    path = tmp_path / "anna_02_perceptron.ipynb"
    write_notebook(path, *cells)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["metadata"]["kernelspec"] = {"name": "conda-env-anna-py", "display_name": "Anna's", "language": "python"}
    path.write_text(json.dumps(notebook), encoding="utf-8-sig")
    options = [option for option in NBVAL if option != "--nbval-current-env"]
    answer = run_pytest(tmp_path, *options, ".")
    rows = marks(tmp_path)
    assert of(rows, "anna")["predict"] == ("correct", "2"), answer.stdout
    assert rows["anna", "margin"]["reason"].startswith("SyntaxError: invalid syntax")
    assert rows["anna", "update"]["reason"] == "NameError: name 'update' is not defined"


def test_files_that_are_no_submission_are_reported_and_the_others_go_on(graded):
    rows, out = graded
    assert {verdict for verdict, _ in of(rows, "dora").values()} == {"unreadable"} and len(of(rows, "dora")) == 5
    assert {verdict for verdict, _ in of(rows, "emil").values()} == {"missing"} and len(of(rows, "emil")) == 5
    nameless = [row for row in rows.values() if row["lesson"] == ""]
    assert [(row["student"], row["verdict"]) for row in nameless] == [("fred", "unreadable")]
    assert "marks.csv: 7 submission(s)" in out


def test_hanging_and_dying_cost_only_their_own_points(tmp_path):
    hang = "import time\nwhile True:\n    time.sleep(0.1)\ncheck(predict)"
    write_notebook(tmp_path / "anna_02_perceptron.ipynb", START, hang, WRONG, CHECK_NAND)
    write_notebook(tmp_path / "bert_02_perceptron.ipynb", START, "import os\nos._exit(0)\ncheck(predict)", CHECK_NAND)
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", START], check=True)
    limit = round(8 + 10 * (time.monotonic() - began))  # long enough for the set-up cell, however busy the machine is
    answer = run_pytest(tmp_path, *NBVAL, f"--nbval-cell-timeout={limit}", ".")
    rows = marks(tmp_path)
    assert of(rows, "anna")["predict"] == ("timed out", "0"), answer.stdout
    assert of(rows, "anna")["weights_for_nand"] == ("wrong", "0")
    assert of(rows, "bert")["predict"] == ("crashed", "0"), answer.stdout
    assert of(rows, "bert")["weights_for_nand"] == ("crashed", "0")
    assert float(rows["bert", "predict"]["seconds"]) < limit <= float(rows["anna", "predict"]["seconds"])


def test_a_run_that_is_cut_short_earns_nothing_for_the_rest(tmp_path):
    write_notebook(tmp_path / "anna_02_perceptron.ipynb", START, WRONG, CHECK_NAND, RIGHT, "check(predict)")
    run_pytest(tmp_path, *NBVAL, "-x", ".")
    found = of(marks(tmp_path), "anna")
    assert found["weights_for_nand"] == ("wrong", "0") and found["predict"] == ("crashed", "0")
    assert found["update"] == ("missing", "0")


def test_two_files_of_one_student_are_named(tmp_path):
    for name in ("anna/02_perceptron.ipynb", "anna_02_perceptron.ipynb"):
        write_notebook(tmp_path / name)
    answer = run_pytest(tmp_path, *NBVAL, ".")
    assert "2 files of anna: " in answer.stdout


def test_it_needs_nbval(tmp_path):
    answer = run_pytest(tmp_path, "--gradebook", "marks.csv")
    assert answer.returncode == 4 and "--gradebook needs --nbval-lax" in answer.stderr


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("check(predict)", {"predict"}),
        ("exercises.check(weights=weights)", {"weights"}),
        ("!ls\n%time check(a)\ncheck(b=1)", {"b"}),
        ("# check(predict)\n'check(update)'", set()),
        ("check(predict", {"predict"}),
        ("recheck(predict); check()", set()),
    ],
)
def test_an_exercise_is_known_by_its_check(source, names):
    assert checks_in(source) == names


@pytest.mark.parametrize(
    ("file", "source", "student", "lesson"),
    [
        ("in/anna/02_perceptron.ipynb", "", "anna", "02_perceptron"),
        ("in/anna/02_perceptron/02_perceptron.ipynb", "", "anna", "02_perceptron"),
        ("in/anna_b_02_perceptron.ipynb", "", "anna_b", "02_perceptron"),
        ("in/anna/homework.ipynb", 'course_lib.start("09_convolution")', "anna", "09_convolution"),
        ("in/anna/02_perceptron.ipynb", 'course_lib.start("09_convolution")', "anna", "09_convolution"),
        ("in/anna/homework.ipynb", 'start("../secret"); start(["x"][0]); start()', "anna", ""),
        ("in/an\nna/homework.ipynb", "", "an\\nna", ""),
        ("in/homework.ipynb", "", "homework", ""),
        ("in/_02_perceptron.ipynb", "", "_02_perceptron.ipynb", "02_perceptron"),
    ],
)
def test_student_and_lesson(file, source, student, lesson):
    report = Notebook(Path(file), [source]).report(Path("in"))
    assert (report.student, report.lesson) == (student, lesson)


@pytest.mark.parametrize(
    ("file", "given"),
    [
        ("/class/anna/02_perceptron.ipynb", "/class"),
        ("/class/anna/02_perceptron.ipynb", "/class/anna"),
        ("/class/anna/02_perceptron.ipynb", "/class/anna/02_perceptron.ipynb"),
        ("/class/anna/02_perceptron/02_perceptron.ipynb", "/class/anna"),
        ("/class/anna/02_perceptron/02_perceptron.ipynb", "/class/anna/02_perceptron"),
        ("/class/anna_02_perceptron.ipynb", "/class/anna_02_perceptron.ipynb"),
    ],
)
def test_a_student_is_known_whatever_is_given_to_pytest(file, given):
    assert folder_of_submissions(Path(file), {Path(given)}) == Path("/class")


def test_it_costs_nothing_when_it_is_not_used():
    program = (
        "import sys, pytest; before = set(sys.modules); import course_tools.nbval_gradebook; "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(new & {'numpy', 'IPython', 'nbformat', 'nbval', 'course_lib'})"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=HANGS)
    assert answer.stdout.strip() == "set()", answer.stderr
