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


@right("blur_pool")
def blurred_by_keras(maps, strides):
    from keras import ops

    channels = maps.shape[-1]
    kernel = np.tile(np.outer([1, 2, 1], [1, 2, 1])[:, :, None, None] / 16, (1, 1, channels, 1))
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge").astype("float32")
    return ops.depthwise_conv(padded, kernel.astype("float32"), strides=strides, padding="valid")


@right("blur_pool")
def blurred_in_loops(maps, strides):
    batch, height, width, channels = maps.shape

    def at(image, row, column, channel):
        return maps[image, min(max(row, 0), height - 1), min(max(column, 0), width - 1), channel]

    places = [(a, b, (2 - abs(a)) * (2 - abs(b)) / 16) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    return [
        [
            [
                [sum(w * at(n, row + a, column + b, k) for a, b, w in places) for k in range(channels)]
                for column in range(0, width, strides)
            ]
            for row in range(0, height, strides)
        ]
        for n in range(batch)
    ]


@right("blur_pool")
def blurred_by_means_of_means(maps, strides):
    blurred = maps.astype(np.float32)
    for axis in (1, 2):  # the mean of two neighbours, twice
        first, last = (np.take(blurred, [end], axis=axis) for end in (0, -1))
        blurred = np.concatenate([first, blurred, last], axis=axis)
        for _ in range(2):
            head = np.take(blurred, range(blurred.shape[axis] - 1), axis=axis)
            blurred = (head + np.take(blurred, range(1, blurred.shape[axis]), axis=axis)) / 2
    return blurred[:, ::strides, ::strides]


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


@right("evidence_maps")
def evidence_by_einsum(maps, kernel, bias):
    return np.einsum("rck,kj->rcj", maps.astype("float32"), kernel) + bias


@right("evidence_maps")
def evidence_place_by_place(maps, kernel, bias):
    return [[(kernel.T @ place + bias).tolist() for place in row] for row in maps]


@right("evidence_maps")
def evidence_by_a_dense_layer(maps, kernel, bias):
    import keras

    dense = keras.layers.Dense(len(bias))
    dense.build((None, len(kernel)))
    dense.set_weights([kernel, bias])
    return dense(maps)


@right("evidence_maps")
def evidence_by_a_convolution(maps, kernel, bias):
    from keras import ops

    return ops.conv(maps[None].astype("float32"), kernel[None, None].astype("float32"))[0] + bias.astype("float32")
