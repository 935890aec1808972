"""What lesson 22 says of effects, and what in its records carries it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import t

from course_lib.evidence import at_best_rate, claim, compare, evidence


def raced(rows, depth):
    """Of so many layers, pre against post, each at its best rate: logarithms of the test error."""
    tried = pd.concat([rows, evidence("more_rates", "22_beyond_resnet")])
    rows = at_best_rate(tried[tried.depth == depth], "kind", "validation_error")
    return compare(rows.assign(log_error=np.log(rows.test_error)), "kind", "log_error", against="post").loc["pre"]


def equal(rows):
    """The nine pairs of networks of equal size, each kind at its best rate, by intervals that hold together in 95 %."""
    rows = at_best_rate(rows, "kind", "validation_error")
    pairs = compare(rows, "kind", "test_error", against="post").drop(index="post")
    pairs.loc["to 1 branch"] = compare(rows, "kind", "test_error", against="1 branch").loc["4 branches"]
    few = rows.seed.nunique() - 1
    wider = t.ppf(1 - 0.025 / len(pairs), few) / t.ppf(1 - 0.025, few)
    low, high = (pairs.difference + wider * (pairs[end] - pairs.difference) for end in ("low", "high"))
    return pairs.assign(low=low, high=high)


@claim(
    "Each at its best rate, 32 layers of pre-activation make fewer errors than 32 of post-activation",
    record="depth",
)
def _(rows):
    return raced(rows, 32).high < 0


@claim("With 8 layers we could not tell.", record="depth")
def _(rows):
    found = raced(rows, 8)
    return found.low < 0 < found.high


@claim(
    "At a rate of 0.6 all eight deep post networks fail, with more than half of the digits wrong, and no pre one does.",
    record="depth",
)
def _(rows):
    rows = rows[(rows.depth == 32) & (rows.rate == 0.6)]
    by_kind = rows.groupby("kind").test_error
    return by_kind.min()["post"] > 0.5 and by_kind.max()["pre"] < 0.05 and by_kind.count()["post"] == 8


@claim(
    "at a rate of 0.06 it is post that makes fewer errors.",
    record="depth",
)
def _(rows):
    there = rows[(rows.depth == 32) & (rows.rate == 0.06)].assign(log_error=lambda table: np.log(table.test_error))
    both = [compare(there, "kind", value, against="post").loc["pre"] for value in ("test_error", "log_error")]
    return all(each.low > 0 for each in both)


@claim(
    "whether any of these nets is better or worse than lesson 21's block, we could not tell, and not whether four "
    "branches differ from one.",
    record="equal_size",
)
def _(rows):
    pairs = equal(rows)
    return len(pairs) == 9 and (pairs.low < 0).all() and (pairs.high > 0).all()
