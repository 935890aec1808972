# ---
# jupyter:
#   course:
#     title: "Convolution: look locally, and share what you learn"
#     summary: "Why pictures need few weights: small detectors that slide, from three multiplications by hand to a network that finds digits anywhere."
#     objectives:
#       - "explain how local windows and shared weights turn 1.6 billion weights into ten thousand"
#       - "compute a convolution layer by hand, in NumPy and in Keras: kernel, padding, strides, channels, filters"
#       - "predict output size, parameters and receptive field of any stack of convolution layers"
#       - "write a convolution layer as a dense layer with a banded, repeating matrix"
#       - "say what weight sharing buys when things may be anywhere in a picture, and when it buys nothing"
#     needs: [05_mlp_backprop]
#     minutes: 90
#     data: [photos, digits]
# ---

# %% [markdown]
# A phone finds the cat in its camera picture, wherever the cat sits. In lesson 05 every unit of a layer was wired to every
# input. Could such a network do it? Take a small grey picture, 200 × 200 pixels, and one hidden layer with as many units as
# pixels. Guess: how many weights is that?
#
# **How can a network look at a picture without drowning in weights, and find the cat wherever it is?**

# %%
import itertools
import timeit
from functools import partial

import keras
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal
from skimage.feature import peak_local_max

from course_lessons.convolution import figures
from course_lib import data, layers, losses, optim, scale
from course_lib.exercises import check, hint, solution
from course_lib.gradients import gradients
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

photos = data.photos()
cat = photos["cat"][50:250, 130:330]  # 200 x 200 pixels, 3 channels
grey = cat.mean(axis=-1)
rng = np.random.default_rng(0)

# %% [markdown]
# ## Too many weights
#
# Let Keras count small ones, and go on by the rule. Then ask what all those connections are worth: how much does a pixel
# tell about one that lies 1, 5, 25 or 100 pixels to its right?

# %% tags=["T113", "nbval-check-output"]
for side in (5, 10, 20):
    dense = keras.layers.Dense(side**2, use_bias=False)
    dense.build((None, side**2))
    print(f"{side} x {side}: {dense.count_params():,} weights, rule {(side**2) ** 2:,}")
weights = (200**2) ** 2
print(f"200 x 200: {weights:,} weights, {4 * weights / 1e9:.1f} GB in float32")
print(f"'two billion' would be {2e9 / weights - 1:.0%} more")

for distance in (1, 5, 25, 100):
    here, there = grey[:, :-distance].ravel(), grey[:, distance:].ravel()
    print(f"correlation over {distance:3}: {np.corrcoef(here, there)[0, 1]:+.2f}")

# %% [markdown]
# You may have seen this layer given as about 2 billion. It is 1.6 billion, bad enough for one small grey picture. And most
# of it is waste: pixels far apart have little to say to each other.
#
# ## Look locally, then share
#
# So let a unit see a window only. And if weights that look for an eye are good *here*, why not use them everywhere? What a
# unit sees is a list of places; those lists make one kind of layer or another.


# %% tags=["T108", "T109"]
class Wired(layers.Layer):
    """Units that see some of the inputs: `places` (..., inputs seen) lists which."""

    def __init__(self, places, filters, rng, shared=False):
        super().__init__()
        self.shape, seen = places.shape[:-1], places.shape[-1]
        self.places = places.reshape(-1, seen)
        shape = (1 if shared else len(self.places), seen, filters)
        self.parameters = {"kernel": rng.normal(0, np.sqrt(1 / seen), shape)}

    def forward(self, inputs):
        self.windows = inputs[:, self.places].swapaxes(0, 1)  # (places, batch, seen)
        outputs = self.windows @ self.parameters["kernel"]  # (places, batch, filters)
        return outputs.swapaxes(0, 1).reshape(len(inputs), *self.shape, -1)


# %% [markdown]
# Take 7 inputs and 3 units. How many weights, and how many multiply-adds, do you expect? (Feed in one input at a time, and
# out comes its row of weights. From that matrix the edges are drawn; equal weights have one colour.)

# %% tags=["T108", "T109", "G17", "nbval-check-output"]
everything = np.tile(np.arange(7), (3, 1))  # three units, each sees all seven
near = np.array([[0, 1, 2], [2, 3, 4], [4, 5, 6]])
nets = {"dense": Wired(everything, 1, rng), "local": Wired(near, 1, rng)}
nets["shared"] = Wired(near, 1, rng, shared=True)
for name, net in nets.items():
    weights, products = net.parameters["kernel"].size, net.places.size
    print(f"{name:6} {weights:2} weights, {products:2} multiply-adds", end="; ")
    print(f"dense has {21 / weights:.1f} x the weights, {21 / products:.1f} x the work")
matrices = {name: net.forward(np.eye(7))[..., 0] for name, net in nets.items()}
show(
    figures.wirings(matrices),
    alt="Seven inputs, three units. Dense: 21 edges. Local: three edges for each unit. "
    "Shared: the same edges, in only three colours.",
)

