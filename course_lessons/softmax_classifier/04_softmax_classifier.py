# ---
# jupyter:
#   course:
#     title: "The softmax classifier: what ten neurons can read"
#     summary: "Ten neurons side by side read digits: softmax, cross-entropy, y − t, a recipe for training, and a wall."
#     objectives:
#       - "read a layer of neurons as templates laid over a picture, and count its weights"
#       - "derive softmax, cross-entropy and the message y − t, and check them by nudging"
#       - "train a classifier by the recipe, from splitting the data to testing once"
#       - "say what was measured for the loss, the batch size, long training and choosing the best of many"
#       - "prove what no layer of ten neurons can learn, whatever its weights"
#     needs: [01_maths_review, 03_single_neuron]
#     minutes: 75
#     data: [mnist_5k]
# ---

# %% [markdown]
# One neuron told a 3 from an 8. Now put ten of them side by side, one for each digit, and let the largest sum win.
# Nearly every network of this course ends in such a layer; here it stands alone.
#
# **How much reading can ten neurons learn, and what will no amount of training teach them?**

# %%
import keras
import numpy as np
import pandas as pd

from course_lessons.softmax_classifier import figures
from course_lib import data, scale
from course_lib.evidence import at_best_rate, compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.gradcheck import numerical_gradient
from course_lib.layers import batches, softmax
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## Ten masks on one window
#
# What would you lay over a picture to know that it is a 3? Weights that say where ink speaks for a 3, and where
# against it. With $n$ pixels $x_i$, class $k$ gets the weighted sum, or *score*, $a_k = \sum_i W_{ik}\,x_i + b_k$. The
# weights of class $k$ are column $k$ of $W$ (Keras calls it `kernel`); drawn as a picture they are its **template**. A machine that
# answers with the class of the largest score is a **linear classifier**.
#
# By hand first: 2 × 2 pixels, three classes. What are the three scores? How many numbers does the layer hold?

# %% tags=["T042", "F007", "nbval-check-output"]
picture = np.array([0.5, 1.0, 0.0, 0.2])  # 2 × 2 pixels, row by row
tiny_kernel = np.array([[2.0, -1.0, 0.0], [1.0, 1.0, -1.0], [-1.0, 2.0, 0.0], [0.0, 0.0, 3.0]])  # (inputs, classes)
tiny_bias = np.array([0.0, 0.5, -0.5])
by_hand = [
    0.5 * 2 + 1 * 1 + 0 * -1 + 0.2 * 0 + 0,
    0.5 * -1 + 1 * 1 + 0 * 2 + 0.2 * 0 + 0.5,
    0.5 * 0 + 1 * -1 + 0 * 0 + 0.2 * 3 - 0.5,
]
tiny = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
tiny.set_weights([tiny_kernel, tiny_bias])
print("weights and biases:", tiny.count_params())
in_keras = tiny.predict(picture[None], verbose=0)[0]
pd.DataFrame({"by hand": by_hand, "Dense(3)": in_keras}, index=["class 0", "class 1", "class 2"]).round(3)

# %% [markdown]
# Twelve weights and three biases, 15 numbers; class 0 wins. A digit of 28 × 28 pixels and ten classes take
# $784 \cdot 10 + 10 = 7{,}850$. Which numbers? A first idea: the template of a class is the mean of its pictures. A
# second: answer with the *nearest* mean $\mathbf m_k$. Multiply out:
#
# $$\|\mathbf x - \mathbf m_k\|^2 = \|\mathbf x\|^2 - 2\,\mathbf m_k\cdot\mathbf x + \|\mathbf m_k\|^2$$
#
# The first term is the same for all classes. So the nearest mean has the largest $\mathbf m_k\cdot\mathbf x -
# \frac12\|\mathbf m_k\|^2$: a linear classifier with the same templates and a bias. How much can a bias matter?

# %% tags=["T041"]
digits = scale(laptop=data.mnist_5k, gpu=data.mnist)()
train_images, train_labels = digits.train.images.reshape(-1, 784), digits.train.labels
new_images, new_labels = digits.validation.images.reshape(-1, 784), digits.validation.labels
means = np.transpose([train_images[train_labels == k].mean(axis=0) for k in range(10)])  # (784, 10)
show(
    charts.contact_sheet(means.T.reshape(-1, 28, 28), [f"mean {k}" for k in range(10)], columns=10),
    alt="The mean pictures of the ten digits: blurred, but each can be read.",
)
mean_scores = new_images @ means
right = {
    "means, no bias": np.mean(mean_scores.argmax(axis=1) == new_labels),
    "nearest mean": np.mean((mean_scores - 0.5 * np.sum(means**2, axis=0)).argmax(axis=1) == new_labels),
}
assert right["means, no bias"] < right["nearest mean"] - 0.1
pd.DataFrame({"right on new digits": right}).map("{:.1%}".format)

