# ---
# jupyter:
#   course:
#     title: "Automatic differentiation: a machine for every gradient"
#     summary: "Build the machine that finds the gradient of any program, check it, train with it, and see what it costs."
#     objectives:
#       - "find out in a second whether a gradient is right, and which array of it is wrong"
#       - "say what nudging, symbols, dual numbers and the walk back each cost, and where each fails"
#       - "build an engine for gradients on arrays in about a hundred lines, and train a network with it"
#       - "derive the way back of an operation on arrays"
#       - "use TensorFlow's GradientTape, and know where it loses a path without a word"
#     needs: [01_maths_review, 05_mlp_backprop]
#     minutes: 90
#     data: [mnist_5k]
# ---

# %% [markdown]
# In lesson 05 we wrote every backward pass ourselves. Keras was never told one, and still it finds the gradient of
# whatever we build. How? You will build the machine that does it, on NumPy arrays, and train a network with it. But
# first: how would you notice that a gradient is *wrong*?

# %%
import time

import numpy as np
import pandas as pd
import tensorflow as tf

from course_lessons.autodiff import figures
from course_lessons.autodiff.evidence import BUGS, RIGHT, claimed_gradient, mean_loss, start
from course_lib import data, layers, losses
from course_lib.evidence import at_best_rate, compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.gradcheck import numerical_gradient
from course_lib.layers import batches, softmax
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## Does a wrong gradient show?
#
# Here is a network for digits, 784-64-64-10 with ReLUs. It has a *skip*, a way round the second layer: the last layer
# reads the sum of both hidden layers' outputs. Eight people write its backward pass. One is right. The others lose the
# message that comes back along the skip, or the one through the branch, or all slopes of biases, or they multiply by a
# random matrix instead of $W_3^T$, and so on. Each pass trains with the best of six learning rates and stops at the
# best pass over the data, both chosen on the validation part; ten seeds, recorded. Which of them learn? Guess first.

# %%
runs = at_best_rate(evidence("wrong_gradients"), "gradient", "validation_error")
show(
    charts.dots(
        {name: rows.test_error.to_numpy() for name, rows in runs.groupby("gradient", sort=False)},
        "error on test digits",
        percent=True,
    ),
    alt="Test errors of eight gradients, ten dots each. Right: about 7 %. Skip's message lost, branch's message lost, no bias "
    "gradients: 7 to 8 %, in the midst of it. Random matrix 8.5 %, mask of the wrong layer 9 %, no mask 11 %, first layer "
    "without a gradient 15 %.",
)
wrong_errors = compare(runs, "gradient", "test_error")
assert wrong_errors.loc["skip's message lost", "low"] < 0 and runs.test_error.max() < 0.2
wrong_errors.drop(columns="seeds").round(4)

# %% [markdown]
# **With every one of the eight gradients more than four of five digits are read.** With the skip's message lost we could
# not even tell the error from that of the right gradient, and two others differ by less than a point. So a loss
# that falls says little about its gradient. Something sharper is needed.
#
# ## Nudge it
#
# Let $f$ have three derivatives. Taylor's series on both sides of $x$ are
#
# $$f(x \pm h) = f(x) \pm h f'(x) + \tfrac{h^2}{2} f''(x) \pm \tfrac{h^3}{6} f'''(\xi_\pm)$$
#
# with some $\xi_\pm$ between. Subtract, and divide by $2h$: $f$ and $f''$ cancel, and
#
# $$\frac{f(x+h)-f(x-h)}{2h} = f'(x) + \frac{h^2}{6} f'''(\xi) .$$
#
# This is the **centred difference**. One-sided, $\frac{f(x+h)-f(x)}{h}$, the error is $\frac h2 f''$: larger, as $h$
# is small. So make $h$ tiny? The computer keeps 16 digits (in float32 seven), so each $f$ is off by about $\epsilon
# |f|$, and the quotient by $\epsilon |f| / h$, which *grows* as $h$ shrinks. The function below is our example for the
# whole lesson, $y = \cos(\sin x^2 + 3x^2)$ at $x = 2$. Which curve do you expect for the error against $h$?


# %% tags=["T068"]
def worked(x):
    t = x * x
    return np.cos(np.sin(t) + 3 * t)


def worked_slope(x):
    t = x * x
    return -np.sin(np.sin(t) + 3 * t) * (np.cos(t) + 3) * 2 * x


def nudge_errors(kind, steps):
    """Relative errors of both quotients at 2."""
    x, steps = kind(2), steps.astype(kind)
    one_sided = (worked(x + steps) - worked(x)) / steps
    centred = (worked(x + steps) - worked(x - steps)) / (2 * steps)
    return {name: abs(q / worked_slope(2.0) - 1) for name, q in (("one-sided", one_sided), ("centred", centred))}


