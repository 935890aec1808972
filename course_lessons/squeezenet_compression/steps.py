"""The steps of lesson 23 as its page writes them, for its long experiments and for tests."""

from __future__ import annotations

import keras
import numpy as np


class Mask(keras.constraints.Constraint):
    """After each step of training, the weights that were cut are 0 again."""

    def __init__(self, mask):
        self.mask = mask

    def __call__(self, kernel):
        return kernel * self.mask


def largest(kernel: np.ndarray, share: float) -> np.ndarray:
    """A mask: 1 for the largest `share` of the weights by magnitude, 0 for the others."""
    return (np.abs(kernel) >= np.quantile(np.abs(kernel), 1 - share)).astype("float32")


def cut(kernel: np.ndarray, share: float) -> np.ndarray:
    """The kernel with all but its largest weights 0."""
    return kernel * largest(kernel, share)


def share_weights(kernel: np.ndarray, bits: int, turns: int = 40) -> np.ndarray:
    """The kernel with 2**bits different values at most, beside 0: k-means on a line."""
    kept = kernel[kernel != 0]
    number = min(2**bits, len(np.unique(kept)))
    means = np.linspace(kept.min(), kept.max(), number)
    for _ in range(turns):
        codes = np.searchsorted((means[1:] + means[:-1]) / 2, kept)
        counts = np.bincount(codes, minlength=number)
        sums = np.bincount(codes, kept, minlength=number)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), means)
    shared = np.zeros_like(kernel)
    shared[kernel != 0] = means[codes].astype("float16")  # the file keeps means in half precision
    return shared


def low_rank(matrix: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """The two factors of the nearest matrix of this rank, by least squares of its entries."""
    left, stretches, right = np.linalg.svd(matrix, full_matrices=False)
    return left[:, :rank] * stretches[:rank], right[:rank]
