# ---
# jupyter:
#   course:
#     title: "Initialisation: does it matter where you start?"
#     summary: "Zero, small, large or just right: what the first random numbers do to signals, gradients and learning."
#     objectives:
#       - "explain why units that start alike stay alike, and what breaks the tie"
#       - "predict how signals shrink or grow from layer to layer, and check it by measuring"
#       - "tell vanishing from exploding gradients, and see both in one network"
#       - "derive Xavier's and He's rules, and compute them for dense and convolutional kernels"
#       - "say when the start decides whether a network learns, and when it hardly matters"
#     needs: [05_mlp_backprop, 07_activations]
#     minutes: 75
#     data: [digits]
# ---

# %% [markdown]
# Training changes every weight, thousands of times. So the first values should hardly matter: wherever the network
# starts, the gradient shows it the way down. And yet for twenty years deep networks were thought impossible to train,
# and a good part of the reason was a badly chosen factor in front of a random number.
#
# **Does it matter where you start, if the network learns anyway?** Begin with the most modest start there is.

# %%
import ast
import itertools
from functools import partial

import keras
import numpy as np

from course_lessons.initialisation import figures
from course_lib import data, layers, losses, optim, scale
from course_lib.exercises import check, hint, solution
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## All zeros
#
# Two inputs, three hidden units, one output; every weight is 0, the hidden units are sigmoids. What do the hidden
# units say, and what are they told on the way back?

# %% tags=["Q12", "nbval-check-output"]
x, target = np.array([0.3, -1.2]), 1.0
W1, W2 = np.zeros((2, 3)), np.zeros((3, 1))
for step in range(3):
    hidden = layers.sigmoid(x @ W1)
    delta = hidden @ W2 - target  # squared error
    delta_hidden = hidden * (1 - hidden) * (W2 @ delta)
    print(f"step {step}: hidden {hidden.round(3)}, told {delta_hidden.round(3) + 0.0}")
    W2 -= 0.5 * np.outer(hidden, delta)
    W1 -= 0.5 * np.outer(x, delta_hidden)

# %% [markdown]
# They say the same, so the weights above them change alike, so they are told the same, so they stay the same. Each step
# moves them *together*. Nothing in the rule can part them: this is **symmetry**. Now with digits and 16 hidden units,
# for 20 epochs. How many different units will there be at the end, and what is the rank of the matrix?


# %% tags=["T171", "Q12"]
def classifier(activation, sizes, draw, seed):
    """Dense layers of these sizes, an activation between; `draw(rng, shape)` gives the first kernels."""
    rng, stack = np.random.default_rng(seed), []
    for shape in itertools.pairwise(sizes):
        dense = layers.Dense(*shape, rng)
        dense.parameters["kernel"] = draw(rng, shape)
        stack += [dense, activation()]
    return layers.Sequential(stack[:-1])


def train(net, rate, epochs, seed):
    """Right on new digits after these epochs."""
    recipe = {"loss": losses.softmax_cross_entropy, "optimizer": optim.SGD(rate)}
    rng = np.random.default_rng(seed)
    net.fit(digits, labels, epochs=epochs, batch_size=30, rng=rng, **recipe)
    return np.mean(net.forward(new_digits).argmax(axis=1) == new_labels)


def normal(deviation):
    return lambda rng, shape: rng.normal(0, deviation, shape)


written = data.digits(size=8)
old, new = written.train + written.validation, written.test
mean, deviation = old.images.mean(axis=0), old.images.std()
digits = ((old.images - mean) / deviation).reshape(-1, 64).astype(float)
new_digits = ((new.images - mean) / deviation).reshape(-1, 64).astype(float)
labels, new_labels = old.labels, new.labels

