"""Right answers to the exercises of the lesson on the multi-layer perceptron and back-propagation."""

import math

import numpy as np
from scipy import special

from right_answers import right


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
        z = [1 / (1 + math.exp(-float(image @ W1[:, unit] + b1[unit]))) for unit in range(len(b1))]
        delta = special.softmax(np.array(z) @ W2 + b2)
        delta[label] -= 1
        rows.append(sum(W1[:, unit] * (W2[unit] @ delta) * z[unit] * (1 - z[unit]) for unit in range(len(b1))))
    return rows


@right("pixel_gradient")
def pixels_by_the_slopes_of_the_logits(images, labels, W1, b1, W2, b2):
    z = (np.tanh((images @ W1 + b1) / 2) + 1) / 2
    slopes = np.einsum("ph,nh,hc->npc", W1, z - z**2, W2)  # what a pixel does to each logit
    chances = special.softmax(z @ W2 + b2, axis=1)
    chosen = np.take_along_axis(slopes, labels[:, None, None], axis=2)[:, :, 0]
    return np.einsum("npc,nc->np", slopes, chances) - chosen


@right("pixel_gradient")
def pixels_by_tensorflow(images, labels, W1, b1, W2, b2):
    import tensorflow as tf

    pixels = tf.Variable(images)
    with tf.GradientTape() as tape:
        logits = tf.nn.sigmoid(pixels @ W1 + b1) @ W2 + b2
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return tape.gradient(losses, pixels)


@right("adam_changes")
def adam_by_sums_over_the_past(slopes, learning_rate, beta_1, beta_2, epsilon):
    steps = np.arange(len(slopes))
    ages = steps[:, None] - steps

    def average(values, beta):  # weighted by beta ** age, the weights summing to 1
        weights = np.where(ages >= 0, float(beta) ** np.abs(ages), 0)
        return weights / weights.sum(axis=1, keepdims=True) @ values

    return -learning_rate * average(slopes, beta_1) / (np.sqrt(average(slopes**2, beta_2)) + epsilon)


@right("adam_changes")
def adam_as_keras_writes_it(slopes, learning_rate, beta_1, beta_2, epsilon):
    mean, square, changes = np.zeros(slopes.shape[1]), np.zeros(slopes.shape[1]), []
    for number in range(len(slopes)):
        mean += (slopes[number] - mean) * (1 - beta_1)
        square += (slopes[number] ** 2 - square) * (1 - beta_2)
        rate = learning_rate * (1 - beta_2 ** (number + 1)) ** 0.5 / (1 - beta_1 ** (number + 1))
        changes.append((-rate * mean / (square**0.5 + epsilon)).tolist())
    return changes


@right("adam_changes")
def adam_weight_by_weight(slopes, learning_rate, beta_1, beta_2, epsilon):
    columns = []
    for column in np.transpose(slopes):
        mean = square = 0.0
        column_changes, left_1, left_2 = [], 1.0, 1.0
        for slope in column:
            left_1, left_2 = left_1 * beta_1, left_2 * beta_2
            mean, square = beta_1 * mean + (1 - beta_1) * slope, beta_2 * square + (1 - beta_2) * slope * slope
            column_changes.append(-learning_rate * (mean / (1 - left_1)) / (math.sqrt(square / (1 - left_2)) + epsilon))
        columns.append(column_changes)
    return np.array(columns).T.astype(np.float32)


@right("adam_changes")
def adam_of_the_library(slopes, learning_rate, beta_1, beta_2, epsilon):
    from course_lib import layers, optim

    layer, adam = layers.Layer(), optim.Adam(learning_rate, beta_1, beta_2, epsilon)
    changes = []
    for row in slopes:
        layer.parameters, layer.gradients = {"w": np.zeros(len(row))}, {"w": row}
        adam.update(layer)
        changes.append(layer.parameters["w"])
    return changes