# %% [markdown]
# With $m$ inputs, $n$ units and windows of $k$: dense stores $m\,n$ weights, local $k\,n$, shared only $k$. Sharing saves
# memory, but no work: still $k\,n$ multiply-adds. Keras 3 has the first and the third. Are the outputs the same? And what
# will a clock say, on 48 × 48 pixels with windows of 10 × 10?

# %% tags=["T108", "T109", "nbval-check-output"]
x = rng.normal(size=(4, 7))
twins = {"dense": keras.layers.Dense(3, use_bias=False)}
twins["shared"] = keras.layers.Conv1D(1, 3, strides=2, use_bias=False)
own = {"dense": matrices["dense"], "shared": nets["shared"].parameters["kernel"]}
for name, layer in twins.items():
    inputs = x if name == "dense" else x[..., None]
    layer.build(inputs.shape)
    layer.set_weights([own[name].reshape(layer.kernel.shape)])
    outputs = np.reshape(layer(inputs), (4, 3))
    same = np.allclose(outputs, nets[name].forward(x)[..., 0], atol=1e-5)
    print(f"{name:6} in Keras: {layer.count_params():2} weights, same outputs: {same}")


# %% tags=["T109"]
def windows_of(side, size):
    """The pixels that each window of a square picture sees, (rows, columns, size²)."""
    pixels = np.arange(side**2).reshape(side, side)
    windows = sliding_window_view(pixels, (size, size))
    return windows.reshape(*windows.shape[:2], -1)


near = windows_of(48, 10)
units = near[..., 0].size
racers = {"dense": layers.Dense(48**2, units, rng), "local": Wired(near, 1, rng)}
racers["shared"] = Wired(near, 1, rng, shared=True)
picture = grey[:48, :48].reshape(1, -1)
for name, layer in racers.items():
    timer = timeit.Timer(partial(layer.forward, picture))
    milliseconds = 1000 * min(timer.repeat(repeat=5, number=5)) / 5
    size = layer.parameters["kernel"].size
    work = size if name == "dense" else near.size
    print(f"{name:6}{size:10,} weights{work:10,} multiply-adds{milliseconds:7.2f} ms")

# %% [markdown]
# Dense does about 23 times the work; its milliseconds depend on the machine's memory too. Local and shared work alike. Back
# to 200 × 200 pixels: a 10 × 10 window of its own for every unit, or 100 shared detectors.

# %% tags=["T114", "T115", "G19", "nbval-check-output"]
conv = keras.layers.Conv2D(100, 10, use_bias=False)
conv.build((None, 200, 200, 1))
counts = {"dense": 40_000 * 40_000, "local": 40_000 * 10 * 10}
counts["convolution"] = conv.count_params()
words = {name: f"{count:,} weights" for name, count in counts.items()}
for name in words:
    print(f"{name:12}{words[name]:>21}")
words["convolution"] += "\nin 100 filters"
show(
    figures.ways_to_look(grey, 10, words),
    alt="A cat below units. Dense: every unit sees all of it. Local: each has its own window. "
    "Convolution: windows with the same weights, several units for each.",
)

# %% [markdown]
# From 1.6 billion to 10 thousand. A layer of windows with shared weights is a **convolution layer**; a set of shared
# weights is a **kernel** or **filter**.
#
# ## Slide, multiply, add
#
# What does it compute? Lay the kernel on the top left corner of the image, multiply what lies on top of each other, add.
# Then move one pixel on, and again. With $w$ for the kernel, $x$ for the image and a bias $b$:
#
# $$y_{r,c} = \sum_i \sum_j w_{i,j}\; x_{r+i,\,c+j} + b$$
#
# At how many places does a 3 × 3 window fit into 5 × 5 pixels? Work out a sum or two in your head before you run this.

# %% tags=["T104", "Q07", "nbval-check-output"]
image = np.array(
    [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
)
kernel = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]])
products = image[0:3, 0:3] * kernel
print("first place:", products.tolist(), "sum", products.sum())

by_loops = np.zeros((3, 3), int)
for r, c in itertools.product(range(3), range(3)):
    for i, j in itertools.product(range(3), range(3)):
        by_loops[r, c] += kernel[i, j] * image[r + i, c + j]
print("all places: ", by_loops.tolist())

# %% tags=["G15", "Q07", "T104", "widget"]
show(
    figures.all_positions(image, kernel),
    alt="Nine copies of the 5 by 5 image, each with the window at another place and its sum; "
    "the nine sums make the 3 by 3 output.",
)
explore(
    figures.sliding_window,
    alt="An image of 5 by 5 numbers with the 3 by 3 window of the kernel on it; beside it the "
    "output, filled up to this step.",
    step=(1, 9, 1),
)

# %% [markdown]
# One trap in the name. Mathematicians turn the kernel by 180° before they slide it and call that *convolution*; sliding it
# as it is they call **cross-correlation**. Our kernel looks the same turned round, so it cannot tell them apart. A lopsided
# one can. Which of the two does a "convolution" layer compute?


