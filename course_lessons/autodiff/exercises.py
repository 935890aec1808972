"""Exercises of lesson 06_autodiff."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_matrix, eye
from scipy.sparse.linalg import spsolve

from course_lessons.autodiff.evidence import RIGHT, claimed_gradient, digits, start
from course_lib.exercises.spec import exercise

LESSON = "06_autodiff"


@exercise(lesson=LESSON, points=1)
def dual_divide(a, a_slope, b, b_slope):
    h = 1e-30  # the complex step: no difference is taken, so h may be as small as one likes
    quotient = (np.asarray(a) + 1j * h * np.asarray(a_slope)) / (np.asarray(b) + 1j * h * np.asarray(b_slope))
    return quotient.real, quotient.imag / h


dual_divide.results = ("Value", "Slope")
dual_divide.hints = (
    "The value is a / b. For the slope use the quotient rule, or multiply a by 1/b and use the rule for products.",
    "The quotient rule: (a/b)' = (a' b - a b') / b².",
)


@dual_divide.cases
def _(rng):
    for shape in ((), (), (3,), (2, 3)):
        b = rng.uniform(1.2, 3, shape) * rng.choice([-1, 1], shape)
        yield rng.normal(size=shape), rng.normal(size=shape), b, rng.normal(size=shape)
    yield np.array([3.0, -2, 5]), np.array([1.0, 0, 2]), np.array([2.0, 3, -4]), np.array([0.0, 1, 1])


@dual_divide.known_mistakes
def _(a, a_slope, b, b_slope):
    value = a / b
    yield (
        "The slope of a quotient is not the quotient of the slopes.",
        lambda *_: (value, _quietly(lambda: a_slope / b_slope)),
    )
    yield (
        "The second term is subtracted: a larger b makes the quotient smaller.",
        (
            value,
            (a_slope * b + a * b_slope) / b**2,
        ),
    )
    yield "The whole is divided by b², not by b.", (value, (a_slope * b - a * b_slope) / b)
    yield (
        "The order: a' b comes first, and a b' is subtracted from it.",
        (
            value,
            (a * b_slope - a_slope * b) / b**2,
        ),
    )
    yield "You forgot that b changes, too: the term with b' is missing.", (value, a_slope / b)
    yield "That is the rule for products. A quotient is asked for.", (value, a_slope * b + a * b_slope)
    yield "You forgot that a changes, too: the term with a' is missing.", (value, -a * b_slope / b**2)


def _quietly(compute):
    with np.errstate(all="ignore"):
        return compute()


@exercise(lesson=LESSON, points=3)
def gradients_of(parents, slopes, output):
    """The messages are linear equations, g[parent] = sum of g[reader] slope, and 1 more at the output."""
    readers = np.repeat(np.arange(len(parents)), [len(read) for read in parents])
    edges = [np.concatenate([np.zeros(0), *lists]) for lists in (parents, slopes)]
    system = eye(len(parents)) - csc_matrix((edges[1], (edges[0].astype(int), readers)), shape=(len(parents),) * 2)
    return spsolve(csc_matrix(system), _one_at(output, parents))


gradients_of.hints = (
    "dy/dy = 1, all others start at 0, and a node's gradient is the *sum* of the messages of its readers.",
    "A node may send only when all its readers have sent. Count for each node how many readers it still waits for "
    "(a reader that has it twice counts twice); a node that waits for none may send.",
    "Readers that do not lead to the output count, too: their gradient is 0, and so are their messages. A chain may be "
    "long: keep a list of the nodes that may send, and do without recursion.",
)


def _shuffled(parents, output, rng, slopes=None):
    """The graph with its nodes in a random order, as lists; slopes of either sign unless they are given."""
    places = rng.permutation(len(parents)).tolist()  # old number -> new one
    new_parents, new_slopes = [[]] * len(parents), [[]] * len(parents)
    for old, place in enumerate(places):
        new_parents[place] = [places[parent] for parent in parents[old]]
        steep = rng.uniform(0.5, 2, len(parents[old])) * rng.choice([-1, 1], len(parents[old]))
        new_slopes[place] = (steep if slopes is None else slopes[old][: len(parents[old])]).tolist()
    return new_parents, new_slopes, places[output]


@gradients_of.cases
def _(rng):
    graphs = {
        "diamond": ([[], [0], [0], [1, 2]], 3),
        "square": ([[], [0, 0], [1]], 2),
        "lonely": ([[], [], [0], [2, 0], [1, 0]], 3),  # nodes 1 and 4 do not lead to the output, node 3
        "read again": ([[], [0], [1, 0], [2], [2, 3, 1]], 2),  # the output has readers
        "late": ([[], [0], [1], [2], [3], [1, 4], [5, 1, 5]], 6),  # node 1 waits long for its last reader, then sends
        "doubled": ([[], *([node, node] for node in range(12))], 12),
        # nodes 1 and 7 wait for a reader that has them twice and comes first, then for one at the end of a chain
        "twins first": ([[], [0], [1, 1], [1], [3], [4], [2, 5], [6], [7, 7], [7], [9], [10], [11, 8]], 12),
    }
    for parents, output in graphs.values():
        yield _shuffled(parents, output, rng)
    yield [[1, 2], [3], [3], []], [[2.0, -1.0], [0.5], [3.0], []], 0  # the output comes first, and in the next one last
    yield [[], [0], [0], [1, 2]], [[], [2.0], [-3.0], [0.5, 4.0]], 3
    parents = [[], *(rng.integers(0, node, rng.integers(1, 4)).tolist() for node in range(1, 12))]
    yield _shuffled(parents, 10, rng)
    chain = [[], *([node] for node in range(1999))]  # longer than Python's recursion may go
    yield _shuffled(chain, 1999, rng, slopes=rng.choice([-1.0, 1.0], (2000, 1)))


def _one_at(output, parents):
    start = np.zeros(len(parents))
    start[output] = 1
    return start


def _order(parents):
    """Readers before what they read."""
    waits = np.bincount([parent for read in parents for parent in read], minlength=len(parents))
    ready, order = [node for node in range(len(parents)) if not waits[node]], []
    while ready:
        order.append(ready.pop())
        for parent in parents[order[-1]]:
            waits[parent] -= 1
            if not waits[parent]:
                ready.append(parent)
    return order


def _walk(parents, slopes, start, order=None, take=lambda have, message: have + message):
    gradient = np.array(start, float)
    for node in _order(parents) if order is None else order:
        for parent, slope in zip(parents[node], slopes[node], strict=True):
            gradient[parent] = take(gradient[parent], gradient[node] * slope)
    return gradient


@gradients_of.known_mistakes
def _(parents, slopes, output):
    start = _one_at(output, parents)
    readers = np.bincount([parent for read in parents for parent in read], minlength=len(parents))
    yield (
        "A node adds the messages of all its readers. You kept the last one.",
        lambda *_: _walk(parents, slopes, start, take=lambda have, message: message),
    )
    yield (
        "You went through the nodes by number. They stand in any order; a node may send only after all its readers.",
        lambda *_: _walk(parents, slopes, start, order=range(len(parents))[::-1]),
    )
    yield (
        "You began with 1 at every node. Only dy/dy is 1: all others start at 0.",
        lambda *_: _walk(parents, slopes, np.ones(len(parents))),
    )
    yield "The walk must begin with dy/dy = 1; from zeros alone nothing comes.", np.zeros(len(parents))
    yield (
        "Messages are added, not averaged over the readers.",
        lambda *_: _averaged(parents, slopes, output, readers),
    )
    yield (
        "Where a node stands twice among the parents, each of the two edges carries a message.",
        lambda *_: _walk(*_without_twins(parents, slopes), start),
    )


def _averaged(parents, slopes, output, readers):
    gradient = _one_at(output, parents)
    for node in _order(parents):
        for parent, slope in zip(parents[node], slopes[node], strict=True):
            gradient[parent] += gradient[node] * slope / readers[parent]
    return gradient


def _without_twins(parents, slopes):
    """Of several edges to the same parent only the last."""
    last = [dict(zip(read, steep, strict=True)) for read, steep in zip(parents, slopes, strict=True)]
    return [list(edges) for edges in last], [list(edges.values()) for edges in last]


@exercise(lesson=LESSON, points=2)
def undo_broadcast(message, shape):
    places = np.broadcast_to(np.arange(int(np.prod(shape))).reshape(shape), message.shape)  # who was copied there
    return np.bincount(places.ravel(), message.ravel(), int(np.prod(shape))).reshape(shape)


undo_broadcast.hints = (
    "What was copied adds up the messages of its copies: first over the new axes in front, as `summed_to` does.",
    "Then over each axis where the array has length 1, with keepdims=True, so that the axis stays.",
)


@undo_broadcast.cases
def _(rng):
    pairs = (
        ((2, 3), ()),
        ((4, 3), (3,)),
        ((2, 3), (2, 1)),
        ((2, 3), (1, 3)),
        ((3, 2), (3, 2)),
        ((4, 3), (1,)),
        ((3, 3), (1, 1)),
        ((3, 3), (3, 1)),
        ((2, 4, 2), (4, 1)),
        ((4, 2, 5), (1, 1, 5)),
        ((2, 3, 2, 2), (3, 1, 2)),
    )
    for message, shape in pairs:
        yield rng.normal(size=message), shape


@undo_broadcast.known_mistakes
def _(message, shape):
    new = tuple(range(message.ndim - len(shape)))
    front = message.sum(axis=new)
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1)
    right = front.sum(axis=stretched, keepdims=True)
    yield "Axes of length 1 are stretched, too. You undid only the new axes in front.", front
    yield (
        "The axis of length 1 must stay: sum with keepdims=True.",
        lambda *_: front.sum(axis=stretched),
    )
    yield "The messages of the copies are added; you took their mean.", right * right.size / message.size
    yield (
        "You kept the first of the copies. All of them send a message: add them up.",
        message[(0,) * len(new) + tuple(slice(1) if size == 1 else slice(None) for size in shape)],
    )
    yield (
        "You summed over axis 0 alone, whatever the shape is.",
        lambda *_: np.asarray(message).sum(axis=0),
    )
    yield (
        "You added up everything. Only what was copied is added.",
        np.full(shape, message.sum()),
    )


@exercise(lesson=LESSON, points=2)
def skip_gradient(arrays, images, one_hot):
    return _by_tape(arrays, images, one_hot, lambda hidden, sums, relu: hidden + relu(sums))


skip_gradient.results = ("W1", "b1", "W2", "b2", "W3", "b3")
skip_gradient.hints = (
    "Make a Node of each of the six arrays, compute the loss with them, and ask `gradients` for its slopes. The page "
    "does so in `gradient_by_engine`.",
    "hidden = relu(images @ W1 + b1) is read twice: by the second layer, and by the sum that the last layer reads.",
    "The skip joins after the second ReLU: hidden + relu(hidden @ W2 + b2).",
)


@skip_gradient.cases
def _(rng):
    for batch, inputs, units in ((3, 2, 4), (4, 5, 6)):
        sizes = (inputs, units), units, (units, units), units, (units, 10), 10
        arrays = [rng.normal(size=size) for size in sizes]
        yield arrays, rng.normal(size=(batch, inputs)), np.eye(10)[rng.integers(0, 10, batch)]
    images, labels = digits("float64")[0]
    some = rng.choice(len(images), 16, replace=False)
    network = start(int(rng.integers(1000)))
    arrays = [array + rng.normal(0, 0.1, array.shape) * (array.ndim == 1) for array in network.values()]
    yield arrays, images[some], np.eye(10)[labels[some]]


_WHAT_BUGS_DO = {
    "skip's message lost": "The message along the skip is lost: `hidden` has two readers, and adds both.",
    "branch's message lost": "The message through the second layer is lost: `hidden` has two readers, and adds both.",
    "no bias gradients": "The biases get no gradient.",
    "slope of the wrong ReLU": "The first layer's messages pass where the second layer's ReLUs were open.",
    "no ReLU slope": "Messages pass every ReLU. Where a sum was below 0 the slope is 0.",
    "first layer gets nothing": "The first layer gets no gradient.",
}


@skip_gradient.known_mistakes
def _(arrays, images, one_hot):
    network, labels = dict(zip(skip_gradient.results, arrays, strict=True)), one_hot.argmax(axis=1)

    def with_bug(bug):
        return tuple(claimed_gradient(network, images, labels, bug).values())

    for bug, words in _WHAT_BUGS_DO.items():
        yield words, lambda *_, bug=bug: with_bug(bug)
    yield (
        "That is the gradient of the sum over the examples. The loss is their mean.",
        lambda *_: tuple(len(images) * gradient for gradient in with_bug(RIGHT)),
    )
    yield (
        "The skip is missing: the last layer reads `hidden`, too.",
        lambda *_: _by_tape(arrays, images, one_hot, lambda hidden, sums, relu: relu(sums)),
    )
    yield (
        "The skip joins after the second layer's ReLU, not before it.",
        lambda *_: _by_tape(arrays, images, one_hot, lambda hidden, sums, relu: relu(hidden + sums)),
    )
    yield (
        "The second layer has a ReLU, too.",
        lambda *_: _by_tape(arrays, images, one_hot, lambda hidden, sums, relu: hidden + sums),
    )
    yield (
        "The first layer has a ReLU, too.",
        lambda *_: _by_tape(arrays, images, one_hot, lambda hidden, sums, relu: hidden + relu(sums), first=False),
    )


def _by_tape(arrays, images, one_hot, join, first=True):
    """The gradients of a network whose last layer reads what `join` makes of the hidden layer and the next sums."""
    import tensorflow as tf

    W1, b1, W2, b2, W3, b3 = variables = [tf.Variable(array) for array in arrays]
    with tf.GradientTape() as tape:
        hidden = images @ W1 + b1
        hidden = tf.nn.relu(hidden) if first else hidden
        joined = join(hidden, hidden @ W2 + b2, tf.nn.relu)
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(one_hot, joined @ W3 + b3))
    return tuple(gradient.numpy() for gradient in tape.gradient(loss, variables))
