"""What lesson 25 says of borrowed layers, and what in its records carries it."""

from __future__ import annotations

import pandas as pd

from course_lib.evidence import at_best_rate, claim, compare, evidence


def question(rows, kind, layer=None):
    rows = rows[(rows.question == kind) & (rows.layer != "pixels")]
    return rows if layer is None else rows[rows.layer == layer]


@claim("A line reads the colour less well from fc7 than from pool1", record="probes")
def _(rows):
    taught = question(rows, "colour")[lambda rows: rows.kind == "taught"]
    return compare(taught, "layer", "right", against="pool1").loc["fc7", "high"] < 0


@claim("less well than from fc7 of a random twin", record="probes")
def _(rows):
    return compare(question(rows, "colour", "fc7"), "kind", "right", against="random").loc["taught", "high"] < 0


@claim("Taught the class, the layers lose the colour; taught the colour, they lose the class", record="mirror")
def _(rows):
    lost = {"class": "colour", "colour": "class"}
    return all(
        compare(rows[rows.question == asked], "taught", "right", against=other).loc[taught, "high"] < 0
        for taught, asked in lost.items()
        for other in (asked, "nothing")
    )


def chosen(rows):
    """Of each kind of features and number of labels the rows of its best layer on validation."""
    best = rows.groupby(["labels", "kind", "layer"]).validation_error.mean().groupby(["labels", "kind"]).idxmin()
    keys = rows[["labels", "kind", "layer"]].itertuples(index=False, name=None)
    return rows[[key in set(best) for key in keys]]


@claim(
    "With 100 labels and with 600 a line makes fewer errors on the photo net's layer than on pixels or on its random "
    "twin's.",
    record="shelf",
)
def _(rows):
    rows = chosen(rows)
    tables = [compare(rows[rows.labels == labels], "kind", "test_error", against="taught") for labels in (100, 600)]
    return all(table.loc[other, "low"] > 0 for table in tables for other in ("pixels", "random"))


def against_scratch(shelf, labels):
    """Test errors of the features' lines beside those of LeNet-5 from scratch, on the same digits."""
    rows = evidence("thaw", "25_transfer_applications")
    rows = at_best_rate(rows[rows.world == "near"], ["labels", "way"], "validation_error")
    scratch = rows[(rows.way == "scratch") & (rows.labels == labels)].assign(kind="scratch")
    both = pd.concat([scratch, chosen(shelf)[lambda rows: rows.labels == labels]])
    return compare(both, "kind", "test_error", against="scratch")


@claim("With 100 labels the photo net's line makes fewer errors than LeNet-5 from scratch", record="shelf")
def _(rows):
    return against_scratch(rows, 100).loc["taught", "high"] < 0


def cell(rows, world, labels, against="scratch"):
    """One of the four quadrants: test errors of all ways, each at its best rate."""
    rows = at_best_rate(rows, ["world", "labels", "way"], "validation_error")
    return compare(rows[(rows.world == world) & (rows.labels == labels)], "way", "test_error", against=against)


@claim(
    "Similar and few: a line on S4 makes fewer errors than the advised line on F6, and than one on a random S4.",
    record="thaw",
)
def _(rows):
    others = cell(rows, "near", 100, "a line on S4")
    return all(others.loc[other, "low"] > 0 for other in ("a line on F6", "a line on S4, random body"))


@claim("Different and many: scratch makes fewer errors than a line on any of the frozen layers.", record="thaw")
def _(rows):
    table = cell(rows, "far", 600)
    return all(table.loc[way, "low"] > 0 for way in table.index if way.startswith("a line"))


@claim("On the borrowed body the detector has a higher mAP than on its random twin.", record="detector")
def _(rows):
    return compare(rows, "kind", "map", against="random").loc["taught", "low"] > 0


@claim("With skips the mean IoU is higher", record="masks")
def _(rows):
    return compare(rows, "kind", "iou", against="no skips").loc["taught", "low"] > 0


@claim("on a random body it is lower even with them", record="masks")
def _(rows):
    return compare(rows, "kind", "iou", against="no skips").loc["random", "high"] < 0


@claim("Reading early layers, the writer gets more colours and grounds right than from fc7", record="captions")
def _(rows):
    rows = at_best_rate(rows, "reads", 1 - rows["validation_words"])
    gaps = (compare(rows, "reads", word, against="fc7").loc["early layers", "low"] for word in ("colour", "ground"))
    return all(gap > 0 for gap in gaps)
