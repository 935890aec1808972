# ---
# jupyter:
#   course:
#     title: "The mathematics of learning: which way is down?"
#     summary: "Vectors, matrices, slopes and the chain rule, all to find a phone among four masts, and then to train a network."
#     objectives:
#       - "read and write vectors, matrices and tensors, with their shapes"
#       - "see a product of matrices in three ways, and use it in place of loops"
#       - "differentiate by rule, by nudging and automatically, and check one against another"
#       - "multiply Jacobians along a chain, in the order that is cheap"
#       - "walk downhill at a rate that works, and say why the lowest point is not always the goal"
#     needs: [00_start_here]
#     minutes: 75
#     data: [mnist_5k]
# ---

# %% [markdown]
# Four radio masts stand in a town. Each of them tells a phone one thing: how far away it is. None says in which
# direction.
#
# **How does the phone find out where it is, and why does the very same trick train a network with a million knobs?**
# Bring a little Python and school algebra; the rest is built here.

# %%
import time

import keras
import numpy as np
import pandas as pd
from scipy.optimize import fsolve

from course_lessons.maths_review import figures
from course_lib import data
from course_lib.evidence import compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.gradcheck import numerical_gradient
from course_lib.gradients import gradients
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## One number says how wrong you are
#
# The phone has two knobs to turn: its guess of where it is, $w_1$ kilometres east and $w_2$ kilometres north. Together
# they are written $\mathbf w = (w_1, w_2)$. For a guess it can compute how far each mast would be. Mast 1 stands at
# $(1, 2)$. From the guess $(4, 6)$ it is 3 km to the west and 4 km to the south, so by Pythagoras the distance is
# $y_1 = \sqrt{3^2 + 4^2} = 5$.
#
# The mast says what the distance really is. That is the **target** $t_1$, here 5.39. What is missed,
# $r_1 = y_1 - t_1 = -0.39$, is a **residual**. The phone has four of them, and wants one number that says how wrong the
# guess is: the **loss**. Square the residuals (so that too far and too near both count), take the mean, and halve it
# (the ½ will be useful soon):
#
# $$\mathcal L = \tfrac12 \cdot \tfrac14 \big( (y_1 - t_1)^2 + (y_2 - t_2)^2 + (y_3 - t_3)^2 + (y_4 - t_4)^2 \big)$$
#
# We make the targets from the place $(6, 4)$, which the phone does not know.

# %% tags=["T011", "nbval-check-output"]
masts = np.array([[1.0, 2], [9, 1], [8, 8], [2, 7]])  # a row for each mast: east, north
told = np.sqrt(np.sum((np.array([6.0, 4]) - masts) ** 2, axis=1))  # the targets


def distances(place):
    return np.sqrt(np.sum((place - masts) ** 2, axis=1))


def loss(place):
    return 0.5 * np.mean((distances(place) - told) ** 2)


guess = np.array([4.0, 6.0])
print("loss:", round(loss(guess), 3))
columns = {"distance y": distances(guess), "target t": told, "residual r": distances(guess) - told}
pd.DataFrame(columns, index=[f"mast {number}" for number in (1, 2, 3, 4)]).round(2)

# %% [markdown]
# Turn the knobs. Each dashed circle shows where one mast puts the phone. How low can you go?

# %% tags=["T011", "widget"]
town = figures.Town(masts, told)
show(
    town.at(east=4.0, north=6.0),
    alt="A map with four masts, each with a dashed circle; all circles meet in one point. A dot, the guess, lies away from "
    "it. Beside it bars: mast 1 is 0.4 km too near, mast 2 is 2.8 km too far, mast 3 is right, mast 4 is 2.8 km too near.",
)
explore(
    town.at,
    alt="A map with four masts and the circles on which they put the phone, a dot for the guess, and a bar for the residual "
    "of each mast.",
    east=(0.0, 10.0, 0.5),
    north=(0.0, 10.0, 0.5),
)

# %% [markdown]
# With two knobs you can feel your way: nudge one, keep what helps. What if there are more? Let us count, on the
# simplest loss there is: a bowl, half the sum of all squared knobs. Start at the distance 1 from its bottom, nudge all
# knobs at random, keep what helps, stop when 1 % of the loss is left. Every nudge has the length that was best in a
# longer experiment with 20 starts (`course evidence 01:random_search`). How many tries do you expect for ten times as
# many knobs?


# %%
def random_tries(knobs, share, rng):
    """Tries until 1 % of the loss is left; a nudge is as long as a share of the distance left."""
    w, tries = np.ones(knobs) / np.sqrt(knobs), 0
    while np.sum(w**2) > 0.01:
        nudge = rng.normal(size=knobs)
        moved = w + share * np.sqrt(np.sum(w**2) / np.sum(nudge**2)) * nudge
        w = moved if np.sum(moved**2) < np.sum(w**2) else w
        tries += 1
    return tries


knobs, shares, tries = figures.fewest_tries(evidence("random_search"))
# The best share shrinks as the root of the number of knobs; the record has it times that root.
live = [random_tries(n, share / np.sqrt(n), np.random.default_rng(0)) for n, share in zip(knobs, shares, strict=True)]
show(
    charts.lines({"recorded": tries, "one search, now": live}, knobs, "knobs", "tries", log="xy"),
    alt="Tries against knobs, both logarithmic: nearly a straight line, from about 10 tries for 2 knobs to about 11,000 for "
    "1,000 knobs.",
)
assert 8 < tries[3].mean() / tries[2].mean() < 12

# %% [markdown]
# On this bowl, ten times the knobs need about ten times the tries. At that rate a million would take eleven million tries.
# Better to know which way is *down*, for all knobs at once. That is what we look for now.
#
# ## Numbers in boxes
#
# First the boxes. A single number is a **scalar**. A row of $n$ numbers is a **vector**, a table with $m$ rows and $n$
# columns a **matrix**, and a box with any number of axes a **tensor**. The lengths of the axes are the **shape**, and
# their number is the **rank**. What is the shape of one number? And what comes out when the boxes of a difference have
# different shapes: one place $(2,)$ and four masts $(4, 2)$; four distances $(4,)$ and four targets in a column $(4, 1)$?

