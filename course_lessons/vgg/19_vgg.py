# ---
# jupyter:
#   course:
#     title: "VGG: why replace one 7×7 by three 3×3?"
#     summary: "Small windows in deep stacks: what they see, what they cost, what the ReLUs between them add, and whether depth pays."
#     objectives:
#       - "compute the receptive field of any stack, strides and all, and prove it with a gradient"
#       - "say when a stack of 3×3 is cheaper than one large window, and when it is not"
#       - "build all six VGG networks with one short function, and count them"
#       - "find out where the memory of VGG-16 is, where its weights are, and what a picture costs"
#       - "measure what depth, 1×1 layers, normalisation and an ensemble are worth at small scale"
#     needs: [09_convolution, 13_first_cnn_lenet, 14_initialisation]
#     minutes: 80
#     data: [shapes, digits, cifar10]
# ---

# %% [markdown]
# The network that won in 2012 looked at photos through windows of 11 × 11 pixels; a year later, good ones used 7 × 7. Then
# two people in Oxford threw all large windows away. Their networks, named **VGG** after their group, have windows of
# 3 × 3 and hardly anything else, but many layers of them. The error of the year before, 11.7 %, fell to 7.3 %. (That was
# second place; lesson 20 is about the first.)
#
# **Why would anybody replace one 7 × 7 by three 3 × 3?** You will find out what a small window can see, what it costs,
# where its strength comes from, and build the whole family.

# %%
import itertools

import keras
import numpy as np

from course_lessons.vgg import figures
from course_lib import data, layers, losses, optim, scale
from course_lib.anatomy import anatomy
from course_lib.architectures.alexnet import LocalResponseNormalization, alexnet
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.vgg import FILTERS, VARIANTS, vgg
from course_lib.exercises import check, hint, solution
from course_lib.gradients import gradients
from course_lib.layers import softmax
from course_lib.plots import anatomy as anatomy_plots
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## What a small window can see
#
# Take a row of pixels and units that read three neighbours each. The unit at place 10 of the third layer: which pixels
# does it depend on? Walk down from it.

# %% tags=["T215", "nbval-check-output"]
seen = {10}
for layer in (3, 2, 1):
    seen = {place + step for place in seen for step in (-1, 0, 1)}
    print(f"below layer {layer}: places {min(seen)} to {max(seen)}, {len(seen)} of them")

# %% [markdown]
# Three, five, seven: each layer adds one pixel on either side. What a unit can depend on is its **receptive field**. A
# window of $k$ adds $k - 1$ *jumps*, where a jump is the distance of two neighbours, in pixels. It is 1 at first, and every
# stride below multiplies it:
#
# $$r_l = r_{l-1} + (k_l - 1)\, j_{l-1}, \qquad j_l = j_{l-1}\, s_l, \qquad r_0 = j_0 = 1$$

# %% tags=["T215", "picture"]
show(
    figures.field_cone(layers=3, kernel_size=3),
    alt="Four rows of dots. From one unit of layer 3 lines fan out to three units, five units and "
    "seven pixels; bars below count the paths: most lead to the middle pixel.",
)

# %% [markdown]
# Build your own stack. How many layers of 3 see as far as one of 11? What does a stride of 2 in the first layer do?

# %% tags=["T215", "widget"]
explore(
    figures.field_cone,
    alt="Rows of units, one row for each layer, above a row of pixels; lines lead from the unit at "
    "the top down to all it depends on. Bars below count the paths from each pixel to that unit.",
    layers=(1, 6, 1),
    kernel_size=[3, 5, 7, 11],
    strides=[1, 2, 3],
)

# %% [markdown]
# **Exercise 1.** Write the rule for any stack.


# %% exercise="receptive_field"
def receptive_field(kernel_sizes, strides):
    """Two lists with a number for each layer, the lowest first. Returns the pixels that a unit at the top sees."""
    ### BEGIN SOLUTION
    field, jump = 1, 1
    for size, stride in zip(kernel_sizes, strides, strict=True):
        field += (size - 1) * jump
        jump *= stride
    return field
    ### END SOLUTION


# %% check="receptive_field"
check(receptive_field)

# %% [markdown]
# A rule is no proof. Ask the network: **which pixels move this one unit?** Those whose gradient is not zero. All weights
# are 1 here, so the gradient also counts the paths from each pixel.


