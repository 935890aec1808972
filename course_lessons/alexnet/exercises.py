"""Exercises of lesson 18_alexnet."""

from __future__ import annotations

import functools

import numpy as np
from scipy import ndimage, special

from course_lib.data import mnist_5k, photos
from course_lib.exercises.spec import exercise

LESSON = "18_alexnet"


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


# Ten cuts


@exercise(lesson=LESSON, points=2)
def ten_cuts(image, side):
    """By indices: for each cut its rows and its columns; mirrored, the columns run backwards."""
    height, width = image.shape[:2]
    bottom, right, along = height - side, width - side, np.arange(side)
    corners = ((0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2))
    return np.stack([image[np.ix_(top + along, left + way)] for way in (along, along[::-1]) for top, left in corners])


ten_cuts.hints = (
    "The top row of a cut is 0, height - side, or half of that; and so for the left column, with the width.",
    "image[top : top + side, left : left + side] is one cut. Collect five, in the order asked for, in one array.",
    "Mirrored left to right: cuts[:, :, ::-1]. np.concatenate puts these five behind the first five.",
)


@functools.cache
def _real_pictures():
    """Photos by name, and digits."""
    return photos(), mnist_5k().test.images


@ten_cuts.cases
def _(rng):
    real, written = _real_pictures()
    yield np.arange(1.0, 13.0).reshape(3, 4, 1), 2
    yield real["cat"][100:118, 100:125], 12
    yield written[int(rng.integers(len(written)))], 25
    photo = real[str(rng.choice(["astronaut", "coffee", "flower"]))]
    top, left = rng.integers(0, 300, 2)
    for height, width, side in ((13, 20, 10), (21, 14, 8)):
        yield photo[top : top + height, left : left + width], side


@ten_cuts.known_mistakes
def _(image, side):
    bottom, right = (size - side for size in image.shape[:2])
    four = ((0, 0), (0, right), (bottom, 0), (bottom, right))
    middle = (bottom // 2, right // 2)

    def cut(corners, picture=image):
        return np.array([picture[top : top + side, left : left + side] for top, left in corners])

    five = cut((*four, middle))
    mirrored = five[:, :, ::-1]
    yield "The five mirrored cuts are missing: ten are asked for.", five
    yield "These are upside down. Left and right change places: mirror the columns.", np.append(five, five[:, ::-1], 0)
    yield (
        "Each cut stands beside its mirror image. First come the five cuts, then the five mirrored ones.",
        np.stack([five, mirrored], 1).reshape(10, *five.shape[1:]),
    )
    yield (
        "You mirrored the photo and cut again, so that its top left shows what was top right. Mirror the cuts.",
        np.append(five, cut((*four, middle), image[:, ::-1]), 0),
    )
    first = cut((middle, *four))
    yield "The middle comes last of its five, not first.", np.append(first, first[:, :, ::-1], 0)
    down = cut(((0, 0), (bottom, 0), (0, right), (bottom, right), middle))
    yield (
        "The order of the corners differs: top left, top right, then bottom left, bottom right.",
        np.append(down, down[:, :, ::-1], 0),
    )
    late = cut((*four, (-(-bottom // 2), -(-right // 2))))
    yield (
        "Your middle lies too far down or to the right: divide by 2 and round down.",
        np.append(late, late[:, :, ::-1], 0),
    )
    yield "The channels are in another order: leave the last axis alone.", np.append(five, mirrored[..., ::-1], 0)


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
