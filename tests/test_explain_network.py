"""Looking into networks: logits, activations, filters and neighbours, against what Keras and loops say."""

import keras
import numpy as np
import pytest
from keras import layers

from course_lib.architectures.resnet import cifar_resnet
from course_lib.explain import activations, network
from course_lib.explain.activations import dead_units, filters, smoothness, sparsity, strongest
from course_lib.explain.network import differentiable, logits, predictions, probabilities, replica

RNG = np.random.default_rng(0)
IMAGES = RNG.random((5, 12, 12, 3), np.float32)


def small(last=None) -> keras.Model:
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Conv2D(4, 3, activation="relu", name="first"),
            layers.MaxPooling2D(name="pool"),
            layers.Conv2D(6, 3, name="second"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="rectified"),
            layers.Flatten(name="flat"),
            layers.Dropout(0.5, name="dropout"),
            *(last or [layers.Dense(3, activation="softmax", name="answer")]),
        ]
    )


def run(model, images):
    return keras.ops.convert_to_numpy(model(images, training=False))


@pytest.mark.parametrize(
    "last",
    [
        [layers.Dense(3, activation="softmax")],
        [layers.Dense(3), layers.Softmax()],
        [layers.Dense(3), layers.Activation("softmax")],
        [keras.Sequential([keras.Input((54,)), layers.Dense(3, activation="softmax")])],
    ],
    ids=["argument", "layer", "activation", "nested"],
)
def test_logits_are_what_softmax_gets(last):
    model = small(last)
    scores = run(logits(model), IMAGES)
    np.testing.assert_allclose(network.softmax(scores), run(model, IMAGES), atol=1e-6)
    assert np.abs(scores.sum(axis=1) - 1).max() > 1e-3
    np.testing.assert_allclose(probabilities(model, IMAGES), run(model, IMAGES), atol=1e-6)
    assert predictions(model, IMAGES).tolist() == run(model, IMAGES).argmax(axis=1).tolist()


def test_logits_of_a_function_of_keras_ops_and_of_a_network_without_softmax():
    inputs = keras.Input((4, 4, 1))
    scores = layers.Dense(3)(layers.Flatten()(inputs))
    images = IMAGES[:, :4, :4, :1]
    plain, squashed = keras.Model(inputs, scores), keras.Model(inputs, keras.ops.softmax(scores))
    assert logits(plain) is plain and not network.ends_in_softmax(plain) and network.ends_in_softmax(squashed)
    np.testing.assert_allclose(run(logits(squashed), images), run(plain, images), atol=1e-6)
    np.testing.assert_allclose(probabilities(plain, images), run(squashed, images), atol=1e-6)


def test_logits_share_their_weights():
    model = small()
    scores = logits(model)
    before = run(scores, IMAGES)
    model.get_layer("answer").bias.assign([1.0, 2.0, 3.0])
    np.testing.assert_allclose(run(scores, IMAGES), before + np.array([1, 2, 3]), atol=1e-5)
    assert {id(weight) for weight in scores.weights} == {id(weight) for weight in model.weights}


@pytest.mark.parametrize(
    "build",
    [small, lambda: cifar_resnet(8, (12, 12, 3), 3), lambda: keras.Sequential([keras.Input((12, 12, 3)), small()])],
)
def test_a_replica_computes_the_same_with_the_same_weights(build):
    model = build()
    copy = replica(model)
    np.testing.assert_allclose(run(copy, IMAGES), run(model, IMAGES), atol=1e-6)
    assert {id(weight) for weight in copy.weights} == {id(weight) for weight in model.weights}
    assert not np.allclose(run(replica(model, relu=keras.activations.tanh), IMAGES), run(model, IMAGES))
    np.testing.assert_allclose(run(model, IMAGES), run(copy, IMAGES), atol=1e-6)  # and the model is as it was


def test_a_replica_of_a_compiled_model_needs_nothing_of_what_it_was_compiled_with():
    model = small()
    model.compile("adam", loss=lambda truth, answer: keras.ops.mean(answer))
    np.testing.assert_allclose(run(replica(model), IMAGES), run(model, IMAGES), atol=1e-6)


