"""Right answers to the exercises of the lesson on initialisation."""

import math

import numpy as np

from right_answers import right


@right("different_units")
def units_in_a_set(kernel, bias, next_kernel):
    return len({(tuple(kernel[:, i]), bias[i], tuple(next_kernel[i])) for i in range(len(bias))})


@right("different_units")
def units_compared_pair_by_pair(kernel, bias, next_kernel):
    def twins(i, j):
        same_ways = np.array_equal(kernel[:, i], kernel[:, j]) and np.array_equal(next_kernel[i], next_kernel[j])
        return same_ways and bias[i] == bias[j]

    return sum(not any(twins(i, j) for j in range(i)) for i in range(len(bias)))


@right("different_units")
def units_as_columns_in_float32(kernel, bias, next_kernel):
    table = np.vstack([bias, kernel, next_kernel.T]).astype(np.float32)
    return np.float32(np.unique(table, axis=1).shape[1])


@right("forward_statistics")
def deviations_forward_in_lists(inputs, kernels):
    rows, found = inputs.tolist(), []
    for kernel in kernels:
        rows = [
            [math.tanh(sum(x * w for x, w in zip(row, column, strict=True))) for column in kernel.T] for row in rows
        ]
        values = [value for row in rows for value in row]
        mean = sum(values) / len(values)
        found.append(math.sqrt(sum((value - mean) ** 2 for value in values) / len(values)))
    return found


@right("forward_statistics")
def deviations_forward_in_float32(inputs, kernels):
    outputs, found = inputs.astype(np.float32), []
    for kernel in kernels:
        outputs = np.tanh(outputs @ kernel.astype(np.float32))
        found.append(np.sqrt(np.mean(np.square(outputs)) - np.mean(outputs) ** 2))
    return found


@right("forward_statistics")
def deviations_forward_in_tensors(inputs, kernels):
    from keras import ops

    found, outputs = [], ops.convert_to_tensor(inputs, "float32")
    for kernel in kernels:
        outputs = ops.tanh(ops.matmul(outputs, ops.convert_to_tensor(kernel, "float32")))
        found.append(ops.std(outputs))
    return ops.stack(found)


@right("gradient_statistics")
def deviations_back_by_tensorflow(inputs, kernels, upstream):
    import tensorflow as tf

    weights = [tf.Variable(kernel) for kernel in kernels]
    with tf.GradientTape() as tape:
        outputs = tf.constant(inputs)
        for kernel in weights:
            outputs = tf.tanh(outputs @ kernel)
    return [np.std(gradient) for gradient in tape.gradient(outputs, weights, output_gradients=tf.constant(upstream))]


@right("gradient_statistics")
def deviations_back_by_calling_itself(inputs, kernels, upstream):
    def back(given, depth):
        """The gradient by what this layer was given; on the way the deviations of it and of the layers above."""
        if depth == len(kernels):
            return upstream, []
        outputs = np.tanh(given @ kernels[depth])
        message, found = back(outputs, depth + 1)
        sums = message * (1 - outputs) * (1 + outputs)
        return sums @ kernels[depth].T, [np.std(given.T @ sums), *found]

    return back(inputs, 0)[1]


@right("gradient_statistics")
def deviations_back_in_float32(inputs, kernels, upstream):
    kernels, upstream = [kernel.astype(np.float32) for kernel in kernels], upstream.astype(np.float32)
    outputs = [inputs.astype(np.float32)]
    for kernel in kernels:
        outputs += [np.tanh(outputs[-1] @ kernel)]
    found = np.zeros(len(kernels))
    for k in range(len(kernels))[::-1]:
        upstream = upstream - upstream * outputs[k + 1] ** 2
        found[k] = np.std(np.einsum("ni,nu->iu", outputs[k], upstream))
        upstream = np.einsum("nu,iu->ni", upstream, kernels[k])
    return found


@right("glorot_deviation")
def glorot_by_the_size(shape):
    size = math.prod(shape)
    return (2 / (size / shape[-1] + size / shape[-2])) ** 0.5


@right("glorot_deviation")
def glorot_by_its_uniform_limit(shape):
    area = np.prod(shape[:-2])
    limit = np.sqrt(6 / (area * shape[-2] + area * shape[-1]))
    return np.float32(limit / np.sqrt(3))


@right("glorot_deviation")
def glorot_by_kinds_of_layer(shape):
    if len(shape) == 2:
        fan_in, fan_out = shape
    else:
        height, width, channels, filters = shape
        fan_in, fan_out = height * width * channels, height * width * filters
    return 1 / math.sqrt((fan_in + fan_out) / 2)


@right("he_normal")
def he_by_division(draws):
    return draws / np.sqrt(draws.size / draws.shape[-1] / 2)


@right("he_normal")
def he_in_float32(draws):
    return (draws * (2 / np.prod(draws.shape[:-1])) ** 0.5).astype(np.float32)


@right("he_normal")
def he_in_a_loop(draws):
    fan_in = 1
    for size in draws.shape[:-1]:
        fan_in *= size
    return np.reshape([draw * math.sqrt(2 / fan_in) for draw in draws.flat], draws.shape).tolist()


@right("he_normal")
def he_in_tensors(draws):
    from keras import ops

    return ops.multiply(draws, ops.sqrt(2.0 / len(draws.reshape(-1, draws.shape[-1]))))
