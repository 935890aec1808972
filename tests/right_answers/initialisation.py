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


@right("leaky_deviation")
def leaky_by_the_gain(shape, slope):
    gain = math.sqrt(2 / (1 + slope**2))
    return gain / math.sqrt(math.prod(shape[:-1]))


@right("leaky_deviation")
def leaky_by_counting_in_a_loop(shape, slope):
    fan_in = 1
    for size in shape[:-1]:
        fan_in *= size
    halves = [0.5, 0.5 * slope * slope]
    return np.float32((fan_in * sum(halves)) ** -0.5)


@right("leaky_deviation")
def leaky_in_tensors(shape, slope):
    from keras import ops

    fan_in = ops.prod(ops.convert_to_tensor(shape[:-1], "float32"))
    return ops.rsqrt(fan_in * (1 + slope**2) / 2)


@right("measured_factors")
def factors_with_new_kernels(images, kernels):
    outputs, factors = images, []
    for kernel in kernels:
        size = np.sqrt(np.mean(np.square(outputs @ kernel)))
        kernel = kernel / size
        factors.append(1 / size)
        outputs = np.tanh(outputs @ kernel)
    return factors


@right("measured_factors")
def factors_in_float32(images, kernels):
    outputs, factors = images.astype(np.float32), []
    for kernel in kernels:
        sums = outputs @ kernel.astype(np.float32)
        factors.append(np.hypot(sums.std(), sums.mean()) ** -1)
        outputs = np.tanh(factors[-1] * sums)
    return np.stack(factors)


@right("measured_factors")
def factors_by_calling_itself(images, kernels):
    if not kernels:
        return []
    sums = images @ kernels[0]
    factor = (sums.size / np.vdot(sums, sums)) ** 0.5
    return [factor, *factors_by_calling_itself(np.tanh(factor * sums), kernels[1:])]
