# ---
# jupyter:
#   course:
#     title: "ResNet: if deeper is better, why not simply add layers?"
#     summary: "Plain networks get worse with depth, even on what they learn from. One addition in each block cures it; build it, measure it, count it."
#     objectives:
#       - "show that deep plain networks fail at learning, not at generalising"
#       - "prove that a deeper network need not be worse, and watch training miss the proof"
#       - "build a residual block, with a projection where the shape changes, and start it as the identity"
#       - "read the layouts of ResNet-18 to 152 and of the networks for CIFAR-10, and count them"
#       - "compare the families from LeNet-5 to ResNet-152 by depth, parameters, multiply-adds and memory"
#     needs: [11_conv_backprop, 15_batchnorm, 19_vgg, 20_googlenet]
#     minutes: 90
#     data: [digits, photos, cifar10]
# ---

# %% [markdown]
# Eight layers won ImageNet in 2012. In 2014 it was nineteen, and twenty-two. So in 2015 there was an obvious thing to do:
# take a good network and put more layers into it.
#
# **If deeper is better, why not simply add layers?** You will add them, watch the network get *worse*, prove that this
# ought to be impossible, and cure it with one plus sign. It carried the winner of 2015 to 152 layers.

# %%
from functools import cache

import keras
import numpy as np
from keras import ops

from course_lessons.resnet import figures
from course_lessons.resnet.families import counted, families
from course_lib import data, layers, scale
from course_lib.anatomy import anatomy
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.resnet import (
    basic_block,
    bottleneck_block,
    cifar_resnet,
    resnet,
)
from course_lib.exercises import check, hint, solution
from course_lib.plots import charts, show
from course_lib.plots.anatomy import drawing
from course_lib.plots.controls import explore

# %% [markdown]
# ## Just add layers
#
# The simplest deep network: one convolution in front, then equal **blocks** of two 3 × 3 convolutions, each followed by
# batch normalisation (lesson 15), then a global average and a dense layer. With $n$ blocks that makes $2n + 2$ layers
# with weights. Here is a block by hand. It has one lever, `shortcut`; for now it stands at 0, and the last line is an
# ordinary ReLU.


# %% tags=["T235", "T237"]
def normalised(x, gamma, beta):
    """Each map to mean beta and deviation gamma, over the batch."""
    mean, variance = ops.moments(x, axes=(0, 1, 2))
    return gamma * (x - mean) / ops.sqrt(variance + 1e-5) + beta


def block(x, kernels, gammas, betas, shortcut):
    """x (batch, height, width, filters), two of each weight. Returns the same shape."""
    y = ops.conv(x, kernels[0], padding="same")
    y = ops.relu(normalised(y, gammas[0], betas[0]))
    y = ops.conv(y, kernels[1], padding="same")
    return ops.relu(normalised(y, gammas[1], betas[1]) + shortcut * x)


# %% [markdown]
# (To keep it short, `normalised` uses the batch at test time, too; we always ask about many pictures at once.) All blocks
# are alike, so one loop runs through them:


# %% tags=["T235"]
class Blocks(keras.layers.Layer):
    """So many equal blocks, one after the other."""

    def __init__(self, number, **options):
        super().__init__(**options)
        self.number = number

    def build(self, shape):
        maps, twice = shape[-1], (self.number, 2)
        he = keras.initializers.RandomNormal(stddev=np.sqrt(2 / (9 * maps)))
        self.kernels = self.add_weight(shape=(*twice, 3, 3, maps, maps), initializer=he)
        self.gammas = self.add_weight(shape=(*twice, maps), initializer="ones")
        self.betas = self.add_weight(shape=(*twice, maps), initializer="zeros")
        self.shortcut = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def compute_output_shape(self, shape):
        return shape

    def call(self, x):
        def step(x, weights):
            return block(x, *weights, self.shortcut), None

        return ops.scan(step, x, (self.kernels, self.gammas, self.betas))[0]


# %% tags=["T235"]
source = data.digits() if scale(laptop=True, gpu=False) else data.cifar10()
train, test = source.train[: scale(laptop=1000, gpu=50_000)], source.test
filters = scale(laptop=8, gpu=32)


def network(depth):
    """Plain until the lever moves. Returns ten logits."""
    images = train.images
    inputs = keras.Input(images.shape[1:])
    x = keras.layers.Normalization(mean=images.mean(), variance=images.var())(inputs)
    options = {"use_bias": False, "kernel_initializer": "he_normal"}
    x = keras.layers.Conv2D(filters, 3, strides=2, padding="same", **options)(x)
    x = Blocks((depth - 2) // 2, name="blocks")(keras.layers.ReLU()(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(10)(x))


# %% [markdown]
# It learns digits of 8 × 8 pixels (CIFAR-10 at `gpu` scale), by SGD with momentum. After each epoch we measure *two*
# errors: on new digits, and on the very digits it learns from.


# %% tags=["T235", "H17"]
known, new = train[: len(test)], test  # as many of each, to measure the errors on


def errors(model):
    """The shares of wrong answers, to digits that it learns from and to new ones."""
    both = []
    for part in (known, new):
        pieces = np.split(part.images, range(1000, len(part), 1000))
        answers = np.concatenate([model.predict_on_batch(each) for each in pieces])
        both.append(np.mean(answers.argmax(axis=1) != part.labels))
    return both


# %% tags=["T235", "H17"]
epochs, batch_size = scale(laptop=(4, 125), gpu=(20, 128))


@cache
def compiled(depth):
    model = network(depth)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(momentum=0.9), loss)
    model.optimizer.build(model.trainable_variables)
    return model


