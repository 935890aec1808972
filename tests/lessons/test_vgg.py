"""The figures of lesson 19 show what they are given, and what it builds is what it says."""

import itertools

import keras
import numpy as np
import pytest
from lesson_code import all_lessons, answer, functions
from matplotlib.patches import Rectangle

from course_lessons.vgg import figures
from course_lib import layers
from course_lib.anatomy import anatomy
from course_lib.architectures.alexnet import LocalResponseNormalization
from course_lib.architectures.vgg import FILTERS, VARIANTS
from course_lib.gradients import gradients

# The cone


@pytest.mark.parametrize("layers_, kernel_size, strides", list(itertools.product((1, 2, 4), (3, 5, 11), (1, 2, 3))))
def test_the_cone_sees_what_anatomy_says_and_counts_the_paths_of_a_gradient(layers_, kernel_size, strides):
    cone, paths = figures.field_cone(layers_, kernel_size, strides).axes
    stack = keras.Sequential([keras.Input((150, 1))])
    for place in range(layers_):
        step = 1 if place else strides
        stack.add(keras.layers.Conv1D(1, kernel_size, step, kernel_initializer="ones"))
    (size,) = anatomy(stack).rows[-1].field.size
    assert cone.get_title(loc="left") == f"the unit at the top sees {size} pixels"
    line = np.zeros((1, 150, 1), "float32")
    counted = gradients(lambda x: stack(x)[0, 5, 0], line)[0].ravel()
    np.testing.assert_allclose([bar.get_height() for bar in paths.patches], counted[5 * strides :][:size])
    at_the_bottom = cone.lines[1]  # the grey dots of a row come first, then the blue ones
    middle = paths.patches[0].get_x() + paths.patches[0].get_width() / 2
    assert at_the_bottom.get_xdata().min() == pytest.approx(middle)


# The other figures


def test_frames_enclose_all_that_is_seen():
    values = np.zeros((9, 9))
    values[2:5, 3:8] = -1
    (axes,) = figures.fields({"one": values}).axes
    (frame,) = (patch for patch in axes.patches if isinstance(patch, Rectangle))
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((2.5, 1.5), 5, 3)
    assert axes.get_title() == "one\n3 × 5"


def test_the_family_has_a_box_for_every_layer():
    (axes,) = figures.family(VARIANTS, FILTERS).axes
    words = [text.get_text() for text in axes.texts]
    convolutions = sum(len(stage) for stages in VARIANTS.values() for stage in stages)
    assert len(axes.patches) == convolutions + 3 * len(VARIANTS)
    assert sum(text.startswith("1×1") for text in words) == 3
    assert words.count("3×3, 64 + LRN") == 1 and "E\n19 layers" in words
    assert len(axes.lines) == 5 * len(VARIANTS)


# What the lesson builds


@pytest.fixture(scope="module")
def space():
    """What the lesson builds, without its trainings."""
    space = functions(all_lessons()["19_vgg"], "mini_vgg", "plans", "in_keras", "LRN")
    space["new"] = np.random.default_rng(0).normal(size=(5, 8, 8, 1)).astype("float32"), np.arange(5)
    return space


def test_mini_vggs_have_the_depths_of_the_figure(space):
    for name, depth in {"A": 8, "B": 9, "C": 11, "D": 11, "E": 13, "16": 16}.items():
        net = space["mini_vgg"](space["plans"][name], "He", 0)
        assert sum(bool(layer.parameters) for layer in net.layers) == depth


@pytest.mark.parametrize("draw", ["He", "Glorot"])
def test_kernels_have_the_variance_of_their_draw(space, draw):
    net = space["mini_vgg"](space["plans"]["A"], draw, 0)
    kernel = next(
        layer.parameters["kernel"] for layer in net.layers if layer.parameters.get("kernel", np.ones(0)).size > 9000
    )
    height, width, channels, filters = kernel.shape
    wanted = {"He": 2 / (height * width * channels), "Glorot": 2 / (height * width * (channels + filters))}[draw]
    assert kernel.var() == pytest.approx(wanted, rel=0.05)


def test_in_keras_keeps_every_weight_and_every_answer(space):
    net = space["mini_vgg"](space["plans"]["C"], "He", 0, behind_first=[space["LRN"]()])
    for layer in net.layers:
        if layer.parameters:
            layer.parameters["bias"][:] = 0.1  # a bias of zero could hide a wrong order
    twin = space["in_keras"](net, (8, 8, 1))
    assert twin.count_params() == net.count_parameters()
    assert isinstance(twin.layers[2], LocalResponseNormalization)
    np.testing.assert_allclose(net.forward(space["new"][0]), twin(space["new"][0]), rtol=1e-3, atol=1e-4)


def test_normalisation_passes_the_gradient_back_as_keras_does(space):
    rng = np.random.default_rng(0)
    maps, upstream = (rng.normal(0, 40, (2, 3, 3, 8)).astype("float32") for _ in range(2))
    layer = space["LRN"]()
    np.testing.assert_allclose(layer.forward(maps), LocalResponseNormalization()(maps), rtol=1e-4)
    wanted = gradients(lambda x: keras.ops.sum(LocalResponseNormalization()(x) * upstream), maps)[0]
    np.testing.assert_allclose(layer.backward(upstream), wanted, rtol=1e-3, atol=1e-3)


def test_answers_agree_with_anatomy(space):
    lesson = all_lessons()["19_vgg"]
    stage = answer(lesson, "vgg_stage")((32, 32, 3), 16, (3, 3, 1))
    assert anatomy(stage).rows[-1].field.size[0] == answer(lesson, "receptive_field")([3, 3, 1, 2], [1, 1, 1, 2])
    assert answer(lesson, "layers_needed")(11, 3) == 5
    assert answer(lesson, "stack_or_one")(11, 3, 96) == (34848 + 96, 334368 + 5 * 96)
    shapes = [row.shape for row in anatomy(stage)]
    assert answer(lesson, "activation_bytes")(shapes, 1, True) == anatomy(stage).total.training_memory


def test_a_linear_stack_is_one_layer(space):
    """Of 3×3 and 1×1, with biases, on the layers of the course."""
    rng = np.random.default_rng(1)
    wide, point, merged = (layers.Conv2D(*sizes, rng) for sizes in ((2, 3, 3), (3, 4, 1), (2, 4, 3)))
    merged.parameters["kernel"] = wide.parameters["kernel"] @ point.parameters["kernel"][0, 0]
    maps = rng.normal(size=(1, 7, 7, 2))
    np.testing.assert_allclose(point.forward(wide.forward(maps)), merged.forward(maps))
