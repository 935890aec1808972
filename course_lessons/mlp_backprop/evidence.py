"""The long experiments of the lesson on back-propagation: many starts, many rates, trained until the curves settle."""

from __future__ import annotations

import numpy as np

from course_lib import data, layers, losses, optim
from course_lib.evidence import experiment
from course_lib.layers import sigmoid

CORNERS = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
XOR = np.array([0, 1, 1, 0])
STARTS = 40


@experiment(seeds=5)
def xor(seed):
    """The share of 40 starts from which one example at a time teaches XOR, for each width and learning rate."""
    rates = np.array([0.5, 1.0, 2.0, 4.0])[:, None, None]
    for hidden in (2, 3, 4, 8):
        rng = np.random.default_rng(seed)
        W1, b1 = rng.normal(size=(STARTS, 2, hidden)), rng.normal(size=(STARTS, hidden))
        W2, b2 = rng.normal(size=(STARTS, hidden)), rng.normal(size=(STARTS, 1))
        W1, b1, W2, b2 = (np.repeat(array[None], len(rates), axis=0) for array in (W1, b1, W2, b2))
        for _ in range(3000):
            for place in rng.permutation(4):
                x, t = CORNERS[place], XOR[place]
                z = sigmoid(x @ W1 + b1)
                y = sigmoid((z * W2).sum(axis=-1, keepdims=True) + b2)
                delta_2 = (y - t) * y * (1 - y)
                delta_1 = z * (1 - z) * W2 * delta_2
                W2 -= rates * delta_2 * z
                b2 -= rates * delta_2
                W1 -= rates[..., None] * x[:, None] * delta_1[..., None, :]
                b1 -= rates * delta_1
        z = sigmoid(CORNERS @ W1 + b1[..., None, :])
        right = ((z @ W2[..., None])[..., 0] + b2 > 0) == XOR
        for rate, solved in zip(rates.ravel(), right.all(axis=-1).mean(axis=-1), strict=True):
            yield {"hidden": hidden, "learning_rate": rate, "starts": STARTS, "solved": solved}


@experiment(seeds=5)
def encoder(seed):
    """Twenty starts of an 8-3-8 network that is to repeat eight patterns, on half the squared error."""
    patterns, rng = np.eye(8), np.random.default_rng(seed)
    W1, b1, W2, b2 = (rng.normal(0, 0.5, (20, *shape)) for shape in ((8, 3), (1, 3), (3, 8), (1, 8)))
    for _ in range(10_000):
        z = sigmoid(patterns @ W1 + b1)
        y = sigmoid(z @ W2 + b2)
        delta_2 = (y - patterns) * y * (1 - y)
        delta_1 = z * (1 - z) * (delta_2 @ W2.swapaxes(1, 2))
        W2 -= z.swapaxes(1, 2) @ delta_2
        b2 -= delta_2.sum(axis=1, keepdims=True)
        W1 -= patterns.T @ delta_1
        b1 -= delta_1.sum(axis=1, keepdims=True)
    for start in range(20):
        sure = (z[start] < 0.1) | (z[start] > 0.9)
        yield {
            "start": start,
            "repeated": (y[start].argmax(axis=1) == np.arange(8)).sum(),
            "rounded_codes": len(np.unique(z[start] > 0.5, axis=0)),
            "near_0_or_1": sure.mean(),
        }


def _pixels():
    """Training, validation and test part of 5,000 MNIST digits: rows of pixels, and labels."""
    digits = data.mnist_5k()
    return [
        (part.images.reshape(len(part), -1), part.labels) for part in (digits.train, digits.validation, digits.test)
    ]


def _network(*stack):
    """Layers in a row, in float32 for speed."""
    net = layers.Sequential(list(stack))
    for layer in net.layers:
        layer.parameters = {name: array.astype(np.float32) for name, array in layer.parameters.items()}
    return net


def _error(net, images, labels) -> float:
    return float(np.mean(net.forward(images).argmax(axis=1) != labels))


