# ---
# jupyter:
#   course:
#     title: "Back-propagation through a convolution: who gets the blame?"
#     summary: "A kernel is shared by every place of a picture. Follow one wrong output back to the weights and pixels that made it."
#     objectives:
#       - "compute by hand what one wrong output tells each shared weight and each input"
#       - "derive both gradients of a convolution, and write them as loops and as sliding sums"
#       - "tell true convolution from cross-correlation, and keep their formulas apart"
#       - "write the way back of a real layer, with channels, filters and strides, and let it learn digits"
#       - "check any backward pass by nudging, and say why a falling error is no such check"
#     needs: [05_mlp_backprop, 09_convolution]
#     minutes: 90
#     data: [mnist_5k]
# ---

# %% [markdown]
# A convolution layer looks at every place of a picture through the same nine weights. Suppose one of its outputs is
# wrong, and all the others are right. The nine weights made it. But they made the right ones, too.
#
# **When everybody shares the same nine weights, who gets the blame for one wrong output?** The answer is two short
# formulas. You will derive them, test them, and train a network with a way back of your own.

# %%
import itertools
from functools import partial

import keras
import numpy as np
import pandas as pd
from scipy import signal

from course_lessons.conv_backprop import figures
from course_lessons.conv_backprop.evidence import Mistaken
from course_lib import data, layers, losses, optim, scale
from course_lib.evidence import compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.gradcheck import numerical_gradient
from course_lib.gradients import gradients
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## One filter on a line
#
# Five inputs $x$, a kernel $w$ of three weights, one bias $b$. As in lesson 05, $a$ is a weighted sum and $z = f(a)$
# what the activation function makes of it, here ReLU. But now every sum uses the *same* weights, one place further on:
#
# $$a_i = \sum_{u=0}^{2} w_u\, x_{i+u} + b,\qquad z_i = f(a_i)$$


# %% tags=["T139", "nbval-check-output"]
def sums(x, w, b):
    return np.array([w @ x[i : i + 3] + b for i in range(3)])


x, w, b = np.array([0.0, 1, 3, 1, 2]), np.array([2.0, -1, 1]), -1.0
a = sums(x, w, b)
z = np.maximum(a, 0)
pd.DataFrame({"reads": [x[i : i + 3] for i in range(3)], "a": a, "z": z}).rename_axis("place")

# %% [markdown]
# Let the targets be $(2, 0, 4)$. The middle output is right, and asleep: its ReLU is closed. The first is too small, the
# last too large. The loss $\ell$ is half the sum of the squared differences. Each place has its *message* $\delta_i =
# \partial \ell/\partial a_i$, as in lesson 05: difference times slope of the ReLU. What does the last place tell the
# three weights? And what if two places disagree?

# %% tags=["T142", "nbval-check-output"]
t = np.array([2.0, 0, 4])
delta = (z - t) * (a > 0)


def half_squared_error(x, w, b, t):
    return 0.5 * np.sum((np.maximum(sums(x, w, b), 0) - t) ** 2)


by_place = [delta[i] * x[i : i + 3] + 0.0 for i in range(3)]
told = pd.DataFrame(by_place, columns=["tells w₀", "tells w₁", "tells w₂"], index=["place 0", "place 1", "place 2"])
told.insert(0, "δ", delta)
told.loc["sum"] = told.sum()
nudged_w = numerical_gradient(lambda: half_squared_error(x, w, b, t), w)
assert np.allclose(told.loc["sum"].iloc[1:], nudged_w, atol=1e-8)
told

# %% [markdown]
# Each place speaks to each weight: *my message times what you read for me*. A shared weight listens to all places and
# *adds up*; nudging the weights (lesson 05) gives the same three numbers. The bias was added everywhere, so it hears
# the sum of the messages.
#
# Why add? The chain rule adds up over all ways along which a weight reaches the loss. $w_u$ reaches it through every sum
# $a_i$, whose slope by $w_u$ is $x_{i+u}$. In the same way, the input $x_j$ reaches the loss through every $a_i$ that
# reads it: through $w_u$ with $i + u = j$.
#
# $$\frac{\partial \ell}{\partial w_u} = \sum_i \delta_i\, x_{i+u},\qquad \frac{\partial \ell}{\partial b} = \sum_i \delta_i,\qquad \frac{\partial \ell}{\partial x_j} = \sum_{i+u=j} \delta_i\, w_u$$
#
# Every product $w_u x_{i+u}$ of the way forward has two factors, and each hears $\delta_i$ times the *other*. As loops,
# both gradients together:

# %% tags=["T139", "T142", "nbval-check-output"]
by_w, by_x = np.zeros(3), np.zeros(5)
for i in range(3):  # every output speaks ...
    for u in range(3):  # ... through every weight
        by_w[u] += delta[i] * x[i + u]
        by_x[i + u] += delta[i] * w[u]

