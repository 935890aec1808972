"""The long experiments of lesson 17: what greedy pretraining buys, on small digits and on nine pixels."""

from __future__ import annotations

import functools
import itertools

import numpy as np

from course_lib import data, layers, losses, optim
from course_lib.evidence import experiment
from course_lib.layers import sigmoid

BATCH = 50


@functools.cache
def digits():
    """The training, validation and test part: each (images, labels), 14 x 14 pixels in a row, means of 2 x 2."""
    parts = data.mnist_5k()
    return [
        (part.images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196), part.labels)
        for part in (parts.train, parts.validation, parts.test)
    ]


# Restricted Boltzmann machines, and stacks of them


def rbm(images, units, rng, passes=30, rate=0.1):
    """Contrastive divergence with one step, momentum 0.5 and then 0.9: kernel, visible bias, hidden bias."""
    share = np.clip(images.mean(axis=0), 0.01, 0.99)
    start = rng.normal(0, 0.01, (images.shape[1], units)), np.log(share / (1 - share)), np.zeros(units)
    weights = [array.astype("float32") for array in start]
    velocities = [np.zeros_like(array) for array in weights]
    for number in range(passes):
        momentum = 0.5 if number < 5 else 0.9
        for picked in layers.core.batches(len(images), BATCH, rng):
            for array, velocity, direction in zip(weights, velocities, cd(images[picked], *weights, rng), strict=True):
                velocity *= momentum
                velocity += (1 - momentum) * rate * direction
                array += velocity
    return weights


def cd(batch, kernel, visible, hidden, rng):
    """The directions of one step of contrastive divergence; only the hidden units of the data are sampled."""
    seen = sigmoid(batch @ kernel + hidden)
    states = (rng.random(seen.shape, "float32") < seen).astype("float32")
    dreamt = sigmoid(states @ kernel.T + visible)
    dreamt_hidden = sigmoid(dreamt @ kernel + hidden)
    number = len(batch)
    return (
        (batch.T @ seen - dreamt.T @ dreamt_hidden) / number,
        (batch - dreamt).mean(axis=0),
        (seen - dreamt_hidden).mean(axis=0),
    )


def stack(images, widths, rng, passes=30):
    """One machine on top of another, greedily: [(kernel, visible bias, hidden bias), ...]."""
    machines = []
    for units in widths:
        machines.append(rbm(images, units, rng, passes))
        images = sigmoid(images @ machines[-1][0] + machines[-1][2])
    return machines


# Networks


def dense(kernel, bias):
    layer = layers.Dense(*kernel.shape, np.random.default_rng(0))
    layer.parameters = {"kernel": kernel.astype("float32").copy(), "bias": bias.astype("float32").copy()}
    return layer


def drawn(inputs, units, deviation, rng):
    return dense(rng.normal(0, deviation, (inputs, units)), np.zeros(units))


def deviation(start, inputs, units):
    return {"0.01": 0.01, "Glorot": (2 / (inputs + units)) ** 0.5, "He": (2 / inputs) ** 0.5}[start]


def classifier(start, widths, rng, machines=(), dropped=0.0):
    """Hidden layers, then ten logits. start: "0.01", "pretrained", "batch norm" (sigmoids), or "He" (ReLUs)."""
    chain = []
    for place, (inputs, units) in enumerate(itertools.pairwise((196, *widths))):
        if start == "pretrained":
            chain.append(dense(machines[place][0], machines[place][2]))
        else:
            spread = deviation("0.01" if start == "batch norm" else start, inputs, units)
            chain.append(drawn(inputs, units, spread, rng))
        if start == "batch norm":
            norm = layers.BatchNormalization(units, momentum=0.9)
            norm.parameters = {name: array.astype("float32") for name, array in norm.parameters.items()}
            chain.append(norm)
        chain.append(layers.ReLU() if start == "He" else layers.Sigmoid())
        if dropped:
            chain.append(layers.Dropout(dropped, rng))
    last = deviation("0.01" if start in ("0.01", "batch norm") else "Glorot", widths[-1], 10)
    return layers.Sequential([*chain, drawn(widths[-1], 10, last, rng)])


def errors(net, part):
    images, labels = part
    logits = net.forward(images)
    return losses.softmax_cross_entropy(logits, labels)[0], float(np.mean(logits.argmax(axis=1) != labels))


# Nine pixels, where everything can be counted


def bars_and_stripes(side=3):
    """All pictures whose rows are each of one colour, and all whose columns are: 14 of 3 x 3 pixels."""
    patterns = np.array(list(itertools.product([0.0, 1.0], repeat=side)))
    pictures = [np.repeat(patterns, side, axis=1), np.tile(patterns, (1, side))]
    return np.unique(np.concatenate(pictures), axis=0)


def unnormalised(pictures, kernel, visible, hidden):
    """The logarithm of the sum of e to the minus energy over all hidden states."""
    return pictures @ visible + np.logaddexp(0, pictures @ kernel + hidden).sum(axis=1)


