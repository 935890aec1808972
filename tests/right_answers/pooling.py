"""Right answers to the exercises of the lesson on pooling."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from right_answers import right


@right("max_pool")
def maximum_of_windows(image, pool_size, strides):
    return sliding_window_view(image, (pool_size, pool_size))[::strides, ::strides].max(axis=(2, 3))


@right("max_pool")
def maximum_in_lists(image, pool_size, strides):
    height, width = image.shape
    return [
        [
            max(max(row[left : left + pool_size]) for row in image[top : top + pool_size].tolist())
            for left in range(0, width - pool_size + 1, strides)
        ]
        for top in range(0, height - pool_size + 1, strides)
    ]


@right("max_pool")
def maximum_by_keras(image, pool_size, strides):
    from keras import ops

    maps = image[None, :, :, None].astype("float32")
    return ops.max_pool(maps, pool_size, strides, padding="valid")[0, :, :, 0]


@right("max_pool")
def maximum_of_shifted_maps(image, pool_size, strides):
    rows, columns = (side - pool_size + 1 for side in image.shape)
    shifted = [image[a : a + rows, b : b + columns] for a, b in np.ndindex(pool_size, pool_size)]
    return np.maximum.reduce(shifted)[::strides, ::strides].astype(np.float32)


@right("pooled_shape")
def shape_of_ranges(shape, pool_size, strides, padding):
    return [len(range(0, side + 2 * padding - pool_size + 1, strides)) for side in shape[:2]] + [shape[2]]


@right("pooled_shape")
def shape_as_an_array(shape, pool_size, strides, padding):
    sides = np.floor((np.array(shape) + 2 * padding - pool_size) / strides) + 1
    return np.array([*sides[:2], shape[2]])


@right("pooled_shape")
def shape_by_keras(shape, pool_size, strides, padding):
    import keras

    height, width, channels = shape
    layer = keras.layers.MaxPooling2D(pool_size, strides)
    return layer.compute_output_shape((1, height + 2 * padding, width + 2 * padding, channels))[1:]


@right("pooled_shape")
def shape_as_a_tensor_shape(shape, pool_size, strides, padding):
    import tensorflow as tf

    rows, columns = ((side + 2 * padding - pool_size + strides) // strides for side in shape[:2])
    return tf.TensorShape([rows, columns, shape[2]])


@right("max_pool_backward")
def winners_by_comparison(image, upstream, pool_size, strides):
    gradient = np.zeros(image.shape)
    for i in range(upstream.shape[0]):
        for j in range(upstream.shape[1]):
            best = None
            for row in range(i * strides, i * strides + pool_size):
                for column in range(j * strides, j * strides + pool_size):
                    if best is None or image[row, column] > image[best]:
                        best = row, column
            gradient[best] += upstream[i, j]
    return gradient.tolist()


@right("max_pool_backward")
def winners_added_at_once(image, upstream, pool_size, strides):
    windows = sliding_window_view(image, (pool_size, pool_size))[::strides, ::strides]
    rows, columns = upstream.shape
    places = windows.reshape(rows, columns, -1).argmax(axis=2)
    gradient = np.zeros(image.shape, np.float32)
    down = np.arange(rows)[:, None] * strides + places // pool_size
    right = np.arange(columns) * strides + places % pool_size
    np.add.at(gradient, (down, right), upstream)
    return gradient


@right("max_pool_backward")
def winners_by_tensorflow(image, upstream, pool_size, strides):
    import tensorflow as tf

    maps = tf.Variable(image[None, :, :, None], dtype="float32")
    with tf.GradientTape() as tape:
        pooled = tf.nn.max_pool2d(maps, pool_size, strides, "VALID")
    return tape.gradient(pooled, maps, upstream[None, :, :, None].astype("float32"))[0, :, :, 0]


@right("average_pool_backward")
def shares_of_spread_gradients(upstream, pool_size, strides, shape):
    gradient = np.zeros(shape)
    spread = np.zeros((upstream.shape[0] * strides, upstream.shape[1] * strides))
    spread[::strides, ::strides] = upstream / pool_size**2
    for a, b in np.ndindex(pool_size, pool_size):
        part = spread[: shape[0] - a, : shape[1] - b]
        gradient[a : a + part.shape[0], b : b + part.shape[1]] += part
    return gradient


@right("average_pool_backward")
def shares_heard_by_each_place(upstream, pool_size, strides, shape):
    def covers(start, place):
        return start * strides <= place < start * strides + pool_size

    return [
        [
            sum(g for (i, j), g in np.ndenumerate(upstream) if covers(i, row) and covers(j, column)) / pool_size**2
            for column in range(shape[1])
        ]
        for row in range(shape[0])
    ]


@right("average_pool_backward")
def shares_in_float32(upstream, pool_size, strides, shape):
    gradient = np.zeros(shape, np.float32)
    for (i, j), value in np.ndenumerate(upstream):
        for a, b in np.ndindex(pool_size, pool_size):
            gradient[i * strides + a, j * strides + b] += np.float32(value) / pool_size / pool_size
    return gradient


@right("average_pool_backward")
def shares_by_tensorflow(upstream, pool_size, strides, shape):
    import tensorflow as tf

    maps = tf.zeros((1, *shape, 1))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        pooled = tf.nn.avg_pool2d(maps, pool_size, strides, "VALID")
    return tape.gradient(pooled, maps, upstream[None, :, :, None].astype("float32"))[0, :, :, 0]