M = np.array([[2.0, -1, 1, 0, 0], [0, 2, -1, 1, 0], [0, 0, 2, -1, 1]])  # w along the rows
assert np.allclose(M @ x + b, a) and np.allclose(M.T @ delta, by_x) and np.allclose(by_w, nudged_w, atol=1e-8)
print("by w:", by_w, " by x:", by_x)
show(
    figures.shared_weights(inputs=5, kernel_size=3, row=1, column=2),
    alt="The matrix of the filter, with three rows and five columns. Each row holds w0, w1, w2, one place further right than the row "
    "above, and zeros. The middle row is framed: w0, w1, w2. The framed middle column reads w2, w1, w0 downwards.",
)

# %% [markdown]
# The figure shows the filter as a dense layer: most weights are 0, the rest are copies. Forward it is $M\mathbf x + b$;
# the message to the inputs is $M^\top \boldsymbol\delta$, as for any dense layer, which means reading columns instead of
# rows. Across, a row says $w_0, w_1, w_2$. Down, a column says $w_2, w_1, w_0$. **The kernel comes back turned round**,
# without anyone turning it.
#
# ## Pictures
#
# In a picture the kernel is a table, and the sum runs over both directions:
#
# $$a_{ij} = \sum_{u,v} w_{uv}\, x_{i+u,\,j+v} + b$$
#
# Below, four outputs of a layer that reads an L are wrong. For three of them: the message, what it tells the weights,
# what it tells the inputs; then everything together. One of the three says nothing to any weight. Which, and why?

# %% tags=["G23", "T142", "widget"]
letter = np.zeros((6, 6))
letter[:5, 2] = letter[4, 2:5] = 1
lopsided = np.array([[1.0, 2, 0], [0, -1, 0], [0, 0, -2]])
wrong = np.zeros((4, 4))
wrong[0, 1], wrong[1, 3], wrong[2, 0], wrong[3, 2] = 1, -2, 2, -1

blame = figures.Blame(letter, lopsided, wrong)
show(
    blame.strip(places=[(0, 1), (1, 3), (2, 0)]),
    alt="Columns for the outputs (0, 1), (1, 3), (2, 0) and for all. Each message gives the weights its window of the "
    "picture, times the message: for (1, 3) nine zeros. It gives the inputs a copy of the kernel in its window; "
    "the last column adds up.",
)
explore(
    blame.at,
    alt="Five grids of numbers: the inputs with the window of one output framed, the kernel, the "
    "messages, and the gradients by the weights and by the inputs that the chosen messages give.",
    row=(0, 3, 1),
    column=(0, 3, 1),
    blame=["this output", "all outputs up to it"],
)

# %% [markdown]
# The weights get *a copy of the window*, times the message; output (1, 3) saw an empty window, so no weight had a part in
# it. The inputs get *a copy of the kernel*, times the message, stamped where the window lay. Stamps overlap, and add up.
#
# **Exercise 1.** Derive the gradient by the weight $w_{uv}$, as above, and write it for a picture and a kernel of any
# shape. Stuck? Run `hint("weight_gradient")` in a cell of its own.


# %% exercise="weight_gradient"
def weight_gradient(inputs, deltas):
    """inputs (height, width), deltas (rows, columns) of a layer that slides its kernel without turning it.

    Returns the gradient by the kernel, (height - rows + 1, width - columns + 1).
    """
    ### BEGIN SOLUTION
    rows, columns = deltas.shape
    gradient = np.zeros((inputs.shape[0] - rows + 1, inputs.shape[1] - columns + 1))
    for u, v in np.ndindex(gradient.shape):
        gradient[u, v] = np.sum(deltas * inputs[u : u + rows, v : v + columns])
    return gradient
    ### END SOLUTION


# %% check="weight_gradient"
check(weight_gradient)

# %% [markdown]
# **Exercise 2.** And the gradient by the inputs. Loops, slices or SciPy, as you like.


# %% exercise="input_gradient"
def input_gradient(deltas, kernel):
    """deltas (rows, columns), kernel (height, width), slid without turning it.

    Returns the gradient by the inputs, (rows + height - 1, columns + width - 1).
    """
    ### BEGIN SOLUTION
    (rows, columns), (height, width) = deltas.shape, kernel.shape
    gradient = np.zeros((rows + height - 1, columns + width - 1))
    for u, v in np.ndindex(height, width):
        gradient[u : u + rows, v : v + columns] += kernel[u, v] * deltas
    return gradient
    ### END SOLUTION


# %% check="input_gradient"
check(input_gradient)

# %% [markdown]
# And the biases? If each place had a bias of its own, larger pictures would need more of them. Count:

# %% tags=["T139"]
counted = []
for size, filters in ((5, 1), (50, 1), (50, 7)):
    layer = keras.layers.Conv2D(filters, kernel_size=3)
    layer.build((None, size, size, 1))
    kernel_shape, bias_shape = (tuple(weight.shape) for weight in layer.weights)
    counted.append([f"{size} x {size}", filters, str(kernel_shape), str(bias_shape), layer.count_params()])
pd.DataFrame(counted, columns=["picture", "filters", "kernel", "bias", "numbers"])

