# ---
# jupyter:
#   course:
#     title: "The perceptron: a machine that learns from its mistakes"
#     summary: "One artificial neuron, one rule that teaches it, a proof that the rule works, and the thing it can never learn."
#     objectives:
#       - "compute what a neuron answers, and say what its weights and its bias mean in a picture"
#       - "write the perceptron rule and follow it step by step"
#       - "tell from the margin how many mistakes the rule can make at most"
#       - "decide whether a line can separate two classes, and prove that none separates XOR"
#       - "explain what the random units of the first perceptron could do, and what nobody could teach them"
#     needs: [01_maths_review]
#     minutes: 75
#     data: [letters]
# ---

# %% [markdown]
# In July 1958 a computer the size of a room was shown punched cards, each marked on the left or on the right. Nobody told
# it what to look for; it was only told, after each answer, whether it had been right. Fifty cards later it made no
# mistakes any more. The idea was Frank Rosenblatt's. Soon a machine was built for it, the **Mark I Perceptron**: an eye of
# 20 × 20 photocells, wired at random to units that could learn letters.
#
# **How can a machine learn a rule when it is only told "right" or "wrong"? And is there a rule it can never learn?**
# In this lesson you build that machine, watch it learn, prove that it must succeed, and then break it.

# %%
import itertools

import keras
import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import linprog

from course_lessons.perceptron import figures, rule
from course_lib import data, scale
from course_lib.exercises import check, hint, solution
from course_lib.plots import charts, planes, show
from course_lib.plots.controls import explore

# %%
events = {
    "a neuron as a formula\n(McCulloch, Pitts)": 1943,
    "the perceptron: report\n(Rosenblatt)": 1957,
    "the perceptron: article,\nand the press sees it": 1958,
    "the learning rule must stop\n(Novikoff)": 1962,
    "what it cannot do\n(Minsky, Papert)": 1969,
    "hidden units learn too\n(Rumelhart, Hinton, Williams)": 1986,
}
show(
    charts.timeline(events),
    alt="Six dates, 1943 to 1986; the perceptron has two: report 1957, article 1958.",
)

# %% [markdown]
# (Books date the perceptron 1957 or 1958: the report or the article. Both are right.)
#
# ## One neuron
#
# A nerve cell collects signals. Some connections excite it, some calm it down; when the sum is large enough, it fires.
# The artificial neuron keeps just that: multiply every **input** by its **weight**, add everything up, add a **bias**,
# and pass the sum through an **activation function**. Rosenblatt used a step: all or nothing. Later units use a smooth
# step, the sigmoid, which also tells *how sure* the neuron is.
#
# With two inputs, 1 and 0.5, weights 2 and −1 and a bias of −0.5: will it fire?

# %% tags=["T022", "nbval-check-output"]
inputs, weights, bias = np.array([1.0, 0.5]), np.array([2.0, -1.0]), -0.5

total = inputs[0] * weights[0] + inputs[1] * weights[1] + bias
print("weighted sum", total)
print("as a product", inputs @ weights + bias)
print("step        ", int(total > 0))
print("sigmoid     ", round(1 / (1 + np.exp(-total)), 3))

# %% [markdown]
# A pair of inputs is a point of the plane. Before you run the next cell: which shape will the border between firing and
# silence have?


# %% tags=["T022"]
def step(x):
    return np.where(x @ weights + bias > 0, 1, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-(x @ weights + bias)))


figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6), sharey=True)
planes.regions(left, step, window=(-2, 2), boundary=0.5)
planes.regions(right, sigmoid, window=(-2, 2), boundary=0.5)
left.set_title("step: fires or not")
right.set_title("sigmoid: how sure")
show(figure, alt="The same straight line twice: a sharp edge for the step, a soft one.")

# %% [markdown]
# A straight line: the points where the sum is exactly zero. The arrow below is the vector of weights; it is
# perpendicular to the line. Move the sliders. What do you change with the weights, and what with the bias?