@experiment(seeds=5)
def two_losses(seed):
    """784-32-10 sigmoid units on MNIST, from a usual start and from outputs that are sure and mostly wrong.

    For each loss the learning rate with the lowest validation error, averaged over all passes.
    """
    (images, labels), validation, test = _pixels()
    targets = np.eye(10, dtype=np.float32)[labels]
    choices = {
        "cross-entropy": (losses.sigmoid_cross_entropy, []),
        "half squared error": (losses.squared_error, [layers.Sigmoid()]),
    }
    for start, output_bias in (("usual", 0.0), ("sure and wrong", 5.0)):
        for name, (loss, last) in choices.items():
            curves = {}
            for rate in (0.3, 1.0, 3.0, 10.0):
                rng = np.random.default_rng(seed)
                net = _network(layers.Dense(784, 32, rng), layers.Sigmoid(), layers.Dense(32, 10, rng), *last)
                net.layers[2].parameters["bias"] += np.float32(output_bias)
                recipe = {"loss": loss, "optimizer": optim.SGD(rate), "batch_size": 100, "rng": rng}
                curves[rate] = []
                for _ in range(20):
                    net.fit(images, targets, epochs=1, **recipe)
                    curves[rate].append((_error(net, *validation), _error(net, *test)))
            best = min(curves, key=lambda rate: np.mean(curves[rate], axis=0)[0])
            for passes, (validation_error, test_error) in enumerate(curves[best], start=1):
                yield {
                    "start": start,
                    "loss": name,
                    "learning_rate": best,
                    "passes": passes,
                    "validation_error": validation_error,
                    "test_error": test_error,
                }


@experiment(seeds=5)
def hidden_units(seed):
    """MNIST without a hidden layer, with one of 128 ReLUs (He's start), and by the nearest neighbour.

    Learning rate and number of passes have the lowest validation error.
    """
    (images, labels), validation, test = _pixels()
    for name, hidden in (("no hidden layer", 0), ("128 hidden units", 128)):
        tried = []
        for rate in (0.3, 1.0, 3.0):
            rng = np.random.default_rng(seed)
            if hidden:
                first = layers.Dense(784, hidden, rng)
                first.parameters["kernel"] = rng.normal(0, np.sqrt(2 / 784), (784, hidden))
                net = _network(first, layers.ReLU(), layers.Dense(hidden, 10, rng))
            else:
                net = _network(layers.Dense(784, 10, rng))
            recipe = {"loss": losses.softmax_cross_entropy, "optimizer": optim.SGD(rate), "batch_size": 100, "rng": rng}
            for passes in range(1, 26):
                net.fit(images, labels, epochs=1, **recipe)
                tried.append((_error(net, *validation), passes, rate, _error(net, *test)))
        validation_error, passes, rate, test_error = min(tried)
        yield {
            "network": name,
            "learning_rate": rate,
            "passes": passes,
            "validation_error": validation_error,
            "test_error": test_error,
        }
    squares = np.sum(images**2, axis=1) / 2
    nearest = [labels[np.argmin(squares - part @ images.T, axis=1)] for part, _ in (validation, test)]
    errors = [np.mean(found != truth) for found, (_, truth) in zip(nearest, (validation, test), strict=True)]
    yield {
        "network": "nearest neighbour",
        "learning_rate": np.nan,
        "passes": 0,
        "validation_error": errors[0],
        "test_error": errors[1],
    }


def spirals(examples, rng):
    """Two spirals of one and a half turns, `(examples, 2)`, and which of them each point belongs to."""
    labels = np.arange(examples) % 2
    radius = np.sqrt(rng.uniform(0.02, 1, examples))
    angle = 3 * np.pi * radius + np.pi * labels
    points = 2 * np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return points + rng.normal(0, 0.03, points.shape), labels


