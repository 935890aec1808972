"""The figures of lesson 09 show what they are given, and its nets are what it says."""

import numpy as np
import pytest
from lesson_code import all_lessons, answer, functions

from course_lessons.convolution import evidence, figures
from course_lib.layers import Conv2D

RANDOM = np.random.default_rng(0)


def numbers(axes) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text() and not text.get_text().startswith("×")]


# Sliding windows


@pytest.mark.parametrize("strides", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("dilation_rate", [1, 2, 3])
@pytest.mark.parametrize("kernel", figures.KERNELS)
def test_the_explorer_computes_what_the_layer_does(kernel, strides, padding, dilation_rate):
    layer = Conv2D(1, 1, 3, RANDOM, strides=strides, padding=padding, dilation_rate=dilation_rate)
    layer.parameters["kernel"][..., 0, 0] = figures.KERNELS[kernel]
    expected = layer.forward(figures.TINY_CAT[None, :, :, None])[0, :, :, 0]
    _, corners, output = figures._slide(figures.TINY_CAT, figures.KERNELS[kernel], strides, padding, dilation_rate)
    np.testing.assert_allclose(output, expected)
    assert len(corners) == output.size


def test_the_output_grows_with_every_step():
    for step in (1, 5, 9):
        image, output = figures.sliding_window(step).axes
        assert image.get_title() == "image 5 × 5"
        assert output.get_title() == f"output 3 × 3: step {step} of 9"
        assert numbers(output) == list("434243234")[:step]


def test_a_step_past_the_last_one_shows_the_last():
    figure = figures.convolution_explorer(strides=3, step=81)
    assert figure.axes[1].get_title() == "output 2 × 2: step 4 of 4"
    padded = figures.convolution_explorer(padding=2)
    assert padded.axes[0].get_title() == "image 7 × 7, padded to 11 × 11"


def test_the_weights_stand_at_the_taps():
    axes = figures.convolution_explorer("vertical edges", dilation_rate=2, step=2).axes[0]
    weights = {(text.get_text(), *np.floor(text.get_position()).astype(int)) for text in axes.texts}
    assert ("×-2", 1, 2) in weights and ("×2", 5, 2) in weights and ("×1", 5, 4) in weights


def test_the_film_ends_with_the_whole_output():
    figure = figures.film("sum", strides=2, padding=1, steps=(1, 16))
    first, last = figure.axes[4:]
    assert len(numbers(first)) == 1
    everything = figures._slide(figures.TINY_CAT, figures.KERNELS["sum"], 2, 1, 1)[2]
    assert numbers(last) == [str(value) for value in everything.flat]


def test_all_positions_name_their_sums():
    image, kernel = RANDOM.integers(0, 2, (4, 5)), np.array([[1, 0], [0, 1]])
    figure = figures.all_positions(image, kernel)
    *places, output = (axes for part in figure.subfigs for axes in part.axes)
    sums = [int(np.sum(image[r : r + 2, c : c + 2] * kernel)) for r in range(3) for c in range(4)]
    assert [axes.get_title() for axes in places] == [f"sum {value}" for value in sums]
    assert numbers(output) == [str(value) for value in sums]


def test_settings_are_named_with_their_output_size():
    figure = figures.settings_grid([(0, 1), (1, 1), (0, 2), (1, 2)])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:4] == [f"padding {p}, strides {s}" for p, s in ((0, 1), (1, 1), (0, 2), (1, 2))]
    assert titles[4:] == [f"output {n} × {n}" for n in (5, 7, 3, 4)]


# Kernels on pictures


@pytest.mark.parametrize("rows", [("1 2", "0 0 0", "0 0 0"), ("a b c", "0 0 0", "0 0 0"), ("", "", ""), ("1",) * 3])
def test_the_kernel_editor_waits_for_nine_numbers(rows):
    left, _ = figures.kernel_editor(RANDOM.random((9, 9)), *rows).axes
    assert "three numbers" in left.texts[0].get_text()


def test_the_kernel_editor_applies_the_kernel():
    picture = RANDOM.random((9, 9))
    left, right = figures.kernel_editor(picture, "0 0 0", "0 2 0", "0 0 0").axes
    assert left.get_title() == "kernel, sum 2"
    np.testing.assert_allclose(right.images[0].get_array(), 2 * picture[1:-1, 1:-1])


