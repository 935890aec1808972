"""What lesson 21 says of effects, and what in its records carries it."""

from __future__ import annotations

from course_lib.evidence import at_best_rate, claim, compare


def ended(rows, kinds):
    """After the last pass: of each kind of network the runs at its best rate."""
    return at_best_rate(rows[rows.passes == rows.passes.max()], kinds, "validation_error")


def by_depth(rows, kind, value):
    """Networks of one kind, against those of 8 layers."""
    rows = ended(rows, ["kind", "depth"])
    return compare(rows[rows.kind == kind], by="depth", value=value, against=8)


def with_32_layers(rows, value):
    """Networks of 32 layers, against the plain ones."""
    rows = ended(rows, ["kind", "depth"])
    return compare(rows[rows.depth == 32], by="kind", value=value, against="plain")


@claim("With 32 plain layers more mistakes are left than with 8", record="degradation")
def _(rows):
    return by_depth(rows, "plain", "test_error").loc[32, "low"] > 0


@claim("It makes more mistakes on those, too.", record="degradation")
def _(rows):
    return by_depth(rows, "plain", "training_error").loc[32, "low"] > 0


@claim(
    "After 24 further passes the network with twelve random layers more still has a higher loss than the eight layers "
    "alone.",
    record="deepened",
)
def _(rows):
    lost = compare(ended(rows, ["variant"]), "variant", "training_loss", against="8 layers alone")
    return lost.loc["12 plain layers more", "low"] > 0


@claim("With nearly idle layers more it ends lower than with random ones.", record="deepened")
def _(rows):
    lost = compare(ended(rows, ["variant"]), "variant", "training_loss", against="12 plain layers more")
    return lost.loc["12 nearly idle layers more", "high"] < 0


@claim(
    "With shortcuts 32 layers make fewer mistakes than without, on the digits they learn from and on test digits.",
    record="degradation",
)
def _(rows):
    both = (with_32_layers(rows, value) for value in ("training_error", "test_error"))
    return all(each.loc["residual", "high"] < 0 for each in both)


def after_72_passes(rows, value):
    """Networks of 32 layers, against the plain one of 8."""
    rows = ended(rows, ["kind", "depth"])
    rows = rows.assign(network=rows.kind + rows.depth.astype(str))
    return compare(rows, by="network", value=value, against="plain8")


@claim("whether it still does worse than 8 layers, **we could not tell**", record="longer")
def _(rows):
    both = [after_72_passes(rows, value).loc["plain32"] for value in ("training_error", "test_error")]
    return all(each.low < 0 < each.high for each in both)


@claim("with shortcuts **32 layers misread fewer test digits than 8 plain ones**", record="longer")
def _(rows):
    return after_72_passes(rows, "test_error").loc["residual32", "high"] < 0


@claim(
    "Plain layers that begin nearly idle make fewer mistakes than plain ones with He's start, too.",
    record="degradation",
)
def _(rows):
    both = (with_32_layers(rows, value) for value in ("training_error", "test_error"))
    return all(each.loc["plain, begun nearly idle", "high"] < 0 for each in both)


@claim("whether shortcuts help 20 layers in these 5 passes, **we could not tell**", record="cifar10")
def _(rows):
    after = rows[rows.passes == rows.passes.max()]
    both = [compare(after, "kind", value, "plain").loc["residual"] for value in ("training_error", "test_error")]
    return all(each.low < 0 < each.high for each in both)


@claim(
    "At the smaller rate 110 residual layers learn all but a few of the digits, with each of five starts.",
    record="very_deep",
)
def _(rows):
    last = rows[rows.passes == rows.passes.max()]
    return last[last.rate == last.rate.min()].training_error.max() < 0.02


@claim("At 0.1 four of the five fail.", record="very_deep")
def _(rows):
    last = rows[(rows.passes == rows.passes.max()) & (rows.rate == 0.1)]
    return (last.training_error > 0.3).sum() == 4
