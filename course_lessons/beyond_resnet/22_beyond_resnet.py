# ---
# jupyter:
#   course:
#     title: "Beyond ResNet: what else can be done with a shortcut?"
#     summary: "Free the road, widen, split, drop, join, weigh: seven blocks built and counted, and compared by seeds and intervals."
#     objectives:
#       - "free the road of the shortcut, and derive what then comes forward and goes back"
#       - "count what width, branches, dense connections and gates cost"
#       - "drop blocks and paths in training, and answer for it at test time"
#       - "show that a residual network is a dense one with shared weights"
#       - "tell apart what was counted, what was measured and what was reported"
#     needs: [10_convolution_variants, 16_dropout, 20_googlenet, 21_resnet]
#     minutes: 90
#     data: [digits, mnist_5k]
# ---

# %% [markdown]
# A block of lesson 21 is $\mathbf y = \mathrm{relu}(\mathbf x + F(\mathbf x))$: a *branch* $F$, and beside it a
# shortcut, the *road*. Within two years it had been edited everywhere.
#
# **What else can be done with a shortcut?** There are five places. Take the ReLU off the sum. Make $F$ wide, or split
# it. Leave $F$ out now and then. Join instead of add. Weigh what $F$ gives. Each is a change of a line or two, and each
# can be counted exactly. Which of them *helps*? For that we ask seeds and intervals, not the titles of papers.
#
# Here they are on one sheet, drawn from built blocks. (*Wide* looks like the first, with more maps.)

# %%
import time

import keras
import numpy as np
import pandas as pd
from scipy import stats

from course_lessons.beyond_resnet import figures, nets
from course_lib import data, layers
from course_lib.anatomy import anatomy
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.densenet import densenet
from course_lib.architectures.dual_path import dual_path_network
from course_lib.architectures.resnet import resnet
from course_lib.architectures.resnext import resnext
from course_lib.architectures.squeeze_excitation import se_resnet
from course_lib.architectures.wide_resnet import wide_resnet
from course_lib.evidence import at_best_rate, compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% tags=["G44", "picture"]
maps = keras.Input((8, 8, 4))
sheet = nets.blocks(maps)
show(
    figures.sheet(sheet[:5]),
    alt="Five small graphs. Lesson 21: a sum with a ReLU behind it. Pre: norm and ReLU before each "
    "convolution, nothing behind the sum. Two branches: two slices, each with a 3 by 3 convolution, joined before the "
    "sum. Dropped: a box 'drop?' before the sum. Fractal: two convolutions and one, averaged.",
)
show(
    figures.sheet(sheet[5:]),
    alt="Three more. Dense: the input and two new maps are joined, twice. Dual path: a part of the branch is added to "
    "one stream, another part joined to the other. Weighed: a mean and two dense layers make gates that "
    "weigh the branch before the sum.",
)

# %% [markdown]
# ## Is the road really free?
#
# A ReLU stands behind every sum of lesson 21, so nothing negative can pass. Three blocks by hand, of single
# numbers, each with the branch $F(x) = -\frac12\mathrm{relu}(x)$. *Which inputs come through, and which slopes come
# back?*


# %% tags=["T249"]
def three_blocks(x, behind):
    for _ in range(3):
        x = behind(x - 0.5 * np.maximum(x, 0))
    return x


by_hand = {}
for name, behind in {"ReLU behind the sum": lambda a: np.maximum(a, 0), "nothing behind it": lambda a: a}.items():
    for start in (2.0, -1.0):
        slope = (three_blocks(start + 1e-3, behind) - three_blocks(start - 1e-3, behind)) / 2e-3
        by_hand[name, f"x = {start:g}"] = {"after three blocks": three_blocks(start, behind), "slope": round(slope, 6)}
assert by_hand["nothing behind it", "x = -1"] == {"after three blocks": -1, "slope": 1}
pd.DataFrame(by_hand).T

# %% [markdown]
# With a ReLU, −1 is lost, and so is its slope. **Pre-activation** (He and others, 2016) moves normalisation and ReLU in
# front of each convolution, and leaves nothing behind the sum (*pre*; lesson 21's block is *post*):
# $\mathbf x_{l+1} = \mathbf x_l + F_l(\mathbf x_l)$. Put each such line into the next, up to block $D$, then take the
# slope:
#
# $$\mathbf x_D = \mathbf x_l + \sum_{i=l}^{D-1} F_i(\mathbf x_i),\qquad
# \frac{\partial \mathcal L}{\partial \mathbf x_l} = \frac{\partial \mathcal L}{\partial \mathbf x_D}
# \Big(I + \frac{\partial}{\partial \mathbf x_l}\sum_{i=l}^{D-1} F_i(\mathbf x_i)\Big)$$
#
# Whatever the weights are, the $I$ stays: a part of the gradient arrives as it is. (The other part may still work
# against it.) *Assumed*: shapes that stay, shortcuts that are the identity, nothing behind the sums. A factor of 0.9 on
# every shortcut would leave $0.9^{D-l}I$, after fifty blocks $0.005\,I$. In Keras: is what comes out the input plus the
# three branches?


# %% tags=["T249"]
def convolution(x, filters, kernel_size=3):
    options = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
    return keras.layers.Conv2D(filters, kernel_size, **options)(x)


def active(x):
    """Normalisation and ReLU."""
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))


def pre_block(x, filters):
    y = convolution(active(x), filters)
    y = convolution(active(y), filters)
    return keras.layers.Add()([x, y]), y


inputs = keras.Input((8, 8, 4))
x, branches = inputs, []
for _ in range(3):
    x, branch = pre_block(x, 4)
    branches.append(branch)
