"""What an exercise is: an oracle, fresh inputs, and the mistakes people really make. One spec serves all.

    @exercise(lesson="02_perceptron", points=2)
    def margin(inputs, targets, weights):            # the oracle: trusted, and not a copy of the lesson's solution
        ...

    @margin.cases
    def _(rng):                                      # yields tuples of arguments, new ones for every check
        ...

    @margin.mistake("You took the mean distance; the margin is the smallest one.")
    def _(inputs, targets, weights):                 # what a student with this mistake would have written
        ...

A student's answer, called the candidate here, is a function with the oracle's arguments. When it is a value or a Keras
model instead, a probe turns it into arrays:

    @weights_for_and.probe
    def _(weights, corners): ...

and then a mistake takes no arguments and returns the wrong value or model.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

_REGISTRY: dict[str, dict[str, Exercise]] = {}


class ExerciseError(LookupError):
    """There is no such lesson or exercise; the message lists what there is."""

    def _render_traceback_(self) -> list[str]:
        return [f"\N{WARNING SIGN} {self}"]


@dataclass
class Mistake:
    """A wrong answer that people really give, and the sentence that sets it right."""

    message: str
    make: Callable


@dataclass
class Exercise:
    """One exercise. `oracle(*case)` is what a right answer gives, within `atol` and `rtol`, for every case."""

    lesson: str
    points: int
    oracle: Callable
    atol: float
    rtol: float
    mistakes: list[Mistake] = field(default_factory=list)
    hints: tuple[str, ...] = ()
    _cases: Callable | None = None
    _probe: Callable | None = None

    @property
    def name(self) -> str:
        return self.oracle.__name__

    @property
    def arguments(self) -> list[str]:
        """Names of what a case holds, for messages."""
        return list(inspect.signature(self.oracle).parameters)

    @property
    def takes_function(self) -> bool:
        """True when the answer is a function; False when it is a value or a model, seen through the probe."""
        return self._probe is None

    def cases(self, generate: Callable) -> Callable:
        """Decorator: `generate(rng)` yields tuples of arguments."""
        self._cases = generate
        return generate

    def probe(self, look: Callable) -> Callable:
        """Decorator: `look(candidate, *case)` turns a value or a model into arrays."""
        self._probe = look
        return look

    def mistake(self, message: str) -> Callable:
        """Decorator: a known mistake, and what to tell the student who made it."""

        def add(make: Callable) -> Callable:
            self.mistakes.append(Mistake(message, make))
            return make

        return add

    def draw(self, rng) -> list[tuple]:
        """Fresh cases, smallest first, so that the first failing one is the easiest to look at."""
        return sorted((tuple(case) for case in self._cases(rng)), key=_size)

    def run(self, candidate, case: tuple):
        """What `candidate` gives for `case`."""
        return candidate(*case) if self.takes_function else self._probe(candidate, *case)

    def candidate_of(self, mistake: Mistake):
        """The wrong answer itself, in the form a student would hand in."""
        return mistake.make if self.takes_function else mistake.make()


def exercise(*, lesson: str, points: int, atol: float = 1e-6, rtol: float = 1e-5) -> Callable[[Callable], Exercise]:
    """Decorator: declare an exercise of `lesson` by its oracle; the oracle's name is the name of the answer."""

    def declare(oracle: Callable) -> Exercise:
        spec = Exercise(lesson, points, oracle, atol, rtol)
        _REGISTRY.setdefault(lesson, {})[spec.name] = spec
        return spec

    return declare


def specs(lesson: str) -> dict[str, Exercise]:
    """All exercises of a lesson by name. Raises `ExerciseError` for a lesson that has none.

    The exercises of `02_perceptron` stand in the module `course_lib.exercises.perceptron`.
    """
    if lesson not in _REGISTRY:
        topic = lesson.partition("_")[2]
        module = f"{__package__}.{topic}"
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            raise ExerciseError(f"There are no exercises for the lesson {lesson!r}.") from None
    return _REGISTRY[lesson]


def find(lesson: str, name: str) -> Exercise:
    """One exercise of a lesson. Raises `ExerciseError` naming the exercises there are."""
    known = specs(lesson)
    if name not in known:
        raise ExerciseError(f"Lesson {lesson} has no exercise {name!r}. It has: {', '.join(known)}.")
    return known[name]


def _size(case: Iterable) -> int:
    return sum(getattr(value, "size", 1) for value in case)
