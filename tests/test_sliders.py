"""Whatever a student may set on the sliders of a lesson gives a figure, and no slider is idle.

The lessons' own calls of `explore` are what is tested, with the ranges that stand there.
"""

from __future__ import annotations

import ast
import inspect
import io
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from lesson_code import all_lessons, functions, run

from course_lessons.first_cnn_lenet.figures import Strain
from course_lib import plots


def explorations():
    """Every call of `explore`, with its lesson and the code cells up to it."""
    for name, lesson in all_lessons().items():
        cells = [cell.source for cell in lesson.cells if cell.kind == "code"]
        for number, source in enumerate(cells, start=1):
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "explore":
                    yield pytest.param(name, cells[:number], node, id=f"{name}-{ast.unparse(node.args[0])}")


def untrained_lenets() -> dict:
    """What lesson 13 plays with, but for half a minute of training."""
    lenet, perturb, test = map(
        functions(all_lessons()["13_first_cnn_lenet"], "lenet", "perturb", "test").get, ("lenet", "perturb", "test")
    )
    model = lenet("relu", "he_normal")
    readers = {"LeNet-5": lambda images: np.asarray(model(images))}
    return {"play": Strain(test.images[:50], test.labels[:50], perturb, readers)}


STAND_INS = {"13_first_cnn_lenet": untrained_lenets}


def arguments(lesson: str, cells: list[str], call: ast.Call):
    """The function that draws, and the controls, as the lesson gives them to `explore`."""
    names = {node.id for node in ast.walk(call) if isinstance(node, ast.Name)} - {"explore"}
    given = STAND_INS.get(lesson, dict)()
    namespace = run(cells, *names - set(given)) | given
    namespace["explore"] = lambda draw, alt="", **controls: (draw, controls)
    return eval(compile(ast.Expression(call), lesson, "eval"), namespace)


def corners(control, start) -> list:
    """The settings of a control that are looked at: both ends of a range and its start, every choice."""
    if isinstance(control, tuple):
        low, high, *_ = control
        assert low <= start <= high
        return list(dict.fromkeys([low, start, high]))
    if isinstance(control, str):
        assert control == start
        return [start, ""]  # anything can be typed into a field for text
    choices = [True, False] if isinstance(control, bool) else list(control)
    assert start in choices
    return choices


def picture(draw, **settings) -> bytes:
    """The pixels of the figure, few of them: it has to be drawn without a warning, and to be told from others."""
    pixels = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw(**settings)
        figure.savefig(pixels, format="rgba", dpi=50)
    plt.close(figure)
    return pixels.getvalue()


@pytest.mark.parametrize(("lesson", "cells", "call"), list(explorations()))
def test_every_slider_moves_the_figure_as_far_as_it_goes(lesson, cells, call):
    draw, controls = arguments(lesson, cells, call)
    plots.use_style()
    parameters = inspect.signature(draw).parameters
    start = {name: parameters[name].default for name in controls}
    settings = {name: corners(control, start[name]) for name, control in controls.items()}

    def moves(name: str, **choice) -> bool:
        return len({picture(draw, **start | choice | {name: value}) for value in settings[name]}) == len(settings[name])

    for name in controls:
        others = [each for each, control in controls.items() if each != name and isinstance(control, list)]
        choices = ({each: value} for each in others for value in settings[each])
        assert moves(name) or any(moves(name, **choice) for choice in choices), f"{name} does nothing"
    for end in (0, -1):
        assert picture(draw, **{name: values[end] for name, values in settings.items()})
