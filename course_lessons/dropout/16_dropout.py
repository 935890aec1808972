# ---
# jupyter:
#   course:
#     title: "Dropout: half of the network stays at home"
#     summary: "Silence random units at every step: when it saves errors, against early stopping, and what the random answers tell."
#     objectives:
#       - "recognise a network that learns its examples by heart"
#       - "write dropout, and scale it by the right probability"
#       - "measure, against early stopping, when it saves errors on new examples and when it does not"
#       - "show of which thousand networks it is the average, exactly or nearly"
#       - "use the random answers to find the digits that a network doubts"
#     needs: [05_mlp_backprop, 14_initialisation, 15_batchnorm]
#     minutes: 80
#     data: [mnist_5k]
# ---

# %% [markdown]
# Imagine a firm that sends half of its staff home every morning, chosen by lot. Madness? In 2012 Geoffrey Hinton and his
# students did just that to neural networks: at every step of the training they silenced a random half of the hidden
# units, and reported *fewer* mistakes on new examples.
#
# **How can a network get better when you break half of it at every step?** And is it still better than a rival that
# stops training in time? You will break networks, measure what they gain and lose, and see that a broken network is
# not one network but thousands.

# %%
import itertools

import keras
import numpy as np
import pandas as pd

from course_lessons.dropout import figures
from course_lib import data, layers
from course_lib.evidence import at_best_rate, compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.layers import softmax
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## Learning by heart
#
# Take 1,000 handwritten digits (of MNIST), and let a careless clerk have labelled them: a fifth of the labels, 200, are
# wrong. Here are ten of those.

# %% tags=["T196"]
digits, chance = data.mnist_5k(), np.random.default_rng(0)
few = digits.train[chance.permutation(len(digits.train))[:1000]]
images, new = few.images.reshape(-1, 784), digits.validation.images.reshape(-1, 784)
new_labels = digits.validation.labels
is_wrong = np.arange(1000) < 200
labels = (few.labels + chance.integers(1, 10, 1000) * is_wrong) % 10
show(
    charts.contact_sheet(few.images[:10], [f"“{label}”" for label in labels[:10]], columns=10),
    alt="Ten handwritten digits, each with the label that the clerk gave it; every label is wrong.",
)

# %% [markdown]
# A good reader should get these labels *wrong*. Here is a network of two hidden layers of 128 ReLUs (He's start, lesson
# 14), with a line for later: `Dropout`. At a rate of 0 it does nothing. What do you expect of three curves: the error on
# the examples (as labelled), the error on new digits, and the share of the wrong labels that it has learned?


# %% tags=["T196"]
def network(rate, hidden=(128, 128), activation="relu"):
    """784 pixels, hidden layers, ten logits; behind each hidden layer a share `rate` of the units is dropped."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((784,))])
    for units in hidden:
        model.add(keras.layers.Dense(units, activation=activation, kernel_initializer="he_normal"))
        model.add(keras.layers.Dropout(rate=rate))
    model.add(keras.layers.Dense(10))
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=0.001),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


# %% tags=["T196"]
def fit_and_watch(model, epochs=40):
    """Train on the clerk's labels; returns what is measured after each epoch: name -> list."""
    watched = {"examples: error": [], "new digits: error": [], "wrong labels learned": []}

    def measure(epoch, logs):
        right = model.predict(images, verbose=0).argmax(axis=1) == labels
        watched["examples: error"].append(1 - right.mean())
        watched["new digits: error"].append(1 - logs["val_accuracy"])
        watched["wrong labels learned"].append(right[is_wrong].mean())

    watch = keras.callbacks.LambdaCallback(on_epoch_end=measure)
    model.fit(
        images, labels, batch_size=50, epochs=epochs, verbose=0, validation_data=(new, new_labels), callbacks=[watch]
    )
    return watched


by_heart = fit_and_watch(network(rate=0))
assert by_heart["wrong labels learned"][-1] > 0.9
assert by_heart["new digits: error"][-1] > min(by_heart["new digits: error"])
show(
    charts.lines(by_heart, range(1, 41), "epoch", "share", percent=True),
    alt="One training. The error on the examples falls to nothing as all wrong labels are learned by heart; the error "
    "on new digits falls for five epochs and then rises a little.",
)

