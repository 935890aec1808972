# ---
# jupyter:
#   course:
#     title: "Back-propagation through a convolution: who gets the blame?"
#     summary: "A kernel is shared by every place of a picture. Follow one wrong output back to the weights and pixels that made it."
#     objectives:
#       - "compute by hand what one wrong output tells each shared weight and each input"
#       - "write both gradients of a convolution as loops, and as a correlation and a full convolution"
#       - "tell true convolution from cross-correlation, and keep their formulas apart"
#       - "check any backward pass by nudging, and say why a falling loss is no such check"
#       - "train a small CNN that you built yourself, every gradient checked"
#     needs: [05_mlp_backprop, 09_convolution]
#     minutes: 75
#     data: [digits]
# ---

# %% [markdown]
# A convolution layer looks at every place of a picture through the same nine weights. Suppose one of its outputs is
# wrong, and all the others are right. The nine weights made it. But they made the right ones, too.
#
# **When everybody shares the same nine weights, who gets the blame for one wrong output?** The answer is shorter than
# you may think: two lines of code. Around it grew formulas with rotations and stars that even textbooks mix up. You
# will put every one of them to the test, and then train a CNN of your own making.

# %%
from functools import partial

import keras
import numpy as np
from scipy.signal import convolve2d, correlate2d

from course_lessons.conv_backprop import figures
from course_lib import data, layers, losses, optim, scale
from course_lib.exercises import check, hint, solution
from course_lib.gradcheck import numerical_gradient
from course_lib.gradients import gradients
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## One filter on a line
#
# Five numbers, a kernel of three, one bias. A layer reads the outputs $o$ of the layer before it, takes a weighted sum
# $x$ at each place, and applies an activation function $f$, here ReLU:
#
# $$x_i = \sum_{k} w_k\, o_{i+k} + b,\qquad o^{\text{new}}_i = f(x_i)$$

# %% tags=["T139", "nbval-check-output"]
o = np.array([0.0, 1, 3, 1, 2])
w, b = np.array([2.0, -1, 1]), -1.0


def forward(o, w, b):
    return np.array([w @ o[i : i + 3] + b for i in range(3)])


x = forward(o, w, b)
print("o, the inputs  ", o)
print("x, the sums    ", x)
print("f(x), the ReLU ", np.maximum(x, 0))

# %% [markdown]
# Let the targets be $(2, 0, 4)$. The middle output is right, and asleep: its ReLU is closed. The first is too small, the
# last too large. As in lesson 05 each place has a **delta**, $\delta_i = \partial E/\partial x_i$, which says how the
# error $E$ (half the squared differences) would change with its sum. What does the last place, $\delta_2 = 2$, tell the
# three weights? And what do they do when two places disagree?

# %% tags=["T142", "nbval-check-output"]
targets = np.array([2.0, 0, 4])
deltas = (np.maximum(x, 0) - targets) * (x > 0)
says = [delta * o[i : i + 3] + 0.0 for i, delta in enumerate(deltas)]
for i, delta in enumerate(deltas):
    print(f"place {i} read {o[i : i + 3]}, delta {delta:+.0f}: it says {says[i]}")
by_weights = sum(says)


def error():
    return 0.5 * np.sum((np.maximum(forward(o, w, b), 0) - targets) ** 2)


print("sum over the places            ", by_weights)
print("nudging each weight            ", numerical_gradient(error, w).round(6))
print("sum of the deltas, for the bias", deltas.sum())

# %% [markdown]
# Each place speaks to each weight: *my delta times what you read for me*. A shared weight listens to all places and
# adds up. That is all that sharing changes.
#
# Why add? A filter on a line *is* a dense layer with two peculiarities: most of its weights are fixed at zero, and the
# rest are copies of $w_0, w_1, w_2$. Lesson 05 gives the gradient of every entry of such a matrix. A nudge of $w_0$
# nudges all of its copies at once, so their gradients add up.

# %% tags=["T139", "T142", "nbval-check-output"]
M = np.array([[2.0, -1, 1, 0, 0], [0, 2, -1, 1, 0], [0, 0, 2, -1, 1]])  # w along the rows
print("M @ o + b =", M @ o + b)

as_dense = np.outer(deltas, o)  # delta of the receiver times output of the sender
copies = np.array([np.trace(as_dense, offset=k) for k in range(3)])
print("by the weights: sums along the diagonals", copies)
print("by the inputs:  M.T @ deltas            ", M.T @ deltas)
show(
    figures.shared_weights(inputs=5, kernel_size=3, row=1, column=2),
    alt="The matrix of the filter. Each row holds w0, w1, w2, one place further right than the row "
    "above. The middle column reads w2, w1, w0 from top to bottom.",
)

