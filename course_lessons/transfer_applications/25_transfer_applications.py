# ---
# jupyter:
#   course:
#     title: "Transfer: what else does a network know?"
#     summary: "Borrow a trained network for digits, boxes, masks and captions: from which layer, and against what?"
#     objectives:
#       - "read off what a layer knows with a linear probe, beside pixels and a random twin"
#       - "freeze, cut, put on a new head and thaw a network, and say when that pays"
#       - "build a detector on a grid, and score boxes by overlap, suppression and average precision"
#       - "paint masks with transposed convolutions, and score them class by class"
#       - "let a recurrent network write captions, and say from the layer what it cannot know"
#     needs: [08_hand_made_features, 11_conv_backprop, 13_first_cnn_lenet, 15_batchnorm, 21_resnet]
#     minutes: 100
#     data: [shapes, mnist_5k, faces, photos]
# ---

# %% [markdown]
# A small network of the course, `shapes_zfnet`, has seen 12,000 drawn pictures. It was taught one thing: is this a
# circle, a square, a triangle, a cross, a star or a ring? Nobody ever told it *red*, *stripes* or *top left*.
#
# **A network was taught the names of six shapes, nothing else. What else does it know, and what has it forgotten?** If
# it knows more, we need not begin from nothing. To use for one task what was learnt for another is **transfer
# learning**. This lesson borrows layers for digits, faces, boxes, masks and sentences. Each time it asks: from which
# layer, and against what?

# %%
import time

import keras
import numpy as np
import pandas as pd
from keras import layers, ops
from skimage import feature, transform
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.svm import LinearSVC

from course_lessons.transfer_applications import detection, figures, writing
from course_lessons.transfer_applications.geometry import overlaps
from course_lib import data, zoo
from course_lib.architectures.resnet import resnet9
from course_lib.evidence import at_best_rate, compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.plots import charts, show

shapes_net = zoo.load("shapes_zfnet")
seen, unseen = data.shapes(600, seed=31, size=64), data.shapes(400, seed=32, size=64)
texts = [text.replace(" on", "\non") for text in writing.captions(seen[:4])]
show(
    charts.gallery(seen.images[:4], texts, columns=4, size=2),
    alt="Four coloured shapes on textured grounds, each with a caption: colour, shape, ground and place.",
)

# %% [markdown]
# ## Ask it
#
# How do you ask a network something that it has no answer for? Cut it at a layer. Freeze what is left: its weights do
# not move. Put a linear classifier on top and let only that learn. Such a classifier is a **linear probe**.
#
# If it reads the colour, the colour is there. If it fails, we know less: in lesson 02's XOR all is there, and no line
# reads it. And it needs a ruler, a *random twin*: the same layers with fresh random weights. What that has, nobody
# taught.
#
# Our probe is least squares with weight decay (`RidgeClassifier`, lesson 08). Of each map it sees four means, one for
# each quarter. We ask for class, colour and ground. *What do you expect of a layer early, in the middle, late?*

# %% tags=["T283", "T292"]
def answers(network, layer, images):
    """What a layer answers; of maps the means over four quarters."""
    body = keras.Model(network.input, network.get_layer(layer).output)
    found = np.array(body(images, training=False))
    if found.ndim == 4:
        rows = [half.mean(axis=1) for half in np.array_split(found, 2, axis=1)]
        found = np.concatenate([half.mean(axis=1) for row in rows for half in np.array_split(row, 2, axis=1)], axis=1)
    return found


def probe(known, new, known_labels, new_labels):
    """The share of new examples that a line reads right."""
    mean, spread = known.mean(axis=0), known.std(axis=0) + 1e-6
    reader = RidgeClassifier(alpha=100).fit((known - mean) / spread, known_labels)
    return reader.score((new - mean) / spread, new_labels)


questions = {name: [getattr(part, name) for part in (seen, unseen)] for name in ("labels", "colours", "grounds")}
read = {}
for layer in ("pool1", "relu3", "pool5", "fc7"):
    features = [answers(shapes_net, layer, part.images) for part in (seen, unseen)]
    read[layer] = {name: probe(*features, *labels) for name, labels in questions.items()}
assert read["fc7"]["labels"] > 0.95 and read["pool1"]["colours"] > 0.9 and read["fc7"]["colours"] < 0.5
pd.DataFrame(read).T.round(2)

# %% [markdown]
# The later the layer, the better a line reads the class, and the worse the colour. Once more, with five draws of
# pictures and five random twins: 1,000 pictures to learn from, 500 to choose the decay, 1,000 to test. Ask for the
# place, too: in which quarter is the middle of the shape?

# %% tags=["T283", "T292", "H25", "picture"]
rows = evidence("probes")
depths = [layer for layer in dict.fromkeys(rows.layer) if layer != "pixels"]
runs = rows.pivot(index=["kind", "question", "layer"], columns="seed", values="right")
curves = {
    title: {question: runs.loc[kind, question].loc[depths] for question in dict.fromkeys(rows.question)}
    for kind, title in {"taught": "taught the class", "random": "random twin"}.items()
}
show(
    charts.lines(curves, depths, "layer", "read right by a line", percent=True),
    alt="Two panels, layers from pool1 to fc7. Taught the class: class climbs from 43 % to 100 %, colour falls from 99 % to "
    "29 %, ground from 75 % to 26 %, place from 93 % to 84 %. Random twin: colour stays about 90 %, class below 35 %, "
    "ground falls from 79 % to 56 %.",
)
last = rows[(rows.layer == "fc7") & (rows.question == "colour")]
known = rows[(rows.kind == "taught") & (rows.question == "colour")]
lost = pd.concat(
    {
        "at fc7: taught, against its random twin": compare(last, "kind", "right", against="random").loc["taught"],
        "taught: at fc7, against pool1": compare(known, "layer", "right", against="pool1").loc["fc7"],
    },
    axis=1,
).T.rename_axis("colour")
assert (lost["high"] < 0).all()
lost[["mean", "difference", "low", "high"]].map("{:.1%}".format)

# %% [markdown]
# **A line reads the colour less well from fc7 than from pool1**, and **less well than from fc7 of a random twin**. So
# depth alone did not lose it: training did. Or is colour only harder to keep?
#
# Ask for the colour instead. Keep the maps of `pool2`, where a line still reads both. On top of them train the same
# fresh layers, from the same start, once to tell the class and once the colour.