# %% [markdown]
# Without it, a mean with much ink gets a large score from every picture. Can training find better templates? It needs one number
# that says how wrong the ten scores are.
#
# ## From scores to probabilities
#
# In lesson 03 that number was the surprise at what was true, so we need probabilities: positive, and together 1.
# One neuron had log-odds that are a sum of its inputs. Ask the same of *any two* classes:
#
# $$\log\frac{y_k}{y_j} = a_k - a_j, \qquad\text{so}\qquad y_k = y_j\,e^{a_k - a_j}.$$
#
# Add this up over all $k$. On the left stands 1, on the right $y_j\,e^{-a_j}\sum_k e^{a_k}$. Solve for $y_j$:
#
# $$y_j = \frac{e^{a_j}}{\sum_k e^{a_k}}$$
#
# So the assumption leaves no choice. This function from scores to probabilities is **softmax**, and the scores that go into it are
# again called logits. Two corollaries:
#
# - With two classes, divide by $e^{a_1}$: $y_1 = 1/(1 + e^{-(a_1 - a_2)}) = \sigma(a_1 - a_2)$, the neuron of lesson 03.
# - Only differences count. The same constant added to all logits changes no probability.
#
# Books write the layer in four ways. Which shapes are multiplied in each?


# %% tags=["T043", "T044", "F008", "nbval-check-output"]
def naive_softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


W, b, x = tiny_kernel, tiny_bias, picture
powers = [np.exp(sum(W[i, k] * x[i] for i in range(4)) + b[k]) for k in range(3)]
column = np.exp(W.T @ x[:, None] + b[:, None])  # (3, 4) @ (4, 1) + (3, 1): the example is a column
rows = np.stack([x, 1 - x])  # (2, 4): a batch of two examples
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
model.set_weights([W, b])
spellings = {
    "sums": np.array(powers) / sum(powers),
    "matrix times column": (column / column.sum())[:, 0],
    "batch times kernel": naive_softmax(rows @ W + b)[0],  # (2, 4) @ (4, 3) + (3,)
    "Keras": model.predict(rows, verbose=0)[0],
}
assert all(np.allclose(each, spellings["sums"], atol=1e-6) for each in spellings.values())
print("weights and biases:", model.count_params())
pd.DataFrame(spellings, index=["y₀", "y₁", "y₂"]).T.round(4)

# %% [markdown]
# One vector, four times. This course keeps to the third: examples in rows, `inputs @ kernel + bias`.
#
# The formula has a trap. What happens with logits of 1,000, 1,001 and 999?

# %% tags=["T045", "nbval-check-output"]
with np.errstate(over="ignore", invalid="ignore"):
    for example in ([0.0, 1.0, -1.0], [1000.0, 1001.0, 999.0]):
        print(example, "→", naive_softmax(np.array(example)).round(4))

# %% [markdown]
# The differences are the same, so the answers should be. But $e^{1000}$ is too large for a computer, and infinity over
# infinity is `nan`, "not a number". In 64 bits the powers overflow near 710, in 32 bits near 89.
#
# **Exercise 1.** Write a softmax that survives. `logits` has an example in each row. The second corollary helps.


# %% exercise="stable_softmax"
def stable_softmax(logits):
    """logits (examples, classes). Returns the probabilities, of the same shape."""
    ### BEGIN SOLUTION
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
    ### END SOLUTION


# %% check="stable_softmax"
check(stable_softmax)

# %% [markdown]
# From here on we use `softmax` of `course_lib.layers`, which is written so. Does a constant change nothing?

# %% tags=["T045", "nbval-check-output"]
some_logits = np.array([[2.0, 1.0, -1.0], [0.0, 3.0, 3.0]])
shifts = {f"{shift:+,} added": softmax(some_logits + shift)[0] for shift in (0, 5, 1000, -1000)}
assert all(np.allclose(each, naive_softmax(some_logits)[0]) for each in shifts.values())
pd.DataFrame(shifts, index=["y₀", "y₁", "y₂"]).T.round(4)

# %% [markdown]
# ## What did it cost to be wrong?
#
# Two assumptions: given the pictures, no label depends on another; and a picture $\mathbf x$ has the label $k$ with
# the probability $y_k(\mathbf x)$ that the classifier says. Then the probability of *all* labels is the product of
# $y_c$ over the examples, $c$ the true class of each. Minus its logarithm is a sum, of
#
# $$\ell = -\log y_c = -\sum_k t_k \log y_k$$
#
# for each example. The target $\mathbf t$ is **one-hot**: $t_k$ is 1 for the true class and 0 for the others. So
# $\ell$ is again the surprise. For softmax it is called *categorical* cross-entropy. $\mathcal L$
# is its mean.
#
# Before training all weights are 0. What is the surprise then, for ten classes?

# %% tags=["T046", "nbval-check-output"]
labels = np.array([3, 1, 4, 1, 5])
one_hot = np.eye(10)[labels]
logits = np.random.default_rng(0).normal(0, 2, size=(5, 10))
costs = {
    "by the formula": -np.mean(np.sum(one_hot * np.log(softmax(logits)), axis=1)),
    "Keras, one-hot targets": keras.losses.CategoricalCrossentropy(from_logits=True)(one_hot, logits),
    "Keras, labels (sparse)": keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, logits),
    "from_logits forgotten": keras.losses.SparseCategoricalCrossentropy()(labels, logits),
    "all weights 0": -np.mean(np.log(softmax(np.zeros((5, 10)))[:, 0])),
}
costs = {name: float(cost) for name, cost in costs.items()}
assert np.isclose(costs["Keras, one-hot targets"], costs["Keras, labels (sparse)"])
pd.DataFrame({"mean surprise": costs}).round(4)