# %% tags=["T235", "H17"]
def learn(model, epochs=epochs, rate=0.08):
    """Returns the two errors after each epoch: (2, epochs)."""
    for variable in model.optimizer.variables:  # forget the last training
        variable.assign(ops.zeros_like(variable))
    model.optimizer.learning_rate = rate
    history, rng = [], np.random.default_rng(0)
    for _ in range(epochs):
        order = rng.permutation(len(train))
        for some in np.split(order, range(batch_size, len(order), batch_size)):
            model.train_on_batch(train.images[some], train.labels[some])
        history.append(errors(model))
    return np.array(history).T


@cache
def fresh(depth, seed):
    keras.utils.set_random_seed(seed)
    return network(depth).get_weights()


@cache
def trained(depth, shortcut, seed, **options):
    model = compiled(depth)
    model.set_weights(fresh(depth, seed))
    model.get_layer("blocks").shortcut.assign(shortcut)
    return learn(model, **options), model.get_weights()


# %% [markdown]
# 8, 20 and 32 layers, three random starts each. *What do you expect of the error on new digits? And of the training error?*

# %% tags=["T235", "Q32", "G43"]
depths = scale(laptop=(8, 20, 32), gpu=(8, 20, 32, 44, 56))
plain = np.array([[trained(d, 0.0, seed)[0] for seed in range(3)] for d in depths])
panels = {
    title: {f"{d} layers": run[:, place].T for d, run in zip(depths, plain, strict=True)}
    for place, title in enumerate(("digits it learns from", "new digits"))
}
epochs = range(1, 1 + plain.shape[-1])
show(
    charts.lines(panels, epochs, "epoch", "error", percent=True),
    alt="Error against epochs: with 8 layers it falls lowest, with 20 it stays above, with 32 it "
    "hardly falls, on training digits as on new ones.",
)
assert plain[0, :, 0, -1].mean() + 0.1 < plain[-1, :, 0, -1].mean()

# %% [markdown]
# Deeper is worse. *And what is odd in these curves?* Look at the left panel. A network with more weights that does worse
# on **new** digits could be overfitting, as in lesson 16. But then it would do *better* on the digits it learns from. It
# does worse on those, too. This is called **degradation**: the deep network does not learn too well, it fails to learn.
#
# ## It should be impossible
#
# Take a trained network of 8 layers. Put twelve more layers behind its blocks that change nothing: each hands on what it
# gets. What does this network of 20 layers answer?
#
# A convolution hands on its input if its kernel is 1 in the middle and 0 elsewhere, from each map to itself; ReLU leaves
# positive numbers alone. And normalisation is undone by a $\gamma$ equal to the deviation and a $\beta$ equal to the mean.


# %% tags=["T236"]
def idle(number, x):
    """Kernels, gammas and betas of so many plain blocks that hand on x."""
    maps = x.shape[-1]
    kernels = np.zeros((number, 2, 3, 3, maps, maps), "float32")
    kernels[:, :, 1, 1] = np.eye(maps)
    deviation, mean = np.sqrt(x.var(axis=(0, 1, 2)) + 1e-5), x.mean(axis=(0, 1, 2))
    return [kernels] + [np.tile(each, (number, 2, 1)) for each in (deviation, mean)]


def deepened(seed, images=None):
    """A plain network of 20 layers: 8 trained ones, and 12 fresh ones (idle ones for `images`, if given)."""
    shallow, deep = compiled(8), compiled(20)
    shallow.set_weights(trained(8, 0.0, seed)[1])
    deep.set_weights(fresh(20, seed))
    for old, new in zip(shallow.layers, deep.layers, strict=True):
        weights = old.get_weights()
        if isinstance(old, Blocks):
            *trained_blocks, shortcut = weights
            *all_blocks, _ = new.get_weights()
            if images is not None:
                seen = keras.Model(shallow.inputs[0], old.output)(images)
                all_blocks = idle(new.number, ops.convert_to_numpy(seen))
            for array, first in zip(all_blocks, trained_blocks, strict=True):
                array[: old.number] = first
            weights = [*all_blocks, shortcut]
        new.set_weights(weights)
    return deep


# %% tags=["T236"]
batch = known[:1000]
for seed in range(3):
    deep = deepened(seed, batch.images)
    answers = [net.predict_on_batch(batch.images) for net in (compiled(8), deep)]
    wrong = [np.mean(each.argmax(axis=1) != batch.labels) for each in answers]
    same = np.allclose(*answers, atol=1e-2)
    print(f"training error: 8 layers {wrong[0]:.1%}, 20 layers {wrong[1]:.1%},", end=" ")
    print("same answers:", same)
    assert same

