"""Facts of lesson 03_single_neuron."""

import numpy as np

from facts import recompute


@recompute("F002")
def slope_of_the_sigmoid():
    import keras

    from course_lib.gradients import gradients
    from course_lib.layers import sigmoid

    sums = np.linspace(-8, 8, 161)
    (automatic,) = gradients(keras.ops.sigmoid, sums)
    return float(np.abs(automatic - sigmoid(sums) * (1 - sigmoid(sums))).max())
