# ---
# jupyter:
#   course:
#     title: "Activations: how max(0, x) beat the smooth sigmoid"
#     summary: "What the bend in a neuron is for, why the sigmoid starves deep networks, and what its crude successor costs."
#     objectives:
#       - "show that layers without an activation collapse into one"
#       - "lead a gradient back through a chain of units and say where it is lost"
#       - "recognise saturation, zig-zag and dead units in a network, and measure them"
#       - "derive the slopes of sigmoid, tanh, ReLU, leaky ReLU, ELU, GELU and SiLU"
#       - "choose an activation for a reason, and know what the choice costs"
#     needs: [05_mlp_backprop]
#     minutes: 85
#     data: [mnist_5k, shapes]
# ---

# %% [markdown]
# A unit adds up its weighted inputs, $a = \sum_i w_i x_i + b$, and bends the sum with an *activation function*:
# $z = f(a)$. In lesson 05 that bend was mostly an S, the sigmoid: smooth and bounded. From 2010 on several well-known
# papers (Nair and Hinton; Glorot, Bordes and Bengio; Krizhevsky, Sutskever and Hinton) took $\max(0, a)$ instead: it
# has a corner, no upper bound, and is flat on half of the line.
#
# **Why would anyone replace the smooth sigmoid by a function as crude as max(0, x)?** You will follow messages on their
# way back, watch a unit walk in zig-zag, run the race, find out what the crude function costs, and meet its smooth heirs.

# %%
import itertools
import timeit

import keras
import numpy as np
import pandas as pd
from scipy.stats import norm

from course_lessons.activations import figures
from course_lib import data, layers, losses, optim, scale
from course_lib.evidence import compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.gradients import gradients
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## Why bend at all?
#
# Two layers without a bend (and without biases): multiply by one matrix, then by another. What do you expect from ten?

# %% tags=["nbval-check-output"]
rng = np.random.default_rng(0)
row, first, second = (rng.normal(size=shape) for shape in ((1, 3), (3, 5), (5, 2)))
print("two layers:", ((row @ first) @ second).round(3))
print("one layer, W = W1 W2:", (row @ (first @ second)).round(3))
print("with a bend between:", (np.maximum(row @ first, 0) @ second).round(3))

line = np.arange(-3, 4)
print("a V from two bends:", np.maximum(line, 0) + np.maximum(-line, 0))

# %% [markdown]
# Ten such layers are one matrix, too. With a bend they are not: two bent units already make a V. So *some* bend is needed.
# Which one?
#
# ## The sigmoid and its slope
#
# $$\sigma(a) = \frac{1}{1 + e^{-a}}\qquad
# \sigma'(a) = \frac{e^{-a}}{(1 + e^{-a})^2} = \frac{1}{1 + e^{-a}}\cdot\frac{e^{-a}}{1 + e^{-a}} = z\,(1 - z)
# \ \text{ with } z = \sigma(a)$$
#
# Any sum becomes a number between 0 and 1, and the slope comes from the output alone. Where is it largest, and how large?


# %% tags=["T077", "nbval-check-output"]
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def nudged_slope(function, a, step=1e-5):
    return (function(a + step) - function(a - step)) / (2 * step)


show(
    figures.activation_curves({"sigmoid": sigmoid}, reach=8),
    alt="An S from 0 to 1. Its slope is a low hill: 1/4 at zero, almost nothing beyond 6.",
)
sums = np.array([-10.0, -2, 0, 2, 10])
outputs = sigmoid(sums)
slopes = {"nudged slope": nudged_slope(sigmoid, sums), "z (1 - z)": outputs * (1 - outputs)}
pd.DataFrame({"a": sums, "z": outputs} | slopes).round(4)

# %% [markdown]
# At best a quarter, and almost nothing for sums beyond ±6. There the unit is **saturated**.
#
# ## The chain
#
# Put three units in a row, $z_k = \sigma(w_k z_{k-1})$ with $z_0 = x$. How does the last output depend on the *first*
# weight? On its way back the message meets a slope in each unit and a weight between two units, and at the end the
# input:
#
# $$\frac{\partial z_3}{\partial w_1} = \sigma'(w_3 z_2)\,w_3\cdot\sigma'(w_2 z_1)\,w_2\cdot\sigma'(w_1 x)\,x$$
#
# A nudge decides whether that is so.


# %% tags=["F410", "nbval-check-output"]
def three_units(w1, w2=-0.7, w3=0.9, x=0.8):
    z1 = sigmoid(w1 * x)
    z2 = sigmoid(w2 * z1)
    return z1, z2, sigmoid(w3 * z2)


units = np.array(three_units(1.3))
by_formula = np.prod(units * (1 - units)) * 0.9 * -0.7 * 0.8
nudged = nudged_slope(lambda w1: three_units(w1)[-1], 1.3)
print(f"nudged {nudged:+.6f}, by the formula {by_formula:+.6f}")
print(f"ten slopes of at most 1/4 multiply to at most {0.25**10:.1e}")
assert abs(nudged - by_formula) < 1e-9

# %% [markdown]
# The nudge agrees. The slopes alone make a long chain weak: ten of them take away six powers of ten, unless large
# weights make up for it.
#
# **Exercise 1.** Lead the message back through a chain of any length: the slopes of the last output by *every* weight.
# For each weight it is the message that has come as far as its unit, times what entered the unit.


