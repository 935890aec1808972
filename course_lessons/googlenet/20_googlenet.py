# ---
# jupyter:
#   course:
#     title: "GoogLeNet: all filter sizes at once"
#     summary: "Give a layer every filter size and let it choose; then find out what that costs, and who pays."
#     objectives:
#       - "build an inception module, and give shape, parameters and multiply-adds of every branch"
#       - "cut the cost of a layer with a 1×1 bottleneck, on paper and on the clock"
#       - "find layers that were built but are read by nobody"
#       - "check a published table against its own rows, and count the depth of a graph"
#       - "choose between a global average and flatten-and-dense as the head of a network"
#       - "measure what an auxiliary classifier does to the gradient of early layers"
#     needs: [09_convolution, 12_pooling, 13_first_cnn_lenet]
#     minutes: 100
#     data: [photos, letters, textures, cifar10]
# ---

# %% [markdown]
# You design a convolution layer and must fill in one number: the size of its filters. 3 × 3? 5 × 5, for larger things?
# Or 1 × 1, for what shows in a single pixel? You could try them all, in each of twenty layers: that is $3^{20}$ networks,
# more than three thousand million.
#
# In 2014 Christian Szegedy and others gave another answer: **take them all, in every layer, and let the next layer
# choose.** Their network, GoogLeNet, won ImageNet that year. **What does it cost to have everything, and how can one
# afford it?**

# %%
import time
from functools import partial

import keras
import numpy as np

from course_lessons.googlenet import figures
from course_lib import data, layers, scale
from course_lib.anatomy import anatomy, unreachable
from course_lib.architectures.alexnet import alexnet
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.googlenet import MODULES, googlenet, inception
from course_lib.architectures.network_in_network import network_in_network
from course_lib.exercises import check, hint, solution
from course_lib.gradients import gradients
from course_lib.plots import charts, show
from course_lib.plots.anatomy import drawing, parameters_and_memory
from course_lib.plots.controls import explore

# %% [markdown]
# ## Take them all
#
# Start with one bright dot. Four **branches** look at it: convolutions of 1 × 1, 3 × 3 and 5 × 5, all weights 1, and a
# maximum over 3 × 3 that moves one pixel at a time. All keep the size of the map, so that their outputs can be joined
# **along the depth**. At how many places does each branch notice the dot?

# %% tags=["T222", "nbval-check-output"]
rng = np.random.default_rng(0)
dot = np.zeros((1, 7, 7, 1))
dot[0, 3, 3] = 1
branches = {}
for size in (1, 3, 5):
    convolution = layers.Conv2D(1, 1, size, rng, padding="same")
    convolution.parameters["kernel"][:] = 1
    branches[f"{size}×{size}"] = convolution.forward(dot)
