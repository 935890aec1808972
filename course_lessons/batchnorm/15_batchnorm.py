# ---
# jupyter:
#   course:
#     title: "Batch normalisation: a fresh start for every layer"
#     summary: "A layer that keeps its inputs in shape: how it works, what it buys at the best settings of both sides, and where it bites."
#     objectives:
#       - "write batch normalisation forward, and its gradient path by path"
#       - "say what gamma and beta are for, and choose them so that the layer does nothing"
#       - "compare networks with and without it fairly, each at its own best learning rate"
#       - "explain what changes at test time, and what goes wrong when that is forgotten"
#       - "normalise the channels of a convolution, and fold the layer into its kernel"
#     needs: [05_mlp_backprop, 09_convolution, 14_initialisation]
#     minutes: 90
#     data: [mnist_5k]
# ---

# %% [markdown]
# In a deep network every layer learns from the layer below. But that layer is learning too: at every step its outputs
# shift, stretch and shrink. So what the layer above gets never stands still.
#
# **What if every layer could start every step from inputs in good order?** In 2015 Sergey Ioffe and Christian Szegedy
# built a layer that sees to it, and reported that an image classifier reached its old accuracy in a fourteenth of the
# training steps. *Why* it works is still debated. You will build it, undo it, break it, measure what it buys, and put
# its first explanation to the test.

# %%
import itertools
import timeit

import keras
import numpy as np
import pandas as pd
from scipy.stats import norm, skew
from sklearn.datasets import make_circles
from sklearn.linear_model import LogisticRegression

from course_lessons.batchnorm import figures
from course_lib import data, layers, losses
from course_lib.evidence import compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.gradcheck import numerical_gradient
from course_lib.gradients import gradients
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

digits = data.mnist_5k()
labels, new_labels = digits.train.labels, digits.validation.labels
scans = digits.train.images.reshape(-1, 784)
new = digits.validation.images.reshape(-1, 784)
print(f"{len(scans):,} digits to learn from, mean {scans.mean():.2f}, deviation {scans.std():.2f}")

# %% [markdown]
# ## When the world moves
#
# Train a classifier on scanned digits (of MNIST). Then the scanner ages: every new picture is paler, on a grey ground.
# Only the *distribution* of the inputs has changed: that is **covariate shift**. What will become of the classifier?
# And what if we **standardise** the new pictures (mean 0, standard deviation 1) by *their own* statistics?


# %% tags=["T177"]
def standardise(pixels, like):
    """To mean 0 and deviation 1, as measured on the pictures `like`."""
    return (pixels - like.mean()) / like.std()


images, new_images = standardise(scans, like=scans), standardise(new, like=scans)
faded = 0.3 * new + 0.6
reader = LogisticRegression(max_iter=60, tol=0.01).fit(images, labels)
inputs = {
    "new scans, old statistics": new_images,
    "faded scans, old statistics": standardise(faded, like=scans),
    "faded scans, own statistics": standardise(faded, like=faded),
}
right = {title: reader.score(rows, new_labels) for title, rows in inputs.items()}
assert np.allclose(standardise(faded, like=faded), standardise(new, like=new), atol=1e-4)
pictures = {title: rows[:6].reshape(-1, 28, 28) for title, rows in inputs.items()}
show(
    figures.shifted_pictures(pictures, right, vmin=-0.5, vmax=3),
    alt="Six digits in three rows, as the classifier gets them. Fresh scans and faded scans with their own "
    "statistics look alike and are read; faded ones with the old statistics stand on grey and are mostly misread.",
)

# %% [markdown]
# Not one weight was changed, and the classifier reads again. It must: whatever was multiplied and added, to all pixels
# alike, standardising takes away.
#
# ## The world inside
#
# For layer 4 of a network, "the world" is what layer 3 sends. With $F_1$ for the lower and $F_2$ for the upper part,
# the network computes $y = F_2(F_1(\mathbf x))$. The pictures $\mathbf x$ stay the same, but $F_1(\mathbf x)$ moves
# whenever the weights of $F_1$ learn: **internal covariate shift**.
#
# Here are two networks of five hidden layers of 32 ReLUs with He's start (lesson 14). One has `BatchNormalization`, the
# new layer, between each dense layer and its ReLU (its `momentum` comes later). What enters the ReLUs, without it and
# with it? The first figure follows three units of layer 4. The second follows one unit of each layer, from a pixel x
# to a logit y; `sum` and `BN` stand for what enters the ReLU of layer 4.


