# ---
# jupyter:
#   course:
#     title: "Pretraining: what pictures without labels can teach"
#     summary: "Boltzmann machines, stacks and autoencoders: how deep networks got their start in 2006, and what is left of it."
#     objectives:
#       - "compute the probabilities of a small restricted Boltzmann machine, and the gradient of its likelihood, exactly"
#       - "train one on digits by contrastive divergence, and say what that leaves out"
#       - "stack machines greedily, unroll the stack to a deep autoencoder, and fine-tune it"
#       - "compare an autoencoder with PCA, and a pretrained start with other starts, fairly"
#       - "say where pretraining paid in our measurements, and where a start by rule did as well"
#     needs: [05_mlp_backprop, 08_hand_made_features, 14_initialisation, 15_batchnorm, 16_dropout]
#     minutes: 90
#     data: [mnist_5k]
# ---

# %% [markdown]
# In 2006 Geoffrey Hinton and Ruslan Salakhutdinov trained networks with many dense layers, which many had thought
# hopeless. Their trick is odd: before a network is told a single label, it looks at pictures and learns to make up such
# pictures itself. Call that **pretraining**.
#
# **What did looking at pictures without labels do for deep networks, and do we still need it?**

# %%
import keras
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from course_lessons.autoencoder_pretraining import figures
from course_lib import data
from course_lib.evidence import at_best_rate, compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.layers import sigmoid
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

digits = data.mnist_5k()
shrunk = {
    part: getattr(digits, part).images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)
    for part in ("train", "validation", "test")
}

# %% [markdown]
# ## More than three layers do not help
#
# So lectures sum up the years from 1986 to 2006. Try it, on 3,500 digits of MNIST, shrunk to 14 × 14 pixels.

# %% tags=["T200"]
show(
    charts.gallery(shrunk["train"][:10].reshape(-1, 14, 14), digits.train.labels[:10].astype(str), columns=10),
    alt="Ten handwritten digits in coarse pixels, each under its label: 4, 2, 0, 9, 6, 6, 2, 1, 2 and 0.",
)

# %% [markdown]
# Take hidden layers of 64 sigmoids, and a small random start, with a standard deviation of 0.01. What do you expect of
# one hidden layer, and of five?


