# ---
# jupyter:
#   course:
#     title: "Convolution variants: one matrix, many patterns"
#     summary: "Look farther, work less, or run backwards: 1 × 1, dilated, separable, transposed and 3-D convolutions as patterns in one sparse matrix."
#     objectives:
#       - "write any convolution layer as a matrix, and read multiply-adds, parameters and reach from it"
#       - "use 1 × 1 and depthwise separable layers, say what they save and what they cannot compute any more"
#       - "look farther with dilation, and find the pixels that it skips"
#       - "compute a transposed convolution by hand and in NumPy, and predict its size and its chessboards"
#       - "choose between a 3-D convolution and frames as channels"
#     needs: [08_hand_made_features, 09_convolution]
#     minutes: 90
#     data: [photos]
# ---

# %% [markdown]
# The convolution layer of lesson 09 looks at its nearest neighbours only, mixes all channels at every place, and never
# makes a map larger. **Can it look farther for the same price, do its work for less, and run the other way, from few
# numbers to many?**
#
# It can do all three. One tool shows how: *write down every wire*. Each layer of this lesson is another pattern of wires.

# %%
import time

import keras
import numpy as np
import pandas as pd
from scipy import signal

from course_lessons.convolution_variants import figures
from course_lessons.convolution_variants.tasks import clips, closed_lines, overlap
from course_lib import data, zoo
from course_lib.anatomy import anatomy
from course_lib.evidence import at_best_rate, compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.gradients import gradients
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## Every wire of a convolution
#
# Take an image of 3 × 3 and a kernel of 2 × 2, without padding. Write the nine pixels in one row. Then each of the four
# outputs is a weighted sum of nine numbers, most with weight 0, and the layer is a matrix:
#
# $$\begin{bmatrix}1&2\\3&4\end{bmatrix}\quad\text{becomes}\quad C = \begin{bmatrix}
# 1&2&0&3&4&0&0&0&0\\ 0&1&2&0&3&4&0&0&0\\ 0&0&0&1&2&0&3&4&0\\ 0&0&0&0&1&2&0&3&4\end{bmatrix}$$
#
# Most entries are 0: such a matrix is called **sparse**. Lesson 09 had one, for one channel. Now all channels, filters,
# strides and gaps: a row for each (place, filter), a column for each (pixel, channel). For a 3 × 3 kernel on 4 × 4 pixels,
# how many rows and columns do you expect?


# %% tags=["T133"]
def matrix_of(kernel, height, width, strides=1, dilation_rate=1):
    """The matrix (outputs, inputs) of a convolution without padding. kernel (rows, columns, channels, filters)."""
    rows, columns, channels, filters = kernel.shape
    down = (height - dilation_rate * (rows - 1) - 1) // strides + 1
    across = (width - dilation_rate * (columns - 1) - 1) // strides + 1
    matrix = np.zeros((down, across, filters, height, width, channels))
    for r, c, i, j in np.ndindex(down, across, rows, columns):  # each place, each weight in the window
        matrix[r, c, :, r * strides + i * dilation_rate, c * strides + j * dilation_rate] = kernel[i, j].T
    return matrix.reshape(down * across * filters, height * width * channels)


# %% tags=["T133", "G22", "F034", "F035"]
by_hand = matrix_of(np.array([[1, 2], [3, 4]])[:, :, None, None], 3, 3)
assert by_hand.tolist()[0] == [1, 2, 0, 3, 4, 0, 0, 0, 0] and by_hand.shape == (4, 9)
numbered = np.arange(1, 10).reshape(3, 3)
heat = matrix_of(numbered[:, :, None, None], 4, 4)
assert heat.shape == (4, 16) and (np.count_nonzero(heat, axis=1) == 9).all()
show(
    figures.matrix(numbered, heat),
    alt="A 3 by 3 kernel with the numbers 1 to 9, and its matrix of 4 rows and 16 columns. Each row holds the nine numbers, in "
    "groups of three with one zero between; from row to row they move on by 1, 3 and 1 columns.",
)

# %% [markdown]
# Four rows for 2 × 2 outputs, 16 columns for 4 × 4 pixels, nine non-zeros in each row. Is it really the layer? Test it
# with two channels, three filters, strides and gaps.


# %% tags=["T133", "nbval-check-output"]
def run(layer, inputs, *weights):
    """What a layer makes of inputs; given weights are set first."""
    if not layer.built:
        layer.build(inputs.shape)
    if weights:
        layer.set_weights(weights)
    return keras.ops.convert_to_numpy(layer(inputs.astype("float32")))


rng = np.random.default_rng(0)
kernel, picture = rng.normal(size=(3, 3, 2, 3)), rng.normal(size=(1, 7, 8, 2))
for options in ({"strides": 1}, {"strides": 2}, {"dilation_rate": 2}):
    in_keras = run(keras.layers.Conv2D(3, 3, use_bias=False, **options), picture, kernel)
    by_matrix = matrix_of(kernel, 7, 8, **options) @ picture.ravel()
    print(options, in_keras.shape[1:], "same numbers:", np.allclose(by_matrix, in_keras.ravel(), atol=1e-5))

# %% [markdown]
# (Libraries often use another matrix: they lay each *window* out as a row and multiply by the kernels. That is called
# *im2col*. It repeats pixels; ours repeats weights.)
#
# One can also *ask* a layer for its matrix, as long as it is linear (no bias, no ReLU): feed it a 1 at each input in turn,
# and out come the columns. Below, five layers of Keras on 4 × 4 pixels with two channels. The dark squares are the
# multiply-adds. Equal weights counted once are the parameters.


# %% tags=["T133", "G21", "picture"]
def wires(layer, shape):
    """The matrix (outputs, inputs) of a linear layer: its answers to a 1 at each place of the input."""
    one_hot = np.eye(np.prod(shape)).reshape(-1, *shape)
    return run(layer, one_hot).reshape(len(one_hot), -1).T