# %% exercise="chain_gradients"
def chain_gradients(x, weights):
    """x: a number; weights (n,) of n sigmoid units in a row. Returns (n,): how fast the last output grows with each."""
    ### BEGIN SOLUTION
    entering = [x]
    for weight in weights:
        entering.append(1 / (1 + np.exp(-weight * entering[-1])))
    found, message = [], 1.0
    for unit in reversed(range(len(weights))):
        message = message * entering[unit + 1] * (1 - entering[unit + 1])
        found.append(message * entering[unit])
        message = message * weights[unit]
    return found[::-1]
    ### END SOLUTION


# %% check="chain_gradients"
check(chain_gradients)

# %% [markdown]
# Now a network: ten hidden sigmoid layers, MNIST digits less their mean coming in, one run forward and one back. The
# weights are drawn as Keras draws them, with variance $2/(n_\mathrm{in} + n_\mathrm{out})$ (Glorot's start; lesson 14
# derives it). How large is the gradient of the first layer's weights, compared with that of the last? We compare their
# lengths (*norms*).


# %% tags=["T078"]
def deep_network(activation, sizes, seed):
    """Dense layers of these sizes with an activation between."""
    rng, stack = np.random.default_rng(seed), []
    for inputs, units in itertools.pairwise(sizes):
        stack += [layers.Dense(inputs, units, rng), activation()]
    return layers.Sequential(stack[:-1])


digits = data.mnist_5k()
images, labels = digits.train.images.reshape(-1, 784), digits.train.labels
network = deep_network(layers.Sigmoid, [784] + [64] * 10 + [10], seed=0)
logits = network.forward(images - images.mean(axis=0))
network.backward(losses.softmax_cross_entropy(logits, labels)[1])
our_norms = [np.linalg.norm(dense.gradients["kernel"]) for dense in network.layers[::2]]

norms = evidence("norms").pivot(index="layer", columns=["activation", "seed"], values="norm")
assert np.allclose(our_norms, norms["sigmoid"][0], rtol=0.01)
both = ("sigmoid", "sigmoid, weights 4 times as large")
show(
    charts.lines({kind: norms[kind] for kind in both}, range(1, 12), "layer", "norm of the gradient", log="y"),
    alt="On a logarithmic axis the norm of the gradient falls from the last layer to the first on nearly straight lines: "
    "by almost six powers of ten with Keras' start, by about two with weights four times as large.",
)

# %% tags=["T078"]
lost = (norms.loc[11] / norms.loc[1]).unstack()
assert lost.loc["sigmoid"].min() > 1e5
pd.DataFrame({"last layer's norm over first, lowest": lost.min(axis=1), "highest": lost.max(axis=1)}).loc[
    list(both)
].round(0)

# %% [markdown]
# Your run is one of five recorded ones; the picture holds all five. A straight line on a logarithmic axis means that
# each layer takes away about the same factor: *the gradient vanishes*. With Keras' start, the gradient of the first
# layer is more than 100,000 times smaller than that of the last. With weights four times as large most of the shrinking goes,
# though not all. (Larger sums leave the middle of the S, so the slopes are below 1/4.)
#
# And what if one unit is saturated, sure of a wrong answer? It should say 0, but its sum is large, and it says nearly 1.
# How many steps does it take to change its mind?


# %% tags=["T078", "nbval-check-output"]
def steps_to_change(total):
    """Steps of rate 1 down the squared error ½ z² until the output is below one half."""
    steps = 0
    while sigmoid(total) > 0.5:
        z = sigmoid(total)
        total -= z * z * (1 - z)
        steps += 1
    return steps


starts = [1, 3, 5, 7]
pd.DataFrame({"sum": starts, "output": sigmoid(np.array(starts)), "steps": [steps_to_change(a) for a in starts]}).round(
    3
)

# %% [markdown]
# The surer it is, the more steps it takes, although it is more wrong. (Cross-entropy cancels the slope of an *output*
# unit, as lesson 05 showed; hidden units have no such help.)
#
# ## Walking in zig-zag
#
# The sigmoid has a second fault: its outputs are all *positive*, and they are the inputs of the next layer. For one
# example, the gradient of a unit's weight $w_i$ is $\delta\, x_i$, where $\delta$ is the message at its sum. If every
# $x_i$ is positive, all its weights get the sign of $\delta$: all up, or all down. Let the goal lie where $w_1$ must rise
# and $w_2$ must fall. What will the path look like? And what if we subtract the mean from the inputs?


# %% tags=["T079"]
def walk(inputs, learning_rate, goal=(1, -1)):
    """One linear unit learns its two weights, one example at a time."""
    path = [np.zeros(2)]
    for x in inputs:
        delta = path[-1] @ x - np.dot(goal, x)
        path.append(path[-1] - learning_rate * delta * x)
    return np.array(path)


cloud = np.random.default_rng(0).uniform(0, 1, (60, 2))
paths = {"inputs all positive": walk(cloud, 1.0), "the same inputs, centred": walk(cloud - 0.5, 1.0)}
moves = np.diff(paths["inputs all positive"], axis=0)
assert np.all(moves[:, 0] * moves[:, 1] >= 0)
show(
    figures.weight_paths(paths, goal=(1, -1)),
    alt="With positive inputs the path jumps to the upper right and to the lower left, again and again, while it drifts to "
    "the goal at the lower right. With centred inputs it bends a few times, but does not jump to and fro.",
)

