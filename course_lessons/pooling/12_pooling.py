# ---
# jupyter:
#   course:
#     title: "Pooling: why throw three quarters of a picture away?"
#     summary: "A layer that learns nothing and drops most of what it is given: what that saves, forgives and destroys, and whether one needs it."
#     objectives:
#       - "pool by hand and in Keras: max, average, L2, overlapping, global"
#       - "say what pooling leaves alone: the parameters of convolutions, the depth, and every other map"
#       - "measure how much a shift changes pooled features, and show where subsampling lies"
#       - "send gradients back through pooling, and put maxima back with switches"
#       - "compare pooling with strided convolution fairly, over several starts"
#     needs: [09_convolution, 11_conv_backprop]
#     minutes: 75
#     data: [photos, digits]
# ---

# %% [markdown]
# Convolution layers work hard: millions of multiply-adds for a stack of maps. Then comes a layer that looks at four
# neighbouring numbers, keeps one, and drops the other three. It has no weights and learns nothing. Do it three times,
# and one number in 64 is left.
#
# **Why throw three quarters of a picture away, again and again?** First see how little we miss them. Every picture
# below has a quarter of the numbers of its left neighbour.

# %%
import inspect
import itertools
from functools import partial

import keras
import numpy as np
from sklearn.linear_model import RidgeClassifier

from course_lessons.pooling import figures
from course_lib import data, layers, losses, optim, scale
from course_lib.exercises import check, hint, solution
from course_lib.gradients import gradients
from course_lib.plots import charts, grids, show
from course_lib.plots.controls import explore

# %% tags=["T153", "picture"]
cat = data.photos()["cat"].mean(axis=2)[20:276, 100:356]
cat = cat.reshape(128, 2, 128, 2).mean(axis=(1, 3))
digits = data.digits(size=28)
stripes = np.indices((28, 28)).sum(axis=0) % 2
album = figures.Pictures(
    {"digit": digits.test.images[7, :, :, 0], "cat": cat, "checks": stripes.astype(float)}
)
kinds = ["max", "average", "every k-th pixel"]
show(
    album.sheet("cat", kinds, sizes=[1, 2, 4, 8]),
    alt="A cat, ever smaller from left to right: brighter and blockier with max pooling, softer with "
    "the average, jagged where every k-th pixel is kept. At 32 by 32 it is still a cat.",
)

# %% [markdown]
# ## Four numbers, one answer
#
# A **window** of `pool_size` × `pool_size` moves over the map in steps of `strides`. From each window one number
# remains: the largest (**max pooling**), the mean (**average pooling**), or the root of the summed squares
# (**L2 pooling**). What becomes of this map with windows of 2 × 2 and strides of 2?


# %% tags=["T147", "T148", "T149", "G24", "nbval-check-output"]
def pool(image, pool_size, strides, how):
    """image (height, width); `how` makes one number of a window."""
    rows = (image.shape[0] - pool_size) // strides + 1
    columns = (image.shape[1] - pool_size) // strides + 1
    result = np.zeros((rows, columns))
    for i, j in np.ndindex(rows, columns):
        top, left = i * strides, j * strides
        result[i, j] = how(image[top : top + pool_size, left : left + pool_size])
    return result


ways = {"max": np.max, "average": np.mean, "L2": np.linalg.norm}
small = np.array([[3.0, 4, 1, 0], [0, 0, 2, 1], [6, 2, 5, 5], [0, 0, 5, 5]])
pooled = {name: pool(small, 2, 2, how) for name, how in ways.items()}
for name, result in pooled.items():
    print(f"{name:8}", result.round(2).tolist())
show(
    figures.windows_and_results(small, 2, pooled),
    alt="A grid of 4 by 4 numbers in four framed windows, and the 2 by 2 grids that max, average "
    "and L2 pooling make of it.",
)

# %% [markdown]
# Max asks *was the feature anywhere here?* The average asks *how much of it was here?* L2 lies in between: large values
# count most, but all count. In Keras two of these are layers; the third is quickly made, for the sum of $n$ squares is $n$
# times their average. (`MaxPooling2D()` pools 2 × 2 if you say nothing; `AveragePooling2D` wants to be told.)


# %% tags=["T149"]
class L2Pooling2D(keras.layers.Layer):
    def __init__(self, pool_size):
        super().__init__()
        self.pool_size = pool_size

    def call(self, maps):
        squares = self.pool_size**2 * keras.ops.average_pool(maps**2, self.pool_size)
        return keras.ops.sqrt(
            keras.ops.maximum(squares, 1e-12)
        )  # a root has no slope at 0


