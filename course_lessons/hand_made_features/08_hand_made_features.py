# ---
# jupyter:
#   course:
#     title: "Hand-made features: seeing before learning"
#     summary: "Lines, edges, waves, textons and HOG, written down by people, in a fair race against a network that learns."
#     objectives:
#       - "build model cells that answer to a line, to a line anywhere, and to its end"
#       - "compute edges, waves, wavelets, eigen-pictures, textons, HOG and SIFT, and say what each throws away"
#       - "prove which changes of a picture a feature cannot see, and name a task at which it must therefore fail"
#       - "race features fairly: same examples, same classifier on top, chosen on validation, tested once"
#       - "say what was measured when features were learnt, and what was not"
#     needs: [04_softmax_classifier, 05_mlp_backprop]
#     minutes: 90
#     data: [mnist_5k, textures, faces, photos, digits]
# ---

# %% [markdown]
# In 1959 David Hubel and Torsten Wiesel showed bars of light to a cat and listened to single cells of its brain. A cell
# fired at a bar of one angle, and fell silent when the bar was turned. For the next fifty years most who taught
# machines to see wrote down by hand what to look for, as numbers called *features*, and left only the last step, a
# classifier, to learning.
#
# **What did people know about seeing before networks learnt it, and does learning beat it?**

# %%
import keras
import numpy as np
import pandas as pd
from scipy import fft, ndimage, signal
from skimage import feature, transform
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import LinearSVC

from course_lessons.hand_made_features import figures
from course_lib import data, zoo
from course_lib.evidence import compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

cat = data.photos()["cat"][:300, :300].mean(axis=-1)  # grey

# %% [markdown]
# ## A cell that wants a line
#
# A model of such a *simple cell* is a neuron that sees a small window: a weighted sum, or 0 if that is negative. Which
# weights? In 1980 Stjepan Marčelja compared such cells with Dennis Gabor's functions: waves under a bell. With $x$
# to the right and $y$ downwards from the middle of the window:
#
# $$w = e^{-(u^2 + q^2 v^2)/(2s^2)}\cos\Big(\frac{2\pi u}{d} + \varphi\Big),\qquad u = x\cos\theta + y\sin\theta,\quad
# v = y\cos\theta - x\sin\theta$$
#
# $d$ is the wavelength, $s$ the spread of the bell, $q$ how round it is, $\theta$ the angle and $\varphi$ the phase.
# The mean is taken away, so that an even grey gives 0. Now put such a cell at every place of a photo: slide the window
# and note each answer. Such a sliding set of weights we call a *detector* here. (Books say *filter*; lesson 09.) Which
# angle picks the whiskers? The last panel belongs to the next section.


# %% tags=["T088", "T092"]
def gabor(angle, phase=0.0, size=21, wavelength=8.0, spread=3.2, aspect=0.7):
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    bell = np.exp(-(u**2 + (aspect * v) ** 2) / (2 * spread**2))
    weights = bell * np.cos(2 * np.pi * u / wavelength + phase)
    return weights - weights.mean()


# %% tags=["T088", "T092", "widget"]
lens = figures.Lens(gabor, cat[120:300, 20:220])
show(
    lens.draw(),
    alt="A cat's face; a tilted striped detector; its answers, a pattern of orange and blue stripes along edges of "
    "that angle; and energies, bright patches without stripes at the same edges.",
    colours=128,
)
explore(
    lens.draw,
    alt="A cat's face, the weights of a detector, its answers at all places, and the energies.",
    angle=(0, 175, 5),
    phase=(0, 180, 15),
    wavelength=(4, 14, 1),
    aspect=(0.3, 1.5, 0.1),
)

# %% [markdown]
# At 45° the whiskers that lie along the stripes answer, and the corner of the eye most. (Blue answers are negative; the
# cell cuts them to 0.) How fast will the answer fall when a bar turns?


# %% tags=["T087"]
def bar(angle, length=100, width=3, size=21):
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.clip((width + 1) / 2 - abs(u), 0, 1) * np.clip((length + 1) / 2 - abs(v), 0, 1)


# %% tags=["T087"]
degrees = np.arange(-90, 91, 3)
bars = [bar(np.deg2rad(angle)) for angle in degrees]
answers = np.array([max(0, np.sum(gabor(0) * each)) for each in bars])
assert answers[0] < 0.03 * answers.max() and np.ptp(degrees[answers > 0.5 * answers.max()]) < 45
show(
    figures.tuning(gabor(0), bars, degrees, answers),
    alt="Weights: an upright orange stripe between two blue ones. An upright bar and a lying one. Beside them the "
    "answer against the angle of the bar: a hill around 0 degrees, half as high at about 20 degrees to either side, "
    "nearly 0 at 90.",
)

# %% [markdown]
# Turned by 20 degrees the answer is halved; a bar that lies across gives 2 % of it.
#
# ## The same line, a little further
#
# Move stripes by half a wavelength and the simple cell falls silent. Hubel and Wiesel found others (1962) that go on: a
# *complex cell* wants a line of one angle, but cares little where. A model takes two simple ones without the cut at 0,
# even ($\varphi = 0$) and odd ($\varphi = \pi/2$). A grating (a pattern of stripes) $A\cos(2\pi u/d + \psi)$ gives
# $cA\cos\psi$ in the even one and $cA\sin\psi$ in the odd. *Assumed* is that both have the same gain $c$, true where
# the bell is wide against the wave. Then
#
# $$\sqrt{(cA\cos\psi)^2 + (cA\sin\psi)^2} = cA$$
#
# for every phase $\psi$: the **energy** does not see where the stripes are. A third kind wants a line to *end* (1965):
# take a complex cell, and subtract the mean of its two neighbours along the line, one on either side. And where an
# upright *and* a lying line are strong, there is a corner: take the smaller of two energies. What will a moving
# grating, a growing bar and a square show?


