# ---
# jupyter:
#   course:
#     title: "LeNet-5: the network that read cheques"
#     summary: "Put convolution, pooling and dense layers together, train LeNet-5 in Keras and in NumPy, and find out what it cannot read."
#     objectives:
#       - "assemble a CNN from its blocks and follow a picture through every layer"
#       - "count the parameters of any layer by hand, and explain LeNet-5's 60,000 and today's 61,706"
#       - "tell when a dense layer and a convolution are the same sums"
#       - "choose between softmax and independent sigmoids for the last layer"
#       - "measure what a network tolerates, and teach it to tolerate more"
#       - "say what was there before back-propagation, and what back-propagation added"
#     needs: [05_mlp_backprop, 09_convolution, 12_pooling]
#     minutes: 100
#     data: [digits, mnist]
# ---

# %% [markdown]
# By 1998 a program was reading several million bank cheques a day. The part of it that looked at the ink was a network,
# **LeNet-5**, and all it knew was sixty thousand numbers.
#
# **What was in those numbers? And what can such a network not read?** You will take it apart layer by layer, build it
# twice, in Keras and from the NumPy layers of this course, and strain it until it breaks.

# %%
import warnings

import keras
import numpy as np
from scipy import ndimage
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from course_lessons.first_cnn_lenet import figures
from course_lib import data, layers, losses, optim, scale
from course_lib.exercises import check, hint, solution
from course_lib.layers import sigmoid, softmax
from course_lib.layers.convolution import slide
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# The idea was then nearly forty years old:

# %%
events = {
    "edge cells in a cat's brain\n(Hubel, Wiesel)": 1959,
    "the neocognitron\n(Fukushima)": 1980,
    "back-propagation\n(Rumelhart, Hinton, Williams)": 1986,
    "time-delay network, for speech\n(Lang, Hinton)": 1988,
    "zip codes": 1989,
    "LeNet-5, documents\n(LeCun and others)": 1998,
}
show(
    charts.timeline(events),
    alt="Six dates: cells 1959, neocognitron 1980, back-propagation 1986, time-delay network 1988, "
    "zip codes 1989, LeNet-5 1998.",
)

# %% [markdown]
# You may have seen back-propagation credited to Lang and Hinton, 1988: two years late, as the line shows. And you may
# have seen the network for documents dated 1989. Count, then: the network of 1989, also by LeCun and others, read zip
# codes of 16 × 16 pixels, with kernels of 5 × 5 shared over each map, but a bias for *every unit*. Can that be the one with sixty thousand numbers?

# %% tags=["nbval-check-output"]
zip_codes_1989 = {
    "12 maps of 8x8": 12 * 25 + 12 * 8 * 8,
    "12 maps of 4x4, each reads 8 maps": 12 * (8 * 25) + 12 * 4 * 4,
    "30 units": 30 * (12 * 4 * 4 + 1),
    "10 outputs": 10 * (30 + 1),
}
for part, count in zip_codes_1989.items():
    print(f"{part:34} {count:6,}")
print(f"{'together':34} {sum(zip_codes_1989.values()):6,}")

# %% [markdown]
# Not even ten thousand. LeNet-5 came nine years later.
#
# ## What it reads
#
# LeNet-5 learned from **MNIST**: handwritten digits, 28 × 28 grey pixels, 60,000 to learn from, 10,000 to be tested
# on. We take seven hundred of a smaller set, laid out in the same way. (At `gpu` scale this notebook loads MNIST itself.)

# %% tags=["T166", "F028", "nbval-check-output"]
written = data.digits(size=28) if scale(laptop=True, gpu=False) else data.mnist()
known, test = written.train + written.validation, written.test
train = known[-scale(laptop=700, gpu=60000) :]
print("to learn from:", train)
print("to be tested: ", test)
show(
    charts.contact_sheet(
        train.images[200:224], train.labels[200:224], columns=12, size=0.72
    ),
    alt="Two dozen handwritten digits, each in the middle of its picture.",
)

# %% [markdown]
# How good is good? Three readers without a network: one always says the same, one looks for the nearest *average*
# digit, one remembers every training picture and looks for the nearest. What do you expect?

# %% tags=["T166"]
flat, flat_test = train.images.reshape(len(train), -1), test.images.reshape(len(test), -1)
means = np.stack([flat[train.labels == digit].mean(axis=0) for digit in range(10)])
distances = (means**2).sum(axis=1) - 2 * flat_test @ means.T  # and |x|², the same for all
neighbour = KNeighborsClassifier(1).fit(flat, train.labels)
baselines = {
    "always the same": np.mean(test.labels == np.bincount(train.labels).argmax()),
    "nearest average": np.mean(test.labels == distances.argmin(axis=1)),
    "nearest picture": neighbour.score(flat_test, test.labels),
}
show(
    charts.bars(baselines, baselines.values(), "", "right on new digits"),
    alt="Always the same digit: one in ten. Nearest average: about nine in ten. Nearest of all "
    "training pictures: nearly all right.",
)
print(f"numbers it has to keep: {means.size:,} for the averages, {flat.size:,} for all")

# %% [markdown]
# Neat digits are easy, if you can afford to remember everything. The real question is what happens when they are *not*
# neat.
#
# ## The blocks
#
# You have met them one by one: **input**, **convolution**, **activation**, **pooling**, **dense** layers and a
# **loss**; between maps and dense layers stands **flatten**. Follow 6 × 6 pixels with one stroke. Which shapes do you
# expect?

# %% tags=["T159", "nbval-check-output"]
rng = np.random.default_rng(0)
x = np.zeros((1, 6, 6, 1))
x[0, 1:5, 2] = 1  # one upright stroke
convolution, dense = layers.Conv2D(1, 2, 3, rng), layers.Dense(8, 3, rng)
convolution.parameters["kernel"][..., 0] = [[[-1], [0], [1]]] * 3  # left edges
blocks = [convolution, layers.ReLU(), layers.MaxPooling2D(2), layers.Flatten(), dense]
print(f"{'input':13} {x.shape[1:]}")
for block in blocks:
    x = block.forward(x)
    print(f"{type(block).__name__:13} {x.shape[1:]}")
