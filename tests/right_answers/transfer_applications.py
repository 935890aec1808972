"""Right answers to the exercises of the lesson on transfer."""

import numpy as np
import tensorflow as tf
from sklearn.metrics import confusion_matrix

from right_answers import right

# few_shot


@right("few_shot")
def means_in_loops(known, labels, new):
    columns = list(zip(known.mean(axis=0), known.std(axis=0)))  # noqa: B905
    answers = []
    for row in new:
        best = None
        for k in sorted(set(labels.tolist())):
            middle = known[labels == k].mean(axis=0)
            distance = sum(((x - m) / spread) ** 2 for x, m, (_, spread) in zip(row, middle, columns))  # noqa: B905
            if best is None or distance < best[0]:
                best = distance, k
        answers.append(best[1])
    return answers


@right("few_shot")
def means_by_scipy(known, labels, new):
    from scipy.spatial.distance import cdist

    classes, which = np.unique(labels, return_inverse=True)
    sums = np.zeros((len(classes), known.shape[1]))
    np.add.at(sums, which, known)
    middles = sums / np.bincount(which)[:, None]
    return classes[cdist(new, middles, "seuclidean", V=known.var(axis=0)).argmin(axis=1)]


@right("few_shot")
def means_as_a_linear_classifier(known, labels, new):
    """|x - m|^2 = |x|^2 - 2 x.m + |m|^2, and the first is the same for all classes."""
    mean, spread = known.mean(axis=0), known.std(axis=0)
    classes = np.array(sorted(set(labels.tolist())))
    one_hot = (labels[:, None] == classes).astype(float)
    middles = one_hot.T @ ((known - mean) / spread) / one_hot.sum(axis=0)[:, None]
    scores = (new - mean) / spread @ middles.T - np.sum(middles**2, axis=1) / 2
    return np.take(classes, scores.argmax(axis=-1))


# iou


@right("iou")
def iou_in_loops(first, second):
    table = []
    for a in first:
        table.append([])
        for b in second:
            height = max(0, min(a[2], b[2]) - max(a[0], b[0]))
            width = max(0, min(a[3], b[3]) - max(a[1], b[1]))
            joint = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - height * width
            table[-1].append(height * width / joint)
    return table


@right("iou")
def iou_of_keras(first, second):
    from keras.utils.bounding_boxes import compute_iou

    return compute_iou(first.astype("float32"), second.astype("float32"), "yxyx")


@right("iou")
def iou_axis_by_axis(first, second):
    shared = 1.0
    for low, high in ((0, 2), (1, 3)):
        ends = np.minimum.outer(first[:, high], second[:, high])
        starts = np.maximum.outer(first[:, low], second[:, low])
        shared = shared * np.clip(ends - starts, 0, None)
    areas = [(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) for boxes in (first, second)]
    return (shared / (np.add.outer(*areas) - shared)).astype("float32")


# keep_best


def _table(boxes):
    return np.array(iou_in_loops(boxes, boxes))


@right("keep_best")
def keep_by_recursion(boxes, scores, classes, overlap):
    table = _table(boxes)

    def keep(left):
        if not left:
            return []
        best = left[0]
        return [best, *keep([o for o in left[1:] if classes[o] != classes[best] or table[best, o] <= overlap])]

    return keep(sorted(range(len(scores)), key=lambda place: (-scores[place], place)))


@right("keep_best")
def keep_class_by_class(boxes, scores, classes, overlap):
    table, kept = _table(boxes), []
    for k in set(classes.tolist()):
        alive = [place for place in np.argsort(-scores, kind="stable") if classes[place] == k]
        while alive:
            kept.append(alive[0])
            alive = [other for other in alive if other != alive[0] and table[alive[0], other] <= overlap]
    return sorted(kept, key=lambda place: (-scores[place], place))


@right("keep_best")
def keep_with_far_apart_classes(boxes, scores, classes, overlap):
    moved = boxes + 1000.0 * classes[:, None]
    return tf.image.non_max_suppression(moved, scores, len(boxes), overlap)


# average_precision


@right("average_precision")
def precision_in_loops(scores, hits, objects):
    ordered = [hit for _, hit in sorted(zip(scores, hits), key=lambda pair: -pair[0])]  # noqa: B905
    precisions, right_so_far = [], 0
    for place, hit in enumerate(ordered, 1):
        right_so_far += bool(hit)
        precisions.append(right_so_far / place)
    return sum(max(precisions[place:]) for place, hit in enumerate(ordered) if hit) / objects


@right("average_precision")
def precision_of_hits_alone(scores, hits, objects):
    ranks = np.flatnonzero(hits[scores.argsort()[::-1]]) + 1
    at_hits = np.arange(1, len(ranks) + 1) / ranks
    return np.maximum.accumulate(at_hits[::-1]).sum().astype("float32") / objects if len(ranks) else 0


@right("average_precision")
def precision_as_rectangles(scores, hits, objects):
    right_so_far = np.cumsum(np.take(hits, np.argsort(-scores)))
    precision, recall = right_so_far / np.arange(1, len(hits) + 1), right_so_far / objects
    area, done = 0.0, 0.0
    while (recall > done).any():
        best = np.argmax(np.where(recall > done, precision, -1))
        area += (recall[best] - done) * precision[best]
        done = recall[best]
    return area


# mean_iou


@right("mean_iou")
def iou_from_the_confusion_matrix(truth, answer, classes):
    table = confusion_matrix(truth.ravel(), answer.ravel(), labels=range(classes + 1))
    both = np.diag(table)[1:]
    either = table.sum(axis=0)[1:] + table.sum(axis=1)[1:] - both
    return (both[either > 0] / either[either > 0]).mean()


@right("mean_iou")
def iou_from_sets(truth, answer, classes):
    found = []
    for k in range(1, classes + 1):
        own, said = (set(zip(*np.nonzero(each == k))) for each in (truth, answer))  # noqa: B905
        if own or said:
            found.append(len(own & said) / len(own | said))
    return sum(found) / len(found)


@right("mean_iou")
def iou_from_counts(truth, answer, classes):
    pairs = np.bincount((truth * (classes + 1) + answer).ravel(), minlength=(classes + 1) ** 2)
    table = pairs.reshape(classes + 1, classes + 1).astype("float32")
    with np.errstate(invalid="ignore"):
        every = np.diag(table) / (table.sum(axis=0) + table.sum(axis=1) - np.diag(table))
    return np.nanmean(every[1:])
