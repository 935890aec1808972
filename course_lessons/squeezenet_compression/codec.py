"""A file for squeezed networks: which weights are kept, which mean each one shares, all in Huffman codes.

    content = pack(model.get_weights())      # bytes
    model.set_weights(unpack(content))       # exactly what was packed, as far as half precision goes

Vectors (biases) are written in half precision. A kernel with at most 256 different values beside 0 becomes a *book* of
these values and a code for each weight; any other kernel is written in half precision. Zeros are left out, and each
weight that is kept says how many zeros lie before it, counted through all kernels.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Iterable, Sequence

import numpy as np

VECTOR, PLAIN, SHARED = 0, 1, 2  # how an array is written
FAR = 255  # this symbol says: so many zeros, and then no weight


def pack(arrays: Iterable[np.ndarray]) -> bytes:
    """The bytes of a file that holds these arrays."""
    return b"".join(content for _, content in _sections(arrays))


def parts(arrays: Iterable[np.ndarray]) -> dict[str, int]:
    """How many bytes of `pack` go to what."""
    sizes = dict.fromkeys(("weights", "addresses", "books and tables", "biases", "shapes"), 0)
    for name, content in _sections(arrays):
        sizes[name] += len(content)
    return sizes


def _sections(arrays):
    arrays = [np.asarray(array, "float32") for array in arrays]
    books = [np.unique(array[array != 0]) for array in arrays]
    kinds = [
        VECTOR if array.ndim < 2 else SHARED if 0 < len(book) <= 256 else PLAIN
        for array, book in zip(arrays, books, strict=True)
    ]
    kernels = np.concatenate([np.zeros(0), *(array.ravel() for array in arrays if array.ndim > 1)])
    sparse = bool((kernels == 0).any())
    yield "shapes", struct.pack("<BB", len(arrays), sparse)
    for array, kind in zip(arrays, kinds, strict=True):
        yield "shapes", struct.pack(f"<BB{array.ndim}H", kind, array.ndim, *array.shape)
    if sparse:
        table, stream = encode(_gaps(np.flatnonzero(kernels)))
        yield "books and tables", table
        yield "addresses", stream
    for array, kind, book in zip(arrays, kinds, books, strict=True):
        kept = array.ravel()
        if sparse and kind != VECTOR:
            kept = kept[kept != 0]
        if kind == SHARED:
            table, stream = encode(np.searchsorted(book, kept))
            yield "books and tables", struct.pack("<H", len(book)) + book.astype("<f2").tobytes() + table
            yield "weights", stream
        else:
            yield "biases" if kind == VECTOR else "weights", struct.pack("<I", len(kept)) + kept.astype("<f2").tobytes()


def _gaps(places: np.ndarray) -> np.ndarray:
    """Zeros before each kept weight; a long row of them is cut into pieces of FAR."""
    zeros = np.diff(places, prepend=-1) - 1
    pieces = zeros // FAR
    symbols = np.full(len(zeros) + pieces.sum(), FAR)
    symbols[np.arange(len(zeros)) + np.cumsum(pieces)] = zeros % FAR
    return symbols


def unpack(content: bytes) -> list[np.ndarray]:
    """The arrays in a file that `pack` made, float32."""
    reader = _Reader(content)
    number, sparse = reader.take("<BB")
    kinds, shapes = [], []
    for _ in range(number):
        kind, rank = reader.take("<BB")
        kinds.append(kind)
        shapes.append(reader.take(f"<{rank}H"))
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape, kind in zip(shapes, kinds, strict=True) if kind != VECTOR)])
    places = np.arange(ends[-1])
    if sparse:
        symbols = np.array(reader.symbols(), int)
        steps = np.cumsum(symbols + (symbols < FAR))
        places = steps[symbols < FAR] - 1
    kernels = np.zeros(ends[-1], "float32")
    found, layer = [], 0
    for kind, shape in zip(kinds, shapes, strict=True):
        if kind == SHARED:
            book = reader.halves(reader.take("<H")[0])
            values = book[reader.symbols()]
        else:
            values = reader.halves(reader.take("<I")[0])
        if kind != VECTOR:
            first, end = ends[layer : layer + 2]
            kernels[places[(first <= places) & (places < end)]] = values
            values, layer = kernels[first:end], layer + 1
        found.append(values.reshape(shape))
    return found


class _Reader:
    """Bytes, read from front to back."""

    def __init__(self, content: bytes):
        self.content, self.place = content, 0

    def take(self, form: str) -> tuple[int, ...]:
        found = struct.unpack_from(form, self.content, self.place)
        self.place += struct.calcsize(form)
        return found

    def halves(self, number: int) -> np.ndarray:
        found = np.frombuffer(self.content, "<f2", number, self.place)
        self.place += 2 * number
        return found.astype("float32")

    def symbols(self) -> list[int]:
        number, size = self.take("<IH")
        lengths = self.take(f"<{size}B")
        symbol_of = {code: symbol for symbol, code in codes(lengths).items()}
        bits = np.unpackbits(np.frombuffer(self.content, "u1", offset=self.place)).tobytes().translate(_TO_TEXT)
        found, start, end = [], 0, 0
        while len(found) < number:
            end += 1
            symbol = symbol_of.get(bits[start:end])
            if symbol is not None:
                found.append(symbol)
                start = end
        self.place += -(-end // 8)
        return found


# Huffman codes

_TO_TEXT = bytes([48, 49, *range(2, 256)])  # the bits 0 and 1 as the letters "0" and "1"


def encode(symbols: Sequence[int]) -> tuple[bytes, bytes]:
    """The table (how many symbols, and the length of each code) and the bits of these symbols, in whole bytes."""
    symbols = np.asarray(symbols, int)
    lengths = huffman(np.bincount(symbols).tolist())
    code = codes(lengths)
    bits = np.frombuffer(b"".join(code[symbol] for symbol in symbols.tolist()), "u1") - 48
    return struct.pack(f"<IH{len(lengths)}B", len(symbols), len(lengths), *lengths), np.packbits(bits).tobytes()


def huffman(counts: Sequence[int]) -> list[int]:
    """The bits of each symbol in a best prefix code; 0 for a symbol that never occurs, 1 for one that is alone."""
    lengths = [0] * len(counts)
    heap = [(count, symbol, [symbol]) for symbol, count in enumerate(counts) if count > 0]
    heapq.heapify(heap)
    if len(heap) == 1:
        lengths[heap[0][1]] = 1
    while len(heap) > 1:
        first, second = heapq.heappop(heap), heapq.heappop(heap)
        members = first[2] + second[2]
        for symbol in members:
            lengths[symbol] += 1
        heapq.heappush(heap, (first[0] + second[0], min(members), members))
    return lengths


def codes(lengths: Sequence[int]) -> dict[int, bytes]:
    """Symbol -> its code, of the letters 0 and 1: the lengths alone fix them, shorter ones first."""
    found, number, before = {}, 0, 0
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(lengths) if length):
        number <<= length - before
        found[symbol], before = format(number, f"0{length}b").encode(), length
        number += 1
    return found
