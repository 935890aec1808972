# ---
# jupyter:
#   course:
#     title: "Looking inside: what did the network learn to look at?"
#     summary: "Open one trained network with many methods, and measure what each of them really tells: filters, units, neighbours, saliency, occlusion."
#     objectives:
#       - "read a network's filters and activations, and say what a noisy or a silent one may warn of"
#       - "find out what a unit answers to, and what a layer treats as the same"
#       - "compute a saliency map and an occlusion map yourself, and compare seven kinds of map"
#       - "test a map before you trust it: against masks, against maps that know nothing, against shuffled weights"
#       - "find out whether a network looks at the object or at what is around it"
#     needs: [11_conv_backprop, 13_first_cnn_lenet, 18_alexnet]
#     minutes: 100
#     data: [shapes, photos, mnist_5k]
# ---

# %% [markdown]
# In 2016 Marco Ribeiro and others trained a classifier to tell wolves from huskies. They chose photographs in which every
# wolf stood in snow and no husky did, so it learned to find *snow*. They showed 27 students ten of its answers, eight of
# them right: 10 students trusted it. Once they were shown where it looked, 3 did.
#
# **What did the network learn to look at?** Here you open a trained network with many methods. And as a pretty picture
# proves nothing, you measure what each of them tells.
#
# Our network is a small ZFNet (the network with which Zeiler and Fergus improved AlexNet by looking inside): five
# convolutions, each with batch normalisation, and three dense layers. Its pictures are drawn: class, colour and ground
# independently of one another. So only the *form* tells the class, and we know which pixels belong to it, the *mask*.

# %%
import keras
import numpy as np
import pandas as pd
from keras import ops

from course_lessons.visualising_features import figures, neighbours, pointing, segmentation
from course_lessons.visualising_features.occlusion import occlusion
from course_lib import data, zoo
from course_lib.evidence import compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.explain.activations import activations, dead_units, filters, sparsity, strongest
from course_lib.explain.network import logits, predictions, probabilities
from course_lib.explain.saliency import METHODS, integrated_gradients, project
from course_lib.gradients import gradients
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

model = zoo.load("shapes_zfnet")
known = data.shapes(360, seed=3, size=64)
names, answered = known.class_names, predictions(model, known.images)
print(f"{np.mean(answered == known.labels):.1%} of {len(known)} new pictures right")
show(
    charts.gallery(known.images[6:11], [f"“{names[label]}”" for label in answered[6:11]]),
    alt="A cross, two stars, a square and a circle in bright colours on stripes and, the circle, on clouds; each is named rightly.",
)

# %% [markdown]
# ## What its weights look like
#
# A filter of the first layer has 7 × 7 × 3 weights: a small colour picture. Below, those of an **untrained twin** (the same layers with fresh
# weights) and of our network. What do you expect? To put what the eye sees into a number, take all pairs of weights $v, w$ that are
# neighbours in a row or a column of a channel: the **smoothness index** is $2\sum vw \,/\, \sum (v^2 + w^2)$.


# %% tags=["T296", "G52"]
def smoothness(kernel):
    """kernel (height, width, channels) -> 1 if neighbours are equal, about 0 for noise, -1 for a chequerboard."""
    pairs = (kernel[1:], kernel[:-1]), (kernel[:, 1:], kernel[:, :-1])
    products = sum(2 * np.sum(v * w) for v, w in pairs)
    return products / sum(np.sum(v**2 + w**2) for v, w in pairs)


def mean_smoothness(kernels):
    return np.mean([smoothness(kernel) for kernel in kernels])


card = zoo.card("shapes_zfnet")
keras.utils.set_random_seed(0)
twin = zoo.build(card.builder, card.arguments)  # the same network with random weights
first_filters = {"untrained": filters(twin, "conv1"), "trained": filters(model, "conv1")}
indices = [mean_smoothness(kernels) for kernels in first_filters.values()]
assert indices[1] > indices[0] + 0.1
show(
    figures.filters_over_time(first_filters, indices, "smoothness"),
    alt="Twelve untrained filters, all coloured noise, smoothness 0.01, above twelve trained ones, 0.31: some are green and "
    "magenta edges, others still noisy.",
)

# %% tags=["T298", "G52"]
second_filters = filters(model, "conv2")
show(
    figures.filter_grid(second_filters[:4]),
    alt="Four rows of sixteen little kernels of 5 by 5, orange and blue: no pattern that an eye could read.",
)
print("a filter of the second layer has", " × ".join(map(str, second_filters.shape[1:])), "weights")

# %% [markdown]
# Random filters are noise. Of the trained ones some are stripes and edges between opposite colours; others still look
# much like noise. Those of the second layer (four of them, a column for each map of the first) nobody can read: such a
# weight only says how much of map 7 of the first layer is added.
#
# When does the noise go? Train a network small enough for a laptop, on pictures of 32 × 32, and keep its filters after
# each epoch.


# %% tags=["T296"]
def small_network(classes, learning_rate=0.002, weight_decay=0.0, seed=0):
    """Three convolutions and two dense layers for pictures of 32 × 32. Biases do not decay."""
    keras.utils.set_random_seed(seed)
    options = {"activation": "relu", "kernel_initializer": "he_normal"}
    network = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Rescaling(1.0, offset=-0.5),
            keras.layers.Conv2D(16, 7, strides=2, padding="same", name="conv1", **options),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, padding="same", name="conv2", **options),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, padding="same", name="conv3", **options),
            keras.layers.Flatten(),
            keras.layers.Dense(64, name="dense4", **options),
            keras.layers.Dense(classes, name="logits"),
        ]
    )
    optimizer = keras.optimizers.AdamW(learning_rate=learning_rate, weight_decay=weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return network


# %% tags=["T296"]
lessons, new = data.shapes(2400, seed=0), data.shapes(500, seed=2)
small = small_network(classes=6)
kept = [filters(small, "conv1")]
keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(filters(small, "conv1")))
small.fit(lessons.images, lessons.labels, batch_size=50, epochs=10, verbose=0, callbacks=[keep])
print(f"{small.evaluate(new.images, new.labels, verbose=0)[1]:.0%} of new pictures right after ten epochs")
moments = {f"epoch {epoch}": kept[epoch] for epoch in (0, 1, 10)}
show(
    figures.filters_over_time(moments, [mean_smoothness(kernels) for kernels in moments.values()], "smoothness"),
    alt="The same twelve filters at epochs 0, 1 and 10: noise, the same noise, and patches of colour under noise.",
)

