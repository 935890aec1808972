# ---
# jupyter:
#   course:
#     title: "Looking inside: what did the network learn to look at?"
#     summary: "Open one trained network with every method there is, and measure what each of them really tells: filters, units, neighbours, saliency, occlusion."
#     objectives:
#       - "read a network's filters and activations, and tell a healthy layer from a noisy or a dead one"
#       - "find out what a unit answers to, and what a layer treats as the same"
#       - "compute a saliency map and an occlusion map yourself, and compare six ways to make such maps"
#       - "test a map before you trust it: against masks, against baselines, against a network that knows nothing"
#       - "find out whether a network looks at the object or at what is around it"
#     needs: [11_conv_backprop, 13_first_cnn_lenet, 18_alexnet]
#     minutes: 100
#     data: [shapes, digits]
# ---

# %% [markdown]
# In 2016 Marco Ribeiro and others trained a classifier to tell wolves from huskies. It did well, and it was useless: in
# their photographs the wolves stood in snow, so it had learned to find *snow*. They had chosen the pictures on purpose,
# to see who would notice. Of 27 students 10 trusted it; once they were shown where it looked, 3 did.
#
# **What did the network learn to look at?** Here you open one trained network with every method there is. And because a
# pretty picture proves nothing, you will measure what each method is worth.

# %%
from collections import Counter
from functools import partial

import numpy as np
from keras import ops
from skimage.transform import resize
from sklearn.manifold import TSNE, trustworthiness
from threadpoolctl import threadpool_limits

from course_lessons.visualising_features import figures, neighbours, pointing, segmentation
from course_lessons.visualising_features.occlusion import occlusion
from course_lib import data, layers, optim, scale, zoo
from course_lib.architectures.alexnet import alexnet
from course_lib.architectures.blueprint import blueprint
from course_lib.exercises import check, hint, solution
from course_lib.explain.activations import activations, dead_units, filters, strongest
from course_lib.explain.activations import smoothness as smoothness_of_all
from course_lib.explain.ascent import maximise
from course_lib.explain.fooling import fgsm
from course_lib.explain.inversion import invert
from course_lib.explain.network import logits, predictions, probabilities
from course_lib.explain.saliency import METHODS, project, saliency
from course_lib.gradients import gradient_function, gradients
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## A network that is always right
#
# Our patient is a small ZFNet, five convolutions and three dense layers. Its pictures are painted: class, colour and
# ground independently of one another, so only the *form* tells the class, and we know which pixels belong to it. These
# it has never seen:

# %%
model = zoo.load("shapes_zfnet")
known = data.shapes(scale(laptop=360, gpu=1200), seed=3, size=64)
names = known.class_names
said = predictions(model, known.images)
print(f"{np.mean(said == known.labels):.1%} of {len(known)} new pictures right")
assert np.mean(said == known.labels) > 0.95
titles = [f"“{names[label]}”" for label in said[6:10]]
show(
    charts.gallery(known.images[6:10], titles),
    alt="Four coloured shapes on patterned grounds, each named rightly.",
)

# %% [markdown]
# ## What its weights look like
#
# A filter of the first layer is 7 × 7 × 3 numbers: a small colour picture. Below, those of the same network before it
# learned anything, and after. What do you expect?

# %% tags=["T296", "G52"]
card = zoo.card("shapes_zfnet")
fresh = zoo.build(card.builder, card.arguments)
first = {"fresh": filters(fresh, "conv1"), "trained": filters(model, "conv1")}


def smoothness(kernel):
    """Of neighbours v, w in a row or a column: 2 Σ v w / Σ (v² + w²)."""
    pairs = (kernel[1:], kernel[:-1]), (kernel[:, 1:], kernel[:, :-1])
    products = sum(2 * np.sum(v * w) for v, w in pairs)
    return products / sum(np.sum(v**2 + w**2) for v, w in pairs)


scores = [
    np.mean([smoothness(kernel) for kernel in kernels]) for kernels in first.values()
]
show(
    figures.filters_over_time(first, scores, "smoothness"),
    alt="Above, twelve fresh filters, coloured noise. Below, twelve trained ones: some are stripes and "
    "edges between opposite colours, others still noisy.",
)
assert scores[1] > scores[0] + 0.1

# %% [markdown]
# Fresh filters are noise. Some of the trained ones became stripes and edges between opposite colours, others kept much
# of their noise. Our eye sees that; the **smoothness index** says it in a number. Try it on kernels that you know:

# %% tags=["T296", "nbval-check-output"]
flat, board = np.ones((7, 7, 1)), (-1.0) ** np.indices((7, 7)).sum(axis=0)[..., None]
noise = np.random.default_rng(0).normal(size=(40, 7, 7, 1))
print("all the same:", smoothness(flat))
print("chequerboard:", smoothness(board))
print("noise, mean of 40:", round(np.mean([smoothness(each) for each in noise]), 2))

# %% [markdown]
# When does the noise go? For that we need trainings, so here is a network small enough to train many times, on pictures
# of 32 × 32. (`gradient_function` is what Keras does inside `fit`; see lesson 11.)


# %% tags=["T296"]
def stages(x, kernel_1, bias_1, kernel_2, bias_2, kernel_3, bias_3):
    """Two layers of maps, and the scores."""
    one = ops.relu(ops.conv(x - 0.5, kernel_1, strides=3) + bias_1)
    two = ops.relu(ops.conv(ops.max_pool(one, 2, strides=2), kernel_2) + bias_2)
    flat = ops.reshape(two, (-1, 96))
    return one, two, ops.matmul(flat, kernel_3) + bias_3


