"""Exercises of lesson 23_squeezenet_compression."""

from __future__ import annotations

import functools
import heapq
import math

import keras
import numpy as np

from course_lessons.squeezenet_compression import codec
from course_lib import data, zoo
from course_lib.architectures.lenet import lenet5
from course_lib.exercises.answer import WrongForm
from course_lib.exercises.spec import exercise

LESSON = "23_squeezenet_compression"


# The parameters of a Fire module


@exercise(lesson=LESSON, points=1)
def fire_parameters(channels, squeeze, expand_1x1, expand_3x3):
    # No formula: the numbers in real kernels are counted, and those in their biases; a test holds this against Keras.
    shapes = [(1, 1, channels, squeeze), (1, 1, squeeze, expand_1x1), (3, 3, squeeze, expand_3x3)]
    return sum(np.empty(shape).size + np.empty(shape[-1]).size for shape in shapes)


fire_parameters.hints = (
    "A Fire module has three convolutions. For each: what does one filter read, and how many filters are there?",
    "The squeeze layer reads `channels` maps. Both expand layers read what the squeeze layer wrote: `squeeze` maps.",
    "(channels + 1) * squeeze + (squeeze + 1) * expand_1x1 + (9 * squeeze + 1) * ...",
)


@fire_parameters.cases
def _(rng):
    yield 5, 2, 3, 4
    yield 7, 3, 2, 1
    yield 96, 16, 64, 64  # fire2
    yield 512, 64, 256, 256  # fire9
    for _ in range(2):
        yield tuple(int(number) for number in rng.permutation(np.arange(11, 60))[:4])


@fire_parameters.known_mistakes
def _(channels, squeeze, expand_1x1, expand_3x3):
    first = (channels + 1) * squeeze
    one, three = (squeeze + 1) * expand_1x1, (9 * squeeze + 1) * expand_3x3
    yield "The biases are missing: one for each filter.", first + one + three - squeeze - expand_1x1 - expand_3x3
    yield (
        "The expand layers read the squeezed maps, not the `channels` maps that came into the module.",
        first + (channels + 1) * expand_1x1 + (9 * channels + 1) * expand_3x3,
    )
    yield "A 3 x 3 filter has nine weights for each map, not three.", first + one + (3 * squeeze + 1) * expand_3x3
    yield "A 3 x 3 filter has nine weights for each map, not one.", first + one + (squeeze + 1) * expand_3x3
    yield (
        "The 3 x 3 layer stands beside the 1 x 1 layer, not behind it: it reads the squeezed maps.",
        first + one + (9 * expand_1x1 + 1) * expand_3x3,
    )
    yield (
        "The two widths are exchanged: the 1 x 1 layer has expand_1x1 filters, the 3 x 3 layer expand_3x3.",
        first + (squeeze + 1) * expand_3x3 + (9 * squeeze + 1) * expand_1x1,
    )
    yield "The squeeze layer has weights, too.", one + three
    yield (
        "Each filter has a bias of its own, not each layer.",
        first + one + three - squeeze - expand_1x1 - expand_3x3 + 3,
    )
    yield "The squeeze layer is 1 x 1 as well: one weight for each map.", (9 * channels + 1) * squeeze + one + three
    yield "The 1 x 1 filters that expand are missing.", first + three
    yield "The 3 x 3 filters that expand are missing.", first + one


# One threshold for all layers


@exercise(lesson=LESSON, points=2)
def keep_largest(kernels, share):
    magnitudes = sorted((abs(float(weight)) for kernel in kernels for weight in np.ravel(kernel)), reverse=True)
    threshold = magnitudes[round(share * len(magnitudes)) - 1]
    return tuple(np.abs(kernel) >= threshold for kernel in kernels)


keep_largest.hints = (
    "Put the magnitudes of all kernels into one long vector: np.concatenate([np.abs(k).ravel() for k in kernels]).",
    "Sort it, largest first. The weight at place round(share * how many) - 1 is the smallest one that stays.",
    "A mask is 1 where np.abs(kernel) >= threshold; give back a list with a mask for each kernel.",
)