# %% tags=["T089", "T090"]
def energy(image, angle, **how):
    pair = [signal.correlate(image, gabor(angle, phase, **how), mode="same") for phase in (0, np.pi / 2)]
    return np.hypot(*pair)


shifts, across = np.linspace(0, 1, 33), np.mgrid[:21, :21][1] - 10
gratings = [np.cos(2 * np.pi * (across / 8 - shift)) for shift in shifts]
simple = np.array([max(0, np.sum(gabor(0) * each)) for each in gratings])
complex_answers = np.array([energy(each, 0)[10, 10] for each in gratings])
assert simple.min() == 0 and complex_answers.min() > 0.95 * complex_answers.max()

lengths, by_length = range(2, 31, 2), {"complex": [], "minus neighbours": []}
for length in lengths:
    along = energy(bar(0, length, size=61), 0, spread=2.2)[:, 30]
    by_length["complex"].append(along[30])
    by_length["minus neighbours"].append(max(0, along[30] - 0.5 * (along[24] + along[36])))
assert lengths[np.argmax(by_length["minus neighbours"])] == 8
square = np.pad(np.ones((28, 28)), 18)
corners = np.minimum(energy(square, 0, size=15, spread=2.2), energy(square, np.pi / 2, size=15, spread=2.2))[8:-8, 8:-8]

# %% tags=["T090"]
places = feature.peak_local_max(corners, min_distance=5, num_peaks=4)
true_corners = [(row, column) for row in (10, 37) for column in (10, 37)]
assert all(min(np.hypot(*(place - corner)) for place in places) < 2 for corner in true_corners)
show(
    figures.complex_cells(
        shifts, simple, complex_answers, lengths, by_length, square[8:-8, 8:-8], corners / corners.max()
    ),
    alt="A grating moves by one wavelength: the simple cell goes from its best to 0 and back, the complex one stays "
    "level. A bar grows: the complex cell rises and stays, the one minus its neighbours rises and falls to 0. A "
    "white square, and a map with four bright spots at its corners.",
)

# %% [markdown]
# The simple cell is silent for half of the shifts, the complex one never; the third likes bars of 8 pixels best; the
# corners are found. Each step asks for more and forgets more. Follow that to its
# end, joked Jerome Lettvin in 1969, and one cell stands for your grandmother.
#
# ## Edges by calculus, waves, and directions
#
# An edge is where brightness has a steep slope: the centred difference $(-1, 0, 1)$, smoothed crosswise by $(1, 2, 1)$,
# gives **Sobel**'s 3 × 3 weights. Or it is where the *second* slopes of the blurred picture, right and down added, pass
# through zero (the Laplacian of a Gaussian, LoG). Canny's method thins the slopes to lines and keeps weak ones only
# where they join strong ones. Set by hand, Sobel's and LoG's weights make a layer of Keras (lesson 09). Same numbers as
# SciPy's?

# %% tags=["T094"]
right = np.outer([1, 2, 1], [-1, 0, 1]) / 8.0  # how fast it gets brighter to the right
spot = np.zeros((13, 13))
spot[6, 6] = 1
laplacian = ndimage.gaussian_laplace(spot, 1.6)  # what one bright pixel gives: the weights
edges = {}
for name, detector in {"right": right, "down": right.T, "LoG": laplacian - laplacian.mean()}.items():
    layer = keras.layers.Conv2D(1, detector.shape, padding="same", use_bias=False)
    layer.build((None, 300, 300, 1))
    layer.set_weights([detector[..., None, None]])
    edges[name] = keras.ops.convert_to_numpy(layer(cat[None, ..., None]))[0, ..., 0]
    assert np.allclose(edges[name], signal.correlate2d(cat, detector, mode="same"), atol=1e-4)
canny = feature.canny(cat, sigma=2)

# %% [markdown]
# The same numbers. Edges are one alphabet. Two more:
#
# - *Fourier's*: a picture is a sum of waves. Keep the slow ones, and it blurs; keep the fast ones, and edges are left.
# - *Haar's*: replace each pair of pixels by sum and difference, both divided by $\sqrt2$; first in rows, then in
#   columns. As a matrix $M$ this is orthogonal, $M^{\mathsf T}M = I$: $M^{\mathsf T}$ takes it back exactly, and
#   squares keep their sum.

# %% tags=["T096", "G13", "picture", "gallery"]
waves = np.fft.fftshift(np.fft.fft2(cat))
slow = np.hypot(*(np.mgrid[:300, :300] - 150)) < 12
low = np.fft.ifft2(np.fft.ifftshift(waves * slow)).real
haar = np.concatenate([np.kron(np.eye(150), pair) for pair in ([[1, 1]], [[1, -1]])]) / np.sqrt(2)
quarters = haar @ cat @ haar.T
assert np.allclose(haar.T @ quarters @ haar, cat) and np.isclose(np.sum(quarters**2), np.sum(cat**2))
crossings = np.sign(edges["LoG"]) != np.sign(np.roll(edges["LoG"], 1, axis=1))
panels = {
    "picture": cat,
    "Sobel: steepness": np.hypot(edges["right"], edges["down"]) * 4,
    # where a row changes its sign, and is steep
    "LoG: zero crossings": crossings & (np.hypot(edges["right"], edges["down"]) > 0.02),
    "Canny": canny,
    "energies, 4 angles": np.max([energy(cat, angle) for angle in np.pi * np.arange(4) / 4], axis=0) / 8,
    "slow waves": low,
    "fast waves": 0.5 + 2 * (cat - low),
    "Haar: four quarters": np.where(np.add.outer(*[np.arange(300) >= 150] * 2), 0.5 + 4 * quarters, quarters / 2),
}
show(
    charts.gallery([np.clip(each.astype(float), 0, 1) for each in panels.values()], list(panels), columns=4, size=1.7),
    alt="One cat, eight times: the picture; Sobel, bright along edges; zero crossings and Canny, thin white lines; "
    "energies, soft bright bands and a frame; slow waves, a blur; fast waves, grey with fur and whiskers; Haar, a "
    "small cat and three grey maps of edges.",
    colours=32,
)

