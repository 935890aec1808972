# ---
# jupyter:
#   course:
#     title: "Activations: how max(0, x) beat the smooth sigmoid"
#     summary: "What the bend in a neuron is for, why the smooth one starves deep networks, and what its crude successor costs."
#     objectives:
#       - "show that layers without an activation collapse into one"
#       - "follow a gradient through a chain of units and say where it is lost"
#       - "recognise saturation, zig-zag and dead units in a network, and measure them"
#       - "write sigmoid, tanh, ReLU, leaky ReLU and ELU, forwards and backwards"
#       - "choose an activation for a reason, and know what the choice costs"
#     needs: [05_mlp_backprop]
#     minutes: 80
#     data: [digits, shapes]
# ---

# %% [markdown]
# A unit adds up its weighted inputs and bends the sum with an **activation function**. For twenty-five years that bend
# was an S, the sigmoid: smooth, bounded, rather like a nerve cell. Then, within about three years, nearly everyone
# changed to $\max(0, x)$: a corner, no upper bound, and flat on half of the line.
#
# **Why did a function as crude as max(0, x) replace the smooth sigmoid?** You will measure what the sigmoid does to
# messages on their way back, watch a unit walk in zig-zag, and finally find out what the crude function costs.

# %%
import itertools
import timeit
from functools import partial

import keras
import numpy as np

from course_lessons.activations import figures
from course_lib import data, layers, losses, optim, scale
from course_lib.exercises import check, hint, solution
from course_lib.gradients import gradients
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## Why bend at all?
#
# Two layers without a bend: multiply by one matrix, then by another. What do you expect from ten?

# %% tags=["nbval-check-output"]
rng = np.random.default_rng(0)
x, first, second = (rng.normal(size=shape) for shape in ((1, 3), (3, 5), (5, 2)))
print("two layers           ", ((x @ first) @ second).round(3))
print("one layer, W = W1 W2 ", (x @ (first @ second)).round(3))
print("with a bend between  ", (np.maximum(x @ first, 0) @ second).round(3))

line = np.arange(-3, 4)
print("a V from two bends   ", np.maximum(line, 0) + np.maximum(-line, 0))

# %% [markdown]
# Ten such layers are one matrix, however deep they look. With a bend they are not: two bent units already make a V,
# which no straight line can be. So *some* bend is needed. Which one?
#
# ## The sigmoid and its slope
#
# $$\sigma(x) = \frac{1}{1 + e^{-x}},\qquad \sigma'(x) = y\,(1-y)\ \text{ with } y = \sigma(x)$$
#
# Any sum becomes a number between 0 and 1. The slope comes from the output alone. Where is it largest, and how large?


# %% tags=["T077", "nbval-check-output"]
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


for x in (-10, -2, 0, 2, 10):
    y = sigmoid(x)
    nudged = (sigmoid(x + 1e-5) - sigmoid(x - 1e-5)) / 2e-5
    print(f"x {x:+3}   y {y:.4f}   slope: nudged {nudged:.4f}, y(1-y) {y * (1 - y):.4f}")

show(
    figures.activation_curves({"sigmoid": layers.Sigmoid()}, reach=8),
    alt="An S from 0 to 1. Its slope is a low hill: 1/4 at zero, almost nothing beyond 6.",
)

# %% [markdown]
# At best a quarter, and almost nothing for inputs beyond ±6. There the unit is **saturated**.
#
# You may have seen the forward rule of a layer written with a dash, $x_i = \sigma'(w_i^\top x_{i-1})$. Can such a unit
# ever say "yes", and can it tell a sum from its negative?

# %% tags=["nbval-check-output"]
sums = np.linspace(-20, 20, 4001)
rules = {
    "sigmoid": sigmoid,
    "its slope, as printed": lambda x: sigmoid(x) * (1 - sigmoid(x)),
}
for name, rule in rules.items():
    low, high = rule(np.array([-3.0, 3.0]))
    print(f"{name:22} at most {rule(sums).max():.2f}; at -3 and 3: {low:.3f}, {high:.3f}")

