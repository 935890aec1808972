"""How Sphinx makes the site: nothing is executed, and nothing is fetched from another host when it is read."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
TITLE = "Neural networks you can run"
LANDING = "index"
NO_LEFT_COLUMN = (LANDING, "search")

_PARTS = ("core", "input/tex", "output/chtml", "a11y/assistive-mml")  # of MathJax


def settings(address: str, single: Iterable[str] = ()) -> dict:
    """What other projects write into conf.py: `address` is where the site is published, `single` are pages with no
    others below them."""
    return {
        "project": TITLE,
        "author": "The authors of the course",
        "copyright": "the authors of the course; text and figures CC BY 4.0, code MIT",
        "extensions": ["myst_nb", "sphinx.ext.mathjax"],
        "root_doc": LANDING,
        "language": "en",
        "myst_enable_extensions": ["dollarmath", "colon_fence", "attrs_inline"],
        "myst_heading_anchors": 3,
        "nb_execution_mode": "off",
        "nb_merge_streams": True,
        # Types in signatures are looked up by their bare names, which several classes may share.
        "suppress_warnings": ["ref.python"],
        "mathjax_path": "mathjax/startup.js",
        # Only what formulas need: without its menu, MathJax is a third smaller. It also tells screen readers of them.
        "mathjax3_config": {"loader": {"load": list(_PARTS)}},
        "html_theme": "pydata_sphinx_theme",
        "html_title": TITLE,
        "html_baseurl": address,
        "html_static_path": [str(HERE / "static")],
        "html_css_files": ["course.css"],
        "html_js_files": [("course.js", {"defer": "defer"})],
        "html_context": {"default_mode": "auto"},
        "html_use_index": False,
        "toc_object_entries_show_parents": "hide",
        "html_favicon": str(HERE / "static" / "favicon.svg"),
        "html_copy_source": False,
        "html_show_sourcelink": False,
        "html_permalinks_icon": "#",
        "html_sidebars": {page: [] for page in (*NO_LEFT_COLUMN, *single)},
        "html_theme_options": {
            "logo": {"text": TITLE},
            "search_bar_text": "Search the course",
            "navbar_align": "left",
            "navbar_end": ["theme-switcher"],
            "header_links_before_dropdown": 4,
            "primary_sidebar_end": [],
            "secondary_sidebar_items": ["page-toc"],
            "show_toc_level": 2,
            "footer_start": ["copyright"],
            "footer_end": [],
        },
    }


def mathjax_files() -> dict[str, bytes]:
    """The part of MathJax that the pages load, with its fonts."""
    package = importlib.util.find_spec("sphinx-mathjax-offline")  # its hyphens keep `import` from it
    root = Path(package.submodule_search_locations[0]) / "static" / "mathjax"
    wanted = [root / f"{part}.js" for part in ("startup", *_PARTS, "output/chtml/fonts/tex")]
    wanted += [*root.glob("output/chtml/fonts/**/*.woff"), *root.glob("input/tex/extensions/*.js")]
    return {f"_static/mathjax/{path.relative_to(root).as_posix()}": path.read_bytes() for path in wanted}
