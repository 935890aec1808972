"""Capital letters as the Mark I Perceptron saw them in 1958: on a retina of 20 by 20 photocells."""

from functools import cache
from pathlib import Path
from string import ascii_uppercase

import numpy as np

from course_lib.data.examples import Examples, balanced_labels

CAPITAL_HEIGHT = 64  # pixels, in the drawings from which all letters are made
CANVAS = 128
AT_ONCE = 2048  # letters drawn together, to bound the memory


def letters(number: int, seed: int = 0, size: int = 20, alphabet: str = ascii_uppercase) -> Examples:
    """Draw `number` capital letters, bright on dark, on a retina of `size` x `size` grey photocells.

    Each is shifted, turned (up to 12 degrees), scaled, drawn with a thinner or thicker stroke, and a little noise is
    added. Letters are balanced (their counts differ by one at most) and in random order; labels are places in
    `alphabet`. The same arguments give the same pictures. `images > 0.5` gives a retina of 0 and 1.

    Raises ValueError if `number` is below 1, `size` below 12, or `alphabet` is not made of different capitals A-Z.

    Origin: drawn with the font DejaVu Sans Mono, which matplotlib ships; its licence leaves pictures of text free.
    """
    if number < 1:
        raise ValueError(f"the number of letters is at least 1, not {number!r}.")
    if size < 12:
        raise ValueError(f"letters need at least 12 pixels, not {size!r}.")
    if not alphabet or len(set(alphabet)) < len(alphabet) or not set(alphabet) <= set(ascii_uppercase):
        raise ValueError(f"an alphabet is different capitals from A to Z, not {alphabet!r}.")
    chance = np.random.default_rng(seed)
    labels = balanced_labels(number, len(alphabet), chance)
    glyphs = np.array([ascii_uppercase.index(letter) for letter in alphabet])[labels]

    images = np.empty((number, size, size), np.float32)
    for start in range(0, number, AT_ONCE):
        some = slice(start, start + AT_ONCE)
        images[some] = _draw(glyphs[some], size, chance)
    return Examples(images[..., None], labels, tuple(alphabet))


def _draw(glyphs: np.ndarray, size: int, chance: np.random.Generator) -> np.ndarray:
    """Draw each glyph once, jittered, shape (batch, size, size)."""
    from scipy.ndimage import map_coordinates

    def jitter(low, high):
        return chance.uniform(low, high, (len(glyphs), 1, 1))

    turn = np.deg2rad(jitter(-12, 12))
    scale = CAPITAL_HEIGHT / (size * jitter(0.55, 0.7))  # pixels of the glyph's drawing per pixel of the retina
    shift_x, shift_y = jitter(-0.07, 0.07), jitter(-0.07, 0.07)  # of the retina's side
    thicker = jitter(-0.005, 0.025) * size  # pixels added all around the stroke

    middles = np.arange(size) + 0.5 - size / 2
    x, y = middles[None, None, :] - shift_x * size, middles[None, :, None] - shift_y * size
    column = scale * (np.cos(turn) * x + np.sin(turn) * y) + CANVAS / 2 - 0.5
    row = scale * (np.cos(turn) * y - np.sin(turn) * x) + CANVAS / 2 - 0.5
    which = np.broadcast_to(glyphs[:, None, None], row.shape)
    inside = map_coordinates(_distances_inside(), [which, row, column], order=1, mode="nearest")
    ink = np.clip(0.5 + inside / scale + thicker, 0, 1)
    return np.clip(ink + chance.normal(0, 0.05, ink.shape), 0, 1)


@cache
def _distances_inside() -> np.ndarray:
    """For A to Z, how far each pixel of a large drawing lies inside the letter (negative outside).

    Distances, unlike grey values, can be read between pixels, at any scale, and a constant added to them makes the
    stroke thicker. Shape (26, CANVAS, CANVAS).
    """
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont
    from scipy.ndimage import distance_transform_edt

    path = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSansMono.ttf")
    font = ImageFont.truetype(str(path), round(CAPITAL_HEIGHT / 0.729))  # its capitals are 0.729 of its size
    distances = []
    for letter in ascii_uppercase:
        canvas = Image.new("L", (CANVAS, CANVAS))
        left, top, right, bottom = font.getbbox(letter)
        corner = ((CANVAS - left - right) / 2, (CANVAS - top - bottom) / 2)
        ImageDraw.Draw(canvas).text(corner, letter, fill=255, font=font)
        ink = np.asarray(canvas) >= 128
        distances.append(distance_transform_edt(ink) - distance_transform_edt(~ink))
    return np.stack(distances).astype(np.float32)
