# ---
# jupyter:
#   course:
#     title: "GoogLeNet: all filter sizes at once"
#     summary: "Give a layer every filter size and let the next layer choose; then find out what that costs, and who pays."
#     objectives:
#       - "build an inception module, and give shape, parameters and multiply-adds of every branch"
#       - "cut the cost of a layer with a 1×1 bottleneck, on paper and on the clock"
#       - "find layers that were built but are read by nobody"
#       - "check a published table against its own rows, and count the depth of a graph"
#       - "choose between a global average and flatten-and-dense as the head of a network"
#       - "measure what an auxiliary classifier does to gradients, and to what is learned"
#     needs: [09_convolution, 12_pooling, 13_first_cnn_lenet, 14_initialisation, 18_alexnet]
#     minutes: 100
#     data: [photos, mnist_5k, textures, cifar10]
# ---

# %% [markdown]
# You design a convolution layer and must fill in one number: the size of its filters. 3 × 3? 5 × 5, for larger things?
# Or 1 × 1, for what shows in a single pixel? You could try them all, in each of twenty layers: that is $3^{20}$ networks.
#
# In 2014 Christian Szegedy and others gave another answer: **take them all, in every layer, and let the next layer
# choose.** Their network, GoogLeNet, won ImageNet's contest that year. **What does it cost to have everything, and how can
# one afford it?**

# %% tags=["nbval-check-output"]
import time

import keras
import numpy as np
import pandas as pd

from course_lessons.googlenet import figures, relatives
from course_lib import data, scale
from course_lib.anatomy import anatomy, unreachable
from course_lib.architectures.alexnet import alexnet
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.googlenet import MODULES, googlenet, inception
from course_lib.architectures.network_in_network import network_in_network
from course_lib.evidence import at_best_rate, compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.gradients import gradients
from course_lib.plots import charts, show
from course_lib.plots.anatomy import drawing, parameters_and_memory
from course_lib.plots.controls import explore

print(f"{3**20:,} networks")

# %% [markdown]
# ## Take them all
#
# Start with one bright dot. Four **branches** look at it: convolutions of 1 × 1, 3 × 3 and 5 × 5, all weights 1, and a
# maximum over 3 × 3 that moves one pixel at a time. All keep the size of the map ("same" padding), so that their outputs
# can be joined along the axis of the channels. At how many places does each branch notice the dot?

# %% tags=["T222", "nbval-check-output"]
dot = np.zeros((1, 7, 7, 1), "float32")
dot[0, 3, 3] = 1
looks = {
    f"{size}×{size}": keras.layers.Conv2D(1, size, padding="same", kernel_initializer="ones")(dot) for size in (1, 3, 5)
}
looks["pooling"] = keras.layers.MaxPooling2D(3, strides=1, padding="same")(dot)
joined_dot = keras.layers.Concatenate()(list(looks.values()))
print("joined:", tuple(joined_dot.shape))
pd.Series({name: int((np.asarray(maps) > 0).sum()) for name, maps in looks.items()}, name="places").to_frame()

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
seen = {
    name: np.asarray(keras.ops.conv(cat[None], kernel[..., None].astype("float32"), padding="same"))[0, :, :, 0]
    for name, kernel in kernels.items()
}
brightest = keras.layers.MaxPooling2D(3, strides=1, padding="same")(cat[None])
seen["pooling"] = np.asarray(brightest)[0].mean(axis=-1)
show(
    figures.branch_outputs(cat, seen),
    alt="A cat's face, and four grey maps of it: light where it is reddish; a grey relief of upright edges; "
    "the fine stripes of its fur and the rims of its eyes; and the picture, its bright parts grown.",
)

# %% [markdown]
# Such a bundle is an **inception module**. Here is the plain version in Keras: 28 × 28 places, 256 maps come in; the
# convolutions have 128, 192 and 96 filters. *What comes out of the 1×1 branch? Of the others? How many maps are
# there all together?* Answer first.


# %% tags=["T222", "T223", "Q26", "Q27", "Q28", "nbval-check-output"]
def conv(x, filters, kernel_size, name=None):
    return keras.layers.Conv2D(filters, kernel_size, padding="same", activation="relu", name=name)(x)


def pool(x, name=None):
    return keras.layers.MaxPooling2D(3, strides=1, padding="same", name=name)(x)


def naive_module(x, name):
    branches = [
        conv(x, 128, 1, f"{name}_1x1"),
        conv(x, 192, 3, f"{name}_3x3"),
        conv(x, 96, 5, f"{name}_5x5"),
        pool(x, f"{name}_pool"),
    ]
    return keras.layers.Concatenate(name=name)(branches)


