# ---
# jupyter:
#   course:
#     title: "AlexNet: which of its parts mattered?"
#     summary: "Take the network of 2012 apart: count it, split it into two towers, then train it small and remove its parts one by one."
#     objectives:
#       - "follow AlexNet's shapes from 227 × 227 pixels to a thousand classes, and say why it is 227"
#       - "find out where its weights and its multiply-adds are"
#       - "explain what two graphics cards have to do with groups=2, and split a network in two"
#       - "write local response normalisation, and test whether it helps"
#       - "measure what ReLU, augmentation, depth and an ensemble are worth, over several seeds"
#     needs: [13_first_cnn_lenet, 16_dropout]
#     minutes: 90
#     data: [letters, photos, cifar10]
# ---

# %% [markdown]
# In 2012 one network nearly halved the errors that computers made in naming what is on a photo. It was built
# from parts you know, and from some that you may never have heard of: ReLU, dropout, augmentation, overlapping pooling,
# normalisation across maps, two graphics cards, seven networks that vote.
#
# **Which of its parts mattered?** Nobody can tell by reading a list. Take it apart.

# %%
import time

import keras
import numpy as np
import tensorflow as tf

from course_lessons.alexnet import figures
from course_lib import data, layers, scale
from course_lib.anatomy import anatomy
from course_lib.architectures.alexnet import LocalResponseNormalization, alexnet
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.vgg import vgg
from course_lib.exercises import check, hint, solution
from course_lib.layers import sigmoid, softmax
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ImageNet asks for one of a thousand classes and allows five guesses; the **top-5 error** counts the photos of which all
# five are wrong. First, which number belongs to whom? (As reported; nobody can recompute these on a laptop.)

# %% tags=["F069", "F070", "F071", "F072", "nbval-check-output"]
top_5_error = {
    "runner-up of 2012, without a network": 26.2,
    "AlexNet, one network": 18.2,
    "AlexNet, five networks": 16.4,
    "AlexNet, seven networks": 15.4,
    "the entry that won, on test photos": 15.3,
}
for who, error in top_5_error.items():
    print(f"{who:37} wrong {error:.1f} %, right {100 - error:.1f} %")

# %% [markdown]
# You may have seen 84.6 % (and 63.3 % for one guess) given as the accuracy of AlexNet. That is $100 - 15.4$, the seven
# networks; one network has 81.8 %. So here is a first part: the vote. We come back to it.
#
# ## Fourteen lines
#
# AlexNet as it is usually printed. `blueprint` builds a model on paper, without memory for its weights.

# %% tags=["T201", "F038", "F039", "F050", "F055", "F056", "nbval-check-output"]
listing = blueprint(alexnet, groups=1, normalization="after")
printed = {  # name: (height, width, channels), or units
    **{"input_layer": (227, 227, 3), "conv1": (55, 55, 96), "pool1": (27, 27, 96)},
    **{"norm1": (27, 27, 96), "conv2": (27, 27, 256), "pool2": (13, 13, 256)},
    **{"norm2": (13, 13, 256), "conv3": (13, 13, 384), "conv4": (13, 13, 384)},
    **{"conv5": (13, 13, 256), "pool5": (6, 6, 256)},
    **{"fc6": (4096,), "fc7": (4096,), "fc8": (1000,)},
}
table = anatomy(listing)
for row, (name, shape) in zip(
    [table.rows[0], *(table[name] for name in list(printed)[1:])],
    printed.items(),
    strict=True,
):
    assert row.shape == shape
    print(f"{name:12} {'×'.join(map(str, shape)):12} {row.window}")
print("layers with weights:", table.total.depth)

# %% [markdown]
# Five convolutions, three poolings, two normalisations, three dense layers; eight layers have weights. The pooling windows
# are 3 wide and move by 2: they overlap.
#
# But the paper says that the input is 224 × 224. Conv1 has kernels of 11 × 11 and strides of 4, without padding: where
# does its window stand last?

# %% tags=["T202", "F051", "nbval-check-output"]
for pixels in (224, 227):
    model = blueprint(alexnet, input_shape=(pixels, pixels, 3))
    found = model.get_layer("conv1").output.shape[1]
    print(
        f"{pixels}: ({pixels} - 11) / 4 + 1 = {(pixels - 11) / 4 + 1}, Keras makes {found}"
    )

# %% [markdown]
# Only 227 gives the 55 that the paper prints, too.
#
# **Exercise 1.** Follow a side through a row of stages, convolutions or poolings, each given as
# `(kernel_size, strides, padding)` with `padding` zeros at both ends.