steps = 10.0 ** np.arange(-13, -0.9, 0.125)
errors = {kind.__name__: nudge_errors(kind, steps) for kind in (np.float64, np.float32)}
show(
    charts.lines(errors, steps, "h", "relative error", log="xy"),
    alt="Relative error against h on logarithmic axes: slanted Vs. In float64 the one-sided quotient is best near 1e-8, the "
    "centred one is best between 1e-7 and 1e-5, with an error of 1e-10. In float32 both are best near 1e-3 to 1e-4, with an "
    "error of 1e-5; below 1e-7 all is lost.",
)
best = {
    (kind, name): {"best h": steps[e.argmin()], "error": e.min()}
    for kind, both in errors.items()
    for name, e in both.items()
}
pd.DataFrame(best).T.map("{:.0e}".format)

# %% [markdown]
# A V: on the right the bend of the curve, on the left rounding. The sum $\frac{h^2}{6}|f'''| + \epsilon\frac{|f|}{h}$ is
# least at $h = (3\epsilon |f| / |f'''|)^{1/3}$, near $10^{-6}$ to $10^{-5}$ in float64. Choose $h$ yourself: too long,
# right, and too short.

# %% tags=["T068", "widget"]
show(
    figures.secants(),
    alt="Three close-ups of the curve with a secant. h = 0.3: waves, the secant is nearly level. h = 0.001: curve and secant are "
    "one line, slope 9.099. h = 1e-15: the curve is a staircase, the secant's slope is 9.479.",
)
explore(
    figures.secant,
    alt="The curve near 2 with a secant, and the error of the secant's slope against h with the chosen h as a dot.",
    exponent=(-15.5, 0.0, 0.5),
)

# %% [markdown]
# For a function of many inputs one nudges along one axis after the other (a vector of zeros with a single 1). Our
# network has 55,050 weights and biases, so that is 110,100 runs. A *check* is cheaper. Take one random direction
# $\mathbf v$ for all weights together and look at $g(s) = \mathcal L(\mathbf w + s\mathbf v)$, a function of one
# number. By the chain rule $g'(0) = \mathbf v \cdot \nabla \mathcal L$, and two runs nudge it:
#
# $$\frac{\mathcal L(\mathbf w + h\mathbf v) - \mathcal L(\mathbf w - h\mathbf v)}{2h} \approx \mathbf v \cdot \nabla \mathcal L .$$
#
# A wrong gradient passes only if its error happens to be at a right angle to $\mathbf v$. Which of the eight pass?

# %% tags=["T068"]
digits = data.mnist_5k()
few_images, few_labels = digits.train.images[:64].reshape(-1, 784).astype(float), digits.train.labels[:64]
rng, network = np.random.default_rng(0), start(seed=0)
network |= {name: array + rng.normal(0, 0.1, array.shape) for name, array in network.items() if array.ndim == 1}
direction = {name: rng.normal(size=array.shape) for name, array in network.items()}
length = np.sqrt(sum(np.sum(array**2) for array in direction.values()))
direction = {name: array / length for name, array in direction.items()}


def moved(step):
    return {name: array + step * direction[name] for name, array in network.items()}


h = 1e-5
nudged = (mean_loss(moved(h), few_images, few_labels) - mean_loss(moved(-h), few_images, few_labels)) / (2 * h)
passed = {}
for bug in (RIGHT, *BUGS):
    gradient = claimed_gradient(network, few_images, few_labels, bug)
    claimed = sum(np.sum(gradient[name] * direction[name]) for name in gradient)
    passed[bug] = {"claimed": claimed, "nudged": nudged, "off by": abs(claimed / nudged - 1)}
assert all((row["off by"] < 1e-6) == (bug == RIGHT) for bug, row in passed.items())
pd.DataFrame(passed).T.map("{:.6g}".format)

# %% [markdown]
# Only the right one. One direction for *each array* also tells where the bug is; recorded for five seeds:

# %% tags=["T068"]
checks = evidence("checks")
found = checks.groupby(["gradient", "array"], sort=False).error.median().unstack()
smallest, largest = checks[checks.gradient == RIGHT].error.max(), 1e-6
show(
    figures.check_map(found),
    alt="A table of eight gradients and six arrays, coloured by the error of the check. Right: all below 1e-9. Each bug lights up "
    "in its own arrays, with errors from 0.08 to 2: a lost message in W1 and b1, no bias gradients in b1, b2 and b3, the "
    "random matrix and the missing mask in the arrays of the first two layers.",
)

# %% [markdown]
# What is right is right to nine digits; what is wrong is off by a tenth and more, and stands in the array where the bug is.
#
# Some rules. Use float64. Nudge at a random point: where all weights are 0, most gradients are 0, too, and a bug that
# multiplies them passes. Stay away from kinks. Look at every array, and compare with the size of its gradient.

# %% [markdown]
# ## Write out the formula
#
# Nudging checks; for training it is too slow. At school one applies rules to formulas: a computer can, too. Let a
# formula be a tree: a number, `"x"`, or a sum or product of two formulas. The sum rule and the product rule
# $(ab)' = a'b + ab'$ make the tree of the derivative.