@keep_largest.cases
def _(rng):
    yield [np.array([[0.9, -0.1], [0.3, 0.2]]), np.array([[-4.0, 3.0, -2.0, 1.0]])], 0.75
    yield [np.array([1.0, -2.0, 2.0, 0.5]), np.array([2.0, -3.0, 1.0, 0.25])], 0.375  # ties: three twos stay, not two
    yield [rng.normal(size=(3, 4)), 0.1 * rng.normal(size=(2, 2, 3))], 1.0
    yield [rng.normal(size=(4, 3)), rng.normal(size=(3, 2))], 1 / 18  # a single weight
    yield [np.array([0.5, -3.0, 1.0]), np.array([[2.0, -0.1], [4.0, 0.2]])], 0.55  # 3.85 weights: four
    for shapes, share in ((((3, 3, 2, 4), (12, 5)), 0.2), (((20, 4), (4, 10), (10, 2)), 0.7)):
        scales = 10.0 ** rng.permutation(len(shapes))  # layers of very different scale
        kernels = [scale * rng.normal(size=shape) for shape, scale in zip(shapes, scales, strict=True)]
        kernels[0][0] = -np.abs(kernels[0][0]) - scales.max()  # giants, all of them negative
        yield kernels, share


@keep_largest.known_mistakes
def _(kernels, share):
    joined = np.concatenate([np.ravel(kernel) for kernel in kernels])
    sizes = np.sort(np.abs(joined))[::-1]
    threshold = sizes[round(share * len(sizes)) - 1]

    def masks(keeps):
        return tuple(keeps(kernel) for kernel in kernels)

    def own(kernel):
        return np.abs(kernel) >= np.sort(np.abs(kernel), axis=None)[::-1][max(round(share * kernel.size), 1) - 1]

    yield "You take a threshold for each kernel. One threshold, over all weights together, is asked for.", masks(own)
    signed = np.sort(joined)[::-1][round(share * len(joined)) - 1]
    yield (
        "Large negative weights count as much as large positive ones: compare magnitudes.",
        masks(lambda kernel: kernel >= signed),
    )
    small = sizes[::-1][round(share * len(sizes)) - 1]
    yield "You keep the smallest weights. The largest stay.", masks(lambda kernel: np.abs(kernel) <= small)
    dropped = sizes[max(round((1 - share) * len(sizes)), 1) - 1]
    yield "`share` is what is kept, not what is cut.", masks(lambda kernel: np.abs(kernel) >= dropped)
    yield "Weights equal to the threshold stay, too: >=, not >.", masks(lambda kernel: np.abs(kernel) > threshold)
    yield (
        "These are the weights that are left. Masks are asked for: 1 where a weight stays, 0 where it goes.",
        masks(lambda kernel: np.where(np.abs(kernel) >= threshold, kernel, 0)),
    )
    yield "It is the other way round: 1 where a weight stays.", masks(lambda kernel: np.abs(kernel) < threshold)
    yield (
        "`share` is a share of the number of weights, not of the largest magnitude.",
        masks(lambda kernel: np.abs(kernel) >= (1 - share) * sizes[0]),
    )


# The slope of a shared weight


@exercise(lesson=LESSON, points=2)
def codebook_gradient(gradient, codes, entries):
    # The slope of sum(book[codes] * gradient) by each entry, as a difference: it is linear, so a step of 1 is exact.
    return [float(np.sum((codes == entry) * gradient, dtype="float64")) for entry in range(entries)]


codebook_gradient.hints = (
    "A step of one entry moves every weight that uses it. What does the chain rule do with several ways to the loss?",
    "It adds them: the slope of an entry is the sum of `gradient` over all places whose code is that entry.",
    "np.bincount counts how often each code occurs; its arguments `weights` and `minlength` do the rest. It wants flat "
    "arrays.",
)


@codebook_gradient.cases
def _(rng):
    yield np.array([1.0, 10.0, 100.0]), np.array([1, 0, 1]), 2
    yield np.array([[2.0, -1.0], [4.0, 8.0]]), np.array([[0, 2], [2, 2]]), 4  # nobody uses entries 1 and 3
    yield rng.normal(size=(2, 3)), np.zeros((2, 3), int), 1
    for shape, entries in (((3, 3, 2, 4), 4), ((10, 6), 16)):
        codes = rng.integers(entries - 1, size=shape)  # the last is used by nobody
        yield rng.normal(size=shape), codes, entries