# %% tags=["T010", "T014", "nbval-check-output"]
train = data.mnist_5k().train  # handwritten digits, 28 x 28 pixels of ink from 0 to 1
boxes = {
    "scalar: one pixel": train.images[0, 14, 14, 0],
    "vector: a row of pixels": train.images[0, 14, :, 0],
    "matrix: a digit": train.images[0, :, :, 0],
    "tensor: 64 digits": train.images[:64],
    "place − masts": guess - masts,
    "distances − targets in a column": distances(guess) - told[:, None],  # [:, None] makes a column
}
rows = {}
for name, box in boxes.items():
    tensor = keras.ops.convert_to_tensor(box)
    rows[name] = {"NumPy shape": str(np.shape(box)), "Keras shape": str(tuple(tensor.shape)), "rank": tensor.ndim}
pd.DataFrame(rows).T

# %% [markdown]
# A scalar has no axis, so its shape is the empty `()`. In a difference NumPy lines the shapes up from the *right*, and
# repeats what is missing or has length 1. This is **broadcasting**: the one place meets each mast. It is handy, and a trap:
# the column gave sixteen residuals in place of four, and no error. Look at shapes before you look at numbers.
#
# The **norm** $\|\mathbf u\| = \sqrt{u_1^2 + \dots + u_n^2}$ is the length of an arrow (Pythagoras again), so the distance
# to a mast at $\mathbf q_i$ is $y_i = \|\mathbf w - \mathbf q_i\|$. The **dot product** multiplies entry by entry and
# adds up: $\mathbf u \cdot \mathbf v = u_1v_1 + \dots + u_nv_n$. By hand: $(3, 4) \cdot (2, 1) = 6 + 4 = 10$. (Formulas
# count from 1, Python from 0: $u_2$ is `u[1]`.)
#
# What does it tell? The arrows $\mathbf u$, $\mathbf v$ and $\mathbf u - \mathbf v$ form a triangle. Multiply out its
# third side, and compare with the law of cosines of school ($\theta$ is the angle between $\mathbf u$ and $\mathbf v$):
#
# $$\|\mathbf u - \mathbf v\|^2 = \|\mathbf u\|^2 + \|\mathbf v\|^2 - 2\,\mathbf u \cdot \mathbf v
# \qquad\text{and}\qquad \|\mathbf u - \mathbf v\|^2 = \|\mathbf u\|^2 + \|\mathbf v\|^2 - 2\,\|\mathbf u\|\|\mathbf v\|\cos\theta$$
#
# So $\mathbf u \cdot \mathbf v = \|\mathbf u\|\|\mathbf v\| \cos\theta$: largest when both point the same way, zero at a
# right angle, negative when they oppose. It also works for 784 pixels: which digit points most nearly the way of the first?

# %% tags=["T011", "nbval-check-output"]
u, v = np.array([3.0, 4]), np.array([2.0, 1])
print("second entry:", u[1], " norm:", np.linalg.norm(u), " dot product:", u @ v)

pixels = train.images[:200].reshape(200, 784)
cosines = pixels @ pixels[0] / (np.linalg.norm(pixels, axis=1) * np.linalg.norm(pixels[0]))
order = np.argsort(-cosines)[[0, 1, 2, 3, -3, -2, -1]]
show(
    charts.contact_sheet(train.images[order], [f"{cosines[place]:.2f}" for place in order], columns=7),
    alt="Seven handwritten digits with the cosine of their angle to the first, a 4: a 9 with 0.78, two 4s with 0.75 and 0.74, "
    "and three 1s near 0.1.",
)

# %% [markdown]
# To this 4 a 9 is nearest by angle, then two 4s; some 1s stand nearly at a right angle.
#
# ## One product, seen in three ways
#
# A matrix times a vector, $\mathbf c = A\mathbf b$ with $c_i = \sum_k A_{ik} b_k$. By hand, by rows and by columns:
#
# $$\begin{pmatrix} 2 & 1 \\ 0 & 3 \end{pmatrix} \begin{pmatrix} 4 \\ 5 \end{pmatrix} =
# \begin{pmatrix} 2 \cdot 4 + 1 \cdot 5 \\ 0 \cdot 4 + 3 \cdot 5 \end{pmatrix} =
# 4 \begin{pmatrix} 2 \\ 0 \end{pmatrix} + 5 \begin{pmatrix} 1 \\ 3 \end{pmatrix} = \begin{pmatrix} 13 \\ 15 \end{pmatrix}$$
#
# Each entry is a dot product with a *row*; the whole is a mixture of the *columns*. A product of two matrices does this
# for each column of the second: $C_{ij} = \sum_k A_{ik} B_{kj}$, shapes $(m, n)$ and $(n, p)$ give $(m, p)$. And there is
# a third way to see it. Collect what belongs to one $k$: a column of $A$ times a row of $B$, an **outer product**.

# %% tags=["T012", "T013"]
A, B = np.array([[2, 1], [0, 3]]), np.array([[1, 2], [3, 1]])
show(
    figures.readings(A, B),
    alt="Three rows of coloured 2 x 2 tables. An entry of C, 9, is row 2 of A times column 1 of B. Column 1 of C is 1 times "
    "A's column 1 plus 3 times A's column 2. All of C is the sum of two outer products.",
)
b = np.array([4, 5])
by_loops = np.array([sum(A[i, k] * b[k] for k in range(2)) for i in range(2)])
by_columns = A[:, 0] * b[0] + A[:, 1] * b[1]
print(by_loops, by_columns, np.einsum("ik,k->i", A, b), A @ b)