# %% tags=["T200", "F359"]
def sigmoid_network(hidden):
    """Hidden layers of 64 sigmoids, then ten logits, from small random weights."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((196,))])
    for _ in range(hidden):
        small = keras.initializers.RandomNormal(stddev=0.01)
        model.add(keras.layers.Dense(64, activation="sigmoid", kernel_initializer=small))
    model.add(keras.layers.Dense(10, kernel_initializer=keras.initializers.RandomNormal(stddev=0.01)))
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=0.3, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


# %% tags=["T200", "F359"]
wrong = {}
for hidden in (1, 5):
    model = sigmoid_network(hidden)
    model.fit(shrunk["train"], digits.train.labels, batch_size=50, epochs=4, verbose=0)
    right = model.evaluate(shrunk["validation"], digits.validation.labels, verbose=0)[1]
    wrong[f"{hidden} hidden"] = 1 - right
assert wrong["1 hidden"] < 0.2 and wrong["5 hidden"] > 0.85
pd.Series(wrong, name="error on validation digits").map("{:.0%}".format).to_frame()

# %% [markdown]
# One hidden layer learns. With five, 90 % of the answers are wrong: that is guessing. Lesson 14 showed how a start
# can do that: on its way back, the gradient is multiplied in every layer by small weights, and by the slope of a sigmoid,
# which is at most ¼. There a *rule* found better random numbers. In 2006 the start itself was *learnt*. But how can one
# learn when nobody says what is right?
#
# ## A machine that dreams
#
# Make up pictures (call them *dreams*), and compare them with real ones. A **restricted Boltzmann machine** has visible units $x_i$, one
# for each pixel, and hidden units $z_j$. All are 0 or 1. Wires $W_{ij}$ run between the two layers and nowhere else;
# that is the restriction. A state of all units has an *energy*, and the lower it is, the more probable is the state:
#
# $$E(\mathbf x, \mathbf z) = -\sum_{i,j} x_i W_{ij} z_j - \sum_i c_i x_i - \sum_j b_j z_j, \qquad
# P(\mathbf x, \mathbf z) = \frac{e^{-E(\mathbf x, \mathbf z)}}{S}.$$
#
# $b_j$ is the bias of a hidden unit, $c_i$ that of a pixel. $S$ is the sum of $e^{-E}$ over all states, so that
# probabilities add up to 1. (This energy comes from physics; lesson 08's is another. Papers write $v$, $h$ and $Z$ for
# our $\mathbf x$, $\mathbf z$ and $S$.)
#
# By hand: two pixels, one hidden unit, $W_{11} = \log 4$, $W_{21} = -\log 2$, biases 0. So $e^{-E}$ is 1 without the
# hidden unit. With it, a first pixel of 1 multiplies $e^{-E}$ by 4, a second one by ½. Which picture is the most probable?

# %% tags=["T197", "nbval-check-output"]
joint = pd.DataFrame([(x1, x2, z) for x1 in (0, 1) for x2 in (0, 1) for z in (0, 1)], columns=["x1", "x2", "z"])
joint["e^-E"] = 4.0 ** (joint.x1 * joint.z) * 0.5 ** (joint.x2 * joint.z)
joint["P(x, z)"] = joint["e^-E"] / joint["e^-E"].sum()
print("S =", joint["e^-E"].sum())
joint.assign(**{"P(x)": joint.groupby(["x1", "x2"])["P(x, z)"].transform("sum")}).round(3)

# %% [markdown]
# The picture (1, 0), with $(1 + 4)/11.5$, or 43 %. And if you see it, the hidden unit is on with the probability
# $4/(1 + 4) = ⅘$.
#
# In general, hold the picture fixed. Then the energy has one term for each hidden unit, and a constant. So
# $P(\mathbf z \mid \mathbf x)$ is proportional to a *product*,
#
# $$\prod_j e^{a_j z_j} \quad\text{with}\quad a_j = \sum_i x_i W_{ij} + b_j .$$
#
# A product means: given the picture, hidden units are independent of one another. Each is 0 or 1, with the weights $1$
# and $e^{a_j}$, so
#
# $$P(z_j = 1 \mid \mathbf x) = \frac{e^{a_j}}{1 + e^{a_j}} = \sigma(a_j).$$
#
# That is our sigmoid unit. ($\sigma(\log 4) = ⅘$.) The same argument downwards gives
# $P(x_i = 1 \mid \mathbf z) = \sigma\big(\sum_j W_{ij} z_j + c_i\big)$: the same wires, read the other way. A wire
# between two hidden units would spoil the product. And adding up over all $\mathbf z$, factor by factor:
#
# $$\log P(\mathbf x) = \sum_i c_i x_i + \sum_j \log\big(1 + e^{a_j}\big) - \log S .$$
#
# **Exercise 1.** Compute it for one picture. What stands before $-\log S$ is the logarithm of the picture's share of
# $S$: add up these shares over all pictures there are. Weights may be large: `np.logaddexp` helps.


# %% exercise="log_probability"
def log_probability(pixels, kernel, visible_bias, hidden_bias):
    """pixels (n,) of 0 and 1, n at most 10; kernel (n, units). Returns log P(pixels)."""
    ### BEGIN SOLUTION
    pictures = (np.arange(2 ** len(pixels))[:, None] >> np.arange(len(pixels))) & 1

    def log_sum(x):
        return x @ visible_bias + np.logaddexp(0, x @ kernel + hidden_bias).sum(axis=-1)

    return log_sum(pixels) - np.logaddexp.reduce(log_sum(pictures))
    ### END SOLUTION


# %% check="log_probability"
check(log_probability)

# %% [markdown]
# ## Which way is up?
#
# A good machine finds real pictures probable: make the mean of $\log P(\mathbf x)$ over them large (the likelihood,
# lesson 03). Its slope by $W_{ij}$ has two parts. The slope of $\log(1 + e^a)$ is $\sigma(a)$, so the first is
# $x_i\,\sigma(a_j)$. For the second, every state $(\mathbf x', \mathbf z')$ has a term $e^{-E}$ in $S$, whose slope is
# $x'_i z'_j\,e^{-E}$; divided by $S$ these are probabilities, so
# $\partial \log S/\partial W_{ij} = \sum P(\mathbf x', \mathbf z')\,x'_i z'_j$. Together:
#
# $$\frac{\partial \log P(\mathbf x)}{\partial W_{ij}} = x_i\,P(z_j = 1 \mid \mathbf x) -
# \sum_{\mathbf x'} P(\mathbf x')\,x'_i\,P(z_j = 1 \mid \mathbf x').$$
#
# *Make what you see more probable, and what you dream less.* For biases $x_i$ or $P(z_j = 1 \mid \cdot)$ stands alone.
# Check it on the machine by hand, for $W_{11}$ and the picture (1, 0): nudge by $h$.

# %% tags=["T197", "nbval-check-output"]
def log_of_picture(w):
    """log P of the picture (1, 0), when W11 is w."""
    above = 1 + np.exp(w)
    return np.log(above / (4 + 1 + np.exp(w) + 0.5 + np.exp(w) * 0.5))


h = 1e-5
nudged = (log_of_picture(np.log(4) + h) - log_of_picture(np.log(4) - h)) / (2 * h)
dreamt = np.sum(joint["P(x, z)"] * joint.x1 * joint.z)
assert np.isclose(nudged, 0.8 - dreamt)
print(f"seen {0.8:.4f} - dreamt {dreamt:.4f} = {0.8 - dreamt:.4f}; nudged: {nudged:.4f}")

# %% [markdown]
# **Exercise 2.** Write these directions for the kernel and both biases, for the mean over several pictures, exactly:
# the second sum goes over all pictures there are.


# %% exercise="exact_directions"
def exact_directions(images, kernel, visible_bias, hidden_bias):
    """images (number, n) of 0 and 1, n at most 10. Returns three arrays, shaped like the last three arguments."""
    ### BEGIN SOLUTION
    pictures = (np.arange(2 ** images.shape[1])[:, None] >> np.arange(images.shape[1])) & 1
    sums = pictures @ visible_bias + np.logaddexp(0, pictures @ kernel + hidden_bias).sum(axis=1)
    probabilities = np.exp(sums - np.logaddexp.reduce(sums))
    seen, dreamt = (sigmoid(x @ kernel + hidden_bias) for x in (images, pictures))
    return (
        images.T @ seen / len(images) - pictures.T @ (probabilities[:, None] * dreamt),
        images.mean(axis=0) - probabilities @ pictures,
        seen.mean(axis=0) - probabilities @ dreamt,
    )
    ### END SOLUTION


# %% check="exact_directions"
check(exact_directions)

# %% [markdown]
# With 784 pixels the second sum has $2^{784}$ terms. So take a sample of dreams instead: from a picture draw hidden
# units, from those a picture, and so on. Such **Gibbs sampling** shows pictures as often as the machine finds them
# probable, but only after many steps. In 2002 Hinton proposed to start at a *real* picture and to stop after one step:
# **contrastive divergence** (CD-1; with ten steps CD-10). Then the slope above is not followed any more: the dream has
# not gone far from where it began.
#
# Does it matter? With nine pixels all 512 pictures can be added up. Let eight hidden units learn the 14 pictures of 3 × 3 pixels that consist
# of whole rows or of whole columns. At best each gets the probability 1/14, a mean log-likelihood of
# $-\log 14 = -2.64$. All ways take 6,000 steps at one learning rate, with momentum; CD has ten dreams for each picture.
# In the last way the dream's pixels are not drawn as 0 or 1: they stay grey, as probabilities, which makes less noise.
# We also note how well a machine *repeats* a picture, once up and once down. Five seeds.

# %% tags=["T197"]
tiny = evidence("tiny")
names = {"exact": "exact slope", "CD-10": "CD-10", "CD-1": "CD-1", "CD-1, grey": "CD-1, grey pixels"}
likelihood, repeating = {}, {}
for way, label in names.items():
    runs = tiny[tiny.way == way]
    likelihood[label] = runs.pivot(index="step", columns="seed", values="log_likelihood")
    repeating[label] = runs.pivot(index="step", columns="seed", values="repeat_error")
show(
    figures.likelihoods(likelihood, repeating, ceiling=-np.log(14)),
    alt="Left, the mean log-likelihood against steps. All four lines rise from -6.2 within 1,000 steps. The exact slope "
    "and CD-10 stay just below the ceiling; CD-1 ends near -3.4, the run that falls most at -4.1; with grey pixels it "
    "falls to -4.2. Right, the squared error of repeated pixels on a logarithmic axis: all lines fall to the end.",
)

# %% tags=["T197"]
ends = compare(tiny[tiny.step == 6000], "way", "log_likelihood", against="CD-1")
change = {
    way: compare(runs[runs.step.isin([1000, 6000])], "step", "log_likelihood").loc[6000]
    for way, runs in tiny.groupby("way", sort=False)
}
assert ends.loc["CD-10", "low"] > 0 and ends.loc["CD-1, grey", "high"] < 0
assert change["CD-1, grey"]["high"] < 0 < change["CD-10"]["low"]
grey = tiny[(tiny.way == "CD-1, grey") & tiny.step.isin([1000, 6000])]
assert compare(grey, "step", "repeat_error").loc[6000, "high"] < 0
table = pd.DataFrame(change).T[["mean", "difference", "low", "high"]]
table.columns = ["after 6,000 steps", "change since step 1,000", "from", "to"]
table.round(2)

# %% [markdown]
# (The last two columns are the 95 % interval of the change.) The exact slope nearly reaches the ceiling. **After 6,000
# steps CD-10 finds the pictures more probable than CD-1 does.** And with grey pixels, **CD-1's likelihood falls from
# step 1,000 to step 6,000 while the error of repeating goes on down.** (With drawn pixels some runs fell, too; we could
# not tell.) So CD-1 leads up at first, but need not go on; and an error of repeating that falls does not say that
# the pictures get more probable. With 784 pixels nobody can add them up.
#
# ## What does it see in digits?
#
# Now 784 pixels and 256 hidden units. Grey pixels are read as probabilities of ink; in the dream, too, they stay grey.
# The visible biases begin where every pixel has its mean. What will the hidden units look for?


# %% tags=["T197"]
def train_machine(images, units, epochs, rng, rate=0.1):
    """CD-1 on batches of 50. Returns kernel, visible biases and hidden biases."""
    share = np.clip(images.mean(axis=0), 0.01, 0.99)
    kernel = rng.normal(0, 0.01, (images.shape[1], units)).astype("float32")
    visible_bias, hidden_bias = np.log(share / (1 - share)), np.zeros(units, "float32")
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(images)), len(images) // 50):
            x = images[batch]
            seen = sigmoid(x @ kernel + hidden_bias)
            z = (rng.random(seen.shape) < seen).astype("float32")
            dream = sigmoid(z @ kernel.T + visible_bias)
            dreamt = sigmoid(dream @ kernel + hidden_bias)
            kernel += rate * (x.T @ seen - dream.T @ dreamt) / len(x)
            visible_bias += rate * (x - dream).mean(axis=0)
            hidden_bias += rate * (seen - dreamt).mean(axis=0)
    return kernel, visible_bias, hidden_bias


# %% tags=["T197"]
images = {part: getattr(digits, part).images.reshape(-1, 784) for part in ("train", "validation", "test")}
rng = np.random.default_rng(0)
first = train_machine(images["train"], units=256, epochs=12, rng=rng)
filters = first[0].T.reshape(-1, 28, 28)
show(
    figures.filters({"": filters[:14], " ": filters[14:28]}),
    alt="28 filters of hidden units. Most have several orange strokes and blue patches side by side, some one dark blue "
    "spot, on a pale ground.",
)

# %% [markdown]
# Strokes and spots: ink on orange pixels speaks for a unit, on blue ones against it. Now let
# the machine repeat test digits, and then dream on from there. What will be left after 1,000 steps?

# %% tags=["T197"]
def up(pictures, machine):
    """The probability of each hidden unit to be on."""
    return sigmoid(pictures @ machine[0] + machine[2])


def down(hidden, machine):
    """The probability of ink at each pixel."""
    return sigmoid(hidden @ machine[0].T + machine[1])


def draw(probabilities):
    return (rng.random(probabilities.shape) < probabilities).astype("float32")


real = images["test"][5::100]
stages, pictures = {"picture": real, "repeated": down(up(real, first), first)}, real
for step in range(1, 1001):
    grey = down(draw(up(pictures, first)), first)
    pictures = draw(grey)
    if step in (1, 10, 100, 1000):
        stages[f"step {step:,}"] = grey
show(
    figures.sheet({label: several.reshape(-1, 28, 28) for label, several in stages.items()}),
    alt="Ten test digits; below them the same digits repeated, a little softer; after one step nearly the same; after "
    "ten steps most are broken; after 100 and 1,000 steps there are pieces of strokes and blobs, hardly a digit.",
)

# %% [markdown]
# Once up and once down repeats the digits well. After ten steps most are falling apart, after 100 pieces of strokes are
# left. It draws poorly. But perhaps its strokes are good *features*?
#
# ## Machines on machines
#
# What 256 units say of a picture is again a row of numbers from 0 to 1. Why not give it to a second machine, and what
# that says to a third? Each learns while all below it stand still: the stack is *greedy*. Here it is, 784-256-64-2.

# %% tags=["T198"]
sizes, machines, below = (784, 256, 64, 2), [first], images["train"]
for units in sizes[2:]:
    below = up(below, machines[-1])
    machines.append(train_machine(below, units=units, epochs=12, rng=rng))
pd.DataFrame(
    [(*kernel.shape, kernel.size + len(visible) + len(hidden)) for kernel, visible, hidden in machines],
    columns=["visible units", "hidden units", "numbers learnt"],
    index=["machine 1", "machine 2", "machine 3"],
)

# %% [markdown]
# There is a theorem behind it (Hinton, Simon Osindero and Yee-Whye Teh, 2006): each new machine raises a *lower bound*
# of the pictures' likelihood, if it starts as the mirror image of the one below (with as many hidden units as that has
# visible ones) and its own likelihood goes up. Ours get smaller, start at random and follow CD-1: for them nothing is
# promised.
#
# ## A start for deep networks
#
# Here is the use of it in 2006. Forget the way down. The kernels and hidden biases become the *start* of a network,
# with fresh logits on top, and back-propagation goes on from there with labels: *fine-tuning*.
#
# **Exercise 3.** Give a network that start. Dropout layers may stand between its dense ones; they have no weights, so
# skip them.


# %% exercise="start_from"
def start_from(model, machines):
    """Set the weights of all Dense layers of the Keras model but the last.

    machines: (kernel, visible_bias, hidden_bias) of each, the one on the pixels first. Returns nothing.
    """
    ### BEGIN SOLUTION
    dense = [layer for layer in model.layers if layer.weights]
    for layer, (kernel, _, hidden_bias) in zip(dense[:-1], machines, strict=True):
        layer.set_weights([kernel, hidden_bias])
    ### END SOLUTION


# %% check="start_from"
check(start_from)

# %% [markdown]
# Back to 14 × 14 pixels and layers of 64 units, now one to eight of them. Four starts: the small random one of the
# beginning; sigmoids from a stack of machines; and what came later, batch normalisation (lesson 15) in front of each
# sigmoid, from the small start, and ReLUs from He's start (lesson 14). All learn for 20 epochs, by SGD with momentum.
# Of three learning rates each start has the one that the validation digits liked best, and of its epochs the best one.
# Five seeds. Which lines will rise with depth?

# %% tags=["T200", "F359"]
starts = {
    "0.01": "sigmoid, small start",
    "pretrained": "sigmoid, pretrained",
    "batch norm": "sigmoid, batch normalisation",
    "He": "ReLU, He's start",
}
deep = at_best_rate(evidence("depth"), ["start", "hidden"], "validation_error")
curves = {
    label: deep[deep.start == start].pivot(index="hidden", columns="seed", values="test_error")
    for start, label in starts.items()
}
show(
    charts.lines(
        curves,
        sorted(set(deep.hidden)),
        "hidden layers",
        "error on test digits",
        guessing=0.9,
        percent=True,
    ),
    alt="Error on test digits against hidden layers. The small start rises from 8 % at one layer over 54 % at three to "
    "90 %, guessing, at five and eight. Pretrained sigmoids and ReLUs lie together between 6 and 8 %; batch-normalised "
    "sigmoids rise from 9 to 14 %.",
)

# %% tags=["T200", "F359"]
by_depth = {
    f"{hidden} hidden": compare(runs, "start", "test_error", against="pretrained").rename(index=starts)
    for hidden, runs in deep.groupby("hidden")
}
verdicts = pd.concat(by_depth)
assert all(verdicts.xs("ReLU, He's start", level=1)["low"].iloc[1:] < 0)
assert all(verdicts.xs("ReLU, He's start", level=1)["high"] > 0)
assert all(verdicts.loc[["5 hidden", "8 hidden"]].xs("sigmoid, small start", level=1)["low"] > 0.75)
assert all(verdicts.loc[["5 hidden", "8 hidden"]].xs("sigmoid, batch normalisation", level=1)["high"] < 0.1)
verdicts.drop(columns="seeds").round(3)

# %% [markdown]
# (`difference` is to the pretrained network, `low` and `high` are its paired 95 % interval.) From the small start the
# lectures' sentence comes true. **From the small start no network of five or eight hidden layers learns anything in 20
# epochs, at any of the three learning rates.** **Pretrained, they learn: seven to eight errors in a hundred.** That was
# the news of 2006: a start from which plain back-propagation can go on.
#
# And today? ReLUs from He's start cost one line. With three, five and eight layers we could not tell them from
# pretraining: they get going without it. (Two things are new there, ReLU and start; which of them it is, we did not
# ask.) **So does batch normalisation, from the very same small start.** (It ends
# behind here, as do ReLUs with one layer, but each at the largest rate that we tried: these gaps we do not count.)
#
# ## Unroll it
#
# The other use: *small codes*. Two numbers for a picture, and the picture back. Put the stack, upside down, on top of
# itself: an autoencoder (lesson 16) with seven layers of units. Its upper half has the transposed kernels and the
# *visible* biases, in reverse order. The code stays linear, so that it may be any number. Then train the whole to
# repeat its picture; the two halves may now grow apart. The loss is the cross-entropy of lesson 03, a pixel's
# grey being its target.

# %% tags=["G36", "T199", "picture"]
show(
    figures.three_stages(sizes, filters[:3]),
    alt="Three columns. Pretraining: three machines, 784 and 256 units with three filters beside them, 256 and 64, 64 "
    "and 2. Unrolling: one chain 784, 256, 64, 2, 64, 256, 784 with the kernels W1, W2, W3 and then W3, W2, W1 "
    "transposed. Fine-tuning: the same chain, with a change of its own added to each kernel.",
)

# %% tags=["T199"]
def unrolled(machines=None):
    """784-256-64-2-64-256-784, from the machines or from Glorot's start."""
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense
    encoder = keras.Sequential([keras.Input((784,)), dense(256, "sigmoid"), dense(64, "sigmoid"), dense(2)])
    decoder = keras.Sequential([keras.Input((2,)), dense(64, "sigmoid"), dense(256, "sigmoid"), dense(784, "sigmoid")])
    for place, (kernel, visible_bias, hidden_bias) in enumerate(machines or ()):
        encoder.layers[place].set_weights([kernel, hidden_bias])
        decoder.layers[2 - place].set_weights([kernel.T, visible_bias])
    model = keras.Sequential([keras.Input((784,)), encoder, decoder])
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.003), loss="binary_crossentropy")
    return model