bare = {"use_bias": False}
patterns = {
    "3 × 3": wires(keras.layers.Conv2D(2, 3, **bare), (4, 4, 2)),
    "1 × 1": wires(keras.layers.Conv2D(2, 1, **bare), (4, 4, 2)),
    "depthwise 3 × 3": wires(keras.layers.DepthwiseConv2D(3, **bare), (4, 4, 2)),
    "2 × 2, dilation 2": wires(keras.layers.Conv2D(2, 2, dilation_rate=2, **bare), (4, 4, 2)),
    "transposed 3 × 3": wires(keras.layers.Conv2DTranspose(2, 3, **bare), (2, 2, 2)),
}
assert [np.count_nonzero(each) for each in patterns.values()] == [144, 64, 72, 64, 144]
show(
    figures.patterns(patterns),
    alt="Five matrices. 3 by 3, 8 rows and 32 columns: a band of dark blocks, 144 non-zeros. 1 by 1, square: small blocks on "
    "the diagonal, 64. Depthwise: the band with every second square missing, 72. Dilation 2: a few blocks far apart, 64. "
    "Transposed: a standing band, 32 rows and 8 columns, 144.",
)

# %% [markdown]
# Move the non-zeros apart, and the layer looks farther (*dilated*). Leave blocks on the diagonal, and it mixes channels
# only (*1 × 1*). Strike out what joins two channels, and it mixes places only: that is **depthwise**. Lay the matrix on its
# side, and few numbers become many (*transposed*). Next, one row of such matrices, drawn as a picture: what one output
# touches, on 7 × 7 pixels with three channels.

# %% tags=["G21"]
kinds = {
    "3 × 3": keras.layers.Conv2D(1, 3, **bare),
    "1 × 1": keras.layers.Conv2D(1, 1, **bare),
    "depthwise": keras.layers.DepthwiseConv2D(3, **bare),
    "3 × 1": keras.layers.Conv2D(1, (3, 1), **bare),
    "dilation 2": keras.layers.Conv2D(1, 3, dilation_rate=2, **bare),
}
touched = {}
for name, layer in kinds.items():
    outputs = layer.compute_output_shape((1, 7, 7, 3))[1:]
    middle = wires(layer, (7, 7, 3)).reshape(*outputs, 7, 7, 3)[outputs[0] // 2, outputs[1] // 2, 0]
    touched[name] = middle != 0
assert [int(each.sum()) for each in touched.values()] == [27, 3, 9, 9, 27]
show(
    figures.touched(touched),
    alt="Five columns of three 7 by 7 grids, one for each channel. 3 by 3: nine squares in each. 1 by 1: one in each. Depthwise: "
    "nine, in the first only. 3 by 1: an upright line of three in each. Dilation 2: nine in each, with gaps, spread over 5 by 5.",
)

# %% [markdown]
# Depthwise, an output touches one channel only; the other channels have outputs of their own. The last touches as much as
# the first, but farther away.
#
# ## Only channels: 1 × 1
#
# Grey from colour, (red + green + blue) / 3, is a sum over the channels of one pixel. A **1 × 1 convolution** does that
# with weights of its own for each filter: a dense layer for every pixel, the same for all. It makes maps thinner or
# thicker. From 64 channels to 32: how many parameters? And what happens if we shuffle the pixels?

# %% tags=["T128", "F150", "nbval-check-output"]
maps = np.random.default_rng(1).normal(size=(2, 8, 8, 64)).astype("float32")
one_by_one, dense = keras.layers.Conv2D(32, 1), keras.layers.Dense(32)
thinner = run(one_by_one, maps)
print("one filter:", one_by_one.kernel.shape[:3], "parameters:", one_by_one.count_params(), "output:", thinner.shape)
weights, bias = one_by_one.get_weights()
print("same as Dense:", np.allclose(run(dense, maps, weights[0, 0], bias), thinner, atol=1e-5))

order = np.random.default_rng(2).permutation(64)  # of the 8 × 8 pixels


def shuffled(maps):
    return maps.reshape(2, 64, -1)[:, order].reshape(maps.shape)


print("shuffle before = shuffle after:", np.allclose(run(one_by_one, shuffled(maps)), shuffled(thinner), atol=1e-5))

# %% [markdown]
# 64 · 32 weights and 32 biases: 2,080. And shuffling changes nothing, so it knows nothing of space. What it buys: a larger
# kernel behind it reads fewer channels (lesson 20 uses that).
#
# ## Rows, then columns: separable in space
#
# At each place a window of $k \times k$ costs $k^2$ multiply-adds for each channel and filter. Must it? Sobel's kernel
# (lesson 08) is a column times a row, an outer product:
#
# $$\begin{bmatrix}-1&0&1\\-2&0&2\\-1&0&1\end{bmatrix} = \begin{bmatrix}1\\2\\1\end{bmatrix}\begin{bmatrix}-1&0&1\end{bmatrix}$$
#
# So one pass with the column and one with the row give the same, for $2k$ instead of $k^2$: it is **spatially separable**.
# Which kernels are? Every matrix is a sum of outer products; the fewest that it needs is its *rank* (lesson 01 uses the
# word otherwise). The *singular value decomposition*, `np.linalg.svd`, finds such a sum, strongest part first, with
# strengths $g_1 \ge g_2 \ge \dots$ Keep the first part alone: no kernel of rank 1 is nearer in the sum of squares (Eckart
# and Young, 1936), and it has the share $g_1^2 / \sum_i g_i^2$ of the squares. What share do you expect for kernels that a
# network has learnt? And for random ones?

# %% tags=["T130", "nbval-check-output"]
sobel = np.outer([1, 2, 1], [-1, 0, 1])
cat = data.photos()["cat"][:300, 60:360].mean(axis=-1)
column_first = signal.correlate2d(cat, [[1], [2], [1]], mode="valid")
in_two_passes = signal.correlate2d(column_first, [[-1, 0, 1]], mode="valid")
print("two passes = one pass:", np.allclose(in_two_passes, signal.correlate2d(cat, sobel, mode="valid"), atol=1e-5))


def first_shares(kernels):
    """Kernels (number, k, k): what part of each one's squares its best outer product keeps."""
    strengths = np.linalg.svd(kernels, compute_uv=False)  # only the strengths, strongest first
    return strengths[:, 0] ** 2 / np.sum(strengths**2, axis=1)


some = {
    "Sobel": sobel,
    "Laplace": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "outline": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    "diagonal line": np.eye(3),
}
ranks = {name: int(np.linalg.matrix_rank(np.array(each))) for name, each in some.items()}
first = {name: first_shares(np.array([each]))[0] for name, each in some.items()}
pd.DataFrame({"rank": ranks, "share of the first": first}).round(3)

# %% tags=["T130"]
trained, shares = {"shapes": zoo.load("shapes_zfnet"), "photos": zoo.load("cifar_resnet")}, {}
for name, network in trained.items():
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D) and layer.kernel_size == (3, 3):
            three_by_three = np.moveaxis(layer.get_weights()[0], (2, 3), (0, 1)).reshape(-1, 3, 3)
            alive = np.abs(three_by_three).max(axis=(1, 2)) > 0  # not all zeros
            shares[f"{name}: {layer.name}"] = first_shares(three_by_three[alive]).mean()
