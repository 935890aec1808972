"""Right answers to the exercises of the lesson on the multi-layer perceptron and back-propagation."""

import math

import numpy as np
from scipy import special

from right_answers import right


@right("mean_surprise")
def surprise_in_loops(logits, labels):
    surprises = []
    for row, label in zip(logits, labels, strict=True):
        largest = max(row)
        surprises.append(largest + math.log(sum(math.exp(a - largest) for a in row)) - row[label])
    return sum(surprises) / len(surprises)


@right("mean_surprise")
def surprise_of_differences(logits, labels):
    gaps = logits - np.take_along_axis(logits, labels[:, None], axis=1)
    return np.mean(np.logaddexp.reduce(gaps, axis=1))


@right("mean_surprise")
def surprise_by_keras(logits, labels):
    from keras import ops

    chances = ops.log_softmax(ops.convert_to_tensor(logits, "float64"), axis=-1)
    return -ops.mean(ops.sum(ops.one_hot(labels, logits.shape[1], dtype="float64") * chances, axis=-1))


@right("tied_gradients")
def tied_in_loops(inputs, W, b, c):
    by_W, by_b, by_c = np.zeros(W.shape), np.zeros(len(b)), np.zeros(len(c))
    for x in inputs:
        z = 1 / (1 + np.exp(-(x @ W + b)))
        y = 1 / (1 + np.exp(-(W @ z + c)))
        for i in range(len(c)):
            by_c[i] += y[i] - x[i]
            for h in range(len(b)):
                by_W[i, h] += (y[i] - x[i]) * z[h]
        for h in range(len(b)):
            message = sum((y[i] - x[i]) * W[i, h] for i in range(len(c))) * z[h] * (1 - z[h])
            by_b[h] += message
            by_W[:, h] += x * message
    return [by_W / len(inputs), by_b / len(inputs), (by_c / len(inputs)).tolist()]


@right("tied_gradients")
def tied_by_einsum_in_float32(inputs, W, b, c):
    inputs, W, b, c = (array.astype(np.float32) for array in (inputs, W, b, c))
    z = (np.tanh((inputs @ W + b) / 2) + 1) / 2
    error = (np.tanh((z @ W.T + c) / 2) + 1) / 2 - inputs
    back = np.einsum("ni,ih,nh->nh", error, W, z - z**2)
    return (
        np.mean(np.einsum("ni,nh->nih", inputs, back) + np.einsum("ni,nh->nih", error, z), axis=0),
        back.mean(0),
        error.mean(0),
    )


@right("tied_gradients")
def tied_by_tensorflow(inputs, W, b, c):
    import tensorflow as tf

    variables = [tf.Variable(array) for array in (W, b, c)]
    with tf.GradientTape() as tape:
        W, b, c = variables
        logits = tf.sigmoid(inputs @ W + b) @ tf.transpose(W) + c
        loss = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(labels=inputs, logits=logits)) / len(inputs)
    return tape.gradient(loss, variables)


@right("pixel_gradient")
def pixels_in_loops(images, labels, W1, b1, W2, b2):
    rows = []
    for image, label in zip(images, labels, strict=True):
        sums = [float(image @ W1[:, unit] + b1[unit]) for unit in range(len(b1))]
        delta = special.softmax(np.maximum(sums, 0) @ W2 + b2)
        delta[label] -= 1
        rows.append(sum(W1[:, unit] * (W2[unit] @ delta) for unit in range(len(b1)) if sums[unit] > 0) + 0 * image)
    return rows


@right("pixel_gradient")
def pixels_by_the_slopes_of_the_logits(images, labels, W1, b1, W2, b2):
    on = (images @ W1 + b1 > 0).astype(float)
    slopes = np.einsum("ph,nh,hc->npc", W1, on, W2)  # what a pixel does to each logit
    chances = special.softmax(np.einsum("np,npc->nc", images, slopes) + (b1 * on) @ W2 + b2, axis=1)
    chosen = np.take_along_axis(slopes, labels[:, None, None], axis=2)[:, :, 0]
    return np.einsum("npc,nc->np", slopes, chances) - chosen


@right("pixel_gradient")
def pixels_by_tensorflow(images, labels, W1, b1, W2, b2):
    import tensorflow as tf

    pixels = tf.Variable(images)
    with tf.GradientTape() as tape:
        logits = tf.nn.relu(pixels @ W1 + b1) @ W2 + b2
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return tape.gradient(losses, pixels)


# Functions that build the network


@right("build_mlp")
def mlp_in_sequence_with_layers_for_activations():
    from keras import Input, Sequential, layers

    model = Sequential()
    model.add(Input((64,)))
    for units in (32, 16):
        model.add(layers.Dense(units, kernel_initializer="he_normal", name=f"hidden_{units}"))
        model.add(layers.ReLU())
    model.add(layers.Dense(10))
    model.add(layers.Softmax())
    return model


@right("build_mlp")
def mlp_of_functions():
    import keras

    pixels = keras.Input(shape=(64,))
    hidden = keras.layers.Dense(32, activation="relu")(pixels)
    hidden = keras.ops.relu(keras.layers.Dense(16)(hidden))
    model = keras.Model(pixels, keras.layers.Dense(10, activation=keras.activations.softmax)(hidden))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


@right("build_mlp")
def mlp_as_a_class():
    import keras

    class Network(keras.Model):
        def __init__(self):
            super().__init__()
            self.last = keras.layers.Dense(10)
            self.hidden = [keras.layers.Dense(32), keras.layers.Dense(16)]

        def call(self, values):
            for layer in self.hidden:
                values = keras.ops.maximum(layer(values), 0)
            return keras.ops.softmax(self.last(values))

    return Network()


@right("build_mlp")
def mlp_of_blocks():
    import keras

    body = keras.Sequential([keras.layers.Dense(32, "relu"), keras.layers.Dense(16, "relu")])
    return keras.Sequential([keras.Input((64,)), body, keras.layers.Dense(10, "softmax")])


@right("build_mlp")
def mlp_not_yet_built():
    import tensorflow as tf
    from keras import Sequential, layers

    return Sequential([layers.Dense(32, tf.nn.relu), layers.Dense(16, tf.nn.relu), layers.Dense(10, tf.nn.softmax)])
