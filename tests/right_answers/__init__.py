"""Right answers in other styles than the lesson's own: a checker must take them all.

One module for each lesson, `right_answers/TOPIC.py`. At least three answers for each exercise, as different as students
are: loops and lists; float32; tensors of `keras.ops` or TensorFlow; another formula; SciPy; for a model Sequential,
functional, subclassed, nested blocks, not yet built. The function is the answer, and its name says the style:

    @right("predict")
    def predict_in_loops(inputs, weights):
        return [1 if weights[0] + sum(...) > 0 else -1 for row in inputs]

Where the answer is a value or a model, say `builds=True`: the function takes no arguments and returns the answer, so
that nothing is built before it is needed:

    @right("weights_for_nand", builds=True)
    def weights_in_a_list():
        return [3, -2, -2]

Where a function is asked for that builds a model (`build_lenet`), the function is the answer, as in the first form.
Everything must be right: on 50 seeds for a function, on 5 for a value or a model. Keras is imported inside, since that
takes seconds. `python tests/checkers_table.py LESSON` tries these answers, and all wrong ones it can make.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RightAnswer:
    """An answer that must be judged correct. `style` tells it from the others, `make` returns it."""

    style: str
    make: Callable[[], Any]


_REGISTRY: dict[tuple[str, str], list[RightAnswer]] = {}


def right(exercise: str, *, builds: bool = False) -> Callable[[Callable], Callable]:
    """Decorator: a right answer to `exercise`; with `builds`, what the function returns is the answer."""

    def add(answer: Callable) -> Callable:
        topic = answer.__module__.rpartition(".")[2]
        known = _REGISTRY.setdefault((topic, exercise), [])
        known.append(RightAnswer(answer.__name__, answer if builds else lambda: answer))
        return answer

    return add


def right_answers(topic: str) -> dict[str, list[RightAnswer]]:
    """The right answers to a lesson's exercises, by exercise; empty when nobody has written any."""
    if importlib.util.find_spec(f"{__name__}.{topic}"):
        importlib.import_module(f"{__name__}.{topic}")
    return {exercise: answers for (where, exercise), answers in _REGISTRY.items() if where == topic}
