# ---
# jupyter:
#   course:
#     title: "VGG: why replace one 7×7 by three 3×3?"
#     summary: "Small windows in deep stacks: what they see, what they cost, what the ReLUs between them add, and whether depth pays."
#     objectives:
#       - "compute the receptive field of any stack, strides and all, and prove it with a gradient"
#       - "say when a stack of 3×3 is cheaper than one large window, and when it is not"
#       - "melt linear convolutions of a trained network into one, and say what the ReLUs between them add"
#       - "build all six VGG networks with one short function; find their memory, their weights and their work"
#       - "judge by recorded experiments what depth, 1×1 layers, normalisation and a vote are worth at small scale"
#     needs: [09_convolution, 14_initialisation, 18_alexnet]
#     minutes: 80
#     data: [mnist_5k, shapes]
# ---

# %% [markdown]
# The network that won in 2012 looked at photos through windows of 11 × 11 pixels; a year later, good ones used 7 × 7. Then
# two people in Oxford threw all large windows away. Their networks, named **VGG** after their group, have windows of
# 3 × 3 and hardly anything else, but many layers of them. The winner of the year before had a top-5 error of 11.7 %, a vote
# of seven VGGs 7.3 %. (That was second place; lesson 20 is about the first.)
#
# **Why would anybody replace one 7 × 7 by three 3 × 3?** You will find out what a small window can see, what it costs,
# what it can say, and build the whole family.

# %%
import functools

import keras
import numpy as np
import pandas as pd

from course_lessons.vgg import figures
from course_lib import data
from course_lib.anatomy import anatomy
from course_lib.architectures.alexnet import alexnet
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.vgg import FILTERS, VARIANTS, stage, vgg
from course_lib.evidence import at_best_rate, compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.gradients import gradients
from course_lib.plots import anatomy as anatomy_plots
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

# %% [markdown]
# ## What a small window can see
#
# Take a row of pixels and units that read three neighbours each. The unit at place 10 of the third layer: which pixels
# does it depend on? Walk down from it.

# %% tags=["T215", "nbval-check-output"]
places = {10}
for level in (3, 2, 1):
    places = {place + step for place in places for step in (-1, 0, 1)}
    print(f"below layer {level}: places {min(places)} to {max(places)}, {len(places)} of them")

# %% [markdown]
# Three, five, seven: each layer adds one pixel on either side. What a unit can depend on is its *receptive field* (lesson
# 09). In general a layer whose window is $k$ wide adds $k - 1$: the window's middle was there already.

# %% tags=["T215", "picture"]
show(
    figures.field_cone(layers=3, kernel_size=3),
    alt="Four rows of dots. From one unit of layer 3 lines fan out to three units, five units and "
    "seven pixels; bars below count the paths to each pixel: 1, 3, 6, 7, 6, 3, 1.",
)

# %% [markdown]
# Build your own stack. How many layers of 3 see as far as one of 11? And what does a stride of 2 in the *first* layer do
# to the field?

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
# Behind a stride of 2, two neighbouring units look at places that are two pixels apart. Call that distance, in pixels, the
# *jump*.
#
# **Exercise 1.** How much does a window of $k$ units add, if they are a jump apart? What does a layer's stride do to the
# jump, and for whom? Find the rule for any stack.


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
# Check the rule on a network: **which pixels move this one unit?** Those for which its gradient is not zero. All weights
# are 1 here, so the gradient also counts the paths from each pixel. Which of these four will see the same?


# %% tags=["T215", "T216", "Q23", "Q25", "F077"]
def gradient_of_the_middle(kernel_sizes, side=15):
    """Of the middle output of a stack whose weights are all 1, by the pixels: (side, side)."""
    model = keras.Sequential([keras.Input((side, side, 1))])
    for size in kernel_sizes:
        model.add(keras.layers.Conv2D(1, kernel_size=size, padding="same", kernel_initializer="ones"))
    picture = np.zeros((1, side, side, 1), "float32")
    middle = side // 2
    return gradients(lambda x: model(x)[0, middle, middle, 0], picture)[0][0, :, :, 0]