# %% tags=["T022", "widget"]
explore(
    figures.neuron_surface,
    alt="The output of one neuron over the plane, blue for 0 and orange for 1; an arrow, the vector of "
    "the weights, stands at a right angle on the line between the two.",
    weight_1=(-3, 3, 0.5),
    weight_2=(-3, 3, 0.5),
    bias=(-2, 2, 0.25),
    unit=["step", "sigmoid"],
)

# %% [markdown]
# The weights turn the line, and make the soft edge steeper as they grow. The bias shifts the line without turning it.
#
# ## The bias is a weight, and minus the threshold
#
# Two tricks make everything later shorter. Put a constant input $x_0 = 1$ in front: then the bias is just another weight
# $w_0$. And let the unit answer $+1$ and $-1$.
#
# $$o(\mathbf x) = \begin{cases} +1 & \text{if } w_0 x_0 + w_1 x_1 + \dots + w_n x_n > 0 \quad (x_0 = 1)\\ -1 & \text{otherwise}\end{cases}$$
#
# So the unit fires when $w_1 x_1 + \dots + w_n x_n > -w_0$: the **threshold** is $-w_0$. You may have seen it written that
# the *output* $o$ equals $-w_0$. It cannot: the output is only ever $+1$ or $-1$. Here is who is who.

# %% tags=["T024", "nbval-check-output"]
corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
figure, axes = plt.subplots(figsize=(5.4, 3.4))
for w0, style in ((-0.5, ":"), (-1.5, "--"), (-2.5, "-")):
    o = rule.predict(corners, np.array([w0, 1, 1]))
    print(f"w0 = {w0}: sums {corners @ [1, 1]}, threshold {-w0}, outputs {o}")
    figures.line_of(axes, [w0, 1, 1], label=f"$w_0$ = {w0}", linestyle=style)
planes.points(axes, corners, [-1, -1, -1, 1])
axes.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
show(figure, alt="Three parallel lines: the larger the threshold, the farther out.")

# %% [markdown]
# You may also see a sum that starts at $x_0$ **and** a separate $+\,b$. Then only $w_0 + b$ matters, and infinitely many
# pairs give the same unit:

# %% tags=["nbval-check-output"]
for w0, b in ((-0.3, 0.0), (0.0, -0.3), (5.0, -5.3)):
    print(w0, b, np.where(w0 * 1 + corners @ [0.2, 0.2] + b > 0, 1, -1))

features = np.column_stack([np.ones(4), np.ones(4), corners])  # for w0, b, w1 and w2
print("parameters:", features.shape[1])
print("of which make a difference:", np.linalg.matrix_rank(features))

# %% [markdown]
# **Exercise 1.** Write the unit for many examples at once. `inputs` has one example per row, without the constant 1;
# `weights` starts with the bias. Answer $+1$ or $-1$ for each row. Stuck? Run `hint("predict")` in a cell of its own, once
# or more often. (`solution("predict")` shows ours; it teaches less.)


# %% exercise="predict"
def predict(inputs, weights):
    """inputs (examples, features), weights (1 + features,), bias first. Returns +1 or -1, (examples,)."""
    ### BEGIN SOLUTION
    return np.where(weights[0] + inputs @ weights[1:] > 0, 1, -1)
    ### END SOLUTION


# %% check="predict"
check(predict)

# %% [markdown]
# **Exercise 2.** With 0 for "off" and 1 for "on", the weights $(-1.5, 1, 1)$ compute AND: $+1$ only when both inputs are
# on. Find three weights, bias first, for NAND: $-1$ only when both are on.

# %% exercise="weights_for_nand"
### BEGIN SOLUTION
weights_for_nand = np.array([1.5, -1, -1])
### END SOLUTION

# %% check="weights_for_nand"
check(weights_for_nand=weights_for_nand)

# %% [markdown]
# ## Learning from mistakes
#
# So far *we* chose the weights. Now the machine shall. It sees one example $\mathbf x$, answers $o$, and is told the
# target $t$. If it was right, why change anything? If it was wrong, push the sum towards the target:
#
# $$w_i \leftarrow w_i + \eta\,(t - o)\,x_i$$
#
# The **learning rate** $\eta$ is a small number such as 0.05. When $t = o$ nothing moves. When $t = +1$ and $o = -1$,
# every weight moves by $2\eta x_i$, so the sum on this example grows by $2\eta \sum_i x_i^2$: never the wrong way.
# Let us follow it on AND, from all weights zero.

