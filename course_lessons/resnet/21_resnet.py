# ---
# jupyter:
#   course:
#     title: "ResNet: if deeper is better, why not simply add layers?"
#     summary: "A plain network of many layers learns badly, even what it is shown. One addition in each block changes that: build it, measure it, count it."
#     objectives:
#       - "show that deep plain networks fail at learning, not at generalising"
#       - "construct a deeper network that is no worse, and tell how much hangs on where its training starts"
#       - "build a residual block, with a projection where the shape changes, and start it as the identity"
#       - "read the layouts of ResNet-18 to 152 and of the networks for CIFAR-10, and count them"
#       - "compare the families from LeNet-5 to ResNet-152 by depth, parameters, multiply-adds and memory"
#     needs: [11_conv_backprop, 15_batchnorm, 19_vgg, 20_googlenet]
#     minutes: 90
#     data: [digits, photos]
# ---

# %% [markdown]
# Eight layers won ImageNet in 2012. In 2014 it was nineteen, and twenty-two. So in 2015 there was an obvious thing to do:
# take a good network and put more layers into it.
#
# **If deeper is better, why not simply add layers?** You will add them, see the network get *worse*, show that it need not,
# and mend it with one plus sign. The winner of 2015 had it, and 152 layers.

# %%
import keras
import numpy as np
import pandas as pd

from course_lessons.resnet import figures
from course_lessons.resnet.families import counted, families
from course_lib import data, layers
from course_lib.anatomy import anatomy
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.resnet import basic_block, bottleneck_block, cifar_resnet, resnet
from course_lib.evidence import at_best_rate, compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.plots import charts, show
from course_lib.plots.anatomy import drawing
from course_lib.plots.controls import explore

digits = data.digits()
train = digits.train[:1000]
images = (train.images - train.images.mean()) / train.images.std()
print(f"{len(images):,} digits of {images.shape[1]} x {images.shape[2]} pixels to learn from")

# %% [markdown]
# ## Just add layers
#
# The simplest deep network: one 3 × 3 convolution with strides of 2 in front, then equal *blocks* of two 3 × 3
# convolutions with 8 filters, each followed by batch normalisation (lesson 15) and ReLU, then a global average and a
# dense layer. With $n$ blocks that makes $2n + 2$ layers with weights. It learns tiny digits of 8 × 8 pixels, so that
# thirty layers can be trained many times.
#
# Recorded beforehand: 8, 20 and 32 layers, He's start, 5 random starts each, SGD with momentum, the learning rate a tenth
# from pass 17 on; of three rates each depth has the one that is best on validation digits. *What do you expect of the error
# on new digits? And on the very digits that they learn from?*


# %% tags=["T235", "Q32", "G43", "H17"]
def runs_at_best_rate(rows, kinds):
    """Of each kind of network the runs at the rate with the lowest validation error after the last pass."""
    return at_best_rate(rows, kinds, rows.validation_error.where(rows.passes == rows.passes.max()))


def curves(rows, by, column, against="passes"):
    """Label -> a table with a row for each pass and a column for each seed."""
    return {label: part.pivot(index=against, columns="seed", values=column) for label, part in rows.groupby(by)}


raced = runs_at_best_rate(evidence("degradation"), kinds=["kind", "depth"])
plain, passes = raced[raced.kind == "plain"], sorted(set(raced.passes))
columns = {"digits it learns from": "training_error", "validation digits": "validation_error"}
panels = {
    title: {f"{depth} layers": runs for depth, runs in curves(plain, "depth", column).items()}
    for title, column in columns.items()
}
show(
    charts.lines(panels, passes, "passes", "error", percent=True),
    alt="Errors over 24 passes on the digits to learn from and on validation digits. With 8 layers they fall to 0 and 3 per "
    "cent, with 20 more slowly, to 5 and 10, with 32 slowest, to 16 and 22; the worst run stays near 40.",
)

# %% tags=["T235", "Q32"]
ended = plain[plain.passes == passes[-1]]
learnt = compare(ended, by="depth", value="training_error")
unseen = compare(ended, by="depth", value="test_error")
assert learnt.loc[32, "low"] > 0 and unseen.loc[32, "low"] > 0
pd.concat({"digits it learns from": learnt, "test digits": unseen}).drop(columns="seeds").round(3)

# %% [markdown]
# The interval from `low` to `high` holds, with 95 % confidence, the difference to 8 layers; for 20 layers we cannot
# tell. **With 32 plain layers more mistakes are left than with 8**, on test digits. *And what is odd here?* A network
# with more weights that does worse on *new* digits could be overfitting, as in lesson 16. But then it would do no worse
# on those that it learns from. **It makes more mistakes on those, too.** This is called **degradation**: the deep
# network does not learn too well, it learns badly.
#
# Two things to keep in mind. All three depths did best at 0.1, the highest of the three rates; a still higher one was
# not tried. And after 24 passes the curves of 32 layers still fall: further down, three of the networks train three
# times as long. (On ImageNet, the authors say, three times the steps did not help.)
#
# ## It should be impossible
#
# Take a trained network of 8 layers. Put twelve layers behind its blocks that change nothing: each hands on what it gets.
# What does this network of 20 layers answer?
#
# A convolution hands on its input if its kernel is 1 in the middle and 0 elsewhere, from each map to itself; ReLU leaves
# positive numbers alone; and normalisation is undone by a $\gamma$ equal to the deviation and a $\beta$ equal to the mean.
# Let us build both. (`residual` comes later.)