# %% [markdown]
# The same. So a network of 20 layers *can* always do as well as one of 8; the weights exist. Then the trouble must be
# that training does not **find** them: a problem of optimisation. Let us make it easy to find them. Keep the eight
# trained layers, let the twelve others start at random, and train on. All they have to learn is to do nothing.

# %% tags=["T236"]
for seed in range(3):
    before = trained(8, 0.0, seed)[0][0, -1]
    after = learn(deepened(seed), epochs=scale(laptop=2, gpu=20))[0]
    print(f"training error: 8 layers {before:.0%}, with 12 more,", end=" ")
    print("epoch by epoch:", *(f"{value:.0%}" for value in after))

# %% [markdown]
# They do not even get back to where they came from. "Do nothing" is a hard thing to learn for layers that start at
# random. What would make it easy?
#
# ## One plus sign
#
# Let the block be asked for some function $H(\mathbf x)$. Instead of fitting $H$ itself, give it the input for free and
# let it learn only what has to be **added**, the *residual*:
#
# $$H(\mathbf x) = \mathbf x + F(\mathbf x) \qquad\text{so}\qquad F(\mathbf x) = H(\mathbf x) - \mathbf x$$
#
# To do nothing, $F$ has to be 0: weights of zero, and small random weights are nearly there. The way of $\mathbf x$ around the
# layers is a **shortcut**. That is our lever, set to 1. By hand, with two numbers and dense layers:

# %% tags=["T237", "T238", "nbval-check-output"]
x, second = np.array([2.0, 1.0]), np.array([[1.0, 0.0], [-1.0, 0.5]])
for size in (1, 0.1, 0):
    f = np.maximum(x @ np.eye(2), 0) @ (size * second)
    plain_output, output = np.maximum(f, 0), np.maximum(x + f, 0)
    print(
        f"weights times {size:3}: F = {f.round(2)}, plain {plain_output.round(2)},",
        end=" ",
    )
    print("residual", output.round(2))

# %% [markdown]
# As the weights go to zero, the plain block forgets its input. The residual block becomes the identity.
#
# And going back? The derivative of $\mathbf x + F(\mathbf x)$ is $1 + F'$: whatever the layers do to the gradient, it
# also arrives unchanged.
#
# **Exercise 1.** Write the backward pass of $\mathbf y = \mathrm{relu}(\mathbf x + \mathrm{relu}(\mathbf x W_1)\, W_2)$.


# %% exercise="residual_backward"
def residual_backward(upstream, x, first, second):
    """upstream, the gradient at y, and x are (examples, width); first (width, hidden), second back.
    Returns the gradient at x, (examples, width)."""
    ### BEGIN SOLUTION
    inner = x @ first
    sums = x + np.maximum(inner, 0) @ second
    passed = upstream * (sums > 0)
    return passed + ((passed @ second.T) * (inner > 0)) @ first.T
    ### END SOLUTION


# %% check="residual_backward"
check(residual_backward)

# %% [markdown]
# Now the experiment. Same depths, same weights to learn, same random starts, same digits in the same order; only the
# lever is up. *Will 32 layers still be worse than 8?*

# %% tags=["T237", "H17", "Q33", "G41"]
residual = np.array([[trained(d, 1.0, seed)[0] for seed in range(3)] for d in depths])
panels = {
    title: {f"{d} layers": run[:, 0].T for d, run in zip(depths, runs, strict=True)}
    for title, runs in (("plain", plain), ("residual", residual))
}
show(
    charts.lines(
        panels, epochs, "epoch", "error on the digits it learns from", percent=True
    ),
    alt="Training error against epochs. Plain: the deeper, the higher. Residual: all depths fall, "
    "and the deep ones fall faster.",
)

# %% tags=["T237", "H17", "Q33", "picture"]
last = {"plain": plain[..., -1], "residual": residual[..., -1]}  # (depths, seeds, 2)
panels = {
    title: {kind: runs[..., place] for kind, runs in last.items()}
    for place, title in enumerate(("digits it learns from", "new digits"))
}
show(
    charts.lines(
        panels,
        depths,
        "layers with weights",
        "error",
        guessing=0.9,
        percent=True,
    ),
    alt="Error after training against depth, three seeds: that of plain networks climbs steeply, "
    "that of residual networks falls.",
)
for depth, *runs in zip(depths, *last.values(), strict=True):
    texts = (" ".join(f"{value:5.1%}" for value in run[:, 0]) for run in runs)
    print(f"{depth} layers, training error: plain {next(texts)}, residual {next(texts)}")
assert np.all(
    last["residual"][1:, :, 0].mean(axis=1) + 0.1 < last["plain"][1:, :, 0].mean(axis=1)
)
assert last["residual"][-1, :, 0].mean() < last["residual"][0, :, 0].mean() + 0.05
assert last["residual"][..., 0].max() < 0.6

# %% [markdown]
# One plus sign, and depth stops hurting: it helps. So can layers simply be added? **Plain ones not; residual ones yes.**
#
# In fairness: ours had little time. With more, plain networks of 20 and 32 layers learn digits, too. But on CIFAR-10 and
# ImageNet the authors of ResNet trained for very long, and the order remained. How far can one go? Here is a single run; as
# in the paper, 110 layers want to begin with a smaller rate.