def squared_error(images, again):
    return float(np.sum((images - again) ** 2, axis=1).mean())


# %% [markdown]
# What is a fair rival? Without its bends an autoencoder is linear: $\mathbf x \mapsto \mathbf x V U$, with $V$ for all
# kernels down to the code, $U$ for all above, the mean taken away first. All must pass through two numbers. Of all
# matrices $VU$ of that kind none brings the training pictures back with a smaller squared error than the projection on
# their first two principal components (a theorem of Carl Eckart and Gale Young, 1936). So a linear autoencoder can at
# best be PCA (lesson 08). Who repeats *test* digits best after eight epochs?

# %% tags=["T199", "H11"]
pca = PCA(2).fit(images["train"])
found = {
    "the mean picture": squared_error(images["test"], images["train"].mean(axis=0)),
    "PCA, 2 numbers": squared_error(images["test"], pca.inverse_transform(pca.transform(images["test"]))),
}
for name, stack in {"random start": None, "pretrained": machines}.items():
    model = unrolled(stack)
    if stack:
        found["pretrained, before fine-tuning"] = squared_error(images["test"], model.predict(images["test"], verbose=0))
    model.fit(images["train"], images["train"], batch_size=100, epochs=8, verbose=0)
    found[f"{name}, fine-tuned"] = squared_error(images["test"], model.predict(images["test"], verbose=0))