# %% tags=["T235", "T237"]
def convolution(x, name, filters=8, strides=1):
    """3 x 3, and batch normalisation."""
    x = keras.layers.Conv2D(
        filters,
        kernel_size=3,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)


def block(x, name, residual):
    y = keras.layers.ReLU()(convolution(x, f"{name}_1"))
    y = convolution(y, f"{name}_2")
    if residual:
        y = keras.layers.Add()([x, y])
    return keras.layers.ReLU(name=name)(y)


# %% tags=["T235"]
def network(depth, residual=False):
    """8 x 8 pixels, (depth - 2) / 2 blocks, ten logits."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.ReLU()(convolution(inputs, "stem", strides=2))
    for number in range(1, (depth - 2) // 2 + 1):
        x = block(x, f"block{number}", residual)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(10, name="logits")(x))
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=0.1, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


shallow = network(8)
shallow.fit(images, train.labels, epochs=12, batch_size=100, verbose=0)
_, accuracy = shallow.evaluate(images, train.labels, batch_size=500, verbose=0)
print(f"8 layers, right on the digits it learns from: {accuracy:.0%}")
assert accuracy > 0.5

# %% tags=["T236"]
deep = network(20)
for layer in shallow.layers:
    if layer.weights:
        deep.get_layer(layer.name).set_weights(layer.get_weights())
behind = keras.Model(shallow.inputs, shallow.get_layer("block3").output).predict(images, batch_size=500, verbose=0)
mean, variance = behind.mean(axis=(0, 1, 2)), behind.var(axis=(0, 1, 2))
idle = np.zeros((3, 3, 8, 8))
idle[1, 1] = np.eye(8)
for number in range(4, 10):
    for part in (1, 2):
        deep.get_layer(f"block{number}_{part}_conv").set_weights([idle])
        bn = deep.get_layer(f"block{number}_{part}_bn")
        bn.set_weights([np.sqrt(variance + bn.epsilon), mean, mean, variance])
logits = [model.predict(images, batch_size=500, verbose=0) for model in (shallow, deep)]
assert np.allclose(*logits, atol=1e-2)
print(f"same answers: {np.mean(logits[0].argmax(axis=1) == logits[1].argmax(axis=1)):.0%}")

# %% [markdown]
# The same. A network of 20 layers *can* do as well as one of 8: such weights exist. With 24 idle layers, so can one
# of 32. But in 24 passes from a random start training did not *find* such weights. How hard is it? Keep the eight
# trained layers, put twelve more behind their blocks, and train on, all of them. With random new layers; with layers
# that are *nearly* idle (as above, plus a tenth of a random start); and, for a fair comparison, the eight layers alone,
# trained for as long. *Which will come back to the old loss?*

# %% tags=["T236"]
grown = runs_at_best_rate(evidence("deepened"), kinds=["variant"])
times = sorted(set(grown.passes))
names = ["8 layers alone", "12 plain layers more", "12 nearly idle layers more"]
show(
    charts.lines(
        curves(grown[grown.variant.isin(names)], "variant", "training_loss"),
        times,
        "further passes",
        "loss on the digits it learns from",
        log="y",
    ),
    alt="Loss over 24 further passes, logarithmic. Eight layers alone fall from 0.005 to 0.0009. With nearly idle layers more "
    "it begins at 0.02, wavers and ends at 0.0009, too; with plain layers more it begins at 2.6 and ends at 0.006.",
)
at_end = grown[(grown.passes == times[-1]) & grown.variant.isin(names)]
lost = compare(at_end, by="variant", value="training_loss", against="8 layers alone")
assert lost.loc["12 plain layers more", "low"] > 0 and at_end.groupby("variant").training_error.mean().max() < 0.01
lost.drop(columns="seeds").round(4)

# %% [markdown]
# **After 24 further passes the network with twelve random layers more still has a higher loss than the eight layers
# alone.** It ends at 0.006: not quite back at the 0.005 where the eight layers began. By then all three get nearly
# every digit right. But behind the random layers the loss began at 2.6, no better than by guessing ($\log 10 = 2.3$).
# **With nearly idle layers more it ends lower than with random ones.** (From the eight layers alone we could not tell
# it.) So "do nothing" can be kept, if training starts near it. What would bring the start there?
#
# ## One plus sign
#
# A block computes $\mathbf y$ from $\mathbf x$. Add the input to what its layers $F$ give. They then learn only what has to
# be *added*, the *residual*:
#
# $$\mathbf y = \mathbf x + F(\mathbf x) \qquad\text{so}\qquad F(\mathbf x) = \mathbf y - \mathbf x$$
#
# To do nothing, $F$ has to be 0: weights of zero. The way of $\mathbf x$ around the layers is a **shortcut**, in Keras one
# `Add`: set `residual=True` above. By hand, with two numbers and dense layers:
# $F(\mathbf x) = \mathrm{relu}(\mathbf x W_1)\,W_2$. $W_1$ is the unit matrix, and $W_2$ gets smaller and smaller.

# %% tags=["T237", "T238", "nbval-check-output"]
x = np.array([2.0, 1.0])
second = np.array([[1.0, 0.0], [-1.0, 0.5]])
by_hand = {}
for size in (1, 0.1, 0):
    added = np.maximum(x @ np.eye(2), 0) @ (size * second)
    by_hand[f"weights times {size}"] = {
        "F(x)": added,
        "plain": np.maximum(added, 0),
        "residual": np.maximum(x + added, 0),
    }
pd.DataFrame(by_hand).T

# %% [markdown]
# As the weights go to zero, the plain block forgets its input. The residual block becomes the identity (for inputs that
# are not negative, as behind a ReLU).
#
# And going back? The Jacobian (lesson 01: a row for each output) of $\mathbf y = \mathbf x + F(\mathbf x)$ is
# $\partial\mathbf y/\partial\mathbf x = I + F'$, where $F'$ is the Jacobian of $F$. So a gradient comes back on two
# ways, through the layers and, unchanged, around them, and the two are added. Through two blocks (without the ReLUs
# behind the sums) the chain rule multiplies: $(I + F_2')(I + F_1') = I + F_1' + F_2' + F_2'F_1'$. That is one term for
# every way through or around.
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
# Now the race again: same depths, weights, random starts and digits in the same order; only the `Add` is new. Try one
# network here; the figure lays it over the recorded ones. *Will 32 layers still be worse than 8?*


# %% tags=["T237"]
class TrainingError(keras.callbacks.Callback):
    """Asks after each pass, as at test time."""

    def __init__(self):
        super().__init__()
        self.errors = []

    def on_epoch_end(self, epoch, logs=None):
        _, right = self.model.evaluate(images, train.labels, batch_size=500, verbose=0)
        self.errors.append(1 - right)


residual_20, watch = network(20, residual=True), TrainingError()
residual_20.fit(images, train.labels, epochs=8, batch_size=100, verbose=0, callbacks=[watch])
print(f"20 residual layers, 8 passes, wrong on the digits they learn from: {watch.errors[-1]:.0%}")
assert watch.errors[-1] < 0.5

# %% tags=["T237", "H17", "Q33", "G41", "picture"]
panels = {
    kind: {
        f"{depth} layers": runs for depth, runs in curves(raced[raced.kind == kind], "depth", "training_error").items()
    }
    for kind in ("plain", "residual", "plain, begun nearly idle")
}
here = [watch.errors[number - 1] if number <= len(watch.errors) else np.nan for number in passes]
panels["residual"]["20 layers, just now"] = here
show(
    charts.lines(panels, passes, "passes", "error on the digits it learns from", percent=True),
    alt="Training errors. Plain: 8 layers end at 0 per cent, 20 at 5, 32 at 16. Residual: all depths fall together to almost "
    "0; the network trained just now follows a little later. Plain, begun nearly idle: the same, with a bump for 32 layers at pass 17.",
)
ended = raced[raced.passes == passes[-1]]
at_32, by_depth = ended[ended.depth == 32], ended[ended.kind == "residual"]
learnt = compare(at_32, by="kind", value="training_error", against="plain")
unseen = compare(at_32, by="kind", value="test_error", against="plain")
assert learnt.loc["residual", "high"] < 0 and unseen.loc["residual", "high"] < 0
pd.concat(
    {
        "32 layers, digits it learns from": learnt,
        "32 layers, test digits": unseen,
        "residual, test digits": compare(by_depth, by="depth", value="test_error"),
    }
).drop(columns="seeds").round(3)

# %% tags=["T235", "T237"]
longer = runs_at_best_rate(evidence("longer"), kinds=["kind", "depth"])
longer = longer[longer.passes == longer.passes.max()]
longer = longer.assign(network=longer.kind + ", " + longer.depth.astype(str) + " layers")
later = {
    words: compare(longer, by="network", value=column, against="plain, 8 layers")
    for words, column in {
        "72 passes, digits it learns from": "training_error",
        "72 passes, test digits": "test_error",
    }.items()
}
assert later["72 passes, test digits"].loc["residual, 32 layers", "high"] < 0
photos = evidence("cifar10")
photos = photos[photos.passes == photos.passes.max()].assign(network=photos.kind + ", 20 layers")
early = compare(photos, by="network", value="test_error", against="plain, 20 layers")
assert early.loc["residual, 20 layers", "low"] < 0 < early.loc["residual, 20 layers", "high"]
later["CIFAR-10, 5 passes, test pictures"] = early
pd.concat(later).drop(columns="seeds").round(3)

# %% [markdown]
# **With shortcuts 32 layers make fewer mistakes than without, on the digits they learn from and on test digits.** That
# is after 24 passes. The last table gives three networks 72, in its upper rows. The plain one of 32 layers then learns all but 2 % of its
# digits, the worst start all but 9 %; whether it still does worse than 8 layers, *we could not tell*. But with
# shortcuts **32 layers misread fewer test digits than 8 plain ones**: 1.8 against 2.7 %, which is 8 against 12 of 450.
# (Is this the depth, or the shortcuts? The table does not say: 8 layers with shortcuts were not trained for so long.)
# So can layers simply be added? Plain ones made training slow, and from one start of five bad; with shortcuts that did
# not happen.
#
# And the third panel? **Plain layers that begin nearly idle make fewer mistakes than plain ones with He's start, too.**
# So at least a part of what harms the deep plain network, on these digits, is *where its training starts*. The
# shortcut, too, puts the start nearer to "do nothing". It needs no look at the data for that, and it stays while the
# weights move.
#
# All that was tiny. The last rows are for photographs: CIFAR-10, with all of its 45,000 pictures to learn from, five
# starts of ResNet-20 and of its plain twin. The twin has the same layers, begins with the same weights and sees the same
# batches. The recipe is the paper's, with its rate (no other was tried), but for its length: 5 passes, not 182. With
# shortcuts fewer test pictures are misread on average, 29 against 33 %, but the starts differ more than that: whether
# shortcuts help 20 layers in these 5 passes, *we could not tell*. Nor does that say what 182 passes would.
#
# The paper went on to 64,000 steps on CIFAR-10, and to 600,000 on ImageNet. There, too, the deeper plain network ended
# with the higher training error, and the residual one did not. (With a graphics card,
# `course evidence 21:cifar10 --scale gpu` trains for as long.) How far can one go? Back to the digits: training and
# validation errors of 110 residual layers, at two rates:

# %% tags=["H18"]
deepest = evidence("very_deep")
deepest = deepest[deepest.passes == deepest.passes.max()]
right_rate = deepest.groupby("rate").validation_error.mean().idxmin()
assert deepest[deepest.rate == right_rate].training_error.max() < 0.02
deepest.pivot(index="seed", columns="rate", values=["training_error", "validation_error"]).round(3)

# %% [markdown]
# **At the smaller rate 110 residual layers learn all but a few of the digits, with each of five starts.** At 0.1 four
# of the five fail. The paper, too, began its 110 layers at 0.01, and went to 0.1 after about 400 steps. (Begun at 0.1,
# it adds, they got going some passes later, and ended about equally good.)
#
# ## What comes through
#
# Look at what the layers of a network are given *before* any training: a photograph behind random blocks. Move the
# sliders below.

# %% tags=["T237", "widget", "gallery"]
show(
    figures.passing_sheet((0, 1, 4, 10, 20), {"plain": 0.0, "residual": 1.0}),
    alt="A cat behind 0 to 20 random blocks. Without shortcuts only coarse bright patches are left behind ten; with them "
    "eyes and nose can still be made out behind twenty.",
)
explore(
    figures.passing,
    alt="A photograph of a cat, and what is left of it behind some random blocks.",
    blocks=(0, 30, 1),
    shortcut=(0.0, 1.0, 0.25),
    seed=(0, 9, 1),
)

# %% [markdown]
# A number for it: describe each digit by what comes out of random blocks, and name it after the most similar other digit.
# How many are right?


# %% tags=["T237"]
def convolved(x, rng):
    """A random 3 x 3 convolution to 8 maps, each normalised."""
    y = layers.Conv2D(x.shape[-1], 8, 3, rng, padding="same").forward(x)
    return (y - y.mean(axis=(0, 1, 2))) / y.std(axis=(0, 1, 2))


def random_blocks(x, shortcut, number, rng):
    """What comes out of each of so many untrained blocks."""
    x, outputs = np.maximum(convolved(x, rng), 0), []
    for _ in range(number):
        y = np.maximum(convolved(x, rng), 0)
        x = np.maximum(convolved(y, rng) + shortcut * x, 0)
        outputs.append(x)
    return outputs


def recognised(features, labels):
    """The share of examples whose most similar other example has the same label."""
    flat = features.reshape(len(features), -1)
    distances = np.sum(flat**2, axis=1) - 2 * flat @ flat.T
    np.fill_diagonal(distances, np.inf)
    return np.mean(labels[distances.argmin(axis=1)] == labels)


# %% tags=["T237"]
few, rows = digits.train[:250], []
for seed in range(5):
    for kind, shortcut in {"plain": 0.0, "residual": 1.0}.items():
        outputs = random_blocks(few.images, shortcut, 15, np.random.default_rng(seed))
        for number in (1, 3, 6, 10, 15):
            right = recognised(outputs[number - 1], few.labels)
            rows.append({"seed": seed, "kind": kind, "layers": 2 * number, "right": right})
survived = pd.DataFrame(rows)
show(
    charts.lines(
        curves(survived, "kind", "right", against="layers"),
        sorted(set(survived["layers"])),
        "random layers passed",
        "digits recognised",
        guessing=0.1,
        levels={"from the pixels": recognised(few.images, few.labels)},
        percent=True,
    ),
    alt="Digits recognised behind 2 to 30 random layers, five runs. From the pixels it is 93 per cent. Without shortcuts the "
    "share falls from 91 to 11 per cent, as by guessing; with them it falls slowly, to 77.",
)
behind_30 = compare(survived[survived["layers"] == 30], by="kind", value="right")
assert behind_30.loc["residual", "low"] > 0
behind_30.round(3)

# %% [markdown]
# Behind thirty random plain layers fewer digits can be told than with shortcuts. Is *that* why plain ones learn badly? It
# fits with the nearly idle start, which hands everything on as well; but both change the way back, too, so this experiment
# does not tell. Vanishing gradients are unlikely: with normalisation the authors found their lengths healthy. Balduzzi and
# others (2017) found them *shattered* instead, as different for similar pictures as noise.
#
# ## The identity for nothing
#
# Both kinds of block again, from this course's library. One array of numbers decides whether the residual one begins as the
# identity: the $\gamma$ of the last normalisation. Does its output equal its input?

# %% tags=["T237", "T238"]
inputs = keras.Input((8, 8, 16), name="input")
pair = [
    keras.Model(inputs, basic_block(inputs, 16, residual=residual, name="b"), name=name)
    for name, residual in (("plain block", False), ("residual block", True))
]
show(
    drawing(*map(anatomy, pair), scale=0.85),
    alt="Two chains of convolution, normalisation, ReLU, convolution and normalisation; in the second the input also goes "
    "around them to a sum.",
)
maps = np.random.default_rng(0).random((4, 8, 8, 16)).astype("float32")  # not negative, as behind a ReLU
equal = {}
for start in ("ones", "zeros"):
    model = keras.Model(inputs, basic_block(inputs, 16, last_gamma_initializer=start, name="b"))
    equal[f"last gamma: {start}"] = {
        f"training={training}": np.array_equal(model(maps, training=training), maps) for training in (True, False)
    }
assert equal["last gamma: zeros"] == {"training=True": True, "training=False": True}
pd.DataFrame(equal).T

# %% [markdown]
# Exactly equal, whatever the kernels are: each block joins in as its $\gamma$ grows. (Goyal and others, 2017; usually
# $\gamma$ starts at 1.) Behind the trained 8 layers we put twelve with shortcuts. The table has the losses *before* the
# first step:

# %% tags=["T236", "T238"]
names = ["8 layers alone", "12 plain layers more", "12 layers with shortcuts more"]
names.append("12 layers with shortcuts more, last gammas 0")
show(
    charts.lines(
        curves(grown[grown.variant.isin(names)], "variant", "training_loss"),
        times,
        "further passes",
        "loss on the digits it learns from",
        log="y",
    ),
    alt="Loss over 24 further passes, logarithmic. With last gammas of 0 it begins at 0.005, as for eight layers alone; with "
    "other shortcuts at 0.3, and ends lowest; with plain layers at 2.6, and stays highest.",
)
before = grown[(grown.passes == 0) & grown.variant.isin(names)]
at_start = compare(before, by="variant", value="training_loss", against="8 layers alone")
assert abs(at_start.difference[names[-1]]) < 1e-3
at_start.drop(columns="seeds").round(3)

# %% [markdown]
# With last gammas of 0 the twenty layers begin exactly where the eight had ended. (All losses at the end are close to 0, and
# were reached at different rates: we compare them no further.)
#
# **Exercise 2.** Silence every block of a stack: with the new $\gamma$ and $\beta$ of its normalisations $F(\mathbf x)$ must
# be 0. Change no more than you must. The cell below the check silences the blocks of the network of 20 layers that you
# trained, one at a time.


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

# %% tags=["T238"]
whole = residual_20.get_weights()
errors = {"none": watch.errors[-1]}
try:
    for number in range(1, 10):
        norms = [residual_20.get_layer(f"block{number}_{part}_bn") for part in (1, 2)]
        trained = [np.array([[np.asarray(getattr(bn, name)) for bn in norms]]) for name in ("gamma", "beta")]
        gammas, betas = start_as_identity(*trained)
        for bn, gamma, beta in zip(norms, gammas[0], betas[0], strict=True):
            bn.gamma.assign(gamma)
            bn.beta.assign(beta)
        _, right = residual_20.evaluate(images, train.labels, batch_size=500, verbose=0)
        errors[f"block {number}"] = 1 - right
        residual_20.set_weights(whole)
except NotImplementedError as missing:
    print(missing)
pd.DataFrame(errors, index=["error without it"]).round(2)

# %% [markdown]
# In the first column nothing is silenced. Which of your blocks is missed most, and which hardly? (In our run the first
# two were missed most. That is one run.) Ours has nine blocks; in ResNets with dozens Veit and others (2016) found that
# hardly any single one was missed, but for those that change the shape.
#
# ## When the shapes do not match
#
# $\mathbf x + F(\mathbf x)$ needs two equal shapes. This block, of three convolutions, is a classic of Keras tutorials. How
# many numbers do its biases add? And what if 64 channels come in?


# %% tags=["T241", "C04"]
def identity_block(x, kernel_size, filters, use_bias):
    """1 x 1, kernel_size and 1 x 1, with a shortcut around them; `filters` of each of the three."""
    y = x
    for place, (count, size) in enumerate(zip(filters, (1, kernel_size, 1), strict=True)):
        y = keras.layers.Conv2D(count, kernel_size=size, padding="same", use_bias=use_bias)(y)
        y = keras.layers.BatchNormalization(axis=-1)(y)
        if place < 2:
            y = keras.layers.ReLU()(y)
    return keras.layers.ReLU()(keras.layers.Add()([y, x]))


wide, narrow = keras.Input((56, 56, 256)), keras.Input((56, 56, 64))
as_printed = keras.Model(wide, identity_block(wide, 3, (64, 64, 256), use_bias=True))
modern = keras.Model(wide, identity_block(wide, 3, (64, 64, 256), use_bias=False))
print(f"with biases {as_printed.count_params():,} parameters, without {modern.count_params():,}")
assert as_printed.count_params() == 71_552
try:
    identity_block(narrow, 3, (64, 64, 256), use_bias=False)
except ValueError as problem:
    print("from 64 to 256 channels, ValueError:", str(problem)[:46], "…")
projecting = keras.Model(narrow, bottleneck_block(narrow, 64, name="b"))
print(f"with a projection: {projecting.output.shape[1:]}, {projecting.count_params():,} parameters")
print(f"data format: {keras.config.image_data_format()}")

# %% [markdown]
# The biases are useless: the normalisation behind them takes every constant out again (lesson 15). (With channels last the
# axis to normalise is −1; old tutorials asked `K.image_data_format()`.) Where the shape changes, a 1 × 1 convolution on the
# shortcut, with the same strides and filters, brings $\mathbf x$ into form: a *projection*.
#
# **Exercise 3.** When is it needed? The branch begins with a 3 × 3 convolution with these `filters`, `strides` and
# `padding`; what follows keeps its shape.


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
# **Exercise 4.** Build the block that changes shapes: two 3 × 3 convolutions with `padding="same"` and without bias, batch
# normalisation behind each, ReLU between them and behind the sum; the first has the strides. Project only where you must,
# with batch normalisation, too.


# %% exercise="residual_block"
def residual_block(x, filters, strides):
    """x: a Keras tensor (batch, height, width, channels). Returns the block's output tensor."""

    ### BEGIN SOLUTION
    def convolution(x, kernel_size, strides):
        layer = keras.layers.Conv2D(filters, kernel_size, strides, padding="same", use_bias=False)
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