# %% tags=["T147", "T148", "T149", "nbval-check-output"]
in_keras = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}
in_keras["L2"] = L2Pooling2D
in_course = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}
in_course["L2"] = layers.L2Pooling2D

maps = np.random.default_rng(0).normal(size=(2, 7, 9, 3)).astype("float32")
for name, how in ways.items():
    by_loops = np.zeros((2, 3, 4, 3))
    for picture, channel in np.ndindex(2, 3):
        by_loops[picture, :, :, channel] = pool(maps[picture, :, :, channel], 2, 2, how)
    theirs = keras.ops.convert_to_numpy(in_keras[name](2)(maps))
    in_numpy = in_course[name](2).forward(maps)
    print(f"{name:8} {maps.shape} -> {theirs.shape}, loops as Keras:", end=" ")
    print(np.allclose(by_loops, theirs, atol=1e-5), end=", course_lib too: ")
    print(np.allclose(in_numpy, theirs, atol=1e-5))

# %% [markdown]
# 7 rows became 3: a window that would stick out is dropped, with what it holds.
#
# **Exercise 1.** Write max pooling for one map. Stuck? Run `hint("max_pool")`.


# %% exercise="max_pool"
def max_pool(image, pool_size, strides):
    """image (height, width). Returns the largest value of every window that fits, (rows, columns)."""
    ### BEGIN SOLUTION
    rows = (image.shape[0] - pool_size) // strides + 1
    columns = (image.shape[1] - pool_size) // strides + 1
    result = np.zeros((rows, columns))
    for i, j in np.ndindex(rows, columns):
        top, left = i * strides, j * strides
        result[i, j] = image[top : top + pool_size, left : left + pool_size].max()
    return result
    ### END SOLUTION


# %% check="max_pool"
check(max_pool)

# %% [markdown]
# Play with it. What do the checks become, and how does that depend on the strides? When do windows overlap?

# %% tags=["T147", "T148", "T149", "widget"]
explore(
    album.pooled,
    alt="A picture with its first windows framed, and beside it what pooling leaves of it.",
    image=list(album.images),
    kind=list(figures.KINDS),
    pool_size=(1, 8, 1),
    strides=(1, 8, 1),
)

# %% [markdown]
# ## What pooling leaves alone
#
# You may have seen that the depth after pooling is $K$, "the number of filters", and that pooling needs "two
# hyperparameters", followed by three. Try a map of depth 7, every extent $F$, stride $S$ and padding $P$; count parameters and
# arguments.

# %% tags=["T150", "F352", "F353", "nbval-check-output"]
layer = keras.layers.MaxPooling2D(2)
outputs = layer(np.zeros((1, 8, 8, 7)))
print(f"depth 7 -> {outputs.shape[-1]}, parameters {layer.count_params()}")

sizes_right = depth_kept = 0
cases = list(itertools.product(range(1, 5), range(1, 5), range(3), (4, 7, 10), (1, 5)))
for F, S, P, W, D in cases:
    image = np.pad(np.zeros((1, W, W, D)), ((0, 0), (P, P), (P, P), (0, 0)))
    shape = layers.MaxPooling2D(F, S).forward(image).shape
    sizes_right += shape[1] == shape[2] == (W - F + 2 * P) // S + 1
    depth_kept += shape[3] == D
print(
    f"{len(cases)} cases: size as by the formula {sizes_right}, depth kept {depth_kept}"
)
known = inspect.signature(keras.layers.MaxPooling2D).parameters
print(
    "arguments:", [name for name in ("pool_size", "strides", "padding") if name in known]
)

# %% [markdown]
# The size of a side becomes $\lfloor (W - F + 2P)/S \rfloor + 1$, rounded down. The depth stays: pooling has no filters. Its
# hyperparameters are three, if you count the padding; its parameters none.
#
# Why does the depth stay? Because each map is pooled by itself. Then it cannot matter whether you shuffle the maps
# before pooling or after:

# %% tags=["T151", "nbval-check-output"]
order = np.random.default_rng(1).permutation(3)
for name, kind in in_course.items():
    before, after = kind(2).forward(maps[..., order]), kind(2).forward(maps)[..., order]
    print(f"{name:8} shuffle first or last, the same: {np.array_equal(before, after)}")

# %% [markdown]
# **Exercise 2.** Write the shape that pooling gives.