def test_what_goes_on_after_a_layer_can_be_changed():
    inputs = keras.Input((2, 2, 1))
    model = keras.Model(inputs, layers.Rescaling(3.0, name="b")(layers.Rescaling(2.0, name="a")(inputs)))
    images = np.ones((1, 2, 2, 1), "float32")
    np.testing.assert_allclose(run(replica(model, after={"a": lambda x: x + 1}), images), 9)
    np.testing.assert_allclose(run(model, images), 6)


def test_activations_are_those_of_keras():
    model = small()
    found = activations.activations(model, IMAGES)
    assert list(found) == ["first", "pool", "second", "norm", "rectified", "flat", "dropout", "answer"]
    x = IMAGES
    for layer in model.layers:
        x = keras.ops.convert_to_numpy(layer(x, training=False) if layer.name in ("norm", "dropout") else layer(x))
        np.testing.assert_allclose(found[layer.name], x, atol=1e-5, err_msg=layer.name)
    assert list(activations.activations(model, IMAGES, "pool")) == ["pool"]
    assert list(activations.activations(model, IMAGES, ["second", "pool"])) == ["second", "pool"]
    assert activations.activations(model, IMAGES, []) == {}


def test_activations_of_more_images_than_go_through_together(monkeypatch):
    model = small()
    whole = activations.activations(model, IMAGES, "second")["second"]
    monkeypatch.setattr(network, "AT_ONCE", 2)
    np.testing.assert_allclose(activations.activations(model, IMAGES, "second")["second"], whole, atol=1e-6)


def test_sparsity_and_dead_units():
    maps = np.zeros((2, 2, 2, 3), "float32")
    maps[0, 0, 0, 0], maps[1, 1, 1, 2], maps[:, :, :, 1] = 1, 2, -1
    assert sparsity(maps) == pytest.approx(14 / 24)
    assert dead_units(maps).tolist() == [False, True, False]
    assert dead_units(maps[:, 0, 0]).tolist() == [False, True, True]


def test_filters_are_the_kernels():
    model = small()
    kernels = filters(model, "second")
    assert kernels.shape == (6, 3, 3, 4)
    np.testing.assert_array_equal(kernels[5, :, :, 2], model.get_layer("second").get_weights()[0][:, :, 2, 5])


def test_smoothness_of_kernels_that_are_known():
    even, chequered = (
        np.ones((5, 5, 2)),
        np.where(np.indices((5, 5)).sum(axis=0) % 2, 1.0, -1.0)[:, :, None].repeat(2, 2),
    )
    noise = np.random.default_rng(0).normal(size=(200, 5, 5, 2))
    np.testing.assert_allclose(smoothness([even, chequered, -3 * even, 0 * even]), [1, -1, 1, 0])
    assert abs(smoothness(noise).mean()) < 0.02
    assert smoothness([[[[1.0], [0.5]]]])[0] == pytest.approx(2 * 0.5 / 1.25)
    assert smoothness(np.ones((2, 1, 1, 3))).tolist() == [0, 0]


def test_the_strongest_answers_and_what_their_units_see():
    model = small()
    best = strongest(model, "first", 2, IMAGES, k=3)
    maps = activations.activations(model, IMAGES, "first")["first"][..., 2]
    assert best.values.tolist() == sorted(maps.max(axis=(1, 2)).tolist(), reverse=True)[:3]
    for image, value, (row, column), box in zip(best.indices, best.values, best.places, best.boxes, strict=True):
        assert maps[image, row, column] == value
        assert box.tolist() == [row, column, row + 3, column + 3]
    changed = IMAGES.copy()
    best = strongest(model, "second", 1, IMAGES, k=1)
    (image,), ((top, left, bottom, right),) = best.indices, best.boxes
    outside = np.ones((12, 12), bool)
    outside[top:bottom, left:right] = False
    changed[image][outside] = 0
    again = activations.activations(model, changed, "second")["second"][image][(*best.places[0], 1)]
    assert again == pytest.approx(best.values[0], abs=1e-5)


