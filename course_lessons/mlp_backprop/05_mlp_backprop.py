# ---
# jupyter:
#   course:
#     title: "Back-propagation: who tells a hidden unit what to do?"
#     summary: "Hidden units solve what one neuron cannot; back-propagation sends each of them the message that trains it."
#     objectives:
#       - "explain with a picture how hidden units turn XOR into a problem that one line solves"
#       - "write the forward pass of a network and follow the shapes through it"
#       - "derive the gradient of any weight as a product of local slopes, and prove it right by nudging"
#       - "build a network from layers with forward and backward, and train it to read digits"
#       - "say why classifiers are trained with cross-entropy, and what depth does and does not buy"
#     needs: [02_perceptron]
#     minutes: 90
#     data: [digits]
# ---

# %% [markdown]
# One neuron draws one line, so XOR defeats it. Rosenblatt's machine had a layer of units in between, but they were
# wired at random and never learned: nobody knew how to teach them. The last unit has a target, so it can be told that
# it was wrong. A unit in the middle, a **hidden unit**, has none. Did it help or do harm? Marvin Minsky called this
# the *credit assignment* problem.
#
# **Who tells a hidden unit what to do?** You will find the answer, check it number by number, and train networks with
# it: on XOR, moons, spirals and handwritten digits.

# %%
import itertools
from functools import partial

import keras
import numpy as np
from sklearn.datasets import make_moons
from sklearn.linear_model import LogisticRegression

from course_lessons.mlp_backprop import figures
from course_lib import data, layers, losses, optim, scale
from course_lib.exercises import check, hint, solution
from course_lib.gradcheck import numerical_gradient
from course_lib.layers import sigmoid, softmax
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

corners = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
xor = np.array([0, 1, 1, 0])

# %% [markdown]
# ## Two hidden units, set by hand
#
# XOR is "OR but not AND". Let one hidden unit compute OR, another AND; the output adds the first and subtracts the
# second. A layer's weights are a table: a row for each of its $D$ inputs, a column for each of its $M$ units. Layer 1
# turns $\mathbf x$ into $\mathbf z$; layer 2 answers class 1 when $\mathbf z \cdot \mathbf w + b \ge 0$.
#
# Before you run the cell: to which points $\mathbf z$ do the four corners go?

# %% tags=["T051", "T052", "T053", "nbval-check-output"]
W1, b1 = np.array([[1, 1], [1, 1]]), np.array([-0.5, -1.5])  # columns: OR, AND
w2, b2 = np.array([1, -2]), -0.5


def hidden_layer(x):
    return (x @ W1 + b1 >= 0).astype(int)


z = hidden_layer(corners)
print(f"x: examples x D {corners.shape}   W1: D x M {W1.shape}")
print(f"z: examples x M {z.shape}   w2: M {w2.shape}")
for x, features, score, t in zip(corners, z, z @ w2 + b2, xor, strict=True):
    print(f"x {x}  z {features}  score {score:+.1f}  class {int(score >= 0)}  target {t}")


def output_layer(z):
    return z @ w2 + b2


names = ("OR", "AND")
show(
    figures.through_hidden_space(corners, xor, hidden_layer, output_layer, names),
    alt="Each hidden unit cuts the plane once. In the hidden space (0,1) and (1,0) share one point, "
    "and one line separates the classes. In the plane the network answers 1 in a band.",
)

# %% [markdown]
# That is the whole trick. Each hidden unit cuts the plane once. Together they move the examples to a
# **hidden space**, and there one line is enough. Here we chose the units. Now they shall learn.
#
# ## Soft units
#
# A step is flat, so it cannot say which way is better. Take the sigmoid instead:
#
# $$a_i = \sum_j W_{ij}\,x_j + b_i,\qquad z_i = \sigma(a_i),\qquad s = \sum_i w_i z_i + c,\qquad y = \sigma(s)$$
#
# $W_{ij}$ leads from input $j$ to hidden unit $i$; in code it is `W1[j, i]`, so that a whole batch is one product.
# Will Keras, given the same weights, say the same?


# %% tags=["T054", "nbval-check-output"]
def forward(inputs, p, last=sigmoid):
    a = inputs @ p["W1"] + p["b1"]  # (examples, hidden)
    z = sigmoid(a)  # (examples, hidden)
    s = z @ p["W2"] + p["b2"]  # (examples, outputs)
    y = last(s)  # (examples, outputs)
    return z, y


def random_weights(inputs, hidden, outputs, seed, size=1.0):
    normal = partial(np.random.default_rng(seed).normal, 0, size)
    first = {"W1": normal((inputs, hidden)), "b1": normal(hidden)}
    return first | {"W2": normal((hidden, outputs)), "b2": normal(outputs)}


p = random_weights(inputs=2, hidden=3, outputs=1, seed=11)
hidden, output = keras.layers.Dense(3, "sigmoid"), keras.layers.Dense(1, "sigmoid")
twin = keras.Sequential([keras.Input((2,)), hidden, output])
twin.set_weights(list(p.values()))
print("NumPy", forward(corners, p)[1].ravel().round(4))
print("Keras", twin.predict(corners, verbose=0).ravel().round(4))

