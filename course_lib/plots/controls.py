"""Things to play with: sliders that redraw a figure. What they call is a plain function that tests can call too."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from course_lib.plots import png


def explore(draw: Callable, **controls):
    """Sliders for `draw`, a function that makes a figure from keyword arguments.

    Each control is what `ipywidgets.interactive` takes: ``(low, high, step)``, a list of choices, or True and False.
    Returns the widget; as the last line of a cell it appears below. The defaults of `draw` are its start.
    """
    import ipywidgets

    picture = ipywidgets.Image(format="png", layout=ipywidgets.Layout(max_width="100%", object_fit="contain"))

    ready = False  # each slider that is put on its start below would otherwise draw a figure that nobody sees

    def redraw(**values):
        if not ready:
            return
        figure = draw(**values)
        picture.width = round(figure.get_figwidth() * 80)
        picture.value = png(figure)

    panel = ipywidgets.interactive(redraw, **controls)
    *sliders, errors = panel.children
    for slider in sliders:
        slider.value = inspect.signature(draw).parameters[slider.description].default
        slider.style.description_width = "110px"
    ready = True
    panel.update()
    return ipywidgets.VBox([*sliders, picture, errors])