random_share = first_shares(np.random.default_rng(0).normal(size=(20_000, 3, 3))).mean()
of_shapes, of_photos = ([share for name, share in shares.items() if name.startswith(each)] for each in trained)
assert max(abs(np.array(of_shapes) - random_share)) < 0.02 and min(of_photos) > random_share + 0.03
show(
    figures.shares(shares, random_share),
    alt="A dot for each layer, its mean share of the first outer product. Three layers of the network for shapes lie close to the "
    "dashed line of random kernels, 0.75. Eight layers of the one for photos lie above it, from 0.80 to 0.96.",
)

# %% [markdown]
# In the table only Sobel is separable; Laplace is nearly so, the diagonal line not at all. In the figure, a random 3 × 3
# kernel (normal numbers) keeps three quarters on average: that is the yardstick. The network for shapes is no better; the
# one for photos is, most in its first layer. (Two networks, no more. We cannot say why they differ.)
#
# ## Space, then channels: depthwise separable
#
# Now mix space first, channels afterwards. In the depthwise step each channel has a $k \times k$ kernel of its own; in the
# **pointwise** step a 1 × 1 convolution follows. Both together are a **depthwise separable** layer. Multiply-adds at each
# place of the output:
#
# $$\underbrace{k^2 \cdot \text{channels} \cdot \text{filters}}_{\text{full}}\qquad\text{or}\qquad
# \underbrace{k^2 \cdot \text{channels}}_{\text{depthwise}} + \underbrace{\text{channels} \cdot \text{filters}}_{\text{pointwise}}$$
#
# Divide right by left: $1/\text{filters} + 1/k^2$ of the work. What is that from 12 × 12 × 3 to 8 × 8 × 256, with 5 × 5?
# (`anatomy` lists the layers of a model, each with its multiply-adds.)

# %% tags=["T131", "F029", "F030", "F031", "F032", "F033", "nbval-check-output"]
full = keras.Sequential([keras.Input((12, 12, 3)), keras.layers.Conv2D(256, 5, name="full")])
in_steps = keras.Sequential(
    [
        keras.Input((12, 12, 3)),
        keras.layers.DepthwiseConv2D(5, use_bias=False, name="depthwise"),
        keras.layers.Conv2D(256, 1, name="pointwise"),
    ]
)
at_once = keras.layers.SeparableConv2D(256, 5)
twelve = np.random.default_rng(3).normal(size=(2, 12, 12, 3))
same = np.allclose(run(at_once, twelve, *in_steps.get_weights()), in_steps(twelve), atol=1e-5)
print("SeparableConv2D is the two steps:", same, in_steps.output_shape[1:])
work = {row.name: row.multiply_adds for model in (full, in_steps) for row in anatomy(model) if row.multiply_adds}
print(f"{work['full'] / (work['depthwise'] + work['pointwise']):.1f} times fewer multiply-adds")
pd.Series(work, name="multiply-adds").map("{:,}".format).to_frame()

# %% [markdown]
# What is given up? Look at one input channel. Its weights in the full layer are a table of $k^2$ places × filters. In the
# separable one, the same $k \times k$ kernel serves all filters, each with a factor: an outer product, rank 1. With
# `depth_multiplier=M` each channel has $M$ kernels: rank $M$. With $M = k^2$ nothing is lost, and nothing saved.
#
# **Exercise 1.** Given the kernel of a full layer, find the depthwise and the pointwise kernel whose product is nearest to
# it in the sum of squares. Keras' order of the pointwise channels: all $M$ of channel 0 first, then those of channel 1.


# %% exercise="separate"
def separate(kernel, depth_multiplier):
    """kernel (height, width, channels, filters).

    Returns depthwise (height, width, channels, M) and pointwise (1, 1, channels * M, filters), M = depth_multiplier.
    """
    ### BEGIN SOLUTION
    height, width, channels, filters = kernel.shape
    tables = kernel.transpose(2, 0, 1, 3).reshape(channels, height * width, filters)
    left, strengths, right = np.linalg.svd(tables, full_matrices=False)
    in_space = (left * strengths[:, None, :])[:, :, :depth_multiplier]  # (channels, places, M)
    depthwise = in_space.transpose(1, 0, 2).reshape(height, width, channels, depth_multiplier)
    pointwise = right[:, :depth_multiplier].reshape(1, 1, channels * depth_multiplier, filters)
    return depthwise, pointwise
    ### END SOLUTION


# %% check="separate"
check(separate)

# %% [markdown]
# *The real thing.* The network for shapes names six kinds of shapes. Put *your* kernels in place of those of its last three
# convolutions, without any more learning. How large must $M$ be, of at most 9?

