"""Stochastic depth and fractal networks of lesson 22: what is dropped, how often, and what is left."""

import functools

import keras
import numpy as np
import pytest
from keras import ops
from twins import RNG, normal, numpy, parameters

from course_lib.anatomy import anatomy
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.fractal import ColumnDraw, FractalJoin, fractal_block, fractal_net
from course_lib.architectures.resnet import cifar_resnet
from course_lib.architectures.stochastic_depth import StochasticDepth, stochastic_depth_resnet, survival

MANY = 4000
SPREAD = 5 * 0.5 / MANY**0.5  # five standard deviations of a share


def shares(values, of):
    return [np.mean(np.isclose(values, each)) for each in of]


# Stochastic depth


def test_the_expected_depth():
    blocks, last = 54, 0.5
    expected = sum(survival(place, blocks, last) for place in range(1, blocks + 1))
    assert expected == pytest.approx(blocks - (1 - last) * (blocks + 1) / 2) == pytest.approx(40.25)
    assert survival(54, 54, 0.5) == 0.5 and survival(1, 2, 1) == 1


def test_a_dropped_path_is_zero_and_the_others_make_up_for_it():
    layer, x = StochasticDepth(0.25, seed=1), np.ones((MANY, 1, 2, 3), "float32")
    np.testing.assert_array_equal(numpy(layer(x)), x)  # nothing happens outside of training
    outputs = numpy(layer(x, training=True))
    assert (outputs == outputs[:, :1, :1, :1]).all()  # one draw for all of an example
    np.testing.assert_allclose(shares(outputs, (0, 4 / 3)), [0.25, 0.75], atol=SPREAD)
    again = numpy(layer(x, training=True))
    assert not np.array_equal(again, outputs)


def test_one_draw_for_a_whole_batch():
    layer, x = StochasticDepth(0.5, per_example=False, seed=1), np.ones((7, 5), "float32")
    drawn = [numpy(layer(x, training=True)) for _ in range(40)]
    assert all(len(np.unique(each)) == 1 for each in drawn)
    assert {float(each[0, 0]) for each in drawn} == {0.0, 2.0}
    never = StochasticDepth(0.0)
    np.testing.assert_array_equal(numpy(never(x, training=True)), x)


def test_rates_along_the_network():
    model = stochastic_depth_resnet(8, width=1 / 4, last_survival=0.4, seed=3)
    drops = [layer for layer in model.layers if isinstance(layer, StochasticDepth)]
    np.testing.assert_allclose([layer.rate for layer in drops], [0.2, 0.4, 0.6])
    assert [layer.name for layer in drops] == [f"conv{stage}_block1_drop" for stage in (2, 3, 4)]
    assert len({layer.seed for layer in drops}) == 3 and not any(layer.per_example for layer in drops)
    plain = cifar_resnet(8, width=1 / 4)
    plain.set_weights(model.get_weights())  # the same layers with weights
    x = normal(2, 32, 32, 3)
    np.testing.assert_allclose(numpy(model(x)), numpy(plain(x)), rtol=1e-5)


def test_blocks_that_never_survive_leave_the_shortcuts():
    model = stochastic_depth_resnet(8, (8, 8, 3), width=1 / 4, last_survival=1e-9, classifier_activation=None, seed=0)
    for layer in model.layers:
        if isinstance(layer, StochasticDepth):
            layer.rate = 1 - 1e-9
    x = normal(4, 8, 8, 3)
    road = keras.Model(model.input, model.get_layer("conv1_relu").output)
    kept = numpy(road(x, training=True))  # of 4 maps; behind it, two shortcuts of option A
    expected = np.pad(kept[:, ::4, ::4], ((0, 0), (0, 0), (0, 0), (0, 12))).mean(axis=(1, 2))
    kernel, bias = model.get_layer("predictions").get_weights()
    np.testing.assert_allclose(numpy(model(x, training=True)), expected @ kernel + bias, atol=1e-5)


# Fractals


def paths(model) -> int:
    """The ways from the input to the output."""
    ways: dict[str, int] = {}
    for row in anatomy(model):
        ways[row.name] = sum(ways[source] for source in row.reads) if row.reads else 1
    return ways[row.name]


