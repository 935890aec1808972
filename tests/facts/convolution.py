"""Facts of lesson 09_convolution."""

import itertools

import numpy as np

from facts import recompute


def dense_weights(inputs: int, units: int) -> int:
    import keras

    layer = keras.layers.Dense(units, use_bias=False)
    layer.build((None, inputs))
    return layer.count_params()


def local_weights(inputs: int, window: int, strides: int) -> int:
    """One kernel for each place where the window fits."""
    places = np.lib.stride_tricks.sliding_window_view(np.arange(inputs), window)[::strides]
    return places.size


def shared_weights() -> int:
    import keras

    layer = keras.layers.Conv1D(1, 3, strides=2, use_bias=False)
    layer.build((None, 7, 1))
    return layer.count_params()


def maps(side: int, channels: int, filters: int, kernel_size: int, **options) -> tuple:
    """The shape that comes out of a convolution layer, run on a picture of zeros."""
    import keras

    layer = keras.layers.Conv2D(filters, kernel_size, **options)
    return tuple(layer(np.zeros((1, side, side, channels), "float32")).shape[1:])


@recompute("F009")
def seven_inputs_three_units_dense():
    return dense_weights(7, 3)


@recompute("F010")
def seven_inputs_three_units_local():
    return local_weights(7, 3, strides=2)


@recompute("F011")
def seven_inputs_three_units_shared():
    return shared_weights()


@recompute("F012")
def gain_of_local_connectivity():
    return dense_weights(7, 3) / local_weights(7, 3, strides=2)


@recompute("F013")
def gain_of_sharing():
    return dense_weights(7, 3) / shared_weights()


@recompute("F014")
def weights_of_the_dense_layer():
    counts = {side: dense_weights(side**2, side**2) for side in (3, 8, 20)}  # the real one would take 6.4 GB
    assert all(count == side**4 for side, count in counts.items())
    return (200 * 200) * units_of_the_dense_layer()


@recompute("F015")
def units_of_the_dense_layer():
    return np.empty((200, 200), bool).size


@recompute("F016")
def weights_of_a_hundred_filters():
    import keras

    layer = keras.layers.Conv2D(100, 10, use_bias=False)
    layer.build((None, 200, 200, 1))
    return layer.count_params()


@recompute("F017")
def first_value_of_the_small_convolution():
    from course_lib.layers import conv2d_by_loops

    image = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]])
    kernel = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]])
    output = conv2d_by_loops(image[None, :, :, None], kernel[:, :, None, None], [0])[0, :, :, 0]
    assert output.tolist() == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]
    return output[0, 0]


@recompute("F018")
def three_on_seven():
    return maps(7, 1, 1, 3)[:2]


@recompute("F019")
def three_on_seven_padded():
    return maps(7 + 2, 1, 1, 3)[:2]


@recompute("F020")
def five_on_thirty_two():
    return maps(32, 3, 1, 5)[:2]


@recompute("F021")
def six_filters():
    return maps(32, 3, 6, 5)


@recompute("F022")
def five_filters():
    return maps(32, 3, 5, 5)


@recompute("F023")
def sides_after_one_and_two_layers():
    first = maps(32, 3, 6, 5)
    second = maps(first[0], first[2], 6, 5)
    return first[0], second[0]


@recompute("F024")
def output_size_formula():
    """Rounded down it agrees with Keras always, as published only where nothing is left over."""
    rounded, exact, remainders = True, True, 0
    for size, kernel_size, strides, padding in itertools.product((6, 7, 11), (1, 3, 5), (1, 2, 3), (0, 1)):
        steps = size - kernel_size + 2 * padding
        rows = maps(size + 2 * padding, 1, 1, kernel_size, strides=strides)[0]
        rounded &= rows == steps // strides + 1
        if steps % strides:
            remainders += 1
            exact &= rows == steps / strides + 1
    return rounded and not exact and remainders > 0


@recompute("F025")
def parameters_formula():
    import keras

    def agrees(size, channels, filters):
        layer = keras.layers.Conv2D(filters, size)
        layer.build((None, 16, 16, channels))
        return layer.count_params() == size * size * channels * filters + filters

    return all(itertools.starmap(agrees, itertools.product((1, 3, 5), (1, 3, 8), (1, 7))))


@recompute("F026")
def receptive_fields_of_three_and_five_layers():
    import keras

    from course_lib.gradients import gradients

    def extent(layers):
        options = {"padding": "same", "use_bias": False, "kernel_initializer": "ones"}
        stack = keras.Sequential([keras.layers.Conv2D(1, 3, **options) for _ in range(layers)])
        (gradient,) = gradients(lambda image: stack(image)[0, 10, 10, 0], np.ones((1, 21, 21, 1), "float32"))
        return int(np.count_nonzero(gradient[0, 10, :, 0]))

    return extent(3), extent(5)


@recompute("X28")
def weights_of_the_local_layer():
    # A unit for every pixel: zeros around the picture, one window of 10 x 10 for each.
    windows = np.lib.stride_tricks.sliding_window_view(np.empty((209, 209), bool), (10, 10))
    return windows.size