# %% tags=["T283", "nbval-check-output"]
rows = evidence("mirror")
class_left, colour_left = (rows[rows.question == question] for question in ("class", "colour"))
assert compare(class_left, "taught", "right", against="class").loc["colour", "high"] < 0
assert compare(colour_left, "taught", "right", against="colour").loc["class", "high"] < 0
assert compare(class_left, "taught", "right", against="nothing").loc["colour", "high"] < 0
assert compare(colour_left, "taught", "right", against="nothing").loc["class", "high"] < 0
table = rows.pivot_table(index="taught", columns="question", values="right", sort=False)
table.rename(index="taught {}".format, columns="{} read from the last layer".format).map("{:.0%}".format)

# %% [markdown]
# **Taught the class, the layers lose the colour; taught the colour, they lose the class**, and both fall below layers
# that were taught nothing. Not all that is not asked for is lost: the place is still read right by 84 % at fc7. The
# usual words are: early layers are *generic*, late ones *specific*.
#
# ## The myth
#
# "Deep networks need a lot of data." Take 100 digits of MNIST, ten of each. And take a stranger, the *photo net*:
# `cifar_resnet` has learnt 50,000 photographs of planes, cats and trucks, and no digit. Read its layers by a line, as
# DeCAF did in 2013, and Razavian and others in 2014 with features "off the shelf".

# %% tags=["T278", "T279"]
mnist = data.mnist_5k()
few = np.concatenate([np.flatnonzero(mnist.train.labels == digit)[:10] for digit in range(10)])
photo_net = zoo.load("cifar_resnet")


def in_colour(images):
    """Grey 28 x 28 as this network wants it: 32 x 32, three equal colours."""
    return np.repeat(np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0))), 3, axis=-1)


few_digits, new_digits = mnist.train[few], mnist.test[:500]
pixels = [part.images.reshape(len(part), -1) for part in (few_digits, new_digits)]
read = {"pixels": probe(*pixels, few_digits.labels, new_digits.labels)}
for layer in ("conv2_pool", "conv3_pool", "conv4_pool", "max_pool"):
    features = [answers(photo_net, layer, in_colour(part.images)) for part in (few_digits, new_digits)]
    read[layer] = probe(*features, few_digits.labels, new_digits.labels)
assert read["conv3_pool"] > max(read["pixels"], read["max_pool"]) + 0.05
pd.DataFrame(read, index=["100 labels, read right"]).map("{:.0%}".format)

# %% [markdown]
# Here its middle is of more use than its top. Now the race, on the same labelled digits: LeNet-5 (lesson 13) from
# scratch; LeNet-5 begun from `digits_lenet`, which had learnt 1,347 *other* digits of 8 × 8 dots; the photo net's best
# layer, and its random twin's; the pixels. Five draws. Rates, layers and decays are chosen on 500 validation digits.

# %% tags=["T278", "T279", "T280", "H25"]
shelf, thaw, sizes = evidence("shelf"), evidence("thaw"), (100, 600)
near = at_best_rate(thaw[thaw.world == "near"], ["labels", "way"], "validation_error")
best = shelf.groupby(["labels", "kind", "layer"]).validation_error.mean().groupby(["labels", "kind"]).idxmin()
chosen = shelf[[place in set(best) for place in shelf[["labels", "kind", "layer"]].itertuples(index=False, name=None)]]
starts = {
    "pixels, a line": chosen[chosen.kind == "pixels"],
    "LeNet-5 from scratch": near[near.way == "scratch"],
    "from digits, all layers": near[near.way == "all"],
    "random twin of photo net, a line": chosen[chosen.kind == "random"],
    "photo net, a line": chosen[chosen.kind == "taught"],
}
curves = {name: of_it.pivot(index="labels", columns="seed", values="test_error") for name, of_it in starts.items()}
show(
    charts.lines(curves, sizes, "labelled digits", "test error", log="x", percent=True),
    alt="Test error with 100 and with 600 labelled digits, five runs each. Pixels 29 % and 20 %; LeNet-5 from scratch "
    "17 % and 7 %, from digits 15 % and 7 %; random twin 14 % and 7 %; photo net, lowest, 10 % and 5 %.",
)
race = pd.concat([of_it.assign(side=name) for name, of_it in starts.items()])
leads = {}
for size in sizes:
    of_size = race[race.labels == size]
    leads[f"{size:,}"] = compare(of_size, "side", "test_error", against="LeNet-5 from scratch")
    against_photos = compare(of_size, "side", "test_error", against="photo net, a line")
    assert (against_photos.drop("photo net, a line")["low"] > 0).all()
pd.concat(leads, names=["labels"])[["mean", "difference", "low", "high"]].map("{:.1%}".format)

# %% [markdown]
# **With 100 labels and with 600 a line makes fewer errors on the photo net's layer than on pixels or on its random
# twin's.** **With 100 labels the photo net's line makes fewer errors than LeNet-5 from scratch**, too. So the myth falls,
# *if* someone has trained on much before. But not all of it is due to the photographs: look at the random twin. Whether
# LeNet-5 itself gains from a start with digits, we could not tell. (At 600 labels its best rate was the largest tried.)
#
# ## How much to thaw?
#
# In Keras a switch on each layer, `trainable`, says whether it is frozen; it counts *when the model is compiled*.
# Three regimes, drawn from the switches of three real models:

# %% tags=["T280", "T281", "G49"]
digits_net = zoo.load("digits_lenet")


def thawed(trained):
    """A copy of the digits' network in which only the last layers with weights are trained."""
    model = keras.models.clone_model(digits_net)
    model.set_weights(digits_net.get_weights())
    with_weights = [layer for layer in model.layers if layer.weights]
    for layer in with_weights[:-trained]:
        layer.trainable = False
    return model


regimes = {"few labels: the last layer": thawed(1), "more: the last three": thawed(3), "many: all": thawed(5)}
show(
    figures.regimes(regimes),
    alt="Three columns of the five layers C1, C3, C5, F6 and output. Left only the output is trained, the others are "
    "hatched, frozen; in the middle C5, F6 and output are trained; right all five.",
)