# %% tags=["T104", "nbval-check-output"]
def keras_conv(images, kernel, **options):
    """What Conv2D with this kernel (height, width, channels, filters) makes of images."""
    layer = keras.layers.Conv2D(
        kernel.shape[-1], kernel.shape[:2], use_bias=False, **options
    )
    layer.build(images.shape)
    layer.set_weights([kernel])
    return keras.ops.convert_to_numpy(layer(images.astype("float32")))


lopsided = np.array([[1, 2, 0], [0, 0, 0], [0, 0, 0]])
for name, some in (("ours", kernel), ("lopsided", lopsided)):
    layer = keras_conv(image[None, :, :, None], some[:, :, None, None])[0, :, :, 0]
    print(f"{name:9}Keras      ", layer.astype(int).tolist())
    print("         correlation", signal.correlate2d(image, some, mode="valid").tolist())
    print("         convolution", signal.convolve2d(image, some, mode="valid").tolist())

# %% [markdown]
# Cross-correlation, as in every framework. Where the kernel is learnt it makes no difference.
#
# **Exercise 1.** Write it for any image and kernel, also oblong ones; only whole windows count. Stuck? `hint("correlate2d")`.


# %% exercise="correlate2d"
def correlate2d(image, kernel):
    """image (height, width), kernel (kernel_height, kernel_width). Returns a sum for every place where it fits."""
    ### BEGIN SOLUTION
    height, width = kernel.shape
    output = np.zeros((image.shape[0] - height + 1, image.shape[1] - width + 1))
    for r, c in np.ndindex(output.shape):
        output[r, c] = np.sum(image[r : r + height, c : c + width] * kernel)
    return output
    ### END SOLUTION


# %% check="correlate2d"
check(correlate2d)

# %% [markdown]
# ## A kernel is a detector
#
# Nine numbers decide what the layer sees. What will nine times 1/9 do? And −1 on the left with +1 on the right? Below the
# figure, type your own: three rows of three numbers. Can you make the cat darker? Find edges at 45°?

# %% tags=["T105", "widget"]
kernels = {
    "blur": np.full((3, 3), 1 / 9),
    "sharpen": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "vertical edges": np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "horizontal edges": np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
    "outline": np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
}
face = grey[::3, ::3]
results = [signal.correlate2d(face, each, mode="valid") for each in kernels.values()]
show(
    figures.kernel_sheet(kernels, results),
    alt="Five kernels and what each makes of the cat: blurred, sharpened, vertical edges, "
    "horizontal edges, outlines.",
)
rows = {"first_row": "0 -1 0", "middle_row": "-1 5 -1", "last_row": "0 -1 0"}
explore(
    partial(figures.kernel_editor, face),
    alt="A kernel of three rows of three numbers, and what it makes of the cat.",
    **rows,
)

# %% [markdown]
# A kernel answers most strongly to what looks like itself. So cut out one of the cat's eyes, take away its mean (or mere
# brightness would excite it), and use *that* as the kernel. Will one detector find the eye when the cat moves?

# %% tags=["T106", "Q09", "nbval-check-output"]
whole = photos["cat"].mean(axis=-1)[::4, ::4]
eye = whole[21:38, 35:52] - whole[21:38, 35:52].mean()
offsets, crops, answers, spots = [(0, 0), (5, 15), (14, 30)], [], [], []
for top, left in offsets:
    crops.append(whole[top : top + 60, left : left + 80])
    answers.append(signal.correlate2d(crops[-1], eye, mode="valid"))
    best = peak_local_max(answers[-1], min_distance=17, num_peaks=2, exclude_border=False)
    spots.append(best.tolist())
    print(
        f"best at {spots[-1][0]}; in the whole photo {np.add(best, (top, left)).tolist()}"
    )
assert np.allclose(answers[1][:-5, :-15], answers[0][5:, 15:])  # it moved, no more
show(
    figures.found(crops, answers, spots, size=17),
    alt="Three views of the cat, moved up and left. Each time the frame is on the same eye; "
    "in the last two the second best answer, dotted, is the other eye.",
)

# %% [markdown]
# When the picture moves, the map of answers moves along: a convolution is **equivariant** to shifts. And as soon as the
# *other* eye is in the picture, it is second best, though the detector has never seen it.
#
# We cut this detector out. Could a network *learn* many of them? Hold that question until the end.
#
# ## The edge of the picture: padding and strides
#
# 3 × 3 windows turn 7 × 7 pixels into 5 × 5. **Padding** puts zeros around the image first: in Keras `valid` means none,
# `same` enough to keep the size. With **strides** of 2 the window moves two pixels at a time. What will a padded kernel of
# ones say about an image that is 1 everywhere? Are strides of 2 more than dropping every second value?

# %% tags=["T118", "T119", "T120", "nbval-check-output"]
ones = np.ones((3, 3, 1, 1))
for padding in ("valid", "same"):
    output = keras_conv(np.ones((1, 7, 7, 1)), ones, padding=padding)
    print(f"{padding}: 7 x 7 becomes {output.shape[1]} x {output.shape[2]}")