def block_model(columns, shape=(6, 6, 3), filters=4, **options):
    inputs = keras.Input(shape)
    draw = keras.Input((), dtype="int32", name="draw")
    return keras.Model([inputs, draw], fractal_block(inputs, filters, columns, draw=draw, name="block", **options))


@pytest.mark.parametrize(("columns", "ways"), [(1, 1), (2, 2), (3, 5), (4, 26)])
def test_depth_convolutions_and_paths(columns, ways):
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, fractal_block(inputs, 4, columns, name="block"))
    total = anatomy(model).total
    assert (total.depth, total.weight_layers, paths(model)) == (2 ** (columns - 1), 2**columns - 1, ways)
    assert total.uncounted == () and total.field.size == (2**columns + 1,) * 2
    for column in range(1, columns + 1):
        alone = keras.Model(inputs, fractal_block(inputs, 4, columns, column=column, name="block"))
        assert (anatomy(alone).total.depth, paths(alone)) == (2 ** (column - 1), 1)


def test_parameters_of_a_fractal_net():
    """A block's input is read by one convolution of each column."""
    columns, filters, read, expected = 3, (64, 128, 256, 512, 512), 3, 512 * 10 + 10
    for number in filters:
        expected += 9 * number * (columns * read + (2**columns - 1 - columns) * number) + 2 * number * 7
        read = number
    assert parameters(blueprint(fractal_net)) == expected == 33_724_618
    total = anatomy(blueprint(fractal_net)).total
    assert (total.multiply_adds, total.depth, total.uncounted) == (845_222_912, 5 * 4 + 1, ())


def convolved(model, x, layer):
    steps = (model.get_layer(f"block_{layer}_{part}") for part in ("conv", "bn", "relu"))
    return functools.reduce(lambda x, step: step(x), steps, x)


def test_a_fractal_block_is_the_mean_of_its_ways():
    model, x = block_model(3), normal(2, 6, 6, 3)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(RNG.uniform(0.5, 1.5, weight.shape))
    run = functools.partial(convolved, model)
    half = (run(run(x, "column3_1"), "column3_2") + run(x, "column2_1")) / 2
    half = (run(run(half, "column3_3"), "column3_4") + run(half, "column2_2")) / 2
    expected = (half + run(x, "column1_1")) / 2
    drawn = np.array([0, 2])  # which is for training
    np.testing.assert_allclose(numpy(model([x, drawn], training=False)), numpy(expected), atol=1e-5)


