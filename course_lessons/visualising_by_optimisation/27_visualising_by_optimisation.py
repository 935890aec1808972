# ---
# jupyter:
#   course:
#     title: "Turn training around: keep the weights, and train the picture"
#     summary: "The gradient that teaches a network can also draw what it wants to see, call a picture back from its features, and fool it."
#     objectives:
#       - "climb a score by the pixels, with a prior of the right sign"
#       - "say why one climbs the logit and not the probability, and what L2 and total variation ask for"
#       - "call pictures back from the features of any layer, and measure what each layer has lost"
#       - "send an activation back through ReLU and max pooling by three rules"
#       - "fool a network by one step or by many, and measure how small the change is"
#     needs: [12_pooling, 13_first_cnn_lenet, 26_visualising_features]
#     minutes: 85
#     data: [shapes, digits, photos]
# ---

# %% [markdown]
# Training is a walk down a slope. The pictures stand still, and the weights move until the answers are right. But the
# score of "star" is a function of the weights *and* of the pixels. It has a slope by the pixels, too.
#
# **What if we turn training around: keep the weights, and train the picture?** Let it start as grey noise, and the
# network draws what it wants to see most. Let it start as a picture of a triangle, and a few steps make the network see
# a ring, while you see nothing but the triangle. Both are the same ten lines.

# %%
from time import perf_counter

import keras
import numpy as np
from keras import ops
from scipy.stats import norm
from skimage.transform import resize

from course_lessons.visualising_by_optimisation import figures
from course_lib import data, layers, scale, zoo
from course_lib.exercises import check, hint, solution
from course_lib.explain.activations import activations, strongest
from course_lib.explain.ascent import diversity, maximise
from course_lib.explain.fooling import fgsm as library_fgsm
from course_lib.explain.fooling import fooled, targeted
from course_lib.explain.inversion import invert, pixel_error
from course_lib.explain.network import logits, predictions, probabilities
from course_lib.explain.priors import total_variation as variation
from course_lib.explain.saliency import project, saliency
from course_lib.gradients import gradient_function, gradients
from course_lib.plots import charts, grids, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## A picture of two pixels
#
# Take the smallest network, one weighted sum: the score of a picture $I$ of two pixels is $s \cdot I = 2a + b$. Its
# slope is $s$, everywhere the same. Start with black and take steps up the slope. Where does this end?


# %% tags=["T307", "nbval-check-output"]
def ascend(slope, picture, learning_rate=0.1, steps=50):
    path = [picture]
    for _ in range(steps):
        path.append(path[-1] + learning_rate * slope(path[-1]))
    return np.array(path)


s, black = np.array([2.0, 1.0]), np.zeros(2)
free = ascend(lambda picture: s, black)
for step in (10, 20, 50):
    print(f"after {step} steps: pixels {free[step]}, score {free[step] @ s:.0f}")

# %% [markdown]
# Nowhere: the best picture is infinitely bright. A network says what it likes; it does not say what a *picture* is. We
# must add that: a **prior**. The simplest says that large pixels are unlikely, and takes their squares off the score:
#
# $$I^* = \arg\max_I \; S_c(I) - \lambda \|I\|^2$$
#
# For our sum the slope is $s - 2\lambda I$, which is zero at $I^* = s / (2\lambda)$. You may have seen this written as
# $\arg\max\,[S_c(I) + \|I\|^2]$, with a plus and no $\lambda$. Try both signs with $\lambda = \frac12$.

# %% tags=["T307", "F415", "nbval-check-output"]
strength = 0.5
minus = ascend(lambda picture: s - 2 * strength * picture, black)
plus = ascend(lambda picture: s + 2 * strength * picture, black)
print("s / (2 λ) =", s / (2 * strength))
print("minus:", minus[-1].round(2))
print("plus: ", plus[-1].round(0), "of norm", np.linalg.norm(plus[-1]).round(0))
print("each step multiplies it by", (plus[-1] / plus[-2])[0].round(2))

# the prior as a probability: pixels from a normal distribution of variance 1 / (2 λ)
one, other = minus[-1], np.array([-1.0, 3.0])
deviation = np.sqrt(1 / (2 * strength))
gain = norm.logpdf(one, 0, deviation).sum() - norm.logpdf(other, 0, deviation).sum()
print("log-prior, or -λ norm²:", np.isclose(gain, strength * (other @ other - one @ one)))

# %% tags=["T307"]
show(
    figures.planes(
        {"no prior": free, "prior taken off": minus, "prior added": plus},
        s,
        (0, strength, -strength),
    ),
    alt="Pictures as points of a plane. Without a prior and with a plus the path leaves the plane; "
    "with a minus it ends at a cross, s / (2 lambda).",
    colours=32,
)

# %% [markdown]
# With a plus, every step makes the next one longer: it must diverge. Minus is no matter of taste, either.
# $-\lambda\|I\|^2$ is, up to a constant, the logarithm of a probability, and so must be any prior $R(I)$ that one
# *adds*: high for likely pictures.
#
# Move $\lambda$ below zero and above. Is there a $\lambda > 0$ with which it diverges all the same?

