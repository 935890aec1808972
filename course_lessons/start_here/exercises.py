"""Exercises of lesson 00_start_here."""

from __future__ import annotations

import functools
from fractions import Fraction

import numpy as np
from scipy import stats

from course_lib.exercises.spec import exercise

LESSON = "00_start_here"


# How many are right


@exercise(lesson=LESSON, points=1)
def share_right(answers, labels):
    from sklearn.metrics import accuracy_score

    return accuracy_score(labels, answers)


share_right.hints = (
    "answers == labels compares them one by one: True where they agree.",
    "True counts as 1 and False as 0, so the mean of these is the share of answers that are right.",
    "return np.mean(answers == labels)",
)


@share_right.cases
def _(rng):
    yield np.array([4, 9, 4]), np.array([4, 4, 4])
    yield np.array([3, 5, 8]), np.array([5, 3, 8])  # the same mean
    for number, right in ((5, 4), (10, 3), (30, 21)):
        labels = rng.integers(0, 10, number)
        wrong = np.arange(number) >= right
        yield np.where(wrong, (labels + rng.integers(1, 10, number)) % 10, labels), labels


@share_right.known_mistakes
def _(answers, labels):
    right = answers == labels
    yield "You counted the right answers. The share is their number divided by how many answers there are.", right.sum()
    yield "That is the share of wrong answers. Count those that agree with their label.", np.mean(~right)
    yield "You counted the wrong answers. The share of the right ones is asked for.", np.sum(~right)
    yield "That is in per cent. A share goes from 0 to 1.", 100 * np.mean(right)
    yield "That says of each answer whether it is right. Their mean is the share.", right
    yield "You ask whether all answers are right. The share of those that are is asked for.", float(right.all())
    yield "You compare the means. Compare each answer with its own label.", float(np.mean(answers) == np.mean(labels))
    yield (
        "That is how far the answers are from the labels. A 3 is as wrong for a 4 as a 9 is.",
        np.mean(np.abs(answers - labels)),
    )


# Ink and paper swapped


@exercise(lesson=LESSON, points=2)
def with_negatives(pictures, labels):
    from skimage.util import invert

    negatives = [invert(picture) for picture in pictures]
    return np.array([*pictures, *negatives]), np.array([*labels, *labels])


with_negatives.results = ("The pictures", "The labels")
with_negatives.hints = (
    "A pixel is 0 where there is paper and 1 where there is ink. What turns 0 into 1 and 1 into 0?",
    "1 - pictures are the negatives. np.concatenate([a, b]) puts the pictures of b behind those of a.",
    "The labels must stay with their pictures: np.concatenate([labels, labels]). Return both, pictures first.",
)


@functools.cache
def _digits():
    from course_lib import data

    return data.mnist_5k().train


@with_negatives.cases
def _(rng):
    yield np.array([[[[0.0], [1.0]], [[0.25], [0.0]]]]), np.array([7])
    yield rng.random((3, 2, 3, 1)), np.array([2, 5, 6])
    yield rng.random((2, 4, 3, 1)), np.array([0, 8])
    some = rng.choice(len(_digits()), 6, replace=False)
    yield _digits().images[some], _digits().labels[some]


