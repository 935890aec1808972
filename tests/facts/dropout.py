"""Facts of lesson 16_dropout."""

import itertools

import numpy as np

from facts import recompute


@recompute("F348")
def training_mean_of_two_inputs_over_the_full_value():
    w, x = np.array([0.7, -1.3]), np.array([2.0, 0.4])
    masks = np.array(list(itertools.product([0, 1], repeat=2)))
    return np.mean((masks * x) @ w) / (x @ w)


@recompute("F349")
def factor_for_a_keep_probability_of_four_fifths():
    """What our own layer drops, without its scaling: mean of the masked output over the full output."""
    from course_lib.layers import Dropout

    layer = Dropout(0.2, np.random.default_rng(0))
    layer.training = True
    w, x = np.array([0.5, -1.0, 0.7, 0.1]), np.array([1.0, 2.0, -1.0, 3.0])
    stayed = layer.forward(np.ones((200_000, 4))) > 0
    return np.mean((stayed * x) @ w) / (x @ w)