# %% [markdown]
# First the network learns what a digit looks like: the error on new digits falls. Then it learns the clerk's slips, one
# by one, and in this run the error on new digits rises again. That is **overfitting**. One remedy is *early stopping*:
# keep the weights of the epoch with the lowest error on the validation part. Hinton's idea is another one. He suspected
# small conspiracies: units tuned to each other so that only together they fit an odd example (**co-adaptation**). A
# conspiracy needs all its members. So make sure that they are never all there.
#
# ## Break it
#
# At every step of the training, toss a coin for every hidden unit; tails, and its output is set to zero. The row of ones
# and zeros is the **mask**. Here are masks of ten units for six examples.

# %% tags=["T188"]
outputs = np.random.default_rng(0).uniform(0.1, 1, (6, 10))  # of ten units for six examples
mask = np.random.default_rng(1).random(outputs.shape) >= 0.5
show(
    figures.mask_rows(mask, [f"example {number}" for number in range(1, 7)]),
    alt="Six rows of ten squares; about half are crossed out, in every row other ones.",
)
pd.DataFrame([outputs[0], (outputs * mask)[0]], index=["before", "behind the mask"]).round(1)

# %% [markdown]
# Every example gets a mask of its own, at every step a new one. And what is left is a network too, a **thinned** one:

# %% tags=["T188", "G33", "picture"]
show(
    figures.thinned_networks(rate=0.5, number=4),
    alt="A network of two hidden layers, and four times the same with other units crossed out and "
    "only the connections left between those that stay.",
)

# %% [markdown]
# The weights are shared: each step trains another thinned network, and all of them use the same numbers. At test time
# all units shall work. But then the next layer gets about twice the input that it is used to. What is to be done?
#
# ## The right factor
#
# Take one unit with two inputs and no activation, $a = w_1 x_1 + w_2 x_2$. With a rate of one half there are four masks,
# all equally probable. Enumerate them.

# %% tags=["T193", "F348", "nbval-check-output"]
w, x = np.array([0.5, -2.0]), np.array([3.0, 1.0])
four_masks = np.array(list(itertools.product([1, 0], repeat=2)))
sums = four_masks @ (w * x)
assert sums.mean() == 0.5 * (w @ x)
table = pd.DataFrame(four_masks, columns=["first stays", "second stays"]).assign(a=sums)
print(f"all there: {w @ x:+.2f}; mean over the masks: {sums.mean():+.2f}")
table

# %% [markdown]
# Exactly one half: the *training* has the mean $\mathrm E[a] = \frac12 (w_1 x_1 + w_2 x_2)$, while at test time
# $a = w_1x_1 + w_2x_2$. So multiply by one half at test time. Is that the probability to drop a unit, or to keep it?
# Write $q_i$ for the mask: 1 with the probability keep, else 0. Its mean is
# $\mathrm E[q_i] = 1 \cdot \mathrm{keep} + 0 \cdot (1 - \mathrm{keep}) = \mathrm{keep}$, and the mean of a sum is the
# sum of the means:
#
# $$\mathrm E\Big[\sum_i w_i q_i x_i\Big] = \sum_i w_i\, \mathrm E[q_i]\, x_i = \mathrm{keep} \cdot \sum_i w_i x_i .$$
#
# Check it where one can see the difference: keep 0.8, drop 0.2, and all 16 masks of four inputs, each with its own
# probability.

# %% tags=["T194", "F349", "nbval-check-output"]
w, x, keep = np.array([0.5, -1.0, 0.7, 0.1]), np.array([1.0, 2.0, -1.0, 3.0]), 0.8
all_masks = np.array(list(itertools.product([1, 0], repeat=4)))
probabilities = np.prod(np.where(all_masks == 1, keep, 1 - keep), axis=1)
mean = probabilities @ (all_masks @ (w * x))
assert np.isclose(mean, keep * (w @ x))
results = {"mean over the masks": mean, "all there, times 0.8": keep * (w @ x), "all there, times 0.2": 0.2 * (w @ x)}
pd.Series(results, name="a").round(3).to_frame()

# %% [markdown]
# The factor is the *keep* probability. (Beware: the $p$ of the paper of 2014 is the probability to *keep* a unit; the
# `rate` of Keras is the share that is *dropped*.)
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
# Today's libraries *divide* by the keep probability while training, and leave the network alone at test time: **inverted
# dropout**.
#
# **Exercise 2.** Write it, with given random numbers: a unit stays where its number is at least `rate`.


