"""Every cell of every lesson may be run again, and no name changes its kind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lesson_code import all_lessons
from twice import worth_running
from waiting import HANGS


@pytest.mark.parametrize("lesson", sorted(all_lessons()))
def test_every_cell_runs_twice_and_every_name_keeps_its_kind(lesson):
    command = [sys.executable, "twice.py", lesson]
    told = subprocess.run(
        command,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        timeout=20 * HANGS,
    )
    assert told.returncode == 0, told.stderr[-2000:]
    assert not told.stdout.strip(), told.stdout


def test_only_what_could_break_is_run():
    sources = [
        "import numpy as np\nx = np.arange(3)\nnp.random.seed(0)",
        "y = x + 1",
        "x = x / 2",
        "f = len",
        "f = 2",
        "x.sort()",
    ]
    statements, twice = worth_running(sources)
    assert twice == {2, 5}
    assert statements == {0: [0, 1, 2], 1: [], 2: [0], 3: [0], 4: [0], 5: [0]}