# %% [markdown]
# All are equal (`einsum` takes the formula itself). Are they equally fast?


# %% tags=["T013"]
def entry_by_entry(A, B):
    C = np.zeros((len(A), B.shape[1]))
    for i, j, k in np.ndindex(len(A), B.shape[1], len(B)):
        C[i, j] += A[i, k] * B[k, j]
    return C


ways = {
    "three loops": entry_by_entry,
    "mixtures of columns": lambda A, B: np.stack([A @ column for column in B.T], axis=1),
    "sum of outer products": lambda A, B: sum(np.outer(column, row) for column, row in zip(A.T, B, strict=True)),
    "einsum": lambda A, B: np.einsum("ik,kj->ij", A, B),
    "A @ B": lambda A, B: A @ B,
}
first, second = np.random.default_rng(0).normal(size=(2, 60, 60))
milliseconds = {}
for name, way in ways.items():
    began = time.perf_counter()
    assert np.allclose(way(first, second), first @ second)
    milliseconds[name] = 1000 * (time.perf_counter() - began)
assert milliseconds["three loops"] > 10 * milliseconds["A @ B"]
pd.Series(milliseconds, name="milliseconds").round(2).to_frame()

# %% [markdown]
# The same 216,000 multiplications, and loops are slower by far: in Python, write products.
#
# **Exercise 1, on real digits.** All distances at once: for rows of `first` and rows of `second` give the *squared*
# distance of every pair. The triangle above has a formula whose last term is one product of matrices. Below the check your
# function reads new digits: each gets the label of the nearest known one. Stuck? Run `hint("squared_distances")`.


# %% exercise="squared_distances"
def squared_distances(first, second):
    """first (n, d), second (k, d). Returns (n, k)."""
    ### BEGIN SOLUTION
    lengths = np.sum(first**2, axis=1)[:, None] + np.sum(second**2, axis=1)
    return lengths - 2 * first @ second.T
    ### END SOLUTION


# %% check="squared_distances"
check(squared_distances)

# %% tags=["T013"]
new = data.mnist_5k().validation
try:
    apart = np.asarray(squared_distances(new.images.reshape(-1, 784), train.images.reshape(-1, 784)))
    print(f"wrong labels: {np.mean(train.labels[apart.argmin(axis=1)] != new.labels):.1%}")
except NotImplementedError:
    print("Write squared_distances first.")

# %% [markdown]
# ## Slope: which way is down, for one knob
#
# Let the phone move east and west only, at 4 km north. A step $h$ changes the loss from $f(x)$ to $f(x + h)$. The quotient
# $\frac{f(x+h) - f(x)}{h}$ is the slope of the **secant**, the line through both points. Make $h$ small. What happens?

# %% tags=["T016", "widget"]
secant = figures.Secant(lambda east: loss(np.array([east, 4.0])), x=1.0, window=(-1, 11))
show(
    secant.strip(steps=(6.0, 3.0, 0.3)),
    alt="Three panels with the same curve, the loss against km east, lowest at 6. A line through two of its points turns, "
    "as they move together, into the dashed tangent.",
)
explore(
    secant.at,
    alt="The loss against km east, with a line through two of its points and the dashed tangent at the first.",
    step=(0.1, 8.0, 0.1),
)

# %% [markdown]
# The secant closes on the **tangent**. Its slope is the **derivative** $f'(x)$, or $\frac{\partial f}{\partial x}$: what
# the quotient tends to as $h$ goes to 0. A negative slope says: east is down.
#
# Three rules follow from the quotient (for functions that have slopes).
#
# - *Square.* $\frac{(x+h)^2 - x^2}{h} = 2x + h$, which tends to $2x$.
# - *Product.* $f(x+h)g(x+h) - f(x)g(x) = \big(f(x+h) - f(x)\big)g(x+h) + f(x)\big(g(x+h) - g(x)\big)$. Divide by $h$ and let
#   it go to 0: $f'g + fg'$.
# - *Chain.* Let $g$ feed $f$. A step $h$ moves $g$ by about $g'(x)h$, and that moves $f$ by about $f'(g(x)) \cdot g'(x)h$.
#   So slopes along a chain multiply: the **chain rule**.
#
# (The slopes of exp, log and sin we take from school.) Two checks need no algebra. *Nudge* the knob both ways and divide
# by $2h$. Or let Keras apply the rules to the program, operation by operation: **automatic differentiation**, `gradients`
# below (lesson 06 opens it).

# %% tags=["T015", "nbval-check-output"]
ops = keras.ops
table = {  # name: the function, its derivative by rule
    "constant 5": (lambda x: 5 + 0 * x, lambda x: 0),
    "power x³": (lambda x: x**3, lambda x: 3 * x**2),
    "exp x": (ops.exp, np.exp),
    "log x": (ops.log, lambda x: 1 / x),
    "sin x": (ops.sin, np.cos),
    "sum x³ + sin x": (lambda x: x**3 + ops.sin(x), lambda x: 3 * x**2 + np.cos(x)),
    "product x³ · sin x": (lambda x: x**3 * ops.sin(x), lambda x: 3 * x**2 * np.sin(x) + x**3 * np.cos(x)),
    "chain sin(x³)": (lambda x: ops.sin(x**3), lambda x: np.cos(x**3) * 3 * x**2),
}
point, h = np.array(1.3), 1e-5
rows = {}
for name, (function, derivative) in table.items():
    nudged = (float(function(point + h)) - float(function(point - h))) / (2 * h)
    automatic = float(gradients(function, point)[0])
    assert np.allclose([nudged, automatic], derivative(point), atol=1e-8)
    rows[name] = {"by rule": derivative(point), "nudged": nudged, "automatic": automatic}
pd.DataFrame(rows).T.round(4)