# %% [markdown]
# Training on from learnt weights is *fine-tuning*. Why not always thaw everything? Write the weights as
# $\mathbf w_0 + \mathbf d$: what was learnt, and the change. A new head begins at random. The message it sends down is
# $W\boldsymbol\delta$ (lesson 05), with *its* random $W$: it says nothing of the task yet, and may spoil what was to
# be borrowed. The usual cures: train the head first, alone; then take a small rate, so that $\mathbf d$ stays small.
#
# Try it on 100 real digits. Our network keeps its head, for it knows digits already, though neat ones.

# %% tags=["T280", "T281"]
first_answers = digits_net.predict(mnist.test.images, batch_size=250, verbose=0).argmax(axis=1)
right = {"as it is": np.mean(first_answers == mnist.test.labels)}
keras.utils.set_random_seed(0)
for name, model in regimes.items():
    optimizer = keras.optimizers.Adam(learning_rate=0.001)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(few_digits.images, few_digits.labels, batch_size=10, epochs=12, verbose=0)
    right[name] = model.evaluate(mnist.test.images, mnist.test.labels, verbose=0)[1]
assert 0.55 < right["as it is"] < 0.65 and min(list(right.values())[1:]) > right["as it is"]
assert right["many: all"] > right["few labels: the last layer"] + 0.05
pd.Series(right, name="of 1,000 new digits, right").map("{:.0%}".format).to_frame()

# %% [markdown]
# In this run, with these few labels, the last layer alone is the *worst* of the three. The titles are the usual
# advice, and a bet.
#
# **Exercise 1.** Mostly the new task has other classes, and the old head is of no use. The simplest reader of frozen
# features needs no training: answer with the class whose mean is nearest.

# %% exercise="few_shot"
def few_shot(known, labels, new):
    """known (n, features), labels (n,), new (m, features). Returns (m,): a label for each new example.

    Divide each feature by its deviation over the known (none is 0). Nearest is the smallest squared distance.
    """
    ### BEGIN SOLUTION
    spread = known.std(axis=0)
    known, new = known / spread, new / spread
    classes = np.unique(labels)
    means = np.array([known[labels == k].mean(axis=0) for k in classes])
    distances = np.sum((new[:, None] - means) ** 2, axis=-1)
    return classes[distances.argmin(axis=1)]
    ### END SOLUTION


# %% check="few_shot"
check(few_shot)

# %% [markdown]
# ## Four bets
#
# The usual advice has four cells. Data *similar* to the old ones and few: train the head alone. Similar and many:
# fine-tune. *Different* and many: fine-tune more, or begin anew. Different and few: trouble. Run these bets, each from
# `digits_lenet`. Similar: real digits. Different: white silhouettes of the six shapes. Few is 100 labels, many 600. "All"
# begins with a new head, trained first; rates are chosen on validation, and fall to 0. Frozen is the body up to F6
# (all but the head) or to S4, read by a line; or S4 of a random twin. *Which bets will hold?*

# %% tags=["T281", "T282", "Q37"]
ways = ("scratch", "all", "a line on F6", "a line on S4", "a line on S4, random body")
final = at_best_rate(thaw, ["world", "labels", "way"], "validation_error")
worlds = {"near": "similar", "far": "different"}
quadrants = {
    f"{worlds[world]}, {labels:,} labels": of_it
    for (world, labels), of_it in final.groupby(["world", "labels"], sort=False)
}
bets = {
    title: {way: of_it[of_it.way == way].test_error.to_numpy() for way in ways} for title, of_it in quadrants.items()
}
show(
    charts.dots(bets, "test error", percent=True, own_scale=True),
    alt="Four panels of test errors, a dot a run. Similar, 100 labels: on average 15 % (all) to 21 % (F6). Similar, 600: F6 "
    "13 %, the others 7 % to 8 %. Different, 100: all runs between 48 % and 66 %. Different, 600: scratch and all 9 %, the "
    "lines 31 % to 49 %.",
)
by_quadrant = {title: compare(of_it, "way", "test_error", against="scratch") for title, of_it in quadrants.items()}
gaps = pd.concat(by_quadrant, names=["data"])[["mean", "difference", "low", "high"]]
against_s4 = compare(quadrants["similar, 100 labels"], "way", "test_error", against="a line on S4")
assert (against_s4.loc[["a line on F6", "a line on S4, random body"], "low"] > 0).all()
assert (gaps.loc["different, 600 labels"].filter(like="a line", axis=0)["low"] > 0).all()
thawed_all = gaps.xs("all", level=1)
assert (thawed_all["low"] < 0).all() and (thawed_all["high"] > 0).all()
gaps.map("{:.1%}".format)

# %% [markdown]
# **Similar and few: a line on S4 makes fewer errors than the advised line on F6, and than one on a random S4.** Again the
# middle. **Different and many: scratch makes fewer errors than a line on any of the frozen layers.** Different and few:
# trouble; more than half of the answers are wrong whatever one does. And fine-tuning *all* layers? In none of the four
# could we tell it from scratch. (At 600 labels the best rate of scratch was the largest or the smallest of three.)
#
# ## It knows where, too
#
# A face, yes or no? Take the photo net's maps at `conv3_pool`, their mean over the places, and a line. Both are
# linear, so they may change order. With maps $\mathbf z_p$ at $n$ places $p$:
#
# $$\mathbf w^{\mathsf T}\Big(\frac1n\sum_p \mathbf z_p\Big) + b =
# \frac1n \sum_p \left(\mathbf w^{\mathsf T}\mathbf z_p + b\right)$$
#
# The score of a picture *is* the mean of the scores of its places. So a classifier learnt on 120 small patches gives a
# map of a large picture in one forward pass. The old way is to cut out every window, and ask HOG and a linear SVM
# (lesson 08) each time. Here is a wall of 30 patches that neither has seen, five of them faces.

# %% tags=["T289"]
def enlarged(images):
    return np.array([transform.resize(image[..., 0], (32, 32)) for image in images], "float32")


def hog(image):
    return feature.hog(image, pixels_per_cell=(8, 8), cells_per_block=(2, 2))


faces = data.faces()
patches, labels = enlarged(faces.train.images), faces.train.labels
svm = LinearSVC(C=0.01).fit([hog(patch) for patch in patches], labels)

