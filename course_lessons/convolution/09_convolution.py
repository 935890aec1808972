# ---
# jupyter:
#   course:
#     title: "Convolution: look locally, and share what you learn"
#     summary: "Why pictures need few weights: small detectors that slide, from three multiplications by hand to a network that reads digits anywhere."
#     objectives:
#       - "explain how local windows and shared weights turn 1.6 billion weights into ten thousand"
#       - "compute a convolution layer by hand, in NumPy and in Keras: kernel, padding, strides, channels, filters"
#       - "find a thing in a photograph by its looks, in light and in shade"
#       - "predict output size, parameters and receptive field of any stack of convolution layers"
#       - "say what shared weights buy when things may be anywhere in a picture, and what they need besides"
#     needs: [05_mlp_backprop]
#     minutes: 90
#     data: [photos, mnist_5k]
# ---

# %% [markdown]
# A phone finds the cat in its camera picture, wherever the cat sits. In lesson 05 every unit of a layer was wired to every
# input. Could such a network do it? Take a small grey picture, 200 × 200 pixels, and one hidden layer with as many units as
# pixels. Guess: how many weights is that?
#
# **How can a network look at a picture without drowning in weights, and find the cat wherever it is?**

# %%
import itertools
from functools import partial

import keras
import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal
from skimage.feature import peak_local_max

from course_lessons.convolution import figures
from course_lib import data, layers
from course_lib.evidence import compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.gradients import gradients
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

photos = data.photos()
cat = photos["cat"][50:250, 130:330]  # 200 x 200 pixels, 3 channels
grey = cat.mean(axis=-1)

# %% [markdown]
# ## Too many weights
#
# A layer of $m^2$ units on $m \times m$ pixels has $m^2 \cdot m^2$ weights; let Keras count the small ones. And what
# are they worth? How much does a pixel tell about one that lies 1, 5, 25 or 100 pixels to its right?

# %% tags=["T113", "nbval-check-output"]
correlations = []
for distance in (1, 5, 25, 100):
    here, there = grey[:, :-distance].ravel(), grey[:, distance:].ravel()
    correlations.append(f"{np.corrcoef(here, there)[0, 1]:.2f} over {distance}")
print("correlations:", ", ".join(correlations))

counted = []
for side in (5, 10, 20, 200):
    if side <= 20:  # the last one would take 6.4 GB
        dense = keras.layers.Dense(side**2, use_bias=False)
        dense.build((None, side**2))
        assert dense.count_params() == side**4
    counted.append({"picture": f"{side} × {side}", "weights": f"{side**4:,}", "bytes": f"{4 * side**4:,}"})
pd.DataFrame(counted).set_index("picture")

# %% [markdown]
# 1.6 billion weights, 6.4 GB in single precision, for one layer and one small grey picture. Are they all worth having? In
# this picture a neighbour tells almost all about a pixel, one far away next to nothing.
#
# ## Look locally, then share
#
# So let a unit see a window only. And if weights that look for an eye are good *here*, why not use them everywhere?
# What a unit sees is a list of places; such lists make one kind of layer or another. (A layer of one's own: `build`
# makes its weights, and `call` says what comes out. How large weights are at first: lesson 14.)
#
# Take 7 inputs and 3 units. How many weights, and how many **multiply-adds** (a product, added to a sum), do you
# expect? To draw the edges, feed a 1 at one input and 0 at all others: out come the weights of that input. Two of the
# three layers Keras has ready-made; are their outputs the same?


# %% tags=["T108", "T109"]
class Wired(keras.layers.Layer):
    """Units that see some of the inputs: `places` (units, inputs seen) lists which. Gives (batch, units, filters)."""

    def __init__(self, places, filters, shared=False):
        super().__init__()
        self.places, self.filters, self.shared = places, filters, shared

    def build(self, input_shape):
        units, seen = self.places.shape
        self.kernel = self.add_weight(
            shape=(1 if self.shared else units, seen, self.filters),
            initializer=keras.initializers.RandomNormal(stddev=(2 / seen) ** 0.5),
        )

    def call(self, inputs):
        windows = keras.ops.take(inputs, self.places, axis=1)  # (batch, units, inputs seen)
        sums = keras.ops.matmul(keras.ops.swapaxes(windows, 0, 1), self.kernel)  # one product for each unit
        return keras.ops.swapaxes(sums, 0, 1)


