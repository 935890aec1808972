"""Right answers to the exercises of the lesson on what came after ResNet."""

import numpy as np

from right_answers import right

# preactivation_backward


@right("preactivation_backward")
def backward_example_by_example(upstream, x, first, second):
    at_x, at_first, at_second = [], np.zeros(first.shape), np.zeros(second.shape)
    for row, arriving in zip(x, upstream, strict=True):
        opened = np.clip(row, 0, None)
        inner = opened @ first
        hidden = np.clip(inner, 0, None)
        message = np.diag(inner > 0) @ (second @ arriving)
        at_second += np.outer(hidden, arriving)
        at_first += np.outer(opened, message)
        at_x.append(arriving + np.diag(row > 0) @ (first @ message))
    return at_x, at_first, at_second


@right("preactivation_backward")
def backward_in_float32_with_einsum(upstream, x, first, second):
    upstream, x, first, second = (array.astype(np.float32) for array in (upstream, x, first, second))
    opened = np.where(x > 0, x, 0)
    hidden = np.maximum(opened @ first, 0)
    message = np.einsum("ew,hw->eh", upstream, second) * np.sign(hidden)
    road = upstream.copy()
    road[x > 0] += (message @ first.T)[x > 0]
    return [road, np.einsum("ew,eh->wh", opened, message), np.einsum("eh,ew->hw", hidden, upstream)]


@right("preactivation_backward")
def backward_in_tensors(upstream, x, first, second):
    from keras import ops

    upstream, x, first, second = (ops.convert_to_tensor(array, "float64") for array in (upstream, x, first, second))
    opened = ops.relu(x)
    hidden = ops.relu(opened @ first)
    message = ops.where(hidden > 0, upstream @ ops.transpose(second), 0.0)
    at_x = ops.where(x > 0, upstream + message @ ops.transpose(first), upstream)
    return at_x, ops.transpose(opened) @ message, ops.transpose(hidden) @ upstream


# squeeze_excite


@right("squeeze_excite")
def excite_picture_by_picture(x, first, first_bias, second, second_bias):
    outputs = []
    for picture in x.tolist():
        places = [pixel for row in picture for pixel in row]
        means = [sum(column) / len(places) for column in zip(*places, strict=True)]
        hidden = np.clip(np.array(means) @ first + first_bias, 0, None)
        gates = np.exp(-np.logaddexp(0, -(hidden @ second + second_bias)))
        outputs.append((np.array(picture) * gates).tolist())
    return outputs


@right("squeeze_excite")
def excite_in_tensors(x, first, first_bias, second, second_bias):
    from keras import ops

    means = ops.mean(ops.convert_to_tensor(x), axis=(1, 2), keepdims=True)
    hidden = ops.relu(means @ ops.convert_to_tensor(first) + first_bias)
    return x * ops.sigmoid(hidden @ ops.convert_to_tensor(second) + second_bias)


@right("squeeze_excite")
def excite_in_float64_by_einsum(x, first, first_bias, second, second_bias):
    means = np.einsum("bhwc->bc", x) / (x.shape[1] * x.shape[2])
    hidden = np.einsum("bc,ch->bh", means, first) + first_bias
    hidden[hidden < 0] = 0
    gates = 0.5 * (1 + np.tanh((hidden @ second + second_bias) / 2))
    return np.einsum("bhwc,bc->bhwc", x, gates)


# dense_block_size


@right("dense_block_size")
def size_in_one_sum(channels, growth, layers, bottleneck):
    reads = channels + growth * np.arange(layers)
    if bottleneck:
        count = np.sum(2 * reads + 4 * growth * reads) + layers * (8 * growth + 36 * growth**2)
    else:
        count = np.sum((2 + 9 * growth) * reads)
    return channels + growth * layers, count


@right("dense_block_size")
def size_by_formula_as_floats(channels, growth, layers, bottleneck):
    total = layers * channels + growth * layers * (layers - 1) / 2
    each = 2 + (4 if bottleneck else 9) * growth
    return [float(channels + growth * layers), each * total + bottleneck * layers * (8.0 * growth + 36.0 * growth**2)]


@right("dense_block_size")
def size_by_recursion(channels, growth, layers, bottleneck):
    if not layers:
        return channels, 0
    out, rest = size_by_recursion(channels + growth, growth, layers - 1, bottleneck)
    squeezed = 4 * growth if bottleneck else channels
    first = channels * (2 + squeezed) if bottleneck else 0
    return np.array([out, rest + first + squeezed * (2 + 9 * growth)])


# fractal_counts


@right("fractal_counts")
def counts_by_recursion(columns, copies):
    if columns == 1:
        return 1, 1, 1
    depth, convolutions, paths = counts_by_recursion(columns - 1, copies)
    return depth * copies, convolutions * copies + 1, 1 + paths**copies


@right("fractal_counts")
def counts_by_closed_forms(columns, copies):
    paths = 1
    for _ in range(1, columns):
        paths = 1 + paths**copies
    return np.array([copies ** (columns - 1), sum(copies**c for c in range(columns)), paths])


@right("fractal_counts")
def counts_as_floats_in_a_list(columns, copies):
    found, column = [1.0, 1.0, 1.0], 1
    while column < columns:
        found = [found[0] * copies, found[1] * copies + 1, found[2] ** copies + 1]
        column += 1
    return found


# dual_path_block


@right("dual_path_block")
def block_line_by_line(x, added, growth, width):
    from keras import layers

    y = layers.BatchNormalization()(x)
    y = layers.Activation("relu")(y)
    y = layers.Conv2D(width, 1, use_bias=False)(y)
    y = layers.BatchNormalization()(y)
    y = layers.Activation("relu")(y)
    y = layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(y)
    y = layers.BatchNormalization()(y)
    y = layers.Activation("relu")(y)
    y = layers.Conv2D(added + growth, 1, use_bias=False)(y)
    return layers.concatenate([x[..., :added] + y[..., :added], x[..., added:], y[..., added:]])


@right("dual_path_block")
def block_by_padding(x, added, growth, width):
    """Both with zeros where the other has channels that are joined, then one sum."""
    from keras import layers, ops

    def step(y, filters, size):
        y = ops.relu(layers.BatchNormalization(epsilon=1e-5)(y))
        return layers.Conv2D(filters, size, padding="same", use_bias=False)(y)

    y = step(step(step(x, width, 1), width, 3), added + growth, 1)
    old = x.shape[-1] - added
    x = ops.pad(x, [(0, 0), (0, 0), (0, 0), (0, growth)])
    places = ops.pad(y[..., :added], [(0, 0), (0, 0), (0, 0), (0, old + growth)])
    return x + places + ops.pad(y[..., added:], [(0, 0), (0, 0), (0, 0), (added + old, 0)])


@right("dual_path_block")
def block_of_nested_parts(x, added, growth, width):
    import keras
    from keras import layers

    def part(filters, size):
        convolution = layers.Conv2D(filters, size, padding="same", use_bias=False)
        return keras.Sequential([layers.BatchNormalization(momentum=0.9), layers.ReLU(), convolution])

    y = keras.Sequential([part(width, 1), part(width, 3), part(added + growth, 1)])(x)
    total = layers.add([y[..., :added], x[..., :added]])
    return layers.Concatenate(axis=-1)([total, x[..., added:], y[..., added:]])
