"""Exercises of lesson 22_beyond_resnet."""

from __future__ import annotations

import numpy as np
from scipy import signal
from scipy.special import expit

from course_lib.exercises.spec import exercise

LESSON = "22_beyond_resnet"


# The way back through a pre-activation block


@exercise(lesson=LESSON, points=3, atol=1e-4, rtol=1e-4)
def preactivation_backward(upstream, x, first, second):
    from keras import ops

    from course_lib.gradients import gradients

    def loss(x, first, second):
        return ops.sum(upstream * (x + ops.relu(ops.relu(x) @ first) @ second))

    return tuple(gradients(loss, x, first, second))


preactivation_backward.results = ("Gradient at x", "Gradient at first", "Gradient at second")
preactivation_backward.hints = (
    "Nothing stands behind the sum, so upstream arrives twice, whole: on the road, and at the end of the branch.",
    "On the branch: hidden.T @ upstream for second; then back through second.T and the inner ReLU; opened.T @ message "
    "for first, where opened = relu(x).",
    "The last step of the branch is the ReLU in front: upstream + (message @ first.T) * (x > 0).",
)


@preactivation_backward.cases
def _(rng):
    # x has a zero: there the ReLU in front is shut
    yield (
        np.array([[1.0, -2.0], [3.0, 0.5]]),
        np.array([[0.0, 2.0], [1.0, -1.0]]),
        np.array([[1.0, -1.0, 2.0], [0.5, 2.0, -3.0]]),
        np.array([[1.0, 2.0], [-1.0, 0.5], [0.5, -1.0]]),
    )
    for examples, width, hidden in ((2, 3, 4), (3, 4, 2), (4, 5, 5)):
        while True:  # each ReLU open and shut, none near its kink
            x, upstream = rng.normal(size=(examples, width)), rng.normal(size=(examples, width))
            first, second = rng.normal(size=(width, hidden)), rng.normal(size=(hidden, width))
            inner = np.maximum(x, 0) @ first
            outer = x + np.maximum(inner, 0) @ second
            live = [each[each != 0] for each in (x, inner, outer)]
            if all(np.abs(each).min() > 1e-2 and (each > 0).any() and (each < 0).any() for each in live):
                break
        yield upstream, x, first, second


@preactivation_backward.known_mistakes
def _(upstream, x, first, second):
    def back(upstream=upstream, road=None, inside=None, outside=None, way=second.T, entry=None):
        opened = np.maximum(x, 0)
        inner = opened @ first
        hidden = np.maximum(inner, 0)
        message = (upstream @ way) * (hidden > 0 if inside is None else inside)
        arrived = (message @ first.T) * (x > 0 if outside is None else outside)
        at_first = (opened if entry is None else entry).T @ message
        return (upstream if road is None else road) + arrived, at_first, hidden.T @ upstream

    outer = x + np.maximum(np.maximum(x, 0) @ first, 0) @ second
    yield "Nothing stands on the road: the upstream arrives as it is.", back(road=upstream * (x > 0))
    yield "There is no ReLU behind this sum.", back(upstream=upstream * (outer > 0))
    yield "The inner ReLU is forgotten: nothing passes back where relu(x) @ first is not above 0.", back(inside=1)
    yield "The ReLU in front of the branch is forgotten: its slope is 0 where x is not above 0.", back(outside=1)
    yield "At x = 0 the ReLU in front counts as shut.", back(outside=x >= 0)
    yield "The road is left out: what was added going forward is added going back.", back(road=0)
    yield "What first was given is relu(x), not x.", back(entry=x)
    yield "The +1 is one times the gradient that arrives, not the number 1.", back(road=1)
    at_x, at_first, at_second = back()
    yield "The gradient of first has the shape of first: turn it over.", (at_x, at_first.T, at_second)
    yield "The gradient of second has the shape of second: turn it over.", (at_x, at_first, at_second.T)
    yield "Add over the examples, do not average.", (at_x, at_first / len(x), at_second / len(x))
    inner = np.maximum(x, 0) @ first
    yield "What second was given is hidden, behind its ReLU.", (at_x, at_first, inner.T @ upstream)


