# ---
# jupyter:
#   course:
#     title: "AlexNet: which of its parts mattered?"
#     summary: "Take the network of 2012 apart: count it, split it into two towers, then train it small, remove its parts one by one, and see what can be told."
#     objectives:
#       - "follow AlexNet's shapes from 227 × 227 pixels to a thousand classes, and say why it is 227"
#       - "find out where its weights and its multiply-adds are"
#       - "explain what two graphics cards have to do with groups=2, and split a network in two"
#       - "write local response normalisation, the ten cuts, the top-5 error and the vote"
#       - "judge an ablation: was it trained to the end, over several seeds, and does the interval leave out zero?"
#     needs: [13_first_cnn_lenet, 16_dropout]
#     minutes: 90
#     data: [mnist_5k, photos]
# ---

# %% [markdown]
# In 2012 a neural network won a contest in naming what is on a photo: 15 % wrong, where the next best team had 26 %. Some
# of its parts you know, some may be new to you: ReLU, dropout, augmentation,
# overlapping pooling, normalisation across maps, two graphics cards, several networks that vote.
#
# **Which of its parts mattered?** A list does not tell. Take it apart.

# %%
import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from course_lessons.alexnet import figures
from course_lib import data, layers, scale
from course_lib.anatomy import anatomy
from course_lib.architectures.alexnet import LocalResponseNormalization, alexnet
from course_lib.architectures.blueprint import blueprint
from course_lib.evidence import compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.layers import softmax
from course_lib.plots import charts, show
from course_lib.plots.controls import explore
from course_lib.quiet import quiet

# %% [markdown]
# ImageNet asks for one of a thousand classes and allows five guesses; the **top-5 error** is the share of photos for
# which all five are wrong. First, which number belongs to whom? (Table 2 of the paper, validation photos.)
#
# | networks | trained on more photos | top-5 error |
# |---|---|---|
# | 1, AlexNet | no | 18.2 % |
# | 5 alike | no | 16.4 % |
# | 1 with a sixth convolution | yes | 16.6 % |
# | 7, the five and two such | two of the seven | 15.4 % |
#
# Seven won: 15.3 % on the contest's test photos. The runner-up, without a network, had 26.2 %.
#
# So the step from 18.2 to 15.4 is *not* the vote alone. Five alike give 16.4; the rest came with two networks that had
# first learnt from 15 million photos, and had one more layer. Which of the two counts? The table cannot say. Here is a
# first rule: *change one part at a time*.
#
# ## Eight layers
#
# `blueprint` builds a model on paper, without memory for its weights; `anatomy` reads it.

# %% tags=["T201", "F038", "F039", "F050", "F055", "F056", "nbval-check-output"]
paper = anatomy(blueprint(alexnet))
kept = [row for row in paper if row.name != "flatten" and not row.name.startswith("drop")]
shapes = ["×".join(map(str, row.shape)) for row in kept]
assert shapes[1:4] == ["55×55×96", "55×55×96", "27×27×96"] and len(shapes) == 14
pd.DataFrame(
    {
        "output": shapes,
        "window": [str(row.window) for row in kept],
        "parameters": [f"{row.trainable:,}" for row in kept],
        "multiply-adds": [f"{row.multiply_adds:,}" for row in kept],
    },
    index=[row.name for row in kept],
)

# %% [markdown]
# Five convolutions, three poolings, two normalisations, three dense layers (`fc`, fully connected); eight layers have
# weights. The pooling windows are 3 wide and move by 2: they overlap. By the paper that took 0.3 points off the error.
#
# But the paper says that the input is 224 × 224. Conv1 has kernels of 11 × 11 and strides of 4, without padding. Does
# its window fit? And what will an untrained AlexNet, with 250 MB of weights drawn at random, say of a cat? (`groups=1`
# is explained below.)

# %% tags=["T202", "F051", "T201"]
cat = data.photos()["cat"][20:247, 100:327]
network = alexnet(groups=1)
probabilities = np.asarray(network(cat[None]))[0]
del network  # and its 250 MB
print(f"{probabilities.size} probabilities, the largest {probabilities.max():.4f}: no idea")
assert probabilities.shape == (1000,) and probabilities.max() < 0.1

steps = {pixels: (pixels - 11) / 4 for pixels in (224, 227)}
papers = {pixels: blueprint(alexnet, input_shape=(pixels, pixels, 3)) for pixels in steps}
sides = {pixels: model.get_layer("conv1").output.shape[1] for pixels, model in papers.items()}
pd.DataFrame({"steps of conv1": steps, "side of its maps": sides})

# %% [markdown]
# Only 227 fits: the last step ends at the edge, and the maps are 55 × 55, as the paper prints, too.
#
# ## Where is the network?
#
# Which layers hold most of the weights? Which do most of the work? Guess before you look.