print(f"{'softmax':13} {softmax(x)[0].round(2)}")
print(f"{'loss':13} {losses.softmax_cross_entropy(x, np.array([1]))[0]:.2f}")

# %% [markdown]
# **Flatten** only renames places: row after row, in a row column after column, and at each place all channels. Let
# each value spell its own address, row, column, channel:

# %% tags=["T161", "nbval-check-output"]
rows, columns, channels = np.indices((2, 3, 2))
addresses = 100 * rows + 10 * columns + channels
vector = layers.Flatten().forward(addresses[None])[0]
print(*(f"{address:03d}" for address in vector))
in_keras = keras.layers.Flatten()(addresses[None])[0]
print("Keras the same:", np.array_equal(in_keras, vector))

# %% [markdown]
# **Exercise 1.** At which index of the vector does the value from `(row, column, channel)` end up?


# %% exercise="flatten_index"
def flatten_index(row, column, channel, shape):
    """shape (height, width, channels) of the maps. Returns the index after Flatten, counted from 0."""
    ### BEGIN SOLUTION
    _, width, channels = shape
    return (row * width + column) * channels + channel
    ### END SOLUTION


# %% check="flatten_index"
check(flatten_index)

# %% [markdown]
# A **dense** layer reads the whole vector: every unit sees everything. A colour picture of 32 × 32 gives it
# $32 \cdot 32 \cdot 3 = 3072$ inputs. Now think of a convolution whose kernel is *as large as the picture*. It fits in
# one place only. What is the difference?

# %% tags=["T162", "F027", "nbval-check-output"]
picture = rng.random((1, 32, 32, 3))
dense, wide = layers.Dense(picture.size, 10, rng), layers.Conv2D(3, 10, 32, rng)
wide.parameters["kernel"] = dense.parameters["kernel"].reshape(32, 32, 3, 10)
answers_dense = dense.forward(picture.reshape(1, -1))
answers_wide = wide.forward(picture)
print("inputs of each unit:", picture.size)
print("shapes:", answers_dense.shape, answers_wide.shape)
print("same numbers:", np.allclose(answers_dense, answers_wide[:, 0, 0]))

# %% [markdown]
# None. *A dense layer is a convolution with one place to stand*. Remember that; it will settle a quarrel about LeNet.
#
# ## A first CNN in Keras
#
# Here is how such a network was often started a few years ago. It needs two repairs:

# %% tags=["nbval-check-output"]
old_code = """
from keras.layers import Conv2D
model = Sequential([Conv2D(16, 3, activation="relu", input_shape=(28, 28, 1))])
"""
try:
    exec(old_code, {})
except NameError as error:
    print("NameError:", error)

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    exec("from keras import Sequential" + old_code, {})
about_shape = [str(each.message) for each in caught if "input_shape" in str(each.message)]
print("imported; warnings about input_shape:", len(about_shape))

# %% [markdown]
# `Sequential` was never imported, and `input_shape` belongs to the past: a model starts with `keras.Input`.

# %% tags=["T164", "T159", "C01", "X01"]
first = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(16, 3, activation="relu", name="conv_1"),
        keras.layers.MaxPooling2D(name="pool_1"),
        keras.layers.Conv2D(32, 3, activation="relu", name="conv_2"),
        keras.layers.MaxPooling2D(name="pool_2"),
        keras.layers.Flatten(name="flatten"),
        keras.layers.Dense(10, activation="softmax", name="softmax"),
    ]
)
assert first.count_params() == 12_810
first.summary()

# %% [markdown]
# Check the table by hand: $16 (3 \cdot 3 \cdot 1 + 1) = 160$, $32 (3 \cdot 3 \cdot 16 + 1) = 4640$, and
# $10 (800 + 1) = 8010$. Pooling and flatten have nothing to learn. Train it, and watch one picture pass.

# %% tags=["T160", "T164"]
first.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy")
epochs = scale(laptop=4, gpu=6)
first.fit(train.images, train.labels, batch_size=32, epochs=epochs, verbose=0)
accuracy = np.mean(np.argmax(first(test.images), axis=1) == test.labels)
print(f"12,810 numbers read {accuracy:.1%} of new digits")
assert accuracy > 0.85

# %% tags=["T160", "T159"]
look = keras.Model(first.inputs[0], [layer.output for layer in first.layers])
which = int(np.flatnonzero(test.labels == 4)[0])
one = test.images[which : which + 1]
stages = {"input": one[0]}
for layer, output in zip(first.layers, look(one), strict=True):
    stages[layer.name] = np.asarray(output[0])
show(
    figures.passage(stages),
    alt="A digit passes through sixteen maps, sixteen smaller ones, thirty-two, thirty-two of 5 by 5, "
    "a vector of 800, and ends in ten probabilities, one of them large.",
)

# %% [markdown]
# Early maps still look like the digit. Later ones are coarse: *something like this was about here*. Now closer: three
# filters of the first level, rebuilt from NumPy layers, so that we can stop between the sums and ReLU.

# %% tags=["G30"]
level = [layers.Conv2D(1, 16, 3, rng), layers.ReLU(), layers.MaxPooling2D(2)]
kernel, bias = first.layers[0].get_weights()
level[0].parameters = {"kernel": kernel, "bias": bias}
sums = level[0].forward(one)
activated = level[1].forward(sums)
pooled = level[2].forward(activated)
assert np.allclose(pooled[0], stages["pool_1"], atol=1e-5), "NumPy and Keras agree"