stacks = {"one 7×7": [7], "three 3×3": [3] * 3, "one 11×11": [11], "five 3×3": [3] * 5}
seen = {name: gradient_of_the_middle(sizes) for name, sizes in stacks.items()}
for (name, pixels), field in zip(seen.items(), (7, 7, 11, 11), strict=True):
    assert pixels.any(axis=1).sum() == pixels.any(axis=0).sum() == field, name
show(
    figures.fields(seen),
    alt="Four squares of pixels: one 7×7 and three 3×3 see the same 7 by 7 pixels, one 11×11 and "
    "five 3×3 the same 11 by 11. The large windows are evenly dark; the stacks are dark in the middle and pale outside.",
)

# %% [markdown]
# The same field: three layers for 7 × 7, five for 11 × 11. But not the same *look*: of the many paths through a stack, most
# come from the middle, and a corner has just one.
#
# ## What it costs
#
# From $C$ maps to $C$ maps, one 7 × 7 has $7 \cdot 7 \cdot C \cdot C = 49\,C^2$ weights. Three layers of 3 × 3: guess first.

# %% tags=["T215", "Q25", "F080", "nbval-check-output"]
counts = {}
for size in (3, 5, 7, 11):
    small = (size - 1) // 2
    one, many = size**2, small * 3**2
    counts[f"{size}×{size}"] = {
        "one window": f"{one} C²",
        "3×3 layers": small,
        "stack": f"{many} C²",
        "one, C = 64": one * 64**2,
        "stack, C = 64": many * 64**2,
        "saved": f"{1 - many / one:.0%}",
    }
assert counts["7×7"]["stack"] == "27 C²" and counts["11×11"]["stack"] == "45 C²"
pd.DataFrame.from_dict(counts, orient="index")

# %% [markdown]
# $27\,C^2$ against $49\,C^2$: 45 % fewer weights, and 45 % fewer multiply-adds, for every place uses every weight once.
# The larger the window, the larger the gain.
#
# AlexNet begins with an 11 × 11 that reads a photo, 3 maps, and gives 96. *How many 3 × 3 see as far, and would they have
# fewer parameters?* Make your guess; then count.
#
# **Exercise 2.** Count the parameters of both, biases included. Mind what each layer of the stack reads.


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
# Now let Keras count, for AlexNet's first layer and for the same layer deep inside a network, where 96 maps come in:


# %% tags=["T216", "Q24", "F078", "nbval-check-output"]
def stack_of(kernel_sizes, channels, filters):
    model = keras.Sequential([keras.Input((224, 224, channels))])
    for size in kernel_sizes:
        model.add(keras.layers.Conv2D(filters, kernel_size=size))
    return model


parameters = {
    f"from {channels} to 96 maps": {name: stack_of(stacks[name], channels, 96).count_params() for name in stacks}
    for channels in (3, 96)
}
first_layer = parameters["from 3 to 96 maps"]
assert (first_layer["one 11×11"], first_layer["five 3×3"]) == (34_848 + 96, 334_368 + 5 * 96)
print(f"share of the 11×11 in AlexNet: {first_layer['one 11×11'] / blueprint(alexnet).count_params():.2%}")
pd.DataFrame(parameters)