@pytest.mark.parametrize("column", [1, 2, 3])
def test_a_column_that_is_drawn_is_all_there_is(column):
    model = block_model(3)
    alone = keras.Model(model.inputs[0], fractal_block(model.inputs[0], 4, 3, column=column, name="block"))
    for layer in alone.layers:
        layer.set_weights(model.get_layer(layer.name).get_weights() if layer.weights else [])
    x = normal(3, 6, 6, 3)
    expected = numpy(alone(x, training=True))
    outputs = numpy(model([x, np.full(3, column, "int32")], training=True))
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_local_drop_path_leaves_at_least_one_way():
    long, short = np.full((MANY, 1, 1, 1), 4, "float32"), np.zeros((MANY, 1, 1, 1), "float32")
    layer = FractalJoin(1, 0.4, seed=2)
    np.testing.assert_array_equal(numpy(layer([long, short])), 2 + 0 * long)
    outputs = numpy(layer([long, short], training=True))
    np.testing.assert_allclose(shares(outputs, (2, 4, 0)), [0.36, 0.32, 0.32], atol=SPREAD)
    drawn = ops.convert_to_tensor(np.repeat(np.array([0, 1, 2, 3], "int32"), MANY // 4))
    parts = numpy(FractalJoin(2, 0.0, seed=2)([long, short, drawn], training=True)).reshape(4, -1)
    # Of the ways that a shallower column has dropped, nothing is seen; a deeper one takes the long way.
    assert [set(part) for part in parts] == [{2.0}, {4.0}, {0.0}, {4.0}]
    assert set(np.unique(numpy(FractalJoin(1, 1.0, seed=2)([long, short], training=True)))) == {0.0, 4.0}


def test_the_draw_of_columns():
    layer, x = ColumnDraw(4, 0.6, seed=5), np.zeros((MANY, 2, 2, 1), "float32")
    assert not numpy(layer(x)).any()
    drawn = numpy(layer(x, training=True))
    np.testing.assert_allclose(shares(drawn, range(5)), [0.4, *[0.15] * 4], atol=SPREAD)


def test_a_column_takes_over_the_weights_of_the_whole_network():
    options = {"input_shape": (8, 8, 3), "classes": 3, "filters": (4, 6), "seed": 0}
    whole, deepest = fractal_net(columns=2, **options), fractal_net(columns=2, column=2, **options)
    for layer in deepest.layers:
        if layer.weights:
            layer.set_weights(whole.get_layer(layer.name).get_weights())
    assert anatomy(whole).total.depth == anatomy(deepest).total.depth == 5
    assert not any(isinstance(layer, (FractalJoin, ColumnDraw)) for layer in deepest.layers)
    assert sum(isinstance(layer, FractalJoin) for layer in whole.layers) == 2
    without = fractal_net(columns=2, local_rate=0, global_share=0, **options)
    x = normal(2, 8, 8, 3)
    without.set_weights(whole.get_weights())
    np.testing.assert_allclose(numpy(whole(x)), numpy(without(x)), atol=1e-6)


# Both


LAYERS = [
    StochasticDepth(0.25, per_example=False, seed=4, name="s"),
    FractalJoin(2, 0.5, seed=1, name="j"),
    ColumnDraw(3, 0.25, seed=2, name="c"),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_layers_keep_their_settings(layer):
    config = layer.get_config()
    assert type(layer).from_config(config).get_config() == config


BUILT = {
    "stochastic_depth": functools.partial(stochastic_depth_resnet, 8, width=1 / 4),
    "fractal": functools.partial(fractal_net, columns=2, filters=(8, 16, 16)),
}


@pytest.mark.parametrize("name", BUILT)
def test_networks_survive_saving_and_are_sure_outside_of_training(name, tmp_path):
    model, x = BUILT[name](input_shape=(16, 16, 3), classes=3), normal(2, 16, 16, 3)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(again(x)), numpy(model(x)), rtol=1e-5)
    np.testing.assert_array_equal(numpy(model(x)), numpy(model(x)))
    assert len({numpy(model(x, training=True)).tobytes() for _ in range(12)}) > 1


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends compile for minutes")
@pytest.mark.parametrize("name", BUILT)
def test_networks_learn_in_graphs_of_unknown_batch(name):
    keras.utils.set_random_seed(0)
    model = BUILT[name](input_shape=(16, 16, 1), classes=2)
    labels = RNG.integers(2, size=30)
    pictures = (normal(30, 16, 16, 1) + 2 * labels[:, None, None, None]).astype("float32")
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    history = model.fit(pictures, labels, batch_size=8, epochs=6, verbose=0).history["loss"]
    assert np.isfinite(history).all() and history[-1] < 0.8 * history[0]


WRONG = [
    (lambda: StochasticDepth(1.0), "rate must be at least 0 and below 1, not 1.0"),
    (lambda: StochasticDepth(-0.1), "rate must be at least 0 and below 1, not -0.1"),
    (lambda: FractalJoin(1, 1.5), "rate must be from 0 to 1, not 1.5"),
    (lambda: ColumnDraw(3, "half"), "share must be from 0 to 1, not 'half'"),
    (lambda: stochastic_depth_resnet(9), "depth must be 6n + 2"),
    (lambda: stochastic_depth_resnet(8, last_survival=0), "chance to survive must be above 0 and at most 1, not 0"),
    (lambda: stochastic_depth_resnet(8, (3, 3, 3)), "at least 4"),
    (lambda: fractal_net(columns=0), "columns must be a whole number above 0, not 0"),
    (lambda: fractal_net((16, 16, 3)), "at least 32"),
    (lambda: fractal_net((16, 16, 3), filters=(4, 8), column=4), "column must be one of 1, 2, 3; not 4"),
    (lambda: fractal_net(width=0), "width must be a number above 0"),
    (lambda: fractal_net(classes=0), "classes must be a whole number above 0"),
]


@pytest.mark.parametrize(("make", "message"), WRONG)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError) as error:
        make()
    assert message in str(error.value)
