# ---
# jupyter:
#   course:
#     title: "Back-propagation: who tells a hidden unit what to do?"
#     summary: "Hidden units solve what one neuron cannot; back-propagation sends each of them the message that trains it."
#     objectives:
#       - "explain with a picture how hidden units turn XOR into a problem that one line solves"
#       - "define softmax and cross-entropy, and derive the message y − t with which the way back begins"
#       - "derive back-propagation for any depth, write it in ten lines, and prove it right by nudging"
#       - "build a network from layers with forward and backward, and train it to read handwritten digits"
#       - "say what the choice of the loss and what depth do to a network, and what was measured for it"
#     needs: [02_perceptron]
#     minutes: 100
#     data: [mnist_5k]
# ---

# %% [markdown]
# One neuron draws one line, so XOR defeats it. Rosenblatt's machine had a layer of units in between, but those were
# wired at random and did not learn. The last unit has a target. A unit in the middle, a **hidden unit**, has none:
# did it help or do harm? Marvin Minsky called this the *credit assignment* problem in 1961.
#
# **Who tells a hidden unit what to do?** You will find the answer, check it number by number, and train networks with
# it.

# %%
import itertools

import keras
import numpy as np
import pandas as pd
from sklearn.datasets import make_moons
from sklearn.linear_model import LogisticRegression

from course_lessons.mlp_backprop import figures
from course_lessons.mlp_backprop.evidence import spirals
from course_lib import data, layers, losses, optim, scale
from course_lib.evidence import compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.gradcheck import numerical_gradient
from course_lib.gradients import gradients
from course_lib.layers import sigmoid, softmax
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## Two hidden units, set by hand
#
# XOR is "OR but not AND". Let one hidden unit compute OR, another AND; the output counts the first once and subtracts
# the second twice. As in lesson 02 a unit says 1 when its sum is above 0.
#
# The weights of a layer are a table $W$ with a row for each input and a column for each unit: $W_{ij}$ leads from
# input $i$ to unit $j$. With the examples in the rows of $X$, the product $XW + \mathbf b$ holds the *weighted
# sums* of all examples. We call a weighted sum $a$, what a hidden unit makes of it $z$, and the answer of the
# network $y$.
#
# Before you run the cell: to which points $(z_1, z_2)$ do the four corners go?


# %% tags=["T051", "T052", "T053"]
def hidden_layer(inputs):
    kernel, bias = np.array([[1, 1], [1, 1]]), np.array([-0.5, -1.5])  # columns: OR, AND
    return (inputs @ kernel + bias > 0).astype(int)  # (examples, 2) @ (2, 2) + (2,)


def output_sum(z):
    return z @ np.array([1, -2]) - 0.5  # (examples, 2) @ (2,): the class is 1 where this is above 0


corners, xor = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
show(
    figures.through_hidden_space(corners, xor, hidden_layer, output_sum, names=("OR", "AND")),
    alt="Four panels. Unit 1, OR, cuts off the corner (0,0); unit 2, AND, cuts off (1,1). In the hidden space (0,1) and "
    "(1,0) lie on one point, (1,0), and a line parts it from (0,0) and (1,1). In the plane the network answers 1 "
    "in a band between two parallel lines.",
)
by_hand = pd.DataFrame(corners.astype(int), columns=["x₁", "x₂"])
by_hand[["z₁: OR", "z₂: AND"]] = hidden_layer(corners)
by_hand["a"] = output_sum(hidden_layer(corners))
by_hand["y"], by_hand["target"] = (by_hand["a"] > 0).astype(int), xor
by_hand

# %% [markdown]
# Each hidden unit cuts the plane once. Together they move the examples to a **hidden space**, and there one line is
# enough. Here we chose the units. How could they learn?
#
# ## Soft units
#
# A step is flat: a small change of a weight changes nothing, so it cannot say which way is better. Take the
# *sigmoid* $\sigma(a) = \dfrac{1}{1 + e^{-a}}$ instead, a soft step from 0 to 1. For one hidden layer and one
# output
#
# $$a^{(1)}_j = \sum_i W^{(1)}_{ij} x_i + b^{(1)}_j,\qquad z_j = \sigma(a^{(1)}_j),\qquad a^{(2)} = \sum_j W^{(2)}_{j1} z_j + b^{(2)},\qquad y = \sigma(a^{(2)})$$
#
# The number in brackets is that of the layer. In code a network is a list of arrays, `[W1, b1, W2, b2]`, as Keras'
# `get_weights` gives it. Will Keras, given the same weights, say the same?


# %% tags=["T054", "nbval-check-output"]
def random_network(widths, seed, size=1.0):
    """Normal random weights and biases: W1 (inputs, hidden), b1 (hidden,), W2, b2, and so on."""
    rng = np.random.default_rng(seed)
    shapes = [shape for n, units in itertools.pairwise(widths) for shape in ((n, units), (units,))]
    return [rng.normal(0, size, shape) for shape in shapes]


def one_hidden_layer(inputs, network):
    W1, b1, W2, b2 = network
    a1 = inputs @ W1 + b1  # (examples, hidden)
    z = sigmoid(a1)
    a2 = z @ W2 + b2  # (examples, outputs)
    y = sigmoid(a2)
    return z, y


small = random_network([2, 3, 1], seed=11)
small_twin = keras.Sequential(
    [keras.Input((2,)), keras.layers.Dense(3, activation="sigmoid"), keras.layers.Dense(1, activation="sigmoid")]
)
small_twin.set_weights(small)
in_keras = small_twin.predict(corners, verbose=0).ravel()
pd.DataFrame({"NumPy": one_hidden_layer(corners, small)[1].ravel(), "Keras": in_keras}).round(4)

# %% [markdown]
# They agree. What can such networks say? Draw all weights at random. Weights and biases twice as large make every hidden unit
# $\sigma(2a)$: the same line, a slope twice as steep. Each further hidden unit brings a line along which the answer
# may bend. What do you expect from left to right, and downwards?

# %% tags=["T055", "G06", "widget"]
show(
    figures.random_networks(widths=(2, 8, 64), weight_scales=(1, 2, 4, 8), number=34),
    alt="Twelve random networks over the plane: rows of 2, 8 and 64 hidden units, columns with weights of size 1, 2, 4, 8. "
    "From left to right pale shades become full colours with sharp borders. With 2 units the border is nearly "
    "straight, with 8 it has a few bends, with 64 many, and there are separate islands.",
)
explore(
    figures.random_network,
    alt="The output of one random network over the plane, from blue for 0 to orange for 1, with the line of 0.5.",
    hidden_units=(1, 64, 1),
    weight_scale=(0.5, 10, 0.5),
    number=(0, 20, 1),
)