encoder, decoder = model.layers
assert found["pretrained, fine-tuned"] < min(found["PCA, 2 numbers"], found["random start, fine-tuned"])
assert found["pretrained, before fine-tuning"] > found["the mean picture"]
pd.Series(found, name="squared error of a test picture").round(1).to_frame()

# %% tags=["T199"]
two_numbers = {"PCA": pca.transform(images["test"]), "autoencoder": encoder.predict(images["test"], verbose=0)}
show(
    figures.code_maps(two_numbers, digits.test.labels),
    alt="Two maps of test digits, each drawn at its two numbers. PCA: ones to the left, zeros to the right, all others "
    "in one heap. Autoencoder: ones, zeros, and many of the twos and sixes lie in places of their own; threes, fives "
    "and eights are mixed, and so are fours, sevens and nines.",
)

# %% [markdown]
# In this run the pretrained start ends ahead of the random one and of the two principal components. Before fine-tuning
# it was worse than one mean picture for all. (Perhaps because the third machine had trained two units that are on or
# off, which now carry any number; we did not test that.) The maps show where test digits went; labels only colour them.
#
# **Exercise 4.** Show that PCA (lesson 08) *is* a network of two linear layers: give the weights with which it makes
# exactly PCA's pictures, for any number of units, without training. `np.linalg.svd` finds the directions.


