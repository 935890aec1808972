# ---
# jupyter:
#   course:
#     title: "Turn training around: keep the weights, and train the picture"
#     summary: "The gradient that teaches a network can also draw what it wants to see, call a picture back from its features, and fool it."
#     objectives:
#       - "climb a score by the pixels, with a prior of the right sign"
#       - "say why one climbs the logit and not the probability, and what L2 and total variation ask for"
#       - "call pictures back from the features of a layer, and tell what the layer lost from what the prior took"
#       - "send an activation back through ReLU and max pooling by three rules"
#       - "fool a network by one step or by many, and measure how small the change is"
#     needs: [12_pooling, 13_first_cnn_lenet, 26_visualising_features]
#     minutes: 85
#     data: [shapes, mnist_5k, photos]
# ---

# %% [markdown]
# Training is a walk down a slope: the pictures stand still, and the weights move until the answers are right. But the
# score of "star" is a function of the weights *and* of the pixels. It has a slope by the pixels, too.
#
# **What if we turn training around: keep the weights, and train the picture?** Let it start as grey noise, and the
# network draws what it wants to see most. Let it start as a triangle, and a few steps make the network see a ring,
# while you still see a triangle. Both are the same ten lines.

# %%
import numpy as np

from course_lessons.visualising_by_optimisation import figures
from course_lib.plots import show
from course_lib.plots.controls import explore

# %% [markdown]
# ## A picture of two pixels
#
# Take the smallest network, one weighted sum: the score of a picture $\mathbf x$ of two pixels is
# $a = \mathbf w \cdot \mathbf x = 2x_1 + x_2$. Its slope by the pixels is $\mathbf w$, everywhere the same: the best
# picture is infinitely bright. A network says what it likes, not what a *picture* is. We must add that: a **prior**.
# The simplest says that large pixels are unlikely, and takes their squares off the score, with a strength $\alpha$
# (*L2*):
#
# $$\mathbf x^* = \arg\max_{\mathbf x} \; a_c(\mathbf x) - \alpha \|\mathbf x\|^2$$
#
# where $a_c$ is the *logit* of class $c$, its score before the softmax. For our sum the slope is
# $\mathbf w - 2\alpha\mathbf x$, zero at $\mathbf x^* = \mathbf w / (2\alpha)$. And if the prior is *added*? Try no prior and both
# signs, with $\alpha = \frac12$, from black.


# %% tags=["T307", "F415"]
def ascend(slope, start, learning_rate=0.1, steps=50):
    """All pictures on the way, (steps + 1, pixels)."""
    path = [start]
    for _ in range(steps):
        path.append(path[-1] + learning_rate * slope(path[-1]))
    return np.array(path)


w, black, strength = np.array([2.0, 1.0]), np.zeros(2), 0.5
free = ascend(lambda x: w, black)
minus = ascend(lambda x: w - 2 * strength * x, black)
plus = ascend(lambda x: w + 2 * strength * x, black)
assert np.allclose(minus[-1], w / (2 * strength), atol=0.02) and np.linalg.norm(plus[-1]) > 100
assert np.allclose(np.diff(plus, axis=0)[1:], 1.1 * np.diff(plus, axis=0)[:-1])
show(
    figures.planes({"no prior": free, "prior taken off": minus, "prior added": plus}, w, (0, strength, -strength)),
    alt="Pictures as points of a plane, over lines of equal score. Without a prior and with a plus the path leaves the "
    "plane; with a minus it ends at a cross, w / (2 alpha).",
    colours=32,
)

# %% [markdown]
# With a plus, every step makes the next one 1.1 times as long: it diverges. The minus is no matter of taste: if pixels
# are drawn from a normal distribution of mean 0 and variance $1/(2\alpha)$, the logarithm of the picture's probability
# is $-\alpha\|\mathbf x\|^2$ and a constant. What is added to the score must be high for likely pictures.
#
# Move $\alpha$, the `strength`, below zero and above. Is there an $\alpha > 0$ with which it diverges all the same?

# %% tags=["T307", "widget"]
show(
    figures.two_pixels(strength=0.5, learning_rate=0.1, steps=50),
    alt="Left, the path of the ascent on the plane of two pixels, which ends at a cross; right, the norm of the picture, "
    "which climbs more and more slowly to a dashed line.",
    colours=32,
)
explore(
    figures.two_pixels,
    alt="Left, the path of the ascent on the plane of two pixels, over lines of equal score; right, the "
    "norm of the picture, step by step.",
    strength=(-0.5, 2.0, 0.1),
    learning_rate=(0.05, 0.8, 0.05),
    steps=(5, 60, 5),
)

# %% [markdown]
# (Yes, with long steps. Each multiplies what is left of the way by $1 - 2\alpha\eta$, with $\eta$ the learning rate:
# above $\eta = 1/\alpha$ it grows.)
#
# ## What is a 3, to a network?
#
# Now a real network: LeNet-5 (lesson 13), trained on 3,500 handwritten digits. First the tools: those of lesson 26,
# and one for each section of this one.

# %%
import itertools
from time import perf_counter