# %% [markdown]
# That was one run. The record holds five, of twelve epochs, and each again with two strengths of *weight decay*, which
# pulls the weights towards zero at each step (lesson 05). What will decay do to the noise, and to the score?

# %% tags=["T296", "T297"]
training = evidence("training")
runs = {f"decay {decay:g}": rows for decay, rows in training.groupby("decay")}
epochs = sorted(set(training.epoch))
panels = {"smoothness of the first filters": "smoothness", "validation pictures right": "validation"}
show(
    charts.lines(
        {
            title: {name: rows.pivot(index="epoch", columns="seed", values=column) for name, rows in runs.items()}
            for title, column in panels.items()
        },
        epochs,
        "epoch",
    ),
    alt="Smoothness and validation score against the epoch, five runs each. Smoothness rises from 0 to about 0.3 without "
    "decay, higher with decay 0.5, and highest, to 0.8, with decay 2; the scores rise, and those with decay 2 lag behind.",
    colours=32,
)
last = training[training.epoch == max(epochs)]
grown = compare(runs["decay 0"][runs["decay 0"].epoch.isin([0, max(epochs)])], "epoch", "smoothness")
outcome = {title: compare(last, "decay", column) for title, column in panels.items()}
smoother = outcome["smoothness of the first filters"]
assert grown.loc[max(epochs), "low"] > 0 and smoother.loc[[0.5, 2.0], "low"].min() > 0
pd.concat({"smoothness, by epoch": grown} | outcome).drop(columns="seeds").round(3)

# %% [markdown]
# The table compares each row with the first of its group, seed by seed; the interval from `low` to `high` holds the
# difference with 95 % confidence. **In twelve epochs the first filters grow smoother, and with decay they end smoother than
# without.** So noisy filters may be a sign of *too little training* or *too little regularisation*. But smooth filters do not
# make a good network: **the smoothest filters, with decay 2, belong to the networks that are right least often.**
# (The scores still rise at epoch 12.)
#
# ## What its layers answer
#
# The *activations* of a layer are its outputs for one picture, a map for each filter.

# %% tags=["T294", "G52"]
relus = ["relu1", "relu2", "relu3", "relu4", "relu5", "fc6", "fc7"]
maps = activations(model, known.images, relus)
star = int(np.flatnonzero(known.labels == names.index("star"))[0])
show(
    figures.activation_grid(known.images[star], {name: maps[name][star] for name in ("relu1", "relu5")}, most=4),
    alt="A star, four maps of the first layer that still show its form, and four coarse maps "
    "of the fifth layer, some nearly black.",
)
trained_zeros = {name: sparsity(maps[name]) for name in relus}
twin_zeros = {name: sparsity(values) for name, values in activations(twin, known.images, relus).items()}
dead = {name: dead_units(maps[name]).mean() for name in relus}
pd.DataFrame({"zeros, untrained": twin_zeros, "zeros, trained": trained_zeros, "dead filters": dead}).round(2)

# %% [markdown]
# Early maps still show the star; late ones are coarse. Activations are dense at first and grow *sparse* (mostly zero)
# in training, say [the notes of CS231n](https://cs231n.github.io/understanding-cnn/). The table counts our network's
# zeros layer by layer; the record has those of the five small networks epoch by epoch.
#
# A filter that is zero for some pictures chooses among them. One that is zero for *every* picture is *dead*: its
# weights get no gradient (lesson 07). The record also trained the small network for two epochs, with learning rates from
# 0.001 to 1. What do you expect?

# %% tags=["T294", "T295"]
plain, rates = runs["decay 0"], evidence("rates")
by_epoch, by_rate = "share of zeros", "share of dead filters"
layer_names = ["conv1", "conv2", "conv3", "dense4"]
show(
    charts.lines(
        {
            by_epoch: {
                name: plain.pivot(index="epoch", columns="seed", values=f"zeros_{name}") for name in layer_names
            },
            by_rate: {name: rates.pivot(index="rate", columns="seed", values=name) for name in layer_names},
        },
        {by_epoch: epochs, by_rate: [f"{rate:g}" for rate in sorted(set(rates.rate))]},
        {by_epoch: "epoch", by_rate: "learning rate"},
        percent=True,
    ),
    alt="Left, shares of zeros against the epoch: a leap in the first epoch, then conv3 and dense4 fall again. Right, shares "
    "of dead filters: none at 0.001 but in dense4, more at 0.01, most of conv2, conv3 and dense4 from 0.1 on, "
    "none of conv1.",
    colours=32,
)
ends = plain[plain.epoch.isin([0, 1, max(epochs)])]
tables = {f"zeros in {name}": compare(ends, "epoch", f"zeros_{name}", against=1) for name in layer_names}
tables |= {"dead in conv3": compare(rates, "rate", "conv3"), "right": compare(rates, "rate", "right")}
assert tables["dead in conv3"].loc[[0.1, 1.0], "low"].min() > 0
pd.concat(tables).drop(columns="seeds").round(2)