# %% tags=["T209", "F053", "F054", "F057", "F058", "F059", "F060", "X04"]
with_weights = [row for row in paper if row.trainable]
columns = {
    "parameters": [row.trainable for row in with_weights],
    "multiply-adds": [row.multiply_adds for row in with_weights],
    "neurons": [row.values for row in with_weights],
}
show(
    figures.shares([row.name for row in with_weights], columns),
    alt="Bars for the eight layers. Fc6 holds 62 % of the parameters and fc7 28 %, the five convolutions under 1.5 % "
    "each; the convolutions do 92 % of the multiply-adds; conv1 alone has 44 % of the neurons.",
)
pd.DataFrame({name: np.sum(numbers) for name, numbers in columns.items()}, index=["AlexNet"])

# %% [markdown]
# Nearly all of the 61 million parameters (244 MB) are in the dense layers, nearly all multiply-adds in the convolutions.
#
# The kernels of 11 × 11 look enormous. What is their share? And what would it cost to see as far with 3 × 3? (Each 3 × 3
# on top sees two pixels more: five of them see 11.)

# %% tags=["T211", "F079", "nbval-check-output"]


def stack(kernel_sizes):
    """Convolutions with 96 filters each; the last one has strides of 4."""
    strides = [1] * (len(kernel_sizes) - 1) + [4]
    convolutions = [
        keras.layers.Conv2D(96, kernel_size=size, strides=step)
        for size, step in zip(kernel_sizes, strides, strict=True)
    ]
    return keras.Sequential([keras.Input((227, 227, 3)), *convolutions])


totals = [anatomy(blueprint(stack, sizes)).total for sizes in ([11], [3] * 5)]
pd.DataFrame(
    {
        "sees": [total.field.size for total in totals],
        "parameters": [f"{total.trainable:,}" for total in totals],
        "of AlexNet's": [f"{total.trainable / paper.total.trainable:.2%}" for total in totals],
        "multiply-adds": [f"{total.multiply_adds:,}" for total in totals],
    },
    index=["1 layer of 11 × 11", "5 layers of 3 × 3"],
)

# %% [markdown]
# 0.06 %: large for a filter, little for the network. On three channels the stack has nearly ten times *as many*
# weights, and over a hundred times the work, as it stays at full size so long. Small kernels save where many channels
# come in and as many go out: $5 \cdot 9 = 45$ weights against $121$ for each pair. Lesson 19 is about that.
#
# ## Two graphics cards
#
# AlexNet is often printed as one row of layers. That has 62,378,344 parameters, 1.4 million too many.
#
# The difference is history: a card of 2012 had 3 GB. The network did not fit, so it was cut into **two towers**,
# 55 × 55 × 48 twice. In conv2, conv4 and conv5 a filter reads the maps on its own card only. The towers meet in conv3 and in
# the dense layers.
#
# Today this is a **grouped convolution**: channels and filters are dealt out to `groups`, and each filter reads the
# channels of its own group. By hand, on four channels and six filters: one layer with `groups=2`, or two layers side by
# side?

# %% tags=["T203", "nbval-check-output"]
rng = np.random.default_rng(0)
maps = rng.normal(size=(1, 5, 5, 4))
grouped = layers.Conv2D(4, 6, 3, rng, groups=2)
kernel = grouped.parameters["kernel"]
halves = []
for tower in range(2):
    alone = layers.Conv2D(2, 3, 3, rng)  # reads two channels, has three filters
    alone.parameters["kernel"] = kernel[..., 3 * tower : 3 * tower + 3]
    halves.append(alone.forward(maps[..., 2 * tower : 2 * tower + 2]))
side_by_side = np.concatenate(halves, axis=-1)
print("the same:", np.allclose(grouped.forward(maps), side_by_side))

# %% [markdown]
# **Exercise 1.** How many parameters has a convolution layer with groups, biases included?


