"""The address at which the course is published. `Source` in pyproject.toml says it; everything that names it follows.

The notebooks are made with it. Beside them, a few lines of hand-written files name it, each known by its beginning.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, urlsplit

from course_tools.drift import Drift
from course_tools.errors import CourseError
from course_tools.lesson import read_text
from course_tools.project import Project

_ADDRESS = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?(/[A-Za-z0-9_.-]*[A-Za-z0-9_-])+")
_SOURCE = 'Source = "'


def binder(address: str) -> str:
    """Where Binder opens the lessons: it knows GitHub by name, and any other place by its whole address."""
    parts = urlsplit(address)
    place = f"gh{parts.path}" if parts.netloc == "github.com" else f"git/{quote(address, safe='')}"
    return f"https://mybinder.org/v2/{place}/HEAD?urlpath=lab/tree/notebooks"


def pages(address: str) -> str:
    """Where the place that the course is published at puts its website, as far as that is known."""
    parts = urlsplit(address)
    _, owner, *path = parts.path.split("/")
    host = {"github.com": "github.io", "gitlab.com": "gitlab.io"}.get(parts.netloc)
    return f"https://{owner}.{host}/{'/'.join(path)}/" if host else address


# File, beginning of the one line in it that names the address, and what stands behind it.
FOLLOWERS = (
    ("CITATION.cff", "repository-code: ", '"{}"'.format),
    ("CONTRIBUTING.md", "[issues]: ", "{}/issues".format),
    ("docs/running.md", "[binder]: ", binder),
    ("docs/running.md", "[site]: ", pages),
)


def understood(given: str) -> str:
    """The address that a person gave, as it is kept. Raises CourseError for one that cannot be a repository's."""
    address = given.strip().removesuffix("/").removesuffix(".git")
    if not _ADDRESS.fullmatch(address):
        raise CourseError(
            f"{given!r} is no address that the course could be published at; "
            "give that of its repository, such as https://github.com/somebody/neural-networks-course."
        )
    if urlsplit(address).netloc == "github.com" and address.count("/") != 4:
        raise CourseError(f"{given!r} is no repository on GitHub; one is https://github.com/SOMEBODY/REPOSITORY.")
    return address


def with_source(project: Project, address: str) -> dict[Path, bytes]:
    """pyproject.toml with this address."""
    path = project.root / "pyproject.toml"
    return {path: _rewritten(read_text(path, path.name), path.name, _SOURCE, f'{address}"').encode()}


def followers(project: Project, address: str) -> dict[Path, bytes]:
    """The files beside the notebooks that name the address, as they should be; a course need not have them."""
    files: dict[Path, bytes] = {}
    for file, beginning, said in FOLLOWERS:
        path = project.root / file
        if path.is_file():
            text = files[path].decode() if path in files else read_text(path, file)
            files[path] = _rewritten(text, file, beginning, said(address)).encode()
    return files


def address_drift(project: Project) -> list[Drift]:
    """Files that name another address than pyproject.toml."""
    return [
        Drift(project.relative(path), "it does not name the address that pyproject.toml gives", [])
        for path, content in followers(project, project.source_address()).items()
        if path.read_bytes() != content
    ]


def _rewritten(text: str, file: str, beginning: str, rest: str) -> str:
    """The text of a file with its one line that begins so ended so."""
    lines = text.splitlines(keepends=True)
    places = [number for number, line in enumerate(lines) if line.startswith(beginning)]
    if len(places) != 1:
        raise CourseError(f"{file}: one line, not {len(places)}, must begin with {beginning!r}: the course's address.")
    lines[places[0]] = f"{beginning}{rest}\n"
    return "".join(lines)
