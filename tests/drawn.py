"""What a figure looks like, for the tests."""

import base64
import io
import re

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from course_lib import plots


def pixels(figure: Figure) -> np.ndarray:
    """The figure as a notebook shows it: (height, width, 3), 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(plots.png(figure))).convert("RGB"))


def shown(markup: str) -> bytes:
    """The PNG in a picture as a notebook shows it."""
    return base64.b64decode(re.search('src="data:image/png;base64,([^"]*)"', markup)[1])
