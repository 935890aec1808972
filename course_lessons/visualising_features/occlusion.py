"""Occlusion: hide a part of the image, and watch the answer (Zeiler and Fergus, 2013). Lesson 26."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from course_lib.explain.network import AT_ONCE, check_image, check_labels, logits, outputs, softmax


@dataclass(frozen=True)
class Occlusion:
    """What the network answers when a square is hidden, for every place of the square.

    label, before: the class that is watched, and its probability when nothing is hidden
    probability: (rows, columns), of that class
    most_probable: int (rows, columns), the class that wins
    tops, lefts: int (rows,) and (columns,), where the square begins
    drop: (height, width): how far the probability falls, on average over all squares that hide this pixel; not below 0
    """

    label: int
    before: float
    probability: np.ndarray
    most_probable: np.ndarray
    tops: np.ndarray
    lefts: np.ndarray
    drop: np.ndarray


def occlusion(
    model: keras.Model, image, label: int | None = None, *, size: int = 8, stride: int = 2, fill=0.5
) -> Occlusion:
    """Hide a square of `size` pixels, at every `stride`-th place and up to the last that fits.

    image: (height, width, channels); label: None for the class that the network predicts; fill: a grey, or a value for
    each channel. Raises ValueError if the square does not fit in.
    """
    images = check_image(model, image)
    (label,) = check_labels(model, images, label)
    (whole,) = images
    height, width = whole.shape[:2]
    if not (1 <= size <= min(height, width) and stride >= 1):
        raise ValueError(
            f"size must be from 1 to {min(height, width)}, stride at least 1; not {size!r} and {stride!r}."
        )
    tops, lefts = _starts(height, size, stride), _starts(width, size, stride)
    network = logits(model)
    before = softmax(outputs(network, images))[0, label]

    places = [(top, left) for top in tops for left in lefts]
    answers = []
    for start in range(0, len(places), AT_ONCE):
        some = places[start : start + AT_ONCE]
        hidden = np.repeat(images, AT_ONCE if len(places) > AT_ONCE else len(some), axis=0)  # always of the same shape
        for picture, (top, left) in zip(hidden, some, strict=False):
            picture[top : top + size, left : left + size] = fill
        answers.append(softmax(outputs(network, hidden))[: len(some)])
    answers = np.concatenate(answers).reshape(len(tops), len(lefts), -1)

    probability = answers[..., label]
    falls, times = np.zeros((2, height, width))
    for (top, left), now in zip(places, probability.ravel(), strict=True):
        falls[top : top + size, left : left + size] += before - now
        times[top : top + size, left : left + size] += 1
    drop = np.maximum(falls / np.maximum(times, 1), 0)
    return Occlusion(int(label), float(before), probability, answers.argmax(axis=-1), tops, lefts, drop)


def _starts(length: int, size: int, stride: int) -> np.ndarray:
    """0, stride, 2 stride, …, and the last place where the square still fits."""
    return np.unique([*range(0, length - size + 1, stride), length - size])
