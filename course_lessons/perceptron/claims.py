"""What lesson 02 says about training, sentence by sentence, and what its records must show for that."""

import itertools

from course_lib.evidence import claim, compare


@claim("After one pass the average makes fewer errors on new digits than the last weights.", record="averaged")
def _(rows):
    return compare(rows, "weights", "first_pass", against="last").loc["average", "high"] < 0


@claim(
    "It still does when both may choose their pass on the validation pictures, by less than half a percentage point.",
    record="averaged",
)
def _(rows):
    gap = compare(rows, "weights", "test_error", against="last").loc["average"]
    return -0.005 < gap["difference"] and gap["high"] < 0


@claim("In ink, letters are easy for one unit; with negatives it does little better than guessing.", record="mark_one")
def _(rows):
    found = compare(rows, "machine", "test_error", against="one unit, ink only")
    return found.loc["one unit, ink only", "mean"] < 0.02 and found.loc["one unit", "low"] > 0.3


@claim("Averaging its weights does not help: it errs a little more.", record="mark_one")
def _(rows):
    gap = compare(rows, "machine", "test_error", against="one unit").loc["one unit, average weights"]
    return gap["low"] > 0 and gap["difference"] < 0.05


@claim("With 1,024 random units the error is far lower than straight from the eye.", record="mark_one")
def _(rows):
    return compare(rows, "machine", "test_error", against="1,024 random units").loc["one unit", "low"] > 0.3


@claim("It is the steps that help: without them the same 1,024 sums are of no use.", record="mark_one")
def _(rows):
    against_steps = compare(rows, "machine", "test_error", against="1,024 random units").loc["1,024 random sums"]
    against_eye = compare(rows, "machine", "test_error", against="one unit").loc["1,024 random sums"]
    return against_steps["low"] > 0.3 and against_eye["low"] < 0 < against_eye["high"]


@claim("Each time four times as many units make fewer errors, from 16 to 4,096.", record="mark_one")
def _(rows):
    sizes = [f"{units:,} random units" for units in (16, 64, 256, 1024, 4096)]
    pairs = itertools.pairwise(sizes)
    return all(compare(rows, "machine", "test_error", against=few).loc[many, "high"] < 0 for few, many in pairs)


@claim("Whoever keeps all 2,000 pictures and looks up the nearest makes fewer errors still.", record="mark_one")
def _(rows):
    return compare(rows, "machine", "test_error", against="nearest neighbour").loc["4,096 random units", "low"] > 0
