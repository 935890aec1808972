"""What `check` sees of a real session: cells that failed, answers that do not end, and an interrupt that stops one."""

from __future__ import annotations

import re
import subprocess

import pytest
from jupyter_client.manager import start_new_kernel
from tiny_notebook import RIGHT, START, WRONG
from waiting import HANGS

BROKEN = RIGHT.replace("):", ")")
BEFORE = f"import nothing_of_this_name\n{RIGHT}"
AFTER = f"{RIGHT}\n1 / 0"
ENDLESS = """\
def predict(inputs, weights):
    while True:
        pass"""
SLOW = RIGHT.replace("    return", "    import time; time.sleep(0.3)\n    return")


class Session:
    """A kernel in which lesson 02 was started, as a notebook sees it."""

    def __init__(self):
        self.manager, self.client = start_new_kernel(stderr=subprocess.DEVNULL)
        self.run(START, "from course_lib.exercises import progress, waiting")

    def run(self, *cells: str, until: str | None = None) -> str:
        """What the last cell shows. When `until` is shown, the kernel is interrupted."""
        for source in cells:
            shown: list[str] = []

            def hear(message):
                content = message["content"]
                if message["msg_type"] == "error":
                    shown.append("\n".join(content["traceback"]))  # noqa: B023
                elif message["msg_type"] in ("stream", "display_data", "execute_result"):
                    shown.append(content.get("text") or content["data"]["text/plain"])  # noqa: B023
                    if until and until in shown[-1]:  # noqa: B023
                        self.manager.interrupt_kernel()

            self.client.execute_interactive(source, output_hook=hear, timeout=HANGS, stop_on_error=False)
        return "\n".join(shown)


@pytest.fixture(scope="module")
def session():
    session = Session()
    yield session
    session.client.stop_channels()
    session.manager.shutdown_kernel(now=True)


@pytest.mark.parametrize(
    ("failing", "words"),
    [
        (BROKEN, "SyntaxError: expected ':' in line 2."),
        (f"{RIGHT}\n  more = 1", "IndentationError: unindent does not match any outer indentation level in line 4."),
        (BEFORE, "ModuleNotFoundError: No module named 'nothing_of_this_name'."),
    ],
    ids=["broken", "indented", "failed before it"],
)
def test_an_answer_older_than_the_cell_that_failed_is_not_judged(session, failing, words):
    assert "✓ predict: Correct" in session.run(RIGHT, "check(predict)")
    assert session.run(failing, "check(predict)") == (
        f"! predict: Not checked\n  The last cell that defines `predict` ended with {words}\n"
        "  What is in memory is an older answer. Mend that cell, run it, then check again."
    )
    # Another name for it, other cells, and failures of other cells change nothing.
    assert "Not checked" in session.run("other = 1\ncheck(predict=predict)")
    assert "Correct" in session.run("check(predict=lambda *case: predict(*case))")
    assert "Correct" in session.run(RIGHT, "def update(:", "check(predict)")


def test_an_answer_that_its_failing_cell_defined_is_judged(session):
    assert "Correct" in session.run(AFTER, "check(predict)")


def test_a_value_is_not_judged_either(session):
    assert "Not right yet" in session.run(WRONG, "check(weights_for_nand=weights_for_nand)")
    broken = "weights_for_nand = np.array([2.0, -1.0, -1.0)"
    assert "Not checked" in session.run(broken, "check(weights_for_nand=weights_for_nand)")
    right = "weights_for_nand = np.array([2.0, -1.0, -1.0])"
    assert "Correct" in session.run(right, "check(weights_for_nand=weights_for_nand)")


def test_the_set_up_may_run_again(session):
    assert "Not checked" in session.run(RIGHT, START, BROKEN, "check(predict)")
    assert session.run("len(get_ipython().events.callbacks['pre_run_cell'])") == session.run(
        START, "len(get_ipython().events.callbacks['pre_run_cell'])"
    )


def test_an_endless_answer_is_told_how_to_stop_and_where_it_was_stopped(session):
    threads = session.run("import threading; sorted(thread.name for thread in threading.enumerate())")
    shown = session.run("waiting.PATIENCE = 0.5", ENDLESS, "check(predict)", until="Still running")
    note, stop, line = re.fullmatch(r"(… predict: Still running\n.*)\n(.*)\n(You stopped.*)", shown).groups()
    assert "0.5 seconds" in note and "Kernel > Interrupt" in stop
    assert re.fullmatch(r"You stopped it in line [23] of your cell: (while True:|pass)", line)
    assert session.run("sorted(thread.name for thread in threading.enumerate())") == threads
    assert "✗ predict: Not right yet" in session.run("progress()")  # it was tried


def test_a_slow_answer_is_told_once_and_judged(session):
    shown = session.run("waiting.PATIENCE = 0.5", SLOW, "check(predict)")
    assert shown.count("Still running") == 1 and shown.endswith("fresh inputs.") and "Correct" in shown


def test_a_quick_answer_leaves_no_clock_behind(session):
    checking = "import threading\ncheck(predict)\nthreads = threading.enumerate()"
    shown = session.run("waiting.PATIENCE = 60", RIGHT, checking)
    assert "Still running" not in shown
    assert "Timer" not in session.run("threads")
