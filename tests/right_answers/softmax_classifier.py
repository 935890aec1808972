"""Right answers to the exercises of the lesson on the softmax classifier."""

import math

import numpy as np
from scipy import special

from right_answers import right


@right("stable_softmax")
def softmax_in_loops(logits):
    rows = []
    for row in logits:
        top = max(row)
        powers = [math.exp(logit - top) for logit in row]
        rows.append([power / sum(powers) for power in powers])
    return rows


@right("stable_softmax")
def softmax_by_the_logarithm(logits):
    return np.exp(logits - special.logsumexp(logits, axis=1)[:, None])


@right("stable_softmax")
def softmax_in_keras(logits):
    from keras import ops

    return ops.softmax(ops.convert_to_tensor(logits, dtype="float32"), axis=-1)


@right("surprise")
def surprise_in_loops(logits, labels):
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        top = max(row)
        total += top + math.log(sum(math.exp(logit - top) for logit in row)) - row[label]
    return total / len(labels)


@right("surprise")
def surprise_in_keras(logits, labels):
    import keras

    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, logits)


@right("surprise")
def surprise_with_one_hot_targets(logits, labels):
    targets = np.eye(logits.shape[1])[labels]
    return -(targets * special.log_softmax(logits, axis=1)).sum() / len(targets)


@right("surprise")
def surprise_in_float32(logits, labels):
    logits = logits.astype("float32")
    return np.mean(special.logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels])


@right("classifier_gradients")
def gradients_in_loops(inputs, kernel, bias, labels, smoothing, decay):
    by_kernel, by_bias = decay * kernel, np.zeros(len(bias))
    for x, label in zip(inputs, labels, strict=True):
        powers = np.exp(x @ kernel + bias)
        for j in range(len(bias)):
            target = (1 - smoothing) * (j == label) + smoothing / len(bias)
            delta = (powers[j] / powers.sum() - target) / len(inputs)
            by_bias[j] += delta
            by_kernel[:, j] += delta * x
    return by_kernel, by_bias


@right("classifier_gradients")
def gradients_with_the_bias_as_a_weight(inputs, kernel, bias, labels, smoothing, decay):
    rows, weights = np.insert(inputs, 0, 1, axis=1), np.vstack([bias, kernel])
    delta = special.softmax(rows @ weights, axis=1)
    delta[np.arange(len(labels)), labels] -= 1 - smoothing
    found = np.einsum("ni,nk->ik", rows, delta - smoothing / len(bias)) / len(rows)
    return found[1:] + decay * kernel, found[0]


@right("classifier_gradients")
def gradients_by_keras(inputs, kernel, bias, labels, smoothing, decay):
    from keras import losses, ops

    from course_lib.gradients import gradients

    loss = losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    targets, rows = np.eye(len(bias), dtype="float32")[labels], inputs.astype("float32")

    def value(kernel, bias):
        return loss(targets, ops.matmul(rows, kernel) + bias) + decay / 2 * ops.sum(kernel**2)

    return gradients(value, kernel.astype("float32"), bias.astype("float32"))


@right("distance_to_mistake")
def distance_in_loops(image, kernel, bias):
    logits = [sum(image * kernel[:, k]) + bias[k] for k in range(len(bias))]
    winner = logits.index(max(logits))
    nearest = math.inf
    for rival, logit in enumerate(logits):
        if rival != winner:
            length = math.dist(kernel[:, winner], kernel[:, rival])
            nearest = min(nearest, (logits[winner] - logit) / length)
    return nearest


@right("distance_to_mistake")
def distance_with_the_winner_at_infinity(image, kernel, bias):
    logits = image @ kernel + bias
    winner = np.argmax(logits)
    lengths = np.sqrt(((kernel - kernel[:, [winner]]) ** 2).sum(axis=0))
    lengths[winner] = 1
    distances = (logits[winner] - logits) / lengths
    distances[winner] = np.inf
    return distances.min()


@right("distance_to_mistake")
def distance_of_the_nearest_border(image, kernel, bias):
    """Each border is a plane with a normal of length 1: put the picture in."""
    order = np.argsort(image @ kernel + bias)
    winner, rivals = order[-1], order[:-1]
    normals, shifts = (kernel[:, [winner]] - kernel[:, rivals]).T, bias[winner] - bias[rivals]
    lengths = np.linalg.norm(normals, axis=1)
    return np.sort((normals / lengths[:, None]) @ image + shifts / lengths)[0]