# %% [markdown]
# Fast waves keep the whiskers, slow ones lose them. A third alphabet was already *learnt*, but without a label.
# *Principal component analysis* (PCA; lesson 26) takes the mean away from all training pictures. Of each it keeps only
# the dot products with $n$ directions. Which directions make the sum of the squared errors least? `PCA` computes these
# *principal components*; seen as pictures they are eigen-pictures. On the training digits no others do better. And on
# test digits, against the $n$ waves (cosines) that vary most on the training digits?

# %% tags=["T097"]
digits = data.mnist_5k()
known, unseen = (part.images[..., 0] for part in (digits.train, digits.test))
mean, numbers = known.mean(axis=0), [10, 20, 40, 100, 200]
pca = PCA(200).fit(known.reshape(-1, 784))
alphabets = {
    "PCA": lambda images: images.reshape(-1, 784) @ pca.components_.T,
    "cosines": lambda images: fft.dctn(images, axes=(1, 2), norm="ortho").reshape(-1, 784),
}
left = {}
for name, transformed in alphabets.items():
    order = np.argsort(-np.mean(transformed(known - mean) ** 2, axis=0))
    squares = np.sum(transformed(unseen - mean) ** 2, axis=0)[order]
    left[name] = [1 - squares[:n].sum() / np.sum((unseen - mean) ** 2) for n in numbers]
assert all(of_pca < of_cosines for of_pca, of_cosines in zip(*left.values(), strict=True))
show(
    figures.alphabet(pca.components_.reshape(-1, 28, 28), numbers, left),
    alt="Ten eigen-digits in orange and blue, the first like a ring with a bar, later ones with more stripes. "
    "Variance left against the numbers kept, on test digits: PCA is lower everywhere, 0.21 at 40 numbers, where "
    "cosines leave 0.50.",
)

# %% [markdown]
# On these test digits 40 learnt directions leave a fifth of the variance, 40 cosines half.
#
# ## Count, and forget where
#
# A texture has no middle. What makes it grass is *how often* little pieces occur. Lay a whole bank of detectors on
# every place; each place has 24 answers. Cluster these vectors with *k-means*: set some middles, give each vector to
# the nearest, move each middle to the mean of its vectors, and repeat. The middles are **textons**, an alphabet of tiny
# pieces. A patch becomes a histogram: which texton is nearest, how often?

# %% tags=["T095", "T098", "G14"]
bank = [
    gabor(angle, phase, size=11, wavelength=wavelength, spread=1.7, aspect=1)
    for wavelength in (4, 7)
    for angle in np.pi * np.arange(6) / 6
    for phase in (0, np.pi / 2)
]


def bank_answers(patches):
    """All of the bank at all places, of patches brought to mean 0 and deviation 1: (patches, 22, 22, 24)."""
    patches = (patches - patches.mean(axis=(1, 2), keepdims=True)) / patches.std(axis=(1, 2), keepdims=True)
    return np.stack([signal.fftconvolve(patches, each[None, ::-1, ::-1], mode="valid") for each in bank], axis=-1)


texture_parts = data.textures(32)
some = np.random.default_rng(0).permutation(len(texture_parts.train))[:60]
train_answers = bank_answers(texture_parts.train.images[some, ..., 0])
test_answers = bank_answers(texture_parts.test.images[..., 0])
clusters = KMeans(12, n_init=1, random_state=0).fit(train_answers.reshape(-1, 24)[::7])

# %% tags=["T095", "T098", "G14"]
names = ("brick", "grass", "gravel")
examples = {name: np.flatnonzero(texture_parts.test.labels == k)[20] for k, name in enumerate(names)}
maps = [clusters.predict(test_answers[place].reshape(-1, 24)).reshape(22, 22) for place in examples.values()]
show(
    figures.textons({name: texture_parts.test.images[place, ..., 0] for name, place in examples.items()}, maps, 12),
    alt="A patch of brick, one of grass, one of gravel; beside each the map of its nearest textons in twelve colours,"
    " and their shares as bars. Texton 0 is the commonest in all; the next are 11 and 4 in brick, 10 and 11 in grass, "
    "10 and 8 in gravel.",
)

# %% [markdown]
# **Exercise 1.** Write the histogram: the share of places for which each texton is the nearest (by the sum of squared
# differences). Every texton has a place in it, also one that never occurs.


# %% exercise="texton_histogram"
def texton_histogram(answers, textons):
    """answers (height, width, detectors), textons (number, detectors). Returns the shares (number,)."""
    ### BEGIN SOLUTION
    flat = answers.reshape(-1, textons.shape[1])
    distances = np.sum((flat[:, None] - textons) ** 2, axis=-1)
    return np.bincount(distances.argmin(axis=1), minlength=len(textons)) / len(flat)
    ### END SOLUTION


# %% check="texton_histogram"
check(texton_histogram)

