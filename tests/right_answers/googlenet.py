"""Right answers to the exercises of the lesson on GoogLeNet."""

import math
from fractions import Fraction

import numpy as np

from right_answers import right

# multiply_adds


@right("multiply_adds")
def products_counted_by_places(height, width, channels, filters, kernel_size, strides):
    places = len(range(0, height, strides)) * len(range(0, width, strides))
    return places * filters * channels * kernel_size * kernel_size


@right("multiply_adds")
def products_as_a_float(height, width, channels, filters, kernel_size, strides):
    return float(
        np.ceil(height / strides) * np.ceil(width / strides) * np.prod([filters, channels, kernel_size, kernel_size])
    )


@right("multiply_adds")
def products_from_weights(height, width, channels, filters, kernel_size, strides):
    weights = kernel_size**2 * channels * filters
    return weights * ((height - 1) // strides + 1) * ((width - 1) // strides + 1)


@right("multiply_adds")
def products_of_a_layer(height, width, channels, filters, kernel_size, strides):
    import keras

    layer = keras.layers.Conv2D(filters, kernel_size, strides, padding="same", use_bias=False)
    layer.build((None, height, width, channels))
    output = layer.compute_output_shape((None, height, width, channels))
    return math.prod(output[1:3]) * layer.count_params()


# widest_bottleneck


@right("widest_bottleneck")
def width_by_trying(channels, filters, kernel_size):
    def cost(width):
        return channels * width + kernel_size**2 * width * filters

    return max(width for width in range(channels + 1) if cost(width) < kernel_size**2 * channels * filters)


@right("widest_bottleneck")
def width_rounded_up_less_one(channels, filters, kernel_size):
    bound = Fraction(channels * filters * kernel_size**2, channels + filters * kernel_size**2)
    return float(math.ceil(bound) - 1)


@right("widest_bottleneck")
def width_by_halving(channels, filters, kernel_size):
    low, high = 0, channels  # low pays, high does not
    while high - low > 1:
        middle = (low + high) // 2
        pays = middle * (channels + filters * kernel_size**2) < channels * filters * kernel_size**2
        low, high = (middle, high) if pays else (low, middle)
    return low


@right("widest_bottleneck")
def width_in_an_array(channels, filters, kernel_size):
    widths = np.arange(channels + 1)
    both = widths * channels + widths * filters * kernel_size**2
    return np.flatnonzero(both < channels * filters * kernel_size**2)[-1:].astype(np.float32)[0]


# inception_module


@right("inception_module")
def module_line_by_line(x, n_1x1, reduce_3x3, n_3x3, reduce_5x5, n_5x5, n_pool):
    from keras import layers

    a = layers.Conv2D(n_1x1, 1, activation="relu")(x)
    b = layers.Conv2D(reduce_3x3, 1, activation="relu")(x)
    b = layers.Conv2D(n_3x3, 3, padding="same", activation="relu")(b)
    c = layers.Conv2D(reduce_5x5, 1, activation="relu")(x)
    c = layers.Conv2D(n_5x5, 5, padding="same", activation="relu")(c)
    d = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    d = layers.Conv2D(n_pool, 1, activation="relu")(d)
    return layers.concatenate([a, b, c, d])


@right("inception_module")
def module_in_another_order_with_operations(x, n_1x1, reduce_3x3, n_3x3, reduce_5x5, n_5x5, n_pool):
    import keras
    from keras import layers

    def convolution(maps, filters, size):
        layer = layers.Conv2D(filters, size, padding="same", kernel_initializer="he_normal", bias_initializer="ones")
        return keras.ops.relu(layer(maps))

    pooled = convolution(keras.ops.max_pool(x, 3, strides=1, padding="same"), n_pool, 1)
    fives = convolution(convolution(x, reduce_5x5, 1), n_5x5, 5)
    threes = convolution(convolution(x, reduce_3x3, 1), n_3x3, 3)
    return keras.ops.concatenate([convolution(x, n_1x1, 1), threes, fives, pooled], axis=-1)


@right("inception_module")
def module_of_nested_branches(x, n_1x1, reduce_3x3, n_3x3, reduce_5x5, n_5x5, n_pool):
    import keras
    from keras import layers

    def branch(*steps):
        return keras.Sequential(list(steps))

    def convolution(filters, size):
        return layers.Conv2D(filters, size, padding="same", activation="relu")

    branches = [
        branch(convolution(n_1x1, 1)),
        branch(convolution(reduce_3x3, 1), convolution(n_3x3, 3)),
        branch(convolution(reduce_5x5, 1), convolution(n_5x5, 5)),
        branch(layers.MaxPooling2D(3, 1, padding="same"), convolution(n_pool, 1)),
    ]
    return layers.Concatenate(axis=3)([each(x) for each in branches])


@right("inception_module")
def module_as_a_layer_of_its_own(x, n_1x1, reduce_3x3, n_3x3, reduce_5x5, n_5x5, n_pool):
    from keras import layers, ops

    class Inception(layers.Layer):
        def __init__(self):
            super().__init__()
            pairs = [(n_1x1, 1), (reduce_3x3, 1), (n_3x3, 3), (reduce_5x5, 1), (n_5x5, 5), (n_pool, 1)]
            self.convolutions = [layers.Conv2D(*pair, padding="same", activation="relu") for pair in pairs]
            self.pool = layers.MaxPooling2D(3, strides=1, padding="same")

        def call(self, x):
            one, before_three, three, before_five, five, last = self.convolutions
            return ops.concatenate([one(x), three(before_three(x)), five(before_five(x)), last(self.pool(x))], axis=-1)

    return Inception()(x)


# network_depth


@right("network_depth")
def depth_by_recursion_from_the_end(reads, weighted):
    def depth(name):
        return max([depth(source) for source in reads[name]] or [0]) + (1 if name in weighted else 0)

    return depth(list(reads)[-1])


@right("network_depth")
def depth_of_all_paths(reads, weighted):
    paths = {}
    for name, sources in reads.items():
        paths[name] = [[*path, name] for source in sources for path in paths[source]] or [[name]]
    return max(sum(name in weighted for name in path) for path in paths[list(reads)[-1]])


@right("network_depth")
def depth_in_an_array(reads, weighted):
    numbers = {name: number for number, name in enumerate(reads)}
    depths = np.zeros(len(reads), np.float32)
    for name, sources in reads.items():
        before = depths[[numbers[source] for source in sources]]
        depths[numbers[name]] = before.max(initial=0) + (name in weighted)
    return depths.max()


@right("network_depth")
def depth_by_pushing_forward(reads, weighted):
    depths = {name: int(name in weighted) for name in reads}
    for _ in reads:
        for name, sources in reads.items():
            for source in sources:
                depths[name] = max(depths[name], depths[source] + (name in weighted))
    return max(depths.values())