inputs = keras.Input((28, 28, 256), name="input")
naive = keras.Model(inputs, naive_module(inputs, "naive"), name="naive")
pd.DataFrame([{"layer": layer.name, "output": str(layer.output.shape[1:])} for layer in naive.layers])

# %% [markdown]
# 128 + 192 + 96 + 256 = 672 maps. The pooling branch has no filters: it hands on all 256 that it was given.
#
# ## The bill
#
# How much work is that? Count *multiply-adds*: one product, added to a sum. How many numbers does a convolution write?
# How many products does each of them take?
#
# **Exercise 1.** Turn your answers into a function. The padding is "same": a side of $n$ becomes $n/s$, rounded up.


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
# `anatomy` walks through the graph of any Keras model and counts. A `blueprint` is a network on paper: shapes, but no
# values, so that even a large one is built at once.


# %% tags=["T223", "Q29", "F145", "nbval-check-output"]
def work(model):
    """Multiply-adds of each layer that has some."""
    return {row.name: row.multiply_adds for row in anatomy(model) if row.multiply_adds}


whole = anatomy(blueprint(alexnet)).total.multiply_adds
bill = work(naive) | {"the module": sum(work(naive).values()), "all of AlexNet": whole}
pd.Series(bill, name="multiply-adds").map("{:,}".format).to_frame()

# %% [markdown]
# 854 million for *one* module: more than the whole of AlexNet (lesson 18). Over half of it goes to the 5 × 5 branch, which
# brings the fewest maps. And behind the module, 672 maps wait for the next one, where there were 256. **Their number
# can only grow**, since pooling passes on all it gets. What will the second module cost, and the sixth?


# %% tags=["T224", "Q29", "nbval-check-output"]
def stacked(module, number):
    x = inputs = keras.Input((28, 28, 256), name="input")
    for place in range(1, number + 1):
        x = module(x, name=f"module{place}")
    return keras.Model(inputs, x)


def growth(module, number=6):
    """Of modules one behind the other: the maps before and behind each, and the multiply-adds of each."""
    counted = anatomy(blueprint(stacked, module, number))
    modules = counted.grouped(lambda row: row.name.split("_")[0])
    rows = [modules[f"module{place}"] for place in range(1, number + 1)]
    return [256, *(row.shape[-1] for row in rows)], [row.multiply_adds for row in rows]


numbers_of_maps, costs = growth(naive_module)
pd.DataFrame({"maps": numbers_of_maps[1:], "multiply-adds, millions": np.round(np.array(costs) / 1e6).astype(int)})

# %% [markdown]
# That is the bill for taking everything.
#
# ## The smallest filter
#
# The rescue is the filter that looks least useful. What does a 1 × 1 convolution do? At each pixel it sees all channels,
# and nothing else:

# %% tags=["T233", "nbval-check-output"]
maps = np.random.default_rng(0).normal(size=(2, 5, 6, 64)).astype("float32")
small = keras.layers.Conv2D(32, kernel_size=1)
by_convolution = np.asarray(small(maps))
kernel, bias = small.get_weights()
by_dense = maps.reshape(-1, 64) @ kernel[0, 0] + bias  # every pixel is an example
same = np.allclose(by_dense.reshape(2, 5, 6, 32), by_convolution, atol=1e-4)
print("kernel", kernel.shape, "output", by_convolution.shape, "same numbers:", same)

# %% [markdown]
# A dense layer for every pixel, the same for all. With fewer filters than channels, it makes maps *thinner*.
#
# ## The bottleneck
#
# A 5 × 5 layer turns 192 maps of 28 × 28 into 32. How many multiply-adds? And if a 1 × 1 layer first squeezes the 192
# maps into 16? What do you expect: half, a fifth?


# %% tags=["T226", "Q30", "Q31", "H16", "nbval-check-output"]
def sequence(*stack):
    return keras.Sequential([keras.Input((28, 28, 192)), *stack])


direct = sequence(keras.layers.Conv2D(32, 5, padding="same", activation="relu", name="5x5"))
squeezed = sequence(
    keras.layers.Conv2D(16, 1, activation="relu", name="bottleneck"),
    keras.layers.Conv2D(32, 5, padding="same", activation="relu", name="5x5"),
)
table = pd.DataFrame({"direct": work(direct), "with a bottleneck": work(squeezed)}).fillna(0).astype(int)
table.loc["sum"] = table.sum()
assert list(table.loc["sum"]) == [120_422_400, 12_443_648]
table.map("{:,}".format)

# %% [markdown]
# 120 million against 12.4, with one layer *more*. A bottleneck of 16 pays. One of 150?
#
# **Exercise 2.** How wide may a bottleneck be, if the two layers together must still take fewer multiply-adds than the one
# large layer?