# %% [markdown]
# Larger weights make the colours stronger and the edges sharper. In the last column the border of 2 units is nearly
# straight, that of 8 has a few bends, that of 64 many.
#
# ## How wrong? Surprise
#
# Read $y$ as the probability of class 1. The *loss* of one example, $\ell$, is the *surprise* at what was true:
# minus the (natural) logarithm of the probability that the network gave to it, 0 if it was sure and right, large if
# sure and wrong. With the target $t = 1$ or 0
#
# $$\ell = -t \log y - (1 - t) \log(1 - y)$$
#
# (one of the two terms is zero). For several classes the output layer has a unit for each. Their sums $a_1, a_2,
# \dots$ are called *logits*, and *softmax* makes probabilities of them: positive, and 1 together. The target is
# written *one-hot*: $t_j$ is 1 for the true class and 0 for the others.
#
# $$y_j = \frac{e^{a_j}}{\sum_k e^{a_k}},\qquad \ell = -\sum_j t_j \log y_j$$
#
# Both losses are called *cross-entropy*; $\mathcal L$ is the mean over all examples. Which way should a logit move?
# We need the slope of the loss by each logit, $\partial \ell / \partial a_j$ (all other logits held fixed). We call
# it the unit's **message** $\delta_j$ (books say *delta* or *error signal*).
#
# *Softmax.* The logarithm of a fraction is a difference, and the targets sum to 1:
#
# $$\ell = -\sum_j t_j \Big(a_j - \log \sum_k e^{a_k}\Big) = -\sum_j t_j a_j + \log \sum_k e^{a_k}$$
#
# The logit $a_i$ stands once in the first sum, so that part has the slope $-t_i$. A logarithm has the slope one over
# its argument, times the slope of the argument, here $e^{a_i}$. Together
#
# $$\delta_i = \frac{\partial \ell}{\partial a_i} = -t_i + \frac{e^{a_i}}{\sum_k e^{a_k}} = y_i - t_i$$
#
# *Sigmoid.* First the loss by $y$, then $y$ by $a$, then their product (the *chain rule*: slopes along a chain
# multiply):
#
# $$\frac{\partial \ell}{\partial y} = -\frac{t}{y} + \frac{1 - t}{1 - y} = \frac{y - t}{y (1 - y)},\qquad \frac{\partial y}{\partial a} = \frac{e^{-a}}{(1 + e^{-a})^2} = y (1 - y),\qquad \delta = y - t$$
#
# (For the middle one, $\frac{1}{1 + e^{-a}} = y$ and $\frac{e^{-a}}{1 + e^{-a}} = 1 - y$.) **In both cases the
# message is answer minus target.** Is it true? *Nudge* each logit by a tiny $h$ both ways, and divide the change of
# the loss by $2h$. That needs no algebra.


# %% tags=["nbval-check-output"]
def surprise_at(logits, one_hot):
    return -np.sum(one_hot * np.log(np.exp(logits) / np.exp(logits).sum()))


logits, one_hot = np.array([2.0, 1.0, -1.0]), np.array([0.0, 1.0, 0.0])  # the second class is true
powers = np.exp(logits)
probabilities = powers / powers.sum()
nudged_logits = numerical_gradient(lambda: surprise_at(logits, one_hot), logits)
assert np.allclose(nudged_logits, probabilities - one_hot, atol=1e-9)
columns = {"logit": logits, "power of e": powers, "y": probabilities, "t": one_hot}
pd.DataFrame(columns | {"y − t": probabilities - one_hot, "nudged": nudged_logits}).round(3)

# %% [markdown]
# The nudges agree. The true class had only 0.26: its logit should rise, the others should fall.
#
# **Exercise 1.** Write the mean surprise of several examples (a *batch*), straight from logits. One trap: a logit
# may be 1,000, and $e^{1000}$ is too large for a computer. Look for a form in the derivation in which you may subtract the
# same number from all logits of an example. Why does that change nothing?


# %% exercise="mean_surprise"
def mean_surprise(logits, labels):
    """logits (examples, classes), labels (examples,): the true class of each, as a number. Returns one number."""
    ### BEGIN SOLUTION
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(shifted).sum(axis=1))
    return np.mean(log_sums - shifted[np.arange(len(labels)), labels])
    ### END SOLUTION


# %% check="mean_surprise"
check(mean_surprise)

# %% [markdown]
# ## The slow way, and the chain
#
# Now downhill: change every weight by minus its slope, times a small number, $w \leftarrow w - \eta\,\partial
# \mathcal L / \partial w$; $\eta$ is the *learning rate*. All these slopes together are the *gradient*: one for
# *every* weight and *every* bias of each layer. Nudging finds them, at two runs of the network each. How many runs is
# one step of a network with 784 inputs, 512 hidden units and 10 outputs?


# %% tags=["Q05", "nbval-check-output"]
def cross_entropy(inputs, targets, network):
    y = one_hidden_layer(inputs, network)[1]
    return -np.mean(targets * np.log(y) + (1 - targets) * np.log(1 - y))


xor_targets = xor[:, None]  # (examples, outputs)
nudged = [numerical_gradient(lambda: cross_entropy(corners, xor_targets, small), array) for array in small]
counts = {"2-3-1": (2 * 3 + 3) + (3 * 1 + 1), "784-512-10": (784 * 512 + 512) + (512 * 10 + 10)}
pd.DataFrame({"weights and biases": counts, "runs for one step": {name: 2 * n for name, n in counts.items()}})

# %% [markdown]
# 814,100 runs for one step: hopeless. Follow the influence of *one* weight, $W^{(1)}_{ij}$. It changes only
# $a^{(1)}_j$; that changes only $z_j$; that changes $a^{(2)}$, then $y$, then $\ell$. Five links, and the chain rule
# multiplies their slopes:
#
# $$\frac{\partial \ell}{\partial W^{(1)}_{ij}} = \frac{\partial \ell}{\partial y}\cdot\frac{\partial y}{\partial a^{(2)}}\cdot\frac{\partial a^{(2)}}{\partial z_j}\cdot\frac{\partial z_j}{\partial a^{(1)}_j}\cdot\frac{\partial a^{(1)}_j}{\partial W^{(1)}_{ij}}$$
#
# We compare with the nudge, and with Keras, which multiplies such slopes for any program (*automatic
# differentiation*, `gradients` below).


