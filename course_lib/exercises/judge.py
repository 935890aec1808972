"""From a student's answer to a verdict: run it on fresh cases, compare with the oracle, name the mistake."""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from course_lib.exercises.answer import CORRECT, NOT_ATTEMPTED, RAISED, WRONG, Outcome, kind_of, run
from course_lib.exercises.spec import Exercise


@dataclass
class Verdict:
    """The judgement of one answer. `passed` of `total` cases were right; the failing case shown is the smallest.

    `guessed` of them the best constant answer gets right, too.
    """

    exercise: str
    status: str
    points: int
    passed: int = 0
    total: int = 0
    guessed: int = 0
    reason: str = ""
    mistake: str = ""
    inputs: dict[str, Any] | None = None
    expected: Any = None
    got: Any = None

    @property
    def correct(self) -> bool:
        return self.status == CORRECT

    @property
    def share(self) -> float:
        """The share of the points that was earned: nothing for what always answering the same gets as well."""
        return max(0, self.passed - self.guessed) / (self.total - self.guessed)


def judge(exercise: Exercise, candidate, seed: int | None = None) -> Verdict:
    """Judge `candidate` on cases drawn from `seed`, or on new ones each time."""
    key = AnswerKey(exercise, exercise.draw(np.random.default_rng(seed)))
    return key.verdict([run(exercise, candidate, case) for case in key.cases])


@dataclass
class AnswerKey:
    """What is right for some cases, and what the known mistakes give. It never touches a student's code."""

    exercise: Exercise
    cases: list[tuple]
    _mistaken: dict[tuple[int, int], Outcome] = field(default_factory=dict, init=False)

    @cached_property
    def expected(self) -> list:
        return [self.exercise.oracle(*copy.deepcopy(case)) for case in self.cases]

    @cached_property
    def guessed(self) -> int:
        """How many cases the best constant answer gets right; 0 where one answer is right for all of them.

        Constant is one value that is right for a case, or one number in every place.
        """
        numbers = [_number(value) for value in self.expected]
        best = max(
            max(
                sum(self._same(value, other) for other in self.expected),
                sum(number is not None and number == other for other in numbers),
            )
            for value, number in zip(self.expected, numbers, strict=True)
        )
        return best if best < len(self.expected) else 0

    def mistaken(self, mistake: int, case: int) -> Outcome:
        """What the known mistake of this number gives for a case; found when it is first asked for."""
        if (mistake, case) not in self._mistaken:
            candidate = self.exercise.candidate_of(self.exercise.mistakes[mistake])
            self._mistaken[mistake, case] = run(self.exercise, candidate, self.cases[case])
        return self._mistaken[mistake, case]

    def verdict(self, outcomes: list[Outcome]) -> Verdict:
        """The verdict on the outcomes of all cases."""
        exercise = self.exercise
        faults = [
            outcome.fault or difference(want, outcome.value, exercise.atol, exercise.rtol, exercise.results)
            for want, outcome in zip(self.expected, outcomes, strict=True)
        ]
        verdict = Verdict(exercise.name, CORRECT, exercise.points, passed=faults.count(""), total=len(faults))
        if not any(faults):
            return verdict
        verdict.guessed = self.guessed
        first = next(index for index, fault in enumerate(faults) if fault)
        verdict.status, verdict.reason = outcomes[first].status or WRONG, faults[first]
        if verdict.status == NOT_ATTEMPTED:
            return verdict
        if verdict.status == WRONG:
            if outcomes[first].value is None and outcomes[first].fault:
                return verdict  # of a wrong form: no case can show more
            verdict.mistake = self._diagnose(outcomes) or self._guess(outcomes)
            if not outcomes[first].fault and (kind := self._whole_type(outcomes)):
                verdict.reason = f"The decimals are cut off: your result has the integer type {kind}."
        inputs = zip(exercise.arguments, self.cases[first], strict=True)
        if exercise.results and not exercise.takes_function:  # of a model: the reason names what differs in it
            verdict.inputs = dict(_in_short(name, value) for name, value in inputs)
            return verdict
        verdict.inputs = {name: value for name, value in inputs if not name.startswith("_")}
        if verdict.status == WRONG:
            verdict.expected, verdict.got = self.expected[first], outcomes[first].value
        return verdict

    def _whole_type(self, outcomes: list[Outcome]) -> str:
        """The integer type of an answer that gives every expected number without its decimals, and some of them not 0.

        One case is not enough to say so: 0 for 0.3 may come of a rule that is wrong, and 2 for 2.3 of rounding.
        """
        found = ""
        for want, have in itertools.chain(*map(_numbers, self.expected, [outcome.value for outcome in outcomes])):
            if have.dtype.kind in "iu" and want.dtype.kind == "f":
                if have.shape != want.shape or not np.array_equal(have, np.trunc(want)):
                    return ""
                if np.any((have != want) & (have != 0)):
                    found = have.dtype.name
            elif difference(want, have, self.exercise.atol, self.exercise.rtol):
                return ""
        return found

    def _diagnose(self, outcomes: list[Outcome]) -> str:
        """The sentence of the known mistake which gives what the answer gave on every case; "" if none does, or two."""
        fitting = {
            mistake.message
            for number, mistake in enumerate(self.exercise.mistakes)
            if all(self.agree(self.mistaken(number, case), outcome) for case, outcome in enumerate(outcomes))
        }
        return fitting.pop() if len(fitting) == 1 else ""

    def _guess(self, outcomes: list[Outcome]) -> str:
        """A sentence for an answer that is the same number in every place of every case, while right ones vary."""
        numbers = {None if outcome.status else _number(outcome.value) for outcome in outcomes}
        number = numbers.pop() if len(numbers) == 1 else None
        if number is None or not self.guessed:
            return ""
        words = f"{number:.6g}" if isinstance(number, float) else number
        return f"This is no better than always answering {words}, whatever the inputs are."

    def agree(self, one: Outcome, other: Outcome) -> bool:
        """Whether two answers came to the same on a case."""
        if one.status == RAISED or other.status == RAISED:
            return one.status == other.status
        return one.status == other.status and self._same(one.value, other.value)

    def _same(self, one, other) -> bool:
        return not difference(one, other, self.exercise.atol, self.exercise.rtol)


