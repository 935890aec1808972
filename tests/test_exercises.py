"""Every exercise of every lesson: its solution is right, its mistakes are caught and named, its blank is no answer.

On one seed, and on either backend; `test_checkers` does it on many.
"""

import numpy as np
import pytest
from lesson_code import all_exercises, all_lessons, answer

from course_lib.exercises import find, judge, specs
from course_lib.exercises.show import verdict_box

EXERCISES = all_exercises()
by_exercise = pytest.mark.parametrize(("lesson", "name"), EXERCISES, ids=["-".join(pair) for pair in EXERCISES])


@by_exercise
def test_the_solution_is_correct(lesson, name):
    verdict = judge(find(lesson, name), answer(all_lessons()[lesson], name), 0)
    assert verdict.correct, verdict_box(verdict)


@by_exercise
def test_every_mistake_is_caught_and_named(lesson, name):
    exercise = find(lesson, name)
    assert len(exercise.mistakes) >= 2
    for mistake in exercise.mistakes:
        verdict = judge(exercise, exercise.candidate_of(mistake), 0)
        assert (verdict.status, verdict.mistake) == ("wrong", mistake.message)


@by_exercise
def test_the_blank_is_not_attempted(lesson, name):
    assert judge(find(lesson, name), answer(all_lessons()[lesson], name, blank=True), 0).status == "not attempted"


@by_exercise
def test_there_are_hints_and_points(lesson, name):
    exercise = find(lesson, name)
    assert exercise.hints and exercise.points > 0


@by_exercise
def test_odd_answers_get_a_message_that_helps(lesson, name):
    exercise = find(lesson, name)
    solution = answer(all_lessons()[lesson], name)
    if not exercise.takes_function:
        pytest.skip("a value or a model: its odd forms are tested with the probes below")

    def change(transform):
        return judge(exercise, lambda *case: transform(solution(*case)), 0)

    several = isinstance(exercise.oracle(*exercise.draw(np.random.default_rng(0))[0]), tuple)

    def first(value):  # of several results the first one is changed
        return value[0] if several else value

    def with_first(value, new):
        return (new, *value[1:]) if several else new

    def grown(value):
        return with_first(value, np.stack([np.asarray(first(value))] * 2))

    assert judge(exercise, lambda *case: 1 / 0, 0).reason.startswith("ZeroDivisionError")
    assert "return" in change(lambda value: None).reason
    assert "shape" in change(grown).reason
    assert "numbers" in change(lambda value: with_first(value, "yes")).reason
    for odd in (lambda *case: 1 / 0, lambda *case: None):
        assert not judge(exercise, odd, 0).correct


def test_each_lesson_declares_just_the_exercises_it_has():
    for name, lesson in all_lessons().items():
        assert list(specs(name)) == list(lesson.exercises)
