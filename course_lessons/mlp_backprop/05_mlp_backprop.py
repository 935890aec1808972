# ---
# jupyter:
#   course:
#     title: "Back-propagation: who tells a hidden unit what to do?"
#     summary: "Hidden units solve what one neuron cannot; back-propagation sends each of them the message that trains it."
#     objectives:
#       - "explain with a picture how hidden units turn XOR into a problem that one line solves"
#       - "derive back-propagation for any depth, write it in ten lines, and prove it right by nudging"
#       - "build a network from layers with forward and backward, and train it to read handwritten digits"
#       - "say why momentum, RMSprop and Adam step as they do, write them in a few lines each, and compare them fairly"
#       - "say what the choice of the loss and what depth do to a network, and what was measured for it"
#     needs: [01_maths_review, 02_perceptron, 03_single_neuron, 04_softmax_classifier]
#     minutes: 100
#     data: [mnist_5k]
# ---

# %% [markdown]
# One neuron draws one line, so XOR defeats it. Rosenblatt's machine had a layer of units in between, but those were
# wired at random and did not learn. The last unit has a target. A **hidden unit**, one between the inputs and the last
# layer, has none: did it help or do harm? Marvin Minsky called this the *credit assignment* problem in 1961.
#
# **Who tells a hidden unit what to do?**

# %%
import itertools

import keras
import numpy as np
import pandas as pd
from sklearn.datasets import make_moons
from sklearn.linear_model import LogisticRegression

from course_lessons.mlp_backprop import figures
from course_lessons.mlp_backprop.evidence import RMSprop, spirals
from course_lib import data, layers, losses, optim, scale
from course_lib.evidence import at_best_rate, compare, evidence
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
# the second twice. As in lesson 02 a unit says 1 when its sum $a$ is above 0. As in lesson 04 $W_{ij}$ leads from input
# $i$ to unit $j$: a column for each unit. What a hidden unit makes of its sum is $z$, the answer of the network $y$.
#
# To which points $(z_1, z_2)$ do the four corners go?


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
# enough. But we chose the units. How could they learn?
#
# ## Soft units
#
# A step is flat, so it cannot say which way is better. We take sigmoids (lesson 03):
#
# $$a^{(1)}_j = \sum_i W^{(1)}_{ij} x_i + b^{(1)}_j,\qquad z_j = \sigma(a^{(1)}_j),\qquad a^{(2)} = \sum_j W^{(2)}_{j1} z_j + b^{(2)},\qquad y = \sigma(a^{(2)})$$
#
# The number in brackets is that of the layer. In code a network is a list, `[W1, b1, W2, b2]`, like Keras'
# `get_weights`. Will Keras, given these weights, say the same?


# %% tags=["T054"]
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


# %% tags=["T054", "nbval-check-output"]
def cross_entropy(inputs, targets, network):
    y = one_hidden_layer(inputs, network)[1]
    return -np.mean(targets * np.log(y) + (1 - targets) * np.log(1 - y))


small = random_network([2, 3, 1], seed=11)
small_twin = keras.Sequential(
    [keras.Input((2,)), keras.layers.Dense(3, activation="sigmoid"), keras.layers.Dense(1, activation="sigmoid")]
)
small_twin.set_weights(small)
in_keras = small_twin.predict(corners, verbose=0).ravel()
pd.DataFrame({"NumPy": one_hidden_layer(corners, small)[1].ravel(), "Keras": in_keras}).round(4)

# %% [markdown]
# They agree. What can such networks say? Draw all weights at random. Twice as large, they make every hidden unit
# $\sigma(2a)$: the same line, twice as steep. Each further unit brings a line along which the answer may bend. What do
# you expect?

# %% tags=["T055", "G06", "widget"]
show(
    figures.random_networks(widths=(2, 8, 64), weight_scales=(1, 2, 4, 8), number=34),
    alt="Twelve random networks over the plane: rows of 2, 8 and 64 hidden units, columns with weights of size 1, 2, 4, 8. "
    "From left to right pale shades become full colours with sharp borders. With 2 units the border is nearly "
    "straight, with 8 it has a few bends, with 64 and large weights many, and there are separate islands.",
)
explore(
    figures.random_network,
    alt="The output of one random network over the plane, from blue for 0 to orange for 1, with the line of 0.5.",
    hidden_units=(1, 64, 1),
    weight_scale=(0.5, 10, 0.5),
    number=(0, 20, 1),
)

