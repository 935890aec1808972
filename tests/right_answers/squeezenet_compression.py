"""Right answers to the exercises of the lesson on SqueezeNet and compression."""

import heapq

import numpy as np

from right_answers import right


@right("fire_parameters")
def fire_by_layers(channels, squeeze, expand_1x1, expand_3x3):
    layers = [(channels, squeeze, 1), (squeeze, expand_1x1, 1), (squeeze, expand_3x3, 3)]
    return sum(filters * (size * size * maps + 1) for maps, filters, size in layers)


@right("fire_parameters")
def fire_multiplied_out(channels, squeeze, expand_1x1, expand_3x3):
    return float(squeeze * (channels + 1 + expand_1x1 + 9 * expand_3x3) + expand_1x1 + expand_3x3)


@right("fire_parameters")
def fire_in_keras(channels, squeeze, expand_1x1, expand_3x3):
    import keras

    from course_lib.architectures.blueprint import blueprint
    from course_lib.architectures.squeezenet import fire

    def module():
        inputs = keras.Input((4, 4, channels))
        return keras.Model(inputs, fire(inputs, squeeze, expand_1x1, expand_3x3, name="fire"))

    return blueprint(module).count_params()


@right("keep_largest")
def keep_by_partition(kernels, share):
    sizes = np.concatenate([np.abs(kernel).ravel() for kernel in kernels])
    place = len(sizes) - round(share * len(sizes))
    threshold = np.partition(sizes, place)[place]
    return tuple((np.abs(kernel) >= threshold).astype("float32") for kernel in kernels)


@right("keep_largest")
def keep_in_lists(kernels, share):
    sizes = []
    for kernel in kernels:
        sizes += [abs(weight) for weight in kernel.ravel().tolist()]
    threshold = sorted(sizes, reverse=True)[round(share * len(sizes)) - 1]
    return [(1 * ~(np.abs(kernel) < threshold)).tolist() for kernel in kernels]


@right("keep_largest")
def keep_by_keras(kernels, share):
    from keras import ops

    sizes = np.concatenate([kernel.ravel() ** 2 for kernel in kernels])
    best = ops.convert_to_numpy(ops.top_k(sizes, round(share * len(sizes)))[0])
    return [kernel**2 >= best.min() for kernel in kernels]


@right("codebook_gradient")
def slopes_added_at(gradient, codes, entries):
    slopes = np.zeros(entries)
    np.add.at(slopes, codes, gradient)
    return slopes


@right("codebook_gradient")
def slopes_by_one_hot(gradient, codes, entries):
    return np.eye(entries, dtype="float32")[codes.ravel()].T @ gradient.ravel().astype("float32")


@right("codebook_gradient")
def slopes_in_a_loop(gradient, codes, entries):
    slopes = [0.0] * entries
    for place in np.ndindex(codes.shape):
        slopes[codes[place]] += gradient[place]
    return slopes


@right("codebook_gradient")
def slopes_by_keras(gradient, codes, entries):
    from keras import ops

    return ops.segment_sum(gradient.ravel(), codes.ravel(), num_segments=entries)


@right("huffman_bits")
def bits_by_two_queues(counts):
    """Merged counts come in rising order, so a second queue is sorted by itself."""
    single, merged, total = sorted(filter(None, counts)), [], 0
    if len(single) == 1:
        return single[0]
    while len(single) + len(merged) > 1:
        pair = 0
        for _ in range(2):
            queue = single if single and (not merged or single[0] <= merged[0]) else merged
            pair += queue.pop(0)
        merged.append(pair)
        total += pair
    return total


@right("huffman_bits")
def bits_by_lengths_in_a_heap(counts):
    heap = [(count, place, {place: 0}) for place, count in enumerate(counts) if count]
    if len(heap) == 1:
        return heap[0][0]
    heapq.heapify(heap)
    while len(heap) > 1:
        (one, place, left), (other, _, right_side) = heapq.heappop(heap), heapq.heappop(heap)
        lengths = {symbol: length + 1 for symbol, length in {**left, **right_side}.items()}
        heapq.heappush(heap, (one + other, place, lengths))
    return sum(counts[symbol] * length for symbol, length in heap[0][2].items())


@right("huffman_bits")
def bits_by_recursion(counts):
    counts = sorted((count for count in counts if count), reverse=True)
    if len(counts) == 1:
        return float(counts[0])

    def merge(left):
        if len(left) == 1:
            return 0
        *others, one, other = left
        return one + other + merge(sorted([*others, one + other], reverse=True))

    return merge(counts)


def _cut(array, share):
    return array * (np.abs(array) >= np.quantile(np.abs(array), 1 - share))


def _even_steps(array, bits):
    step = np.abs(array).max() / (2 ** (bits - 1) - 1)
    return np.rint(array / step) * step


@right("squeeze")
def squeeze_in_even_steps(weights):
    return [_even_steps(_cut(array, 0.5), 4) if array.ndim > 1 else array for array in weights]


@right("squeeze")
def squeeze_by_one_threshold(weights):
    kernels = [array for array in weights if array.ndim > 1]
    threshold = np.quantile(np.abs(np.concatenate([kernel.ravel() for kernel in kernels])), 0.65)
    return [
        _even_steps(array * (np.abs(array) > threshold), 5) if array.ndim > 1 else array.tolist() for array in weights
    ]


@right("squeeze")
def squeeze_with_scikit_learn(weights):
    from sklearn.cluster import KMeans

    found = []
    for array in weights:
        if array.ndim > 1:
            array = _cut(array, 0.45)
            kept = array[array != 0]
            start = np.linspace(kept.min(), kept.max(), 16)[:, None]
            model = KMeans(16, init=start, n_init=1, max_iter=10).fit(kept[:, None])
            array[array != 0] = model.cluster_centers_[model.labels_, 0]
        found.append(array)
    return tuple(found)