# %% exercise="dropout_forward"
def dropout_forward(x, uniforms, rate):
    """x and uniforms (examples, units), uniforms from 0 to 1. Returns (examples, units)."""
    ### BEGIN SOLUTION
    mask = uniforms >= rate
    return x * mask / (1 - rate)
    ### END SOLUTION


# %% check="dropout_forward"
check(dropout_forward)

# %% [markdown]
# Do Keras and our library do the same? And what at test time?

# %% tags=["T188", "T194", "nbval-check-output"]
ones = np.ones((1000, 50), "float32")
theirs, ours = keras.layers.Dropout(rate=0.2), layers.Dropout(0.2, np.random.default_rng(2))
ours.training = True
behind = {"Keras": np.asarray(theirs(ones, training=True)), "ours": ours.forward(ones)}
upstream = ours.backward(ones)
assert np.array_equal(upstream, behind["ours"])  # the gradient passes the same mask
assert np.array_equal(theirs(ones, training=False), ones)  # at test time nothing is done
rows = {
    title: {"dropped": np.mean(out == 0), "mean": out.mean(), "each 1 that stays becomes": out.max()}
    for title, out in behind.items()
}
pd.DataFrame(rows).T.astype(float).round(2)

# %% [markdown]
# Both drop a fifth and divide the others by 0.8. The gradient passes the same mask: a silent unit learns nothing.
#
# Play with it: a small network of tanh units, and its output for one example with 400 masks. What does a higher rate
# do? Does the mean stay where it should?

# %% tags=["T188", "G33", "widget"]
show(
    figures.mask_sampler_sheet(rates=(0.1, 0.5, 0.8)),
    alt="Outputs of 400 random masks. At a rate of 0.1 their mean is the output without dropout; at 0.5 there are two "
    "humps, and the mean lies below it; at 0.8 most outputs are near 0, the mean too, and some are far away.",
)
explore(
    figures.mask_sampler,
    alt="A small network with its dropped units crossed out; beside it the outputs of 400 random "
    "masks as a histogram, with lines for their mean, the whole network and this mask.",
    rate=(0.0, 0.9, 0.1),
    seed=(0, 30, 1),
)

# %% [markdown]
# For one linear unit the mean was exact; behind activation functions that bend it is not.
#
# ## Does it help?
#
# Back to the careless clerk, with half of the hidden units dropped. Which of the three curves will change most?

# %% tags=["T196", "H08"]
with_dropout = fit_and_watch(network(rate=0.5))
show(
    charts.lines(
        {"without dropout": by_heart, "with dropout": with_dropout}, range(1, 41), "epoch", "share", percent=True
    ),
    alt="One training each. Without dropout all wrong labels are learned after some 30 epochs, with it three fifths of "
    "them after 40; the error on the examples falls more slowly, that on new digits ends a little lower.",
)
assert with_dropout["wrong labels learned"][9] < by_heart["wrong labels learned"][9] - 0.2

# %% [markdown]
# In this run the slips are learned, too, only later. Do the ends of the curves decide, then? That would be unfair:
# nobody needs to train to the end. The fair race: each side has the best of four learning rates, and early stopping;
# both are chosen on the validation part, and then the errors on the *test* part count. Five random seeds, recorded
# beforehand (`course evidence` runs them again). Who wins?


# %% tags=["T196"]
def runs_at_best_rate(rows, kinds):
    """Of each kind the runs at the learning rate with the lowest validation error, each run at its best epoch."""
    return at_best_rate(rows, kinds, rows.groupby([*kinds, "rate", "seed"]).validation_error.transform("min"))


def stopped(rows, kinds):
    """Of each kind and seed the epoch with the lowest validation error (of equals, the lowest loss)."""
    found = rows.sort_values(["validation_error", "validation_loss"]).groupby([*kinds, "seed"]).head(1)
    return found.sort_values(kinds, ascending=False)