pictures = np.random.default_rng(0).normal(size=(5, 8, 8, 4)).astype("float32")
x_D, *added = keras.Model(inputs, [x, *branches]).predict(pictures, verbose=0)
assert np.allclose(x_D, pictures + sum(added), atol=1e-4) and abs(0.9**50 - 0.005) < 2e-4

# %% [markdown]
# It is.
#
# **Exercise 1.** Write the backward pass of $\mathbf y = \mathbf x + \mathrm{relu}(\mathrm{relu}(\mathbf x)\,W_1)\,W_2$.
# (At 0 a ReLU counts as shut.)


# %% exercise="preactivation_backward"
def preactivation_backward(upstream, x, first, second):
    """upstream, the gradient at y, and x are (examples, width); first (width, hidden), second back.
    Returns the gradients at x, first and second."""
    ### BEGIN SOLUTION
    opened = np.maximum(x, 0)
    hidden = np.maximum(opened @ first, 0)
    message = (upstream @ second.T) * (hidden > 0)
    at_x = upstream + (message @ first.T) * (x > 0)
    return at_x, opened.T @ message, hidden.T @ upstream
    ### END SOLUTION


# %% check="preactivation_backward"
check(preactivation_backward)

# %% [markdown]
# The other side is rarely told. On a free road every branch adds. *If* $F_l(\mathbf x_l)$ has variance $v$ and is
# uncorrelated with $\mathbf x_l$, variances add up: $\mathrm{Var}\,\mathbf x_D = \mathrm{Var}\,\mathbf x_0 + D\,v$. The
# deviation grows like $\sqrt D$, and a late block changes $\mathbf x$ by a share of about $1/\sqrt D$ only. Measure it on
# fifty blocks of dense layers right after He's start, which makes $v = 1$.


# %% tags=["T249"]
def normalised(a):
    return (a - a.mean(axis=0)) / a.std(axis=0)


def along_the_road(kind, rng, blocks=50, width=64):
    """Deviation behind each block, and the share of its branch in it."""
    x, found = rng.normal(size=(500, width)), []
    for _ in range(blocks):
        first, second = rng.normal(0, np.sqrt(2 / width), (2, width, width))
        if kind == "pre":
            branch = np.maximum(normalised(np.maximum(normalised(x), 0) @ first), 0) @ second
            x = x + branch
        else:
            branch = normalised(np.maximum(normalised(x @ first), 0) @ second)
            x = np.maximum(x + branch, 0)
        found.append((x.std(), branch.std() / x.std()))
    return np.array(found).T


# %% tags=["T249"]
numbers = np.arange(1, 51)
roads = {kind: np.array([along_the_road(kind, np.random.default_rng(seed)) for seed in range(5)]) for kind in ("post", "pre")}
panels = {
    "deviation": {kind: found[:, 0].T for kind, found in roads.items()} | {"√(1 + D)": np.sqrt(1 + numbers)},
    "deviation of the branch / of the sum": {kind: found[:, 1].T for kind, found in roads.items()}
    | {"1/√(1 + D)": 1 / np.sqrt(1 + numbers)},
}
assert np.abs(roads["pre"][:, 0].mean(axis=0) / np.sqrt(1 + numbers) - 1).max() < 0.1
show(
    charts.lines(panels, numbers, "blocks passed"),
    alt="Over fifty blocks the deviation rises to 7 for pre, on the line of √(1 + D), and to 4.6 for post. The share of a "
    "branch falls from 0.7 to 0.14 for pre, on 1/√(1 + D), and from 1.2 to 0.2 for post.",
)

# %% [markdown]
# *Pre* lies on the formula: right after the start, these branches are uncorrelated with what they are added to. *Post*
# grows as well, only less.
#
# Does the free road help? Recorded beforehand: 8 and 32 layers on 1,000 digits of 8 × 8, eight starts, 14 passes, SGD
# with momentum; of four to six rates (0.02 to 1.0) each kind has the one that is best on validation digits. Runs that fail err
# ten times as often, so we had fixed before the first run that *logarithms* of the test error are compared.

# %% tags=["T249", "H19"]
tried = pd.concat([evidence("depth"), evidence("more_rates")])  # more rates for 32 layers
raced = at_best_rate(tried, ["kind", "depth"], "validation_error").sort_values("kind")
groups = {
    f"{depth} layers": {kind: runs.test_error.to_numpy() for kind, runs in of_depth.groupby("kind", sort=False)}
    for depth, of_depth in raced.groupby("depth")
}
show(
    charts.dots(groups, "error on test digits", percent=True),
    alt="Dots of eight runs. 8 layers: post and pre lie together, around 3 per cent. 32 layers: post lies between 3.1 and "
    "4.7 per cent, pre between 0.9 and 3.6.",
)
raced = raced.assign(log_error=np.log(raced.test_error))
ratios = {}
for depth, of_depth in raced.groupby("depth"):
    found = compare(of_depth, "kind", "log_error", against="post").loc["pre"]
    for kind, runs in of_depth.groupby("kind", sort=False):
        rate, mean = runs.rate.iloc[0], runs.test_error.mean()
        ratios.setdefault(f"{depth} layers", {})[kind] = f"{mean:.1%}, at a rate of {rate:g}"
    times = np.exp(found[["difference", "low", "high"]].to_list())
    ratios[f"{depth} layers"]["errors of pre over those of post"] = "{:.2f} ({:.2f} to {:.2f})".format(*times)
    assert times[2] < 1 if depth == 32 else times[1] < 1 < times[2]
deep = {rate: runs for rate, runs in tried.query("depth == 32").groupby("rate")}
assert deep[0.6].groupby("kind").test_error.min()["post"] > 0.5 and compare(deep[0.06], "kind", "test_error").low["pre"] > 0
pd.DataFrame(ratios).T