# %% tags=["T069"]
def plus(a, b):
    return b if a == 0 else a if b == 0 else ("+", a, b)


def times(a, b):
    return 0 if a == 0 or b == 0 else ("*", a, b)


def derivative(formula):
    """The formula of the derivative by x."""
    if not isinstance(formula, tuple):
        return 1 if formula == "x" else 0
    sign, a, b = formula
    if sign == "+":
        return plus(derivative(a), derivative(b))
    return plus(times(derivative(a), b), times(a, derivative(b)))


def all_parts(formula):
    """The formula and all formulas in it, each as often as it stands there."""
    below = [part for side in formula[1:] for part in all_parts(side)] if isinstance(formula, tuple) else []
    return [formula, *below]


# %% [markdown]
# Feed $\ell \mapsto 4\ell(1-\ell)$ its own result, several times, and count: all places of the tree, and only those
# that differ. What do you expect?

# %% tags=["T069", "nbval-check-output"]
formula, counts = "x", {}
for nested in range(1, 9):
    formula = ("*", ("*", 4, formula), ("+", 1, ("*", -1, formula)))
    parts, slope_parts = all_parts(formula), all_parts(derivative(formula))
    counts[nested] = {"f": len(parts), "f′": len(slope_parts), "f′, each part once": len(set(slope_parts))}
pd.DataFrame(counts).T.rename_axis("nested").loc[[1, 2, 4, 6, 8]]

# %% [markdown]
# The tree of $f'$ swells to 16,385 places, but it has only 75 different parts, nine more for each nesting. A tree must
# copy what is used twice. Computing each part *once*, and keeping its value, is what the next two machines do.
#
# ## Carry the slope along
#
# Compute with pairs: each number carries its slope by one chosen input. We write $a + b\tau$ with $\tau^2 = 0$, a
# **dual number**: $a$ is the value, $b$ the slope. Then
#
# $$(a + b\tau)(c + d\tau) = ac + (ad + bc)\,\tau,\qquad f(a + b\tau) = f(a) + f'(a)\,b\,\tau :$$
#
# the first is the product rule, and the second the chain rule (or Taylor's series, cut off *exactly*, since
# $\tau^2 = 0$). There is no $h$.


# %% tags=["T071"]
class Dual:
    """A value, and its slope by the input that we chose."""

    def __init__(self, value, slope=0.0):
        self.value, self.slope = value, slope

    def __add__(self, other):
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other):
        return Dual(self.value * other.value, self.value * other.slope + self.slope * other.value)

    def through(self, function, slope):
        return Dual(function(self.value), slope(self.value) * self.slope)


# %% tags=["T071", "nbval-check-output"]
x = Dual(2.0, slope=1.0)
t = x * x
u = t.through(np.sin, np.cos) + Dual(3.0) * t
y = u.through(np.cos, lambda u: -np.sin(u))
with tf.autodiff.ForwardAccumulator(tf.constant(2.0, tf.float64), tf.constant(1.0, tf.float64)) as forward_mode:
    pass
theirs_x = tf.constant(2.0, tf.float64)
with tf.autodiff.ForwardAccumulator(theirs_x, tf.constant(1.0, tf.float64)) as forward_mode:
    t_tf = theirs_x * theirs_x
    y_tf = tf.cos(tf.sin(t_tf) + 3 * t_tf)
rows = {"dual numbers": y.slope, "TensorFlow": forward_mode.jvp(y_tf).numpy(), "formula": worked_slope(2.0)}
assert np.isclose(y.slope, rows["TensorFlow"]) and np.isclose(y.slope, rows["formula"])
pd.Series(rows, name="dy/dx at 2").round(7).to_frame()

# %% [markdown]
# This is the **forward mode**. One sweep gives the slope of *everything* by *one* input. For an image that is 784
# sweeps.
#
# **Exercise 1.** Divide two dual numbers $a + a'\tau$ and $b + b'\tau$.


# %% exercise="dual_divide"
def dual_divide(a, a_slope, b, b_slope):
    """Numbers, or arrays of one shape. Returns value and slope of the quotient."""
    ### BEGIN SOLUTION
    return a / b, (a_slope * b - a * b_slope) / b**2
    ### END SOLUTION


# %% check="dual_divide"
check(dual_divide)

# %% [markdown]
# ## Walk back
#
# A loss is *one* output of very many inputs. So turn round: compute the slope of the one output by everything.
# Let $x$ be read by $u_1, \dots, u_J$, and $y$ be computed from these. A small change $dx$ changes each $u_j$ by
# $\frac{\partial u_j}{\partial x} dx$, and to first order the effects on $y$ add up:
#
# $$\frac{dy}{dx} = \sum_{j=1}^{J} \frac{dy}{du_j}\,\frac{\partial u_j}{\partial x} .$$
#
# Each **reader** $u_j$ of $x$ sends a **message** back, its own slope times the slope of the edge, and $x$ adds the
# messages. For vectors the sum is a product of Jacobians (lesson 01). Three readers, two inputs:

# %% tags=["T076", "nbval-check-output"]
x1, x2 = 0.5, 2.0
u = np.array([x1 * x2, np.sin(x1), x1 + x2**2])  # y = u1 u2 + u3
y_by_u = np.array([[u[1], u[0], 1.0]])  # 1 x 3
u_by_x = np.array([[x2, x1], [np.cos(x1), 0], [1, 2 * x2]])  # 3 x 2
added = [sum(y_by_u[0, j] * u_by_x[j, i] for j in range(3)) for i in range(2)]
point = np.array([x1, x2])
by_nudging = numerical_gradient(lambda: point.prod() * np.sin(point[0]) + point[0] + point[1] ** 2, point)
assert np.allclose(added, by_nudging) and np.allclose(added, y_by_u @ u_by_x)
pd.DataFrame([added, (y_by_u @ u_by_x)[0], by_nudging], ["messages added", "Jacobians", "nudged"], ["x₁", "x₂"]).round(
    6
)

# %% [markdown]
# So keep a record. A **computation graph** has a node for each value, with edges from the nodes it was computed from. Each edge needs
# one small rule: given my slope, what is the message to the node I read? A rule is a function of one line.


# %% tags=["T070", "T072"]
class Node:
    """A value, and the ways back: pairs of a node that it was computed from, and the rule for the message to it."""

    __array_ufunc__ = None  # so that NumPy leaves `array + node` to us

    def __init__(self, value, ways_back=()):
        self.value, self.ways_back = np.asarray(value, dtype=float), ways_back
        self.level = 1 + max((parent.level for parent, _ in ways_back), default=-1)
        self.gradient = np.zeros_like(self.value)

    def __add__(self, other):
        return add(self, as_node(other))

    def __mul__(self, other):
        return multiply(self, as_node(other))

    def __matmul__(self, other):
        return matmul(self, as_node(other))

    def __rmatmul__(self, other):
        return matmul(as_node(other), self)

    __radd__, __rmul__ = __add__, __mul__


# %% tags=["T070", "T072"]
def as_node(value):
    return value if isinstance(value, Node) else Node(value)


def add(a, b):
    return Node(a.value + b.value, [(a, lambda message: message), (b, lambda message: message)])


def multiply(a, b):
    return Node(a.value * b.value, [(a, lambda message: message * b.value), (b, lambda message: message * a.value)])


def elementwise(function, slope):
    """A function of nodes, made of a NumPy function and its slope."""

    def apply(a):
        return Node(function(a.value), [(a, lambda message: message * slope(a.value))])

    return apply


sin, cos = elementwise(np.sin, np.cos), elementwise(np.cos, lambda a: -np.sin(a))
exp, log = elementwise(np.exp, np.exp), elementwise(np.log, lambda a: 1 / a)
tanh = elementwise(np.tanh, lambda a: 1 - np.tanh(a) ** 2)
relu = elementwise(lambda a: np.maximum(a, 0), lambda a: a > 0)

# %% [markdown]
# In which order? A node may send only when *all* its readers have sent to it. Each node has a level, one above the
# highest node that it reads. So going through the nodes from the highest level down, every reader comes before what it
# reads. Such an order, turned round, is a **topological order**: whoever reads comes later.


# %% tags=["T070", "T073"]
def backward(output):
    """Put d output / d node into `gradient` of every node that `output` was computed from."""
    found, waiting = {output}, [output]
    while waiting:
        for parent, _ in waiting.pop().ways_back:
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    output.gradient = np.ones_like(output.value)  # dy/dy = 1; all others start with 0
    for node in sorted(found, key=lambda node: node.level, reverse=True):
        for parent, rule in node.ways_back:
            message = summed_to(parent.value.shape, rule(node.gradient))
            parent.gradient = parent.gradient + message


def summed_to(shape, message):
    """A row that was copied to every example gets one message from each copy: add them up."""
    return message.sum(axis=tuple(range(message.ndim - len(shape))))


# %% [markdown]
# That is the **reverse mode** of **automatic differentiation**. On the worked example $t = x^2$ has two readers. Which
# messages does it get?

# %% tags=["T072", "T073", "T074", "G09", "F004", "picture"]
x = Node(2.0)
t = x * x
sin_t, three_t = sin(t), 3 * t
u = sin_t + three_t
y = cos(u)
backward(y)
named = {"x": x, "t": t, "sin t": sin_t, "3t": three_t, "u": u, "y": y}
show(
    figures.worked_graph(named),
    alt="A graph: x, t, then sin t and 3t side by side, then u and y, with values in blue and slopes in red. Red arrows lead back "
    "from y: 0.969 to u and to both branches; t gets -0.634 and 2.908, together 2.275; x gets 4.550 twice, together 9.099.",
)
messages = {
    name: [
        rule(reader.gradient).item() for reader in named.values() for parent, rule in reader.ways_back if parent is node
    ]
    for name, node in named.items()
}
rows = {
    name: {
        "forward: value": node.value.item(),
        "backward: messages": np.round(messages[name], 4).tolist(),
        "slope of y": node.gradient.item(),
    }
    for name, node in named.items()
}
assert np.isclose(x.gradient, 9.09914854) and np.isclose(x.gradient, worked_slope(2.0))
pd.DataFrame(rows).T

