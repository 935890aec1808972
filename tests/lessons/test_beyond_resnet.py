"""What lesson 22 builds does what its words say, and its figures show what they are given."""

import keras
import numpy as np
import pytest
from lesson_code import all_lessons, answer, functions

from course_lessons.beyond_resnet import evidence, figures, nets
from course_lib.anatomy import anatomy

LESSON = "22_beyond_resnet"


def ended(model):
    total = anatomy(model).total
    return total.trainable, total.multiply_adds


def around(build, channels=8):
    inputs = keras.Input((7, 7, channels))
    return keras.Model(inputs, build(inputs))


@pytest.fixture(scope="module")
def lesson() -> dict:
    """What the lesson defines, without its trainings."""
    names = ("pre_block", "dense_layer", "fractal", "excited", "StochasticDepth", "along_the_road", "small")
    return functions(all_lessons()[LESSON], *names)


# The blocks of the page are those of the experiments


@pytest.mark.parametrize(
    ("page", "room"),
    [
        (lambda page, x: page["pre_block"](x, 8)[0], lambda x: nets.pre_block(x, 8)),
        (lambda page, x: page["dense_layer"](x, 5), lambda x: nets.dense_layer(x, 5)),
        (lambda page, x: page["fractal"](x, 6, 3), lambda x: nets.fractal(x, 6, 3)),
        (lambda page, x: page["excited"](x, nets.REDUCED), nets.excited),
    ],
    ids=["pre", "dense", "fractal", "excited"],
)
def test_a_block_of_the_page_is_that_of_the_experiments(lesson, page, room):
    page, room = around(lambda x: page(lesson, x)), around(room)
    assert ended(page) == ended(room)
    room.set_weights(page.get_weights())
    maps = np.random.default_rng(0).normal(size=(3, 7, 7, 8))
    np.testing.assert_allclose(page(maps), room(maps), atol=1e-5)


def test_stochastic_depth_drops_whole_pictures_and_scales_at_test(lesson):
    for kind in (lesson["StochasticDepth"], nets.StochasticDepth):
        layer, maps = kind(0.5), np.ones((200, 2, 3, 4), "float32")
        kept = keras.ops.convert_to_numpy(layer(maps, training=True))
        assert set(np.unique(kept)) == {0, 1}
        assert (kept == kept[:, :1, :1, :1]).all() and 0.3 < kept.mean() < 0.7
        np.testing.assert_allclose(layer(maps), 0.5)
        assert kind.from_config(layer.get_config()).survival == 0.5


def test_paths_are_dropped_but_never_all():
    join, ones = nets.Join(0.9), np.ones((300, 2, 2, 1), "float32")
    joined = keras.ops.convert_to_numpy(join([ones, 3 * ones], training=True))
    assert set(np.unique(joined)) == {1, 2, 3}
    np.testing.assert_allclose(join([ones, 3 * ones]), 2)
    assert nets.Join.from_config(join.get_config()).drop == 0.9


# Networks


def test_the_networks_are_about_equally_large():
    sizes = {kind: ended(nets.small_network(kind)) for kind in nets.KINDS}
    parameters, work = zip(*sizes.values(), strict=True)
    assert min(parameters) > 9_800 and max(parameters) < 11_400
    assert max(work) < 1.35 * sizes["post"][1]
    one, four = sizes["1 branch"], sizes["4 branches"]
    assert abs(four[0] / one[0] - 1) < 0.05 and abs(four[1] / one[1] - 1) < 0.05


@pytest.mark.parametrize("depth", [8, 32])
def test_a_deep_network_is_as_deep_as_it_says(depth):
    for kind in ("post", "pre"):
        assert anatomy(nets.deep_network(kind, depth)).total.depth == depth


def test_the_deepest_column_is_made_of_the_whole_network_s_layers():
    whole, deepest = nets.fractal_pair(columns=3)
    assert anatomy(whole).total.depth == anatomy(deepest).total.depth == 2 + 2 * 4
    assert {id(weight) for weight in deepest.weights} < {id(weight) for weight in whole.weights}


