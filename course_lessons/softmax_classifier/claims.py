"""What lesson 04 says of effects, and what in the records carries it."""

from __future__ import annotations

import pandas as pd

from course_lib.evidence import at_best_rate, claim, compare


@claim("Batches of 32 need less than a fifth of the epochs that all digits at once need.", record="batch_sizes")
def _(rows):
    needed = at_best_rate(rows, ["batch"], "passes").pivot(index="seed", columns="batch", values="passes")
    errors = compare(at_best_rate(rows, ["batch"], "validation_surprise"), "batch", "test_error", against=32)
    return (needed[32] < needed[3500] / 5).all() and errors.low.max() <= 0 <= errors.high.min()


def of_losses(rows, start):
    """Test errors at the best rate and pass of each loss, against cross-entropy."""
    rows = rows[rows.start == start]
    best = rows.loc[rows.groupby(["loss", "rate", "seed"]).validation_error.idxmin()]
    return compare(at_best_rate(best, ["loss"], "validation_error"), "loss", "test_error", against="cross-entropy")


@claim("On bare scores the squared error misreads five digits in a hundred more.", record="three_losses")
def _(rows):
    gap = of_losses(rows, "from zeros").loc["squared error of scores"]
    return gap.low > 0.04 and gap.high < 0.06


@claim("From a start that is sure and wrong the squared error stays far behind", record="three_losses")
def _(rows):
    return of_losses(rows, "sure and wrong").loc["squared error", "low"] > 0.05


@claim(
    "trained on, the classifier's surprise at test digits rises, it makes more errors, and it grows surer than it is "
    "right.",
    record="on_and_on",
)
def _(rows):
    lowest = rows.loc[rows.groupby("seed").validation_surprise.idxmin()].assign(moment="lowest")
    both = [lowest, rows[rows.passes == 300].assign(moment="last")]
    lasts = [rows_of.assign(too_sure=rows_of.confidence - 1 + rows_of.test_error) for rows_of in both]
    rows = pd.concat(lasts)
    gaps = [compare(rows, "moment", value).loc["last"] for value in ("test_surprise", "test_error", "too_sure")]
    return all(gap.low > 0 for gap in gaps) and (rows[rows.moment == "last"].too_sure > 0).all()


@claim("The more candidates and the fewer digits to choose on, the more the winner flatters itself.", record="winners")
def _(rows):
    more = all(
        compare(rows[rows.validation == size], "candidates", "flattery", against=1).drop(1).low.min() > 0
        for size in (50, 100, 200, 500)
    )
    fewer = compare(rows[rows.candidates == 100], "validation", "flattery", against=50).drop(50).high.max() < 0
    return more and fewer


@claim("With hidden units in front the wall is passed.", record="both_polarities")
def _(rows):
    chosen = at_best_rate(rows, ["network"], "validation_error")
    errors = {name: of.test_error for name, of in chosen.groupby("network")}
    return errors["64 hidden units"].max() < 0.45 < errors["ten neurons"].min()
