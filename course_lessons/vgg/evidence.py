"""The long experiments of lesson 19: what a stack of small windows is worth, and what depth is, on small pictures."""

from __future__ import annotations

import functools

import numpy as np

from course_lib import data, layers, losses, optim
from course_lib.architectures.vgg import VARIANTS
from course_lib.evidence import experiment

# The better rate (of Adam) for each kind of network is chosen by its validation error. For the last quarter of the
# passes the rate is a tenth.
SILHOUETTES = {"passes": 24, "batch_size": 32, "rates": (0.002, 0.004, 0.008)}
SMALL_DIGITS = {"passes": 16, "batch_size": 50, "rates": (0.002, 0.005)}
LOOKS = (1, 2, 4, 6, 8, 12, 16, 20, 24)
DIGITS = 1000
PLANS = {name: tuple(stages[each] for each in (0, 2, 4)) for name, stages in VARIANTS.items()}
PLANS["16 layers"] = ((3,) * 3, (3,) * 5, (3,) * 5)
BODIES = {"one 7×7": (7,), "three 3×3": (3, 3, 3), "three 3×3, no ReLU between": (3, 3, 3)}


class LRN(layers.Layer):
    """x / (2 + alpha Σ x²)^0.75, the sum over the map itself and two on either side of it."""

    def __init__(self, alpha):
        super().__init__()
        self.alpha = alpha

    def forward(self, inputs):
        places = np.arange(inputs.shape[-1])
        self.near = (abs(places[:, None] - places) <= 2).astype(inputs.dtype)
        self.inputs, self.base = inputs, 2 + self.alpha * inputs**2 @ self.near
        return inputs * self.base**-0.75

    def backward(self, upstream):
        through_base = (upstream * self.inputs * self.base**-1.75) @ self.near
        return upstream * self.base**-0.75 - 1.5 * self.alpha * self.inputs * through_base


def network(parts, rng, draw="He"):
    """These layers with Glorot's first kernels; or with He's, of gain 2 in front of a ReLU and 1 elsewhere."""
    for part, behind in zip(parts, [*parts[1:], None], strict=True):
        for name, array in part.parameters.items():
            if name == "kernel" and draw == "He":
                gain = 2 if isinstance(behind, layers.ReLU) else 1
                array = rng.normal(0, np.sqrt(gain / array[..., 0].size), array.shape)
            part.parameters[name] = array.astype("float32")
    return layers.Sequential(parts)


def with_body(name, rng):
    """16 × 16 pixels: a 3×3, then the body from 8 to 8 maps, a ReLU and a pooling, and six classes."""
    parts = [layers.Conv2D(1, 8, 3, rng), layers.ReLU()]
    for place, size in enumerate(BODIES[name]):
        if place and "no ReLU" not in name:
            parts.append(layers.ReLU())
        parts.append(layers.Conv2D(8, 8, size, rng))
    return network([*parts, layers.ReLU(), layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(128, 6, rng)], rng)


def mini_vgg(plan, rng, draw="He"):
    """14 × 14 pixels, three stages of 8, 16 and 32 maps, and three dense layers.

    A-LRN: the paper's alpha of 1e-4 is made for pixels from 0 to 255; ours have deviation 1, those of photos about 60.
    """
    parts, channels = [], 1
    for filters, kernel_sizes in zip((8, 16, 32), PLANS[plan], strict=True):
        for size in kernel_sizes:
            parts += [layers.Conv2D(channels, filters, size, rng, padding="same"), layers.ReLU()]
            if plan == "A-LRN" and len(parts) == 2:
                parts.append(LRN(alpha=1e-4 * 60**2))
            channels = filters
        parts.append(layers.MaxPooling2D(2))
    parts += [layers.Flatten(), layers.Dense(32, 48, rng), layers.ReLU(), layers.Dense(48, 48, rng), layers.ReLU()]
    return network([*parts, layers.Dense(48, 10, rng)], rng, draw)


