"""Right answers to the exercises of the lesson on convolution variants."""

import numpy as np
from scipy import signal

from right_answers import right

# separate


@right("separate")
def channel_by_channel_with_roots_in_both(kernel, depth_multiplier):
    rows, columns, channels, filters = kernel.shape
    depthwise = np.zeros((rows, columns, channels, depth_multiplier))
    pointwise = np.zeros((1, 1, channels * depth_multiplier, filters))
    for c in range(channels):
        u, s, v = np.linalg.svd(kernel[:, :, c, :].reshape(rows * columns, filters))
        for m in range(depth_multiplier):
            depthwise[:, :, c, m] = np.sqrt(s[m]) * u[:, m].reshape(rows, columns)
            pointwise[0, 0, c * depth_multiplier + m] = np.sqrt(s[m]) * v[m]
    return depthwise, pointwise


@right("separate")
def by_eigenvectors_of_the_filters(kernel, depth_multiplier):
    *window, channels, filters = kernel.shape
    in_space, across = [], []
    for c in range(channels):
        table = kernel[:, :, c].reshape(-1, filters)
        _, vectors = np.linalg.eigh(table.T @ table)
        best = vectors[:, ::-1][:, :depth_multiplier]
        in_space.append((table @ best).reshape(*window, depth_multiplier))
        across.append(best.T)
    return np.stack(in_space, axis=2), np.concatenate(across)[None, None]


@right("separate")
def in_single_precision_with_strengths_across(kernel, depth_multiplier):
    rows, columns, channels, filters = kernel.shape
    tables = np.moveaxis(kernel, 2, 0).reshape(channels, -1, filters).astype("float32")
    u, s, v = np.linalg.svd(tables, full_matrices=False)
    depthwise = np.moveaxis(u[..., :depth_multiplier], 0, 1).reshape(rows, columns, channels, depth_multiplier)
    return [depthwise, (s[..., None] * v)[:, :depth_multiplier].reshape(1, 1, -1, filters)]


# pixels_read


@right("pixels_read")
def pixels_by_convolving(kernel_size, dilation_rates):
    paths = np.array([1])
    for rate in dilation_rates:
        taps = np.zeros((kernel_size - 1) * rate + 1, dtype=int)
        taps[::rate] = 1
        paths = np.convolve(paths, taps)
    return np.count_nonzero(paths), paths.size


@right("pixels_read")
def pixels_by_broadcasting(kernel_size, dilation_rates):
    places = np.zeros(1, dtype=int)
    for rate in reversed(dilation_rates):
        places = np.unique(np.add.outer(places, rate * np.arange(kernel_size)))
    return [float(len(places)), 1.0 + (kernel_size - 1) * sum(dilation_rates)]


@right("pixels_read")
def pixels_by_recursion(kernel_size, dilation_rates):
    def places(rates):
        if not rates:
            return {0}
        return {rates[0] * tap + rest for tap in range(kernel_size) for rest in places(rates[1:])}

    found = sorted(places(list(dilation_rates)))
    return np.array([len(found), found[-1] - found[0] + 1])


# transposed_convolution


@right("transposed_convolution")
def stamps_in_loops(image, kernel, strides):
    height, width, channels = image.shape
    size, _, filters, _ = kernel.shape
    output = np.zeros((strides * (height - 1) + size, strides * (width - 1) + size, filters))
    for r in range(height):
        for c in range(width):
            for i in range(size):
                for j in range(size):
                    for f in range(filters):
                        products = [kernel[i, j, f, d] * image[r, c, d] for d in range(channels)]
                        output[r * strides + i, c * strides + j, f] += sum(products)
    return output.tolist()


@right("transposed_convolution")
def zeros_between_and_a_turned_kernel(image, kernel, strides):
    height, width, channels = image.shape
    size = kernel.shape[0]
    spread = np.zeros(((height - 1) * strides + 2 * size - 1, (width - 1) * strides + 2 * size - 1, channels))
    spread[size - 1 : spread.shape[0] - size + 1 : strides, size - 1 : spread.shape[1] - size + 1 : strides] = image
    windows = np.lib.stride_tricks.sliding_window_view(spread, (size, size), axis=(0, 1))
    return np.einsum("rcdij,ijfd->rcf", windows, kernel[::-1, ::-1])


@right("transposed_convolution")
def by_keras(image, kernel, strides):
    import keras

    found = keras.ops.conv_transpose(
        image[None].astype("float32"), kernel.astype("float32"), strides=strides, padding="valid",
        data_format="channels_last",
    )  # fmt: skip
    return found[0]


@right("transposed_convolution")
def tap_by_tap(image, kernel, strides):
    height, width, _ = image.shape
    size = len(kernel)
    output = np.zeros(((height - 1) * strides + size, (width - 1) * strides + size, kernel.shape[2]), "float32")
    for i, j in np.ndindex(size, size):
        down, across = (slice(n, n + (m - 1) * strides + 1, strides) for n, m in ((i, height), (j, width)))
        output[down, across] += image @ kernel[i, j].T
    return output


# resize_kernel


@right("resize_kernel")
def stamp_by_scipy(kernel):
    return signal.convolve2d(np.rot90(kernel, 2), np.ones((2, 2)))


@right("resize_kernel")
def stamp_in_loops(kernel):
    stamp = [[0.0] * 4 for _ in range(4)]
    for row in range(3):
        for column in range(3):
            for down in (0, 1):
                for right_ in (0, 1):
                    stamp[2 - row + down][2 - column + right_] += kernel[row][column]
    return stamp


@right("resize_kernel")
def stamp_by_matrices(kernel):
    twice = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]], dtype="float32")
    return twice @ kernel[::-1, ::-1] @ twice.T


@right("resize_kernel")
def stamp_from_a_layer(kernel):
    spot = np.zeros((1, 4, 4, 1), "float32")
    spot[0, 1:3, 1:3] = 1  # one pixel, copied to four
    import keras

    layer = keras.layers.Conv2D(1, 3, padding="same", use_bias=False)
    layer.build(spot.shape)
    layer.set_weights([kernel[:, :, None, None]])
    return layer(spot)[0, :, :, 0]