# %% [markdown]
# The values were filled in from top to bottom, the slopes from bottom to top. Both messages to $t$ are needed: with `=`
# in place of the sum, the last would wipe out the first. And so is the order. Without one, a node could pass every
# message on at once. What does that cost where each node is used twice?


# %% tags=["T073", "nbval-check-output"]
def walk_every_path(node, message):
    """The same gradients without an order: each message is passed on at once. Returns how many nodes were visited."""
    node.gradient = node.gradient + message
    return 1 + sum(walk_every_path(parent, rule(message)) for parent, rule in node.ways_back)


counts = {}
for doublings in (5, 10, 15):
    first = doubled = Node(1.0)
    for _ in range(doublings):
        doubled = doubled + doubled
    visits = walk_every_path(doubled, np.array(1.0))
    assert first.gradient == 2**doublings
    counts[doublings] = {"nodes": doublings + 1, "visits, path by path": visits}
pd.DataFrame(counts).T.rename_axis("doublings")

# %% [markdown]
# 65,535 visits for 16 nodes: the swelling tree again.
#
# **Exercise 2.** Here is a graph as lists, the nodes in *any* order. `parents[i]` lists the nodes that node $i$ was
# computed from (one may stand there twice), `slopes[i]` the slope of each of these edges. Find the slope of one node by
# all.


# %% exercise="gradients_of"
def gradients_of(parents, slopes, output):
    """Returns a list: d node[output] / d node[i] for every node i, 0 for those it does not depend on."""
    ### BEGIN SOLUTION
    unread = np.zeros(len(parents), int)  # readers that have not sent yet
    for read in parents:
        for parent in read:
            unread[parent] += 1
    gradient = np.zeros(len(parents))
    gradient[output] = 1
    ready = [node for node in range(len(parents)) if unread[node] == 0]
    while ready:
        node = ready.pop(0)
        for parent, slope in zip(parents[node], slopes[node], strict=True):
            gradient[parent] += gradient[node] * slope
            unread[parent] -= 1
            if unread[parent] == 0:
                ready.append(parent)
    return gradient.tolist()
    ### END SOLUTION


# %% check="gradients_of"
check(gradients_of)

# %% [markdown]
# ## On arrays
#
# For a network the nodes hold arrays. Which rule has a matrix product? No Jacobian is needed: for $Y = AB$ with 32
# examples and 64 units it would have millions of numbers. Write $\bar Y$ for the gradient of the loss by $Y$, shaped like
# $Y$, and $\langle P, Q\rangle = \sum P_{ij} Q_{ij}$. A small change $dY$ changes the loss by $\langle \bar Y,
# dY\rangle$, and $\bar A$ is what makes this $\langle \bar A, dA\rangle$ for every $dA$. With $dY = dA\,B + A\,dB$,
#
# $$\langle \bar Y, dA\,B\rangle = \sum_{ijk} \bar Y_{ij}\, dA_{ik} B_{kj} = \langle \bar Y B^T, dA\rangle,\qquad \langle \bar Y, A\,dB\rangle = \langle A^T \bar Y, dB\rangle .$$
#
# So $\bar A = \bar Y B^T$ and $\bar B = A^T\bar Y$: the two lines that lesson 05 found index by index. In the same way, a
# function of each element multiplies by its slope; a sum copies its message to all that it added; and what was copied,
# a bias to every example, adds its messages up (`summed_to`).


# %% tags=["T070"]
def matmul(a, b):
    return Node(a.value @ b.value, [(a, lambda message: message @ b.value.T), (b, lambda message: a.value.T @ message)])


def total(a, axis=None):
    """The sum of all elements, or along one axis."""

    def to_all(message):
        return np.broadcast_to(message if axis is None else np.expand_dims(message, axis), a.value.shape)

    return Node(a.value.sum(axis=axis), [(a, to_all)])


def mean_cross_entropy(logits, one_hot):
    """Log of the sum of the powers, minus the logit of the true class (lesson 05), over a batch."""
    surprises = log(total(exp(logits), axis=1)) + -1 * total(one_hot * logits, axis=1)
    return (1 / len(one_hot)) * total(surprises)


# %% [markdown]
# The engine is complete. Try it on a small network with a hidden layer of tanh, against `tf.GradientTape`, which is
# TensorFlow's own engine, and against the nudge.


# %% tags=["T070", "T075"]
def tanh_network(X, W1, b1, W2, b2):
    a = X @ W1 + b1
    z = tanh(a)
    logits = z @ W2 + b2
    return {"a": a, "z": z, "logits": logits, "loss": mean_cross_entropy(logits, one_hot)}