# %% tags=["T307", "widget"]
explore(
    figures.two_pixels,
    alt="Left, the path of the ascent on the plane of two pixels, over lines of equal score; right, the "
    "norm of the picture, step by step.",
    strength=(-0.5, 2.0, 0.1),
    learning_rate=(0.05, 0.8, 0.05),
    steps=(5, 60, 5),
)

# %% [markdown]
# (Yes: when the steps are too long. It is gradient ascent, with all the habits of descent.)
#
# **Exercise 1.** One step, for a network of one dense layer without bias. Stuck? Run `hint("ascent_step")`.


# %% exercise="ascent_step"
def ascent_step(picture, kernel, label, learning_rate, l2):
    """picture (pixels,), kernel (pixels, classes). Returns the picture after one step up
    logit of label - l2 * sum of squared pixels, clipped to 0..1."""
    ### BEGIN SOLUTION
    slope = kernel[:, label] - 2 * l2 * picture
    return np.clip(picture + learning_rate * slope, 0, 1)
    ### END SOLUTION


# %% check="ascent_step"
check(ascent_step)

# %% [markdown]
# ## What is a 3, to a network?
#
# Now a trained LeNet, which reads handwritten digits. One gradient more, one loop: the ten lines. Slopes of real
# networks are now tiny, now steep; so each step is scaled to change the pixels by about `learning_rate`.


# %% tags=["T307", "T308"]
def climb(objective, pictures, learning_rate=0.02, steps=60, scaled=True):
    """Steps up the slope of objective(pictures), one number for each; pixels stay in 0..1."""
    value_and_slope = gradient_function(objective)
    for _ in range(steps):
        _, (slope,) = value_and_slope(pictures)
        if scaled:
            size = np.sqrt(np.mean(slope**2, axis=(1, 2, 3), keepdims=True))
            slope = slope / (size + 1e-12)
        pictures = np.clip(pictures + learning_rate * slope, 0, 1)
    return pictures


lenet = zoo.load("digits_lenet")
scores = logits(lenet)  # the same network, without its softmax
one_hot = np.eye(10, dtype="float32")  # picture k is to raise logit k
rng = np.random.default_rng(0)
noise = np.clip(rng.normal(0.5, 0.05, (10, 28, 28, 1)), 0, 1).astype("float32")

# %% tags=["T308", "G57"]
dark = 0.1  # λ: how much darkness is worth


def logit(x):
    return ops.sum(scores(x) * one_hot, axis=1)


found = {
    "no prior": climb(logit, noise),
    "L2 prior": climb(lambda x: logit(x) - dark * ops.sum(x**2, axis=(1, 2, 3)), noise),
}
names = [str(digit) for digit in range(10)]
assert all(
    (predictions(lenet, images) == np.arange(10)).all() for images in found.values()
)
show(
    figures.rows(found, names),
    alt="Ten class images, without and with the L2 prior: bright strokes of a 0, 2, 3, 5, 6 and 7 "
    "can be made out; with the prior the ground turns black.",
    colours=32,
)

# %% [markdown]
# The prior takes the grey away that did not matter. Some are digits that you can read. Others show what the network
# needs and no more: two blobs and a gap are a 9, if nobody ever asked what is *not* a digit. All ten are called right,
# and with what certainty?

# %% tags=["T308", "nbval-check-output"]
sure = probabilities(lenet, found["L2 prior"])[range(10), range(10)]
print("least certain:", sure.min().round(2))
same = maximise(lenet, range(10), noise, l2=dark, centre=0, steps=60, learning_rate=0.02)
print("course_lib the same:", np.allclose(same.images, found["L2 prior"], atol=0.05))

# %% [markdown]
# ## Why not climb the probability?
#
# The network ends in a softmax. Why did we take it off? Start from a handwritten digit that the network is sure of,
# and ask for each of the ten classes. Take plain steps, not scaled. What do you expect of each?

# %% tags=["T308"]
digits = data.digits(size=28).test
start = np.repeat(digits.images[:1], 10, axis=0)


def probability(x):
    return ops.sum(lenet(x) * one_hot, axis=1)


reached = {}
for name, objective in (("logit", logit), ("probability", probability)):
    (slope,) = gradients(objective, start)
    print(f"{name:12} largest slope, by class:", *(f"{abs(g).max():.0e}" for g in slope))
    reached[name] = climb(objective, start, learning_rate=0.05, scaled=False)
digit = np.arange(10)
hits = {key: int((predictions(lenet, x) == digit).sum()) for key, x in reached.items()}
print("classes reached:", hits)
assert hits["logit"] >= 8 and hits["probability"] <= 4
show(
    figures.rows(reached, names),
    alt="From one handwritten 6: climbing the logit draws ten pictures; climbing the probability "
    "leaves nearly all of them as they were.",
    colours=32,
)

