"""Functions that compute the facts of `data/facts.csv` again, one module per lesson, called as its topic.

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


def load(lesson: str) -> None:
    """Import the functions of a lesson, if it has any."""
    module = module_of(lesson)
    if importlib.util.find_spec(module):
        importlib.import_module(module)


def module_of(lesson: str) -> str:
    return f"{__name__}.{lesson[3:]}"


def complaint(fact: Fact, functions: dict[str, Callable]) -> str | None:
    """Why this fact does not stand; None when it does."""
    function = functions.get(fact.id)
    if fact.verdict == "reported":
        return f"{fact.id}: reported, but there is a function that recomputes it." if function else None
    if function is None:
        return None if fact.verdict == "hyper-parameter" else f"{fact.id}: no function recomputes it."
    return objection(fact, function())
