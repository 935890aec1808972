"""Right answers to the exercises of the lesson on convolution."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal

from right_answers import right


@right("correlate2d")
def correlate_in_lists(image, kernel):
    height, width = kernel.shape
    return [
        [
            sum(image[r + i][c + j] * kernel[i][j] for i in range(height) for j in range(width))
            for c in range(len(image[0]) - width + 1)
        ]
        for r in range(len(image) - height + 1)
    ]


@right("correlate2d")
def correlate_by_convolution_with_the_turned_kernel(image, kernel):
    return signal.convolve2d(image, kernel[::-1, ::-1], mode="valid")


@right("correlate2d")
def correlate_in_float32(image, kernel):
    windows = sliding_window_view(image.astype(np.float32), kernel.shape)
    return np.tensordot(windows, kernel.astype(np.float32))


@right("correlate2d")
def correlate_by_shifted_pictures(image, kernel):
    height, width = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    return sum(kernel[i, j] * image[i : i + height, j : j + width] for i, j in np.ndindex(kernel.shape))


@right("find_template")
def find_by_the_coefficient_of_correlation(image, template):
    height, width = template.shape
    likeness = {}
    for row in range(len(image) - height + 1):
        for column in range(len(image[0]) - width + 1):
            window = image[row : row + height, column : column + width]
            likeness[row, column] = np.corrcoef(window.ravel(), template.ravel())[0, 1]
    return list(max(likeness, key=likeness.get))


@right("find_template")
def find_by_sums_of_squares(image, template):
    wanted = template - template.mean()
    sums, squares = (signal.correlate2d(each, np.ones(template.shape), mode="valid") for each in (image, image**2))
    answers = signal.correlate2d(image, wanted, mode="valid") / np.sqrt(squares - sums**2 / template.size)
    return np.argwhere(answers == answers.max())[0]


@right("find_template")
def find_by_the_smallest_difference_of_standardised_windows(image, template):
    windows = sliding_window_view(image.astype(np.float32), template.shape)
    windows = (windows - windows.mean((2, 3), keepdims=True)) / windows.std((2, 3), keepdims=True)
    wanted = (template - template.mean()) / template.std()
    return divmod(int(np.argmin(((windows - wanted) ** 2).sum((2, 3)))), windows.shape[1])


@right("output_size")
def size_of_a_range(size, kernel_size, strides, padding, dilation_rate):
    reach = dilation_rate * (kernel_size - 1) + 1
    return len(range(0, size + 2 * padding - reach + 1, strides))


@right("output_size")
def size_by_rounding_down(size, kernel_size, strides, padding, dilation_rate):
    return math.floor((size + 2 * padding - dilation_rate * (kernel_size - 1) - 1) / strides + 1)


@right("output_size")
def size_as_a_whole_float(size, kernel_size, strides, padding, dilation_rate):
    return np.float32((size + 2 * padding - dilation_rate * (kernel_size - 1) - 1 + strides) // strides)


@right("conv_layer")
def conv_layer_in_loops(images, kernel, bias, strides, padding):
    batch, height, width, channels = images.shape
    size, filters = kernel.shape[0], kernel.shape[-1]
    padded = np.zeros((batch, height + 2 * padding, width + 2 * padding, channels))
    padded[:, padding : padding + height, padding : padding + width] = images
    rows = (height + 2 * padding - size) // strides + 1
    columns = (width + 2 * padding - size) // strides + 1
    maps = np.zeros((batch, rows, columns, filters))
    for n, r, c, f in np.ndindex(maps.shape):
        window = padded[n, r * strides : r * strides + size, c * strides : c * strides + size]
        maps[n, r, c, f] = (window * kernel[..., f]).sum() + bias[f]
    return maps


@right("conv_layer")
def conv_layer_by_keras(images, kernel, bias, strides, padding):
    from keras import ops

    padded = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0))).astype("float32")
    return ops.conv(padded, kernel.astype("float32"), strides, "valid") + bias.astype("float32")


@right("conv_layer")
def conv_layer_by_columns(images, kernel, bias, strides, padding):
    padded = np.pad(images, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    windows = sliding_window_view(padded, kernel.shape[:2], axis=(1, 2))[:, ::strides, ::strides]
    batch, rows, columns = windows.shape[:3]
    matrix = windows.transpose(0, 1, 2, 4, 5, 3).reshape(batch * rows * columns, -1)
    return (matrix @ kernel.reshape(-1, kernel.shape[-1]) + bias).reshape(batch, rows, columns, -1)


@right("receptive_field")
def field_from_the_last_layer_back(kernel_sizes, strides):
    field = 1
    for kernel_size, stride in zip(kernel_sizes[::-1], strides[::-1], strict=True):
        field = (field - 1) * stride + kernel_size
    return field


@right("receptive_field")
def field_by_products(kernel_sizes, strides):
    return 1 + sum((kernel_size - 1) * math.prod(strides[:layer]) for layer, kernel_size in enumerate(kernel_sizes))


@right("receptive_field")
def field_by_cumulated_jumps(kernel_sizes, strides):
    jumps = np.cumprod([1, *strides[:-1]])
    return 1 + np.dot(np.array(kernel_sizes) - 1, jumps)