# %% [markdown]
# The slope of the probability is $p_c\,(\nabla S_c - \sum_j p_j \nabla S_j)$: the factor $p_c$ is nearly zero where
# the work begins, and the bracket where it ends. And the second part can be had by *lowering* the other scores. The
# logit has neither trouble.
#
# ## Pictures are smooth
#
# The second network knows six coloured shapes on patterned grounds. Before we climb: is L2 a good idea of what a
# picture is? Shuffle the pixels of a photo.

# %% tags=["T311", "nbval-check-output"]
cat = resize(data.photos()["cat"][:300, 80:380], (64, 64)).astype("float32")
shuffled = np.random.default_rng(0).permutation(cat.reshape(-1, 3)).reshape(cat.shape)
pair = np.stack([cat, shuffled])
steps_down = np.abs(pair[:, 1:] - pair[:, :-1]).sum(axis=(1, 2, 3))
steps_right = np.abs(pair[:, :, 1:] - pair[:, :, :-1]).sum(axis=(1, 2, 3))
total = steps_down + steps_right
squares = (pair**2).sum(axis=(1, 2, 3))
print("sum of squares, shuffled / cat:", (squares[1] / squares[0]).round(2))
print("neighbours' differences, shuffled / cat:", (total[1] / total[0]).round(1))
print("as in course_lib:", np.allclose(variation(pair), total, rtol=1e-4))

# %% [markdown]
# To L2, a cat and a heap of its pixels are equally good. The sum of the absolute differences of neighbours tells them
# apart: it is the **total variation**. $\text{TV}(I) = \sum_{x,y} |I_{x+1,y} - I_{x,y}| + |I_{x,y+1} - I_{x,y}|$,
# small for flat patches, and no dearer for one sharp edge than for a ramp.
#
# **Exercise 2.** Write it for one picture.


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
# Six classes, three priors. With total variation the picture is also moved by a few pixels at random before each step
# (**jitter**), so that no detail can rely on its exact place.

# %% tags=["T307", "T311", "G57"]
zfnet = zoo.load("shapes_zfnet")
names = zoo.card("shapes_zfnet").class_names
priors = {"no prior": {}, "L2": {"l2": 0.2}, "total variation": {"tv": 0.02, "jitter": 4}}
steps = scale(laptop=60, gpu=300)
drawn = {
    name: maximise(zfnet, range(6), steps=steps, learning_rate=0.03, **prior)
    for name, prior in priors.items()
}
real = data.shapes(300, seed=3, size=64)
best = keras.ops.convert_to_numpy(logits(zfnet)(real.images)).max(axis=1).mean()
print(f"real pictures:    mean logit {best:4.0f},", end=" ")
print(f"total variation {variation(real.images).mean():5.0f}")
for name, ascent in drawn.items():
    print(f"{name:17} mean logit {ascent.scores[-1].mean():4.0f},", end=" ")
    print(f"total variation {variation(ascent.images).mean():5.0f}")
assert drawn["total variation"].scores[-1].mean() > 2 * best

# %% tags=["T307", "T311", "G57"]
star = [ascent.images[4] for ascent in drawn.values()]
show(
    charts.gallery(star, [f"star, {name}" for name in priors], size=1.7),
    alt="The class image of the star without a prior, coloured noise with rays; with L2 the same, "
    "paler; with total variation, five smooth rays on grey.",
    colours=32,
)
show(
    charts.gallery(drawn["total variation"].images, names, columns=6),
    alt="Six class images with total variation: a round edge, two straight edges, three sides, "
    "crossing stripes, rays, and an oval of stripes.",
    colours=32,
)

# %% [markdown]
# The higher the score, the less we see: without a prior the logit is many times that of any real picture, and the
# picture is noise. The prior costs score and buys sense. Colours are wild, since any colour will do; edges are
# doubled, since an edge is what the network looks for.
#
# ## Not only classes
#
# Any unit can be climbed. Here are units in the middle of the maps of layers 1, 2, 3 and 5, cut to the pixels
# that they see. Which layer is the first with a *part of a shape*?

