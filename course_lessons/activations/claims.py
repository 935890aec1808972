"""What lesson 07 claims, and what in its records carries it."""

from course_lib.evidence import claim, compare


def _ratios(rows, kind):
    """How many times the first layer's gradient the last one's is, seed by seed."""
    table = rows[rows["activation"] == kind].pivot(index="layer", columns="seed", values="norm")
    return table.loc[table.index.max()] / table.loc[1]


@claim(
    "With Keras' start, the gradient of the first layer is more than 100,000 times smaller than that of the last.",
    record="norms",
)
def _(rows):
    return _ratios(rows, "sigmoid").min() > 1e5


@claim("With weights four times as large most of the shrinking goes, though not all.", record="norms")
def _(rows):
    quarter = _ratios(rows, "sigmoid, weights 4 times as large")
    return quarter.min() > 50 and quarter.max() < _ratios(rows, "sigmoid").min() / 100


@claim("the gradient of the first of eleven layers is no smaller than that of the last", record="norms")
def _(rows):
    return _ratios(rows, "tanh").max() < 1


@claim("the gradients of ReLU are about as level as those of tanh", record="norms")
def _(rows):
    return _ratios(rows, "ReLU").between(0.2, 2).all() and _ratios(rows, "tanh").between(0.2, 2).all()


@claim(
    "At learning rate 1 the way is more than twice as long with positive inputs, yet it takes about as many steps.",
    record="zigzag",
)
def _(rows):
    at_1 = rows[rows["rate"] == 1]
    ways = compare(at_1, "inputs", "way", against="centred")
    steps = compare(at_1, "inputs", "steps", against="centred").loc["positive"]
    longer = ways.loc["positive", "low"] > ways.loc["centred", "mean"]
    return longer and steps["low"] < 0 < steps["high"]


@claim("The ways are 2.8 and 1.2 times the straight line.", record="zigzag")
def _(rows):
    ways = rows[rows["rate"] == 1].groupby("inputs")["way"].mean().round(1)
    return ways["positive"] == 2.8 and ways["centred"] == 1.2


@claim("with each side's best learning rate, centred inputs need about half as many steps", record="zigzag")
def _(rows):
    means = rows.groupby(["inputs", "rate"])["steps"].mean()
    best = [rows[(rows["inputs"] == kind) & (rows["rate"] == means[kind].idxmin())] for kind in ("positive", "centred")]
    gaps = best[1].set_index("seed")["steps"] - best[0].set_index("seed")["steps"]
    low = 1.96 * gaps.std() / len(gaps) ** 0.5
    return gaps.mean() + low < 0 and 0.35 < best[1]["steps"].mean() / best[0]["steps"].mean() < 0.65


@claim("the median of the last hidden layer falls below 0.02, where its slope is below 0.02, too", record="saturation")
def _(rows):
    return rows[(rows["activation"] == "sigmoid") & (rows["layer"] == 4)]["lowest_median"].max() < 0.02


@claim("in the recorded runs the plateau lasts ten passes or more", record="saturation")
def _(rows):
    return rows[rows["activation"] == "sigmoid"]["plateau"].min() >= 10


@claim("more than a tenth of the outputs of every tanh layer become saturated", record="saturation")
def _(rows):
    tanh = rows[rows["activation"] == "tanh"]
    return tanh["saturated_at_first"].max() < 0.001 and tanh["saturated_at_last"].min() > 0.1


@claim("and about a third of those of the last", record="saturation")
def _(rows):
    tanh = rows[rows["activation"] == "tanh"].pivot(index="layer", columns="seed", values="saturated_at_last")
    return (tanh.loc[4] > tanh.loc[[1, 2, 3]].max()).all() and tanh.loc[4].between(0.28, 0.39).all()


def _ahead(rows, hidden, optimizer, against="ReLU"):
    part = rows[(rows["hidden"] == hidden) & (rows["optimizer"] == optimizer)]
    return compare(part, "activation", "passes", against=against)


_RACES = [(hidden, optimizer) for hidden in (1, 3) for optimizer in ("SGD", "Adam")]


@claim("ReLU needs the fewest passes of the four in all four races.", record="race")
def _(rows):
    others = ["sigmoid", "sigmoid, weights 4 times as large", "tanh"]
    return all(_ahead(rows, *each).loc[others, "low"].min() > 0 for each in _RACES)


@claim("With one hidden layer and SGD ReLU is already about twice as fast as tanh", record="race")
def _(rows):
    mean = _ahead(rows, 1, "SGD")["mean"]
    return 1.7 < mean["tanh"] / mean["ReLU"] < 2.4


@claim(
    "With three hidden layers and SGD, the sigmoid with Keras' start does not arrive at any of the four learning rates",
    record="race",
)
def _(rows):
    mean = _ahead(rows, 3, "SGD")["mean"]
    return mean["sigmoid"] == 41 and mean["sigmoid, weights 4 times as large"] < 30