# %% [markdown]
# Look at the last line of numbers: the message to the *inputs* goes through the transposed matrix, which means reading
# columns instead of rows. Across, a row says $w_0, w_1, w_2$. Down, a column says $w_2, w_1, w_0$. **The kernel comes
# back turned round**, without anyone turning it. Remember this picture when formulas start to rotate things.
#
# ## Two dimensions, two lines
#
# In a picture the kernel is a table, and the sum runs over both directions:
#
# $$x_{ij} = \sum_{a,b} w_{ab}\, o_{i+a,\,j+b} + \text{bias}$$
#
# Every product $w_{ab}\,o_{i+a,j+b}$ has two factors. The weight hears $\delta_{ij}$ times the input; the input hears
# $\delta_{ij}$ times the weight.


# %% tags=["T142", "T143", "T144", "nbval-check-output"]
def conv_gradients_by_loops(o, w, delta):
    """One picture, one kernel: the gradients by the weights and by the inputs."""
    by_weights, by_inputs = np.zeros(w.shape), np.zeros(o.shape)
    for i, j in np.ndindex(delta.shape):  # every output speaks ...
        for a, b in np.ndindex(w.shape):  # ... through every weight
            by_weights[a, b] += delta[i, j] * o[i + a, j + b]
            by_inputs[i + a, j + b] += delta[i, j] * w[a, b]
    return by_weights, by_inputs


rng = np.random.default_rng(0)
o, w, delta = rng.normal(size=(7, 6)), rng.normal(size=(3, 3)), rng.normal(size=(5, 4))


def loss():  # any loss with dE/dx = delta
    return np.sum(delta * correlate2d(o, w, "valid"))


by_weights, by_inputs = conv_gradients_by_loops(o, w, delta)
for name, ours, array in (("weights", by_weights, w), ("inputs", by_inputs, o)):
    nudged = numerical_gradient(loss, array)
    print(f"by the {name}: {nudged.shape}, right: {np.allclose(ours, nudged, atol=1e-8)}")

# %% [markdown]
# Two lines answer the question of this lesson. Let us watch them. Below, four outputs of a layer that reads an L are
# wrong. For three of them: the delta, what it tells the weights, what it tells the inputs; then everything together.
# One says nothing to any weight. Which one, and why?

# %% tags=["G23", "T142", "widget"]
letter = np.zeros((6, 6))
letter[:5, 2] = letter[4, 2:5] = 1
kernel = np.array([[1.0, 2, 0], [0, -1, 0], [0, 0, -2]])
wrong = np.zeros((4, 4))
wrong[0, 1], wrong[1, 3], wrong[2, 0], wrong[3, 2] = 1, -2, 2, -1

blame = figures.Blame(letter, kernel, wrong)
show(
    blame.strip(places=[(0, 1), (1, 3), (2, 0)]),
    alt="Three single outputs and all together. Each delta gives the weights its window of the "
    "picture, and gives the inputs a copy of the kernel at its window; the last column adds up.",
)
ways = ["this output", "all outputs up to it"]
explore(
    blame.at,
    alt="Five grids of numbers: the inputs with the window of one output framed, the kernel, the "
    "deltas, and the gradients by the weights and by the inputs that the chosen deltas give.",
    row=(0, 3, 1),
    column=(0, 3, 1),
    blame=ways,
)

# %% [markdown]
# The weights get *a copy of the window*, times the delta; output (1, 3) saw an empty window, so no weight had a part in
# it. The inputs get *a copy of the kernel*, times the delta, stamped where the window lay. Stamps overlap, and add up.
#
# **Exercise 1.** Write the gradient by the weights for a picture and a kernel of any shape. Stuck? Run
# `hint("weight_gradient")` in a cell of its own.


# %% exercise="weight_gradient"
def weight_gradient(inputs, deltas):
    """inputs (height, width), deltas (rows, columns) of a layer that slides its kernel without turning it.

    Returns the gradient by the kernel, (height - rows + 1, width - columns + 1).
    """
    ### BEGIN SOLUTION
    rows, columns = deltas.shape
    gradient = np.zeros((inputs.shape[0] - rows + 1, inputs.shape[1] - columns + 1))
    for a, b in np.ndindex(gradient.shape):
        gradient[a, b] = np.sum(deltas * inputs[a : a + rows, b : b + columns])
    return gradient
    ### END SOLUTION


# %% check="weight_gradient"
check(weight_gradient)

