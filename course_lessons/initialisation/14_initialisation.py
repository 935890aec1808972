# ---
# jupyter:
#   course:
#     title: "Initialisation: does it matter where you start?"
#     summary: "Zero, small, large or just right: what the first random numbers do to signals, gradients and learning."
#     objectives:
#       - "explain why units that start alike stay alike, and what breaks the tie"
#       - "derive the variance rule, forwards and backwards, and name what it assumes"
#       - "tell vanishing from exploding gradients, and see both in one network"
#       - "choose between LeCun's, Glorot's and He's start, for dense and convolutional kernels, and say what tanh asks for"
#       - "say when the start decides whether a network learns, and when it hardly matters"
#     needs: [05_mlp_backprop, 07_activations]
#     minutes: 75
#     data: [mnist_5k]
# ---

# %% [markdown]
# Training changes every weight, thousands of times. So the first values should hardly matter: wherever the network
# starts, the gradient shows it the way down.
#
# **Does it matter where you start, if the network learns anyway?** Begin with the most modest start there is.

# %%
from functools import partial

import keras
import numpy as np
import pandas as pd

from course_lessons.initialisation import figures
from course_lib import data, layers
from course_lib.evidence import compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## All zeros
#
# Two inputs, three hidden units, one output; every weight is 0, the hidden units are sigmoids. What do the hidden units
# say (their outputs $z$), and what are they told on the way back (their messages $\delta = \partial\ell/\partial a$)?


# %% tags=["Q12", "nbval-check-output"]
def three_steps(first_weight):
    """Three steps of gradient descent on one example, from weights that are all alike."""
    x, target = np.array([0.3, -1.2]), 1.0
    W1, W2 = np.full((2, 3), first_weight), np.full((3, 1), first_weight)
    rows = []
    for step in range(3):
        z = layers.sigmoid(x @ W1)
        error = z @ W2 - target  # the message to the output, for half the squared error
        delta = z * (1 - z) * (W2 @ error)
        rows.append([step, *z.round(4), *delta.round(4) + 0.0])
        W2 -= 0.5 * np.outer(z, error)
        W1 -= 0.5 * np.outer(x, delta)
    return pd.DataFrame(rows, columns=["step", "z1", "z2", "z3", "delta1", "delta2", "delta3"])


three_steps(first_weight=0.0)

# %% [markdown]
# In step 0 the messages are 0: they come back through the upper weights, which are still 0. Then these weights move. But
# the three units say the same, so the weights above them change alike, so they are told the same, so they stay the
# same. Nothing in the rule can part them: this is **symmetry**. Zero is not to blame. (Try `three_steps(0.1)`.)
#
# Now real digits: 16 hidden units, five passes, in Keras. (From each pixel we take its mean, then divide all by one
# number.) How many different units will there be at the end, and what is the *rank* of their matrix of weights, the
# number of its columns that are independent of one another?

# %%
digits = data.mnist_5k()
mean, deviation = digits.train.images.mean(axis=0), digits.train.images.std()
train_images = (digits.train.images - mean) / deviation
validation_images = (digits.validation.images - mean) / deviation


def network(start, activation, hidden, units):
    """Dense layers. `start()` makes an initialiser for each: one that is used twice draws the same numbers twice."""
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten()])
    for _ in range(hidden):
        model.add(keras.layers.Dense(units, activation=activation, kernel_initializer=start()))
    model.add(keras.layers.Dense(10, kernel_initializer=start()))
    return model