def _in_short(name: str, value) -> tuple[str, Any]:
    """What an argument of a probe is called and what it holds, without pages of numbers."""
    return (f"{name}.shape", value.shape) if isinstance(value, np.ndarray) else (name, value)


def _number(value) -> bool | int | float | None:
    """The one number that stands in every place of an array or of several results; None if there are two, or none."""
    try:
        parts = [np.asarray(each) for each in (value if isinstance(value, tuple) else (value,))]
        found = {number for part in parts for number in np.unique(part).tolist()}
    except (TypeError, ValueError):
        return None
    number = found.pop() if len(found) == 1 else None
    return number if isinstance(number, (bool, int, float)) else None


def difference(expected, got, atol: float, rtol: float, names: tuple[str, ...] = ()) -> str:
    """In words, the first thing that is wrong with `got`; "" when it is right. `names` are those of several results.

    Values count, types hardly: a list, a float32 array or a tensor with the right numbers and shape is right.
    """
    if got is None:
        return "It returned None. Is a `return` missing?"
    if isinstance(expected, tuple):
        return _tuple_difference(expected, got, atol, rtol, names)
    if isinstance(expected, str):
        return "" if isinstance(got, str) and got == expected else f"Expected {expected}; got {got!s:.200}."
    want = np.asarray(expected)
    try:
        have = np.asarray(got)
    except Exception:
        return f"It returned {kind_of(got)}, which cannot be read as an array."
    if have.dtype.kind not in "biuf":
        return f"It returned {_what(got, have)}; numbers are expected."
    if have.dtype.kind == "b" and want.dtype.kind != "b":
        return "It returned True and False; numbers are expected."
    if have.shape != want.shape:
        return _shape_difference(want, have, atol, rtol)
    lost = np.isnan(have.astype(float)) & ~np.isnan(want.astype(float))
    if lost.any():
        return f"{lost.sum()} of {have.size} values are NaN, not a number: look for 0/0, log(0) or inf - inf."
    off = ~np.isclose(have.astype(float), want.astype(float), atol=atol, rtol=rtol, equal_nan=True)
    if not off.any():
        return ""
    if have.ndim == 0:
        return "Expected {}, got {}.".format(*_told_apart(want, have))
    place = tuple(int(index) for index in np.argwhere(off)[0])
    index = place[0] if len(place) == 1 else place
    first = "At index {}: expected {}, got {}.".format(index, *_told_apart(want[place], have[place]))
    return f"{off.sum()} of {have.size} values differ. {first}"


def _told_apart(*numbers) -> list:
    """Two numbers with six digits, or with as many as it takes to see that they differ."""
    for digits in (6, 9, 12, 17):
        told = [n.item() if n.dtype.kind == "b" else f"{n:.{digits}g}" for n in numbers]
        if told[0] != told[1]:
            break
    return told


def _tuple_difference(expected: tuple, got, atol: float, rtol: float, names: tuple[str, ...]) -> str:
    parts = _parts(got)
    if parts is None or len(parts) != len(expected):
        what = _what(got, np.asarray(0)) if parts is None else f"{len(parts)} values"
        return f"It returned {what}; {len(expected)} values are expected, in this order."
    for position, (want, have) in enumerate(zip(expected, parts, strict=True), start=1):
        if fault := difference(want, have, atol, rtol):
            name = names[position - 1] if names else f"Result {position} of {len(expected)}"
            return f"{name}: {fault[0].lower()}{fault[1:]}" if names else f"{name}: {fault}"
    return ""


def _parts(got) -> list | None:
    """The results in what was returned for several: a tuple, a list, or whatever NumPy reads as an array of them."""
    if isinstance(got, (tuple, list)):
        return list(got)
    try:
        array = np.asarray(got)
    except Exception:
        return None
    return list(array) if array.ndim else None


def _numbers(want, have) -> list[tuple[np.ndarray, np.ndarray]]:
    """Arrays expected and returned, side by side, from an answer that has as many results as are asked for."""
    if isinstance(want, tuple):
        return [pair for one, other in zip(want, _parts(have) or (), strict=False) for pair in _numbers(one, other)]
    try:
        return [(np.asarray(want), np.asarray(have))]
    except Exception:
        return []


def _shape_difference(want: np.ndarray, have: np.ndarray, atol: float, rtol: float) -> str:
    words = f"The shape is {have.shape}; expected {want.shape}."
    if have.size == 1:  # one number may be right by accident
        return words
    if have.T.shape == want.shape and np.allclose(have.T, want, atol=atol, rtol=rtol):
        return f"{words} It is the transpose of the right answer."
    if have.size == want.size and np.allclose(have.ravel(), want.ravel(), atol=atol, rtol=rtol):
        return f"{words} The numbers are right."
    return words


def _what(got, have: np.ndarray) -> str:
    return f"text ({got!r:.40})" if have.dtype.kind in "US" else kind_of(got)
