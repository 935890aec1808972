"""Lessons with trainings of two batches, for tests that ask whether code runs and not what comes of it."""

import ast

import keras
import numpy as np

from course_lib import layers

BATCHES = 2


def shorten(replace) -> None:
    """Let each pass of every `fit` see two batches; `replace` sets an attribute, as pytest's `monkeypatch.setattr`."""
    fit, plain_fit = keras.Model.fit, layers.Sequential.fit

    def short_fit(self, x=None, y=None, batch_size=None, **options):
        few = BATCHES * (batch_size or 32)
        return fit(self, *((x[:few], y[:few]) if isinstance(x, np.ndarray) else (x, y)), batch_size, **options)

    def short_plain_fit(self, x, y, *, batch_size=32, **options):
        few = BATCHES * batch_size
        return plain_fit(self, x[:few], y[:few], batch_size=batch_size, **options)

    replace(keras.Model, "fit", short_fit)
    replace(layers.Sequential, "fit", short_plain_fit)


class WithoutAsserts(ast.NodeTransformer):
    """What a lesson asserts of trainings does not hold of short ones."""

    def visit_Assert(self, node: ast.Assert) -> ast.Pass:
        return ast.copy_location(ast.Pass(), node)
