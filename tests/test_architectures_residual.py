"""The families of lesson 22: counts of the papers, values of keras.applications and of NumPy, and that they learn."""

import functools

import keras
import numpy as np
import pytest
from keras import ops
from twins import RNG, call_with, normal, numpy, parameters, random_weights, weights_by_layer

from course_lib import data
from course_lib.anatomy import anatomy
from course_lib.architectures import catalogue
from course_lib.architectures.blueprint import blueprint as new_blueprint
from course_lib.architectures.convolutions import EPSILON
from course_lib.architectures.densenet import cifar_densenet, dense_block, densenet, transition
from course_lib.architectures.dual_path import dual_path_block, dual_path_network
from course_lib.architectures.preactivation import preactivated_block, preactivated_bottleneck, resnet_v2
from course_lib.architectures.resnet import bottleneck_block, resnet
from course_lib.architectures.resnext import resnext
from course_lib.architectures.squeeze_excitation import se_resnet, squeeze_excite
from course_lib.architectures.wide_resnet import wide_resnet
from course_lib.explain.network import _has_strided_pointwise

blueprint = functools.cache(new_blueprint)  # several tests look at the same one
WRN_50_2 = {"widen": 2, "strides_in": "3x3"}


def block_model(shape, block, *arguments, **options):
    """Its weights are such that all of them matter."""
    inputs = keras.Input(shape)
    model = keras.Model(inputs, block(inputs, *arguments, name="block", **options))
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(RNG.uniform(0.5, 1.5, weight.shape))
    return model


def step(model, x, name, strides=1, groups=1):
    """The convolution `name` of a model, in groups one by one."""
    kernel, *bias = model.get_layer(f"{name}_conv").get_weights()
    margin = kernel.shape[0] // 2
    padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    parts = zip(np.split(padded, groups, axis=-1), np.split(kernel, groups, axis=-1), strict=True)
    results = [numpy(ops.conv(part, own, strides)) for part, own in parts]
    return np.concatenate(results, axis=-1) + (bias[0] if bias else 0)


def norm(model, x, name):
    gamma, beta, mean, variance = model.get_layer(f"{name}_bn").get_weights()
    return (x - mean) / np.sqrt(variance + EPSILON) * gamma + beta


def active(model, x, name):
    return np.maximum(norm(model, x, name), 0)


# Counts

COUNTS = {  # trainable and all parameters, multiply-adds, depth
    # of keras.applications
    (resnet_v2, 50): (25_568_360, 25_613_800, 3_482_255_360, 50),
    (resnet_v2, 101): (44_577_896, 44_675_560, 7_194_476_544, 101),
    (resnet_v2, 152): (60_236_904, 60_380_648, 10_906_697_728, 152),
    (densenet, 121): (7_978_856, 8_062_504, 2_834_161_664, 121),
    (densenet, 169): (14_149_480, 14_307_880, 3_359_843_328, 169),
    (densenet, 201): (20_013_928, 20_242_984, 4_291_365_888, 201),
    # the parameters are those of torchvision and timm
    (resnext, 50, 32, 4): (25_028_904, 25_097_128, 4_230_479_872, 50),
    (resnext, 101, 64, 4): (83_455_272, 83_658_152, 15_460_270_080, 101),
    (se_resnet, 50): (28_088_024, 28_141_144, 4_091_699_200, 82),  # the gates lie on the longest path
    (dual_path_network, 92): (37_668_392, 37_793_608, 6_501_684_224, 92),
    (dual_path_network, 98): (61_570_728, 61_735_624, 11_671_217_152, 98),
    (dual_path_network, 131): (79_254_504, 79_477_864, 16_013_648_896, 131),
    (wide_resnet, 16, 4): (2_748_890, 2_752_506, 392_612_352, 14),
    (wide_resnet, 28, 10): (36_479_194, 36_497_146, 5_243_328_768, 26),
    (wide_resnet, 40, 4): (8_949_210, 8_959_994, 1_298_582_016, 38),
}


