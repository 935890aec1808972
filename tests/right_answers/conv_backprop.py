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
    examples, units = outputs.shape
    return [[2 / examples * (outputs[n][u] - targets[n][u]) for u in range(units)] for n in range(examples)]


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


@right("convolution_backward")
def backward_place_by_place(images, kernel, deltas, strides):
    rows, columns, channels, filters = kernel.shape
    by_images, by_kernel, by_bias = np.zeros(images.shape), np.zeros(kernel.shape), [0.0] * filters
    for n, i, j, f in np.ndindex(deltas.shape):
        delta = deltas[n, i, j, f]
        by_bias[f] += delta
        for u, v, c in np.ndindex(rows, columns, channels):
            by_kernel[u, v, c, f] += delta * images[n, strides * i + u, strides * j + v, c]
            by_images[n, strides * i + u, strides * j + v, c] += delta * kernel[u, v, c, f]
    return [by_images.tolist(), by_kernel.tolist(), by_bias]


@right("convolution_backward")
def backward_in_float32(images, kernel, deltas, strides):
    images, kernel, deltas = (each.astype(np.float32) for each in (images, kernel, deltas))
    windows = sliding_window_view(images, kernel.shape[:2], axis=(1, 2))[:, ::strides, ::strides]  # n i j c u v
    shares = np.einsum("nijf,uvcf->nijuvc", deltas, kernel)
    by_images = np.zeros_like(images)
    for (n, i, j), share in ((place, shares[place]) for place in np.ndindex(deltas.shape[:3])):
        by_images[n, strides * i : strides * i + len(share), strides * j : strides * j + share.shape[1]] += share
    return by_images, np.einsum("nijcuv,nijf->uvcf", windows, deltas), np.einsum("nijf->f", deltas)


@right("convolution_backward")
def backward_by_spreading_the_messages(images, kernel, deltas, strides):
    """Zeros between the messages make a layer with strides one without; then SciPy, channel by channel."""
    (rows, columns, channels, filters), batch = kernel.shape, len(images)
    spread = np.zeros((batch, images.shape[1] - rows + 1, images.shape[2] - columns + 1, filters))
    spread[:, ::strides, ::strides] = deltas
    by_images, by_kernel = np.zeros(images.shape), np.zeros(kernel.shape)
    for n, c, f in np.ndindex(batch, channels, filters):
        by_images[n, :, :, c] += signal.convolve2d(spread[n, :, :, f], kernel[:, :, c, f])
        by_kernel[:, :, c, f] += signal.correlate2d(images[n, :, :, c], spread[n, :, :, f], mode="valid")
    return by_images, by_kernel, spread.sum(axis=(0, 1, 2))


@right("convolution_backward")
def backward_by_tensorflow(images, kernel, deltas, strides):
    import tensorflow as tf

    arrays = [tf.Variable(each.astype("float32")) for each in (images, kernel, np.zeros(kernel.shape[-1]))]
    with tf.GradientTape() as tape:
        outputs = tf.nn.conv2d(arrays[0], arrays[1], strides, "VALID") + arrays[2]
    return tape.gradient(outputs, arrays, deltas.astype("float32"))