# %% tags=["T178"]
def network(normalised, seed=0):
    """784 pixels, five hidden layers of 32 ReLUs, ten logits."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((784,))])
    for layer in range(1, 6):
        model.add(keras.layers.Dense(32, kernel_initializer="he_normal"))
        if normalised:
            model.add(keras.layers.BatchNormalization(momentum=0.9))
        model.add(keras.layers.ReLU(name=f"h{layer}"))
    model.add(keras.layers.Dense(10))
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


# %% tags=["T178"]
networks, watched, followed = {}, {}, {}
for title, normalised in {"without": False, "with batch normalisation": True}.items():
    model = network(normalised)
    stations = {f"h{layer}": model.get_layer(f"h{layer}").output for layer in range(1, 5)}
    stations |= {"enters h4": model.get_layer("h4").input, "y": model.layers[-1].output}
    look, seen = keras.Model(model.inputs, stations), []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs, look=look, seen=seen: seen.append(look.predict(new_images, verbose=0))
    )
    model.fit(images, labels, epochs=10, batch_size=100, verbose=0, callbacks=[watch])
    networks[title], watched[title] = model, seen
    entering = np.array([said["enters h4"] for said in seen])
    followed[title] = entering.mean(axis=1), entering.std(axis=1)
show(
    figures.tracks(followed, units=[0, 1, 2], xlabel="epoch", ylabel="enters the ReLU"),
    alt="Means of three units of the fourth hidden layer over ten epochs. Without normalisation one climbs from 5 to 8, "
    "and the band of one deviation of another reaches from -2 to 4; with it all stay near 0, and the band near ±1.",
)

# %% tags=["G32", "T178", "picture"]
moments = {"after epoch 1": 0, "after epoch 3": 2, "after epoch 10": 9}
rows = {}
for title, enters in {"without": "sum", "with batch normalisation": "BN"}.items():
    chain = {name: [watched[title][at][name][:, 1] for at in moments.values()] for name in stations}
    rows[title] = {"x": [new_images[:, 406]] * 3, "h1": chain["h1"], "h2": chain["h2"], "h3": chain["h3"]}
    rows[title] |= {enters: chain["enters h4"], "h4": chain["h4"], "y": chain["y"]}
show(
    figures.stations(rows, list(moments), special="BN"),
    alt="Two chains of boxes from x to y, and below each box the histogram of one unit after 1, 3 and 10 epochs. "
    "Without normalisation the sum before h4 spreads out from epoch to epoch; the three histograms below "
    "the box BN, at the same place, lie nearly on each other.",
)
movement = evidence("moments")
wander = compare(movement, "place", "wander", against="none")
assert wander.loc["before", "high"] < 0
wander.loc[["none", "before"]].round(2)

# %% [markdown]
# In this pair the sums drift and spread without the layer, and hardly with it. Is that always so? The table is an
# experiment of 5 random seeds, recorded beforehand (`course evidence` runs it again): how far the mean of what enters
# a unit of layer 4 wanders in 70 steps, in deviations of that unit. `low` and `high` are
# the ends of the 95 % interval of the difference to the first row. **With the layer in front of every ReLU, the mean of what
# enters a unit wanders less.**
#
# **Does the upper part mind?** Train the plain network for two epochs, and write down what $F_1$, its lower two layers,
# gives for new digits: the *record*. Then go on with $F_1$ frozen, or with $F_1$ learning too. How well will $F_2$ do
# on the record, and on what $F_1$ gives *now*? The table takes each network at its best epoch, as if training had ended
# there: *early stopping*.

# %% tags=["T179"]
halves = evidence("lower_half")
names = {"frozen": "F₁ frozen", "now": "F₁ learns: what it says now", "record": "F₁ learns: the record"}
epochs = sorted(set(halves.epoch))
show(
    charts.lines(
        {names[kind]: halves.pivot(index="epoch", columns="seed", values=kind) for kind in names},
        epochs,
        "further epochs",
        "loss of F₂ on new digits",
    ),
    alt="Losses of F2 over ten further epochs, five runs. With F1 learning, the loss on what it says now falls lowest; with "
    "F1 frozen it stays higher; on the record it is highest, and its band is very wide.",
)
lowest = halves.groupby("seed")[["frozen", "now"]].min()
at_best = halves.loc[halves.groupby("seed").now.idxmin()].set_index("seed").record
outcome = compare(lowest.join(at_best).reset_index().melt("seed", var_name="kind", value_name="loss"), "kind", "loss")
assert outcome.loc["now", "high"] < 0 and (at_best > lowest.frozen).all()
outcome.round(3)

# %% [markdown]
# With early stopping, **the network whose lower half moves reaches a lower loss than its frozen twin.** On the record,
# in all five runs, $F_2$ does worse than its twin, but by amounts so different that the interval contains 0: how much
# the shift harms, we could not tell. All in all, the learning of the lower layers *helped* here. Keep that in mind.
#
# ## Why not whiten?
#
# In 1998 Yann LeCun and others advised to **whiten** the inputs of a network: mean 0, deviation 1, and no correlation
# between any two. ZCA whitening turns the cloud of examples to its main directions (eigenvectors of the covariance
# matrix, by `np.linalg.eigh`), divides each by its deviation, and turns back. Why not in front of every layer? Look at
# two units; then guess the time for 1,024.


# %% tags=["T180", "Q14"]
def per_unit(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def whiten(x):
    """ZCA: turn to the main directions, divide each by its deviation, and turn back."""
    centred = x - x.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred / len(x))
    scaled = centred @ directions / np.sqrt(variances + 1e-3)
    return scaled @ directions.T


cloud = np.random.default_rng(0).normal(size=(400, 2)) @ [[2.0, 1.2], [0.0, 0.7]] + [5, 1]
kinds = {"each unit for itself": per_unit, "whitened": whiten}
show(
    figures.clouds({"as they come": cloud} | {title: change(cloud) for title, change in kinds.items()}),
    alt="A slanted cloud of points away from the origin; standardised it is centred but still slanted; "
    "whitened it is round.",
)

# %% tags=["T180", "Q14"]
widths, times = [64, 128, 256, 512, 1024], {title: [] for title in kinds}
for units in widths:
    batch = np.random.default_rng(units).normal(size=(96, units))
    for title, change in kinds.items():
        times[title].append(min(timeit.repeat(lambda f=change, x=batch: f(x), number=1, repeat=2)))
assert times["whitened"][-1] > 20 * times["each unit for itself"][-1]
assert np.linalg.matrix_rank(np.cov(batch.T)) == 95  # of 1,024
show(
    figures.costs(widths, times),
    alt="Seconds against width, both axes in powers: whitening climbs steeply, towards the dotted line of the "
    "cube; normalising each unit for itself stays far below.",
)

# %% [markdown]
# Whitening does more, but for $n$ units it takes of the order of $n^3$ operations. And 96 examples span only 95
# directions: in the others there is nothing to measure. So normalise *each unit for itself*, with the statistics of
# the *batch*.
#
# ## The transform, by hand
#
# A unit gives 1, 3, 5 and 7 on the four examples of a batch. Subtract their mean, divide by their standard deviation.
# And a dead unit, which says the same to all?

# %% tags=["T181", "nbval-check-output"]
sums = np.array([1.0, 3.0, 5.0, 7.0])
mean = sums.sum() / 4
variance = ((sums - mean) ** 2).sum() / 4
x_hat = (sums - mean) / np.sqrt(variance)
print(f"mean {mean}, variance {variance}, normalised {x_hat.round(3)}")
dead = np.full(4, 0.7)
with np.errstate(invalid="ignore"):
    print("dead, as above:    ", (dead - dead.mean()) / np.sqrt(dead.var()))
print("dead, with epsilon:", (dead - dead.mean()) / np.sqrt(dead.var() + 1e-3))
standard = keras.layers.BatchNormalization()
print(f"Keras: epsilon {standard.epsilon}, momentum {standard.momentum}")

# %% [markdown]
# 0/0, and one NaN spoils every weight it meets. Hence a small $\varepsilon$ *inside* the root. For one unit and a batch
# of $N$ examples $x_1 \dots x_N$, the whole layer is
#
# $$\mathrm{mean} = \frac1N\sum_i x_i,\qquad \mathrm{Var} = \frac1N\sum_i (x_i-\mathrm{mean})^2,\qquad \hat x_i = \frac{x_i-\mathrm{mean}}{\sqrt{\mathrm{Var}+\varepsilon}},\qquad y_i = \gamma\,\hat x_i + \beta$$
#
# with two learned numbers per unit, $\gamma$ (`gamma`) and $\beta$ (`beta`), whose purpose we come to. (The variance
# divides by $N$, not by $N-1$.)
#
# **Exercise 1.** Write it for a batch of several units.


# %% exercise="batchnorm_forward"
def batchnorm_forward(x, gamma, beta, epsilon):
    """x (examples, units); gamma and beta (units,). Returns y, (examples, units)."""
    ### BEGIN SOLUTION
    mean, variance = x.mean(axis=0), x.var(axis=0)
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta
    ### END SOLUTION


# %% check="batchnorm_forward"
check(batchnorm_forward)

# %% [markdown]
# Is the layer of our library the one in Keras? And does normalising make values *normal*, Gaussian? Take exponential
# ones, whose histogram leans to one side (its **skewness** is 2; a Gaussian's is 0).

# %% tags=["T181", "nbval-check-output"]
sums = np.random.default_rng(1).exponential(2.0, (20_000, 1)) + 1
ours, theirs = layers.BatchNormalization(1), keras.layers.BatchNormalization()
ours.training = True  # use the statistics of the batch
after = ours.forward(sums)
print("as in Keras:", np.allclose(after, theirs(sums, training=True), atol=1e-4))
print(f"skewness before {skew(sums)[0]:.2f}, after {skew(after)[0]:.2f}")
show(
    figures.histograms({"before": sums[:, 0], "after": after[:, 0]}, "value", normal=("after",)),
    alt="A histogram with one long tail before and after normalising: the mean is 0 and the deviation 1 now, but the "
    "shape is the same, far from the normal curve drawn over it.",
)

# %% [markdown]
# Only mean and variance are set. The shape stays.
#
# Move the sliders: the grey hill is where a unit's sums come from, the ticks are one batch. What do the shift and the
# size of the batch change behind the layer?

# %% tags=["T181", "widget"]
settings = [{"shift": -3}, {"shift": 3, "stretch": 0.5}, {"batch_size": 4}]
show(
    figures.batch_statistics_sheet(settings),
    alt="Three batches before and after, as ticks under the hill they come from. Whatever shift and stretch, mean 0 and "
    "deviation 1 come out, even of a batch of four.",
)
explore(
    figures.batch_statistics,
    alt="The sums of one batch as ticks on a line under the bell curve they come from, with mean and deviation; below, "
    "the same after batch normalisation, around beta.",
    batch_size=[2, 4, 8, 16, 64, 256],
    shift=(-5, 5, 0.5),
    stretch=(0.5, 3, 0.5),
    gamma=(0.25, 3, 0.25),
    beta=(-4, 4, 0.5),
)

# %% [markdown]
# Nothing: mean 0 and deviation 1 come out, even of four examples (almost 1, where the sums differ so little that
# $\varepsilon$ counts). But the place of each tick depends on the others in its batch.
#
# ## Gamma and beta: freedom given back
#
# At mean 0 and deviation 1 a sigmoid works in its middle. How straight is it there? Then two rings, and eight sigmoid
# units behind a normalising layer: once without $\gamma$ and $\beta$ (`scale=False, center=False`), once with both.

# %% tags=["T184"]
x = norm.ppf((np.arange(10_000) + 0.5) / 10_000)  # a unit with a normal distribution
explained = np.corrcoef(x, layers.sigmoid(x))[0, 1] ** 2
print(f"share of a sigmoid that a straight line explains: {explained:.1%}")
rings, ring = make_circles(384, noise=0.08, factor=0.5, random_state=0)
answers = {}
for title, learned in {"fixed": False, "learned": True}.items():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(8)])
    model.add(keras.layers.BatchNormalization(momentum=0.9, scale=learned, center=learned))
    model.add(keras.layers.Activation("sigmoid"))
    model.add(keras.layers.Dense(1))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.03), loss=loss)
    model.fit(rings, ring, epochs=80, batch_size=64, verbose=0)
    answers[title] = model
panels = {title: lambda points, m=model: np.tanh(np.asarray(m(points)))[:, 0] for title, model in answers.items()}
show(
    figures.decision_panels(panels, rings, ring),
    alt="Two rings. With gamma and beta fixed the colours are pale and the borders run through both rings; with both "
    "learned one closed border encloses the inner ring.",
)
recorded = evidence("rings")
freedom = compare(recorded, "kind", "right")
assert freedom.loc["learned", "low"] > 0
freedom.round(3)

# %% [markdown]
# There a sigmoid is a straight line to 98 % (squared correlation), and a sum of straight lines is a straight line. Its
# bend is *odd*: with $\beta = 0$, each unit, and so their sum, rises on one side of the middle by as much as it falls
# on the opposite side. It cannot be high in the middle and low all around. **With gamma and beta learned, more points
# of new rings are classified right.** The layer does not *force* a distribution on a unit. It lets the unit choose mean
# and deviation by two numbers of its own.
#
# **Could it choose to do nothing?** We want $\gamma \hat x_i + \beta = x_i$. Solve $\hat x_i = (x_i - \mathrm{mean}) /
# \sqrt{\mathrm{Var} + \varepsilon}$ for $x_i$ and compare, factor by factor: $\gamma = \sqrt{\mathrm{Var} +
# \varepsilon}$ and $\beta = \mathrm{mean}$.

# %% tags=["T185", "Q17", "F347", "nbval-check-output"]
x = np.random.default_rng(2).normal(3, 2, (96, 10))
undone = layers.BatchNormalization(10)
undone.training = True
undone.parameters = {"gamma": np.sqrt(x.var(axis=0) + undone.epsilon), "beta": x.mean(axis=0)}
print("largest difference of y and x below 1e-14:", np.abs(undone.forward(x) - x).max() < 1e-14)

# %% [markdown]
# ## Learning through a batch
#
# Is this differentiable? Mean and variance are sums and squares, followed by a root: yes. But with a consequence that
# no layer had before. Nudge *one* example of a batch of five. Which outputs will move?

# %% tags=["T182", "Q15"]
x = np.array([[0.5], [1.0], [2.0], [3.5], [4.0]])
single = layers.BatchNormalization(1)
single.training = True
slopes = [numerical_gradient(lambda i=i: float(single.forward(x)[i, 0]), x)[:, 0] for i in range(5)]
still = np.eye(5) / np.sqrt(x.var() + single.epsilon)
show(
    figures.jacobians({"what really moves": np.array(slopes), "if statistics stood still": still}),
    alt="Two five by five tables of slopes. In the real one every entry is filled: each input moves every output. If "
    "the statistics stood still, only the diagonal would be.",
)
show(
    figures.paths(),
    alt="A graph. From x one arrow goes straight to x-hat, one to Var and on to x-hat, one to the mean, from which "
    "arrows go to Var and to x-hat. From x-hat one goes by gamma and beta to y, and on to the loss.",
)

# %% [markdown]
# All of them: the mean and the variance tie the examples of a batch together. The loss $\ell$ hears of $x_i$ by three
# paths, and the chain rule adds them up:
#
# $$\frac{\partial \ell}{\partial x_i} = \frac{\partial \ell}{\partial \hat x_i}\,\frac{1}{\sqrt{\mathrm{Var}+\varepsilon}} + \frac{\partial \ell}{\partial \mathrm{Var}}\,\frac{\partial \mathrm{Var}}{\partial x_i} + \frac{\partial \ell}{\partial \mathrm{mean}}\,\frac{\partial \mathrm{mean}}{\partial x_i}$$
#
# You derive each piece. What arrives from above is `upstream`, $u_i = \partial\ell/\partial y_i$. The easy ones first:
# $y_i = \gamma \hat x_i + \beta$, so
#
# $$\frac{\partial \ell}{\partial \hat x_i} = u_i\,\gamma,\qquad \frac{\partial \ell}{\partial \gamma} = \sum_i u_i\,\hat x_i,\qquad \frac{\partial \ell}{\partial \beta} = \sum_i u_i .$$
#
# **Exercise 2, the dashed orange arrow that leaves Var.** Nudge Var, while $x_i$ and mean stand still: all $\hat x_i$
# change. What is $\partial \ell / \partial \mathrm{Var}$?
#
# **Exercise 3, the two dotted arrows that leave the mean.** Nudge the mean, while all $x_i$ stand still. Both $\hat
# x_i$ and Var feel it. One way adds something simple; look closely at the other.


# %% exercise="gradient_by_variance"
def gradient_by_variance(upstream, x, gamma, epsilon):
    """upstream and x (examples, units), gamma (units,). Returns the gradient by the variance, (units,)."""
    ### BEGIN SOLUTION
    centred = x - x.mean(axis=0)
    root = np.sqrt(x.var(axis=0) + epsilon)
    return -0.5 * np.sum(upstream * gamma * centred, axis=0) / root**3
    ### END SOLUTION


# %% check="gradient_by_variance"
check(gradient_by_variance)


# %% exercise="gradient_by_mean"
def gradient_by_mean(upstream, x, gamma, epsilon):
    """upstream and x (examples, units), gamma (units,). Returns the gradient by the mean, (units,)."""
    ### BEGIN SOLUTION
    # By the variance comes nothing: its slope is -2 mean(x - mean), which is 0.
    return -np.sum(upstream * gamma, axis=0) / np.sqrt(x.var(axis=0) + epsilon)
    ### END SOLUTION


# %% check="gradient_by_mean"
check(gradient_by_mean)

# %% [markdown]
# **Exercise 4, all three paths.** How much does one $x_i$ move the mean, and how much the variance? Put the pieces
# together.


# %% exercise="batchnorm_backward"
def batchnorm_backward(upstream, x, gamma, epsilon):
    """upstream and x (examples, units), gamma (units,). Returns the gradient by x, (examples, units)."""
    ### BEGIN SOLUTION
    centred, root = x - x.mean(axis=0), np.sqrt(x.var(axis=0) + epsilon)
    by_normalised = upstream * gamma
    by_variance = -0.5 * np.sum(by_normalised * centred, axis=0) / root**3
    by_mean = -np.sum(by_normalised, axis=0) / root
    return by_normalised / root + by_variance * 2 * centred / len(x) + by_mean / len(x)
    ### END SOLUTION


# %% check="batchnorm_backward"
check(batchnorm_backward)

# %% tags=["T182", "Q15", "nbval-check-output"]
rng = np.random.default_rng(3)
x, upstream = rng.normal(1, 2, (12, 4)), rng.normal(size=(12, 4))
ours, theirs = layers.BatchNormalization(4), keras.layers.BatchNormalization()
ours.training = True
ours.forward(x)
by_hand = ours.backward(upstream)
nudged = numerical_gradient(lambda: float(np.sum(upstream * ours.forward(x))), x)
weights, x32 = upstream.astype("float32"), x.astype("float32")
(automatic,) = gradients(lambda t: keras.ops.sum(weights * theirs(t, training=True)), x32)
print("the library's, as nudged: ", np.allclose(by_hand, nudged, atol=1e-7))
print("the library's, as in Keras:", np.allclose(by_hand, automatic, atol=1e-4))
print("sums to 0 over the batch:", np.allclose(by_hand.sum(axis=0), 0))

# %% [markdown]
# The gradient sums to 0 over the batch: to move all its examples alike would change nothing, for the layer takes the
# mean away.
#
# ## A fair race
#
# The authors put the layer *before* the activation; others put it behind, so that the next layer gets its inputs in
# order. And is either better than a good start without it? The fair way to ask: each side has the learning rate that
# suits it best, of four; ReLU has He's start, tanh LeCun's; 20 epochs, 5 seeds. Two scores: the steps until nine of ten
# validation digits are read; and the error on the *test* digits, at the rate and the epoch with the lowest validation
# loss (early stopping). Guess, for ReLU and for tanh.


# %% tags=["T183", "Q16"]
def at_best_rate(rows, score):
    """For each place, the rows of the one learning rate whose mean `score` is lowest."""
    means = rows.fillna({score: np.inf}).groupby(["place", "rate"])[score].mean()
    best = set(means.groupby("place").idxmin())
    return rows[[(row.place, row.rate) in best for row in rows.itertuples()]]


race = evidence("race")
unshaken = dict(iter(race[race.place != "shaken"].groupby("activation")))
measures = {"steps_to_90": "steps until nine of ten are read", "test_error": "error on the test digits"}
spans = {
    "steps_to_90": "With ReLU none has 105 to 145, before and after have 40 to 65. With tanh none has 55 to 80, before "
    "30 to 55, after 30 to 45.",
    "test_error": "With ReLU none has 9 to 11 %, before 6 to 9 %, after 8 to 12 %. With tanh all have 8 to 10 %.",
}
tables = {}
for score, chosen_by in {"steps_to_90": "steps_to_90", "test_error": "validation_loss"}.items():
    best = {name: at_best_rate(rows, chosen_by) for name, rows in unshaken.items()}
    by_place = {name: rows.groupby("place", sort=False)[score] for name, rows in best.items()}
    show(
        charts.dots({name: dict(iter(groups)) for name, groups in by_place.items()}, measures[score]),
        alt=f"Dots of five runs for none, before and after: {measures[score]}. {spans[score]}",
    )
    tables[score] = pd.concat({name: compare(rows, "place", score, against="none") for name, rows in best.items()})
for table in tables.values():
    assert table.loc[("ReLU", "before"), "high"] < 0 < table.loc[("tanh", "before"), "high"]
pd.concat(tables).drop(columns="seeds").round(3)

# %% [markdown]
# For ReLU the layer pays even against He's start: **with it before a ReLU, nine of ten digits are read after fewer
# steps**, 48 for 115, **and fewer test digits are misread**, 7.7 % for 10.0 %. For tanh we could not tell "before" from
# none in either score; **behind a tanh it took fewer steps than none**. Before or behind? We could not tell. "Before"
# is the order of the paper.
#
# Where does the speed come from? Mean steps with ReLU, rate by rate:
#
# | rate | 0.03 | 0.1 | 0.3 | 1.0 |
# |---|---|---|---|---|
# | none | 186 | 115 | 147 | never |
# | before | 294 | 106 | 59 | 48 |
#
# At the rate of 0.1, the best for the plain network, we could not tell the two apart. But the normalised one gets
# faster up to 1.0, the highest on offer, and there the plain one learns nothing.
#
# ## What it forgives
#
# So the layer lets you take longer steps. What else does it forgive? Four learning rates, and first weights from 0.3 to
# 10 times as large as He's; validation accuracy at the best of ten epochs, the mean of 5 seeds. Where will the tables
# differ most?

# %% tags=["T186", "H07"]
grid = evidence("grid")
shares = {
    title: grid[grid.place == place].pivot_table(index="rate", columns="size", values="right")
    for title, place in {"without": "none", "with batch normalisation": "before"}.items()
}
rates, sizes = shares["without"].index, shares["without"].columns
panels = {title: table.to_numpy() for title, table in shares.items()}
show(
    figures.heat_maps(panels, rates, sizes, "learning rate", "size of the first weights", "accuracy"),
    alt="Two tables of accuracies. Without normalisation only size 1 at rates 0.1 and 0.3 is bright, with 93 %; most "
    "cells have 10 %. With it sizes 0.3 and 1 have 94 or 95 %, size 3 has 88 to 94 %, size 10 has 64 to 88 %.",
)
good = (grid.right > 0.9).groupby([grid.seed, grid.place], sort=False).mean().rename("share above 90 %").reset_index()
forgiven = compare(good, "place", "share above 90 %")
assert forgiven.loc["before", "low"] > 0
forgiven.round(2)

# %% [markdown]
# **More of the cells work with batch normalisation than without**, 68 % for 12 %. (Work: nine of ten digits read within
# ten epochs.) Not all do: with weights 10 times too large it gets 64 to 88 %.
#
# What could the reason be? This much you can compute: multiply all weights below a normalising layer by 10. Mean and
# deviation of the sums grow by 10 as well, so behind the layer nothing has changed (but for $\varepsilon$). A nudge of
# a weight 10 times as large does a tenth: its gradient is *divided* by 10. Large weights get small steps; the layer
# brakes by itself. Now follow the gradient down through five layers before the first step, when all weights are too
# small, right, or too large:


# %% tags=["T186"]
def gradient_lengths(normalised, size, seed):
    """The length of the gradient by the outputs of each hidden layer, lowest first."""
    rng, stack = np.random.default_rng(seed), []
    for inputs in (784, 32, 32, 32, 32):
        dense = layers.Dense(inputs, 32, rng)
        dense.parameters["kernel"] = rng.normal(0, size * np.sqrt(2 / inputs), (inputs, 32))
        stack += [dense, *([layers.BatchNormalization(32)] if normalised else []), layers.ReLU()]
    net = layers.Sequential([*stack, layers.Dense(32, 10, rng)])
    net.set_training(True)
    _, upstream = losses.softmax_cross_entropy(net.forward(images[:500]), labels[:500])
    lengths = []
    for layer in reversed(net.layers):
        if isinstance(layer, layers.ReLU):
            lengths.append(np.linalg.norm(upstream))
        upstream = layer.backward(upstream)
    return lengths[::-1]


# %% tags=["T186"]
lengths = {
    title: {
        f"size {size}": np.transpose([gradient_lengths(normalised, size, seed) for seed in range(5)])
        for size in (0.3, 1, 3)
    }
    for title, normalised in {"without": False, "with batch normalisation": True}.items()
}
lowest = pd.DataFrame(
    {title: {size: runs[0].mean() for size, runs in panel.items()} for title, panel in lengths.items()}
)
ratios = lowest.max() / lowest.min()
assert ratios["without"] > 100 and ratios["with batch normalisation"] < 1.5
show(
    charts.lines(lengths, range(1, 6), "hidden layer", "length of the gradient", log="y"),
    alt="Lengths of the gradients, layer by layer. Without normalisation the curves of three sizes of weights fan out from "
    "the fifth layer to the first, ten thousandfold; with it they lie on each other.",
)
lowest.round(5)

# %% [markdown]
# Without normalisation, the gradient that reaches the lowest layer has a length between 0.0004 and 6, as the first
# weights will have it; with it, 0.13 for all three sizes.
#
# ## But why does it work?
#
# The first explanation: internal covariate shift slows learning, and the layer removes it. In 2018 Shibani Santurkar
# and others tested it. If steady inputs are the reason, then spoiling them must spoil the gain. So put *noise behind*
# every normalising layer: at each step a new random scale (0.5 to 1.5) and shift (−0.5 to 0.5) for each unit. Which
# will be faster, each at its best rate: the plain network, or the shaken one?

# %%
shaken = at_best_rate(race[(race.activation == "ReLU") & (race.place != "after")], "steps_to_90")
needed = compare(shaken, "place", "steps_to_90", against="none")
jumps, wanders = (compare(movement, "place", way, against="none") for way in ("jump", "wander"))
assert jumps.loc["shaken", "low"] > 0 > wanders.loc["shaken", "high"] and needed.loc["shaken", "high"] < 0
for table, score, words, places in (
    (movement, "jump", "jump of a unit's mean at each step, in deviations", "0.24 to 0.31, nearly 0, 0.32 to 0.34"),
    (shaken, "steps_to_90", "steps until nine of ten are read", "105 to 145, 40 to 55, 65 to 105"),
):
    show(
        charts.dots(dict(iter(table.groupby("place", sort=False)[score])), words),
        alt=f"Dots of five runs each for none, before and shaken: {words}. In this order they lie at {places}.",
    )
pd.concat({"jump": jumps, "wander": wanders, "steps to 90 %": needed}).drop(columns="seeds").round(2)

# %% [markdown]
# **What enters the ReLUs of the shaken network jumps more than in the plain one** (both at rate 0.1), and still, each
# at its best rate, **the shaken network needs fewer steps than the plain one.** So inputs that stay the same from step
# to step cannot be the whole reason.
#
# Nor are steady inputs shown to be worthless. Over 70 steps, **the mean in the shaken network wanders less than in the
# plain one**: it jumps, but always about the same place. And **shaking costs steps, and at the rate of 0.1 the shaken
# network is slower than the plain one**, 140 steps for 115. Its gain shows only at higher rates. Santurkar and others
# suggest a *smoother loss surface*: gradients change less along a step, so longer steps are safe. Sanjeev Arora and
# others study the self-braking that you saw. **It works; why it works is still a hypothesis.**
#
# ## At test time
#
# Everything so far used the statistics of the batch. **Should we measure them on the test batch, too?** A single
# picture is its own mean: $\hat x = 0$, and the answer is $\beta$ whatever it shows. So keep, while training, **running
# averages** of the batches' means and variances, and use those at test time:
#
# $$\mathrm{running} \leftarrow \mathrm{momentum}\cdot\mathrm{running} + (1-\mathrm{momentum})\cdot\mathrm{batch}$$
#
# Here the momentum is the share of the *old* value. In Keras `model(x, training=True)` uses the statistics of the
# batch; `training=False`, as in `predict`, the running averages. Ask the network that you trained above:

# %% tags=["T187", "Q18"]
model = networks["with batch normalisation"]
before = model.get_weights()  # the running averages are among them
some, truth = new_images[:100], new_labels[:100]


def answers_of(pictures, training):
    return np.asarray(model(pictures, training=training)).argmax(axis=1)


ways = {"running averages": answers_of(some, training=False)}
ways["statistics of all 100 pictures"] = answers_of(some, training=True)
alone = [answers_of(picture[None], training=True) for picture in some]
ways["statistics of each picture alone"] = np.concatenate(alone)
ways["running averages, asked again"] = answers_of(some, training=False)
model.set_weights(before)
report = {way: {"right": np.mean(given == truth), "different answers": len(set(given))} for way, given in ways.items()}
assert report["statistics of each picture alone"]["different answers"] == 1
pd.DataFrame.from_dict(report, orient="index")

# %% [markdown]
# Alone, every picture gets the same answer. The batch of 100 did fairly well, but an answer should not depend on who
# else asks. And look at the last line: `training=True` also *updates* the running averages, here with batches of one,
# whose variance is zero. Nothing was trained, and yet the network has changed: an easy mistake to make.
#
# **How fast should the average forget?** With Keras' 0.99, half of an old value is still there after $\log 0.5 / \log
# 0.99 \approx 69$ steps; an epoch of ours has 35. What will you see in the first epochs? And what does one stray batch
# of three pictures do?

# %% tags=["T187"]
memory = evidence("momentum")
epochs = [when for when in dict.fromkeys(memory.when) if when.startswith("epoch")]
curves = {
    f"momentum {share}": rows[rows.when.isin(epochs)].pivot(index="when", columns="seed", values="right").loc[epochs]
    for share, rows in memory.groupby("momentum")
}
show(
    charts.lines(curves, range(1, len(epochs) + 1), "epoch", "read, with running averages", percent=True),
    alt="Digits read after each epoch, five runs each. Momentum 0.5 and 0.9 lie on each other, at 75 % after the first "
    "epoch; 0.99 begins at 44 % and comes close within about five epochs.",
)
first = compare(memory[memory.when == epochs[0]], "momentum", "right", against=0.9)
stray = memory[memory.when.isin([epochs[-1], "a stray batch"]) & (memory.momentum == 0.5)]
strayed = compare(stray, "when", "right")
assert first.loc[0.99, "high"] < 0 and strayed.loc["a stray batch", "high"] < 0
pd.concat({"epoch 1": first, "momentum 0.5": strayed}).drop(columns="seeds").round(3)

# %% [markdown]
# **With momentum 0.99 fewer digits are read after the first epoch than with 0.9**: the weights are the same, but the
# averages still remember the untrained network. **With momentum 0.5 one stray batch costs right answers**, for it
# counts for half. If a validation accuracy makes no sense, look here first.
#
# ## Behind a convolution
#
# A filter (lesson 09) looks with the same weights at every place of a picture. So its "unit" is the whole *channel*,
# with one $\gamma$ and one $\beta$; one mean and one variance serve all examples *and all places*: they are taken
# over batch, height and width. So the layer treats all places alike, as the convolution does: move the picture, and its
# output moves along.

# %%
maps = np.random.default_rng(5).normal(3, 2, (32, 8, 8, 16)).astype("float32")
normalise = keras.layers.BatchNormalization()
output = np.asarray(normalise(maps, training=True))
means, variances = maps.mean(axis=(0, 1, 2)), maps.var(axis=(0, 1, 2))
assert np.allclose(output, (maps - means) / np.sqrt(variances + normalise.epsilon), atol=1e-4)
moved = np.asarray(normalise(np.roll(maps, 3, axis=2), training=True))
assert np.allclose(moved, np.roll(output, 3, axis=2), atol=1e-4)
show(
    figures.shared_statistics(),
    alt="Three pictures, each with a map for each of three channels. All squares of channel 1 have one colour in "
    "all three pictures, those of channel 2 another, those of channel 3 a third.",
)

# %%
counts, channels_first = {}, (32, 16, 8, 8)
for title, axis, shape in (
    ("channels last, axis=-1", -1, (32, 8, 8, 16)),
    ("channels first, axis=1", 1, channels_first),
    ("channels first, axis forgotten", -1, channels_first),
):
    normalise = keras.layers.BatchNormalization(axis=axis)
    normalise.build(shape)
    numbers = normalise.count_params()
    trained = sum(int(np.prod(weight.shape)) for weight in normalise.trainable_weights)
    each = int(np.prod(shape)) // (numbers // 4)
    counts[title] = {"shape": str(shape), "numbers": numbers, "trained": trained, "values for each mean": each}
pd.DataFrame(counts).T

# %% [markdown]
# Four numbers for each channel, whatever the size of the picture: $\gamma$ and $\beta$ are trained, two running
# averages are not. A mean is taken over $32 \cdot 8 \cdot 8 = 2{,}048$ values, where a dense unit has 32. Keras' `axis`
# names the axis that *keeps* its own statistics: −1 for channels last. With channels first the default raises no error;
# it quietly normalises each *column* of the picture.
#
# **The bias of the convolution below is useless:** the mean takes every constant away, and $\beta$ does its work. Write
# `use_bias=False`, as in this network:


# %%
def convolutional_network():
    """Two strided convolutions, each normalised behind it, and an average over all places."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for filters in (8, 16):
        model.add(
            keras.layers.Conv2D(filters, kernel_size=5, strides=2, use_bias=False, kernel_initializer="he_normal")
        )
        model.add(keras.layers.BatchNormalization(momentum=0.9))
        model.add(keras.layers.ReLU())
    model.add(keras.layers.GlobalAveragePooling2D())
    model.add(keras.layers.Dense(10))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss=loss, metrics=["accuracy"])
    return model