# %% exercise="grouped_parameters"
def grouped_parameters(kernel_size, channels, filters, groups):
    ### BEGIN SOLUTION
    return filters * (kernel_size**2 * channels // groups + 1)
    ### END SOLUTION


# %% check="grouped_parameters"
check(grouped_parameters)

# %% [markdown]
# Now the whole network, an eighth as wide: run it as two explicit towers with the weights of the grouped model.


# %% tags=["T203", "F052", "F053", "X03"]
def in_two_towers(model, images):
    """The maps of conv1 to pool5; each tower has half of the filters, and its own maps."""
    towers = [images, images]
    for layer in model.layers[1:]:
        if layer.name == "flatten":
            return keras.ops.concatenate(towers, axis=-1)
        if layer.name == "conv3":  # the towers meet: both read everything
            towers = [keras.ops.concatenate(towers, axis=-1)] * 2
        if layer.name.startswith("conv"):
            kernels, biases = (np.split(each, 2, axis=-1) for each in layer.get_weights())
            for t in range(2):
                x = keras.ops.conv(towers[t], kernels[t], layer.strides, layer.padding)
                towers[t] = keras.ops.relu(x + biases[t])
        elif layer.name.startswith("norm"):
            towers = [LocalResponseNormalization()(maps) for maps in towers]
        else:
            towers = [layer(maps) for maps in towers]


narrow = alexnet(input_shape=(67, 67, 3), classes=10, width=1 / 8)
noise = np.random.default_rng(1).random((2, 67, 67, 3)).astype("float32")
pool5 = keras.Model(narrow.input, narrow.get_layer("pool5").output)
assert blueprint(alexnet, groups=1).count_params() == 62_378_344
with quiet():  # TensorFlow compiles grouped convolutions, and some versions say so in red
    whole = pool5(noise)
print("the same:", np.allclose(whole, in_two_towers(narrow, noise), atol=1e-5))

# %% [markdown]
# Equal. The cut saves 1.4 M parameters, and half of the work of three layers.
#
# ## Neighbours that quieten each other
#
# Now the strangest part, **local response normalisation** (LRN). At each place, a map that is loud quietens its
# neighbours, as some nerve cells do. Five maps at one place, 1, 0, 4, 1, 0; the energy in a window of three, the sum of
# the squares, is 1, 17, 17, 17, 1. Divide by $\sqrt{1 + \text{energy}}$: 0.71, 0, 0.94, 0.24, 0. The 1 beside the 4
# shrinks more than the lonely 1. In general, for the value $z_i$ of map $i$ and a window of $n$ maps around it ($k$,
# $\alpha$, $\beta$ are the paper's letters, for this section only), LRN gives
#
# $$\frac{z_i}{\big(k + \alpha \sum_{j} z_j^2\big)^{\beta}}, \qquad i - \lfloor n/2 \rfloor \le j \le i + \lfloor n/2 \rfloor$$
#
# AlexNet has $n = 5$ (`size`), $k = 2$ (`bias`), $\alpha = 10^{-4}$, $\beta = 0.75$. What will a wider window do?

# %% tags=["T204", "widget"]
show(
    figures.neighbouring_maps_sheet((1, 5, 11)),
    alt="Eighteen maps at one place, before and after. With a window of one, loud maps are damped; "
    "with five, quiet ones beside them as well; with eleven, nearly all.",
)
explore(
    figures.neighbouring_maps,
    alt="Bars for the values of 18 maps at one place: white before the normalisation, blue after it.",
    size=(1, 11, 2),
    alpha=(0.0, 1.0, 0.1),
    beta=(0.0, 1.5, 0.25),
    bias=(0.5, 3.0, 0.5),
)

# %% [markdown]
# **Exercise 2.** Write it for maps `(batch, height, width, channels)` and any odd `size`. Maps beyond the first and the
# last count as zero.


# %% exercise="response_normalization"
def response_normalization(maps, size, bias, alpha, beta):
    ### BEGIN SOLUTION
    reach, channels = size // 2, maps.shape[-1]
    padded = np.pad(maps**2, ((0, 0), (0, 0), (0, 0), (reach, reach)))
    energy = sum(padded[..., first : first + channels] for first in range(size))
    return maps / (bias + alpha * energy) ** beta
    ### END SOLUTION


# %% check="response_normalization"
check(response_normalization)

# %% [markdown]
# The wider the window, the more neighbours a loud map quietens (above). Keras has no such layer; TensorFlow has a function, which asks for the reach to each side, 2, instead of the size, 5.
# Is the course's layer the same?
#
# You may have seen NORM listed *behind* POOL, as in CS231n (2017, lecture 9). That is the order of a later version, CaffeNet;
# the paper normalises first. The shapes of all that follows agree. Do the numbers?

# %% tags=["T204", "nbval-check-output"]
loud = 100 * noise  # large, so that alpha counts
theirs = tf.nn.local_response_normalization(loud, 2, bias=2.0, alpha=1e-4, beta=0.75)
print(
    "layer and function agree:", np.allclose(LocalResponseNormalization()(loud), theirs, atol=1e-3)
)

before, after = (
    alexnet((67, 67, 3), 10, groups=1, width=1 / 8, normalization=order)
    for order in ("before", "after")
)
after.set_weights(before.get_weights())
print("parameters:", before.count_params(), after.count_params())
print("same outputs with the same weights:", np.allclose(before(loud), after(loud)))

# %% [markdown]
# Same shapes, same weights, different answers: two networks.
#
# ## A workshop
#
# ImageNet took five to six days on two cards. We need many trainings, so we shrink everything: ten real handwritten digits (MNIST)
# instead of 1,000 classes, a middle cut of 25 × 25 pixels, a twelfth of the width, conv1 with 3 × 3 and strides of 1. The
# order of the layers stays AlexNet's; pool5 keeps 2 × 2 × 21 = 84 numbers. And few digits to learn from, 600, so that there
# is something to gain.

# %% tags=["T210"]
digits = data.mnist_5k()
mean = digits.train.images.mean()
few = digits.train[: scale(laptop=600, gpu=3500)]


def middle(examples):
    """The middle 25 x 25 pixels, less the mean of the training digits."""
    return examples.images[:, 1:26, 1:26] - mean


def mini(**parts):
    """An AlexNet for 25 x 25 pixels. One tower and nothing optional, unless `parts` say so."""
    parts = {
        "groups": 1,
        "normalization": None,
        "dropout": 0,
        "kernel_initializer": "he_normal",
    } | parts
    return alexnet((25, 25, 1), classes=10, width=1 / 12, kernel_size=3, strides=1, **parts)


# %% tags=["T210"]
keras.utils.set_random_seed(0)
model = mini()
model.compile(
    keras.optimizers.Adam(learning_rate=0.001),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
history = model.fit(
    middle(few),
    few.labels,
    batch_size=50,
    epochs=8,
    validation_data=(middle(digits.validation), digits.validation.labels),
    verbose=0,
).history
print(
    f"{model.count_params():,} parameters; wrong on validation digits: {1 - history['val_accuracy'][-1]:.1%}"
)
assert history["val_accuracy"][-1] > 0.75

# %% [markdown]
# What does it say when it is wrong? Eight digits with their five best guesses; the bar of the right class is blue:

# %% tags=["T212", "G37", "picture"]
said = model.predict(middle(digits.validation), verbose=0)
correct = said.argmax(axis=1) == digits.validation.labels
chosen = np.r_[np.flatnonzero(correct)[:4], np.flatnonzero(~correct)[:4]]
show(
    figures.guesses(
        digits.validation.images[chosen],
        digits.validation.labels[chosen],
        said[chosen],
        digits.train.class_names,
    ),
    alt="Eight handwritten digits, each over five bars for the five best guesses. The first four are right with a tall "
    "first bar; the last four are wrong.",
)

# %% [markdown]
# Look at the four below: where does the right class stand? The top-$k$ error forgives a mistake if it stands among the
# first $k$.
#
# **Exercise 3.** Write the top-$k$ error: the share of pictures whose class is not among the `k` with the highest scores.


# %% exercise="top_k_error"
def top_k_error(scores, labels, k):
    """scores (pictures, classes), labels (pictures,)."""
    ### BEGIN SOLUTION
    best = np.argsort(scores, axis=1)[:, -k:]
    return 1 - np.mean((best == labels[:, None]).any(axis=1))
    ### END SOLUTION


# %% check="top_k_error"
check(top_k_error)

# %% [markdown]
# Then ask it about the network above, for $k = 1$ and 2: `top_k_error(said, digits.validation.labels, 2)`. How often is
# the second guess the right one? (Subtract.)
#
# ## Part by part
#
# Our own network learnt for eight passes, from one start. That proves nothing about a part. To leave a part out and train again is called an
# **ablation**. So eight variants were
# trained with five seeds, each with its own 600 digits, for 24 passes (after 16 the learning rate falls to a tenth), at
# two learning rates. The 1,000 test digits are asked once, at the end. `course evidence 18:parts` runs it again; here
# is the record. One rate is chosen for all variants: the one with fewer mistakes on validation digits, on average.

# %% tags=["T210", "T204", "Q22"]
rows = evidence("parts")
trained = rows[rows["rate"] > 0]  # votes and nearest neighbours come later
last = trained[trained["passes"] == 24]
best_rate = last.groupby("rate")["validation_error"].mean().idxmin()
fair = last[last["rate"] == best_rate]
parts = compare(fair, by="variant", value="test_error")
assert (
    parts.loc["LRN", "low"] < 0 < parts.loc["LRN", "high"]
    and parts.loc["cut at random", "high"] < 0
)
slow = compare(last[last["rate"] == 0.001], by="variant", value="test_error")
assert slow.loc["tanh", "high"] < 0
print("learning rate:", best_rate)
shown = ["whole", "tanh", "LRN", "cut at random"]
pd.concat({"0.001": slow.loc[shown], "0.003": parts.loc[shown]}, names=["rate"]).round(3)

# %% [markdown]
# The chosen rate is 0.003, the larger of the two; 0.001 is shown beside it. Each row is compared with `whole` at the same rate, seed by seed:
# `low` and `high` are the ends of the 95 % interval of the difference. Where it contains 0, we could not tell.
#
# **Normalisation.** The paper says that LRN took 1.2 points off the top-5 error. Ours: we could not tell. Nor is this a
# test of what it did in 2012: our pixels go from 0 to 1, the paper's from 0 to 255. Where the sums of squares are
# small, $10^{-4}$ of them is next to nothing, and the layer does little but divide by $2^{0.75}$. On ImageNet the VGG
# team (lesson 19) later saw no gain.
#
# **ReLU.** At the chosen rate we could not tell it from tanh; at 0.001 tanh makes fewer mistakes on test digits, by 1.4
# points. But the authors' first figure counts *passes*: a network of four layers on CIFAR-10 reached 25 % training
# error six times sooner with ReLU than with tanh, each at the rate that made it fastest. Ours, under Adam, with the
# starts of lesson 14 (He's for ReLU, LeCun's for tanh):

# %% tags=["T205"]
passes = sorted(trained["passes"].unique())
panels = {
    f"learning rate {rate}": {
        name: trained[(trained["variant"] == variant) & (trained["rate"] == rate)]
        .pivot(index="passes", columns="seed", values="training_error")
        .to_numpy()
        for name, variant in (("ReLU", "whole"), ("tanh", "tanh"))
    }
    for rate in (0.001, 0.003)
}
show(
    charts.lines(
        panels, passes, "passes", "training digits wrong", levels={"25 %": 0.25}, percent=True
    ),
    alt="Two panels, one for each learning rate: training errors of ReLU and tanh, five runs each, fall from 40 to 70 % "
    "to 0. At 0.001 the bands overlap from pass 2 on; at 0.003 tanh lies below ReLU until both meet at pass 8.",
)
early = trained[(trained["rate"] == 0.003) & trained["passes"].isin([2, 3, 4, 6])]
races = [compare(part, by="variant", value="training_error") for _, part in early.groupby("passes")]
assert all(race.loc["tanh", "high"] < 0 for race in races)

# %% [markdown]
# No factor of six here. At the rate 0.003 tanh makes fewer training mistakes after 2, 3, 4 and 6 passes; at 0.001,
# after as many, we could not tell. A ratio of speeds belongs to its experiment.
#
# **Augmentation.** One photo can be many: cut 224 × 224 out of 256 × 256 anywhere, mirror it, and shift its colours
# along the directions in which the colours of *all* photos vary most. (The paper's shifts have a strength of 0.1; ours
# 0.3, so that you see them.)


# %% tags=["T207"]
pixels = np.concatenate([photo[::8, ::8].reshape(-1, 3) for photo in data.photos().values()])
variances, directions = np.linalg.eigh(
    np.cov(pixels.T)
)  # how much red, green, blue vary together, and which way


def colour_shift(image, rng, strength=0.3):
    """Adds to all pixels one random amount, in standard deviations, along each of the three directions."""
    return np.clip(image + directions @ (rng.normal(0, strength, 3) * np.sqrt(variances)), 0, 1)


def view(photo, side, rng):
    """A square anywhere in the photo, mirrored half of the time, in other colours."""
    top, left = (rng.integers(0, size - side + 1) for size in photo.shape[:2])
    square = photo[top : top + side, left : left + side]
    return colour_shift(square[:, ::-1] if rng.random() < 0.5 else square, rng)


astronaut, rng = data.photos()["astronaut"][::2, ::2], np.random.default_rng(1)  # 256 × 256
show(
    charts.contact_sheet(
        [view(astronaut, 224, rng) for _ in range(5)], [""] * 5, columns=5, size=1.3
    ),
    alt="Five views of one astronaut: shifted squares, some mirrored, one much brighter, others in slightly other colours.",
)

# %% [markdown]
# All five still show an astronaut. But not every change keeps the label: a mirrored 2 is no digit. So our digits were only
# cut at random, 25 × 25 out of 28 × 28. What do you expect of the gap between training and test?

# %% tags=["T207"]
gaps = fair.assign(gap=fair["test_error"] - fair["training_error"])
gaps = gaps[gaps["variant"].isin(["whole", "cut at random"])]
scores = {
    variant: {part: list(runs[f"{part}_error"]) for part in ("training", "test")}
    for variant, runs in gaps.groupby("variant", sort=False)
}
show(
    charts.dots({"": scores}, "wrong", percent=True),
    alt="Five dots each. Whole: no training digit is wrong, and 8 to 9 % of the test digits. Cut at random: some training "
    "digits are wrong, below 1 %, and 5 to 7 % of the test digits.",
)
gap = compare(gaps, by="variant", value="gap", against="whole")
assert gap.loc["cut at random", "high"] < 0
gap.round(3)

# %% [markdown]
# The gap shrinks by about 2 points, most of it by fewer mistakes on test digits. (At 0.001, in the table above, the
# interval for the test digits just reaches 0. At 0.006, tried with one seed, it was 7.7 against 7.4 %.) The authors wrote that without augmentation they would have had to use
# much smaller networks.
#
# At test time the authors cut, too: they let the network read **ten cuts** of each photo, and averaged what it said.
#
# **Exercise 4.** Make them, from a real photo `(height, width, channels)`: the squares of `side` pixels in the corners (top
# left, top right, bottom left, bottom right) and in the middle, then the same five mirrored left to right. If the middle
# falls between two pixels, take the one further up and to the left.


# %% exercise="ten_cuts"
def ten_cuts(image, side):
    """Returns the cuts, (10, side, side, channels)."""
    ### BEGIN SOLUTION
    bottom, right = image.shape[0] - side, image.shape[1] - side
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)]
    cuts = np.array([image[top : top + side, left : left + side] for top, left in corners])
    return np.concatenate([cuts, cuts[:, :, ::-1]])
    ### END SOLUTION