# %% tags=["T057", "nbval-check-output"]
def keras_gradients(model, loss, inputs, targets):
    """The gradient of the loss by every array of `model.get_weights()`."""

    def value(*weights):
        outputs, _ = model.stateless_call(weights, [], inputs)
        return loss(targets, outputs)

    return gradients(value, *model.get_weights())


i, j = 1, 0  # the weight from input 1 to hidden unit 0, counted from 0
z, y = one_hidden_layer(corners, small)
factors = {
    "∂ℓ/∂y": (y[:, 0] - xor) / (y[:, 0] * (1 - y[:, 0])),
    "∂y/∂a⁽²⁾": y[:, 0] * (1 - y[:, 0]),
    "∂a⁽²⁾/∂z": np.full(4, small[2][j, 0]),
    "∂z/∂a⁽¹⁾": z[:, j] * (1 - z[:, j]),
    "∂a⁽¹⁾/∂W": corners[:, i],
}
product = np.prod(list(factors.values()), axis=0) + 0.0
by_keras = keras_gradients(small_twin, keras.losses.BinaryCrossentropy(), corners, xor_targets)[0][i, j]
print(f"mean of the products {product.mean():.4f}, nudged {nudged[0][i, j]:.4f}, Keras {by_keras:.4f}")
pd.DataFrame(factors | {"product": product}, index=["(0,0)", "(0,1)", "(1,0)", "(1,1)"]).round(4)

# %% [markdown]
# All three agree.
#
# ## The message
#
# See which factors are *shared*. The first two belong to the output unit: they are its message $\delta = y - t$. The
# first four belong to hidden unit $j$, whatever the input. They are *its* message $\delta_j = \partial \ell /
# \partial a_j$.
#
# Now for any number of units and layers. Let layer $l$ of $D$ compute $a^{(l)}_j = \sum_i z^{(l-1)}_i W^{(l)}_{ij} +
# b^{(l)}_j$, with $z^{(0)}_i = x_i$. Hidden layers have $z^{(l)}_j = \sigma(a^{(l)}_j)$; the last layer has sigmoid or
# softmax with cross-entropy.
#
# **1. It starts** with $\delta^{(D)}_j = y_j - t_j$, as derived above.
#
# **2. It goes back.** The sum $a^{(l)}_i$ reaches the loss only through $z^{(l)}_i$, and from there through *every*
# sum of the next layer. Influences along different ways add up, so the chain rule has a sum over these ways:
#
# $$\delta^{(l)}_i = \sum_j \frac{\partial \ell}{\partial a^{(l+1)}_j} \cdot \frac{\partial a^{(l+1)}_j}{\partial z^{(l)}_i} \cdot \frac{\partial z^{(l)}_i}{\partial a^{(l)}_i} = \underbrace{z^{(l)}_i \big(1 - z^{(l)}_i\big)}_{\text{its own slope}}\;\underbrace{\sum_j W^{(l+1)}_{ij}\, \delta^{(l+1)}_j}_{\text{messages from above}}$$
#
# **3. Each weight hears it.** $W^{(l)}_{ij}$ reaches the loss only through $a^{(l)}_j$, whose slope by this weight is
# $z^{(l-1)}_i$; by the bias it is 1:
#
# $$\frac{\partial \ell}{\partial W^{(l)}_{ij}} = z^{(l-1)}_i\, \delta^{(l)}_j,\qquad \frac{\partial \ell}{\partial b^{(l)}_j} = \delta^{(l)}_j$$
#
# **That is the answer.** The units above tell a hidden unit what to do: each sends its message back through the same
# weight that carried the unit's output forward. The unit adds the messages up, multiplies by its slope, and passes
# its own on. Every slope is then *output of the sender times message of the receiver*. One run forward and one back
# give them all. This is **back-propagation**; here it is for any depth and a whole batch. Test it on three layers
# with softmax: the same answers as Keras, and the same gradient for all six arrays?


# %% tags=["T060", "T062", "Q05"]
def forward(inputs, network, last=softmax):
    """The outputs of every layer, beginning with the inputs. The network is [W1, b1, W2, b2, ...]."""
    outputs = [inputs]
    for kernel, bias in zip(network[0::2], network[1::2], strict=True):
        a = outputs[-1] @ kernel + bias
        assert a.shape == (len(inputs), len(bias))
        outputs.append(sigmoid(a))
    return [*outputs[:-1], last(a)]


def back_propagate(outputs, targets, network):
    """The gradient of the mean cross-entropy by every array of the network, in the same order."""
    delta = (outputs[-1] - targets) / len(targets)  # step 1, and the mean over the examples
    found = []
    for kernel, z in zip(network[-2::-2], outputs[-2::-1], strict=True):  # from the last layer to the first
        found = [z.T @ delta, delta.sum(axis=0), *found]  # step 3
        delta = z * (1 - z) * (delta @ kernel.T)  # step 2
    return found


# %% tags=["T060", "T062", "Q05", "nbval-check-output"]
def softmax_loss(inputs, targets, network):
    return -np.mean(np.sum(targets * np.log(forward(inputs, network)[-1]), axis=1))


deep = random_network([4, 5, 6, 3], seed=0)
deep_twin = keras.Sequential([keras.Input((4,))])
for units, activation in ((5, "sigmoid"), (6, "sigmoid"), (3, "softmax")):
    deep_twin.add(keras.layers.Dense(units, activation=activation))
deep_twin.set_weights(deep)
deep_inputs = np.random.default_rng(1).normal(size=(7, 4))
deep_targets = np.eye(3)[[0, 1, 2, 2, 1, 0, 1]]
deep_outputs = forward(deep_inputs, deep)
print("same answers:", np.allclose(deep_outputs[-1], deep_twin.predict(deep_inputs, verbose=0), atol=1e-5))
deep_gradient = back_propagate(deep_outputs, deep_targets, deep)
deep_by_keras = keras_gradients(deep_twin, keras.losses.CategoricalCrossentropy(), deep_inputs, deep_targets)
by_nudging = [numerical_gradient(lambda: softmax_loss(deep_inputs, deep_targets, deep), array) for array in deep]
agreement = {
    "shape": [str(array.shape) for array in deep],
    "as nudged": [np.allclose(*pair, atol=1e-8) for pair in zip(deep_gradient, by_nudging, strict=True)],
    "as in Keras": [np.allclose(*pair, atol=1e-5) for pair in zip(deep_gradient, deep_by_keras, strict=True)],
}
pd.DataFrame(agreement, index=["W1", "b1", "W2", "b2", "W3", "b3"])

