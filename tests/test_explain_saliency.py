"""Saliency: against differences, closed forms, loops and a backward pass by hand."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from course_lib import layers as numpy_layers
from course_lib.architectures.resnet import cifar_resnet
from course_lib.explain import network, saliency
from course_lib.explain.network import logits
from course_lib.explain.saliency import (
    METHODS,
    deconvnet,
    grad_cam,
    guided_backpropagation,
    integrated_gradients,
    project,
    smooth_grad,
)
from course_lib.explain.saliency import saliency as saliency_map

RNG = np.random.default_rng(0)
IMAGES = RNG.random((3, 8, 8, 3), np.float32)
LABELS = np.array([1, 0, 2])


def run(model, images):
    return ops.convert_to_numpy(model(images, training=False))


def linear(classes=3, softmax=True) -> tuple[keras.Model, np.ndarray]:
    """A network whose logits are linear, and its weights (height, width, channels, classes)."""
    keras.utils.set_random_seed(2)
    last = layers.Dense(classes, activation="softmax" if softmax else None)
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), last])
    last.bias.assign(RNG.normal(size=classes))
    return model, model.get_weights()[0].reshape(8, 8, 3, classes)


def convolutional(activation="relu") -> keras.Model:
    """Strided, normalised, pooled, and every way to write an activation."""
    keras.utils.set_random_seed(3)
    rectifier = layers.ReLU() if activation == "relu" else layers.Activation(activation)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(5, 3, padding="same", activation=activation, name="first"),
            layers.MaxPooling2D(),
            layers.Conv2D(6, 3, padding="same", name="second"),
            layers.BatchNormalization(),
            rectifier,
            layers.Conv2D(4, 3, name="third"),
            layers.Activation(activation, name="last_maps"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.layers[3].set_weights([RNG.uniform(0.5, 1.5, 6), *RNG.normal(size=(2, 6)) / 5, RNG.uniform(0.5, 1.5, 6)])
    return model


def test_the_saliency_of_a_linear_score_is_its_weights():
    model, weights = linear()
    chosen = np.moveaxis(weights[..., LABELS], -1, 0)
    np.testing.assert_allclose(saliency_map(model, IMAGES, LABELS, signed=True), chosen, atol=1e-6)
    np.testing.assert_allclose(saliency_map(model, IMAGES, LABELS), np.abs(chosen).max(axis=-1), atol=1e-6)
    np.testing.assert_allclose(smooth_grad(model, IMAGES, LABELS, samples=3), np.abs(chosen).max(axis=-1), atol=1e-6)


def test_saliency_agrees_with_differences():
    model = convolutional("tanh")
    scores, found = logits(model), saliency_map(model, IMAGES, LABELS, signed=True)
    for place in [(0, 3, 4, 1), (1, 0, 0, 0), (2, 7, 5, 2), (0, 2, 7, 0)]:
        image = place[0]
        above, below = IMAGES.copy(), IMAGES.copy()
        above[place] += 0.01
        below[place] -= 0.01
        slope = (run(scores, above) - run(scores, below))[image, LABELS[image]] / 0.02
        assert found[place] == pytest.approx(slope, abs=2e-4, rel=1e-2)


def test_smooth_grad_is_the_mean_over_noisy_images():
    model = convolutional()
    found = smooth_grad(model, IMAGES, LABELS, samples=4, noise=0.2, seed=5, signed=True)
    chance, total = np.random.default_rng(5), 0
    spread = 0.2 * (IMAGES.max(axis=(1, 2, 3)) - IMAGES.min(axis=(1, 2, 3)))[:, None, None, None]
    for _ in range(4):
        noisy = (IMAGES + spread * chance.standard_normal(IMAGES.shape)).astype("float32")
        total = total + saliency_map(model, noisy, LABELS, signed=True)
    np.testing.assert_allclose(found, total / 4, atol=1e-5)
    np.testing.assert_allclose(
        smooth_grad(model, IMAGES, LABELS, samples=1, noise=0), saliency_map(model, IMAGES, LABELS), atol=1e-6
    )


def test_integrated_gradients_of_a_linear_score_are_weights_times_difference():
    model, weights = linear()
    chosen = np.moveaxis(weights[..., LABELS], -1, 0)
    found = integrated_gradients(model, IMAGES, LABELS, steps=2, signed=True)
    np.testing.assert_allclose(found, chosen * IMAGES, atol=1e-6)
    found = integrated_gradients(model, IMAGES, LABELS, baseline=IMAGES[:1], steps=3)
    np.testing.assert_allclose(found, np.abs((chosen * (IMAGES - IMAGES[:1])).sum(axis=-1)), atol=1e-6)


def test_integrated_gradients_are_complete():
    model = convolutional()
    scores, rows = logits(model), np.arange(3)
    found = integrated_gradients(model, IMAGES, LABELS, baseline=0.3, steps=300, signed=True)
    difference = (run(scores, IMAGES) - run(scores, np.full_like(IMAGES, 0.3)))[rows, LABELS]
    np.testing.assert_allclose(found.sum(axis=(1, 2, 3)), difference, atol=0.01 * np.abs(difference).max())


class Guided(numpy_layers.ReLU):
    def backward(self, upstream):
        return np.maximum(upstream, 0) * self.positive


class Deconvolved(numpy_layers.ReLU):
    def backward(self, upstream):
        return np.maximum(upstream, 0)


@pytest.mark.parametrize("written", ["argument", "activation", "layer"])
@pytest.mark.parametrize(
    ("rule", "rectifier"), [("gradient", numpy_layers.ReLU), ("guided", Guided), ("deconvnet", Deconvolved)]
)
def test_backward_rules_agree_with_a_backward_pass_in_numpy(rule, rectifier, written):
    """conv, ReLU, max pooling, conv, ReLU: the strongest unit of a filter, sent back to the pixels."""
    first = numpy_layers.Conv2D(2, 4, 3, np.random.default_rng(1), padding="same")
    second = numpy_layers.Conv2D(4, 3, 3, np.random.default_rng(2))
    # Positive on the whole, so that no window of the pooling holds nothing but zeros: there any place is a maximum.
    first.parameters["bias"] += 0.8
    by_hand = numpy_layers.Sequential([first, rectifier(), numpy_layers.MaxPooling2D(2), second, rectifier()])

    def relu():
        return [] if written == "argument" else [layers.ReLU() if written == "layer" else layers.Activation("relu")]

    inside = "relu" if written == "argument" else None
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(4, 3, padding="same", activation=inside, name="first"),
            *relu(),
            layers.MaxPooling2D(2),
            layers.Conv2D(3, 3, activation=inside, name="second"),
            *relu(),
        ]
    )
    model.set_weights([*first.parameters.values(), *second.parameters.values()])
    image = np.random.default_rng(3).random((1, 8, 8, 2))
    maps = by_hand.forward(image)
    np.testing.assert_allclose(run(model, image.astype("float32")), maps, atol=1e-5)
    filter = int(maps[0].max(axis=(0, 1)).argmax())
    place = np.unravel_index(maps[0, :, :, filter].argmax(), maps.shape[1:3])
    upstream = np.zeros_like(maps)
    upstream[(0, *place, filter)] = 1
    expected = by_hand.backward(upstream)
    found = project(model, image.astype("float32"), model.layers[-1].name, filter, rule=rule)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    at = project(model, image.astype("float32"), model.layers[-1].name, filter, rule=rule, places=[place])
    np.testing.assert_allclose(at, expected, atol=1e-5)


def test_guided_and_deconvnet_maps_are_projections_of_the_logit():
    model = convolutional()
    scores = logits(model)
    for method, rule in ((guided_backpropagation, "guided"), (deconvnet, "deconvnet")):
        expected = np.concatenate(
            [
                project(scores, image[None], scores.layers[-1].name, label, rule=rule)
                for image, label in zip(IMAGES, LABELS, strict=True)
            ]
        )
        np.testing.assert_allclose(method(model, IMAGES, LABELS, signed=True), expected, atol=1e-6)
        np.testing.assert_allclose(method(model, IMAGES, LABELS), np.abs(expected).max(axis=-1), atol=1e-6)


def test_only_the_way_back_is_another():
    model = convolutional()
    for rule in ("guided", "deconvnet"):
        np.testing.assert_allclose(
            run(network.replica(model, relu=saliency.RULES[rule]), IMAGES), run(model, IMAGES), atol=1e-6
        )
    slopes = [
        method(model, IMAGES, LABELS, signed=True) for method in (saliency_map, guided_backpropagation, deconvnet)
    ]
    assert not np.allclose(slopes[0], slopes[1]) and not np.allclose(slopes[1], slopes[2])


def pooled_head() -> keras.Model:
    keras.utils.set_random_seed(4)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(5, 3, padding="same", activation="relu", name="maps"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def test_grad_cam_before_global_pooling_is_the_class_activation_map():
    """Zhou et al. (2016): there, the mean gradient of a map is its weight in the last layer, by its places."""
    model = pooled_head()
    maps = run(keras.Model(model.inputs[0], model.get_layer("maps").output), IMAGES)
    weights = model.layers[-1].get_weights()[0]
    expected = np.maximum(np.einsum("nhwf,fn->nhw", maps, weights[:, LABELS]), 0) / 64
    np.testing.assert_allclose(grad_cam(model, IMAGES, LABELS), expected, atol=1e-6)


def test_grad_cam_is_enlarged_and_takes_any_layer():
    model = convolutional()
    assert grad_cam(model, IMAGES).shape == (3, 8, 8)
    assert np.allclose(grad_cam(model, IMAGES, LABELS), grad_cam(model, IMAGES, LABELS, layer="last_maps"))
    assert not np.allclose(grad_cam(model, IMAGES, LABELS), grad_cam(model, IMAGES, LABELS, layer="first"))
    with pytest.raises(ValueError, match=r"flatten.* has no maps"):
        grad_cam(model, IMAGES, layer=next(name for name in network.layer_names(model) if "flatten" in name))


def test_grad_cam_of_a_layer_beside_a_shortcut():
    inputs = keras.Input((8, 8, 3))
    one = layers.Conv2D(2, 1, name="one")(inputs)
    two = layers.Conv2D(2, 1, name="two")(one)
    model = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(layers.Add()([one, two]))))
    weights = model.layers[-1].get_weights()[0]
    maps = run(keras.Model(inputs, two), IMAGES)
    expected = np.maximum(np.einsum("nhwf,fn->nhw", maps, weights[:, LABELS]), 0) / 64
    np.testing.assert_allclose(grad_cam(model, IMAGES, LABELS, layer="two"), expected, atol=1e-6)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    "build", [convolutional, lambda: cifar_resnet(8, (8, 8, 3), 3)], ids=["sequential", "residual"]
)
def test_every_method_leaves_the_model_as_it_was(name, build):
    model = build()
    model.layers[1].trainable = False
    before, flags = model.get_weights(), [layer.trainable for layer in model.layers]
    nodes = [len(layer._inbound_nodes) for layer in model.layers]
    acts = [getattr(layer, "activation", None) for layer in model.layers]
    maps = METHODS[name](model, IMAGES, LABELS)
    assert maps.shape == (3, 8, 8) and maps.min() >= 0 and np.isfinite(maps).all() and maps.max() > 0
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [layer.trainable for layer in model.layers] == flags
    assert acts == [getattr(layer, "activation", None) for layer in model.layers]
    assert [len(layer._inbound_nodes) for layer in model.layers[:-1]] == nodes[:-1]
    predicted = run(model, IMAGES).argmax(axis=1)
    np.testing.assert_allclose(METHODS[name](model, IMAGES), METHODS[name](model, IMAGES, predicted), atol=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_images_do_not_touch_one_another(name, monkeypatch):
    model = convolutional()
    options = {"noise": 0.0} if name == "SmoothGrad" else {}
    whole = METHODS[name](model, IMAGES, LABELS, **options)
    monkeypatch.setattr(saliency, "AT_ONCE", 2)
    monkeypatch.setattr(network, "AT_ONCE", 2)
    np.testing.assert_allclose(METHODS[name](model, IMAGES, LABELS, **options), whole, atol=1e-6)


def test_it_is_the_logit_and_not_the_probability():
    model, _ = linear()
    squashed, plain = linear(softmax=True)[0], linear(softmax=False)[0]
    plain.set_weights(model.get_weights())
    squashed.set_weights(model.get_weights())
    for method in (saliency_map, integrated_gradients):
        np.testing.assert_allclose(method(squashed, IMAGES, LABELS), method(plain, IMAGES, LABELS), atol=1e-6)


def test_wrong_arguments():
    model, _ = linear()
    with pytest.raises(ValueError, match="has no ReLU for the rule 'guided'"):
        guided_backpropagation(model, IMAGES)
    with pytest.raises(ValueError, match=r"labels must be classes of .*, 0 to 2; there is 3"):
        saliency_map(model, IMAGES, [0, 3, 1])
    with pytest.raises(ValueError, match="one for each of the 3 images"):
        saliency_map(model, IMAGES, [0, 1])
    with pytest.raises(TypeError, match="whole numbers, not float64"):
        saliency_map(model, IMAGES, [0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match="samples must be at least 1"):
        smooth_grad(model, IMAGES, samples=0)
    with pytest.raises(ValueError, match="has no layer with maps"):
        grad_cam(model, IMAGES)
    with pytest.raises(ValueError, match="rule must be one of 'gradient', 'guided', 'deconvnet'; not 'guess'"):
        project(convolutional(), IMAGES, "first", 0, rule="guess")
    with pytest.raises(ValueError, match="places are a row and a column"):
        project(convolutional(), IMAGES, "first", 0, places=[(1, 2)])


# Pointing