# What a fractal is made of


@exercise(lesson=LESSON, points=2)
def fractal_counts(columns, copies):
    """The graph itself: every way through it is a list of convolutions."""

    def grow(columns, name):
        """All ways through, and the convolutions."""
        if columns == 1:
            return [[name]], {name}
        ways, made = [[]], {name}
        for copy in range(copies):
            inside, more = grow(columns - 1, f"{name}.{copy}")
            ways, made = [[*way, *rest] for way in ways for rest in inside], made | more
        return [*ways, [name]], made

    ways, made = grow(columns, "c")
    return max(map(len, ways)), len(made), len(ways)


fractal_counts.results = ("Depth", "Convolutions", "Paths")
fractal_counts.hints = (
    "Begin with one column: depth 1, one convolution, one path. Then add a column at a time.",
    "Depths of copies in a row add up; beside them stands one convolution, which the longest path avoids.",
    "paths = paths ** copies + 1: any way through the first copy goes with any way through the next.",
)


@fractal_counts.cases
def _(rng):
    yield 1, 2
    yield 2, 3
    yield 3, 2
    yield 4, 2
    yield 3, 3
    yield 3, 1
    yield int(rng.integers(2, 4)), int(rng.integers(2, 4))


@fractal_counts.known_mistakes
def _(columns, copies):
    def count(columns, copies=copies, depth=None, convolutions=None, paths=None, begin=(1, 1, 1)):
        a, b, c = begin
        for _ in range(columns - 1):
            a = copies * a if depth is None else depth(a)
            b = copies * b + 1 if convolutions is None else convolutions(b)
            c = c**copies + 1 if paths is None else paths(c)
        return a, b, c

    yield "The page has two copies in a row; here there are `copies`.", count(columns, copies=2)
    yield "A join adds, a chain multiplies: paths ** copies, plus one.", count(columns, paths=lambda c: copies * c + 1)
    yield "The short way is a path, too.", count(columns, paths=lambda c: c**copies)
    yield "The convolution beside the copies counts, too.", count(columns, convolutions=lambda b: copies * b)
    yield (
        "Depth is that of the longest path; the convolution beside it does not lengthen it.",
        count(columns, depth=lambda a: copies * a + 1),
    )
    yield "Depth is that of the longest path, not of the shortest.", count(columns, depth=lambda a: 1)
    yield "That is one column too many: with one column there is one convolution.", count(columns + 1)
    yield "That is one column too few.", count(max(columns - 1, 1)) if columns > 1 else (0, 0, 0)
    yield "With one column there is one convolution, of depth 1, not none.", count(columns, begin=(0, 0, 0))
    yield "Each copy is a fractal of its own, with its own convolutions.", count(columns, convolutions=lambda b: b + 1)


# How large a dense block is


@exercise(lesson=LESSON, points=2)
def dense_block_size(channels, growth, layers, bottleneck):
    """Over the shapes of all weights, one convolution after the other."""
    shapes, maps = [], [channels + growth * layer for layer in range(layers + 1)]
    for read in maps[:-1]:
        kernels = [(1, 1, read, 4 * growth), (3, 3, 4 * growth, growth)] if bottleneck else [(3, 3, read, growth)]
        shapes += [shape for kernel in kernels for shape in (kernel, (2, kernel[2]))]
    return maps[-1], sum(int(np.prod(shape)) for shape in shapes)


dense_block_size.results = ("Channels out", "Trainable parameters")
dense_block_size.hints = (
    "Layer by layer: layer l reads channels + l * growth maps (l from 0) and writes growth more.",
    "The normalisation in front of a convolution has two numbers for each map that it reads: gamma and beta.",
    "With a bottleneck: c reads, 2 * c and c * 4k for the 1 by 1, then 2 * 4k and 9 * 4k * k for the 3 by 3.",
)


@dense_block_size.cases
def _(rng):
    yield 5, 2, 1, False
    yield 5, 2, 1, True
    yield 4, 3, 3, False
    yield 4, 3, 3, True
    yield 64, 32, 6, True
    yield int(rng.integers(6, 30)), int(rng.integers(2, 6)), int(rng.integers(3, 9)), False
    yield int(rng.integers(6, 30)), int(rng.integers(2, 6)), int(rng.integers(3, 9)), True