# %% [markdown]
# **Five 3 × 3 see as far, but on the photo they have more parameters**, nearly ten times as many. The count with $C^2$ needs
# $C$ maps on both sides, but a photo has three, so the one large layer is cheap: well below a thousandth of AlexNet. Four
# of the five small layers read 96 maps, and pay for it. Deep inside a network the stack saves 63 %.
#
# ## What the ReLUs add
#
# A stack has fewer weights. Can it say *less* than the one large window? Without ReLUs, yes, and this can be proved. In one
# dimension, let the first window be $p$, the second $q$, without biases:
#
# $$a_i = \sum_u p_u\,x_{i+u}, \qquad b_i = \sum_v q_v\,a_{i+v} = \sum_v \sum_u q_v\,p_u\,x_{i+u+v} = \sum_t \Big(\sum_{u+v=t} p_u\,q_v\Big)\,x_{i+t}$$
#
# The last bracket depends on $t$ only: it is *one* window, $k_1 + k_2 - 1$ wide. You have met one: three windows of ones
# gave the numbers of paths, 1, 3, 6, 7, 6, 3, 1. **A linear stack is one large window that was not free to choose its
# weights.**
#
# **Exercise 3.** Do it for real layers: two dimensions, and several channels. At each pair of places the product $p\,q$
# becomes a product of two matrices, (channels, middle) and (middle, filters).


# %% exercise="merged_kernel"
def merged_kernel(first, second):
    """(k1, k1, channels, middle) and (k2, k2, middle, filters), as Keras has them. Returns the kernel of one layer
    that does the same: (k1 + k2 - 1, k1 + k2 - 1, channels, filters)."""
    ### BEGIN SOLUTION
    k1, k2 = len(first), len(second)
    merged = np.zeros((k1 + k2 - 1, k1 + k2 - 1, first.shape[2], second.shape[3]))
    for row in range(k2):
        for column in range(k2):
            merged[row : row + k1, column : column + k1] += first @ second[row, column]
    return merged
    ### END SOLUTION


# %% check="merged_kernel"
check(merged_kernel)

# %% [markdown]
# Now use it. Here are real digits (MNIST), made small, 14 × 14, by taking the mean of each 2 × 2; and a small network with
# three 3 × 3 in a row, with or without ReLU between them. Train the linear one, and melt its three layers into one.

# %% tags=["T215"]
digits = data.mnist_5k()
mean, deviation = digits.train.images.mean(), digits.train.images.std()


def shrunk(part):
    """14 × 14 pixels, mean 0 and deviation 1 over all training digits."""
    blocks = part.images.reshape(-1, 14, 2, 14, 2, 1)
    return (blocks.mean(axis=(2, 4)) - mean) / deviation


images, new_images = shrunk(digits.train), shrunk(digits.validation)
labels, new_labels = digits.train.labels, digits.validation.labels
print(f"{len(images):,} digits to learn from, {len(new_images)} to validate, {images.shape[1:]}")