# %% tags=["T215", "T216", "Q23", "Q25", "F077"]
def gradient_of_the_middle(kernel_sizes, side=15):
    stack = keras.Sequential([keras.Input((side, side, 1))])
    for size in kernel_sizes:
        stack.add(keras.layers.Conv2D(1, size, padding="same", kernel_initializer="ones"))
    picture = np.zeros((1, side, side, 1), "float32")
    middle = side // 2
    return gradients(lambda x: stack(x)[0, middle, middle, 0], picture)[0][0, :, :, 0]


stacks = {"one 7×7": [7], "three 3×3": [3] * 3, "one 11×11": [11], "five 3×3": [3] * 5}
seen = {name: gradient_of_the_middle(sizes) for name, sizes in stacks.items()}
for pixels in seen.values():
    rows = np.flatnonzero(pixels.any(axis=1))
    assert len(rows) in (7, 11)
show(
    figures.fields(seen),
    alt="Four squares of pixels: one 7×7 and three 3×3 see the same 7 by 7 pixels, one 11×11 and "
    "five 3×3 the same 11 by 11; the stacks see the middle best and the corners hardly.",
)

# %% [markdown]
# The same field: three layers for 7 × 7, five for 11 × 11. But not the same *look*: of the many paths through a stack, most
# come from the middle, and a corner has just one.
#
# **Exercise 2.** How many layers of stride 1 are needed to see at least `field` pixels?


