"""Coloured shapes on textured grounds: pictures of which everything is known, as many as a lesson wants.

Geometry is in units of the picture's side, so a seed gives the same scene at every size. Each shape is a function
that says how far a point lies outside it; all shapes have the same area, so that the amount of paint, like its
colour, says nothing about the class.
"""

import math
from dataclasses import dataclass

import numpy as np

from course_lib.data.examples import Examples, balanced_labels

COLOUR_NAMES = ("red", "yellow", "green", "cyan", "blue", "magenta")  # hues 60 degrees apart, in this order
SMALLEST, LARGEST = 0.16, 0.23  # radius of the disc that has the area of the shape
AT_ONCE = 128  # pictures painted together: few enough to stay in the processor's cache


@dataclass(frozen=True, eq=False, repr=False)
class ShapeExamples(Examples):
    """Examples of drawn shapes, with all that the painter knew.

    boxes: int64, shape (batch, 4): top, left, bottom, right in pixels, counted from the top left corner; bottom and
        right are one past the shape, so `image[top:bottom, left:right]` holds it tightly
    masks: bool, shape (batch, height, width): the pixels with paint of the shape on them, edge pixels included
    colours: int64, shape (batch,), places in `COLOUR_NAMES`
    grounds: int64, shape (batch,), places in `GROUND_NAMES`
    """

    boxes: np.ndarray
    masks: np.ndarray
    colours: np.ndarray
    grounds: np.ndarray


def shapes(number: int, seed: int = 0, size: int = 32, grounds=None) -> ShapeExamples:
    """Draw `number` coloured shapes on textured grounds, `size` x `size` pixels: class, box and mask are known.

    Class, colour, ground, scale, rotation and place (where the whole shape fits) are drawn independently of one
    another; classes are balanced (their counts differ by one at most) and in random order. The same arguments give
    the same pictures.

    grounds: None for a random one each; or a name from `GROUND_NAMES` for all; or one name or place in
        `GROUND_NAMES` for each picture. The choice changes nothing but the ground, so a set can be swapped to
        other grounds: `biased = shapes(n, seed=1, grounds=shapes(n, seed=1).labels % 4)`.

    Raises ValueError if `number` is below 1, `size` below 16, or `grounds` names what does not exist.

    Origin: drawn by this function; no licence needed.
    """
    if number < 1:
        raise ValueError(f"the number of shapes is at least 1, not {number!r}.")
    if size < 16:
        raise ValueError(f"shapes need pictures of at least 16 pixels, not {size!r}.")
    chance = np.random.default_rng(seed)  # shapes draw from it first, so that other grounds do not move them
    labels = balanced_labels(number, len(SHAPE_NAMES), chance)
    colours = chance.integers(len(COLOUR_NAMES), size=number)
    poses = _poses(labels, chance)
    paints = _paints(colours, chance)
    grounds = _ground_places(grounds, number, chance)

    images = np.empty((number, size, size, 3), np.float32)
    masks = np.empty((number, size, size), bool)
    for start in range(0, number, AT_ONCE):
        some = slice(start, start + AT_ONCE)
        ground, dark, light = _draw_grounds(grounds[some], size, chance)
        coverage = _coverage(labels[some], poses[some], size)
        masks[some] = coverage > 0
        for channel in range(3):
            tone = dark[:, channel] + ground * (light - dark)[:, channel]
            images[some, ..., channel] = (1 - coverage) * tone + coverage * paints[some, channel, None, None]
    return ShapeExamples(images, labels, SHAPE_NAMES, _tight_boxes(masks), masks, colours, grounds)


def _tight_boxes(masks: np.ndarray) -> np.ndarray:
    """The tight boxes (top, left, bottom, right) of masks (batch, height, width), none of them empty."""
    edges = []
    for line in masks.any(axis=2), masks.any(axis=1):
        edges.append((line.argmax(axis=1), line.shape[1] - line[:, ::-1].argmax(axis=1)))
    (top, bottom), (left, right) = edges
    return np.stack([top, left, bottom, right], axis=1).astype(np.int64)


