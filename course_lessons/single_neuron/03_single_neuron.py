# ---
# jupyter:
#   course:
#     title: "One neuron: from *wrong* to *how wrong, and how sure*"
#     summary: "ADALINE, the sigmoid neuron and its surprise: learning as a walk downhill, and how to keep a neuron from being too sure."
#     objectives:
#       - "derive and write the learning rules of ADALINE and of the sigmoid neuron, and say which rates they bear"
#       - "derive the surprise from a probability, and its gradient: error times feature"
#       - "read a neuron as a point in weight space, and an example as a line"
#       - "show why a neuron without a brake grows surer for ever, and stop it by weight decay or in time"
#       - "solve XOR with two ADALINEs"
#     needs: [01_maths_review, 02_perceptron]
#     minutes: 80
#     data: [mnist_5k]
# ---

# %% [markdown]
# The perceptron is told one thing after each answer: *right* or *wrong*. A pupil would like to know
# more. Nearly right, or far off? And a good pupil does not just answer, but says "I am sure" or "I am guessing".
#
# **What if a neuron could hear *how* wrong it was, and say *how sure* it is?** Here you derive such a neuron. The networks
# of later lessons are made of its kind.

# %%
import keras
import numpy as np
import pandas as pd

from course_lessons.single_neuron import figures, neuron
from course_lib import data
from course_lib.evidence import compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.gradcheck import numerical_gradient
from course_lib.gradients import gradients
from course_lib.layers import sigmoid
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## Two numbers that no line parts
#
# A 3 is an 8 whose left side is open. So let us describe a picture by two numbers only: how much ink there is in two
# windows on its left. Which class has more?

# %% tags=["T029"]
digits = data.mnist_5k()
pictures, truth = neuron.threes_and_eights(digits.train)  # truth: 0 for a 3, 1 for an 8
ink = neuron.left_ink(pictures)  # (examples, 2)
show(
    figures.windows(pictures, truth, ink),
    alt="A 3 and an 8, each with two square windows on its left half; the lower one holds little ink of the 3 and much of the "
    "8. Beside them the two numbers of all pictures as points: 3s mostly low, 8s mostly high, and many of both in between.",
)
print(len(pictures), "pictures")

# %% [markdown]
# The 8s have more ink, above all in the lower window, but the two clouds overlap. We *standardise* both numbers: subtract
# the mean, divide by the standard deviation, so that both have a similar range. In front comes the constant 1. What will
# the perceptron rule of lesson 02 do here, in three different orders of the pictures, from zero weights?


# %% tags=["T029"]
def perceptron_errors(rows, signs, passes=50):
    """Share of mistakes on all rows after each pass."""
    weights, errors = np.zeros(rows.shape[1]), []
    for _ in range(passes):
        for row, sign in zip(rows, signs, strict=True):
            output = 1 if row @ weights > 0 else -1
            weights = weights + 0.5 * (sign - output) * row
        errors.append(np.mean((rows @ weights > 0) != (signs > 0)))
    return errors


rows = neuron.with_bias((ink - ink.mean(axis=0)) / ink.std(axis=0))
signs = 2 * truth - 1  # -1 for a 3, +1 for an 8
orders = [np.random.default_rng(seed).permutation(len(rows)) for seed in range(3)]
leaping = np.array([perceptron_errors(rows[order], signs[order]) for order in orders])
by_order = {f"order {place}": errors for place, errors in enumerate(leaping, start=1)}
show(
    charts.lines(by_order, np.arange(1, 51), "pass", "mistakes on the examples", percent=True),
    alt="Share of mistakes after each of 50 passes, to the last of which all three curves go up and down: order 1 between 15 "
    "and 46 %, order 2 between 19 and 33 %, order 3 between 13 and 17 %.",
)
parted, low, high = neuron.can_be_parted(rows, truth), leaping[:, 20:].min(), leaping[:, 20:].max()
print(f"some line parts the classes: {parted}; mistakes in passes 21 to 50: {low:.0%} to {high:.0%}")

# %% [markdown]
# It does not settle. The proof of lesson 02 needs a line without mistakes, and its linear programme, in
# `neuron.can_be_parted`, says that here there is none. And the rule pushes as hard after a near miss as after a gross one.
#
# ## ADALINE: take the error before the step
#
# In 1960 Bernard Widrow and Marcian Hoff compared the target $t = \pm1$ not with the output, but with the
# weighted sum $a = \mathbf w\cdot\mathbf x$, *before* the step. Their **ADALINE** (*adaptive linear neuron*) learns to
# bring its sum near the target. Its loss is half the squared error, averaged over $N$ examples:
#
# $$\ell = \tfrac12 (t - a)^2, \qquad \mathcal L(\mathbf w) = \frac1{2N}\sum (t - \mathbf w\cdot\mathbf x)^2$$
#
# Its gradient by the chain rule of lesson 01: $\partial\ell/\partial a = -(t-a)$, and $\partial a/\partial w_i = x_i$. So
#
# $$\frac{\partial \mathcal L}{\partial \mathbf w} = -\frac1N\sum (t-a)\,\mathbf x, \qquad \mathbf w \leftarrow \mathbf w - \eta\,\frac{\partial\mathcal L}{\partial\mathbf w} = \mathbf w + \eta\,\frac1N\sum (t-a)\,\mathbf x .$$
#
# Examples that move the weights together are a **batch**; here that is all of them. Widrow and Hoff moved after every
# single example, $\mathbf w \leftarrow \mathbf w + \eta\,(t-a)\,\mathbf x$. That is the **LMS** rule (*least
# mean squares*). It is the perceptron's formula, with the sum in place of the output.
#
# *Where does it lead?* At the lowest point the gradient is zero. With all examples as rows of $X$ that reads
# $X^\top X\mathbf w^* = X^\top\mathbf t$, the **normal equations**. They have one solution if no column of $X$ is a
# mixture of the others.
#
# *Which rates may it have?* With $H = X^\top X/N$ the gradient is $H(\mathbf w - \mathbf w^*)$, so the distance
# $\mathbf e = \mathbf w - \mathbf w^*$ becomes $(I-\eta H)\,\mathbf e$ in each step. As on the bowl of lesson 01, it shrinks
# from every start if and only if $0 < \eta < 2/\lambda_{\max}$, with the largest curvature $\lambda_{\max}$ of $H$.
# Try a rate just below and one just above.