# %% [markdown]
# One bias for each filter: not one for each place, and not one for the layer. It hears the messages of its own filter,
# from all places and all pictures.
#
# ## Both gradients are convolutions themselves
#
# In Exercise 1 the messages slide over the inputs and give weighted sums. That *is* a convolution layer's forward pass,
# with the messages as its kernel. In Exercise 2 kernels are stamped. That is a convolution, too, but of which sort?
#
# - *Cross-correlation*, $\star$, slides the kernel as it is: $(x \star w)_{ij} = \sum_{u,v} w_{uv}\,x_{i+u,\,j+v}$.
# - *True convolution*, $*$, slides it turned by 180°: $(x * w)_{ij} = \sum_{u,v} w_{uv}\,x_{i-u,\,j-v}$, so
#   $x * w = x \star \mathrm{rot180}(w)$, whatever corner you count from.
# - Either can be *valid*, where the kernel lies inside, or *full*: at every position where the two overlap at all, so
#   the result is larger than $x$.
#
# The first formula for the line, in two dimensions, is $\sum_{i,j}\delta_{ij}\,x_{i+u,\,j+v} = (x \star \delta)_{uv}$. In the
# last one, output $(i, j)$ reads input $(p, q)$ through $w_{uv}$ if $(i, j) = (p - u, q - v)$. So
#
# $$\frac{\partial \ell}{\partial x_{pq}} = \sum_{u,v} w_{uv}\,\delta_{p-u,\,q-v} = (\delta * w)_{pq}\quad\text{(full: outside there are no messages)}$$
#
# Forward a cross-correlation, back a true convolution? Ask Keras, and nudge.


# %% tags=["T140", "T143", "T144", "nbval-check-output"]
def rot180(array):
    return array[::-1, ::-1]


def verdict(candidate, truth):
    error = np.abs(candidate - truth).max()
    return "right" if error < 1e-5 else f"off by {error:.1f}"


correlate, convolve = (partial(each, mode="valid") for each in (signal.correlate2d, signal.convolve2d))
full_correlate, full_convolve = (partial(each, mode="full") for each in (signal.correlate2d, signal.convolve2d))


def nudged_gradients(forward, image, kernel, deltas):
    """The gradients by the kernel and by the image of a loss whose messages are `deltas`."""
    return [numerical_gradient(lambda: np.sum(deltas * forward(image, kernel)), each) for each in (kernel, image)]


# %% tags=["T140", "T143", "T144", "nbval-check-output"]
rng = np.random.default_rng(0)
image, kernel, deltas = (rng.normal(size=shape) for shape in ((7, 6), (3, 3), (5, 4)))
assert np.abs(convolve(image, kernel) - correlate(image, rot180(kernel))).max() < 1e-14
in_keras = keras.ops.conv(image[None, :, :, None], kernel[:, :, None, None], padding="valid")
by_kernel, by_image = nudged_gradients(correlate, image, kernel, deltas)
asked = {
    "forward, in Keras": (correlate(image, kernel), convolve(image, kernel), np.asarray(in_keras)[0, :, :, 0]),
    "by w: x and δ": (correlate(image, deltas), convolve(image, deltas), by_kernel),
    "by x: δ and w, full": (full_correlate(deltas, kernel), full_convolve(deltas, kernel), by_image),
}
verdicts = {name: [verdict(star, truth), verdict(other, truth)] for name, (star, other, truth) in asked.items()}
pd.DataFrame.from_dict(verdicts, orient="index", columns=["⋆", "∗"])

# %% [markdown]
# Keras' layer computes cross-correlation, and so does PyTorch's. (Theano, on which Keras once ran, turned the kernel by
# default.) Back, the weights get a cross-correlation, and the inputs a true convolution: the turned kernel from the
# picture of the matrix.
#
# ## One star for two operations
#
# Some texts write one star for all of this. The lecture *Convolutional Neural Network* (lesson 28 goes through its
# slides) has these three lines, here in our letters, the last without its slope $f'$:
#
# $$a = \mathrm{rot180}(w) * x + b,\qquad \frac{\partial \ell}{\partial w} = \mathrm{rot180}(\delta) * x,\qquad \frac{\partial \ell}{\partial x} = \delta * \mathrm{rot180}(w)$$
#
# What does the star mean? Each of the three could be $\star$ or $*$: eight readings. The first line says what the layer
# does; nudging that layer tells which readings of the other two are right. (The first two stars are *valid*, with the
# smaller array sliding over the larger; the last one is *full*.)

# %% tags=["T143", "T144", "F412", "F413", "nbval-check-output"]
valid, full = {"⋆": correlate, "∗": convolve}, {"⋆": full_correlate, "∗": full_convolve}
readings = []
for first, second, third in itertools.product("⋆∗", repeat=3):
    true_w, true_x = nudged_gradients(lambda x, w, star=valid[first]: star(x, rot180(w)), image, kernel, deltas)
    line_2 = verdict(valid[second](image, rot180(deltas)), true_w)
    line_3 = verdict(full[third](deltas, rot180(kernel)), true_x)
    readings.append([first, second, third, line_2, line_3])
columns = ["star of line 1", "star of line 2", "star of line 3", "line 2 is", "line 3 is"]
readings = pd.DataFrame(readings, columns=columns)
consistent = readings[(readings["line 2 is"] == "right") & (readings["line 3 is"] == "right")]
assert consistent.iloc[:, :3].to_numpy().tolist() == [["∗", "∗", "⋆"]]
readings