convolutional = convolutional_network()
convolutional.fit(digits.train.images, labels, epochs=4, batch_size=100, verbose=0)
_, accuracy = convolutional.evaluate(digits.validation.images, new_labels, verbose=0)
print(f"read of new digits: {accuracy:.0%}")

# %% [markdown]
# At test time all statistics stand still: the layer multiplies each channel by one number and adds another. So can a
# convolution. *Fold* the layer into it, and it costs nothing more.
#
# **Exercise 5.** Which kernel and bias give, in one convolution, what the convolution without bias and the layer behind
# it give together at test time? The cell below the check lets yours loose on the network you trained.


# %% exercise="fold_batchnorm"
def fold_batchnorm(kernel, gamma, beta, moving_mean, moving_variance, epsilon):
    """kernel (height, width, channels, filters), the others (filters,), but epsilon. Returns kernel and bias."""
    ### BEGIN SOLUTION
    slope = gamma / np.sqrt(moving_variance + epsilon)
    return kernel * slope, beta - slope * moving_mean
    ### END SOLUTION


# %% check="fold_batchnorm"
check(fold_batchnorm)

# %%
shorter = keras.Sequential([keras.Input((28, 28, 1))])
for layer in convolutional.layers:
    if isinstance(layer, keras.layers.Conv2D):
        shorter.add(keras.layers.Conv2D(layer.filters, layer.kernel_size, strides=layer.strides))
    elif not isinstance(layer, keras.layers.BatchNormalization):
        shorter.add(layer)