def tiny_direction(way, pictures, states, weights, rng):
    """The direction in which kernel and biases go: exact, or by contrastive divergence, ten chains for each picture."""
    kernel, visible, hidden = weights
    data_on = sigmoid(pictures @ kernel + hidden)
    if way == "exact":
        scores = unnormalised(states, *weights)
        chances = np.exp(scores - scores.max())
        chances /= chances.sum()
        dreamt, on, share = states, sigmoid(states @ kernel + hidden), chances[:, None]
    else:
        dreamt = np.repeat(pictures, 10, axis=0)
        on, share = sigmoid(dreamt @ kernel + hidden), 1 / len(dreamt)
        for _ in range(WAYS[way][0]):
            dreamt = sigmoid((rng.random(on.shape) < on) @ kernel.T + visible)
            if WAYS[way][1]:
                dreamt = (rng.random(dreamt.shape) < dreamt).astype(float)
            on = sigmoid(dreamt @ kernel + hidden)
    return (
        pictures.T @ data_on / len(pictures) - (share * dreamt).T @ on,
        pictures.mean(axis=0) - np.sum(share * dreamt, axis=0),
        data_on.mean(axis=0) - np.sum(share * on, axis=0),
    )


WAYS = {"exact": None, "CD-10": (10, True), "CD-1": (1, True), "CD-1, grey": (1, False)}  # steps, pixels sampled?


@experiment(seeds=5)
def tiny(seed):
    """Nine pixels and eight hidden units learn bars and stripes: the mean log-likelihood, and how well they repeat."""
    pictures, states = bars_and_stripes(), np.array(list(itertools.product([0.0, 1.0], repeat=9)))
    for way in WAYS:
        rng = np.random.default_rng(seed)
        weights = [rng.normal(0, 0.01, (9, 8)), np.zeros(9), np.zeros(8)]
        velocities = [np.zeros_like(array) for array in weights]
        for step in range(6001):
            if step % 500 == 0 or step in (100, 200, 300):
                scores = unnormalised(states, *weights)
                total = np.logaddexp.reduce(scores)
                on = sigmoid(pictures @ weights[0] + weights[2])
                repeated = sigmoid(on @ weights[0].T + weights[1])
                yield {
                    "way": way,
                    "step": step,
                    "log_likelihood": np.mean(unnormalised(pictures, *weights)) - total,
                    "repeat_error": np.mean((pictures - repeated) ** 2),
                }
            for array, velocity, direction in zip(
                weights, velocities, tiny_direction(way, pictures, states, weights, rng), strict=True
            ):
                velocity *= 0.9
                velocity += 0.05 * direction
                array += velocity


# Depth: more than three hidden layers

DEPTHS = (1, 3, 5, 8)
DEPTH_RATES = {  # of SGD with momentum 0.9
    "0.01": (0.1, 0.3, 1.0),
    "pretrained": (0.1, 0.3, 1.0),
    "batch norm": (0.03, 0.1, 0.3),
    "He": (0.01, 0.03, 0.1),
}


@experiment(seeds=5)
def depth(seed):
    """Hidden layers of 64 on all 3,500 training digits, from four starts: errors at the epoch validation liked best."""
    train, validation, test = digits()
    machines = stack(train[0], (64,) * max(DEPTHS), np.random.default_rng([seed, 1]), passes=20)
    for hidden, (start, rates) in itertools.product(DEPTHS, DEPTH_RATES.items()):
        for rate in rates:
            rng = np.random.default_rng([seed, 2])
            net, optimizer = classifier(start, (64,) * hidden, rng, machines), optim.SGD(rate, momentum=0.9)
            row = {"hidden": hidden, "start": start, "rate": rate}
            looks = (1, 2, 3, 5, 7, 10, 12, 14, 16, 18, 20)
            with np.errstate(all="ignore"):  # at too high a rate numbers overflow; such a network answers 0 to all
                found = list(fine_tuned(net, train, validation, test, optimizer, looks, rng))
            best = min(found, key=lambda each: (each["validation_error"], each["epoch"]))
            yield row | best | {"after_one": found[0]["validation_error"], "train_error": errors(net, train)[1]}


def fine_tuned(net, train, validation, test, optimizer, looks, rng, batch=BATCH):
    """Train a classifier; errors on validation and test part at each look."""
    done = 0
    for look in looks:
        recipe = {"loss": losses.softmax_cross_entropy, "optimizer": optimizer, "batch_size": batch}
        net.fit(*train, epochs=look - done, rng=rng, **recipe)
        done = look
        loss, error = errors(net, validation)
        told = {"validation_loss": loss, "validation_error": error, "test_error": errors(net, test)[1]}
        yield {"epoch": look} | told


# Few labels, many pictures

