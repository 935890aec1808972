"""Figures reach those who cannot see them: every picture has its description, wherever a notebook is shown."""

import io
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from drawn import shown
from IPython.core.interactiveshell import InteractiveShell
from nbconvert import HTMLExporter
from nbval.plugin import get_sanitize_patterns
from PIL import Image
from waiting import HANGS

from course_lib import plots
from course_lib.plots.controls import explore
from course_tools.project import find_project

SOLVED = sorted(find_project().solved_notebooks.glob("*.ipynb"))


class Images(HTMLParser):
    """The attributes of every <img> of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[dict[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.found.append(dict(attributes))


@pytest.fixture
def published(monkeypatch) -> list:
    """What `show` gives to IPython."""
    found = []
    monkeypatch.setattr("IPython.display.display", found.append)
    return found


def figure(width: int = 4):
    return plt.figure(figsize=(width, 3))


@pytest.mark.parametrize("alt", ["", " \n"])
def test_a_figure_needs_a_description(alt):
    with pytest.raises(ValueError, match="alternative text"):
        plots.show(figure(), alt=alt)
    with pytest.raises(ValueError, match="alternative text"):
        explore(figure, alt=alt, width=(1, 5, 1))


def test_a_notebook_gets_one_picture_with_its_description(published):
    drawn = figure()
    assert plots.show(drawn, alt='A "line" <up> & down,\n  to $x^2$.') is None
    assert not plt.fignum_exists(drawn.number)
    data, metadata = InteractiveShell.instance().display_formatter.format(published[0])
    assert data.keys() == {"text/plain", "text/html"} and not metadata
    assert data["text/plain"] == '[figure: A "line" <up> & down, to $x^2$.]'
    (image,) = Images(data["text/html"]).found
    assert image["alt"] == 'A "line" <up> & down, to $x^2$.'
    assert image["width"] == "320"
    assert Image.open(io.BytesIO(shown(data["text/html"]))).size == (640, 480)


def test_a_console_gets_the_description():
    script = "import matplotlib.pyplot as plt; from course_lib import plots; plots.show(plt.figure(), alt='A dot.')"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=HANGS)
    assert answer.stdout == "[figure: A dot.]\n"


def test_explore_starts_at_the_defaults_and_redraws_when_moved():
    calls = []

    def draw(width: int = 2, rate: float = 0.3, kind: str = "a"):
        calls.append((width, rate, kind))
        return figure(width)

    panel = explore(draw, alt="A zigzag.", width=(1, 5, 1), rate=(0, 1, 0.1), kind={"first": "b", "second": "a"})
    width, _, kind, picture, _ = panel.children
    assert calls == [(2, 0.3, "a")]
    (image,) = Images(picture.value).found
    assert (image["alt"], image["width"]) == ("A zigzag. Now: width 2, rate 0.3, kind second.", "160")
    before = shown(picture.value)
    width.value = 4
    kind.value = "b"
    assert calls[-1] == (4, 0.3, "b")
    (image,) = Images(picture.value).found
    assert (image["alt"], image["width"]) == ("A zigzag. Now: width 4, rate 0.3, kind first.", "320")
    assert shown(picture.value) != before


def test_tests_compare_what_a_figure_shows_and_not_its_file():
    """nbval reads tests/nbval.cfg: on another machine the same figure has other bytes."""
    patterns = get_sanitize_patterns((Path(__file__).parent / "nbval.cfg").read_text(encoding="utf-8"))

    def compared(alt, colours):
        drawn = figure()
        drawn.gca().plot([1, 2], color="#123456")
        shown = plots.picture(drawn, alt, colours)
        for pattern, replacement in patterns:
            shown = re.sub(pattern, replacement, shown)
        return shown

    assert compared("A line.", 256) == compared("A line.", 4) != compared("A dot.", 256)


@pytest.mark.parametrize("notebook", SOLVED, ids=lambda path: path.stem)
def test_no_picture_of_a_web_page_lacks_its_description(notebook):
    # Code cells hold no pictures, and colouring them takes longest.
    page, _ = HTMLExporter(exclude_input=True).from_filename(str(notebook))
    images = Images(page).found
    assert images
    # What nbconvert writes itself where there is no description.
    lacking = {"", None, "No description has been provided for this image"}
    assert not [image["src"][:60] for image in images if image.get("alt") in lacking]