# The shapes. Each function takes points (x, y), in radii of a disc of the same area, and returns how far they lie
# outside the shape: negative inside, 0 on the edge. Near the edge, where it matters, the distance is exact.


def _circle(x, y):
    return np.hypot(x, y) - 1


def _ring(x, y):
    outer = math.sqrt(4 / 3)  # with a hole of half its radius, the area is pi
    return np.abs(np.hypot(x, y) - 0.75 * outer) - 0.25 * outer


def _square(x, y):
    return np.maximum(np.abs(x), np.abs(y)) - math.sqrt(math.pi) / 2


def _cross(x, y):
    reach = math.sqrt(9 * math.pi / 20)  # two bars, three times as long as wide
    x, y = np.abs(x), np.abs(y)
    return np.maximum(np.maximum(x, y) - reach, np.minimum(x, y) - reach / 3)


def _triangle(x, y):
    farthest, _ = _two_farthest(x, y, lines=3)  # inside all three edges
    return farthest - math.sqrt(math.pi / math.sqrt(27))


def _star(x, y):
    _, second = _two_farthest(x, y, lines=5)  # a pentagram: inside at least four of its five lines
    return second - 0.5170


def _two_farthest(x, y, lines):
    """The largest and second largest of the distances along `lines` directions, evenly spread."""
    farthest = np.full_like(x, -np.inf)
    second = farthest
    for line in range(lines):
        angle = 2 * math.pi * line / lines
        along = math.cos(angle) * x + math.sin(angle) * y
        second = np.maximum(second, np.minimum(farthest, along))
        farthest = np.maximum(farthest, along)
    return farthest, second


# For each shape its distance and its reach, the radius of the circle around it.
_SHAPES = {
    "circle": (_circle, 1.0),
    "square": (_square, 1.2533),
    "triangle": (_triangle, 1.5551),
    "cross": (_cross, 1.2533),
    "star": (_star, 1.6730),
    "ring": (_ring, 1.1547),
}
SHAPE_NAMES = tuple(_SHAPES)