# %% [markdown]
# **Exercise 1.** Write the forward pass for several classes. The hidden layer is as above; the output layer has one
# unit for each class, and `softmax` turns each row of sums into probabilities. Stuck? Run `hint("mlp_forward")`.


# %% exercise="mlp_forward"
def mlp_forward(inputs, W1, b1, W2, b2):
    """inputs (examples, inputs), W1 (inputs, hidden), W2 (hidden, classes). Returns probabilities (examples, classes)."""
    ### BEGIN SOLUTION
    hidden = sigmoid(inputs @ W1 + b1)
    return softmax(hidden @ W2 + b2)
    ### END SOLUTION


# %% check="mlp_forward"
check(mlp_forward)

# %% [markdown]
# ## What can such networks say?
#
# Draw all weights at random and look. Each row below is one draw, stretched from left to right. What will larger
# weights change, and what more hidden units? Then move the sliders.

# %% tags=["T055", "G06", "widget"]
show(
    figures.random_networks(widths=(2, 8, 64), weight_scales=(1, 2, 4, 8), number=34),
    alt="A sheet of random networks. From left to right, larger weights make edges sharp; "
    "downwards, more hidden units make regions with more bends.",
)
sliders = {"hidden_units": (1, 64, 1), "weight_scale": (0.5, 10, 0.5)}
explore(
    figures.random_network,
    alt="The output of one random network over the plane, from blue for 0 to orange for 1, with the "
    "line of 0.5.",
    **sliders,
    number=(0, 20, 1),
)

# %% [markdown]
# Large weights sharpen edges; more units add bends. One of all these networks is the one we need, and we look for it
# downhill on a loss. **Which numbers does that take?** The derivative of the loss by *every* weight and *every* bias:
# $\partial \ell / \partial W$ and $\partial \ell / \partial b$, for each layer.
#
# The slow way: nudge one weight up and down, run the network twice, take the difference. Our loss $G$ is the
# cross-entropy, summed over the examples. What would one step cost with 784 inputs, 512 hidden units and 10 outputs?


# %% tags=["Q05", "nbval-check-output"]
def cross_entropy(inputs, targets, p):
    y = forward(inputs, p)[1]
    return -np.sum(targets * np.log(y) + (1 - targets) * np.log(1 - y))


targets = xor[:, None]
loss = partial(cross_entropy, corners, targets, p)
nudged = {name: numerical_gradient(loss, p[name]) for name in p}
for name, gradient in nudged.items():
    print(f"dG/d{name}  {gradient.shape!s:7} {gradient.round(3).tolist()}")
for sizes in ((2, 3, 1), (784, 512, 10)):
    count = sum((before + 1) * after for before, after in itertools.pairwise(sizes))
    print(f"{sizes}: {count:,} parameters, so {2 * count:,} runs for one step")

# %% [markdown]
# ## The chain
#
# Follow the influence of one weight. $W_{ij}$ changes only $a_i$; that changes only $z_i$; that changes $s$, then
# $y$, then $G$. Five links, and the chain rule multiplies their slopes:
#
# $$\frac{\partial G}{\partial W_{ij}} = \sum_n \frac{\partial G}{\partial y}\,\frac{\partial y}{\partial s}\,\frac{\partial s}{\partial z_i}\,\frac{\partial z_i}{\partial a_i}\,\frac{\partial a_i}{\partial W_{ij}}$$
#
# Each factor is local: one unit can compute it from what it sees. We compare the product with the nudge and with
# Keras, which we let take one step with learning rate 1: its gradient is the old weights minus the new ones.


# %% tags=["T057", "nbval-check-output"]
def keras_gradients(model, loss, inputs, targets):
    before = model.get_weights()
    model.compile(keras.optimizers.SGD(learning_rate=1.0), loss)
    model.train_on_batch(inputs, targets)
    return [old - new for old, new in zip(before, model.get_weights(), strict=True)]


i, j = 0, 1  # the weight from input j to hidden unit i
z, y = forward(corners, p)
t, y, z_i = xor, y[:, 0], z[:, i]
factors = {
    "dG/dy": (1 - t) / (1 - y) - t / y,
    "dy/ds": y * (1 - y),
    "ds/dz": np.full(4, p["W2"][i, 0]),
    "dz/da": z_i * (1 - z_i),
    "da/dW": corners[:, j],
}
product = np.prod(list(factors.values()), axis=0)
print("    x    ", *(f"{name:>7}" for name in factors), "  product")
for n, x in enumerate(corners):
    row = [f"{factor[n]:7.3f}" for factor in factors.values()]
    print(x, *row, f"{product[n] + 0.0:9.4f}")
summed = keras.losses.BinaryCrossentropy(reduction="sum")
from_keras = dict(zip(p, keras_gradients(twin, summed, corners, targets), strict=True))
print(f"sum    {product.sum():.4f}\nnudged {nudged['W1'][j, i]:.4f}")
print(f"Keras  {from_keras['W1'][j, i]:.4f}")