# %% [markdown]
# One reading of eight makes all three lines right: $*$, $*$, and then $\star$ (the layer then computes $x \star w$, like
# Keras). **No reading with the same star in both gradients does.** If the layer is a true convolution (a $\star$ in line
# 1), line 2 is wrong whatever its star. Here are both conventions, with a star for each operation. **Choose a row, and
# stay in it.**
#
# | layer | forward | gradient by the kernel | gradient by the inputs (full) |
# |---|---|---|---|
# | cross-correlation: Keras, PyTorch, this course | $x \star w$ | $x \star \delta$ | $\delta * w$ |
# | true convolution | $x * w$ | $\mathrm{rot180}(x \star \delta)$ | $\delta \star w$ |
#
# Both rows, against nudging and against Keras' automatic differentiation:


# %% tags=["T143", "T144", "F412", "F413", "nbval-check-output"]
def keras_gradients(turn, image, kernel, deltas):
    def total(kernel, image):  # a loss whose messages are `deltas`
        outputs = keras.ops.conv(image[None, :, :, None], turn(kernel)[:, :, None, None], padding="valid")
        return keras.ops.sum(outputs[0, :, :, 0] * deltas)

    return gradients(total, kernel, image)


conventions = {
    "cross-correlation": (correlate, lambda w: w, correlate(image, deltas), full_convolve(deltas, kernel)),
    "true convolution": (convolve, rot180, rot180(correlate(image, deltas)), full_correlate(deltas, kernel)),
}
report = {}
for name, (forward, turn, *formulas) in conventions.items():
    truths = nudged_gradients(forward, image, kernel, deltas)
    automatic = keras_gradients(turn, image, kernel, deltas)
    for gradient, formula, truth, other in zip(("by w", "by x"), formulas, truths, automatic, strict=True):
        report[name, gradient] = {"as nudged": verdict(formula, truth), "as in Keras": verdict(formula, other)}
pd.DataFrame(report).T

# %% [markdown]
# **A formula for a gradient is a claim, and nudging tests it in four lines.** From here on we cross-correlate, like Keras.
#
# ## Down through two layers
#
# Back-propagation needs the gradient by the inputs only to pass it on. Let layer $l$ read $z^{(l-1)} = f(a^{(l-1)})$. What
# is the message of place $(p, q)$ in the layer below? In two steps:
#
# **1.** The sum $a^{(l-1)}_{pq}$ reaches the loss only through $z^{(l-1)}_{pq}$, so
# $\delta^{(l-1)}_{pq} = \dfrac{\partial \ell}{\partial z^{(l-1)}_{pq}}\, f'(a^{(l-1)}_{pq})$.
#
# **2.** $z^{(l-1)}_{pq}$ is an input of layer $l$, so the derivation above gives its slope: $(\delta^{(l)} * w^{(l)})_{pq}$, full.
#
# $$\delta^{(l-1)} = (\delta^{(l)} * w^{(l)}) \odot f'(a^{(l-1)})$$
#
# where $\odot$ multiplies place by place. The message of the layer below is a picture again, as large as its sums. Here
# with $f = \tanh$, whose slope is $1 - \tanh^2$:


# %% tags=["T144", "T139", "nbval-check-output"]
def loss_above(a1, w2, target):
    return np.sum((correlate(np.tanh(a1), w2) - target) ** 2) / 2


def loss_above_in_keras(a1, w2, target):
    a2 = keras.ops.conv(keras.ops.tanh(a1)[None, :, :, None], w2[:, :, None, None], padding="valid")
    return keras.ops.sum((a2[0, :, :, 0] - target) ** 2) / 2


x0, w1, w2, target = (rng.normal(size=shape) for shape in ((8, 8), (3, 3), (3, 3), (4, 4)))
a1 = correlate(x0, w1)
a2 = correlate(np.tanh(a1), w2)
delta2 = a2 - target
delta1 = full_convolve(delta2, w2) * (1 - np.tanh(a1) ** 2)
nudged_delta1 = numerical_gradient(lambda: loss_above(a1, w2, target), a1)
keras_delta1 = gradients(lambda a1: loss_above_in_keras(a1, w2, target), a1)[0]
print("messages of layer 2:", delta2.shape, " of layer 1:", delta1.shape)
print("as nudged:", verdict(delta1, nudged_delta1), " as in Keras:", verdict(delta1, keras_delta1))

# %% [markdown]
# ## Where does the first message come from?
#
# From the loss. For $N$ examples with answers $y_n$ and targets $t_n$, some books take the *mean of the squares*,
# others *half their sum*:
#
# $$\mathcal L = \frac1N \sum_n (t_n - y_n)^2\qquad\text{or}\qquad \mathcal L = \frac12 \sum_n (t_n - y_n)^2$$
#
# Both are called squared error. Both are smallest at the same place. Does it matter which you use?

