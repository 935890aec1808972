"""Right answers to the exercises of the lesson on pretraining."""

import itertools
import math

import numpy as np

from right_answers import right


def _all_pictures(number):
    return [list(picture) for picture in itertools.product([0, 1], repeat=number)]


def _log_add(numbers):
    largest = max(numbers)
    return largest + math.log(sum(math.exp(number - largest) for number in numbers))


@right("log_probability")
def probability_in_loops(pixels, kernel, visible_bias, hidden_bias):
    kernel, visible_bias, hidden_bias = kernel.tolist(), visible_bias.tolist(), hidden_bias.tolist()

    def log_sum(picture):
        total = sum(pixel * bias for pixel, bias in zip(picture, visible_bias, strict=True))
        for unit, bias in enumerate(hidden_bias):
            total += _log_add([0.0, bias + sum(pixel * row[unit] for pixel, row in zip(picture, kernel, strict=True))])
        return total

    return log_sum(pixels.tolist()) - _log_add([log_sum(picture) for picture in _all_pictures(len(pixels))])


@right("log_probability")
def probability_by_scipy(pixels, kernel, visible_bias, hidden_bias):
    from scipy.special import logsumexp

    pictures = np.array(_all_pictures(len(pixels)))
    both = np.vstack([pixels, pictures])
    units = both @ kernel + hidden_bias
    sums = both @ visible_bias + logsumexp(np.stack([0 * units, units]), axis=0).sum(axis=1)
    return sums[0] - logsumexp(sums[1:])


@right("log_probability")
def probability_from_the_other_side(pixels, kernel, visible_bias, hidden_bias):
    """The sum over everything, with the pixels added up instead of the hidden units."""
    hidden = np.array(_all_pictures(len(hidden_bias)))
    above = pixels @ visible_bias + np.logaddexp(0, pixels @ kernel + hidden_bias).sum()
    below = hidden @ hidden_bias + np.logaddexp(0, hidden @ kernel.T + visible_bias).sum(axis=1)
    return above - np.logaddexp.reduce(below)


@right("log_probability")
def probability_of_the_softmax(pixels, kernel, visible_bias, hidden_bias):
    pictures = np.array(_all_pictures(len(pixels)))
    sums = pictures @ visible_bias + np.logaddexp(0, pictures @ kernel + hidden_bias).sum(axis=1)
    place = np.flatnonzero((pictures == pixels).all(axis=1))[0]
    shifted = sums - sums.max()
    return shifted[place] - np.log(np.exp(shifted).sum())


@right("exact_directions")
def directions_in_loops(images, kernel, visible_bias, hidden_bias):
    units = range(len(hidden_bias))

    def on(picture, unit):
        total = hidden_bias[unit] + sum(pixel * row[unit] for pixel, row in zip(picture, kernel, strict=True))
        return 0.5 * (1 + math.tanh(total / 2))

    def log_sum(picture):
        total = sum(pixel * bias for pixel, bias in zip(picture, visible_bias, strict=True))
        for unit in units:
            a = hidden_bias[unit] + sum(pixel * row[unit] for pixel, row in zip(picture, kernel, strict=True))
            total += max(a, 0) + math.log1p(math.exp(-abs(a)))
        return total

    pictures = _all_pictures(images.shape[1])
    logs = [log_sum(picture) for picture in pictures]
    whole = _log_add(logs)
    weighted = [(1 / len(images), picture) for picture in images.tolist()]
    weighted += [(-math.exp(one - whole), picture) for one, picture in zip(logs, pictures, strict=True)]
    pixels = range(images.shape[1])
    return (
        [[sum(w * p[pixel] * on(p, unit) for w, p in weighted) for unit in units] for pixel in pixels],
        [sum(w * p[pixel] for w, p in weighted) for pixel in pixels],
        [sum(w * on(p, unit) for w, p in weighted) for unit in units],
    )


@right("exact_directions")
def directions_with_biases_as_weights(images, kernel, visible_bias, hidden_bias):
    """A pixel and a hidden unit that are always 1."""
    from scipy.special import expit, logsumexp

    def widened(x):
        return np.hstack([x, np.ones((len(x), 1))])

    pictures = np.array(_all_pictures(images.shape[1]))
    whole = np.vstack([kernel, hidden_bias])
    sums = pictures @ visible_bias + np.logaddexp(0, widened(pictures) @ whole).sum(axis=1)
    weights = np.exp(sums - logsumexp(sums))
    both = np.vstack([images, pictures])
    shares = np.concatenate([np.full(len(images), 1 / len(images)), -weights])
    table = widened(both).T @ (shares[:, None] * widened(expit(widened(both) @ whole)))
    return table[:-1, :-1], table[:-1, -1], table[-1, :-1]


@right("exact_directions")
def directions_by_automatic_differentiation(images, kernel, visible_bias, hidden_bias):
    import tensorflow as tf

    parts = [tf.Variable(np.asarray(each, "float64")) for each in (kernel, visible_bias, hidden_bias)]
    pictures = tf.constant(np.array(_all_pictures(images.shape[1])), tf.float64)

    def log_sum(x):
        return tf.linalg.matvec(x, parts[1]) + tf.reduce_sum(tf.math.softplus(x @ parts[0] + parts[2]), axis=1)

    with tf.GradientTape() as tape:
        mean = tf.reduce_mean(log_sum(tf.constant(images, tf.float64))) - tf.reduce_logsumexp(log_sum(pictures))
    return tuple(tape.gradient(mean, parts))


@right("start_from")
def start_by_assigning(model, machines):
    place = 0
    for layer in model.layers:
        if hasattr(layer, "kernel") and place < len(machines):
            layer.kernel.assign(machines[place][0])
            layer.bias.assign(machines[place][2])
            place += 1


@right("start_from")
def start_by_all_weights(model, machines):
    weights = model.get_weights()
    for place, (kernel, _, hidden_bias) in enumerate(machines):
        weights[2 * place : 2 * place + 2] = [kernel.astype("float32"), hidden_bias.astype("float32")]
    model.set_weights(weights)


@right("start_from")
def start_by_kinds_of_layers(model, machines):
    """It gives the model back, which nobody asked for."""
    from keras.layers import Dense

    *hidden, _ = (layer for layer in model.layers if isinstance(layer, Dense))
    for number, layer in enumerate(hidden):
        kernel, _, bias = machines[number]
        layer.set_weights([np.array(kernel.tolist()), np.array([float(each) for each in bias])])
    return model


@right("linear_autoencoder")
def autoencoder_by_scikit_learn(images, units):
    from sklearn.decomposition import PCA

    pca = PCA(units, svd_solver="full").fit(images)
    return pca.components_.T, -pca.components_ @ pca.mean_, pca.components_, pca.mean_


@right("linear_autoencoder")
def autoencoder_by_eigenvectors(images, units):
    mean = [sum(column) / len(images) for column in np.transpose(images).tolist()]
    directions = np.linalg.eigh(np.cov(np.asarray(images, "float64").T))[1][:, ::-1][:, :units]
    return [directions.tolist(), (-np.array(mean) @ directions).tolist(), directions.T.tolist(), mean]


@right("linear_autoencoder")
def autoencoder_with_another_code(images, units):
    """The code may be turned, stretched and shifted, as long as the way back undoes it."""
    mean = images.mean(axis=0)
    directions = np.linalg.svd(images - mean, full_matrices=False)[2][:units]
    mix = np.random.default_rng(0).normal(size=(units, units)) + 3 * np.eye(units)
    back = np.linalg.inv(mix) @ directions
    return directions.T @ mix, 1 - mean @ directions.T @ mix, back, mean - np.ones(units) @ back