# %% [markdown]
# All agree. But why $h = 10^{-5}$, and why both ways? A smooth function (Taylor) has
# $f(x \pm h) = f \pm h f' + \frac{h^2}{2} f'' \pm \frac{h^3}{6} f''' + \dots$ Subtract the two: what does not change its
# sign cancels.
#
# $$\frac{f(x+h) - f(x-h)}{2h} = f' + \frac{h^2}{6} f''' + \dots \qquad\qquad \frac{f(x+h) - f(x)}{h} = f' + \frac{h}{2} f'' + \dots$$
#
# So both ways the error is of size $h^2$, one way of size $h$. Smaller is better, then? No: a computer rounds $f$ to about
# 16 digits, by a share $\varepsilon = 2 \cdot 10^{-16}$, and dividing by $h$ makes of that about $\varepsilon / h$. The best
# nudge is where both errors are alike: $h^2 = \varepsilon / h$, so $h = \varepsilon^{1/3}$, and one way $h = \sqrt\varepsilon$
# (if $f$ and its derivatives are of size 1).

# %% tags=["T015"]
nudges, places = np.logspace(-13, 0, 53)[:, None], np.random.default_rng(0).uniform(0, 2, 50)


def wave(x):
    return np.exp(x) * np.sin(x)


slope = np.exp(places) * (np.sin(places) + np.cos(places))  # by the product rule
both_ways = (wave(places + nudges) - wave(places - nudges)) / (2 * nudges)
one_way = (wave(places + nudges) - wave(places)) / nudges
kinds = {"both ways": both_ways, "one way": one_way}
errors = {name: np.median(np.abs(found - slope) / np.abs(slope), axis=1) for name, found in kinds.items()}
epsilon = np.finfo(float).eps
predicted = {"both ways": epsilon ** (1 / 3), "one way": np.sqrt(epsilon)}
show(
    figures.nudge_sizes(nudges, errors, predicted),
    alt="The error of the quotient against the nudge, both logarithmic: two letters V. Both ways the lowest point is near "
    "1e-5 with an error near 1e-11, one way near 1e-8 with an error near 1e-8, each at its predicted line.",
)
assert errors["both ways"].min() < errors["one way"].min() / 200

# %% [markdown]
# The lowest points lie where predicted, and at its best nudging both ways is hundreds of times more exact.
#
# ## Many knobs: gradients and Jacobians
#
# Nudge one knob and hold the others: the slope is a **partial derivative**, $\partial \mathcal L / \partial w_1$. All of
# them, in a box with the shape of the variable (so that it can be subtracted from it), are the **gradient**
# $\nabla \mathcal L$. If there are several outputs, the
# partial derivatives fill a matrix, the **Jacobian** $\partial \mathbf y / \partial \mathbf x$. In this course it has *a row
# for each output and a column for each input*. One knob or two, one loss or four distances: guess the four shapes.


# %% tags=["T017", "nbval-check-output"]
def tensor_distances(place):
    return ops.sqrt(ops.sum((place - masts) ** 2, axis=1))


def tensor_loss(place):
    return 0.5 * ops.mean((tensor_distances(place) - told) ** 2)


def on_the_street(east):  # the place, where only one knob turns
    return ops.stack([east, ops.full_like(east, 6.0)])


def slopes(function, at):
    """The Jacobian by automatic differentiation, which takes one output at a time."""
    outputs = np.array(function(at))
    rows = [gradients(lambda x, i=i: function(x)[i], at)[0] for i in np.ndindex(outputs.shape)]
    return np.reshape(rows, outputs.shape + np.shape(at))


shapes = {}
for name, function in {"one loss": tensor_loss, "four distances": tensor_distances}.items():
    one_knob = slopes(lambda east, function=function: function(on_the_street(east)), np.array(4.0))
    shapes[name] = {"one knob": str(one_knob.shape), "two knobs": str(slopes(function, guess).shape)}
pd.DataFrame(shapes).T

# %% [markdown]
# (Beware: asked for several outputs at once, `gradients` gives the gradient of their *sum*.)
#
# Which way is steepest? A short step $h$ along an arrow $\mathbf u$ of length 1 turns all knobs a little, and the changes
# add up to about $h\,(\nabla\mathcal L \cdot \mathbf u) = h\,\|\nabla\mathcal L\| \cos\theta$. That is most when $\mathbf u$ points along the
# gradient, nothing at a right angle to it, and least, downhill, *against* it. So *the gradient points the steepest way
# up*.
#
# Now the Jacobian of the phone. With $\mathbf v = \mathbf w - \mathbf q_i$, $y_i = \sqrt{v_1^2 + v_2^2}$, and by the chain rule
#
# $$\frac{\partial y_i}{\partial w_1} = \frac{1}{2\sqrt{v_1^2 + v_2^2}} \cdot 2v_1 = \frac{v_1}{y_i},
# \qquad\text{so row } i \text{ is}\quad \frac{\mathbf w - \mathbf q_i}{y_i}$$
#
# It is an arrow of length 1 that leads straight away from mast $i$. (On the mast itself it would be 0/0: no slope.) A
# Jacobian one can see:


# %% tags=["T017"]
def arrows(place):
    """The Jacobian of the distances, (4, 2)."""
    return (place - masts) / distances(place)[:, None]


show(
    town.arrows(guess),
    alt="The map with four masts and a dot. From the dot four arrows of equal length lead straight away from the masts.",
)
assert np.allclose(arrows(guess), slopes(tensor_distances, guess), atol=1e-10)
pd.DataFrame(arrows(guess), index=[f"y{i}" for i in (1, 2, 3, 4)], columns=["by w₁", "by w₂"]).round(2)

# %% [markdown]
# **Exercise 2.** Write the Jacobian of any function by nudging both ways.


# %% exercise="jacobian"
def jacobian(function, x):
    """function takes (n,) and returns (outputs,). Returns (outputs, n)."""
    ### BEGIN SOLUTION
    h, columns = 1e-5, []
    for nudge in h * np.eye(len(x)):
        columns.append((np.asarray(function(x + nudge)) - np.asarray(function(x - nudge))) / (2 * h))
    return np.stack(columns, axis=1)
    ### END SOLUTION