# %% tags=["T031", "T032", "nbval-check-output"]
def adaline_batch(rows, signs, learning_rate, steps):
    """Weights (1 + steps, 1 + features) on the way, from zeros."""
    path = np.zeros((steps + 1, rows.shape[1]))
    for step in range(steps):
        error = signs - rows @ path[step]
        path[step + 1] = path[step] + learning_rate * rows.T @ error / len(rows)
    return path


lowest = np.linalg.solve(rows.T @ rows, rows.T @ signs)  # the normal equations
limit = 2 / np.linalg.eigvalsh(rows.T @ rows / len(rows)).max()
distances = {}
for share in (0.95, 1.05):
    path = adaline_batch(rows, signs, share * limit, steps=200)
    distances[f"{share} of the limit"] = np.linalg.norm(path[[0, 20, 200]] - lowest, axis=1)
print(f"limit of the learning rate: {limit:.3f}")
pd.DataFrame(distances, index=["at the start", "after 20 steps", "after 200 steps"]).map("{:.1g}".format)

# %% [markdown]
# Theory and run agree: below the limit the weights go to the solution of the normal equations, above it they fly away.
#
# **Exercise 1.** Now write a pass of LMS: one update after *each* example, in the order given. Return the new weights,
# and leave the old ones as they were.


# %% exercise="adaline_pass"
def adaline_pass(weights, inputs, targets, learning_rate):
    """weights (1 + features,), bias first; inputs (examples, features); targets +1 or -1. Returns the new weights."""
    ### BEGIN SOLUTION
    for example, target in zip(inputs, targets, strict=True):
        row = np.concatenate([[1.0], example])
        weights = weights + learning_rate * (target - row @ weights) * row
    return weights
    ### END SOLUTION


# %% check="adaline_pass"
check(adaline_pass)

# %% [markdown]
# Here are both ways on the same bowl, whose height is the loss (for the best $w_0$): seven steps with all examples, and
# 700 with one (`neuron.lms` does your exercise and keeps every step). How will the second path look?

# %% tags=["T029", "T031", "T032"]
batch_path = adaline_batch(rows, signs, learning_rate=0.5, steps=7)
single_path = neuron.lms(rows, signs, learning_rate=0.05)
show(
    figures.bowl(rows, signs, {"7 batch steps": batch_path, "700 single steps": single_path}, lowest),
    alt="Left, contour lines of a bowl over w1 and w2. The path of the batch steps goes smoothly to a star, the lowest "
    "point; that of the single steps trembles towards it and goes on trembling around it. Right, the two overlapping "
    "clouds and three falling borders, two of them nearly equal, that of the single steps steeper.",
    colours=32,
)
for learning_rate in (0.05, 0.005):
    tenth = neuron.lms(np.tile(rows, (10, 1)), np.tile(signs, 10), learning_rate)[-700:]
    away = np.linalg.norm(tenth - lowest, axis=1).mean()
    print(f"single steps of rate {learning_rate}: in the tenth pass {away:.2f} from the lowest point on average")

# %% [markdown]
# A batch step looks at all 700 pictures and goes down their bowl. Single steps move 700 times for the work of one such
# look. But each follows one example alone, and so they tremble around the lowest point; at a smaller rate, less.
#
# Is ADALINE better than the perceptron? That depends on which perceptron: the last weights, those of the pass with the
# fewest mistakes on the examples, or the average of lesson 02. Here each learns from 700 of all 1,000 pictures, and the
# other 300 judge, twenty times drawn anew. (The last row is the neuron that we are going to build.)

# %% tags=["T029", "nbval-check-output"]
ink_record = evidence("ink")
show(
    charts.dots(
        {rule: group["test_error"].to_numpy() for rule, group in ink_record.groupby("rule", sort=False)},
        "error on new digits",
        percent=True,
    ),
    alt="A row of twenty dots for each rule. The last weights of the perceptron: 9 to 46 %. Those of its best pass: 9 to 22 %. "
    "Its average weights, ADALINE, and the sigmoid neuron: 9 to 15 %.",
)
ink_compared = compare(ink_record, "rule", "test_error", against="perceptron, average weights")
assert ink_compared.loc["perceptron, last weights", "low"] > 0
ink_compared[["mean", "difference", "low", "high"]].map("{:.1%}".format)

