"""What lesson 09 claims, and what in its records carries it."""

from __future__ import annotations

import pandas as pd

from course_lib.evidence import claim, compare, evidence

BOTH, DENSE = "shared, strongest", "dense, all places"


def named(rows):
    """The rows with a name for each net: "wiring, reading"."""
    return rows.assign(net=rows["wiring"] + ", " + rows["reading"])


def _at(rows, examples, against=BOTH):
    return compare(named(rows[rows["examples"] == examples]), "net", "test_error", against=against)


def _effect(rows, net, change):
    """What a change does to a net with 1,000 examples, seed by seed."""
    race = named(evidence("race", "09_convolution"))
    before = race[race["examples"] == 1000].assign(change="as before")
    runs = pd.concat([before, named(rows)])
    return compare(runs[runs["net"] == net], "change", "test_error", against="as before").loc[change]


@claim(
    "With 100, 300 and 1,000 examples the net that both shares and keeps the strongest misreads the fewest new digits",
    record="race",
)
def _(rows):
    return all(_at(rows, size).drop(BOTH)["low"].min() > 0 for size in (100, 300, 1000))


@claim("Take one of the two away and most of the gain is gone", record="race")
def _(rows):
    table = _at(rows, 1000)
    half = table.loc[DENSE, "difference"] / 2
    return table.loc[["shared, all places", "dense, strongest", "local, strongest"], "low"].min() > half


@claim("With every digit in the middle the gain is gone: each interval has zero inside.", record="in_the_middle")
def _(rows):
    others = _at(rows, 300).drop(BOTH)
    return (others["low"] < 0).all() and (others["high"] > 0).all()


@claim(
    "shown every digit at many places, it makes 12 % errors instead of 36 %, near the convolution's 11 %.",
    record="moved_and_shuffled",
)
def _(rows):
    dense, both = (_effect(rows, net, "laid anew in every pass") for net in (DENSE, BOTH))
    as_said = [round(100 * mean) for mean in (dense["mean"], dense["mean"] - dense["difference"], both["mean"])]
    return as_said == [12, 36, 11] and dense["high"] < 0


@claim(
    "with shuffled pixels the convolution misreads 67 %, while for the dense net we could not tell a difference.",
    record="moved_and_shuffled",
)
def _(rows):
    dense, both = (_effect(rows, net, "pixels shuffled") for net in (DENSE, BOTH))
    return round(100 * both["mean"]) == 67 and both["low"] > 0 and dense["low"] < 0 < dense["high"]
