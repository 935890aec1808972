"""Right answers to the exercises of the lesson on VGG."""

import math

import numpy as np

from right_answers import right

# receptive_field


@right("receptive_field")
def field_from_the_top(kernel_sizes, strides):
    field = 1
    for size, stride in zip(reversed(kernel_sizes), reversed(strides), strict=True):
        field = (field - 1) * stride + size
    return field


@right("receptive_field")
def field_as_a_sum_of_products(kernel_sizes, strides):
    jumps = np.cumprod([1, *strides])[:-1]
    return 1 + np.sum((np.array(kernel_sizes) - 1) * jumps)


@right("receptive_field")
def field_by_the_pixels_that_are_read(kernel_sizes, strides):
    seen = {0}
    for size, stride in zip(kernel_sizes[::-1], strides[::-1], strict=True):
        seen = {unit * stride + step for unit in seen for step in range(size)}
    return float(max(seen) - min(seen) + 1)


@right("receptive_field")
def field_by_recursion(kernel_sizes, strides):
    if len(kernel_sizes) == 0:
        return 1
    return kernel_sizes[0] + strides[0] * (field_by_recursion(kernel_sizes[1:], strides[1:]) - 1)


# stack_or_one


@right("stack_or_one")
def counts_in_an_array(kernel_size, channels, filters):
    layers = kernel_size // 2
    stack = filters * (9 * channels + 1) + (layers - 1) * filters * (9 * filters + 1)
    return np.array([filters * (kernel_size**2 * channels + 1), stack])


@right("stack_or_one")
def counts_of_all_inputs(kernel_size, channels, filters):
    inputs = [channels, *[filters] * ((kernel_size - 3) // 2)]
    return [kernel_size**2 * channels * filters + filters, sum(9 * each * filters + filters for each in inputs)]


@right("stack_or_one")
def counts_in_float64(kernel_size, channels, filters):
    one = np.prod([kernel_size, kernel_size, channels, filters]) + filters
    later = (kernel_size - 1) / 2 - 1
    return np.float64(one), 9.0 * filters * (channels + later * filters) + (later + 1) * filters


# merged_kernel


@right("merged_kernel")
def kernel_by_all_places(first, second):
    (k1, _, channels, _), (k2, _, _, filters) = first.shape, second.shape
    merged = np.zeros((k1 + k2 - 1, k1 + k2 - 1, channels, filters))
    for i in range(k1):
        for j in range(k1):
            for u in range(k2):
                for v in range(k2):
                    merged[i + u, j + v] += first[i, j] @ second[u, v]
    return merged


@right("merged_kernel")
def kernel_by_true_convolution(first, second):
    from scipy.signal import convolve

    pairs = [[0] * second.shape[3] for _ in range(first.shape[2])]
    for channel, row in enumerate(pairs):
        for one in range(len(row)):
            for each in range(first.shape[3]):
                row[one] = row[one] + convolve(first[:, :, channel, each], second[:, :, each, one], method="direct")
    return np.moveaxis(np.array(pairs), (0, 1), (2, 3))


@right("merged_kernel")
def kernel_by_fourier(first, second):
    side = len(first) + len(second) - 1
    product = np.einsum("uvcm,uvmf->uvcf", *(np.fft.fft2(each, (side, side), axes=(0, 1)) for each in (first, second)))
    return np.fft.ifft2(product, axes=(0, 1)).real


@right("merged_kernel")
def kernel_by_a_keras_layer(first, second):
    import keras

    reach = len(second) - 1
    padded = np.pad(np.moveaxis(first, 2, 0), ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    answers = keras.ops.conv(padded.astype("float32"), second[::-1, ::-1].astype("float32"), padding="valid")
    return np.moveaxis(keras.ops.convert_to_numpy(answers), 0, 2)


# vgg_stage


@right("vgg_stage")
def stage_by_functional_layers(input_shape, filters, kernel_sizes):
    from keras import Input, Model, layers

    x = inputs = Input(input_shape)
    for size in kernel_sizes:
        x = layers.ReLU()(layers.Conv2D(filters, size, padding="same", kernel_initializer="he_normal")(x))
    return Model(inputs, layers.MaxPooling2D((2, 2), strides=2)(x))


@right("vgg_stage")
def stage_not_yet_built(input_shape, filters, kernel_sizes):
    import keras

    layers = [keras.layers.Conv2D(filters, size, padding="same", activation="relu") for size in kernel_sizes]
    return keras.Sequential([*layers, keras.layers.MaxPool2D()])


@right("vgg_stage")
def stage_of_nested_blocks(input_shape, filters, kernel_sizes):
    import keras

    def block(size):
        convolution = keras.layers.Conv2D(filters, size, padding="same", bias_initializer="ones")
        return keras.Sequential([convolution, keras.layers.Activation("relu")])

    convolutions = keras.Sequential([block(size) for size in kernel_sizes])
    return keras.Sequential([keras.Input(input_shape), convolutions, keras.layers.MaxPooling2D(pool_size=2)])


@right("vgg_stage")
def stage_subclassed(input_shape, filters, kernel_sizes):
    import keras

    class Stage(keras.Model):
        def __init__(self):
            super().__init__()
            self.pool = keras.layers.MaxPooling2D(2)
            self.convolutions = [keras.layers.Conv2D(filters, size, padding="same") for size in kernel_sizes]

        def call(self, maps):
            for convolution in self.convolutions:
                maps = keras.ops.relu(convolution(maps))
            return self.pool(maps)

    return Stage()


@right("vgg_stage")
def stage_with_an_operation_for_the_pooling(input_shape, filters, kernel_sizes):
    import keras

    x = inputs = keras.Input(input_shape)
    for size in kernel_sizes:
        x = keras.ops.maximum(keras.layers.Conv2D(filters, (size, size), padding="same")(x), 0)
    return keras.Model(inputs, keras.ops.max_pool(x, 2, strides=2))


# activation_bytes


@right("activation_bytes")
def bytes_of_arrays(shapes, batch_size, training):
    kept = sum(np.zeros((batch_size, *shape), np.float32).nbytes for shape in shapes)
    return 2 * kept if training else kept


@right("activation_bytes")
def bytes_in_loops(shapes, batch_size, training):
    total = 0
    for shape in shapes:
        values = batch_size
        for side in shape:
            values *= side
        total += 4 * values
        if training:
            total += 4 * values
    return total


@right("activation_bytes")
def bytes_as_a_float(shapes, batch_size, training):
    return 32 / 8 * batch_size * (1 + training) * sum(math.prod(shape) for shape in shapes)
