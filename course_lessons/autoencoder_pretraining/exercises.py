"""Exercises of lesson 17_autoencoder_pretraining."""

from __future__ import annotations

import functools
import itertools

import numpy as np
from scipy.special import logsumexp

from course_lib.data import mnist_5k
from course_lib.exercises.spec import exercise

LESSON = "17_autoencoder_pretraining"


def _states(number):
    return np.array(list(itertools.product([0.0, 1.0], repeat=number)))


def _scores(pixels, kernel, visible_bias, hidden_bias):
    """Minus the energy of every picture with every hidden state: (pictures, hidden states)."""
    hidden = _states(len(hidden_bias))
    return pixels @ kernel @ hidden.T + (pixels @ visible_bias)[:, None] + hidden @ hidden_bias


def _machine(rng, pixels, units, size=1.0):
    return size * rng.normal(size=(pixels, units)), rng.normal(size=pixels), rng.normal(size=units)


# How probable is a picture?


@exercise(lesson=LESSON, points=2)
def log_probability(pixels, kernel, visible_bias, hidden_bias):
    """Every state of the whole machine, one by one."""
    everything = _scores(_states(len(pixels)), kernel, visible_bias, hidden_bias)
    return logsumexp(_scores(pixels[None], kernel, visible_bias, hidden_bias)) - logsumexp(everything)


log_probability.hints = (
    "Write a function of one picture first: the logarithm of the sum above the line. It is a sum of one term for the "
    "visible biases and one term for each hidden unit.",
    "np.logaddexp(0, a) is log(1 + e^a), and does not overflow for large a.",
    "itertools.product([0, 1], repeat=n) gives all pictures of n pixels; np.logaddexp.reduce adds up what stands as "
    "logarithms. The answer is the picture's logarithm minus that of all.",
)


@log_probability.cases
def _(rng):
    # unit by unit or added up first, with or without the biases: all differ
    yield np.array([1.0, 0.0]), np.array([[1.0], [-0.5]]), np.array([0.3, -1.2]), np.array([0.7])
    yield np.zeros(3), *_machine(rng, 3, 2)
    for visible, units in ((2, 4), (5, 3), (4, 4)):
        yield (rng.permutation(visible) < visible / 2 + 0.5).astype(float), *_machine(rng, visible, units)
    # so large that e to the sum is no number
    yield np.ones(4), 400.0 + 0 * _machine(rng, 4, 2)[0], np.array([-1500.0, -1.0, 0.5, 1.0]), rng.normal(size=2)


@log_probability.known_mistakes
def _(pixels, kernel, visible_bias, hidden_bias):
    states = _states(len(pixels))

    def log_sum(x, units=lambda sums: np.logaddexp(0, sums).sum(axis=-1)):
        return x @ visible_bias + units(x @ kernel + hidden_bias)

    def share(one):
        return one(pixels) - logsumexp(one(states))

    right = share(log_sum)
    yield "All pictures together must have the probability 1: divide by the sum over all of them.", log_sum(pixels)
    yield "That is the probability; its logarithm is asked.", np.exp(right)
    yield "The natural logarithm is asked, not that to base 2.", right / np.log(2)
    yield "The visible biases are missing.", share(lambda x: np.logaddexp(0, x @ kernel + hidden_bias).sum(axis=-1))
    yield "The hidden biases are missing.", share(
        lambda x: x @ visible_bias + np.logaddexp(0, x @ kernel).sum(axis=-1)
    )
    yield "The sign of the energy is turned: low energy is probable.", share(
        lambda x: logsumexp(-_scores(np.atleast_2d(x), kernel, visible_bias, hidden_bias), axis=1).reshape(x.shape[:-1])
    )
    yield "You took the mean of the logarithms over the hidden states. Add up the probabilities, then the logarithm.", (
        share(lambda x: log_sum(x, lambda sums: (sums / 2).sum(axis=-1)))
    )
    yield "You kept only the most probable hidden state. Add up over all of them.", (
        share(lambda x: log_sum(x, lambda sums: np.maximum(sums, 0).sum(axis=-1)))
    )
    yield "Each unit has a 1 + e^a of its own: take the logarithms first, then add up the units.", (
        share(lambda x: log_sum(x, lambda sums: np.logaddexp(0, logsumexp(sums, axis=-1))))
    )
    yield "A hidden unit can be 0, too: the 1 in 1 + e^a is missing.", (
        share(lambda x: log_sum(x, lambda sums: sums.sum(axis=-1)))
    )
    with np.errstate(all="ignore"):
        plain = np.exp(states @ visible_bias) * np.prod(1 + np.exp(states @ kernel + hidden_bias), axis=1)
        one = np.exp(pixels @ visible_bias) * np.prod(1 + np.exp(pixels @ kernel + hidden_bias))
        overflowed = np.log(one / plain.sum())
        yield "Large weights overflow: e^1000 is no number. Stay with logarithms, np.logaddexp.", overflowed
        overflowed = log_sum(pixels) - np.log(np.exp(log_sum(states)).sum())
        yield "The sum over all pictures overflows: np.logaddexp.reduce adds up logarithms.", overflowed