# %% check="jacobian"
check(jacobian)

# %% [markdown]
# ## The chain rule, with shapes
#
# Let $\mathbf x$ feed $\mathbf y$, and $\mathbf y$ feed $\mathbf u$. A step $h$ of $x_j$ moves every $y_k$ by about
# $\frac{\partial y_k}{\partial x_j} h$, and each of these moves $u_i$ by $\frac{\partial u_i}{\partial y_k}$ times as much.
# For small steps the shares of all ways from $x_j$ to $u_i$ add up, and that sum is a product of matrices:
#
# $$\frac{\partial u_i}{\partial x_j} = \sum_k \frac{\partial u_i}{\partial y_k}\, \frac{\partial y_k}{\partial x_j},
# \qquad\text{that is}\quad \frac{\partial \mathbf u}{\partial \mathbf x} =
# \frac{\partial \mathbf u}{\partial \mathbf y}\, \frac{\partial \mathbf y}{\partial \mathbf x}$$
#
# Slopes along a chain multiply, as before; now they are Jacobians. Take the smallest network there is:
# $a = \mathbf x \cdot \mathbf w$, and the loss of one example $\ell = (\mathbf x \cdot \mathbf w - t)^2$. In three steps:
#
# $$a = \mathbf x \cdot \mathbf w,\quad r = a - t,\quad \ell = r^2: \qquad
# \frac{\partial \ell}{\partial \mathbf w} = \underbrace{\frac{\partial \ell}{\partial r}}_{2r,\ (1, 1)}\;
# \underbrace{\frac{\partial r}{\partial a}}_{1,\ (1, 1)}\; \underbrace{\frac{\partial a}{\partial \mathbf w}}_{\mathbf x^{\mathsf T},\ (1, n)}
# = 2\,(\mathbf x \cdot \mathbf w - t)\, \mathbf x^{\mathsf T}$$
#
# ($\mathbf x^{\mathsf T}$ is $\mathbf x$ as a row.) By hand, $\mathbf x = (1, 2)$, $\mathbf w = (3, -1)$, $t = 2$: $a = 1$,
# $r = -1$, and the gradient is $-2 \cdot (1, 2) = (-2, -4)$. Do nudging and Keras agree?

# %% tags=["T018", "T019", "Q04", "F001", "nbval-check-output"]
x, w, t = np.array([1.0, 2.0]), np.array([3.0, -1.0]), 2.0
factors = [np.array([[2 * (x @ w - t)]]), np.array([[1.0]]), x[None, :]]
print("factors:", *(f"{factor.tolist()} {factor.shape}" for factor in factors))
found = {
    "product of the factors": (factors[0] @ factors[1] @ factors[2])[0],
    "formula": 2 * (x @ w - t) * x,
    "nudged": numerical_gradient(lambda: (x @ w - t) ** 2, w),
    "automatic": gradients(lambda w: (ops.sum(x * w) - t) ** 2, w)[0],
}
assert all(np.allclose(each, found["formula"], atol=1e-8) for each in found.values())
pd.DataFrame(found, index=["by w₁", "by w₂"]).T.round(6)

# %% [markdown]
# Now the phone: place → four distances → four halved squares → their mean.
#
# $$\frac{\partial \mathcal L}{\partial \mathbf w} = \underbrace{\big(\tfrac14\ \tfrac14\ \tfrac14\ \tfrac14\big)}_{(1, 4)}\;
# \underbrace{\mathrm{diag}(r_1, \dots, r_4)}_{(4, 4)}\; \underbrace{\frac{\partial \mathbf y}{\partial \mathbf w}}_{(4, 2)},
# \qquad\text{that is}\quad \nabla \mathcal L = \frac14 \sum_i r_i\, \frac{\mathbf w - \mathbf q_i}{y_i}$$
#
# (The halved square $\frac12 r_i^2$ has the slope $r_i$: there the ½ paid off. It depends on no other residual, so its
# Jacobian has zeros off the diagonal.) Read it: downhill, each mast pulls the phone if it is too far, and pushes if it
# is too near.


# %% tags=["T018", "nbval-check-output"]
def gradient(place):
    return np.mean((distances(place) - told)[:, None] * arrows(place), axis=0)


chain = [np.full((1, 4), 0.25), np.diag(distances(guess) - told), arrows(guess)]
halved_squares = slopes(lambda place: 0.5 * (tensor_distances(place) - told) ** 2, guess)
assert np.allclose(chain[1] @ chain[2], halved_squares, atol=1e-10)  # (4, 4)(4, 2) = (4, 2)
found = {
    "three Jacobians": (chain[0] @ chain[1] @ chain[2])[0],
    "pulls and pushes": gradient(guess),
    "automatic": gradients(tensor_loss, guess)[0],
}
assert np.allclose(found["three Jacobians"], found["automatic"], atol=1e-10)
pd.DataFrame(found, index=["by w₁", "by w₂"]).T.round(4)

# %% [markdown]
# Where one begins to multiply changes nothing but the cost. A row times an $n \times n$
# matrix takes $n^2$ multiplications, two such matrices $n^3$. So for a row and three Jacobians:
# $((\text{row} \cdot J_3) \cdot J_2) \cdot J_1$ takes $3n^2$, and $\text{row} \cdot (J_3 \cdot (J_2 \cdot J_1))$ takes
# $2n^3 + n^2$. For $n = 1000$ that is 667 times as many. And by the clock?


# %% tags=["T018"]
def fastest(work, tries):
    seconds = []
    for _ in range(tries):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


