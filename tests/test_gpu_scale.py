"""Lessons that take another data set or another way at the scale "gpu": all that depends on it runs, with few pictures.

Trainings see two batches in each pass, and what lessons assert of full trainings is left out.
"""

import ast

import keras
import numpy as np
import pytest
from lesson_code import all_lessons
from short_trainings import WithoutAsserts, shorten

from course_lib import data
from course_tools.grading.needed import Notebook

SHOWN = {"check", "hint", "solution", "explore"}  # of the exercises, and of what is drawn on demand


def scales(node: ast.AST) -> list[ast.Call]:
    return [each for each in ast.walk(node) if isinstance(each, ast.Call) and getattr(each.func, "id", "") == "scale"]


def chooses_code(call: ast.Call) -> bool:
    """Not only a number: another data set, or another branch."""
    values = [keyword.value for keyword in call.keywords]
    return not all(isinstance(each, ast.Constant) and type(each.value) in (int, float) for each in values)


def shows(statement: ast.stmt) -> bool:
    call = getattr(statement, "value", None)
    return isinstance(call, ast.Call) and getattr(call.func, "id", "") in SHOWN


def reached(cells: list[str]) -> list[ast.stmt]:
    """Cells that take another way, all that depend on them, and what these need, in the order of the lesson."""
    notebook, bodies = Notebook(cells), [ast.parse(cell).body for cell in cells]
    taken = {number for number, cell in enumerate(cells) if any(map(chooses_code, scales(ast.parse(cell))))}
    names = set()
    for each in notebook.statements:  # what depends on them stands further down
        if each.cell in taken or (each.reads & names and not shows(bodies[each.cell][each.index])):
            taken.add(each.cell)
            names |= each.binds | each.changes
    inside = [each for each in notebook.statements if each.cell in taken]
    wanted = sorted({name for each in inside for name in each.reads | each.binds})
    needed = Notebook([*cells, f"wanted = [{', '.join(wanted)}]"]).program("wanted").picks
    places = sorted({each.place for each in inside} | {place for place in needed if place[0] < len(cells)})
    statements = [bodies[cell][index] for cell, index in places]
    return [WithoutAsserts().visit(each) for each in statements if not shows(each)]


def code_of(lesson) -> list[str]:
    return [cell.source for cell in lesson.cells if cell.kind == "code"]


LESSONS = {
    name: code_of(lesson)
    for name, lesson in all_lessons().items()
    if any(chooses_code(call) for cell in code_of(lesson) for call in scales(ast.parse(cell)))
}


@pytest.fixture(scope="module", autouse=True)
def few_pictures(tmp_path_factory):
    """MNIST of 2,400 real digits and CIFAR-10 of noise, in a folder of their own."""
    folder, digits, rng = tmp_path_factory.mktemp("data"), data.mnist_5k(), np.random.default_rng(0)
    known, new = (np.rint(part.images[..., 0] * 255).astype("uint8") for part in (digits.train, digits.test))
    names = ("x_train", "y_train", "x_test", "y_test")
    mnist = known[:2400], digits.train.labels[:2400], new[:300], digits.test.labels[:300]
    np.savez(folder / "mnist.npz", **dict(zip(names, mnist, strict=True)))
    noise = rng.integers(0, 256, (600, 32, 32, 3), dtype="uint8")
    cifar = noise[:500], np.arange(500) % 10, noise[500:], np.arange(100) % 10
    np.savez(folder / "cifar10.npz", **dict(zip(names, cifar, strict=True)))
    return folder


@pytest.fixture(autouse=True)
def gpu_scale(monkeypatch, few_pictures):
    monkeypatch.setenv("COURSE_SCALE", "gpu")
    monkeypatch.setenv("COURSE_DATA", str(few_pictures))
    shorten(monkeypatch.setattr)


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_at_the_scale_gpu(name):
    from course_lib.rooms import open_lesson

    open_lesson(name)
    keras.utils.set_random_seed(0)
    namespace = {"__name__": name}
    for statement in reached(LESSONS[name]):
        exec(compile(ast.Module([statement], []), f"<{name}, line {statement.lineno} of a cell>", "exec"), namespace)


def test_resnets_learn_from_cifar_10(monkeypatch):
    """The experiment of lesson 21 that is whole only on a machine with a graphics card."""
    from course_lessons.resnet import evidence

    monkeypatch.setattr(evidence, "CIFAR_PASSES", 2)
    rows = list(evidence.cifar10.run(0))
    assert [(row["kind"], row["passes"]) for row in rows] == [
        (kind, number) for kind in ("plain", "residual") for number in (1, 2)
    ]
    assert all(0 <= row["validation_error"] <= 1 and np.isfinite(row["training_loss"]) for row in rows)
    assert all(0 <= row["test_error"] <= 1 for row in rows if row["passes"] == 2)
