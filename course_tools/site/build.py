"""Put the site together: gather pages, let Sphinx write them, look through what came out, and only then publish."""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from course_tools.address import pages
from course_tools.build import render_lessons
from course_tools.drift import drift_of
from course_tools.errors import CourseError
from course_tools.lesson import Lesson, read_lesson
from course_tools.project import Project
from course_tools.site.api import add_api
from course_tools.site.check import faults, stray_faults
from course_tools.site.docs import add_docs
from course_tools.site.frames import frames_of
from course_tools.site.home import add_home
from course_tools.site.lesson import lesson_page
from course_tools.site.pages import Content, LessonPage
from course_tools.site.settings import mathjax_files, settings
from course_tools.site.tables import add_tables
from course_tools.site.words import add_words

NEEDED = ("sphinx", "myst_nb", "pydata_sphinx_theme", "sphinx-mathjax-offline")
# How the head of every page lists the pages; those that come last are behind "More".
ORDER = ("facts", "evidence", "glossary", "symbols", "gallery", "syllabus", "errata", "networks", "running", "teaching",
         "maintaining", "contributing", "api/index")  # fmt: skip
_WARNING = re.compile(r"(?P<path>/.*?\.(?:md|ipynb))(?::(?P<line>\d+))?: (?P<kind>[A-Z]+): (?P<text>.*)")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# myst-nb counts the lines of a notebook from here for each cell.
_CELL = 10_000


@dataclass(frozen=True)
class Built:
    """What came out."""

    folder: Path
    pages: int
    size: int


def build_site(project: Project, out: Path | None = None, say: Callable[[str], None] = lambda step: None) -> Built:
    """Make the site in `out`, by default the folder `site` of the project.

    Raises CourseError with all that is amiss, each with its file; then an older site stays as it was.
    """
    _require_sphinx()
    out = out or project.site
    address = pages(project.source_address())
    say("Reading the lessons")
    content = gather(project)
    with tempfile.TemporaryDirectory(prefix="course-site-") as folder:
        work = Path(folder).resolve()
        _write(work / "source", content.pages)
        say(f"Writing {len(content.pages)} pages")
        found = [_in_words(warning, work, content) for warning in _run_sphinx(work, content.pages, address)]
        html = work / "html"
        _write(html, content.files)
        _remove_unread(html)
        say("Following every link")
        found = found or [*faults(html, content), *stray_faults(html)]
        if found:
            raise CourseError("The site was not built:\n" + "\n".join(f"  {fault}" for fault in dict.fromkeys(found)))
        shutil.rmtree(out, ignore_errors=True)
        shutil.move(html, out)
    files = [path for path in out.rglob("*") if path.is_file()]
    return Built(out, sum(path.suffix == ".html" for path in files), sum(path.stat().st_size for path in files))


def gather(project: Project) -> Content:
    """Every page of the site, and every file beside them."""
    content = Content()
    read = read_all(project)
    lessons = lesson_pages(project, read)
    for page in lessons:
        content.pages[f"lessons/{page.name}.ipynb"] = json.dumps(page.notebook)
        content.origins[f"lessons/{page.name}"] = _origin_in(page)
        content.files |= page.files
        student, _, _ = project.generated(page.name)
        content.files[f"downloads/{page.name}.ipynb"] = student.read_bytes()
    content.files |= mathjax_files()
    made = [*add_tables(project, lessons, content), *add_words(lessons, read, content)]
    made += add_docs(project, lessons, content, made)
    made += add_api(project, content)
    add_home(project, lessons, content, sorted(made, key=_order))
    return content


def read_all(project: Project) -> dict[str, Lesson]:
    """The lessons by name. Raises CourseError if there is none."""
    names = project.lesson_names()
    if not names:
        raise CourseError(f"{project.relative(project.rooms)}/ holds no lesson, so there is nothing to show.")
    return {name: read_lesson(project.source(name)) for name in names}


def _order(page: str) -> int:
    return ORDER.index(page) if page in ORDER else len(ORDER)


def lesson_pages(project: Project, lessons: dict[str, Lesson]) -> list[LessonPage]:
    """The pages of all lessons. Raises CourseError for a lesson whose notebooks are not what it gives."""
    made, source = [], project.source_address()
    titles = {name: lesson.card.title for name, lesson in lessons.items()}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each draws in a process of its own
        frames = dict(zip(lessons, pool.map(partial(frames_of, project), lessons.values()), strict=True))
    for rendered in render_lessons(project, list(lessons)):
        drift = drift_of(project, rendered)
        if drift:
            raise CourseError(f"{drift[0].file}: {drift[0].reason}; `course build {rendered.lesson}` makes it.")
        solved = json.loads(project.generated(rendered.lesson)[1].read_text(encoding="utf-8"))
        name = rendered.lesson
        made.append(lesson_page(lessons[name], rendered, solved, titles, source, frames[name]))
    return made


def _require_sphinx() -> None:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise CourseError(
            f"The site is made with {' and '.join(missing)}, not installed here; "
            'in the folder of the course, run  python -m pip install -e ".[site]"'
        )


def _write(folder: Path, files: dict[str, str | bytes]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))


def _remove_unread(html: Path) -> None:
    """What the theme brings for those who change it: no page asks for it."""
    shutil.rmtree(html / "_sources", ignore_errors=True)
    left = [html / "objects.inv", html / ".buildinfo"]
    for path in [*html.glob("_static/**/*.map"), *html.glob("_static/*.html"), *left]:
        path.unlink(missing_ok=True)


def _run_sphinx(work: Path, pages: Iterable[str], address: str) -> list[str]:
    """Let Sphinx write the pages; what it warns of."""
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.docutils import docutils_namespace

    warnings = io.StringIO()
    single = [page.removesuffix(".md") for page in pages if "/" not in page]
    try:
        with docutils_namespace():
            app = Sphinx(
                srcdir=work / "source", confdir=None, outdir=work / "html", doctreedir=work / "doctrees",
                buildername="html", confoverrides=settings(address, single), status=None, warning=warnings,
            )  # fmt: skip
            app.build()
    except SphinxError as error:
        raise CourseError(f"Sphinx could not build the site: {error}") from None
    finally:
        logging.getLogger("sphinx").handlers.clear()  # they hold on to this run's files
    return [line for line in _COLOURS.sub("", warnings.getvalue()).splitlines() if line.strip()]


def _in_words(warning: str, work: Path, content: Content) -> str:
    """A warning of Sphinx, with the file and line that a person has to mend."""
    found = _WARNING.fullmatch(warning)
    if not found:
        return warning
    page = Path(found["path"]).relative_to(work / "source").with_suffix("").as_posix()
    origin = content.origins.get(page, lambda line: page)
    return f"{origin(int(found['line'] or 0))}: {found['text']}"


def _origin_in(page: LessonPage) -> Callable[[int], str]:
    def origin(line: int) -> str:
        cell, within = divmod(line, _CELL)
        if not 0 < cell <= len(page.origins):
            return f"course_lessons/{page.name[3:]}/{page.name}.py"
        file, _, number = page.origins[cell - 1].rpartition(" ")
        return f"{file} {int(number) + max(within - 1, 0)}" if number.isdecimal() else page.origins[cell - 1]

    return origin