pairs = [
    pair for pair in itertools.pairwise(convolutional.layers) if isinstance(pair[1], keras.layers.BatchNormalization)
]
targets = [layer for layer in shorter.layers if isinstance(layer, keras.layers.Conv2D)]
try:
    for target, (convolution, bn) in zip(targets, pairs, strict=True):
        target.set_weights(fold_batchnorm(*convolution.get_weights(), *bn.get_weights(), bn.epsilon))
    both = [model.predict(digits.validation.images, verbose=0) for model in (shorter, convolutional)]
    print(f"{len(shorter.layers)} layers for {len(convolutional.layers)}", end=", ")
    print(f"largest difference of the logits below 1e-3: {np.abs(both[0] - both[1]).max() < 1e-3}")
except NotImplementedError:
    print("Write fold_batchnorm first.")

# %% [markdown]
# | | without | with it, training | with it, at test time |
# |---|---|---|---|
# | mean and variance | as they fall | of this batch | running averages |
# | an answer depends on | its example | the whole batch | its example |
# | numbers per unit or channel | a bias | $\gamma$, $\beta$; two averages, updated; no bias below | the same, fixed; can be folded away |
# | small batches | fine | noisy statistics | fine |
#
# So, does a fresh start for every layer pay? On our digits, with five layers of ReLUs: yes, in steps (at the higher
# rates that it bears) and in errors, and it forgives a careless start. With tanh only the layer *behind* the activation
# saved steps; for the rest we could not tell. You can now write the layer and its gradient, compare with and without
# fairly, use it at test time and behind convolutions, and fold it away.
#
# ## Think about it
#
# **A friend trains a dense network with batch normalisation; the memory allows batches of two. What will go wrong, and
# what would you try?**
#
# <details><summary>Answer</summary>
#
# Of two examples, normalised, the larger becomes almost 1 and the smaller almost −1: only which one is larger survives.
# Take a normalisation that does not look at the batch: over the channels of one example (layer normalisation) or groups
# of them (group normalisation). When fine-tuning a trained network, keep its layers in inference mode, with the old
# running averages.
# </details>
#
# **Weight decay pulls the weights below a normalising layer towards 0. Does that make the function of the network
# simpler?**
#
# <details><summary>Answer</summary>
#
# Not by itself: half as large weights give the same function (but for $\varepsilon$). But their gradient is twice as
# large, on weights half as large: in proportion, a step of the same rate turns them four times as far. There, weight
# decay is a way to set the learning rate.
# </details>
#
# ## Further reading
#
# - Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, *Efficient BackProp*, 1998, [doi:10.1007/3-540-49430-8_2](https://doi.org/10.1007/3-540-49430-8_2):
#   why inputs should be centred and whitened.
# - S. Ioffe and C. Szegedy, *Batch normalization: accelerating deep network training by reducing internal covariate
#   shift*, 2015, [arXiv:1502.03167](https://arxiv.org/abs/1502.03167).
# - S. Santurkar, D. Tsipras, A. Ilyas and A. Madry, *How does batch normalization help optimization?*, 2018,
#   [arXiv:1805.11604](https://arxiv.org/abs/1805.11604); S. Arora, Z. Li and K. Lyu, *Theoretical analysis of auto
#   rate-tuning by batch normalization*, 2018, [arXiv:1812.03981](https://arxiv.org/abs/1812.03981).
# - J. Ba, J. Kiros and G. Hinton, *Layer normalization*, 2016, [arXiv:1607.06450](https://arxiv.org/abs/1607.06450); Y. Wu
#   and K. He, *Group normalization*, 2018, [arXiv:1803.08494](https://arxiv.org/abs/1803.08494).