# %% [markdown]
# **Who owns what?** You may have seen $w_{ij}$ described as "the weight from layer $i$ to layer $j$", and the bias
# written with indices, $b_{ij}$. But in the formula above, $w_{ab}$ is one entry of *one* kernel. And if the bias had an
# index for each place, larger pictures would need more of them. Count:

# %% tags=["T139", "nbval-check-output"]
for size, filters in ((5, 1), (50, 1), (50, 7)):
    layer = keras.layers.Conv2D(filters, kernel_size=3)
    layer.build((None, size, size, 1))
    shapes = [tuple(weight.shape) for weight in layer.weights]
    count = layer.count_params()
    print(f"{size:2} x {size:<2} filters: {filters}  numbers: {count:2}  shapes:", shapes)

# %% [markdown]
# One bias for each filter: not one for each place, and not one for the layer. So its gradient is the sum of its own
# filter's deltas, over all places and all pictures.
#
# **Exercise 2.** Write that sum.


# %% exercise="bias_gradient"
def bias_gradient(deltas):
    """deltas (batch, rows, columns, filters). Returns the gradient by the biases, (filters,)."""
    ### BEGIN SOLUTION
    return deltas.sum(axis=(0, 1, 2))
    ### END SOLUTION


# %% check="bias_gradient"
check(bias_gradient)

# %% [markdown]
# ## Both gradients are convolutions themselves
#
# Look at your answer to exercise 1: you slide the deltas over the inputs and take weighted sums. That *is* a
# convolution layer's forward pass, with the deltas as its kernel. And the inputs? Stamping kernels is a convolution,
# too, the **full** kind: it uses every position where kernel and deltas overlap at all, so the result grows back to the
# size of the input. But of which sort?
#
# - **Cross-correlation** slides the kernel as it is: $\operatorname{corr}(o, w)_{ij} = \sum_{a,b} w_{ab}\,o_{i+a,\,j+b}$.
# - **True convolution** turns it by 180° first: $\operatorname{conv}(o, w)_{ij} = \sum_{a,b} w_{ab}\,o_{i-a,\,j-b}$, so
#   $\operatorname{conv}(o, w) = \operatorname{corr}(o, \operatorname{rot180} w)$, whatever corner you count from.
#
# Which one does a "convolution layer" compute? Guess, then ask Keras.


# %% tags=["T140", "nbval-check-output"]
def rot180(array):
    return array[::-1, ::-1]


corr, conv = partial(correlate2d, mode="valid"), partial(convolve2d, mode="valid")
full_corr, full_conv = partial(correlate2d, mode="full"), partial(convolve2d, mode="full")


def keras_conv(o, w):
    return keras.ops.conv(o[None, :, :, None], w[:, :, None, None], padding="valid")


gap = np.abs(conv(o, w) - corr(o, rot180(w))).max()
from_keras = keras.ops.convert_to_numpy(keras_conv(o, w))[0, :, :, 0]
print("conv(o, w) is corr(o, rot180 w):", gap < 1e-14)
print("Keras computes corr:", np.allclose(from_keras, corr(o, w), atol=1e-4))
print("Keras computes conv:", np.allclose(from_keras, conv(o, w), atol=1e-5))
print("by the weights, corr(o, delta):", np.allclose(by_weights, corr(o, delta)))
print("by the inputs, full conv(delta, w):", np.allclose(by_inputs, full_conv(delta, w)))

# %% [markdown]
# Keras, like all the well-known frameworks, computes cross-correlation. Forward it correlates. Back, the weights get a correlation,
# and the inputs get a true convolution: the turned kernel from the picture of the matrix.
#
# **Exercise 3.** Write the gradient by the inputs. Loops, slices or SciPy, as you like.


# %% exercise="input_gradient"
def input_gradient(deltas, kernel):
    """deltas (rows, columns), kernel (height, width), slid without turning it.

    Returns the gradient by the inputs, (rows + height - 1, columns + width - 1).
    """
    ### BEGIN SOLUTION
    (rows, columns), (height, width) = deltas.shape, kernel.shape
    gradient = np.zeros((rows + height - 1, columns + width - 1))
    for a, b in np.ndindex(height, width):
        gradient[a : a + rows, b : b + columns] += kernel[a, b] * deltas
    return gradient
    ### END SOLUTION


# %% check="input_gradient"
check(input_gradient)

# %% [markdown]
# ## Stars and rotations
#
# Many slides write one star for all of this. You may have seen these three lines together:
#
# $$x = \operatorname{rot180}\{w\} * o + b,\qquad \frac{\partial E}{\partial w} = \operatorname{rot180}\{\delta\} * o,\qquad \delta_{\text{below}} = (\delta * \operatorname{rot180}\{w\})\,f'(x)$$
#
# What does the star mean? It could be corr or conv; perhaps one thing in the forward line, another in the gradients.
# That makes four readings. Nudging tells which of them is right, so we need not argue. (The first two stars are "valid",
# with the smaller array sliding over the larger; the last one is "full".)


