# ---
# jupyter:
#   course:
#     title: "Attention: ask, instead of looking next door"
#     summary: "A soft look-up by hand, in NumPy and in Keras; a picture as a row of patches; a small transformer against a CNN, and the bill of both."
#     objectives:
#       - "compute self-attention with one head and with several, and say why scores are divided by a root"
#       - "prove that attention knows no order, and give it one"
#       - "build a transformer block and a small Vision Transformer, and count ViT-B/16 by hand"
#       - "say what a race on few digits showed of convolution and attention, and what it did not"
#       - "count and measure what attention costs, and cut the bill by windows as Swin does"
#     needs: [15_batchnorm, 20_googlenet, 21_resnet]
#     minutes: 90
#     data: [mnist_5k, photos]
# ---

# %% [markdown]
# Eight cards lie on a table, in any order, each with a letter and a number. A ninth card shows a letter alone: which
# number belongs to it? You look for the card with that letter, wherever it lies. A convolution has no such move. Its
# weights belong to *places*: "the one to my left".
#
# **A convolution looks next door. What if each part of the input could ask every other part?**
#
# You will build that, and let it play this game and read digits, against networks without it.

# %%
import time

import keras
import numpy as np
import pandas as pd

from course_lessons.attention_vit import figures
from course_lessons.attention_vit.evidence import cnn, games, transformer, windows
from course_lessons.attention_vit.relatives import RELATIVES, bit, regnety, swin_by_formula
from course_lib import data
from course_lib.anatomy import anatomy
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.convnext import convnext, convnext_block
from course_lib.architectures.swin import swin
from course_lib.architectures.vit import transformer_block as block_of_the_library
from course_lib.architectures.vit import vit
from course_lib.evidence import compare, evidence
from course_lib.exercises import check, hint, solution
from course_lib.plots import charts, show
from course_lib.plots.controls import explore

rng = np.random.default_rng(0)

# %% [markdown]
# ## A dictionary that answers softly
#
# A Python dictionary finds the key that equals a question, and hands out its value. Now make all three vectors: a
# *query* $\mathbf q$, and for each card $i$ a *key* $\mathbf k_i$ and a *value* $\mathbf v_i$. The *score* of a card
# is a dot product, large where key and query point the same way. Softmax (lesson 04) makes weights of the scores:
# positive, sum 1. The answer $\mathbf b$ is the weighted sum of *all* values:
#
# $$s_i = \frac{\mathbf q\cdot\mathbf k_i}{\sqrt d},\qquad a_i = \frac{e^{s_i}}{\sum_j e^{s_j}},\qquad
# \mathbf b = \sum_i a_i \mathbf v_i$$
#
# $d$ is the length of the keys. (These letters are those of the papers, in this lesson only.) Three cards, $d = 2$.
# *Which one will weigh most, and will the others count at all?*

# %% tags=["T268", "G46", "picture"]
query = np.array([2.0, 1.0])
keys = np.array([[2.0, 0.0], [0.0, 2.0], [-1.0, 1.0]])
values = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
scores = keys @ query / np.sqrt(2)
weights = np.exp(scores) / np.exp(scores).sum()
answer = weights @ values
assert weights.round(2).tolist() == [0.79, 0.19, 0.02] and answer.round(2).tolist() == [0.76, 0.17]
show(
    figures.soft_lookup(query, keys, weights, values, answer),
    alt="Three panels. Three keys and a query as arrows; the query lies nearest to key 1. Bars of the weights: 0.79, 0.19, "
    "0.02. Three values as dots with sizes by weight; the answer, a cross, lies near value 1 on the way to value 2.",
)
steps = {"q·k": keys @ query, "score": scores, "e^score": np.exp(scores), "weight": weights}
pd.DataFrame(steps, index=["card 1", "card 2", "card 3"]).round(2)

# %% [markdown]
# Card 1 gets most of the weight, but nobody gets none. So the answer changes smoothly with every key, and gradients can
# say which keys would have been better.
#
# In **self-attention** queries, keys and values come from one list of vectors, each of which is called a **token**.
# Write the tokens as rows of $X$, and multiply by three learnt matrices: $Q = XW_q$, $K = XW_k$, $V = XW_v$. Every
# token asks and is asked, and each gets an answer. For token 1:
#
# $$\mathbf b_1 = \sum_i a_{1i}\mathbf v_i,\qquad a_{1i} = \frac{e^{s_{1i}}}{\sum_j e^{s_{1j}}},\qquad
# s_{1i} = \frac{\mathbf q_1\cdot\mathbf k_i}{\sqrt d}$$


# %% tags=["T268"]
def softmax(scores):
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def attention(queries, keys, values, allowed=True):
    """A row for each token. Where `allowed` is False, a query may not ask a key. Returns answers and weights."""
    scores = queries @ keys.T / np.sqrt(keys.shape[-1])
    weights = softmax(np.where(allowed, scores, -np.inf))
    return weights @ values, weights


def self_attention(tokens, w_q, w_k, w_v):
    return attention(tokens @ w_q, tokens @ w_k, tokens @ w_v)


assert np.allclose(attention(query[None], keys, values)[0], answer)
tokens, matrices = rng.normal(size=(5, 6)), rng.normal(size=(3, 6, 4))
answers, weights = self_attention(tokens, *matrices)
print("answers:", answers.shape, " weights:", weights.shape, " their rows add to", weights.sum(axis=1).round(6))