# %% [markdown]
# Yes, all six.
#
# One slip raises no error where layers have the same width: a second layer that reads $\mathbf x$ where $\mathbf z$
# was meant. What do you expect the first layer to learn?


# %% tags=["T061", "nbval-check-output"]
def loss_of_slip(inputs, targets, network):
    W1, b1, W2, b2 = network
    z = sigmoid(inputs @ W1 + b1)  # noqa: F841  computed, and read by nobody
    return -np.mean(np.sum(targets * np.log(softmax(inputs @ W2 + b2)), axis=1))


square, xor_one_hot = random_network([2, 2, 2], seed=3), np.eye(2)[xor]
largest = {
    "layer 2 reads x": np.abs(numerical_gradient(lambda: loss_of_slip(corners, xor_one_hot, square), square[0])).max(),
    "layer 2 reads z": np.abs(numerical_gradient(lambda: softmax_loss(corners, xor_one_hot, square), square[0])).max(),
}
assert largest["layer 2 reads x"] == 0 < largest["layer 2 reads z"]
pd.DataFrame({"largest slope by a weight of layer 1": largest}).round(3)

# %% [markdown]
# Exactly nothing: a unit that nobody reads gets no message. What is left is one layer, whose border is a line, and
# lesson 02 proved that no line does XOR.
#
# ## One example at a time
#
# Another loss changes only the start of the way back. Take *half the squared error*, $\ell = \frac12 \sum_j (y_j -
# t_j)^2$, with sigmoid units. Its slope by $y_j$ is $y_j - t_j$, so $\delta_j = (y_j - t_j)\,y_j (1 - y_j)$.
# One may also update after each single example. An update is an **iteration**; an *epoch* is one pass over all
# examples. Here is that algorithm, set to learn XOR; first it is compared with nudging. Two hidden units can do it.
# Will they always find the way? The figure has six starts. The table comes from a *record*, a longer experiment whose
# results are stored with the course: the share of 200 starts (5 × 40) that have all corners right after 3,000 epochs,
# for each width and learning rate.


# %% tags=["T058"]
def single_gradient(x, t, network):
    """The gradient of half the squared error of one example, and the network's answer."""
    W1, b1, W2, b2 = network
    z = sigmoid(x @ W1 + b1)
    y = sigmoid(z @ W2 + b2)
    delta_2 = (y - t) * y * (1 - y)
    delta_1 = z * (1 - z) * (W2 @ delta_2)
    return [np.outer(x, delta_1), delta_1, np.outer(z, delta_2), delta_2], y


def learn_xor(hidden, seed, epochs=1500, learning_rate=1.0):
    """Half the squared error, averaged over each epoch."""
    network, rng = random_network([2, hidden, 1], seed), np.random.default_rng(seed)
    errors = np.zeros(epochs)
    for epoch in range(epochs):
        for place in rng.permutation(4):
            gradient, y = single_gradient(corners[place], xor[place], network)
            network = [array - learning_rate * slope for array, slope in zip(network, gradient, strict=True)]
            errors[epoch] += 0.5 * (xor[place] - y[0]) ** 2 / 4
    return errors


# %% tags=["T058", "nbval-check-output"]
def half_squared_error(x, t, network):
    return 0.5 * np.sum((one_hidden_layer(x, network)[1] - t) ** 2)


single = random_network([2, 2, 1], seed=4)
for array, slope in zip(single, single_gradient(corners[1], xor[1], single)[0], strict=True):
    slope_nudged = numerical_gradient(lambda: half_squared_error(corners[1], xor[1], single), array)
    print(array.shape, "as nudged:", np.allclose(slope, slope_nudged, atol=1e-9))

# %% tags=["T058", "H03"]
starts = range(scale(laptop=6, gpu=20))
xor_errors = {f"{n} hidden units": np.transpose([learn_xor(n, seed) for seed in starts]) for n in (2, 4)}
show(
    figures.stuck_or_solved(xor_errors, 0.03, xlabel="epoch (4 iterations each)", ylabel="half squared error"),
    alt="Half squared error against the epoch, six starts each. With 2 hidden units four starts fall to 0 within some 600 "
    "epochs and two stay at about 0.08; with 4 hidden units all six fall to 0.",
)
xor_rows = evidence("xor")
for rate, rows in xor_rows.groupby("learning_rate"):
    assert compare(rows, "hidden", "solved", against=2).loc[4, "low"] > 0, rate
xor_rows.pivot_table(index="hidden", columns="learning_rate", values="solved").map("{:.0%}".format)

# %% [markdown]
# **At each of the four learning rates four hidden units solve XOR from more starts than two do.** Back-propagation
# tells each unit which way is *down from here*. It does not promise that down leads to the best place: the stuck
# starts went down, too.
#
# ## Watching it learn
#
# Now two moons and six hidden units. What is made small is the loss and, a little, the size of the weights (not of
# the biases): $\mathcal M = \mathcal L + \frac\alpha2 \sum w^2$ with a small $\alpha$, here 0.0001. The slope of the
# second part is $\alpha w$, so each step also shrinks every weight: *weight decay*. Guess how both parts and the
# border will move. At the end a straight cut, found by logistic regression (one sigmoid unit with cross-entropy), is
# tried on the points of the plane and on those of the hidden space.


# %% tags=["T056"]
def descend(inputs, targets, network, steps, learning_rate, alpha=0.0):
    """Gradient descent on loss plus weight decay. Returns the network before and after every step."""
    history = [network]
    for _ in range(steps):
        gradient = back_propagate(forward(inputs, network, last=sigmoid), targets, network)
        for place in range(0, len(network), 2):  # kernels only
            gradient[place] = gradient[place] + alpha * network[place]
        network = [array - learning_rate * slope for array, slope in zip(network, gradient, strict=True)]
        history.append(network)
    return history