# %% tags=["T131"]
drawn = data.shapes(240, seed=5, size=64)
network = trained["shapes"]
last_three = [layer for layer in network.layers if layer.name in ("conv3", "conv4", "conv5")]
originals, accuracy = [layer.get_weights() for layer in last_three], {}
try:
    for number in (1, 2, 3, 5, 9):
        for layer, (full_kernel, *rest) in zip(last_three, originals, strict=True):
            depthwise, pointwise = separate(full_kernel, number)
            by_channel = pointwise.reshape(depthwise.shape[2], number, -1)
            layer.set_weights([np.einsum("ijcm,cmf->ijcf", depthwise, by_channel), *rest])
        guessed = network.predict(drawn.images, verbose=0).argmax(axis=1)
        accuracy[f"M = {number}"] = np.mean(guessed == drawn.labels)
    print({name: f"{share:.0%}" for name, share in accuracy.items()})
    assert 0.2 < accuracy["M = 1"] < 0.5 and min(accuracy["M = 5"], accuracy["M = 9"]) > 0.98
except NotImplementedError:
    print("Write separate first.")
finally:
    for layer, original in zip(last_three, originals, strict=True):
        layer.set_weights(original)

# %% [markdown]
# With $M = 9$ it is the network it was, and $M = 5$ is nearly as good. Cut to rank 1 it misnames most shapes, though it
# still beats guessing (17 %). Xception and MobileNet (below) learn with this pattern from the start.
#
# ## And the clock?
#
# From 64 to 64 channels a separable 3 × 3 layer has 7.9 times fewer multiply-adds. Is it 7.9 times faster on your machine?


# %% tags=["T131"]
def milliseconds(model, pictures):
    """The fastest of several turns; the first one, which prepares things, does not count."""
    times = []
    for _ in range(9):
        start = time.perf_counter()
        keras.ops.convert_to_numpy(model(pictures))
        times.append(1000 * (time.perf_counter() - start))
    return min(times[1:])


same_size = {"padding": "same", "use_bias": False}
contenders = {
    "3 × 3": keras.layers.Conv2D(64, 3, **same_size),
    "3 × 3, dilation 2": keras.layers.Conv2D(64, 3, dilation_rate=2, **same_size),
    "separable 3 × 3": keras.layers.SeparableConv2D(64, 3, **same_size),
    "depthwise 3 × 3": keras.layers.DepthwiseConv2D(3, **same_size),
}
models = {name: keras.Sequential([keras.Input((56, 56, 64)), layer]) for name, layer in contenders.items()}
millions = {name: anatomy(model).total.multiply_adds / 1e6 for name, model in models.items()}
eight = np.ones((8, 56, 56, 64), "float32")
clock = {name: milliseconds(model, eight) for name, model in models.items()}
show(
    figures.clock(millions, clock),
    alt="Four layers, two bars each. Multiply-adds in millions: 3 by 3 116, the same dilated, separable 15, "
    "depthwise 2. Milliseconds, measured on the machine that ran this: a bar and a number for each.",
)

# %% [markdown]
# Divide the numbers on the right: 7.9? And do the two layers with equal multiply-adds take equal time? Memory must be read
# and written, too, and some patterns have better code than others. *Measure before you choose.* (It is one machine at one
# moment, so we claim nothing of yours.)
#
# ## Look farther: dilation
#
# Move the weights of a kernel, its *taps*, apart: with a **dilation** of $d$ (`dilation_rate`) they lie $d$ pixels from
# each other, and $k$ taps span $d(k - 1) + 1$ pixels. It costs no more weights and no more multiply-adds. Each layer of a
# stack (strides 1) adds the steps of its window, so $D$ layers span
#
# $$1 + (k - 1)\,(d_1 + d_2 + \dots + d_D).$$
#
# With $k = 3$ and rates 1, 2, 4, …, $2^{D-1}$ that is $2^{D+1} - 1$: four layers span 31 pixels instead of 9. Do they also
# *read* all of them? Ask the gradient (lesson 09).

# %% tags=["T129", "G21"]
read = {}
for rates in ((2,), (1, 1, 1), (1, 2, 4), (2, 2, 2), (2, 4, 8)):
    stack = keras.Sequential([keras.Input((31, 31, 1))])
    for rate in rates:
        ones = {"kernel_initializer": "ones", **same_size}
        stack.add(keras.layers.Conv2D(1, 3, dilation_rate=rate, **ones))
    (gradient,) = gradients(lambda pixels, stack=stack: stack(pixels)[0, 15, 15, 0], np.ones((1, 31, 31, 1), "float32"))
    read[rates] = gradient[0, :, :, 0]
    assert np.ptp(np.flatnonzero(read[rates][15])) + 1 == 1 + 2 * sum(rates)
assert [np.count_nonzero(each) for each in read.values()] == [9, 49, 225, 49, 225]
show(
    figures.fields(read),
    alt="What one output reads. Rate 2: 9 pixels with gaps in a span of 5. 1-1-1: all 49 of a span of 7. 1-2-4: all 225 of a "
    "span of 15. 2-2-2: 49 of 169, a grid with gaps, span 13. 2-4-8: 225 of 841, a grid with gaps, span 29.",
)

# %% [markdown]
# 1-2-4 reads all that it spans. 2-2-2 reads 49 of 169 pixels: every path makes steps of two, and every second row and
# column is never seen. This *gridding* is the trap of dilation.
#
# **Exercise 2.** In one row of pixels: how many does an output read, and how many does it span? For any kernel size and any
# list of rates.


# %% exercise="pixels_read"
def pixels_read(kernel_size, dilation_rates):
    """Layers with strides of 1. Returns two whole numbers: how many pixels of a row one output reads, and its span."""
    ### BEGIN SOLUTION
    places = {0}
    for rate in dilation_rates:
        places = {place + rate * tap for place in places for tap in range(kernel_size)}
    return len(places), max(places) + 1
    ### END SOLUTION


# %% check="pixels_read"
check(pixels_read)

