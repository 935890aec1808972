"""What lesson 17 says of contrastive divergence, of starts and of pretraining, and what in the records carries it."""

from __future__ import annotations

import pandas

from course_lib.evidence import at_best_rate, claim, compare


def change(rows, way, column):
    """From step 1,000 to step 6,000."""
    runs = rows[(rows["way"] == way) & rows["step"].isin([1000, 6000])]
    return compare(runs, "step", column, against=1000).loc[6000]


@claim("After 6,000 steps CD-10 finds the pictures more probable than CD-1 does.", record="tiny")
def _(rows):
    ends = compare(rows[rows["step"] == 6000], "way", "log_likelihood", against="CD-1")
    return ends.loc["CD-10", "low"] > 0


@claim(
    "CD-1's likelihood falls from step 1,000 to step 6,000 while the error of repeating goes on down.", record="tiny"
)
def _(rows):
    grey = (change(rows, "CD-1, grey", column)["high"] for column in ("log_likelihood", "repeat_error"))
    return all(high < 0 for high in grey)


def at_depth(rows, hidden):
    """Test errors, against the pretrained network."""
    best = at_best_rate(rows, ["start", "hidden"], "validation_error")
    return compare(best[best["hidden"] == hidden], "start", "test_error", against="pretrained")


@claim(
    "From the small start no network of five or eight hidden layers learns anything in 20 epochs, at any of the three "
    "learning rates.",
    record="depth",
)
def _(rows):
    deep = rows[(rows["start"] == "0.01") & (rows["hidden"] >= 5)]
    return len(deep) == 30 and deep["validation_error"].min() > 0.85 and deep["train_error"].min() > 0.85


@claim("Pretrained, they learn: seven to eight errors in a hundred.", record="depth")
def _(rows):
    tables = [at_depth(rows, hidden) for hidden in (5, 8)]
    return all(table.loc["pretrained", "mean"] < 0.085 and table.loc["0.01", "low"] > 0 for table in tables)


@claim("So does batch normalisation, from the very same small start.", record="depth")
def _(rows):
    gaps = [compare_to_small(rows, hidden) for hidden in (5, 8)]
    return all(table.loc["batch norm", "high"] < -0.5 for table in gaps)


def compare_to_small(rows, hidden):
    best = at_best_rate(rows, ["start", "hidden"], "validation_error")
    return compare(best[best["hidden"] == hidden], "start", "test_error", against="0.01")


def with_few(rows, side="pretrained", number=100):
    """Test errors at the settings that validation chose, against one side with one number of labels."""
    kept = rows.sort_values(["validation_error", "validation_loss"], kind="stable")
    kept = kept.groupby(["labels", "side", "seed"]).head(1)
    kinds = kept.assign(kind=kept["side"] + kept["labels"].map(" with {}".format))
    return compare(kinds, "kind", "test_error", against=f"{side} with {number}")


@claim(
    "With 100 labels the pretrained network makes fewer errors than ReLUs, with or without dropout, and than the "
    "support vector machine.",
    record="labels",
)
def _(rows):
    gaps = with_few(rows)
    return all(gaps.loc[[f"{rival} with 100" for rival in ("ReLU", "ReLU, dropout", "kernel machine")], "low"] > 0)


@claim("Machines that have seen nothing but these 100 digits save errors against plain ReLUs, too", record="labels")
def _(rows):
    return with_few(rows, "pretrained on the labelled").loc["ReLU with 100", "low"] > 0


@claim(
    "With 300 and with 1,000 labels the support vector machine makes fewer errors than the pretrained network.",
    record="labels",
)
def _(rows):
    gaps = (with_few(rows, number=number).loc[f"kernel machine with {number}", "high"] for number in (300, 1000))
    return all(high < 0 for high in gaps)


@claim("Plain ReLUs with 300 labels make fewer errors than the pretrained network with 100.", record="labels")
def _(rows):
    return with_few(rows).loc["ReLU with 300", "high"] < 0


def of_codes(rows, epoch, against="pretrained"):
    """Squared errors of all starts at their best rate, and of PCA."""
    nets = at_best_rate(rows[rows["rate"].notna()], "start", "validation_error")
    both = [nets[nets["epoch"] == epoch], rows[rows["rate"].isna()]]
    return compare(pandas.concat(both), "start", "test_error", against=against)


@claim("The pretrained autoencoder beats PCA, with two numbers against two and even against four.", record="codes")
def _(rows):
    gaps = of_codes(rows, 30)
    return all(gaps.loc[f"PCA, {number} numbers", "low"] > 0 for number in (2, 4))


@claim("After one epoch, after ten and after 30 it is ahead of both random starts.", record="codes")
def _(rows):
    return all(of_codes(rows, epoch).loc[["Glorot", "He"], "low"].min() > 0 for epoch in (1, 10, 30))
