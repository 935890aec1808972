"""What lesson 13 builds does what its words say, and its figures show what they are given."""

import numpy as np
import pytest
from lesson_code import all_lessons, answer, functions
from scipy import ndimage, special
from scipy.spatial import distance

from course_lessons.first_cnn_lenet import evidence, figures
from course_lib import layers
from course_lib.exercises import find
from course_lib.gradcheck import numerical_gradient

LESSON = "13_first_cnn_lenet"
RANDOM = np.random.default_rng(0)


def words(axes) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text()]


def picture(axes) -> np.ndarray:
    return np.asarray(axes.images[0].get_array())


# What the lesson defines


@pytest.fixture(scope="module")
def lesson() -> dict:
    """What the lesson builds, without its trainings."""
    names = "train lenet TrainedSubsampling data slips nearest perturb unit_length compete s_cells grow"
    return functions(all_lessons()[LESSON], *names.split())


def test_slips_hold_the_digits_that_their_targets_name(lesson):
    rng = np.random.default_rng(1)
    examples = lesson["data"].digits(size=8).train
    slips, targets = lesson["slips"](examples, 300, rng)
    assert slips.shape == (300, 128) and set(np.unique(targets)) == {0, 1}
    known = {
        image.tobytes(): label for image, label in zip(examples.images.astype(float), examples.labels, strict=True)
    }
    for slip, target in zip(slips, targets, strict=True):
        written = {known[field.reshape(8, 8, 1).tobytes()] for field in slip.reshape(2, 64) if field.any()}
        assert written == set(np.flatnonzero(target))
    assert set(targets.sum(axis=1)) == {0, 1, 2}


def test_the_shared_cross_entropy_is_cross_entropy_with_shares():
    loss, rng = evidence.shared_cross_entropy, np.random.default_rng(2)
    logits, targets = rng.normal(size=(4, 5)), np.array([[0, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 1, 0, 0, 1], [1] * 5])
    by_hand = -(
        special.log_softmax(logits[1])[0]
        + special.log_softmax(logits[2])[[1, 4]].mean()
        + special.log_softmax(logits[3]).mean()
    )
    value, gradient = loss(logits, targets)
    assert value == pytest.approx(by_hand / 4)
    np.testing.assert_allclose(gradient, numerical_gradient(lambda: loss(logits, targets)[0], logits), atol=1e-7)


def test_the_frame_and_the_sliding_c5_change_nothing(lesson):
    framed, twin = lesson["lenet"]("tanh", "glorot_uniform"), answer(all_lessons()[LESSON], "build_lenet")()
    pairs = zip(framed.get_weights(), twin.get_weights(), strict=True)
    twin.set_weights([array.reshape(like.shape) for array, like in pairs])
    images = RANDOM.random((9, 28, 28, 1)).astype("float32")
    np.testing.assert_allclose(framed(images), twin(images), atol=1e-5)
    assert framed.count_params() == twin.count_params() == 61_706


def test_the_nearest_is_the_nearest(lesson):
    memory, images, names = RANDOM.random((30, 4, 5, 1)), RANDOM.random((8, 4, 5, 1)), RANDOM.integers(10, size=30)
    wanted = names[distance.cdist(images.reshape(8, -1), memory.reshape(30, -1)).argmin(axis=1)]
    for nearest in (lesson["nearest"], evidence.nearest):
        np.testing.assert_array_equal(nearest(memory, names, images), wanted)


@pytest.mark.parametrize(("side", "channels", "classes"), [(32, 1, 10), (45, 3, 7)])
def test_the_counts_of_exercise_3_are_those_of_keras(side, channels, classes):
    from keras import Input, Sequential
    from keras.layers import AveragePooling2D, Conv2D, Dense, Flatten

    maps = [Input((side, side, channels)), Conv2D(6, 5), AveragePooling2D(2), Conv2D(16, 5), AveragePooling2D(2)]
    model = Sequential([*maps, Flatten(), Dense(120), Dense(84), Dense(classes)])
    counts = [layer.count_params() for layer in model.layers if layer.count_params()]
    assert find(LESSON, "lenet_parameters").oracle(side, channels, classes) == tuple(counts)


