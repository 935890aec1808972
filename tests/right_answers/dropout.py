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
def mean_by_powers(probabilities, weights):
    means = np.prod(probabilities ** weights[:, None], axis=0)
    return means / sum(means)


@right("geometric_mean")
def mean_by_scipy(probabilities, weights):
    means = stats.gmean(probabilities, axis=0, weights=weights[:, None] * np.ones_like(probabilities))
    return means / means.sum()


@right("geometric_mean")
def mean_by_softmax_of_mean_logs_in_float32(probabilities, weights):
    return special.softmax(np.average(np.log(probabilities.astype(np.float32)), axis=0, weights=weights))


@right("geometric_mean")
def mean_in_lists(probabilities, weights):
    pairs = list(zip(weights.tolist(), probabilities.tolist(), strict=True))
    means = [math.prod(row[place] ** weight for weight, row in pairs) for place in range(probabilities.shape[1])]
    return [mean / sum(means) for mean in means]


@right("geometric_mean")
def mean_in_tensors(probabilities, weights):
    from keras import ops

    logs = ops.log(ops.convert_to_tensor(probabilities, "float32"))
    return ops.softmax(ops.sum(logs * ops.convert_to_tensor(weights[:, None], "float32"), axis=0))


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


# doubt


@right("doubt")
def doubt_by_loops(said):
    found = []
    for picture in range(said.shape[1]):
        answers = said[:, picture]
        best = np.argmax(sum(answers))
        middle = sum(answers[:, best]) / len(answers)
        found.append(math.sqrt(sum((value - middle) ** 2 for value in answers[:, best]) / len(answers)))
    return found


@right("doubt")
def doubt_by_take_along_axis_in_float32(said):
    said = said.astype(np.float32)
    best = said.sum(axis=0).argmax(axis=-1)
    return np.take_along_axis(said, best[None, :, None], axis=2)[..., 0].std(axis=0)


@right("doubt")
def doubt_by_the_mean_of_squares(said):
    mean, squares = said.mean(axis=0), (said**2).mean(axis=0)
    return np.array([np.sqrt(squares[i, row.argmax()] - row.max() ** 2) for i, row in enumerate(mean)])


@right("doubt")
def doubt_in_tensors(said):
    from keras import ops

    said = ops.convert_to_tensor(said, "float32")
    chosen = ops.one_hot(ops.argmax(ops.mean(said, axis=0), axis=-1), said.shape[-1])
    return ops.std(ops.sum(said * chosen, axis=-1), axis=0)