# %% [markdown]
# One-hot targets and plain labels agree. Guessing costs $\log 10 = 2.303$: expect that number before training. And
# beware: Keras' losses expect probabilities unless told otherwise. Give them logits without `from_logits=True`, and they
# compute something else without a word.
#
# **Exercise 2.** Write the mean surprise straight from logits. One example may have its true class 800 below the
# winner: its surprise is then about 800, not infinite. Hence do not take the logarithm of a probability.


# %% exercise="surprise"
def surprise(logits, labels):
    """logits (examples, classes), labels (examples,): the true class of each, as a number. Returns the mean."""
    ### BEGIN SOLUTION
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(shifted).sum(axis=1))
    return np.mean(log_sums - shifted[np.arange(len(labels)), labels])
    ### END SOLUTION


# %% check="surprise"
check(surprise)

# %% [markdown]
# ## Which way should a logit move?
#
# We need $\delta_j = \partial\ell/\partial a_j$, all other logits held fixed. *The short way.* The logarithm of a
# fraction is a difference:
#
# $$\ell = -\log\frac{e^{a_c}}{\sum_k e^{a_k}} = -a_c + \log\sum_k e^{a_k}$$
#
# The first term has the slope $-1$ by $a_c$ and 0 by every other logit: $-t_j$. The second has one over the sum, times
# the slope of the sum, $e^{a_j}$: that is $y_j$. Together
#
# $$\delta_j = y_j - t_j$$
#
# *The long way*, by the chain rule. By the rule for fractions $\partial y_k/\partial a_j = y_k([k = j] - y_j)$, where
# $[k = j]$ is 1 if $k = j$, else 0. All $y_k$ depend on $a_j$, so their influences add up:
#
# $$\delta_j = \sum_k \frac{\partial\ell}{\partial y_k}\,\frac{\partial y_k}{\partial a_j} = \sum_k \Big(-\frac{t_k}{y_k}\Big)\, y_k\big([k = j] - y_j\big) = -t_j + y_j\sum_k t_k = y_j - t_j$$
#
# The last step needs only that the targets sum to 1. What you said minus what was so, as for one neuron. The
# weights follow: $W_{ij}$ enters only $a_j$, with the slope $x_i$, so $\partial\ell/\partial W_{ij} = x_i\,(y_j - t_j)$
# and $\partial\ell/\partial b_j = y_j - t_j$. For a batch of $N$ examples, in rows: `inputs.T @ (y - t) / N`.
#
# For comparison take half the squared error behind the same softmax, $\ell = \frac12\sum_k (y_k - t_k)^2$. The long
# way gives $\delta_j = y_j\big[(y_j - t_j) - \sum_k (y_k - t_k)\,y_k\big]$. Now let a classifier be *sure and wrong*:
# logits $(10, 0, 0)$, and class 1 is true. How loudly does each loss protest?


# %% tags=["T047", "T048"]
losses = {
    "cross-entropy": lambda y, t: -np.sum(t * np.log(y)),
    "squared error": lambda y, t: 0.5 * np.sum((y - t) ** 2),
}
messages = {"cross-entropy": lambda y, t: y - t, "squared error": lambda y, t: y * ((y - t) - np.sum((y - t) * y))}


def slopes(name, logits, t):
    """The slopes of a loss by the probabilities, nudged and by formula, and those by the logits."""
    y, loss = softmax(logits), losses[name]
    by_y = {"cross-entropy": 0.0 - t / y, "squared error": y - t}[name]
    nudged_y = numerical_gradient(lambda: loss(y, t), y, step=1e-8)
    nudged = numerical_gradient(lambda: loss(softmax(logits), t), logits)
    assert np.allclose(nudged_y, by_y, rtol=1e-3, atol=1e-6)
    return {"slope by y": by_y, "slope by a": messages[name](softmax(logits), t), "by a, nudged": nudged}


