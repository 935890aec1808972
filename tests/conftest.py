"""What holds for every test, and what the whole run says at the end: how strong the checkers are, and how much of the
syllabus is live."""

import sys

import pytest
from ledger import coverage, read_syllabus, summary
from narrow_steps import refuse_narrow_steps

from course_tools.errors import CourseError
from course_tools.project import find_project


@pytest.fixture(autouse=True)
def no_figures_left_open():
    yield
    if "matplotlib.pyplot" in sys.modules:  # most tests draw nothing, and need not wait for it
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(autouse=True)
def no_gradient_that_could_end_the_process():
    refuse_narrow_steps()


@pytest.fixture
def dask_site(tmp_path_factory):
    """A Dask cluster on this machine."""
    from dask_site import Site

    site = Site(tmp_path_factory.mktemp("site"))
    yield site
    site.close()


def pytest_terminal_summary(terminalreporter):
    _say_how_strong_the_checkers_are(terminalreporter)
    project = find_project()
    try:
        said = summary(coverage(project, read_syllabus(project.root / "data").values()))
    except CourseError as error:  # a test has failed for it; the other tests' results are still to be read
        said = str(error)
    terminalreporter.section("syllabus")
    terminalreporter.write_line(said if terminalreporter.verbosity >= 0 else said.splitlines()[0])


def _say_how_strong_the_checkers_are(terminalreporter):
    reports = [each for outcome in ("passed", "failed") for each in terminalreporter.getreports(outcome)]
    found = [value for each in reports for name, value in each.user_properties if name == "strength"]
    if not found:
        return
    from strength import HEAD, Strength, row, total

    strengths = sorted((Strength(**each) for each in found), key=lambda strength: (strength.lesson, strength.exercise))
    terminalreporter.section("checkers")
    for line in (HEAD, *map(row, strengths), total(strengths)):
        terminalreporter.write_line(line)