balanced = np.argsort(np.abs(kernel.sum(axis=(0, 1, 2))))[:3]  # neither all + nor all -
maps = [values[0][..., balanced] for values in (sums, activated, pooled)]
show(
    figures.one_level(one[0, :, :, 0], kernel[:, :, 0, balanced], *maps),
    alt="Three rows. Each kernel turns the digit into positive and negative sums; ReLU keeps the "
    "positive ones; pooling keeps the largest of each 2 by 2.",
)

# %% [markdown]
# (The tint of the ground is the bias.)
#
# ## One answer, or several?
#
# The last layer is **softmax**: one distribution over ten classes. You may have seen it described as ten separate
# yes-or-no decisions. Is that the same? Try both on slips with two fields, where none, one or two digits are written.
# *Which digits are on the slip?*


# %% tags=["T163"]
def slips(examples, number, rng):
    """Two fields of 8 x 8, each empty now and then. Targets (number, 10): 1 for every digit on the slip."""
    fields, targets = np.zeros((2, number, 64)), np.zeros((number, 10))
    for field in fields:
        chosen = rng.integers(len(examples), size=number)
        filled = rng.random(number) < 0.6
        field[filled] = examples.images[chosen[filled]].reshape(-1, 64)
        targets[filled, examples.labels[chosen[filled]]] = 1
    return np.concatenate(fields, axis=1), targets


def shared_cross_entropy(logits, targets):
    """Softmax for several right answers: each should get the same share."""
    shares = targets / np.maximum(targets.sum(axis=1, keepdims=True), 1)
    outputs, number = softmax(logits), len(logits)
    gradient = (outputs * shares.sum(axis=1, keepdims=True) - shares) / number
    return -np.sum(shares * np.log(outputs + 1e-12)) / number, gradient


# %% tags=["T163"]
small, trials = data.digits(size=8), {"sigmoids": [], "softmax": []}
heads = {
    "sigmoids": (sigmoid, losses.sigmoid_cross_entropy),
    "softmax": (softmax, shared_cross_entropy),
}
for seed in range(3):
    rng = np.random.default_rng(seed)
    (x, t), (x_new, t_new) = slips(small.train + small.validation, 3000, rng), slips(small.test, 600, rng)
    for name, (squash, loss) in heads.items():
        hidden = [layers.Dense(128, 64, rng), layers.ReLU()]
        net = layers.Sequential([*hidden, layers.Dense(64, 10, rng)])
        recipe = {"loss": loss, "optimizer": optim.Adam(0.003), "batch_size": 50}
        net.fit(x, t, epochs=7, rng=rng, **recipe)
        trials[name].append((squash(net.forward(x_new)), t_new))

# %% tags=["T163"]
print("                              digits on the slip:  none   one   two")
for name, runs in trials.items():
    outputs, wanted = runs[0]
    on_slip, all_right = wanted.sum(axis=1), ((outputs > 0.5) == wanted).all(axis=1)
    rows = {"outputs added up": outputs.sum(axis=1), "share right": all_right}
    for what, values in rows.items():
        means = [values[on_slip == count].mean() for count in (0, 1, 2)]
        print(f"{name:9} {what:38}", *(f"{mean:6.2f}" for mean in means))
assert np.allclose(trials["softmax"][0][0].sum(axis=1), 1)

# %% [markdown]
# Is 1/2 an unfair threshold for softmax? Give each head the one that suits it best:

# %% tags=["T163"]
cuts = np.arange(1, 20) / 20
for name, runs in trials.items():
    best = [
        max(((outputs > cut) == wanted).all(axis=1).mean() for cut in cuts)
        for outputs, wanted in runs
    ]
    print(f"{name:9} slips all right:", *(f"{share:.0%}" for share in best))
    trials[name] = best
assert np.mean(trials["sigmoids"]) > np.mean(trials["softmax"])

# %% [markdown]
# Only softmax adds up to 1. It *must* share out one whole, so two digits can never both get more than a half; sigmoids
# add up to about as many digits as there are. **Softmax when exactly one class is right, sigmoids when any number can
# be.** A cheque's digit is exactly one of ten: softmax.
#
# **Exercise 2.** Turn the logits of a sigmoid head into decisions: which classes are present?


# %% exercise="multi_label_predict"
def multi_label_predict(logits, threshold):
    """logits (examples, classes), threshold from 0 to 1. Returns 1 or 0 for each class, (examples, classes)."""
    ### BEGIN SOLUTION
    return (sigmoid(logits) > threshold).astype(int)
    ### END SOLUTION


# %% check="multi_label_predict"
check(multi_label_predict)

# %% [markdown]
# ## LeNet-5, layer by layer
#
# LeNet-5 saw a digit in a frame of 32 × 32. Its layers have names: **C** for convolution, **S** for subsampling, which
# is pooling, **F** for fully connected. As one writes it today:

# %% tags=["T165", "F037", "X02", "nbval-check-output"]
lenet = keras.Sequential(
    [
        keras.Input((32, 32, 1)),
        keras.layers.Conv2D(6, 5, activation="tanh", name="C1"),
        keras.layers.AveragePooling2D(2, name="S2"),
        keras.layers.Conv2D(16, 5, activation="tanh", name="C3"),
        keras.layers.AveragePooling2D(2, name="S4"),
        keras.layers.Conv2D(120, 5, activation="tanh", name="C5"),
        keras.layers.Flatten(name="flatten"),
        keras.layers.Dense(84, activation="tanh", name="F6"),
        keras.layers.Dense(10, activation="softmax", name="output"),
    ]
)
by_hand = {"C1": "6*(5*5*1+1)", "C3": "16*(5*5*6+1)", "C5": "120*(5*5*16+1)"}
by_hand |= {"F6": "84*(120+1)", "output": "10*(84+1)"}
for layer in lenet.layers:
    formula, count = by_hand.get(layer.name, "0"), layer.count_params()
    assert eval(formula) == count
    print(f"{layer.name:8} {layer.output.shape[1:]!s:13} {formula:>15} = {count:6,}")
