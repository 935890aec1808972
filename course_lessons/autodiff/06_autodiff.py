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
# In lesson 05 we wrote every backward pass ourselves. Nobody tells Keras one. **How does it find the gradient of
# whatever we build?** You will build the machine that does it, on NumPy arrays, and train a network with it. But first:
# how would you notice that a gradient is *wrong*?

# %%
import timeit

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
# reads the sum of both hidden layers' outputs. Eight people write its backward pass:
#
# | gradient | what they did |
# |---|---|
# | right | all as it should be |
# | skip's message lost | what comes back along the skip is dropped |
# | branch's message lost | what comes back through the second layer is dropped |
# | no bias gradients | the biases stay at 0 |
# | random matrix for W3 | on the way back a fixed random matrix stands for $W_3^T$ |
# | slope of the wrong ReLU | the first layer uses the slopes of the second layer's ReLUs |
# | no ReLU slope | messages pass every ReLU, also where the sum was below 0 |
# | first layer gets nothing | $W_1$ and $b_1$ stay as they began |
#
# Each trains for 25 epochs at the best of seven learning rates, and its best epoch counts; both are chosen on the
# validation part. Ten seeds, recorded. Which of them learn? Guess first.

# %%
runs = at_best_rate(evidence("wrong_gradients"), "gradient", "validation_error")
show(
    charts.dots(
        {name: rows.test_error.to_numpy() for name, rows in runs.groupby("gradient", sort=False)},
        "error on test digits",
        percent=True,
    ),
    alt="Test errors of eight gradients, ten dots each. Right: 6 to 8 %, mean 7.1 %. Skip's message lost, "
    "branch's message lost, no bias gradients: 6 to 9 %, means from 7.3 to 7.7 %. Means of the others: random "
    "matrix 8.5 %, slope of the wrong ReLU 9 %, no ReLU slope 11 %, first layer without a gradient 15 %.",
)
wrong_errors = compare(runs, "gradient", "test_error")
assert wrong_errors.loc["skip's message lost", "low"] < 0 and runs.test_error.max() < 0.2
assert set(runs[runs.rate.isin([0.03, 3.2])].gradient) == {"no ReLU slope"}
wrong_errors.drop(columns="seeds").round(4)

# %% [markdown]
# **With every one of the eight gradients more than four of five digits are read.** Where the interval from `low` to
# `high` holds 0, we could not even tell a wrong gradient's error from that of the right one, which does not say that
# they are equally good. (These are seven intervals at once; one that just leaves out 0 may do so by chance. And *no
# ReLU slope* did best at the lowest rate tried, 0.03; the others inside the grid.) So a network that learns says little
# about its gradient. Something sharper is needed.
#
# ## Nudge it
#
# Let $f$ have three continuous derivatives. Taylor's series on both sides of $x$ are
#
# $$f(x \pm h) = f(x) \pm h f'(x) + \tfrac{h^2}{2} f''(x) \pm \tfrac{h^3}{6} f'''(\xi_\pm)$$
#
# with some $\xi_\pm$ between. Subtract, and divide by $2h$: $f$ and $f''$ cancel, and
#
# $$\frac{f(x+h)-f(x-h)}{2h} = f'(x) + \frac{h^2}{6} f'''(\xi) .$$
#
# On the left is the **centred difference**: nudge both ways, and divide by $2h$. One-sided, $\frac{f(x+h)-f(x)}{h}$,
# the error is $\frac h2 f''$: larger, as $h$ is small. So make $h$ tiny? The computer keeps 16 digits (in float32
# seven). So each $f$ is off by some small $\varepsilon$, and the quotient by up to $\varepsilon / h$, which *grows* as
# $h$ shrinks. The function below is our example for the whole lesson, $y = \cos(\sin x^2 + 3x^2)$ at $x = 2$. What do
# you expect of the error against $h$?