# %% exercise="sides"
def sides(side, stages):
    """Returns the side after each stage, as a list."""
    ### BEGIN SOLUTION
    found = []
    for kernel_size, strides, padding in stages:
        side = (side + 2 * padding - kernel_size) // strides + 1
        found.append(side)
    return found
    ### END SOLUTION


# %% check="sides"
check(sides)

# %% [markdown]
# Now with weights: 250 MB of them, drawn at random. What will an untrained AlexNet say of a cat?

# %% tags=["T201"]
cat = data.photos()["cat"][20:247, 100:327]
whole_size = alexnet(groups=1)
start = time.perf_counter()
probabilities = np.asarray(whole_size(cat[None]))[0]
seconds = time.perf_counter() - start
print(
    f"{probabilities.size} probabilities in {seconds:.1f} s, sum {probabilities.sum():.3f}"
)
print(f"the largest is {probabilities.max():.4f}: no idea")
assert probabilities.shape == (1000,) and probabilities.max() < 0.1
del whole_size  # and its 250 MB

# %% [markdown]
# ## Where is the network?
#
# Which layers hold most of the weights? Which do most of the work? Guess before you look.

# %% tags=["T209", "F053", "F054", "X04"]
network = anatomy(blueprint(alexnet))  # as in the paper, groups=2; more of that soon
rows = [row for row in network if row.trainable]
parts = {
    "parameters": [row.trainable for row in rows],
    "multiply-adds": [row.multiply_adds for row in rows],
    "neurons": [row.values for row in rows],
}
show(
    figures.shares([row.name for row in rows], parts),
    alt="Fc6 holds over half of the parameters, and the dense layers nearly all; the "
    "convolutions do nearly all multiply-adds and have nearly all neurons.",
)

# %% [markdown]
# The dense layers *are* the network, if you weigh it; the convolutions are, if you time it. You may have seen these sums:
# convolutions 1.89 M weights and 591 M multiply-adds, dense layers 58.62 M of both. Check them.

# %% tags=["T209", "F054", "F057", "F058", "F059", "F060", "nbval-check-output"]
convolutions = network.where(lambda row: row.role == "convolution")
dense = network.where(lambda row: row.role == "dense")


def weights(rows):
    """Without the biases: one for each filter or unit."""
    return sum(row.trainable - row.shape[-1] for row in rows)


first_four = convolutions.where(lambda row: row.name != "conv5")
groups = {"without conv5": first_four, "all five": convolutions, "dense layers": dense}
for title, group in groups.items():
    count, work = weights(group) / 1e6, group.total.multiply_adds / 1e6
    print(
        f"{title:14} {count:6.2f} M weights, {4 * count:7.2f} MB, {work:7.2f} M multiply-adds"
    )
print(f"in all: {network.total.trainable:,} parameters,", end=" ")
print(f"{sum(row.values for row in rows):,} neurons")

# %% [markdown]
# The sums are those of *four* convolutions: conv5 was forgotten. The slip travels on, into the work for full-HD video, cut
# into tiles of 224 × 224:

# %% tags=["T209", "F061", "nbval-check-output"]
tiles = 30 * 1920 * 1080 / 224**2  # each second
forgot = first_four.total.multiply_adds + dense.total.multiply_adds
work = {
    "AlexNet without conv5": forgot,
    "AlexNet": network.total.multiply_adds,
    "VGG-16": anatomy(blueprint(vgg, "D")).total.multiply_adds,
}
for name, multiply_adds in work.items():
    print(f"{name:22} {tiles * multiply_adds / 1e9:8,.0f} G multiply-adds a second")

# %% [markdown]
# You may have seen "805 GFLOPS" and, for VGG, "19.3 TFLOPS". The first leaves conv5 out, the second should be 19.18 T. And
# one multiply-add is *two* floating-point operations, a product and a sum: in FLOPs both double.
#
# The kernels of 11 × 11 look enormous. They are said to raise the number of parameters. By how much? And what would it
# cost to see as far with 3 × 3? (Each 3 × 3 on top sees two pixels more: five of them see 11.)

# %% tags=["T211", "F079", "nbval-check-output"]


def stack(kernel_sizes):
    """Convolutions with 96 filters each; the last one has strides of 4."""
    last = len(kernel_sizes) - 1
    return keras.Sequential(
        [keras.Input((227, 227, 3))]
        + [
            keras.layers.Conv2D(96, size, strides=4 if place == last else 1)
            for place, size in enumerate(kernel_sizes)
        ]
    )


