"""Right answers to the exercises of the lesson on activations."""

import math

import numpy as np

from right_answers import right


@right("chain_gradients")
def chain_by_a_message(x, weights):
    entering, slopes = [x], []
    for weight in weights:
        output = 1 / (1 + math.exp(-weight * entering[-1]))
        slopes.append(output * (1 - output))
        entering.append(output)
    gradients, message = [0.0] * len(weights), 1.0
    for unit in range(len(weights) - 1, -1, -1):
        message *= slopes[unit]
        gradients[unit] = message * entering[unit]
        message *= weights[unit]
    return gradients


@right("chain_gradients")
def chain_by_nudging(x, weights):
    def last(weights):
        output = x
        for weight in weights:
            output = 1 / (1 + np.exp(-weight * output))
        return output

    steps = 1e-5 * np.eye(len(weights))
    return [(last(weights + step) - last(weights - step)) / 2e-5 for step in steps]


@right("chain_gradients")
def chain_by_all_products(x, weights):
    entering = [x]
    for weight in weights:
        entering.append(1 / (1 + np.exp(-weight * entering[-1])))
    factors = np.array([z * (1 - z) for z in entering[1:]]) * weights
    return np.array([np.prod(factors[unit:]) / weights[unit] * entering[unit] for unit in range(len(weights))])


@right("chain_gradients")
def chain_by_tensorflow(x, weights):
    import tensorflow as tf

    values = tf.Variable(weights)
    with tf.GradientTape() as tape:
        output = tf.constant(x, values.dtype)
        for unit in range(len(weights)):
            output = tf.sigmoid(values[unit] * output)
    return tape.gradient(output, values)


@right("relu_backward")
def slope_of_relu_by_a_mask(inputs, upstream):
    gradient = upstream.copy()
    gradient[inputs <= 0] = 0
    return gradient


@right("relu_backward")
def slope_of_relu_by_heaviside(inputs, upstream):
    return (np.heaviside(inputs, 0) * upstream).astype(np.float32)


@right("relu_backward")
def slope_of_relu_by_tensorflow(inputs, upstream):
    import tensorflow as tf

    values = tf.Variable(inputs)
    with tf.GradientTape() as tape:
        outputs = tf.nn.relu(values)
    return tape.gradient(outputs, values, output_gradients=tf.constant(upstream))


@right("relu_backward")
def slope_of_relu_by_the_sign(inputs, upstream):
    return upstream * np.maximum(np.sign(inputs), 0)


@right("dead_units")
def dead_units_by_the_largest_sum(inputs, kernel, bias):
    return np.count_nonzero((inputs @ kernel).max(axis=0) + bias <= 0) / kernel.shape[1]


@right("dead_units")
def dead_units_by_what_they_give(inputs, kernel, bias):
    outputs = np.maximum(np.einsum("ni,ij->nj", inputs, kernel) + bias, 0)
    return np.float32(1 - outputs.any(axis=0).mean())


@right("dead_units")
def dead_units_in_loops(inputs, kernel, bias):
    dead = 0
    for unit in range(len(bias)):
        dead += not any(sum(row * kernel[:, unit]) + bias[unit] > 0 for row in inputs)
    return dead / len(bias)


@right("dead_units")
def dead_units_in_keras(inputs, kernel, bias):
    import keras

    layer = keras.layers.Dense(len(bias), activation="relu")
    layer.build((None, inputs.shape[1]))
    layer.set_weights([kernel, bias])
    return 1 - np.mean(np.any(np.array(layer(inputs.astype("float32"))) > 0, axis=0))


@right("elu_gradient")
def slope_of_elu_by_what_it_gives(inputs, alpha):
    outputs = np.where(inputs > 0, inputs, alpha * np.expm1(inputs))
    return np.where(inputs > 0, 1, outputs + alpha)


@right("elu_gradient")
def slope_of_elu_in_a_loop(inputs, alpha):
    return np.reshape([1.0 if x > 0 else alpha * math.exp(x) for x in inputs.flat], inputs.shape).tolist()


@right("elu_gradient")
def slope_of_elu_in_float32(inputs, alpha):
    on = inputs > 0
    return (on + ~on * alpha * np.exp(np.minimum(inputs, 0).astype(np.float32))).astype(np.float32)


@right("elu_gradient")
def slope_of_elu_by_tensorflow(inputs, alpha):
    import keras
    import tensorflow as tf

    values = tf.Variable(inputs, dtype="float32")
    with tf.GradientTape() as tape:
        outputs = keras.activations.elu(values, alpha=alpha)
    return tape.gradient(outputs, values)


@right("swish_gradient")
def slope_of_swish_by_its_output(inputs, beta):
    gate = 1 / (1 + np.exp(-beta * inputs))
    outputs = inputs * gate
    return gate + beta * outputs * (1 - gate)


@right("swish_gradient")
def slope_of_swish_by_nudging(inputs, beta):
    def swish(a):
        return a / (1 + np.exp(-beta * a))

    return (swish(inputs + 1e-5) - swish(inputs - 1e-5)) / 2e-5


@right("swish_gradient")
def slope_of_swish_in_a_loop(inputs, beta):
    slopes = []
    for a in inputs.flat:
        power = math.exp(-beta * a)
        slopes.append((1 + power + beta * a * power) / (1 + power) ** 2)
    return np.reshape(slopes, inputs.shape).tolist()


@right("swish_gradient")
def slope_of_swish_by_tensorflow(inputs, beta):
    import tensorflow as tf

    values = tf.Variable(inputs)
    with tf.GradientTape() as tape:
        outputs = values * tf.sigmoid(beta * values)
    return tape.gradient(outputs, values)