# %% [markdown]
# Now see which factors are *shared*. The first two belong to the output unit; call their product its **delta**,
# $\delta = \partial G/\partial s$. The first four belong to hidden unit $i$, whatever the input. They are its own
# delta:
#
# $$\delta_i = \underbrace{z_i\,(1 - z_i)}_{\text{its slope}}\;\underbrace{\sum_k w_{ik}\,\delta_k}_{\text{the message from above}}$$
#
# **That is the answer.** The units above tell a hidden unit what to do. Each sends its delta back, through the same
# weight that carried the unit's output forward. The unit adds up the messages, multiplies by its slope, and passes
# its own delta on. Every derivative is then *delta of the receiver times output of the sender*. One run forward and
# one back give them all, however many weights. This is **back-propagation**.
#
# **Exercise 2.** Write this message for a whole batch and any number of units. (The cell after it makes the full
# gradient. For a sigmoid output with cross-entropy, the first two factors simplify to $\delta = y - t$.)


# %% exercise="hidden_delta"
def hidden_delta(hidden_outputs, output_kernel, output_deltas):
    """hidden_outputs (examples, hidden), output_kernel (hidden, outputs), output_deltas (examples, outputs).

    Returns the deltas of the hidden sigmoid units, (examples, hidden).
    """
    ### BEGIN SOLUTION
    messages = output_deltas @ output_kernel.T
    return hidden_outputs * (1 - hidden_outputs) * messages
    ### END SOLUTION


# %% check="hidden_delta"
check(hidden_delta)


# %% tags=["T062", "Q05", "nbval-check-output"]
def backward(inputs, targets, p, last=sigmoid):
    """The gradient of the summed cross-entropy by every parameter."""
    z, y = forward(inputs, p, last)
    delta_2 = y - targets
    delta_1 = z * (1 - z) * (delta_2 @ p["W2"].T)
    first = {"W1": inputs.T @ delta_1, "b1": delta_1.sum(axis=0)}
    return first | {"W2": z.T @ delta_2, "b2": delta_2.sum(axis=0)}


for name, gradient in backward(corners, targets, p).items():
    as_nudged = np.allclose(gradient, nudged[name], atol=1e-8)
    as_in_keras = np.allclose(gradient, from_keras[name], atol=1e-5)
    print(f"dG/d{name}: as nudged {as_nudged}, as in Keras {as_in_keras}")

# %% [markdown]
# ## One example at a time
#
# Textbooks often take half the squared error and an update after each example: $\delta_k = o_k (1-o_k)(t_k - o_k)$
# for an output, $\delta_h = o_h(1-o_h)\sum_k w_{kh}\delta_k$ for a hidden unit, and
# $w_{ji} \leftarrow w_{ji} + \eta\,\delta_j x_{ji}$, where $w_{ji}$ leads *from* $i$ *to* $j$. (These deltas point
# downhill, hence the plus.) You may have seen the note that "for $i = k$" the derivative is that of a single-layer
# unit. Which weights would that be?


# %% tags=["T058", "nbval-check-output"]
def delta_rule(example, target, V, w):
    """V (hidden, 1 + inputs), w (outputs, 1 + hidden), biases first.

    Returns delta_j x_ji for V and for w, and the outputs.
    """
    x = np.append(1.0, example)
    o_h = 1 / (1 + np.exp(-V @ x))
    o_1h = np.append(1.0, o_h)
    o_k = 1 / (1 + np.exp(-w @ o_1h))
    delta_k = o_k * (1 - o_k) * (target - o_k)
    delta_h = o_h * (1 - o_h) * (w[:, 1:].T @ delta_k)
    return np.outer(delta_h, x), np.outer(delta_k, o_1h), o_k


def half_squared_error(example, target, V, w):
    return 0.5 * np.sum((target - delta_rule(example, target, V, w)[2]) ** 2)


rng = np.random.default_rng(1)
case = corners[1], xor[1], rng.normal(size=(2, 3)), rng.normal(size=(1, 3))
for weights, step in zip(case[2:], delta_rule(*case)[:2], strict=True):
    gradient = numerical_gradient(partial(half_squared_error, *case), weights)
    same = np.allclose(step, -gradient, atol=1e-9)
    print(f"{weights.shape} weights: delta_j x_ji is minus the gradient: {same}")
to_hidden = [(j, i) for j in ("h1", "h2") for i in ("1", "x1", "x2")]
wires = to_hidden + [("k", i) for i in ("1", "h1", "h2")]  # from i to j
print("weights with i = k:", sum(i == "k" for j, i in wires))
print("weights with j = k:", sum(j == "k" for j, i in wires))

# %% [markdown]
# Nothing is sent *from* an output unit, so $i = k$ fits no weight. It must read $j = k$: the *receiver* is an output.
#
# You may also have seen each single update called an **epoch**. An epoch is one pass over *all* examples; one update
# is an **iteration**. Now let it learn XOR from several random starts. Two hidden units can do it. Will they always find
# the way?


# %% tags=["T058", "H03"]
def learn_xor(hidden, seed, epochs=700, learning_rate=2.0):
    rng = np.random.default_rng(seed)
    V, w = rng.uniform(-1, 1, (hidden, 3)), rng.uniform(-1, 1, (1, hidden + 1))
    errors, iterations = np.zeros(epochs), 0
    for epoch in range(epochs):
        for n in rng.permutation(4):
            step_V, step_w, output = delta_rule(corners[n], xor[n], V, w)
            V += learning_rate * step_V
            w += learning_rate * step_w
            errors[epoch] += 0.5 * (xor[n] - output[0]) ** 2
            iterations += 1
    assert iterations == 4 * epochs
    return errors