# %% tags=["T196"]
names = {1.0: "without dropout", 0.5: "with dropout"}
race = runs_at_best_rate(evidence("race"), ["keep"])
epochs = sorted(set(race.epoch))
curves = {
    names[keep]: runs.pivot(index="epoch", columns="seed", values="validation_error")
    for keep, runs in race.groupby("keep", sort=False)
}
show(
    charts.lines(curves, epochs, "epoch", "error on validation digits", percent=True),
    alt="Both errors fall to about 12 % in 10 epochs. Then the one without dropout rises to 17 % after 40 epochs; the "
    "one with dropout stays near 11 % to epoch 25 and rises to 14 %.",
)
last = compare(race[race.epoch == 40], "keep", "test_error")
early = compare(stopped(race, ["keep"]), "keep", "test_error")
assert early.loc[0.5, "high"] < 0 and last.loc[0.5, "high"] < 0
pd.concat({"after the last epoch": last, "stopped early": early}).drop(columns="seeds").round(3)

# %% [markdown]
# After the last epoch dropout is 3.7 points ahead. Early stopping closes more than half of that gap. What is left:
# **stopped early, the network with dropout still makes fewer errors**, 14.3 % for 15.8 %; the 95 % interval of the
# difference goes from 0.3 to 2.7 points. (Without dropout, the four rates differ by less than one point.)
#
# In 2014 Nitish Srivastava and others showed curves for many shapes, from two to four layers of 1,024 to 2,048 units. We
# try six shapes of a laptop's size, in the same race, with two learning rates. Will it help everywhere?

# %% tags=["T196", "H08", "G35"]
shapes = runs_at_best_rate(evidence("shapes"), ["width", "depth", "keep"])
panels, verdicts = {}, {}
for (width, depth), runs in shapes.groupby(["width", "depth"]):
    title = f"{depth} layers of {width}"
    panels[title] = {
        names[keep]: runs[runs.keep == keep].pivot(index="epoch", columns="seed", values="validation_error")
        for keep in names
    }
    verdicts[title] = compare(stopped(runs, ["keep"]), "keep", "test_error")
show(
    charts.lines(panels, epochs, "epoch", "error on validation digits", percent=True),
    alt="Six panels. The curves without dropout fall within five epochs and rise to more than 20 %. Those with dropout "
    "fall more slowly, the more so the deeper the network, and end below the others, but in 4 layers of 64, where the "
    "curve is still at 45 %.",
)
assert all(verdicts[f"{depth} layers of 128"].loc[0.5, "high"] < 0 for depth in (2, 3))
assert all(verdicts[f"{depth} layers of 64"].loc[0.5, "low"] > 0 for depth in (3, 4))
pd.concat(verdicts).drop(columns=["deviation", "seeds"]).round(3)

# %% [markdown]
# No. **In two or three layers of 128 dropout saves errors**, about two points. In two layers of 64, and in four of 128,
# we could not tell. And **in three or four layers of 64 it costs errors**, 2.7 and 28 points, at least within 40
# epochs: in the deeper and narrower networks the curves with dropout still fall.
#
# That was a task made for overfitting. What if all labels are right? And how many units should stay?

# %% tags=["T191", "T196", "H08"]
clerks = {0.2: "a fifth of the labels wrong", 0.0: "all labels right"}
sweep = stopped(runs_at_best_rate(evidence("keeps"), ["wrong", "keep"]), ["wrong", "keep"])
curves = {
    clerks[wrong]: runs.pivot(index="keep", columns="seed", values="test_error")
    for wrong, runs in sweep.groupby("wrong")
}
show(
    charts.lines(curves, sorted(set(sweep.keep)), "probability to keep a unit", "error on test digits", percent=True),
    alt="Error on test digits against the keep probability. With wrong labels it falls from 16 % at 1 to 14 % at 0.5 "
    "and is 16 % again at 0.25; with right labels it is 11 % from 1 to 0.5 and 13 % at 0.25.",
)
by_keep = {clerks[wrong]: compare(sweep[sweep.wrong == wrong], "keep", "test_error") for wrong in clerks}
spoilt, clean = by_keep.values()
assert all(spoilt.loc[[0.5, 0.75], "high"] < 0) and clean.loc[0.25, "low"] > 0
pd.concat(by_keep).drop(columns="seeds").round(3)

