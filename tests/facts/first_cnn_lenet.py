"""Facts of lesson 13_first_cnn_lenet."""

import re

import numpy as np

from facts import recompute


@recompute("F027")
def inputs_of_a_dense_layer_on_a_colour_picture():
    import keras

    model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(10)])
    return model.layers[-1].get_weights()[0].shape[0]


@recompute("F028")
def mnist():
    """From the whole set where it is at hand; else from the shapes that Keras promises. Nothing is downloaded."""
    from keras.datasets import mnist

    from course_lib import data

    if data.available()["mnist"].at_hand:
        found = data.mnist()
        learnt = found.train + found.validation
        return learnt.images.shape[1], len(learnt), len(found.test), len(np.unique(learnt.labels))
    promise = mnist.load_data.__doc__
    (train, side), (test, _) = re.findall(r"assert x_\w+\.shape == \((\d+), (\d+), \d+\)", promise)
    lowest, highest = re.search(r"integers in range (\d)-(\d)", promise).groups()
    return int(side), int(train), int(test), int(highest) - int(lowest) + 1


@recompute("F036")
def parameters_of_the_original_lenet_5():
    import keras

    def count(layer, *shape):
        layer.build((None, *shape))
        return layer.count_params()

    next_to_each_other = [[(start + step) % 6 for step in range(number)] for number in (3, 4) for start in range(6)]
    reads = [*next_to_each_other, [0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], range(6)]
    convolutions = count(keras.layers.Conv2D(6, 5), 32, 32, 1) + count(keras.layers.Conv2D(120, 5), 5, 5, 16)
    partly_connected = sum(count(keras.layers.Conv2D(1, 5), 14, 14, len(maps)) for maps in reads)
    trained_subsampling = 2 * 6 + 2 * 16  # a factor and a bias for each map
    return convolutions + partly_connected + trained_subsampling + count(keras.layers.Dense(84), 120)


def _lenet():
    import keras

    return keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            keras.layers.Conv2D(6, 5),
            keras.layers.AveragePooling2D(2),
            keras.layers.Conv2D(16, 5),
            keras.layers.AveragePooling2D(2),
            keras.layers.Conv2D(120, 5),
            keras.layers.Flatten(),
            keras.layers.Dense(84),
            keras.layers.Dense(10),
        ]
    )


@recompute("F037")
def sides_of_the_maps_of_lenet_5():
    return [layer.output.shape[1] for layer in _lenet().layers if len(layer.output.shape) == 4]


@recompute("X01")
def parameters_of_the_first_keras_cnn():
    import keras

    layers = [keras.Input((28, 28, 1))]
    for filters in (16, 32):
        layers += [keras.layers.Conv2D(filters, 3), keras.layers.MaxPooling2D()]
    return keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(10)]).count_params()


@recompute("X02")
def parameters_of_the_modern_lenet_5():
    return _lenet().count_params()