# %% tags=["H18", "T246"]
for seed in range(scale(laptop=1, gpu=3)):
    history = trained(110, 1.0, seed, epochs=scale(laptop=4, gpu=20), rate=0.01)[0]
    print(
        "110 layers, training error, epoch by epoch:", *(f"{e:.0%}" for e in history[0])
    )
    assert history[0, -1] < 0.75

# %% [markdown]
# It does learn. But it has had a few dozen steps only, and for 110 layers that is little.
#
# ## What comes through
#
# Why is the plain network so hard to train? Look at what its layers are given *before* any training: the same photograph
# behind more and more random blocks. Move the sliders.

# %% tags=["T237"]
explore(
    figures.passing,
    alt="A photograph of a cat, and what is left of it behind some random blocks.",
    blocks=(0, 30, 1),
    shortcut=(0.0, 1.0, 0.25),
    seed=(0, 9, 1),
)

# %% tags=["T237"]
show(
    figures.passing_sheet((0, 1, 4, 10, 20), {"plain": 0.0, "residual": 1.0}),
    alt="A cat behind 0 to 20 random blocks: without shortcuts it dissolves into speckle, with "
    "them eyes and nose stay where they are.",
)

# %% [markdown]
# What the deep plain layers learn from is a scrambled picture. A number for it: describe each digit by what comes out of
# random blocks, and name it after the most similar other digit. How many are right?


# %% tags=["T237"]
def random_blocks(x, shortcut, rng):
    """What comes out of 1, 2, 3, … untrained blocks."""

    def convolution(x):
        y = layers.Conv2D(x.shape[-1], 8, 3, rng, padding="same").forward(x)
        return (y - y.mean(axis=(0, 1, 2))) / y.std(axis=(0, 1, 2))

    x = np.maximum(convolution(x), 0)
    while True:
        y = np.maximum(convolution(x), 0)
        x = np.maximum(convolution(y) + shortcut * x, 0)
        yield x


def recognised(features, labels):
    """The share of examples whose most similar other example has the same label."""
    flat = features.reshape(len(features), -1)
    distances = np.sum(flat**2, axis=1) - 2 * flat @ flat.T
    np.fill_diagonal(distances, np.inf)
    return np.mean(labels[distances.argmin(axis=1)] == labels)


# %% tags=["T237"]
some = data.digits().train[:250]
numbers, survived = (1, 3, 6, 10, 15), {"plain": [], "residual": []}
for kind, shortcut in (("plain", 0.0), ("residual", 1.0)):
    for seed in range(3):
        passes = random_blocks(some.images, shortcut, np.random.default_rng(seed))
        outputs = [next(passes) for _ in range(numbers[-1])]
        survived[kind].append([recognised(outputs[n - 1], some.labels) for n in numbers])
show(
    charts.lines(
        {kind: np.transpose(runs) for kind, runs in survived.items()},
        [2 * n for n in numbers],
        "random layers passed",
        "digits recognised",
        guessing=0.1,
        levels={"from the pixels": recognised(some.images, some.labels)},
        percent=True,
    ),
    alt="Digits recognised after random layers: without shortcuts fewer and fewer the deeper, "
    "with shortcuts far more.",
)
assert np.mean(survived["residual"], axis=0)[-1] > np.mean(survived["plain"], axis=0)[-1]

# %% [markdown]
# Behind thirty plain layers hardly anything is left of the digit, and what the last layers ask of the first comes back
# through the same scrambler. With shortcuts most of it arrives.
#
# ## The identity for nothing
#
# In Keras a block is a handful of layers. Here are both kinds from this course's library:

# %% tags=["T237", "T238"]
inputs = keras.Input((8, 8, 16), name="input")
pair = [
    keras.Model(inputs, basic_block(inputs, 16, residual=r, name="b"), name=name)
    for name, r in (("plain block", False), ("residual block", True))
]
show(
    drawing(*map(anatomy, pair), scale=0.85),
    alt="Two chains of convolution, normalisation, ReLU, convolution and normalisation; in the "
    "second the input also goes around them to a sum.",
)

# %% [markdown]
# One number decides whether such a block begins as the identity: the $\gamma$ of the last normalisation, which scales $F$.

# %% tags=["T238", "nbval-check-output"]
maps = np.random.default_rng(0).random((4, 8, 8, 16)).astype("float32")  # behind a ReLU
for start in ("ones", "zeros"):
    options = {"last_gamma_initializer": start, "name": "b"}
    model = keras.Model(inputs, basic_block(inputs, 16, **options))
    for training in (True, False):
        same = np.array_equal(model(maps, training=training), maps)
        print(f"last gamma {start:5} training={training!s:5} output equals input: {same}")

# %% [markdown]
# Exactly equal, whatever the kernels are. A network of such blocks begins as a shallow one, and each block joins in as its
# $\gamma$ grows. (Goyal and others, 2017; the paper of 2015 started from 1.)
#
# **Exercise 2.** Change the start of a whole stack so that every block begins as its shortcut, and leave alone what need
# not change.