# %% [markdown]
# Is reach worth anything? Take a task that needs it. Each picture has one closed rectangle and four stray lines. *Which
# pixels are inside?* In the middle of a large rectangle a 9 × 9 window sees none of its sides, and cannot tell. Four layers
# of eight 3 × 3 filters, and a 1 × 1 that answers for each pixel; with rates 1-1-1-1, and with 1-2-4-8. Both have 1,841
# parameters; the learning rate falls to 0 in a straight line. The score is the *overlap*: pixels that answer and truth both
# call inside, divided by those that either does. Calling all inside gives 16 %.

# %% tags=["T129"]
lines, inside = closed_lines(600, seed=0)
new_lines, truly_inside = closed_lines(200, seed=1)
answers, scores = {}, {}
for rates in ((1, 1, 1, 1), (1, 2, 4, 8)):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((24, 24, 1))])
    for rate in rates:
        relu = {"activation": "relu", "kernel_initializer": "he_normal"}
        model.add(keras.layers.Conv2D(8, 3, padding="same", dilation_rate=rate, **relu))
    model.add(keras.layers.Conv2D(1, 1))
    falling = keras.optimizers.schedules.PolynomialDecay(0.03, decay_steps=16 * 24, end_learning_rate=0.0)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(falling), loss=loss)
    model.fit(lines, inside, batch_size=25, epochs=16, verbose=0)
    name = "-".join(map(str, rates))
    answers[name] = keras.ops.convert_to_numpy(model(new_lines))
    scores[name] = overlap(answers[name], truly_inside)
assert model.count_params() == 1841 and scores["1-2-4-8"] > scores["1-1-1-1"] + 0.1
assert round(overlap(np.ones_like(truly_inside), truly_inside), 2) == 0.16

# %% tags=["T129"]
show(
    figures.inside(new_lines[:5], truly_inside[:5], {name: each[:5] for name, each in answers.items()}),
    alt="Five pictures with an outline and stray lines, the true insides, and two rows of answers. 1-1-1-1 fills the "
    "rims of outlines, leaves holes in the middle, and marks patches outside. 1-2-4-8 fills most of each outline.",
)
pd.Series(scores, name="overlap with the truth").map("{:.0%}".format).to_frame()

# %% [markdown]
# One seed. The record has five, 32 passes, and for each side the better of two learning rates, as the validation part has
# it. It also has a control. If the *span* does it, 4-4-4-4 should do as well: it spans 33 pixels. But it reads only every
# fourth of a row, 81 of 1,089 in all; and 81 is what 1-1-1-1 reads.

# %% tags=["T129", "nbval-check-output"]
rows = evidence("inside")
by_passes = rows.groupby(["dilation", "rate", "passes"])["test_overlap"].mean().unstack()
assert (by_passes[32] - by_passes[24]).abs().max() < 0.035  # settled
by_rate = by_passes[32].unstack("rate")
assert (by_rate.loc["1-2-4-8"] > by_rate.loc["1-1-1-1"] + 0.3).all()
assert (by_rate.loc["1-1-1-1"] > by_rate.loc["4-4-4-4"] + 0.1).all()
last = rows[rows["passes"] == 32]
chosen = at_best_rate(last, "dilation", -last["validation_overlap"])
result = compare(chosen, "dilation", "test_overlap", against="1-1-1-1")
assert result.loc["1-2-4-8", "low"] > 0 and result.loc["4-4-4-4", "high"] < 0
runs = {name: part["test_overlap"].to_numpy() for name, part in chosen.groupby("dilation", sort=False)}
show(
    charts.dots(runs, "overlap on new pictures", percent=True),
    alt="Five dots for each list of rates. 4-4-4-4 at about 40 %, 1-1-1-1 at about 57 %, 1-2-4-8 at about 92 %; no two lists "
    "come near each other.",
)
result[["mean", "deviation", "difference", "low", "high"]].map("{:.1%}".format)

# %% [markdown]
# **On this task 1-2-4-8 overlaps more with the truth than 1-1-1-1 does, and 4-4-4-4, which spans the most, less than
# both.** (The intervals are for the differences to 1-1-1-1. With two rates each list has its best at an edge, so a third
# might raise any of them; but the order is the same at both.) So span alone does not do it. Of the two lists that span
# far, only the one that reads all it spans gained.
#
# ## The other way: transposed convolution
#
# Now from few numbers to many. Take two inputs, 2 and 3, and the kernel (1, 10, 100). Each input presses a *stamp*: the
# kernel times its value. The next stamp lies $s$ places further, here two, and where stamps overlap they are added:
#
# | | | | | | |
# |---|---|---|---|---|---|
# | stamp of 2 | 2 | 20 | 200 | | |
# | stamp of 3 | | | 3 | 30 | 300 |
# | output | 2 | 20 | 203 | 30 | 300 |
#
# As a matrix, this layer has the kernel in its *columns*: a convolution's matrix $C$, transposed. Where else does
# $C^{\mathsf T}$ turn up? A convolution computes $\mathbf y = C\mathbf x$, so $\partial y_i/\partial x_j = C_{ij}$, and by
# the chain rule
#
# $$\frac{\partial \mathcal L}{\partial x_j} = \sum_i \frac{\partial \mathcal L}{\partial y_i}\, C_{ij},\qquad\text{or}\qquad
# \frac{\partial \mathcal L}{\partial \mathbf x} = C^{\mathsf T} \frac{\partial \mathcal L}{\partial \mathbf y}.$$
#
# Slopes go back through a convolution by $C^{\mathsf T}$. A layer that does so on its way *forward* is a **transposed
# convolution**. Its other name, *fractionally strided*, comes from a third way to compute it: put $s - 1$ zeros between the
# inputs and $k - 1$ around them, turn the kernel by 180° and slide it. Each of its steps is then a fraction of a step from
# input to input. Do all ways agree?

