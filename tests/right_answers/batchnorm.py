"""Right answers to the exercises of the lesson on batch normalisation."""

import math

import numpy as np

from right_answers import right


def _float32(*arrays):
    return [np.asarray(array, np.float32) for array in arrays]


# batchnorm_forward


@right("batchnorm_forward")
def forward_in_loops(x, gamma, beta, epsilon):
    examples, units = x.shape
    y = [[0.0] * units for _ in range(examples)]
    for unit in range(units):
        values = [x[example][unit] for example in range(examples)]
        mean = sum(values) / examples
        variance = sum((value - mean) ** 2 for value in values) / examples
        for example in range(examples):
            y[example][unit] = gamma[unit] * (values[example] - mean) / math.sqrt(variance + epsilon) + beta[unit]
    return y


@right("batchnorm_forward")
def forward_in_float32(x, gamma, beta, epsilon):
    x, gamma, beta = _float32(x, gamma, beta)
    return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + np.float32(epsilon)) + beta


@right("batchnorm_forward")
def forward_by_the_mean_of_squares(x, gamma, beta, epsilon):
    mean = x.mean(axis=0)
    return gamma * (x - mean) * ((x**2).mean(axis=0) - mean**2 + epsilon) ** -0.5 + beta


@right("batchnorm_forward")
def forward_by_tensorflow(x, gamma, beta, epsilon):
    import tensorflow as tf

    x, gamma, beta = _float32(x, gamma, beta)
    mean, variance = tf.nn.moments(x, axes=[0])
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


@right("batchnorm_forward")
def forward_by_a_layer(x, gamma, beta, epsilon):
    import keras

    layer = keras.layers.BatchNormalization(epsilon=epsilon)
    layer.build(x.shape)
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    return layer(x, training=True)


# gradient_by_variance


@right("gradient_by_variance")
def variance_in_loops(upstream, x, gamma, epsilon):
    examples, units = x.shape
    gradient = [0.0] * units
    for unit in range(units):
        mean = sum(x[:, unit]) / examples
        variance = sum((value - mean) ** 2 for value in x[:, unit]) / examples
        for value, slope in zip(x[:, unit], upstream[:, unit], strict=True):
            gradient[unit] -= slope * gamma[unit] * (value - mean) / (2 * (variance + epsilon) ** 1.5)
    return gradient


@right("gradient_by_variance")
def variance_in_float32(upstream, x, gamma, epsilon):
    upstream, x, gamma = _float32(upstream, x, gamma)
    shifted = x.var(axis=0) + np.float32(epsilon)
    return -np.einsum("nu,nu->u", upstream * gamma, x - x.mean(axis=0)) / (2 * shifted * np.sqrt(shifted))


@right("gradient_by_variance")
def variance_by_automatic_differentiation(upstream, x, gamma, epsilon):
    import tensorflow as tf

    variance = tf.constant(x.var(axis=0))
    with tf.GradientTape() as tape:
        tape.watch(variance)
        loss = tf.reduce_sum(upstream * gamma * (x - x.mean(axis=0)) / tf.sqrt(variance + epsilon))
    return tape.gradient(loss, variance)


@right("gradient_by_variance")
def variance_through_the_deviation(upstream, x, gamma, epsilon):
    deviation = np.sqrt(x.var(axis=0) + epsilon)
    by_deviation = -np.sum(upstream * gamma * (x - x.mean(axis=0)), axis=0) / deviation**2
    return by_deviation / (2 * deviation)


# gradient_by_mean


@right("gradient_by_mean")
def mean_along_both_arrows(upstream, x, gamma, epsilon):
    centred, inverse = x - x.mean(axis=0), 1 / np.sqrt(x.var(axis=0) + epsilon)
    by_normal = upstream * gamma
    by_variance = np.sum(by_normal * centred * -0.5 * inverse**3, axis=0)
    return -np.sum(by_normal * inverse, axis=0) + by_variance * np.mean(-2 * centred, axis=0)


@right("gradient_by_mean")
def mean_in_loops(upstream, x, gamma, epsilon):
    return [
        -scale
        * sum(slopes)
        / math.sqrt(sum((v - sum(values) / len(values)) ** 2 for v in values) / len(values) + epsilon)
        for slopes, values, scale in zip(upstream.T.tolist(), x.T.tolist(), gamma, strict=True)
    ]


