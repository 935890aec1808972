"""The architectures: counts of the papers, values of keras.applications and of NumPy, and that small ones learn."""

import functools
import math
import subprocess
import sys

import keras
import numpy as np
import psutil
import pytest
from twins import RNG, call_with, normal, numpy, parameters, random_weights, weights_by_layer

from course_lib import data
from course_lib.anatomy import anatomy
from course_lib.architectures import lenet
from course_lib.architectures.alexnet import LocalResponseNormalization, alexnet
from course_lib.architectures.blueprint import blueprint as new_blueprint
from course_lib.architectures.googlenet import googlenet, inception, naive_inception
from course_lib.architectures.lenet import lenet5, lenet5_1998
from course_lib.architectures.network_in_network import network_in_network
from course_lib.architectures.resnet import (
    PaddedShortcut,
    basic_block,
    bottleneck_block,
    cifar_resnet,
    resnet,
    resnet9,
)
from course_lib.architectures.squeezenet import squeezenet
from course_lib.architectures.vgg import stage, vgg
from course_lib.architectures.zfnet import zfnet

blueprint = functools.cache(new_blueprint)  # several tests look at the same one


def output_shape(model, layer):
    return model.get_layer(layer).output.shape[1:]


def block_model(shape, block, *arguments, **options):
    inputs = keras.Input(shape)
    return keras.Model(inputs, block(inputs, *arguments, name="block", **options))


# Counts


@pytest.mark.parametrize(
    ("build", "arguments", "options", "expected"),
    [
        (lenet5, (), {}, 61_706),
        (lenet5, ((28, 28, 1),), {"padding": "same"}, 61_706),
        (lenet5_1998, (), {}, 60_000),
        (alexnet, (), {}, 60_965_224),
        (alexnet, (), {"groups": 1}, 62_378_344),
        (alexnet, (), {"normalization": None}, 60_965_224),
        (alexnet, (), {"without": ("fc7",)}, 60_965_224 - 16_781_312),
        (alexnet, (), {"without": ("fc6", "fc7")}, 60_965_224 - 49_414_144),
        (alexnet, (), {"without": ("conv3", "conv4")}, 60_965_224 - 1_696_512),
        (zfnet, (), {}, 62_357_608),  # by hand, from the filters in the paper's figure 3
        (network_in_network, (), {}, 966_986),
        (vgg, ("A",), {}, 132_863_336),
        (vgg, ("A-LRN",), {}, 132_863_336),
        (vgg, ("B",), {}, 133_047_848),
        (vgg, ("C",), {}, 133_638_952),
        (vgg, ("D",), {}, 138_357_544),
        (vgg, ("E",), {}, 143_667_240),
        (vgg, ("E",), {"include_top": False}, 20_024_384),
        (googlenet, (), {}, 6_998_552),
        (googlenet, (), {"auxiliary": True}, 13_378_280),
        (resnet, (18,), {}, 11_689_512),
        (resnet, (34,), {}, 21_797_672),
        (resnet, (50,), {}, 25_557_032),
        (resnet, (101,), {}, 44_549_160),
        (resnet, (152,), {}, 60_192_808),
        (cifar_resnet, (20,), {}, 269_722),
        (cifar_resnet, (32,), {}, 464_154),
        (cifar_resnet, (44,), {}, 658_586),
        (cifar_resnet, (56,), {}, 853_018),
        (cifar_resnet, (110,), {}, 1_727_962),
        (cifar_resnet, (1202,), {}, 19_421_274),
        (resnet9, (), {}, 6_573_130),
        (squeezenet, (), {}, 1_248_424),
    ],
)
def test_trainable_parameters(build, arguments, options, expected):
    assert parameters(blueprint(build, *arguments, **options)) == expected


def test_layers_of_the_original_lenet():
    model = lenet5_1998()
    counts = {layer.name: parameters(layer) for layer in model.layers[1:] if layer.name != "flatten"}
    assert counts == {"C1": 156, "S2": 12, "C3": 1516, "S4": 32, "C5": 48_120, "F6": 10_164, "output": 0}
    assert sum(math.prod(weight.shape) for weight in model.non_trainable_weights) == 10 * 84


def test_width_scales_filters_and_hidden_units():
    shapes = [weight.shape for weight in blueprint(vgg, "A", classes=7, width=1 / 8).trainable_weights]
    assert shapes[:4] == [(3, 3, 3, 8), (8,), (3, 3, 8, 16), (16,)]
    assert shapes[-6:] == [(7 * 7 * 64, 512), (512,), (512, 512), (512,), (512, 7), (7,)]
    assert output_shape(blueprint(alexnet, width=1 / 64), "conv1") == (55, 55, 2)  # even, for two towers
    assert output_shape(blueprint(googlenet, width=1 / 8), "inception_5b") == (7, 7, 128)
    assert output_shape(blueprint(resnet, 50, width=0.5), "conv5_block3_out") == (7, 7, 1024)