# %% [markdown]
# (The last column is the difference of the logarithms, read as a ratio, with its paired 95 % interval.) **Each at its best
# rate, 32 layers of pre-activation make fewer errors than 32 of post-activation**: 2.5 % against 3.8 %. With 8 layers we
# could not tell. (There both did best at 0.6, the highest rate they were given.) At a rate of 0.6 all eight deep *post*
# networks fail, with more than half of the digits wrong, and no *pre* one does. But **at a rate of 0.06 it is post that
# makes fewer errors.** So the winner hangs on the rate, and each must have its own. What makes *pre* stand high rates,
# this does not tell.
#
# ## Wider, or split
#
# Deeper and wider help; **what else?** With $k$ times the filters every convolution reads and writes $k$ times as many
# maps: $k^2$ times the weights and multiply-adds. More blocks cost in proportion. **Wide ResNets** (Zagoruyko and
# Komodakis, 2016) took the first way: WRN-16-4 has 16 layers by its name (which counts the three projections, and not
# the dense layer) and 4 times the filters.

# %% tags=["T250"]
sizes = {}
for depth, widen in ((16, 1), (16, 2), (16, 4), (40, 1), (40, 2)):
    total = anatomy(blueprint(wide_resnet, depth, widen)).total
    sizes[f"WRN-{depth}-{widen}"] = {
        "longest path": total.depth, "parameters": total.trainable, "multiply-adds": total.multiply_adds
    }  # fmt: skip
sizes = pd.DataFrame(sizes).T
assert 3.8 < sizes["parameters"]["WRN-16-4"] / sizes["parameters"]["WRN-16-2"] < 4.1
sizes.map("{:,}".format)

# %% [markdown]
# Doubling the width nearly quadruples both. WRN-16-4 and 40-2 are near each other, not equal.
#
# The other answer is **cardinality** (ResNeXt, Xie and others, 2016): split the branch of a bottleneck into $C$ parallel
# ones of width $d$. Between 256 channels, 1 × 1, 3 × 3 and 1 × 1 cost
#
# $$C\,(256\,d + 9\,d^2 + 256\,d)$$
#
# weights. For more branches at the same cost, each gets narrower. Count five settings with Keras, beside the top-1 errors
# that the paper *reports*:

# %% tags=["T251", "Q35", "H20"]
x, settings = keras.Input((14, 14, 256)), {}
printed = {(1, 64): (23.9, 22.0), (2, 40): (23.0, 21.7), (4, 24): (22.6, 21.4), (8, 14): (22.3, 21.3), (32, 4): (22.2, 21.2)}
for (number, width), (of_50, of_101) in printed.items():
    y = convolution(x, number * width, 1)
    y = keras.layers.Conv2D(number * width, 3, groups=number, padding="same", use_bias=False)(y)
    count = keras.Model(x, convolution(y, 256, 1)).count_params()
    assert count == number * (256 * width + 9 * width**2 + 256 * width)
    settings[f"{number} × {width}"] = {
        "weights": f"{count:,}", "error of 50 layers, reported": of_50, "of 101 layers, reported": of_101
    }  # fmt: skip
pd.DataFrame(settings).T

# %% [markdown]
# Equal within 3 %, and the reported errors fall from row to row; no spread over seeds comes with them.
#
# The branches need no new layer: a *grouped convolution* (lesson 18) is the same, and both are one convolution whose
# kernel is zero between channels of different groups: block-diagonal. By hand, 6 channels in 3 groups. The table:
# squared weights from each channel to each map.

# %% tags=["T251"]
rng = np.random.default_rng(0)
few = rng.normal(size=(2, 8, 8, 6)).astype("float32")
grouped = layers.Conv2D(6, 6, 3, rng, padding="same", groups=3)  # lesson 18's, in NumPy
kernel = grouped.parameters["kernel"].astype("float32")  # (3, 3, 2, 6)
parts = [slice(2 * group, 2 * group + 2) for group in range(3)]
branched = [keras.ops.conv(few[..., part], kernel[..., part], padding="same") for part in parts]
block_diagonal = np.zeros((3, 3, 6, 6), "float32")
for part in parts:
    block_diagonal[:, :, part, part] = kernel[..., part]
for other in (keras.ops.concatenate(branched, axis=-1), keras.ops.conv(few, block_diagonal, padding="same")):
    assert np.allclose(grouped.forward(few), other, atol=1e-5)
pd.DataFrame(np.square(block_diagonal).sum(axis=(0, 1)).round(1), *[[f"{way} {n}" for n in range(6)] for way in ("in", "out")])

# %% [markdown]
# ## Leave it out now and then
#
# Must every block be there every time? **Stochastic depth** (Huang and others, 2016) drops whole branches in training.
# Block $l$ of $D$ survives with the chance $p_l = 1 - \frac lD(1 - p_D)$: the first nearly always, the last with $p_D$.
# (A chance here, no padding.) The expected number of blocks is $\sum_l p_l$; with $\sum_l l/D = (D+1)/2$ that is
#
# $$D - (1 - p_D)\,\frac{D+1}2$$
#
# At test every branch is there, multiplied by its $p_l$, as in dropout (lesson 16): then the sum is what it was *on
# average*.