# %% [markdown]
# (The differences are to the average weights, with their 95 % intervals.) The last weights of the perceptron make more
# errors than its average weights, and so do the weights of its best pass. Between the average, ADALINE and the new neuron
# we could not tell: here ADALINE saves no error, but it *settles*.
#
# ## Can one be too right?
#
# ADALINE has a flaw of its own. Take two clouds of 100 points, and add 40 examples of the right class *far on the right
# side*, where nobody could mistake them. What should happen to the border, and what will happen?

# %% tags=["T029", "T031"]
cloud_rng = np.random.default_rng(0)
near = cloud_rng.normal(size=(200, 2)) + np.repeat([[-1, 0], [1, 0]], 100, axis=0)
with_far = np.concatenate([near, cloud_rng.normal(size=(40, 2)) * 0.5 + [12, 0]])
with_far_truth = np.repeat([0.0, 1.0], [100, 140])


def least_squares(inputs, signs):
    return np.linalg.lstsq(neuron.with_bias(inputs), signs, rcond=None)[0]


without, drawn_away = (least_squares(with_far[:number], 2 * with_far_truth[:number] - 1) for number in (200, 240))
show(
    figures.dragged(with_far, with_far_truth, {"ADALINE, 200 examples": without, "ADALINE, 240 examples": drawn_away}),
    alt="Two clouds of points side by side, and a third, of the class on the right, far to the right. A steep line "
    "between the first two clouds; the line of 240 examples leans over, and its upper half lies in the second cloud.",
)

# %% [markdown]
# The far examples turn the border and drag it into their own class. Their sums would be far above the target 1, and to
# ADALINE that is a large *error*. We want a unit whose output levels off.
#
# ## The sigmoid, from odds
#
# Let the output $y$ be a *probability*: the neuron's $P(t = 1)$, with targets 1 and 0 from now on. A weighted sum may be
# any number, a probability only one between 0 and 1. What can we set equal to a sum? The *odds* $y/(1-y)$, 4 for a
# probability of 0.8, run from 0 to infinity, and their logarithm, the **log-odds**, from minus to plus infinity.
# Our assumption is that *the log-odds are a weighted sum*. Solve it for $y$:
#
# $$\log\frac{y}{1-y} = a \quad\Rightarrow\quad \frac{1-y}{y} = e^{-a} \quad\Rightarrow\quad y = \frac{1}{1+e^{-a}} = \sigma(a)$$
#
# So the sigmoid of lesson 02 is no arbitrary soft step: it turns log-odds into a probability. (Hence $a$ is also called a
# **logit**, another name for log-odds.) This neuron is known as **logistic regression**: a linear unit with a
# sigmoid, which answers with a probability. It is not Rosenblatt's perceptron, which has a hard step. Its slope, by the
# chain rule:
#
# $$\frac{dy}{da} = \frac{e^{-a}}{(1+e^{-a})^2} = \frac{1}{1+e^{-a}}\cdot\frac{e^{-a}}{1+e^{-a}} = y\,(1-y)$$

# %% tags=["T033"]
show(
    figures.sigmoid_and_slope(),
    alt="An S-shaped curve from 0 to 1, one half at sum 0, and its slope, a hill with its top, a quarter, at sum 0.",
)
some_sums = np.linspace(-8, 8, 161)
by_formula = sigmoid(some_sums) * (1 - sigmoid(some_sums))
(automatic,) = gradients(keras.ops.sigmoid, some_sums)
assert np.allclose(by_formula, automatic, atol=1e-6)
print(f"steepest at sum {some_sums[by_formula.argmax()]:.0f}: slope {by_formula.max()}")

# %% [markdown]
# Automatic differentiation agrees, and the slope is nowhere above ¼. With two inputs the output is a soft edge across the
# plane. Here is one neuron without bias: first its weights turn, then they grow. What does each change?

# %% tags=["T034", "G03", "gallery", "widget"]
show(
    figures.seventeen_surfaces(),
    alt="Seventeen squares, blue on one side and orange on the other. In the first twelve the arrow of the weights, and "
    "the border at a right angle to it, turn in steps of 30 degrees. In the last five the direction stays and "
    "the length grows from 0.2 to 8: pale shades become a sharp edge.",
    colours=64,
)
explore(
    figures.surface,
    alt="The output of one neuron as a landscape over two inputs: a flat plain at 0, a slope, a plateau at 1.",
    direction=(0, 345, 15),
    length=(0.2, 8.0, 0.2),
)

# %% [markdown]
# The *direction* of the weights is the rule: it says where the border lies. Their *length* is the sureness: across the
# border the steepness is $\frac14\sqrt{w_1^2 + w_2^2}$.
#
# ## Where neurons live
#
# A neuron with two weights and no bias is a point $(w_1, w_2)$ of a plane, **weight space**: every point of it is a
# classifier. Let us put each where it lives.