# %% tags=["T026", "nbval-check-output"]
targets_and = np.array([-1, -1, -1, 1])
weights = np.zeros(3)
for x, t in list(zip(corners, targets_and, strict=True))[::-1]:
    row = np.array([1, *x])
    o = 1 if row @ weights > 0 else -1
    weights = weights + 0.5 * (t - o) * row
    verdict = "right" if o == t else "wrong"
    print(f"x = {x}, o = {o:+d}, t = {t:+d}: {verdict} -> weights {weights}")

# %% [markdown]
# **Exercise 3.** Write one step of the rule for one example. Return the new weights and leave the old ones as they were.


# %% exercise="update"
def update(weights, example, target, learning_rate):
    """weights (1 + features,), bias first; example (features,); target +1 or -1. Returns the new weights."""
    ### BEGIN SOLUTION
    row = np.concatenate([[1.0], example])
    output = 1 if row @ weights > 0 else -1
    return weights + learning_rate * (target - output) * row
    ### END SOLUTION


# %% check="update"
check(update)

# %% [markdown]
# Now go through the examples again and again until a whole pass brings no mistake: that is `rule.train` of this
# lesson. How many passes will AND need?

# %% tags=["T026", "H01"]
history = rule.train(corners, targets_and, learning_rate=0.05)
moments = (1, 3, 5, 8, history.updates)
units = {f"update {number}": history.weights[number] for number in moments}
show(
    figures.unit_strip(corners, targets_and, units),
    alt="Learning AND: the line jumps about, then settles between (1, 1) and the others.",
)

# %% tags=["T026", "H01", "nbval-check-output"]
print(f"{history.passes} passes, {history.updates} updates")
print("mistakes in each pass:", history.mistakes)
fast = rule.train(corners, targets_and, learning_rate=5.0)
print("with a rate of 5 instead of 0.05:", fast.passes, "passes")
nearest = abs(rule.margin(corners, targets_and, history.weights[-1]))
print(f"distance from the line to the nearest corner: {nearest:.3f}")

# %% [markdown]
# Two surprises. The learning rate does not matter: from zero weights it only makes them all longer, and a longer arrow
# draws the same line. And the rule stops at the *first* line without mistakes, even one that runs right through a point.
#
# **Does it matter whether we write $\pm1$ or $1/0$?** Many books let the unit answer 1 and 0. The same rule works, if
# targets and outputs use the same coding; only $t - o$ is then $\pm1$ instead of $\pm2$. Twice the learning rate makes up for it:


# %% tags=["T025", "nbval-check-output"]
def train_zero_one(inputs, targets, learning_rate, passes=6):
    weights, steps = np.zeros(3), []
    for x, t in list(zip(inputs, targets, strict=True)) * passes:
        o = int(weights[0] + x @ weights[1:] > 0)
        if o != t:
            weights = weights + learning_rate * (t - o) * np.array([1, *x])
            steps.append(weights)
    return np.array(steps)


ours = history.weights[1:]  # learnt with targets +1 and -1 and a rate of 0.05
twice = train_zero_one(corners, targets_and > 0, learning_rate=0.10)
same = train_zero_one(corners, targets_and > 0, learning_rate=0.05)
print("twice the rate: same weights at every step?", np.allclose(twice, ours))
print("same rate: half the weights at every step?", np.allclose(same, ours / 2))

# %% [markdown]
# **The same in Keras.** Keras knows no perceptron rule, but it knows gradient descent. Take the loss $\max(0, -t\,s)$,
# where $s$ is the weighted sum: zero for a right answer, growing with the mistake. Its slope is $-t\,\mathbf x$ when wrong
# and 0 when right, so one step of gradient descent *is* the perceptron rule. Do the two agree?