def test_only_the_classifier_depends_on_the_classes():
    for build in (lenet5, alexnet, zfnet, network_in_network, vgg, googlenet, resnet, cifar_resnet, resnet9):
        model = blueprint(build, classes=3)
        assert model.output.shape == (None, 3), build


# Against keras.applications

# The side of the pictures for the parameters, and for the values: there, VGG's first dense layer is a small one.
TWINS = [
    pytest.param(vgg, "D", {}, keras.applications.VGG16, (224, 32), id="VGG16"),
    pytest.param(vgg, "E", {}, keras.applications.VGG19, (224, 32), id="VGG19"),
    pytest.param(resnet, 50, {"use_bias": True}, keras.applications.ResNet50, (64, 64), id="ResNet50"),
    pytest.param(resnet, 101, {"use_bias": True}, keras.applications.ResNet101, (48, 48), id="ResNet101"),
    pytest.param(resnet, 152, {"use_bias": True}, keras.applications.ResNet152, (33, 33), id="ResNet152"),
]


@pytest.mark.parametrize(("build", "kind", "options", "reference", "sides"), TWINS)
def test_same_parameters_layer_by_layer_as_keras_applications(build, kind, options, reference, sides):
    shape = (sides[0], sides[0], 3)
    ours = blueprint(build, kind, input_shape=shape, **options)
    theirs = blueprint(reference, weights=None, input_shape=shape)
    assert weights_by_layer(ours) == weights_by_layer(theirs)
    for layer in ours.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            twin = theirs.get_layer(layer.name)
            assert (layer.epsilon, layer.momentum) == (twin.epsilon, twin.momentum)


@pytest.mark.parametrize("include_top", [True, False])
@pytest.mark.parametrize(("build", "kind", "options", "reference", "sides"), TWINS)
def test_same_output_as_keras_applications(build, kind, options, reference, sides, include_top):
    if not include_top and kind not in ("D", 50):
        return  # the same lines of code
    shape = (sides[1], sides[1], 3)
    ours = blueprint(build, kind, input_shape=shape, include_top=include_top, **options)
    theirs = blueprint(reference, weights=None, input_shape=shape, include_top=include_top)
    weights, pictures = random_weights(theirs), normal(2, *shape)
    expected = call_with(theirs, weights, pictures)
    assert expected.std() > (1e-4 if include_top else 0.01)  # probabilities of 1,000 classes are small
    np.testing.assert_allclose(call_with(ours, weights, pictures), expected, atol=1e-3 * expected.std())


# LeNet-5


def test_the_table_of_c3():
    assert sum(map(len, lenet.C3_READS)) == 60
    assert len({frozenset(reads) for reads in lenet.C3_READS}) == 16  # all different, and so break the symmetry
    assert [sum(place in reads for reads in lenet.C3_READS) for place in range(6)] == [10] * 6


def test_partial_convolution_is_one_convolution_for_each_filter():
    layer = lenet.PartialConv2D(lenet.C3_READS, 5, activation="tanh")
    x = normal(2, 9, 8, 6)
    layer(x)
    layer.bias.assign(normal(16))
    kernel, bias = layer.get_weights()
    outputs, begin = numpy(layer(x)), 0
    for place, reads in enumerate(lenet.C3_READS):
        own = kernel[:, :, begin : begin + len(reads), None]
        expected = np.tanh(numpy(keras.ops.conv(x[..., list(reads)], own)) + bias[place])
        np.testing.assert_allclose(outputs[..., place : place + 1], expected, atol=1e-5)
        begin += len(reads)


def test_partial_convolution_starts_with_the_spread_of_a_full_one():
    partial, full = lenet.PartialConv2D(lenet.C3_READS, 5), keras.layers.Conv2D(16, 5)
    partial.build((None, 14, 14, 6))
    full.build((None, 14, 14, 6))
    assert numpy(partial.kernel).std() == pytest.approx(numpy(full.kernel).std(), rel=0.1)


