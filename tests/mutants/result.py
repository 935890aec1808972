"""Wrong answers from a right one, by spoiling what it gives."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np

SPOILED = {
    "negated": lambda a: ~a if a.dtype == bool else -a,
    "1 more": lambda a: a + 1,
    "doubled": lambda a: a * 2,
    "the last value 1 % off": lambda a: _last(a, lambda x: x + 0.01 * (1 + abs(x))),
    "without decimals": np.trunc,
    "in reversed order": lambda a: a.ravel()[::-1].reshape(a.shape),
}


def spoiled_functions(answer: Callable, parts: int) -> Iterator[tuple[str, Callable]]:
    """The function with its result spoiled; of a result of several `parts` each one in turn."""
    for part in range(parts):
        for words, spoil in SPOILED.items():
            which = f"result {part + 1} of {parts}" if parts > 1 else "the result"
            yield f"{which}: {words}", functools.partial(_spoiled, answer, spoil, part if parts > 1 else None)


def spoiled_values(value) -> Iterator[tuple[str, np.ndarray]]:
    """An array near `value`, for every way to spoil it and every place in it."""
    array = np.array(value, dtype=float)
    for words, spoil in SPOILED.items():
        yield words, spoil(array)
    for place in range(array.size):
        for words, change in (("sign", -1), ("size", 10), ("presence", 0)):
            factors = np.ones(array.shape)
            factors.flat[place] = change
            yield f"value {place + 1} with another {words}", array * factors
    yield "1 % of noise", array * np.random.default_rng(0).normal(1, 0.01, array.shape)


def in_float32(answer: Callable) -> Callable:
    """The function working on float32: no mistake, and right wherever tolerances follow from the arithmetic."""

    def rounded(value):
        if isinstance(value, (list, tuple)):
            return type(value)(map(rounded, value))
        exact = getattr(value, "dtype", None) == np.float64
        return value.astype(np.float32) if exact else value

    return lambda *case: rounded(answer(*map(rounded, case)))


def _spoiled(answer, spoil, part, *case):
    result = answer(*case)
    if part is None:
        return spoil(np.asarray(result))
    return tuple(spoil(np.asarray(each)) if place == part else each for place, each in enumerate(result))


def _last(array, change):
    new = np.array(array, dtype=float)
    new.flat[-1:] = change(new.flat[-1:])
    return new