@pytest.mark.parametrize(("network", "expected"), COUNTS.items(), ids=lambda each: str(each[1:]))
def test_counts(network, expected):
    build, *arguments = network
    total = anatomy(blueprint(build, *arguments)).total
    assert (total.trainable, total.parameters, total.multiply_adds, total.depth) == expected
    assert total.uncounted == ()


@pytest.mark.parametrize(
    ("network", "millions", "billions"),
    [  # as the papers print them; Chen et al. count moments, too
        ((wide_resnet, 16, 4), 2.7, None),
        ((wide_resnet, 28, 10), 36.5, None),
        ((wide_resnet, 40, 4), 8.9, None),
        ((cifar_densenet, 40, 12), 1.0, None),
        ((cifar_densenet, 100, 12), 7.0, None),
        ((functools.partial(cifar_densenet, bottleneck=True), 100, 12), 0.8, None),
        ((functools.partial(cifar_densenet, bottleneck=True), 250, 24), 15.3, None),
        ((resnext, 50, 32, 4), 25.0, None),
        ((dual_path_network, 92), 37.8, 6.5),
        ((dual_path_network, 98), 61.7, 11.7),
        ((dual_path_network, 131), 79.5, 16.0),
    ],
    ids=lambda each: str(each[1:] if isinstance(each, tuple) else each),  # a function's address is no name
)
def test_counts_as_printed(network, millions, billions):
    build, *arguments = network
    total = anatomy(blueprint(build, *arguments)).total
    counted = total.parameters if build is dual_path_network else total.trainable
    assert round(counted / 1e6, 1) == millions
    assert billions is None or round(total.multiply_adds / 1e9, 1) == billions


def test_strides_in_the_3x3_and_wide_bottlenecks():
    usual, later, wide = (
        anatomy(blueprint(resnet, 50, **options)).total for options in ({}, {"strides_in": "3x3"}, WRN_50_2)
    )
    assert usual.trainable == later.trainable == 25_557_032
    assert (usual.multiply_adds, later.multiply_adds) == (3_857_973_248, 4_089_184_256)
    assert (wide.trainable, wide.parameters, wide.multiply_adds) == (68_883_240, 68_951_464, 11_398_021_120)


@pytest.mark.parametrize(
    ("groups", "width", "products"),
    [(1, 64, 69_632), (2, 40, 69_760), (4, 24, 69_888), (8, 14, 71_456), (32, 4, 70_144)],
)
def test_a_block_of_resnext_costs_what_its_branches_cost(groups, width, products):
    block = functools.partial(bottleneck_block, filters=64, widen=groups * width / 64, groups=groups, name="block")
    inputs = keras.Input((1, 1, 256))
    model = keras.Model(inputs, block(inputs))
    assert products == groups * (256 * width + 9 * width**2 + 256 * width)
    assert anatomy(model).total.multiply_adds == products


