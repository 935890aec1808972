# ---
# jupyter:
#   course:
#     title: "Batch normalisation: a fresh start for every layer"
#     summary: "A layer that keeps its inputs in shape, why that makes training fast and carefree, and where it bites."
#     objectives:
#       - "write batch normalisation forward and backward, and prove both right"
#       - "say what gamma and beta are for, and choose them so that the layer does nothing"
#       - "show in an experiment which learning rates and starting weights it makes possible"
#       - "explain what changes at test time, and find the two classic mistakes"
#       - "tell what is known about why it works from what is only told"
#     needs: [05_mlp_backprop, 14_initialisation]
#     minutes: 90
#     data: [digits]
# ---

# %% [markdown]
# In a deep network every layer learns from the layer below. But the layer below is learning too: at every step its
# outputs shift, stretch and shrink. The layer above aims at a target that never stands still.
#
# **What if every layer could start every step from inputs in good order?** In 2015 Sergey Ioffe and Christian Szegedy
# built a layer that sees to it. Networks trained several times faster, and nobody had to choose learning rates and
# starting weights with tweezers any more. *Why* it works is still debated. You will build it, undo it, break it, and put
# its favourite explanation to the test.

# %%
import copy
import itertools
import time

import keras
import numpy as np
from scipy.stats import skew
from sklearn.datasets import make_circles
from sklearn.linear_model import LogisticRegression

from course_lessons.batchnorm import figures
from course_lib import data, layers, losses, optim, scale
from course_lib.exercises import check, hint, solution
from course_lib.gradcheck import numerical_gradient
from course_lib.gradients import gradients
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## When the world moves
#
# Train a classifier on scanned digits. Then the scanner ages: every new picture is paler, on a grey ground. The digits
# are the same; only the *distribution* of the inputs has changed. That is **covariate shift**. What will become of the
# classifier? And what if we standardise the new pictures by *their own* mean and standard deviation?

# %% tags=["T177"]
digits = data.digits()
known = digits.train + digits.validation
scans, old_labels = known.images.reshape(-1, 64), known.labels
new, new_labels = digits.test.images.reshape(-1, 64), digits.test.labels
faded = 0.3 * new + 0.6


def standardise(pixels, like):
    """To mean 0 and deviation 1, as measured on the pictures `like`."""
    return (pixels - like.mean()) / like.std()


reader = LogisticRegression(max_iter=200, tol=0.01).fit(
    standardise(scans, like=scans), old_labels
)
inputs = {
    "new scans, old statistics": standardise(new, like=scans),
    "faded scans, old statistics": standardise(faded, like=scans),
    "faded scans, own statistics": standardise(faded, like=faded),
}
right = {title: reader.score(x, new_labels) for title, x in inputs.items()}
fresh, broken, repaired = right.values()
assert fresh > 0.9 and broken < 0.6 and repaired > fresh - 0.05
pictures = {title: x[:6].reshape(-1, 8, 8) for title, x in inputs.items()}
show(
    figures.shifted_pictures(pictures, right, vmin=-1, vmax=2.2),
    alt="Six digits as the classifier gets them: fresh scans are read; faded ones are a dark blur "
    "and mostly misread; standardised by their own statistics they look fresh and are read again.",
)

# %% [markdown]
# Not one weight was changed, and the classifier can read again.
#
# ## The world inside
#
# For layer 4 of a network, "the world" is what layer 3 sends. With $F_1$ for the lower and $F_2$ for the upper part, the
# network computes $y = F_2(F_1(\mathbf x; \theta_1); \theta_2)$. The pictures $\mathbf x$ stay the same, but
# $F_1(\mathbf x;\theta_1)$ moves whenever $\theta_1$ learns: **internal covariate shift**.
#
# Our network has five hidden layers of tanh units. What follows each dense layer is a *block* that we can exchange.

