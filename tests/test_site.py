"""The course as a website: what is made of a lesson, what stops the build, and every page in a real browser.

The browser is Chromium on the machine (`apt-get install chromium`); without one those tests are skipped, and all of
them where Sphinx is not installed. COURSE_SCREENSHOTS=FOLDER keeps pictures of the pages.
"""

from __future__ import annotations

import csv
import gzip
import importlib.metadata
import importlib.util
import itertools
import json
import os
import re
import shutil
import subprocess
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from ledger import executed_tags
from tiny_course import CELLS, course, lesson, make_course, use_stand_in
from waiting import HANGS

from course_tools import evidence
from course_tools.build import build_lesson, render_lessons
from course_tools.errors import CourseError
from course_tools.lesson import read_lesson
from course_tools.project import Project, find_project
from course_tools.site import docs
from course_tools.site import frames as frames_module
from course_tools.site import map as course_map
from course_tools.site.build import NEEDED, build_site
from course_tools.site.frames import Frames, frames_of
from course_tools.site.lesson import lesson_page
from course_tools.site.map import direct_needs
from course_tools.site.serve import server

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
PROJECT = find_project(Path(__file__))
HEAVIEST = 1_500_000  # bytes of a lesson's page with all that it loads, texts packed as a host sends them

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} not installed (extra `site`)"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),  # what Sphinx and its extensions say to each other
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine (apt-get install chromium)")


# What is made of a lesson

PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5Erk"
    "Jggg=="
)
FIGURE = f'<img alt="A dot &amp; no more." width="80" style="max-width: 100%" src="{PICTURE}">'


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Project:
    """A course of one lesson, built; tests do not change it."""
    return built_course(tmp_path_factory, lesson())


def built_course(tmp_path_factory, text: str) -> Project:
    with pytest.MonkeyPatch.context() as patch:
        use_stand_in(tmp_path_factory.mktemp("library"), patch)
        project = make_course(tmp_path_factory.mktemp("course") / "tiny", _70_alpha=text)
        for rendered in render_lessons(project, project.lesson_names()):
            build_lesson(project, rendered, force=False, advance=lambda: None)
    return project


def page_of(project: Project, change=lambda cells: None, frames=()):
    """The page of its one lesson, whose solved notebook is changed first."""
    (rendered,) = render_lessons(project, project.lesson_names())
    solved = json.loads(project.generated("70_alpha")[1].read_text(encoding="utf-8"))
    change({cell["id"]: cell for cell in solved["cells"]})
    alpha = read_lesson(project.source("70_alpha"))
    return lesson_page(alpha, rendered, solved, {"70_alpha": "Alpha"}, project.source_address(), frames)


def text_of(page) -> str:
    return "\n".join("".join(cell["source"]) for cell in page.notebook["cells"])


def shows(html: str):
    """A change: the check of `double` shows this, too."""

    def change(cells):
        cells["double-check"]["outputs"].append(
            {"output_type": "display_data", "metadata": {}, "data": {"text/html": html, "text/plain": "?"}}
        )

    return change


def test_the_head_of_a_lesson_says_how_long_it_takes_and_how_to_run_it(tiny):
    head = text_of(page_of(tiny)).partition("In this lesson")[0]
    assert "# Alpha" in head and "about 10 minutes" in head and "builds on 69 before (not written yet)" in head
    assert "https://colab.research.google.com/github/somebody/tiny-course/blob/main/notebooks/70_alpha.ipynb" in head
    assert "https://mybinder.org/v2/gh/somebody/tiny-course/" in head
    assert 'href="../downloads/70_alpha.ipynb"' in head
    assert "https://github.com/somebody/tiny-course/blob/main/course_lessons/alpha/70_alpha.py" in head
    assert "https://github.com/somebody/tiny-course/issues/new?title=Lesson+70" in head


def test_the_solution_is_folded_below_the_exercise(tiny):
    before, fold, after = text_of(page_of(tiny)).partition("Show a solution")
    assert fold and "def double" in before and "twice = " not in before
    assert "twice = number + number" in after.partition("</details>")[0]
    assert "BEGIN SOLUTION" not in before + after


def test_cells_for_a_running_notebook_are_left_out(tiny):
    text = text_of(page_of(tiny))
    assert "hint(" not in text and "progress()" not in text and "**Next:**" not in text
    assert "What you can do now" in text


