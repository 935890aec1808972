# ---
# jupyter:
#   course:
#     title: "Dropout: half of the network stays at home"
#     summary: "Silence random units at every step and the network learns better. Find out when, why, and what to do at test time."
#     objectives:
#       - "recognise a network that learns its examples by heart"
#       - "write dropout, and scale it by the right probability"
#       - "measure when it lowers the error on new examples and when it does not"
#       - "show that it is an average of thousands of networks, exactly or nearly"
#       - "use the random answers to tell when a network is in doubt"
#     needs: [05_mlp_backprop, 15_batchnorm]
#     minutes: 80
#     data: [digits, letters]
# ---

# %% [markdown]
# Imagine a firm that sends half of its staff home every morning, chosen by lot. Whoever is there has to get the work
# done. Madness? In 2012 Geoffrey Hinton and his students did just that to neural networks: at every step of the training
# they silenced a random half of the hidden units. The networks made *fewer* mistakes on new examples.
#
# **How can a network get better when you break half of it at every step?** You will break networks in this lesson, find
# out what they learn from it, and see that a broken network is not one network but thousands.

# %%
import itertools
from functools import cache

import keras
import numpy as np

from course_lessons.dropout import figures
from course_lib import data, layers, losses, optim, scale
from course_lib.exercises import check, hint, solution
from course_lib.layers import softmax
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## Learning by heart
#
# Take few digits, and let a careless clerk have labelled them: one label in five is wrong. What can a network learn from
# them? The right thing is to get the wrong labels *wrong*, because they contradict everything else.


# %% tags=["T196"]
source = data.digits() if scale(laptop=True, gpu=False) else data.mnist()
known = source.train + source.validation
pictures = known.images.reshape(len(known), -1)
new, new_labels = source.test.images.reshape(len(source.test), -1), source.test.labels
examples, batch_size = scale(laptop=(400, 50), gpu=(5000, 100))