# %% tags=["T141", "nbval-check-output"]
squared = {}
for examples in (1, 4, 100):
    answers, truth = rng.normal(size=examples), rng.normal(size=examples)
    by_mean = numerical_gradient(lambda y=answers, t=truth: np.mean((t - y) ** 2), answers)
    by_half = numerical_gradient(lambda y=answers, t=truth: np.sum((t - y) ** 2) / 2, answers)
    assert np.isclose(keras.losses.MeanSquaredError()(truth, answers), np.mean((truth - answers) ** 2))
    ratio = by_mean / by_half
    assert np.allclose(ratio, ratio[0], atol=1e-4)
    squared[examples] = {"first gradient : second": ratio[0].round(3)}
pd.DataFrame(squared).T.rename_axis("examples")

# %% [markdown]
# The messages, and with them every gradient of the network, differ by a factor that depends on $N$. With the same
# learning rate that is a different training: for 100 examples, the second one's steps are 50 times as large. **State your
# convention, and give the learning rate with it.** (Keras takes the mean, over the units, too, if there are several.)
#
# **Exercise 3.** Write the first messages, $\partial \mathcal L/\partial y$, by the first convention. An example may have
# several units; its square is then the sum over them.


# %% exercise="mse_delta"
def mse_delta(outputs, targets):
    """outputs and targets (examples, units). Returns the gradient by the outputs of the mean, over the examples, of the squared distance."""
    ### BEGIN SOLUTION
    return 2 * (outputs - targets) / len(outputs)
    ### END SOLUTION


# %% check="mse_delta"
check(mse_delta)

# %% [markdown]
# ## A real layer
#
# A real layer has a batch of $N$ pictures with channels $c$, a kernel `(height, width, channels, filters)`, a bias for
# each filter $f$, and `strides` $s$. Two more indices, one more factor:
#
# $$a_{n,i,j,f} = \sum_{u,v,c} w_{u,v,c,f}\; x_{n,\,si+u,\,sj+v,\,c} + b_f$$
#
# Every product has two factors still. Who hears what?
#
# **Exercise 4.** Write all three gradients. Step by step: **(a)** which sums does $b_f$ enter? **(b)** Fix a place
# $(u, v)$ of the kernel. What it reads, over the whole batch, is `images[:, u : u + reach : s, v : ...]`: which reach
# makes that as large as the messages? There, channels become filters by a *dense layer* with the matrix `kernel[u, v]`:
# what are its two gradients (lesson 05)? **(c)** Loop over $(u, v)$ only. (Loops over every index are right, too, but then
# the next cells take minutes.)


# %% exercise="convolution_backward"
def convolution_backward(images, kernel, deltas, strides):
    """images (batch, height, width, channels), kernel (rows, columns, channels, filters), deltas (batch, ..., filters).

    Returns the gradients by the images, by the kernel and by the bias, each in the shape of what it belongs to.
    """
    ### BEGIN SOLUTION
    by_images, by_kernel = np.zeros_like(images), np.zeros_like(kernel)
    down, across = (strides * (places - 1) + 1 for places in deltas.shape[1:3])
    for u, v in np.ndindex(kernel.shape[:2]):
        read = np.s_[:, u : u + down : strides, v : v + across : strides]
        by_kernel[u, v] = np.tensordot(images[read], deltas, axes=((0, 1, 2), (0, 1, 2)))
        by_images[read] += deltas @ kernel[u, v].T
    return by_images, by_kernel, deltas.sum(axis=(0, 1, 2))
    ### END SOLUTION


# %% check="convolution_backward"
check(convolution_backward)

# %% [markdown]
# Now let it work: a layer that goes forward like the one of our library, and back like *yours*, twice in a network for
# real handwritten digits (3,500 to learn from, of MNIST).


# %% tags=["T142", "T146"]
class YourConvolution(layers.Conv2D):
    def forward(self, inputs):
        self.images = inputs
        return super().forward(inputs)

    def backward(self, upstream):
        found = convolution_backward(self.images, self.parameters["kernel"], upstream, self.strides)
        self.gradients = {"kernel": found[1], "bias": found[2]}
        return found[0]


def digit_network(convolution, seed):
    rng = np.random.default_rng(seed)
    below, above = convolution(1, 8, 5, rng, strides=2), convolution(8, 16, 3, rng, strides=2)
    return layers.Sequential(
        [below, layers.ReLU(), above, layers.ReLU(), layers.Flatten(), layers.Dense(5 * 5 * 16, 10, rng)]
    )


# %% tags=["T142", "T146"]
digits = data.mnist_5k()
recipe = {"loss": losses.softmax_cross_entropy, "batch_size": 50, "epochs": scale(laptop=3, gpu=12)}
errors = {}
try:
    for name, convolution in {"layers.Conv2D": layers.Conv2D, "yours": YourConvolution}.items():
        net = digit_network(convolution, seed=0)
        optimizer, shuffle = optim.SGD(learning_rate=0.03, momentum=0.9), np.random.default_rng(0)
        net.fit(digits.train.images, digits.train.labels, optimizer=optimizer, rng=shuffle, **recipe)
        guessed = net.forward(digits.validation.images).argmax(axis=1)
        errors[name] = np.mean(guessed != digits.validation.labels)
    assert abs(errors["yours"] - errors["layers.Conv2D"]) < 0.02
    print(f"wrong on new digits: {errors['yours']:.1%} with yours, {errors['layers.Conv2D']:.1%} with the library's")
