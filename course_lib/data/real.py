"""MNIST, Fashion-MNIST and CIFAR-10: from the folder COURSE_DATA, else through Keras' own loader and cache."""

import gzip
import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from course_lib.data.examples import DataError, Dataset, Examples

ARRAYS = ("x_train", "y_train", "x_test", "y_test")


class Place(NamedTuple):
    """Whether a data set is at hand, and where it is, or where it was looked for."""

    at_hand: bool
    where: str


@dataclass(frozen=True)
class _RealSet:
    name: str
    picture: tuple[int, ...]  # the shape of one picture in the file
    class_names: tuple[str, ...]
    cached: tuple[str, ...]  # what Keras leaves in its cache, all of it needed
    instead: str  # the embedded set that lessons use without it
    origin: str


_FASHION_FILES = (
    "train-labels-idx1-ubyte.gz",
    "train-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
)
_REAL_SETS = {
    real.name: real
    for real in (
        _RealSet(
            name="mnist",
            picture=(28, 28),
            class_names=tuple("0123456789"),
            cached=("mnist.npz",),
            instead="data.mnist_5k()",
            origin="Y. LeCun and C. Cortes, MNIST, 1998, from NIST's forms; CC BY-SA 3.0",
        ),
        _RealSet(
            name="fashion_mnist",
            picture=(28, 28),
            class_names=(
                *("T-shirt", "trousers", "pullover", "dress", "coat"),
                *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
            ),
            cached=tuple(f"fashion-mnist/{file}" for file in _FASHION_FILES),
            instead="data.textures()",
            origin="H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST, Zalando 2017; MIT licence",
        ),
        _RealSet(
            name="cifar10",
            picture=(32, 32, 3),
            class_names=tuple("airplane automobile bird cat deer dog frog horse ship truck".split()),
            cached=("cifar-10-batches-py-target_archive",),
            instead="data.shapes(...)",
            origin="A. Krizhevsky, CIFAR-10, University of Toronto 2009; no licence stated",
        ),
    )
}


# The share of the published training part that is for choosing: 5,000 of its pictures, 10,000 of Fashion-MNIST.
_VALIDATION = {"mnist": 1 / 12, "fashion_mnist": 1 / 6, "cifar10": 1 / 10}


def mnist() -> Dataset:
    """55,000 + 5,000 + 10,000 handwritten digits to train, validate and test, grey, 28x28.

    Looks for `mnist.npz` in the folder that COURSE_DATA names, if it is set, else asks Keras, which looks in its
    cache and then downloads (11 MB). A file in COURSE_DATA may hold fewer pictures, to be quick.

    Raises DataError if it is not to be had, or its file is broken: one sentence that says what to do.

    Origin: Y. LeCun and C. Cortes, 1998, from NIST's forms. Licence: CC BY-SA 3.0.
    """
    return _load("mnist")


def fashion_mnist() -> Dataset:
    """50,000 + 10,000 + 10,000 pieces of clothing, grey, 28x28, ten classes; found, or failing, as `mnist` is (30 MB).

    Origin: H. Xiao, K. Rasul and R. Vollgraf, Zalando, 2017. Licence: MIT.
    """
    return _load("fashion_mnist")


def cifar10() -> Dataset:
    """45,000 + 5,000 + 10,000 photographs of animals and vehicles, colour, 32x32, ten classes.

    Found, or failing, as `mnist` is (170 MB to download; 750 MB of memory as floats).

    Origin: A. Krizhevsky, University of Toronto, 2009. No licence stated.
    """
    return _load("cifar10")


def find(name: str) -> Place:
    """Tell whether a real set is at hand without reading it; never raises, downloads or imports Keras."""
    real = _REAL_SETS[name]
    try:
        file = _file_in_course_data(real)
    except DataError as error:
        return Place(False, str(error))
    if file is not None:
        whole = zipfile.is_zipfile(file)  # looks only for the end of the archive, which a truncated one lacks
        return Place(whole, str(file) if whole else f"{file} is broken or truncated")
    cached = _cached_files(real)
    if all(map(os.path.exists, cached)):
        return Place(True, str(cached[0] if len(cached) == 1 else cached[0].parent))
    return Place(False, f"not in {_places_searched(real)}; Keras downloads it when a lesson first asks for it")


def _load(name: str) -> Dataset:
    real = _REAL_SETS[name]
    file = _file_in_course_data(real)
    arrays, where = (_read_npz(file), str(file)) if file is not None else _ask_keras(real)
    _check(real, arrays, where)
    # Some copies of these sets are sorted by class: the last of those would all be of one.
    mixed = np.random.default_rng(0).permutation(len(arrays["y_train"]))
    train = _examples(arrays["x_train"][mixed], arrays["y_train"][mixed], real.class_names)
    test = _examples(arrays["x_test"], arrays["y_test"], real.class_names)
    kept = len(train) - round(len(train) * _VALIDATION[name])
    return Dataset(name, train[:kept], train[kept:], test, real.origin)