wrong_logits, t = np.array([10.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
found = {(name, kind): row for name in losses for kind, row in slopes(name, wrong_logits, t).items()}
for name in losses:
    assert np.allclose(found[name, "slope by a"], found[name, "by a, nudged"], rtol=1e-4, atol=1e-9)
pd.DataFrame(found, index=["class 0", "class 1", "class 2"]).T.map("{:.1e}".format)

# %% [markdown]
# The formulas agree with the nudges. Cross-entropy says "one down, the other up, at full strength". The squared error
# whispers, thousands of times more softly: its factor $y_j$ or $1 - y_j$ is nearly 0. Draw it for all answers of a
# classifier with three classes. An answer is a point of a triangle: at a corner one class has all the probability.

# %% tags=["T048"]
show(
    figures.simplex(messages),
    alt="Two triangles of answers, the top corner is true, with arrows for minus the message. Cross-entropy: every arrow "
    "points towards the top, the longer the farther away. Squared error: short arrows, the longest half-way up the two sides, "
    "and none at all three corners, also at the two wrong ones.",
)

# %% [markdown]
# At the two wrong corners, too, the squared error has slopes of exactly 0: who is wholly sure of a wrong class learns
# nothing. Cross-entropy is loudest just there. Whether that matters in training we shall measure. First: what does
# descent do if one forgets the minus sign of cross-entropy?

# %% tags=["T048", "nbval-check-output"]
few, few_labels = train_images[:200], train_labels[:200]
few_targets = np.eye(10)[few_labels]
courses = {}
for sign in ("minus", "no minus"):
    kernel, course = np.zeros((784, 10)), []
    for _ in range(4):
        y = softmax(few @ kernel)
        course.append(-np.mean(np.log(y[np.arange(200), few_labels])))
        kernel -= 0.1 * few.T @ ((y - few_targets) if sign == "minus" else (few_targets - y)) / 200
    courses[sign] = course
assert courses["minus"][-1] < courses["minus"][0] < courses["no minus"][-1]
pd.DataFrame(courses, index=[f"surprise after step {step}" for step in range(4)]).round(3)

# %% [markdown]
# It walks uphill. One more thing can be read off the formula. The second slopes of $\ell$ by the logits are
# $H = \mathrm{diag}(\mathbf y) - \mathbf y\mathbf y^T$, and for any $\mathbf v$
#
# $$\mathbf v^T H\,\mathbf v = \sum_k y_k v_k^2 - \Big(\sum_k y_k v_k\Big)^2 \ge 0,$$
#
# the variance of the numbers $v_k$, drawn with the probabilities $y_k$. The logits are linear in $W$ and
# $\mathbf b$, so as for one neuron (lesson 03) the loss is convex: one valley, no false bottom, and we may start at zero.
#
# **Exercise 3.** Two common changes. *Label smoothing* replaces the targets by $(1 - s)\,\mathbf t + s/K$ with $K$
# classes, and the weight decay of lesson 03 adds $\frac\alpha2\sum W^2$ (not of the bias) to the mean loss. Write both gradients.


# %% exercise="classifier_gradients"
def classifier_gradients(inputs, kernel, bias, labels, smoothing, decay):
    """inputs (examples, n), kernel (n, classes), bias (classes,), labels (examples,), smoothing s, decay α.

    Returns the gradient by the kernel and that by the bias.
    """
    ### BEGIN SOLUTION
    classes = len(bias)
    targets = (1 - smoothing) * np.eye(classes)[labels] + smoothing / classes
    delta = (softmax(inputs @ kernel + bias) - targets) / len(inputs)
    return inputs.T @ delta + decay * kernel, delta.sum(axis=0)
    ### END SOLUTION


# %% check="classifier_gradients"
check(classifier_gradients)

# %% [markdown]
# ## Five words and one loop
#
# All training in this course has five parts: data, a decision function, a loss, a goal, and descent. Here they are. An
# **epoch** is one pass over all examples. A step may use all of them, a **mini-batch** of some, or one. With
# anything less than all, the gradient is that of a random sample: **stochastic gradient descent** (SGD).


# %% tags=["T049", "T050"]
def train(images, labels, learning_rate, batch_size, epochs, seed=0):
    rng = np.random.default_rng(seed)
    targets = np.eye(10)[labels]  # 1. data: pictures and one-hot targets
    kernel, bias = np.zeros((images.shape[1], 10)), np.zeros(10)
    surprises = []
    for _ in range(epochs):
        for batch in batches(len(images), batch_size, rng):  # all examples in a new order, cut into batches
            y = softmax(images[batch] @ kernel + bias)  # 2. decision function
            delta = (y - targets[batch]) / len(batch)  # 3. loss: cross-entropy, and its message
            kernel -= learning_rate * images[batch].T @ delta  # 5. descent
            bias -= learning_rate * delta.sum(axis=0)
        y = softmax(images @ kernel + bias)  # 4. goal: a small mean loss
        surprises.append(-np.mean(np.log(y[np.arange(len(y)), labels])))
    return kernel, bias, surprises


# %% [markdown]
# A step on one digit costs next to nothing, but one digit says little about all. What will the curves look like? (Of
# the rates of a longer experiment, below, these got to the lowest surprise on validation digits.)

# %% tags=["T050"]
settings = {"all at once": (1.0, len(train_images)), "32 a step": (0.1, 32), "one a step": (0.003, 1)}
curves = {name: train(train_images, train_labels, *how, epochs=8)[2] for name, how in settings.items()}
assert curves["all at once"][-1] > 1.5 * curves["32 a step"][-1]
show(
    charts.lines(curves, range(1, 9), "epoch", "surprise on the training digits"),
    alt="Surprise on the training digits against the epoch, 1 to 8. All at once: it wavers between 1 and 1.7. 32 a step: from "
    "0.56 down to 0.28. One a step: nearly the same curve.",
)

# %% tags=["T050", "nbval-check-output"]
batch_rows = evidence("batch_sizes")
fastest = at_best_rate(batch_rows, "batch", "passes").pivot(index="seed", columns="batch", values="passes")
assert (fastest[32] < fastest[3500] / 5).all()
errors = compare(at_best_rate(batch_rows, "batch", "validation_surprise"), "batch", "test_error", against=32)
assert errors["low"].max() <= 0 <= errors["high"].min()
for batch, row in errors.drop(32).iterrows():
    low, high = f"{row['low']:.2%}", f"{row['high']:.2%}"
    print(f"errors, batches of {batch} less those of 32: {row['difference']:.2%} [{low}, {high}]")
table = batch_rows.groupby(["batch", "rate"], sort=False)[["passes", "test_error"]].mean()
table.insert(0, "rate × steps", [rate * np.ceil(3500 / batch) for batch, rate in table.index])
table["passes"] = table["passes"].map(lambda epochs: f"{epochs:.0f}" if np.isfinite(epochs) else "not in all runs")
table["test_error"] = table["test_error"].map("{:.1%}".format)
table.rename(columns={"rate × steps": "rate × steps an epoch", "passes": "epochs", "test_error": "test error"})

# %% [markdown]
# (Recorded for five seeds. *Epochs* counts those until the validation surprise is within 5 % of the lowest of any run
# with this seed. The test error is that at the run's own lowest validation surprise. The 95 % intervals compare each
# batch size at the rate with the lowest: the smallest tried, each time.) In the error we could not tell the three apart. **Batches of 32 need less than a
# fifth of the epochs that all digits at once need.** Look at *rate × steps*: it says how far an epoch can go. All at
# once it is one step, and with a rate of 4 it overshoots (lesson 01). Batches of 32 and single digits go equally far by
# 0.1 · 110 and 0.003 · 3,500, and need equally many epochs for it. (Epochs are counted here, not seconds.)
#
# ## Does the loss matter?
#
# The squared error whispers where the classifier is sure and wrong. Recorded for ten seeds: cross-entropy, half the
# squared error behind softmax, and half the squared error of the *logits themselves* (no softmax: lesson 01's least
# squares on one-hot targets). The start is once zero, for 60 epochs, once sure and wrong: normal random weights of
# deviation 3, for 240. Each side has the best of three to five rates and stops at its best epoch, both chosen on validation
# digits. What do you expect?

# %% tags=["T047"]
loss_rows = evidence("three_losses")
kinds = ["start", "loss", "rate"]
best_pass = loss_rows.loc[loss_rows.groupby([*kinds, "seed"])["validation_error"].idxmin()]
chosen = at_best_rate(best_pass, ["start", "loss"], "validation_error")
curves_of_losses, looks = {}, {}
for (start, loss), rows_of in chosen.groupby(["start", "loss"], sort=False):
    runs = loss_rows[(loss_rows[kinds] == [start, loss, rows_of["rate"].iloc[0]]).all(axis=1)]
    table = runs.pivot(index="passes", columns="seed", values="validation_error")
    curves_of_losses.setdefault(start, {})[loss] = table.to_numpy()
    looks[start] = list(table.index)
show(
    charts.lines(curves_of_losses, looks, "epoch", "validation error", guessing=0.9, log="x", percent=True),
    alt="Validation error against the epoch, ten runs each. From zeros, 60 epochs: cross-entropy and squared error fall "
    "together to about 10 %, squared error of scores stays above them, at 15 %. Sure and wrong, 240 epochs: cross-entropy "
    "falls to 12 % by epoch 60 and stays there, squared error falls from 77 % to 26 % to the end.",
)

# %% tags=["T047", "nbval-check-output"]
gaps = {}
for start, rows_of in chosen.groupby("start"):
    for loss, gap in compare(rows_of, "loss", "test_error", against="cross-entropy").iterrows():
        gaps[start, loss] = gap
gaps = pd.DataFrame(gaps).T
assert gaps.loc[("from zeros", "squared error of scores"), "low"] > 0
assert gaps.loc[("sure and wrong", "squared error"), "low"] > 0
assert gaps.loc[("from zeros", "squared error"), "low"] < 0 < gaps.loc[("from zeros", "squared error"), "high"]
gaps[["mean", "difference", "low", "high"]].map("{:.1%}".format)

# %% [markdown]
# From zeros, behind softmax, we could not tell the losses apart. **On bare scores the squared error misreads five digits in
# a hundred more.** **From a start that is sure and wrong the squared error stays far behind, each side at its best
# rate** (for cross-entropy the largest tried). After 240 epochs it still misreads about twice as many, and its curve
# still falls. So "cross-entropy learns better" is no law; it is what you want where a network may be very sure of
# something false.
#
# ## When to stop, and whom to believe
#
# The examples are parted in three before anything is looked at: the **training part** to learn from, the **validation
# part** to choose with, the **test part** to measure with, once. Why not choose by the training digits? And why is the
# validation error not the last word? Recorded first: 300 epochs at the rate 0.1, ten seeds. The confidence is the
# probability of the class that is answered.

# %% tags=["T049"]
long_rows = evidence("on_and_on")


def against_epochs(column):
    return long_rows.pivot(index="passes", columns="seed", values=column).to_numpy()


epochs = sorted(set(long_rows["passes"]))
panels = {
    word: {part: against_epochs(f"{part}_{word}") for part in ("train", "validation")} for word in ("surprise", "error")
}
panels["on test digits"] = {"right": 1 - against_epochs("test_error"), "confidence": against_epochs("confidence")}
show(
    charts.lines(panels, epochs, "epoch", log="x"),
    alt="Three panels against the epoch, 1 to 300. Surprise: on training digits it falls to nearly 0, on validation digits to "
    "0.32 near epoch 30, then it rises to 0.40. Error: on training digits down to nearly 0, on validation digits level at "
    "about 0.1 from epoch 10. On test digits: the share right levels off at 0.89, confidence crosses it and ends at 0.94.",
)

# %% tags=["T049", "nbval-check-output"]
lowest = long_rows.loc[long_rows.groupby("seed")["validation_surprise"].idxmin()]
moments = pd.concat(
    [
        lowest.assign(moment="lowest validation surprise"),
        long_rows[long_rows["passes"] == 300].assign(moment="epoch 300"),
    ]
)
moments["too_sure"] = moments["confidence"] - (1 - moments["test_error"])
found = {
    value: compare(moments, "moment", value).loc["epoch 300"] for value in ("test_surprise", "test_error", "too_sure")
}
assert found["test_surprise"]["low"] > 0 and found["too_sure"]["low"] > 0
pd.DataFrame(found).T[["mean", "difference", "low", "high"]].round(3)

# %% [markdown]
# In the end nearly all training digits are read, which says nothing about others. The table sets epoch 300 beside the epoch
# of the lowest validation surprise (between 20 and 60): **trained on, the classifier's surprise at test digits rises, it
# makes more errors, and it grows surer than it is right.** So stop where the *validation* surprise is lowest.
#
# Now choose among many. Recorded are a hundred classifiers (other rates, epochs, batch sizes, and pixels they may see)
# that have learnt from 500 digits. Take the one with the fewest errors on a validation part, then look at all other
# digits: how much too good did it look?

# %% tags=["T049", "nbval-check-output"]
winners = evidence("winners")
flattery = winners.pivot_table(index="candidates", columns="validation", values="flattery")
of_hundred = winners[winners["candidates"] == 100]
assert compare(winners[winners["validation"] == 50], "candidates", "flattery")["low"].drop(1).min() > 0
assert compare(of_hundred, "validation", "flattery")["high"].drop(50).max() < 0
flattery.map("{:.1%}".format).rename_axis(columns="digits in the validation part")

# %% [markdown]
# A classifier that nobody chose looks as good as it is. The best of a hundred, chosen on 50 digits, looks nearly six
# points better than it is. **The more candidates and the fewer digits to choose on, the more the winner flatters
# itself.** It won partly by luck with just these digits. So a validation error is for choosing; what the winner can do, other
# digits must say: the test part. Choose by it, and it becomes a second validation part.
#
# ## The recipe
#
# **The recipe** is the order in which every training of this course is done:
#
# 1. *Split the data* into a training, a validation and a test part, before you look at them.
# 2. *Model*: write down the decision function, count its weights.
# 3. *Loss*: one number that says how wrong; know what guessing costs.
# 4. *Optimiser*: how to walk down, and a few learning rates to try.
# 5. *Curves*: train, and draw the loss of both the training and the validation part.
# 6. *Choose* rate and epoch by the validation part.
# 7. *Test once*, and report that number.
#
# Here it is from top to bottom, in Keras. `EarlyStopping` does half of step 6: it stops when the validation loss has not
# fallen for some epochs, and goes back to the best weights. The weights start at 0, which is safe in one valley, but
# not behind a hidden layer (lesson 05).

# %% tags=["T041", "T049"]
# 1. data: `digits` comes in three parts
learn, choose, test = digits.train, digits.validation, digits.test


def ten_neurons(learning_rate):
    pixels, zeros = keras.layers.Flatten(), "zeros"
    model = keras.Sequential(  # 2. model: 7,850 numbers, logits out
        [keras.Input((28, 28, 1)), pixels, keras.layers.Dense(10, kernel_initializer=zeros)]
    )
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),  # 3. loss
        optimizer=keras.optimizers.SGD(learning_rate=learning_rate),  # 4. optimiser
        metrics=["accuracy"],
    )
    return model