def test_a_figure_becomes_a_file_with_its_description_and_its_size(tiny):
    page = page_of(tiny, shows(FIGURE))
    (figure,) = page.figures
    assert (figure.alt, figure.width, figure.height, figure.cell) == ("A dot & no more.", 80, 80, "double-check")
    assert page.files[figure.file].startswith(b"\x89PNG")
    (html,) = [out["data"]["text/html"] for cell in page.notebook["cells"] for out in cell.get("outputs", [])
               if "text/html" in out.get("data", {})]  # fmt: skip
    assert f'src="../{figure.file}"' in html and 'alt="A dot &amp; no more."' in html and "base64" not in html


@pytest.mark.parametrize("figure", [FIGURE.replace("A dot &amp; no more.", " "), re.sub(r'alt="[^"]*"', "", FIGURE)])
def test_a_figure_without_description_stops_the_build_with_file_and_line(tiny, figure):
    line = lesson().splitlines().index('# %% check="double"') + 2
    with pytest.raises(CourseError, match=rf"^course_lessons/alpha/70_alpha.py, line {line}: .* without a description"):
        page_of(tiny, shows(figure))


def test_a_lesson_that_is_not_built_stops_the_build(tmp_path):
    project = make_course(tmp_path / "tiny", _70_alpha=lesson())
    with pytest.raises(CourseError, match=r"notebooks/70_alpha.ipynb: it is missing; `course build 70_alpha` makes it"):
        build_site(project)
    assert not project.site.exists()


def test_a_broken_link_stops_the_build_with_file_and_line_and_the_old_site_stays(tmp_path_factory):
    text = lesson(CELLS.replace("How do you double a number?", "As in\n# [another](69_none.ipynb), or not.\n"))
    project = built_course(tmp_path_factory, text)
    project.site.mkdir()
    (project.site / "index.html").write_text("old", encoding="utf-8")
    line = text.splitlines().index("# [another](69_none.ipynb), or not.") + 1
    with pytest.raises(CourseError, match=rf"course_lessons/alpha/70_alpha.py, line {line}: .*69_none"):
        build_site(project)
    assert (project.site / "index.html").read_text(encoding="utf-8") == "old"


def test_a_link_to_no_place_and_a_picture_from_another_host_stop_the_build(tmp_path_factory):
    words = 'A <a href="#nowhere">link</a> <img src="https://example.org/x.png"> and a picture.'
    project = built_course(tmp_path_factory, lesson(CELLS.replace("How do you double a number?", words)))
    with pytest.raises(CourseError) as found:
        build_site(project)
    for said in ("'#nowhere' leads to no place", "fetches https://example.org/x.png from another host",
                 "'https://example.org/x.png' has no description"):  # fmt: skip
        assert f"course_lessons/alpha/70_alpha.py: {said}" in str(found.value).replace(" the link", "").replace(
            " the page", ""
        ).replace(" the picture", "")


def test_the_command_makes_the_site_and_says_what_it_made(tiny, tmp_path, capsys, monkeypatch):
    shutil.copytree(tiny.root, tmp_path / "course")
    done = course(capsys, monkeypatch, tmp_path / "course", "site")
    assert done.status == 0, done.err
    assert re.search(r"site/: \d+ pages, \d+ MB", done.out)
    assert (tmp_path / "course" / "site" / "lessons" / "70_alpha.html").is_file()


def test_nothing_is_served_before_it_is_built(tiny, capsys, monkeypatch):
    done = course(capsys, monkeypatch, tiny.root, "site", "--serve")
    assert done.status == 2 and "`make site`" in done.err


def test_the_map_has_every_lesson_and_no_arrow_that_others_imply():
    needs = {"01_a": [], "02_b": ["01_a"], "03_c": ["01_a", "02_b", "00_unwritten"]}
    assert [direct_needs(name, needs) for name in needs] == [[], ["01_a"], ["02_b"]]


def passed_boxes() -> list[str]:
    """Boxes of the course's map that an arrow runs behind."""
    needs = {name: read_lesson(PROJECT.source(name)).card.needs for name in PROJECT.lesson_names()}
    places = course_map._places(list(needs))
    arrows = [(need, name) for name in needs for need in direct_needs(name, needs)]
    boxes = [(name, *course_map._corner(place)) for name, place in places.items()]
    found = []
    for need, name in arrows:
        corners = course_map._way(places[need], places[name], set(places.values()))
        for (x, y), (to_x, to_y) in itertools.pairwise(corners):
            for box, left, top in boxes:
                across = min(x, to_x) < left + course_map.WIDTH and max(x, to_x) > left
                if across and min(y, to_y) < top + course_map.HEIGHT and max(y, to_y) > top:
                    found.append(f"{need} to {name} passes {box}")
    return found


