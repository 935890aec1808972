"""Right answers to the exercises of the lesson on the multi-layer perceptron and back-propagation."""

import math

import numpy as np
from scipy import special

from right_answers import right


@right("mlp_forward")
def forward_in_loops(inputs, W1, b1, W2, b2):
    rows = []
    for example in inputs:
        hidden = []
        for unit in range(len(b1)):
            total = b1[unit] + sum(x * w for x, w in zip(example, W1[:, unit], strict=True))
            hidden.append(1 / (1 + math.exp(-total)))
        powers = [math.exp(b2[c] + sum(h * w for h, w in zip(hidden, W2[:, c], strict=True))) for c in range(len(b2))]
        rows.append([power / sum(powers) for power in powers])
    return rows


@right("mlp_forward")
def forward_in_float32(inputs, W1, b1, W2, b2):
    inputs, W1, b1, W2, b2 = (array.astype(np.float32) for array in (inputs, W1, b1, W2, b2))
    hidden = (np.tanh((inputs @ W1 + b1) / 2) + 1) / 2
    powers = np.exp(hidden @ W2 + b2)
    return powers / powers.sum(axis=-1, keepdims=True)


@right("mlp_forward")
def forward_by_keras(inputs, W1, b1, W2, b2):
    from keras import ops

    hidden = ops.sigmoid(ops.add(ops.matmul(inputs, W1), b1))
    return ops.softmax(ops.add(ops.matmul(hidden, W2), b2))


@right("mlp_forward")
def forward_with_the_bias_as_a_weight(inputs, W1, b1, W2, b2):
    ones = np.ones((len(inputs), 1))
    hidden = special.expit(np.hstack([ones, inputs]) @ np.vstack([b1, W1]))
    logits = np.hstack([ones, hidden]) @ np.vstack([b2, W2])
    return np.exp(logits - special.logsumexp(logits, axis=1, keepdims=True))


@right("hidden_delta")
def delta_in_loops(hidden_outputs, output_kernel, output_deltas):
    deltas = np.zeros_like(hidden_outputs)
    for n, h in np.ndindex(deltas.shape):
        for k in range(output_deltas.shape[1]):
            deltas[n, h] += output_deltas[n, k] * output_kernel[h, k]
        deltas[n, h] *= hidden_outputs[n, h] * (1 - hidden_outputs[n, h])
    return deltas


@right("hidden_delta")
def delta_with_the_kernel_in_front(hidden_outputs, output_kernel, output_deltas):
    return (hidden_outputs - hidden_outputs**2) * (output_kernel @ output_deltas.T).T


@right("hidden_delta")
def delta_in_float32(hidden_outputs, output_kernel, output_deltas):
    messages = np.einsum("nk,hk->nh", output_deltas.astype(np.float32), output_kernel.astype(np.float32))
    return messages * (0.25 - (hidden_outputs.astype(np.float32) - 0.5) ** 2)


@right("hidden_delta")
def delta_by_tensorflow(hidden_outputs, output_kernel, output_deltas):
    import tensorflow as tf

    sums = tf.Variable(special.logit(hidden_outputs))
    with tf.GradientTape() as tape:
        weighted = tf.reduce_sum(tf.matmul(tf.sigmoid(sums), output_kernel) * output_deltas)
    return tape.gradient(weighted, sums)


@right("dense_backward")
def backward_by_einsum(inputs, kernel, upstream):
    return (
        np.einsum("ni,nu->iu", inputs, upstream),
        np.einsum("nu->u", upstream),
        np.einsum("nu,iu->ni", upstream, kernel),
    )


@right("dense_backward")
def backward_in_loops_and_a_list(inputs, kernel, upstream):
    by_kernel, by_bias, by_inputs = np.zeros(kernel.shape), [0.0] * kernel.shape[1], np.zeros(inputs.shape)
    for row, example in enumerate(inputs):
        for i, x in enumerate(example):
            for u, gradient in enumerate(upstream[row]):
                by_kernel[i, u] += x * gradient
                by_inputs[row, i] += kernel[i, u] * gradient
        by_bias = [total + gradient for total, gradient in zip(by_bias, upstream[row], strict=True)]
    return [by_kernel, by_bias, by_inputs.tolist()]


@right("dense_backward")
def backward_in_float32(inputs, kernel, upstream):
    inputs, kernel, upstream = (array.astype("float32") for array in (inputs, kernel, upstream))
    return inputs.T @ upstream, np.ones(len(inputs), "float32") @ upstream, (kernel @ upstream.T).T


@right("dense_backward")
def backward_by_tensorflow(inputs, kernel, upstream):
    import tensorflow as tf

    inputs, kernel, bias = tf.Variable(inputs), tf.Variable(kernel), tf.Variable(np.zeros(kernel.shape[1]))
    with tf.GradientTape() as tape:
        outputs = inputs @ kernel + bias
    return tape.gradient(outputs, [kernel, bias, inputs], output_gradients=tf.constant(upstream))


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