# %% tags=["T026", "nbval-check-output"]
start = np.array([0.317, -0.829, 0.443])
unit = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
unit.set_weights([start[1:, None], start[:1]])
unit.compile(keras.optimizers.SGD(2 * 0.05), loss=lambda t, s: keras.ops.relu(-t * s))
x, t = corners.astype("float32"), targets_and[:, None].astype("float32")
unit.fit(x, t, epochs=8, batch_size=1, shuffle=False, verbose=0)

kernel, bias = unit.get_weights()
by_rule = rule.train(corners, targets_and, passes=8, weights=start).weights[-1]
print("gradient descent in Keras:", np.round([*bias, *kernel[:, 0]], 3))
print("perceptron rule, by hand: ", np.round(by_rule, 3))

# %% [markdown]
# ## Must it stop?
#
# Each mistake moves the line, and the move can spoil other examples. Why should that ever end? Novikoff's proof has a few
# lines. Let $\mathbf u$ be *some* weights that separate the classes, scaled to length 1, with
# $t\,(\mathbf u \cdot \mathbf x) \ge \gamma$ for every example; let $R$ be the length of the longest $\mathbf x$ (with its constant 1).
# Take $2\eta = 1$, as the rate does not matter. Then after $k$ mistakes
#
# - $\mathbf w \cdot \mathbf u \ge k\gamma$: every update adds at least $\gamma$ in the right direction;
# - $\|\mathbf w\|^2 \le k R^2$: an update happens only when the sum has the wrong sign, so the length grows slowly.
#
# A projection is never longer than the vector, so $k\gamma \le \sqrt{k}\,R$, which means $k \le (R/\gamma)^2$. However many
# examples there are, the number of mistakes has a ceiling, set by the room $\gamma$ that the classes leave between them.
# Test it, from wide gaps to narrow ones.


# %% tags=["T026"]
def separable_data(gap, rng, examples=200):
    """Points of a square at least `gap` away from a random line, and the line's weights."""
    weights = rng.normal(size=3) * [0.3, 1, 1]
    weights /= np.linalg.norm(weights[1:])
    cloud = rng.uniform(-1, 1, (6 * examples, 2))
    cloud = cloud[np.abs(rule.scores(cloud, weights)) > gap][:examples]
    return cloud, rule.predict(cloud, weights), weights


gaps, seeds = [0.3, 0.1, 0.03, 0.01], scale(laptop=6, gpu=30)
made, ceilings = np.zeros((2, len(gaps), seeds))
for (row, gap), seed in itertools.product(enumerate(gaps), range(seeds)):
    inputs, targets, true_weights = separable_data(gap, np.random.default_rng(seed))
    run = rule.train(inputs, targets, passes=3000)
    made[row, seed] = run.updates
    ceilings[row, seed] = rule.mistake_bound(inputs, targets, true_weights)
    assert run.converged and run.updates <= ceilings[row, seed]
show(
    charts.lines(
        {r"ceiling $(R/\gamma)^2$": ceilings, "mistakes made": made},
        gaps,
        "gap left between the classes",
        "number of mistakes",
        log="xy",
    ),
    alt="The smaller the gap, the more mistakes; always far fewer than the ceiling.",
)

# %% [markdown]
# Every run stopped, and none went over its ceiling. Most stayed far below: the proof speaks of the worst case.
#
# **Exercise 4.** The margin of a line is its distance from the nearest example, counted negative when an example lies on
# the wrong side. Write it.


# %% exercise="margin"
def margin(inputs, targets, weights):
    """inputs (examples, features), targets +1 or -1, weights with the bias first. Returns one number."""
    ### BEGIN SOLUTION
    sums = weights[0] + inputs @ weights[1:]
    return np.min(targets * sums) / np.linalg.norm(weights[1:])
    ### END SOLUTION


# %% check="margin"
check(margin)

# %% [markdown]
# ## What it can never learn
#
# The proof began with "let $\mathbf u$ be some weights that separate the classes". What if there are none? Here are three
# functions of two inputs: AND, OR, and XOR, which is $+1$ when *exactly one* input is on. Guess the passes for each.