# %% tags=["T134", "T135", "nbval-check-output"]
kernel, few = rng.normal(size=(3, 3, 1, 1)), rng.normal(size=(2, 2))
matrix = matrix_of(kernel, 5, 5, strides=2)  # (4, 25)
ways = {"C transposed": (matrix.T @ few.ravel()).reshape(5, 5)}
few_maps = few[None, :, :, None].astype("float32")
ways["Conv2DTranspose"] = run(keras.layers.Conv2DTranspose(1, 3, strides=2, **bare), few_maps, kernel)[0, :, :, 0]

conv, blank = keras.layers.Conv2D(1, 3, strides=2, **bare), np.zeros((1, 5, 5, 1), "float32")
run(conv, blank, kernel)
(slope,) = gradients(lambda x: keras.ops.sum(conv(x) * few_maps), blank)  # of a loss whose slope by y is few
ways["gradient of Conv2D"] = slope[0, :, :, 0]

spread = np.zeros((3 + 4, 3 + 4))
spread[2:5:2, 2:5:2] = few  # zeros between and around
ways["zeros inserted"] = signal.correlate2d(spread, kernel[::-1, ::-1, 0, 0], mode="valid")
agree = {name: np.allclose(each, ways["C transposed"], atol=1e-5) for name, each in ways.items()}
pd.Series(agree, name="same numbers").to_frame()

# %% [markdown]
# Many papers call it *deconvolution*, which promises too much: it brings back the size, not the picture. Below are two
# pictures that the convolution cannot tell apart. What could any later layer do about it?

# %% tags=["T135", "nbval-check-output"]
one_picture = rng.normal(size=25)
unseen = np.linalg.svd(matrix)[2][4:]  # 21 directions that C turns into 0
another = one_picture + unseen.T @ rng.normal(size=21)
print("rank of C:", np.linalg.matrix_rank(matrix), "of", matrix.shape[1], "pixels")
print("same answers:", np.allclose(matrix @ one_picture, matrix @ another))
print("same picture:", np.allclose(one_picture, another))

# %% [markdown]
# It can do nothing: both pictures reach it as the same four numbers.
#
# **Exercise 3.** Press the stamps: channels in, filters out, any stride up to the kernel size. Mind the order of the
# kernel's axes: it is Keras', and not that of `Conv2D`.


# %% exercise="transposed_convolution"
def transposed_convolution(image, kernel, strides):
    """image (height, width, channels), kernel (k, k, filters, channels), k >= strides. Returns all that is stamped."""
    ### BEGIN SOLUTION
    height, width, _ = image.shape
    size, _, filters, _ = kernel.shape
    output = np.zeros(((height - 1) * strides + size, (width - 1) * strides + size, filters))
    for r, c in np.ndindex(height, width):
        top, left = r * strides, c * strides
        output[top : top + size, left : left + size] += kernel @ image[r, c]
    return output
    ### END SOLUTION


# %% check="transposed_convolution"
check(transposed_convolution)

# %% [markdown]
# How large is the output? $m$ stamps of $k$, each $s$ further: $(m - 1)s + k$. (That is Keras' `valid`; if $k < s$, zeros
# fill it up to $ms$. `same` gives $ms$.) Where the convolution had $p$ zeros around, its transposed cuts $p$ rows off on
# each side. The *guide to convolution arithmetic* (below) goes through the cases. Here they are as tests: a picture goes
# there by `Conv2D`, and back by `Conv2DTranspose`. Will it be as large as before? (We ask the layer for the size only: not
# every processor can run it with dilation.)

# %% tags=["T138", "nbval-check-output"]
cases = {
    "no padding": (4, 3, 1, 0, 1),
    "any padding": (5, 4, 1, 2, 1),
    "half (same) padding": (5, 3, 1, 1, 1),
    "full padding": (5, 3, 1, 2, 1),
    "strides": (5, 3, 2, 0, 1),
    "strides, padding": (5, 3, 2, 1, 1),
    "strides, one left over": (6, 3, 2, 1, 1),
    "dilation": (7, 3, 1, 0, 2),
}
found = []
for pixels, k, s, p, d in cases.values():
    settings = {"strides": s, "dilation_rate": d, **bare}
    there = run(keras.layers.Conv2D(1, k, **settings), np.ones((1, pixels + 2 * p, pixels + 2 * p, 1)))
    back = keras.layers.Conv2DTranspose(1, k, **settings).compute_output_shape(there.shape)[1] - 2 * p
    span = d * (k - 1) + 1
    left_over = (pixels + 2 * p - span) % s
    assert there.shape[1] == (pixels + 2 * p - span) // s + 1 and back + left_over == pixels
    found.append((pixels, k, s, p, d, there.shape[1], back, left_over))
names = ["pixels", "kernel size", "strides", "zeros around", "dilation", "there", "back", "left over"]
pd.DataFrame(found, cases, columns=names)

# %% [markdown]
# Only where strides left a pixel over, the way back is too short, by just that. Now move kernel size, strides and padding:
# four inputs, their stamps, and how many stamps reach each output. When are there gaps? When are the counts level?

# %% tags=["T136", "T134", "widget"]
show(
    figures.stamp_sheet([(2, 2), (3, 2), (4, 2)]),
    alt="Three panels, four coloured stamps each, two places apart, and a row of counts below. Kernel size 2: every count is 1. "
    "Size 3: 1 1 2 1 2 1 2 1 1. Size 4: 1 1 2 2 2 2 2 2 1 1.",
)
explore(
    figures.stamps,
    alt="Four stamps in four colours, one below the other, and below them for each output how many stamps reach it.",
    kernel_size=(1, 6, 1),
    strides=(1, 4, 1),
    padding=["valid", "same"],
)

# %% [markdown]
# ## Chessboards
#
# Gaps come where $k < s$. With $k = 3$ and $s = 2$ an output is reached by one weight or by two; in two directions by 1,
# 2, 2 or 4. The counts are level only if $s$ divides $k$. But *equal counts are not equal weights*. With $k = 4$ every
# output has four weights, but not the same four: it depends on whether its row and its column are odd. What does a
# picture of one grey become, enlarged with random weights? And what if we enlarge by copying each pixel (*nearest*) and
# convolve afterwards?

