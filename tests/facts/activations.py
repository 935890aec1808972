"""Facts of lesson 07_activations."""

import numpy as np

from facts import recompute


@recompute("F003")
def largest_difference_between_the_slope_of_tanh_and_its_formula():
    import keras

    from course_lib.gradients import gradients

    inputs = np.linspace(-4, 4, 401)
    (slopes,) = gradients(lambda x: keras.ops.sum(keras.ops.tanh(x)), inputs)
    return np.abs(slopes - (1 - np.tanh(inputs) ** 2)).max()


@recompute("F410")
def the_chain_needs_its_weights():
    from course_lib.gradcheck import numerical_gradient
    from course_lib.layers import sigmoid

    def outputs(weights):
        signals = [0.8]
        for weight in weights:
            signals.append(sigmoid(np.array(weight * signals[-1])))
        return signals

    weights = np.array([1.3, -0.7, 0.9])
    nudged = numerical_gradient(lambda: float(outputs(weights)[-1]), weights)[0]
    x0, x1, x2, x3 = outputs(weights)
    slopes = x1 * (1 - x1) * x2 * (1 - x2) * x3 * (1 - x3)
    corrected, printed = slopes * weights[2] * weights[1] * x0, slopes * x2 * x1 * x0
    assert np.isclose(corrected, -0.005531, atol=1e-6) and np.isclose(printed, 0.002423, atol=1e-6)
    return abs(nudged - corrected) < 1e-8 < abs(nudged - printed)