# %% exercise="start_as_identity"
def start_as_identity(gammas, betas):
    """Both (blocks, normalisations in a block, channels). Returns new gammas and betas."""
    ### BEGIN SOLUTION
    gammas, betas = gammas.copy(), betas.copy()
    gammas[:, -1] = 0
    betas[:, -1] = 0
    return gammas, betas
    ### END SOLUTION


# %% check="start_as_identity"
check(start_as_identity)

# %% [markdown]
# ## When the shapes do not match
#
# $\mathbf x + F(\mathbf x)$ needs two equal shapes. Here is a block as it was often printed, shortened. Run it as it stands:

# %% tags=["T241", "C04", "nbval-check-output"]
as_printed = """
def identity_block(x, kernel_size, filters):
    f1, f2, f3 = filters
    axis = 3 if K.image_data_format() == "channels_last" else 1
    y = Conv2D(f1, (1, 1))(x)
    y = Activation("relu")(BatchNormalization(axis=axis)(y))
    y = Conv2D(f2, kernel_size, padding="same")(y)
    y = Activation("relu")(BatchNormalization(axis=axis)(y))
    y = BatchNormalization(axis=axis)(Conv2D(f3, (1, 1))(y))
    return Activation("relu")(layers.add([y, x]))
"""
names = {}
exec(
    "from keras.layers import Activation, BatchNormalization, Conv2D" + as_printed, names
)
wide, narrow = keras.Input((56, 56, 256)), keras.Input((56, 56, 64))
try:
    names["identity_block"](wide, 3, (64, 64, 256))
except NameError as problem:
    print("NameError:", problem)
names |= {"K": keras.backend, "layers": keras.layers}
printed = keras.Model(wide, names["identity_block"](wide, 3, (64, 64, 256)))
print(f"with the imports: {printed.count_params():,} parameters")
try:
    names["identity_block"](narrow, 3, (64, 64, 256))
except ValueError as problem:
    print("ValueError from 64 to 256 channels:", str(problem)[:46], "…")

# %% [markdown]
# Three repairs. The imports: `keras.layers`, and `keras.config.image_data_format()`, which normalisation along the last
# axis does not even need. The biases: the normalisation behind them takes every constant out again (lesson 15). And the
# shapes.

# %% tags=["C04", "T241", "nbval-check-output"]
modern = keras.Model(wide, bottleneck_block(wide, 64, name="b"))
biases = printed.count_params() - modern.count_params()
print(f"without biases {modern.count_params():,}, saved {biases} = 64 + 64 + 256")

maps = np.random.default_rng(1).random((2, 56, 56, 256)).astype("float32")
before = np.array(printed(maps, training=True))
for layer in printed.layers:
    if isinstance(layer, keras.layers.Conv2D):
        layer.bias.assign(ops.full_like(layer.bias, 3.0))
after = np.array(printed(maps, training=True))
print("all biases set to 3, outputs the same:", np.allclose(before, after, atol=1e-3))

projecting = keras.Model(narrow, bottleneck_block(narrow, 64, name="b"))
print("from 64 channels:", projecting.output.shape[1:], end=" ")
print(
    f"{projecting.count_params():,} parameters, data format",
    keras.config.image_data_format(),
)

# %% [markdown]
# Where the shape changes, a 1 × 1 convolution on the shortcut, with the same strides and filters, brings $\mathbf x$ into
# form: a **projection**. (Old Keras code calls such a block `conv_block`.)
#
# **Exercise 3.** When is it needed? The branch begins with a 3 × 3 convolution; what follows keeps its shape. (Where that
# convolution has `padding="valid"`, so has the projection, with 3 × 3 windows, too.)


# %% exercise="needs_projection"
def needs_projection(shape, filters, strides, padding):
    """shape (height, width, channels), height = width; padding "same" or "valid". Returns True or False."""
    ### BEGIN SOLUTION
    side = shape[0] if padding == "same" else shape[0] - 2
    side = (side + strides - 1) // strides  # rounded up
    return (side, side, filters) != tuple(shape)
    ### END SOLUTION


# %% check="needs_projection"
check(needs_projection)

# %% [markdown]
# **Exercise 4.** Build the block: two 3 × 3 convolutions with `padding="same"` and without bias, batch normalisation
# behind each, ReLU between them and behind the sum; the first has the strides. Project only where you must, with batch
# normalisation, too.


# %% exercise="residual_block"
def residual_block(x, filters, strides):
    """x: a Keras tensor (batch, height, width, channels). Returns the block's output tensor."""

    ### BEGIN SOLUTION
    def convolution(x, kernel_size, strides):
        layer = keras.layers.Conv2D(
            filters, kernel_size, strides, padding="same", use_bias=False
        )
        return keras.layers.BatchNormalization()(layer(x))

    y = keras.layers.ReLU()(convolution(x, 3, strides))
    y = convolution(y, 3, 1)
    if strides > 1 or x.shape[-1] != filters:
        x = convolution(x, 1, strides)
    return keras.layers.ReLU()(keras.layers.Add()([y, x]))
    ### END SOLUTION


# %% check="residual_block"
check(residual_block)

