"""Exercises of lesson 25_transfer_applications."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.spec import exercise

LESSON = "25_transfer_applications"


# The nearest class mean, on borrowed features


@exercise(lesson=LESSON, points=2)
def few_shot(known, labels, new):
    from sklearn.neighbors import NearestCentroid
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler(with_mean=False).fit(known)
    return NearestCentroid().fit(scaler.transform(known), labels).predict(scaler.transform(new))


few_shot.hints = (
    "known.std(axis=0) has one deviation for each feature; divide both by it, known and new.",
    "classes = np.unique(labels); for each k of them the mean of known[labels == k] along axis 0.",
    "The squared distances of all new ones to all means: np.sum((new[:, None] - means) ** 2, axis=-1). argmin says "
    "which mean; classes[...] says which label.",
)


@few_shot.cases
def _(rng):
    for classes, features, number in (((4, 7), 2, 8), ((0, 3, 8), 3, 40)):
        middles = rng.normal(size=(len(classes), features))
        counts = rng.permutation([2, 4, 9][: len(classes)])
        scales = rng.permutation([0.2, 1.0, 8.0][:features])
        true, new = np.repeat(range(len(classes)), counts), rng.integers(len(classes), size=number)
        labels = np.array(classes)[true]
        known = (middles[true] + rng.normal(0, 0.9, (len(true), features))) * scales + 3
        yield known, labels, (middles[new] + rng.normal(0.8, 0.9, (number, features))) * scales + 3
    features, digits = _read_digits()
    some = rng.permutation(len(digits))[:130]
    known, new = features[some[:90]], features[some[90:]]
    alive = known.std(axis=0) > 1e-3
    yield known[:, alive], digits[some[:90]], new[:, alive]


_kept: dict = {}


def _read_digits():
    """What F6 of `digits_lenet` answers to 500 real digits, and which they are."""
    if not _kept:
        import keras

        from course_lib import data, zoo

        network, digits = zoo.load("digits_lenet"), data.mnist_5k().validation
        body = keras.Model(network.inputs, network.get_layer("F6").output)
        _kept["digits"] = body.predict(digits.images, verbose=0).astype(float), digits.labels
    return _kept["digits"]


@few_shot.known_mistakes
def _(known, labels, new):
    spread = known.std(axis=0)
    scaled, others = known / spread, new / spread
    classes = np.unique(labels)

    def nearest(known, new, middle=np.mean, pick=np.argmin, power=2):
        middles = np.array([middle(known[labels == k], axis=0) for k in classes])
        return classes[pick(np.sum(np.abs(new[:, None] - middles) ** power, axis=-1), axis=1)]

    own = new / new.std(axis=0)
    places = np.searchsorted(classes, nearest(scaled, others))
    yield "Divide by the deviations first: a feature of large numbers drowns the others.", nearest(known, new)
    yield "Divide the new ones by the deviations of the *known*, not by their own.", nearest(scaled, own)
    yield "The new ones are to be divided, too.", nearest(scaled, new)
    yield (
        "That is the label of the nearest single example; take the nearest *mean* of a class.",
        labels[np.sum((others[:, None] - scaled) ** 2, axis=-1).argmin(axis=1)],
    )
    yield "A class is its mean, not its sum: classes have different numbers.", nearest(scaled, others, np.sum)
    yield "The nearest mean has the smallest distance; yours is the farthest.", nearest(scaled, others, pick=np.argmax)
    yield "That is the place among the classes; give the label itself, classes[place].", places


# How far two boxes overlap


@exercise(lesson=LESSON, points=2)
def iou(first, second):
    size = int(max(first.max(), second.max())) + 1

    def painted(box):
        picture = np.zeros((size, size), bool)
        picture[int(box[0]) : int(box[2]), int(box[1]) : int(box[3])] = True
        return picture

    return [[np.sum(painted(a) & painted(b)) / np.sum(painted(a) | painted(b)) for b in second] for a in first]


iou.hints = (
    "What two boxes share is a box again: its top is the larger of both tops, its bottom the smaller of both bottoms.",
    "If a side of it comes out negative, they share nothing: np.maximum(side, 0), each side on its own.",
    "first[:, None] against second[None] compares all pairs. Joint area = area + area - shared.",
)


@iou.cases
def _(rng):
    fixed = np.array([[0, 0, 4, 6], [0, 0, 4, 6], [1, 1, 3, 4], [0, 6, 4, 9], [5, 8, 9, 12], [2, 3, 7, 8]], float)
    yield np.array([[0.0, 0, 4, 6]]), np.array([[2.0, 3, 5, 9], [6, 8, 8, 9]])
    yield fixed[:2], fixed[1:]
    yield rng.permutation(fixed)[:3], rng.permutation(fixed)
    tops = rng.integers(0, 8, (6, 2))
    boxes = np.concatenate([tops, tops + rng.integers(1, 9, (6, 2))], axis=1).astype(float)
    yield boxes[:4], boxes[3:]


def _parts(first, second, clip=lambda sides: np.maximum(sides, 0)):
    first, second = first[:, None], second[None]
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    areas = [np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1) for boxes in (first, second)]
    return np.prod(clip(sides), axis=-1), *areas


@iou.known_mistakes
def _(first, second):
    shared, one, other = _parts(first, second)
    raw, _, _ = _parts(first, second, clip=lambda sides: sides)
    pixels, _, _ = _parts(first, second, clip=lambda sides: np.maximum(sides + 1, 0))
    plus = [np.prod(boxes[..., 2:] - boxes[..., :2] + 1, axis=-1) for boxes in (first[:, None], second[None])]
    yield (
        "Apart on both axes, two negative sides make a positive area: cut each side at 0, not their product.",
        np.maximum(raw, 0) / (one + other - np.maximum(raw, 0)),
    )
    yield "Boxes that do not touch share nothing, not a negative area.", raw / (one + other - raw)
    yield "What both cover is counted twice in the sum of the areas: take it off once.", shared / (one + other)
    yield "Twice the shared area by the sum of both is Dice's measure, not this one.", 2 * shared / (one + other)
    yield (
        "Bottom and right are one past the box, so a side is bottom - top, with no + 1.",
        pixels / (plus[0] + plus[1] - pixels),
    )
    yield "Divide by all that either covers, not by the smaller area.", shared / np.minimum(one, other)
    yield "Divide by all that either covers, not by the area of the first alone.", shared / one
    yield "That is the shared area itself; divide it by the joint area.", shared


# Non-maximum suppression


@exercise(lesson=LESSON, points=3)
def keep_best(boxes, scores, classes, overlap):
    import tensorflow as tf

    kept = []
    for k in np.unique(classes):
        own = np.flatnonzero(classes == k)
        found = tf.image.non_max_suppression(boxes[own], scores[own], len(own), overlap)
        kept += own[np.asarray(found)].tolist()
    return sorted(kept, key=lambda place: (-scores[place], place))


keep_best.hints = (
    "np.argsort(-scores, kind='stable') puts the best first, and of equals the first.",
    "Go through them once. Keep a box unless one that you have *kept*, of its class, overlaps it by more than overlap.",
    "overlaps(boxes, boxes) is the table of all pairs. Append the place to a list, and return the list.",
)


@keep_best.cases
def _(rng):
    chain = np.array([[0, 0, 10, 10], [0, 4, 10, 14], [0, 8, 10, 18], [0, 40, 10, 50]], float)
    yield chain, np.array([0.9, 0.8, 0.7, 0.2]), np.zeros(4, int), 0.4
    yield chain[[3, 2, 1, 0]], np.array([0.2, 0.75, 0.8, 0.9]), np.zeros(4, int), 0.4
    for classes in ([1, 0, 1, 2], [0, 1, 0, 2]):
        yield chain[[0, 0, 1, 3]], np.array([0.5, 0.9, 0.7, 0.6]), np.array(classes), 0.3
    half = [[0, 0, 10, 10], [0, 0, 5, 10], [20, 20, 30, 30], [20, 21, 30, 31], [40, 0, 50, 10], [40, 0, 44, 10]]
    yield np.array(half, float), np.array([0.6, 0.8, 0.5, 0.5, 0.3, 0.2]), np.array([3, 3, 1, 1, 2, 2]), 0.5
    corners = rng.integers(0, 14, (12, 2))
    boxes = np.concatenate([corners, corners + rng.integers(6, 12, (12, 2))], axis=1).astype(float)
    scores = rng.permutation(np.linspace(0.05, 0.95, 12)).round(2)
    yield boxes, scores, rng.integers(2, size=12), 0.3
    equals = rng.permutation(np.repeat(np.linspace(0.1, 0.9, 9), 4))
    corners = rng.integers(0, 20, (36, 2))
    boxes = np.concatenate([corners, corners + rng.integers(6, 12, (36, 2))], axis=1).astype(float)
    yield boxes, equals, rng.integers(2, size=36), 0.3


def _alike(boxes, classes, overlap, of_equal=False):
    shared, one, other = _parts(boxes, boxes)
    table = shared / (one + other - shared)
    return (table >= overlap if of_equal else table > overlap) & (classes[:, None] == classes)


def _suppressed(alike, order, compare="kept"):
    kept, seen = [], []
    for place in order:
        rivals = {"kept": kept, "all": seen, "last": kept[-1:]}[compare]
        seen.append(place)
        if not alike[place, [each for each in rivals if each != place]].any():
            kept.append(place)
    return kept


@keep_best.known_mistakes
def _(boxes, scores, classes, overlap):
    best_first = np.argsort(-scores, kind="stable")
    alike = _alike(boxes, classes, overlap)
    kept = _suppressed(alike, best_first)
    yield (
        "A box that was itself suppressed must not suppress others: compare with those that were kept.",
        _suppressed(alike, best_first, "all"),
    )
    yield (
        "Two classes may stand in one place: a box is suppressed only by one of its own class.",
        _suppressed(_alike(boxes, 0 * classes, overlap), best_first),
    )
    yield "Compare with every box that was kept, not with the last one alone.", _suppressed(alike, best_first, "last")
    yield "The best come first: your order is rising.", _suppressed(alike, best_first[::-1])
    yield "The best come first, also in what you return: the places are sorted.", sorted(kept)
    yield "Return the places of the boxes, not the boxes.", boxes[kept]
    yield "Return the places of the boxes, not their scores.", scores[kept]
    yield (
        "Only an overlap *above* the limit suppresses; one that is exactly at it does not.",
        _suppressed(_alike(boxes, classes, overlap, of_equal=True), best_first),
    )
    for own in (0.3, 0.5):
        yield (
            "The limit is the argument overlap, not a number of your own.",
            _suppressed(_alike(boxes, classes, own), best_first),
        )
    yield "Nothing is suppressed: all boxes are there.", best_first


# Average precision


@exercise(lesson=LESSON, points=2)
def average_precision(scores, hits, objects):
    """The mean over the objects: what precision is reached at the recall of this object or beyond."""
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    right = [sum(bool(hits[each]) for each in order[: place + 1]) for place in range(len(order))]
    total = 0.0
    for number in range(1, objects + 1):
        total += max((found / (place + 1) for place, found in enumerate(right) if found >= number), default=0)
    return total / objects


average_precision.hints = (
    "Sort the hits by score, best first. np.cumsum says how many were right among the first 1, 2, 3 ...",
    "precision = right / how many so far; recall = right / objects. np.maximum.accumulate from the far end makes "
    "precision fall.",
    "The area: at each detection, precision times the step that recall takes there (np.diff(recall, prepend=0)).",
)


@average_precision.cases
def _(rng):
    yield np.array([0.9, 0.8, 0.6, 0.3]), np.array([True, False, True, True]), 4
    yield np.array([0.3, 0.9, 0.5]), np.array([True, False, True]), 2
    yield np.array([0.2, 0.7]), np.array([False, False]), 3
    yield np.array([0.4, 0.9, 0.1, 0.7, 0.2]), np.array([False, True, True, True, False]), 4
    for number in (6, 9):
        scores = rng.permutation(np.linspace(0.1, 0.9, number))
        hits = rng.permutation(np.arange(number) % 3 > 0)
        hits[scores.argmax()], hits[scores.argmin()] = False, True
        yield scores, hits, int(hits.sum()) + int(rng.integers(1, 4))


def _curve(scores, hits, total):
    order = np.argsort(-scores)
    right = np.cumsum(hits[order])
    return right / np.arange(1, len(hits) + 1), right / max(total, 1)


def _area(precision, recall, envelope=True):
    if envelope:
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    return np.sum(precision * np.diff(recall, prepend=0))


@average_precision.known_mistakes
def _(scores, hits, objects):
    precision, recall = _curve(scores, hits, objects)
    yield (
        "Objects that nobody found count, too: recall is right / objects, not right / all that were right.",
        _area(*_curve(scores, hits, hits.sum())),
    )
    yield "Sort by score first, best first.", _area(*_curve(-np.arange(len(hits)), hits, objects))
    yield "The best score comes first; yours come last.", _area(*_curve(-scores, hits, objects))
    yield (
        "Make precision fall first: at each place the largest precision from there on.",
        _area(precision, recall, envelope=False),
    )
    yield (
        "The largest precision *from there on*, not up to there: run from the far end.",
        np.sum(np.maximum.accumulate(precision) * np.diff(recall, prepend=0)),
    )
    yield (
        "Beyond the last detection no object is found: that stretch of recall adds nothing.",
        _area(precision, recall) + (1 - recall[-1]) * precision[-1],
    )
    levels = [max((p for p, r in zip(precision, recall, strict=True) if r >= level), default=0) for level in
              np.linspace(0, 1, 11)]  # fmt: skip
    yield "That is the older rule of eleven levels of recall; take the area itself.", np.mean(levels)
    yield "That is the precision of all detections together, not an area.", precision[-1]


# Mean intersection over union


@exercise(lesson=LESSON, points=2)
def mean_iou(truth, answer, classes):
    from sklearn.metrics import jaccard_score

    truth, answer = truth.ravel(), answer.ravel()
    there = [k for k in range(1, classes + 1) if (truth == k).any() or (answer == k).any()]
    return jaccard_score(truth, answer, labels=there, average="macro", zero_division=0)


mean_iou.hints = (
    "For one class k: own = truth == k and said = answer == k are two masks, of all pictures together.",
    "np.sum(own & said) / np.sum(own | said); skip a class for which own | said is empty.",
    "Collect it for k = 1 to classes in a list, and take the mean. Class 0, the ground, has no entry.",
)


@mean_iou.cases
def _(rng):
    yield np.array([[[0, 1], [1, 1]]]), np.array([[[1, 1], [0, 1]]]), 1
    for pictures, side, classes, used in ((1, 4, 3, (1, 3)), (3, 5, 4, (1, 2, 4)), (4, 6, 5, (2, 3))):
        truth = np.zeros((pictures, side, side), int)
        truth[:, 1:-1, 1:] = rng.choice(used, (pictures, 1, 1))
        truth[0, 1:-1, 1:], truth[-1, 0, 0] = used[0], used[-1]
        answer = np.where(rng.random(truth.shape) < 0.6, truth, rng.choice([0, *used], truth.shape))
        answer[0, 0, :2], answer[-1, -1] = [used[1], 0], used[0]
        answer[0, 2, 1:3] = [used[0], 0]
        yield truth, answer, classes
    truth = np.zeros((2, 4, 4), int)
    truth[:, 1:3, 1:3] = 2
    answer = truth.copy()
    answer[0, 0], answer[1, 3, :3], answer[1, 1, 1] = 1, 2, 0  # class 1 is in the answer alone
    yield truth, answer, 3
    truth, answer = np.zeros((2, 3, 3, 3), int)
    truth[1, :2, :2], answer[1, 0], truth[2, 2], answer[2, 2, 2] = 2, 1, 1, 1  # class 2 is never found
    yield truth, answer, 3
    yield truth[::-1], answer[::-1], 3
    yield answer[::-1], truth[::-1], 3


@mean_iou.known_mistakes
def _(truth, answer, classes):
    def over(rule, first=1, where=None):
        pairs = [(truth == k, answer == k) for k in range(first, classes + 1)]
        if where is not None:
            pairs = [(own[where], said[where]) for own, said in pairs]
        return [rule(own, said) for own, said in pairs if (own | said).any()]

    def ratio(own, said):
        return np.sum(own & said) / np.sum(own | said)

    everywhere = [ratio(truth == k, answer == k) if ((truth == k) | (answer == k)).any() else 0 for k in
                  range(1, classes + 1)]  # fmt: skip
    yield "The ground, class 0, is left out: it is large, and easy.", np.mean(over(ratio, first=0))
    yield "That is the share of right pixels, which praises an answer of ground everywhere.", np.mean(truth == answer)
    yield "A class that is in neither is left out of the mean; it has no overlap of 0.", np.mean(everywhere)
    yield (
        "Twice the overlap by the sum of both is Dice's measure, not this one.",
        np.mean(over(lambda own, said: 2 * np.sum(own & said) / (np.sum(own) + np.sum(said)))),
    )
    yield (
        "Do not drop the pixels whose truth is ground: painting over the ground must cost.",
        np.mean(over(ratio, where=truth > 0) or [0]),
    )
    yield (
        "Divide by what either covers, not by what the truth covers alone.",
        np.mean(over(lambda own, said: np.sum(own & said) / max(np.sum(own), 1))),
    )
    shared = sum(np.sum((truth == k) & (answer == k)) for k in range(1, classes + 1))
    joint = sum(np.sum((truth == k) | (answer == k)) for k in range(1, classes + 1))
    yield "Each class counts the same: a mean of ratios, not one ratio of all pixels.", shared / joint
    single = [
        np.mean([ratio(one == k, other == k) for k in range(1, classes + 1) if ((one == k) | (other == k)).any()])
        for one, other in zip(truth, answer, strict=True)
        if ((one > 0) | (other > 0)).any()
    ]
    yield "Count the pixels of all pictures together, then divide; do not average over pictures.", np.mean(single)