# %% exercise="pooled_shape"
def pooled_shape(shape, pool_size, strides, padding):
    """shape (height, width, channels); padding: zeros added on every side. Returns (height, width, channels)."""
    ### BEGIN SOLUTION
    height, width, channels = shape
    rows = (height + 2 * padding - pool_size) // strides + 1
    columns = (width + 2 * padding - pool_size) // strides + 1
    return rows, columns, channels
    ### END SOLUTION


# %% check="pooled_shape"
check(pooled_shape)

# %% [markdown]
# ## What it saves
#
# "Pooling reduces the parameters of the network": you will read this often. Guess for two convolution layers on
# pictures of 32 × 32 × 3, followed by ten classes: which of the rows below change when we pool after each? We try two
# heads, one that **flattens** and one that takes the **global average** of each map.


# %% tags=["T152", "Q11", "nbval-check-output"]
def network(pooled, head):
    net = keras.Sequential([keras.Input((32, 32, 3))])
    for filters in (16, 32):
        net.add(keras.layers.Conv2D(filters, 3, padding="same", activation="relu"))
        if pooled:
            net.add(keras.layers.MaxPooling2D(2))
    net.add(keras.layers.Flatten() if head == "flatten" else head())
    net.add(keras.layers.Dense(10))
    return net


def multiply_adds(layer):
    places = np.prod(layer.output.shape[1:-1], dtype=int)  # one, for a dense layer
    return places * np.prod(layer.kernel.shape) if hasattr(layer, "kernel") else 0


print("head      pooling   convolutions    dense      all   multiply-adds")
for head in ("flatten", keras.layers.GlobalAveragePooling2D):
    for pooled in (False, True):
        net = network(pooled, head)
        *convolutions, dense = [layer for layer in net.layers if layer.weights]
        count = sum(layer.count_params() for layer in convolutions)
        work = sum(map(multiply_adds, net.layers))
        name, yes = (
            "flatten" if head == "flatten" else "average",
            "yes" if pooled else "no",
        )
        print(f"{name:10}{yes:8}{count:14,}{dense.count_params():9,}", end="")
        print(f"{net.count_params():9,}{work:16,}")

# %% [markdown]
# The convolutions keep their 5,088 weights: a kernel does not know how large the map is. Only a dense layer behind a
# *flattened* map shrinks, here from 332,778 to 25,578 in all; behind a global average nothing changes. What pooling
# always saves is **work and memory**, as every later layer has fewer places to visit. And with the same kernel size each later unit sees
# more of the picture.
#
# ## What it forgives
#
# The second reason one hears is *invariance to shifts*. Measure it. Random kernels, ReLU, then a window of growing
# size; move the picture by one pixel and see how much the features change, relative to their size. As a control we keep
# every $k$-th value without looking at the others. What do you expect for each?


# %% tags=["T152", "Q11"]
def pick(maps, size):
    return maps[:, ::size, ::size]


reducers = {
    name: lambda maps, size, kind=kind: kind(size).forward(maps)
    for name, kind in in_course.items()
}
reducers["every k-th value"] = pick
pictures, sizes, seeds = digits.test.images[:100], (1, 2, 4, 7), range(5)
moved = np.roll(pictures, 1, axis=2)  # their margins are black, so nothing falls off
change = {name: np.zeros((len(sizes), len(seeds))) for name in reducers}
for seed in seeds:
    conv = layers.Conv2D(1, 8, 5, np.random.default_rng(seed), padding="same")
    here, there = (np.maximum(conv.forward(images), 0) for images in (pictures, moved))
    for (name, reduce), (row, size) in itertools.product(
        reducers.items(), enumerate(sizes)
    ):
        one, other = reduce(here, size), reduce(there, size)
        change[name][row, seed] = np.linalg.norm(one - other) / np.linalg.norm(one)
for name in ("max", "average", "L2"):
    assert change[name][-1].max() < 0.75 * change[name][0].min()
show(
    charts.lines(
        {"Digits moved by one pixel": change},
        sizes,
        "window size k",
        "relative change of the features",
        log="x",
    ),
    alt="With all three kinds of pooling the change falls by about half as windows grow to 7; where "
    "every k-th value is kept it does not fall at all.",
)

