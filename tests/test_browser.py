"""A student's first hour, in a real browser: open lesson 02 in JupyterLab, run it, answer wrongly, then rightly, play.

Needs Chromium on the machine (`apt-get install chromium`); without one it is skipped. COURSE_SCREENSHOTS=FOLDER keeps
pictures of what the student saw.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from course_tools.project import find_project

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LESSON = "02_perceptron"
WRONG = "def predict(inputs, weights):\n    return np.where(weights[0] + inputs @ weights[1:] >= 0, 1, -1)"
RIGHT = WRONG.replace(">=", ">")

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine (apt-get install chromium)")


@contextmanager
def jupyter_lab(folder: Path):
    """JupyterLab on the folder, with no settings of the person who runs the tests; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(8)
    address = f"http://127.0.0.1:{port}"
    options = [
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        f"--IdentityProvider.token={token}",
        "--ServerApp.ip=127.0.0.1",
    ]
    private = {
        name: str(folder / ".private") for name in ("JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "IPYTHONDIR")
    }
    private["JUPYTERLAB_WORKSPACES_DIR"] = str(folder / ".workspaces")
    # JupyterLab leaves cells that are far away out of the page; a test wants to see them all.
    settings = folder / ".private" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"windowingMode": "none"}')
    with (folder / ".log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyter", "lab", *options],
            cwd=folder,
            env={**os.environ, **private},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_up(f"{address}/api", server, folder / ".log")
        yield f"{address}/lab/tree/{LESSON}.ipynb?token={token}"
    finally:
        server.terminate()
        server.wait(20)


def _wait_until_up(address: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=1)
            return
        except OSError:
            pass
        try:
            server.wait(0.1)
        except subprocess.TimeoutExpired:
            pass
    raise AssertionError(f"JupyterLab did not come up: {log.read_text()}")


@pytest.fixture
def page(tmp_path):
    """Lesson 02, open in JupyterLab."""
    shutil.copy(find_project().notebooks / f"{LESSON}.ipynb", tmp_path)
    quiet = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    with jupyter_lab(tmp_path) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=quiet)
        tab = browser.new_page(viewport={"width": 1250, "height": 1400})
        tab.set_default_timeout(30_000)
        tab.goto(address)
        cells = json.loads((tmp_path / f"{LESSON}.ipynb").read_text(encoding="utf-8"))["cells"]
        expect(tab.locator(".jp-Notebook .jp-Cell")).to_have_count(len(cells), timeout=90_000)
        tab.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for(timeout=90_000)
        yield tab
        browser.close()


def picture(page, name: str) -> None:
    if folder := os.environ.get("COURSE_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def cell_with(page, text: str):
    """The first code cell that holds `text`."""
    return page.locator(".jp-CodeCell").filter(has=page.locator(".cm-content", has_text=text)).first


def run_with(page, cell, source: str | None = None):
    """Type `source` into the cell if given, run it, wait until it has run, and give its output."""
    editor = cell.locator(".cm-content")
    editor.click()
    if source is not None:
        page.keyboard.press("Control+A")
        page.keyboard.insert_text(source)
    prompt = cell.locator(".jp-InputPrompt")
    before = prompt.inner_text()
    page.keyboard.press("Control+Enter")
    expect(prompt).not_to_have_text(before)
    expect(prompt).to_have_text(re.compile("[0-9]"))
    return cell.locator(".jp-OutputArea")


def run_all(page) -> None:
    prompts, question = page.locator(".jp-CodeCell .jp-InputPrompt"), page.locator(".jp-Dialog .jp-mod-accept")
    for _ in range(3):  # on a busy machine JupyterLab may not yet listen to its menu, or asks which kernel to take
        if question.count():
            question.click()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()
        with contextlib.suppress(AssertionError):
            expect(prompts.first).not_to_have_text("[ ]:", timeout=15_000)
            break
    expect(prompts).to_have_text([re.compile("[0-9]")] * prompts.count(), timeout=180_000)


def test_a_student_opens_runs_answers_and_plays(page):
    assert page.locator(".jp-Dialog").count() == 0, "JupyterLab asks something before the lesson opens"
    run_all(page)
    assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    set_up = cell_with(page, "course_lib.start").locator(".jp-OutputArea").inner_text()
    assert "Keras 3" in set_up and "laptop scale" in set_up
    figure = cell_with(page, "step: fires or not").locator(".jp-OutputArea img")
    assert figure.evaluate("image => image.naturalWidth") > 500
    picture(page, "figure")

    check = cell_with(page, "check(predict)")
    assert "Not attempted yet" in check.locator(".jp-OutputArea").inner_text()
    for answer, verdict in ((WRONG, "A sum of exactly 0 must give -1"), (RIGHT, "Correct")):
        run_with(page, cell_with(page, "def predict(inputs, weights)"), answer)
        output = run_with(page, cell_with(page, "check(predict)"))
        output.get_by_text(verdict).wait_for()
        picture(page, verdict.split()[0].lower())

    output = cell_with(page, "explore(").locator(".jp-OutputArea")
    shown = output.locator("img")
    shown.scroll_into_view_if_needed()
    before = shown.get_attribute("src")
    picture(page, "widget-before")
    output.locator(".noUi-handle").first.press("ArrowLeft")
    expect(shown).not_to_have_attribute("src", before)
    picture(page, "widget-after")