def loss(x, wanted, *weights):
    scores = stages(ops.stop_gradient(x), *weights)[2]  # pictures stay, weights learn
    return ops.mean(ops.categorical_crossentropy(wanted, scores, from_logits=True))


step = gradient_function(loss)


def fresh_weights(seed):
    rng, weights = np.random.default_rng(seed), []
    for shape in ((7, 7, 3, 12), (3, 3, 12, 24), (96, 6)):
        he = rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)
        weights += [he.astype("float32"), np.zeros(shape[-1], "float32")]
    return weights


# %% tags=["T296", "T297"]
def train(examples, seed, epochs, rate, decay=0.0):
    """Adam; kernels also shrink by rate * decay in each step. Returns the weights at every epoch."""
    network, optimizer = layers.Layer(), optim.Adam(rate)
    network.parameters = dict(enumerate(fresh_weights(seed)))
    rng, history = np.random.default_rng(seed), []
    for _ in range(epochs):
        history.append([weight.copy() for weight in network.parameters.values()])
        for batch in rng.permutation(len(examples)).reshape(-1, 40):
            wanted = np.eye(6, dtype="float32")[examples.labels[batch]]
            inputs = examples.images[batch], wanted, *network.parameters.values()
            _, (_, _, *slopes) = step(*inputs)
            network.gradients = dict(enumerate(slopes))
            optimizer.update(network)
            for kernel in list(network.parameters.values())[::2]:
                kernel *= 1 - rate * decay
    return [*history, list(network.parameters.values())]


def accuracy(weights, examples):
    scores = np.asarray(stages(examples.images, *weights)[2])
    return np.mean(scores.argmax(axis=1) == examples.labels)


# %% [markdown]
# Three seeds, ten epochs, without and with **weight decay**, which pulls every weight towards zero. What will it do to
# the noise?

# %% tags=["T296", "T297"]
small, new = data.shapes(scale(laptop=520, gpu=8000), seed=11), data.shapes(600, seed=12)
trained = {
    words: [train(small, seed, 10, rate=0.01, decay=decay) for seed in range(3)]
    for words, decay in (("no decay", 0.0), ("weight decay", 0.5))
}


def index_of(weights):
    return np.mean([smoothness(kernel) for kernel in np.moveaxis(weights[0], -1, 0)])


index = {
    words: np.transpose([[index_of(weights) for weights in run] for run in runs])
    for words, runs in trained.items()
}
show(
    charts.lines(index, range(11), "epoch", "smoothness index"),
    alt="Smoothness rises from zero with every epoch, and about twice as high with weight decay.",
)
for words, runs in trained.items():
    print(f"{words:13}", *(f"{accuracy(run[-1], new):.0%}" for run in runs), "right")
assert np.mean([accuracy(run[-1], new) for run in trained["no decay"]]) > 0.2
assert np.all(index["no decay"][10] > index["no decay"][0] + 0.1)
assert np.all(index["weight decay"][10] > index["no decay"][10] + 0.05)

# %% tags=["T296", "T297"]
moments = {f"epoch {epoch}": trained["no decay"][0][epoch][0] for epoch in (0, 1, 10)}
moments["10, with decay"] = trained["weight decay"][0][10][0]
rows = {words: np.moveaxis(kernel, -1, 0) for words, kernel in moments.items()}
scores = [
    np.mean([smoothness(kernel) for kernel in kernels]) for kernels in rows.values()
]
show(
    figures.filters_over_time(rows, scores, "smoothness"),
    alt="The same twelve filters at epochs 0, 1 and 10: noise, noise, patches under noise. With weight "
    "decay the noise is gone and smooth patches of colour remain.",
)

# %% [markdown]
# After one epoch nothing is to be seen yet. Then training alone smooths the filters slowly: the data push the weights
# *somewhere*, and only decay takes away what nobody needs. So noisy filters are a warning: **trained too little, or
# regularised too little.**
#
# And the second layer? Its filters have as many channels as the first layer has maps. Here are four of them, a column per channel:

# %% tags=["T298", "G52"]
second = filters(model, "conv2")
show(
    figures.filter_grid(second[:4]),
    alt="Four rows of sixteen little kernels of 5 by 5, red and blue: no pattern that an eye could read.",
)
print(
    "a filter of the second layer has", " × ".join(map(str, second.shape[1:])), "weights"
)

# %% [markdown]
# Nobody can read that: such a weight means *so much of what map 7 found*. From now on we look at what units **do**.
#
# ## What its layers answer

# %% tags=["T294", "G52"]
relus = ["relu1", "relu2", "relu3", "relu4", "relu5", "fc6", "fc7"]
maps = activations(model, known.images, relus)
star = int(np.flatnonzero(known.labels == names.index("star"))[0])
show(
    figures.activation_grid(
        known.images[star],
        {name: maps[name][star] for name in ("relu1", "relu5")},
        most=4,
    ),
    alt="A star, four maps of the first layer that still show its form, and four coarse maps "
    "of the fifth layer, some nearly black.",
)

# %% [markdown]
# Early maps still show the star, late ones are coarse. Activations are said to be dense at first and **sparse** later.
# Later in the layers, or later in training? Count the zeros both ways.

# %% tags=["T294"]
print("share of zeros", *(f"{name:>6}" for name in relus))
for words, net in {"fresh": fresh, "trained": model}.items():
    each = activations(net, known.images, relus).values()
    print(f"{words:14}", *(f"{np.mean(values == 0):6.2f}" for values in each))

# %% tags=["T294"]
sparse = {"layer 1": [], "layer 2": []}
for epoch in range(11):
    seen = [stages(new.images[:200], *run[epoch]) for run in trained["no decay"]]
    for place, words in enumerate(sparse):
        sparse[words].append([np.mean(np.asarray(each[place]) == 0) for each in seen])
