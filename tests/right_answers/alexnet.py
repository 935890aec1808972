"""Right answers to the exercises of the lesson on AlexNet."""

import math

import numpy as np
from scipy import ndimage, special, stats

from right_answers import right

# grouped_parameters


@right("grouped_parameters")
def parameters_group_by_group(kernel_size, channels, filters, groups):
    return sum(
        kernel_size * kernel_size * (channels // groups) * (filters // groups) + filters // groups
        for _ in range(groups)
    )


@right("grouped_parameters")
def parameters_as_a_float(kernel_size, channels, filters, groups):
    return filters * kernel_size**2 * channels / groups + filters


@right("grouped_parameters")
def parameters_of_a_layer(kernel_size, channels, filters, groups):
    import keras

    layer = keras.layers.Conv2D(filters, kernel_size, groups=groups)
    layer.build((None, 32, 32, channels))
    return layer.count_params()


# response_normalization


@right("response_normalization")
def normalisation_in_loops(maps, size, bias, alpha, beta):
    channels, result = maps.shape[-1], np.empty(maps.shape)
    for place in np.ndindex(maps.shape):
        first, last = max(0, place[-1] - size // 2), min(channels - 1, place[-1] + size // 2)
        energy = sum(maps[(*place[:-1], other)] ** 2 for other in range(first, last + 1))
        result[place] = maps[place] / (bias + alpha * energy) ** beta
    return result


@right("response_normalization")
def normalisation_by_tensorflow(maps, size, bias, alpha, beta):
    import tensorflow as tf

    return tf.nn.local_response_normalization(maps.astype("float32"), size // 2, bias, alpha, beta)


@right("response_normalization")
def normalisation_by_running_sums_in_float32(maps, size, bias, alpha, beta):
    maps, reach = maps.astype(np.float32), size // 2
    sums = np.cumsum(np.pad(maps**2, [(0, 0)] * 3 + [(reach + 1, reach)]), axis=-1)
    return maps * (bias + alpha * (sums[..., size:] - sums[..., :-size])) ** -beta


@right("response_normalization")
def normalisation_by_a_mean_filter(maps, size, bias, alpha, beta):
    mean = ndimage.uniform_filter1d(np.square(maps), size, axis=-1, mode="constant")
    return maps / np.power(bias + alpha * size * mean, beta)


@right("response_normalization")
def normalisation_by_a_band_matrix(maps, size, bias, alpha, beta):
    places = np.arange(maps.shape[-1])
    band = np.abs(places[:, None] - places) <= size // 2
    return maps / (bias + alpha * maps**2 @ band) ** beta


# ten_cuts


@right("ten_cuts")
def cuts_in_a_list(image, side):
    height, width = image.shape[0], image.shape[1]
    tops, lefts = (0, height - side), (0, width - side)
    cuts = [image[top : top + side, left : left + side] for top in tops for left in lefts]
    top, left = (height - side) // 2, (width - side) // 2
    cuts.append(image[top : top + side, left : left + side])
    return cuts + [np.fliplr(each) for each in cuts]


@right("ten_cuts")
def cuts_by_keras(image, side):
    import keras

    bottom, right = image.shape[0] - side, image.shape[1] - side
    frames = [(0, bottom, 0, right), (0, bottom, right, 0), (bottom, 0, 0, right), (bottom, 0, right, 0)]
    frames.append((bottom // 2, bottom - bottom // 2, right // 2, right - right // 2))
    cuts = [keras.ops.image.crop_images(image.astype("float32"), top, left, low, far) for top, low, left, far in frames]
    return keras.ops.stack(cuts + [keras.ops.flip(each, axis=1) for each in cuts])


@right("ten_cuts")
def cuts_from_all_windows(image, side):
    windows = np.moveaxis(np.lib.stride_tricks.sliding_window_view(image, (side, side), axis=(0, 1)), 2, -1)
    down, across = windows.shape[0] - 1, windows.shape[1] - 1
    five = windows[[0, 0, down, down, down // 2], [0, across, 0, across, across // 2]]
    return np.vstack([five, np.flip(five, 2)]).astype(np.float32)


# top_k_error


@right("top_k_error")
def error_in_loops(scores, labels, k):
    wrong = 0
    for row, label in zip(scores, labels, strict=True):
        best = sorted(range(len(row)), key=lambda each: row[each], reverse=True)[:k]
        wrong += label not in best
    return wrong / len(labels)


@right("top_k_error")
def error_by_ranks(scores, labels, k):
    ranks = stats.rankdata(-scores, axis=1)
    return np.mean(np.take_along_axis(ranks, labels[:, None], axis=1) > k)


@right("top_k_error")
def error_by_tensorflow(scores, labels, k):
    import tensorflow as tf

    return 1 - tf.reduce_mean(tf.cast(tf.math.in_top_k(labels, scores.astype("float32"), k), "float32"))


@right("top_k_error")
def error_by_a_metric(scores, labels, k):
    import keras

    return 1 - keras.ops.mean(keras.metrics.sparse_top_k_categorical_accuracy(labels, scores.astype("float32"), k))


@right("top_k_error")
def error_by_the_k_th_score(scores, labels, k):
    threshold = np.sort(scores, axis=1)[:, -k]
    return (scores[range(len(labels)), labels] < threshold).mean()


# ensemble


@right("ensemble")
def ensemble_by_scipy(logits):
    return np.mean(special.softmax(logits, axis=-1), axis=0)


@right("ensemble")
def ensemble_in_loops(logits):
    networks, pictures, classes = logits.shape
    result = [[0.0] * classes for _ in range(pictures)]
    for network in range(networks):
        for picture in range(pictures):
            powers = [math.exp(logit) for logit in logits[network][picture]]
            for number, power in enumerate(powers):
                result[picture][number] += power / sum(powers) / networks
    return result


@right("ensemble")
def ensemble_in_float32(logits):
    powers = np.exp(logits.astype(np.float32) - logits.max(axis=-1, keepdims=True).astype(np.float32))
    return np.einsum("npc->pc", powers / powers.sum(axis=2, keepdims=True)) / len(logits)


@right("ensemble")
def ensemble_in_tensors(logits):
    from keras import ops

    return ops.mean(ops.softmax(ops.convert_to_tensor(logits, "float32"), axis=-1), axis=0)
