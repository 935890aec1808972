"""Right answers to the exercises of the lesson on the perceptron."""

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


@right("average_weights")
def average_in_lists(inputs, targets, passes):
    weights = [0.0] * (len(inputs[0]) + 1)
    total = list(weights)
    for _ in range(passes):
        for example, target in zip(inputs, targets, strict=True):
            row = [1.0, *example]
            output = 1 if sum(w * x for w, x in zip(weights, row, strict=True)) > 0 else -1
            weights = [w + 0.5 * (target - output) * x for w, x in zip(weights, row, strict=True)]
            total = [a + w for a, w in zip(total, weights, strict=True)]
    return [a / (passes * len(inputs)) for a in total]


@right("average_weights")
def average_kept_running(inputs, targets, passes):
    weights, average, seen = np.zeros(inputs.shape[1] + 1), np.zeros(inputs.shape[1] + 1), 0
    for example, target in list(zip(inputs, targets, strict=True)) * passes:
        row, seen = np.append(1, example), seen + 1
        if np.where(row @ weights > 0, 1, -1) != target:
            weights = weights + target * row
        average += (weights - average) / seen
    return average


@right("average_weights")
def average_of_all_that_are_kept(inputs, targets, passes):
    kept = [np.zeros(inputs.shape[1] + 1)]
    rows = np.column_stack([np.ones(len(inputs)), inputs])
    for _ in range(passes):
        for row, target in zip(rows, targets, strict=True):
            wrong = (row @ kept[-1] > 0) != (target == 1)
            kept.append(kept[-1] + wrong * target * row)
    return np.mean(kept[1:], axis=0).astype(np.float32)