except NotImplementedError:
    print("Write convolution_backward first.")

# %% [markdown]
# Yours learns to read. `layers.Conv2D` does the same with padding, dilation and groups as well; it is the layer to use
# from now on.
#
# ## There and back through a whole network
#
# A convolutional network is the network of lesson 05 in three steps that repeat: **convolve, apply a non-linearity,
# pool**; a dense layer decides at the end. *Max pooling* keeps the largest of four values, say (it is the topic of lesson 12).
# Which step shrinks a map?

# %% tags=["T146", "nbval-check-output"]
grey_letter = np.zeros((6, 6))
grey_letter[:5, 2], grey_letter[4, 3:5] = [2, 2, 2, 1, 2], [2, 1]
edge = np.array([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])  # more on the left than on the right
steps = [layers.Conv2D(1, 1, 3, rng), layers.ReLU(), layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(4, 1, rng)]
steps[0].parameters["kernel"] = edge[:, :, None, None]
steps[-1].parameters["kernel"] = np.array([[1.0], [-1], [2], [1]])

maps = [grey_letter[None, :, :, None]]
for layer_step in steps:
    maps.append(layer_step.forward(maps[-1]))
names = [type(step).__name__ for step in steps]
shapes = [str(values.shape[1:]) for values in maps]
pd.DataFrame({"step": names, "from": shapes[:-1], "to": shapes[1:]})

# %% [markdown]
# The convolution loses the border, and pooling makes the map smaller; ReLU keeps the size.
#
# And back? A small nudge of the largest value moves the output of its window as much; a small nudge of another one moves
# nothing. So the **winner gets the whole message**, the others 0. (At a tie there is no slope: a nudge up and one down
# give different answers. Programs pick one of the winners; ours, the first.) Say the answer was 1 too large, so that the
# last message is 1. Which zeros in the lower row come from pooling, which from ReLU?

# %% tags=["T145", "G23", "picture"]
back = [np.ones((1, 1))]
for layer_step in reversed(steps):
    back.append(layer_step.backward(back[-1]))
by_output, _, by_pool, by_relu, by_sums, by_input = back
titles = ["input $x$", "kernel $w$", "sums $a$", "ReLU", "pool", "out"]
values = [grey_letter, edge, maps[1], maps[2], maps[3], maps[5]]
slopes = [by_input, steps[0].gradients["kernel"], by_sums, by_relu, by_pool, by_output]
ahead, coming_back = (dict(zip(titles, map(np.squeeze, arrays), strict=True)) for arrays in (values, slopes))
show(
    figures.there_and_back(ahead, coming_back),
    alt="Above, a grey letter L goes through a kernel, ReLU, pooling and a dense unit. Below, gradients of the same shapes "
    "come back: 1, -1, 2 and 1 in the four pooled places, each at one place of its window under ReLU, "
    "and only the two on the right, -1 and 1, under the sums.",
)

# %% [markdown]
# Pooling made the twelve zeros under "ReLU": each message went to its winner, 8 and 5 on the right. On the left all four
# values of both windows are 0, a tie; the first got the message, and the closed ReLUs silenced it.
#
# Now train such a network. The task: one line in a noisy picture, is it level or upright? Four kernels, a squared error.
# First, every gradient is checked by nudging, with four pictures:


# %% tags=["T145", "T146", "T141"]
def bars(examples, seed):
    """Noisy pictures (examples, 8, 8, 1), each with a line, and whether it is upright, (examples, 1)."""
    rng = np.random.default_rng(seed)
    upright = rng.integers(2, size=(examples, 1))
    pictures = rng.normal(0, 0.3, (examples, 8, 8, 1))
    for picture, label in zip(pictures, upright[:, 0], strict=True):
        place = rng.integers(8)
        if label:
            picture[:, place] += 1
        else:
            picture[place] += 1
    return pictures, upright.astype(float)


def bar_network(seed):
    rng = np.random.default_rng(seed)
    convolution, pooling = layers.Conv2D(1, 4, 3, rng), layers.MaxPooling2D(2)
    return layers.Sequential([convolution, layers.ReLU(), pooling, layers.Flatten(), layers.Dense(36, 1, rng)])


# %% tags=["T145", "T146", "T141", "nbval-check-output"]
small, (four, four_targets) = bar_network(seed=0), bars(4, seed=1)
by_four = small.backward(losses.squared_error(small.forward(four), four_targets)[1])
arrays, found = {"pictures": four}, {"pictures": by_four}
for place, title in ((0, "convolution"), (-1, "dense")):
    for part in ("kernel", "bias"):
        arrays[f"{title}, {part}"] = small.layers[place].parameters[part]
        found[f"{title}, {part}"] = small.layers[place].gradients[part]
nudged = {
    name: numerical_gradient(lambda: losses.squared_error(small.forward(four), four_targets)[0], array)
    for name, array in arrays.items()
}
rows = {name: {"numbers": found[name].size, "as nudged": verdict(found[name], nudged[name])} for name in found}
pd.DataFrame(rows).T

