"""What lesson 10 says of reach and of sharing over time, and what in the records carries it."""

from __future__ import annotations

from course_lib.evidence import at_best_rate, claim, compare


def overlaps(rows, against):
    """Test overlaps after all passes, each list of dilation rates with its better learning rate."""
    last = rows[rows["passes"] == rows["passes"].max()]
    chosen = at_best_rate(last, "dilation", -last["validation_overlap"])
    return compare(chosen, "dilation", "test_overlap", against=against)


def late_errors(rows, against):
    """Errors on walks that start late, each net with its best learning rate."""
    rows = rows.assign(net=rows["net"] + ", " + rows["shown"])
    return compare(at_best_rate(rows, "net", "validation_loss"), "net", "late_error", against=against)


@claim(
    "On this task 1-2-4-8 overlaps more with the truth than 1-1-1-1 does, and 4-4-4-4, which spans the most, less than "
    "both.",
    record="inside",
)
def _(rows):
    to_neighbours, to_far = overlaps(rows, "1-1-1-1"), overlaps(rows, "1-2-4-8")
    more = to_neighbours.loc["1-2-4-8", "low"] > 0
    return more and to_neighbours.loc["4-4-4-4", "high"] < 0 and to_far.loc["4-4-4-4", "high"] < 0


@claim(
    "Asked about walks that start later than all it was shown, the net with frames as channels makes more errors than "
    "the 3-D net.",
    record="later",
)
def _(rows):
    return late_errors(rows, "3-D, early").loc["frames as channels, early", "low"] > 0


@claim(
    "Shown walks of all starts, it makes fewer errors on late ones than when it was shown early ones only.",
    record="later",
)
def _(rows):
    return late_errors(rows, "frames as channels, early").loc["frames as channels, all", "high"] < 0
