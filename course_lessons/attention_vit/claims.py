"""What lesson 24 says of attention and convolution, and what in the record of its races carries it."""

from __future__ import annotations

import pandas

from course_lib.evidence import claim, compare


def named(rows):
    """Each network named with what it learnt from, augmented or not."""
    return rows.assign(network=rows.network.where(rows.augmented == "no", rows.network + ", augmented"))


def fewer_errors(rows, size, kind, against):
    """Whether on so many digits `kind` misreads fewer test digits than `against`, draw by draw."""
    rows = named(rows[rows.examples == size])
    return compare(rows, "network", "test_error", against=against).loc[kind, "high"] < 0


def leads(rows):
    """The lead of the CNN over the transformer in test error, with the fewest and with the most digits."""
    errors = named(rows).pivot(index=["seed", "examples"], columns="network", values="test_error")
    lead = (errors["transformer"] - errors["CNN"]).rename("lead").reset_index()
    return lead[lead.examples.isin([lead.examples.min(), lead.examples.max()])]


@claim(
    "With 1,000 games attention wins more new games than convolutions and than dense layers.",
    record="cards",
)
def _(rows):
    table = compare(rows, "network", "test_error", against="attention")
    return all(table.loc[name, "low"] > 0 for name in ("convolutions", "dense layers"))


@claim("With each number of digits the CNN reads more test digits than the transformer.", record="digits")
def _(rows):
    return all(fewer_errors(rows, size, "CNN", "transformer") for size in (200, 1000, 3500))


@claim("Its lead is smaller with 3,500 digits than with 200", record="digits")
def _(rows):
    return compare(leads(rows), "examples", "lead", against=200).loc[3500, "high"] < 0


@claim("Augmented digits help both, and the CNN stays ahead.", record="digits")
def _(rows):
    pairs = [(f"{name}, augmented", name) for name in ("transformer", "CNN")]
    pairs.append(("CNN, augmented", "transformer, augmented"))
    return all(fewer_errors(rows, 1000, *pair) for pair in pairs)


@claim("The transformer gains more points", record="digits")
def _(rows):
    errors = rows[rows.examples == 1000].pivot(index="seed", columns=["network", "augmented"], values="test_error")
    gains = [
        {"seed": seed, "network": name, "gain": row[name, "no"] - row[name, "yes"]}
        for seed, row in errors.iterrows()
        for name in ("transformer", "CNN")
    ]
    return compare(pandas.DataFrame(gains), "network", "gain", against="CNN").loc["transformer", "low"] > 0


@claim("With 3 × 3 windows in place of attention the same network reads more test digits", record="digits")
def _(rows):
    return fewer_errors(rows, 1000, "3×3 windows", "transformer")
