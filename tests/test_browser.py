"""JupyterLab in a real browser: a student's first hour, and what a reader who cannot see is told of the figures.

A student opens lesson 02, runs it, answers wrongly, then rightly, and plays; a newcomer draws a digit in lesson 00.

Needs Chromium on the machine (`apt-get install chromium`); without one it is skipped. COURSE_SCREENSHOTS=FOLDER keeps
pictures of what the student saw.
"""

import ast
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
from waiting import HANGS, wait_until

from course_lessons.start_here.pad import NO_PICTURE
from course_tools.project import find_project

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LESSON, FIRST = "02_perceptron", "00_start_here"
DESCRIBED = (LESSON, "09_convolution")  # quick lessons with figures and sliders
WRONG = "def predict(inputs, weights):\n    return np.where(weights[0] + inputs @ weights[1:] >= 0, 1, -1)"
RIGHT = WRONG.replace(">=", ">")

expect.set_options(timeout=HANGS * 1000)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine (apt-get install chromium)")


@contextmanager
def jupyter_lab(folder: Path):
    """JupyterLab on the folder, with no settings of the person who runs the tests; gives the address of a notebook."""
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
        # In a workspace of its own, no notebook opens beside those opened before.
        yield lambda name: f"{address}/lab/workspaces/{name}/tree/{name}.ipynb?token={token}"
    finally:
        server.terminate()
        server.wait(HANGS)


def _wait_until_up(address: str, server: subprocess.Popen, log: Path) -> None:
    def up():
        assert server.poll() is None, log.read_text()
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(address, timeout=5)

    assert wait_until(up, HANGS), f"JupyterLab did not come up: {log.read_text()}"


@contextmanager
def browser_on(folder: Path):
    """Gives a function that opens a notebook of the folder in JupyterLab, in a tab of its own, and returns the tab."""
    quiet = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    with jupyter_lab(folder) as address_of, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=quiet)

        def open_notebook(name: str):
            tab = browser.new_page(viewport={"width": 1250, "height": 1400})
            tab.set_default_timeout(HANGS * 1000)
            tab.goto(address_of(name))
            expect(tab.locator(".jp-Notebook .jp-Cell")).to_have_count(len(cells_of(folder, name)))
            tab.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for()
            return tab

        yield open_notebook
        browser.close()