middle = keras.Model(photo_net.input, photo_net.get_layer("conv3_pool").output)
maps_of_patches = np.array(middle(np.repeat(patches[..., None], 3, axis=-1), training=False))
means = maps_of_patches[:, 2:6, 2:6].mean(axis=(1, 2))  # the inner 4 x 4 of 8 x 8 places, away from the edge
centre, spread = means.mean(axis=0), means.std(axis=0)
reader = RidgeClassifier(alpha=100).fit((means - centre) / spread, labels)
weights = reader.coef_[0] / spread
offset = reader.intercept_[0] - weights @ centre

# %% tags=["T289", "G48"]
picks = np.concatenate([np.flatnonzero(faces.test.labels == 1)[:5], np.flatnonzero(faces.test.labels == 0)])
picks = np.random.default_rng(3).permutation(picks)
wall = enlarged(faces.test.images[picks]).reshape(5, 6, 32, 32).swapaxes(1, 2).reshape(160, 192)
wide = resnet9((160, 192, 3), width=1 / 2)  # the same layers, for a larger picture
wide.set_weights(photo_net.get_weights())
wide_middle = keras.Model(wide.input, wide.get_layer("conv3_pool").output)
wide_maps = np.array(wide_middle(np.repeat(wall[None, ..., None], 3, axis=-1), training=False))
heat = np.array(ops.average_pool((wide_maps @ weights + offset)[..., None], 4, 1))[0, 2:-2, 2:-2, 0]
cut_out = np.lib.stride_tricks.sliding_window_view(wall, (32, 32))[::4, ::4]
scanned = svm.decision_function([hog(each) for each in cut_out.reshape(-1, 32, 32)]).reshape(heat.shape)

places = np.array([[4 * r, 4 * c, 4 * r + 32, 4 * c + 32] for r, c in np.ndindex(*heat.shape)])
pipeline = {}
for name, scores in {"HOG + SVM": scanned.ravel(), "heat map": heat.ravel()}.items():
    above = scores > scores.max() / 2
    kept = detection.keep_best(places[above], scores[above], np.zeros(above.sum()), 0.1)
    pipeline[name] = scores.reshape(heat.shape), places[above], places[above][kept]
show(
    figures.faces(wall, pipeline),
    alt="Two rows: HOG with SVM, and the heat map. Scores of all windows, highest near the five faces; proposals in orange, "
    "10 and 109, all near faces; five boxes that are left, one on each face.",
)
with_face = {divmod(place, 6) for place in np.flatnonzero(faces.test.labels[picks])}
for _, _, kept in pipeline.values():
    assert len(kept) == 5 and {tuple((box[:2] + 16) // 32) for box in kept} == with_face

# %% [markdown]
# Both put one box on each face and none elsewhere; HOG's boxes sit better. So layers that have learnt planes and trucks
# tell faces from the rest on this wall. (One wall, and no random twin beside it.)
#
# ## Boxes
#
# When is a box right? Divide what two boxes share by what they cover together: their **intersection over union**
# (IoU). By hand, with (top, left, bottom, right): $(0, 0, 4, 6)$ and $(2, 3, 5, 9)$ share the rows 2 to 4 and the
# columns 3 to 6, an area of $2 \cdot 3 = 6$. Their areas are 24 and 18, so the IoU is $6/(24 + 18 - 6) = 1/6$.
#
# **Exercise 2.** Write it for all pairs of boxes.

# %% exercise="iou"
def iou(first, second):
    """first (n, 4), second (m, 4): top, left, bottom, right. Returns (n, m)."""
    ### BEGIN SOLUTION
    first, second = first[:, None], second[None]
    top_left = np.maximum(first[..., :2], second[..., :2])
    bottom_right = np.minimum(first[..., 2:], second[..., 2:])
    shared = np.prod(np.maximum(bottom_right - top_left, 0), axis=-1)
    areas = np.prod(first[..., 2:] - first[..., :2], axis=-1) + np.prod(second[..., 2:] - second[..., :2], axis=-1)
    return shared / (areas - shared)
    ### END SOLUTION


# %% check="iou"
check(iou)

# %% [markdown]
# Now let the network for shapes find *several* shapes in a picture. Its layer `relu5` has 6 × 6 places; place $(r, c)$
# looks at the pixel $(10 + 8r,\ 10 + 8c)$ (lesson 09). Let each place answer, as YOLO does (2015): is the middle of a
# shape here? How far off, how high, how wide, which class? That takes a head of two convolutions, with $1 + 4 + 6$ maps
# at its end. The loss adds up over the places $p$; $t_p$ is 1 at a middle, else 0:
#
# $$\ell = \sum_p \Big[\underbrace{\text{surprise}(t_p)}_{\text{a middle?}} +
# t_p\Big(\underbrace{\textstyle\sum_{j=1}^{4} r_{pj}^2}_{\text{where}} +
# \underbrace{\text{surprise}(\text{class}_p)}_{\text{what}}\Big)\Big]$$
#
# $r_{pj}$ are four residuals, truth minus answer: how far down and right of the place the middle is, in steps of 8
# pixels, and the logarithms of height and width. Where there is no middle, box and class cost nothing.
# `detection.to_grid` writes the truth into this grid, `detection.detect` reads boxes out of it.

# %% tags=["T285"]
scenes, new_scenes = detection.scenes(200, seed=41), detection.scenes(200, seed=42)
body = keras.Model(shapes_net.input, shapes_net.get_layer("relu5").output)
body.trainable = False
maps, new_maps = (np.array(body(each.images)) for each in (scenes, new_scenes))  # once: it is frozen


def grid_loss(truth, said):
    here = truth[..., 0]
    a_middle = ops.binary_crossentropy(here, said[..., 0], from_logits=True)
    where = ops.sum((truth[..., 1:5] - said[..., 1:5]) ** 2, axis=-1)
    what = ops.sparse_categorical_crossentropy(ops.cast(truth[..., 5], "int32"), said[..., 5:], from_logits=True)
    return ops.sum(a_middle + here * (where + what), axis=(1, 2))


keras.utils.set_random_seed(0)
first = [layers.Conv2D(96, 3, padding="same", use_bias=False), layers.BatchNormalization(), layers.ReLU()]
head = keras.Sequential([layers.Input((6, 6, 43)), *first, layers.Conv2D(11, 1)])
optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, decay_steps=30 * 20))
head.compile(optimizer, loss=grid_loss)
history = head.fit(maps, detection.to_grid(scenes), batch_size=10, epochs=30, verbose=0)
assert history.history["loss"][-1] < 0.2 * history.history["loss"][0]