# %% exercise="linear_autoencoder"
def linear_autoencoder(images, units):
    """images (number, pixels). Returns kernel and biases from the pixels to the code, kernel and biases back."""
    ### BEGIN SOLUTION
    mean = images.mean(axis=0)
    directions = np.linalg.svd(images - mean, full_matrices=False)[2][:units]
    return directions.T, -directions @ mean, directions, mean
    ### END SOLUTION


# %% check="linear_autoencoder"
check(linear_autoencoder)

# %% [markdown]
# Walk through the code, and let the upper half draw: first a whole grid of codes, then one that you choose.

# %% tags=["T199", "widget", "gallery"]
lens = figures.Decoder(decoder, two_numbers["autoencoder"])
show(
    lens.grid(),
    alt="A grid of 12 by 12 drawn digits that change smoothly into one another: threes, twos, sixes and ones at the "
    "top, zeros at the left, sevens and nines at the right, fives and eights below on the left.",
    colours=64,
)
explore(
    lens.draw,
    alt="Codes of test digits as grey points with one code in red, and the picture that the decoder draws for it.",
    first=(0.0, 1.0, 0.05),
    second=(0.0, 1.0, 0.05),
)

# %% [markdown]
# Neighbouring codes give similar pictures; between two kinds of digits lie blends that are neither.
#
# ## Was it the pretraining?
#
# One seed, eight epochs. Now five seeds, 30 epochs, the better of two learning rates of Adam for each start, and a
# third start: ReLUs from He's, in both halves. What does pretraining buy?