def test_what_is_wrong_is_said():
    model = small()
    with pytest.raises(ValueError, match=r"no layer 'conv9' in .*; there are first, pool, second"):
        activations.activations(model, IMAGES, "conv9")
    with pytest.raises(
        ValueError, match=r"takes images of shape \(batch, 12, 12, 3\), not \(12, 12, 3\). For one image"
    ):
        activations.activations(model, IMAGES[0])
    with pytest.raises(ValueError, match=r"not \(5, 12, 11, 3\)\.$"):
        activations.activations(model, IMAGES[:, :, :11])
    with pytest.raises(ValueError, match="takes images"):
        activations.activations(model, IMAGES[:0])
    with pytest.raises(TypeError, match="not uint8: divide by 255"):
        activations.activations(model, (IMAGES * 255).astype("uint8"))
    with pytest.raises(ValueError, match="pool is no 2D convolution; there are first, second"):
        filters(model, "pool")
    with pytest.raises(ValueError, match="first has filters 0 to 3, no 4"):
        strongest(model, "first", 4, IMAGES)
    with pytest.raises(ValueError, match="flat has no maps"):
        strongest(model, "flat", 4, IMAGES)
    with pytest.raises(ValueError, match="two classes or more"):
        probabilities(small([layers.Dense(1, activation="sigmoid")]), IMAGES)
    with pytest.raises(ValueError, match="kernels are"):
        smoothness(np.ones((3, 3)))

    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(TypeError, match="has no graph to look into"):
        logits(Own())
    with pytest.raises(TypeError, match="has no graph"):
        logits(keras.Sequential([layers.Dense(2)]))
    one, two = keras.Input((3,)), keras.Input((3,))
    with pytest.raises(ValueError, match="2 inputs and 1 outputs"):
        logits(keras.Model([one, two], layers.Add()([one, two])))


# A gradient that crashes


def striding() -> keras.Model:
    """A 1×1 convolution with strides at the top and in a nested model, on even sides."""
    keras.utils.set_random_seed(2)
    nested = keras.Sequential(
        [keras.Input((6, 6, 4)), layers.Conv2D(5, 1, 2, activation="tanh", name="inner")], name="nested"
    )
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Conv2D(4, 1, (2, 2), padding="same", name="outer"),
            nested,
            layers.Flatten(name="flat"),
            layers.Dense(3, name="answer"),
        ]
    )


def test_a_striding_1x1_convolution_is_gone_round():
    model = striding()
    safe = differentiable(model)
    assert safe is not model and differentiable(small()) is not None
    np.testing.assert_allclose(run(safe, IMAGES), run(model, IMAGES), atol=1e-5)
    assert model.get_layer("outer").strides == (2, 2) and model.get_layer("nested").get_layer("inner").strides == (2, 2)
    assert not network._has_strided_pointwise(safe)
    plain = small()
    assert differentiable(plain) is plain


def test_its_gradient_is_that_of_finite_differences():
    from course_lib.explain.saliency import saliency

    model = striding()
    labels = np.array([0, 2, 1, 1, 0])
    found = saliency(model, IMAGES, labels, signed=True)
    for place in ((0, 2, 4, 1), (1, 8, 8, 0), (2, 3, 4, 2), (3, 4, 5, 0)):
        step = np.zeros_like(IMAGES)
        step[place] = 0.05
        slope = (run(model, IMAGES + step) - run(model, IMAGES - step))[place[0], labels[place[0]]] / 0.1
        assert found[place] == pytest.approx(slope, abs=2e-3)
    assert not found[:, 1::2].any() and np.abs(found[:, ::4, ::4]).min() > 0


def test_a_resnet_of_keras_is_gone_round():
    model = keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), classes=4)
    pictures = RNG.random((2, 32, 32, 3), np.float32)
    np.testing.assert_allclose(run(differentiable(model), pictures), run(model, pictures), atol=1e-5)
