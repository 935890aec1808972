"""What lesson 21 builds does what its words say, its figures show what they are given, and its table adds up."""

import keras
import numpy as np
import pytest
from lesson_code import all_lessons, answer, functions

from course_lessons.resnet import evidence, figures
from course_lessons.resnet.families import NETWORKS, TITLES, counted, families
from course_lib.anatomy import anatomy
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.resnet import basic_block, cifar_resnet, resnet
from course_lib.exercises import find, judge

LESSON = "21_resnet"
RANDOM = np.random.default_rng(0)


# The table of families


def test_the_table_has_every_family_oldest_first():
    rows = list(families())
    assert [row.name for row in rows] == [name for _, name, *_ in NETWORKS]
    assert [row.year for row in rows] == sorted(row.year for row in rows)
    assert {row.family for row in rows} == {"LeNet", "AlexNet", "Network in Network", "VGG", "GoogLeNet", "ResNet"}


def test_a_row_is_what_the_anatomy_counts():
    row, total = families()["ResNet-34"], anatomy(blueprint(resnet, 34)).total
    assert (row.depth, row.parameters, row.multiply_adds, row.memory) == (
        34,
        total.trainable,
        total.multiply_adds,
        total.memory,
    )
    assert (row.year, row.input_shape, counted("ResNet-34").name) == (2015, (224, 224, 3), "ResNet-34")


def test_the_table_is_text_markdown_and_html():
    table = families()
    lines = table.markdown().splitlines()
    assert len(lines) == 2 + len(table.rows)
    assert {line.count("|") for line in lines} == {len(TITLES) + 1}
    assert "| ResNet | ResNet-50 | 2015 | 224×224×3 | 50 | 25,557,032 | 3,857,973,248 |" in lines[-3]
    html = table._repr_html_()
    assert html.count("<tr>") == 1 + len(table.rows) and html.count("<td") == len(TITLES) * len(table.rows)
    for text in (str(table), html):
        assert "143,667,240" in text and "19,632,062,464" in text
    assert len(str(table).splitlines()) == 2 + len(table.rows)


def test_unknown_networks_are_named():
    with pytest.raises(KeyError, match="ResNet-50"):
        families()["ResNet-51"]
    with pytest.raises(ValueError, match="'VGG-16'"):
        counted("VGG-61")


# What the lesson defines, and its experiments


@pytest.fixture(scope="module")
def lesson() -> dict:
    """What the lesson builds, without its trainings."""
    return functions(all_lessons()[LESSON], "network", "random_blocks", "recognised")


def _random_weights(depth):
    drawn = {name: RANDOM.normal(size=values.shape) for name, values in evidence.fresh(depth, 0).items()}
    return {name: values.astype("float32") for name, values in drawn.items()}


@pytest.mark.parametrize("residual", [False, True])
def test_the_network_of_the_experiments_is_that_of_the_lesson(lesson, residual):
    """Both with the statistics of the batch, and one epsilon."""
    weights, images = _random_weights(6), RANDOM.normal(size=(20, 8, 8, 1)).astype("float32")
    recorded, model = evidence.Network(6), lesson["network"](6, residual=residual)
    recorded.restart(weights, float(residual))
    places = ["stem", *(f"block{number}_{part}" for number in (1, 2) for part in (1, 2))]
    for place, kernel in zip(places, [weights["stem"], *weights["kernels"]], strict=True):
        model.get_layer(f"{place}_conv").kernel.assign(kernel)
    for place, gamma, beta in zip(places, weights["gammas"], weights["betas"], strict=True):
        bn = model.get_layer(f"{place}_bn")
        bn.epsilon = evidence.EPSILON
        bn.gamma.assign(gamma)
        bn.beta.assign(beta)
    model.get_layer("logits").set_weights([weights["dense"], weights["bias"]])
    features, _ = recorded.features(images)
    np.testing.assert_allclose(recorded.logits(features), model(images, training=True), atol=1e-2)


def test_given_statistics_are_used_in_place_of_the_pictures_own():
    network, images = evidence.Network(4), RANDOM.normal(size=(20, 8, 8, 1)).astype("float32")
    network.restart(_random_weights(4), 1.0)
    together, statistics = network.features(images)
    alone, _ = network.features(images[:1], statistics)
    np.testing.assert_allclose(alone, together[:1], rtol=0.01, atol=0.1)  # the variance given is divided by n - 1
    assert not np.allclose(network.features(images[:1])[0], alone, rtol=0.01, atol=0.3)


def test_idle_layers_hand_on_what_they_get():
    images, weights = RANDOM.normal(size=(50, 8, 8, 1)).astype("float32"), evidence.fresh(8, 0)
    stem, network = evidence.Network(2), evidence.Network(8)
    stem.restart(evidence.fresh(2, 0), 0.0)
    features = stem.features(images)[0]
    for kernels, same in ((0 * weights["kernels"], True), (weights["kernels"], False)):
        network.restart(evidence.nearly_idle(weights | {"kernels": kernels}, features), 0.0)
        assert np.allclose(network.features(images)[0], features, atol=1e-2) == same


def test_pictures_are_moved_by_four_pixels_at_most_and_mirrored():
    images = np.zeros((400, 32, 32, 1), "float32")
    images[:, 10, 13] = 1
    moved = evidence.shifted(images, np.random.default_rng(0))
    assert moved.shape == images.shape
    _, rows, columns, _ = np.nonzero(moved)
    assert len(rows) == 400 and set(rows) == set(range(6, 15))
    assert set(columns) == set(range(9, 18)) | set(range(31 - 17, 31 - 8))


