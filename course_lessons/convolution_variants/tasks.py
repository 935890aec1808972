"""Two tasks that lesson 10 makes up: which pixels does a closed line hold, and which way does a bar walk?"""

from __future__ import annotations

import numpy as np

FRAMES, SIDE, STEPS = 12, 10, 5  # of a clip: its frames, pixels along a side, frames in which the bar is seen


def closed_lines(number: int, seed: int, side: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Pictures with one closed outline and four stray lines, and 1 where a pixel is inside the outline.

    Both are (number, side, side, 1). The outline is a rectangle of 8 to 16 pixels a side, a stray line straight.
    """
    rng = np.random.default_rng([seed, number])
    pictures, inside = np.zeros((2, number, side, side, 1), "float32")
    for picture, answer in zip(pictures[..., 0], inside[..., 0], strict=True):
        height, width = rng.integers(8, 17, 2)
        top, left = rng.integers(0, side - height + 1), rng.integers(0, side - width + 1)
        picture[top : top + height, left : left + width] = 1
        picture[top + 1 : top + height - 1, left + 1 : left + width - 1] = 0
        answer[top + 1 : top + height - 1, left + 1 : left + width - 1] = 1
        for lies in rng.permutation([0, 0, 1, 1]):
            length = rng.integers(6, 17)
            start, line = rng.integers(0, side - length + 1), rng.integers(0, side)
            (picture if lies else picture.T)[line, start : start + length] = 1
        answer[picture == 1] = 0  # a line is not inside
    return pictures, inside


def overlap(answers: np.ndarray, truth: np.ndarray) -> float:
    """Pixels that both call inside, divided by the pixels that either does."""
    said, true = np.asarray(answers) > 0, np.asarray(truth) > 0.5
    return float(np.sum(said & true) / np.sum(said | true))


def clips(number: int, seed: int, starts=range(FRAMES - STEPS + 1)) -> tuple[np.ndarray, np.ndarray]:
    """Clips (number, 12, 10, 10, 1) of noise through which a bar walks, and 1 where it walks to the right.

    The bar is an upright line. It is there for five frames, and moves on by a column with each; the first of them is
    one of `starts`.
    """
    rng = np.random.default_rng([seed, number, *starts])
    pictures = rng.normal(0, 0.3, (number, FRAMES, SIDE, SIDE, 1)).astype("float32")
    to_the_right = rng.integers(0, 2, number)
    for clip, right in zip(pictures, to_the_right, strict=True):
        first, column = rng.choice(starts), rng.integers(0, SIDE - STEPS + 1)
        for step in range(STEPS):
            clip[first + step, :, column + (step if right else STEPS - 1 - step)] += 1
    return pictures, to_the_right.astype("float32")
