"""Every figure of the course. A helper draws on axes it is given or makes a figure; `show` puts it into the lesson."""

from __future__ import annotations

import base64
import html
import io

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image

# Okabe and Ito (2008): eight colours that people with any colour vision can tell apart.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
CYCLE = [BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK]
GREY = "#8c8c8c"
# Negative blue, zero white, positive orange-red: for weights, scores and two classes.
DIVERGING = LinearSegmentedColormap.from_list("course", [BLUE, "#ffffff", VERMILION])

_PIXELS_PER_INCH = 160  # twice what the page shows, so that figures stay sharp on dense screens
_SHOWN_PER_INCH = 80


def use_style() -> None:
    """The look of every figure: white ground, few lines, colours anyone can tell apart."""
    matplotlib.rcParams.update(
        {
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "axes.prop_cycle": matplotlib.cycler(color=CYCLE),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 12,
            "axes.labelsize": 11,
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
            "legend.frameon": False,
            "legend.fontsize": 10,
            "lines.linewidth": 2,
            "image.cmap": "gray",
        }
    )


def show(figure: Figure, alt: str, colours: int = 256) -> None:
    """Put a figure into the notebook, with `alt` for those who cannot see it, and close it.

    colours: of the file, 256 at most; with fewer, sheets of noisy pictures become much smaller.

    Raises ValueError without an alternative text.
    """
    from IPython.display import display

    alt = require_description(alt)
    display(_Shown(picture(figure, alt, colours), alt))


class _Shown:
    """A figure in a notebook; in a console, its description.

    It is HTML because nothing else brings the description to its reader: JupyterLab and nbconvert leave out the
    metadata of a PNG. They take HTML before PNG, as Colab, VS Code and GitHub do; with both, a notebook would carry
    every picture twice and show one of them.
    """

    def __init__(self, markup: str, alt: str):
        self.markup, self.alt = markup, alt

    def _repr_html_(self) -> str:
        return self.markup

    def __repr__(self) -> str:
        return f"[figure: {self.alt}]"


def require_description(alt: str) -> str:
    """An alternative text on one line. Raises ValueError if it says nothing."""
    if not alt.strip():
        raise ValueError("A figure needs an alternative text: say in a sentence what it shows.")
    return " ".join(alt.split())


def picture(figure: Figure, alt: str, colours: int = 256) -> str:
    """The figure and its description as HTML; closes it."""
    width = round(figure.get_figwidth() * _SHOWN_PER_INCH)
    source = f"data:image/png;base64,{base64.b64encode(png(figure, colours)).decode()}"
    return f'<img alt="{html.escape(alt)}" width="{width}" style="max-width: 100%" src="{source}">'


def png(figure: Figure, colours: int = 256) -> bytes:
    """The figure as a small PNG: 256 colours are enough for it and make the notebooks three times smaller."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=_PIXELS_PER_INCH)
    plt.close(figure)
    small = io.BytesIO()
    _fewer_colours(Image.open(picture).convert("RGB"), colours).save(small, format="png", optimize=True)
    return small.getvalue()


def _fewer_colours(picture: Image.Image, colours: int) -> Image.Image:
    if colours >= 256:
        return picture.quantize(256)
    # Letters cover little: without room of its own in the palette, their black would become a dark colour of the rest.
    sample = picture.copy()
    strip = max(1, picture.height // 20)
    sample.paste("black", (0, 0, picture.width, strip))
    sample.paste("white", (0, strip, picture.width, 2 * strip))
    small = picture.quantize(palette=sample.quantize(colours), dither=Image.Dither.NONE)
    # The nearest colour is found roughly: the white ground of a figure would turn yellowish.
    corner, colours_used = small.getpixel((0, 0)), small.getpalette()
    colours_used[3 * corner : 3 * corner + 3] = picture.getpixel((0, 0))
    small.putpalette(colours_used)
    return small
