"""Right answers to the exercises of the lesson on activations."""

import math

import numpy as np

from right_answers import right


@right("sigmoid_backward")
def slope_of_the_sigmoid_as_a_parabola(outputs, upstream):
    return (0.25 - (outputs - 0.5) ** 2) * upstream


@right("sigmoid_backward")
def slope_of_the_sigmoid_in_float32(outputs, upstream):
    outputs, upstream = outputs.astype(np.float32), upstream.astype(np.float32)
    return upstream * (outputs - outputs**2)


@right("sigmoid_backward")
def slope_of_the_sigmoid_from_its_inputs(outputs, upstream):
    inputs = np.log(outputs / (1 - outputs))
    return upstream / (2 + np.exp(inputs) + np.exp(-inputs))


@right("sigmoid_backward")
def slope_of_the_sigmoid_in_a_loop(outputs, upstream):
    slopes = [y * (1 - y) * g for y, g in zip(outputs.flat, upstream.flat, strict=True)]
    return np.reshape(slopes, outputs.shape).tolist()


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
def dead_units_by_the_largest_sum(sums):
    return np.count_nonzero(sums.max(axis=0) <= 0) / sums.shape[1]


@right("dead_units")
def dead_units_by_what_they_give(sums):
    return np.float32(1 - np.maximum(sums, 0).any(axis=0).mean())


@right("dead_units")
def dead_units_in_loops(sums):
    dead = 0
    for unit in range(len(sums[0])):
        dead += not any(row[unit] > 0 for row in sums)
    return dead / len(sums[0])


@right("dead_units")
def dead_units_in_tensors(sums):
    from keras import ops

    return ops.mean(ops.cast(ops.all(ops.less_equal(sums, 0), axis=0), "float32"))


@right("leaky_relu")
def leaky_relu_by_two_parts(inputs, negative_slope):
    return np.maximum(inputs, 0) + negative_slope * np.minimum(inputs, 0)


@right("leaky_relu")
def leaky_relu_by_the_larger(inputs, negative_slope):
    return np.maximum(inputs, negative_slope * inputs)


@right("leaky_relu")
def leaky_relu_by_keras(inputs, negative_slope):
    from keras import activations, ops

    return activations.leaky_relu(ops.convert_to_tensor(inputs, "float32"), negative_slope=negative_slope)


@right("leaky_relu")
def leaky_relu_in_a_copy(inputs, negative_slope):
    outputs = inputs.astype(np.float32)
    outputs[outputs < 0] *= negative_slope
    return outputs


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
