"""Look through the pages as built: every link leads somewhere, every picture is described, no other host is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from course_tools.site.pages import Content

# What makes a browser fetch: tag and attribute. A link fetches nothing until someone follows it.
_FETCHES = {("img", "src"), ("script", "src"), ("link", "href"), ("source", "src"), ("iframe", "src"), ("use", "href")}


@dataclass
class Page(HTMLParser):
    """One page, read once: its anchors, its links, and what it makes a browser fetch."""

    path: Path
    anchors: set[str] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    undescribed: list[str] = field(default_factory=list)

    def __post_init__(self):
        super().__init__(convert_charrefs=True)
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if said.get("id"):
            (self.twice if said["id"] in self.anchors else self.anchors).add(said["id"])
        if tag == "a" and said.get("href"):
            self.links.append(said["href"])
        if tag == "img" and not (said.get("alt") or "").strip():
            self.undescribed.append(said.get("src") or "")
        for name, value in attrs:
            # The address of a page itself, for search engines, is not fetched.
            if (tag, name) in _FETCHES and value and "canonical" not in (said.get("rel") or ""):
                self.fetched.append(value)


def faults(site: Path, content: Content) -> Iterator[str]:
    """Each fault of the pages, with the file that it came from."""
    read = cache(Page)
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).with_suffix("").as_posix()
        if name.startswith("_static/"):  # the theme's own
            continue
        origin = content.origins.get(name, lambda line, name=name: f"{name}.html")(0)
        page = read(path)
        for address in page.fetched:
            if urlsplit(address).netloc:
                yield f"{origin}: the page fetches {address} from another host."
        for picture in page.undescribed:
            yield f"{origin}: the picture {picture[:60]!r} has no description."
        for anchor in page.twice:
            yield f"{origin}: two things on the page have the anchor {anchor!r}."
        for address in (*page.links, *page.fetched):
            fault = _leads_nowhere(site, path, address, read)
            if fault:
                yield f"{origin}: {fault}"


def _leads_nowhere(site: Path, path: Path, address: str, read) -> str:
    """What is wrong with a link, or ""."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return ""
    target = path.parent / unquote(parts.path) if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_file() or not target.resolve().is_relative_to(site.resolve()):
        return f"the link {address!r} leads to no page or file of the site."
    if parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in read(target.resolve()).anchors:
        return f"the link {address!r} leads to no place on that page."
    return ""


def stray_faults(site: Path) -> Iterator[str]:
    """Style sheets that would fetch from another host."""
    for path in sorted(site.rglob("*.css")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if "@import url(http" in text or "url(http" in text or "url(//" in text:
            yield f"{path.relative_to(site).as_posix()}: the style sheet fetches from another host."