print(output[0, :, :, 0].astype(int))

images, kernel_5 = rng.normal(size=(1, 32, 32, 3)), rng.normal(size=(5, 5, 3, 4))
fine, coarse = (keras_conv(images, kernel_5, strides=strides) for strides in (1, 2))
print("strides 1:", fine.shape, " strides 2:", coarse.shape)
print("every second value:", np.allclose(fine[:, ::2, ::2], coarse, atol=1e-4))

# %% tags=["T121", "T119", "G18"]
show(
    figures.settings_grid([(0, 1), (1, 1), (0, 2), (1, 2)]),
    alt="Padding 0 or 1, strides 1 or 2, on 7 by 7 pixels: the places of the windows above, "
    "below the outputs, 5 by 5, 7 by 7, 3 by 3 and 4 by 4.",
)

# %% [markdown]
# Zeros are not innocent: the border sees darkness that was never there. Strides only thin out, and save the work. A third
# setting, the `dilation_rate`, spreads the kernel: with 2 it reads every second pixel and spans 5 × 5. Play with all three,
# then move `step` and watch the output grow.

# %% tags=["T118", "G18", "picture", "widget"]
show(
    figures.film("vertical edges", strides=2, padding=1, steps=(1, 6, 11, 16)),
    alt="Four steps of a window over a tiny picture of a cat, padding 1, strides 2; below, "
    "the output fills up, value by value.",
)
settings = {"kernel": list(figures.KERNELS), "strides": (1, 3, 1)}
settings |= {"padding": (0, 2, 1), "dilation_rate": (1, 3, 1), "step": (1, 81, 1)}
explore(
    figures.convolution_explorer,
    alt="A tiny picture of a cat with the window of a kernel on it; beside it the output, filled up "
    "to this step.",
    **settings,
)

# %% [markdown]
# How large is the output? A window of $F$ can take $W + 2P - F$ steps from its first place, and every $S$-th counts:
#
# $$\left\lfloor \frac{W - F + 2P}{S} \right\rfloor + 1$$
#
# You may have seen this without the brackets $\lfloor\ \rfloor$, which round down: for $W = 224$, $F = 11$, $S = 4$ that makes
# 54.25 places. You may also have seen it called a *valid* convolution whatever $P$ is. Let Keras judge both.

# %% tags=["T122", "nbval-check-output"]
tried = broken = 0
for W, F, S, P in itertools.product(range(5, 12), (1, 2, 3, 5), (1, 2, 3, 4), (0, 1, 2)):
    padded = np.pad(np.ones((1, W, W, 1)), ((0, 0), (P, P), (P, P), (0, 0)))
    output = keras.ops.conv(padded, np.ones((F, F, 1, 1)), strides=S, padding="valid")
    assert output.shape[1] == (W - F + 2 * P) // S + 1
    tried, broken = tried + 1, broken + ((W - F + 2 * P) % S > 0)
print(f"{tried} settings right with rounding down; in {broken} of them it mattered")
for W in (224, 227):
    maps = keras.layers.Conv2D(96, 11, strides=4)(np.zeros((1, W, W, 3)))
    print(f"W = {W}: (W - 11) / 4 + 1 = {(W - 11) / 4 + 1}, Keras {maps.shape[1:]}")

valid = keras_conv(np.ones((1, 7, 7, 1)), ones, padding="valid").shape[1]
for P in (0, 1, 2):
    print(f"7 pixels, window 3, P = {P}: valid {valid}, formula {7 - 3 + 2 * P + 1}")

# %% [markdown]
# What is left over is dropped; and *valid* **means** $P = 0$: no window reaches outside. (For other $P$ there is
# `ZeroPadding2D`.)
#
# **Exercise 2.** Write the formula, with `dilation_rate`. How far does a dilated kernel reach?


# %% exercise="output_size"
def output_size(size, kernel_size, strides, padding, dilation_rate):
    """Rows of the output for `size` rows, `padding` zeros on both sides. Returns a whole number."""
    ### BEGIN SOLUTION
    reach = dilation_rate * (kernel_size - 1) + 1
    return (size + 2 * padding - reach) // strides + 1
    ### END SOLUTION


# %% check="output_size"
check(output_size)

# %% [markdown]
# ## Channels in, filters out
#
# The cat has three colour channels. A filter then has a kernel for each, and adds up: its weights are a block as deep as
# the image, and *one* map comes out. For more maps, take more filters.

# %% tags=["T110", "T111", "nbval-check-output"]
small = cat[:192:6, :192:6]  # 32 x 32 x 3
blocks = rng.normal(size=(5, 5, 3, 2))  # two filters
maps = keras_conv(small[None], blocks)[0]
print("kernel (height, width, channels, filters):", blocks.shape, "maps:", maps.shape)
for f in range(2):
    by_channel = [
        signal.correlate2d(small[..., channel], blocks[..., channel, f], mode="valid")
        for channel in range(3)
    ]
    same = np.allclose(sum(by_channel), maps[..., f], atol=1e-4)
    print(f"map {f} is the sum over the channels of filter {f}: {same}")

