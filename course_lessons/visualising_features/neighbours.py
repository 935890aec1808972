"""Neighbours in the space of pixels and of features, and what a flat map keeps of distances. Lesson 26.

For the trustworthiness of a map there is `sklearn.manifold.trustworthiness`.
"""

from __future__ import annotations

import numpy as np


def nearest(features, queries, k: int = 5) -> np.ndarray:
    """The k rows of `features` nearest to each query, nearest first: int (queries, k). Euclidean; images are flattened.

    Raises ValueError unless k is from 1 to the number of rows.
    """
    from sklearn.neighbors import NearestNeighbors

    features, queries = _rows(features), _rows(queries)
    _check_k(k, len(features))
    return NearestNeighbors(n_neighbors=k).fit(features).kneighbors(queries, return_distance=False)


def label_agreement(features, labels, k: int = 5) -> float:
    """The share of every row's k nearest neighbours, itself excluded, that have its label: their purity.

    Raises ValueError unless k is from 1 to one less than the number of rows, and there is a label for each.
    """
    from sklearn.neighbors import NearestNeighbors

    features, labels = _rows(features), np.asarray(labels)
    if labels.shape != (len(features),):
        raise ValueError(f"labels are one for each of the {len(features)} rows, not of shape {labels.shape}.")
    _check_k(k, len(features) - 1)
    neighbours = NearestNeighbors(n_neighbors=k).fit(features).kneighbors(return_distance=False)
    return float(np.mean(labels[neighbours] == labels[:, None]))


def rank_correlation(points, embedded) -> float:
    """Spearman's correlation of all pairwise distances before and after: 1 if a map keeps their order.

    points: (n, …), flattened; embedded: (n, dimensions). For many points give a sample: there are n (n - 1) / 2 pairs.
    """
    from scipy.spatial.distance import pdist
    from scipy.stats import spearmanr

    points, embedded = _rows(points), _rows(embedded)
    if len(points) != len(embedded) or len(points) < 3:
        raise ValueError(f"Both need the same number of points, at least 3: {len(points)} and {len(embedded)}.")
    return float(spearmanr(pdist(points), pdist(embedded)).statistic)


def _rows(array) -> np.ndarray:
    array = np.asarray(array)
    if array.ndim < 2:
        raise ValueError(f"features are (number, …), at least two axes, not of shape {array.shape}.")
    return array.reshape(len(array), -1)


def _check_k(k: int, most: int) -> None:
    if not 1 <= k <= most:
        raise ValueError(f"k must be from 1 to {most}, not {k!r}.")
