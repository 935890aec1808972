"""What lesson 19 says of effects and causes, and what in the records carries it."""

from __future__ import annotations

import pandas as pd

from course_lib.evidence import at_best_rate, claim, compare


def ended(rows, kind):
    """After the last pass: the runs of each kind at their best rate. A vote has no rate of its own."""
    last = rows[(rows.passes == rows.passes.max()) & (rows.rate > 0)]
    return at_best_rate(last, kind, "validation_error")


@claim("The stack is at most two points of a hundred worse than the one large window", record="bodies")
def _(rows):
    against = compare(ended(rows, "body"), "body", "test_error", against="one 7×7")
    return against.drop("one 7×7").high.max() < 0.02


@claim("Is a stack *better* than one large window here? We could not tell from five seeds.", record="bodies")
def _(rows):
    against = compare(ended(rows, "body"), "body", "test_error", against="one 7×7")
    return (against.drop("one 7×7").low < 0).all() and (against.drop("one 7×7").high > 0).all()


@claim("Do the ReLUs between its layers help? We could not tell either.", record="bodies")
def _(rows):
    linear = "three 3×3, no ReLU between"
    between = compare(ended(rows, "body"), "body", "test_error", against=linear).loc["three 3×3"]
    return between.low < 0 < between.high


@claim("With 16 layers more new digits are misread than with 8", record="family")
def _(rows):
    best = ended(rows[rows.draw == "He"], "plan")
    return (
        compare(best[best.plan.isin(["A", "16 layers"])], "plan", "test_error", against="A").loc["16 layers", "low"] > 0
    )


@claim("for 11 and 13 layers we could not tell", record="family")
def _(rows):
    best = ended(rows[rows.draw == "He"], "plan")
    against = compare(best, "plan", "test_error", against="A").loc[["D", "E"]]
    return (against.low < 0).all() and (against.high > 0).all()


@claim("from Glorot's start the training loss is higher after four passes", record="family")
def _(rows):
    early = rows[(rows.plan == "16 layers") & (rows.rate == 0.002) & (rows.passes == 4)]
    return compare(early, "draw", "training_loss", against="Glorot").loc["He", "high"] < 0


@claim("of the errors on test digits we could not tell which is lower", record="family")
def _(rows):
    late = rows[(rows.plan == "16 layers") & (rows.rate == 0.002) & (rows.passes == 16)]
    he = compare(late, "draw", "test_error", against="Glorot").loc["He"]
    return he.low < 0 < he.high


@claim(
    "none of five networks from Glorot's start does better than guessing, and all five from He's learn", record="family"
)
def _(rows):
    late = rows[(rows.plan == "16 layers") & (rows.rate == 0.005) & (rows.passes == 16)].groupby("draw").test_error
    return late.min()["Glorot"] > 0.89 and late.max()["He"] < 0.15


@claim(
    "whether LRN, a 1 × 1 layer, or 3 × 3 in its place change the error on our digits, we could not tell.",
    record="family",
)
def _(rows):
    best = ended(rows[rows.draw == "He"], "plan")
    pairs = [("A-LRN", "A"), ("C", "B"), ("D", "C")]
    found = [compare(best, "plan", "test_error", against=second).loc[first] for first, second in pairs]
    return all(one.low < 0 < one.high for one in found)


@claim("The vote misreads fewer new digits", record="family")
def _(rows):
    best = ended(rows[rows.draw == "He"], "plan")
    singles = best[best.plan.isin(list("ABCDE"))].groupby("seed").test_error.mean().reset_index().assign(plan="one")
    asked = rows[rows.plan.str.contains("of A to E")]
    votes = compare(pd.concat([singles, asked]), "plan", "test_error", against="vote of A to E")
    return votes.drop("vote of A to E").low.min() > 0