# %% [markdown]
# So a layer is one sum over window and channels, for each place and filter; `einsum` says just that. With a bias for each
# filter and ReLU it is a full level of a network. What shape will six filters give?


# %% tags=["T112", "nbval-check-output"]
def level(images, kernel, bias):
    windows = sliding_window_view(images, kernel.shape[:2], axis=(1, 2))
    sums = np.einsum("brckij,ijkf->brcf", windows, kernel)  # b image, r row, c column
    return np.maximum(sums + bias, 0)


conv = keras.layers.Conv2D(6, 5, activation="relu", bias_initializer="random_normal")
maps = keras.ops.convert_to_numpy(conv(small[None]))
ours = level(small[None], *conv.get_weights())
print(ours.shape, "same as Keras:", np.allclose(ours, maps, atol=1e-5))

# %% tags=["T116", "Q08", "G16", "nbval-check-output"]
outputs = []
for filters in (1, 2, 6):
    conv = keras.layers.Conv2D(filters, 5)
    outputs.append(tuple(conv(small[None]).shape[1:]))
    print(f"{filters} filters {tuple(conv.kernel.shape)}: {small.shape} -> {outputs[-1]}")
show(
    figures.volumes(small.shape, tuple(conv.kernel.shape[:3]), outputs),
    alt="A block 32 by 32 by 3, a filter 5 by 5 by 3, and blocks 28 by 28 of depth 1, 2 and 6.",
)

# %% [markdown]
# The depth that comes out is the number of filters. Here are four: two see edges, one fine spots, the last adds red and
# subtracts blue. What will it find?

# %% tags=["T117"]
astronaut = photos["astronaut"][:400:6, 20:420:6]
sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
spot = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])
four = [np.stack([each] * 3, axis=-1) for each in (sobel, sobel.T, spot)]
four = np.stack([*four, np.ones((3, 3, 1)) * [1, 0, -1]], axis=-1)
maps = keras_conv(astronaut[None], four)[0]
print("filters:", four.shape, " maps:", maps.shape)
show(
    figures.maps(astronaut, four, maps),
    alt="An astronaut, four filters and their maps: vertical edges, horizontal edges, fine "
    "spots, and the orange suit.",
)

# %% [markdown]
# **Exercise 3.** Write the whole layer: many images, channels and filters, zeros around, strides in both directions, a
# bias for each filter.


# %% exercise="conv_layer"
def conv_layer(images, kernel, bias, strides, padding):
    """images (batch, height, width, channels), kernel (size, size, channels, filters), bias (filters,)."""
    ### BEGIN SOLUTION
    around = (padding, padding)
    padded = np.pad(images, ((0, 0), around, around, (0, 0)))
    windows = sliding_window_view(padded, kernel.shape[:2], axis=(1, 2))
    windows = windows[:, ::strides, ::strides]
    return np.einsum("brckij,ijkf->brcf", windows, kernel) + bias
    ### END SOLUTION


# %% check="conv_layer"
check(conv_layer)

# %% [markdown]
# **Layer upon layer.** A second layer reads the maps of the first. You may have seen an image "convolved again and again
# with 5 × 5 × 3 filters". Can the second layer's filters have depth 3? How many layers until nothing is left? And are there
# always $F \cdot F \cdot D$ weights for each of $K$ filters, and $K$ biases, whatever the size of the picture?

# %% tags=["T125", "nbval-check-output"]
maps = small[None]
while maps.shape[1] >= 5:
    conv = keras.layers.Conv2D(6, 5)
    maps = conv(maps)
    print(f"filters {tuple(conv.kernel.shape[:3])} -> maps {tuple(maps.shape[1:])}")

first = keras.layers.Conv2D(6, 5)
maps = first(small[None])
try:
    first(maps)
except ValueError:
    print("5 x 5 x 3 filters on these maps: refused, the depth is wrong")
for _ in range(7):
    maps = keras.layers.Conv2D(6, 5, padding="same")(maps)
print("seven more layers with padding='same':", tuple(maps.shape[1:]))

# %% tags=["T123", "nbval-check-output"]
tried = 0
for F, D, K in itertools.product((1, 2, 3, 5, 11), (1, 3, 16), (1, 6, 64)):
    for side in (16, 200):
        conv = keras.layers.Conv2D(K, F)
        conv.build((None, side, side, D))
        assert conv.count_params() == F * F * D * K + K
        tried += 1
print(f"F F D K + K is right for all {tried} layers")

# %% [markdown]
# From the second layer on, a filter is as deep as the number of maps before it. Valid layers shrink 32 to 28, 24, …; `same`
# stops that.
#
# **Exercise 4.** Count the parameters of a layer with an oblong kernel. Not every number you are given matters.