# %% [markdown]
# Here larger weights make stronger colours and sharper edges, and more units more bends where the weights are large.
#
# ## The slow way, and the chain
#
# To learn, every weight and bias steps against its slope of the loss $\mathcal L$, the mean surprise (lesson 03). A
# nudge finds a slope with two runs of the network. For 784 inputs, 512 hidden units and 10 outputs there are $784 \cdot
# 512 + 512 + 512 \cdot 10 + 10 = 407{,}050$ of them: 814,100 runs for one step.
#
# Follow the influence of *one* weight, $W^{(1)}_{ij}$, on the loss $\ell$ of one example. It changes only $a^{(1)}_j$;
# that changes only $z_j$; that changes $a^{(2)}$, then $y$, then $\ell$. Five links, and the chain rule (lesson 01)
# multiplies their slopes:
#
# $$\frac{\partial \ell}{\partial W^{(1)}_{ij}} = \frac{\partial \ell}{\partial y}\cdot\frac{\partial y}{\partial a^{(2)}}\cdot\frac{\partial a^{(2)}}{\partial z_j}\cdot\frac{\partial z_j}{\partial a^{(1)}_j}\cdot\frac{\partial a^{(1)}_j}{\partial W^{(1)}_{ij}}$$
#
# Do the nudge and Keras (how it does this, says lesson 06) give the same?


# %% tags=["T057", "Q05", "nbval-check-output"]
def keras_gradients(model, loss, inputs, targets):
    """The gradient of the loss by every array of `model.get_weights()`."""

    def value(*weights):
        return loss(targets, model.stateless_call(weights, [], inputs)[0])

    return gradients(value, *model.get_weights())


i, j = 1, 0  # the weight from input 1 to hidden unit 0, counted from 0
xor_targets = xor[:, None]  # (examples, outputs)
z, y = one_hidden_layer(corners, small)
factors = {
    "∂ℓ/∂y": (y[:, 0] - xor) / (y[:, 0] * (1 - y[:, 0])),
    "∂y/∂a⁽²⁾": y[:, 0] * (1 - y[:, 0]),
    "∂a⁽²⁾/∂z": np.full(4, small[2][j, 0]),
    "∂z/∂a⁽¹⁾": z[:, j] * (1 - z[:, j]),
    "∂a⁽¹⁾/∂W": corners[:, i],
}
product = np.prod(list(factors.values()), axis=0) + 0.0  # + 0.0 makes 0 of -0
nudged = numerical_gradient(lambda: cross_entropy(corners, xor_targets, small), small[0])[i, j]
by_keras = keras_gradients(small_twin, keras.losses.BinaryCrossentropy(), corners, xor_targets)[0][i, j]
print(f"mean of the products {product.mean():.4f}, nudged {nudged:.4f}, Keras {by_keras:.4f}")
pd.DataFrame(factors | {"product": product}, index=["(0,0)", "(0,1)", "(1,0)", "(1,1)"]).round(4)

