"""How strong the checkers are: right answers in other styles are taken."""

import pytest
from lesson_code import all_exercises
from right_answers import right_answers

from course_lib.exercises import find, judge
from course_lib.exercises.show import verdict_box

RIGHT = [
    (lesson, name, answer)
    for lesson, name in all_exercises()
    for answer in right_answers(lesson.partition("_")[2]).get(name, [])
]


@pytest.mark.parametrize(("lesson", "name", "answer"), RIGHT, ids=[f"{n}-{answer.style}" for _, n, answer in RIGHT])
def test_a_right_answer_in_another_style_is_correct(lesson, name, answer):
    exercise = find(lesson, name)
    for seed in range(50 if exercise.takes_function else 5):
        verdict = judge(exercise, answer.make(), seed)
        assert verdict.correct, f"seed {seed}\n{verdict_box(verdict)}"