# %% tags=["T027", "H01", "nbval-check-output"]
logic = {"AND": [-1, -1, -1, 1], "OR": [-1, 1, 1, 1], "XOR": [-1, 1, 1, -1]}
learnt = {}
for name, targets in logic.items():
    learnt[name] = rule.train(corners, targets, learning_rate=0.5, passes=100)
    verdict = "learnt" if learnt[name].converged else "not learnt"
    print(f"{name:4} {verdict} in {learnt[name].passes} passes")
print("weights on XOR, update by update:")
print(*(tuple(map(int, weights)) for weights in learnt["XOR"].weights[2:11]))

units = {name: run.weights[-1] for name, run in learnt.items()}
show(
    figures.unit_strip(corners, list(logic.values()), units, width=2.6),
    alt="One line separates AND, another OR. On XOR two corners are on the wrong side.",
)

# %% [markdown]
# On XOR it runs in a circle of four positions for ever: look how the weights repeat. No rule could do better, and the
# proof fits in two lines. With outputs for $(0,0), (0,1), (1,0), (1,1)$ we would need
#
# $$w_0 \le 0,\qquad w_0 + w_2 > 0,\qquad w_0 + w_1 > 0,\qquad w_0 + w_1 + w_2 \le 0 .$$
#
# Add the two in the middle: $2w_0 + w_1 + w_2 > 0$. Add the outer two: $2w_0 + w_1 + w_2 \le 0$. Both cannot be.
# A computer can do such a proof for us: **linear programming** either finds weights or certifies that there are none.
# Let it judge all sixteen functions of two inputs.

# %% tags=["T027", "nbval-check-output"]
rows = np.column_stack([np.ones(4), corners])
for targets in itertools.product([-1, 1], repeat=4):
    below = -np.array(targets)[:, None] * rows  # below @ w <= -1: right at every corner
    answer = linprog(np.zeros(3), A_ub=below, b_ub=-np.ones(4), bounds=(None, None))
    if answer.status == 2:  # proved infeasible
        print("no line separates", targets)

# %% [markdown]
# **Exercise 5.** Write that judge yourself, by exhaustive search: try every combination of a few weights and biases, and
# say `True` when one of them gives all four targets. (For two inputs, weights among $-1, 0, 1$ and biases at the halves
# are enough. The check compares you with the linear program.)


# %% exercise="is_separable"
def is_separable(targets):
    """targets (4,), +1 or -1 at the corners (0,0), (0,1), (1,0), (1,1). Returns True if some line separates them."""
    ### BEGIN SOLUTION
    for w0, w1, w2 in itertools.product([-1.5, -0.5, 0.5, 1.5], [-1, 0, 1], [-1, 0, 1]):
        if np.array_equal(np.where(w0 + corners @ [w1, w2] > 0, 1, -1), targets):
            return True
    return False
    ### END SOLUTION


# %% check="is_separable"
check(is_separable)

# %% [markdown]
# Only two of sixteen: is XOR an odd exception? Try more inputs. Enumerate weights, collect every function some unit
# computes, and compare with all functions there are.


# %% tags=["T027", "nbval-check-output"]
def count_separable(inputs, largest):
    """How many functions of on/off inputs one unit computes, weights up to `largest`."""
    every_input = np.array(list(itertools.product([0, 1], repeat=inputs)))
    weights = itertools.product(range(-largest, largest + 1), repeat=inputs)
    sums = np.array(list(weights)) @ every_input.T
    thresholds = np.arange(-inputs * largest - 0.5, inputs * largest + 1)
    return len({table.tobytes() for level in thresholds for table in sums > level})


for inputs, largest in ((1, 1), (2, 1), (3, 2), (4, 3)):
    count, every = count_separable(inputs, largest), 2**2**inputs
    print(f"{inputs} inputs: {count:4} of {every:5} functions ({count / every:.1%})")