framed = np.pad(dot, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
branches["pooling"] = layers.MaxPooling2D(3, strides=1).forward(framed)

for name, output in branches.items():
    print(
        f"{name:8} {output.shape}  notices the dot at {int((output > 0).sum()):2} places"
    )
joined = np.concatenate(list(branches.values()), axis=-1)
print("joined  ", joined.shape)

# %% [markdown]
# One, nine, twenty-five: the same spot seen at three scales, plus "something bright is near". On a photograph, with filters
# made by hand:

# %% tags=["T222"]
cat = data.photos()["cat"][::3, 60:390:3]
edge = np.outer([1, 2, 1], [-1, 0, 1]) / 4  # dark left, bright right
distance = np.hypot(*np.mgrid[-2:3, -2:3])
spot = np.where(distance < 1.2, 1 / 5, -1 / 16) * (distance < 2.5)  # a bright spot
grey = np.array([0.3, 0.6, 0.1])
kernels = {
    "1×1: red, not blue": np.array([[[1, 0, -1]]]),
    "3×3: edges": edge[:, :, None] * grey,
    "5×5: spots": spot[:, :, None] * grey,
}
maps = {}
for name, kernel in kernels.items():
    convolution = layers.Conv2D(3, 1, len(kernel), rng, padding="same")
    convolution.parameters["kernel"] = kernel[..., None]
    maps[name] = convolution.forward(cat[None])[0, :, :, 0]
framed = np.pad(cat, ((1, 1), (1, 1), (0, 0)), mode="edge")[None]
maps["pooling"] = layers.MaxPooling2D(3, strides=1).forward(framed)[0].mean(axis=-1)
show(
    figures.branch_outputs(cat, maps),
    alt="A cat, and four maps of it: what is reddish, edges, spots, and the brightest neighbour.",
)

# %% [markdown]
# Such a bundle is an **inception module**. Here is the plain version in Keras: 28 × 28 places, 256 maps come in; the
# convolutions have 128, 192 and 96 filters. *What comes out of the 1×1 branch? Of the others? How deep is it all
# together?* Answer first.


# %% tags=["T222", "T223", "Q26", "Q27", "Q28", "nbval-check-output"]
def conv(x, filters, size, name=None):
    return keras.layers.Conv2D(
        filters, size, padding="same", activation="relu", name=name
    )(x)


def pool(x, name=None):
    return keras.layers.MaxPooling2D(3, strides=1, padding="same", name=name)(x)


x = keras.Input((28, 28, 256), name="input")
branches = [conv(x, 128, 1, "1x1"), conv(x, 192, 3, "3x3"), conv(x, 96, 5, "5x5")]
branches.append(pool(x, "pool"))
naive = keras.Model(x, keras.layers.Concatenate(name="joined")(branches), name="naive")
for layer in naive.layers:
    print(f"{layer.name:8} {layer.output.shape[1:]}")
depths = [branch.shape[-1] for branch in branches]
print(" + ".join(map(str, depths)), "=", sum(depths))

# %% [markdown]
# 672 maps. The pooling branch has no filters: it hands on all 256 that it was given.
#
# ## The bill
#
# How much work is that? A convolution makes *places × filters* values, and each takes *window × channels*
# multiplications:
#
# $$\text{multiply-adds} = H_\text{out}\, W_\text{out} \cdot F \cdot K^2 \cdot C$$
#
# **Exercise 1.** Write the formula as a function. The padding is "same": a side of $n$ becomes $n/s$, rounded up.


# %% exercise="multiply_adds"
def multiply_adds(height, width, channels, filters, kernel_size, strides):
    """Of a convolution with padding="same" on maps (height, width, channels). Returns a whole number."""
    ### BEGIN SOLUTION
    places = -(-height // strides) * -(-width // strides)
    return places * filters * kernel_size**2 * channels
    ### END SOLUTION


# %% check="multiply_adds"
check(multiply_adds)

# %% [markdown]
# By hand, and by `anatomy`, which walks through the graph of any Keras model and counts:

# %% tags=["T223", "Q29", "F145", "nbval-check-output"]
by_hand = {
    "1x1": 28 * 28 * 128 * 1 * 1 * 256,
    "3x3": 28 * 28 * 192 * 3 * 3 * 256,
    "5x5": 28 * 28 * 96 * 5 * 5 * 256,
}
counted = anatomy(naive)
for name, products in by_hand.items():
    assert counted[name].multiply_adds == products
    print(f"{name}  {products:12,}")
print(f"all  {counted.total.multiply_adds:12,}")
whole = anatomy(blueprint(alexnet)).total.multiply_adds
print(f"a whole AlexNet: {whole:,}")

# %% [markdown]
# 854 million for *one* module: more than the whole of AlexNet (lesson 18). Over half of it goes to the 5 × 5 branch, which
# brings the fewest maps. And if you put one module behind the other, what happens to the depth?
#
# **Exercise 2.** Write down the depth behind each of several naive modules, all with the same filters.


# %% exercise="naive_depths"
def naive_depths(channels, filters, modules):
    """filters: of the convolutions of each module, (128, 192, 96) above. Returns a list, one depth per module."""
    ### BEGIN SOLUTION
    depths = []
    for _ in range(modules):
        channels = sum(filters) + channels
        depths.append(channels)
    return depths
    ### END SOLUTION


# %% check="naive_depths"
check(naive_depths)


# %% tags=["T224", "Q29", "nbval-check-output"]
def naive_module(x, name):
    branches = [conv(x, 128, 1, f"{name}_1x1"), conv(x, 192, 3, f"{name}_3x3")]
    branches += [conv(x, 96, 5, f"{name}_5x5"), pool(x, f"{name}_pool")]
    return keras.layers.Concatenate(name=name)(branches)


def stacked(module, number):
    x = inputs = keras.Input((28, 28, 256), name="input")
    for place in range(1, number + 1):
        x = module(x, name=f"module{place}")
    return keras.Model(inputs, x)


def growth(module, number=6):
    counted = anatomy(blueprint(stacked, module, number))
    modules = counted.grouped(lambda row: row.name.split("_")[0])
    rows = [modules[f"module{place}"] for place in range(1, number + 1)]
    return [256, *(row.shape[-1] for row in rows)], [row.multiply_adds for row in rows]


runs = {"naive": growth(naive_module)}
depths, products = runs["naive"]
print("depth", *depths)
print("multiply-adds, in millions", *(round(each / 1e6) for each in products))

# %% [markdown]
# **The depth can only grow**, since pooling passes on all it gets; and each module is dearer than the one before. That is
# the bill for taking everything.
#
# ## The smallest filter
#
# The rescue is the filter that looks least useful. What does a **1 × 1 convolution** do? At each pixel it sees all channels,
# and nothing else. Recall lesson 13: a dense layer is a convolution with one place to stand. This is the reverse:

# %% tags=["T233", "nbval-check-output"]
maps = rng.normal(size=(2, 5, 6, 64)).astype("float32")
small = keras.layers.Conv2D(32, 1)
by_convolution = small(maps)
kernel, bias = small.get_weights()
by_dense = maps.reshape(-1, 64) @ kernel[0, 0] + bias  # every pixel is an example
same = np.allclose(by_dense.reshape(2, 5, 6, 32), by_convolution, atol=1e-4)
print(
    "kernel", kernel.shape, "output", tuple(by_convolution.shape), "same numbers:", same
)

# %% [markdown]
# A dense layer for every pixel, the same for all. Min Lin, Qiang Chen and Shuicheng Yan saw this in 2013: a convolution and
# two 1 × 1 layers behind it are a small multilayer perceptron that slides over the picture, a **network in network**.


# %% tags=["T233", "nbval-check-output"]
def mlp_block(x, filters, size):
    """A convolution and two 1×1 layers: an MLP looks through the same window everywhere."""
    for kernel_size in (size, 1, 1):
        x = keras.layers.Conv2D(
            filters,
            kernel_size,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
        )(x)
    return x


nin = anatomy(blueprint(network_in_network))
for name in ("block1", "block2", "block3"):
    rows = nin.where(lambda row, name=name: row.name.startswith(name))
    print(name, *(f"{row.window} {row.shape[-1]:3} maps" for row in rows), sep="  ")
average = nin["avg_pool"]
print("avg_pool", average.shape, "dense layers:", sum(row.role == "dense" for row in nin))
print(f"parameters: {nin.total.parameters:,}")

# %% [markdown]
# That is theirs for CIFAR-10. No dense layer anywhere: the last block has a map for each class and takes its mean. You will
# train one below. But a 1 × 1 layer can do something else: with fewer filters than channels it makes maps *thinner*.
#
# ## The bottleneck
#
# A 5 × 5 layer turns 192 maps of 28 × 28 into 32. How many multiplications? And if a 1 × 1 layer first squeezes the 192
# maps into 16? What do you expect: half, a fifth?


# %% tags=["T226", "Q30", "Q31", "H16", "nbval-check-output"]
def sequence(*stack):
    return keras.Sequential([keras.Input((28, 28, 192)), *stack])


def large():
    return keras.layers.Conv2D(32, 5, padding="same", activation="relu")


direct = sequence(large())
squeezed = sequence(keras.layers.Conv2D(16, 1, activation="relu"), large())
for name, net in {"direct": direct, "bottleneck of 16": squeezed}.items():
    rows = [row.multiply_adds for row in anatomy(net) if row.multiply_adds]
    print(f"{name:17}", " + ".join(f"{each:,}" for each in rows), f"= {sum(rows):,}")
ratio = anatomy(direct).total.multiply_adds / anatomy(squeezed).total.multiply_adds
print(f"{ratio:.2f} times fewer")

# %% [markdown]
# 120 million against 12.4, with one layer *more*. Now the module: a 1 × 1 layer with 64 filters before the 3 × 3, one before
# the 5 × 5, and one *behind* the pooling, where it stops the growth.

# %% tags=["T225", "G39", "nbval-check-output"]
x = keras.Input((28, 28, 256), name="input")
branches = [
    conv(x, 128, 1, "1x1"),
    conv(conv(x, 64, 1, "3x3_reduce"), 192, 3, "3x3"),
    conv(conv(x, 64, 1, "5x5_reduce"), 96, 5, "5x5"),
    conv(pool(x, "pool"), 64, 1, "pool_1x1"),
]
joined = keras.layers.Concatenate(name="joined")(branches)
reduced = keras.Model(x, joined, name="with bottlenecks")
counted = anatomy(reduced)
for row in counted:
    if row.multiply_adds:
        print(f"{row.name:10} {row.shape[-1]:4} maps  {row.multiply_adds:12,}")
print(
    f"{'joined':10} {counted['joined'].shape[-1]:4} maps  {counted.total.multiply_adds:12,}"
)

# %% tags=["G39", "T222", "picture"]
show(
    drawing(anatomy(naive), anatomy(reduced), scale=0.72),
    alt="Two graphs. Naive: four branches from the input to the join, 672 maps. With bottlenecks: "
    "1 by 1 layers before the large ones and behind the pooling, 480 maps.",
)

# %% [markdown]
# You may have seen this total written as 358 million. The six products give 271. Which mistake gives 358?

# %% tags=["T225", "F146", "nbval-check-output"]
products = {row.name: row.multiply_adds for row in counted if row.multiply_adds}
total = sum(products.values())
print(f"the six products: {total / 1e6:.2f} M")
for name, once_more in products.items():
    mark = "  <- 358 M" if round((total + once_more) / 1e6) == 358 else ""
    print(f"with {name:10} twice: {(total + once_more) / 1e6:6.2f} M{mark}")
saving = anatomy(naive).total.multiply_adds / total
print(
    f"naive / with bottlenecks = {saving:.2f}, with 358 it would be {854.2 / 358.06:.2f}"
)

# %% [markdown]
# The 3 × 3 product was added twice. The truth is better: 3.15 times fewer. And the stack no longer grows:

# %% tags=["T224", "T225"]
filters = (128, 64, 192, 64, 96, 64)  # 1×1, 3×3 reduced and full, 5×5 likewise, pooling
runs["with bottlenecks"] = growth(lambda x, name: inception(x, *filters, name=name))
assert runs["with bottlenecks"][0][1:] == [480] * 6
show(
    figures.stacks(runs),
    alt="Depth and multiply-adds of six modules in a row: naive ones climb steadily, those with "
    "bottlenecks stay at 480 maps and far below.",
)

# %% [markdown]
# Design a module yourself. How wide may a bottleneck be before it costs more than it saves? (The figure gives both
# the same width.)

# %% tags=["T225", "widget"]
show(
    figures.bottleneck_curve(),
    alt="Multiply-adds of the module rise in a straight line with the width of its bottlenecks, "
    "and pass those of the naive module before the bottleneck is as wide as the input.",
)
explore(
    figures.designer,
    alt="Two stacked bars of multiply-adds, a colour for each layer: the naive module and the same "
    "with bottlenecks; the title says how many times fewer the second takes.",
    channels=(64, 1024, 64),
    reduce_3x3=(8, 256, 8),
    reduce_5x5=(8, 256, 8),
    pool_filters=(16, 256, 16),
    side=(7, 56, 7),
)

# %% [markdown]
# Counting is one thing, waiting another. Ten times fewer multiplications: ten times faster?


# %% tags=["T226", "H16"]
def tries(*nets, number=5):
    """Seconds for some pictures, (tries, nets); the nets take turns, and the first turn does not count."""
    x = rng.normal(size=(scale(laptop=2, gpu=64), *nets[0].input_shape[1:]))
    x, seconds = (
        keras.ops.convert_to_tensor(x, "float32"),
        np.zeros((number + 1, len(nets))),
    )
    for turn in seconds:
        for place, net in enumerate(nets):
            start = time.perf_counter()
            keras.ops.convert_to_numpy(net(x))  # the numbers have to be there
            turn[place] = time.perf_counter() - start
    return seconds[1:]


rows = {}
for name, pair in {"5×5": (direct, squeezed), "module": (naive, reduced)}.items():
    seconds = tries(*pair)
    counts = [anatomy(net).total.multiply_adds for net in pair]
    rows[f"{name}, direct"] = counts[0], seconds[:, 0]
    rows[f"{name}, bottlenecks"] = counts[1], seconds[:, 1]
    fewer, (slow, fast) = counts[0] / counts[1], np.median(seconds, axis=0)
    print(
        f"{name:7} {fewer:.1f} times fewer multiply-adds, {slow / fast:.1f} times faster"
    )
show(
    figures.counted_and_timed(rows),
    alt="Counted multiply-adds beside measured times: bottlenecks save both, but less of the time.",
)

# %% [markdown]
# Faster, though usually by less: thin layers keep a processor less busy, and starting a layer takes its own time.
#
# ## A module that lost three layers
#
# Code for such a module has been printed with the wiring `chained=True` below. It runs without a warning, and its output has
# the right shape. What is wrong with it?


# %% tags=["C02", "T227", "nbval-check-output"]
def wired(chained):
    """Four towers of 64 filters; returns every tower's layers, and what the model puts out."""
    x = keras.Input((112, 112, 3), name="input")
    first = {1: conv(x, 64, 1, "tower_1_1"), 2: conv(x, 64, 1, "tower_2_1")}
    first |= {3: conv(x, 64, 1, "tower_3_1"), 4: pool(x, "tower_4_1")}
    last = {1: first[1]}
    for tower, size in {2: 3, 3: 5, 4: 1}.items():
        read = last[tower - 1] if chained else first[tower]
        last[tower] = conv(read, 64, size, f"tower_{tower}_2")
    joined = keras.layers.Concatenate(name="joined")(list(last.values()))
    return x, first, joined


for title, chained in {"as printed": True, "as meant": False}.items():
    x, first, joined = wired(chained)
    module = keras.Model(x, joined, name=title)
    print(f"{title:11} output {joined.shape[1:]}, parameters {module.count_params():,},")
    print(" " * 11, "dead:", *(unreachable(module) or ["none"]))

# %% [markdown]
# 143,808 parameters and 140,416. As printed, the second layer of each tower reads *the tower before it*: a chain. Three
# first layers, the pooling among them, were built and are read by nobody: they are **dead**. Keras keeps only what leads to
# the output. Drawn with the loose ends:

# %% tags=["C02", "T227"]
graphs = []
for title, chained in {"as printed": True, "as meant": False}.items():
    x, first, joined = wired(chained)
    dead = anatomy(keras.Model(x, joined)).dead
    loose = [first[2], first[3], first[4]] if dead else []
    graph = anatomy(keras.Model(x, [joined, *loose], name=title))
    names = {row.name: row.name + " DEAD" * (row.name in dead) for row in graph}
    graphs.append(graph.grouped(lambda row, names=names: names[row.name]))
show(
    drawing(*graphs, scale=0.72),
    alt="As printed: one chain of four layers to the join, and three layers with no way out. As "
    "meant: four towers side by side.",
)

# %% [markdown]
# The summary that was printed beside the code has nine layers and belongs to the *right* wiring. Every row of it:

# %% tags=["T228", "C03", "F158", "nbval-check-output"]
printed_summary = {
    "input": ((112, 112, 3), 0, ()),
    "tower_2_1": ((112, 112, 64), 256, ("input",)),
    "tower_3_1": ((112, 112, 64), 256, ("input",)),
    "tower_4_1": ((112, 112, 3), 0, ("input",)),
    "tower_1_1": ((112, 112, 64), 256, ("input",)),
    "tower_2_2": ((112, 112, 64), 36_928, ("tower_2_1",)),
    "tower_3_2": ((112, 112, 64), 102_464, ("tower_3_1",)),
    "tower_4_2": ((112, 112, 64), 256, ("tower_4_1",)),
    "joined": ((112, 112, 256), 0, ("tower_1_1", "tower_2_2", "tower_3_2", "tower_4_2")),
}
for title, chained in {"as meant": False, "as printed": True}.items():
    x, _, joined = wired(chained)
    rows = {
        row.name: (row.shape, row.parameters, row.reads)
        for row in anatomy(keras.Model(x, joined))
    }
    agree = [name for name, row in printed_summary.items() if rows.get(name) == row]
    print(f"{title:11} {len(agree)} of {len(printed_summary)} rows agree")
    if not chained:
        assert rows == printed_summary

# %% tags=["T228", "C03"]
x, _, joined = wired(chained=False)
as_meant = keras.Model(x, joined, name="as_meant")
as_meant.summary()

# %% [markdown]
# Counting parameters by hand is a test of code, and often the only one that notices such a slip.
#
# **Exercise 3.** Build the module with bottlenecks. All convolutions have a ReLU; join in the order 1×1, 3×3, 5×5,
# pooling.


# %% exercise="inception_module"
def inception_module(x, n_1x1, reduce_3x3, n_3x3, reduce_5x5, n_5x5, n_pool):
    """x: a Keras tensor (batch, height, width, channels); then numbers of filters. Returns the joined branches."""

    def convolution(x, filters, size):
        return keras.layers.Conv2D(filters, size, padding="same", activation="relu")(x)

    ### BEGIN SOLUTION
    pooled = keras.layers.MaxPooling2D(3, strides=1, padding="same")(x)
    branches = [
        convolution(x, n_1x1, 1),
        convolution(convolution(x, reduce_3x3, 1), n_3x3, 3),
        convolution(convolution(x, reduce_5x5, 1), n_5x5, 5),
        convolution(pooled, n_pool, 1),
    ]
    return keras.layers.Concatenate()(branches)
    ### END SOLUTION


# %% check="inception_module"
check(inception_module)

# %% [markdown]
# ## The whole of GoogLeNet
#
# A **stem** (convolution, pooling, two convolutions, pooling) makes the picture small; nine modules follow, with two
# poolings between them; then the mean of each map, and one dense layer. Which filter size do you think got most maps?

# %% tags=["T229", "T222"]
names = ("1×1", "3×3 reduce", "3×3", "5×5 reduce", "5×5", "pooling")
chosen = {}
for module, filters in MODULES.items():
    row = dict(zip(names, filters, strict=True))
    chosen[module] = {name: row[name] for name in ("1×1", "3×3", "5×5", "pooling")}
show(
    figures.mixture(chosen),
    alt="Of the maps of every module about half come from 3 by 3, a quarter to a third from 1 by 1, "
    "and an eighth each from 5 by 5 and pooling.",
)

# %% [markdown]
# 3 × 3, but no module does without the others. Now the network's published table: weights (K is 1,024) and multiply-adds of
# each row, beside ours, which are counted. Which rows disagree?

# %% tags=["T229", "F160", "F176", "nbval-check-output"]
net = blueprint(googlenet)


def module_of(name):
    return name.split("_")[1] if name.startswith("inception") else name.split("_")[0]


rows = anatomy(net).grouped(lambda row: module_of(row.name))
weights = dict.fromkeys((row.name for row in rows), 0)
for layer in net.layers:
    if layer.weights:
        weights[module_of(layer.name)] += int(np.prod(layer.kernel.shape))
printed = {"conv1": (2.7, 34), "conv2": (112, 360), "3a": (159, 128), "3b": (380, 304)}
printed |= {"4a": (364, 73), "4b": (437, 88), "4c": (463, 100), "4d": (580, 119)}
printed |= {"4e": (840, 170), "5a": (1072, 54), "5b": (1388, 71)}
printed |= {"predictions": (1000, 1)}
print("row          output          weights  printed   millions  printed")
for name, (kilo, million) in printed.items():
    ours = weights[name] / 1024, rows[name].multiply_adds / 1e6
    off = max(abs(kilo / ours[0] - 1), abs(million / ours[1] - 1)) > 0.025
    print(f"{name:12} {rows[name].shape!s:14} {ours[0]:7.1f}K {kilo:7}K", end=" ")
    print(f"{ours[1]:9.1f} {million:8}{'  <-' if off else ''}")

# %% [markdown]
# Three rows. Nobody can have measured them: each follows from the filters that stand in the same row.

# %% tags=["nbval-check-output"]
print(f"conv1: 7·7·3·64 = {7 * 7 * 3 * 64:,} weights, at 112·112 places: "
      f"{7 * 7 * 3 * 64 * 112**2 / 1e6:.0f} M.  And 2·7·3·64 = {2 * 7 * 3 * 64:,}.")  # fmt: skip
inputs = {"4c": 512, "5a": 832}
for name, channels in inputs.items():
    one, reduce_3, three, reduce_5, five, pooled = MODULES[name]
    count = channels * (one + reduce_3 + reduce_5 + pooled)
    count += 9 * reduce_3 * three + 25 * reduce_5 * five
    assert count == weights[name]
    print(
        f"{name}: {count:,} weights = {count / 1024:.1f}K, and {rows[name].multiply_adds / 1e6:.0f} M"
    )

# %% [markdown]
# The first row looks like $2 \cdot 7$ where $7^2$ was meant. And you may have seen this said of the whole: *five million
# parameters, twelve times fewer than AlexNet, no fully connected layers.* Count:

# %% tags=["T229", "F193", "F194", "nbval-check-output"]
total = rows.total.parameters
classifier = rows["predictions"].parameters
others = blueprint(alexnet).count_params()
print(f"GoogLeNet {total:,}, without its classifier {total - classifier:,}")
print(
    f"the printed rows add up to {sum(kilo for kilo, _ in printed.values()) / 1000:.2f} M"
)
print(f"AlexNet {others:,}: {others / total:.1f} times as many")
print(f"multiply-adds: {rows.total.multiply_adds:,}")

with_heads = anatomy(blueprint(googlenet, auxiliary=True))
for name, counted in {"GoogLeNet": anatomy(net), "with auxiliary": with_heads}.items():
    dense = counted.where(lambda row: row.role == "dense")
    print(f"{name:15} {len(dense)} dense:", *(f"{row.parameters:,}" for row in dense))

# %% [markdown]
# Seven million, 8.7 times fewer; its own table says 6.8. And there is a dense layer, the classifier, with a seventh of all
# parameters; true is that the trunk has no *hidden* dense layers. Where are parameters, and where memory?

# %% tags=["T229"]
show(
    parameters_and_memory(rows),
    alt="Parameters grow towards the end and are most in the last modules and the classifier; "
    "memory is mostly in the stem and the first two modules.",
)

# %% [markdown]
# ## Twenty-two, or fifty-eight?
#
# GoogLeNet has 22 layers with weights. You may have seen it said that this includes each of the parallel ones. Count.

# %% tags=["T232", "F196", "F197", "nbval-check-output"]
counted = anatomy(net)
kinds = [row.role for row in counted if row.weight_layers]
print(
    "layers with weights:",
    kinds.count("convolution"),
    "convolutions and",
    kinds.count("dense"),
    "dense",
)
print("on the longest path:", counted.total.depth)
print("by hand: stem 1 + 2, nine modules of 2, classifier 1:", 1 + 2 + 9 * 2 + 1)
one = anatomy(reduced)
print(
    f"one module: depth {one.total.depth}, layers with weights {one.total.weight_layers}"
)

# %% [markdown]
# A module has six convolutions, but no path passes more than two. **Depth is the longest path**: 22. All layers with weights
# are 58.
#
# **Exercise 4.** Find the depth of any graph. `reads` says for every layer which layers it reads; the layers come in an order
# in which they can be computed, the output last. `weighted` is the set of those with weights.


# %% exercise="network_depth"
def network_depth(reads, weighted):
    """reads: a dict, name -> list of names; weighted: a set. Returns the most weight layers on one path."""
    ### BEGIN SOLUTION
    depth = {}
    for name, sources in reads.items():
        before = max((depth[source] for source in sources), default=0)
        depth[name] = before + (name in weighted)
    return max(depth.values())
    ### END SOLUTION


# %% check="network_depth"
check(network_depth)

# %% [markdown]
# ## The head: take the mean
#
# AlexNet and VGG flatten their last maps and put large dense layers behind; most of their parameters are there (lessons
# 18 and 19). GoogLeNet does as Network in Network did: **global average pooling**, the mean of each map, then 40 % dropout
# and the classifier. By hand, and what each head would cost here:

# %% tags=["T231", "nbval-check-output"]
maps = np.arange(18.0).reshape(1, 3, 3, 2)
print("two maps of 3 × 3 become", layers.GlobalAveragePooling2D().forward(maps)[0])
assert net.get_layer("drop").rate == 0.4
last = rows["5b"].shape
average_head = (last[-1] + 1) * 1000
flat_head = (np.prod(last) + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
print(
    f"maps {last}: average {average_head:,}, flattened and as dense as AlexNet {flat_head:,}"
)

# %% [markdown]
# Two hundred times fewer. What is lost? The mean forgets *where* something was. For a texture that cannot matter; for a letter
# it may. Train a little network in network with either head, on letters and on pieces of brick, grass and gravel. (At `gpu`
# scale: CIFAR-10.) Which head will win where?


# %% tags=["T233", "T231"]
def two_heads(shape, classes, width, units):
    """Two networks without a common weight, on the same pictures: blocks, then either head."""
    pictures, outputs = keras.Input(shape), []
    for head in ("average", "flatten"):
        x = pictures
        for block, filters in enumerate((width, 2 * width)):
            x = keras.layers.MaxPooling2D(3, 2, padding="same")(x) if block else x
            x = mlp_block(x, filters, 3)
        if head == "average":
            x = keras.layers.GlobalAveragePooling2D()(x)
        else:
            x = keras.layers.Flatten()(x)
            x = keras.layers.Dense(units, activation="relu")(x)
        outputs.append(
            keras.layers.Dense(classes, activation="softmax", name=f"{head}_head")(x)
        )
    return keras.Model(pictures, outputs)


def some(examples, number):
    return examples[np.random.default_rng(0).permutation(len(examples))[:number]]


if scale(laptop=True, gpu=False):
    patches = data.textures(size=16)
    letters = partial(data.letters, size=16, alphabet="ABCDEFGH")
    tasks = {"letters": (letters(400, seed=0), letters(500, seed=1))}
    tasks["textures"] = some(patches.train, 400), some(patches.test, 500)
else:
    tasks = {"CIFAR-10": (data.cifar10().train, data.cifar10().test)}

# %% tags=["T233", "T231"]
sizes = scale(laptop=((16, 16, 1), 8, 12, 128), gpu=((32, 32, 3), 10, 96, 512))
both = two_heads(*sizes)  # textures leave five of the eight outputs without work
optimizer = keras.optimizers.Adam(scale(laptop=0.005, gpu=0.001))
both.compile(optimizer, ["sparse_categorical_crossentropy"] * 2)
optimizer.build(both.trainable_variables)
at_rest = [keras.ops.convert_to_numpy(each) for each in optimizer.variables]
epochs, batch_size = scale(laptop=(10, 40), gpu=(20, 128))


def learn(seed, examples, new):
    """Shares of right answers: (heads, learned from and new)."""
    keras.utils.set_random_seed(seed)
    both.set_weights(two_heads(*sizes).get_weights())
    for variable, value in zip(optimizer.variables, at_rest, strict=True):
        variable.assign(value)
    middle, deviation = examples.images.mean(), examples.images.std()
    x, x_new = ((each.images - middle) / deviation for each in (examples, new))
    both.fit(x, [examples.labels] * 2, batch_size=batch_size, epochs=epochs, verbose=0)
    shares = []
    for pictures, labels in ((x, examples.labels), (x_new, new.labels)):
        answers = np.array(both.predict(pictures, batch_size=500, verbose=0))
        shares.append(np.mean(answers.argmax(axis=-1) == labels, axis=1))
    return np.transpose(shares)


# %% tags=["T233", "T231"]
results, guessing = {}, {}
for task, (examples, new) in tasks.items():
    runs = np.array([learn(seed, examples, new) for seed in range(3)])
    results[task] = {
        head: dict(zip(("learned from", "new"), runs[:, place].T, strict=True))
        for place, head in enumerate(("average", "flatten and dense"))
    }
    guessing[task] = 1 / len(new.class_names)
    for head, shares in zip(("average", "flatten"), runs[:, :, 1].T, strict=True):
        print(f"{task:9} {head:8} new, right:", *(f"{share:.0%}" for share in shares))
    assert runs[:, :, 1].mean(axis=0).min() > 0.15 + guessing[task]
letters_textures = (
    "Letters: flatten and dense is ahead. Textures: the mean is about as good or better, and "
    "does as well on new pictures as on those learned from."
)
on_what = scale(laptop=letters_textures, gpu="CIFAR-10.")
show(
    charts.dots(results, "right answers", guessing=guessing, percent=True),
    alt=f"Right answers of both heads over three seeds. {on_what}",
)
dense = [layer for layer in both.layers if isinstance(layer, keras.layers.Dense)]
counts = {layer.name: layer.count_params() for layer in dense}
average = counts.pop("average_head")
print(f"parameters of the heads: {average:,} and {sum(counts.values()):,}")

# %% [markdown]
# On letters flatten and dense is ahead. But look at the letters *learned from*: the mean head has not finished with them
# either. It is slower, as the means of all letters are nearly alike at first; with `epochs = 30` it catches up (try it). So
# little is lost: which strokes meet is written in the channels. On textures the small head is as good or better, and the large
# one, with about a thousand times as many parameters, learns more by heart. And a mean takes pictures of any size.
#
# ## Help on the way: auxiliary heads
#
# Would any gradient arrive at the first of 22 layers? To be sure, the authors hung two more classifiers on the trunk, behind
# modules 4a and 4d, and added their losses, times 0.3. After training they are cut off.

# %% tags=["T230", "nbval-check-output"]
for row in with_heads:
    if row.name.startswith("auxiliary_4a"):
        print(f"{row.name:18} {'×'.join(map(str, row.shape)):10} {row.parameters:9,}")
extra = with_heads.total.parameters - total
print(f"both heads: {extra:,} parameters, nearly as many as the network")

# %% [markdown]
# What do they bring to the first layers? Take a small GoogLeNet, with all its 22 layers but an eighth of the filters, and measure
# the norm of the gradient in each layer of a longest path, for the main loss alone and for all three. Which layers will
# feel a difference, and which cannot?


# %% tags=["T230"]
pictures = data.shapes(scale(laptop=48, gpu=256), seed=0)
path = ["conv1", "conv2_reduce", "conv2"]
for module in MODULES:
    path += [f"inception_{module}_3x3_reduce", f"inception_{module}_3x3"]
path.append("predictions")


def gradient_norms(seed, initializer):
    """Right after initialisation, for the kernel of each layer on the path: (one loss or three, layers)."""
    keras.utils.set_random_seed(seed)
    net = googlenet(
        (32, 32, 3), 6, auxiliary=True, width=1 / 8, kernel_initializer=initializer
    )
    state = [variable.value for variable in net.non_trainable_variables]
    entropy = keras.losses.SparseCategoricalCrossentropy()

    def loss(auxiliary_weight, *weights):
        outputs, _ = net.stateless_call(weights, state, pictures.images - 0.5)
        main, *others = (entropy(pictures.labels, output) for output in outputs)
        return main + auxiliary_weight * sum(others)

    weights = [variable.value for variable in net.trainable_variables]
    names = [variable.path for variable in net.trainable_variables]
    places = [names.index(f"{layer}/kernel") for layer in path]
    both = [gradients(partial(loss, weight), *weights) for weight in (0.0, 0.3)]
    return [[np.linalg.norm(found[place]) for place in places] for found in both]


# %% tags=["T230"]
starts = {"Glorot's start": "glorot_uniform", "He's start": "he_normal"}
panels = {}
for title, initializer in starts.items():
    norms = np.array([gradient_norms(seed, initializer) for seed in range(3)])
    alone, helped = norms.transpose(1, 2, 0)  # (layers, seeds)
    panels[title] = {"one loss": alone, "with auxiliary losses": helped}
    for part, chosen in {"stem": slice(0, 3), "5a to the end": slice(17, 22)}.items():
        ratios = (helped[chosen] / alone[chosen]).mean(axis=0)
        print(f"{title:15} {part:14} times", *(f"{ratio:.2f}" for ratio in ratios))
    assert np.allclose(helped[17:], alone[17:], rtol=1e-3)
glorot, he = (panel["one loss"].mean() for panel in panels.values())
assert he > 5 * glorot
marks = {name: path.index(f"inception_{name}_3x3") + 1 for name in ("4a", "4d")}
show(
    figures.gradient_profile(panels, len(path), marks),
    alt="Gradient norms of 22 layers. Up to 4a those with auxiliary losses are higher, behind 4d "
    "both are the same. With He's start all are tens of times larger than with Glorot's.",
)

# %% [markdown]
# Behind 4d nothing changes: those layers have no part in the auxiliary losses. Up to 4a the heads add gradient, a little or
# several times as much, as the seed will have it. But compare the panels: the *start* (lesson 14) matters far more. With
# Glorot's the signal shrinks at each ReLU, so that *all* gradients are small; and with neither do they fade on the way down.
# He's start and batch normalisation (lesson 15) came in 2015, too late for GoogLeNet.
#
# Is more gradient better learning? Within a laptop's budget such a deep network learns too little to tell. Its authors later
# found that the heads did not speed up the beginning, and that the lower one could go.
#
# ## Also in the lectures
#
# **BN-Inception** (2015) puts batch normalisation behind every convolution, and two layers of 3 × 3 in place of one of 5 × 5
# (they see as much; lesson 19). Two modules halve the map. Its published cost is 2.03 thousand million multiply-adds.


# %% tags=["T234"]
def bn_conv(x, filters, size, strides=1):
    x = keras.layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
    return keras.layers.ReLU()(keras.layers.BatchNormalization()(x))


def bn_inception_module(x, direct, reduce, single, reduce_double, double, pooled):
    """Without 1×1 filters of its own (direct=0), the module halves the map."""
    strides = 1 if direct else 2
    twice = bn_conv(bn_conv(x, reduce_double, 1), double, 3)
    branches = [
        bn_conv(bn_conv(x, reduce, 1), single, 3, strides),
        bn_conv(twice, double, 3, strides),
    ]
    maxima = keras.layers.MaxPooling2D(3, strides, padding="same")(x)
    if direct:
        branches = [bn_conv(x, direct, 1), *branches, bn_conv(maxima, pooled, 1)]
    else:
        branches.append(maxima)
    return keras.layers.Concatenate()(branches)


# %% tags=["T234", "F252", "nbval-check-output"]
BN_MODULES = [(64, 64, 64, 64, 96, 32), (64, 64, 96, 64, 96, 64)]
BN_MODULES += [(0, 128, 160, 64, 96, 0), (224, 64, 96, 96, 128, 128)]
BN_MODULES += [(192, 96, 128, 96, 128, 128)]
BN_MODULES += [(160, 128, 160, 128, 160, 128), (96, 128, 192, 160, 192, 128)]
BN_MODULES += [(0, 128, 192, 192, 256, 0), (352, 192, 320, 160, 224, 128)]
BN_MODULES += [(352, 192, 320, 192, 224, 128)]


def bn_inception():
    x = inputs = keras.Input((224, 224, 3))
    x = keras.layers.MaxPooling2D(3, 2, padding="same")(bn_conv(x, 64, 7, 2))
    x = bn_conv(bn_conv(x, 64, 1), 192, 3)
    x = keras.layers.MaxPooling2D(3, 2, padding="same")(x)
    for filters in BN_MODULES:
        x = bn_inception_module(x, *filters)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(1000)(x))


relative = anatomy(blueprint(bn_inception)).total
print(f"multiply-adds {relative.multiply_adds / 1e9:.3f} thousand million", end=", ")
print(f"parameters {relative.parameters / 1e6:.1f} million, depth {relative.depth}")

# %% [markdown]
# **Inception-ResNet** (2016) takes the joined branches as a *correction*: a 1 × 1 layer brings them back to the depth of the
# input, and both are added. With zeros in that layer, what does the block compute? (Lesson 21 is about this idea.)


# %% tags=["T234", "nbval-check-output"]
def inception_residual(x):
    branches = [
        bn_conv(x, 32, 1),
        bn_conv(bn_conv(x, 32, 1), 32, 3),
        bn_conv(bn_conv(bn_conv(x, 32, 1), 48, 3), 64, 3),
    ]
    joined = keras.layers.Concatenate()(branches)
    back = keras.layers.Conv2D(x.shape[-1], 1, kernel_initializer="zeros")(joined)
    return keras.layers.ReLU()(keras.layers.Add()([x, back]))


x = keras.Input((9, 9, 96))
block = keras.Model(x, inception_residual(x))
maps = rng.uniform(0, 1, (2, 9, 9, 96)).astype("float32")
print("output", block.output.shape[1:], "depth in layers", anatomy(block).total.depth)
print("with zeros it hands on its input:", np.allclose(block(maps), maps))

# %% [markdown]
# ## What to keep
#
# | | naive module | with bottlenecks |
# |---|---|---|
# | multiply-adds (28 × 28 × 256 in) | 854 M | 271 M |
# | depth that comes out | 672, and it can only grow | 480, as one likes |
# | longest path | 1 layer with weights | 2 |
#
# | head | flatten and dense | global average |
# |---|---|---|
# | parameters | most of the network | one dense layer |
# | knows where things were | yes | only what the channels say |
# | size of the picture | fixed | any |
#
# ## Think about it
#
# **Take the ReLU out between the 1 × 1 bottleneck and the 5 × 5 layer. Could one 5 × 5 layer compute the same? Could the pair
# compute everything that one 5 × 5 layer can?**
#
# <details><summary>Answer</summary>
#
# Two linear layers in a row are one linear layer, and its window is 5 × 5: so yes, one layer can do what the pair does. But
# not the other way round: everything must pass through 16 maps, so at each place of the window the weights are a matrix of
# rank 16 at most. The bottleneck bets that 192 maps do not say 192 different things.
# </details>
#
# **The 1 × 1 layer stands before the 5 × 5, but behind the pooling. Would it be wrong to put it before the pooling?**
#
# <details><summary>Answer</summary>
#
# Not wrong: shapes, parameters and multiply-adds stay the same, as the pooling moves by one pixel. But the values differ:
# the maximum of sums is not the sum of maxima. At the 5 × 5 there is no such choice: behind it, nothing would be saved.
# </details>
#
# ## Further reading
#
# - M. Lin, Q. Chen and S. Yan, *Network in network*, 2013.
# - C. Szegedy and others, *Going deeper with convolutions*, 2014: GoogLeNet.
# - S. Ioffe and C. Szegedy, *Batch normalization*, 2015: BN-Inception.
# - C. Szegedy and others, *Rethinking the inception architecture for computer vision*, 2015: what the auxiliary heads did.
# - C. Szegedy and others, *Inception-v4, Inception-ResNet and the impact of residual connections on learning*, 2016.