# %% [markdown]
# Neither: it never gets beyond 0.25 and is blind to the sign. The right rule is $x_i = \sigma(w_i^\top x_{i-1})$; the
# dash belongs to the way back.
#
# **Exercise 1.** Write the way back. Stuck? Run `hint("sigmoid_backward")`.


# %% exercise="sigmoid_backward"
def sigmoid_backward(outputs, upstream):
    """outputs: what the sigmoid gave, any shape; upstream: the gradient by them. Returns the gradient by the inputs."""
    ### BEGIN SOLUTION
    return upstream * outputs * (1 - outputs)
    ### END SOLUTION


# %% check="sigmoid_backward"
check(sigmoid_backward)

# %% [markdown]
# ## The chain
#
# Put three units in a row, $x_k = \sigma(w_k x_{k-1})$, and call the last output $C$. How does $C$ depend on the first
# weight? On its way back the message meets a slope and a weight at each unit, and at the end the input:
#
# $$\frac{\partial C}{\partial w_1} = \sigma'(w_3 x_2)\,w_3\cdot\sigma'(w_2 x_1)\,w_2\cdot\sigma'(w_1 x_0)\,x_0$$
#
# You may have seen it with the *activations* $x_2$ and $x_1$ where $w_3$ and $w_2$ stand here. A nudge decides.


# %% tags=["F410", "nbval-check-output"]
def chain(x, weights):
    outputs = [x]
    for w in weights:
        outputs.append(sigmoid(w * outputs[-1]))
    return outputs


x0, (w1, w2, w3) = 0.8, (1.3, -0.7, 0.9)
_, x1, x2, x3 = chain(x0, [w1, w2, w3])
slope_1, slope_2, slope_3 = (x * (1 - x) for x in (x1, x2, x3))
up, down = (chain(x0, [w1 + step, w2, w3])[-1] for step in (1e-5, -1e-5))
print(f"nudged          {(up - down) / 2e-5:+.6f}")
print(f"with weights    {slope_3 * w3 * slope_2 * w2 * slope_1 * x0:+.6f}")
print(f"with outputs    {slope_3 * x2 * slope_2 * x1 * slope_1 * x0:+.6f}")
print(f"largest slope   {max(slope_1, slope_2, slope_3):.3f}")
print(f"ten slopes of at most 1/4: at most {0.25**10:.1e}")

# %% [markdown]
# The weights are right; with outputs even the sign is wrong. And unless the weights are large, every unit shrinks the
# message to a quarter or less. Now build it: ten hidden sigmoid layers, digits coming in, one run forward and one
# back. How large is the gradient of the first layer, compared with that of the last?


# %% tags=["T078"]
def deep_net(activation, sizes, seed):
    """Dense layers of these sizes with an activation between; weights drawn as Keras draws them."""
    rng, stack = np.random.default_rng(seed), []
    for before, after in itertools.pairwise(sizes):
        stack += [layers.Dense(before, after, rng), activation()]
    return layers.Sequential(stack[:-1])


def gradient_norms(activation, seed):
    net = deep_net(activation, [64] + [32] * 10 + [10], seed)
    net.backward(losses.softmax_cross_entropy(net.forward(digits), digit_labels)[1])
    return [np.linalg.norm(layer.gradients["kernel"]) for layer in net.layers[::2]]


written = data.digits(size=8)
train, test = written.train + written.validation, written.test
digits, digit_labels = train.images.reshape(-1, 64), train.labels
new_digits, new_labels = test.images.reshape(-1, 64), test.labels
norms = {"sigmoid": np.array([gradient_norms(layers.Sigmoid, s) for s in range(5)]).T}
lost = norms["sigmoid"][-1] / norms["sigmoid"][0]
print(f"the last layer's is {lost.min():,.0f} to {lost.max():,.0f} times the first one's")
assert lost.min() > 1e4
show(
    charts.lines(
        {"Ten hidden sigmoid layers": norms},
        range(1, 12),
        "layer",
        "norm of the gradient",
        log="y",
    ),
    alt="On a logarithmic axis the norm of the gradient falls on a straight line from the last "
    "layer to the first, over about six powers of ten.",
)

