"""What lesson 01 says about its records, sentence by sentence, and what they must show for that."""

import pandas

from course_lib.evidence import claim, compare


@claim("On this bowl, ten times the knobs need about ten times the tries.", record="random_search")
def _(rows):
    tries = rows.groupby(["knobs", "share"])["tries"].mean().groupby("knobs").min()
    return all(8 < more / fewer < 13 for fewer, more in ((tries[10], tries[100]), (tries[100], tries[1000])))


@claim(
    "A walk that stops where the validation digits say makes fewer errors on new digits than the exact minimum.",
    record="low_enough",
)
def _(rows):
    walk = rows[rows.steps != "exact"].sort_values("validation_error", kind="stable").groupby("seed").head(1)
    ways = pandas.concat([rows[rows.steps == "exact"].assign(way="exact"), walk.assign(way="stopped")])
    return compare(ways, "way", "test_error").loc["stopped", "high"] < 0