# %% [markdown]
# Pooling makes features *tolerant* of a small shift, not invariant: at size 2 the change is only a little smaller. It is
# summing up the window that helps, not making the map smaller.
#
# ## What it destroys
#
# "Subsampling pixels will not change the object." The cat agrees. But a picture with fine structure? Three textures:
# upright stripes one pixel wide, the same stripes moved by one pixel, and fine slanting stripes. We keep every second pixel
# of every second row, first as they are, then after a **blur** that mixes each pixel with its neighbours. Your guess?

# %% tags=["T153"]
row, column = np.indices((48, 48))
textures = {
    "stripes": column % 2 * 1.0,
    "moved by one": (column + 1) % 2 * 1.0,
    "slanting": 0.5 + 0.5 * np.cos(2 * np.pi * (3 * column + row) / 8),
}


def blur(image):
    """Weights 1/4, 1/2, 1/4 along both directions."""
    for axis in (0, 1):
        around = [np.roll(image, step, axis) for step in (-1, 1)]
        image = image / 2 + sum(around) / 4
    return image


def lean(image):
    """Do bright lines lean to the left or to the right, going up?"""
    down, right = np.gradient(image)
    return "right" if np.sum(down * right) > 0 else "left"


# %% tags=["T153", "nbval-check-output"]
rows = {"full": [], "every second": [], "blurred first": []}
for name, texture in textures.items():
    small, soft = texture[::2, ::2], blur(texture)[::2, ::2]
    for label, image in zip(rows, (texture, small, soft), strict=True):
        rows[label].append(image)
    print(
        f"{name:13} every second pixel: from {small.min():.1f} to {small.max():.1f},",
        end=" ",
    )
    print(f"blurred first: {soft.min():.1f} to {soft.max():.1f}")
slanting, small = textures["slanting"], textures["slanting"][::2, ::2]
print(
    f"slanting lines lean {lean(slanting)}; every second pixel: they lean {lean(small)}"
)
show(
    figures.rows_of_pictures(rows, list(textures)),
    alt="Stripes one pixel wide become all black, or all white if moved by one; slanting stripes come "
    "out leaning the other way. Blurred first, all three become grey or nearly so.",
)

# %% [markdown]
# The stripes vanish, into black or white by the luck of one pixel, and the slant flips. This is **aliasing**: structure
# too fine for the new pixels comes back as something that was never there. A blur before sampling takes out what the
# small picture cannot hold. Grey is honest.
#
# Does it matter to a classifier? Put a digit behind a fence of white lines, one pixel wide, and make the picture half
# as wide and high. (Average pooling is a blur with sampling in one.) Which of the small pictures could you still read?


# %% tags=["T153"]
def behind_fence(images, starts):
    """Every second column white, beginning with column 0 or 1."""
    images = images.copy()
    for image, start in zip(images, starts, strict=True):
        image[:, start::2] = 1
    return images


fence_ways = {"every k-th pixel": pick}
fence_ways |= {name: reducers[name] for name in ("average", "max")}
rows, digit = {}, digits.test.images[7:8]
for start, label in enumerate(("fence", "moved by one")):
    fenced = behind_fence(digit, [start])
    small = [reduce(fenced, 2)[0] for reduce in fence_ways.values()]
    rows[label] = [digit[0], fenced[0], *small]
show(
    figures.rows_of_pictures(rows, ["a digit", "behind a fence", *fence_ways]),
    alt="A digit behind white lines. Every second pixel shows only the fence, or only the digit; the "
    "average shows a pale digit both times, the maximum only white.",
)

# %% [markdown]
# Now a linear classifier, trained on clean digits of reduced size, is tested on new ones, clean and behind the fence.
# (It sees every picture with its mean taken out and its contrast evened, so a pale digit is no obstacle.)


# %% tags=["T153"]
def as_rows(images):
    rows = images.reshape(len(images), -1)
    return (rows - rows.mean(axis=1, keepdims=True)) / (
        rows.std(axis=1, keepdims=True) + 1e-3
    )


old, new = digits.train + digits.validation, digits.test
scores = {
    panel: {name: np.zeros((4, 3)) for name in fence_ways}
    for panel in ("clean", "behind a fence")
}
for name, seed in itertools.product(fence_ways, range(3)):
    rng, reduce = np.random.default_rng(seed), fence_ways[name]
    chosen = rng.permutation(len(old.images))[:700]
    fence = behind_fence(new.images, rng.integers(2, size=len(new.images)))
    tests = {"clean": new.images, "behind a fence": fence}
    for place, size in enumerate(sizes):
        x = as_rows(reduce(old.images[chosen], size))
        model = RidgeClassifier(alpha=30).fit(x, old.labels[chosen])
        for panel, images in tests.items():
            x_new = as_rows(reduce(images, size))
            scores[panel][name][place, seed] = model.score(x_new, new.labels)
