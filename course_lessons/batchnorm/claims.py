"""What lesson 15 says of effects and causes, and what in the records carries it."""

from __future__ import annotations

import numpy as np

from course_lib.evidence import at_best_rate, claim, compare


def with_activation(rows, activation, score):
    """The runs with one activation, for each place those at the best rate by `score`, in which nan is the worst."""
    rows = rows[rows.activation == activation]
    return at_best_rate(rows, "place", rows[score].fillna(np.inf))


@claim(
    "With the layer in front of every ReLU, the mean of what enters a unit wanders less.",
    record="moments",
)
def _(rows):
    return compare(rows, "place", "wander", against="none").loc["before", "high"] < 0


@claim(
    "With early stopping, the network whose lower half moves reaches a lower loss than its frozen twin.",
    record="lower_half",
)
def _(rows):
    lowest = rows.groupby("seed")[["frozen", "now"]].min().reset_index()
    return compare(lowest.melt("seed", var_name="kind", value_name="loss"), "kind", "loss").loc["now", "high"] < 0


@claim("With gamma and beta learned, more points of new rings are classified right.", record="rings")
def _(rows):
    return compare(rows, "kind", "right", against="fixed").loc["learned", "low"] > 0


@claim("With momentum 0.99 fewer digits are read after the first epoch than with 0.9", record="momentum")
def _(rows):
    first = rows[rows.when == "epoch 1"]
    return compare(first, "momentum", "right", against=0.9).loc[0.99, "high"] < 0


@claim("With momentum 0.5 one stray batch costs right answers", record="momentum")
def _(rows):
    strayed = rows[(rows.momentum == 0.5) & rows.when.isin(["epoch 8", "a stray batch"])]
    return compare(strayed, "when", "right", against="epoch 8").loc["a stray batch", "high"] < 0


@claim("with it before a ReLU, nine of ten digits are read after fewer steps", record="race")
def _(rows):
    chosen = with_activation(rows, "ReLU", "steps_to_90")
    return compare(chosen, "place", "steps_to_90", against="none").loc["before", "high"] < 0


@claim("and fewer test digits are misread", record="race")
def _(rows):
    chosen = with_activation(rows, "ReLU", "validation_loss")
    return compare(chosen, "place", "test_error", against="none").loc["before", "high"] < 0


@claim("behind a tanh it took fewer steps than none", record="race")
def _(rows):
    chosen = with_activation(rows, "tanh", "steps_to_90")
    return compare(chosen, "place", "steps_to_90", against="none").loc["after", "high"] < 0


def _steps(rows, place):
    """The mean steps with ReLU, rate by rate; 0 where a run never got there."""
    chosen = rows[(rows.activation == "ReLU") & (rows.place == place)].fillna({"steps_to_90": -np.inf})
    return [round(max(steps, 0)) for steps in chosen.groupby("rate").steps_to_90.mean()]


@claim("| none | 186 | 115 | 147 | never |", record="race")
def _(rows):
    return _steps(rows, "none") == [186, 115, 147, 0]


@claim("| before | 294 | 106 | 59 | 48 |", record="race")
def _(rows):
    return _steps(rows, "before") == [294, 106, 59, 48]


@claim("At the rate of 0.1, the best for the plain network, we could not tell the two apart.", record="race")
def _(rows):
    at_tenth = rows[(rows.activation == "ReLU") & (rows.rate == 0.1)]
    gap = compare(at_tenth, "place", "steps_to_90", against="none").loc["before"]
    best = with_activation(rows, "ReLU", "steps_to_90")
    return gap.low < 0 < gap.high and set(best[best.place == "none"].rate) == {0.1}


@claim("More of the cells work with batch normalisation than without", record="grid")
def _(rows):
    good = (rows.right > 0.9).groupby([rows.seed, rows.place], sort=False).mean().reset_index()
    return compare(good, "place", "right", against="none").loc["before", "low"] > 0


@claim("What enters the ReLUs of the shaken network jumps more than in the plain one", record="moments")
def _(rows):
    return compare(rows, "place", "jump", against="none").loc["shaken", "low"] > 0


@claim("the mean in the shaken network wanders less than in the plain one", record="moments")
def _(rows):
    return compare(rows, "place", "wander", against="none").loc["shaken", "high"] < 0


@claim("the shaken network needs fewer steps than the plain one.", record="race")
def _(rows):
    chosen = with_activation(rows, "ReLU", "steps_to_90")
    return compare(chosen, "place", "steps_to_90", against="none").loc["shaken", "high"] < 0


@claim("shaking costs steps, and at the rate of 0.1 the shaken network is slower than the plain one", record="race")
def _(rows):
    chosen = with_activation(rows, "ReLU", "steps_to_90")
    at_tenth = rows[(rows.activation == "ReLU") & (rows.rate == 0.1)]
    costs = compare(chosen, "place", "steps_to_90", against="before").loc["shaken", "low"]
    return min(costs, compare(at_tenth, "place", "steps_to_90", against="none").loc["shaken", "low"]) > 0