# %% [markdown]
# (`allowed` is for later.)
#
# **Why divide by $\sqrt d$?** Assume that the numbers in $\mathbf q$ and $\mathbf k$ are independent, with mean 0 and
# variance 1. Each product $q_j k_j$ then has mean 0 and variance 1, and $d$ independent ones add up:
# $\mathrm{Var}(\mathbf q\cdot\mathbf k) = d$. Dividing by $\sqrt d$ brings it back to 1.
#
# What would large scores do? The slope of a weight by its own score is $\partial a_i/\partial s_i = a_i(1 - a_i)$,
# nearly 0 when $a_i$ is near 0 or 1. *What do you expect of 16 random keys, for longer and longer vectors?*

# %% tags=["T268"]
lengths, largest, slopes = [4, 16, 64, 256, 1024], {}, {}
for name, power in {"raw": 0.0, "divided by √d": 0.5}.items():
    for d in lengths:
        q, k = rng.normal(size=(1000, 1, d)), rng.normal(size=(1000, 16, d))
        weights = softmax(np.sum(q * k, axis=-1) / d**power)
        largest.setdefault(name, []).append(weights.max(axis=1).mean())
        slopes.setdefault(name, []).append(np.sum(weights * (1 - weights), axis=1).mean())
assert largest["raw"][-1] > 0.9 and largest["divided by √d"][-1] < 0.3 and slopes["raw"][-1] < 0.1
show(
    charts.lines(
        {"mean of the largest weight": largest, "sum of the slopes a(1 − a)": slopes},
        lengths,
        "length d of a key",
        log="x",
    ),
    alt="Against d from 4 to 1,024. Left, the largest of 16 weights: raw it rises from 0.4 to 0.96, divided it stays near "
    "0.25. Right, the slopes: raw they fall from 0.7 to 0.06, divided they stay near 0.87.",
)

# %% [markdown]
# Without the root one key takes nearly all as $d$ grows, before anything is learnt, and hardly any slope is left to
# learn by. With it, length does not matter.
#
# ## It does not know where anything is
#
# Shuffle the cards. Let $P$ be the matrix that permutes the rows of $X$: each row and column has one 1, so $P^{\mathsf
# T}P = I$. Softmax works on each row alone, and does not care for the order of columns. So for all answers $A(X)$:
#
# $$A(PX) = \mathrm{softmax}\Big(\frac{PXW_q\,W_k^{\mathsf T}X^{\mathsf T}P^{\mathsf T}}{\sqrt d}\Big)PXW_v
# = P\,\mathrm{softmax}\Big(\frac{XW_q\,W_k^{\mathsf T}X^{\mathsf T}}{\sqrt d}\Big)P^{\mathsf T}P\,XW_v = P\,A(X)$$
#
# Shuffled tokens give the same answers, shuffled. (Lesson 09: a convolution is equivariant to shifts, attention to
# *every* order.) Check it, and look at the mean of the answers too.

# %% tags=["T268", "nbval-check-output"]
order = rng.permutation(5)
shuffled, _ = self_attention(tokens[order], *matrices)
print("order:", order)
print("same answers in the new order:", np.allclose(shuffled, answers[order]))
print("same mean over tokens:", np.allclose(shuffled.mean(axis=0), answers.mean(axis=0)))
places = rng.normal(size=tokens.shape)
with_places, _ = self_attention(tokens + places, *matrices)
shuffled, _ = self_attention(tokens[order] + places, *matrices)
print("with a vector added for each place:", np.allclose(shuffled, with_places[order]))

# %% [markdown]
# So the mean over all tokens cannot tell a picture from its shuffled pieces. If order matters, add to each token a
# vector that belongs to its *place*, learnt like any weight. (Vaswani and others added fixed sines instead.) In the
# card game order means nothing, and we leave the places out.
#
# ## Several questions at once
#
# One query gets one mixture. Two things take two questions. In **multi-head attention** each *head* has its own small
# $W_q$, $W_k$, $W_v$, and asks for itself. A last matrix $W_o$ mixes the answers of all heads, laid side by side:
# each head's answer times *its rows* of $W_o$, added up. Two heads by hand, with the weights of Keras' layer:

# %% tags=["T269", "nbval-check-output"]
keras.utils.set_random_seed(0)
layer = keras.layers.MultiHeadAttention(num_heads=2, key_dim=3)
words = rng.normal(size=(5, 6)).astype("float32")  # five tokens
by_keras = keras.ops.convert_to_numpy(layer(words[None], words[None]))[0]
w_q, b_q, w_k, b_k, w_v, b_v, w_o, b_o = layer.get_weights()
two_heads = b_o
for head in range(2):
    q, k, v = (words @ w[:, head] + b[head] for w, b in ((w_q, b_q), (w_k, b_k), (w_v, b_v)))
    two_heads = two_heads + attention(q, k, v)[0] @ w_o[head]
print("w_q:", w_q.shape, " w_o:", w_o.shape, " parameters:", layer.count_params())
print("equal:", np.allclose(two_heads, by_keras, atol=1e-5))