at_two = {name: scores["behind a fence"][name][1] for name in fence_ways}
assert at_two["average"].min() > 0.85 > 0.7 > at_two["every k-th pixel"].max()
show(
    charts.lines(
        scores,
        sizes,
        "reduction k",
        "right on new digits",
        guessing=0.1,
        log="x",
        percent=True,
    ),
    alt="Clean digits are read well down to a quarter of the size. Behind the fence only the average "
    "keeps reading them; every k-th pixel loses half, and max pooling all.",
)

# %% [markdown]
# Clean digits survive down to 7 × 7 pixels ($k = 4$) with some loss, but not further. Behind the fence, subsampling
# reads about half of them, by luck; the average reads nearly all; the maximum can only guess. **Which pooling is right depends on
# what carries the meaning: the strongest value, or all of them.**
#
# ## Who gets the gradient?
#
# Pooling has nothing to learn, but what lies below has, so the message must pass. Nudge a number that is not the
# largest of its window: the maximum stays, the slope is 0. Nudge the largest: slope 1. So **max pooling gives the whole
# gradient to the winner**. A mean of $N \times N$ numbers has the slope $1/(N \cdot N)$ at each: **average pooling
# shares it out equally.** In code, with the upstream gradients 1, 2, 3, 4:


# %% tags=["T154", "T155"]
def pool_backward(image, upstream, size, kind):
    gradient = np.zeros_like(image)
    for i, j in np.ndindex(upstream.shape):
        window = (slice(i * size, (i + 1) * size), slice(j * size, (j + 1) * size))
        if kind == "max":
            winner = np.unravel_index(image[window].argmax(), (size, size))
            gradient[window][winner] += upstream[i, j]
        else:
            gradient[window] += upstream[i, j] / size**2
    return gradient


# %% tags=["T154", "T155", "G24", "F351", "nbval-check-output"]
upstream = np.array([[1.0, 2], [3, 4]])
small = np.array([[3.0, 4, 1, 0], [0, 0, 2, 1], [6, 2, 5, 7], [0, 0, 4, 3]])
keras_pools = {"max": keras.ops.max_pool, "average": keras.ops.average_pool}
slopes = {}
for kind, keras_pool in keras_pools.items():
    slopes[kind] = pool_backward(small, upstream, 2, kind)
    (automatic,) = gradients(
        lambda maps, f=keras_pool: keras.ops.sum(f(maps, 2)[0, :, :, 0] * upstream),
        small[None, :, :, None],
    )
    print(f"{kind:8} as in Keras: {np.allclose(slopes[kind], automatic[0, :, :, 0])}")
even = pool_backward(small, np.ones((2, 2)), 2, "average")
print(
    "average, upstream 1: differs from 1 / (2 * 2) by", np.abs(even - 1 / (2 * 2)).max()
)
results = {"upstream": upstream} | {f"gradient, {kind}": slopes[kind] for kind in slopes}
show(
    figures.windows_and_results(small, 2, results),
    alt="Inputs in four windows, the upstream gradients 1 to 4, and what comes back: with max one "
    "number per window at the place of the largest, with average four equal shares.",
)

# %% [markdown]
# **Exercise 3.** Write the way back through max pooling, for any strides. If windows overlap, a number can win twice; if
# two are equally large, the first in reading order wins.


# %% exercise="max_pool_backward"
def max_pool_backward(image, upstream, pool_size, strides):
    """image (height, width), upstream (rows, columns): gradients of the pooled map. Returns gradients, (height, width)."""
    ### BEGIN SOLUTION
    gradient = np.zeros(image.shape)
    for i, j in np.ndindex(upstream.shape):
        top, left = i * strides, j * strides
        window = image[top : top + pool_size, left : left + pool_size]
        row, column = np.unravel_index(window.argmax(), window.shape)
        gradient[top + row, left + column] += upstream[i, j]
    return gradient
    ### END SOLUTION


# %% check="max_pool_backward"
check(max_pool_backward)

# %% [markdown]
# **Exercise 4.** And through average pooling. The numbers of the map do not matter here, only its shape.