def answer(inputs, network):
    return forward(inputs, network, last=sigmoid)[-1][:, 0]


alpha = 1e-4
moons, moon_labels = make_moons(200, noise=0.1, random_state=0)
history = descend(
    moons, moon_labels[:, None], random_network([2, 6, 1], seed=0), steps=3000, learning_rate=4.0, alpha=alpha
)

# %% tags=["T051", "T056", "G07", "widget", "picture"]
loss_of_moons = np.array([cross_entropy(moons, moon_labels[:, None], network) for network in history])
decay = np.array([alpha / 2 * (np.sum(network[0] ** 2) + np.sum(network[2] ** 2)) for network in history])
curves_of_moons = {r"$\mathcal{M}$": loss_of_moons + decay, r"$\mathcal{L}$": loss_of_moons, "weight decay": decay}
film = figures.Film(moons, moon_labels, [lambda x, network=network: answer(x, network) for network in history])
show(
    film.story((0, 10, 300, 750, 3000), curves_of_moons),
    alt="Five pictures of two moons. Step 0: one colour everywhere. Steps 10 and 300: a straight border. Step 750: the "
    "border bends round the inner ends of both moons, step 3000: more closely. Below, against the step on "
    "logarithmic axes: loss and sum fall, lie level near 0.3 until about step 650 and fall again; the decay "
    "term grows from 0.0005 to 0.03, where it is larger than the loss.",
)
explore(
    film.frame,
    alt="Two moons of points, and the network's answer over the plane at this step, blue to orange.",
    step=(0, 1000, 50),
)

# %% tags=["T051", "nbval-check-output"]
hidden_outputs = forward(moons, history[-1], last=sigmoid)[1]
spaces = {"the plane": moons, "the hidden space": hidden_outputs}
separated = {
    where: LogisticRegression(C=1e4).fit(points, moon_labels).score(points, moon_labels)
    for where, points in spaces.items()
}
assert separated["the plane"] < 0.9 < 0.99 < separated["the hidden space"]
pd.DataFrame({"moons that one straight cut gets right": separated}).map("{:.1%}".format)

# %% [markdown]
# In this run the border stays straight for hundreds of steps, on a plateau of the loss. Then it bends, and the loss
# falls while the weights grow. A straight cut of the hidden space parts the moons completely, which none in the plane
# can.
#
# ## 1986: units that invent a code
#
# What do these messages make of hidden units? One task in a chapter by David Rumelhart, Geoffrey Hinton and Ronald
# Williams: repeat one of eight patterns, each a single 1 among zeros, through only *three* hidden units. What would
# you let those do? The cell writes every slope out, from $\partial \ell/\partial y = y - t$ (half the squared error)
# back through each unit and its weights. The figure shows five starts after 3,000 steps.


# %% tags=["T059", "H03"]
def learn_code(seed, steps=3000):
    """An 8-3-8 network that learns to repeat its input: hidden outputs and outputs at the end."""
    patterns = np.eye(8)
    W1, b1, W2, b2 = random_network([8, 3, 8], seed, size=0.5)
    for _ in range(steps):
        z = sigmoid(patterns @ W1 + b1)
        y = sigmoid(z @ W2 + b2)
        slope_y = y - patterns
        slope_a2 = slope_y * y * (1 - y)
        slope_z = slope_a2 @ W2.T
        slope_a1 = slope_z * z * (1 - z)
        W2, b2 = W2 - z.T @ slope_a2, b2 - slope_a2.sum(axis=0)  # learning rate 1
        W1, b1 = W1 - patterns.T @ slope_a1, b1 - slope_a1.sum(axis=0)
    return z, y


codes = [learn_code(seed)[0] for seed in range(5)]
show(
    figures.codes(codes, [f"start {seed}" for seed in range(5)]),
    alt="For five starts the outputs of three hidden units for each of eight patterns, from white for 0 to black for 1. "
    "Most are nearly black or white, some grey. Each pattern has a row of its own in every start.",
)
code_rows = evidence("encoder")
assert (code_rows["repeated"] == 8).all()
code_rows["rounded_codes"].value_counts().rename("of 100 starts, after 10,000 steps").to_frame()

# %% [markdown]
# From all 100 recorded starts all eight patterns come back. (The largest output stands in the right place.) Three
# units, on or off, have $2^3 = 8$ states, and in 72 of 100 the hidden outputs, rounded, are eight different codes:
# binary numbers, in an order of their own. In the other 28 some patterns share a rounded code, and only values in
# between tell them apart. Nobody told the units what to stand for.
#
# **Exercise 2.** Such a network may use *one* matrix of weights twice, forwards to encode and turned to decode: $y =
# \sigma\big(\sigma(XW + \mathbf b)\,W^{\mathsf T} + \mathbf c\big)$ shall repeat $X$, with sigmoid outputs and
# cross-entropy (summed over the outputs, averaged over the examples). Derive all three gradients. How many ways lead
# from $W$ to the loss?


# %% exercise="tied_gradients"
def tied_gradients(inputs, W, b, c):
    """inputs (examples, n) from 0 to 1, W (n, hidden), b (hidden,), c (n,). Returns the gradients by W, b and c."""
    ### BEGIN SOLUTION
    z = sigmoid(inputs @ W + b)
    y = sigmoid(z @ W.T + c)
    delta_2 = (y - inputs) / len(inputs)
    delta_1 = z * (1 - z) * (delta_2 @ W)
    return inputs.T @ delta_1 + delta_2.T @ z, delta_1.sum(axis=0), delta_2.sum(axis=0)
    ### END SOLUTION


# %% check="tied_gradients"
check(tied_gradients)

# %% [markdown]
# ## Layers as building blocks
#
# A layer can be an object with two methods: `forward` remembers what `backward` needs; `backward` takes the slopes of
# the loss by the layer's outputs, keeps those by its own weights, and returns those by its inputs. Such layers can be
# stacked. A new kind of unit, **ReLU**, passes what is positive and blocks the rest, both ways: $f(a) = \max(a, 0)$
# has the slope 1 or 0.


# %% tags=["T063", "T064"]
class Dense:
    def __init__(self, kernel, bias):
        self.kernel, self.bias = kernel, bias

    def forward(self, inputs):
        self.inputs = inputs
        return inputs @ self.kernel + self.bias

    def backward(self, upstream):
        self.kernel_gradient, self.bias_gradient = self.inputs.T @ upstream, upstream.sum(axis=0)
        return upstream @ self.kernel.T