# %% tags=["T035", "G04", "picture"]
show(
    figures.weight_map(),
    alt="A grid of seven by seven small pictures, each the output of the neuron with those weights. Away from the centre "
    "the edges get sharper; around the centre the direction turns. The middle one has one colour.",
    colours=64,
)

# %% [markdown]
# Now the other way round: what is an *example* here? The neurons with $\mathbf w\cdot\mathbf x = 0$ lie on a line through
# the origin. On one side of it are all neurons that are right about this example. Four examples, four lines: who is right
# about all? And if a fifth example contradicts?

# %% tags=["T035", "G04"]
examples = np.array([[2.0, 1.0], [0.5, 2.0], [-1.5, 1.0], [-1.0, -2.0], [1.5, -1.0]])
example_targets = np.array([1, 1, 0, 0, 0])
show(
    figures.example_lines(examples, example_targets),
    alt="Left, five numbered examples. Middle, the lines of the first four in weight space, all through the origin; a wedge "
    "between two of them is shaded. Right, the line of the fifth lies on that of the third, and nothing is shaded.",
)

# %% [markdown]
# A wedge of neurons is right about four examples. Example 5 is example 3 mirrored, with the same target: one line, two
# opposite sides, and no neuron is left. Learning is the search for a point in that wedge.
#
# ## Surprise
#
# How wrong is a neuron that says "0.01" about something that then happens? We measure its **surprise**: minus the natural
# logarithm of the probability it gave to what was true, here $-\log 0.01 = 4.6$. Why the logarithm? Assume
#
# 1. the model: $P(t=1\mid\mathbf x) = y$, so $P(t=0\mid\mathbf x) = 1-y$; in one formula, $y^t(1-y)^{1-t}$;
# 2. given their inputs, the examples are independent of each other, so their probabilities multiply.
#
# The probability of *all* targets, as the weights would have it, is their **likelihood**: $\prod y^t(1-y)^{1-t}$. Good weights
# make it large. The logarithm turns the product into a sum; the minus turns up into down; we divide by $N$:
#
# $$\mathcal L = -\frac1N\sum\big[\,t\log y + (1-t)\log(1-y)\,\big] \;\ge\; 0$$
#
# It is never negative, as no probability is above 1. The mean surprise is also called **cross-entropy**
# (here *binary* cross-entropy) or log loss.
#
# Which way is down? Follow the chain $\mathbf w \to a \to y \to \ell$ for one example:
#
# $$\frac{\partial\ell}{\partial y} = -\frac ty + \frac{1-t}{1-y} = \frac{y-t}{y(1-y)}, \qquad \frac{\partial y}{\partial a} = y(1-y), \qquad \frac{\partial a}{\partial \mathbf w} = \mathbf x$$
#
# The $y(1-y)$ cancels: $\partial\ell/\partial a = y - t$, and $\partial\ell/\partial\mathbf w = (y-t)\,\mathbf x$. Is it
# true? Nudge each link.


# %% tags=["T037", "T040", "nbval-check-output"]
def surprise_of(y, t):
    return -t * np.log(y) - (1 - t) * np.log(1 - y)


def nudged(function, value, h=1e-5):
    return (function(value + h) - function(value - h)) / (2 * h)


x, w, t = np.array([1.0, 0.5, -1.0]), np.array([0.2, 1.0, 0.5]), 1  # x_0 = 1
a = w @ x
y = sigmoid(a)
links = {
    "∂ℓ/∂y": ((y - t) / (y * (1 - y)), nudged(lambda value: surprise_of(value, t), y)),
    "∂y/∂a": (y * (1 - y), nudged(sigmoid, a)),
    "∂a/∂w₁": (x[1], nudged(lambda value: w[0] * x[0] + value * x[1] + w[2] * x[2], w[1])),
    "∂ℓ/∂w₁": ((y - t) * x[1], nudged(lambda value: surprise_of(sigmoid(w[0] + value * x[1] + w[2] * x[2]), t), w[1])),
}
for by_hand, by_nudge in links.values():
    assert np.isclose(by_hand, by_nudge, atol=1e-8)
pd.DataFrame(links, index=["formula", "nudged"]).T.round(4)

# %% [markdown]
# Averaged over the examples:
#
# $$\frac{\partial\mathcal L}{\partial\mathbf w} = \frac1N\sum (y-t)\,\mathbf x \qquad\text{error} \times \text{feature}$$
#
# ADALINE's formula again, with $y$ for $a$. We check it against nudges and automatic differentiation, on the two ink
# numbers; then walk down.


# %% tags=["T036", "T037"]
def surprise_gradient(weights, rows, targets):
    outputs = sigmoid(rows @ weights)
    return rows.T @ (outputs - targets) / len(rows)


def mean_surprise(weights):
    outputs = keras.ops.sigmoid(keras.ops.matmul(rows, weights[:, None]))[:, 0]
    return keras.ops.mean(-truth * keras.ops.log(outputs) - (1 - truth) * keras.ops.log(1 - outputs))


start = np.array([0.3, -0.5, 1.0])
by_rule = surprise_gradient(start, rows, truth)
assert np.allclose(by_rule, numerical_gradient(lambda: neuron.surprise(rows @ start, truth), start), atol=1e-8)
assert np.allclose(by_rule, gradients(mean_surprise, start)[0], atol=1e-5)