def test_on_the_map_no_arrow_runs_behind_a_box():
    """A new lesson has its place in map.PLACES."""
    assert passed_boxes() == []
    places = course_map._places(PROJECT.lesson_names())
    assert len(set(places.values())) == len(places)
    assert {name[:2] for name in places} == set(course_map.PLACES.replace(".", "").split())


# The pictures of sliders

SLIDERS = """
# %%
import matplotlib.pyplot as plt
from course_lib.plots import explore
heights = [1, 5, 3]


def draw(number=1, high=0.5, upside_down=False):
    figure, axes = plt.subplots(figsize=(1, 1))
    axes.set_ylim(-6, 6)
    axes.bar([0, 1], [heights[number] * high, -5 if upside_down else 5])
    return figure


never_run = 1 / 0
explore(draw, alt="Two bars.", number=(0, 2), high=(0.5, 1.0, 0.25), upside_down=False)
explore(draw, alt="Two bars.", high=(0.0, 1.0, 0.01))
explore(draw, alt="Two bars.", number=list(heights))
"""


def frames_with(tmp_path, cells: str) -> list[Frames]:
    path = tmp_path / "70_alpha.py"
    path.write_text(lesson() + cells, encoding="utf-8")
    return frames_of(Project(tmp_path), read_lesson(path))


def test_the_pictures_of_few_choices_are_drawn_and_no_others(tmp_path):
    (frames,) = frames_with(tmp_path, SLIDERS)
    assert frames.alt == "Two bars." and frames.start == {"number": 1, "high": 0.5, "upside_down": False}
    assert frames.values == {"number": [0, 1, 2], "high": [0.5, 0.75, 1.0], "upside_down": [False, True]}
    assert len(frames.pictures) == len(set(frames.pictures)) == 18


def test_a_slider_that_cannot_be_drawn_stops_the_build_with_its_lesson(tmp_path):
    broken = SLIDERS.replace("heights = [1, 5, 3]", "heights = [1, 5]")
    with pytest.raises(CourseError, match=r"70_alpha.py: the pictures of its sliders could not be drawn: IndexError"):
        frames_with(tmp_path, broken)


KEPT = """
# %%
import matplotlib.pyplot as plt
from course_lessons.alpha import figures
from course_lib.plots import explore


def draw(number=1):
    open({log!r}, "a").write("cell ")
    return plt.figure(figsize=(number, 1))


explore(draw, alt="Nothing.", number=(1, 2))
explore(figures.draw, alt="Nothing.", number=(1, 2))
"""


def test_a_picture_is_drawn_again_only_when_something_that_it_depends_on_has_changed(tmp_path, monkeypatch):
    log, root = tmp_path / "log", tmp_path / "course"
    shutil.copytree(PROJECT.root / "course_lib", root / "course_lib")
    room = root / "course_lessons" / "alpha"
    room.mkdir(parents=True)
    (root / "course_lessons" / "__init__.py").touch()
    cells = KEPT.format(log=str(log))
    drawing = cells.partition("def draw")[2].partition("\n\n\n")[0].replace('"cell "', '"room "')
    (room / "figures.py").write_text(f"import matplotlib.pyplot as plt\n\n\ndef draw{drawing}\n", encoding="utf-8")
    seen = []

    def drawn(cells: str = cells) -> Counter:
        log.write_text("", encoding="utf-8")
        seen.append([frames.pictures for frames in frames_with(root, cells)])
        return Counter(log.read_text(encoding="utf-8").split())

    def edit(file: Path) -> None:
        file.write_text(file.read_text(encoding="utf-8") + "\nEDITED = True\n", encoding="utf-8")

    both = {"cell": 2, "room": 2}
    assert drawn() == both
    assert drawn() == {} and seen[0] == seen[1]
    assert drawn("\n# %% [markdown]\n# More.\n" + cells.replace("# %%", "# %%\nelse_where = 1")) == {}
    assert drawn(cells.replace("figsize=(number, 1)", "figsize=(number, 2)")) == {"cell": 2} and seen[-1] != seen[0]
    assert drawn() == {"cell": 2} and seen[-1] == seen[0]
    edit(room / "figures.py")
    assert drawn() == both
    edit(root / "course_lib" / "plots" / "__init__.py")
    assert drawn() == both
    monkeypatch.setattr(frames_module, "_packages", lambda: ["another numpy"])
    assert drawn() == both
    assert len(list((root / "build" / "frames").glob("*/*"))) == 2  # nothing else is kept