show(
    charts.lines(sparse, range(11), "epoch", "share of zeros", percent=True),
    alt="Share of zeros against the epoch: from under one half to more than half within an epoch or two, in both "
    "layers of the small network.",
)
start, later = ([np.mean(runs[epoch]) for runs in sparse.values()] for epoch in (0, 2))
assert np.mean(later) > np.mean(start) + 0.03

# %% [markdown]
# A fresh ReLU layer is silent about half of the time, by symmetry. *In training* zeros become more in the first epochs,
# then a little fewer again. *From layer to layer* the rule holds only at the end: the dense layers are sparse, the five convolutions stay
# near one half, as batch normalisation puts their inputs back around zero.
#
# Zero now and then is a choice. Zero **always** is a dead unit: no gradient will wake it (lesson 07). Let us kill some: the
# same small network, with learning rates from 0.001 to 1.

# %% tags=["T295"]
rates = [0.001, 0.01, 0.03, 0.1, 1.0]
dead = {"layer 1": [], "layer 2": []}
for rate in rates:
    runs = [train(small[:400], seed, 3, rate)[-1] for seed in range(3)]
    seen = [[np.asarray(each) for each in stages(new.images, *run)] for run in runs]
    for place, words in enumerate(dead):
        dead[words].append([dead_units(each[place]).mean() for each in seen])
show(
    charts.lines(
        dead, rates, "learning rate", "share of dead filters", log="x", percent=True
    ),
    alt="At a rate of 0.001 no filter is dead. From 0.01 on more and more of the second layer are; "
    "from 0.1 nearly all. The first layer has none.",
)
assert np.min(dead["layer 2"][-1]) > 0.5 and np.max(dead["layer 2"][0]) < 0.2
silent = {name: int(dead_units(each).sum()) for name, each in maps.items()}
print("dead in the trained network:", silent)

# %% [markdown]
# With small steps none dies; with large ones a whole layer does, and with it all hope: once layer 2 is silent, layer 1
# gets no gradient either, and is *saved* by that. **Maps that are black for every picture point to a learning rate that was too high.**
#
# ## What a unit waits for
#
# Zeiler and Fergus asked each unit in 2013: of all pictures, which do you like best? Take the highest answer of a unit in
# layer 5, by hand:

# %% tags=["G51"]
unit = int(maps["relu5"].mean(axis=(0, 1, 2)).argmax())
answers = maps["relu5"][..., unit]
picture, row, column = np.unravel_index(answers.argmax(), answers.shape)
print(f"unit {unit} answers most to picture {picture}, a {names[known.labels[picture]]}")
found = strongest(model, "relu5", unit, known.images)
assert found.indices[0] == picture and tuple(found.places[0]) == (row, column)
print("what it sees there: from top, left to bottom, right", found.boxes[0])

# %% [markdown]
# The library also sends the answer back to the pixels that made it, through a *deconvnet*: backwards
# through the filters, each maximum to the place it came from. Three layers, a unit of each. What will they be after?

# %% tags=["G51", "gallery"]
sheet = {}
for layer in ("relu2", "relu3", "relu5"):
    for unit in np.argsort(-maps[layer].max(axis=(0, 1, 2)))[: scale(laptop=1, gpu=3)]:
        best = strongest(model, layer, unit, known.images, k=5)
        chosen = known.images[best.indices]
        back = project(model, chosen, layer, unit, rule="deconvnet", places=best.places)
        sheet[f"{layer}, {unit}"] = best, back
show(
    figures.strongest_sheet(known.images, sheet),
    alt="Three units, each with its five strongest patches and what made it answer: arcs, most of them red, in "
    "layer 2; upper edges of forms in layer 3; stars of all colours in layer 5, of which a few edges count.",
    colours=96,
)

# %% [markdown]
# In layer 2 arcs, and mostly red ones; in layer 3 the upper edge of a
# form; in layer 5 stars of any colour, of which only some
# *edges* count. Is that so for *all* units, or did we pick nice ones? For every unit take its nine strongest
# pictures: how many agree in class, in colour, in ground? That is the question of this lesson, as a measurement:

# %% tags=["Q38", "G51"]
kinds = {"class": known.labels, "colour": known.colours, "ground": known.grounds}
agree = {kind: [] for kind in kinds}
for name in relus:
    highest = maps[name].reshape(len(known), -1, maps[name].shape[-1]).max(axis=1)
    top = np.argsort(-highest, axis=0)[:9]  # a column for each unit
    for kind, values in kinds.items():
        most = [np.bincount(column).max() / 9 for column in values[top].T]
        agree[kind].append(np.mean(most))
print("agreement of nine", *(f"{name:>6}" for name in relus))
rng = np.random.default_rng(0)
for kind, values in kinds.items():
    luck = [np.bincount(rng.choice(values, 9)).max() / 9 for _ in range(1000)]
    print(
        f"{kind:17}",
        *(f"{share:6.2f}" for share in agree[kind]),
        f"  by luck {np.mean(luck):.2f}",
    )
assert (
    agree["colour"][0] > agree["class"][0]
    and agree["class"][4] > agree["colour"][4] + 0.2
)

# %% [markdown]
# So **the first layer looks
# for colour, the later ones for form, and none for the ground.** Nobody told them to; they were told the class, and
# colour did not help with that.
#
# ## What it treats as the same
#
# Are two pictures alike if their pixels are? Or if the features before the network's last layer are? Look for nearest
# neighbours in both spaces.