# %% check="ten_cuts"
check(ten_cuts)

# %% [markdown]
# Then try it on the real network above, with the first five cuts (mirrored digits are no digits):
# `model.predict(ten_cuts(digits.validation.images[0] - mean, 25)[:5]).mean(axis=0)`.
#
# **The recipe.** Gradient descent with momentum $\mu = 0.9$ and batches of 128; a learning rate of 0.01, divided by 10
# whenever the validation error no longer falls; dropout 0.5; weight decay 0.0005; weights drawn from a normal distribution with
# deviation 0.01, and biases of 1 in conv2, conv4, conv5, fc6, fc7, so that their ReLUs start with positive inputs. The weight decay stood
# *inside* the momentum:
#
# $$v \leftarrow 0.9\, v - 0.0005\, \eta\, w - \eta\, \frac{\partial \mathcal{L}}{\partial w}, \qquad w \leftarrow w + v$$
#
# A push that enters $v$ works on there, $1 + 0.9 + 0.9^2 + \dots = 10$ times in all. Keras' argument `weight_decay`
# acts *beside* the momentum, once. So the 0.0005 of 2012 is about Keras' 0.005.
#
# On our digits we change what belongs to the size: half of the paper's learning rate, batches of 20, and He's start
# (lesson 14) instead of 0.01 and the biases of 1. Its deviation $\sqrt{2/n}$ would be 0.015 for fc6 with its
# $n = 9{,}216$ inputs, near the paper's 0.01; our fc6 has 84 inputs, and 0.15. Will the small network learn by this
# recipe?