# %% tags=["T108", "T109", "G17", "nbval-check-output"]
everything = np.tile(np.arange(7), (3, 1))  # three units, each sees all seven
near = np.array([[0, 1, 2], [2, 3, 4], [4, 5, 6]])
nets = {"dense": Wired(everything, 1), "local": Wired(near, 1), "shared": Wired(near, 1, shared=True)}
matrices = {name: keras.ops.convert_to_numpy(net(np.eye(7)))[..., 0] for name, net in nets.items()}
show(
    figures.wirings(matrices),
    alt="Seven inputs, three units, three times. Dense: 21 grey edges. Local: three edges to each unit, all grey. Shared: "
    "the same nine edges in three colours; the first, second and third edge of each unit have the same colour.",
)
conv_7 = keras.layers.Conv1D(filters=1, kernel_size=3, strides=2, use_bias=False)
dense_7, seven = keras.layers.Dense(3, use_bias=False), np.random.default_rng(0).normal(size=(4, 7))
conv_7.build((None, 7, 1))
dense_7.build((None, 7))
conv_7.set_weights([np.reshape(nets["shared"].get_weights()[0], (3, 1, 1))])
dense_7.set_weights([matrices["dense"]])
print("Dense: same outputs", np.allclose(dense_7(seven), nets["dense"](seven)[..., 0], atol=1e-5))
print("Conv1D: same outputs", np.allclose(conv_7(seven[..., None]), nets["shared"](seven), atol=1e-5))
table = pd.DataFrame({"weights": {name: net.count_params() for name, net in nets.items()}})
table.assign(**{"multiply-adds": [net.places.size for net in nets.values()]})

# %% [markdown]
# With $n_\mathrm{in}$ inputs, $n_\mathrm{out}$ units and windows of $k$: dense stores $n_\mathrm{in} n_\mathrm{out}$
# weights, local $k\,n_\mathrm{out}$, shared only $k$. Sharing saves memory, and no work at all: it is still
# $k\,n_\mathrm{out}$ multiply-adds.
#
# Back to 200 × 200 pixels: give every unit a 10 × 10 window of its own, or share a hundred sets of weights.

# %% tags=["T114", "T115", "G19", "nbval-check-output"]
hundred = keras.layers.Conv2D(filters=100, kernel_size=10, use_bias=False)
hundred.build((None, 200, 200, 1))
counts = {"dense": 40_000 * 40_000, "local": 40_000 * 10 * 10, "convolution": hundred.count_params()}
words = {name: f"{count:,} weights" for name, count in counts.items()}
words["convolution"] += "\nin 100 filters"
show(
    figures.ways_to_look(grey, 10, words),
    alt="The cat three times, below units. Dense, 1,600,000,000 weights: every unit sees all of it. Local, 4,000,000: each "
    "has a small window of its own. Convolution, 10,000 in 100 filters: small windows in one colour, several units each.",
)

# %% [markdown]
# A layer of windows with shared weights is a **convolution layer**; a set of shared weights is a **kernel** or **filter**.
#
# ## Slide, multiply, add
#
# Lay the kernel on the top left corner of the image, multiply what lies on top of each other, add. Then move one pixel on,
# and again. With weights $w$, image $x$ and bias $b$, the weighted sum at row $r$, column $c$ is
#
# $$a_{r,c} = \sum_i \sum_j w_{i,j}\; x_{r+i,\,c+j} + b$$
#
# Work out a place or two. On the left the image, in the middle the kernel, on the right the nine products at the first place:
#
# $$\begin{bmatrix}1&1&1&0&0\\0&1&1&1&0\\0&0&1&1&1\\0&0&1&1&0\\0&1&1&0&0\end{bmatrix}\qquad
# \begin{bmatrix}1&0&1\\0&1&0\\1&0&1\end{bmatrix}\qquad
# \begin{bmatrix}1&0&1\\0&1&0\\0&0&1\end{bmatrix},\ \text{sum } 4$$
#
# At how many places does the window fit?
#
# **Exercise 1.** Write it for all places, for any image and kernel, also oblong ones, without the bias; only whole windows
# count.


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

# %% tags=["G15", "Q07", "T104", "widget"]
image = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]])
kernel = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]])
show(
    figures.all_positions(image, kernel),
    alt="Nine copies of the 5 by 5 image, each with the window at another place and its sum; beside them the output, rows "
    "4 3 4, 2 4 3 and 2 3 4.",
)
explore(
    figures.sliding_window,
    alt="An image of 5 by 5 numbers with the 3 by 3 window of the kernel on it; beside it the output, filled up to this "
    "step.",
    step=(1, 9, 1),
)

# %% [markdown]
# One trap in the name. Mathematicians turn the kernel by 180° before they slide it and call that **convolution**,
# $w * x$; sliding it as it is they call **cross-correlation**, $w \star x$. Our kernel looks the same turned round, so it
# cannot tell them apart. A lopsided one can. Which of the two does a "convolution" layer compute? (The *seven loops* run over
# images, rows, columns and filters and, in a window, over rows, columns and channels.)


# %% tags=["T104", "nbval-check-output"]
def keras_conv(images, kernel, **options):
    """What Conv2D with this kernel (height, width, channels, filters) makes of images."""
    layer = keras.layers.Conv2D(kernel.shape[-1], kernel.shape[:2], use_bias=False, **options)
    layer.build(images.shape)
    layer.set_weights([kernel])
    return keras.ops.convert_to_numpy(layer(images.astype("float32")))