# %% tags=["T215", "Q25"]
def digit_reader(body, relu_between):
    """A 3×3; the body, a window size for each layer; a ReLU, a pooling, and ten logits."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((14, 14, 1))])
    model.add(keras.layers.Conv2D(8, kernel_size=3, activation="relu", kernel_initializer="he_normal", name="first"))
    for place, size in enumerate(body):
        if place and relu_between:
            model.add(keras.layers.ReLU())
        model.add(keras.layers.Conv2D(8, kernel_size=size, use_bias=False, name=f"body{place}"))
    model.add(keras.layers.ReLU())
    model.add(keras.layers.MaxPooling2D(pool_size=2))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(10, name="classes"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.005), loss=loss, metrics=["accuracy"])
    return model


linear = digit_reader([3, 3, 3], relu_between=False)
linear.fit(images, labels, batch_size=50, epochs=3, verbose=0)
_, accuracy = linear.evaluate(new_images, new_labels, verbose=0)
print(f"read of new digits: {accuracy:.0%}")

# %% tags=["T215", "Q25"]
try:
    kernels = [linear.get_layer(f"body{place}").get_weights()[0] for place in range(3)]
    melted = digit_reader([7], relu_between=False)
    melted.get_layer("body0").set_weights([functools.reduce(merged_kernel, kernels)])
    for name in ("first", "classes"):
        melted.get_layer(name).set_weights(linear.get_layer(name).get_weights())
    apart = np.abs(melted.predict(new_images, verbose=0) - linear.predict(new_images, verbose=0)).max()
    print(f"three 3×3: {linear.count_params():,} parameters; melted into one 7×7: {melted.count_params():,}")
    print(f"largest difference of the logits below 1e-3: {apart < 1e-3}")
except NotImplementedError:
    print("Write merged_kernel first.")

# %% [markdown]
# The melted network gives the same logits. (`functools.reduce` applies your rule to the first two kernels, then to the
# result and the third.) So one 7 × 7 can say all that three *linear* 3 × 3 say, and more. With ReLUs between its
# layers, the stack can say other things. Does that show? A harder task: six silhouettes of 16 × 16 pixels, turned and
# moved about (circle, square, triangle, cross, star, ring). Same network, three bodies from 8 to 8 maps: one 7 × 7,
# three 3 × 3, and three 3 × 3 without ReLU in between. Every kernel starts with He's variance, or half of it where no
# ReLU follows; each body has the best of three learning rates. Which will be best, and which worst?


# %% tags=["T215", "H15"]
bodies = evidence("bodies")
bodies = at_best_rate(bodies[bodies.passes == 24], "body", "validation_error")  # after the last pass
wrong = compare(bodies, "body", "test_error", against="one 7×7")
assert wrong.drop("one 7×7").high.max() < 0.02 and wrong.drop("one 7×7").high.min() > 0
show(
    charts.dots(
        {body: rows.test_error for body, rows in bodies.groupby("body")}, "wrong on 2,000 new silhouettes", percent=True
    ),
    alt="Dots, one for each of five runs, and a bar at their mean. One 7×7: two runs near 13 %, three near 23 %, mean 19 %. "
    "Three 3×3: 10.5 to 16 %, mean 13 %. Three 3×3 without ReLU between: 12 to 16 %, mean 13 %.",
)
wrong.round(3)

# %% [markdown]
# On average one 7 × 7 misreads 19 silhouettes of a hundred and either stack 13. But look at the dots: its five runs lie far
# apart, and the interval of the difference reaches zero. Is a stack *better* than one large window here? We could not tell
# from five seeds. Do the ReLUs between its layers help? We could not tell either.
#
# What the record does say: **The stack is at most two points of a hundred worse than the one large window**, with 45 % fewer
# weights. The same holds for the linear stack, although it can say only a part of what the 7 × 7 can.
#
# The authors made a test of this kind, too: B, one of their networks below, with each pair of 3 × 3 replaced by one 5 × 5. On
# ImageNet its top-1 error was 7 points higher, one network each.
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
# Now the whole family. `VARIANTS` holds the plan of each: the windows of its convolutions, stage by stage; `FILTERS` the
# maps of each stage; `stage` is the library's own stage. (A `blueprint` has shapes but no values; the real thing would
# fill half a gigabyte.)


# %% tags=["T214", "nbval-check-output"]
def build_vgg(stages, input_shape=(224, 224, 3), classes=1000):
    x = inputs = keras.Input(input_shape)
    for number, (kernel_sizes, filters) in enumerate(zip(stages, FILTERS, strict=True), start=1):
        x = stage(x, filters, kernel_sizes, name=f"block{number}")
    x = keras.layers.Flatten()(x)
    for units in (4096, 4096):
        x = keras.layers.Dense(units, activation="relu")(x)
        x = keras.layers.Dropout(0.5)(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


for variant in ("D", "E"):
    ours = blueprint(build_vgg, VARIANTS[variant]).count_params()
    print(variant, *VARIANTS[variant])
    print(f"{ours:,} parameters, as in the library: {ours == blueprint(vgg, variant).count_params()}")

# %% tags=["T214"]
show(
    figures.family(VARIANTS, FILTERS),
    alt="Six columns of boxes, one for each configuration: all share five stages, each ended by a pooling, and "
    "three dense layers. They differ in the number of convolutions in each stage: 8 in A, 10 in B, 13 in C and D, 16 in E.",
)

# %% [markdown]
# *A-LRN* is A with AlexNet's normalisation behind the first layer; *C* has three layers of 1 × 1 where *D* has 3 × 3. D
# and E are known as VGG-16 and VGG-19, by their layers with weights. E has eight convolutions more than A. How much
# larger will it be?

# %% tags=["T214", "T220", "F081", "F085", "X25", "nbval-check-output"]
anatomies = {variant: anatomy(blueprint(vgg, variant)) for variant in VARIANTS}
totals = {variant: table.total for variant, table in anatomies.items()}
pd.DataFrame(
    {
        "layers": {variant: total.depth for variant, total in totals.items()},
        "parameters": {variant: f"{total.parameters:,}" for variant, total in totals.items()},
        "multiply-adds": {variant: f"{total.multiply_adds:,}" for variant, total in totals.items()},
    }
)

# %% [markdown]
# 133 million or 144: eight more layers add 8 % to the parameters, but 158 % to the work. Where do the weights sit, then?
#
# ## VGG-16, layer by layer
#
# Look at two things: the *values* that a layer writes, which must be kept in memory, and its *parameters*. Which
# layers will have most of the first, and which most of the second?

# %% tags=["T217", "F132"]
vgg16 = anatomies["D"]
show(
    anatomy_plots.parameters_and_memory(vgg16),
    alt="Bars for each layer of VGG-16. Parameters: one long bar, the first dense layer, a short one for the second; all "
    "others are hardly visible. Memory: the longest bars are the two convolutions of stage 1, then those of stage 2.",
)
vgg16

# %% [markdown]
# Memory early, weights late: a map of 224 × 224 has fifty thousand places, and the first dense layer joins 25,088 values to
# 4096 units each. The sums:

# %% tags=["T217", "F129", "F131", "nbval-check-output"]
convolutions = vgg16.where(lambda row: row.role == "convolution").total
dense = vgg16.where(lambda row: row.role == "dense").total
early = vgg16.where(lambda row: row.name.startswith(("block1", "block2"))).total
total = vgg16.total
parts_of_16 = {"stages 1 and 2": early, "all convolutions": convolutions, "dense layers": dense, "whole network": total}
pd.DataFrame(
    {
        name: {
            "values": f"{part.values:,}",
            "of all values": f"{part.values / total.values:.0%}",
            "MB": f"{4 * part.values / 1e6:.1f}",
            "of all parameters": f"{part.parameters / total.parameters:.0%}",
        }
        for name, part in parts_of_16.items()
    }
).T

# %% [markdown]
# 15.2 million values, 61 MB for each picture; about twice that in training, with a gradient for each value. (The notes of the
# course CS231n have this very table, layer by layer, and under it a total of "24M". Add the column up: it is 15.2.)
#
# **Exercise 5.** Write that sum for a batch: bytes of all **activations** (what the layers put out) as float32. The cell below it asks how many photos fit
# on a graphics card.


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
# Training with momentum keeps three numbers for each parameter: the parameter, its gradient and its velocity. What is left
# of the 6 GB of a card like the four that the authors had (Titan Black), for activations?

# %% tags=["T217"]
try:
    kept = [row.shape for row in vgg16 if row.values]
    for photos in (1, 32, 64):
        needed = activation_bytes(kept, photos, training=True) + 3 * 4 * total.parameters
        print(f"photos at a time, {photos:2}: {needed / 1e9:5.2f} GB")
except NotImplementedError:
    print("Write activation_bytes first.")

# %% [markdown]
# 64 photos do not fit. Yet the authors trained with a batch of 256 on four such cards, 64 on each. How? Our sum keeps
# everything to the end. But going back, a map's values and its gradient can be thrown away as soon as the layer below
# has its own gradient. Then 64 photos need little more than what the table says of 32, and that fits.
# (What their program did, the paper does not say.)
#
# ## What one picture costs
#
# Every weight of a convolution is used once at every place. How much work is one picture? And a film of 1920 × 1080, 30
# pictures a second, cut into tiles of 224 × 224?

# %% tags=["T218", "F135", "F137", "nbval-check-output"]
older = anatomy(blueprint(alexnet)).total
work = {"convolutions": convolutions, "dense layers": dense, "VGG-16": total, "AlexNet": older}
tiles_per_second = 30 * 1920 * 1080 / 224**2
assert round(total.multiply_adds / older.multiply_adds) == 21
print(f"{tiles_per_second:,.0f} tiles a second")
pd.DataFrame(
    {
        "multiply-adds": {name: f"{part.multiply_adds:,}" for name, part in work.items()},
        "10¹² in a second of film": {
            name: f"{tiles_per_second * part.multiply_adds / 1e12:.2f}" for name, part in work.items()
        },
    }
)

# %% [markdown]
# 15.35 billion multiply-adds in the convolutions, where 11 % of the parameters are, and 0.12 in the dense layers: together
# 21 times as many as AlexNet has. (A multiply-add is *two* floating-point operations.)
#
# ## Does depth pay?
#
# On ImageNet, yes, for a while. From table 3 of the paper, one network each; photos had 256 pixels on their shorter side,
# or, for the deeper plans only, also 256 to 512 ("several sizes"):
#
# | | A | A-LRN | B | C | D | E |
# |---|---|---|---|---|---|---|
# | layers | 11 | 11 | 13 | 16 | 16 | 19 |
# | top-1 error, one size, % | 29.6 | 29.7 | 28.7 | 28.1 | 27.0 | 27.3 |
# | top-1 error, several sizes, % | | | | 27.3 | 25.6 | 25.5 |
#
# From A to D each is better than the one before (but A-LRN); E is no better than D at one size, and hardly at several. (C and
# D are equally deep: between them it is the windows that differ.)
# A million photos and weeks on four GPUs are not for a lesson. So make **mini-VGGs** for our small digits: stages 1, 3 and
# 5 of each plan, with 8, 16 and 32 maps. Depth 8, 9, 11, 11 and 13; and one with 16. Here is the first:


# %% tags=["T220", "T219"]
def mini_vgg(stages):
    """14 × 14 pixels, three stages, three dense layers; gives ten logits."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((14, 14, 1))
    for number, (kernel_sizes, filters) in enumerate(zip(stages, (8, 16, 32), strict=True), start=1):
        x = stage(x, filters, kernel_sizes, name=f"block{number}", kernel_initializer="he_normal")
    x = keras.layers.Flatten()(x)
    for units in (48, 48):
        x = keras.layers.Dense(units, activation="relu", kernel_initializer="he_normal")(x)
    model = keras.Model(inputs, keras.layers.Dense(10)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.002), loss=loss, metrics=["accuracy"])
    return model