# %% [markdown]
# Neighbouring places may claim the same shape. **Non-maximum suppression** takes the best box, throws away all of its
# class that overlap it too much, and goes on with the best that is left.
#
# **Exercise 3.** Write it. (In the cells below `detection.keep_best` does it.)

# %% exercise="keep_best"
def keep_best(boxes, scores, classes, overlap):
    """The places of the boxes that stay, best first; of equal scores the first goes first.

    A box goes if one that stays, of its class and before it in this order, has an IoU with it *above* overlap.
    `overlaps(boxes, boxes)` gives the IoU of all pairs.
    """
    ### BEGIN SOLUTION
    table = overlaps(boxes, boxes)
    kept = []
    for place in np.argsort(-scores, kind="stable"):
        if not any(table[place, other] > overlap and classes[place] == classes[other] for other in kept):
            kept.append(place)
    return kept
    ### END SOLUTION


# %% check="keep_best"
check(keep_best)

# %% tags=["T285", "gallery"]
said = head.predict(new_maps, batch_size=100, verbose=0)
everything, thinned = (detection.detect(said, overlap=limit, at_least=0.1) for limit in (1.0, 0.4))
removed = np.array([len(before[1]) - len(after[1]) for before, after in zip(everything, thinned, strict=True)])
assert np.sum(removed > 0) >= 4
show(
    figures.found(new_scenes, everything, thinned, np.argsort(-removed, kind="stable")[:4]),
    alt="Four scenes, twice: all boxes that the detector is at least a little sure of, with several on one shape, and "
    "those that suppression leaves, with class and score, beside dotted true boxes.",
)

# %% [markdown]
# How good is a detector? Sort its boxes by score. Box by box, *precision* is the share of right ones so far (right:
# IoU of at least 0.5 with a shape of its class that no better box has taken), *recall* the share of all shapes found
# so far. By hand: four boxes, right, wrong, right, right, of four shapes in all. Precision is 1, ½, ⅔, ¾; recall ¼, ¼,
# ½, ¾. Make precision fall (at each recall the best that is still to come: 1, ¾, ¾, ¾). The area under it is the
# **average precision**: $\frac14 \cdot 1 + \frac14 \cdot \frac34 + \frac14 \cdot \frac34 = \frac58$. Its mean over the
# classes is the mAP.
#
# **Exercise 4.** Write the average precision of one class.

# %% exercise="average_precision"
def average_precision(scores, hits, objects):
    """scores (n,), all different; hits (n,): which are right; objects: how many there are to be found."""
    ### BEGIN SOLUTION
    right_so_far = np.cumsum(hits[np.argsort(-scores)])
    precision = right_so_far / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return np.sum(precision * np.diff(right_so_far / objects, prepend=0))
    ### END SOLUTION


# %% check="average_precision"
check(average_precision)

# %% [markdown]
# Could any body do it? Five runs of the same head, on this body and on its random twin:

# %% tags=["T285"]
grid_map = detection.mean_average_precision(detection.detect(said), new_scenes)
assert grid_map > 0.8
rows = evidence("detector")
table = compare(rows, "kind", "map", against="random")
assert table.loc["taught", "low"] > 0
others = rows[rows.kind == "taught"][["all_boxes_map", "strict_map"]].mean()
print(f"mAP here, one run: {grid_map:.2f}")
print("of the five, without suppression: {:.2f}; if the IoU must be 0.75: {:.2f}".format(*others))
table.round(2)

# %% [markdown]
# **On the borrowed body the detector has a higher mAP than on its random twin.** (The body had seen 12,000 labelled
# pictures of these very shapes.)
#
# ## Proposals
#
# The other way came first: *proposals*, boxes that may hold something. R-CNN (2013) ran the network on each. Fast R-CNN
# (2015) runs it once, cuts each proposal out of the maps and brings it to one size, here
# by the maximum in 2 × 2 parts: **RoI pooling** (*region of interest*). One head names the class, or "nothing",
# another corrects the box. In Faster R-CNN a small network makes the proposals; ours are all windows of 2 to 4 places,
# and both heads are linear. *What is the box head worth?*

# %% tags=["T284"]
windows = [(r, c, n) for n in (2, 3, 4) for r in range(7 - n) for c in range(7 - n)]
proposals = np.array([[6 + 8 * r, 6 + 8 * c, 6 + 8 * (r + n), 6 + 8 * (c + n)] for r, c, n in windows], float)
sides = (proposals[:, 2] - proposals[:, 0])[:, None]
middles = (proposals[:, :2] + proposals[:, 2:]) / 2


