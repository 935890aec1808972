"""Functions that compute the facts of `data/facts.csv` again, a module for each lesson, called as its topic.

    from facts import recompute

    @recompute("F009")
    def weights_of_a_dense_layer():
        return keras.layers.Dense(3, use_bias=False)...

A function builds what the fact is about, with course_lib or Keras, and returns the value in the unit of the fact; it
never returns a number copied from the table. Where `computed` is a claim in words, it returns whether the claim holds.
Heavy imports belong inside the functions.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable

from ledger import Fact, objection

FUNCTIONS: dict[str, Callable] = {}


def recompute(fact_id: str) -> Callable[[Callable], Callable]:
    """Mark the function that computes this fact again."""

    def register(function: Callable) -> Callable:
        if fact_id in FUNCTIONS:
            raise ValueError(f"{fact_id} is recomputed twice: by {FUNCTIONS[fact_id]} and by {function}.")
        FUNCTIONS[fact_id] = function
        return function

    return register


def module_of(lesson: str) -> str:
    """The name of the module for a lesson: that of 02_perceptron is `facts.perceptron`."""
    return f"{__name__}.{lesson[3:]}"


def load(lesson: str) -> bool:
    """Import the functions of a lesson; False if there are none."""
    if importlib.util.find_spec(module_of(lesson)) is None:
        return False
    importlib.import_module(module_of(lesson))
    return True


def complaint(fact: Fact, functions: dict[str, Callable]) -> str | None:
    """Why this fact does not stand; None when it does."""
    function = functions.get(fact.id)
    if fact.verdict == "reported":
        return f"{fact.id}: reported, but there is a function that recomputes it." if function else None
    if function is None:
        return None if fact.verdict == "hyper-parameter" else f"{fact.id}: no function recomputes it."
    return objection(fact, function())