# %% [markdown]
# All three agree.
#
# ## The message
#
# See which factors are *shared*. The first two belong to the output unit: their product is $y - t$ (lesson 03). The
# first four belong to hidden unit $j$, whatever the input. Their product is the unit's **message** $\delta_j = \partial
# \ell / \partial a_j$, the slope of the loss by the unit's sum (books say *delta* or *error signal*).
#
# Now for any number of units and layers. Let layer $l$ of $D$ compute
#
# $$a^{(l)}_j = \sum_i z^{(l-1)}_i W^{(l)}_{ij} + b^{(l)}_j,\qquad z^{(l)}_j = f(a^{(l)}_j),\qquad z^{(0)}_i = x_i.$$
#
# We assume three things: each layer reads only the layer before it; no weight is used twice; and $f$ has a slope
# $f'(a)$ everywhere, for sigmoids $z (1 - z)$. The last layer has sigmoid or softmax with cross-entropy.
#
# **1. It starts.** The last layer has $\delta^{(D)}_j = y_j - t_j$, answer minus target (lesson 04).
#
# **2. It goes back.** The sum $a^{(l)}_i$ reaches the loss only through $z^{(l)}_i$, and from there through *every*
# sum of the next layer. These add up:
#
# $$\delta^{(l)}_i = \sum_j \frac{\partial \ell}{\partial a^{(l+1)}_j} \cdot \frac{\partial a^{(l+1)}_j}{\partial z^{(l)}_i} \cdot \frac{\partial z^{(l)}_i}{\partial a^{(l)}_i} = \underbrace{f'\big(a^{(l)}_i\big)}_{\text{its own slope}}\;\underbrace{\sum_j W^{(l+1)}_{ij}\, \delta^{(l+1)}_j}_{\text{messages from above}}$$
#
# **3. Each weight hears it.** $W^{(l)}_{ij}$ reaches the loss only through $a^{(l)}_j$, whose slope by this weight is
# $z^{(l-1)}_i$; by the bias it is 1:
#
# $$\frac{\partial \ell}{\partial W^{(l)}_{ij}} = z^{(l-1)}_i\, \delta^{(l)}_j,\qquad \frac{\partial \ell}{\partial b^{(l)}_j} = \delta^{(l)}_j$$
#
# **That is the answer.** The units above tell it: each sends its message back through the weight that carried the
# unit's output forward. The unit adds them up, multiplies by its slope, and passes its own on. Every slope is *output
# of the sender times message of the receiver*, and one run forward and one back give them all: this is
# **back-propagation**. Here it is for a batch. On three layers: are all six gradients those of Keras?


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
    for layer in reversed(range(len(network) // 2)):  # from the last layer to the first
        z, kernel = outputs[layer], network[2 * layer]  # what the layer reads, and its kernel
        found = [z.T @ delta, delta.sum(axis=0), *found]  # step 3
        delta = z * (1 - z) * (delta @ kernel.T)  # step 2 (the inputs need none: the last one is not used)
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
# One slip raises no error where layers have the same width: a second layer that reads $\mathbf x$ instead of $\mathbf
# z$. What will the first layer learn?


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
# Nothing: a unit that nobody reads gets no message. What is left is one layer, and no line does XOR (lesson
# 02).
#
# **Exercise 1.** One step further the messages reach the *pixels*: which would make a digit less surprising? Write
# the gradient of each image's *own* loss by its pixels, for one hidden layer of sigmoids and softmax.


# %% exercise="pixel_gradient"
def pixel_gradient(images, labels, W1, b1, W2, b2):
    """images (examples, pixels), labels (examples,), W1 (pixels, hidden), W2 (hidden, classes).

    Returns for each image the gradient of its loss by its pixels, (examples, pixels).
    """
    ### BEGIN SOLUTION
    z = sigmoid(images @ W1 + b1)
    y = softmax(z @ W2 + b2)
    delta_2 = y - np.eye(len(b2))[labels]
    delta_1 = z * (1 - z) * (delta_2 @ W2.T)
    return delta_1 @ W1.T
    ### END SOLUTION


# %% check="pixel_gradient"
check(pixel_gradient)

# %% [markdown]
# ## One example at a time
#
# Another loss changes only the start of the way back. For half the squared error, $\ell = \frac12 \sum_j (y_j -
# t_j)^2$, sigmoid outputs get $\delta_j = (y_j - t_j)\,y_j (1 - y_j)$. Here is back-propagation as it is often printed:
# one example, one update.
#
# Two hidden units can do XOR. Will they always find the way? The figure has six starts; the recorded table the share of
# 200 starts (5 × 40) with all corners right after 3,000 epochs, for each width and learning rate.


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


# %% tags=["T058", "H03", "nbval-check-output"]
def half_squared_error(x, t, network):
    return 0.5 * np.sum((one_hidden_layer(x, network)[1] - t) ** 2)


single = random_network([2, 2, 1], seed=4)
for array, slope in zip(single, single_gradient(corners[1], xor[1], single)[0], strict=True):
    slope_nudged = numerical_gradient(lambda: half_squared_error(corners[1], xor[1], single), array)
    print(array.shape, "as nudged:", np.allclose(slope, slope_nudged, atol=1e-9))

starts = range(scale(laptop=6, gpu=20))
xor_errors = {f"{n} hidden units": np.transpose([learn_xor(n, seed) for seed in starts]) for n in (2, 4)}
show(
    figures.stuck_or_solved(xor_errors, 0.03, xlabel="epoch (4 updates each)", ylabel="half squared error"),
    alt="Half squared error against the epoch, six starts each. With 2 hidden units four starts fall to 0 within some 600 "
    "epochs and two stay at about 0.08; with 4 hidden units all six fall to 0.",
)
xor_rows = evidence("xor")
for rate, rows in xor_rows.groupby("learning_rate"):
    assert compare(rows, "hidden", "solved", against=2).loc[4, "low"] > 0, rate
xor_rows.pivot_table(index="hidden", columns="learning_rate", values="solved").map("{:.0%}".format)

# %% [markdown]
# **At each of the four learning rates four hidden units solve XOR from more starts than two do.** Back-propagation says
# which way is *down from here*, not that it leads to the best place: the stuck starts went down, too.
#
# ## Watching it learn
#
# Two moons, six hidden units, and weight decay (lesson 03): minimise $\mathcal M = \mathcal L + \frac\alpha2 \sum w^2$
# with $\alpha = 0.0001$. How will both parts and the border move? At the end one sigmoid unit (`LogisticRegression`)
# cuts straight through the plane, and through the hidden space.


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

hidden_outputs = forward(moons, history[-1], last=sigmoid)[1]
spaces = {"the plane": moons, "the hidden space": hidden_outputs}
separated = {
    where: LogisticRegression(C=1e4).fit(points, moon_labels).score(points, moon_labels)
    for where, points in spaces.items()
}
assert separated["the plane"] < 0.9 < 0.99 < separated["the hidden space"]
pd.DataFrame({"moons that one straight cut gets right": separated}).map("{:.1%}".format)

# %% [markdown]
# The border stays straight for hundreds of steps, on a plateau of the loss. Then it bends, and the loss falls while the
# weights grow. A straight cut parts these moons in the hidden space, not in the plane.
#
# ## 1986: units that invent a code
#
# What do these messages make of hidden units? David Ackley, Geoffrey Hinton and Terrence Sejnowski set the task in
# 1985: repeat one of eight patterns, each a single 1 among zeros, through only *three* hidden units. What would you let
# those do? The cell goes back through each unit as David Rumelhart, Hinton and Ronald Williams did a year later, from
# $\partial \ell/\partial y = y - t$.


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
# binary numbers, in an order of their own. In the others some share one, and only values in between tell them apart.
#
# **Exercise 2.** Such a network may use *one* matrix twice, to encode and, turned, to decode: $y =
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
# A layer can be an object. `forward` remembers what `backward` needs; `backward` takes the slopes by the layer's
# outputs, keeps those by its weights, and returns those by its inputs. The way back calls the layers in reverse.
#
# Stack 784-512-10 for the digits of lesson 04. The hidden layer has another bend, *ReLU*, $\max(0, a)$, from the
# course's `layers` (you write its way back in lesson 07). Weights start normal with a standard deviation of $\sqrt{2 /
# \text{inputs}}$ (why, says lesson 14); the last layer gives logits. Are the answers those of Keras, and the weights
# after one step of rate 0.2?


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


def logits_of(stack, inputs):
    for layer in stack:
        inputs = layer.forward(inputs)
    return inputs


def send_back(stack, upstream):
    for layer in reversed(stack):
        upstream = layer.backward(upstream)
    return upstream  # the slopes by the inputs


# %% tags=["T063", "C08", "F006", "nbval-check-output"]
digits = scale(laptop=data.mnist_5k, gpu=data.mnist)()
images, labels = digits.train.images.reshape(-1, 784), digits.train.labels

rng = np.random.default_rng(0)
first = Dense(rng.normal(0, np.sqrt(2 / 784), (784, 512)), np.zeros(512))
last = Dense(rng.normal(0, np.sqrt(2 / 512), (512, 10)), np.zeros(10))
stack = [first, layers.ReLU(), last]
digit_twin = keras.Sequential([keras.Input((784,)), keras.layers.Dense(512, activation="relu"), keras.layers.Dense(10)])
digit_twin.set_weights([first.kernel, first.bias, last.kernel, last.bias])

ours = softmax(logits_of(stack, images[:100]))
theirs = keras.ops.convert_to_numpy(keras.ops.softmax(digit_twin(images[:100])))
print(f"{digit_twin.count_params():,} weights and biases; same probabilities: {np.allclose(ours, theirs, atol=1e-5)}")

# %% tags=["T064", "C09", "nbval-check-output"]
some, true = images[:100], labels[:100]
digit_twin.set_weights([first.kernel, first.bias, last.kernel, last.bias])
send_back(stack, (softmax(logits_of(stack, some)) - np.eye(10)[true]) / 100)
corner = first.kernel[400:403, :4]  # a view: to nudge it is to nudge the kernel
by_nudges = numerical_gradient(lambda: losses.softmax_cross_entropy(logits_of(stack, some), true)[0], corner)
print("as nudged:", np.allclose(first.kernel_gradient[400:403, :4], by_nudges, atol=1e-8))
for dense in (first, last):
    dense.kernel -= 0.2 * dense.kernel_gradient
    dense.bias -= 0.2 * dense.bias_gradient

digit_twin.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.2),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
digit_twin.train_on_batch(some, true)
for ours, theirs in zip((first.kernel, first.bias, last.kernel, last.bias), digit_twin.get_weights(), strict=True):
    print(ours.shape, "same after the step:", np.allclose(ours, theirs, atol=1e-5))

# %% [markdown]
# The same. The course's own `layers` are such classes, with a `fit`. Do they learn to read, as Keras does? What do
# hidden units bring? Recorded for five seeds are 128 hidden ReLUs and *no* hidden layer, each with the best of three rates and of 25
# epochs on validation digits, and the nearest neighbour: the label of the closest training digit. The table has test
# errors, and differences to the first row with paired 95 % intervals.

# %% tags=["T064", "C09", "nbval-check-output"]
rng = np.random.default_rng(0)
reader = layers.Sequential([layers.Dense(784, 512, rng), layers.ReLU(), layers.Dense(512, 10, rng)])
recipe = {"loss": losses.softmax_cross_entropy, "optimizer": optim.SGD(learning_rate=0.2), "batch_size": 50, "rng": rng}
reader.fit(images, labels, epochs=scale(laptop=6, gpu=3), **recipe)
digit_twin.fit(images, labels, epochs=scale(laptop=6, gpu=3), batch_size=50, verbose=0)
new_images, new_labels = digits.validation.images.reshape(-1, 784), digits.validation.labels
by_layers = np.mean(reader.forward(new_images).argmax(axis=1) == new_labels)
by_keras_fit = digit_twin.evaluate(new_images, new_labels, verbose=0)[1]
print("more than nine of ten validation digits right:", by_layers > 0.9, by_keras_fit > 0.9)

digit_errors = compare(evidence("hidden_units"), "network", "test_error")
assert digit_errors.loc["128 hidden units", "high"] < 0
digit_errors.round(4)

# %% [markdown]
# **The hidden layer lowers the error.** It falls from 0.111 to 0.072. The nearest neighbour, which only stores digits,
# has 0.068, and we could not tell the network from it: the interval of their difference is −0.003 to 0.010.
#
# ## How far?
#
# The gradient says which way is down, not how far. A plain step $-\eta\, g$ has two faults. In a narrow valley $\eta$
# must suit the steep walls (lesson 01: below 2 over the largest curvature), and then it creeps along the floor. And one
# rate serves all weights, though their slopes may differ a hundredfold.
#
# **Momentum** lets each weight keep a share $\mu$ of its last step, its *velocity* $v$, at first 0:
#
# $$v \leftarrow \mu v - \eta\, g,\qquad w \leftarrow w + v,\qquad\text{so after } n \text{ steps}\quad v_n = -\eta \sum_{k=1}^{n} \mu^{n-k} g_k$$
#
# If all slopes are $g$, the sum is a geometric series, $v_n = -\eta\, g\,\frac{1 - \mu^n}{1 - \mu}$: in the limit
# $\frac{1}{1-\mu}$ plain steps, ten for $\mu = 0.9$. If the sign changes each time, the ratio is $-\mu$, and the limit
# $\frac{1}{1+\mu}$ of a plain step, about half. Long steps along the floor, short ones across.
#
# **RMSprop** (Geoffrey Hinton, in a lecture of 2012) divides each slope by its usual size, the root of a running mean
# $q$ of its squares:
#
# $$q \leftarrow \beta_2\, q + (1 - \beta_2)\, g^2,\qquad w \leftarrow w - \eta\, \frac{g}{\sqrt{q + \varepsilon}}$$
#
# ($\beta_2$, in Keras `rho`, is usually 0.9; a tiny $\varepsilon$ forbids division by 0.) If the slope stays $g$, $q$
# tends to $g^2$ and the step to $\eta$, however small $g$ is. Three weights, at rate 1, feel the slopes 1, 1, 1, …;
# 0.01, 0.01, 0.01, …; and 1, −1, 1, …. How long will their steps be?


# %% tags=["nbval-check-output"]
def momentum_changes(slopes, learning_rate, momentum):
    """slopes (steps, weights): a row for each step. Returns what each step adds to the weights, (steps, weights)."""
    velocity, changes = 0.0, []
    for row in slopes:
        velocity = momentum * velocity - learning_rate * row
        changes.append(velocity)
    return np.array(changes)


def rmsprop_changes(slopes, learning_rate, rho, epsilon):
    square, changes = 0.0, []
    for row in slopes:
        square = rho * square + (1 - rho) * row**2
        changes.append(-learning_rate * row / np.sqrt(square + epsilon))
    return np.array(changes)


kinds, signs = ["1, 1, 1, …", "0.01, 0.01, 0.01, …", "1, −1, 1, …"], (-1.0) ** np.arange(100)
slopes = np.stack([np.ones(100), np.full(100, 0.01), signs], axis=1)
changes = {"momentum": momentum_changes(slopes, 1, 0.9), "RMSprop": rmsprop_changes(slopes, 1, 0.9, 1e-7)}
steps = pd.Index([1, 2, 3, 10, 100], name="step")
lengths = {name: pd.DataFrame(np.abs(made[steps - 1]), steps, kinds) for name, made in changes.items()}
pd.concat(lengths, axis=1).round(3)

# %% [markdown]
# Momentum grows to ten plain steps, on the zigzag to about half. Under RMSprop all three weights go equally far.
# But its first step is three times too long: $q$, from 0, is still too small.
#
# **Adam** joins both: it divides a running mean of the slopes, $\bar g \leftarrow \beta_1\, \bar g + (1 - \beta_1)\,
# g$, momentum as an average, by the root of $q$, and mends the start of both means. By how much are they too small?
# Written out as above, if all squares are $g^2$,
#
# $$q_n = (1 - \beta_2) \sum_{k=1}^{n} \beta_2^{\,n-k} g_k^2 = g^2\, (1 - \beta_2)\, \frac{1 - \beta_2^{\,n}}{1 - \beta_2} = g^2\, (1 - \beta_2^{\,n})$$
#
# So divide $q_n$ by $1 - \beta_2^{\,n}$, and $\bar g_n$ likewise by $1 - \beta_1^{\,n}$: the *bias correction*. It is
# exact for constant slopes, and right on average for random ones if their mean and mean square do not change.
#
# $$w \leftarrow w - \eta\, \frac{\bar g_n / (1 - \beta_1^{\,n})}{\sqrt{q_n / (1 - \beta_2^{\,n})} + \varepsilon}$$
#
# (Usual are $\beta_1 = 0.9$ and $\beta_2 = 0.999$. These letters keep to this section.)
#
# **Exercise 3.** Write Adam: from the slopes of all steps, by how much does each step change each weight?


# %% exercise="adam_changes"
def adam_changes(slopes, learning_rate, beta_1, beta_2, epsilon):
    """slopes (steps, weights): a row for each step. Returns what each step adds to the weights, (steps, weights)."""
    ### BEGIN SOLUTION
    mean, square, changes = 0.0, 0.0, []
    for step, row in enumerate(slopes, start=1):
        mean = beta_1 * mean + (1 - beta_1) * row
        square = beta_2 * square + (1 - beta_2) * row**2
        root = np.sqrt(square / (1 - beta_2**step))
        changes.append(-learning_rate * mean / (1 - beta_1**step) / (root + epsilon))
    return np.array(changes)
    ### END SOLUTION


# %% check="adam_changes"
check(adam_changes)

# %% [markdown]
# Now let them walk: down two bowls $\frac12 \mathbf w^{\mathsf T} H \mathbf w$ (lesson 01) with the curvatures 1 and
# 100. In one the steep direction is that of $w_2$; the other is turned by 45°. First: do the course's optimizers step
# as Keras' do?


# %% tags=["nbval-check-output"]
def walk(optimizer, curvature, start, steps):
    """Down the bowl ½ wᵀHw: the weights at the start and after each step."""
    layer, path = layers.Layer(), [start]
    for _ in range(steps):
        layer.parameters, layer.gradients = {"w": path[-1].copy()}, {"w": curvature @ path[-1]}
        optimizer.update(layer)
        path.append(layer.parameters["w"])
    return np.array(path)


turn, steep, far = np.array([[1, -1], [1, 1]]) / np.sqrt(2), np.diag([1.0, 100.0]), np.array([-2.0, 0.6])
bowls = {"along the axes": (steep, far), "turned by 45°": (turn @ steep @ turn.T, turn @ far)}
curvature, far_out = bowls["turned by 45°"]
for optimizer, twin in (
    (optim.SGD(0.01, momentum=0.9), keras.optimizers.SGD(0.01, momentum=0.9)),
    (RMSprop(0.01), keras.optimizers.RMSprop(0.01)),
    (optim.Adam(0.01), keras.optimizers.Adam(0.01)),
):
    path, in_keras = walk(optimizer, curvature, far_out, steps=20), keras.Variable(far_out, dtype="float64")
    for w in path[:-1]:
        twin.apply([curvature @ w], [in_keras])
    print(f"{type(twin).__name__}: the same after 20 steps:", np.allclose(path[-1], in_keras, atol=1e-5))

# %% [markdown]
# They do. After how many of 200 steps is the loss below a hundredth of its start, for good, at the best of 31 rates?
# Which way is quick in which bowl?


# %% tags=["gallery"]
def steps_needed(path, curvature):
    heights = np.sum(path @ curvature * path, axis=1)
    return np.flatnonzero(~(heights < 0.01 * heights[0]))[-1] + 1


ways = {
    "plain": optim.SGD,
    "momentum": lambda rate: optim.SGD(rate, momentum=0.9),
    "RMSprop": RMSprop,
    "Adam": optim.Adam,
}
shortest = {}
for (bowl, (curvature, far_out)), (name, way) in itertools.product(bowls.items(), ways.items()):
    with np.errstate(over="ignore", invalid="ignore"):  # at rates that are too large
        paths = [walk(way(rate), curvature, far_out, steps=200) for rate in np.logspace(-3, 0, 31)]
        shortest[bowl, name] = min((path[: steps_needed(path, curvature) + 1] for path in paths), key=len)
show(
    figures.valleys(bowls, shortest),
    alt="Two rows of four walks towards a star in a narrow valley. Plain steps leap across once or twice, then creep along the "
    "floor. Momentum swings from wall to wall and soon arrives. RMSprop: a smooth curve in the valley along the axes, down "
    "the wall and then creeping in the turned one. Adam: one wide swing in the first, zigzags in the second.",
)

# %% tags=["nbval-check-output", "widget"]
needed = pd.Series({key: len(path) - 1 for key, path in shortest.items()}).unstack(sort=False)
along, across = needed.iloc[0], needed.iloc[1]
assert (along[["plain", "momentum"]] == across[["plain", "momentum"]]).all()
assert (along[["RMSprop", "Adam"]] < across[["RMSprop", "Adam"]]).all() and needed["Adam"].max() < needed["plain"].min()
explore(
    figures.Bowl(walk, ways).draw,
    alt="A walk from a black square down a narrow bowl towards a star, and the loss after each of 100 steps.",
    way=[*ways],
    log_rate=(-3.0, 0.0, 0.1),
    turned_by=(0, 90, 15),
)
needed

# %% [markdown]
# Plain steps and momentum need as many in both: turn the bowl, and their paths turn with it. RMSprop and Adam scale
# each weight for itself. That suits a valley along an axis; in the turned one they need more. (One start, two bowls: no
# proof of who is best.)
#
# And a network? Recorded is 784-128-10 on digits (ReLU, batches of 100): ten seeds, 30 epochs, each way at five rates.
# For *speed* take the rate with the lowest validation error on average over the first ten epochs; for *skill* that with
# the lowest one at its best epoch, and the test error there.

# %%
tried = evidence("optimizers")
fast = at_best_rate(tried, "optimizer", "first_ten_passes")
skilled = at_best_rate(tried, "optimizer", "validation_error")
speed = {name: rows["first_ten_passes"] for name, rows in fast.groupby("optimizer", sort=False)}
skill = {name: rows["test_error"] for name, rows in skilled.groupby("optimizer", sort=False)}
show(
    charts.dots(
        {"speed: validation, first ten epochs": speed, "skill: test, at the best epoch": skill}, "error", percent=True
    ),
    alt="Ten dots a row. Speed: plain SGD from 7.3 to 8.4 %, momentum and RMSprop from 5.9 to 7.4 %, Adam from 5 to 6 %. Skill: "
    "plain SGD mostly near 7.4 %, from 6.3 to 9 %; momentum mostly near 6.4 %, one at 8 %; RMSprop from 5.9 to 6.8 %; Adam from "
    "6.3 to 7.5 %.",
)

# %% tags=["nbval-check-output"]
found = {
    "speed": (fast, compare(fast, "optimizer", "first_ten_passes")),
    "skill": (skilled, compare(skilled, "optimizer", "test_error")),
}
assert (found["speed"][1].drop("plain SGD")["high"] < 0).all()
assert (compare(fast, "optimizer", "first_ten_passes", against="Adam").drop("Adam")["low"] > 0).all()
to_plain, to_adam = (compare(skilled, "optimizer", "test_error", against=way)["high"] for way in ("plain SGD", "Adam"))
assert max(to_plain[way] for way in ("momentum", "RMSprop")) < 0 < to_plain["Adam"]
assert max(to_adam[way] for way in ("momentum", "RMSprop")) < 0
table = {
    name: gap[["mean", "difference", "low", "high"]].assign(rate=rows.groupby("optimizer")["rate"].first())
    for name, (rows, gap) in found.items()
}
pd.concat(table).round(4)

# %% [markdown]
# **In the first ten epochs all three err less than plain SGD, and Adam less than the other two.** **At their best
# epochs momentum and RMSprop err less than plain SGD and than Adam; the last two we could not tell apart.** So the
# fastest is not the best in the end here. (We did not test why.)
#
# ## Which loss?
#
# A sigmoid output sends $y - t$ with cross-entropy, but $(y - t)\,y\,(1 - y)$ with half the squared error. What does
# each say to a *sure and wrong* output, $y$ near 0 when $t = 1$?
#
# Xavier Glorot and Yoshua Bengio drew both losses in 2010 over two weights, one in each layer. Ours is $y = \sigma(w_2
# \tanh(w_1 x))$. (**tanh** is an S like the sigmoid, from −1 to 1, and 0 at 0.) The target is 1 where $x > 0$, so
# weights of unlike signs get every answer wrong. We call a place *flat* where the slope is below 2 % of the steepest
# on the map.


# %% tags=["T065", "G08", "H04"]
def surfaces_and_slopes(x, t, w_1, w_2):
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
flat_and_wrong = {name: here[w_1 * w_2 < 0].mean() for name, here in flat.items()}
assert flat_and_wrong["half squared error"] > 0.2 > 0.05 > flat_and_wrong["cross-entropy"]
# %% tags=["T065", "G08", "H04"]
show(
    figures.loss_surfaces(w_1, w_2, heights, flat),
    alt="On the left both losses as surfaces over two weights, w1 and w2 from -8 to 8: cross-entropy towers over half the "
    "squared error in the two corners with unlike signs. Beside them the two maps seen from above with the flat "
    "places in orange: both where all answers are right; the squared error also in parts of the corners where all are wrong.",
)

# %% [markdown]
# Both are flat in much of the region where all is right; the squared error also in a third of that where all is
# *wrong*. Does it matter on digits? Recorded is 784-32-10 with sigmoids, five seeds, 20 epochs, each loss at the best
# of four rates on validation digits. The start is the usual one, or has output biases of 5: each output says about 0.99
# to every digit, sure, and nine times of ten wrong. The table has half the squared error minus cross-entropy.

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
    charts.lines(curves, range(1, 21), "epoch", "validation error", percent=True, guessing=0.9),
    alt="Validation error against the epoch, two panels. Usual start: cross-entropy begins at 19 %, half the squared error at 36 %; "
    "from epoch 8 on they nearly coincide, at 6 to 8 %. Sure and wrong start: 42 % and 80 %; the squared error comes "
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
# **From both starts cross-entropy is ahead: averaged over the twenty epochs, its validation error is lower.** The two
# differ only in the factor $y(1 - y)$ of the output messages, and each had its own best rate: it is this factor that
# costs time. **At the best epoch we could not tell the two losses apart on the test part.**
#
# ## Does depth help?
#
# Why not six hidden layers? Recorded are two spirals, 1 to 6 hidden layers of four tanh units each ("3 of 4": three
# layers of four), and one layer of 14, with as many weights and biases as 3 of 4: seven seeds, Adam, the better of two
# rates and the number of steps by the validation part.

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
# mean beyond three layers could be told from that of three, nor could the mean of the wide one.** Yet **with each of
# the seven seeds six layers err more than three**; one seed, at 16 %, makes that interval wide. One *wide* layer is
# enough for these spirals. Lessons 18 to 21 ask again, with photographs.
#
# Now look inside *one* network of three narrow layers. In the visual cortex of cats Hubel and Wiesel found *simple
# cells* for an edge at one place and angle, *complex cells* for that edge anywhere in a region (1962), and
# *hypercomplex cells* for edges that end or bend (1965). Do trained layers look like that? (The last column shows each
# hidden space, four numbers for an example, from where the classes lie farthest apart.)

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
    "edges and one finger. Layer 3: a bent edge, two hooks and a narrow patch. To the right two directions of each "
    "hidden space: the classes lie mixed behind layers 1 and 2 and mostly apart behind layer 3.",
)