print(f"{'together':38} = {lenet.count_params():6,}")

# %% [markdown]
# **Exercise 3.** Write this count for any square picture: convolutions of 5 × 5 without padding, pooling of 2 × 2, and
# a C5 that sees all of S4, whatever its size.


# %% exercise="lenet_parameters"
def lenet_parameters(side, channels, classes):
    """Picture (side, side, channels). Returns five counts, of C1, C3, C5, F6 and output; with 32, 1, 10 as above."""
    ### BEGIN SOLUTION
    side = ((side - 4) // 2 - 4) // 2  # of the maps of S4
    inputs = [5 * 5 * channels, 5 * 5 * 6, side * side * 16, 120, 84]
    units = [6, 16, 120, 84, classes]
    return [unit * (count + 1) for unit, count in zip(units, inputs, strict=True)]
    ### END SOLUTION


# %% check="lenet_parameters"
check(lenet_parameters)

# %% [markdown]
# We count 61,706; the paper says 60,000. Who miscounted? Nobody: the original differs in three places. Its subsampling is
# *trained*: each map has a factor and a bias. Its output units compare F6 with ten fixed drawings; they have nothing to
# learn. And in C3 **not every map reads all six maps below**. A table says which reads which, a column for each of the
# sixteen:


# %% tags=["T165", "F036", "nbval-check-output"]
def next_to_each_other(number):
    return [[(start + step) % 6 for step in range(number)] for start in range(6)]


reads = next_to_each_other(3) + next_to_each_other(4)
reads += [[0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 2, 3, 4, 5]]
for plane in range(6):
    print(f"S2 map {plane}  ", *("X" if plane in maps else "." for maps in reads))


# %% [markdown]
# Let us build the original. Guess C3's count.


# %% tags=["T165", "F036", "nbval-check-output"]
class TrainedSubsampling(keras.layers.Layer):
    def build(self, shape):
        self.factor = self.add_weight(shape=shape[-1:], initializer="ones", name="factor")
        self.bias = self.add_weight(shape=shape[-1:], initializer="zeros", name="bias")

    def call(self, maps):
        means = keras.ops.average_pool(maps, 2, 2)
        return keras.ops.tanh(self.factor * means + self.bias)


picture = keras.Input((32, 32, 1))
s2 = TrainedSubsampling(name="S2")(keras.layers.Conv2D(6, 5, name="C1")(picture))
c3 = []
for number, maps in enumerate(reads):
    chosen = keras.ops.take(s2, maps, axis=-1)
    c3.append(keras.layers.Conv2D(1, 5, name=f"C3_{number}")(chosen))
s4 = TrainedSubsampling(name="S4")(keras.ops.concatenate(c3, axis=-1))
c5 = keras.layers.Conv2D(120, 5, activation="tanh", name="C5")(s4)
f6 = keras.layers.Dense(84, activation="tanh", name="F6")(keras.layers.Flatten()(c5))
original = keras.Model(picture, f6)

counts = dict.fromkeys(("C1", "S2", "C3", "S4", "C5", "F6"), 0)
for layer in original.layers:
    if layer.name[:2] in counts:
        counts[layer.name[:2]] += layer.count_params()
print(*(f"{name} {count:,}" for name, count in counts.items()), sep="  ")
print(f"together {original.count_params():,}")

# %% [markdown]
# Exactly 60,000. The gaps saved time, and maps that see different things have to become different.
#
# Now the quarrel. You may have seen LeNet-5 written as conv-pool-conv-pool-**conv**-dense, and elsewhere with
# **dense**-dense at the end. Who is right about C5?

# %% tags=["T165", "nbval-check-output"]
s4_maps = rng.normal(size=(8, 5, 5, 16)).astype("float32")
as_convolution, as_dense = keras.layers.Conv2D(120, 5), keras.layers.Dense(120)
by_convolution = as_convolution(s4_maps)
as_dense.build((None, 400))
kernel, bias = as_convolution.get_weights()
as_dense.set_weights([kernel.reshape(400, 120), bias])
by_dense = as_dense(s4_maps.reshape(8, 400))
print("shapes:", by_convolution.shape, by_dense.shape)
print("same numbers:", np.allclose(by_convolution[:, 0, 0], by_dense, atol=1e-4))
print(f"parameters: {as_convolution.count_params():,} and {as_dense.count_params():,}")

# %% [markdown]
# Both: the kernel is as large as the map. They part only on *larger* pictures, where a convolution slides on and a
# dense layer refuses. LeNet-5's authors read whole lines that way. We shall use it, too.
#
# **Exercise 4.** Build LeNet-5 for pictures of 28 × 28 without a frame: C1 gets `padding="same"`, C5 is dense. Take
# tanh, average pooling and softmax.


# %% exercise="build_lenet"
def build_lenet():
    """Returns a Keras model: (28, 28, 1) to ten probabilities, 61,706 parameters."""
    ### BEGIN SOLUTION
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(6, 5, padding="same", activation="tanh"),
            keras.layers.AveragePooling2D(2),
            keras.layers.Conv2D(16, 5, activation="tanh"),
            keras.layers.AveragePooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(120, activation="tanh"),
            keras.layers.Dense(84, activation="tanh"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    ### END SOLUTION


# %% check="build_lenet"
check(build_lenet)

# %% [markdown]
# ## LeNet-5 from our own layers
#
# Every block of it stands in this course, written in NumPy. So here is LeNet-5 without any framework, with ReLU. It
# learns in three passes, the last with smaller steps.


# %% tags=["T165"]
def numpy_lenet(activation, seed):
    rng = np.random.default_rng(seed)
    net = layers.Sequential(
        [
            *[layers.Conv2D(1, 6, 5, rng, padding="same"), activation()],
            layers.AveragePooling2D(2),
            *[layers.Conv2D(6, 16, 5, rng), activation()],
            *[layers.AveragePooling2D(2), layers.Flatten()],
            *[layers.Dense(400, 120, rng), activation()],
            *[layers.Dense(120, 84, rng), activation()],
            layers.Dense(84, 10, rng),
        ]
    )
    for layer in net.layers:
        for name, array in layer.parameters.items():
            layer.parameters[name] = array.astype("float32")  # as in Keras
    return net


# %% tags=["T165"]
def passes(examples, seed, number=3):
    """For every pass over the pictures a learning rate, and the batches in their order."""
    rng = np.random.default_rng(seed)
    for learning_rate in (0.005, 0.005, 0.001)[:number]:
        yield learning_rate, layers.batches(examples, scale(laptop=20, gpu=64), rng)


def learn(net, seed, number=3, augment=lambda images: images):
    """Train on all pictures; returns the loss of every step."""
    optimizer, history = optim.Adam(), []
    for learning_rate, batches in passes(len(train), seed, number):
        optimizer.learning_rate = learning_rate
        for batch in batches:
            logits = net.forward(augment(train.images[batch]))
            loss, gradient = losses.softmax_cross_entropy(logits, train.labels[batch])
            net.backward(gradient)
            for layer in net.layers:
                optimizer.update(layer)
            history.append(loss)
    return history


def probabilities(net, images):
    parts = np.array_split(images, max(1, len(images) // 100))
    return softmax(np.concatenate([net.forward(part) for part in parts]))


def right(answers, labels=test.labels):
    return np.mean(answers.argmax(axis=1) == labels)


# %% [markdown]
# Its twin in Keras gets the same starting weights and the same pictures in the same order.


# %% tags=["T165"]
def keras_lenet():
    twin = keras.Sequential([keras.Input((28, 28, 1))])
    for filters, padding in ((6, "same"), (16, "valid")):
        twin.add(keras.layers.Conv2D(filters, 5, padding=padding, activation="relu"))
        twin.add(keras.layers.AveragePooling2D(2))
    twin.add(keras.layers.Flatten())
    for units in (120, 84):
        twin.add(keras.layers.Dense(units, activation="relu"))
    twin.add(keras.layers.Dense(10, activation="softmax"))
    twin.compile(keras.optimizers.Adam(), "sparse_categorical_crossentropy")
    twin.optimizer.build(twin.trainable_variables)
    return twin


def learn_in_keras(twin, start, seed):
    """The same training, from the weights `start`, with an optimizer that remembers nothing."""
    twin.set_weights(start)
    for variable in twin.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    for learning_rate, batches in passes(len(train), seed):
        twin.optimizer.learning_rate = learning_rate
        images, labels = (
            values[np.concatenate(batches)] for values in (train.images, train.labels)
        )
        twin.fit(images, labels, len(batches[0]), shuffle=False, verbose=0)


# %% tags=["T165"]
twin = keras_lenet()
nets, curves, scores = {"ReLU": []}, {"ReLU": []}, {"NumPy": [], "Keras": []}
for seed in range(3):
    net = numpy_lenet(layers.ReLU, seed)
    start = [array.copy() for each in net.layers for array in each.parameters.values()]
    curves["ReLU"].append(learn(net, seed))
    scores["NumPy"].append(right(probabilities(net, test.images)))
    nets["ReLU"].append(net)
    learn_in_keras(twin, start, seed)
    scores["Keras"].append(right(np.asarray(twin(test.images))))

print(f"parameters: {net.count_parameters():,} and {twin.count_params():,}")
for name, values in scores.items():
    each = " ".join(f"{value:.1%}" for value in values)
    print(f"{name}: {each}, mean {np.mean(values):.1%}")
assert min(scores["NumPy"]) > 0.8
assert abs(np.mean(scores["NumPy"]) - np.mean(scores["Keras"])) < 0.03

# %% [markdown]
# The same network twice: the means agree to about a point. (Single runs do not: rounding differs in the seventh digit,
# and every step carries that on.) Here it is as it is usually drawn, with what its planes hold for one digit.

# %% tags=["G28", "T165", "picture"]
net, values = nets["ReLU"][0], one
shown = {2: "S2", 5: "S4", 8: "C5", 10: "F6", 11: "output"} | {1: "C1", 4: "C3"}
stages = {"input": values[0]}
for place, layer in enumerate(net.layers):
    values = layer.forward(values)
    if place in shown:
        stages[shown[place]] = values[0]
stages["output"] = softmax(stages["output"])
show(
    figures.stacks(stages, answer=str(stages["output"].argmax())),
    alt="LeNet-5 drawn as stacks of planes: the digit, six maps of 28, six of 14, sixteen of 10, "
    "sixteen of 5, then columns of 120, 84 and 10 units, and the digit that was read.",
)

# %% [markdown]
# ## The activations of 1998, and ours
#
# The LeNet-5 of 1998 had tanh; other networks of its time had the sigmoid; ours has ReLU. Same starts, same pictures,
# same steps, for one pass. Which will learn fastest?

# %% tags=["T170"]
for name, activation in {"tanh": layers.Tanh, "sigmoid": layers.Sigmoid}.items():
    curves[name] = [
        learn(numpy_lenet(activation, seed), seed, number=1) for seed in range(3)
    ]

steps = len(curves["tanh"][0])
drawn = {name: np.array(runs)[:, :steps] for name, runs in curves.items()}
window = max(5, steps // 20)  # the mean of so many steps, as single ones jump about
ends_of_windows = range(window, steps + 1, window)
show(
    charts.lines(
        {
            name: [runs[:, end - window : end].mean(axis=1) for end in ends_of_windows]
            for name, runs in drawn.items()
        },
        ends_of_windows,
        "step",
        "loss on the pictures read",
        guessing=np.log(10),
    ),
    alt="ReLU and tanh fall at once, tanh a little sooner. The sigmoid stays at the level of "
    "guessing.",
)
for name, runs in drawn.items():
    ends = runs[:, -steps // 5 :].mean(axis=1)
    print(f"{name:8} loss in the last fifth:", *(f"{loss:.2f}" for loss in ends))
    assert name == "sigmoid" or max(ends) < 0.7 * np.log(10)

# %% [markdown]
# Why does the sigmoid sleep? Look at the untrained networks: how different are 200 pictures in the eyes of F6, the last
# hidden layer?

# %% tags=["T170"]
for activation in (layers.ReLU, layers.Tanh, layers.Sigmoid):
    seen = layers.Sequential(numpy_lenet(activation, 0).layers[:-1])
    values = seen.forward(train.images[:200])
    differences = np.sqrt(values.var(axis=0).mean() / np.mean(values**2))
    print(f"{activation.__name__:8} F6 differs between pictures by {differences:.2%}")

# %% [markdown]
# Every sigmoid layer answers with about 1/2 and squashes what is left of a difference, so to the last layers all digits
# look alike. (With more passes one or the other wakes up.) And **ReLU is no better than tanh here**: five layers are not deep
# enough for it to pay off.
#
# ## What it cannot read
#
# Now strain the digits in six ways: shift, turn, scale, squeeze, thicken the stroke, add noise.
#
# **Exercise 5.** Shift a picture by whole pixels. What comes in at the border is 0; what goes out is lost.


# %% exercise="shift_image"
def shift_image(image, down, right):
    """image (height, width); down and right are whole numbers, negative for up and left. Returns a new image."""
    ### BEGIN SOLUTION
    height, width = image.shape
    shifted = np.zeros_like(image)
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                shifted[row, column] = image[row - down, column - right]
    return shifted
    ### END SOLUTION


# %% check="shift_image"
check(shift_image)

# %% [markdown]
# Turning and scaling work the same way: for each new pixel, ask where it comes from. One matrix says so.


# %% tags=["T167"]
def perturb(
    image, rng, right=0, down=0, rotation=0, scale=1, squeeze=1, stroke=0, noise=0
):
    angle = np.deg2rad(rotation)
    turn = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    back = np.diag([1 / (scale * squeeze), squeeze / scale]) @ turn
    middle = (np.array(image.shape) - 1) / 2
    offset = middle - back @ (middle + np.array([down, right]))
    image = ndimage.affine_transform(image, back, offset, order=1)
    if stroke:  # towards the darkest, or lightest, neighbour
        reach = int(np.ceil(abs(stroke)))
        extreme = ndimage.maximum_filter if stroke > 0 else ndimage.minimum_filter
        image = image + abs(stroke) / reach * (extreme(image, 2 * reach + 1) - image)
    return np.clip(image + noise * rng.normal(size=image.shape), 0, 1)


kinds = {
    "right": [-6, -3, 0, 3, 6],  # pixels
    "rotation": [-60, -30, 0, 30, 60],  # degrees, counter-clockwise
    "scale": [0.5, 0.75, 1, 1.2, 1.4],
    "squeeze": [0.5, 0.7, 1, 1.4, 2],  # taller and narrower by this factor
    "stroke": [-1, -0.5, 0, 1, 2],  # pixels on every side
    "noise": [0, 0.15, 0.3, 0.45, 0.6],  # standard deviation
}


# %% [markdown]
# We try our three networks, which have only ever seen neat digits, and three new ones that learn from digits strained
# at random: **augmentation**. Which of the six strains will hurt the first kind most, and which not at all?


# %% tags=["T167"]
def perturbed(images, **amounts):
    rng = np.random.default_rng(0)
    changed = [perturb(image[..., 0], rng, **amounts) for image in images]
    return np.array(changed, "float32")[..., None]


def augmenter(seed):
    """Strains every picture in one way, chosen at random, by a random amount."""
    rng = np.random.default_rng(seed)

    def augment(images):
        changed = []
        for image in images[..., 0]:
            kind = rng.choice(list(kinds))
            amount = rng.uniform(kinds[kind][0], kinds[kind][-1])
            changed.append(perturb(image, rng, **{kind: amount}))
        return np.array(changed, "float32")[..., None]

    return augment


for seed in range(3):
    nets.setdefault("augmented", []).append(numpy_lenet(layers.ReLU, seed))
    learn(nets["augmented"][seed], seed, augment=augmenter(seed))

# %% tags=["T167", "H12"]
tried = test[: scale(laptop=50, gpu=2000)]
groups = {"neat digits only": nets["ReLU"], "strained digits": nets["augmented"]}
panels = {}
for kind, amounts in kinds.items():
    panels[kind] = {label: np.zeros((len(amounts), 3)) for label in groups}
    for row, amount in enumerate(amounts):
        images = perturbed(tried.images, **{kind: amount})
        for label, members in groups.items():
            panels[kind][label][row] = [
                right(probabilities(net, images), tried.labels) for net in members
            ]

words = {"right": "pixels", "rotation": "degrees", "stroke": "pixels thicker"}
words |= {"scale": "times as large", "squeeze": "times as tall", "noise": "deviation"}
settings = {"guessing": 0.1, "percent": True}
show(
    charts.lines(panels, kinds, words, "right answers", **settings),
    alt="Six panels. The network trained on neat digits falls steeply when digits are shifted, "
    "turned, scaled or squeezed; the one trained on strained digits falls much later.",
)
gains = {}
for kind, runs in panels.items():
    plain, strained = (values.mean() for values in runs.values())
    gains[kind] = strained - plain
assert min(gains[kind] for kind in ("right", "rotation", "scale", "squeeze")) > 0.01

# %% tags=["G29", "T167"]
sheet, answers = np.zeros((6, 5, 28, 28)), np.zeros((6, 5), int)
for row, (kind, amounts) in enumerate(kinds.items()):
    for column, amount in enumerate(amounts):
        image = perturbed(one, **{kind: amount})
        sheet[row, column] = image[0, :, :, 0]
        answers[row, column] = probabilities(nets["ReLU"][0], image).argmax()
show(
    figures.strained(sheet, answers, 4, kinds),
    alt="One digit under six strains, each in five strengths, with what the network trained on "
    "neat digits reads: right where nothing is changed, wrong under some of the strains.",
)

# %% [markdown]
# LeNet-5 is famous for tolerating all six. Ours shrugs off noise and most changes of the stroke, but **what it was not shown, it
# cannot read**: a digit three pixels to the side, or with its head tilted. Pooling forgives a pixel or so; more
# tolerance has to come from the data. Strained digits widen four of the curves, and make none of them flat.
#
# Play: how far can you push a digit before the two networks disagree?

# %% tags=["T167", "G29", "widget"]
readers = {
    label: lambda images, net=members[0]: probabilities(net, images)
    for label, members in groups.items()
}
play = figures.Strain(tried.images, tried.labels, perturb, readers)
explore(
    play.draw,
    alt="A strained digit, and bars for the probability that each network gives to each of the ten "
    "digits.",
    number=(0, 49, 1),
    right=(-8, 8, 1),
    down=(-8, 8, 1),
    rotation=(-90, 90, 10),
    scale=(0.5, 1.5, 0.1),
    squeeze=(0.5, 2, 0.1),
    stroke=(-1, 2, 0.5),
    noise=(0, 0.8, 0.1),
)

# %% [markdown]
# ## Before back-propagation
#
# In 1980 Kunihiko Fukushima's **neocognitron** had this shape already: **S-cells** (*simple*) look for a pattern,
# **C-cells** (*complex*) answer if it was found anywhere near, then S again, then C. Who taught it? Nobody.
#
# *Winner takes all*: show the cells a patch, and the one that answers loudest moves towards it. That is clustering,
# layer by layer, without labels. We give it LeNet-5's sizes: 6 planes, then 16, then 120 cells.


# %% tags=["T168"]
def unit_length(patches):
    lengths = np.linalg.norm(patches, axis=-1, keepdims=True)
    return patches / np.maximum(lengths, 1e-6)


def windows(maps, size, padding=0):
    """What each cell sees: (images, rows, columns, size * size * planes)."""
    edge = (padding, padding)
    seen = slide(np.pad(maps, ((0, 0), edge, edge, (0, 0))), size, 1)
    return seen.reshape(*seen.shape[:3], -1)


def compete(patches, cells, rng):
    """Winner takes all: the loudest cell moves towards what it saw."""
    kernel = patches[rng.choice(len(patches), cells, replace=False)]
    for patch in patches[rng.permutation(len(patches))]:
        winner = np.argmax(kernel @ patch)
        kernel[winner] = unit_length(kernel[winner] + 0.05 * patch)
    return kernel


def s_cells(maps, kernel, padding=0, threshold=0.7, faint=0.4):
    """How well each window agrees with each pattern, above a threshold."""
    seen = windows(maps, 5, padding)
    lengths = np.linalg.norm(seen, axis=-1, keepdims=True)
    return np.maximum(seen / np.maximum(lengths, faint) @ kernel.T - threshold, 0)


c_cells = layers.MaxPooling2D(2).forward


# %% [markdown]
# The last S-cells are LeNet's C5, and now C5 slides: each cell tries nine places, and the last C-cell keeps the best.
# When all is learnt, every cell is *named* after the digit it answers to most often; only there do labels come in.


# %% tags=["T168"]
def lower_planes(images, kernels):
    """From the picture U0 to C2, as far as the cascade has grown."""
    maps, result = images, {"U0": images}
    for level, kernel in enumerate(kernels[:2], start=1):
        result[f"S{level}"] = s_cells(maps, kernel, padding=2 if level == 1 else 0)
        result[f"C{level}"] = maps = c_cells(result[f"S{level}"])
    return result


def c2_maps(images, kernels):
    parts = np.array_split(images, max(1, len(images) // 100))
    return np.concatenate([lower_planes(part, kernels)["C2"] for part in parts])


def last_cells(maps, kernel):
    """S3 tries its patterns at nine places of C2, C3 keeps the best place."""
    s3 = windows(maps, 5, padding=1) @ kernel.T
    return s3, s3.max(axis=(1, 2))


def grow(images, seed):
    """Layer after layer, from pictures without labels. Returns the kernels, and what C2 makes of the pictures."""
    rng, kernels = np.random.default_rng(seed), []
    for cells, below, padding in ((6, "U0", 2), (16, "C1", 0)):
        seen = windows(lower_planes(images[:300], kernels)[below], 5, padding)
        seen = seen.reshape(-1, seen.shape[-1])
        lengths = np.linalg.norm(seen, axis=1)
        loud = rng.permutation(seen[lengths > lengths.mean()])[:2500]
        kernels.append(compete(unit_length(loud), cells, rng))
    maps = c2_maps(images, kernels)
    whole = unit_length(maps.reshape(len(maps), -1))
    return [*kernels, compete(np.tile(whole, (3, 1)), 120, rng)], maps


def names_of(answers, labels):
    """For each cell, the digit it wins most often."""
    won = [labels[answers.argmax(axis=1) == cell] for cell in range(answers.shape[1])]
    return np.array([np.bincount(each, minlength=10).argmax() for each in won])


def read(maps, kernels, names):
    """For each picture, as C2 shows it, the name of the cell that answers loudest."""
    return names[last_cells(maps, kernels[2])[1].argmax(axis=1)]


# %% [markdown]
# Against it: the same clusters with a *last layer* taught by labels, and LeNet-5, taught by back-propagation from end
# to end, as networks were from 1989 on. How large is the gap?

# %% tags=["T168", "T169"]
pupils, pupil_labels = train.images[: scale(laptop=700, gpu=10000)], train.labels[:10000]
cascades, clustered, taught = [], [], []
for seed in range(3):
    kernels, maps = grow(pupils, seed)
    names = names_of(last_cells(maps, kernels[2])[1], pupil_labels)
    cascades.append((kernels, names))
    seen = c2_maps(test.images, kernels)
    clustered.append(np.mean(read(seen, kernels, names) == test.labels))

    head = LogisticRegression(C=100, max_iter=200)
    head.fit(unit_length(maps.reshape(len(maps), -1)), pupil_labels)
    taught.append(head.score(unit_length(seen.reshape(len(seen), -1)), test.labels))

ways = {
    "clusters, then names": clustered,
    "clusters, and a taught last layer": taught,
    "back-propagation (LeNet-5)": scores["NumPy"],
}
show(
    charts.dots(ways, "right on new digits", percent=True),
    alt="Clusters with names: a little over nine in ten right. LeNet-5 by back-propagation: "
    "more. Clusters with a taught last layer: as many as LeNet-5, or more still.",
)
assert min(clustered) > 0.7 and min(taught) > 0.9

# %% [markdown]
# Without labels the cascade reads most digits; back-propagation reads more. But look at the middle: on so few and so
# neat digits the *clusters* are good enough, and all that was missing is a last layer with a teacher. Clusters follow
# what is frequent, back-propagation what is useful.
#
# Fukushima set his layers beside the visual system as Hubel and Wiesel had described it. Here is our cascade in its
# place. Solid wires learn, dotted ones are fixed.

# %% tags=["G26", "G27"]
kernels, names = cascades[0]
sees, reach, jump = [5, 2, 5, 2, 5, 3, 1], [1], 1
for size, stride in zip(sees, (1, 2, 1, 2, 1, 1), strict=False):
    reach.append(min(28, reach[-1] + (size - 1) * jump))
    jump *= stride
active = {name: maps[0] for name, maps in lower_planes(one, kernels).items()}
s3, c3 = last_cells(active["C2"][None], kernels[2])
active |= {"S3": s3[0], "C3": c3}
show(
    figures.neocognitron(active, sees, reach, names),
    alt="Above: retina, simple, complex, lower and higher hypercomplex cells. Below: the planes of the "
    "cascade; wires lead from squares of cells to one cell of the next layer, which sees more and more.",
)

# %% [markdown]
# His title promised recognition *unaffected by shift in position*. Is it? Against it: 120 cells that compete for whole
# pictures, straight on the pixels, and LeNet-5.

# %% tags=["T168"]
shifts = [0, 1, 2, 3, 4, 5, 6]
shifted = [perturbed(tried.images, right=shift) for shift in shifts]
flat = unit_length(pupils.reshape(len(pupils), -1))
readers = ("neocognitron", "pixels, clustered", "LeNet-5")
runs = {name: np.zeros((len(shifts), 3)) for name in readers}
for seed, (kernels, names) in enumerate(cascades):
    cells = compete(np.tile(flat, (3, 1)), 120, np.random.default_rng(seed))
    pixel_names = names_of(flat @ cells.T, pupil_labels)
    for row, images in enumerate(shifted):
        loudest = (images.reshape(len(images), -1) @ cells.T).argmax(axis=1)
        answers = {
            "neocognitron": read(c2_maps(images, kernels), kernels, names),
            "pixels, clustered": pixel_names[loudest],
            "LeNet-5": probabilities(nets["ReLU"][seed], images).argmax(axis=1),
        }
        for name, digits_read in answers.items():
            runs[name][row, seed] = np.mean(digits_read == tried.labels)
show(
    charts.lines(
        runs,
        shifts,
        "shift to the right, pixels",
        "right answers",
        guessing=0.1,
        percent=True,
    ),
    alt="Clusters of pixels and LeNet-5 fall to guessing within a few pixels. The neocognitron falls "
    "half-way between the places where its last cells stand, and comes back.",
)
assert runs["neocognitron"][4].mean() > runs["pixels, clustered"][4].mean() + 0.2

# %% [markdown]
# Nearly: four pixels to the right, every last cell finds its pattern one place further on; half-way between two places
# it is out of step. LeNet-5's C5 stands in one place only. Tolerance comes from structure or from data.
#
# ## From then to now
#
# | network | taught by | parameters | reads |
# |---|---|---|---|
# | neocognitron, as built here | competition, without labels | 50,550 | digits, in nine places |
# | zip codes, 1989 | back-propagation | 9,760 | digits where they belong |
# | LeNet-5, 1998 | back-propagation | 60,000 | the same, and whole lines when it slides |
# | LeNet-5, today | back-propagation | 61,706 | digits as it was shown them |
# | our first CNN | back-propagation | 12,810 | the same |
#
# ## Think about it
#
# **Most of LeNet-5's parameters are in C5. Does most of the computing happen there, too?**
#
# <details><summary>Answer</summary>
#
# No. C5 uses each of its 48,000 weights once. C3 has 2,400, but uses each at 10 × 10 places: 240,000 multiply-adds,
# five times as many.
# </details>
#
# **Give LeNet-5, with C5 as a convolution, a picture of 32 × 64. What comes out?**
#
# <details><summary>Answer</summary>
#
# Follow the width: 64, 60, 30, 26, 13, 9. C5 fits in nine places, so nine answers come out, one for every four pixels.
# </details>
#
# ## Further reading
#
# - K. Fukushima, *Neocognitron: a self-organizing neural network model for a mechanism of pattern recognition unaffected
#   by shift in position*, 1980.
# - K. Lang and G. Hinton, *The development of the time-delay neural network architecture for speech recognition*, 1988.
# - Y. LeCun and others, *Backpropagation applied to handwritten zip code recognition*, 1989.
# - Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, *Gradient-based learning applied to document recognition*, 1998.