# %% [markdown]
# With wrong labels, **to keep a half or three quarters of the units saves errors**, 2.0 and 1.7 points; for a quarter
# we could not tell. With right labels we could not tell a half or three quarters from all, and **to keep a quarter
# costs errors**, 2.2 points (in 40 epochs, at the higher of two rates; its curves still fell a little). One half is the
# usual first try; the validation part has the last word.
#
# ## Why? Is no unit indispensable?
#
# **What does a network trained with dropout gain?** One guess: every unit must be useful in whatever company happens to
# be there. Test it: take networks trained on right labels, stopped early, and remove more and more hidden units for
# good. Which network will fall first? To be fair, the rest may be scaled up, so that the next layer gets about the sums
# that it is used to.

# %% tags=["T190", "Q19"]
removed = evidence("removed").assign(trained=lambda rows: rows.keep.map(names))
panels = {
    title: {
        kind: part.pivot(index="share", columns="seed", values="right")
        for kind, part in removed[removed.scaled == scaled].groupby("trained", sort=False)
    }
    for title, scaled in {"the rest as it is": 0, "the rest scaled up": 1}.items()
}
show(
    charts.lines(
        panels, sorted(set(removed.share)), "share of the hidden units taken away", "test digits read", percent=True
    ),
    alt="Test digits read against the share of units taken away. From 89 % the line without dropout falls to 46 % at "
    "0.6 and below 20 % at 0.9; the line with dropout stays above 85 % to 0.4 and falls to 79 % and 31 %. With the rest "
    "scaled up it looks nearly the same.",
)
fall = {
    title: compare(removed[(removed.share == 0.6) & (removed.scaled == scaled)], "trained", "right")
    for title, scaled in {"the rest as it is": 0, "the rest scaled up": 1}.items()
}
whole = removed[(removed.share == 0) & (removed.scaled == 0)]
fall |= {name: compare(whole, "trained", name) for name in ("correlation", "active")}
assert all(table.loc["with dropout", "low"] > 0 for table in list(fall.values())[:2])
pd.concat(fall).drop(columns="seeds").round(3)

# %% [markdown]
# With 60 % of the units gone, **the network trained with dropout reads more digits than the other**: 79 for 46 % with the
# rest as it is, 78 for 45 % with the rest scaled up. (It was, of course, trained for just this test. And with all units
# there, both read 89 %: we could not tell them apart.) **Its hidden units are a little less alike, and fewer of them
# are active at a time.** (The mean correlation of two units, without its sign, is 0.225 for 0.241; 47 % for 74 % are
# active.) That fits the story of the conspiracies, but does not prove it.
#
# **What do the units see?** An **autoencoder** must repeat its picture through a hidden layer; here through 64 ReLUs, and
# 400 pixels, the middle of 1,000 digits. The weights of each hidden unit, drawn as a picture, are its *filter*.


# %% tags=["T195", "H09", "G34"]
def autoencoder_filters(rate):
    """Train on the middles of the digits; returns the filters of 40 hidden units, (40, 20, 20)."""
    keras.utils.set_random_seed(0)
    middle = few.images[:, 4:24, 4:24].reshape(-1, 400)
    small = keras.initializers.RandomNormal(stddev=0.005)  # so that what we see was learned
    first = keras.layers.Dense(64, activation="relu", kernel_initializer=small)
    model = keras.Sequential([keras.Input((400,)), first, keras.layers.Dropout(rate=rate), keras.layers.Dense(400)])
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.003), loss=loss)
    model.fit(middle - middle.mean(axis=0), middle, batch_size=50, epochs=40, verbose=0)
    return np.asarray(first.kernel).T[:40].reshape(40, 20, 20)


show(
    figures.filters({"without dropout": autoencoder_filters(rate=0), "with dropout": autoencoder_filters(rate=0.5)}),
    alt="Filters of 40 hidden units each. Without dropout speckles and short strokes in both colours; with dropout larger "
    "blots, rings and strokes, speckled, too.",
)
grown = evidence("filters").assign(trained=lambda rows: rows.keep.map(names))
assert compare(grown[grown.epoch == 60], "trained", "roughness").loc["with dropout", "high"] < 0
grown.groupby(["trained", "epoch"], sort=False)[["roughness", "loss"]].mean().round(2)

# %% [markdown]
# A **roughness** near 0 means that neighbouring weights are alike; pure noise is near 1. So **after 60 epochs the filters
# trained with dropout are smoother**: 0.28 for 0.41. But is smooth good? **Without dropout, after 20 epochs, they are
# smoother still, and the digits are repeated better**: a roughness of 0.24, and a loss on new digits of 80 for 95. So a
# cleaner look is no proof of a better network.
#
# ## Thousands of networks in one
#
# Ten hidden units have $2^{10} = 1024$ masks, so 1,024 thinned networks share the weights. So few we can ask *all*. Their
# units are tanh, which is hardly ever exactly 0, so each has a say. Compare their average with one run without masks.

