"""How fast is `course grade`? Beside nbgrader, nbval and otter-grader on the same submissions, and as a class grows.

usage: python benchmarks/grading.py [--peers N] [--otter PYTHON] [--growth] [--cost]

A class of 20 hands in lesson 09: some right, some wrong, some blank. `course grade --jobs 2` grades all of them in its
sandbox; the others execute whole notebooks, which takes them minutes, so each is timed on N submissions (20 unless told
otherwise) and everything is compared by the seconds for one. otter-grader wants an environment of its own: give the
Python of one that has it, and this course.
"""

from __future__ import annotations

import argparse
import json
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy: a process can be forked while it has one thread

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from course_lib.exercises.spec import find, specs
from course_tools import warm
from course_tools.grading.desk import Job
from course_tools.grading.inside import answer
from course_tools.grading.limits import Limits
from course_tools.grading.needed import Notebook
from course_tools.grading.question import Question
from course_tools.grading.reading import read_notebook
from course_tools.grading.sandbox import Sandbox

ROOT = Path(__file__).parents[1]
LESSON, CLASS = "09_convolution", 20
QUIET = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "OPENBLAS_NUM_THREADS": "1"}
QUIET["PATH"] = f"{Path(sys.executable).parent}:{QUIET['PATH']}"  # nbgrader calls alembic
FLIP = "kernel = kernel[::-1, ::-1]\n    ### BEGIN SOLUTION"


def make_class(folder: Path, size: int) -> None:
    """Of five students two are right, one flips the kernel, one also guesses another answer, one hands in a blank."""
    solved = json.loads((ROOT / "notebooks" / "solutions" / f"{LESSON}.ipynb").read_text(encoding="utf-8"))
    blank = json.loads((ROOT / "notebooks" / f"{LESSON}.ipynb").read_text(encoding="utf-8"))
    for number in range(size):
        kind = number % 5
        notebook = json.loads(json.dumps(blank if kind == 4 else solved))
        for cell in notebook["cells"]:
            source = "".join(cell["source"])
            if kind in (1, 3) and "def correlate2d" in source:
                cell["source"] = source.replace("### BEGIN SOLUTION", FLIP)
            if kind == 3 and "def output_size" in source:
                cell["source"] = source.replace("    ### BEGIN SOLUTION", "    return size\n    ### BEGIN SOLUTION")
        path = folder / f"student{number:03d}" / LESSON / f"{LESSON}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook), encoding="utf-8")


def run(command: list, folder: Path, **settings) -> float:
    """Seconds that a command takes. A peer may fail wrong submissions; a crash of its own must not pass for speed."""
    began = time.perf_counter()
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**QUIET, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise SystemExit(
            f"{command[:4]} ended with status {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return time.perf_counter() - began


def course_grade(handed_in: Path, work: Path, jobs: int = 2) -> tuple[float, float]:
    """Seconds, and the peak memory of the grader's own process in MB."""
    out = work / "marks"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-c", "from course_tools.cli import main; main()", "grade", handed_in, "--out", out]
    command += ["--require-sandbox", "--jobs", jobs, "--seed", 1]
    began, peak = time.perf_counter(), 0
    running = psutil.Popen([str(part) for part in command], cwd=ROOT, env=QUIET, stdout=subprocess.DEVNULL)
    while running.poll() is None:
        try:
            peak = max(peak, running.memory_info().rss)
        except psutil.Error:
            break
        time.sleep(0.05)
    if running.wait() != 0:
        raise SystemExit("course grade failed")
    return time.perf_counter() - began, peak / 1e6


def nbgrader(handed_in: Path, work: Path, number: int) -> float:
    """`nbgrader autograde`, which takes one submission after the other; making the assignment is not counted."""
    school = work / "school"
    source = school / "source" / LESSON
    source.mkdir(parents=True)
    shutil.copy(ROOT / "notebooks" / "solutions" / f"{LESSON}.ipynb", source)
    (school / "nbgrader_config.py").write_text(
        'c = get_config()\nc.CourseDirectory.course_id = "bench"\nc.ExecutePreprocessor.timeout = 600\n'
    )
    tool = [sys.executable, "-m", "nbgrader"]
    run([*tool, "generate_assignment", LESSON, "--create"], school)
    for student in sorted(handed_in.iterdir())[:number]:
        shutil.copytree(student, school / "submitted" / student.name)
    seconds = run([*tool, "autograde", LESSON, "--create"], school)
    graded = list((school / "autograded").glob(f"*/{LESSON}/*.ipynb"))
    if len(graded) != number:
        raise SystemExit(f"nbgrader graded {len(graded)} of {number} submissions")
    return seconds


def nbval(handed_in: Path, work: Path, number: int) -> float:
    files = sorted(handed_in.glob("*/*/*.ipynb"))[:number]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        2,
        "--dist",
        "loadfile",
        "--nbval-lax",
        "--nbval-current-env",
    ]
    return run([*command, "--nbval-cell-timeout=600", *files], work)


