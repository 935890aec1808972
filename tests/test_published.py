"""What the places expect that the course is published at: workflows, Binder, dev containers, how to cite it, and where
the pages for newcomers lead."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from course_tools.project import find_project

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
DEV_CONTAINER = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md", "README.md", *(f"docs/{page}.md" for page in ("maintaining", "running")))

needs_schemas = pytest.mark.skipif(
    importlib.util.find_spec("check_jsonschema") is None,
    reason="the official schemas come with the package check-jsonschema, which is not installed",
)


def text(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def violations(schema: str, *files: Path) -> str:
    """What a schema that the package check-jsonschema carries finds wrong; no network is asked."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, files)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode in (0, 1) and not ended.stderr, ended.stderr
    return ended.stdout if ended.returncode else ""


@needs_schemas
def test_workflows_are_what_github_s_schema_asks_for():
    assert WORKFLOWS and violations("github-workflows", *WORKFLOWS) == ""


@needs_schemas
@pytest.mark.parametrize(("old", "new"), [("runs-on:", "run-on:"), ("cron:", "corn:")])
def test_a_mistyped_workflow_is_found(tmp_path, old, new):
    broken = text(".github/workflows/tests.yml").replace(old, new)
    (tmp_path / "tests.yml").write_text(broken, encoding="utf-8")
    assert violations("github-workflows", tmp_path / "tests.yml")


@needs_schemas
def test_the_citation_is_what_its_schema_asks_for_and_a_wrong_one_is_found(tmp_path):
    assert violations("citation-file-format", ROOT / "CITATION.cff") == ""
    (tmp_path / "CITATION.cff").write_text(text("CITATION.cff").replace("authors:", "writers:"), encoding="utf-8")
    assert "'writers' was unexpected" in violations("citation-file-format", tmp_path / "CITATION.cff")


def settings() -> dict:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text("pyproject.toml"))["project"]


def promised() -> tuple[str, str]:
    """The oldest and the newest Python, as the README says them."""
    return re.search(r"Python (3\.\d+) to (3\.\d+)", text("README.md")).groups()


def minor(version: str) -> int:
    return int(version.split(".")[1])


def test_the_citation_tells_the_version_and_the_licence_of_the_package():
    citation = yaml.safe_load(text("CITATION.cff"))
    assert str(citation["version"]) == settings()["version"] and citation["license"] == settings()["license"]
    assert text("README.md").startswith(f"# {citation['title']}\n")
    assert citation["repository-code"] == find_project().source_address()
    assert f"({citation['version']})" in text("CHANGELOG.md")


def test_linux_is_tested_with_the_oldest_and_the_newest_python():
    oldest, newest = promised()
    assert settings()["requires-python"] == f">={oldest}"
    jobs = yaml.safe_load(text(".github/workflows/tests.yml"))["jobs"]
    assert jobs["linux"]["strategy"]["matrix"]["python"] == [oldest, newest]


@pytest.mark.parametrize(
    "version",
    [text(".binder/runtime.txt").removeprefix("python-").strip(), DEV_CONTAINER["image"].rpartition(":")[2]],
    ids=["binder", "dev container"],
)
def test_containers_have_a_python_that_the_course_promises(version):
    oldest, newest = promised()
    assert minor(oldest) <= minor(version) <= minor(newest)


def commands() -> list[str]:
    """Whatever is run in a shell of a workflow or of the dev container."""
    jobs = [job for path in WORKFLOWS for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()]
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step] + [
        DEV_CONTAINER["postCreateCommand"]
    ]


def test_what_workflows_and_containers_make_run_and_install_is_there():
    shell = "\n".join(commands())
    rules = re.findall(r"^([^\s:#]+):", text("Makefile").replace("$(VENV)", ".venv"), re.M)
    made = re.findall(r"\bmake (\S+)", shell)
    assert made and set(made) <= set(rules)
    files = re.findall(r"\b(?:notebooks|tests)/[\w./]+", shell)
    assert files and all((ROOT / file).is_file() for file in files), files
    extras = re.findall(r"\.\[(\w+)\]", shell + text(".binder/requirements.txt"))
    assert extras and set(extras) <= set(settings()["optional-dependencies"])


def test_the_tests_of_the_library_are_there():
    """`make test` and the workflow read them from one file."""
    listed = text("tests/library.txt").split()
    assert len(set(listed)) == len(listed) >= 11 and all((ROOT / file).is_file() for file in listed)
    assert "@tests/library.txt" in text("Makefile") and any("@tests/library.txt" in each for each in commands())


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_a_file_or_a_heading_leads_somewhere(page):
    body = text(page)
    links = re.findall(r"\]\(([^)\s]+)\)", body)
    for file, _, heading in (link.partition("#") for link in links if "://" not in link):
        target = ROOT / Path(page).parent / file if file else ROOT / page
        assert target.exists(), f"{page} leads to {file}"
        assert not heading or heading in anchors(target), f"{page} leads to {file}#{heading}"
    for name in re.findall(r"\]\[(\w+)\]", body):
        assert re.search(rf"^\[{name}\]: https://\S+$", body, re.M), f"{page} does not say where [{name}] leads"