# %% tags=["T134", "T132"]
grey, seeds = np.ones((1, 8, 8, 1)), np.random.default_rng(5)
boards = {}
for size in (2, 3, 4):
    layer = keras.layers.Conv2DTranspose(1, size, strides=2, padding="same", **bare)
    boards[f"transposed, k = {size}"] = run(layer, grey, seeds.normal(size=(size, size, 1, 1)))[0, 4:12, 4:12, 0]
copied = keras.layers.UpSampling2D(2, interpolation="nearest")(grey)
smooth = keras.layers.Conv2D(1, 3, padding="same", **bare)
boards["nearest, then 3 × 3"] = run(smooth, np.asarray(copied), seeds.normal(size=(3, 3, 1, 1)))[0, 4:12, 4:12, 0]
values = [len(np.unique(board.round(4))) for board in boards.values()]
assert values == [4, 4, 4, 1]
show(
    figures.boards(boards),
    alt="Four squares of 8 by 8. Three transposed convolutions of sizes 2, 3 and 4: each a regular pattern of four greys. Nearest, "
    "then 3 by 3: one even grey.",
)

# %% [markdown]
# Four greys with $k = 2$, 3 and 4; one if we copy first. That is the *start*, with random weights. Whether training removes
# the boards we did not measure. (Slopes go back through a layer with strides by the same $C^{\mathsf T}$, so they can
# have boards, too.)
#
# Copying needs no weights. Other such ways draw straight lines between the pixels (*bilinear*) or cubic curves (*bicubic*).
# Halve a photo and enlarge it again: which comes nearest to it? And are these transposed convolutions, too, with *fixed*
# kernels?

# %% tags=["T132"]
face = cat[40:240, 60:260].astype("float32")
half = face.reshape(100, 2, 100, 2).mean(axis=(1, 3))[None, :, :, None]
enlarged, errors = {}, {}
for mode in ("nearest", "bilinear", "bicubic"):
    enlarged[mode] = np.asarray(keras.layers.UpSampling2D(2, interpolation=mode)(half))[0, :, :, 0]
    by_operation = np.asarray(keras.ops.image.resize(half, (200, 200), interpolation=mode))[0, :, :, 0]
    assert np.allclose(enlarged[mode], by_operation, atol=1e-5)
    errors[mode] = 255 * np.sqrt(np.mean((enlarged[mode] - face)[4:-4, 4:-4] ** 2))  # without the border
assert errors["nearest"] > errors["bilinear"] > errors["bicubic"]
details = [each[60:110, 40:90] for each in (face, *enlarged.values())]
show(
    charts.gallery(details, ["photo", *enlarged], columns=4, size=2),
    alt="A cat's eye, four times: the photo, sharp; nearest, in blocks; bilinear, soft; bicubic, a little sharper.",
)
line = np.array([1, 3, 3, 1]) / 4
for mode, stamp in {"nearest": np.ones((2, 2)), "bilinear": np.outer(line, line)}.items():
    layer = keras.layers.Conv2DTranspose(1, len(stamp), strides=2, padding="same", **bare)
    stamped = run(layer, half, stamp[:, :, None, None])[0, :, :, 0]
    assert np.allclose(stamped[2:-2, 2:-2], enlarged[mode][2:-2, 2:-2], atol=1e-5)
pd.Series(errors, name="error, grey levels of 255").round(1).to_frame()

# %% [markdown]
# On this photo bicubic has the smallest error, nearest the largest. (`UpSampling2D` and `keras.ops.image.resize` agree.)
# And inside the border, nearest *is* a transposed convolution with a stamp of ones, bilinear one with (¼, ¾, ¾, ¼) in each
# direction.
#
# **Exercise 4.** What, then, is *nearest, then a 3 × 3 convolution*? Both are linear and do the same at every pixel, so
# together they are a single transposed convolution with strides of 2. Find its 4 × 4 kernel. (At the border they differ;
# never mind.)


# %% exercise="resize_kernel"
def resize_kernel(kernel):
    """kernel (3, 3) of the convolution that follows. Returns the kernel (4, 4) of the one transposed convolution."""
    ### BEGIN SOLUTION
    stamp = np.zeros((4, 4))
    for i, j in np.ndindex(2, 2):  # each value is copied to four places
        stamp[i : i + 3, j : j + 3] += kernel[::-1, ::-1]
    return stamp
    ### END SOLUTION


# %% check="resize_kernel"
check(resize_kernel)

# %% [markdown]
# Sixteen weights made of nine: tied so that no board can start.
#
# ## A third axis: time
#
# A clip is a stack of frames. A bar walks through noise, to the left or to the right. Which way?

# %% tags=["T137"]
walks, to_the_right = clips(300, seed=0)
frames = np.clip(0.5 + walks[0, :, :, :, 0] / 3, 0, 1)
show(
    charts.gallery(frames, [f"frame {number}" for number in range(1, 13)], columns=12, size=0.74),
    alt="Twelve small frames of grey noise; in five of them an upright bright bar, in each frame one column further on.",
)

# %% [markdown]
# *Frame by frame*, no 2-D layer can tell, if the largest answer over all frames is taken. Proof: play a clip backwards. The
# bar walks the other way, but the frames are the same, so the answer is, too. For one of the two it is wrong. A **3-D
# convolution** slides a kernel of frames × rows × columns along all three axes. (With 1 × 3 × 3, it is a 2-D layer frame by
# frame.) Do 3 × 3 × 3 see it?

# %% tags=["T137"]
new_walks, new_right = clips(300, seed=1)
both_ways = np.concatenate([new_walks, new_walks[:, ::-1]])
both_right = np.concatenate([new_right, 1 - new_right])
wrong = {}
for name, kernel_size in {"frame by frame": (1, 3, 3), "3-D": (3, 3, 3)}.items():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((12, 10, 10, 1)),
            keras.layers.Conv3D(8, kernel_size, activation="relu", kernel_initializer="he_normal"),
            keras.layers.GlobalMaxPooling3D(),
            keras.layers.Dense(1),
        ]
    )
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
    model.fit(walks, to_the_right, batch_size=25, epochs=20, verbose=0)
    says_right = keras.ops.convert_to_numpy(model(both_ways))[:, 0] > 0
    wrong[name] = np.mean(says_right != both_right)