def cells_of(folder: Path, name: str) -> list[dict]:
    return json.loads((folder / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]


@pytest.fixture
def page(tmp_path):
    """Lesson 02, open in JupyterLab."""
    shutil.copy(find_project().notebooks / f"{LESSON}.ipynb", tmp_path)
    with browser_on(tmp_path) as open_notebook:
        yield open_notebook(LESSON)


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
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt:not(.jp-Placeholder-prompt)")  # a folded cell shows no number
    question = page.locator(".jp-Dialog .jp-mod-accept")
    for _ in range(3):  # on a busy machine JupyterLab may not yet listen to its menu, or asks which kernel to take
        if question.count():
            question.click()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()
        with contextlib.suppress(AssertionError):
            expect(prompts.first).not_to_have_text("[ ]:", timeout=15_000)
            break
    expect(prompts).to_have_text([re.compile("[0-9]")] * prompts.count())


def test_a_student_opens_runs_answers_and_plays(page):
    assert page.locator(".jp-Dialog").count() == 0, "JupyterLab asks something before the lesson opens"
    run_all(page)
    assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    set_up = page.locator(".jp-CodeCell").first.locator(".jp-OutputArea").inner_text()
    assert "Keras 3" in set_up and "laptop scale" in set_up
    figure = cell_with(page, "figures.step_and_sigmoid(").locator(".jp-OutputArea img")
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


def test_a_newcomer_runs_the_first_lesson_and_draws_a_digit(tmp_path):
    shutil.copy(find_project().notebooks / f"{FIRST}.ipynb", tmp_path)
    with browser_on(tmp_path) as open_notebook:
        page = open_notebook(FIRST)
        run_all(page)
        assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
        output = cell_with(page, "pad.draw_and_ask(").locator(".jp-OutputArea")
        shown = output.locator("img")
        assert shown.count() == 0
        draw(page, output.locator("canvas"), [(0.5, 0.2), (0.5, 0.8)])
        expect(shown).to_have_attribute("alt", re.compile("Now: taught as they are “[0-9]”, [0-9]+% sure; taught with"))
        canvas, answer = output.locator("canvas").bounding_box(), shown.bounding_box()
        assert answer["x"] >= canvas["x"] + canvas["width"]
        picture(page, "digit")

        middle = shown.get_attribute("src")
        output.get_by_role("button", name="clear").click()
        output.get_by_text(NO_PICTURE).wait_for()
        page.set_viewport_size({"width": 700, "height": 1000})  # the answer has no room beside the pad
        draw(page, output.locator("canvas"), [(0.8, 0.1), (0.7, 0.4), (0.9, 0.4)])
        expect(shown).not_to_have_attribute("src", middle)
        canvas, answer = output.locator("canvas").bounding_box(), shown.bounding_box()
        assert answer["y"] >= canvas["y"] + canvas["height"]
        assert canvas["width"] == pytest.approx(canvas["height"]), "the pad is squeezed"
        choose_theme(page, "JupyterLab Dark")
        shown.scroll_into_view_if_needed()
        picture(page, "digit-narrow-and-dark")
        assert output.locator("canvas").evaluate("it => getComputedStyle(it).backgroundColor") == "rgb(255, 255, 255)"


def draw(page, canvas, places) -> None:
    """A stroke of the mouse through these places of the canvas, from 0 to 1 across and down."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for number, (across, down) in enumerate(places):
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=5)
        if number == 0:
            page.mouse.down()
    page.mouse.up()


def choose_theme(page, name: str) -> None:
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    for item in ("Theme", name):
        page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).click()
    page.locator('body[data-jp-theme-light="false"]').wait_for(state="attached")


def test_a_reader_who_cannot_see_is_told_what_every_figure_shows(tmp_path):
    for name in DESCRIBED:
        shutil.copy(find_project().solved_notebooks / f"{name}.ipynb", tmp_path)
    with browser_on(tmp_path) as open_notebook:
        for name in DESCRIBED:
            page, cells = open_notebook(name), cells_of(tmp_path, name)
            figures, sliders = shown_figures(cells), explored(cells)
            assert len(figures) >= 5 and sliders
            expect(page.locator(".jp-OutputArea img")).to_have_count(len(figures))
            assert spoken_images(page) == figures  # a solved notebook, freshly opened
            run_all(page)
            expect(page.locator(".jp-OutputArea img")).to_have_count(len(figures) + len(sliders))
            spoken = spoken_images(page)
            assert [each for each in spoken if each in figures] == figures
            widgets = [each for each in spoken if each not in figures]
            for description, widget in zip(sliders, widgets, strict=True):
                assert widget.startswith(f"{description} Now: ")


def shown_figures(cells: list[dict]) -> list[str]:
    """The descriptions of all figures, as a console would print them."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    texts = ["".join(output.get("data", {}).get("text/plain", "")) for output in outputs]
    return [found[1] for text in texts if (found := re.fullmatch(r"\[figure: (.*)\]", text))]


def explored(cells: list[dict]) -> list[str]:
    """The descriptions that the sources give to `explore`."""
    trees = [ast.parse("".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    calls = [call for call in calls if getattr(call.func, "id", "") == "explore"]
    return [keyword.value.value for call in calls for keyword in call.keywords if keyword.arg == "alt"]


def spoken_images(page) -> list[str]:
    """The names of the images under the code cells in Chromium's accessibility tree, in the order of the page."""
    chromium = page.context.new_cdp_session(page)
    root = chromium.send("DOM.getDocument")["root"]["nodeId"]
    areas = chromium.send("DOM.querySelectorAll", {"nodeId": root, "selector": ".jp-Cell-outputArea"})["nodeIds"]
    images = [chromium.send("Accessibility.queryAXTree", {"nodeId": area, "role": "image"}) for area in areas]
    return [node["name"]["value"] for found in images for node in found["nodes"] if not node["ignored"]]