# %% tags=["T252"]
class StochasticDepth(keras.layers.Layer):
    """In training each picture keeps its branch with the chance `survival`."""

    def __init__(self, survival, **options):
        super().__init__(**options)
        self.survival = survival
        self.seeds = keras.random.SeedGenerator()  # each layer its own: blocks drop independently

    def call(self, branch, training=False):
        if not training:
            return self.survival * branch
        draws = keras.random.uniform((keras.ops.shape(branch)[0], 1, 1, 1), seed=self.seeds)
        return keras.ops.cast(draws < self.survival, branch.dtype) * branch

    def get_config(self):
        return super().get_config() | {"survival": self.survival}


layer, ones = StochasticDepth(0.8), np.ones((2000, 2, 2, 3), "float32")
kept = keras.ops.convert_to_numpy(layer(ones, training=True))[:, 0, 0, 0]
assert abs(kept.mean() - 0.8) < 0.05 and np.allclose(layer(ones), 0.8)

# %% tags=["T252", "widget"]
show(
    figures.survival(blocks=54, last=0.5),
    alt="The chance falls on a straight line from 0.99 for block 1 to 0.5 for block 54. One draw: 54 squares, of which 12 "
    "are dotted and empty, most of them late. Blocks left in 1,000 networks: a hill around 40.25.",
)
explore(
    figures.survival,
    alt="The chance of each block, one network drawn, and the blocks left in 1,000 networks.",
    blocks=(2, 110, 1),
    last=(0.0, 1.0, 0.05),
    seed=(0, 9, 1),
)

# %% [markdown]
# Of 54 blocks 40.25 are left on average: a quarter of the work could be saved. Could: our layer draws for each *picture*
# and computes every branch first. To save time, draw once for a whole batch and really skip the branch.
#
# **FractalNet** (Larsson and others, 2016) drops paths, too, and adds no $\mathbf x$ at all. One rule grows it: $f_1$
# is a convolution, and $f_{c+1}(\mathbf x)$ is the mean of $f_c(f_c(\mathbf x))$ and one more convolution of
# $\mathbf x$. With each column the depth doubles, $2^{c-1}$; the convolutions double and one comes, $2^c - 1$. And the
# paths? Any way through the first $f_c$ goes with any through the second, and one leads beside them:
# $P_{c+1} = P_c^2 + 1$. The cell counts them on the graph, too.


# %% tags=["T253", "nbval-check-output"]
def fractal(x, filters, columns):
    short = active(convolution(x, filters))
    if columns == 1:
        return short
    long = fractal(fractal(x, filters, columns - 1), filters, columns - 1)
    return keras.layers.Average()([long, short])


rows, paths = {}, 1
for columns in (1, 2, 3, 4):
    tower = anatomy(keras.Model(maps, fractal(maps, 4, columns)))
    ways = {}
    for row in tower:  # as many ways lead to a layer as to all that it reads
        ways[row.name] = sum(ways[source] for source in row.reads) if row.reads else 1
    assert ways[row.name] == paths
    rows[f"{columns} columns"] = {"depth": tower.total.depth, "convolutions": tower.total.weight_layers, "paths": paths}
    paths = paths**2 + 1
pd.DataFrame(rows).T

# %% [markdown]
# **Drop-path** leaves out, in training, some of the ways that meet at a mean, never all (*local*); or all but one column
# (*global*). So every path must learn to do without the others. Does the deepest column work *alone*? Train a network of
# two small fractals on 400 digits, with local drop-path, and ask the whole and the chain of its deepest column.

# %% tags=["T253"]
digits = data.mnist_5k()


def small(images):
    """14 x 14 pixels, standardised."""
    return (images.reshape(-1, 14, 2, 14, 2, 1).mean(axis=(2, 4)) - 0.13) / 0.28


def seeded(build, *arguments, **options):
    keras.utils.set_random_seed(0)
    return build(*arguments, **options)


def train(model):
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=0.15, momentum=0.9, nesterov=True),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(small(digits.train.images[:400]), digits.train.labels[:400], epochs=15, batch_size=50, verbose=0)


def test_error(model):
    logits = keras.ops.convert_to_numpy(model(small(digits.test.images)))
    return float(np.mean(logits.argmax(axis=-1) != digits.test.labels))


whole, deepest = seeded(nets.fractal_pair, columns=2, drop=0.5)
train(whole)
alone = {"the whole": test_error(whole), "its deepest column alone": test_error(deepest)}
assert max(alone.values()) < 0.8
pd.Series(alone, name="test digits wrong").map("{:.0%}".format).to_frame()

# %% [markdown]
# Even alone the column reads far more than by guessing (90 % wrong). After a long training, the paper reports, it came
# near the whole network. (Does drop-path do that? And which of the two is ahead here? One run does not tell.)
#
# **Exercise 2.** Let $f_c$ stand not two but `copies` times in a row, beside the one convolution. How deep is the
# fractal, how many convolutions has it, and how many paths?


# %% exercise="fractal_counts"
def fractal_counts(columns, copies):
    """Returns depth (of the longest path), convolutions, paths."""
    ### BEGIN SOLUTION
    depth = convolutions = paths = 1
    for _ in range(columns - 1):
        depth = copies * depth
        convolutions = copies * convolutions + 1
        paths = paths**copies + 1
    return depth, convolutions, paths
    ### END SOLUTION


# %% check="fractal_counts"
check(fractal_counts)

# %% [markdown]
# ## Join instead of add
#
# **Why not connect every layer to every other?** A **dense block** (DenseNet, Huang and others, 2016) does: each layer
# reads all maps before it, joined, and writes only $k$ new ones, the *growth*. By hand: 4 channels come in, three layers
# write 2 each. A number says who wrote a channel (0 is the input).


# %% tags=["T254", "Q34"]
def dense_layer(x, growth):
    return keras.layers.Concatenate()([x, convolution(active(x), growth)])