# %% exercise="average_pool_backward"
def average_pool_backward(upstream, pool_size, strides, shape):
    """upstream (rows, columns), shape: (height, width) of the map. Returns gradients of that shape."""
    ### BEGIN SOLUTION
    gradient = np.zeros(shape)
    for i, j in np.ndindex(upstream.shape):
        top, left = i * strides, j * strides
        gradient[top : top + pool_size, left : left + pool_size] += (
            upstream[i, j] / pool_size**2
        )
    return gradient
    ### END SOLUTION


# %% check="average_pool_backward"
check(average_pool_backward)

# %% [markdown]
# ## Can it be undone?
#
# Not quite: three numbers of four are gone. But max pooling can note *where* each maximum stood, in so-called
# **switches**. **Unpooling** puts values back to these places and leaves zeros around them. Matthew Zeiler and Rob Fergus used
# it to look into networks. The lazy alternative copies each value into its whole window. Pool either result: do you
# get the same small map again?

# %% tags=["T157", "G25", "nbval-check-output"]
layer = layers.MaxPooling2D(2)
values = layer.forward(small[None, :, :, None])
back = layer.unpool(values)
copied = keras.ops.convert_to_numpy(keras.layers.UpSampling2D(2)(values))
for name, large in (("unpooled", back), ("copied", copied)):
    again = layers.MaxPooling2D(2).forward(large)
    print(f"pool({name}) gives the same maxima: {np.array_equal(again, values)}")
panels = {"map": small, "maxima": values[0, :, :, 0]}
panels |= {"switches": layer.switches[0, :, :, 0]}
panels |= {"unpooled": back[0, :, :, 0], "copied": copied[0, :, :, 0]}
show(
    grids.row_of_grids(panels, framed={"map": back[0, :, :, 0] > 0}),
    alt="A map with its four maxima framed, the maxima, the switches 1, 2, 0 and 1, the unpooled map with "
    "the maxima at their old places, and a map of four even blocks.",
)

# %% [markdown]
# (A switch counts places in reading order, 0 to 3.) Which is nearer to the original? Try it on two kinds of maps, a
# digit after a filter for fine detail, mostly zeros, and the cat.

# %% tags=["T157"]
detail = layers.Conv2D(1, 1, 3, np.random.default_rng(0))
around = np.array(
    [[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]]
)  # each pixel less its neighbours
detail.parameters["kernel"] = around[:, :, None, None]
feature_map = np.maximum(detail.forward(digits.test.images[7:8].astype(float)), 0)
rows, columns = {}, ["map", "unpooled", "copied"]
thumbnail = cat[None, ::2, ::2, None]
for name, large in (("detail", feature_map / feature_map.max()), ("cat", thumbnail)):
    layer = layers.MaxPooling2D(2)
    values = layer.forward(large)
    results = {
        "unpooled": layer.unpool(values),
        "copied": values.repeat(2, 1).repeat(2, 2),
    }
    rows[name] = [array[0, :, :, 0] for array in (large, *results.values())]
    size = np.linalg.norm(large)
    off = {key: np.linalg.norm(result - large) / size for key, result in results.items()}
    print(f"{name:7}", {key: f"off by {value:.0%}" for key, value in off.items()})
    assert (off["unpooled"] < off["copied"]) == (name == "detail")
show(
    figures.rows_of_pictures(rows, columns),
    alt="Fine detail of a digit: unpooled, a dotted outline at the right places; copied, a blocky "
    "one. The cat: unpooled, bright dots on black; copied, a coarse cat.",
)

# %% [markdown]
# Switches keep places, copies keep the average. For sparse maps, as ReLU makes them, places matter more.
#
# ## Which kind reads best?
#
# AlexNet pooled with **overlapping** windows, 3 × 3 with strides of 2. First the sizes of its maps: from
# 55 × 55 after the first convolution, what do three such poolings leave?

# %% tags=["T158", "nbval-check-output"]
side = [55]
for _ in range(3):
    overlapping = keras.layers.MaxPooling2D(pool_size=3, strides=2)
    side.append(overlapping.compute_output_shape((None, side[-1], side[-1], 96))[1])
print(*side, sep=" -> ")

# %% [markdown]
# (In between, AlexNet convolves without changing the size.) Now a race. The data make tolerance count: 8 × 8 digits,
# each put down at a random place on a page of 11 × 11. The networks have two stages; each convolves and brings the map
# down, 11 → 5 → 2. Same recipe and same starts for all; only the way down differs. Write down your order!