# Which way is up?


@exercise(lesson=LESSON, points=3)
def exact_directions(images, kernel, visible_bias, hidden_bias):
    """Means of products over the joint states: those that the pictures allow, and all."""
    hidden, states = _states(len(hidden_bias)), _states(images.shape[1])
    everything = _scores(states, kernel, visible_bias, hidden_bias)
    of_all = np.exp(everything - logsumexp(everything))
    of_data = _scores(images, kernel, visible_bias, hidden_bias)
    of_data = np.exp(of_data - logsumexp(of_data, axis=1, keepdims=True)) / len(images)
    return (
        images.T @ of_data @ hidden - states.T @ of_all @ hidden,
        images.T @ of_data.sum(axis=1) - states.T @ of_all.sum(axis=1),
        of_data.sum(axis=0) @ hidden - of_all.sum(axis=0) @ hidden,
    )


exact_directions.results = ("Direction of the kernel", "Direction of the visible biases", "of the hidden biases")
exact_directions.hints = (
    "Each direction is a mean over the pictures minus a mean over all possible pictures, weighted by their "
    "probabilities.",
    "The probabilities of all pictures: their log sums as in exercise 1, minus the largest, exponential, divided by "
    "the sum.",
    "For the kernel: images.T @ on / len(images) - states.T @ (probabilities[:, None] * on_of_states), where on is "
    "sigmoid(pictures @ kernel + hidden_bias).",
)


@exact_directions.cases
def _(rng):
    yield np.array([[1.0, 1.0], [1.0, 0.0]]), np.array([[1.5], [-0.5]]), np.array([0.3, -1.0]), np.array([0.4])
    for number, visible, units in ((3, 3, 2), (2, 4, 4), (6, 3, 5)):
        yield (rng.random((number, visible)) < 0.5).astype(float), *_machine(rng, visible, units, 1.5)
    # so large that e to the sum is no number
    yield (rng.random((3, 3)) < 0.6).astype(float), 300 * np.ones((3, 3)), np.array([-890.0, -1, 1]), rng.normal(size=3)


@exact_directions.known_mistakes
def _(images, kernel, visible_bias, hidden_bias):
    states = _states(images.shape[1])

    def on(x):
        return np.exp(-np.logaddexp(0, -(x @ kernel + hidden_bias)))

    def chances(visible=visible_bias, units=lambda sums: np.logaddexp(0, sums).sum(axis=-1)):
        sums = states @ visible + units(states @ kernel + hidden_bias)
        return np.exp(sums - logsumexp(sums))

    def means(x, weights, on=on):
        return x.T @ (weights[:, None] * on(x)), weights @ x, weights @ on(x)

    def apart(first, second):
        return tuple(one - other for one, other in zip(first, second, strict=True))

    number = len(images)
    each, flat = np.full(number, 1 / number), np.full(len(states), 1 / len(states))
    data, dream = means(images, each), means(states, chances())
    yield "The sign is turned: you make less probable what you see.", apart(dream, data)
    yield "The second mean is missing. Without it all weights would only grow.", data
    yield "The first mean is missing.", tuple(-each for each in dream)
    yield "The mean over the pictures is asked, you add them up.", apart(means(images, np.ones(number)), dream)
    yield "You count all possible pictures alike. Weight each by its probability.", apart(data, means(states, flat))
    yield "The probabilities of the pictures lack the visible biases.", (
        apart(data, means(states, chances(0 * visible_bias)))
    )
    yield "The probabilities lack the hidden units: each adds log(1 + e^a).", (
        apart(data, means(states, chances(units=lambda sums: 0)))
    )
    with np.errstate(all="ignore"):
        sums = states @ visible_bias + np.logaddexp(0, states @ kernel + hidden_bias).sum(axis=1)
        yield "The probabilities of all pictures must add up to 1: divide by their sum.", (
            apart(data, means(states, np.exp(sums)))
        )
        yield "Large weights overflow: take the largest logarithm away before you take the exponential.", (
            apart(data, means(states, np.exp(sums) / np.exp(sums).sum()))
        )

    def without(x):
        return np.exp(-np.logaddexp(0, -(x @ kernel)))

    yield "The hidden biases are missing where hidden units are on or off.", (
        apart(means(images, each, without), means(states, chances(), without))
    )
    back = np.exp(-np.logaddexp(0, -(on(images) @ kernel.T + visible_bias)))
    yield "You took what comes back from the pictures for the dream. All possible pictures are to be counted.", (
        apart(data, means(back, each))
    )
    yield "Hidden units count with their probabilities, not with a rounded 0 or 1.", (
        apart(means(images, each, lambda x: np.round(on(x))), means(states, chances(), lambda x: np.round(on(x))))
    )
    yield "Hidden units count with their probabilities, not with their sums: the sigmoid is missing.", (
        apart(
            means(images, each, lambda x: x @ kernel + hidden_bias),
            means(states, chances(), lambda x: x @ kernel + hidden_bias),
        )
    )
    right = apart(data, dream)
    yield "The directions of the two biases are exchanged.", (right[0], right[2], right[1])
    yield "The kernel has a row for each pixel and a column for each hidden unit.", (right[0].T, *right[1:])