plans = {variant: [VARIANTS[variant][place] for place in (0, 2, 4)] for variant in "ABCDE"}
plans["16 layers"] = [(3,) * 3, (3,) * 5, (3,) * 5]
mini = mini_vgg(plans["A"])
mini.fit(images, labels, batch_size=50, epochs=4, verbose=0)
_, accuracy = mini.evaluate(new_images, new_labels, verbose=0)
print(f"plan A, {anatomy(mini).total.depth} layers: {accuracy:.0%} of new digits")

# %% [markdown]
# What do you expect: will more layers make fewer mistakes on digits? And will it matter how the weights are drawn? The
# recorded networks learned from 1,000 digits only, other ones for each of five seeds, for 16 passes.

# %% tags=["T220", "H15"]
family = evidence("family")
ended = family[(family.draw == "He") & (family.passes == 16) & (family.rate > 0)]  # a vote has no rate
best = at_best_rate(ended, "plan", "validation_error")
depths = {"A": 8, "D": 11, "E": 13, "16 layers": 16}
by_depth = best[best.plan.isin(list(depths))].assign(depth=best.plan.map(depths)).sort_values("depth")
panels = {
    words: {"mini-VGGs": by_depth.pivot(index="depth", columns="seed", values=column)}
    for words, column in {"wrong on training digits": "training_error", "wrong on test digits": "test_error"}.items()
}
show(
    charts.lines(panels, list(depths.values()), "layers with weights", percent=dict.fromkeys(panels, True)),
    alt="Two panels against 8, 11, 13 and 16 layers. Wrong on training digits: below half a percent everywhere. Wrong on "
    "test digits: 8.5, 8, 9 and 10 percent, with bands of one to three points that overlap.",
)
deeper = compare(by_depth, "depth", "test_error", against=8)
assert by_depth.training_error.max() < 0.005 and deeper.loc[16, "low"] > 0
deeper.round(3)