# %% tags=["T171", "Q12"]
starts = {
    "zeros, tanh": (layers.Tanh, lambda rng, shape: np.zeros(shape)),
    "zeros, sigmoid": (layers.Sigmoid, lambda rng, shape: np.zeros(shape)),
    "all 0.1, sigmoid": (layers.Sigmoid, lambda rng, shape: np.full(shape, 0.1)),
    "random, sigmoid": (layers.Sigmoid, normal(0.1)),
}
for name, (activation, draw) in starts.items():
    ranks, units, right = [], [], []
    for seed in range(3):
        net = classifier(activation, [64, 16, 10], draw, seed)
        right.append(train(net, 0.3, 20, seed))
        kernel = net.layers[0].parameters["kernel"]
        ranks.append(int(np.linalg.matrix_rank(kernel, tol=1e-6)))
        units.append(len(np.unique(kernel.round(6), axis=1).T))
    print(f"{name:17} rank {ranks}, different units {units},", end=" ")
    print(f"right {min(right):.0%} to {max(right):.0%}")
    assert max(ranks) <= 1 or (min(ranks) == 16 and min(right) > 0.85)

# %% [markdown]
# Sixteen units, and they are *one* unit, sixteen times over, for ever: the rank stays 1. With tanh it is worse: a unit
# that says 0 to everything teaches nothing to the weights above it and hears nothing through them, so only the output's
# biases move. Not the zero is to blame, but the sameness: 0.1 everywhere does no better.
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
# deviation of 0.01. Keras has it ready. One hidden layer, then ten. What do you expect?

# %% tags=["C05", "T172"]
draw = keras.initializers.RandomNormal(stddev=0.01, seed=0)((500, 500))
kind = keras.backend.standardize_dtype(draw.dtype)
print(f"in Keras: {kind}, standard deviation {np.std(draw):.5f}")
for hidden in (1, 10):
    right = []
    for seed in range(3):
        net = classifier(layers.Tanh, [64] * (hidden + 1) + [10], normal(0.01), seed)
        right.append(train(net, rate=0.1, epochs=5, seed=seed))
    print(f"hidden layers: {hidden:2}, {min(right):.0%} to {max(right):.0%} right")
    assert min(right) > 0.8 if hidden == 1 else max(right) < 0.2

# %% [markdown]
# One layer learns, ten do not learn at all. What happens in between? Look at the signals.
#
# ## Ten layers, one by one
#
# The classic experiment: 1000 random inputs, ten tanh layers of 500 units, weights of 0.01. Lecture slides show it in
# code of their time. Today such lines do not run. In what way does each fail?

# %% tags=["nbval-check-output"]
old_lines = {
    "print as a statement": "print 'layer', 1",
    "xrange": "for layer in xrange(10): pass",
    "iteritems": "for layer, spread in {1: 0.2}.iteritems(): pass",
    "a missing import": "noise = numpy.random.normal(size=3)",
}
for name, line in old_lines.items():
    try:
        exec(compile(ast.parse(line), name, "exec"), {})
    except (SyntaxError, NameError, AttributeError) as error:
        print(f"{name:20} {type(error).__name__}")

# %% [markdown]
# Python 3 needs just a short loop. (You may have seen the data called "10-D". Count the features.) How large will the outputs
# of layer 10 be, if those of layer 1 are about 0.2?


# %% tags=["C06", "nbval-check-output"]
def ten_layers(deviation, seed, activation=np.tanh):
    """Inputs and outputs of ten layers of 500 units, and their kernels."""
    rng = np.random.default_rng(seed)
    outputs, kernels = [rng.normal(size=(1000, 500))], []
    for _ in range(10):
        kernels.append(rng.normal(0, deviation, (500, 500)))
        outputs.append(activation(outputs[-1] @ kernels[-1]))
    return outputs, kernels


outputs, kernels = ten_layers(0.01, seed=0)
print("shape of the data:", outputs[0].shape)
print("deviation by layer:", *(f"{y.std():.1e}" for y in outputs))