def test_random_blocks_keep_their_input_better_with_a_shortcut(lesson):
    labels = np.repeat(np.arange(5), 4)
    pictures = np.eye(5).repeat(4, axis=0)[:, :, None, None] * np.ones((1, 1, 6, 1)) + 0.05 * RANDOM.random(
        (20, 5, 6, 1)
    )
    assert lesson["recognised"](pictures, labels) == 1
    shares = []
    for shortcut in (0.0, 1.0):
        outputs = lesson["random_blocks"](pictures, shortcut, 12, np.random.default_rng(0))
        assert len(outputs) == 12 and outputs[-1].shape == (20, 5, 6, 8)
        shares.append(lesson["recognised"](outputs[-1], labels))
    assert shares[0] <= shares[1]


# Exercises: what students build is what the library has


@pytest.mark.parametrize(("channels", "filters", "strides"), [(4, 4, 1), (3, 8, 1)])
def test_the_block_of_the_exercise_is_that_of_the_library(channels, filters, strides):
    inputs = keras.Input((8, 8, channels))
    built = keras.Model(inputs, answer(all_lessons()[LESSON], "residual_block")(inputs, filters, strides))
    library = keras.Model(inputs, basic_block(inputs, filters, strides, name="b"))
    assert built.count_params() == library.count_params()
    assert anatomy(built).total.multiply_adds == anatomy(library).total.multiply_adds


def test_other_ways_to_write_the_block_are_right_too():
    layers = keras.layers

    def block(x, filters, strides):
        shortcut = x
        if strides != 1 or filters != x.shape[-1]:  # the projection first, and functions for layers
            shortcut = layers.Conv2D(filters, 1, strides, padding="same", use_bias=False)(x)
            shortcut = layers.BatchNormalization()(shortcut)
        y = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
        y = layers.Activation("relu")(layers.BatchNormalization()(y))
        y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
        return keras.ops.relu(layers.add([shortcut, layers.BatchNormalization()(y)]))

    assert judge(find(LESSON, "residual_block"), block, 0).correct


@pytest.mark.parametrize("odd", [lambda x, filters, strides: None, 3])
def test_odd_blocks_get_a_message(odd):
    verdict = judge(find(LESSON, "residual_block"), odd, 0)
    assert verdict.status == "wrong" and ("return" in verdict.reason or "function" in verdict.reason)


@pytest.mark.parametrize(
    ("n", "depth", "parameters"), [(3, 20, 269_722), (18, 110, 1_727_962), (200, 1202, 19_421_274)]
)
def test_the_formula_of_the_exercise_reaches_the_deepest(n, depth, parameters):
    assert answer(all_lessons()[LESSON], "cifar_size")(n, 16, 10) == (depth, parameters)


def test_one_more_block_in_each_stage_always_adds_the_same():
    """So the lesson may go from 110 layers to 1202 without building them."""
    sizes = [anatomy(blueprint(cifar_resnet, 6 * n + 2)).total.trainable for n in (1, 2, 3)]
    assert sizes[1] - sizes[0] == sizes[2] - sizes[1]


# Figures


def test_nothing_happens_to_a_picture_that_passes_no_block():
    before, after = (axes.images[0].get_array() for axes in figures.passing(blocks=0).axes)
    np.testing.assert_array_equal(before, after)


def test_the_sheet_has_a_row_for_each_kind():
    axes = figures.passing_sheet((0, 1, 2), {"plain": 0.0, "residual": 1.0}).axes
    assert [each.get_title() for each in axes] == 2 * ["0 blocks", "1 block", "2 blocks"]
    assert [text.get_text() for each in axes for text in each.texts] == ["plain", "residual"]
    pictures = [each.images[0].get_array() for each in axes]
    np.testing.assert_array_equal(pictures[0], pictures[3])
    assert not np.array_equal(pictures[1], pictures[4])


def test_towers_have_a_box_for_each_layer_and_an_arc_for_each_shortcut():
    networks = {
        "plain": anatomy(blueprint(resnet, 18, residual=False)),
        "residual": anatomy(blueprint(resnet, 18)),
    }
    axes = figures.towers(networks).axes[0]
    assert len(axes.patches) == 2 * (18 + 2)  # weight layers, the pooling in front and the average
    arcs = [text for text in axes.texts if getattr(text, "arrow_patch", None)]
    assert len(arcs) == 8
    assert sum(arc.arrow_patch.get_linestyle() == ":" for arc in arcs) == 3
    said = [text.get_text() for text in axes.texts]
    assert {"plain", "residual", "112×112", "7×7", "7×7/2, 64", "dense, 1000"} <= set(said)
    assert said.count("3×3/2, 512") == 2


def test_bars_of_the_revolution_carry_depth_and_error():
    left, right = figures.revolution({"A": (8, 16.4), "B": (152, 3.57)}).axes
    assert [text.get_text() for text in left.texts] == ["8", "152"]
    assert [text.get_text() for text in right.texts] == ["16.4 %", "3.57 %"]


def test_leads_are_labelled():
    axes = figures.leads({"one": 16, "two": 27}).axes[0]
    assert [text.get_text() for text in axes.texts] == ["16 %", "27 %"]