# %% tags=["T178", "nbval-check-output"]
source = digits if scale(laptop=True, gpu=False) else data.mnist()
all_known = source.train + source.validation
mixed = np.random.default_rng(0).permutation(len(all_known))
train_set = all_known[mixed[: len(mixed) // 96 * 96]]  # whole batches of 96 only
labels, test_labels = train_set.labels, source.test.labels
images = train_set.images.reshape(len(labels), -1)
test_images = standardise(source.test.images.reshape(len(test_labels), -1), like=images)
images, width = standardise(images, like=images), scale(laptop=32, gpu=128)


def plain(units):
    return [layers.Tanh()]


def normed(units, momentum=0.9):
    return [layers.BatchNormalization(units, momentum), layers.Tanh()]


def build(block, seed, size=1.0, depth=5):
    """Weights have the standard deviation size / sqrt(inputs)."""
    rng, stack = np.random.default_rng(seed), []
    for inputs, units in itertools.pairwise([images.shape[1]] + [width] * depth + [10]):
        dense = layers.Dense(inputs, units, rng)
        dense.parameters["kernel"] = rng.normal(0, size / inputs**0.5, (inputs, units))
        stack += [dense, *(block(units) if units == width else [])]
    return layers.Sequential(stack)


print([type(layer).__name__ for layer in build(normed, seed=0, depth=2).layers])


# %% tags=["T178"]
def train(net, steps, learning_rate=0.3, seed=0, first=0, watch=None):
    """Gradient descent on batches of 96; layers before `first` stand still. Returns the
    loss of each step, or what `watch(net)` says after it."""
    rng, optimizer, history = np.random.default_rng(seed), optim.SGD(learning_rate), []
    epochs = steps * 96 // len(images) + 1
    order = np.concatenate([rng.permutation(len(images)) for _ in range(epochs)])
    for batch in order[: steps * 96].reshape(steps, 96):
        net.set_training(True)
        outputs = net.forward(images[batch])
        loss, gradient = losses.softmax_cross_entropy(outputs, labels[batch])
        net.backward(gradient)
        for layer in net.layers[first:]:
            optimizer.update(layer)
        history.append(watch(net) if watch else loss)
    net.set_training(False)
    return np.array(history)


def accuracy(net):
    return np.mean(net.forward(test_images).argmax(axis=1) == test_labels)


# %% [markdown]
# Follow three units of the fourth hidden layer while the network learns: what enters their tanh? And what do you expect
# with the new layer in front of every tanh?


# %% tags=["T178"]
def entering(net):
    """What enters each tanh, for some pictures: a list of (pictures, units)."""
    x, sums = images[:128], []
    for layer in net.layers:
        if isinstance(layer, layers.Tanh):
            sums.append(x)
        x = layer.forward(x)
    return sums


def mean_and_deviation(net):
    fourth = entering(net)[3]
    return fourth.mean(axis=0), fourth.std(axis=0)


followed = {}
for title, block in (("without", plain), ("with batch normalisation", normed)):
    moved = [
        train(build(block, seed), 100, watch=mean_and_deviation) for seed in range(3)
    ]
    wander = [np.mean(np.ptp(run[:, 0], axis=0)) for run in moved]
    print(f"{title:24} a unit's mean wanders over", *(f"{way:.2f}" for way in wander))
    followed[title] = moved[0][:, 0], moved[0][:, 1]
show(
    figures.tracks(followed, units=[0, 1, 2], ylabel="enters the tanh"),
    alt="Means and deviations of three units over 100 steps: without normalisation they drift far "
    "apart and widen; with it, all stay close to mean 0 and deviation 1.",
)

# %% [markdown]
# Now put a single normalising layer between the third and the fourth, and look at one unit of each layer.

# %% tags=["G32", "T178", "picture"]
moments, rows = {"before": 0, "after 15 steps": 15, "after 120 steps": 105}, {}
for title, extra in (("without", 0), ("with one normalising layer", 1)):
    net, seen = build(plain, seed=0, depth=4), []
    net.layers[5:5] = [layers.BatchNormalization(width)] * extra  # behind the third dense
    for seed, steps in enumerate(moments.values()):
        train(net, steps, seed=seed)
        net.set_training(True)
        values = [images[:960]]
        for layer in net.layers:
            values.append(layer.forward(values[-1]))
        seen.append([v[:, 3] for v in values])
    places = {"h₁": 1, "h₂": 3, "h₃": 5, "h₄": 7 + extra, "y": 9 + extra}
    chain = {"x": 0} | places
    chain = {name: [shot[place] for shot in seen] for name, place in chain.items()}
    if extra:
        chain["BN"] = [shot[6] for shot in seen]
    rows[title] = {
        name: chain.get(name) for name in ("x", "h₁", "h₂", "h₃", "BN", "h₄", "y")
    }
show(
    figures.stations(rows, list(moments), special="BN"),
    alt="Under every layer of a network, the histogram of one unit before, during and after training. "
    "They spread out and move; only behind the normalising layer do the three lie on each other.",
)

# %% [markdown]
# **Does it matter?** A learning machine assumes that tomorrow's examples look like yesterday's. Train the plain network
# for a while and record what $F_1$, its lower half, says. Then go on in two ways: with $F_1$ frozen, or with $F_1$
# learning too. How well does $F_2$ do on what $F_1$ *used to* say, and on what it says *now*?


# %% tags=["T179"]
def upper_loss(net, sent):
    """The loss of F2, the layers from the fifth on, when F1 sends `sent`."""
    upper = layers.Sequential(net.layers[4:])
    return losses.softmax_cross_entropy(upper.forward(sent), labels[: len(sent)])[0]


def send(net):
    return layers.Sequential(net.layers[:4]).forward(images[:1344])


curves = {"F₁ frozen": [], "F₁ learns: what it says now": [], "F₁ learns: the record": []}
for seed in range(3):
    moving = build(plain, seed)
    train(moving, 50, seed=seed)
    frozen, record = copy.deepcopy(moving), send(moving)
    rows = [(upper_loss(moving, record),) * 3]
    for part in range(8):
        train(frozen, 20, seed=part, first=4)
        train(moving, 20, seed=part)
        rows.append([upper_loss(frozen, record), upper_loss(moving, send(moving))])
        rows[-1].append(upper_loss(moving, record))
    for curve, values in zip(curves.values(), zip(*rows, strict=True), strict=True):
        curve.append(values)
show(
    charts.lines(
        {name: np.transpose(runs) for name, runs in curves.items()},
        20 * np.arange(9),
        "further steps",
        "loss of F₂",
    ),
    alt="With F1 frozen the loss of F2 falls slowly. When F1 learns too, F2 does better on what "
    "it says now and worse on the record of what it used to say.",
)

# %% [markdown]
# On the record, $F_2$ ends above its frozen twin: it has lost touch with what it used to see. But look at the lowest
# curve. The moving $F_1$ moves to *help*. Keep that in mind.
#
# ## Why not whiten?
#
# In 1998 Yann LeCun and others advised to **whiten** the inputs of a network: mean 0, deviation 1, and no correlation
# between any two. Why not in front of every layer, at every step? Two units first.


# %% tags=["T180", "Q14"]
def per_unit(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def whiten(x):
    """ZCA: turn to the main directions, divide each by its deviation, and turn back."""
    centred = x - x.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred / len(x))
    scaled = centred @ directions / np.sqrt(variances + 1e-3)
    return scaled @ directions.T


rng = np.random.default_rng(0)
cloud = rng.normal(size=(400, 2)) @ [[2.0, 1.2], [0.0, 0.7]] + [5, 1]
panels = {"as they come": cloud, "each unit for itself": per_unit(cloud)}
show(
    figures.clouds(panels | {"whitened": whiten(cloud)}),
    alt="A slanted cloud of points away from the origin; standardised it is centred but still "
    "slanted; whitened it is round.",
)

# %% [markdown]
# Whitening does more. But it needs the covariance of every pair of units and its main directions; for $d$ units that
# takes of the order of $d^3$ operations. Guess the time for 1,024 units.


# %% tags=["T180", "Q14"]
def seconds(function, x):
    """The better of two runs."""
    times = []
    for _ in range(2):
        start = time.perf_counter()
        function(x)
        times.append(time.perf_counter() - start)
    return min(times)


widths = scale(laptop=[64, 128, 256, 512, 1024], gpu=[64, 128, 256, 512, 1024, 2048])
batches = [rng.normal(size=(96, units)) for units in widths]
times = {
    "whitening": [seconds(whiten, batch) for batch in batches],
    "each unit for itself": [seconds(per_unit, batch) for batch in batches],
}
ratio = times["whitening"][-1] / times["each unit for itself"][-1]
print(f"{widths[-1]:,} units: whitening takes {ratio:,.0f} times as long")
assert ratio > 20
covariance = np.cov(batches[2].T)
print(f"{widths[2]} units, 96 examples: rank of the covariance", end=" ")
print(np.linalg.matrix_rank(covariance))
show(
    figures.costs(widths, times),
    alt="Seconds against width, in powers: whitening climbs towards the dotted line of the cube, "
    "normalising each unit stays hundreds of times below.",
)

# %% [markdown]
# And 96 examples span only 95 directions: in the others there is nothing to measure. So normalise **each unit for
# itself**, with the statistics of the **batch**.
#
# ## The transform, by hand
#
# A unit gives 1, 3, 5 and 7 on the four examples of a batch. Subtract their mean, divide by their standard deviation:

# %% tags=["T181", "nbval-check-output"]
x = np.array([1.0, 3.0, 5.0, 7.0])
mean = x.sum() / 4
variance = ((x - mean) ** 2).sum() / 4
x_hat = (x - mean) / np.sqrt(variance)
print(f"mean {mean}, variance {variance}, normalised {x_hat.round(3)}")
print(f"mean now {x_hat.mean():.0f}, deviation now {x_hat.std():.0f}")

# %% [markdown]
# (The variance divides by $m$, the size of the batch, not by $m-1$.) You may have seen the formula just so,
# $\hat x = (x - \mathrm E[x]) / \sqrt{\mathrm{Var}[x]}$. What happens to a dead unit, the same for the whole batch?

# %% tags=["nbval-check-output"]
silent = np.full(4, 0.7)
with np.errstate(invalid="ignore"):
    print("as written:  ", (silent - silent.mean()) / np.sqrt(silent.var()))
print("with epsilon:", (silent - silent.mean()) / np.sqrt(silent.var() + 1e-3))
layer = keras.layers.BatchNormalization()
print(f"Keras: epsilon {layer.epsilon}, momentum {layer.momentum}")

# %% [markdown]
# 0/0, and one NaN spoils every weight it meets. Hence a small $\varepsilon$ *inside* the root. For a batch $x_1 \dots x_m$
# of one unit, the whole layer is
#
# $$\mu = \frac1m\sum_i x_i,\qquad \sigma^2 = \frac1m\sum_i (x_i-\mu)^2,\qquad \hat x_i = \frac{x_i-\mu}{\sqrt{\sigma^2+\varepsilon}},\qquad y_i = \gamma\,\hat x_i + \beta$$
#
# with two learned numbers per unit, $\gamma$ and $\beta$, whose purpose we come to.
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
# On pictures, a unit is a *channel*: one filter looks everywhere, so one mean and one deviation serve all examples and
# places. Is the layer of our library the one in Keras?

# %% tags=["T181", "nbval-check-output"]
rng = np.random.default_rng(1)
for shape in ((96, 5), (8, 6, 6, 3)):
    x, channels = rng.normal(3, 2, shape).astype("float32"), shape[-1]
    ours, theirs = layers.BatchNormalization(channels), keras.layers.BatchNormalization()
    theirs.build(shape)
    for name, low in (("gamma", 0.5), ("beta", -1)):
        ours.parameters[name] = rng.uniform(low, 2, channels)
        getattr(theirs, name).assign(ours.parameters[name])
    ours.training = True
    same = np.allclose(ours.forward(x), theirs(x, training=True), atol=1e-4)
    print(f"{shape!s:13} statistics {ours.moving_mean.shape}, as in Keras: {same}")

# %% [markdown]
# **Does that make them Gaussian?** You may have read that every layer then gets "zero mean, unit variance Gaussian"
# inputs. Take values that are far from Gaussian: exponential ones.

# %% tags=["T181", "nbval-check-output"]
sums = rng.exponential(2.0, (200_000, 1)) + 1
bn = layers.BatchNormalization(1)
bn.training = True
after = bn.forward(sums)
print(f"skewness before {skew(sums)[0]:.1f}, after {skew(after)[0]:.1f}, Gaussian 0.0")
assert abs(skew(sums)[0] - skew(after)[0]) < 1e-6
panels = {"before": sums[:, 0], "after": after[:, 0]}
show(
    figures.histograms(panels, "value", normal=("after",)),
    alt="A skewed histogram before and after normalising: mean 0 and deviation 1 now, but the "
    "same lopsided shape, far from the normal curve drawn over it.",
)

# %% [markdown]
# Only mean and variance are set. The shape stays.
#
# Move the sliders: the grey hill is where a unit's sums come from, the ticks are one batch. What does the shift change
# behind the layer? What does the size of the batch?

# %% tags=["T181", "widget"]
settings = [{"shift": -3}, {"shift": 3, "stretch": 0.5}, {"batch_size": 4}]
show(
    figures.batch_statistics_sheet(settings),
    alt="Three batches before and after: whatever the shift and stretch, mean 0 and deviation 1 "
    "come out; in a batch of four the examples are placed by chance.",
)
explore(
    figures.batch_statistics,
    alt="The sums of one batch as ticks on a line under the bell curve they come from, with mean and "
    "deviation; below, the same after batch normalisation, around beta.",
    batch_size=[2, 4, 8, 16, 64, 256],
    shift=(-5, 5, 0.5),
    stretch=(0.5, 3, 0.5),
    gamma=(0.25, 3, 0.25),
    beta=(-4, 4, 0.5),
)

# %% [markdown]
# ## Gamma and beta: freedom given back
#
# At mean 0 and deviation 1, a sigmoid works in its middle, where it is almost a straight line; and a network of straight
# lines is one straight line. Try it on two rings, with eight sigmoid units behind a normalising layer: once with
# $\gamma = 1$ and $\beta = 0$ for ever, once with both learned.


# %% tags=["T184"]
class Fixed(layers.BatchNormalization):
    """gamma stays 1 and beta stays 0."""

    def backward(self, upstream):
        gradient = super().backward(upstream)
        self.gradients = {name: 0 * values for name, values in self.gradients.items()}
        return gradient


def how_straight(x, y):
    """The share of y that a straight line (a plane) explains."""
    rows = np.column_stack([x, np.ones(len(x))])
    rest = y - rows @ np.linalg.lstsq(rows, y, rcond=None)[0]
    return 1 - np.sum(rest**2) / np.sum((y - y.mean(axis=0)) ** 2)


def learn_rings(kind, seed):
    """Two rings, and a network that has learned them."""
    rng, rings = (
        np.random.default_rng(seed),
        make_circles(384, noise=0.08, factor=0.5, random_state=seed),
    )
    first, last = layers.Dense(2, 8, rng), layers.Dense(8, 1, rng)
    net = layers.Sequential([first, kind(8, 0.9), layers.Sigmoid(), last])
    recipe = {"loss": losses.sigmoid_cross_entropy, "optimizer": optim.Adam(0.03)}
    net.fit(rings[0], rings[1][:, None], epochs=100, batch_size=64, rng=rng, **recipe)
    return *rings, net


# %% tags=["T184"]
answers = {}
for title, kind in (("fixed", Fixed), ("learned", layers.BatchNormalization)):
    scores, straight = [], []
    for seed in range(3):
        rings, ring, net = learn_rings(kind, seed)
        scores.append(np.mean((net.forward(rings)[:, 0] > 0) == ring))
        straight.append(how_straight(rings, net.layers[2].outputs))
    gammas = np.abs(net.layers[1].parameters["gamma"])
    answers[title] = lambda x, net=net: np.tanh(net.forward(x)[:, 0])
    print(f"{title:8} right", *(f"{share:.0%}" for share in scores), end="; ")
    print(
        "straight",
        *(f"{share:.0%}" for share in straight),
        f"; gamma up to {gammas.max():.1f}",
    )
    assert max(scores) < 0.75 if kind is Fixed else min(scores) > 0.9
show(
    figures.decision_panels(answers, rings, ring),
    alt="Two rings. With gamma and beta fixed the network is undecided and hardly bends its edge; "
    "with both learned it encloses the inner ring.",
)

# %% [markdown]
# Learned, $\gamma$ grows until the sigmoids bend, and $\beta$ puts each bend where it is needed. The layer does not *force*
# a distribution on a unit. It lets the unit choose mean and deviation by two numbers of its own.
#
# **Could it choose to do nothing?** You may have seen the question as: how to make $\hat x = x$? It cannot be: $\gamma$ and
# $\beta$ come after $\hat x$, which has mean 0 whatever they are. The *output* $y$ is another matter.
#
# **Exercise 2.** Which $\gamma$ and $\beta$ make $y = x$ for this batch?


# %% exercise="undo_gamma_beta"
def undo_gamma_beta(x, epsilon):
    """x (examples, units). Returns gamma and beta, (units,) each, with which the layer gives x back."""
    ### BEGIN SOLUTION
    return np.sqrt(x.var(axis=0) + epsilon), x.mean(axis=0)
    ### END SOLUTION


# %% check="undo_gamma_beta"
check(undo_gamma_beta)

# %% tags=["T185", "Q17", "F347", "nbval-check-output"]
x = np.random.default_rng(2).normal(3, 2, (96, 10))
bn = layers.BatchNormalization(10)
bn.training = True
for gamma, beta in ((1, 0), (2, 0), (2, 3)):
    bn.parameters = {"gamma": np.full(10, gamma), "beta": np.full(10, beta)}
    bn.forward(x)
    print(f"gamma {gamma}, beta {beta}: mean of x_hat {abs(bn.normalised.mean()):.0f}")
bn.parameters = {"gamma": np.sqrt(x.var(axis=0) + bn.epsilon), "beta": x.mean(axis=0)}
error = np.abs(bn.forward(x) - x).max()
print("largest difference of y and x below 1e-14:", error < 1e-14)

# %% [markdown]
# ## Learning through a batch
#
# Is this differentiable? Mean and variance are sums and squares of the inputs, followed by a root: yes. But with a
# consequence that no layer had before. Nudge *one* example of a batch of five. Which outputs will move?

# %% tags=["T182", "Q15"]
x = np.array([[0.5], [1.0], [2.0], [3.5], [4.0]])
bn = layers.BatchNormalization(1)
bn.training = True
whole, naive = np.zeros((5, 5)), np.eye(5) / np.sqrt(x.var() + bn.epsilon)
for row in range(5):
    nudged = numerical_gradient(lambda row=row: float(bn.forward(x)[row, 0]), x)
    whole[row] = nudged[:, 0]
show(
    figures.jacobians(
        {"what really moves": whole, "if statistics stood still": naive}
    ),
    alt="Two five by five tables of slopes. In the real one every entry is filled: each input moves "
    "every output. If the statistics stood still, only the diagonal would be.",
)

# %% [markdown]
# All of them: the examples of a batch are tied together. Add up the three paths from $x_i$ to the loss, directly, through
# $\mu$ and through $\sigma^2$. With $u_i = \partial L/\partial y_i$ from above, and bars for means over the batch:
#
# $$\frac{\partial L}{\partial x_i} = \frac{\gamma}{\sqrt{\sigma^2+\varepsilon}}\Big(u_i - \bar u - \hat x_i\,\overline{u\,\hat x}\Big),\qquad \frac{\partial L}{\partial\gamma} = \sum_i u_i \hat x_i,\qquad \frac{\partial L}{\partial\beta} = \sum_i u_i$$
#
# What would only move the mean or the deviation is taken out of the gradient: the layer would undo it anyway.
#
# **Exercise 3.** Write the gradient by $x$.


# %% exercise="batchnorm_backward"
def batchnorm_backward(upstream, x, gamma, epsilon):
    """upstream and x (examples, units), gamma (units,). Returns the gradient by x, (examples, units)."""
    ### BEGIN SOLUTION
    deviation = np.sqrt(x.var(axis=0) + epsilon)
    normalised = (x - x.mean(axis=0)) / deviation
    along = np.mean(upstream * normalised, axis=0)
    return gamma / deviation * (upstream - upstream.mean(axis=0) - normalised * along)
    ### END SOLUTION


# %% check="batchnorm_backward"
check(batchnorm_backward)

# %% tags=["T182", "Q15", "nbval-check-output"]
rng = np.random.default_rng(3)
x, upstream = rng.normal(1, 2, (12, 4)), rng.normal(size=(12, 4))
ours, theirs = layers.BatchNormalization(4), keras.layers.BatchNormalization()
ours.training = True
theirs.build((None, 4))
ours.forward(x)
by_hand = ours.backward(upstream)
nudged = numerical_gradient(lambda: float(np.sum(upstream * ours.forward(x))), x)
upstream32, x32 = upstream.astype("float32"), x.astype("float32")
automatic = gradients(
    lambda t: keras.ops.sum(upstream32 * theirs(t, training=True)), x32
)[0]
print("as nudged: ", np.allclose(by_hand, nudged, atol=1e-7))
print("as in Keras:", np.allclose(by_hand, automatic, atol=1e-4))
print("sums to 0 over the batch:", np.allclose(by_hand.sum(axis=0), 0))

# %% [markdown]
# ## Where to put it
#
# The authors put it *before* the activation, right behind the dense or convolution layer. Others put it behind the
# activation, so that the next layer gets its inputs in order. Which one learns faster here? Guess.


# %% tags=["T183", "Q16"]
def order(activation, place):
    def block(units):
        pair = [activation()]
        if place != "none":
            bn = layers.BatchNormalization(units, 0.9)
            pair.insert(0 if place == "before" else 1, bn)
        return pair

    return block


panels, errors = {}, {}
for activation in (layers.Tanh, layers.ReLU):
    name, panels[activation.__name__] = activation.__name__, {}
    for place in ("none", "before", "after"):
        nets = [build(order(activation, place), seed) for seed in range(3)]
        runs = [train(net, 112, 0.1, seed) for seed, net in enumerate(nets)]
        by_epoch = np.reshape(runs, (3, 8, 14)).mean(axis=2)
        panels[name][place] = by_epoch.T
        print(f"{name}, {place:6}: right", *(f"{accuracy(net):.0%}" for net in nets))
    assert panels[name]["before"][-1].max() < panels[name]["none"][-1].min()
show(
    charts.lines(panels, range(1, 9), "epoch", "training loss", log="y"),
    alt="Training losses of three seeds, for tanh and ReLU: slowest without normalisation, much "
    "faster with it before the activation, faster still behind it.",
)

# %% [markdown]
# Either order learns far faster than none. Here "after" came out ahead in training; on new digits there is no clear
# winner. "Before" is the order of the paper and of most published networks. Whoever says that one of them is *the* right
# one should show you such a plot.
#
# With "before", **the bias of the layer below is useless**. Why?

# %% tags=["T183", "nbval-check-output"]
net = build(normed, seed=0)
net.set_training(True)
before = net.forward(images[:96])
net.backward(losses.softmax_cross_entropy(before, labels[:96])[1])
gradient = np.abs(net.layers[0].gradients["bias"]).max()
net.layers[0].parameters["bias"] += 7
print(
    "adding 7 to every bias changes nothing:",
    np.allclose(net.forward(images[:96]), before),
)
print("gradient of the bias is zero:", gradient < 1e-12)
for use_bias in (True, False):
    stack = [keras.Input((64,)), keras.layers.Dense(32, use_bias=use_bias)]
    model = keras.Sequential([*stack, keras.layers.BatchNormalization()])
    trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    print(
        f"use_bias={use_bias!s:5}: {model.count_params():,} numbers, {trained:,} trained"
    )

# %% [markdown]
# The mean takes every constant away, and $\beta$ does its work: write `use_bias=False`. (Of four numbers per unit two are
# trained; the others are running averages, of which more below.)
#
# ## What it buys
#
# Now the experiment it became famous for: learning rates from timid to reckless, starting weights from far too small to
# far too large. Each number is the accuracy on new digits after four epochs, in per cent, the mean of three seeds. Where
# will the two tables differ most?

# %% tags=["T186", "H07"]
rates, sizes = (0.03, 0.3, 1.0, 3.0), (0.3, 1.0, 3.0, 10.0)
tables = {}
for title, block in (("without", plain), ("with batch normalisation", normed)):
    table = np.zeros((len(rates), len(sizes), 3))
    for (row, rate), (column, size), seed in itertools.product(
        enumerate(rates), enumerate(sizes), range(3)
    ):
        net = build(block, seed, size)
        train(net, 56, rate, seed)
        table[row, column, seed] = accuracy(net)
    tables[title] = table.mean(axis=2)
    good = np.mean(table.min(axis=2) > 0.8)
    print(f"{title:24} every seed above 80 % in {good:.0%} of the cells")
show(
    figures.heat_maps(
        tables, rates, sizes, "learning rate", "size of the first weights", "accuracy"
    ),
    alt="Two tables of accuracies. Without normalisation only a few cells around size 1 and "
    "rates up to 1 work; with it most cells do.",
)
assert np.mean(tables["with batch normalisation"] > 0.8) > 0.5
assert np.mean(tables["without"] > 0.8) < 0.4

# %% [markdown]
# A small island became a plateau. One reason you can compute: multiply all weights of a layer by 10. Mean and deviation
# of its sums grow by 10 as well, so behind the normalising layer nothing has changed. And the gradient?

# %% tags=["T186", "nbval-check-output"]
rng = np.random.default_rng(4)
x, upstream = rng.normal(size=(96, 64)), rng.normal(size=(96, 32))
dense, bn = layers.Dense(64, 32, rng), layers.BatchNormalization(32, epsilon=1e-12)
bn.training, small = True, dense.parameters["kernel"]
results = []
for kernel in (small, 10 * small):
    dense.parameters["kernel"] = kernel
    y = bn.forward(dense.forward(x))
    dense.backward(bn.backward(upstream))
    results.append((y, dense.gradients["kernel"]))
(y, gradient), (y_10, gradient_10) = results
print("same output:", np.allclose(y, y_10))
print("gradient divided by 10:", np.allclose(gradient / 10, gradient_10))

# %% [markdown]
# Large weights get *small* gradients: the layer brakes by itself. Now all six kernels of our network before its first
# step, when *all* weights are too small, right, or too large:


# %% tags=["T186"]
def gradient_sizes(block, size, seed):
    """The length of the gradient of each kernel, first layer first."""
    net = build(block, seed, size)
    net.set_training(True)
    logits = net.forward(images[:960])
    net.backward(losses.softmax_cross_entropy(logits, labels[:960])[1])
    kernels = [layer.gradients.get("kernel") for layer in net.layers]
    return [np.linalg.norm(kernel) for kernel in kernels if kernel is not None]


panels = {}
for title, block in (("without", plain), ("with batch normalisation", normed)):
    panels[title] = {}
    for size in (0.3, 1.0, 3.0):
        norms = [gradient_sizes(block, size, seed) for seed in range(3)]
        panels[title][f"size {size:g}"] = np.transpose(norms)
    loud, quiet = panels[title]["size 3"].mean(), panels[title]["size 0.3"].mean()
    print(f"{title:24} loudest over quietest: {loud / quiet:.1f}")
show(
    charts.lines(panels, range(1, 7), "layer", "length of the gradient", log="y"),
    alt="Lengths of the gradients, layer by layer: without normalisation they depend on the size "
    "of the weights, a thousandfold; with it the three curves lie on each other.",
)

# %% [markdown]
# Without normalisation the first weights decide whether the layers hear a whisper or a shout, and no learning rate suits
# all. With it they hear the same.
#
# ## But why does it work?
#
# The original story: internal covariate shift slows learning, and the layer removes it. It was retold for years as a
# fact. In 2018 Shibani Santurkar and others tested it. If steady inputs are the reason, then spoiling them must spoil the
# gain. So put *noise behind* every normalising layer: at each step a new random scale and shift for each unit. Now what
# enters a tanh jumps about more than ever. Which network will win?


# %%
class Shaker(layers.Layer):
    """While training, every unit gets a new random scale and shift at every step."""

    def __init__(self, units, rng):
        super().__init__()
        self.units, self.rng = units, rng

    def forward(self, x):
        self.scale, shift = 1.0, 0.0
        if self.training:
            self.scale = self.rng.uniform(0.5, 1.5, self.units)
            shift = self.rng.uniform(-0.5, 0.5, self.units)
        return x * self.scale + shift

    def backward(self, upstream):
        return upstream * self.scale


shaking = np.random.default_rng(0)


def shaken(units):
    bn = layers.BatchNormalization(units, 0.9)
    return [bn, Shaker(units, shaking), layers.Tanh()]


# %%
def first_unit(net):
    return entering(net)[3][:, 0].mean()


def loss_by_epoch(net):
    """On the training pictures, in test mode: nothing shakes while we measure."""
    values = []
    for epoch in range(8):
        train(net, 14, 0.1, seed=epoch)
        some = net.forward(images[:1344]), labels[:1344]
        values.append(losses.softmax_cross_entropy(*some)[0])
    return values


curves, means = {}, {}
for title, block in (("without", plain), ("normalised", normed), ("and shaken", shaken)):
    nets = [build(block, seed) for seed in range(scale(laptop=3, gpu=8))]
    curves[title] = np.transpose([loss_by_epoch(net) for net in nets])
    means[title] = train(build(block, 0), 60, 0.1, watch=first_unit)
    print(
        f"{title:10} last loss",
        *(f"{loss:.2f}" for loss in curves[title][-1]),
        end="; ",
    )
    print(f"the unit's mean jumps by {np.abs(np.diff(means[title])).mean():.2f} a step")
assert curves["and shaken"][-1].mean() < 0.75 * curves["without"][-1].mean()
fall, wander = "loss on the training pictures", "mean of what enters one unit"
show(
    charts.lines(
        {fall: curves, wander: means},
        x={fall: range(1, 9), wander: range(1, 61)},
        xlabel={fall: "epoch", wander: "step"},
    ),
    alt="Left, losses: the shaken network learns nearly as fast as the normalised one, both "
    "faster than the plain one. Right: the mean of its unit jumps about by far the most.",
)

# %% [markdown]
# The shaken network has by far the *worst* internal covariate shift, and still learns clearly faster than the plain one.
# Steady inputs cannot be the whole reason. Santurkar and others point to a *smoother loss surface*: gradients change less
# along a step, so longer steps are safe. Others point to the self-braking that you saw. Repeat it as what it is: **it
# works, and why is a hypothesis.**
#
# ## At test time
#
# Everything so far used the statistics of the batch. **Should we measure them on the test batch, too?** Think of a single
# picture: a batch of *one*.

# %% tags=["T187", "Q18", "nbval-check-output"]
bn = layers.BatchNormalization(3)
bn.parameters["beta"] = np.array([0.5, -1.0, 2.0])
bn.training = True
for one in ([[1.0, 2.0, 3.0]], [[-90.0, 0.0, 7.0]]):
    print(one, "->", bn.forward(np.array(one)))

# %% [markdown]
# It is its own mean: $\hat x = 0$, and the answer is $\beta$ whatever it shows. So keep, while training, **running
# averages** of the batches' means and variances,
#
# $$\mu_{\text{run}} \leftarrow \text{momentum}\cdot\mu_{\text{run}} + (1-\text{momentum})\cdot\mu_{\text{batch}},$$
#
# and use those at test time. Here the momentum is the share of the *old* value.
#
# **Exercise 4.** Follow the mean through a number of batches.


# %% exercise="running_average"
def running_average(start, batch_means, momentum):
    """start (units,), batch_means (steps, units). Returns the running average after the last step, (units,)."""
    ### BEGIN SOLUTION
    average = start
    for mean in batch_means:
        average = momentum * average + (1 - momentum) * mean
    return average
    ### END SOLUTION


# %% check="running_average"
check(running_average)

# %% [markdown]
# **Exercise 5.** Write the layer for test time.


# %% exercise="batchnorm_inference"
def batchnorm_inference(x, gamma, beta, moving_mean, moving_variance, epsilon):
    """x (examples, units), everything else (units,), but epsilon. Returns y, (examples, units)."""
    ### BEGIN SOLUTION
    return gamma * (x - moving_mean) / np.sqrt(moving_variance + epsilon) + beta
    ### END SOLUTION


# %% check="batchnorm_inference"
check(batchnorm_inference)

# %% [markdown]
# Now ask a trained Keras network. `model(x, training=True)` uses the statistics of the batch; `training=False`, as in
# `predict`, the running averages.

# %% tags=["T187", "Q18"]
model = keras.Sequential([keras.Input(images.shape[1:])])
for _ in range(3):
    model.add(keras.layers.Dense(width, use_bias=False))
    model.add(keras.layers.BatchNormalization(momentum=0.9))
    model.add(keras.layers.Activation("tanh"))
model.add(keras.layers.Dense(10))
from_logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.SGD(0.3), from_logits)
model.fit(images, labels, epochs=5, batch_size=96, verbose=0)


def answers_of(x, training):
    return keras.ops.convert_to_numpy(model(x, training=training)).argmax(axis=1)


some, truth = test_images[:100], test_labels[:100]
ways = {"running averages": answers_of(some, training=False)}
ways["statistics of all 100 pictures"] = answers_of(some, training=True)
alone = [answers_of(picture[None], training=True) for picture in some]
ways["statistics of each picture alone"] = np.concatenate(alone)
ways["running averages, asked again"] = answers_of(some, training=False)
for title, answers in ways.items():
    kinds = len(set(answers))
    print(f"{title:33} {np.mean(answers == truth):4.0%} right, {kinds} different answers")
assert np.mean(ways["running averages"] == truth) > 0.8
assert len(set(ways["statistics of each picture alone"])) == 1

# %% [markdown]
# Alone, every picture gets the same answer. The large batch did well, but an answer should not depend on who else asks.
# And look at the last line: `training=True` also *updates* the running averages, here with batches of one, whose variance
# is zero. Nothing was trained, and yet the network has changed: a real bug in real programs.
#
# **How fast should the average forget?** Training does not depend on the momentum; test time does. With Keras' 0.99, half
# of an old value is still there after some 70 steps. What will you see in the first epochs of 14 steps? And what does one
# stray batch of three pictures do?


# %% tags=["T187"]
epochs, curves = scale(laptop=8, gpu=20), {}
for momentum in (0.5, 0.9, 0.99):
    curves[f"momentum {momentum}"], strays = [], []
    for seed in range(3):
        net, scores = build(lambda units, m=momentum: normed(units, m), seed), []
        for epoch in range(epochs):
            train(net, 14, seed=epoch)
            scores.append(accuracy(net))
        curves[f"momentum {momentum}"].append(scores)
        net.set_training(True)
        net.forward(images[:3])  # no step, only a look
        net.set_training(False)
        strays.append(accuracy(net) - scores[-1])
    print(
        f"momentum {momentum}: after a stray batch",
        *(f"{change:+.1%}" for change in strays),
    )
    assert min(row[-1] for row in curves[f"momentum {momentum}"]) > 0.8
show(
    charts.lines(
        {name: np.transpose(runs) for name, runs in curves.items()},
        range(1, epochs + 1),
        "epoch",
        "accuracy, with running averages",
        percent=True,
    ),
    alt="Accuracy after each epoch: with momentum 0.5 and 0.9 high soon, with 0.99 it needs several "
    "epochs to catch up, though the weights are the same.",
)

# %% [markdown]
# With 0.99 and few steps, the averages still remember the untrained network. With 0.5, one odd batch counts for half. If a
# validation accuracy makes no sense, look here first.
#
# | | without | with it, training | with it, at test time |
# |---|---|---|---|
# | mean and variance | as they fall | of this batch | running averages |
# | an answer depends on | its example | the whole batch | its example |
# | learning rate, first weights | must fit each other | hardly matter over a wide range | |
# | numbers per unit | a bias | $\gamma$, $\beta$; two averages, updated; no bias below | the same, fixed |
# | small batches | fine | noisy statistics | fine |
#
# The same picture gets slightly other values in every batch: a noise that regularises a little. A stronger dose of noise,
# on purpose, is lesson 16.
#
# ## Think about it
#
# **A friend trains a network with batch normalisation on large pictures; the memory allows batches of two. What will go
# wrong, and what would you try?**
#
# <details><summary>Answer</summary>
#
# Mean and deviation of two examples are nearly all noise. Take a normalisation that does not look at the batch: over the
# channels of one example (layer normalisation) or over groups of them (group normalisation). When fine-tuning a trained
# network, keep its layers in inference mode, with the old running averages.
# </details>
#
# **At test time all statistics are fixed. What does the layer cost on a phone?**
#
# <details><summary>Answer</summary>
#
# Nothing. It multiplies each unit by one number and adds another. Multiply the kernel of the layer below by
# $\gamma / \sqrt{\sigma^2 + \varepsilon}$, adjust its bias, and throw the normalising layer away: the same function. Programs that
# prepare networks for phones do that.
# </details>
#
# ## Further reading
#
# - Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, *Efficient BackProp*, 1998: why inputs should be centred and whitened.
# - S. Ioffe and C. Szegedy, *Batch normalization: accelerating deep network training by reducing internal covariate
#   shift*, 2015.
# - S. Santurkar, D. Tsipras, A. Ilyas and A. Madry, *How does batch normalization help optimization?*, 2018.
# - J. Ba, J. Kiros and G. Hinton, *Layer normalization*, 2016; Y. Wu and K. He, *Group normalization*, 2018.