# %% tags=["T068"]
def worked(x):
    return np.cos(np.sin(x**2) + 3 * x**2)


def worked_slope(x):
    return -np.sin(np.sin(x**2) + 3 * x**2) * (np.cos(x**2) + 3) * 2 * x


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
    alt="Relative error against h on logarithmic axes: slanted Vs. In float64 the one-sided quotient is best near "
    "1e-8, the centred one stays near 1e-10 from 1e-7 to 1e-5, with one dip to 3e-11. In float32 both are best near"
    " 1e-3 to 1e-4, with an error of 1e-5; below 1e-7 all is lost.",
)
best = {
    (kind, name): {"best h": steps[e.argmin()], "error": e.min()}
    for kind, both in errors.items()
    for name, e in both.items()
}
pd.DataFrame(best).T.map("{:.0e}".format)

# %% [markdown]
# A V: on the right the curve's bend makes the error, on the left rounding. (The deepest dips, such as the table's best $h$, are
# luck: there the rounding errors nearly cancel.) The sum $\frac{h^2}{6}|f'''| + \frac{\varepsilon}{h}$ is least at $h =
# (3\varepsilon / |f'''|)^{1/3}$. With $\varepsilon \approx 10^{-15}$ and $|f'''| \approx 860$, as here in float64, that
# is about $10^{-6}$. Choose $h$ yourself: too long, right, and too short.