def train(model, learning_rate, epochs):
    """Train with plain SGD; the share of validation digits that are read right afterwards."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss=loss, metrics=["accuracy"])
    model.fit(train_images, digits.train.labels, batch_size=50, epochs=epochs, verbose=0)
    return model.evaluate(validation_images, digits.validation.labels, verbose=0)[1]


# %% tags=["T171", "Q12"]
first_starts = {
    "zeros, tanh": (keras.initializers.Zeros, "tanh"),
    "zeros, sigmoid": (keras.initializers.Zeros, "sigmoid"),
    "all 0.1, sigmoid": (partial(keras.initializers.Constant, 0.1), "sigmoid"),
    "random, 0.1, sigmoid": (partial(keras.initializers.RandomNormal, stddev=0.1), "sigmoid"),
}
rows = []
for name, (start, activation) in first_starts.items():
    keras.utils.set_random_seed(0)
    model = network(start, activation, hidden=1, units=16)
    right = train(model, learning_rate=0.3, epochs=5)
    kernel = model.layers[1].get_weights()[0].round(4)
    rows.append([name, np.linalg.matrix_rank(kernel), len(np.unique(kernel, axis=1).T), f"{right:.0%}"])
symmetry = pd.DataFrame(rows, columns=["start", "rank", "different units", "validation digits right"])
assert symmetry["different units"].tolist() == [1, 1, 1, 16] and symmetry["rank"].tolist() == [0, 1, 1, 16]
symmetry

# %% [markdown]
# In the first three rows sixteen units are *one* unit, sixteen times over: the rank is never above 1. Random numbers
# give sixteen different ones. With tanh the zeros even stay zeros: a unit that says 0 to everything teaches nothing to
# the weights above it and hears nothing through them, so only the biases of the output move. (10 % is guessing.)
#
# **Exercise 1.** Two hidden units are twins, now and always, when *everything* about them is the same: the weights that
# lead in, the bias, and the weights that lead out. How many different units has a layer?


# %% exercise="different_units"
def different_units(kernel, bias, next_kernel):
    """kernel (inputs, units), bias (units,), next_kernel (units, outputs). Returns how many units differ."""
    ### BEGIN SOLUTION
    return len(np.unique(np.column_stack([kernel.T, bias, next_kernel]), axis=0))
    ### END SOLUTION


# %% check="different_units"
check(different_units)

# %% [markdown]
# ## Small random numbers
#
# So draw them at random, and small, so that no unit begins with an opinion: a normal distribution with a standard
# deviation of 0.01. One hidden layer, then ten. What do you expect?

# %% tags=["C05", "T172"]
small = partial(keras.initializers.RandomNormal, stddev=0.01)
keras.utils.set_random_seed(0)
rows = []
for hidden in (1, 10):
    right = train(network(small, "tanh", hidden, units=40), learning_rate=0.1, epochs=5)
    rows.append([hidden, f"{right:.0%}"])
pd.DataFrame(rows, columns=["hidden layers", "validation digits right"])

# %% [markdown]
# One run proves little. Here are the test errors of five seeds, twenty passes, four learning rates each; for every seed
# the rate and the number of passes are chosen on the validation digits. Guessing has an error of 0.9.

# %% tags=["T172"]
record = evidence("starts")


def best_rates(record, network, by="validation_error"):
    """Of every start and seed, the row of the rate that did best on validation digits."""
    rows = record[record["network"] == network]
    return rows.loc[rows.groupby(["start", "seed"], sort=False)[by].idxmin()].reset_index(drop=True)


shallow, deep = (best_rates(record, f"{hidden}, tanh") for hidden in ("1 hidden layer", "10 hidden layers"))
small_start = pd.concat([shallow, deep]).query("start == 'normal, 0.01'")
assert (shallow.query("start == 'normal, 0.01'")["test_error"] < 0.12).all()
assert (record.query("start == 'normal, 0.01' and network == '10 hidden layers, tanh'")["test_error"] > 0.85).all()
small_start.pivot(index="network", columns="seed", values="test_error")

# %% [markdown]
# From 0.01 ten hidden layers stay at guessing, for every seed and at every rate, while one hidden layer reads nine
# digits in ten. What happens on the way? Look at the signals.
#
# ## Ten layers, one by one
#
# The classic experiment: 1,000 random inputs of 500 numbers each, ten tanh layers of 500 units, weights of 0.01. The
# inputs have a standard deviation of 1. How large are the outputs of layer 10?

# %% tags=["C06", "nbval-check-output"]
rng = np.random.default_rng(0)
signal, deviations = rng.normal(size=(1000, 500)), []
for _ in range(10):
    signal = np.tanh(signal @ rng.normal(0, 0.01, (500, 500)))
    deviations.append(f"{signal.std():.1e}")
pd.DataFrame([deviations], columns=range(1, 11), index=["standard deviation"])

# %% [markdown]
# Each layer leaves about a fifth. Where does that fifth come from?
#
# ## The variance rule, forwards
#
# Unit $j$ adds up $a_j = \sum_{i=1}^{n} x_i W_{ij}$; its bias is 0. Hold the inputs $x_i$ fixed and draw the weights
# many times; $E[\cdot]$ is the average over the draws. *Assume* that
#
# 1. every weight has the mean 0 and the same variance $\mathrm{Var}(W)$;
# 2. the weights are independent of one another and of the inputs.
#
# Then $E[a_j] = \sum_i x_i\,E[W_{ij}] = 0$, and so
#
# $$\mathrm{Var}(a_j) = E[a_j^2] = \sum_i \sum_k x_i x_k\,E[W_{ij}W_{kj}] = \sum_i x_i^2\,\mathrm{Var}(W) = n\,\mathrm{Var}(W)\cdot\mathrm{mean}(x^2).$$
#
# The double sum collapses since for $i \ne k$ independence makes $E[W_{ij}W_{kj}]$ a product of two means, 0 · 0. About
# the inputs nothing was assumed: neighbouring pixels may be alike, and their mean need not be 0. That is why their mean
# *square* stands there, not their variance. Real digits, then, and 500 units. Take away one assumption at a time:

# %% tags=["T176"]
pixels = digits.test.images[:200].reshape(200, 784)
rows = []
for seed in range(5):
    rng = np.random.default_rng(seed)
    kernels = {
        "as assumed": rng.normal(0, 0.05, (784, 500)),
        "mean 0.05 instead of 0": rng.normal(0.05, 0.05, (784, 500)),
        "not independent: a unit's weights all equal": rng.normal(0, 0.05, 500) * np.ones((784, 1)),
    }
    for name, kernel in kernels.items():
        predicted = 784 * kernel.var() * np.mean(pixels**2)
        rows.append({"weights": name, "measured / predicted": np.mean((pixels @ kernel) ** 2) / predicted})
ratios = pd.DataFrame(rows).groupby("weights", sort=False)["measured / predicted"].agg(["mean", "min", "max"]).round(2)
assert ratios.loc["as assumed"].between(0.9, 1.1).all() and ratios["min"].iloc[1:].min() > 100
ratios

# %% [markdown]
# With both assumptions the rule holds within a few per cent. With one of them broken like this it is more than a
# hundredfold off. They are true *before the first step*; afterwards all weights depend on the same pictures.
#
# One thing is missing, the activation. tanh is nearly a straight line around 0, so *assume*
#
# 3. a **linear zone**: the sums are so small that $\tanh(a) \approx a$.
#
# Then outputs have the mean square of the sums, the next kernel is independent of them, and the rule applies again.
# Each layer multiplies the mean square by $n\,\mathrm{Var}(W)$, and its root, the **rms** (root mean square; for
# numbers with the mean 0 it is the standard deviation), by $\sqrt{n}$ times the deviation of the weights:
# $\sqrt{500}\cdot 0.01 = 0.2236$.
#
# Measure it for five draws. The function also sends random messages of size 1 back from the top, for later.


# %%
def ten_layers(start, activation, seed, examples=1000):
    """Ten layers of 500 units on random inputs, random messages sent back: a row of statistics for each layer."""
    rng, rows = np.random.default_rng(seed), []
    signal, message = rng.normal(size=(examples, 500)), rng.normal(size=(examples, 500))
    chain = [(layers.Dense(500, 500, rng), activation()) for _ in range(10)]
    for number, (dense, bend) in enumerate(chain, start=1):
        dense.parameters["kernel"] = keras.ops.convert_to_numpy(start(seed=100 * seed + number)((500, 500)))
        signal = bend.forward(dense.forward(signal))
        beyond = np.mean(np.abs(signal) > 0.99)
        rows.append({"seed": seed, "layer": number, "mean": signal.mean(), "outputs": rms(signal), "beyond": beyond})
    for row, (dense, bend) in zip(rows[::-1], chain[::-1], strict=True):
        delta = bend.backward(message)
        message = dense.backward(delta)
        row |= {"message": rms(message), "typical": np.median(np.abs(delta))}
        row["gradient"] = rms(dense.gradients["kernel"]) / examples
    return pd.DataFrame(rows)


def rms(numbers):
    return np.sqrt(np.mean(numbers**2))


def by_layer(table, column):
    """(layers, seeds)"""
    return table.pivot(index="layer", columns="seed", values=column).to_numpy()


# %% [markdown]
# Next to our numbers stand those of a run that the deck "Convolutional Neural Network" prints, and the rule's.

# %% tags=["T173", "H06"]
vanishing = pd.concat([ten_layers(small, layers.Tanh, seed) for seed in range(5)])
outputs = by_layer(vanishing, "outputs")
printed = [0.213081, 0.047551, 0.010630, 0.002378, 0.000532, 0.000119, 0.000026, 0.000006, 0.000001, 0.000000]
assert np.allclose(outputs.mean(axis=1), printed, rtol=0.03, atol=1e-6)
against_printed = pd.DataFrame(
    {
        "lowest": outputs.min(axis=1),
        "highest": outputs.max(axis=1),
        "printed": printed,
        "0.2236 ** layer": (np.sqrt(500) * 0.01) ** np.arange(1, 11),
    },
    index=pd.RangeIndex(1, 11, name="layer"),
)
against_printed.apply(lambda column: column.map("{:.7f}".format))

# %% [markdown]
# All are within 3 % of the printed ones, as far as the six printed decimals reach. From layer 2 on, each step is close
# to 0.2236. The first factor is smaller, 0.213: sums of this size are already a little outside the linear zone. **The
# signal vanishes.** Layer 10 gives three ten-millionths of what came in.
#
# ## The variance rule, backwards
#
# On the way back, unit $j$ has the message $\delta_j$, and input $i$ hears from all $n_\text{out}$ units that it feeds:
# $\partial\ell/\partial x_i = \sum_j W_{ij}\,\delta_j$. That is the same kind of sum. *Assume*
#
# 4. that the messages are independent of the weights they pass.
#
# This is not strictly so: messages have passed slopes, and these depend on sums that the same weights made. We shall
# measure how good it is. With it, $E[(\partial\ell/\partial x_i)^2] =
# n_\text{out}\,\mathrm{Var}(W)\cdot\mathrm{mean}(\delta^2)$, by the same two lines. To reach the sums of the layer
# below, a message is multiplied by the slope $f'(a)$: about 1 in the linear zone.
#
# So messages, too, shrink by 0.2236 a layer, downwards. And the gradient by a kernel, $X^\top\delta$ (a row of $X$ is
# what the layer is fed for one example)? In layer 10
# $\delta$ is strong and $X$ nearly nothing; in layer 1 it is the other way round. Layer $l$ has $X$ scaled by
# $0.2236^{\,l-1}$ and $\delta$ by $0.2236^{\,10-l}$: their product is the same everywhere, $0.2236^9 \approx 1.4 \cdot
# 10^{-6}$. (The mean over 1,000 unrelated examples divides it by another $\sqrt{1000}$.)

# %% tags=["Q13", "T175", "F345"]
messages, gradients = by_layer(vanishing, "message"), by_layer(vanishing, "gradient")
factors = messages[:-1] / messages[1:]
assert np.all(np.abs(factors / 0.2236 - 1) < 0.05)
assert np.all(np.abs(gradients / (0.2236**9 / np.sqrt(1000)) - 1) < 0.15)
print(f"message, from layer to layer: times {factors.min():.3f} to {factors.max():.3f}")
curves = {"outputs, forward": outputs, "messages, back": messages, "gradient by the kernel": gradients}
show(
    charts.lines(curves, range(1, 11), "layer", "root mean square", log="y"),
    alt="Outputs fall from left to right, messages fall from right to left, each on a straight line through seven "
    "powers of ten. The gradient by the kernel is level in all layers, at about four hundred-millionths.",
)

# %% [markdown]
# Assumption 4 was good enough: the factor is right within 5 %. The gradient is equally tiny *everywhere*, some
# $4\cdot10^{-8}$. A step of SGD at a rate of 1 would change weights of 0.01 by a few millionths of their size.
#
# **Exercise 2.** Above, `layers` did the way back. Write it yourself, for tanh layers without biases: forward first,
# then down from the top. Each gradient is the sum over the examples, `outputs.T @ delta`.


# %% exercise="gradient_statistics"
def gradient_statistics(inputs, kernels, upstream):
    """inputs (examples, features), a kernel (inputs, units) for each tanh layer; upstream (examples, last units) is
    the gradient by the last outputs.

    Returns the standard deviation of the gradient by each kernel, first layer first.
    """
    ### BEGIN SOLUTION
    outputs = [inputs]
    for kernel in kernels:
        outputs.append(np.tanh(outputs[-1] @ kernel))
    deviations = []
    for k in reversed(range(len(kernels))):
        sums = upstream * (1 - outputs[k + 1] ** 2)
        deviations.append((outputs[k].T @ sums).std())
        upstream = sums @ kernels[k].T
    return np.array(deviations[::-1])
    ### END SOLUTION


# %% check="gradient_statistics"
check(gradient_statistics)

# %% [markdown]
# ## Large random numbers
#
# Then 1.0 instead of 0.01. Now each layer would multiply by $\sqrt{500} = 22$. Where will tanh put such sums?

# %% tags=["C07", "T174", "H06"]
large = partial(keras.initializers.RandomNormal, stddev=1.0)
exploding = pd.concat([ten_layers(large, layers.Tanh, seed) for seed in range(5)])
assert np.allclose(exploding["outputs"], 0.9817, rtol=0.03) and np.allclose(exploding["beyond"], 0.904, atol=0.01)
assert max(vanishing["mean"].abs().max(), exploding["mean"].abs().max()) < 0.01
exploding[["mean", "outputs", "beyond"]].agg(["min", "max"]).round(4)

# %% tags=["G31", "T173", "T174", "picture"]
histories = {}
for name, weight in {"weights 0.01": 0.01, "weights 1.0": 1.0}.items():
    rng = np.random.default_rng(0)
    signals = [rng.normal(size=(1000, 500))]
    for _ in range(10):
        signals.append(np.tanh(signals[-1] @ rng.normal(0, weight, (500, 500))))
    histories[name] = signals[1:]
show(
    figures.layer_histograms(histories),
    alt="Histograms of the outputs of ten layers. Weights 0.01: a bell in layer 1, then a needle at "
    "zero. Weights 1.0: two towers at -1 and 1 in every layer.",
)

# %% [markdown]
# With 0.01 a needle at 0, with 1.0 two peaks at ±1. The table shows the lowest and the highest of ten layers and five
# draws: the outputs have an rms of 0.98, and the share `beyond` ±0.99, where tanh is nearly flat, is nine in ten.
#
# Are all gradients zero, then? Look at the message to a typical unit (the median of $|\delta|$), and at the rms of what
# the layer passes on. Outside the linear zone the backward rule contains the slopes:
# $n\,\mathrm{Var}(W)\cdot\mathrm{mean}(f'(a)^2)$.

# %% tags=["T174", "F344"]
strength, typical = by_layer(exploding, "message"), by_layer(exploding, "typical")
growth = (strength[0] / strength[-1]) ** (1 / 9)
slopes = 1 - histories["weights 1.0"][-1] ** 2
by_the_rule = np.sqrt(500 * np.mean(slopes**2))
print(f"The rms grows {growth.min():.2f} to {growth.max():.2f} times per layer; the rule says {by_the_rule:.2f}.")
assert typical.max() < 1e-5 and np.allclose(growth, by_the_rule, rtol=0.05)
curves = {"rms of what is passed on": strength, "typical message (median)": typical}
show(
    charts.lines(curves, range(1, 11), "layer", "message", log="y"),
    alt="Going back from layer 10 to layer 1 what is passed on grows along a straight line from 3 to hundreds of "
    "thousands. The typical message grows, too, but from less than a billionth to about a hundred-millionth.",
)

# %% [markdown]
# A typical unit hears almost nothing, a few hear very much. The messages do not vanish, *they explode*: one output in
# ten is on a part of tanh that still has some slope, and its message goes on, multiplied by weights of size 1.
#
# ## Just right
#
# Too small shrinks, too large saturates. The signal keeps its strength if the factor is 1:
#
# $$\text{forwards: } n_\text{in}\,\mathrm{Var}(W) = 1, \qquad \text{backwards: } n_\text{out}\,\mathrm{Var}(W) = 1.$$
#
# Both hold only if $n_\text{in} = n_\text{out}$. Xavier Glorot and Yoshua Bengio put the mean of $n_\text{in}$ and
# $n_\text{out}$ in their place.
#
# *ReLU* leaves the linear zone at once. But weights drawn symmetrically around 0 make a sum as often positive as
# negative, so half of its *second moment* is lost: $E[\mathrm{relu}(a)^2] = \tfrac12 E[a^2]$. (Not half of the
# variance: the outputs now have a positive mean, and the rule wants the mean square.) Backwards the slope is 1 for one
# half of the units and 0 for the other, whatever the message (assumption 4): half again. So $\tfrac12 n\,\mathrm{Var}(W) = 1$: that is Kaiming He's rule.
#
# | $\mathrm{Var}(W)$ | Keras | also called | made for |
# |---|---|---|---|
# | $1/n_\text{in}$ | `LecunNormal` | "Xavier" in Caffe | linear zone, forwards |
# | $2/(n_\text{in}+n_\text{out})$ | `GlorotNormal` | Xavier (Glorot's first name) | linear zone, both ways |
# | $2/n_\text{in}$ | `HeNormal` | Kaiming, MSRA | ReLU |
#
# One man gave two names: what Caffe's `xavier` draws by default has LeCun's variance of 1998. `GlorotUniform`, which
# Keras' dense and convolution layers use unless told otherwise, draws evenly between $\pm\sqrt{3\,\mathrm{Var}(W)}$ with Glorot's
# variance: the rule asks for a variance, not for a bell.
#
# **Exercise 3.** For a convolution a kernel has the shape (height, width, in channels, filters). How many numbers does
# one filter add up? That is its $n_\text{in}$. And into how many sums of all filters together does one input number go
# (stride 1, away from the edges)? That is $n_\text{out}$. Write Glorot's standard deviation.


# %% exercise="glorot_deviation"
def glorot_deviation(shape):
    """shape of a kernel: (inputs, units) or (height, width, in_channels, filters). Returns one number."""
    ### BEGIN SOLUTION
    area = np.prod(shape[:-2])
    return np.sqrt(2 / (area * (shape[-2] + shape[-1])))
    ### END SOLUTION


# %% check="glorot_deviation"
check(glorot_deviation)

# %% [markdown]
# **Exercise 4.** Leaky ReLU passes positive sums as they are and negative ones multiplied by `slope`. Derive its rule.
# (1) Which part of $E[a^2]$ do the positive sums bring? (2) Which part do the negative ones bring, once multiplied? (3)
# So which $\mathrm{Var}(W)$ keeps the mean square? Return the standard deviation.


# %% exercise="leaky_deviation"
def leaky_deviation(shape, slope):
    """shape of a kernel as in exercise 3. Returns the deviation that keeps the mean square through leaky ReLU."""
    ### BEGIN SOLUTION
    fan_in = np.prod(shape[:-1])
    return np.sqrt(2 / ((1 + slope**2) * fan_in))
    ### END SOLUTION


# %% check="leaky_deviation"
check(leaky_deviation)

# %% [markdown]
# ## And tanh, which bends?
#
# The linear zone is only an approximation. Outside of it tanh loses some of the mean square in every layer, so a factor
# of exactly 1 is too little. Write the deviation of the weights as $g/\sqrt{n_\text{in}}$; $g$ is the *gain*: 1 is
# LeCun's start, $\sqrt 2 = 1.41$ is He's. Suppose the sums of one layer to be normal with rms 1. Which gain gives the
# next layer the same? The one with $g^2\,E[f(u)^2] = 1$ for a standard normal $u$:

# %%
normal_sums = np.random.default_rng(0).normal(size=1_000_000)
activations = {"a straight line": lambda a: a, "ReLU": lambda a: np.maximum(a, 0), "tanh": np.tanh}
gains = {name: 1 / rms(activation(normal_sums)) for name, activation in activations.items()}
pd.Series(gains, name="gain").round(2).to_frame()

# %% [markdown]
# For tanh 1.59. PyTorch recommends 5/3 = 1.67 (`torch.nn.init.calculate_gain`; its page gives no derivation). Both are closer
# to He's 1.41 than to 1. Draw all kernels with Keras' initialisers, and watch both ways. (With as many units as inputs
# Glorot's start is LeCun's.) Which would you take?

# %% tags=["T176"]
five_thirds = partial(keras.initializers.VarianceScaling, scale=(5 / 3) ** 2, mode="fan_in")
lecun, he = keras.initializers.LecunNormal, keras.initializers.HeNormal
pairs = {
    "tanh, Glorot (= LeCun)": (keras.initializers.GlorotNormal, layers.Tanh),
    "tanh, He": (he, layers.Tanh),
    "tanh, 5/3": (five_thirds, layers.Tanh),
    "ReLU, LeCun": (lecun, layers.ReLU),
    "ReLU, He": (he, layers.ReLU),
}
tables = {
    name: pd.concat([ten_layers(start, activation, seed, examples=100) for seed in range(5)])
    for name, (start, activation) in pairs.items()
}
both_ways = {
    "outputs, forward": {name: by_layer(table, "outputs") for name, table in tables.items()},
    "messages, back": {name: by_layer(table, "message") for name, table in tables.items()},
}
show(
    charts.lines(both_ways, range(1, 11), "layer", "root mean square", log="y"),
    alt="Left, outputs: ReLU with He's start is level at 1, tanh settles near 0.65 with 5/3 and near 0.55 with He's start, "
    "tanh with Glorot's falls slowly to 0.2, ReLU with LeCun's steadily to 0.03. Right, messages from layer 10 down to 1: "
    "ReLU with He's level at 1, tanh with He's rising to 1.4 and back to 1.1, tanh with 5/3 rising to 2, tanh with "
    "Glorot's falling to a quarter, ReLU with LeCun's to 0.03.",
)

# %% tags=["T176"]
rows = []
for name, table in tables.items():
    top, received = by_layer(table, "outputs")[-1], by_layer(table, "message")
    back = (received[0] / received[-1]) ** (1 / 9)
    rows.append([name, top.mean(), top.min(), top.max(), back.mean()])
headings = ["network", "outputs of layer 10", "lowest", "highest", "messages, times per layer"]
through = pd.DataFrame(rows, columns=headings).set_index("network").round(2)
assert np.allclose(through["outputs of layer 10"], [0.23, 0.56, 0.65, 0.03, 0.98], atol=0.03)
assert np.allclose(through["messages, times per layer"], [0.87, 1.0, 1.07, 0.71, 1.0], atol=0.02)
through

# %% [markdown]
# tanh with the gain 1 falls to 0.23, and messages lose 13 % a layer on the average. The factor is not steady: the weaker
# the signals, the straighter is tanh for them. With He's start outputs settle at 0.56; messages rise to 1.4 on their
# way and end near 1.1. With 5/3 outputs stay at 0.65, but messages grow by 7 % a layer. So on tanh, too, He's gain
# comes closest to level both ways, among these three. ReLU loses a factor of $1/\sqrt 2 = 0.71$ a layer with LeCun's
# start and, on the average, nothing with He's.
#
# Now play, with layers of 100 units. The gain 0.22 was the small start, 22 the large one. Can you find a gain for the
# sigmoid at which thirty layers let a message through? The picture shows tanh with the gain 1; the sliders below it
# start there.

# %% tags=["picture"]
show(
    figures.signals_through_layers(),
    alt="tanh, gain 1, ten layers: outputs fall from 0.6 in layer 1 to 0.2 in layer 10; the gradient by the inputs falls "
    "from 1 in layer 10 to 0.25 in layer 1. The outputs of layer 10 are a bell between -0.6 and 0.6.",
)

# %% tags=["T176", "widget"]
explore(
    figures.signals_through_layers,
    alt="Two curves over the layers, on a log scale: the deviation of the outputs, going forward, and "
    "of the gradient, going back; beside them a histogram of the last layer's outputs.",
    gain=[0.22, 0.5, 0.7, 1.0, 1.2, 1.41, 1.7, 2.0, 4.0, 8.0, 22.0],
    layers=(2, 40, 2),
    activation=["tanh", "ReLU", "sigmoid"],
)

# %% [markdown]
# <details><summary>A gain for the sigmoid</summary>
#
# 8: about a fortieth of the gradient arrives at layer 1 of thirty. With 4 it is less than a millionth; with 22 it grows
# to more than ten thousand.
# </details>
#
# ## Does it matter?
#
# Statistics are one thing, learning another. Here is the whole record: hidden layers of 40 units, five seeds, twenty
# passes; rate (of four, for Adam of three) and pass chosen on the validation digits. What do you expect of each start?

# %% tags=["T172", "T176", "Q12"]
final = {name: best_rates(record, name) for name in record["network"].unique()}
errors = {
    name: {start: rows["test_error"].tolist() for start, rows in best.groupby("start", sort=False)}
    for name, best in final.items()
    if "Adam" not in name
}
show(
    charts.dots(errors, "test error", guessing=0.9, percent=True),
    alt="One hidden layer: all starts lie near 10 %, but for 1.0 at 20 %. Ten tanh layers: 0.01 lies at 90 %, 1.0 near "
    "69 %, LeCun, Glorot, He and 5/3 between 9 and 13 %. Ten ReLU layers: 0.01 at 90 %, LeCun, Glorot and He near 10 %.",
)

# %% tags=["T172", "T176"]
differences = {name: compare(best, "start", "test_error", against="LeCun") for name, best in final.items()}
settled = pd.concat(differences, names=["network", "start"])[["mean", "difference", "low", "high"]]
assert settled.loc[("1 hidden layer, tanh", "normal, 1.0"), "low"] > 0.05
assert settled.loc["10 hidden layers, tanh"].loc[["normal, 0.01", "normal, 1.0"], "low"].min() > 0.3
for name in ("10 hidden layers, tanh", "10 hidden layers, ReLU"):
    assert settled.loc[(name, "He"), "low"] < 0 < settled.loc[(name, "He"), "high"]
settled.round(3)

# %% [markdown]
# "difference" is to LeCun's start, with its paired 95 % interval: 0.1 is ten digits in a hundred, ten points.
#
# - *One hidden layer* forgives 0.01, but not everything: a start of 1.0 costs one hidden layer about ten points.
#   (It learned best at the largest of our rates, 1.0; a larger one may cost less.)
# - *Ten layers*, tanh or ReLU, learn nothing from 0.01. From 1.0, ten tanh layers are still wrong on two digits in
#   three. Their best passes lie between the 14th and the 20th, so they may not have settled.
# - *Adam* divides each step by the usual size of the gradients, plus a small $\varepsilon = 10^{-7}$. Small gradients
#   alone need not stop it. But Adam does not rescue ten layers from 0.01: eight digits in ten stay wrong. (By the rule 40 units
#   leave $\sqrt{40}\cdot 0.01 = 0.06$ a layer, less than $10^{-10}$ after nine: these gradients begin far below $\varepsilon$.)
# - **Between LeCun's and He's start** we could not tell a difference in the end, neither with tanh nor with ReLU:
#   the intervals include zero. So does that of tanh with Adam, but only just.
# - *The gain 5/3* was tried with ten tanh layers. We could not tell it from LeCun's start, either.
#
# How fast does each start get there? The errors on the validation digits after three passes, each at the rate that is
# best by then:

# %% tags=["T176"]
early = {name: best_rates(record, name, by="early_error") for name in final}
speed = {name: compare(best, "start", "early_error", against="LeCun") for name, best in early.items()}
after_three = pd.concat(speed, names=["network", "start"])[["mean", "difference", "low", "high"]]
assert after_three.loc[("10 hidden layers, ReLU", "He"), "high"] < 0
after_three.loc[["10 hidden layers, tanh", "10 hidden layers, ReLU"]].round(3)

# %% [markdown]
# Here the two starts part: after three passes, ten ReLU layers make fewer errors from He's start than from LeCun's.
# In the end, up to seventeen passes later, we could not tell them apart, although LeCun's start lets only
# $0.71^{10} = 0.03$ of the signal through. With tanh we could not tell LeCun's from He's here, either.

# %% [markdown]
# ## Measure instead of deriving
#
# Every rule above assumes something. Dmytro Mishkin and Jiří Matas do without: they send some pictures through the first
# layer, *measure*, and scale its kernel until the size is right; then the next layer.
#
# **Exercise 5.** Real digits go through tanh layers without biases. By which factor must each kernel be multiplied, so
# that the sums of *every* layer have the rms 1 on these images? Go up from the first layer: what a layer is fed depends
# on those below, set right already.


# %% exercise="measured_factors"
def measured_factors(images, kernels):
    """images (examples, pixels), a kernel (inputs, units) for each tanh layer. Returns one factor for each kernel."""
    ### BEGIN SOLUTION
    outputs, factors = images, []
    for kernel in kernels:
        sums = outputs @ kernel
        factors.append(1 / np.sqrt(np.mean(sums**2)))
        outputs = np.tanh(factors[-1] * sums)
    return np.array(factors)
    ### END SOLUTION


# %% check="measured_factors"
check(measured_factors)

# %% [markdown]
# Can your function rescue a real network, the ten layers from 0.01 that stayed at guessing above?

# %%
keras.utils.set_random_seed(0)
rescued = network(small, "tanh", hidden=10, units=40)
dense_layers = [layer for layer in rescued.layers if isinstance(layer, keras.layers.Dense)]
random_kernels = [layer.get_weights()[0] for layer in dense_layers]
try:
    found = measured_factors(train_images[:200].reshape(200, 784), random_kernels)
except NotImplementedError:
    print("First write measured_factors, above.")
else:
    for layer, factor in zip(dense_layers, found, strict=True):
        layer.set_weights([factor * layer.get_weights()[0], layer.get_weights()[1]])
    print(f"validation digits right: {train(rescued, learning_rate=0.1, epochs=5):.0%}")

# %% [markdown]
# With the right factors it learns: the rate and the five passes are those of the table above, and now about nine digits
# in ten are right. (One run.)
#
# ## What to take
#
# The numbers are those of our ten layers of 500 units.
#
# | start | deviation of the weights | ten layers forward | going back | take it |
# |---|---|---|---|---|
# | zeros | 0 | all units alike | all messages alike | for biases |
# | small | 0.01 | vanishes | vanishes | it was enough for one hidden layer |
# | large | 1.0 | saturates tanh | explodes, through few units | no |
# | LeCun, Glorot | $\sqrt{1/n_\text{in}}$, $\sqrt{2/(n_\text{in}+n_\text{out})}$ | tanh to 0.23, ReLU to 0.03 | tanh × 0.87, ReLU × 0.71 a layer | for tanh; Keras' default is Glorot's |
# | He | $\sqrt{2/n_\text{in}}$ | tanh to 0.56, ReLU level | ReLU level, tanh nearly | for ReLU; with tanh we could not tell it from LeCun's |
# | gain 5/3 | $\tfrac53\sqrt{1/n_\text{in}}$ | tanh to 0.65 | tanh × 1.07 a layer | with tanh we could not tell it from LeCun's |
#
# **Does it matter where you start?** If all weights are alike, units never part. One hidden layer forgave a small
# start. In ten layers a factor is raised to the tenth power, and where no gradient is left nothing was learned. Close
# to a factor of 1 there is room: the starts with a name all learned.
#
# You can now
#
# - say why equal units stay equal, and count the different ones;
# - derive the variance rule in both directions, and say what it assumes;
# - find out from the outputs and messages of each layer whether a network vanishes, explodes or keeps its signals;
# - compute LeCun's, Glorot's, He's deviation for any kernel, derive the one for another activation, or measure it.
#
# The next lesson, batch normalisation, measures and rescales at *every* step, not only at the first.
#
# ## Think about it
#
# **Keras starts all biases at zero. Why is that no mistake?**
#
# <details><summary>Answer</summary>
#
# Two units are twins only if everything about them is the same. Random kernels part them already; the biases may
# start alike, and zero prefers no direction. The variance rule assumed it, too.
# </details>
#
# **A residual layer computes $x + f(x)$. Why can one start $f$ with a last kernel of zeros, and what happens to a signal
# that passes fifty such layers?**
#
# <details><summary>Answer</summary>
#
# Then each layer passes $x$ on unchanged, forwards and backwards: no factor, so nothing to raise to the fiftieth power.
# The last kernel's units differ in what they are told, since their messages come from different places of $x$; so they
# part at the first step.
# </details>
#
# ## Further reading
#
# - Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, *Efficient BackProp*, 1998, [doi:10.1007/3-540-49430-8_2](https://doi.org/10.1007/3-540-49430-8_2): deviation $1/\sqrt{n}$.
# - X. Glorot and Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, [AISTATS 2010](https://proceedings.mlr.press/v9/glorot10a.html).
# - K. He, X. Zhang, S. Ren and J. Sun, *Delving deep into rectifiers*, 2015, [arXiv:1502.01852](https://arxiv.org/abs/1502.01852): the factor 2, and leaky units.
# - A. Saxe, J. McClelland and S. Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep linear neural
#   networks*, 2014, [arXiv:1312.6120](https://arxiv.org/abs/1312.6120): orthogonal starts.
# - D. Mishkin and J. Matas, *All you need is a good init*, 2016, [arXiv:1511.06422](https://arxiv.org/abs/1511.06422): measure, then rescale.
