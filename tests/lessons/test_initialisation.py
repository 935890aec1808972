"""The figures of lesson 14 show what they are given, and what it lets students write is right."""

import itertools

import numpy as np
import pytest
from drawn import pixels
from lesson_code import all_lessons, answer
from scipy.special import logsumexp

from course_lessons.initialisation import evidence, figures
from course_lib.gradcheck import numerical_gradient
from course_lib.layers import Dense, Sequential, Tanh

LESSON = "14_initialisation"


# Signals through layers


@pytest.mark.parametrize(("activation", "gain", "factor"), [("tanh", 0.2236, 0.2236), ("ReLU", 1.0, 0.5**0.5)])
def test_signals_shrink_by_a_constant_factor_both_ways(activation, gain, factor):
    curves, _ = figures.signals_through_layers(gain, 8, activation).axes
    forward, back = (line.get_ydata() for line in curves.lines)
    assert len(forward) == len(back) == 8
    np.testing.assert_allclose(forward[2:] / forward[1:-1], factor, rtol=0.2)
    np.testing.assert_allclose(back[1:-1] / back[2:], factor, rtol=0.2)


def test_he_keeps_relu_level_and_a_large_gain_makes_tanh_explode_going_back():
    forward, _ = (line.get_ydata() for line in figures.signals_through_layers(2**0.5, 20, "ReLU").axes[0].lines)
    assert 0.2 < forward[-1] / forward[0] < 5
    forward, back = (line.get_ydata() for line in figures.signals_through_layers(22.0, 10, "tanh").axes[0].lines)
    assert forward.min() > 0.9 and back[0] > 100 * back[-1]


@pytest.mark.parametrize("gain", [0.22, 22.0])
def test_the_longest_chain_of_any_activation_can_be_drawn(gain):
    for activation in ("tanh", "ReLU", "sigmoid"):
        assert pixels(figures.signals_through_layers(gain, 40, activation)).std() > 0


# Other figures


def test_histograms_have_a_panel_for_each_layer_and_name_its_deviation():
    rng = np.random.default_rng(0)
    wide, narrow = rng.choice([-0.5, 0.5], 1000), rng.choice([-2e-6, 2e-6], 1000)
    figure = figures.layer_histograms({"a": [wide, narrow], "b": [wide, wide]})
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:2] == ["layer 1\n$s$ = 0.50", "layer 2\n$s$ = 2e-6"]
    assert figure.axes[2].get_ylabel() == "b" and len(titles) == 4
    assert sum(patch.get_height() for patch in figure.axes[1].patches) == 1000


# The experiment


@pytest.mark.parametrize("activation", ["tanh", "ReLU"])
def test_the_gradients_of_the_experiment_are_right(activation):
    rng = np.random.default_rng(0)
    inputs, one_hot = rng.normal(size=(7, 5)), np.eye(3)[rng.integers(3, size=7)]
    weights = [array.astype(float) for array in evidence.draw([5, 4, 4, 3], ["LeCun", "He"], rng)]
    for bias in weights[1::2]:
        bias += rng.normal(size=bias.shape)

    def loss():
        logits = evidence.outputs(inputs, weights, activation)[-1]
        return -np.sum(one_hot * (logits - logsumexp(logits, axis=-1, keepdims=True))) / len(inputs)

    found = evidence.gradients(inputs, one_hot, weights, activation)
    for array, gradient in zip(weights, found, strict=True):
        np.testing.assert_allclose(gradient, numerical_gradient(loss, array), atol=1e-6)


def test_the_starts_of_the_experiment_are_those_of_keras():
    import keras

    for name, initializer in (
        ("LeCun", keras.initializers.LecunNormal()),
        ("Glorot", keras.initializers.GlorotNormal()),
        ("He", keras.initializers.HeNormal()),
    ):
        theirs = keras.ops.convert_to_numpy(initializer((300, 200))).std()
        assert evidence.STARTS[name](300, 200) == pytest.approx(theirs, rel=0.05)


# What the lesson says


def kernels(sizes, rng):
    return [rng.normal(0, 0.6, shape) for shape in itertools.pairwise(sizes)]


def test_gradient_statistics_are_those_of_our_layers():
    rng = np.random.default_rng(0)
    chain, inputs, upstream = kernels([5, 4, 3, 2], rng), rng.normal(size=(7, 5)), rng.normal(size=(7, 2))
    dense = [Dense(*kernel.shape, rng) for kernel in chain]
    for layer, kernel in zip(dense, chain, strict=True):
        layer.parameters["kernel"] = kernel
    bends = [Tanh() for _ in dense]
    net = Sequential([layer for pair in zip(dense, bends, strict=True) for layer in pair])
    net.forward(inputs)
    net.backward(upstream)
    lesson = all_lessons()[LESSON]
    np.testing.assert_allclose(
        answer(lesson, "gradient_statistics")(inputs, chain, upstream),
        [layer.gradients["kernel"].std() for layer in dense],
    )


@pytest.mark.parametrize("shape", [(300, 100), (3, 3, 16, 32)])
def test_deviations_are_those_of_keras(shape):
    import keras

    lesson = all_lessons()[LESSON]
    for mine, initializer in (
        (answer(lesson, "glorot_deviation")(shape), keras.initializers.GlorotNormal),
        (answer(lesson, "leaky_deviation")(shape, 0.0), keras.initializers.HeNormal),
        (answer(lesson, "leaky_deviation")(shape, 1.0), keras.initializers.LecunNormal),
    ):
        theirs = keras.ops.convert_to_numpy(initializer(seed=0)(shape)).std()
        assert mine == pytest.approx(theirs, rel=0.05)


def test_measured_factors_set_the_sums_of_a_network_right():
    rng = np.random.default_rng(0)
    chain, images = kernels([6, 5, 4], rng), rng.normal(1, 2, (9, 6))
    factors = answer(all_lessons()[LESSON], "measured_factors")(images, chain)
    for factor, kernel in zip(factors, chain, strict=True):
        sums = images @ (factor * kernel)
        assert np.mean(sums**2) == pytest.approx(1)
        images = np.tanh(sums)


def test_twins_stay_twins_and_a_bias_parts_them():
    different_units = answer(all_lessons()[LESSON], "different_units")
    rng = np.random.default_rng(0)
    first, last = Dense(3, 4, rng), Dense(4, 2, rng)
    for layer in (first, last):
        layer.parameters["kernel"][:] = 0.3
    net, x = Sequential([first, Tanh(), last]), rng.normal(size=(9, 3))

    def units():
        return different_units(first.parameters["kernel"], first.parameters["bias"], last.parameters["kernel"])

    def step():
        net.backward(net.forward(x) - rng.normal(size=(9, 2)))
        for layer in (first, last):
            for name, parameter in layer.parameters.items():
                parameter -= 0.05 * layer.gradients[name]

    for _ in range(5):
        step()
    assert units() == 1
    first.parameters["bias"][0] += 0.1
    for _ in range(5):
        step()
    assert units() == 2
