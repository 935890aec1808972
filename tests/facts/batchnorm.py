"""Facts of lesson 15_batchnorm."""

import numpy as np

from facts import recompute


@recompute("F347")
def identity_by_batch_normalisation():
    from course_lib.layers import BatchNormalization

    x = np.random.default_rng(0).normal(3, 2, (64, 10))
    layer = BatchNormalization(10)
    layer.training = True
    layer.parameters = {"gamma": np.sqrt(x.var(axis=0) + layer.epsilon), "beta": x.mean(axis=0)}
    return float(np.abs(layer.forward(x) - x).max())
