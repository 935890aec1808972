"""How fast `course_lib.data.shapes` draws, beside a plain loop that draws one picture at a time.

    python benchmarks/shapes.py

All three make the same thing: a 32x32 colour picture of one of six shapes on one of four grounds, with its mask and
box. The loops draw hard edges with skimage.draw or Pillow; `shapes` softens them. Everything runs on one core.
"""

import os
import time

for library in ("OMP", "OPENBLAS", "MKL"):  # one core, also where a process cannot be pinned to it
    os.environ[f"{library}_NUM_THREADS"] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy as np  # noqa: E402
import skimage.draw  # noqa: E402
import skimage.transform  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402

from course_lib.data import SHAPE_NAMES, shapes  # noqa: E402

SIZE = 32
ROUNDS = 7
NUMBER = 2000


def mask_with_skimage(outline, hole):
    mask = np.zeros((SIZE, SIZE), bool)
    mask[skimage.draw.polygon(*outline, (SIZE, SIZE))] = True
    if hole is not None:
        mask[skimage.draw.polygon(*hole, (SIZE, SIZE))] = False
    return mask


def mask_with_pillow(outline, hole):
    canvas = Image.new("1", (SIZE, SIZE))
    pen = ImageDraw.Draw(canvas)
    pen.polygon([(x, y) for y, x in outline.T.tolist()], fill=1)
    if hole is not None:
        pen.polygon([(x, y) for y, x in hole.T.tolist()], fill=0)
    return np.array(canvas)


def corners(radii, angle, centre):
    """Rows and columns of a polygon whose corners lie at these radii, evenly turned around the centre."""
    turns = angle + 2 * np.pi * np.arange(len(radii)) / len(radii)
    return centre[:, None] + np.asarray(radii) * np.stack([np.sin(turns), np.cos(turns)])


def outline_of(name, radius, angle, centre):
    """The outline of a shape, and of its hole or None."""
    if name == "circle":
        return corners([radius] * 24, angle, centre), None
    if name == "ring":
        return corners([radius] * 24, angle, centre), corners([radius / 2] * 24, angle, centre)
    if name == "square":
        return corners([radius] * 4, angle, centre), None
    if name == "triangle":
        return corners([radius] * 3, angle, centre), None
    if name == "star":
        return corners([radius, 0.382 * radius] * 5, angle, centre), None
    along, aside = radius * 0.95, radius * 0.32  # a cross
    across = [(along, aside), (aside, aside), (aside, along)]
    quarter = np.array(across).T
    turn = np.array([[0, -1], [1, 0]])
    cross = np.concatenate([np.linalg.matrix_power(turn, k) @ quarter for k in range(4)], axis=1)
    spin = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return centre[:, None] + spin @ cross, None


def ground_pattern(kind, rng):
    rows, columns = np.mgrid[:SIZE, :SIZE] / SIZE
    if kind == 2:
        return rng.random((SIZE, SIZE))
    if kind == 3:
        return skimage.transform.resize(rng.random((6, 6)), (SIZE, SIZE), order=1)
    direction, frequency = rng.uniform(0, np.pi), 2 * np.pi * rng.uniform(4, 8)
    one = np.sin(frequency * (np.cos(direction) * columns + np.sin(direction) * rows))
    if kind == 0:
        return 0.5 + 0.5 * one
    other = np.sin(frequency * (np.cos(direction) * rows - np.sin(direction) * columns))
    return np.clip(0.5 + 2 * one * other, 0, 1)


def plain_loop(number, seed, draw_mask):
    """The painter as one would first write it: picture after picture."""
    rng = np.random.default_rng(seed)
    images, masks, boxes = [], [], []
    labels = rng.permutation(np.arange(number) % len(SHAPE_NAMES))
    for label in labels:
        dark, light, paint = rng.random((3, 3))
        image = dark + ground_pattern(rng.integers(4), rng)[..., None] * (light - dark)
        radius = rng.uniform(0.2, 0.35) * SIZE
        centre = rng.uniform(radius, SIZE - radius, 2)
        mask = draw_mask(*outline_of(SHAPE_NAMES[label], radius, rng.uniform(0, 2 * np.pi), centre))
        image[mask] = paint
        rows, columns = np.nonzero(mask)
        boxes.append((rows.min(), columns.min(), rows.max() + 1, columns.max() + 1))
        images.append(image.astype(np.float32))
        masks.append(mask)
    return np.stack(images), labels, np.array(boxes), np.stack(masks)


def images_per_second(draw, number, seed):
    start = time.perf_counter()
    draw(number, seed)
    return number / (time.perf_counter() - start)


def main():
    painters = {
        "course_lib.data.shapes": (shapes, 5 * NUMBER),
        "loop with Pillow": (lambda number, seed: plain_loop(number, seed, mask_with_pillow), NUMBER // 4),
        "loop with skimage.draw": (lambda number, seed: plain_loop(number, seed, mask_with_skimage), NUMBER // 4),
    }
    print(f"{SIZE}x{SIZE} pictures a second on one core, median of {ROUNDS} rounds")
    # In turns, so that a machine busy with something else slows all of them; round 0 only warms up.
    rounds = [
        [images_per_second(draw, number, seed) for draw, number in painters.values()] for seed in range(ROUNDS + 1)
    ]
    speeds = dict(zip(painters, np.median(rounds[1:], axis=0), strict=True))
    fastest = max(speeds.values())
    for name, speed in speeds.items():
        print(f"{name:24} {speed:9,.0f}   {fastest / speed:6.1f} times as long as the fastest")


if __name__ == "__main__":
    main()