# %% tags=["T143", "T144", "F412", "F413", "nbval-check-output"]
def nudged_gradients(forward):
    """The true gradients by w and by o of sum(delta * forward(o, w))."""

    def error():
        return np.sum(delta * forward(o, w))

    return numerical_gradient(error, w), numerical_gradient(error, o)


def off(candidate, truth):
    error = np.abs(candidate - truth).max()
    return "right" if error < 1e-7 else f"off by {error:.1f}"


stars = {"corr": (corr, full_corr), "conv": (conv, full_conv)}
print("forward star   star in the gradients   by w         by o")
for forward_star, (star, _) in stars.items():
    by_w, by_o = nudged_gradients(lambda o, w, star=star: star(o, rot180(w)))
    for back_star, (valid, full) in stars.items():
        of_w, of_o = valid(o, rot180(delta)), full(delta, rot180(w))
        print(f"{forward_star:14} {back_star:23} {off(of_w, by_w):12} {off(of_o, by_o)}")

# %% [markdown]
# No reading makes all three lines right. The formula for $w$ belongs to a layer that correlates, the one for $\delta$ to
# a layer that convolves; no layer does both. Here are the right ones. **Choose a row, and stay in it.**

# %% tags=["T143", "T144", "F412", "F413", "nbval-check-output"]
conventions = {
    "correlation (Keras)": (corr, lambda w: w),
    "true convolution": (conv, lambda w: w[::-1, ::-1]),
}
for_w = {"corr(o, d)": corr(o, delta), "rot180 corr(o, d)": rot180(corr(o, delta))}
for_o = {"full conv(d, w)": full_conv(delta, w), "full corr(d, w)": full_corr(delta, w)}


def total(o, w):  # in Keras
    return keras.ops.sum(keras_conv(o, w)[0, :, :, 0] * delta)


for name, (forward, turn) in conventions.items():
    truths = nudged_gradients(forward)
    automatic = gradients(lambda o, w, turn=turn: total(o, turn(w)), o, w)
    agree = all(map(partial(np.allclose, atol=1e-4), truths, automatic[::-1]))
    print(f"forward by {name}; nudging and Keras' gradients agree: {agree}")
    for candidates, truth in zip((for_w, for_o), truths, strict=True):
        answers = (f"{key} {off(value, truth)}" for key, value in candidates.items())
        print("  ", ", ".join(answers))

# %% [markdown]
# Where did the rotation get lost? Two more lines on the way there do not survive a computation. One turns *the whole
# sum* of the forward pass instead of the kernel alone. The other, in the derivation of the deltas, turns a sum that was
# in order (there the layer convolves in full, and $\delta$ is larger than $o$).

# %% tags=["F411", "F414", "nbval-check-output"]
x = conv(o, w) + 0.3  # the definition, true convolution with a bias
forward_lines = {
    "rot180{corr(o, w) + b}": rot180(corr(o, w) + 0.3),
    "corr(o, rot180 w) + b": corr(o, rot180(w)) + 0.3,
}
above = rng.normal(size=(9, 8))  # deltas of the layer above
first = np.zeros(o.shape)
for i, j in np.ndindex(o.shape):
    for p, q in np.ndindex(above.shape):
        if 0 <= p - i < 3 and 0 <= q - j < 3:
            first[i, j] += above[p, q] * w[p - i, q - j]
sums = [[np.sum(above[i : i + 3, j : j + 3] * w) for j in range(6)] for i in range(7)]
delta_lines = {
    "first line: sum of d[p] w[p - i]": first,
    "third line: rot180{sum of d[i + a] w[a]}": rot180(np.array(sums)),
    "the same without rot180": np.array(sums),
    "last line: conv(d, rot180 w)": conv(above, rot180(w)),
}
truth = numerical_gradient(lambda: np.sum(above * full_conv(o, w)), o)
for lines, right in ((forward_lines, x), (delta_lines, truth)):
    for line, value in lines.items():
        print(f"{line:41} {off(value, right)}")

# %% [markdown]
# The moral is not that rotations are hard. It is that **a formula for a gradient is a claim, and nudging tests it in
# four lines.** From here on we correlate, like Keras.
#
# ## Down through two layers
#
# Back-propagation needs the gradient by the inputs only to pass it on. Below stands an activation, so the delta of the
# layer below is
#
# $$\delta^{\,l-1} = \operatorname{fullconv}(\delta^{\,l}, w^{\,l})\; f'(x^{\,l-1})$$
#
# Same shape as a picture, one delta for each sum. Here with $f = \tanh$, against nudging and against Keras:

# %% tags=["T144", "T139", "nbval-check-output"]
o0, w1, w2 = rng.normal(size=(8, 8)), rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
t = rng.normal(size=(4, 4))  # targets of the last layer

x1 = corr(o0, w1)
o1 = np.tanh(x1)
x2 = corr(o1, w2)
delta2 = x2 - t  # of half the sum of squares
delta1 = full_conv(delta2, w2) * (1 - np.tanh(x1) ** 2)


def error_from_x1(x1):
    o1 = keras.ops.tanh(x1)
    return keras.ops.sum((keras_conv(o1, w2)[0, :, :, 0] - t) ** 2) / 2


nudged = numerical_gradient(lambda: np.sum((corr(np.tanh(x1), w2) - t) ** 2) / 2, x1)
(automatic,) = gradients(error_from_x1, x1)
print("delta of layer 2", delta2.shape, " delta of layer 1", delta1.shape)
print("as nudged:", np.allclose(delta1, nudged, atol=1e-8))
print("as in Keras:", np.allclose(delta1, automatic, atol=1e-4))

# %% [markdown]
# ## Many pictures, channels and filters
#
# A real layer has a batch of pictures with channels, and a kernel `(height, width, channels, filters)`. Loop over the
# *weights' places* only, as in the solution of exercise 3: at place $(a, b)$, channels become filters by a small dense
# layer, and its way back is lesson 05's.


# %% tags=["T142", "T146"]
class Convolution(layers.Layer):
    """Cross-correlation: stride 1, no padding."""

    def __init__(self, channels, filters, size, rng):
        super().__init__()
        kernel = rng.normal(0, 1 / size, (size, size, channels, filters))
        self.parameters = {"kernel": kernel, "bias": np.zeros(filters)}

    def seen_by(self, images, a, b):  # what weight (a, b) reads: a view, no copy
        size = len(self.parameters["kernel"]) - 1
        return images[:, a : images.shape[1] - size + a, b : images.shape[2] - size + b]

    def forward(self, inputs):
        self.inputs, kernel = inputs, self.parameters["kernel"]
        places = np.ndindex(kernel.shape[:2])
        return self.parameters["bias"] + sum(
            self.seen_by(inputs, a, b) @ kernel[a, b] for a, b in places
        )

    def backward(self, upstream):
        kernel, by_inputs = self.parameters["kernel"], np.zeros(self.inputs.shape)
        self.gradients = {"kernel": 0 * kernel, "bias": upstream.sum(axis=(0, 1, 2))}
        for a, b in np.ndindex(kernel.shape[:2]):
            read = self.seen_by(self.inputs, a, b)
            by_place = np.tensordot(read, upstream, axes=((0, 1, 2), (0, 1, 2)))
            self.gradients["kernel"][a, b] = by_place
            self.seen_by(by_inputs, a, b)[...] += upstream @ kernel[a, b].T
        return by_inputs


# %% tags=["T142", "T146", "nbval-check-output"]
ours, twin = Convolution(3, 4, 3, rng), layers.Conv2D(3, 4, 3, rng)
twin.parameters = ours.parameters
images, upstream = rng.normal(size=(5, 9, 8, 3)), rng.normal(size=(5, 7, 6, 4))


def keras_loss(images, kernel):
    return keras.ops.sum(keras.ops.conv(images, kernel, padding="valid") * upstream)


same_sums = np.allclose(ours.forward(images), twin.forward(images))
by_inputs, same_inputs = ours.backward(upstream), twin.backward(upstream)
automatic = gradients(keras_loss, images, ours.parameters["kernel"])
print("outputs", ours.forward(images).shape, "as course_lib:", same_sums)
for name, mine, course, theirs in (
    ("inputs", by_inputs, same_inputs, automatic[0]),
    ("kernel", ours.gradients["kernel"], twin.gradients["kernel"], automatic[1]),
):
    as_course, as_keras = np.allclose(mine, course), np.allclose(mine, theirs, atol=1e-3)
    print(f"by the {name} {mine.shape}: as course_lib {as_course}, as Keras {as_keras}")

# %% [markdown]
# `layers.Conv2D` does the same with strides, padding, dilation and groups, and faster: one matrix product for all
# places. It is the layer to use from now on.
#
# ## Where does the first delta come from?
#
# From the loss. For $P$ patterns with targets $t_p$ and outputs $a_p$, one book takes the **mean of the squares**,
# another **half their sum**:
#
# $$E = \frac1P \sum_p (t_p - a_p)^2\qquad\text{or}\qquad E = \frac12 \sum_p (t_p - a_p)^2$$
#
# Both are called squared error. Both are smallest at the same place. Does it matter which you use?