# A classifier that has seen pictures before


@functools.cache
def _digits():
    """334 digits as 196 means of 2 x 2 pixels."""
    return mnist_5k().test.images[::3].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)


@exercise(lesson=LESSON, points=2, atol=1e-4, rtol=1e-4)
def start_from(machines, _classes, _dropout, _images):
    """What the hidden layers give, one behind the other, and that the last layer was let be."""
    outputs, given = _images, []
    for kernel, _, hidden_bias in machines:
        outputs = 1 / (1 + np.exp(-(outputs @ kernel + hidden_bias)))
        given.append(outputs)
    return np.concatenate(given, axis=1), "as it was", "all layers"


start_from.results = ("Outputs of the hidden layers, side by side", "The last layer", "What goes on learning")
start_from.hints = (
    "model.layers is the list of all layers. Those without weights (Dropout, Activation) have an empty layer.weights.",
    "The first machine belongs to the first layer with weights, the second to the second, and so on; the last layer "
    "has no machine.",
    "layer.set_weights([kernel, bias]) gives a Dense layer its numbers. Which of the two biases points upwards?",
)


@start_from.cases
def _(rng):
    yield [_machine(rng, 5, 5), _machine(rng, 5, 5)], 5, 0.0, rng.random((4, 5))
    yield [_machine(rng, 196, 8, 0.3), _machine(rng, 8, 6), _machine(rng, 6, 6)], 10, 0.5, _digits()[:5]


@start_from.probe
def _(fill, machines, _classes, _dropout, _images):
    import keras

    inputs = outputs = keras.Input((machines[0][0].shape[0],))
    hidden = []
    for place, (kernel, *_) in enumerate(machines):
        random_start = keras.initializers.GlorotUniform(seed=place)  # the same for every answer
        layer = keras.layers.Dense(kernel.shape[1], activation="sigmoid", kernel_initializer=random_start)
        outputs = layer(outputs)
        hidden.append(outputs)
        if _dropout:
            outputs = keras.layers.Dropout(_dropout)(outputs)
    last = keras.layers.Dense(_classes)
    model = keras.Model(inputs, last(outputs))
    before = last.get_weights()
    fill(model, machines)
    same = all(np.array_equal(one, other) for one, other in zip(before, last.get_weights(), strict=True))
    given = keras.Model(inputs, hidden)(keras.ops.convert_to_tensor(_images, "float32"))
    frozen = [layer.name for layer in model.layers if not layer.trainable]
    return (
        np.concatenate([keras.ops.convert_to_numpy(each) for each in given], axis=1),
        "as it was" if same else "changed",
        "all but some layers" if frozen else "all layers",
    )


def _wrong_start(bias="hidden", order=1, frozen=False, places=slice(None), too_far=False, scale=1.0):
    def fill(model, machines):
        dense = [layer for layer in model.layers if layer.weights]
        for layer, (kernel, visible_bias, hidden_bias) in list(zip(dense, machines[::order], strict=False))[places]:
            if kernel.shape == layer.kernel.shape:
                square = kernel.shape[0] == kernel.shape[1]
                biases = {"hidden": hidden_bias, "none": 0 * hidden_bias}
                biases["visible"] = visible_bias if square else hidden_bias
                layer.set_weights([scale * kernel, biases[bias]])
            layer.trainable = not frozen
        if too_far:
            dense[-1].set_weights([0 * weight for weight in dense[-1].get_weights()])

    return fill