# %% [markdown]
# In our network the five convolutions are zero at about half of their places, as in the untrained twin; the dense
# layers fc6 and fc7 have more zeros than the twin's, and a few units of fc7 are dead. In the small networks (the table
# compares their zeros with those at epoch 1) **the first epoch brings more zeros in every layer, and in conv3 and dense4
# they become fewer again.** So "dense first, sparse later" is only half of what happens.
#
# **At learning rates of 0.1 and 1 more filters of conv3 are dead than at 0.001**, and these networks are right for one
# picture in six, as by guessing. Once all of a layer is zero for every picture, no gradient reaches the layers below. So maps
# that are black for every picture may point to a learning rate that was too high.
#
# ## What a unit waits for
#
# Zeiler and Fergus asked each unit in 2013: of all pictures, which do you like best? And they sent the answer back to
# the pixels that made it, through a **deconvnet**: backwards through the filters, and from each maximum to the place it
# came from. Here are three layers, and of each the unit (one filter) with the largest answer. What do they like?

# %% tags=["G51"]
sheet = {}
for layer in ("relu2", "relu3", "relu5"):
    unit = int(maps[layer].max(axis=(0, 1, 2)).argmax())
    favourites = strongest(model, layer, unit, known.images, k=5)
    chosen = known.images[favourites.indices]
    back = project(model, chosen, layer, unit, rule="deconvnet", places=favourites.places)
    sheet[f"{layer}, {unit}"] = favourites, back
show(
    figures.strongest_sheet(known.images, sheet),
    alt="Three units, each with its five strongest patches and what made it answer: arcs of red and orange rings in "
    "layer 2; the upper left edges of circles and squares in layer 3; stars in red, blue and cyan in layer 5.",
    colours=96,
)

# %% [markdown]
# In layer 2 arcs, all red or orange; in layer 3 an upper left edge; in layer 5 stars of several colours. Or did we pick
# nice ones? We shall ask *all* units, in a moment.
#
# ## What it treats as the same
#
# Are two pictures alike if their pixels are? Or if the *features* are, the activations before the last layer? Look
# for nearest neighbours in both spaces.

# %% tags=["T299", "G53", "F360"]
from course_lib.architectures.alexnet import alexnet
from course_lib.architectures.blueprint import blueprint

print(
    f"features before the last layer: {maps['fc7'].shape[1]} here, {blueprint(alexnet).layers[-1].input.shape[-1]} in AlexNet"
)
queries = [int(np.flatnonzero(known.labels == label)[1]) for label in (0, 4)]
spaces = {"pixels": known.images, "features": maps["fc7"]}
near = {  # the first is the query itself
    space: neighbours.nearest(points, points[queries], k=4)[:, 1:] for space, points in spaces.items()
}
small_pictures = known.images[:, ::2, ::2]
show(
    figures.neighbour_panels(small_pictures[queries], small_pictures, near, known.labels[queries], known.labels, names),
    alt="Two queries, a circle and a star. Nearest by pixels: mostly the same colour, other shapes. Nearest by features: "
    "the same shape in several colours, sizes and places.",
)

# %% [markdown]
# **Exercise 1.** Put it in a number. For every point, what share of its *k* nearest neighbours (itself left out) has its
# label? Return the mean over all points.