rng = np.random.default_rng(1)
names = ("X", "W1", "b1", "W2", "b2")
arrays = {name: rng.normal(size=size) for name, size in zip(names, ((4, 6), (6, 5), 5, (5, 3), 3), strict=True)}
one_hot = np.eye(3)[[0, 2, 1, 1]]
ours = {name: Node(array) for name, array in arrays.items()}
inside = tanh_network(**ours)
backward(inside["loss"])

variables = {name: tf.Variable(array) for name, array in arrays.items()}
with tf.GradientTape() as tape:
    X, W1, b1, W2, b2 = variables.values()
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(one_hot, tf.tanh(X @ W1 + b1) @ W2 + b2))
by_tape = tape.gradient(loss, variables)

# %% tags=["T070", "T075", "nbval-check-output"]
rows = {}
for name, array in arrays.items():
    nudged = numerical_gradient(lambda: tanh_network(**{n: Node(a) for n, a in arrays.items()})["loss"].value, array)
    rows[name] = {
        "shape": array.shape,
        "as the tape": np.allclose(ours[name].gradient, by_tape[name], rtol=0, atol=1e-14),
        "as nudged": np.allclose(ours[name].gradient, nudged, rtol=0, atol=1e-9),
    }
y_minus_t = softmax(inside["logits"].value) - one_hot
assert np.allclose(len(one_hot) * inside["logits"].gradient, y_minus_t, atol=1e-15)
messages_to_x = inside["a"].gradient @ arrays["W1"].T
assert np.allclose(ours["X"].gradient, messages_to_x, atol=1e-15)
pd.DataFrame(rows).T

# %% [markdown]
# All agree, those with the tape to the last of 14 decimals. The last asserts look inside. The gradient of the logits is
# $(y - t)/N$, the message of lesson 05: nobody told the engine, it came out of logarithm, sum and exponential. And the
# slope by an input is a sum over the hidden units, $\frac{\partial \mathcal L}{\partial x_i} = \sum_j
# W_{ij}\,\delta_j$, since every hidden unit reads $x_i$.
#
# (The tests of this course compare the engine with the tape and with the nudge on programs that are put together at
# random.)
#
# **Exercise 3.** `summed_to` undoes only copies along new axes in front. NumPy also stretches axes of length 1: a $(4,
# 1)$ plus a $(4, 3)$ copies a column. Write the way back for every case.


# %% exercise="undo_broadcast"
def undo_broadcast(message, shape):
    """message: for the array of this shape after NumPy broadcast it. Returns the message for the array itself."""
    ### BEGIN SOLUTION
    new = message.ndim - len(shape)
    message = message.sum(axis=tuple(range(new)))
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return message.sum(axis=stretched, keepdims=True)
    ### END SOLUTION


# %% check="undo_broadcast"
check(undo_broadcast)

# %% [markdown]
# ## Train with it
#
# Now lesson 05's network for digits, 784-64-10, with nothing but the forward pass written down. First the check, then
# the training.


# %% tags=["T070"]
def digit_loss(nodes, images, one_hot):
    W1, b1, W2, b2 = nodes
    return mean_cross_entropy(relu(images @ W1 + b1) @ W2 + b2, one_hot)


def gradient_by_engine(arrays, images, one_hot):
    nodes = [Node(array) for array in arrays]
    backward(digit_loss(nodes, images, one_hot))
    return [node.gradient for node in nodes]


rng = np.random.default_rng(0)
reader = [
    rng.normal(0, (2 / 784) ** 0.5, (784, 64)),
    np.zeros(64),
    rng.normal(0, (2 / 64) ** 0.5, (64, 10)),
    np.zeros(10),
]
images, targets = digits.train.images.reshape(-1, 784).astype(float), np.eye(10)[digits.train.labels]
new_images, new_labels = digits.validation.images.reshape(-1, 784), digits.validation.labels
right = {}
for epoch in range(1, 7):
    for batch in batches(len(images), 32, rng):
        slopes = gradient_by_engine(reader, images[batch], targets[batch])
        reader = [array - 0.1 * slope for array, slope in zip(reader, slopes, strict=True)]
    W1, b1, W2, b2 = reader
    right[epoch] = np.mean((np.maximum(new_images @ W1 + b1, 0) @ W2 + b2).argmax(axis=1) == new_labels)
assert right[6] > 0.9
pd.Series(right, name="right on validation digits").rename_axis("epoch").map("{:.1%}".format).to_frame()

# %% [markdown]
# More than nine digits of ten, and nobody derived a backward pass.
#
# ## The tape that professionals use
#
# `tf.GradientTape` records in the same way, but only what you ask for: operations on variables, and on what is
# *watched*. It computes in the types that you give. Before you run the cell: what does it say in each case?