# %% tags=["T199", "H11"]
record = evidence("codes")
nets = at_best_rate(record[record.rate.notna()], "start", "validation_error")
kinds = {"pretrained": "sigmoid, pretrained", "Glorot": "sigmoid, Glorot's start", "He": "ReLU, He's start"}
curves = {
    label: nets[nets.start == start].pivot(index="epoch", columns="seed", values="test_error")[1:]
    for start, label in kinds.items()
}
of_pca = record[record.rate.isna() & (record.seed == 0)].set_index("start").test_error
show(
    charts.lines(
        curves,
        sorted(set(nets.epoch))[1:],
        "epochs of fine-tuning",
        "squared error of a test picture",
        levels=dict(of_pca[["PCA, 2 numbers", "PCA, 4 numbers"]]),
    ),
    alt="Squared error of a test picture against epochs. The pretrained start begins just below "
    "PCA with two numbers, at 44, passes PCA with four, at 38, before the seventh and ends at 34. Glorot's start begins "
    "at 53 and He's at 49; both end near 35.",
)

# %% tags=["T199", "H11"]
rivals = record[record.rate.isna()]
after = {
    f"after {epoch}": compare(
        pd.concat([nets[nets.epoch == epoch].replace({"start": kinds}), rivals]),
        "start",
        "test_error",
        against="sigmoid, pretrained",
    )
    for epoch in (1, 10, 30)
}
assert all(after["after 30"].loc[["PCA, 2 numbers", "PCA, 4 numbers"], "low"] > 0)
assert all(table.loc[list(kinds.values())[1:], "low"].min() > 0 for table in after.values())
ends = compare(pd.concat([nets[nets.epoch == 30], rivals]), "start", "test_error", against="PCA, 4 numbers")
assert all(ends.loc[["Glorot", "He"], "high"] < 0)
pd.concat(after).drop(columns="seeds").round(1)

