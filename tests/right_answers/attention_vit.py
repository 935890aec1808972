"""Right answers to the exercises of the lesson on attention."""

import math

import numpy as np

from right_answers import right

# multi_head


@right("multi_head")
def heads_in_loops(x, w_q, w_k, w_v, w_o, heads):
    size, joined = x.shape[1] // heads, []
    for row in x:
        answers = []
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            scores = [math.exp((row @ w_q[:, own]) @ (other @ w_k[:, own]) / math.sqrt(size)) for other in x]
            values = [other @ w_v[:, own] for other in x]
            answers += list(sum(s * v for s, v in zip(scores, values, strict=True)) / sum(scores))
        joined.append(answers)
    return (np.array(joined) @ w_o).tolist()


@right("multi_head")
def heads_by_reshape(x, w_q, w_k, w_v, w_o, heads):
    def split(y):
        return y.reshape(len(x), heads, -1).swapaxes(0, 1)

    q, k, v = split(x @ w_q), split(x @ w_k), split(x @ w_v)
    scores = q @ k.swapaxes(1, 2) * (x.shape[1] // heads) ** -0.5
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return (weights @ v).swapaxes(0, 1).reshape(x.shape) @ w_o


@right("multi_head")
def heads_of_keras(x, w_q, w_k, w_v, w_o, heads):
    import keras

    width = x.shape[1]
    layer = keras.layers.MultiHeadAttention(heads, width // heads, use_bias=False, dtype="float64")
    layer.build((1, *x.shape), (1, *x.shape))
    layer.set_weights([*(w.reshape(width, heads, -1) for w in (w_q, w_k, w_v)), w_o.reshape(heads, -1, width)])
    return layer(x[None], x[None])[0]


@right("multi_head")
def heads_in_keras_operations(x, w_q, w_k, w_v, w_o, heads):
    from keras import ops

    answers = []
    for q, k, v in zip(*(np.split(x @ w, heads, axis=1) for w in (w_q, w_k, w_v)), strict=True):
        answers.append(ops.matmul(ops.softmax(ops.matmul(q, k.T) / math.sqrt(q.shape[1])), v))
    return ops.matmul(ops.concatenate(answers, axis=1), w_o)


# from_patches


@right("from_patches")
def pictures_in_loops(patches, height, width, size):
    batch, channels = len(patches), patches.shape[2] // size**2
    pictures = np.empty((batch, height, width, channels))
    for b in range(batch):
        for y in range(height):
            for x in range(width):
                patch = patches[b, (y // size) * (width // size) + x // size]
                start = ((y % size) * size + x % size) * channels
                pictures[b, y, x] = patch[start : start + channels]
    return pictures


@right("from_patches")
def pictures_from_rows(patches, height, width, size):
    per_row = width // size
    pieces = [[patch.reshape(size, size, -1) for patch in picture] for picture in patches]
    return np.array(
        [
            np.concatenate([np.concatenate(row[i : i + per_row], axis=1) for i in range(0, len(row), per_row)], axis=0)
            for row in pieces
        ]
    ).tolist()


@right("from_patches")
def pictures_in_keras_operations(patches, height, width, size):
    from keras import ops

    x = ops.reshape(patches.astype("float32"), (len(patches), height // size, width // size, size, size, -1))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (len(patches), height, width, -1))


# vit_multiply_adds


@right("vit_multiply_adds")
def products_in_one_formula(side, patch, width, depth, classes):
    n = (side // patch) ** 2 + 1
    return (n - 1) * 3 * patch**2 * width + depth * (12 * n * width**2 + 2 * n**2 * width) + width * classes


@right("vit_multiply_adds")
def products_as_a_float(side, patch, width, depth, classes):
    grid = side / patch
    n = grid * grid + 1
    block = n * width * (4 * width + 2 * n + 8 * width)
    return grid**2 * patch**2 * 3 * width + depth * block + classes * width


@right("vit_multiply_adds")
def products_layer_by_layer(side, patch, width, depth, classes):
    total = (side // patch) ** 2 * (patch * patch * 3) * width
    tokens = (side // patch) ** 2 + 1
    for _ in range(depth):
        for weights in (width * width,) * 4 + (width * 4 * width,) * 2:
            total += tokens * weights
        total += tokens * tokens * width + tokens * tokens * width
    return np.int64(total + width * classes)


# attention_distance


@right("attention_distance")
def distance_in_loops(weights, columns, patch):
    pictures, heads, patches, _ = weights.shape
    found = []
    for head in range(heads):
        total = 0.0
        for picture in range(pictures):
            for i in range(patches):
                for j in range(patches):
                    apart = math.dist(divmod(i, columns), divmod(j, columns))
                    total += weights[picture, head, i, j] * apart * patch
        found.append(total / pictures / patches)
    return found


@right("attention_distance")
def distance_by_the_mean_first(weights, columns, patch):
    y, x = np.unravel_index(np.arange(weights.shape[-1]), (weights.shape[-1] // columns, columns))
    apart = np.sqrt((y[:, None] - y) ** 2 + (x[:, None] - x) ** 2)
    return patch * (weights.mean(axis=0) * apart).sum(axis=(1, 2)) / weights.shape[-1]


@right("attention_distance")
def distance_of_complex_numbers(weights, columns, patch):
    places = np.arange(weights.shape[-1])
    middles = patch * (places // columns + 1j * (places % columns)) + patch / 2
    apart = abs(middles[:, None] - middles).astype("float32")
    return np.einsum("phij,ij->h", weights.astype("float32"), apart) / weights.shape[0] / len(places)


# shifted_mask


@right("shifted_mask")
def mask_by_slices(side, window, shift):
    zones = np.zeros((side, side))
    cuts = (slice(0, side - shift), slice(side - shift, side))
    for number, (rows, columns) in enumerate((rows, columns) for rows in cuts for columns in cuts):
        zones[rows, columns] = number
    pieces = zones.reshape(side // window, window, side // window, window).transpose(0, 2, 1, 3).reshape(-1, window**2)
    return np.abs(pieces[:, None, :] - pieces[:, :, None]) < 0.5


@right("shifted_mask")
def mask_in_loops(side, window, shift):
    masks = []
    for top in range(0, side, window):
        for left in range(0, side, window):
            inside = [(y, x) for y in range(top, top + window) for x in range(left, left + window)]
            zone = [(y >= side - shift, x >= side - shift) for y, x in inside]
            masks.append([[one == other for other in zone] for one in zone])
    return masks


@right("shifted_mask")
def mask_from_the_shifted_grid(side, window, shift):
    """The number of each token's window in the shifted grid, which ends at the border; then rolled."""
    number = np.roll((np.arange(side) + window - shift) // window, -shift)
    grid = 100 * number[:, None] + number
    pieces = [
        grid[y : y + window, x : x + window].ravel() for y in range(0, side, window) for x in range(0, side, window)
    ]
    return np.array([piece[:, None] == piece for piece in pieces]).astype(int)