# %% [markdown]
# Every network, the deepest too, learns its thousand digits: less than half a percent are wrong. But with new digits depth does not
# pay here. **With 16 layers more new digits are misread than with 8**, 10 of a hundred against 8.5; for 11 and 13 layers we
# could not tell. (Each depth has the better of two learning rates; 16 layers did best at the lower one; 0.001, tried
# with three seeds, was no better.) The 8 layers already learn nearly all of their digits, so there is little left for more layers to learn.
# This says nothing about a million photos.
#
# How were VGGs got going in 2014? The authors trained the shallow A first and started the deep ones from some of its
# layers. "After the paper submission", they add, they found that Glorot's draw makes this unnecessary. It halves the
# signal's power at every ReLU (lesson 14), He's does not. What do you expect of our 16 layers, from either draw?

# %% tags=["T220"]
starts = family[(family.plan == "16 layers") & (family.rate == 0.002)]
curves = {
    draw: rows.pivot(index="passes", columns="seed", values="training_loss") for draw, rows in starts.groupby("draw")
}
show(
    charts.lines(curves, sorted(set(starts.passes)), "passes", "training loss, 16 layers"),
    alt="Training loss of 16 layers over 16 passes. From He's start it falls to 0.4 after 4 passes and to nearly 0; from "
    "Glorot's it is 1.6 after 4 passes, with a wide band, and 0.2 after 16.",
)
after_four = compare(starts[starts.passes == 4], "draw", "training_loss", against="Glorot")
assert after_four.loc["He", "high"] < 0
faster = family[(family.plan == "16 layers") & (family.rate == 0.005) & (family.passes == 16)]
assert (faster[faster.draw == "Glorot"].test_error > 0.89).all() and (
    faster[faster.draw == "He"].test_error < 0.15
).all()
after_four.round(3)