# %% [markdown]
# ## A bottleneck
#
# At 256 channels two 3 × 3 convolutions are dear. The deeper ResNets do as GoogLeNet did (lesson 20): a 1 × 1 convolution
# down to 64 channels, the 3 × 3 there, a 1 × 1 up again. *How much does that save?*

# %% tags=["T240", "nbval-check-output"]
at_256 = keras.Input((14, 14, 256))
blocks = {
    "basic, 3x3 and 3x3": basic_block(at_256, 256, name="b"),
    "bottleneck, 1x1, 3x3, 1x1": bottleneck_block(at_256, 64, name="b"),
}
for name, output in blocks.items():
    total = anatomy(keras.Model(at_256, output)).total
    print(
        f"{name:26} {total.trainable:9,} parameters {total.multiply_adds:11,} multiply-adds"
    )

# %% [markdown]
# About seventeen to one, with one layer more. And nothing is lost by squeezing 256 maps through 64: the shortcut carries
# all of them past.
#
# ## The whole network
#
# Around the blocks there is little: a 7 × 7 convolution and a pooling in front, a global average and one dense layer at
# the end. Four **stages**; at each new one, strides of 2 halve height and width, and the filters double. Five sizes were
# published.

# %% tags=["T239", "T245", "nbval-check-output"]
resnets = {depth: counted(f"ResNet-{depth}") for depth in (18, 34, 50, 101, 152)}
ends = ["conv1_relu", "conv2", "conv3", "conv4", "conv5"]
for depth, table in resnets.items():
    adds = [row.name for row in table if row.role == "join"]
    number = [sum(name.startswith(end) for name in adds) for end in ends[1:]]
    kernels = [row.window for row in table if row.name.startswith("conv2_block2")]
    sides = [table[ends[0]].shape[0]]
    sides += [table[f"{end}_block1_add"].shape[0] for end in ends[1:]]
    print(f"ResNet-{depth:<4} depth {table.total.depth:3}  blocks {number!s:14}", end=" ")
    print(
        f"of {' '.join(filter(None, kernels)):12} {table.total.trainable:11,} parameters"
    )
print("height and width of the maps, stage by stage:", sides, "and then", 1000, "outputs")

# %% [markdown]
# Two things you may have seen otherwise. *Every block has two 3 × 3 convolutions*: in 18 and 34 only, as the column of
# kernels shows. And *a picture of ResNet-50* with pairs of 3 × 3 in it: count its layers, it is ResNet-34.

# %% tags=["nbval-check-output"]
for depth in (34, 50):
    first = [row for row in resnets[depth] if row.name.startswith("conv2_block1_")]
    print(f"ResNet-{depth}, first block:")
    for row in first:
        if row.window or row.role == "join":
            print(f"   {row.name:22} {row.window:5} {row.shape}")

# %% [markdown]
# And the cost. You may have seen 1.8, 3.6, 3.8, 7.6 and 11.3 "GFLOPs". Are they?

# %% tags=["T244", "nbval-check-output"]
seen_as = dict(zip(resnets, (1.8, 3.6, 3.8, 7.6, 11.3), strict=True))
print("             printed  multiply-adds (G)  operations (G)")
for depth, table in resnets.items():
    products = table.total.multiply_adds / 1e9
    print(f"ResNet-{depth:<5} {seen_as[depth]:6} {products:14.2f} {2 * products:17.2f}")

# %% [markdown]
# They are **multiply-adds**: each is one multiplication and one addition, so floating-point operations are about twice as
# many. And 3.66 and 3.86 were cut off, not rounded.
#
# Is a deep network dear? Beside VGG-19 (lesson 19), in the plain version and with shortcuts:

# %% tags=["G42", "T242"]
three = {
    "VGG-19": counted("VGG-19"),
    "34 layers, plain": anatomy(blueprint(resnet, 34, residual=False)),
    "ResNet-34": resnets[34],
}
show(
    figures.towers(three),
    alt="Three columns of layers, level by size of map. VGG-19 has ten convolutions on maps of 56 "
    "and larger; the 34 layers begin with one of 7 by 7, and arcs skip pairs of layers.",
)

# %% tags=["T242"]
for name, table in three.items():
    by_size = {}
    for row in table:
        if row.multiply_adds:
            side = row.shape[0] if len(row.shape) == 3 else 1
            by_size[side] = by_size.get(side, 0) + row.multiply_adds / 1e9
    sizes = "  ".join(f"{side}: {value:5.2f}" for side, value in by_size.items())
    print(f"{name:17} {table.total.multiply_adds / 1e9:5.2f} G  at map size {sizes}")

# %% [markdown]
# More than five to one *for the deeper network*. VGG-19 spends most of its time on large maps; in ResNet-34 the first
# convolution and pooling go down to 56 × 56 at once, with 64 filters there.
#
# ## 6n + 2
#
# For the small pictures of CIFAR-10 the paper has a family of its own: one 3 × 3 convolution, three stages of $n$ basic
# blocks with 16, 32 and 64 filters, and a dense layer. Where the shape changes, its shortcut takes every second pixel and
# fills up with maps of zeros: no parameters.
#
# **Exercise 5.** How deep is it, and how many parameters does it train? Colour pictures; every convolution is followed by
# batch normalisation and has no bias.