J1, J2, J3 = np.random.default_rng(0).normal(size=(3, 1000, 1000)) / 30
row = np.ones((1, 1000))
assert np.allclose(((row @ J3) @ J2) @ J1, row @ (J3 @ (J2 @ J1)))
from_the_loss = fastest(lambda: ((row @ J3) @ J2) @ J1, tries=5)
from_the_inputs = fastest(lambda: row @ (J3 @ (J2 @ J1)), tries=2)
assert from_the_inputs > 5 * from_the_loss
print(f"from the loss backwards: {1000 * from_the_loss:.1f} ms, from the inputs: {1000 * from_the_inputs:.0f} ms")

# %% [markdown]
# By the clock, too, the gap is wide. So begin at the loss! There is only *one* row to carry, and each step costs as much as
# such a layer does on the way forward. That is back-propagation in one line; lesson 05 builds it.
#
# **Exercise 3.** In real satellite navigation the clock of the phone is wrong as well, which adds the same $b$ to all
# distances: $y_i = \|\mathbf w - \mathbf q_i\| + b$. Give the gradient of the loss by all three knobs $(w_1, w_2, b)$.


# %% exercise="gps_gradient"
def gps_gradient(unknowns, masts, told):
    """unknowns (3,): east, north and b; masts (n, 2); told (n,). Returns (3,)."""
    ### BEGIN SOLUTION
    apart = unknowns[:2] - masts
    lengths = np.sqrt(np.sum(apart**2, axis=1))
    residuals = lengths + unknowns[2] - told
    by_place = np.mean(residuals[:, None] * apart / lengths[:, None], axis=0)
    return np.append(by_place, np.mean(residuals))
    ### END SOLUTION


# %% check="gps_gradient"
check(gps_gradient)

# %% [markdown]
# ## Walk down
#
# Now the phone can walk: from any start, step against the gradient, again and again.
#
# $$\mathbf w \leftarrow \mathbf w - \eta\, \nabla \mathcal L$$
#
# This is **gradient descent**, and $\eta$ is the **learning rate**. Three rates: which is best?


# %% tags=["T020", "picture"]
def descend(gradient, start, learning_rate, steps):
    path = [start]
    for _ in range(steps):
        path.append(path[-1] - learning_rate * gradient(path[-1]))
    return np.array(path)


start = np.array([1.0, 9.0])
paths = {f"rate {rate}": descend(gradient, start, rate, steps=20) for rate in (0.1, 2.0, 3.7)}
show(
    town.descents(paths),
    alt="Left, the map with contour lines and three paths: at a rate of 0.1 short steps that do not arrive, at 2 a few "
    "long steps to (6, 4), at 3.7 jumps to and fro around it. Right, the loss: slowly falling; nearly 0 after a few steps; "
    "falling at first, then rising again.",
)
assert loss(paths["rate 2.0"][-1]) < 1e-6 < 1 < min(loss(paths["rate 0.1"][-1]), loss(paths["rate 3.7"][-1]))

# %% [markdown]
# One is too slow, one good, and with the third the phone leaps to and fro over the goal. Where is the limit? Take a bowl with
# one knob, $\frac12 \lambda d^2$, where $d$ is the distance from the bottom. Its slope is $\lambda d$, so a step makes
#
# $$d \leftarrow d - \eta \lambda d = (1 - \eta\lambda)\, d$$
#
# The factor lies between −1 and 1 only if $0 < \eta < 2/\lambda$. $\lambda$ is the **curvature**.
#
# And the phone? At the right place all residuals are 0. A small step $\mathbf d$ away from it makes them about $J\mathbf d$
# ($J$: the four arrows; $J^{\mathsf T}$ has rows and columns swapped). So there, nearly,
# $\mathcal L = \frac12 \cdot \frac14 \|J\mathbf d\|^2 = \frac12 \mathbf d^{\mathsf T} H \mathbf d$ with
# $H = J^{\mathsf T}J/4$: a bowl, with the gradient $H\mathbf d$. In its main directions, as many as knobs and at right
# angles, $H$ only stretches: $H\mathbf d = \lambda\mathbf d$. There a step multiplies $\mathbf d$ by $1 - \eta\lambda$, as above,
# and any other $\mathbf d$ is a mixture of them. The curvature $\lambda$ along a main direction is an **eigenvalue** of $H$;
# `eigvalsh` finds them all. So the *steepest* direction sets the limit $2/\lambda_{\max}$, and the flattest takes longest.
#
# Move the sliders: is the limit where the arrows say? What if the masts are wrong (`noise`, in km)? Start on a mast, too
# (its arrow is left out).

# %% tags=["T020", "widget"]
J = arrows(np.array([6.0, 4.0]))
curvatures = np.linalg.eigvalsh(J.T @ J / 4)
print("curvatures:", curvatures.round(3), " largest rate:", round(2 / curvatures.max(), 2))
near = np.array([6.01, 4.01])
for rate, arrives in ((3.45, True), (3.48, False)):
    assert (loss(descend(gradient, near, rate, steps=300)[-1]) < loss(near)) == arrives
explore(
    town.walk,
    alt="A path of gradient descent on the map, ending at a star, and its loss, step by step.",
    east=(0.0, 10.0, 0.5),
    north=(0.0, 10.0, 0.5),
    rate=(0.1, 4.0, 0.1),
    noise=(0.0, 2.0, 0.25),
)

# %% [markdown]
# The same `descend` trains a network. Let ten sums read a digit, one for each class: $X$ holds $N$ digits in rows (784
# pixels and a constant 1), $W$ has a column for each class, with a weight for each input, $T$ a 1 for the right class
# and else 0. With the residuals $r_{ej}$, the entries of $XW - T$, the loss is $\mathcal L = \frac{1}{2N} \sum r_{ej}^2$ over all examples $e$ and classes
# $j$. The weight $W_{ij}$ reaches only column $j$, and there with the factor $X_{ei}$. So
#
# $$\frac{\partial \mathcal L}{\partial W_{ij}} = \frac1N \sum_e X_{ei}\, r_{ej}, \qquad\text{that is}\quad
# \nabla \mathcal L = \frac1N X^{\mathsf T} (XW - T)$$
#
# with shapes $(785, N)(N, 10) = (785, 10)$, that of $W$. Which rate? We try, in 7,850 dimensions.