# %% [markdown]
# All 333 slopes are right. Train five networks, each with its own 400 pictures, and ask all about the same 500 new ones:

# %% tags=["T145"]
new_bars, new_upright = bars(500, seed=999)
epochs, right, trained = range(1, scale(laptop=30, gpu=60) + 1), [], []
for seed in range(5):
    net, (pictures, upright), shuffle = bar_network(seed), bars(400, seed), np.random.default_rng(seed)
    optimizer, curve = optim.SGD(learning_rate=0.1), []
    for _ in epochs:
        net.fit(pictures, upright, loss=losses.squared_error, optimizer=optimizer, epochs=1, batch_size=20, rng=shuffle)
        curve.append(np.mean((net.forward(new_bars) > 0.5) == new_upright))
    right.append(curve)
    trained.append(net)
assert min(curve[-1] for curve in right) > 0.9
show(
    charts.lines({"our CNN": np.transpose(right)}, epochs, "epoch", "right on new bars", guessing=0.5, percent=True),
    alt="The share of new bars judged right, mean and range of five networks: 55 to 75 per cent after one epoch, above "
    "90 after 12, nearly 100 after 30. A dashed line at 50 marks guessing.",
)

# %% tags=["T145"]
words = ["upright" if answer > 0.5 else "level" for answer in trained[0].forward(new_bars[:4])]
show(
    figures.bars_and_kernels(new_bars[:4], words, trained[0].layers[0].parameters["kernel"][:, :, 0]),
    alt="Four noisy pictures, each with a dark line: two are judged upright, two level, all four rightly. Beside them the "
    "four learned kernels: the first two change sign from left to right, the third from top to bottom.",
)

# %% [markdown]
# **The same in Keras.** Same start, same pictures, ten steps of gradient descent on all of them. If one gradient were
# off, the weights would drift apart. (Keras' loss for one unit is the mean of the squares, ours half of that: so half the
# learning rate.)

# %% tags=["T145", "nbval-check-output"]
pictures_64, upright_64 = bars(64, seed=7)
ours, start = bar_network(seed=3), bar_network(seed=3)
theirs = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(4, kernel_size=3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(1),
    ]
)
theirs.set_weights([array for layer in ours.layers for array in layer.parameters.values()])
theirs.compile(optimizer=keras.optimizers.SGD(learning_rate=0.05), loss="mean_squared_error")
theirs.fit(pictures_64, upright_64, epochs=10, batch_size=64, verbose=0)
optimizer, loss = optim.SGD(learning_rate=0.1), losses.squared_error
ours.fit(pictures_64, upright_64, loss=loss, optimizer=optimizer, epochs=10, batch_size=64, rng=rng)
trios = zip(ours.layers[::4], start.layers[::4], (theirs.layers[0], theirs.layers[-1]), strict=True)
for mine, before, twin in trios:
    same = np.allclose(mine.parameters["kernel"], twin.get_weights()[0], atol=1e-4)
    moved = np.abs(mine.parameters["kernel"] - before.parameters["kernel"]).max() > 0.01
    print(f"{type(mine).__name__}: the kernel has moved: {moved}, as in Keras: {same}")

# %% [markdown]
# ## Would you notice a wrong gradient?
#
# Suppose we had trusted a wrong line: the kernel's gradient turned by 180°, or the message down with the kernel *not*
# turned (a full cross-correlation). Surely such a network learns nothing, and we notice at once? Write down your guess.
#
# The network for digits from above (with standardised pixels and a start for ReLU, of lesson 14), five starts each, both
# convolutions with the same fault. To compare, one more sends no message down at all, so that the lower kernels stay as
# random as they began. Each run has its best of three learning rates and stops at the best of 12 epochs, both by
# validation digits. The test digits are used once.

# %% tags=["T143", "T144"]
record = evidence("faults")
chosen = record.loc[record.groupby(["last", "fault", "seed"], sort=False)["validation"].idxmin()]
learns = chosen[chosen["last"] == "learns"]
costs = compare(learns, "fault", "test", against="none")
like_none = costs.loc[["message not turned", "no message"]]
assert costs.loc["kernel's gradient turned", "low"] > 0 and learns["test"].max() < 1 / 3
assert (like_none["low"] < 0).all() and (like_none["high"] > 0).all()
shown = dict(iter(learns.groupby("fault", sort=False)["test"]))
show(
    charts.dots(shown, "wrong on test digits", percent=True),
    alt="Dots of five runs for each fault. None, message not turned and no message lie between 5 and 7.5 per cent wrong and "
    "overlap; kernel's gradient turned between 12 and 18.",
)
costs.round(3)

# %% [markdown]
# `low` and `high` bound the difference to the network without a fault: a 95 % interval, paired by start. One
# without 0 is hardly chance.
#
# **All of them learn to read, whatever the fault.** The turned gradient costs most (at the rates tried: in three of
# five runs the lowest was its best), and yet **with the kernel's gradient turned, more than two thirds of the test
# digits are read in all five runs.** The networks with no message, or with one that is not turned, we could not tell
# from the right one.
#
# Why do they learn at all? A guess: the *dense* layer above the faults gets its right gradient, and makes the best of
# whatever reaches it. To test that, take the cause away: the dense layer passes messages on, but keeps its random
# weights. Now only the convolutions can learn.