lopsided = np.array([[1, 2, 0], [0, 0, 0], [0, 0, 0]])
compared = {}
for name, weights in {"ours": kernel, "lopsided": lopsided}.items():
    stacked = image[None, :, :, None], weights[:, :, None, None]  # with batch, channel and filter
    ways = {"seven loops": layers.conv2d_by_loops(*stacked, [0])[0, :, :, 0]}
    ways["Keras' Conv2D"] = keras_conv(*stacked)[0, :, :, 0]
    ways["SciPy's correlate2d"] = signal.correlate2d(image, weights, mode="valid")
    ways["SciPy's convolve2d"] = signal.convolve2d(image, weights, mode="valid")
    compared[name] = {way: str(output.astype(int).tolist()) for way, output in ways.items()}
pd.DataFrame(compared)

# %% [markdown]
# Cross-correlation, as in TensorFlow, PyTorch and JAX; Theano, their forerunner, turned the kernel. To a network that
# learns it does not matter: a kernel $w$ slid as it is gives what its turned twin gives turned.
#
# ## A kernel is a detector
#
# What will a kernel of nine times 1/9 do? And −1 on the left with +1 on the right? Below the figure, type your own: three
# rows of three numbers. Can you make the cat darker? Find edges at 45°?

# %% tags=["T105", "widget"]
kernels = {
    "blur": np.full((3, 3), 1 / 9),
    "sharpen": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "vertical edges": np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "horizontal edges": np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
    "outline": np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
}
face = grey[::3, ::3]
filtered = [signal.correlate2d(face, each, mode="valid") for each in kernels.values()]
show(
    figures.kernel_sheet(kernels, filtered),
    alt="Five kernels with their numbers, and the cat's face below each: blurred, sharpened, its vertical edges, its "
    "horizontal edges, its outlines.",
)
explore(
    partial(figures.kernel_editor, face),
    alt="A kernel of three rows of three numbers, and what it makes of the cat.",
    first_row="0 -1 0",
    middle_row="-1 5 -1",
    last_row="0 -1 0",
)

# %% [markdown]
# A kernel's answer is a dot product, $\mathbf w \cdot \mathbf x = \|\mathbf w\|\,\|\mathbf x\|\cos\theta$, with $\theta$ the
# angle between the two lists of numbers, 0 when one is the other times a number above zero. So among windows $\mathbf x$
# *of equal length* it is largest where $\mathbf x$ looks like $\mathbf w$. Take the mean away from $\mathbf w$, so that its
# weights add up to 0, and mere brightness no longer counts: the same amount added to all pixels of a window adds nothing.
#
# So cut out one of the cat's eyes, take away its mean, and use *that* as the kernel. Will one detector find the eye when
# the cat moves? And when a shadow falls on it?

# %% tags=["T106", "Q09", "nbval-check-output"]
whole = photos["cat"].mean(axis=-1)[::4, ::4]
eye = whole[21:38, 35:52]
views = [whole[top : top + 60, left : left + 80].copy() for top, left in ((0, 0), (5, 15), (14, 30), (0, 0))]
views[-1][21:38, 35:52] *= 0.3
answers = [signal.correlate2d(view, eye - eye.mean(), mode="valid") for view in views]
assert np.allclose(answers[1][:-5, :-15], answers[0][5:, 15:])  # it moved, no more
two_best = [peak_local_max(each, min_distance=17, num_peaks=2, exclude_border=False).tolist() for each in answers]
show(
    figures.found(views, answers, two_best, size=17),
    alt="Four views of the cat, and the answers below. In the first three the frame is on the same eye; a dotted frame, "
    "the second best, is on the other eye in the second and third, else in a corner. In the last the eye lies in a dark "
    "square, and the frame is on that square's left edge.",
)
names = ["as it is", "moved by (5, 15)", "moved by (14, 30)", "in the shade"]
pd.DataFrame(two_best, columns=["strongest answer", "second"], index=names)

# %% [markdown]
# When the picture moves, the map of answers moves along: a convolution that visits every place is **equivariant** to
# shifts. As soon as all of the *other* eye is in the picture, it is second best, though it was not cut out. In the
# shade the eye still looks like the kernel, but its contrast is low: the edge of the shadow answers more strongly. "Of
# equal length", we said.
#
# **Exercise 2.** Find the place that *looks* most like a template, whatever its brightness and contrast. (Which part of
# $\|\mathbf w\|\,\|\mathbf x\|\cos\theta$ do you want?) The check hides templates in noise, and the cat's eye in the shade.


# %% exercise="find_template"
def find_template(image, template):
    """image (height, width), template, smaller. Returns (row, column) of the top left pixel of the window most like it."""
    ### BEGIN SOLUTION
    windows = sliding_window_view(image, template.shape)
    windows = windows - windows.mean(axis=(2, 3), keepdims=True)
    likeness = np.sum(windows * template, axis=(2, 3)) / np.linalg.norm(windows, axis=(2, 3))
    return np.unravel_index(likeness.argmax(), likeness.shape)
    ### END SOLUTION


# %% check="find_template"
check(find_template)

# %% [markdown]
# We cut this detector out. Could a network *learn* many of them? Keep that question.
#
# ## The edge of the picture: padding and strides
#
# 3 × 3 windows turn 7 × 7 pixels into 5 × 5. **Padding** puts zeros around the image first: in Keras `valid` means none,
# `same` enough to keep the size. With **strides** of 2 the window moves two pixels at a time. What will a padded kernel of
# ones say about an image that is 1 everywhere? Are strides of 2 more than dropping every second value?