# %% tags=["T020"]
X = np.insert(train.images.reshape(len(train), -1).astype(float), 0, 1.0, axis=1)
T = np.eye(10)[train.labels]
XX, XT = X.T @ X / len(X), X.T @ T / len(X)  # they stay the same: multiply once
X_new = np.insert(new.images.reshape(len(new), -1), 0, 1.0, axis=1)
losses = {}
for rate in (0.005, 0.05, 0.055):
    walk = descend(lambda W: XX @ W - XT, np.zeros((785, 10)), rate, steps=100)
    losses[f"rate {rate}"] = [0.5 * np.mean(np.sum((X @ W - T) ** 2, axis=1)) for W in walk[::10]]
    if rate == 0.05:
        error = np.mean((X_new @ walk[-1]).argmax(axis=1) != new.labels)
        print(f"rate {rate}: {error:.0%} of new digits are read wrongly (guessing: 90%)")
figure = charts.lines(losses, np.arange(0, 101, 10), "steps", "loss")
figure.axes[0].set_ylim(0, 1)
show(
    figure,
    alt="The loss against steps. At a rate of 0.005 it falls slowly from 0.5, at 0.05 faster to about 0.2, at 0.055 it rises "
    "at once and leaves the picture.",
)
assert losses["rate 0.055"][-1] > losses["rate 0.055"][0] > losses["rate 0.005"][-1] > losses["rate 0.05"][-1]

# %% [markdown]
# (On these 500 digits the nearest known one, exercise 1, was right more often: ten sums are a beginning.)
#
# **Exercise 4, on real digits.** We found the limit by trying. Compute it, for any `inputs` $X$, constant included. And let
# some examples count more than others: the loss is $\frac{1}{2N} \sum c_e\, r_{ej}^2$. Below which rate does the walk settle?
# (As for the phone: what is $H$ here?) Then ask your function about `X`, each $c_e$ being 1.


# %% exercise="largest_rate"
def largest_rate(inputs, importance):
    """inputs (N, n), importance (N,): the c of each example. Returns one number."""
    ### BEGIN SOLUTION
    curvatures = np.linalg.eigvalsh(inputs.T @ (importance[:, None] * inputs) / len(inputs))
    return 2 / curvatures.max()
    ### END SOLUTION


# %% check="largest_rate"
check(largest_rate)

# %% [markdown]
# ## Is it the lowest point?
#
# Let the four masts stand nearly in a line, along a road, and let each be wrong by some 100 m. The phone is at $(4, 8)$. Send
# 200 walkers from random starts, once along one street only, once over the whole map. Where do they end? And where is the
# gradient 0 without a lowest point? (`fsolve` finds a place where a function is 0.)

# %% tags=["T021"]
road = np.array([[0.0, 5.2], [3.0, 4.9], [6.0, 5.1], [10.0, 4.8]])
noise = np.random.default_rng(0).normal(size=4)
# Town.gradient is `gradient` from above, for many places at once; times [0, 1] it moves them north and south only.
beside = figures.Town(road, np.linalg.norm(np.array([4.0, 8.0]) - road, axis=1) + 0.1 * noise)
starts = np.random.default_rng(1).uniform(0, 10, size=(200, 2))
on_street = np.column_stack([np.full(200, 4.0), starts[:, 1]])
along = descend(lambda places: beside.gradient(places) * [0, 1], on_street, learning_rate=1.0, steps=300)[-1]
ends = descend(beside.gradient, starts, learning_rate=1.0, steps=300)[-1]
show(
    beside.valleys((on_street, along), starts, ends),
    alt="Left, the loss along a street, a W: walkers end in both valleys. Middle, the map: those from the north end at "
    "(4, 8), those from the south near (4, 2). Right, their losses: two bars, one near 0, one near 0.012.",
)
right = np.linalg.norm(ends - [4, 8], axis=1) < 0.5
print(
    f"{right.sum()} of 200 find the phone: loss {beside.loss(ends[right]).max():.4f}; others {beside.loss(ends[~right]).min():.4f}"
)
pass_between = fsolve(beside.gradient, [4.0, 5.0])
for side in (0.001, -0.001):
    path = descend(beside.gradient, pass_between + np.array([0, side]), learning_rate=1.0, steps=300)
    print("from", pass_between.round(2), "and a step of", side, "north to", path[-1].round(1))

# %% [markdown]
# There are two valleys. The bottom of each is a **local minimum**: every small step leads up. The lowest of all is the
# **global minimum**. Between them lies a **saddle point**, flat, too: up to the east and west, down to the north and south; a
# metre decides. And where a loss hardly changes at all, a **plateau**, the walk nearly stands still.
#
# Must one find the lowest point, then? Even that need not be the truth. Let the masts err by some 300 m, six times anew:

# %% tags=["T021", "nbval-check-output"]
rows = {}
for seed in range(6):
    errors_of_masts = 0.3 * np.random.default_rng(seed).normal(size=4)
    heard = figures.Town(road, np.linalg.norm(np.array([4.0, 8.0]) - road, axis=1) + errors_of_masts)
    north, south = (descend(heard.gradient, np.array([4.0, side]), 1.0, steps=300)[-1] for side in (8.0, 2.0))
    rows[f"errors {seed}"] = {"loss, true valley": heard.loss(north), "loss, false valley": heard.loss(south)}
valleys = pd.DataFrame(rows).T
assert (valleys["loss, false valley"] < valleys["loss, true valley"]).any()
valleys.round(4)