def roi_pooled(maps):
    pooled = []
    for r, c, n in windows:
        halves = [slice(0, -(-n // 2)), slice(n // 2, n)]
        region = maps[:, r : r + n, c : c + n]
        pooled.append(np.concatenate([region[:, i, j].max(axis=(1, 2)) for i in halves for j in halves], axis=1))
    return np.stack(pooled, axis=1)


def targets(boxes, labels):
    """For each proposal the class of the shape it overlaps most (6: nothing), and how the box must move and grow."""
    table = overlaps(proposals, boxes[labels >= 0])
    nearest = boxes[labels >= 0][table.argmax(axis=1)]
    shift = ((nearest[:, :2] + nearest[:, 2:]) / 2 - middles) / sides
    growth = np.log((nearest[:, 2:] - nearest[:, :2]) / sides)
    kind = np.where(table.max(axis=1) >= 0.4, labels[labels >= 0][table.argmax(axis=1)], 6)
    return kind, np.hstack([shift, growth])


# %% tags=["T284"]
regions, new_regions = roi_pooled(maps), roi_pooled(new_maps)
kinds, moves = (np.array(each) for each in zip(*map(targets, scenes.boxes, scenes.labels), strict=True))
class_head = Ridge(alpha=10).fit(regions.reshape(-1, 172), np.eye(7)[kinds.ravel()])
box_head = Ridge(alpha=10).fit(regions[kinds < 6], moves[kinds < 6])
said_of = [each.predict(new_regions.reshape(-1, 172)) for each in (class_head, box_head)]
scores, changes = (each.reshape(200, len(windows), -1) for each in said_of)

region_map = {}
for name, used in {"proposals as they are": 0, "corrected by the box head": 1}.items():
    results = []
    for score, change in zip(scores, used * changes, strict=True):
        centre, extent = middles + sides * change[:, :2], sides * np.exp(change[:, 2:])
        corrected = np.hstack([centre - extent / 2, centre + extent / 2])
        sure, kind = score[:, :6].max(axis=1) - score[:, 6], score[:, :6].argmax(axis=1)
        best = detection.keep_best(corrected, sure, kind, 0.3, at_least=-1)
        results.append((corrected[best], sure[best], kind[best]))
    region_map[name] = detection.mean_average_precision(results, new_scenes)
assert region_map["corrected by the box head"] > region_map["proposals as they are"] + 0.1
pd.Series(region_map, name="mAP").round(2).to_frame()

# %% [markdown]
# The class head says *what*, the box head *where exactly* (one run).
#
# In a car a detector runs in a loop, and must be done before the next picture comes. Let a circle come nearer at ten
# frames a second: 100 ms for each. Brake when its box is higher than 24 pixels twice running; one may be an error.

# %% tags=["T290"]
circles = data.shapes(60, seed=51, size=128)
circles = circles[circles.labels == 0]
off_centre = abs(circles.boxes[:, :2] + circles.boxes[:, 2:] - 128).sum(axis=1)
circle = circles[np.argmin(circles.boxes[:, 2] - circles.boxes[:, 0] + off_centre / 4)[None]]
middle_of_it = (circle.boxes[0, :2] + circle.boxes[0, 2:]) / 2
detector = keras.Sequential([body, head])
heights, times, brake = [], [], None
for number, side in enumerate(np.linspace(128, 92, 16).astype(int)):
    top, left = np.clip(middle_of_it - side / 2, 0, 128 - side).astype(int)
    frame = transform.resize(circle.images[0, top : top + side, left : left + side], (64, 64, 3))[None]
    begin = time.perf_counter()
    ((boxes_here, sure, kind),) = detection.detect(np.array(detector(frame, training=False)), at_least=0.3)
    times.append(1000 * (time.perf_counter() - begin))
    heights.append(max([box[2] - box[0] for box in boxes_here[kind == 0]], default=0.0))
    if brake is None and len(heights) > 1 and min(heights[-2:]) > 24:
        brake = number + 1
assert brake is not None
print(f"brakes at frame {brake} of 16; heights {heights[0]:.0f} to {heights[-1]:.0f} pixels")
print(f"{np.mean(np.array(times[1:]) < 100):.0%} of the frames within 100 ms, the slowest {max(times[1:]):.0f} ms")

# %% [markdown]
# (The times are those of your machine.)
#
# ## Pixel by pixel
#
# Which pixels are the star? Strides and pooling made 6 × 6 places of 64 × 64 pixels; a mask needs the way back. In
# lesson 09 a convolution was a matrix $A$; $A^{\mathsf T}$ leads back from small to large. That is a *transposed
# convolution* (lesson 10): every input lays its weighted kernel down, and overlaps add up.
# Check what defines a transpose, $(A\mathbf x)\cdot\mathbf y = \mathbf x\cdot(A^{\mathsf T}\mathbf y)$, in Keras, and
# count how many inputs reach each output, for kernels of 3 and 4.

# %% tags=["T286"]
down, up = layers.Conv2D(1, 4, strides=2, use_bias=False), layers.Conv2DTranspose(1, 4, strides=2, use_bias=False)
random = np.random.default_rng(0)
x, y = random.normal(size=(1, 10, 10, 1)).astype("float32"), random.normal(size=(1, 4, 4, 1)).astype("float32")
small, large = down(x), up(y)
up.set_weights(down.get_weights())
large = up(y)
assert np.isclose(np.sum(np.array(small) * y), np.sum(x * np.array(large)), atol=1e-4)
cover = {}
for size in (3, 4):
    ones = layers.Conv2DTranspose(
        1, size, strides=2, padding="same", use_bias=False, kernel_initializer="ones"
    )
    cover[f"kernel {size}, strides 2"] = np.array(ones(np.ones((1, 4, 4, 1), "float32")))[0, ..., 0]
show(
    figures.covers(cover),
    alt="Two grids of 8 by 8 counts. Kernel 3: ones, twos and fours in turn, like a woven cloth. Kernel 4: four "
    "everywhere inside, two along the edges and one in the corners.",
)

# %% [markdown]
# With 3, neighbours are covered unevenly, which can show as a chessboard; with 4, evenly but for the rim.
#
# Now a *decoder*: from frozen `relu5` up to 32 × 32, seven scores a pixel (ground and six shapes), learnt from 100
# masks. It has *skips*, as U-Net had (2015): on the way up it may look at earlier maps, which are larger. *What will
# skips be worth?*

# %% tags=["T286"]
masked, new_masked = data.shapes(100, seed=61, size=64), data.shapes(200, seed=62, size=64)
several = [shapes_net.get_layer(name).output for name in ("relu5", "relu2", "relu1")]
several_maps = keras.Model(shapes_net.input, several)


def class_map(drawn):
    """32 x 32: 0 where ground, else the class + 1."""
    half = drawn.masks.reshape(-1, 32, 2, 32, 2).mean(axis=(2, 4)) >= 0.5
    return np.where(half, drawn.labels[:, None, None] + 1, 0)


keras.utils.set_random_seed(0)
deep, middle_maps, fine = [layers.Input(maps.shape[1:]) for maps in several_maps.outputs]
z = layers.Conv2DTranspose(32, 4, strides=2, padding="same", activation="relu")(layers.Resizing(8, 8)(deep))
z = layers.Concatenate()([z, layers.Resizing(16, 16)(middle_maps)])
z = layers.Conv2DTranspose(16, 4, strides=2, padding="same", activation="relu")(z)
z = layers.Concatenate()([z, layers.Resizing(32, 32)(fine)])
decoder = keras.Model([deep, middle_maps, fine], layers.Conv2D(7, 3, padding="same")(z))
pixel_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, decay_steps=20 * 10))
decoder.compile(optimizer, pixel_loss)
decoder.fit(several_maps(masked.images), class_map(masked), batch_size=10, epochs=20, verbose=0)
painted = decoder.predict(several_maps(new_masked.images), batch_size=100, verbose=0).argmax(axis=-1)

# %% tags=["T286"]
truth = class_map(new_masked)
print(f"pixels right: {np.mean(painted == truth):.1%}; if all were called ground: {np.mean(truth == 0):.1%}")
assert np.mean(truth == 0) > 0.8 and np.mean(painted == truth) > 0.92
show(
    figures.masks(new_masked.images[:6], truth[:6], painted[:6]),
    alt="Six shapes, their true class maps, and the painted ones: classes and places are right, corners are rounder.",
)

# %% [markdown]
# The share of right pixels flatters: "all ground" has 86 %. So the field takes the IoU of each class, over the pixels
# of all pictures together, and the mean over the classes that occur, without the ground.
#
# **Exercise 5.** Write this mean IoU.

# %% exercise="mean_iou"
def mean_iou(truth, answer, classes):
    """truth, answer (pictures, height, width), 0 for ground and 1 to classes. Skip a class that is in neither."""
    ### BEGIN SOLUTION
    found = []
    for k in range(1, classes + 1):
        own, said = truth == k, answer == k
        if (own | said).any():
            found.append(np.sum(own & said) / np.sum(own | said))
    return np.mean(found)
    ### END SOLUTION


# %% check="mean_iou"
check(mean_iou)

# %% tags=["T286", "nbval-check-output"]
rows = evidence("masks")
table = pd.concat(
    {
        "mean IoU": compare(rows, "kind", "iou", against="no skips"),
        "pixels right": compare(rows, "kind", "pixels", against="no skips"),
    }
)[["mean", "difference", "low", "high"]]
assert table.loc[("mean IoU", "taught"), "low"] > 0 and table.loc[("mean IoU", "random"), "high"] < 0
titles = {"taught": "taught body, skips", "no skips": "taught body, no skips", "random": "random body, skips"}
table.rename(titles).round(3)

# %% [markdown]
# (Five runs, differences to "no skips".) **With skips the mean IoU is higher**, and **on a random body it is lower
# even with them**. (With skips the decoder also has more weights.)
#
# ## In words
#
# A network that writes needs numbers for words. Give each word a **word vector**, and learn it: words are alike if
# their neighbours are. That is **skip-gram** (2013): from the vector of a word predict, by softmax, the words up to two
# places away. The corpus: 1,000 captions of drawn pictures. *Which words will be alike?*

# %% tags=["T288"]
told = data.shapes(1000, seed=71, size=64)
numbers = writing.numbers(told)
one_hot = np.eye(len(writing.WORDS))[numbers]
ahead = sum(np.einsum("ntv,ntw->vw", one_hot[:, :-apart], one_hot[:, apart:]) for apart in (1, 2))
counts = ahead + ahead.T  # how often two words stand within two places
keras.utils.set_random_seed(0)
embedding = layers.Embedding(len(counts), 8)
skip_gram = keras.Sequential([layers.Input((), dtype="int32"), embedding, layers.Dense(len(counts))])
optimizer, loss = keras.optimizers.Adam(0.05), keras.losses.CategoricalCrossentropy(from_logits=True)
skip_gram.compile(optimizer, loss)
shares = counts / counts.sum(axis=1, keepdims=True)  # how often each word stands near
again = np.tile(np.arange(len(counts)), 50)
skip_gram.fit(again, shares[again], batch_size=len(counts), epochs=3, shuffle=False, verbose=0)
vectors = embedding.get_weights()[0]
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
alike = vectors @ vectors.T - 2 * np.eye(len(vectors))
groups = {word: place for place, some in enumerate(writing.KINDS) for word in some}
nearest = {word: writing.WORDS[alike[place].argmax()] for place, word in enumerate(writing.WORDS) if word in groups}
same = np.mean([groups.get(nearest[word]) == groups[word] for word in nearest])
assert len(nearest) == 20 and same >= 19 / 20
pd.Series({word: nearest[word] for word in ("red", "star", "stripes", "top")}, name="nearest").to_frame().T

# %% [markdown]
# Nobody said that red is a colour; yet for at least 19 of the 20 words that depend on the picture the nearest is of
# the same kind. (But all these sentences are built alike.)
#
# Now the writer: picture in, sentence out, word by word. It needs a memory $\mathbf s$ of what it has said. A **gated
# recurrent unit** (GRU, 2014) renews it at every word. With $\mathbf x$, the word vector
# joined to the picture's features,
#
# $$\mathbf g = \sigma(\mathbf x U_g + \mathbf s V_g),\qquad \mathbf q = \sigma(\mathbf x U_q + \mathbf s V_q),\qquad
# \mathbf s' = \mathbf g\odot\mathbf s + (1-\mathbf g)\odot\tanh\!\big(\mathbf x U + \mathbf q\odot(\mathbf s V)\big)$$
#
# (biases left out; all $U$ and $V$ are weights). Where the gate $\mathbf g$ is 1, a number is kept; $\mathbf q$ says
# how much of the old memory goes into the new. In training it hears the true words so far (*teacher forcing*),
# afterwards only its own. One writer reads `fc7`, another `pool1` and `pool5`. *What do you expect?*

# %% tags=["T287"]
described = data.shapes(300, seed=72, size=64)
reads = {"fc7": ["fc7"], "early layers": ["pool1", "pool5"]}
written = {}
keras.utils.set_random_seed(0)
for name, read_layers in reads.items():
    both = [[answers(shapes_net, layer, part.images) for layer in read_layers] for part in (told, described)]
    known, new = map(np.hstack, both)
    centre, spread = known.mean(axis=0), known.std(axis=0) + 1e-3
    writer = writing.writer(known.shape[1])
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, decay_steps=10 * 20))
    writer.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    writer.fit([(known - centre) / spread, numbers[:, :-1]], numbers[:, 1:], batch_size=50, epochs=10, verbose=0)
    written[name] = writing.write(writer, (new - centre) / spread)