# %% tags=["T309", "gallery"]
shown, sides = {}, {"relu1": 7, "relu2": 27, "relu3": 43, "relu5": 64}
for layer in sides:
    maps = activations(zfnet, real.images[:100], layer)[layer]
    units = np.argsort(-maps.max(axis=(0, 1, 2)))[:5]  # those that answer most strongly
    middle = (maps.shape[1] // 2, maps.shape[2] // 2)
    options = {"layer": layer, "place": middle, "tv": 0.003, "jitter": 2, "seed": 1}
    shown[layer] = maximise(zfnet, units, steps=30, **options).images
show(
    figures.unit_grid(shown, sides),
    alt="Units of four layers: coloured edges of 7 by 7 pixels, stripes and bends, then arcs and "
    "corners, and in layer 5 rays, rings and crossing stripes.",
    colours=32,
)

# %% [markdown]
# From coloured edges to stripes and bends, to arcs, to rings and rays. Nobody told it so.
#
# ## What it costs, and what it hides
#
# One picture for a unit: is that *the* picture? Start from other noise.

# %% tags=["T310"]
chosen, starts = [0, 2, 4], 4
options = {"steps": 60, "learning_rate": 0.03, **priors["total variation"]}
ascent = maximise(zfnet, chosen, starts, **options)
many = ascent.images.reshape(3, starts, 64, 64, 3)
show(
    figures.rows(
        {"circle": many[0], "star": many[2]},
        [f"start {place + 1}" for place in range(starts)],
    ),
    alt="Four starts each for circle and star: the shape at other places, in other sizes, once "
    "or twice.",
    colours=32,
)
apart = [diversity(row) for row in many]
truly = [diversity(real.images[real.labels == label][:starts]) for label in chosen]
share = (ascent.scores[-1] > best).mean()
print(f"{share:.0%} of the starts beat the real pictures")
print("pixels differ by", *(f"{each:.2f}" for each in apart), "from start to start;")
print("real pictures of the class by", *(f"{each:.2f}" for each in truly))
assert min(apart) > 0.05 and share > 0.8

# %% tags=["T310"]
seconds = {}
for name, draw in (
    ("60 steps of ascent", lambda: maximise(zfnet, chosen, steps=60)),
    ("one saliency map", lambda: saliency(zfnet, real.images[:3])),
):
    begin = perf_counter()
    draw()
    seconds[name] = perf_counter() - begin
    print(f"{name:20} {1000 * seconds[name] / 3:6.0f} ms a picture")

# %% [markdown]
# Each start climbs its own hill. Where the shape lies, how large it is and how often it is there does not matter to
# the network: that is **invariance**, and one picture cannot show it. Four starts show some of it, for four times the
# price.
#
# ## From features back to a picture
#
# Now ask less wildly: not for the best picture, but for one which a layer takes for *this* picture. With $\Phi$ for
# all that the network computes up to that layer, and $\Phi_0$ for its answer,
#
# $$I^* = \arg\min_I \; \|\Phi(I) - \Phi_0\|^2 + \lambda\,\text{TV}(I).$$
#
# By hand: four pixels, and a layer that keeps only the sums of two neighbours.

# %% tags=["T312", "nbval-check-output"]
layer = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])  # pixels to features
picture = np.array([0.2, 0.8, 0.5, 0.5])
wanted = picture @ layer
for start in (np.zeros(4), np.array([0.9, 0.1, 0.0, 1.0])):
    path = ascend(lambda x: -2 * layer @ (x @ layer - wanted), start)
    off = np.abs(path[-1] @ layer - wanted).max()
    print(f"start {start}: found {path[-1].round(2)}, features off by {off:.2f}")

# %% [markdown]
# Two starts, two pictures, both perfect for the layer. What the sums did not keep stays as the start had it. The error
# in *pixels* tells what a layer has lost, and the prior chooses among all that fit.
#
# **Exercise 3.** The slope for a layer with ReLU.


# %% exercise="inversion_slope"
def inversion_slope(picture, kernel, wanted):
    """picture (pixels,), kernel (pixels, features), wanted (features,).
    Returns the slope, by the pixels, of the squared error of max(0, picture @ kernel)."""
    ### BEGIN SOLUTION
    sums = picture @ kernel
    error = np.maximum(sums, 0) - wanted
    return kernel @ (2 * error * (sums > 0))
    ### END SOLUTION


# %% check="inversion_slope"
check(inversion_slope)

# %% [markdown]
# Now five layers of the network for shapes, two of its own pictures, and two photos such as it has never seen. Each is
# called back from three different starts. What will be left of the cat?

# %% tags=["T312", "G58", "H29", "gallery"]
photos = data.photos()
cup = resize(photos["coffee"][:400, 100:500], (64, 64)).astype("float32")
originals = np.stack([real.images[0], real.images[2], cat, cup])
deep = ["relu1", "pool1", "pool2", "relu4", "pool5"]
steps = scale(laptop=50, gpu=400)
three = np.tile(originals, (3, 1, 1, 1))  # a start of its own for each
back, error, missed = {}, {}, {}
for layer in deep:
    inverted = invert(zfnet, layer, three, tv=5, steps=steps, learning_rate=0.05)
    back[layer] = inverted.images[:4]
    error[layer] = pixel_error(three, inverted.images).reshape(3, 4)
    missed[layer] = f"{np.median(inverted.errors[-1]):.0%}"
print("features are missed by:", missed)
show(
    figures.inversions(
        originals[[0, 2, 3]],
        {layer: images[[0, 2, 3]] for layer, images in back.items()},
        {layer: runs[0, [0, 2, 3]] for layer, runs in error.items()},
    ),
    colours=64,
    alt="A triangle, a cat and a cup called back from five layers: nearly as they were from relu1, "
    "without texture from pool2, coloured fragments of the outline from pool5.",
)