# %% tags=["T068", "widget"]
show(
    figures.secants(),
    alt="Three close-ups of the curve with a secant. h = 0.3: waves, the secant is nearly level. h = 0.001: curve "
    "and secant are one line, slope 9.099. h = 1e-15: the curve is a staircase, the secant's slope is 9.479.",
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
# $$\frac{\mathcal L(\mathbf w + h\mathbf v) - \mathcal L(\mathbf w - h\mathbf v)}{2h}
# \approx \mathbf v \cdot \nabla \mathcal L .$$
#
# A wrong gradient passes only if its error happens to be at a right angle to $\mathbf v$. Which of the eight pass?
# (`claimed_gradient` computes them; it stands in this lesson's `evidence.py`.)

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
# Only the right one. A direction for *each array* alone also tells where the bug is. Recorded for five seeds; the
# medians are shown:

# %% tags=["T068"]
checks = evidence("checks")
worst = checks.groupby(["gradient", "seed"]).error.max()
assert checks.error.between(1e-8, 1e-3).sum() == 0 and all(
    (error < 1e-8) == (bug == RIGHT) for (bug, _), error in worst.items()
)
show(
    figures.check_map(checks.groupby(["gradient", "array"], sort=False).error.median().unstack()),
    alt="A table of eight gradients and six arrays, coloured by the error of the check. Right: all below 1e-9. Each"
    " bug lights up in its own arrays, with errors from 0.08 to 2: a lost message, the wrong ReLU and a first "
    "layer without gradient in W1 and b1, no bias gradients in b1, b2 and b3, the random matrix and the missing"
    " slope in W1, b1, W2 and b2.",
)

# %% [markdown]
# The unit of error is the usual size of the array's gradient (the root of its mean square). With every seed the check
# is off by less than $10^{-8}$ where the gradient is right, and by more than $10^{-3}$ where it is wrong. And the
# arrays say where to look.
#
# Some rules. Use float64. Nudge at a random point: where all weights are 0, most gradients are 0, too, and a bug that
# multiplies them passes. Stay away from kinks, such as ReLU's at 0. Look at every array, and compare with the size of
# its gradient.
#
# ## Write out the formula
#
# Nudging checks; for training it is too slow. At school one applies rules to formulas: a computer can, too. Let a
# formula be a tree: a number, `"x"`, or a sum or product of two formulas. The sum rule and the product rule
# $(ab)' = a'b + ab'$ make the tree of the derivative.


# %% tags=["T069"]
def plus(a, b):
    if a == 0:
        return b
    return a if b == 0 else ("+", a, b)


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
    if not isinstance(formula, tuple):
        return [formula]
    _, a, b = formula
    return [formula, *all_parts(a), *all_parts(b)]


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
# the first is the product rule, and the second the chain rule (or Taylor's series, cut off *exactly*, since $\tau^2 =
# 0$). There is no $h$. TensorFlow has this as `ForwardAccumulator` (its `jvp`, Jacobian times vector, is the slope).
# Will both agree with the formula?


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
def worked_dual(x):
    square = x * x
    inner = square.through(np.sin, np.cos) + Dual(3.0) * square
    return inner.through(np.cos, lambda a: -np.sin(a))


two, one = tf.constant(2.0, tf.float64), tf.constant(1.0, tf.float64)
with tf.autodiff.ForwardAccumulator(two, one) as forward_mode:
    height = tf.cos(tf.sin(two**2) + 3 * two**2)
rows = {
    "dual numbers": worked_dual(Dual(2.0, slope=1.0)).slope,
    "TensorFlow": forward_mode.jvp(height).numpy(),
    "formula": worked_slope(2.0),
}
assert np.allclose(list(rows.values()), rows["formula"], rtol=1e-12)
pd.Series(rows, name="dy/dx at 2").round(7).to_frame()

# %% [markdown]
# Values and slopes that go forward together are the **forward mode**: one sweep gives the slope of *everything* by
# *one* input. For the slopes by 784 pixels that is 784 sweeps.
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
# A loss is *one* output of very many inputs. So turn round: compute the slope of the one output by everything. Let $x$
# be read by $u_1, \dots, u_J$, and $y$ be computed from these. A small change $dx$ changes each $u_j$ directly by
# $\frac{\partial u_j}{\partial x} dx$, and to first order the effects on $y$ add up:
#
# $$\frac{dy}{dx} = \sum_{j=1}^{J} \frac{dy}{du_j}\,\frac{\partial u_j}{\partial x} .$$
#
# Each *reader* $u_j$ of $x$ sends a message back, its own slope times the slope of the edge between them, and $x$ adds
# the messages: lesson 05's rule for hidden units, now for any program. For vectors the sum is a product of Jacobians
# (lesson 01). Three readers, two inputs:

# %% tags=["T076", "nbval-check-output"]
point = np.array([0.5, 2.0])
between = np.array([point[0] * point[1], np.sin(point[0]), point[0] + point[1] ** 2])  # u, and y = u1 u2 + u3
y_by_u = np.array([[between[1], between[0], 1.0]])  # 1 x 3
u_by_x = np.array([[point[1], point[0]], [np.cos(point[0]), 0], [1, 2 * point[1]]])  # 3 x 2
added = [sum(y_by_u[0, j] * u_by_x[j, i] for j in range(3)) for i in range(2)]
by_nudging = numerical_gradient(lambda: point.prod() * np.sin(point[0]) + point[0] + point[1] ** 2, point)
assert np.allclose(added, by_nudging) and np.allclose(added, y_by_u @ u_by_x)
rows = {"messages added": added, "Jacobians": (y_by_u @ u_by_x)[0], "nudged": by_nudging}
pd.DataFrame(rows, index=["x₁", "x₂"]).T.round(6)

# %% [markdown]
# So keep a record. A **computation graph** has a node for each value, with edges from the nodes it was computed from.
# Each edge needs one small rule: given my slope, what is the message to the node I read? A rule is a function of one
# line.


# %% tags=["T070", "T072"]
class Node:
    """A value, and the ways back: pairs of a node that it was computed from, and the rule for the message to it."""

    __array_ufunc__ = None  # so that NumPy leaves `array + node` to us
    made = 0

    def __init__(self, value, ways_back=()):
        self.value, self.ways_back = np.asarray(value, dtype=float), ways_back
        Node.made += 1
        self.number = Node.made

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
# In which order? A node may send only when *all* its readers have sent to it. Every node is computed from nodes that
# are there already, so a reader always has the higher number. Go through the numbers from the highest down. Turned
# round, that is a **topological order**: every node comes after all that it was computed from.


# %% tags=["T070", "T073"]
def gradients(output):
    """The slope of `output` by every node that it was computed from."""
    found, waiting = {output}, [output]
    while waiting:
        for parent, _ in waiting.pop().ways_back:
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    slopes = {node: np.zeros_like(node.value) for node in found}
    slopes[output] = np.ones_like(output.value)  # dy/dy = 1
    for node in sorted(found, key=lambda node: node.number, reverse=True):
        for parent, rule in node.ways_back:
            slopes[parent] = slopes[parent] + summed_to(parent.value.shape, rule(slopes[node]))
    return slopes


def summed_to(shape, message):
    """A row that was copied to every example gets a message from each copy: add them up."""
    summed = message.sum(axis=tuple(range(message.ndim - len(shape))))
    assert summed.shape == shape, "An axis of length 1 was stretched: that is exercise 3."
    return summed


# %% [markdown]
# To walk a record back, and send one message along each edge, is the **reverse mode** of automatic differentiation. In
# the worked example call $q = x^2$; it has two readers. Which messages does it get?

# %% tags=["T072", "T073", "T074", "G09", "F004", "picture"]
x_node = Node(2.0)
q_node = x_node * x_node
sin_node, three_node = sin(q_node), 3 * q_node
u_node = sin_node + three_node
y_node = cos(u_node)
slopes = gradients(y_node)
named = {"x": x_node, "q": q_node, "sin q": sin_node, "3q": three_node, "u": u_node, "y": y_node}
assert np.isclose(slopes[x_node], 9.09914854) and np.isclose(slopes[x_node], worked_slope(2.0))
show(
    figures.worked_graph(named, slopes),
    alt="A graph: x, q, then sin q above 3q, then u and y, with values in blue and slopes in red. Red "
    "arrows lead back from y: 0.969 to u and to both branches; q gets -0.634 and 2.908, together 2.275; x gets "
    "4.550 twice, together 9.099.",
)
rows = {}
for name, node in named.items():
    messages = [rule(slopes[reader]) for reader in named.values() for to, rule in reader.ways_back if to is node]
    rows[name] = {
        "forward: value": node.value.item(),
        "backward: messages": np.round(messages, 4).tolist(),
        "slope of y": slopes[node].item(),
    }
assert np.isclose(4 * rows["q"]["backward: messages"][-1], 11.634)  # 2x is 4
pd.DataFrame(rows).T

# %% [markdown]
# The values were filled in from top to bottom, the slopes from bottom to top. Both messages to $q$ are needed: if that
# of $3q$ *replaced* the other, with `=` for `+=`, one would get 2.9085 for $q$,
# and $2.9085 \cdot 2x = 11.634$ for $x$. Is the order needed, too? A node could pass every message on at once. What does that cost where each node is
# used twice?


# %% tags=["T073", "nbval-check-output"]
def walk_every_path(node, message, sums):
    """The same slopes, added up in `sums`, but each message is passed on at once. Returns the number of visits."""
    sums[node] = sums.get(node, 0) + message
    return 1 + sum(walk_every_path(parent, rule(message), sums) for parent, rule in node.ways_back)


counts = {}
for doublings in (5, 10, 15):
    first = doubled = Node(1.0)
    for _ in range(doublings):
        doubled = doubled + doubled
    path_sums = {}
    visits = walk_every_path(doubled, np.array(1.0), path_sums)
    assert path_sums[first] == gradients(doubled)[first] == 2**doublings
    counts[doublings] = {"nodes": doublings + 1, "visits, path by path": visits}
pd.DataFrame(counts).T.rename_axis("doublings")

# %% [markdown]
# 65,535 visits for 16 nodes: the order saves them.
#
# **Exercise 2.** Here is a graph as lists, the nodes in *any* order. `parents[i]` lists the nodes that node $i$ was
# computed from (one may stand there twice), `slopes[i]` the slope of each of these edges. Find the slope of the node
# `output` by every node. (One graph is a chain of 2,000 nodes: too deep for recursion in Python.)


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
# For a network the nodes hold arrays. Which rule has a matrix product $Y = AB$? With 32 examples, 784 inputs and 64
# units the Jacobian by $B$ would have a hundred million numbers, but it is not needed. Write $\bar Y$ for the gradient
# of the loss by $Y$, shaped like $Y$, and $\langle P, Q\rangle = \sum P_{ij} Q_{ij}$. A small change $dY$ changes the
# loss by $\langle \bar Y, dY\rangle$, and $\bar A$ is what makes this $\langle \bar A, dA\rangle$ for every $dA$. With
# $dY = dA\,B + A\,dB$,
#
# $$\langle \bar Y, dA\,B\rangle = \sum_{ijk} \bar Y_{ij}\, dA_{ik} B_{kj} = \langle \bar Y B^T, dA\rangle,
# \qquad \langle \bar Y, A\,dB\rangle = \langle A^T \bar Y, dB\rangle .$$
#
# So $\bar A = \bar Y B^T$ and $\bar B = A^T\bar Y$: the two lines that lesson 05 found index by index. In the same way,
# a function of each element multiplies by its slope; a sum copies its message to all that it added; and what was
# copied, a bias to every example, adds its messages up (`summed_to`).


# %% tags=["T070"]
def matmul(a, b):
    return Node(a.value @ b.value, [(a, lambda message: message @ b.value.T), (b, lambda message: a.value.T @ message)])


def total(a, axis=None):
    """The sum of all elements, or along one axis."""

    def to_all(message):
        return np.broadcast_to(message if axis is None else np.expand_dims(message, axis), a.value.shape)

    return Node(a.value.sum(axis=axis), [(a, to_all)])


def mean_cross_entropy(logits, one_hot):
    """Log of the sum of the powers, minus the logit of the true class (lesson 04), over a batch."""
    surprises = log(total(exp(logits), axis=1)) + -1 * total(one_hot * logits, axis=1)
    return (1 / len(one_hot)) * total(surprises)


# %% [markdown]
# The engine is complete. (This loss overflows where a logit is above 700; lesson 04 says how to prevent that.) Try it
# on a small network with a hidden layer of tanh, against `tf.GradientTape`, which is TensorFlow's own engine, and
# against the nudge.


# %% tags=["T070", "T075"]
def tanh_network(X, W1, b1, W2, b2):
    """Sums of the hidden layer, logits, and the loss."""
    sums = X @ W1 + b1
    logits = tanh(sums) @ W2 + b2
    return sums, logits, mean_cross_entropy(logits, one_hot)


rng = np.random.default_rng(1)
shapes = {"X": (4, 6), "W1": (6, 5), "b1": (5,), "W2": (5, 3), "b2": (3,)}
arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
one_hot = np.eye(3)[[0, 2, 1, 1]]
nodes = {name: Node(array) for name, array in arrays.items()}
hidden_sums, logits, small_loss = tanh_network(**nodes)
slopes = gradients(small_loss)

tensors = {name: tf.Variable(array) for name, array in arrays.items()}
with tf.GradientTape() as tape:
    tf_hidden = tf.tanh(tensors["X"] @ tensors["W1"] + tensors["b1"])
    tf_logits = tf_hidden @ tensors["W2"] + tensors["b2"]
    tf_loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(one_hot, tf_logits))