@pytest.mark.parametrize("size", [2, 3])
def test_trained_subsampling_against_numpy(size):
    layer = lenet.TrainedSubsampling(size, activation=lenet.scaled_tanh)
    x = normal(2, 7, 6, 3)
    averages = keras.ops.average_pool(x, size, size)
    np.testing.assert_allclose(numpy(layer(x)), numpy(lenet.scaled_tanh(averages)), atol=1e-5)
    coefficient, bias = normal(3), normal(3)
    layer.set_weights([coefficient, bias])
    outputs = numpy(layer(x))
    assert outputs.shape == (2, 7 // size, 6 // size, 3)
    for i in range(outputs.shape[1]):
        for j in range(outputs.shape[2]):
            sums = x[:, i * size : (i + 1) * size, j * size : (j + 1) * size].sum(axis=(1, 2))
            expected = 1.7159 * np.tanh(2 / 3 * (coefficient * sums + bias))
            np.testing.assert_allclose(outputs[:, i, j], expected, atol=1e-5)


def test_the_output_of_1998_is_minus_a_squared_distance():
    codes = lenet.drawn_codes()
    assert codes.shape == (10, 84) and set(np.unique(codes)) == {-1, 1}
    apart = ((codes[:, None] - codes) ** 2).sum(axis=-1)
    assert apart[~np.eye(10, dtype=bool)].min() >= 4 * 5  # at least five pixels differ between any two digits
    x = normal(3, 84)
    expected = [[-np.sum((row - code) ** 2) for code in codes] for row in x]
    layer = lenet.CodeDistance(codes)
    np.testing.assert_allclose(numpy(layer(x)), expected, rtol=1e-5)
    assert numpy(layer(codes)).argmax(axis=1).tolist() == list(range(10))
    assert np.allclose(numpy(lenet.scaled_tanh(np.array([-1.0, 0, 1], "float32"))), [-1, 0, 1], atol=1e-4)


# AlexNet


def normalised_by_loops(x, size, bias, alpha, beta, groups):
    outputs, maps = np.empty_like(x), x.shape[-1]
    for place in range(maps):
        begin = place // (maps // groups) * (maps // groups)
        near = range(max(begin, place - size // 2), min(begin + maps // groups, place + size // 2 + 1))
        energy = sum(x[..., neighbour] ** 2 for neighbour in near)
        outputs[..., place] = x[..., place] / (bias + alpha * energy) ** beta
    return outputs


@pytest.mark.parametrize(
    "options",
    [
        {"size": 5, "bias": 2.0, "alpha": 1e-4, "beta": 0.75, "groups": 1},
        {"size": 5, "bias": 1.0, "alpha": 0.5, "beta": 0.75, "groups": 1},
        {"size": 3, "bias": 2.0, "alpha": 0.3, "beta": 0.5, "groups": 2},
        {"size": 1, "bias": 1.0, "alpha": 1.0, "beta": 1.0, "groups": 1},
        {"size": 17, "bias": 1.0, "alpha": 0.1, "beta": 0.75, "groups": 1},  # wider than there are maps
    ],
    ids=str,
)
def test_local_response_normalisation_against_loops(options):
    x = 10 * normal(2, 3, 4, 8)
    layer = LocalResponseNormalization(**options)
    np.testing.assert_allclose(numpy(layer(x)), normalised_by_loops(x, **options), rtol=1e-5)
    if options["size"] == 5 and options["alpha"] == 1e-4:  # the settings of the paper are what one gets
        np.testing.assert_array_equal(numpy(LocalResponseNormalization()(x)), numpy(layer(x)))


def test_shapes_of_alexnet():
    model = blueprint(alexnet, normalization="after")
    shapes = {layer.name: layer.output.shape[1:] for layer in model.layers[1:] if "drop" not in layer.name}
    assert shapes == {
        "conv1": (55, 55, 96), "pool1": (27, 27, 96), "norm1": (27, 27, 96),
        "conv2": (27, 27, 256), "pool2": (13, 13, 256), "norm2": (13, 13, 256),
        "conv3": (13, 13, 384), "conv4": (13, 13, 384), "conv5": (13, 13, 256), "pool5": (6, 6, 256),
        "flatten": (9216,), "fc6": (4096,), "fc7": (4096,), "fc8": (1000,),
    }  # fmt: skip
    assert output_shape(blueprint(alexnet, (224, 224, 3)), "conv1") == (54, 54, 96)


def test_shapes_of_zfnet():
    """Those of the paper's figure 3."""
    sides = {"conv1": 110, "pool1": 55, "conv2": 26, "pool2": 13, "conv3": 13, "conv4": 13, "conv5": 13, "pool5": 6}
    model = blueprint(zfnet)
    assert {layer: output_shape(model, layer)[0] for layer in sides} == sides


def test_zfnet_may_normalise_by_the_batch_or_not_at_all():
    def kinds(**options):
        return [type(layer).__name__ for layer in blueprint(zfnet, **options).layers]

    assert kinds().count("LocalResponseNormalization") == 2
    assert kinds(normalization="batch").count("BatchNormalization") == 5
    assert not any("Normalization" in kind for kind in kinds(normalization=None))
    batch = blueprint(zfnet, normalization="batch")
    names = [layer.name for layer in batch.layers]
    assert names[names.index("conv3") : names.index("conv3") + 3] == ["conv3", "norm3", "relu3"]
    assert not any(layer.use_bias for layer in batch.layers if isinstance(layer, keras.layers.Conv2D))


def test_normalisation_comes_before_or_after_pooling_or_not_at_all():
    def order(normalization):
        names = [layer.name for layer in blueprint(alexnet, normalization=normalization).layers]
        return names[1 : names.index("conv3")]

    assert order("before") == ["conv1", "norm1", "pool1", "conv2", "norm2", "pool2"]
    assert order("after") == ["conv1", "pool1", "norm1", "conv2", "pool2", "norm2"]
    assert order(None) == ["conv1", "pool1", "conv2", "pool2"]

    options = {"input_shape": (67, 67, 3), "classes": 3, "width": 1 / 16, "classifier_activation": None}
    before, after = (alexnet(normalization=place, **options) for place in ("before", "after"))
    after.set_weights(before.get_weights())
    pictures = 100 * normal(2, 67, 67, 3)
    assert not np.allclose(numpy(before(pictures)), numpy(after(pictures)), rtol=1e-3)


def test_alexnet_in_groups_is_two_towers():
    """Each tower is computed alone, from its half of the filters; they meet in conv3 and in fc6."""
    model = alexnet((99, 99, 3), 5, width=1 / 8, classifier_activation=None)
    for weight in model.weights:
        if weight.name == "bias":
            weight.assign(normal(*weight.shape))
    weights = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    settings = {"size": 5, "bias": 2.0, "alpha": 1e-4, "beta": 0.75, "groups": 1}

    def convolution(x, name, tower=None, **options):
        kernel, bias = weights[name]
        if tower is not None:
            half = slice(tower * len(bias) // 2, (tower + 1) * len(bias) // 2)
            kernel, bias = kernel[..., half], bias[half]
        return np.maximum(numpy(keras.ops.conv(x, kernel, **options)) + bias, 0)

    def pool(x):
        return numpy(keras.ops.max_pool(x, 3, 2))

    def meet(towers):
        return np.concatenate(towers, axis=-1)

    pictures, towers = 30 * normal(2, 99, 99, 3), []
    for tower in (0, 1):
        x = pool(normalised_by_loops(convolution(pictures, "conv1", tower, strides=4), **settings))
        x = convolution(x, "conv2", tower, padding="same")
        towers.append(pool(normalised_by_loops(x, **settings)))
    x = np.split(convolution(meet(towers), "conv3", padding="same"), 2, axis=-1)
    x = [convolution(x[tower], "conv4", tower, padding="same") for tower in (0, 1)]
    x = [pool(convolution(x[tower], "conv5", tower, padding="same")) for tower in (0, 1)]
    x = meet(x).reshape(len(pictures), -1)
    for name in ("fc6", "fc7"):
        x = np.maximum(x @ weights[name][0] + weights[name][1], 0)
    expected = x @ weights["fc8"][0] + weights["fc8"][1]
    np.testing.assert_allclose(numpy(model(pictures)), expected, rtol=1e-3, atol=1e-3)


# Network in Network, VGG


def test_shapes_of_network_in_network():
    model = blueprint(network_in_network)
    names = ("block1_conv", "block1_mlp2", "pool1", "block2_mlp2", "pool2", "block3_mlp2", "avg_pool")
    assert [output_shape(model, name) for name in names] == [
        (32, 32, 192), (32, 32, 96), (16, 16, 96), (16, 16, 192), (8, 8, 192), (8, 8, 10), (10,)
    ]  # fmt: skip


def test_variants_of_vgg():
    def convolutions(variant):
        layers = blueprint(vgg, variant).layers
        return [layer.kernel_size[0] for layer in layers if isinstance(layer, keras.layers.Conv2D)]

    assert {variant: len(convolutions(variant)) + 3 for variant in "ABCDE"} == {
        "A": 11, "B": 13, "C": 16, "D": 16, "E": 19
    }  # fmt: skip
    assert convolutions("C") == [3, 3, 3, 3, 3, 3, 1, 3, 3, 1, 3, 3, 1]
    assert set(convolutions("D")) == {3}
    names = [layer.name for layer in blueprint(vgg, "A-LRN").layers]
    assert names[1:4] == ["block1_conv1", "block1_norm", "block1_pool"]
    assert sum("norm" in name for name in names) == 1


def test_own_stages_of_vgg():
    model = blueprint(vgg, ((3,), (3, 1)), (12, 12, 1), 4, width=1 / 4)
    assert output_shape(model, "block2_conv2") == (6, 6, 32)
    assert model.get_layer("block2_conv2").kernel_size == (1, 1)
    alone = block_model((8, 6, 3), stage, 5, (3, 3))
    assert [layer.name for layer in alone.layers[1:]] == ["block_conv1", "block_conv2", "block_pool"]
    assert alone.output.shape == (None, 4, 3, 5)


# GoogLeNet


def test_googlenet_stage_by_stage():
    """Table 1 of the paper."""
    model = blueprint(googlenet)
    assert {name: output_shape(model, name) for name in (
        "conv1", "pool1", "conv2", "pool2", "inception_3a", "inception_3b", "pool3", "inception_4a", "inception_4b",
        "inception_4c", "inception_4d", "inception_4e", "pool4", "inception_5a", "inception_5b", "avg_pool",
        "predictions",
    )} == {
        "conv1": (112, 112, 64), "pool1": (56, 56, 64), "conv2": (56, 56, 192), "pool2": (28, 28, 192),
        "inception_3a": (28, 28, 256), "inception_3b": (28, 28, 480), "pool3": (14, 14, 480),
        "inception_4a": (14, 14, 512), "inception_4b": (14, 14, 512), "inception_4c": (14, 14, 512),
        "inception_4d": (14, 14, 528), "inception_4e": (14, 14, 832), "pool4": (7, 7, 832),
        "inception_5a": (7, 7, 832), "inception_5b": (7, 7, 1024), "avg_pool": (1024,), "predictions": (1000,),
    }  # fmt: skip
    rows = {"3a": 163_328, "4c": 509_440, "5a": 1_042_432, "5b": 1_442_816}
    for module, expected in rows.items():
        kernels = [layer.kernel for layer in model.layers if layer.name.startswith(f"inception_{module}_")
                   and layer.weights]  # fmt: skip
        assert sum(math.prod(kernel.shape) for kernel in kernels) == expected


def test_auxiliary_heads():
    model = blueprint(googlenet, auxiliary=True)
    assert [output.shape for output in model.outputs] == [(None, 1000)] * 3
    assert model.output_names == ["predictions", "auxiliary_4a", "auxiliary_4d"]
    for name, channels in (("auxiliary_4a", 512), ("auxiliary_4d", 528)):
        assert output_shape(model, f"{name}_pool") == (4, 4, channels)
        assert output_shape(model, f"{name}_conv") == (4, 4, 128)
        assert output_shape(model, f"{name}_fc") == (1024,)
    without = keras.Model(model.input, model.outputs[0])
    assert parameters(without) == 6_998_552


def test_inception_modules():
    naive = block_model((28, 28, 256), naive_inception, 128, 192, 96)
    assert naive.output.shape == (None, 28, 28, 672)
    assert output_shape(naive, "block_pool") == (28, 28, 256)
    reduced = block_model((28, 28, 256), inception, 128, 64, 192, 64, 96, 64)
    assert reduced.output.shape == (None, 28, 28, 480)
    assert parameters(block_model((112, 112, 3), inception, 64, 64, 64, 64, 64, 64)) == 140_416


def test_the_branches_of_a_module_see_the_same_input():
    model = block_model((6, 6, 3), inception, 2, 3, 4, 5, 6, 7)
    x = normal(1, 6, 6, 3)
    weights = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}

    def convolution(x, branch):
        kernel, bias = weights[f"block_{branch}"]
        return keras.ops.relu(keras.ops.conv(x, kernel, padding="same") + bias)

    expected = [
        convolution(x, "1x1"),
        convolution(convolution(x, "3x3_reduce"), "3x3"),
        convolution(convolution(x, "5x5_reduce"), "5x5"),
        convolution(keras.ops.max_pool(x, 3, 1, padding="same"), "pool_1x1"),
    ]
    np.testing.assert_allclose(numpy(model(x)), numpy(keras.ops.concatenate(expected, axis=-1)), atol=1e-5)


# Residual networks


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_resnet_stage_by_stage(depth):
    model, plain = blueprint(resnet, depth), blueprint(resnet, depth, residual=False)
    outs = [layer for layer in model.layers if layer.name.endswith("_out")]
    last = {layer.name.split("_")[0]: layer.output.shape[1:] for layer in outs}
    factor = 1 if depth < 50 else 4
    assert last == {
        "conv2": (56, 56, 64 * factor),
        "conv3": (28, 28, 128 * factor),
        "conv4": (14, 14, 256 * factor),
        "conv5": (7, 7, 512 * factor),
    }
    assert output_shape(model, "conv1_relu") == (112, 112, 64)
    assert sum(hasattr(layer, "kernel") for layer in plain.layers) == depth  # no projections beside the path
    assert not any(isinstance(layer, keras.layers.Add) for layer in plain.layers)
    projections = [layer for layer in model.layers if layer.name.endswith("_0_conv")]
    assert len(projections) == (3 if depth < 50 else 4)


def test_resnet9_is_made_as_its_docstring_says():
    model = blueprint(resnet9)
    convolutions = [
        (32, 3, 64),
        (32, 64, 128),
        *2 * [(16, 128, 128)],
        (16, 128, 256),
        (8, 256, 512),
        *2 * [(4, 512, 512)],
    ]
    assert anatomy(model).total.multiply_adds == 379_261_952
    assert sum(side**2 * 9 * before * after for side, before, after in convolutions) + 512 * 10 == 379_261_952
    ends = [output_shape(model, name) for name in ("conv2_block1_out", "conv3_pool", "conv4_block1_out")]
    assert ends == [(16, 16, 128), (8, 8, 256), (4, 4, 512)]
    assert [layer.name for layer in model.layers if isinstance(layer, keras.layers.Add)] == [
        "conv2_block1_add",
        "conv4_block1_add",
    ]


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110])
def test_cifar_resnet_and_its_plain_twin(depth):
    model, plain = blueprint(cifar_resnet, depth), blueprint(cifar_resnet, depth, residual=False)
    assert parameters(model) == parameters(plain)
    for each in (model, plain):
        assert sum(hasattr(layer, "kernel") for layer in each.layers) == depth
    blocks = (depth - 2) // 6
    shapes = [output_shape(model, f"conv{stage}_block{blocks}_out") for stage in (2, 3, 4)]
    assert shapes == [(32, 32, 16), (16, 16, 32), (8, 8, 64)]
    assert sum(isinstance(layer, keras.layers.Add) for layer in model.layers) == 3 * blocks
    assert not any(isinstance(layer, (keras.layers.Add, PaddedShortcut)) for layer in plain.layers)


def test_shortcuts_a_b_and_c():
    def of_cifar(kind):
        return parameters(blueprint(cifar_resnet, 20, shortcut=kind))

    projections = [16 * 32 + 2 * 32, 32 * 64 + 2 * 64]  # and their batch normalisation
    everywhere = 3 * (16 * 16 + 2 * 16) + 2 * (32 * 32 + 2 * 32) + 2 * (64 * 64 + 2 * 64)
    assert of_cifar("A") == 269_722
    assert of_cifar("B") == 269_722 + sum(projections)
    assert of_cifar("C") == 269_722 + sum(projections) + everywhere


@pytest.mark.parametrize(("height", "width", "strides", "filters"), [(8, 6, 2, 5), (7, 5, 2, 3), (4, 4, 1, 4)])
def test_padded_shortcut_against_numpy(height, width, strides, filters):
    x = normal(2, height, width, 3)
    expected = np.zeros((2, math.ceil(height / strides), math.ceil(width / strides), filters), "float32")
    for i in range(expected.shape[1]):
        for j in range(expected.shape[2]):
            expected[:, i, j, :3] = x[:, i * strides, j * strides]
    np.testing.assert_array_equal(numpy(PaddedShortcut(filters, strides)(x)), expected)


@pytest.mark.parametrize("shortcut", ["A", "B"])
@pytest.mark.parametrize("strides", [1, 2])
def test_a_basic_block_is_the_sum_of_its_path_and_its_shortcut(strides, shortcut):
    model = block_model((8, 8, 3), basic_block, 6, strides, shortcut=shortcut)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(RNG.uniform(0.5, 1.5, weight.shape))
    x = normal(2, 8, 8, 3)

    def step(x, name, strides=1):
        kernel = model.get_layer(f"{name}_conv").get_weights()[0]
        margin = kernel.shape[0] // 2
        padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
        gamma, beta, mean, variance = model.get_layer(f"{name}_bn").get_weights()
        return (numpy(keras.ops.conv(padded, kernel, strides)) - mean) / np.sqrt(variance + 1.001e-5) * gamma + beta

    path = step(np.maximum(step(x, "block_1", strides), 0), "block_2")
    beside = np.pad(x[:, ::strides, ::strides], ((0, 0), (0, 0), (0, 0), (0, 3)))
    if shortcut == "B":
        beside = step(x, "block_0", strides)
    np.testing.assert_allclose(numpy(model(x)), np.maximum(path + beside, 0), atol=1e-4)


@pytest.mark.parametrize(("block", "channels"), [(basic_block, 4), (bottleneck_block, 16)])
def test_blocks_may_begin_as_the_identity(block, channels):
    model = block_model((6, 6, channels), block, 4, last_gamma_initializer="zeros")
    x = np.abs(normal(2, 6, 6, channels))  # what comes out of the ReLU of the block before
    np.testing.assert_array_equal(numpy(model(x)), x)
    assert not np.allclose(numpy(block_model((6, 6, channels), block, 4)(x)), x)


def test_identity_block_as_printed_and_without_useless_biases():
    assert block_model((56, 56, 256), bottleneck_block, 64, use_bias=True).count_params() == 71_552
    assert block_model((56, 56, 256), bottleneck_block, 64).count_params() == 71_168


def test_options_reach_every_layer():
    model = blueprint(cifar_resnet, 8, momentum=0.8, use_bias=True, kernel_initializer="zeros")
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            assert layer.momentum == 0.8
        if isinstance(layer, keras.layers.Conv2D):
            assert layer.use_bias and isinstance(layer.kernel_initializer, keras.initializers.Zeros)
    with pytest.raises(TypeError):
        blueprint(cifar_resnet, 8, momentun=0.8)


def test_building_the_deepest_leaves_the_recursion_limit_alone():
    usual = sys.getrecursionlimit()
    blueprint(cifar_resnet, 1202)
    assert sys.getrecursionlimit() == usual


# Blueprints


def test_a_blueprint_takes_no_memory():
    process = psutil.Process()
    before = process.memory_info().rss
    model = new_blueprint(vgg, "E")
    assert model.count_params() == 143_667_240
    keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: 2 * x)])  # would give waiting weights values
    assert process.memory_info().rss - before < 100e6