# %% exercise="cifar_size"
def cifar_size(n, first, classes):
    """n blocks a stage; first, twice first and four times first filters. Returns depth, parameters."""
    ### BEGIN SOLUTION
    count, inputs = (9 * 3 + 2) * first, first
    for filters in (first, 2 * first, 4 * first):
        count += (9 * inputs + 2) * filters
        count += (2 * n - 1) * (9 * filters + 2) * filters
        inputs = filters
    return 6 * n + 2, count + (inputs + 1) * classes
    ### END SOLUTION


# %% check="cifar_size"
check(cifar_size)

# %% tags=["T246", "nbval-check-output"]
cifar = {d: anatomy(blueprint(cifar_resnet, d)).total for d in (20, 32, 56, 110)}
print("6n + 2  counted  parameters")
for depth, total in cifar.items():
    print(f"{depth:6} {total.depth:8} {total.trainable:11,}")
each = (cifar[110].trainable - cifar[20].trainable) // (18 - 3)  # for one more n
print(f"{6 * 200 + 2:6} {'':8} {cifar[20].trainable + (200 - 3) * each:11,}")

# %% [markdown]
# 1,202 layers, more than nineteen million parameters. It trained without trouble, and did a little *worse* on new pictures
# than 110 layers. That, at last, was overfitting.
#
# ## The recipe
#
# He initialisation (lesson 14), batch normalisation after each convolution, no dropout; SGD with momentum 0.9, batches of
# 256, a rate of 0.1 that is divided by 10 when the error stops falling; and **weight decay**, a term
# $\frac{\lambda}{2}\sum w^2$ in the loss. You may have seen it printed as $10^{-5}$; the paper has $\lambda = 10^{-4}$.
# Does it matter? Train with both.

# %% tags=["T243", "F219"]
recipe = {"learning_rate": 0.1, "momentum": 0.9, "divisor": 10, "batch_size": 256}
recipe |= {"dropout": 0, "weight_decay": 1e-4}
decay = keras.Variable(0.0, trainable=False)


class WeightDecay(keras.regularizers.Regularizer):
    def __call__(self, weights):
        return decay / 2 * ops.sum(weights**2)


shape = train.images.shape[1:]
small = cifar_resnet(8, shape, width=0.25)  # He initialisation, normalisation, no dropout
kernels = [layer.kernel for layer in small.layers if hasattr(layer, "kernel")]


class WeightDecay(keras.regularizers.Regularizer):
    """As L2, but its strength is a variable: it can change without building the network anew."""

    def __call__(self, weights):
        return decay / 2 * ops.sum(weights**2)


for kernel in kernels:
    kernel.regularizer = WeightDecay()
sgd = keras.optimizers.SGD(momentum=recipe["momentum"])
small.compile(sgd, "sparse_categorical_crossentropy", metrics=["accuracy"])
sgd.build(small.trainable_variables)


def with_recipe(strength, weights):
    """Returns the training error of the last epoch and the sum of all squared weights."""
    small.set_weights(weights)
    for variable in sgd.variables:
        variable.assign(ops.zeros_like(variable))
    sgd.learning_rate = recipe["learning_rate"]
    decay.assign(strength)
    divide = keras.callbacks.ReduceLROnPlateau("loss", factor=1 / recipe["divisor"])
    run = {"batch_size": recipe["batch_size"], "callbacks": [divide]}
    keras.utils.set_random_seed(0)  # the same order of pictures for both
    run |= {"epochs": scale(laptop=2, gpu=60), "verbose": 0}
    history = small.fit(train.images, train.labels, **run).history
    squares = sum(float(ops.sum(kernel**2)) for kernel in kernels)
    return 1 - history["accuracy"][-1], squares


# %% tags=["T243"]
def start(seed):
    keras.utils.set_random_seed(seed)
    return cifar_resnet(8, shape, width=0.25).get_weights()


starts = [start(seed) for seed in range(3)]
for strength in (recipe["weight_decay"], 1e-5):
    wrong, squares = np.transpose([with_recipe(strength, weights) for weights in starts])
    print(
        f"decay {strength:.0e}: training error",
        *(f"{each:.0%}" for each in wrong),
        end="; ",
    )
    print("sum of squared weights", *(f"{each:.1f}" for each in squares))
    assert max(wrong) < 0.8

# %% [markdown]
# No difference to speak of: what a decay can do in so few steps is next to nothing. How long does it need? At each step it
# takes the rate times $\lambda$ of a weight, and momentum of 0.9 makes ten times as much of it.

# %% tags=["T243", "F218", "nbval-check-output"]
for strength in (1e-4, 1e-5):
    per_step = recipe["learning_rate"] * strength / (1 - recipe["momentum"])
    half = np.log(0.5) / np.log(1 - per_step)
    print(
        f"decay {strength:.0e}: half of an idle weight is gone after {half:7,.0f} steps"
    )

# %% [markdown]
# The paper trained for up to 600,000 steps, so $10^{-4}$ cleans up many times over. With a tenth of it, weights remember
# ten times as long.
#
# ## The revolution of depth
#
# In November 2015 the list of winners looked like this. Depth is counted on our own networks; the errors are **as
# reported**, of ensembles.

