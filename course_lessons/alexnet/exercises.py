"""Exercises of lesson 18_alexnet."""

from __future__ import annotations

import numpy as np
from scipy import ndimage, special

from course_lib.exercises.spec import exercise

LESSON = "18_alexnet"


# Sides of the maps


@exercise(lesson=LESSON, points=1)
def sides(side, stages):
    """Counted, not computed: slide the window over the padded side until it falls off."""
    found = []
    for kernel_size, strides, padding in stages:
        side = sum(1 for first in range(0, side + 2 * padding, strides) if first + kernel_size <= side + 2 * padding)
        found.append(side)
    return np.array(found)


sides.hints = (
    "The window starts at 0 and moves by `strides`. Its last start is the padded side less the kernel_size.",
    "(side + 2 * padding - kernel_size) // strides + 1 counts the starts; // leaves out a step that does not fit.",
    "Each stage reads what the one before it gives: overwrite `side` in a loop, and collect the results in a list.",
)


@sides.cases
def _(rng):
    yield 11, [(3, 2, 1), (5, 1, 1)]
    yield 227, [(11, 4, 0), (3, 2, 0), (5, 1, 2), (3, 2, 0)]
    yield 224, [(11, 4, 0), (3, 2, 0), (5, 1, 2), (3, 2, 0)]
    yield 224, [(11, 4, 2), (3, 2, 0)]
    for _ in range(2):
        yield int(rng.integers(60, 90)), [(int(rng.integers(3, 8)), int(rng.integers(2, 4)), 1) for _ in range(2)]