by_tape = tape.gradient(tf_loss, tensors)

# %% tags=["T070", "T075", "nbval-check-output"]
rows = {}
for name, array in arrays.items():
    ours = slopes[nodes[name]]
    by_nudging = numerical_gradient(lambda: tanh_network(**{n: Node(a) for n, a in arrays.items()})[-1].value, array)
    rows[name] = {
        "shape": array.shape,
        "as the tape": np.allclose(ours, by_tape[name], rtol=0, atol=1e-14),
        "as nudged": np.allclose(ours, by_nudging, rtol=0, atol=1e-9),
    }
y_minus_t = softmax(logits.value) - one_hot
assert np.allclose(len(one_hot) * slopes[logits], y_minus_t, atol=1e-14)
assert np.allclose(slopes[nodes["X"]], slopes[hidden_sums] @ arrays["W1"].T, atol=1e-14)
assert all(row["as the tape"] and row["as nudged"] for row in rows.values())
pd.DataFrame(rows).T

# %% [markdown]
# All agree, those with the tape to 14 decimals. The last asserts look inside. The gradient of the logits is
# $(y - t)/N$, the message of lesson 05: nobody told the engine, it came out of logarithm, sum and exponential. And the
# slope by an input is a sum over the hidden units, $\frac{\partial \mathcal L}{\partial x_i} = \sum_j
# W_{ij}\,\delta_j$, since every hidden unit reads $x_i$.
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
# Now a network for digits like lesson 05's, 784-64-10, with nothing but the forward pass written down. How many digits
# will it read after six epochs?