# %% tags=["T206", "F075"]
keras.utils.set_random_seed(1)
shift = keras.layers.RandomTranslation(0.06, 0.06, fill_mode="nearest")  # while training only
recipe = keras.Sequential([shift, mini(dropout=0.5)])
sgd = keras.optimizers.SGD(learning_rate=0.005, momentum=0.9, weight_decay=0.005)
recipe.compile(sgd, "sparse_categorical_crossentropy", metrics=["accuracy"])
log = recipe.fit(
    middle(few),
    few.labels,
    batch_size=scale(laptop=20, gpu=128),
    epochs=18,
    callbacks=[keras.callbacks.ReduceLROnPlateau(monitor="val_accuracy", factor=0.1, patience=4)],
    validation_data=(middle(digits.validation), digits.validation.labels),
    verbose=0,
).history
show(
    figures.falling_rate(
        {"training, with dropout": log["accuracy"], "validation": log["val_accuracy"]},
        log["learning_rate"],
        "right",
    ),
    alt="Above, the shares right climb slowly from guessing to about 90 %, that of validation digits in the end above that "
    "of training digits; below, the learning rate, which starts at 0.005; it may fall by a step of ten.",
)
assert max(log["val_accuracy"]) > 0.7

# %% [markdown]
# It learns here as well, and is slow to start. (Later, validation digits do better than training digits; mind that for
# them dropout is off, lesson 16, and nothing is shifted.)
#
# ## Remove a layer
#
# **Deep or not?** Zeiler and Fergus trained AlexNet on ImageNet again with layers left out (2014, table 3). Top-5 errors on
# validation photos, beside the parameters that go:

# %% tags=["T210", "F062", "F063", "F064", "nbval-check-output"]
cuts = {
    "whole": (),
    "without fc7": ("fc7",),
    "without conv3, conv4": ("conv3", "conv4"),
    "without fc6, fc7": ("fc6", "fc7"),
    "without all four": ("conv3", "conv4", "fc6", "fc7"),
}
removed = [
    paper.total.trainable - blueprint(alexnet, without=cut).count_params() for cut in cuts.values()
]
imagenet = pd.DataFrame(
    {
        "layers left": [8 - len(cut) for cut in cuts.values()],
        "parameters removed": [f"{count:,}" for count in removed],
        "top-5 error, %": [18.1, 18.4, 22.1, 22.4, 50.1],
        "training error (top-1), %": [35.1, 27.4, 41.8, 27.4, 71.1],
    },
    index=list(cuts),
)
imagenet

# %% [markdown]
# Fc7 with its 16.8 million parameters is worth 0.3 points; conv3 and conv4 with a tenth of that (1.55 million of their
# own, and conv5 reads fewer maps) are worth 4.0, as much as the two big dense layers, 4.3. And all four 32. Each is one
# training, without a spread, so 0.3 may be chance; 32 hardly is. Note that without dense layers it learns the
# *training* photos better than the whole network, and without the two convolutions worse.
#
# And ours? Your guess first: which removal hurts most? Both learning rates, one panel each.

