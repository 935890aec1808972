"""What lesson 06 says of wrong gradients, and what in the records carries it."""

from __future__ import annotations

from course_lib.evidence import at_best_rate, claim


@claim("With every one of the eight gradients more than four of five digits are read.", record="wrong_gradients")
def _(rows):
    runs = at_best_rate(rows, "gradient", "validation_error")
    return runs.gradient.nunique() == 8 and runs.test_error.max() < 0.2
