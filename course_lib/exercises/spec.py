"""What an exercise is: an oracle, fresh inputs, and the mistakes people really make. One spec serves all.

    @exercise(lesson="02_perceptron", points=2)
    def margin(inputs, targets, weights):            # the oracle: trusted, and not a copy of the lesson's solution
        ...

    @margin.cases
    def _(rng):                                      # yields tuples of arguments, new ones for every check
        ...

    @margin.known_mistakes
    def _(inputs, targets, weights):                 # yields sentences, each with what that mistake gives for the case
        yield "You took the mean distance; the margin is the smallest one.", np.mean(...)
        yield "The weight of the bias does not count for the length.", np.min(...) / np.linalg.norm(weights)

A mistake that takes more than an expression is a function of its own:

    @margin.mistake("You stopped at the first example.")
    def _(inputs, targets, weights):                 # what a student with this mistake would have written
        ...

A student's answer, called the candidate here, is a function with the oracle's arguments. When it is a value or a Keras
model instead, a probe turns it into arrays:

    @weights_for_and.probe
    def _(weights, corners): ...  # raises answer.WrongForm, with a sentence, where it cannot look for what was asked

and then mistakes take no arguments; they are wrong values, or wrong models and functions that build them. What only the
probe needs has a name that begins with _, and no message shows it.

Several results may have names, `tied_gradients.results = ("Gradient by W", ...)`; what is found in a model
should have them, for there they stand in a message in place of the inputs.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice

import numpy as np

from course_lib.rooms import room

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
    hints: tuple[str, ...] = ()
    results: tuple[str, ...] = ()  # names of what the oracle gives when it gives several things, for messages
    _cases: Callable | None = None
    _probe: Callable | None = None
    _mistakes: list[Mistake | Callable] = field(default_factory=list)

    @cached_property
    def mistakes(self) -> list[Mistake]:
        """The known mistakes, in the order in which the spec declares them."""
        return [each for found in self._mistakes for each in self._listed(found)]

    def _listed(self, found: Mistake | Callable) -> list[Mistake]:
        if isinstance(found, Mistake):
            return [found]
        case = self.draw(np.random.default_rng(0))[0] if self.takes_function else ()
        return [Mistake(words, partial(_nth, found, place)) for place, (words, _) in enumerate(found(*case))]

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
            self._mistakes.append(Mistake(message, make))
            return make

        return add

    def known_mistakes(self, generate: Callable) -> Callable:
        """Decorator: `generate(*case)` yields (sentence, what the mistake gives), the same sentences for every case.

        A function in place of a value is called with the case. Where the answer is a value or a model, `generate`
        takes no arguments, and a function builds the wrong value or model.
        """
        self._mistakes.append(generate)
        return generate

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

    The exercises of `02_perceptron` stand in its room, in the module `course_lessons.perceptron.exercises`.
    """
    if lesson not in _REGISTRY:
        module = f"{room(lesson)}.exercises"
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name not in (room(lesson), module):
                raise
            raise ExerciseError(f"There are no exercises for the lesson {lesson!r}.") from None
    return _REGISTRY[lesson]


def find(lesson: str, name: str) -> Exercise:
    """One exercise of a lesson. Raises `ExerciseError` naming the exercises there are."""
    known = specs(lesson)
    if name not in known:
        raise ExerciseError(f"Lesson {lesson} has no exercise {name!r}. It has: {', '.join(known)}.")
    return known[name]


def _nth(generate: Callable, place: int, *case):
    """The wrong answer that `generate` yields at `place`."""
    _, wrong = next(islice(generate(*case), place, None))
    return wrong(*case) if callable(wrong) and not hasattr(wrong, "layers") else wrong


def _size(case: Iterable) -> int:
    return sum(getattr(value, "size", 1) for value in case)