def test_of_several_passes_the_one_with_the_least_validation_loss_is_kept(lesson):
    images, labels = lesson["train"].images[:60], lesson["train"].labels[:60]
    ends = []
    for passes in ([images] * 2, [*[images] * 2, 1 - images]):  # the third does harm
        rng = np.random.default_rng(3)
        net = evidence.numpy_lenet(layers.ReLU, 2, rng)
        evidence.train(net, passes, labels, (images, labels), rng)
        ends.append(evidence.logits_of(net, images))
    np.testing.assert_array_equal(*ends)


def test_the_record_trains_the_lesson_s_network(lesson):
    net, twin = evidence.numpy_lenet(layers.ReLU, 2, np.random.default_rng(0)), lesson["lenet"]("relu", "he_normal")
    ours = [array for layer in net.layers for array in layer.parameters.values()]
    twin.set_weights([array.reshape(like.shape) for array, like in zip(ours, twin.get_weights(), strict=True)])
    images = RANDOM.random((9, 28, 28, 1)).astype("float32")
    np.testing.assert_allclose(special.softmax(evidence.logits_of(net, images), axis=1), twin(images), atol=1e-5)


@pytest.mark.parametrize(("right", "down"), [(0, 0), (3, 0), (-2, 5), (1, -4), (30, 0)])
def test_a_strain_by_whole_pixels_is_the_shift_of_exercise_5(lesson, right, down):
    image, rng = RANDOM.random((28, 28)), np.random.default_rng(0)
    shifted = answer(all_lessons()[LESSON], "shift_image")(image, down, right)
    np.testing.assert_allclose(lesson["perturb"](image, rng, right=right, down=down), shifted, atol=1e-9)


def test_strains_do_what_their_names_say(lesson):
    rng, middle = np.random.default_rng(0), 13.5
    image = np.zeros((28, 28))
    image[4:9, 12:16] = 1  # a bar above the middle

    def centre(picture):
        return np.subtract(ndimage.center_of_mass(picture), middle)

    above = centre(image)
    np.testing.assert_allclose(centre(lesson["perturb"](image, rng, rotation=90)), [above[1], above[0]], atol=0.1)
    half, tall = lesson["perturb"](image, rng, scale=0.5), lesson["perturb"](image, rng, squeeze=1.25)
    np.testing.assert_allclose(centre(half), above / 2, atol=0.1)
    assert half.sum() == pytest.approx(image.sum() / 4, rel=0.3)
    np.testing.assert_allclose(centre(tall), above * [1.25, 1 / 1.25], atol=0.1)
    thick, thin = lesson["perturb"](image, rng, stroke=2), lesson["perturb"](image, rng, stroke=-1)
    assert (thick.sum(), thin.sum()) == (9 * 8, 3 * 2)
    noisy = lesson["perturb"](np.full((28, 28), 0.5), rng, noise=0.1)
    assert noisy.std() == pytest.approx(0.1, rel=0.15) and noisy.min() >= 0 and noisy.max() <= 1


def test_the_record_strains_as_the_lesson_does(lesson):
    image = RANDOM.random((28, 28))
    for kind, amounts in evidence.KINDS.items():
        one, other = (
            perturb(image, np.random.default_rng(1), **{kind: amounts[-1]})
            for perturb in (lesson["perturb"], evidence.perturb)
        )
        np.testing.assert_array_equal(one, other)


def test_strained_pictures_keep_their_shape_and_differ(lesson):
    images = lesson["train"].images[:30]
    changed = evidence.strained(images, np.random.default_rng(0))
    assert changed.shape == images.shape and changed.dtype == np.float32
    assert np.mean([not np.allclose(a, b) for a, b in zip(images, changed, strict=True)]) > 0.9