@claim("with larger weights it does, after about 24 passes.", record="race")
def _(rows):
    return abs(_ahead(rows, 3, "SGD").loc["sigmoid, weights 4 times as large", "mean"] - 24) < 1


@claim("Under Adam all of them arrive within 10 passes.", record="race")
def _(rows):
    return rows[rows["optimizer"] == "Adam"]["passes"].max() <= 10


@claim("With three layers it is 1.7 times as fast here, not six times.", record="race")
def _(rows):
    mean = _ahead(rows, 3, "SGD")["mean"]
    return round(mean["tanh"] / mean["ReLU"], 1) == 1.7


@claim(
    "with one hidden layer the sigmoid, and under Adam tanh too, did best at the largest rate we tried", record="race"
)
def _(rows):
    shallow = rows[rows["hidden"] == 1]
    sigmoid = shallow[shallow["activation"].str.startswith("sigmoid")]
    tanh = shallow[(shallow["activation"] == "tanh") & (shallow["optimizer"] == "Adam")]
    largest = sigmoid["optimizer"].map({"SGD": 3, "Adam": 0.03})
    return (sigmoid["rate"] == largest).all() and (tanh["rate"] == 0.03).all()


@claim(
    "At learning rate 1.0 about half of the ReLU units die, and the error shows nothing of it: it is below 10 % in all "
    "five runs.",
    record="dead",
)
def _(rows):
    relu = rows[(rows["activation"] == "ReLU") & (rows["rate"] == 1)]
    return relu["silent"].between(0.35, 0.65).all() and relu["test_error"].max() < 0.1


@claim("At 1.5 nine in ten die, the error is above 35 % in all runs, and the calm passes wake none", record="dead")
def _(rows):
    relu = rows[(rows["activation"] == "ReLU") & (rows["rate"] == 1.5)]
    none_back = (relu["silent_after_calm"] >= relu["silent"]).all()
    return relu["silent"].min() > 0.85 and relu["test_error"].min() > 0.35 and none_back


@claim("the weights of a silent ReLU unit do not move by a single bit", record="dead")
def _(rows):
    return rows[rows["activation"] == "ReLU"]["moved"].max() == 0


@claim("At 1.0 fewer leaky units are silent, and those that are keep learning.", record="dead")
def _(rows):
    at_1 = rows[rows["rate"] == 1]
    moved = at_1[at_1["activation"] == "leaky ReLU"]["moved"].min() > 0
    return moved and compare(at_1, "activation", "silent", against="ReLU").loc["leaky ReLU", "high"] < 0


@claim("at 1.5 four of the five leaky networks break down and answer 0 to everything", record="dead")
def _(rows):
    leaky = rows[(rows["activation"] == "leaky ReLU") & (rows["rate"] == 1.5)]
    return len(leaky) == 5 and (leaky["test_error"] >= 0.9).sum() == 4


@claim("On the error at 1.0 we could not tell the two apart.", record="dead")
def _(rows):
    found = compare(rows[rows["rate"] == 1], "activation", "test_error", against="ReLU").loc["leaky ReLU"]
    return found["low"] < 0 < found["high"]


@claim("with centred pixels no unit dies at any of these rates, although the inputs are as large", record="dead")
def _(rows):
    return rows[rows["activation"] == "ReLU, pixels centred"]["silent"].max() == 0


@claim("The sigmoid network makes more errors on new digits than ReLU's", record="settled")
def _(rows):
    return compare(rows, "activation", "test_error", against="ReLU").loc["sigmoid", "low"] > 0


@claim("But the sigmoid took the larger of only two rates in all five runs", record="settled")
def _(rows):
    return (rows[rows["activation"] == "sigmoid"]["rate"] == 0.003).all()


@claim("SiLU needs at least one pass more than ReLU in all four, on average.", record="race")
def _(rows):
    gaps = [_ahead(rows, *each).loc["SiLU"] for each in _RACES]
    return all(gap["low"] > 0 and gap["difference"] >= 1 for gap in gaps)


@claim("GELU we could not tell from ReLU, in any race or on new digits", record="race")
def _(rows):
    gaps = [_ahead(rows, *each).loc["GELU"] for each in _RACES]
    return all(gap["low"] <= 0 <= gap["high"] for gap in gaps)


@claim("GELU took 1.8 passes more, with an interval from −0.04 to 3.6.", record="race")
def _(rows):
    found = _ahead(rows, 3, "SGD").loc["GELU"].round(2)
    return found["difference"] == 1.8 and found["low"] == -0.04 and round(found["high"], 1) == 3.6


@claim("it needs fewer passes than the sigmoid in all four races", record="race")
def _(rows):
    sigmoids = ("sigmoid", "sigmoid, weights 4 times as large")
    return all(_ahead(rows, *each, against=kind).loc["GELU", "high"] < 0 for each in _RACES for kind in sigmoids)