# %% tags=["T041", "T049"]
keras.utils.set_random_seed(0)
models, histories = {}, {}
for rate in (0.1, 0.3, 1.0):
    models[rate] = ten_neurons(learning_rate=rate)
    histories[rate] = (
        models[rate]
        .fit(
            learn.images,
            learn.labels,
            validation_data=(choose.images, choose.labels),
            batch_size=32,
            epochs=40,
            callbacks=[keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, restore_best_weights=True)],
            verbose=0,
        )
        .history
    )
show(
    figures.histories(histories),
    alt="Training and validation surprise against the epoch for the learning rates 0.1, 0.3 and 1. Training falls throughout. "
    "Validation falls to about 0.27 and stays level, lowest at epoch 40, the last, for 0.1; at the rate 1 it is lowest at "
    "epoch 4, at 0.30, and rises a little.",
)  # 5. curves

# %% tags=["T041", "T049"]
lowest_loss = {rate: min(history["val_loss"]) for rate, history in histories.items()}
best_rate = min(lowest_loss, key=lowest_loss.get)  # 6. choose; EarlyStopping has chosen the epoch
_, right_share = models[best_rate].evaluate(test.images, test.labels, verbose=0)  # 7. test once
assert right_share > 0.87
print(f"rate {best_rate}: {right_share:.1%} of the test digits right")
kernel, bias = models[best_rate].get_weights()
show(
    figures.templates({"means": means, "learnt": kernel}),
    alt="Two rows of ten small pictures in orange and blue. Above, the means less the mean of all: each digit can be read in "
    "orange, with blue where others have ink. Below, the learnt templates: speckled in the middle, empty at the rim, hard "
    "to read but for the blue hole in the 0.",
)

