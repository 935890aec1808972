"""What a figure looks like, for the tests."""

import base64
import io
import re

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from course_lib import plots
from course_lib.plots.charts import WIDEST


def pixels(figure: Figure) -> np.ndarray:
    """The figure as a notebook shows it: (height, width, 3), 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(plots.png(figure))).convert("RGB"))


def shown(markup: str) -> bytes:
    """The PNG in a picture as a notebook shows it."""
    return base64.b64decode(re.search('src="data:image/png;base64,([^"]*)"', markup)[1])


def first_picture(axes) -> np.ndarray:
    """The first picture on the axes."""
    return np.asarray(axes.images[0].get_array())


def all_fit_the_page() -> None:
    """Every figure that is open fits the page, is not blank, and can be drawn."""
    for number in plt.get_fignums():
        figure = plt.figure(number)
        assert figure.get_figwidth() <= WIDEST + 0.01
        assert pixels(figure).std() > 5