# %% tags=["T118", "T119", "T120", "T121", "G18", "nbval-check-output"]
ones = np.ones((3, 3, 1, 1))
for padding in ("valid", "same"):
    padded_sums = keras_conv(np.ones((1, 7, 7, 1)), ones, padding=padding)[0, :, :, 0]
    print(f"{padding}: 7 x 7 becomes {len(padded_sums)} x {len(padded_sums)}")
print(padded_sums.astype(int))

rng = np.random.default_rng(0)
noise, kernel_5 = rng.normal(size=(1, 32, 32, 3)), rng.normal(size=(5, 5, 3, 4))
fine, coarse = (keras_conv(noise, kernel_5, strides=strides) for strides in (1, 2))
print("strides 1:", fine.shape, " strides 2:", coarse.shape)
print("every second value:", np.allclose(fine[:, ::2, ::2], coarse, atol=1e-4))
show(
    figures.settings_grid([(0, 1), (1, 1), (0, 2), (1, 2)]),
    alt="Padding 0 or 1, strides 1 or 2, on 7 by 7 pixels: rings mark the places of the windows above, below are the "
    "outputs, 5 by 5, 7 by 7, 3 by 3 and 4 by 4.",
)

# %% [markdown]
# In the corners the sums fall from 9 to 4, as if darkness lay around the picture. Strides only thin out, and save the
# work. A third setting, the `dilation_rate`, spreads the kernel: with 2 it reads every second pixel and spans 5 × 5.
# Play with all three, then move `step` and watch the output grow.

# %% tags=["T118", "G18", "picture", "widget"]
show(
    figures.film("vertical edges", strides=2, padding=1, steps=(1, 6, 11, 16)),
    alt="Four steps of a window over a tiny picture of a cat, padding 1, strides 2; below, the output fills up, value by "
    "value, to 4 by 4 numbers.",
)
explore(
    figures.convolution_explorer,
    alt="A tiny picture of a cat with the window of a kernel on it; beside it the output, filled up to this step.",
    kernel=list(figures.KERNELS),
    strides=(1, 3, 1),
    padding=(0, 2, 1),
    dilation_rate=(1, 3, 1),
    step=(1, 81, 1),
)

# %% [markdown]
# How large is the output? With $p$ zeros on both sides, $m$ pixels become $m + 2p$. A window of $k$ starts at the first one
# and can be moved $m + 2p - k$ times by one pixel until it touches the end; every $s$-th of these moves counts, and the
# first place is one more:
#
# $$\left\lfloor \frac{m + 2p - k}{s} \right\rfloor + 1$$
#
# The brackets $\lfloor\ \rfloor$ round down. You may find the formula without them, in
# [the notes of CS231n](https://cs231n.github.io/convolutional-networks/), for instance, which ask for strides that leave
# nothing over. What does Keras do when something is left?

# %% tags=["T122", "nbval-check-output"]
tried = left_over = 0
for m, k, s, p in np.ndindex(7, 4, 4, 3):
    m, k, s = m + 5, k + 1, s + 1  # 5 to 11 pixels, kernels and strides of 1 to 4, padding of 0 to 2
    zeros_around = keras.ops.pad(np.ones((1, m, m, 1)), [[0, 0], [p, p], [p, p], [0, 0]])
    found = keras.ops.conv(zeros_around, np.ones((k, k, 1, 1)), strides=s, padding="valid").shape[1]
    assert found == (m + 2 * p - k) // s + 1
    tried, left_over = tried + 1, left_over + ((m + 2 * p - k) % s > 0)
print(f"right for {tried} settings; in {left_over} of them something was left over")
for m in (224, 227):
    shape = keras.layers.Conv2D(filters=96, kernel_size=11, strides=4).compute_output_shape((1, m, m, 3))
    print(f"{m} pixels: ({m} - 11) / 4 + 1 = {(m - 11) / 4 + 1}, Keras {shape[1:]}")

# %% [markdown]
# It drops what is left over. (224 is what AlexNet's paper says, 227 is what its sizes need; lesson 18.)
#
# **Exercise 3.** Write the formula, with `dilation_rate`. How far does a dilated kernel reach?


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
#
# With a bias for each filter and the activation function ReLU, $f(a) = \max(0, a)$, the layer is complete. Lay all
# patches of the image in a list: each filter multiplies a patch by its weights and adds up, over rows, columns and
# channels. `einsum` does that for all; it adds up over every letter that does not stand behind the arrow.

# %% tags=["T110", "T111", "T112", "nbval-check-output"]
small_cat = cat[:192:6, :192:6]  # 32 x 32 x 3
blocks = np.random.default_rng(1).normal(size=(5, 5, 3, 2))
two_maps = keras_conv(small_cat[None], blocks)[0]
print("kernel (height, width, channels, filters):", blocks.shape, "maps:", two_maps.shape)
for f in range(2):
    by_channel = [signal.correlate2d(small_cat[..., d], blocks[..., d, f], mode="valid") for d in range(3)]
    print(f"map {f} is the sum over three channels:", np.allclose(sum(by_channel), two_maps[..., f], atol=1e-4))