share = network["conv1"].trainable / network.total.trainable
print(f"conv1 has {network['conv1'].trainable:,} parameters, {100 * share:.2f} % of all")
for kernel_sizes in ([11], [3] * 5):
    total = anatomy(blueprint(stack, kernel_sizes)).total
    print(
        f"{len(kernel_sizes)} × {kernel_sizes[0]:2}: {total.shape}, sees {total.field.size}"
    )
    print(f"   {total.trainable:7,} parameters,", end=" ")
    print(f"{total.multiply_adds / 1e6:8,.0f} M multiply-adds")

# %% [markdown]
# 0.06 %: large for a filter, nothing for the network. On three channels the stack would even have ten times *more*
# weights, and over a hundred times the work, because it stays at full size so long. Small kernels save where many channels
# come in and as many go out: $5 \cdot 9 = 45$ weights against $121$ for each pair. Lesson 19 lives on that.
#
# ## Two graphics cards
#
# The printed listing has a puzzle. Count it:

# %% tags=["F053", "X03", "nbval-check-output"]
print(f"as printed: {listing.count_params():,} parameters")
print(f"groups=2:   {blueprint(alexnet).count_params():,} parameters")

# %% [markdown]
# The listing has 62.4 M parameters, while 60 M are quoted, often on the same page. The difference is history: a card of
# 2012 had 3 GB. The network did not fit, so it was cut into **two towers**, 55 × 55 × 48 twice. In conv2, conv4 and
# conv5 a filter reads the maps on its own card only. The towers meet in conv3 and in the dense layers.
#
# Today this is a **grouped convolution**. By hand, on four channels: one layer with `groups=2`, or two layers side by
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
print("kernel with groups=2:", kernel.shape)
same = np.allclose(grouped.forward(maps), np.concatenate(halves, axis=-1))
print("two layers side by side give the same:", same)

# %% [markdown]
# **Exercise 2.** How many parameters has a convolution layer with groups, biases included?