import keras
import pandas as pd
from keras import ops
from skimage.transform import resize

from course_lib import data, layers, zoo
from course_lib.architectures.lenet import lenet5
from course_lib.evidence import compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.explain.activations import activations, strongest
from course_lib.explain.ascent import diversity, maximise
from course_lib.explain.fooling import targeted
from course_lib.explain.inversion import invert, pixel_error
from course_lib.explain.network import logits, predictions, probabilities
from course_lib.explain.priors import total_variation as variation
from course_lib.explain.saliency import project, saliency
from course_lib.gradients import gradient_function, gradients
from course_lib.plots import charts, grids

# %%
digits = data.mnist_5k()
keras.utils.set_random_seed(0)
lenet = lenet5((28, 28, 1), padding="same", activation="relu", kernel_initializer="he_normal")
lenet.compile(
    optimizer=keras.optimizers.Adam(learning_rate=0.003),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
lenet.fit(digits.train.images, digits.train.labels, batch_size=100, epochs=6, verbose=0)
_, accuracy = lenet.evaluate(digits.validation.images, digits.validation.labels, verbose=0)
print(f"{accuracy:.0%} of the validation digits are read")

# %% [markdown]
# Here is the loop. The slopes of real networks are now tiny, now steep; so each step is scaled to change the pixels by
# about `learning_rate`. `gradient_function` gives the values of a function and its slopes by the pixels.


# %% tags=["T307", "T308", "G57"]
def climb(objective, pictures, learning_rate=0.02, steps=60, scaled=True):
    """Steps up the slope of objective(pictures), one number for each; pixels stay in 0..1."""
    value_and_slope = gradient_function(objective)
    for _ in range(steps):
        _, (slope,) = value_and_slope(pictures)
        if scaled:
            slope = slope / (np.sqrt(np.mean(slope**2, axis=(1, 2, 3), keepdims=True)) + 1e-12)
        pictures = np.clip(pictures + learning_rate * slope, 0, 1)
    return pictures


scores = logits(lenet)  # the same network, without its softmax
one_hot = np.eye(10, dtype="float32")  # picture c is to raise logit c
noise = np.clip(np.random.default_rng(0).normal(0.5, 0.05, (10, 28, 28, 1)), 0, 1).astype("float32")


def logit(x):
    return ops.sum(scores(x) * one_hot, axis=1)


def logit_and_l2(x):
    return logit(x) - 0.1 * ops.sum(x**2, axis=(1, 2, 3))


# %% tags=["T308", "G57"]
numerals = [str(digit) for digit in range(10)]
found = {"no prior": climb(logit, noise), "L2": climb(logit_and_l2, noise)}
for images in found.values():
    assert (predictions(lenet, images) == np.arange(10)).all()
assert found["L2"].mean() < 0.7 * found["no prior"].mean()
show(
    figures.rows(found, numerals),
    alt="Ten class images in two rows. Without a prior, black and white strokes fill the whole square, among them the "
    "digit; with L2 the ground is dark and a few bright strokes are left, of which most are parts of the digit.",
    colours=32,
)

# %% [markdown]
# All are read as the digit asked for. Without a prior the digit is lost among other strokes. L2 darkens what adds little
# to the score, and what is left you can often read.
#
# ## Why not climb the probability?
#
# The network ends in a softmax. Why did we take it off? By the chain rule, the slope of the probability $y_c$ is
#
# $$\nabla y_c = y_c \, \Big( \nabla a_c - \sum_k y_k \nabla a_k \Big).$$
#
# Start from one digit and ask for each of the ten classes, with plain steps and with scaled ones. Which of the four
# climbs will get stuck?


# %% tags=["T308"]
def probability(x):
    return ops.sum(lenet(x) * one_hot, axis=1)


start = np.repeat(digits.test.images[:1], 10, axis=0)
(slope_of_probability,) = gradients(probability, start)
by_class = gradients(logit, start)[0].reshape(10, -1)  # start is ten times the same picture
y = probabilities(lenet, start[:1])[0]
by_formula = y[:, None] * (by_class - y @ by_class)
assert np.allclose(slope_of_probability.reshape(10, -1), by_formula, atol=1e-4)
reached, told = {}, []
for name, objective in {"logit": logit, "probability": probability}.items():
    for way, options in {"plain": {"learning_rate": 0.05, "scaled": False}, "scaled": {}}.items():
        after = climb(objective, start, steps=40, **options)
        reached[f"{name}, {way}"] = after
        ends = ops.convert_to_numpy(scores(after))
        hits = int((ends.argmax(axis=1) == np.arange(10)).sum())
        told.append(
            {"climbed": name, "steps": way, "classes reached": hits, "logit of the class": np.diag(ends).mean()}
        )
        told[-1]["the others"] = (ends.sum() - np.trace(ends)) / 90

# %% tags=["T308"]
show(
    figures.rows({name: reached[f"{name}, plain"] for name in ("logit", "probability")}, numerals),
    alt="From a handwritten 3, by plain steps. Climbing the logit adds grey strokes to it, others for each class; climbing "
    "the probability leaves it as it was.",
    colours=32,
)
assert min(told[0]["classes reached"], told[3]["classes reached"]) >= 5 and told[2]["classes reached"] <= 3
assert told[3]["logit of the class"] < told[1]["logit of the class"]
pd.DataFrame(told).round(1)

# %% [markdown]
# Plain steps up the probability get stuck: in the formula, the factor $y_c$ is nearly zero for every class but the one
# that is seen, and for that one the bracket is. Scaled steps make up for a small factor, and reach their class. But a
# probability ends at 1, where it cannot say "even more"; here its pictures end with a lower logit.
#
# ## Pictures are smooth
#
# Is L2 a good idea of what a picture is? Shuffle the pixels of a photo, and compare both in the sum of squares and in
# the **total variation** (TV): the sum of the absolute differences of all neighbours,
#
# $$\mathrm{TV}(\mathbf x) = \sum_{i,j} |x_{i+1,j} - x_{i,j}| + \sum_{i,j} |x_{i,j+1} - x_{i,j}|$$
#
# over rows $i$, columns $j$, and the channels. Flat patches cost nothing, and a sharp edge no more than a ramp of the
# same height.

# %% tags=["T311", "nbval-check-output"]
cat = resize(data.photos()["cat"][:300, 80:380], (64, 64)).astype("float32")
shuffled = np.random.default_rng(0).permutation(cat.reshape(-1, 3)).reshape(cat.shape)
both = np.stack([cat, shuffled])
measures = {"sum of squares": (both**2).sum(axis=(1, 2, 3)), "total variation": variation(both)}
pd.DataFrame(measures, index=["cat", "its pixels, shuffled"]).round(-1)

# %% [markdown]
# To L2, a cat and a heap of its pixels are equally good. Total variation tells them apart.
#
# **Exercise 1.** Write it for one picture. Stuck? Run `hint("total_variation")`.


# %% exercise="total_variation"
def total_variation(picture):
    """picture (height, width, channels). Returns one number."""
    ### BEGIN SOLUTION
    down = np.abs(picture[1:] - picture[:-1]).sum()
    right = np.abs(picture[:, 1:] - picture[:, :-1]).sum()
    return down + right
    ### END SOLUTION


# %% check="total_variation"
check(total_variation)

# %% [markdown]
# Our second network is the small ZFNet of lesson 26, which knows six coloured shapes on patterned grounds. `maximise`
# is `climb` for a logit or any unit, with both priors; its L2 counts from grey, 0.5. With total variation the picture
# is also moved a little at random before each step (**jitter**), so that no detail can rely on its exact place.

# %% tags=["T307", "T311", "G57"]
zfnet = zoo.load("shapes_zfnet")
shape_names = zoo.card("shapes_zfnet").class_names
real = data.shapes(300, seed=3, size=64)
priors = {"no prior": {}, "L2": {"l2": 0.2}, "total variation": {"tv": 0.02, "jitter": 4}}
ascents = {name: maximise(zfnet, range(6), steps=60, learning_rate=0.03, **prior) for name, prior in priors.items()}
best = ops.convert_to_numpy(logits(zfnet)(real.images)).max(axis=1).mean()
compared = {"300 real pictures": {"mean logit": best, "total variation": variation(real.images).mean()}}
for name, ascent in ascents.items():
    compared[name] = {"mean logit": ascent.scores[-1].mean(), "total variation": variation(ascent.images).mean()}
assert compared["total variation"]["mean logit"] > 2 * best
stars = [ascent.images[4] for ascent in ascents.values()]
show(
    charts.gallery(stars, [f"star, {name}" for name in priors], size=1.7),
    alt="The class image of the star without a prior, coloured noise with stripes; with L2 fewer of them on grey; with total "
    "variation, smooth rays on grey.",
    colours=32,
)
show(
    charts.gallery(ascents["total variation"].images, shape_names, columns=6),
    alt="Six class images with total variation: a round edge, two straight edges, three sides, a block of stripes, "
    "rays, and an oval of stripes.",
    colours=32,
)
pd.DataFrame(compared).T.round()

# %% [markdown]
# Without a prior the logit is many times that of real pictures, and the picture is noise. With one it is lower, and
# the picture calmer, though colours are still wild and edges doubled.
#
# Does a prior also bring the pictures nearer to *real* ones? Recorded for digits: five LeNets drew ten class images
# from five starts each, with $\alpha = 0.1$ for either prior. *Likeness* is the highest correlation with one of the
# 3,500 training digits of that class. The *artist* is the network that drew; the *judge* a second LeNet, trained
# from other first weights. What will it read in a picture without a prior?

# %% tags=["T311"]
drawn = evidence("drawn")
closer = compare(drawn, "kind", "likeness", against="no prior")
dearer = compare(drawn, "kind", "logit", against="no prior")
for kind in ("L2", "total variation"):
    assert closer.loc[kind, "low"] > 0 and dearer.loc[kind, "high"] < 0
show(
    charts.dots(
        dict(iter(drawn.groupby("kind", sort=False).likeness)), "likeness to the nearest real digit of the class"
    ),
    alt="Likeness to real digits, five dots each: noise below 0.1, no prior about 0.4, total variation about 0.5, L2 "
    "about 0.6, real test digits above 0.8.",
)
columns = ["logit", "variation", "artist", "judge", "likeness"]
drawn.groupby("kind", sort=False)[columns].mean().round(2)

# %% [markdown]
# **Both priors bring the pictures nearer to real digits**, though not as near as other real ones, *and both cost
# score*. And the judge: on average, with a prior or without, it reads more than nine in ten. (It is of the same kind
# and learnt from the same digits.)
#
# ## Not only classes
#
# Any unit can be climbed. Here are units in the middle of the maps of four layers, cut to the pixels that they see. In
# which layer do you see the first *part of a shape*?

# %% tags=["T309", "gallery"]
shown, sides = {}, {"relu1": 7, "relu2": 27, "relu3": 43, "relu5": 64}
for name in sides:
    maps = activations(zfnet, real.images[:100], name)[name]
    units = np.argsort(-maps.max(axis=(0, 1, 2)))[:5]  # those that answer most strongly
    middle = (maps.shape[1] // 2, maps.shape[2] // 2)
    options = {"layer": name, "place": middle, "tv": 0.003, "jitter": 2, "seed": 1}
    shown[name] = maximise(zfnet, units, steps=30, **options).images
show(
    figures.unit_grid(shown, sides),
    alt="Units of four layers: coloured edges of 7 by 7 pixels, stripes and bends, then arcs and "
    "corners, and in layer 5 rays, rings and crossing stripes.",
    colours=32,
)

# %% [markdown]
# Coloured edges, then stripes and bends, arcs, and at last rings and rays. Take such names with care: one sees what
# one looks for.
#
# ## What it costs, and what it hides
#
# Is one picture for a unit *the* picture? Start from other noise. The table gives the root mean square difference of
# two pictures, averaged over all pairs.

# %% tags=["T310"]
chosen = [0, 2, 4]
begin = perf_counter()
ascent = maximise(zfnet, chosen, 4, steps=60, learning_rate=0.03, **priors["total variation"])
half_way = perf_counter()
saliency(zfnet, real.images[:12])
seconds = {"60 steps of ascent": half_way - begin, "one saliency map": perf_counter() - half_way}
many = ascent.images.reshape(3, 4, 64, 64, 3)
show(
    figures.rows({"circle": many[0], "star": many[2]}, [f"start {place}" for place in (1, 2, 3, 4)]),
    alt="Four starts each for circle and star: rings and rays at other places; one star has more rays at the edge.",
    colours=32,
)
apart = {}
for row, label in zip(many, chosen, strict=True):
    alike = real.images[real.labels == label][:4]
    apart[shape_names[label]] = {"four starts": diversity(row), "four real pictures": diversity(alike)}
assert (ascent.scores[-1] > best).mean() > 0.7 and all(
    each["four starts"] > 0.7 * each["four real pictures"] for each in apart.values()
)
print("ms a picture:", {name: round(1000 * each / 12) for name, each in seconds.items()})
pd.DataFrame(apart).T.rename_axis("pixels differ by").round(2)

# %% [markdown]
# An ascent of 60 steps takes 60 gradients, a saliency map one. And each start ends elsewhere: these pictures of a
# class differ nearly as much as real ones. One picture hides that; four show some of it, for four times the price.
#
# ## From features back to a picture
#
# Now do not ask for the best picture, but for one which a layer takes for *this* picture. With $\Phi$ for all that the
# network computes up to that layer, and $\Phi_0$ for its answer to the picture,
#
# $$\mathbf x^* = \arg\min_{\mathbf x} \; \|\Phi(\mathbf x) - \Phi_0\|^2 + \alpha\,\mathrm{TV}(\mathbf x).$$
#
# By hand: a layer keeps only the sum of two pixels. To (0.2, 0.8) it says 1, and so it does to (0.5, 0.5), which
# descent finds from black, and to (0.9, 0.1), where it stays if it starts there. So an error in *pixels* has two
# sources: what the layer has lost, and what start and prior chose instead.
#
# Now four layers of the network for shapes, a shape, and a cat such as it has never seen. `invert` goes down from
# noise by Adam; it divides the first term by $\|\Phi_0\|^2$ and TV by the number of values. The first layer is
# inverted twice: with a weak prior (0.2) and a strong one (5). Which losses are the layer's?

# %% tags=["T311", "T312", "G58"]
originals = np.stack([real.images[2], cat])
settings = {"relu1, strong prior": ("relu1", 5)} | {name: (name, 0.2) for name in ("relu1", "pool1", "pool2", "pool5")}
back, errors = {}, {}
for title, (name, tv) in settings.items():
    back[title] = invert(zfnet, name, originals, tv=tv, steps=200, learning_rate=0.05).images
    errors[title] = pixel_error(originals, back[title])
assert (errors["relu1"] < errors["pool5"]).all() and errors["relu1"][0] < errors["relu1, strong prior"][0]
show(
    figures.inversions(originals, back, errors),
    colours=64,
    alt="A ring and a cat called back. From relu1 with a strong prior the chequered ground is smooth and the cat has no "
    "stripes; with a weak one both are back. From pool1 and pool2 a noisy ring and hardly a cat; from pool5 specks.",
)

# %% [markdown]
# With the strong prior the pattern of the ground seems lost in the very first layer. With the weak one it is back. One
# shape proves nothing; recorded are five shapes and five photos, and an *untrained twin*: the same layers with fresh
# weights, and the strong prior. The table tells how alike the shape's ground is to what it was: the correlation of the
# pixels outside the shape.

# %% tags=["T312", "H29", "T311"]
inverted = evidence("inverted")
trained, deep = inverted[inverted.network == "trained"], list(dict.fromkeys(inverted.layer))
curves = {}
for (network, tv), rows in inverted.groupby(["network", "strength"]):
    title = f"{network}, {'weak' if tv < 1 else 'strong'} prior"
    curves[title] = rows.pivot(index="layer", columns="seed", values="error").loc[deep]
grey = {"plain grey": inverted.grey.mean()}
show(
    charts.lines(curves, deep, "layer that was inverted, the deepest on the right", "pixel error", levels=grey),
    alt="The pixel error of three kinds of inversion grows from relu1 to pool5. With the weak prior it ends above the line "
    "of plain grey, with the strong one near it; from pool1 on the band of the untrained twin is widest.",
    colours=32,
)
weak = trained[trained.strength == 0.2]
for above, below in itertools.pairwise(deep):
    assert compare(weak[weak.layer.isin([above, below])], "layer", "error", against=above).loc[below, "low"] > 0
prior_took = compare(trained[trained.layer == "relu1"], "strength", "ground", against=5)
layer_took = compare(weak, "layer", "ground", against="relu1")
assert prior_took.loc[0.2, "low"] > 0 and layer_took.loc["pool1", "high"] < 0
inverted.pivot_table(index="layer", columns=["network", "strength"], values="ground", sort=False).round(2)

# %% [markdown]
# **In the first layer it was the strong prior that wiped out the ground, not the layer**: with a weak one it comes
# back. **With the weak prior the error in pixels grows from each layer to the next.** **Behind the first pooling less
# of it comes back than from the first layer**, **and from the second on next to nothing does**, with either prior. At
# the end plain grey is, pixel by pixel, no farther from the picture than what was found for the trained network.
#
# Has *learning* thrown the ground away, as no class hangs on it? We could not tell: with the strong prior, in no layer
# does the error of the untrained twin differ by more than chance. And an inversion shows what was kept at *least*: a
# better prior, or more steps, may find more.
#
# ## The way back through the network
#
# There is a quicker way from a unit to pixels: send its answer *back*, layer by layer. A convolution has a way back,
# the transposed one (lesson 11). But **how can max pooling be inverted?** Three numbers of four are gone. Lesson 12
# had the answer: *switches*, which note where each maximum stood.

# %% tags=["T313", "Q40"]
pool = layers.MaxPooling2D(2)
numbers = np.array([[1.0, 5, 2, 0], [3, 2, 1, 4], [0, 1, 7, 6], [8, 2, 3, 5]])
maxima = pool.forward(numbers[None, :, :, None])
unpooled = pool.unpool(maxima)
assert np.array_equal(pool.forward(unpooled), maxima)  # pooled again, they are the same
panels = {"map": numbers, "maxima": maxima[0, :, :, 0]}
panels |= {"switches": pool.switches[0, :, :, 0], "unpooled": unpooled[0, :, :, 0]}
show(
    grids.row_of_grids(panels, framed={"map": unpooled[0, :, :, 0] > 0}),
    alt="A map of 4 by 4, its four maxima, the switches 1, 3, 2 and 0, and the maxima back at their "
    "old places among zeros.",
    colours=32,
)

# %% [markdown]
# **Exercise 2.** Write it for one map, windows side by side. A switch counts the places of its window in reading order.


# %% exercise="unpool"
def unpool(maxima, switches, pool_size):
    """maxima and switches (rows, columns). Returns (rows * pool_size, columns * pool_size)."""
    ### BEGIN SOLUTION
    result = np.zeros((maxima.shape[0] * pool_size, maxima.shape[1] * pool_size))
    for (i, j), value in np.ndenumerate(maxima):
        row, column = divmod(int(switches[i, j]), pool_size)
        result[i * pool_size + row, j * pool_size + column] = value
    return result
    ### END SOLUTION


# %% check="unpool"
check(unpool)

# %% [markdown]
# And ReLU? Three rules are in use. The *gradient* passes where the *input* was positive. Zeiler and Fergus'
# *deconvnet* applies a ReLU to what comes *back*: it passes where that is positive. *Guided* back-propagation
# wants both. Try them on a tiny network, back from the strongest answer of a filter. `project` of our library does it
# for a Keras model, and checks us here.

# %% tags=["T313", "T314", "nbval-check-output"]
rules = {
    "gradient": lambda signal, x: signal * (x > 0),
    "deconvnet": lambda signal, x: np.maximum(signal, 0),
    "guided": lambda signal, x: np.maximum(signal, 0) * (x > 0),
}
rng = np.random.default_rng(0)
lower, upper = layers.Conv2D(1, 4, 3, rng), layers.Conv2D(4, 3, 2, rng)
picture = rng.random((1, 8, 8, 1))
before_relu = lower.forward(picture)
answers = upper.forward(pool.forward(np.maximum(before_relu, 0)))
signal = np.zeros_like(answers)  # 1 at the strongest answer of filter 1
signal[..., 1].flat[answers[..., 1].argmax()] = 1
at_pooling = pool.unpool(upper.backward(signal))  # to the switches

twin = keras.Sequential([keras.Input((8, 8, 1))])
twin.add(keras.layers.Conv2D(4, 3, activation="relu"))
twin.add(keras.layers.MaxPooling2D(2))
twin.add(keras.layers.Conv2D(3, 2, name="last"))
twin.set_weights([array for each in (lower, upper) for array in each.parameters.values()])
agrees = {}
for name, rule in rules.items():
    theirs = project(twin, picture, "last", 1, rule=name)
    agrees[name] = np.allclose(lower.backward(rule(at_pooling, before_relu)), theirs, atol=1e-5)
pd.Series(agrees, name="as project").to_frame()

# %% [markdown]
# ## Layers 2, 3 and 5
#
# All three agree with `project`. Now the trained network: for one unit of each layer, the nine patches to which it
# answers most, of photos for layer 2 and of shapes for 3 and 5, and under each what the three rules send back.


# %% tags=["T314", "G59"]
def patches(number, unit, searched):
    name = f"relu{number}"
    top = strongest(zfnet, name, unit, searched, k=9)
    images, places = searched[top.indices], top.places
    sent_back = {rule: project(zfnet, images, name, unit, rule=rule, places=places) for rule in rules}
    return figures.patches(searched, top, sent_back, f"layer {number}, unit {unit}")


crops = [
    photo[row : row + 128 : 2, column : column + 128 : 2].astype("float32")
    for photo in data.photos().values()
    for row in range(0, photo.shape[0] - 127, 128)
    for column in range(0, photo.shape[1] - 127, 128)
]
for number, unit, searched, alt in (
    (2, 24, np.array(crops), "Nine pieces of photos with edges, stripes or a bright spot; mottled signals under each."),
    (3, 17, real.images, "Nine discs: a cloud of specks by the gradient, arcs of the edge by both others."),
    (5, 17, real.images, "Nine triangles: a cloud by the gradient, one or two sides by both others."),
):
    show(patches(number, unit, searched), alt=alt, colours=40)

# %% [markdown]
# In photos, the unit of layer 2 answers most to edges, stripes and bright spots; among shapes, that of layer 3 to
# discs and that of layer 5 to triangles, most of them green. The gradient is a slope. The others look tidier, but are
# not slopes: on the way back they drop what speaks *against* the unit.
#
# ## A step that nobody sees
#
# Let a score be a sum of $n$ pixels with weights 1 and −1. Move each pixel by just $\varepsilon$, up or down by the
# *sign* of its weight: the score grows by $\varepsilon n$. By random signs it changes by a sum of $n$ coin tosses
# $\pm\varepsilon$: mean 0, standard deviation $\varepsilon \sqrt n$. With $\varepsilon = 0.01$ and 10,000 pixels, that
# is 100 against 1.
#
# Many changes too small to see add up to a large one, *if they all pull the same way*; random signs mostly cancel.
# Real networks are not linear, but along a short step nearly so. That is the idea of the **fast gradient sign method**
# (FGSM): $\mathbf x' = \mathbf x + \varepsilon\,\mathrm{sign}\,\nabla_{\mathbf x}\, \ell$, where $\ell$ is the loss
# for the true class.
#
# **Exercise 3.** Write it for a single sigmoid unit that tells class 1 from class 0.


# %% exercise="fgsm"
def fgsm(pictures, labels, weights, bias, epsilon):
    """pictures (number, pixels), labels 0 or 1 (number,), weights (pixels,).
    Returns pictures with a higher loss, each pixel moved by epsilon, clipped to 0..1."""
    ### BEGIN SOLUTION
    p = 1 / (1 + np.exp(-(pictures @ weights + bias)))
    slope = (p - labels)[:, None] * weights
    return np.clip(pictures + epsilon * np.sign(slope), 0, 1)
    ### END SOLUTION


# %% check="fgsm"
check(fgsm)

# %% [markdown]
# On a trained network the slope comes from the library. From which $\varepsilon$ on do *you* see the change? From
# which does the network give way?

# %% tags=["T315", "T316", "widget"]
new = data.shapes(240, seed=4, size=64)


def loss(x):
    true_class = np.eye(6, dtype="float32")[new.labels[:8]]
    return -ops.sum(ops.log_softmax(logits(zfnet)(x)) * true_class, axis=1)


(uphill,) = gradients(loss, new.images[:8])
attack = figures.Attack(zfnet, new.images[:8], np.sign(uphill), new.class_names)
show(
    attack.sheet(picture=2, epsilons=[0.01, 0.02, 0.04, 0.08, 0.16]),
    alt="A circle pushed by 0.01 to 0.16. By the sign of the slope it is a square to the network from 0.02 on, then a cross; by "
    "random signs it stays a circle up to 0.08. From 0.08 on both are visibly grainy.",
    colours=64,
)
explore(
    attack.at,
    alt="A picture, the same with each pixel moved by epsilon, and bars for the probability of each "
    "class before and after.",
    picture=(0, 7, 1),
    epsilon=(0.0, 0.16, 0.01),
    direction=["sign of the slope", "random signs"],
)

# %% [markdown]
# This circle gives way at 0.02. One picture proves nothing: recorded are five sets of 120 new shapes, and five LeNets
# with 400 test digits each. Of the pictures that were read right, how many are misread after the push?

# %% tags=["T315", "T316", "H30"]
attacks = evidence("attacks")
pushes = attacks[attacks.way != "to a class"]
curves = {
    subject: {
        way: some.pivot(index="epsilon", columns="seed", values="share")
        for way, some in rows.groupby("way", sort=False)
    }
    for subject, rows in pushes.groupby("subject", sort=False)
}
show(
    charts.lines(
        curves,
        sorted(set(pushes.epsilon)),
        "ε, of a range from 0 to 1",
        "misread",
        log="x",
        percent=True,
    ),
    alt="Share misread against epsilon. Shapes: by the sign of the slope two fifths at 0.02 and three quarters at 0.16; random "
    "signs hardly any up to 0.08, a third at 0.16. Digits: few at 0.02, seven tenths at 0.16; random signs hardly any.",
    colours=32,
)
for _, rows in pushes.groupby(["subject", "epsilon"]):
    gap = compare(rows, "way", "share", against="random signs").loc["sign of the slope"]
    assert gap["low"] > 0

# %% [markdown]
# **At every ε that was tried, the sign of the slope fools both kinds of networks on more pictures than random signs
# do.** But random signs are not harmless: up to 0.08 they fool hardly any picture, at 0.16 a third of the shapes.
#
# From 0.08 to 0.16 the curve of the shapes hardly rises: a slope taken at the start need not hold far from it. So take
# many short steps, and *choose* what the network shall see: climb the log-probability of the target. That is `climb`
# again, from a picture instead of noise.

# %% tags=["T315"]
triangle = new.images[new.labels == 2][:1]


def ring(x):
    return ops.log_softmax(logits(zfnet)(x))[:, 5]


changed = climb(ring, triangle, learning_rate=0.003, steps=25)
(was,), (became,) = predictions(zfnet, triangle), predictions(zfnet, changed)
assert shape_names[was] == "triangle" and shape_names[became] == "ring"
levels = 255 * np.sqrt(np.mean((changed - triangle) ** 2))
print(f"from {shape_names[was]} to {shape_names[became]}: a pixel moved by {levels:.1f} of 255 levels")

# %% [markdown]
# `targeted` of our library does it for many pictures and stops each as soon as the network is 90 % sure. So Stanford's
# course CS231n makes an elephant a koala, and a schooner an iPod. Here are two shapes and two digits.


# %% tags=["T315", "T316", "G60", "picture"]
def said(network, class_names, images):
    shares = probabilities(network, images)
    return [f"{class_names[row.argmax()]}, {row.max():.0%}" for row in shares]


def fooled_pairs(network, class_names, images, wanted, step):
    made = targeted(network, images, wanted, step=step, steps=60, confidence=0.9)
    texts = zip(said(network, class_names, images), said(network, class_names, made.images), strict=True)
    return figures.adversarial(images, made.images, list(texts))


show(
    fooled_pairs(zfnet, shape_names, new.images[[0, 1]], np.array([4, 5]), step=0.003),
    alt="Two squares, each as it was and as the network takes it for a star and for a ring; faint ripples show on smooth "
    "ground. The difference ten times over: coloured ripples all about the shape.",
    colours=96,
)
show(
    fooled_pairs(lenet, numerals, digits.test.images[[0, 100]], np.array([5, 7]), step=0.01),
    alt="Two digits, as they were and as they fool LeNet: here the change can be seen, strokes fade and a grey haze "
    "gathers about them.",
    colours=32,
)

# %% [markdown]
# How small is small? Compare the change with the way to the nearest *real* picture of the class asked for, in the same
# set. Recorded: 40 pictures of each kind and seed, each towards a class drawn by chance, rounded to 256 levels.

# %% tags=["T315", "T316", "H30"]
steps_to_a_class = attacks[attacks.way == "to a class"]
ways = compare(steps_to_a_class, "subject", "of_the_way", against="digits")
assert ways.loc["shapes", "high"] < 0 and steps_to_a_class.share.min() > 0.8
reported = steps_to_a_class.groupby("subject", sort=False)[["share", "levels", "of_the_way"]].mean()
reported.columns = ["get there", "levels a pixel moves", "of the way to a real picture"]
reported.round(3)

# %% [markdown]
# **For the shapes the change is a smaller part of that way than for the digits.** Yet both networks read nearly all
# new pictures: accuracy does not tell how far the border is. Why they differ we have not tested.
#
# ## Fool a real network
#
# A stronger attack keeps each pixel within $\varepsilon$ of the original and takes many short steps (**projected
# gradient**: after each, back into that box). The course's ResNet reads 90 % of the test photos of CIFAR-10. How many
# levels of 255 will make of a cat each of the nine other words?
#
# **Exercise 4.** Write one step. The cell below the check lets yours loose on the ResNet.


# %% exercise="attack_step"
def attack_step(picture, slope, original, epsilon, learning_rate):
    """picture, slope and original have the same shape. Returns the picture after a step of learning_rate for every
    pixel, up by the sign of its slope; none ends farther than epsilon from the original, or outside 0..1."""
    ### BEGIN SOLUTION
    moved = picture + learning_rate * np.sign(slope)
    return np.clip(np.clip(moved, original - epsilon, original + epsilon), 0, 1)
    ### END SOLUTION


# %% check="attack_step"
check(attack_step)

# %% tags=["T315", "T316", "G60", "gallery"]
resnet, words = zoo.load("cifar_resnet"), zoo.card("cifar_resnet").class_names
small_cat = resize(data.photos()["cat"][:300, 100:400], (32, 32), anti_aliasing=True).astype("float32")
cats = np.repeat(small_cat[None], 9, axis=0)
others = np.delete(np.arange(10), predictions(resnet, cats[:1]))  # the nine other words


def other_word(x):
    return ops.sum(ops.log_softmax(logits(resnet)(x)) * np.eye(10, dtype="float32")[others], axis=1)


def attacked(value_and_slope, epsilon, steps=20):
    pictures = cats
    for _ in range(steps):
        _, (slope,) = value_and_slope(pictures)
        pictures = np.asarray(attack_step(pictures, slope, cats, epsilon, epsilon / 4), "float32")
    return pictures


try:
    towards = gradient_function(other_word)
    made = {f"{levels} of 255": attacked(towards, levels / 255) for levels in (1, 2, 4, 8)}
    ends = made["8 of 255"][::8]
    texts = list(zip(said(resnet, words, cats[::8]), said(resnet, words, ends), strict=True))
    show(
        figures.adversarial(cats[::8], ends, texts),
        alt="A small cat, twice, then an airplane and a truck to the network; only ten times over the change shows.",
        colours=96,
    )
    print("words of nine:", {epsilon: int((predictions(resnet, x) == others).sum()) for epsilon, x in made.items()})
except NotImplementedError as missing:
    print(missing)

# %% [markdown]
# For this cat, 1 level of 255 reaches no other word, 2 reach eight, and 8 all nine: above, these hardly show. (One
# photo; try others.)
#
# ## One slope, five uses
#
# | method | starts at | climbs | held back by | tells |
# |---|---|---|---|---|
# | class image | noise | a logit | L2, TV, jitter | what would be even more of a star |
# | unit image | noise | a unit | the same | what a unit waits for, one answer of many |
# | inversion | noise | likeness of features | TV | what a layer has kept, if the prior is weak |
# | deconvnet, guided | a unit's answer | nothing: one way back | switches and ReLU | pixels that may have made the answer |
# | fooling | a real picture | another class | the size of the change | how far the border is |
#
# Turned around, training shows what a network wants to see, what a layer kept, and how near another answer is.
#
# ## Think about it
#
# **A class image of a star has a far higher logit than real pictures, and looks like no star. So has the network
# learnt nothing about stars?**
#
# <details><summary>Answer</summary>
#
# It has learnt what tells stars from five other shapes, among pictures of shapes. Ascent leaves these pictures, and
# asks where the network was taught nothing.
# </details>
#
# **Could a network be cured by training it on its own adversarial pictures?**
#
# <details><summary>Answer</summary>
#
# It gets better: in the work of Madry and others, networks trained on such projected attacks withstood them far more
# often, at the price of more gradients and some accuracy on clean pictures. Other kinds and sizes of change may still
# fool them.
# </details>
#
# ## Further reading
#
# - K. Simonyan and others, *Deep inside convolutional networks*, 2013,
#   [arXiv:1312.6034](https://arxiv.org/abs/1312.6034): class images with L2.
# - M. Zeiler and R. Fergus, *Visualizing and understanding convolutional networks*, 2013,
#   [arXiv:1311.2901](https://arxiv.org/abs/1311.2901): deconvnet.
# - J. Springenberg and others, *Striving for simplicity*, 2014,
#   [arXiv:1412.6806](https://arxiv.org/abs/1412.6806): guided.
# - A. Mahendran and A. Vedaldi, *Understanding deep image representations by inverting them*, 2014,
#   [arXiv:1412.0035](https://arxiv.org/abs/1412.0035).
# - I. Goodfellow and others, *Explaining and harnessing adversarial examples*, 2014,
#   [arXiv:1412.6572](https://arxiv.org/abs/1412.6572): FGSM.
# - A. Madry and others, *Towards deep learning models resistant to adversarial attacks*, 2017,
#   [arXiv:1706.06083](https://arxiv.org/abs/1706.06083): projected gradient.
# - C. Olah and others, *Feature visualization*, 2017, [doi:10.23915/distill.00007](https://doi.org/10.23915/distill.00007).
