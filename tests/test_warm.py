"""Forking a warm process: only with one thread, and with random states of its own. Each test has its own process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from waiting import HANGS

from course_tools import warm

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="warm starts need Linux")

DRAW = """
import json, os, random, sys
import numpy as np
from course_tools import warm

def draw():
    return [random.random(), np.random.rand()]

def child_draws():
    reads, writes = os.pipe()
    if warm.fork() == 0:
        os.write(writes, json.dumps(draw()).encode())
        os._exit(0)
    os.wait()
    return json.loads(os.read(reads, 1000))
"""


def run(program: str, **settings: str):
    """What the program prints, from JSON."""
    environment = {"PATH": "/usr/bin:/bin", "OPENBLAS_NUM_THREADS": "1", **settings}
    answer = subprocess.run(
        [sys.executable, "-c", DRAW + program], capture_output=True, text=True, timeout=HANGS, env=environment
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


@needs_linux
def test_children_draw_different_numbers_and_the_parent_keeps_its_own():
    first, second, parent, again = run("""
random.seed(1); np.random.seed(1)
children = child_draws(), child_draws()
parent = draw()
random.seed(1); np.random.seed(1)
print(json.dumps([*children, parent, draw()]))
""")
    for index in range(2):
        assert len({first[index], second[index], parent[index]}) == 3
    assert parent == again


def test_a_seed_repeats_and_no_seed_does_not():
    one, same, other, new, newer = run("""
drawn = []
for seed in (7, 7, 8, None, None):
    warm.reseed(seed)
    drawn.append(draw())
print(json.dumps(drawn))
""")
    assert one == same != other
    assert new != newer


@needs_linux
def test_a_second_thread_is_refused():
    said = run("""
import threading
release = threading.Event()
thread = threading.Thread(target=release.wait)
thread.start()
try:
    refusal = warm.fork()
except warm.WarmError as error:
    refusal = str(error)
finally:
    release.set()
thread.join()
if (child := warm.fork()) == 0:  # alone again
    os._exit(0)
os.waitpid(child, 0)
print(json.dumps(refusal))
""")
    assert said == "This process has 2 threads, and only one of them would live on in a fork."


@needs_linux
def test_warming_up_is_quiet_starts_no_thread_and_keeps_the_collector_off():
    threads, frozen = run("""
import gc
warm.warm_up(["numpy", "scipy.signal"])
print(json.dumps([warm.threads(), gc.get_freeze_count()]))
""")
    assert threads == 1 and frozen > 10_000


def test_a_system_that_does_not_count_threads_is_refused(monkeypatch):
    monkeypatch.setattr(warm.os, "listdir", lambda folder: (_ for _ in ()).throw(FileNotFoundError(folder)))
    with pytest.raises(warm.WarmError, match="warm starts need Linux"):
        warm.fork()