# %% exercise="label_agreement"
def label_agreement(features, labels, k):
    """features (number, width), labels (number,). Squared Euclidean distances will do. Returns one number."""
    ### BEGIN SOLUTION
    distances = ((features[:, None] - features[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1)[:, :k]
    return np.mean(labels[nearest] == labels[:, None])
    ### END SOLUTION


# %% check="label_agreement"
check(label_agreement)

# %% [markdown]
# Now ask the whole network, with five sets of 360 new pictures, and untrained twins. Of every unit's nine strongest
# pictures, how many share the most frequent class, colour, ground? (By luck about 35, 35 and 43 %.) And of every
# picture's five nearest neighbours, how many agree
# with it? What do you expect for class, and what for colour, from the pixels to the last layer?

# %% tags=["T299", "H26", "Q38", "G51"]
shared = evidence("shared")
places = list(dict.fromkeys(shared.place))
painted = ["class", "colour", "ground"]
whose = {"trained": "our network", "fresh": "untrained twin"}
asked = {"strongest": "nine strongest", "nearest": "five nearest"}
for measure, title in asked.items():
    table = shared.pivot(index="place", columns=["network", "kind", "seed"], values=measure).loc[places]
    panels_shared = {
        f"{title}, {words}": {kind: table[which][kind] for kind in painted} for which, words in whose.items()
    }
    show(
        charts.lines(panels_shared, places, "space", "share that agrees", percent=True),
        alt=f"Agreement of the {title}, from the pixels on, layer by layer. In our network class rises to more than 90 % "
        "and colour falls below 40 %; in its untrained twin colour stays about 60 % or higher, and class below 45 %.",
        colours=32,
    )
gains = {
    f"{kind}, {asked[value]}": compare(rows, "network", value, against="fresh").loc["trained"]
    for value in asked
    for kind in painted
    for rows in [shared[(shared.kind == kind) & (shared.place == "relu5")]]
}
assert gains["class, nine strongest"].low > 0 > gains["ground, nine strongest"].high
pd.DataFrame(gains).T.drop(columns="seeds").round(2)

# %% [markdown]
# From layer to layer the class takes over, and colour falls to what luck gives (1/6 of the neighbours). The ground stays at
# what luck gives (1/4). Not so in the twin, which has the same layers and random weights. **In layer 5 more neighbours
# share their class than in the untrained twin, and fewer their colour or their ground**; so it is with the nine strongest
# pictures. The network brings together what has the same class, whatever its colour and ground. (Whether its features
# still hold the colour in some other way, we did not ask.) In the first layer colour comes first, but in the twin, too:
# that is not learnt.
#
# ## Flat maps
#
# Paper has two dimensions, our features have 128. **PCA** keeps the two directions along which the points are
# spread most. **t-SNE** (van der Maaten and Hinton, 2008) moves points about on paper until their neighbourhoods are
# like those in space: there, each point $i$ gives its neighbours the shares $p_{j|i} \propto e^{-d_{ij}^2 / 2 s_i^2}$, with
# a width $s_i$ chosen so that about as many neighbours count as you ask for, the **perplexity** (30, if you don't ask);
# on paper the shares are $\propto 1/(1 + d_{ij}^2)$.


# %% tags=["T300"]
from sklearn.manifold import TSNE, trustworthiness
from threadpoolctl import threadpool_limits


def pca(points):
    centred = points - points.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2]
    return centred @ directions[:2].T


def tsne(points):
    with threadpool_limits(1):  # on so few points threads would wait for one another
        return TSNE(perplexity=30, random_state=0).fit_transform(points)


rows_of = {"pixels": known.images.reshape(len(known), -1), "features": maps["fc7"]}
flat_maps = {f"PCA of {space}": pca(points) for space, points in rows_of.items()}
flat_maps |= {f"t-SNE of {space}": tsne(points) for space, points in rows_of.items()}

# %% tags=["T300", "T301", "T302", "G54"]
purity = {title: neighbours.label_agreement(points, known.labels) for title, points in flat_maps.items()}
assert min(purity["PCA of features"], purity["t-SNE of features"]) > 0.6 > 0.4 > purity["t-SNE of pixels"]
show(
    figures.embeddings({title: points[:150] for title, points in flat_maps.items()}, known.labels[:150], names),
    alt="PCA and t-SNE of pixels: all classes mixed. PCA and t-SNE of features: six groups, one for each class.",
    colours=64,
)
cut_out = np.where(known.masks[..., None], known.images, 0.9)  # without the ground
show(
    figures.picture_map(tsne(maps["relu5"].reshape(360, -1))[:120], cut_out[:120, ::2, ::2]),
    alt="A map of small pictures in all colours: rings on the left, most crosses below them, stars in three places, circles, "
    "squares and triangles partly mixed on the right.",
)
pd.Series(purity, name="neighbours on paper with the same label").to_frame().round(2)

# %% [markdown]
# By features each class is a group of its own, by pixels none is, with either method: t-SNE did not make these groups up.
# The last map has the pictures themselves at their places, for layer 5, where circles, squares and triangles still mix.
#
# May you read *distances* off such a map? Try both on 300 real digits (MNIST), five draws.
# *Neighbourhoods* (scikit-learn's trustworthiness, at most 1): are neighbours on paper neighbours in space?
# *Distances* (rank correlation): is far still far?

# %%
digits, measured = data.mnist_5k().test, []
for seed in range(5):
    drawn = digits[np.random.default_rng(seed).permutation(len(digits))[:300]]
    points = drawn.images.reshape(len(drawn), -1)
    for way, on_paper in {"PCA": pca(points), "t-SNE": tsne(points)}.items():
        measured.append({"seed": seed, "way": way, "neighbourhoods": trustworthiness(points, on_paper)})
        measured[-1]["distances"] = neighbours.rank_correlation(points, on_paper)
kept_by = {score: compare(pd.DataFrame(measured), "way", score) for score in ("neighbourhoods", "distances")}
assert kept_by["neighbourhoods"].loc["t-SNE", "low"] > 0.1 > kept_by["distances"].loc["t-SNE", "high"]
assert kept_by["distances"]["mean"].max() < 0.7
pd.concat(kept_by).drop(columns="seeds").round(2)

# %% [markdown]
# **On these digits t-SNE keeps neighbourhoods far better than PCA.** Distances neither keeps well, with correlations of about
# a half (whether t-SNE's are the worse depends on the draws, and on the version of scikit-learn). So do not trust the gap
# between two islands, or their size, or an island that other perplexities do not draw (see Wattenberg and others, below).
#
# ## Which pixels matter?
#
# Now one picture and one answer. Nudge one number of the picture a little: how much does the score of the class move?
# That slope, for all of them at once, is what back-propagation gives if we let it run down to the picture.

# %% tags=["T303"]
image, label = known.images[star], int(known.labels[star])
network = logits(model)  # without its softmax
(slopes,) = gradients(lambda x: network(x)[:, label], image[None])
row, column, colour = np.unravel_index(np.abs(slopes[0]).argmax(), image.shape)
nudge = np.zeros_like(image)
nudge[row, column, colour] = 0.002
up, down = np.asarray(network(np.stack([image + nudge, image - nudge])))[:, label]
print(f"by nudging {(up - down) / 0.004:.3f}, by back-propagation {slopes[0, row, column, colour]:.3f}")

# %% [markdown]
# Both ways give the same slope. A **saliency map** (Simonyan and others, 2013) is the size of the slope, and of the three
# colours $c$ the largest: $M_{ij} = \max_c \left| \partial a_t / \partial x_{ijc} \right|$, where $a_t$ is the logit of
# class $t$, the true one, and $x_{ijc}$ the picture.
#
# **Exercise 2.** Write it for a batch in which each picture has its own label. `logits(model)` takes the softmax off;
# `gradients(function, images)` gives a list with one array, the gradient of the function's sum.


# %% exercise="saliency_map"
def saliency_map(model, images, labels):
    """images (batch, height, width, channels), labels (batch,). Returns maps (batch, height, width)."""
    ### BEGIN SOLUTION
    network = logits(model)

    def score(x):
        scores = network(x)
        return ops.sum(scores * ops.one_hot(labels, scores.shape[-1]))

    (slopes,) = gradients(score, images)
    return np.abs(slopes).max(axis=-1)
    ### END SOLUTION


# %% check="saliency_map"
check(saliency_map)

# %% [markdown]
# There are other ways to ask which pixels matter:
#
# - **SmoothGrad**: the mean slope over 25 noisy copies of the picture;
# - **integrated gradients**: the mean slope on the way from a **baseline**, a picture that stands for "nothing", times
#   the difference to it, added up over the colours;
# - the *deconvnet*: slopes that, on their way back, pass a ReLU only where they are positive themselves, and **guided
#   back-propagation**: only where the ReLU's input was positive, too;
# - **Grad-CAM**: the maps of the last convolution, each weighted by its mean slope, added up, and zero where negative.
#
# Which baseline? Integrated gradients explain a *difference*: with their signs, they add up to the score of the picture
# minus that of the baseline (**completeness**). On the way from black, all black pixels of a picture get nothing,
# whatever they mean; on the way from grey, all grey ones. And the way needs enough steps. The table checks the sum for
# the star.

# %% tags=["T303", "picture", "gallery"]
smooth_ground = known.grounds == 3  # clouds
pair = [int(np.flatnonzero(smooth_ground & (known.labels == each))[0]) for each in (1, 4)]
heat = {name: method(model, known.images[pair], known.labels[pair]) for name, method in METHODS.items()}
heat["integrated gradients"] = integrated_gradients(model, known.images[pair], known.labels[pair], baseline=0.5)
show(
    figures.maps(known.images[pair], heat, [names[each] for each in known.labels[pair]], known.masks[pair]),
    alt="A square and a star and their maps by six methods, the object outlined: specks in and around it by saliency and "
    "SmoothGrad, a broad blob by Grad-CAM, specks inside and on its edge by the three others.",
    colours=128,
)
sums = {}
for title, value in {"from black": 0.0, "from grey": 0.5}.items():
    ends_of_way = np.asarray(network(np.stack([image, np.full_like(image, value)])))[:, label]
    sums[title] = {"difference of the scores": ends_of_way[0] - ends_of_way[1]}
    for steps in (8, 32, 128):
        parts = integrated_gradients(model, image[None], [label], baseline=value, steps=steps, signed=True)
        sums[title][f"sum, {steps} steps"] = parts.sum()
    assert abs(sums[title]["sum, 128 steps"] / sums[title]["difference of the scores"] - 1) < 0.05
pd.DataFrame(sums).T.round(2)

# %% [markdown]
# Both sums are near the difference that completeness promises; with 8 steps the way from grey still misses by one
# twentieth.
#
# Which map would you trust? We have masks, so let us count. The **mass** of a map is the sum of its values.
# **Exercise 3.** What share of each map's mass lies inside the mask?


# %% exercise="mass_inside"
def mass_inside(maps, masks):
    """maps (batch, height, width), not negative; masks the same shape, True on the object. Returns (batch,)."""
    ### BEGIN SOLUTION
    return (maps * masks).sum(axis=(1, 2)) / maps.sum(axis=(1, 2))
    ### END SOLUTION


# %% check="mass_inside"
check(mass_inside)

# %% [markdown]
# Four maps know nothing of any network: noise; a blob in the middle; the *vividness* of each pixel, its largest colour
# minus its smallest; the *edges* of the picture. And a network that knows nothing: ours, with the weights of every layer
# shuffled. How well do they point? (Five sets of 24 pictures; integrated gradients start from grey, and in a row of their
# own *from black*.)

# %% tags=["T303", "H27"]
kinds = evidence("maps")
blind = ["noise", "middle", "vividness", "edges"]
runs_of = {
    measure: {name: list(rows.value) for name, rows in group.groupby("map", sort=False)}
    for measure, group in kinds.groupby("measure")
}
panels_of_maps = {}
for title, measure in {"share of the mass inside": "mass", "highest point inside": "highest"}.items():
    ignorant = runs_of[f"{measure} shuffled"]
    panels_of_maps[title] = {
        name: {"no network" if name in blind else "our network": values}
        | ({"weights shuffled": ignorant[name]} if name in ignorant else {})
        for name, values in runs_of[measure].items()
    }
show(
    charts.dots(panels_of_maps, "share", percent=True),
    alt="Dots of five runs for each kind of map. Mass inside: integrated gradients about 80 %, occlusion 70, from black 62, "
    "vividness 57, all others below 50; lower with shuffled weights. Highest points: all inside for vividness.",
    colours=32,
)
pointing_at = {
    measure: compare(kinds[kinds.measure == measure], "map", "value", against="vividness")[["mean", "low", "high"]]
    for measure in ("mass", "highest")
}
pd.concat(pointing_at, axis=1).round(2)

# %% [markdown]
# **Every kind of map that asks the network has more of its mass on the object than noise.** But vividness knows no network
# at all, and, by mass, **only integrated gradients, from either baseline, and occlusion beat vividness.** By the highest
# point nothing beats it: it always hits. And with all that was learnt shuffled away, the highest points of integrated
# gradients still hit the object more often than not. (They multiply by how far a pixel is from grey, and our objects are
# vivid: a likely reason, which we did not test.)
#
# So pointing well is no proof. The **sanity check** of Adebayo and others, 2018, asks what a map *owes to the weights*:
# shuffle the 13 layers with weights (five convolutions, their five normalisations, three dense layers) from the last
# on. A map that tells of the network must change. *Likeness* is the rank correlation of two maps, pixel by pixel. And how
# much of it is none? Compare with the map of *another picture*.

# %% tags=["T303"]
likeness = kinds[kinds.measure.str.startswith("likeness")]
tries = {"after 1": "1 layer", "after 4": "4 layers", "after 13": "all 13", "with another picture's": "another picture"}
by_map = {
    name: rows.pivot(index="measure", columns="seed", values="value").loc[[f"likeness {word}" for word in tries]]
    for name, rows in likeness.groupby("map", sort=False)
    if name != "integrated gradients"
}
show(
    charts.lines(by_map, list(tries.values()), "shuffled, from the last on; last: not shuffled", "likeness"),
    alt="Likeness of four kinds of map. Guided back-propagation, the deconvnet and saliency stay near 0.8 or above after "
    "four layers, and fall to 0.6 after all 13; another picture's map reaches 0.5 to 0.6. Grad-CAM is near 0.2 or "
    "below everywhere, with a wide band after one layer.",
)
likeness.pivot_table(index="map", columns="measure", values="value", sort=False).round(2)

# %% [markdown]
# Maps of two *different* pictures already have a likeness of 0.45 to 0.6, except with Grad-CAM: that is the zero of this
# scale. **With four layers shuffled, the maps of saliency, guided back-propagation and the deconvnet are still more like
# the old ones than another picture's map is.** They show too little of what the last layers learnt, and fail this test.
# Those of guided back-propagation have hardly changed. Grad-CAM's change with the first layer that is shuffled, to a
# likeness that we could not tell from another picture's: it *passes*. (In the paper, with other networks, plain
# gradients passed, too; guided back-propagation failed.) And none of these maps is like the *edges* of the picture: those
# likenesses are about 0. **Looking right and being right are two things.**
#
# ## The object, or the ground?
#
# Now the wolf in the snow. *How do we know that the network uses the object and not the ground?* Teach the small network
# stars and rings with every star on clouds and every ring on stripes. Then swap the grounds. The record has five such
# networks, and five that were taught on grounds of all kinds, each stopped early on validation pictures of its own kind.


# %% tags=["T304", "Q39"]
def stars_and_rings(number, seed, star_ground=None, ring_ground=None):
    """Pictures, labels (0 for a star, 1 for a ring) and masks: about a third of `number` shapes are such."""
    classes = data.shapes(number, seed).labels
    is_star, is_ring = classes == names.index("star"), classes == names.index("ring")
    chosen_grounds = None if star_ground is None else np.where(is_star, star_ground, ring_ground)
    examples = data.shapes(number, seed, grounds=chosen_grounds)[is_star | is_ring]
    return examples.images, (examples.labels == names.index("ring")).astype(int), examples.masks


pictures, truths, _ = stars_and_rings(4800, 0, "clouds", "stripes")
tests = {"one ground each": ("clouds", "stripes"), "swapped": ("stripes", "clouds"), "all kinds": (None, None)}
biased = small_network(classes=2)
biased.fit(pictures, truths, batch_size=50, epochs=3, verbose=0)
few, few_labels, few_masks = (part[:3] for part in stars_and_rings(1800, 2, "clouds", "stripes"))
slopes_of_few = METHODS["saliency"](biased, few, few_labels, signed=True)
contribution = np.abs((slopes_of_few * (few - 0.5)).sum(axis=-1))
show(
    figures.maps(few, {"slope times pixel": contribution}, masks=few_masks),
    alt="Two stars and a ring and their maps, the object outlined: for the stars most bright points lie on the star, for the "
    "ring many lie on the stripes.",
)
marks = {title: biased.evaluate(*stars_and_rings(1800, 2, *each)[:2], verbose=0)[1] for title, each in tests.items()}
assert marks["one ground each"] > 0.9 and marks["swapped"] < 0.4
pd.Series(marks, name="right").to_frame().round(3)

# %% tags=["T304", "Q39"]
grounds = evidence("grounds")
tests_of = {"all kinds": "grounds of all kinds", "one each": "one ground each", "swapped": "swapped"}
show(
    charts.dots(
        {
            "tested on": {
                title: {f"taught on {taught}": list(rows[test]) for taught, rows in grounds.groupby("taught")}
                for test, title in tests_of.items()
            }
        },
        "right answers",
        guessing=0.5,
        percent=True,
    ),
    alt="Dots of five runs. Taught on all kinds of ground: right for most pictures of every test. Taught on one ground each: "
    "nearly always right on such pictures, about half the time on grounds of all kinds, hardly ever on swapped ones.",
)
pd.concat({column: compare(grounds, "taught", column) for column in [*tests_of, "slope", "slope_times_pixel"]}).drop(
    columns="seeds"
).round(3)

# %% [markdown]
# **On pictures with its own bias the network is right even more often than the one taught on all kinds**: the usual test
# would prefer it. **Taught on one ground each, it is right less often on grounds of all kinds, and nearly always wrong
# when they are swapped.**
#
# Would a map have told? The three above hardly do: for the stars the bright points lie on the star. So compare the two
# networks by *one* method on the same pictures. With the biased network, **of the map of slope times pixel (counted from grey) less lies on the object**: 34 % instead of 55.
# Without the other network, who could say that 34 is little?
#
# ## Cutting the object out
#
# If a map finds the object, it may serve to cut it out, with no mask ever shown. Its highest pixels are *seeds* of the
# object, its lowest of the ground; every other pixel sends out a random walker that avoids edges, and joins the seed it meets
# first. (Simonyan and others cut with a graph cut; GrabCut is one
# that is much used.) How good is the cut? What cut and mask share, divided by what either covers: intersection over
# union (IoU, lesson 25). The table compares with integrated gradients.

# %% tags=["T305", "G55", "H27"]
some = known[pair]
seen = integrated_gradients(model, some.images, some.labels, baseline=0.5)
seeds = segmentation.seeds(seen)
cut = segmentation.segment(some.images, seeds)
overlap = segmentation.intersection_over_union(cut, some.masks)
show(
    figures.segments(some.images, seen, seeds, cut, some.masks, overlap),
    alt="A square and a star, each with its map, the seeds, the shape that was cut out, and the true mask: most of the shapes "
    "is found, with a little of the ground.",
)
cuts = compare(kinds[kinds.measure == "iou"], "map", "value", against="integrated gradients")
cuts.drop(columns="seeds").round(2)

# %% [markdown]
# Objects cut out without one mask to learn from: **seeds from integrated gradients give a higher IoU than a blob in the
# middle.** Yet **vivid pixels do better still**, without a network. Between plain saliency and the middle, 0.48 each, we
# could not tell. Always put a baseline beside such a number.
#
# ## Hide it, and see
#
# Slopes tell what *tiny* changes would do. Make a large one: put a grey square over a part and ask again, for every place
# of the square. **Exercise 4.** Write that for any picture and any network. `predict` takes a batch of pictures and gives
# their probabilities.


# %% exercise="occlusion_map"
def occlusion_map(predict, image, label, size, stride):
    """image (height, width, channels). Returns the probability of `label` for every place, (rows, columns).

    The square is grey, 0.5; it moves by `stride`, and never hangs over the edge."""
    ### BEGIN SOLUTION
    height, width, _ = image.shape
    rows = []
    for top in range(0, height - size + 1, stride):
        rows.append([])
        for left in range(0, width - size + 1, stride):
            hidden = image.copy()
            hidden[top : top + size, left : left + size] = 0.5
            rows[-1].append(predict(hidden[None])[0, label])
    return np.array(rows)
    ### END SOLUTION


# %% check="occlusion_map"
check(occlusion_map)

# %% [markdown]
# The library asks for many places at once, and says which class wins when ours loses. Does hiding the object lower the
# probability, and hiding the ground not? The record asks with a larger square, of 24 pixels, on five sets of 24 pictures.

# %% tags=["T306", "G56", "H28"]
square = int(np.flatnonzero(known.labels == names.index("square"))[0])
tried = occlusion(model, known.images[square], int(known.labels[square]), size=12, stride=3)
show(
    figures.occlusion_panels(known.images[square], tried, names),
    alt="A square; its probability falls where its middle or part of an edge is hidden, and cross, triangle or ring "
    "win there.",
)
hiding = kinds[kinds.measure == "probability"]
shares = list(dict.fromkeys(hiding["map"]))
words_for = ["nothing", "up to 1/4", "up to 1/2", "up to 3/4", "more"]
show(
    charts.lines(
        {"mean over 24 pictures": hiding.pivot(index="map", columns="seed", values="value").loc[shares]},
        words_for,
        "share of the object that is hidden",
        "probability of its class",
    ),
    alt="The probability of the class, mean of five runs: 1 with nothing of the object hidden, and lower step by step the "
    "more is hidden, to about 0.37.",
)
compare(hiding, "map", "value").set_axis(words_for).drop(columns="seeds").round(2)

# %% [markdown]
# This map needs no gradient: we change the picture and look. Where a part is hidden, the network may see a cross or a
# triangle. **With nothing of the object hidden its class keeps its probability, and the more is hidden, up to three
# quarters, the lower it falls.** And as a map, above, its drop has more of its mass inside the mask than vividness has.
#
# Now you: where does a small square hurt most, in the middle of a shape or at its corners? Try several shapes. (For the
# yellow square in the figure: in its middle, where the probability falls to 0; over any one corner it stays at 1.)

# %% tags=["T306", "G56", "widget"]
play = figures.Hide(lambda pictures: probabilities(model, pictures), known.images, names)
show(
    play.draw(number=square, top=24, left=24, size=12),
    alt="A square with a grey patch over its upper edge, and bars: the probability of “square” falls from 1 to less "
    "than a third, and “cross” wins.",
)
explore(
    play.draw,
    alt="A drawn shape with a grey square over a part of it; bars for the probability of each class, "
    "with nothing hidden and with the square.",
    number=(0, 40, 1),
    top=(0, 60, 2),
    left=(0, 60, 2),
    size=(4, 28, 2),
)

# %% [markdown]
# ## Photographs, and ten words
#
# All this was drawn. The course also holds a network that has learnt from photographs: a ResNet (lesson 21), trained on
# the small pictures of CIFAR-10. It has ten words. What does it say to a cat? And to a cup of coffee, for which it has no
# word? One window is a sample of one: move it by a pixel, up, down, left and right. And where does it look? *Your own two
# functions* tell.

# %% tags=["Q38"]
from skimage.transform import resize

resnet, words = zoo.load("cifar_resnet"), zoo.card("cifar_resnet").class_names
photos, windows = data.photos(), {"cat": (15, 115, 270), "rocket": (13, 210, 400), "coffee": (15, 115, 370)}


def view(name, right=0, down=0):
    """A square of a photo, moved by so many of its 32 pixels, as CIFAR-10 would show it."""
    top, left, length = windows[name]
    top, left = top + down * length // 32, left + right * length // 32
    square_of_it = photos[name][top : top + length, left : left + length]
    return resize(square_of_it, (32, 32), anti_aliasing=True).astype("float32")


moves, counts = (-1, 0, 1), {}
for name in windows:
    nine = np.stack([view(name, right, down) for right in moves for down in moves])
    counts[name] = pd.Series([words[each] for each in predictions(resnet, nine)]).value_counts()
    assert counts[name].iloc[0] > 5
pd.DataFrame(counts).T.fillna(0).astype(int)

# %% tags=["T303", "T306"]
views = np.stack([view(name) for name in windows])
answers = probabilities(resnet, views)
try:
    photo_maps = {"your saliency_map": saliency_map(resnet, views, answers.argmax(axis=1)), "your occlusion_map": []}
    for each, answer in zip(views, answers, strict=True):
        left_over = occlusion_map(lambda x: np.asarray(resnet(x)), each, answer.argmax(), size=8, stride=4)
        photo_maps["your occlusion_map"].append(np.maximum(answer.max() - np.array(left_over), 0))
    captions = [f"{words[row.argmax()]}, {row.max():.0%}" for row in answers]
    show(
        figures.maps(views, photo_maps, captions),
        alt="A cat, a rocket at night and a cup of coffee in 32 by 32 pixels, with the words cat, airplane and automobile, "
        "and two maps of each: bright specks by saliency, coarse patches by occlusion.",
    )
except NotImplementedError:
    print("First write saliency_map and occlusion_map, above.")

# %% [markdown]
# It must use one of its ten words: its softmax cannot say "none of these". All nine windows of the coffee get the same wrong
# word, as all nine of the cat get the right one; only the probability is lower. The maps have bright places in all three
# photos; none of them shows that there was no right word.
#
# ## All of it, on one network
#
# What are intermediate features looking for? No single method tells. Here are all of them, each with our network's answer
# in a number. (The last three make pictures: lesson 27.)

# %% tags=["T293", "Q38"]
from course_lib.explain.ascent import maximise
from course_lib.explain.fooling import fgsm
from course_lib.explain.inversion import invert

made = {
    "class image": maximise(model, [label], steps=20).images,
    "inversion": invert(model, "relu3", image[None], steps=20).images,
    "fooling": fgsm(model, image[None], epsilon=0.02),
}
six = strongest(model, "relu5", 6, known.images).indices
numbers = {
    "filters": (mean_smoothness(filters(model, "conv1")), "smoothness of the first layer"),
    "activations": (sparsity(maps["fc7"][star]), "zeros in fc7, for the star"),
    "strongest patches": (np.mean(known.labels[six] == label), "stars among the nine of unit 6 of relu5"),
    "neighbours": (neighbours.label_agreement(maps["fc7"], known.labels), "agree in class, by features"),
    "PCA": (purity["PCA of features"], "agree on the flat map"),
    "t-SNE": (purity["t-SNE of features"], "agree on the flat map"),
}
for name, method in METHODS.items():
    star_map = method(model, image[None], [label])
    numbers[name] = pointing.mass_inside(star_map, known.masks[star][None])[0], "of the map is on the star"
numbers["occlusion"] = occlusion(model, image, label, size=12, stride=4).probability.min(), "left at the worst place"
numbers |= {name: (probabilities(model, picture)[0, label], "probability of “star”") for name, picture in made.items()}
assert numbers["fooling"][0] < 0.5
pd.DataFrame(numbers, index=["number", "of what"]).T

# %% [markdown]
# Now the answer, for this network: *some of its first filters are edges between colours. Layer by layer it puts together
# what has the same form, whatever the colour and the ground. Its answer depends on the pixels of the object: hide more
# than three quarters of them and its probability falls to 0.37, hide only ground and it stays. And a small change can undo it: 0.02
# more or less in every number of the picture, five levels of 256, turns this star into something else.*
#
# | method | asks | needs | beware |
# |---|---|---|---|
# | filters | what does the first layer see? | weights | later layers cannot be read |
# | activations | who answers, who is dead? | pictures | many zeros are there before training |
# | strongest patches | what does a unit wait for? | many pictures | it answers to more than its favourites |
# | neighbours, flat maps | what is the same to it? | many pictures | gaps between islands mean nothing |
# | saliency and its kin | which pixels matter? | gradients | vivid pixels point well, without any network |
# | Grad-CAM | where do the last maps look? | gradients | coarse |
# | occlusion | what if this were gone? | many passes | the square itself is a shape |
#
# ## Think about it
#
# **A colleague shows you a map that lies exactly on the object. Which two questions do you ask?**
#
# <details><summary>Answer</summary>
#
# How well does a map do that knows nothing of the network, as the middle or the vivid pixels? And what does it look
# like when the weights are shuffled? If it stays the same, it tells of the picture, not of what the network learnt.
# </details>
#
# **A test set comes from the same photographs as the training set, and the network gets everything right. Can it still
# be looking at the snow?**
#
# <details><summary>Answer</summary>
#
# Yes: our biased network had the *better* score on such a test. Only pictures in which the cue and the object part company can
# tell: swapped grounds, or the object cut out and pasted elsewhere.
# </details>
#
# ## Further reading
#
# - M. Zeiler, R. Fergus, *Visualizing and understanding convolutional networks*, 2013, [arXiv 1311.2901](https://arxiv.org/abs/1311.2901): patches, deconvnet, occlusion.
# - K. Simonyan, A. Vedaldi, A. Zisserman, *Deep inside convolutional networks*, 2013, [arXiv 1312.6034](https://arxiv.org/abs/1312.6034): saliency, and objects cut out by it.
# - M. Ribeiro, S. Singh, C. Guestrin, *"Why should I trust you?"*, 2016, [arXiv 1602.04938](https://arxiv.org/abs/1602.04938): the wolves.
# - R. Selvaraju and others, *Grad-CAM*, 2017, [arXiv 1610.02391](https://arxiv.org/abs/1610.02391); M. Sundararajan, A. Taly, Q. Yan,
#   *Axiomatic attribution for deep networks*, 2017, [arXiv 1703.01365](https://arxiv.org/abs/1703.01365); D. Smilkov and others, *SmoothGrad*,
#   2017, [arXiv 1706.03825](https://arxiv.org/abs/1706.03825); J. Springenberg and others, *Striving for simplicity*, 2014 (guided
#   back-propagation), [arXiv 1412.6806](https://arxiv.org/abs/1412.6806).
# - J. Adebayo and others, *Sanity checks for saliency maps*, 2018, [arXiv 1810.03292](https://arxiv.org/abs/1810.03292).
# - L. van der Maaten, G. Hinton, [*Visualizing data using t-SNE*](https://www.jmlr.org/papers/v9/vandermaaten08a.html), 2008; M. Wattenberg and others,
#   *How to use t-SNE effectively*, 2016, [doi 10.23915/distill.00002](https://doi.org/10.23915/distill.00002).