# %% [markdown]
# Nearly nine of ten. (At the rate 0.1 the last epoch was the best: a longer run might find a little more.) And a learnt
# template does not look like its digit: it need not show a 3, only where a 3 differs from the nine others.
#
# **Exercise 4.** How little must change for another answer? Take one picture and the class $c$ that wins. Find the
# smallest change, measured as the length $\|\mathbf x' - \mathbf x\|$ (pixels may leave the range from 0 to 1), after which another class
# draws level with $c$. Derive a formula: for one rival first. Is it much, beside the length of a picture itself, $\|\mathbf x\|$?


# %% exercise="distance_to_mistake"
def distance_to_mistake(image, kernel, bias):
    """image (n,), kernel (n, classes), bias (classes,). Returns one number."""
    ### BEGIN SOLUTION
    logits = image @ kernel + bias
    winner = logits.argmax()
    rivals = np.delete(np.arange(len(bias)), winner)
    gaps = logits[winner] - logits[rivals]
    return np.min(gaps / np.linalg.norm(kernel[:, [winner]] - kernel[:, rivals], axis=0))
    ### END SOLUTION


# %% check="distance_to_mistake"
check(distance_to_mistake)

# %% tags=["T041"]
test_images = test.images[:300].reshape(-1, 784)
try:
    changes = [float(distance_to_mistake(image, kernel, bias)) for image in test_images]
    lengths = np.linalg.norm(test_images, axis=1)
    print(f"in the middle: a change of {np.median(changes):.2f}, a picture of length {np.median(lengths):.2f}")
