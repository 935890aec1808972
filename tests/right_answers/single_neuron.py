"""Right answers to the exercises of the lesson on one neuron."""

import functools

import numpy as np

from right_answers import right


@right("adaline_pass")
def pass_in_lists(weights, inputs, targets, learning_rate):
    now = list(weights)
    for example, target in zip(inputs, targets, strict=True):
        error = target - now[0] - sum(w * x for w, x in zip(now[1:], example, strict=True))
        now = [now[0] + learning_rate * error, *(w + learning_rate * error * x for w, x in zip(now[1:], example))]  # noqa: B905
    return now


@right("adaline_pass")
def pass_by_reduce(weights, inputs, targets, learning_rate):
    def step(now, pair):
        row, target = pair
        return now + learning_rate * (target - row @ now) * row

    rows = np.hstack([np.ones((len(inputs), 1)), inputs])
    return functools.reduce(step, zip(rows, targets, strict=True), weights)


@right("adaline_pass")
def pass_with_bias_apart(weights, inputs, targets, learning_rate):
    bias, kernel = weights[0], weights[1:].copy()
    for place in range(len(inputs)):
        error = targets[place] - (bias + np.dot(inputs[place], kernel))
        bias += learning_rate * error
        kernel += learning_rate * error * inputs[place]
    return np.append(bias, kernel)


@right("surprise_from_sums")
def surprise_with_the_larger_part_out(sums, targets):
    return np.mean(np.maximum(sums, 0) - sums * targets + np.log1p(np.exp(-np.abs(sums))))


@right("surprise_from_sums")
def surprise_in_a_loop(sums, targets):
    total = 0.0
    for a, t in zip(sums, targets, strict=True):
        total += t * np.logaddexp(0, -a) + (1 - t) * np.logaddexp(0, a)
    return total / len(sums)


@right("surprise_from_sums")
def surprise_in_tensors(sums, targets):
    from keras import ops

    return ops.mean(ops.softplus(sums) - ops.multiply(targets, sums))


@right("squared_error_gradient")
def gradient_in_a_loop(weights, inputs, targets):
    total = np.zeros(len(weights))
    for example, target in zip(inputs, targets, strict=True):
        row = np.append(1.0, example)
        y = 1 / (1 + np.exp(-np.dot(row, weights)))
        total += (y - target) * y * (1 - y) * row
    return total / len(inputs)


@right("squared_error_gradient")
def gradient_as_a_jacobian(weights, inputs, targets):
    rows = np.insert(inputs, 0, 1, axis=1)
    y = 0.5 * (1 + np.tanh(rows @ weights / 2))
    jacobian = (y * (1 - y))[:, None] * rows
    return (y - targets) @ jacobian / len(y)


@right("squared_error_gradient")
def gradient_bias_apart(weights, inputs, targets):
    y = 1 / (1 + np.exp(-(weights[0] + inputs @ weights[1:])))
    delta = (y - targets) * (y - y**2)
    return [delta.mean(), *(delta[:, None] * inputs).mean(axis=0)]


def _newton(rows, targets, decay):
    weights, penalty = np.zeros(rows.shape[1]), decay * np.eye(rows.shape[1])
    penalty[0, 0] = 0
    for _ in range(8):
        y = 1 / (1 + np.exp(-rows @ weights))
        gradient = rows.T @ (y - targets) / len(rows) + penalty @ weights
        curvature = (rows.T * (y * (1 - y))) @ rows / len(rows) + penalty
        weights = weights - np.linalg.lstsq(curvature, gradient, rcond=None)[0]
    return weights


def _loss(weights, inputs, targets):
    sums = weights[0] + inputs @ weights[1:]
    return np.mean(np.logaddexp(0, sums) - targets * sums)


@right("choose_decay")
def choose_by_newton(train, validation, decays):
    rows = np.insert(train[0], 0, 1, axis=1)
    fits = [_newton(rows, train[1], decay) for decay in decays]
    best = int(np.argmin([_loss(weights, *validation) for weights in fits]))
    return decays[best], fits[best]


@right("choose_decay")
def choose_by_bfgs(train, validation, decays):
    from scipy.optimize import minimize

    best = None
    for decay in decays:
        found = minimize(
            lambda w, decay=decay: _loss(w, *train) + decay / 2 * np.sum(w[1:] ** 2),
            np.zeros(17),
            options={"gtol": 1e-5},
        ).x
        if best is None or _loss(found, *validation) < _loss(best[1], *validation):
            best = [decay, found.tolist()]
    return best


@right("choose_decay")
def choose_by_descent(train, validation, decays):
    inputs, targets = train
    kept = {}
    for decay in decays:
        weights, bias, rate = np.zeros(inputs.shape[1]), 0.0, 1 / (1.5 + decay)
        for _ in range(400):
            residual = 1 / (1 + np.exp(-(inputs @ weights + bias))) - targets
            weights -= rate * (inputs.T @ residual / len(targets) + decay * weights)
            bias -= rate * residual.mean()
        kept[decay] = np.append(bias, weights)
    chosen = min(kept, key=lambda decay: _loss(kept[decay], *validation))
    return chosen, kept[chosen]