def careless(seed, wrong=0.2):
    """Some digits, their labels, and which labels are wrong."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(pictures))[:examples]
    labels, spoilt = known.labels[chosen], np.arange(examples) < wrong * examples
    slips = rng.integers(1, 10, examples) * spoilt
    return pictures[chosen], (labels + slips) % 10, spoilt


def build(hidden, seed, keep=1.0):
    """ReLU layers of the sizes `hidden`; behind each, every unit stays with the probability keep."""
    rng, luck, stack = np.random.default_rng(seed), np.random.default_rng(seed + 100), []
    for inputs, units in itertools.pairwise([pictures.shape[1], *hidden]):
        stack += [layers.Dense(inputs, units, rng), layers.ReLU()]
        stack += [layers.Dropout(1 - keep, luck)] if keep < 1 else []
    return layers.Sequential([*stack, layers.Dense(hidden[-1], 10, rng)])


def error(net, x, labels):
    return np.mean(net.forward(x).argmax(axis=1) != labels)


# %% tags=["T196"]
epochs, learning_rate = scale(laptop=(22, 0.006), gpu=(20, 0.003))


@cache  # asked a second time for the same, it remembers the answer
def learn(hidden, seed, keep=1.0, wrong=0.2, epochs=epochs):
    """Returns the network and, after each epoch: the error on the examples, on new digits,
    and the share of the wrong labels that it has learnt by heart."""
    x, labels, spoilt = careless(seed, wrong)
    net, rng, history = build(hidden, seed, keep), np.random.default_rng(seed), []
    recipe = {
        "loss": losses.softmax_cross_entropy,
        "optimizer": optim.Adam(learning_rate),
    }
    for _ in range(epochs):
        net.fit(x, labels, epochs=1, batch_size=batch_size, rng=rng, **recipe)
        right = net.forward(x).argmax(axis=1) == labels
        by_heart = right[spoilt].mean() if wrong else 0
        history.append([1 - right.mean(), error(net, new, new_labels), by_heart])
    return net, np.array(history).T


size = scale(laptop=(128, 128, 128), gpu=(512, 512, 512))
histories = np.array([learn(size, seed)[1] for seed in range(3)])
names = ("examples: error", "new digits: error", "wrong labels learnt")
drawn = {name: histories[:, place].T for place, name in enumerate(names)}
assert histories[:, 2, -1].min() > 0.4
show(
    charts.lines(drawn, range(1, epochs + 1), "epoch", "share", percent=True),
    alt="The error on the examples falls towards nothing as the network learns most of the wrong "
    "labels by heart; the error on new digits falls first and then rises.",
)

# %% [markdown]
# First it learns what a digit looks like: the error on new digits falls. Then it begins to learn the clerk's slips, one
# by one, and spoils what it knew. That is **overfitting**. Who in the network does the learning by heart? Small
# conspiracies of units, each tuned to the others so that together they fit one odd example. A conspiracy needs all its
# members. So let us make sure that they are never all there.
#
# ## Break it
#
# At every step of the training, toss a coin for every hidden unit; tails, and its output is set to zero. The row of ones
# and zeros is the **mask**. Here are the masks of ten units, drawn for six examples.

# %% tags=["T188"]
rng, rate = np.random.default_rng(0), 0.5
hidden = rng.uniform(0.1, 1, (6, 10))  # outputs of ten units for six examples
mask = rng.random(hidden.shape) >= rate
silenced = hidden * mask
show(
    figures.mask_rows(mask, [f"example {number}" for number in range(1, 7)]),
    alt="Six rows of ten squares; about half are crossed out, in every row other ones.",
)
print("before", hidden[0].round(1))
print("after ", silenced[0].round(1))

# %% [markdown]
# Every example gets a mask of its own, at every step a new one. And what is left is a network too, a **thinned** one:

# %% tags=["T188", "G33", "picture"]
show(
    figures.thinned_networks(rate=0.5, number=4),
    alt="A network of two hidden layers, and four times the same with other units crossed out and "
    "only the connections left between those that stay.",
)

# %% [markdown]
# The weights are shared: each step improves another thinned network, and all of them use the same numbers. So no unit can
# rely on a particular colleague. But at test time we want one answer, not a lottery: all units shall work. Then the next
# layer gets about twice the input it is used to. What is to be done?
#
# ## The right factor
#
# Take one unit with two inputs and no activation, $a = w_1 x + w_2 y$. With a rate of one half there are four masks, all
# equally probable. Enumerate them.

# %% tags=["T193", "F348", "nbval-check-output"]
w, x = np.array([0.5, -2.0]), np.array([3.0, 1.0])
sums = []
for mask in itertools.product([1, 0], repeat=2):
    sums.append((w * x * mask).sum())
    print(f"mask {mask}: a = {sums[-1]:+.2f}")
print(f"all there: {w @ x:+.2f}, mean over the masks: {np.mean(sums):+.2f}")
print("mean / all there =", np.mean(sums) / (w @ x))

# %% [markdown]
# Exactly one half. You may have seen the test-time value written as an expectation, $\mathrm E[a] = w_1 x + w_2 y$. But at
# test time there are no masks and nothing is random: $a = w_1x + w_2y$, and no expectation is taken. The expectation
# belongs to the training: $\mathrm E[a] = \frac12 (w_1 x + w_2 y)$.
#
# So at test time multiply by one half. But is that one half the probability to drop a unit, or to keep it? You may have
# seen it called the dropout probability. With one half nobody can tell. Let every unit stay with the probability 0.8,
# draw very many masks, and compare.

# %% tags=["T194", "F349"]
w, x, keep = np.array([0.5, -1.0, 0.7, 0.1]), np.array([1.0, 2.0, -1.0, 3.0]), 0.8
masks = np.random.default_rng(0).random((200_000, 4)) < keep
mean = (masks * x @ w).mean()
print(f"mean of the random output      {mean:.3f}")
print(f"all there, times keep = 0.8    {keep * (x @ w):.3f}")
print(f"all there, times drop = 0.2    {(1 - keep) * (x @ w):.3f}")
assert abs(mean - keep * (x @ w)) < 0.02 < abs(mean - (1 - keep) * (x @ w))

# %% [markdown]
# The factor is the **keep** probability. (And beware: in papers $p$ is often the probability to *keep* a unit; the `rate` of
# Keras is the share that is *dropped*.)
#
# **Exercise 1.** A network was trained with plain dropout behind every hidden layer; its pictures were never dropped.
# Rescale its kernels so that it can be used without masks.


# %% exercise="keep_scaling"
def keep_scaling(kernels, keep):
    """kernels: a list, first layer first. Returns the kernels for test time, in the same order."""
    ### BEGIN SOLUTION
    first, *others = kernels
    return first, *(keep * kernel for kernel in others)
    ### END SOLUTION


# %% check="keep_scaling"
check(keep_scaling)

# %% [markdown]
# Today everyone does the opposite: *divide* by the keep probability while training, and leave the network alone at test
# time. The mean is right from the start. That is **inverted dropout**.
#
# **Exercise 2.** Write it. So that the answer can be checked, the random numbers are given: a unit stays where its number is
# at least `rate`.


# %% exercise="dropout_forward"
def dropout_forward(x, uniforms, rate):
    """x and uniforms (examples, units), uniforms from 0 to 1. Returns (examples, units)."""
    ### BEGIN SOLUTION
    mask = uniforms >= rate
    return x * mask / (1 - rate)
    ### END SOLUTION


# %% check="dropout_forward"
check(dropout_forward)

# %% tags=["T188", "T194", "nbval-check-output"]
x = np.random.default_rng(1).uniform(1, 2, (1000, 50)).astype("float32")
keras_dropout = keras.layers.Dropout(rate=0.2, seed=0)
output = keras.ops.convert_to_numpy(keras_dropout(x, training=True))
stayed = output != 0
print(f"Keras dropped {np.mean(~stayed):.1f} of the units")
print("the others are divided by 0.8:", np.allclose(output, x * stayed / 0.8))
untouched = keras_dropout(x, training=False)
print("training=False changes nothing:", np.array_equal(untouched, x))
ours = layers.Dropout(0.2, np.random.default_rng(2))
ours.training = True
same = [abs(y.mean() / x.mean() - 1) < 0.02 for y in (ours.forward(x), output)]
print("same mean as without, ours and Keras':", *same)
back = ours.backward(np.ones_like(x))
print("the gradient passes the same mask:", np.allclose(back, ours.mask))

# %% [markdown]
# Play with it: a small network of tanh units, its output for one example with 400 masks, and without any. What does a
# higher rate do? Does the mean stay where it should? (One linear unit was exact. Behind bends it is only nearly so, and
# less so at high rates; more of that below.)

# %% tags=["T188", "G33", "widget"]
show(
    figures.mask_sampler_sheet(rates=(0.1, 0.5, 0.8)),
    alt="Outputs of 400 random masks at rates 0.1, 0.5 and 0.8: they spread, and at high rates "
    "their mean moves away from the output without dropout.",
)
explore(
    figures.mask_sampler,
    alt="A small network with its dropped units crossed out; beside it the outputs of 400 random "
    "masks as a histogram, with lines for their mean, the whole network and this mask.",
    rate=(0.0, 0.9, 0.1),
    seed=(0, 30, 1),
)

# %% [markdown]
# ## Does it help?
#
# Back to the careless clerk. The same examples, the same networks, half of the hidden units dropped. Which of the three
# curves from the beginning will change most?

# %% tags=["T196", "H08"]
dropped = np.array([learn(size, seed, keep=0.5)[1] for seed in range(3)])
panels = {}
for title, runs in (("without dropout", histories), ("with dropout", dropped)):
    panels[title] = {name: runs[:, place].T for place, name in enumerate(names)}
    print(f"{title:16} wrong labels learnt", *(f"{last:.0%}" for last in runs[:, 2, -1]))
assert dropped[:, 1, -1].mean() < 0.8 * histories[:, 1, -1].mean()
show(
    charts.lines(panels, range(1, epochs + 1), "epoch", "share", percent=True),
    alt="With dropout hardly any wrong label is learnt, the error on the examples stays near one "
    "fifth, and the error on new digits stays low instead of rising.",
)

# %% [markdown]
# With dropout the wrong labels stay unlearnt, and the error on new digits stays low. (Stopping early would have helped,
# too; but then you must know when.) It costs patience: the curves come down more slowly.
#
# In 2014 Nitish Srivastava and others showed this for many shapes, from two to four layers of 1,024 to 2,048 units. We try
# two to four layers of a laptop's size. Will it help everywhere?

# %% tags=["T196", "H08", "G35"]
widths, seeds = scale(laptop=(64, 128), gpu=(256, 512)), range(3)
panels, pairs = {}, {}
for width, depth in itertools.product(widths, (2, 3, 4)):
    title = f"{depth} layers of {width}"
    panels[title] = {
        name: np.transpose([learn((width,) * depth, seed, keep)[1][1] for seed in seeds])
        for name, keep in (("without dropout", 1.0), ("with dropout", 0.5))
    }
    pairs[title] = {name: errors[-1] for name, errors in panels[title].items()}
show(
    charts.lines(
        panels, range(1, epochs + 1), "epoch", "error on new digits", percent=True
    ),
    alt="Error curves of six shapes. Without dropout: down, then up again. With dropout: down "
    "more slowly, and lower in the end; only the narrow deep one stays high.",
)
show(
    charts.dots({"": pairs}, "error on new digits after the last epoch", percent=True),
    alt="For each shape the errors without and with dropout: lower with it, clearly so for wide "
    "layers; only in the deepest narrow network higher.",
)
means = [[errors.mean() for errors in pair.values()] for pair in pairs.values()]
gain = [without - better for without, better in means]
saved = [f"{100 * points:+.0f}" for points in gain]
print("errors saved, shape by shape:", *saved, "points")
assert np.mean(gain[3:]) > 0.03  # the wide networks

# %% [markdown]
# It helps most where there is most to overfit with. In the narrow deep network it does harm, at least for as long as we
# train: half of 64 units, four times in a row, is little to work with, and learns slowly. **Dropout needs units to spare.**
#
# That was a task made for overfitting. What if all labels are right? And how many units should stay?

# %% tags=["T191", "T196", "H08"]
keeps, hidden = (0.25, 0.5, 0.75, 1.0), scale(laptop=(128, 128), gpu=(512, 512))
errors = {"a fifth of the labels wrong": [], "all labels right": []}
clean = {}
for rows, wrong in zip(errors.values(), (0.2, 0.0), strict=True):
    for keep in keeps:
        runs = [learn(hidden, seed, keep, wrong) for seed in range(3)]
        rows.append([history[1, -1] for _, history in runs])
        if not wrong:
            clean[keep] = [net for net, _ in runs]
show(
    charts.lines(
        errors,
        keeps,
        "probability to keep a unit",
        "error on new digits",
        percent=True,
    ),
    alt="Error against the keep probability. With wrong labels lowest around one half; with right "
    "labels flat from 0.5 on; with only a quarter kept, worse.",
)


# %% tags=["T196", "H08"]
def surprise(net):
    return losses.softmax_cross_entropy(net.forward(new), new_labels)[0]


for keep, nets in clean.items():
    wrong_answers = [f"{error(net, new, new_labels):.1%}" for net in nets]
    print(f"all labels right, keep {keep}: error", *wrong_answers, end="; ")
    print("loss", *(f"{surprise(net):.2f}" for net in nets))

# %% [markdown]
# With clean labels these small digits are too easy: the errors with and without dropout lie within each other's spread,
# and the losses nearly so. There is hardly anything to overfit to. And with a quarter kept, the network has too little
# left to work with. Common choices are to keep 0.5 of wide hidden layers and 0.8 or more of the inputs.
#
# ## Why? No unit is indispensable
#
# **What does a network trained with dropout gain?** One guess: every unit must be useful in the company of whoever happens
# to be there, so units that only work together, **co-adapted** ones, die out. Test it: take trained networks (all labels
# right) and remove more and more hidden units for good. Which one will fall first?


# %% tags=["T190", "Q19"]
def without_units(net, share, rng):
    """Accuracy on new digits when a share of the units of each hidden layer is gone."""
    x = new
    for layer in net.layers:
        x = layer.forward(x)
        if isinstance(layer, layers.ReLU):
            x[:, rng.permutation(x.shape[1])[: round(share * x.shape[1])]] = 0
    return np.mean(x.argmax(axis=1) == new_labels)


shares, rng = (0, 0.2, 0.4, 0.6, 0.8, 0.9), np.random.default_rng(0)
fall = {}
for title, keep in (("trained without dropout", 1.0), ("trained with dropout", 0.5)):
    tries = [
        [[without_units(net, share, rng) for _ in range(5)] for net in clean[keep]]
        for share in shares
    ]
    fall[title] = np.mean(tries, axis=2)  # (shares, networks)
plain, robust = (runs[3].mean() for runs in fall.values())
print("with 60 % of the units gone:", end=" ")
print(f"{plain:.0%} right without, {robust:.0%} with dropout")
assert robust > plain + 0.1
show(
    charts.lines(
        fall,
        shares,
        "share of the hidden units taken away",
        "new digits right",
        percent=True,
    ),
    alt="Accuracy against the share of units taken away: the network trained with dropout stays "
    "high for long; the other falls steeply from the first units on.",
)


# %% tags=["T190", "Q19"]
def likeness(outputs):
    """The mean correlation, without its sign, of two hidden units."""
    table = np.corrcoef(outputs[:, outputs.std(axis=0) > 1e-6].T)
    return np.abs(table[np.triu_indices(len(table), 1)]).mean()


for title, keep in (("without dropout", 1.0), ("with dropout", 0.5)):
    for number, end in ((1, 2), (2, -1)):
        parts = [layers.Sequential(net.layers[:end]).forward(new) for net in clean[keep]]
        alike = [f"{likeness(part):.2f}" for part in parts]
        active = [f"{np.mean(part > 0):.0%}" for part in parts]
        print(f"{title:15} layer {number}: correlation", *alike, end="; ")
        print("units active", *active)

# %% [markdown]
# Graceful against steep: the network trained with dropout says things in several ways. (It was, of course, trained for
# just this test.) Its units are a little less alike, and fewer of them are active at a time.
#
# **What do the units see?** Train an autoencoder, which must repeat its picture through one hidden layer, on letters, and
# look at the weights of each hidden unit as a picture.

# %% tags=["T195", "H09", "G34"]
cases = data.letters(scale(laptop=1000, gpu=10_000), seed=1)
letters = cases.images[:, 3:17, 3:17].reshape(-1, 196)  # without the empty margin
centred = letters - letters.mean(axis=0)


def autoencoder(seed, rate, units=64):
    """Repeats letters; returns the filters of its hidden units, (units, 14, 14)."""
    rng, luck = np.random.default_rng(seed), np.random.default_rng(seed + 100)
    first, last = layers.Dense(196, units, rng), layers.Dense(units, 196, rng)
    first.parameters["kernel"] *= 0.1  # small, so that what we see was learnt
    net = layers.Sequential([first, layers.ReLU(), layers.Dropout(rate, luck), last])
    recipe = {"loss": losses.sigmoid_cross_entropy, "optimizer": optim.Adam(0.015)}
    net.fit(centred, letters, epochs=25, batch_size=100, rng=rng, **recipe)
    return first.parameters["kernel"].T.reshape(units, 14, 14)


def roughness(filters):
    """How much neighbouring weights differ: 0 for a smooth filter, 1 for pure noise."""
    steps = np.sum(np.diff(filters, axis=1) ** 2) + np.sum(np.diff(filters, axis=2) ** 2)
    return steps / (4 * np.sum(filters**2))


# %% tags=["T195", "H09", "G34"]
grids, rough = {}, []
for title, rate in (("without dropout", 0.0), ("with dropout", 0.5)):
    runs = [autoencoder(seed, rate) for seed in range(3)]
    rough.append([roughness(run) for run in runs])
    print(f"{title:16} roughness", *(f"{value:.2f}" for value in rough[-1]))
    grids[title] = runs[0][:40]
assert np.mean(rough[1]) < 0.9 * np.mean(rough[0])
show(
    figures.filters(grids),
    alt="Two sheets of 40 filters: without dropout mostly speckled noise, with dropout spots, "
    "strokes and pieces of rings stand out.",
)

# %% [markdown]
# A unit that cannot count on its colleagues must mean something by itself: a spot, a stroke, a piece of a ring.
#
# ## Thousands of networks in one
#
# Averaging the answers of many networks is better than asking one; it is also expensive. But ten hidden units have
# $2^{10} = 1024$ masks, so 1,024 thinned networks were trained in one go. For such a small network we can really ask them
# *all*. Compare their average with the one run that uses scaled weights.

# %% tags=["T189", "nbval-check-output"]
tiny, _ = learn((10,), seed=0, keep=0.5, wrong=0.0, epochs=100)
masks = np.array(list(itertools.product([0, 1], repeat=10)))
features = np.maximum(tiny.layers[0].forward(new[:50]), 0)  # (pictures, 10)
last = tiny.layers[-1].parameters
kernel, bias = 2 * last["kernel"], last["bias"]  # plain dropout, so undo the division
logits = (masks[:, None] * features) @ kernel + bias  # (masks, pictures, classes)
scaled = 0.5 * features @ kernel + bias
print("networks, pictures, classes:", logits.shape)
print("mean of the logits = scaled logits:", np.allclose(logits.mean(axis=0), scaled))
geometric = np.exp(np.log(softmax(logits)).mean(axis=0))
geometric /= geometric.sum(axis=1, keepdims=True)
arithmetic = softmax(logits).mean(axis=0)
for name, mean in {"geometric": geometric, "arithmetic": arithmetic}.items():
    same = np.allclose(mean, softmax(scaled))
    print(f"{name} mean of the probabilities = scaled: {same}")

# %% [markdown]
# For a linear layer one run *is* the average of all 1,024, exactly. Through softmax it is their **geometric mean**, made to
# sum to 1:
#
# $$\bar p_c \propto \Big(\prod_{z} p_c(z)\Big)^{1/2^n}$$
#
# (A logarithm turns the product into a sum, and the logits are linear in the mask.) Both only hold when nothing bends
# between the masks and the softmax.
#
# **Exercise 3.** Write that mean.


# %% exercise="geometric_mean"
def geometric_mean(probabilities):
    """probabilities (networks, classes). Returns the normalised geometric mean, (classes,)."""
    ### BEGIN SOLUTION
    means = np.exp(np.log(probabilities).mean(axis=0))
    return means / means.sum()
    ### END SOLUTION


# %% check="geometric_mean"
check(geometric_mean)

# %% tags=["T189"]
best = scaled.argmax(axis=1)
answers = softmax(logits)[:, np.arange(50), best]  # (masks, pictures)
doubtful = answers.std(axis=0).argmax()
marks = {
    "scaled weights": softmax(scaled)[doubtful, best[doubtful]],
    "geometric mean": geometric[doubtful, best[doubtful]],
    "arithmetic mean": answers[:, doubtful].mean(),
}
show(
    figures.ensemble(answers[:, doubtful], marks, "probability of one class"),
    alt="What 1,024 thinned networks say of one picture: from 0 to 1. The scaled network is "
    "exactly their geometric mean; the arithmetic mean lies elsewhere.",
)

# %% [markdown]
# ## Averaging out the mask
#
# Write the network with dropout as $y = f(\mathbf x, \mathbf z)$: it answers to the input *and* to a random mask $\mathbf z$. What we
# want is the mean over the masks, $\mathrm E_{\mathbf z}[f(\mathbf x, \mathbf z)] = \sum_{\mathbf z} p(\mathbf z) f(\mathbf x, \mathbf z)$. With one bend in between,
# scaling no longer gives it exactly.
#
# **Exercise 4.** Compute it exactly for one ReLU unit: inputs are kept with the probability `keep` (plain dropout, nothing is
# divided), the bias always. Go through all masks.


# %% exercise="expected_output"
def expected_output(x, weights, bias, keep):
    """x and weights (inputs,). Returns the mean over all masks of relu(weights @ (mask * x) + bias)."""
    ### BEGIN SOLUTION
    mean = 0.0
    for mask in itertools.product([0, 1], repeat=len(x)):
        stay = sum(mask)
        probability = keep**stay * (1 - keep) ** (len(x) - stay)
        mean += probability * max(weights @ (np.array(mask) * x) + bias, 0)
    return mean
    ### END SOLUTION


# %% check="expected_output"
check(expected_output)

# %% [markdown]
# For a real network there are far too many masks. **How is the random mask averaged out, then?** By a sample: ask the network
# with some random masks and take the mean, a **Monte Carlo** average. Or by the short cut of one run without masks. Do the
# two agree?

# %% tags=["T192", "Q20"]
net = clean[0.5][0]


def ask(x, times):
    """What the network says with `times` random masks: probabilities (times, pictures, classes)."""
    net.set_training(True)
    said = np.array([softmax(net.forward(x)) for _ in range(times)])
    net.set_training(False)
    return said


once = softmax(net.forward(new))
hardest = np.sort(once, axis=1)[:, -1].argsort()[len(new) // 20]
row, place = new[hardest : hardest + 1], once[hardest].argmax()
tries = np.arange(1, 1001)
running = [ask(row, 1000)[:, 0, place].cumsum() / tries for _ in range(5)]
show(
    charts.lines(
        {"mean over so many masks": np.transpose(running)},
        tries,
        "masks",
        "probability",
        levels={"one run without masks": once[hardest, place]},
        log="x",
    ),
    alt="Five running means over up to 1,000 random masks: they lie far apart at first and then meet "
    "at one value, which is not that of the run without masks.",
)
said = ask(new, 100)
together = said.mean(axis=0)
for title, answers in {"one run without masks": once, "100 masks": together}.items():
    print(f"{title:21} {np.mean(answers.argmax(axis=1) == new_labels):.1%} right")
same = np.mean(together.argmax(axis=1) == once.argmax(axis=1))
apart = np.abs(together - once).max(axis=1)
print(f"the same answer to {same:.1%} of the digits,", end=" ")
print(f"the probabilities differ by {np.median(apart):.2f} (median)")
assert same > 0.95

# %% [markdown]
# On a hard digit, as in the figure, the probabilities differ: the short cut is no exact mean, and usually too sure of
# itself. But the *answer* is hardly ever another. So the short cut is good, and a hundred times cheaper.
#
# But the crowd of answers knows one thing that their mean does not: **how far they disagree.** Where will they disagree
# most: on digits that are read rightly, on those read wrongly, or on pictures that are no digits at all (pixels shuffled)?


# %% tags=["T192"]
def doubt(said):
    """For each picture, the deviation over the masks of its most probable class."""
    best = said.mean(axis=0).argmax(axis=1)
    return said.std(axis=0)[np.arange(len(best)), best]


right = together.argmax(axis=1) == new_labels
shuffled = np.random.default_rng(0).permuted(new, axis=1)
groups = {"read rightly": doubt(said)[right], "read wrongly": doubt(said)[~right]}
groups["no digits"] = doubt(ask(shuffled, 100))
for title, values in groups.items():
    print(f"{title:12} {len(values):3} pictures, mean deviation {values.mean():.2f}")
assert groups["read wrongly"].mean() > 1.3 * groups["read rightly"].mean()
show(
    figures.doubts(groups, "deviation of the answers over 100 masks"),
    alt="Dots for each picture: answers on rightly read digits mostly agree, on wrongly read ones "
    "and on shuffled pixels they disagree much more.",
)

# %% [markdown]
# A network with dropout can say "I am not sure". It is no proof, some errors are made with confidence, but it is a
# warning that one run cannot give.
#
# ## In Keras
#
# A layer, one argument. Below: a network, and how often it says the same twice. Which of the two calls is for use?

# %% tags=["T188", "T194", "nbval-check-output"]
model = keras.Sequential([keras.Input((64,))])
for _ in range(2):
    model.add(keras.layers.Dense(128, activation="relu"))
    model.add(keras.layers.Dropout(rate=0.5))
model.add(keras.layers.Dense(10, activation="softmax"))
some = np.random.default_rng(0).random((4, 64)).astype("float32")
for training in (True, False):
    first, second = (np.array(model(some, training=training)) for _ in range(2))
    print(f"training={training!s:5}: the same twice? {np.allclose(first, second)}")
counts = [layer.count_params() for layer in model.layers if "dropout" in layer.name]
print("numbers to learn in the dropout layers:", sum(counts))

# %% [markdown]
# `fit` uses the first, `predict` and `evaluate` the second. If your training error is *higher* than your test error, do not
# look for a bug: while training, the network works with half of its units.
#
# | | while training | at test time | exact? |
# |---|---|---|---|
# | plain dropout (2012) | masks | kernels times keep | for linear layers |
# | inverted dropout (Keras) | masks, divided by keep | nothing to do | for linear layers |
# | Monte Carlo | masks, divided by keep | masks stay, mean of many runs | nearly; gives a measure of doubt |
#
# | | batch normalisation (lesson 15) | dropout |
# |---|---|---|
# | aims at | faster, safer training | fewer errors on new examples |
# | training | faster | slower |
# | what is random | the company in the batch | the mask |
# | at test time | running averages | all units |
# | use it | in most deep convolutional networks | in wide dense layers, with few or doubtful examples |
#
# ## Think about it
#
# **Convolutional networks rarely use dropout between convolution layers. Why might it do little there?**
#
# <details><summary>Answer</summary>
#
# A convolution layer has few weights, shared by all places, so there is little to learn by heart. And neighbouring
# places of a map say nearly the same: if one is dropped, its neighbour speaks for it. Dropping whole maps at once
# (`SpatialDropout2D`) is the version for convolutions.
# </details>
#
# **You double the width of every hidden layer and use dropout with a rate of one half. How many units work at each step? Is it
# the same as the narrow network without dropout?**
#
# <details><summary>Answer</summary>
#
# About as many units work as in the narrow network. But it is another team at every step, out of an enormous number of
# possible teams, and at test time all of them are averaged. That is why a common rule says: if $n$ units would be right
# without dropout, take $n$ divided by the keep probability.
# </details>
#
# ## Further reading
#
# - G. Hinton, N. Srivastava, A. Krizhevsky, I. Sutskever and R. Salakhutdinov, *Improving neural networks by preventing
#   co-adaptation of feature detectors*, 2012.
# - N. Srivastava and others, *Dropout: a simple way to prevent neural networks from overfitting*, 2014.
# - P. Baldi and P. Sadowski, *Understanding dropout*, 2013: averages, exact and approximate.
# - Y. Gal and Z. Ghahramani, *Dropout as a Bayesian approximation: representing model uncertainty in deep learning*, 2016.