# %% [markdown]
# Both get going, as the authors say, but **from Glorot's start the training loss is higher after four passes**: 1.6
# against 0.4. After 16 passes it is 0.2 against nearly 0. Then 15 test digits of a hundred are misread from Glorot's
# start and 10 from He's; but the interval of the difference, from −11 points to 1, holds zero, so of the errors on test
# digits we could not tell which is lower. At the higher rate, 0.005, none of five networks from Glorot's start does
# better than guessing, and all five from He's learn. Batch normalisation (lesson 15) came a year later; what lets
# networks grow ten times deeper comes in lesson 21.
#
# ## Three more questions they asked
#
# **Is AlexNet's normalisation (LRN, lesson 18) worth keeping?** It divides each value by
# $(2 + 10^{-4} \sum x^2)^{0.75}$, the sum running over five neighbouring maps. That number, $10^{-4}$, was made for pixels from 0
# to 255, which differ by about 60 from their mean. Ours differ by 1: the sum is about 5, so every value would be divided by $2^{0.75}$, and nothing
# be normalised. So in our A-LRN the factor is $10^{-4} \cdot 60^2$ instead.
#
# **Does a 1 × 1 layer help?** C adds some to B, and D makes them 3 × 3. A 1 × 1 sees nothing new. Without the ReLU in
# front of it, it would be nothing at all: by your rule it melts into the layer before, $3 + 1 - 1 = 3$ wide. All that
# it adds is one more ReLU.

