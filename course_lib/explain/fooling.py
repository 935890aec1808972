"""Fooling a network: small changes of an image, made along the gradient, that change the answer. Lesson 27."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from course_lib.explain.network import (
    AT_ONCE,
    check_images,
    check_labels,
    classes_of,
    differentiable,
    logits,
    one_hot,
    outputs,
    run,
    softmax,
)
from course_lib.gradients import gradient_function, gradients


def fgsm(model: keras.Model, images, labels=None, epsilon: float = 0.03) -> np.ndarray:
    """One step of `epsilon` for every pixel, by the sign of the loss's gradient (Goodfellow et al., 2014).

    The loss is the cross-entropy of the labels: true ones, or None for those that the network predicts. Images stay
    within 0 to 1.
    """
    images, labels = _checked(model, images, labels, "labels")
    network = differentiable(logits(model))
    classes = one_hot(labels, classes_of(network), images.dtype)
    parts = []
    for start in range(0, len(images), AT_ONCE):
        some = images[start : start + AT_ONCE]
        (slopes,) = gradients(_log_probability(network, classes[start : start + AT_ONCE]), some)
        parts.append(np.clip(some - epsilon * np.sign(slopes), 0, 1))
    return np.concatenate(parts)


class Targeted(NamedTuple):
    """The images that were made, and whether they do what they were made for.

    images: (batch, height, width, channels)
    reached: bool (batch,), whether the network takes the image for the class that was wanted
    steps: int (batch,), how many were made
    """

    images: np.ndarray
    reached: np.ndarray
    steps: np.ndarray


def targeted(
    model: keras.Model, images, targets, *, steps: int = 100, step: float = 0.002, confidence: float = 0.0
) -> Targeted:
    """Small steps towards a class of one's choice; each image stops as soon as the network takes it for that class.

    targets: a class for each image, or one for all. step: the root mean square change of the pixels in one step; half a
    level of grey is 0.002. confidence: the probability that the class must have, too. Images stay within 0 to 1.
    """
    if targets is None:
        raise TypeError("targets are classes, not None: say what the network is to see.")
    images, targets = _checked(model, images, targets, "targets")
    network = differentiable(logits(model))
    climb = gradient_function(_log_probability(network, one_hot(targets, classes_of(network), images.dtype)))
    images, taken = images.copy(), np.zeros(len(images), np.int64)
    for number in range(steps + 1):
        answers = outputs(network, images)
        reached = (answers.argmax(axis=1) == targets) & (
            softmax(answers)[np.arange(len(images)), targets] >= confidence
        )
        going = ~reached & (taken == number)  # an image that has stopped stays as it is
        if number == steps or not going.any():
            break
        _, (slopes,) = climb(images)
        size = np.sqrt(np.mean(slopes**2, axis=(1, 2, 3), keepdims=True)) + 1e-12
        images[going] = np.clip(images + step * slopes / size, 0, 1)[going]
        taken += going
    return Targeted(images, reached, taken)


class Fooled(NamedTuple):
    """What a change of images did.

    rate: of the images that the network had right before, the share that it has wrong after
    fooled: bool (batch,), which these are
    l2, largest: (batch,), the Euclidean norm of the change and its largest absolute value
    """

    rate: float
    fooled: np.ndarray
    l2: np.ndarray
    largest: np.ndarray


def fooled(model: keras.Model, before, after, labels) -> Fooled:
    """Compare images before and after, given their true labels; the rate is not a number if none was right before."""
    if labels is None:
        raise TypeError("labels are the true classes, not None.")
    before = check_images(model, before)
    after, labels = check_images(model, after), check_labels(model, before, labels)
    if before.shape != after.shape:
        raise ValueError(f"There must be as many images after as before: {after.shape} and {before.shape}.")
    network = logits(model)
    right_before, right_after = (outputs(network, each).argmax(axis=1) == labels for each in (before, after))
    lost, change = right_before & ~right_after, (after - before).reshape(len(before), -1)
    rate = float(lost.sum() / right_before.sum()) if right_before.any() else float("nan")
    return Fooled(rate, lost, np.linalg.norm(change, axis=1), np.abs(change).max(axis=1))


def _checked(model: keras.Model, images, labels, name: str):
    images = check_images(model, images)
    if images.min() < 0 or images.max() > 1:
        raise ValueError(f"images must be from 0 to 1 here, not from {images.min():.3g} to {images.max():.3g}.")
    return images, check_labels(model, images, labels, name)


def _log_probability(network: keras.Model, classes: np.ndarray):
    """Of the class of each image, as a function of the images."""
    chosen = ops.convert_to_tensor(classes)
    return lambda x: ops.sum(ops.log_softmax(run(network, x)) * chosen, axis=-1)