@experiment(seeds=7)
def depth(seed):
    """Two spirals with 1 to 6 hidden layers of 4 tanh units, and with one layer of 14: as many parameters as 3 of 4.

    Learning rate and number of steps have the lowest validation error.
    """
    rng = np.random.default_rng(seed)
    (x, t), validation, test = (spirals(examples, rng) for examples in (300, 500, 1000))
    stacks = {f"{number} of 4": [4] * number for number in range(1, 7)} | {"1 of 14": [14]}
    for name, widths in stacks.items():
        tried = []
        for rate in (0.01, 0.03):
            rng = np.random.default_rng(seed)
            net = layers.Sequential([])
            for inputs, units in zip([2, *widths], widths, strict=False):
                net.layers += [layers.Dense(inputs, units, rng), layers.Tanh()]
            net.layers.append(layers.Dense(widths[-1], 1, rng))
            recipe = {"loss": losses.sigmoid_cross_entropy, "optimizer": optim.Adam(rate), "batch_size": len(x)}
            for steps in range(100, 2501, 100):
                net.fit(x, t[:, None], epochs=100, rng=rng, **recipe)
                errors = [np.mean((net.forward(part)[:, 0] > 0) != truth) for part, truth in (validation, test)]
                tried.append((errors[0], steps, rate, errors[1]))
        validation_error, steps, rate, test_error = min(tried)
        yield {
            "hidden_layers": name,
            "parameters": net.count_parameters(),
            "learning_rate": rate,
            "steps": steps,
            "validation_error": validation_error,
            "test_error": test_error,
        }


class RMSprop:
    """Steps divided by the root of a running mean of the squared gradient, as the lesson writes it."""

    def __init__(self, learning_rate: float, rho: float = 0.9, epsilon: float = 1e-7):
        self.learning_rate, self.rho, self.epsilon, self.squares = learning_rate, rho, epsilon, {}

    def update(self, layer) -> None:
        for name, parameter in layer.parameters.items():
            gradient, key = layer.gradients[name], (id(layer), name)
            self.squares[key] = self.rho * self.squares.get(key, 0) + (1 - self.rho) * gradient**2
            parameter -= self.learning_rate * gradient / np.sqrt(self.squares[key] + self.epsilon)


OPTIMIZERS = {  # what makes each of them from a learning rate, and the rates it is tried with
    "plain SGD": (optim.SGD, (0.03, 0.1, 0.3, 1, 3)),
    "momentum": (lambda rate: optim.SGD(rate, momentum=0.9), (0.01, 0.03, 0.1, 0.3, 1)),
    "RMSprop": (RMSprop, (0.0003, 0.001, 0.003, 0.01, 0.03)),
    "Adam": (optim.Adam, (0.0003, 0.001, 0.003, 0.01, 0.03)),
}


@experiment(seeds=10)
def optimizers(seed):
    """784-128-10 on MNIST (He's start, batches of 100), by four optimizers at five rates each, 30 passes.

    A row has the pass with the lowest validation error, the test error there, and the mean of the first ten passes.
    """
    (images, labels), validation, test = _pixels()
    for name, (make, rates) in OPTIMIZERS.items():
        for rate in rates:
            rng = np.random.default_rng(seed)
            first = layers.Dense(784, 128, rng)
            first.parameters["kernel"] = rng.normal(0, np.sqrt(2 / 784), (784, 128))
            net = _network(first, layers.ReLU(), layers.Dense(128, 10, rng))
            recipe = {"loss": losses.softmax_cross_entropy, "optimizer": make(rate), "batch_size": 100, "rng": rng}
            fitted, curve = [], []
            for _ in range(30):
                fitted += net.fit(images, labels, epochs=1, **recipe)
                curve.append((_error(net, *validation), _error(net, *test)))
            validation_errors, test_errors = np.transpose(curve)
            best = validation_errors.argmin()
            yield {
                "optimizer": name,
                "rate": rate,
                "passes": best + 1,
                "validation_error": validation_errors[best],
                "test_error": test_errors[best],
                "first_ten_passes": validation_errors[:10].mean(),
                "validation_error_at_the_end": validation_errors[-1],
                "training_loss_at_the_end": fitted[-1],
            }