surprise_path = np.zeros((201, 3))
for step in range(200):
    surprise_path[step + 1] = surprise_path[step] - 1.0 * surprise_gradient(surprise_path[step], rows, truth)
losses = neuron.surprise(rows @ surprise_path.T, truth)
assert np.all(losses >= 0) and np.all(np.diff(losses) < 0)
show(
    figures.surprise_curves(rows, truth, surprise_path),
    alt="Left, two curves over the output: one falls from far above 5 at 0 to 0 at 1, the other is its mirror image. Right, "
    "the mean surprise over two weights, an oval valley, and a path from zero weights to a star in its middle.",
)
print(f"mean surprise: {losses[0]:.3f} at zero weights, {losses[-1]:.3f} after 200 steps")

# %% [markdown]
# At zero weights every answer is ½, and the surprise $\log 2$. From there each step goes down.
#
# **Exercise 2.** For a sum of 1,000 the formula breaks: the computer rounds $1 - y$ to 0, whose logarithm is $-\infty$.
# Write the mean surprise straight from the sums $a$, right for sums of any size. Start from $-\log\sigma(a) =
# \log(1+e^{-a})$ and $-\log(1-\sigma(a)) = \log(1+e^{a})$, and mind that $e^{1000}$ is too large.


# %% exercise="surprise_from_sums"
def surprise_from_sums(sums, targets):
    """sums (examples,), targets between 0 and 1 (examples,). Returns one number, the mean surprise."""
    ### BEGIN SOLUTION
    return np.mean(np.logaddexp(0, sums) - targets * sums)
    ### END SOLUTION


# %% check="surprise_from_sums"
check(surprise_from_sums)

# %% [markdown]
# ### One valley only
#
# Can the walk end in a wrong valley? Differentiate the gradient once more, with $\partial y/\partial\mathbf w =
# y(1-y)\,\mathbf x$: the second derivatives of $\mathcal L$ form the matrix $H = \frac1N\sum
# y(1-y)\,\mathbf x\mathbf x^\top$. In any direction $\mathbf v$ the curvature is $\mathbf v\cdot H\mathbf v = \frac1N\sum
# y(1-y)(\mathbf v\cdot\mathbf x)^2 \ge 0$. A loss that bends upwards, or not at all, in every direction and everywhere
# is **convex**: the floor of every valley is a lowest point. Would the squared error do as well on a sigmoid? One weight, no
# bias, six examples:

# %% tags=["T036", "nbval-check-output"]
inputs_1, targets_1 = np.array([1, 2, -1, -2, 10, -0.2]), np.array([1, 1, 0, 0, 0, 1])
weight_grid = np.linspace(-2, 5, 1401)
sums_1 = np.outer(inputs_1, weight_grid)  # (examples, weights)
curves = {
    "half the squared error": 0.5 * np.mean((targets_1[:, None] - sigmoid(sums_1)) ** 2, axis=0),
    "surprise": neuron.surprise(sums_1, targets_1),
}
show(
    figures.two_valleys(weight_grid, curves),
    alt="Two curves over one weight. The squared error has two valleys, near w = 0 and near w = 2, with a hill between. "
    "The surprise has one valley, near w = 0, and climbs steeply on its right.",
)
for name, losses_1 in curves.items():
    print(f"{name}: valleys at w =", *np.round(weight_grid[figures.valleys(losses_1)], 2))

# %% [markdown]
# The squared error has two valleys, and where the walk ends depends on the start. Surprise has one.
#
# **Exercise 3.** Derive the gradient of half the squared error of a *sigmoid* neuron,
# $\mathcal L = \frac1{2N}\sum(t-\sigma(a))^2$, by the same chain, and write it. What does not cancel now? And what
# does that do to a neuron that is sure and wrong?


# %% exercise="squared_error_gradient"
def squared_error_gradient(weights, inputs, targets):
    """weights (1 + features,), bias first; inputs (examples, features); targets 0 or 1. Returns the gradient."""
    ### BEGIN SOLUTION
    rows = np.column_stack([np.ones(len(inputs)), inputs])
    outputs = 1 / (1 + np.exp(-rows @ weights))
    return rows.T @ ((outputs - targets) * outputs * (1 - outputs)) / len(rows)
    ### END SOLUTION


# %% check="squared_error_gradient"
check(squared_error_gradient)

# %% [markdown]
# (A neuron that is sure and wrong learns hardly anything from the squared error. Lesson 04 measures what that costs.)
#
# Back to the far examples. With the sigmoid and surprise, an example far on its right side has $y \approx t$, and so
# hardly any gradient. Twenty draws, the minimum of each loss, 10,000 new points of the two near clouds:

# %% tags=["T029", "T036", "nbval-check-output"]
far_record = evidence("too_right")
far_gaps = {
    number: compare(far_record[far_record["far"] == number], "neuron", "test_error", against="sigmoid and surprise")
    for number in (0, 10, 20, 40)
}
far_table = pd.DataFrame(
    {number: gap.loc["ADALINE", ["difference", "low", "high"]] for number, gap in far_gaps.items()}
).T
for name in ("ADALINE", "sigmoid and surprise"):
    far_table.insert(0, name, [gap.loc[name, "mean"] for gap in far_gaps.values()])