# %% tags=["T240"]
at_256 = keras.Input((14, 14, 256))
blocks = {
    "basic: 3×3, 3×3": basic_block(at_256, 256, name="b"),
    "bottleneck: 1×1, 3×3, 1×1": bottleneck_block(at_256, 64, name="b"),
}
totals = {name: anatomy(keras.Model(at_256, output)).total for name, output in blocks.items()}
assert 16 < np.divide(*(total.multiply_adds for total in totals.values())) < 18
pd.DataFrame(
    {
        name: {"parameters": f"{each.trainable:,}", "multiply-adds": f"{each.multiply_adds:,}"}
        for name, each in totals.items()
    }
).T

# %% [markdown]
# About seventeen to one, with one layer more, and the shortcut carries all 256 maps around the 64.
#
# ## The whole network
#
# Around the blocks: a 7 × 7 convolution and a pooling in front, a global average and a dense layer with 1,000 outputs at the
# end. Four *stages*; at each new one, strides of 2 halve height and width, and the filters double.

# %% tags=["T239", "T244", "T245"]
resnets = {depth: counted(f"ResNet-{depth}") for depth in (18, 34, 50, 101, 152)}
stages = ["conv2", "conv3", "conv4", "conv5"]
layouts = {}
for depth, found in resnets.items():
    adds = [row.name for row in found if row.role == "join"]
    windows = [row.window for row in found if row.name.startswith("conv2_block2") and row.window]
    assert found.total.depth == depth
    layouts[f"ResNet-{depth}"] = {
        "blocks in each stage": ", ".join(str(sum(name.startswith(stage) for name in adds)) for stage in stages),
        "a block": ", ".join(windows),
        "parameters": f"{found.total.trainable:,}",
        "multiply-adds": f"{found.total.multiply_adds:,}",
    }