# %% tags=["T079"]
zigzag = evidence("zigzag")
ways = compare(zigzag[zigzag["rate"] == 1], "inputs", "way", against="centred")
assert ways.loc["positive", "low"] > 1
zigzag.pivot_table(index="inputs", columns="rate", values="steps").round(0)

# %% [markdown]
# The table has the mean number of steps until the goal is near, in 20 clouds of examples, for each learning rate (a
# cloud counts 400 if it never got there). Positive inputs allow steps to the upper right and to the lower left only.
# At learning rate 1 the way is more than twice as long with positive inputs, yet it takes about as many steps. (The ways
# are 2.8 and 1.2 times the straight line.) But positive inputs forbid larger rates: with each side's best learning rate,
# centred inputs need about half as many steps, 8 against 18. The formulas say why: along the diagonal $(1, 1)$ the mean
# of $(x_1 + x_2)^2/2$ is 7/12, along $(1, -1)$, where the goal lies, it is 1/12. The loss is a long valley with seven times
# the curvature across it. Centred inputs have 1/12 both ways.
#
# ## tanh: the same S, centred
#
# $$\tanh(a) = \frac{e^a - e^{-a}}{e^a + e^{-a}} = 2\,\sigma(2a) - 1\qquad\tanh'(a) = 1 - \tanh^2(a)$$
#
# (The slope is that of $2\,\sigma(2a)$: $4\,\sigma(2a)(1 - \sigma(2a))$, which is $1 - \tanh^2(a)$.) From −1 to 1, with a
# slope of up to 1 rather than 1/4. Test both faults in networks at their start. Which will be gone?


# %% tags=["T080"]
def pushed_one_way(activation, seed):
    """Share of the examples that push all weights of a unit of layer 2 up, or all down."""
    network = deep_network(activation, [784, 32, 32, 10], seed)
    network.forward(images)
    entering = network.layers[2].inputs
    return np.mean(np.all(entering > 0, axis=1) | np.all(entering < 0, axis=1))


same_sign = {
    "sigmoid": [pushed_one_way(layers.Sigmoid, seed) for seed in range(5)],
    "tanh": [pushed_one_way(layers.Tanh, seed) for seed in range(5)],
}
assert min(same_sign["sigmoid"]) == 1 and max(same_sign["tanh"]) < 0.01
kinds = ["sigmoid", "tanh"]
shares = {"examples that push all weights one way": [np.max(same_sign[kind]) for kind in kinds]}
worst = {"last layer's norm over first, at most": [lost.loc[kind].max() for kind in kinds]}
pd.DataFrame(shares | worst, index=kinds).round(2)

# %% [markdown]
# Both: no example pushes all weights one way, and the gradient of the first of eleven layers is no smaller than that of
# the last. So why does the story not end with tanh? That was the start. In 2010 Xavier Glorot and Yoshua Bengio looked
# into deep networks *while they learned*. Let us look, too, at four hidden layers of 64 units: before each pass over the
# digits, the percentiles of every hidden layer's outputs. Weights start as was usual then, uniform between
# $\pm 1/\sqrt{n}$ for $n$ inputs.


# %% tags=["T086"]
def percentiles_while_learning(activation, learning_rate, passes, seed=0):
    """Array (passes, layers, 5): the percentiles 2, 25, 50, 75 and 98 of the outputs, before each pass."""
    rng = np.random.default_rng(seed)
    network = deep_network(activation, [784] + [64] * 4 + [10], seed)
    for dense in network.layers[::2]:
        kernel = dense.parameters["kernel"]
        kernel[:] = rng.uniform(-1, 1, kernel.shape) / np.sqrt(len(kernel))
    recipe = {"loss": losses.softmax_cross_entropy, "optimizer": optim.SGD(learning_rate)}
    found = []
    for _ in range(passes):
        network.forward(images)
        outputs = [dense.inputs for dense in network.layers[2::2]]
        found.append([np.percentile(layer, [2, 25, 50, 75, 98]) for layer in outputs])
        network.fit(images, labels, epochs=1, batch_size=20, rng=rng, **recipe)
    return np.array(found)


# %% tags=["T086"]
bands = {
    "sigmoid": percentiles_while_learning(layers.Sigmoid, learning_rate=2.0, passes=20),
    "tanh": percentiles_while_learning(layers.Tanh, learning_rate=0.1, passes=12),
}
show(
    figures.percentile_bands(bands, "Percentiles of the outputs, after Glorot & Bengio, AISTATS 2010"),
    alt="Eight panels. Sigmoid: the last hidden layer drops to zero within a pass and stays there for another pass "
    "before it opens; the layers below then sink, too. Tanh: the outputs of all four layers spread from around 0 "
    "towards -1 and 1, those of the last layer most.",
)
study = evidence("saturation")
columns = ["plateau", "lowest_median", "saturated_at_first", "saturated_at_last", "training_error"]
last_layer = study[study["layer"] == 4].set_index("activation")
assert last_layer.loc["sigmoid", "lowest_median"].max() < 0.05
tanh_share = study[study["activation"] == "tanh"].pivot(index="layer", columns="seed", values="saturated_at_last")
assert tanh_share.loc[4].min() > tanh_share.loc[1].max() > 0.25 and tanh_share.loc[[2, 3]].max(axis=None) < 0.18
study.groupby(["activation", "layer"])[columns].mean().round(3)