x = keras.Input((8, 8, 4))
channels = [x.shape[-1]]
for _ in range(3):
    x = dense_layer(x, growth=2)
    channels.append(x.shape[-1])
assert channels == [4, 6, 8, 10]
show(
    figures.staircase(4, 2, 3),
    alt="Rows of numbered squares. Layer 1 reads four squares 0; layer 2 also two squares 1; layer 3 also two squares 2; "
    "ten squares are handed on, the last two numbered 3.",
)

# %% [markdown]
# $k_0$ channels in, $k_0 + lk$ after $l$ layers. DenseNet-121 keeps that affordable in two ways: a 1 × 1 convolution to
# $4k$ maps before each 3 × 3, and between blocks a *transition*, 1 × 1 to half of the maps and average pooling. With
# $k = 32$:

# %% tags=["T254", "nbval-check-output"]
counted = {}
for name, build, depth in (("DenseNet-121", densenet, 121), ("ResNet-50", resnet, 50)):
    total = anatomy(blueprint(build, depth)).total
    counted[name] = {
        "depth": total.depth, "trained": f"{total.trainable:,}", "all": f"{total.parameters:,}",
        "multiply-adds": f"{total.multiply_adds:,}",
    }  # fmt: skip
by_keras = blueprint(keras.applications.DenseNet121, weights=None).count_params()
assert counted["DenseNet-121"]["all"] == f"{by_keras:,}"
pd.DataFrame(counted).T

# %% [markdown]
# More than twice as deep, with less than a third of the weights.
#
# **Exercise 3.** How many channels leave a dense block, and how many numbers does it train? Every convolution has batch
# normalisation in front and no bias.


# %% exercise="dense_block_size"
def dense_block_size(channels, growth, layers, bottleneck):
    """bottleneck: whether 1 x 1 to 4 * growth comes before each 3 x 3. Returns channels, parameters."""
    ### BEGIN SOLUTION
    count = 0
    for _ in range(layers):
        width = channels
        if bottleneck:
            count += 2 * channels + channels * 4 * growth
            width = 4 * growth
        count += 2 * width + 9 * width * growth
        channels += growth
    return channels, count
    ### END SOLUTION


# %% check="dense_block_size"
check(dense_block_size)

# %% [markdown]
# **Adding and joining are nearer than they look.** At one place of the map, a 1 × 1 convolution of joined maps is a sum
# of products. So what layer $l$ reads is $\mathbf h_l = \sum_{t<l} \mathbf x_t W_t^{(l)}$, where
# $\mathbf x_t = H_t(\mathbf h_t)$ is what layer $t$ wrote ($\mathbf x_0$ came in; no normalisation in front). Now let
# every reader use the *same* $W_t$. Then the sum only grows:
#
# $$\mathbf h_{l+1} = \mathbf h_l + H_l(\mathbf h_l)\,W_l$$
#
# a residual network. Numerically, with $H = \tanh$:

# %% tags=["T255"]
rng, growth, width = np.random.default_rng(0), 3, 5
x_0, weights = rng.normal(size=(4, growth)), rng.normal(size=(6, growth, width))
kernels = rng.normal(size=(6, width, growth))

written = [x_0]  # dense: join everything, multiply by all weights, below one another
for place in range(1, 6):
    h = np.concatenate(written, axis=1) @ np.concatenate(weights[:place])
    written.append(np.tanh(h @ kernels[place]))
dense_end = np.concatenate(written, axis=1) @ np.concatenate(weights)

h = x_0 @ weights[0]  # residual
for place in range(1, 6):
    h = h + np.tanh(h @ kernels[place]) @ weights[place]
assert np.allclose(h, dense_end)

# %% [markdown]
# Equal. A residual network is a dense one whose readers share their weights: it uses old maps *again*; a dense one can
# read them in *new* ways. **Dual path networks** (DPN, Chen and others, 2017) do both: of what a block gives, some
# channels are added to one stream and a few are joined to another.
#
# **Exercise 4.** Build such a block. Of $\mathbf x$, the first `added` channels are the stream to add to, the others have
# been joined before. The branch: 1 × 1 to `width`, 3 × 3 to `width`, 1 × 1 to `added + growth`, each convolution without
# bias and with normalisation and ReLU in front. Its first `added` channels are added, its last `growth` joined behind.
# (`active` and `convolution` from above help; `x[..., :3]` works on Keras tensors.) The cell below the check trains four
# of your blocks on 400 digits: one run, a try, not a comparison.


# %% exercise="dual_path_block"
def dual_path_block(x, added, growth, width):
    """x: a Keras tensor. Returns one of growth channels more: the sum, the old joined ones, the new."""
    ### BEGIN SOLUTION
    y = convolution(active(x), width, 1)
    y = convolution(active(y), width, 3)
    y = convolution(active(y), added + growth, 1)
    total = keras.layers.Add()([x[..., :added], y[..., :added]])
    return keras.layers.Concatenate()([total, x[..., added:], y[..., added:]])
    ### END SOLUTION


# %% check="dual_path_block"
check(dual_path_block)


# %% tags=["T255"]
def network_of_your_blocks():
    inputs = keras.Input((14, 14, 1))
    x = keras.layers.Conv2D(14, 3, strides=2, padding="same", use_bias=False)(inputs)
    for place in range(4):
        if place == 2:
            x = keras.layers.AveragePooling2D(2, padding="same")(x)
        x = dual_path_block(x, added=10, growth=4, width=14)
    return keras.Model(inputs, keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(active(x))))


try:
    your_network = seeded(network_of_your_blocks)
    train(your_network)
    print(f"{your_network.count_params():,} parameters, {test_error(your_network):.0%} of the test digits wrong")
except NotImplementedError as missing:
    print(missing)