@dense_block_size.known_mistakes
def _(channels, growth, layers, bottleneck):
    def size(reads, norms=2, squeezed=4 * growth, small=1, behind=False, out=None):
        count = 0
        for read in reads:
            kernels = [(small, read, squeezed), (9, squeezed, growth)] if bottleneck else [(9, read, growth)]
            count += sum(a * b * c + norms * (c if behind else b) for a, b, c in kernels)
        return channels + growth * layers if out is None else out, count

    reads = [channels + growth * layer for layer in range(layers)]
    yield "Every layer reads all maps before it, so it reads more and more.", size([channels] * layers)
    yield (
        "The first layer reads only what came in: growth counts from the second on.",
        size([read + growth for read in reads]),
    )
    yield "The channels grow with every layer: growth is added `layers` times.", size(reads, out=channels + growth)
    yield "What comes out holds what came in, too.", size(reads, out=growth * layers)
    yield "The bottleneck is 4 * growth wide, whatever comes in.", size(reads, squeezed=4 * channels)
    yield (
        "The normalisation stands before its convolution: it has as many maps as that reads.",
        size(reads, behind=True),
    )
    yield "Moving averages are not trained: gamma and beta only.", size(reads, norms=4)
    yield "Count the normalisations, too: gamma and beta for each map.", size(reads, norms=0)
    yield "Beta is missing: a normalisation trains two numbers for each map.", size(reads, norms=1)
    yield "The bottleneck is a 1 by 1 convolution: one weight for each pair of maps, not nine.", size(reads, small=9)
    yield "That is one layer too few.", size(reads[:-1], out=channels + growth * (layers - 1))
    yield (
        "That is one layer too many.",
        size([*reads, channels + growth * layers], out=channels + growth * (layers + 1)),
    )
    yield "The bottleneck is 4 * growth wide.", size(reads, squeezed=growth)
    plain = sum(9 * read * growth + 2 * read for read in reads)
    yield "With a bottleneck there are two convolutions in a layer.", (channels + growth * layers, plain)


# A dual-path block


@exercise(lesson=LESSON, points=4, atol=1e-3, rtol=1e-3)
def dual_path_block(images, added, growth, width):
    from course_lib.exercises import models

    channels = images.shape[-1]
    kernels = [(1, channels, width), (3, width, width), (1, width, added + growth)]
    layers = [f"convolution {filters} of {size} x {size} without bias" for size, _, filters in kernels]
    trained = sum(size**2 * inputs * filters + 2 * inputs for size, inputs, filters in kernels)
    y = images
    for size, _, filters in kernels:
        y = _correlated(np.maximum(_normalised(y), 0), size, filters)
    outputs = np.concatenate([images[..., :added] + y[..., :added], images[..., added:], y[..., added:]], axis=-1)
    words = models.counted([*layers, *["BatchNormalization"] * 3])
    return words, _shape(outputs), trained, "BatchNormalization", outputs


dual_path_block.results = (
    "Layers with weights", "Shape of the output", "Numbers that are trained",
    "Layers that do something else in training", "The output, with weights drawn at random",
)  # fmt: skip
dual_path_block.hints = (
    "Three times the same: BatchNormalization, ReLU, Conv2D with padding='same' and use_bias=False. Write a function "
    "for it.",
    "The last convolution has added + growth filters. Cut its output: y[..., :added] is added, y[..., added:] joined.",
    "Add()([x[..., :added], y[..., :added]]), and behind it, by one Concatenate, x[..., added:] and y[..., added:].",
)


@dual_path_block.cases
def _(rng):
    for height, width, channels, added, growth, inner in ((3, 4, 5, 3, 2, 4), (4, 3, 7, 2, 3, 5)):
        yield rng.normal(size=(2, height, width, channels)), added, growth, inner


_SIZE = 10  # of sums against inputs: so large that nobody's epsilon shows


def _shape(maps):
    return " x ".join(map(str, maps.shape[1:]))