class ReLU:
    def forward(self, inputs):
        self.positive = inputs > 0
        return inputs * self.positive

    def backward(self, upstream):
        return upstream * self.positive


# %% [markdown]
# Stack 784-512-10 for real digits of 28 × 28 pixels: MNIST, 3,500 to train, 500 to choose by (the *validation*
# part), 1,000 that are looked at once, at the end (the *test* part). The weights start as normal random numbers
# with a standard deviation of $\sqrt{2 / \text{inputs}}$ (lesson 14 says why). The network ends in logits. The way back calls
# the same layers in reverse. Are the answers those of Keras, and the weights after one step, too?
#
# The course's own `layers`, after that, are such classes with a `fit` that shuffles the examples and takes a step
# after each batch of them. Do they pass the nudge, and can they read?

# %% tags=["T063", "C08", "F006", "nbval-check-output"]
digits = scale(laptop=data.mnist_5k, gpu=data.mnist)()
images, labels = digits.train.images.reshape(-1, 784), digits.train.labels

rng = np.random.default_rng(0)
first = Dense(rng.normal(0, np.sqrt(2 / 784), (784, 512)), np.zeros(512))
last = Dense(rng.normal(0, np.sqrt(2 / 512), (512, 10)), np.zeros(10))
stack = [first, ReLU(), last]
digit_twin = keras.Sequential([keras.Input((784,)), keras.layers.Dense(512, activation="relu"), keras.layers.Dense(10)])
digit_twin.set_weights([first.kernel, first.bias, last.kernel, last.bias])


def logits_of(stack, inputs):
    for layer in stack:
        inputs = layer.forward(inputs)
    return inputs


ours = softmax(logits_of(stack, images[:100]))
theirs = keras.ops.convert_to_numpy(keras.ops.softmax(digit_twin(images[:100])))
print(f"{digit_twin.count_params():,} weights and biases; same probabilities: {np.allclose(ours, theirs, atol=1e-5)}")


# %% tags=["T064", "C09", "nbval-check-output"]
def send_back(stack, upstream):
    for layer in reversed(stack):
        upstream = layer.backward(upstream)
    return upstream  # the slopes by the inputs


digit_twin.set_weights([first.kernel, first.bias, last.kernel, last.bias])
send_back(stack, (softmax(logits_of(stack, images[:100])) - np.eye(10)[labels[:100]]) / 100)
for dense in (first, last):
    dense.kernel -= 0.2 * dense.kernel_gradient
    dense.bias -= 0.2 * dense.bias_gradient

digit_twin.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.2),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
digit_twin.train_on_batch(images[:100], labels[:100])
for ours, theirs in zip((first.kernel, first.bias, last.kernel, last.bias), digit_twin.get_weights(), strict=True):
    print(ours.shape, "same after the step:", np.allclose(ours, theirs, atol=1e-5))

# %% tags=["T064", "C09", "nbval-check-output"]
rng = np.random.default_rng(1)
little = layers.Sequential([layers.Dense(6, 5, rng), layers.ReLU(), layers.Dense(5, 3, rng)])
little_inputs, little_labels = rng.normal(size=(8, 6)), rng.integers(3, size=8)
little.backward(losses.softmax_cross_entropy(little.forward(little_inputs), little_labels)[1])
for layer in (little.layers[0], little.layers[2]):
    for name, array in layer.parameters.items():
        slopes_nudged = numerical_gradient(
            lambda: losses.softmax_cross_entropy(little.forward(little_inputs), little_labels)[0], array
        )
        print(f"{name} {array.shape} as nudged: {np.allclose(layer.gradients[name], slopes_nudged, atol=1e-8)}")

# %% tags=["T064", "C09"]
rng = np.random.default_rng(0)
reader = layers.Sequential([layers.Dense(784, 512, rng), layers.ReLU(), layers.Dense(512, 10, rng)])
reader.fit(
    images,
    labels,
    loss=losses.softmax_cross_entropy,
    optimizer=optim.SGD(learning_rate=0.2),
    epochs=scale(laptop=8, gpu=3),
    batch_size=50,
    rng=rng,
)
new_images, new_labels = digits.validation.images.reshape(-1, 784), digits.validation.labels
by_layers = np.mean(reader.forward(new_images).argmax(axis=1) == new_labels)
digit_twin.fit(images, labels, epochs=scale(laptop=8, gpu=3), batch_size=50, verbose=0)
by_keras_fit = digit_twin.evaluate(new_images, new_labels, verbose=0)[1]
assert min(by_layers, by_keras_fit) > 0.9
pd.DataFrame({"right on validation digits": {"our layers": by_layers, "Keras": by_keras_fit}}).map("{:.1%}".format)

# %% [markdown]
# Same answers, same step, and more than nine of ten right. How much of that do the hidden units do? Recorded for five
# seeds are a network with 128 hidden ReLUs and one *without* hidden layer, each with the best of three learning rates
# and stopped at the best pass of 25 (both by the validation part), and the **nearest neighbour**: the label of the
# training digit at the smallest distance. Below are errors on the test part. `difference` is the mean error minus that
# of the first row; `low` and `high` are the ends of its 95 % interval, from the differences seed by seed (*paired*).
# If 0 lies outside, the difference is more than the chance of the seeds.

# %% tags=["T064", "nbval-check-output"]
digit_rows = evidence("hidden_units")
digit_errors = compare(digit_rows, "network", "test_error")
assert digit_errors.loc["128 hidden units", "high"] < 0
digit_errors.round(4)

# %% [markdown]
# **The hidden layer lowers the error.** It goes down from 0.111 to 0.072. The nearest neighbour, which only stores the
# digits, has 0.068, and we could not tell the network from it: the interval of their difference is −0.003 to 0.010.
#
# **Exercise 3.** One step further the messages reach the *pixels*: which would make a digit less surprising? Write
# the gradient of each image's *own* loss by its pixels, for one hidden layer of ReLUs and softmax. The check uses
# MNIST digits and a network trained on them. (Then try it on yours: `reader.layers[0].parameters` holds `"kernel"`
# and `"bias"`.)