# %% tags=["T248", "G40"]
table = families()
reported = {"AlexNet": 16.4, "VGG-19": 7.3, "GoogLeNet": 6.7, "ResNet-152": 3.57}
winners = {
    f"{name}\n{table[name].year}": (table[name].depth, top_5)
    for name, top_5 in reported.items()
}
show(
    figures.revolution(winners),
    alt="Bars of 8, 19, 22 and 152 layers, and of errors that fall from 16.4 to 3.57 per cent.",
)

# %% [markdown]
# But it is not depth alone that changed. Here are the families of this course, from the first to the deepest, everything
# counted by `anatomy`. *Which column would you have expected to grow, and does not?*

# %% tags=["T248"]
table

# %% tags=["T248", "nbval-check-output"]
vgg_19, deepest = table["VGG-19"], table["ResNet-152"]
for what in ("depth", "parameters", "multiply_adds", "memory"):
    print(
        f"{what:14} ResNet-152 / VGG-19 = {getattr(deepest, what) / getattr(vgg_19, what):.2f}"
    )

# %% [markdown]
# Eight times as deep as VGG-19, with fewer than half of its parameters and little more than half of its multiply-adds.
# What grows is the memory of activations: a deep network asks for room rather than for work.
#
# | | plain block | residual block | bottleneck |
# |---|---|---|---|
# | computes | relu(F(x)) | relu(x + F(x)) | relu(x + F(x)) |
# | convolutions | 3 × 3, 3 × 3 | 3 × 3, 3 × 3 | 1 × 1, 3 × 3, 1 × 1 |
# | "do nothing" | must be learnt | weights of zero | weights of zero |
# | more blocks | higher training error | lower or equal | lower or equal |
# | used in | VGG (without normalisation) | ResNet-18, 34, CIFAR | ResNet-50, 101, 152 |
#
# ## Also in the lectures
#
# Results that are often put side by side. Read the last column before you compare.

# %% tags=["T247", "nbval-check-output"]
results = [  # as reported: network, top-1, top-5 accuracy in per cent, how it was tested
    ("VGG-16", 74.4, 91.9, "one network, whole picture, one size"),
    ("ResNet-50", 75.3, 92.2, "one network, one crop"),
    ("ResNet-50", 77.15, 93.29, "one network, mean over ten crops"),
    ("VGG, 2014", None, 100 - 7.32, "ensemble, test server"),
    ("GoogLeNet", None, 100 - 6.66, "ensemble, test server"),
    ("VGG, version 5", None, 100 - 6.8, "ensemble, test server"),
    ("PReLU-net", None, 100 - 4.94, "ensemble, test server"),
    ("BN-Inception", None, 100 - 4.82, "ensemble, test server"),
    ("ResNet, 2015", None, 100 - 3.57, "ensemble, test server"),
]
print("network         top-1  top-5  protocol")
for name, top_1, top_5, protocol in results:
    print(f"{name:15} {top_1 or '':5}  {top_5:5.2f}  {protocol}")
print(f"ten crops instead of one: {77.15 - 75.3:.2f} points, the same network")

# %% [markdown]
# You may have seen the 77.15 beside VGG's 74.4. Two thirds of that lead are the ten crops.
#
# ResNets were entered in all five main tracks of the ImageNet and COCO contests of 2015, and came first in every one:

# %% tags=["T247"]
lead = {"ImageNet detection": 16, "ImageNet localisation": 27}
lead |= {"COCO detection": 11, "COCO segmentation": 12}
show(
    figures.leads(lead),
    alt="Lead over the runner-up, as reported: ImageNet detection 16 per cent, localisation 27, "
    "COCO detection 11, segmentation 12.",
)

# %% [markdown]
# ## Think about it
#
# **In a network of 50 residual blocks you remove one block after training, and put the shortcut in its place. What do you
# expect? And in a plain network?**
#
# <details><summary>Answer</summary>
#
# The residual network hardly notices (Veit and others, 2016): each block only adds a little to what the others hand on,
# and there are very many ways through the network that avoid this block. A plain network has one way only. Without one of
# its layers, everything behind it gets inputs it has never seen.
# </details>
#
# **Why is there no ReLU on the branch just before the sum?**
#
# <details><summary>Answer</summary>
#
# Behind a ReLU, F(x) could never be negative: blocks could add to their input and never take anything away, and the
# values would only grow from block to block. (Later versions leave the ReLU behind the sum out as well, so that the
# shortcut is the pure identity from the first block to the last.)
# </details>
#
# ## Further reading
#
# - K. He, X. Zhang, S. Ren and J. Sun, *Deep residual learning for image recognition*, 2015.
# - K. He, X. Zhang, S. Ren and J. Sun, *Identity mappings in deep residual networks*, 2016.
# - A. Veit, M. Wilber and S. Belongie, *Residual networks behave like ensembles of relatively shallow networks*, 2016.
# - D. Balduzzi and others, *The shattered gradients problem: if resnets are the answer, then what is the question?*, 2017.
# - P. Goyal and others, *Accurate, large minibatch SGD: training ImageNet in 1 hour*, 2017: blocks that begin as the identity.