# %% tags=["T219", "T221"]
order = ["A", "A-LRN", "B", "C", "D"]
plan_runs = best[best.plan.isin(order)].set_index("plan").loc[order].reset_index()
show(
    charts.dots(
        {f"plan {plan}": rows.test_error for plan, rows in plan_runs.groupby("plan", sort=False)},
        "wrong on test digits",
        percent=True,
    ),
    alt="Five rows of five dots, plans A, A-LRN, B, C and D: all between 6 and 11 percent, means between 7.8 and 8.6; the "
    "rows overlap.",
)
pairs = {"A-LRN against A": ("A-LRN", "A"), "C against B": ("C", "B"), "D against C": ("D", "C")}
compared = {
    words: compare(best, "plan", "test_error", against=second).loc[first] for words, (first, second) in pairs.items()
}
pd.DataFrame(compared).T.drop(columns=["seeds"]).round(3)

# %% [markdown]
# Each of the three intervals holds zero: **whether LRN, a 1 × 1 layer, or 3 × 3 in its place change the error on our digits,
# we could not tell.** On ImageNet LRN brought nothing either (A against A-LRN above), while C was better than B and D better
# than C.
#
# **Are several networks better than one?** The 7.3 % was a vote. For each seed, average the probabilities that the five
# plans A to E give, and compare with the plan that the validation digits would choose.

# %% tags=["T219"]
singles = (
    best[best.plan.isin(list("ABCDE"))].groupby("seed").test_error.mean().reset_index().assign(plan="one of A to E")
)
asked = family[family.plan.str.contains("of A to E")]
votes = compare(pd.concat([singles, asked]), "plan", "test_error", against="vote of A to E")
assert votes.drop("vote of A to E").low.min() > 0
votes.round(3)

# %% [markdown]
# **The vote misreads fewer new digits** than one of the five does on average, and than the one that validation would
# choose: 5 of a hundred against 8. It costs the work of five networks in place of one. And one more note of the paper:
# what VGG's second dense layer says of a photo (4096 numbers, "fc7") describes it well for *other* tasks, too.
#
# | | one 7 × 7 | three 3 × 3 | one 11 × 11 | five 3 × 3 |
# |---|---|---|---|---|
# | receptive field | 7 | 7 | 11 | 11 |
# | weights, $C$ to $C$ maps | $49\,C^2$ | $27\,C^2$ | $121\,C^2$ | $45\,C^2$ |
# | weights, 3 to 96 maps | 14,112 | 168,480 | 34,848 | 334,368 |
# | ReLUs | 1 | 3 | 1 | 5 |
# | layers to keep in memory | 1 | 3 | 1 | 5 |
# | fewer weights | on the picture itself | inside a network | on the picture itself | inside a network |
#
# **So why replace one 7 × 7 by three 3 × 3?** It sees the same pixels, has 45 % fewer weights inside a network, and three
# ReLUs instead of one. On our silhouettes that cost at most two points of a hundred, and whether it won any, we
# could not tell. On a million photos, in the authors' one test, small windows won.
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
# 123.6 million weights become $512 \cdot 1000$: the network shrinks to 15.2 million, a ninth. The work and the memory for
# values change by less than a hundredth: both are in the convolutions. GoogLeNet and ResNet (lessons 20 and 21) end like this.
# </details>
#
# ## Further reading
#
# - K. Simonyan and A. Zisserman, *Very deep convolutional networks for large-scale image recognition*, 2014,
#   [arXiv:1409.1556](https://arxiv.org/abs/1409.1556).
# - M. Zeiler and R. Fergus, *Visualizing and understanding convolutional networks*, 2013,
#   [arXiv:1311.2901](https://arxiv.org/abs/1311.2901): 7 × 7 in place of 11 × 11.
# - W. Luo, Y. Li, R. Urtasun and R. Zemel, *Understanding the effective receptive field in deep convolutional neural
#   networks*, 2016, [arXiv:1701.04128](https://arxiv.org/abs/1701.04128).
# - X. Ding and others, *RepVGG: making VGG-style ConvNets great again*, 2021,
#   [arXiv:2101.03697](https://arxiv.org/abs/2101.03697): linear branches, melted into one 3 × 3.