# %% exercise="grouped_parameters"
def grouped_parameters(kernel_size, channels, filters, groups):
    ### BEGIN SOLUTION
    return filters * (kernel_size**2 * channels // groups + 1)
    ### END SOLUTION


# %% check="grouped_parameters"
check(grouped_parameters)

# %% [markdown]
# Now the whole network, an eighth as wide: run it as two explicit towers with the weights of the grouped model.


# %% tags=["T203", "F052", "nbval-check-output"]
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


small = alexnet((67, 67, 3), classes=10, width=1 / 8)
images = rng.random((2, 67, 67, 3)).astype("float32")
whole = keras.Model(small.input, small.get_layer("pool5").output)(images)
print("maps of pool5:", whole.shape[1:])
print(
    "two towers give the same:",
    np.allclose(whole, in_two_towers(small, images), atol=1e-5),
)

# %% [markdown]
# Equal. The cut saves 1.4 M parameters, and half of the work of three layers.
#
# ## Neighbours that quieten each other
#
# Now the strangest part, **local response normalisation** (LRN). At each place, a map that is loud quietens its
# neighbours, as nerve cells do. Five maps at one place, a window of three:

# %% tags=["T204", "Q22", "nbval-check-output"]
values = np.array([1.0, 0.0, 4.0, 1.0, 0.0])
padded = np.pad(values**2, 1)
energy = padded[:-2] + padded[1:-1] + padded[2:]
print("energy of the window:", energy)
print("divided by its root: ", (values / np.sqrt(1 + energy)).round(2))

# %% [markdown]
# The 1 beside the 4 shrinks more than the lonely 1. The formula, with a window of $n$ maps around map $i$:
#
# $$y_i = \frac{x_i}{\big(k + \alpha \sum_{j = i - n/2}^{i + n/2} x_j^2\big)^{\beta}}$$
#
# AlexNet uses $n = 5$, $k = 2$ (`bias`), $\alpha = 10^{-4}$, $\beta = 0.75$. What will a wider window do?

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
# **Exercise 3.** Write it for maps `(batch, height, width, channels)` and an odd `size`. Maps beyond the first and the
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
# The same in ten lines, beside the frameworks. Keras has no such layer (you may suspect something); TensorFlow has a function.


# %% tags=["T204", "nbval-check-output"]
def normalised(maps, size=5, bias=2.0, alpha=1e-4, beta=0.75):
    result = np.empty_like(maps)
    for i in range(maps.shape[-1]):
        window = maps[..., max(0, i - size // 2) : i + size // 2 + 1]
        energy = (window**2).sum(axis=-1)
        result[..., i] = maps[..., i] / (bias + alpha * energy) ** beta
    return result


maps = rng.normal(0, 100, (2, 4, 4, 8)).astype("float32")  # large, so that alpha counts
theirs = {
    "tf.nn": tf.nn.local_response_normalization(maps, 2, 2.0, 1e-4, 0.75),
    "our Keras layer": LocalResponseNormalization()(maps),
}
for name, output in theirs.items():
    print(f"{name:16} the same: {np.allclose(normalised(maps), output, atol=1e-3)}")

# %% [markdown]
# You may have seen NORM listed behind POOL, as in the fourteen lines above. That is the order of a later version,
# CaffeNet; the paper normalises first and then pools. The shapes of everything that follows agree. Do the numbers?

# %% tags=["T204", "nbval-check-output"]
orders = {
    order: alexnet((67, 67, 3), 10, groups=1, width=1 / 8, normalization=order)
    for order in ("before", "after")
}
orders["after"].set_weights(orders["before"].get_weights())
loud = 100 * images
first, second = (np.asarray(model(loud)) for model in orders.values())
print("parameters:", *(model.count_params() for model in orders.values()))
print("same outputs with the same weights:", np.allclose(first, second))

# %% [markdown]
# Same weights, different answers: two networks.
#
# ## A workshop
#
# ImageNet took six days on two cards. We need many trainings, so we shrink everything: 26 letters instead of 1,000 classes,
# 20 × 20 pixels, a twelfth of the width, conv1 with 3 × 3 and strides of 1. The plan stays AlexNet's. (At `gpu` scale: CIFAR-10.)

# %% tags=["T210"]
if scale(laptop=True, gpu=False):
    pictures, new = data.letters(520, seed=1), data.letters(780, seed=2)
else:
    cifar = data.cifar10()
    pictures, new = cifar.train[:20_000], cifar.test
names, mean = pictures.class_names, pictures.images.mean(axis=(0, 1, 2))
margin, flips = scale(laptop=3, gpu=4), scale(laptop=False, gpu=True)
side = pictures.images.shape[1] - margin


def cut(images, rng=None):
    """The middle of each picture or, with rng, a part chosen at random, sometimes mirrored."""
    corners = np.full((len(images), 2), margin // 2)
    if rng is not None:
        corners = rng.integers(0, margin + 1, corners.shape)
    parts = [
        image[top : top + side, left : left + side]
        for image, (top, left) in zip(images, corners, strict=True)
    ]
    if rng is not None and flips:
        parts = [part[:, :: rng.choice([-1, 1])] for part in parts]
    return np.array(parts) - mean


# %% tags=["T210"]
def mini(activation="relu", **parts):
    """A small AlexNet. One tower and nothing optional, unless `parts` say so."""
    shape, width = (side, side, len(mean)), scale(laptop=1 / 12, gpu=1 / 2)
    parts = {"groups": 1, "normalization": None, "dropout": 0} | parts
    model = alexnet(shape, len(names), width=width, kernel_size=3, strides=1, **parts)
    for layer in model.layers:
        if getattr(layer, "activation", None) is keras.activations.relu:
            layer.activation = keras.activations.get(activation)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return model


# %% [markdown]
# Building and compiling a model takes longer than training it at this size. So each model is built once, and starts again
# for every seed.


# %% tags=["T210"]
def restart(model, seed, gain):
    """New weights, of variance gain / inputs, and an optimizer that remembers nothing."""
    rng = np.random.default_rng(seed)
    for variable in model.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    model.optimizer.learning_rate = 0.002
    for variable in model.trainable_variables:
        values, inputs = np.zeros(variable.shape), np.prod(variable.shape[:-1])
        if len(variable.shape) > 1:  # a kernel; biases stay 0
            values = rng.normal(0, np.sqrt(gain / inputs), variable.shape)
        variable.assign(values)


def timetable(examples, epochs, batch_size, seed, augment):
    """For `fit`: all epochs one after the other, each in a new order."""
    rng, steps = np.random.default_rng(seed), len(examples) // batch_size
    order = [rng.permutation(len(examples))[: steps * batch_size] for _ in range(epochs)]
    order = np.concatenate(order)
    images = cut(examples.images[order], rng if augment else None)
    plan = {"x": images, "y": examples.labels[order], "batch_size": batch_size}
    return plan | {"epochs": epochs, "steps_per_epoch": steps, "shuffle": False}


# %% tags=["T210"]
batch_size, epochs = scale(laptop=(65, 8), gpu=(125, 15))


def learn(model, seed, examples=pictures, epochs=epochs, augment=False, gain=2):
    """Trains from a fresh start; returns the accuracy on the examples, epoch by epoch."""
    restart(model, seed, gain)
    plan = timetable(examples, epochs, batch_size, seed, augment)
    return model.fit(**plan, verbose=0).history["accuracy"]


def answers(model, examples=new):
    return np.asarray(model(cut(examples.images)))


def right(probabilities, examples=new):
    return np.mean(probabilities.argmax(axis=1) == examples.labels)


# %% tags=["T210", "T205"]
whole = mini()
curves, said = {"ReLU": []}, {"whole": []}
for seed in range(3):
    curves["ReLU"].append(learn(whole, seed))
    said["whole"].append(answers(whole))
print(f"{whole.count_params():,} parameters;", end=" ")
print("new pictures right:", *(f"{right(each):.0%}" for each in said["whole"]))
assert min(map(right, said["whole"])) > scale(laptop=0.4, gpu=0.4)

# %% [markdown]
# Good enough to have something to lose, and bad enough to have something to gain. What does it say when it is wrong? Eight
# pictures with their five best guesses:

# %% tags=["T212", "G37", "picture"]
probabilities = said["whole"][0]
correct = probabilities.argmax(axis=1) == new.labels
shown = np.r_[np.flatnonzero(correct)[:4], np.flatnonzero(~correct)[:4]]
show(
    figures.guesses(
        new.images[shown], new.labels[shown], probabilities[shown], names
    ),
    alt="Eight letters, each over five bars. Four are right with a tall first bar; four are wrong, and "
    "there the right letter is mostly the second or third guess.",
)
places = (probabilities >= probabilities[np.arange(len(new)), new.labels, None]).sum(
    axis=1
)
print(
    f"first guess wrong: {np.mean(places > 1):.1%}, all five: {np.mean(places > 5):.1%}"
)

# %% [markdown]
# Its mistakes are reasonable, and the right class is mostly among the five. That is what the top-5 error forgives.
#
# **Exercise 4.** Write it: the share of pictures whose class is not among the `k` with the highest scores.


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
# ## Part by part
#
# **ReLU.** The authors' first figure: on CIFAR-10 a network with ReLU needed six times fewer epochs than one with tanh to
# reach a training error of 25 %. You may have seen AlexNet credited with its *first use*. But in 2010 Nair and Hinton had
# used rectified units, thought of as many sigmoids with ever higher thresholds:

# %% tags=["nbval-check-output"]
x = np.array([-6.0, -2.0, 0.0, 2.0, 6.0])
thresholds = np.arange(1000) + 0.5
print("many sigmoids:", sigmoid(x[:, None] - thresholds).sum(axis=1).round(1))
print("log(1 + e^x): ", np.log1p(np.exp(x)).round(1))
print("max(0, x):    ", np.maximum(0, x))
print("Keras:        ", np.asarray(keras.ops.relu(x)))

# %% [markdown]
# The same $\max(0, x)$; AlexNet made it the standard. Now the race, each with the start that suits it (lesson 14).

# %% tags=["T205"]
rival = mini("tanh")
curves["tanh"] = [learn(rival, seed, gain=1) for seed in range(3)]
errors = {name: 1 - np.array(runs) for name, runs in curves.items()}
needed = {
    name: [int(np.argmax(run <= 0.25)) + 1 if min(run) <= 0.25 else None for run in runs]
    for name, runs in errors.items()
}
print("epochs to 25 % training error:", needed)
show(
    charts.lines(
        {name: runs.T for name, runs in errors.items()},
        range(1, 1 + errors["tanh"].shape[1]),
        "epoch",
        "training error",
        levels={"25 %": 0.25},
        percent=True,
    ),
    alt="Training errors of three ReLU networks and three tanh networks fall from nearly one; both "
    "kinds reach a quarter after a few epochs.",
)
assert all(run[-1] < 0.7 for runs in errors.values() for run in runs)

# %% [markdown]
# No factor of six here: tanh is as fast, or faster. Two likely reasons: tanh suffers where it saturates, which takes
# large sums and long training; and our optimizer, Adam, enlarges the small gradients from which plain SGD would suffer.
# What remains is that ReLU is cheap and never saturates on the positive side (lesson 07).
#
# **Normalisation.** The paper says that LRN lowered the top-5 error by 1.2 points. Here?

# %% tags=["T204", "Q22"]
damped = mini(normalization="before")
said["with LRN"] = []
for seed in range(3):
    learn(damped, seed)
    said["with LRN"].append(answers(damped))
for name in ("whole", "with LRN"):
    scores = [right(each) for each in said[name]]
    print(
        f"{name:9}", *(f"{score:.1%}" for score in scores), f"mean {np.mean(scores):.1%}"
    )
assert min(map(right, said["with LRN"])) > 0.3

# %% [markdown]
# No gain beyond what the seeds scatter, for a good deal of extra time. With $\alpha = 10^{-4}$ and such small sums the
# layer does little but divide by $2^{0.75}$. The VGG team found no gain on ImageNet either, and batch normalisation
# (lesson 15) took its place.
#
# **Augmentation.** One photo can be many: cut 227 × 227 out of 256 × 256 anywhere, mirror it, and shift its colours along
# the directions in which colours vary most.


# %% tags=["T207"]
def colour_shift(image, rng, strength=0.3):
    """Adds a random amount of each principal direction of the pixels' red, green, blue."""
    pixels = image.reshape(-1, 3)
    variances, directions = np.linalg.eigh(np.cov(pixels.T))
    amounts = rng.normal(0, strength, 3) * np.sqrt(np.maximum(variances, 0))
    return np.clip(image + directions @ amounts, 0, 1)


photo, rng = data.photos()["astronaut"][::2, ::2], np.random.default_rng(1)  # 256 × 256
views = []
for _ in range(5):
    top, left = rng.integers(0, 256 - 227 + 1, 2)
    view = photo[top : top + 227, left : left + 227][:, :: rng.choice([-1, 1])]
    views.append(colour_shift(view, rng))
show(
    charts.contact_sheet(views, [""] * 5, columns=5, size=1.3),
    alt="Five views of one astronaut: shifted cuts, some mirrored, lighter, darker or tinted.",
)

# %% [markdown]
# All five still show an astronaut. But not every change keeps the label: a mirrored E is no letter. So letters are only
# cut at random. The same network learns from very few pictures, with and without. What do you expect of the gap between
# training and test?

# %% tags=["T207"]
few, long = pictures[: scale(laptop=195, gpu=5000)], scale(laptop=20, gpu=30)
pairs = {}
for augment, name in ((False, "as they are"), (True, "cut at random")):
    runs = []
    for seed in range(3):
        learn(whole, seed, few, long, augment=augment)
        runs.append((right(answers(whole, few), few), right(answers(whole))))
    pairs[name] = dict(zip(("training", "new pictures"), np.transpose(runs), strict=True))
gap = {name: np.subtract(*pair.values()).mean() for name, pair in pairs.items()}
print("mean gap:", {name: f"{value:.0%}" for name, value in gap.items()})
show(
    charts.dots({"": pairs}, "right", percent=True),
    alt="Without augmentation all training pictures are right and clearly fewer new ones; with it the "
    "two are closer together.",
)
assert gap["cut at random"] < gap["as they are"]

# %% [markdown]
# The gap shrinks: training gets harder, and new pictures gain, if one trains for long enough. The authors wrote that
# without augmentation they would have had to use much smaller networks.
#
# **The recipe.** SGD with momentum 0.9, a learning rate of 0.01 that is divided by 10 whenever the error no longer falls,
# weight decay 0.0005, dropout 0.5, batches of 128. They watched the error themselves; Keras has `ReduceLROnPlateau`. All of
# it, on ten letters and in smaller batches:

# %% tags=["T206", "F075"]
ten = scale(laptop=data.letters(520, 3, alphabet="ABCDEFGHIJ"), gpu=pictures)
held_out = scale(laptop=data.letters(260, 4, alphabet="ABCDEFGHIJ"), gpu=new)
model = mini(dropout=0.5, kernel_initializer="he_normal")
sgd = keras.optimizers.SGD(learning_rate=0.01, momentum=0.9, weight_decay=0.0005)
model.compile(sgd, "sparse_categorical_crossentropy", metrics=["accuracy"])
slower = keras.callbacks.ReduceLROnPlateau(
    "val_loss", factor=0.1, patience=scale(laptop=2, gpu=4)
)
rounds, batch = scale(laptop=(15, 26), gpu=(60, 128))
plan = timetable(ten, rounds, batch, seed=0, augment=True)
held_out = cut(held_out.images), held_out.labels
history = model.fit(
    **plan, verbose=0, callbacks=[slower], validation_data=held_out
).history

# %% tags=["T206"]
curves = {"training, with dropout": history["accuracy"], "new": history["val_accuracy"]}
show(
    figures.falling_rate(curves, history["learning_rate"], "right"),
    alt="Accuracy climbs from guessing, that on new letters above that in training; below, the "
    "learning rate, which falls by steps of ten once the error no longer falls.",
)
print(f"best on new letters: {max(history['val_accuracy']):.0%}")
assert max(history["val_accuracy"]) > 0.25

# %% [markdown]
# It works, and is slow to start. (AlexNet took about 90 epochs and three cuts of the rate.) That is why our comparisons use
# Adam. New pictures do *better* than those of the training: for them dropout is
# off (lesson 16), and they are cut in the middle.
#
# ## Remove a layer
#
# **Does depth matter, or only size?** Take layers away and train again. On ImageNet, it was reported, the accuracy fell
# by 1.1 points without fc7, by 5.7 without fc6 and fc7, by 3.0 without the two middle convolutions, and by 33 without
# all four. How many parameters go with them?

# %% tags=["T210", "F062", "F063", "F064", "nbval-check-output"]
cuts = {
    "whole": (),
    "without fc7": ("fc7",),
    "without conv3, conv4": ("conv3", "conv4"),
    "without fc6, fc7": ("fc6", "fc7"),
    "without all four": ("conv3", "conv4", "fc6", "fc7"),
}
left = {
    name: blueprint(alexnet, without=cut).count_params() for name, cut in cuts.items()
}
for name, count in left.items():
    print(f"{name:21} {count:11,} parameters, {left['whole'] - count:11,} fewer")
own = sum(weights([network[name]]) for name in ("conv3", "conv4"))
one_tower = [
    blueprint(alexnet, groups=1, without=cut) for cut in ((), ("conv3", "conv4"))
]
print(f"weights of conv3 and conv4 in two towers: {own:,}")
lost = np.subtract(*(model.count_params() for model in one_tower))
print(f"fewer in one tower: {lost:,}")

# %% [markdown]
# You may have seen that removing conv3 and conv4 saves about 1 M. It is 1.55 M for the two layers and 1.70 M in all, since
# conv5 now reads 256 maps instead of 384 (2.51 M in one tower). Still hardly anything beside 16.8 M for fc7.
#
# Your guess, for the small network: which removal hurts most?

# %% tags=["T210", "Q21", "G38", "H13"]
for name, removed in list(cuts.items())[1:]:
    shortened, said[name] = mini(without=removed), []
    for seed in range(3):
        learn(shortened, seed)
        said[name].append(answers(shortened))
scores = {name: [right(each) for each in said[name]] for name in cuts}
show(
    charts.dots(
        {f"{name}, {left[name] / 1e6:.1f} M": shares for name, shares in scores.items()},
        "new pictures right (M: parameters in full size)",
        guessing=1 / len(names),
        percent=True,
    ),
    alt="Accuracies: close together for the whole network, without fc7 and without the two "
    "convolutions; lower without both dense layers, lowest without all four.",
)
lost = {name: np.mean(scores["whole"]) - np.mean(each) for name, each in scores.items()}
for name, points in lost.items():
    print(f"{name:21} {100 * points:5.1f} points lost")
assert lost["without all four"] > max(0.03, lost["without fc7"])

# %% [markdown]
# Much as on ImageNet: fc7 and the two convolutions are each nearly free, two dense layers cost something, and **all four
# together cost by far the most**. (Three seeds scatter too much to order the small losses.) The many parameters of fc7
# are cheap to lose; what matters is how many layers are left. But mind two differences. Our networks learn for a short time, so a
# part of each loss is slowness. And our convolutions work on 3 × 3 places, where little is left to find; on ImageNet two
# of them, with 1.5 M weights, were worth more than fc7 with 16.8 M.
#
# ## Seven heads
#
# Back to the vote. Average what several networks say.
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
# We have nine networks of about the same strength, from three designs. (AlexNet's seven were of two designs.) Draw one to
# seven of them, many times. How far will the error fall?

# %% tags=["T208", "H14"]
members = np.array(said["whole"] + said["with LRN"] + said["without fc7"])
rng, sizes = np.random.default_rng(0), range(1, 8)
errors = np.zeros((7, 30))
for row, size in enumerate(sizes):
    for column in range(30):
        chosen = rng.choice(len(members), size, replace=False)
        errors[row, column] = 1 - right(members[chosen].mean(axis=0))
show(
    charts.lines(
        {"error of the ensemble": errors},
        sizes,
        "networks in the ensemble",
        "new pictures wrong",
        percent=True,
    ),
    alt="The mean error falls steeply from one network to two and three, and then ever more slowly to "
    "seven; the draws lie closer and closer together.",
)
one, seven = errors[0].mean(), errors[-1].mean()
print(f"one network {one:.1%}, seven {seven:.1%}: {1 - seven / one:.0%} fewer errors")
print(f"AlexNet: 18.2 %, 15.4 %: {1 - 15.4 / 18.2:.0%} fewer")
assert seven < one

# %% [markdown]
# Different starts make different mistakes, and mistakes that differ cancel. Ours have hardly been trained and differ much, so
# they gain more than AlexNet's did. (Draws of seven out of nine share most members; that alone brings them together.) It
# is the safest part of all, and costs seven times the work.
#
# ## Also in the lectures
#
# **Search by features.** The last hidden layer describes a picture by a vector. Pictures whose vectors are near should look
# alike to *us*. Compare with the distance of the pixels:

# %% tags=["T213"]
# `whole` is as the augmentation left it.
describe = keras.Model(whole.input, whole.get_layer("fc7").output)
half = len(new) // 2
vectors = {
    "pixels": new.images.reshape(len(new), -1),
    "features": np.asarray(describe(cut(new.images))),
}
found = {}
for name, each in vectors.items():
    queries, archive = each[:half], each[half:]
    squares = (queries**2).sum(axis=1)[:, None] + (archive**2).sum(axis=1)
    found[name] = half + np.argsort(squares - 2 * queries @ archive.T, axis=1)[:, :8]
    hits = new.labels[found[name]] == new.labels[:half, None]
    print(f"{name:8} {hits.mean():.0%} of the eight nearest show the same class")
    found[name + " hit"] = hits

# %% tags=["T213"]
some = slice(0, 5)
show(
    figures.neighbours(
        new.images[some], new.images[found["features"][some]], found["features hit"][some]
    ),
    alt="Five letters, each followed by the eight pictures with the nearest features: mostly the same "
    "letter in other places, sizes and strokes.",
)
assert found["features hit"].mean() > found["pixels hit"].mean()

# %% [markdown]
# Features care less about place, stroke and noise than pixels do. Nobody trained a search engine here; it came free with
# the classifier.
#
# ## Which parts mattered?
#
# | part | in 2012 | in our workshop | today |
# |---|---|---|---|
# | two towers | to fit two cards | the same network, cut | grouped convolutions |
# | ReLU | six times faster than tanh on CIFAR-10 | no faster | everywhere |
# | LRN | 1.2 points (top-5) | nothing | gone; batch normalisation |
# | augmentation | could not do without | smaller gap | everywhere |
# | SGD, plateaus, weight decay | yes | works, slow to start | still in use |
# | depth | 33 points without four layers | the largest loss of all | the road to lessons 19 to 21 |
# | large dense layers | 58.6 of 61 M parameters | fc7 nearly free to lose | mostly gone |
# | ensemble | 18.2 to 15.4 % | fewer errors, surely | for competitions |
#
# ## Think about it
#
# **Fc6 has over half of all parameters, and fc7 a quarter. Why is fc7 so cheap to lose?**
#
# <details><summary>Answer</summary>
#
# Parameters are not knowledge. Fc8 can read fc6 directly: it has 4,096 features either way. One step of bending is lost,
# of eight. Removing fc6 as well takes away both, and fc8 must separate a thousand classes straight from the maps.
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
# - A. Krizhevsky, I. Sutskever and G. Hinton, *ImageNet classification with deep convolutional neural networks*, 2012.
# - V. Nair and G. Hinton, *Rectified linear units improve restricted Boltzmann machines*, 2010.
# - M. Zeiler and R. Fergus, *Visualizing and understanding convolutional networks*, 2014: the ablations.
# - K. Simonyan and A. Zisserman, *Very deep convolutional networks for large-scale image recognition*, 2014: LRN without
#   a gain.