@with_negatives.known_mistakes
def _(pictures, labels):
    negatives, twice = 1 - pictures, np.concatenate([labels, labels])
    both = np.concatenate([pictures, negatives])
    yield (
        "No pixel of a negative is below 0: 0 must become 1 and 1 must become 0.",
        (
            np.concatenate([pictures, -pictures]),
            twice,
        ),
    )
    yield (
        "Pixels go from 0 to 1 here, not to 255: 1 - pictures is the negative.",
        (
            np.concatenate([pictures, 255 - pictures]),
            twice,
        ),
    )
    yield "The pictures themselves are missing: they come first, their negatives behind them.", (negatives, labels)
    yield (
        "The other way round: first the pictures, then their negatives.",
        (
            np.concatenate([negatives, pictures]),
            twice,
        ),
    )
    yield "Twice as many pictures need twice as many labels: the labels once more.", (both, labels)
    yield (
        "Each negative needs the label of its picture: all labels, then all labels again.",
        (
            both,
            np.repeat(labels, 2),
        ),
    )
    yield (
        "Only the pictures change. The negative of a 4 is still a 4: its label stays as it is.",
        (
            both,
            np.concatenate([labels, 9 - labels]),
        ),
    )
    yield (
        "You put each negative behind its own picture. All pictures come first, then all negatives.",
        (
            np.stack([pictures, negatives], axis=1).reshape(both.shape),
            np.repeat(labels, 2),
        ),
    )
    yield (
        "These are mirror images. In a negative every pixel stays in its place; ink becomes paper.",
        (
            np.concatenate([pictures, pictures[:, :, ::-1]]),
            twice,
        ),
    )
    yield "The labels are missing: return the pictures and the labels, `pictures, labels`.", both
    yield (
        "These are the same pictures twice. Turn the second lot into negatives.",
        (
            np.concatenate([pictures, pictures]),
            twice,
        ),
    )
    yield (
        "You put the negatives beside or below the pictures. They are examples of their own: join along axis 0.",
        (
            np.concatenate([pictures, negatives], axis=1),
            labels,
        ),
    )


# Five guesses


@exercise(lesson=LESSON, points=2)
def top_k_error(scores, labels, k):
    places = stats.rankdata(-scores, axis=1)  # 1 for the best
    return np.mean([place[label] > k for place, label in zip(places, labels, strict=True)])


top_k_error.hints = (
    "np.argsort(scores, axis=1) gives for each example the classes from the worst score to the best.",
    "Its last k columns are the k guesses: [:, -k:]. Is the label among them?",
    "found = (guesses == labels[:, None]).any(axis=1) is True where it is. The error is the share where it is not.",
)


@top_k_error.cases
def _(rng):
    yield np.array([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3]]), np.array([1, 1]), 1
    for examples, classes, k, wrong in ((5, 4, 2, 2), (8, 6, 1, 3), (9, 7, 5, 4), (1, 5, 2, 1), (6, 3, 3, 0)):
        scores = rng.permuted(np.tile(np.arange(classes, dtype=float), (examples, 1)), axis=1)
        scores += rng.uniform(-0.3, 0.3, scores.shape) - classes / 2  # scores may be negative
        order = np.argsort(-scores, axis=1)
        places = np.arange(examples) % k  # right at the first, the second, ... guess
        places[:wrong] = rng.integers(k, classes, wrong) if wrong else places[:0]
        places = rng.permutation(places)
        yield scores, order[np.arange(examples), places], k


@top_k_error.known_mistakes
def _(scores, labels, k):
    best = np.argsort(-scores, axis=1)

    def missed(guesses):
        return np.mean(~(guesses == labels[:, None]).any(axis=1))

    right = missed(best[:, :k])
    yield "That is the share found among the k. The error is the share that is *not* among them.", 1 - right
    yield "You took the k worst guesses. The best scores are the largest.", missed(best[:, -k:])
    yield "You looked at the k-th guess alone. Any of the first k counts.", missed(best[:, k - 1 : k])
    yield "That is the error of one guess. The label may be among the first k.", missed(best[:, :1])
    yield "That is in per cent. A share goes from 0 to 1.", 100 * right
    yield "You counted the misses. Divide by how many examples there are.", round(right * len(labels))
    yield (
        "You sorted the scores and compared them with labels. Their places are needed: np.argsort gives them.",
        missed(-np.sort(-scores, axis=1)[:, :k]),
    )
    yield "One guess too many: k of them count.", missed(best[:, : k + 1])
    yield "You took five guesses. k says how many count, and it need not be 5.", missed(best[:, :5])
    yield (
        "You took the mean over all guesses. First ask of each example whether its label is among them: any(axis=1).",
        1 - np.mean(best[:, :k] == labels[:, None]),
    )
    yield "One guess too few: k of them count.", missed(best[:, : max(k - 1, 0)])
    yield "You sorted down the examples. Each row is one example: axis=1.", _down(scores, labels, k)