def test_the_original_adds_four_with_two_numbers_for_each_map(lesson):
    layer = lesson["TrainedSubsampling"]()
    maps = RANDOM.random((2, 6, 4, 3)).astype("float32")
    layer.build(maps.shape)
    factor, bias = RANDOM.normal(size=(2, 3))
    layer.set_weights([factor, bias])
    sums = np.array([[maps[:, r : r + 2, c : c + 2].sum(axis=(1, 2)) for c in (0, 2)] for r in (0, 2, 4)])
    wanted = 1.7159 * np.tanh(2 / 3 * (factor * sums.transpose(2, 0, 1, 3) + bias))
    np.testing.assert_allclose(layer(maps), wanted, atol=1e-5)


# The neocognitron


def test_the_loudest_cell_moves_towards_what_it_saw(lesson):
    rng = np.random.default_rng(3)
    centres = np.eye(3)
    patches = lesson["unit_length"](np.repeat(centres, 60, axis=0) + 0.05 * rng.normal(size=(180, 3)))
    kernel = lesson["compete"](patches, 30, rng)
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=1), 1)
    assert set((kernel @ centres.T).argmax(axis=1)) == {0, 1, 2}
    assert (kernel @ centres.T).max(axis=1).min() > 0.95


@pytest.mark.parametrize("padding", [0, 2])
def test_simple_cells_measure_angles(lesson, padding):
    maps, kernel = RANDOM.random((2, 7, 8, 3)), lesson["unit_length"](RANDOM.random((4, 75)))
    cells = lesson["s_cells"](maps, kernel, padding=padding)
    padded = np.pad(maps, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    rows, columns = padded.shape[1] - 4, padded.shape[2] - 4
    assert cells.shape == (2, rows, columns, 4)
    for row in range(rows):
        for column in range(columns):
            seen = padded[1, row : row + 5, column : column + 5].ravel()
            cosines = kernel @ seen / max(np.sqrt(seen @ seen), 0.4)
            np.testing.assert_allclose(cells[1, row, column], np.clip(cosines - 0.7, 0, None), atol=1e-9)


def test_a_cascade_grows_three_layers_without_labels(lesson):
    patterns = lesson["grow"](lesson["train"].images[:200], np.random.default_rng(0))
    assert [each.shape for each in patterns] == [(6, 25), (16, 150), (120, 400)]
    for each in patterns:
        np.testing.assert_allclose(np.linalg.norm(each, axis=1), 1, rtol=1e-6)


def test_the_record_has_the_cells_of_the_lesson(lesson):
    images, patterns = RANDOM.random((3, 28, 28, 1)), lesson["unit_length"](RANDOM.random((6, 25)))
    pool = layers.MaxPooling2D(2).forward
    ours = pool(lesson["s_cells"](images, patterns, padding=2))
    np.testing.assert_allclose(evidence.s_then_c(images, patterns, 2), ours)


# Figures


def test_a_passage_shows_maps_then_a_vector_then_probabilities():
    stages = {"input": RANDOM.random((8, 8, 1)), "maps": RANDOM.random((5, 6, 4)), "flat": RANDOM.random(9)}
    probabilities = special.softmax(np.arange(10.0))
    *inner, last = figures.passage({**stages, "softmax": probabilities}).axes
    assert [axes.get_title() for axes in inner] == ["input\n8×8", "maps\n4 of 5×6", "flat\n9"]
    sheet = np.ma.getdata(picture(inner[1]))
    np.testing.assert_array_equal(sheet[6:, 7:], stages["maps"][:, :, 3])  # two rows of two, one pixel between
    np.testing.assert_allclose([bar.get_width() for bar in last.patches], probabilities)


def test_stacks_draw_every_map_and_the_answer():
    stages = {"input": RANDOM.random((8, 8, 1)), "C1": RANDOM.random((8, 8, 6)), "F6": RANDOM.random(84)}
    (axes,) = figures.stacks(stages, answer="4").axes
    assert len(axes.images) == 1 + 6 + 1
    assert words(axes) == ["input\n8×8", "C1\n6 of\n8×8", "F6\n84", "“4”"]
    front = stages["C1"][:, :, stages["C1"].sum(axis=(0, 1)).argmax()]
    np.testing.assert_allclose(np.asarray(axes.images[6].get_array()), front / front.max())


def test_a_level_has_a_row_for_each_filter():
    sums = RANDOM.normal(size=(6, 6, 2))
    activated = np.maximum(sums, 0)
    pooled = activated.reshape(3, 2, 3, 2, 2).max(axis=(1, 3))
    figure = figures.one_level(RANDOM.random((8, 8)), RANDOM.normal(size=(3, 3, 2)), sums, activated, pooled)
    assert len(figure.axes) == 10 and figure.axes[4].get_title() == "after pooling\n3×3"
    for row in range(2):
        for column, values in ((2, sums), (3, activated), (4, pooled)):
            np.testing.assert_array_equal(picture(figure.axes[5 * row + column]), values[:, :, row])
    assert len({axes.images[0].get_clim() for axes in figure.axes[2:5]}) == 1  # one scale for sums and what is left


def test_wrong_answers_are_marked():
    kinds = {"right": [-1, 0, 1], "noise": [0, 0.5, 1]}
    images, answers = RANDOM.random((2, 3, 8, 8)), np.array([[4, 4, 9], [4, 1, 4]])
    figure = figures.strained(images, answers, 4, kinds)
    assert [words(axes) for axes in figure.axes[:3]] == [["4", "-1"], ["4", "0"], ["9", "wrong", "1"]]
    np.testing.assert_array_equal(picture(figure.axes[4]), images[1, 1])
    assert figure.axes[3].get_ylabel() == "noise"


def test_the_neocognitron_names_its_loudest_cells():
    shapes = {"U0": (28, 28, 1), "S1": (28, 28, 6), "C1": (14, 14, 6), "S2": (10, 10, 16), "C2": (5, 5, 16)}
    stages = {name: RANDOM.random(shape) for name, shape in shapes.items()}
    stages |= {"S3": RANDOM.random((3, 3, 120)), "C3": RANDOM.permutation(np.linspace(0.1, 1, 120))[None]}
    names = RANDOM.integers(10, size=120)
    axes = figures.neocognitron(stages, [5, 2, 5, 2, 5, 3, 1], [1, 5, 6, 14, 16, 28, 28], names).axes
    loudest = np.argsort(-stages["C3"][0])[:5]
    assert words(axes[13]) == [str(names[cell]) for cell in loudest]
    assert axes[12].get_xlabel().startswith("120 planes of\n3×3") and "28×28 pixels" in axes[12].get_xlabel()
    strongest = stages["S2"].max(axis=(0, 1)).argmax()
    np.testing.assert_array_equal(picture(axes[10]), stages["S2"][:, :, strongest])


# Something to play with


def strain(perturb) -> figures.Strain:
    def by_mean(images):
        assert images.shape[1:] == (28, 28, 1)
        return special.softmax(images.mean(axis=(1, 2)) * np.arange(10), axis=-1)

    images = np.pad(RANDOM.random((3, 12, 12, 1)), ((0, 0), (8, 8), (8, 8), (0, 0)))
    return figures.Strain(images, np.array([3, 1, 4]), perturb, {"one": by_mean, "two": by_mean})


def test_the_strain_explorer_shows_the_picture_and_what_each_network_reads(lesson):
    play = strain(lesson["perturb"])
    left, bars = play.draw(number=2, right=3).axes
    assert left.get_title() == "a 4"
    np.testing.assert_allclose(picture(left)[8:20, 11:23], play.images[2, 8:20, 8:20, 0])
    expected = play.networks["one"](play.images[2:3])[0]  # a shift does not change the mean
    np.testing.assert_allclose([bar.get_width() for bar in bars.patches[:10]], expected, rtol=1e-4)
    assert len(bars.patches) == 20