# %% exercise="conv_parameters"
def conv_parameters(height, width, channels, filters, kernel_height, kernel_width):
    """Parameters, weights and biases, of a convolution layer on images (height, width, channels)."""
    ### BEGIN SOLUTION
    return (kernel_height * kernel_width * channels + 1) * filters
    ### END SOLUTION


# %% check="conv_parameters"
check(conv_parameters)

# %% [markdown]
# ## A dense layer in disguise
#
# We got here by striking out connections. So a convolution still *is* a dense layer: its matrix has zeros where nothing is
# connected, and the same few weights again and again. Which pattern do you expect for 3 × 3 on 6 × 6?


# %% tags=["T107", "T127", "nbval-check-output"]
def matrix_of(kernel, side):
    """The matrix (places, pixels) of a square kernel on a square image."""
    size, out = len(kernel), side - len(kernel) + 1
    matrix = np.zeros((out, out, side, side))
    for r, c in itertools.product(range(out), range(out)):
        matrix[r, c, r : r + size, c : c + size] = kernel
    return matrix.reshape(out * out, side * side)


numbered = np.array([[1, -2, 3], [-4, 5, -6], [7, -8, 9]])
matrix, image_6 = matrix_of(numbered, 6), rng.normal(size=(6, 6))
in_keras = keras_conv(image_6[None, :, :, None], numbered[:, :, None, None]).ravel()
same = np.allclose(matrix @ image_6.ravel(), in_keras, atol=1e-4)
used = matrix[matrix != 0]
print(f"{matrix.size} entries, {used.size} not zero, {len(set(used))} different weights")
print("matrix times image = Conv2D:", same)
show(
    figures.convolution_matrix(numbered, matrix),
    alt="A 3 by 3 kernel and its 16 by 36 matrix: diagonal bands, every row the same nine "
    "weights, moved on.",
)

# %% [markdown]
# A **banded** matrix, made of *Toeplitz* blocks: constant along their diagonals. A dense layer could learn it, but each row
# by itself, from examples at each place.
#
# ## What one unit sees
#
# Each number of a map is a unit. Which pixels does it see? Ask the gradient: it is zero where the unit does not look. Here
# are five units, one of each map, at the same place.

# %% tags=["T124", "nbval-check-output"]
conv = keras.layers.Conv2D(5, 5)
conv.build((None, 32, 32, 3))
print("units:", conv.compute_output_shape((1, 32, 32, 3))[1:])
for f in range(5):
    (gradient,) = gradients(lambda x, f=f: conv(x)[0, 10, 20, f], small[None])
    rows, columns, _ = np.nonzero(gradient[0])
    own = np.allclose(gradient[0, 10:15, 20:25], conv.get_weights()[0][..., f])
    print(f"map {f}: rows {rows.min()}-{rows.max()},", end=" ")
    print(f"columns {columns.min()}-{columns.max()}; the gradient is the filter: {own}")

# %% [markdown]
# Five questions about one patch, their **receptive field**. A deeper unit sees 3 × 3 units, each of which sees 3 × 3 pixels.
# So how many pixels does it see?

# %% tags=["T126", "G20"]
blank = np.ones((1, 17, 17, 1))
options = {"use_bias": False, "padding": "same", "kernel_initializer": "ones"}
seen = {}
for L in range(1, 6):
    stack = keras.Sequential([keras.layers.Conv2D(1, 3, **options) for _ in range(L)])
    (gradient,) = gradients(lambda x, stack=stack: stack(x)[0, 8, 8, 0], blank)
    reach = int(np.count_nonzero(gradient[0, 8, :, 0]))
    assert reach == 1 + L * (3 - 1)
    seen[f"{L} layer{'s' * (L > 1)}: {reach} × {reach}"] = gradient[0, :, :, 0]
show(
    figures.fields(seen),
    alt="The pixels one output depends on, through one to five layers: squares of 3, 5, 7, 9 "
    "and 11 pixels; the middle counts most.",
)

# %% [markdown]
# $L$ layers of $n \times n$ windows see $1 + L\,(n - 1)$ pixels across: 100 layers of 3 × 3 to see 200 pixels. Strides help,
# and **pooling** (one value for each small window, lesson 12): behind strides of 2, one step means two pixels. So in each
# layer the field grows by $(k - 1) \cdot jump$; then $jump$ is multiplied by the strides.

# %% tags=["T126", "nbval-check-output"]
options["padding"] = "valid"
kinds = {"conv": partial(keras.layers.Conv2D, 1, **options)}
kinds["pool"] = keras.layers.AveragePooling2D
stack, field, jump = keras.Sequential(), 1, 1
for kind, size, strides in ("conv", 3, 1), ("pool", 2, 2), ("conv", 3, 2), ("conv", 3, 1):
    stack.add(kinds[kind](size, strides=strides))
    field, jump = field + (size - 1) * jump, jump * strides
    (gradient,) = gradients(lambda x: stack(x)[0, 1, 1, 0], np.ones((1, 40, 40, 1)))
    measured = np.count_nonzero(gradient.sum(axis=(0, 1, 3)))
    print(f"{kind} {size}, strides {strides}: field {field:2}, by gradient {measured:2}")