# %% [markdown]
# A straight line on a logarithmic axis: a constant factor of loss at each layer. **The gradient vanishes**, and the
# first layers hardly learn. And that is with every unit in its best range. What if one unit is saturated, sure of a
# wrong answer? It starts with the sum given, says nearly 1, and should say 0.

# %% tags=["T078", "nbval-check-output"]
for start in (1, 3, 5, 7):
    total, steps = start, 0
    while sigmoid(total) > 0.5:
        y = sigmoid(total)
        total -= y * (y * (1 - y))  # squared error: (y - 0) times the slope
        steps += 1
    print(
        f"from sum {start}, output {sigmoid(start):.3f}: {steps:4} steps to change its mind"
    )

# %% [markdown]
# The surer it is, the deafer. (Cross-entropy cancels the slope of an *output* unit, as lesson 05 showed; hidden units
# have no such help.)
#
# ## Walking in zig-zag
#
# The sigmoid has a second fault: its outputs are all **positive**, and they are the inputs of the next layer. For one
# example, the gradient of weight $j$ is $\delta\, x_j$. If every $x_j$ is positive, all weights of the unit get the
# sign of $\delta$: all up, or all down. Let the goal lie where $w_1$ must rise and $w_2$ must fall. What will the
# path look like? And what if we subtract the mean from the inputs?


# %% tags=["T079"]
def walk(inputs, rate, goal=(1, -1)):
    """One linear unit learns its two weights, one example at a time."""
    path = [np.zeros(2)]
    for x in inputs:
        delta = path[-1] @ x - np.dot(goal, x)
        path.append(path[-1] - rate * delta * x)
    return np.array(path)


clouds = [np.random.default_rng(seed).uniform(0, 1, (300, 2)) for seed in range(5)]
paths = {"inputs all positive": walk(clouds[0][:60], 1.0)}
paths["the same inputs, centred"] = walk(clouds[0][:60] - 0.5, 1.0)
show(
    figures.weight_paths(paths, goal=(1, -1)),
    alt="With positive inputs the weights climb and fall along one diagonal, in a staircase towards "
    "the goal; with centred inputs they walk nearly straight.",
)


# %% tags=["T079"]
def journey(inputs, rate, goal=(1, -1)):
    """Steps until it is near the goal, and the length of its way: 1 would be straight."""
    path = walk(inputs, rate, goal)
    near = np.linalg.norm(path - goal, axis=1) < 0.1
    if not near.any():
        return np.inf, np.inf
    steps = np.argmax(near)
    moves = np.diff(path[: steps + 1], axis=0)
    return steps, np.linalg.norm(moves, axis=1).sum() / np.linalg.norm(goal)


for rate, (name, mean) in itertools.product(
    (1, 3), {"positive": 0, "centred": 0.5}.items()
):
    journeys = np.array([journey(cloud - mean, rate) for cloud in clouds])
    steps, length = np.median(journeys, axis=0)
    arrived = np.isfinite(journeys[:, 0]).sum()
    print(f"rate {rate}, {name}: {arrived} of 5 arrive, median:", end=" ")
    way = f"{steps:.0f} steps, length of way {length:.1f}"
    print(way if np.isfinite(steps) else "never")
    assert rate == 3 or (length > 2) == (name == "positive")

# %% [markdown]
# Positive inputs allow steps to the upper right and to the lower left only, so the way becomes a staircase, two or
# three times as long. At a small learning rate both arrive after equally many steps. But on the staircase a larger
# rate diverges, while centred inputs bear it and arrive much sooner. (Averaging many examples mixes the signs again; the
# long valley that forbids a large rate remains.)
#
# ## tanh: centred, and still starving
#
# $\tanh(x) = 2\sigma(2x) - 1$ is the same S, from −1 to 1, with slope $1 - y^2$: up to 1 rather than 1/4. Repeat both
# experiments. Which fault will be gone?

# %% tags=["T080"]
z = np.random.default_rng(1).normal(size=(300, 2))
steps, length = journey(sigmoid(z), rate=1.0)
print(f"fed by sigmoids: {steps} steps, way {length:.1f}")
steps, length = journey(np.tanh(z), rate=0.5)
print(f"fed by tanhs:    {steps} steps, way {length:.1f}")