# %% tags=["T070"]
q, v = tf.constant(2.0), tf.Variable(3.0)
cases = {
    "a constant, watched": (lambda tape: [tape.watch(q), q * q][1], q),
    "a constant, not watched": (lambda tape: q * q, q),
    "a detour through NumPy": (lambda tape: tf.constant(v.numpy() ** 2), v),
    "whole numbers: int(v) · v": (lambda tape: tf.cast(tf.cast(v, tf.int32), tf.float32) * v, v),
    "a vector, v · [1, 10]": (lambda tape: v * tf.constant([1.0, 10.0]), v),
    "where(v > 5, 1 / (v − 3), 0)": (lambda tape: tf.where(v > 5, 1 / (v - 3), 0.0), v),
}
rows = {}
for name, (program, variable) in cases.items():
    with tf.GradientTape() as tape:
        result = program(tape)
    gradient = tape.gradient(result, variable)
    rows[name] = "None" if gradient is None else f"{gradient.numpy():g}"
pd.Series(rows, name="gradient").to_frame()

# %% [markdown]
# - `None` means that no recorded path leads there. It is no error; the optimiser only warns.
# - A rounding *inside* a formula cuts one path without a word: int(v) · v has a slope of 3 here, by the second factor
#   alone.
# - A vector as target gives the gradient of its sum.
# - `where` computes both sides. The side that is thrown away has the slope $-1/0^2$, and 0 times infinity is nan. Make
#   the input harmless *before* the dangerous operation.
#
# After one `gradient` the record is freed, unless the tape is `persistent=True`. `course_lib.gradients`, which the other
# lessons use, is this tape (or JAX's or PyTorch's engine) behind one function.
#
# ## What does it cost?
#
# How many runs for the gradient by $n$ inputs? $2n$ nudges; $n$ sweeps of dual numbers; one walk back. Take
# $f(\mathbf x) = \sum \tanh(\mathbf x W)$ with 256 units. The unit of time is one $f$ in NumPy (which grows with $n$,
# too); each point is the median of seven rounds.


# %% tags=["T068", "T070", "T071"]
def median_times(calls, rounds=7):
    """Median seconds of each call, over rounds in which they take turns; a first round does not count."""
    seconds = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            begun = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - begun)
    return {name: np.median(taken[1:]) for name, taken in seconds.items()}


def tape_gradient(x, W):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(tf.tanh(x @ W))
    return tape.gradient(y, x)


def dual_gradient(x, W):
    """One sweep for each input."""
    slopes = []
    for axis in np.eye(x.size):
        sums = Dual(x @ W, slope=axis @ W)
        slopes.append(sums.through(np.tanh, lambda a: 1 - np.tanh(a) ** 2).slope.sum())
    return np.array([slopes])


def engine_gradient(x, W):
    node = Node(x)
    backward(total(tanh(node @ W)))
    return node.gradient


# %% tags=["T068", "T070", "T071"]
sizes, relative = [4, 16, 64, 256, 1024], {}
for n in sizes:
    x, W = rng.normal(size=(1, n)), rng.normal(size=(n, 256)) / n**0.5
    x_tf, W_tf = tf.constant(x), tf.constant(W)
    calls = {
        "f alone": lambda x=x, W=W: np.tanh(x @ W).sum(),
        "nudge": lambda x=x, W=W: numerical_gradient(lambda: np.tanh(x @ W).sum(), x),
        "dual numbers": lambda x=x, W=W: dual_gradient(x, W),
        "our engine": lambda x=x, W=W: engine_gradient(x, W),
        "GradientTape": lambda x=x_tf, W=W_tf: tape_gradient(x, W),
    }
    found = [np.asarray(calls[name]()) for name in list(calls)[1:]]
    assert all(np.allclose(gradient, found[0], atol=1e-7) for gradient in found)
    seconds = median_times(calls)
    relative[n] = {name: seconds[name] / seconds["f alone"] for name in list(calls)[1:]}
costs = pd.DataFrame(relative).T
assert costs.loc[1024, ["our engine", "GradientTape"]].max() < costs.loc[1024, ["nudge", "dual numbers"]].min() / 3
show(
    charts.lines(dict(costs.items()), sizes, "inputs n", "time / time of one f", log="xy"),
    alt="Time for a gradient against the number of inputs, 4 to 1,024, both axes logarithmic. Nudge and dual numbers climb in a "
    "straight line to about a thousand times one f; our engine and GradientTape stay near ten and forty times.",
)
costs.round().astype(int).rename_axis("n")

# %% [markdown]
# The two left behind climb with $n$, as the counts say: with 1,024 inputs both walks back were more than three times
# faster than either. With four inputs the order may be another one: there the sweeps are few, and the book-keeping of a
# walk counts. It is proven that an ideal reverse mode costs only a small constant times $f$, for any $n$ (Griewank and
# Walther, below); Python's book-keeping comes on top.
#
# Now one gradient of the digit network, on 32 digits, all in float64. By hand are the layers of lesson 05.