assert all(far_table.loc[[10, 20, 40], "low"] > 0)
far_table.rename_axis("far examples").map("{:.1%}".format)

# %% [markdown]
# (The interval is that of the difference.) Without far examples we could not tell the two apart. With 40 far examples
# ADALINE makes more errors, by about five percentage points; the sigmoid neuron as many as without.
#
# ## Watch it learn
#
# Now something odd. Take sixteen of the digits, two weights, no bias. Some line through the origin parts them. Guess:
# where do the weights end? The first row shows six moments of plain descent.

# %% tags=["T038", "G05", "widget"]
show(
    figures.moments(decays=(0.0, 0.01)),
    alt="Two rows, without and with decay. Six pictures of sixteen digits with the border and the soft colours at steps 0 to "
    "10,000, then the path in weight space. Above, the colours sharpen and the path leads out to w2 = 18; below, both "
    "hardly change after step 100 and the path ends near w2 = 4.",
)
explore(
    figures.learning,
    alt="Left, sixteen digits and the soft border; in the middle, the path of the weights; right, the surprise on these "
    "digits and on the validation digits, step by step.",
    log_step=(0.0, 4.0, 0.25),
    decay=[0.0, 0.001, 0.01, 0.1],
)

# %% [markdown]
# They do not end at all. The border stops moving early, but the neuron grows surer and surer. The second row has a
# brake, which we are about to build. Play with the step: when does the surprise on the *validation* digits turn?
#
# ## Sure of everything
#
# Why is there no end? Suppose $\mathbf w$ gets all examples right. Then $2\mathbf w$ gets them right, too, with all sums
# twice as large: *every* example is less surprising. So the loss has no lowest point: it falls towards 0 while the
# weights grow without bound. (How fast? D. Soudry and others proved: their length grows like the logarithm of the number of
# steps.)
#
# Two things could hold it back. **Early stopping** keeps the weights of the step with the lowest loss on validation data. **Weight
# decay** charges for large weights: minimise
#
# $$\mathcal M = \mathcal L + \frac\alpha2 \sum_{i\ge1} w_i^2, \qquad \frac{\partial\mathcal M}{\partial w_i} = \frac{\partial\mathcal L}{\partial w_i} + \alpha w_i \quad (i \ge 1).$$
#
# Each step first shrinks every weight to $(1-\eta\alpha)\,w_i$; hence the name. The bias only shifts the border, and
# is usually left alone. Now take all 784 pixels of 40 digits. A hyperplane (lesson 02)
# parts them.

# %% tags=["T039", "H02"]
few = np.random.default_rng(0).permutation(len(truth))[:40]
few_rows, few_truth = neuron.with_bias(pictures[few].reshape(-1, 784)), truth[few]
new_pictures, new_truth = neuron.threes_and_eights(digits.validation)
new_rows = neuron.with_bias(new_pictures.reshape(-1, 784))
assert neuron.can_be_parted(few_rows, few_truth)
rate = 4 / np.linalg.eigvalsh(few_rows @ few_rows.T / 40).max()  # y(1 - y) <= 1/4: no curvature is above 1 / rate
braked = {}
for decay in (0.0, 0.01):
    path = neuron.descend(few_rows, few_truth, rate, steps=3000, decay=decay)
    for step in (100, 1000, 3000):
        braked[decay, step] = {
            "length of the weights": np.linalg.norm(path[step, 1:]),
            "surprise": neuron.surprise(few_rows @ path[step], few_truth),
            "surprise, validation": neuron.surprise(new_rows @ path[step], new_truth),
        }
pd.DataFrame(braked).T.rename_axis(["α", "step"]).round(3)

# %% [markdown]
# Without decay the weights grow on; with it they hardly do after step 1,000.
#
# **The same in Keras.** `L2(c)` adds $c\sum w^2$ to the mean loss, so our $\alpha$ is `L2(alpha / 2)`. And the loss gets
# the sums, `from_logits=True`, so that it can do what your exercise 2 does. Do they agree, fifty steps on?

# %% tags=["T039", "nbval-check-output"]
twin = keras.Sequential(
    [
        keras.Input((784,)),
        keras.layers.Dense(1, kernel_initializer="zeros", kernel_regularizer=keras.regularizers.L2(0.01 / 2)),
    ]
)
twin.compile(optimizer=keras.optimizers.SGD(learning_rate=rate), loss=keras.losses.BinaryCrossentropy(from_logits=True))
twin.fit(few_rows[:, 1:], few_truth, batch_size=40, epochs=50, shuffle=False, verbose=0)
kernel, bias = twin.get_weights()
ours = neuron.descend(few_rows, few_truth, rate, steps=50, decay=0.01)[-1]
print("weights as ours:", np.allclose(kernel[:, 0], ours[1:], atol=1e-5))
print("bias as ours:", np.allclose(bias, ours[0], atol=1e-5))

# %% [markdown]
# Yes. Now the long run: 60,000 steps on 40 digits, twenty times with other digits. The digits not used, over 800, judge.
# The strength of the decay is the one with the lowest surprise on the validation digits.

