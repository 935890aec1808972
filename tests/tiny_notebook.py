"""Notebooks of a few cells on the exercises of lesson 02, which need no TensorFlow, and pytest runs over them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from waiting import HANGS

START = 'from course_lib.exercises import check, open_lesson as start\nstart("02_perceptron")'
RIGHT = """\
import numpy as np
def predict(inputs, weights):
    return np.where(weights[0] + inputs @ weights[1:] > 0, 1, -1)"""
WRONG = "import numpy as np\nweights_for_nand = np.array([0.0, 0.0, 0.0])"
BLANK = "def update(weights, example, target, learning_rate):\n    raise NotImplementedError"


def write_notebook(file: Path, *cells: str | dict, kernel: str = "python3") -> Path:
    """A notebook whose code cells have the given sources; a dictionary adds to what a cell is made of."""
    file.parent.mkdir(parents=True, exist_ok=True)
    code = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    notebook = {
        "cells": [
            {**code, "id": f"c{number}", **(cell if isinstance(cell, dict) else {"source": cell})}
            for number, cell in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": kernel}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    file.write_text(json.dumps(notebook), encoding="utf-8")
    return file


def run_pytest(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess:
    """pytest in `folder`, without the settings of the run that this is called from."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "COURSE_CHECK", "NBGRADER_"))
    }
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no", "-c", os.devnull]
    return subprocess.run(
        [*command, "--rootdir", str(folder), *arguments],
        cwd=folder,
        env={**inherited, **settings},
        capture_output=True,
        text=True,
        timeout=HANGS,
    )