for name, layer in {"sigmoid": layers.Sigmoid, "tanh": layers.Tanh}.items():
    net = deep_net(layer, [64, 32, 32, 10], seed=0)
    net.forward(digits)
    entering = net.layers[2].inputs  # (examples, 32): what each unit of layer 2 is fed
    same = np.mean(np.all(entering > 0, axis=1) | np.all(entering < 0, axis=1))
    print(
        f"{name}: all weights of a unit are pushed one way by {same:.0%} of the examples"
    )
    assert same == (name == "sigmoid")

norms["tanh"] = np.array([gradient_norms(layers.Tanh, seed) for seed in range(5)]).T
lost = norms["tanh"][-1] / norms["tanh"][0]
print(f"gradient norm, last layer over first: {lost.min():.1f} to {lost.max():.1f}")

# %% [markdown]
# No zig-zag, and at the start not even a vanishing gradient. So why did tanh not end the story? That was the start.
# Weights grow while a network learns, and tanh saturates too: its slope at 3 is one hundredth.
#
# In 2010 Xavier Glorot and Yoshua Bengio looked into deep networks *while they learned*. (You may have seen their
# picture credited to "Bentio" and "AI Stats"; the conference is AISTATS.) Let us look, too: after each epoch, the
# percentiles of the outputs of every layer. Weights start as was usual then, uniform between $\pm 1/\sqrt{n}$ for $n$
# inputs.


# %% tags=["T086"]
def record(activation, rate, seed, epochs):
    """Percentiles of each hidden layer's outputs, and the training error, before each epoch."""
    net, rng = deep_net(activation, [64] * 4 + [10], seed), np.random.default_rng(seed)
    for dense in net.layers[::2]:
        kernel = dense.parameters["kernel"]
        kernel[:] = rng.uniform(-1, 1, kernel.shape) / np.sqrt(len(kernel))
    recipe = {"loss": losses.softmax_cross_entropy, "optimizer": optim.SGD(rate)}
    percentiles, errors = [], []
    for _ in range(epochs):
        errors.append(np.mean(net.forward(digits).argmax(axis=1) != digit_labels))
        outputs = [dense.inputs for dense in net.layers[2::2]]
        percentiles.append([np.percentile(y, [2, 25, 50, 75, 98]) for y in outputs])
        net.fit(digits, digit_labels, epochs=1, batch_size=30, rng=rng, **recipe)
    return np.array(percentiles), np.array(errors)


# %% tags=["T086"]
sigmoids = [record(layers.Sigmoid, 2.0, seed, epochs=36) for seed in range(3)]
tanhs = [record(layers.Tanh, 0.1, seed, epochs=20) for seed in range(3)]
for (s, s_errors), (t, t_errors) in zip(sigmoids, tanhs, strict=True):
    print(f"sigmoid: last layer's median falls to {s[:, -1, 2].min():.2f},", end=" ")
    print(f"error below one half after {np.argmax(s_errors < 0.5)} epochs", end="; ")
    print(f"tanh: after {np.argmax(t_errors < 0.5)}")
    assert s[:15, -1, 2].min() < 0.15 and t[-1, -1, 4] > 0.9
show(
    figures.percentile_bands(
        {"sigmoid": sigmoids[0][0], "tanh": tanhs[0][0]},
        "Percentiles of the outputs, after Glorot & Bengio, AISTATS 2010",
    ),
    alt="Sigmoid: the last hidden layer drops to zero at once and stays there for many epochs before "
    "it opens. Tanh: the outputs of all layers spread towards -1 and 1, the last layer most.",
)

# %% [markdown]
# They saw just this. With sigmoids the last hidden layer drops to 0 in the first epochs: the layers before it still
# carry noise, and zero is how the output layer shuts it out. There the slope is nearly 0, so nothing gets back, until
# after a long plateau it opens. The tanh network learns at once, but its layers drift to ±1, into saturation. (In
# their networks layer 1 went first; in ours the last does.)
#
# ## max(0, x)
#
# Now the crude function. The **rectified linear unit**, ReLU, cannot saturate for positive sums: its slope there is 1,
# whatever the sum. Ten slopes of 1 multiply to 1.
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
# Three claims are made for it: it passes gradients, it is cheap, and it learns faster. Test them one by one.