# %% [markdown]
# XOR is the rule, not the exception: with four inputs hardly any function is left. In 1969 Marvin Minsky and Seymour
# Papert wrote a book about such limits, and interest in perceptrons collapsed. Yet the Mark I did learn letters.
# Aren't letters harder than XOR?
#
# ## The Mark I: random units in between
#
# Our eye, 20 × 20 photocells, looks at an X or at another letter: shifted, turned, noisy, in ink on paper. First let one
# unit look straight at the photocells. Then make it harder: turn half of the pictures into negatives.


# %% tags=["T023"]
def x_or_other(number, seed, negatives=True):
    """Half of the pictures show an X (target +1), half another letter (-1)."""
    crosses = data.letters(number // 2, seed=seed, alphabet="X")
    others = data.letters(
        number // 2, seed=seed + 1000, alphabet="ABCDEFGHIJKLMNOPQRSTUVWYZ"
    )
    images = np.concatenate([crosses.images, others.images]).reshape(number, -1)
    if negatives:
        images[::2] = 1 - images[::2]
    order = np.random.default_rng(seed).permutation(number)
    return images[order], np.repeat([1, -1], number // 2)[order]


images, targets = x_or_other(scale(laptop=800, gpu=8000), seed=0)
test_images, test_targets = x_or_other(600, seed=5)
titles = ["X" if target > 0 else "other" for target in targets[:18]]
show(
    charts.contact_sheet(images[:18].reshape(-1, 20, 20), titles, columns=9),
    alt="Eighteen small pictures: turned and noisy letters, half an X, half negatives.",
)


# %% tags=["T023"]
def accuracy(features, targets, test_features, test_targets):
    """Share of right answers on new pictures after training one unit."""
    weights = rule.train(features, targets, passes=30).weights[-1]
    return np.mean(rule.predict(test_features, weights) == test_targets)


ink = x_or_other(len(images), seed=0, negatives=False)
test_ink = x_or_other(600, seed=5, negatives=False)
ink_only = accuracy(*ink, *test_ink)
straight = accuracy(images, targets, test_images, test_targets)
print(f"one unit, ink on paper only: {ink_only:.0%} right")
print(f"one unit, half negatives:    {straight:.0%} right (guessing: 50%)")
assert ink_only > 0.85 and straight < 0.65

# %% [markdown]
# So letters in ink are *easy*: a line nearly separates them. With negatives the unit is reduced to guessing, and
# no training helps. A dark point speaks for X in one picture and against it in the next. It is XOR again, in disguise.
#
# Rosenblatt did not feed the eye straight into the unit that learns. In between stood **association units**, each wired
# *at random* to a few photocells with fixed weights $+1$ and $-1$. Only the last unit, the **response unit**, learned.


# %% tags=["T023", "nbval-check-output"]
def random_wiring(inputs, units, rng, connections=12):
    """Weights (inputs, units): each unit reads a few random inputs, with +1 or -1."""
    wiring = np.zeros((inputs, units))
    for unit in range(units):
        cells = rng.choice(inputs, connections, replace=False)
        wiring[cells, unit] = rng.choice([-1, 1], connections)
    return wiring


def association(images, wiring):
    """Which association units fire, 1 or 0: those whose weighted sum is above zero."""
    return (images @ wiring > 0).astype(float)


wiring = random_wiring(400, 5, np.random.default_rng(0))
print("connections of five units:", np.abs(wiring).sum(axis=0).astype(int))
print("which of them see white?  ", association(np.ones((1, 400)), wiring)[0].astype(int))

# %% [markdown]
# Nothing in these units was chosen and nothing in them learns. Can they help? Let the response unit look through more
# and more of them, with five random wirings each.

# %% tags=["T023"]
sizes = scale(laptop=[16, 64, 256, 1024], gpu=[16, 64, 256, 1024, 4096])
scores = np.zeros((len(sizes), 5))
for (row, units), seed in itertools.product(enumerate(sizes), range(5)):
    wiring = random_wiring(400, units, np.random.default_rng(seed))
    seen, test_seen = association(images, wiring), association(test_images, wiring)
    scores[row, seed] = accuracy(seen, targets, test_seen, test_targets)
assert scores[-1].min() > 0.8, "a thousand units should do far better than guessing"

show(
    charts.lines(
        {"through random units": scores},
        sizes,
        "association units",
        "accuracy on new pictures",
        levels={"straight from the eye": straight},
        log="x",
        percent=True,
    ),
    alt="Straight from the eye: guessing. With more units: up to nine in ten right.",
)

# %% [markdown]
# No single random unit means "X". But with enough of them *some* weighted sum of them does, and finding a weighted sum is
# what the rule is good at. In 1958 Rosenblatt drew his machine beside a brain. Here are both, with the units of our
# simulation that fire for one X.

# %% tags=["T028", "G02", "picture"]
wiring = random_wiring(400, 1024, np.random.default_rng(0))
response = rule.train(association(images, wiring), targets, passes=30).weights[-1]
one_x = test_images[(test_targets > 0) & (test_images.mean(axis=1) < 0.5)][:1]
firing = association(one_x, wiring)
score = rule.scores(firing, response)[0]
show(
    figures.brain_and_perceptron(one_x.reshape(20, 20), wiring, firing[0], score),
    alt="Above, a brain: retina, projection, association and motor area. Below, the "
    "perceptron: photocells, random wires, lit association units, a response unit.",
)

# %% [markdown]
# Now XOR itself. What do you expect when the response unit sees its two inputs through random units?


# %% tags=["T027", "T023"]
def share_solved(units, tries=100):
    """How many random layers of `units` units make XOR learnable."""
    solved = 0
    for seed in range(tries):
        wiring = np.random.default_rng(seed).normal(size=(3, units))
        seen = association(rule.with_bias(corners), wiring)
        solved += rule.train(seen, logic["XOR"], passes=100).converged
    return solved / tries


layer_sizes = [1, 2, 4, 8, 16, 32]
shares = [share_solved(units) for units in layer_sizes]
assert shares[0] == 0 and shares[-1] > 0.9
show(
    charts.bars(layer_sizes, shares, "random units in between", "share that learns XOR"),
    alt="With one random unit no machine learns XOR; with 32, nearly all do.",
)

# %% [markdown]
# So the perceptron of 1958 could do XOR after all. One layer of *learning* weights cannot, and the layer below had to be
# lucky. If a unit in between is of no use, which way should its weights move? The rule $t - o$ is silent: nobody knows
# the target of a unit in the middle. Finding one is the story of lesson 05.
#
# | machine | what learns | AND, OR | XOR | X, with negatives |
# |---|---|---|---|---|
# | one unit | its weights | always, after a bounded number of mistakes | never, as proved | guesses |
# | one unit behind random units | the last layer | yes, if no two inputs look the same to them | with luck; the more units, the less luck it needs | better and better |
#
# ## Think about it
#
# **The rule stops at the first line without mistakes. Is that the line you would want?**
#
# <details><summary>Answer</summary>
#
# On AND it stopped with a point right on the line: a slightly noisy copy of it would be judged wrongly. A line in the
# middle of the gap, with the largest margin, is safer; support vector machines look for just that.
# </details>
#
# **Someone trains a perceptron for a million passes and it still makes mistakes. May they conclude that no line separates the data?**
#
# <details><summary>Answer</summary>
#
# No. The ceiling $(R/\gamma)^2$ can be far above a million when the margin is tiny. A linear program settles it. So does
# a weight vector that comes back after a full pass: the run is then in a circle for ever.
# </details>
#
# ## Further reading
#
# - W. McCulloch and W. Pitts, *A logical calculus of the ideas immanent in nervous activity*, 1943: the unit, without learning.
# - F. Rosenblatt, *The perceptron: a perceiving and recognizing automaton*, report, 1957; *The perceptron: a probabilistic
#   model for information storage and organization in the brain*, Psychological Review, 1958.
# - A. Novikoff, *On convergence proofs on perceptrons*, 1962.
# - M. Minsky and S. Papert, *Perceptrons*, 1969.
# - Y. Freund and R. Schapire, *Large margin classification using the perceptron algorithm*, 1999: the rule, made modern.
