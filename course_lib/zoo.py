"""Small trained networks that come with the course: `zoo.load("cifar_resnet")` needs no network and a second.

>>> from course_lib import zoo
>>> model = zoo.load("shapes_zfnet")
>>> zoo.card("shapes_zfnet").test_accuracy

A card says what a network was trained on and how well it does; `course zoo train NAME` trains it again. Weights lie in
`data/zoo`: kernels in half precision or in 8 bits, vectors (biases, statistics) in single precision.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import site
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

STEP = "_step"  # ends the names of the steps of kernels in 8 bits


class ZooError(RuntimeError):
    """A trained network cannot be had, in one sentence that a student can act on."""


@dataclass(frozen=True)
class Card:
    """What is known about a trained network.

    builder, arguments: the function in `course_lib.architectures` that builds it ("resnet.resnet9"), and with what
    data, origin: what it was trained and tested on; who made that, and under which licence
    test_accuracy, test_images: measured with the weights as they are shipped
    test_sha256: of those test pictures; others, as of another copy of CIFAR-10, may be harder or easier
    parameters: that were trained
    sha256: of the file of weights
    """

    name: str
    summary: str
    builder: str
    arguments: dict
    class_names: tuple[str, ...]
    data: str
    origin: str
    seed: int
    epochs: int
    test_accuracy: float
    test_images: int
    test_sha256: str
    parameters: int
    command: str
    sha256: str


def names() -> list[str]:
    """The networks there are."""
    return sorted(file.stem for file in folder().glob("*.json"))


def card(name: str) -> Card:
    """What is known about a network. Raises ZooError for a name that does not exist, with the names that do."""
    file = folder() / f"{name}.json"
    if name not in names():
        raise ZooError(f"There is no trained network called {name!r}; there are {', '.join(names()) or 'none'}.")
    facts = json.loads(file.read_text(encoding="utf-8"))
    return Card(name=name, **facts | {"class_names": tuple(facts["class_names"])})


def build(builder: str, arguments: dict) -> keras.Model:
    """The network of a card, with fresh weights."""
    module, _, function = builder.rpartition(".")
    arguments = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
    return getattr(importlib.import_module(f"course_lib.architectures.{module}"), function)(**arguments)


def load(name: str) -> keras.Model:
    """The network with its trained weights, not compiled: pictures from 0 to 1 in, probabilities out.

    Raises ZooError for a name that does not exist, and for a file of weights that is missing or damaged.
    """
    known = card(name)
    model = build(known.builder, known.arguments)
    model.set_weights(read_weights(folder() / f"{name}.npz", known.sha256))
    return model


def folder() -> Path:
    """Where the networks lie: in the folder of the course, or where pip put them."""
    above = Path(__file__).resolve().parents[1]
    installed = [above, sysconfig.get_path("data"), site.getuserbase()]  # by --target, into an environment, by --user
    places = [
        above / "data" / "zoo",
        *(Path(place) / "share" / "neural-networks-course" / "zoo" for place in installed),
    ]
    return next((place for place in places if place.is_dir()), places[0])


def read_weights(file: Path, sha256: str) -> list[np.ndarray]:
    """The arrays for `model.set_weights`, float32. Raises ZooError unless the file is whole."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ZooError(f"The weights {file} cannot be read ({error.strerror}); install the course again.") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ZooError(f"The weights {file} are damaged: they are not those that its card names. Get the file again.")
    with np.load(file, allow_pickle=False) as arrays:
        numbers = sorted(key for key in arrays.files if not key.endswith(STEP))
        return [arrays[key].astype(np.float32) * arrays.get(key + STEP, np.float32(1)) for key in numbers]


def write_weights(weights: list[np.ndarray], file: Path, *, eight_bits: bool = False) -> str:
    """Write the arrays of `model.get_weights()`, kernels in half precision; returns the sha256 of the file.

    eight_bits: write kernels as integers from -127 to 127 instead, and for each filter, the last axis, the step between
        two integers (R. Krishnamoorthi, Quantizing Deep Convolutional Networks for Efficient Inference, 2018).

    Vectors stay in single precision: variances span more powers of ten than half precision has. The same arrays make
    the same bytes. Raises ZooError if a weight is not finite, or not in half precision.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, array in enumerate(weights):
            for suffix, small in _small(array, eight_bits).items():
                if not np.isfinite(small).all():
                    raise ZooError(f"Array {number} of shape {array.shape} has values beyond half precision.")
                # Without a date of its own an entry would carry the moment of writing.
                with archive.open(zipfile.ZipInfo(f"{number:04}{suffix}.npy"), "w") as entry:
                    np.lib.format.write_array(entry, small, allow_pickle=False)
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _small(array: np.ndarray, eight_bits: bool) -> dict[str, np.ndarray]:
    """What is written of an array, by the ending of its name."""
    if array.ndim < 2:
        return {"": np.asarray(array, np.float32)}
    if not eight_bits:
        with np.errstate(over="ignore"):  # whoever writes asks for infinities
            return {"": np.asarray(array, np.float16)}
    step = np.abs(array).max(axis=tuple(range(array.ndim - 1))).astype(np.float32) / 127
    with np.errstate(invalid="ignore"):
        return {"": np.rint(array / np.where(step == 0, 1, step)).astype(np.int8), STEP: step}