# %% [markdown]
# Sometimes the false valley is the lower one. And with digits? The ten sums have a single valley, and a library computes its
# lowest point exactly. Recorded for ten random splits of 5,000 digits: the loss on the 3,500 learnt from, and the error on 1,000 new
# ones, along the walk. The other 500, the **validation** digits, say where to stop. Which point would you choose?

# %% tags=["T021"]
record = evidence("low_enough")
show(
    figures.steps_and_error(record),
    alt="Against steps from 1 to a million: the loss falls all the way, towards the level of the exact minimum. The error on "
    "new digits falls to about 14 % at some 300 steps and then rises again, towards 19 %.",
)
exact = record[record.steps == "exact"].assign(way="exact minimum")
walks = record[record.steps != "exact"].sort_values("validation_error", kind="stable")
stopped = walks.groupby("seed").head(1).assign(way="stopped early")  # the lowest validation error
gap = compare(pd.concat([exact, stopped]), "way", "test_error")
assert gap.loc["stopped early", "high"] < 0
print("independent columns of X:", np.linalg.matrix_rank(X), "of", X.shape[1])
gap.round(3)

# %% [markdown]
# A walk that stops where the validation digits say makes fewer errors on new digits than the exact minimum. So low
# enough is good enough, and here even better. And the minimum is not even one point:
# the weight of a pixel that is dark in all digits may be anything, a perfect plateau.
#
# ## The symbols of this course
#
# | sign | means | shape, Keras name |
# |---|---|---|
# | $x$, $\mathbf x$, $X$ | an input number, one example, a batch of them in rows; $x_0 = 1$ where the bias is counted as a weight | `()`, `(n,)`, `(N, n)` |
# | $w$, $\mathbf w$, $W$; $b$ | weights; $W_{ij}$ leads from input $i$ to unit $j$; bias | `kernel` `(n_in, n_out)`, `bias` `(n_out,)` |
# | $a$; $z$; $y$ | weighted sum $a = \sum_i w_i x_i + b$, called logit in the last layer; $z = f(a)$, output of a hidden unit; output of the network | `(N, units)` |
# | $t$, $T$; $r$ | target, a batch of them in rows; residual, output minus target. There is no $\hat y$ | `(N,)` or `(N, classes)` |
# | $f$; $\sigma(\cdot)$ | activation function; the sigmoid, always with its bracket | |
# | $\ell$; $\mathcal L$; $\mathcal M$ | loss of one example; mean over the examples; $\mathcal L + \frac{\alpha}{2}\sum w^2$ with weight decay | `()` |
# | $\alpha$; $\eta$; $\mu$ | strength of weight decay; learning rate; momentum | `L2(α / 2)`; `learning_rate`; `momentum` |
# | $\nabla \mathcal L$, $\partial \mathcal L/\partial W$ | gradient | that of its variable |
# | $\partial \mathbf y/\partial \mathbf x$ | Jacobian, a row for each output | `(n_out, n_in)` |
# | $\delta$ | message to a unit, $\partial \ell/\partial a$ | `(N, units)` |
# | $h$; $\varepsilon$ | nudge; a small constant | |
# | $\lambda$; $H$ | eigenvalue, a curvature; matrix of second derivatives | |
# | $n$, $N$; $i$, $j$, $k$; $l$, $D$ | number of inputs, of examples; from unit $i$ to unit $j$, $k$ in sums; layer $l$ of $D$ | |
# | $k$, $s$, $p$, $m$ | kernel size, stride, padding, pixels along a side | `kernel_size`, `strides` |
# | $\odot$; $\star$; $\ast$ | product entry by entry; cross-correlation, what `Conv2D` computes; true convolution | |
# | $P(\cdot)$; $\log$ | probability; natural logarithm | |
# | $\mathrm{mean}$, $\mathrm{Var}$, $\mathrm{std}$ | written out | |
# | $\gamma$, $\beta$ | scale and shift of batch normalisation | `gamma`, `beta` |
# | $R$; $\rho$ | longest example; margin (lesson 02) | |
#
# Other letters, such as $\mathbf q$, $J$ and $d$ here, belong to their section alone, as do those of a quoted paper.
#
# ## In short
#
# Write how wrong you are as one number. Its gradient says for all knobs at once which way is up. The chain rule finds it
# through any stack of steps, cheaply from the loss backwards. Walk down in small steps; be content with a low point.
#
# | | the phone | ten sums for digits |
# |---|---|---|
# | knobs | 2 | 7,850 |
# | gradient | $\frac14 J^{\mathsf T}\mathbf r$ | $\frac1N X^{\mathsf T}(XW - T)$ |
# | largest rate | 3.46 | exercise 4 |
# | lowest point | may be the wrong one | more errors than a walk stopped early |
#
# ## Think about it
#
# **A network has a million weights and takes 10 ms for one answer. How long does one gradient take by nudging?**
#
# <details><summary>Answer</summary>
#
# Two answers for each weight: 20,000 seconds, five and a half hours, for a single step. By the chain rule from the loss
# backwards it is the time of a few answers (Griewank and Walther prove it). That is why lesson 05 exists.
# </details>
#
# **Two descents end in two places with the same loss. Is one of them wrong?**
#
# <details><summary>Answer</summary>
#
# For the phone, yes, and no loss can tell which: it needs a mast off the road. For a network often not: swap two units in
# the middle with all their weights, and every answer stays the same. Ask what the numbers are for.
# </details>
#
# ## Further reading
#
# - G. Strang, *Linear Algebra and Learning from Data*, 2019: products, and what matrices do.
# - T. Parr and J. Howard, *The matrix calculus you need for deep learning*, 2018,
#   [arXiv:1802.01528](https://arxiv.org/abs/1802.01528).
# - I. Goodfellow, Y. Bengio and A. Courville, [*Deep Learning*](https://www.deeplearningbook.org), 2016, chapters 2 and 4.
# - A. Griewank and A. Walther, *Evaluating Derivatives*, 2nd edition, 2008: what order to multiply in, and what it costs.
