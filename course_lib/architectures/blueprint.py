"""A network on paper: its layers, shapes and parameter counts, with no memory for its weights."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import keras


def blueprint(build: Callable[..., keras.Model], *arguments, **options) -> keras.Model:
    """Return `build(*arguments, **options)` with weights that have shapes and no values.

    VGG-19 takes 4 s and up to 2 GB to build, its blueprint 0.2 s and 1 MB. A blueprint can be counted, summarised and
    drawn. It cannot be trained, and whatever it predicts is noise: each use of a weight draws it anew.

    >>> blueprint(vgg, "E").count_params()
    143667240
    """

    def draw():
        with keras.StatelessScope(initialize_variables=False):
            return build(*arguments, **options)

    # Keras keeps a list for each thread, of weights that still want values. This thread ends, and its list with it.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(draw).result()
