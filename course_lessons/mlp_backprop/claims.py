"""What the lesson on back-propagation claims, and what in its records carries it."""

from course_lib.evidence import at_best_rate, claim, compare


@claim(
    "At each of the four learning rates four hidden units solve XOR from more starts than two do.",
    record="xor",
)
def _(rows):
    by_rate = [compare(part, "hidden", "solved", against=2) for _, part in rows.groupby("learning_rate")]
    return len(by_rate) == 4 and all(table.loc[4, "low"] > 0 for table in by_rate)


@claim("From all 100 recorded starts all eight patterns come back.", record="encoder")
def _(rows):
    return len(rows) == 100 and (rows["repeated"] == 8).all()


@claim("in 72 of 100 the hidden outputs, rounded, are eight different codes", record="encoder")
def _(rows):
    return len(rows) == 100 and (rows["rounded_codes"] == 8).sum() == 72


@claim("The hidden layer lowers the error.", record="hidden_units")
def _(rows):
    return compare(rows, "network", "test_error", against="no hidden layer").loc["128 hidden units", "high"] < 0


@claim(
    "we could not tell the network from it: the interval of their difference is −0.003 to 0.010", record="hidden_units"
)
def _(rows):
    found = compare(rows, "network", "test_error", against="nearest neighbour").loc["128 hidden units"]
    return found["low"].round(3) == -0.003 and found["high"].round(3) == 0.010


@claim(
    "In the first ten epochs all three err less than plain SGD, and Adam less than the other two.", record="optimizers"
)
def _(rows):
    fast = at_best_rate(rows, "optimizer", "first_ten_passes")
    to_plain, to_adam = (
        compare(fast, "optimizer", "first_ten_passes", against=way).drop(way) for way in ("plain SGD", "Adam")
    )
    return len(to_plain) == 3 and (to_plain["high"] < 0).all() and (to_adam["low"] > 0).all()


@claim(
    "At their best epochs momentum and RMSprop err less than plain SGD and than Adam; "
    "the last two we could not tell apart.",
    record="optimizers",
)
def _(rows):
    skilled = at_best_rate(rows, "optimizer", "validation_error")
    to_plain, to_adam = (compare(skilled, "optimizer", "test_error", against=way) for way in ("plain SGD", "Adam"))
    less = all((gaps.loc[["momentum", "RMSprop"], "high"] < 0).all() for gaps in (to_plain, to_adam))
    return less and to_plain.loc["Adam", "low"] < 0 < to_plain.loc["Adam", "high"]


def _by_start(rows, column, loss="half squared error"):
    """Half the squared error against cross-entropy, from each start."""
    return [compare(part, "loss", column, against="cross-entropy").loc[loss] for _, part in rows.groupby("start")]


@claim(
    "From both starts cross-entropy is ahead: averaged over the twenty epochs, its validation error is lower.",
    record="two_losses",
)
def _(rows):
    averaged = rows.groupby(["start", "seed", "loss"], as_index=False)["validation_error"].mean()
    return all(found["low"] > 0 for found in _by_start(averaged, "validation_error"))


@claim("At the best epoch we could not tell the two losses apart on the test part.", record="two_losses")
def _(rows):
    best = rows.loc[rows.groupby(["start", "seed", "loss"])["validation_error"].idxmin()]
    return all(found["low"] < 0 < found["high"] for found in _by_start(best, "test_error"))


@claim("Two narrow layers err less than one, and three less than two", record="depth")
def _(rows):
    pairs = (("2 of 4", "1 of 4"), ("3 of 4", "2 of 4"))
    return all(compare(rows, "hidden_layers", "test_error", other).loc[one, "high"] < 0 for one, other in pairs)


@claim(
    "No mean beyond three layers could be told from that of three, nor could the mean of the wide one.",
    record="depth",
)
def _(rows):
    table = compare(rows, "hidden_layers", "test_error", against="3 of 4")
    others = table.loc[["4 of 4", "5 of 4", "6 of 4", "1 of 14"]]
    return (others["low"] < 0).all() and (others["high"] > 0).all()


@claim("with each of the seven seeds six layers err more than three", record="depth")
def _(rows):
    table = rows.pivot(index="seed", columns="hidden_layers", values="test_error")
    return len(table) == 7 and (table["6 of 4"] > table["3 of 4"]).all()