# %% tags=["T210", "Q21", "G38", "H13"]
panels = {
    f"learning rate {rate}": {
        name: list(last.loc[(last["variant"] == name) & (last["rate"] == rate), "test_error"])
        for name in cuts
    }
    for rate in (0.001, 0.003)
}
show(
    charts.dots(panels, "test digits wrong", percent=True),
    alt="Dots of five runs for five networks, two panels. At 0.001 the network without all four lies to the right of the "
    "others, at 11 % wrong against 9 %; at 0.003 all five lie between 7 and 10 %, their means within half a point.",
)
assert slow.loc["without all four", "low"] > 0
assert all(parts.loc[name, "low"] <= 0 <= parts.loc[name, "high"] for name in cuts)
pd.concat({"0.001": slow.loc[list(cuts)], "0.003": parts.loc[list(cuts)]}, names=["rate"]).round(3)

# %% [markdown]
# At the learning rate 0.001 the network without all four layers is worse, by 2 points. A paper might stop here: "depth
# matters". But at 0.003, which it likes better itself (validation error 5.4 % instead of 7.4 %), 0.4 points are left:
# **at 0.003 we could not tell any of the five from the whole.** On 600 digits we found no layer that mattered, and no
# order among them. (Nor does this show that they do *not* matter: the intervals reach about one point to each side. And
# ten digits are no thousand classes.)
#
# It is worse still if one stops early. The first eight passes at 0.001, with the network of this notebook laid over:

# %% tags=["T210"]
first = [1, 2, 3, 4, 6, 8]
beginning = trained[(trained["rate"] == 0.001) & trained["passes"].isin(first)]
curves = {
    name: beginning[beginning["variant"] == name]
    .pivot(index="passes", columns="seed", values="validation_error")
    .to_numpy()
    for name in ("whole", "without all four")
}
curves["whole, this notebook"] = 1 - np.array(history["val_accuracy"])[np.array(first) - 1]
show(
    charts.lines(curves, first, "passes", "validation digits wrong", percent=True),
    alt="Validation errors over eight passes. The whole network, recorded and in this notebook, falls to some 10 %; without "
    "all four layers the error is still about 40 % after four passes and 16 % after eight.",
)
fourth, end = (
    compare(runs, by="variant", value="validation_error").loc[["whole", "without all four"]]
    for runs in (beginning[beginning["passes"] == 4], last[last["rate"] == 0.001])
)
assert fourth.loc["without all four", "low"] > 0.1 and end.loc["without all four", "low"] < 0
pd.concat({4: fourth, 24: end}, names=["passes"]).round(3)

# %% [markdown]
# After 4 passes at 0.001 the network without all four makes 25 points more mistakes on validation digits; after 24,
# about 1, and that we could not tell from 0. (On test digits it was the 2 above.) So a shortened training measures how
# *fast* a network learns, not how well it does in the end. Zeiler and Fergus worked on a task where even training
# photos stay hard. Our digits cannot repeat their 32 points, and cannot refute them.
#
# ## The vote
#
# Average what several networks say.
#
# **Exercise 5.** Each network gives logits. Return the ensemble's probabilities.


# %% exercise="ensemble"
def ensemble(logits):
    """logits (networks, pictures, classes). Returns (pictures, classes)."""
    ### BEGIN SOLUTION
    return softmax(logits).mean(axis=0)
    ### END SOLUTION


# %% check="ensemble"
check(ensemble)

# %% [markdown]
# In every seed we have eight networks, those of the eight variants (AlexNet's seven were not all alike, either). Draw one to
# eight of them, many times. How far will the error fall?

# %% tags=["T208", "H14"]
votes = rows[rows["variant"].str.startswith("vote")]
sizes = range(1, 9)
errors = votes.pivot(index="variant", columns="seed", values="test_error").loc[
    [f"vote of {size}" for size in sizes]
]
show(
    charts.lines(
        {"error of the vote": errors.to_numpy()},
        sizes,
        "networks",
        "test digits wrong",
        percent=True,
    ),
    alt="The mean error of the vote falls from 8 % for one network to 7 % for two and about 6 % from five on; five runs each.",
)
vote = compare(votes, by="variant", value="test_error", against="vote of 1")
assert vote.loc["vote of 7", "high"] < 0
vote.loc[["vote of 1", "vote of 2", "vote of 7"]].round(3)