sides = [resnets[50]["conv1_relu"].shape[0]] + [resnets[50][f"{stage}_block1_add"].shape[0] for stage in stages]
print("height and width of the maps, stage by stage:", sides)
pd.DataFrame(layouts).T

# %% [markdown]
# The paper prints the last column as 1.8, 3.6, 3.8, 7.6 and 11.3 billion (some cut off, some rounded) "FLOPs
# (multiply-adds)"; floating-point operations are about twice as many.
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
    alt="Three columns of layers, level by size of map. VGG-19 has eight convolutions on maps of 56 and larger; the 34 layers "
    "begin with one of 7 by 7, and arcs skip pairs of layers.",
)
by_size = {}
for name, found in three.items():
    work = pd.Series({row.name: row.multiply_adds / 1e9 for row in found}, name="billions of multiply-adds")
    side = {row.name: row.shape[0] if len(row.shape) == 3 else 1 for row in found}
    by_size[name] = work.groupby(side).sum()
at_sizes = pd.DataFrame(by_size).fillna(0).sort_index(ascending=False)
at_sizes.loc["all"] = at_sizes.sum()
assert at_sizes.loc["all", "VGG-19"] > 5 * at_sizes.loc["all", "ResNet-34"]
at_sizes[at_sizes.sum(axis=1) > 0].round(2)

