"""What lesson 13 says about effects and causes, and what its records must show for it."""

import pandas as pd

from course_lib.evidence import claim, compare, evidence

LESSON = "13_first_cnn_lenet"


def on_neat(rows):
    return rows[(rows["kind"] == "right") & (rows["amount"] == 0)]


@claim("On these slips, sigmoids read more slips without a mistake than softmax.", record="heads")
def _(rows):
    return compare(rows, "head", "right", against="softmax").loc["sigmoids", "low"] > 0


@claim("at a shift of four pixels nine places read more digits than one place", record="cascade")
def _(rows):
    return compare(rows[rows["shift"] == 4], "way", "right", against="1 places").loc["9 places", "low"] > 0


@claim("Without a shift nine places read fewer digits than one place, 72 % against 74 %.", record="cascade")
def _(rows):
    return compare(rows[rows["shift"] == 0], "way", "right", against="1 places").loc["9 places", "high"] < 0


@claim(
    "on neat digits a taught last layer reads more than clusters with names, and LeNet-5, taught from end to end, "
    "reads more still",
    record="cascade",
)
def _(rows):
    neat = pd.concat([rows[rows["shift"] == 0].rename(columns={"way": "reader"}), on_neat(evidence("strain", LESSON))])
    found = compare(neat, "reader", "right", against="taught last layer")
    clusters = found.loc[["9 places", "1 places"], "high"].max()
    return found.loc["LeNet-5, neat", "low"] > 0 > clusters


def ahead(rows, reader, rival):
    """For every kind of strain the interval of how far `reader` is ahead of `rival`, over its strained settings."""
    strained = rows.drop(on_neat(rows).index)
    means = strained.groupby(["kind", "reader", "seed"], as_index=False)["right"].mean()
    pairs = means[means["reader"].isin([reader, rival])]
    found = {
        kind: compare(of_kind, "reader", "right", against=rival).loc[reader] for kind, of_kind in pairs.groupby("kind")
    }
    return pd.DataFrame(found).T[["low", "high"]]


@claim("on neat digits LeNet-5 reads more than the nearest neighbour", record="strain")
def _(rows):
    return compare(on_neat(rows), "reader", "right", against="nearest, neat").loc["LeNet-5, neat", "low"] > 0


@claim(
    "LeNet-5 reads more than the nearest neighbour when digits are shifted, turned, scaled, or written with another "
    "stroke, and less when they are noisy",
    record="strain",
)
def _(rows):
    found = ahead(rows, "LeNet-5, neat", "nearest, neat")
    return found.loc[["right", "rotation", "scale", "stroke"], "low"].min() > 0 > found.loc["noise", "high"]


@claim("LeNet-5 is ahead for shifted, scaled and squeezed digits and for the stroke", record="strain")
def _(rows):
    found = ahead(rows, "LeNet-5, strained", "nearest, strained")
    return found.loc[["right", "scale", "squeeze", "stroke"], "low"].min() > 0


@claim(
    "Taught with strained digits, LeNet-5 reads more of them: shifted, turned, scaled, squeezed, and with another "
    "stroke",
    record="strain",
)
def _(rows):
    found = ahead(rows, "LeNet-5, strained", "LeNet-5, neat")
    return found.drop("noise")["low"].min() > 0


@claim("On the neat digits of this test it reads more, too, by 0.8 points.", record="strain")
def _(rows):
    found = compare(on_neat(rows), "reader", "right", against="LeNet-5, neat").loc["LeNet-5, strained"]
    return found["low"] > 0 and 0.0075 < found["difference"] < 0.0085


@claim("after two passes ReLU has the lower loss while learning", record="activations")
def _(rows):
    last = rows[rows["passes"] == rows["passes"].max()]
    mean_loss = last.groupby(["activation", "learning_rate"])["validation_loss"].mean()
    best = {activation: mean_loss[activation].idxmin() for activation in ("tanh", "relu")}
    at_best = last[last["learning_rate"] == last["activation"].map(best)]
    return compare(at_best, "activation", "loss", against="tanh").loc["relu", "high"] < 0


@claim("On MNIST's 10,000 test digits LeNet-5 makes fewer errors than the nearest neighbour", record="mnist")
def _(rows):
    return compare(rows, "reader", "test_error", against="nearest neighbour").loc["LeNet-5", "high"] < 0
