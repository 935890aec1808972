"""What lesson 23 says of effects, and what in the records carries it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course_lib.evidence import at_best_rate, claim, compare


def variant(rows, method, share=1.0, bits=None):
    """The rows of one way of squeezing."""
    rows = rows[(rows.method == method) & np.isclose(rows.share, share)]
    return rows if bits is None else rows[rows.bits == bits]


def gap(rows, *others, against):
    """Test digits of a kind (method, share, bits), minus those of another; the last line of the comparison."""
    named = [variant(rows, *each).assign(kind=name) for name, each in zip("ab", (against, *others), strict=True)]
    return compare(pd.concat(named), "kind", "test", against="a").loc["b"]


TWIN = ("trained on", 1.0, 32)


@claim("After 24 passes the small network reads fewer.", record="race")
def _(rows):
    rows = at_best_rate(rows.assign(wrong=1 - rows.validation), "network", "wrong")
    return compare(rows, "network", "test", against="mini_alexnet").loc["mini_squeezenet", "high"] < 0


@claim("Zeros in an ordinary array save no time that we could see", record="speed")
def _(rows):
    rows = rows[rows.what == "ordinary array"].assign(log=lambda rows: np.log(rows.seconds))
    table = compare(rows, "zeros", "log", against=0.0).drop(index=0.0)
    return bool(((table.low < 0) & (table.high > 0)).all())


@claim("a sparse format is slower up to 90 % of zeros, and faster with 99 %", record="speed")
def _(rows):
    rows = rows[~rows.what.str.startswith("LiteRT")].assign(log=lambda rows: np.log(rows.seconds))
    gaps = {
        zeros: compare(some, "what", "log", against="ordinary array").loc["sparse format"]
        for zeros, some in rows.groupby("zeros")
    }
    return all(gaps[zeros].low > 0 for zeros in (0.0, 0.5, 0.8, 0.9)) and gaps[0.99].high < 0


@claim("On our machine int8 took longer than float32.", record="speed")
def _(rows):
    rows = rows[rows.what.str.startswith("LiteRT")].assign(log=lambda rows: np.log(rows.seconds))
    return compare(rows, "what", "log", against="LiteRT, 32 bits").loc["LiteRT, 8 bits", "low"] > 0


@claim("Rank 18 costs a little, rank 8 much more", record="chain")
def _(rows):
    of_18, of_8 = ("rank of C5", 0.15, 18), ("rank of C5", 8 / 120, 8)
    little = gap(rows, of_18, against=TWIN)
    return -0.01 < little.low and little.high < 0 and gap(rows, of_8, against=of_18).high < 0


@claim("Cut at once, the network forgets; cut and trained in turns, it hardly does.", record="chain")
def _(rows):
    """At 10 %: more than ten points, less than one."""
    at_once, in_turns = (gap(rows, (method, 0.1), against=TWIN) for method in ("cut at once", "pruned"))
    return at_once.high < -0.1 and in_turns.low > -0.01


@claim("it matters which weights stay: random ones end lower", record="chain")
def _(rows):
    return gap(rows, ("cut at random", 0.1), against=("pruned", 0.1)).high < 0


@claim(
    "From 5 bits up we could not tell a loss; 4 bits cost a little, 3 bits cost more, and 2 bits most", record="chain"
)
def _(rows):
    def shared(bits):
        return ("pruned and shared", 0.1, bits)

    gaps = [gap(rows, shared(bits), against=("pruned", 0.1)) for bits in (8, 6, 5)]
    steps = [gap(rows, shared(4), against=("pruned", 0.1))]
    steps += [gap(rows, shared(bits), against=shared(bits + 1)) for bits in (3, 2)]
    return all(each.low < 0 < each.high for each in gaps) and all(each.high < 0 for each in steps)


@claim(
    "With 20 % kept and 5 bits, three of the five runs lost less than half a point, one lost just half, and one 0.55.",
    record="chain",
)
def _(rows):
    """And on average: more than nothing; less than half a point, but more is not ruled out."""
    kept = ("pruned and shared", 0.2, 5)
    twin, runs = (variant(rows, *each).set_index("seed").test for each in (TWIN, kept))
    lost = sorted((10_000 * (twin - runs)).round().astype(int))
    mean = gap(rows, kept, against=TWIN)
    return lost[2] < 50 == lost[3] and lost[4] == 55 and mean.low < -0.005 < mean.difference < mean.high < 0


@claim("in half precision not one more digit is misread.", record="chain")
def _(rows):
    half, twin = variant(rows, "half precision"), variant(rows, *TWIN)
    return half.test.tolist() == twin.test.tolist()


@claim("we could not tell which reads more, the squeezed network or the small one", record="chain")
def _(rows):
    gaps = [gap(rows, ("small and shared", 1.0, b), against=("pruned and shared", 0.1, 5)) for b in (6, 5)]
    return all(each.low < 0 < each.high for each in gaps)