assert abs(wrong["frame by frame"] - 0.5) < 0.01 and wrong["3-D"] < 0.1
pd.Series(wrong, name="wrong answers").map("{:.0%}".format).to_frame()

# %% [markdown]
# Yes; and frame by frame, half of the answers are wrong, as proved. Is a third axis the only way? No: give all twelve
# frames to a 2-D layer *as channels*, and it sees the motion, too. But it has other weights for each frame. So show it
# walks that start in frames 1 to 4, and ask about later ones. Five seeds, the best of four rates on the validation part.
# (Intervals are for the differences to the 3-D net.)

# %% tags=["T137", "nbval-check-output"]
rows = evidence("later")
rows = rows.assign(net=rows["net"] + ", shown " + rows["shown"] + " starts")
chosen = at_best_rate(rows, "net", "validation_loss")
by_start = {
    part: compare(chosen, "net", f"{part}_error", against="3-D, shown early starts") for part in ("early", "late")
}
late = by_start["late"]
assert late.loc["frames as channels, shown early starts", "low"] > 0
once_more = compare(chosen, "net", "late_error", against="frames as channels, shown early starts")
assert once_more.loc["frames as channels, shown all starts", "high"] < 0
by_rate = rows.groupby(["net", "rate"])["late_error"].mean().unstack()
assert (by_rate.loc["frames as channels, shown early starts"] > 0.2).all()  # at every rate
assert (by_rate.drop("frames as channels, shown early starts") == 0).all(axis=None)
table = {"early starts": by_start["early"]["mean"], "late starts": late["mean"]}
pd.DataFrame(table | {"late: low": late["low"], "high": late["high"]}).map("{:.1%}".format)

# %% [markdown]
# **Asked about walks that start later than all it was shown, the net with frames as channels makes more errors than the 3-D
# net.** **Shown walks of all starts, it makes fewer errors on late ones than when it was shown early ones only.** (The
# two others chose the largest rate, but at none of the four do they err on late starts.) What the
# 3-D net has built in, the other had to be shown: a third axis shares over time what lesson 09's kernel shares over space.
#
# ## One matrix, many patterns
#
# So: yes, three times. Each pattern has its price:
#
# | layer | multiply-adds for each output | weights | reach | buys | gives up, or mind |
# |---|---|---|---|---|---|
# | $k \times k$ | $k^2$ · channels | $k^2$ · channels · filters | $k$ | any pattern in a window | |
# | 1 × 1 | channels | channels · filters | 1 | thinner or thicker maps | neighbours |
# | $k \times 1$, then $1 \times k$, one channel | $2k$ | $2k$ | $k$ | $2k$ for $k^2$ | ranks above 1 |
# | depthwise | $k^2$ | $k^2$ · channels | $k$ | little work | to mix channels |
# | depthwise separable | channels · $(1 + k^2/\text{filters})$ | channels · $(k^2 + \text{filters})$ | $k$ | little work | ranks above 1 in a channel |
# | dilation $d$ | $k^2$ · channels | $k^2$ · channels · filters | $d(k-1)+1$ | reach | what lies in the gaps |
# | transposed | $(k/s)^2$ · channels, on average | $k^2$ · channels · filters | $\lceil k/s \rceil$ at most | larger maps | boards at the start |
# | 3-D | $k^3$ · channels | $k^3$ · channels · filters | $k$, in time, too | one kernel for all times | $k$ times the work |
#
# You can now write any of these layers as a matrix, count its costs, say what it cannot do, and find it in Keras.
#
# ## Think about it
#
# **On maps of 4 × 4, what does a 3 × 3 kernel with dilation 8 and `same` padding compute?**
#
# <details><summary>Answer</summary>
#
# A 1 × 1 convolution. Eight of the nine taps lie outside the map at every place, and only ever meet zeros of the padding.
# </details>
#
# **A transposed convolution brings back the size that a `valid` convolution took away. Why can no kernel bring back the
# picture, and when could one?**
#
# <details><summary>Answer</summary>
#
# $C$ has fewer rows than columns. What lies in the directions that it turns into 0 (21 of 25 above) has left no trace. With
# a 1 × 1 kernel of one channel, not 0, nothing is lost: dividing brings the picture back.
# </details>
#
# ## Further reading
#
# - V. Dumoulin and F. Visin, *A guide to convolution arithmetic for deep learning*, 2016,
#   [arXiv:1603.07285](https://arxiv.org/abs/1603.07285).
# - A. Odena, V. Dumoulin and C. Olah, *Deconvolution and checkerboard artifacts*, Distill, 2016,
#   [doi:10.23915/distill.00003](https://doi.org/10.23915/distill.00003).
# - F. Yu and V. Koltun, *Multi-scale context aggregation by dilated convolutions*, 2016,
#   [arXiv:1511.07122](https://arxiv.org/abs/1511.07122).
# - F. Chollet, *Xception: deep learning with depthwise separable convolutions*, 2017,
#   [arXiv:1610.02357](https://arxiv.org/abs/1610.02357), and A. Howard and others, *MobileNets*, 2017,
#   [arXiv:1704.04861](https://arxiv.org/abs/1704.04861).
# - M. Lin, Q. Chen and S. Yan, *Network in network*, 2014, [arXiv:1312.4400](https://arxiv.org/abs/1312.4400): the 1 × 1.
# - J. Long, E. Shelhamer and T. Darrell, *Fully convolutional networks for semantic segmentation*, 2015,
#   [arXiv:1411.4038](https://arxiv.org/abs/1411.4038): an answer for every pixel, by transposed convolutions.
# - D. Tran and others, *Learning spatiotemporal features with 3D convolutional networks*, 2015,
#   [arXiv:1412.0767](https://arxiv.org/abs/1412.0767).
