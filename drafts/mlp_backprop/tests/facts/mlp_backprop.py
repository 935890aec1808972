"""Facts of lesson 05_mlp_backprop."""

from facts import recompute


@recompute("F006")
def parameters_of_the_module_style_network():
    import keras
    import numpy as np

    from course_lib.layers import Dense, ReLU, Sequential

    rng = np.random.default_rng(0)
    ours = Sequential([Dense(784, 512, rng), ReLU(), Dense(512, 10, rng)])
    twin = keras.Sequential([keras.Input((784,)), keras.layers.Dense(512, activation="relu"), keras.layers.Dense(10)])
    assert ours.count_parameters() == twin.count_params()
    return ours.count_parameters()