# %% tags=["T312", "H29"]
errors = np.stack([error[layer] for layer in deep])  # (layers, starts, pictures)
kinds = {"shapes": errors[:, :, :2].mean(axis=2), "photos": errors[:, :, 2:].mean(axis=2)}
grey = pixel_error(originals, np.full_like(originals, 0.5))
flat = {
    "shapes, if plain grey": grey[:2].mean(),
    "photos, if plain grey": grey[2:].mean(),
}
show(
    charts.lines(
        kinds,
        deep,
        "layer that was inverted, the deepest on the right",
        "pixel error",
        levels=flat,
    ),
    alt="The pixel error grows from layer to layer, for shapes and for photos, until it is that of a "
    "plain grey picture; three starts hardly differ.",
    colours=32,
)
for runs in kinds.values():
    assert (runs[2] > runs[0]).all() and (runs[-1] > runs[2]).all()

# %% [markdown]
# The textured ground goes first: no class hangs on it. Then colour, for the same reason. At the end there are some
# edges in wrong colours, pixel by pixel no nearer than plain grey: the features are met even better than in the first
# layer, the picture is not. Of the cat, eyes and nose last as long as a layer is general; a network that was never
# asked for cats keeps no cat.
#
# And without the prior?

# %% tags=["T311", "T312"]
pair = originals[[0, 2]]
without = invert(zfnet, "pool1", pair, tv=0, steps=steps, learning_rate=0.05).images
rows = np.concatenate([without, back["pool1"][[0, 2]]])
plain, smooth = pixel_error(pair, without), error["pool1"][0, [0, 2]]
titles = [f"without, error {e:.2f}" for e in plain] + [
    f"with TV, {e:.2f}" for e in smooth
]
show(
    charts.gallery(rows, titles, columns=4, size=1.6),
    alt="Triangle and cat from pool1: without a prior under a chequered noise; with it clean.",
    colours=32,
)
assert (smooth < plain).all()

# %% [markdown]
# ## The way back through the network
#
# There is a quicker way from a unit to pixels: send its answer *back*, layer by layer. A convolution has a way back,
# the transposed one (lesson 11). ReLU we shall discuss. But **how can max pooling be inverted?** Three numbers of four
# are gone. Lesson 12 had the answer: the **switches**, which note where each maximum stood.

# %% tags=["T313", "Q40", "nbval-check-output"]
pool = layers.MaxPooling2D(2)
numbers = np.array([[1.0, 5, 2, 0], [3, 2, 1, 4], [0, 1, 7, 6], [8, 2, 3, 5]])
maxima = pool.forward(numbers[None, :, :, None])
unpooled = pool.unpool(maxima)
panels = {"map": numbers, "maxima": maxima[0, :, :, 0]}
panels |= {"switches": pool.switches[0, :, :, 0], "unpooled": unpooled[0, :, :, 0]}
show(
    grids.row_of_grids(panels, framed={"map": unpooled[0, :, :, 0] > 0}),
    alt="A map of 4 by 4, its four maxima, the switches 1, 3, 2 and 0, and the maxima back at their "
    "old places among zeros.",
    colours=32,
)
print("pooled again, the same:", np.array_equal(pool.forward(unpooled), maxima))

# %% [markdown]
# **Exercise 4.** Write it for one map, windows side by side. A switch counts the places of its window in reading order.


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
# And ReLU? Three rules are in use. The **gradient** passes where the *input* was positive. Zeiler and Fergus'
# **deconvnet** applies a ReLU to what comes *back*: it passes where that is positive. **Guided** back-propagation
# wants both.

# %% tags=["T314", "nbval-check-output"]
rules = {
    "gradient": lambda signal, x: signal * (x > 0),
    "deconvnet": lambda signal, x: np.maximum(signal, 0),
    "guided": lambda signal, x: np.maximum(signal, 0) * (x > 0),
}
x, signal = np.array([2.0, 2, -1, -1]), np.array([1.0, -3, 1, -3])
print("input of ReLU", x, " what comes back", signal)
for name, rule in rules.items():
    print(f"{name:10}", rule(signal, x) + 0.0)

# %% [markdown]
# Put together on something tiny: convolution, ReLU, max pooling, convolution, and back again. The same network in Keras
# checks us.

# %% tags=["T313", "T314", "nbval-check-output"]
rng = np.random.default_rng(0)
first, second = layers.Conv2D(1, 4, 3, rng), layers.Conv2D(4, 3, 2, rng)
image = rng.random((1, 8, 8, 1))
sums = first.forward(image)
answers = second.forward(pool.forward(np.maximum(sums, 0)))


def send_back(filter, rule):
    """From the strongest answer of a filter to the pixels."""
    signal = answers * 0
    place = answers[..., filter].argmax()
    signal[..., filter].flat[place] = 1
    signal = pool.unpool(second.backward(signal))  # to the switches
    return first.backward(rules[rule](signal, sums))


twin = keras.Sequential([keras.Input((8, 8, 1))])
twin.add(keras.layers.Conv2D(4, 3, activation="relu"))
twin.add(keras.layers.MaxPooling2D(2))
twin.add(keras.layers.Conv2D(3, 2, name="last"))
twin.set_weights(
    [array for each in (first, second) for array in each.parameters.values()]
)
for rule in rules:
    theirs = project(twin, image, "last", 1, rule=rule)
    print(f"{rule:10} as course_lib:", np.allclose(send_back(1, rule), theirs, atol=1e-5))