@right("gradient_by_mean")
def mean_in_float32(upstream, x, gamma, epsilon):
    upstream, x, gamma = _float32(upstream, x, gamma)
    return -(upstream.sum(axis=0) * gamma) / np.sqrt(x.var(axis=0) + np.float32(epsilon))


@right("gradient_by_mean")
def mean_by_automatic_differentiation(upstream, x, gamma, epsilon):
    import tensorflow as tf

    mean = tf.constant(x.mean(axis=0))
    with tf.GradientTape() as tape:
        tape.watch(mean)
        variance = tf.reduce_mean((x - mean) ** 2, axis=0)
        loss = tf.reduce_sum(upstream * gamma * (x - mean) / tf.sqrt(variance + epsilon))
    return tape.gradient(loss, mean)


# batchnorm_backward


@right("batchnorm_backward")
def backward_path_by_path(upstream, x, gamma, epsilon):
    m = len(x)
    centred, inverse = x - x.mean(axis=0), 1 / np.sqrt(x.var(axis=0) + epsilon)
    by_normal = upstream * gamma
    by_variance = np.sum(by_normal * centred * -0.5 * inverse**3, axis=0)
    by_mean = np.sum(by_normal * -inverse, axis=0) + by_variance * np.mean(-2 * centred, axis=0)
    return by_normal * inverse + by_variance * 2 * centred / m + by_mean / m


@right("batchnorm_backward")
def backward_by_jacobians(upstream, x, gamma, epsilon):
    m, gradient = len(x), np.zeros(x.shape)
    for unit in range(x.shape[1]):
        deviation = np.sqrt(x[:, unit].var() + epsilon)
        normal = (x[:, unit] - x[:, unit].mean()) / deviation
        jacobian = (np.eye(m) - 1 / m - np.outer(normal, normal) / m) * gamma[unit] / deviation
        gradient[:, unit] = jacobian.T @ upstream[:, unit]
    return gradient


@right("batchnorm_backward")
def backward_in_float32(upstream, x, gamma, epsilon):
    upstream, x, gamma = _float32(upstream, x, gamma)
    deviation = np.sqrt(x.var(axis=0) + np.float32(epsilon))
    normal = (x - x.mean(axis=0)) / deviation
    return gamma / deviation * (upstream - upstream.mean(axis=0) - normal * (upstream * normal).mean(axis=0))


@right("batchnorm_backward")
def backward_by_automatic_differentiation(upstream, x, gamma, epsilon):
    import tensorflow as tf

    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        mean, variance = tf.nn.moments(x, axes=[0])
        loss = tf.reduce_sum(upstream * gamma * (x - mean) / tf.sqrt(variance + epsilon))
    return tape.gradient(loss, x)


# fold_batchnorm


@right("fold_batchnorm")
def fold_in_loops(kernel, gamma, beta, moving_mean, moving_variance, epsilon):
    folded, bias = kernel.tolist(), []
    for number, values in enumerate(zip(gamma, beta, moving_mean, moving_variance, strict=True)):
        scale, shift, mean, variance = values
        slope = scale / math.sqrt(variance + epsilon)
        bias.append(shift - slope * mean)
        for row in folded:
            for place in row:
                for channel in place:
                    channel[number] *= slope
    return folded, bias


@right("fold_batchnorm")
def fold_in_float32(kernel, gamma, beta, moving_mean, moving_variance, epsilon):
    kernel, gamma, beta, mean, variance = _float32(kernel, gamma, beta, moving_mean, moving_variance)
    slope = gamma / np.sqrt(variance + np.float32(epsilon))
    return kernel * slope, beta - mean * slope


@right("fold_batchnorm")
def fold_by_a_diagonal(kernel, gamma, beta, moving_mean, moving_variance, epsilon):
    slopes = np.diag(gamma * (moving_variance + epsilon) ** -0.5)
    return [np.tensordot(kernel, slopes, axes=1), beta - moving_mean @ slopes]


@right("fold_batchnorm")
def fold_by_asking_the_layer(kernel, gamma, beta, moving_mean, moving_variance, epsilon):
    import keras

    layer = keras.layers.BatchNormalization(epsilon=epsilon)
    layer.build((None, len(gamma)))
    layer.set_weights([gamma, beta, moving_mean, moving_variance])
    bias, one = np.asarray(layer(np.array([np.zeros(len(gamma)), np.ones(len(gamma))])))
    return kernel * (one - bias), bias
