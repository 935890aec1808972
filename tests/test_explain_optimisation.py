"""Images by optimisation: closed forms of linear networks, an invertible layer, attacks that must succeed or say so."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from course_lib.explain import priors
from course_lib.explain.ascent import diversity, maximise
from course_lib.explain.fooling import fgsm, fooled, targeted
from course_lib.explain.inversion import feature_error, invert, pixel_error
from course_lib.explain.network import logits
from course_lib.gradients import gradients

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0.2, 0.8, (4, 6, 6, 2)).astype("float32")


def run(model, images):
    return ops.convert_to_numpy(model(images, training=False))


def linear(classes=3) -> tuple[keras.Model, np.ndarray]:
    """A network with linear logits, and their weights (classes, 6, 6, 2)."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6, 6, 2)), layers.Flatten(), layers.Dense(classes, activation="softmax")])
    return model, np.moveaxis(model.get_weights()[0].reshape(6, 6, 2, classes), -1, 0)


def convolutional() -> keras.Model:
    keras.utils.set_random_seed(2)
    return keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(4, 3, activation="relu", name="first"),
            layers.Conv2D(5, 3, name="second"),
            layers.ReLU(name="rectified"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


# Priors


def test_priors_by_hand():
    image = np.array([[1.0, 3.0, 6.0], [0.0, 0.0, 1.0]], "float32")[None, :, :, None]
    # rows: |1|, |3|, |5|; columns: |2|, |3|, |0|, |1|
    np.testing.assert_allclose(priors.total_variation(image), [15])
    np.testing.assert_allclose(priors.total_variation(image, power=2), [1 + 9 + 25 + 4 + 9 + 0 + 1])
    np.testing.assert_allclose(priors.squared_norm(image), [47])
    np.testing.assert_allclose(priors.squared_norm(image, centre=1), [0 + 4 + 25 + 1 + 1 + 0])
    both = np.concatenate([image, 2 * image])
    np.testing.assert_allclose(priors.total_variation(both), [15, 30])
    assert isinstance(priors.total_variation(both), np.ndarray)


def test_priors_in_a_gradient():
    (by_x,) = gradients(priors.squared_norm, IMAGES)
    np.testing.assert_allclose(by_x, 2 * IMAGES, rtol=1e-6)
    (by_x,) = gradients(lambda x: priors.total_variation(x, power=2), IMAGES)
    padded = np.pad(IMAGES, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    neighbours = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
    np.testing.assert_allclose(by_x, 2 * (4 * IMAGES - neighbours), atol=1e-5)
    (by_x,) = gradients(priors.total_variation, np.full((1, 3, 3, 1), 0.5, "float32"))
    assert np.isfinite(by_x).all()


def test_wrong_priors():
    with pytest.raises(ValueError, match="power must be 1 or 2"):
        priors.total_variation(IMAGES, power=3)
    with pytest.raises(ValueError, match="images are"):
        priors.total_variation(IMAGES[0])


# Ascent


PLAIN = {"centre": 0.0, "clip": None, "normalise": False}


def test_with_the_prior_taken_off_a_linear_score_has_its_maximum_where_the_formula_says():
    model, weights = linear()
    found = maximise(model, [0, 2], steps=60, learning_rate=0.5, l2=0.25, **PLAIN)
    np.testing.assert_allclose(found.images, weights[[0, 2]] / (2 * 0.25), atol=1e-4)
    assert found.scores.shape == (61, 2)
    np.testing.assert_allclose(found.scores[-1], (weights[[0, 2]] ** 2).sum(axis=(1, 2, 3)) / 0.5, rtol=1e-3)


def test_with_the_prior_added_it_diverges():
    model, weights = linear()
    found = maximise(model, 0, steps=60, learning_rate=0.5, l2=-0.25, **PLAIN)
    assert np.linalg.norm(found.images) > 1e6 * np.linalg.norm(weights[0])
    worse = maximise(model, 0, steps=600, learning_rate=0.5, l2=-0.25, **PLAIN)  # without any noise about it
    assert not np.isfinite(worse.scores[-1]).all()


def test_steps_are_plain_gradient_ascent_or_as_long_as_the_learning_rate():
    model, weights = linear()
    start = IMAGES[:1]
    plain = maximise(model, 1, start, steps=3, learning_rate=0.1, **PLAIN).images
    np.testing.assert_allclose(plain, start + 0.3 * weights[1], atol=1e-5)
    scaled = maximise(model, 1, start, steps=3, learning_rate=0.1, **(PLAIN | {"normalise": True})).images
    np.testing.assert_allclose(scaled, start + 0.3 * weights[1] / np.sqrt(np.mean(weights[1] ** 2)), atol=1e-5)
    assert maximise(model, 1, start, steps=30, learning_rate=0.1).images.max() == 1


def test_jitter_moves_the_image_and_brings_the_step_back():
    """The slope of a linear score is the same at every image: after the way back it is the weights, moved."""
    model, weights = linear()
    found = maximise(model, 1, IMAGES[:1], steps=4, learning_rate=0.1, jitter=2, seed=7, **PLAIN)
    chance = np.random.default_rng(8)
    moves = [chance.integers(-2, 3, size=2) for _ in range(4)]
    assert len({tuple(move) for move in moves}) > 1
    expected = IMAGES[:1] + 0.1 * sum(np.roll(weights[1], -move, axis=(0, 1)) for move in moves)
    np.testing.assert_allclose(found.images, expected, atol=1e-5)


def test_scores_are_logits_without_the_priors():
    model = convolutional()
    found = maximise(model, [2, 0, 1], IMAGES[:3], steps=5, l2=0.01, tv=0.01)
    np.testing.assert_allclose(found.scores[0], run(logits(model), IMAGES[:3])[[0, 1, 2], [2, 0, 1]], atol=1e-4)
    np.testing.assert_allclose(found.scores[-1], run(logits(model), found.images)[[0, 1, 2], [2, 0, 1]], atol=1e-4)
    assert (found.scores[-1] > found.scores[0]).all()


def test_units_of_inner_layers_are_taken_before_relu():
    model = convolutional()
    found = maximise(model, [0, 3], IMAGES[:2], layer="first", steps=0)
    kernel, bias = model.get_layer("first").get_weights()
    sums = run(keras.Sequential([keras.Input((6, 6, 2)), _with(layers.Conv2D(4, 3), kernel, bias)]), IMAGES[:2])
    np.testing.assert_allclose(found.scores[0], [sums[0, ..., 0].mean(), sums[1, ..., 3].mean()], atol=1e-5)
    np.testing.assert_array_equal(found.images, IMAGES[:2])
    found = maximise(model, 1, IMAGES[:2], layer="first", place=(2, 0), steps=0)
    np.testing.assert_allclose(found.scores[0], sums[:, 2, 0, 1], atol=1e-5)
    of_layer = maximise(model, [4, 4], IMAGES[:2], layer="rectified", steps=3)
    of_convolution = maximise(model, 4, IMAGES[:2], layer="second", steps=3)
    np.testing.assert_allclose(of_layer.images, of_convolution.images, atol=1e-5)


def _with(layer, *weights):
    layer.build((None, 6, 6, 2))
    layer.set_weights(weights)
    return layer


def test_a_place_changes_only_what_its_unit_sees():
    found = maximise(convolutional(), 1, IMAGES[:1], layer="first", place=(1, 2), steps=4)
    changed = np.abs(found.images - IMAGES[:1])[0].max(axis=-1) > 1e-6
    assert changed[1:4, 2:5].all() and changed.sum() == 9


def test_starts_units_and_seeds():
    model = convolutional()
    many = maximise(model, [0, 1], starts=3, steps=20)
    assert many.images.shape == (6, 6, 6, 2) and many.images.min() >= 0 and many.images.max() <= 1
    assert run(model, many.images).argmax(axis=1).tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_array_equal(
        maximise(model, [0, 1], starts=3, steps=2, jitter=2).images,
        maximise(model, [0, 1], starts=3, steps=2, jitter=2).images,
    )
    assert not np.allclose(maximise(model, 0, steps=0, seed=1).images, maximise(model, 0, steps=0, seed=2).images)
    again = maximise(model, [0, 1], IMAGES[:2], steps=5)
    alone = maximise(model, 1, IMAGES[1:2], steps=5)
    np.testing.assert_allclose(again.images[1:], alone.images, atol=1e-5)


def test_diversity():
    one = np.zeros((1, 2, 2, 1))
    assert diversity(np.concatenate([one, one])) == 0
    assert diversity(np.concatenate([one, one + 0.5, one])) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="at least 2"):
        diversity(one)


def test_wrong_units():
    model = convolutional()
    with pytest.raises(ValueError, match="units must be from 0 to 2"):
        maximise(model, 3)
    with pytest.raises(TypeError, match="whole number"):
        maximise(model, 1.0)
    with pytest.raises(ValueError, match="no layer 'nine'"):
        maximise(model, 0, layer="nine")
    with pytest.raises(ValueError, match="one for each of the 2 units, not 3"):
        maximise(model, [0, 1], IMAGES[:3])
    with pytest.raises(ValueError, match="place is a row and a column"):
        maximise(model, 0, place=(1, 1))
    with pytest.raises(ValueError, match="place is a row and a column"):
        maximise(model, 0, layer="first", place=(4, 0))


# Inversion


def test_an_orthogonal_layer_is_inverted():
    inputs = keras.Input((4, 4, 1))
    outputs = layers.Dense(16, kernel_initializer="orthogonal", name="turned")(layers.Flatten()(inputs))
    model, images = keras.Model(inputs, outputs), RNG.random((3, 4, 4, 1)).astype("float32")
    found = invert(model, "turned", images, steps=150)
    np.testing.assert_allclose(found.images, images, atol=0.01)
    assert found.errors.shape == (151, 3) and found.errors[-1].max() < 0.01 < found.errors[0].min()
    np.testing.assert_allclose(found.errors[-1], feature_error(model, "turned", images, found.images), atol=1e-5)


def test_errors_are_those_of_features_and_total_variation_smooths():
    model = convolutional()
    rough = invert(model, "second", IMAGES, steps=40)
    smooth = invert(model, "second", IMAGES, steps=40, tv=5.0)
    assert (rough.errors[-1] < rough.errors[0]).all()
    assert (priors.total_variation(smooth.images) < priors.total_variation(rough.images)).all()
    assert (smooth.errors[-1] > rough.errors[-1]).all()
    maps = keras.Model(model.inputs[0], model.get_layer("second").output)
    one, other = (run(maps, images).reshape(4, -1) for images in (IMAGES, smooth.images))
    expected = np.linalg.norm(one - other, axis=1) / np.linalg.norm(one, axis=1)
    np.testing.assert_allclose(feature_error(model, "second", IMAGES, smooth.images), expected, rtol=1e-4)
    np.testing.assert_allclose(smooth.errors[-1], expected, rtol=1e-4)


def test_errors_of_pixels():
    images = np.zeros((2, 2, 2, 1))
    np.testing.assert_allclose(pixel_error(images, images + np.array([0.5, 1])[:, None, None, None]), [0.5, 1])
    with pytest.raises(ValueError, match="the same"):
        pixel_error(images, images[:1])


# Fooling


def test_fgsm_of_a_linear_network_is_exact():
    """The loss rises fastest along Σ p_k w_k - w_label, whose sign FGSM follows."""
    model, weights = linear()
    labels = np.array([0, 1, 2, 0])
    slopes = np.einsum("nk,khwc->nhwc", run(model, IMAGES), weights) - weights[labels]
    np.testing.assert_allclose(fgsm(model, IMAGES, labels, 0.05), IMAGES + 0.05 * np.sign(slopes), atol=1e-6)
    changed = fgsm(model, IMAGES, labels, 0.5)
    assert changed.min() >= 0 and changed.max() <= 1
    predicted = run(model, IMAGES).argmax(axis=1)
    np.testing.assert_array_equal(fgsm(model, IMAGES, epsilon=0.1), fgsm(model, IMAGES, predicted, 0.1))


def test_a_targeted_attack_reaches_its_class_and_stops_there():
    model = convolutional()
    targets = (run(model, IMAGES).argmax(axis=1) + 1) % 3
    found = targeted(model, IMAGES, targets, steps=400, step=0.005)
    assert found.reached.all() and found.steps.min() > 0
    assert run(model, found.images).argmax(axis=1).tolist() == targets.tolist()
    assert found.images.min() >= 0 and found.images.max() <= 1
    change = np.sqrt(np.mean((found.images - IMAGES) ** 2, axis=(1, 2, 3)))
    assert (change <= 0.005 * found.steps * 1.001).all()
    earlier = targeted(model, IMAGES, targets, steps=int(found.steps.max()) - 1, step=0.005)
    assert not earlier.reached[found.steps.argmax()]
    surer = targeted(model, IMAGES, targets, steps=400, step=0.005, confidence=0.6)
    assert (run(model, surer.images)[np.arange(4), targets] >= 0.6)[surer.reached].all()
    assert (surer.steps >= found.steps).all()


def test_an_attack_that_fails_says_so():
    model, _ = linear()
    model.layers[-1].bias.assign([0.0, 50.0, 0.0])  # nothing within 0 to 1 makes up for that
    found = targeted(model, IMAGES, 0, steps=5)
    assert not found.reached.any() and found.steps.tolist() == [5] * 4
    stays = targeted(model, IMAGES, 1, steps=5)
    assert stays.reached.all() and stays.steps.tolist() == [0] * 4
    np.testing.assert_array_equal(stays.images, IMAGES)


def test_what_a_change_did():
    model = keras.Sequential([keras.Input((1, 1, 2)), layers.Flatten()])  # two logits: the two channels
    before = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.6], [0.6, 0.3]], "float32").reshape(4, 1, 1, 2)
    after = np.array([[0.9, 0.1], [0.2, 0.5], [0.7, 0.6], [0.3, 0.7]], "float32").reshape(4, 1, 1, 2)
    found = fooled(model, before, after, [0, 0, 1, 1])
    assert found.fooled.tolist() == [False, True, True, False]  # the last was wrong before
    assert found.rate == pytest.approx(2 / 3)
    np.testing.assert_allclose(found.l2, [0, np.hypot(0.6, 0.3), 0.4, 0.5], atol=1e-6)
    np.testing.assert_allclose(found.largest, [0, 0.6, 0.4, 0.4], atol=1e-6)
    assert np.isnan(fooled(model, before[3:], after[3:], [1]).rate)