# %% tags=["T039", "H02", "nbval-check-output"]
forty = evidence("forty")
steps = sorted(forty["step"].unique())


def runs(column):
    """Neuron -> (steps, seeds)."""
    return {
        name: group.pivot(index="step", columns="seed", values=column).to_numpy()
        for name, group in forty.groupby("neuron", sort=False)
    }


show(
    charts.lines(
        {"length of the weights": runs("length"), "surprise on new digits": runs("test_surprise")},
        steps,
        "step",
        log="x",
    ),
    alt="Two panels over the step, on a logarithmic scale. Without a brake the length of the weights rises to the last step, "
    "nearly along a straight line, to about 6.5, and the surprise on new digits falls to 0.25 and then rises to 0.36. With "
    "weight decay the length levels off near 3 and the surprise stays at 0.25.",
)
longer = [runs("length")["no brake"][steps.index(step)] for step in (steps[-20], steps[-1])]
print("weights still growing, runs of 20:", int(np.sum(longer[1] > longer[0])))

# %% [markdown]
# On the logarithmic axis the length rises along nearly a straight line, as the theorem says. And the surprise on *new*
# digits first falls, then rises again. Each brake is set by the surprise on the validation digits. (With right labels the
# weakest of nine decays won in three of the twenty runs.) What do the two brakes bring?
# The **confidence** of a neuron is the probability that it gives to its own answer: 0.9 if it says 0.9 or 0.1. Compare the
# mean with the share that it gets right.

# %% tags=["T039", "H02", "nbval-check-output"]
brakes = evidence("brakes")
columns = {"test_surprise": "surprise", "test_error": "error", "too_sure": "confidence − share right"}


def compare_brakes(labels):
    """Means, and the differences to “no brake” with their 95 % intervals."""
    table = {}
    for column, title in columns.items():
        found = compare(brakes[brakes["labels"] == labels], "neuron", column, against="no brake")
        for name, row in found.iterrows():
            table.setdefault(name, {})[title] = f"{row['mean']:.3f}"
            if name != "no brake":
                table[name][title] += f" ({row['difference']:+.3f}: {row['low']:+.3f} to {row['high']:+.3f})"
    return pd.DataFrame(table).T


kinds = ("right", "one in ten wrong")
pd.concat({labels: compare_brakes(labels) for labels in kinds}, names=["labels of the examples", "neuron"])

# %% [markdown]
# (In brackets the difference to no brake, with its 95 % interval.) With right labels, a neuron without a brake is surer than
# it is right; with decay, or stopped early, surprise is lower and confidence fits. But neither brake saved errors here (the
# table shows a few more). In the second half one label in ten is wrong, of 100 examples and of the
# validation digits, not of those that judge. Now both brakes save about a third of the errors. (Both are then *less* sure
# than they are right.)
#
# **Exercise 4, on real digits.** Choose the strength yourself. For each $\alpha$ in `decays` find the weights with the
# lowest $\mathcal M$ on the training pictures (no decay on the bias). Of these take the weights with the lowest *surprise* on
# the validation pictures; return their $\alpha$ and them. `neuron.settle(rows, targets, decay)` walks until the weights rest,
# `neuron.with_bias` makes rows, `neuron.surprise(sums, targets)` is exercise 2. (To be quick, the check takes 20 digits of
# 4 × 4 coarse pixels, standardised.)


# %% exercise="choose_decay"
def choose_decay(train, validation, decays):
    """train and validation: (inputs (examples, features), targets 0 or 1). Returns a decay and the weights, bias first."""
    ### BEGIN SOLUTION
    inputs, targets = train
    new_inputs, new_targets = validation
    found = [neuron.settle(neuron.with_bias(inputs), targets, decay) for decay in decays]
    surprises = [neuron.surprise(neuron.with_bias(new_inputs) @ weights, new_targets) for weights in found]
    best = np.argmin(surprises)
    return decays[best], found[best]
    ### END SOLUTION


# %% check="choose_decay"
check(choose_decay)

# %% [markdown]
# ## What does it look for?
#
# A weight for each pixel is a picture. What do you expect to see where a 3 is open? All 700 digits, three strengths, after
# 400 steps:

# %% tags=["T039"]
all_rows = neuron.with_bias(pictures.reshape(-1, 784))
all_rate = 4 / np.linalg.eigvalsh(all_rows.T @ all_rows / len(all_rows)).max()
looks = {
    f"α = {decay:g}": neuron.descend(all_rows, truth, all_rate, steps=400, decay=decay)[-1, 1:]
    for decay in (0.001, 0.03, 0.3)
}
show(
    figures.weight_pictures(looks),
    alt="Three pictures of 28 by 28 weights, nearly alike. Orange spots at the upper and the lower left, where an 8 is closed; "
    "blue to the right of them.",
)

# %% [markdown]
# Orange is ink that speaks for an 8, strongest at two places on the left, where a 3 is open. Nobody told the neuron; our
# two windows were a good guess.
#
# ## Two ADALINEs and an OR
#
# One neuron draws one line, so XOR is beyond it, whatever its loss. What does LMS make of it? And what could two units
# do? Let XOR's inputs be $\pm1$. One unit can fire at $(1,-1)$ alone, the other at $(-1,1)$ alone; a fixed OR joins them.
# Several ADALINEs with a fixed unit behind them are a **MADALINE** (*many* ADALINEs).