# %% [markdown]
# ## Weigh the channels
#
# **How can accuracy be gained at little cost?** *Squeeze-and-excitation* (SE; Hu and others, 2017) asks of each channel:
# how much does *this* picture need it? Squeeze each map to its mean. Excite: two small dense layers make a gate between 0
# and 1 of these means. Weigh: multiply.
#
# $$\text{gates} = \sigma\big(\mathrm{relu}(\mathrm{mean}(\mathbf x)\,W_1 + \mathbf b_1)\,W_2 + \mathbf b_2\big),\qquad
# \mathbf y = \text{gates}\odot\mathbf x$$
#
# The hidden layer has $C/r$ units, $r = 16$ on ImageNet. That is $2C^2/r$ weights, and $C/r + C$ biases. What does it
# cost ResNet-50? (Strides in the 3 × 3 convolutions, as in later networks; lesson 21 has them in the first 1 × 1, and
# so 3.86 billion.)


# %% tags=["T257", "Q36"]
def excited(x, ratio=16):
    channels = x.shape[-1]
    gates = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    gates = keras.layers.Dense(channels // ratio, activation="relu")(gates)
    gates = keras.layers.Dense(channels, activation="sigmoid")(gates)
    return keras.layers.Multiply()([x, gates])


x = keras.Input((7, 7, 256))
assert keras.Model(x, excited(x)).count_params() == 2 * 256**2 // 16 + 256 // 16 + 256
without = anatomy(blueprint(resnet, 50, strides_in="3x3")).total
with_gates = anatomy(blueprint(se_resnet, 50)).total
assert (with_gates.trainable, with_gates.multiply_adds) == (28_088_024, 4_091_699_200)
overhead = {}
for title, name in {"parameters": "trainable", "multiply-adds": "multiply_adds"}.items():
    before, after = getattr(without, name), getattr(with_gates, name)
    overhead[title] = {"ResNet-50": f"{before:,}", "SE-ResNet-50": f"{after:,}", "more": f"{after / before - 1:.2%}"}
pd.DataFrame(overhead).T

# %% [markdown]
# Cheap in work (0.06 % more), *not* in weights (9.9 % more).
#
# **Exercise 5.** Write squeeze-and-excitation in plain NumPy. Then your function takes the place of Keras' layers in a
# trained network.


# %% exercise="squeeze_excite"
def squeeze_excite(x, first, first_bias, second, second_bias):
    """x (batch, height, width, channels), first (channels, hidden), second (hidden, channels); biases.
    Returns an array with the shape of x."""
    ### BEGIN SOLUTION
    hidden = np.maximum(x.mean(axis=(1, 2)) @ first + first_bias, 0)
    gates = 1 / (1 + np.exp(-(hidden @ second + second_bias)))
    return x * gates[:, None, None]
    ### END SOLUTION


# %% check="squeeze_excite"
check(squeeze_excite)

# %% tags=["T257"]
weighing = seeded(nets.small_network, "SE")
train(weighing)
# what goes into the last gate, the gates, and what comes out
weigh = [layer for layer in weighing.layers if isinstance(layer, keras.layers.Multiply)][-1]
inside = keras.Model(weighing.input, [*weigh.input, weigh.output])
maps_in, opened, maps_out = map(keras.ops.convert_to_numpy, inside(small(digits.test.images)))
dense = [layer for layer in weighing.layers if isinstance(layer, keras.layers.Dense)][-3:-1]  # not the head
try:
    yours = squeeze_excite(maps_in, *(each for layer in dense for each in layer.get_weights()))
    print("your function gives what Keras gives:", np.allclose(yours, maps_out, atol=1e-4))
except NotImplementedError as missing:
    print(missing)
by_class = np.array([opened[digits.test.labels == digit].mean(axis=(0, 1, 2)) for digit in range(10)])
assert test_error(weighing) < 0.5 and np.ptp(by_class, axis=0).max() > 0.4 and by_class.min(axis=0).max() > 0.5
show(
    figures.gates(by_class),
    alt="Mean gates, a row for each digit and a column for each of 16 channels. Some channels are dark, nearly shut, for one "
    "digit and light for another; some are light for all ten.",
)

# %% [markdown]
# In this run some channels are far less open for one digit than for another, and some are open for all. What a channel
# stands for, its gate does not say.
#
# ## Are they better, then?
#
# One recipe, 400 labelled digits of 14 × 14, about 11,000 weights each: a stem, two stages on 7 × 7 and 4 × 4, a head.
# SGD with Nesterov's momentum, 40 passes, the rate falling along a cosine; of 0.05, 0.15 and 0.45 each kind has the rate
# that is best on 500 validation digits. (Stochastic depth has $p_D = 0.8$, SE $r = 4$; the bottlenecks have one branch of
# 12 channels or four of 5, then twice as many.) Five draws of digits and start, 4,100 unseen digits. Named before the
# first run: every kind against *post*, lesson 21's block, and four branches against one. That makes nine pairs, and where
# nothing differs, one in twenty 95 % intervals still leaves out zero. So each is widened to 99.4 % ($1 - 0.05/9$): all
# nine together then hold in at least 95 %. *Which do you expect ahead?*

# %% tags=["T259", "H19", "H21", "T250", "T252", "T254", "Q36"]
equal = at_best_rate(evidence("equal_size"), "kind", "validation_error")
errors = {kind: runs.test_error.to_numpy() for kind, runs in equal.groupby("kind", sort=False)}
show(
    figures.against(errors, "post", "error on 4,100 test digits"),
    alt="Five dots for each of nine kinds of network, all between 8 and 14 per cent; a grey band over post, from 10.0 to "
    "12.7. Dense lies from 8.6 to 10.7, four branches from 12.3 to 13.1, the others mostly in the band.",
)
pairs = compare(equal, "kind", "test_error", against="post")
pairs.loc["4 branches, to 1 branch"] = compare(equal, "kind", "test_error", against="1 branch").loc["4 branches"]
plain = pairs.drop(index="post")
assert set(plain.index[plain.high < 0]) == {"dense"} and set(plain.index[plain.low > 0]) == {"pre", "1 branch", "4 branches"}
assert (equal.rate == 0.45).all()
wider = stats.t.ppf(1 - 0.025 / 9, df=4) / stats.t.ppf(1 - 0.025, df=4)
pairs["low"], pairs["high"] = (pairs.difference + wider * (pairs[end] - pairs.difference) for end in ("low", "high"))
assert (pairs.low <= 0).all() and (pairs.high >= 0).all()
pairs.drop(columns="seeds").map("{:.1%}".format)

# %% tags=["T259", "G45", "T250", "T252"]
landscape, bubbles = {}, {}
pictures = small(digits.test.images[:500])
for kind in errors:
    net = nets.small_network(kind)
    total = anatomy(net).total
    bubbles[kind] = total.multiply_adds, total.trainable, errors[kind]
    began = time.perf_counter()
    answers = keras.ops.convert_to_numpy(net(pictures))  # the numbers have to be there
    landscape[kind] = {
        "parameters": f"{total.trainable:,}", "multiply-adds": f"{total.multiply_adds:,}",
        "ms for 500 pictures, here": f"{1000 * (time.perf_counter() - began):.0f}", "mean error": f"{errors[kind].mean():.1%}",
    }  # fmt: skip
show(
    figures.bubbles(bubbles),
    alt="Nine bubbles of about equal size. Seven stand near 250 thousand multiply-adds, from stochastic depth at 10.8 per "
    "cent up to four branches at 12.8; fractal at 228 thousand and 11.0; dense at 310 thousand and 9.7.",
)
pd.DataFrame(landscape).T

# %% [markdown]
# (The milliseconds are those of one call.) Four of the plain 95 % intervals leave out zero (dense ahead; *pre* and both
# bottlenecks behind), but of the nine widened ones none does. So **whether any of these nets is better or worse than
# lesson 21's block, we could not tell**, and not whether four branches differ from one. That is no "nothing helps":
# 11,000 weights, grey digits, five draws. (And all chose 0.45, the highest rate tried.)
#
# ## What did the papers report?
#
# What follows was measured by others, on ImageNet; only the counts and differences are ours. First SE on eight
# networks, top-1 errors without and with it in per cent. A gate adds $2C^2/r$ multiply-adds to each block:

# %% tags=["T258", "H21"]
top_1 = {  # without SE, with SE
    "ResNet-50": (24.8, 23.29), "ResNet-101": (23.17, 22.38), "ResNet-152": (22.42, 21.57),
    "ResNeXt-50": (22.11, 21.1), "ResNeXt-101": (21.18, 20.7), "VGG-16": (27.02, 25.22),
    "BN-Inception": (25.38, 24.23), "Inception-ResNet-v2": (20.37, 19.8),
}  # fmt: skip
falls = {name: round(without - with_se, 2) for name, (without, with_se) in top_1.items()}
plain_networks = {f"ResNet-{depth}": blueprint(resnet, depth, strides_in="3x3") for depth in (50, 101, 152)}
plain_networks |= {f"ResNeXt-{depth}": blueprint(resnext, depth, 32, 4) for depth in (50, 101)}
blocks = {"50": (3, 4, 6, 3), "101": (3, 4, 23, 3), "152": (3, 8, 36, 3)}  # of 256, 512, 1024, 2048 channels
more = {}
for name, network in plain_networks.items():
    gates = sum(number * 2 * (256 * 2**stage) ** 2 // 16 for stage, number in enumerate(blocks[name.split("-")[1]]))
    more[name] = 100 * gates / anatomy(network).total.multiply_adds
    assert name != "ResNet-50" or gates == with_gates.multiply_adds - without.multiply_adds
assert min(falls.values()) > 0 and np.isclose(np.median(list(falls.values())), 0.93)
show(
    figures.gains(falls, more),
    alt="Bars. The reported top-1 error falls by 1.51, 0.79, 0.85, 1.01, 0.48, 1.80, 1.15 and 0.57 points. Multiply-adds "
    "grow by less than 0.1 per cent for the five networks that are counted.",
)

# %% [markdown]
# Lower in eight of eight, by 0.93 points in the median. There is one number for each, without a spread, and the
# authors chose what to print.
#
# Second, dual path networks against a ResNeXt. A parameter takes 4 bytes; the errors are *reported*.

# %% tags=["T256", "T255", "nbval-check-output"]
networks = {"ResNeXt-101, 64 × 4": blueprint(resnext, 101, 64, 4)}
networks |= {f"DPN-{depth}": blueprint(dual_path_network, depth) for depth in (92, 98, 131)}
printed_errors = {"ResNeXt-101, 64 × 4": "20.4 / 5.3", "DPN-98": "20.2 / 5.2"}
rows, base = {}, anatomy(networks["ResNeXt-101, 64 × 4"]).total
for name, model in networks.items():
    total = anatomy(model).total
    rows[name] = {
        "depth": total.depth, "parameters": f"{total.trainable:,}", "MiB": f"{4 * total.trainable / 2**20:.1f}",
        "share": f"{total.trainable / base.trainable:.0%}", "multiply-adds": f"{total.multiply_adds:,}",
        "their share": f"{total.multiply_adds / base.multiply_adds:.0%}",
        "top-1 / top-5 error": printed_errors.get(name, ""),
    }  # fmt: skip
pd.DataFrame(rows).T

# %% [markdown]
# DPN-98 has about a quarter less of both than the ResNeXt, at about the same reported error. (Dual path networks are
# named by their depth: $3 + 4 + 20 + 3$ blocks of three layers, the stem and the dense layer make 92.)
#
# Third, *PReLU-nets*, with 4.94 % top-5 error in the table of lesson 21. That was an ensemble, and the edit is not on the
# shortcut but in the ReLU: $\max(0, x) + a\min(0, x)$, where the paper's $a$ is *learnt*. Its slope is $\min(0, x)$, times
# the upstream, added up over all that share this $a$. And He's start? Of the mean square of a symmetric $x$, the
# positive half keeps $\frac12$, the negative one $\frac{a^2}2$. So the variance of the weights becomes
# $2/((1 + a^2)\,n)$, for $a = 0$ He's.

# %% tags=["T260"]
draws = np.random.default_rng(0).normal(size=100_000)
assert abs(np.mean((np.maximum(0, draws) + 0.25 * np.minimum(0, draws)) ** 2) - (1 + 0.25**2) / 2) < 0.01


def network_of_prelus():
    model = keras.Sequential([keras.Input((14, 14, 1))])
    for filters in (8, 16):
        model.add(keras.layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False))
        model.add(keras.layers.BatchNormalization(momentum=0.9))
        model.add(keras.layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25), shared_axes=[1, 2]))
    model.add(keras.layers.GlobalAveragePooling2D())
    model.add(keras.layers.Dense(10))
    return model


