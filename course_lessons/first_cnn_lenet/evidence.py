"""What lesson 13 claims about LeNet-5, measured with five seeds: its activations, its strains, its rivals."""

from __future__ import annotations

import copy
import functools

import numpy as np
from scipy import ndimage

from course_lib import data, layers, losses, optim
from course_lib.evidence import experiment

# Strain: the amounts that are tried, the neat digit in the middle or first. Augmentation draws from the whole range.
KINDS = {
    "right": (-4, 0, 4),
    "rotation": (-40, 0, 40),
    "scale": (0.6, 1, 1.3),
    "squeeze": (0.6, 1, 1.6),
    "stroke": (-0.5, 0, 1),
    "noise": (0, 0.25, 0.5),
}
NEAT = {"right": 0, "rotation": 0, "scale": 1, "squeeze": 1, "stroke": 0, "noise": 0}


def perturb(image, rng, right=0, down=0, rotation=0, scale=1, squeeze=1, stroke=0, noise=0):
    """One picture under strain; lesson 13 builds this function."""
    angle = np.deg2rad(rotation)
    turn = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    back = np.diag([1 / (scale * squeeze), squeeze / scale]) @ turn
    middle = (np.array(image.shape) - 1) / 2
    image = ndimage.affine_transform(image, back, middle - back @ (middle + np.array([down, right])), order=1)
    if stroke:
        reach = int(np.ceil(abs(stroke)))
        extreme = ndimage.maximum_filter if stroke > 0 else ndimage.minimum_filter
        image = image + abs(stroke) / reach * (extreme(image, 2 * reach + 1) - image)
    return np.clip(image + noise * rng.normal(size=image.shape), 0, 1)


def perturbed(images, seed, **amounts):
    rng = np.random.default_rng(seed)
    return np.array([perturb(image[..., 0], rng, **amounts) for image in images], "float32")[..., None]


def strained(images, rng):
    """Every picture in one way, chosen at random, by a random amount."""
    changed = []
    for image in images[..., 0]:
        kind = rng.choice(list(KINDS))
        changed.append(perturb(image, rng, **{kind: rng.uniform(KINDS[kind][0], KINDS[kind][-1])}))
    return np.array(changed, "float32")[..., None]


def numpy_lenet(activation, gain, rng):
    """LeNet-5 from the layers of the course, in single precision; weights vary by gain / inputs, 2 being He's start."""
    net = layers.Sequential(
        [
            layers.Conv2D(1, 6, 5, rng, padding="same"),
            activation(),
            layers.AveragePooling2D(2),
            layers.Conv2D(6, 16, 5, rng),
            activation(),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(400, 120, rng),
            activation(),
            layers.Dense(120, 84, rng),
            activation(),
            layers.Dense(84, 10, rng),
        ]
    )
    for layer in net.layers:
        for name, array in layer.parameters.items():
            if name == "kernel":
                array = rng.normal(0, np.sqrt(gain / np.prod(array.shape[:-1])), array.shape)
            layer.parameters[name] = array.astype("float32")
    return net