# %% tags=["T030", "nbval-check-output"]
xor_inputs = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
xor_targets = np.array([-1, 1, 1, -1])
xor_rows = neuron.with_bias(xor_inputs)
print("one ADALINE, the lowest point:", np.linalg.solve(xor_rows.T @ xor_rows, xor_rows.T @ xor_targets))
by_hand_units = np.array([[-1, 1, -1], [-1, -1, 1]])
fires = (xor_rows @ by_hand_units.T > 0).any(axis=1)
print("two by hand, right at every corner:", np.array_equal(np.where(fires, 1, -1), xor_targets))
show(
    figures.two_units(xor_inputs, xor_targets, by_hand_units),
    alt="Three squares of the plane. The first unit fires at the lower right corner, the second at the upper left, the OR "
    "of both at these two corners.",
)

# %% [markdown]
# One ADALINE learns exactly nothing: weights 0. Two can do it. But can they *find* it? Nobody says which of them should
# fire. Widrow and his students disturbed as little as possible: if the answer is right, do nothing. If some unit should
# have fired, train only the one that was *nearest* to firing. If none should have, train all that fired. (A rate of ⅓ puts
# a sum right on its target at once, since here $\mathbf x\cdot\mathbf x = 3$.)


# %% tags=["T030", "nbval-check-output"]
def train_madaline(units, learning_rate, seed, passes=200):
    """Whether random units, joined by OR, learn XOR."""
    weights = np.random.default_rng(seed).normal(size=(units, 3))
    for _ in range(passes):
        wrong = 0
        for row, target in zip(xor_rows, xor_targets, strict=True):
            sums = weights @ row
            if (sums > 0).any() == (target > 0):
                continue
            wrong += 1
            to_train = [sums.argmax()] if target > 0 else np.flatnonzero(sums > 0)
            for unit in to_train:
                weights[unit] += learning_rate * (target - sums[unit]) * row
        if wrong == 0:
            return True
    return False


solved = {
    f"{units} units": {
        f"rate {name}": f"{np.mean([train_madaline(units, learning_rate, seed) for seed in range(100)]):.0%}"
        for name, learning_rate in {"0.05": 0.05, "⅓": 1 / 3}.items()
    }
    for units in (2, 3, 4)
}
pd.DataFrame(solved).T.rename_axis("of 100 random starts, learnt")

# %% [markdown]
# Most starts find it, and with four units nearly all. This is half an answer to the question at the end of lesson 02, which
# way the weights of a unit in between should move: a rule of thumb, for one layer before a fixed OR. Lesson 05 has the
# whole.
#
# ## In short
#
# Measure wrongness by a smooth number, and learning is a walk downhill: each step is *error × feature*. For a sigmoid with
# surprise there is one valley only. But where a hyperplane parts the examples that valley has no floor: the neuron grows
# surer for ever, on our digits surer than it was right. Where the labels were right, weight decay, or stopping in time, made
# its confidence fit; neither saved errors there.
#
# | neuron | its error | its loss | where the examples can be parted | where they cannot |
# |---|---|---|---|---|
# | perceptron | target − output of the step | $\max(0, -ta)$, see lesson 02 | stops at some line | leaps about |
# | ADALINE | target − sum | half the squared error: one valley | settles; far examples drag it | settles; far examples drag it |
# | sigmoid neuron | target − probability | surprise: one valley | grows surer for ever, without a brake | settles |
#
# ## Think about it
#
# **Multiply every pixel by 255. What must become of $\eta$ and $\alpha$ for the same learning?**
#
# <details><summary>Answer</summary>
#
# The weights of the same neuron are 255 times smaller, so their squares are charged 65,025 times less: $\alpha$ must
# be multiplied by 255². The curvature by these weights grows 65,025-fold, so their rate must be divided by 255². (The
# bias would still need the old rate: with one rate for all it now crawls.) That is why one scales inputs first.
# </details>
#
# **One label is wrong, and its example lies far out. Which loss would you rather have on a sigmoid neuron: half the
# squared error, or surprise?**
#
# <details><summary>Answer</summary>
#
# Half the squared error of one example is at most ½, so one wrong label can shift little: the deeper of the two valleys
# above ignores the odd example at 10. But there are two valleys. Surprise has one, and no ceiling: the odd example alone
# pulls the weight below 0, and the neuron gets the four clear examples wrong. Each has its price.
# </details>
#
# ## Further reading
#
# - D. MacKay, [*Information Theory, Inference, and Learning Algorithms*](https://www.inference.org.uk/itila/), 2003,
#   chapter 39: the single neuron as a classifier.
# - B. Widrow and M. Lehr, [*30 years of adaptive neural networks: perceptron, Madaline, and
#   backpropagation*](https://doi.org/10.1109/5.58323), 1990.
# - D. Soudry and others, [*The implicit bias of gradient descent on separable data*](https://arxiv.org/abs/1710.10345),
#   2018.
# - C. Guo and others, [*On calibration of modern neural networks*](https://arxiv.org/abs/1706.04599), 2017: large networks
#   are too sure, too.
