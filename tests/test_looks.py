"""What a verdict looks like can be read: in every theme, and with the fonts of a plain Linux."""

import re
from itertools import product
from pathlib import Path

import matplotlib
import pytest
from matplotlib.ft2font import FT2Font

from course_lib.exercises import looks
from course_lib.exercises.judge import Verdict
from course_lib.exercises.show import Progress, hint_box, verdict_box
from course_tools.grading.pages import LOOKS

# JupyterLab light and dark, Colab dark (page and cell), VS Code light and dark, the pages of marks in both.
GROUNDS = ["#ffffff", "#111111", "#383838", "#1e1e1e", "#1f1f1f", "#f6f6f4", "#161616", "#222222"]
VERDICTS = [verdict_box(Verdict("predict", verdict, 1)) for verdict in looks.VERDICTS]


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_measured_as_wcag_does():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # WebAIM's example of just too little


@pytest.mark.parametrize("colour", looks.COLOURS.values())
def test_words_stand_out_from_their_colour_and_the_colour_from_every_ground(colour):
    assert contrast(looks.INK, colour) >= 4.5
    assert min(contrast(colour, ground) for ground in GROUNDS) >= 3  # what WCAG asks of a sign


@pytest.mark.parametrize(
    "box",
    [*VERDICTS, hint_box("predict", 1, 2, "Look."), Progress({str(name): name for name in looks.VERDICTS})],
    ids=lambda box: box.title,
)
def test_no_words_are_written_in_a_colour_on_an_unknown_ground(box):
    styles = re.findall(r'style="([^"]*)"', box._repr_html_())
    coloured = [style for style in styles if re.search(r"(^|;)color:", style)]
    assert coloured
    for style in coloured:
        declared = dict(part.split(":") for part in style.split(";"))
        assert contrast(declared["color"], declared["background-color"]) >= 4.5


@pytest.mark.parametrize(
    "look", [*LOOKS.values(), looks.NOT_CHECKED, looks.RUNNING, looks.hint(1, 2)], ids=lambda look: look.word
)
def test_plain_fonts_have_every_sign(look):
    known = FT2Font(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")).get_charmap()
    assert all(ord(letter) in known for letter in look.sign)


def test_no_two_verdicts_look_alike():
    for one, other in product(looks.VERDICTS.values(), repeat=2):
        assert (one is other) == (one.sign == other.sign) == (one.word == other.word)