# %% tags=["T081", "Q06"]
norms["ReLU"] = np.array([gradient_norms(layers.ReLU, seed) for seed in range(5)]).T
show(
    charts.lines(norms, range(1, 12), "layer", "norm of the gradient", log="y"),
    alt="The gradients of tanh and ReLU networks are level from the first layer to the last; those "
    "of the sigmoid network fall by six powers of ten.",
)

sums = np.random.default_rng(0).normal(size=10_000)
kernel = np.random.default_rng(1).normal(size=(500, 500))
tasks = {
    "sigmoid": lambda: sigmoid(sums),
    "max": lambda: np.maximum(sums, 0),
    "a layer's product, 20 x 500 x 500": lambda: sums.reshape(20, 500) @ kernel,
}
seconds = {
    name: min(timeit.repeat(task, number=50, repeat=5)) for name, task in tasks.items()
}
for name, time in seconds.items():
    print(f"{name}: {time / seconds['max']:.0f} times the time of max")

# %% [markdown]
# Level, and cheap; though the matrix product takes far longer than either, so the price of `exp` hardly decides. The
# third claim: count epochs to 10 % training error. Krizhevsky and others did so on CIFAR-10 in 2012; we take small
# colour pictures of shapes, which need learning by heart, and digits, which are easy. Three hidden layers; each
# activation gets the better of two learning rates.


# %% tags=["H05", "T081", "Q06"]
def epochs_to_learn(activation, rate, seed, images, labels):
    """Epochs until at most 10 % of the training examples are wrong; limit + 1 if never."""
    sizes = [images.shape[1], 64, 64, 64, labels.max() + 1]
    net, rng = deep_net(activation, sizes, seed), np.random.default_rng(seed)
    recipe = {"loss": losses.softmax_cross_entropy, "optimizer": optim.SGD(rate)}
    for epoch in range(1, limit + 1):
        net.fit(images, labels, epochs=1, batch_size=20, rng=rng, **recipe)
        if np.mean(net.forward(images).argmax(axis=1) != labels) <= 0.1:
            return epoch
    return limit + 1


# %% tags=["H05", "T081", "Q06"]
limit, examples = scale(laptop=34, gpu=60), scale(laptop=600, gpu=2000)
if scale(laptop=True, gpu=False):
    pictures = data.shapes(examples, seed=0, size=16)
else:
    pictures = data.cifar10().train
sets = {}
for name, source in {"colour pictures": pictures, "digits": train}.items():
    inputs = source.images[:examples].reshape(-1, source.images[0].size)
    sets[name] = inputs - inputs.mean(axis=0), source.labels[:examples]
kinds = {"sigmoid": layers.Sigmoid, "tanh": layers.Tanh, "ReLU": layers.ReLU}
needed = {name: {} for name in sets}
for (where, chosen), (kind, layer) in itertools.product(sets.items(), kinds.items()):
    runs = [
        [epochs_to_learn(layer, rate, seed, *chosen) for seed in range(3)]
        for rate in (0.3, 1.0)
    ]
    needed[where][kind] = min(runs, key=np.mean)
assert np.mean(needed["colour pictures"]["ReLU"]) < limit / 2
assert np.mean(needed["digits"]["sigmoid"]) > 2 * np.mean(needed["digits"]["ReLU"])
show(
    figures.epochs_needed(needed, limit, xlabel="epochs to 10 % training error"),
    alt="On the colour pictures ReLU needs fewest epochs, tanh half as many again, and sigmoid does not "
    "arrive. On digits ReLU and tanh need a few epochs each, sigmoid many times more.",
)