except NotImplementedError:
    print("Write distance_to_mistake first.")

# %% [markdown]
# A change less than a tenth as long as the picture, in the one direction that counts, and ten neurons answer otherwise.
#
# ## The wall
#
# Now show every digit also as a negative: black on white, and white on black. For us it stays the same digit. Take
# weights learnt from pictures alone: how many of both kinds will they read? And if all is learnt again
# from both kinds? Add the scores of class $k$ for a picture $\mathbf x$ and its negative $\mathbf 1 - \mathbf x$:
#
# $$a_k(\mathbf x) + a_k(\mathbf 1 - \mathbf x) = \sum_i W_{ik} + 2b_k =: c_k$$
#
# The picture is gone: $c_k$ is the same for *every* picture. Suppose both $\mathbf x$ and its negative are read as $k$.
# Then $a_k > a_j$ in both, so $c_k > c_j$, for each other class $j$. Only one class can have the largest $c$. *At most one
# class can be read both ways, whatever the weights and however they were found.* Of a picture of any other class, at
# most one of the pair is right. With ten classes of equal size at most
# $\frac1{10}\cdot 1 + \frac9{10}\cdot\frac12 = 55\,\%$ can be right. Check it.


# %% tags=["T041"]
def with_negatives(images):
    return np.concatenate([images, 1 - images])


both_images, both_labels = with_negatives(train_images), np.tile(train_labels, 2)
learnt = {
    "learnt from pictures": train(train_images, train_labels, learning_rate=0.1, batch_size=32, epochs=16)[:2],
    "learnt from both": train(both_images, both_labels, learning_rate=0.003, batch_size=32, epochs=8)[:2],
}
readings = {}
for name, (W, b) in learnt.items():
    plain, negative = ((images @ W + b).argmax(axis=1) == new_labels for images in (new_images, 1 - new_images))
    both_ways = [k for k in range(10) if (plain & negative)[new_labels == k].any()]
    most = 0.5 + np.bincount(new_labels).max() / len(new_labels) / 2  # 55 % where all classes are equally large
    assert len(both_ways) <= 1 and np.mean([plain, negative]) <= most
    readings[name] = {
        "pictures right": plain.mean(),
        "negatives right": negative.mean(),
        "both": np.mean([plain, negative]),
    }
    readings[name] = {key: f"{share:.1%}" for key, share in readings[name].items()} | {
        "classes read both ways": both_ways
    }
pd.DataFrame(readings).T

# %% tags=["T041"]
learnt_kernel, learnt_bias = learnt["learnt from pictures"]
show(
    figures.both_ways(*(images @ learnt_kernel + learnt_bias for images in (new_images[:100], 1 - new_images[:100]))),
    alt="The score of a class for the negative against its score for the picture, a hundred pictures: for each of three "
    "classes all marks lie on one falling line; the three lines are parallel.",
)

# %% [markdown]
# What was learnt from pictures reads nine of ten of them and hardly a negative; what was learnt from both, in small steps,
# reads no better than guessing. In the figure all pictures lie on *one* line of slope −1 for each class: what speaks for a picture speaks
# against its negative.
#
# What breaks the wall? Recorded for five seeds: ten neurons, and the same ten behind 64 hidden units with the activation
# $\max(0, a)$, which lesson 05 will train. Rates and epochs are chosen on validation digits.