def test_wrong_attacks():
    model, _ = linear()
    with pytest.raises(ValueError, match="from 0 to 1 here"):
        fgsm(model, 2 * IMAGES)
    with pytest.raises(TypeError, match="targets are classes, not None"):
        targeted(model, IMAGES, None)
    with pytest.raises(ValueError, match="targets must be classes"):
        targeted(model, IMAGES, 7)
    with pytest.raises(TypeError, match="labels are the true classes"):
        fooled(model, IMAGES, IMAGES, None)
    with pytest.raises(ValueError, match="as many images"):
        fooled(model, IMAGES, IMAGES[:2], [0, 1, 2, 0])


@pytest.mark.parametrize(
    "method",
    [
        lambda model: maximise(model, 0, steps=2),
        lambda model: maximise(model, 0, layer="first", steps=2),
        lambda model: invert(model, "first", IMAGES, steps=2),
        lambda model: fgsm(model, IMAGES),
        lambda model: targeted(model, IMAGES, 0, steps=2),
    ],
    ids=["ascent", "ascent of a filter", "inversion", "FGSM", "targeted"],
)
def test_no_method_changes_the_model_or_the_images(method):
    model, images = convolutional(), IMAGES.copy()
    before = model.get_weights()
    method(model)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.get_layer("first").activation is keras.activations.relu
    np.testing.assert_array_equal(images, IMAGES)