# %% [markdown]
# Against the sigmoid ReLU wins by far everywhere. Against tanh it wins on the pictures, and on the easy digits it
# does not: there tanh is as fast. So "ReLU learns faster" is a fact about hard tasks and deep networks, no law.
#
# Note what ReLU does *not* cure: its outputs are never negative, so the zig-zag is back. And the flat half?
#
# ## Dead units
#
# Where every example gives a unit a negative sum, it outputs 0 and its slope is 0. No message reaches its weights. A
# unit that one large step pushes there is **dead**.
#
# **Exercise 3.** Count them: which share of the units never fires?


# %% exercise="dead_units"
def dead_units(sums):
    """sums (examples, units): what ReLU is given. Returns the share of units that fire on no example, 0 to 1."""
    ### BEGIN SOLUTION
    return np.mean(np.all(sums <= 0, axis=0))
    ### END SOLUTION


# %% check="dead_units"
check(dead_units)

# %% [markdown]
# One hidden layer of 100 units, three *wild* epochs with the learning rate on the axis, then six *calm* ones at 0.1.
# How many units die? Do the calm epochs revive any? Then the same with a **leaky ReLU**, which keeps a small slope
# where the sum is negative, so that the message always gets through.


# %% tags=["T082", "T083"]
def wild_then_calm(activation, rate, seed, mean=0.0):
    """Silent units after the wild and after the calm epochs; accuracy; how far their weights moved in between."""
    rng = np.random.default_rng(seed)
    first, last = layers.Dense(64, 100, rng), layers.Dense(100, 10, rng)
    net = layers.Sequential([first, activation(), last])
    inputs, silent, kernels = digits - mean, [], []
    for rate_now, epochs in ((rate, 3), (0.1, 6)):
        recipe = {"loss": losses.softmax_cross_entropy, "optimizer": optim.SGD(rate_now)}
        net.fit(inputs, digit_labels, epochs=epochs, batch_size=30, rng=rng, **recipe)
        silent.append(np.all(first.forward(inputs) <= 0, axis=0))
        kernels.append(first.parameters["kernel"].copy())
    right = np.mean(net.forward(new_digits - mean).argmax(axis=1) == new_labels)
    moved = np.abs(kernels[1] - kernels[0])[:, silent[0]].max(initial=0)
    return silent[0].mean(), np.mean(silent[0] & silent[1]), right, moved


def by_rate(activation):
    runs = [[wild_then_calm(activation, r, seed) for seed in range(3)] for r in rates]
    return np.moveaxis(np.array(runs), -1, 0)  # four results, each (rates, seeds)


# %% tags=["T082", "T083"]
rates, leaky = (0.1, 0.3, 1.0, 1.5), partial(layers.LeakyReLU, negative_slope=0.1)
wild, calm, right, moved = by_rate(layers.ReLU)
leaky_wild, _, leaky_right, leaky_moved = by_rate(leaky)
print("largest move of a silent unit's weight in the calm epochs:", end=" ")
print(f"ReLU {moved.max()}, leaky ReLU {np.median(leaky_moved[-1]):.2f}")
assert np.array_equal(wild, calm) and moved.max() == 0 < leaky_moved.max()
assert wild[-1].min() > 0.5 > wild[0].max()
assert leaky_right[-1].mean() > right[-1].mean() + 0.1
silent = {"ReLU": wild, "ReLU, silent still after calm": calm, "leaky ReLU": leaky_wild}
panels = {
    "silent units after the wild epochs": silent,
    "right on new digits at the end": {"ReLU": right, "leaky ReLU": leaky_right},
}
show(
    charts.lines(panels, rates, "learning rate", log="x", percent=True),
    alt="Left: as the learning rate grows nearly all ReLU units die, and none recovers. Right: after "
    "the calm epochs the ReLU network has lost its accuracy at large rates, the leaky one less.",
)
mean = digits.mean(axis=0)
centred = [wild_then_calm(layers.ReLU, 1.5, s, mean)[0] for s in range(3)]
print("ReLU, rate 1.5, pixels centred: silent", *(f"{share:.0%}" for share in centred))

