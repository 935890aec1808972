"""Exercises of lesson 24_attention_vit."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import softmax

from course_lib.exercises.spec import exercise

LESSON = "24_attention_vit"


# Several heads, from matrices for all of them


@exercise(lesson=LESSON, points=3, atol=1e-4, rtol=1e-4)
def multi_head(x, w_q, w_k, w_v, w_o, heads):
    width = x.shape[1]
    q, k, v = (np.einsum("td,dhc->htc", x, w.reshape(width, heads, -1)) for w in (w_q, w_k, w_v))
    weights = softmax(np.einsum("hqc,hkc->hqk", q, k) / np.sqrt(width / heads), axis=-1)
    return np.einsum("hqk,hkc,hcd->qd", weights, v, w_o.reshape(heads, -1, width))


multi_head.hints = (
    "One head first: it owns some columns of w_q, w_k and w_v. What does the page's `attention` do with x times these?",
    "Columns h * size to (h + 1) * size, with size = width // heads; the scores are divided by the root of `size`.",
    "Lay the answers of all heads side by side, np.concatenate(..., axis=1), and multiply by w_o.",
)


@multi_head.cases
def _(rng):
    yield rng.normal(size=(2, 2)), *rng.normal(size=(4, 2, 2)), 1
    for tokens, width, heads in ((3, 4, 2), (5, 4, 4), (7, 6, 3), (4, 8, 2)):
        yield rng.normal(size=(tokens, width)), *rng.normal(size=(4, width, width)), heads


def _heads(x, w_q, w_k, w_v, w_o, heads, *, scale=None, axis=-1, split=None):
    """Answers with some of it changed: the factor of the scores, the axis of softmax, how columns become heads."""
    width = x.shape[1]
    split = split or (lambda y: y.reshape(len(x), heads, -1).transpose(1, 0, 2))
    q, k, v = (split(x @ w) for w in (w_q, w_k, w_v))
    scores = q @ k.transpose(0, 2, 1) * ((width / heads) ** -0.5 if scale is None else scale)
    return softmax(scores, axis=axis) @ v  # (heads, tokens, columns)


@multi_head.known_mistakes
def _(x, w_q, w_k, w_v, w_o, heads):
    arguments, (tokens, width) = (x, w_q, w_k, w_v, w_o, heads), x.shape
    size = width // heads

    def joined(mixed):
        return mixed.transpose(1, 0, 2).reshape(tokens, width)

    yield (
        "Divide by the root of what *one head's* keys have, width / heads, not by that of the whole width.",
        joined(_heads(*arguments, scale=width**-0.5)) @ w_o,
    )
    yield "The scores are not divided by the root of the keys' length.", joined(_heads(*arguments, scale=1)) @ w_o
    yield (
        "You multiply the scores by the root. It divides: long keys must not make the look-up hard.",
        joined(_heads(*arguments, scale=size**0.5)) @ w_o,
    )
    yield (
        "You divide by the length of the keys. It is the root of it.",
        joined(_heads(*arguments, scale=1 / size)) @ w_o,
    )
    yield (
        "You divide by the root of the number of heads. It is that of the length of a head's keys, width / heads.",
        joined(_heads(*arguments, scale=heads**-0.5)) @ w_o,
    )
    yield (
        "Your columns add to 1. The weights of each query do: softmax over the keys, the last axis.",
        joined(_heads(*arguments, axis=-2)) @ w_o,
    )
    yield "The last matrix is missing: what the heads say is mixed by w_o.", joined(_heads(*arguments))
    yield (
        "A reshape to (heads, tokens, …) mixes tokens and heads. Split the columns: reshape to (tokens, heads, …) "
        "first, then swap the axes.",
        joined(_heads(*arguments, split=lambda y: y.reshape(heads, tokens, -1))) @ w_o,
    )
    yield (
        "Head h owns columns next to each other, not every heads-th one.",
        joined(_heads(*arguments, split=lambda y: y.reshape(tokens, -1, heads).transpose(2, 0, 1))) @ w_o,
    )
    yield (
        "Before w_o the heads are joined back with tokens and heads mixed up: swap the axes first.",
        _heads(*arguments).reshape(tokens, width) @ w_o,
    )
    yield (
        "Keys and values are exchanged: scores come from queries and keys, the mixture is of values.",
        joined(_heads(x, w_q, w_v, w_k, w_o, heads)) @ w_o,
    )
    yield (
        "Queries and keys are exchanged: row i of the scores holds what token i asks.",
        joined(_heads(x, w_k, w_q, w_v, w_o, heads)) @ w_o,
    )
    yield "The whole width was one head. Each head has its own softmax.", _heads(x, w_q, w_k, w_v, w_o, 1)[0] @ w_o
    yield (
        "The answers are added up as they are. Lay them side by side: each head has its own rows of w_o.",
        np.tile(_heads(*arguments).sum(axis=0), (1, heads)) @ w_o,
    )
    yield "w_o is turned over.", joined(_heads(*arguments)) @ w_o.T


# Patches back to pictures


@exercise(lesson=LESSON, points=2)
def from_patches(patches, height, width, size):
    pictures = np.zeros((len(patches), height, width, patches.shape[-1] // size**2))
    for place in range(patches.shape[1]):
        row, column = divmod(place, width // size)
        piece = patches[:, place].reshape(len(patches), size, size, -1)
        pictures[:, row * size : (row + 1) * size, column * size : (column + 1) * size] = piece
    return pictures


from_patches.hints = (
    "Read patches_of backwards: reshape, swap two axes, reshape.",
    "First reshape to (batch, rows of patches, patches in a row, size, size, channels). Which axes must lie side by "
    "side, so that a reshape can join them to `height`?",
    "Swap axes 2 and 3: (batch, rows of patches, size, patches in a row, size, channels). Then reshape to (batch, "
    "height, width, channels).",
)


@from_patches.cases
def _(rng):
    for batch, rows, columns, size, channels in ((1, 1, 2, 2, 1), (3, 2, 3, 2, 3), (2, 3, 2, 3, 2), (3, 2, 2, 4, 1)):
        numbers = rng.permutation(batch * rows * columns * size**2 * channels).astype(float)
        yield numbers.reshape(batch, rows * columns, -1), rows * size, columns * size, size


@from_patches.known_mistakes
def _(patches, height, width, size):
    batch, rows, columns = len(patches), height // size, width // size
    channels = patches.shape[-1] // size**2
    whole = (batch, height, width, channels)
    pieces = patches.reshape(batch, rows, columns, size, size, channels)
    yield (
        "One reshape makes stripes: the rows of a patch do not lie one behind the other in a picture. Swap axes "
        "between two reshapes.",
        patches.reshape(whole),
    )
    yield (
        "Patches are numbered row by row. You filled column by column.",
        patches.reshape(batch, columns, rows, size, size, channels).transpose(0, 2, 3, 1, 4, 5).reshape(whole),
    )
    yield (
        "Each patch is turned over: its rows became columns.",
        pieces.transpose(0, 1, 4, 2, 3, 5).reshape(whole),
    )
    yield (
        "In a patch the channels of a pixel lie side by side: they are the last axis, not the first.",
        patches.reshape(batch, rows, columns, channels, size, size).transpose(0, 1, 4, 2, 5, 3).reshape(whole),
    )
    yield (
        "Height and width are exchanged.",
        pieces.swapaxes(2, 3).reshape(whole).swapaxes(1, 2),
    )
    yield "The last patch comes first: the order is turned round.", pieces[:, ::-1, ::-1].swapaxes(2, 3).reshape(whole)
    yield (
        "The channels are gone: the last axis has one number for each channel.",
        pieces.swapaxes(2, 3).reshape(whole)[..., 0],
    )
    yield (
        "The pieces are right, but not yet put together to a picture: one more reshape.",
        pieces.swapaxes(2, 3),
    )


# What a ViT multiplies


@exercise(lesson=LESSON, points=3, atol=0, rtol=0)
def vit_multiply_adds(side, patch, width, depth, classes):
    # every matrix product as (rows, inner, columns)
    tokens, last = (side // patch) ** 2 + 1, classes
    products = [((side // patch) ** 2, 3 * patch**2, width), (1, width, last)]
    for _ in range(depth):
        products += [(tokens, width, width)] * 4
        products += [(tokens, width, tokens), (tokens, tokens, width)]
        products += [(tokens, width, 4 * width), (tokens, 4 * width, width)]
    return sum(rows * inner * columns for rows, inner, columns in products)


vit_multiply_adds.hints = (
    "A matrix product (rows, inner) times (inner, columns) takes rows * inner * columns. Write down all of one block.",
    "In a block, for n tokens: four of n * d * d, two of n * n * d, and the MLP's two of n * d * 4d. The heads share "
    "the width, so that their number does not matter.",
    "Outside: each patch (not the class token) times a matrix of patch * patch * 3 by d; and the class token alone "
    "times d by classes.",
)


@vit_multiply_adds.cases
def _(rng):
    yield 4, 2, 2, 1, 3
    yield 224, 16, 768, 12, 1000  # ViT-B/16
    yield 384, 16, 1024, 24, 1000  # ViT-L/16
    yield 224, 16, 384, 12, 1000  # DeiT-S
    patch = int(rng.integers(3, 9))
    yield (
        patch * int(rng.integers(2, 9)),
        patch,
        int(rng.integers(5, 40)),
        int(rng.integers(2, 7)),
        int(rng.integers(2, 50)),
    )


@vit_multiply_adds.known_mistakes
def _(side, patch, width, depth, classes):
    patches = (side // patch) ** 2

    def total(n=patches + 1, embedded=patches, read=1, projections=4, mixing=2, hidden=8, channels=3):
        block = n * projections * width**2 + mixing * n**2 * width + n * hidden * width**2
        return embedded * patch**2 * channels * width + depth * block + read * width * classes

    weights = patch**2 * 3 * width + depth * 12 * width**2 + width * classes
    yield "These are the weights. Each of them works once for *every* token.", weights
    yield "The class token is missing: it goes through every block as well.", total(n=patches)
    yield "The class token is not cut from the picture: it needs no patch matrix.", total(embedded=patches + 1)
    yield "What attention multiplies without weights is missing: the scores, and mixing the values.", total(mixing=0)
    yield "The scores are in, but mixing the values takes as many again.", total(mixing=1)
    yield "There are four matrices in attention: for queries, keys, values and outputs.", total(projections=3)
    yield "The MLP has two matrices: up to four times the width, and down again.", total(hidden=4)
    yield "The classifier reads the class token alone, not every token.", total(read=patches + 1)
    yield "A patch has three channels.", total(channels=1)
    yield "A multiply-add is one step: do not count its product and its sum apart.", 2 * total()
    yield "The classifier is missing: width times classes.", total(read=0)
    yield "The patches have to become tokens first: their matrix is missing.", total(embedded=0)


# How far a head looks


@exercise(lesson=LESSON, points=2)
def attention_distance(weights, columns, patch):
    patches = weights.shape[-1]
    middles = np.array([(patch * (place // columns), patch * (place % columns)) for place in range(patches)], float)
    return np.einsum("phqk,qk->h", weights, cdist(middles, middles)) / (len(weights) * patches)


attention_distance.hints = (
    "Where is patch i? Its row is i // columns, its column i % columns.",
    "A table of distances, (patches, patches): patch * np.hypot(row[:, None] - row, column[:, None] - column).",
    "weights * distances, summed over the last axis, is the expected distance of each asking patch; then the mean over "
    "pictures and asking patches, axes 0 and 2 of what is left.",
)


@attention_distance.cases
def _(rng):
    yield np.array([[[[0.5, 0.5], [0.25, 0.75]]]]), 2, 3
    for pictures, heads, rows, columns, patch in ((2, 3, 2, 3, 4), (3, 2, 3, 2, 7), (2, 4, 1, 4, 5)):
        scores = 2 * rng.normal(size=(pictures, heads, rows * columns, rows * columns))
        yield softmax(scores, axis=-1), columns, patch


@attention_distance.known_mistakes
def _(weights, columns, patch):
    places = np.arange(weights.shape[-1])

    def mean(distances):
        return np.sum(weights * distances, axis=-1).mean(axis=(0, 2))

    row, column = np.divmod(places, columns)
    down, right = row[:, None] - row, column[:, None] - column
    yield "Counted in patches. Each is `patch` pixels wide.", mean(np.hypot(down, right))
    yield (
        "Patches lie in rows and columns; you took them as one long row.",
        mean(patch * np.abs(places[:, None] - places)),
    )
    yield (
        "Rows and columns are exchanged: the row is i // columns, the column i % columns.",
        mean(patch * np.hypot(*(each[:, None] - each for each in np.divmod(places, max(len(places) // columns, 1))))),
    )
    yield (
        "That is the way along rows and columns, the sum. The distance is the root of the squares' sum.",
        mean(patch * (np.abs(down) + np.abs(right))),
    )
    yield "These are squared distances: take the root.", mean(patch**2 * (down**2 + right**2))
    yield (
        "Take each distance once by its weight; the mean over the *asked* patches divides once too often.",
        np.mean(weights * patch * np.hypot(down, right), axis=(0, 2, 3)),
    )
    yield (
        "You add up over the asking patches. It is their mean.",
        mean(patch * np.hypot(down, right)) * len(places),
    )
    yield (
        "A number for each head is asked; you took the mean over the heads, too.",
        np.mean(mean(patch * np.hypot(down, right))),
    )
    yield (
        "The distance is not weighted: each patch counts alike.",
        np.full(weights.shape[1], np.mean(patch * np.hypot(down, right))),
    )
    farthest = patch * np.hypot(down, right)[places, weights.argmax(axis=-1)]
    yield "You took the patch of the largest weight alone. All count, by their weights.", farthest.mean(axis=(0, 2))


# Who may ask whom


@exercise(lesson=LESSON, points=3, atol=0, rtol=0)
def shifted_mask(side, window, shift):
    # Let each token remember where it was. Two of a window may talk if they were less than a window apart.
    was = np.roll(np.arange(side), -shift)
    place = np.stack(np.meshgrid(was, was, indexing="ij"), axis=-1)
    per_row = side // window
    may = np.zeros((per_row**2, window**2, window**2), bool)
    for number in range(per_row**2):
        top, left = window * (number // per_row), window * (number % per_row)
        inside = place[top : top + window, left : left + window].reshape(-1, 2)
        may[number] = np.all(np.abs(inside[:, None] - inside) < window, axis=-1)
    return may


shifted_mask.hints = (
    "Which rows of the rolled map came around the border? The last `shift` ones. The same holds for columns.",
    "Give each token of the rolled map a zone: 0 to 3, from whether its row came around, and its column. Only tokens "
    "of one window and one zone may talk.",
    "Cut the zones into windows as in patches_of, to (windows, window²). Then zones[:, :, None] == zones[:, None, :].",
)


@shifted_mask.cases
def _(rng):
    yield 4, 2, 0
    yield 4, 2, 1
    yield 6, 3, 1
    yield 6, 2, 1
    yield 8, 4, int(rng.integers(1, 4))
    yield 9, 3, 2


@shifted_mask.known_mistakes
def _(side, window, shift):
    per_row = side // window

    def cut(zones, columns_first=False):
        pieces = zones.reshape(per_row, window, per_row, window).swapaxes(1, 2)
        pieces = pieces.swapaxes(0, 1) if columns_first else pieces
        zones = pieces.reshape(-1, window**2)
        return zones[:, :, None] == zones[:, None, :]

    around = (np.arange(side) >= side - shift).astype(int)
    right = cut(2 * around[:, None] + around)
    yield "Everybody may ask everybody. Tokens that came around the border must be kept apart.", np.ones_like(right)
    yield "Turned round: True stands for those who may talk.", ~right
    other = (np.arange(side) < shift).astype(int)
    yield (
        "The map was rolled up and to the left: what came around stands in the *last* rows and columns.",
        cut(2 * other[:, None] + other),
    )
    yield "Only rows are kept apart. Columns came around as well.", cut(2 * around[:, None] + 0 * around)
    yield "Only columns are kept apart. Rows came around as well.", cut(0 * around[:, None] + around)
    yield (
        "Rows that came around and columns that came around are different zones: give them different numbers.",
        cut(around[:, None] + around),
    )
    yield (
        "All that came around shares one zone. Four zones are needed: by row and by column.",
        cut(np.maximum(around[:, None], around)),
    )
    yield (
        "The windows are numbered row by row, not column by column.",
        cut(2 * around[:, None] + around, columns_first=True),
    )
    old = np.roll(np.arange(side), -shift) // window
    yield (
        "Those are the windows before the shift. The shifted ones may talk across them.",
        cut(per_row * old[:, None] + old),
    )
    wrong = (np.arange(side) >= side - window + shift).astype(int)
    yield "The last `shift` rows came around, not the last window - shift.", cut(2 * wrong[:, None] + wrong)
    yield (
        "A number 0 or -inf for each pair? Booleans are asked: True for those who may talk.",
        np.where(right, 0.0, -np.inf),
    )
    yield (
        "A number to add to the scores, 0 or -100? Booleans are asked: True for those who may talk.",
        np.where(right, 0.0, -100.0),
    )