# %% [markdown]
# Billions of multiply-adds, by height of the maps. VGG-19 has more than five times as many as ResNet-34, although
# ResNet-34 is deeper. VGG-19 spends most of them on maps of 56 × 56 and larger; ResNet-34 is down at 56 × 56 after one
# convolution and one pooling.
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

# %% tags=["T246"]
built = {depth: anatomy(blueprint(cifar_resnet, depth)).total for depth in (20, 32, 56, 110)}
for_one_more_n = (built[110].trainable - built[20].trainable) // (18 - 3)
sizes = {f"n = {depth // 6}": {"layers": depth, "parameters": f"{total.trainable:,}"} for depth, total in built.items()}
sizes["n = 200"] = {"layers": 6 * 200 + 2, "parameters": f"{built[20].trainable + (200 - 3) * for_one_more_n:,}"}
pd.DataFrame(sizes).T

# %% [markdown]
# 1,202 layers, more than nineteen million parameters. By the paper they trained without trouble, to a training error below
# 0.1 %, and erred *more* on new pictures than 110 layers did (7.93 against 6.43 %). The authors argue that this is
# overfitting; they did not test it.
#
# ## The recipe
#
# He initialisation (lesson 14), batch normalisation after each convolution, no dropout; SGD with momentum, a rate that is
# divided by 10 when the error stops falling; and *weight decay* of strength $\alpha$: what is minimised is
# $\mathcal M = \mathcal L + \frac{\alpha}{2}\sum w^2$. The paper has $\alpha = 10^{-4}$; some copies of the recipe have $10^{-5}$.
# Does a factor of ten matter? Train with both.

