"""What lesson 27 says of pictures that were trained, sentence by sentence, and what its records must show for that."""

from __future__ import annotations

import itertools

from course_lib.evidence import claim, compare

WEAK, STRONG = 0.2, 5


def trained(rows, strength=WEAK):
    return rows[(rows.network == "trained") & (rows.strength == strength)]


@claim("Both priors bring the pictures nearer to real digits", record="drawn")
def _(rows):
    gaps = compare(rows, "kind", "likeness", against="no prior")
    return gaps.loc[["L2", "total variation"], "low"].min() > 0


@claim("and both cost score", record="drawn")
def _(rows):
    gaps = compare(rows, "kind", "logit", against="no prior")
    return gaps.loc[["L2", "total variation"], "high"].max() < 0


@claim("With the weak prior the error in pixels grows from each layer to the next.", record="inverted")
def _(rows):
    layers = list(dict.fromkeys(rows.layer))
    found = trained(rows)
    return all(
        compare(found[found.layer.isin([above, below])], "layer", "error", against=above).loc[below, "low"] > 0
        for above, below in itertools.pairwise(layers)
    )


@claim("In the first layer it was the strong prior that wiped out the ground, not the layer", record="inverted")
def _(rows):
    first = rows[(rows.network == "trained") & (rows.layer == "relu1")]
    return compare(first, "strength", "ground", against=STRONG).loc[WEAK, "low"] > 0


@claim("Behind the first pooling less of it comes back than from the first layer", record="inverted")
def _(rows):
    return compare(trained(rows), "layer", "ground", against="relu1").loc["pool1", "high"] < 0


@claim("and from the second on next to nothing does", record="inverted")
def _(rows):
    deep = rows[(rows.network == "trained") & rows.layer.isin(["pool2", "pool5"])]
    return deep.ground.max() < 0.1


@claim(
    "At every ε that was tried, the sign of the slope fools both kinds of networks on more pictures than random signs "
    "do.",
    record="attacks",
)
def _(rows):
    pushes = rows[rows.way != "to a class"]
    gaps = [compare(some, "way", "share", against="random signs") for _, some in pushes.groupby(["subject", "epsilon"])]
    return all(gap.loc["sign of the slope", "low"] > 0 for gap in gaps)


@claim("For the shapes the change is a smaller part of that way than for the digits.", record="attacks")
def _(rows):
    found = compare(rows[rows.way == "to a class"], "subject", "of_the_way", against="digits")
    return found.loc["shapes", "high"] < 0


@claim(
    "with the strong prior, in no layer does the error of the untrained twin differ by more than chance",
    record="inverted",
)
def _(rows):
    gaps = [
        compare(some, "network", "error", against="trained").loc["untrained"]
        for _, some in rows[rows.strength == STRONG].groupby("layer")
    ]
    return all(gap.low < 0 < gap.high for gap in gaps)


@claim("with a prior or without, it reads more than nine in ten.", record="drawn")
def _(rows):
    return rows[rows.kind.isin(["no prior", "L2", "total variation"])].groupby("kind").judge.mean().min() > 0.9