# %% exercise="layers_needed"
def layers_needed(field, kernel_size):
    """Returns the smallest number of layers that see at least `field` pixels."""
    ### BEGIN SOLUTION
    return -(-(field - 1) // (kernel_size - 1))
    ### END SOLUTION


# %% check="layers_needed"
check(layers_needed)

# %% [markdown]
# ## What it costs
#
# From $C$ maps to $C$ maps, one 7 × 7 has $49\,C^2$ weights. Three layers of 3 × 3: guess first.

# %% tags=["T215", "Q25", "F080", "nbval-check-output"]
for channels in (1, 64, 512):
    one, three = 7 * 7 * channels**2, 3 * (3 * 3 * channels**2)
    print(f"C = {channels:3}: {one:12,} and {three:11,} weights, {three / one:.0%}")

# %% [markdown]
# $27\,C^2$ against $49\,C^2$: 45 % fewer weights, and multiply-adds. The larger the window, the larger the gain:
# $45\,C^2$ against $121\,C^2$ for 11 × 11.
#
# AlexNet begins with an 11 × 11. *How many 3 × 3 would replace it, and would that save parameters?* You may have seen the
# answer "five, yes". Do you agree? Mind what that layer reads.

# %% tags=["T216", "Q24", "F078", "nbval-check-output"]
whole = blueprint(alexnet)
one = 11 * 11 * 3 * 96
five = 3 * 3 * 3 * 96 + 4 * (3 * 3 * 96 * 96)
print(f"one 11×11 from 3 to 96 maps:  {one:8,} weights")
print(f"five 3×3 from 3 to 96 maps:   {five:8,} weights, {five / one:.1f} times as many")
print(f"share of that 11×11 in AlexNet: {one / whole.count_params():.2%}")

# %% [markdown]
# **Five, but no.** The count with $C^2$ needs $C$ maps on *both* sides. A photo has three colours, so the one large layer is
# cheap: well below a thousandth of AlexNet. Four of the five small ones read 96 maps, and pay for it. What a stack
# saves, it saves deep inside a network.
#
# **Exercise 3.** Count both, biases included.


# %% exercise="stack_or_one"
def stack_or_one(kernel_size, channels, filters):
    """kernel_size is odd. Parameters of one such layer from channels to filters, and of the 3×3 stack: two numbers."""
    ### BEGIN SOLUTION
    one = kernel_size**2 * channels * filters + filters
    stack, inputs = 0, channels
    for _ in range((kernel_size - 1) // 2):
        stack += 9 * inputs * filters + filters
        inputs = filters
    return one, stack
    ### END SOLUTION


# %% check="stack_or_one"
check(stack_or_one)

# %% [markdown]
# ## What the ReLUs add
#
# With fewer weights, a stack can say *less*. Without ReLU that is exactly so: three convolutions in a row are one 7 × 7.
# To find its kernel, show the stack a single bright pixel and read off what comes out (turned round, since the window
# slides).

# %% tags=["T215", "Q25", "nbval-check-output"]
rng = np.random.default_rng(0)
stack = layers.Sequential([layers.Conv2D(2, 2, 3, rng) for _ in range(3)])
one = layers.Conv2D(2, 2, 7, rng)
for channel in range(2):
    spot = np.zeros((1, 13, 13, 2))
    spot[0, 6, 6, channel] = 1
    one.parameters["kernel"][:, :, channel] = stack.forward(spot)[0, ::-1, ::-1]
picture = rng.normal(size=(1, 20, 20, 2))
print("same answers:", np.allclose(one.forward(picture), stack.forward(picture)))
print("weights:", one.parameters["kernel"].size, "and", 3 * 3 * 3 * 2 * 2)

with_relu = [part for layer in stack.layers for part in (layer, layers.ReLU())]
bent = layers.Sequential(with_relu[:-1]).forward(picture)
print("with ReLU in between:", np.allclose(one.forward(picture), bent))

# %% [markdown]
# A linear stack is a 7 × 7 with its hands tied. If three 3 × 3 are any good, it must be due to the **ReLUs in between**.
# Try all three in the same place of a small network that has to tell six silhouettes apart: circle, square, triangle,
# cross, star, ring. (At `gpu` scale: CIFAR-10.)

# %% tags=["T215"]
if scale(laptop=True, gpu=False):
    drawn = data.shapes(1700, seed=1, size=16)
    images, labels = drawn.masks[..., None].astype("float32"), drawn.labels
    learnt = 1200  # the rest is new
else:
    both = data.cifar10()
    images = np.concatenate([both.train.images, both.test.images])
    labels = np.concatenate([both.train.labels, both.test.labels])
    learnt = len(both.train)
images = (images - images[:learnt].mean()) / images[:learnt].std()
pictures, new = (images[:learnt], labels[:learnt]), (images[learnt:], labels[learnt:])
print(f"{learnt} to learn from, {len(new[0])} new ones, {new[0].shape[1:]}")


# %% [markdown]
# Two helpers for all trainings of this lesson. `start` draws the weights, by Glorot or by He (lesson 14). `in_keras` makes
# a Keras model of a network of our layers, weights and all.


# %% tags=["T215"]
def start(parts, draw, rng):
    """A network of these layers; kernels as Glorot draws them, or He, for ReLU."""
    for part in parts:
        for name, array in part.parameters.items():
            if name == "kernel":
                fan_in, fan_out = array[..., 0].size, array.size // array.shape[-2]
                variance = 2 / fan_in if draw == "He" else 2 / (fan_in + fan_out)
                array = rng.normal(0, np.sqrt(variance), array.shape)
            part.parameters[name] = array.astype("float32")
    return layers.Sequential(parts)


def in_keras(net, input_shape):
    model = keras.Sequential([keras.Input(input_shape)])
    for part in net.layers:
        options, kind = {}, type(part).__name__
        if kind == "Conv2D":
            options = {"kernel_size": part.kernel_size, "padding": part.padding}
        if part.parameters:
            units = "units" if kind == "Dense" else "filters"
            options[units] = len(part.parameters["bias"])
        makers = {"LRN": LocalResponseNormalization}  # our layers have Keras' names
        model.add((makers.get(kind) or getattr(keras.layers, kind))(**options))
        if part.parameters:
            model.layers[-1].set_weights(list(part.parameters.values()))
    return model


# %% [markdown]
# A laptop trains our own layers, which are up and running sooner; a GPU trains in Keras. The last pass takes small steps.


# %% tags=["T215"]
def learn_in_numpy(net, pictures, new, seed, passes):
    """Returns the loss of the last pass and the probabilities for the new pictures."""
    rng, optimizer = np.random.default_rng(seed), optim.Adam(0.003)
    recipe = {"optimizer": optimizer, "batch_size": 32, "rng": rng}
    for epochs in (passes - 1, 1):
        history = net.fit(
            *pictures, loss=losses.softmax_cross_entropy, epochs=epochs, **recipe
        )
        optimizer.learning_rate = 0.0005
    return history[-1], softmax(net.forward(new[0]))


def learn_in_keras(net, pictures, new, seed, passes):
    keras.utils.set_random_seed(seed)
    model = in_keras(net, new[0].shape[1:])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(scale(laptop=0.003, gpu=0.001))
    model.compile(optimizer, loss, jit_compile=False)
    batch = scale(laptop=32, gpu=128)
    for epochs in (passes - 1, 1):
        history = model.fit(*pictures, batch_size=batch, epochs=epochs, verbose=0)
        optimizer.learning_rate = scale(laptop=0.0005, gpu=0.0001)
    return history.history["loss"][-1], softmax(model.predict(new[0], verbose=0))


def right(probabilities, new):
    return np.mean(probabilities.argmax(axis=1) == new[1])


learn = scale(laptop=learn_in_numpy, gpu=learn_in_keras)

# %% [markdown]
# Which of the three will do best, and which worst?


# %% tags=["T215", "H15"]
def with_body(kernel_sizes, bend, seed):
    """3×3, then the body from C to C maps, then ReLU, pooling and the answer."""
    rng, filters = np.random.default_rng(seed), scale(laptop=8, gpu=64)
    side, _, channels = new[0].shape[1:]
    parts = [layers.Conv2D(channels, filters, 3, rng), layers.ReLU()]
    for place, size in enumerate(kernel_sizes, 1):
        parts.append(layers.Conv2D(filters, filters, size, rng))
        if bend or place == len(kernel_sizes):
            parts.append(layers.ReLU())
    parts += [layers.MaxPooling2D(2), layers.Flatten()]
    inputs, classes = ((side - 8) // 2) ** 2 * filters, scale(laptop=6, gpu=10)
    return start([*parts, layers.Dense(inputs, classes, rng)], "He", rng)


bodies = {"one 7×7": ([7], True), "three 3×3": ([3, 3, 3], True)}
bodies["three 3×3, no ReLU between"] = ([3, 3, 3], False)
scores = {}
for name, (kernel_sizes, bend) in bodies.items():
    nets = [with_body(kernel_sizes, bend, seed) for seed in range(3)]
    runs = [
        learn(net, pictures, new, seed, scale(laptop=5, gpu=15))
        for seed, net in enumerate(nets)
    ]
    scores[name] = [right(probabilities, new) for _, probabilities in runs]
assert np.mean(scores["three 3×3"]) > scale(laptop=0.27, gpu=0.4)

# %% tags=["T215", "H15"]
show(
    charts.dots(
        scores,
        "right on new pictures",
        guessing=scale(laptop=1 / 6, gpu=1 / 10),
        percent=True,
    ),
    alt="Three seeds each: three 3×3 do about as well as one 7×7; without ReLU in between they "
    "are worse.",
)
for name, values in scores.items():
    print(f"{name:26}", *(f"{value:.1%}" for value in values))

# %% [markdown]
# The stack does about as well as the large window, with little more than half of its weights; which of the two leads is a
# matter of the seed. Without the ReLUs it falls behind. So the answer has two halves: **small windows save weights and
# work; the ReLUs between them make up for what the missing weights could say.**
#
# ## A family from one builder
#
# Karen Simonyan and Andrew Zisserman asked one question: how far does *depth* carry, if all else stays the same? So every
# VGG follows one plan: stages of 3 × 3 with ReLU, each ended by a pooling of 2 × 2; then two dense layers of 4096 units,
# and the classes. From stage to stage the maps halve in size and double in number, up to 512. What differs is how many
# convolutions a stage has.
#
# **Exercise 4.** Build one stage in Keras.


# %% exercise="vgg_stage"
def vgg_stage(input_shape, filters, kernel_sizes):
    """A convolution with ReLU for each of kernel_sizes, same padding; then one max pooling. Returns a Keras model."""
    ### BEGIN SOLUTION
    model = keras.Sequential([keras.Input(input_shape)])
    for size in kernel_sizes:
        model.add(keras.layers.Conv2D(filters, size, padding="same", activation="relu"))
    model.add(keras.layers.MaxPooling2D(2))
    return model
    ### END SOLUTION


# %% check="vgg_stage"
check(vgg_stage)

# %% [markdown]
# Now the whole family. `VARIANTS` holds the plan of each: the window of every convolution, stage by stage. (A `blueprint`
# has shapes but no values; the real thing would fill half a gigabyte.)


# %% tags=["T214", "nbval-check-output"]
def build_vgg(stages, input_shape=(224, 224, 3), classes=1000):
    x = inputs = keras.Input(input_shape)
    for kernel_sizes, filters in zip(stages, (64, 128, 256, 512, 512), strict=False):
        for size in kernel_sizes:
            convolution = keras.layers.Conv2D(filters, size, padding="same")
            x = keras.layers.ReLU()(convolution(x))
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    for units in (4096, 4096):
        x = keras.layers.Dense(units, activation="relu")(x)
        x = keras.layers.Dropout(0.5)(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


for name in ("D", "E"):
    print(name, *VARIANTS[name])
    ours = blueprint(build_vgg, VARIANTS[name]).count_params()
    print(
        f"{ours:,} parameters, as in the library: {ours == blueprint(vgg, name).count_params()}"
    )

# %% tags=["T214"]
show(
    figures.family(VARIANTS, FILTERS),
    alt="Six columns of boxes, one for each configuration: all share five stages with pooling and "
    "three dense layers; they differ in the number of convolutions in each stage, 8 to 16.",
)

# %% [markdown]
# **A-LRN** is A with AlexNet's normalisation behind the first layer; **C** has three layers of 1 × 1 where **D** has 3 × 3. D
# and E are known as VGG-16 and VGG-19. E has eight convolutions more than A. How much larger will it be?

# %% tags=["T214", "T220", "F081", "F085", "X25", "nbval-check-output"]
family = {name: anatomy(blueprint(vgg, name)) for name in VARIANTS}
print("        layers   parameters      multiply-adds")
for name, table in family.items():
    total = table.total
    print(f"{name:6} {total.depth:7} {total.parameters:12,} {total.multiply_adds:18,}")

# %% [markdown]
# 133 million or 144: eight more layers make hardly a difference in weights, but a large one in work. Where do the weights
# sit, then?
#
# ## VGG-16, layer by layer
#
# Look at two things: the **values** that a layer writes, which must be kept in memory, and its **parameters**. Which
# layers will have most of the first, and which most of the second?

# %% tags=["T217"]
vgg16 = family["D"]
show(
    anatomy_plots.parameters_and_memory(vgg16),
    alt="Bars for each layer of VGG-16: nearly all parameters are in the first dense layer; most of "
    "the memory is in the first two stages.",
)

# %% tags=["T217", "F132", "nbval-check-output"]
print(vgg16)

# %% [markdown]
# Memory early, weights late: a map of 224 × 224 has fifty thousand places, and the first dense layer joins 25,088 values to
# 4096 units each.
#
# You may have seen this very table with a total of **24 million values, 96 MB** for a picture. Add the column up, and try
# what else may have been meant.

# %% tags=["T217", "F129", "F131", "nbval-check-output"]
total = vgg16.total
early = vgg16.where(lambda row: row.name.startswith(("block1", "block2")))
convolutions = vgg16.where(lambda row: row.role == "convolution")
dense = vgg16.where(lambda row: row.role == "dense")
twice = sum(row.values for row in convolutions) + sum(row.values for row in dense)
print(f"all values:         {total.values:,}, {4 * total.values / 1e6:.0f} MB")
print(f"ReLU counted apart: {total.values + twice:,}")
print(f"with all gradients: {2 * total.values:,}, {8 * total.values / 1e6:.0f} MB")
print(f"in stages 1 and 2:  {early.total.values / total.values:.0%} of the values")
print(
    f"in dense layers:    {dense.total.parameters / total.parameters:.0%} of the parameters"
)
kernels = sum(row.parameters - row.shape[-1] for row in convolutions)
print(f"in convolutions:    {kernels:,} weights, {4 * kernels / 1e6:.0f} MB")

# %% [markdown]
# 15.2 million values, 61 MB; about twice that in training, with a gradient for each. None of these is 24. (You may also
# have seen "about 14 M, 56 MB" for the weights of the convolutions: cut off, not rounded. It is 14.7 M and 59 MB.)
#
# **Exercise 5.** Write that sum: bytes of all activations as float32, for a batch.


# %% exercise="activation_bytes"
def activation_bytes(shapes, batch_size, training):
    """shapes: a tuple for each map that is kept. In training there is a gradient for each value, too."""
    ### BEGIN SOLUTION
    values = sum(int(np.prod(shape)) for shape in shapes)
    return 4 * values * batch_size * (2 if training else 1)
    ### END SOLUTION


# %% check="activation_bytes"
check(activation_bytes)

# %% [markdown]
# ## What one picture costs
#
# Every weight of a convolution is used once at every place. How much work is one picture? And a film of 1920 × 1080, 30
# pictures a second, cut into tiles of 224 × 224?

# %% tags=["T218", "F135", "F137", "nbval-check-output"]
print(f"convolutions {convolutions.total.multiply_adds:15,}")
print(f"dense layers {dense.total.multiply_adds:15,}")
print(f"together     {total.multiply_adds:15,}")
older = anatomy(whole).total.multiply_adds
print(f"AlexNet      {older:15,}, {total.multiply_adds / older:.0f} times less")

tiles = 1920 * 1080 / 224**2
rate = 30 * tiles * total.multiply_adds
print(f"{tiles:.1f} tiles, 30 times a second: {rate / 1e12:.2f} T multiply-adds a second")
printed = 15.52e9  # for the convolutions alone, as you may have seen it
print(f"15.52 G would be {printed / convolutions.total.multiply_adds - 1:.1%} too many")

# %% [markdown]
# You may have seen **15.52 G** for the convolutions and 19.3 "TFLOPS" for the film. It is 15.35 G, 15.47 G with the dense
# layers, and 19.18 T; and a multiply-add is *two* floating-point operations.
#
# ## Does depth pay?
#
# On ImageNet, yes, for a while: A, B, C and D were each better than the one before; E was hardly better than D (74.5 %
# against 74.4 % were reported, with five guesses 92.0 % against 91.9 %). A million photos and weeks on four GPUs are not
# for a lesson. So make **mini-VGGs**: stages 1, 3 and 5 of each plan, with few maps, for digits of 8 × 8; and one with 16
# layers. (CIFAR-10 at `gpu` scale.)


# %% tags=["T220", "T219"]
def mini_vgg(stages, draw, seed, behind_first=()):
    rng, (side, _, channels) = np.random.default_rng(seed), new[0].shape[1:]
    parts = []
    for number, kernel_sizes in enumerate(stages):
        filters = scale(laptop=8, gpu=64) * 2**number
        for size in kernel_sizes:
            parts += [layers.Conv2D(channels, filters, size, rng, padding="same")]
            parts += [layers.ReLU(), *(behind_first if len(parts) == 1 else ())]
            channels = filters
        parts.append(layers.MaxPooling2D(2))
    inputs, units = channels * (side // 2 ** len(stages)) ** 2, scale(laptop=48, gpu=512)
    parts += [layers.Flatten(), layers.Dense(inputs, units, rng), layers.ReLU()]
    parts += [layers.Dense(units, units, rng), layers.ReLU()]
    return start([*parts, layers.Dense(units, 10, rng)], draw, rng)


if scale(laptop=True, gpu=False):
    digits = data.digits(size=8)
    known = digits.train + digits.validation
    middle, width = known.images.mean(), known.images.std()
    pictures, new = (
        ((part.images - middle) / width, part.labels)
        for part in (digits.train[:900], digits.test)
    )
plans = {name: [VARIANTS[name][stage] for stage in (0, 2, 4)] for name in "ABCDE"} | {
    "16": [(3,) * 3, (3,) * 5, (3,) * 5]
}
for name, plan in plans.items():
    print(f"{name:2}", sum(map(len, plan)) + 3, "layers:", *plan)

# %% [markdown]
# First, is Keras' training the same thing? The same weights must give the same answers; after training, which shuffles in
# another order, about as many must be right.

# %% tags=["T220"]
net = mini_vgg(plans["A"], "He", seed=0)
model = in_keras(net, new[0].shape[1:])
assert np.allclose(net.forward(new[0][:50]), model(new[0][:50]), atol=1e-3)
_, by_keras = learn_in_keras(net, pictures, new, seed=0, passes=scale(laptop=4, gpu=20))
_, by_numpy = learn(net, pictures, new, seed=0, passes=scale(laptop=4, gpu=20))
print(f"Keras {right(by_keras, new):.1%}, our layers {right(by_numpy, new):.1%}")
assert right(by_keras, new) > scale(laptop=0.7, gpu=0.4)

# %% [markdown]
# Now the sweep. What do you expect: will more layers be better? And will it matter how the weights are drawn?

# %% tags=["T220", "H15"]
runs = {
    (draw, name): [
        learn(
            mini_vgg(plans[name], draw, seed),
            pictures,
            new,
            seed,
            scale(laptop=4, gpu=20),
        )
        for seed in range(3)
    ]
    for draw, name in itertools.product(("He", "Glorot"), ("A", "D", "E", "16"))
}
loss, share = "loss on what it learns from", "right on new pictures"
panels = {loss: {}, share: {}}
for draw in ("He", "Glorot"):
    several = [runs[draw, name] for name in ("A", "D", "E", "16")]
    panels[loss][draw] = [[last for last, _ in each] for each in several]
    panels[share][draw] = [[right(said, new) for _, said in each] for each in several]
assert np.mean(panels[share]["He"][0]) > scale(laptop=0.75, gpu=0.4)
show(
    charts.lines(
        panels,
        [8, 11, 13, 16],
        "layers with weights",
        guessing={share: 0.1},
        percent={share: True},
    ),
    alt="Training loss and accuracy against depth, three seeds each. Drawn by Glorot, deeper "
    "networks get worse and worse; drawn by He they stay good for longer.",
)

# %% [markdown]
# Depth does *not* pay here. Look at the left panel: the deep networks are worse even on the pictures they **learn from**.
# So they have not learnt too much by heart; they are hard to train. Glorot's draw loses half of the signal's power at every
# ReLU (lesson 14); He's makes up for it, but the deepest still need longer to get going. And digits this easy leave
# little for depth to gain.
#
# The authors of VGG met the same wall. They trained the shallow A first and started the deep ones from its layers. Batch
# normalisation (lesson 15) came a year too late for them; what lets networks grow ten times deeper comes in lesson 21.
#
# ## Three more questions they asked
#
# **Is AlexNet's normalisation (LRN) worth keeping?** It divides each value by $(2 + 10^{-4} \sum x^2)^{0.75}$, the sum running
# over neighbouring maps. Here it is for our layers, held against the one of lesson 18.


# %% tags=["T219", "T214"]
class LRN(layers.ReLU):
    def forward(self, x):
        places = np.arange(x.shape[-1])
        near = abs(places[:, None] - places) <= 2  # five maps, the own one in the middle
        self.x, self.near = x, near.astype(x.dtype)
        self.base = 2 + 1e-4 * x**2 @ self.near
        return x * self.base**-0.75

    def backward(self, upstream):
        through_base = (upstream * self.x * self.base**-1.75) @ self.near
        return upstream * self.base**-0.75 - 1.5e-4 * self.x * through_base


maps = np.random.default_rng(0).normal(0, 30, (2, 4, 4, 8)).astype("float32")
assert np.allclose(LRN().forward(maps), LocalResponseNormalization()(maps), rtol=1e-4)
ones = np.ones_like(maps)
layer = LRN()
layer.forward(maps)
by_keras = gradients(lambda x: keras.ops.sum(LocalResponseNormalization()(x)), maps)[0]
assert np.allclose(layer.backward(ones), by_keras, atol=1e-5)
print("forward and backward as in Keras")

# %% tags=["T219", "T221"]
small = {"A": [right(said, new) for _, said in runs["He", "A"]], "A-LRN": []}
for seed in range(3):
    net = mini_vgg(plans["A"], "He", seed, behind_first=[LRN()])
    _, said = learn(net, pictures, new, seed, scale(laptop=4, gpu=20))
    small["A-LRN"].append(right(said, new))
for name in "BC":
    nets = [mini_vgg(plans[name], "He", seed) for seed in range(3)]
    runs["He", name] = [
        learn(net, pictures, new, seed, scale(laptop=4, gpu=20))
        for seed, net in enumerate(nets)
    ]
for name in "BCD":
    small[name] = [right(said, new) for _, said in runs["He", name]]
show(
    charts.dots(
        {f"plan {name}": values for name, values in small.items()},
        "right on new pictures (of each plan the stages 1, 3 and 5)",
        percent=True,
    ),
    alt="Three seeds each of the small A, A-LRN, B, C and D: they differ by a few points, and the "
    "seeds of one plan by about as much.",
)
for name, values in small.items():
    print(f"{name:6}", *(f"{value:.1%}" for value in values))

# %% [markdown]
# A and A-LRN: no gain, and VGG dropped it. Here there cannot be one. Look at what it divides by:

# %% tags=["T219"]
first = mini_vgg(plans["A"], "He", seed=0).layers[:2]
seen = layers.Sequential(first).forward(new[0][:200])
for name, factor in {"our inputs": 1, "a hundred times as large": 100}.items():
    layer = LRN()
    layer.forward(factor * seen)
    divisor = layer.base**0.75
    print(f"{name:25} divided by {divisor.min():.2f} to {divisor.max():.2f}")

# %% [markdown]
# By a constant. The numbers were made for pixels from 0 to 255.
#
# **Does a 1 × 1 layer help?** C adds some to B, and D makes them 3 × 3. A 1 × 1 sees nothing new. Without the ReLU in front
# of it, it would be nothing at all: it melts into the layer before.

# %% tags=["T221", "nbval-check-output"]
rng = np.random.default_rng(0)
wide, point = layers.Conv2D(4, 6, 3, rng), layers.Conv2D(6, 5, 1, rng)
merged = layers.Conv2D(4, 5, 3, rng)
merged.parameters["kernel"] = wide.parameters["kernel"] @ point.parameters["kernel"][0, 0]
maps = rng.normal(size=(1, 8, 8, 4))
plain = point.forward(wide.forward(maps))
bent = point.forward(layers.ReLU().forward(wide.forward(maps)))
print("3×3, 1×1 = one 3×3:      ", np.allclose(plain, merged.forward(maps)))
print("3×3, ReLU, 1×1 = one 3×3:", np.allclose(bent, merged.forward(maps)))
for name in "BCD":
    sizes = itertools.chain(*plans[name])
    print(
        name, "sees", 1 + sum(size - 1 for size in sizes), "pixels, if nothing is pooled"
    )

# %% [markdown]
# All that a 1 × 1 adds is one more bend. On ImageNet that was worth something: C was better than B; and D, which also sees
# further, was better than C. In our figure the seeds differ about as much as the plans, and if anything the shallower plan
# leads, as above: the test is too small to tell. Lesson 20 puts the 1 × 1 to another use.
#
# **Are several networks better than one?** The 7.3 % was an ensemble. Average the probabilities of our three seeds:

# %% tags=["T219"]
for name in "ADE":
    said = [probabilities for _, probabilities in runs["He", name]]
    single = np.mean([right(each, new) for each in said])
    print(
        f"{name}: one {single:.1%}, three together {right(np.mean(said, axis=0), new):.1%}"
    )

# %% [markdown]
# A few points better, for three times the work. And one note of 2014 has outlived the others: what VGG's second dense layer
# says of a photo (4096 numbers, "fc7") describes it well for *other* tasks, too.
#
# | | one 7 × 7 | three 3 × 3 | one 11 × 11 | five 3 × 3 |
# |---|---|---|---|---|
# | receptive field | 7 | 7 | 11 | 11 |
# | weights, $C$ to $C$ maps | $49\,C^2$ | $27\,C^2$ | $121\,C^2$ | $45\,C^2$ |
# | weights, 3 to 96 maps | 14,112 | 168,480 | 34,848 | 334,368 |
# | ReLUs | 1 | 3 | 1 | 5 |
# | layers to keep in memory | 1 | 3 | 1 | 5 |
# | use it | on the picture itself | inside a network | on the picture itself | inside a network |
#
# ## Think about it
#
# **Stacks of 3 × 3 save weights. Could you go on and replace each 3 × 3 by two layers of 2 × 2?**
#
# <details><summary>Answer</summary>
#
# The field would be the same, and $8\,C^2$ is hardly less than $9\,C^2$, for one more layer to keep. And a 2 × 2 has no
# middle: with same padding the picture creeps half a pixel to one side. 3 × 3 is the smallest window that knows left,
# right, up, down and the middle.
# </details>
#
# **Average VGG-16's last maps over their 7 × 7 places and go straight to the 1000 classes. What happens to the weights, the
# work and the memory?**
#
# <details><summary>Answer</summary>
#
# 123.6 million weights become $512 \cdot 1000$: the network shrinks to 15.2 million, a ninth. Work and memory change by less
# than a hundredth: both are in the convolutions. GoogLeNet and ResNet (lessons 20 and 21) end like this.
# </details>
#
# ## Further reading
#
# - K. Simonyan and A. Zisserman, *Very deep convolutional networks for large-scale image recognition*, 2014.
# - M. Zeiler and R. Fergus, *Visualizing and understanding convolutional networks*, 2013: 7 × 7 in place of 11 × 11.
# - W. Luo and others, *Understanding the effective receptive field in deep convolutional neural networks*, 2016.
# - X. Ding and others, *RepVGG: making VGG-style ConvNets great again*, 2021: linear branches, melted into one 3 × 3.
