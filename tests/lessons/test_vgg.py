"""The figures of lesson 19 show what they are given, and what it builds and records is what it says."""

import itertools

import keras
import numpy as np
import pytest
from lesson_code import all_lessons, answer, functions
from matplotlib.patches import Rectangle

from course_lessons.vgg import evidence, figures
from course_lib import layers
from course_lib.anatomy import anatomy
from course_lib.architectures.alexnet import LocalResponseNormalization
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.vgg import FILTERS, VARIANTS, vgg
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
    return functions(all_lessons()["19_vgg"], "mini_vgg", "plans", "digit_reader", "build_vgg", "stack_of")


DEPTHS = {"A": 8, "B": 9, "C": 11, "D": 11, "E": 13, "16 layers": 16}


def test_mini_vggs_have_the_depths_of_the_text(space):
    assert {name: anatomy(space["mini_vgg"](plan)).total.depth for name, plan in space["plans"].items()} == DEPTHS


def test_the_builder_of_the_lesson_gives_the_networks_of_the_library(space):
    for variant in ("A", "C", "E"):
        ours, theirs = (
            anatomy(blueprint(*each)).total for each in ((space["build_vgg"], VARIANTS[variant]), (vgg, variant))
        )
        assert (ours.parameters, ours.multiply_adds) == (theirs.parameters, theirs.multiply_adds)


def test_a_linear_reader_melts_into_one_window_and_a_bent_one_does_not(space):
    kernel = answer(all_lessons()["19_vgg"], "merged_kernel")
    images = np.random.default_rng(0).normal(size=(3, 14, 14, 1)).astype("float32")
    for bent in (False, True):
        model, melted = space["digit_reader"]([3, 3, 3], bent), space["digit_reader"]([7], False)
        body = [model.get_layer(f"body{place}").get_weights()[0] for place in range(3)]
        melted.layers[0].set_weights(model.layers[0].get_weights())
        melted.get_layer("body0").set_weights([kernel(kernel(body[0], body[1]), body[2])])
        melted.layers[-1].set_weights(model.layers[-1].get_weights())
        assert np.allclose(melted(images), model(images), atol=1e-4) != bent


def test_answers_agree_with_anatomy():
    lesson = all_lessons()["19_vgg"]
    stage = answer(lesson, "vgg_stage")((32, 32, 3), 16, (3, 3, 1))
    assert anatomy(stage).rows[-1].field.size[0] == answer(lesson, "receptive_field")([3, 3, 1, 2], [1, 1, 1, 2])
    assert answer(lesson, "stack_or_one")(11, 3, 96) == (34848 + 96, 334368 + 5 * 96)
    shapes = [row.shape for row in anatomy(stage)]
    assert answer(lesson, "activation_bytes")(shapes, 1, True) == anatomy(stage).total.training_memory


# What the evidence trains


def test_recorded_mini_vggs_are_those_of_the_lesson(space):
    rng = np.random.default_rng(0)
    for name, plan in space["plans"].items():
        net = evidence.mini_vgg(name, rng)
        assert net.count_parameters() == space["mini_vgg"](plan).count_params()
        assert sum(bool(layer.parameters) for layer in net.layers) == DEPTHS[name]


def test_recorded_bodies_have_relu_where_they_say():
    rng = np.random.default_rng(0)
    bent = {name: evidence.with_body(name, rng) for name in evidence.BODIES}
    relus = {name: sum(isinstance(layer, layers.ReLU) for layer in net.layers) for name, net in bent.items()}
    assert relus == {"one 7×7": 2, "three 3×3": 4, "three 3×3, no ReLU between": 2}
    assert all(net.forward(np.zeros((1, 16, 16, 1), "float32")).shape == (1, 6) for net in bent.values())


@pytest.mark.parametrize("name, gains", [("three 3×3", (2, 2)), ("three 3×3, no ReLU between", (1, 2))])
def test_kernels_have_twice_the_variance_in_front_of_a_relu(name, gains):
    draws = [evidence.with_body(name, np.random.default_rng(seed)).layers for seed in range(30)]
    convolutions = [[layer for layer in net if isinstance(layer, layers.Conv2D)] for net in draws]
    for place, gain in zip((1, 3), gains, strict=True):  # the first of the body, and its last, which a ReLU follows
        kernels = np.array([net[place].parameters["kernel"] for net in convolutions])
        assert kernels.var() == pytest.approx(gain / (9 * 8), rel=0.05)
    denses = np.array([net[-1].parameters["kernel"] for net in draws])
    assert denses.var() == pytest.approx(1 / 128, rel=0.05)


def test_normalisation_passes_the_gradient_back_as_keras_does():
    rng = np.random.default_rng(0)
    maps, upstream = (rng.normal(0, 40, (2, 3, 3, 8)).astype("float32") for _ in range(2))
    layer = evidence.LRN(alpha=1e-4)
    np.testing.assert_allclose(layer.forward(maps), LocalResponseNormalization()(maps), rtol=1e-4)
    wanted = gradients(lambda x: keras.ops.sum(LocalResponseNormalization()(x) * upstream), maps)[0]
    np.testing.assert_allclose(layer.backward(upstream), wanted, rtol=1e-3, atol=1e-3)


def test_small_digits_are_means_of_two_by_two_and_other_ones_for_each_seed(space):
    (images, labels), (validation, _), (test, _) = evidence.small_digits(0)
    assert images.shape == (1000, 14, 14, 1) and len(validation) == 500 and len(test) == 1000
    assert not np.array_equal(labels, evidence.small_digits(1)[0][1])