def _normalised(x):
    """Batch normalisation at test time, with the statistics, gamma and beta that the probe draws."""
    from course_lib.exercises.models import drawn

    names = ("moving_mean", "moving_variance", "gamma", "beta")
    mean, variance, gamma, beta = (drawn(name, x.shape[-1:], _SIZE) for name in names)
    return gamma * (x - mean) / np.sqrt(variance) + beta


def _correlated(images, size, filters):
    """What a convolution layer with padding="same" computes, by SciPy."""
    from course_lib.exercises.models import drawn

    kernel = drawn("kernel", (size, size, images.shape[-1], filters), _SIZE)
    pad = size // 2
    padded = np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    maps = [
        [
            sum(signal.correlate2d(image[..., c], kernel[..., c, f], mode="valid") for c in range(image.shape[-1]))
            for f in range(filters)
        ]
        for image in padded
    ]
    return np.moveaxis(np.array(maps), 1, -1)


@dual_path_block.probe
def _(block, images, added, growth, width):
    """What the block is made of, and what comes out of it with drawn weights."""
    from course_lib.exercises import models

    found = models.read_graph(models.model_around(block, images, added, growth, width), images, _SIZE)
    return found.layers, _shape(found.outputs), found.trained, found.other_in_training, found.outputs


def _block(steps="bn relu conv", sizes=(1, 3, 1), join="sum old new", use_bias=False, behind=False, last=None):
    """What a student would hand in, with one thing changed."""

    def block(x, added, growth, width):
        from keras import layers

        y = x
        for size, filters in zip(sizes, (width, width, last or added + growth), strict=True):
            for step in steps.split():
                if step == "conv":
                    y = layers.Conv2D(filters, size, padding="same", use_bias=use_bias)(y)
                else:
                    y = {"bn": layers.BatchNormalization, "relu": layers.ReLU}[step]()(y)
        ends = y[..., -added:], y[..., :-added]
        parts = {
            "sum": lambda: layers.Add()([x[..., :added], y[..., :added]]),
            "old": lambda: x[..., added:],
            "new": lambda: y[..., added:],
            "x": lambda: x,
            "first": lambda: x[..., :added],
            "y": lambda: y,
            "other sum": lambda: layers.Add()([x[..., :added], ends[0]]),
            "other new": lambda: ends[1],
        }
        joined = layers.Concatenate()([parts[name.replace("_", " ")]() for name in join.split()])
        return layers.ReLU()(joined) if behind else joined

    return block


@dual_path_block.known_mistakes
def _():
    yield "Nothing is added: the first channels must be summed, not all of them joined.", lambda: _block(join="x y")
    yield "The old joined channels are lost: they go on beside the new ones.", lambda: _block(join="sum new")
    yield "The new channels are missing: join them behind the old ones.", lambda: _block(join="sum old")
    yield "The order is: the sum, then the old joined channels, then the new.", lambda: _block(join="sum new old")
    yield "The sum comes first: the next block adds to the first channels.", lambda: _block(join="old new sum")
    yield "Without the sum the first channels never change: add y[..., :added].", lambda: _block(join="first old new")
    yield (
        "The first `added` channels of the branch are added, and the last are joined.",
        lambda: _block(join="other_sum old other_new"),
    )
    yield "Normalisation and ReLU stand before each convolution, not behind it.", lambda: _block(steps="conv bn relu")
    yield "Normalisation comes before the ReLU.", lambda: _block(steps="relu bn conv")
    yield "The ReLUs are missing.", lambda: _block(steps="bn conv")
    yield "The normalisations are missing.", lambda: _block(steps="relu conv")
    yield "No biases: every convolution but the last is followed by a normalisation.", lambda: _block(use_bias=True)
    yield "Nothing stands behind the sum, no ReLU either: the road is free.", lambda: _block(behind=True)
    yield "The convolution in the middle is 3 by 3, the others are 1 by 1.", lambda: _block(sizes=(3, 1, 1))
    yield "All three are 3 by 3 here. The first and the last are 1 by 1.", lambda: _block(sizes=(3, 3, 3))