conv_relu = keras.layers.Conv2D(filters=6, kernel_size=5, activation="relu", bias_initializer="random_normal")
six_maps = keras.ops.convert_to_numpy(conv_relu(small_cat[None]))[0]

patches = np.array([small_cat[r : r + 5, c : c + 5] for r, c in np.ndindex(28, 28)])  # (784, 5, 5, 3)
its_kernel, its_bias = conv_relu.get_weights()
sums = np.einsum("pijd,ijdf->pf", patches, its_kernel) + its_bias  # p patch, d channel, f filter
ours = np.maximum(sums, 0).reshape(28, 28, 6)
print(ours.shape, "same as Keras:", np.allclose(ours, six_maps, atol=1e-5))

# %% [markdown]
# The depth that comes out is the number of filters. Below are four: two see edges, one fine spots, the last adds red and
# subtracts blue. What will it find?

# %% tags=["T116", "T117", "Q08", "G16", "nbval-check-output"]
shapes = []
for filters in (1, 2, 6):
    conv = keras.layers.Conv2D(filters=filters, kernel_size=5)
    shapes.append(tuple(conv(small_cat[None]).shape[1:]))
show(
    figures.volumes(small_cat.shape, tuple(conv.kernel.shape[:3]), shapes),
    alt="Five blocks: an image 32 by 32 by 3, one filter 5 by 5 by 3, and maps 28 by 28 of depth 1, 2 and 6, for 1, 2 and "
    "6 filters.",
)

astronaut = photos["astronaut"][:400:6, 20:420:6]
sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
spot = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])
grey_filters = [np.stack([each] * 3, axis=-1) for each in (sobel, sobel.T, spot)]
four = np.stack([*grey_filters, np.ones((3, 3, 1)) * [1, 0, -1]], axis=-1)
four_maps = keras_conv(astronaut[None], four)[0]
show(
    figures.maps(astronaut, four, four_maps),
    alt="An astronaut in an orange suit, four filters and their maps: vertical edges, horizontal edges, fine spots, and the "
    "suit as one area.",
)

# %% [markdown]
# It finds the suit: orange has much red and little blue.
#
# **Exercise 4.** Write the whole layer, without ReLU: many images at once, zeros around them, strides in both directions.


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
# **Layer upon layer.** A second layer reads the maps of the first. How deep are its filters? How many layers until nothing
# is left? And how many parameters has a layer with kernels of $k \times k$; does the picture's size matter?

# %% tags=["T125", "T123", "nbval-check-output"]
tried = 0
for k, channels, filters, side in itertools.product((1, 2, 3, 5, 11), (1, 3, 16), (1, 6, 64), (16, 200)):
    conv = keras.layers.Conv2D(filters=filters, kernel_size=k)
    conv.build((None, side, side, channels))
    assert conv.count_params() == k * k * channels * filters + filters
    tried += 1
print(f"k * k * channels * filters weights and a bias for each filter: right for all {tried} layers")

maps, steps = small_cat[None], []
while maps.shape[1] >= 5:
    conv = keras.layers.Conv2D(filters=6, kernel_size=5)
    maps = conv(maps)
    steps.append({"one filter": str(tuple(conv.kernel.shape[:3])), "maps": str(tuple(maps.shape[1:]))})
same_size = small_cat[None]
for _ in range(7):
    same_size = keras.layers.Conv2D(filters=6, kernel_size=5, padding="same")(same_size)
print("after seven layers with padding='same':", tuple(same_size.shape[1:]))
pd.DataFrame(steps, index=[f"layer {number}" for number in range(1, len(steps) + 1)])

# %% [markdown]
# From the second layer on, a filter is as deep as the number of maps before it. Valid layers shrink 32 to 28, 24, …; `same`
# stops that. The parameters do not depend on the picture's size.
#
# ## A dense layer in disguise
#
# We got here by striking out connections. So a convolution still *is* a dense layer: its matrix has zeros where nothing is
# connected, and the same few weights again and again. Which pattern do you expect for 3 × 3 on 6 × 6?


# %% tags=["T107", "T127", "nbval-check-output"]
def matrix_of(kernel, side):
    """The matrix (places, pixels) of a square kernel on a square image."""
    size, out = len(kernel), side - len(kernel) + 1
    matrix = np.zeros((out, out, side, side))
    for r, c in np.ndindex(out, out):
        matrix[r, c, r : r + size, c : c + size] = kernel
    return matrix.reshape(out * out, side * side)


numbered = np.array([[1, -2, 3], [-4, 5, -6], [7, -8, 9]])
banded, image_6 = matrix_of(numbered, 6), np.random.default_rng(2).normal(size=(6, 6))
in_keras = keras_conv(image_6[None, :, :, None], numbered[:, :, None, None]).ravel()
used = banded[banded != 0]
print(f"{banded.size} entries, {used.size} not zero, {len(set(used))} different weights")
print("matrix times image = Conv2D:", np.allclose(banded @ image_6.ravel(), in_keras, atol=1e-4))
show(
    figures.convolution_matrix(numbered, banded),
    alt="A 3 by 3 kernel of the numbers 1 to 9 with signs, and its 16 by 36 matrix: bands along the diagonal, in every row "
    "the same nine weights, moved on.",
)