seeds = range(scale(laptop=8, gpu=50))
runs = {
    hidden: np.transpose([learn_xor(hidden, seed) for seed in seeds]) for hidden in (2, 4)
}
assert np.mean(runs[4][-1] < 0.1) >= 0.7, (
    "four hidden units should nearly always solve XOR"
)
panels = {f"{hidden} hidden units": errors for hidden, errors in runs.items()}
labels = {"xlabel": "epoch (4 iterations each)", "ylabel": "error, summed over an epoch"}
show(
    figures.stuck_or_solved(panels, solved_below=0.1, **labels),
    alt="Error curves. With two hidden units some runs, drawn apart, stay stuck; with four units "
    "the error falls to zero from every start or nearly every one.",
)

# %% [markdown]
# Back-propagation tells each unit which way is *down from here*. It does not promise that down leads to the best
# place. Spare units help.
#
# ## Watching it learn
#
# Now two moons, six hidden units, and the full **objective** $M = G + \alpha E$, where
# $E = \frac12 \sum w_i^2 + \frac12 \sum W_{ij}^2$ grows with the weights and $\alpha$ says how much that counts. Its
# derivative by a weight is just $\alpha$ times the weight. Guess how $G$, $E$ and the boundary will move.


# %% tags=["T051", "T056", "G07", "widget", "picture"]
def train(inputs, targets, p, steps, learning_rate=0.02, alpha=0.0, frozen=()):
    """Gradient descent on G + alpha E. Returns the parameters before and after every step."""
    history = [p]
    for _ in range(steps):
        gradients = backward(inputs, targets, p)
        for name in ("W1", "W2"):
            gradients[name] += alpha * p[name]
        moving = p.keys() - frozen
        p = p | {name: p[name] - learning_rate * gradients[name] for name in moving}
        history.append(p)
    return history


def answer(inputs, p):
    return forward(inputs, p)[1][:, 0]


alpha, (moons, labels) = 0.02, make_moons(200, noise=0.1, random_state=0)
start = random_weights(2, 6, 1, seed=0)
history = train(moons, labels[:, None], start, steps=3000, alpha=alpha)
G = np.array([cross_entropy(moons, labels[:, None], p) for p in history])
E = np.array([0.5 * np.sum(p["W1"] ** 2) + 0.5 * np.sum(p["W2"] ** 2) for p in history])
film = figures.Film(moons, labels, [partial(answer, p=p) for p in history])
show(
    film.story((0, 10, 300, 750, 3000), {"M": G + alpha * E, "G": G, "αE": alpha * E}),
    alt="Five pictures of the decision surface on two moons: one colour, then a straight edge for "
    "hundreds of steps, then a curve between the moons. Below: G falls, E grows, their sum falls.",
)
line = LogisticRegression().fit(moons, labels).score(moons, labels)
plane = np.mean((answer(moons, history[-1]) > 0.5) == labels)
print(f"right: a line in the plane {line:.0%}, a plane in the hidden space {plane:.0%}")
assert plane > 0.97
explore(
    film.frame,
    alt="Two moons of points, and the network's answer over the plane at this step, blue to orange.",
    step=(0, 1000, 50),
)

# %% [markdown]
# For hundreds of steps the edge stays straight and the loss lies on a plateau: the hidden units all do nearly the same. Then
# they part and bend it. $E$ grows because sharp edges need large weights; $\alpha$ is the brake.
#
# **Are biases needed?** Some slides leave them out. Then $\sum_j W_{ij} x_j = 0$ at $\mathbf x = 0$, so every hidden
# edge goes through the origin. Train on a disc a little off the centre. Can 12 units make up for it?


# %%
def disc(seed, examples=300):
    points = np.random.default_rng(seed).uniform(-2, 2, (examples, 2))
    return points, (np.hypot(*(points - [0.7, 0.3]).T) < 1.2).astype(int)


nets, seeds = {}, range(3)
for title, missing in {"with biases": (), "without biases": ("b1", "b2")}.items():
    accuracies = []
    for seed in seeds:
        (points, labels), (new_points, new_labels) = disc(seed), disc(seed + 100, 2000)
        start = random_weights(2, 12, 1, seed, size=2.0)
        start.update({name: 0 * start[name] for name in missing})
        net = train(points, labels[:, None], start, steps=1200, frozen=missing)[-1]
        accuracies.append(np.mean((answer(new_points, net) > 0.5) == new_labels))
    nets[title] = net
    low, high = min(accuracies), max(accuracies)
    print(f"{title:15} {low:.0%} to {high:.0%} of new points right")
assert high < 0.93, "without biases no start should fit the disc"
show(
    figures.hidden_edges(nets, answer, points[:150], labels[:150], (-2, 2)),
    alt="With biases the dotted edges of the hidden units surround the disc. Without, all of "
    "them cross in the origin, and the region found is not the disc.",
)