# %% tags=["T243", "F218", "F219"]
recipe = {
    "learning_rate": 0.1,
    "momentum": 0.9,
    "divisor": 10,
    "batch_size": 256,
    "dropout": 0,
    "weight_decay": 1e-4,
}
short, per_step = {}, recipe["learning_rate"] * recipe["weight_decay"] / (1 - recipe["momentum"])
assert round(np.log(0.5) / np.log(1 - per_step)) == 6931
for strength in (recipe["weight_decay"], 1e-5):
    model = network(8, residual=True)
    kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]
    for kernel in kernels:
        kernel.regularizer = keras.regularizers.L2(strength / 2)
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=recipe["learning_rate"], momentum=recipe["momentum"]),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    on_plateau = keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=1 / recipe["divisor"])
    model.fit(images, train.labels, epochs=3, batch_size=recipe["batch_size"], verbose=0, callbacks=[on_plateau])
    short[strength] = sum(float(np.sum(np.square(kernel))) for kernel in kernels)
pd.Series(short, name="sum of squared weights after 12 steps").rename_axis("weight decay").to_frame().round(3)

# %% [markdown]
# In 12 steps hardly a difference. Take a weight without any other gradient: at each step the decay takes the share
# $\eta\alpha$ of it, and momentum of 0.9 makes ten times as much of that. Half of it is gone after
# $\log 0.5 / \log(1 - 10\,\eta\alpha) \approx 6{,}931$ steps, at the first rate $\eta = 0.1$; with a tenth of $\alpha$
# after 69,314. The paper trained for up to 600,000.
#
# ## The revolution of depth
#
# ImageNet's winners and runners-up: depth counted on our own networks, errors *as reported*, of ensembles (AlexNet's is
# of five networks; with two more, trained on more pictures, it was 15.3). But not depth alone changed: below are the families
# of this course, counted by `anatomy`. *Which column would you have expected to grow, and does not?*