def otter(handed_in: Path, work: Path, number: int, python: str) -> float:
    """`otter run`, a command for each submission; its tests ask the same judge about the same exercises."""
    tests = work / "otter" / "tests"
    tests.mkdir(parents=True)
    for exercise in specs(LESSON).values():
        code = (
            ">>> from course_lib.exercises import find, judge\n"
            f">>> judge(find({LESSON!r}, {exercise.name!r}), {exercise.name}, seed=1).correct\nTrue"
        )
        suite = {"cases": [{"code": code, "hidden": False, "locked": False}], "scored": True, "type": "doctest"}
        test = {"name": exercise.name, "points": exercise.points, "suites": [{**suite, "setup": "", "teardown": ""}]}
        (tests / f"{exercise.name}.py").write_text(f"OK_FORMAT = True\n\ntest = {test!r}\n")
    tool = [python, "-m", "otter"]
    run([*tool, "generate", "-t", tests, "-o", work / "otter" / "autograder.zip", "--no-environment"], work / "otter")
    seconds = 0.0
    for student in sorted(handed_in.iterdir())[:number]:
        out = work / "otter" / student.name
        out.mkdir()
        file = next(student.glob("*/*.ipynb"))
        command = [*tool, "run", "-a", work / "otter" / "autograder.zip", "-o", out, "--no-logo", file]
        seconds += run(command, work / "otter", PYTHONPATH=str(ROOT))
        if not (out / "results.json").is_file():
            raise SystemExit("otter wrote no results")
    return seconds


def compare(peers: int, otter_python: str | None) -> Table:
    table = Table("20 submissions of lesson 09", title="Seconds for one submission", title_justify="left")
    for heading in ("submissions", "seconds", "for one", "times course grade"):
        table.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        handed_in, work = Path(folder, "submitted"), Path(folder, "work")
        work.mkdir()
        make_class(handed_in, CLASS)
        timed = {"course grade --jobs 2, sandboxed": (CLASS, course_grade(handed_in, work)[0])}
        timed["pytest --nbval-lax -n 2"] = (peers, nbval(handed_in, work, peers))
        timed["nbgrader autograde"] = (peers, nbgrader(handed_in, work, peers))
        if otter_python:
            timed["otter run"] = (peers, otter(handed_in, work, peers, otter_python))
    number, own = timed["course grade --jobs 2, sandboxed"]
    for name, (count, seconds) in timed.items():
        ratio = (seconds / count) / (own / number)
        table.add_row(name, str(count), f"{seconds:.1f}", f"{seconds / count:.2f}", f"{ratio:.1f}")
    return table


def growth() -> Table:
    table = Table("submissions", title="course grade as the class grows", title_justify="left")
    for heading in ("seconds", "ms for each further one", "grader's peak MB"):
        table.add_column(heading, justify="right")
    before = None
    for size in (20, 100, 500):
        with tempfile.TemporaryDirectory() as folder:
            make_class(Path(folder, "submitted"), size)
            seconds, peak = course_grade(Path(folder, "submitted"), Path(folder))
        each = "" if before is None else f"{1000 * (seconds - before[1]) / (size - before[0]):.0f}"
        table.add_row(str(size), f"{seconds:.1f}", each, f"{peak:.0f}")
        before = size, seconds
    return table


def in_a_bare_fork(job: dict) -> float:
    """Milliseconds of processor time for a student's needed cells and all cases, in a fork of this warm process."""
    reading, writing = os.pipe()
    child = warm.fork()
    if child == 0:
        try:
            answer.run(job, lambda message: None)
            spent = resource.getrusage(resource.RUSAGE_SELF)
            os.write(writing, str(1000 * (spent.ru_utime + spent.ru_stime)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading) as pipe:
        milliseconds = float(pipe.read())
    os.waitpid(child, 0)
    return milliseconds


def single_answers() -> Iterator[Job]:
    for lesson in ("09_convolution", "05_mlp_backprop", "13_first_cnn_lenet"):
        notebook = Notebook(read_notebook(ROOT / "notebooks" / "solutions" / f"{lesson}.ipynb").cells)
        for name in specs(lesson):
            question, program = Question(find(lesson, name), 1), notebook.program(name)
            keras = program.uses_keras or question.uses_keras
            yield Job.of([(question, program)], notebook, keras, files={}, run_all=False)


def cost(rounds: int = 7) -> Table:
    table = Table("exercise", title="Milliseconds for one answer, one after the other", title_justify="left")
    for heading in ("own cells, CPU", "in the sandbox, CPU", "ratio", "with all around it, wall"):
        table.add_column(heading, justify="right")
    warm.warm_up()
    jobs = list(single_answers())
    own = [statistics.median(in_a_bare_fork(json.loads(job.data)) for _ in range(rounds)) for job in jobs]
    with Sandbox(Limits(), walls=True) as sandbox:  # it starts a thread, and no process with two can be forked
        for job, alone in zip(jobs, own, strict=True):
            sandbox.run(job.data, job.keras)  # the warm process starts
            inside, wall = [], []
            for _ in range(rounds):
                began = time.perf_counter()
                inside.append(1000 * sandbox.run(job.data, job.keras)[0]["cpu"])
                wall.append(1000 * (time.perf_counter() - began))
            inside, wall = map(statistics.median, (inside, wall))
            table.add_row(job.exercises[0], f"{alone:.1f}", f"{inside:.1f}", f"{inside / alone:.2f}", f"{wall:.0f}")
    return table


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--peers", type=int, default=CLASS, help="submissions that the others grade")
    options.add_argument("--otter", metavar="PYTHON", help="Python of an environment with otter-grader")
    options.add_argument("--growth", action="store_true", help="grade classes of 20, 100 and 500 instead")
    options.add_argument("--cost", action="store_true", help="look at single answers instead")
    chosen = options.parse_args()
    Console().print(growth() if chosen.growth else cost() if chosen.cost else compare(chosen.peers, chosen.otter))


if __name__ == "__main__":
    main()
