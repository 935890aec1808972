"""What every builder asks of its arguments, and what it says when it does not get it."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real


def check_image(input_shape: tuple[int, int, int], smallest: int) -> None:
    """Raise ValueError unless this is (height, width, channels) with both sides at least `smallest`."""
    is_shape = len(input_shape) == 3 and all(isinstance(side, Integral) and side > 0 for side in input_shape)
    if not is_shape or min(input_shape[:2]) < smallest:
        raise ValueError(
            f"input_shape must be (height, width, channels), both sides at least {smallest}; not {input_shape!r}."
        )


def check_positive(name: str, value: float, kind: type = Real) -> None:
    """Raise ValueError unless this is a number above 0, and a whole one if `kind` is Integral."""
    if not isinstance(value, kind) or not value > 0:
        whole = "whole " if kind is Integral else ""
        raise ValueError(f"{name} must be a {whole}number above 0, not {value!r}.")


def check_choice(name: str, value, allowed: Iterable) -> None:
    """Raise ValueError unless the value is one of the allowed ones."""
    allowed = list(allowed)
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}; not {value!r}.")


def scaled(number: int, width: float, multiple: int = 1) -> int:
    """The number times width, rounded to the nearest multiple, and never below one multiple."""
    return multiple * max(1, round(number * width / multiple))


def check_builder(input_shape: tuple[int, int, int], smallest: int, classes: int, width: float = 1.0) -> None:
    """Raise ValueError unless the arguments that all builders share are right."""
    check_image(input_shape, smallest)
    check_positive("classes", classes, Integral)
    check_positive("width", width)