# %% [markdown]
# Equal. Keras keeps $W_q$ as `(width, heads, key_dim)` and $W_o$ as `(heads, key_dim, width)`. From here on $d$ is
# the width of a token. With `key_dim` = $d$/heads, as usual, four matrices of $d^2$ numbers and four biases make
# $4d^2 + 4d$ parameters, however many heads there are: here $4\cdot36 + 24 = 168$.
#
# **Exercise 1.** Keep each as one matrix $(d, d)$ instead: the first head owns the first $d$/heads columns of $W_q$,
# $W_k$ and $W_v$ and the same *rows* of $W_o$, the second head the next ones, and so on. Write it without biases.


# %% exercise="multi_head"
def multi_head(x, w_q, w_k, w_v, w_o, heads):
    """x: (tokens, width); the four matrices: (width, width). Returns (tokens, width)."""
    ### BEGIN SOLUTION
    answers = []
    for own in np.split(np.arange(x.shape[1]), heads):
        answer, _ = attention(x @ w_q[:, own], x @ w_k[:, own], x @ w_v[:, own])
        answers.append(answer)
    return np.concatenate(answers, axis=1) @ w_o
    ### END SOLUTION


# %% check="multi_head"
check(multi_head)

# %% [markdown]
# ## A block, and the card game
#
# Attention only mixes: its answers are weighted means of values. A *transformer block* puts a small MLP behind it, the
# same for each token, a shortcut around each part (lesson 21), and a normalisation in front of each. *Layer
# normalisation* takes mean and deviation over the $d$ numbers of *one token*, not over the batch as in lesson 15, so
# that training and test do not differ; a learnt scale and shift for each of the $d$ follow. GELU is from lesson 07.


# %% tags=["T270"]
def transformer_block(x, heads, hidden):
    width = x.shape[-1]
    y = keras.layers.LayerNormalization(epsilon=1e-6)(x)
    y = keras.layers.MultiHeadAttention(num_heads=heads, key_dim=width // heads)(y, y)
    x = keras.layers.Add()([x, y])
    y = keras.layers.LayerNormalization(epsilon=1e-6)(x)
    y = keras.layers.Dense(hidden, activation="gelu")(y)
    y = keras.layers.Dense(width)(y)
    return keras.layers.Add()([x, y])


def compiled(model, steps, learning_rate=0.003):
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)  # from the rate down to 0
    model.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=1e-4),  # Adam, and weight decay beside it
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


# %% [markdown]
# Now the game. A card is a token: 16 numbers say which letter (one-hot, lesson 04), 8 say which number. Eight of
# sixteen letters are dealt, and each number once; the question comes last. One block, two heads, no places; the answer
# is read from the last token. *How many of 2,000 new games will it win after learning from 1,000?*

# %% tags=["T270"]
known, known_numbers = games(1000, np.random.default_rng(1))
unseen, unseen_numbers = games(2000, np.random.default_rng(2))
keras.utils.set_random_seed(0)
inputs = keras.Input((9, 24))
x = transformer_block(keras.layers.Dense(32)(inputs), heads=2, hidden=64)
x = keras.layers.LayerNormalization(epsilon=1e-6)(x[:, -1])
player = compiled(keras.Model(inputs, keras.layers.Dense(8)(x)), steps=1200)
player.fit(known, known_numbers, batch_size=50, epochs=60, verbose=0)
_, right = player.evaluate(unseen, unseen_numbers, batch_size=500, verbose=0)
print(f"{player.count_params():,} parameters; new games won: {right:.1%}")
assert right > 0.5

# %% [markdown]
# Against it: two residual layers of one-dimensional convolutions that reach from any card over the whole table, and
# an MLP with two hidden layers. Both have more parameters. Recorded are five starts, each with its own games, with
# the best of three learning rates on *validation* games.

# %% tags=["T270"]
cards = evidence("cards")
cards = cards.assign(right=1 - cards.test_error, own=1 - cards.training_error)
games_won = {
    title: {name: part[column] for name, part in cards.groupby("network")}
    for title, column in {"games it learnt from": "own", "new games": "right"}.items()
}
show(
    charts.dots(games_won, "games won", guessing=1 / 8, percent=True),
    alt="Five dots for each of three networks. Games they learnt from: all three at 100 per cent. New games: attention from 94 "
    "to 100, convolutions and dense layers from 11 to 14, around the line of guessing.",
)
won = compare(cards, "network", "right", against="attention")
assert won.loc["convolutions", "high"] < 0 and won.loc["dense layers", "high"] < 0
assert cards.training_error.max() < 0.01
won.drop(columns="seeds").round(3)

# %% [markdown]
# **With 1,000 games attention wins more new games than convolutions and than dense layers.** The other two know their
# own games by heart, and guess at new ones. But this game is *made* for look-up; with other settings or more games a
# convolution might learn it, too.
#
# Where does the last token look? Ask the layer for its weights.

# %% tags=["T270", "T269", "G46"]
layer_of = {type(layer).__name__: layer for layer in reversed(player.layers)}  # the first of each kind
before = keras.Model(player.input, layer_of["LayerNormalization"].output)(unseen[:1])
_, weights = layer_of["MultiHeadAttention"](before, before, return_attention_scores=True)
last_row = keras.ops.convert_to_numpy(weights)[0, :, -1]  # (heads, tokens)
asked = unseen[0, :8, :16].argmax(axis=1) == unseen[0, -1, :16].argmax()
show(
    figures.table_of_cards(unseen[0], last_row),
    alt="Eight cards with letter and number, and a question D; card 2 shows D and 5. Below, two rows of weights, one for "
    "each head: in both the largest by far, about a half, lies under card 2.",
)
assert last_row.max(axis=0)[:8].argmax() == asked.argmax()