@codebook_gradient.known_mistakes
def _(gradient, codes, entries):
    flat, places = np.ravel(gradient), np.ravel(codes)
    sums = np.bincount(places, flat, minlength=entries)
    counts = np.bincount(places, minlength=entries)
    yield "Slopes of shared weights add up; you took their mean.", sums / np.maximum(counts, 1)
    last = np.zeros(entries)
    last[places] += flat
    yield (
        "`slopes[codes] += gradient` keeps one place for each code and forgets the others: use np.add.at or "
        "np.bincount.",
        last,
    )
    yield "An entry that nobody uses has the slope 0, not nan.", np.where(counts > 0, sums, np.nan)
    yield (
        "An entry that nobody uses has the slope 0; give back `entries` numbers.",
        np.bincount(places, flat)[: max(places) + 1],
    )
    yield "These are the numbers of weights that share each entry. Add their slopes.", counts
    yield "These are slopes for every weight. One for each entry is asked for.", sums[codes]
    yield "Magnitudes are not asked for: slopes of unlike signs cancel.", np.bincount(
        places, np.abs(flat), minlength=entries
    )
    yield "Kernel and codes must be flattened in the same order.", np.bincount(
        places, np.ravel(gradient, order="F"), minlength=entries
    )
    yield "Divide by nothing: the slope of an entry is the sum of the slopes of its weights.", sums / flat.size


# The length of the best prefix code


@exercise(lesson=LESSON, points=3)
def huffman_bits(counts):
    heap = [count for count in counts if count > 0]
    if len(heap) == 1:
        return heap[0]
    heapq.heapify(heap)
    total = 0
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        total += merged
        heapq.heappush(heap, merged)
    return total


huffman_bits.hints = (
    "Each merge makes the codes of all symbols below it one bit longer. How many bits does that add to the message?",
    "As many as the merged counts: the answer is the sum of all sums that you write into the tree.",
    "While two are left: sort, take the two smallest out, add their sum to the total, put the sum back. Drop zeros "
    "first; a symbol that is alone takes one bit each time.",
)


@huffman_bits.cases
def _(rng):
    yield ([9],)
    yield ([0, 6, 0],)
    yield ([3, 1],)
    yield ([4, 4, 4, 4],)
    yield ([1, 1, 2, 3, 5, 8, 13],)  # a deep tree
    yield ([0, 7, 0, 2, 5, 5],)
    yield ([20, 6, 6, 6, 5],)
    yield ([15, 7, 6, 6, 5],)  # halves from the top down take 89 bits, merging takes 87
    for number in (6, 12):
        yield (rng.integers(1, 60, size=number).tolist(),)


@huffman_bits.known_mistakes
def _(counts):
    some = [count for count in counts if count > 0]
    whole = sum(some)
    shannon = [count * max(1, math.ceil(-math.log2(count / whole))) for count in some]
    yield (
        "That is Shannon's older code, with ceil(-log2 share) bits for each symbol. Merging does better.",
        sum(shannon),
    )
    yield (
        "All codes have the same length here. Frequent symbols should have shorter ones.",
        whole * max(1, math.ceil(math.log2(len(some)))),
    )
    yield (
        "That is what the entropy allows, and no code of whole bits can go below it; merge the two smallest again and "
        "again.",
        -sum(count * math.log2(count / whole) for count in some),
    )
    yield "You merge the two largest. The two smallest get the longest codes.", _merged(some, largest=True)
    yield (
        "These are the bits if each next count is merged with the sum just made. Put the sum back among the counts, "
        "and take the two smallest again.",
        _chain(some),
    )
    yield (
        "These are the bits of Fano's older code, which halves the counts from the top down. Merge from the bottom up.",
        _halved(sorted(some, reverse=True)) if len(some) > 1 else whole,
    )
    yield "The last merge, of the whole tree, costs a bit for every symbol, too.", max(_merged(some) - whole, 0)
    yield "A symbol that is alone still takes one bit each time.", _merged(some) if len(some) > 1 else 0
    yield "A symbol that never occurs needs no code: drop the zeros before you merge.", _merged(list(counts))
    yield "That is the mean length. All bits of the message are asked for.", _merged(some) / whole


