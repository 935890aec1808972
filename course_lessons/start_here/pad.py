"""A square to draw a digit on, with the mouse or a finger, and a place for the answer. See lesson 00.

No network and no package beside ipywidgets is needed, old (7.7, in Colab) or new: the canvas is plain HTML whose
handlers write the picture into a text field that is not shown, and ipywidgets carries what stands there to Python.
"""

from __future__ import annotations

import html
from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from course_lib.plots import picture, require_description

SIDE = 28  # of the picture that the network sees
MARKS = SIDE // 2  # of a line of marks: each is two pixels wide and two high
FRAME = 20  # of the square in its middle that the digits of MNIST fill
NO_PICTURE = "The answer appears here when you let go."
_SCALE = 10  # pixels of the canvas for one of the picture
_CLASS = "course-digit-pad"

# Each handler stands in an attribute, so that no script has to be run by whoever shows the page; `this` is the canvas.
_BEGIN = """
const c = this.getContext('2d'), s = this.width / this.clientWidth;
this.pen = true;
try { this.setPointerCapture(event.pointerId); } catch (gone) {}
c.strokeStyle = 'black'; c.lineWidth = 22; c.lineCap = c.lineJoin = 'round';
c.beginPath(); c.moveTo(event.offsetX * s, event.offsetY * s); c.lineTo(event.offsetX * s + 0.1, event.offsetY * s);
c.stroke(); event.preventDefault();
"""
_DRAW = """
if (!this.pen) return;
const c = this.getContext('2d'), s = this.width / this.clientWidth;
c.lineTo(event.offsetX * s, event.offsetY * s); c.stroke(); event.preventDefault();
"""
# How much of each square is inked, as two hexadecimal digits: only strokes cover the canvas, its ground shines through.
_SEND = """
if (!this.pen) return;
this.pen = false;
const n = this.width / SCALE, p = this.getContext('2d').getImageData(0, 0, this.width, this.height).data;
let told = '';
for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) {
  let sum = 0;
  for (let y = i * SCALE; y < (i + 1) * SCALE; y++)
    for (let x = j * SCALE; x < (j + 1) * SCALE; x++) sum += p[4 * (y * this.width + x) + 3];
  told += Math.round(sum / (SCALE * SCALE)).toString(16).padStart(2, '0');
}
const pad = this.closest('.PAD'), field = pad && pad.querySelector('input');
if (!field) {
  this.parentElement.querySelector('span').innerText = 'Nothing listens here: run this cell, or use the # above.';
  return;
}
field.value = told;
for (const what of ['input', 'change']) field.dispatchEvent(new Event(what, {bubbles: true}));
"""
_CLEAR = """
const canvas = this.parentElement.parentElement.querySelector('canvas');
canvas.getContext('2d').clearRect(0, 0, canvas.width, canvas.height); canvas.pen = true; canvas.onpointerup(event);
"""


def draw_and_ask(ask: Callable[[np.ndarray], Figure], alt: str):
    """A pad for the mouse, and beside it the figure that `ask` makes of what was drawn, `(28, 28, 1)` from 0 to 1.

    `alt` says what the figure shows to those who cannot see it; the titles of its panels are added to it. Returns the
    widget; as the last line of a cell it appears below.

    Raises ValueError without an alternative text.
    """
    import ipywidgets

    alt = require_description(alt)
    field = ipywidgets.Text(layout=ipywidgets.Layout(display="none"))
    answer = ipywidgets.HTML(NO_PICTURE, layout=ipywidgets.Layout(flex="1 1 400px", min_width="0"))

    def look(change) -> None:
        image = decoded(change["new"])
        if image is None or not image.any():
            answer.value = NO_PICTURE
            return
        figure = ask(image)
        told = "; ".join(axes.get_title().replace("\n", " ") for axes in figure.axes if axes.get_title())
        answer.value = picture(figure, f"{alt} Now: {told}.")

    field.observe(look, names="value")
    side_by_side = ipywidgets.Layout(display="flex", flex_flow="row wrap", align_items="flex-start")
    pad = ipywidgets.VBox([ipywidgets.HBox([ipywidgets.HTML(_canvas()), answer], layout=side_by_side), field])
    pad.add_class(_CLASS)
    return pad


def from_marks(drawn: str) -> np.ndarray:
    """A digit of `#` on dots or spaces as a picture, `(28, 28, 1)`: ink is 1. What is missing is paper.

    Raises ValueError if the drawing is larger than 14 lines of 14 marks.
    """
    lines = [line.rstrip() for line in drawn.strip("\n").splitlines()]
    longest = max(map(len, lines), default=0)
    if len(lines) > MARKS or longest > MARKS:
        raise ValueError(
            f"The drawing may have {MARKS} lines of {MARKS} marks; it has {len(lines)}, the longest of {longest}."
        )
    marks = [[mark == "#" for mark in line.ljust(MARKS)] for line in [*lines, *[""] * (MARKS - len(lines))]]
    return np.kron(np.array(marks, np.float32), np.ones((2, 2), np.float32))[:, :, None]


def decoded(text: str) -> np.ndarray | None:
    """The picture in what the canvas wrote, `(28, 28, 1)`; None if that is no picture."""
    try:
        values = np.frombuffer(bytes.fromhex(text), dtype=np.uint8)
    except ValueError:
        return None
    return (values.reshape(SIDE, SIDE, 1) / 255).astype(np.float32) if values.size == SIDE * SIDE else None


def _canvas() -> str:
    handlers = {"pointerdown": _BEGIN, "pointermove": _DRAW, "pointerup": _SEND, "pointercancel": _SEND}
    code = " ".join(f'on{event}="{_attribute(source)}"' for event, source in handlers.items())
    side, frame = SIDE * _SCALE, FRAME * _SCALE
    corner = (side - frame) // 2
    look = (
        f"box-sizing: content-box; width: {side}px; height: {side}px; border: 1px solid #777777; cursor: crosshair; "
        "touch-action: none; background: white linear-gradient(#e3eef6, #e3eef6) no-repeat "
        f"{corner}px {corner}px / {frame}px {frame}px"
    )
    return (
        f'<canvas width="{side}" height="{side}" role="img" aria-label="A white square to draw a digit on" '
        f'style="{look}" {code}></canvas>'
        f'<div><button onclick="{_attribute(_CLEAR)}">clear</button> <span></span></div>'
    )


def _attribute(source: str) -> str:
    return html.escape(" ".join(source.replace("SCALE", str(_SCALE)).replace("PAD", _CLASS).split()))