# %% [markdown]
# ## Layers 2, 3 and 5
#
# For a unit of each layer: the seven patches to which it answers most, and under each what in it made the answer, by
# the three rules. For layer 2 we search crops of the photos, for 3 and 5 the shapes.

# %% tags=["T314", "G59"]
rng, crops = np.random.default_rng(0), []
for photo in photos.values():
    small = photo[::2, ::2]
    for _ in range(30):
        row, column = rng.integers(0, np.array(small.shape[:2]) - 63)
        crops.append(small[row : row + 64, column : column + 64])
crops = np.array(crops)
for name, unit, searched in (
    ("2", 24, crops),
    ("3", 17, real.images),
    ("5", 17, real.images),
):
    top = strongest(zfnet, f"relu{name}", unit, searched, k=7)
    projections = {
        rule: project(
            zfnet,
            searched[top.indices],
            f"relu{name}",
            unit,
            rule=rule,
            places=top.places,
        )
        for rule in rules
    }
    show(
        figures.patches(searched, top, projections, f"layer {name}, unit {unit}"),
        alt=f"Seven patches for layer {name}, and the pixels behind the answers by three rules: "
        "gradients are noisy, deconvnet and guided signals trace the edges that matter.",
        colours=40,
    )

# %% [markdown]
# In photos, the unit of layer 2 finds bends and stripes: a badge, a collar, a roof. Layer 3 wants something round and
# filled, layer 5 triangles of any colour and size. The gradient is the truth about the slope, and noisy; the other two
# are easier on the eye, as they drop all that speaks *against* the unit.

# %% [markdown]
# ## A step that nobody sees
#
# Now the other use of the slope. Let a score be a sum of $n$ pixels with weights of about the same size. Move each
# pixel by just $\varepsilon$, every one in the direction of the *sign* of its weight: the score grows by
# $\varepsilon \sum |w_i|$. Move them by random signs instead. How do the two grow with the number of pixels?

# %% tags=["T315", "nbval-check-output"]
epsilon = 0.01
for pixels in (100, 1_000, 10_000, 100_000):
    gains = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        weights = rng.choice([-1.0, 1.0], pixels)
        gains.append(weights @ (epsilon * rng.choice([-1.0, 1.0], pixels)))
    gain = weights @ (epsilon * np.sign(weights))
    print(f"{pixels:7} pixels: by the sign {gain:6.0f}", end=", ")
    print(f"by random signs {np.abs(gains).max():4.1f} at most")

# %% [markdown]
# In a large picture, many changes too small to see add up to a large one, *if they all pull the same way*. Random
# noise cancels. That is the **fast gradient sign method** (FGSM): $I' = I + \varepsilon\,\mathrm{sign}\,\nabla_I L$,
# where $L$ is the loss of the true class.
#
# **Exercise 5.** Write it for a single sigmoid unit that tells class 1 from class 0.


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
# On the trained networks the slope comes from the library for gradients. One slope does for every $\varepsilon$.


# %% tags=["T315", "T316"]
def away_from(network, images, labels):
    """For every pixel, the sign of the slope of the loss."""
    true_class = np.eye(network.output_shape[-1], dtype="float32")[labels]

    def loss(x):
        return -ops.sum(ops.log_softmax(logits(network)(x)) * true_class, axis=1)

    return np.sign(gradients(loss, images)[0])


number = scale(laptop=240, gpu=450)
new = data.shapes(number, seed=4, size=64)
subjects = {
    "shapes": (zfnet, new.images, new.labels, new.class_names),
    "digits": (lenet, digits.images[:number], digits.labels[:number], digits.class_names),
}
signs = {name: away_from(*subject[:3]) for name, subject in subjects.items()}
by_hand = np.clip(new.images[:20] + 0.03 * signs["shapes"][:20], 0, 1)
theirs = library_fgsm(zfnet, new.images[:20], new.labels[:20], epsilon=0.03)
print("as in course_lib:", np.mean(np.isclose(by_hand, theirs, atol=1e-6)) > 0.999)

# %% [markdown]
# Push a picture yourself. From which $\varepsilon$ on do *you* see it? From which does the network give way?

# %% tags=["T316", "widget"]
attack = figures.Attack(zfnet, new.images[:8], signs["shapes"][:8], new.class_names)
show(
    attack.sheet(picture=2, epsilons=[0.02, 0.08]),
    alt="One shape pushed by 0.02 and 0.08: by the sign of the slope the answer soon changes, by random "
    "signs it stays.",
    colours=64,
)
explore(
    attack.at,
    alt="A picture, the same with each pixel moved by epsilon, and bars for the probability of each "
    "class before and after.",
    picture=(0, 7, 1),
    epsilon=(0.0, 0.1, 0.005),
    direction=["sign of the slope", "random signs"],
)