# %% tags=["T299", "G53", "F360"]
print("features before the last layer:", maps["fc7"].shape[1], "here,", end=" ")
print(blueprint(alexnet).layers[-1].input.shape[-1], "in AlexNet")
queries = [int(np.flatnonzero(known.labels == label)[1]) for label in (0, 4)]
spaces = {"pixels": known.images, "features": maps["fc7"]}
near = {
    space: neighbours.nearest(points, points[queries], k=4)[:, 1:]  # the first is itself
    for space, points in spaces.items()
}
show(
    figures.neighbour_panels(
        known.images[queries, ::2, ::2],
        known.images[:, ::2, ::2],
        near,
        known.labels[queries],
        known.labels,
        names,
    ),
    alt="Two queries. Nearest by pixels: the same colours, other shapes. Nearest by features: the same "
    "shape in all colours, sizes and places.",
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
# Do it for the pixels and every layer, on three sets of pictures. What do you expect for class, and what for colour?

# %% tags=["T299", "H26"]
stops = ["pixels", "pool1", "pool2", "relu3", "relu5", "fc7"]
shared = {"class": [], "colour": [], "ground": []}
for seed in (3, 4, 5):
    examples = data.shapes(scale(laptop=240, gpu=1200), seed=seed, size=64)
    spaces = {"pixels": examples.images} | activations(model, examples.images, stops[1:])
    near = [neighbours.nearest(x, x, k=6)[:, 1:] for x in spaces.values()]
    truths = examples.labels, examples.colours, examples.grounds
    for kind, values in zip(shared, truths, strict=True):
        shared[kind].append([np.mean(values[each] == values[:, None]) for each in near])
show(
    charts.lines(
        {kind: np.transpose(runs) for kind, runs in shared.items()},
        stops,
        "space",
        "agreement",
        levels={"guessing, class or colour": 1 / 6, "guessing, ground": 1 / 4},
        percent=True,
    ),
    alt="Neighbours by pixels share their colour, and the class only by luck. Layer by layer the class rises to "
    "nearly one and the colour falls to luck.",
)
assert (
    np.min(np.array(shared["class"])[:, -1])
    > 0.8
    > 0.4
    > np.max(np.array(shared["class"])[:, 0])
)

# %% [markdown]
# Neighbours in feature space do share a meaning, and the network did not only *learn* the class: it *forgot* colour.
#
# ## Flat maps
#
# To see 128 dimensions on paper we must throw 126 away. **PCA** keeps the two directions along which the points are spread most: three lines.


# %% tags=["T300"]
def pca(points):
    centred = points.reshape(len(points), -1) - points.reshape(len(points), -1).mean(
        axis=0
    )
    directions = np.linalg.svd(centred, full_matrices=False)[2]
    return centred @ directions[:2].T


def tsne(points):
    points = points.reshape(len(points), -1)
    with threadpool_limits(1):  # on so few points threads would wait for one another
        return TSNE(random_state=0, max_iter=500).fit_transform(points)


codes = {"pixels": known.images, "features": maps["fc7"]}
flat = {f"PCA of {space}": pca(points) for space, points in codes.items()}
flat |= {f"t-SNE of {space}": tsne(points) for space, points in codes.items()}

# %% [markdown]
# **t-SNE** does something else. It turns distances into the chance of being neighbours, and moves points about until the
# chances on paper are like those in space. Pixels and features, both ways:

# %% tags=["T300", "T301", "G54"]
show(
    figures.embeddings(
        {way: points[:150] for way, points in flat.items()}, known.labels[:150], names
    ),
    alt="PCA and t-SNE of pixels: all classes mixed. PCA and t-SNE of features: six groups, one for "
    "each class.",
)
for title, points in flat.items():
    purity = neighbours.label_agreement(points, known.labels)
    print(f"{title:18} neighbours with the same label: {purity:.0%}")
assert neighbours.label_agreement(flat["t-SNE of features"], known.labels) > 0.8

# %% [markdown]
# t-SNE invented no classes: from pixels, where there are none, it draws none. Now put the pictures themselves at their
# places, for the features of layer 5, which is not yet as sure:

# %% tags=["T302", "G54", "gallery"]
plain = np.where(known.masks[..., None], known.images, 0.9)  # without the ground
show(
    figures.picture_map(tsne(maps["relu5"])[:120], plain[:120, ::2, ::2]),
    alt="A map of small pictures: stars, triangles, squares, circles, rings and crosses, each in a region "
    "of their own, in all colours.",
)

# %% [markdown]
# You may have seen it said that t-SNE keeps the *distances* about equal. It cannot be right; here is a set where many distances matter, the
# digits of 8 × 8. Ask for two things. **Rank correlation**: is far still far? **Trustworthiness**: are neighbours on
# paper neighbours in space?

# %%
digits = data.digits(size=8).test[: scale(laptop=400, gpu=450)]
points = digits.images.reshape(len(digits), -1)
ways = {"PCA": pca(points), "t-SNE": tsne(points)}
kept = {}
for way, places in ways.items():
    kept[way] = (
        neighbours.rank_correlation(points, places),
        trustworthiness(points, places),
    )
    print(f"{way:6} distances {kept[way][0]:.2f}   neighbourhoods {kept[way][1]:.2f}")
assert kept["t-SNE"][0] < kept["PCA"][0] and kept["t-SNE"][1] > kept["PCA"][1] + 0.05

# %% [markdown]
# **t-SNE keeps neighbourhoods, not distances**; dull PCA keeps distances better. So never read the gap between two islands,
# or their size.
#
# ## Which pixels matter?
#
# Now one picture and one answer. Nudge a pixel a little: how much does the score of the class move? That slope,
# for every pixel, is what back-propagation gives us if we let it run all the way down to the picture. First by nudging:

# %% tags=["T303"]
image, label = known.images[star : star + 1], known.labels[star]
network = logits(model)  # without its softmax


def score(x):
    return network(x)[:, label]


(slopes,) = gradients(score, image)
at = (0, *np.unravel_index(np.abs(slopes).argmax(), slopes.shape)[1:])
nudged = np.repeat(image, 2, axis=0)
nudged[(0, *at[1:])] += 0.002
nudged[(1, *at[1:])] -= 0.002
up, down = np.asarray(score(nudged))
print(f"row {at[1]}, column {at[2]}, {'red green blue'.split()[at[3]]}")
print(f"by nudging {(up - down) / 0.004:7.3f}, by back-propagation {slopes[at]:7.3f}")

# %% [markdown]
# A **saliency map** is the absolute slope, and of the three colours the largest:
# $$M_{ij} = \max_c \left| \frac{\partial S_y}{\partial I_{ijc}} \right|$$
#
# with $S_y$ the *logit* of class $y$. **Exercise 2.** Write it for a batch. `logits(model)` takes the softmax off, and
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

# %% tags=["T303"]
shown = [int(np.flatnonzero(known.labels == label)[0]) for label in (1,)]
by_hand = np.abs(slopes).max(axis=-1)
by_library = saliency(model, known.images[shown], known.labels[shown])
assert np.allclose(by_hand, saliency(model, image, [label]), rtol=1e-3, atol=1e-5)
show(
    figures.maps(known.images[shown], {"saliency": by_library}),
    alt="A square and its saliency map: specks, densest on and around the object.",
)

# %% [markdown]
# Specks, more of them near the object. There are other ways:
#
# - **SmoothGrad**: the mean slope over noisy copies of the picture;
# - **integrated gradients**: the mean slope on the way from black to the picture, times the picture;
# - **Grad-CAM**: late maps, each weighted by its mean slope: coarse, but what the layers decided on;
# - **guided back-propagation** and the **deconvnet**: slopes that may pass a ReLU only where they are positive.

# %% tags=["T303", "picture", "gallery"]
methods = METHODS | {
    "SmoothGrad": partial(METHODS["SmoothGrad"], samples=5),
    "integrated gradients": partial(METHODS["integrated gradients"], steps=8),
}
some = known[: scale(laptop=100, gpu=500)]
heat = {name: method(model, some.images, some.labels) for name, method in methods.items()}
smooth = some.grounds == 3  # clouds
two = [int(np.flatnonzero(smooth & (some.labels == label))[0]) for label in (1, 4)]
show(
    figures.maps(
        some.images[two],
        {name: each[two] for name, each in heat.items()},
        [names[label] for label in some.labels[two]],
        some.masks[two],
    ),
    alt="Two pictures and their maps by six methods, the object outlined. Integrated gradients and guided "
    "back-propagation draw the object; Grad-CAM a coarse blob; the others specks.",
    colours=128,
)

# %% [markdown]
# Which would you trust? We have masks, so let us count.
#
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
# Three baselines know nothing of the network: noise; a blob in the middle; and the *vividness* of each pixel, its largest
# colour minus its smallest. And one more network: ours, with every layer's weights shuffled.

# %% tags=["T303", "H27"]
shuffled = pointing.randomised(model, len(pointing.weighted_layers(model)))
ignorant = {
    name: method(shuffled, some.images, some.labels) for name, method in methods.items()
}
baselines = {
    "noise": pointing.random_maps(some.masks.shape),
    "middle": pointing.centre_maps(some.masks.shape),
    "vividness": some.images.max(axis=-1) - some.images.min(axis=-1),
}


def points_at(maps):
    inside, highest = (
        f(maps, some.masks) for f in (pointing.mass_inside, pointing.highest_inside)
    )
    return np.mean(inside), np.mean(highest)


print(f"{'':25} mass inside  highest inside    the same, weights shuffled")
for name in methods:
    numbers = *points_at(heat[name]), *points_at(ignorant[name])
    print(
        f"{name:25} {numbers[0]:8.0%} {numbers[1]:13.0%} {numbers[2]:19.0%} {numbers[3]:10.0%}"
    )
for name, each in baselines.items():
    print("{:25} {:8.0%} {:13.0%}".format(name, *points_at(each)))

# %% tags=["T303", "H27", "gallery"]
measures = "share of the map's mass inside", "highest point inside"
table = {name: points_at(each) for name, each in heat.items()}
luck = {name: points_at(each) for name, each in baselines.items()}
show(
    figures.pointing_bars(
        {
            what: {name: row[i] for name, row in table.items()}
            for i, what in enumerate(measures)
        },
        {
            what: {name: row[i] for name, row in luck.items()}
            for i, what in enumerate(measures)
        },
    ),
    alt="All six methods beat noise and the middle; only integrated gradients beat vividness in mass, "
    "and none in the highest point.",
    colours=32,
)
assert all(table[name][0] > luck["noise"][0] + 0.05 for name in table)

# %% [markdown]
# All methods beat noise: the network does look at the object. But the winner, integrated gradients, multiplies by the
# picture, and our objects are the only vivid things in it. Vividness alone, *without any network*, points better than
# all the others. And with **nothing left of what was learned** all but Grad-CAM still point at the object more often than
# noise does: edges are edges.
#
# So pointing well is no proof. The **sanity check** of Adebayo and others, 2018, asks what a map *owes to the weights*:
# shuffle the layers, one after the other from the last on. A map that tells of the network must change.

# %% tags=["T303"]
counts, cascade = (0, 1, 3, 8, 13), {}
few = some[:12]
copies = [pointing.randomised(model, count) for count in counts]
for name in ("saliency", "Grad-CAM", "guided back-propagation"):
    after = [methods[name](copy, few.images, few.labels) for copy in copies]
    cascade[name] = [np.mean(pointing.similarity(after[0], each)) for each in after]
show(
    charts.lines(cascade, counts, "layers shuffled, from the last on", "similarity"),
    alt="Grad-CAM loses its map when one layer is shuffled. Saliency falls slowly; guided "
    "back-propagation stays much the same until most layers are shuffled.",
)
assert cascade["Grad-CAM"][2] < cascade["guided back-propagation"][2] - 0.2

# %% [markdown]
# Grad-CAM fails at once, as it should. Guided back-propagation, the prettiest, hardly cares which network it looks
# into: it is mostly a detector of edges. **Looking right and being right are two things.**
#
# ## The object, or the ground?
#
# Now the wolf in the snow. *How do we know that the network uses the object and not the ground?* Train the small network on stars
# and rings: once on grounds of all kinds, once with every star on clouds and every ring on stripes. Then swap.


# %% tags=["T304", "Q39"]
def stars_and_rings(number, seed, grounds):
    """grounds: "all kinds", "one each", or "swapped"."""
    stars = data.shapes(number, seed, size=16).labels == names.index("star")
    chosen = {
        "all kinds": None,
        "one each": np.where(stars, "clouds", "stripes"),
        "swapped": np.where(stars, "stripes", "clouds"),
    }[grounds]
    examples = data.shapes(number, seed, grounds=chosen)
    return examples[examples.labels >= names.index("star")]  # the last two of six


# %% tags=["T304", "Q39"]
lessons = {"taught on all grounds": "all kinds", "taught on one ground each": "one each"}
tests = {
    kind: stars_and_rings(600, 40, kind) for kind in ("all kinds", "one each", "swapped")
}
taught, marks = {}, {}
for words, kind in lessons.items():
    taught[words] = [
        train(
            stars_and_rings(scale(laptop=1920, gpu=9600), 20 + seed, kind),
            seed,
            5,
            rate=0.01,
        )[-1]
        for seed in range(3)
    ]
    marks[words] = {
        test: [accuracy(weights, examples) for weights in taught[words]]
        for test, examples in tests.items()
    }
rows = {test: {words: scores[test] for words, scores in marks.items()} for test in tests}
show(
    charts.dots(
        {"grounds of the test pictures": rows},
        "right answers",
        guessing=0.5,
        percent=True,
    ),
    alt="The network taught on all grounds does about as well on every test. The one taught on one ground each is "
    "perfect on such pictures, guesses on mixed grounds, and is nearly always wrong when they are swapped.",
)
biased = marks["taught on one ground each"]
assert np.min(biased["one each"]) > 0.9 and np.max(biased["swapped"]) < 0.3

# %% [markdown]
# Look at the middle row alone: the network that learned the *wrong thing* has the **better** score, as long as the
# test has the same bias. Would a map have told us? Slope times pixel (measured from grey), for one seed each:


# %% tags=["T304", "Q39"]
def contribution(weights, examples):
    """|Σ over colours of slope · (pixel - 0.5)|, of the label's score."""
    wanted = np.eye(6, dtype="float32")[examples.labels]
    (slopes,) = gradients(
        lambda x: ops.sum(stages(x, *weights)[2] * wanted), examples.images
    )
    return np.abs((slopes * (examples.images - 0.5)).sum(axis=-1))


judged = tests["one each"][:100]
print(
    f"the object takes {judged.masks.mean():.0%} of the picture; mass of the map inside it:"
)
inside, panels = {}, {}
for words, networks in taught.items():
    found = [contribution(weights, judged) for weights in networks]
    inside[words] = [pointing.mass_inside(each, judged.masks).mean() for each in found]
    panels[words] = found[0][2:3]
    print(f"{words:26}", *(f"{share:.0%}" for share in inside[words]))
show(
    figures.maps(judged.images[2:3], panels, masks=judged.masks[2:3]),
    alt="A ring on stripes. The map of the network taught on all grounds is bright on the ring; that of "
    "the other one on the stripes as well.",
)
assert min(inside["taught on all grounds"]) > max(inside["taught on one ground each"])

# %% [markdown]
# Yes: only the second one's map lies in good part on the ground. (Not all of it: vivid pixels push whatever filter they meet.) *Comparing
# two networks by one method* is what such maps are good for: the picture, and all it adds, is the same for both.
#
# ## Cutting the object out
#
# If a map finds the object, it can cut it out, with no mask ever shown. The most salient pixels are **seeds** of the object, the
# least salient of the ground; every other pixel sends out a random walker that avoids edges, and joins the seed it
# meets first. (GrabCut does it with a graph cut; the seeds are what matters.) A good result covers the mask: **intersection over union**.

# %% tags=["T305", "G55", "H27"]
scenes = some[:20]
overlap = {}
for name in ("saliency", "integrated gradients", "middle", "vividness"):
    seen = (heat | baselines)[name][:20]
    seeds = segmentation.seeds(seen)
    cut = segmentation.segment(scenes.images, seeds)
    overlap[name] = segmentation.intersection_over_union(cut, scenes.masks)
    print(f"{name:21} IoU {overlap[name].mean():.2f}")
    if name == "integrated gradients":
        two = slice(1, 2)
        figure = figures.segments(
            scenes.images[two],
            seen[two],
            seeds[two],
            cut[two],
            scenes.masks[two],
            overlap[name][two],
        )
show(
    figure,
    alt="A picture with its map, seeds of object and ground, the shape that was cut out, and the "
    "true mask; most of the shape is found.",
)
assert overlap["integrated gradients"].mean() > 0.5

# %% [markdown]
# Objects cut out without one mask to learn from. Yet seeds from plain saliency are no better than a blob in the middle:
# edges in the picture did the work. Always put a baseline beside such a number.
#
# ## Hide it, and see
#
# Slopes tell what *tiny* changes would do. Make a large one: put a grey square over a part and ask again. For every place of the
# square, the probability of the true class:

# %% tags=["T306"]
size, stride = 12, 4
places = range(0, 64 - size + 1, stride)
probability = np.zeros((len(places), len(places)))
for row, top in enumerate(places):
    hidden = np.repeat(image, len(places), axis=0)  # a row of places at once
    for column, left in enumerate(places):
        hidden[column, top : top + size, left : left + size] = 0.5
    probability[row] = probabilities(model, hidden)[:, label]
print(f"nothing hidden: {probabilities(model, image)[0, label]:.2f}")
print(f"at the worst place: {probability.min():.2f}", end="; ")
print(f"still above 1/2 at {np.mean(probability > 0.5):.0%} of the places")

# %% [markdown]
# **Exercise 4.** Make it a function for any picture and any network. `predict` takes a batch of pictures and gives their
# probabilities.


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
# The library asks for many places at once, and says which class wins when ours loses:

# %% tags=["T306", "G56", "gallery"]
same = occlusion(model, known.images[star], int(label), size=size, stride=stride)
assert np.allclose(same.probability, probability, atol=1e-4)
square = shown[0]
tried = occlusion(
    model, known.images[square], int(known.labels[square]), size=12, stride=3
)
show(
    figures.occlusion_panels(known.images[square], tried, names),
    alt="A square; its probability falls where its middle or an edge is hidden, and cross or triangle win there.",
)

# %% [markdown]
# This map needs no gradient and no faith: it *is* an experiment. And it surprises: hide a part of a
# square, and the network sees a cross or a triangle; the star bears the grey nearly everywhere. Does hiding the object lower the probability, then, and hiding the ground not? Take a larger
# square, and measure how much of the object it covers.

# %% tags=["H28", "T306"]
edges = [0, 0.25, 0.5, 0.75, 1.0]
by_share, drops = np.zeros((len(edges), 3)), {"large": [], "small": []}
for run in range(3):
    seen = [[] for _ in edges]
    for which in range(8 * run, 8 * run + 8):
        tried = occlusion(
            model, some.images[which], int(some.labels[which]), size=24, stride=7
        )
        drops["large"].append(tried.drop)
        for top, values in zip(tried.tops, tried.probability, strict=True):
            for left, value in zip(tried.lefts, values, strict=True):
                covered = some.masks[which, top : top + 24, left : left + 24].sum()
                seen[np.searchsorted(edges, covered / some.masks[which].sum())].append(
                    value
                )
    by_share[:, run] = [np.mean(each) for each in seen]

# %% tags=["H28", "T306"]
words = ["none", "up to 1/4", "up to 1/2", "up to 3/4", "more"]
show(
    charts.lines(
        {"mean over 8 pictures": by_share},
        words,
        "share of the object that is hidden",
        "its probability",
    ),
    alt="With nothing of the object hidden the probability stays at one. The more is hidden, the lower "
    "it falls.",
)
assert by_share[0].min() > 0.9 and by_share[3].mean() < by_share[0].mean() - 0.2

# %% [markdown]
# Hiding ground does nothing; hiding the object takes the probability down step by step. As a *map*, how well does the drop
# fit the mask? For eight pictures, with the large square and with the smaller one of before:

# %% tags=["H28", "T306"]
few = some[:8]
for image, label in zip(few.images, few.labels, strict=True):
    drops["small"].append(occlusion(model, image, int(label), size=12, stride=6).drop)
tested = {f"{words} square": np.array(each[:8]) for words, each in drops.items()}
tested |= {name: each[:8] for name, each in baselines.items()}
for name, each in tested.items():
    inside = pointing.mass_inside(each, few.masks).mean()
    print(f"{name:13} {inside:.0%} of the mass inside")
assert pointing.mass_inside(tested["small square"], few.masks).mean() > 0.4

# %% [markdown]
# A large square blurs the map, a small one makes it sharp, but may hide too little. Now you: where does a small square hurt most, in the middle of a shape or at its corners?

# %% tags=["T306", "G56", "widget"]
play = figures.Hide(partial(probabilities, model), some.images, names)
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
# ## A photograph, and ten words
#
# All this was drawn. The course also holds a network that has learnt from photographs: a ResNet (lesson 21), trained
# on the small pictures of CIFAR-10. It has ten words. *What does it say to a cat? And to a cup of coffee, for which it
# has no word?*

# %% tags=["Q38", "T303", "T306", "gallery"]
resnet, card = zoo.load("cifar_resnet"), zoo.card("cifar_resnet")
print(f"{card.test_accuracy:.1%} of {card.test_images:,} test pictures right.", end=" ")
print("Its words:", *card.class_names)
photos, side = data.photos(), 32
places = {"cat": (15, 115, 270), "rocket": (13, 210, 400), "coffee": (15, 115, 370)}


def view(name, right=0, down=0):
    """A square of a photo, moved by so many of its 32 pixels, as CIFAR-10 would show it."""
    top, left, length = places[name]
    top, left = top + down * length // side, left + right * length // side
    square = photos[name][top : top + length, left : left + length]
    return resize(square, (side, side), anti_aliasing=True).astype("float32")


views = np.stack([view(name) for name in places])
answers = probabilities(resnet, views)
photo_maps = {name: METHODS[name](resnet, views) for name in ("saliency", "Grad-CAM")}
photo_maps["occlusion"] = np.stack([occlusion(resnet, each).drop for each in views])
words = [f"{card.class_names[row.argmax()]}, {row.max():.0%}" for row in answers]
show(
    figures.maps(views, photo_maps, words),
    alt="A cat, a rocket and a cup of coffee in 32 by 32 pixels, what the network takes "
    "them for, and where it looks.",
)

# %% [markdown]
# One window is a sample of one. Move it by a pixel, up, down, left and right:

# %% tags=["Q38"]
for name in places:
    steps = (-1, 0, 1)
    nine = np.stack([view(name, right, down) for right in steps for down in steps])
    said = Counter(card.class_names[k] for k in predictions(resnet, nine))
    print(f"{name:7}", *(f"{word} {times}" for word, times in said.most_common()))
    assert said.most_common(1)[0][1] > 5

# %% [markdown]
# It has ten words and must use one of them: no softmax can say "none of these". And its mistakes are no accident of one
# window. It sticks to a wrong word as it sticks to the right one. The maps show *where* the answer comes from, in all
# three photos alike; none of them shows that there was nothing to answer.

# %% [markdown]
# ## All of it, on one network
#
# What are intermediate features looking for? No single method tells; here are all of them, each with this network's answer
# in a number. You may have seen such a list with *fine-grained recognition* in it. It cannot belong there: it is a task for a network, not a
# function of one and of pictures, as all these calls are. *Fooling* is. (The last three make pictures: lesson 27.)

# %% tags=["T293", "Q38"]
one = known[star : star + 1]
best = strongest(model, "relu5", 6, known.images).indices
images = {
    "class image": maximise(model, [int(one.labels[0])], steps=20).images,
    "inversion": invert(model, "relu3", one.images, steps=20).images,
    "fooling": fgsm(model, one.images, epsilon=0.1),
}
# %% tags=["T293", "Q38"]
answers = {
    "filters": (
        "smoothness of layer 1",
        smoothness_of_all(filters(model, "conv1")).mean(),
    ),
    "activations": ("zeros in fc7", np.mean(activations(model, one.images)["fc7"] == 0)),
    "strongest patches": (
        "stars, of 9, for unit 6 of relu5",
        np.mean(known.labels[best] == 4),
    ),
    "nearest neighbours": ("agree, by features", np.mean(shared["class"], axis=0)[-1]),
    "PCA": (
        "agree on the flat map",
        neighbours.label_agreement(flat["PCA of features"], known.labels),
    ),
    "t-SNE": (
        "agree on the flat map",
        neighbours.label_agreement(flat["t-SNE of features"], known.labels),
    ),
}
for name, method in methods.items():
    answers[name] = (
        "of the map is on the star",
        pointing.mass_inside(method(model, one.images), one.masks)[0],
    )
answers["occlusion"] = (
    "left at the worst place",
    occlusion(model, one.images[0], stride=4).probability.min(),
)
for name, made in images.items():
    answers[name] = "probability of “star”", probabilities(model, made)[0, 4]
for name, (what, number) in answers.items():
    print(f"{name:25} {number:5.2f}  {what}")

# %% [markdown]
# Read it from top to bottom and you have the answer: *it looks for coloured edges first, then for corners and arcs, then
# for forms, and forgets colour and ground on the way; a few corners decide, and a change that hardly shows overturns them.*
#
# | method | asks | needs | beware |
# |---|---|---|---|
# | filters | what does the first layer see? | weights | later layers cannot be read |
# | activations | who answers, who is dead? | pictures | half of the zeros are there before training |
# | strongest patches | what does a unit wait for? | many pictures | it answers to more than its favourites |
# | neighbours, flat maps | what is the same to it? | many pictures | gaps between islands mean nothing |
# | saliency and its kin | which pixels matter? | gradients | edges and vivid colours look right without any network |
# | Grad-CAM | where do the last maps look? | gradients | coarse |
# | occlusion | what if this were gone? | many passes | the square itself is a shape |
#
# ## Think about it
#
# **A colleague shows you a map that lies exactly on the object. Which two questions do you ask?**
#
# <details><summary>Answer</summary>
#
# How well does a map do that knows nothing of the network: the middle, the edges, the vivid pixels? And what does it look
# like when the weights are shuffled? If it is the same, it tells of the picture, not of the network.
# </details>
#
# **A test set comes from the same photographs as the training set, and the network gets everything right. Can it still
# be looking at the snow?**
#
# <details><summary>Answer</summary>
#
# Yes: our biased network had the *better* score on such a test. Only pictures in which the cue and the object part
# company can tell: swapped grounds, or the object cut out and pasted elsewhere.
# </details>
#
# ## Further reading
#
# - L. van der Maaten and G. Hinton, *Visualizing data using t-SNE*, 2008.
# - M. Zeiler and R. Fergus, *Visualizing and understanding convolutional networks*, 2013: patches, deconvnet, occlusion.
# - K. Simonyan, A. Vedaldi and A. Zisserman, *Deep inside convolutional networks*, 2013: saliency, and objects cut out by it.
# - M. Ribeiro, S. Singh and C. Guestrin, *"Why should I trust you?" Explaining the predictions of any classifier*, 2016.
# - R. Selvaraju and others, *Grad-CAM*, 2017; M. Sundararajan, A. Taly and Q. Yan, *Axiomatic attribution for deep
#   networks*, 2017; D. Smilkov and others, *SmoothGrad*, 2017.
# - J. Adebayo and others, *Sanity checks for saliency maps*, 2018.