WIDTHS, LABELLED = (128, 128, 128), (100, 300, 1000)
LOOK = {100: 8, 300: 7, 1000: 2}  # epochs between two looks, of which there are 25: about 1,000 steps in all
SIDES = {  # start, share of the units that is dropped, rates of Adam
    "pretrained": ("pretrained", 0.0, (0.001, 0.003, 0.01)),
    "pretrained on the labelled": ("pretrained", 0.0, (0.001, 0.003, 0.01)),
    "ReLU": ("He", 0.0, (0.0003, 0.001, 0.003)),
    "ReLU, dropout": ("He", 0.5, (0.001, 0.003, 0.01)),
}


@experiment(seeds=10)
def labels(seed):
    """100, 300 or 1,000 of 3,500 digits have labels: networks with and without pretraining, and a kernel machine."""
    from sklearn.svm import SVC

    (images, truth), validation, test = digits()
    machines = stack(images, WIDTHS, np.random.default_rng([seed, 1]))
    order = np.random.default_rng([seed, 2]).permutation(len(images))
    for number in LABELLED:
        few = images[order[:number]], truth[order[:number]]
        own = stack(few[0], WIDTHS, np.random.default_rng([seed, 1]), 30 * len(images) // number)
        for side, (start, dropped, rates) in SIDES.items():
            if side.endswith("labelled") and number > 100:
                continue
            for rate in rates:
                rng = np.random.default_rng([seed, 3])
                net = classifier(start, WIDTHS, rng, own if side.endswith("labelled") else machines, dropped)
                batch = 20 if number == 100 else 50
                looks = range(LOOK[number], 25 * LOOK[number] + 1, LOOK[number])
                found = fine_tuned(net, few, validation, test, optim.Adam(rate), looks, rng, batch)
                best = min(found, key=lambda each: (each["validation_error"], each["validation_loss"]))
                yield {"labels": number, "side": side, "rate": rate} | best | {"hardness": np.nan, "sharpness": np.nan}
        for hardness, sharpness in itertools.product((1.0, 10.0), (0.01, 0.03, 0.1)):
            machine = SVC(C=hardness, gamma=sharpness).fit(*few)
            wrong = [float(np.mean(machine.predict(part[0]) != part[1])) for part in (validation, test)]
            told = {"validation_loss": np.nan, "validation_error": wrong[0], "test_error": wrong[1]}
            kind = {"labels": number, "side": "kernel machine", "rate": np.nan, "epoch": np.nan}
            yield kind | told | {"hardness": hardness, "sharpness": sharpness}


# Two numbers for a digit

SIZES, CODE_RATES, CODE_LOOKS = (784, 256, 64, 2), (0.003, 0.01), (1, 2, 3, 5, 7, 10, 15, 20, 25, 30)


def autoencoder(start, rng, machines=(), sizes=SIZES):
    """Down to the code and up again; the code is linear, other hidden layers are sigmoids (from He: ReLUs)."""
    down, chain = list(itertools.pairwise(sizes)), []
    wires = down + [(units, inputs) for inputs, units in reversed(down)]
    for place, (inputs, units) in enumerate(wires):
        if start == "pretrained":
            kernel, visible, hidden = machines[min(place, len(wires) - 1 - place)]
            chain.append(dense(kernel, hidden) if place < len(down) else dense(kernel.T, visible))
        else:
            chain.append(drawn(inputs, units, deviation(start, inputs, units), rng))
        if place not in (len(down) - 1, len(wires) - 1):
            chain.append(layers.ReLU() if start == "He" else layers.Sigmoid())
    return layers.Sequential(chain)


def squared_error(net, images):
    """Summed over the pixels, mean over the pictures."""
    return float(np.sum((images - sigmoid(net.forward(images))) ** 2, axis=1).mean())


@experiment(seeds=5)
def codes(seed):
    """784-256-64-2 and back, from three starts, with Adam: squared error of a picture; and PCA's."""
    from sklearn.decomposition import PCA

    parts = data.mnist_5k()
    train, validation, test = (
        part.images.reshape(len(part), -1) for part in (parts.train, parts.validation, parts.test)
    )
    for units in (2, 4, 6):
        pca = PCA(units, svd_solver="full").fit(train)
        both = (
            float(np.sum((part - pca.inverse_transform(pca.transform(part))) ** 2, axis=1).mean())
            for part in (validation, test)
        )
        told = dict(zip(("validation_error", "test_error"), both, strict=True))
        yield {"start": f"PCA, {units} numbers", "rate": np.nan, "epoch": 0} | told
    machines = stack(train, SIZES[1:], np.random.default_rng([seed, 1]), passes=20)
    for start, rate in itertools.product(("pretrained", "Glorot", "He"), CODE_RATES):
        rng = np.random.default_rng([seed, 2])
        net, optimizer, done = autoencoder(start, rng, machines), optim.Adam(rate), 0
        for look in (0, *CODE_LOOKS):
            recipe = {"loss": losses.sigmoid_cross_entropy, "optimizer": optimizer, "batch_size": 100}
            net.fit(train, train, epochs=look - done, rng=rng, **recipe)
            done = look
            told = {"validation_error": squared_error(net, validation), "test_error": squared_error(net, test)}
            yield {"start": start, "rate": rate, "epoch": look} | told