# %% tags=["T149", "T156", "T158"]
def stage(channels, filters, way, rng):
    """Convolve, and halve the map in one of seven ways."""

    def conv(channels, strides=1):
        padding = "same" if strides == 1 else "valid"
        options = {"strides": strides, "padding": padding}
        return [layers.Conv2D(channels, filters, 3, rng, **options), layers.ReLU()]

    down = {
        "max": layers.MaxPooling2D(2),
        "average": layers.AveragePooling2D(2),
        "L2": layers.L2Pooling2D(2),
        "overlapping": layers.MaxPooling2D(3, strides=2),
    }
    if way in down:
        return [*conv(channels), down[way]]
    if way == "strided conv":
        return conv(channels, strides=2)
    more = conv(filters, strides=2) if way == "conv, strided conv" else conv(filters)
    last = [down["max"]] if way == "conv, conv, max" else []
    return conv(channels) + more + last


def build(way, shape, filters, rng):
    first = stage(shape[-1], filters, way, rng)
    net = layers.Sequential(
        [*first, *stage(filters, 2 * filters, way, rng), layers.Flatten()]
    )
    units = net.forward(np.zeros((1, *shape))).shape[1]
    net.layers.append(layers.Dense(units, 10, rng))
    return net


# %% [markdown]
# With `COURSE_SCALE=gpu` the same race runs on CIFAR-10 in Keras. The next cell turns one of our networks into a Keras
# model with the same weights, and checks that both say the same.


# %% tags=["T149", "T156", "nbval-check-output"]
def to_keras(net, shape):
    def twin(layer):
        kind = type(layer).__name__
        if kind == "Conv2D":
            *_, filters = layer.parameters["kernel"].shape
            return keras.layers.Conv2D(
                filters, layer.kernel_size, layer.strides, layer.padding
            )
        if kind == "Dense":
            return keras.layers.Dense(layer.parameters["bias"].size)
        if kind == "L2Pooling2D":
            return L2Pooling2D(layer.pool_size)
        options = [layer.pool_size, layer.strides] if "Pooling" in kind else []
        return getattr(keras.layers, kind)(*options)

    model = keras.Sequential([keras.Input(shape), *map(twin, net.layers)])
    model.set_weights([a for layer in net.layers for a in layer.parameters.values()])
    return model


every_way = ["max", "average", "L2", "overlapping"]
every_way += ["strided conv", "conv, strided conv", "conv, conv, max"]
x = np.random.default_rng(3).normal(size=(4, 11, 11, 1)).astype("float32")
for way in every_way:
    net = build(way, (11, 11, 1), 8, np.random.default_rng(0))
    theirs = keras.ops.convert_to_numpy(to_keras(net, (11, 11, 1))(x))
    same = np.allclose(net.forward(x), theirs, atol=1e-4)
    print(f"{way:18} {net.count_parameters():5,} parameters, Keras agrees: {same}")


# %% tags=["T149", "T158"]
def pages(images, seed, side=11):
    rng, result = np.random.default_rng(seed), np.zeros((len(images), side, side, 1))
    places = rng.integers(side - 8 + 1, size=(len(images), 2))
    for page, image, (top, left) in zip(result, images, places, strict=True):
        page[top : top + 8, left : left + 8] = image
    return result


def learn(way, seed):
    """Train one network; the share of new pictures that it judges right."""
    rng = np.random.default_rng(seed)
    net = build(way, x.shape[1:], scale(laptop=8, gpu=32), rng)
    if scale(laptop=True, gpu=False):
        recipe = {"loss": losses.softmax_cross_entropy, "optimizer": optim.Adam(0.007)}
        net.fit(x, labels, epochs=6, batch_size=64, rng=rng, **recipe)
        answers = net.forward(x_new)
    else:
        model = to_keras(net, x.shape[1:])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.001), loss)
        model.fit(x, labels, epochs=15, batch_size=128, verbose=0)
        answers = model.predict(x_new, verbose=0)
    return np.mean(answers.argmax(axis=1) == labels_new)


# %% tags=["T149", "T158"]
if scale(laptop=True, gpu=False):
    source, crop = data.digits(size=8), partial(pages, seed=0)
else:
    source, crop = data.cifar10(), lambda images: images[:, :31, :31]  # odd, as 11 is
learnt = source.train + source.validation
x, x_new = crop(learnt.images), crop(source.test.images)
middle, size = x.mean(), x.std()
x, x_new = (x - middle) / size, (x_new - middle) / size
labels, labels_new = learnt.labels, source.test.labels