# %% [markdown]
# The table has the means of five recorded runs of 30 and 15 passes. *Saturated* are outputs within a twentieth of the
# range from an end; *plateau* counts the passes until fewer than half of the answers are wrong. In the sigmoid network
# the median of the last hidden layer falls below 0.02, where its slope is below 0.02, too, and in the recorded runs the
# plateau lasts ten passes or more. (The run in the picture is quicker.) Glorot and Bengio also saw the last layer go to
# 0 first. Their hypothesis is that the layers before it still carry noise, and that outputs of 0 shut it out. Neither
# they nor we tested it by removing the cause.
#
# The tanh network has no plateau. But while it learns, more than a tenth of the outputs of every tanh layer become
# saturated, and about a third of those of the last. (In Glorot and Bengio's networks layer 1 went first.)
#
# ## max(0, x)
#
# Now the crude function. The *rectified linear unit*, ReLU, $f(a) = \max(0, a)$, cannot saturate for positive sums: its
# slope there is 1, whatever the sum. Ten slopes of 1 multiply to 1.
#
# **Exercise 2.** Write its way back. At exactly 0 there is no slope; choose 0.


# %% exercise="relu_backward"
def relu_backward(inputs, upstream):
    """inputs: what ReLU was given, any shape; upstream: the gradient by its outputs. Returns the gradient by the inputs."""
    ### BEGIN SOLUTION
    return upstream * (inputs > 0)
    ### END SOLUTION


# %% check="relu_backward"
check(relu_backward)

# %% [markdown]
# Three things are said for it: it passes gradients, it is cheap, and it learns faster. We test them one by one. ReLU gets the
# start that suits it, weights of variance $2/n_\mathrm{in}$ (He's; lesson 14), as it will in every comparison below.

# %% tags=["T081", "Q06"]
show(
    charts.lines(
        {kind: norms[kind] for kind in ("sigmoid", "tanh", "ReLU")},
        range(1, 12),
        "layer",
        "norm of the gradient",
        log="y",
    ),
    alt="The gradients of tanh and ReLU networks are about level from the first layer to the last; those "
    "of the sigmoid network fall by almost six powers of ten.",
)
assert lost.loc["ReLU"].max() < 10

numbers = np.random.default_rng(0).normal(size=(20, 500))
matrix = np.random.default_rng(1).normal(size=(500, 500))
tasks = {
    "max": lambda: np.maximum(numbers, 0),
    "sigmoid": lambda: sigmoid(numbers),
    "the product that gives these sums": lambda: numbers @ matrix,
}
seconds = pd.Series({task: min(timeit.repeat(tasks[task], number=20, repeat=5)) for task in tasks})
pd.DataFrame({"times as long as max": (seconds / seconds["max"]).round(0)})

# %% [markdown]
# At the start the gradients of ReLU are about as level as those of tanh. And it is cheap. But the sums of a layer with
# 500 inputs cost far more than either function, so the price of `exp` matters little there.
#
# The third: passes over the data until at most 10 % of the training examples are wrong. Krizhevsky, Sutskever and Hinton
# counted passes to 25 % in 2012, on CIFAR-10 with a convolutional network (lesson 09) of four layers, each activation
# with its own learning rate; ReLU was six times as fast as tanh. We take 600 small colour pictures of shapes, three hidden layers
# and plain SGD. Which will be first?


# %% tags=["H05", "T081", "Q06"]
def build_network(activation, inputs, classes):
    start = "glorot_uniform" if activation in ("sigmoid", "tanh") else "he_uniform"
    network = keras.Sequential([keras.Input((inputs,))])
    for _ in range(3):
        network.add(keras.layers.Dense(64, activation=activation, kernel_initializer=start))
    network.add(keras.layers.Dense(classes, activation="softmax"))
    return network