@sides.known_mistakes
def _(side, stages):
    def chained(one):
        found = [side]
        for stage in stages:
            found.append(one(found[-1], *stage))
        return found[1:]

    yield (
        "One is missing: the window also stands at its start, so there is one place more than there are steps.",
        chained(lambda n, k, s, p: (n + 2 * p - k) // s),
    )
    yield (
        "A step that does not fit is no step: round down, with // and not with ceil.",
        chained(lambda n, k, s, p: -((k - n - 2 * p) // s) + 1),
    )
    yield (
        "The result is not whole. The window either fits or it does not: divide with //.",
        chained(lambda n, k, s, p: (n + 2 * p - k) / s + 1),
    )
    yield "There are zeros on both sides: add 2 * padding.", chained(lambda n, k, s, p: (n + p - k) // s + 1)
    yield (
        "The padding is missing: it makes the side longer, by `padding` at each end.",
        chained(lambda n, k, s, p: (n - k) // s + 1),
    )
    yield (
        "The list begins behind the first stage: the side of the picture itself is not in it.",
        [side, *chained(lambda n, k, s, p: (n + 2 * p - k) // s + 1)],
    )
    yield (
        "Every stage reads the output of the one before it, not the picture.",
        [(side + 2 * p - k) // s + 1 for k, s, p in stages],
    )


# Convolution in groups


@exercise(lesson=LESSON, points=1)
def grouped_parameters(kernel_size, channels, filters, groups):
    """Counted by what each filter reads: one filter after the other."""
    total, share = 0, channels // groups
    for _ in range(filters):
        total += len(range(kernel_size)) ** 2 * share + 1
    return total


grouped_parameters.hints = (
    "Look at one filter. How many channels does it read when the channels are dealt out to the groups?",
    "It has kernel_size * kernel_size * (channels // groups) weights, and one bias.",
    "There are still `filters` filters in all: the groups share them out, they do not make them fewer.",
)


@grouped_parameters.cases
def _(rng):
    yield 3, 12, 6, 2
    yield 5, 96, 256, 2
    yield 1, 12, 8, 4
    yield 3, 384, 256, 1
    groups = int(rng.integers(3, 6))
    yield int(rng.choice([3, 5, 7])), groups * int(rng.integers(6, 12)), groups * int(rng.integers(2, 9)), groups


@grouped_parameters.known_mistakes
def _(kernel_size, channels, filters, groups):
    window = kernel_size**2 * channels
    yield "The groups are not used: a filter reads only the channels of its own group.", filters * (window + 1)
    yield (
        "That is one group. There are `filters` filters in all groups together.",
        filters // groups * (window // groups + 1),
    )
    yield "The biases are missing: one for each filter, however many groups there are.", filters * window // groups
    yield (
        "You divided everything by `groups`. Only the channels that a filter reads get fewer: the filters stay, "
        "each with its bias.",
        filters * (window + 1) // groups,
    )
    yield (
        "`filters` counts those of all groups together; you gave so many to each group.",
        groups * filters * (window // groups + 1),
    )
    yield "Each filter has a bias of its own, not each group.", filters * window // groups + groups
    yield (
        "A filter reads the channels of one group, channels // groups of them, and not `groups` channels.",
        filters * (kernel_size**2 * groups + 1),
    )
    yield (
        "A kernel has kernel_size rows and kernel_size columns: square it.",
        filters * (kernel_size * channels // groups + 1),
    )


# Local response normalisation


@exercise(lesson=LESSON, points=3, atol=1e-5, rtol=1e-4)
def response_normalization(maps, size, bias, alpha, beta):
    energy = ndimage.convolve1d(maps.astype(float) ** 2, np.ones(size), axis=-1, mode="constant")
    return maps / (bias + alpha * energy) ** beta


response_normalization.hints = (
    "Square the maps, and put size // 2 maps of zeros before the first and behind the last: np.pad on the last axis.",
    "The sum over the neighbours is then a sum of `size` slices, padded[..., first : first + channels].",
    "Divide maps by (bias + alpha * energy) ** beta. Places do not mix: only the last axis does.",
)


@response_normalization.cases
def _(rng):
    yield np.array([[[[1.0, 2.0, 3.0]]]]), 3, 1.0, 0.5, 1.0
    for shape, size in (((1, 3, 3, 4), 3), ((2, 5, 4, 7), 5), ((2, 4, 6, 8), 3), ((1, 6, 7, 9), 7)):
        maps = rng.normal(0, 2, shape)
        yield maps, size, rng.uniform(0.5, 2), rng.uniform(0.1, 0.5), rng.uniform(0.5, 0.9)


@response_normalization.known_mistakes
def _(maps, size, bias, alpha, beta):
    def windows(values, size=size, axis=-1, mode="constant"):
        return ndimage.convolve1d(values, np.ones(size), axis=axis, mode=mode)

    def divided(energy, beta=beta):
        return maps / (bias + alpha * energy) ** beta

    squares = maps**2
    yield (
        "Your window slides over the places of each map. The neighbours are other maps at the same place: the last "
        "axis.",
        divided(windows(windows(squares, axis=1), axis=2)),
    )
    yield (
        "You divided alpha by the size of the window, as some frameworks do. In the paper alpha multiplies the sum "
        "itself.",
        divided(windows(squares) / size),
    )
    yield (
        "The sum is of the values themselves. An energy is a sum of squares: maps ** 2.",
        divided(windows(np.abs(maps))),
    )
    yield (
        "Your window reaches `size` maps to each side. `size` is the whole window, with the own map in the middle.",
        divided(windows(squares, 2 * size + 1)),
    )
    yield (
        "The last map of each window is missing: the neighbours reach equally far to both sides.",
        divided(windows(squares, size - 1)),
    )
    yield "The own map belongs to its window, too: you summed the neighbours only.", divided(windows(squares) - squares)
    yield (
        "The first and last maps see each other: your window wraps around. Pad with zeros.",
        divided(windows(squares, mode="wrap")),
    )
    yield (
        "You summed over all maps. Only `size` of them count, with the own map in the middle.",
        divided(squares.sum(axis=-1, keepdims=True)),
    )
    yield "The exponent beta is missing.", divided(windows(squares), beta=1)


# Top-k error


@exercise(lesson=LESSON, points=2)
def top_k_error(scores, labels, k):
    """Counted by rank: the place of the right class is the number of classes that score higher."""
    right = scores[np.arange(len(labels)), labels]
    return np.mean((scores > right[:, None]).sum(axis=1) >= k)


top_k_error.hints = (
    "A picture counts as right if its class is among the k with the highest scores, in whatever order.",
    "np.argsort(scores, axis=1)[:, -k:] gives the k best classes of each picture; argsort counts upwards.",
    "(best == labels[:, None]).any(axis=1) tells who is right. The error is 1 minus the mean of that.",
)


@top_k_error.cases
def _(rng):
    yield np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.2, 0.3, 0.5]]), np.array([1, 0, 2]), 2
    for classes, k, numbers in ((6, 2, (5, 2, 1, 3)), (10, 3, (4, 3, 1, 5)), (26, 5, (6, 1, 3, 2))):
        # So many pictures with the right class in places 1, k, k + 1 and last that every slip counts other pictures.
        ranks = rng.permutation(np.repeat([0, k - 1, k, classes - 1], numbers))
        scores = rng.normal(0, 1, (len(ranks), classes))  # some below 0
        yield scores, np.argsort(-scores, axis=1)[np.arange(len(ranks)), ranks], k
    yield special.softmax(rng.normal(0, 1, (9, 7)), axis=1), rng.integers(7, size=9), 1


@top_k_error.known_mistakes
def _(scores, labels, k):
    def error(first, last):  # when the places `first` to `last` of the best classes count
        chosen = np.argsort(-scores, axis=1)[:, first:last]
        return 1 - np.mean((chosen == labels[:, None]).any(axis=1))

    yield "This is the share that is right. The error is 1 minus that.", 1 - error(0, k)
    yield "You took the k lowest scores: argsort counts upwards, so the best stand at the end.", error(-k, None)
    yield "You look at the class in place k only. It may also be in any place before that.", error(k - 1, k)
    yield "This is the top-1 error: k is not used.", error(0, 1)
    yield "You allow k + 1 guesses.", error(0, k + 1)
    yield "This counts the pictures that are wrong; divide by their number.", len(labels) * error(0, k)


# The vote of several networks


@exercise(lesson=LESSON, points=2)
def ensemble(logits):
    total = np.zeros(logits.shape[1:])
    for member in logits:
        total += special.softmax(member, axis=1) / len(logits)
    return total


ensemble.hints = (
    "First turn the logits of each network into probabilities, then average over the networks.",
    "The classes are the last axis: softmax(logits) works along it, for all networks and examples at once.",
    "softmax(logits).mean(axis=0): the networks are the first axis.",
)


@ensemble.cases
def _(rng):
    yield (np.array([[[2.0, 0.0], [1.0, 1.5]], [[0.0, 4.0], [0.5, -1.0]], [[1.0, 0.0], [3.0, 2.0]]]),)
    for members, examples, classes in ((2, 3, 4), (3, 2, 3), (7, 5, 10)):
        yield (rng.normal(0, 2, (members, examples, classes)),)


@ensemble.known_mistakes
def _(logits):
    shares = special.softmax(logits, axis=-1)
    yield (
        "You averaged the logits. Each network has its say in probabilities: first softmax, then the mean.",
        special.softmax(logits.mean(axis=0), axis=1),
    )
    yield (
        "These are averaged logits: they do not sum to 1. Take the softmax of each network first.",
        logits.mean(axis=0),
    )
    yield (
        "You counted votes for the best class. Average the probabilities: a network in doubt says so in them.",
        np.eye(logits.shape[-1])[logits.argmax(axis=-1)].mean(axis=0),
    )
    yield "That is the sum over the networks; divide by their number, so that each row sums to 1.", shares.sum(axis=0)
    yield (
        "The softmax runs over the networks. It must run over the classes, the last axis.",
        special.softmax(logits, axis=0).mean(axis=0),
    )
    yield (
        "The softmax runs over the pictures. It must run over the classes, the last axis.",
        special.softmax(logits, axis=1).mean(axis=0),
    )
    yield (
        "You averaged over the examples. Each example keeps its own row; average over the networks, axis 0.",
        shares.mean(axis=1),
    )