# %% tags=["T141", "nbval-check-output"]
for P in (1, 4, 100):
    a, t = rng.normal(size=P), rng.normal(size=P)
    mean_delta = numerical_gradient(lambda a=a, t=t: np.mean((t - a) ** 2), a)
    half_delta = numerical_gradient(lambda a=a, t=t: np.sum((t - a) ** 2) / 2, a)
    by_formula = np.allclose(mean_delta, 2 * (a - t) / P, atol=1e-8)
    ratio = np.mean(mean_delta / half_delta)
    print(
        f"P = {P:3}: delta = 2 (a - t) / P: {by_formula}; half the sum, (a - t):", end=" "
    )
    print(
        f"{np.allclose(half_delta, a - t, atol=1e-8)}; ratio {ratio:.3f}, 2/P {2 / P:.3f}"
    )

# %% [markdown]
# The deltas, and with them every gradient of the network, differ by the factor $2/P$. With the same learning rate that
# is a different training: for 100 patterns, steps 50 times as large. **State your convention, and give the learning rate
# with it.** (Keras takes the mean, over the outputs, too, if there are several.)
#
# **Exercise 4.** Write the deltas of the first convention. A pattern may have several outputs; its square is then the
# sum over them.


# %% exercise="mse_delta"
def mse_delta(outputs, targets):
    """outputs and targets (patterns, units). Returns dE/d outputs, for E = the mean over the patterns of the squared distance."""
    ### BEGIN SOLUTION
    return 2 * (outputs - targets) / len(outputs)
    ### END SOLUTION


# %% check="mse_delta"
check(mse_delta)

# %% [markdown]
# ## There and back through a whole network
#
# A convolutional network is an MLP in three steps that repeat: **convolve, apply a non-linearity, pool**; a dense layer
# decides at the end. You may have seen ReLU listed as a kind of pooling. Look at the sizes: which step shrinks a map?

# %% tags=["T146", "nbval-check-output"]
conv_layer, dense = layers.Conv2D(1, 1, 3, rng), layers.Dense(4, 1, rng)
relu, pool, flatten = layers.ReLU(), layers.MaxPooling2D(2), layers.Flatten()
edge = np.array([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])  # more on the left than the right
conv_layer.parameters["kernel"] = edge[:, :, None, None]
dense.parameters["kernel"] = np.array([[1.0], [-1], [2], [1]])

maps = [letter[None, :, :, None]]
for layer in (conv_layer, relu, pool, flatten, dense):
    maps.append(layer.forward(maps[-1]))
    name = f"{type(layer).__name__}:"
    print(f"{name:13} {maps[-2].shape[1:]!s:10} -> {maps[-1].shape[1:]}")

# %% [markdown]
# ReLU keeps the size: it is the non-linearity. Max pooling keeps the largest of four (the topic of the next lesson);
# on the way back the winner gets the whole delta, for the others made no difference. Say the answer was 1 too large,
# so the last delta is 1. Which zeros in the lower row come from pooling, which from ReLU?

# %% tags=["T145", "G23", "picture"]
back = [np.ones((1, 1))]
for layer in (dense, flatten, pool, relu, conv_layer):
    back.append(layer.backward(back[-1]))
by_output, _, by_pool, by_relu, by_sums, by_input = back
kernel_gradient = conv_layer.gradients["kernel"][..., 0, 0]

names = ["input $o$", "kernel $w$", "sums $x$", "ReLU", "pool", "out"]
values = [letter, edge, maps[1], maps[2], maps[3], maps[5]]
slopes = [by_input, kernel_gradient, by_sums, by_relu, by_pool, by_output]
ahead = dict(zip(names, map(np.squeeze, values), strict=True))
coming_back = dict(zip(names, map(np.squeeze, slopes), strict=True))
show(
    figures.there_and_back(ahead, coming_back),
    alt="Above, a letter L goes through a kernel, ReLU, pooling and a dense unit. Below, gradients "
    "of the same shapes come back: each pooled value hands its delta to one place, and closed "
    "ReLUs stop it.",
)

# %% [markdown]
# Pooling made the twelve zeros under "ReLU"; the closed ReLUs then silenced the 1 and the 2 on the left.
#
# Now train such a network. The task: one line in a noisy picture, is it level or upright? Four kernels of
# our own class `Convolution`. First, every gradient is checked by nudging, with four pictures:


# %% tags=["T145", "T146", "T141"]
def bars(examples, seed):
    rng = np.random.default_rng(seed)
    upright = rng.integers(2, size=(examples, 1))
    images = rng.normal(0, 0.3, (examples, 8, 8, 1))
    for image, label in zip(images, upright[:, 0], strict=True):
        place = rng.integers(8)
        image[(slice(None), place) if label else place] += 1
    return images, upright.astype(float)


def mean_square(outputs, targets):
    value = np.mean((targets - outputs) ** 2)
    return value, 2 * (outputs - targets) / len(outputs)


def build(seed):
    rng = np.random.default_rng(seed)
    steps = [Convolution(1, 4, 3, rng), layers.ReLU(), layers.MaxPooling2D(2)]
    return layers.Sequential([*steps, layers.Flatten(), layers.Dense(36, 1, rng)])


# %% tags=["T145", "T146", "T141", "nbval-check-output"]
net, (images, targets) = build(seed=0), bars(4, seed=1)


def loss():
    return mean_square(net.forward(images), targets)[0]


_, delta = mean_square(net.forward(images), targets)
by_images = net.backward(delta)
for layer in (net.layers[0], net.layers[-1]):
    for name, array in layer.parameters.items():
        nudged = numerical_gradient(loss, array)
        right = np.allclose(layer.gradients[name], nudged, atol=1e-7)
        print(f"{type(layer).__name__:12} {name:6} {array.shape!s:13} right: {right}")
right = np.allclose(by_images, numerical_gradient(loss, images), atol=1e-7)
print(f"the images   {'':6} {images.shape!s:13} right: {right}")

# %% tags=["T145"]
scores, epochs = [], scale(laptop=30, gpu=60)
new_images, new_targets = bars(500, seed=999)
for seed in range(5):
    net, (images, targets), curve = build(seed), bars(400, seed), []
    recipe = {"loss": mean_square, "optimizer": optim.SGD(0.05), "batch_size": 20}
    recipe["rng"] = np.random.default_rng(seed)
    for _ in range(epochs):
        net.fit(images, targets, epochs=1, **recipe)
        curve.append(np.mean((net.forward(new_images) > 0.5) == new_targets))
    scores.append(curve)
assert min(curve[-1] for curve in scores) > 0.8
show(
    charts.lines(
        {"our CNN": np.transpose(scores)},
        range(1, epochs + 1),
        "epoch",
        "right on new bars",
        guessing=0.5,
        percent=True,
    ),
    alt="The share of new bars judged right climbs from a half to nearly one from every start.",
)
words = ["upright" if answer > 0.5 else "level" for answer in net.forward(new_images[:4])]
kernels = net.layers[0].parameters["kernel"][:, :, 0]
show(
    figures.bars_and_kernels(new_images[:4], words, kernels),
    alt="Four noisy bars, each with the answer of the network, and its four learned kernels.",
)

# %% [markdown]
# **The same in Keras.** Same start, same pictures, ten steps of plain gradient descent on all of them. If one gradient
# were off, the weights would drift apart.

# %% tags=["T145", "nbval-check-output"]
images, targets = bars(64, seed=7)
ours = build(seed=3)
theirs = keras.Sequential([keras.Input((8, 8, 1))])
theirs.add(keras.layers.Conv2D(4, 3, activation="relu"))
theirs.add(keras.layers.MaxPooling2D(2))
theirs.add(keras.layers.Flatten())
theirs.add(keras.layers.Dense(1))
theirs.set_weights([a for layer in ours.layers for a in layer.parameters.values()])
theirs.compile(keras.optimizers.SGD(0.05), "mean_squared_error")
theirs.fit(images, targets, epochs=10, batch_size=64, verbose=0)
recipe = {"loss": mean_square, "optimizer": optim.SGD(0.05), "rng": rng}
start = build(seed=3).layers[0].parameters["kernel"]
ours.fit(images, targets, epochs=10, batch_size=64, **recipe)
weights = [a for layer in ours.layers for a in layer.parameters.values()]
for mine, keras_own in zip(weights, theirs.get_weights(), strict=True):
    same = np.allclose(mine, keras_own, atol=1e-4)
    print(f"{mine.shape!s:13} same after ten steps: {same}")
print("and they have moved:", np.abs(weights[0] - start).max() > 0.01)

# %% [markdown]
# ## Would you notice a wrong gradient?
#
# Suppose we had trusted a wrong line: the kernel's gradient turned by 180°, or the message down with the kernel *not*
# turned. Surely such a network learns nothing, and we notice at once? Write down your guess. Two convolution layers,
# handwritten digits, three starts each; to compare, one more network sends no message down at all, so that the lower
# kernels stay random.