# %% [markdown]
# A **banded** matrix, made of *Toeplitz* blocks: constant along their diagonals. Each row has the same nine weights, so what
# one row learns, all learn. In a dense layer every row learns by itself.
#
# ## What one unit sees
#
# Each number of a map is a unit. Which pixels does it see, what is its **receptive field**? Ask the gradient: it is zero
# where the unit does not look. First five units, one of each map, at the same place. Then deeper units: one sees 3 × 3
# units, each of which sees 3 × 3 pixels; how many pixels is that?

# %% tags=["T124", "T126", "G20", "nbval-check-output"]
five = keras.layers.Conv2D(filters=5, kernel_size=5)
five.build((None, 32, 32, 3))
for f in range(5):
    (gradient,) = gradients(lambda pixels, f=f: five(pixels)[0, 10, 20, f], small_cat[None].astype("float32"))
    assert np.allclose(gradient[0, 10:15, 20:25], five.get_weights()[0][..., f])
    assert np.count_nonzero(gradient) == 5 * 5 * 3
print("five units at row 10, column 20: all see rows 10 to 14, columns 20 to 24, each with its own filter")

blank, seen = np.ones((1, 17, 17, 1), "float32"), {}
options = {"filters": 1, "kernel_size": 3, "use_bias": False, "kernel_initializer": "ones"}
for number in range(1, 6):
    stack = keras.Sequential([keras.layers.Conv2D(padding="same", **options) for _ in range(number)])
    (gradient,) = gradients(lambda pixels, stack=stack: stack(pixels)[0, 8, 8, 0], blank)
    reach = int(np.count_nonzero(gradient[0, 8, :, 0]))
    seen[f"{number} layer{'s' * (number > 1)}: {reach} × {reach}"] = gradient[0, :, :, 0]
show(
    figures.fields(seen),
    alt="The pixels one output depends on, through one to five layers: squares of 3, 5, 7, 9 and 11 pixels; the middle "
    "counts most.",
)

# %% [markdown]
# Five questions about one patch; and two more pixels with each layer. A window of $k$ units spans $k - 1$ steps from its
# first unit to its last, and each unit brings its own field along. So with strides of 1, $D$ layers of $k \times k$ see
# $1 + D\,(k - 1)$ pixels across: 100 layers of 3 × 3 to see 201. Strides help, and **pooling** (one value for each small
# window, lesson 12). Here are five layers, with the fields that gradients measured.

# %% tags=["T126", "nbval-check-output"]
chain = [("convolution", 3, 1), ("pooling", 2, 2), ("convolution", 3, 2), ("convolution", 3, 1), ("pooling", 3, 2)]
mixed, measured = keras.Sequential(), []
for kind, size, strides in chain:
    if kind == "pooling":
        mixed.add(keras.layers.AveragePooling2D(size, strides=strides))
    else:
        mixed.add(keras.layers.Conv2D(**{**options, "kernel_size": size}, strides=strides))
    (gradient,) = gradients(lambda pixels: mixed(pixels)[0, 1, 1, 0], np.ones((1, 60, 60, 1), "float32"))
    field = np.count_nonzero(gradient.sum(axis=(0, 1, 3)))
    measured.append({"layer": kind, "kernel size": size, "strides": strides, "field": field})
pd.DataFrame(measured)

# %% [markdown]
# **Exercise 5.** Find the rule behind this table, for any list of layers, first layer first. How many pixels is one step of
# each layer's window?


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
# ## The race: digits anywhere
#
# Back to the first question. Real handwritten digits, from 28 × 28 made small (10 × 10, so that many nets train fast), lie
# anywhere on black pictures of 16 × 16. All nets have 1,024 ReLU units, 16 at each of 64 places, and ten sums at the end,
# one for each digit. They differ in two things.
#
# - How the units are *wired*: *dense* (to all pixels), *local* (each place has its own 9 × 9 window and its own weights)
#   or *shared* (the same windows, one set of weights: a convolution).
# - What the ten sums *read*: *all places*, or, of each of the 16 kinds, only the *strongest* answer, wherever it was.
#
# Two of the six nets are ready-made in Keras: *dense, all places* and *shared, strongest* (`GlobalMaxPooling2D` keeps
# the strongest). Both train with `Adam` and stop when the validation digits are not read better any more. Which will
# read more new digits?


# %% tags=["Q09"]
def halved(images):
    """28 x 28 pixels to 10 x 10: a margin of four cut off (with 3 % of the ink), then the mean of each 2 x 2."""
    return images[:, 4:24, 4:24, 0].reshape(len(images), 10, 2, 10, 2).mean(axis=(2, 4))


