"""Right answers to the exercises of the lesson on the perceptron."""

import itertools
import math

import numpy as np

from right_answers import right


@right("predict")
def predict_in_loops(inputs, weights):
    outputs = []
    for row in inputs:
        total = weights[0]
        for weight, value in zip(weights[1:], row, strict=True):
            total += weight * value
        outputs.append(1 if total > 0 else -1)
    return outputs


@right("predict")
def predict_by_counting_true_as_one(inputs, weights):
    rows = np.hstack([np.ones((len(inputs), 1)), inputs])
    return 2 * (rows @ weights > 0) - 1


@right("predict")
def predict_in_tensors(inputs, weights):
    from keras import ops

    return ops.where(weights[0] + ops.matmul(inputs, weights[1:, None])[:, 0] > 0, 1, -1)


@right("weights_for_nand", builds=True)
def weights_in_a_list():
    return [3, -2, -2]


@right("weights_for_nand", builds=True)
def weights_of_different_sizes():
    return (0.5, -0.4, -0.3)


@right("weights_for_nand", builds=True)
def weights_in_a_tensor():
    from keras import ops

    return ops.convert_to_tensor([1.5, -1.0, -1.0])


@right("update")
def update_only_after_a_mistake(weights, example, target, learning_rate):
    new = weights.copy()
    if target * (weights[0] + example @ weights[1:]) > 0 or (target == -1 and weights[0] + example @ weights[1:] == 0):
        return new
    new[0] += 2 * learning_rate * target
    new[1:] += 2 * learning_rate * target * example
    return new


@right("update")
def update_in_lists(weights, example, target, learning_rate):
    row = [1.0, *example]
    output = 1 if sum(w * x for w, x in zip(weights, row, strict=True)) > 0 else -1
    return [w + learning_rate * (target - output) * x for w, x in zip(weights, row, strict=True)]


@right("update")
def update_in_float32(weights, example, target, learning_rate):
    row = np.append(1, example)
    output = np.where(row @ weights > 0, 1, -1)
    return (weights + learning_rate * (target - output) * row).astype(np.float32)


@right("margin")
def margin_in_loops(inputs, targets, weights):
    length = math.sqrt(sum(weight**2 for weight in weights[1:]))
    distances = []
    for row, target in zip(inputs, targets, strict=True):
        distances.append(target * (weights[0] + sum(row * weights[1:])) / length)
    return min(distances)


@right("margin")
def margin_of_unit_weights(inputs, targets, weights):
    unit = weights / np.hypot.reduce(weights[1:])
    return (targets * np.insert(inputs, 0, 1, axis=1).dot(unit)).min()


@right("margin")
def margin_in_float32(inputs, targets, weights):
    inputs, weights = inputs.astype(np.float32), weights.astype(np.float32)
    return np.sort(targets.astype(np.float32) * (inputs @ weights[1:] + weights[0]) / np.linalg.norm(weights[1:]))[0]


@right("is_separable")
def separable_unless_xor(targets):
    return targets[0] != targets[3] or targets[1] != targets[2] or targets[0] == targets[1]


@right("is_separable")
def separable_by_the_perceptron_itself(targets):
    rows, weights = np.array([[1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]]), np.zeros(3)
    for _ in range(100):
        for row, target in zip(rows, targets, strict=True):
            if target * (row @ weights) <= 0:
                weights += target * row
    return np.all(targets * (rows @ weights) > 0)


@right("is_separable")
def separable_by_a_wide_search(targets):
    corners = list(itertools.product([0, 1], repeat=2))
    for bias in np.arange(-5.5, 6):
        for w1, w2 in itertools.product(range(-3, 4), repeat=2):
            if all((bias + w1 * x1 + w2 * x2 > 0) == (t > 0) for (x1, x2), t in zip(corners, targets, strict=True)):
                return 1
    return 0
