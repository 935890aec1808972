"""Exercises of lesson 20_googlenet."""

from __future__ import annotations

import itertools

import numpy as np
from scipy import ndimage

from course_lib.exercises.spec import exercise

LESSON = "20_googlenet"


# Multiply-adds


@exercise(lesson=LESSON, points=1, atol=0, rtol=0)
def multiply_adds(height, width, channels, filters, kernel_size, strides):
    import keras

    layer = keras.layers.Conv2D(filters, kernel_size, strides, padding="same", use_bias=False)
    output = layer.compute_output_shape((1, height, width, channels))
    places = output[1] * output[2]
    return places * sum(1 for _ in range(kernel_size**2)) * channels * output[3]


multiply_adds.hints = (
    "One value of the output: how many products? One for each weight of the filter that made it.",
    "How many values has the output? With padding='same', a side of n becomes n / strides, rounded up.",
    "places * filters * kernel_size * kernel_size * channels, where places counts the output's rows times columns.",
)


@multiply_adds.cases
def _(rng):
    yield 4, 5, 2, 3, 3, 1
    yield 7, 5, 3, 4, 3, 2
    yield 28, 28, 192, 32, 5, 1
    yield 15, 11, 3, 8, 7, 3
    yield int(rng.integers(9, 40)), int(rng.integers(41, 80)), 6, int(rng.integers(7, 30)), 5, 2
    yield 14, 14, int(rng.integers(20, 500)), 16, 1, 1


