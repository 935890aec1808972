"""What the first cell of a lesson does, and that loading the library stays cheap. Each case in a process of its own."""

import json
import os
import subprocess
import sys

import pytest
from waiting import HANGS


def run(code: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment}, timeout=HANGS
    )


def test_importing_the_library_is_quick_and_loads_nothing_large():
    code = """
import json, sys, time
start = time.process_time()
import course_lib
seconds = time.process_time() - start
large = sorted({"numpy", "keras", "tensorflow", "jax", "matplotlib", "scipy", "IPython"} & set(sys.modules))
print(json.dumps([seconds, large]))
"""
    runs = [json.loads(run(code).stdout) for _ in range(3)]
    assert min(seconds for seconds, _ in runs) < 0.2
    assert all(large == [] for _, large in runs)


def test_start_prints_one_line_and_nothing_else():
    result = run('import course_lib; course_lib.start("02_perceptron")', COURSE_SCALE="laptop")
    assert result.stderr == ""
    (line,) = result.stdout.splitlines()
    for word in ("Python 3.", "Keras 3.", "CPU", "laptop scale", os.environ.get("KERAS_BACKEND", "tensorflow")):
        assert word in line


def test_start_fixes_the_seeds():
    code = """
import course_lib; course_lib.start("02_perceptron")
import keras, numpy as np
print(np.random.rand(), keras.ops.convert_to_numpy(keras.random.normal((2,))))
"""
    assert run(code).stdout == run(code).stdout


def test_stderr_comes_back_after_the_noise():
    start = 'import course_lib, sys, os; course_lib.start("02_perceptron")'
    assert run(f'{start}; print("seen", file=sys.stderr); os.write(2, b"raw")').stderr == "seen\nraw"


@pytest.mark.parametrize(("chosen", "number"), [("laptop", "1"), ("gpu", "2")])
def test_scale(chosen, number):
    assert (
        run("import course_lib; print(course_lib.scale(laptop=1, gpu=2))", COURSE_SCALE=chosen).stdout.strip() == number
    )


def test_an_unknown_scale_is_named():
    result = run('import course_lib; course_lib.start("02_perceptron")', COURSE_SCALE="huge")
    assert result.returncode == 1
    assert "COURSE_SCALE is 'huge', but it must be one of: laptop, gpu." in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("pretend", "words"),
    [
        ("lambda name: '2.15.0'", "Keras 2.15.0 is installed, but the course needs 3.6 or newer. Run  %pip install"),
        (
            "lambda name: (_ for _ in ()).throw(importlib.metadata.PackageNotFoundError(name))",
            "Keras is not installed. Run",
        ),
    ],
)
def test_an_old_or_missing_keras_is_named_with_the_remedy(pretend, words):
    result = run(
        f'import importlib.metadata, course_lib; importlib.metadata.version = {pretend}; course_lib.start("x")'
    )
    assert words in result.stderr.splitlines()[-1]


def test_a_notebook_shows_the_sentence_without_frames():
    from course_lib.quiet import SetupError

    assert SetupError("Mend it.")._render_traceback_() == ["\N{WARNING SIGN} Mend it."]
