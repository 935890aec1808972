"""What the whole test run adds: how much of the syllabus is live, said at the end."""

from course_tools.ledger import coverage, read_syllabus, summary
from course_tools.project import find_project


def pytest_terminal_summary(terminalreporter):
    project = find_project()
    terminalreporter.section("syllabus")
    terminalreporter.write_line(summary(coverage(project, read_syllabus(project.root / "data").values())))