# %% [markdown]
# Which feature tells textures apart? Sixty patches to learn from, 192 from other parts of the same three photographs to
# test, and a linear softmax on top. Then cut every test patch into four blocks and let them change places. Which
# features will notice?


# %% tags=["T095", "T098", "T102"]
def move_blocks(patches):
    blocks = patches.reshape(-1, 2, 16, 2, 16).swapaxes(2, 3).reshape(-1, 4, 16, 16)[:, [3, 2, 0, 1]]
    return blocks.reshape(-1, 2, 2, 16, 16).swapaxes(2, 3).reshape(-1, 32, 32)


def shares(answers):
    nearest = clusters.predict(answers.reshape(-1, 24)).reshape(len(answers), -1)
    return np.array([np.bincount(each, minlength=12) for each in nearest]) / nearest.shape[1]


def log_energies(answers):
    squares = np.mean(answers**2, axis=(1, 2))
    return np.log(squares[:, 0::2] + squares[:, 1::2])  # even and odd together


inside = np.ix_(*[np.flatnonzero(np.arange(22) % 16 < 6)] * 2)  # places where a detector lies within one block
texture_features = {
    "pixels": lambda patches: patches.reshape(len(patches), -1),
    "energies of 12 pairs": lambda patches: log_energies(bank_answers(patches)),
    "12 textons": lambda patches: shares(bank_answers(patches)),
    "12 textons, none across a seam": lambda patches: shares(bank_answers(patches)[:, inside[0], inside[1]]),
}

# %% tags=["T095", "T098", "T102"]
patches = {part: getattr(texture_parts, part).images[..., 0] for part in ("train", "validation", "test")}
texture_labels = texture_parts.train.labels[some]
right_share = {}
for name, features in texture_features.items():
    parts = [features(each) for each in (patches["train"][some], patches["validation"], patches["test"])]
    moved, spread = features(move_blocks(patches["test"])), parts[0].std()
    readers = [
        LogisticRegression(C=strength, max_iter=1000).fit(parts[0] / spread, texture_labels)
        for strength in (0.001, 0.1, 10)
    ]
    best_reader = max(readers, key=lambda reader: reader.score(parts[1] / spread, texture_parts.validation.labels))
    right_share[name] = [best_reader.score(each / spread, texture_parts.test.labels) for each in (parts[2], moved)]
    if "none" in name:
        assert np.allclose(parts[2], moved)  # the very same numbers
assert right_share["energies of 12 pairs"][0] > right_share["pixels"][0] + 0.2
pd.DataFrame(right_share, index=["as it was", "blocks moved"]).T.map("{:.0%}".format)

# %% [markdown]
# Energies know most of it; moving blocks costs them, too. Have they noticed the order? A
# detector that lies across a seam sees an edge that was not there. Count only places where it lies within one block,
# and all shares stay *exactly* the same, in any order: a histogram cannot know where its counts came from. (One draw
# only.)
#
# ## Histograms of slopes
#
# For things, *where* matters, but only roughly. A **histogram of oriented gradients** (HOG; Navneet Dalal and Bill
# Triggs, 2005) counts slopes in small cells. At each pixel take the slope to the right and the slope down: an arrow.
# Its direction, taken without sign (0 to 180°), says which of 9 bins it votes for, its length how strongly. On a digit,
# cells have 4 × 4 pixels. Blocks of 2 × 2 cells, one begun at each cell, are divided by their length: 6 · 6 blocks of 36 numbers,
# 1,296 in all.
#
# What can HOG not see? Add a constant to the picture: no difference changes. Multiply it by $c$: slopes and lengths of
# blocks grow by $|c|$ alike (but for a small constant in the denominator), and without a sign a slope of $-1$ points
# the same way as one of $1$. So a picture and its negative $\mathbf 1 - \mathbf x$ have *the same HOG*. Lesson 04's ten
# neurons could not read both. And now ask the opposite: is this a picture or a negative?


# %% tags=["T100"]
def hog(images, cell=4):
    how = {"orientations": 9, "pixels_per_cell": (cell, cell), "cells_per_block": (2, 2)}
    return np.array([feature.hog(image, **how) for image in images])


def pixels(images):
    return images.reshape(len(images), -1)


few, few_labels, test_labels = known[:1000], digits.train.labels[:1000], digits.test.labels
read = {}
for name, features in {"pixels": pixels, "HOG": hog}.items():
    on_few, on_test, on_negatives = (features(images) for images in (few, unseen, 1 - unseen))
    reader = LinearSVC(C=0.01).fit(on_few, few_labels)
    told = LinearSVC(C=0.01).fit(np.concatenate([on_few, features(1 - few)]), np.repeat([0, 1], 1000))
    read[name] = {
        "digits read": reader.score(on_test, test_labels),
        "negatives read": reader.score(on_negatives, test_labels),
        "digit or negative?": (told.score(on_test, np.zeros(1000)) + told.score(on_negatives, np.ones(1000))) / 2,
    }
assert abs(read["HOG"]["digits read"] - read["HOG"]["negatives read"]) < 0.003
assert abs(read["HOG"]["digit or negative?"] - 0.5) < 0.01 and read["pixels"]["digit or negative?"] == 1
pd.DataFrame(read).T.map("{:.1%}".format)

# %% tags=["T100"]
how = {"orientations": 9, "pixels_per_cell": (4, 4), "cells_per_block": (1, 1), "feature_vector": False}
pair = {"a digit": unseen[7], "its negative": 1 - unseen[7]}
show(
    figures.slopes(pair, [feature.hog(image, **how)[:, :, 0, 0] for image in pair.values()]),
    alt="A white digit on black, and the same in black on white; beside each 7 by 7 cells with strokes along its "
    "edges. The strokes of both are the same.",
)