# %% tags=["T189"]
tiny = network(rate=0.5, hidden=(10,), activation="tanh")
tiny.fit(images, few.labels, batch_size=50, epochs=40, verbose=0)
hidden = np.asarray(tiny.layers[0](new))  # (digits, 10)
kernel, bias = tiny.layers[-1].get_weights()
thousand = np.array(list(itertools.product([0, 1], repeat=10))) / 0.5  # inverted, as in Keras
logits = (thousand[:, None] * hidden) @ kernel + bias  # (masks, digits, classes)
one_run = hidden @ kernel + bias
assert np.allclose(one_run, tiny.predict(new, verbose=0), atol=1e-4)
assert np.allclose(logits.mean(axis=0), one_run, atol=1e-4)
arithmetic = softmax(logits).mean(axis=0)
gaps = np.abs(arithmetic - softmax(one_run)).max(axis=1)
print(f"probabilities: mean of all networks against one run, largest gap {gaps.max():.2f}")

# %% [markdown]
# For the *logits*, which are linear in the mask, one run gives exactly the mean of all 1,024; for the *probabilities*
# it does not. But it gives them another kind of mean. Let $P(\mathbf q)$ be the probability of the mask $\mathbf q$,
# $a_c(\mathbf q)$ the logit and $y_c(\mathbf q)$ the probability of class $c$. The weighted **geometric mean** of the
# networks is
#
# $$g_c = \prod_{\mathbf q} y_c(\mathbf q)^{P(\mathbf q)}, \qquad
# \log g_c = \sum_{\mathbf q} P(\mathbf q)\Big(a_c(\mathbf q) - \log\sum_k e^{a_k(\mathbf q)}\Big) = \mathrm E[a_c] - \mathrm{const}.$$
#
# The second term has no $c$ in it: it is the same for all classes. So $g$, made to sum to 1, is the softmax of the mean
# logits, and that is the one run. This holds for any keep probability, as long as nothing bends between the masks and
# the softmax.
#
# **Exercise 3.** Write that mean, for masks that need not be equally probable. The cell below asks it about the tiny
# network, as if it kept 0.8.


# %% exercise="geometric_mean"
def geometric_mean(probabilities, weights):
    """probabilities (networks, classes), weights (networks,), which sum to 1. Returns the mean, (classes,)."""
    ### BEGIN SOLUTION
    means = np.exp(weights @ np.log(probabilities))
    return means / means.sum()
    ### END SOLUTION


# %% check="geometric_mean"
check(geometric_mean)

# %% tags=["T189"]
widest = softmax(logits)[:, :, 0].std(axis=0).argmax()  # the digit that the networks agree on least: is it a 0?
of_zero = softmax(logits)[:, widest, 0]
marks = {"one run": softmax(one_run)[widest, 0], "arithmetic mean": of_zero.mean()}
stay = (thousand > 0).sum(axis=1)
weights = 0.8**stay * 0.2 ** (10 - stay)
others = softmax((thousand[:, None] > 0) / 0.8 * hidden[[widest]] @ kernel + bias)[:, 0]
try:
    yours = geometric_mean(others, weights)
    print("with keep 0.8, one run is your mean of all:", np.allclose(yours, softmax(one_run)[widest], atol=1e-4))
except NotImplementedError:
    print("Write geometric_mean first.")
show(
    figures.ensemble(of_zero, marks, "probability of a 0"),
    alt="How often 1,024 thinned networks call a digit a 0, by probability: nearly all heights from 0 to 1 are there. The "
    "arithmetic mean is at 0.5, the one run at 0.67.",
)

