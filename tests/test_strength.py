"""The measure of checkers, held against checkers whose weakness is known."""

import resource
import signal
import time

import numpy as np
import pytest
from right_answers import RightAnswer
from strength import Bench, _built_once, _ending

from course_lib.exercises import spec

SOURCE = """
def absolute(x):
    if x < 0:
        return -x
    return x
"""
RIGHT = [RightAnswer(words, lambda answer=answer: answer) for words, answer in (
    ("abs", abs), ("maximum", lambda x: max(x, -x)), ("root", lambda x: (x * x) ** 0.5)
)]  # fmt: skip


@pytest.fixture
def bench(monkeypatch):
    """A checker that sees everything: both signs, and whole numbers beside others."""
    monkeypatch.setattr(spec, "_REGISTRY", {})

    @spec.exercise(lesson="99_test", points=1)
    def absolute(x):
        return abs(x)

    absolute.cases(lambda rng: [(0.5,), (-0.5,), (-3,), (float(rng.uniform(-9, -2)),), (float(rng.uniform(2, 9)),)])
    absolute.mistake("The sign stayed as it was.")(lambda x: x)
    absolute.mistake("The sign was turned round, whatever it was.")(lambda x: -x)
    equal = {"if x < 0:  →  if x <= 0:": "0 is its own opposite"}
    namespace: dict = {}
    exec(SOURCE, namespace)
    return Bench(absolute, SOURCE, namespace, RIGHT, equal)


def faults(bench: Bench) -> str:
    return "\n".join(bench.measure().faults)


def test_a_strong_checker_has_no_faults(bench):
    strength = bench.measure()
    assert not strength.faults
    assert strength.mutants > 10 and strength.killed + strength.equal == strength.mutants
    assert (strength.right, strength.mistakes) == (3, 2)
    assert 0 < strength.seconds < 0.05


def test_a_case_that_is_missing_lets_wrong_answers_through(bench):
    bench.exercise.cases(lambda rng: [(0.5,), (float(rng.uniform(2, 9)),)])
    assert "accepted on 20 of 20 seeds: return -x  →  return x" in faults(bench)


def test_one_unlucky_seed_is_enough(bench):
    bench.exercise.cases(lambda rng: [(0.5,), (rng.uniform(-9, 1),)])
    found = faults(bench)
    lucky = sum(np.random.default_rng(seed).uniform(-9, 1) > 0 for seed in range(20))
    assert 0 < lucky < 20 and f"accepted on {lucky} of 20 seeds: return -x  →  return x" in found


def test_what_is_listed_as_equal_must_be(bench):
    bench.equal["return -x  →  return x"] = "wrongly"
    bench.equal["return y  →  return x"] = "of another solution"
    found = faults(bench)
    assert "listed as equal, but rejected: return -x  →  return x" in found
    assert "listed as equal, but there is no such change: return y  →  return x" in found


def test_right_answers_must_be_taken(bench):
    bench.right.append(RightAnswer("rounded", lambda: lambda x: round(abs(x), 3)))
    assert "right, but rejected on seed 0: rounded" in faults(bench)
    bench.right.pop()


def test_mistakes_must_be_told_apart(bench):
    bench.exercise.mistake("It is squared.")(lambda x: x * x if x > 0 else x)
    bench.exercise.mistake("It is cubed.")(lambda x: x**3 if x > 100 else x * abs(x) if x > 0 else x)
    found = faults(bench)
    assert "a known mistake is wrong without its sentence on seed 0: It is squared." in found
    assert "a known mistake is wrong without its sentence on seed 0: It is cubed." in found


def test_a_mistake_that_is_right_is_found(bench):
    bench.exercise.mistake("It is right.")(lambda x: abs(x))
    assert "a known mistake is accepted on seed 0: It is right." in faults(bench)


def test_a_sentence_must_be_true_of_the_answer(bench):
    """On the first seed all numbers are the same to a mistake and to an answer that differ elsewhere."""
    unlucky = np.random.default_rng(0).random()
    bench.exercise.cases(lambda rng: [(-0.5,), (1.0 if rng.random() == unlucky else 2.0,)])
    bench.exercise.mistake("You squared the positive.")(lambda x: x * x if x > 0 else x)
    assert "misnamed: return -x  →  return x\n    You squared the positive." not in faults(bench)
    bench.exercise._mistakes.pop(0)  # now nothing else fits the sign that stayed
    vars(bench.exercise).pop("mistakes", None)
    bench._keys.clear()
    assert "misnamed: return -x  →  return x\n    You squared the positive." in faults(bench)


def test_what_an_exercise_needs_is_said(bench):
    bench.right = RIGHT[:1]
    vars(bench.exercise).pop("mistakes", None)
    bench.exercise._mistakes.pop()
    found = faults(bench)
    assert "three right answers in other styles are needed in tests/right_answers/test.py; there are 1" in found
    assert "two known mistakes are needed, each with a sentence; there are 1" in found


def test_a_slow_check_is_a_fault(bench):
    assert not list(bench.slow(0.4))
    assert list(bench.slow(0.6)) == ["a check takes 600 ms; nobody waits longer than 500"]


@pytest.mark.parametrize("endless", ["while True: pass", "[0] * 10**10", "numbers.append(numbers)"])
def test_an_answer_that_does_not_end_is_ended(endless):
    namespace: dict = {}
    exec(f"def answer(numbers):\n    {endless}\n    return numbers", namespace)
    begun = time.monotonic()
    with pytest.raises((TimeoutError, MemoryError, RecursionError)):
        _ending(namespace["answer"], 0.2)([1])
    assert time.monotonic() - begun < 5
    assert _ending(lambda numbers: [0] * 10**6, 5)([1])[:1] == [0]


def test_an_answer_that_did_not_end_is_not_waited_for_as_long_again():
    def endless():
        while True:
            pass

    answer, waited = _ending(endless, 1), []
    for _ in range(2):
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            answer()
        waited.append(time.monotonic() - begun)
    assert waited[0] > 0.9 and waited[1] < 0.5


def test_the_limit_on_memory_ends_with_the_answer_even_if_the_alarm_comes_at_the_last_moment(monkeypatch):
    before, disarmed = resource.getrlimit(resource.RLIMIT_AS), []

    def setitimer(kind, seconds):
        if seconds == 0:
            disarmed.append(seconds)
            raise TimeoutError("the alarm")

    monkeypatch.setattr(signal, "setitimer", setitimer)
    with pytest.raises(TimeoutError):
        _ending(lambda: 1, 2)()
    assert disarmed and resource.getrlimit(resource.RLIMIT_AS) == before


def test_no_more_of_a_wrong_answer_is_run_than_tells_it(bench):
    """The first case shows that it is wrong; no known mistake gives 7, so nothing else can be said about it."""
    given = []

    def seven(x):
        given.append(x)
        return 7

    assert bench.first_look(seven) == (0, "")
    assert given == [0.5]
    assert bench.first_look(lambda x: x) == (1, "The sign stayed as it was.")
    assert bench.first_look(abs) == (None, "")


def test_nothing_is_built_twice_for_the_same_arguments():
    import keras

    built = []

    def block(x, units):
        built.append(units)
        return keras.layers.Dense(units)(x)

    answer = _built_once(block)
    one, same, other = (answer(keras.Input((3,)), units).shape for units in (4, 4, 5))
    assert one == same == (None, 4) and other == (None, 5)
    assert built == [4, 5]

    answer = _built_once(lambda units: block(keras.Input((3,)), units))
    assert answer(6) is answer(6) and built == [4, 5, 6]
