"""Facts of lesson 04_softmax_classifier."""

from facts import recompute


def _parameters_of_dense_3_on_4_inputs():
    import keras

    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).count_params()


@recompute("F007")
def tiny_classifier():
    return _parameters_of_dense_3_on_4_inputs()


@recompute("F008")
def softmax_regression():
    return _parameters_of_dense_3_on_4_inputs()
