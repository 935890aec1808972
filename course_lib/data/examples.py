"""What every labelled data set of the course looks like."""

from dataclasses import dataclass, fields, replace

import numpy as np


class DataError(RuntimeError):
    """A data set cannot be had, in one sentence that a student can act on."""


@dataclass(frozen=True, eq=False, repr=False)
class Examples:
    """Pictures with their labels.

    images: float32 from 0 to 1, shape (batch, height, width, channels), channels 1 (grey) or 3 (red, green, blue)
    labels: int64, shape (batch,), places in `class_names`
    class_names: one word or two for each label

    `len(examples)` counts them. A slice, a mask or an array of indices picks some, as in NumPy:
    `examples[:500]`, `examples[examples.labels == 3]`. `train + validation` puts two parts together.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index):
        if isinstance(index, int | np.integer):
            raise TypeError(f"Pick several examples, as in examples[:9]; one picture is examples.images[{index}].")
        # Every array of the class, here or in a subclass, has one row for each example.
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: a[index] for name, a in arrays.items() if isinstance(a, np.ndarray)})

    def __add__(self, other: "Examples") -> "Examples":
        if self.class_names != other.class_names:
            raise ValueError("These examples have other classes, so they cannot be put together.")
        pairs = {field.name: (getattr(self, field.name), getattr(other, field.name)) for field in fields(self)}
        return replace(self, **{n: np.concatenate(two) for n, two in pairs.items() if isinstance(two[0], np.ndarray)})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} images {_size(self.images)}, {len(self.class_names)} classes)"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A labelled data set with its fixed split: learn from `train`, choose on `validation`, measure on `test` once.

    name: what it is called in `course_lib.data`
    origin: who made it, where it comes from and under which licence
    """

    name: str
    train: Examples
    validation: Examples
    test: Examples
    origin: str

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.train.class_names

    def __repr__(self) -> str:
        parts = f"{len(self.train)} train + {len(self.validation)} validation + {len(self.test)} test"
        return f"Dataset({self.name}: {parts} images {_size(self.train.images)}, {len(self.class_names)} classes)"


def balanced_labels(number: int, classes: int, chance: np.random.Generator) -> np.ndarray:
    """Labels 0 to classes - 1 in random order, int64; their counts differ by one at most."""
    return chance.permutation(np.arange(number, dtype=np.int64) % classes)


def _size(images: np.ndarray) -> str:
    return "×".join(str(length) for length in images.shape[1:])
