"""How strong the checkers are: every one is measured, and none may have a fault. The whole run ends with the table."""

from dataclasses import asdict

import pytest
from lesson_code import all_exercises
from strength import Bench

EXERCISES = all_exercises()


@pytest.mark.filterwarnings("ignore")  # wrong answers divide by 0, and the like
@pytest.mark.parametrize(("lesson", "name"), EXERCISES, ids=["-".join(pair) for pair in EXERCISES])
def test_the_checker_tells_right_from_wrong(lesson, name, record_property):
    """Wrong answers are rejected, right ones in other styles taken, mistakes told apart, and nobody waits for it.

    A new exercise needs three right answers in tests/right_answers/ and two known mistakes. Wrong answers are made from
    its solution; those that are right nevertheless are listed in tests/equal_mutants/, each with the reason.
    """
    strength = Bench.of(lesson, name).measure()
    record_property("strength", asdict(strength))
    assert not strength.faults, "\n".join([f"{lesson} {name}:", *strength.faults])
