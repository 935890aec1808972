"""Right answers to the exercises of the lesson on what networks look at."""

import numpy as np
from scipy import spatial

from right_answers import right

# label_agreement


@right("label_agreement")
def agreement_in_loops(features, labels, k):
    shares = []
    for here in range(len(features)):
        others = [other for other in range(len(features)) if other != here]
        others.sort(key=lambda other: sum((features[here] - features[other]) ** 2))
        shares.append(sum(labels[other] == labels[here] for other in others[:k]) / k)
    return sum(shares) / len(shares)


@right("label_agreement")
def agreement_by_a_tree(features, labels, k):
    _, found = spatial.KDTree(features).query(features, k + 1)
    return (labels[found[:, 1:]] == labels[:, None]).mean()


@right("label_agreement")
def agreement_by_products_in_float32(features, labels, k):
    features = features.astype(np.float32)
    squares = (features**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * features @ features.T
    np.fill_diagonal(distances, np.inf)
    return np.mean(labels[np.argpartition(distances, k, axis=1)[:, :k]] == labels[:, None])


@right("label_agreement")
def agreement_by_scikit_learn(features, labels, k):
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=k).fit(features).kneighbors(return_distance=False)
    return np.float32((labels[found] == labels[:, None]).sum() / (k * len(labels)))


@right("label_agreement")
def agreement_in_tensors(features, labels, k):
    from keras import ops

    features = ops.convert_to_tensor(features, "float32")
    distances = ops.sum((features[:, None] - features[None]) ** 2, axis=-1) + 1e9 * ops.eye(len(labels))
    nearest = ops.top_k(-distances, k)[1]
    return ops.mean(ops.cast(ops.take(labels, nearest) == labels[:, None], "float32"))


# saliency_map


@right("saliency_map")
def saliency_by_a_tape(model, images, labels):
    import tensorflow as tf

    from course_lib.explain.network import logits

    images = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        score = tf.reduce_sum(tf.gather(logits(model)(images), labels, batch_dims=1))
    return tf.reduce_max(tf.abs(tape.gradient(score, images)), axis=-1)


@right("saliency_map")
def saliency_picture_by_picture(model, images, labels):
    from course_lib.explain.network import logits
    from course_lib.gradients import gradients

    network, maps = logits(model), []
    for image, label in zip(images, labels, strict=True):
        (slopes,) = gradients(lambda x, label=label: network(x)[0, int(label)], image[None])
        maps.append(np.max(np.abs(slopes[0]), axis=2))
    return maps


@right("saliency_map")
def saliency_by_taking_along_an_axis(model, images, labels):
    from keras import ops

    from course_lib.explain.network import logits
    from course_lib.gradients import gradients

    def score(x):
        return ops.take_along_axis(logits(model)(x), ops.convert_to_tensor(labels)[:, None], axis=1)

    slopes = gradients(score, images)[0]
    return np.maximum(slopes.max(axis=-1), -slopes.min(axis=-1))


@right("saliency_map")
def saliency_by_the_layers_one_by_one(model, images, labels):
    from keras import ops

    from course_lib.gradients import gradients

    hidden, last = (layer for layer in model.layers if layer.weights)

    def score(x):  # the kernel of the last layer, without its softmax
        units = hidden(ops.reshape(x, (len(labels), -1)))
        return ops.sum(units * ops.transpose(ops.take(last.kernel, labels, axis=1)))

    return np.linalg.norm(gradients(score, images)[0], ord=np.inf, axis=-1)


# mass_inside


@right("mass_inside")
def mass_in_loops(maps, masks):
    shares = []
    for values, mask in zip(maps, masks, strict=True):
        inside = sum(value for value, is_inside in zip(values.ravel(), mask.ravel(), strict=True) if is_inside)
        shares.append(inside / sum(values.ravel()))
    return shares


@right("mass_inside")
def mass_by_averages(maps, masks):
    return np.where(masks, maps, 0).mean(axis=(-2, -1)) / maps.mean(axis=(-2, -1))


@right("mass_inside")
def mass_by_products_in_float32(maps, masks):
    maps = maps.astype(np.float32)
    return np.einsum("nij,nij->n", maps, masks) / np.einsum("nij->n", maps)


@right("mass_inside")
def mass_in_tensors(maps, masks):
    from keras import ops

    maps, masks = ops.convert_to_tensor(maps, "float32"), ops.cast(masks, "float32")
    return 1 - ops.sum(maps * (1 - masks), axis=(1, 2)) / ops.sum(maps, axis=(1, 2))


# occlusion_map


@right("occlusion_map")
def occlusion_in_one_batch(predict, image, label, size, stride):
    height, width, _ = image.shape
    places = [(i, j) for i in range(0, height - size + 1, stride) for j in range(0, width - size + 1, stride)]
    batch = np.stack([image] * len(places))
    for picture, (i, j) in zip(batch, places, strict=True):
        picture[i : i + size, j : j + size] = 0.5
    return predict(batch)[:, label].reshape(-1, (width - size) // stride + 1)


@right("occlusion_map")
def occlusion_by_masks(predict, image, label, size, stride):
    rows, columns = np.ogrid[: image.shape[0], : image.shape[1]]
    result = np.zeros([(side - size) // stride + 1 for side in image.shape[:2]], np.float32)
    for place in np.ndindex(result.shape):
        top, left = np.multiply(place, stride)
        square = (top <= rows) & (rows < top + size) & (left <= columns) & (columns < left + size)
        result[place] = predict(np.where(square[..., None], 0.5, image)[None])[0, label]
    return result


@right("occlusion_map")
def occlusion_in_lists(predict, image, label, size, stride):
    def hidden(top, left):
        picture = np.array(image, np.float32)
        for row in range(top, top + size):
            for column in range(left, left + size):
                picture[row, column] = 0.5
        return float(predict([picture])[0][label])

    tops, lefts = (range(0, side - size + 1, stride) for side in image.shape[:2])
    return [[hidden(top, left) for left in lefts] for top in tops]


@right("occlusion_map")
def occlusion_in_tensors(predict, image, label, size, stride):
    from keras import ops

    height, width, _ = image.shape
    rows = []
    for top in range(0, height - size + 1, stride):
        row = []
        for left in range(0, width - size + 1, stride):
            around = ((top, height - top - size), (left, width - left - size), (0, 0))
            square = ops.pad(ops.ones((size, size, 1)), around)
            row.append(predict(ops.convert_to_numpy(image * (1 - square) + 0.5 * square)[None])[0, label])
        rows.append(ops.stack(row))
    return ops.stack(rows)