# %% [markdown]
# **The pretrained autoencoder beats PCA, with two numbers against two and even against four.** So do the others in the
# end: codes that bend (lesson 08's are straight) carry more. **After one epoch, after ten and after 30 it is ahead of
# both random starts.** But the lead shrinks, from 5 and 9 at first to less than 2, and Glorot's line still falls. All
# three chose the larger of the two rates (0.03, tried with one seed, was worse for both kinds of sigmoids), and the
# machines' own 20 epochs are not counted. A head start, then; whether any of it would last, we could not tell.
#
# ## Few labels, many pictures
#
# Labels are dear, pictures cheap. Suppose there are 3,500 digits of 14 × 14 pixels, and only 100, 300 or 1,000 of them
# have labels. Pretraining may look at all of them. Three hidden layers of 128 units, Adam, and early stopping; ten
# draws of the labelled digits. The rivals learn from the labelled ones alone: ReLUs from He's start; the same with
# half of the units dropped (lesson 16); and a support vector machine with bent borders (lesson 08). Each side's rate
# (or the machine's two settings) is chosen on 500 validation digits; somebody with 100 labels does not have these.
#
# And to see whether it is the *unlabelled* pictures that help, one more: machines that dream of the 100 labelled
# digits only, in as many steps.

# %% tags=["T199"]
sides = {
    "pretrained": "pretrained",
    "pretrained on the labelled": "pretrained, labelled digits only",
    "ReLU": "ReLU",
    "ReLU, dropout": "ReLU, dropout",
    "kernel machine": "support vector machine",
}
tried = evidence("labels").sort_values(["validation_error", "validation_loss"], kind="stable")
chosen = tried.groupby(["labels", "side", "seed"]).head(1).replace({"side": sides})
few = {
    f"{number:,} labels": {
        side: runs.test_error[runs.side == side] for side in sides.values() if side in set(runs.side)
    }
    for number, runs in chosen.groupby("labels")
}
show(
    charts.dots({"": few}, "error on test digits", percent=True),
    alt="Errors on test digits, ten dots a row. With 100 labels: pretrained 18 to 24 %, pretrained on the labelled "
    "digits 20 to 24 %, ReLUs 20 to 28 %, with dropout 20 to 27 %, support vector machine 21 to 26 %. With 300 labels "
    "all lie between 10 and 17 %, with 1,000 between 6 and 11 %, the support vector machine lowest.",
)

