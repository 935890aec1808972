"""Right answers to the exercises of the lesson on pictures made by optimisation."""

import numpy as np
from scipy import special

from right_answers import right


def _float32(*arrays):
    return [np.asarray(array, np.float32) for array in arrays]


# total_variation


@right("total_variation")
def variation_in_loops(picture):
    height, width, channels = picture.shape
    total = 0
    for i in range(height):
        for j in range(width):
            for c in range(channels):
                if i:
                    total += abs(picture[i, j, c] - picture[i - 1, j, c])
                if j:
                    total += abs(picture[i, j, c] - picture[i, j - 1, c])
    return total


@right("total_variation")
def variation_by_differences_in_float32(picture):
    picture = picture.astype(np.float32)
    return sum(np.abs(np.diff(picture, axis=axis)).sum() for axis in (0, 1))


@right("total_variation")
def variation_by_tensorflow(picture):
    import tensorflow as tf

    return tf.image.total_variation(tf.constant(picture))


@right("total_variation")
def variation_of_larger_less_smaller(picture):
    right, down = (picture[:, 1:], picture[:, :-1]), (picture[1:], picture[:-1])
    return float(sum(np.sum(np.maximum(*pair) - np.minimum(*pair)) for pair in (right, down)))


# unpool


@right("unpool")
def unpool_by_one_hot(maxima, switches, pool_size):
    rows, columns = maxima.shape
    windows = maxima[..., None] * (switches[..., None] == np.arange(pool_size**2))
    windows = windows.reshape(rows, columns, pool_size, pool_size)
    return windows.transpose(0, 2, 1, 3).reshape(rows * pool_size, columns * pool_size)


@right("unpool")
def unpool_in_lists(maxima, switches, pool_size):
    rows, columns = maxima.shape
    result = [[0.0] * (columns * pool_size) for _ in range(rows * pool_size)]
    for i in range(rows):
        for j in range(columns):
            switch = switches[i][j]
            result[i * pool_size + switch // pool_size][j * pool_size + switch % pool_size] = maxima[i][j]
    return result


@right("unpool")
def unpool_by_indices_in_float32(maxima, switches, pool_size):
    result = np.zeros(np.array(maxima.shape) * pool_size, np.float32)
    rows, columns = np.indices(maxima.shape) * pool_size + np.unravel_index(switches, (pool_size, pool_size))
    result[rows, columns] = maxima
    return result


@right("unpool")
def unpool_in_tensors(maxima, switches, pool_size):
    from keras import ops

    rows, columns = maxima.shape
    shape = (rows, columns, pool_size, pool_size)
    windows = ops.reshape(ops.one_hot(switches, pool_size**2) * maxima.astype("float32")[..., None], shape)
    return ops.reshape(ops.transpose(windows, (0, 2, 1, 3)), (rows * pool_size, columns * pool_size))


# fgsm


@right("fgsm")
def fgsm_by_the_label_alone(pictures, labels, weights, bias, epsilon):
    uphill = np.where(labels[:, None] == 1, -1, 1) * np.sign(weights)
    return np.minimum(1, np.maximum(0, pictures + epsilon * uphill))


@right("fgsm")
def fgsm_in_loops(pictures, labels, weights, bias, epsilon):
    result = []
    for picture, label in zip(pictures, labels, strict=True):
        p = special.expit(sum(value * weight for value, weight in zip(picture, weights, strict=True)) + bias)
        slopes = [(p - label) * weight for weight in weights]
        moved = [value + epsilon * (1 if slope > 0 else -1) for value, slope in zip(picture, slopes, strict=True)]
        result.append([min(max(value, 0), 1) for value in moved])
    return result


@right("fgsm")
def fgsm_in_float32(pictures, labels, weights, bias, epsilon):
    pictures, labels, weights = _float32(pictures, labels, weights)
    residual = special.expit(pictures @ weights + np.float32(bias)) - labels
    return np.clip(pictures + np.float32(epsilon) * np.sign(np.outer(residual, weights)), 0, 1)


@right("fgsm")
def fgsm_by_automatic_differentiation(pictures, labels, weights, bias, epsilon):
    import keras

    from course_lib.gradients import gradients

    pictures, labels, weights = _float32(pictures, labels, weights)

    def loss(x):
        logits = keras.ops.matmul(x, weights) + bias
        return keras.losses.binary_crossentropy(labels[:, None], logits[:, None], from_logits=True)

    (slope,) = gradients(loss, pictures)
    return keras.ops.clip(pictures + epsilon * keras.ops.sign(slope), 0, 1)


# attack_step


@right("attack_step")
def attack_by_the_change(picture, slope, original, epsilon, learning_rate):
    change = np.clip(picture - original + learning_rate * np.sign(slope), -epsilon, epsilon)
    return np.clip(original + change, 0, 1)


@right("attack_step")
def attack_with_one_box(picture, slope, original, epsilon, learning_rate):
    low, high = np.maximum(original - epsilon, 0), np.minimum(original + epsilon, 1)
    return np.minimum(
        high, np.maximum(low, picture + np.where(slope > 0, 1, np.where(slope < 0, -1, 0)) * learning_rate)
    )


@right("attack_step")
def attack_in_float32_and_in_place(picture, slope, original, epsilon, learning_rate):
    picture, slope, original = _float32(picture, slope, original)
    picture = picture.copy()
    picture[slope > 0] += np.float32(learning_rate)
    picture[slope < 0] -= np.float32(learning_rate)
    np.clip(picture, original - np.float32(epsilon), original + np.float32(epsilon), out=picture)
    return picture.clip(0, 1)


@right("attack_step")
def attack_in_tensors(picture, slope, original, epsilon, learning_rate):
    from keras import ops

    picture, slope, original = _float32(picture, slope, original)
    moved = ops.clip(picture + learning_rate * ops.sign(slope), 0, 1)
    return ops.minimum(ops.maximum(moved, original - epsilon), original + epsilon)