# In a browser


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The whole site of the course, built and served; gives its folder and its address."""
    folder = tmp_path_factory.mktemp("built") / "site"
    build_site(PROJECT, folder)
    with served(folder) as address:
        yield folder, address


@contextmanager
def served(folder: Path):
    with server(folder, 0) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=BROWSER, args=quiet)
        yield running
        running.close()


def open_page(browser, address: str, **how):
    """A tab with the page, its formulas drawn; `tab.said` is what the console said that should not be there."""
    tab = browser.new_page(**how)
    tab.set_default_timeout(HANGS * 1000)
    tab.said = []
    tab.on("console", lambda message: message.type in ("error", "warning") and tab.said.append(message.text))
    tab.on("pageerror", lambda error: tab.said.append(str(error)))
    tab.goto(address, wait_until="load")
    tab.evaluate("window.MathJax && MathJax.startup && MathJax.startup.promise")
    return tab


# With folds open and pictures loaded that stand further down: what a reader would meet, and what a screen reader says.
LOOK = """async () => {
    for (const fold of document.querySelectorAll("details")) fold.open = true;
    const pictures = [...document.images];
    for (const picture of pictures) picture.loading = "eager";
    await Promise.allSettled(pictures.map((picture) => picture.decode()));
    return {
        outside: [...document.querySelectorAll("article *, header *")].filter((part) => {
            const place = part.getBoundingClientRect();
            if (!place.width || place.right <= innerWidth + 1) return false;
            for (let box = part; box; box = box.parentElement) {
                const style = getComputedStyle(box);
                if (["auto", "scroll"].includes(style.overflowX) && box.getBoundingClientRect().right <= innerWidth + 1)
                    return false;  // there it can be scrolled
                if (style.visibility === "hidden" || style.position === "fixed") return false;
            }
            return true;
        }).map((part) => part.outerHTML.slice(0, 100)),
        wider: document.documentElement.scrollWidth - innerWidth,
        broken: pictures.filter((picture) => !picture.naturalWidth).map((picture) => picture.src),
        alts: pictures.map((picture) => picture.alt.trim()),
        formulas: document.querySelectorAll(".math.notranslate").length,
        drawn: document.querySelectorAll("mjx-container").length,
        faulty: document.querySelectorAll("mjx-merror").length,
    };
}"""


@pytest.fixture(scope="module")
def seen(site, browser) -> dict[str, dict]:
    """Every page, visited once on a phone: what LOOK gives, and what the page said and fetched."""
    folder, address = site
    found = {}
    for page in pages_of(folder):
        tab = open_page(browser, address + page, viewport={"width": 375, "height": 800})
        look = tab.evaluate(LOOK)
        fetched = tab.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")
        described = pictures_in_the_accessibility_tree(tab) if look["alts"] else []
        found[page] = {**look, "said": tab.said, "fetched": fetched, "described": described}
        tab.close()
    return found


def pictures_in_the_accessibility_tree(tab) -> list[str]:
    """What a screen reader is told of them."""
    nodes = tab.context.new_cdp_session(tab).send("Accessibility.getFullAXTree")["nodes"]
    return [
        " ".join(node["name"]["value"].split())
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in ("image", "img")
    ]


def pages_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))


@needs_browser
def test_every_page_loads_without_a_complaint_and_without_another_host(site, seen):
    _, address = site
    found = [f"{page}: {said}" for page, look in seen.items() for said in look["said"]]
    found += [f"{page} fetches {url}" for page, look in seen.items() for url in look["fetched"]
              if not url.startswith((address, "data:"))]  # fmt: skip
    found += [f"{page} does not show {each}" for page, look in seen.items() for each in look["broken"]]
    assert not found, "\n".join(found)


@needs_browser
def test_nothing_runs_out_of_a_phone(seen):
    assert {page: look["wider"] for page, look in seen.items() if look["wider"] > 0} == {}
    assert {page: look["outside"][:3] for page, look in seen.items() if look["outside"]} == {}


@needs_browser
def test_formulas_are_drawn(seen):
    wrong = {page for page, look in seen.items() if look["drawn"] < look["formulas"] or look["faulty"]}
    assert not wrong and sum(look["drawn"] for look in seen.values()) > 100


@needs_browser
def test_every_figure_is_described_to_those_who_cannot_see_it(seen):
    for page, look in seen.items():
        assert all(look["alts"]), page
        missing = [" ".join(alt.split()) for alt in look["alts"] if " ".join(alt.split()) not in look["described"]]
        assert not missing, (page, missing)


@needs_browser
def test_sliders_with_few_pictures_are_stepped_through_by_keyboard(site, browser):
    _, address = site
    tab = open_page(browser, f"{address}lessons/09_convolution.html")
    form = tab.locator("form.stepper").first
    picture, slider = form.locator("img"), form.locator("input")
    first = picture.get_attribute("src")
    slider.focus()
    tab.keyboard.press("ArrowRight")
    assert picture.get_attribute("src") != first and picture.get_attribute("alt").endswith("Now: step 2.")
    assert form.locator("output").inner_text() == "2" and slider.get_attribute("aria-valuetext") == "2"
    tab.keyboard.press("End")
    assert picture.get_attribute("alt").endswith("Now: step 9.")
    assert picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") > 0
    tab.close()


def packed(path: Path) -> int:
    """Bytes of a file as a host sends it: texts packed, pictures and fonts as they are."""
    content = path.read_bytes()
    return len(gzip.compress(content, 6)) if path.suffix in (".html", ".css", ".js", ".svg") else len(content)


@needs_browser
def test_a_lesson_weighs_little(site, seen):
    folder, address = site
    weights = {}
    for page, look in seen.items():
        if page.startswith("lessons/"):
            files = {urlsplit(url).path.lstrip("/") for url in look["fetched"] if url.startswith(address)}
            weights[page] = sum(packed(folder / file) for file in {page, *files})
    assert max(weights.values()) < HEAVIEST, weights


@needs_browser
@pytest.mark.parametrize("words", ["dropout", "Novikoff", "im2col"])
def test_search_finds(site, browser, words):
    folder, address = site
    if not any(words in (folder / page).read_text(encoding="utf-8") for page in pages_of(folder)):
        pytest.skip(f"no lesson says {words} yet")
    tab = open_page(browser, f"{address}search.html?q={words}")
    tab.locator("#search-results li a").first.wait_for()
    assert tab.said == []
    tab.close()


@needs_browser
def test_a_solution_unfolds_by_keyboard(site, browser):
    folder, address = site
    page = next(page for page in pages_of(folder) if "Show a solution" in (folder / page).read_text(encoding="utf-8"))
    tab = open_page(browser, address + page)
    fold = tab.locator("details.solution").first
    code = fold.locator(".highlight").first
    assert not code.is_visible()
    fold.locator("summary").focus()
    tab.keyboard.press("Enter")
    assert code.is_visible()
    tab.close()


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_kind_of_page(site, browser, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    folder, address = site
    complaints = []
    for page in one_of_each_kind(folder):
        tab = open_page(browser, address + page, color_scheme=theme)
        tab.evaluate(LOOK)
        tab.wait_for_timeout(700)  # what is too wide is made reachable then
        for each in axe.run(tab).response["violations"]:
            if each["impact"] in ("serious", "critical"):
                places = " | ".join(node["html"][:150] for node in each["nodes"][:3])
                complaints.append(f"{page}, {theme}: {each['id']}, {len(each['nodes'])} times: {places}")
        if pictures := os.environ.get("COURSE_SCREENSHOTS"):
            name = page.removesuffix(".html").replace("/", "-")
            tab.screenshot(path=Path(pictures) / f"site-{name}-{theme}.png")
        tab.close()
    assert not complaints, "\n".join(complaints)


def one_of_each_kind(folder: Path) -> list[str]:
    """Lessons, rooms of the library and handwritten pages are alike: of each kind the longest stands for all."""
    alike: dict[str, list[str]] = {}
    for page in pages_of(folder):
        kind = "written" if page.removesuffix(".html") in docs.PAGES.values() else page
        alike.setdefault(re.sub(r"(lessons|api)/(?!index).*", r"\1", kind), []).append(page)
    return [max(pages, key=lambda page: (folder / page).stat().st_size) for pages in alike.values()]


def test_the_next_build_draws_no_slider_again(site, monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)
    lessons = [read_lesson(PROJECT.source(name)) for name in PROJECT.lesson_names()]
    found = [frames for lesson in lessons for frames in frames_of(PROJECT, lesson)]
    assert len(found) > 5 and all(frames.pictures for frames in found)


def test_packages_that_a_picture_can_come_from_are_those_of_students_and_what_these_need():
    names = {each.partition(" ")[0] for each in frames_module._packages()}
    assert names >= {"numpy", "matplotlib", "contourpy", "pillow", "keras", "mlxtend"}
    assert f"numpy {importlib.metadata.version('numpy')}" in frames_module._packages()
    assert not names & {"pytest", "sphinx", "ruff"}


def test_one_page_a_lesson_and_a_box_for_each_on_the_map(site):
    folder, _ = site
    home = (folder / "index.html").read_text(encoding="utf-8")
    for name in PROJECT.lesson_names():
        assert (folder / "lessons" / f"{name}.html").is_file()
        assert f'href="lessons/{name}.html" data-lesson="{name[:2]}"' in home


def links_to_cells(folder: Path, page: str, mark: str) -> list[str]:
    """Links to cells of lessons in the element with this id; the build has followed them."""
    html = (folder / page).read_text(encoding="utf-8")
    element = html.partition(f'id="{mark}"')[2].partition("</tr>")[0]
    return re.findall(r'href="(lessons/\w+\.html#cell-[\w-]+)"', element)


def rows(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.open(encoding="utf-8", newline="")))


def test_every_entry_that_a_cell_carries_leads_to_it(site):
    folder, _ = site
    live = {tag for name in PROJECT.lesson_names() for tag in executed_tags(PROJECT.generated(name)[1])}
    for page, file in (("facts.html", "facts.csv"), ("syllabus.html", "syllabus.csv")):
        entries = [row["id"] for row in rows(PROJECT.root / "data" / file) if not row["id"].startswith("E")]
        there = (folder / page).read_text(encoding="utf-8")
        assert not [entry for entry in entries if f'<tr id="{entry}"' not in there]
        missing = [entry for entry in entries if entry in live and not links_to_cells(folder, page, entry)]
        assert len(set(entries) & live) > 50 and not missing
    mistakes = [row["id"] for row in rows(PROJECT.room("28_trust_no_slide") / "errata.csv")]
    assert mistakes and not [each for each in mistakes if not links_to_cells(folder, "errata.html", each)]


def test_every_experiment_says_what_was_run_and_how_to_run_it_again(site):
    folder, _ = site
    page = re.sub("<[^>]*>", "", (folder / "evidence.html").read_text(encoding="utf-8"))
    for experiment in evidence.choose(PROJECT, []):
        label = f"{experiment.label[:2]}:{experiment.name}"
        assert f"course evidence {label}" in page
        entry = page.partition(f"\n{label}#")[2].partition("course evidence")[0]
        assert f"seeds: {len(experiment.record.seeds)} (" in entry, label
        assert experiment.record.head["device"] in entry and experiment.record.head["date"] in entry


@needs_browser
def test_facts_can_be_searched_and_chosen_by_verdict(site, browser):
    _, address = site
    tab = open_page(browser, f"{address}facts.html")
    shown = tab.locator(".course-table tbody tr:visible")
    facts = rows(PROJECT.root / "data" / "facts.csv")
    assert shown.count() == len(facts)
    tab.get_by_label("Verdict").select_option("wrong")
    wrong = [fact for fact in facts if fact["verdict"] == "wrong"]
    assert shown.count() == len(wrong)
    tab.get_by_label("Only rows with").fill("no such words")
    assert shown.count() == 0 and f"0 of {len(facts)} rows" in tab.locator("form.filter output").inner_text()
    tab.close()


@needs_browser
def test_a_link_to_a_cell_in_a_fold_opens_the_fold(site, browser):
    folder, address = site
    page = next(page for page in pages_of(folder) if "Show a solution" in (folder / page).read_text(encoding="utf-8"))
    tab = open_page(browser, address + page)
    anchor = tab.locator("details.solution .cell-anchor").first.get_attribute("id")
    tab.close()
    tab = open_page(browser, f"{address}{page}#{anchor}")
    assert tab.locator("details.solution").first.get_attribute("open") is not None
    tab.close()
