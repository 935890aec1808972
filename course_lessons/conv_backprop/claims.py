"""What lesson 11 claims, and what in its record carries it."""

from course_lib.evidence import claim, compare


def chosen(rows, last):
    """A row for each fault and seed: at the learning rate and the epoch that validation liked best."""
    best = rows.loc[rows.groupby(["last", "fault", "seed"], sort=False)["validation"].idxmin()]
    return best[best["last"] == last]


@claim("All of them learn to read, whatever the fault.", record="faults")
def _(rows):
    return chosen(rows, "learns")["test"].max() < 0.5  # guessing: 0.9


@claim(
    "with the kernel's gradient turned, more than two thirds of the test digits are read in all five runs.",
    record="faults",
)
def _(rows):
    best = chosen(rows, "learns")
    costs = compare(best, "fault", "test", against="none")
    most = costs["mean"].idxmax() == "kernel's gradient turned" and costs.loc["kernel's gradient turned", "low"] > 0
    return most and best[best["fault"] == "kernel's gradient turned"]["test"].max() < 1 / 3


@claim(
    "The networks with no message, or with one that is not turned, we could not tell from the right one.",
    record="faults",
)
def _(rows):
    gaps = compare(chosen(rows, "learns"), "fault", "test", against="none").loc[["no message", "message not turned"]]
    return ((gaps["low"] <= 0) & (gaps["high"] >= 0)).all()


@claim(
    "With a dense layer that keeps still, the right network still learns; the one with the turned gradient gets more "
    "than four of five digits wrong.",
    record="faults",
)
def _(rows):
    still = chosen(rows, "still")
    right, turned = (still[still["fault"] == fault]["test"] for fault in ("none", "kernel's gradient turned"))
    return right.max() < 0.3 and turned.min() > 0.8