@multiply_adds.known_mistakes
def _(height, width, channels, filters, kernel_size, strides):
    window, places = kernel_size**2, -(-height // strides) * -(-width // strides)
    yield "These are the weights. Each of them is used once at every place of the output.", channels * filters * window
    yield (
        "You counted the places of the input. With strides, the filter stops at fewer places.",
        height * width * channels * filters * window,
    )
    yield (
        "A filter reads all channels of its window, not one: the factor `channels` is missing.",
        places * filters * window,
    )
    yield (
        "The window has kernel_size rows and kernel_size columns: square it.",
        places * channels * filters * kernel_size,
    )
    yield "That is one filter. There are `filters` of them.", places * channels * window
    yield "A bias is added, not multiplied: leave it out.", places * (channels * window + 1) * filters
    yield (
        "A multiply-add is one step: do not count its product and its sum apart.",
        2 * places * channels * filters * window,
    )
    inside = [max((side - kernel_size) // strides + 1, 0) for side in (height, width)]
    yield (
        "That is padding='valid', which stops at the edges. With 'same' a side becomes side / strides, rounded up.",
        inside[0] * inside[1] * channels * filters * window,
    )
    yield (
        "With padding='same' the sides are rounded up: 7 with strides=2 gives 4 places, not 3.",
        (height // strides) * (width // strides) * channels * filters * window,
    )


# The bottleneck


@exercise(lesson=LESSON, points=2, atol=0, rtol=0)
def widest_bottleneck(channels, filters, kernel_size):
    # Try every width, and count the weights of the layers: at each place every weight is used once.
    def weights(*layers):
        return sum(size * size * before * after for before, after, size in layers)

    direct = weights((channels, filters, kernel_size))
    width = 0
    while weights((channels, width + 1, 1), (width + 1, filters, kernel_size)) < direct:
        width += 1
    return width


widest_bottleneck.hints = (
    "All layers here write at the same places, so compare what happens at one place. What do both layers take there, "
    "with r maps between them?",
    "r * channels + r * kernel_size**2 * filters must be less than kernel_size**2 * channels * filters. Solve for r.",
    "r is less than kernel_size**2 * channels * filters / (channels + kernel_size**2 * filters); if that is a whole "
    "number itself, r is one less.",
)


@widest_bottleneck.cases
def _(rng):
    yield 192, 32, 5  # the layer of the lesson
    yield 6, 3, 1  # 2 would take exactly as many
    yield 36, 12, 3  # 27 would take exactly as many
    yield 19, 18, 3  # 17 leave one multiply-add
    yield 5, 40, 3
    yield int(rng.integers(20, 60)), int(rng.integers(61, 300)), 3
    yield int(rng.integers(100, 300)), int(rng.integers(10, 40)), 7


@widest_bottleneck.known_mistakes
def _(channels, filters, kernel_size):
    window = kernel_size**2
    large, each = window * channels * filters, channels + window * filters
    yield "With that many maps both layers take as many as the one. Fewer are asked for.", large // each
    yield (
        "The 1×1 layer takes multiply-adds itself: `channels` for each of its maps.",
        (large - 1) // (window * filters),
    )
    yield (
        "That is what the 1×1 layer alone may take. The large layer behind it still has to be paid.",
        (large - 1) // channels,
    )
    yield (
        "The window has kernel_size rows and kernel_size columns: square it.",
        (kernel_size * channels * filters - 1) // (channels + kernel_size * filters),
    )
    yield (
        "The bottleneck sees one pixel only: its window is 1×1.",
        (large - 1) // (window * (channels + filters)),
    )
    yield "That is the first width that does not pay. The widest that does is one less.", (large - 1) // each + 1
    yield "A layer has a whole number of filters.", large / each


# The module with bottlenecks


@exercise(lesson=LESSON, points=4, atol=1e-4, rtol=1e-3)
def inception_module(images, filters):
    from course_lib.exercises import models

    one, reduce_three, three, reduce_five, five, pool = filters
    sizes = [(one, 1), (reduce_three, 1), (three, 3), (reduce_five, 1), (five, 5), (pool, 1)]
    layers = models.counted(f"convolution {number} of {size} x {size}" for number, size in sizes)
    shape = " x ".join(map(str, (*images.shape[1:3], one + three + five + pool)))
    pooled = ndimage.maximum_filter(images, (1, 3, 3, 1), mode="constant", cval=-np.inf)
    return (
        layers, "none", shape,
        _convolve(images, 1, one),
        _convolve(_convolve(images, 1, reduce_three), 3, three),
        _convolve(_convolve(images, 1, reduce_five), 5, five),
        _convolve(pooled, 1, pool),
    )  # fmt: skip


inception_module.results = (
    "Layers", "Layers that do something else in training", "Shape of the output", "The 1×1 branch", "The 3×3 branch",
    "The 5×5 branch", "The pooling branch",
)  # fmt: skip
inception_module.hints = (
    "Four branches, and each begins with x. Only the last line brings them together.",
    "A helper saves typing: conv(x, filters, size) with padding='same' and activation='relu'. The 3×3 branch is then "
    "conv(conv(x, reduce_3x3, 1), n_3x3, 3).",
    "The last branch: keras.layers.MaxPooling2D(3, strides=1, padding='same')(x), and then a 1×1 convolution.",
    "Join them in this order with keras.layers.Concatenate()([...]): 1×1, 3×3, 5×5, pooling.",
)


@inception_module.cases
def _(rng):
    """Numbers of filters that differ, so that a kernel's shape tells which one it is."""
    filters = rng.choice(np.arange(2, 9), 6, replace=False)
    yield rng.normal(0, 2, (2, 8, 6, 9)), tuple(int(number) for number in filters)


def _convolve(images, size, filters):
    """A convolution with ReLU by SciPy, with the weights that the probe draws."""
    from course_lib.exercises import models

    kernel = models.drawn("kernel", (size, size, images.shape[-1], filters))
    maps = [
        sum(
            ndimage.correlate(images[..., channel], kernel[None, :, :, channel, number], mode="constant")
            for channel in range(images.shape[-1])
        )
        for number in range(filters)
    ]
    return np.maximum(np.stack(maps, axis=-1) + models.drawn("bias", (filters,)), 0)


@inception_module.probe
def _(build, images, filters):
    """What the module is made of, and the maps of each branch with drawn weights."""
    from course_lib.exercises import models

    found = models.read_graph(models.model_around(build, images, *filters), images)
    one, _, three, _, five, _ = filters
    shape = " x ".join(map(str, found.outputs.shape[1:]))
    branches = np.split(found.outputs, np.cumsum([one, three, five]), axis=-1)
    return found.layers, found.other_in_training, shape, *branches


def _module(branches):
    """An answer from a function that gives the four branches, in the order of their joining."""

    def build(x, *filters):
        from keras import layers

        def conv(x, filters, size, activation="relu"):
            return layers.Conv2D(filters, size, padding="same", activation=activation)(x)

        def pool(x, kind=layers.MaxPooling2D):
            return kind(3, strides=1, padding="same")(x)

        return layers.Concatenate()(branches(x, conv, pool, *filters))

    return lambda: build


@inception_module.mistake(
    "Your branches hang one behind the other: each must begin with x itself. The layers that nobody reads are lost."
)
@_module
def _(x, conv, pool, one, r3, three, r5, five, last):
    first = conv(x, one, 1)
    second = conv(first, three, 3)
    third = conv(second, five, 5)
    return [first, second, third, conv(third, last, 1)]


@inception_module.mistake("The bottlenecks are missing: a 1×1 convolution goes before the 3×3 and one before the 5×5.")
@_module
def _(x, conv, pool, one, r3, three, r5, five, last):
    return [conv(x, one, 1), conv(x, three, 3), conv(x, five, 5), conv(pool(x), last, 1)]


@inception_module.mistake(
    "The pooling branch hands on its whole input, so the maps get more and more. A 1×1 convolution goes behind it."
)
@_module
def _(x, conv, pool, one, r3, three, r5, five, last):
    return [conv(x, one, 1), conv(conv(x, r3, 1), three, 3), conv(conv(x, r5, 1), five, 5), pool(x)]


@inception_module.mistake("In the pooling branch the order is turned round: first pool, then the 1×1 convolution.")
@_module
def _(x, conv, pool, one, r3, three, r5, five, last):
    return [conv(x, one, 1), conv(conv(x, r3, 1), three, 3), conv(conv(x, r5, 1), five, 5), pool(conv(x, last, 1))]


@inception_module.mistake("The last branch takes the mean of each window. The maximum is asked for.")
@_module
def _(x, conv, pool, one, r3, three, r5, five, last):
    from keras.layers import AveragePooling2D as Mean

    pooled = conv(pool(x, Mean), last, 1)
    return [conv(x, one, 1), conv(conv(x, r3, 1), three, 3), conv(conv(x, r5, 1), five, 5), pooled]


@inception_module.mistake("There is no ReLU. Every convolution has one: activation='relu'.")
@_module
def _(x, conv, pool, one, r3, three, r5, five, last):
    def conv_(x, filters, size):
        return conv(x, filters, size, None)

    return [conv_(x, one, 1), conv_(conv_(x, r3, 1), three, 3), conv_(conv_(x, r5, 1), five, 5),
            conv_(pool(x), last, 1)]  # fmt: skip


@inception_module.mistake("The 1×1 convolutions stand behind the large ones. To save, they must come before.")
@_module
def _(x, conv, pool, one, r3, three, r5, five, last):
    return [conv(x, one, 1), conv(conv(x, r3, 3), three, 1), conv(conv(x, r5, 5), five, 1), conv(pool(x), last, 1)]


@inception_module.mistake("The branches are joined in another order. Take 1×1, 3×3, 5×5, pooling.")
@_module
def _(x, conv, pool, one, r3, three, r5, five, last):
    return [conv(pool(x), last, 1), conv(x, one, 1), conv(conv(x, r3, 1), three, 3), conv(conv(x, r5, 1), five, 5)]


# How deep a graph is


@exercise(lesson=LESSON, points=3, atol=0, rtol=0)
def network_depth(reads, weighted):
    # Every path that there is, one after the other.
    readers = {name: [each for each in reads if name in reads[each]] for name in reads}

    def paths(name):
        if not readers[name]:
            yield [name]
        for reader in readers[name]:
            for rest in paths(reader):
                yield [name, *rest]

    every = itertools.chain.from_iterable(paths(name) for name in reads if not reads[name])
    return max(len(weighted.intersection(path)) for path in every)


network_depth.hints = (
    "Give each layer a number: the most layers with weights on a way from the input up to and including itself.",
    "That number is the largest one among the layers that it reads, plus 1 if it has weights itself.",
    "The layers come in the order of their computation, so one loop is enough: depth[name] = max((depth[source] for "
    "source in sources), default=0) + (name in weighted).",
)


def _chain_and_branches(rng, modules):
    """A graph with one input: between its joins, branches of one to four layers; about half of them have weights."""
    reads, weighted, last = {"input": []}, set(), "input"
    for module in range(modules):
        ends = []
        for branch in range(int(rng.integers(2, 4))):
            before = last
            for layer in range(int(rng.integers(1, 5))):
                name = f"m{module}_{branch}_{layer}"
                reads[name] = [before]
                before = name
                if rng.random() < 0.6:
                    weighted.add(name)
            ends.append(before)
        last = f"m{module}"
        reads[last] = ends
    reads["dense"] = [last]
    return reads, weighted | {"dense"}


@network_depth.cases
def _(rng):
    yield {"input": [], "conv": ["input"], "pool": ["conv"], "dense": ["pool"]}, {"conv", "dense"}
    inception = {
        "input": [], "conv": ["input"], "a": ["conv"], "pool": ["conv"], "b": ["pool"], "c_reduce": ["conv"],
        "c": ["c_reduce"], "c_pool": ["c"], "joined": ["a", "b", "c_pool"], "dense": ["joined"],
    }  # fmt: skip
    yield inception, {"conv", "a", "b", "c_reduce", "c", "dense"}
    # The longest way has few weights, the one with most weights is short; and the last branch is no guide.
    detour = {
        "input": [], "p1": ["input"], "p2": ["p1"], "p3": ["p2"], "p4": ["p3"], "p5": ["p4"], "w1": ["input"],
        "w2": ["w1"], "w3": ["w2"], "w4": ["w3"], "v": ["input"], "joined": ["v", "w4", "p5"], "dense": ["joined"],
    }  # fmt: skip
    yield detour, {"w1", "w2", "w3", "w4", "v", "dense"}
    for modules in (1, 3):
        yield _chain_and_branches(rng, modules)


@network_depth.known_mistakes
def _(reads, weighted):
    def at_the_end(choose, counted=weighted):
        depths = {}
        for name, sources in reads.items():
            depths[name] = choose([depths[source] for source in sources] or [0]) + (name in counted)
        return depths[name]

    yield "You counted all layers with weights. Those side by side count once: the longest path decides.", len(weighted)
    yield (
        "You counted every layer on the path. Pooling and joining have no weights; they count nothing.",
        at_the_end(max, counted=reads),
    )
    yield "Where branches meet, the deepest one counts: max, not min.", at_the_end(min)
    yield (
        "Where branches meet, only one of them is on the path: take the largest number, not their sum.",
        at_the_end(sum),
    )
    yield "You follow the first branch only. Look at all layers that are read.", at_the_end(lambda depths: depths[0])
    yield "The layer itself is missing: add 1 if it has weights.", at_the_end(max) - (list(reads)[-1] in weighted)
