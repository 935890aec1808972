"""Right answers to the exercises of the lesson on LeNet."""

import numpy as np
from scipy import ndimage, special

from right_answers import right


@right("flatten_index")
def index_by_looking_it_up(row, column, channel, shape):
    return np.arange(np.prod(shape)).reshape(shape)[row, column, channel]


@right("flatten_index")
def index_by_counting(row, column, channel, shape):
    return row * shape[1] * shape[2] + column * shape[2] + channel


@right("flatten_index")
def index_by_strides(row, column, channel, shape):
    return np.float32(np.dot(np.empty(shape, np.int8).strides, (row, column, channel)))


@right("flatten_index")
def index_by_keras(row, column, channel, shape):
    from keras import layers, ops

    maps = np.zeros((1, *shape), "float32")
    maps[0, row, column, channel] = 1
    return ops.argmax(layers.Flatten()(maps)[0])


@right("multi_label_predict")
def classes_by_the_logit_of_the_threshold(logits, threshold):
    return np.where(logits > special.logit(threshold), 1, 0)


@right("multi_label_predict")
def classes_in_loops(logits, threshold):
    return [[1 if 1 / (1 + np.exp(-logit)) > threshold else 0 for logit in row] for row in logits]


@right("multi_label_predict")
def classes_as_true_and_false(logits, threshold):
    return (np.tanh(logits / 2) + 1) / 2 > threshold


@right("multi_label_predict")
def classes_in_tensors(logits, threshold):
    from keras import ops

    return ops.cast(ops.greater(ops.sigmoid(ops.convert_to_tensor(logits, "float32")), threshold), "int32")


@right("lenet_parameters")
def counts_layer_by_layer(side, channels, classes):
    s2 = (side - 4) // 2
    s4 = (s2 - 4) // 2
    c1 = 6 * (25 * channels + 1)
    return c1, 16 * (25 * 6 + 1), 120 * (16 * s4**2 + 1), 84 * 121, classes * 85


@right("lenet_parameters")
def counts_by_the_shapes_of_kernels(side, channels, classes):
    for _ in range(2):
        side = len(range(0, side - 5, 2))
    shapes = [(5, 5, channels, 6), (5, 5, 6, 16), (side * side * 16, 120), (120, 84), (84, classes)]
    return np.array([np.prod(shape) + shape[-1] for shape in shapes], dtype=np.float32)


@right("lenet_parameters")
def counts_in_a_list(side, channels, classes):
    maps = side
    for _ in "CC":
        maps = (maps - 4) // 2
    counts = [5 * 5 * channels * 6, 5 * 5 * 6 * 16, maps * maps * 16 * 120, 120 * 84, 84 * classes]
    for layer, biases in enumerate([6, 16, 120, 84, classes]):
        counts[layer] += biases
    return counts


@right("shift_image")
def shifted_by_scipy(image, down, right):
    return ndimage.shift(image.astype(np.float32), (down, right), order=0)


@right("shift_image")
def shifted_by_slices(image, down, right):
    height, width = image.shape
    shifted = np.zeros(image.shape)
    shifted[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = image[
        max(-down, 0) : max(height - max(down, 0), 0), max(-right, 0) : max(width - max(right, 0), 0)
    ]
    return shifted


@right("shift_image")
def shifted_in_a_frame(image, down, right):
    frame = max(abs(down), abs(right))
    padded = np.pad(image, frame)
    top, left = frame - down, frame - right
    return padded[top : top + image.shape[0], left : left + image.shape[1]]


@right("shift_image")
def shifted_by_two_matrices(image, down, right):
    return (np.eye(len(image), k=-down) @ image @ np.eye(image.shape[1], k=right)).tolist()


# Functions that build the network


@right("build_lenet")
def lenet_of_functions():
    import keras
    from keras import layers

    pictures = keras.Input((28, 28, 1))
    maps = layers.Activation("tanh")(layers.Conv2D(6, 5)(layers.ZeroPadding2D(2)(pictures)))
    maps = layers.AveragePooling2D((2, 2), strides=2)(maps)
    maps = layers.Conv2D(16, (5, 5), activation=keras.ops.tanh, kernel_initializer="lecun_normal", name="C3")(maps)
    values = layers.Reshape((400,))(layers.AveragePooling2D(2)(maps))
    for units in (120, 84):
        values = keras.ops.tanh(layers.Dense(units)(values))
    return keras.Model(pictures, layers.Softmax()(layers.Dense(10)(values)))


@right("build_lenet")
def lenet_as_a_class():
    import keras
    import tensorflow as tf
    from keras import layers, ops

    class LeNet(keras.Model):
        def __init__(self):
            super().__init__()
            self.output_layer = layers.Dense(10)
            self.f6, self.c5 = layers.Dense(84, "tanh"), layers.Dense(120)
            self.c3, self.c1 = layers.Conv2D(16, 5), layers.Conv2D(6, 5, padding="same", activation="tanh")

        def call(self, pictures, training=None):
            s2 = ops.average_pool(self.c1(pictures), 2)
            s4 = tf.nn.avg_pool2d(tf.tanh(self.c3(s2)), 2, 2, "VALID")
            c5 = ops.tanh(self.c5(ops.reshape(s4, (-1, 400))))
            return ops.softmax(self.output_layer(self.f6(c5)))

    return LeNet()


@right("build_lenet")
def lenet_of_blocks():
    import keras
    from keras import layers

    class Stage(layers.Layer):
        def __init__(self, filters, padding):
            super().__init__()
            self.convolution = layers.Conv2D(filters, 5, padding=padding, activation="tanh")
            self.pooling = layers.AveragePooling2D(2)

        def call(self, maps):
            return self.pooling(self.convolution(maps))

    head = keras.Sequential([layers.Flatten(), layers.Dense(120, "tanh"), layers.Dense(84, "tanh")])
    body = [keras.Input((28, 28, 1)), Stage(6, "same"), Stage(16, "valid"), head]
    return keras.Sequential([*body, layers.Dense(10, activation="softmax")])


@right("build_lenet")
def lenet_not_yet_built():
    from keras import Sequential, layers

    model = Sequential()
    for filters, padding in ((6, "same"), (16, "valid")):
        model.add(layers.Conv2D(filters, 5, padding=padding, activation="tanh"))
        model.add(layers.AveragePooling2D(2))
    model.add(layers.Flatten())
    for units, activation in ((120, "tanh"), (84, "tanh"), (10, "softmax")):
        model.add(layers.Dense(units, activation=activation))
    return model