# %% tags=["T316", "H30"]
epsilons = [0.01, 0.02, 0.04, 0.08, 0.16]
rng, panels = np.random.default_rng(0), {}
for name, (network, images, labels, _) in subjects.items():
    ways = {
        "sign of the slope": signs[name],
        "random signs": rng.choice([-1.0, 1.0], images.shape).astype("float32"),
    }
    panels[name] = {}
    for way, direction in ways.items():
        rates = []
        for epsilon in epsilons:
            pushed = np.clip(images + epsilon * direction, 0, 1)
            wrong = predictions(network, pushed) != labels
            rates.append(wrong.reshape(3, -1).mean(axis=1))  # three sets of pictures
        panels[name][way] = rates
show(
    charts.lines(
        panels,
        epsilons,
        "ε, of a range from 0 to 1",
        "share of the pictures fooled",
        log="x",
        percent=True,
    ),
    alt="Share fooled against epsilon. Shapes: a third or more at 0.02, three quarters at 0.08. "
    "Digits: few below 0.04, nearly all at 0.16. Random signs fool hardly any.",
    colours=32,
)
assert np.mean(panels["shapes"]["sign of the slope"][2]) > 0.4
assert np.mean(panels["shapes"]["random signs"][2]) < 0.05

# %% [markdown]
# One step of a few hundredths fools the network for shapes on many pictures; noise of the same size, on none. The one
# for digits holds out far longer. More $\varepsilon$ need not fool more: one long step leaves the place for which the
# slope was true.
#
# So take many short ones, and *choose* what the network shall see: climb the log-probability of the target. That is
# `climb` again, from a picture instead of noise.

# %% tags=["T315", "nbval-check-output"]
triangle = new.images[new.labels == 2][:1]


def ring(x):
    return ops.log_softmax(logits(zfnet)(x))[:, 5]


changed = climb(ring, triangle, learning_rate=0.003, steps=25)
for image in (triangle, changed):
    print("the network sees a", names[predictions(zfnet, image)[0]])
levels = 255 * np.abs(changed - triangle).mean()
print(f"mean change of a pixel: {levels:.0f} of 255 levels")

# %% [markdown]
# The library does it for many pictures, each towards a class drawn by chance, and stops as soon as the network is 90 %
# sure. Elephants have been made koalas in this way, and schooners iPods.

# %% tags=["T315", "T316", "H30"]
rng, attacked = np.random.default_rng(1), {}
for name, (network, images, labels, words) in subjects.items():
    images, labels = images[:100], labels[:100]
    targets = (labels + rng.integers(1, len(words), 100)) % len(words)
    step = 0.003 if name == "shapes" else 0.01
    made = targeted(network, images, targets, step=step, steps=40, confidence=0.9)
    attacked[name] = (images, made.images, targets)
    norms = fooled(network, images, made.images, labels).l2
    saved = np.round(255 * made.images) / np.float32(255)  # as an image file keeps it
    still = predictions(network, saved) == targets
    typical = 255 * np.median(norms) / np.sqrt(images[0].size)
    print(
        f"{name}: {made.reached.mean():.0%} become the class asked for, "
        f"{still.mean():.0%} after saving;"
    )
    print(
        f"        median {np.median(made.steps):.0f} steps, L2 norm {np.median(norms):.2f}, "
        f"{typical:.0f} of 255 levels a pixel"
    )
    assert made.reached.mean() > 0.9 and still.mean() > 0.8


# %% tags=["T316", "G60", "picture", "gallery"]
def said(network, words, images):
    shares = probabilities(network, images)
    return [f"{words[row.argmax()]}, {row.max():.0%}" for row in shares]


def typical_pairs(name):
    """Before and after, for a change that is longer than 25 and one longer than 50 of 100."""
    network, _, _, words = subjects[name]
    images, made, _ = attacked[name]
    norms = np.linalg.norm((made - images).reshape(100, -1), axis=1)
    pair = np.argsort(norms, kind="stable")[[25, 50]]
    answers = (said(network, words, x[pair]) for x in (images, made))
    return images[pair], made[pair], list(zip(*answers, strict=True))


show(
    figures.adversarial(*typical_pairs("shapes")),
    alt="Two shapes, each as it was and as it fools the network with over 90 %; the difference can "
    "hardly be seen, and ten times enlarged shows coloured ripples about the edges.",
    colours=96,
)

# %% tags=["T316", "G60"]
show(
    figures.adversarial(*typical_pairs("digits")),
    alt="Two digits, as they were and as they fool the small network: here the change can be seen, "
    "strokes fade and others begin.",
    colours=32,
)

# %% [markdown]
# (A quarter of all changes are smaller than those in the upper row, and half are smaller than those in the lower.) The
# shapes look the same. In the digits one sees it: strokes fade, others begin. How small is small? Compare with the
# nearest *real* picture of the class asked for.