def test_what_the_gates_of_se_resnet_50_add():
    added = 0
    for channels, blocks in zip((256, 512, 1024, 2048), (3, 4, 6, 3), strict=True):
        added += blocks * (2 * channels**2 // 16 + channels // 16 + channels)
    assert parameters(blueprint(se_resnet, 50)) - parameters(blueprint(resnet, 50)) == added == 2_530_992


@pytest.mark.parametrize("bottleneck", [False, True])
def test_channels_and_parameters_of_a_dense_block(bottleneck):
    channels, number, growth = 10, 5, 3
    model = new_blueprint(block_model, (4, 4, channels), dense_block, number, growth, bottleneck=bottleneck)
    expected = 0
    for read in range(channels, channels + number * growth, growth):
        if bottleneck:
            expected += 2 * read + read * 4 * growth + 2 * 4 * growth + 9 * 4 * growth * growth
        else:
            expected += 2 * read + 9 * read * growth
    assert (model.output.shape[-1], parameters(model)) == (channels + number * growth, expected)


@pytest.mark.parametrize(
    ("network", "layers", "shapes"),
    [
        (
            (resnet_v2, 50),
            ("pool1_pool", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out"),
            [(56, 56, 64), (28, 28, 256), (14, 14, 512), (7, 7, 1024), (7, 7, 2048)],
        ),
        (
            (densenet, 121),
            ("pool1_pool", "conv2_block6_concat", "pool2_pool", "conv3_block12_concat", "conv5_block16_concat"),
            [(56, 56, 64), (56, 56, 256), (28, 28, 128), (28, 28, 512), (7, 7, 1024)],
        ),
        (
            (dual_path_network, 92),
            ("conv2_block1_join", "conv2_block3_join", "conv3_block4_join", "conv5_block3_add", "concat"),
            [(56, 56, 48), (56, 56, 80), (28, 28, 192), (7, 7, 2048), (7, 7, 2688)],
        ),
        (
            (wide_resnet, 28, 10),
            ("conv1_conv", "conv2_block4_out", "conv3_block1_out", "conv4_block4_out"),
            [(32, 32, 16), (32, 32, 160), (16, 16, 320), (8, 8, 640)],
        ),
    ],
    ids=lambda each: str(each[1:]) if callable(each[0]) else "",
)
def test_stage_by_stage(network, layers, shapes):
    build, *arguments = network
    model = blueprint(build, *arguments)
    assert [model.get_layer(layer).output.shape[1:] for layer in layers] == shapes


def test_the_catalogue_is_in_order_and_every_builder_takes_a_name():
    years = [year for _, _, year, _ in catalogue.NETWORKS]
    assert years == sorted(years)
    names = [name for _, name, _, _ in catalogue.NETWORKS]
    assert len(set(names)) == len(names)


# Against keras.applications


TWINS = [
    pytest.param(resnet_v2, 50, keras.applications.ResNet50V2, id="ResNet50V2"),
    pytest.param(densenet, 121, keras.applications.DenseNet121, id="DenseNet121"),
]


@pytest.mark.parametrize("include_top", [True, False])
@pytest.mark.parametrize(("build", "depth", "reference"), TWINS)
def test_same_layers_and_same_output_as_keras_applications(build, depth, reference, include_top):
    shape = (64, 64, 3)
    ours = new_blueprint(build, depth, input_shape=shape, include_top=include_top)
    theirs = new_blueprint(reference, weights=None, input_shape=shape, include_top=include_top)
    assert weights_by_layer(ours) == weights_by_layer(theirs)
    for layer in ours.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            twin = theirs.get_layer(layer.name)
            assert (layer.epsilon, layer.momentum) == (twin.epsilon, twin.momentum)
    if include_top:
        assert anatomy(ours).total.multiply_adds == anatomy(theirs).total.multiply_adds
    weights, pictures = random_weights(theirs), normal(2, *shape)
    expected = call_with(theirs, weights, pictures)
    assert expected.std() > (1e-4 if include_top else 0.01)  # probabilities of 1,000 classes are small
    np.testing.assert_allclose(call_with(ours, weights, pictures), expected, atol=1e-3 * expected.std())


# Blocks against NumPy


@pytest.mark.parametrize("strides", [1, 2])
def test_a_grouped_bottleneck_is_as_many_branches(strides):
    model = block_model((8, 8, 12), bottleneck_block, 3, strides, widen=2, groups=3, strides_in="3x3")
    x = normal(2, 8, 8, 12)
    y = np.maximum(norm(model, step(model, x, "block_1"), "block_1"), 0)
    y = np.maximum(norm(model, step(model, y, "block_2", strides, groups=3), "block_2"), 0)
    y = norm(model, step(model, y, "block_3"), "block_3")
    shortcut = x if strides == 1 else norm(model, step(model, x, "block_0", strides), "block_0")
    np.testing.assert_allclose(numpy(model(x)), np.maximum(shortcut + y, 0), atol=1e-4)


@pytest.mark.parametrize(("channels", "ratio", "hidden"), [(8, 4, 2), (6, 16, 1)])
def test_squeeze_and_excitation_against_numpy(channels, ratio, hidden):
    model = block_model((3, 5, channels), squeeze_excite, ratio)
    x = normal(2, 3, 5, channels)
    first, first_bias = model.get_layer("block_reduce").get_weights()
    second, second_bias = model.get_layer("block_gates").get_weights()
    assert first.shape == (channels, hidden)
    gates = np.maximum(x.mean(axis=(1, 2)) @ first + first_bias, 0) @ second + second_bias
    expected = x / (1 + np.exp(-gates[:, None, None]))
    np.testing.assert_allclose(numpy(model(x)), expected, atol=1e-5)


def test_gates_stand_on_the_path_and_not_on_the_shortcut():
    def halved(maps, *, name):
        return keras.layers.Rescaling(0.0, name=f"{name}_gone")(maps)

    x = normal(2, 6, 6, 8)
    for block, filters in ((preactivated_block, 8), (preactivated_bottleneck, 2)):
        model = block_model((6, 6, 8), block, filters, gate=halved)
        np.testing.assert_array_equal(numpy(model(x)), x)
    model = block_model((6, 6, 8), bottleneck_block, 2, gate=halved)
    np.testing.assert_array_equal(numpy(model(x)), np.maximum(x, 0))


@pytest.mark.parametrize(("strides", "filters"), [(1, 3), (1, 5), (2, 3), (2, 5)])
def test_a_preactivated_block_against_numpy(strides, filters):
    model, x = block_model((8, 8, 3), preactivated_block, filters, strides), normal(2, 8, 8, 3)
    first = active(model, x, "block_1")
    path = step(model, active(model, step(model, first, "block_1", strides), "block_2"), "block_2")
    same = (strides, filters) == (1, 3)
    shortcut = x if same else step(model, first, "block_0", strides)
    np.testing.assert_allclose(numpy(model(x)), shortcut + path, atol=1e-4)


@pytest.mark.parametrize(("strides", "filters"), [(1, 2), (1, 3), (2, 2), (2, 3)])
def test_a_preactivated_bottleneck_against_numpy(strides, filters):
    model, x = block_model((8, 8, 8), preactivated_bottleneck, filters, strides), normal(2, 8, 8, 8)
    before = active(model, x, "block_preact")
    path = active(model, step(model, before, "block_1"), "block_1")
    path = step(model, active(model, step(model, path, "block_2", strides), "block_2"), "block_3")
    shortcut = x[:, ::strides, ::strides] if filters == 2 else step(model, before, "block_0", strides)
    np.testing.assert_allclose(numpy(model(x)), shortcut + path, atol=1e-4)


@pytest.mark.parametrize("bottleneck", [False, True])
def test_a_dense_block_against_numpy(bottleneck):
    model, x = block_model((4, 6, 3), dense_block, 3, 2, bottleneck=bottleneck), normal(2, 4, 6, 3)
    written = [x]
    for place in (1, 2, 3):
        name = f"block_block{place}"
        y = step(model, active(model, np.concatenate(written, axis=-1), f"{name}_0"), f"{name}_1")
        written.append(step(model, active(model, y, f"{name}_1"), f"{name}_2") if bottleneck else y)
    np.testing.assert_allclose(numpy(model(x)), np.concatenate(written, axis=-1), atol=1e-4)


def test_a_transition_against_numpy():
    model, x = block_model((4, 6, 5), transition), normal(2, 4, 6, 5)
    y = step(model, active(model, x, "block"), "block")
    assert y.shape[-1] == 2
    np.testing.assert_allclose(numpy(model(x)), y.reshape(2, 2, 2, 3, 2, 2).mean(axis=(2, 4)), atol=1e-4)


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("projects", [False, True])
def test_a_dual_path_block_against_numpy(projects, strides):
    if strides > projects + 1:
        return  # only a block that projects can change the shape

    def block(inputs, **options):
        streams = keras.layers.Concatenate(name="all")([inputs, inputs]), keras.layers.Identity(name="one")(inputs)
        return keras.layers.Concatenate(name="result")(dual_path_block(*streams, 6, 2, **options))

    options = {"inner": 4, "groups": 2, "strides": strides, "projects": projects}
    model, x = block_model((6, 4, 3), block, **options), normal(2, 6, 4, 3)
    added, joined = np.concatenate([x, x], axis=-1), x
    everything = np.concatenate([added, joined], axis=-1)
    if projects:
        before = active(model, everything, "block_0")
        added, joined = (step(model, before, f"block_0_{stream}", strides) for stream in ("added", "joined"))
        assert joined.shape[-1] == 4
    y = step(model, active(model, everything, "block_1"), "block_1")
    y = active(model, step(model, active(model, y, "block_2"), "block_2", strides, groups=2), "block_3")
    result = [added + step(model, y, "block_3_added"), joined, step(model, y, "block_3_joined")]
    np.testing.assert_allclose(numpy(model(x)), np.concatenate(result, axis=-1), atol=1e-4)


def test_one_set_of_weights_for_all_readers_makes_a_dense_network_a_residual_one():
    """Layer k reads the sum of W_t x_t; if every reader uses the same W_t, each sum only grows by one term."""
    x, first = normal(5, 4), normal(4, 6)
    read = [normal(3, 6) for _ in range(3)]
    write = [normal(6, 3) for _ in range(3)]
    written, road = [], x @ first
    for weights_in, weights_out in zip(write, read, strict=True):
        seen = x @ first + sum(each @ weights for each, weights in zip(written, read, strict=False))
        np.testing.assert_allclose(seen, road, atol=1e-4)
        written.append(np.maximum(seen, 0) @ weights_in)
        road = road + written[-1] @ weights_out


# Use


SMALL = {
    "se_resnet": (se_resnet, {"depth": 18, "width": 1 / 16, "ratio": 2}),
    "wide_resnet": (wide_resnet, {"depth": 10, "widen": 0.5, "dropout": 0.1}),
    "densenet": (cifar_densenet, {"depth": 10, "growth": 4, "bottleneck": True}),
    "densenet_plain": (cifar_densenet, {"depth": 7, "growth": 4}),
}


def network_of(block, classes, channels=8, **options):
    """A convolution, two blocks of a kind, an average and a dense layer."""
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(channels, 3, 4, padding="same")(inputs)
    x = block(block(x, name="first", **options), name="second", **options)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


def two_paths(x, *, name):
    added, joined = dual_path_block(x, None, 8, 4, inner=4, groups=2, projects=True, name=f"{name}_1")
    added, joined = dual_path_block(added, joined, 8, 4, inner=4, groups=2, name=f"{name}_2")
    return keras.layers.Concatenate()([added, joined])


NETWORKS = {
    name: functools.partial(build, input_shape=(32, 32, 3), classes=6, **options)
    for name, (build, options) in SMALL.items()
} | {
    "resnext": lambda: network_of(bottleneck_block, 6, filters=4, widen=2, groups=4),
    "preactivated_bottleneck": lambda: network_of(preactivated_bottleneck, 6, filters=4),
    "dual_path": lambda: network_of(two_paths, 6),
}


@pytest.fixture(scope="module")
def shapes():
    return data.shapes(24, seed=0)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends compile for minutes")
@pytest.mark.parametrize("name", NETWORKS)
def test_small_versions_learn(name, shapes):
    keras.utils.set_random_seed(0)
    model = NETWORKS[name]()
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", run_eagerly=True)
    history = [float(model.train_on_batch(shapes.images, shapes.labels)) for _ in range(8)]
    assert np.isfinite(history).all()
    assert history[-1] < 0.98 * history[0]


def test_no_builder_makes_a_convolution_whose_gradient_crashes():
    """TensorFlow's gradient of a plain 1×1 convolution with strides writes outside its memory on some processors."""
    built = [blueprint(build, *arguments) for build, *arguments in COUNTS]
    assert not any(map(_has_strided_pointwise, built))


@pytest.mark.parametrize("build", [resnet_v2, densenet, resnext, se_resnet, dual_path_network])
def test_the_smallest_pictures_allowed_give_an_output(build):
    assert new_blueprint(build, input_shape=(32, 32, 3), classes=3, width=1 / 8).output.shape == (None, 3)


@pytest.mark.parametrize("build", [wide_resnet, cifar_densenet])
def test_the_smallest_pictures_for_cifar_give_an_output(build):
    assert new_blueprint(build, input_shape=(4, 4, 3), classes=3).output.shape == (None, 3)


def test_options_reach_every_layer():
    options = {"input_shape": (32, 32, 3), "momentum": 0.8, "kernel_initializer": "zeros", "width": 1 / 8}
    built = [new_blueprint(build, **options) for build in (resnet_v2, densenet, resnext, dual_path_network)]
    del options["width"]
    built += [new_blueprint(build, 10, 4, **options) for build in (wide_resnet, cifar_densenet)]
    for model in built:
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                assert layer.momentum == 0.8
            if isinstance(layer, keras.layers.Conv2D):
                assert isinstance(layer.kernel_initializer, keras.initializers.Zeros)
    for build in (resnet_v2, densenet, resnext, dual_path_network, wide_resnet, cifar_densenet):
        with pytest.raises(TypeError):
            new_blueprint(build, momentun=0.8)


WRONG = [
    (resnet_v2, {"depth": 34}, "depth must be one of 50, 101, 152; not 34"),
    (resnext, {"depth": 18}, "depth must be one of 50, 101, 152; not 18"),
    (resnext, {"groups": 2.5}, "groups must be a whole number above 0, not 2.5"),
    (resnext, {"group_width": 0}, "group_width must be a whole number above 0, not 0"),
    (se_resnet, {"depth": 20}, "depth must be one of 18, 34, 50, 101, 152; not 20"),
    (se_resnet, {"ratio": 0}, "ratio must be a whole number above 0, not 0"),
    (densenet, {"depth": 120}, "depth must be one of 121, 169, 201; not 120"),
    (dual_path_network, {"depth": 68}, "depth must be one of 92, 98, 131; not 68"),
    (wide_resnet, {"depth": 20}, "depth must be 6n + 4 for n blocks in each stage: 10, 16, 22, 28, …; not 20"),
    (wide_resnet, {"depth": 4}, "6n + 4"),
    (wide_resnet, {"widen": 0}, "widen must be a number above 0, not 0"),
    (cifar_densenet, {"depth": 41}, "depth must be 3n + 4 for n layers in each block without bottlenecks, not 41"),
    (cifar_densenet, {"depth": 43, "bottleneck": True}, "depth must be 6n + 4 for n layers in each block with"),
    (cifar_densenet, {"depth": 4}, "3n + 4"),
    (cifar_densenet, {"growth": 0}, "growth must be a whole number above 0, not 0"),
    (resnet, {"strides_in": "1×1"}, "strides_in must be one of '1x1', '3x3'; not '1×1'"),
    *[
        (build, options, message)
        for build, smallest in (
            *((each, 32) for each in (resnet_v2, resnext, se_resnet, densenet, dual_path_network)),
            *((each, 4) for each in (wide_resnet, cifar_densenet)),
        )
        for options, message in (
            ({"classes": 0}, "classes must be a whole number above 0, not 0"),
            ({"input_shape": (smallest - 1, 32, 3)}, f"both sides at least {smallest}"),
        )
    ],
    *[(build, {"width": 0}, "width must be a number above 0") for build in (resnet_v2, resnext, se_resnet, densenet)],
]


@pytest.mark.parametrize(("build", "options", "message"), WRONG)
def test_wrong_arguments_are_named(build, options, message):
    with pytest.raises(ValueError) as error:
        build(**options)
    assert message in str(error.value)
