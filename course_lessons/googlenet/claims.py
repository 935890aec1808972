"""What lesson 20 says of effects and causes, and what in the records carries it."""

from __future__ import annotations

import numpy as np

from course_lib.evidence import at_best_rate, claim, compare

# Multiply-adds, direct and with bottlenecks, counted in the lesson.
FEWER = {"5×5": 120_422_400 / 12_443_648, "module": 854_196_224 / 271_351_808}


def heads_at_best_rate(rows, task):
    """Each head's runs on one task, at the rate of the lowest validation loss where training was stopped early."""
    rows = rows[rows.task == task]
    return at_best_rate(rows, "head", rows.validation_loss.where(rows.test.notna()))


def first_layer(rows):
    """Logarithms of the norm of the gradient in the first layer."""
    return rows[rows.layer == "conv1"].assign(norm=lambda rows: np.log(rows.norm))


@claim("With bottlenecks both were faster, but by less than the count of multiply-adds says.", record="times")
def _(rows):
    rows = rows.assign(seconds=np.log(rows.seconds))
    for pair, fewer in FEWER.items():
        gain = compare(rows[rows.pair == pair], "kind", "seconds", against="bottlenecks").loc["direct"]
        if not (gain.low > 0 and gain.high < np.log(fewer)):
            return False
    return True


@claim("On digits the mean head is slower: after 10 passes it reads far fewer", record="heads")
def _(rows):
    rows = heads_at_best_rate(rows, "digits")
    return compare(rows[rows.epoch == 10], "head", "validation", against="flatten and dense").loc["average", "high"] < 0


@claim(
    "with early stopping within 60 passes we could not tell whether it reads fewer of the test digits", record="heads"
)
def _(rows):
    rows = heads_at_best_rate(rows, "digits").dropna(subset="test")
    gap = compare(rows, "head", "test", against="flatten and dense").loc["average"]
    return gap.low < 0 < gap.high


@claim("the mean head tells more of the textures", record="heads")
def _(rows):
    rows = heads_at_best_rate(rows, "textures").dropna(subset="test")
    return compare(rows, "head", "test", against="flatten and dense").loc["average", "low"] > 0


@claim("With either start, the first layer gets a longer gradient from three losses than from one.",
       record="gradient_profile")  # fmt: skip
def _(rows):
    rows = first_layer(rows)
    tables = [compare(some, "losses", "norm", against="one loss") for _, some in rows.groupby("start")]
    return all(table.loc["three losses", "low"] > 0 for table in tables)


@claim("With one loss and He's start it is longer than with three losses and Glorot's.", record="gradient_profile")
def _(rows):
    rows = first_layer(rows)
    rows = rows.assign(kind=rows.start + ", " + rows.losses)
    rows = rows[rows.kind.isin(["He's start, one loss", "Glorot's start, three losses"])]
    table = compare(rows, "kind", "norm", against="Glorot's start, three losses")
    return table.loc["He's start, one loss", "low"] > 0


@claim("with neither start does the gradient fade on its way down", record="gradient_profile")
def _(rows):
    """From layer to layer the mean norm stays within a factor of ten, and the first layer's is no shorter than 5b's."""
    norms = rows.groupby(["start", "losses", "layer"]).norm.mean().unstack()
    within = norms.max(axis=1) < 10 * norms.min(axis=1)
    return bool(within.all() and (norms["conv1"] > norms["inception_5b_3x3_reduce"]).all())


@claim("We could not tell whether the heads help", record="auxiliary")
def _(rows):
    gap = compare(rows.dropna(subset="test"), "losses", "test", against="one loss").loc["three losses"]
    return gap.low < 0 < gap.high