def test_a_blueprint_passes_errors_on():
    with pytest.raises(ValueError, match="variant must be one of"):
        blueprint(vgg, "F")


# Wrong arguments


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (lenet5, {"input_shape": (31, 32, 1)}, "both sides at least 32; not (31, 32, 1)"),
        (lenet5, {"input_shape": (27, 28, 1), "padding": "same"}, "at least 28"),
        (lenet5, {"padding": "full"}, "padding must be one of 'valid', 'same'; not 'full'"),
        (lenet5_1998, {"input_shape": (28, 28, 1)}, "at least 32"),
        (lenet5_1998, {"classes": 5}, "codes must be -1 and +1 of shape (classes, 84) = (5, 84), not (10, 84)"),
        (lenet5_1998, {"codes": np.zeros((10, 84))}, "codes must be -1 and +1"),
        (alexnet, {"input_shape": (66, 227, 3)}, "at least 67"),
        (alexnet, {"input_shape": (16, 16, 3), "kernel_size": 3, "strides": 1}, "at least 17"),
        (alexnet, {"groups": 3}, "groups must be one of 1, 2; not 3"),
        (alexnet, {"normalization": "between"}, "normalization must be one of 'before', 'after', None"),
        (alexnet, {"without": ["conv2"]}, "without must be one of 'conv3', 'conv4', 'fc6', 'fc7'; not 'conv2'"),
        (network_in_network, {"input_shape": (3, 8, 3)}, "at least 4"),
        (zfnet, {"input_shape": (52, 53, 3)}, "at least 53"),
        (zfnet, {"normalization": "before"}, "normalization must be one of 'local', 'batch', None; not 'before'"),
        (vgg, {"variant": "F"}, "variant must be one of 'A', 'A-LRN', 'B', 'C', 'D', 'E'; not 'F'"),
        (vgg, {"variant": [(3,), ()]}, "variant must have 1 to 5 stages of at least one convolution"),
        (vgg, {"variant": [(3,)] * 6}, "variant must have 1 to 5 stages"),
        (vgg, {"input_shape": (32, 31, 3)}, "at least 32"),
        (vgg, {"variant": [(3,)] * 3, "input_shape": (7, 8, 3)}, "at least 8"),
        (googlenet, {"input_shape": (31, 31, 3)}, "at least 32"),
        (googlenet, {"input_shape": (15, 15, 3), "strides": 1}, "at least 16"),
        (resnet, {"depth": 20}, "depth must be one of 18, 34, 50, 101, 152; not 20"),
        (resnet, {"input_shape": (16, 16, 3)}, "at least 32"),
        (resnet, {"shortcut": "D"}, "shortcut must be one of 'A', 'B', 'C'; not 'D'"),
        (cifar_resnet, {"depth": 18}, "depth must be 6n + 2 for n blocks in each stage: 8, 14, 20, 26, 32, …; not 18"),
        (cifar_resnet, {"depth": 2}, "6n + 2"),
        (cifar_resnet, {"depth": "20"}, "6n + 2"),
        (cifar_resnet, {"input_shape": (3, 3, 3)}, "at least 4"),
        (resnet9, {"input_shape": (7, 8, 3)}, "at least 8"),
        *[
            (build, options, message)
            for build in (lenet5, alexnet, zfnet, network_in_network, vgg, googlenet, resnet, cifar_resnet, resnet9)
            for options, message in (
                ({"classes": 0}, "classes must be a whole number above 0, not 0"),
                ({"classes": 2.5}, "classes must be a whole number above 0, not 2.5"),
                ({"input_shape": (224, 224)}, "input_shape must be (height, width, channels)"),
                ({"input_shape": (None, None, 3)}, "input_shape must be (height, width, channels)"),
            )
        ],
        *[
            (build, {"width": 0}, "width must be a number above 0, not 0")
            for build in (alexnet, zfnet, network_in_network, vgg, googlenet, resnet, cifar_resnet, resnet9)
        ],
    ],
)
def test_wrong_arguments_are_named(build, options, message):
    with pytest.raises(ValueError) as error:
        build(**options)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (lenet5, {"input_shape": (32, 33, 1)}),
        (lenet5, {"input_shape": (28, 28, 1), "padding": "same"}),
        (alexnet, {"input_shape": (67, 67, 3)}),
        (alexnet, {"input_shape": (17, 17, 3), "kernel_size": 3, "strides": 1}),
        (zfnet, {"input_shape": (53, 53, 3), "units": 8}),
        (zfnet, {"input_shape": (37, 37, 3), "units": 8, "strides": (2, 1)}),
        (network_in_network, {"input_shape": (4, 4, 3)}),
        (vgg, {"input_shape": (32, 32, 3)}),
        (vgg, {"variant": [(3,)] * 3, "input_shape": (8, 8, 3)}),
        (googlenet, {"input_shape": (32, 32, 3), "auxiliary": True}),
        (googlenet, {"input_shape": (16, 16, 3), "strides": 1, "auxiliary": True}),
        (resnet, {"input_shape": (32, 32, 3)}),
        (cifar_resnet, {"input_shape": (4, 4, 3)}),
        (resnet9, {"input_shape": (8, 8, 3)}),
    ],
)
def test_the_smallest_pictures_allowed_give_an_output(build, options):
    assert new_blueprint(build, classes=3, **options).outputs[0].shape == (None, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LocalResponseNormalization(size=4), "size must be an odd number above 0, not 4"),
        (lambda: LocalResponseNormalization(groups=3)(normal(1, 2, 2, 8)), "groups=3 must divide the 8 maps"),
        (lambda: PaddedShortcut(2)(normal(1, 2, 2, 3)), "can only add maps: 3 are more than 2"),
    ],
)
def test_layers_name_what_does_not_fit(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# Use


LITTLE = {"width": 1 / 8, "dropout": 0, "kernel_initializer": "he_normal"}
SMALL = {
    "lenet5": (lenet5, {}),
    "lenet5_1998": (lenet5_1998, {"codes": np.sign(np.random.default_rng(0).normal(size=(6, 84)))}),
    "alexnet": (alexnet, LITTLE | {"groups": 1, "kernel_size": 3, "strides": 1}),
    "zfnet": (zfnet, LITTLE | {"strides": (1, 1), "normalization": "batch", "units": 64}),
    "network_in_network": (network_in_network, LITTLE | {"width": 1 / 4}),
    "vgg": (vgg, LITTLE | {"variant": "A-LRN"}),
    "googlenet": (googlenet, LITTLE | {"auxiliary": True, "strides": 1}),
    "cifar_resnet": (cifar_resnet, {"depth": 8}),
    "resnet9": (resnet9, {"width": 1 / 8}),
    "cifar_plain": (cifar_resnet, {"depth": 8, "residual": False}),
}


@pytest.fixture(scope="module")
def shapes():
    return data.shapes(24, seed=0)


LEARNING = SMALL if keras.backend.backend() == "tensorflow" else ("lenet5_1998", "alexnet")  # JAX compiles for minutes


@pytest.mark.parametrize("name", LEARNING)
def test_small_versions_learn(name, shapes):
    keras.utils.set_random_seed(0)
    build, options = SMALL[name]
    model = build(input_shape=(32, 32, 3), classes=6, **options)
    heads = len(model.outputs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=build is lenet5_1998)
    is_quicker_uncompiled = keras.backend.backend() == "tensorflow"  # a few steps do not earn back a compilation
    model.compile(
        keras.optimizers.Adam(1e-3),
        [loss] * heads,
        loss_weights=[1, 0.3, 0.3][:heads],
        run_eagerly=is_quicker_uncompiled,
    )
    labels = [shapes.labels] * heads
    history = [np.ravel(model.train_on_batch(shapes.images, labels))[0] for _ in range(8)]
    assert np.isfinite(history).all()
    assert history[-1] < 0.98 * history[0]


@pytest.mark.parametrize("name", ["lenet5_1998", "alexnet", "cifar_resnet"])  # they have all layers that are ours
def test_small_versions_survive_saving(name, tmp_path):
    build, options = SMALL[name]
    model = build(input_shape=(32, 32, 3), classes=6, **options)
    pictures = normal(2, 32, 32, 3)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for ours, theirs in zip(keras.tree.flatten(model(pictures)), keras.tree.flatten(again(pictures)), strict=True):
        np.testing.assert_allclose(numpy(ours), numpy(theirs), rtol=1e-5, atol=1e-6)


def test_every_layer_that_is_ours_keeps_its_settings():
    layers = [
        LocalResponseNormalization(3, 1.0, 0.5, 0.25, groups=2, name="n"),
        PaddedShortcut(8, 2, name="s"),
        lenet.TrainedSubsampling(3, activation="tanh", name="t"),
        lenet.PartialConv2D([(0, 1), (1,)], 3, activation="relu", name="p"),
    ]
    for layer in layers:
        assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


def test_importing_the_package_does_not_import_keras():
    script = "import sys, course_lib.architectures; assert not {'keras', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_no_builder_makes_a_convolution_whose_gradient_crashes():
    """TensorFlow's gradient of a plain 1×1 convolution with strides writes outside its memory on some processors."""
    from course_lib.architectures import resnet as module
    from course_lib.explain.network import _has_strided_pointwise

    small = {"input_shape": (64, 64, 3), "classes": 4}
    built = [module.resnet(50, **small), module.resnet(18, **small), module.resnet(18, shortcut="C", **small)]
    built += [module.cifar_resnet(20, shortcut="B"), googlenet(**small), vgg("A", **small)]
    assert not any(map(_has_strided_pointwise, built))
    assert _has_strided_pointwise(keras.applications.ResNet50(weights=None, **small))  # the search finds what there is