def training_errors(activation, learning_rate, examples, passes):
    keras.utils.set_random_seed(0)
    pixels = examples.images.reshape(len(examples), -1)
    network = build_network(activation, pixels.shape[1], len(examples.class_names))
    network.compile(
        optimizer=keras.optimizers.SGD(learning_rate=learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = network.fit(pixels - pixels.mean(axis=0), examples.labels, epochs=passes, batch_size=20, verbose=0)
    return 1 - np.array(history.history["accuracy"])


# %% tags=["H05", "T081", "Q06"]
pictures = data.shapes(600, seed=0, size=16) if scale(laptop=True, gpu=False) else data.cifar10().train[:2000]
errors = {
    "sigmoid": training_errors("sigmoid", 1.0, pictures, passes=15),
    "tanh": training_errors("tanh", 0.3, pictures, passes=15),
    "ReLU": training_errors("relu", 0.3, pictures, passes=15),
}
show(
    charts.lines(errors, range(1, 16), "pass", "training error", levels={"10 %": 0.1}, percent=True),
    alt="Training error against passes. The sigmoid network stays above 80 % throughout; tanh and ReLU fall together "
    "at first, then ReLU is ahead: it crosses 10 % after about 8 passes, tanh after about 12.",
)

# %% [markdown]
# That is one run. Here are five, with the best of four learning rates for each activation, also with one hidden layer, and
# also under Adam (lesson 05), where a small gradient does not mean a small step. The sigmoid has a second try, with hidden
# weights four times as large.

# %% tags=["H05", "T081", "Q06"]
race = evidence("race")
four_racers = ["sigmoid", "sigmoid, weights 4 times as large", "tanh", "ReLU"]


def passes_of(optimizer, activations):
    """Dots for a panel: for each activation, those of networks with 1 and with 3 hidden layers."""
    part = race[race["optimizer"] == optimizer].set_index(["activation", "hidden"])["passes"].sort_index()
    return {kind: {f"hidden layers: {hidden}": part[kind, hidden] for hidden in (1, 3)} for kind in activations}


show(
    charts.dots({name: passes_of(name, four_racers) for name in ("SGD", "Adam")}, "passes (41: more than 40)"),
    alt="Two panels, SGD and Adam. ReLU's dots are leftmost in each, with one hidden layer and with three. The others need "
    "4 to 14 passes, but with three hidden layers and SGD the sigmoid needs 24 with larger weights and over 40 without.",
)
ahead = pd.concat(
    {key: compare(part, "activation", "passes", against="ReLU") for key, part in race.groupby(["hidden", "optimizer"])}
)
assert ahead.loc[(slice(None), slice(None), four_racers[:3]), "low"].min() > 0
ahead.loc[(slice(None), slice(None), four_racers), ["mean", "difference", "low", "high"]].round(1)

# %% [markdown]
# ReLU needs the fewest passes of the four in all four races. How far it is ahead depends on the rest. With three hidden
# layers and SGD, the sigmoid with Keras' start does not arrive at any of the four learning rates; with larger weights it
# does, after about 24 passes. Under Adam all of them arrive within 10 passes. So "the sigmoid cannot train deep networks"
# was true here for SGD with Keras' start only. With one hidden layer and SGD ReLU is already about twice as fast as
# tanh: depth is not the only reason. (With three layers it is 1.7 times as fast here, not six times.)
#
# One reservation: with one hidden layer the sigmoid, and under Adam tanh too, did best at the largest rate we tried. A
# still larger one might bring them closer.
#
# Note what ReLU does *not* cure: its outputs are never negative, so the zig-zag is back. And the flat half?
#
# ## Dead units
#
# Where every example gives a unit a negative sum, it outputs 0 and its slope is 0. No message reaches its weights. A
# unit that one large step pushes there is **dead**. Here is a network with one hidden layer of 100 units, after three
# passes at a learning rate that is too large. Does its accuracy tell that units have died?

# %% tags=["T082"]
keras.utils.set_random_seed(0)
wild = keras.Sequential(
    [
        keras.Input((784,)),
        keras.layers.Dense(100, activation="relu", kernel_initializer="he_uniform"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
wild.compile(
    optimizer=keras.optimizers.SGD(learning_rate=1.0),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
wild.fit(images, labels, epochs=3, batch_size=50, verbose=0)
loss, accuracy = wild.evaluate(images, labels, verbose=0)
print(f"right on {accuracy:.0%} of the training digits")

# %% [markdown]
# It looks healthy. Is it?
#
# **Exercise 3.** Count the dead: which share of the units of a ReLU layer fires on no example? Then ask your function about
# the network above: `dead_units(images, *wild.layers[0].get_weights())`.


# %% exercise="dead_units"
def dead_units(inputs, kernel, bias):
    """inputs (examples, n), kernel (n, units), bias (units,) of a ReLU layer. Returns the share of dead units, 0 to 1."""
    ### BEGIN SOLUTION
    sums = inputs @ kernel + bias
    return np.mean(np.all(sums <= 0, axis=0))
    ### END SOLUTION


# %% check="dead_units"
check(dead_units)

# %% [markdown]
# Three *wild* passes with the learning rate on the axis, then six *calm* ones at 0.1. How many units die? Do the calm
# passes revive any? A **leaky ReLU** keeps a small slope where the sum is negative (here 0.1), $f(a) = a$ for $a > 0$ and
# $0.1\,a$ elsewhere, so that a message always gets through. And since the pixels are never negative, one step can push a
# unit's sum down on *every* digit at once: so we also take away the mean of the pixels, and stretch what is left to
# the same mean square, so that the steps are no smaller.

# %% tags=["T082", "T083"]
dead = evidence("dead")
rates = sorted(set(dead["rate"]))


def by_rate(kind, column):
    """Array (rates, seeds); nothing for networks that grew beyond all numbers and answer 0 to everything."""
    finite = dead[(dead["activation"] == kind) & (dead["test_error"] < 0.9)]
    return finite.pivot(index="rate", columns="seed", values=column)


dead_kinds = ("ReLU", "leaky ReLU", "ReLU, pixels centred")
panels = {
    "silent after the wild passes": {kind: by_rate(kind, "silent") for kind in dead_kinds},
    "error on new digits after the calm ones": {kind: by_rate(kind, "test_error") for kind in dead_kinds},
}
at_1 = compare(dead[dead["rate"] == 1.0], "activation", "silent", against="ReLU")
assert at_1.loc["leaky ReLU", "high"] < 0 and by_rate("ReLU", "moved").max(axis=None) == 0
assert by_rate("ReLU, pixels centred", "silent").max(axis=None) == 0
show(
    charts.lines(panels, rates, "learning rate", percent=True),
    alt="Left: up to a learning rate of 0.5 hardly a unit is silent; at 1 about half of the ReLU units are and a tenth of "
    "the leaky ones, at 1.5 over nine tenths of the ReLU units; with centred pixels none at any rate. Right: the error is "
    "below 10 % nearly everywhere, but for ReLU at 1.5, where it is about one half; the leaky curve ends at 1.",
)
at_1.round(3)

# %% [markdown]
# At learning rate 1.0 about half of the ReLU units die, and the error shows nothing of it: it is below 10 % in all five
# runs. At 1.5 nine in ten die, the error is above 35 % in all runs, and the calm passes wake none: the weights of a
# silent ReLU unit do not move by a single bit. At 1.0 fewer leaky units are silent, and those that are keep learning. But
# the leak is no cure for too large a rate: at 1.5 four of the five leaky networks break down and answer 0 to everything
# (so the curve ends at 1.0). On the error at 1.0 we could not tell the two apart.
#
# And with centred pixels no unit dies at any of these rates, although the inputs are as large.
#
# ## ELU: round off the corner
#
# ReLU's mean output is above zero, and its slope jumps. The **exponential linear unit** bends smoothly to a floor:
#
# $$f(a) = \begin{cases} a & a > 0\\ \alpha\,(e^a - 1) & a \le 0\end{cases}$$
#
# (α, here as in Keras, is the paper's letter for the depth of the floor.) What does it do to the mean output when the
# sums are standard normal? And for which $\alpha$ is the slope continuous at 0?

# %% tags=["T084", "T083"]
family = {"ReLU": layers.ReLU(), "leaky ReLU": layers.LeakyReLU(negative_slope=0.1), "ELU": layers.ELU(alpha=1.0)}
draws = np.random.default_rng(0).normal(size=200_000)
means = {kind: layer.forward(draws).mean() for kind, layer in family.items()}
assert means["ELU"] < means["ReLU"] / 2
corner = {alpha: figures.values_and_slopes(layers.ELU(alpha), [-1e-9, 1e-9])[1] for alpha in (0.5, 1.0, 2.0)}
print("slopes left and right of 0:", {alpha: both_sides.round(2).tolist() for alpha, both_sides in corner.items()})
show(
    figures.activation_curves({f"ELU, α = {alpha}": layers.ELU(alpha) for alpha in (0.5, 1.0)}),
    alt="Two ELUs with their slopes. For alpha 0.5 the slope jumps at zero, for 1 it does not.",
)
pd.Series(means, name="mean output").round(3).to_frame()

# %% [markdown]
# Only $\alpha = 1$ has no jump, and the mean is less than half of ReLU's.
#
# **Exercise 4.** Derive the slope of ELU for any $\alpha$, and write it.


# %% exercise="elu_gradient"
def elu_gradient(inputs, alpha):
    """inputs of any shape. Returns the slope of ELU at each of them."""
    ### BEGIN SOLUTION
    return np.where(inputs > 0, 1.0, alpha * np.exp(inputs))
    ### END SOLUTION


# %% check="elu_gradient"
check(elu_gradient)

# %% [markdown]
# ## Smooth again: GELU and SiLU
#
# ReLU multiplies its sum by 1 or by 0. Soften that switch, the **gate**, and a smooth function comes out. Hendrycks
# and Gimpel (2016) proposed two. The **GELU** takes the probability $\Phi(a)$ that a standard normal draw lies below $a$,
# the **SiLU** takes the sigmoid:
#
# $$\mathrm{GELU}(a) = a\,\Phi(a)\qquad \mathrm{SiLU}(a) = a\,\sigma(a)$$
#
# The slope is that of a product. With the bell curve $\varphi = \Phi'$ the GELU has
# $\mathrm{GELU}'(a) = \Phi(a) + a\,\varphi(a)$. It is largest where its own slope, $\varphi(a)\,(2 - a^2)$, is 0: at
# $a = \sqrt 2$. Is it above 1 there? And is either function negative anywhere?


# %% tags=["nbval-check-output"]
def gelu(a):
    return a * norm.cdf(a)


def gelu_slope(a):
    return norm.cdf(a) + a * norm.pdf(a)


def silu(a):
    return a * sigmoid(a)


fine = np.linspace(-6, 6, 120_001)
assert np.allclose(gelu_slope(fine), nudged_slope(gelu, fine), atol=1e-8)
rows = {}
for kind, function in {"GELU": gelu, "SiLU": silu}.items():
    lowest, steepest = fine[function(fine).argmin()], fine[nudged_slope(function, fine).argmax()]
    rows[kind] = [lowest, function(lowest), steepest, nudged_slope(function, steepest)]
show(
    figures.activation_curves({"ReLU": layers.ReLU(), "GELU": gelu, "SiLU": silu}),
    alt="ReLU, GELU and SiLU with their slopes. The smooth two dip a little below zero on the left; "
    "their slopes rise from just below 0 to just above 1 and then fall back to 1.",
)
pd.DataFrame.from_dict(rows, orient="index", columns=["lowest at", "value", "steepest at", "slope"]).round(3)

# %% [markdown]
# Yes to both: the slopes reach 1.129 and 1.100, and left of 0 both functions are negative. They fall before they rise.
# Far from 0 they are nearly ReLU, also as flat on the left. In Keras they are `keras.activations.gelu` and
# `keras.activations.silu`, or `Dense(64, activation="gelu")`; `"swish"` is another name for `"silu"`. Elfwing, Uchibe
# and Doya (2017) and a search by Ramachandran, Zoph and Le (2017) came to the SiLU as well; the latter called it
# **Swish**, with a number β for how sharp the gate is: $a\,\sigma(\beta a)$. For β = 0 that is a straight line, for
# large β nearly ReLU.
#
# **Exercise 5.** Derive the slope of Swish, and write it.


# %% exercise="swish_gradient"
def swish_gradient(inputs, beta):
    """inputs of any shape, beta a number. Returns the slope of a σ(βa) at each of them."""
    ### BEGIN SOLUTION
    gate = 1 / (1 + np.exp(-beta * inputs))
    return gate + beta * inputs * gate * (1 - gate)
    ### END SOLUTION


# %% check="swish_gradient"
check(swish_gradient)

# %% [markdown]
# Do they win the race? The figure has the same race. The table has real digits, three hidden layers and Adam, trained for
# 15 passes: the better of two learning rates and the best pass are chosen on validation digits, and the error is that on
# new ones.

# %%
modern = ["ReLU", "GELU", "SiLU"]
final = compare(evidence("settled"), "activation", "test_error", against="ReLU")
assert final.loc["sigmoid", "low"] > 0 and final.loc["GELU", "low"] < 0 < final.loc["GELU", "high"]
show(
    charts.dots({name: passes_of(name, modern) for name in ("SGD", "Adam")}, "passes to 10 % training error"),
    alt="Two panels, SGD and Adam. ReLU's and GELU's dots overlap, but with three hidden layers and SGD some of GELU's lie "
    "to the right; SiLU's lie to the right of ReLU's in both.",
)
final.round(4)

# %% [markdown]
# GELU we could not tell from ReLU, in any race or on new digits. (With three hidden layers and SGD it was close: GELU took
# 1.8 passes more, with an interval from −0.04 to 3.6.) SiLU needs at least one pass more than ReLU in all four, on
# average. The sigmoid network makes more errors on new digits than ReLU's, by about two in a hundred; for tanh the
# interval only just leaves out zero. But the sigmoid took the larger of only two rates in all five runs, so a larger one
# might narrow that gap. The papers report gains for GELU and SiLU; in these small networks we saw none.
#
# ## All of them, beside Keras
#
# Keras finds slopes by automatic differentiation. Do ours agree, and what does each choose at exactly 0, where ReLU
# has no slope? (Mind the leak: the lesson uses 0.1; what is Keras' default?)


# %% tags=["T085", "F003", "T083"]
def keras_slopes(function, inputs):
    return gradients(lambda a: keras.ops.sum(function(a)), np.array(inputs))[0]


ours = {"sigmoid": layers.Sigmoid(), "tanh": layers.Tanh(), **family, "GELU": gelu, "SiLU": silu}
theirs = {
    "sigmoid": keras.activations.sigmoid,
    "tanh": keras.activations.tanh,
    "ReLU": keras.activations.relu,
    "leaky ReLU": keras.layers.LeakyReLU(negative_slope=0.1),
    "ELU": keras.layers.ELU(alpha=1.0),
    "GELU": keras.activations.gelu,
    "SiLU": keras.activations.silu,
}
grid = np.linspace(-4, 4, 400)  # an even number of points: 0 is not among them
for kind in ours:
    assert np.allclose(figures.values_and_slopes(ours[kind], grid)[1], keras_slopes(theirs[kind], grid), atol=1e-5)
assert np.allclose(keras_slopes(keras.activations.tanh, grid), 1 - np.tanh(grid) ** 2, atol=1e-6)
print("Keras' default leak:", keras.layers.LeakyReLU().negative_slope)
at_0 = {
    kind: [figures.values_and_slopes(ours[kind], [0.0])[1][0], keras_slopes(theirs[kind], [0.0])[0]] for kind in ours
}
pd.DataFrame.from_dict(at_0, orient="index", columns=["our slope at 0", "in Keras"]).round(2)

# %% [markdown]
# They agree everywhere, also at 0. There somebody has to choose: for ReLU both choose 0, for the leaky one the leak. (Keras'
# default leak is 0.3.) Here are five of them, then one to play with. Where is each slope near 1, and where near 0?

# %% tags=["G10", "widget"]
classics = ("sigmoid", "tanh", "ReLU", "leaky ReLU", "ELU")
show(
    figures.activation_curves({kind: ours[kind] for kind in classics}),
    alt="Five activations with their slopes: sigmoid and tanh flat on both sides, ReLU flat on the "
    "left, leaky ReLU flat nowhere, ELU flat on the far left only.",
)
show(
    figures.activation_and_gradient(),
    alt="The sigmoid with its tangent at 1: it rises by 0.197. Below, its slope, a hill of height 1/4; ten slopes like "
    "the one at 1 multiply to about 9e-08.",
)
explore(
    figures.activation_and_gradient,
    alt="The curve of an activation with its tangent at the sum; below, the curve of its slope, "
    "and what ten slopes like the one at the sum multiply to.",
    kind=list(ours),
    parameter=(0, 1, 0.1),
    x=(-5, 5, 0.5),
)

# %% [markdown]
# The slope of the sigmoid is nowhere near 1, that of tanh around 0 only; those of the other three are 1 for all positive
# sums. Near 0 are the slopes of sigmoid and tanh on both sides, that of ReLU on the left, that of ELU on the far left.
#
# And the chain from the beginning, with five units and four such functions. Above each arrow stands what the message is
# multiplied by. What happens when two of the weights are negative?

# %% tags=["G11", "picture"]
weights = np.full(5, 1.2)
four = {kind: ours[kind] for kind in ("sigmoid", "tanh", "ReLU", "leaky ReLU")}
show(
    figures.chains(four, weights, x=1.0),
    alt="Four activation curves, each beside a chain of five units. The product of the factors is "
    "tiny for sigmoid, small for tanh, above 1 for ReLU and leaky ReLU.",
)
turned = weights * [1, 1, -1, -1, 1]
products = {kind: np.prod(turned * figures.chain_signals(layer, turned, x=1.0)[1]) for kind, layer in four.items()}
pd.Series(products, name="product, third and fourth weight negative").round(5).to_frame()

# %% [markdown]
# That is our answer in one picture. Where ReLU fires, its slope is 1 and the message keeps its size (but for the weight).
# Where it does not fire, the message stops, as in the last table; then it must go through other units of the layer. And
# smoothness was not the sigmoid's fault: GELU is smooth, too, and it needs fewer passes than the sigmoid in all four
# races. GELU and ReLU share a slope of about 1 for large positive sums, and neither has an upper bound.
#
# | activation | $f(a)$ | slope | largest slope | flat | outputs | in Keras | price |
# |---|---|---|---|---|---|---|---|
# | sigmoid | $\sigma(a)$ | $z(1-z)$ | 1/4 | on both sides | positive | `"sigmoid"` | vanishing gradients in deep networks, zig-zag |
# | tanh | $\tanh(a)$ | $1-z^2$ | 1 | on both sides | both signs | `"tanh"` | saturates while it learns |
# | ReLU | $\max(0, a)$ | 0 or 1 | 1 | for negative sums | never negative | `"relu"` | units can die |
# | leaky ReLU | $a$ or $0.1a$ | 0.1 or 1 | 1 | nowhere | both signs | `LeakyReLU(negative_slope=0.1)` | one more number to choose |
# | ELU | $a$ or $\alpha(e^a-1)$ | exercise 4 | 1 for α ≤ 1 | on the far left | above −α | `"elu"` | an exponential |
# | GELU | $a\,\Phi(a)$ | $\Phi(a)+a\varphi(a)$ | 1.129 | on the far left | above −0.17 | `"gelu"` | a normal integral |
# | SiLU | $a\,\sigma(a)$ | exercise 5 | 1.100 | on the far left | above −0.28 | `"silu"` | an exponential |
#
# ## Think about it
#
# **One ReLU unit has a slope of 1 or 0. What slopes can a whole ReLU network have, and how can it follow a curve?**
#
# <details><summary>Answer</summary>
#
# Any slopes: along a path through units that fire it is the product of the weights, and the network's slope is the sum
# over all such paths. It changes only where a unit begins or ceases to fire. So the network is made of straight pieces, and with enough
# units the pieces follow a continuous curve (on a bounded stretch) as closely as you like.
# </details>
#
# **Half of the outputs of a ReLU layer are zero on a typical example. Are half of its units dead?**
#
# <details><summary>Answer</summary>
#
# No. Dead means zero on *every* example. That different units are silent on different examples is what makes the
# network more than a matrix.
# </details>
#
# ## Further reading
#
# - V. Nair and G. Hinton, *Rectified linear units improve restricted Boltzmann machines*, ICML 2010,
#   [PDF](https://www.cs.toronto.edu/~fritz/absps/reluICML.pdf).
# - X. Glorot and Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, AISTATS 2010,
#   [PMLR 9](https://proceedings.mlr.press/v9/glorot10a.html).
# - X. Glorot, A. Bordes and Y. Bengio, *Deep sparse rectifier neural networks*, AISTATS 2011,
#   [PMLR 15](https://proceedings.mlr.press/v15/glorot11a.html).
# - A. Krizhevsky, I. Sutskever and G. Hinton, *ImageNet classification with deep convolutional neural networks*, 2012,
#   [doi 10.1145/3065386](https://doi.org/10.1145/3065386).
# - A. Maas, A. Hannun and A. Ng, *Rectifier nonlinearities improve neural network acoustic models*, 2013: the leaky ReLU,
#   [PDF](https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf).
# - D.-A. Clevert, T. Unterthiner and S. Hochreiter, *Fast and accurate deep network learning by exponential linear
#   units (ELUs)*, 2016, [arXiv 1511.07289](https://arxiv.org/abs/1511.07289).
# - D. Hendrycks and K. Gimpel, *Gaussian error linear units (GELUs)*, 2016,
#   [arXiv 1606.08415](https://arxiv.org/abs/1606.08415).
# - S. Elfwing, E. Uchibe and K. Doya, *Sigmoid-weighted linear units for neural network function approximation in
#   reinforcement learning*, 2017, [arXiv 1702.03118](https://arxiv.org/abs/1702.03118).
# - P. Ramachandran, B. Zoph and Q. Le, *Searching for activation functions*, 2017,
#   [arXiv 1710.05941](https://arxiv.org/abs/1710.05941).
# - D. Kingma and J. Ba, *Adam: a method for stochastic optimization*, 2015,
#   [arXiv 1412.6980](https://arxiv.org/abs/1412.6980).
# - Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, *Efficient BackProp*, 1998: why inputs should be centred,
#   [doi 10.1007/3-540-49430-8_2](https://doi.org/10.1007/3-540-49430-8_2).
