"""Right answers to the exercises of the lesson on dropout."""

import itertools
import math

import numpy as np
from scipy import special, stats

from right_answers import right

# keep_scaling


@right("keep_scaling")
def scaling_in_a_list(kernels, keep):
    return [kernels[0]] + [keep * kernel for kernel in kernels[1:]]


@right("keep_scaling")
def scaling_in_nested_lists(kernels, keep):
    rows = [kernel.tolist() for kernel in kernels]
    return [
        [[value if layer == 0 else value * keep for value in row] for row in kernel]
        for layer, kernel in enumerate(rows)
    ]


@right("keep_scaling")
def scaling_of_copies_in_float32(kernels, keep):
    new = [kernel.astype(np.float32) for kernel in kernels]
    for kernel in new[1:]:
        kernel *= keep
    return new


@right("keep_scaling")
def scaling_in_tensors(kernels, keep):
    from keras import ops

    return [ops.convert_to_tensor(kernel, "float32") * keep ** (layer > 0) for layer, kernel in enumerate(kernels)]


# dropout_forward


@right("dropout_forward")
def forward_in_loops(x, uniforms, rate):
    y = []
    for values, numbers in zip(x, uniforms, strict=True):
        y.append([])
        for value, number in zip(values, numbers, strict=True):
            y[-1].append(value / (1 - rate) if number >= rate else 0)
    return y


@right("dropout_forward")
def forward_by_where(x, uniforms, rate):
    return np.where(uniforms < rate, 0, x) / (1 - rate)


@right("dropout_forward")
def forward_on_a_copy_in_float32(x, uniforms, rate):
    y = (x / (1 - rate)).astype(np.float32)
    y[uniforms < rate] = 0
    return y


@right("dropout_forward")
def forward_in_tensors_of_float32(x, uniforms, rate):
    import keras

    x, uniforms = (keras.ops.convert_to_tensor(array, "float32") for array in (x, uniforms))
    return x * keras.ops.cast(uniforms >= rate, "float32") / (1 - rate)


@right("dropout_forward")
def forward_by_a_masked_array(x, uniforms, rate):
    return np.ma.masked_array(x * (1 / (1 - rate)), uniforms < rate).filled(0)


# geometric_mean


@right("geometric_mean")
def mean_by_a_root(probabilities):
    means = np.prod(probabilities, axis=0) ** (1 / len(probabilities))
    return means / sum(means)


@right("geometric_mean")
def mean_by_scipy(probabilities):
    means = stats.gmean(probabilities, axis=0)
    return means / means.sum()


@right("geometric_mean")
def mean_by_softmax_of_mean_logs_in_float32(probabilities):
    return special.softmax(np.log(probabilities.astype(np.float32)).mean(axis=0))


@right("geometric_mean")
def mean_in_lists(probabilities):
    networks = probabilities.tolist()
    means = [math.exp(sum(map(math.log, column)) / len(networks)) for column in zip(*networks, strict=True)]
    return [mean / sum(means) for mean in means]


@right("geometric_mean")
def mean_in_tensors(probabilities):
    from keras import ops

    return ops.softmax(ops.mean(ops.log(ops.convert_to_tensor(probabilities, "float32")), axis=0))


# expected_output


@right("expected_output")
def mean_over_binary_numbers(x, weights, bias, keep):
    inputs, mean = len(x), 0.0
    for number in range(2**inputs):
        mask = [(number >> place) & 1 for place in range(inputs)]
        total = bias + sum(bit * w * value for bit, w, value in zip(mask, weights, x, strict=True))
        mean += max(0.0, total) * math.prod(keep if bit else 1 - keep for bit in mask)
    return mean


@right("expected_output")
def mean_over_all_masks_at_once(x, weights, bias, keep):
    masks = np.array(list(itertools.product([0, 1], repeat=len(x))))
    probabilities = np.prod(np.where(masks == 1, keep, 1 - keep), axis=1)
    return probabilities @ np.maximum(masks @ (weights * x) + bias, 0)


@right("expected_output")
def mean_over_all_masks_in_float32(x, weights, bias, keep):
    masks = np.indices((2,) * len(x)).reshape(len(x), -1).T.astype(np.float32)
    kept = masks.sum(axis=1)
    probabilities = np.float32(keep) ** kept * np.float32(1 - keep) ** (len(x) - kept)
    outputs = np.maximum((masks * x.astype(np.float32)) @ weights.astype(np.float32) + np.float32(bias), 0)
    return np.sum(probabilities * outputs)


@right("expected_output")
def mean_of_a_batch_of_masks_in_tensors(x, weights, bias, keep):
    from keras import ops

    masks = np.array(list(itertools.product([0, 1], repeat=len(x))), "float32")
    probabilities = ops.prod(masks * keep + (1 - masks) * (1 - keep), axis=1)
    sums = ops.matmul(masks, ops.convert_to_tensor(x * weights, "float32")) + bias
    return ops.sum(probabilities * ops.relu(sums))


@right("expected_output")
def mean_by_adding_inputs_one_by_one(x, weights, bias, keep):
    outcomes = [(1.0, bias)]
    for value in x * weights:
        outcomes = [(p * q, total + step) for p, total in outcomes for q, step in ((keep, value), (1 - keep, 0))]
    return sum(p * max(total, 0) for p, total in outcomes)
