"""Right answers to the exercises of the lesson on back-propagation through a convolution."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal

from right_answers import right


@right("weight_gradient")
def weights_by_correlation(inputs, deltas):
    return signal.correlate2d(inputs, deltas, mode="valid")


@right("weight_gradient")
def weights_place_by_place(inputs, deltas):
    rows, columns = np.subtract(inputs.shape, deltas.shape) + 1
    return sum(deltas[i, j] * inputs[i : i + rows, j : j + columns] for i, j in np.ndindex(deltas.shape))


@right("weight_gradient")
def weights_in_float32(inputs, deltas):
    windows = sliding_window_view(inputs.astype(np.float32), deltas.shape)
    return np.einsum("abij,ij->ab", windows, deltas.astype(np.float32))


@right("weight_gradient")
def weights_by_tensorflow(inputs, deltas):
    import tensorflow as tf

    shape = np.subtract(inputs.shape, deltas.shape) + 1
    kernel = tf.Variable(tf.zeros((*shape, 1, 1)))
    with tf.GradientTape() as tape:
        outputs = tf.nn.conv2d(inputs[None, :, :, None].astype("float32"), kernel, 1, "VALID")
    return tape.gradient(outputs, kernel, deltas[None, :, :, None].astype("float32"))[:, :, 0, 0]


@right("bias_gradient")
def bias_of_flat_places(deltas):
    return deltas.reshape(-1, deltas.shape[-1]).sum(axis=0)


@right("bias_gradient")
def bias_in_loops(deltas):
    gradient = [0.0] * deltas.shape[-1]
    for picture in deltas:
        for row in picture:
            for place in row:
                gradient = [total + delta for total, delta in zip(gradient, place, strict=True)]
    return gradient


@right("bias_gradient")
def bias_in_float32(deltas):
    return np.einsum("nrcf->f", deltas.astype(np.float32))


@right("bias_gradient")
def bias_in_tensors(deltas):
    from keras import ops

    return ops.sum(deltas, axis=[0, 1, 2])


@right("input_gradient")
def inputs_by_convolution(deltas, kernel):
    return signal.convolve(deltas, kernel)


@right("input_gradient")
def inputs_stamp_by_stamp(deltas, kernel):
    (rows, columns), (height, width) = deltas.shape, kernel.shape
    gradient = np.zeros((rows + height - 1, columns + width - 1), np.float32)
    for (i, j), delta in np.ndenumerate(deltas):
        gradient[i : i + height, j : j + width] += delta * kernel
    return gradient


@right("input_gradient")
def inputs_by_correlation_with_the_turned_kernel(deltas, kernel):
    height, width = kernel.shape
    around = np.pad(deltas, ((height - 1, height - 1), (width - 1, width - 1)))
    return np.einsum("ijab,ab->ij", sliding_window_view(around, kernel.shape), np.rot90(kernel, 2))


@right("input_gradient")
def inputs_by_the_transposed_layer(deltas, kernel):
    from keras import ops

    turned = kernel[:, :, None, None].astype("float32")
    return ops.conv_transpose(deltas[None, :, :, None].astype("float32"), turned, 1, "valid")[0, :, :, 0]


@right("mse_delta")
def delta_number_by_number(outputs, targets):
    patterns, units = outputs.shape
    return [[2 / patterns * (outputs[p][u] - targets[p][u]) for u in range(units)] for p in range(patterns)]


@right("mse_delta")
def delta_in_float32(outputs, targets):
    return (outputs - targets).astype(np.float32) * np.float32(2 / outputs.shape[0])


@right("mse_delta")
def delta_by_tensorflow(outputs, targets):
    import tensorflow as tf

    outputs = tf.Variable(outputs)
    with tf.GradientTape() as tape:
        error = tf.reduce_mean(tf.reduce_sum((targets - outputs) ** 2, axis=1))
    return tape.gradient(error, outputs)