# %% [markdown]
# No number of units can. As $\sigma(a) + \sigma(-a) = 1$, without biases the sums $s$ at $\mathbf x$ and at
# $-\mathbf x$ always add up to the same number, $\sum_i w_i$. The origin lies in the disc, so of two opposite points
# outside, one must come out wrong.
#
# ## Any depth, any number of classes
#
# Nothing in the chain stops at two layers. With $\mathbf a_0 = \mathbf x$, a column:
#
# $$\mathbf a_k = \sigma(W_k\,\mathbf a_{k-1} + \mathbf b_k),\qquad \mathbf f = \mathrm{softmax}(W_n\,\mathbf a_{n-1} + \mathbf b_n)$$
#
# Softmax with cross-entropy starts the way back as sigmoid did, with $\mathbf f - \mathbf t$. You may have seen these
# formulas with $\mathbf a_{k-1}^T$, or with another layer's bias $\mathbf b_i$: do the shapes allow that? Or with
# $\mathrm{softmax}(W_2 \mathbf x + \mathbf b_2)$, a second layer that is fed $\mathbf x$ again. With as many hidden
# units as inputs no shape complains. What becomes of the hidden layer then?


# %% tags=["T060", "nbval-check-output"]
def deep_forward(x, weights):
    a = x[:, None]  # a column, (inputs, 1)
    for k, (W, b) in enumerate(weights, start=1):
        sums = W @ a + b[:, None]
        assert sums.shape == (len(W), 1)
        a = sigmoid(sums) if k < len(weights) else softmax(sums.T).T
    return a


rng = np.random.default_rng(0)
shapes = [(5, 4), (6, 5), (3, 6)]  # W_k is (units, inputs)
weights = [(rng.normal(size=shape), rng.normal(size=shape[0])) for shape in shapes]
x = rng.normal(size=4)
deep_twin = keras.Sequential([keras.Input((4,))])
for units, activation in ((5, "sigmoid"), (6, "sigmoid"), (3, "softmax")):
    deep_twin.add(keras.layers.Dense(units, activation))
deep_twin.set_weights([array for W, b in weights for array in (W.T, b)])
print("NumPy", deep_forward(x, weights).ravel().round(4))
print("Keras", deep_twin.predict(x[None], verbose=0)[0].round(4))

(W_1, b_1), (W_2, b_2), _ = weights
a_1 = sigmoid(W_1 @ x[:, None] + b_1[:, None])
attempts = {"W2 a1 + b2": (a_1, b_2), "W2 a1^T + b2": (a_1.T, b_2)}
attempts["W2 a1 + b1"] = a_1, b_1
for formula, (sender, bias) in attempts.items():
    try:
        print(f"{formula:13} gives {(W_2 @ sender + bias[:, None]).shape}")
    except ValueError:
        print(f"{formula:13} fails, the shapes do not fit")

# %% tags=["T061"]
one_hot = np.eye(2)[xor]


def two_layers(p, reads):
    z = sigmoid(corners @ p["W1"] + p["b1"])
    return softmax((z if reads == "z" else corners) @ p["W2"] + p["b2"])


def gradients_of(p, reads):
    if reads == "z":
        return backward(corners, one_hot, p, last=softmax)
    delta = two_layers(p, reads) - one_hot
    return {"W2": corners.T @ delta, "b2": delta.sum(axis=0)}  # W1 and b1 do not occur


def surprise(p, reads):
    return -np.sum(one_hot * np.log(two_layers(p, reads)))


for reads in ("x", "z"):
    solved, largest = 0, 0.0
    for seed in range(10):
        p = random_weights(2, 2, 2, seed)
        by_W1 = numerical_gradient(partial(surprise, p, reads), p["W1"])
        largest = max(largest, np.abs(by_W1).max())
        for _ in range(1500):
            for name, gradient in gradients_of(p, reads).items():
                p[name] -= 0.5 * gradient
        solved += np.array_equal(two_layers(p, reads).argmax(axis=1), xor)
    print(f"layer 2 reads {reads}: XOR solved from {solved} of 10 starts,", end=" ")
    print(f"largest derivative by W1 {largest:.2f}")
    assert solved == 0 if reads == "x" else solved >= 3

# %% [markdown]
# A unit that nobody reads gets no message: the network is back to a single layer.
#
# ## 1986: units that invent a code
#
# In 1986 David Rumelhart, Geoffrey Hinton and Ronald Williams showed what these messages make of hidden units. One of
# their tasks: repeat one of eight patterns, each a single 1 among zeros, through only **three** hidden units. What
# would you let those do? The cell goes back in the paper's steps, from $\partial E/\partial y = y - d$
# (there $E$ is half the squared error) through each unit and its weights.

# %% tags=["T059", "H03"]
patterns = np.eye(8)


def learn_code(seed, steps=3000):
    p = random_weights(8, 3, 8, seed, size=0.5)
    for _ in range(steps):
        z, y = forward(patterns, p)
        dE_dy = y - patterns
        dE_ds = dE_dy * y * (1 - y)
        dE_dz = dE_ds @ p["W2"].T
        dE_da = dE_dz * z * (1 - z)
        p["W1"] -= patterns.T @ dE_da
        p["b1"] -= dE_da.sum(axis=0)
        p["W2"] -= z.T @ dE_ds
        p["b2"] -= dE_ds.sum(axis=0)
    return forward(patterns, p)