@start_from.known_mistakes
def _():
    yield "Nothing has changed: the hidden layers still have their random start.", (
        lambda: _wrong_start(places=slice(0, 0))
    )
    yield "The hidden biases of the machines are missing.", lambda: _wrong_start(bias="none")
    yield "You took the visible biases. They belong to the way down.", lambda: _wrong_start(bias="visible")
    yield "The hidden layers are frozen. All layers shall go on learning.", lambda: _wrong_start(frozen=True)
    yield "The last machine is missing.", lambda: _wrong_start(places=slice(0, -1))
    yield "The machines are in the wrong order: the first one looks at the pixels.", lambda: _wrong_start(order=-1)
    yield "The last layer has no machine: leave it as it is.", lambda: _wrong_start(too_far=True)


# PCA as a network


@exercise(lesson=LESSON, points=3, atol=2e-3, rtol=1e-3)
def linear_autoencoder(images, units, _new):
    """The shapes in words, and what scikit-learn's PCA makes of new pictures."""
    from sklearn.decomposition import PCA

    pca = PCA(units, svd_solver="full").fit(images)
    return _shapes(images.shape[1], units), pca.inverse_transform(pca.transform(_new))


def _shapes(pixels, units):
    return f"({pixels}, {units}), ({units},), ({units}, {pixels}), ({pixels},)"


linear_autoencoder.results = ("Shapes of the four arrays", "New pictures, as they come back")
linear_autoencoder.hints = (
    "np.linalg.svd(images - mean, full_matrices=False)[2][:units] are the directions of PCA, one a row.",
    "A code is (x - mean) @ V, with V the directions as columns. As a layer: x @ V + bias. Which bias?",
    "And back: code @ V.T + mean.",
)


@linear_autoencoder.cases
def _(rng):
    for number, pixels, units in ((9, 4, 1), (20, 6, 2)):
        spread = rng.normal(size=(pixels, pixels)) * np.linspace(2, 0.2, pixels)[:, None]
        both = 1 + rng.normal(size=pixels) + rng.normal(size=(2 * number, pixels)) @ spread
        yield both[:number], units, both[number:] + 0.5
    order = rng.permutation(len(_digits()))
    yield _digits()[order[:60]], 3, _digits()[order[60:80]]


@linear_autoencoder.probe
def _(build, images, units, _new):
    from course_lib.exercises.answer import WrongForm

    weights = build(images, units)
    try:
        kernel, bias, back, back_bias = (np.asarray(each, "float64") for each in weights)
    except (TypeError, ValueError) as error:
        raise WrongForm("Four arrays are asked for: a kernel and biases, and once more for the way back.") from error
    shapes = ", ".join(str(each.shape) for each in (kernel, bias, back, back_bias))
    if shapes != _shapes(images.shape[1], units):
        raise WrongForm(f"The shapes are {shapes}; they should be {_shapes(images.shape[1], units)}.")
    return shapes, (_new @ kernel + bias) @ back + back_bias


def _wrong_autoencoder(mean="own", back=True, rows=slice(None), code_bias=True, stretched=False, first=False):
    def build(images, units):
        middle = images.mean(axis=0)
        taken = {"own": middle, "none": 0 * middle, "one number": 0 * middle + images.mean()}[mean]
        _, sizes, directions = np.linalg.svd(images - taken, full_matrices=False)
        chosen = (directions if rows == slice(None) else directions[rows])[:units]
        if first:
            chosen = np.eye(len(middle))[:units]
        encoder = chosen.T / (sizes[:units] / len(images) ** 0.5 if stretched else 1)
        return encoder, -taken @ encoder * code_bias, chosen, taken * back

    return build


@linear_autoencoder.known_mistakes
def _():
    yield "The mean of the pictures is not taken away: PCA works round it.", lambda: _wrong_autoencoder(mean="none")
    yield "Each pixel has a mean of its own: images.mean(axis=0).", lambda: _wrong_autoencoder(mean="one number")
    yield "On the way back the mean is not put back.", lambda: _wrong_autoencoder(back=False)
    yield "On the way to the code the mean is not taken away: the biases there are -mean @ kernel.", (
        lambda: _wrong_autoencoder(code_bias=False)
    )
    yield "These are the directions of *least* variance; svd gives the largest first.", (
        lambda: _wrong_autoencoder(rows=slice(None, None, -1))
    )
    yield "That keeps the first pixels. The directions are the rows of the third result of svd.", (
        lambda: _wrong_autoencoder(first=True)
    )
    yield "The codes are scaled to deviation 1 on the way in, but not scaled back on the way out.", (
        lambda: _wrong_autoencoder(stretched=True)
    )