# %% [markdown]
# ## Averaging out the mask
#
# Write the network with dropout as $y = f(\mathbf x, \mathbf q)$: it answers to the input *and* to a random mask
# $\mathbf q$. What we want is the mean over the masks,
# $\mathrm E_{\mathbf q}[f(\mathbf x, \mathbf q)] = \sum_{\mathbf q} P(\mathbf q)\, f(\mathbf x, \mathbf q)$. With one bend
# in between, scaling no longer gives it exactly.
#
# **Exercise 4.** Compute it exactly for one ReLU unit: inputs are kept with the probability `keep` (plain dropout,
# nothing is divided), the bias always. Go through all masks.


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
# A real network has far too many masks. **How is the random mask averaged out, then?** By a sample: the mean over some
# random masks, a **Monte Carlo** average (in Keras, `training=True` asks with masks). Or by the short cut of one run
# without masks. Do the two agree?

# %% tags=["T192", "Q20"]
reader = network(rate=0.5)
reader.fit(images, few.labels, batch_size=50, epochs=25, verbose=0)
once = softmax(reader.predict(new, verbose=0))
hardest = once.max(axis=1).argsort()[25]  # a digit of which it is not sure
copies, best = np.repeat(new[[hardest]], 5000, axis=0), once[hardest].argmax()
many = softmax(np.asarray(reader(copies, training=True)))[:, best].reshape(1000, 5)  # five samples of 1,000 masks
tries = np.arange(1, 1001)
show(
    charts.lines(
        {"mean over so many masks": many.cumsum(axis=0) / tries[:, None]},
        tries,
        "masks",
        "probability",
        levels={"one run without masks": once[hardest, best]},
        log="x",
    ),
    alt="The mean over more and more random masks, in five samples: for one mask from 0 to 1, for 1,000 masks all near "
    "0.48. The one run without masks is at 0.57.",
)

# %% [markdown]
# For this digit the samples meet at one value, and it is not that of the one run. And in general? Recorded for five
# networks, trained on right labels and stopped early: the error on test digits; how probable they call their own
# answers on average (*confidence*); how far that is above the share that they read (overconfidence); and the
# cross-entropy.

# %% tags=["T192", "Q20"]
answers = evidence("answers")
by_confidence = answers[(answers.doubt_by == "confidence") & (answers.way != "no dropout")]
assert set(by_confidence.way) == {"one run", "100 masks"}
measured = by_confidence.assign(overconfidence=by_confidence.confidence - (1 - by_confidence.error))
columns = ("error", "confidence", "overconfidence", "loss")
tables = {name: compare(measured, "way", name) for name in columns}
pd.concat(tables).drop(columns="seeds").round(3)

# %% [markdown]
# In the error and in the loss we could not tell the two apart, and the short cut is a hundred times cheaper. They differ
# in confidence: **the one run is surer of its answers than the mean of 100 masks**, 92 % for 83 %. Both read 89 %: here
# the one run says a little too much, and the mean of the masks too little.
#
# But a crowd knows one thing that no single answer does: **how far its members disagree.** Is it a sign of doubt?
#
# **Exercise 5.** For each picture, how far do the masks disagree (standard deviation) about the class that their *mean*
# calls the most probable? Below, your function meets the real network: the eight validation digits that it doubts most.


# %% exercise="doubt"
def doubt(said):
    """said: probabilities (masks, pictures, classes). Returns a standard deviation over the masks, (pictures,)."""
    ### BEGIN SOLUTION
    best = said.mean(axis=0).argmax(axis=1)
    return said.std(axis=0)[np.arange(len(best)), best]
    ### END SOLUTION


# %% check="doubt"
check(doubt)

# %% tags=["T192"]
said = np.stack([softmax(np.asarray(reader(new, training=True))) for _ in range(50)])
read_as = said.mean(axis=0).argmax(axis=1)
try:
    order = np.argsort(-np.asarray(doubt(said)))[:8]
except NotImplementedError:
    print("Write doubt first. Until then: the first eight digits.")
    order = np.arange(8)
titles = [f"{new_labels[place]}, read as {read_as[place]}" for place in order]
show(
    charts.contact_sheet(digits.validation.images[order], titles, columns=8),
    alt="Eight handwritten digits, with their label and what the network reads; some are misread.",
)

# %% [markdown]
# A good sign of doubt is larger on a misread digit than on one read rightly. A rival costs nothing: 1 − the confidence
# of *one run*. Take a misread and a rightly read test digit by lot: how often does each sign doubt the misread one more
# (one half would be guessing)? And a picture that is no digit, its pixels shuffled?

