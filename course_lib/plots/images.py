"""Images on axes: one, framed, or many maps on one sheet."""

from __future__ import annotations

import numpy as np

from course_lib.plots import GREY


def draw_image(axes, image: np.ndarray, cmap: str = "gray") -> None:
    """An image `(height, width)` or `(height, width, 1 or 3)` of values from 0 to 1, cut off beyond, in a frame."""
    axes.imshow(np.clip(np.squeeze(image), 0, 1), cmap=cmap, vmin=0, vmax=1, interpolation="nearest")
    frame(axes)


def frame(axes, visible: bool = True) -> None:
    """A thin line around a picture, or nothing; no ticks."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=visible, color=GREY, linewidth=0.8)


def tile(maps: np.ndarray) -> np.ndarray:
    """Maps `(height, width, maps)` side by side in rows, a line of nothing (NaN) between them."""
    height, width, number = maps.shape
    columns = int(np.ceil(np.sqrt(number)))
    rows = -(-number // columns)
    gap = max(1, height // 10)
    values = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for place in range(number):
        top, left = (place // columns) * (height + gap), (place % columns) * (width + gap)
        values[top : top + height, left : left + width] = maps[:, :, place]
    return values


def broken(words: str, longest: int = 14) -> str:
    """Over several lines, if it is long."""
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + len(word) >= longest:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