# %% [markdown]
# | in the cortex | answers to | here | answers to |
# |---|---|---|---|
# | simple cell | an edge at one place and angle | layer 1 | one side of a straight line: all it can do |
# | complex cell | such an edge anywhere in a region | layer 2 | four soft edges, added and squashed: bent edges, a finger |
# | hypercomplex cell | edges that end or bend | layer 3 | a mixture of those: a bent edge, two hooks, a patch |
#
# An analogy, no more: no unit here answers to an edge wherever it lies.
#
# ## In short
#
# One run forward and one back give every slope; how to step is a choice of its own.
#
# | way to step | remembers for each weight | step on a constant slope $g$ |
# |---|---|---|
# | plain | nothing | $\eta g$ |
# | momentum | its last step | grows to $\eta g / (1 - \mu)$ |
# | RMSprop | mean square of its slopes | tends to $\eta$ |
# | Adam | mean, and mean square, of its slopes | $\eta$ from the first step on |
#
# ## Think about it
#
# **All weights of a network start at the same value. What do its hidden units become?**
#
# <details><summary>Answer</summary>
#
# They give the same output and get the same message: they stay twins for ever. Random starts let them part.
# </details>
#
# **You multiply the loss by 1,000. What becomes of plain steps, of momentum, of Adam, at the same rate?**
#
# <details><summary>Answer</summary>
#
# All slopes grow a thousandfold, and with them plain steps and momentum's. So does Adam's root of the mean square, and
# its steps stay as they were (but for $\varepsilon$).
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
# - D. Ackley, G. Hinton and T. Sejnowski, *A learning algorithm for Boltzmann machines*, 1985,
#   [doi:10.1207/s15516709cog0901_7](https://doi.org/10.1207/s15516709cog0901_7): the encoder.
# - D. Rumelhart, G. Hinton and R. Williams, *Learning representations by back-propagating errors*, 1986,
#   [doi:10.1038/323533a0](https://doi.org/10.1038/323533a0): the letter that made it known; *Learning internal
#   representations by error propagation*, 1986,
#   [doi:10.7551/mitpress/5236.003.0012](https://doi.org/10.7551/mitpress/5236.003.0012): the chapter with XOR and
#   the encoder.
# - X. Glorot and Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010, [PMLR
#   9:249](https://proceedings.mlr.press/v9/glorot10a.html): the two surfaces, in their figure 5.
# - B. Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964,
#   [doi:10.1016/0041-5553(64)90137-5](https://doi.org/10.1016/0041-5553%2864%2990137-5): momentum.
# - D. Kingma and J. Ba, *Adam: a method for stochastic optimization*, 2015, [arXiv:1412.6980](https://arxiv.org/abs/1412.6980).