# %% tags=["T070"]
def digit_logits(W1, b1, W2, b2, images):
    return relu(images @ W1 + b1) @ W2 + b2


def gradient_by_engine(arrays, images, one_hot):
    nodes = [Node(array) for array in arrays]
    slopes = gradients(mean_cross_entropy(digit_logits(*nodes, images), one_hot))
    return [slopes[node] for node in nodes]


images, targets = digits.train.images.reshape(-1, 784).astype(float), np.eye(10)[digits.train.labels]
new_images, new_labels = digits.validation.images.reshape(-1, 784), digits.validation.labels
rng = np.random.default_rng(0)
W1, W2 = rng.normal(0, (2 / 784) ** 0.5, (784, 64)), rng.normal(0, (2 / 64) ** 0.5, (64, 10))
reader, share_right = [W1, np.zeros(64), W2, np.zeros(10)], {}
for epoch in range(1, 7):
    for batch in batches(len(images), 32, rng):
        steps_up = gradient_by_engine(reader, images[batch], targets[batch])
        reader = [array - 0.1 * slope for array, slope in zip(reader, steps_up, strict=True)]
    answers = digit_logits(*map(Node, reader), new_images).value.argmax(axis=1)
    share_right[epoch] = np.mean(answers == new_labels)
assert share_right[6] > 0.9
pd.Series(share_right, name="right on validation digits").rename_axis("epoch").map("{:.1%}".format).to_frame()