def _merged(counts, largest=False):
    left, total = sorted(counts), 0
    if len(left) == 1:
        return left[0]
    while len(left) > 1:
        one = left.pop() if largest else left.pop(0)
        other = left.pop() if largest else left.pop(0)
        total += one + other
        left = sorted([*left, one + other])
    return total


def _chain(counts):
    """Smallest first, each on top of what was merged before."""
    left = sorted(counts)
    if len(left) == 1:
        return left[0]
    return sum(sum(left[: number + 1]) for number in range(1, len(left)))


def _halved(falling):
    """Fano's: cut the falling counts where both parts are nearest to equal, and each part again."""
    if len(falling) == 1:
        return 0
    place = min(range(1, len(falling)), key=lambda place: abs(sum(falling[:place]) - sum(falling[place:])))
    return sum(falling) + _halved(falling[:place]) + _halved(falling[place:])


# A real network


LIMIT, LOST, RIGHT = 20_000, 4, 443  # RIGHT: of the test digits, as the zoo ships it; a test counts again


def _model_and_digits():
    """A LeNet-5 to carry weights, and the 450 test digits of the zoo's one."""
    return lenet5((28, 28, 1), padding="same", activation="relu"), data.digits(size=28).test


_test = functools.cache(_model_and_digits)  # one network is enough for all answers


def _read(weights):
    """How many test digits a LeNet-5 with these weights reads, once they have been through half precision."""
    model, test = _test()
    model.set_weights([array.astype("float16") for array in weights])
    return int(np.sum(keras.ops.convert_to_numpy(model(test.images)).argmax(axis=1) == test.labels))


@exercise(lesson=LESSON, points=4)
def squeeze(_weights):
    return True, True


squeeze.results = (f"Packed into less than {LIMIT:,} bytes", f"At most {LOST} test digits lost")
squeeze.hints = (
    "Vectors (array.ndim of 1) stay as they are. Kernels are cut and shared: both functions stand on this page.",
    "array * largest(array, share) cuts, share_weights(array, bits) shares. len(codec.pack(arrays)) is the size.",
    "Try shares from 0.3 to 0.7 in steps of 0.05, with 3, 4 and 5 bits each. Of those whose file is small enough, "
    "take the one that reads most of data.digits(size=28).train.",
)


@squeeze.cases
def _(rng):
    yield (zoo.load("digits_lenet").get_weights(),)


@squeeze.probe
def _(squeeze, _weights):
    answer = squeeze([array.copy() for array in _weights])  # what goes wrong in there is told as it is
    if answer is None:
        raise WrongForm("It returned None. Is a `return` missing?")
    try:
        arrays = [np.asarray(array, "float32") for array in answer]
    except (TypeError, ValueError):
        raise WrongForm("A list of arrays is asked for, one for each array that was given.") from None
    found, shapes = [array.shape for array in arrays], [array.shape for array in _weights]
    if found != shapes:
        raise WrongForm(f"The arrays should keep their shapes, {shapes}; yours have {found}.")
    if not all(np.isfinite(array).all() for array in arrays):
        raise WrongForm("Some weights are not finite.")
    # What codec.unpack would read is what was packed, in half precision; to unpack takes longer than to run.
    return len(codec.pack(arrays)) < LIMIT, RIGHT - _read(arrays) <= LOST


def _changed(change):
    """A function that changes all kernels so."""
    return lambda weights: [change(array) if array.ndim > 1 else array for array in weights]


def _largest(array, share):
    return array * (np.abs(array) >= np.quantile(np.abs(array), 1 - share))


@squeeze.known_mistakes
def _():
    yield (
        "The file is still too large. Cut more weights, or let the rest share fewer values.",
        lambda: _changed(lambda array: _largest(array, 0.5)),
    )
    yield (
        "The file is small enough, but the network has forgotten too much: keep more weights, or more bits.",
        lambda: _changed(lambda array: _largest(array, 0.05)),
    )
    yield "The file is too large, and too many digits are lost.", lambda: _changed(lambda array: array[..., ::-1])