# %% [markdown]
# Each layer leaves about a fifth. Why? A sum of $n$ products has $n$ times the variance of one of them. So a layer
# multiplies the deviation by $\sqrt{500}\cdot 0.01 = 0.2236$, as long as tanh is nearly a straight line. Hold that
# against three draws, and against the numbers printed in lectures.

# %% tags=["T173", "H06"]
draws = [ten_layers(0.01, seed) for seed in range(3)]
small = np.array([[y.std() for y in outputs[1:]] for outputs, _ in draws]).T
printed = [0.213081, 0.047551, 0.010630, 0.002378, 0.000532]
printed += [0.000119, 0.000026, 0.000006, 0.000001, 0.000000]
print("layer   three draws: lowest and highest    printed   0.2236 ** layer")
for layer, (row, old) in enumerate(zip(small, printed, strict=True), start=1):
    power = (np.sqrt(500) * 0.01) ** layer
    print(f"{layer:5}   {row.min():.9f} to {row.max():.9f}   {old:.6f}   {power:.9f}")
    assert np.isclose(row.mean(), old, rtol=0.03, atol=1e-6)

# %% [markdown]
# All within 3 % (the last printed digits are rounded), and the power law holds from layer to layer; only the first is
# a little lower, where tanh already bends. **The signal vanishes.** Nothing of the input reaches layer 10.
#
# **Exercise 2.** Measure it for any network of tanh layers without biases.


# %% exercise="forward_statistics"
def forward_statistics(inputs, kernels):
    """inputs (examples, features); kernels: one (inputs, units) for each layer. Returns each layer's deviation."""
    ### BEGIN SOLUTION
    outputs, deviations = inputs, []
    for kernel in kernels:
        outputs = np.tanh(outputs @ kernel)
        deviations.append(outputs.std())
    return np.array(deviations)
    ### END SOLUTION


# %% check="forward_statistics"
check(forward_statistics)

# %% [markdown]
# ## And on the way back?
#
# A layer computes $X W$. The gradient by $W$ is $X^\top \Delta$, the inputs times the message $\Delta$; the message to
# the layer below is $\Delta W^\top$. If $X$ is tiny in the upper layers, what are the gradients there? And in layer 1,
# where $X$ is not tiny at all? Send random messages of size 1 into the last layer, and see.


# %% tags=["Q13", "T175", "F345"]
def send_back(outputs, kernels, seed):
    """Deviation of the gradients by each kernel (mean over examples) and by each layer's inputs; and the median
    size of those by its sums."""
    upstream = np.random.default_rng(seed + 100).normal(size=outputs[-1].shape)
    found = []
    for k in reversed(range(10)):
        sums = upstream * (1 - outputs[k + 1] ** 2)
        upstream = sums @ kernels[k].T
        by_kernel = outputs[k].T @ sums / len(sums)
        found.append([by_kernel.std(), upstream.std(), np.median(np.abs(sums))])
    return np.array(found[::-1]).T


back = np.array([send_back(*drawn, seed) for seed, drawn in enumerate(draws)])
by_kernel, by_inputs, _ = np.moveaxis(back, 0, -1)  # each (layers, seeds)
factors = by_inputs[:-1] / by_inputs[1:]
print(f"message from layer to layer: times {factors.min():.3f} to {factors.max():.3f}")
curves = {"outputs X, forward": small, "message, back": by_inputs}
show(
    charts.lines(
        curves | {"gradient dW": by_kernel},
        range(1, 11),
        "layer",
        "standard deviation",
        log="y",
    ),
    alt="Outputs fall from left to right, messages fall from right to left, each by seven powers of "
    "ten. The gradient by the weights is level, at about four hundred-millionths.",
)

# %% [markdown]
# The message shrinks by the same 0.2236, in the other direction. So in layer 10 the message is strong and $X$ is nearly
# nothing; in layer 1 it is the other way round; and their product, the gradient, is equally tiny *everywhere*: some
# $10^{-8}$. That is why ten layers learned nothing.
#
# **Exercise 3.** Write the way back.