# %% [markdown]
# A rate a little too large costs a good part of the units without any sign in the accuracy. A larger one kills nearly
# all, and calm training cannot help: their weights do not move by a single bit. Leaky units are pushed to the negative
# side too, but their weights keep moving, and the network recovers much better. They need not even come back: a unit
# that is negative everywhere still works, as a linear one.
#
# And look at the last line: with centred pixels none dies. Positive inputs again! They let one step push a unit's sum
# down on *every* example at once.
#
# **Exercise 4.** Write the leaky ReLU.


# %% exercise="leaky_relu"
def leaky_relu(inputs, negative_slope):
    """inputs of any shape. Returns x where x is positive, negative_slope * x elsewhere."""
    ### BEGIN SOLUTION
    return np.where(inputs > 0, inputs, negative_slope * inputs)
    ### END SOLUTION


# %% check="leaky_relu"
check(leaky_relu)

# %% [markdown]
# ## ELU: round off the corner
#
# ReLU's mean output is above zero, and its slope jumps. The **exponential linear unit** bends smoothly to a floor:
#
# $$f(x) = \begin{cases} x & x > 0\\ \alpha\,(e^x - 1) & x \le 0\end{cases}$$
#
# What does it do to the mean output when the sums are standard normal? And for which $\alpha$ is the slope continuous
# at 0?

# %% tags=["T084"]
sums = np.random.default_rng(0).normal(size=(5, 20_000))  # five draws
family = {"ReLU": layers.ReLU(), "leaky ReLU": leaky(), "ELU": layers.ELU(alpha=1.0)}
for name, layer in family.items():
    means = layer.forward(sums).mean(axis=1)
    print(f"{name:10} mean output {means.min():.2f} to {means.max():.2f}")
for alpha in (0.5, 1.0, 2.0):
    left, right = figures.values_and_slopes(layers.ELU(alpha), [-1e-9, 1e-9])[1]
    print(f"alpha {alpha}: slope {left:.2f} just left of 0, {right:.2f} just right")
elus = {f"ELU, α = {alpha}": layers.ELU(alpha) for alpha in (0.5, 1.0)}
show(
    figures.activation_curves(elus),
    alt="Two ELUs with their slopes. For alpha 0.5 the slope jumps at zero, for 1 it does not.",
)

# %% [markdown]
# Only $\alpha = 1$ has no jump, and the mean is less than half of ReLU's.
#
# **Exercise 5.** Write the slope of ELU.


# %% exercise="elu_gradient"
def elu_gradient(inputs, alpha):
    """inputs of any shape. Returns the slope of ELU at each of them."""
    ### BEGIN SOLUTION
    return np.where(inputs > 0, 1.0, alpha * np.exp(inputs))
    ### END SOLUTION


# %% check="elu_gradient"
check(elu_gradient)

# %% [markdown]
# ## All five, beside Keras
#
# Keras finds slopes by automatic differentiation. Do ours agree, and what does each choose at exactly 0, where ReLU
# has no slope? (Mind the leak: we use 0.1; what is Keras' default?)


# %% tags=["T085", "F003", "T083"]
def keras_slopes(function, inputs):
    return gradients(lambda x: keras.ops.sum(function(x)), np.array(inputs))[0]


grid = np.linspace(-4, 4, 400)  # an even number of points: 0 is not among them
ours = {"sigmoid": layers.Sigmoid(), "tanh": layers.Tanh(), **family}
theirs = {"sigmoid": keras.ops.sigmoid, "tanh": keras.ops.tanh, "ReLU": keras.ops.relu}
theirs["leaky ReLU"] = keras.layers.LeakyReLU(negative_slope=0.1)
theirs["ELU"] = keras.layers.ELU(alpha=1.0)
for name, layer in ours.items():
    mine, at_0 = (figures.values_and_slopes(layer, x)[1] for x in (grid, [0.0]))
    keras_mine, keras_at_0 = (keras_slopes(theirs[name], x) for x in (grid, [0.0]))
    agree = np.allclose(mine, keras_mine, atol=1e-6)
    print(f"{name:10} agree: {agree}; at 0 {at_0[0]:.2f}, in Keras {keras_at_0[0]:.2f}")
    assert agree