# %% [markdown]
# **Exercise 5.** Write this rule for any list of layers, first layer first.


# %% exercise="receptive_field"
def receptive_field(kernel_sizes, strides):
    """One kernel size and one stride for each layer. Returns how many pixels across one output sees."""
    ### BEGIN SOLUTION
    field, jump = 1, 1
    for kernel_size, stride in zip(kernel_sizes, strides, strict=True):
        field += (kernel_size - 1) * jump
        jump *= stride
    return field
    ### END SOLUTION


# %% check="receptive_field"
check(receptive_field)

# %% [markdown]
# ## Fast: windows, then one matrix product
#
# Seven nested loops say what a convolution layer is. `layers.Conv2D` of our library lays out every window as a row and the
# filters as columns; then all is one matrix product. How many times faster?

# %%
images = rng.normal(size=(1, 14, 14, 6))
conv = layers.Conv2D(6, 16, 5, rng)
by_loops = partial(layers.conv2d_by_loops, images, *conv.parameters.values())
assert np.allclose(by_loops(), conv.forward(images))
loops = timeit.timeit(by_loops, number=1)
product = min(timeit.repeat(partial(conv.forward, images), number=1, repeat=20))
print(f"loops {1000 * loops:.0f} ms, one product {1000 * product:.2f} ms", end=", ")
print(f"{loops / product:,.0f} times faster")
assert loops > 20 * product

# %% [markdown]
# ## The race: digits anywhere
#
# Back to the first question. Handwritten digits of 8 × 8 pixels lie anywhere on pictures of 14 × 14. Three nets have the
# same 1,024 units, 16 at each of 64 places, wired **dense**, **local** (7 × 7 windows) or **shared**. All end alike: of each
# of the 16 kinds only the strongest answer is kept, *wherever* it was, and ten units decide from those. Which net will need
# the fewest examples?


# %% tags=["T107", "T108", "T109", "Q09"]
class Learner(Wired):
    def backward(self, upstream):
        upstream = upstream.reshape(len(upstream), len(self.places), -1)
        kernel = self.windows.swapaxes(1, 2) @ upstream.swapaxes(0, 1)
        if len(self.parameters["kernel"]) == 1:  # shared: all places teach one kernel
            kernel = kernel.sum(axis=0, keepdims=True)
        self.gradients = {"kernel": kernel}  # the first layer owes nobody a message


digits = scale(laptop=data.digits, gpu=data.mnist)()
skip = scale(laptop=1, gpu=2)  # MNIST is thinned out to 14 x 14


def anywhere(examples, rng):
    """Each digit at a random place of a black picture, 6 pixels wider; flattened."""
    small = examples.images[:, ::skip, ::skip, 0]
    size = small.shape[1]
    pictures = np.zeros((len(small), size + 6, size + 6))
    corners = rng.integers(0, 7, (len(small), 2))
    for picture, digit, (r, c) in zip(pictures, small, corners, strict=True):
        picture[r : r + size, c : c + size] = digit
    return pictures.reshape(len(small), -1)


# %% tags=["T107", "T108", "T109", "Q09"]
known = digits.train + digits.validation
side = known.images.shape[1] // skip + 6
windows = windows_of(side, side - 7)  # 8 x 8 places
all_pixels = np.broadcast_to(np.arange(side**2), (8, 8, side**2))
places = {"dense": all_pixels, "local": windows, "shared": windows}