# %% tags=["T143", "T144"]
class Mistaken(layers.Conv2D):
    """A convolution layer whose way back is right, or has one fault."""

    fault = "none"

    def backward(self, upstream):
        kernel = self.parameters["kernel"]
        if self.fault == "message not turned":
            self.parameters["kernel"] = rot180(kernel)
        by_inputs = super().backward(upstream)
        self.parameters["kernel"] = kernel
        if self.fault == "kernel's gradient turned":
            self.gradients["kernel"] = rot180(self.gradients["kernel"])
        return 0 * by_inputs if self.fault == "no message" else by_inputs


def learn_digits(fault, seed, epochs=8):
    rng = np.random.default_rng(seed)
    below, above = Mistaken(1, 8, 3, rng), Mistaken(8, 16, 3, rng)
    below.fault = above.fault = fault
    steps = [below, layers.ReLU(), above, layers.ReLU(), layers.MaxPooling2D(2)]
    net = layers.Sequential([*steps, layers.Flatten(), layers.Dense(64, 10, rng)])
    recipe = {"loss": losses.softmax_cross_entropy, "optimizer": optim.SGD(0.01, 0.9)}
    curve = []
    for _ in range(epochs):
        net.fit(old.images, old.labels, epochs=1, batch_size=32, rng=rng, **recipe)
        curve.append(np.mean(net.forward(new.images).argmax(axis=1) == new.labels))
    return curve


# %% tags=["T143", "T144"]
digits = data.digits(size=8)
old, new = digits.train + digits.validation, digits.test
faults = ["none", "message not turned", "no message", "kernel's gradient turned"]
seeds = range(scale(laptop=3, gpu=10))
curves = {
    fault: np.transpose([learn_digits(fault, seed) for seed in seeds]) for fault in faults
}
for fault, scores in curves.items():
    worst, best = scores[-1].min(), scores[-1].max()
    print(f"fault: {fault:25} {worst:.0%} to {best:.0%} of new digits right")
    assert worst > 0.15, "even with these faults it learns more than guessing, 10 %"
assert curves["none"][-1].min() > 0.85
named = {f"fault: {fault}": scores for fault, scores in curves.items()}
settings = {"guessing": 0.1, "percent": True}
show(
    charts.lines(named, range(1, 9), "epoch", "right on new digits", **settings),
    alt="Without fault the network is best. A message not turned costs a little, no message more, "
    "and a turned kernel gradient most; yet all of them climb far above guessing.",
)

# %% [markdown]
# All of them learn! The layers above a fault still get right gradients and make the best of what reaches them. That is
# why such errors live long, in code and on slides: *the accuracy rises, so it must be right.* It proves little.
# **Nudge.**
#
# | | forward | gradient by the kernel | gradient by the inputs |
# |---|---|---|---|
# | dense layer (lesson 05) | $W o$ | $\delta\, o^T$ | $W^T \delta$ |
# | cross-correlation: Keras, PyTorch, this course | $\operatorname{corr}(o, w)$ | $\operatorname{corr}(o, \delta)$ | full $\operatorname{conv}(\delta, w)$ |
# | true convolution | $\operatorname{conv}(o, w)$ | $\operatorname{rot180} \operatorname{corr}(o, \delta)$ | full $\operatorname{corr}(\delta, w)$ |
#
# In all three the bias hears the sum of the deltas.
#
# ## Think about it
#
# **A layer has `strides=2`. Which deltas and inputs belong together now?**
#
# <details><summary>Answer</summary>
#
# Output $(i, j)$ read the window that begins at $(2i, 2j)$; the two lines of the loop keep their form with
# $o_{2i+a,\,2j+b}$. Stamps lie two apart, as if zeros had been put between the deltas. For a kernel of size 1, three
# quarters of the inputs never hear anything.
# </details>
#
# **A picture twice as wide and high: what happens to the size of the kernel's gradient?**
#
# <details><summary>Answer</summary>
#
# Four times as many places add their shares. If they agree, it is four times as large; if they are like independent noise,
# about twice. So a learning rate that suits one map size can be too bold for another.
# </details>
#
# ## Further reading
#
# - D. Rumelhart, G. Hinton and R. Williams, *Learning internal representations by error propagation*, 1986: shared
#   weights add up their gradients, already there.
# - Y. LeCun and others, *Backpropagation applied to handwritten zip code recognition*, 1989.
# - V. Dumoulin and F. Visin, *A guide to convolution arithmetic for deep learning*, 2016: the way back, drawn.
# - T. Lillicrap and others, *Random synaptic feedback weights support error backpropagation for deep learning*, 2016: even random
#   messages teach.