# %% [markdown]
# More than nine digits of ten, and nobody wrote a backward pass.
#
# **Exercise 4.** Now the network of the first section, 784-64-64-10 with its skip, whose backward pass had seven wrong
# versions. Find its gradient with the engine. Each hidden layer is a ReLU of its sums; the last layer reads the sum of
# both hidden layers' outputs; the loss is `mean_cross_entropy`.


# %% exercise="skip_gradient"
def skip_gradient(arrays, images, one_hot):
    """arrays: W1, b1, W2, b2, W3, b3. Returns a tuple: the gradient of the loss by each of them."""
    ### BEGIN SOLUTION
    nodes = [Node(array) for array in arrays]
    W1, b1, W2, b2, W3, b3 = nodes
    hidden = relu(images @ W1 + b1)
    joined = hidden + relu(hidden @ W2 + b2)
    slopes = gradients(mean_cross_entropy(joined @ W3 + b3, one_hot))
    return tuple(slopes[node] for node in nodes)
    ### END SOLUTION


# %% check="skip_gradient"
check(skip_gradient)

# %% [markdown]
# With the engine nobody writes the way back, so none of the seven mistakes can be made.
#
# ## The tape that professionals use
#
# `tf.GradientTape` records in the same way, but only what you ask for: operations on variables, and on what is
# *watched*. Before you run the cell: what does it say in each case?