def anywhere(images, rng):
    """Each digit at a random place of a black picture, (batch, 16, 16, 1)."""
    pictures = np.zeros((len(images), 16, 16, 1), "float32")
    for picture, digit, (r, c) in zip(pictures, halved(images), rng.integers(0, 7, (len(images), 2)), strict=True):
        picture[r : r + 10, c : c + 10, 0] = digit
    return pictures


digits = data.mnist_5k()
chosen = digits.train[np.random.default_rng(0).permutation(3500)[:1000]]
pictures = anywhere(chosen.images, np.random.default_rng(1))
validation = anywhere(digits.validation.images, np.random.default_rng(2)), digits.validation.labels
new = anywhere(digits.test.images, np.random.default_rng(3)), digits.test.labels
show(
    charts.contact_sheet(1 - pictures[:10], chosen.labels[:10], columns=10, size=0.85),
    alt="Ten black squares with small white handwritten digits, each at another place: near a corner, near an edge, inside.",
)

# %% tags=["T107", "T109", "Q09"]
relu = {"activation": "relu", "kernel_initializer": "he_normal"}
detectors = keras.layers.Conv2D(filters=16, kernel_size=9, **relu)
beginnings = {
    "dense, all places": [keras.layers.Flatten(), keras.layers.Dense(units=1024, **relu)],
    "shared, strongest": [detectors, keras.layers.GlobalMaxPooling2D()],
}
live, accuracies = {}, {}
for name, beginning in beginnings.items():
    model = keras.Sequential([keras.Input((16, 16, 1)), *beginning, keras.layers.Dense(10)])
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=0.004),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    stop = keras.callbacks.EarlyStopping(monitor="val_accuracy", patience=8, restore_best_weights=True)
    settings = {"batch_size": 50, "epochs": 40, "validation_data": validation, "callbacks": [stop]}
    model.fit(pictures, chosen.labels, verbose=0, **settings)
    right = [model.evaluate(*part, verbose=0)[1] for part in ((pictures, chosen.labels), new)]
    live[name] = [f"{model.count_params():,}", *(f"{1 - share:.0%}" for share in right)]
    accuracies[name] = right[1]
assert accuracies["shared, strongest"] > accuracies["dense, all places"] + 0.1
pd.DataFrame(live, index=["parameters", "error on its own pictures", "error on new ones"]).T

# %% [markdown]
# One run, one learning rate. The longer experiment (`course evidence 09:race`) runs all six with 100 to 1,000 examples,
# five times, each with the best of three learning rates and the best moment to stop, as the validation part has it.
# (For the dense and the local net that read all places, that was the highest rate.) A rival that learns nothing takes
# part: name a picture after the most similar one that you were shown, the *nearest neighbour*.


# %% tags=["T107", "T108", "T109", "Q09", "nbval-check-output"]
def named(rows):
    """Rows of a record, with a name for each net: its wiring and what is read."""
    names = rows["wiring"] + ", " + rows["reading"]
    return rows.assign(net=names.replace("none, nearest neighbour", "nearest neighbour"))


to_best = partial(compare, by="net", value="test_error", against="shared, strongest")
record = named(evidence("race"))
sizes = sorted(record["examples"].unique().tolist())
errors = {
    net: part.pivot(index="examples", columns="seed", values="test_error").to_numpy()
    for net, part in record.groupby("net", sort=False)
}
show(
    charts.lines(errors, sizes, "examples to learn from", "error on new pictures", guessing=0.9, log="x", percent=True),
    alt="Errors against 100, 300 and 1,000 examples. Five nets and the nearest neighbour lie close together, from 73 to 78 "
    "% down to 33 to 45 %. Far below them lies the line of shared, strongest: 42, 24 and 15 %.",
)
by_size = {size: to_best(part) for size, part in record.groupby("examples")}
assert all((gaps["low"].drop("shared, strongest") > 0).all() for gaps in by_size.values())
own = record[record["examples"] == 1000].groupby("net")["training_error"].mean()
race_table = by_size[1000].assign(own=own)[["own", "mean", "difference", "low", "high"]]
race_table.map("{:.1%}".format).replace("nan%", "")

# %% [markdown]
# (With 1,000 examples; *own* is the error on the pictures that a net learnt from, *mean* that on new ones; differences, with
# their 95 % intervals, are to *shared, strongest*.)
#
# With 100, 300 and 1,000 examples the net that both shares and keeps the strongest misreads the fewest new digits, and it
# has the fewest parameters of the six. Take one of the two away and most of the gain is gone: with 1,000 examples the dense
# net that reads all places makes 36 % errors, this net 15 %; a shared layer whose places are all read makes 33 %, units with
# weights of their own of which the strongest is kept 42 % and 45 %. So it is *sharing and pooling together*, and neither
# alone. (Real networks give up the *where* bit by bit, by pooling and strides.)
#
# Is it about *anywhere*? Then the gain must go when all digits lie in the *middle* (first table, 300 examples). Two changes
# more, with 1,000 examples (second table, differences to the same net before): lay each digit *anew* in every pass, so that
# it is seen at many places; and *shuffle* the pixels, those of all pictures in the same way. What do you expect?