# %% exercise="pixel_gradient"
def pixel_gradient(images, labels, W1, b1, W2, b2):
    """images (examples, pixels), labels (examples,), W1 (pixels, hidden), W2 (hidden, classes).

    Returns for each image the gradient of its loss by its pixels, (examples, pixels).
    """
    ### BEGIN SOLUTION
    sums = images @ W1 + b1
    y = softmax(np.maximum(sums, 0) @ W2 + b2)
    delta_2 = y - np.eye(len(b2))[labels]
    delta_1 = (sums > 0) * (delta_2 @ W2.T)
    return delta_1 @ W1.T
    ### END SOLUTION


# %% check="pixel_gradient"
check(pixel_gradient)

# %% [markdown]
# **Exercise 4.** From now on Keras does the way back for us. Write `build_mlp()`: a Keras model for digits of 8 × 8
# pixels, with 64 inputs, hidden layers of 32 and 16 ReLU units, and 10 outputs that are probabilities.


# %% exercise="build_mlp"
def build_mlp():
    """Returns a Keras model, 64-32-16-10."""
    ### BEGIN SOLUTION
    return keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    ### END SOLUTION


# %% check="build_mlp"
check(build_mlp)

# %% [markdown]
# ## Which loss?
#
# The message of a sigmoid output is $y - t$ with cross-entropy, but $(y - t)\,y\,(1 - y)$ with half the squared
# error. What does each say to an output that is *sure and wrong*, with $y$ near 0 when $t = 1$?
#
# Xavier Glorot and Yoshua Bengio drew both losses in 2010 over two weights, one in each layer. Ours is $y = \sigma(w_2
# \tanh(w_1 x))$. (**tanh** is an S like the sigmoid, from −1 to 1, and 0 at 0.) The target is 1 where $x > 0$, so
# weights of unlike signs get every answer wrong. We call a place *flat* where the slope is below 2 % of the steepest
# on the map.


# %% tags=["T065", "G08", "H04"]
def surfaces_and_slopes(x, t, w_1, w_2):
    """For each loss: its mean over the examples, and the length of its gradient, at every pair of weights."""
    z = np.tanh(w_1[..., None] * x)  # (places, places, examples)
    y = sigmoid(w_2[..., None] * z)
    both = {
        "cross-entropy": (-np.log(np.where(t, y, 1 - y)), y - t),
        "half squared error": (0.5 * (y - t) ** 2, (y - t) * y * (1 - y)),
    }
    heights, slopes = {}, {}
    for name, (height, delta) in both.items():
        by_w_1 = np.mean(delta * w_2[..., None] * (1 - z**2) * x, axis=-1)
        heights[name], slopes[name] = height.mean(axis=-1), np.hypot(by_w_1, np.mean(delta * z, axis=-1))
    return heights, slopes


w_1, w_2 = np.meshgrid(np.linspace(-8, 8, 161), np.linspace(-8, 8, 161))
line = np.random.default_rng(0).normal(size=100)
heights, slopes_of = surfaces_and_slopes(line, line > 0, w_1, w_2)
flat = {name: slope < 0.02 * slope.max() for name, slope in slopes_of.items()}
show(
    figures.loss_surfaces(w_1, w_2, heights, flat),
    alt="On the left both losses as surfaces over two weights, w1 and w2 from -8 to 8: cross-entropy towers over half the "
    "squared error in the two corners with unlike signs. Beside them the two maps seen from above with the flat "
    "places in orange: both where all answers are right; the squared error also in parts of the corners where all are wrong.",
)

# %% tags=["T065", "G08", "H04", "nbval-check-output"]
all_wrong = w_1 * w_2 < 0
shares = {
    name: {"everywhere": here.mean(), "where all is wrong": here[all_wrong].mean()} for name, here in flat.items()
}
assert flat["half squared error"][all_wrong].mean() > 0.2 > 0.05 > flat["cross-entropy"][all_wrong].mean()
pd.DataFrame(shares).T.map("{:.0%}".format).rename_axis("flat share of the map")

# %% [markdown]
# Both surfaces are flat over much of the region where every answer is right: little is left to gain there. The squared
# error is flat also over a third of the region where every answer is *wrong*. Does that matter on digits? Recorded is 784-32-10 with sigmoid units on
# MNIST, five seeds, 20 passes, for each loss the best of four learning rates on the validation part. It starts once
# as usual, and once with an output bias of 5, so that each output says about 0.99 for every digit: sure, and wrong for
# nine classes of ten. The table has half the squared error minus cross-entropy: the validation error averaged over all passes, and
# the test error after the pass with the best validation error.

# %% tags=["T065", "H04"]
loss_rows = evidence("two_losses")
curves = {
    f"{start} start": {
        loss: rows.pivot(index="passes", columns="seed", values="validation_error").to_numpy()
        for loss, rows in part.groupby("loss")
    }
    for start, part in loss_rows.groupby("start", sort=False)
}
show(
    charts.lines(curves, range(1, 21), "passes", "validation error", percent=True, guessing=0.9),
    alt="Validation error against passes, two panels. Usual start: cross-entropy begins at 19 %, half the squared error at 36 %; "
    "from pass 8 on they nearly coincide, at 6 to 8 %. Sure and wrong start: 42 % and 80 %; the squared error comes "
    "down late, with a wide band, and both end near 7 %.",
)
passes_of = ["start", "seed", "loss"]
averaged = loss_rows.groupby(passes_of, as_index=False)["validation_error"].mean()
at_best = loss_rows.loc[loss_rows.groupby(passes_of)["validation_error"].idxmin()]
gaps = {}
for start in ("usual", "sure and wrong"):
    for words, rows in (("validation_error", averaged), ("test_error", at_best)):
        gaps[start, words] = compare(rows[rows["start"] == start], "loss", words).loc["half squared error"]
    assert gaps[start, "validation_error"]["low"] > 0 > gaps[start, "test_error"]["low"]
pd.DataFrame(gaps).T[["difference", "low", "high"]].round(3)

# %% [markdown]
# **From both starts cross-entropy is ahead: averaged over the twenty passes, its validation error is lower.** The two
# trainings differ in one thing, the factor $y(1 - y)$ in the message of the output units, and each had its own best
# learning rate: it is this factor that costs time. We saw no other cost: **at the best pass we could not tell the two
# losses apart on the test part.**
#
# ## Does depth help?
#
# Why not six hidden layers? Recorded are two spirals, 1 to 6 hidden layers of four tanh units each, and one wide
# layer of 14 units, with as many weights and biases as three narrow layers ("3 of 4": three layers of four units). Seven
# seeds; learning rate and number of steps by the validation part.

