"""Facts of lesson 05_mlp_backprop."""

from recompute import recompute


@recompute("F006")
def parameters_of_the_module_style_network():
    import keras

    layers = [keras.Input((784,)), keras.layers.Dense(512, activation="relu"), keras.layers.Dense(10)]
    return keras.Sequential(layers).count_params()