hidden, outputs = zip(*map(learn_code, range(5)), strict=True)
right = [int(np.sum(y.argmax(axis=1) == range(8))) for y in outputs]
print("patterns repeated, of 8:     ", right)
print("different codes, rounded:    ", [len(np.unique(z > 0.5, axis=0)) for z in hidden])
assert sum(right) >= 36
show(
    figures.codes(hidden, [f"start {seed}" for seed in range(5)]),
    alt="For five starts, what three hidden units answer to each of eight patterns: mostly black "
    "or white, some grey.",
)

# %% [markdown]
# The patterns get codes of their own. Three units, on or off, have $2^3 = 8$ states, and some runs found just that:
# binary numbers, in an order of their own. Others use half-way values too. **Hidden units learn features that nobody
# named.**
#
# ## Layers as building blocks
#
# A layer can be an object with two methods: `forward` remembers what `backward` needs; `backward` takes the gradient
# by the layer's output, keeps those of its own weights, and returns the gradient by its input. Such layers stack like
# bricks.
#
# **Exercise 3.** A dense layer computes `inputs @ kernel + bias`. Write its way back. Lost? Follow the shapes.


# %% exercise="dense_backward"
def dense_backward(inputs, kernel, upstream):
    """inputs (examples, inputs), kernel (inputs, units), upstream (examples, units): the gradient by the layer's output.

    Returns three gradients: by the kernel, by the bias, by the inputs.
    """
    ### BEGIN SOLUTION
    return inputs.T @ upstream, upstream.sum(axis=0), upstream @ kernel.T
    ### END SOLUTION


# %% check="dense_backward"
check(dense_backward)

# %% [markdown]
# The course's `layers.Dense` is that, with a memory. **ReLU**, below, passes what is positive and blocks the rest,
# both ways. Stack 784-512-10, compare with Keras, check the gradients, and train on digits with learning rate 0.2.
#
# One trap: an update must change the layer's own array *in place*. In PyTorch's manner `add_` does, while `add` makes
# a new array; and slides tend to lose underscores. What happens then?


# %% tags=["T063", "C08", "C09", "F006", "nbval-check-output"]
class ReLU(layers.Layer):
    def forward(self, inputs):
        self.positive = inputs > 0
        return inputs * self.positive

    def backward(self, upstream):
        return upstream * self.positive


def build(inputs, hidden, outputs, seed):
    rng = np.random.default_rng(seed)
    first, second = layers.Dense(inputs, hidden, rng), layers.Dense(hidden, outputs, rng)
    return layers.Sequential([first, ReLU(), second])


digits = data.digits(size=28) if scale(laptop=True, gpu=False) else data.mnist()
known = digits.train + digits.validation
images, labels = known.images.reshape(-1, 784), known.labels
net, batch = build(784, 512, 10, seed=0), slice(0, 100)
first, last = keras.layers.Dense(512, "relu"), keras.layers.Dense(10)
twin = keras.Sequential([keras.Input((784,)), first, last])
twin.set_weights([array for layer in net.layers for array in layer.parameters.values()])
print(f"parameters: {net.count_parameters():,} and in Keras {twin.count_params():,}")
ours, theirs = softmax(net.forward(images[batch])), keras.ops.softmax(twin(images[batch]))
print("same probabilities:", np.allclose(ours, theirs, atol=1e-5), ours.shape)

net.backward(losses.softmax_cross_entropy(net.forward(images[batch]), labels[batch])[1])
optim.SGD(learning_rate=0.2).update(net.layers[0])
from_logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
twin.compile(keras.optimizers.SGD(learning_rate=0.2), from_logits)
twin.train_on_batch(images[batch], labels[batch])
ours, theirs = net.layers[0].parameters["kernel"], first.get_weights()[0]
print(
    "same weights after one step back:", np.allclose(ours, theirs, atol=1e-5), ours.shape
)

# %% tags=["T064", "C09", "nbval-check-output"]
small, rng = build(6, 5, 3, seed=1), np.random.default_rng(2)
x, classes = rng.normal(size=(8, 6)), rng.integers(3, size=8)


def loss():
    return losses.softmax_cross_entropy(small.forward(x), classes)[0]


value, gradient = losses.softmax_cross_entropy(small.forward(x), classes)
small.backward(gradient)
for layer, name in itertools.product(small.layers[::2], ("kernel", "bias")):
    nudged = numerical_gradient(loss, layer.parameters[name])
    right = np.allclose(layer.gradients[name], nudged, atol=1e-8)
    print(f"{name:6} {nudged.shape!s:6} gradient right: {right}")

kernel = small.layers[0].parameters["kernel"]
step = -0.2 * small.layers[0].gradients["kernel"]
print(f"loss before                {loss():.4f}")
np.add(kernel, step)  # a new array, and nobody keeps it
print(f"loss after kernel + step   {loss():.4f}")
kernel += step
print(f"loss after kernel += step  {loss():.4f}")
try:
    compile("hidden layer = build(6, 5, 3, seed=1)", "a slide", "exec")
except SyntaxError:
    print("'hidden layer', without its underscore, is no name: Python refuses to read on")

