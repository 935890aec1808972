"""The pages of docs/ that are written by hand, with links that lead to the site's pages instead of to files."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from course_tools.lesson import read_text
from course_tools.project import Project
from course_tools.site.pages import Content, LessonPage, source_file

# File of the course: page of the site.
PAGES = {
    "docs/running.md": "running",
    "docs/networks.md": "networks",
    "docs/grading.md": "teaching",
    "docs/maintaining.md": "maintaining",
    "CONTRIBUTING.md": "contributing",
}
# Pages that the site makes itself.
_OWN = {
    "docs/errata.md": "errata", "docs/glossary.md": "glossary", "docs/gallery.md": "gallery", "README.md": "index",
    "data/facts.csv": "facts", "data/syllabus.csv": "syllabus",
}  # fmt: skip
_LINK = re.compile(r"(?<=\]\()(?P<to>[^)\s]+)(?=\))")


def add_docs(project: Project, lessons: list[LessonPage], content: Content, made: list[str]) -> list[str]:
    """The pages there are files for; their names. `made` are those that links may lead to besides."""
    there = {file: page for file, page in PAGES.items() if (project.root / file).is_file()}
    pages = there | {file: page for file, page in _OWN.items() if page in [*made, "index"]}
    pages |= {f"notebooks/{lesson.name}.ipynb": f"lessons/{lesson.name}" for lesson in lessons}
    for file, page in there.items():
        text = read_text(project.root / file, file)
        content.add(page, _LINK.sub(lambda found, file=file: _to(found["to"], file, pages, project), text), file)
        content.origins[page] = lambda line, file=file: f"{file}, line {line}" if line else file
    return list(there.values())


def _to(address: str, file: str, pages: dict[str, str], project: Project) -> str:
    parts = urlsplit(address)
    if parts.scheme or not parts.path:
        return address
    target = _joined(PurePosixPath(file).parent, parts.path)
    anchor = f"#{parts.fragment}" if parts.fragment else ""
    if target in pages:
        ending = ".ipynb" if pages[target].startswith("lessons/") else ".md"
        return f"{pages[target]}{ending}{anchor}"
    if (project.root / target).exists():
        return source_file(project.source_address(), target)
    return address  # it leads nowhere, and Sphinx says so


def _joined(folder: PurePosixPath, path: str) -> str:
    parts: list[str] = []
    for part in (folder / path).parts:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
