"""Things to play with: sliders that redraw a figure. What they call is a plain function that tests can call too."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from course_lib.plots import picture, require_description


def explore(draw: Callable, alt: str, **controls):
    """Sliders for `draw`, a function that makes a figure from keyword arguments.

    `alt` says what the figures show to those who cannot see them; the values of the controls are added to it.
    Each control is what `ipywidgets.interactive` takes: ``(low, high, step)``, a list of choices, or True and False.
    Returns the widget; as the last line of a cell it appears below. The defaults of `draw` are its start.

    Raises ValueError without an alternative text.
    """
    import ipywidgets

    alt = require_description(alt)
    shown = ipywidgets.HTML()  # ipywidgets.Image has no alternative text

    ready = False  # each slider that is put on its start below would otherwise draw a figure that nobody sees

    def redraw(**values):
        if ready:
            shown.value = picture(draw(**values), f"{alt} Now: {_now(sliders)}.")

    panel = ipywidgets.interactive(redraw, **controls)
    *sliders, errors = panel.children
    for slider in sliders:
        slider.value = inspect.signature(draw).parameters[slider.description].default
        slider.style.description_width = "110px"
    ready = True
    panel.update()
    return ipywidgets.VBox([*sliders, shown, errors])


def _now(sliders) -> str:
    """Names and values of the controls."""
    return ", ".join(f"{slider.description} {_spoken(getattr(slider, 'label', slider.value))}" for slider in sliders)


def _spoken(value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