accuracy = {way: [learn(way, seed) for seed in range(3)] for way in every_way[:4]}
for way, values in accuracy.items():
    print(f"{way:12} {np.mean(values):.0%}, from {min(values):.0%} to {max(values):.0%}")
    assert min(values) > 0.4, "chance is 10 %"
show(
    charts.dots(accuracy, "right on new pictures", guessing=0.1, percent=True),
    alt="Four rows of three dots. Max, L2 and overlapping max are close, the average behind.",
)

# %% [markdown]
# The average lags. Part of that is size: a mean is smaller than a maximum, so the signals start smaller, and learning
# takes longer (train three times as long, and the gap narrows). L2 keeps up with max. Overlapping windows did no harm
# here, and gave AlexNet a little.
#
# ## Do we need pooling at all?
#
# A convolution with strides of 2 halves the map, too, and its weights can *learn* how to sum up. In 2015 Jost Tobias
# Springenberg and colleagues asked whether it can take the place of pooling, and built the **All-CNN**. There are three ways
# to find out, and they do not ask the same question:
#
# - **strided conv**: drop the pooling, give the convolution before it strides of 2;
# - **conv, strided conv**: put a strided convolution *in the place* of the pooling: one more layer with weights;
# - **conv, conv, max**: the control. It has pooling, but also the extra layer: same depth, same parameters.
#
# Which comparison is fair?

# %% tags=["T156", "Q10", "H10"]
for way in every_way[4:]:
    accuracy[way] = [learn(way, seed) for seed in range(3)]
shown = {way: accuracy[way] for way in ("max", *every_way[4:])}
for way in every_way[4:]:
    values = accuracy[way]
    print(f"{way:19} {np.mean(values):.0%}, from {min(values):.0%} to {max(values):.0%}")
    assert min(values) > 0.3, "chance is 10 %"
show(
    charts.dots(shown, "right on new pictures", guessing=0.1, percent=True),
    alt="Four rows of three dots. A strided convolution alone is behind max pooling, an added "
    "strided convolution level with it, and an added convolution before max pooling ahead.",
)

# %% [markdown]
# Striding alone loses: it asks for its features at one place in four, and never whether the place beside it would have
# answered more strongly. Adding a strided convolution
# makes good for that; this is what the paper reports, *pooling replaced without loss*. But a layer with weights was
# added, too. Against the control of equal depth, pooling is ahead here.
#
# So the answer depends on the comparison, and on the task. Ours has few examples, small networks, and digits at random
# places, where tolerance is half the work. On CIFAR-10, with deeper networks and long training, the paper found strided
# convolutions level with the control or slightly better. A network that can *learn* to sum up needs data to learn from.
#
# | | from each window | gradient | good for | beware of |
# |---|---|---|---|---|
# | max | the largest | to the winner | "is it here?": sparse, strong features | bright noise; aliasing |
# | average | the mean | equal shares | blurring; the last layer (global) | dilutes a single strong value |
# | L2 | root of the squares | in proportion to the value | in between | no slope at zero |
# | overlapping max | the largest; windows share a border | to the winner, perhaps twice | a little more detail | more work |
# | strided convolution | a learned sum | to all, through the weights | large data | its own weights; aliasing |
#
# ## Think about it
#
# **ReLU and then max pooling, or max pooling and then ReLU: does the order matter? And with the average?**
#
# <details><summary>Answer</summary>
#
# For max it does not: ReLU keeps the order of numbers, so the largest stays the largest. Pooling first is cheaper, a
# quarter of the ReLUs. For the average it does: negative numbers count in the mean if ReLU comes later.
# </details>
#
# **A network ends with global average pooling. Does it still know where in the picture the cat was?**
#
# <details><summary>Answer</summary>
#
# Its answer does not: shuffle the places of the last map, and nothing changes. But the last map itself does, and
# weighting its channels as the dense layer does draws a map of the evidence, with no further training.
# </details>
#
# ## Further reading
#
# - K. Fukushima, *Neocognitron*, 1980: cells that sum up their neighbours, to tolerate shifts.
# - D. Scherer, A. Müller and S. Behnke, *Evaluation of pooling operations in convolutional architectures for object
#   recognition*, 2010.
# - M. Lin, Q. Chen and S. Yan, *Network in network*, 2013: global average pooling.
# - M. Zeiler and R. Fergus, *Visualizing and understanding convolutional networks*, 2014: switches and unpooling.
# - J. T. Springenberg and others, *Striving for simplicity: the all convolutional net*, 2015.
# - R. Zhang, *Making convolutional networks shift-invariant again*, 2019: blur before you subsample.