# %% tags=["T064", "C09"]
batch_size, accuracies = 90, []
test_images, test_labels = digits.test.images.reshape(-1, 784), digits.test.labels
recipe = {"batch_size": batch_size, "epochs": scale(laptop=6, gpu=3)}
for seed in range(3):
    net = build(784, 512, 10, seed)
    recipe |= {
        "optimizer": optim.SGD(learning_rate=0.2),
        "rng": np.random.default_rng(seed),
    }
    net.fit(images, labels, loss=losses.softmax_cross_entropy, **recipe)
    accuracies.append(np.mean(net.forward(test_images).argmax(axis=1) == test_labels))
iterations = int(np.ceil(len(images) / batch_size))
print(f"{len(images):,} examples, {batch_size} at a time: {iterations:,} iterations")
print("right on new digits:", *(f"{accuracy:.1%}" for accuracy in accuracies))
assert min(accuracies) > 0.9, "more than 90 % of new digits; guessing would give 10 %"

# %% [markdown]
# The out-of-place step raised no error and taught nothing; the broken name at least says so.
#
# **Exercise 4.** From now on Keras does all this for us. Write `build_mlp()`: it returns a Keras model for 8 × 8
# digits with 64 inputs, hidden layers of 32 and 16 ReLU units, and 10 outputs that are probabilities.


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
# The delta of a sigmoid output is $y - t$ with cross-entropy, but $(y - t)\,y\,(1 - y)$ with squared error. What does
# each say to an output that is *sure and wrong*, with $y$ near 0 when $t = 1$?
#
# Xavier Glorot and Yoshua Bengio drew this in 2010 over two weights, one in each layer. Ours is
# $y = \sigma(W_2 \tanh(W_1 x))$, and the target is 1 where $x > 0$: weights of unlike signs get every answer wrong.
# Then 8 × 8 digits: same network, same three starts, for each loss the best of four learning rates.

# %% tags=["T065", "G08", "H04"]
x = np.random.default_rng(0).normal(size=100)
t = (x > 0).astype(float)
W_1, W_2 = np.meshgrid(np.linspace(-8, 8, 161), np.linspace(-8, 8, 161))
z = np.tanh(W_1[..., None] * x)  # (161, 161, examples)
y = sigmoid(W_2[..., None] * z)
losses_and_deltas = {
    "cross-entropy": (-np.log(np.where(t, y, 1 - y)), y - t),
    "quadratic": (0.5 * (y - t) ** 2, (y - t) * y * (1 - y)),
}
surfaces, flat, wrong = {}, {}, W_1 * W_2 < 0
print("share that is flat, with a slope below 2 % of the steepest:")
for name, (height, delta) in losses_and_deltas.items():
    surfaces[name] = height.mean(axis=-1)
    by_W_1 = np.mean(delta * W_2[..., None] * (1 - z**2) * x, axis=-1)
    slope = np.hypot(by_W_1, np.mean(delta * z, axis=-1))
    flat[name] = slope < 0.02 * slope.max()
    everywhere, where_wrong = flat[name].mean(), flat[name][wrong].mean()
    print(f"{name:13} {everywhere:.0%}; where every answer is wrong {where_wrong:.0%}")
assert flat["quadratic"][wrong].mean() > 0.2 > 0.05 > flat["cross-entropy"][wrong].mean()
show(
    figures.loss_surfaces(W_1, W_2, surfaces, flat),
    alt="Two surfaces over two weights. Cross-entropy rises steeply in the two wrong corners; "
    "the quadratic loss levels off into plateaus there.",
)

# %% tags=["T065", "H04"]
small_digits = data.digits(size=8)
old, new = small_digits.train + small_digits.validation, small_digits.test
x, x_new = old.images.reshape(-1, 64), new.images.reshape(-1, 64)
one_hot = np.eye(10)[old.labels]


def learning_curve(loss, last, learning_rate, seed, epochs=8):
    rng = np.random.default_rng(seed)
    hidden = [layers.Dense(64, 32, rng), layers.Sigmoid()]
    net = layers.Sequential([*hidden, layers.Dense(32, 10, rng), *last])
    recipe = {"loss": loss, "optimizer": optim.SGD(learning_rate), "batch_size": 30}
    curve = []
    for _ in range(epochs):
        net.fit(x, one_hot, epochs=1, rng=rng, **recipe)
        curve.append(np.mean(net.forward(x_new).argmax(axis=1) == new.labels))
    return curve


choices = {
    "cross-entropy": (losses.sigmoid_cross_entropy, []),
    "quadratic": (losses.squared_error, [layers.Sigmoid()]),
}
best_curves = {}
for name, choice in choices.items():
    curves = {}
    for rate in (0.3, 1, 3, 10):
        runs = [learning_curve(*choice, rate, seed) for seed in range(3)]
        curves[f"{name}, rate {rate}"] = np.transpose(runs)
    best = max(curves, key=lambda label: curves[label].mean())
    best_curves[best] = curves[best]
    early, late = curves[best].mean(axis=1)[[1, -1]]
    print(f"{best:21} {early:.0%} right after 2 epochs, {late:.0%} after 8")
    assert late > 0.85