# %% tags=["T192"]
signs = answers[answers.way.isin(["one run", "100 masks"])]
signs = signs.assign(sign=signs.way + ", " + signs.doubt_by)
sorted_out = {
    title: compare(signs, "sign", name, against="one run, confidence")
    for title, name in {"misread": "misread", "no digit": "no_digits"}.items()
}
pd.concat(sorted_out).drop(columns="seeds").round(3)

# %% [markdown]
# Both signs tell misread digits from others far better than guessing. But the deviation over 100 masks, for 100 times the
# price, is not the better one: for misread digits we could not tell (0.86 for 0.89), and **of pictures that are no
# digits, the deviation is a worse sign than the confidence of one run** (0.76 for 0.97). Try a cheap sign of doubt
# before you pay for an expensive one.
#
# ## In Keras
#
# One layer, one argument, as in `network` above. Which of its two ways to answer says the same twice?

# %% tags=["T188", "T194", "nbval-check-output"]
same = {}
for training in (True, False):
    first, second = (np.asarray(reader(new, training=training)) for _ in range(2))
    same[f"training={training}"] = {"the same twice": np.allclose(first, second)}
dropouts = [layer for layer in reader.layers if isinstance(layer, keras.layers.Dropout)]
print("weights to learn in the dropout layers:", sum(len(layer.trainable_weights) for layer in dropouts))
pd.DataFrame(same).T

# %% [markdown]
# `fit` uses the first, `predict` and `evaluate` the second. So the training error that `fit` reports may well be *higher*
# than the validation error: it was measured with half of the units.
#
# | | while training | at test time | the mean over the masks? |
# |---|---|---|---|
# | plain dropout (2012) | masks | kernels times keep | exact for linear layers |
# | inverted dropout (Keras) | masks, divided by keep | nothing to do | exact for linear layers |
# | Monte Carlo | masks, divided by keep | masks stay, mean of many runs | as near as you pay for |
#
# | | batch normalisation (lesson 15) | dropout |
# |---|---|---|
# | what is random | the company in the batch | the mask |
# | at test time | running averages | all units |
# | learned numbers | $\gamma$ and $\beta$ for each unit | none |
# | what we measured | fewer steps and fewer errors with five layers of ReLUs | with wrong labels, fewer errors in two of six shapes, more in two |
#
# So, what does it help to break half of a network? It learns its examples by heart more slowly, and it can bear the loss
# of units. On our digits it saved errors, even against early stopping, where a fifth of the labels were wrong and the
# layers few or wide enough; with right labels we could not tell. You can now write dropout and scale it, say which
# average it stands for, ask its masks for a second opinion, and measure whether it pays.
#
# ## Think about it
#
# **Convolutional networks rarely use dropout between convolution layers. Why might it do little there?**
#
# <details><summary>Answer</summary>
#
# A convolution layer has few weights, shared by all places, so it can learn less by heart. And neighbouring places of a
# map often say nearly the same: if one is dropped, its neighbour speaks for it. Dropping whole maps at once
# (`SpatialDropout2D`) takes away that way out.
# </details>
#
# **You double the width of every hidden layer and use dropout with a rate of one half. How many units work at each
# step? Is it the same as the narrow network without dropout?**
#
# <details><summary>Answer</summary>
#
# About as many units work as in the narrow network. But it is another team at every step, out of an enormous number of
# possible teams, and at test time all of them work together. A rule of thumb by Srivastava and others says: if $n$ units
# would be right without dropout, try $n$ divided by the keep probability.
# </details>
#
# ## Further reading
#
# - G. Hinton, N. Srivastava, A. Krizhevsky, I. Sutskever and R. Salakhutdinov, *Improving neural networks by preventing
#   co-adaptation of feature detectors*, 2012, [arXiv:1207.0580](https://arxiv.org/abs/1207.0580).
# - N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov, *Dropout: a simple way to prevent neural
#   networks from overfitting*, 2014, [jmlr.org/papers/v15/srivastava14a](https://jmlr.org/papers/v15/srivastava14a.html).
# - P. Baldi and P. Sadowski, *The dropout learning algorithm*, 2014,
#   [doi:10.1016/j.artint.2014.02.004](https://doi.org/10.1016/j.artint.2014.02.004): averages, exact and approximate.
# - Y. Gal and Z. Ghahramani, *Dropout as a Bayesian approximation: representing model uncertainty in deep learning*,
#   2016, [arXiv:1506.02142](https://arxiv.org/abs/1506.02142).