def logits_of(net, images):
    return np.concatenate([net.forward(part) for part in np.array_split(images, max(1, len(images) // 100))])


def one_pass(net, optimizer, images, labels, rng):
    """All pictures once, in batches of 50. Returns the mean loss."""
    order, seen = rng.permutation(len(images)), []
    for batch in np.array_split(order, max(1, len(order) // 50)):
        loss, gradient = losses.softmax_cross_entropy(net.forward(images[batch]), labels[batch])
        net.backward(gradient.astype("float32"))
        for layer in net.layers:
            optimizer.update(layer)
        seen.append(loss)
    return np.mean(seen)


def train(net, passes, labels, validation, rng, learning_rate=0.003):
    """Keep the weights of the pass with the least loss on the validation part. `passes` are pictures, one set each."""
    optimizer, least, kept = optim.Adam(learning_rate), np.inf, None
    for images in passes:
        one_pass(net, optimizer, images, labels, rng)
        loss, _ = losses.softmax_cross_entropy(logits_of(net, validation[0]), validation[1])
        if loss < least:
            least, kept = loss, copy.deepcopy([layer.parameters for layer in net.layers])
    for layer, parameters in zip(net.layers, kept, strict=True):
        layer.parameters = parameters


def nearest(memory, labels, images):
    """The label of the nearest remembered picture, by squared distance less what is the same for all."""
    flat, asked = memory.reshape(len(memory), -1), images.reshape(len(images), -1)
    return labels[np.argmin((flat**2).sum(axis=1) - 2 * asked @ flat.T, axis=1)]


@experiment(seeds=5)
def strain(seed):
    """LeNet-5 and the nearest neighbour, each with neat and with strained digits to learn from, on all test digits."""
    rng, digits = np.random.default_rng(seed), data.mnist_5k()
    known, validation, test = digits.train, digits.validation, digits.test
    copies = [strained(known.images, rng) for _ in range(6)]
    schools = {
        "neat": ([known.images] * 5, validation.images, known.images, known.labels),
        "strained": (
            copies,
            strained(validation.images, rng),
            np.concatenate([known.images, copies[0]]),
            np.tile(known.labels, 2),
        ),
    }
    nets = {school: numpy_lenet(layers.ReLU, 2, rng) for school in schools}
    for school, (passes, to_validate, _, _) in schools.items():
        train(nets[school], passes, known.labels, (to_validate, validation.labels), rng)
    for kind, amounts in KINDS.items():
        for amount in amounts:
            if amount == NEAT[kind] and kind != "right":
                continue  # the neat digits are the same for all kinds
            images = perturbed(test.images, seed, **{kind: amount})
            for school, (_, _, memory, labels) in schools.items():
                answers = {
                    "nearest": nearest(memory, labels, images),
                    "LeNet-5": logits_of(nets[school], images).argmax(axis=1),
                }
                for reader, answer in answers.items():
                    right = np.mean(answer == test.labels)
                    yield {"reader": f"{reader}, {school}", "kind": kind, "amount": amount, "right": right}


@experiment(seeds=5)
def activations(seed):
    """Tanh and ReLU in LeNet-5, each with its own start and with three learning rates."""
    digits = data.mnist_5k()
    for name, activation, gain in (("tanh", layers.Tanh, 1), ("relu", layers.ReLU, 2)):
        for learning_rate in (0.001, 0.003, 0.01):
            rng = np.random.default_rng(seed)
            net, optimizer = numpy_lenet(activation, gain, rng), optim.Adam(learning_rate)
            for number in (1, 2):
                seen = one_pass(net, optimizer, digits.train.images, digits.train.labels, rng)
                row = {"activation": name, "learning_rate": learning_rate, "passes": number, "loss": seen}
                for part in ("validation", "test"):
                    examples = getattr(digits, part)
                    logits = logits_of(net, examples.images)
                    row[f"{part}_loss"] = losses.softmax_cross_entropy(logits, examples.labels)[0]
                    row[f"{part}_right"] = np.mean(logits.argmax(axis=1) == examples.labels)
                yield row


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
    outputs, number = layers.softmax(logits), len(logits)
    gradient = (outputs * shares.sum(axis=1, keepdims=True) - shares) / number
    return -np.sum(shares * np.log(outputs + 1e-12)) / number, gradient


@experiment(seeds=5)
def heads(seed):
    """Sigmoids and softmax on slips with none, one or two digits; each with the best of its thresholds and passes."""
    rng, small = np.random.default_rng(seed), data.digits(size=8)
    (x, t), *rest = (
        slips(examples, number, rng)
        for examples, number in ((small.train, 3000), (small.validation, 1000), (small.test, 2000))
    )
    ends = {
        "sigmoids": (layers.sigmoid, losses.sigmoid_cross_entropy),
        "softmax": (layers.softmax, shared_cross_entropy),
    }
    for head, (squash, loss) in ends.items():
        net = layers.Sequential([layers.Dense(128, 64, rng), layers.ReLU(), layers.Dense(64, 10, rng)])
        optimizer, best = optim.Adam(0.003), {"validation": -1.0}
        for _ in range(15):
            net.fit(x, t, loss=loss, optimizer=optimizer, batch_size=50, epochs=1, rng=rng)
            outputs = [squash(net.forward(inputs)) for inputs, _ in rest]
            for threshold in np.arange(1, 20) / 20:
                validation, test = (
                    ((output > threshold) == targets).all(axis=1).mean()
                    for output, (_, targets) in zip(outputs, rest, strict=True)
                )
                if validation > best["validation"]:
                    best = {"validation": validation, "threshold": threshold, "right": test}
        yield {"head": head} | best


# The neocognitron of the appendix


def unit_length(patches):
    lengths = np.linalg.norm(patches, axis=-1, keepdims=True)
    return patches / np.maximum(lengths, 1e-6)


def windows(maps, size, padding=0):
    """What each cell sees: (images, rows, columns, size * size * planes)."""
    edge = (padding, padding)
    padded = np.pad(maps, ((0, 0), edge, edge, (0, 0)))
    seen = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    return np.moveaxis(seen, 3, -1).reshape(*seen.shape[:3], -1)


def compete(patches, cells, rng):
    """Winner takes all: the loudest cell moves towards what it saw."""
    kernel = patches[rng.choice(len(patches), cells, replace=False)]
    for patch in patches[rng.permutation(len(patches))]:
        winner = np.argmax(kernel @ patch)
        kernel[winner] = unit_length(kernel[winner] + 0.05 * patch)
    return kernel


def s_then_c(maps, kernel, padding):
    """S-cells: how well each window agrees with each pattern, above 0.7. C-cells: the best of each 2 x 2."""
    seen = windows(maps, 5, padding)
    lengths = np.maximum(np.linalg.norm(seen, axis=-1, keepdims=True), 0.4)
    return layers.MaxPooling2D(2).forward(np.maximum(seen / lengths @ kernel.T - 0.7, 0))


def c2(images, kernels):
    parts = np.array_split(images, max(1, len(images) // 100))
    return np.concatenate([s_then_c(s_then_c(part, kernels[0], 2), kernels[1], 0) for part in parts])


def grow(images, rng):
    """The kernels of two layers of S-cells, learned from pictures without labels, one layer after the other."""
    kernels = []
    for cells, padding in ((6, 2), (16, 0)):
        below = s_then_c(images[:300], kernels[0], 2) if kernels else images[:300]
        seen = windows(below, 5, padding)
        seen = seen.reshape(-1, seen.shape[-1])
        lengths = np.linalg.norm(seen, axis=1)
        loud = rng.permutation(seen[lengths > lengths.mean()])[:2500]
        kernels.append(compete(unit_length(loud), cells, rng))
    return kernels


@experiment(seeds=5)
def cascade(seed):
    """A neocognitron grown without labels, whose 120 last cells stand in nine places or in one; and a taught layer."""
    rng, digits = np.random.default_rng(seed), data.mnist_5k()
    known, test = digits.train, digits.test
    kernels = grow(known.images, rng)
    flat = unit_length(c2(known.images, kernels).reshape(len(known), -1))
    cells = compete(np.tile(flat, (3, 1)), 120, rng)
    target = np.eye(10)[known.labels]
    taught = np.linalg.solve(flat.T @ flat + 0.01 * np.eye(flat.shape[1]), flat.T @ target)

    def last(maps, places):
        seen = windows(maps, 5, padding=1) @ cells.T
        return seen.max(axis=(1, 2)) if places == 9 else seen[:, 1, 1]

    names = {}
    for places in (9, 1):
        loudest = np.concatenate([last(c2(part, kernels), places) for part in np.array_split(known.images, 7)])
        won = [known.labels[loudest.argmax(axis=1) == cell] for cell in range(120)]
        names[places] = np.array([np.bincount(each, minlength=10).argmax() for each in won])
    for right in range(7):
        maps = c2(perturbed(test.images, seed, right=right), kernels)
        answers = {f"{places} places": names[places][last(maps, places).argmax(axis=1)] for places in (9, 1)}
        answers["taught last layer"] = (unit_length(maps.reshape(len(maps), -1)) @ taught).argmax(axis=1)
        for way, answer in answers.items():
            yield {"way": way, "shift": right, "right": np.mean(answer == test.labels)}


# The whole of MNIST


@functools.cache
def nearest_of_all():
    digits = data.mnist()
    parts = np.array_split(np.arange(len(digits.test)), 40)
    answers = [nearest(digits.train.images, digits.train.labels, digits.test.images[part]) for part in parts]
    return np.mean(np.concatenate(answers) != digits.test.labels)


@experiment(seeds=5)
def mnist(seed):
    """LeNet-5 on all of MNIST, the best of ten passes on the validation part; beside it, the nearest neighbour."""
    import keras

    from course_lib.architectures.lenet import lenet5

    keras.utils.set_random_seed(seed)
    digits = data.mnist()
    model = lenet5((28, 28, 1), padding="same", activation="relu", kernel_initializer="he_normal")
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=0.001),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    best = keras.callbacks.EarlyStopping(monitor="val_loss", patience=10, restore_best_weights=True)
    model.fit(
        digits.train.images,
        digits.train.labels,
        batch_size=50,
        epochs=10,
        validation_data=(digits.validation.images, digits.validation.labels),
        callbacks=[best],
        verbose=0,
    )
    model.set_weights(best.best_weights)  # at the end of all passes Keras would leave those of the last
    _, right = model.evaluate(digits.test.images, digits.test.labels, batch_size=500, verbose=0)
    yield {"reader": "LeNet-5", "test_error": 1 - right}
    yield {"reader": "nearest neighbour", "test_error": nearest_of_all()}