# %% tags=["T070"]
q, v = tf.constant(2.0), tf.Variable(3.0)


def watched_square(tape):
    tape.watch(q)
    return q * q


cases = {
    "a constant, watched": (watched_square, q),
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
    slope = tape.gradient(result, variable)
    rows[name] = "None" if slope is None else f"{slope.numpy():g}"
pd.Series(rows, name="gradient").to_frame()

# %% [markdown]
# - `None` means that no recorded path leads there. It is no error; Keras' optimisers warn, and leave that variable as
#   it is.
# - Rounding *inside* a formula cuts one path without a word: int(v) · v has a slope of 3 here, by the second factor
#   alone.
# - A vector as target gives the gradient of its sum.
# - `where` computes both sides. The side that is thrown away has the slope $-1/0^2$, and 0 times infinity is nan. Make
#   the input harmless *before* the dangerous operation.
#
# After one `gradient` the record is freed, unless the tape is `persistent=True`. `course_lib.gradients`, which the
# other lessons use, is this tape (or JAX's or PyTorch's engine) behind one function.
#
# ## What does it cost?
#
# How many runs for the gradient by $n$ inputs? $2n$ nudges; $n$ sweeps of dual numbers; one walk back. Take
# $f(\mathbf x) = \sum \tanh(\mathbf x W)$ with 256 units. The unit of time is one $f$ in NumPy (which grows with $n$,
# too). A call counts by its fastest round, since whatever else your machine does can only slow it down. Which way will
# be cheapest at 4 inputs, and which at 1,024?


# %% tags=["T068", "T070", "T071"]
def fastest(call, rounds=20):
    """Seconds of a call in its fastest round."""
    return min(timeit.repeat(call, number=1, repeat=rounds))


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
    return gradients(total(tanh(node @ W)))[node]


# %% tags=["T068", "T070", "T071"]
sizes, relative = [4, 16, 64, 256, 1024], {}
for n in sizes:
    row, W = rng.normal(size=(1, n)), rng.normal(size=(n, 256)) / n**0.5
    tf_row, tf_W = tf.constant(row), tf.constant(W)
    ways = {
        "nudge": lambda row=row, W=W: numerical_gradient(lambda: np.tanh(row @ W).sum(), row),
        "dual numbers": lambda row=row, W=W: dual_gradient(row, W),
        "our engine": lambda row=row, W=W: engine_gradient(row, W),
        "GradientTape": lambda row=tf_row, W=tf_W: tape_gradient(row, W),
    }
    found_slopes = [np.asarray(way()) for way in ways.values()]
    assert all(np.allclose(slopes, found_slopes[0], atol=1e-7) for slopes in found_slopes)
    seconds_of_f = fastest(lambda row=row, W=W: np.tanh(row @ W).sum(), rounds=200)
    relative[n] = {name: fastest(way) / seconds_of_f for name, way in ways.items()}
costs = pd.DataFrame(relative).T
assert costs.loc[1024, ["our engine", "GradientTape"]].max() < costs.loc[1024, ["nudge", "dual numbers"]].min() / 3
show(
    charts.lines(dict(costs.items()), sizes, "inputs n", "time / time of one f", log="xy"),
    alt="Time for a gradient against the number of inputs, 4 to 1,024, both axes logarithmic. Nudge and dual "
    "numbers climb to thousands of times one f; with 1,024 inputs our engine and GradientTape lie far below.",
)
costs.round().astype(int).rename_axis("n")

# %% [markdown]
# Nudges and dual numbers climb with $n$, as the counts say: with 1,024 inputs both walks back were more than three
# times faster than either. With four inputs the order may be another one: there the sweeps are few, and the
# book-keeping of a walk counts. It is proven that an ideal reverse mode costs only a small constant times $f$, for any
# $n$ (Griewank and Walther, below); Python's book-keeping comes on top.
#
# Now one gradient of the digit network, on 32 digits, all in float64. By hand are the layers of lesson 05.

# %% tags=["T068", "T070"]
few = slice(0, 32)
by_hand = layers.Sequential([layers.Dense(784, 64, rng), layers.ReLU(), layers.Dense(64, 10, rng)])
for layer, kernel, bias in ((0, *reader[:2]), (2, *reader[2:])):
    by_hand.layers[layer].parameters = {"kernel": kernel, "bias": bias}


def hand_loss():
    return losses.softmax_cross_entropy(by_hand.forward(images[few]), digits.train.labels[few])


def hand_gradient():
    by_hand.backward(hand_loss()[1])
    return [array for layer in (0, 2) for array in by_hand.layers[layer].gradients.values()]


def tape_digits(arrays, batch, one_hot):
    with tf.GradientTape() as tape:
        tape.watch(arrays)
        logits = tf.nn.relu(batch @ arrays[0] + arrays[1]) @ arrays[2] + arrays[3]
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(one_hot, logits))
    return tape.gradient(loss, arrays)