# %% [markdown]
# HOG reads negatives as if nothing had happened, without having met one. But digit or negative? It can only guess,
# *whatever* classifier stands on top and however many examples there are; pixels told all apart.
#
# **Exercise 2.** Write the histogram of one cell from its slopes. The direction is that of the arrow (right, down),
# modulo 180°. Bin $i$ of $n$ stands at $i \cdot 180°/n$. An arrow shares its length between the two nearest bins:
# half-way both get half, at a bin's place that one gets all. Beyond the last bin comes bin 0 again.


# %% exercise="orientation_histogram"
def orientation_histogram(right, down, bins):
    """right, down (height, width): slopes at each pixel. Returns (bins,)."""
    ### BEGIN SOLUTION
    lengths = np.hypot(right, down).ravel()
    places = (np.arctan2(down, right) % np.pi).ravel() / (np.pi / bins)
    lower = np.floor(places).astype(int)
    share = places - lower
    histogram = np.zeros(bins)
    np.add.at(histogram, lower % bins, lengths * (1 - share))
    np.add.at(histogram, (lower + 1) % bins, lengths * share)
    return histogram
    ### END SOLUTION


# %% check="orientation_histogram"
check(orientation_histogram)

# %% [markdown]
# The face finder of Paul Viola and Michael Jones (2001) compared sums of neighbouring boxes. Part of its speed came
# from an *integral image* $S$: $S_{rc}$ is the sum of all pixels above row $r$ and left of column $c$. How do four
# numbers of it give the sum of any box?
#
# **Exercise 3.** Write the sums of *all* boxes of a size that lie in the picture, in this way.


# %% exercise="box_sums"
def box_sums(image, height, width):
    """image (rows, columns). Returns (rows - height + 1, columns - width + 1): a sum for each top left corner."""
    ### BEGIN SOLUTION
    table = np.zeros((image.shape[0] + 1, image.shape[1] + 1))
    table[1:, 1:] = image.cumsum(axis=0).cumsum(axis=1)
    return table[height:, width:] - table[:-height, width:] - table[height:, :-width] + table[:-height, :-width]
    ### END SOLUTION


# %% check="box_sums"
check(box_sums)

# %% [markdown]
# HOG was made to find people. A toy: face or no face, 120 patches to learn from, 30 to choose on, 50 to test.

# %% tags=["T100", "T093"]
faces = data.faces()
found = {}
for name, features in {"pixels": pixels, "HOG": lambda images: hog(images, cell=5)}.items():
    parts = [features(part.images[..., 0]) for part in (faces.train, faces.validation, faces.test)]
    readers = [LinearSVC(C=strength).fit(parts[0], faces.train.labels) for strength in (0.001, 0.01, 0.1)]
    best = max(readers, key=lambda reader: reader.score(parts[1], faces.validation.labels))
    found[name] = {"of 50 test patches right": round(50 * best.score(parts[2], faces.test.labels))}
assert min(each["of 50 test patches right"] for each in found.values()) >= 40
pd.DataFrame(found).T

# %% [markdown]
# On so few we could not tell them apart.
#
# ## Find it again, and words of pictures
#
# How does a phone stitch a panorama? By points that can be found again. **SIFT** (David Lowe, 2004) takes places that
# stand out from their blurred surroundings, at the blur where they do so most: that is their *scale*. Round each it
# turns a window to the main direction of the slopes and stores histograms of slopes, 128 numbers. A match is a nearest
# neighbour that is clearly nearer than the second. Which matches survive a turn by 30° and shrinking to 70 %?

# %% tags=["T099"]
turned = transform.rescale(transform.rotate(cat, 30), 0.7)
points = []
for image in (cat, turned):
    sift = feature.SIFT(upsampling=1)
    sift.detect_and_extract(image)
    points.append((sift.keypoints, sift.descriptors))
pairs = feature.match_descriptors(points[0][1], points[1][1], cross_check=True, max_ratio=0.8)
first, second = points[0][0][pairs[:, 0]], points[1][0][pairs[:, 1]]
turn = np.array([[np.cos(np.pi / 6), -np.sin(np.pi / 6)], [np.sin(np.pi / 6), np.cos(np.pi / 6)]])
expected = ((first - 149.5) @ turn.T + 149.5 + 0.5) * 0.7 - 0.5  # rows go down
right_pairs = np.linalg.norm(expected - second, axis=1) < 3
assert right_pairs.mean() > 0.9 and len(pairs) > 40
print(f"{len(pairs)} matches, {right_pairs.mean():.0%} within 3 pixels of the truth")
show(
    figures.matches(cat, turned, np.stack([first, second], axis=1), right_pairs),
    alt="The cat, and beside it the cat turned and smaller; about forty lines join the same places of both, nearly "
    "all blue, right.",
    colours=64,
)

# %% [markdown]
# Search engines count words. Why not cut pictures into small pieces, make a vocabulary by k-means, and count? Such a
# **bag of visual words** is our texton histogram, with pieces in place of answers. Can digits be read without places?
# Beside it stand pixels and HOG, all under a linear support vector machine (LinearSVC: a linear classifier with another
# loss), with 1,000 digits. And k-means alone, with no labels: ten clusters of digits, each named after the digit it
# holds most often.


