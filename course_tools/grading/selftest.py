"""Does the grader know right from wrong? The solved notebooks, the blank ones, and every declared mistake, graded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from course_lib.exercises.judge import run
from course_lib.exercises.spec import specs
from course_lib.quiet import quiet
from course_tools.grading import marks
from course_tools.grading.grade import Grader
from course_tools.grading.intake import Submission
from course_tools.grading.question import Question
from course_tools.project import Project


def complaints(project: Project, lesson: str, grader: Grader, seed: int, jobs: int) -> Iterator[str]:
    """Everything about the marks of `lesson` that is not as it should be."""
    folder = project.notebooks
    handed_in = [
        Submission("solved", lesson, f"solutions/{lesson}.ipynb"),
        Submission("blank", lesson, f"{lesson}.ipynb"),
    ]
    for submission, report in grader.grade(folder, handed_in, jobs):
        if report.problem:
            yield f"{submission.path}: {report.problem}"
        for mark in report.marks:
            expected = (marks.CORRECT, mark.out_of) if submission.student == "solved" else (marks.NOT_ATTEMPTED, 0)
            if (mark.verdict, mark.points) != expected:
                yield (
                    f"{submission.path}: {mark.exercise} is {mark.verdict!r} with {mark.points:g} of {mark.out_of} "
                    f"points, expected {expected[0]!r} with {expected[1]}. {mark.reason}"
                )
    yield from _forgiven_mistakes(lesson, seed)


def _forgiven_mistakes(lesson: str, seed: int) -> Iterator[str]:
    for exercise in specs(lesson).values():
        question = Question(exercise, seed)
        for mistake in exercise.mistakes:
            with quiet():  # some mistakes are Keras models
                candidate = exercise.candidate_of(mistake)
                verdict = question.key.verdict([run(exercise, candidate, case) for case in question.key.cases])
            if verdict.passed == verdict.total:
                yield f"{lesson}: {exercise.name}: a known mistake gets full points: {mistake.message}"
            elif verdict.status == marks.WRONG and verdict.mistake != mistake.message:
                yield f"{lesson}: {exercise.name}: a known mistake is not named: {mistake.message}"


def notebooks_missing(project: Project, lesson: str) -> list[Path]:
    """Those of the two notebooks of a lesson that are not there."""
    return [path for path in project.generated(lesson)[:2] if not path.is_file()]