def test_kernels_stand_above_their_results():
    results = [RANDOM.normal(size=(5, 5)), RANDOM.random((5, 5))]
    figure = figures.kernel_sheet({"one": np.eye(3), "two": np.ones((3, 3)) / 9}, results)
    assert [axes.get_title() for axes in figure.axes[:2]] == ["one", "two"]
    for axes, result in zip(figure.axes[2:], results, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), result)
    assert figure.axes[2].images[0].norm.vmin == -figure.axes[2].images[0].norm.vmax  # differences: 0 in the middle
    assert figure.axes[3].images[0].norm.vmin == 0  # brightness


def test_frames_stand_where_the_answer_is_best():
    picture, answer_map = RANDOM.random((9, 9)), RANDOM.random((5, 5))
    above, below, *_ = figures.found([picture], [answer_map], [[(1, 3), (4, 0)]], size=5).axes
    assert [patch.get_xy() for patch in above.patches] == [(2.5, 0.5), (-0.5, 3.5)]
    assert below.get_xlabel() == "row 1, column 3"


def test_maps_stand_below_their_filters():
    kernels, outputs = RANDOM.normal(size=(3, 3, 3, 2)), RANDOM.normal(size=(6, 6, 2))
    figure = figures.maps(RANDOM.random((8, 8, 3)), kernels, outputs)
    below = figure.axes[4:]
    assert [axes.get_title() for axes in below] == ["map 1", "map 2"]
    for number, axes in enumerate(below):
        np.testing.assert_array_equal(axes.images[0].get_array(), outputs[..., number])


def test_detectors_stand_above_their_favourites():
    weights, favourites = RANDOM.normal(size=(3, 3, 4)), RANDOM.random((3, 3, 4))
    figure = figures.learnt_detectors(weights, favourites)
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), weights[..., 1])
    np.testing.assert_array_equal(figure.axes[5].images[0].get_array(), favourites[..., 1])


# Wirings, volumes, matrices, fields


def test_edges_are_drawn_from_the_weights():
    matrix = np.array([[1.0, 0.0], [2.0, 1.0], [0.0, 2.0]])
    axes = figures.wirings({"shared": matrix, "dense": RANDOM.normal(size=(3, 2))}).axes
    assert [each.get_title() for each in axes] == ["shared: 2 weights", "dense: 6 weights"]
    assert len(axes[0].lines) == 4 and len(axes[1].lines) == 6
    assert len({line.get_color() for line in axes[0].lines}) == 2  # equal weights, equal colour


def test_ways_to_look_show_the_counts_they_are_given():
    counts = {"dense": "1 weight", "local": "2 weights", "convolution": "3 weights"}
    figure = figures.ways_to_look(RANDOM.random((40, 40)), 10, counts)
    assert [(axes.get_title(), axes.texts[0].get_text()) for axes in figure.axes] == list(counts.items())
    widths = [{patch.get_width() for patch in axes.patches} for axes in figure.axes]
    assert widths == [{40}, {10}, {10}]  # drawn to scale


def test_volumes_are_labelled_with_their_shapes():
    (axes,) = figures.volumes((32, 32, 3), (5, 5, 3), [(28, 28, 1), (28, 28, 6)]).axes
    texts = [text.get_text() for text in axes.texts]
    assert texts[1::2] == ["32 × 32 × 3", "5 × 5 × 3", "28 × 28 × 1", "28 × 28 × 6"]
    assert texts[4:7:2] == ["maps of 1 filter", "maps of 6 filters"]


def test_the_matrix_is_shown_as_it_is():
    kernel, matrix = np.array([[1, 2], [3, 4]]), RANDOM.normal(size=(4, 9))
    left, right = figures.convolution_matrix(kernel, matrix).axes
    assert numbers(left) == ["1", "2", "3", "4"]
    np.testing.assert_array_equal(right.images[0].get_array(), matrix)


def test_fields_are_white_where_the_gradient_is_zero():
    gradient = np.array([[0.0, 0.0, 0.0], [0.0, -4.0, 2.0], [0.0, 0.0, 0.0]])
    axes = figures.fields({"one": gradient, "two": gradient}).axes[0]
    shown = axes.images[0].get_array()
    np.testing.assert_array_equal(np.ma.getmaskarray(shown), gradient == 0)
    assert shown[1, 1] == 1 and shown[1, 2] == 0.5


# The layer that the lesson builds


@pytest.fixture(scope="module")
def lesson() -> dict:
    """What the lesson builds, without its trainings."""
    return functions(all_lessons()["09_convolution"], "Wired", "halved", "anywhere")


