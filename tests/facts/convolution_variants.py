"""Facts of lesson 10_convolution_variants."""

import functools

import numpy as np

from facts import recompute


@functools.cache
def _anatomies():
    """Of a plain 5 × 5 layer from 12 × 12 × 3 to 256 maps, and of the depthwise and the pointwise step."""
    import keras

    from course_lib.anatomy import anatomy

    plain = keras.Sequential([keras.Input((12, 12, 3)), keras.layers.Conv2D(256, 5, name="plain")])
    steps = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            keras.layers.DepthwiseConv2D(5, name="depthwise"),
            keras.layers.Conv2D(256, 1, name="pointwise"),
        ]
    )
    return anatomy(plain), anatomy(steps)


@recompute("F029")
def multiplications_of_the_plain_layer():
    return _anatomies()[0]["plain"].multiply_adds


@recompute("F030")
def multiplications_of_the_depthwise_step():
    return _anatomies()[1]["depthwise"].multiply_adds


@recompute("F031")
def multiplications_of_the_pointwise_step():
    return _anatomies()[1]["pointwise"].multiply_adds


@recompute("F032")
def multiplications_of_both_steps():
    return _anatomies()[1].total.multiply_adds


@recompute("F033")
def output_of_the_depthwise_step():
    import keras

    return tuple(keras.layers.DepthwiseConv2D(5)(np.zeros((1, 12, 12, 3), "float32")).shape[1:])


@recompute("F034")
def output_of_three_on_four():
    import keras

    return tuple(keras.layers.Conv2D(1, 3)(np.zeros((1, 4, 4, 1), "float32")).shape[1:3])


@recompute("F035")
def shape_of_the_matrix():
    """A column for each pixel: what the layer makes of a 1 there."""
    import keras

    layer = keras.layers.Conv2D(1, 3, use_bias=False, kernel_initializer="ones")
    columns = np.asarray(layer(np.eye(16, dtype="float32").reshape(16, 4, 4, 1))).reshape(16, -1)
    assert (np.count_nonzero(columns.T, axis=1) == 9).all()
    return columns.T.shape


@recompute("F150")
def shape_of_a_1x1_filter():
    import keras

    layer = keras.layers.Conv2D(32, 1)
    layer.build((None, 8, 8, 64))
    assert layer.count_params() == 2080
    return tuple(layer.kernel.shape[:3])