true_words = writing.numbers(described)[:, 1:]
show(
    figures.captions(described.images[:8], true_words, written),
    alt="Eight pictures, each with two captions, wrong words in capitals. From fc7 shapes are right, and most colours "
    "and grounds wrong; from the early layers nearly every word is right.",
)
rows = at_best_rate(evidence("captions"), "reads", 1 - evidence("captions").validation_words)
columns = [*writing.PLACES, "whole"]
won = {column: compare(rows, "reads", column, against="fc7").loc["early layers"] for column in columns}
assert won["colour"]["low"] > 0 and won["ground"]["low"] > 0 and won["whole"]["low"] > 0
table = rows.groupby("reads", sort=False)[columns].mean().T
table.assign(low=[won[c]["low"] for c in columns], high=[won[c]["high"] for c in columns]).map("{:.1%}".format)

# %% [markdown]
# (Five runs; the interval is of the difference.) **Reading early layers, the writer gets more colours and grounds right
# than from fc7.** (Guesses are right for 17 and 25 %.) What a line could not read there, this writer does not say.
#
# ## What one picture cannot know
#
# Is the runner going left or right? Let a white shape move left, right, up or down, from any place, over a picture
# whose edges are joined. Each frame is then as likely for one way as for another: whoever sees a single frame is right
# for a quarter, in the long run. And frames *in any order* do not tell left from right. A 3-D
# convolution slides over time, too (lesson 10).