# %% tags=["T101", "T093"]
def pieces(images):
    """All pieces of 8 x 8 at every second place: (images, 121, 64)."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (8, 8), axis=(1, 2))[:, ::2, ::2]
    return windows.reshape(len(images), -1, 64)


all_pieces = pieces(few).reshape(-1, 64)
vocabulary = KMeans(100, n_init=1, random_state=0).fit(np.random.default_rng(0).permutation(all_pieces)[:10_000])


def words(images):
    nearest = vocabulary.predict(pieces(images).reshape(-1, 64)).reshape(len(images), -1)
    shares = [np.bincount(each, minlength=100) / len(each) for each in nearest]
    return np.sqrt(shares)  # so that a few common words do not outweigh the rest


# %% tags=["T093", "T101"]
pipeline = {}
chosen_on, chosen_labels = digits.validation.images[..., 0], digits.validation.labels
for name, features in {"pixels": pixels, "words": words, "HOG": hog}.items():
    parts = [features(images) for images in (few, chosen_on, unseen)]
    parts = [part / parts[0].std() for part in parts]
    readers = [LinearSVC(C=strength).fit(parts[0], few_labels) for strength in (0.0001, 0.001, 0.01, 0.1)]
    best = max(readers, key=lambda reader: reader.score(parts[1], chosen_labels))
    clusters_of = KMeans(10, n_init=3, random_state=0).fit_predict(parts[0])
    counts = pd.crosstab(clusters_of, few_labels).to_numpy()
    pipeline[name] = {
        "numbers": parts[0].shape[1],
        "in clusters, right": f"{counts.max(axis=1).sum() / 1000:.0%}",
        "linear SVM, right on test": f"{best.score(parts[2], test_labels):.1%}",
    }
pd.DataFrame(pipeline).T

# %% [markdown]
# Without any place 100 words read about as many digits as 784 pixels do here. HOG is well ahead, and even its clusters
# hold more of one digit.
#
# ## A fair race
#
# Now let a network learn its features: a small one of the kind lesson 09 opens, with two layers of sliding detectors
# (16 of 5 × 5, 32 of 3 × 3), each followed by ReLU and the largest of 2 × 2, trained with Adam and dropout (lesson 16).
# HOG shares its votes as in exercise 2. What makes the race fair? *The same digits* for all. *The same classifiers on
# top*: a linear softmax, and a support vector machine whose borders may bend (it compares examples by Gaussian bells).
# The learnt features are what the network hands to its own last layer. Scale, weight decay, learning rate (of three)
# and pass are *chosen on 1,000 validation digits*; then 4,000 test digits are read, once. Five seeds draw the digits.
# (With 8,000 the bent borders were left out, being slow, and the network kept its rate for 2,500.) Who wins, and where?

# %% tags=["T093", "H31"]
race = evidence("digits")
curves, sizes = {}, {}
for title, top in {"linear softmax": "linear", "bent borders": "kernel"}.items():
    tables = {
        name: rows_of.pivot(index="examples", columns="seed", values="test_error")
        for name, rows_of in race[race["top"] == top].groupby("features")
    }
    curves[title] = {name: tables[name].to_numpy() for name in ("pixels", "HOG", "learnt")}
    sizes[title] = list(tables["HOG"].index)
show(
    figures.contest(curves, sizes),
    alt="Test error against the number of digits, both on logarithmic scales, five runs each. Linear softmax: "
    "pixels fall from 26 % to 9 %; HOG and learnt features lie far below, together at 100 and 500 digits; "
    "at 8,000 HOG is at 2.3 %, learnt at 1.5 %. Bent borders, up to 2,500: pixels from 25 % to 5 %, HOG and learnt "
    "close together, both 1.9 % at the end.",
)

# %% tags=["T093", "H31", "nbval-check-output"]
by_hand = race[(race["features"] == "HOG") & (race["top"] == "linear")]
sides = {
    "same linear softmax": race[race["top"] == "linear"],
    "same bent borders": race[race["top"] == "kernel"],
    "network's own last layer": pd.concat([by_hand, race[race["top"] == "its own"]]),  # HOG under the linear softmax
}
gaps = {}
for name, rows_of in sides.items():
    for size, of_size in rows_of.groupby("examples"):
        table = compare(of_size, "features", "test_error", against="HOG")
        gaps[name, f"{size:,} digits"] = table.loc["learnt"].rename(None)
        assert "pixels" not in table.index or table.loc["pixels", "low"] > 0
gaps = pd.DataFrame(gaps).T.assign(HOG=lambda table: table["mean"] - table["difference"])
told_apart = gaps[(gaps["low"] > 0) | (gaps["high"] < 0)]
assert told_apart.index.get_level_values(0).value_counts(sort=False).tolist() == [2, 1, 3]
gaps[["HOG", "mean", "difference", "low", "high"]].rename(columns={"mean": "learnt"}).map("{:.1%}".format)

# %% [markdown]
# (Differences are learnt minus HOG, with their paired 95 % interval.) **HOG makes fewer errors than pixels, with every
# number of digits and under both classifiers.** Against what was learnt, under the same linear softmax, we could not
# tell with 100 and 500, and **with 2,500 and with 8,000 digits the learnt features make fewer errors than HOG.** But
# **under bent borders HOG makes fewer errors with 500**, and with 100 and 2,500 we could not tell. **Left to its own
# last layer, the network makes more errors than HOG with 100 and 500 digits, and fewer with 8,000.** Not raced: other
# cells and bins for HOG, larger networks, rates below 0.0005 (5 of 10 runs with 100 and 500 digits chose this lowest
# one).
#
# **Exercise 4.** Run such a race yourself. For each kind of features and each decay fit `RidgeClassifier(alpha=decay)`,
# a linear classifier by least squares with weight decay, on the training part; take the pair with the fewest errors on
# the validation part, of equals that with the larger decay, then the earlier features. Only then look at the test part.
# Then add features of your own!


# %% exercise="choose_and_score"
def choose_and_score(features, labels, decays):
    """features: a list of triples of arrays (examples, numbers), labels: a triple (training, validation, test).

    Returns the place of the chosen features in the list, the chosen decay, and the share of errors on the test part.
    """
    ### BEGIN SOLUTION
    best = None
    for decay in sorted(decays, reverse=True):
        for place, (train, validation, test) in enumerate(features):
            model = RidgeClassifier(alpha=decay).fit(train, labels[0])
            wrong = np.mean(model.predict(validation) != labels[1])
            if best is None or wrong < best[0]:
                best = wrong, place, decay, model, test
    _, place, decay, model, test = best
    return place, decay, np.mean(model.predict(test) != labels[2])
    ### END SOLUTION


# %% check="choose_and_score"
check(choose_and_score)

# %% [markdown]
# ## What does learning change?
#
# Not the sliding weights: only who sets them. Let a layer of two detectors *imitate* Sobel's: it sees windows of the
# cat and what Sobel's weights answer there, and walks downhill. Then put this layer under a classifier of digits and
# train on. (The layers' names are explained in lessons 09 and 12.) Will it keep Sobel's weights?

# %% tags=["T103"]
keras.utils.set_random_seed(0)
windows = np.lib.stride_tricks.sliding_window_view(cat - cat.mean(), (20, 20))[::10, ::10].reshape(-1, 20, 20, 1)
sobel = np.stack([right, right.T], axis=-1)[:, :, None]  # (3, 3, 1, 2)
true_answers = keras.ops.conv(windows.astype("float32"), sobel.astype("float32"))
detectors = keras.layers.Conv2D(2, 3, use_bias=False)
imitator = keras.Sequential([keras.Input((20, 20, 1)), detectors])
imitator.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="mse")
imitator.fit(windows, true_answers, epochs=30, verbose=0)
imitated = detectors.get_weights()[0]
assert np.abs(imitated - sobel).max() < 0.02
print(f"largest error of the imitation: {np.abs(imitated - sobel).max():.4f}")

# %% tags=["T103"]
digit_reader = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        detectors,
        keras.layers.ReLU(),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dense(10),
    ]
)
crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
digit_reader.compile(optimizer=keras.optimizers.Adam(learning_rate=0.003), loss=crossentropy)
digit_reader.fit(few[..., None], few_labels, epochs=15, verbose=0)
retrained = detectors.get_weights()[0]
alike = [np.corrcoef(retrained[..., k].ravel(), sobel[..., k].ravel())[0, 1] for k in range(2)]
assert min(alike) > 0.6 and retrained.sum(axis=(0, 1, 2)).min() > 0.5
print("likeness to Sobel after training on digits:", np.round(alike, 2))
print("sums of the weights:", np.round(retrained.sum(axis=(0, 1, 2)), 2), "(Sobel's: 0)")

# %% tags=["T103", "T092", "G12"]
network = zoo.load("shapes_zfnet")
first_layer = network.get_layer("conv1").get_weights()[0].transpose(3, 2, 0, 1)  # (16, 3 colours, 7, 7)
strongest = np.square(first_layer).sum(axis=(2, 3)).argmax(axis=1)
learnt = {"shapes, mean colour": first_layer.mean(axis=1), "strongest colour": first_layer[range(16), strongest]}
rows = {name: each[:, :, 0].transpose(2, 0, 1) for name, each in {"Sobel": sobel, "imitated": imitated}.items()}
rows |= {"then digits": retrained[:, :, 0].transpose(2, 0, 1), "Gabor bank": np.array(bank[1::2] + bank[::6])}
show(
    figures.detectors(rows | learnt),
    alt="Six rows of small detectors in orange and blue. Sobel and its imitation, two each, look the same; after "
    "training on digits both have changed. Sixteen Gabors, striped. Sixteen learnt from shapes: their means over "
    "the colours are speckled; their strongest colours are smoother, some with stripes.",
)

# %% [markdown]
# The imitation is Sobel's. Trained on digits, its weights moved on: alike but for their means, and an even grey no
# longer gives 0. The last two rows are the first detectors of a network that names coloured shapes; each has weights
# for red, green and blue. Books show first layers full of Gabors. Are these? Try 3,024 pairs of an even and an odd
# Gabor on each, on pure noise and on noise blurred a little, and keep the best likeness (a correlation).

# %% tags=["T092", "G12"]
def best_likeness(several, size=7):
    y, x = np.mgrid[:size, :size] - size // 2
    likeness = 0
    middles = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]
    centred = several.reshape(len(several), -1) - several.mean(axis=(1, 2))[:, None]
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    for wavelength in (2.5, 3, 4, 5, 6, 8, 12):
        for angle in np.pi * np.arange(12) / 12:
            for spread in (1, 1.5, 2, 3):
                for row, column in middles:
                    wave = np.exp(2j * np.pi * ((x - column) * np.cos(angle) + (y - row) * np.sin(angle)) / wavelength)
                    wave *= np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * spread**2))
                    pair = np.stack([wave.real.ravel(), wave.imag.ravel()], axis=1)
                    both = np.linalg.qr(pair - pair.mean(axis=0))[0]
                    likeness = np.maximum(likeness, np.linalg.norm(centred @ both, axis=1))
    return likeness


noise = np.random.default_rng(0).normal(size=(100, 15, 15))
smooth = ndimage.gaussian_filter(noise, (0, 0.7, 0.7))
true_gabors = [gabor(angle, size=7, wavelength=4, spread=1.5, aspect=1) for angle in np.linspace(0, 3, 16)]
groups = {"Gabors": np.array(true_gabors), **learnt, "noise": noise[:, :7, :7], "smooth noise": smooth[:, 4:11, 4:11]}
likeness = {name: best_likeness(several) for name, several in groups.items()}
averages = {name: each.mean() for name, each in likeness.items()}
assert abs(averages["shapes, mean colour"] - averages["noise"]) < 0.05 and likeness["Gabors"].min() > 0.95
assert averages["smooth noise"] > averages["strongest colour"] - 0.02 > averages["noise"] + 0.1
pd.DataFrame({name: {"mean": each.mean(), "best": each.max()} for name, each in likeness.items()}).T.round(2)

# %% [markdown]
# In the mean over colours they are no more like Gabors than noise is. In their strongest colours they are. But so is
# noise that was only blurred: neighbouring weights alike are enough. A few have stripes; Gabors, as a group, they are
# not. Keep the best of thousands, and even noise reaches 0.46 on average.
#
# And the grandmother? Take a trained reader of digits (LeNet-5, lesson 13) and the 120 units below its last hidden
# layer. For unit and digit the *selectivity* is $(m_1 - m_0)/(m_1 + m_0)$: mean answer $m_1$ to that digit, $m_0$ to
# all others; 1 means it answers to this digit alone. Choose the most selective unit on digits that the network has
# learnt from, measure it on others. Then silence it. What will the network lose?

# %% tags=["T091"]
lenet, enlarged = zoo.load("digits_lenet"), data.digits(size=28)
to_units = keras.Model(lenet.inputs, lenet.get_layer("C5").output)
unit_answers = {
    part: to_units.predict(getattr(enlarged, part).images, verbose=0).reshape(-1, 120)
    for part in ("validation", "test")
}


def selectivities(part):
    labels = getattr(enlarged, part).labels
    own = np.array([unit_answers[part][labels == k].mean(axis=0) for k in range(10)])
    others = np.array([unit_answers[part][labels != k].mean(axis=0) for k in range(10)])
    return np.where(own > 0.1 * own.max(), (own - others) / (own + others + 1e-9), 0)  # silent units do not count


digit, unit = np.unravel_index(selectivities("validation").argmax(), (10, 120))
on_new = selectivities("test")[digit, unit]
right_before = lenet.predict(enlarged.test.images, verbose=0).argmax(axis=1) == enlarged.test.labels
weights_on, biases = lenet.get_layer("F6").get_weights()
lenet.get_layer("F6").set_weights([np.where(np.arange(120)[:, None] == unit, 0, weights_on), biases])
right_after = lenet.predict(enlarged.test.images, verbose=0).argmax(axis=1) == enlarged.test.labels
own = enlarged.test.labels == digit
print(f"unit {unit} for digit {digit}: selectivity {on_new:.2f} on test digits")
print(f"right with it {right_before[own].sum()}, without {right_after[own].sum()} of {own.sum()} of its digit")

# %% tags=["T091"]
show(
    figures.selectivity(unit_answers["test"][:, unit], enlarged.test.labels, digit),
    alt="A dot for each test digit, class by class: for the 7 all answers are above 2; for most other digits they are"
    " 0, for some 5s up to 4.",
)

# %% [markdown]
# Nearly a cell for one digit; and without it the network reads every one of them as before. What a unit answers to does
# not say that it is needed.
#
# ## In short
#
# | feature | asks for | throws away |
# |---|---|---|
# | Gabor, Sobel, LoG | a line or an edge of one size | even brightness |
# | energy | a line of one angle | its phase |
# | Fourier, Haar | slow and fast, coarse and fine | nothing, until some numbers are left out |
# | principal components | the directions of most variance | all others; labels do not count |
# | textons, words | which pieces, how often | where |
# | HOG | which directions, roughly where | brightness, contrast, dark or bright |
# | SIFT | a point that can be found again | scale and turn |
#
# Does learning beat all this? With few examples nothing showed it: HOG was ahead, or we could not tell. With 2,500
# digits and more, under a linear classifier, it did. And what a person threw away, no classifier finds again.
#
# ## Think about it
#
# **HOG beats pixels by far when digits are few. Where does its information come from?**
#
# <details><summary>Answer</summary>
#
# From people: edges matter, brightness does not, small shifts do not. It is not free: where it is wrong ("digit or
# negative?") no number of examples brings back what was thrown away.
# </details>
#
# **Your features are 5 points better than another's on the test part. You had tried 40 kinds on it. Who won?**
#
# <details><summary>Answer</summary>
#
# Nobody knows. The best of 40 looks better than it is, the more so the smaller the test part (lesson 04). Choose on the
# validation part, give the other side as many tries, and open the test part once.
# </details>
#
# ## Further reading
#
# - D. Hubel and T. Wiesel, [*Receptive fields of single neurones in the cat's striate
#   cortex*](https://doi.org/10.1113/jphysiol.1959.sp006308), 1959.
# - S. Marčelja, [*Mathematical description of the responses of simple cortical
#   cells*](https://doi.org/10.1364/JOSA.70.001297), 1980.
# - P. Viola and M. Jones, [*Rapid object detection using a boosted cascade of simple
#   features*](https://doi.org/10.1109/CVPR.2001.990517), 2001.
# - D. Lowe, [*Distinctive image features from scale-invariant
#   keypoints*](https://doi.org/10.1023/B:VISI.0000029664.99615.94), 2004: SIFT.
# - N. Dalal and B. Triggs, [*Histograms of oriented gradients for human
#   detection*](https://doi.org/10.1109/CVPR.2005.177), 2005.
