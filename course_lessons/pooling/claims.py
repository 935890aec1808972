"""What lesson 12 says of effects and causes, and what in the records carries it."""

from __future__ import annotations

from course_lib.evidence import claim, compare

KINDS = ["max", "average", "L2"]


def gap(rows, way, score, against="max"):
    """The interval of a way's errors less another's, each at the rate with the lower validation loss."""
    best_rate = rows.groupby(["way", "rate"]).validation_loss.mean().unstack().idxmin(axis=1)
    chosen = rows[(rows.rate == rows.way.map(best_rate)) & rows.way.isin([way, against])]
    return compare(chosen, "way", score, against=against).loc[way]


def off(rows, kind, order):
    """Unpooled less copied: the interval of how much farther it is from the map."""
    chosen = rows[(rows.kind == kind) & (rows.order == order)]
    return compare(chosen, "way", "off", against="copied").loc["unpooled"]


@claim("Moved by one pixel, features pooled 2 × 2 change less than every second value does", record="shifts")
def _(rows):
    return (compare(rows[rows["size"] == 2], "kind", "change", against="every k-th").loc[KINDS, "high"] < 0).all()


@claim("the larger the windows, the less they change.", record="shifts")
def _(rows):
    steps = ((1, 2), (2, 4), (4, 7))
    return all(
        compare(rows[(rows.kind == kind) & rows["size"].isin(step)], "size", "change", against=step[0]).loc[
            step[1], "high"
        ]
        < 0
        for kind in KINDS
        for step in steps
    )


@claim("Behind the fence, more digits are read after averaging 2 × 2 than from every second pixel", record="fence")
def _(rows):
    fenced = rows[(rows["size"] == 2) & (rows.seen == "fence")]
    return compare(fenced, "kind", "right", against="every k-th").loc["average", "low"] > 0


@claim("On photographs the copies are nearer, on the detail of digits the unpooled map.", record="unpooling")
def _(rows):
    return off(rows, "photo", "as it is").low > 0 > off(rows, "detail of a digit", "as it is").high


@claim("With its pixels shuffled, the digit is nearer when unpooled.", record="unpooling")
def _(rows):
    return off(rows, "digit", "as it is").low > 0 > off(rows, "digit", "shuffled").high


@claim("Strides instead of pooling make more errors, on moved digits by far", record="race")
def _(rows):
    new, moved = (gap(rows, "strided conv", score) for score in ("test", "moved_4"))
    return new.low > 0 and moved.low > 0.1


@claim("on moved digits, the strided convolution misreads about twenty in a hundred more.", record="race")
def _(rows):
    moved = gap(rows, "conv, strided conv", "moved_4", against="conv, conv, max")
    return moved.low > 0 and round(moved.difference, 1) == 0.2


@claim("Overlapping windows forgive the move more than windows side by side.", record="race")
def _(rows):
    return gap(rows, "overlapping max", "moved_4").high < 0


@claim("The average makes fewer errors on new digits than the maximum.", record="race")
def _(rows):
    return gap(rows, "average", "test").high < 0