# Squeeze and excite


@exercise(lesson=LESSON, points=3)
def squeeze_excite(x, first, first_bias, second, second_bias):
    """Channel by channel, in plain numbers."""
    outputs = np.empty(x.shape)
    for place, picture in enumerate(x):
        means = [float(np.mean(picture[..., channel])) for channel in range(x.shape[-1])]
        hidden = [
            max(0.0, sum(mean * weight for mean, weight in zip(means, column, strict=True)) + bias)
            for column, bias in zip(first.T, first_bias, strict=True)
        ]
        for channel, (column, bias) in enumerate(zip(second.T, second_bias, strict=True)):
            outputs[place, ..., channel] = picture[..., channel] * expit(np.dot(hidden, column) + bias)
    return outputs


squeeze_excite.hints = (
    "Squeeze: the mean over height and width, axes 1 and 2. One number is left for each picture and channel.",
    "Excite: relu(means @ first + first_bias), then the sigmoid of that times second plus second_bias.",
    "The gates are (batch, channels); gates[:, None, None] meets x.",
)


@squeeze_excite.cases
def _(rng):
    yield (
        np.array([[[[2.0, -1.0]], [[4.0, 3.0]]]]),
        np.array([[1.0], [-1.0]]),
        np.array([0.5]),
        np.array([[1.0, -1.0]]),
        np.array([0.0, 1.0]),
    )
    for batch, height, width, channels, hidden in ((2, 2, 3, 2, 1), (3, 4, 2, 4, 2), (2, 3, 5, 6, 3)):
        while True:  # the ReLU open and shut, for different pictures
            x = rng.normal(rng.normal(size=(batch, 1, 1, channels)), 1, size=(batch, height, width, channels))
            first, first_bias = rng.normal(size=(channels, hidden)), rng.normal(size=hidden)
            sums = x.mean(axis=(1, 2)) @ first + first_bias
            if (sums > 0.05).any() and (sums < -0.05).any():
                break
        yield x, first, first_bias, rng.normal(size=(hidden, channels)), rng.normal(size=channels)


@squeeze_excite.known_mistakes
def _(x, first, first_bias, second, second_bias):
    def gated(squeezed, bend=lambda a: np.maximum(a, 0), open_=expit, b=first_bias, c=second_bias):
        return open_(bend(squeezed @ first + b) @ second + c)

    def softmax(a):
        powers = np.exp(a - a.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)

    means = x.mean(axis=(1, 2))
    wide = means[:, None, None]
    yield (
        "That is a softmax. Channels are weighed one by one; they do not compete: use the sigmoid.",
        x * gated(wide, open_=softmax),
    )
    yield "Each picture has gates of its own: no mean over the batch.", x * gated(x.mean(axis=(0, 1, 2)))
    yield "Squeezing takes the mean of a map, not its maximum.", x * gated(x.max(axis=(1, 2))[:, None, None])
    yield "Squeezing takes the mean of a map, not its sum.", x * gated(x.sum(axis=(1, 2))[:, None, None])
    yield "Your gates differ from pixel to pixel: squeeze over height and width first.", x * gated(x)
    yield "The ReLU between the two layers is left out.", x * gated(wide, bend=lambda a: a)
    yield "The gates multiply the maps, they are not added.", x + gated(wide)
    yield "That is a residual: x is multiplied by its gates, nothing more.", x + x * gated(wide)
    yield "The sigmoid belongs behind the second layer only.", x * gated(wide, bend=lambda a: expit(np.maximum(a, 0)))
    yield "The sigmoid comes once.", x * expit(gated(wide))
    yield "The sigmoid is missing: a gate lies between 0 and 1.", x * gated(wide, open_=lambda a: a)
    yield "Between the layers stands a ReLU, not a sigmoid.", x * gated(wide, bend=expit)
    yield "The first bias is left out.", x * gated(wide, b=0)
    yield "The second bias is left out.", x * gated(wide, c=0)
    yield "These are the gates. Multiply the maps by them.", gated(means)
    yield "The mean goes over both height and width.", x * gated(x.mean(axis=1))[:, None]
