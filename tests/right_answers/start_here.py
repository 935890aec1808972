"""Right answers to the exercises of the first lesson."""

import math
from fractions import Fraction

import numpy as np

from right_answers import right


@right("share_right")
def share_in_a_loop(answers, labels):
    right_ones = 0
    for answer, label in zip(answers, labels, strict=True):
        if answer == label:
            right_ones += 1
    return right_ones / len(labels)


@right("share_right")
def share_from_what_is_wrong(answers, labels):
    return 1 - np.count_nonzero(answers - labels) / labels.size


@right("share_right")
def share_by_keras(answers, labels):
    import keras

    return keras.ops.mean(keras.ops.cast(keras.ops.equal(answers, labels), "float32"))


@right("with_negatives")
def negatives_in_loops(pictures, labels):
    both, names = list(pictures), list(labels)
    for picture, label in zip(pictures, labels, strict=True):
        both.append([[[1 - value for value in pixel] for pixel in row] for row in picture])
        names.append(label)
    return both, names


@right("with_negatives")
def negatives_by_the_distance_to_one(pictures, labels):
    return np.vstack([pictures, np.abs(pictures - 1)]), np.tile(labels, 2)


@right("with_negatives")
def negatives_in_keras(pictures, labels):
    from keras import ops

    return ops.concatenate([pictures, 1.0 - ops.convert_to_tensor(pictures)]), ops.concatenate([labels, labels])


@right("top_k_error")
def top_k_with_partition(scores, labels, k):
    if k == scores.shape[1]:
        return 0.0
    guesses = np.argpartition(-scores, k, axis=1)[:, :k]
    return np.mean([label not in row for label, row in zip(labels, guesses, strict=True)])


@right("top_k_error")
def top_k_by_counting_what_is_better(scores, labels, k):
    own = scores[np.arange(len(labels)), labels]
    return ((scores > own[:, None]).sum(axis=1) >= k).mean()


@right("top_k_error")
def top_k_in_loops(scores, labels, k):
    missed = 0
    for row, label in zip(scores, labels, strict=True):
        best = sorted(range(len(row)), key=lambda place, row=row: row[place], reverse=True)[:k]
        missed += label not in best
    return missed / len(labels)


@right("machines_needed")
def machines_in_fractions(multiply_adds, examples, passes, per_second, days):
    return math.ceil(Fraction(3 * multiply_adds * examples * passes, per_second * 86_400 * days))


@right("machines_needed")
def machines_by_whole_division(multiply_adds, examples, passes, per_second, days):
    work, one = 3 * multiply_adds * examples * passes, per_second * 60 * 60 * 24 * days
    return work // one + (work % one > 0)


@right("machines_needed")
def machines_by_the_days_of_one(multiply_adds, examples, passes, per_second, days):
    seconds = 3 * multiply_adds / per_second * examples * passes
    return np.ceil(round(seconds / 86_400 / days, 9))