settings = {"guessing": 0.1, "percent": True}
show(
    charts.lines(best_curves, range(1, 9), "epoch", "right on new digits", **settings),
    alt="Cross-entropy climbs at once; the quadratic loss is behind at first and catches up.",
)

# %% [markdown]
# Where every answer is right both surfaces are flat, as they should be. The quadratic one is flat also where every
# answer is *wrong*: $y(1-y)$ silences the message just when it is needed. On digits that costs time, no more: with
# the right learning rate the quadratic loss catches up.
#
# ## Does depth help?
#
# If one hidden layer helps, why not six? Two spirals, four tanh units in each layer; and, to be fair, one wide layer
# with as many parameters as three narrow ones.
#
# Then we look inside. In the visual cortex Hubel and Wiesel found *simple cells* that answer to edges at one angle,
# *complex cells* that combine those, *hypercomplex cells* for richer patterns still. Do trained layers look like
# that?


# %% tags=["T066"]
def spirals(examples, rng, turns=1.5):
    labels = np.arange(examples) % 2
    radius = np.sqrt(rng.uniform(0.02, 1, examples))
    angle = 2 * np.pi * turns * radius + np.pi * labels
    points = 2 * np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return points + rng.normal(0, 0.03, points.shape), labels


def learn_spirals(widths, seed):
    rng = np.random.default_rng(seed)
    (x, t), (x_new, t_new) = spirals(300, rng), spirals(1000, rng)
    net = layers.Sequential([])
    for old, new in itertools.pairwise([2, *widths]):
        net.layers += [layers.Dense(old, new, rng), layers.Tanh()]
    net.layers.append(layers.Dense(widths[-1], 1, rng))
    recipe = {"loss": losses.sigmoid_cross_entropy, "optimizer": optim.Adam(0.02)}
    recipe |= {"epochs": scale(laptop=600, gpu=3000), "batch_size": len(x)}
    net.fit(x, t[:, None], rng=rng, **recipe)
    return net, np.mean((net.forward(x_new)[:, 0] > 0) == t_new)


stacks = {"1 layer": [4]} | {f"{depth} layers": [4] * depth for depth in (2, 3, 4, 6)}
stacks["1 wide layer"] = [14]
nets, scores = {}, {}
for name, widths in stacks.items():
    nets[name], accuracies = zip(
        *map(partial(learn_spirals, widths), range(3)), strict=True
    )
    scores[f"{name} ({nets[name][0].count_parameters()} parameters)"] = accuracies
    assert name != "3 layers" or np.mean(accuracies) > 0.9, (
        "three layers should learn the spirals"
    )
show(
    charts.dots(scores, "right on new points", guessing=0.5, percent=True),
    alt="One narrow layer gets about three quarters right; three or more get nearly all. One "
    "wide layer does too.",
)

# %% tags=["T066", "T067"]
names = ["layer 1\n(simple cells)", "layer 2\n(complex cells)", "layer 3\n(hypercomplex)"]
stack = nets["3 layers"][0].layers  # dense, tanh, dense, tanh, dense, tanh, dense
responses = [layers.Sequential(stack[:depth]).forward for depth in (2, 4, 6)]
show(
    figures.layer_responses(responses, *spirals(240, np.random.default_rng(9)), names),
    alt="Units of layer 1 answer on one side of a straight edge, units of layer 2 within bent edges, "
    "units of layer 3 along the arms of the spirals. In the last hidden space the classes lie apart.",
)

# %% [markdown]
# Depth helps narrow networks, up to about three layers. But the wide layer does as well with as many parameters:
# these spirals do not *need* depth. Depth pays where features are made of features, as in photographs.
#
# Inside, edges become bent edges, then pieces of spiral, and in the last hidden space the classes lie apart, as with
# XOR. The cortex is an analogy, no more: a complex cell does not care where exactly its edge lies, and nothing here
# learned that.
#
# ## Four ways to the same gradient
#
# | way | cost of one gradient | use it |
# |---|---|---|
# | nudge each weight | two runs for every parameter | to check the others |
# | write out the deltas | one run forward, one back | to understand |
# | layers with `forward` and `backward` | the same | to invent layers |
# | Keras | the same | for all real work |
#
# ## Think about it
#
# **All weights of a network start at the same value. What will its hidden units become?**
#
# <details><summary>Answer</summary>
#
# They give the same output and get the same message, so they take the same steps and stay twins for ever. Random
# starts let them part.
# </details>
#
# **The slope of a sigmoid is at most 1/4. What is left of a message after a chain of ten sigmoid units with weights
# of about 1?**
#
# <details><summary>Answer</summary>
#
# Each passes on a quarter or less, so less than a millionth arrives, and the first units hardly learn. ReLU, well
# chosen starting weights and residual connections keep messages alive.
# </details>
#
# ## Further reading
#
# - M. Minsky, *Steps toward artificial intelligence*, 1961: the credit assignment problem.
# - D. Hubel and T. Wiesel, *Receptive fields, binocular interaction and functional architecture in the cat's visual
#   cortex*, 1962.
# - D. Rumelhart, G. Hinton and R. Williams, *Learning representations by back-propagating errors*, 1986.
# - X. Glorot and Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010.