# %% tags=["T066"]
depth_rows = evidence("depth")
groups = {
    f"{name} ({rows['parameters'].iloc[0]} weights and biases)": rows["test_error"].to_numpy()
    for name, rows in depth_rows.groupby("hidden_layers", sort=False)
}
show(
    charts.dots(groups, "error on new points", guessing=0.5, percent=True),
    alt="A dot for each of seven seeds, errors on new points. One layer of 4: 12 to 22 %; two: 1 to 13 %; three and four: at "
    "most 1.3 %; five: up to 8 %; six: up to 16 %; one layer of 14: at most 1.5 %.",
)
against = {"2 of 4": "1 of 4", "3 of 4": "2 of 4"} | dict.fromkeys(["4 of 4", "5 of 4", "6 of 4", "1 of 14"], "3 of 4")
compared = {
    (name, other): compare(depth_rows, "hidden_layers", "test_error", against=other).loc[name]
    for name, other in against.items()
}
assert max(compared["2 of 4", "1 of 4"]["high"], compared["3 of 4", "2 of 4"]["high"]) < 0
pd.DataFrame(compared).T[["mean", "difference", "low", "high"]].rename_axis(["hidden layers", "against"]).round(3)

# %% [markdown]
# **Two narrow layers err less than one, and three less than two** (the second interval only just leaves out 0). **No
# mean beyond three layers could be told from that of three, nor could the mean of the wide one.** Look at the dots,
# too: **with each of the seven seeds six layers err more than three**; one seed, at 16 %, makes that interval wide. So
# more than three layers gained nothing that we could see. And each narrow layer also brings weights: one *wide* layer
# is enough for these spirals. They do not *need* depth. Lessons 18 to 21 ask again, with photographs.
#
# Now look inside *one* network of three narrow layers. In the visual cortex of cats Hubel and Wiesel found *simple
# cells* that answer to an edge at one place and angle (1962), *complex cells* that answer wherever in a region that
# edge lies, and *hypercomplex cells* for edges that end or bend (1965). Do trained layers look like that? (**Adam**
# is gradient descent with a step size for each weight.)

# %% tags=["T066", "T067"]
rng = np.random.default_rng(1)
points, point_labels = spirals(300, rng)
narrow = layers.Sequential(
    [each for n, units in ((2, 4), (4, 4), (4, 4)) for each in (layers.Dense(n, units, rng), layers.Tanh())]
)
narrow.layers.append(layers.Dense(4, 1, rng))
narrow.fit(
    points,
    point_labels[:, None],
    loss=losses.sigmoid_cross_entropy,
    optimizer=optim.Adam(0.03),
    epochs=600,
    batch_size=300,
    rng=rng,
)
responses = [layers.Sequential(narrow.layers[:depth]).forward for depth in (2, 4, 6)]
show(
    figures.layer_responses(responses, *spirals(240, np.random.default_rng(9)), ["layer 1", "layer 2", "layer 3"]),
    alt="What four units of each layer answer over the plane. Layer 1: four straight edges. Layer 2: three slightly bent "
    "edges and one finger. Layer 3: a bent edge, two hooks and a narrow patch. To the right the examples in each hidden "
    "space: the classes are mixed behind layer 1 and nearly apart behind layer 3.",
)

# %% [markdown]
# | in the cortex | answers to | in this network | answers to |
# |---|---|---|---|
# | simple cell | an edge at one place and angle | unit of layer 1 | one side of a straight line: that is all it can do |
# | complex cell | such an edge anywhere in a region | unit of layer 2 | four soft edges, added and squashed: here bent edges, a finger |
# | hypercomplex cell | edges that end or bend | unit of layer 3 | a mixture of those: here a bent edge, two hooks, a patch |
#
# An analogy, no more: no unit here answers to an edge wherever it lies, as complex cells do.
#
# ## Four ways to the same gradient
#
# | way | cost of one gradient | use it |
# |---|---|---|
# | nudge each weight | two runs for every weight and bias | to check the others |
# | write out the messages | one run forward, one back | to understand |
# | layers with `forward` and `backward` | the same | to invent layers |
# | Keras | the same | for all real work |
#
# ## Think about it
#
# **All weights of a network start at the same value. What will its hidden units become?**
#
# <details><summary>Answer</summary>
#
# They give the same output and get the same message, so they stay twins for ever. Random starts let them part.
# </details>
#
# **A network with one hidden layer of sigmoids has no biases at all. Why can it not mark a disc with the origin inside, however many units it has?**
#
# <details><summary>Answer</summary>
#
# As $\sigma(a) + \sigma(-a) = 1$, the logits at $\mathbf x$ and at $-\mathbf x$ always add up to the same number, the
# sum of the output weights. At the origin the logit is half that number. Is it positive there, as it must be inside,
# then one at least of any two opposite points has a positive logit. But far enough out both lie outside the disc.
# </details>
#
# ## Further reading
#
# - M. Minsky, *Steps toward artificial intelligence*, 1961,
#   [doi:10.1109/JRPROC.1961.287775](https://doi.org/10.1109/JRPROC.1961.287775): the credit assignment problem.
# - D. Hubel and T. Wiesel, *Receptive fields, binocular interaction and functional architecture in the cat's visual
#   cortex*, 1962, [doi:10.1113/jphysiol.1962.sp006837](https://doi.org/10.1113/jphysiol.1962.sp006837); *Receptive
#   fields and functional architecture in two nonstriate visual areas (18 and 19) of the cat*, 1965,
#   [doi:10.1152/jn.1965.28.2.229](https://doi.org/10.1152/jn.1965.28.2.229).
# - D. Rumelhart, G. Hinton and R. Williams, *Learning representations by back-propagating errors*, 1986,
#   [doi:10.1038/323533a0](https://doi.org/10.1038/323533a0): the letter that made it known; *Learning internal
#   representations by error propagation*, 1986,
#   [doi:10.7551/mitpress/5236.003.0012](https://doi.org/10.7551/mitpress/5236.003.0012): the chapter with XOR and the
#   encoder.
# - X. Glorot and Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010, [PMLR
#   9:249](https://proceedings.mlr.press/v9/glorot10a.html): the two surfaces, in their figure 5.