def test_every_block_of_the_sheet_keeps_the_channels_or_joins_more():
    sheet = nets.blocks(keras.Input((8, 8, 4)))
    assert len(sheet) == 8
    assert not any(found.total.uncounted for found in sheet)
    words = [text.get_text() for axes in figures.sheet(sheet).axes for text in axes.texts]
    assert {"add", "join", "drop?", "weigh", "average"} <= set(words)


def test_a_trainer_starts_where_it_began_and_learns():
    keras.utils.set_random_seed(0)
    trainer = evidence.Trainer(nets.deep_network("post", 4))
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 40)
    images = (labels[:, None, None, None] + 0.1 * rng.normal(size=(40, 8, 8, 1))).astype("float32")
    told = [evidence.trained(trainer, [(images, labels)] * 3, 0.1, 0, passes, 20) for passes in (1, 12, 1)]
    assert told[0] == pytest.approx(told[2]) and told[1]["training_loss"] < told[0]["training_loss"]


def test_the_parts_of_the_experiment_do_not_overlap():
    few, validation, test = evidence.few_digits(3)
    assert [len(labels) for _, labels in (few, validation, test)] == [400, 500, 4100]
    assert few[0].shape[1:] == (14, 14, 1)
    seen = {image.tobytes() for image in few[0]}
    assert sum(image.tobytes() in seen for image in test[0]) < 3  # but for digits that look the same


# What the page says in formulas


def test_on_the_free_road_variances_add(lesson):
    deviation, share = lesson["along_the_road"]("pre", np.random.default_rng(9), blocks=20)
    np.testing.assert_allclose(deviation, np.sqrt(1 + np.arange(1, 21)), rtol=0.1)
    np.testing.assert_allclose(share, 1 / np.sqrt(1 + np.arange(1, 21)), rtol=0.15)


def test_the_answer_counts_a_block_of_the_library():
    from course_lib.architectures.densenet import dense_block

    count = answer(all_lessons()[LESSON], "dense_block_size")
    for bottleneck in (True, False):
        inputs = keras.Input((8, 8, 6))
        model = keras.Model(inputs, dense_block(inputs, 3, 4, bottleneck=bottleneck, name="b"))
        assert count(6, 4, 3, bottleneck) == (model.output.shape[-1], anatomy(model).total.trainable)


# Figures


def test_survival_counts_what_it_draws():
    left, middle, right = figures.survival(blocks=20, last=0.5).axes
    alive = [patch for patch in middle.patches if patch.get_linestyle() in ("-", "solid")]
    assert len(middle.patches) == 20 and middle.get_title() == f"one draw: {len(alive)} blocks"
    assert right.get_title() == "by the formula: 14.75" and left.lines[0].get_ydata()[-1] == 0.5
    assert figures.survival(blocks=5, last=1.0).axes[1].get_title() == "one draw: 5 blocks"


def test_the_staircase_has_a_square_for_each_channel():
    axes = figures.staircase(4, 2, 3).axes[0]
    assert len(axes.patches) == 4 + 6 + 8 + 10


def test_a_band_marks_the_baseline():
    axes = figures.against({"a": [0.1, 0.2], "b": [0.3, 0.4]}, "a", "error").axes[0]
    assert "“a”" in axes.get_title() and len(axes.patches) == 1


def test_bubbles_are_named_and_their_areas_are_the_parameters():
    axes = figures.bubbles({"a": (1e5, 100, [0.1, 0.2]), "b": (2e5, 50, [0.1, 0.1])}).axes[0]
    assert [text.get_text() for text in axes.texts] == ["b", "a"]  # the lowest error first
    areas = [collection.get_sizes()[0] for collection in axes.collections]
    assert areas[1] == 2 * areas[0]


def test_gates_have_a_row_for_each_class():
    axes = figures.gates(np.full((10, 16), 0.5)).axes[0]
    assert axes.images[0].get_array().shape == (10, 16)


def test_gains_say_what_was_not_counted():
    left, right = figures.gains({"a": 1.5, "b": 0.5}, {"a": 0.06}).axes
    assert [text.get_text() for text in left.texts] == ["1.50", "0.50"]
    assert [text.get_text().strip() for text in right.texts] == ["0.06 %", "not counted here"]