# %% tags=["H30"]
lengths = {}
for name, (images, made, targets) in attacked.items():
    _, everything, classes, _ = subjects[name]
    nearest = [
        np.linalg.norm(
            (everything[classes == target] - image).reshape(-1, image.size), axis=1
        )
        for image, target in zip(images, targets, strict=True)
    ]
    change = np.linalg.norm((made - images).reshape(100, -1), axis=1)
    lengths[name] = (change, np.array([distances.min() for distances in nearest]))
show(
    figures.sizes(lengths),
    alt="Lengths on a logarithmic axis. Shapes: changes about a tenth of the way to the nearest real "
    "picture of the class. Digits: about half of the way.",
    colours=32,
)
ratio = {name: np.median(change / way) for name, (change, way) in lengths.items()}
print({name: f"{share:.0%} of the way" for name, share in ratio.items()})
assert ratio["shapes"] < 0.2 < ratio["digits"] < 0.8

# %% [markdown]
# Two networks, both right on almost all pictures; one gives way to a push that is a small part of the way to a real
# picture, the other needs a large part. Accuracy does not tell. The digits have sixteen times fewer numbers for a push
# to add up over. And what both have learnt holds where pictures are; between the pictures nobody told them anything.

# %% [markdown]
# And a photograph? The course's ResNet learnt from the small photos of CIFAR-10. Ask it for a cat, and for each of its
# nine other words. Which is the shortest way out of the cat, and which the longest?

# %% tags=["T315", "T316", "G60", "gallery"]
resnet, words = zoo.load("cifar_resnet"), zoo.card("cifar_resnet").class_names
square = photos["cat"][:300, 100:400]
photo = resize(square, (32, 32), anti_aliasing=True).astype("float32")
(seen,) = predictions(resnet, photo[None])
wanted = np.delete(np.arange(10), seen)
nine = np.repeat(photo[None], 9, axis=0)
made = targeted(resnet, nine, wanted, step=0.002, steps=60, confidence=0.9)
norms = fooled(resnet, nine, made.images, np.full(9, seen)).l2
levels = 255 * norms / np.sqrt(photo.size)
print(f"{made.reached.sum()} of 9 reached; levels of 255 that a pixel moves:")
print(
    ", ".join(f"{words[k]} {level:.1f}" for k, level in zip(wanted, levels, strict=True))
)
ends = np.argsort(norms)[[0, -1]]
told = [said(resnet, words, x[ends]) for x in (nine, made.images)]
show(
    figures.adversarial(nine[ends], made.images[ends], list(zip(*told, strict=True))),
    alt="A photo of a cat, and two of what becomes of it: nothing to be seen, and other words for it.",
    colours=96,
)
assert made.reached.all() and levels.max() < 10
animals, vehicles = [2, 4, 5, 6, 7], [0, 1, 8, 9]
near, far = (levels[np.isin(wanted, kind)].mean() for kind in (animals, vehicles))
print(f"on average {near:.1f} to the other animals, {far:.1f} to the vehicles")
assert near < far

# %% [markdown]
# A few levels of 255, and nobody would see it. Any word can be had; to the other animals it is not quite so far as to
# the vehicles.

# %% [markdown]
# ## One slope, five uses
#
# | method | starts at | climbs | held back by | tells |
# |---|---|---|---|---|
# | class image | noise | a logit | L2, TV, jitter | what would be even more of a star |
# | unit image | noise | a unit | the same | what a unit waits for, one answer of many |
# | inversion | noise | likeness of features | TV | what a layer has kept |
# | deconvnet, guided | a unit's answer | nothing: one way back | switches and ReLU | which pixels made the answer |
# | fooling | a real picture | another class | the size of the change | how far the border is |
#
# ## Think about it
#
# **A class image has probability 1 and looks like no star. So has the network learnt nothing about stars?**
#
# <details><summary>Answer</summary>
#
# It has learnt what tells stars from five other shapes, among pictures of shapes. Ascent leaves these pictures at
# once, and asks where nobody ever told the network anything. The priors are our attempt to keep it home.
# </details>
#
# **Could a network be cured by training it on its own adversarial pictures?**
#
# <details><summary>Answer</summary>
#
# It gets better: adversarial training is the best defence known, at the price of many more gradients and some
# accuracy. It is no cure: it helps against the changes that were trained, up to the size that was trained.
# </details>
#
# ## Further reading
#
# - D. Erhan and others, *Visualizing higher-layer features of a deep network*, 2009: the first ascent.
# - K. Simonyan, A. Vedaldi and A. Zisserman, *Deep inside convolutional networks*, 2013: class images with an L2 prior.
# - M. Zeiler and R. Fergus, *Visualizing and understanding convolutional networks*, 2014; J. Springenberg and others,
#   *Striving for simplicity*, 2015: deconvnet and guided back-propagation.
# - A. Mahendran and A. Vedaldi, *Understanding deep image representations by inverting them*, 2015.
# - C. Szegedy and others, *Intriguing properties of neural networks*, 2014; I. Goodfellow and others, *Explaining and
#   harnessing adversarial examples*, 2015; A. Nguyen and others, *Deep neural networks are easily fooled*, 2015.
# - C. Olah and others, *Feature visualization*, 2017.