# %% tags=["T068", "T070"]
tf_reader, compiled = [tf.constant(array) for array in reader], tf.function(tape_digits)
tf_batch, tf_targets = tf.constant(images[few]), tf.constant(targets[few])
ways = {
    "by hand": hand_gradient,
    "our engine": lambda: gradient_by_engine(reader, images[few], targets[few]),
    "GradientTape": lambda: tape_digits(tf_reader, tf_batch, tf_targets),
    "GradientTape in tf.function": lambda: compiled(tf_reader, tf_batch, tf_targets),
}
for found_gradient in (way() for way in ways.values()):
    assert all(np.allclose(one, other, atol=1e-12) for one, other in zip(found_gradient, hand_gradient(), strict=True))
seconds_of_loss = fastest(hand_loss, rounds=200)
step_costs = {name: fastest(way, rounds=100) / seconds_of_loss for name, way in ways.items()}
step_costs["nudge: 2 × 50,890 losses"] = 2.0 * sum(array.size for array in reader)
pd.Series(step_costs, name="time / time of one loss").map("{:,.1f}".format).to_frame()

# %% [markdown]
# These are one machine's numbers, perhaps while it was busy, on a small network: they do not rank the four ways. Run it
# on yours. (The layers and our engine also send a message to the pixels, which nobody asked for; the tape does not.)
# All are little beside a hundred thousand losses.
#
# Time is not the only price. The walk back needs the values of the way forward, so all of them must be *kept*. Count
# the numbers in the graph of a chain of tanh layers:

# %% tags=["T070", "nbval-check-output"]
kept = {}
for depth in (1, 4, 16, 64):
    top, weights = Node(np.zeros((50, 64))), Node(np.zeros((64, 64)))
    values = 0
    for _ in range(depth):
        sums = top @ weights
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
# **One slider changes a picture of 10,000 pixels. How do all pixels move with it? And which mode for the Hessian (the
# matrix of second derivatives) times a vector?**
#
# <details><summary>Answer</summary>
#
# One input, many outputs: forward mode, one sweep; a walk back would need one for each pixel. The Hessian times
# $\mathbf v$ is the slope of the *gradient* along $\mathbf v$: forward mode through a walk back. No Hessian is stored.
# </details>
#
# **ReLU has no slope at 0, and the tape says 0 there. The centred difference says ½. Who is right?**
#
# <details><summary>Answer</summary>
#
# Nobody: there is no slope. The tape picked one of the values between the slopes on both sides; the centred
# difference gives their mean. So at a kink a check reports a bug that is none.
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