# %% tags=["T248", "G40"]
table = families()
reported = {"AlexNet": 16.4, "VGG-19": 7.3, "GoogLeNet": 6.7, "ResNet-152": 3.57}
winners = {f"{name}\n{table[name].year}": (table[name].depth, top_5) for name, top_5 in reported.items()}
show(
    figures.revolution(winners),
    alt="Bars of 8, 19, 22 and 152 layers, and of errors that fall from 16.4 to 3.57 per cent.",
)
vgg_19, deepest_resnet = table["VGG-19"], table["ResNet-152"]
assert deepest_resnet.depth == 8 * vgg_19.depth and deepest_resnet.parameters < 0.5 * vgg_19.parameters
assert deepest_resnet.multiply_adds < 0.6 * vgg_19.multiply_adds and deepest_resnet.memory > vgg_19.memory
table

# %% [markdown]
# Eight times as deep as VGG-19, with fewer than half of its parameters and little more than half of its multiply-adds.
# What grows is the memory of activations.
#
# Results that are often put side by side, as reported. Read the last column before you compare.

# %% tags=["T247"]
results = [  # network, top-1, top-5 accuracy in per cent, how it was tested
    ("VGG-16", 74.4, 91.9, "one network, whole picture, one size"),
    ("ResNet-50", 75.3, 92.2, "one network, one crop"),
    ("ResNet-50", 77.15, 93.29, "one network, mean over ten crops"),
    ("VGG, 2014", "", 100 - 7.32, "ensemble, test server"),
    ("GoogLeNet", "", 100 - 6.66, "ensemble, test server"),
    ("VGG, version 5", "", 100 - 6.8, "ensemble, test server"),
    ("PReLU-net", "", 100 - 4.94, "ensemble, test server"),
    ("BN-Inception", "", 100 - 4.82, "ensemble, test server"),
    ("ResNet, 2015", "", 100 - 3.57, "ensemble, test server"),
]
lead = {"ImageNet detection": 16, "ImageNet localisation": 27, "COCO detection": 11, "COCO segmentation": 12}
show(
    figures.leads(lead),
    alt="Lead over the runner-up, as reported: ImageNet detection 16 per cent, localisation 27, COCO detection 11, "
    "segmentation 12.",
)
pd.DataFrame(results, columns=["network", "top-1", "top-5", "protocol"])