# %% exercise="widest_bottleneck"
def widest_bottleneck(channels, filters, kernel_size):
    """Of a 1×1 layer before `filters` of kernel_size × kernel_size on `channels` maps. Returns the most filters it may have."""
    ### BEGIN SOLUTION
    large = kernel_size**2 * channels * filters  # at each place, as all that follows
    for_each_map = channels + kernel_size**2 * filters
    return (large - 1) // for_each_map
    ### END SOLUTION


# %% check="widest_bottleneck"
check(widest_bottleneck)

# %% [markdown]
# Now the module: a 1 × 1 layer with 64 filters before the 3 × 3, one before the 5 × 5, and one *behind* the pooling, where it
# stops the growth. (`inception` is our library's; you will write your own in Exercise 3.)

# %% tags=["T225", "G39", "T222", "picture", "nbval-check-output"]
filters = (128, 64, 192, 64, 96, 64)  # 1×1, 3×3 reduced and full, 5×5 likewise, pooling
reduced = keras.Model(inputs, inception(inputs, *filters, name="reduced"), name="with bottlenecks")
saving = sum(work(naive).values()) / sum(work(reduced).values())
print(f"{saving:.2f} times fewer multiply-adds")
show(
    drawing(anatomy(naive), anatomy(reduced), scale=0.72),
    alt="Two graphs. Naive: four branches from the input to the join, 672 maps. With bottlenecks: "
    "1 by 1 layers before the large ones and behind the pooling, 480 maps.",
)
bill = work(reduced) | {"the module": sum(work(reduced).values())}
pd.Series(bill, name="multiply-adds").map("{:,}".format).to_frame()

# %% [markdown]
# 271 million in place of 854, and 480 maps, a number that one may choose. The stack no longer grows:


# %% tags=["T224", "T225"]
def reduced_module(x, name):
    return inception(x, *filters, name=name)


runs = {"naive": growth(naive_module), "with bottlenecks": growth(reduced_module)}
assert runs["with bottlenecks"][0][1:] == [480] * 6
show(
    figures.stacks(runs),
    alt="Maps and multiply-adds of six modules in a row. Naive: straight up, to over 2,700 maps and nearly 8 G. With "
    "bottlenecks: flat, at 480 maps and near the bottom.",
)

# %% [markdown]
# Design a module yourself: move the channels that come in, and the widths of the 1 × 1 layers. (In the curve, both large
# filters have the same width before them.)