# %% tags=["T199"]
gaps = pd.concat(
    {
        f"{number:,} labels": compare(runs, "side", "test_error", against="pretrained")
        for number, runs in chosen.groupby("labels")
    }
)
few_only, relus = "pretrained, labelled digits only", ["ReLU", "ReLU, dropout"]
assert all(gaps.loc["100 labels", "low"].drop(["pretrained", few_only]) > 0)
assert gaps.loc[("100 labels", few_only), "low"] < 0  # we could not tell
assert all(gaps.loc["1,000 labels"].loc[relus, "low"] < 0)
own = chosen[(chosen.labels == 100) & chosen.side.isin([few_only, "ReLU"])]
assert compare(own, "side", "test_error", against=few_only).loc["ReLU", "low"] > 0
assert all(gaps.loc[(number, "support vector machine"), "high"] < 0 for number in ("300 labels", "1,000 labels"))
pretrained, more = (
    chosen[(chosen.side == side) & (chosen.labels == number)] for side, number in (("pretrained", 100), ("ReLU", 300))
)
assert compare(pd.concat([pretrained, more]), "side", "test_error").loc["ReLU", "high"] < 0
gaps.drop(columns="seeds").round(3)

# %% [markdown]
# **With 100 labels the pretrained network makes fewer errors than ReLUs, with or without dropout, and than the support
# vector machine.** It is 3.9 points ahead of plain ReLUs. Are the unlabelled pictures the cause? Take them away:
# **Machines that have seen nothing but these 100 digits save errors against plain ReLUs, too**, 2.6 points. (Theirs are
# sigmoids: that alone may be a part of it.) Whether the other 3,400 digits add anything, we could not tell: the
# interval of the last 1.3 points just includes zero.
#
# And it fades. With 300 labels the pretrained network is 1.6 points ahead of plain ReLUs; but when these may choose a
# still higher rate, 0.01, the interval reaches zero: we could not tell. With 1,000 we could tell it from neither. **With 300 and with 1,000 labels the support vector machine makes fewer errors
# than the pretrained network.** What do more labels give? **Plain ReLUs with 300 labels make
# fewer errors than the pretrained network with 100.** (Not measured: more pictures than 3,500, convolutions, pretrained ReLUs.)
#
# ## In short
#
# | | what pretraining gave, measured here | what else gives it |
# |---|---|---|
# | a start | five and eight layers of sigmoids learn, which from a small start learn nothing | He's start with ReLUs: we could not tell them apart; batch normalisation starts them, too |
# | a small code | an autoencoder that beats PCA | random starts, only later |
# | few labels | with 100 labels, fewer errors than ReLUs | with 300 or 1,000 labels a support vector machine is better; plain ReLUs with 300 labels are better than pretraining with 100 |
#
# So what did looking at pictures do? It gave deep networks a start, which we now get from a line of code. Beyond that we
# saw a head start for autoencoders, and fewer errors where labels were few. How much of that the pictures *without*
# labels did, we could not tell.
#
# You can now count the states of a small machine, train a large one by contrastive divergence, stack and unroll them,
# and ask of any pretrained network the three questions of this lesson: against which start, which rival, which number
# of labels?
#
# ## Think about it
#
# **The error with which a machine repeats its pictures falls all the time. Is it learning?**
#
# <details><summary>Answer</summary>
#
# Not necessarily. Units that copy the pixels repeat everything, and find every picture equally probable. On nine pixels,
# with grey dreams, the error went down while the likelihood went down, too. Look at the likelihood where it can be counted, and else at
# what the machine dreams.
# </details>
#
# **Why should knowing what digits look like help to tell which digit one is?**
#
# <details><summary>Answer</summary>
#
# Only if what varies most in the pictures is also what the labels hang on. Suppose that the label were the brightness
# of one corner pixel: features of strokes would be of no use. (An argument, not a
# measurement: see Dumitru Erhan below.)
# </details>
#
# ## Further reading
#
# - G. Hinton and R. Salakhutdinov, [*Reducing the dimensionality of data with neural
#   networks*](https://doi.org/10.1126/science.1127647), 2006.
# - G. Hinton, [*Training products of experts by minimizing contrastive
#   divergence*](https://doi.org/10.1162/089976602760128018), 2002.
# - G. Hinton, S. Osindero and Y.-W. Teh, [*A fast learning algorithm for deep belief
#   nets*](https://doi.org/10.1162/neco.2006.18.7.1527), 2006: the stack, and its bound.
# - Y. Bengio, P. Lamblin, D. Popovici and H. Larochelle, *Greedy layer-wise training of deep networks*, NIPS 2006.
# - D. Erhan and others, [*Why does unsupervised pre-training help deep
#   learning?*](https://jmlr.org/papers/v11/erhan10a.html), 2010.
# - X. Glorot, A. Bordes and Y. Bengio, [*Deep sparse rectifier neural
#   networks*](https://proceedings.mlr.press/v15/glorot11a.html), 2011.
