"""Every cell of every lesson may be run again, and no name changes its kind."""

import subprocess
import sys
from pathlib import Path

import pytest
from lesson_code import all_lessons
from waiting import HANGS

# These rebind names still; a lesson leaves this list when it is mended.
NOT_YET = {"26_visualising_features"}


@pytest.mark.parametrize("lesson", sorted(all_lessons().keys() - NOT_YET))
def test_every_cell_runs_twice_and_every_name_keeps_its_kind(lesson):
    command = [sys.executable, "twice.py", lesson]
    told = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent, timeout=20 * HANGS)
    assert told.returncode == 0, told.stderr[-2000:]
    assert not told.stdout.strip(), told.stdout