def _examples(pictures: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]) -> Examples:
    images = np.divide(pictures, 255, dtype=np.float32)
    images = images.reshape(*images.shape[:3], -1)  # a grey picture gets its one channel here
    return Examples(images, labels.reshape(-1).astype(np.int64), class_names)


def _file_in_course_data(real: _RealSet) -> Path | None:
    """The set's file in the folder COURSE_DATA, or None if the variable is not set or the file not there."""
    variable = os.environ.get("COURSE_DATA")
    if not variable:
        return None
    folder = Path(os.path.expanduser(variable))
    if not os.path.isdir(folder):
        raise DataError(f"COURSE_DATA is set to {folder}, which is not a folder; correct it or unset it.")
    file = folder / f"{real.name}.npz"
    return file if os.path.exists(file) else None


def _read_npz(file: Path) -> dict[str, np.ndarray]:
    """All four arrays of a file in the layout of Keras' mnist.npz, or a DataError that names the file."""
    try:
        with zipfile.ZipFile(file):  # np.load would take a file that is no archive for a pickle
            pass
        with np.load(file, allow_pickle=False) as archive:
            missing = [name for name in ARRAYS if name not in archive.files]
            if missing:
                raise DataError(f"{file} lacks {' and '.join(missing)}; it needs {', '.join(ARRAYS)}.")
            return {name: archive[name] for name in ARRAYS}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise DataError(f"{file} is broken or truncated ({error}); replace it or remove it.") from error


def _ask_keras(real: _RealSet) -> tuple[dict[str, np.ndarray], str]:
    """The arrays from Keras' cache or download, and the cached file's name, or a DataError."""
    import keras

    cached = _cached_files(real)
    try:
        train, test = getattr(keras.datasets, real.name).load_data()
    except Exception as error:  # Keras raises bare Exceptions for a failed download
        for path in cached:
            if _is_broken_gzip(path):
                raise DataError(f"{path} is broken or truncated; remove it, and Keras downloads it anew.") from error
        raise DataError(
            f"{real.name} is not at hand: no whole copy in {_places_searched(real)}, and Keras could not download it "
            f"({error}); without it, lessons use {real.instead}."
        ) from error
    return dict(zip(ARRAYS, (*train, *test), strict=True)), str(cached[0])


def _check(real: _RealSet, arrays: dict[str, np.ndarray], where: str) -> None:
    """Raise DataError unless pictures and labels are what the set's name promises."""

    def require(right: bool, fault: str) -> None:
        if not right:
            raise DataError(f"{where} is not {real.name}: {fault}.")

    for part in ("train", "test"):
        images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
        require(images.dtype == np.uint8, f"x_{part} holds {images.dtype}, not bytes (uint8)")
        require(
            images.shape[1:] == real.picture and len(images) > 0,
            f"x_{part} has shape {images.shape}, not (number, {', '.join(map(str, real.picture))})",
        )
        require(
            labels.shape in ((len(images),), (len(images), 1)),
            f"y_{part} has shape {labels.shape}, not one label for each of {len(images)} pictures",
        )
        require(
            labels.dtype.kind in "iu" and labels.min() >= 0 and labels.max() < len(real.class_names),
            f"y_{part} holds labels other than the whole numbers 0 to {len(real.class_names) - 1}",
        )


def _cached_files(real: _RealSet) -> list[Path]:
    """Where Keras keeps the set: ~/.keras or KERAS_HOME, or, where that cannot be written, /tmp/.keras."""
    home = Path(os.path.expanduser(os.environ.get("KERAS_HOME", "~/.keras")))
    if not os.access(home if os.path.exists(home) else home.parent, os.W_OK):
        home = Path("/tmp/.keras")
    return [home / "datasets" / path for path in real.cached]


def _places_searched(real: _RealSet) -> str:
    variable = os.environ.get("COURSE_DATA")
    folder = f"COURSE_DATA ({variable}, for {real.name}.npz)" if variable else "COURSE_DATA (not set)"
    return f"{folder} or Keras' cache ({_cached_files(real)[0]})"


def _is_broken_gzip(path: Path) -> bool:
    """Keras checks its other files by their hash and downloads broken ones anew; these it does not."""
    if path.suffix != ".gz" or not os.path.exists(path):
        return False
    try:
        with gzip.open(path) as file:
            while file.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error):
        return True
    return False
