"""What lesson 03 says about training, sentence by sentence, and what its records must show for that."""

from course_lib.evidence import claim, compare


@claim(
    "The last weights of the perceptron make more errors than its average weights, "
    "and so do the weights of its best pass.",
    record="ink",
)
def _(rows):
    found = compare(rows, "rule", "test_error", against="perceptron, average weights")
    return found.loc[["perceptron, last weights", "perceptron, best pass on the examples"], "low"].min() > 0


@claim("Between the average, ADALINE and the new neuron we could not tell", record="ink")
def _(rows):
    found = compare(rows, "rule", "test_error", against="perceptron, average weights")
    others = found.loc[["ADALINE", "sigmoid and surprise"]]
    return (others["low"] < 0).all() and (others["high"] > 0).all()


@claim("Without far examples we could not tell the two apart.", record="too_right")
def _(rows):
    gap = _far(rows, 0)
    return gap["low"] < 0 < gap["high"]


@claim(
    "With 40 far examples ADALINE makes more errors, by about five percentage points; "
    "the sigmoid neuron as many as without.",
    record="too_right",
)
def _(rows):
    sigmoid = rows[rows["neuron"] == "sigmoid and surprise"].groupby("far")["test_error"].mean()
    return _far(rows, 40)["low"] > 0.04 and _far(rows, 40)["high"] < 0.07 and abs(sigmoid[40] - sigmoid[0]) < 0.002


def _far(rows, number):
    some = rows[rows["far"] == number]
    return compare(some, "neuron", "test_error", against="sigmoid and surprise").loc["ADALINE"]


@claim("And the surprise on *new* digits first falls, then rises again", record="forty")
def _(rows):
    table = rows[rows["neuron"] == "no brake"].pivot(index="step", columns="seed", values="test_surprise")
    return bool((table.min() < table.iloc[0] - 0.1).all() and (table.min() < table.iloc[-1] - 0.03).all())


@claim("With right labels, a neuron without a brake is surer than it is right", record="brakes")
def _(rows):
    some = rows[(rows["labels"] == "right") & (rows["neuron"] == "no brake")]["too_sure"]
    return some.mean() - 2.1 * some.std() / len(some) ** 0.5 > 0.04


@claim("with decay, or stopped early, surprise is lower and confidence fits.", record="brakes")
def _(rows):
    return bool((_gap(rows, "right", "test_surprise")["high"] < 0).all()) and all(
        abs(mean) < 0.01 for mean in _gap(rows, "right", "too_sure")["mean"]
    )


@claim("But neither brake saved errors here", record="brakes")
def _(rows):
    gap = _gap(rows, "right", "test_error")
    return bool((gap["low"] > -0.001).all() and (gap["high"] < 0.01).all())


@claim("Now both brakes save about a third of the errors.", record="brakes")
def _(rows):
    gap = _gap(rows, "one in ten wrong", "test_error")
    plain = gap["mean"] - gap["difference"]
    return bool((gap["high"] < 0).all() and (-gap["difference"] / plain).between(0.3, 0.42).all())


def _gap(rows, labels, column):
    found = compare(rows[rows["labels"] == labels], "neuron", column, against="no brake")
    return found.loc[["weight decay", "stopped early"]]