# %% tags=["T291", "G50"]
def clips(number, seed):
    """Clips (number, 6 frames, 16, 16, 1) of moving white shapes, and which way each moves."""
    silhouettes = data.shapes(number, seed=seed, size=16).masks.astype("float32")
    ways, begin = np.arange(number) % 4, np.random.default_rng(seed).integers(16, size=(number, 2))
    steps = np.array([[0, -2], [0, 2], [-2, 0], [2, 0]])[ways]
    frames = [
        [np.roll(one, at + t * step, axis=(0, 1)) for t in range(6)]
        for one, at, step in zip(silhouettes, begin, steps, strict=True)
    ]
    return np.array(frames)[..., None], ways


(films, headings), (new_films, new_headings) = clips(400, 81), clips(400, 82)
keras.utils.set_random_seed(0)
stages = [layers.Conv3D(16, 3, padding="same", activation="relu"), layers.MaxPooling3D((1, 2, 2))]
stages += [layers.Conv3D(16, 3, activation="relu"), layers.GlobalAveragePooling3D()]
watcher = keras.Sequential([layers.Input(films.shape[1:]), *stages, layers.Dense(4, activation="softmax")])
optimizer = keras.optimizers.Adam(0.01)
watcher.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
watcher.fit(films, headings, batch_size=20, epochs=10, verbose=0)
seen_films = watcher.evaluate(new_films, new_headings, verbose=0)[1]

# %% tags=["T291", "G50"]
stages = [layers.Conv2D(16, 3, padding="same", activation="relu"), layers.MaxPooling2D(2)]
stages += [layers.Conv2D(16, 3, activation="relu"), layers.GlobalAveragePooling2D()]
looker = keras.Sequential([layers.Input(films.shape[2:]), *stages, layers.Dense(4, activation="softmax")])
optimizer = keras.optimizers.Adam(0.01)
looker.compile(optimizer, "sparse_categorical_crossentropy")
looker.fit(films.reshape(-1, 16, 16, 1), np.repeat(headings, 6), batch_size=60, epochs=3, verbose=0)
by_frame = np.asarray(looker(new_films.reshape(-1, 16, 16, 1))).reshape(-1, 6, 4)
seen_frames = np.mean(by_frame.argmax(axis=-1) == new_headings[:, None])
assert seen_films > 0.9 and abs(seen_frames - 0.25) < 0.05
print(f"right: {seen_frames:.0%} of single frames, {seen_films:.0%} of clips")
by_clip = np.asarray(watcher(new_films[:4]))
show(
    figures.clips(new_films[:4], by_frame[:4, 0], by_clip, ("left", "right", "up", "down")),
    alt="Four clips of six frames: a white shape moves left, right, up and down. Beside each, bars: from the first frame "
    "about a quarter for every way, from the whole clip all of it for the true one.",
)

# %% [markdown]
# ## In short
#
# | you want | read | train | scored by |
# |---|---|---|---|
# | the task it was taught, on new data | the last layers and the middle; compare | head, then all | error |
# | something it was never asked | the middle; try several | a linear probe | error, beside pixels and a random twin |
# | what, and where | maps before they are flattened | a head of convolutions | mAP |
# | which pixels | early and late maps together | a decoder with skips | mean IoU |
# | a sentence | every layer that still knows its words | a recurrent writer | words right, exact match |
# | motion | frames in order | 3-D convolutions | error |
#
# ## Think about it
#
# **A caption says "a red star" under a blue one; shape, ground and place are right. Where do you look first?**
#
# <details><summary>Answer</summary>
#
# At the layer that the writer reads: probe it for colour. If a line finds it, look at the writer. If not, let it read
# an earlier layer, too.
# </details>
#
# **You fine-tune all layers on 60 pictures and lose to the frozen network. Two cures that keep all layers trainable?**
#
# <details><summary>Answer</summary>
#
# A smaller learning rate, with the head trained first; and early stopping. Both keep $\mathbf d$ small.
# </details>
#
# ## Further reading
#
# - J. Donahue and others, [*DeCAF: a deep convolutional activation feature*](https://arxiv.org/abs/1310.1531), 2013.
# - A. Razavian and others, [*CNN features off-the-shelf*](https://arxiv.org/abs/1403.6382), 2014.
# - J. Yosinski and others, [*How transferable are features in deep neural
#   networks?*](https://arxiv.org/abs/1411.1792), 2014.
# - G. Alain and Y. Bengio, [*Understanding intermediate layers using linear classifier
#   probes*](https://arxiv.org/abs/1610.01644), 2016.
# - R. Girshick, [*Fast R-CNN*](https://arxiv.org/abs/1504.08083), 2015. J. Redmon and others, [*You only look
#   once*](https://arxiv.org/abs/1506.02640), 2015.
# - O. Ronneberger and others, [*U-Net*](https://arxiv.org/abs/1505.04597), 2015.
# - T. Mikolov and others, [*Distributed representations of words*](https://arxiv.org/abs/1310.4546), 2013.
# - K. He and others, [*Rethinking ImageNet pre-training*](https://arxiv.org/abs/1811.08883), 2018.