def windows_of(side: int, size: int) -> np.ndarray:
    """The pixels that each window of a square picture sees, (windows, size²)."""
    pixels = np.arange(side**2).reshape(side, side)
    return np.lib.stride_tricks.sliding_window_view(pixels, (size, size)).reshape(-1, size**2)


def test_the_wired_layer_is_dense_or_a_convolution(lesson):
    inputs = RANDOM.normal(size=(4, 5)).astype("float32")
    layer = lesson["Wired"](np.tile(np.arange(5), (3, 1)), 1)
    outputs = np.asarray(layer(inputs))
    (kernel,) = layer.get_weights()
    np.testing.assert_allclose(outputs[..., 0], inputs @ kernel[:, :, 0].T, atol=1e-5)

    images = RANDOM.normal(size=(2, 6, 6, 1)).astype("float32")
    shared, conv = lesson["Wired"](windows_of(6, 3), 2, shared=True), Conv2D(1, 2, 3, RANDOM)
    outputs = np.asarray(shared(images.reshape(2, 36)))
    conv.parameters["kernel"] = shared.get_weights()[0].reshape(3, 3, 1, 2)
    np.testing.assert_allclose(outputs.reshape(2, 4, 4, 2), conv.forward(images), atol=1e-5)


def test_local_units_have_weights_of_their_own(lesson):
    layer = lesson["Wired"](windows_of(4, 3), 2)
    images = RANDOM.normal(size=(3, 16)).astype("float32")
    outputs = np.asarray(layer(images))
    (kernel,) = layer.get_weights()
    assert kernel.shape == (4, 9, 2)
    for place, (row, column) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        window = images.reshape(3, 4, 4)[:, row : row + 3, column : column + 3].reshape(3, 9)
        np.testing.assert_allclose(outputs[:, place], window @ kernel[place], atol=1e-5)


# The long race


@pytest.mark.parametrize("reading", evidence.READINGS)
@pytest.mark.parametrize("wiring", evidence.WIRINGS)
def test_the_nets_of_the_race_have_the_right_gradients(wiring, reading):
    rng = np.random.default_rng(3)
    net = evidence.Net(wiring, reading, rng)
    net.weights = [weights.astype(float) for weights in net.weights]
    pictures, message = rng.random((2, 16, 16)), rng.normal(size=(2, 10))
    net.forward(pictures)
    for weights, gradient in zip(net.weights, net.gradients(message), strict=True):
        direction = rng.normal(size=weights.shape)
        slopes = []
        for step in (1e-6, -1e-6):
            weights += step * direction
            slopes.append(np.sum(message * net.forward(pictures)))
            weights -= step * direction
        np.testing.assert_allclose(np.sum(gradient * direction), (slopes[0] - slopes[1]) / 2e-6, rtol=1e-4)


def test_the_shared_net_of_the_race_is_a_convolution_layer():
    net = evidence.Net("shared", "all places", np.random.default_rng(4))
    pictures = RANDOM.random((2, 16, 16)).astype(np.float32)
    net.forward(pictures)
    conv = Conv2D(1, 16, 9, RANDOM)
    conv.parameters["kernel"] = net.weights[0].reshape(9, 9, 1, 16)
    sums = conv.forward(pictures[..., None])
    np.testing.assert_allclose(net.hidden.reshape(2, 8, 8, 16), np.maximum(sums, 0), atol=1e-5)


def test_lesson_and_race_lay_digits_alike(lesson):
    images = RANDOM.random((5, 28, 28, 1))
    np.testing.assert_allclose(lesson["halved"](images), evidence.halved(images))
    ours = lesson["anywhere"](images, np.random.default_rng(5))[..., 0]
    np.testing.assert_allclose(ours, evidence.anywhere(evidence.halved(images), np.random.default_rng(5)))


# Exercises


def test_the_layer_of_exercise_4_agrees_with_the_library():
    conv_layer = answer(all_lessons()["09_convolution"], "conv_layer")
    layer = Conv2D(3, 4, 3, RANDOM, strides=2, padding=1)
    layer.parameters["bias"] = RANDOM.normal(size=4)
    images = RANDOM.normal(size=(2, 8, 7, 3))
    np.testing.assert_allclose(
        conv_layer(images, layer.parameters["kernel"], layer.parameters["bias"], 2, 1), layer.forward(images)
    )
