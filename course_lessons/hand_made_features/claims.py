"""What lesson 08 says of hand-made and learnt features, and what in the record of the race carries it."""

from __future__ import annotations

from course_lib.evidence import claim, compare


def against_hog(rows, top, size):
    """Test errors of all features under one classifier, against HOG; of the network alone, against HOG's linear one."""
    of_hog = rows["top"] == ("linear" if top == "its own" else top)
    rows = rows[(rows["examples"] == size) & ((rows["top"] == top) | (of_hog & (rows["features"] == "HOG")))]
    return compare(rows, "features", "test_error", against="HOG")


@claim("HOG makes fewer errors than pixels, with every number of digits and under both classifiers.", record="digits")
def _(rows):
    pairs = set(rows[rows["features"] == "HOG"][["top", "examples"]].itertuples(index=False, name=None))
    return len(pairs) == 7 and all(against_hog(rows, top, size).loc["pixels", "low"] > 0 for top, size in pairs)


@claim("with 2,500 and with 8,000 digits the learnt features make fewer errors than HOG.", record="digits")
def _(rows):
    return all(against_hog(rows, "linear", size).loc["learnt", "high"] < 0 for size in (2500, 8000))


@claim("under bent borders HOG makes fewer errors with 500", record="digits")
def _(rows):
    return against_hog(rows, "kernel", 500).loc["learnt", "low"] > 0


@claim(
    "Left to its own last layer, the network makes more errors than HOG with 100 and 500 digits, and fewer with 8,000.",
    record="digits",
)
def _(rows):
    few = (against_hog(rows, "its own", size).loc["learnt", "low"] for size in (100, 500))
    return all(low > 0 for low in few) and against_hog(rows, "its own", 8000).loc["learnt", "high"] < 0
