"""What lesson 00 says about training, sentence by sentence, and what its records must show for that."""

import itertools

from course_lib.evidence import claim, compare


def _taught(rows, strain: str, pixels: int = 0):
    """Networks taught with moved digits, beside those taught with digits as they are."""
    chosen = rows[(rows.strain == strain) & (rows.pixels == pixels)]
    return compare(chosen, "taught", "right", against="as they are").loc["moved"]


@claim(
    "From 0 to 4 pixels the share read right falls by far more than how sure the networks say they are.", record="moved"
)
def _(rows):
    plain = rows[(rows.taught == "as they are") & (rows.strain == "moved")].set_index(["pixels", "seed"])
    falls = plain.loc[0, ["right", "sure"]] - plain.loc[4, ["right", "sure"]]
    return _further(falls)["low"] > 0.3


def _further(falls):
    """How much further the share read right falls than how sure the networks are, both as columns, a row a seed."""
    kinds = falls.stack().rename("fall").rename_axis(["seed", "of"]).reset_index()
    return compare(kinds, "of", "fall", against="sure").loc["right"]


@claim(
    "So it is where digits are turned, upside down, or swapped with their paper; under noise we could not tell",
    record="moved",
)
def _(rows):
    plain = rows[(rows.taught == "as they are") & (rows.strain != "moved")].set_index(["strain", "seed"])
    plain = plain[["right", "sure"]]
    gaps = {strain: _further(plain.loc["as they are"] - plain.loc[strain]) for strain in plain.index.levels[0]}
    noise = gaps.pop("under noise")
    return noise["low"] < 0 < noise["high"] and all(
        gap["low"] > 0 for strain, gap in gaps.items() if strain != "as they are"
    )


@claim("Networks taught with moved digits read far more digits at 4 pixels", record="moved")
def _(rows):
    return _taught(rows, "moved", 4)["low"] > 0.4


@claim("At 0 pixels we could not tell the two apart", record="moved")
def _(rows):
    gap = _taught(rows, "moved", 0)
    return gap["low"] < 0 < gap["high"] < 0.02


@claim("under noise they read far fewer", record="moved")
def _(rows):
    return _taught(rows, "under noise")["high"] < -0.3


def _network(rows, size: int):
    return compare(rows[rows["size"] == size], "reader", "right", against="edge directions").loc["network"]


@claim("With 50 and with 250 examples the designed features read more", record="examples")
def _(rows):
    return all(_network(rows, size)["high"] < 0 for size in (50, 250))


@claim("with 1,000 and 3,500 we could not tell", record="examples")
def _(rows):
    return all(_network(rows, size)["low"] < 0 < _network(rows, size)["high"] for size in (1000, 3500))


@claim("From each size to the next the network reads more, and so do the designed features", record="examples")
def _(rows):
    sides = [rows[rows.reader == reader] for reader in ("network", "edge directions")]
    pairs = itertools.pairwise((50, 250, 1000, 3500))
    return all(
        compare(side, "size", "right", against=few).loc[many, "low"] > 0 for few, many in pairs for side in sides
    )


@claim("On these patches the network reads far more than the same designed features", record="other_pictures")
def _(rows):
    return compare(rows, "reader", "right", against="edge directions").loc["network", "low"] > 0.2


@claim("three layers of 2 units never learned the curve, one layer of 64 always did", record="folds")
def _(rows):
    left = rows.set_index(["layers", "units"]).left
    return left.loc[3, 2].min() > 0.9 and left.loc[1, 64].max() < 0.01 < left.loc[1, 8].min()