# %% exercise="gradient_statistics"
def gradient_statistics(inputs, kernels, upstream):
    """As in exercise 2, with tanh; upstream (examples, last units): the gradient by the last outputs.

    Returns the deviation of the gradient (summed over the examples) by each kernel, first layer first.
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
# Then 1.0 instead of 0.01. Now each layer multiplies by $\sqrt{500} = 22$. Where will tanh put such sums?

# %% tags=["C07", "T174", "H06"]
draw = keras.initializers.RandomNormal(stddev=1.0, seed=0)((500, 500))
print(f"in Keras: standard deviation {np.std(draw):.4f}")
draws = [ten_layers(1.0, seed) for seed in range(3)]
spread, beyond = [], []
for outputs, _ in draws:
    spread.append([y.std() for y in outputs[1:]])
    beyond.append([np.mean(np.abs(y) > 0.99) for y in outputs[1:]])
spread, beyond = np.array(spread), np.array(beyond)
print(f"standard deviation of all layers: {spread.min():.4f} to {spread.max():.4f}")
print(f"share of outputs beyond ±0.99:    {beyond.min():.1%} to {beyond.max():.1%}")
assert np.allclose(spread, 0.9817, rtol=0.03) and np.allclose(beyond, 0.904, atol=0.01)

# %% tags=["G31", "T173", "T174", "picture"]
histories = {
    "weights 0.01": ten_layers(0.01, seed=0)[0][1:],
    "weights 1.0": draws[0][0][1:],
}
for name, outputs in histories.items():
    print(f"{name}: largest mean of a layer {max(abs(y.mean()) for y in outputs):.4f}")
show(
    figures.layer_histograms(histories),
    alt="Histograms of the outputs of ten layers. Weights 0.01: a bell in layer 1, then a needle at "
    "zero. Weights 1.0: two towers at -1 and 1 in every layer.",
)

# %% [markdown]
# A needle at 0, or two towers at ±1: nothing goes through as it came. In the towers tanh is flat. So you may have read
# that with 1.0 the gradients are all zero. Are they? Look at a typical gradient by the *sums* of a layer (the median of
# its sizes), and at the deviation of the message that the layer then passes on.

# %% tags=["T174", "F344"]
back = np.array([send_back(*drawn, seed) for seed, drawn in enumerate(draws)])
_, strength, median = np.moveaxis(back, 0, -1)
for layer in (10, 1):
    typical, passed_on = median[layer - 1].mean(), strength[layer - 1].mean()
    print(f"layer {layer:2}: typical {typical:.0e}, deviation passed on {passed_on:.2g}")
factor = np.mean(strength[:-1] / strength[1:])
print(f"the deviation grows {factor:.1f} times per layer going back")
assert median.max() < 1e-5 and 3 < factor < 4
curves = {"passed on: standard deviation": strength, "at the sums: median size": median}
show(
    charts.lines(curves, range(1, 11), "layer", "gradient", log="y"),
    alt="Going back from layer 10 to layer 1 the standard deviation of the message grows from 3 to "
    "hundreds of thousands, while the median stays below a millionth.",
)

# %% [markdown]
# Most entries are practically nothing, so the claim is nearly right for most units. But one unit in ten is not saturated,
# and through those few the message grows, since $\sqrt{500\cdot E[(1-y^2)^2]} \approx 3.5$. The gradient does not vanish, **it explodes**: nearly
# all units hear nothing, a few hear a scream.
#
# ## Just right
#
# Too small by layer, too large by layer: there must be a size at which the signal keeps its strength. Forwards, a unit
# adds up $n_\text{in}$ products, so we want $n_\text{in}\cdot\mathrm{var}(W) = 1$. Backwards, a message is a sum over
# the $n_\text{out}$ units above. Xavier Glorot and Yoshua Bengio took the mean of the two:
#
# $$\mathrm{var}(W) = \frac{1}{n_\text{in}}\ \text{(Xavier)},\qquad \frac{2}{n_\text{in} + n_\text{out}}\ \text{(Glorot)},\qquad \frac{2}{n_\text{in}}\ \text{(He)}$$
#
# And Kaiming He's? ReLU passes positive sums only, half of the mean square. Twice the variance makes up for it. Draw
# all kernels with Keras' initialisers, and watch.


# %% tags=["T176"]
def rms(start, activation, seed):
    """Root mean square of the outputs of ten layers, kernels drawn by a Keras initialiser."""
    x, found = np.random.default_rng(seed).normal(size=(200, 500)), []
    for layer in range(10):
        draw = start(seed=100 * seed + layer)((500, 500))
        x = activation(x @ keras.ops.convert_to_numpy(draw))
        found.append(np.sqrt(np.mean(x**2)))
    return found


def relu(x):
    return np.maximum(x, 0)


glorot, he = keras.initializers.GlorotNormal, keras.initializers.HeNormal
small_start = partial(keras.initializers.RandomNormal, stddev=0.01)
pairs = {
    "tanh, 0.01": (small_start, np.tanh),
    "tanh, Glorot": (glorot, np.tanh),
    "ReLU, Glorot": (glorot, relu),
    "ReLU, He": (he, relu),
}
curves = {}
for name, pair in pairs.items():
    curves[name] = np.array([rms(*pair, seed) for seed in range(3)]).T
assert curves["tanh, Glorot"][-1].min() > 0.1 and curves["ReLU, He"][-1].min() > 0.3
show(
    charts.lines(
        curves, range(1, 11), "layer", "root mean square of the outputs", log="y"
    ),
    alt="With 0.01 the outputs fall on a steep straight line. Glorot keeps tanh nearly level, and "
    "loses a little with ReLU at every layer; He keeps ReLU level.",
)

# %% [markdown]
# tanh with Glorot's start stays in range (it bends, so it loses a little), ReLU with He's stays level.
#
# You may have seen He's rule written as "Xavier/2". That would be *half* of Xavier's variance. Which factor does the
# job?

# %% tags=["nbval-check-output"]
variances = {
    "He, 2/n": 2 / 500,
    "Xavier, 1/n": 1 / 500,
    "halved Xavier, 1/(2n)": 0.5 / 500,
}
for name, variance in variances.items():
    last = [ten_layers(np.sqrt(variance), seed, relu)[0][-1] for seed in range(3)]
    found = [np.sqrt(np.mean(y**2)) for y in last]
    expected = (np.sqrt(variance * 500 / 2)) ** 10
    print(
        f"{name:22} layer 10: {min(found):.5f} to {max(found):.5f}, theory {expected:.5f}"
    )

# %% [markdown]
# Twice, not half: with half, hardly a thousandth is left.
#
# **Exercises 4 and 5.** For a convolution, a kernel has the shape (height, width, in channels, filters). How many
# inputs does one filter add up? That is its $n_\text{in}$; and $n_\text{out}$ is height × width × filters. Write
# Glorot's standard deviation, and then He's start from standard normal draws.


# %% exercise="glorot_deviation"
def glorot_deviation(shape):
    """shape of a kernel: (inputs, units) or (height, width, in_channels, filters). Returns one number."""
    ### BEGIN SOLUTION
    area = np.prod(shape[:-2])
    return np.sqrt(2 / (area * (shape[-2] + shape[-1])))
    ### END SOLUTION


# %% check="glorot_deviation"
check(glorot_deviation)


# %% exercise="he_normal"
def he_normal(draws):
    """draws: standard normal numbers in the shape of a kernel, dense or convolutional. Returns the kernel."""
    ### BEGIN SOLUTION
    fan_in = np.prod(draws.shape[:-1])
    return draws * np.sqrt(2 / fan_in)
    ### END SOLUTION


# %% check="he_normal"
check(he_normal)

# %% [markdown]
# Now play. The gain is the deviation times $\sqrt{n_\text{in}}$: 0.2236 was the small start, 22 the large one, 1 is
# Xavier's, 1.41 is He's. Can you find a gain for the sigmoid at which thirty layers let a message through?

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
# ## Does it matter?
#
# Statistics are one thing, learning another. Digits again, three epochs, three seeds, the better of two learning rates
# for each start; first with one hidden layer, then with ten. What do you expect of each?

# %% tags=["T172", "T176", "Q12"]
starts = {
    "zeros": lambda rng, shape: np.zeros(shape),
    "normal, 0.01": normal(0.01),
    "normal, 1.0": normal(1.0),
    "Xavier": lambda rng, shape: rng.normal(0, np.sqrt(1 / shape[0]), shape),
    "He": lambda rng, shape: rng.normal(0, np.sqrt(2 / shape[0]), shape),
}
panels = {
    "1 hidden layer, tanh": (layers.Tanh, 1),
    "10 hidden, tanh": (layers.Tanh, 10),
    "10 hidden, ReLU": (layers.ReLU, 10),
}
scores = {title: {} for title in panels}
for (title, (activation, hidden)), (name, draw) in itertools.product(
    panels.items(), starts.items()
):
    sizes, runs = [64] + [40] * hidden + [10], []
    for rate in (0.05, 0.1):
        nets = [classifier(activation, sizes, draw, seed) for seed in range(3)]
        with np.errstate(all="ignore"):  # ReLU with 1.0 grows beyond all numbers
            runs.append([train(net, rate, 3, seed) for seed, net in enumerate(nets)])
    scores[title][name] = max(runs, key=np.mean)
shallow, deep = (scores[title] for title in list(panels)[::2])
assert min(shallow["Xavier"]) > 0.85 and max(deep["normal, 0.01"]) < 0.2
assert np.mean(deep["He"]) > 0.6 > 0.2 > max(deep["normal, 1.0"])
show(
    charts.dots(scores, "right on new digits", guessing=0.1, percent=True),
    alt="One hidden layer learns from every random start. Ten tanh layers learn well from Xavier's "
    "and He's only; ten ReLU layers from He's, from Xavier's partly, from no other.",
)

# %% [markdown]
# So it depends on the depth. One hidden layer forgives nearly everything but sameness. In ten layers a factor is raised
# to the tenth power, and the start decides whether the network ever hears what it should do. Training cannot repair a
# start that gives it no gradient to train with.
#
# | start | standard deviation | ten layers forward | going back | use it |
# |---|---|---|---|---|
# | zeros | 0 | all units alike | all messages alike | for biases |
# | small | 0.01 | vanishes | vanishes | shallow networks |
# | large | 1.0 | saturates | explodes, through few units | never |
# | Xavier, Glorot | $\sqrt{1/n_\text{in}}$, $\sqrt{2/(n_\text{in}+n_\text{out})}$ | kept by tanh | kept | tanh; Keras' default |
# | He | $\sqrt{2/n_\text{in}}$ | kept by ReLU | kept | ReLU |
#
# The next lesson, batch normalisation, takes another way: whatever the start, it sets every layer's deviation to 1.
#
# ## Think about it
#
# **Keras starts all biases at zero. Why is that no mistake?**
#
# <details><summary>Answer</summary>
#
# Two units are twins only if everything about them is the same. Random kernels part them already; the biases may
# start alike, and zero prefers no direction.
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
# - Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, *Efficient BackProp*, 1998: deviation $1/\sqrt{n}$, a decade early.
# - X. Glorot and Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, AISTATS 2010.
# - K. He, X. Zhang, S. Ren and J. Sun, *Delving deep into rectifiers*, 2015.
# - A. Saxe, J. McClelland and S. Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep linear neural
#   networks*, 2014: orthogonal starts.
# - D. Mishkin and J. Matas, *All you need is a good init*, 2016: measure, then rescale.