# %% [markdown]
# In our run both heads give most weight to the card with the asked letter: the soft look-up, found by training.
#
# ## A picture is a row of patches
#
# A photo has 224 × 224 = 50,176 pixels: too many to ask each other. The **Vision Transformer** (ViT) of
# Dosovitskiy and others (2020) takes *patches* of 16 × 16 pixels as tokens: flatten each, multiply by one matrix to $d$
# numbers, add the vector of its place. *Is that a convolution with strides as large as its window?*


# %% tags=["T271", "G47"]
def patches_of(images, size):
    """(batch, height, width, channels) to (batch, patches, size * size * channels), row by row."""
    batch, height, width, channels = images.shape
    pieces = images.reshape(batch, height // size, size, width // size, size, channels).swapaxes(2, 3)
    return pieces.reshape(batch, -1, size * size * channels)


digits = data.mnist_5k()
image = digits.test.images[7]
cat = keras.ops.convert_to_numpy(keras.ops.image.resize(data.photos()["cat"], (224, 224)))
show(
    figures.patches(cat, patches_of(cat[None], 16)[0], image, patches_of(image[None], 7)[0]),
    alt="A photo of a cat under a grid of 196 patches of 16 by 16, and 16 of them in a row, each a vector of 768 numbers; "
    "a digit under a grid of 16 patches of 7 by 7, and all of them in a row, each a vector of 49.",
)
embed = keras.layers.Conv2D(24, kernel_size=7, strides=7)
by_convolution = keras.ops.convert_to_numpy(embed(image[None])).reshape(16, 24)
kernel, bias = embed.get_weights()
by_matrix = patches_of(image[None], 7)[0] @ kernel.reshape(49, 24) + bias
assert np.allclose(by_convolution, by_matrix, atol=1e-5)

# %% [markdown]
# It is: the cell checks it.
#
# **Exercise 2.** The way back: put patches together to pictures again.


# %% exercise="from_patches"
def from_patches(patches, height, width, size):
    """patches: (batch, patches, size * size * channels), as `patches_of` gives them.

    Returns (batch, height, width, channels).
    """
    ### BEGIN SOLUTION
    pieces = patches.reshape(len(patches), height // size, width // size, size, size, -1)
    return pieces.swapaxes(2, 3).reshape(len(patches), height, width, -1)
    ### END SOLUTION


# %% check="from_patches"
check(from_patches)

# %% [markdown]
# The rest of ViT-B/16 is 12 blocks with $d = 768$, 12 heads, and an MLP four times as wide as a token. One more token
# is put in front of the $14 \cdot 14 = 196$ patches, the **class token**: a learnt vector, the same for every picture.
# It asks the patches in each block, and the classifier reads it alone. Count by hand, then let `anatomy` count the
# network itself.

# %% tags=["T271", "nbval-check-output"]
d = 768
by_hand = {
    "patches to tokens, 16·16·3·d + d": 16 * 16 * 3 * d + d,
    "class token": d,
    "197 places": 197 * d,
    "12 × attention, 4d² + 4d": 12 * (4 * d**2 + 4 * d),
    "12 × MLP, 8d² + 5d": 12 * (8 * d**2 + 5 * d),
    "25 normalisations, 2d": 25 * 2 * d,
    "1,000 classes": 1000 * d + 1000,
}
counted = anatomy(blueprint(vit, "B")).total
assert sum(by_hand.values()) == counted.trainable == 86_567_656
by_hand["all"] = counted.trainable
print(f"{counted.multiply_adds:,} multiply-adds")
pd.Series(by_hand, name="parameters").map("{:,}".format).to_frame()

# %% [markdown]
# A larger picture changes the places only: at 384 × 384 there are 577 tokens and 86,859,496 parameters, but more than
# three times the multiply-adds.
#
# **Exercise 3.** How many multiply-adds has a ViT? Count products of numbers with weights, *and* what attention
# multiplies without weights. Additions of places, softmax and normalisation do not count.


# %% exercise="vit_multiply_adds"
def vit_multiply_adds(side, patch, width, depth, classes):
    """Pictures (side, side, 3), a class token, MLPs four times as wide as a token. Returns a whole number."""
    ### BEGIN SOLUTION
    patches = (side // patch) ** 2
    tokens = patches + 1
    block = tokens * 4 * width**2  # queries, keys, values, outputs
    block += 2 * tokens**2 * width  # scores, and mixing the values
    block += tokens * 2 * width * 4 * width  # the MLP
    return patches * patch * patch * 3 * width + depth * block + width * classes
    ### END SOLUTION


# %% check="vit_multiply_adds"
check(vit_multiply_adds)

# %% [markdown]
# ## Does it need more pictures than a CNN?
#
# Now read digits: 16 patches of 7 × 7, $d = 24$, two blocks with four heads and MLPs of 48, places, and the mean over
# the tokens instead of a class token. Against it a CNN with three convolutions and *equally many multiply-adds*. A
# third network is for later: the transformer with depthwise 3 × 3 convolutions (lesson 10) over the map of tokens in
# place of attention.


# %% tags=["T276", "T272"]
class Positions(keras.layers.Layer):
    """Adds to each token a learnt vector of its place."""

    def build(self, input_shape):
        self.table = self.add_weight(shape=input_shape[1:], initializer="random_normal")

    def call(self, tokens):
        return tokens + self.table


keras.utils.set_random_seed(0)
inputs = keras.Input((28, 28, 1))
x = keras.layers.Conv2D(24, kernel_size=7, strides=7)(inputs)
x = Positions()(keras.layers.Reshape((16, 24))(x))
for _ in range(2):
    x = transformer_block(x, heads=4, hidden=48)
x = keras.layers.GlobalAveragePooling1D()(keras.layers.LayerNormalization(epsilon=1e-6)(x))
small_vit = compiled(keras.Model(inputs, keras.layers.Dense(10)(x)), steps=600)
small_vit.fit(digits.train.images[:1000], digits.train.labels[:1000], batch_size=50, epochs=30, verbose=0)
_, right = small_vit.evaluate(digits.test.images, digits.test.labels, batch_size=500, verbose=0)
print(f"1,000 digits, 600 steps: {right:.1%} of the test digits")
assert right > 0.6

# %% tags=["T276", "T272", "nbval-check-output"]
readers = {"transformer": transformer(), "CNN": cnn(), "3×3 windows": windows()}
totals = {name: anatomy(model).total for name, model in readers.items()}
assert totals["transformer"].trainable == small_vit.count_params()
assert abs(totals["CNN"].multiply_adds / totals["transformer"].multiply_adds - 1) < 0.02
totals["DeiT-S"] = anatomy(blueprint(vit, "S")).total
assert totals["DeiT-S"].trainable == 22_050_664


def sizes_of(totals):
    numbers = {name: [f"{each.trainable:,}", f"{each.multiply_adds:,}"] for name, each in totals.items()}
    return pd.DataFrame(numbers, index=["parameters", "multiply-adds"]).T


sizes_of(totals)

# %% [markdown]
# Recorded are five draws of 200, 1,000 and 3,500 digits, 1,200 steps with AdamW each. Each network has the learning rate
# that was best on validation digits, found beforehand with another draw of 1,000: 0.003 for the plain transformer, 0.01
# for all others, where 0.03 was worse.
#
# DeiT (Touvron and others, 2020) is a ViT that learns from ImageNet alone. Its authors report that it needs strong
# *augmentation* (lesson 13), and that a trained CNN as a teacher helps. So with 1,000 digits both run again, each
# digit also moved by two pixels to all sides and corners. *Who will be ahead with 200 digits? And with 3,500?*

# %% tags=["T276", "T272", "H24"]
race = evidence("digits")
with_copies = race.network + ", augmented"
race = race.assign(right=1 - race.test_error, network=race.network.where(race.augmented == "no", with_copies))
unaugmented, sizes = race[race.augmented == "no"], sorted(set(race.examples))
panels = {
    "as they are": {
        name: part.pivot(index="examples", columns="seed", values="right")
        for name, part in unaugmented.groupby("network")
        if name != "3×3 windows"
    }
}
show(
    charts.lines(panels, sizes, "digits to learn from", "test digits read", log="x", percent=True),
    alt="Test digits read against 200, 1,000 and 3,500 digits, five draws. CNN: 83, 92 and 96 per cent. Transformer: 62, 82 and "
    "90. The curves come nearer to each other and do not meet.",
)
at_1000 = race[race.examples == 1000]
by_network = {name: part.right for name, part in at_1000.groupby("network", sort=False)}
show(
    charts.dots(by_network, "1,000 digits: test digits read", percent=True),
    alt="1,000 digits, a dot for each draw. Transformer from 80 to 86 per cent, 3 × 3 windows near 91, CNN near 92; augmented, the "
    "transformer near 89, the CNN near 96.",
)

# %% tags=["T276", "T272", "H24"]
gaps = {
    f"{size:,}: CNN − transformer": compare(part, "network", "right", against="transformer").loc["CNN"]
    for size, part in unaugmented.groupby("examples")
}
for name, against in (
    ("CNN, augmented", "transformer, augmented"),
    ("transformer, augmented", "transformer"),
    ("CNN, augmented", "CNN"),
    ("3×3 windows", "transformer"),
):
    gaps[f"1,000: {name} − {against}"] = compare(at_1000, "network", "right", against=against).loc[name]
gaps = pd.DataFrame(gaps).T[["difference", "low", "high"]]
assert (gaps.low > 0).all()
mistakes = race.groupby(["examples", "network"]).test_error.mean().unstack()
assert (mistakes["transformer"] / mistakes["CNN"]).round(1).tolist() == [2.2, 2.4, 2.4]
left = {name: mistakes.loc[1000, f"{name}, augmented"] / mistakes.loc[1000, name] for name in ("transformer", "CNN")}
assert left["CNN"] < left["transformer"] < 0.65
gaps.round(3)

# %% [markdown]
# **With each number of digits the CNN reads more test digits than the transformer.** **Its lead is smaller with 3,500
# digits than with 200**: 6 points, and not 21. But count mistakes: on average the transformer makes 2.2, 2.4 and 2.4
# times as many as the CNN. That does not shrink, and these curves do not say whether it would overtake. The authors
# of ViT report theirs behind with ImageNet alone, and ahead of their CNNs after 300 million pictures.
#
# **Augmented digits help both, and the CNN stays ahead.** The transformer gains more points, 7 against 4, but had more
# to gain: it loses 39 % of its mistakes, the CNN 48 %. (It still misreads 5 % of the digits that it learnt from, so
# more steps may help it.)
#
# And the cause? **With 3 × 3 windows in place of attention the same network reads more test digits**, 91 % and not 82
# %; the CNN reads 92 %. Patches, places and MLPs are the same. So most of the gap lies in the mixing. Two things
# changed there: windows are near, and their weights belong to offsets, where attention computes them from the digit.
# Which of the two matters, we could not tell.
#
# Where do the heads of your small transformer look? The weights of a patch in the first block, drawn on a test digit:

# %% tags=["T271", "widget"]
first_of = {type(layer).__name__: layer for layer in reversed(small_vit.layers)}
into_attention = keras.Model(small_vit.input, first_of["LayerNormalization"].output)
asking = into_attention(digits.test.images[:200])
given_weights = first_of["MultiHeadAttention"](asking, asking, return_attention_scores=True)[1]
attention_weights = keras.ops.convert_to_numpy(given_weights)  # (digits, heads, 16, 16)


def looks(patch=5):
    return figures.looks(digits.test.images[7], attention_weights[7], patch)


show(
    looks(),
    alt="A handwritten 8 with one patch framed, and four maps of weights over the sixteen patches. The maps differ; two have "
    "one dark patch each, the others are mostly pale.",
)
explore(looks, alt="A digit, and the weights that the framed patch gives to all, head by head.", patch=(0, 15, 1))

# %% [markdown]
# That is one picture. The authors of ViT computed a number: how far, on average, does a head look?
#
# **Exercise 4.** For each head the mean over all pictures and all asking patches of the *expected distance* in pixels:
# the distances between the middles of patches, weighted by attention.


# %% exercise="attention_distance"
def attention_distance(weights, columns, patch):
    """weights: (pictures, heads, patches, patches), the last axis adds to 1; patches lie row by row, `columns` in a row,
    `patch` pixels wide. Returns (heads,)."""
    ### BEGIN SOLUTION
    row, column = np.divmod(np.arange(weights.shape[-1]), columns)
    distances = patch * np.hypot(row[:, None] - row, column[:, None] - column)
    return np.sum(weights * distances, axis=-1).mean(axis=(0, 2))
    ### END SOLUTION


# %% check="attention_distance"
check(attention_distance)

# %% tags=["T271"]
evenly = np.full((1, 1, 16, 16), 1 / 16)
try:
    print("your four heads, in pixels:", attention_distance(attention_weights, 4, 7).round(1))
    print("looking everywhere alike:  ", attention_distance(evenly, 4, 7).round(1))
except NotImplementedError as missing:
    print(missing)

# %% [markdown]
# A head that looks at its own patch alone would have 0. In our run the heads of the first block were between 12 and 14:
# hardly nearer than everywhere alike.
#
# ## The bill
#
# Of $n$ tokens each asks each. Queries, keys, values and outputs take $4nd^2$ multiply-adds. The scores are $n^2$ dot
# products of $d$ numbers in all, and mixing the values takes as many again: $2n^2d$. Both are equal at $n = 2d$;
# beyond, the square rules. Measured in processor time, for $d = 64$, beside a convolution over the row with a window of
# 9:

# %% tags=["T277"]
lengths, milliseconds = [64, 256, 1024, 2048], {"attention": [], "convolution": []}
for n in lengths:
    inputs = keras.Input((n, 64))
    mixers = [
        keras.layers.MultiHeadAttention(num_heads=4, key_dim=16)(inputs, inputs),
        keras.layers.Conv1D(64, kernel_size=9, padding="same")(inputs),
    ]
    row_of_tokens = rng.normal(size=(2, n, 64)).astype("float32")
    for name, output in zip(milliseconds, mixers, strict=True):
        mixer, seconds = keras.Model(inputs, output), []
        for _ in range(4):
            began = time.process_time()
            mixer.predict_on_batch(row_of_tokens)
            seconds.append(time.process_time() - began)
        milliseconds[name].append(1000 * min(seconds))
growth = {name: times[-1] / times[-2] for name, times in milliseconds.items()}
show(
    charts.lines(milliseconds, lengths, "tokens", "milliseconds of processor time", log="xy"),
    alt="Processor time against 64 to 2,048 tokens, both logarithmic. At the right end attention lies above the convolution, and "
    "rises more steeply.",
)
assert milliseconds["attention"][-1] > milliseconds["convolution"][-1] and growth["attention"] > 2.2
print("from 1,024 to 2,048 tokens, times", {name: round(float(factor), 1) for name, factor in growth.items()})

# %% [markdown]
# Twice the tokens cost attention more than twice the time.
#
# The two networks of the race have equally many multiply-adds. *Are they equally fast?* Papers print this
# *throughput*, pictures per second, for a graphics card; yours holds for your processor alone.

# %% tags=["T277"]
many = digits.train.images[:500]
throughput = {}
for name in ("transformer", "CNN"):
    seconds = []
    for _ in range(6):
        began = time.process_time()
        readers[name].predict_on_batch(many)
        seconds.append(time.process_time() - began)
    rate = round(len(many) / min(seconds))
    throughput[name] = {"pictures per second": rate, "multiply-adds": totals[name].multiply_adds}
throughput = pd.DataFrame(throughput).T
assert throughput.loc["CNN", "pictures per second"] > throughput.loc["transformer", "pictures per second"]
throughput.map("{:,}".format)

# %% [markdown]
# Here the CNN is faster than the transformer, at the same count.
#
# ## Windows that move
#
# Swin (Ze Liu and others, 2021) lets a token ask only within its window of $M \times M$ tokens: $2nM^2d$ in place of
# $2n^2d$. On its first map, 56 × 56 tokens with $d = 96$ and $M = 7$, that is 0.030 G instead of 1.888 G. But then no
# two windows ever talk. So every second block *shifts* the windows by half their side. Rolling the map does it: what
# leaves on one side comes back on the other. A mask keeps apart what came from opposite borders. Take a row of eight
# tokens, windows of four, shifted by two. *Which tokens must not talk?*

# %% tags=["T273", "G47"]
row, projections = rng.normal(size=(8, 6)), rng.normal(size=(3, 6, 4))
rolled = np.roll(np.arange(8), -2)  # which token stands where
pieces, zones = rolled.reshape(2, 4), (rolled < 2).reshape(2, 4)  # two windows; who came around
in_windows, without_mask = np.zeros((8, 4)), np.zeros((8, 4))
for piece, zone in zip(pieces, zones, strict=True):
    q, k, v = (row[piece] @ w for w in projections)
    in_windows[piece], _ = attention(q, k, v, allowed=zone[:, None] == zone)
    without_mask[piece], _ = attention(q, k, v)
group = np.array([0, 0, 1, 1, 1, 1, 2, 2])  # the shifted windows, by hand
in_full, _ = attention(*(row @ w for w in projections), allowed=group[:, None] == group)
assert np.allclose(in_windows, in_full) and not np.allclose(without_mask, in_full)
print("the two windows:", pieces.tolist())
show(
    figures.windows(cat, side=8, window=4, shift=2),
    alt="A cat under 8 by 8 tokens, three times: four windows; nine shifted windows, those at the border smaller; the same picture "
    "rolled up and to the left, four windows again, with dashed lines where the old border runs.",
)

# %% [markdown]
# Tokens 6 and 7 share a window with 0 and 1, from the other end. The mask parts them: with it the answers equal those
# of attention within the shifted windows, without it they do not. In the figure beyond the dashed lines lies what
# came around.
#
# **Exercise 5.** The mask for a square map: for each window of the rolled map, who may ask whom? Those that were in one
# window of the *shifted* grid, which ends at the border.


# %% exercise="shifted_mask"
def shifted_mask(side, window, shift):
    """side is a multiple of window, 0 <= shift < window. The map was rolled up and to the left by `shift`.

    Windows are numbered row by row, and so are the tokens of each. Returns booleans (windows, window², window²).
    """
    ### BEGIN SOLUTION
    around = np.arange(side) >= side - shift  # rows, or columns, that came around
    zones = 2 * around[:, None] + around
    zones = zones.reshape(side // window, window, side // window, window).swapaxes(1, 2).reshape(-1, window**2)
    return zones[:, :, None] == zones[:, None, :]
    ### END SOLUTION


# %% check="shifted_mask"
check(shifted_mask)

# %% [markdown]
# Swin halves its map three times, as a CNN does, while the width doubles: 2 × 2 tokens are joined and multiplied by a
# matrix. Instead of places for tokens, each head adds to its scores a learnt number for each offset within a window.
#
# ## The convolution strikes back
#
# Zhuang Liu and others (2022) went the other way: step by step they gave a ResNet the layout of a transformer, and kept
# its convolutions. A *ConvNeXt* block mixes places by a depthwise 7 × 7, normalises, and works on each place with an
# MLP; a learnt factor for each channel and the shortcut follow. Parameters: $49d + d$, $2d$, $8d^2 + 5d$ and $d$.
# Beside a transformer block on the same 14 × 14 map:

# %% tags=["T274", "T273", "nbval-check-output"]
d, inputs = 384, keras.Input((14, 14, 384))
tokens_of_map = keras.layers.Reshape((196, 384))(inputs)
two = {
    "ConvNeXt block": keras.Model(inputs, convnext_block(inputs, name="block")),
    "transformer block": keras.Model(inputs, block_of_the_library(tokens_of_map, heads=6, name="block")),
    "ConvNeXt-Tiny": blueprint(convnext),
    "Swin-T": blueprint(swin),
}
blocks = {name: anatomy(model).total for name, model in two.items()}
assert blocks["ConvNeXt block"].trainable == 49 * d + d + 2 * d + 8 * d**2 + 5 * d + d
of_keras = blueprint(keras.applications.ConvNeXtTiny, weights=None, include_preprocessing=False)
assert blocks["ConvNeXt-Tiny"].trainable == of_keras.count_params() == 28_589_128
assert blocks["Swin-T"].trainable == 28_288_354
sizes_of(blocks)

# %% [markdown]
# ConvNeXt-Tiny has about as many parameters and multiply-adds as Swin-T. Its authors report 82.1 % on ImageNet, and
# 81.3 % for Swin-T, trained by nearly the same recipe.
#
# How do others grow? EfficientNet scales depth, width and the side of the picture *together*. *By how much does each
# raise the bill of a plain CNN?* Then a table that lectures show, from the paper on Swin: accuracy on ImageNet *as
# reported*, against multiply-adds *that we counted*. *Look at the marks: what differs besides the network?*


# %% tags=["T275", "T276"]
def multiply_adds_of_a_cnn(depth, width, side):
    layers = [keras.layers.Conv2D(width, 3, padding="same") for _ in range(depth)]
    return anatomy(keras.Sequential([keras.Input((side, side, width)), *layers])).total.multiply_adds


scalings = {"depth × 2": (8, 16, 32), "width × 2": (4, 32, 32), "side × 2": (4, 16, 64)}
unscaled = multiply_adds_of_a_cnn(4, 16, 32)
times = {name: multiply_adds_of_a_cnn(*sizes) / unscaled for name, sizes in scalings.items()}
assert list(times.values()) == [2, 4, 4] and 1.9 < 1.2 * 1.1**2 * 1.15**2 < 2
print(times)
assert regnety("4G")[0] == 20_646_656 and bit("R-101x3", side=384)[0] == 387_934_888
assert swin_by_formula("T", side=224) == (blocks["Swin-T"].trainable, blocks["Swin-T"].multiply_adds)
bills = {row: row.counted() for row in RELATIVES}
show(
    figures.reported_against_counted(bills),
    alt="Reported accuracy, 76 to 88 per cent, against multiply-adds, 2 to 840 billion. Filled marks: EfficientNet and Swin "
    "highest, ViT lowest, at 78 and 76. Open marks, trained on 22,000 classes first: Swin highest, ViT at 84 and 85.",
)

# %% [markdown]
# Depth counts once, width and side twice. EfficientNet's factors 1.2, 1.1 and 1.15 nearly double the bill at each step:
# $1.2\cdot1.1^2\cdot1.15^2 = 1.92$.
#
# The sides go from 224 to 600 pixels, training recipes differ, and the open marks saw 22,000 classes first (14
# million pictures): what lifts ViT-B/16 from 77.9 to 84.0 is not its layers. Our race of 3,500 pictures says nothing
# of millions.
#
# ## In short
#
# | | convolution | self-attention | attention in windows |
# |---|---|---|---|
# | weights of the mixture | learnt for each offset | computed from the tokens | computed from the tokens |
# | reaches | its window | everything at once | its window; shifted, the next ones |
# | knows places | offsets | only what is added to tokens | only what is added to scores |
# | bill for mixing, $n$ places | $n\,k^2d^2$; depthwise $n\,k^2d$ | $4nd^2 + 2n^2d$ | $4nd^2 + 2nM^2d$ |
# | our card game | guessed | won | not tried |
# | our digits | ahead at every size | behind at every size | not tried |
#
# **What if each part could ask every other?** In our card game only the content says where the answer lies: attention
# won, and two networks with more weights guessed. On our digits the CNN was ahead, at equal multiply-adds and in less
# time. And asking everybody costs the square of their number.
#
# ## Think about it
#
# **A ViT without places is trained on pictures, and another one on the same pictures with all patches shuffled, each
# picture in its own way. What differs?**
#
# <details><summary>Answer</summary>
#
# Nothing but rounding: attention is equivariant to order, and the mean forgets it. From the same start, with the same
# batches, both compute the same numbers in each step. With places added they would not.
# </details>
#
# **In which sense is a convolution attention?**
#
# <details><summary>Answer</summary>
#
# A depthwise convolution is a weighted sum over places, too, but its weights belong to offsets and are the same for
# every picture. Attention that knows offsets can imitate a convolution with $k \times k$ windows by $k^2$ heads, one
# for each offset (Cordonnier and others). The other way round it fails: a kernel does not change with the picture.
# </details>
#
# ## Further reading
#
# - A. Vaswani and others, *Attention is all you need*, 2017, [arXiv:1706.03762](https://arxiv.org/abs/1706.03762).
# - A. Dosovitskiy and others, *An image is worth 16x16 words*, 2020, [arXiv:2010.11929](https://arxiv.org/abs/2010.11929).
# - H. Touvron and others, *Training data-efficient image transformers & distillation through attention*, 2020,
#   [arXiv:2012.12877](https://arxiv.org/abs/2012.12877).
# - Ze Liu and others, *Swin transformer: hierarchical vision transformer using shifted windows*, 2021,
#   [arXiv:2103.14030](https://arxiv.org/abs/2103.14030).
# - Zhuang Liu and others, *A ConvNet for the 2020s*, 2022, [arXiv:2201.03545](https://arxiv.org/abs/2201.03545).
# - J.-B. Cordonnier, A. Loukas and M. Jaggi, *On the relationship between self-attention and convolutional layers*, 2019,
#   [arXiv:1911.03584](https://arxiv.org/abs/1911.03584).
# - M. Tan and Q. Le, *EfficientNet: rethinking model scaling for convolutional neural networks*, 2019,
#   [arXiv:1905.11946](https://arxiv.org/abs/1905.11946).
# - J. Ba, J. Kiros and G. Hinton, *Layer normalization*, 2016, [arXiv:1607.06450](https://arxiv.org/abs/1607.06450).
