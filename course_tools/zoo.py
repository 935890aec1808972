"""Train the networks of `course_lib.zoo`: what each learns from, for how long, and how it goes on after a break."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from course_lib import data, zoo
from course_lib.data import DataError, Examples
from course_tools.build import write_together
from course_tools.errors import CourseError

BATCH = 128


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: SGD with momentum, a learning rate that rises for a while and falls along a cosine.

    draw: gives the training and the test examples
    shift, flip: augmentation: by up to so many pixels each way; mirror images, too
    alternate: whether mirror images come in every other pass, which half of them first by chance, rather than by chance
        alone (K. Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024)
    cutout: the side of a grey square somewhere in each picture (DeVries, Taylor, Improved Regularization of CNNs with
        Cutout, 2017)
    label_smoothing: the share of the target that goes to all classes alike
    whiten: whether the first kernels begin as `whitening_kernels`, and do not decay
    eight_bits: whether kernels are written in 8 bits, not 16
    """

    summary: str
    builder: str
    arguments: dict
    draw: Callable[[], tuple[Examples, Examples]]
    data: str
    origin: str
    epochs: int
    learning_rate: float
    shift: int
    flip: bool = False
    alternate: bool = False
    cutout: int = 0
    weight_decay: float = 5e-3
    label_smoothing: float = 0.0
    whiten: bool = False
    eight_bits: bool = False
    seed: int = 0


def _digits() -> tuple[Examples, Examples]:
    digits = data.digits(size=28)
    return digits.train + digits.validation, digits.test


def _shapes() -> tuple[Examples, Examples]:
    return data.shapes(12_000, seed=1, size=64), data.shapes(1_000, seed=2, size=64)


def _cifar10() -> tuple[Examples, Examples]:
    cifar10 = data.cifar10()
    return cifar10.train + cifar10.validation, cifar10.test


RECIPES = {
    "digits_lenet": Recipe(
        summary="LeNet-5 for handwritten digits",
        builder="lenet.lenet5",
        arguments={"input_shape": [28, 28, 1], "padding": "same", "activation": "relu"},
        draw=_digits,
        data="data.digits(size=28): 1,347 to learn from, 450 to test",
        origin="E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998; CC BY 4.0",
        epochs=40,
        learning_rate=0.05,
        shift=3,
    ),
    "shapes_zfnet": Recipe(
        summary="a small ZFNet for coloured shapes, whose masks are known",
        builder="zfnet.zfnet",
        arguments={
            "input_shape": [64, 64, 3],
            "classes": 6,
            "strides": [2, 1],
            "normalization": "batch",
            "width": 1 / 6,
            "units": 128,
            "dropout": 0.2,
        },
        draw=_shapes,
        data="data.shapes(12_000, seed=1, size=64) to learn from, data.shapes(1_000, seed=2, size=64) to test",
        origin="Drawn by course_lib.data; no licence needed",
        epochs=16,
        learning_rate=0.05,
        shift=4,
        flip=True,
    ),
    "cifar_resnet": Recipe(
        summary="a narrow ResNet-9 for CIFAR-10",
        builder="resnet.resnet9",
        arguments={"width": 1 / 2, "momentum": 0.97},
        draw=_cifar10,
        data="data.cifar10(): 50,000 to learn from, 10,000 to test",
        origin="A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009; no licence is stated. "
        # Of the files in data/zoo; to be dropped when they come from the original set.
        "Learnt and measured on a copy whose pictures had been stored as JPEG, quality 75",
        epochs=32,
        learning_rate=0.2,
        shift=4,
        flip=True,
        alternate=True,
        cutout=8,
        label_smoothing=0.1,
        whiten=True,
        eight_bits=True,
    ),
}


def train(name: str, project_root: Path, where: Console) -> zoo.Card:
    """Train a network and write its weights and its card to `data/zoo`.

    After every pass the state goes to `build/zoo`; started again, the training goes on from there. Raises CourseError
    for a name without recipe, and where the data cannot be had.
    """
    if name not in RECIPES:
        raise CourseError(f"No network called {name!r} can be trained; there are {', '.join(RECIPES)}.")
    recipe = RECIPES[name]
    try:
        learn, test = recipe.draw()
    except DataError as error:
        raise CourseError(str(error)) from None
    model = fit(recipe, learn, project_root / "build" / "zoo" / name, where)
    return _ship(name, recipe, model, test, project_root / "data" / "zoo")


def fit(recipe: Recipe, learn: Examples, backup: Path, where: Console) -> keras.Model:
    """The network after all passes; `backup` holds the state after the last whole one, and is gone at the end."""
    keras.utils.set_random_seed(recipe.seed)
    model = zoo.build(recipe.builder, recipe.arguments)
    if recipe.whiten:
        first = model.trainable_variables[0]
        first.assign(whitening_kernels(first.shape, learn.images[:1_000]))
    targets = np.eye(len(learn.class_names), dtype="float32")
    steps = -(-len(learn) // BATCH)
    compile_for(recipe, model, steps)
    state = backup / "latest.weights.h5"
    if state.exists():
        model.load_weights(state)
    done = int(model.optimizer.iterations) // steps
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("batches"),
        TimeRemainingColumn(), console=where, disable=not where.is_terminal,
    ) as progress:  # fmt: skip
        task = progress.add_task("training", total=recipe.epochs * steps, completed=done * steps)
        for epoch in range(done, recipe.epochs):
            name = f"pass {epoch + 1} of {recipe.epochs}"
            progress.update(task, description=name)
            sums = np.zeros(2)
            for images, labels in batches(recipe, learn, epoch):
                sums += len(labels) * np.array(model.train_on_batch(images, targets[labels]))  # of this batch alone
                progress.advance(task)
            loss, right = sums / len(learn)
            where.print(f"{name}: loss {loss:.3f}, {right:.1%} of what it saw right")
            _keep(model, state)
    shutil.rmtree(backup, ignore_errors=True)
    return model


