"""Right answers to the exercises of the lesson on batch normalisation."""

import math

import numpy as np
from scipy import stats

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


# undo_gamma_beta


@right("undo_gamma_beta")
def undo_as_an_array(x, epsilon):
    return np.array([np.sqrt(np.var(x, axis=0) + epsilon), np.mean(x, axis=0)])


@right("undo_gamma_beta")
def undo_in_lists(x, epsilon):
    columns = [list(column) for column in zip(*x, strict=True)]
    means = [sum(column) / len(column) for column in columns]
    squares = [sum((v - m) ** 2 for v in column) / len(column) for column, m in zip(columns, means, strict=True)]
    return [(square + epsilon) ** 0.5 for square in squares], means


@right("undo_gamma_beta")
def undo_in_float32(x, epsilon):
    x = x.astype(np.float32)
    return np.hypot(x.std(axis=0), np.float32(np.sqrt(epsilon))), x.mean(axis=0)


@right("undo_gamma_beta")
def undo_by_fitting_a_line(x, epsilon):
    normal = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + epsilon)
    lines = [np.polyfit(normal[:, unit], x[:, unit], 1) for unit in range(x.shape[1])]
    return tuple(np.transpose(lines))


@right("undo_gamma_beta")
def undo_in_tensors(x, epsilon):
    from keras import ops

    return ops.sqrt(ops.var(x, axis=0) + epsilon), ops.mean(x, axis=0)


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


# running_average


@right("running_average")
def average_by_weights(start, batch_means, momentum):
    steps = len(batch_means)
    weights = (1 - momentum) * momentum ** np.arange(steps - 1, -1, -1)
    return momentum**steps * start + weights @ batch_means


@right("running_average")
def average_by_recursion(start, batch_means, momentum):
    if len(batch_means) == 0:
        return start
    return momentum * average_by_recursion(start, batch_means[:-1], momentum) + (1 - momentum) * batch_means[-1]


@right("running_average")
def average_moved_in_lists(start, batch_means, momentum):
    average = list(start)
    for row in batch_means.tolist():
        for unit, mean in enumerate(row):
            average[unit] += (1 - momentum) * (mean - average[unit])
    return average


@right("running_average")
def average_in_float32(start, batch_means, momentum):
    average, batch_means = _float32(start, batch_means)
    for mean in batch_means:
        average = np.float32(momentum) * average + np.float32(1 - momentum) * mean
    return average


@right("running_average")
def average_in_tensors(start, batch_means, momentum):
    import keras

    average = keras.ops.convert_to_tensor(start, "float32")
    for mean in keras.ops.convert_to_tensor(batch_means, "float32"):
        average = momentum * average + (1 - momentum) * mean
    return average


# batchnorm_inference


@right("batchnorm_inference")
def inference_as_one_straight_line(x, gamma, beta, moving_mean, moving_variance, epsilon):
    slope = gamma / (moving_variance + epsilon) ** 0.5
    return slope * x + (beta - slope * moving_mean)


@right("batchnorm_inference")
def inference_in_loops(x, gamma, beta, moving_mean, moving_variance, epsilon):
    return [
        [
            g * (value - mean) / math.sqrt(variance + epsilon) + b
            for value, g, b, mean, variance in zip(row, gamma, beta, moving_mean, moving_variance, strict=True)
        ]
        for row in x
    ]


@right("batchnorm_inference")
def inference_in_float32(x, gamma, beta, moving_mean, moving_variance, epsilon):
    x, gamma, beta, mean, variance = _float32(x, gamma, beta, moving_mean, moving_variance)
    return gamma * (x - mean) / np.sqrt(variance + np.float32(epsilon)) + beta


@right("batchnorm_inference")
def inference_by_tensorflow(x, gamma, beta, moving_mean, moving_variance, epsilon):
    import tensorflow as tf

    return tf.nn.batch_normalization(x, moving_mean, moving_variance, beta, gamma, epsilon)


@right("batchnorm_inference")
def inference_by_scipy(x, gamma, beta, moving_mean, moving_variance, epsilon):
    return stats.zmap(x, [moving_mean - 1, moving_mean + 1], axis=0) / np.sqrt(moving_variance + epsilon) * gamma + beta