# %% [markdown]
# The vote of seven makes fewer mistakes than its members do on average, 6.1 % against 8.3 %. The usual explanation:
# different mistakes cancel in the mean. But one member alone, cut at random, has 6.4 %:
# whether the vote is better than *that*, we could not tell. And it costs seven times the work.
#
# ## What fc7 knows
#
# Fc7 describes a picture by a vector. Pictures whose vectors are near should look alike to *us*: a search engine that
# nobody trained. Eight nearest ones of the 600 digits, by the network of this notebook:

# %% tags=["T213"]
fc7 = keras.Model(model.input, model.get_layer("fc7").output)
asked = [np.argmax(digits.validation.labels == digit) for digit in (2, 4, 7, 9)]
archive, queries = (
    fc7.predict(middle(part), verbose=0) for part in (few, digits.validation[asked])
)
distances = np.linalg.norm(queries[:, None] - archive, axis=-1)
nearest = np.argsort(distances, axis=1)[:, :8]
same = few.labels[nearest] == digits.validation.labels[asked][:, None]
show(
    figures.neighbours(digits.validation.images[asked], few.images[nearest], same),
    alt="A 2, a 4, a 7 and a 9, each followed by the eight training digits with the nearest vectors; nearly all frames are blue, the same class.",
)
by = compare(rows[rows["variant"].str.startswith("nearest")], by="variant", value="test_error")
assert by.loc["nearest by fc7", "high"] < 0
by.round(3)

# %% [markdown]
# The table has the recorded seeds: how often is it wrong to give a test digit the class of its nearest neighbour? The
# vectors of a trained fc7 are wrong less often than pixels are, 8.6 % against 13.7 %. (And every network above does
# better than the nearest neighbour of pixels.)
#
# ## Which parts mattered?
#
# | part | on ImageNet | on our 600 digits |
# |---|---|---|
# | two towers | the network fitted two cards | the same network, cut |
# | ReLU | six times faster than tanh (on CIFAR-10) | no such factor |
# | LRN | 1.2 points, says the paper; nothing, says the VGG team | could not tell |
# | overlapping pooling | 0.3 points | not tried |
# | augmentation | "substantial overfitting" without it | 2 points (random cuts) |
# | fc7, 16.8 M parameters | 0.3 points | could not tell |
# | conv3 and conv4, 1.7 M | 4.0 points | could not tell |
# | all four layers | 32 points | could not tell, at the better learning rate |
# | vote of five alike | 1.8 points | 2 points off its members' mean (vote of seven) |
# | two more networks, larger and with more photos | 1.0 point | not tried |
#
# So which parts mattered? **On ImageNet, its layers first:** without one pair or the other the network lost about 4
# points, without all four 32, more than anything else in the table. LRN, overlapping pooling and the vote were worth
# 0.3 to 1.8 points each, by the paper. Our digits could not repeat that. They do show that with random cuts the
# networks make fewer mistakes, at the chosen rate; that a vote makes fewer than its members on average; and that an
# ablation with too few passes, or at one learning rate only, can show what is not there in the end.
#
# ## Think about it
#
# **Fc7 has more than a quarter of all parameters. Why can it be so cheap to lose?**
#
# <details><summary>Answer</summary>
#
# Parameters are not knowledge. Fc8 can read fc6 directly: it has 4,096 features either way. One ReLU of seven is lost.
# That is an idea, not a proof: to test it, keep fc7 and make it linear, or remove another layer of that size.
# </details>
#
# **You double the input to 454 × 454. What happens to the parameters and to the multiply-adds?**
#
# <details><summary>Answer</summary>
#
# Conv1 gives 111 × 111, then 55, 27 and, after pool5, 13 × 13 × 256 = 43,264 values, where it was 9,216. So the
# convolutions keep their weights and do about four times the work; fc6 gets nearly five times as many weights, 177 M. A
# dense layer on top of maps fixes the size of the picture.
# </details>
#
# ## Further reading
#
# - A. Krizhevsky, I. Sutskever and G. Hinton, *ImageNet classification with deep convolutional neural networks*, 2012,
#   [doi:10.1145/3065386](https://doi.org/10.1145/3065386) (reprint of 2017).
# - M. Zeiler and R. Fergus, *Visualizing and understanding convolutional networks*, 2014,
#   [arXiv:1311.2901](https://arxiv.org/abs/1311.2901): the ablations, table 3.
# - K. Simonyan and A. Zisserman, *Very deep convolutional networks for large-scale image recognition*, 2014,
#   [arXiv:1409.1556](https://arxiv.org/abs/1409.1556): LRN without a gain.
# - D. Mishkin, N. Sergievskiy and J. Matas, *Systematic evaluation of convolution neural network advances on the ImageNet*,
#   2017, [doi:10.1016/j.cviu.2017.05.007](https://doi.org/10.1016/j.cviu.2017.05.007): many parts, one at a time.