# %% tags=["T143"]
still = chosen[chosen["last"] == "still"]
controls = compare(still, "fault", "test", against="none")
assert controls.loc["kernel's gradient turned", "low"] > 0 and controls.loc["none", "mean"] < 0.3
assert still[still["fault"] != "none"]["test"].min() > 0.8
pair = learns[learns["fault"].isin(controls.index)]
panels = {f"dense layer {last}": part for last, part in (("learns", pair), ("keeps still", still))}
show(
    charts.dots(
        {title: dict(iter(part.groupby("fault", sort=False)["test"])) for title, part in panels.items()},
        "wrong on test digits",
        guessing=0.9,
        percent=True,
    ),
    alt="Two panels of dots, five runs each. With a dense layer that learns, 6 to 7 per cent are wrong without a fault and "
    "13 to 18 with the turned gradient. With a dense layer that keeps still, 16 to 21 without a fault and 83 to 91 with the "
    "turned gradient, beside the dashed line of guessing at 90.",
)
controls.round(3)

# %% [markdown]
# **With a dense layer that keeps still, the right network still learns; the one with the turned gradient gets more than
# four of five digits wrong.** (Guessing: nine of ten.) So the turned gradient teaches the kernels next to nothing: what
# that network read, it owed to its dense layer. That is how such an error lives long, in code and on slides: *the
# accuracy rises, so it must be right.* It proves little.
#
# And nudging? It needs no training, no seeds and no digits. One look at a layer with random numbers. (`Mistaken` is
# `layers.Conv2D` with one of our faults built into its `backward`.)


# %% tags=["T143", "T144", "nbval-check-output"]
def look(layer, batch, upstream):
    """Nudging's verdict on the way back of a layer."""
    layer.forward(batch)
    found = {"by the inputs": layer.backward(upstream), "by the kernel": layer.gradients["kernel"]}
    arrays = {"by the inputs": batch, "by the kernel": layer.parameters["kernel"]}
    for name, array in arrays.items():
        found[name] = verdict(found[name], numerical_gradient(lambda: np.sum(upstream * layer.forward(batch)), array))
    return found


suspects, draws = {}, np.random.default_rng(1)
batch, upstream = draws.normal(size=(2, 6, 6, 2)), draws.normal(size=(2, 4, 4, 3))
for fault in ("none", "message not turned", "no message", "kernel's gradient turned"):
    suspects[fault] = look(Mistaken(2, 3, 3, np.random.default_rng(0), fault), batch, upstream)
pd.DataFrame(suspects).T.rename_axis("fault")

# %% [markdown]
# Nudging finds every fault, and says which line to mend.
#
# ## So, who gets the blame?
#
# | | forward | gradient by the weights | gradient by the inputs |
# |---|---|---|---|
# | dense layer (lesson 05) | $\mathbf x W$ | $\mathbf x^\top \delta$ | $\delta\, W^\top$ |
# | convolution layer | $x \star w$: each place its window | $x \star \delta$: windows times messages, added up | $\delta * w$, full: kernels times messages, stamped |
#
# In both the bias hears the sum of its messages. The blame for one wrong output goes to all nine weights, to each as much
# as it read there; and every other place may object. You can now derive both gradients, keep the two
# conventions apart, write the way back of a real layer, and prove it right before you train.
#
# ## Think about it
#
# **A picture twice as wide and high: what happens to the size of the kernel's gradient?**
#
# <details><summary>Answer</summary>
#
# Four times as many places add their shares. If they agree, it is four times as large; if they are like independent noise,
# about twice. So a learning rate that suits one map size can be too bold for another.
#
# </details>
#
# **A layer has `strides=2`. Which inputs may never hear a message?**
#
# <details><summary>Answer</summary>
#
# Output $(i, j)$ reads the window that begins at $(2i, 2j)$. With a kernel of size 1 the windows are single inputs, two
# apart: three quarters of the inputs are never read and hear nothing. With a kernel of size 2 or more every input is
# read, but for a last row or column that is left over (28 rows, kernel 5: the last window begins at row 22 and leaves out row 27).
#
# </details>
#
# ## Further reading
#
# - D. Rumelhart, G. Hinton and R. Williams, *Learning representations by back-propagating errors*, 1986,
#   [doi:10.1038/323533a0](https://doi.org/10.1038/323533a0).
# - Y. LeCun and others, *Backpropagation applied to handwritten zip code recognition*, 1989,
#   [doi:10.1162/neco.1989.1.4.541](https://doi.org/10.1162/neco.1989.1.4.541): shared weights, trained on real digits.
# - V. Dumoulin and F. Visin, *A guide to convolution arithmetic for deep learning*, 2016,
#   [arXiv:1603.07285](https://arxiv.org/abs/1603.07285): the way back, drawn.
# - T. Lillicrap and others, *Random synaptic feedback weights support error backpropagation for deep learning*, 2016,
#   [doi:10.1038/ncomms13276](https://doi.org/10.1038/ncomms13276): even random messages can teach.