def _keep(model: keras.Model, state: Path) -> None:
    """Weights and the state of the optimizer, whole or not at all."""
    state.parent.mkdir(parents=True, exist_ok=True)
    unfinished = state.with_name(f"unfinished.{state.name}")
    model.save_weights(unfinished)
    unfinished.replace(state)


def whitening_kernels(shape: tuple[int, int, int, int], images: np.ndarray) -> np.ndarray:
    """Kernels whose answers to the images' patches are uncorrelated and of variance 1, and their negatives, for a ReLU.

    shape: (height, width, channels, filters); half the filters are the first principal components of the patches, each
    divided by its standard deviation. A network that begins so need not learn first what neighbouring pixels have in
    common (D. Page, How to Train Your ResNet 8, 2019).
    """
    height, width, channels, filters = shape
    patches = np.lib.stride_tricks.sliding_window_view(images, (height, width), axis=(1, 2))
    patches = np.moveaxis(patches, 3, -1).reshape(-1, height * width * channels)
    variances, components = np.linalg.eigh(np.cov(patches, rowvar=False))  # rising
    largest = slice(-1, -1 - filters // 2, -1)
    kernels = components[:, largest] / np.sqrt(variances[largest])
    return np.concatenate([kernels, -kernels], axis=1).reshape(shape)


def compile_for(recipe: Recipe, model: keras.Model, steps: int) -> None:
    """Choose optimizer and loss. Only kernels decay: biases and normalisation have little to lose."""
    total = recipe.epochs * steps
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=total - total // 5, warmup_target=recipe.learning_rate, warmup_steps=total // 5
    )
    optimizer = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay)
    undecayed = [one for one in model.trainable_variables if len(one.shape) == 1]
    if recipe.whiten:
        undecayed.append(model.trainable_variables[0])
    optimizer.exclude_from_weight_decay(undecayed)
    optimizer.build(model.trainable_variables)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)


def batches(recipe: Recipe, examples: Examples, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The examples of a pass in an order of its own, each shifted and mirrored by chance.

    Chance depends on seed, pass and batch alone: a training that was broken off goes on as it would have.
    """
    order = np.random.default_rng([recipe.seed, epoch]).permutation(len(examples))
    first = np.random.default_rng(recipe.seed).integers(2, size=len(examples))  # who is mirrored in the first pass
    height, width = examples.images.shape[1:3]
    margin = (recipe.shift, recipe.shift)
    for number, start in enumerate(range(0, len(order), BATCH)):
        some = order[start : start + BATCH]
        chance = np.random.default_rng([recipe.seed, epoch, number])
        padded = np.pad(examples.images[some], [(0, 0), margin, margin, (0, 0)], mode="reflect")
        down, right = chance.integers(2 * recipe.shift + 1, size=(2, len(some), 1))
        rows, columns = down + np.arange(height), right + np.arange(width)
        images = padded[np.arange(len(some))[:, None, None], rows[:, :, None], columns[:, None, :]]
        if recipe.flip:
            mirrored = (first[some] + epoch) % 2 == 1 if recipe.alternate else chance.random(len(some)) < 0.5
            images[mirrored] = images[mirrored, :, ::-1]
        if recipe.cutout:
            top = chance.integers(height - recipe.cutout + 1, size=(len(some), 1, 1))
            left = chance.integers(width - recipe.cutout + 1, size=(len(some), 1, 1))
            row, column = np.arange(height)[:, None], np.arange(width)
            inside = (top <= row) & (row < top + recipe.cutout) & (left <= column) & (column < left + recipe.cutout)
            images[inside] = 0.5
        yield images, examples.labels[some]


def _ship(name: str, recipe: Recipe, model: keras.Model, test: Examples, folder: Path) -> zoo.Card:
    """Write the weights, measure what they are worth once they are rounded, and write the card."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"{name}.npz"
    sha256 = zoo.write_weights(model.get_weights(), weights, eight_bits=recipe.eight_bits)
    model.set_weights(zoo.read_weights(weights, sha256))
    facts = {
        "summary": recipe.summary,
        "builder": recipe.builder,
        "arguments": recipe.arguments,
        "class_names": test.class_names,
        "data": recipe.data,
        "origin": recipe.origin,
        "seed": recipe.seed,
        "epochs": recipe.epochs,
        "test_accuracy": accuracy(model, test),
        "test_images": len(test),
        "test_sha256": hashlib.sha256(test.images.tobytes()).hexdigest(),
        "parameters": sum(int(np.prod(one.shape)) for one in model.trainable_variables),
        "command": f"course zoo train {name}",
        "sha256": sha256,
    }
    write_together({folder / f"{name}.json": json.dumps(facts, indent=2, ensure_ascii=False) + "\n"})
    return zoo.card(name)


def accuracy(model: keras.Model, examples: Examples) -> float:
    """The share of the examples that the network gets right."""
    guesses = model.predict(examples.images, batch_size=BATCH, verbose=0).argmax(axis=1)
    return float((guesses == examples.labels).mean())
