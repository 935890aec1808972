"""What lesson 26 says of effects, and what in its records carries it."""

from __future__ import annotations

import itertools

from course_lib.evidence import claim, compare

NETWORK = ("saliency", "SmoothGrad", "integrated gradients", "Grad-CAM", "guided back-propagation", "deconvnet")


def measured(rows, measure, against):
    """A measure of all kinds of map, against one of them."""
    return compare(rows[rows.measure == measure], "map", "value", against=against)


def likeness(rows, name, word):
    """How much more alike maps are before and after than those of two pictures."""
    some = rows[(rows["map"] == name) & rows.measure.isin([f"likeness {word}", "likeness with another picture's"])]
    return compare(some, "measure", "value", against="likeness with another picture's").loc[f"likeness {word}"]


@claim(
    "In twelve epochs the first filters grow smoother, and with decay they end smoother than without.",
    record="training",
)
def _(rows):
    plain = rows[(rows.decay == 0) & rows.epoch.isin([0, 12])]
    grown = compare(plain, "epoch", "smoothness", against=0).loc[12, "low"]
    ends = compare(rows[rows.epoch == 12], "decay", "smoothness", against=0.0)
    return min(grown, ends.loc[0.5, "low"], ends.loc[2.0, "low"]) > 0


@claim("the smoothest filters, with decay 2, belong to the networks that are right least often.", record="training")
def _(rows):
    last = rows[rows.epoch == 12]
    smoothest = compare(last, "decay", "smoothness", against=2.0).loc[[0.0, 0.5], "high"].max() < 0
    return smoothest and compare(last, "decay", "test", against=2.0).loc[[0.0, 0.5], "low"].min() > 0


@claim(
    "the first epoch brings more zeros in every layer, and in conv3 and dense4 they become fewer again.",
    record="training",
)
def _(rows):
    plain = rows[(rows.decay == 0) & rows.epoch.isin([0, 1, 12])]
    found = {
        name: compare(plain, "epoch", f"zeros_{name}", against=1).high for name in ("conv1", "conv2", "conv3", "dense4")
    }
    return max(*(each[0] for each in found.values()), found["conv3"][12], found["dense4"][12]) < 0


@claim("At learning rates of 0.1 and 1 more filters of conv3 are dead than at 0.001", record="rates")
def _(rows):
    return compare(rows, "rate", "conv3", against=0.001).loc[[0.1, 1.0], "low"].min() > 0


@claim(
    "In layer 5 more neighbours share their class than in the untrained twin, and fewer their colour or their ground",
    record="shared",
)
def _(rows):
    last = rows[rows.place == "relu5"]
    gains = {
        kind: compare(some, "network", "nearest", against="fresh").loc["trained"] for kind, some in last.groupby("kind")
    }
    return gains["class"].low > 0 > max(gains["colour"].high, gains["ground"].high)


@claim("Every kind of map that asks the network has more of its mass on the object than noise.", record="maps")
def _(rows):
    return (measured(rows, "mass", "noise").loc[[*NETWORK, "from black", "occlusion"], "low"] > 0).all()


@claim("only integrated gradients, from either baseline, and occlusion beat vividness.", record="maps")
def _(rows):
    found = measured(rows, "mass", "vividness")
    better = found.loc[["integrated gradients", "from black", "occlusion"], "low"].min() > 0
    return better and found.loc[[*{*NETWORK} - {"integrated gradients"}], "high"].max() < 0


@claim("the highest points of integrated gradients still hit the object more often than not.", record="maps")
def _(rows):
    return rows[(rows.measure == "highest shuffled") & (rows["map"] == "integrated gradients")].value.min() > 0.5


@claim(
    "With four layers shuffled, the maps of saliency, guided back-propagation and the deconvnet are still more like "
    "the old ones than another picture's map is",
    record="maps",
)
def _(rows):
    return min(likeness(rows, name, "after 4").low for name in ("saliency", "guided back-propagation", "deconvnet")) > 0


@claim("seeds from integrated gradients give a higher IoU than a blob in the middle.", record="maps")
def _(rows):
    return measured(rows, "iou", "middle").loc["integrated gradients", "low"] > 0


@claim("vivid pixels do better still", record="maps")
def _(rows):
    return measured(rows, "iou", "integrated gradients").loc["vividness", "low"] > 0


@claim(
    "With nothing of the object hidden its class keeps its probability, and the more is hidden, up to three quarters, "
    "the lower it falls.",
    record="maps",
)
def _(rows):
    shares = [f"hidden up to {limit}" for limit in ("0", "0.25", "0.5", "0.75")]
    found = [measured(rows, "probability", fewer).loc[more] for fewer, more in itertools.pairwise(shares)]
    whole = rows[(rows.measure == "probability") & (rows["map"] == shares[0])].value
    return whole.min() > 0.98 and all(step.high < 0 for step in found)


@claim(
    "On pictures with its own bias the network is right even more often than the one taught on all kinds",
    record="grounds",
)
def _(rows):
    return compare(rows, "taught", "one each", against="all kinds").loc["one each", "low"] > 0


@claim(
    "Taught on one ground each, it is right less often on grounds of all kinds, and nearly always wrong when they are "
    "swapped.",
    record="grounds",
)
def _(rows):
    mixed = compare(rows, "taught", "all kinds", against="all kinds").loc["one each", "high"] < 0
    return mixed and rows[rows.taught == "one each"].swapped.max() < 0.2


@claim("of the map of slope times pixel (counted from grey) less lies on the object", record="grounds")
def _(rows):
    return compare(rows, "taught", "slope_times_pixel", against="all kinds").loc["one each", "high"] < 0
