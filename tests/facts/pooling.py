"""Facts of lesson 12_pooling."""

import numpy as np

from facts import recompute


@recompute("F351")
def largest_difference_of_the_average_pooling_gradient_from_equal_shares():
    import keras

    from course_lib.gradients import gradients

    image = np.random.default_rng(0).normal(size=(1, 6, 6, 2)).astype("float32")
    differences = []
    for size in (2, 3):
        (gradient,) = gradients(lambda x, size=size: keras.ops.sum(keras.ops.average_pool(x, size)), image)
        differences.append(np.abs(gradient - 1 / (size * size)).max())
    return float(max(differences))


@recompute("F352")
def parameters_of_a_pooling_layer():
    import keras

    layer = keras.layers.MaxPooling2D(2)
    layer.build((None, 8, 8, 7))
    return layer.count_params()


@recompute("F353")
def depth_after_pooling_a_map_of_depth_7():
    import keras

    return keras.layers.MaxPooling2D(2).compute_output_shape((None, 8, 8, 7))[-1]