def _poses(labels: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Radius, rotation, centre x and centre y of each shape, such that it lies wholly inside the picture."""
    number = len(labels)
    radius = chance.uniform(SMALLEST, LARGEST, number)
    rotation = chance.uniform(0, 2 * np.pi, number)
    margin = radius * np.array([reach for _, reach in _SHAPES.values()])[labels]
    x, y = margin + chance.random((2, number)) * (1 - 2 * margin)
    return np.stack([radius, rotation, x, y], axis=1).astype(np.float32)


def _coverage(labels: np.ndarray, poses: np.ndarray, size: int) -> np.ndarray:
    """How much of each pixel the shape covers, 0 to 1, shape (batch, size, size)."""
    radius, rotation, centre_x, centre_y = poses.T[..., None, None]
    middles = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = middles[None, None, :] - centre_x, middles[None, :, None] - centre_y
    cosine, sine = np.cos(rotation) / radius, np.sin(rotation) / radius
    x, y = cosine * x + sine * y, cosine * y - sine * x

    distance = np.empty_like(x)
    for label, (outside, _) in enumerate(_SHAPES.values()):
        own = labels == label
        distance[own] = outside(x[own], y[own])
    coverage = np.clip(0.5 - distance * radius * size, 0, 1)
    return np.rint(coverage * 8) / 8  # in eighths: a pixel has visible paint or none


def _paints(colours: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """A vivid red, green and blue for each named colour, varied a little, shape (batch, 3)."""
    hue = colours / 6 + chance.uniform(-0.03, 0.03, len(colours))
    saturation = chance.uniform(0.75, 1, len(colours))
    value = chance.uniform(0.85, 1, len(colours))
    return _from_hue(hue, saturation, value)


def _from_hue(hue, saturation, value) -> np.ndarray:
    """Hue, saturation and value (each 0 to 1, shape (batch,)) to red, green and blue, shape (batch, 3)."""
    sixth = (np.array([5, 3, 1]) + 6 * hue[:, None]) % 6
    dip = np.clip(np.minimum(sixth, 4 - sixth), 0, 1)
    return (value[:, None] * (1 - saturation[:, None] * dip)).astype(np.float32)


# The grounds. Each function paints patterns from 0 (dark tone) to 1 (light tone), shape (number, size, size).


def _stripes(number, size, chance):
    return 0.5 + 0.5 * np.sin(_waves(number, size, chance)[0])


def _checks(number, size, chance):
    one, other = _waves(number, size, chance)
    return np.clip(0.5 + 2 * np.sin(one) * np.sin(other), 0, 1)


def _speckle(number, size, chance):
    return chance.random((number, size, size), np.float32)


def _clouds(number, size, chance):
    coarse = chance.random((number, 6, 6), np.float32)
    # Blending neighbours of a coarse grid, by rows and by columns, is a matrix product on each side.
    place = np.linspace(0, 5, size, dtype=np.float32)
    blend = np.clip(1 - np.abs(place[:, None] - np.arange(6, dtype=np.float32)), 0, 1)
    return blend @ coarse @ blend.T


def _waves(number, size, chance):
    """Phases of two waves at right angles, with random direction and wavelength."""
    direction = chance.uniform(0, np.pi, (number, 1, 1)).astype(np.float32)
    frequency = 2 * np.pi * chance.uniform(4, 8, (number, 1, 1)).astype(np.float32)
    phase = chance.uniform(0, 2 * np.pi, (number, 1, 1)).astype(np.float32)
    middles = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = middles[None, None, :], middles[None, :, None]
    cosine, sine = frequency * np.cos(direction), frequency * np.sin(direction)
    return cosine * x + sine * y + phase, cosine * y - sine * x + phase


_GROUNDS = {"stripes": _stripes, "checks": _checks, "speckle": _speckle, "clouds": _clouds}
GROUND_NAMES = tuple(_GROUNDS)


def _draw_grounds(grounds: np.ndarray, size: int, chance: np.random.Generator):
    """Patterns (batch, size, size), and the dark and the light tone (batch, 3, 1, 1) that they mix."""
    number = len(grounds)
    pattern = np.empty((number, size, size), np.float32)
    for place, draw in enumerate(_GROUNDS.values()):
        own = grounds == place
        pattern[own] = draw(own.sum(), size, chance)
    # Pale tones of one hue, so that the shape is the only vivid thing in the picture.
    hue, saturation = chance.random(number), chance.uniform(0.05, 0.3, number)
    dark = _from_hue(hue, saturation, chance.uniform(0.15, 0.4, number))
    light = _from_hue(hue, saturation, chance.uniform(0.55, 0.8, number))
    return pattern, dark[..., None, None], light[..., None, None]


def _ground_places(grounds, number: int, chance: np.random.Generator) -> np.ndarray:
    """One place in GROUND_NAMES for each picture, from what `shapes` accepts as `grounds`."""
    drawn = chance.integers(len(GROUND_NAMES), size=number)  # even if not used: what follows is then the same
    if grounds is None:
        return drawn
    known = {name: place for place, name in enumerate(GROUND_NAMES)} | {place: place for place in range(len(_GROUNDS))}
    chosen = np.atleast_1d(grounds).tolist()
    if len(chosen) not in (1, number):
        raise ValueError(f"grounds are one for all or one for each of {number} pictures, not {len(chosen)}.")
    for ground in chosen:
        if ground not in known:
            raise ValueError(f"there is no ground {ground!r}; there are {', '.join(GROUND_NAMES)} (or 0 to 3).")
    return np.resize(np.array([known[ground] for ground in chosen], np.int64), number)