# %% tags=["T041"]
recorded = evidence("both_polarities")
smallest = recorded[(recorded["network"] == "ten neurons") & (recorded["rate"] == 0.001)]
assert abs(smallest["test_error"].mean() - 0.9) < 0.02
wall = at_best_rate(recorded, "network", "validation_error")
wall = wall.assign(right=1 - wall["test_error"])
shares = {name: rows_of["right"].to_numpy() for name, rows_of in wall.groupby("network")}
figure = charts.dots(shares, "right on test digits and their negatives", guessing=0.1, percent=True)
figure.axes[0].axvline(0.55, color="black", linestyle="-.")
show(
    figure,
    alt="One dot a run, the share right on test digits and their negatives. Ten neurons: five dots between 14 % and 19 %. "
    "64 hidden units: five dots near 93 %. A dashed line at 10 % for guessing, a dash-dotted one at 55 %.",
)
against = compare(wall, "network", "right", against="ten neurons").loc["64 hidden units"]
assert max(shares["ten neurons"]) < 0.55 < min(shares["64 hidden units"]) and against["low"] > 0
print(f"difference {against['difference']:.1%} [{against['low']:.1%}, {against['high']:.1%}]")

# %% [markdown]
# **With hidden units in front the wall is passed.** How they are taught is lesson 05. (At the smallest rate, 0.001, ten
# neurons guess, as above. Chosen here is 0.1, with longer leaps, and the epoch that reads most validation digits: a
# little above guessing, far below the wall.)
#
# The wall has a shape. Walk from one picture to another, $\mathbf x + \tau(\mathbf x' - \mathbf x)$ with $\tau$ from 0
# to 1. Every score is a straight line in $\tau$, and where one straight line is above nine others is one interval:
# if both ends are read as a 3, so is everything in between. Such a region is called *convex*. No class of a linear
# classifier is "this shape or that shape, but not their blend". Walk yourself: to the negative, and to another digit.

# %% tags=["T041", "widget"]
first, second = (new_images[new_labels == k][0] for k in (3, 8))
blend = figures.Blend(first, {"its negative": 1 - first, "another digit": second}, learnt_kernel, learnt_bias)
show(
    blend.draw(),
    alt="Half-way from a 3 to its negative: an even grey, read as a 5. Beside it ten straight lines of scores along the way, "
    "class 3 falling, 5 and 8 rising, and below the ten probabilities: first class 3 leads, then 5, at the end 8.",
)
explore(
    blend.draw,
    alt="Ten lines of scores and ten probabilities along the way from a 3 to its negative or to an 8, and the picture there.",
    share=(0, 1, 0.05),
    end=["its negative", "another digit"],
)

# %% [markdown]
# ## In short
#
# You can now derive softmax, cross-entropy and $y - t$, train by the recipe, and prove where one layer ends.
#
# | question | what was found, on 3,500 digits |
# |---|---|
# | what can ten neurons read? | nearly nine of ten digits |
# | which batch size? | in the error no difference to be seen; all at once takes many more epochs |
# | which loss? | behind softmax no difference from zeros; from a sure and wrong start cross-entropy was far ahead for all of 240 epochs |
# | how long? | until the validation surprise is lowest; later it grows too sure |
# | whom to believe? | the test part, once: the best of a hundred, chosen on 50 digits, looked 6 points too good |
# | what will they never learn? | to read two classes both as pictures and as negatives |
#
# ## Think about it
#
# **Weights learnt from pictures alone read nearly half of all pictures and negatives. Learning from both ends far below that. Has
# descent failed?**
#
# <details><summary>Answer</summary>
#
# No: it makes the surprise small, not the errors. The first weights are sure of every wrong reading of a negative, which
# costs dearly; saying "10 % each" is cheaper. It is even the very best: at $W = 0$, with biases that say the share of each
# class, all $y$ are equal to these shares $\boldsymbol\pi$, and a pair gives $\mathbf x(\boldsymbol\pi - \mathbf t)^T +
# (\mathbf 1 - \mathbf x)(\boldsymbol\pi - \mathbf t)^T = \mathbf 1(\boldsymbol\pi - \mathbf t)^T$. Over all pairs
# $\boldsymbol\pi - \mathbf t$ adds up to 0. So the gradient is exactly 0, and in a single valley that is the lowest
# point: there is nothing to learn.
# </details>
#
# **Add the same picture to all ten templates. What changes?**
#
# <details><summary>Answer</summary>
#
# All ten scores of an example rise by the same number, so no probability and no decision changes; only the pictures of
# the templates do. "The 3 has a bright spot there" means nothing by itself: only differences between templates do.
# Weight decay picks the version in which the ten weights of every pixel add up to 0, as that is the smallest.
# </details>
#
# ## Further reading
#
# - J. Bridle, [*Probabilistic interpretation of feedforward classification network
#   outputs*](https://doi.org/10.1007/978-3-642-76153-9_28), 1990: the name softmax.
# - Y. LeCun and others, [*Gradient-based learning applied to document recognition*](https://doi.org/10.1109/5.726791),
#   1998: a linear classifier on all of MNIST, among others.
# - C. Guo and others, [*On calibration of modern neural networks*](https://arxiv.org/abs/1706.04599), 2017: networks that
#   are surer than right.