by_formula = 1 - np.tanh(grid) ** 2
print("tanh by its formula:", np.allclose(keras_slopes(keras.ops.tanh, grid), by_formula))
print("Keras' default leak:", keras.layers.LeakyReLU().negative_slope)

# %% [markdown]
# At 0 somebody has to choose; for ReLU the choice is 0. Here they all are, then one to play with. Where is each
# slope near 1, and where near 0?

# %% tags=["G10", "widget"]
show(
    figures.activation_curves(ours),
    alt="Five activations with their slopes: sigmoid and tanh flat on both sides, ReLU flat on the "
    "left, leaky ReLU flat nowhere, ELU flat on the far left only.",
)
kinds = list(ours)
explore(
    figures.activation_and_gradient,
    alt="The curve of an activation with its tangent at the input x; below, the curve of its slope, "
    "and what ten slopes like the one at x multiply to.",
    kind=kinds,
    parameter=(0, 1, 0.1),
    x=(-5, 5, 0.5),
)

# %% [markdown]
# And the chain from the beginning, with five units and four activations. Above each arrow stands what the message is
# multiplied by. What happens when two of the weights are negative?

# %% tags=["G11", "picture"]
weights = np.full(5, 1.2)
four = {name: ours[name] for name in ("sigmoid", "tanh", "ReLU", "leaky ReLU")}
show(
    figures.chains(four, weights, x=1.0),
    alt="Four activation curves, each beside a chain of five units. The product of the factors is "
    "tiny for sigmoid, small for tanh, above 1 for ReLU and leaky ReLU.",
)
weights[2:4] *= -1
for name, layer in four.items():
    slopes = figures.chain_signals(layer, weights, x=1.0)[1]
    print(f"third and fourth weight negative, {name:10}: {np.prod(weights * slopes):.5f}")

# %% [markdown]
# That is the answer in one picture. ReLU passes messages undiminished where it fires, and a deep network learns by
# messages. It stops them where it does not fire; but in a wide layer other units fire, and messages
# take their path.
# Crude, cheap, and not in the way.
#
# | activation | largest slope | saturates | outputs | price | use it |
# |---|---|---|---|---|---|
# | sigmoid | 1/4 | on both sides | positive | starves deep networks, zig-zag | as an output that is a probability |
# | tanh | 1 | on both sides | centred | saturates as weights grow | small networks, recurrent ones |
# | ReLU | 1 | for negative sums | never negative | units can die | the default |
# | leaky ReLU | 1 | nowhere | both signs | one more number to choose | when units die |
# | ELU | 1 for α ≤ 1 | far on the left | nearer zero | an exponential | when centring matters |
#
# ## Think about it
#
# **A network of ReLUs has a slope of 1 or 0 everywhere. How can it learn a curve?**
#
# <details><summary>Answer</summary>
#
# It does not need to: it learns straight pieces, with a bend where a unit switches. With enough units the pieces
# follow any curve as closely as you like. For the gradient only the piece counts on which the example lies.
# </details>
#
# **Half of the outputs of a ReLU layer are zero on a typical example. Are half of its units dead?**
#
# <details><summary>Answer</summary>
#
# No. Dead means zero on *every* example. That different units are silent on different examples is what makes the
# network more than a matrix; and a layer with many zeros is cheap to compute with and easy to read.
# </details>
#
# ## Further reading
#
# - V. Nair and G. Hinton, *Rectified linear units improve restricted Boltzmann machines*, 2010.
# - X. Glorot and Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, AISTATS 2010.
# - X. Glorot, A. Bordes and Y. Bengio, *Deep sparse rectifier neural networks*, AISTATS 2011.
# - A. Krizhevsky, I. Sutskever and G. Hinton, *ImageNet classification with deep convolutional neural networks*, 2012.
# - A. Maas, A. Hannun and A. Ng, *Rectifier nonlinearities improve neural network acoustic models*, 2013: the leaky ReLU.
# - D.-A. Clevert, T. Unterthiner and S. Hochreiter, *Fast and accurate deep network learning by exponential linear
#   units (ELUs)*, 2016.
# - Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, *Efficient BackProp*, 1998: why inputs should be centred.
