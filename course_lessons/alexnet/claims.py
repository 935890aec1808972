"""What lesson 18 claims, and what in its record must be so."""

from course_lib.evidence import claim, compare


def _ended(rows, rate):
    """Test errors after the last pass, against the whole network."""
    return compare(rows[(rows["rate"] == rate) & (rows["passes"] == 24)], "variant", "test_error")


@claim("with random cuts the networks make fewer mistakes, at the chosen rate", record="parts")
def _(rows):
    return _ended(rows, 0.003).loc["cut at random", "high"] < 0


@claim("at 0.001 tanh makes fewer mistakes on test digits, by 1.4 points.", record="parts")
def _(rows):
    tanh = _ended(rows, 0.001).loc["tanh"]
    return tanh["high"] < 0 and round(tanh["difference"], 3) == -0.014


@claim("The gap shrinks by about 2 points, most of it by fewer mistakes on test digits.", record="parts")
def _(rows):
    rows = rows.assign(gap=rows["test_error"] - rows["training_error"])
    gap = compare(rows[(rows["rate"] == 0.003) & (rows["passes"] == 24)], "variant", "gap").loc["cut at random"]
    return gap["high"] < 0 and -0.03 < gap["difference"] < -0.015


@claim("At the rate 0.003 tanh makes fewer training mistakes after 2, 3, 4 and 6 passes", record="parts")
def _(rows):
    fast = rows[rows["rate"] == 0.003]
    races = [compare(fast[fast["passes"] == passes], "variant", "training_error") for passes in (2, 3, 4, 6)]
    return all(race.loc["tanh", "high"] < 0 for race in races)


@claim("At the learning rate 0.001 the network without all four layers is worse, by 2 points.", record="parts")
def _(rows):
    worse = _ended(rows, 0.001).loc["without all four"]
    return worse["low"] > 0 and 0.015 < worse["difference"] < 0.025


@claim("at 0.003 we could not tell any of the five from the whole.", record="parts")
def _(rows):
    cut = _ended(rows, 0.003).filter(regex="^without", axis="index")
    return len(cut) == 4 and ((cut["low"] < 0) & (cut["high"] > 0)).all()


@claim(
    "After 4 passes at 0.001 the network without all four makes 25 points more mistakes on validation "
    "digits; after 24, about 1, and that we could not tell from 0.",
    record="parts",
)
def _(rows):
    rows = rows[rows["rate"] == 0.001]
    early, end = (
        compare(rows[rows["passes"] == passes], "variant", "validation_error").loc["without all four"]
        for passes in (4, 24)
    )
    return 0.24 < early["difference"] < 0.265 and early["low"] > 0 > end["low"] and round(end["difference"], 2) == 0.01


@claim("The vote of seven makes fewer mistakes than its members do on average, 6.1 % against 8.3 %", record="parts")
def _(rows):
    votes = compare(rows[rows["variant"].str.startswith("vote")], "variant", "test_error", against="vote of 1")
    return votes.loc["vote of 7", "high"] < 0 and round(votes.loc["vote of 7", "mean"], 3) == 0.061


@claim("The vectors of a trained fc7 are wrong less often than pixels are, 8.6 % against 13.7 %.", record="parts")
def _(rows):
    return (
        compare(rows[rows["variant"].str.startswith("nearest")], "variant", "test_error").loc["nearest by fc7", "high"]
        < 0
    )