# %% tags=["T225", "widget"]
show(
    figures.bottleneck_curve(),
    alt="Multiply-adds of the module rise in a straight line with the width of its bottlenecks, "
    "and pass those of the naive module before the bottleneck is as wide as the input.",
)
show(
    figures.designer(),
    alt="Two stacked bars of multiply-adds, a colour for each layer. Naive: 854 million, over half of them for 5 by 5. With "
    "bottlenecks: 271 million.",
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
# Counting is one thing, waiting another. Ten times fewer multiply-adds: ten times faster? Time it on your machine; the
# table below was recorded on ours, five times over.


# %% tags=["T226", "H16"]
def seconds_for(model, pictures, turns=5):
    """The fastest of several turns, for others may have been disturbed; the first one prepares things."""
    times = []
    for _ in range(turns + 1):
        start = time.perf_counter()
        np.asarray(model(pictures))  # wait until the numbers are there
        times.append(time.perf_counter() - start)
    return min(times[1:])


here = {}
for name, models in {"5×5": (direct, squeezed), "module": (naive, reduced)}.items():
    pictures = np.ones((scale(laptop=8, gpu=64), *models[0].input_shape[1:]), "float32")
    slow, fast = (seconds_for(model, pictures) for model in models)
    here[name] = slow / fast
print("times faster here:", *(f"{name} {ratio:.1f}" for name, ratio in here.items()))

# %% tags=["T226", "H16"]
clock = evidence("times")
fewer = {"5×5": work(direct)["5x5"] / sum(work(squeezed).values()), "module": saving}
ratios = clock.pivot(index=["pair", "seed"], columns="kind", values="seconds").eval("direct / bottlenecks")
faster = {}
for pair, rows in clock.assign(seconds=np.log(clock.seconds)).groupby("pair"):
    gain = np.exp(compare(rows, "kind", "seconds", against="bottlenecks").loc["direct", ["difference", "low", "high"]])
    assert 1 < gain.low and gain.high < fewer[pair]
    faster[pair] = {"times fewer multiply-adds": fewer[pair], "times faster": gain.difference} | dict(
        gain[["low", "high"]]
    )
show(
    charts.dots({pair: list(ratios.loc[pair]) for pair in fewer}, "times faster with bottlenecks"),
    alt="A dot for each of five runs. The 5×5 layer is 3.0 to 3.9 times faster with a bottleneck, the module 2.0 to 2.2 times.",
)
pd.DataFrame(faster).T.round(1)

# %% [markdown]
# (Mean and interval are those of the logarithms: times are compared by factors.) **With bottlenecks both were faster, but
# by less than the count of multiply-adds says.** A count is not a clock: fetching and storing numbers and starting a
# layer take time, too. How much of the gap is due to which, we have not measured.
#
# ## A module that lost three layers
#
# Code for such a module, on a picture of 112 × 112, has been printed wired as below. It runs without a warning, and its
# output has the right shape. What is wrong with it?


# %% tags=["C02", "T227"]
def as_printed():
    inputs = keras.Input((112, 112, 3), name="input")
    tower_1 = conv(inputs, 64, 1, "tower_1x1")
    tower_2 = conv(inputs, 64, 1, "tower_3x3_reduce")
    tower_2 = conv(tower_1, 64, 3, "tower_3x3")
    tower_3 = conv(inputs, 64, 1, "tower_5x5_reduce")
    tower_3 = conv(tower_2, 64, 5, "tower_5x5")
    tower_4 = pool(inputs, "tower_pool")
    tower_4 = conv(tower_3, 64, 1, "tower_pool_1x1")
    towers = [tower_1, tower_2, tower_3, tower_4]
    return keras.Model(inputs, keras.layers.Concatenate(name="tower")(towers), name="as printed")


def as_meant():
    inputs = keras.Input((112, 112, 3), name="input")
    return keras.Model(inputs, inception(inputs, 64, 64, 64, 64, 64, 64, name="tower"), name="as meant")


# %% tags=["C02", "C03", "T227", "T228", "F158", "nbval-check-output"]
wirings = {"as printed": as_printed(), "as meant": as_meant()}
for title, model in wirings.items():
    print(f"{title}: output {model.output.shape[1:]}, {model.count_params():,} parameters, dead: {unreachable(model)}")
summary = pd.DataFrame(
    {title: {row.name: row.parameters for row in anatomy(model)} for title, model in wirings.items()},
    index=[layer.name for layer in wirings["as meant"].layers],
)
published = dict(zip(("1x1", "3x3_reduce", "5x5_reduce", "3x3", "5x5", "pool", "pool_1x1"),
                     (256, 256, 256, 36_928, 102_464, 0, 256), strict=True))  # fmt: skip
assert all(summary["as meant"][f"tower_{name}"] == count for name, count in published.items())
assert wirings["as meant"].output.shape == (None, 112, 112, 256) == wirings["as printed"].output.shape
show(
    drawing(*(anatomy(model) for model in wirings.values()), scale=0.72),
    alt="As printed: one chain of four convolutions, each of which also leads to the join. As meant: four towers side by "
    "side, each from the input to the join.",
)
summary.astype("Int64").astype(object).where(summary.notna(), "dead")

# %% [markdown]
# The second layer of each tower reads *the tower before it*: a chain. Three layers, the pooling among them, were built and
# are read by nobody: they are *dead*, and Keras keeps only what leads to the output. (The summary that was printed beside
# that code has the numbers of the *right* column: it was made with other code.) Nothing complained. 143,808 parameters where
# 140,416 were meant was the only sign: **count your parameters by hand.**
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
# poolings between them; then the mean of each map, and one dense layer. Of a module's maps 38 to 55 % come from 3 × 3,
# but no module does without the others. The paper's table 1 gives the filters, and for each row its weights (in K of
# 1,024) and multiply-adds. Both follow from the filters, so the table can be checked against itself. Which rows are off?


# %% tags=["T229", "F160", "F176", "nbval-check-output"]
def module_of(name):
    return name.split("_")[1] if name.startswith("inception") else name.split("_")[0]


net = blueprint(googlenet)
by_module = anatomy(net).grouped(lambda row: module_of(row.name))
weights = dict.fromkeys((row.name for row in by_module), 0)
for layer in net.layers:
    if layer.weights:
        weights[module_of(layer.name)] += int(np.prod(layer.kernel.shape))
row_names = ["conv1", "conv2", *MODULES, "predictions"]
check_table = pd.DataFrame(
    {
        "weights, K": [weights[row] / 1024 for row in row_names],
        "printed, K": [2.7, 112, 159, 380, 364, 437, 463, 580, 840, 1072, 1388, 1000],
        "multiply-adds, M": [by_module[row].multiply_adds / 1e6 for row in row_names],
        "printed, M": [34, 360, 128, 304, 73, 88, 100, 119, 170, 54, 71, 1],
    },
    index=row_names,
)
ours, printed = check_table.iloc[:, [0, 2]].to_numpy(), check_table.iloc[:, [1, 3]].to_numpy()
in_two = 7 * 7 * 3 * 8 + 3 * 8 * 64  # weights of the first layer, if each colour is filtered by itself
assert in_two == 2712 and round(in_two * 112**2 / 1e6) == 34
check_table["off"] = np.where(np.abs(printed / ours - 1).max(axis=1) > 0.025, "off", "")
assert list(check_table.index[check_table.off == "off"]) == ["conv1", "4c", "5a"]
check_table.round(1)

# %% [markdown]
# Three rows. A slip in the first? Chollet's paper on Xception (2016) says that the first layer of Google's own network was in
# truth two: 7 × 7 windows on each colour by itself, then a 1 × 1 layer. With 8 maps from each colour, as in code that Google
# released later, both numbers fit: $7 \cdot 7 \cdot 3 \cdot 8 + 24 \cdot 64 = 2{,}712$ weights, 34 million multiply-adds. So
# the row is right, but for a layer that the table does not name. Of 4c and 5a we know no such story: add up what you read, even
# a famous table. And a famous sentence: CS231n's lecture 9 of 2017 gives GoogLeNet "5 million parameters", a twelfth of AlexNet's.
# Count:

# %% tags=["T229", "F193", "F194", "nbval-check-output"]
total, classifier = by_module.total.parameters, by_module["predictions"].parameters
others = blueprint(alexnet).count_params()
print(f"GoogLeNet {total:,} parameters, {classifier:,} of them in its dense layer")
print(f"AlexNet {others:,}: {others / total:.1f} times as many")
print(f"multiply-adds: {by_module.total.multiply_adds:,}, AlexNet {whole:,}")
show(
    parameters_and_memory(by_module),
    alt="Parameters grow towards the end and are most in the last modules and the classifier; "
    "memory is mostly in the stem and the first two modules.",
)

# %% [markdown]
# Seven million, 8.7 times fewer, though it does 2.2 times the work. There are no *hidden* dense layers; the classifier has a
# seventh of all parameters.
#
# ## Twenty-two, or fifty-eight?
#
# "22 layers", says the paper. A module has six convolutions, but no path passes more than two of them: the stem has 1 + 2,
# nine modules have 2 each, and the classifier is one more. **Depth is the longest path**: 22. All layers with weights are 58.
#
# **Exercise 4.** Find the depth of any graph. `reads` says for every layer which layers it reads; the layers come in an order
# in which they can be computed, the output last. `weighted` is the set of those with weights. The cell below the check
# lets yours loose on real networks: is InceptionV3 deeper than GoogLeNet, and by how much?


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

# %% tags=["T232", "F196", "F197"]
counted = anatomy(net)
assert (counted.total.depth, counted.total.weight_layers) == (1 + 2 + 9 * 2 + 1, 58)
builders = {"GoogLeNet": googlenet, "InceptionV3": lambda: keras.applications.InceptionV3(weights=None)}
try:
    for title, build in builders.items():
        graph = anatomy(blueprint(build))
        reads = {row.name: list(row.reads) for row in graph}
        weighted = {row.name for row in graph if row.role in ("convolution", "dense")}
        print(f"{title}: {len(weighted)} layers with weights, depth {network_depth(reads, weighted)}")
except NotImplementedError:
    print("Write network_depth first.")

# %% [markdown]
# ## The head: take the mean
#
# AlexNet flattens its last maps and puts large dense layers behind. In 2013 Min Lin, Qiang Chen and Shuicheng Yan had left
# these out. A convolution with two 1 × 1 layers behind it is a small multilayer perceptron that slides over the picture, a
# **network in network**; theirs, for CIFAR-10, has three such blocks, the last with a map for each class, and takes the mean
# of each map: **global average pooling**. So does GoogLeNet, then 40 % dropout and one dense layer. What does each head cost
# here? And what does the mean forget?

# %% tags=["T231", "T233", "nbval-check-output"]
nin = anatomy(blueprint(network_in_network))
dense = sum(row.role == "dense" for row in nin)
print(f"Network in Network: {nin.total.parameters:,} parameters, dense layers: {dense}", end=", ")
print("last maps", nin["block3_mlp2"].shape)
last = by_module["5b"].shape
flat_head = (np.prod(last) + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
print(f"maps {last}: average head {classifier:,}, flattened and as dense as AlexNet {flat_head:,} parameters")
print("dropout", net.get_layer("drop").rate)

random = np.random.default_rng(0)
maps = random.normal(size=(1, 7, 7, 1024)).astype("float32")
shuffled = maps.reshape(1, 49, 1024)[:, random.permutation(49)].reshape(maps.shape)
for layer in (keras.layers.GlobalAveragePooling2D(), keras.layers.Flatten()):
    same = np.allclose(layer(maps), layer(shuffled), atol=1e-5)
    print(f"{type(layer).__name__}: the same for maps with shuffled places: {same}")

# %% [markdown]
# Two hundred times fewer parameters, and blind for *where* something was (though what a map's own windows saw is still
# written in its channels). For a texture that should not matter; for a digit it may. So take a small network in network with
# either head, 500 pictures to learn from, and real digits, or pieces of brick, grass and gravel. Train one on textures now;
# recorded are both heads on both tasks, five seeds, each with its own 500 pictures, 60 passes and two learning rates. Which
# head will win where?


# %% tags=["T233", "T231"]
def mlp_block(filters, strides=1):
    """A convolution and two 1×1 layers: an MLP looks through the same window everywhere."""
    return [
        keras.layers.Conv2D(
            filters,
            kernel_size=size,
            strides=strides if size > 1 else 1,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
        )
        for size in (3, 1, 1)
    ]


def small_network(shape, classes, width, head):
    return keras.Sequential(
        [
            keras.Input(shape),
            *mlp_block(width, strides=2),
            keras.layers.MaxPooling2D(3, strides=2, padding="same"),
            *mlp_block(2 * width),
            *head,
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )


# %% tags=["T233", "T231"]
keras.utils.set_random_seed(0)
dataset = data.textures(size=16) if scale(laptop=True, gpu=False) else data.cifar10()
train, validation = dataset.train[: scale(laptop=500, gpu=50_000)], dataset.validation
middle, deviation = train.images.mean(), train.images.std()
mean_head = [keras.layers.GlobalAveragePooling2D()]
model = small_network(train.images.shape[1:], len(dataset.class_names), scale(laptop=8, gpu=96), mean_head)
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=scale(laptop=0.01, gpu=0.001)),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit((train.images - middle) / deviation, train.labels, batch_size=50, epochs=10, verbose=0)
_, accuracy = model.evaluate((validation.images - middle) / deviation, validation.labels, verbose=0)
assert accuracy > 1.5 / len(dataset.class_names)
print(f"{dataset.name}: {accuracy:.0%} of the validation part right after 10 passes")

# %% tags=["T233", "T231"]
heads, panels, outcome = evidence("heads"), {}, {}
for task, rows in heads.groupby("task"):
    chosen = at_best_rate(rows, "head", rows.validation_loss.where(rows.test.notna()))  # where training stopped early
    curves = chosen[chosen.epoch % 5 == 0]
    panels[task] = {
        head: runs.pivot(index="epoch", columns="seed", values="validation") for head, runs in curves.groupby("head")
    }
    for title, score, scored in (
        ("validation, 10 passes", "validation", chosen[chosen.epoch == 10]),
        ("test, early stopping", "test", chosen.dropna(subset="test")),
    ):
        outcome[f"{task}: {title}"] = compare(scored, "head", score, against="flatten and dense")
early = outcome["digits: validation, 10 passes"].loc["average"]
late, textures = (outcome[f"{task}: test, early stopping"].loc["average"] for task in ("digits", "textures"))
assert early.high < 0 < textures.low and late.low < 0 < late.high
epochs = sorted(set(curves.epoch))
show(
    charts.lines(panels, epochs, "passes", "validation part right", percent=True),
    alt="Share of the validation part that is right against passes, five runs. Digits: flatten and dense stays near 87 % "
    "from the tenth pass on; the average starts near 20 % and climbs, ever more slowly, to just below. Textures: both start "
    "near 80 %; from the twentieth pass on the average lies higher, above 90 % in the end.",
)
pd.concat(outcome).drop(columns="seeds").round(3)

# %% [markdown]
# **On digits the mean head is slower: after 10 passes it reads far fewer**, 41 % against 86. But **with early stopping within
# 60 passes we could not tell whether it reads fewer of the test digits**: 80 % against 84, an interval from 10 points fewer to 2
# more. And **the mean head tells more of the textures**, 95 % against 88. (Of the two rates the mean head took the higher one, 0.01;
# none above it was tried.) A mean also takes pictures of any size.
#
# ## Help on the way: auxiliary heads
#
# Would any gradient arrive at the first of 22 layers? To be sure, the authors hung two more classifiers on the network, behind
# modules 4a and 4d, and added their losses, times 0.3. After training they are cut off.
#
# What do they bring to the layers below? Take a small GoogLeNet, with all its 22 layers but an eighth of the filters, for
# real digits, and compare gradients of the main loss with those of all three. Which layers will feel a difference, and
# which cannot?


# %% tags=["T230"]
extra = blueprint(googlenet, auxiliary=True).count_params() - total
print(f"both heads: {extra:,} parameters, nearly as many as the network")
digits = data.mnist_5k()
some = digits.train[:100]
keras.utils.set_random_seed(0)
tiny = googlenet((28, 28, 1), 10, auxiliary=True, width=1 / 8, strides=1, kernel_initializer="he_normal")
entropy = keras.losses.SparseCategoricalCrossentropy()
state = [variable.value for variable in tiny.non_trainable_variables]


def total_loss(share, *weights):
    """The main loss, and `share` of the two others."""
    outputs, _ = tiny.stateless_call(weights, state, some.images)
    main, behind_4a, behind_4d = (entropy(some.labels, output) for output in outputs)
    return main + share * (behind_4a + behind_4d)


starts = [variable.value for variable in tiny.trainable_variables]
alone, helped = (gradients(total_loss, np.float32(share), *starts)[1:] for share in (0.0, 0.3))
unchanged = [
    variable.path.split("/")[0]
    for variable, before, after in zip(tiny.trainable_variables, alone, helped, strict=True)
    if variable.path.endswith("kernel") and np.allclose(before, after, rtol=1e-3, atol=1e-9)
]
print("no difference:", *dict.fromkeys(module_of(layer) for layer in unchanged))

# %% [markdown]
# Behind 4d nothing changes: those layers have no part in the auxiliary losses. And before? The recorded gradients of five
# seeds, for two starts (lesson 14):

# %% tags=["T230"]
profile = evidence("gradient_profile")
path = list(dict.fromkeys(profile.layer))
norms = profile.pivot(index="layer", columns=["start", "losses", "seed"], values="norm").loc[path]
profiles = {
    start: {losses: norms[start][losses] for losses in ("one loss", "three losses")}
    for start in ("Glorot's start", "He's start")
}
marks = {name: path.index(f"inception_{name}_3x3") + 1 for name in ("4a", "4d")}
show(
    figures.gradient_profile(profiles, len(path), marks),
    alt="Norms of the gradient in 22 layers, five runs. Glorot's start: a few thousandths in every layer; He's: some 3, with a "
    "wide band. Up to 4a the line of three losses lies slightly higher than that of one; behind 4d both are the same.",
)
first = profile[profile.layer == "conv1"].assign(norm=lambda rows: np.log(rows.norm))
longer = {
    f"{start}: three losses against one": compare(rows, "losses", "norm", against="one loss").loc["three losses"]
    for start, rows in first.groupby("start")
}
corners = first[(first.start == "He's start") == (first.losses == "one loss")]
longer["He's, one loss, against Glorot's, three"] = compare(corners, "start", "norm").loc["He's start"]
factors = np.exp(pd.DataFrame(longer).T[["difference", "low", "high"]])
means = norms.T.groupby(level=["start", "losses"]).mean().T
assert factors.low.min() > 1 and (means.max() / means.min() < 10).all()
factors.rename(columns={"difference": "times longer in conv1"}).round(2)

# %% [markdown]
# (Means of logarithms again.) **With either start, the first layer gets a longer gradient from three losses than from one.**
# But by factors of 1.2 and 1.9 only. The start does far more: **With one loss and He's start it is longer than with three
# losses and Glorot's.** And **with neither start does the gradient fade on its way down**: with Glorot's it is short
# *everywhere*. He's start and batch normalisation (lesson 15) came in 2015, too late for GoogLeNet.
#
# Is more gradient better learning? From the same weights on, five seeds, 500 digits, 30 passes of Adam at its usual rate:

# %% tags=["T230"]
trained = evidence("auxiliary")
curves = trained[trained.epoch % 5 == 0]
learned = {
    losses: runs.pivot(index="epoch", columns="seed", values="validation") for losses, runs in curves.groupby("losses")
}
show(
    charts.lines(learned, sorted(set(curves.epoch)), "passes", "validation part right", percent=True),
    alt="Share of the validation digits read against passes, five runs. Both lines climb from about a third after 5 passes to "
    "almost 90 % after 20 and then hardly rise; their bands overlap all the way.",
)
effect = compare(trained.dropna(subset="test"), "losses", "test", against="one loss")
assert effect.loc["three losses", "low"] < 0 < effect.loc["three losses", "high"]
effect.drop(columns="seeds").round(3)

# %% [markdown]
# With early stopping both read 88 % of the test digits. **We could not tell whether the heads help**: up to 3 points either
# way would fit. The authors themselves found in 2015 that the heads did not speed up the beginning, but ended slightly higher, and
# that the lower one could go without loss; they took the heads for regularisers.
#
# ## Relatives
#
# **BN-Inception** (2015) puts batch normalisation (lesson 15) behind every convolution, and two layers of 3 × 3 in place of
# one of 5 × 5. **Inception-ResNet** (2016) takes the joined branches as a *correction* that is added to the input (lesson
# 21 is about this idea). With zeros in the last layer of the branches, what does such a block compute?


# %% tags=["T234", "F252", "nbval-check-output"]
def bn_conv(x, filters, kernel_size):
    x = keras.layers.Conv2D(filters, kernel_size, padding="same", use_bias=False)(x)
    return keras.layers.ReLU()(keras.layers.BatchNormalization()(x))


def residual_inception(x):
    branches = [
        bn_conv(x, 32, 1),
        bn_conv(bn_conv(x, 32, 1), 32, 3),
        bn_conv(bn_conv(bn_conv(x, 32, 1), 48, 3), 64, 3),
    ]
    joined = keras.layers.Concatenate()(branches)
    correction = keras.layers.Conv2D(x.shape[-1], kernel_size=1, kernel_initializer="zeros")(joined)
    return keras.layers.ReLU()(keras.layers.Add()([x, correction]))


block_input = keras.Input((9, 9, 96))
block = keras.Model(block_input, residual_inception(block_input))
positive = np.random.default_rng(0).uniform(size=(2, 9, 9, 96)).astype("float32")
print("with zeros the block hands on its input:", np.allclose(block(positive), positive))
whole_bn = anatomy(blueprint(relatives.bn_inception)).total
print(f"BN-Inception: {whole_bn.multiply_adds / 1e9:.3f} thousand million multiply-adds", end=", ")
print(f"{whole_bn.parameters:,} parameters")

# %% [markdown]
# The 2.03 thousand million multiply-adds are what others print for BN-Inception (Hu and others, 2017); the 11.3 million
# parameters are not the 13.6 million of its own paper. We built the filters that were released, and could not find the rest.
#
# ## What to keep
#
# | | naive module | with bottlenecks |
# |---|---|---|
# | multiply-adds (28 × 28 × 256 in) | 854 M | 271 M |
# | maps that come out | 672, and more from module to module | 480, as one likes |
# | depth: layers with weights on the longest path | 1 | 2 |
#
# | head | flatten and dense | global average |
# |---|---|---|
# | parameters, behind 7 × 7 × 1,024 | 226 M | 1 M |
# | knows where things were | yes | only what the channels say |
# | size of the picture | fixed | any |
# | digits read after 10 passes | 86 % | 41 % |
# | textures told, early stopping | 88 % | 95 % |
#
# So what does it cost to have everything? In the naive way 3 times as much as with bottlenecks, and more with each module;
# squeezed first, 22 layers with 7 million parameters. *Whether* mixing sizes beats
# one size at the same cost we have not measured: a good project.
#
# ## Think about it
#
# **Take the ReLU out between the 1 × 1 bottleneck and the 5 × 5 layer. Could one 5 × 5 layer compute the same? Could the pair
# compute everything that one 5 × 5 layer can?**
#
# <details><summary>Answer</summary>
#
# Two linear layers in a row are one linear layer, and its window is 5 × 5: so yes, one layer can do what the pair does. But
# not the other way round: everything must pass through 16 maps, so the window sees 16 mixtures of the 192 maps and no more.
# The bottleneck bets that 192 maps do not say 192 different things. (At the edges, the bias of the 1 × 1
# layer is missing in the padding; one 5 × 5 layer cannot copy that.)
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
# - M. Lin, Q. Chen and S. Yan, *Network in network*, 2013, [arXiv:1312.4400](https://arxiv.org/abs/1312.4400).
# - C. Szegedy and others, *Going deeper with convolutions*, 2014, [arXiv:1409.4842](https://arxiv.org/abs/1409.4842):
#   GoogLeNet.
# - S. Ioffe and C. Szegedy, *Batch normalization*, 2015, [arXiv:1502.03167](https://arxiv.org/abs/1502.03167): BN-Inception.
# - C. Szegedy and others, *Rethinking the inception architecture for computer vision*, 2015,
#   [arXiv:1512.00567](https://arxiv.org/abs/1512.00567): InceptionV3, and what the auxiliary heads did.
# - C. Szegedy and others, *Inception-v4, Inception-ResNet and the impact of residual connections on learning*, 2016,
#   [arXiv:1602.07261](https://arxiv.org/abs/1602.07261).
# - F. Chollet, *Xception: deep learning with depthwise separable convolutions*, 2016,
#   [arXiv:1610.02357](https://arxiv.org/abs/1610.02357): its section 2 names GoogLeNet's first layer.