# %% [markdown]
# Of the 2.75 points between VGG-16's 74.4 and ResNet-50's 77.15, 1.85 are the ten crops: the same network has 75.3 with one.
# (The bars: in 2015 ResNets came first in all five main tracks of ImageNet and COCO. The fifth is classification, the last
# row of the table.)
#
# | | plain block | residual block | bottleneck |
# |---|---|---|---|
# | computes | relu(F(x)) | relu(x + F(x)) | relu(x + F(x)) |
# | convolutions | 3 × 3, 3 × 3 | 3 × 3, 3 × 3 | 1 × 1, 3 × 3, 1 × 1 |
# | "do nothing" | kernels 1 in the middle, $\gamma$, $\beta$ to fit the data | last $\gamma$ and $\beta$ 0 | last $\gamma$ and $\beta$ 0 |
# | 32 layers instead of 8, 24 passes, our digits | more errors | no more that we could tell | not tried |
# | used in | VGG (without normalisation) | ResNet-18, 34, CIFAR | ResNet-50, 101, 152 |
#
# **So why not simply add layers?** A deeper network *can* do what a shallower one does, but training has to find the
# weights for it. From a random start our 32 plain layers were slow to find even what the 8 layers had found. With
# shortcuts, "do nothing" is nearer to the start, and after the same 24 passes 32 layers made no more mistakes on test
# digits than 8, that we could tell.
#
# ## Think about it
#
# **In a trained plain network you take one block out. What do you expect, compared with silencing one block above?**
#
# <details><summary>Answer</summary>
#
# A plain network has one way only: everything behind the missing block gets inputs unlike those it was trained on. Fifty
# residual blocks have $2^{50}$ ways through or around (multiply out the Jacobians above), and half of them avoid any given
# block. Veit and others (2016) did both: the plain network fell to guessing, the residual one hardly noticed.
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
# - K. He, X. Zhang, S. Ren and J. Sun, *Deep residual learning for image recognition*, 2015,
#   [arXiv:1512.03385](https://arxiv.org/abs/1512.03385).
# - K. He, X. Zhang, S. Ren and J. Sun, *Identity mappings in deep residual networks*, 2016,
#   [arXiv:1603.05027](https://arxiv.org/abs/1603.05027).
# - A. Veit, M. Wilber and S. Belongie, *Residual networks behave like ensembles of relatively shallow networks*, 2016,
#   [arXiv:1605.06431](https://arxiv.org/abs/1605.06431).
# - D. Balduzzi and others, *The shattered gradients problem: if resnets are the answer, then what is the question?*, 2017,
#   [arXiv:1702.08591](https://arxiv.org/abs/1702.08591).
# - S. Zagoruyko and N. Komodakis, *DiracNets: training very deep neural networks without skip-connections*, 2017,
#   [arXiv:1706.00388](https://arxiv.org/abs/1706.00388): plain networks that begin near the identity.
# - P. Goyal and others, *Accurate, large minibatch SGD: training ImageNet in 1 hour*, 2017,
#   [arXiv:1706.02677](https://arxiv.org/abs/1706.02677): blocks that begin as the identity.