# %% tags=["T068", "T070"]
batch_images, batch_targets = images[:32], targets[:32]
by_hand = layers.Sequential([layers.Dense(784, 64, rng), layers.ReLU(), layers.Dense(64, 10, rng)])
tensors = [tf.constant(array) for array in reader]


def hand_gradient():
    _, delta = losses.softmax_cross_entropy(by_hand.forward(batch_images), digits.train.labels[:32])
    by_hand.backward(delta)


def tape_digits(W1, b1, W2, b2):
    with tf.GradientTape() as tape:
        tape.watch([W1, b1, W2, b2])
        logits = tf.nn.relu(batch_images @ W1 + b1) @ W2 + b2
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(batch_targets, logits))
    return tape.gradient(loss, [W1, b1, W2, b2])


compiled = tf.function(tape_digits)
calls = {
    "loss alone": lambda: losses.softmax_cross_entropy(by_hand.forward(batch_images), digits.train.labels[:32]),
    "by hand": hand_gradient,
    "our engine": lambda: gradient_by_engine(reader, batch_images, batch_targets),
    "GradientTape": lambda: tape_digits(*tensors),
    "GradientTape in tf.function": lambda: compiled(*tensors),
}
ours, theirs = calls["our engine"](), calls["GradientTape"]()
assert all(np.allclose(one, other, atol=1e-12) for one, other in zip(ours, theirs, strict=True))
seconds = median_times(calls, rounds=41)
step_costs = {name: taken / seconds["loss alone"] for name, taken in seconds.items()}
step_costs["nudge (2 × 50,890 losses)"] = 2.0 * sum(array.size for array in reader)
pd.Series(step_costs, name="time / time of one loss").map("{:,.1f}".format).to_frame()

# %% [markdown]
# Your machine's numbers. Ours, when this page was made: the engine took a few times as long as the loss alone, the tape
# longer on so small a task, and much less once it was compiled. All of them are nothing beside a hundred thousand losses.
#
# Time is not the only price. The walk back needs the values of the way forward, so all of them must be *kept*. Count
# the numbers in the graph of a chain of tanh layers:

# %% tags=["T070", "nbval-check-output"]
kept = {}
for depth in (1, 4, 16, 64):
    top, W = Node(np.zeros((50, 64))), Node(np.zeros((64, 64)))
    values = 0
    for _ in range(depth):
        sums = top @ W
        top = tanh(sums)
        values += sums.value.size + top.value.size
    kept[depth] = values
pd.Series(kept, name="numbers kept, 50 examples").rename_axis("layers").map("{:,}".format).to_frame()

# %% [markdown]
# 6,400 for each layer, so memory grows with the depth. Forward mode may forget each layer. When memory is short, one
# keeps every tenth layer, say, and computes the others again on the way back (*checkpoints*).
#
# | way | runs or sweeps for the gradient by $n$ inputs | exact? | use it |
# |---|---|---|---|
# | nudge | $2n$ | no: bend and rounding | to check the others, in one random direction |
# | formula as a tree | one, but the tree may explode | yes | where a formula is wanted |
# | dual numbers | $n$ | yes | few inputs, many outputs |
# | walk back | 1 | yes | losses, and all of deep learning |
#
# ("Exact" means up to rounding.)
#
# ## Think about it
#
# *One slider changes a picture of 10,000 pixels. How do all pixels move with it? And which mode for the Hessian times a
# vector?*
#
# <details><summary>Answer</summary>
#
# One input, many outputs: forward mode, one sweep; a walk back would need one for each pixel. The Hessian times
# $\mathbf v$ is the slope of the *gradient* along $\mathbf v$: forward mode through a walk back. No Hessian is stored.
# </details>
#
# *ReLU has no slope at 0, and the tape says 0 there. The centred difference says ½. Who is right?*
#
# <details><summary>Answer</summary>
#
# Nobody: there is no slope. The tape picked one of the values between the slopes on both sides; the centred
# difference is always their mean. So at a kink a check reports a bug that is none.
# </details>
#
# ## Further reading
#
# - A. Baydin, B. Pearlmutter, A. Radul and J. Siskind, *Automatic differentiation in machine learning: a survey*,
#   [arXiv:1502.05767](https://arxiv.org/abs/1502.05767).
# - A. Griewank and A. Walther, *Evaluating derivatives*, 2008,
#   [doi:10.1137/1.9780898717761](https://doi.org/10.1137/1.9780898717761): the book, with the proof of the cost.
# - S. Laue, *On the equivalence of automatic and symbolic differentiation*,
#   [arXiv:1904.02990](https://arxiv.org/abs/1904.02990): with parts shared, formulas are as short as programs.
# - T. Lillicrap and others, *Random feedback weights support learning in deep neural networks*,
#   [arXiv:1411.0247](https://arxiv.org/abs/1411.0247): the random matrix of the first section.
# - A. Karpathy, [micrograd](https://github.com/karpathy/micrograd): an engine for single numbers, in a hundred lines.