def accuracy(net, pictures, labels):
    parts = np.array_split(pictures, len(pictures) // 200 + 1)  # to save memory
    guesses = np.concatenate([net.forward(part).argmax(axis=1) for part in parts])
    return np.mean(guesses == labels)


def race(wiring, examples, seed, strongest=True):
    """Train a net. Accuracy on new pictures, on those it learnt from, parameters."""
    rng = np.random.default_rng(seed)
    chosen = known[rng.permutation(len(known))[:examples]]
    first = Learner(places[wiring], 16, rng, shared=wiring == "shared")
    pool = [layers.MaxPooling2D(8)] if strongest else []
    last = layers.Dense(16 if strongest else 1024, 10, rng)
    net = layers.Sequential([first, layers.ReLU(), *pool, layers.Flatten(), last])
    recipe = {"loss": losses.softmax_cross_entropy, "optimizer": optim.Adam(0.015)}
    recipe |= {"epochs": 12, "batch_size": 50, "rng": rng}
    pictures, new_pictures = anywhere(chosen, rng), anywhere(digits.test, rng)
    net.fit(pictures, chosen.labels, **recipe)
    new = accuracy(net, new_pictures, digits.test.labels)
    return new, accuracy(net, pictures, chosen.labels), net.count_parameters()


# %% tags=["T107", "T108", "T109", "Q09"]
sizes, seeds = scale(laptop=[75, 200, 600], gpu=[100, 600, 4000]), range(3)
runs = {}
for wiring in places:
    results = np.array([[race(wiring, size, seed) for seed in seeds] for size in sizes])
    runs[f"{wiring}: {results[0, 0, 2]:,.0f} parameters"] = results[..., 0]
    new, old, _ = results[-1].T
    report = "{:18} right on new pictures {}, on its own {}"
    print(report.format(wiring, np.round(new, 2), np.round(old, 2)))
dense, local, shared = runs.values()
show(
    charts.lines(
        runs,
        sizes,
        "training examples",
        "right on new pictures",
        guessing=0.1,
        log="x",
        percent=True,
    ),
    alt="Accuracy against examples. Shared weights climb far above local and dense wiring, "
    "which stay close together.",
)
new, old, _ = np.transpose([race("shared", sizes[-1], seed, False) for seed in seeds])
print(report.format("shared, all places", np.round(new, 2), np.round(old, 2)))
assert shared[-1].min() > max(0.75, local[-1].max() + 0.1, new.max())

# %% [markdown]
# The net with the fewest parameters wins by far. The others learn their examples by heart, but what they learn about a 3 in
# one corner says nothing about a 3 in another. In the shared net every place teaches the same 16 detectors.
#
# The last line warns of too simple a moral. There the ten units read *all* 64 places of the shared layer, and much of the
# gain is lost: a dense layer on top asks *where* again. (Real networks give up the *where* bit by bit, by pooling and strides.)
#
# **The same in Keras.** And then the answer to what we held back: which detectors did it learn?

# %% tags=["Q09", "T115"]
chosen = known[rng.permutation(len(known))[: sizes[-1]]]
pictures = anywhere(chosen, rng).reshape(-1, side, side, 1)
new_pictures = anywhere(digits.test, rng).reshape(-1, side, side, 1)
conv = keras.layers.Conv2D(16, side - 7, activation="relu", use_bias=False)
ends = [keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(10, "softmax")]
model = keras.Sequential([keras.Input((side, side, 1)), conv, *ends])
surprise = keras.losses.SparseCategoricalCrossentropy()
model.compile(keras.optimizers.Adam(0.015), surprise, metrics=["accuracy"])
model.fit(pictures, chosen.labels, epochs=12, batch_size=50, verbose=0)
accuracy = model.evaluate(new_pictures, digits.test.labels, verbose=0)[1]
print(f"Keras: {model.count_params():,} parameters, {accuracy:.0%} right on new pictures")
assert accuracy > 0.75

weights = conv.get_weights()[0][:, :, 0]  # (size, size, filters)
windows = sliding_window_view(new_pictures[:500, ..., 0], weights.shape[:2], axis=(1, 2))
windows = windows.reshape(-1, *weights.shape[:2])
answers = np.einsum("nij,ijf->nf", windows, weights)
best = answers.argsort(axis=0)[-50:]  # (50, filters): the windows each answers to most
show(
    figures.learnt_detectors(
        weights, np.moveaxis(windows[best].mean(axis=0), 0, -1)
    ),
    alt="Sixteen learnt kernels, and below what each answers to most: bars, arches, loops, "
    "pieces of digits and some nearly whole ones.",
)

# %% [markdown]
# The weights look like noise. But the average of the 50 windows that excite a detector most, below, shows what it looks for:
# bars, arches, loops, nearly whole digits. Nobody drew them. So many detectors that slide *can* be trained together, for
# anything that may be anywhere in a picture: a cat, for instance.
#
# | on $m$ inputs, $n$ units, windows of $k$ | weights | multiply-adds | an example teaches | use it when |
# |---|---|---|---|---|
# | dense | $m\,n$ | $m\,n$ | the place where it is | inputs have no neighbours |
# | local | $k\,n$ | $k\,n$ | the place where it is | every place has a look of its own, as in aligned faces |
# | convolution | $k$ for each filter | $k\,n$ | all places | the same thing can be anywhere |
#
# ## Think about it
#
# **You shuffle the pixels of all pictures, all in the same way, and train again. What happens to the dense net, and what
# to the convolution?**
#
# <details><summary>Answer</summary>
#
# The dense net does not notice: it never knew which pixels were neighbours. The convolution loses all it relied on: its
# windows now hold pixels that have little to do with each other.
# </details>
#
# **A convolution treats all places alike. Yet a deep network with `same` padding can tell the middle of a picture from its
# border. How?**
#
# <details><summary>Answer</summary>
#
# By the zeros. Windows at the border see some, so the answers differ there, and every layer carries that one window further
# in.
# </details>
#
# ## Further reading
#
# - K. Fukushima, *Neocognitron*, 1980: local windows with shared weights, after the visual cortex.
# - Y. LeCun, *Generalization and network design strategies*, 1989: dense, local and shared nets raced on a few hundred digits.
# - V. Dumoulin and F. Visin, *A guide to convolution arithmetic for deep learning*, 2016.
# - M. A. Islam, S. Jia and N. Bruce, *How much position information do convolutional neural networks encode?*, 2020.