# %% tags=["T107", "T109", "nbval-check-output"]
in_the_middle = to_best(named(evidence("in_the_middle")))
others = in_the_middle.drop("shared, strongest")
assert (others["low"] < 0).all() and (others["high"] > 0).all()
both = pd.concat({"anywhere": by_size[300], "in the middle": in_the_middle}, axis=1, join="inner")
both.drop(columns=["deviation", "seeds"], level=1).map("{:.1%}".format)

# %% tags=["T107", "T109", "nbval-check-output"]
before = record[record["examples"] == 1000].assign(change="as before")
changed = pd.concat([before, named(evidence("moved_and_shuffled"))])
effects = {}
for net in ("dense, all places", "shared, strongest"):
    runs = changed[changed["net"] == net]
    effects[net] = compare(runs, by="change", value="test_error", against="as before")
anew, shuffled = (effects["dense, all places"].loc[change] for change in ("laid anew in every pass", "pixels shuffled"))
assert anew["high"] < 0 and shuffled["low"] < 0 < shuffled["high"]
assert effects["shared, strongest"].loc["pixels shuffled", "low"] > 0.5
pd.concat(effects)[["mean", "difference", "low", "high"]].map("{:.1%}".format)

# %% [markdown]
# With every digit in the middle the gain is gone: each interval has zero inside. The dense net can learn *anywhere*, too,
# from examples: shown every digit at many places, it makes 12 % errors instead of 36 %, near the convolution's 11 %. (Both
# might fall further: who wins after many more passes, this record cannot say.) What the one must be shown, the other has
# built in: an example at one place teaches it for all. Built in is also that neighbours belong together: with shuffled
# pixels the convolution misreads 67 %, while for the dense net we could not tell a difference.
#
# And which detectors did the convolution learn?

# %% tags=["Q09", "T115"]
learnt = detectors.get_weights()[0][:, :, 0]  # (9, 9, 16)
all_windows = sliding_window_view(validation[0][..., 0], (9, 9), axis=(1, 2)).reshape(-1, 9, 9)
excitement = np.einsum("nij,ijf->nf", all_windows, learnt)
favourites = all_windows[excitement.argsort(axis=0)[-50:]].mean(axis=0)  # (16, 9, 9), over the 50 best of each
show(
    figures.learnt_detectors(learnt, np.moveaxis(favourites, 0, -1)),
    alt="Sixteen learnt kernels, patches of blue and orange, and below each, in grey, what it answers to most: shapes like "
    "a 0, a 2, a 3, a 4, a 6 and a 7, some of them several times, and a few dark blurs.",
)

# %% [markdown]
# The weights are hard to read. But the average of the 50 windows that excite a detector most, below, shows what it
# looks for: some take nearly whole digits, some a part, and some remain a riddle. So a network *can* learn many sliding
# detectors at once, and find digits anywhere. (A cat needs several such layers: lesson 18.)
#
# ## Three ways to wire a layer
#
# With 1,000 digits anywhere, when all places are read, or only the strongest of each kind:
#
# | | weights | multiply-adds | a unit learns from | error, all places | strongest |
# |---|---|---|---|---|---|
# | dense | $n_\mathrm{in} n_\mathrm{out}$ | $n_\mathrm{in} n_\mathrm{out}$ | all pixels | 36 % | 42 % |
# | local | $k\,n_\mathrm{out}$ | $k\,n_\mathrm{out}$ | its own window | 35 % | 45 % |
# | convolution | $k$ for each filter | $k\,n_\mathrm{out}$ | all windows | 33 % | 15 % |
#
# ## Think about it
#
# **You shuffle the pixels of all pictures, all in the same way, and train again. Why can a dense net not notice, and why
# does the convolution?**
#
# <details><summary>Answer</summary>
#
# Shuffle the rows of its first matrix in the same way, and the dense net gives the same outputs; as all its weights start
# from the same distribution, either order is as likely. The windows of the convolution now hold pixels that were not
# neighbours, and a digit that moves no longer carries its pattern from window to window.
# </details>
#
# **A convolution treats all places alike. Yet a deep network with `same` padding can tell the middle of a picture from its
# border. How?**
#
# <details><summary>Answer</summary>
#
# By the zeros. Windows at the border see some, so the answers differ there (9, 6 and 4 above), and every layer carries that
# one window further in.
# </details>
#
# ## Further reading
#
# - K. Fukushima, [*Neocognitron*](https://doi.org/10.1007/BF00344251), Biological Cybernetics, 1980: local windows with
#   shared weights, after the visual cortex.
# - Y. LeCun, [*Generalization and network design strategies*](http://yann.lecun.com/exdb/publis/pdf/lecun-89.pdf), 1989:
#   dense, local and shared nets raced on a few hundred digits.
# - V. Dumoulin and F. Visin, [*A guide to convolution arithmetic for deep learning*](https://arxiv.org/abs/1603.07285), 2016.
# - M. A. Islam, S. Jia and N. Bruce, [*How much position information do convolutional neural networks
#   encode?*](https://arxiv.org/abs/2001.08248), 2020.
