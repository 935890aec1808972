"""What lesson 16 says of effects and causes, and what in the records carries it."""

from __future__ import annotations

from course_lib.evidence import at_best_rate, claim, compare


def runs_at_best_rate(rows, kinds):
    """Of each kind the runs at the learning rate with the lowest validation error, each run at its best epoch."""
    return at_best_rate(rows, kinds, rows.groupby([*kinds, "rate", "seed"]).validation_error.transform("min"))


def stopped(rows, kinds):
    """Of each kind and seed the epoch with the lowest validation error (of equals, the lowest loss)."""
    found = rows.sort_values(["validation_error", "validation_loss"]).groupby([*kinds, "seed"]).head(1)
    return found.sort_values(kinds, ascending=False)


@claim("stopped early, the network with dropout still makes fewer errors", record="race")
def _(rows):
    return compare(stopped(runs_at_best_rate(rows, ["keep"]), ["keep"]), "keep", "test_error").loc[0.5, "high"] < 0


def of_keeps(rows, wrong):
    """Early-stopped runs with a share of wrong labels, for each keep probability against keeping all."""
    rows = rows[rows.wrong == wrong]
    return compare(stopped(runs_at_best_rate(rows, ["keep"]), ["keep"]), "keep", "test_error")


def of_shape(rows, width, depth):
    """Early-stopped runs of a shape, with dropout against without."""
    rows = rows[(rows.width == width) & (rows.depth == depth)]
    return compare(stopped(runs_at_best_rate(rows, ["keep"]), ["keep"]), "keep", "test_error").loc[0.5]


@claim("In two or three layers of 128 dropout saves errors", record="shapes")
def _(rows):
    return all(of_shape(rows, 128, depth).high < 0 for depth in (2, 3))


@claim("in three or four layers of 64 it costs errors", record="shapes")
def _(rows):
    return all(of_shape(rows, 64, depth).low > 0 for depth in (3, 4))


@claim("to keep a half or three quarters of the units saves errors", record="keeps")
def _(rows):
    return all(of_keeps(rows, wrong=0.2).loc[[0.5, 0.75], "high"] < 0)


@claim("to keep a quarter costs errors", record="keeps")
def _(rows):
    return of_keeps(rows, wrong=0).loc[0.25, "low"] > 0


@claim("the network trained with dropout reads more digits than the other", record="removed")
def _(rows):
    gone = rows[rows.share == 0.6]
    return all(compare(part, "keep", "right").loc[0.5, "low"] > 0 for _, part in gone.groupby("scaled"))


@claim("Its hidden units are a little less alike, and fewer of them are active at a time.", record="removed")
def _(rows):
    whole = rows[(rows.share == 0) & (rows.scaled == 0)]
    return all(compare(whole, "keep", name).loc[0.5, "high"] < 0 for name in ("correlation", "active"))


@claim("after 60 epochs the filters trained with dropout are smoother", record="filters")
def _(rows):
    return compare(rows[rows.epoch == 60], "keep", "roughness").loc[0.5, "high"] < 0


@claim(
    "Without dropout, after 20 epochs, they are smoother still, and the digits are repeated better",
    record="filters",
)
def _(rows):
    pair = rows[((rows.keep == 1) & (rows.epoch == 20)) | ((rows.keep == 0.5) & (rows.epoch == 60))]
    return all(compare(pair, "keep", name).loc[0.5, "low"] > 0 for name in ("roughness", "loss"))


@claim("the one run is surer of its answers than the mean of 100 masks", record="answers")
def _(rows):
    sure = rows[rows.doubt_by == "confidence"]
    return compare(sure, "way", "confidence", against="one run").loc["100 masks", "high"] < 0


@claim("of pictures that are no digits, the deviation is a worse sign than the confidence of one run", record="answers")
def _(rows):
    signs = rows.assign(sign=rows.way + ", " + rows.doubt_by)
    return compare(signs, "sign", "no_digits", against="one run, confidence").loc["100 masks, deviation", "high"] < 0