def _down(scores, labels, k):
    """Sorted along the wrong axis; where that cannot even be compared, the error of no guess at all."""
    order = np.argsort(-scores, axis=0)[:, :k]
    return np.mean(~(order == labels[:, None]).any(axis=1))


# How many machines


_DAY = 24 * 60 * 60


@exercise(lesson=LESSON, points=2)
def machines_needed(multiply_adds, examples, passes, per_second, days):
    work = Fraction(3 * multiply_adds * examples * passes)
    machines = work / (per_second * _DAY * days)
    return -(-machines.numerator // machines.denominator)


machines_needed.hints = (
    "First the work: learning from one example costs three times its multiply-adds; count all examples, every pass.",
    "What one machine does in the time: per_second times the seconds of a day, 24 * 60 * 60, times the days.",
    "Divide the work by that and round up: math.ceil, for what is left over needs a machine, too.",
)


@machines_needed.cases
def _(rng):
    yield 1_000_000, 86_400, 2, 2_000_000, 1  # exactly 3 * 1e6 * 86400 * 2 / (2e6 * 86400) = 3
    yield 2_000_000, 86_400, 4, 1_000_000, 3  # exactly 8
    yield 1000, 500, 3, 1_000_000, 2  # one has hardly anything to do
    for beyond in (0.15, 0.65, 0.15):
        per_second, days = int(rng.integers(200, 900)), int(rng.integers(2, 9))
        examples, passes = int(rng.integers(20, 60)) * 1000, int(rng.integers(4, 9))
        machines = int(rng.integers(400, 900)) + beyond + rng.uniform(0, 0.2)
        yield round(machines * per_second * _DAY * days / (3 * examples * passes)), examples, passes, per_second, days
    yield 724_406_816, 1_281_167, 90, 10_000_000_000, 7


@machines_needed.known_mistakes
def _(multiply_adds, examples, passes, per_second, days):
    def machines(work=3, seconds=_DAY, days=days, passes=passes, examples=examples):
        return Fraction(work * multiply_adds * examples * passes) / (per_second * seconds * days)

    def up(number):
        return -(-number.numerator // number.denominator)

    exact = machines()
    yield (
        "Learning from an example costs about three times as much as an answer: the 3 is missing.",
        up(machines(work=1)),
    )
    yield "Forward once and backward about twice makes three, not two.", up(machines(work=2))
    yield "Rounded down, some work is left over at the end. It needs a machine, too: round up.", exact.__floor__()
    yield (
        "Rounded to the nearest, too few may come out. What is left over needs a machine: round up.",
        int(exact + Fraction(1, 2)),
    )
    yield (
        "Always one more than rounded down is too many where it divides exactly. Use math.ceil.",
        exact.__floor__() + 1,
    )
    yield "A whole number of machines is asked for: round up.", float(exact)
    yield "A day has 24 * 60 * 60 = 86,400 seconds.", up(machines(seconds=24))
    yield "You took an hour for a day: it has 24 * 60 * 60 = 86,400 seconds.", up(machines(seconds=3600))
    yield "Every pass shows all examples once more: the passes are missing.", up(machines(passes=1))
    yield "All examples are learnt from, not one: their number is missing.", up(machines(examples=1))
    yield "The seconds of a day are missing: 24 * 60 * 60 = 86,400.", up(machines(seconds=1))
    yield "You took the minutes of a day. It has 24 * 60 * 60 = 86,400 seconds.", up(machines(seconds=24 * 60))
    yield "More days need fewer machines: divide by the days, too. Are there brackets missing?", up(exact * days * days)
    yield "The days are missing: so many machines finish in one day, or one in so many days.", up(machines(days=1))