bending = seeded(network_of_prelus)
train(bending)
learnt = [each.get_weights()[0].ravel() for each in bending.layers if isinstance(each, keras.layers.PReLU)]
assert learnt[0].shape == (8,) and learnt[1].shape == (16,) and np.ptp(learnt[1]) > 0.01
for place, slopes in enumerate(learnt, start=1):
    print(f"layer {place}: one a for each channel, now between {slopes.min():.2f} and {slopes.max():.2f}")

# %% [markdown]
# All began at 0.25. (Without `shared_axes` Keras learns one $a$ for every *place* of every map.)
#
# ## In short
#
# | edit | what changes | what it costs |
# |---|---|---|
# | pre-activation | nothing stands behind the sum | nothing |
# | wide | $k$ times the filters | nearly $k^2$ times |
# | branches (ResNeXt) | $C$ narrow branches in $F$ | nothing, if $d$ shrinks |
# | stochastic depth | $F$ left out in training, now and then | nothing; may save time |
# | fractal | means of short and long ways | $2^c - 1$ convolutions for a depth of $2^{c-1}$ |
# | dense | joined, not added | few weights, much memory |
# | dual path | some channels added, some joined | between the two |
# | squeeze-and-excitation | channels weighed | 0.06 % work, 9.9 % weights (ResNet-50) |
#
# **So what else can be done with a shortcut?** More than we could test. Each edit is a line or two, and its price
# can be counted exactly. Measured on our digits: with 32 layers, each at its best rate, the free road made fewer
# errors. At 11,000 weights, five draws could not tell any edit from lesson 21's block. What they bring on ImageNet is
# *reported*.
#
# ## Think about it
#
# **Stochastic depth drops a block with probability ½ in training. At test its output is not halved. What goes wrong, and
# where would you notice it?**
#
# <details><summary>Answer</summary>
#
# The branch is twice as strong as what stands behind it is used to *on average*. No error is raised. The running
# averages of the normalisations behind it were learnt with gaps and no longer fit; accuracy may fall. How far, only a
# run says (we made none).
# </details>
#
# **DenseNet has fewer parameters than ResNet at a similar reported error, and needs more memory. Why both?**
#
# <details><summary>Answer</summary>
#
# Old maps are read again instead of being written anew, so a layer writes only $k$. But all of them must be kept; and
# where each join is stored as a new array for the backward pass, that memory grows with the square of the depth.
# </details>
#
# ## Further reading
#
# - K. He and others, *Identity mappings in deep residual networks*, 2016,
#   [arXiv:1603.05027](https://arxiv.org/abs/1603.05027).
# - S. Zagoruyko and N. Komodakis, *Wide residual networks*, 2016, [arXiv:1605.07146](https://arxiv.org/abs/1605.07146).
# - S. Xie and others, *Aggregated residual transformations for deep neural networks*, 2016,
#   [arXiv:1611.05431](https://arxiv.org/abs/1611.05431): ResNeXt.
# - G. Huang and others, *Deep networks with stochastic depth*, 2016, [arXiv:1603.09382](https://arxiv.org/abs/1603.09382).
# - G. Larsson and others, *FractalNet*, 2016, [arXiv:1605.07648](https://arxiv.org/abs/1605.07648).
# - G. Huang and others, *Densely connected convolutional networks*, 2016,
#   [arXiv:1608.06993](https://arxiv.org/abs/1608.06993).
# - Y. Chen and others, *Dual path networks*, 2017, [arXiv:1707.01629](https://arxiv.org/abs/1707.01629).
# - J. Hu and others, *Squeeze-and-excitation networks*, 2017, [arXiv:1709.01507](https://arxiv.org/abs/1709.01507).
# - K. He and others, *Delving deep into rectifiers*, 2015, [arXiv:1502.01852](https://arxiv.org/abs/1502.01852): PReLU.
# - R. Wightman and others, *ResNet strikes back*, 2021, [arXiv:2110.00476](https://arxiv.org/abs/2110.00476): is it the
#   block, or the recipe?