def runs(make, parts, seed, passes, batch_size, rates):
    """Train what `make` makes of a generator, once at each rate; yields the network and a row at each of LOOKS.

    parts: the training, validation and test part, each (images, labels); the last is asked after the last pass only.
    """
    for rate in rates:
        net, rng, optimizer = make(np.random.default_rng(seed)), np.random.default_rng(seed), optim.Adam(rate)
        recipe = {"loss": losses.softmax_cross_entropy, "optimizer": optimizer, "batch_size": batch_size, "rng": rng}
        for done in range(1, passes + 1):
            net.fit(*parts[0], epochs=1, **recipe)
            if done == passes * 3 // 4:
                optimizer.learning_rate = rate / 10
            if done in LOOKS:
                yield net, {"rate": rate, "passes": done} | look(net, *parts[: 3 if done == passes else 2])


def look(net, training, validation, test=None):
    """A row of errors."""
    outputs = net.forward(training[0])
    told = {"training_loss": losses.softmax_cross_entropy(outputs, training[1])[0]}
    told |= {"training_error": error(outputs, training[1])}
    told |= {"validation_error": error(net.forward(validation[0]), validation[1])}
    return told | {"test_error": error(net.forward(test[0]), test[1]) if test else float("nan")}


def error(said, labels):
    return float(np.mean(said.argmax(axis=1) != labels))


@experiment(seeds=5)
def bodies(seed):
    """Six silhouettes, other ones for each seed: one 7×7, three 3×3, and three 3×3 without ReLU in between."""
    drawn = data.shapes(1200 + 500 + 2000, seed=seed, size=16)
    images = drawn.masks[..., None].astype("float32")
    images = (images - images[:1200].mean()) / images[:1200].std()
    parts = [(images[part], drawn.labels[part]) for part in (slice(1200), slice(1200, 1700), slice(1700, None))]
    for body in BODIES:
        for _, row in runs(functools.partial(with_body, body), parts, seed, **SILHOUETTES):
            yield {"body": body} | row


def small_digits(seed):
    """Real digits, 14 × 14: training (DIGITS of them, other ones for each seed), validation and test part."""
    digits = data.mnist_5k()
    chosen = digits.train[np.random.default_rng(seed).choice(len(digits.train), DIGITS, replace=False)]
    mean, deviation = digits.train.images.mean(), digits.train.images.std()
    return [
        ((part.images.reshape(-1, 14, 2, 14, 2, 1).mean(axis=(2, 4)) - mean) / deviation, part.labels)
        for part in (chosen, digits.validation, digits.test)
    ]


@experiment(seeds=5)
def family(seed):
    """Mini-VGGs of every plan on real digits, He's start; the deepest from Glorot's start, too; a vote of A to E."""
    parts, best = small_digits(seed), {}  # best: plan -> validation error, probabilities of the test digits
    for plan, draw in [*((plan, "He") for plan in PLANS), ("16 layers", "Glorot")]:
        for net, row in runs(functools.partial(mini_vgg, plan, draw=draw), parts, seed, **SMALL_DIGITS):
            yield {"plan": plan, "draw": draw} | row
            ended = row["passes"] == SMALL_DIGITS["passes"] and draw == "He"
            if ended and (plan not in best or row["validation_error"] < best[plan][0]):
                best[plan] = row["validation_error"], layers.softmax(net.forward(parts[2][0]))
    voters = [best[plan] for plan in "ABCDE"]
    said = {"vote of A to E": np.mean([each for _, each in voters], axis=0)}
    said["best of A to E by validation"] = min(voters, key=lambda voter: voter[0])[1]
    for plan, probabilities in said.items():
        nowhere = dict.fromkeys(("training_loss", "training_error", "validation_error"), float("nan"))
        told = {"plan": plan, "draw": "He", "rate": 0, "passes": SMALL_DIGITS["passes"]} | nowhere
        yield told | {"test_error": error(probabilities, parts[2][1])}
