"""Scenes with several shapes; boxes on a grid, overlap, suppression and average precision, as lesson 25 builds them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lessons.transfer_applications.geometry import overlaps
from course_lib import data

FIRST, STEP, SIDE = 10, 8, 6  # of shapes_zfnet's relu5: unit (r, c) of 6 x 6 looks at the pixel (10 + 8 r, 10 + 8 c)
USUAL = 24  # pixels, of a box
NONE = -1  # the label of a place in the table that holds no object


@dataclass(frozen=True, eq=False)
class Scenes:
    """Pictures of 64 x 64 with one to five shapes that do not touch.

    images: (batch, 64, 64, 3); boxes: (batch, 5, 4), top, left, bottom, right; labels: (batch, 5), NONE where no shape
    """

    images: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.images)


def scenes(number: int, seed: int, tries: int = 5) -> Scenes:
    """Draw a picture of `data.shapes`, then try to lay further shapes on it where nothing is yet."""
    drawn = data.shapes(number * tries, seed=seed, size=64)
    images, taken = drawn.images[:number].copy(), drawn.masks[:number].copy()
    boxes, labels = (array.reshape(tries, number, *array.shape[1:]) for array in (drawn.boxes, drawn.labels))
    labels = labels.copy()
    for turn in range(1, tries):
        piece = drawn[turn * number : (turn + 1) * number]
        free = ~(piece.masks & taken).any(axis=(1, 2))
        paint = piece.masks & free[:, None, None]
        images[paint] = piece.images[paint]
        taken |= paint
        labels[turn][~free] = NONE
    return Scenes(images, boxes.swapaxes(0, 1), labels.swapaxes(0, 1))


def to_grid(scenes: Scenes) -> np.ndarray:
    """What the 6 x 6 units should say: (batch, 6, 6, 6).

    The last axis: 1 where the middle of a shape is nearest; from the unit to the middle, down and right, in steps of
    the grid; the logarithms of height and width, by the usual size; the class.
    """
    grid = np.zeros((len(scenes), SIDE, SIDE, 6), "float32")
    for picture, place in np.argwhere(scenes.labels != NONE):
        top, left, bottom, right = scenes.boxes[picture, place]
        middle = (np.array([top + bottom, left + right]) / 2 - FIRST) / STEP
        row, column = unit = np.clip(np.rint(middle), 0, SIDE - 1).astype(int)
        size = np.log(np.array([bottom - top, right - left]) / USUAL)
        grid[picture, row, column] = [1, *(middle - unit), *size, scenes.labels[picture, place]]
    return grid


def from_grid(answers: np.ndarray):
    """Boxes (batch, 36, 4), scores and classes (batch, 36) of what the head says: (batch, 6, 6, 5 + classes)."""
    units = FIRST + STEP * np.moveaxis(np.indices((SIDE, SIDE)), 0, -1)
    middles = units + STEP * answers[..., 1:3]
    sizes = USUAL * np.exp(np.clip(answers[..., 3:5], -2, 2))
    boxes = np.concatenate([middles - sizes / 2, middles + sizes / 2], axis=-1).reshape(len(answers), -1, 4)
    odds = np.exp(answers[..., 5:] - answers[..., 5:].max(axis=-1, keepdims=True))
    presence = 1 / (1 + np.exp(-answers[..., 0]))
    scores = presence * odds.max(axis=-1) / odds.sum(axis=-1)
    return boxes, scores.reshape(len(answers), -1), answers[..., 5:].argmax(axis=-1).reshape(len(answers), -1)


# Overlap, suppression and the score of a detector


def keep_best(boxes, scores, classes, overlap: float = 0.4, at_least: float = 0.01) -> np.ndarray:
    """Which detections stay, best first: each removes all that overlap it more than that and are of its class."""
    alike = (overlaps(boxes, boxes) > overlap) & (np.asarray(classes)[:, None] == np.asarray(classes))
    kept: list[int] = []
    for place in np.argsort(-np.asarray(scores), kind="stable"):
        if scores[place] >= at_least and not alike[place, kept].any():
            kept.append(place)
    return np.array(kept, int)


def average_precision(scores, hits, objects: int) -> float:
    """The area under precision, made to fall, against recall."""
    if not len(scores):
        return 0.0
    right = np.cumsum(np.asarray(hits, float)[np.argsort(-np.asarray(scores), kind="stable")])
    precision = right / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(precision * np.diff(right / objects, prepend=0)))


def hits_of(boxes, scores, true_boxes, overlap: float = 0.5) -> np.ndarray:
    """Which detections of one picture and class are right. Best first; each object can be found once."""
    table, hits = overlaps(boxes, true_boxes), np.zeros(len(boxes), bool)
    for place in np.argsort(-np.asarray(scores), kind="stable"):
        if len(true_boxes) and table[place].max() >= overlap:
            hits[place] = True
            table[:, table[place].argmax()] = -1
    return hits


def mean_average_precision(found, scenes: Scenes, classes: int = 6, overlap: float = 0.5) -> float:
    """The mean over the classes. found: for each scene boxes, scores and classes that were kept."""
    each = []
    for k in range(classes):
        scores, hits, objects = [], [], 0
        for (boxes, score, label), true_boxes, true_labels in zip(found, scenes.boxes, scenes.labels, strict=True):
            own, true = label == k, true_boxes[true_labels == k]
            scores.append(score[own])
            hits.append(hits_of(boxes[own], score[own], true, overlap))
            objects += len(true)
        each.append(average_precision(np.concatenate(scores), np.concatenate(hits), objects))
    return float(np.mean(each))


def detect(answers: np.ndarray, **how) -> list[tuple]:
    """For each scene boxes, scores and classes that are left after suppression."""
    kept = []
    for boxes, scores, classes in zip(*from_grid(answers), strict=True):
        some = keep_best(boxes, scores, classes, **how)
        kept.append((boxes[some], scores[some], classes[some]))
    return kept
