"""What lesson 14 claims about learning, and the test that its record must pass."""

from __future__ import annotations

from course_lib.evidence import claim, compare

SHALLOW, TANH, RELU, ADAM = (
    "1 hidden layer, tanh", "10 hidden layers, tanh", "10 hidden layers, ReLU", "10 hidden layers, tanh, Adam",
)  # fmt: skip


def best(rows, network, by="validation_error"):
    """Of every start and seed, the row of the rate that did best on validation digits."""
    rows = rows[rows["network"] == network]
    return rows.loc[rows.groupby(["start", "seed"], sort=False)[by].idxmin()]


def against_lecun(rows, network, value="test_error", by="validation_error"):
    return compare(best(rows, network, by), "start", value, against="LeCun")


@claim(
    "From 0.01 ten hidden layers stay at guessing, for every seed and at every rate, while one hidden layer reads nine "
    "digits in ten.",
    record="starts",
)
def _(rows):
    small = rows[rows["start"] == "normal, 0.01"]
    deep, shallow = (small[small["network"] == TANH], best(small, SHALLOW))
    return deep["test_error"].min() > 0.85 and shallow["test_error"].max() < 0.12


@claim("a start of 1.0 costs one hidden layer about ten points.", record="starts")
def _(rows):
    found = against_lecun(rows, SHALLOW).loc["normal, 1.0"]
    return found["low"] > 0 and 0.09 < found["difference"] < 0.115


@claim("From 1.0, ten tanh layers are still wrong on two digits in three.", record="starts")
def _(rows):
    found = against_lecun(rows, TANH).loc["normal, 1.0"]
    return found["low"] > 0.3 and 0.62 < found["mean"] < 0.72


@claim("Adam does not rescue ten layers from 0.01: eight digits in ten stay wrong.", record="starts")
def _(rows):
    found = against_lecun(rows, ADAM).loc["normal, 0.01"]
    return found["low"] > 0.3 and 0.77 < found["mean"] < 0.85


@claim(
    "Between LeCun's and He's start we could not tell a difference in the end, neither with tanh nor with ReLU: the "
    "intervals include zero.",
    record="starts",
)
def _(rows):
    return all(
        found["low"] < 0 < found["high"]
        for found in (against_lecun(rows, network).loc["He"] for network in (TANH, RELU))
    )


@claim("So does that of tanh with Adam, but only just.", record="starts")
def _(rows):
    found = against_lecun(rows, ADAM).loc["He"]
    return -0.001 < found["low"] < 0 < found["high"]


@claim("We could not tell it from LeCun's start, either.", record="starts")
def _(rows):
    found = against_lecun(rows, TANH).loc["gain 5/3"]
    return found["low"] < 0 < found["high"]


@claim("**Ten layers**, tanh or ReLU, learn nothing from 0.01.", record="starts")
def _(rows):
    small = rows[(rows["start"] == "normal, 0.01") & rows["network"].isin([TANH, RELU])]
    return small["test_error"].min() > 0.85


@claim("(It learned best at the largest of our rates, 1.0; a larger one may cost less.)", record="starts")
def _(rows):
    found = best(rows, SHALLOW)
    return (found.loc[found["start"] == "normal, 1.0", "rate"] == 1).all()


@claim(
    "after three passes, ten ReLU layers make fewer errors from He's start than from LeCun's.",
    record="starts",
)
def _(rows):
    return against_lecun(rows, RELU, "early_error", "early_error").loc["He", "high"] < 0


@claim("With tanh we could not tell LeCun's from He's here, either.", record="starts")
def _(rows):
    found = against_lecun(rows, TANH, "early_error", "early_error").loc["He"]
    return found["low"] < 0 < found["high"]
